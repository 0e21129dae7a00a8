"""Webhooks, for staff."""

from functools import partial
from typing import Any, Final

from sellout_core.errors import LimitReached
from sellout_core.events.subscriptions import Delivery, Subscription
from sellout_core.use_cases.events import webhooks
from sellout_core.values import SubscriptionId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.preconditions import settable_by, unless_changed
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses
from sellout_http.schemas.requests.webhooks import NewWebhookRequest, WebhookPatch, WebhookSecretRequest
from sellout_http.schemas.responses.long_lists import LongList

group = Group("Webhooks", "The addresses that events are sent to, for staff.")

_settable: Final = settable_by(WebhookPatch)
_EXAMPLE: Final[dict[str, Any]] = {
    "id": 1,
    "url": "https://erp.example/hook",
    "events": ["order.placed"],
    "active": True,
    "created_at": "2026-01-31T12:00:00Z",
    "failures": 0,
}
_SECRET: Final = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - the example of Standard Webhooks
_DELIVERY: Final = {
    "event_id": 5,
    "type": "order.placed",
    "subject": "order/1",
    "occurred_at": "2026-01-31T12:00:00Z",
    "attempts": 1,
    "due_at": "2026-01-31T12:00:05Z",
    "dead_at": None,
    "last_error": "HTTP 500",
}


@group.write(
    "POST",
    "/webhook",
    Access.ADMIN,
    statuses=(201,),
    errors=(LimitReached,),
    repeatable=True,
    tagged=_settable,
    reply_headers={"Location": "The path of the webhook."},
    request_example={"url": "https://erp.example/hook", "events": ["order.placed"]},
    reply_example={**_EXAMPLE, "secret": _SECRET},
)
def create_webhook(context: WriteContext, body: NewWebhookRequest) -> Reply[responses.CreatedWebhook]:
    """Create a webhook.

    It gets the events that occur from now on. Keep the secret: no later response has it. A shop has at most 100
    subscriptions.
    """
    added = webhooks.create_webhook(context.shop, context.actor, body.webhook())
    document = responses.CreatedWebhook(**_members(added), secret=added.secret)
    return Reply(document, 201, {"location": f"{context.prefix}/webhook/{added.id}"})


@group.read("/webhook", Access.ADMIN, reply_example=[_EXAMPLE])
def list_webhooks(context: ReadContext) -> tuple[responses.Webhook, ...]:
    """Every webhook, by id."""
    return tuple(map(_document, webhooks.read_webhooks(context.shop, context.actor)))


@group.read("/webhook/{webhook_id}", Access.ADMIN, tagged=_settable, reply_example=_EXAMPLE)
def show_webhook(context: ReadContext, webhook_id: SubscriptionId) -> responses.Webhook:
    """One webhook."""
    return _document(webhooks.read_webhook(context.shop, context.actor, webhook_id))


@group.read("/webhook/{webhook_id}/deliveries", Access.ADMIN, reply_example=[_DELIVERY])
def list_webhook_deliveries(context: ReadContext, webhook_id: SubscriptionId) -> LongList[responses.WebhookDelivery]:
    """The deliveries to a webhook that have not succeeded, by event.

    Dead ones are those that the shop gave up. The command `sellout events replay` makes them due again.
    """
    return LongList(partial(webhooks.read_deliveries, context.shop, context.actor, webhook_id), _delivery)


@group.write(
    "PATCH",
    "/webhook/{webhook_id}",
    Access.ADMIN,
    parameters=(IF_MATCH,),
    tagged=_settable,
    request_example={"active": False},
    reply_example={**_EXAMPLE, "active": False},
)
def change_webhook(context: WriteContext, webhook_id: SubscriptionId, body: WebhookPatch) -> responses.Webhook:
    """Change or stop a webhook.

    One that is stopped gets no new events. What it has not got yet follows when it is active again.
    """
    is_current = unless_changed(context, _document, _settable)
    return _document(webhooks.change_webhook(context.shop, context.actor, webhook_id, body.change(), is_current))


@group.write(
    "POST",
    "/webhook/{webhook_id}/secret",
    Access.ADMIN,
    repeatable=True,
    request_example={},
    reply_example={"secret": _SECRET, "previous_until": "2026-02-01T12:00:00Z"},
)
def replace_webhook_secret(
    context: WriteContext, webhook_id: SubscriptionId, body: WebhookSecretRequest
) -> responses.ReplacedSecret:
    """Replace the secret of a webhook.

    For a day, each request has a signature by either secret.
    """
    replaced = webhooks.replace_secret(context.shop, context.actor, webhook_id, body.new_secret())
    return responses.ReplacedSecret(replaced.secret, replaced.previous_until or replaced.created_at)


@group.write(
    "POST",
    "/webhook/{webhook_id}/ping",
    Access.ADMIN,
    statuses=(202,),
    reply_example=_EXAMPLE,
)
def ping_webhook(context: WriteContext, webhook_id: SubscriptionId) -> Reply[responses.Webhook]:
    """Send the event `webhook.pinged` to an active webhook, to test it. A stopped one does not get it."""
    return Reply(_document(webhooks.ping_webhook(context.shop, context.actor, webhook_id)), 202)


@group.write(
    "DELETE",
    "/webhook/{webhook_id}",
    Access.ADMIN,
    parameters=(IF_MATCH,),
    reply_example=_EXAMPLE,
)
def delete_webhook(context: WriteContext, webhook_id: SubscriptionId) -> responses.Webhook:
    """Delete a webhook, with what it has not got yet."""
    is_current = unless_changed(context, _document, _settable)
    return _document(webhooks.delete_webhook(context.shop, context.actor, webhook_id, is_current))


def _members(webhook: Subscription) -> dict[str, Any]:
    names = ("id", "events", "active", "created_at", "failures")
    return {"url": webhook.url or "", **{name: getattr(webhook, name) for name in names}}


def _document(webhook: Subscription) -> responses.Webhook:
    return responses.Webhook(**_members(webhook))


def _delivery(delivery: Delivery) -> responses.WebhookDelivery:
    event = delivery.event
    return responses.WebhookDelivery(
        event_id=event.id,
        type=event.name,
        subject=event.subject,
        occurred_at=event.occurred_at,
        attempts=delivery.attempts,
        due_at=delivery.due_at,
        dead_at=delivery.dead_at,
        last_error=delivery.last_error,
    )
