"""The port of second factors."""

from collections.abc import Collection
from typing import Protocol

from sellout_core.people.second_factors import SecondFactor
from sellout_core.values import UserId

__all__ = ["SecondFactors"]


class SecondFactors(Protocol):
    """Second factors and recovery codes. Writes are for users obtained from `Users.for_update`."""

    def of(self, user_id: UserId) -> SecondFactor | None:
        """The user's second factor, whether on or not, with the number of recovery codes."""

    def save(self, factor: SecondFactor) -> None:
        """Writes a second factor, but not the recovery codes. Replaces the one that the user had."""

    def use_step(self, user_id: UserId, step: int) -> bool:
        """Sets `last_step` to a later time step. Of concurrent transactions, one does so for each step. False: the
        second factor is not on, or that step or a later one was used.
        """

    def replace_recovery_codes(self, user_id: UserId, fingerprints: Collection[str]) -> None:
        """Replaces the recovery codes of a user with a second factor by those with these fingerprints."""

    def take_recovery_code(self, user_id: UserId, fingerprint: str) -> bool:
        """Deletes a recovery code of the user. Of concurrent transactions, one does so. False: it did not exist."""

    def delete(self, user_id: UserId) -> bool:
        """Deletes the second factor and the recovery codes of the user. False: there was no second factor."""
