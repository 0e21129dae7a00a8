"""How a copy fills the tables of SQLite."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import JSON, Connection, Table, Text, column, insert, table
from sqlalchemy.types import TypeEngine

from sellout_adapters.sql.engines.copy_writer import Row, at_least_highest
from sellout_adapters.sql.schema.catalogue_tables import SEARCH
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.compiled import compiled


class SqliteCopyWriter:
    """`CopyWriter` for SQLite."""

    def prepare_source(self, connection: Connection) -> None:
        """SQLite has no limits of time."""

    def prepare_target(self, connection: Connection) -> None:
        """Checks foreign keys at the end: users refer to users. The transaction has the write lock already."""
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """`executemany`, batch by batch."""
        names = tuple(target.columns.keys())
        # JSON is written as the text that was read: another spelling would be another value.
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
        """From SQLite's own table. A table without AUTOINCREMENT has its highest id alone."""
        rows = connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")
        return at_least_highest(connection, {name: int(last) for name, last in rows})

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """In SQLite's own table."""
        for name, last in last_ids.items():
            if metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
                connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
                connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, last))
