"""How users change their own accounts, and what they get of their data."""

from collections.abc import Sequence
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.laws.shopping.fulfilment import (
    bought,
    cancel,
    deliver,
    history_of,
    units_of,
)
from sellout_adapters.testing.laws.shopping.fulfilment import (
    stored as fulfilment_of,
)
from sellout_adapters.testing.scene import Scene, whole_list
from sellout_core import errors
from sellout_core.catalogue.products import FEMALE
from sellout_core.fulfilment.lifecycle import LineState
from sellout_core.fulfilment.progress import Event, LineRequest, MoveRequest
from sellout_core.people.accounts import OPERATOR, Actor, User
from sellout_core.people.user_search import UserQuery
from sellout_core.use_cases.people.account.profile import ProfileChange, change_profile
from sellout_core.use_cases.people.users import delete_address
from sellout_core.use_cases.personal_export import ExportedOrder, read_exported_orders
from sellout_core.use_cases.shopping.fulfilment import move_order, request_return
from sellout_core.use_cases.shopping.tracking import read_history, read_tracking
from sellout_core.values import OrderId, UserId


def stored(scene: Scene, user_id: UserId) -> User:
    """The user as stored."""
    return scene.store.read(lambda tx: tx.users.get_many([user_id])[user_id])


def change(scene: Scene, user_id: UserId, **changes: Any) -> User:
    """Changes the user's own profile in any version of it."""
    return change_profile(scene.shop, Actor(user_id), user_id, ProfileChange(**changes), lambda _: True).user


class ProfileLaws:
    """One's own profile."""

    def test_users_change_their_own_profile(self, scene: Scene) -> None:
        anna = scene.user("anna")
        before, address = stored(scene, anna), scene.address(anna)
        changes: dict[str, Any] = {
            "first_name": "Анна",
            "last_name": "Ы",
            "gender_id": FEMALE,
            "telephone": "+79990001122",
            "preferred_size_grid": "EU",
            "main_address_id": address,
        }
        after = change(scene, anna, **changes)
        assert after == stored(scene, anna) == attrs.evolve(before, addresses=after.addresses, **changes)
        assert change(scene, anna, **changes) == after
        found = scene.store.read(lambda tx: tx.users.search(UserQuery(text="7999000"), 0, 9))
        assert [user.id for user in found] == [anna]
        emptied = change(scene, anna, gender_id=None, telephone="", preferred_size_grid=None, main_address_id=None)
        assert (emptied.gender_id, emptied.telephone, emptied.preferred_size_grid, emptied.main_address_id) == (
            None,
            "",
            None,
            None,
        )

    def test_a_main_address_is_the_users_own(self, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        address = scene.address(boris)
        with pytest.raises(errors.UnknownAddress):
            change(scene, anna, main_address_id=address, first_name="Анна")
        assert stored(scene, anna).first_name == ""

    def test_a_deleted_address_is_no_main_address(self, scene: Scene) -> None:
        anna = scene.user("anna")
        first, second = scene.address(anna), scene.address(anna)
        change(scene, anna, main_address_id=first)
        delete_address(scene.shop, OPERATOR, anna, second)
        assert stored(scene, anna).main_address_id == first
        delete_address(scene.shop, OPERATOR, anna, first)
        assert stored(scene, anna).main_address_id is None

    def test_of_two_changes_of_a_profile_based_on_one_version_one_is_refused(self, scene: Scene) -> None:
        anna = scene.user("anna")
        known = stored(scene, anna)

        def alter(number: int) -> Any:
            new = ProfileChange(first_name=f"Anna {number}")
            return change_profile(scene.shop, Actor(anna), anna, new, lambda view: view.user == known)

        results = racing(RACERS, alter)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1


class ExportLaws:
    """The export of a user's orders."""

    def test_several_fulfilments_and_histories_are_those_of_each_order(self, scene: Scene) -> None:
        orders = [bought(scene, name) for name in ("anna", "boris", "vera")]
        for order in orders[1:]:
            deliver(scene, order)
        cancel(scene, orders[0], *units_of(orders[0])[:1])
        wanted = [orders[2].id, orders[0].id]
        found = scene.store.read(lambda tx: tx.fulfilments.get_many([*wanted, OrderId(987_654)]))
        assert dict(found) == {order_id: fulfilment_of(scene, order_id) for order_id in wanted}
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
        assert exported.tracking.fulfilment == fulfilment_of(scene, order.id)
        assert exported.history == whole_list(read_history, scene.shop, anna, order.id)
        assert {entry.actor_id for entry in exported.history} == {None, order.buyer_id}
        assert {entry.amount for entry in exported.history if entry.event is Event.LINE_MOVED} == {None}
