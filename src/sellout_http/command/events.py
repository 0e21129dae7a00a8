"""Commands for events: `events list`, `events replay` and `events unsubscribe`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import click

from sellout_core.errors import NotFound
from sellout_core.events.event import Event
from sellout_core.shop import Shop
from sellout_core.values import MAX_ID, SubscriptionId
from sellout_http.command.common import database_url_option, opened_shop, settings_of
from sellout_http.command.terminal import Refusal, escaped


@click.group()
def events() -> None:
    """List events and their dead deliveries, and deliver again."""


@events.command(name="list")
@click.option(
    "--after", type=click.IntRange(0, MAX_ID), default=0, metavar="ID", help="List events after this one. [0]"
)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, metavar="N", help="List at most so many. [100]")
@click.option("--to", metavar="SUBSCRIBER", help="List what the subscriber has not got yet, with the reasons.")
@database_url_option
def list_(after: int, limit: int, to: str | None, database_url: str | None) -> None:
    """Print events, the oldest first: the id, the time, the kind, the subject, and the data as JSON.

    With --to, print the deliveries to a subscriber that have not succeeded: the id of a webhook, or the name of a
    service. The reason of the last failure is in place of the data, and dead deliveries have the word dead.
    """
    from sellout_core.events.event import encoded

    with opened_shop(settings_of({"database_url": database_url})) as shop:
        if to is None:
            for event in shop.store.read(lambda tx: tx.events.after(after, limit)):
                _print(event, encoded(event.data).decode())
            return
        subscription_id = _subscriber(shop, to)
        for each in shop.store.read(lambda tx: tx.deliveries.after(subscription_id, after, limit)):
            _print(each.event, f"{'waiting' if each.dead_at is None else 'dead'} {each.last_error}".rstrip())


@events.command()
@click.argument("subscriber")
@click.option("--after", type=click.IntRange(0, MAX_ID), metavar="ID", help="Also deliver all events after this one.")
@database_url_option
def replay(subscriber: str, after: int | None, database_url: str | None) -> None:
    """Make the dead deliveries to SUBSCRIBER due again: the id of a webhook, or the name of a service.

    With --after, events that have arrived are delivered again, too, as long as the shop keeps them.
    """
    from sellout_core.people.accounts import OPERATOR
    from sellout_core.use_cases.events.dispatching import replay_deliveries

    with opened_shop(settings_of({"database_url": database_url})) as shop:
        number = replay_deliveries(shop, OPERATOR, _subscriber(shop, subscriber), after)
    click.echo(f"{number:,} deliveries are due.")


@events.command()
@click.argument("service")
@database_url_option
def unsubscribe(service: str, database_url: str | None) -> None:
    """End the subscription of SERVICE, a Python service that will not run again.

    Otherwise the shop would keep the events for it for ever. Staff delete webhooks over HTTP.
    """
    from sellout_core.people.accounts import OPERATOR
    from sellout_core.use_cases.events.services import unsubscribe_service

    with opened_shop(settings_of({"database_url": database_url})) as shop:
        try:
            unsubscribe_service(shop, OPERATOR, service)
        except NotFound:
            raise Refusal(f"there is no service {escaped(service)}") from None
    click.echo(f"Ended the subscription of {escaped(service)}.")


def _subscriber(shop: Shop, text: str) -> SubscriptionId:
    """The id of a subscription.

    Raises:
        Refusal: there is none.
    """
    for each in shop.store.read(lambda tx: tx.subscriptions.all()):
        if text in {each.service, str(each.id)}:
            return each.id
    raise Refusal(f"there is no subscriber {escaped(text)}")


def _print(event: Event, rest: str) -> None:
    click.echo(f"{event.id} {event.occurred_at.isoformat()} {event.name} {event.subject} {rest}")
