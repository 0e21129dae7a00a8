"""The command `work`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import signal
import threading
from collections import Counter
from functools import partial

import click

from sellout_http.command.common import database_url_option, opened_shop, settings_of


@click.command(short_help="Let unpaid orders expire, ask the payment provider, and deliver events.")
@click.option("--once", is_flag=True, help="Stop after one round.")
@database_url_option
def work(once: bool, database_url: str | None) -> None:
    """Let unpaid orders expire, ask the payment provider, and deliver events to webhooks, until SIGTERM or Ctrl-C.

    A running server does this itself. The command is for shops whose servers do not run all the time. Orders and
    payments have a round a minute, and events are delivered at once.
    """
    from sellout_core.errors import Unavailable
    from sellout_core.people.accounts import OPERATOR
    from sellout_core.use_cases.shopping.fulfilment import expire_unpaid_orders
    from sellout_http.event_delivery import deliver_events, deliver_until
    from sellout_http.server.composition import open_webhooks
    from sellout_http.upkeep import UPKEEP_SECONDS, settle_payments

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    settings = settings_of({"database_url": database_url})
    open_sender = partial(open_webhooks, settings)
    with opened_shop(settings, connections=4) as shop:
        delivering = threading.Thread(target=deliver_until, args=(shop, open_sender, stopped))
        if not once:
            delivering.start()
        while True:
            try:
                expired = expire_unpaid_orders(shop, OPERATOR)
                results = settle_payments(shop, stopped)
                deliveries = deliver_events(shop, open_sender, stopped) if once else Counter[str]()
            except Unavailable:
                if once:
                    raise
                click.echo("sellout: the database cannot answer now; the next round tries again", err=True)
            else:
                if once or expired:
                    click.echo(f"{expired:,} unpaid orders have expired.")
                for what, counted in (("The payment provider was asked", results), ("Events", deliveries)):
                    if counted:
                        counts = ", ".join(f"{number:,} {result}" for result, number in sorted(counted.items()))
                        click.echo(f"{what}: {counts}.")
            if once or stopped.wait(UPKEEP_SECONDS):
                break
        if not once:
            delivering.join()
