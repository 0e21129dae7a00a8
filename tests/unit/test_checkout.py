"""Checkouts: requirements, refusals, and the changes that they make."""

from datetime import date
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import checkout_request, shoe_size, unit_entry
from sellout_core.errors import (
    MixedCurrencies,
    NotInCart,
    PriceChanged,
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeUnknown,
    PromoCodeUsedUp,
    SellOutError,
    UnitsUnavailable,
    UnknownAddress,
)
from sellout_core.ports.store import Transaction
from sellout_core.shopping.ordering import Checkout
from sellout_core.use_cases.shopping.carts import remove_from_cart
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.values import AddressId, Money, Percentage, ProductUnitId
from tests.unit.shop_scene import Person, Scene

Two = tuple[ProductUnitId, ProductUnitId]


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


@pytest.fixture
def two(scene: Scene) -> Two:
    """Two units: one to order at 7, and one at 100 with a stock of two."""
    return scene.unit("dunk", 7), scene.unit("air", 100, stock=2)


def shop_state(scene: Scene, *people: Person) -> object:
    """All rows that a checkout may change."""

    def look(tx: Transaction) -> object:
        return (
            [tx.carts.of(person.id) for person in people],
            tx.units.of_products([product.id for product in tx.products.after(0, 100)]),
            [tx.promo_codes.by_code(code) for code in ("SALE", "OTHER")],
            tx.orders.after(0, 1_000),
            tx.users.after(0, 1_000),
        )

    return scene.store.read(look)


def refused(scene: Scene, kind: type[SellOutError], person: Person, asked: Checkout) -> Any:
    """Asserts that the checkout raises exactly this error and changes nothing. Returns the error."""
    before = shop_state(scene, person)
    with pytest.raises(kind) as refusal:
        check_out(scene.shop, person.actor, person.id, asked)
    assert shop_state(scene, person) == before
    return refusal.value


def test_an_order_says_what_was_agreed(scene: Scene, anna: Person, two: Two) -> None:
    asked = scene.ready(anna, *two, telephone="+7999", last_name="")
    scene.promo_code("SALE", anna.id, 15)
    view = check_out(scene.shop, anna.actor, anna.id, attrs.evolve(asked, promo_code="sale"))
    order = view.order
    assert (order.id, order.buyer_id, order.placed_at, order.total) == (1, anna.id, scene.clock.now, 91)
    assert (order.email, order.telephone, order.first_name, order.last_name) == (asked.email, "+7999", "Имя", "")
    assert order.address == scene.user_now(anna.id).addresses[0]
    assert (view.status.name, order.paid) == ("pending", False)
    assert [(line.unit.id, line.unit.price) for line in order.lines] == [(two[0], 7), (two[1], 100)]
    assert sum(line.amount for line in order.lines) == 91
    assert [unit.id for unit in view.units] == list(two)
    assert view.promo_code is not None
    assert view.promo_code.promo_code == scene.promo_now("SALE")
    assert view == read_order(scene.shop, anna.actor, order.id)


def test_lines_are_in_the_order_asked(scene: Scene, anna: Person, two: Two) -> None:
    asked = scene.ready(anna, *two)
    view = check_out(scene.shop, anna.actor, anna.id, attrs.evolve(asked, unit_ids=two[::-1]))
    assert [line.unit.id for line in view.order.lines] == [two[1], two[0]]
    assert [unit.price for unit in view.units] == [100, 7]


def test_ordered_units_leave_the_cart_and_others_stay(scene: Scene, anna: Person, two: Two) -> None:
    boris, other = scene.person("boris"), scene.unit("else", 1)
    scene.fill_cart(boris.id, *two)
    asked = scene.ready(anna, two[0], other, two[1])
    check_out(scene.shop, anna.actor, anna.id, attrs.evolve(asked, unit_ids=two))
    assert scene.in_cart(anna.id) == (other,)
    assert scene.in_cart(boris.id) == two


def test_limited_stock_goes_down_and_unlimited_does_not(scene: Scene, anna: Person, two: Two) -> None:
    check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, *two))
    units = [scene.unit_now(unit_id) for unit_id in two]
    assert [(unit.stock, unit.available) for unit in units] == [(None, True), (1, True)]


def test_the_last_piece_is_sold_once(scene: Scene, anna: Person) -> None:
    unit_id, boris = scene.unit("dunk", 7, stock=1), scene.person("boris")
    first, second = scene.ready(anna, unit_id), scene.ready(boris, unit_id)
    check_out(scene.shop, anna.actor, anna.id, first)
    unit = scene.unit_now(unit_id)
    assert (unit.stock, unit.available) == (0, False)
    assert refused(scene, UnitsUnavailable, boris, second).unit_ids == (unit_id,)


def test_a_double_click_orders_once(scene: Scene, anna: Person, two: Two) -> None:
    asked = scene.ready(anna, *two)
    check_out(scene.shop, anna.actor, anna.id, asked)
    assert refused(scene, NotInCart, anna, asked).unit_ids == two


def test_units_that_are_not_in_the_cart_are_named(scene: Scene, anna: Person, two: Two) -> None:
    asked, other = scene.ready(anna, *two), scene.unit("else", 1)
    remove_from_cart(scene.shop, anna.actor, anna.id, two[1])
    scene.fill_cart(scene.person("boris").id, other)
    ids = (ProductUnitId(999), two[1], two[0], other)
    assert refused(scene, NotInCart, anna, attrs.evolve(asked, unit_ids=ids)).unit_ids == (999, two[1], other)


def test_units_that_cannot_be_had_are_named(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk", unit_entry(7), unit_entry(8, shoe_size("41")), unit_entry(9, shoe_size("42")))
    unlisted = scene.goods("air", unit_entry(100))
    asked = scene.ready(anna, *goods.unit_ids, unlisted.unit_id)
    scene.goods(
        "dunk",
        unit_entry(7, availability=False),
        unit_entry(8, shoe_size("41")),
        unit_entry(9, shoe_size("42"), stock=0),
    )
    scene.goods("air", unit_entry(100), available_flag=False)
    first, _, third = goods.unit_ids
    assert refused(scene, UnitsUnavailable, anna, asked).unit_ids == (first, third, unlisted.unit_id)


def test_not_in_the_cart_comes_before_unavailable(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7))
    stale = scene.unit("air", 7, availability=False)
    refused(scene, NotInCart, anna, attrs.evolve(asked, unit_ids=(*asked.unit_ids, stale)))


@pytest.mark.parametrize("whose", ["anothers", "unknown"])
def test_an_order_goes_to_an_address_of_its_buyer_alone(scene: Scene, anna: Person, whose: str) -> None:
    boris = scene.person("boris")
    address_id = scene.address(boris.id) if whose == "anothers" else AddressId(999)
    asked = scene.ready(anna, scene.unit("dunk", 7))
    refused(scene, UnknownAddress, anna, attrs.evolve(asked, address_id=address_id))


def test_staff_order_to_the_buyers_address_not_their_own(scene: Scene, anna: Person) -> None:
    boss, asked = scene.staff(), scene.ready(anna, scene.unit("dunk", 7))
    with pytest.raises(UnknownAddress):
        check_out(scene.shop, boss.actor, anna.id, attrs.evolve(asked, address_id=scene.address(boss.id)))
    view = check_out(scene.shop, boss.actor, anna.id, asked)
    assert (view.order.buyer_id, scene.in_cart(anna.id)) == (anna.id, ())


def test_the_personal_discount_comes_before_the_promo_codes(scene: Scene) -> None:
    anna = scene.person("anna", personal_discount=Percentage(50))
    scene.promo_code("SALE", anna.id, 50, discount_absolute=3)
    asked = scene.ready(anna, scene.unit("dunk", 101), promo_code="SALE")
    assert check_out(scene.shop, anna.actor, anna.id, asked).order.total == 23


def test_units_in_two_currencies_are_not_one_order(scene: Scene, anna: Person) -> None:
    asked = scene.ready(anna, scene.unit("dunk", 7), scene.unit("air", 7, currency="USD"))
    refused(scene, MixedCurrencies, anna, asked)


@pytest.mark.parametrize("ceiling", [None, 107, 108, 10_000])
def test_an_order_up_to_the_ceiling_goes_through_at_the_shops_price(
    scene: Scene, anna: Person, two: Two, ceiling: Money | None
) -> None:
    asked = scene.ready(anna, *two, ceiling=ceiling)
    assert check_out(scene.shop, anna.actor, anna.id, asked).order.total == 107


@pytest.mark.parametrize("ceiling", [0, 106])
def test_an_order_above_the_ceiling_is_refused_with_the_right_total(
    scene: Scene, anna: Person, two: Two, ceiling: Money
) -> None:
    scene.promo_code("SALE", anna.id, 0)
    asked = scene.ready(anna, *two, ceiling=ceiling, promo_code="SALE")
    assert refused(scene, PriceChanged, anna, asked).total == 107


def test_the_ceiling_is_held_against_the_discounted_total(scene: Scene, anna: Person, two: Two) -> None:
    scene.promo_code("SALE", anna.id, 15)
    asked = scene.ready(anna, *two, ceiling=Money(91), promo_code="SALE")
    assert check_out(scene.shop, anna.actor, anna.id, asked).order.total == 91


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"active": False}, PromoCodeInactive),
        ({"active_until": date(2026, 2, 28)}, PromoCodeExpired),
        ({"activation_count": 10}, PromoCodeUsedUp),
    ],
)
def test_a_promo_code_that_cannot_be_redeemed_refuses_the_order(
    scene: Scene, anna: Person, changes: dict[str, Any], refusal: type[SellOutError]
) -> None:
    scene.promo_code("SALE", anna.id, **changes)
    refused(scene, refusal, anna, scene.ready(anna, scene.unit("dunk", 7), promo_code="SALE"))


def test_an_unknown_promo_code_refuses_the_order(scene: Scene, anna: Person) -> None:
    refused(scene, PromoCodeUnknown, anna, scene.ready(anna, scene.unit("dunk", 7), promo_code="SALE"))


@pytest.mark.parametrize("today", [date(2026, 3, 1), date(2026, 12, 31)])
def test_a_promo_code_is_redeemed_through_its_last_day(scene: Scene, anna: Person, today: date) -> None:
    scene.promo_code("SALE", anna.id, active_until=today)
    scene.clock.now = scene.clock.now.replace(month=today.month, day=today.day, hour=23, minute=59, second=59)
    asked = scene.ready(anna, scene.unit("dunk", 100), promo_code="SALE")
    assert check_out(scene.shop, anna.actor, anna.id, asked).order.total == 85


def test_a_promo_codes_activations_are_counted_up_to_the_maximum(scene: Scene, anna: Person) -> None:
    scene.promo_code("SALE", anna.id, max_activation_count=2)
    for count in (1, 2):
        asked = scene.ready(anna, scene.unit(f"sku-{count}", 100), promo_code="Sale")
        view = check_out(scene.shop, anna.actor, anna.id, asked)
        assert view.order.promo_code is not None
        assert view.order.promo_code.activation_count == scene.promo_now("SALE").activation_count == count
    refused(scene, PromoCodeUsedUp, anna, scene.ready(anna, scene.unit("sku-3", 100), promo_code="SALE"))


def test_without_a_promo_code_none_is_activated(scene: Scene, anna: Person) -> None:
    before = scene.promo_code("SALE", anna.id)
    view = check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, scene.unit("dunk", 100)))
    assert (view.promo_code, view.order.total, scene.promo_now("SALE")) == (None, 100, before)


def test_a_promo_code_is_redeemed_by_anybody_not_its_owner_alone(scene: Scene, anna: Person) -> None:
    boris = scene.person("boris")
    scene.promo_code("SALE", anna.id)
    asked = scene.ready(boris, scene.unit("dunk", 100), promo_code="SALE")
    view = check_out(scene.shop, boris.actor, boris.id, asked)
    assert view.promo_code is not None
    assert (view.promo_code.owner_id, view.promo_code.owner, view.order.total) == (anna.id, None, 85)


def test_a_checkout_for_a_user_without_units_is_not_in_the_cart(scene: Scene, anna: Person) -> None:
    unit_id = scene.unit("dunk", 7)
    refused(scene, NotInCart, anna, checkout_request(scene.address(anna.id), unit_id))
