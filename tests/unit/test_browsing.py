"""Pages, products, cards and product units."""

from collections.abc import Callable
from typing import Any

import pytest

from sellout_adapters.testing.scene import product_entry, shoe_size, unit_entry, whole_list
from sellout_core.errors import FieldCode, Forbidden, InvalidField, InvalidFields, NotFound, Unauthenticated
from sellout_core.people.accounts import ANONYMOUS, OPERATOR
from sellout_core.ports.lists import BATCH
from sellout_core.use_cases.catalogue.browsing import (
    ViewEvent,
    note_view,
    note_views,
    read_card,
    read_page,
    read_product,
    read_products,
    read_units,
    view_card,
)
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.use_cases.people.users import read_last_viewed
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist, read_wished
from sellout_core.values import MAX_ID, ProductId, UserId
from sellout_core.views import Page
from tests.unit.shop_scene import Person, Scene


def stock(scene: Scene, number: int) -> None:
    """Lists this number of products."""
    import_products(scene.shop, OPERATOR, [product_entry(f"sku-{index}") for index in range(number)])


def ids_of(page: Page) -> list[int]:
    return [card.product.product.id for card in page.items]


def test_pages_hold_twenty_products_by_id_and_tell_whether_there_is_more(scene: Scene) -> None:
    stock(scene, 41)
    pages = [read_page(scene.shop, ANONYMOUS, number) for number in (1, 2, 3, 4)]
    assert [ids_of(page) for page in pages] == [list(range(1, 21)), list(range(21, 41)), [41], []]
    assert [page.has_next for page in pages] == [True, True, False, False]
    assert [page.number for page in pages] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [1, 7, 40, 41, 100])
def test_every_listed_product_is_on_one_page_whatever_its_size(scene: Scene, size: int) -> None:
    stock(scene, 40)
    seen, number, more = [], 0, True
    while more:
        number += 1
        page = read_page(scene.shop, ANONYMOUS, number, size)
        seen += ids_of(page)
        more = page.has_next
    assert seen == list(range(1, 41))
    assert number == page.last == -(-40 // size)


@pytest.mark.parametrize("number", [0, -1, MAX_ID + 1, 2**64])
def test_a_page_that_cannot_be_is_not_found(scene: Scene, number: int) -> None:
    with pytest.raises(NotFound):
        read_page(scene.shop, ANONYMOUS, number)


def test_a_page_past_the_end_is_empty(scene: Scene) -> None:
    assert read_page(scene.shop, ANONYMOUS, MAX_ID) == Page(MAX_ID, (), has_next=False, last=1)


def test_a_product_that_is_not_listed_is_on_no_page(scene: Scene) -> None:
    scene.goods("hidden", unit_entry(7), available_flag=False)
    listed = scene.goods("listed")
    assert ids_of(read_page(scene.shop, ANONYMOUS, 1)) == [listed.product_id]


def test_the_lowest_price_is_the_lowest_of_available_units(scene: Scene) -> None:
    scene.goods(
        "one", unit_entry(9), unit_entry(8, shoe_size("42")), unit_entry(5, shoe_size("43"), availability=False)
    )
    scene.goods("two", unit_entry(9), unit_entry(3, shoe_size("42"), stock=0))
    scene.goods("three", unit_entry(9, availability=False))
    scene.goods("four")
    prices = [card.min_price for card in read_page(scene.shop, ANONYMOUS, 1).items]
    assert prices == [8, 9, None, None]


def test_in_wishlist_is_the_readers(scene: Scene) -> None:
    wished, other = scene.goods("one", unit_entry(7)), scene.goods("two")
    anna, boris, boss = scene.person("anna"), scene.person("boris"), scene.staff()
    add_to_wishlist(scene.shop, anna.actor, anna.id, wished.product_id, None)
    add_to_wishlist(scene.shop, boris.actor, boris.id, other.product_id, None)
    marks = {
        actor: [card.in_wishlist for card in read_page(scene.shop, actor, 1).items]
        for actor in (anna.actor, boris.actor, boss.actor, ANONYMOUS, OPERATOR)
    }
    assert list(marks.values()) == [[True, False], [False, True], [False, False], [False, False], [False, False]]


def test_a_product_carries_its_names_by_id(scene: Scene) -> None:
    goods = scene.goods(
        "dunk", brands=("Nike", "Jordan"), categories=("Улица", "Sport"), tags=(), gender="F", description="👟"
    )
    view = read_product(scene.shop, OPERATOR, goods.product_id)
    assert [(brand.id, brand.name) for brand in view.brands] == [(1, "Jordan"), (2, "Nike")]
    assert [category.name for category in view.categories] == ["Sport", "Улица"]
    assert (view.tags, view.gender.name, view.gender.id) == ((), "F", 2)
    assert view.product.description == "👟"
    assert read_page(scene.shop, ANONYMOUS, 1).items[0].product == view


def test_a_product_that_does_not_exist_is_not_found(scene: Scene) -> None:
    anna = scene.person()
    for read in (
        lambda: read_product(scene.shop, OPERATOR, ProductId(999)),
        lambda: read_units(scene.shop, ANONYMOUS, ProductId(999)),
        lambda: view_card(scene.shop, ANONYMOUS, ProductId(999), None),
        lambda: view_card(scene.shop, anna.actor, ProductId(999), anna.id),
    ):
        with pytest.raises(NotFound):
            read()
    assert scene.user_now(anna.id).last_viewed == ()


def test_a_product_that_is_not_listed_is_found_by_staff_alone(scene: Scene) -> None:
    hidden = scene.goods("hidden", unit_entry(7), available_flag=False)
    anna, boss = scene.person(), scene.staff()

    def found(person: Person) -> list[Callable[[], Any]]:
        who = scene.shop, person.actor
        return [
            lambda: read_units(*who, hidden.product_id),
            lambda: read_card(*who, hidden.product_id),
            lambda: view_card(*who, hidden.product_id, person.id),
            lambda: view_card(*who, hidden.product_id, None),
            lambda: add_to_wishlist(*who, person.id, hidden.product_id, None),
        ]

    for call in found(anna):
        with pytest.raises(NotFound):
            call()
    with pytest.raises(NotFound):
        read_card(scene.shop, ANONYMOUS, hidden.product_id)
    assert scene.user_now(anna.id).last_viewed == ()
    for call in found(boss):
        assert call()


@pytest.mark.parametrize("number", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_staff_read_every_product_by_id_listed_or_not(scene: Scene, number: int) -> None:
    stock(scene, number)
    hidden = scene.goods("hidden", available_flag=False)
    views = whole_list(read_products, scene.shop, OPERATOR)
    assert [view.product.id for view in views] == list(range(1, number + 2))
    assert views[-1].product.id == hidden.product_id


def test_without_products_staff_read_none(scene: Scene) -> None:
    assert whole_list(read_products, scene.shop, OPERATOR) == []


def test_anybody_reads_every_unit_of_a_product_by_id(scene: Scene) -> None:
    scene.goods("other", unit_entry(1))
    goods = scene.goods(
        "dunk",
        unit_entry(9, shoe_size("42"), availability=False),
        unit_entry(7, stock=0),
        unit_entry(8, shoe_size("41")),
    )
    views = read_units(scene.shop, ANONYMOUS, goods.product_id)
    assert [(view.id, view.price, view.available) for view in views] == [
        (2, 9, False),
        (3, 7, False),
        (4, 8, True),
    ]
    first = views[0]
    assert first.product == read_product(scene.shop, OPERATOR, goods.product_id)
    assert (first.currency.name, first.delivery_type.name) == ("RUB", "Самолёт")
    assert (first.platform.name, first.platform.site) == ("Poizon", "/poizon")
    assert first.size.grid == shoe_size("42")


def test_a_product_without_units_has_none(scene: Scene) -> None:
    assert read_units(scene.shop, ANONYMOUS, scene.goods("dunk").product_id) == ()


def test_a_personal_card_knows_the_wishlist_and_notes_the_view(scene: Scene) -> None:
    anna, goods = scene.person(), scene.goods("dunk", unit_entry(7))
    add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    card = view_card(scene.shop, anna.actor, goods.product_id, anna.id)
    assert (card.product.product.id, card.min_price, card.in_wishlist) == (goods.product_id, 7, True)
    assert scene.user_now(anna.id).last_viewed == (goods.product_id,)
    assert view_card(scene.shop, anna.actor, goods.product_id, anna.id) == card
    assert scene.user_now(anna.id).last_viewed == (goods.product_id,)


@pytest.mark.parametrize("who", ["anonymous", "stranger", "self for no user", "staff for no user"])
def test_an_anonymous_card_is_not_personal_and_notes_nothing(scene: Scene, who: str) -> None:
    anna, boris, boss, goods = scene.person("anna"), scene.person("boris"), scene.staff(), scene.goods("dunk")
    for person in (anna, boss):
        add_to_wishlist(scene.shop, person.actor, person.id, goods.product_id, None)
    actor, user_id = {
        "anonymous": (ANONYMOUS, anna.id),
        "stranger": (boris.actor, anna.id),
        "self for no user": (anna.actor, None),
        "staff for no user": (boss.actor, None),
    }[who]
    card = view_card(scene.shop, actor, goods.product_id, user_id)
    assert not card.in_wishlist
    assert [scene.user_now(person.id).last_viewed for person in (anna, boris, boss)] == [(), (), ()]


def test_staff_who_ask_for_a_user_get_that_users_card(scene: Scene) -> None:
    anna, boss, goods = scene.person("anna"), scene.staff(), scene.goods("dunk")
    add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    assert view_card(scene.shop, boss.actor, goods.product_id, anna.id).in_wishlist
    assert scene.user_now(anna.id).last_viewed == (goods.product_id,)
    assert scene.user_now(boss.id).last_viewed == ()


def test_another_user_gets_the_same_card_whether_the_user_asked_for_exists_or_not(scene: Scene) -> None:
    anna, boris, goods = scene.person("anna"), scene.person("boris"), scene.goods("dunk")
    absent = view_card(scene.shop, boris.actor, goods.product_id, UserId(999))
    assert absent == view_card(scene.shop, boris.actor, goods.product_id, anna.id)


def test_staff_get_the_anonymous_card_for_an_unknown_user(scene: Scene) -> None:
    goods, boss = scene.goods("dunk", unit_entry(7)), scene.staff()
    card = view_card(scene.shop, boss.actor, goods.product_id, UserId(999))
    assert card == view_card(scene.shop, ANONYMOUS, goods.product_id, None)


@pytest.mark.parametrize("size", [-5, 0, 101])
def test_a_page_of_an_impossible_size_is_refused(scene: Scene, size: int) -> None:
    with pytest.raises(InvalidFields) as caught:
        read_page(scene.shop, ANONYMOUS, 1, size)
    assert caught.value.fields == (InvalidField("page_size", "must be from 1 to 100", FieldCode.OUT_OF_RANGE),)


def test_views_are_noted_all_at_once(scene: Scene) -> None:
    stock(scene, 9)
    anna, boris, boss = scene.person("anna"), scene.person("boris"), scene.staff()
    views = [ViewEvent(anna.actor, anna.id, ProductId(number)) for number in (1, 2, 3, 4, 5, 6, 7, 8, 2, 2)]
    views.insert(3, ViewEvent(boss.actor, boris.id, ProductId(9)))
    views.insert(4, ViewEvent(boss.actor, UserId(999), ProductId(9)))
    assert note_views(scene.shop, views) == [views[4]]

    def viewed(person: Person) -> list[int]:
        return [card.product.product.id for card in read_last_viewed(scene.shop, person.actor, person.id)]

    assert (viewed(anna), viewed(boris)) == ([2, 8, 7, 6, 5, 4, 3], [9])
    note_view(scene.shop, ViewEvent(anna.actor, anna.id, ProductId(1)))
    note_view(scene.shop, ViewEvent(boss.actor, UserId(999), ProductId(1)))
    assert viewed(anna) == [1, 2, 8, 7, 6, 5, 4]
    for view in (ViewEvent(anna.actor, boris.id, ProductId(1)), ViewEvent(ANONYMOUS, anna.id, ProductId(9))):
        with pytest.raises((Forbidden, Unauthenticated)):
            note_view(scene.shop, view)
    with pytest.raises(Forbidden):
        note_views(
            scene.shop, [ViewEvent(anna.actor, anna.id, ProductId(9)), ViewEvent(anna.actor, boris.id, ProductId(1))]
        )
    with pytest.raises(Unauthenticated):
        note_views(scene.shop, [ViewEvent(ANONYMOUS, anna.id, ProductId(9))])
    assert (viewed(anna), viewed(boris)) == ([1, 2, 8, 7, 6, 5, 4], [9])


def test_in_wishlist_follows_the_users_wishlist(scene: Scene) -> None:
    stock(scene, 2)
    anna = scene.person("anna")
    add_to_wishlist(scene.shop, anna.actor, anna.id, ProductId(2), None)
    assert read_wished(scene.shop, anna.actor, anna.id).keys() == {2}
    assert read_wished(scene.shop, OPERATOR, anna.id).keys() == {2}
