"""The session: how repositories reach the database inside one transaction."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, Final, NoReturn, TypeVar

from sqlalchemy import Connection, Executable, Select, Table, insert

from sellout_adapters.sql.schema.inserts import insert_columns, insert_missing
from sellout_adapters.sql.session.compiled import DamagedValue, Row, compiled
from sellout_adapters.sql.session.engine_features import EngineFeatures
from sellout_adapters.sql.session.errors import RunAgain
from sellout_adapters.sql.session.product_cache import VERSION, CachedCatalogue, ProductCache
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable
from sellout_core.values import ProductId

T = TypeVar("T")

# A statement is compiled once as long as it is the same object.
_insert: Final = cache(insert)
_insert_missing: Final = cache(insert_missing)
_insert_columns: Final = cache(insert_columns)


@cache
def _locking(statement: Select[Any]) -> Select[Any]:
    # Foreign keys to the rows may be written meanwhile: no transaction changes what they refer to.
    return statement.with_for_update(key_share=True)


class DatabaseSession:
    """The connection of one transaction, until its work has ended, and what the work noted.

    Args:
        connection: In a transaction. None: a subclass runs the statements.
        references: The small tables as this process last read them.
        engine: The kind of database.
        product_cache: The store's product cache. None: the transaction may write.

    Attributes:
        statements: How many statements were run.
        catalogue_changed: Whether products or product units were written.
        uncounted_products: The ids of products that were written after `listed_counts` was updated last.
        unindexed_products: The ids of products that were changed after `search.terms` indexed them last.
    """

    def __init__(
        self,
        connection: Connection | None,
        references: References,
        engine: EngineFeatures,
        product_cache: ProductCache | None = None,
    ) -> None:
        self._connection = connection
        self._failure: Exception | None = None
        self._ended = False
        self.engine = engine
        self._product_cache = product_cache
        self._cached_catalogue: CachedCatalogue | None = None
        self.references = references
        self.added_references = False
        self.statements = 0
        self.catalogue_changed = False
        self.uncounted_products: set[int] = set()
        self.unindexed_products: set[ProductId] = set()
        self.referenced_ids: defaultdict[str, set[int]] = defaultdict(set)

    @property
    def locking(self) -> bool:
        """Whether the transaction locks rows: it may write, and others write meanwhile."""
        return self._product_cache is None and self.engine.locks_rows

    def require_alive(self) -> None:
        """Checks that the work goes on and that no statement has failed.

        Raises:
            Exception: the error of the statement that failed.
            RuntimeError: the transaction has ended.
        """
        if self._failure is not None:
            raise self._failure
        if self._ended:
            raise RuntimeError("the transaction has ended")

    def end(self) -> None:
        """Ends the session. It runs no more statements."""
        self._ended = True
        self._connection = None

    def lock(self, statement: Select[Any], parameters: Mapping[str, Any]) -> None:
        """Locks the rows that the statement selects, in its order, until the transaction ends. The statement is of one
        table, and the same object each time.

        Locking is a statement of its own: one that waits for a row and joins others to it returns these as they were
        before it waited.
        """
        if self.locking:
            self._execute(_locking(statement), parameters)

    def run_again(self) -> NoReturn:
        """Gives the transaction up, because another one changed what this one had read.

        Raises:
            RunAgain: always.
        """
        self._failure = RunAgain()
        raise self._failure

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """The rows that the statement returns."""
        return self._execute(statement, parameters or {})[0]

    def rows_among(
        self,
        statement: Executable,
        values: Collection[Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        key: str = "id",
    ) -> Sequence[Row]:
        """The rows that a statement with `among` returns for the values. Without values no statement is run.

        Args:
            statement: The statement.
            values: The values of `among`.
            parameters: Its other parameters.
            key: The name of the returned column that holds one of the values.
        """
        if not values:
            self.require_alive()
            return ()
        return self._among(statement, values, parameters or {}, key)

    def row(self, statement: Executable, parameters: Mapping[str, Any]) -> Row | None:
        """The only row that the statement returns, if it returns one."""
        return next(iter(self._execute(statement, parameters)[0]), None)

    def run(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """Runs the statement and returns how many rows it wrote."""
        return self._execute(statement, parameters)[1]

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
        """Adds rows to a table in the driver's fastest way.

        Args:
            table: The table.
            columns: The values of all rows by the column's name.
            missing: Whether to skip rows that a unique constraint refuses.
        """
        connection = self._alive()
        if not any(columns.values()):
            return
        names = tuple(columns)
        if self.engine.takes_arrays:
            self.run(_insert_columns(table, names, missing=missing), columns)
        else:
            statement = compiled(_insert_missing(table) if missing else _insert(table), connection.dialect, names)
            self._guarded(connection, lambda: statement.run_many(connection, columns))

    def add_with_ids(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """Adds rows as `add` does, and returns their ids, which rise in the order of the rows."""
        number = len(next(iter(columns.values())))
        statement = self.engine.next_ids(table)
        ids = sorted(row.id for row in self.rows(statement, {"number": number})) if number else []
        self.add(table, {"id": ids, **columns})
        return ids

    def cached_catalogue(self) -> CachedCatalogue | None:
        """The cached products of the version that this transaction sees. None: the transaction may write, so it reads
        them. The first call runs a statement, unless the version is known.
        """
        if self._cached_catalogue is None and self._product_cache is not None:
            [row] = self.rows(VERSION)
            self.set_catalogue_version(row.version)
        return self._cached_catalogue

    def set_catalogue_version(self, version: int) -> None:
        """Notes the version of the catalogue that this transaction sees."""
        if self._product_cache is not None:
            self._cached_catalogue = self._product_cache.of(version)

    def note_references(self, table: str, *ids: Iterable[int]) -> None:
        """Notes ids of a small table's rows to which loaded rows refer. `table` is a field of `References`."""
        self.referenced_ids[table].update(*ids)

    def note_changed_products(self, product_ids: Iterable[ProductId]) -> None:
        """Notes products that were written, or whose links or units were."""
        self.unindexed_products.update(product_ids)

    def note_catalogue_change(self, written: Collection[object]) -> None:
        """Notes products or units that were written."""
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
        key: str,  # noqa: ARG002 - for sessions that share statements
    ) -> Sequence[Row]:
        for_one = self.engine.finds_one_faster and len(values) == 1
        return self._execute(statement, {"among": values, **parameters}, for_one=for_one)[0]

    def _execute(
        self, statement: Executable, parameters: Mapping[str, Any], *, for_one: bool = False
    ) -> tuple[Sequence[Row], int]:
        """The rows that a statement returns, and how many rows it wrote."""
        connection = self._alive()
        ready = compiled(statement, connection.dialect, tuple(parameters), for_one=for_one)
        return self._guarded(connection, lambda: ready.run(connection, parameters))

    def _guarded(self, connection: Connection, run: Callable[[], T]) -> T:
        """What `run` returns. After an error the session runs nothing more."""
        self.statements += 1
        try:
            return run()
        except DamagedValue as error:
            self._failure = Unavailable()
            raise self._failure from error
        except Exception as error:
            self._failure = self.engine.store_error(connection, error)
            if self._failure is error:
                raise
            raise self._failure from error


def by_column(values: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Some attributes of values: for each name, those of all values."""
    return {name: list(map(attrgetter(name), values)) for name in names}
