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
from sellout_core.errors import Forbidden, InvalidFields, LimitReached, Unavailable
from sellout_core.events.making import of_order
from sellout_core.events.subscriptions import LEASE, MAX_SUBSCRIPTIONS, ORDER_MAIL
from sellout_core.fulfilment.lifecycle import LineState, RefundState
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.mail import GIVEN_UP_AFTER, Language, Letter, MailTemplate
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.people.identity import AccountEmail
from sellout_core.ports.store import Store, Transaction
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.events.dispatching import dispatch_events, take_lane
from sellout_core.use_cases.events.order_mail import write_order_mails
from sellout_core.use_cases.events.services import (
    deliver_to_service,
    subscribe_order_mail,
    subscribe_service,
    unsubscribe_service,
)
from sellout_core.use_cases.people.account.deletion import delete_account
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.fulfilment import move_refunds
from sellout_core.values import UserId
from tests.unit.shop_scene import Person, Scene

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
    while reasons := write_order_mails(scene.shop, OPERATOR):
        assert set(reasons) == {None}
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
    write_order_mails(attrs.evolve(scene.shop, store=_Overtaken(scene.store, end, 2)), OPERATOR)
    assert mails(scene) == []


def test_a_process_whose_lane_another_one_takes_first_writes_nothing(scene: Scene) -> None:
    """It has seen that events wait."""
    ordered(scene)
    dispatch_events(scene.shop, OPERATOR)
    take = partial(take_lane, scene.shop, OPERATOR, ORDER_MAIL)
    assert write_order_mails(attrs.evolve(scene.shop, store=_Overtaken(scene.store, take, 1)), OPERATOR) == ()


def test_nothing_is_written_when_nothing_is_due(scene: Scene) -> None:
    ordered(scene)
    mails(scene)
    idle = _Overtaken(scene.store, lambda: None, 0)
    assert write_order_mails(attrs.evolve(scene.shop, store=idle), OPERATOR) == ()
    subscribe_order_mail(attrs.evolve(scene.shop, store=idle), OPERATOR)
    assert idle.writes == []


def test_two_changes_are_two_mails(scene: Scene) -> None:
    """Also if both are written at once, and two orders of one buyer are in order."""
    first = ordered(scene)
    one, other = units_of(first)
    anna = Person(first.buyer_id, Actor(first.buyer_id))
    scene.clock.advance(seconds=1)
    check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, scene.unit("dunk", 5)))
    for unit_id in (one, other):
        scene.clock.advance(seconds=1)
        cancel(scene, first, unit_id)
    assert [(letter.parameters["order"], letter.mail.template) for letter in mails(scene)] == [
        ("1", MailTemplate.ORDER_ACCEPTED),
        ("2", MailTemplate.ORDER_ACCEPTED),
        ("1", MailTemplate.ORDER_PARTLY_CANCELLED),
        ("1", MailTemplate.ORDER_CANCELLED),
    ]


def test_the_last_parcel_alone_completes_an_order(scene: Scene) -> None:
    """Also if the mails about all parcels are written at once, one unit is delivered, and one is cancelled."""
    order = ordered(scene, 3, 4, 5)
    one, two, three = units_of(order)
    pay(scene, order)
    for request in WAYS[:-2]:
        move(scene, order, request, one, two)
    mails(scene)
    shipping, delivering = WAYS[-2:]
    for request, unit_id in ((shipping, one), (delivering, one), (shipping, two)):
        scene.clock.advance(seconds=1)
        move(scene, order, request, unit_id)
    cancel(scene, order, three)
    assert templates(scene) == [
        MailTemplate.ORDER_PARTLY_SHIPPED,
        MailTemplate.ORDER_SHIPPED,
        MailTemplate.ORDER_PARTLY_CANCELLED,
    ]


def test_old_news_have_no_mail(scene: Scene) -> None:
    ordered(scene)
    scene.clock.advance(seconds=GIVEN_UP_AFTER.total_seconds() + 1)
    assert mails(scene) == []


def test_a_mail_goes_to_the_address_of_the_moment(scene: Scene) -> None:
    order = ordered(scene)
    write_order_mails(scene.shop, OPERATOR)
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(order.buyer_id, "new@shop.example")))
    assert [letter.recipient for letter in deliver_mail(scene.shop)] == ["new@shop.example"]
    cancel(scene, order)
    write_order_mails(scene.shop, OPERATOR)
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(order.buyer_id)))
    assert deliver_mail(scene.shop) == []


def test_an_order_whose_mail_cannot_be_written_holds_back_its_own_alone(scene: Scene) -> None:
    damaged = ordered(scene)
    about = {"order_id": damaged.id, "buyer_id": damaged.buyer_id, "parcel": 9, "unit_ids": []}
    lost = attrs.evolve(of_order(damaged), name="order.parcel_shipped", data=about)
    scene.store.write(lambda tx: tx.events.add([lost]))
    scene.clock.advance(seconds=1)
    cancel(scene, damaged)
    other = bought(scene, "boris")
    scene.store.write(lambda tx: tx.emails.save(AccountEmail(other.buyer_id, "boris@shop.example")))
    reason = "the mail could not be written: RuntimeError"
    assert list(write_order_mails(scene.shop, OPERATOR)) == [reason, None]
    assert [letter.recipient for letter in deliver_mail(scene.shop)] == ["boris@shop.example"]
    scene.clock.advance(seconds=5)
    assert list(write_order_mails(scene.shop, OPERATOR)) == [reason]


def test_mails_wait_for_a_store_that_is_down(scene: Scene) -> None:
    ordered(scene)
    dispatch_events(scene.shop, OPERATOR)

    def fail() -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        write_order_mails(attrs.evolve(scene.shop, store=_Overtaken(scene.store, fail, 2)), OPERATOR)
    scene.clock.advance(seconds=LEASE.total_seconds())
    assert templates(scene) == [MailTemplate.ORDER_ACCEPTED]


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


def test_no_service_has_the_name(scene: Scene) -> None:
    for use in (
        lambda: subscribe_service(scene.shop, OPERATOR, ORDER_MAIL),
        lambda: deliver_to_service(scene.shop, OPERATOR, ORDER_MAIL, lambda _: None),
    ):
        with pytest.raises(InvalidFields):
            use()


def test_nobody_but_the_operator_does_it(scene: Scene) -> None:
    staff = Actor(scene.user("staff"), is_staff=True)
    for use_case in (subscribe_order_mail, write_order_mails):
        with pytest.raises(Forbidden):
            use_case(scene.shop, staff)
