"""The `sellout` command. Each module has the subcommands of one subject; `common` and `terminal` have shared helpers.

Subcommands import SQLAlchemy, Litestar, granian and rich only when they need them, so that the others start quickly.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

import click

from sellout_http.command import accounts, catalogue, databases, events, mail, serving
from sellout_http.command.common import OneLineErrors

_COMMANDS: Final = (
    serving.serve,
    serving.migrate,
    catalogue.import_,
    catalogue.export,
    databases.copy,
    databases.backup,
    databases.check,
    databases.tidy,
    serving.work,
    accounts.create_admin,
    accounts.set_password,
    accounts.reset_second_factor,
    accounts.create_promo_code,
    mail.mail,
    events.events,
    serving.openapi,
)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        try:
            click.echo(f"sellout {version('sellout')}")
        except PackageNotFoundError:
            click.echo("sellout, not installed as a package")
        context.exit()


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
def main() -> None:
    """The back end of a sneaker shop."""


for _command in _COMMANDS:
    main.add_command(_command)
