"""Ports of passwords, tokens and randomness."""

from typing import Protocol

from sellout_core.accounts import (
    Claims,
)


class Passwords(Protocol):
    """Password hashing."""

    def hash(self, password: str) -> str:
        """A salted hash of the password."""

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's. Takes as long for None, which no password matches, as for any hash."""

    def is_current(self, password_hash: str) -> bool:
        """Whether `hash` would make such a hash today."""

    def is_common(self, password: str) -> bool:
        """Whether so many people use the password that it is among the first to be guessed."""


class Tokens(Protocol):
    """Signed tokens (docs/http-contract.md#tokens)."""

    def sign(self, claims: Claims) -> str:
        """The claims as a token; times keep whole seconds."""

    def read(self, token: str) -> Claims:
        """The claims of a token that this port signed.

        Raises:
            Unauthenticated: it is malformed, expired, or signed otherwise.
        """


class Randomness(Protocol):
    """Unpredictable ids."""

    def __call__(self) -> str:
        """16 hexadecimal digits that cannot be guessed."""
