"""Messages from letters: the words of `templates/` as text and as HTML, and the headers.

A template is text: its subject, an empty line, and paragraphs. The HTML is made of the same paragraphs, so the two
never differ.
"""

import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

import attrs
import jinja2

from sellout_core.mail import Language, Letter, MailTemplate

_ORDER: Final = "/orders/{order}"
_PATHS: Final[Mapping[MailTemplate, str]] = {
    MailTemplate.VERIFY_EMAIL: "/email/verify#token={token}",
    MailTemplate.RESET_PASSWORD: "/password/reset#token={token}",
    MailTemplate.ORDER_ACCEPTED: _ORDER,
    MailTemplate.ORDER_ON_ITS_WAY: _ORDER,
    MailTemplate.ORDER_SHIPPED: _ORDER,
    MailTemplate.ORDER_PARTLY_SHIPPED: _ORDER,
    MailTemplate.ORDER_CANCELLED: _ORDER,
    MailTemplate.ORDER_PARTLY_CANCELLED: _ORDER,
    MailTemplate.ORDER_REFUNDED: _ORDER,
}
"""The path of the front end that a template's link leads to."""

_LONG_LINES: Final = SMTP.clone(cte_type="7bit")

# Text needs no escapes. The page, which gets whole paragraphs of it, has them.
_templates: Final = jinja2.Environment(
    loader=jinja2.PackageLoader(__name__.rpartition(".")[0]),
    autoescape=lambda name: name is None or not name.endswith(".txt"),  # noqa: S701 - see above
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@attrs.frozen
class Words:
    """A letter in words.

    Attributes:
        subject: The subject, in one line.
        link: The link. None: the letter has none.
        text: The letter as text.
        html: The letter as an HTML page.
    """

    subject: str
    link: str | None = attrs.field(repr=False)
    text: str = attrs.field(repr=False)
    html: str = attrs.field(repr=False)


@attrs.frozen
class Messages:
    """Makes messages.

    Attributes:
        sender: The address in `From`, with or without a name: `Shop <shop@shop.example>`.
        public_url: The URL of the front end, without a slash at its end. A token stands behind `#` in a link, so it
            appears in no log and no `Referer`.
    """

    sender: str
    public_url: str

    def words(self, template: MailTemplate, language: Language, parameters: Mapping[str, str]) -> Words:
        """The words of a template with these parameters."""
        path = _PATHS.get(template)
        link = None if path is None else self.public_url + path.format_map(parameters)
        # Usernames from before RFC 8265 may have line breaks, which would make paragraphs of their own.
        values = {name: " ".join(value.split()) for name, value in parameters.items()}
        rendered = _templates.get_template(f"{template}.{language}.txt").render(
            {**values, "link": link, "shop": self.public_url}
        )
        subject, _, text = rendered.partition("\n\n")
        paragraphs = [paragraph.strip() for paragraph in re.split(r"\n{2,}", text) if paragraph.strip()]
        page = _templates.get_template("page.html").render(
            language=language, subject=subject, paragraphs=paragraphs, links={link, self.public_url}
        )
        return Words(subject, link, "\n\n".join(paragraphs) + "\n", page)

    def message(self, letter: Letter) -> tuple[EmailMessage, Words]:
        """The message of a letter and its words. A letter that is sent twice has the same `Message-ID`."""
        mail = letter.mail
        words = self.words(mail.template, mail.language, letter.parameters)
        message = EmailMessage(policy=_LONG_LINES)
        message["From"] = self.sender
        message["To"] = Address(addr_spec=letter.recipient)
        message["Subject"] = words.subject
        message["Date"] = format_datetime(mail.created_at)
        message["Message-ID"] = f"<{mail.created_at:%Y%m%d%H%M%S%f}.{mail.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(words.text)
        message.add_alternative(words.html, subtype="html")
        # Earlier, it would become a header of the text.
        message["Content-Language"] = mail.language
        return message, words

    @property
    def _domain(self) -> str:
        return self.sender.rpartition("@")[2].rstrip("> ")
