"""Passwords hashed with argon2id."""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1


class Argon2Passwords:
    """`ports.Passwords` with argon2id, by default at OWASP's cost (2 passes over 19 MiB in one lane).

    Text is put into Unicode's composed form first, so that a password typed on another keyboard is the same one
    (RFC 8265, section 4.2). Every call takes the processor for about 20 ms: keep it off an event loop.
    """

    def __init__(
        self, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB, parallelism: int = PARALLELISM
    ) -> None:
        """Takes argon2's parameters: passes, memory in KiB, lanes."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._nobodys_hash = self._hasher.hash(b"nobody's password")

    def hash(self, password: str) -> str:
        """A salted hash of the password."""
        return self._hasher.hash(_composed(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's; the same work for None, which no password matches."""
        try:
            matches = self._hasher.verify(password_hash or self._nobodys_hash, _composed(password))
        except (VerificationError, InvalidHashError):
            return False
        return matches and password_hash is not None


def _composed(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
