"""Read batching: short reads on an event loop share transactions and statements.

A use case is synchronous. It runs in a greenlet, which suspends at each statement. Use cases that arrive while all
connections are busy share the next transaction and its snapshot. When all greenlets are suspended, equal statements
with `among` run once, for all values. Sixteen carts take as many round trips as one.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import attrs
from greenlet import getcurrent
from sqlalchemy import Dialect, Executable

from sellout_adapters.sql.concurrency.greenlet_task import LOOP_SLICE, GreenletTask
from sellout_adapters.sql.session.compiled import CompiledStatement, DamagedValue, Row, compiled
from sellout_adapters.sql.session.errors import unavailable_because
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_adapters.sql.session.tracing import statement_span
from sellout_core.errors import Unavailable

T = TypeVar("T")

MAX_TASKS: Final = 64
"""The maximum number of tasks in a transaction."""

MAX_WAITING: Final = 1024
"""The maximum number of waiting tasks."""


class ReadConnection(Protocol):
    """An asynchronous connection to a database."""

    def begin(self) -> None:
        """Ends the last transaction and begins a read-only one on a new snapshot, together with the next statement."""

    async def execute(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Runs a statement and returns its rows. Replaces a connection that broke before the first statement.

        Raises:
            DamagedValue: a value of a row does not fit its column.
            Exception: the statement failed.
        """

    async def end(self) -> None:
        """Ends the transaction, if there is one."""

    async def close(self) -> None:
        """Closes the connection."""


@attrs.frozen(eq=False)
class ReadRequest:
    """The pending statement of a task.

    Attributes:
        statement: The statement.
        parameters: All parameters except `among`.
        values: The values of `among`.
        key: The returned column that contains one of the values. None: the statement has no `among`.
    """

    statement: Executable
    parameters: Mapping[str, Any]
    values: Collection[Any] = ()
    key: str | None = None

    def sql(self, dialect: Dialect) -> str:
        """The SQL, with its placeholders."""
        names = [*self.parameters] if self.key is None else [*self.parameters, "among"]
        return compiled(self.statement, dialect, tuple(names)).sql

    @property
    def batch_key(self) -> Any:
        """Requests with equal keys run as one statement. A request with parameters but no `among` is not batched."""
        if self.key is None:
            return self if self.parameters else self.statement
        return self.statement, tuple(self.parameters.items())


class _SharedRows:
    """The rows of a statement that several requests share."""

    def __init__(self, rows: Sequence[Row], key: str | None) -> None:
        self._rows = rows
        self._places: defaultdict[Any, list[int]] = defaultdict(list)
        if key is not None:
            for place, row in enumerate(rows):
                self._places[getattr(row, key)].append(place)

    def of(self, request: ReadRequest) -> Sequence[Row]:
        """The rows of one request, in the statement's order."""
        if request.key is None:
            return self._rows
        places = sorted(place for value in set(request.values) for place in self._places.get(value, ()))
        return [self._rows[place] for place in places]


class BatchedSession(DatabaseSession):
    """The session of a task. The read batcher runs its statements."""

    def rows_among(
        self,
        statement: Executable,
        values: Collection[Any],
        parameters: Mapping[str, Any] | None = None,
        *,
        key: str = "id",
    ) -> Sequence[Row]:
        """As `DatabaseSession.rows_among`."""
        if not values:
            self.require_alive()
            return ()
        return self._suspend(ReadRequest(statement, parameters or {}, values, key))

    def _execute(self, statement: Executable, parameters: Mapping[str, Any], **_: bool) -> tuple[Sequence[Row], int]:
        return self._suspend(ReadRequest(statement, parameters)), 0

    def _suspend(self, request: ReadRequest) -> Sequence[Row]:
        self.require_alive()
        event_loop: Any = getcurrent().parent
        self.statements += 1
        try:
            with statement_span(self.engine.engine.dialect.name, lambda: request.sql(self.engine.engine.dialect)):
                rows: Sequence[Row] = event_loop.switch(request)
        except Exception as failure:
            self._failure = failure
            raise
        return self._require_short(rows)


class ReadBatcher:
    """Batches the short reads of one event loop. Each worker runs up to `MAX_TASKS` waiting tasks in a transaction.

    Args:
        run: Runs `work` over a `BatchedSession` and passes the number of its statements to `note`.
        connect: Opens a connection.
        compile_statement: Compiles a statement with parameters of those names.
        seconds: The maximum duration of a transaction.
        workers: The maximum number of workers. Each has its own connection.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        connect: Callable[[], Awaitable[ReadConnection]],
        compile_statement: Callable[[Executable, tuple[str, ...]], CompiledStatement],
        seconds: float,
        workers: int = 2,
    ) -> None:
        self._run_work = run
        self._seconds = seconds
        self._connect = connect
        self._compile = compile_statement
        self._max_workers = workers
        self._waiting: deque[GreenletTask] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[ReadConnection] = []

    async def read(self, work: Callable[[Any], T], note: Callable[[int], None]) -> T:
        """Runs the work, which waits for its statements alone. `note` receives the number of statements.

        Raises:
            Unavailable: too many tasks are waiting, or the database is unreachable.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable
        task = GreenletTask(partial(self._run_work, work, note))
        self._waiting.append(task)
        if len(self._workers) < self._max_workers:
            self._workers.add(asyncio.get_running_loop().create_task(self._serve()))
        result: T = await task.outcome
        return result

    async def close(self) -> None:
        """Waits for the reads that have begun, and closes the connections."""
        while self._workers:
            await asyncio.gather(*self._workers, return_exceptions=True)
        while self._idle:
            await self._idle.pop().close()

    async def _serve(self) -> None:
        """Runs waiting tasks until none are left. A worker that cannot connect leaves them to the other workers."""
        connection: ReadConnection | None = None
        try:
            while self._waiting or connection is not None:
                tasks: Sequence[GreenletTask] = ()
                try:
                    async with asyncio.timeout(self._seconds):
                        if connection is None:
                            connection = self._idle.pop() if self._idle else await self._connect()
                        tasks = self._take()
                        connection = await self._run(tasks, connection)
                except Exception as error:  # noqa: BLE001 - raised to every caller
                    if connection is None:
                        if len(self._workers) > 1:
                            return
                        tasks = self._take()
                    connection = None
                    for task in tasks:
                        task.throw(error if isinstance(error, Unavailable) else unavailable_because(error))
        finally:
            # A callback of the task would come too late for a task that arrives now.
            self._workers -= {asyncio.current_task()}

    def _take(self) -> Sequence[GreenletTask]:
        """Removes the next tasks from the queue, and drops those whose callers were cancelled."""
        taken = [self._waiting.popleft() for _ in range(min(MAX_TASKS, len(self._waiting)))]
        return [task for task in taken if not task.outcome.done()]

    async def _run(self, tasks: Sequence[GreenletTask], connection: ReadConnection) -> ReadConnection | None:
        """Runs tasks in a transaction. Returns the connection in that transaction, or None if no task ran a
        statement: then the connection is idle.
        """
        try:
            await _step_each(tasks, GreenletTask.resume)
            suspended = [task for task in tasks if task.request is not None]
            if not suspended:
                await connection.end()
                self._idle.append(connection)
                return None
            connection.begin()
            while suspended:
                await self._execute(suspended, connection)
                suspended = [task for task in suspended if task.request is not None]
        except BaseException:
            with suppress(Exception):
                await connection.close()
            raise
        return connection

    async def _execute(self, tasks: Sequence[GreenletTask], connection: ReadConnection) -> None:
        """Runs the pending statements, equal ones once, and resumes the tasks."""
        batches: dict[Any, list[GreenletTask]] = {}
        for task in tasks:
            batches.setdefault(task.request.batch_key, []).append(task)
        for batch in batches.values():
            first: ReadRequest = batch[0].request
            parameters = dict(first.parameters)
            if first.key is not None:
                parameters["among"] = list({value: None for task in batch for value in task.request.values})
            statement = self._compile(first.statement, tuple(parameters))
            try:
                rows = _SharedRows(await connection.execute(statement, parameters), first.key)
            except DamagedValue as error:
                for task in batch:
                    task.throw(unavailable_because(error))
            else:
                await _step_each(batch, partial(_reply, rows=rows))


def _reply(task: GreenletTask, rows: _SharedRows) -> None:
    task.resume(rows.of(task.request))


async def _step_each(tasks: Sequence[GreenletTask], step: Callable[[GreenletTask], None]) -> None:
    """Steps each task. Yields to the event loop after each `LOOP_SLICE`."""
    pause = monotonic() + LOOP_SLICE
    for task in tasks:
        step(task)
        if monotonic() > pause:
            await asyncio.sleep(0)
            pause = monotonic() + LOOP_SLICE
