"""Sending the mails of the outbox."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from sellout_adapters.testing.mailbox import Mailbox, deliver
from sellout_adapters.testing.scene import PASSWORD
from sellout_core.mail import LEASE, Letter, Mail, MailNotSent, MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import EmailChange, fingerprint_of
from sellout_core.use_cases.mail import send_next_mail
from sellout_core.use_cases.people.identity import change_email, verify_email
from sellout_core.use_cases.upkeep import delete_expired
from sellout_core.values import MailId
from tests.unit.shop_scene import Scene

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def post(scene: Scene, number: int = 1, recipient: str = "anna@shop.example") -> None:
    """Writes a mail without a link."""
    mail = NewMail(
        recipient=recipient,
        template=MailTemplate.EMAIL_CHANGED,
        language="en",
        parameters={"number": str(number)},
        created_at=scene.clock.now,
    )
    scene.store.write(lambda tx: tx.outbox.add(mail))


def results(scene: Scene, mailbox: Mailbox) -> list[tuple[str, str]]:
    """What becomes of the mails that are due."""
    found: list[tuple[str, str]] = []
    while (outcome := send_next_mail(scene.shop, OPERATOR, mailbox)) is not None:
        found.append((outcome.result, outcome.reason))
    return found


def numbers(mailbox: Mailbox) -> list[str]:
    return [letter.parameters["number"] for letter in mailbox.letters]


def test_a_mail_is_sent_once(scene: Scene) -> None:
    post(scene)
    mailbox = Mailbox()
    assert results(scene, mailbox) == [("sent", "")]
    scene.clock.advance(days=9)
    assert results(scene, mailbox) == []
    assert numbers(mailbox) == ["1"]


def test_mails_to_one_address_are_sent_in_order_and_others_do_not_wait(scene: Scene) -> None:
    post(scene, 1)
    post(scene, 2)
    post(scene, 3, "boris@shop.example")
    mailbox = Mailbox()
    mailbox.failure = MailNotSent("421")
    assert results(scene, mailbox) == [("postponed", "421")] * 2
    mailbox.failure = None
    post(scene, 4, "clara@shop.example")
    assert results(scene, mailbox) == [("sent", "")]
    scene.clock.advance(minutes=1)
    assert len(results(scene, mailbox)) == 3
    assert sorted(numbers(mailbox)) == ["1", "2", "3", "4"]
    assert numbers(mailbox).index("1") < numbers(mailbox).index("2")


def test_a_failed_mail_is_tried_again_ever_later_and_given_up_after_three_days(scene: Scene) -> None:
    post(scene)
    mailbox, begin, tries = Mailbox(), scene.clock.now, []
    mailbox.failure = MailNotSent("421")
    while True:
        found = results(scene, mailbox)
        if found:
            tries.append((scene.clock.now - begin) // timedelta(minutes=1))
        if found == [("given_up", "421")]:
            break
        scene.clock.advance(minutes=1)
    assert tries[:10] == [0, 1, 3, 7, 15, 31, 63, 127, 255, 511]
    assert tries[10] - tries[9] == tries[-1] - tries[-2] == 360
    assert 72 * 60 <= tries[-1] < 72 * 60 + 360
    mailbox.failure = None
    scene.clock.advance(days=9)
    assert results(scene, mailbox) == []


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (9, 256), (10, 360), (11, 360), (10**9, 360)])
def test_the_next_attempt(attempts: int, minutes: int) -> None:
    mail = Mail(
        id=MailId(1),
        recipient="anna@shop.example",
        template=MailTemplate.EMAIL_CHANGED,
        language="en",
        created_at=NOW,
        attempts=attempts,
    )
    assert mail.next_attempt(NOW) == NOW + timedelta(minutes=minutes)
    last = NOW + timedelta(days=3, microseconds=-1)
    assert mail.next_attempt(last) == last + timedelta(minutes=minutes)
    assert mail.next_attempt(NOW + timedelta(days=3)) is None


def test_a_mail_that_is_refused_for_good_is_given_up_and_the_next_one_is_sent(scene: Scene) -> None:
    post(scene, 1)
    mailbox = Mailbox()
    mailbox.failure = MailNotSent("550", permanent=True)
    assert results(scene, mailbox) == [("given_up", "550")]
    mailbox.failure = None
    post(scene, 2)
    assert results(scene, mailbox) == [("sent", "")]
    assert numbers(mailbox) == ["2"]


def test_a_mail_whose_process_ends_is_sent_again_when_its_lease_ends(scene: Scene) -> None:
    post(scene)
    mailbox = Mailbox()
    mailbox.failure = KeyError("the process ends")
    with pytest.raises(KeyError):
        send_next_mail(scene.shop, OPERATOR, mailbox)
    mailbox.failure = None
    scene.clock.now += LEASE - timedelta(microseconds=1)
    assert results(scene, mailbox) == []
    scene.clock.now += timedelta(microseconds=1)
    assert results(scene, mailbox) == [("sent", "")]
    assert mailbox.letters[0].mail.attempts == 2


def test_a_mail_is_sent_outside_of_transactions(scene: Scene) -> None:
    """The mailer can use the store, in which another writer would wait, and sees the mail as taken."""
    post(scene)

    class Looking:
        seen: Mail | None = None

        def send(self, letter: Letter) -> None:
            now = scene.clock.now + LEASE
            self.seen = scene.store.write(lambda tx: tx.outbox.take_due(now, now))
            assert letter.mail.attempts == 1

    looking = Looking()
    assert send_next_mail(scene.shop, OPERATOR, looking) is not None
    assert looking.seen is not None
    assert looking.seen.attempts == 2
    scene.clock.advance(days=1)
    assert send_next_mail(scene.shop, OPERATOR, looking) is None


def test_a_mail_that_another_process_takes_first_is_none(scene: Scene) -> None:
    """Between the look and the taking, another process takes the only mail."""
    post(scene)
    read = scene.store.read

    @attrs.frozen
    class Overtaken:
        def read(self, work: object) -> object:
            found: object = read(work)  # type: ignore[arg-type]
            deliver(scene.shop)
            return found

        write = scene.store.write

    mailbox = Mailbox()
    overtaken = attrs.evolve(scene.shop, store=Overtaken())  # type: ignore[arg-type]
    assert send_next_mail(overtaken, OPERATOR, mailbox) is None
    assert mailbox.letters == []


def test_each_attempt_has_a_link_of_its_own_and_all_of_them_work(scene: Scene) -> None:
    """The first attempt may have reached the user before it failed."""
    anna = scene.person("anna")
    change = EmailChange(email="anna@shop.example", password=PASSWORD)
    change_email(scene.shop, anna.actor, anna.id, change, "en")
    seen: list[Letter] = []

    class Failing:
        def send(self, letter: Letter) -> None:
            seen.append(letter)
            raise MailNotSent("421")

    send_next_mail(scene.shop, OPERATOR, Failing())
    scene.clock.advance(minutes=1)
    send_next_mail(scene.shop, OPERATOR, Failing())
    one, other = (letter.parameters["token"] for letter in seen)
    assert one != other
    verify_email(scene.shop, one, "en")


def test_a_mail_to_a_user_who_was_deactivated_is_not_sent(scene: Scene) -> None:
    anna = scene.person("anna")
    change = EmailChange(email="anna@shop.example", password=PASSWORD)
    change_email(scene.shop, anna.actor, anna.id, change, "en")
    scene.change_user(anna.id, is_active=False)
    assert results(scene, Mailbox()) == [("unneeded", "")]
    scene.change_user(anna.id, is_active=True)
    scene.clock.advance(days=1)
    assert results(scene, Mailbox()) == []


def test_expired_tokens_are_deleted_with_the_next_one_and_by_upkeep(scene: Scene) -> None:
    anna = scene.person("anna")
    tokens = []
    for hours in (0, 1, 1):
        scene.clock.advance(hours=hours)
        change = EmailChange(email="anna@shop.example", password=PASSWORD)
        change_email(scene.shop, anna.actor, anna.id, change, "en")
        tokens.append(deliver(scene.shop)[0].parameters["token"])

    def left() -> list[bool]:
        return [
            scene.store.read(lambda tx, token=token: tx.single_use_tokens.of(fingerprint_of(token))) is not None  # type: ignore[misc]
            for token in tokens
        ]

    assert left() == [False, False, True]
    scene.clock.advance(hours=1)
    delete_expired(scene.shop, OPERATOR)
    assert left() == [False, False, False]
