"""An event: what happened to one subject, as plain values that have no personal data and no secrets."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from sellout_core.values import EventId, UserId

__all__ = ["Event", "NewEvent", "document_of", "encoded"]


@attrs.frozen(kw_only=True)
class NewEvent:
    """An event without an id.

    Attributes:
        name: The name of its kind, such as `order.placed`.
        version: The version of its kind.
        subject: What it happened to, such as `order/12`. The events of one subject have an order.
        occurred_at: The time of the change.
        data: The members that its kind describes, as values that JSON has.
        buyer_id: The buyer of the order that it is about. None: it is about no order.
    """

    name: str
    version: int
    subject: str
    occurred_at: datetime
    data: Mapping[str, Any]
    buyer_id: UserId | None = None


@attrs.frozen(kw_only=True)
class Event(NewEvent):
    """An event. The ids of one subject ascend in the order of its changes."""

    id: EventId


def document_of(event: Event) -> Mapping[str, Any]:
    """The event as its subscribers get it (Standard Webhooks, "Payload structure", with an id, a version and a
    subject).
    """
    return {
        "id": event.id,
        "type": event.name,
        "version": event.version,
        "timestamp": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "subject": event.subject,
        "data": event.data,
    }


def encoded(document: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """A document as compact JSON in UTF-8, without line breaks."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
