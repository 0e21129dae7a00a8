"""What users get of their orders, and what is left of them without the user."""

from collections.abc import Sequence

import attrs

from sellout_adapters.testing.laws.fulfilment.fulfilment import bought, cancel, deliver, history_of, stored, units_of
from sellout_adapters.testing.laws.people.deletion import delete
from sellout_adapters.testing.scene import Scene, whole_list
from sellout_core.fulfilment.lifecycle import Event, LineState
from sellout_core.fulfilment.progress import LineRequest, MoveRequest, Parcel
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.use_cases.personal_export import ExportedOrder, read_exported_orders
from sellout_core.use_cases.shopping.fulfilment import move_order, request_return
from sellout_core.use_cases.shopping.tracking import read_history, read_tracking
from sellout_core.values import OrderId


class PersonalOrderLaws:
    """What users get of their orders, and what is left of them without the user."""

    def test_several_fulfilments_and_histories_are_those_of_each_order(self, scene: Scene) -> None:
        orders = [bought(scene, name) for name in ("anna", "boris", "vera")]
        for order in orders[1:]:
            deliver(scene, order)
        cancel(scene, orders[0], *units_of(orders[0])[:1])
        wanted = [orders[2].id, orders[0].id]
        found = scene.store.read(lambda tx: tx.fulfilments.get_many([*wanted, OrderId(987_654)]))
        assert dict(found) == {order_id: stored(scene, order_id) for order_id in wanted}
        entries = scene.store.read(lambda tx: tx.order_history.of_orders([*wanted, OrderId(987_654)]))
        expected = [entry for order in (orders[0], orders[2]) for entry in history_of(scene, order)]
        assert list(entries) == sorted(expected, key=lambda entry: entry.id)
        nothing = scene.store.read(lambda tx: (tx.fulfilments.get_many([]), tx.order_history.of_orders([])))
        assert [len(each) for each in nothing] == [0, 0]

    def test_the_export_has_what_became_of_each_order_as_the_buyer_sees_it(self, scene: Scene) -> None:
        """The buyer sees neither which staff moved the order nor what a unit cost, also if staff export."""
        _, boss = scene.actor("boss", is_staff=True)
        order, other = bought(scene), bought(scene, "boris")
        anna, units = Actor(order.buyer_id), units_of(order)
        deliver(scene, order)
        deliver(scene, other)
        request_return(scene.shop, anna, order.id, LineRequest(unit_ids=units[:1], reason="too small"))
        returned = MoveRequest(unit_ids=units[:1], target=LineState.RETURNED)
        move_order(scene.shop, boss, order.id, returned)
        exports: list[Sequence[ExportedOrder]] = [
            whole_list(read_exported_orders, scene.shop, actor, order.buyer_id) for actor in (anna, boss, OPERATOR)
        ]
        [exported] = exports[0]
        assert exports[1:] == [exports[0]] * 2
        assert exported.view.order.id == order.id
        assert exported.tracking == read_tracking(scene.shop, anna, order.id)
        assert exported.tracking.fulfilment == stored(scene, order.id)
        assert exported.history == whole_list(read_history, scene.shop, anna, order.id)
        assert {entry.actor_id for entry in exported.history} == {None, order.buyer_id}
        assert {entry.amount for entry in exported.history if entry.event is Event.LINE_MOVED} == {None}

    def test_the_tracking_numbers_of_the_parcels_of_a_deleted_user_are_replaced(self, scene: Scene) -> None:
        """All else of the fulfilment stays, and so do the parcels of others."""
        order, other = bought(scene), bought(scene, "boris")
        for one in (order, other):
            deliver(scene, one)
        before, kept = stored(scene, order.id), stored(scene, other.id)
        delete(scene, order.buyer_id)
        assert stored(scene, order.id) == attrs.evolve(before, parcels=(Parcel(1, "CDEK", "-"),))
        assert stored(scene, other.id) == kept
