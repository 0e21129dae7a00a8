"""Group commit: writers of a single-writer database take the write lock in FIFO order and share commits.

A commit waits for the disk, longer than most transactions take. A writer with waiters does not commit: the next writer
continues in the same transaction, in its own savepoint. The last one commits for all. Each writer is atomic and returns
after the durable commit.
"""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import Final, NoReturn, TypeVar

from sqlalchemy import Connection, Engine

from sellout_adapters.sql.session.connections import driver_connection, opened
from sellout_adapters.sql.session.errors import unavailable_because
from sellout_core.errors import Unavailable

T = TypeVar("T")

MAX_WRITERS: Final = 64
"""The maximum number of writers that share a commit."""


class GroupCommit:
    """Groups the commits of a file.

    Args:
        engine: An engine whose transactions take SQLite's write lock when they begin.
        wait: The maximum time that a writer waits for the lock, in seconds.
    """

    def __init__(self, engine: Engine, wait: float) -> None:
        self._engine = engine
        self._lock = _FifoLock(wait)
        self._open: SharedTransaction | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """Runs the work, waits for the commit, and returns the result or raises the error of the work.

        Raises:
            Unavailable: the lock was not free in time, the file is locked or full, or the commit failed.
        """
        transaction = self.join()
        outcome = transaction.run(work)
        self.leave(transaction)
        return transaction.outcome_after_commit(outcome)()

    def join(self) -> "SharedTransaction":
        """Waits for the lock and returns the open transaction or a new one. The caller must call `leave`.

        Raises:
            Unavailable: the lock was not free in time, or the file is locked.
        """
        try:
            self._lock.acquire()
        except _InterruptedWithLock as interrupted:
            self._commit_or_hand_over()
            raise interrupted.__cause__ or interrupted from None
        try:
            if self._open is None:
                self._open = SharedTransaction(self._engine)
        except BaseException:
            self._lock.release()
            raise
        return self._open

    def leave(self, transaction: "SharedTransaction") -> None:
        """Releases the lock and waits until the transaction has ended."""
        self._commit_or_hand_over()
        transaction.ended.wait()

    def _commit_or_hand_over(self) -> None:
        """Commits, unless another writer is waiting and may join. Releases the lock."""
        transaction = self._open
        if transaction is not None and not transaction.full and self._lock.hand_over():
            return
        self._open = None
        try:
            if transaction is not None:
                transaction.end()
        finally:
            self._lock.release()


class SharedTransaction:
    """A transaction of several writers. Only the lock holder may use it.

    Attributes:
        failure: The reason why the transaction cannot be committed, or was not.
        ended: Set after the commit or the rollback.
    """

    def __init__(self, engine: Engine) -> None:
        self._connection = opened(engine)
        self._size = 0
        self.failure: BaseException | None = None
        self.ended = Event()
        try:
            self._connection.begin()
        except BaseException:
            self._connection.close()
            raise

    @property
    def full(self) -> bool:
        """Whether no other writer may join."""
        return self._size >= MAX_WRITERS or self.failure is not None

    def run(self, work: Callable[[Connection], T]) -> Callable[[], T]:
        """Runs the work in a savepoint. Returns a function that returns its result or raises its error."""
        self._size += 1
        try:
            self._execute("SAVEPOINT work")
            result = work(self._connection)
            self._execute("RELEASE work")
        except BaseException as error:  # noqa: BLE001 - raised to the writer after the commit
            self._roll_back(error)
            return _raising(error)
        return lambda: result

    def outcome_after_commit(self, outcome: Callable[[], T]) -> Callable[[], T]:
        """The outcome, or a function that raises `Unavailable` if the transaction was not committed."""
        return outcome if self.failure is None else _raising(unavailable_because(self.failure))

    def end(self) -> None:
        """Commits unless the transaction failed, and wakes its writers."""
        try:
            if self.failure is None:
                self._connection.commit()
        except BaseException as error:  # noqa: BLE001 - raised to every writer
            self.failure = error
        try:
            if self.failure is not None:
                # A failed commit may leave the transaction open and the file locked.
                self._connection.invalidate()
            self._connection.close()
        finally:
            self.ended.set()

    def _execute(self, sql: str) -> None:
        # Directly in the driver: for so short a statement SQLAlchemy takes several times as long as SQLite.
        driver_connection(self._connection).execute(sql)

    def _roll_back(self, error: BaseException) -> None:
        """Rolls back to the savepoint. If SQLite has rolled back the transaction, all of its writers fail."""
        try:
            raw = self._connection.connection.dbapi_connection
            if raw is None or not raw.in_transaction:
                self.failure = error
                return
            self._execute("ROLLBACK TO work")
            self._execute("RELEASE work")
        except BaseException as failure:  # noqa: BLE001 - raised to every writer
            self.failure = failure


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def outcome() -> NoReturn:
        raise error

    return outcome


class _InterruptedWithLock(Exception):
    """A writer was interrupted while it acquired the lock."""


class _FifoLock:
    """A FIFO lock: no writer starves, and none polls the file."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._guard = Lock()
        self._locked = False
        self._waiting: deque[Lock] = deque()

    def acquire(self) -> None:
        """Waits for the lock.

        Raises:
            Unavailable: the lock was not free in time.
        """
        with self._guard:
            if not self._locked:
                self._locked = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        try:
            acquired = gate.acquire(timeout=self._wait)
        except BaseException as error:
            if self._withdraw(gate):
                raise
            raise _InterruptedWithLock from error
        # The lock may have been handed over between the timeout and the withdrawal.
        if not acquired and self._withdraw(gate):
            raise Unavailable

    def hand_over(self) -> bool:
        """Passes the lock to the first waiter. False: there is no waiter, and the caller holds the lock."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
                return True
            return False

    def release(self) -> None:
        """Passes the lock to the first waiter, or frees it."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._locked = False

    def _withdraw(self, gate: Lock) -> bool:
        """Stops waiting. False: the caller holds the lock."""
        with self._guard:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return True
            return False
