"""Connections from a pool."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sellout_core.errors import Unavailable


def opened(engine: Engine) -> Connection:
    """A connection of the pool. The caller closes it.

    Raises:
        Unavailable: no connection became free in time.
    """
    try:
        return engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable from error


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """As `opened`, and closes the connection."""
    with opened(engine) as connection:
        yield connection


def driver_connection(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection
