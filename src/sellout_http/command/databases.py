"""Commands about a shop's data as a whole: `copy` and `backup`."""
# ruff: noqa: PLC0415 - imports that take long are left to the commands that need them

import logging
import shlex
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import click

from sellout_core.errors import Unavailable
from sellout_http.command.common import database_url_option, plain_errors, settings_of
from sellout_http.command.terminal import Failure, Interrupted, Refusal, measured, shown


@click.command(short_help="Copy a shop into an empty database.")
@click.argument("source", metavar="FROM_URL")
@click.argument("target", metavar="TO_URL")
def copy(source: str, target: str) -> None:
    """Copy a whole shop from one database into another, empty one.

    Each URL is sqlite:///FILE or postgresql://USER@HOST/DATABASE. The copy is checked row by row against the source
    before it is kept. If the command fails or is stopped, the target stays empty.
    """
    from sellout_adapters.sql.transfer.copying import CannotCopy, copy_shop, open_source, open_target
    from sellout_http.server.composition import timeouts_of

    # A stopped copy closes its connection below the cursor; SQLAlchemy would log that with a traceback.
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
        words = ["pg_dump", "--format=custom", f"--file={shown(file)}", f"--dbname={bare.render_as_string()}"]
        raise Failure(f"PostgreSQL has a tool of its own for backups; run: {shlex.join(words)}")
    with plain_errors():
        database = Path(file_of(url))
        with _stoppable("stopped; no backup was written"), measured("Backing up") as progress:
            try:
                back_up(database, Path(file), settings.lock_timeout, progress)
            except CannotBackUp as error:
                raise Refusal(str(error)) from None
    click.echo(f"Wrote {shown(file)}.")
    key = database.with_name(database.name + ".key")
    where = str(key) if key.exists() else "SELLOUT_SECRET_KEY"
    click.echo(f"The key that signs tokens is not in it ({shown(where)}): keep a copy of the key in another place.")


@contextmanager
def _stoppable(message: str) -> Iterator[None]:
    """Ends on Ctrl-C and on SIGTERM with a message."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message) from None
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _naming(argument: str) -> Iterator[None]:
    """Turns an error of the set-up into one line that names the argument."""
    try:
        with plain_errors():
            yield
    except Failure as error:
        raise type(error)(f"{argument}: {error.message}") from None
