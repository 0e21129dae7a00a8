"""What the repositories in memory have in common."""

from collections.abc import Collection
from itertools import islice
from typing import TypeVar

import attrs

from sellout_adapters.memory.tables import Table, Tables

K = TypeVar("K")

V = TypeVar("V")

Id = TypeVar("Id", bound=int)


class Live:
    """The state a transaction works on, until the transaction ends."""

    def __init__(self, tables: Tables) -> None:
        """Takes the state."""
        self._tables: Tables | None = tables

    @property
    def tables(self) -> Tables:
        """The state."""
        if self._tables is None:
            raise RuntimeError("the transaction has ended")
        return self._tables

    def end(self) -> None:
        """Makes the state unreachable."""
        self._tables = None


@attrs.frozen
class Repository:
    """What every repository has: the state of its transaction."""

    _live: Live

    @property
    def _tables(self) -> Tables:
        return self._live.tables

    def _look_different(self, written: Collection[object]) -> None:
        if written:
            self._tables.catalogue_versions.next_id()


def rows_of(table: Table[K, V], keys: Collection[K]) -> dict[K, V]:
    """The rows of those keys; keys without a row are left out."""
    return {key: table[key] for key in keys if key in table}


def rows_after(table: Table[Id, V], after: int, limit: int) -> list[V]:
    """The next rows by id; ids are given in ascending order, so the order of entry is theirs."""
    return list(islice((row for key, row in table.items() if key > after), limit))
