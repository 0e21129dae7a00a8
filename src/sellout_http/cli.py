"""The `sellout` command: what its subcommands take and print.

SQLAlchemy, Litestar, granian and rich are imported by the subcommands that need them, so that the rest answer at once.
"""
# ruff: noqa: PLC0415 - see above

import os
import re
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, NoReturn

import click
import msgspec

from sellout_adapters.catalogue_file import BadLine, GoodLine, ImportReport, encode, import_lines, read_lines
from sellout_core import values
from sellout_core.accounts import OPERATOR, Registration
from sellout_core.errors import InvalidFields, PromoCodeTaken, Unavailable, UsernameTaken
from sellout_core.ordering import NewPromoCode
from sellout_core.shop import Shop
from sellout_core.use_cases import ordering, sessions
from sellout_core.use_cases.importing import ProductEntry, export_products
from sellout_core.values import Money, Percentage
from sellout_http.keys import BadSettings
from sellout_http.settings import Settings, load
from sellout_http.streams import Failure, Interrupted, Refusal, password, progress, reading, shown, why, writing

REPORTED_LINES: Final = 100
"""How many bad lines an import describes; further ones are only counted."""

_OPTIONS: Final = {
    "discount_percentage": "--percent",
    "discount_absolute": "--absolute",
    "max_activation_count": "--max",
    "active_until": "--until",
    "username": "--username",
    "email": "--email",
}


class OneLineErrors(click.Group):
    """A group whose errors are one line each, without the usage that click puts before them."""

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Runs the command and exits."""
        try:
            code = super().main(*args, **{"prog_name": "sellout", **options, "standalone_mode": False}) or 0
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except click.ClickException as error:
            code = _fail(error.format_message(), error.exit_code)
        except click.Abort:
            code = _fail("stopped", Interrupted.exit_code)
        except OSError as error:
            # Python would try to write what is left once more on its way out.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = _fail(why(error), Refusal.exit_code)
        sys.exit(code)


def _fail(message: str, exit_code: int) -> int:
    click.echo(f"sellout: {' '.join(message.split())}", err=True)
    return exit_code


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        try:
            click.echo(f"sellout {version('sellout')}")
        except PackageNotFoundError:
            click.echo("sellout, not installed as a package")
        context.exit()


_database_url = click.option(
    "--database-url", metavar="URL", help="Where the shop's data is. [SELLOUT_DATABASE_URL; sqlite:///sellout.db]"
)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show it.")
def main() -> None:
    """The back end of a sneaker shop."""


@main.command()
@click.option("--host", metavar="ADDRESS", help="IP address to listen on, or localhost. [SELLOUT_HOST; 127.0.0.1]")
@click.option("--port", metavar="N", help="Port to listen on. [SELLOUT_PORT; 8000]")
@_database_url
@click.option("--workers", metavar="N", help="Processes that answer, 1 to 64. [SELLOUT_WORKERS; 1]")
@click.option("--demo", is_flag=True, default=None, help="Fill an empty shop with demo data. [SELLOUT_DEMO; no]")
def serve(**flags: Any) -> None:
    """Serve the shop over HTTP until Ctrl-C or SIGTERM."""
    # Who asks for a stop before anything is served gets what they would get later: a quiet end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), _plain_errors():
        settings = _settings(flags)
        from sellout_http.serve import CannotServe, run

        try:
            run(settings)
        except CannotServe as error:
            raise Failure(str(error)) from None


@main.command()
@_database_url
def migrate(database_url: str | None) -> None:
    """Bring the database's tables to what this version needs, all of it or nothing.

    Serving does so by itself for SQLite; PostgreSQL is left to you.
    """
    from sellout_http.opening import open_store

    settings = _settings({"database_url": database_url})
    try:
        with _plain_errors(), closing(open_store(settings, migrate=True)) as store:
            done = store.migrated
    except KeyboardInterrupt:
        raise Interrupted("stopped; run it again to bring the tables to the current schema") from None
    for line in done:
        click.echo(line)
    click.echo("The schema is current." if done else "The schema was current already.")


@main.command("import")
@click.argument("file", metavar="FILE.jsonl")
@_database_url
def import_(file: str, database_url: str | None) -> None:
    """Bring a catalogue file (- is standard input) into the shop: JSON Lines, one product a line.

    Products are matched by sku. Bad lines are reported and passed over; they make the exit code 1.
    """
    settings = _settings({"database_url": database_url})
    report = ImportReport()

    def remember(current: ImportReport) -> None:
        nonlocal report
        report = current

    with reading(file) as stream, _shop(settings) as shop:
        try:
            with progress(stream) as advance:
                import_lines(shop, _reporting(read_lines(stream), advance), remember)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped; what was finished stays in the shop: {_summary(report)}") from None
        except Unavailable:
            raise Refusal(f"the database cannot answer now; finished and kept: {_summary(report)}") from None
        except OSError as error:
            raise Refusal(f"cannot read {shown(file)} to its end: {why(error)}; {_summary(report)}") from None
    click.echo(_summary(report))
    if report.bad:
        sys.exit(Refusal.exit_code)


@main.command()
@click.argument("file", required=False)
@_database_url
def export(file: str | None, database_url: str | None) -> None:
    """Write every product as a catalogue file, to FILE or to standard output."""
    with _shop(_settings({"database_url": database_url})) as shop, writing(file) as stream:

        def write(entry: ProductEntry) -> None:
            stream.write(encode(entry))

        export_products(shop, OPERATOR, write)


@main.command("create-admin")
@click.option("--username", required=True)
@click.option("--email", default="")
@_database_url
def create_admin(username: str, email: str, database_url: str | None) -> None:
    """Add a user who is staff and may do everything.

    The password is asked for; without a terminal it comes from SELLOUT_ADMIN_PASSWORD or standard input.
    """
    with _shop(_settings({"database_url": database_url})) as shop:
        registration = Registration(username=username, password=password(), email=email)
        user = sessions.create_admin(shop, OPERATOR, registration)
    click.echo(f"Created {user.username}, user {user.id}, who is staff.")


@main.command("create-promo-code")
@click.argument("code")
@click.option("--percent", type=int, default=0, help="Percentage taken off, 0 to 100. [0]")
@click.option("--absolute", type=int, default=0, help="Amount taken off after that. [0]")
@click.option("--max", "maximum", type=int, required=True, help="How many orders may use it.")
@click.option("--until", metavar="YYYY-MM-DD", required=True, help="The last day it can be used.")
@click.option("--owner", metavar="USERNAME", required=True, help="The user it belongs to.")
@_database_url
def create_promo_code(
    code: str, percent: int, absolute: int, maximum: int, until: str, owner: str, database_url: str | None
) -> None:
    """Add a promo code."""
    last_day = _date(until)
    with _shop(_settings({"database_url": database_url})) as shop:
        credentials = shop.store.read(lambda tx: tx.credentials.by_username(owner)) if _is_username(owner) else None
        if credentials is None:
            raise Refusal(f"there is no user {shown(owner)}")
        promo_code = NewPromoCode(
            code=code,
            owner_id=credentials.user_id,
            discount_percentage=Percentage(percent),
            discount_absolute=Money(absolute),
            max_activation_count=maximum,
            active_until=last_day,
        )
        created = ordering.create_promo_code(shop, OPERATOR, promo_code)
    click.echo(f"Created {created.code}, promo code {created.id}.")


@main.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP API."""
    from sellout_http.openapi import document

    click.echo(msgspec.json.format(msgspec.json.encode(document())))


def _settings(flags: dict[str, Any]) -> Settings:
    try:
        return load(flags)
    except BadSettings as error:
        raise Failure(str(error)) from None


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turns what the set-up and the shop refuse into one line each."""
    from sellout_adapters.sql import CannotOpen

    try:
        yield
    except (BadSettings, CannotOpen) as error:
        raise Failure(str(error)) from None
    except InvalidFields as error:
        raise Failure(_in_options(error)) from None
    except UsernameTaken:
        raise Refusal("the username is taken") from None
    except PromoCodeTaken:
        raise Refusal("there is a promo code of that name") from None
    except Unavailable:
        raise Refusal("the database cannot answer now; nothing was changed") from None


@contextmanager
def _shop(settings: Settings) -> Iterator[Shop]:
    """The shop, for an operator's command, which signs no token: the key is made up."""
    from sellout_http.opening import open_shop, open_store

    with _plain_errors(), closing(open_store(settings)) as store:
        yield open_shop(settings, store, secrets.token_hex(32))


def _in_options(error: InvalidFields) -> str:
    return "; ".join(f"{_OPTIONS.get(field.name, field.name)} {field.reason}" for field in error.fields)


def _reporting(lines: Iterator[GoodLine | BadLine], advance: Callable[[int], None]) -> Iterator[GoodLine | BadLine]:
    """The lines as they come; bad ones are described on the way, up to a number."""
    bad = 0
    for line in lines:
        if isinstance(line, BadLine):
            bad += 1
            if bad <= REPORTED_LINES:
                click.echo(f"line {line.number}: {line.reason}", err=True)
            elif bad == REPORTED_LINES + 1:
                click.echo("further bad lines are only counted", err=True)
        advance(line.length)
        yield line


def _summary(report: ImportReport) -> str:
    counts = report.counts
    return (
        f"{counts.created} created, {counts.updated} updated, {counts.unchanged} unchanged,"
        f" {report.bad} bad {'line' if report.bad == 1 else 'lines'}"
    )


def _is_username(text: str) -> bool:
    return values.text(values.MAX_USERNAME, minimum=1)(text) is None


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Failure("--until must be a date, YYYY-MM-DD")
