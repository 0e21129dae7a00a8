"""The audit: the changes of staff, with their times and the previous values."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import attrs

from sellout_core import values
from sellout_core.people.accounts import Actor
from sellout_core.values import AuditEntryId, UserId, ruled

__all__ = ["AuditEntry", "AuditQuery", "AuditValue", "FieldChange", "NewAuditEntry", "audited"]

AuditValue = bool | int | str | tuple[int, ...] | None


@attrs.frozen
class FieldChange:
    """The value of a field before and after a change."""

    before: AuditValue
    after: AuditValue


@attrs.frozen(kw_only=True)
class NewAuditEntry:
    """An audit entry without an id. It contains no secrets.

    Attributes:
        at: The time of the change.
        actor_id: The user who made the change. None: the operator.
        action: A verb: `create`, `update`, `delete` or another one.
        kind: The kind of the object, such as `brand`.
        object_id: The id of the object.
        changes: The changed fields, by name.
    """

    at: datetime
    actor_id: UserId | None
    action: str
    kind: str
    object_id: int
    changes: Mapping[str, FieldChange]


@attrs.frozen(kw_only=True)
class AuditEntry(NewAuditEntry):
    """An audit entry."""

    id: AuditEntryId


@attrs.frozen(kw_only=True)
class AuditQuery:
    """A query for audit entries. An entry matches if it satisfies every given filter.

    Attributes:
        kind: The kind of the object.
        object_id: The id of the object.
        actor_id: The user who made the change.
        since: The earliest time, included.
        until: The latest time, excluded.

    Raises:
        InvalidFields: a value is outside its limits.
    """

    kind: str | None = ruled(values.optional(values.text(values.MAX_NAME, minimum=1)), default=None)
    object_id: int | None = ruled(values.optional(values.identifier), default=None)
    actor_id: UserId | None = ruled(values.optional(values.identifier), default=None)
    since: datetime | None = ruled(values.optional(values.moment), default=None)
    until: datetime | None = ruled(values.optional(values.moment), default=None)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    def matches(self, entry: AuditEntry) -> bool:
        """Whether an entry matches."""
        return (
            self.kind in (None, entry.kind)
            and self.object_id in (None, entry.object_id)
            and self.actor_id in (None, entry.actor_id)
            and (self.since is None or self.since <= entry.at)
            and (self.until is None or entry.at < self.until)
        )


def audited(
    actor: Actor, at: datetime, kind: str, object_id: int, *, before: Any = None, after: Any = None, action: str = ""
) -> NewAuditEntry:
    """The audit entry of a change.

    Args:
        actor: The actor.
        at: The time.
        kind: The kind of the object.
        object_id: The id of the object.
        before: The object before the change, an attrs instance. None: the change created it.
        after: The object after the change, an attrs instance. None: the change deleted it.
        action: The verb. Empty: `create`, `delete` or `update`.
    """
    verb = action or ("create" if before is None else "delete" if after is None else "update")
    was, becomes = _fields(before), _fields(after)
    changes = {
        name: FieldChange(was.get(name), becomes.get(name))
        for name in {**was, **becomes}
        if was.get(name) != becomes.get(name)
    }
    return NewAuditEntry(at=at, actor_id=actor.user_id, action=verb, kind=kind, object_id=object_id, changes=changes)


def _fields(value: Any) -> dict[str, AuditValue]:
    if value is None:
        return {}
    return {
        field.name: _plain(getattr(value, field.name))
        for field in attrs.fields(type(value))
        # The id of a whole object beside its parts is a field of its own.
        if field.repr and field.name != "id" and not attrs.has(type(getattr(value, field.name)))
    }


def _plain(value: Any) -> AuditValue:
    if value is None or isinstance(value, bool | int | str | tuple):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
