"""Second factors and recovery codes."""

from collections.abc import Collection
from typing import Final

import attrs
from sqlalchemy import bindparam, delete, func, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.schema.tables.identity import recovery_codes, second_factors
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.people.second_factors import SecondFactor
from sellout_core.values import UserId

_FACTOR: Final = select(
    *(second_factors.c[name] for name in ("user_id", "secret", "is_on", "last_step")),
    select(func.count())
    .where(recovery_codes.c.user_id == second_factors.c.user_id)
    .scalar_subquery()
    .label("recovery_codes"),
).where(among(second_factors.c.user_id, AMONG_IDS))
_SAVE: Final = (save := insert_or(second_factors)).on_conflict_do_update(
    index_elements=[second_factors.c.user_id],
    set_={name: save.excluded[name] for name in ("secret", "is_on", "last_step")},
)
_USE_STEP: Final = (
    update(second_factors)
    .where(
        second_factors.c.user_id == bindparam("owner_id"),
        second_factors.c.is_on,
        second_factors.c.last_step < bindparam("step"),
    )
    .values(last_step=bindparam("step"))
)
_DELETE: Final = delete(second_factors).where(second_factors.c.user_id == bindparam("owner_id"))
_DELETE_CODES: Final = delete(recovery_codes).where(recovery_codes.c.user_id == bindparam("owner_id"))
_TAKE_CODE: Final = _DELETE_CODES.where(recovery_codes.c.fingerprint == bindparam("used"))


@attrs.frozen
class SqlSecondFactors:
    """`ports.SecondFactors`."""

    _session: DatabaseSession

    def of(self, user_id: UserId) -> SecondFactor | None:
        """One statement."""
        rows = self._session.rows_among(_FACTOR, [user_id], key="user_id")
        return next((SecondFactor(*row) for row in rows), None)

    def save(self, factor: SecondFactor) -> None:
        """One statement."""
        values = attrs.asdict(factor)
        del values["recovery_codes"]
        self._session.run(_SAVE, values)

    def use_step(self, user_id: UserId, step: int) -> bool:
        """One statement, which changes no row if the step is not later."""
        return self._session.run(_USE_STEP, {"owner_id": user_id, "step": step}) > 0

    def replace_recovery_codes(self, user_id: UserId, fingerprints: Collection[str]) -> None:
        """Two statements."""
        self._session.run(_DELETE_CODES, {"owner_id": user_id})
        owners = [user_id] * len(fingerprints)
        self._session.add(recovery_codes, {"user_id": owners, "fingerprint": list(fingerprints)})

    def take_recovery_code(self, user_id: UserId, fingerprint: str) -> bool:
        """One statement."""
        return self._session.run(_TAKE_CODE, {"owner_id": user_id, "used": fingerprint}) > 0

    def delete(self, user_id: UserId) -> bool:
        """Two statements: the recovery codes refer to the second factor."""
        self._session.run(_DELETE_CODES, {"owner_id": user_id})
        return self._session.run(_DELETE, {"owner_id": user_id}) > 0
