"""How repositories reach the database inside one transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from sqlalchemy import Connection, Executable, Select

from sellout_adapters.sql.database import RunAgain
from sellout_adapters.sql.prepared import Damaged, Row, prepared
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable
from sellout_core.values import ProductId


class Link:
    """One transaction's connection, dead once its work has ended, with what the work knows of the small tables.

    Args:
        connection: in a transaction.
        known: the small tables as this transaction last saw them.
        writing: whether the transaction may write.
        translated: what an error of the driver means; it may be the same error.

    Attributes:
        statements: how many the database was asked.
        catalogue_changed: whether what was written may make products or product units look different.
        touched: products of which `indexing` has to write what follows from what was written.
        dialect: the database's kind, `sqlite` or `postgresql`.
        locking: whether rows that are read to be changed must be locked, because other transactions write meanwhile.
    """

    def __init__(
        self,
        connection: Connection,
        known: References,
        *,
        writing: bool,
        translated: Callable[[Connection, Exception], Exception],
    ) -> None:
        self._connection: Connection | None = connection
        self._translated = translated
        self._failure: Exception | None = None
        self.dialect = connection.dialect.name
        self.locking = writing and self.dialect != "sqlite"
        self.known = known
        self.added_references = False
        self.statements = 0
        self.catalogue_changed = False
        self.touched: set[ProductId] = set()
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
            self._ask(statement.with_for_update(key_share=True), parameters)

    def run_again(self) -> NoReturn:
        """Gives the transaction up because another one changed what this one had read.

        Raises:
            RunAgain: always; the work is run from the start.
        """
        self._failure = RunAgain()
        raise self._failure

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Every row that the statement gives."""
        return self._ask(statement, parameters or {})[0]

    def rows_among(
        self, statement: Executable, values: Collection[Any], parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row]:
        """Every row that a statement with `among` gives for the values; for none of them, none without asking."""
        if not values:
            self.require_alive()
            return ()
        return self._ask(statement, {"among": values, **(parameters or {})})[0]

    def row(self, statement: Executable, parameters: Mapping[str, Any]) -> Row | None:
        """The one row that the statement gives, if it gives one."""
        return next(iter(self._ask(statement, parameters)[0]), None)

    def run(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """How many rows the statement wrote."""
        return self._ask(statement, parameters)[1]

    def run_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Runs the statement for each set of parameters, in order."""
        self.require_alive()
        if parameters:
            self._ask_many(statement, parameters)

    def insert_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Inserts rows and gives the one column that the statement returns for each, in order."""
        self.require_alive()
        return self._ask_many(statement, parameters) if parameters else ()

    def refers(self, table: str, ids: Iterable[int]) -> None:
        """Notes ids of a small table's rows (a field of `References`) that something loaded refers to."""
        self.referred[table].update(ids)

    def touches(self, product_ids: Iterable[ProductId]) -> None:
        """Notes products that are written, or of which links or units are."""
        self.touched.update(product_ids)

    def changes_catalogue(self, written: Collection[object]) -> None:
        """Notes products or units that are written."""
        self.catalogue_changed = self.catalogue_changed or bool(written)

    def _ask(self, statement: Executable, parameters: Mapping[str, Any]) -> tuple[Sequence[Row], int]:
        """The rows that a statement gives, and how many it wrote."""
        connection = self.require_alive()
        ready = prepared(statement, connection.dialect, tuple(parameters))
        self.statements += 1
        try:
            return ready.run(connection, parameters)
        except Damaged as error:
            self._failure = Unavailable()
            raise self._failure from error
        except Exception as error:
            self._failure = self._translated(connection, error)
            if self._failure is error:
                raise
            raise self._failure from error

    def _ask_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """The first column of what the statement gives for each set of parameters, in order; () if it gives nothing."""
        connection = self.require_alive()
        self.statements += 1
        try:
            result = connection.execute(statement, parameters)
            return result.scalars().all() if result.returns_rows else ()
        except Exception as failure:
            self._failure = failure
            raise
