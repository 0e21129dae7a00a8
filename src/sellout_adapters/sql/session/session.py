"""How repositories reach the database inside one transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar

from sqlalchemy import Connection, Executable, Select, Table, insert

from sellout_adapters.sql.schema.inserts import insert_columns, insert_missing, next_ids
from sellout_adapters.sql.session.compiled import Damaged, Row, prepared
from sellout_adapters.sql.session.errors import RunAgain
from sellout_adapters.sql.session.product_cache import VERSION, Keeper, Kept
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable
from sellout_core.values import ProductId

T = TypeVar("T")

# A statement is prepared once as long as it is the same object.
_insert: Final = cache(insert)
_insert_missing: Final = cache(insert_missing)
_insert_columns: Final = cache(insert_columns)
_next_ids: Final = cache(next_ids)


@cache
def _locking(statement: Select[Any]) -> Select[Any]:
    # Other tables' references to the rows are let through: nothing here changes what they refer to.
    return statement.with_for_update(key_share=True)


class Link:
    """One transaction's connection, dead once its work has ended, with what the work knows of the small tables.

    Args:
        connection: in a transaction.
        known: the small tables as this transaction last saw them.
        dialect: the database's kind, `sqlite` or `postgresql`.
        locking: whether rows that are read to be changed must be locked, because other transactions write meanwhile.
        keeper: what is kept of the catalogue, for a transaction that only reads.
        translated: what an error of the driver means; it may be the same error.

    Attributes:
        statements: how many the database was asked.
        catalogue_changed: whether what was written may make products or product units look different.
        written_products: the ids of products written since listed products were counted last.
        touched: products of which `indexing` has to write what follows from what was written.
    """

    def __init__(
        self,
        connection: Connection | None,
        known: References,
        *,
        dialect: str,
        locking: bool = False,
        keeper: Keeper | None = None,
        translated: Callable[[Connection, Exception], Exception] = lambda _, error: error,
    ) -> None:
        self._connection = connection
        self._translated = translated
        self._failure: Exception | None = None
        self._ended = False
        self.dialect = dialect
        self.locking = locking
        self._keeper = keeper
        self._kept: Kept | None = None
        self.known = known
        self.added_references = False
        self.statements = 0
        self.catalogue_changed = False
        self.written_products: set[int] = set()
        self.touched: set[ProductId] = set()
        self.referred: defaultdict[str, set[int]] = defaultdict(set)

    def require_alive(self) -> None:
        """Lets through while the work goes on and no statement has failed.

        Raises:
            Exception: what a statement failed with; what is asked after it cannot be answered.
            RuntimeError: the transaction is over.
        """
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise RuntimeError("the transaction has ended")

    def end(self) -> None:
        """Cuts the link."""
        self._ended = True
        self._connection = None

    def lock(self, statement: Select[Any], parameters: Mapping[str, Any]) -> None:
        """Locks the rows of a table that the statement, the same object each time, selects, in its order, until the
        transaction ends.

        What is locked is read in a statement of its own: one that both waits for a row and joins others to it gives
        these as they were before it waited.
        """
        if self.locking:
            self._ask(_locking(statement), parameters)

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
        self,
        statement: Executable,
        values: Collection[Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        key: str = "id",
    ) -> Sequence[Row]:
        """Every row that a statement with `among` gives for the values; for none of them, none without asking. `key` is
        what the statement calls the column that is among them.
        """
        if not values:
            self.require_alive()
            return ()
        return self._among(statement, values, parameters or {}, key)

    def row(self, statement: Executable, parameters: Mapping[str, Any]) -> Row | None:
        """The one row that the statement gives, if it gives one."""
        return next(iter(self._ask(statement, parameters)[0]), None)

    def run(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """How many rows the statement wrote."""
        return self._ask(statement, parameters)[1]

    def run_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Runs the statement for each set of parameters, in order."""
        connection = self._alive()
        if not parameters:
            return
        self.statements += 1
        try:
            connection.execute(statement, parameters)
        except Exception as failure:
            self._failure = failure
            raise

    def add(self, table: Table, columns: Mapping[str, Sequence[Any]], *, missing: bool = False) -> None:
        """Adds rows to a table, given by column, as fast as the driver can. With `missing` it passes over rows that the
        table has, by any of its unique constraints.
        """
        connection = self._alive()
        if not any(columns.values()):
            return
        names = tuple(columns)
        if connection.dialect.name == "sqlite":
            statement = _insert_missing(table) if missing else _insert(table)
            ready = prepared(statement, connection.dialect, names)
            self._asking(connection, lambda: ready.run_many(connection, columns))
        else:
            self.run(_insert_columns(table, names, missing=missing), columns)

    def add_with_ids(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """Adds rows to a table, given by column, and gives the ids they get, going up in the order of the rows."""
        number = len(next(iter(columns.values())))
        statement = _next_ids(table, self._alive().dialect)
        ids = sorted(row.id for row in self.rows(statement, {"number": number})) if number else []
        self.add(table, {"id": ids, **columns})
        return ids

    def kept(self) -> Kept | None:
        """What is kept of the catalogue as this transaction finds it; None: it is to read for itself. The first time
        takes a statement, unless the version was found already.
        """
        if self._kept is None and self._keeper is not None:
            [row] = self.rows(VERSION)
            self.finds_version(row.version)
        return self._kept

    def finds_version(self, version: int) -> None:
        """Notes the version of the catalogue that this transaction sees."""
        if self._keeper is not None:
            self._kept = self._keeper.of(version)

    def refers(self, table: str, *ids: Iterable[int]) -> None:
        """Notes ids of a small table's rows (a field of `References`) that something loaded refers to."""
        self.referred[table].update(*ids)

    def touches(self, product_ids: Iterable[ProductId]) -> None:
        """Notes products that are written, or of which links or units are."""
        self.touched.update(product_ids)

    def changes_catalogue(self, written: Collection[object]) -> None:
        """Notes products or units that are written."""
        self.catalogue_changed = self.catalogue_changed or bool(written)

    def _alive(self) -> Connection:
        self.require_alive()
        assert self._connection is not None  # noqa: S101 - for the type alone
        return self._connection

    def _among(
        self,
        statement: Executable,
        values: Collection[Any],
        parameters: Mapping[str, Any],
        key: str,  # noqa: ARG002 - for those who ask together
    ) -> Sequence[Row]:
        """The rows of a statement with `among`."""
        return self._ask(statement, {"among": values, **parameters}, for_one=len(values) == 1)[0]

    def _ask(
        self, statement: Executable, parameters: Mapping[str, Any], *, for_one: bool = False
    ) -> tuple[Sequence[Row], int]:
        """The rows that a statement gives, and how many it wrote."""
        connection = self._alive()
        for_one = for_one and self.dialect == "sqlite"
        ready = prepared(statement, connection.dialect, tuple(parameters), for_one=for_one)
        return self._asking(connection, lambda: ready.run(connection, parameters))

    def _asking(self, connection: Connection, ask: Callable[[], T]) -> T:
        """What the driver gives; after an error of its nothing more is asked."""
        self.statements += 1
        try:
            return ask()
        except Damaged as error:
            self._failure = Unavailable()
            raise self._failure from error
        except Exception as error:
            self._failure = self._translated(connection, error)
            if self._failure is error:
                raise
            raise self._failure from error


def by_column(values: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Some attributes of values, each for all of them."""
    return {name: list(map(attrgetter(name), values)) for name in names}
