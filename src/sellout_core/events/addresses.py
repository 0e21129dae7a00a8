"""Which addresses the shop sends events to: none of its own network, unless the shop allows them (OWASP, Server-Side
Request Forgery Prevention).
"""

import ipaddress
import re
from typing import Final

from sellout_core import values
from sellout_core.errors import Fault, FieldCode

__all__ = ["is_public", "target_fault"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
"""Addresses that have an IPv4 address in their last 32 bits (RFC 6052, section 2.1)."""

# RFC 3986, without a user and a fragment.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[\w.-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?:[/?][\w./?:@!$&'()*+,;=%~-]*)?",
    re.ASCII,
)
_MAX_PORT: Final = 65_535
_HOST_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OWN_NAMES: Final = ("localhost", "local", "internal")
"""The last labels of names that never lead to the internet (RFC 6761, RFC 6762, and ICANN's `.internal`)."""


def is_public(text: str) -> bool:
    """Whether an IP address, as text, is one of the internet, also the IPv4 address within an IPv6 address."""
    try:
        address: _Address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(address)
    is_site_local = isinstance(inner, ipaddress.IPv6Address) and inner.is_site_local
    return inner.is_global and not (inner.is_multicast or inner.is_reserved or is_site_local)


def target_fault(url: str, *, allow_private: bool) -> Fault | None:
    """The fault of an address that events are to be sent to. None: it has none.

    Args:
        url: The address.
        allow_private: Whether it may lead to a private network, and use HTTP without TLS.
    """
    if len(url) > values.MAX_LINK:
        return Fault(f"must be at most {values.MAX_LINK} characters long", FieldCode.TOO_LONG)
    parts = _URL.fullmatch(url)
    if parts is None or not 0 < int(parts["port"] or 1) <= _MAX_PORT:
        return Fault("must be an https:// URL in ASCII without a user and a fragment", FieldCode.MALFORMED)
    if allow_private:
        return None
    if parts["scheme"] != "https":
        return Fault("must begin with https://", FieldCode.MALFORMED)
    return _host_fault(parts["host"].lower().strip("[]"))


def _host_fault(host: str) -> Fault | None:
    if ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None:
        # Other spellings of an IPv4 address, such as `127.1`, are no addresses here.
        public = is_public(host)
    else:
        name = host.rstrip(".")
        public = _HOST_NAME.fullmatch(name) is not None and name.rpartition(".")[2] not in _OWN_NAMES
    return None if public else Fault("must not lead to a private network", FieldCode.NOT_ONE_OF)


def _inner(address: _Address) -> _Address:
    """The IPv4 address within an IPv6 address, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (address,))[-1]
