"""The session: runs the statements of one transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any, Final, NoReturn, Protocol

import attrs
from sqlalchemy import Connection, Engine, Executable, Select, Table, insert

from sellout_adapters.sql.schema.inserts import insert_columns, insert_missing
from sellout_adapters.sql.session.compiled import DamagedValue, Row, compiled
from sellout_adapters.sql.session.deadline import Deadline
from sellout_adapters.sql.session.errors import RunAgain
from sellout_adapters.sql.session.product_cache import VERSIONS, CachedCatalogue, CachedReferences, ProductCache
from sellout_adapters.sql.session.tracing import statement_span
from sellout_core.errors import Unavailable
from sellout_core.values import ProductId

# The cache of compiled statements compares statements by identity.
_insert: Final = cache(insert)
_insert_missing: Final = cache(insert_missing)
_insert_columns: Final = cache(insert_columns)

_SHORT_READ_VALUES: Final = 1000
"""The maximum number of values, rows by columns, that a statement of a short read returns."""


@cache
def _locking(statement: Select[Any]) -> Select[Any]:
    # No transaction changes a referenced key, so others may insert references to locked rows.
    return statement.with_for_update(key_share=True)


class EngineFeatures(Protocol):
    """The features of a database that matter inside a transaction. `engines.database.Database` has the others."""

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine with the pool of connections."""

    @property
    def locks_rows(self) -> bool:
        """Whether writers are concurrent, so that they must lock the rows that they change."""

    @property
    def takes_arrays(self) -> bool:
        """Whether a parameter may be an array, so that one statement can write many rows."""

    @property
    def finds_one_faster(self) -> bool:
        """Whether `among` with a single value is faster if compiled for it."""

    def next_ids(self, table: Table) -> Executable:
        """The statement that assigns the next `number` ids of a table, the same object each time. No id is assigned
        twice, except after a rollback.
        """

    def limit_statements(self, connection: Connection, seconds: float) -> None:
        """Limits the time of each later statement of a search. Does nothing if the database looks at the deadline while
        a statement runs.
        """

    def store_error(self, connection: Connection, error: Exception) -> Exception:
        """The store's error for an error of the driver, or the same error. Invalidates a broken connection."""


@attrs.define(eq=False)
class DatabaseSession:
    """Runs the statements of one transaction and tracks its changes.

    Args:
        connection: A connection in a transaction. None: a subclass runs the statements.
        references: The cached reference tables.
        engine: The features of the database.
        product_cache: The store's product cache. None: the transaction may write.
        too_long: The error of a short read whose statement returns too many values. None: any number is allowed.
        deadline: When the transaction must end. None: only the limits of statements hold.

    Attributes:
        added_references: Whether rows were added to reference tables.
        references_changed: Whether rows of reference tables were changed or deleted.
        statements: The number of statements that were run.
        catalogue_changed: Whether products or product units were written.
        uncounted_products: The ids of products written since the last update of `listed_counts`.
        unindexed_products: The ids of products changed since `search.terms` last indexed them.
        changed_products: The ids of products indexed since the last change of the catalogue version.
        referenced_ids: The ids of reference rows to which loaded rows refer, by the field of `References`.
    """

    _connection: Connection | None
    references: CachedReferences
    engine: EngineFeatures
    _product_cache: ProductCache | None = None
    _too_long: type[Exception] | None = None
    deadline: Deadline | None = None
    _failure: Exception | None = attrs.field(default=None, init=False)
    _cached_catalogue: CachedCatalogue | None = attrs.field(default=None, init=False)
    added_references: bool = attrs.field(default=False, init=False)
    references_changed: bool = attrs.field(default=False, init=False)
    statements: int = attrs.field(default=0, init=False)
    catalogue_changed: bool = attrs.field(default=False, init=False)
    uncounted_products: set[int] = attrs.field(factory=set, init=False)
    unindexed_products: set[ProductId] = attrs.field(factory=set, init=False)
    changed_products: set[ProductId] = attrs.field(factory=set, init=False)
    referenced_ids: defaultdict[str, set[int]] = attrs.field(factory=partial(defaultdict, set), init=False)

    @property
    def locking(self) -> bool:
        """Whether the transaction locks rows: it may write, and there are concurrent writers."""
        return self._product_cache is None and self.engine.locks_rows

    def require_alive(self) -> None:
        """Checks that the transaction is active and that no statement has failed.

        Raises:
            Exception: the error of the statement that failed.
            RuntimeError: the transaction has ended.
        """
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """Ends the session. Later statements raise."""
        if self._failure is None:
            self._failure = RuntimeError("the transaction has ended")
        self._connection = None

    def lock(self, statement: Select[Any], parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Locks the rows that the statement selects, in its order, until the transaction ends, and returns them. The
        statement has one table and is the same object each time. Returns nothing if the transaction locks no rows.

        Locking is a separate statement, because a join that waits for a lock returns stale rows of the other tables.
        """
        return self._execute(_locking(statement), parameters)[0] if self.locking else ()

    def run_again(self) -> NoReturn:
        """Aborts the transaction, because another one has changed rows that it read.

        Raises:
            RunAgain: always.
        """
        self._failure = RunAgain()
        raise self._failure

    def rows(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Sequence[Row]:
        """Runs the statement and returns its rows."""
        return self._execute(statement, parameters or {})[0]

    def rows_among(
        self,
        statement: Executable,
        values: Collection[Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        key: str = "id",  # noqa: ARG002 - for sessions that share statements
    ) -> Sequence[Row]:
        """Runs a statement with `among` and returns its rows. Without values no statement runs.

        Args:
            statement: The statement.
            values: The values of `among`.
            parameters: All other parameters.
            key: The returned column that contains one of the values.
        """
        if not values:
            self.require_alive()
            return ()
        for_one = self.engine.finds_one_faster and len(values) == 1
        among = next(iter(values)) if for_one else values
        return self._execute(statement, {"among": among, **(parameters or {})}, for_one=for_one)[0]

    def row(self, statement: Executable, parameters: Mapping[str, Any]) -> Row | None:
        """Runs the statement and returns its only row, if any."""
        return next(iter(self._execute(statement, parameters)[0]), None)

    def run(self, statement: Executable, parameters: Mapping[str, Any]) -> int:
        """Runs the statement and returns the number of written rows."""
        return self._execute(statement, parameters)[1]

    def run_many(self, statement: Executable, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Runs the statement for each set of parameters, in order."""
        self.require_alive()
        if not parameters:
            return
        assert self._connection is not None  # noqa: S101 - for the type alone
        self.statements += 1
        try:
            dialect = self._connection.dialect
            with statement_span(dialect.name, lambda: compiled(statement, dialect, tuple(parameters[0])).sql):
                self._connection.execute(statement, parameters)
        except Exception as failure:
            self._failure = failure
            raise

    def add(self, table: Table, columns: Mapping[str, Sequence[Any]], *, missing: bool = False) -> None:
        """Adds rows to a table in the driver's fastest way.

        Args:
            table: The table.
            columns: The values of all rows, by column name.
            missing: Whether to skip rows that violate a unique constraint.
        """
        self.require_alive()
        if not any(columns.values()):
            return
        if self.engine.takes_arrays:
            self.run(_insert_columns(table, tuple(columns), missing=missing), columns)
        else:
            self._execute(_insert_missing(table) if missing else _insert(table), columns, many=True)

    def add_with_ids(self, table: Table, columns: Mapping[str, Sequence[Any]]) -> Sequence[Any]:
        """Adds rows as `add` does, and returns their ids, in ascending order."""
        number = len(next(iter(columns.values())))
        statement = self.engine.next_ids(table)
        ids = sorted(row.id for row in self.rows(statement, {"number": number})) if number else []
        self.add(table, {"id": ids, **columns})
        return ids

    def cached_catalogue(self) -> CachedCatalogue | None:
        """The cached products of the catalogue version in the snapshot. None: the transaction may write, so it does not
        use the cache. The first call runs a statement, unless the version is known.
        """
        if self._cached_catalogue is None and self._product_cache is not None:
            [row] = self.rows(VERSIONS)
            self.set_catalogue_versions(row)
        return self._cached_catalogue

    def set_catalogue_versions(self, row: Row) -> None:
        """Sets the versions of the snapshot, from a row with the columns of `VERSIONS`."""
        if self._product_cache is not None:
            self._cached_catalogue = self._product_cache.of(row.version)
        if row.references_version > self.references.version:
            self.note_references_version(row.references_version)

    def note_references_version(self, version: int) -> None:
        """Discards cached reference tables of an older version."""
        if version > self.references.version:
            self.references = CachedReferences(version)

    def note_references(self, table: str, *ids: Iterable[int]) -> None:
        """Records the ids of a reference table to which loaded rows refer. `table` is a field of `References`."""
        self.referenced_ids[table].update(*ids)

    def note_changed_products(self, product_ids: Iterable[ProductId]) -> None:
        """Records products whose row, links or units were written."""
        self.unindexed_products.update(product_ids)

    def note_catalogue_change(self, written: Collection[object]) -> None:
        """Records that products or units were written."""
        self.catalogue_changed = self.catalogue_changed or bool(written)

    def _execute(
        self, statement: Executable, parameters: Mapping[str, Any], *, for_one: bool = False, many: bool = False
    ) -> tuple[Sequence[Row], int]:
        """Runs a statement and returns its rows and the number of written rows. After an error, later statements raise.

        Args:
            statement: The statement, the same object each time.
            parameters: Its parameters.
            for_one: Whether `among` is a single value.
            many: Whether each parameter is a column of values, and the statement runs once for each row.
        """
        if self._failure is not None:
            raise self._failure
        connection = self._connection
        assert connection is not None  # noqa: S101 - for the type alone
        ready = compiled(statement, connection.dialect, tuple(parameters), for_one=for_one)
        self.statements += 1
        try:
            if self.deadline is not None:
                self.deadline.before_statement(partial(self.engine.limit_statements, connection))
            with statement_span(connection.dialect.name, lambda: ready.sql):
                rows, written = ready.run_many(connection, parameters) if many else ready.run(connection, parameters)
        except DamagedValue as error:
            self._failure = Unavailable()
            raise self._failure from error
        except Exception as error:
            self._failure = self.engine.store_error(connection, error)
            if self._failure is error:
                raise
            raise self._failure from error
        return self._require_short(rows), written

    def _require_short(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Returns the rows, unless they are too many for a short read."""
        if self._too_long is not None and rows and len(rows) * len(rows[0]) > _SHORT_READ_VALUES:
            self._failure = self._too_long()
            raise self._failure
        return rows


def by_column(values: Sequence[Any], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    """Converts objects to columns: the values of each named attribute."""
    return {name: list(map(attrgetter(name), values)) for name in names}
