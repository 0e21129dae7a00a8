"""The documents of the audit."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.common import Id, Time

Value = bool | int | str | tuple[int, ...] | None


class AuditChange(Struct, frozen=True, gc=False):
    """The values of a field before and after a change."""

    field: Annotated[str, Meta(description="The name of the field.")]
    before: Annotated[Value, Meta(description="The value before the change. Null: there was none.")]
    after: Annotated[Value, Meta(description="The value after the change. Null: there is none.")]


class AuditEntry(Struct, frozen=True, gc=False):
    """A change by staff or the operator."""

    id: Id
    at: Annotated[Time, Meta(description="The time of the change.")]
    user_id: Annotated[int | None, Meta(description="The id of the user who made the change. Null: the operator.")]
    action: Annotated[str, Meta(description="`create`, `update`, `delete` or `merge`.")]
    kind: Annotated[str, Meta(description="The kind of the object, such as `brand`.")]
    object_id: Annotated[int, Meta(description="The id of the object.")]
    changes: Annotated[tuple[AuditChange, ...], Meta(description="The changed fields.")]
