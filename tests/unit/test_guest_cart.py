"""Carts of guests, promo codes for them, and log-ins and registrations that merge them."""

from datetime import timedelta
from typing import Any

import attrs
import pytest

from sellout_adapters.testing.scene import PASSWORD, shoe_size, unit_entry
from sellout_core.errors import (
    BadCredentials,
    FieldCode,
    GuestCartUnknown,
    InvalidField,
    InvalidFields,
    LimitReached,
    NotFound,
    NotInCart,
    PromoCodeUnknown,
    UnitsUnavailable,
)
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, Registration
from sellout_core.shopping.guest_carts import GuestCart, fingerprint_of, units_to_merge
from sellout_core.use_cases.catalogue.products import delete_product
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import log_in, read_token
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.use_cases.shopping.guest_carts import (
    add_to_guest_cart,
    check_guest_promo_code,
    read_guest_cart,
    remove_from_guest_cart,
)
from sellout_core.use_cases.shopping.promo_codes import check_promo_code
from sellout_core.use_cases.upkeep import delete_expired
from sellout_core.values import MAX_CART, ProductUnitId
from tests.unit.shop_scene import Scene

MALFORMED = [
    "",
    "x",
    "0" * 31,
    "0" * 33,
    "A" * 32,
    "g" * 32,
    "0" * 32 + "\n",
    " " + "0" * 32,
    "0" * 10_240,
    "\N{ARABIC-INDIC DIGIT ZERO}" * 32,
    "\ud800" * 32,
]
UNKNOWN = "0" * 32


def guest(scene: Scene, *unit_ids: ProductUnitId) -> str:
    """Fills the cart of a new guest and returns the token."""
    token = add_to_guest_cart(scene.shop, ANONYMOUS, None, unit_ids[0]).token
    assert token is not None
    for unit_id in unit_ids[1:]:
        assert add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id).token is None
    return token


def held(scene: Scene, token: str) -> list[int]:
    """The units of a guest's cart."""
    return [unit.id for unit in read_guest_cart(scene.shop, token).units]


def stored(scene: Scene, token: str) -> GuestCart | None:
    """The stored cart of a token, expired or not."""
    return scene.store.read(lambda tx: tx.guest_carts.of(fingerprint_of(token)))


def test_the_first_unit_makes_a_cart_and_a_token(scene: Scene) -> None:
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    added = add_to_guest_cart(scene.shop, ANONYMOUS, None, first)
    assert (added.is_new, added.unit.id) == (True, first)
    assert added.token is not None
    again = add_to_guest_cart(scene.shop, ANONYMOUS, added.token, second)
    assert (again.is_new, again.token) == (True, None)
    assert read_guest_cart(scene.shop, added.token).units == (added.unit, again.unit)


def test_a_token_is_neither_stored_nor_shown(scene: Scene) -> None:
    added = add_to_guest_cart(scene.shop, ANONYMOUS, None, scene.unit("dunk", 7))
    assert added.token is not None
    cart = stored(scene, added.token)
    assert cart is not None
    assert added.token not in str(attrs.asdict(cart))
    assert added.token not in repr(added)
    assert cart.fingerprint not in repr(cart)


def test_each_guest_has_a_cart_of_their_own(scene: Scene) -> None:
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    one, other = guest(scene, first), guest(scene, second)
    assert one != other
    assert (held(scene, one), held(scene, other)) == ([first], [second])
    assert read_guest_cart(scene.shop, one).id != read_guest_cart(scene.shop, other).id
    with pytest.raises(NotFound):
        remove_from_guest_cart(scene.shop, one, second)
    assert held(scene, other) == [second]


def test_adding_a_unit_twice_changes_nothing(scene: Scene) -> None:
    unit_id = scene.unit("dunk", 7)
    token = guest(scene, unit_id)
    before = stored(scene, token)
    scene.clock.advance(days=1)
    assert not add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id).is_new
    assert stored(scene, token) == before


def test_a_removed_unit_is_returned_and_gone(scene: Scene) -> None:
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    token = guest(scene, first, second)
    view = read_guest_cart(scene.shop, token).units[0]
    assert remove_from_guest_cart(scene.shop, token, first) == view
    assert held(scene, token) == [second]
    with pytest.raises(NotFound) as refusal:
        remove_from_guest_cart(scene.shop, token, first)
    assert type(refusal.value) is NotFound
    remove_from_guest_cart(scene.shop, token, second)
    assert held(scene, token) == []


def test_a_guests_cart_shows_todays_prices_and_units_that_became_unavailable(scene: Scene) -> None:
    token = guest(scene, scene.unit("dunk", 7), scene.unit("air", 100))
    scene.unit("dunk", 8)
    scene.goods("air", unit_entry(100, availability=False), available_flag=False)
    units = read_guest_cart(scene.shop, token).units
    assert [(unit.price, unit.available) for unit in units] == [(8, True), (100, False)]


@pytest.mark.parametrize("changes", [{"availability": False}, {"stock": 0}])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_unavailable_unit_does_not_get_into_a_guests_cart(
    scene: Scene, changes: dict[str, Any], is_first: bool
) -> None:
    token = None if is_first else guest(scene, scene.unit("air", 100))
    unit_id = scene.unit("dunk", 7, **changes)
    with pytest.raises(UnitsUnavailable) as refusal:
        add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id)
    assert refusal.value.unit_ids == (unit_id,)


def test_a_unit_of_a_product_that_is_not_listed_does_not_exist_for_a_guest(scene: Scene) -> None:
    hidden, boss = scene.goods("dunk", unit_entry(7), available_flag=False), scene.staff()
    for unit_id in (hidden.unit_id, ProductUnitId(999)):
        with pytest.raises(NotFound):
            add_to_guest_cart(scene.shop, ANONYMOUS, None, unit_id)
    with pytest.raises(UnitsUnavailable):
        add_to_guest_cart(scene.shop, boss.actor, None, hidden.unit_id)


def test_a_guests_cart_has_as_many_units_as_a_users(scene: Scene) -> None:
    units = scene.goods("dunk", *(unit_entry(7, shoe_size(str(n))) for n in range(MAX_CART + 1))).unit_ids
    token = guest(scene, *units[:-1])
    with pytest.raises(LimitReached) as refusal:
        add_to_guest_cart(scene.shop, ANONYMOUS, token, units[-1])
    assert refusal.value.maximum == MAX_CART
    assert not add_to_guest_cart(scene.shop, ANONYMOUS, token, units[0]).is_new
    assert held(scene, token) == list(units[:-1])


@pytest.mark.parametrize("token", MALFORMED, ids=lambda token: repr(token)[:40])
def test_a_malformed_token_is_refused(scene: Scene, token: str) -> None:
    unit_id = scene.unit("dunk", 7)
    for call in (
        lambda: read_guest_cart(scene.shop, token),
        lambda: add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id),
        lambda: remove_from_guest_cart(scene.shop, token, unit_id),
        lambda: check_guest_promo_code(scene.shop, token, "SALE", [unit_id]),
    ):
        with pytest.raises(InvalidFields) as refusal:
            call()
        reason = "must be the 32 hexadecimal digits that the shop returned"
        assert refusal.value.fields == (InvalidField("cart_token", reason, FieldCode.MALFORMED),)


def test_a_cart_ends_thirty_days_after_its_last_change(scene: Scene) -> None:
    first, second = scene.unit("dunk", 7), scene.unit("air", 100)
    token = guest(scene, first)
    scene.clock.advance(days=29)
    add_to_guest_cart(scene.shop, ANONYMOUS, token, second)
    scene.clock.advance(days=29)
    remove_from_guest_cart(scene.shop, token, first)
    scene.clock.advance(days=30, microseconds=-1)
    assert held(scene, token) == [second]
    scene.clock.advance(microseconds=1)
    refuse_everywhere(scene, token, second)
    assert stored(scene, token) is not None
    assert delete_expired(scene.shop, OPERATOR) == 1
    assert stored(scene, token) is None


def test_an_unknown_token_is_refused(scene: Scene) -> None:
    unit_id = scene.unit("dunk", 7)
    token = guest(scene, unit_id)
    refuse_everywhere(scene, UNKNOWN, unit_id)
    assert held(scene, token) == [unit_id]


def refuse_everywhere(scene: Scene, token: str, unit_id: ProductUnitId) -> None:
    """Asserts that no use case finds a cart."""
    for call in (
        lambda: read_guest_cart(scene.shop, token),
        lambda: add_to_guest_cart(scene.shop, ANONYMOUS, token, unit_id),
        lambda: remove_from_guest_cart(scene.shop, token, unit_id),
        lambda: check_guest_promo_code(scene.shop, token, "SALE", [unit_id]),
    ):
        with pytest.raises(GuestCartUnknown):
            call()


def test_a_promo_code_is_checked_for_a_guest_as_for_a_user_without_a_discount(scene: Scene) -> None:
    anna = scene.person("anna")
    scene.promo_code("SALE", anna.id)
    units = [scene.unit("dunk", 7), scene.unit("air", 100)]
    token = guest(scene, *units)
    scene.fill_cart(anna.id, *units)
    view = check_guest_promo_code(scene.shop, token, "sale", units)
    assert view == check_promo_code(scene.shop, anna.actor, anna.id, "sale", units)
    assert (view.full.total, view.discounted.total, view.promo_code.activation_count) == (107, 91, 0)


def test_a_guests_check_has_the_errors_of_a_users(scene: Scene) -> None:
    scene.promo_code("SALE", scene.person("owner").id)
    unit_id, other = scene.unit("dunk", 7), scene.unit("air", 100)
    token = guest(scene, unit_id)
    with pytest.raises(NotInCart):
        check_guest_promo_code(scene.shop, token, "SALE", [unit_id, other])
    with pytest.raises(PromoCodeUnknown):
        check_guest_promo_code(scene.shop, token, "NONE", [unit_id])
    for unit_ids in ([], [unit_id, unit_id]):
        with pytest.raises(InvalidFields):
            check_guest_promo_code(scene.shop, token, "SALE", unit_ids)
    scene.unit("dunk", 7, availability=False)
    with pytest.raises(UnitsUnavailable):
        check_guest_promo_code(scene.shop, token, "SALE", [unit_id])


def test_a_log_in_merges_once_however_often_it_is_repeated(scene: Scene) -> None:
    anna, boris = scene.person("anna"), scene.person("boris")
    first, second, third = (scene.unit(name, 7) for name in ("dunk", "air", "force"))
    scene.fill_cart(anna.id, second)
    token = guest(scene, first, second, third)
    for _ in range(2):
        log_in(scene.shop, "anna", PASSWORD, token)
        assert scene.in_cart(anna.id) == (second, first, third)
    log_in(scene.shop, "boris", PASSWORD, token)
    assert scene.in_cart(boris.id) == ()
    refuse_everywhere(scene, token, first)


def test_a_registration_merges(scene: Scene) -> None:
    unit_id = scene.unit("dunk", 7)
    pair = register(scene.shop, Registration("anna", PASSWORD), token := guest(scene, unit_id))
    assert scene.in_cart(read_token(scene.shop, pair.access, "access").user_id) == (unit_id,)
    refuse_everywhere(scene, token, unit_id)


@pytest.mark.parametrize("token", [None, UNKNOWN, *MALFORMED], ids=lambda token: repr(token)[:40])
def test_a_log_in_is_not_refused_for_a_token_of_no_cart(scene: Scene, token: str | None) -> None:
    anna, unit_id = scene.person("anna"), scene.unit("dunk", 7)
    other = guest(scene, unit_id)
    log_in(scene.shop, "anna", PASSWORD, token)
    pair = register(scene.shop, Registration("boris", PASSWORD), token)
    boris = read_token(scene.shop, pair.access, "access").user_id
    assert (scene.in_cart(anna.id), scene.in_cart(boris), held(scene, other)) == ((), (), [unit_id])


def test_an_expired_cart_is_not_merged(scene: Scene) -> None:
    anna = scene.person("anna")
    token = guest(scene, scene.unit("dunk", 7))
    scene.clock.advance(days=30)
    log_in(scene.shop, "anna", PASSWORD, token)
    assert scene.in_cart(anna.id) == ()


def test_a_log_in_that_is_refused_merges_nothing(scene: Scene) -> None:
    anna, unit_id = scene.person("anna"), scene.unit("dunk", 7)
    token = guest(scene, unit_id)
    for username, password in (("anna", "wrong"), ("absent", PASSWORD)):
        with pytest.raises(BadCredentials):
            log_in(scene.shop, username, password, token)
    assert (scene.in_cart(anna.id), held(scene, token)) == ((), [unit_id])


def test_a_unit_that_became_unavailable_is_merged(scene: Scene) -> None:
    """It would stay in a user's cart, too."""
    anna, unit_id = scene.person("anna"), scene.unit("dunk", 7)
    token = guest(scene, unit_id)
    scene.unit("dunk", 7, availability=False)
    log_in(scene.shop, "anna", PASSWORD, token)
    assert scene.in_cart(anna.id) == (unit_id,)


def test_a_product_in_guests_carts_alone_can_be_deleted(scene: Scene) -> None:
    anna, goods, other = scene.person("anna"), scene.goods("dunk", unit_entry(7)), scene.unit("air", 100)
    token = guest(scene, goods.unit_id, other)
    delete_product(scene.shop, OPERATOR, goods.product_id, lambda _: True)
    assert held(scene, token) == [other]
    with pytest.raises(NotInCart):
        check_guest_promo_code(scene.shop, token, "SALE", [goods.unit_id])
    with pytest.raises(NotFound):
        remove_from_guest_cart(scene.shop, token, goods.unit_id)
    log_in(scene.shop, "anna", PASSWORD, token)
    assert scene.in_cart(anna.id) == (other,)


@pytest.mark.parametrize(
    ("guests", "own", "moved"),
    [
        ([], [], []),
        ([3, 1, 2], [], [3, 1, 2]),
        ([3, 1, 2], [1, 5], [3, 2]),
        ([1, 2, 3], range(10, 10 + MAX_CART - 2), [2, 3]),
        ([1, 10, 2, 3], range(10, 10 + MAX_CART - 2), [2, 3]),
        ([1, 2, 3], range(10, 10 + MAX_CART - 3), [1, 2, 3]),
        ([1, 2, 3], range(10, 10 + MAX_CART), []),
        (range(MAX_CART), [MAX_CART], range(1, MAX_CART)),
    ],
)
def test_the_newest_units_that_fit_are_merged(guests: Any, own: Any, moved: Any) -> None:
    assert units_to_merge(list(guests), list(own)) == list(moved)


def test_a_users_own_units_stay_and_later_ones_come_behind(scene: Scene) -> None:
    anna = scene.person("anna")
    own, theirs, later = (scene.unit(name, 7) for name in ("dunk", "air", "force"))
    scene.fill_cart(anna.id, own)
    log_in(scene.shop, "anna", PASSWORD, guest(scene, theirs))
    add_to_cart(scene.shop, anna.actor, anna.id, later)
    assert scene.in_cart(anna.id) == (own, theirs, later)


def test_the_lifetime_is_the_policys(scene: Scene) -> None:
    scene.shop = attrs.evolve(scene.shop, policy=attrs.evolve(scene.shop.policy, guest_cart_lifetime=timedelta(1)))
    token = guest(scene, scene.unit("dunk", 7))
    scene.clock.advance(days=1)
    with pytest.raises(GuestCartUnknown):
        read_guest_cart(scene.shop, token)
