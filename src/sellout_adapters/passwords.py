"""Passwords hashed with argon2id, and those that everybody uses."""

import gzip
from functools import cache
from importlib import resources

from sellout_adapters.extras import naming_extras
from sellout_core.values import composed, fold

with naming_extras():
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1

# The keys of a Russian keyboard, and what they write on an English one.
_KEYS = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`")


class Argon2Passwords:
    """`ports.Passwords` with argon2id, by default at OWASP's cost (2 passes over 19 MiB in one lane).

    Every call that hashes takes the processor for about 20 ms: keep it off an event loop.
    """

    def __init__(
        self, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB, parallelism: int = PARALLELISM
    ) -> None:
        """Takes argon2's parameters: passes, memory in KiB, lanes."""
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._decoy_hash = self._hasher.hash(b"a decoy")

    def hash(self, password: str) -> str:
        """A salted hash of the password."""
        return self._hasher.hash(_bytes(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's; the same work for None, which no password matches."""
        try:
            matches = self._hasher.verify(password_hash or self._decoy_hash, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return matches and password_hash is not None

    def is_current(self, password_hash: str) -> bool:
        """Whether the hash was made with these parameters."""
        return not self._hasher.check_needs_rehash(password_hash)

    def is_common(self, password: str) -> bool:
        """Whether the password, in any case of its letters, is on the list, or what its keys write on an English
        keyboard is.
        """
        folded = fold(password)
        return not {folded, folded.translate(_KEYS)}.isdisjoint(_common())


@cache
def _common() -> frozenset[str]:
    packed = resources.files("sellout_adapters").joinpath("common_passwords.txt.gz").read_bytes()
    return frozenset(gzip.decompress(packed).decode().split("\n"))


def _bytes(password: str) -> bytes:
    return composed(password).encode("utf-8", "surrogatepass")
