"""Ports of passwords, tokens and randomness."""

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


class Randomness(Protocol):
    """Unpredictable ids."""

    def __call__(self) -> str:
        """16 random hexadecimal digits."""
