"""Time-based one-time codes with pyotp."""

from datetime import datetime
from typing import Final

from sellout_adapters.extras import naming_extras

with naming_extras():
    import pyotp
    from pyotp.exceptions import OTPVerificationError

ISSUER: Final = "SellOut"
_STEPS_OF_DRIFT: Final = 1
"""The clock of a telephone may differ by this number of time steps (RFC 6238, section 5.2)."""


class TotpCodes:
    """`ports.OneTimeCodes` with the parameters that all authenticator apps support: HMAC-SHA-1, six digits, steps of 30
    seconds.

    Args:
        issuer: The name of the shop in authenticator apps.
    """

    def __init__(self, issuer: str = ISSUER) -> None:
        self._issuer = issuer

    def new_secret(self) -> str:
        """160 bits from the operating system's source of randomness, in base32."""
        return pyotp.random_base32()

    def step_of(self, code: str, secret: str, now: datetime) -> int | None:
        """The time step of a code. The comparison takes the same time for every wrong code."""
        try:
            return pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=_STEPS_OF_DRIFT)
        except OTPVerificationError:
            return None

    def uri(self, secret: str, username: str) -> str:
        """The URI of a secret, with the issuer and the username as its label."""
        return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=self._issuer)
