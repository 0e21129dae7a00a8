"""The events of a buyer's own orders."""

from typing import Any, Final

from sellout_core import values
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.events.event import Event
from sellout_core.use_cases.events import order_events
from sellout_http.api import media_types
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.queries.query_parameters import Parameter, whole_number_fault
from sellout_http.live_events import MEDIA_TYPE, LiveStream
from sellout_http.schemas import responses

group = Group("Order events", "What happens to a buyer's own orders.")

_LAST: Final = Parameter(
    "header",
    "Last-Event-ID",
    "The id of the last event that the client knows.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_ID},
)
_EXAMPLE: Final[dict[str, Any]] = {
    "id": 5,
    "type": "order.line_moved",
    "version": 1,
    "timestamp": "2026-01-31T12:00:00Z",
    "subject": "order/1",
    "data": {"order_id": 1, "buyer_id": 1, "unit_id": 1, "from": "placed", "to": "confirmed"},
}


@group.read(
    "/order/events",
    Access.USER,
    errors=(InvalidFields,),
    parameters=(_LAST,),
    media_types=(media_types.JSON, MEDIA_TYPE),
    reply_example=[_EXAMPLE],
)
def list_order_events(context: ReadContext) -> Reply[tuple[responses.OrderEvent, ...]]:
    """The events of the caller's own orders after `Last-Event-ID`, at most 100.

    With `Accept: text/event-stream` the response is a stream of server-sent events, which goes on with the events as
    they occur. Without `Last-Event-ID` the stream begins now, and the list with the first event that the shop keeps.
    """
    media_type = media_types.preferred((media_types.JSON, MEDIA_TYPE), context.header("accept"))
    shop, actor, user_id, last = context.shop, context.actor, context.user_id, _last_event_id(context)
    if media_type == MEDIA_TYPE:
        stream: Any = LiveStream(user_id, order_events.begin_following(shop, actor, user_id, last))
        return Reply(stream, 200, {"vary": "accept"})
    events = order_events.read_order_events(shop, actor, user_id, last)
    return Reply(tuple(map(_document, events)), 200, {"vary": "accept"})


def _last_event_id(context: ReadContext) -> int | None:
    """The header, if the request has it.

    Raises:
        InvalidFields: it is repeated, or no whole number.
    """
    sent = context.header(_LAST.name.lower())
    if not sent:
        return None
    if len(sent) > 1:
        raise InvalidFields((InvalidField("last_event_id", "must not be repeated", FieldCode.REPEATED),))
    if fault := whole_number_fault(sent[0], 1, values.MAX_ID):
        raise InvalidFields((InvalidField("last_event_id", fault.reason, fault.code),))
    return int(sent[0])


def _document(event: Event) -> responses.OrderEvent:
    return responses.OrderEvent(event.id, event.name, event.version, event.occurred_at, event.subject, dict(event.data))
