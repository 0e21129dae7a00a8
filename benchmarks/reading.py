"""The rows about reads, compared with a fixed response of the same size and with the driver alone."""

import statistics
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote

import attrs
import click

from benchmarks import catalogue, ceilings
from benchmarks.figures import Figure, Rounds, faster, longer
from benchmarks.load import Request, Sample, fire
from benchmarks.people import People
from benchmarks.recording import Statement
from benchmarks.servers import Server, fixed_server
from benchmarks.shops import Loaded
from sellout_core.values import PAGE_SIZE

CONNECTIONS: Final = 16

Lists = Sequence[Sequence[Request]]
"""The requests of each connection."""


@attrs.frozen
class Read:
    """A read, the user who sends it, and the targets of its ratio to the fixed response on SQLite and PostgreSQL."""

    what: str
    lists: Callable[[People], Lists]
    targets: tuple[float, float]


def _cards(people: People) -> Lists:
    ids = list(people.product_ids)
    return [
        [Request(f"/product_unit/product_main/{each}/{reader.user_id}", reader.token) for each in ids[at:] + ids[:at]]
        for at, reader in enumerate(people.readers)
    ]


READS: Final = (
    Read("product/all/1, anonymous", lambda _: [[Request("/product/all/1")]], (0.70, 0.70)),
    Read(
        "product/all/1, logged in",
        lambda people: [[Request("/product/all/1", reader.token)] for reader in people.readers],
        (0.30, 0.22),
    ),
    Read(
        "product_unit/product_main, anonymous",
        lambda people: [[Request(f"/product_unit/product_main/{each}/0") for each in people.product_ids]],
        (0.70, 0.70),
    ),
    Read("product_unit/product_main, logged in", _cards, (0.15, 0.12)),
    Read(
        "order/cart of 5",
        lambda people: [[Request(f"/order/cart/{reader.user_id}", reader.token)] for reader in people.readers],
        (0.20, 0.15),
    ),
    Read(
        "wishlist of 5",
        lambda people: [[Request(f"/wishlist/{reader.user_id}", reader.token)] for reader in people.readers],
        (0.20, 0.15),
    ),
)


def reads(shop: Loaded, server: Server, statements: Sequence[int], rounds: Rounds) -> Sequence[Figure]:
    """The rows of all `READS`."""
    recorded = [[shop.recorder.record(request) for request in read.lists(shop.people)[0]] for read in READS]
    sizes = [round(statistics.mean(len(document) for document, _ in each)) for each in recorded]
    with fixed_server(shop.place.folder, sizes) as fixed:
        return [
            _read(shop, read, server, fixed, size, asked, [each for _, each in found], rounds)
            for read, size, asked, found in zip(READS, sizes, statements, recorded, strict=True)
        ]


def _read(
    shop: Loaded,
    read: Read,
    server: Server,
    fixed: Server,
    size: int,
    statements: int,
    recorded: Sequence[Sequence[Statement]],
    rounds: Rounds,
) -> Figure:
    lists = read.lists(shop.people)
    alone: list[float] = []
    # The first request fills the cache. The figure is about later ones.
    fire(server.port, lists[:1], connections=1, once=True)

    def measure() -> Sample:
        alone.append(ceilings.reads(shop.url, recorded, rounds.seconds / 3).per_second)
        return _fire(server, lists, rounds)

    measured, compared = rounds.compare(read.what, measure, lambda: _fire(fixed, [[Request(f"/{size}")]], rounds))
    return Figure(
        what=f"{read.what} / {size:,} fixed bytes",
        values=faster(measured, compared),
        target=shop.target(*read.targets),
        statements=statements,
        driver=statistics.median(alone),
        shop=measured,
        compared=compared,
    )


def authentication(shop: Loaded, server: Server, statements: int, rounds: Rounds) -> Figure:
    """The cost of checking a token, where the response does not depend on it."""
    what = "product_unit/product, logged in / anonymous"
    path = units_path(shop.people)
    lists = [[Request(path, reader.token)] for reader in shop.people.readers]
    measured, compared = rounds.compare(
        what, lambda: _fire(server, lists, rounds), lambda: _fire(server, [[Request(path)]], rounds)
    )
    return Figure(
        what=what,
        values=faster(measured, compared),
        target=0.60,
        statements=statements,
        shop=measured,
        compared=compared,
    )


def units_path(people: People) -> str:
    """The path of a product's units."""
    return f"/product_unit/product/{people.product_ids[0]}"


def last_page(shop: Loaded, server: Server, rounds: Rounds) -> Figure:
    """The ratio of the last page's latency to the first page's, without a cache."""
    return _slower("the last page / the first, uncached", shop, server, [_last(shop)], server, ["1"], 1.5, rounds)


def any_page(shop: Loaded, server: Server, small: Loaded, small_server: Server, rounds: Rounds) -> Figure:
    """The ratio of the latency of pages from the whole catalogue to the latency in a small catalogue, without
    a cache.
    """
    what = f"any page of {shop.products:,} products / of {small.products:,}, uncached"
    return _slower(what, shop, server, _everywhere(shop), small_server, _everywhere(small), 1.5, rounds)


SEARCHES: Final = (
    "q=air",
    "q=air low&sort=relevance",
    f"brand={catalogue.BRANDS[0]}",
    "category=Category 01&gender=F",
    "size=EU:42",
    "price_min=20000&price_max=30000",
    f"brand={catalogue.BRANDS[0]}&size=EU:42&price_max=30000",
    "sort=price",
    "sort=-add_date",
)
"""What is asked for of the first page."""


def searches(shop: Loaded, server: Server, rounds: Rounds) -> Sequence[Figure]:
    """The ratio of the latency of a search's first page to the latency of the catalogue's first page, without
    a cache.
    """
    brief = attrs.evolve(rounds, seconds=rounds.seconds / 3)
    everything = server.ask(Request("/product/all/1"))
    figures = []
    for search in SEARCHES:
        page = f"1?{quote(search, safe='=&:-')}"
        if server.ask(Request(f"/product/all/{page}")) == everything:
            raise click.ClickException(f"the shop takes no notice of {search}")
        figures.append(_slower(f"{search} / all, first page, uncached", shop, server, [page], server, ["1"], 3, brief))
    return figures


def _slower(
    what: str,
    shop: Loaded,
    server: Server,
    pages: Sequence[str],
    other: Server,
    other_pages: Sequence[str],
    target: float,
    rounds: Rounds,
) -> Figure:
    def one_by_one(asked: Server, asked_pages: Sequence[str]) -> Sample:
        requests = [Request(f"/product/all/{page}") for page in asked_pages]
        return fire(asked.port, [requests], connections=1, seconds=rounds.seconds)

    recorded = [shop.recorder.record(Request(f"/product/all/{page}"))[1] for page in pages]
    measured, compared = rounds.compare(what, lambda: one_by_one(server, pages), lambda: one_by_one(other, other_pages))
    return Figure(
        what=what,
        values=longer(measured, compared),
        target=target,
        at_most=True,
        driver=ceilings.reads(shop.url, recorded, rounds.seconds / 3).per_second,
        shop=measured,
        compared=compared,
    )


def _last(shop: Loaded) -> str:
    return str(-(-shop.people.listed // PAGE_SIZE))


def _everywhere(shop: Loaded) -> Sequence[str]:
    last = int(_last(shop))
    return [str(1 + (last - 1) * step // 8) for step in range(9)]


def _fire(server: Server, lists: Lists, rounds: Rounds) -> Sample:
    return fire(server.port, lists, connections=CONNECTIONS, seconds=rounds.seconds)
