"""Commands for users and promo codes: `create-admin`, `set-password`, `reset-second-factor` and `create-promo-code`."""

import re
from datetime import date

import click

from sellout_core import values
from sellout_core.errors import NotFound
from sellout_core.people.accounts import OPERATOR, Registration
from sellout_core.people.refusals import SecondFactorOff
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.people import passwords, registration, second_factors
from sellout_core.use_cases.shopping import promo_codes
from sellout_core.values import Money, Percentage, UserId
from sellout_http.command.common import database_url_option, opened_shop, settings_of
from sellout_http.command.terminal import Failure, Refusal, escaped, read_password


@click.command("create-admin")
@click.option("--username", required=True, help="The name to log in with, 1 to 150 characters.")
@click.option("--email", default="", help="The user's e-mail address. [none]")
@database_url_option
def create_admin(username: str, email: str, database_url: str | None) -> None:
    """Create a user who is staff and superuser.

    The command reads the password from SELLOUT_ADMIN_PASSWORD, from a prompt on a terminal, or from standard input.
    """
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        admin = Registration(username=username, password=read_password(), email=email)
        user = registration.create_admin(shop, OPERATOR, admin)
    click.echo(f"Created {user.username}, user {user.id}, who is staff.")


@click.command("set-password", short_help="Replace a user's password.")
@click.option("--username", required=True, help="The user whose password is replaced.")
@database_url_option
def set_password(username: str, database_url: str | None) -> None:
    """Replace a user's password and end all of the user's sessions.

    The command reads the password as create-admin does.
    """
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        _id_of(shop, username)
        try:
            user = passwords.set_password(shop, OPERATOR, username, read_password())
        except NotFound:
            raise _unknown(username) from None
    click.echo(f"Replaced the password of {user.username}, user {user.id}, and ended all sessions.")


@click.command("reset-second-factor", short_help="Turn off a user's second factor.")
@click.option("--username", required=True, help="The user who has lost the second factor.")
@database_url_option
def reset_second_factor(username: str, database_url: str | None) -> None:
    """Turn off the second factor of a user who has lost it, and end all of the user's sessions."""
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        try:
            user = second_factors.reset_second_factor(shop, OPERATOR, _id_of(shop, username), "en")
        except SecondFactorOff:
            raise Refusal(f"{escaped(username)} has no second factor") from None
    click.echo(f"Turned off the second factor of {user.username}, user {user.id}, and ended all sessions.")


@click.command("create-promo-code")
@click.argument("code")
@click.option("--percent", type=int, default=0, help="Percentage taken off, 0 to 100. [0]")
@click.option(
    "--absolute", type=int, default=0, help="Amount taken off after the percentage, in whole currency units. [0]"
)
@click.option(
    "--max", "maximum", type=int, required=True, help="The number of orders that may use the promo code, at least 1."
)
@click.option("--until", metavar="YYYY-MM-DD", required=True, help="The last day on which the promo code is valid.")
@click.option("--owner", metavar="USERNAME", required=True, help="The username of the promo code's owner.")
@database_url_option
def create_promo_code(
    code: str, percent: int, absolute: int, maximum: int, until: str, owner: str, database_url: str | None
) -> None:
    """Create a promo code."""
    last_day = _date(until)
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        promo_code = NewPromoCode(
            code=code,
            owner_id=_id_of(shop, owner),
            discount_percentage=Percentage(percent),
            discount_absolute=Money(absolute),
            max_activation_count=maximum,
            active_until=last_day,
        )
        created = promo_codes.create_promo_code(shop, OPERATOR, promo_code).promo_code
    click.echo(f"Created {created.code}, promo code {created.id}.")


def _id_of(shop: Shop, username: str) -> UserId:
    is_possible = values.text(values.MAX_USERNAME, minimum=1)(username) is None
    credentials = shop.store.read(lambda tx: tx.credentials.by_username(username)) if is_possible else None
    if credentials is None:
        raise _unknown(username)
    return credentials.user_id


def _unknown(username: str) -> Refusal:
    return Refusal(f"there is no user {escaped(username)}")


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Failure("--until must be a date, YYYY-MM-DD")
