"""The wishlist: read, add with and without a size, change the size, delete."""

from collections.abc import Callable
from typing import TypeVar

import attrs
import pytest

from sellout_adapters.memory import MemoryStore, MemoryTransaction
from sellout_adapters.memory.repositories.people.accounts import Users
from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry
from sellout_core.errors import AlreadyInWishlist, LimitReached, NotFound, SizeOfAnotherProduct
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, User
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.browsing import read_page, read_product, view_card
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist, change_size, delete_from_wishlist, read_wishlist
from sellout_core.values import ProductId, SizeId, UserId, WishlistUnitId
from tests.unit.shop_scene import Goods, Person, Scene

T = TypeVar("T")
S41, S42, S43 = shoe_size("41"), shoe_size("42"), shoe_size("43")


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


@pytest.fixture
def dunk(scene: Scene) -> Goods:
    """A product with units in size 41 at 9 and, by train, at 8; in size 42 at 5, sold out; in size 43 at 10."""
    return scene.goods(
        "dunk",
        unit_entry(9, S41),
        unit_entry(8, S41, delivery_type="Поезд"),
        unit_entry(5, S42, stock=0),
        unit_entry(10, S43),
    )


def wish(scene: Scene, person: Person, goods: Goods, size_id: SizeId | None = None) -> WishlistUnitId:
    return add_to_wishlist(scene.shop, person.actor, person.id, goods.product_id, size_id)[0].id


def sizes_wished(scene: Scene, person: Person) -> list[tuple[WishlistUnitId, SizeId]]:
    return [(view.id, view.size.id) for view in read_wishlist(scene.shop, person.actor, person.id)]


def test_a_wishlist_is_in_order_of_entry(scene: Scene, anna: Person, dunk: Goods) -> None:
    other = scene.goods("air")
    added = [wish(scene, anna, other), wish(scene, anna, dunk, dunk.size_ids[S43]), wish(scene, anna, dunk)]
    assert sizes_wished(scene, anna) == list(zip(added, [other.no_size, dunk.size_ids[S43], dunk.no_size], strict=True))


def test_an_added_product_stands_on_its_owners_wishlist_alone(scene: Scene, anna: Person, dunk: Goods) -> None:
    boris = scene.person("boris")
    view, created = add_to_wishlist(scene.shop, anna.actor, anna.id, dunk.product_id, dunk.size_ids[S41])
    assert created
    assert view == read_wishlist(scene.shop, anna.actor, anna.id)[0]
    assert (view.card.product, view.card.in_wishlist) == (read_product(scene.shop, OPERATOR, dunk.product_id), True)
    assert read_wishlist(scene.shop, boris.actor, boris.id) == ()
    assert add_to_wishlist(scene.shop, boris.actor, boris.id, dunk.product_id, dunk.size_ids[S41])[1]


@pytest.mark.parametrize("sized", [True, False])
def test_adding_the_same_again_returns_what_is_there(scene: Scene, anna: Person, dunk: Goods, sized: bool) -> None:
    size_id = dunk.size_ids[S41] if sized else None
    first, _ = add_to_wishlist(scene.shop, anna.actor, anna.id, dunk.product_id, size_id)
    assert add_to_wishlist(scene.shop, anna.actor, anna.id, dunk.product_id, size_id) == (first, False)
    assert len(sizes_wished(scene, anna)) == 1


def test_no_size_is_a_size_like_others(scene: Scene, anna: Person, dunk: Goods) -> None:
    wished = wish(scene, anna, dunk)
    assert wish(scene, anna, dunk, dunk.no_size) == wished
    assert wish(scene, anna, dunk, dunk.size_ids[S41]) != wished


def test_a_card_shows_the_cheapest_available_unit_in_its_size(scene: Scene, anna: Person, dunk: Goods) -> None:
    for grid in (S41, S42, S43):
        wish(scene, anna, dunk, dunk.size_ids[grid])
    wish(scene, anna, dunk)
    views = read_wishlist(scene.shop, anna.actor, anna.id)
    assert [view.unit and view.unit.price for view in views] == [8, None, 10, 8]
    assert [view.card.min_price for view in views] == [8, 8, 8, 8]


def test_of_equally_cheap_units_the_first_is_shown(scene: Scene, anna: Person) -> None:
    goods = scene.goods("air", unit_entry(7, S43), unit_entry(7, S42))
    wish(scene, anna, goods)
    (view,) = read_wishlist(scene.shop, anna.actor, anna.id)
    assert view.unit is not None
    assert view.unit.id == goods.unit_ids[0]
    assert view.unit.product == view.card.product


def test_a_size_of_another_product_is_refused(scene: Scene, anna: Person, dunk: Goods) -> None:
    other = scene.goods("air", unit_entry(7, S41))
    wished = wish(scene, anna, dunk)
    for size_id in (other.size_ids[S41], other.no_size):
        with pytest.raises(SizeOfAnotherProduct):
            wish(scene, anna, dunk, size_id)
        with pytest.raises(SizeOfAnotherProduct):
            change_size(scene.shop, anna.actor, anna.id, wished, size_id)
    wish(scene, anna, other, other.size_ids[S41])
    with pytest.raises(SizeOfAnotherProduct):
        change_size(scene.shop, anna.actor, anna.id, wished, other.size_ids[S41])
    assert sizes_wished(scene, anna)[0] == (wished, dunk.no_size)


def test_a_product_or_size_that_does_not_exist_is_not_found(scene: Scene, anna: Person, dunk: Goods) -> None:
    wished = wish(scene, anna, dunk)
    absent = SizeId(999)
    for size_id in (None, dunk.no_size, absent):
        with pytest.raises(NotFound):
            add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(999), size_id)
    with pytest.raises(NotFound):
        wish(scene, anna, dunk, absent)
    with pytest.raises(NotFound):
        change_size(scene.shop, anna.actor, anna.id, wished, absent)
    assert sizes_wished(scene, anna) == [(wished, dunk.no_size)]


def test_changing_a_size_really_changes_the_one_stored(scene: Scene, anna: Person, dunk: Goods) -> None:
    first, second = wish(scene, anna, dunk), wish(scene, anna, dunk, dunk.size_ids[S42])
    view = change_size(scene.shop, anna.actor, anna.id, first, dunk.size_ids[S43])
    assert (view.id, view.size.id, view.size.grid) == (first, dunk.size_ids[S43], S43)
    assert view.unit is not None
    assert view.unit.price == 10
    assert sizes_wished(scene, anna) == [(first, dunk.size_ids[S43]), (second, dunk.size_ids[S42])]
    assert wish(scene, anna, dunk) not in {first, second}


def test_changing_a_size_to_itself_changes_nothing(scene: Scene, anna: Person, dunk: Goods) -> None:
    wished = wish(scene, anna, dunk, dunk.size_ids[S41])
    assert change_size(scene.shop, anna.actor, anna.id, wished, dunk.size_ids[S41]).id == wished
    assert sizes_wished(scene, anna) == [(wished, dunk.size_ids[S41])]


def test_changing_to_a_size_already_wished_for_is_refused(scene: Scene, anna: Person, dunk: Goods) -> None:
    boris = scene.person("boris")
    wish(scene, boris, dunk, dunk.size_ids[S43])
    first, second = wish(scene, anna, dunk), wish(scene, anna, dunk, dunk.size_ids[S41])
    with pytest.raises(AlreadyInWishlist):
        change_size(scene.shop, anna.actor, anna.id, first, dunk.size_ids[S41])
    assert sizes_wished(scene, anna) == [(first, dunk.no_size), (second, dunk.size_ids[S41])]
    change_size(scene.shop, anna.actor, anna.id, first, dunk.size_ids[S43])


def test_a_size_is_changed_on_its_own_wishlist_alone(scene: Scene, anna: Person, dunk: Goods) -> None:
    boris, boss, wished = scene.person("boris"), scene.staff(), wish(scene, anna, dunk)
    for person in (boris, boss):
        with pytest.raises(NotFound):
            change_size(scene.shop, person.actor, person.id, wished, dunk.size_ids[S41])
    with pytest.raises(NotFound):
        change_size(scene.shop, anna.actor, anna.id, WishlistUnitId(999), dunk.size_ids[S41])
    assert sizes_wished(scene, anna) == [(wished, dunk.no_size)]


@pytest.mark.parametrize("who", ["owner", "staff"])
def test_deleting_returns_the_card_as_it_was_to_its_owner(scene: Scene, anna: Person, dunk: Goods, who: str) -> None:
    wished, kept = wish(scene, anna, dunk, dunk.size_ids[S41]), wish(scene, anna, dunk)
    before = read_wishlist(scene.shop, anna.actor, anna.id)[0]
    actor = anna.actor if who == "owner" else scene.staff().actor
    assert delete_from_wishlist(scene.shop, actor, wished) == before
    assert sizes_wished(scene, anna) == [(kept, dunk.no_size)]
    with pytest.raises(NotFound):
        delete_from_wishlist(scene.shop, actor, wished)


def test_the_last_card_of_a_product_takes_it_off_the_wishlist(scene: Scene, anna: Person, dunk: Goods) -> None:
    wished = [wish(scene, anna, dunk), wish(scene, anna, dunk, dunk.size_ids[S41])]
    marks = []
    for wishlist_unit_id in wished:
        delete_from_wishlist(scene.shop, anna.actor, wishlist_unit_id)
        marks.append(view_card(scene.shop, anna.actor, dunk.product_id, anna.id).in_wishlist)
    assert marks == [True, False]


def test_a_product_no_longer_listed_stays_on_the_wishlist(scene: Scene, anna: Person, dunk: Goods) -> None:
    wished = wish(scene, anna, dunk)
    scene.goods("dunk", available_flag=False)
    assert sizes_wished(scene, anna) == [(wished, dunk.no_size)]


def test_a_wishlist_holds_five_hundred_units(scene: Scene, anna: Person) -> None:
    import_products(scene.shop, OPERATOR, [product_entry(f"sku-{number}") for number in range(501)])
    for product_id in range(1, 501):
        add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(product_id), None)
    with pytest.raises(LimitReached) as refusal:
        add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(501), None)
    assert refusal.value.maximum == 500
    assert len(sizes_wished(scene, anna)) == 500
    view, created = add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(500), None)
    assert not created
    delete_from_wishlist(scene.shop, anna.actor, view.id)
    assert add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(501), None)[1]


class _LateUsers(Users):
    """A repository of users. A concurrent transaction deletes the wishlist's unit before the lock is acquired."""

    def for_update(self, user_id: UserId) -> User | None:
        for unit_id in list(self._tables.wishlist_units):
            self._tables.wishlist_units.drop(unit_id)
        return super().for_update(user_id)


class _LateStore(MemoryStore):
    """A store whose writers lose the race."""

    def write(self, work: Callable[[Transaction], T]) -> T:
        def late(tx: Transaction) -> T:
            assert isinstance(tx, MemoryTransaction)
            tx.users = _LateUsers(tx.users._live)
            return work(tx)

        return super().write(late)


def test_of_two_who_delete_a_unit_at_once_the_second_finds_none(scene: Scene) -> None:
    anna = scene.person("anna")
    goods = scene.goods("one")
    view, _ = add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    late = _LateStore()
    assert isinstance(scene.store, MemoryStore)
    late._committed = scene.store._committed
    with pytest.raises(NotFound):
        delete_from_wishlist(attrs.evolve(scene.shop, store=late), anna.actor, view.id)


def test_a_card_names_the_readers_own_units_of_the_product(scene: Scene, anna: Person, dunk: Goods) -> None:
    other = wish(scene, anna, scene.goods("air"))
    late, early = wish(scene, anna, dunk, dunk.size_ids[S43]), wish(scene, anna, dunk)
    boris = scene.person("boris")
    wish(scene, boris, dunk)
    of_dunk = (late, early)
    page = read_page(scene.shop, anna.actor, 1).items
    assert {card.product.product.sku: card.wishlist_unit_ids for card in page} == {"dunk": of_dunk, "air": (other,)}
    assert read_page(scene.shop, ANONYMOUS, 1).items[0].wishlist_unit_ids == ()
    held = read_wishlist(scene.shop, anna.actor, anna.id)
    assert [view.card.wishlist_unit_ids for view in held] == [(other,), of_dunk, of_dunk]
    added, _ = add_to_wishlist(scene.shop, anna.actor, anna.id, dunk.product_id, dunk.size_ids[S41])
    assert added.card.wishlist_unit_ids == (*of_dunk, added.id)
    again, _ = add_to_wishlist(scene.shop, anna.actor, anna.id, dunk.product_id, dunk.size_ids[S41])
    assert again == added
    changed = change_size(scene.shop, anna.actor, anna.id, added.id, dunk.size_ids[S41])
    assert changed.card.wishlist_unit_ids == added.card.wishlist_unit_ids
    assert delete_from_wishlist(scene.shop, anna.actor, added.id) == changed
    assert read_wishlist(scene.shop, anna.actor, anna.id) == held
