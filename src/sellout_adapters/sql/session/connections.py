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


def take_place(places: Semaphore, seconds: float) -> None:
    """Takes one of the places for transactions, one for each connection. The pool's own waiting time is the same for
    all transactions. The caller releases the place.

    Raises:
        Unavailable: no place became free in so many seconds.
    """
    if not places.acquire(timeout=seconds):
        raise Unavailable


def driver_connection(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection
