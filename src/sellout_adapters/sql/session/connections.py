"""Connections from a pool."""

from threading import Semaphore
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sellout_core.errors import Unavailable


def opened(engine: Engine) -> Connection:
    """Takes a connection from the pool. The caller closes it.

    Raises:
        Unavailable: no connection became free in time.
    """
    try:
        return engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable from error


class Places(Semaphore):
    """The places for transactions, one for each connection. The pool's own waiting time is the same for all
    transactions.

    Args:
        number: The number of places.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def taken(self) -> int:
        """The number of places that transactions have taken."""
        return self.number - self._value

    def take(self, seconds: float) -> None:
        """Takes a place. The caller releases it.

        Raises:
            Unavailable: no place became free in so many seconds.
        """
        if not self.acquire(timeout=seconds):
            raise Unavailable


def driver_connection(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection
