"""Rows of any table in a form that is the same on all databases: reading and hashing them."""

import hashlib
from collections.abc import Generator, Sequence
from typing import Any, Final

import attrs
import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Select, Table, Text, cast, select

from sellout_adapters.sql.engines.copy_writer import Row
from sellout_adapters.sql.schema.functions import bytewise, spaced_terms
from sellout_adapters.sql.schema.types import Terms

BATCH: Final = 1000
"""How many rows are in memory at once."""


@attrs.define
class Digest:
    """The number of rows of a table, and a hash of them in the order of the primary key."""

    rows: int = 0
    _hash: Any = attrs.field(factory=lambda: hashlib.blake2b(digest_size=32), eq=lambda found: found.digest())

    def add(self, batch: Sequence[Row]) -> None:
        """Adds the next rows."""
        self.rows += len(batch)
        for row in batch:
            self._hash.update(msgspec.msgpack.encode(row))


def batches(connection: Connection, source: Table) -> Generator[list[Row], None, None]:
    """All rows of a table in the order of its primary key, `BATCH` at a time.

    Raises:
        ValueError: a value does not fit the type of its column.
    """
    terms = [index for index, found in enumerate(source.columns) if isinstance(found.type, Terms)]
    result = connection.execute(_all_rows(source), execution_options={"yield_per": BATCH})
    with result:
        for partition in result.partitions():
            yield [_with_sorted_terms(tuple(row), terms) for row in partition]


def _all_rows(source: Table) -> Select[Any]:
    order = [bytewise(found) if isinstance(found.type, Text) else found for found in source.primary_key.columns]
    return select(*(_portable(found).label(found.name) for found in source.columns)).order_by(*order)


def _portable(found: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(found.type, JSON):
        return cast(found, Text)
    return spaced_terms(found) if isinstance(found.type, Terms) else found


def _with_sorted_terms(row: Row, terms: Sequence[int]) -> Row:
    """The databases sort terms in different ways."""
    if not terms:
        return row
    return tuple(" ".join(sorted(value.split(" "))) if at in terms else value for at, value in enumerate(row))
