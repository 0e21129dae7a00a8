"""Helpers of the subcommands: one-line errors, the settings, and the shop."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final, NoReturn

import click

from sellout_core.errors import InvalidFields, PromoCodeTaken, Unavailable, UsernameTaken
from sellout_core.shop import Shop
from sellout_http.command.terminal import Failure, Interrupted, Refusal, reason_of
from sellout_http.settings.model import Settings, read_settings
from sellout_http.settings.signing_key import BadSettings

_OPTIONS: Final = {
    "discount": "--percent or --absolute",
    "discount_percentage": "--percent",
    "discount_absolute": "--absolute",
    "max_activation_count": "--max",
    "active_until": "--until",
    "username": "--username",
    "email": "--email",
}

database_url_option = click.option(
    "--database-url", metavar="URL", help="URL of the shop's database. [SELLOUT_DATABASE_URL; sqlite:///sellout.db]"
)


class OneLineErrors(click.Group):
    """A group of commands that prints each error as one line, without click's usage message."""

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
            # At its exit Python would try once more to write the rest of the output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = _fail(reason_of(error), Refusal.exit_code)
        sys.exit(code)


def _fail(message: str, exit_code: int) -> int:
    click.echo(f"sellout: {' '.join(message.split())}", err=True)
    return exit_code


def settings_of(flags: dict[str, Any]) -> Settings:
    """The settings, with the flags of a command.

    Raises:
        Failure: a flag or a variable is unknown or out of its limits.
    """
    try:
        return read_settings(flags)
    except BadSettings as error:
        raise Failure(str(error)) from None


@contextmanager
def plain_errors() -> Iterator[None]:
    """Converts errors of the settings, the database and the shop to one-line errors."""
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
def opened_shop(settings: Settings, connections: int = 1) -> Iterator[Shop]:
    """The shop for an operator's command, with a maximum number of connections. Such a command signs no tokens, so the
    key is random.
    """
    from sellout_http.server.composition import open_shop, open_store

    with plain_errors(), closing(open_store(settings, connections)) as store:
        yield open_shop(settings, store, secrets.token_hex(32))


def _in_options(error: InvalidFields) -> str:
    return "; ".join(f"{_OPTIONS.get(field.name, field.name)} {field.reason}" for field in error.fields)
