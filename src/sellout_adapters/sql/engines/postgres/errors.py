"""Converts errors of PostgreSQL to errors of the store."""

from typing import Final

import psycopg
from sqlalchemy import ExceptionContext

from sellout_adapters.sql.session.errors import RunAgain
from sellout_core.errors import Unavailable

_LOST: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "23503",  # foreign_key_violation: another transaction merged the row of a reference table into another one
        "23505",  # unique_violation: another transaction was first, and the work finds its row when it runs again
    }
)

# Classes and conditions (PostgreSQL, appendix A) that are temporary or that the operator must repair. Others are bugs.
_UNAVAILABLE: Final = ("08", "53", "55", "57", "58", "XX", "25006", "25P03")


class ConnectionLost(RunAgain):
    """The connection broke. During a commit, the outcome of the commit is unknown."""


def raise_store_error(context: ExceptionContext) -> None:
    """Raises the store's error for one of the driver's; a listener of SQLAlchemy's `handle_error`."""
    error = context.original_exception
    if not isinstance(error, psycopg.Error):
        return
    if context.connection is None:
        raise Unavailable from error
    if (raised := store_error(error, lost=context.is_disconnect)) is not None:
        raise raised from error


def store_error(error: psycopg.Error, *, lost: bool) -> Exception | None:
    """The store's error for one of the driver's; None if that is an error in this program.

    Args:
        error: The driver's error.
        lost: Whether the connection broke.
    """
    if lost:
        return ConnectionLost()
    code = error.sqlstate or ""
    if code in _LOST:
        return RunAgain()
    if code.startswith(_UNAVAILABLE) or (not code and isinstance(error, psycopg.OperationalError)):
        return Unavailable()
    return None
