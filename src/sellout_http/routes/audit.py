"""The audit."""

from functools import partial
from typing import Any, Final

from sellout_core import values
from sellout_core.audit import AuditQuery
from sellout_core.use_cases.audit import read_audit
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Group
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.api.queries.query_readers import Reader, one, read_members, time, whole_number
from sellout_http.schemas import responses, staff_serializers
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Audit", "The changes that staff made.")

_ID: Final[dict[str, Any]] = {"type": "integer", "minimum": 1, "maximum": values.MAX_ID}
_TIME: Final = {"type": "string", "format": "date-time"}
_PARAMETERS: Final = (
    Parameter("query", "kind", "The kind of the changed objects.", {"type": "string", "examples": ["brand"]}),
    Parameter("query", "object_id", "The id of the changed objects.", _ID),
    Parameter("query", "user", "The id of the user who made the changes.", _ID),
    Parameter("query", "from", "The earliest time of the changes, included.", _TIME),
    Parameter("query", "to", "The latest time of the changes, excluded.", _TIME),
)
_READERS: Final[dict[str, Reader]] = {
    "kind": one(str),
    "object_id": one(whole_number(1, values.MAX_ID)),
    "actor_id": one(whole_number(1, values.MAX_ID)),
    "since": one(time),
    "until": one(time),
}


@group.read(
    "/audit",
    Access.ADMIN,
    parameters=_PARAMETERS,
    reply_example=[
        {
            "id": 1,
            "at": "2026-01-31T12:00:00Z",
            "user_id": 1,
            "action": "update",
            "kind": "brand",
            "object_id": 1,
            "changes": [{"field": "name", "before": "nike", "after": "Nike"}],
        }
    ],
)
def list_audit(context: ReadContext) -> LongList[responses.AuditEntry]:
    """The changes that staff made, by id."""
    query = read_members(context.query, _READERS, AuditQuery)
    return LongList(partial(read_audit, context.shop, context.actor, query), staff_serializers.audit_entry)
