"""Orders that move: lines, payments, refunds, parcels, and their history."""

from collections.abc import Sequence
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, whole_list
from sellout_core.fulfilment.lifecycle import Event, LineState, PaymentState, RefundState
from sellout_core.fulfilment.money import Refund
from sellout_core.fulfilment.progress import (
    Fulfilment,
    HistoryEntry,
    LineProgress,
    LineRequest,
    MoveRequest,
    Parcel,
)
from sellout_core.fulfilment.refusals import MoveImpossible
from sellout_core.people.accounts import OPERATOR, Actor, User
from sellout_core.shopping.ordering import Order, PromoCode
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.use_cases.shopping.tracking import TrackingView, read_history
from sellout_core.values import Money, OrderId, ProductUnitId, PromoCodeId

CONFIRM = MoveRequest(target=LineState.CONFIRMED)
WAYS = (
    CONFIRM,
    MoveRequest(target=LineState.PURCHASED, cost=Money(5)),
    MoveRequest(target=LineState.IN_TRANSIT_HUB),
    MoveRequest(target=LineState.IN_TRANSIT_MOSCOW),
    MoveRequest(target=LineState.ARRIVED),
    MoveRequest(target=LineState.HANDED_OVER, carrier="CDEK", tracking_number="1234"),
    MoveRequest(target=LineState.DELIVERED),
)
"""The moves of a line from checkout to the buyer."""


def bought(scene: Scene, name: str = "anna", *prices: int, **other: Any) -> Order:
    """An order of new units with one piece each, by a new user."""
    user_id = scene.user(name)
    units = [scene.unit(f"{name} {number}", price, stock=1) for number, price in enumerate(prices or (700, 300))]
    scene.fill_cart(user_id, *units)
    wanted = checkout_request(scene.address(user_id), *units, **other)
    return check_out(scene.shop, Actor(user_id), user_id, wanted).order


def units_of(order: Order) -> tuple[ProductUnitId, ...]:
    """The units of an order."""
    return tuple(line.unit.id for line in order.lines)


def pay(scene: Scene, order: Order) -> None:
    """Captures the whole payment."""
    fulfilment.capture_payment(scene.shop, OPERATOR, order.id, order.total)


def move(scene: Scene, order: Order, request: MoveRequest, *unit_ids: ProductUnitId) -> Fulfilment:
    """Moves all lines that can be moved, or those of the units."""
    request = attrs.evolve(request, unit_ids=unit_ids or None)
    return fulfilment.move_order(scene.shop, OPERATOR, order.id, request).fulfilment


def deliver(scene: Scene, order: Order) -> None:
    """Pays the order and moves all lines to the buyer."""
    pay(scene, order)
    for request in WAYS:
        move(scene, order, request)


def cancel(scene: Scene, order: Order, *unit_ids: ProductUnitId) -> Fulfilment:
    """Cancels the order, or some of its units, as staff."""
    request = LineRequest(unit_ids=unit_ids or None, reason="sold elsewhere")
    return fulfilment.cancel_order(scene.shop, OPERATOR, order.id, request).fulfilment


def stored(scene: Scene, order_id: OrderId) -> Fulfilment:
    """The fulfilment as stored."""
    found = scene.store.read(lambda tx: tx.fulfilments.get(order_id))
    assert found is not None
    return found


def history_of(scene: Scene, order: Order) -> Sequence[HistoryEntry]:
    """The history of an order."""
    return whole_list(read_history, scene.shop, OPERATOR, order.id)


def user_of(scene: Scene, order: Order) -> User:
    """The buyer as stored."""
    return scene.store.read(lambda tx: tx.users.get_many([order.buyer_id])[order.buyer_id])


def stock_of(scene: Scene, *unit_ids: ProductUnitId) -> list[tuple[int | None, int, bool]]:
    """The stock, the sold pieces and the availability of units."""
    units = scene.store.read(lambda tx: tx.units.get_many(unit_ids))
    return [(units[each].stock, units[each].sold, units[each].available) for each in unit_ids]


def promo_code_of(scene: Scene, promo_code_id: PromoCodeId) -> PromoCode:
    """The promo code as stored."""
    found = scene.store.read(lambda tx: tx.promo_codes.get(promo_code_id))
    assert found is not None
    return found


def replayed(order: Order, history: Sequence[HistoryEntry]) -> tuple[Any, ...]:
    """The states of lines, of the payment and of refunds, and the captured amount, as the history tells them."""
    lines: dict[Any, str] = dict.fromkeys(units_of(order), LineState.PLACED.value)
    payment, captured, refunds = PaymentState.DUE.value, 0, dict[Any, tuple[str, Any]]()
    for entry in history:
        match entry.event:
            case Event.LINE_MOVED:
                assert lines[entry.unit_id] == entry.source
                lines[entry.unit_id] = entry.target
            case Event.PAYMENT_MOVED:
                assert payment == entry.source
                payment = entry.target
                if payment == PaymentState.CAPTURED.value:
                    captured += entry.amount or 0
            case Event.REFUND_MOVED:
                assert refunds.get(entry.unit_id, (None, None))[0] == entry.source
                refunds[entry.unit_id] = entry.target, entry.amount
    return lines, payment, captured, refunds


def present(found: Fulfilment) -> tuple[Any, ...]:
    """What `replayed` returns, as stored."""
    return (
        {line.unit_id: line.state.value for line in found.lines},
        found.payment.value,
        found.captured,
        {refund.unit_id: (refund.state.value, refund.amount) for refund in found.refunds},
    )


class FulfilmentLaws:
    """Orders that move."""

    def test_a_new_order_is_placed_and_unpaid(self, scene: Scene) -> None:
        order = bought(scene)
        assert stored(scene, order.id) == Fulfilment.of(order)
        assert history_of(scene, order) == []
        for absent in (0, -1, 10**6, 10**30):
            assert scene.store.read(lambda tx, one=absent: tx.fulfilments.get(OrderId(one))) is None  # type: ignore[misc]
            assert scene.store.read(lambda tx, one=absent: tx.order_history.after(OrderId(one), 0, 9)) == []  # type: ignore[misc]

    def test_a_fulfilment_is_saved_with_every_field(self, scene: Scene) -> None:
        order, other = bought(scene), bought(scene, "boris")
        one, two = units_of(order)
        before = stored(scene, order.id)
        progress = LineProgress(
            unit_id=one,
            amount=Money(700),
            state=LineState.HANDED_OVER,
            moved_at=scene.clock.now,
            cost=Money(500),
            parcel_number=1,
            return_requested=True,
        )
        cancelled = LineProgress(unit_id=two, amount=Money(300), state=LineState.CANCELLED, moved_at=scene.clock.now)
        after = attrs.evolve(
            before,
            lines=(progress, cancelled),
            payment=PaymentState.CAPTURED,
            captured=Money(1000),
            refunds=(Refund(two, Money(300), RefundState.DUE),),
            parcels=(Parcel(1, "CDEK", "№ 1"),),
        )
        again = attrs.evolve(
            after,
            refunds=(Refund(two, Money(300), RefundState.DONE),),
            parcels=(*after.parcels, Parcel(2, "Почта", "2")),
        )
        for written, known in ((after, before), (again, after)):
            scene.store.write(lambda tx, new=written, old=known: tx.fulfilments.save(old, new))  # type: ignore[misc]
            assert stored(scene, order.id) == written
        shown = read_order(scene.shop, OPERATOR, order.id)
        assert (shown.status.name, shown.order.paid) == ("handed_over", True)
        assert stored(scene, other.id) == Fulfilment.of(other)

    def test_a_line_moves_from_checkout_to_the_buyer(self, scene: Scene) -> None:
        order = bought(scene)
        pay(scene, order)
        statuses = [read_order(scene.shop, OPERATOR, order.id).status.name]
        for request in WAYS:
            scene.clock.advance(hours=1)
            found = move(scene, order, request)
            assert {(line.state, line.moved_at) for line in found.lines} == {(request.target, scene.clock.now)}
            statuses.append(read_order(scene.shop, OPERATOR, order.id).status.name)
        assert statuses == ["placed", *(request.target.value for request in WAYS)]
        found = stored(scene, order.id)
        assert found.parcels == (Parcel(1, "CDEK", "1234"),)
        assert {(line.cost, line.parcel_number) for line in found.lines} == {(5, 1)}
        assert user_of(scene, order).purchased_total == order.total == 1000

    def test_the_history_tells_how_the_order_came_to_be_as_it_is(self, scene: Scene) -> None:
        staff_id, staff = scene.actor("staff", is_staff=True)
        order = bought(scene)
        one, two = units_of(order)
        deliver(scene, order)
        ask = LineRequest(unit_ids=(two,), reason="too small")
        fulfilment.request_return(scene.shop, Actor(order.buyer_id), order.id, ask)
        returned = MoveRequest(target=LineState.RETURNED)
        fulfilment.move_order(scene.shop, staff, order.id, attrs.evolve(returned, unit_ids=(two,)))
        for target in (RefundState.SENT, RefundState.FAILED, RefundState.DONE):
            fulfilment.move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), target)
        history = history_of(scene, order)
        assert replayed(order, history) == present(stored(scene, order.id))
        assert [(each.event.value, each.unit_id, each.target, each.amount, each.note) for each in history][-6:] == [
            ("return_requested", two, "delivered", None, "too small"),
            ("line_moved", two, "returned", None, ""),
            ("refund_moved", two, "due", 300, ""),
            ("refund_moved", two, "sent", 300, ""),
            ("refund_moved", two, "failed", 300, ""),
            ("refund_moved", two, "done", 300, ""),
        ]
        assert [each.actor_id for each in history][-6:-3] == [order.buyer_id, staff_id, staff_id]
        assert [each.id for each in history] == sorted(each.id for each in history)
        assert scene.store.read(lambda tx: tx.order_history.after(order.id, history[0].id, 1)) == [history[1]]
        assert user_of(scene, order).purchased_total == 700
        assert stock_of(scene, one, two) == [(0, 1, False)] * 2

    def test_a_cancelled_line_gives_its_share_and_its_piece_back(self, scene: Scene) -> None:
        order = bought(scene)
        one, two = units_of(order)
        pay(scene, order)
        found = cancel(scene, order, one)
        assert found.refunds == (Refund(one, Money(700), RefundState.DUE),)
        assert stock_of(scene, one, two) == [(1, 0, True), (0, 1, False)]
        for request in WAYS[:2]:
            move(scene, order, request)
        found = cancel(scene, order)
        assert found.refunds[1] == Refund(two, Money(300), RefundState.DUE)
        assert (found.captured, found.refunded, found.owed) == (1000, 1000, 0)
        # A purchased piece is the shop's.
        assert stock_of(scene, one, two) == [(1, 0, True), (0, 1, False)]
        assert read_order(scene.shop, OPERATOR, order.id).status.name == "cancelled"
        fulfilment.move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), RefundState.DONE)
        assert user_of(scene, order).purchased_total == 0

    def test_the_promo_code_comes_back_with_the_last_line_once(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"))
        order = bought(scene, promo_code="SALE")
        one, two = units_of(order)
        cancel(scene, order, one)
        assert promo_code_of(scene, code.id).activation_count == 1
        cancel(scene, order, two)
        assert promo_code_of(scene, code.id).activation_count == 0
        for unit_ids in ((), (one,), (one, two)):
            with pytest.raises(MoveImpossible):
                cancel(scene, order, *unit_ids)
        assert promo_code_of(scene, code.id).activation_count == 0
        assert stored(scene, order.id).payment is PaymentState.VOIDED
        assert stock_of(scene, one, two) == [(1, 0, True)] * 2

    def test_a_line_that_buyer_and_staff_cancel_at_once_is_cancelled_once(self, scene: Scene) -> None:
        code = scene.promo_code("SALE", scene.user("owner"))
        order = bought(scene, promo_code="SALE")
        pay(scene, order)

        def run(number: int) -> Any:
            actor = OPERATOR if number % 2 else Actor(order.buyer_id)
            return fulfilment.cancel_order(scene.shop, actor, order.id, LineRequest(reason="sold elsewhere"))

        results = racing(RACERS, run)
        assert sum(isinstance(result, TrackingView) for result in results) == 1
        assert {type(result) for result in results} == {TrackingView, MoveImpossible}
        assert promo_code_of(scene, code.id).activation_count == 0
        assert stock_of(scene, *units_of(order)) == [(1, 0, True)] * 2
        found = stored(scene, order.id)
        assert found.refunded == found.captured == order.total
        assert replayed(order, history_of(scene, order)) == present(found)

    def test_a_payment_is_captured_once_however_often_it_is_entered_at_once(self, scene: Scene) -> None:
        order = bought(scene)

        def run(number: int) -> Any:
            return fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(order.total - number % 2))

        results = racing(RACERS, run)
        captured = [result for result in results if isinstance(result, TrackingView)]
        assert len(captured) == 1
        found = stored(scene, order.id)
        assert found.captured in (order.total, order.total - 1)
        assert user_of(scene, order).purchased_total == found.captured
