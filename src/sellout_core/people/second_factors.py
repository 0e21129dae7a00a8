"""The second factor of an account: time-based one-time codes (RFC 6238), and recovery codes."""

import re
from base64 import b32encode
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode
from sellout_core.people.identity import fingerprint_of
from sellout_core.values import UserId, ruled

__all__ = ["MAX_CODE", "RECOVERY_CODES", "Enrolment", "SecondFactor", "SecondFactorCode", "new_recovery_codes"]

RECOVERY_CODES: Final = 10
"""The number of recovery codes that a user gets at once."""

MAX_CODE: Final = 27
"""The number of characters of a recovery code. A one-time code has 6."""

_ONE_TIME_CODE: Final = re.compile(r"[0-9]{6}")
_RECOVERY_CODE: Final = re.compile(r"[A-Za-z2-7]{6}(?:-[A-Za-z2-7]{6}){3}")
_RANDOM_DIGITS: Final = 30


def _form(value: str) -> Fault | None:
    if _ONE_TIME_CODE.fullmatch(value) or _RECOVERY_CODE.fullmatch(value):
        return None
    return Fault("must be six digits, or a recovery code", FieldCode.MALFORMED)


@attrs.frozen
class SecondFactorCode:
    """A code that a user sends: a one-time code of six digits in ASCII, or a recovery code: four groups of six
    characters of base32 in any case, with hyphens between them.

    Raises:
        InvalidFields: it has the form of neither.
    """

    entered: str = ruled(_form, repr=False)

    def __attrs_post_init__(self) -> None:
        """Checks the form."""
        values.enforce(self)

    @property
    def is_one_time(self) -> bool:
        """Whether it is a one-time code."""
        return len(self.entered) < MAX_CODE

    @property
    def fingerprint(self) -> str:
        """The hash that stands for a recovery code in the store. The code has 120 random bits, so the hash needs no
        salt.
        """
        return fingerprint_of(self.entered.upper())


@attrs.frozen
class SecondFactor:
    """The second factor of a user.

    Attributes:
        user_id: The user.
        secret: The shared secret, in base32.
        is_on: Whether the user has confirmed it with a code. Until then, a log-in needs no code.
        last_step: The time step of the last code that was used. Codes of that step and of earlier ones are refused.
        recovery_codes: The number of recovery codes that were not used.
    """

    user_id: UserId
    secret: str = attrs.field(repr=False)
    is_on: bool = False
    last_step: int = 0
    recovery_codes: int = 0


@attrs.frozen
class Enrolment:
    """A secret that waits for its confirmation.

    Attributes:
        secret: The secret, in base32.
        uri: The `otpauth` URI of the secret, which authenticator apps read from a QR code.
    """

    secret: str = attrs.field(repr=False)
    uri: str = attrs.field(repr=False)


def new_recovery_codes(random_id: Callable[[], str]) -> Sequence[str]:
    """Ten recovery codes of 120 bits. `random_id` returns 16 random hexadecimal digits."""
    return [_recovery_code((random_id() + random_id())[:_RANDOM_DIGITS]) for _ in range(RECOVERY_CODES)]


def _recovery_code(digits: str) -> str:
    text = b32encode(bytes.fromhex(digits)).decode()
    return "-".join(text[start : start + 6] for start in range(0, len(text), 6))
