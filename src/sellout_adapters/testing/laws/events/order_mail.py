"""The mails about orders, on every store."""

from collections import defaultdict

from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.laws.races import RACERS, ConcurrentCall, racing
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import Scene
from sellout_core.mail import MailTemplate
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import AccountEmail
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.events.order_mail import write_order_mails
from sellout_core.use_cases.events.services import subscribe_order_mail
from sellout_core.values import UserId


def verify(scene: Scene, user_id: UserId, address: str) -> None:
    """Gives a user a verified address."""
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(user_id, address, language="ru")))


def write_all(scene: Scene) -> list[str | None]:
    """Writes all mails that are due. Returns the results of all changes."""
    found: list[str | None] = []
    while reasons := write_order_mails(scene.shop, OPERATOR):
        found += reasons
    return found


class OrderMailLaws:
    """Mails about orders."""

    def test_concurrent_processes_write_each_mail_once(self, scene: Scene) -> None:
        subscribe_order_mail(scene.shop, OPERATOR)
        names = [f"buyer{number}" for number in range(RACERS)]
        for name in names:
            order = bought(scene, name)
            verify(scene, order.buyer_id, f"{name}@shop.example")
            scene.clock.advance(seconds=1)
            cancel(scene, order)
        results = [*racing(RACERS, lambda _: write_order_mails(scene.shop, OPERATOR)), write_all(scene)]
        assert [reason for reasons in results for reason in reasons] == [None] * 2 * len(names)
        got = defaultdict[str, list[MailTemplate]](list)
        for letter in deliver(scene.shop):
            assert letter.mail.language == "ru"
            got[letter.recipient].append(letter.mail.template)
        both = [MailTemplate.ORDER_ACCEPTED, MailTemplate.ORDER_CANCELLED]
        assert got == {f"{name}@shop.example": both for name in names}

    def test_a_change_with_more_events_than_a_process_takes_is_one_mail(self, scene: Scene) -> None:
        subscribe_order_mail(scene.shop, OPERATOR)
        orders = [bought(scene, f"buyer{number}", *[10] * 30) for number in range(4)]
        for order in orders:
            verify(scene, order.buyer_id, f"{order.id}@shop.example")
            scene.clock.advance(seconds=1)
            cancel(scene, order)
        write_all(scene)
        letters = deliver(scene.shop)
        cancelled = [letter for letter in letters if letter.mail.template is MailTemplate.ORDER_CANCELLED]
        assert len(letters) == 2 * len(cancelled) == 8
        assert [letter.parameters["units"].count(";") for letter in cancelled] == [29] * 4

    def test_a_buyer_who_is_deleted_meanwhile_leaves_no_mail(self, scene: Scene) -> None:
        subscribe_order_mail(scene.shop, OPERATOR)
        buyer_id = bought(scene).buyer_id
        verify(scene, buyer_id, "anna@shop.example")
        writing = ConcurrentCall(lambda: write_order_mails(scene.shop, OPERATOR))

        def delete(tx: Transaction) -> None:
            tx.users.for_update(buyer_id)
            tx.personal_data.delete_mails(buyer_id, [])
            tx.personal_data.delete_emails(buyer_id)
            writing.has_ended()

        scene.store.write(delete)
        writing.wait()
        assert deliver(scene.shop) == []
