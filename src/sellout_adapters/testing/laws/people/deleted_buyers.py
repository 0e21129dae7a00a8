"""The orders of deleted users."""

from sellout_adapters.testing.laws.people.deletion import delete, shopper
from sellout_adapters.testing.scene import Scene, whole_list
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.shopping.fulfilment import cancel_order, capture_payment, move_order
from sellout_core.use_cases.shopping.tracking import read_history


class DeletedBuyerLaws:
    """The orders of deleted users."""

    def test_staff_move_orders_of_a_deleted_user(self, scene: Scene) -> None:
        """A payment does not give the emptied user a total of purchases."""
        anna = shopper(scene)
        [order] = scene.store.read(lambda tx: tx.orders.after(0, 9))
        delete(scene, anna)
        capture_payment(scene.shop, OPERATOR, order.id, order.total)
        moved = move_order(scene.shop, OPERATOR, order.id, MoveRequest(target=LineState.CONFIRMED))
        assert moved.fulfilment.order_id == order.id
        assert scene.store.read(lambda tx: tx.users.get_many([anna]))[anna].purchased_total == 0

    def test_notes_in_the_histories_of_a_deleted_user_are_emptied(self, scene: Scene) -> None:
        anna = shopper(scene)
        [order] = scene.store.read(lambda tx: tx.orders.after(0, 9))
        cancel_order(scene.shop, OPERATOR, order.id, LineRequest(reason="Anna called"))
        before = whole_list(read_history, scene.shop, OPERATOR, order.id)
        assert any(entry.note for entry in before)
        delete(scene, anna)
        after = whole_list(read_history, scene.shop, OPERATOR, order.id)
        assert [(entry.id, entry.event, entry.note) for entry in after] == [(one.id, one.event, "") for one in before]
