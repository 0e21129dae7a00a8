"""The third-party packages that the extras bring, and the error when one of them is not installed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["PACKAGES", "MissingExtra", "naming_extras"]

PACKAGES: Final = {
    "PIL": ("Pillow", "pictures"),
    "alembic": ("alembic", "sql"),
    "argon2": ("argon2-cffi", "standard"),
    "cachetools": ("cachetools", "sql"),
    "click": ("click", "server"),
    "granian": ("granian", "server"),
    "greenlet": ("greenlet", "sql"),
    "httpcore2": ("httpcore2", "server"),
    "hypothesis": ("hypothesis", "testing"),
    "jwt": ("PyJWT", "standard"),
    "litestar": ("litestar", "server"),
    "msgspec": ("msgspec", "standard"),
    "obstore": ("obstore", "s3"),
    "prometheus_client": ("prometheus-client", "metrics"),
    "psycopg": ("psycopg", "postgres"),
    "pyotp": ("pyotp", "standard"),
    "pytest": ("pytest", "testing"),
    "redis": ("redis", "redis"),
    "requests": ("requests", "stripe"),
    "rich": ("rich", "server"),
    "sqlalchemy": ("SQLAlchemy", "sql"),
    "stripe": ("stripe", "stripe"),
    "structlog": ("structlog", "server"),
    "typed_settings": ("typed-settings", "server"),
}
"""For each imported module: the name of its distribution, and the smallest extra that brings it."""


class MissingExtra(ModuleNotFoundError):
    """A package of an extra is not installed. The message names the package and the `pip install` command."""


@contextmanager
def naming_extras() -> Iterator[None]:
    """Imports inside this block name the extra to install if a package of `PACKAGES` is missing.

    Raises:
        MissingExtra: such a package is not installed.
        ModuleNotFoundError: another module does not exist, which is a mistake in the code.
    """
    try:
        yield
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        found = PACKAGES.get((error.name or "").partition(".")[0])
        if found is None:
            raise
        package, extra = found
        sentence = f"{package} is not installed: pip install 'sellout[{extra}]'"
        raise MissingExtra(sentence, name=error.name, path=error.path) from error
