"""Ports of passwords, tokens, one-time codes and randomness."""

from datetime import datetime
from typing import Protocol

from sellout_core.people.accounts import Claims


class Passwords(Protocol):
    """Password hashing."""

    def hash(self, password: str) -> str:
        """A salted hash of the password."""

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the hash is of the password. None matches no password, and takes as long as a hash."""

    def is_current(self, password_hash: str) -> bool:
        """Whether the hash has the parameters that `hash` uses now."""

    def is_common(self, password: str) -> bool:
        """Whether the password is in a list of common passwords."""


class Tokens(Protocol):
    """Signed tokens (docs/http-contract.md#tokens)."""

    def sign(self, claims: Claims) -> str:
        """The claims as a token. Times are truncated to seconds."""

    def read(self, token: str) -> Claims:
        """The claims of a token that this port signed.

        Raises:
            Unauthenticated: the token is malformed, expired, or signed with another key.
        """


class OneTimeCodes(Protocol):
    """Time-based one-time codes (RFC 6238) of six digits. A time step is 30 seconds."""

    def new_secret(self) -> str:
        """A random secret of 160 bits, in base32."""

    def step_of(self, code: str, secret: str, now: datetime) -> int | None:
        """The number of the time step that a code of six digits belongs to. None: it is neither of the step of `now`
        nor of the step before or after it.
        """

    def uri(self, secret: str, username: str) -> str:
        """The `otpauth` URI of a secret."""


class Randomness(Protocol):
    """Unpredictable ids."""

    def __call__(self) -> str:
        """16 random hexadecimal digits."""
