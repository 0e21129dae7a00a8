"""The backlog of the shop, for monitoring."""

from datetime import timedelta

from sellout_adapters.testing.scene import unit_entry
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.mail import MailTemplate, NewMail
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.backlog import Queue, read_backlog
from sellout_core.use_cases.shopping.checkout import check_out
from tests.unit.shop_scene import Scene


def test_every_status_has_a_number(scene: Scene) -> None:
    anna, goods = scene.person("anna"), scene.goods("dunk", unit_entry(7))
    check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, goods.unit_ids[0]))
    figures = read_backlog(scene.shop, OPERATOR)
    assert figures.orders == {**dict.fromkeys(STATUSES.values(), 0), "pending": 1}
    assert figures.mails == figures.payments_due == figures.deliveries == Queue(0, timedelta())
    assert (figures.events.number, figures.dead_deliveries) == (2, 0)


def test_the_age_is_that_of_the_oldest_and_never_negative(scene: Scene) -> None:
    def mails_after(age: timedelta) -> Queue:
        template, written = MailTemplate.VERIFY_EMAIL, scene.shop.clock() - age
        new = NewMail(recipient="anna@shop.example", template=template, language="en", created_at=written)
        scene.shop.store.write(lambda tx: tx.outbox.add(new))
        return read_backlog(scene.shop, OPERATOR).mails

    # The clock of another server is ahead.
    assert mails_after(timedelta(minutes=-1)) == Queue(1, timedelta())
    assert mails_after(timedelta(hours=1)) == Queue(2, timedelta(hours=1))
