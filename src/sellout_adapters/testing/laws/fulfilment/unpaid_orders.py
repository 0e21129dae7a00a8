"""Orders that are not paid in time."""

from collections.abc import Sequence
from datetime import timedelta

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    bought,
    cancel,
    history_of,
    pay,
    present,
    promo_code_of,
    replayed,
    stock_of,
    stored,
    units_of,
)
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene
from sellout_core import errors
from sellout_core.fulfilment.lifecycle import LineState, PaymentState
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.values import Money, OrderId


class UnpaidOrderLaws:
    """Orders that are not paid in time."""

    def test_orders_of_which_nothing_is_captured_are_found_by_age(self, scene: Scene) -> None:
        first = scene.clock.now
        orders = []
        for number in range(5):
            orders.append(bought(scene, f"buyer {number}"))
            scene.clock.advance(hours=1)
        fulfilment.capture_payment(scene.shop, OPERATOR, orders[1].id, Money(1))
        cancel(scene, orders[2])
        cancel(scene, orders[3], units_of(orders[3])[0])

        def unpaid(hours: float, limit: int = 9) -> Sequence[OrderId]:
            return scene.store.read(lambda tx: tx.fulfilments.unpaid(first + timedelta(hours=hours), limit))

        assert unpaid(-1) == []
        assert unpaid(0) == [orders[0].id]
        assert unpaid(3) == [orders[0].id, orders[3].id]
        assert unpaid(9) == [orders[0].id, orders[3].id, orders[4].id]
        assert unpaid(9, 2) == [orders[0].id, orders[3].id]

    def test_a_free_order_does_not_expire(self, scene: Scene) -> None:
        scene.promo_code("FREE", scene.user("owner"), 100)
        free = bought(scene, promo_code="FREE")
        assert free.total == 0
        scene.clock.advance(hours=1)
        assert scene.store.read(lambda tx: tx.fulfilments.unpaid(scene.clock.now, 9)) == []

    def test_an_unpaid_order_expires_once(self, scene: Scene) -> None:
        scene.shop = attrs.evolve(
            scene.shop, policy=attrs.evolve(scene.shop.policy, unpaid_order_lifetime=timedelta(hours=1))
        )
        code = scene.promo_code("SALE", scene.user("owner"))
        order, paid = bought(scene, promo_code="SALE"), bought(scene, "boris")
        pay(scene, paid)
        assert fulfilment.expire_unpaid_orders(scene.shop, OPERATOR) == 0
        scene.clock.advance(hours=1)
        expired = racing(RACERS, lambda _: fulfilment.expire_unpaid_orders(scene.shop, OPERATOR))
        assert sum(expired) == 1
        found = stored(scene, order.id)
        assert {line.state for line in found.lines} == {LineState.CANCELLED}
        assert found.payment is PaymentState.EXPIRED
        assert promo_code_of(scene, code.id).activation_count == 0
        assert stock_of(scene, *units_of(order)) == [(1, 0, True)] * 2
        assert replayed(order, history_of(scene, order)) == present(found)
        assert {each.actor_id for each in history_of(scene, order)} == {None}
        assert stored(scene, paid.id).settled
        with pytest.raises(errors.Conflict):
            pay(scene, order)
