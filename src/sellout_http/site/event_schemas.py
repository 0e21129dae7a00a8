"""The `webhooks` of the OpenAPI document: every kind of event, as subscribers get it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sellout_core import values
from sellout_core.events.event import Event, document_of
from sellout_core.events.kinds import KINDS, EventKind
from sellout_core.values import EventId

__all__ = ["event_schema", "webhooks"]

_HEADERS: Final = {
    "webhook-id": "The id of the event, which is the same for each attempt.",
    "webhook-timestamp": "The time of the attempt, in Unix seconds.",
    "webhook-signature": "Signatures of the id, the time and the body, separated by spaces (Standard Webhooks).",
}
_RESPONSES: Final = {
    "2XX": {"description": "The event was received. Any other status, or none in time, is a failure."},
}


def webhooks(tag: str) -> dict[str, Any]:
    """The request of each kind of event, by its name."""
    return {kind.name: {"post": _request(kind, tag)} for kind in KINDS.values()}


def event_schema(kind: EventKind) -> dict[str, Any]:
    """The schema of the document of an event."""
    data = {
        "type": "object",
        "properties": {member.name: {**member.schema, "description": member.description} for member in kind.members},
        "required": [member.name for member in kind.members],
    }
    members: dict[str, Any] = {
        "id": {"type": "integer", "minimum": 1, "maximum": values.MAX_ID, "description": "The id of the event."},
        "type": {"type": "string", "const": kind.name, "description": "The kind of the event."},
        "version": {"type": "integer", "const": kind.version, "description": "The version of the kind."},
        "timestamp": {"type": "string", "format": "date-time", "description": "The time of the change."},
        "subject": {
            "type": "string",
            "pattern": f"^{kind.subject}/[0-9]+$",
            "description": "What it happened to. The events of one subject arrive in order.",
        },
        "data": data,
    }
    return {"type": "object", "properties": members, "required": list(members)}


def _request(kind: EventKind, tag: str) -> dict[str, Any]:
    return {
        "operationId": kind.name,
        "summary": kind.cause.partition(". ")[0].rstrip("."),
        "description": kind.cause,
        "tags": [tag],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": text, "schema": {"type": "string"}}
            for name, text in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": event_schema(kind), "example": _example(kind)}},
        },
        "responses": _RESPONSES,
    }


def _example(kind: EventKind) -> Mapping[str, Any]:
    event = Event(
        id=EventId(5),
        name=kind.name,
        version=kind.version,
        subject=f"{kind.subject}/1",
        occurred_at=datetime(2026, 1, 31, 12, tzinfo=UTC),
        data={member.name: _value(member.schema) for member in kind.members},
    )
    return document_of(event)


def _value(schema: Mapping[str, Any]) -> Any:
    """A value that satisfies a schema of the table of kinds."""
    match schema["type"]:
        case "array":
            return [_value(schema["items"])]
        case "object":
            return {name: _value(member) for name, member in schema["properties"].items()}
        case "string":
            return schema["enum"][0] if "enum" in schema else "RUB"
        case _:
            return 1
