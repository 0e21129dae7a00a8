"""Rows of any table in a form that is the same on both databases: reading, writing and hashing them."""

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs
import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Select, Table, Text, cast, column, func, insert, select, table
from sqlalchemy.types import TypeEngine

from sellout_adapters.sql.schema.catalogue_tables import SEARCH
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.types import Terms
from sellout_adapters.sql.session.compiled import driver_of, prepared

Row = tuple[Any, ...]

BATCH: Final = 1000
"""How many rows are held in memory at once."""


@attrs.define
class Digest:
    """The number of rows of a table and a hash over them in the order of the primary key."""

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
        ValueError: a value cannot be what its column holds.
    """
    terms = [index for index, found in enumerate(source.columns) if isinstance(found.type, Terms)]
    result = connection.execute(_reading(source, connection.dialect.name), execution_options={"yield_per": BATCH})
    with result:
        for partition in result.partitions():
            yield [_with_sorted_terms(tuple(row), terms) for row in partition]


class Writer(Protocol):
    """Fills the tables of one kind of database."""

    def prepare(self, connection: Connection) -> None:
        """Makes the transaction ready for a copy and keeps other writers out until it ends."""

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """Adds rows to a table in the fastest way that the driver has."""

    def finish(self, connection: Connection) -> None:
        """Brings up to date what follows from the rows: indexes and statistics that inserting does not write."""

    def given(self, connection: Connection) -> Mapping[str, int]:
        """The highest id that each table has given to a row, deleted rows included, by the table's name."""

    def give_after(self, connection: Connection, given: Mapping[str, int]) -> None:
        """Lets each table give ids above those."""


def writer_of(connection: Connection) -> Writer:
    """The writer for a database."""
    return SqliteWriter() if connection.dialect.name == "sqlite" else PostgresWriter()


class SqliteWriter:
    """`Writer` for SQLite."""

    def prepare(self, connection: Connection) -> None:
        """Checks references at the end: users refer to users. The transaction holds the write lock already."""
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """`executemany`, batch by batch."""
        names = tuple(target.columns.keys())
        # JSON is written as the text that was read: another spelling would be another value.
        kinds: list[TypeEngine[Any]] = [Text() if isinstance(c.type, JSON) else c.type for c in target.columns]
        words = insert(table(target.name, *map(column, names, kinds)))
        ready = prepared(words, connection.dialect, names)
        for batch in rows:
            ready.run_many(connection, dict(zip(names, zip(*batch, strict=True), strict=True)))

    def finish(self, connection: Connection) -> None:
        """Builds the search index.

        Raises:
            ValueError: a row refers to a row that does not exist.
        """
        connection.exec_driver_sql(f"INSERT INTO {SEARCH} ({SEARCH}) VALUES ('rebuild')")  # noqa: S608 - ours
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise ValueError(f"a row of {broken[0]} refers to a row of {broken[2]} that does not exist")

    def given(self, connection: Connection) -> Mapping[str, int]:
        """From SQLite's own table; a table without AUTOINCREMENT has its highest id alone."""
        rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return _with_highest(connection, {name: int(last) for name, last in rows})

    def give_after(self, connection: Connection, given: Mapping[str, int]) -> None:
        """Into SQLite's own table."""
        for name, last in given.items():
            if metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
                connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


class PostgresWriter:
    """`Writer` for PostgreSQL."""

    def prepare(self, connection: Connection) -> None:
        """Locks every table against other writers. No statement of a copy is too long."""
        unlimited(connection)
        connection.exec_driver_sql(f"LOCK TABLE {_all_tables()} IN EXCLUSIVE MODE")

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """One COPY."""
        terms = [index for index, found in enumerate(target.columns) if isinstance(found.type, Terms)]
        names = ", ".join(f'"{name}"' for name in target.columns.keys())  # noqa: SIM118 - no mapping
        with (
            driver_of(connection).cursor() as cursor,
            cursor.copy(f'COPY "{target.name}" ({names}) FROM STDIN') as copy,
        ):
            for batch in rows:
                for row in batch:
                    copy.write_row(_with_vectors(row, terms))

    def finish(self, connection: Connection) -> None:
        """Has the planner know the tables."""
        connection.exec_driver_sql(f"ANALYZE {_all_tables()}")

    def given(self, connection: Connection) -> Mapping[str, int]:
        """From the sequences, which are not part of a snapshot: they are never behind it."""
        found = {}
        for name, sequence in _sequences(connection).items():
            words = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - the server's name
            found[name] = int(connection.exec_driver_sql(words).scalar_one())
        return _with_highest(connection, found)

    def give_after(self, connection: Connection, given: Mapping[str, int]) -> None:
        """Into the sequences. A rollback does not take this back, so it comes last."""
        for name, sequence in _sequences(connection).items():
            last = given.get(name, 0)
            connection.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def unlimited(connection: Connection) -> None:
    """Lets a transaction take its time: the digest of a large table is one statement."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def numbered() -> list[Table]:
    """The tables that give ids to their rows."""
    return [found for found in metadata.sorted_tables if found.autoincrement_column is not None]


def _all_tables() -> str:
    return ", ".join(f'"{found.name}"' for found in metadata.sorted_tables)


def _with_highest(connection: Connection, given: Mapping[str, int]) -> Mapping[str, int]:
    highest = {found.name: connection.scalar(select(func.max(found.autoincrement_column))) for found in numbered()}
    return {name: max(given.get(name, 0), last or 0) for name, last in highest.items()}


def _sequences(connection: Connection) -> Mapping[str, str]:
    found = {}
    for numbering in numbered():
        key = numbering.autoincrement_column
        assert key is not None  # noqa: S101 - for the type alone
        name = connection.scalar(select(func.pg_get_serial_sequence(numbering.name, key.name)))
        if name is not None:
            found[numbering.name] = str(name)
    return found


def _reading(source: Table, dialect: str) -> Select[Any]:
    # The order of text depends on the database's locale; that of its bytes does not.
    order = [
        found.collate("C") if dialect == "postgresql" and isinstance(found.type, Text) else found
        for found in source.primary_key.columns
    ]
    return select(*(_readable(found, dialect).label(found.name) for found in source.columns)).order_by(*order)


def _readable(found: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    if isinstance(found.type, JSON):
        return cast(found, Text)
    if isinstance(found.type, Terms) and dialect == "postgresql":
        return func.array_to_string(func.tsvector_to_array(found), " ", type_=Text())
    return found


def _with_sorted_terms(row: Row, terms: Sequence[int]) -> Row:
    """PostgreSQL sorts the terms in its own way."""
    if not terms:
        return row
    return tuple(" ".join(sorted(value.split(" "))) if at in terms else value for at, value in enumerate(row))


def _with_vectors(row: Row, terms: Sequence[int]) -> Row:
    """The row as a tsvector is written: each term in quotes."""
    if not terms:
        return row
    return tuple(_vector(value) if at in terms else value for at, value in enumerate(row))


def _vector(terms: str) -> str:
    quoted = (term.replace("\\", "\\\\").replace("'", "''") for term in terms.split(" ") if term)
    return " ".join(f"'{term}'" for term in quoted)
