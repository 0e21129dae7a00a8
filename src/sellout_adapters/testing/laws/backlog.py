"""The backlog of a shop, on every store."""

from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel, pay
from sellout_adapters.testing.laws.fulfilment.payments import settled_by, started
from sellout_adapters.testing.scene import Scene
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.ports.backlog import Waiting


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
