"""Why a database cannot be opened or used, and the errors that end a transaction."""

from typing import Final

from sqlalchemy.exc import DBAPIError

from sellout_core.errors import Unavailable

TRIES: Final = 20
"""How often a transaction that loses to another one is tried in all."""


class CannotOpen(Exception):
    """A store cannot be opened. The message is one sentence for the operator."""


class RunAgain(Exception):
    """The transaction lost to another one, or its connection broke before the commit. It wrote nothing, and its work
    can be run again from the start.
    """


def unavailable_because(cause: BaseException) -> Unavailable:
    """`Unavailable` with a cause, to be raised elsewhere."""
    error = Unavailable()
    error.__cause__ = cause
    return error


def description_of(error: BaseException) -> str:
    """The message of the error that an error of SQLAlchemy's or of ours wraps."""
    while isinstance(error, DBAPIError | Unavailable | RunAgain) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError):
        return error.strerror or "the system refuses"
    return " ".join(str(error).split())
