"""Counters of attempts, for rate limits."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import bindparam, case, delete, or_, update

from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.schema.shop_tables import counters
from sellout_adapters.sql.schema.types import UtcTime
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.ports.store import Count

_NOW: Final = bindparam("now", type_=UtcTime)
_UNTIL: Final = bindparam("until", type_=UtcTime)
_LATEST: Final = bindparam("latest", type_=UtcTime)
# A count that ends later than a new one could is from before the clock was set back.
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
_DELETE_ENDED: Final = delete(counters).where(counters.c.ends_at <= _NOW)


class SqlCounters:
    """`ports.Counters`: one row for each count, which one statement updates."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """One statement, which waits for others that count under the key."""
        [row] = self._session.rows(
            _ADD, {"counted": key, "now": now, "until": now + window, "latest": now + 2 * window}
        )
        return Count(row.number, row.ends_at)

    def take_back(self, key: str, count: Count) -> None:
        """One statement."""
        self._session.run(_TAKE_BACK, {"counted": key, "until": count.ends_at})

    def delete_ended(self, now: datetime) -> None:
        """One statement."""
        self._session.run(_DELETE_ENDED, {"now": now})
