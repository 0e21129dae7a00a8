"""The time of 64 buyers who check out one after another, compared with the same buyers at the same time.

    python -m benchmarks.buyers [--database-url URL] [--buyers N] [--checkouts N] [--rounds N]

Each buyer checks out one unit of limited stock at a time, with an idempotency key, in this process. Rounds of both
kinds alternate, and their medians are compared. Without a URL the database is a new SQLite file in the current
directory, which must be on a disk and not in memory, because commits wait for the disk. A PostgreSQL database must be
empty and migrated.
"""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import click

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.people.accounts import OPERATOR
from sellout_core.shopping.ordering import Checkout
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.use_cases.shopping.checkout import check_out_once
from sellout_core.values import ProductUnitId, UserId

STOCK: Final = 1_000_000


@attrs.frozen
class Buyer:
    """A buyer who buys the same unit repeatedly."""

    scene: Scene
    user_id: UserId
    unit_id: ProductUnitId
    ask: Checkout

    def buy(self, key: str) -> None:
        """Adds the unit to the cart and orders it."""
        add_to_cart(self.scene.shop, OPERATOR, self.user_id, self.unit_id)
        check_out_once(self.scene.shop, OPERATOR, self.user_id, self.ask, key, lambda view: b"%d" % view.order.id)


@click.command()
@click.option("--database-url", default="", help="The database. [a new SQLite file]")
@click.option("--buyers", default=64, type=click.IntRange(1, 256), help="The number of buyers. [64]")
@click.option("--checkouts", default=8, type=click.IntRange(1, 1000), help="Checkouts of each buyer in a round. [8]")
@click.option("--rounds", default=5, type=click.IntRange(1, 100), help="The number of measurements of each kind. [5]")
def main(database_url: str, buyers: int, checkouts: int, rounds: int) -> None:
    """Measure, and print the checkouts a second of both kinds and their ratio."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = SqlStore.open(database_url or f"sqlite:///{folder}/shop.db", connections=buyers)
        try:
            compare(store, buyers, checkouts, rounds)
        finally:
            store.close()


def compare(store: SqlStore, buyers: int, checkouts: int, rounds: int) -> None:
    """Alternates rounds of both kinds, and prints the results."""
    scene = Scene(store)
    everybody = [_buyer(scene, number) for number in range(buyers)]
    after_another: list[float] = []
    at_once: list[float] = []
    _seconds(everybody, checkouts, "warm", lambda works: [work() for work in works])
    for number in range(rounds):
        after_another.append(_seconds(everybody, checkouts, f"one {number}", lambda works: [work() for work in works]))
        at_once.append(_seconds(everybody, checkouts, f"all {number}", _together))
    expected = buyers * checkouts * (2 * rounds + 1)
    orders = len(store.read(lambda tx: tx.orders.after(0, expected + 1)))
    for name, seconds in (("one after another", after_another), (f"{buyers} at once", at_once)):
        rates = sorted(buyers * checkouts / each for each in seconds)
        click.echo(f"{name:>18}: {statistics.median(rates):8.1f} checkouts/s ({rates[0]:.1f} to {rates[-1]:.1f})")
    ratio = statistics.median(after_another) / statistics.median(at_once)
    click.echo(f"{'at once':>18}: {ratio:8.2f} times as fast; {orders} orders of {expected}")


def _buyer(scene: Scene, number: int) -> Buyer:
    user_id = scene.user(f"buyer{number}")
    unit_id = scene.unit(f"sku{number}", 100, stock=STOCK)
    return Buyer(scene, user_id, unit_id, checkout_request(scene.address(user_id), unit_id))


def _seconds(
    buyers: Sequence[Buyer], checkouts: int, name: str, run: Callable[[Sequence[Callable[[], None]]], object]
) -> float:
    works = [partial(_buy, buyer, checkouts, name) for buyer in buyers]
    begun = time.perf_counter()
    run(works)
    return time.perf_counter() - begun


def _buy(buyer: Buyer, checkouts: int, name: str) -> None:
    for number in range(checkouts):
        buyer.buy(f"{name} {number}")


def _together(works: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
