"""A real SMTP server, aiosmtpd, that refuses mail, hangs or dies as a test says."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final

import attrs
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.servers.ports import free_port

HOST: Final = "127.0.0.1"
HANG: Final = "hang"
DIE: Final = "die"
"""The server closes the connection instead of an answer."""
TAKE_AND_DIE: Final = "take and die"
"""As `DIE`, after it has taken the mail."""


@attrs.frozen
class Received:
    """A mail that the server took."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    encrypted: bool


class Inbox:
    """The handler of the server.

    Attributes:
        received: The mails, in order.
        moods: By the verb (`MAIL`, `RCPT`, `DATA`), the answer, or `HANG`, `DIE` or `TAKE_AND_DIE`.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.moods: dict[str, str] = {}
        self.released = asyncio.Event()

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's
        self,
        server: Any,
        session: Any,  # noqa: ARG002 - as above
        envelope: Any,
        address: str,
        options: list[str],  # noqa: ARG002 - as above
    ) -> str:
        envelope.mail_from = address
        return await self._answer(server, "MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self,
        server: Any,
        session: Any,  # noqa: ARG002 - as above
        envelope: Any,
        address: str,
        options: list[str],  # noqa: ARG002 - as above
    ) -> str:
        envelope.rcpt_tos.append(address)
        return await self._answer(server, "RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        if self.moods.get("DATA", TAKE_AND_DIE) == TAKE_AND_DIE:
            parsed = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(parsed, EmailMessage)
            encrypted = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
            self.received.append(Received(envelope.mail_from, tuple(envelope.rcpt_tos), parsed, encrypted))
        return await self._answer(server, "DATA", "250 OK")

    async def _answer(self, server: Any, verb: str, usual: str) -> str:
        mood = self.moods.get(verb, usual)
        if mood == HANG:
            await self.released.wait()
        if mood in {DIE, TAKE_AND_DIE}:
            server.transport.abort()
        return usual if mood in {HANG, DIE, TAKE_AND_DIE} else mood


@contextmanager
def serving_mail(
    tls: ssl.SSLContext | None = None, *, implicit: bool = False, users: dict[str, str] | None = None
) -> Iterator[tuple[Inbox, int]]:
    """Serves SMTP on a free port. Yields the inbox and the port.

    Args:
        tls: The server's certificate. None: no TLS.
        implicit: Whether connections begin with TLS. Otherwise they change to it by STARTTLS, which is required.
        users: The passwords of the users who may send. None: everybody may.
    """
    inbox = Inbox()

    def authenticate(_: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (users or {}).get(data.login.decode()) == data.password.decode()
        return AuthResult(success=known, handled=False)

    options: dict[str, Any] = {} if users is None else {"authenticator": authenticate, "auth_required": True}
    if tls is not None and not implicit:
        options |= {"tls_context": tls, "require_starttls": True}
    if implicit:
        options |= {"auth_require_tls": False}
    port = free_port()
    controller = Controller(inbox, HOST, port, ssl_context=tls if implicit else None, **options)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.loop.call_soon_threadsafe(inbox.released.set)
        controller.stop()
