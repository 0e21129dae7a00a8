"""The mails about orders, on every store."""

from collections import defaultdict

from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.mailbox import deliver
from sellout_adapters.testing.scene import PASSWORD, Scene
from sellout_core.mail import MailTemplate
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.people.identity import AccountEmail
from sellout_core.use_cases.events.order_mail import subscribe_order_mail, write_order_mails
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.values import UserId


def verify(scene: Scene, user_id: UserId, address: str) -> None:
    """Gives a user a verified address."""
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(user_id, address, language="ru")))


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
        results = racing(RACERS, lambda _: write_order_mails(scene.shop, OPERATOR))
        assert sum(number for number in results if isinstance(number, int)) + write_order_mails(
            scene.shop, OPERATOR
        ) == 4 * len(names)
        got = defaultdict[str, list[MailTemplate]](list)
        for letter in deliver(scene.shop):
            assert letter.mail.language == "ru"
            got[letter.recipient].append(letter.mail.template)
        both = [MailTemplate.ORDER_ACCEPTED, MailTemplate.ORDER_CANCELLED]
        assert got == {f"{name}@shop.example": both for name in names}

    def test_a_buyer_who_is_deleted_meanwhile_leaves_no_mail(self, scene: Scene) -> None:
        subscribe_order_mail(scene.shop, OPERATOR)
        orders = [bought(scene, f"buyer{number}") for number in range(RACERS - 1)]
        for order in orders:
            verify(scene, order.buyer_id, f"{order.id}@shop.example")

        def work(number: int) -> None:
            if number == len(orders):
                write_order_mails(scene.shop, OPERATOR)
            else:
                delete_account(scene.shop, Actor(orders[number].buyer_id), orders[number].buyer_id, PASSWORD)

        assert racing(RACERS, work) == [None] * RACERS
        assert deliver(scene.shop) == []
