"""Why a database cannot be opened or used, and the errors that end a transaction."""

from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from sellout_core.errors import Unavailable

if TYPE_CHECKING:
    pass


TRIES: Final = 20
"""How often work that loses to another transaction is run in all."""


class CannotOpen(Exception):
    """A store cannot be opened; the message says why in one sentence for whoever runs the shop."""


class RunAgain(Exception):
    """The transaction lost to another one, or its connection broke before it could commit: nothing of it is kept, and
    its work can be run again from the start.
    """


def unavailable(cause: BaseException) -> Unavailable:
    """What whoever asked is told of an error, to be raised elsewhere."""
    away = Unavailable()
    away.__cause__ = cause
    return away


def told(error: BaseException) -> str:
    """What went wrong, in the words of whoever noticed first."""
    while isinstance(error, DBAPIError | Unavailable | RunAgain) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError):
        return error.strerror or "the system refuses"
    return " ".join(str(error).split())
