"""Counters of attempts, for rate limits."""

from datetime import datetime, timedelta
from typing import Final

import attrs
from sqlalchemy import bindparam, case, or_, update

from sellout_adapters.sql.schema.inserts import delete_oldest, insert_or
from sellout_adapters.sql.schema.tables.shop import counters
from sellout_adapters.sql.schema.types import UtcTime
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.ports.store import Count

_NOW: Final = bindparam("now", type_=UtcTime)
_UNTIL: Final = bindparam("until", type_=UtcTime)
_LATEST: Final = bindparam("latest", type_=UtcTime)
# A window that ends after the latest possible end began before the clock was set back.
_over: Final = or_(counters.c.ends_at <= _NOW, counters.c.ends_at > _LATEST)
_ADD: Final = (
    insert_or(counters)
    .values(key=bindparam("counted"), number=1, ends_at=_UNTIL)
    .on_conflict_do_update(
        index_elements=[counters.c.key],
        set_={
            "number": case((_over, 1), else_=counters.c.number + 1),
            "ends_at": case((_over, _UNTIL), else_=counters.c.ends_at),
        },
    )
    .returning(counters.c.number, counters.c.ends_at)
)
_TAKE_BACK: Final = (
    update(counters)
    .where(counters.c.key == bindparam("counted"), counters.c.ends_at == bindparam("until", type_=UtcTime))
    .values(number=counters.c.number - 1)
)
_DELETE_ENDED: Final = delete_oldest(counters, counters.c.ends_at)


@attrs.frozen
class SqlCounters:
    """`ports.Counters`, one row for each key."""

    _session: DatabaseSession

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """One statement. Concurrent transactions with the same key wait."""
        [row] = self._session.rows(
            _ADD, {"counted": key, "now": now, "until": now + window, "latest": now + 2 * window}
        )
        return Count(row.number, row.ends_at)

    def take_back(self, key: str, count: Count) -> None:
        """One statement."""
        self._session.run(_TAKE_BACK, {"counted": key, "until": count.ends_at})

    def delete_ended(self, now: datetime, limit: int) -> int:
        """One statement."""
        return len(self._session.rows(_DELETE_ENDED, {"by": now, "limit": limit}))
