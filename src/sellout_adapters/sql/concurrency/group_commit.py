"""Writers of a database that takes one at a time: in the order in which they came, sharing commits.

A commit waits for the disk, which takes longer than most transactions. So a writer that others wait behind does not
commit by itself: they go on in the same transaction, each in a savepoint of its own, and the last one commits for all.
Each is still all or nothing, and none is told that it is done before it is durable.
"""

from collections import deque
from collections.abc import Callable
from threading import Event, Lock
from typing import Final, NoReturn, TypeVar

from sqlalchemy import Connection, Engine

from sellout_adapters.sql.session.compiled import driver_of
from sellout_adapters.sql.session.connections import connected
from sellout_adapters.sql.session.errors import unavailable
from sellout_core.errors import Unavailable

T = TypeVar("T")

MOST: Final = 64
"""How many writers share a commit at most."""


class Batches:
    """The one place where a file is written.

    Args:
        engine: Its transactions hold the file's write lock.
        wait: How long a writer waits for its turn, in seconds.
    """

    def __init__(self, engine: Engine, wait: float) -> None:
        self._engine = engine
        self._turns = _Turns(wait)
        self._open: Batch | None = None

    def run(self, work: Callable[[Connection], T]) -> T:
        """What the work returns or raises, once it is durable, or that it was refused is.

        Raises:
            Unavailable: its turn did not come, the file is locked or full, or the commit failed.
        """
        batch = self.join()
        outcome = batch.carry_out(work)
        self.leave(batch)
        return batch.settled(outcome)()

    def join(self) -> "Batch":
        """Waits for a turn; gives the batch that is open, or a new one. Whoever joins it must leave it.

        Raises:
            Unavailable: the turn did not come, or the file is locked.
        """
        try:
            self._turns.take()
        except _Called as called:
            self._commit_unless_taken_over()
            raise called.__cause__ or called from None
        try:
            if self._open is None:
                self._open = Batch(self._engine)
        except BaseException:
            self._turns.pass_on()
            raise
        return self._open

    def leave(self, batch: "Batch") -> None:
        """Gives the turn up, and waits until the batch has ended."""
        self._commit_unless_taken_over()
        batch.ended.wait()

    def _commit_unless_taken_over(self) -> None:
        """Leaves the commit to the next writer, if one waits and the batch is not full; then gives up the turn."""
        batch = self._open
        if batch is not None and not batch.full and self._turns.hand_over():
            return
        self._open = None
        try:
            if batch is not None:
                batch.end()
        finally:
            self._turns.pass_on()


class Batch:
    """A transaction that writers share; only the one whose turn it is touches it."""

    def __init__(self, engine: Engine) -> None:
        self._pooled = connected(engine)
        self._connection = self._pooled.__enter__()
        self._size = 0
        self.failure: BaseException | None = None
        self.ended = Event()
        try:
            self._connection.begin()
        except BaseException:
            self._pooled.__exit__(None, None, None)
            raise

    @property
    def full(self) -> bool:
        """Whether nobody else should join."""
        return self._size >= MOST or self.failure is not None

    def carry_out(self, work: Callable[[Connection], T]) -> Callable[[], T]:
        """Does the work in a savepoint and returns what gives its result or raises its error."""
        self._size += 1
        try:
            self._say("SAVEPOINT work")
            result = work(self._connection)
            self._say("RELEASE work")
        except BaseException as error:  # noqa: BLE001 - raised to whoever asked, when the batch has ended
            self._undo(error)
            return _raising(error)
        return lambda: result

    def settled(self, outcome: Callable[[], T]) -> Callable[[], T]:
        """An outcome, once the batch has ended: what did not become durable is not done."""
        return outcome if self.failure is None else _raising(unavailable(self.failure))

    def end(self) -> None:
        """Commits, if nothing stands against it, and lets everybody go."""
        try:
            if self.failure is None:
                self._connection.commit()
        except BaseException as error:  # noqa: BLE001 - everybody whose work it was is told
            self.failure = error
        try:
            if self.failure is not None:
                # A commit that failed may leave the transaction open, and the file locked with it.
                self._connection.invalidate()
            self._pooled.__exit__(None, None, None)
        finally:
            self.ended.set()

    def _say(self, words: str) -> None:
        # Straight to the driver: SQLAlchemy takes several times as long as the database for so little.
        driver_of(self._connection).execute(words)

    def _undo(self, error: BaseException) -> None:
        """Takes the work back. A database that had to roll back by itself took all of the batch back."""
        try:
            raw = self._connection.connection.dbapi_connection
            if raw is None or not raw.in_transaction:
                self.failure = error
                return
            self._say("ROLLBACK TO work")
            self._say("RELEASE work")
        except BaseException as failure:  # noqa: BLE001 - everybody whose work it was is told
            self.failure = failure


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def outcome() -> NoReturn:
        raise error

    return outcome


class _Called(Exception):
    """A writer was stopped at the very moment when its turn came."""


class _Turns:
    """A lock whose waiters get it in the order in which they came: no writer starves, and none polls the file."""

    def __init__(self, wait: float) -> None:
        self._wait = wait
        self._guard = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()

    def take(self) -> None:
        """Waits for a turn.

        Raises:
            Unavailable: it did not come in time.
        """
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            gate = Lock()
            gate.acquire()
            self._waiting.append(gate)
        try:
            called = gate.acquire(timeout=self._wait)
        except BaseException as error:
            if self._withdrawn(gate):
                raise
            raise _Called from error
        # A turn that comes at the last moment is taken.
        if not called and self._withdrawn(gate):
            raise Unavailable

    def hand_over(self) -> bool:
        """Gives the turn to whoever waits longest; False: nobody waits, and it stays where it is."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
                return True
            return False

    def pass_on(self) -> None:
        """Gives the turn to whoever waits longest, or to whoever comes next."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False

    def _withdrawn(self, gate: Lock) -> bool:
        """Stops waiting; False: the turn has come."""
        with self._guard:
            if gate in self._waiting:
                self._waiting.remove(gate)
                return True
            return False
