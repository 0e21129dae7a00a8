"""Where a session is used from."""

from ipaddress import ip_interface, ip_network
from typing import Final, Self

import attrs

from sellout_core import values
from sellout_core.values import ruled

__all__ = ["MAX_DEVICE", "UNKNOWN_ORIGIN", "SessionOrigin"]

MAX_DEVICE: Final = 200
"""The maximum length of the name of a device, in characters."""

_MAX_NETWORK: Final = 50
"""More than any network of IPv6 has, in characters."""


@attrs.frozen
class SessionOrigin:
    """The device and the network from which a user logs in or refreshes a session.

    Attributes:
        device: The name that the client gives itself. Empty: it gives none.
        network: The network of the client. Empty: it is unknown.

    Raises:
        InvalidFields: a text is over its limit.
    """

    device: str = ruled(values.text(MAX_DEVICE), default="")
    network: str = ruled(values.text(_MAX_NETWORK), default="")

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    @classmethod
    def of(cls, device: str, address: str) -> Self:
        """The origin of a request.

        Args:
            device: The name that the client gives itself, of any length. The printable ASCII characters among its first
                200 are stored.
            address: An IP address, or a network of IPv6. The /24 network of IPv4 or the /48 network of IPv6 is stored,
                which tells the town, and not the household.
        """
        shown = "".join(character for character in device[:MAX_DEVICE] if " " <= character <= "~")
        return cls(shown.strip(), _coarse(address))


def _coarse(address: str) -> str:
    try:
        host = ip_interface(address).ip
    except ValueError:
        return ""
    return str(ip_network((int(host) >> 80 << 80, 48) if host.version == 6 else (int(host) >> 8 << 8, 24)))


UNKNOWN_ORIGIN: Final = SessionOrigin()
