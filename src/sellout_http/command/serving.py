"""Commands that run the shop: `serve`, `work`, `migrate` and `openapi`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import signal
import threading
from collections import Counter
from contextlib import closing, suppress
from functools import partial
from typing import Any

import click
import msgspec

from sellout_http.command.common import database_url_option, opened_shop, plain_errors, settings_of
from sellout_http.command.terminal import Failure, Interrupted


@click.command()
@click.option("--host", metavar="ADDRESS", help="IP address to listen on, or localhost. [SELLOUT_HOST; 127.0.0.1]")
@click.option("--port", metavar="N", help="Port to listen on. [SELLOUT_PORT; 8000]")
@database_url_option
@click.option("--workers", metavar="N", help="Number of server processes, 1 to 64. [SELLOUT_WORKERS; 1]")
@click.option("--demo", is_flag=True, default=None, help="Fill an empty shop with demo data. [SELLOUT_DEMO; no]")
def serve(**flags: Any) -> None:
    """Serve the shop over HTTP until Ctrl-C or SIGTERM.

    These options are the most common settings. Every setting is also an environment variable whose name begins with
    SELLOUT_. docs/settings.md lists them.
    """
    # A stop before the server runs ends the command without an error, as a later stop does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), plain_errors():
        settings = settings_of(flags)
        from sellout_http.server.process import CannotServe, run

        try:
            run(settings)
        except CannotServe as error:
            raise Failure(str(error)) from None


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
        try:
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
        finally:
            stopped.set()
            if not once:
                delivering.join()


@click.command(short_help="Migrate the database to this version.")
@database_url_option
def migrate(database_url: str | None) -> None:
    """Migrate the database to the schema of this version, in one transaction.

    The command serve migrates an SQLite database itself. It never migrates a PostgreSQL database.
    """
    from sellout_http.server.composition import open_store

    settings = settings_of({"database_url": database_url})
    try:
        with plain_errors(), closing(open_store(settings, migrate=True)) as store:
            done = store.migrated
    except KeyboardInterrupt:
        raise Interrupted("stopped; run it again to bring the tables to the current schema") from None
    for line in done:
        click.echo(line)
    click.echo("The schema is current." if done else "The schema was current already.")


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    from sellout_http.site.openapi import document

    click.echo(msgspec.json.format(msgspec.json.encode(document())))
