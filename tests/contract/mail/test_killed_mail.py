"""A process that is killed at any point loses no mail, and sends one mail twice at most."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import PASSWORD, HeldClock, Scene
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import AccountEmail, EmailChange
from sellout_core.use_cases.events.services import subscribe_order_mail
from sellout_core.use_cases.people.identity import change_email, verify_email
from tests.contract.conftest import PERSISTENT
from tests.contract.support.killed import killed_work
from tests.contract.support.smtp import serving_mail

EMPTY: Final = 1_000_000
"""More statements than any work has."""

PREPARE: Final = """
from pathlib import Path

from sellout_adapters.mail.messages import Messages
from sellout_adapters.mail.smtp import SmtpMailer, SmtpServer
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import PASSWORD, Scene
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import EmailChange
from sellout_core.use_cases.events.order_mail import write_order_mails
from sellout_core.use_cases.mail import send_next_mail
from sellout_core.use_cases.people.identity import change_email, verify_email

def scene_at(url, folder):
    # Each process begins an hour after the one before: the leases of a killed one have ended.
    scene = Scene(SqlStore.open(url))
    hours = Path(folder, "hours")
    hour = int(hours.read_text()) if hours.exists() else 0
    hours.write_text(str(hour + 1))
    scene.clock.advance(hours=hour)
    return scene

def send(url, folder, port):
    mailer = SmtpMailer(SmtpServer.of(f"smtp://127.0.0.1:{port}"), Messages("shop@shop.example", "https://shop.example"))
    scene = scene_at(url, folder)

    def work():
        while send_next_mail(scene.shop, OPERATOR, mailer) is not None:
            pass

    return work

def orders(url, folder, port):
    scene = scene_at(url, folder)
    sending = send(url, folder, port)

    def work():
        while write_order_mails(scene.shop, OPERATOR):
            pass
        sending()

    return work

def change(url, folder, user_id):
    scene = scene_at(url, folder)
    wanted = EmailChange(email="anna@shop.example", password=PASSWORD)
    return lambda: change_email(scene.shop, OPERATOR, int(user_id), wanted, "en")

def verify(url, folder, token):
    scene = scene_at(url, folder)
    scene.clock.now = type(scene.clock)().now
    return lambda: verify_email(scene.shop, token, "en")

def prepare(kind, *arguments):
    return {"send": send, "orders": orders, "change": change, "verify": verify}[kind](*arguments)
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.deep)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore]:
    """A store that a process can open by its URL."""
    with PERSISTENT[request.param](tmp_path) as store:
        yield store


def url_of(store: SqlStore) -> str:
    return store.engine.url.render_as_string(hide_password=False)


def post(scene: Scene, *recipients: str) -> None:
    for recipient in recipients:
        mail = NewMail(
            recipient=recipient,
            template=MailTemplate.PASSWORD_RESET,
            language="ru",
            parameters={"username": "anna"},
            created_at=scene.clock.now,
        )
        scene.store.write(lambda tx, mail=mail: tx.outbox.add(mail))  # type: ignore[misc]
        scene.clock.advance(seconds=1)


def test_a_sender_that_is_killed_anywhere_loses_no_mail_and_sends_one_twice_at_most(
    store: SqlStore, tmp_path: Path, deep: bool
) -> None:
    """Each sender is killed some statements later than the one before."""
    scene = Scene(store)
    twice = kills = 0
    with (
        serving_mail() as (inbox, port),
        killed_work(PREPARE, "send", url_of(store), str(tmp_path), str(port)) as killed,
    ):
        for number in range(1, 100, 1 if deep else 4):
            inbox.received.clear()
            post(scene, "anna@shop.example", "anna@shop.example", "boris@shop.example")
            was_killed = killed(number)
            if was_killed:
                assert not killed(EMPTY)
            ids = [received.message["Message-ID"] for received in inbox.received]
            assert len(set(ids)) == 3
            assert len(ids) <= (4 if was_killed else 3)
            annas = [
                received.message["Message-ID"]
                for received in inbox.received
                if received.recipients == ("anna@shop.example",)
            ]
            assert list(dict.fromkeys(annas)) == sorted(set(annas))
            assert not store.read(lambda tx: tx.outbox.has_due(scene.clock.now.replace(year=9000)))
            twice += len(ids) == 4
            kills += was_killed
            if not was_killed:
                break
    assert kills > (30 if deep else 7)
    if deep:
        # After the server has taken a mail and before its row is deleted.
        assert twice >= 3


def test_a_process_that_is_killed_anywhere_loses_no_mail_about_an_order(
    store: SqlStore, tmp_path: Path, deep: bool
) -> None:
    """It writes the mails about two changes of an order, and sends them."""
    scene = Scene(store)
    subscribe_order_mail(scene.shop, OPERATOR)
    kills = 0
    with (
        serving_mail() as (inbox, port),
        killed_work(PREPARE, "orders", url_of(store), str(tmp_path), str(port)) as killed,
    ):
        for number in range(1, 200, 3 if deep else 8):
            inbox.received.clear()
            # As the clock of the next process.
            hours = tmp_path / "hours"
            scene.clock.now = HeldClock().now + timedelta(hours=int(hours.read_text()) if hours.exists() else 0)
            order = bought(scene, f"buyer{number}")
            address = f"buyer{number}@shop.example"
            store.write(lambda tx: tx.emails.save(AccountEmail(order.buyer_id, address)))  # noqa: B023 - called at once
            scene.clock.advance(seconds=1)
            cancel(scene, order)
            was_killed = killed(number)
            if was_killed:
                assert not killed(EMPTY)
            subjects = [str(received.message["Subject"]) for received in inbox.received]
            assert list(dict.fromkeys(subjects)) == [
                f"We have your order {order.id}",
                f"Your order {order.id} was cancelled",
            ]
            assert len(subjects) <= (3 if was_killed else 2)
            kills += was_killed
            if not was_killed:
                break
    assert kills > (9 if deep else 3)


def test_a_request_that_is_killed_anywhere_has_its_mail_if_it_has_its_change(store: SqlStore, tmp_path: Path) -> None:
    scene = Scene(store)
    anna = scene.user("anna")
    outcomes = set()
    with killed_work(PREPARE, "change", url_of(store), str(tmp_path), str(anna)) as killed:
        for number in range(1, 100):
            was_killed = killed(number)
            changed = store.read(lambda tx: tx.emails.of(anna)).pending == "anna@shop.example"
            scene.clock.advance(days=1)
            assert len(deliver(scene.shop)) == changed
            outcomes.add((was_killed, changed))
            if not was_killed:
                break
            if changed:
                store.write(lambda tx: tx.emails.save(AccountEmail(anna)))
    assert {(True, False), (False, True)} <= outcomes


def test_a_verification_that_is_killed_anywhere_tells_both_addresses_if_it_changes_the_address(
    store: SqlStore, tmp_path: Path
) -> None:
    scene = Scene(store)
    anna = scene.user("anna")
    for address in ("old@shop.example", "new@shop.example"):
        change_email(scene.shop, OPERATOR, anna, EmailChange(email=address, password=PASSWORD), "en")
        token = deliver(scene.shop)[0].parameters["token"]
        if address == "old@shop.example":
            verify_email(scene.shop, token, "en")
    with killed_work(PREPARE, "verify", url_of(store), str(tmp_path), token) as killed:
        for number in range(1, 100):
            killed(number)
            changed = store.read(lambda tx: tx.emails.of(anna)).address == "new@shop.example"
            told = [letter.recipient for letter in deliver(scene.shop)]
            assert told == (["old@shop.example", "new@shop.example"] if changed else [])
            if changed:
                break
        assert number > 5
