"""Commands for users and promo codes: `create-admin` and `create-promo-code`."""

import re
from datetime import date

import click

from sellout_core import values
from sellout_core.accounts import OPERATOR, Registration
from sellout_core.ordering import NewPromoCode
from sellout_core.use_cases import ordering, sessions
from sellout_core.values import Money, Percentage
from sellout_http.cli.common import database_url_option, opened_shop, settings_of
from sellout_http.streams import Failure, Refusal, password, shown


@click.command("create-admin")
@click.option("--username", required=True)
@click.option("--email", default="")
@database_url_option
def create_admin(username: str, email: str, database_url: str | None) -> None:
    """Add a user who is staff and may do everything.

    The password is asked for; without a terminal it comes from SELLOUT_ADMIN_PASSWORD or standard input.
    """
    with opened_shop(settings_of({"database_url": database_url})) as shop:
        registration = Registration(username=username, password=password(), email=email)
        user = sessions.create_admin(shop, OPERATOR, registration)
    click.echo(f"Created {user.username}, user {user.id}, who is staff.")


@click.command("create-promo-code")
@click.argument("code")
@click.option("--percent", type=int, default=0, help="Percentage taken off, 0 to 100. [0]")
@click.option("--absolute", type=int, default=0, help="Amount taken off after that. [0]")
@click.option("--max", "maximum", type=int, required=True, help="How many orders may use it.")
@click.option("--until", metavar="YYYY-MM-DD", required=True, help="The last day it can be used.")
@click.option("--owner", metavar="USERNAME", required=True, help="The user it belongs to.")
@database_url_option
def create_promo_code(
    code: str, percent: int, absolute: int, maximum: int, until: str, owner: str, database_url: str | None
) -> None:
    """Add a promo code."""
    last_day = _date(until)
    with opened_shop(settings_of({"database_url": database_url})) as shop:
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


def _is_username(text: str) -> bool:
    return values.text(values.MAX_USERNAME, minimum=1)(text) is None


def _date(text: str) -> date:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise Failure("--until must be a date, YYYY-MM-DD")
