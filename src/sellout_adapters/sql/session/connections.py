"""Connections from a pool."""

from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sellout_core.errors import Unavailable


def opened(engine: Engine) -> Connection:
    """A connection of the pool. The caller closes it, perhaps as a context manager.

    Raises:
        Unavailable: no connection became free in time.
    """
    try:
        return engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable from error


def driver_connection(connection: Connection) -> Any:
    """The driver's own connection."""
    return connection.connection.dbapi_connection
