"""The rows about sizes: the memory and latency during a read of the whole catalogue, and the import of a catalogue."""

import http.client
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Table

from benchmarks import catalogue, ceilings
from benchmarks.figures import Figure, faster, tell
from benchmarks.load import Request, Sample
from benchmarks.people import shop_over
from benchmarks.servers import Server
from benchmarks.shops import Loaded, Place
from sellout_adapters.catalogue_file.importing import BATCH_ENTRIES
from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.tables import catalogue as catalogue_tables
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry

_REFERENCES: Final = (
    catalogue_tables.brands,
    catalogue_tables.categories,
    catalogue_tables.tags,
    catalogue_tables.genders,
    catalogue_tables.delivery_types,
    catalogue_tables.currencies,
    catalogue_tables.platforms,
)
_ROWS: Final = (
    catalogue_tables.products,
    catalogue_tables.product_brands,
    catalogue_tables.product_categories,
    catalogue_tables.product_tags,
    catalogue_tables.sizes,
    catalogue_tables.units,
)

Rows = Mapping[Table, Sequence[Sequence[Any]]]
"""Rows by their table, in the order of its columns."""


def idle_memory(shop: Loaded, server: Server) -> Figure:
    """The memory of a worker after a few requests."""
    return Figure(
        what="memory of an idle worker",
        values=[server.resident_mib()],
        target=shop.target(100, 110),
        at_most=True,
        unit="MiB",
    )


def whole_catalogue(shop: Loaded) -> Sequence[Figure]:
    """The growth of a new worker's memory while staff read all products, and the latency of a card meanwhile."""
    paths = [f"/product_unit/product_main/{product_id}/0" for product_id in shop.people.product_ids]
    with shop.server() as server:
        for path in paths:
            server.ask(Request(path))
        before = server.resident_mib()
        server.forget_peak()
        lengths: list[int] = []
        token = shop.people.staff.token
        download = threading.Thread(target=lambda: lengths.append(server.download(Request("/product", token))))
        slowest = _slowest_while(download, server, paths)
        if not lengths:
            raise RuntimeError("the whole catalogue was not answered")
        growth = server.peak_mib() - before
    what = f"the whole catalogue, {lengths[0] / 2**20:,.0f} MiB"
    tell(f"{what}: {growth:.1f} MiB more memory, and {slowest:.1f} ms for the slowest card")
    return [
        Figure(what=f"{what}: worker's memory grows", values=[growth], target=16, at_most=True, unit="MiB"),
        Figure(what=f"{what}: slowest card meanwhile", values=[slowest], target=100, at_most=True, unit="ms"),
    ]


def imports(where: Place, products: int) -> Figure:
    """The throughput of an import, compared with the driver inserting the same rows in transactions of the same size.
    It is measured once, because it is long.
    """
    what = f"import of {products:,} products, rows / the driver's"
    tell(what)
    entries = list(catalogue.entries(products))
    url, seconds = _imported(where, entries)
    rows = _rows_of(url)
    number = sum(map(len, rows.values()))
    measured, compared = [Sample(number / seconds)], [Sample(number / _inserted(where, rows))]
    target = 0.30 if where.kind == "sqlite" else 0.50
    return Figure(what=what, values=faster(measured, compared), target=target, shop=measured, compared=compared)


def _slowest_while(work: threading.Thread, server: Server, paths: Sequence[str]) -> float:
    """The slowest response in milliseconds of requests that are sent one after another until the work is done."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    slowest, asked = 0.0, 0
    work.start()
    while work.is_alive() or not asked:
        begun = time.perf_counter()
        connection.request("GET", paths[asked % len(paths)])
        response = connection.getresponse()
        response.read()
        slowest = max(slowest, (time.perf_counter() - begun) * 1000)
        asked += 1
        if response.status != 200:
            raise RuntimeError(f"a card was answered with {response.status}")
    connection.close()
    return slowest


def _imported(where: Place, entries: Sequence[ProductEntry]) -> tuple[str, float]:
    """Imports the products into a new database. Returns the URL and the seconds."""
    url = where.create()
    store = SqlStore.open(url, migrate=True)
    shop = shop_over(store)
    seconds = ceilings.timed(lambda: catalogue.load(shop, iter(entries)))
    store.close()
    return url, seconds


def _rows_of(url: str) -> Rows:
    with closing(ceilings.connect(url)) as connection:
        return {
            table: connection.execute(f"SELECT {_columns(table)} FROM {table.name} ORDER BY 1").fetchall()  # noqa: S608 - our own names
            for table in _REFERENCES + _ROWS
        }


def _inserted(where: Place, rows: Rows) -> float:
    """The seconds in which the driver inserts the rows of products into a new database."""
    url = where.create()
    SqlStore.open(url, migrate=True).close()
    batches = _batches(rows)
    with closing(ceilings.connect(url)) as connection:
        cursor = connection.cursor()
        mark = "?" if url.startswith("sqlite:") else "%s"
        for table in _REFERENCES:
            cursor.executemany(_insert(table, mark), rows[table])

        def insert() -> None:
            for batch in batches:
                cursor.execute("BEGIN")
                for table, some in batch.items():
                    cursor.executemany(_insert(table, mark), some)
                cursor.execute("COMMIT")

        return ceilings.timed(insert)


def _batches(rows: Rows) -> Sequence[Rows]:
    """The rows of products, in transactions with as many products as those of an import."""
    batches: defaultdict[int, dict[Table, list[Sequence[Any]]]] = defaultdict(dict)
    for table in _ROWS:
        at = table.c.keys().index("id" if table is catalogue_tables.products else "product_id")
        for row in rows[table]:
            batches[(row[at] - 1) // BATCH_ENTRIES].setdefault(table, []).append(row)
    return [batches[number] for number in sorted(batches)]


def _insert(table: Table, mark: str) -> str:
    marks = ", ".join(mark for _ in table.c)
    # Some rows of reference tables exist from the beginning.
    return f"INSERT INTO {table.name} ({_columns(table)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names


def _columns(table: Table) -> str:
    return ", ".join(table.c.keys())
