"""The bodies of operations on webhooks."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from sellout_core import values
from sellout_core.events.kinds import KINDS
from sellout_core.use_cases.events.webhooks import NewWebhook, WebhookChange, WebhookSecret
from sellout_http.schemas.requests.common import Body, set_members

Url = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=values.MAX_LINK,
        description="The address that events are sent to: an https:// URL outside of private networks.",
    ),
]
EventName = Annotated[str, Meta(max_length=64)]
EventNames = Annotated[
    tuple[EventName, ...],
    Meta(max_length=len(KINDS), description="The names of the kinds of events, without repetitions. Empty: all."),
]
Active = Annotated[bool, Meta(description="Whether the webhook gets events.")]
Secret = Annotated[
    Annotated[str, Meta(max_length=100)] | None,
    Meta(description="The key of the signatures: `whsec_` and 24 to 64 bytes in Base64. Null: the shop makes one."),
]


class NewWebhookRequest(Body, frozen=True):
    """A new webhook."""

    url: Url
    events: EventNames = ()
    secret: Secret = None

    def webhook(self) -> NewWebhook:
        """The webhook.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return NewWebhook(url=self.url, events=self.events, secret=self.secret)


class WebhookPatch(Body, frozen=True):
    """A merge patch of a webhook."""

    url: Url | UnsetType = UNSET
    events: EventNames | UnsetType = UNSET
    active: Active | UnsetType = UNSET

    def change(self) -> WebhookChange:
        """The change.

        Raises:
            InvalidFields: a member breaks a rule of the core's.
        """
        return WebhookChange(**set_members(self))


class WebhookSecretRequest(Body, frozen=True):
    """Another secret of a webhook."""

    secret: Secret = None

    def new_secret(self) -> WebhookSecret:
        """The secret.

        Raises:
            InvalidFields: it is no secret.
        """
        return WebhookSecret(secret=self.secret)
