"""Mail through a real SMTP server that takes it, refuses it, hangs and dies."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage

import attrs
import pytest
import trustme

from sellout_adapters.mail.messages import Messages
from sellout_adapters.mail.smtp import SmtpMailer, SmtpServer
from sellout_adapters.testing.scene import PASSWORD, Scene
from sellout_core.mail import Letter, Mail, MailNotSent, MailTemplate
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import EmailChange, ForgottenPassword
from sellout_core.ports.mail import Mailer
from sellout_core.ports.store import Store
from sellout_core.use_cases.mail import send_next_mail
from sellout_core.use_cases.people.identity import change_email, request_password_reset, verify_email
from sellout_core.values import MailId
from tests.contract.support.smtp import DIE, HANG, HOST, TAKE_AND_DIE, Inbox, serving_mail

PATIENCE = 0.5
"""The timeout of the mailer in these tests, in seconds. The server answers at once or never."""
NAMES = {"user": "a pass/word@:"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    return context


@pytest.fixture
def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def served() -> Iterator[tuple[Inbox, int]]:
    with serving_mail() as server:
        yield server


def mailer(url: str, tls: ssl.SSLContext | None = None, timeout: float = 30) -> SmtpMailer:
    messages = Messages("Магазин <shop@shop.example>", "https://shop.example")
    return SmtpMailer(SmtpServer.of(url), messages, timeout, tls)


def letter(mail_id: int = 1, username: str = "Анна") -> Letter:
    mail = Mail(
        id=MailId(mail_id),
        recipient="anna@shop.example",
        template=MailTemplate.VERIFY_EMAIL,
        language="ru",
        created_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        attempts=1,
    )
    return Letter(mail, "anna@shop.example", {"username": username, "token": "0123456789abcdef"})


def parts(message: EmailMessage) -> tuple[str, str]:
    """The text and the HTML page of a message."""
    found = [message.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (part.get_content().replace("\r\n", "\n") for part in found if part is not None)
    return text, html


def test_a_mail_arrives_as_text_and_as_html(served: tuple[Inbox, int]) -> None:
    inbox, port = served
    mailer(f"smtp://{HOST}:{port}").send(letter())
    (received,) = inbox.received
    assert (received.sender, received.recipients) == ("shop@shop.example", ("anna@shop.example",))
    message = received.message
    assert message["To"] == "anna@shop.example"
    assert message["From"] == "Магазин <shop@shop.example>"
    assert message["Subject"] == "Подтвердите адрес электронной почты"
    assert message["Content-Language"] == "ru"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<20260301120000000000.1@shop.example>"
    assert message["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    text, html = parts(message)
    link = "https://shop.example/email/verify#token=0123456789abcdef"
    assert f"\n{link}\n" in text
    assert f'<a href="{link}"' in html
    assert "Здравствуйте, Анна!" in text
    assert "Здравствуйте, Анна!" in html


def test_a_username_is_escaped_and_makes_no_header_and_no_paragraph(served: tuple[Inbox, int]) -> None:
    """Usernames from before RFC 8265 have any characters."""
    inbox, port = served
    name = "<b>\r\nBcc: boris@shop.example\r\n\r\nhttps://evil.example\r\n\r\n{{ token }}&\r\n.\r\nQUIT\r\n"
    mailer(f"smtp://{HOST}:{port}").send(letter(username=name))
    (received,) = inbox.received
    assert received.recipients == ("anna@shop.example",)
    assert received.message["Bcc"] is None
    text, html = parts(received.message)
    assert "Здравствуйте, <b> Bcc: boris@shop.example https://evil.example {{ token }}& . QUIT!\n" in text
    assert "&lt;b&gt; Bcc: boris@shop.example https://evil.example {{ token }}&amp; . QUIT!</p>" in html
    assert "<b>" not in html
    assert 'evil.example"' not in html


# aiosmtpd does not know that `smtps` is encrypted.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_mail_goes_over_tls_with_a_log_in(scheme: str, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext) -> None:
    with serving_mail(server_tls, implicit=scheme == "smtps", users=NAMES) as (inbox, port):
        mailer(f"{scheme}://user:a%20pass%2Fword%40%3A@{HOST}:{port}", client_tls).send(letter())
        assert [received.encrypted for received in inbox.received] == [True]
        with pytest.raises(MailNotSent, match="535") as refusal:
            mailer(f"{scheme}://user:wrong@{HOST}:{port}", client_tls).send(letter())
        assert not refusal.value.permanent
        assert len(inbox.received) == 1


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_nothing_is_said_to_a_server_with_an_unknown_certificate(scheme: str, server_tls: ssl.SSLContext) -> None:
    with serving_mail(server_tls, implicit=scheme == "smtps") as (inbox, port):
        with pytest.raises(MailNotSent, match="SSLCertVerificationError") as refusal:
            mailer(f"{scheme}://{HOST}:{port}").send(letter())
        assert not refusal.value.permanent
        assert inbox.received == []


def test_without_starttls_on_the_server_no_mail_is_sent(served: tuple[Inbox, int], client_tls: ssl.SSLContext) -> None:
    """The offer may have been removed between the two."""
    inbox, port = served
    with pytest.raises(MailNotSent, match="SMTPNotSupportedError"):
        mailer(f"smtp+starttls://{HOST}:{port}", client_tls).send(letter())
    assert inbox.received == []


@pytest.mark.parametrize(
    ("verb", "answer", "permanent"),
    [
        ("RCPT", "550 no such user anna@shop.example", True),
        ("RCPT", "450 mailbox busy anna@shop.example", False),
        ("DATA", "554 spam of anna@shop.example", True),
        ("DATA", "451 try later anna@shop.example", False),
        ("MAIL", "550 not this sender anna@shop.example", False),
        ("MAIL", "421 too busy anna@shop.example", False),
    ],
)
def test_a_refusal_is_permanent_or_not(served: tuple[Inbox, int], verb: str, answer: str, permanent: bool) -> None:
    """The reason, which is logged, has the code and no text of the server, which may name the recipient."""
    inbox, port = served
    inbox.moods[verb] = answer
    with pytest.raises(MailNotSent, match=answer[:3]) as refusal:
        mailer(f"smtp://{HOST}:{port}").send(letter())
    assert refusal.value.permanent is permanent
    assert "@" not in str(refusal.value)
    inbox.moods.clear()
    mailer(f"smtp://{HOST}:{port}").send(letter())


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("mood", [HANG, DIE, TAKE_AND_DIE])
def test_a_server_that_hangs_or_dies_is_tried_again(served: tuple[Inbox, int], verb: str, mood: str) -> None:
    inbox, port = served
    inbox.moods[verb] = mood
    with pytest.raises(MailNotSent) as failure:
        mailer(f"smtp://{HOST}:{port}", timeout=PATIENCE).send(letter())
    assert not failure.value.permanent
    assert len(inbox.received) == (verb == "DATA" and mood == TAKE_AND_DIE)


def test_a_server_that_never_greets_and_one_that_is_not_there() -> None:
    with socket.create_server((HOST, 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(MailNotSent, match="SMTPServerDisconnected"):
            mailer(f"smtp://{HOST}:{port}", timeout=PATIENCE).send(letter())
    with pytest.raises(MailNotSent, match="ConnectionRefusedError"):
        mailer(f"smtp://{HOST}:{port}").send(letter())


def send_all(scene: Scene, how: Mailer) -> list[str]:
    results: list[str] = []
    while (outcome := send_next_mail(scene.shop, OPERATOR, how)) is not None:
        results.append(outcome.result)
    return results


def test_a_server_that_refuses_hangs_and_dies_in_turn_gets_every_mail_in_order(
    store: Store, served: tuple[Inbox, int]
) -> None:
    """Each mail arrives, once per `Message-ID` but for the one that the server took before it died."""
    inbox, port = served
    scene, how = Scene(store), mailer(f"smtp://{HOST}:{port}", timeout=PATIENCE)
    people = {name: scene.actor(name) for name in ("anna", "boris")}
    for name, (user_id, actor) in people.items():
        change = EmailChange(email=f"{name}@shop.example", password=PASSWORD)
        change_email(scene.shop, actor, user_id, change, "en")
        assert send_all(scene, how) == ["sent"]
        link, _ = parts(inbox.received[-1].message)
        verify_email(scene.shop, link.partition("#token=")[2][:32], "en")
    inbox.received.clear()
    for number in range(3):
        scene.clock.advance(seconds=1)
        for name in people:
            request_password_reset(scene.shop, ForgottenPassword(f"{name}@shop.example"), ("en", "ru", "en")[number])
    for verb, mood in (
        ("MAIL", "421 too busy"),
        ("RCPT", "450 mailbox busy"),
        ("DATA", "451 try later"),
        ("MAIL", HANG),
        ("DATA", DIE),
    ):
        inbox.moods = {verb: mood}
        assert send_all(scene, how) == ["postponed"] * 2
        scene.clock.advance(days=0.5)
    assert inbox.received == []
    inbox.moods = {"DATA": TAKE_AND_DIE}
    assert send_next_mail(scene.shop, OPERATOR, how) is not None
    scene.clock.advance(days=0.25)
    inbox.moods = {}
    assert send_all(scene, how) == ["sent"] * 6
    for name in people:
        ids = [
            received.message["Message-ID"]
            for received in inbox.received
            if received.recipients == (f"{name}@shop.example",)
        ]
        assert len(set(ids)) == 3
        assert list(dict.fromkeys(ids)) == sorted(set(ids))
    assert len(inbox.received) == 7


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("smtp", "mail.example", 25)),
        ("smtps://mail.example", SmtpServer("smtps", "mail.example", 465)),
        ("smtp+starttls://u%40x:p%3A@[::1]:2525/", SmtpServer("smtp+starttls", "::1", 2525, "u@x", "p:")),
    ],
)
def test_the_url_of_a_server(url: str, server: SmtpServer) -> None:
    assert SmtpServer.of(url) == server
    assert not server.password or server.password not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:99999",
        "smtp://mail.example:x",
        "smtp://mail.example/path",
        "smtp://mail.example?x=1",
        "smtp://user:password@mail.example",
        "smtp://[::1",
    ],
)
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|Invalid|Port"):
        SmtpServer.of(url)


def test_a_letter_of_another_mail_has_another_message_id(served: tuple[Inbox, int]) -> None:
    """Mail programs show a letter that arrives twice once."""
    inbox, port = served
    for each in (letter(1), letter(1), attrs.evolve(letter(2))):
        mailer(f"smtp://{HOST}:{port}").send(each)
    first, again, other = (received.message["Message-ID"] for received in inbox.received)
    assert first == again != other
