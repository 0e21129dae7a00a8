"""Who is at the other end of a connection, when proxies that are known stand in between."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import attrs

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_IPV6_SITE: Final = 64
_MOST: Final = 4096
"""How many addresses are remembered: whoever asks usually asks again."""


@attrs.frozen
class Client:
    """Where a request comes from. `network` is the address, or the part of an IPv6 address that its holder cannot
    change at will; `secure` says whether it came over TLS. Both texts are empty where the server knows no address.
    """

    address: str
    network: str
    secure: bool


@attrs.frozen
class Proxies:
    """The proxies whose word on their clients is taken: `X-Forwarded-For` and `X-Forwarded-Proto`."""

    trusted: Sequence[Network] = ()

    def client(self, scope: Mapping[str, Any]) -> Client:
        """Who sent a request: the last of the chain of addresses that no proxy of ours stands for."""
        peer = scope.get("client")
        address = _address(peer[0]) if peer else None
        if address is None:
            return Client("", "", secure=False)
        secure = scope.get("scheme") == "https"
        if self.trusted and self._trusts(address):
            secure = secure or _last(scope, b"x-forwarded-proto") == "https"
            for sent in reversed(_listed(scope, b"x-forwarded-for")):
                before = _address(sent)
                if before is None:
                    break
                address = before
                if not self._trusts(address):
                    break
        return Client(str(address), _network(address), secure)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)


def _listed(scope: Mapping[str, Any], name: bytes) -> list[str]:
    sent = b",".join(value for key, value in scope["headers"] if key.lower() == name)
    return [part.strip() for part in sent.decode("latin-1").split(",")] if sent else []


def _last(scope: Mapping[str, Any], name: bytes) -> str:
    return next(reversed(_listed(scope, name)), "")


@lru_cache(_MOST)
def _address(text: str) -> Address | None:
    """The address that a text is, some proxies adding a port; None if it is none."""
    host = text[1:].partition("]")[0] if text.startswith("[") else text
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


@lru_cache(_MOST)
def _network(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))
