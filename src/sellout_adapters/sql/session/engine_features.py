"""What a transaction's work needs to know of the kind of database."""

from typing import Protocol

from sqlalchemy import Connection, Executable, Table


class EngineFeatures(Protocol):
    """What differs between the kinds of databases inside a transaction. `engines.database.Database` has the rest."""

    @property
    def locks_rows(self) -> bool:
        """Whether transactions that write run side by side, so that they have to lock the rows that they change."""

    @property
    def takes_arrays(self) -> bool:
        """Whether a parameter may be an array, so that one statement writes any number of rows."""

    @property
    def finds_one_faster(self) -> bool:
        """Whether `among` is faster if it is compiled for a single value."""

    def next_ids(self, table: Table) -> Executable:
        """The statement that returns the next `number` ids of a table, the same object each time. The database gives
        each id once, unless the transaction is rolled back.
        """

    def store_error(self, connection: Connection, error: Exception) -> Exception:
        """The error that the store raises for one of the driver's, perhaps the same. A broken connection is
        invalidated.
        """
