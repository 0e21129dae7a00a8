"""Writes the tables of a copied shop, for each kind of database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import JSON, Connection, Table, Text, column, func, insert, select, table
from sqlalchemy.types import TypeEngine

from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.tables.catalogue import SEARCH
from sellout_adapters.sql.schema.types import Terms
from sellout_adapters.sql.session.compiled import compiled
from sellout_adapters.sql.session.connections import driver_connection

Row = tuple[Any, ...]


class CopyWriter(Protocol):
    """Writes tables of one kind of database."""

    def prepare_source(self, connection: Connection) -> None:
        """Removes the time limits of a transaction that reads the source."""

    def prepare_target(self, connection: Connection) -> None:
        """Removes the time limits of a transaction that writes, and locks out other writers until it ends."""

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """Adds batches of rows to a table, by the driver's fastest method."""

    def finish(self, connection: Connection) -> None:
        """Updates indexes and statistics.

        Raises:
            ValueError: a row refers to a row that does not exist.
        """

    def last_ids(self, connection: Connection) -> Mapping[str, int]:
        """The highest id that each table has assigned, by table name. Deleted rows count."""

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Sets the highest assigned id of each table."""


class SqliteCopyWriter:
    """`CopyWriter` for SQLite."""

    def prepare_source(self, connection: Connection) -> None:
        """Does nothing: SQLite has no time limits."""

    def prepare_target(self, connection: Connection) -> None:
        """Defers foreign keys: users refer to users. The transaction already has the write lock."""
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """`executemany`, batch by batch."""
        names = tuple(target.columns.keys())
        # JSON is written as the text that was read, so the digests of both databases are equal.
        kinds: list[TypeEngine[Any]] = [Text() if isinstance(c.type, JSON) else c.type for c in target.columns]
        statement = compiled(insert(table(target.name, *map(column, names, kinds))), connection.dialect, names)
        for batch in rows:
            statement.run_many(connection, dict(zip(names, zip(*batch, strict=True), strict=True)))

    def finish(self, connection: Connection) -> None:
        """Builds the search index and checks foreign keys."""
        connection.exec_driver_sql(f"INSERT INTO {SEARCH} ({SEARCH}) VALUES ('rebuild')")  # noqa: S608 - ours
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise ValueError(f"a row of {broken[0]} refers to a row of {broken[2]} that does not exist")

    def last_ids(self, connection: Connection) -> Mapping[str, int]:
        """From `sqlite_sequence`, or the highest id of a table without AUTOINCREMENT."""
        rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return _at_least_highest(connection, {name: int(last) for name, last in rows})

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """In `sqlite_sequence`."""
        for name, last in last_ids.items():
            if metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
                connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))


class PostgresCopyWriter:
    """`CopyWriter` for PostgreSQL."""

    def prepare_source(self, connection: Connection) -> None:
        """The digest of a large table is one statement."""
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")

    def prepare_target(self, connection: Connection) -> None:
        """Locks every table against other writers."""
        self.prepare_source(connection)
        connection.exec_driver_sql(f"LOCK TABLE {_all_tables()} IN EXCLUSIVE MODE")

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """One COPY."""
        terms = [index for index, found in enumerate(target.columns) if isinstance(found.type, Terms)]
        names = ", ".join(f'"{name}"' for name in target.columns.keys())  # noqa: SIM118 - no mapping
        with (
            driver_connection(connection).cursor() as cursor,
            cursor.copy(f'COPY "{target.name}" ({names}) FROM STDIN') as copy,
        ):
            for batch in rows:
                for row in batch:
                    copy.write_row(_with_vectors(row, terms))

    def finish(self, connection: Connection) -> None:
        """Updates the planner's statistics."""
        connection.exec_driver_sql(f"ANALYZE {_all_tables()}")

    def last_ids(self, connection: Connection) -> Mapping[str, int]:
        """From the sequences. They are not part of a snapshot, and never older than it."""
        found = {}
        for name, sequence in _sequences(connection).items():
            sql = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - the server's name
            found[name] = int(connection.exec_driver_sql(sql).scalar_one())
        return _at_least_highest(connection, found)

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """In the sequences. A rollback does not undo this, so it is the last step."""
        for name, sequence in _sequences(connection).items():
            last = last_ids.get(name, 0)
            connection.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def _all_tables() -> str:
    return ", ".join(f'"{found.name}"' for found in metadata.sorted_tables)


def _sequences(connection: Connection) -> Mapping[str, str]:
    found = {}
    for numbered in _numbered_tables():
        key = numbered.autoincrement_column
        assert key is not None  # noqa: S101 - for the type alone
        name = connection.scalar(select(func.pg_get_serial_sequence(numbered.name, key.name)))
        if name is not None:
            found[numbered.name] = str(name)
    return found


def _with_vectors(row: Row, terms: Sequence[int]) -> Row:
    if not terms:
        return row
    return tuple(_vector(value) if at in terms else value for at, value in enumerate(row))


def _vector(terms: str) -> str:
    """Terms in the text form of a tsvector: each in quotes."""
    quoted = (term.replace("\\", "\\\\").replace("'", "''") for term in terms.split(" ") if term)
    return " ".join(f"'{term}'" for term in quoted)


def _numbered_tables() -> list[Table]:
    """The tables that assign ids."""
    return [found for found in metadata.sorted_tables if found.autoincrement_column is not None]


def _at_least_highest(connection: Connection, last_ids: Mapping[str, int]) -> Mapping[str, int]:
    """The ids, or the highest id of the table if that is higher."""
    highest = {
        found.name: connection.scalar(select(func.max(found.autoincrement_column))) for found in _numbered_tables()
    }
    return {name: max(last_ids.get(name, 0), last or 0) for name, last in highest.items()}
