"""Each change of a user's objects, except for a noted view, locks the user first. So two requests of a user run one
after the other, even on a store whose transactions overlap.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs
import pytest

from sellout_adapters.memory import MemoryStore, MemoryTransaction
from sellout_adapters.memory.repositories.people.accounts import Users
from sellout_adapters.testing.scene import PASSWORD, checkout_request, shoe_size, unit_entry
from sellout_core.people.accounts import NewAddress, User
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.sessions import log_in
from sellout_core.use_cases.people.users import add_address, delete_address, edit_address
from sellout_core.use_cases.shopping.carts import add_to_cart, remove_from_cart
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist, change_size, delete_from_wishlist
from sellout_core.values import AddressId, ProductId, ProductUnitId, SizeId, UserId, WishlistUnitId
from tests.unit.shop_scene import Person, Scene

T = TypeVar("T")

ADDRESS = NewAddress("Проспект Мира 111", "308033")
PRODUCT, IN_CART, FREE = ProductId(1), ProductUnitId(1), ProductUnitId(2)
S41, S42, HOME, WISHED = SizeId(1), SizeId(2), AddressId(1), WishlistUnitId(1)


@attrs.frozen
class NotedUsers(Users):
    """A repository of users that records the locked users."""

    held: list[UserId]

    def for_update(self, user_id: UserId) -> User | None:
        self.held.append(user_id)
        return super().for_update(user_id)


@attrs.frozen
class NotingStore:
    """A store that records the users whom its writers locked."""

    store: MemoryStore
    held: list[UserId] = attrs.field(factory=list)

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        def noted(tx: Transaction) -> T:
            assert isinstance(tx, MemoryTransaction)
            tx.users = NotedUsers(tx.users._live, self.held)
            return work(tx)

        return self.store.write(noted)


@pytest.fixture
def anna(scene: Scene) -> Person:
    """A user with unit 1 in the cart, address 1, and product 1 in size 1 in the wishlist."""
    anna = scene.person("anna")
    scene.goods("dunk", unit_entry(7, shoe_size("41")), unit_entry(8, shoe_size("42")))
    scene.fill_cart(anna.id, IN_CART)
    scene.address(anna.id)
    add_to_wishlist(scene.shop, anna.actor, anna.id, PRODUCT, S41)
    return anna


CHANGES: dict[str, Callable[[Shop, Person], object]] = {
    "log_in": lambda shop, _: log_in(shop, "anna", PASSWORD),
    "add_address": lambda shop, anna: add_address(shop, anna.actor, anna.id, ADDRESS),
    "edit_address": lambda shop, anna: edit_address(shop, anna.actor, anna.id, HOME, ADDRESS),
    "delete_address": lambda shop, anna: delete_address(shop, anna.actor, anna.id, HOME),
    "add_to_wishlist": lambda shop, anna: add_to_wishlist(shop, anna.actor, anna.id, PRODUCT, S42),
    "change_size": lambda shop, anna: change_size(shop, anna.actor, anna.id, WISHED, S42),
    "delete_from_wishlist": lambda shop, anna: delete_from_wishlist(shop, anna.actor, WISHED),
    "add_to_cart": lambda shop, anna: add_to_cart(shop, anna.actor, anna.id, FREE),
    "remove_from_cart": lambda shop, anna: remove_from_cart(shop, anna.actor, anna.id, IN_CART),
    "check_out": lambda shop, anna: check_out(shop, anna.actor, anna.id, checkout_request(HOME, IN_CART)),
    "check_out_once": lambda shop, anna: check_out_once(
        shop, anna.actor, anna.id, checkout_request(HOME, IN_CART), "key", lambda _: b""
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changing_a_users_objects_locks_the_user(scene: Scene, anna: Person, change: str) -> None:
    assert isinstance(scene.store, MemoryStore)
    store = NotingStore(scene.store)
    CHANGES[change](attrs.evolve(scene.shop, store=cast(Any, store)), anna)
    assert store.held == [anna.id]
