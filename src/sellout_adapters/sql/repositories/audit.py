"""The audit."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import attrs
from sqlalchemy import Select, bindparam, select

from sellout_adapters.sql.schema.tables.shop import audit
from sellout_adapters.sql.schema.types import Id, UtcTime, askable_after
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.audit import AuditEntry, AuditQuery, AuditValue, FieldChange, NewAuditEntry

_CONDITIONS: Final = {
    "kind": audit.c.kind == bindparam("kind"),
    "object_id": audit.c.object_id == bindparam("object_id", type_=Id()),
    "actor_id": audit.c.actor_id == bindparam("actor_id", type_=Id()),
    "since": audit.c.at >= bindparam("since", type_=UtcTime()),
    "until": audit.c.at < bindparam("until", type_=UtcTime()),
}


@cache
def _after(fields: frozenset[str]) -> Select[Any]:
    conditions = [condition for field, condition in _CONDITIONS.items() if field in fields]
    later = audit.c.id > bindparam("after")
    return select(audit).where(later, *conditions).order_by(audit.c.id).limit(bindparam("limit"))


@attrs.frozen
class SqlAudit:
    """`ports.Audit`."""

    _session: DatabaseSession

    def add(self, entries: Sequence[NewAuditEntry]) -> None:
        """One statement for the ids, and one for the rows."""
        columns: dict[str, list[Any]] = {field.name: [] for field in attrs.fields(NewAuditEntry)}
        for entry in entries:
            for name, values in columns.items():
                value = getattr(entry, name)
                values.append(_stored(value) if name == "changes" else value)
        self._session.add_with_ids(audit, columns)

    def after(self, query: AuditQuery, entry_id: int, limit: int) -> Sequence[AuditEntry]:
        """One statement."""
        given = {name: value for name, value in attrs.asdict(query).items() if value is not None}
        window = {"after": askable_after(entry_id), "limit": limit}
        return list(map(_entry, self._session.rows(_after(frozenset(given)), given | window)))


def _stored(changes: Mapping[str, FieldChange]) -> dict[str, list[AuditValue]]:
    return {name: [change.before, change.after] for name, change in changes.items()}


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        at=row.at,
        actor_id=row.actor_id,
        action=row.action,
        kind=row.kind,
        object_id=row.object_id,
        changes={name: FieldChange(*map(_value, pair)) for name, pair in row.changes.items()},
    )


def _value(stored: Any) -> AuditValue:
    value: AuditValue = tuple(stored) if isinstance(stored, list) else stored
    return value
