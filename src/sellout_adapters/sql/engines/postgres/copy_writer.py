"""How a copy fills the tables of PostgreSQL."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, Table, func, select

from sellout_adapters.sql.engines.copy_writer import Row, at_least_highest, numbered_tables
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.schema.types import Terms
from sellout_adapters.sql.session.connections import driver_connection


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
        """From the sequences. They are not part of a snapshot, so they are never behind it."""
        found = {}
        for name, sequence in _sequences(connection).items():
            sql = f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {sequence}"  # noqa: S608 - the server's name
            found[name] = int(connection.exec_driver_sql(sql).scalar_one())
        return at_least_highest(connection, found)

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """In the sequences. A rollback does not undo this, so it comes last."""
        for name, sequence in _sequences(connection).items():
            last = last_ids.get(name, 0)
            connection.execute(select(func.setval(sequence, max(last, 1), last > 0)))


def _all_tables() -> str:
    return ", ".join(f'"{found.name}"' for found in metadata.sorted_tables)


def _sequences(connection: Connection) -> Mapping[str, str]:
    found = {}
    for numbered in numbered_tables():
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
