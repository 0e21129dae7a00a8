"""The backlog of a shop, on every store."""

import attrs

from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel, pay
from sellout_adapters.testing.laws.fulfilment.payments import settled_by, started
from sellout_adapters.testing.scene import Scene
from sellout_core.events.subscriptions import Delivery
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.backlog import Waiting
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.services import deliver_to_service, subscribe_service


def mail(scene: Scene, recipient: str) -> None:
    """Appends a mail to the outbox."""
    template = MailTemplate.VERIFY_EMAIL
    new = NewMail(recipient=recipient, template=template, language="en", created_at=scene.clock.now)
    scene.store.write(lambda tx: tx.outbox.add(new))


class BacklogLaws:
    """What waits is counted up to a limit, with the time since when it waits."""

    def test_orders_are_counted_by_status(self, scene: Scene) -> None:
        bought(scene)
        pay(scene, bought(scene, "boris"))
        cancel(scene, bought(scene, "clara"))
        bought(scene, "daria")

        def counted(limit: int) -> dict[str, int]:
            found = scene.store.read(lambda tx: tx.backlog.orders(limit))
            return {STATUSES[status_id]: number for status_id, number in found.items() if number}

        assert counted(9) == {"pending": 2, "placed": 1, "cancelled": 1}
        assert counted(1) == {"pending": 1, "placed": 1, "cancelled": 1}

    def test_mails_wait_since_the_oldest_was_written(self, scene: Scene) -> None:
        def waiting(limit: int) -> Waiting:
            return scene.store.read(lambda tx: tx.backlog.mails(limit))

        assert waiting(9) == Waiting()
        begin = scene.clock.now
        mail(scene, "anna@shop.example")
        scene.clock.advance(hours=1)
        mail(scene, "boris@shop.example")
        assert waiting(9) == Waiting(2, begin)
        assert waiting(1) == Waiting(1, begin)
        # A mail that is being sent or was postponed still waits.
        later = scene.clock.now
        scene.store.write(lambda tx: tx.outbox.take_due(later, later))
        assert waiting(9) == Waiting(2, begin)

    def test_payments_wait_since_they_were_due(self, scene: Scene) -> None:
        bank = Bank()
        payments = [started(scene, bank, bought(scene, name)) for name in ("anna", "boris")]
        first = payments[0].due_at
        assert first is not None

        def waiting(limit: int) -> Waiting:
            return scene.store.read(lambda tx: tx.backlog.payments_due(scene.clock.now, limit))

        assert waiting(9) == Waiting()
        scene.clock.advance(hours=1)
        assert waiting(9) == Waiting(2, first)
        assert waiting(1) == Waiting(1, first)
        settled_by(scene)
        assert waiting(9) == Waiting()

    def test_events_wait_until_they_are_dispatched(self, scene: Scene) -> None:
        def waiting(limit: int) -> Waiting:
            return scene.store.read(lambda tx: tx.backlog.events(limit))

        assert waiting(9) == Waiting()
        begin = scene.clock.now
        scene.user("anna")
        scene.clock.advance(hours=1)
        scene.user("boris")
        assert waiting(9) == Waiting(2, begin)
        assert waiting(1) == Waiting(1, begin)
        dispatch_events(scene.shop, OPERATOR)
        assert waiting(9) == Waiting()

    def test_deliveries_wait_until_they_succeed_or_die(self, scene: Scene) -> None:
        def waiting(limit: int = 9) -> tuple[Waiting, int]:
            return scene.store.read(lambda tx: (tx.backlog.deliveries(limit), tx.backlog.dead_deliveries(limit)))

        scene.user("anna")
        warehouse = subscribe_service(scene.shop, OPERATOR, "warehouse")
        assert waiting() == (Waiting(), 0)
        begin = scene.clock.now
        scene.user("boris")
        subscribe_service(scene.shop, OPERATOR, "bookkeeping")
        scene.clock.advance(hours=1)
        scene.user("clara")
        dispatch_events(scene.shop, OPERATOR)
        assert waiting() == (Waiting(3, begin), 0)
        assert waiting(2) == (Waiting(2, begin), 0)
        assert deliver_to_service(scene.shop, OPERATOR, "warehouse", lambda _: None) == 2
        assert waiting() == (Waiting(1, scene.clock.now), 0)

        def stop(tx: Transaction) -> None:
            tx.deliveries.add(
                [Delivery(subscription_id=warehouse.id, event=event, due_at=begin) for event in tx.events.after(0, 9)]
            )
            tx.deliveries.give_up(warehouse.id, begin, begin, "too old")
            bookkeeping = next(each for each in tx.subscriptions.all() if each.service == "bookkeeping")
            tx.subscriptions.save(attrs.evolve(bookkeeping, active=False))

        scene.store.write(stop)
        # Of the events, two are too old, and one is for a subscription that is not active.
        assert waiting() == (Waiting(1, scene.clock.now), 2)
        assert waiting(1) == (Waiting(1, scene.clock.now), 1)
