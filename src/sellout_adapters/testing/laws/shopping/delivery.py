"""Recipients, deliveries and their fees."""

from itertools import permutations
from typing import Any

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    WAYS,
    bought,
    cancel,
    deliver,
    history_of,
    move,
    pay,
    present,
    replayed,
    stored,
    units_of,
    user_of,
)
from sellout_adapters.testing.laws.people.deletion import delete
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene
from sellout_core.catalogue.products import ReferenceNames
from sellout_core.fulfilment.lifecycle import LineState, PaymentState, RefundState
from sellout_core.fulfilment.money import Refund
from sellout_core.fulfilment.progress import Fulfilment, LineRequest, MoveRequest
from sellout_core.fulfilment.refusals import MoveImpossible
from sellout_core.people.accounts import OPERATOR, Actor, NewAddress
from sellout_core.shopping.delivery import Delivery, DeliveryKind, DeliveryTariff, Recipient
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.delivery_tariffs import change_delivery_tariffs
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.tracking import TrackingView, read_tracking
from sellout_core.values import CurrencyId, Money, ProductUnitId

POINT = Delivery(kind=DeliveryKind.PICK_UP_POINT, pick_up_point="MSK-5")
COURIER = Delivery(kind=DeliveryKind.COURIER, address=NewAddress("Литейный проспект 24 👟", ""), one_parcel=True)
RECIPIENT = Recipient(
    name="Зинаида",
    surname="e\u0301",
    patronymic="Николаевна",
    telephone="+79261234567",
    email="почта@пример.рф",
    comment='\'; DROP TABLE orders; -- \\ "домофон" 👩‍👟',
)


def currency_of(scene: Scene, name: str = "RUB") -> CurrencyId:
    """The id of a currency, which is added if it is missing."""
    names = ReferenceNames(currencies=frozenset({name}))
    currencies = scene.store.write(lambda tx: tx.references.ensure(names)).currencies
    return next(currency_id for currency_id, row in currencies.items() if row.name == name)


def offer(scene: Scene, point: int | None = 251, courier: int | None = 451, currency: str = "RUB") -> None:
    """Sets the tariffs. The fees of the defaults are 300 and 500."""
    currency_id = currency_of(scene, currency)
    prices = {DeliveryKind.PICK_UP_POINT: point, DeliveryKind.COURIER: courier}
    tariffs = {
        kind: None if price is None else DeliveryTariff(price=Money(price), currency_id=currency_id)
        for kind, price in prices.items()
    }
    change_delivery_tariffs(scene.shop, OPERATOR, tariffs, lambda _: True)


def delivered_to(scene: Scene, delivery: Delivery | None = POINT, name: str = "anna", **other: Any) -> Order:
    """An order of two units of 700 and 300 with a recipient and a delivery."""
    offer(scene)
    return bought(scene, name, recipient=RECIPIENT, delivery=delivery, **other)


def require_balance(found: Fulfilment, fee: int) -> None:
    """Asserts that what was captured and not refunded is what the live lines and the kept fee cost."""
    kept = fee if any(line.state is not LineState.CANCELLED for line in found.lines) else 0
    assert found.captured - found.refunded == sum(line.amount for line in found.live) + kept
    assert 0 <= found.refunded <= found.captured


class DeliveryLaws:
    """Recipients, deliveries and their fees."""

    def test_an_order_has_its_recipient_its_delivery_and_its_fee(self, scene: Scene) -> None:
        orders = [delivered_to(scene, POINT), delivered_to(scene, COURIER, "boris"), bought(scene, "clara")]
        plain = scene.store.read(lambda tx: tx.orders.after(0, 9))
        assert plain == orders
        assert [(order.recipient, order.delivery, order.delivery_fee) for order in plain] == [
            (RECIPIENT, POINT, 300),
            (RECIPIENT, COURIER, 500),
            (None, None, 0),
        ]
        for order in orders:
            assert scene.store.read(lambda tx, one=order: tx.orders.get(one.id)) == order  # type: ignore[misc]
            own = scene.store.read(lambda tx, one=order: tx.orders.of_buyer_after(one.buyer_id, 0, 9))  # type: ignore[misc]
            assert own == [order]
            assert stored(scene, order.id) == Fulfilment.of(order)
            assert sum(line.amount for line in order.lines) + order.delivery_fee == order.total

    def test_a_recipient_alone_costs_nothing(self, scene: Scene) -> None:
        order = delivered_to(scene, None)
        assert (order.recipient, order.delivery, order.delivery_fee, order.total) == (RECIPIENT, None, 0, 1000)

    def test_no_discount_reduces_the_fee(self, scene: Scene) -> None:
        scene.promo_code("HALF", scene.user("owner"), 50)
        scene.promo_code("ALL", scene.user("other"), 0, discount_absolute=Money(10**9))
        half, free = delivered_to(scene, promo_code="HALF"), delivered_to(scene, COURIER, "boris", promo_code="ALL")
        assert (half.total, free.total) == (500 + 300, 500)
        assert [line.amount for line in free.lines] == [0, 0]
        # The order is not free.
        with pytest.raises(MoveImpossible):
            move(scene, free, WAYS[0])
        pay(scene, free)
        assert move(scene, free, WAYS[0]).payment is PaymentState.CAPTURED
        cancel(scene, free)
        assert stored(scene, free.id).refunds == (Refund(None, Money(500), RefundState.DUE),)

    def test_the_fee_comes_back_with_the_last_line_once(self, scene: Scene) -> None:
        order = delivered_to(scene)
        one, two = units_of(order)
        assert stored(scene, order.id).due == 1300
        fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(1000))
        with pytest.raises(MoveImpossible):
            move(scene, order, WAYS[0])
        fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(300))
        for request in WAYS[:5]:
            move(scene, order, request)
        require_balance(cancel(scene, order, one), 300)
        assert stored(scene, order.id).refund_of(None) is None
        require_balance(cancel(scene, order, two), 300)
        found = stored(scene, order.id)
        assert found.refunds == (
            Refund(one, Money(700), RefundState.DUE),
            Refund(two, Money(300), RefundState.DUE),
            Refund(None, Money(300), RefundState.DUE),
        )
        for unit_ids in ((), (one,), (two,)):
            with pytest.raises(MoveImpossible):
                cancel(scene, order, *unit_ids)
        assert replayed(order, history_of(scene, order)) == present(found)

    def test_the_refund_of_the_fee_moves_alone_or_with_the_others(self, scene: Scene) -> None:
        order = delivered_to(scene)
        one, _ = units_of(order)
        pay(scene, order)
        cancel(scene, order)

        def refund(target: RefundState, request: LineRequest | None = None, *, of_delivery: bool = False) -> list[str]:
            fulfilment.move_refunds(
                scene.shop, OPERATOR, order.id, request or LineRequest(), target, of_delivery=of_delivery
            )
            found = stored(scene, order.id)
            assert replayed(order, history_of(scene, order)) == present(found)
            return [each.state.value for each in found.refunds]

        assert refund(RefundState.SENT, of_delivery=True) == ["due", "due", "sent"]
        assert refund(RefundState.DONE, LineRequest(unit_ids=(one,)), of_delivery=True) == ["done", "due", "done"]
        assert user_of(scene, order).purchased_total == 300
        with pytest.raises(MoveImpossible):
            refund(RefundState.DONE, of_delivery=True)
        assert refund(RefundState.DONE) == ["done", "done", "done"]
        assert user_of(scene, order).purchased_total == 0

    def test_the_fee_is_kept_for_what_was_handed_over(self, scene: Scene) -> None:
        """In whatever order one line is returned and the other one cancelled."""
        for number, first in enumerate(("return", "cancel")):
            order = delivered_to(scene, COURIER, f"buyer {number}")
            one, two = units_of(order)
            pay(scene, order)
            for request in WAYS[:5]:
                move(scene, order, request)
            move(scene, order, WAYS[5], one)
            for what in sorted(("return", "cancel"), key=lambda what, first=first: what != first):  # type: ignore[misc]
                if what == "cancel":
                    cancel(scene, order, two)
                else:
                    move(scene, order, MoveRequest(target=LineState.RETURNED), one)
                require_balance(stored(scene, order.id), 500)
            found = stored(scene, order.id)
            assert (found.captured - found.refunded, found.refund_of(None)) == (500, None)

    def test_a_returned_order_keeps_the_fee(self, scene: Scene) -> None:
        order = delivered_to(scene)
        deliver(scene, order)
        fulfilment.request_return(scene.shop, Actor(order.buyer_id), order.id, LineRequest())
        found = move(scene, order, MoveRequest(target=LineState.RETURNED))
        require_balance(found, 300)
        assert (found.refunded, found.settled, found.owed) == (1000, True, 300)
        fulfilment.move_refunds(scene.shop, OPERATOR, order.id, LineRequest(), RefundState.DONE)
        assert user_of(scene, order).purchased_total == 300

    def test_a_part_that_was_paid_comes_back_in_whatever_order_lines_are_cancelled(self, scene: Scene) -> None:
        for number, paid in enumerate((650, 1299)):
            for turn, sequence in enumerate(permutations(range(2))):
                order = delivered_to(scene, POINT, f"buyer {number} {turn}")
                fulfilment.capture_payment(scene.shop, OPERATOR, order.id, Money(paid))
                for index in sequence:
                    found = cancel(scene, order, units_of(order)[index])
                    assert found.captured - found.refunded <= found.owed
                assert (found.captured, found.refunded, found.due) == (paid, paid, 0)
                shares: dict[ProductUnitId | None, int] = {line.unit_id: line.amount for line in found.lines}
                shares[None] = 300
                assert all(0 < refund.amount <= shares[refund.unit_id] for refund in found.refunds)

    def test_the_fee_comes_back_once_when_lines_are_cancelled_at_the_same_time(self, scene: Scene) -> None:
        order = delivered_to(scene)
        units = units_of(order)
        pay(scene, order)

        def run(number: int) -> Any:
            request = LineRequest(unit_ids=(units[number % 2],), reason="sold elsewhere")
            return fulfilment.cancel_order(scene.shop, OPERATOR, order.id, request)

        results = racing(RACERS, run)
        assert sum(isinstance(result, TrackingView) for result in results) == 2
        found = stored(scene, order.id)
        assert found.refunded == found.captured == 1300
        assert replayed(order, history_of(scene, order)) == present(found)

    def test_nothing_comes_back_of_what_was_not_paid(self, scene: Scene) -> None:
        order = delivered_to(scene)
        found = cancel(scene, order)
        assert (found.refunds, found.payment, found.due) == ((), PaymentState.VOIDED, 0)

    def test_the_deletion_of_the_buyer_deletes_the_recipient_and_the_delivery(self, scene: Scene) -> None:
        order, other = delivered_to(scene, COURIER), delivered_to(scene, POINT, "boris")
        pay(scene, order)
        delete(scene, order.buyer_id)
        after, untouched = scene.store.read(lambda tx: tx.orders.after(0, 9))
        assert (after.recipient, after.delivery, after.delivery_fee, after.total) == (None, None, 500, 1500)
        assert untouched == other
        # The order moves on, and its fee comes back.
        cancel(scene, order)
        assert stored(scene, order.id).refunded == 1500
        view = read_tracking(scene.shop, OPERATOR, order.id)
        assert (view.order.recipient, view.order.delivery, view.planned) == (None, None, ())
