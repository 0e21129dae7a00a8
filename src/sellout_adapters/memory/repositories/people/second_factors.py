"""Second factors and recovery codes in memory."""

from collections.abc import Collection, Sequence

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_core.people.second_factors import SecondFactor
from sellout_core.values import UserId


class SecondFactors(Repository):
    """`ports.SecondFactors`."""

    def of(self, user_id: UserId) -> SecondFactor | None:
        """The user's second factor."""
        factor = self._tables.second_factors.get(user_id)
        return None if factor is None else attrs.evolve(factor, recovery_codes=len(self._codes_of(user_id)))

    def save(self, factor: SecondFactor) -> None:
        """Writes a second factor."""
        self._tables.second_factors.put(factor.user_id, factor)

    def use_step(self, user_id: UserId, step: int) -> bool:
        """Uses a time step."""
        factor = self._tables.second_factors.get(user_id)
        if factor is None or not factor.is_on or factor.last_step >= step:
            return False
        self._tables.second_factors.put(user_id, attrs.evolve(factor, last_step=step))
        return True

    def replace_recovery_codes(self, user_id: UserId, fingerprints: Collection[str]) -> None:
        """Replaces recovery codes."""
        for key in self._codes_of(user_id):
            self._tables.recovery_codes.drop(key)
        for fingerprint in fingerprints:
            self._tables.recovery_codes.put((user_id, fingerprint), True)

    def take_recovery_code(self, user_id: UserId, fingerprint: str) -> bool:
        """Deletes a recovery code."""
        return self._tables.recovery_codes.drop((user_id, fingerprint))

    def delete(self, user_id: UserId) -> bool:
        """Deletes the second factor with its recovery codes."""
        self.replace_recovery_codes(user_id, ())
        return self._tables.second_factors.drop(user_id)

    def _codes_of(self, user_id: UserId) -> Sequence[tuple[UserId, str]]:
        return [key for key in self._tables.recovery_codes if key[0] == user_id]
