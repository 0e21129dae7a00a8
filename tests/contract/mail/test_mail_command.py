"""The commands and settings of mail, and the thread of a server that sends it."""

import json
import threading
from contextlib import closing
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from sellout_adapters import demo
from sellout_adapters.mail.folder import FolderMailer
from sellout_adapters.mail.messages import Messages
from sellout_adapters.memory import MemoryStore
from sellout_adapters.sql import SqlStore
from sellout_adapters.system import system_clock
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought
from sellout_adapters.testing.mailbox import Mailbox
from sellout_adapters.testing.scene import Scene
from sellout_core.errors import Unavailable
from sellout_core.mail import Letter, MailNotSent, MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import AccountEmail
from sellout_core.use_cases.mail import send_next_mail
from sellout_http.server import mail_sender
from sellout_http.server.composition import messages_of, open_mailer
from sellout_http.server.mail_sender import send_until
from sellout_http.settings.model import read_settings
from sellout_http.settings.signing_key import BadSettings
from tests.contract.support.buyer import ADDRESS
from tests.contract.support.command import Run, assert_fails, running_server
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.smtp import HOST, serving_mail

TOKEN = "0123456789abcdef0123456789abcdef"
PATHS = {"verify_email": f"/email/verify#token={TOKEN}", "reset_password": f"/password/reset#token={TOKEN}"}


def post(scene: Scene, recipient: str = "anna@shop.example") -> None:
    mail = NewMail(
        recipient=recipient,
        template=MailTemplate.PASSWORD_RESET,
        language="en",
        parameters={"username": "anna"},
        created_at=scene.clock.now,
    )
    scene.store.write(lambda tx: tx.outbox.add(mail))


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("template", [str(template) for template in MailTemplate])
def test_every_mail_is_previewed_as_text_and_as_html(invoke: Run, template: str, language: str) -> None:
    text = invoke("mail", "preview", template, "--language", language).stdout
    page = invoke("mail", "preview", template, "--language", language, "--html").stdout
    subject, empty, hello, *_ = text.splitlines()
    assert (empty, hello) == ("", {"en": "Hello, Anna <b>!", "ru": "Здравствуйте, Anna <b>!"}[language])
    assert f"<title>{subject}</title>" in page
    assert f'<html lang="{language}">' in page
    assert "Anna &lt;b&gt;!</p>" in page
    assert "<b>" not in page
    path = "/orders/12" if template.startswith("order_") else PATHS.get(template, "")
    link = f"http://127.0.0.1:8000{path}"
    assert f"\n{link}\n" in text
    assert f'<p><a href="{link}"' in page
    assert text.isascii() == (language == "en")
    assert text.count("\n\n") == page.count("<p>")


def test_an_unknown_template_is_refused(invoke: Run) -> None:
    assert_fails(invoke("mail", "preview", "newsletter"), "newsletter", 2)


def test_mail_is_sent_once_by_the_command(invoke: Run, tmp_path: Path) -> None:
    assert_fails(invoke("mail", "send"), "mail is not configured: set SELLOUT_SMTP_URL or SELLOUT_MAIL_FOLDER", 2)
    url = f"sqlite:///{tmp_path / 'mail.db'}"
    store = SqlStore.open(url)
    scene = Scene(store)
    scene.clock.now = system_clock()
    post(scene)
    post(scene, "boris@shop.example")
    with serving_mail() as (inbox, port):
        variables = {
            "SELLOUT_SMTP_URL": f"smtp://{HOST}:{port}",
            "SELLOUT_MAIL_FROM": "Shop <shop@shop.example>",
            "SELLOUT_PUBLIC_URL": "https://shop.example/",
        }

        def send() -> tuple[int, str]:
            done = invoke("mail", "send", "--database-url", url, **variables)
            return done.returncode, done.stdout

        inbox.moods = {"RCPT": "450 busy"}
        assert send() == (1, "2 postponed\n")
        inbox.moods = {}
        assert send() == (0, "no mail is due\n")
        with store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE outbox SET due_at = created_at")
        assert send() == (0, "2 sent\n")
        assert send() == (0, "no mail is due\n")
        assert [mail.message["From"] for mail in inbox.received] == ["Shop <shop@shop.example>"] * 2
    store.close()


def test_the_command_sends_mails_about_orders_since_its_first_run(invoke: Run, tmp_path: Path) -> None:
    url, variables = f"sqlite:///{tmp_path / 'mail.db'}", {"SELLOUT_MAIL_FOLDER": str(tmp_path / "mail")}
    with closing(SqlStore.open(url)) as store:
        scene = Scene(store)
        scene.clock.now = system_clock()

        def order(name: str) -> None:
            buyer_id = bought(scene, name).buyer_id
            store.write(lambda tx: tx.emails.save(AccountEmail(buyer_id, f"{name}@shop.example", language="ru")))

        order("anna")
        assert invoke("mail", "send", "--database-url", url, **variables).stdout == "no mail is due\n"
        order("boris")
        assert invoke("mail", "send", "--database-url", url, **variables).stdout == "1 sent\n"
    (file,) = (tmp_path / "mail").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (message["To"], message["Subject"]) == ("boris@shop.example", "Заказ 2 принят")
    text = message.get_body(("plain",))
    assert text is not None
    assert "The boris 0; The boris 1" in text.get_content()
    assert "1 000 RUB" in text.get_content()


@pytest.mark.parametrize(
    ("variables", "fault"),
    [
        ({"SMTP_URL": "http://mail.example"}, "SELLOUT_SMTP_URL must look like smtp+starttls://"),
        ({"SMTP_URL": "smtp://mail.example"}, "SELLOUT_MAIL_FROM must be set with SELLOUT_SMTP_URL"),
        ({"SMTP_URL": "smtp://mail.example", "MAIL_FROM": "a@b.ru"}, "SELLOUT_PUBLIC_URL must be set with"),
        ({"SMTP_URL": "smtp://mail.example", "MAIL_FOLDER": "x"}, "must not both be set"),
        (
            {"SMTP_URL": "smtp://u:secret@m.example", "MAIL_FROM": "a@b.ru", "PUBLIC_URL": "https://b.ru"},
            "SELLOUT_SMTP_URL must have TLS",
        ),
        (
            {"SMTP_URL": "smtps://u:secret@m.example:x", "MAIL_FROM": "a@b.ru", "PUBLIC_URL": "https://b.ru"},
            "SELLOUT_SMTP_URL must have a valid host and port",
        ),
        ({"MAIL_FROM": "shop"}, "SELLOUT_MAIL_FROM must be an address"),
        ({"MAIL_FROM": "Shop <shop@shop.example>\r\nBcc: x@shop.example"}, "SELLOUT_MAIL_FROM must be an address"),
        ({"MAIL_FROM": '"Shop" <shop@shop.example>'}, "SELLOUT_MAIL_FROM must be an address"),
        ({"PUBLIC_URL": "shop.example"}, "SELLOUT_PUBLIC_URL must be a URL"),
        ({"PUBLIC_URL": "https://shop.example/?x=1"}, "SELLOUT_PUBLIC_URL must be a URL"),
        ({"PUBLIC_URL": "javascript:alert(1)"}, "SELLOUT_PUBLIC_URL must be a URL"),
        ({"MAIL_FOLDER": ""}, "SELLOUT_MAIL_FOLDER must be the path of a folder"),
    ],
)
def test_settings_that_cannot_send_mail_are_refused(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], fault: str
) -> None:
    """No message has the password."""
    for name, value in variables.items():
        monkeypatch.setenv(f"SELLOUT_{name}", value)
    with pytest.raises(BadSettings) as refusal:
        open_mailer(read_settings())
    assert fault in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_mail_is_off_unless_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_mailer(read_settings()) is None
    assert not read_settings().policy.sends_mail
    assert read_settings({"demo": True}).policy.sends_mail
    monkeypatch.setenv("SELLOUT_MAIL_FOLDER", "mail")
    assert read_settings().policy.sends_mail
    assert messages_of(read_settings({"host": "::1"})).public_url == "http://[::1]:8000"


def test_a_demo_prints_links_and_stops_cleanly(tmp_path: Path) -> None:
    """The mail is in a file that only its owner can read, and the token is not in the log. An order has a mail, too."""
    with running_server(tmp_path, "--demo") as (server, _):
        access = server.access_token(demo.CUSTOMER, demo.PASSWORD)
        change = {"email": "anna@shop.example", "password": demo.PASSWORD}
        assert server.request("POST", "/user/email/2", change, access) == (202, {})
        stdout = server.process.stdout
        assert stdout is not None
        subject, link = (stdout.readline().decode() for _ in range(2))
        assert subject == "Mail to anna@shop.example: Confirm your e-mail address\n"
        address, _, token = link.strip().partition("#token=")
        assert address == f"http://127.0.0.1:{server.port}/email/verify"
        assert server.request("POST", "/user/email/verify", {"token": token}) == (200, {})
        (file,) = (tmp_path / "sellout-mail").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert token in file.read_text()
        server.request("POST", "/order/cart_add/2/1", None, access)
        address_id = server.request("POST", "/user/address/2", ADDRESS, access)[1]["id"]
        order = {**CHECKOUT, "product_unit": [1], "address_id": address_id}
        status, ordered = server.request("POST", "/order/checkout/2", order, access)
        assert status == 201
        assert [stdout.readline().decode() for _ in range(2)] == [
            f"Mail to anna@shop.example: We have your order {ordered['id']}\n",
            f"  http://127.0.0.1:{server.port}/orders/{ordered['id']}\n",
        ]
        assert server.stop() == (0, "")
        lines = [line for line in map(json.loads, server.log().splitlines()) if line["event"] == "mail"]
        sent = [(line["template"], line["attempts"], line["result"]) for line in lines]
        assert sent == [("verify_email", 1, "sent"), ("order_accepted", 1, "sent")]
        assert token not in server.log()
        assert "anna@" not in server.log()


class Ending(Mailbox):
    """Ends the thread when it has sent some mails. Its first attempts fail."""

    def __init__(self, stopped: threading.Event, failures: list[Exception]) -> None:
        super().__init__()
        self._stopped = stopped
        self._failures = failures

    def send(self, letter: Letter) -> None:
        if self._failures:
            raise self._failures.pop(0)
        super().send(letter)
        if len(self.letters) == 2:
            self._stopped.set()


def test_the_thread_goes_on_after_errors_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_sender, "_IDLE_SECONDS", 0)
    monkeypatch.setattr(mail_sender, "_AFTER_ERROR_SECONDS", 0)
    scene, stopped = Scene(MemoryStore()), threading.Event()
    for name in "abcde":
        post(scene, f"{name}@shop.example")
    mailbox = Ending(stopped, [Unavailable(), KeyError("a mistake"), MailNotSent("421")])
    send_until(scene.shop, mailbox, stopped)
    assert len(mailbox.letters) == 2


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A mail that is sent twice replaces its file. A folder that cannot be written postpones the mail."""
    scene = Scene(MemoryStore())
    post(scene)
    (tmp_path / "mail").write_text("not a folder")
    mailer = FolderMailer(tmp_path / "mail", Messages("shop@shop.example", "https://shop.example"))
    outcome = send_next_mail(scene.shop, OPERATOR, mailer)
    assert outcome is not None
    assert (outcome.result, outcome.reason) == ("postponed", "File exists")
    (tmp_path / "mail").unlink()
    scene.clock.advance(minutes=1)
    mail = scene.store.write(lambda tx: tx.outbox.take_due(scene.clock.now, scene.clock.now))
    assert mail is not None
    for _ in range(2):
        mailer.send(Letter(mail, mail.recipient, mail.parameters))
    (file,) = (tmp_path / "mail").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == "anna@shop.example"
