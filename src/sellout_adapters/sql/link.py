"""How repositories reach the database inside one transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from sqlalchemy import Connection, CursorResult, Executable, Row, Select

from sellout_adapters.sql.database import RunAgain
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable


class Link:
    """One transaction's connection, dead once its work has ended, with what the work knows of the small tables.

    Args:
        connection: in a transaction.
        known: the small tables as this transaction last saw them.
        writing: whether the transaction may write.

    Attributes:
        statements: how many the database was asked.
        locking: whether rows that are read to be changed must be locked, because other transactions write meanwhile.
    """

    def __init__(self, connection: Connection, known: References, *, writing: bool) -> None:
        self._connection: Connection | None = connection
        self._failure: Exception | None = None
        self.locking = writing and connection.dialect.name != "sqlite"
        self.known = known
        self.added_references = False
        self.statements = 0
        self.referred: defaultdict[str, set[int]] = defaultdict(set)

    def require_alive(self) -> Connection:
        """The connection, while the work goes on and no statement has failed.

        Raises:
            Exception: what a statement failed with; what is asked after it cannot be answered.
            RuntimeError: the transaction is over.
        """
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            raise RuntimeError("the transaction has ended")
        return self._connection

    def end(self) -> None:
        """Cuts the link."""
        self._connection = None

    def lock(self, statement: Select[Any], parameters: Mapping[str, Any]) -> None:
        """Locks the rows of a table that the statement selects, in its order, until the transaction ends.

        What is locked is read in a statement of its own: one that both waits for a row and joins others to it gives
        these as they were before it waited.
        """
        if self.locking:
            # Other tables' references to the rows are let through: nothing here changes what they refer to.
            self._execute(statement.with_for_update(key_share=True), parameters)

    def run_again(self) -> NoReturn:
        """Gives the transaction up because another one changed what this one had read.

        Raises:
            RunAgain: always; the work is run from the start.
        """
        self._failure = RunAgain()
        raise self._failure

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Every row that the statement gives."""
        return self._fetched(self._execute(statement, parameters))

    def rows_among(
        self, statement: Executable, values: Collection[Any], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        """Every row that a statement with `among` gives for the values; for none of them, none without asking."""
        if not values:
            self.require_alive()
            return ()
        return self._fetched(self._execute(statement, {"among": values, **(parameters or {})}))

    def row(self, statement: Executable, parameters: Mapping[str, Any]) -> Row[Any] | None:
        """The one row that the statement gives, if it gives one."""
        return next(iter(self._fetched(self._execute(statement, parameters))), None)

    def run(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """How many rows the statement wrote."""
        return self._execute(statement, parameters).rowcount

    def run_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Runs the statement for each set of parameters, in order."""
        self.require_alive()
        if parameters:
            self._execute(statement, parameters)

    def insert_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Inserts rows and gives the one column that the statement returns for each, in order."""
        self.require_alive()
        return self._execute(statement, parameters).scalars().all() if parameters else ()

    def refers(self, table: str, ids: Iterable[int]) -> None:
        """Notes ids of a small table's rows (a field of `References`) that something loaded refers to."""
        self.referred[table].update(ids)

    @staticmethod
    def _fetched(result: CursorResult[Any]) -> Sequence[Row[Any]]:
        """The rows.

        Raises:
            Unavailable: a value is no such value as its column holds: the database is damaged.
        """
        try:
            return result.all()
        except ValueError as error:
            raise Unavailable from error

    def _execute(self, statement: Executable, parameters: Any) -> CursorResult[Any]:
        connection = self.require_alive()
        self.statements += 1
        try:
            return connection.execute(statement, parameters)
        except Exception as failure:
            self._failure = failure
            raise
