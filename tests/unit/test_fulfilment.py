"""The use cases that move orders: who may do what, and what else of the shop changes."""

from datetime import timedelta

import attrs
import pytest

from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    CONFIRM,
    bought,
    cancel,
    deliver,
    move,
    pay,
    stored,
    units_of,
)
from sellout_adapters.testing.scene import unit_entry, whole_list
from sellout_core.catalogue.products import ProductUnit
from sellout_core.catalogue.stock import restocked
from sellout_core.errors import InvalidFields, NotFound, SellOutError
from sellout_core.fulfilment.lifecycle import LineState, PaymentState, RefundState
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible, ReturnWindowOver
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.use_cases.personal_export import read_exported_orders
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.tracking import TrackingView, buyer_of, read_history, read_tracking
from sellout_core.values import Money, OrderId, UserId
from tests.unit.shop_scene import Scene


def test_the_buyer_cancels_what_is_not_confirmed(scene: Scene) -> None:
    order = bought(scene)
    one, two = units_of(order)
    buyer = Actor(order.buyer_id)
    pay(scene, order)
    move(scene, order, CONFIRM, one)
    assert read_tracking(scene.shop, buyer, order.id).possible == {one: (), two: ("cancelled",)}
    for unit_ids in ((one,), (one, two), None):
        with pytest.raises(MoveImpossible) as refusal:
            fulfilment.cancel_order(scene.shop, buyer, order.id, LineRequest(unit_ids=unit_ids, reason="please"))
        assert refusal.value.possible[one] == ()
    view = fulfilment.cancel_order(scene.shop, buyer, order.id, LineRequest(unit_ids=(two,)))
    assert [line.state for line in view.fulfilment.lines] == [LineState.CONFIRMED, LineState.CANCELLED]
    assert view.status.name == "confirmed"


def test_staff_give_a_reason_for_cancelling_what_is_confirmed(scene: Scene) -> None:
    order = bought(scene)
    pay(scene, order)
    move(scene, order, CONFIRM)
    with pytest.raises(InvalidFields) as refusal:
        fulfilment.cancel_order(scene.shop, OPERATOR, order.id, LineRequest())
    assert [field.name for field in refusal.value.fields] == ["reason"]
    assert cancel(scene, order).live == ()


def test_staff_may_cancel_their_own_order_in_both_roles(scene: Scene) -> None:
    order = bought(scene)
    pay(scene, order)
    move(scene, order, CONFIRM)
    own = Actor(order.buyer_id, is_staff=True)
    view = fulfilment.cancel_order(scene.shop, own, order.id, LineRequest(reason="mine"))
    assert view.status.name == "cancelled"


def test_a_buyer_sees_no_staff_and_no_cost(scene: Scene) -> None:
    order = bought(scene)
    staff = scene.staff()
    fulfilment.capture_payment(scene.shop, staff.actor, order.id, order.total)
    for request in (CONFIRM, MoveRequest(target=LineState.PURCHASED, cost=Money(5))):
        fulfilment.move_order(scene.shop, staff.actor, order.id, request)
    fulfilment.cancel_order(scene.shop, staff.actor, order.id, LineRequest(unit_ids=units_of(order)[:1], reason="gone"))
    seen = {
        reader: [(entry.target, entry.actor_id, entry.amount) for entry in whole_list(read_history, scene.shop, *who)]
        for reader, who in {
            "staff": (staff.actor, order.id),
            "buyer": (Actor(order.buyer_id), order.id),
        }.items()
    }
    costs = [5 if target == "purchased" else amount for target, _, amount in seen["buyer"]]
    assert seen["staff"] == [
        (target, staff.id, cost) for (target, _, _), cost in zip(seen["buyer"], costs, strict=True)
    ]
    assert {actor_id for _, actor_id, _ in seen["buyer"]} == {None}
    assert [amount for target, _, amount in seen["buyer"] if target == "purchased"] == [None, None]
    assert [amount for target, _, amount in seen["buyer"] if amount] == [1000, 700]


def test_a_buyer_sees_their_own_deeds(scene: Scene) -> None:
    order = bought(scene)
    buyer = Actor(order.buyer_id)
    fulfilment.cancel_order(scene.shop, buyer, order.id, LineRequest())
    assert {entry.actor_id for entry in whole_list(read_history, scene.shop, buyer, order.id)} == {order.buyer_id}


def test_the_window_for_returns_is_the_policys(scene: Scene) -> None:
    scene.shop = attrs.evolve(scene.shop, policy=attrs.evolve(scene.shop.policy, return_window=timedelta(days=2)))
    orders = [bought(scene, name) for name in ("anna", "boris")]
    for order in orders:
        deliver(scene, order)
    scene.clock.advance(days=2)
    fulfilment.request_return(scene.shop, Actor(orders[0].buyer_id), orders[0].id, LineRequest())
    scene.clock.advance(seconds=1)
    with pytest.raises(ReturnWindowOver):
        fulfilment.request_return(scene.shop, Actor(orders[1].buyer_id), orders[1].id, LineRequest())
    assert not any(line.return_requested for line in stored(scene, orders[1].id).lines)


def test_of_several_orders_each_moves_or_is_refused(scene: Scene) -> None:
    paid, unpaid = bought(scene), bought(scene, "boris")
    pay(scene, paid)
    unknown = OrderId(999)
    results = fulfilment.move_orders(scene.shop, OPERATOR, dict.fromkeys((unpaid.id, unknown, paid.id), CONFIRM))
    assert list(results) == [unpaid.id, unknown, paid.id]
    assert {order_id: type(result) for order_id, result in results.items()} == {
        unpaid.id: MoveImpossible,
        unknown: NotFound,
        paid.id: TrackingView,
    }
    assert {line.state for line in stored(scene, paid.id).lines} == {LineState.CONFIRMED}
    wrong = {paid.id: MoveRequest(target=LineState.PURCHASED)}
    assert isinstance(fulfilment.move_orders(scene.shop, OPERATOR, wrong)[paid.id], InvalidFields)
    for number in (0, 101):
        requests = {OrderId(order_id): CONFIRM for order_id in range(1, number + 1)}
        with pytest.raises(InvalidFields) as refusal:
            fulfilment.move_orders(scene.shop, OPERATOR, requests)
        assert [field.name for field in refusal.value.fields] == ["moves"]


@pytest.mark.parametrize("amount", [0, -1, 10**15 + 1, 2**63])
def test_a_payment_has_limits(scene: Scene, amount: int) -> None:
    order = bought(scene)
    with pytest.raises(InvalidFields) as refusal:
        fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(amount))
    assert [field.name for field in refusal.value.fields] == ["captured"]
    with pytest.raises(AboveAmountDue):
        fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(order.total + 1))


def test_orders_do_not_expire_unless_the_policy_says_so(scene: Scene) -> None:
    order = bought(scene)
    scene.clock.advance(days=10_000)
    assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 0
    assert stored(scene, order.id).live


def test_an_order_that_is_not_paid_in_time_gives_everything_back(scene: Scene) -> None:
    scene.shop = attrs.evolve(
        scene.shop, policy=attrs.evolve(scene.shop.policy, unpaid_order_lifetime=timedelta(hours=1))
    )
    scene.promo_code("SALE", scene.user("owner"))
    order, paid = bought(scene, promo_code="SALE"), bought(scene, "boris")
    pay(scene, paid)
    scene.clock.advance(minutes=59)
    assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 0
    scene.clock.advance(minutes=1)
    assert scene.promo_now("SALE").activation_count == 1
    assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 1
    assert stored(scene, order.id).payment is PaymentState.EXPIRED
    assert scene.promo_now("SALE").activation_count == 0
    assert {scene.unit_now(unit_id).stock for unit_id in units_of(order)} == {1}
    assert stored(scene, paid.id).live


def test_a_refused_move_names_no_one_elses_order(scene: Scene) -> None:
    order = bought(scene)
    stranger = Actor(scene.user("stranger"))
    refusals: list[type[SellOutError]] = []
    for call in (fulfilment.cancel_order, fulfilment.request_return):
        with pytest.raises(NotFound) as refusal:
            call(scene.shop, stranger, order.id, LineRequest(unit_ids=units_of(order)))
        refusals.append(type(refusal.value))
    assert refusals == [NotFound, NotFound]
    assert stored(scene, order.id).live


def test_an_order_that_was_paid_by_the_expiry_of_another_process_stays(scene: Scene) -> None:
    scene.shop = attrs.evolve(
        scene.shop, policy=attrs.evolve(scene.shop.policy, unpaid_order_lifetime=timedelta(hours=1))
    )
    order = bought(scene)
    scene.clock.advance(hours=2)
    pay(scene, order)
    assert not scene.store.write(lambda tx: fulfilment._expire(tx, order.id, scene.clock.now))
    assert stored(scene, order.id).live


@pytest.mark.parametrize(
    ("stock", "available", "after"),
    [
        (0, False, (1, True)),
        (0, True, (1, True)),
        (3, False, (4, False)),
        (3, True, (4, True)),
        (None, True, (None, True)),
    ],
)
def test_a_piece_that_comes_back_makes_a_sold_out_unit_available(
    scene: Scene, stock: int | None, available: bool, after: tuple[int | None, bool]
) -> None:
    goods = scene.goods("one", unit_entry(7))
    unit: ProductUnit = attrs.evolve(scene.unit_now(goods.unit_id), stock=stock, available=available, sold=2)
    back = restocked(unit)
    assert (back.stock, back.available, back.sold) == (*after, 1)
    uncounted = attrs.evolve(unit, sold=0)
    assert restocked(uncounted) == uncounted


def test_the_total_of_purchases_is_never_below_zero(scene: Scene) -> None:
    order = bought(scene)
    pay(scene, order)
    cancel(scene, order)
    scene.change_user(UserId(order.buyer_id), purchased_total=Money(1))
    fulfilment.move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), RefundState.DONE)
    assert scene.user_now(order.buyer_id).purchased_total == 0


def test_an_order_has_a_buyer(scene: Scene) -> None:
    order = bought(scene)
    found = scene.store.read(lambda tx: [buyer_of(tx, each) for each in (order.id, OrderId(999))])
    assert found == [order.buyer_id, None]


def test_staff_export_of_an_order_what_its_buyer_sees(scene: Scene) -> None:
    _, staff = scene.actor("staff", is_staff=True)
    order, other = bought(scene), bought(scene, "boris")
    buyer = Actor(order.buyer_id)
    deliver(scene, order)
    deliver(scene, other)
    fulfilment.request_return(scene.shop, buyer, order.id, LineRequest(reason="too small"))
    returned = MoveRequest(target=LineState.RETURNED)
    fulfilment.move_order(scene.shop, staff, order.id, returned)
    for actor in (buyer, staff):
        [exported] = whole_list(read_exported_orders, scene.shop, actor, order.buyer_id)
        assert exported.view.order.id == order.id
        assert exported.tracking == read_tracking(scene.shop, buyer, order.id)
        assert exported.history == whole_list(read_history, scene.shop, buyer, order.id)
