"""Errors of opening a database and of transactions."""

from typing import Final

from sqlalchemy.exc import DBAPIError

from sellout_core.errors import Unavailable

TRIES: Final = 20
"""The maximum number of attempts of a transaction that conflicts with others."""


class CannotOpen(Exception):
    """A store cannot be opened. The message is a sentence for the operator."""


class RunAgain(Exception):
    """The transaction conflicted with another one, or its connection broke before the commit. Nothing is committed, and
    the work can be run again.
    """


class SearchStopped(Exception):
    """A search took longer than its limit, or its caller has left."""


def unavailable_because(cause: BaseException) -> Unavailable:
    """`Unavailable` with a cause, for the caller to raise."""
    error = Unavailable()
    error.__cause__ = cause
    return error


def description_of(error: BaseException) -> str:
    """The message of the innermost error."""
    while isinstance(error, DBAPIError | Unavailable | RunAgain) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError):
        return error.strerror or "the system refuses"
    return " ".join(str(error).split())
