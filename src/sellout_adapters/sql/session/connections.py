"""Connections from a pool."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from sellout_core.errors import Unavailable

if TYPE_CHECKING:
    pass


def opened(engine: Engine) -> Connection:
    """A connection of the pool, to be closed by whoever took it.

    Raises:
        Unavailable: none came free in time.
    """
    try:
        return engine.connect()
    except PoolTimeoutError as error:
        raise Unavailable from error


@contextmanager
def connected(engine: Engine) -> Iterator[Connection]:
    """`opened`, and closed again."""
    with opened(engine) as connection:
        yield connection
