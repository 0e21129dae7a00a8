"""Opens the database of a URL. Only this module chooses between the kinds of databases."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sellout_adapters.extras import MissingExtra, naming_extras
from sellout_adapters.sql.engines.database import Database, Timeouts
from sellout_adapters.sql.engines.sqlite.database import SqliteDatabase
from sellout_adapters.sql.session.errors import CannotOpen

SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})

_POSTGRESQL = frozenset({"postgresql", "postgresql+psycopg", "postgres"})


def open_database(url: str, connections: int, timeouts: Timeouts, *, migrate: bool) -> Database:
    """Opens the database of a URL.

    Args:
        url: The URL.
        connections: The maximum number of concurrent transactions.
        timeouts: The maximum waiting times.
        migrate: Whether to migrate PostgreSQL to the current schema. SQLite is always migrated.

    Raises:
        CannotOpen: the database cannot be opened, or its kind is not supported. The message repeats no part of the URL,
            which may hold a password.
    """
    parsed = parse(url)
    if parsed.drivername in SQLITE:
        return SqliteDatabase.open(file_of(parsed), connections, timeouts)
    try:
        with naming_extras():
            from sellout_adapters.sql.engines.postgres.database import PostgresDatabase  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise CannotOpen(f"{error}.") from error
    return PostgresDatabase.open(parsed, connections, timeouts, migrate=migrate)


def parse(url: str) -> URL:
    """Parses the URL of a database of a supported kind.

    Raises:
        CannotOpen: the URL is malformed, or its kind is not supported. The message repeats no part of the URL, which
            may contain a password.
    """
    if not url.startswith("sqlite") and url.count("@") > 1:
        # SQLAlchemy takes what follows the first @ for a host, which the driver's messages repeat.
        raise CannotOpen(
            "The database URL has more than one @: percent-encode the special characters of its password, an @ as %40"
            " and a # as %23."
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise CannotOpen("The database URL cannot be read: it must look like sqlite:///shop.db.") from error
    if parsed.drivername not in SQLITE | _POSTGRESQL:
        raise CannotOpen(
            "The database URL names a kind of database that is not supported: use sqlite:///shop.db or"
            " postgresql://user:password@host/database."
        )
    return parsed


def without_passwords(url: URL) -> URL:
    """The URL without its passwords, for messages."""
    # `URL.set` ignores None.
    return url._replace(password=None).difference_update_query(["password", "sslpassword"])


def file_of(url: URL) -> str:
    """The path in an SQLite URL.

    Raises:
        CannotOpen: the URL names no file.
    """
    if url.host or url.username or url.password or url.port or url.query:
        raise CannotOpen("The database URL holds more than a file's path: it must look like sqlite:///shop.db.")
    if not url.database or url.database == ":memory:":
        raise CannotOpen("The database URL names no file: it must look like sqlite:///shop.db.")
    return url.database
