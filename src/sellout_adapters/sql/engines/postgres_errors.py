"""The meaning of PostgreSQL's errors."""

from typing import Final

import psycopg
from sqlalchemy import ExceptionContext

from sellout_adapters.sql.session.errors import RunAgain
from sellout_core.errors import Unavailable

_LOST: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "23505",  # unique_violation: another transaction was first; run again, the work finds what that one wrote
    }
)

# Classes and conditions (PostgreSQL, appendix A) that pass, or that the operator has to see to; the rest are ours.
_AWAY: Final = ("08", "53", "55", "57", "58", "XX", "25006", "25P03")


class ConnectionLost(RunAgain):
    """The connection broke. During a commit nobody knows whether that took place."""


def translate(context: ExceptionContext) -> None:
    """Gives an error of the driver its meaning; a listener of SQLAlchemy's `handle_error`."""
    error = context.original_exception
    if not isinstance(error, psycopg.Error):
        return
    if context.connection is None:
        raise Unavailable from error
    if (meaning := meaning_of(error, lost=context.is_disconnect)) is not None:
        raise meaning from error


def meaning_of(error: psycopg.Error, *, lost: bool) -> Exception | None:
    """What an error means for whoever asked; None: a mistake of ours."""
    if lost:
        return ConnectionLost()
    code = error.sqlstate or ""
    if code in _LOST:
        return RunAgain()
    if code.startswith(_AWAY) or (not code and isinstance(error, psycopg.OperationalError)):
        return Unavailable()
    return None
