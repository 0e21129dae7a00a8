"""The command `work`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import signal
import threading

import click

from sellout_http.command.common import database_url_option, opened_shop, settings_of
from sellout_http.command.terminal import Refusal


@click.command(short_help="Let unpaid orders expire, and ask the payment provider.")
@click.option("--once", is_flag=True, help="Stop after one round.")
@database_url_option
def work(once: bool, database_url: str | None) -> None:
    """Let unpaid orders expire and ask the payment provider, once a minute until SIGTERM or Ctrl-C.

    A running server does this itself. The command is for shops whose servers do not run all the time. It needs
    SELLOUT_UNPAID_ORDER_LIFETIME or SELLOUT_PAYMENT_PROVIDER.
    """
    from sellout_core.errors import Unavailable
    from sellout_core.people.accounts import OPERATOR
    from sellout_core.use_cases.shopping.fulfilment import expire_unpaid_orders
    from sellout_http.upkeep import UPKEEP_SECONDS, needs_upkeep, settle_payments

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        if not needs_upkeep(shop):
            raise Refusal("there is nothing to do: set SELLOUT_UNPAID_ORDER_LIFETIME or SELLOUT_PAYMENT_PROVIDER")
        while True:
            try:
                expired = expire_unpaid_orders(shop, OPERATOR)
                results = settle_payments(shop, stopped)
            except Unavailable:
                if once:
                    raise
                click.echo("sellout: the database cannot answer now; the next round tries again", err=True)
            else:
                if once or expired:
                    click.echo(f"{expired:,} unpaid orders have expired.")
                if results:
                    counts = ", ".join(f"{number:,} {result}" for result, number in sorted(results.items()))
                    click.echo(f"The payment provider was asked: {counts}.")
            if once or stopped.wait(UPKEEP_SECONDS):
                return
