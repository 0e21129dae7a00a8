"""A mailer that hands mail to an SMTP server."""

import smtplib
import ssl
from typing import Final, Literal, Self
from urllib.parse import unquote, urlsplit

import attrs

from sellout_adapters.mail.messages import Messages
from sellout_core.mail import Letter, MailNotSent

TIMEOUT: Final = 10
"""The maximum time for each step of the dialogue, in seconds."""

_PORTS: Final = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@attrs.frozen
class SmtpServer:
    """A server, and how to log in.

    Attributes:
        scheme: `smtps` begins with TLS, `smtp+starttls` changes to TLS before anything is said, `smtp` has no TLS.
        host: The name or the IP address.
        port: The port.
        username: The user. Empty: the server needs no log-in.
        password: The password.
    """

    scheme: Literal["smtp", "smtps", "smtp+starttls"]
    host: str
    port: int
    username: str = ""
    password: str = attrs.field(default="", repr=False)

    @classmethod
    def of(cls, url: str) -> Self:
        """The server of a URL such as `smtp+starttls://user:password@mail.example:587`.

        Raises:
            ValueError: the text is not such a URL, or has a password without TLS.
        """
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
        if port is None or not parts.hostname or parts.path not in {"", "/"} or parts.query or parts.fragment:
            raise ValueError("must look like smtp+starttls://user:password@mail.example:587")
        if parts.username and parts.scheme == "smtp":
            raise ValueError("must have TLS (smtps:// or smtp+starttls://) if it has a user")
        username, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname, port, username, password)  # type: ignore[arg-type]


class SmtpMailer:
    """`ports.Mailer`: a connection for each mail. The server's certificate is checked against the system's."""

    def __init__(
        self, server: SmtpServer, messages: Messages, timeout: float = TIMEOUT, tls: ssl.SSLContext | None = None
    ) -> None:
        """Creates a mailer.

        Args:
            server: The server.
            messages: Makes the messages.
            timeout: The maximum time for each step, in seconds.
            tls: The trusted certificates. Default: those of the system.
        """
        self._server = server
        self._messages = messages
        self._timeout = timeout
        self._tls = tls or ssl.create_default_context()

    def send(self, letter: Letter) -> None:
        """Hands the mail to the server.

        Raises:
            MailNotSent: the server refused it, or the connection failed. A permanent refusal of the recipient or of
                the message (5xx, RFC 5321, section 4.2.1) is permanent; one of the log-in or the sender may be mended.
        """
        message, _ = self._messages.message(letter)
        try:
            client = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise MailNotSent(_reason(error)) from None
        try:
            client.send_message(message, to_addrs=[letter.recipient])
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _)] = error.recipients.values()
            raise MailNotSent(f"the recipient was refused: {code}", permanent=code >= 500) from None
        except smtplib.SMTPDataError as error:
            raise MailNotSent(f"the message was refused: {error.smtp_code}", permanent=error.smtp_code >= 500) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailNotSent(_reason(error)) from None
        finally:
            # A farewell could fail after the server has taken the mail.
            client.close()

    def _connected(self) -> smtplib.SMTP:
        """A connection, with TLS and a log-in as the URL says."""
        server = self._server
        if server.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=self._timeout, context=self._tls)
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=self._timeout)
        try:
            if server.scheme == "smtp+starttls":
                client.starttls(context=self._tls)
            if server.username:
                client.login(server.username, server.password)
        except BaseException:
            client.close()
            raise
        return client


def _reason(error: Exception) -> str:
    """The kind of an error and its code. Texts of servers may name the recipient."""
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"
