"""The cart, and promo codes before a checkout."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import shoe_size, unit_entry
from sellout_core.errors import (
    FieldCode,
    InvalidField,
    InvalidFields,
    LimitReached,
    MixedCurrencies,
    NotFound,
    NotInCart,
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeTaken,
    PromoCodeUnknown,
    PromoCodeUsedUp,
    SellOutError,
    UnitsUnavailable,
)
from sellout_core.people.accounts import OPERATOR, Registration
from sellout_core.shop import Policy
from sellout_core.shopping.ordering import NewPromoCode, quote
from sellout_core.shopping.totals import CartTotals
from sellout_core.use_cases.catalogue.browsing import read_units, view_card
from sellout_core.use_cases.people.users import read_profile
from sellout_core.use_cases.shopping.carts import add_to_cart, read_cart, remove_from_cart
from sellout_core.use_cases.shopping.promo_codes import check_promo_code, create_promo_code
from sellout_core.values import Money, Percentage, ProductUnitId, UserId
from tests.unit.shop_scene import Person, Scene


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


def test_a_unit_put_into_the_cart_stands_in_it(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk", unit_entry(7, shoe_size("42")))
    view, created = add_to_cart(scene.shop, anna.actor, anna.id, goods.unit_id)
    assert created
    assert read_cart(scene.shop, anna.actor, anna.id).units == (view,)
    assert read_units(scene.shop, anna.actor, goods.product_id) == (view,)


def test_adding_a_unit_twice_changes_nothing(scene: Scene, anna: Person) -> None:
    unit_id = scene.unit("dunk", 7)
    view, _ = add_to_cart(scene.shop, anna.actor, anna.id, unit_id)
    assert add_to_cart(scene.shop, anna.actor, anna.id, unit_id) == (view, False)
    assert scene.in_cart(anna.id) == (unit_id,)


def test_a_cart_is_in_order_of_entry_and_its_users_own(scene: Scene, anna: Person) -> None:
    boris = scene.person("boris")
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    scene.fill_cart(anna.id, second, first)
    scene.fill_cart(boris.id, first)
    cart = read_cart(scene.shop, anna.actor, anna.id)
    assert [view.id for view in cart.units] == [second, first]
    assert cart.user == read_profile(scene.shop, anna.actor, anna.id)
    assert cart.id != read_cart(scene.shop, boris.actor, boris.id).id


def test_a_cart_shows_its_price_before_and_after_the_personal_discount(scene: Scene) -> None:
    anna = scene.person("anna", personal_discount=Percentage(15))
    first, second, gone = scene.unit("dunk", 7), scene.unit("air", 100), scene.unit("gone", 1000)
    assert read_cart(scene.shop, anna.actor, anna.id).totals == CartTotals(Money(0), Money(0))
    scene.fill_cart(anna.id, first, second, gone)
    scene.unit("gone", 1000, availability=False)
    quoted = quote([scene.unit_now(first), scene.unit_now(second)], Percentage(15))
    assert read_cart(scene.shop, anna.actor, anna.id).totals == CartTotals(quoted.subtotal, quoted.total)
    assert (quoted.subtotal, quoted.total) == (107, 91)


def test_a_cart_in_several_currencies_has_no_price(scene: Scene, anna: Person) -> None:
    scene.fill_cart(anna.id, scene.unit("dunk", 7), scene.unit("air", 100, currency="CNY"))
    assert read_cart(scene.shop, anna.actor, anna.id).totals is None


def test_a_cart_shows_what_its_user_viewed_last(scene: Scene, anna: Person) -> None:
    unit_id, viewed = scene.unit("dunk", 7), scene.goods("air")
    scene.fill_cart(anna.id, unit_id)
    view_card(scene.shop, anna.actor, viewed.product_id, anna.id)
    assert [product.sku for product in read_cart(scene.shop, anna.actor, anna.id).user.last_viewed] == ["air"]


def test_a_cart_shows_todays_prices_and_units_that_became_unavailable(scene: Scene, anna: Person) -> None:
    scene.fill_cart(anna.id, scene.unit("dunk", 7), scene.unit("air", 100))
    scene.unit("dunk", 8)
    scene.unit("air", 100, availability=False)
    units = read_cart(scene.shop, anna.actor, anna.id).units
    assert [(unit.price, unit.available) for unit in units] == [(8, True), (100, False)]


@pytest.mark.parametrize("changes", [{"availability": False}, {"stock": 0}])
def test_an_unavailable_unit_does_not_get_into_a_cart(scene: Scene, anna: Person, changes: dict[str, Any]) -> None:
    unit_id = scene.unit("dunk", 7, **changes)
    with pytest.raises(UnitsUnavailable) as refusal:
        add_to_cart(scene.shop, anna.actor, anna.id, unit_id)
    assert refusal.value.unit_ids == (unit_id,)
    assert scene.in_cart(anna.id) == ()


def test_a_unit_of_a_product_that_is_not_listed_does_not_get_into_a_cart(scene: Scene, anna: Person) -> None:
    """For a customer the unit does not exist."""
    goods, boss = scene.goods("dunk", unit_entry(7), available_flag=False), scene.staff()
    with pytest.raises(NotFound):
        add_to_cart(scene.shop, anna.actor, anna.id, goods.unit_id)
    with pytest.raises(UnitsUnavailable):
        add_to_cart(scene.shop, boss.actor, boss.id, goods.unit_id)


def test_a_unit_that_does_not_exist_is_not_found(scene: Scene, anna: Person) -> None:
    with pytest.raises(NotFound):
        add_to_cart(scene.shop, anna.actor, anna.id, ProductUnitId(999))
    with pytest.raises(NotFound):
        remove_from_cart(scene.shop, anna.actor, anna.id, ProductUnitId(999))


def test_a_removed_unit_is_returned_and_gone(scene: Scene, anna: Person) -> None:
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    added, _ = add_to_cart(scene.shop, anna.actor, anna.id, first)
    scene.fill_cart(anna.id, second)
    assert remove_from_cart(scene.shop, anna.actor, anna.id, first) == added
    assert scene.in_cart(anna.id) == (second,)
    with pytest.raises(NotFound):
        remove_from_cart(scene.shop, anna.actor, anna.id, first)


def test_a_unit_in_anothers_cart_is_not_removed_from_ones_own(scene: Scene, anna: Person) -> None:
    boris, unit_id = scene.person("boris"), scene.unit("dunk", 7)
    scene.fill_cart(anna.id, unit_id)
    with pytest.raises(NotFound):
        remove_from_cart(scene.shop, boris.actor, boris.id, unit_id)
    assert scene.in_cart(anna.id) == (unit_id,)


def test_a_cart_holds_a_hundred_units(scene: Scene, anna: Person) -> None:
    goods = scene.goods("dunk", *(unit_entry(7, shoe_size(str(number))) for number in range(1, 102)))
    scene.fill_cart(anna.id, *goods.unit_ids[:100])
    with pytest.raises(LimitReached) as refusal:
        add_to_cart(scene.shop, anna.actor, anna.id, goods.unit_ids[100])
    assert refusal.value.maximum == 100
    assert not add_to_cart(scene.shop, anna.actor, anna.id, goods.unit_ids[99])[1]
    assert scene.in_cart(anna.id) == goods.unit_ids[:100]


def test_a_user_without_a_cart_has_nothing_to_read(scene: Scene) -> None:
    new = Registration("imported", "a password").new_user(scene.clock.now)
    user = scene.store.write(lambda tx: tx.users.add(new, "no hash"))
    with pytest.raises(NotFound):
        read_cart(scene.shop, OPERATOR, user.id)


def test_a_promo_code_is_stored_as_it_was_created(scene: Scene, anna: Person) -> None:
    stored = scene.promo_code("SALE", anna.id, 15, activation_count=5)
    assert scene.promo_now("sale") == stored
    assert (stored.code, stored.owner_id, stored.discount_percentage) == ("SALE", anna.id, 15)
    assert (stored.activation_count, stored.max_activation_count, stored.active) == (5, 10, True)


@pytest.mark.parametrize("code", ["SALE", "sale", "Sale"])
def test_a_promo_code_is_given_once_whatever_its_case(scene: Scene, anna: Person, code: str) -> None:
    first = scene.promo_code("SALE", anna.id)
    with pytest.raises(PromoCodeTaken):
        scene.promo_code(code, anna.id, 99)
    assert scene.promo_now("SALE") == first


def test_a_promo_code_belongs_to_a_user_who_exists(scene: Scene) -> None:
    terms: Any = {"discount_percentage": 1, "max_activation_count": 1, "active_until": date(2026, 12, 31)}
    new = NewPromoCode(code="SALE", owner_id=UserId(999), **terms)
    with pytest.raises(InvalidFields):
        create_promo_code(scene.shop, OPERATOR, new)
    assert scene.store.read(lambda tx: tx.promo_codes.by_code("SALE")) is None


@pytest.mark.parametrize("code", ["SALE", "sale"])
def test_checking_a_promo_code_says_what_it_would_save_and_counts_nothing(
    scene: Scene, anna: Person, code: str
) -> None:
    first, second, other = scene.unit("dunk", 7), scene.unit("air", 100, stock=1), scene.unit("else", 1000)
    scene.fill_cart(anna.id, first, second, other)
    promo_code = scene.promo_code("SALE", anna.id, 15)
    view = check_promo_code(scene.shop, anna.actor, anna.id, code, [second, first])
    assert (view.full.total, view.discounted.total, view.saving) == (107, 91, 16)
    assert [line.unit_id for line in view.discounted.lines] == [second, first]
    assert view.promo_code == promo_code
    assert scene.promo_now("SALE") == promo_code
    assert scene.in_cart(anna.id) == (first, second, other)
    assert scene.unit_now(second).stock == 1


def test_what_a_promo_code_saves_is_beside_the_personal_discount(scene: Scene) -> None:
    anna = scene.person("anna", personal_discount=Percentage(10))
    scene.fill_cart(anna.id, unit_id := scene.unit("dunk", 100))
    scene.promo_code("SALE", anna.id, 10, discount_absolute=1)
    view = check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id])
    assert (view.full.subtotal, view.full.total, view.discounted.total, view.saving) == (100, 90, 80, 10)


@pytest.mark.parametrize("code", ["", " ", "NONE", "SALE ", "x" * 1000, "\0"])
def test_a_promo_code_that_does_not_exist_is_unknown(scene: Scene, anna: Person, code: str) -> None:
    scene.promo_code("SALE", anna.id)
    scene.fill_cart(anna.id, unit_id := scene.unit("dunk", 100))
    with pytest.raises(PromoCodeUnknown):
        check_promo_code(scene.shop, anna.actor, anna.id, code, [unit_id])


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"active": False}, PromoCodeInactive),
        ({"active_until": date(2026, 2, 28)}, PromoCodeExpired),
        ({"activation_count": 10}, PromoCodeUsedUp),
    ],
)
def test_checking_a_promo_code_that_cannot_be_redeemed_says_why(
    scene: Scene, anna: Person, changes: dict[str, Any], refusal: type[SellOutError]
) -> None:
    scene.promo_code("SALE", anna.id, **changes)
    scene.fill_cart(anna.id, unit_id := scene.unit("dunk", 100))
    with pytest.raises(refusal):
        check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id])


def test_a_promo_code_is_checked_on_units_that_could_be_ordered(scene: Scene, anna: Person) -> None:
    scene.promo_code("SALE", anna.id)
    unit_id, elsewhere, priced_in_usd = scene.unit("dunk", 7), scene.unit("air", 9), scene.unit("us", 9, currency="USD")
    scene.fill_cart(anna.id, unit_id, priced_in_usd)
    with pytest.raises(NotInCart) as missing:
        check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [elsewhere, unit_id])
    assert missing.value.unit_ids == (elsewhere,)
    with pytest.raises(MixedCurrencies):
        check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id, priced_in_usd])
    scene.unit("dunk", 7, stock=0)
    with pytest.raises(UnitsUnavailable) as unavailable:
        check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id])
    assert unavailable.value.unit_ids == (unit_id,)


@pytest.mark.parametrize("repeats", [0, 2])
def test_a_promo_code_is_checked_on_no_units_and_repeated_units_as_little_as_they_are_ordered(
    scene: Scene, anna: Person, repeats: int
) -> None:
    scene.promo_code("SALE", anna.id)
    scene.fill_cart(anna.id, unit_id := scene.unit("dunk", 100))
    with pytest.raises(InvalidFields) as refusal:
        check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id] * repeats)
    reason = "must not repeat a value" if repeats else "must not be empty"
    assert refusal.value.fields == (
        InvalidField("unit_ids", reason, FieldCode.REPEATED if repeats else FieldCode.TOO_FEW),
    )


@pytest.mark.parametrize(
    ("hours", "now", "good"),
    [
        (0, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC), True),
        (0, datetime(2026, 4, 1, tzinfo=UTC), False),
        (3, datetime(2026, 3, 31, 20, 59, 59, tzinfo=UTC), True),
        (3, datetime(2026, 3, 31, 21, tzinfo=UTC), False),
        (-5, datetime(2026, 4, 1, 4, 59, 59, tzinfo=UTC), True),
        (-5, datetime(2026, 4, 1, 5, tzinfo=UTC), False),
    ],
)
def test_the_last_day_of_a_promo_code_ends_at_the_shops_own_midnight(hours: int, now: datetime, good: bool) -> None:
    scene = Scene(attrs.evolve(Policy(), time_zone=timezone(timedelta(hours=hours))))
    anna = scene.person("anna")
    scene.promo_code("SALE", anna.id, active_until=date(2026, 3, 31))
    scene.fill_cart(anna.id, unit_id := scene.unit("dunk", 100))
    scene.clock.now = now
    if good:
        assert check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id]).saving == 15
    else:
        with pytest.raises(PromoCodeExpired):
            check_promo_code(scene.shop, anna.actor, anna.id, "SALE", [unit_id])
