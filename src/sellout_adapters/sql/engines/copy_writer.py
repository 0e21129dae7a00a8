"""How a copy of a whole shop fills the tables of a kind of database."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, Table, func, select

from sellout_adapters.sql.schema.columns import metadata

Row = tuple[Any, ...]


class CopyWriter(Protocol):
    """Fills the tables of one kind of database."""

    def prepare_source(self, connection: Connection) -> None:
        """Lets a transaction that reads the source take any time."""

    def prepare_target(self, connection: Connection) -> None:
        """Lets a transaction that writes take any time, and keeps other writers out until it ends."""

    def add(self, connection: Connection, target: Table, rows: Iterable[Sequence[Row]]) -> None:
        """Adds batches of rows to a table in the driver's fastest way."""

    def finish(self, connection: Connection) -> None:
        """Updates what follows from the rows and was not written with them: indexes and statistics.

        Raises:
            ValueError: a row refers to a row that does not exist.
        """

    def last_ids(self, connection: Connection) -> Mapping[str, int]:
        """By the table's name the highest id that the table has given, also to rows that were deleted since."""

    def set_last_ids(self, connection: Connection, last_ids: Mapping[str, int]) -> None:
        """Makes each table give higher ids than those."""


def numbered_tables() -> list[Table]:
    """The tables that give ids to their rows."""
    return [found for found in metadata.sorted_tables if found.autoincrement_column is not None]


def at_least_highest(connection: Connection, last_ids: Mapping[str, int]) -> Mapping[str, int]:
    """The ids, or the highest one in a table where that is higher."""
    highest = {
        found.name: connection.scalar(select(func.max(found.autoincrement_column))) for found in numbered_tables()
    }
    return {name: max(last_ids.get(name, 0), last or 0) for name, last in highest.items()}
