"""The base class and the queries of the repositories in memory."""

from collections.abc import Callable, Collection
from datetime import datetime
from heapq import nsmallest
from itertools import islice
from typing import TypeVar

import attrs

from sellout_adapters.memory.tables import Table, Tables

K = TypeVar("K")
V = TypeVar("V")
Id = TypeVar("Id", bound=int)


class Live:
    """The state of a transaction, until it ends."""

    def __init__(self, tables: Tables) -> None:
        self._tables: Tables | None = tables

    @property
    def tables(self) -> Tables:
        """The state.

        Raises:
            RuntimeError: the transaction has ended.
        """
        if self._tables is None:
            raise RuntimeError("the transaction has ended")
        return self._tables

    def end(self) -> None:
        """Ends the transaction."""
        self._tables = None


@attrs.frozen
class Repository:
    """A repository of one transaction."""

    _live: Live

    @property
    def _tables(self) -> Tables:
        return self._live.tables

    def _count_catalogue_change(self, written: Collection[object]) -> None:
        if written:
            self._tables.catalogue_versions.next_id()


def rows_of(table: Table[K, V], keys: Collection[K]) -> dict[K, V]:
    """The rows of those keys; keys without a row are left out."""
    return {key: table[key] for key in keys if key in table}


def rows_after(table: Table[Id, V], after: int, limit: int) -> list[V]:
    """The next rows by id. Ids ascend, so rows are sorted by id already."""
    return list(islice((row for key, row in table.items() if key > after), limit))


def drop_oldest(table: Table[K, V], time: Callable[[V], datetime], by: datetime, limit: int) -> int:
    """Deletes up to `limit` rows whose time is at most `by`, oldest first. Returns their number."""
    old = nsmallest(limit, (key for key, row in table.items() if time(row) <= by), lambda key: time(table[key]))
    for key in old:
        table.drop(key)
    return len(old)
