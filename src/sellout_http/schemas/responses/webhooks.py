"""The documents of webhooks and events."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from sellout_http.schemas.responses.common import Id, Time

_Secret = Annotated[str, Meta(description="The key of the signatures. No later response has it.")]


class Webhook(Struct, frozen=True, gc=False):
    """A webhook: an address that events are sent to."""

    id: Id
    url: Annotated[str, Meta(description="The address.")]
    events: Annotated[tuple[str, ...], Meta(description="The names of the kinds of events. Empty: all.")]
    active: Annotated[bool, Meta(description="Whether the webhook gets events.")]
    created_at: Annotated[Time, Meta(description="The time of its creation.")]
    failures: Annotated[int, Meta(description="How often in a row nothing could be delivered.")]


class CreatedWebhook(Webhook, frozen=True, gc=False):
    """A new webhook with its secret."""

    secret: _Secret


class ReplacedSecret(Struct, frozen=True, gc=False):
    """The new secret of a webhook."""

    secret: _Secret
    previous_until: Annotated[Time, Meta(description="Until when the secret before also signs.")]


class WebhookDelivery(Struct, frozen=True, gc=False):
    """A delivery that has not succeeded."""

    event_id: Annotated[int, Meta(description="The id of the event.")]
    type: Annotated[str, Meta(description="The name of its kind.")]
    subject: Annotated[str, Meta(description="What it happened to.")]
    occurred_at: Annotated[Time, Meta(description="The time of the event.")]
    attempts: Annotated[int, Meta(description="The number of failures.")]
    due_at: Annotated[Time, Meta(description="When the next attempt may begin.")]
    dead_at: Annotated[Time | None, Meta(description="When the shop gave up. Null: it has not.")]
    last_error: Annotated[str, Meta(description="Why the last attempt failed. Empty: there was none.")]


class OrderEvent(Struct, frozen=True):
    """An event of an order."""

    id: Id
    type: Annotated[str, Meta(description="The name of its kind.")]
    version: Annotated[int, Meta(description="The version of the kind.")]
    timestamp: Annotated[Time, Meta(description="The time of the change.")]
    subject: Annotated[str, Meta(description="The order, such as `order/1`.")]
    data: Annotated[
        dict[str, Any], Meta(description="The members of the kind. The `webhooks` of this document describe them.")
    ]
