"""The measured shops: a filled database each, and servers on it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import attrs
from sqlalchemy import event, text
from tests.servers.postgres import Databases, private_server

from benchmarks import catalogue, ceilings
from benchmarks.figures import tell
from benchmarks.people import People, furnish, shop_over
from benchmarks.recording import Recorder
from benchmarks.servers import Server, shop_server
from sellout_adapters.sql import SqlStore

KINDS: Final = ("sqlite", "postgresql")

_UNCACHED: Final = {"SELLOUT_CACHE_MIB": "0"}


@attrs.frozen
class Place:
    """Creates databases of one kind: a folder, and a function that creates a database and returns its URL."""

    kind: str
    folder: Path
    create: Callable[[], str]


@attrs.frozen
class Loaded:
    """A shop with products and users."""

    place: Place
    url: str
    products: int
    store: SqlStore
    people: People
    recorder: Recorder

    def server(self, *, logging: bool = False, cached: bool = True) -> AbstractContextManager[Server]:
        """Runs a server on the shop, with or without a document cache."""
        return shop_server(self.place.folder, self.url, logging=logging, **({} if cached else _UNCACHED))

    def target(self, sqlite: float, postgresql: float) -> float:
        """The target for this database."""
        return dict(zip(KINDS, (sqlite, postgresql), strict=True))[self.place.kind]

    def version(self) -> str:
        """The version of the database."""
        sqlite = self.place.kind == "sqlite"
        with self.store.engine.begin() as connection:
            found = connection.execute(text("SELECT sqlite_version()" if sqlite else "SHOW server_version"))
            return f"{'SQLite' if sqlite else 'PostgreSQL'} {found.scalar_one()}"


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """Durable databases of a kind: commits wait for the disk. They are deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="sellout-benchmark-") as made:
        folder = Path(made)
        if kind == "sqlite":
            numbers = count(1)
            yield Place(kind, folder, lambda: f"sqlite:///{folder}/shop{next(numbers)}.db")
            return
        with private_server(durable=True) as server:
            yield Place(kind, folder, Databases(server.url).create)


@contextmanager
def loaded(where: Place, products: int, units: int) -> Iterator[Loaded]:
    """A new shop with this number of products. Each buyer can buy `units` units."""
    url = where.create()
    tell(f"{where.kind}: loading {products:,} products")
    with closing(_hasty(url)) as store:
        catalogue.load(shop_over(store), catalogue.entries(products))
    store = SqlStore.open(url)
    try:
        shop = shop_over(store)
        people = furnish(store, shop, products, units)
        settle(url)
        yield Loaded(where, url, products, store, people, Recorder(store, shop))
    finally:
        store.close()


def _hasty(url: str) -> SqlStore:
    """A store of a new database without durability and foreign keys, which is faster to fill."""
    if url.startswith("postgresql:"):
        hurry = "-c session_replication_role=replica -c synchronous_commit=off"
        return SqlStore.open(f"{url}?options={quote(hurry)}", migrate=True)
    store = SqlStore.open(url)

    def hurry_up(connection: Any, _: Any) -> None:
        for pragma in ("foreign_keys = OFF", "synchronous = OFF"):
            connection.execute(f"PRAGMA {pragma}")

    store.engine.dispose()
    event.listen(store.engine, "connect", hurry_up)
    return store


def settle(url: str) -> None:
    """Runs the maintenance that PostgreSQL would do by itself a minute after many inserts."""
    if url.startswith("postgresql:"):
        with closing(ceilings.connect(url)) as connection:
            connection.execute("VACUUM ANALYZE")
