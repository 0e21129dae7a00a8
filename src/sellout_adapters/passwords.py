"""Password hashing with argon2id, and the list of common passwords."""

import gzip
from functools import cache
from importlib import resources

from sellout_adapters.extras import naming_extras
from sellout_core.values import composed, fold

with naming_extras():
    from argon2 import PasswordHasher, extract_parameters
    from argon2.exceptions import InvalidHashError, VerificationError

TIME_COST = 2
MEMORY_KIB = 19 * 1024
PARALLELISM = 1
_LEAST_KIB = 8  # argon2 takes no less for a lane

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
        self._highest_cost = time_cost * memory_kib

    def hash(self, password: str) -> str:
        """A salted hash of the password."""
        return self._hasher.hash(_bytes(password))

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's. A refusal takes the work of the costliest hash so far, also for None,
        which no password matches, and for a hash of other parameters.
        """
        stored = password_hash or self._decoy_hash
        try:
            matches = self._hasher.verify(stored, _bytes(password)) and password_hash is not None
        except (VerificationError, InvalidHashError):
            matches = False
        if not matches:
            self._work_as_the_costliest(stored)
        return matches

    def _work_as_the_costliest(self, stored: str) -> None:
        """Does the work that a hash of the highest cost takes beyond this one. Argon2's time is proportional to the
        passes multiplied by the memory.
        """
        try:
            parameters = extract_parameters(stored)
            cost = parameters.time_cost * parameters.memory_cost
        except InvalidHashError:
            cost = 0
        self._highest_cost = max(self._highest_cost, cost)
        passes, memory = divmod(self._highest_cost - cost, self._hasher.memory_cost)
        if passes:
            PasswordHasher(passes, self._hasher.memory_cost, self._hasher.parallelism).hash(b"")
        if memory >= _LEAST_KIB:
            PasswordHasher(1, memory, 1).hash(b"")

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
