"""Commands for a whole database: `copy`, `backup`, `check` and `tidy`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import logging
import shlex
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.upkeep import delete_expired, delete_unused_files
from sellout_http.command.common import database_url_option, opened_shop, plain_errors, settings_of
from sellout_http.command.terminal import Failure, Interrupted, Refusal, escaped, measured


@click.command(short_help="Copy a shop into an empty database.")
@click.argument("source", metavar="FROM_URL")
@click.argument("target", metavar="TO_URL")
def copy(source: str, target: str) -> None:
    """Copy a whole shop from one database into another, empty one.

    Each URL is sqlite:///FILE or postgresql://USER@HOST/DATABASE. The command compares every row of the copy with the
    source before it commits. If the command fails or is stopped, the target stays empty.
    """
    from sellout_adapters.sql.transfer.copying import CannotCopy, copy_shop, open_source, open_target
    from sellout_http.server.composition import timeouts_of

    # If the copy is stopped, its connection is closed under an open cursor. SQLAlchemy would log a traceback.
    logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())
    timeouts = timeouts_of(settings_of({}))
    with _stoppable("stopped; nothing was copied"):
        with _naming("FROM_URL"):
            opened_source = open_source(source, timeouts)
        with closing(opened_source):
            with _naming("TO_URL"):
                opened_target = open_target(target, timeouts)
            with closing(opened_target), measured("Copying") as progress:
                try:
                    counts = copy_shop(opened_source, opened_target, progress)
                except CannotCopy as error:
                    raise Refusal(str(error)) from None
                except Unavailable:
                    raise Refusal("a database stopped answering; nothing was copied") from None
    for name, number in counts.items():
        click.echo(f"{name:<20} {number:>12,}")
    click.echo(f"All {len(counts)} tables are equal in both databases: {sum(counts.values()):,} rows.")
    click.echo(
        "Tokens stay valid if the copy is served with the same secret key: SELLOUT_SECRET_KEY, or the .key file beside"
        " an SQLite database."
    )


@click.command(short_help="Back up a shop while it is served.")
@click.argument("file", metavar="FILE")
@database_url_option
def backup(file: str, database_url: str | None) -> None:
    """Write a backup of an SQLite shop to a new FILE, also while the shop is served.

    For PostgreSQL it prints the pg_dump command to run.
    """
    from sellout_adapters.sql.engines.opening import SQLITE, file_of, parse, without_passwords
    from sellout_adapters.sql.transfer.backup import CannotBackUp, back_up

    settings = settings_of({"database_url": database_url})
    with plain_errors():
        url = parse(settings.database_url)
    if url.drivername not in SQLITE:
        bare = without_passwords(url).set(drivername="postgresql")
        words = ["pg_dump", "--format=custom", f"--file={escaped(file)}", f"--dbname={bare.render_as_string()}"]
        raise Failure(f"PostgreSQL has a tool of its own for backups; run: {shlex.join(words)}")
    with plain_errors():
        database = Path(file_of(url))
        with _stoppable("stopped; no backup was written"), measured("Backing up") as progress:
            try:
                back_up(database, Path(file), settings.lock_timeout, progress)
            except CannotBackUp as error:
                raise Refusal(str(error)) from None
    click.echo(f"Wrote {escaped(file)}.")
    key = database.with_name(database.name + ".key")
    where = str(key) if key.exists() else "SELLOUT_SECRET_KEY"
    click.echo(f"The key that signs tokens is not in it ({escaped(where)}): keep a copy of the key in another place.")


@click.command(short_help="Check a shop's database for damage.")
@database_url_option
def check(database_url: str | None) -> None:
    """Check that a shop's database is undamaged and at the current schema, also while the shop is served.

    An SQLite file is read as a whole, which takes some 3 seconds for each gigabyte. PostgreSQL checks its own pages.
    """
    from sellout_adapters.sql.engines.opening import SQLITE, file_of, parse
    from sellout_adapters.sql.engines.sqlite.file import require_current, require_undamaged
    from sellout_http.server.composition import open_store

    settings = settings_of({"database_url": database_url})
    with plain_errors():
        url = parse(settings.database_url)
        if url.drivername in SQLITE:
            require_undamaged(Path(file_of(url)), settings.lock_timeout)
            require_current(Path(file_of(url)), settings.lock_timeout)
        else:
            with closing(open_store(settings)) as store:
                store.check()
    click.echo("The database is undamaged and at the current schema.")


@click.command(short_help="Delete what has expired.")
@database_url_option
def tidy(database_url: str | None) -> None:
    """Delete expired sessions, idempotency keys and rate limit counts, and files of images that no product has, also
    while the shop is served.

    A running server deletes a few expired rows with each write of their kind, and no files. A file is deleted if it was
    stored over a day ago.
    """
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        click.echo(f"Deleted {delete_expired(shop, OPERATOR):,} expired rows.")
        try:
            files = delete_unused_files(shop, OPERATOR)
        except Unavailable:
            raise Refusal("the storage of images cannot be used now; some of its files may be deleted") from None
        click.echo(f"Deleted {files:,} unused files of images.")


@contextmanager
def _stoppable(message: str) -> Iterator[None]:
    """On Ctrl-C and SIGTERM, ends the command with a message."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Adds the name of an argument to one-line errors."""
    try:
        with plain_errors():
            yield
    except Failure as error:
        raise type(error)(f"{argument}: {error.message}") from None
