"""Reading users, last viewed products, and address books."""

import attrs
import pytest

from sellout_adapters.testing.scene import unit_entry, whole_list
from sellout_core.errors import LimitReached, NotFound
from sellout_core.people.accounts import OPERATOR, Address, NewAddress
from sellout_core.use_cases.catalogue.browsing import view_card
from sellout_core.use_cases.people.users import (
    add_address,
    delete_address,
    edit_address,
    read_addresses,
    read_last_viewed,
    read_profile,
    read_user,
    read_users,
)
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import AddressId, UserId
from tests.unit.shop_scene import Person, Scene

HOME, WORK = NewAddress("Проспект Мира 111", "308033"), NewAddress("Lenina 1 👟", "")


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


def test_staff_read_every_user_by_id(scene: Scene, anna: Person) -> None:
    boss, boris = scene.staff(), scene.person("boris")
    views = whole_list(read_users, scene.shop, boss.actor)
    assert [view.user.id for view in views] == [anna.id, boss.id, boris.id]
    assert views[0] == read_user(scene.shop, boss.actor, anna.id)
    assert views[0].gender is None


def test_a_profile_is_the_same_document_as_staff_read(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk")
    view_card(scene.shop, anna.actor, goods.product_id, anna.id)
    view = read_profile(scene.shop, anna.actor, anna.id)
    assert view.user == scene.user_now(anna.id)
    assert [product.id for product in view.last_viewed] == [goods.product_id]
    assert view == read_user(scene.shop, OPERATOR, anna.id)


def test_a_user_who_does_not_exist_is_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound):
        read_user(scene.shop, OPERATOR, UserId(999))


def test_last_viewed_are_the_last_seven_distinct_products_latest_first(scene: Scene, anna: Person) -> None:
    products = [scene.goods(f"sku-{number}").product_id for number in range(9)]
    for product_id in [*products, products[4]]:
        view_card(scene.shop, anna.actor, product_id, anna.id)
    expected = [products[4], products[8], products[7], products[6], products[5], products[3], products[2]]
    cards = read_last_viewed(scene.shop, anna.actor, anna.id)
    assert [card.product.product.id for card in cards] == expected
    profile = read_profile(scene.shop, anna.actor, anna.id)
    assert [product.id for product in profile.last_viewed] == expected


def test_last_viewed_cards_belong_to_their_user_for_every_reader(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk", unit_entry(7))
    view_card(scene.shop, anna.actor, goods.product_id, anna.id)
    add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    for actor in (anna.actor, scene.staff().actor):
        (card,) = read_last_viewed(scene.shop, actor, anna.id)
        assert (card.min_price, card.in_wishlist) == (7, True)


def test_a_product_no_longer_listed_stays_among_the_last_viewed(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk")
    view_card(scene.shop, anna.actor, goods.product_id, anna.id)
    scene.goods("dunk", available_flag=False)
    (card,) = read_last_viewed(scene.shop, anna.actor, anna.id)
    assert card.product.product.id == goods.product_id


def test_an_address_book_is_in_order_of_entry(scene: Scene, anna: Person) -> None:
    home = add_address(scene.shop, anna.actor, anna.id, HOME)
    work = add_address(scene.shop, anna.actor, anna.id, WORK)
    assert (home, work) == (Address(AddressId(1), *attrs.astuple(HOME)), Address(AddressId(2), *attrs.astuple(WORK)))
    assert read_addresses(scene.shop, anna.actor, anna.id) == (home, work)
    assert read_profile(scene.shop, anna.actor, anna.id).user.addresses == (home, work)


def test_an_address_book_holds_fifty_addresses(scene: Scene, anna: Person) -> None:
    kept = [add_address(scene.shop, anna.actor, anna.id, HOME) for _ in range(50)]
    with pytest.raises(LimitReached) as refusal:
        add_address(scene.shop, anna.actor, anna.id, HOME)
    assert refusal.value.maximum == 50
    assert len(read_addresses(scene.shop, anna.actor, anna.id)) == 50
    delete_address(scene.shop, anna.actor, anna.id, kept[0].id)
    assert add_address(scene.shop, anna.actor, anna.id, HOME).id not in {address.id for address in kept}


def test_editing_replaces_one_address_in_its_place(scene: Scene, anna: Person) -> None:
    home, other = (add_address(scene.shop, anna.actor, anna.id, HOME) for _ in range(2))
    edited = edit_address(scene.shop, anna.actor, anna.id, home.id, WORK)
    assert edited == Address(home.id, WORK.address, WORK.post_index)
    assert read_addresses(scene.shop, anna.actor, anna.id) == (edited, other)


def test_deleting_returns_the_address_as_it_was(scene: Scene, anna: Person) -> None:
    home, work = (add_address(scene.shop, anna.actor, anna.id, address) for address in (HOME, WORK))
    assert delete_address(scene.shop, anna.actor, anna.id, home.id) == home
    assert read_addresses(scene.shop, anna.actor, anna.id) == (work,)
    with pytest.raises(NotFound):
        delete_address(scene.shop, anna.actor, anna.id, home.id)


def test_another_users_address_is_not_found_in_ones_own_book(scene: Scene, anna: Person) -> None:
    home = add_address(scene.shop, anna.actor, anna.id, HOME)
    for reader in (scene.person("boris"), scene.staff()):
        with pytest.raises(NotFound):
            edit_address(scene.shop, reader.actor, reader.id, home.id, WORK)
        with pytest.raises(NotFound):
            delete_address(scene.shop, reader.actor, reader.id, home.id)
    assert read_addresses(scene.shop, anna.actor, anna.id) == (home,)


@pytest.mark.parametrize("how", ["edited", "deleted"])
def test_an_order_keeps_the_address_it_was_made_with(scene: Scene, anna: Person, how: str) -> None:
    unit_id = scene.unit("dunk", 7)
    order = check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, unit_id)).order
    if how == "edited":
        edit_address(scene.shop, anna.actor, anna.id, order.address.id, WORK)
    else:
        delete_address(scene.shop, anna.actor, anna.id, order.address.id)
    kept = read_order(scene.shop, anna.actor, order.id).order.address
    assert (kept.address, kept.post_index) == (HOME.address, HOME.post_index)
