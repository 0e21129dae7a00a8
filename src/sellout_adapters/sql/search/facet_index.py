"""The facet index: bitmaps in memory of the listed products with each term and price.

A database counts the facets of many products in seconds. Bitmaps of 200,000 products are counted in milliseconds. Every
transaction that changes products writes their ids into `catalogue_changes`, with the new version of the catalogue. The
index applies these changes. It counts for a transaction only if it is at the version that the transaction sees.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from threading import Event, Lock
from typing import Any, Final, Protocol, TypeVar

import msgspec
from pyroaring import BitMap64
from sqlalchemy import bindparam, select

from sellout_adapters.sql.schema.functions import AMONG_IDS, among, spaced_terms
from sellout_adapters.sql.schema.tables.catalogue import catalogue_changes, products
from sellout_adapters.sql.search.query import SearchPlan
from sellout_adapters.sql.search.terms import LISTED, MARK, size_of_term
from sellout_adapters.sql.session.product_cache import VERSIONS
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.search import BANDS, FacetCounts, band
from sellout_core.errors import Unavailable
from sellout_core.values import MAX_PRICE

T = TypeVar("T")

STEP: Final = 500
"""The approximate maximum number of products that one transaction reads."""

_POLL_SECONDS: Final = 1.0
"""The time between two reads of the changes."""

_STEP_PAUSE_SECONDS: Final = 0.01
"""The time between two steps. Other threads get the interpreter."""

_LOCK_SECONDS: Final = 0.05
"""The maximum time that a search waits for the index. After that the database counts."""

_BITS: Final = range(MAX_PRICE.bit_length())
_PRICED: Final = "priced"
_LINKS: Final = {"b": "brands", "c": "categories", "g": "genders", "t": "tags"}

_STATE: Final = select(products.c.id, products.c.min_price, spaced_terms(products.c.terms).label("terms"))
_CHANGED: Final = _STATE.where(among(products.c.id, AMONG_IDS))
_NEXT: Final = _STATE.where(products.c.id > bindparam("after")).order_by(products.c.id).limit(STEP)
_CHANGES: Final = (
    select(catalogue_changes.c.version, catalogue_changes.c.product_ids)
    .where(catalogue_changes.c.version > bindparam("after"))
    .order_by(catalogue_changes.c.version)
    .limit(STEP)
)


class ReadRunner(Protocol):
    """Runs a function in a read-only transaction."""

    def __call__(self, work: Callable[[DatabaseSession], T], /) -> T:
        """Returns the result of the function."""


class FacetIndex:
    """The facet index of a store. It is thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bitmaps: defaultdict[Hashable, BitMap64] = defaultdict(BitMap64)
        # The bitmaps have all changes up to version `_reached`, and may have later ones up to `_seen`.
        self._reached: int | None = None
        self._seen = 0

    def count(self, session: DatabaseSession, plan: SearchPlan) -> FacetCounts | None:
        """The counts of a search for a transaction. None: the index is not at its version, or the search has words."""
        cached = None if plan.words or self._reached is None else session.cached_catalogue()
        if cached is None:
            return None
        # The thread that has the lock may wait for the database longer than a search may.
        seconds = _LOCK_SECONDS if session.deadline is None else min(_LOCK_SECONDS, session.deadline.remaining())
        if not self._lock.acquire(timeout=seconds):
            return None
        try:
            self._apply_changes(session, cached.version)
            if not self._reached == self._seen == cached.version:
                return None
            counts = self._count(plan)
        finally:
            self._lock.release()
        for table in _LINKS.values():
            session.note_references(table, getattr(counts, table))
        return counts

    def count_products(self, session: DatabaseSession, plan: SearchPlan) -> int | None:
        """The number of products that a search finds, for a transaction whose version of the catalogue is known. Runs
        no statement. None: the index is not at that version or is in use, or the search has words.
        """
        cached = None if plan.words or self._reached is None else session.cached_catalogue()
        if cached is None or not self._lock.acquire(blocking=False):
            return None
        try:
            exact = self._reached == self._seen == cached.version
            return len(self._found(plan)) if exact else None
        finally:
            self._lock.release()

    def maintain(self, read: ReadRunner, stopped: Event) -> None:
        """Builds the index and applies changes, until `stopped` is set.

        Args:
            read: Runs each step in a transaction.
            stopped: Ends the method after the current step.
        """
        pause = 0.0
        while not stopped.wait(pause):
            try:
                if self._reached is None:
                    self._build(read, stopped)
                pause = _POLL_SECONDS if read(self._catch_up) else _STEP_PAUSE_SECONDS
            except Unavailable:
                pause = _POLL_SECONDS

    def _catch_up(self, session: DatabaseSession) -> bool:
        """Applies some changes. Returns whether all are applied."""
        version: int = session.rows(VERSIONS)[0].version
        with self._lock:
            self._apply_changes(session, version)
            return self._reached == self._seen

    def _build(self, read: ReadRunner, stopped: Event) -> None:
        """Builds the index in many transactions. Changes during the build are applied afterwards."""
        bitmaps: defaultdict[Hashable, BitMap64] = defaultdict(BitMap64)

        def read_next(session: DatabaseSession) -> tuple[int, Sequence[Any]]:
            return session.rows(VERSIONS)[0].version, session.rows(_NEXT, {"after": last})

        last = 0
        first, rows = read(read_next)
        seen = first
        while rows:
            _add(bitmaps, rows)
            last = rows[-1].id
            if stopped.wait(_STEP_PAUSE_SECONDS):
                return
            seen, rows = read(read_next)
        with self._lock:
            self._bitmaps, self._reached, self._seen = bitmaps, first, seen

    def _apply_changes(self, session: DatabaseSession, version: int) -> None:
        """Applies changes up to the version that a transaction sees, of about `STEP` products at most."""
        if self._reached is None or version < self._seen or version == self._reached:
            return
        changed: set[int] = set()
        reached = self._reached
        for row in session.rows(_CHANGES, {"after": reached}):
            if row.version != reached + 1 or len(changed) >= STEP:
                break
            changed.update(msgspec.json.decode(row.product_ids))
            reached = row.version
        if reached == self._reached:
            # The next change has been deleted, so the index must be built again.
            self._reached = None
            return
        rows = session.rows_among(_CHANGED, changed)
        changed_products = BitMap64(changed)
        for bitmap in self._bitmaps.values():
            bitmap.difference_update(changed_products)
        _add(self._bitmaps, rows)
        self._reached, self._seen = reached, version

    def _count(self, plan: SearchPlan) -> FacetCounts:
        found = self._found(plan)
        linked: dict[str, dict[Any, int]] = {name: {} for name in _LINKS.values()}
        sizes, bands = {}, {}
        for key, bitmap in self._bitmaps.items():
            if isinstance(key, int):
                if number := found.intersection_cardinality(bitmap):
                    bands[BANDS[key]] = number
            elif isinstance(key, str) and key[1] in "bcgst" and (number := found.intersection_cardinality(bitmap)):
                if key[1] == "s":
                    sizes[size_of_term(key)] = number
                else:
                    linked[_LINKS[key[1]]][int(key[2:])] = number
        return FacetCounts(products=len(found), sizes=sizes, bands=bands, **linked)

    def _found(self, plan: SearchPlan) -> BitMap64:
        found = self._bitmaps[LISTED].copy()
        for group in plan.groups:
            found &= BitMap64.union(*(self._bitmaps[term] for term in group if term in self._bitmaps), BitMap64())
        if plan.shape.priced is None:
            return found
        priced = self._bitmaps[_PRICED]
        if not plan.shape.priced:
            return found - priced
        found &= priced
        lowest, highest = plan.parameters["lowest"], plan.parameters["highest"]
        if lowest > 0:
            found -= self._cheaper(found, lowest)
        return self._cheaper(found, highest + 1) if highest < MAX_PRICE else found

    def _cheaper(self, product_ids: BitMap64, price: int) -> BitMap64:
        """The products with a lower price. Compares bit by bit, from the highest bit to the lowest."""
        cheaper, equal = BitMap64(), product_ids
        for bit in reversed(_BITS):
            bitmap = self._bitmaps[_PRICED, bit]
            if price >> bit & 1:
                cheaper |= equal - bitmap
                equal &= bitmap
            else:
                equal = equal - bitmap
        return cheaper


def _add(bitmaps: defaultdict[Hashable, BitMap64], rows: Iterable[Any]) -> None:
    """Adds products to bitmaps that do not contain them."""
    ids: defaultdict[Hashable, list[int]] = defaultdict(list)
    for row in rows:
        terms = [term for term in row.terms.split(" ") if term.startswith(MARK)]
        if LISTED not in terms:
            continue
        for term in terms:
            ids[term].append(row.id)
        price = row.min_price
        if price is not None:
            ids[_PRICED].append(row.id)
            ids[BANDS.index(band(price))].append(row.id)
            for bit in _BITS:
                if price >> bit & 1:
                    ids[_PRICED, bit].append(row.id)
    for key, product_ids in ids.items():
        bitmaps[key].update(product_ids)
