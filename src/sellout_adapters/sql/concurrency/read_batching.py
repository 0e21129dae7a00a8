"""Read batching: short reads on an event loop, in shared transactions whose like statements are run as one.

A use case that reads is synchronous. It runs in a greenlet that suspends where it runs a statement. Those that arrive
while the connections are busy share the next transaction and its snapshot. When all of them have suspended, the same
statement with `among` is run once, for the values of all, and each gets its own rows: sixteen carts take as many round
trips as one.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import attrs
from sqlalchemy import Executable

from sellout_adapters.sql.concurrency.greenlet_task import LOOP_SLICE, GreenletTask, suspend
from sellout_adapters.sql.session.compiled import CompiledStatement, DamagedValue, Row
from sellout_adapters.sql.session.errors import unavailable_because
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.errors import Unavailable

T = TypeVar("T")

MAX_TASKS: Final = 64
"""How many tasks share a transaction at most."""

MAX_WAITING: Final = 1024
"""How many tasks wait for a transaction at most."""


class ReadConnection(Protocol):
    """An asynchronous connection to a database."""

    def begin(self) -> None:
        """Begins a transaction that only reads, on one snapshot, and ends the one before. It is sent with the first
        statement.
        """

    async def execute(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows that a statement returns. A connection that broke before the transaction's first statement is
        replaced.

        Raises:
            DamagedValue: a value of a row does not fit its column.
            Exception: the statement cannot be run.
        """

    async def end(self) -> None:
        """Ends the transaction, if there is one."""

    async def close(self) -> None:
        """Closes the connection."""


@attrs.frozen(eq=False)
class ReadRequest:
    """A statement for which a task waits.

    Attributes:
        statement: The statement.
        parameters: Its parameters but `among`.
        values: The values of `among`.
        key: The name of the returned column that holds one of the values. None: the statement is without `among`.
    """

    statement: Executable
    parameters: Mapping[str, Any]
    values: Collection[Any] = ()
    key: str | None = None

    @property
    def batch_key(self) -> Any:
        """Requests with equal keys are run as one statement. Without `among`, parameters keep a request alone."""
        if self.key is None:
            return self if self.parameters else self.statement
        return self.statement, tuple(self.parameters.items())


class _SharedRows:
    """The rows that a statement returned to several requests."""

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

    def _among(
        self, statement: Executable, values: Collection[Any], parameters: Mapping[str, Any], key: str
    ) -> Sequence[Row]:
        return self._suspend(ReadRequest(statement, parameters, values, key))

    def _execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any],
        *,
        for_one: bool = False,  # noqa: ARG002 - never for a batch
    ) -> tuple[Sequence[Row], int]:
        return self._suspend(ReadRequest(statement, parameters)), 0

    def _suspend(self, request: ReadRequest) -> Sequence[Row]:
        self.require_alive()
        self.statements += 1
        try:
            rows: Sequence[Row] = suspend(request)
        except Exception as failure:
            self._failure = failure
            raise
        return rows


class ReadBatcher:
    """The short reads of one event loop. Workers take the waiting tasks, each worker as many as share a transaction.

    Args:
        connect: Opens a connection.
        compile_statement: Compiles a statement with parameters of those names.
        seconds: How long a transaction may take.
        workers: How many workers there are at most, each with a connection of its own.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[ReadConnection]],
        compile_statement: Callable[[Executable, tuple[str, ...]], CompiledStatement],
        seconds: float,
        workers: int = 2,
    ) -> None:
        self._seconds = seconds
        self._connect = connect
        self._compile = compile_statement
        self._max_workers = workers
        self._waiting: deque[GreenletTask] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: list[ReadConnection] = []

    async def read(self, work: Callable[[], T]) -> T:
        """What the work returns. It uses a `BatchedSession` and waits for nothing else.

        Raises:
            Unavailable: too many tasks wait, or the database is unreachable.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable
        task = GreenletTask(work)
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
        """Runs the waiting tasks until there are none. A worker without a connection leaves them to the other ones."""
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
        """The tasks of the next transaction whose callers were not cancelled."""
        taken = [self._waiting.popleft() for _ in range(min(MAX_TASKS, len(self._waiting)))]
        return [task for task in taken if not task.outcome.done()]

    async def _run(self, tasks: Sequence[GreenletTask], connection: ReadConnection) -> ReadConnection | None:
        """Runs tasks in a transaction and returns the connection, still in it. If no task reads, the connection becomes
        idle.
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
        """Runs what the tasks request, like requests as one statement, and resumes the tasks."""
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
    """Takes a step with each task, and lets other tasks of the event loop run in between."""
    pause = monotonic() + LOOP_SLICE
    for task in tasks:
        step(task)
        if monotonic() > pause:
            await asyncio.sleep(0)
            pause = monotonic() + LOOP_SLICE
