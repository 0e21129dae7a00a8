"""The mails that buyers get about their orders."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import attrs
import pytest

from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    CONFIRM,
    WAYS,
    bought,
    cancel,
    deliver,
    move,
    pay,
    units_of,
)
from sellout_adapters.testing.mailbox import deliver as deliver_mail
from sellout_adapters.testing.scene import PASSWORD, shoe_size
from sellout_core.errors import Forbidden, LimitReached
from sellout_core.events.subscriptions import LEASE, MAX_SUBSCRIPTIONS, ORDER_MAIL
from sellout_core.fulfilment.lifecycle import LineState, RefundState
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.mail import Language, Letter, MailTemplate
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.people.identity import AccountEmail
from sellout_core.ports.store import Store, Transaction
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.events.dispatching import dispatch_events
from sellout_core.use_cases.events.order_mail import subscribe_order_mail, write_order_mails
from sellout_core.use_cases.events.services import subscribe_service, unsubscribe_service
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.fulfilment import move_refunds
from sellout_core.values import UserId
from tests.unit.shop_scene import Scene

T = TypeVar("T")

ADDRESS = "anna@shop.example"


@pytest.fixture(autouse=True)
def subscribed(scene: Scene) -> None:
    subscribe_order_mail(scene.shop, OPERATOR)


def ordered(scene: Scene, *prices: int, language: Language = "en") -> Order:
    """An order of a buyer with a verified address."""
    order = bought(scene, "anna", *prices)
    verify(scene, order.buyer_id, language)
    return order


def verify(scene: Scene, user_id: UserId, language: Language = "en") -> None:
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(user_id, ADDRESS, language=language)))


def mails(scene: Scene) -> Sequence[Letter]:
    """The mails that follow from what has happened since the last call."""
    while write_order_mails(scene.shop, OPERATOR):
        pass
    letters = deliver_mail(scene.shop)
    assert {letter.recipient for letter in letters} <= {ADDRESS}
    scene.clock.advance(seconds=1)
    return letters


def templates(scene: Scene) -> list[MailTemplate]:
    return [letter.mail.template for letter in mails(scene)]


def test_a_buyer_hears_of_each_step_once(scene: Scene) -> None:
    order = ordered(scene, 12_000, 300)
    (accepted,) = mails(scene)
    assert accepted.mail.template is MailTemplate.ORDER_ACCEPTED
    assert accepted.parameters == {
        "username": "anna",
        "order": str(order.id),
        "units": "The anna 0; The anna 1",
        "amount": "12 300 RUB",
    }
    found = []
    pay(scene, order)
    for request in WAYS:
        move(scene, order, request)
        found.append(templates(scene))
    # To Moscow is the same way as to the hub.
    assert found == [[], [], [MailTemplate.ORDER_ON_ITS_WAY], [], [], [MailTemplate.ORDER_SHIPPED], []]


def test_a_parcel_that_others_will_follow_is_a_part(scene: Scene) -> None:
    order = ordered(scene)
    one, other = units_of(order)
    pay(scene, order)
    for request in WAYS[:-2]:
        move(scene, order, request)
    assert templates(scene) == [MailTemplate.ORDER_ACCEPTED, MailTemplate.ORDER_ON_ITS_WAY]
    shipping = WAYS[-2]
    move(scene, order, shipping, one)
    (partly,) = mails(scene)
    assert partly.mail.template is MailTemplate.ORDER_PARTLY_SHIPPED
    assert partly.parameters == {
        "username": "anna",
        "order": str(order.id),
        "units": "The anna 0",
        "carrier": "CDEK",
        "tracking_number": "1234",
    }
    move(scene, order, attrs.evolve(shipping, tracking_number="5678"), other)
    (last,) = mails(scene)
    assert (last.mail.template, last.parameters["tracking_number"]) == (MailTemplate.ORDER_SHIPPED, "5678")


def test_a_cancelled_order_and_a_cancelled_part_differ(scene: Scene) -> None:
    order = ordered(scene)
    one, other = units_of(order)
    mails(scene)
    cancel(scene, order, one)
    (partly,) = mails(scene)
    assert (partly.mail.template, partly.parameters["units"]) == (MailTemplate.ORDER_PARTLY_CANCELLED, "The anna 0")
    cancel(scene, order, other)
    (whole,) = mails(scene)
    assert (whole.mail.template, whole.parameters["units"]) == (MailTemplate.ORDER_CANCELLED, "The anna 1")


def test_a_refund_that_has_arrived_is_one_mail_for_all_lines(scene: Scene) -> None:
    order = ordered(scene)
    pay(scene, order)
    move(scene, order, CONFIRM)
    move(scene, order, MoveRequest(target=LineState.CANCELLED, reason="sold out"))
    assert templates(scene) == [MailTemplate.ORDER_ACCEPTED, MailTemplate.ORDER_CANCELLED]
    for state in (RefundState.SENT, RefundState.DONE):
        move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), state)
    (refunded,) = mails(scene)
    assert refunded.mail.template is MailTemplate.ORDER_REFUNDED
    assert refunded.parameters == {"username": "anna", "order": str(order.id), "units": "", "amount": "1 000 RUB"}


def test_a_mail_has_the_language_of_the_account(scene: Scene) -> None:
    ordered(scene, language="ru")
    assert [letter.mail.language for letter in mails(scene)] == ["ru"]


def test_a_unit_with_a_size_is_named_with_it(scene: Scene) -> None:
    anna = scene.person()
    verify(scene, anna.id)
    check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, scene.unit("dunk", 5, shoe_size("42"))))
    assert [letter.parameters["units"] for letter in mails(scene)] == ["The dunk (EU 42)"]


def test_no_mail_goes_to_an_address_that_is_not_verified(scene: Scene) -> None:
    order = bought(scene)
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(order.buyer_id, None, ADDRESS)))
    deliver(scene, order)
    assert mails(scene) == []
    verify(scene, order.buyer_id)
    # What happened before is over.
    assert mails(scene) == []


def test_a_deleted_buyer_gets_no_mail(scene: Scene) -> None:
    order = ordered(scene)
    dispatch_events(scene.shop, OPERATOR)
    delete_account(scene.shop, Actor(order.buyer_id), order.buyer_id, PASSWORD)
    assert mails(scene) == []
    cancel(scene, order)
    assert mails(scene) == []


@attrs.frozen
class _Overtaken:
    """A store in which another process acts before a write."""

    store: Store
    act: Callable[[], object]
    before: int
    """The number of the write, from 1."""
    writes: list[None] = attrs.field(factory=list)

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        self.writes.append(None)
        if len(self.writes) == self.before:
            self.act()
        return self.store.write(work)


@pytest.mark.parametrize("before", [1, 2, 3])
def test_each_mail_is_written_once_when_another_process_overtakes(scene: Scene, before: int) -> None:
    """Before this one takes the lane, writes a mail, or frees the lane. Its lease has ended."""
    ordered(scene)
    dispatch_events(scene.shop, OPERATOR)

    def overtake() -> None:
        scene.clock.advance(seconds=LEASE.total_seconds())
        write_order_mails(scene.shop, OPERATOR)

    write_order_mails(attrs.evolve(scene.shop, store=_Overtaken(scene.store, overtake, before)), OPERATOR)
    assert templates(scene) == [MailTemplate.ORDER_ACCEPTED]


def test_a_process_whose_subscription_ended_writes_nothing(scene: Scene) -> None:
    ordered(scene)
    dispatch_events(scene.shop, OPERATOR)
    end = partial(unsubscribe_service, scene.shop, OPERATOR, ORDER_MAIL)
    assert write_order_mails(attrs.evolve(scene.shop, store=_Overtaken(scene.store, end, 2)), OPERATOR) == 0
    assert mails(scene) == []


def test_the_subscription_has_a_place_of_its_own(scene: Scene) -> None:
    unsubscribe_service(scene.shop, OPERATOR, ORDER_MAIL)
    for number in range(MAX_SUBSCRIPTIONS - 1):
        subscribe_service(scene.shop, OPERATOR, f"service {number}")
    subscribe_order_mail(scene.shop, OPERATOR)
    subscribe_service(scene.shop, OPERATOR, "last")
    with pytest.raises(LimitReached):
        subscribe_service(scene.shop, OPERATOR, "another")
    subscribe_order_mail(scene.shop, OPERATOR)
    ordered(scene)
    assert templates(scene) == [MailTemplate.ORDER_ACCEPTED]


def test_nobody_but_the_operator_does_it(scene: Scene) -> None:
    staff = Actor(scene.user("staff"), is_staff=True)
    for use_case in (subscribe_order_mail, write_order_mails):
        with pytest.raises(Forbidden):
            use_case(scene.shop, staff)
