"""Commands for mail: `mail send` and `mail preview`."""
# ruff: noqa: PLC0415 - slow imports, for the commands that need them alone

from collections import Counter
from typing import Final

import click

from sellout_core.mail import Language, MailTemplate
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.events.order_mail import write_order_mails
from sellout_core.use_cases.events.services import subscribe_order_mail
from sellout_core.use_cases.mail import send_next_mail
from sellout_http.command.common import database_url_option, opened_shop, plain_errors, settings_of
from sellout_http.command.terminal import Failure, Refusal

_SAMPLE: Final = {
    "username": "Anna <b>",
    "email": "new@shop.example",
    "token": "0123456789abcdef0123456789abcdef",
    "change": "on",
    "order": "12",
    "units": "Nike Dunk Low (EU 42); Nike Air Max 90 (EU 43)",
    "amount": "24 980 RUB",
    "carrier": "CDEK",
    "tracking_number": "1234567890",
}


@click.group()
def mail() -> None:
    """Send and preview mail."""


@mail.command()
@database_url_option
def send(database_url: str | None) -> None:
    """Send the mails that are due, once each. The first run subscribes the shop to later changes of orders.

    A running server sends mail itself. This command is for a shop whose servers do not, from cron.
    """
    from sellout_http.server.composition import open_mailer

    settings = settings_of({"database_url": database_url})
    done = Counter[str]()
    with plain_errors():
        mailer = open_mailer(settings)
    if mailer is None:
        raise Failure("mail is not configured: set SELLOUT_SMTP_URL or SELLOUT_MAIL_FOLDER")
    with opened_shop(settings) as shop:
        subscribe_order_mail(shop, OPERATOR)
        while reasons := write_order_mails(shop, OPERATOR):
            done["not written"] += sum(reason is not None for reason in reasons)
        done += Counter()  # without zeros
        while (outcome := send_next_mail(shop, OPERATOR, mailer)) is not None:
            done[outcome.result] += 1
    counts = [f"{number} {result.replace('_', ' ')}" for result, number in sorted(done.items())]
    click.echo(", ".join(counts) or "no mail is due")
    if done["postponed"] or done["given_up"] or done["not written"]:
        raise Refusal("some mails were not sent")


@mail.command()
@click.argument("template", type=click.Choice([str(template) for template in MailTemplate]))
@click.option("--language", type=click.Choice(["en", "ru"]), default="en", help="The language. [en]")
@click.option("--html", is_flag=True, help="Print the HTML page instead of the text.")
def preview(template: str, language: Language, html: bool) -> None:
    """Print a mail with sample values."""
    from sellout_http.server.composition import messages_of

    with plain_errors():
        words = messages_of(settings_of({})).words(MailTemplate(template), language, _SAMPLE)
    click.echo(words.html if html else f"{words.subject}\n\n{words.text}", nl=False)
