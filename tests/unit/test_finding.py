"""What a page about one product shows: the product by its sku and slug, and the prices of its sizes."""

import pytest

from sellout_adapters.testing.scene import shoe_size, unit_entry
from sellout_core.catalogue.slugs import MAX_SLUG, slug_of
from sellout_core.errors import InvalidFields, NotFound
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.use_cases.catalogue.browsing import read_card, view_card
from sellout_core.use_cases.catalogue.finding import (
    read_card_by_sku,
    read_card_by_slug,
    read_related,
    read_size_prices,
    suggest,
)
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import ProductId
from tests.unit.shop_scene import Scene


def test_each_size_has_the_lowest_price_of_its_available_units(scene: Scene) -> None:
    goods = scene.goods(
        "dunk",
        unit_entry(9, shoe_size("42")),
        unit_entry(7, shoe_size("41"), platform="A"),
        unit_entry(5, shoe_size("41"), platform="B"),
        unit_entry(6, shoe_size("41"), platform="C"),
        unit_entry(1, shoe_size("41"), platform="D", availability=False),
        unit_entry(1, shoe_size("43"), availability=False),
        unit_entry(2, shoe_size("44"), stock=0),
    )
    scene.goods("other", unit_entry(1, shoe_size("41")))
    prices = read_size_prices(scene.shop, ANONYMOUS, goods.product_id)
    assert {price.size.grid.eu: price.min_price for price in prices} == {"41": 5, "42": 9, "43": None, "44": None}
    assert [price.size.id for price in prices] == sorted(price.size.id for price in prices)


def test_a_product_without_units_has_no_prices(scene: Scene) -> None:
    assert read_size_prices(scene.shop, ANONYMOUS, scene.goods("dunk").product_id) == ()


def test_prices_of_a_hidden_product_are_for_staff(scene: Scene) -> None:
    goods = scene.goods("dunk", unit_entry(7), available_flag=False)
    assert [price.min_price for price in read_size_prices(scene.shop, scene.staff().actor, goods.product_id)] == [7]
    for product_id in (goods.product_id, ProductId(99)):
        with pytest.raises(NotFound):
            read_size_prices(scene.shop, ANONYMOUS, product_id)


@pytest.mark.parametrize(
    ("name", "brands", "slug"),
    [
        ("Air Force 1", ("Nike",), "nike-air-force-1"),
        ("Dunk", ("Nike", "Off-White"), "nike-off-white-dunk"),
        ("  --Air__Max  90's!", (), "air-max-90s"),
        ("Щука Ёж", ("Тропа",), "tropa-shchuka-ezh"),
        ("Съезд объятий мой", (), "sezd-obyatiy-moy"),
        ("Їжак ґанок ўсё", (), "yizhak-ganok-use"),
        ("Café №½ ﬁt Straße Øre Łódź", (), "cafe-no1-2-fit-strasse-ore-lodz"),
        ("运动鞋", ("耐克",), "product"),
        ("👟", (), "product"),
    ],
)
def test_a_slug_is_made_of_latin_words(name: str, brands: tuple[str, ...], slug: str) -> None:
    assert slug_of(name, brands) == slug


def test_a_slug_is_short() -> None:
    assert slug_of("a" * 150, ("b" * 150,)) == "b" * MAX_SLUG
    assert slug_of("c", ("b" * (MAX_SLUG - 1),)) == "b" * (MAX_SLUG - 1)


def test_a_slug_stands_for_its_product_whatever_it_is_called_later(scene: Scene) -> None:
    dunk = scene.goods("dunk", name="Dunk", brands=("Nike",)).product_id
    assert read_card_by_slug(scene.shop, ANONYMOUS, "nike-dunk") == read_card(scene.shop, ANONYMOUS, dunk)
    for name in ("Dunk Low", "Dunk High", "Dunk"):
        scene.goods("dunk", name=name, brands=("Nike",))
        slug = f"nike-{name.lower().replace(' ', '-')}"
        for known in ("nike-dunk", slug):
            card = read_card_by_slug(scene.shop, ANONYMOUS, known)
            assert (card.product.product.id, card.slug) == (dunk, slug)
    with pytest.raises(NotFound):
        read_card_by_slug(scene.shop, ANONYMOUS, "nike")


def test_a_slug_that_stands_for_another_product_gets_the_id(scene: Scene) -> None:
    first = scene.goods("a", name="Dunk").product_id
    second = scene.goods("b", name="DUNK!").product_id
    third = scene.goods("c", name=f"Dunk {second}").product_id
    slugs = {product_id: read_card(scene.shop, ANONYMOUS, product_id).slug for product_id in (first, second, third)}
    assert slugs == {first: "nike-dunk", second: f"nike-dunk--{second}", third: f"nike-dunk-{second}"}
    scene.goods("a", name="Air")
    scene.goods("b", name="Dunk")
    assert read_card_by_slug(scene.shop, ANONYMOUS, "nike-dunk").slug == "nike-air"
    assert read_card(scene.shop, ANONYMOUS, second).slug == f"nike-dunk--{second}"


def test_a_product_is_found_by_its_sku(scene: Scene) -> None:
    anna = scene.person("anna")
    goods = scene.goods("sku / 1")
    unit, _ = add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    for actor, wished in ((anna.actor, (unit.id,)), (ANONYMOUS, ())):
        card = read_card_by_sku(scene.shop, actor, "sku / 1")
        assert (card.product.product.id, card.wishlist_unit_ids) == (goods.product_id, wished)
        assert read_card_by_slug(scene.shop, actor, card.slug) == card
    with pytest.raises(NotFound):
        read_card_by_sku(scene.shop, ANONYMOUS, "sku")


def test_a_hidden_product_is_found_by_staff_alone(scene: Scene) -> None:
    goods, staff = scene.goods("dunk", available_flag=False), scene.staff().actor
    card = read_card_by_sku(scene.shop, staff, "dunk")
    assert card.product.product.id == goods.product_id
    assert read_card_by_slug(scene.shop, staff, card.slug) == card
    for actor in (ANONYMOUS, scene.person("anna").actor):
        with pytest.raises(NotFound):
            read_card_by_sku(scene.shop, actor, "dunk")
        with pytest.raises(NotFound):
            read_card_by_slug(scene.shop, actor, card.slug)


def test_related_products_are_the_most_viewed_of_the_brand_and_category(scene: Scene) -> None:
    """The views of all users count, the own ones of the last seven products once. The newest product is the first of
    equal ones.
    """
    dunk, air, low, _ = (scene.goods(sku, unit_entry(7)).product_id for sku in ("dunk", "air", "low", "high"))
    scene.goods("puma", brands=("Puma",))
    scene.goods("cap", categories=("Caps",))
    viewers = [scene.person(name) for name in ("anna", "boris")]

    def found(product_id: ProductId) -> list[str]:
        related = read_related(scene.shop, ANONYMOUS, product_id)
        assert all(card == read_card(scene.shop, ANONYMOUS, card.product.product.id) for card in related)
        return [card.product.product.sku for card in related]

    assert found(dunk) == ["high", "low", "air"]
    for person, product_id in [(viewers[0], low), *[(viewers[0], air), (viewers[0], low)] * 3, (viewers[1], air)]:
        view_card(scene.shop, person.actor, product_id, person.id)
    view_card(scene.shop, ANONYMOUS, low, viewers[1].id)
    assert found(dunk) == ["air", "low", "high"]
    assert found(air) == ["low", "high", "dunk"]


def test_twenty_related_products_are_read_at_most(scene: Scene) -> None:
    first, *_ = (scene.goods(f"{number}").product_id for number in range(22))
    related = read_related(scene.shop, ANONYMOUS, first)
    assert [card.product.product.sku for card in related] == [f"{number}" for number in range(21, 1, -1)]


def test_related_products_of_a_hidden_product_are_for_staff(scene: Scene) -> None:
    """A hidden product is related to none, also for staff."""
    hidden, staff = scene.goods("hidden", available_flag=False).product_id, scene.staff().actor
    dunk = scene.goods("dunk").product_id
    view_card(scene.shop, staff, hidden, staff.user_id)
    assert [card.product.product.id for card in read_related(scene.shop, staff, hidden)] == [dunk]
    assert read_related(scene.shop, staff, dunk) == ()
    for product_id in (hidden, ProductId(99)):
        with pytest.raises(NotFound):
            read_related(scene.shop, ANONYMOUS, product_id)


def test_suggestions_begin_with_the_typed_words(scene: Scene) -> None:
    scene.goods("a", unit_entry(7), name="Dunk Low", brands=("Nike",))
    scene.goods("b", name="Dunk High", brands=("Nike", "Off-White"))
    scene.goods("c", name="Dunk Low", brands=("Nike",), available_flag=False)
    scene.goods("d", name="Стэн Смит", brands=("Adidas",))

    def found(text: str) -> tuple[list[str], list[str]]:
        suggestions = suggest(scene.shop, ANONYMOUS, text)
        return [brand.name for brand in suggestions.brands], [card.product.sku for card in suggestions.products]

    assert found("du") == ([], ["a", "b"])
    assert found("LOW nik") == found("nike dunk l") == ([], ["a"])
    assert found("du nike") == ([], [])
    assert found("ни") == ([], [])
    assert found("wh") == (["Off-White"], ["b"])
    assert found("n") == (["Nike"], ["a", "b"])
    assert found("сми") == ([], ["d"])
    assert found("") == found(" -- ") == ([], [])
    card = suggest(scene.shop, ANONYMOUS, "low").products[0]
    assert (card.min_price, card.slug) == (7, "nike-dunk-low")
    with pytest.raises(InvalidFields):
        suggest(scene.shop, ANONYMOUS, "a" * 201)


def test_there_are_ten_suggestions_at_most(scene: Scene) -> None:
    """Products are sorted by id, brands by name."""
    for number in range(12):
        scene.goods(f"{number}", name="Air", brands=(f"Aa {11 - number:02}",))
    suggestions = suggest(scene.shop, ANONYMOUS, "a")
    assert [card.product.sku for card in suggestions.products] == [f"{number}" for number in range(10)]
    assert [brand.name for brand in suggestions.brands] == [f"Aa {number:02}" for number in range(10)]
