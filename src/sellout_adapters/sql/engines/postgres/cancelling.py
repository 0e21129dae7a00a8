"""Ends a statement on the server when its caller has left."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from threading import Lock, Thread

import psycopg
from sqlalchemy import Connection

from sellout_adapters.sql.session.connections import driver_connection
from sellout_adapters.sql.session.deadline import Deadline


@contextmanager
def cancelled_when_left(deadline: Deadline, connection: Connection) -> Iterator[None]:
    """While the block runs, a caller who leaves cancels the connection's statement. Then the connection is invalidated:
    the server may still be about to cancel, and must not hit another transaction.

    Args:
        deadline: The deadline, which knows that the caller has left. At its time limit the server ends the statement.
        connection: The connection that the block uses.

    Raises:
        Unavailable: the deadline has passed before.
    """
    deadline.remaining()
    left = deadline.left
    driver = driver_connection(connection)
    lock = Lock()
    running = True

    def begin_cancelling(_: Future[None]) -> None:
        # To cancel is to connect to the server, for which the caller of a callback must not wait.
        Thread(target=cancel, name="cancel", daemon=True).start()

    def cancel() -> None:
        # If that fails, the statement ends at its time limit.
        with lock, suppress(psycopg.Error):
            if running:
                driver.cancel_safe(timeout=deadline.longest_wait())

    left.add_done_callback(begin_cancelling)
    try:
        yield
    finally:
        with lock:
            running = False
        if left.done():
            connection.invalidate()
