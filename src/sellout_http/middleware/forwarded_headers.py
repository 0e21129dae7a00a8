"""Finds the address and the scheme of the client. Trusted proxies send them in headers."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

import attrs

from sellout_http.runtime.asgi import CLIENT, Application, Headers, Receive, Scope, Send, header_values

IpNetwork = IPv4Network | IPv6Network
IpAddress = IPv4Address | IPv6Address
_IPV6_SITE: Final = 64
_CACHED: Final = 4096
"""The maximum number of cached addresses."""


@attrs.frozen
class Client:
    """The sender of a request.

    Attributes:
        address: The IP address. Empty: the server does not know it.
        network: The IPv4 address, or the /64 network of an IPv6 address. Clients can choose their address within it.
        secure: Whether the client used TLS.
    """

    address: str
    network: str
    secure: bool


@attrs.frozen
class Proxies:
    """The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted."""

    trusted: Sequence[IpNetwork] = ()

    def client(self, scope: Scope) -> Client:
        """The sender of a request: the last address in `X-Forwarded-For` that is not a trusted proxy."""
        peer = scope.get("client")
        address = _address(peer[0]) if peer else None
        if address is None:
            return Client("", "", secure=False)
        secure = scope.get("scheme") == "https"
        if self.trusted and self._trusts(address):
            secure = secure or _list_items(scope["headers"], "x-forwarded-proto")[-1:] == ["https"]
            for sent in reversed(_list_items(scope["headers"], "x-forwarded-for")):
                before = _address(sent)
                if before is None:
                    break
                address = before
                if not self._trusts(address):
                    break
        return Client(str(address), _network(address), secure)

    def untrusted(self, address: str) -> str | None:
        """The network of a client that is connected without a proxy (`Client.network`). None: a trusted proxy has the
        address, or the text is not an address.
        """
        parsed = _address(address)
        return None if parsed is None or self._trusts(parsed) else _network(parsed)

    def _trusts(self, address: IpAddress) -> bool:
        return any(address in network for network in self.trusted)


@attrs.frozen
class ForwardedHeadersMiddleware:
    """Adds the `Client` to the scope of a request."""

    _app: Application
    _proxies: Proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes an HTTP request on."""
        await self._app({**scope, CLIENT: self._proxies.client(scope)}, receive, send)


def _list_items(headers: Headers, name: str) -> list[str]:
    """The items of a header that is a list (RFC 9110, section 5.6.1)."""
    return [item.strip() for line in header_values(headers, name) for item in line.split(",")]


@lru_cache(_CACHED)
def _address(text: str) -> IpAddress | None:
    """The address in a text, which may end with a port. None: the text is not an address."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(_CACHED)
def _network(address: IpAddress) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))
