"""Who may do what: every use case that takes an actor, against every kind of actor, written out."""

import inspect
from collections.abc import Callable
from datetime import date
from types import ModuleType

import attrs
import pytest

from sellout_adapters.testing.scene import PASSWORD, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.accounts import ANONYMOUS, OPERATOR, Actor, NewAddress, PasswordChange, Registration
from sellout_core.errors import Forbidden, NotFound, SellOutError, Unauthenticated
from sellout_core.ordering import Checkout, NewPromoCode
from sellout_core.shop import Shop
from sellout_core.use_cases import addresses, browsing, carts, checkout, orders, promo_codes, sessions, users, wishlists
from sellout_core.use_cases.importing import exporting, writing
from sellout_core.values import AddressId, OrderId, Percentage, ProductUnitId, SizeId, UserId, WishlistUnitId
from tests.unit.shop_scene import Goods, Person, Scene

ABSENT = UserId(999)


@attrs.define
class Stage:
    """A shop in which every use case can succeed for Anna."""

    scene: Scene
    anna: Person
    stranger: Person
    staff: Person
    goods: Goods
    in_cart: ProductUnitId
    address: NewAddress
    wished: WishlistUnitId
    ordered: OrderId

    @property
    def shop(self) -> Shop:
        return self.scene.shop


@pytest.fixture
def stage(scene: Scene) -> Stage:
    anna, stranger, staff = scene.person("anna"), scene.person("stranger"), scene.staff()
    goods = scene.goods("dunk", unit_entry(7), unit_entry(9, shoe_size("42")), unit_entry(5, shoe_size("43")))
    sold, in_cart = goods.unit_ids[:2]
    view = checkout.check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, sold))
    scene.fill_cart(anna.id, in_cart)
    scene.promo_code("SALE", anna.id)
    wished, _ = wishlists.add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    return Stage(
        scene,
        anna,
        stranger,
        staff,
        goods,
        in_cart,
        NewAddress("Проспект Мира 111", "308033"),
        wished.id,
        view.order.id,
    )


def size_id(stage: Stage, number: str) -> SizeId:
    return stage.goods.size_ids[shoe_size(number)]


def address_id(stage: Stage) -> AddressId:
    return stage.scene.user_now(stage.anna.id).addresses[0].id


def a_checkout(stage: Stage) -> Checkout:
    return checkout_request(address_id(stage), stage.in_cart)


OfOneUser = Callable[[Stage, Actor, UserId], object]
OfTheShop = Callable[[Stage, Actor], object]

OF_ONE_USER: dict[Callable[..., object], OfOneUser] = {
    sessions.change_password: lambda on, actor, user: sessions.change_password(
        on.shop, actor, user, PasswordChange(PASSWORD, "another password")
    ),
    users.read_profile: lambda on, actor, user: users.read_profile(on.shop, actor, user),
    users.read_last_viewed: lambda on, actor, user: users.read_last_viewed(on.shop, actor, user),
    addresses.read_addresses: lambda on, actor, user: addresses.read_addresses(on.shop, actor, user),
    addresses.add_address: lambda on, actor, user: addresses.add_address(on.shop, actor, user, on.address),
    addresses.edit_address: lambda on, actor, user: addresses.edit_address(
        on.shop, actor, user, address_id(on), on.address
    ),
    addresses.delete_address: lambda on, actor, user: addresses.delete_address(on.shop, actor, user, address_id(on)),
    wishlists.read_wished: lambda on, actor, user: wishlists.read_wished(on.shop, actor, user),
    wishlists.read_wishlist: lambda on, actor, user: wishlists.read_wishlist(on.shop, actor, user),
    wishlists.add_to_wishlist: lambda on, actor, user: wishlists.add_to_wishlist(
        on.shop, actor, user, on.goods.product_id, size_id(on, "42")
    ),
    wishlists.change_size: lambda on, actor, user: wishlists.change_size(
        on.shop, actor, user, on.wished, size_id(on, "42")
    ),
    carts.read_cart: lambda on, actor, user: carts.read_cart(on.shop, actor, user),
    carts.add_to_cart: lambda on, actor, user: carts.add_to_cart(on.shop, actor, user, on.goods.unit_ids[2]),
    carts.remove_from_cart: lambda on, actor, user: carts.remove_from_cart(on.shop, actor, user, on.in_cart),
    promo_codes.check_promo_code: lambda on, actor, user: promo_codes.check_promo_code(
        on.shop, actor, user, "SALE", [on.in_cart]
    ),
    checkout.check_out: lambda on, actor, user: checkout.check_out(on.shop, actor, user, a_checkout(on)),
    checkout.check_out_once: lambda on, actor, user: checkout.check_out_once(
        on.shop, actor, user, a_checkout(on), "key", lambda view: str(view.order.id).encode()
    ),
    orders.read_user_orders: lambda on, actor, user: orders.read_user_orders(on.shop, actor, user),
}

OF_STAFF: dict[Callable[..., object], OfTheShop] = {
    users.read_users: lambda on, actor: users.read_users(on.shop, actor, lambda _: None),
    users.read_user: lambda on, actor: users.read_user(on.shop, actor, on.anna.id),
    browsing.read_products: lambda on, actor: browsing.read_products(on.shop, actor, lambda _: None),
    browsing.read_product: lambda on, actor: browsing.read_product(on.shop, actor, on.goods.product_id),
    writing.import_products: lambda on, actor: writing.import_products(on.shop, actor, [product_entry("new")]),
    exporting.export_products: lambda on, actor: exporting.export_products(on.shop, actor, lambda _: None),
    orders.read_orders: lambda on, actor: orders.read_orders(on.shop, actor, lambda _: None),
    promo_codes.create_promo_code: lambda on, actor: promo_codes.create_promo_code(
        on.shop,
        actor,
        NewPromoCode(
            code="NEW",
            owner_id=on.anna.id,
            discount_percentage=Percentage(1),
            max_activation_count=1,
            active_until=date(2026, 12, 31),
        ),
    ),
}

OF_AN_OWNER: dict[Callable[..., object], OfTheShop] = {
    wishlists.delete_from_wishlist: lambda on, actor: wishlists.delete_from_wishlist(on.shop, actor, on.wished),
    orders.read_order: lambda on, actor: orders.read_order(on.shop, actor, on.ordered),
}

OF_ANYBODY: dict[Callable[..., object], OfTheShop] = {
    browsing.read_page: lambda on, actor: browsing.read_page(on.shop, actor, 1),
    browsing.read_facets: lambda on, actor: browsing.read_facets(on.shop, actor),
    browsing.read_units: lambda on, actor: browsing.read_units(on.shop, actor, on.goods.product_id),
    browsing.read_card: lambda on, actor: browsing.read_card(on.shop, actor, on.goods.product_id),
    browsing.view_card: lambda on, actor: browsing.view_card(on.shop, actor, on.goods.product_id, on.anna.id),
}

OF_THE_OPERATOR: dict[Callable[..., object], OfTheShop] = {
    sessions.create_admin: lambda on, actor: sessions.create_admin(on.shop, actor, Registration("root", PASSWORD)),
    sessions.set_password: lambda on, actor: sessions.set_password(on.shop, actor, "anna", "another password"),
}


def name_of(thing: object) -> str | None:
    return getattr(thing, "__name__", None)


of_one_user = pytest.mark.parametrize("use_case", OF_ONE_USER, ids=name_of)
of_staff = pytest.mark.parametrize("use_case", OF_STAFF, ids=name_of)
of_an_owner = pytest.mark.parametrize("use_case", OF_AN_OWNER, ids=name_of)
of_anybody = pytest.mark.parametrize("use_case", OF_ANYBODY, ids=name_of)
of_the_operator = pytest.mark.parametrize("use_case", OF_THE_OPERATOR, ids=name_of)


def refused(kind: type[SellOutError], call: Callable[[], object]) -> None:
    """The call is refused with exactly that error."""
    with pytest.raises(kind) as refusal:
        call()
    assert type(refusal.value) is kind


def taking_an_actor(module: ModuleType) -> set[Callable[..., object]]:
    return {
        thing
        for name, thing in vars(module).items()
        if inspect.isfunction(thing)
        and thing.__module__ == module.__name__
        and not name.startswith("_")
        and list(inspect.signature(thing).parameters)[:2] == ["shop", "actor"]
    }


def test_every_use_case_that_takes_an_actor_is_in_one_of_the_tables() -> None:
    modules = (
        addresses,
        browsing,
        carts,
        checkout,
        exporting,
        orders,
        promo_codes,
        sessions,
        users,
        wishlists,
        writing,
    )
    tables = [*OF_ONE_USER, *OF_STAFF, *OF_AN_OWNER, *OF_ANYBODY, *OF_THE_OPERATOR]
    assert set(tables) == set().union(*map(taking_an_actor, modules))
    assert len(tables) == len(set(tables))


@of_one_user
@pytest.mark.parametrize("who", ["self", "staff", "operator"])
def test_a_users_things_are_open_to_themselves_and_staff(
    stage: Stage, use_case: Callable[..., object], who: str
) -> None:
    actor = {"self": stage.anna.actor, "staff": stage.staff.actor, "operator": OPERATOR}[who]
    OF_ONE_USER[use_case](stage, actor, stage.anna.id)


@of_one_user
def test_a_users_things_are_closed_to_anonymous_actors(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(Unauthenticated, lambda: OF_ONE_USER[use_case](stage, ANONYMOUS, stage.anna.id))
    refused(Unauthenticated, lambda: OF_ONE_USER[use_case](stage, ANONYMOUS, ABSENT))


@of_one_user
def test_another_users_things_are_forbidden_whether_they_exist_or_not(
    stage: Stage, use_case: Callable[..., object]
) -> None:
    refused(Forbidden, lambda: OF_ONE_USER[use_case](stage, stage.stranger.actor, stage.anna.id))
    refused(Forbidden, lambda: OF_ONE_USER[use_case](stage, stage.stranger.actor, ABSENT))


TAKING_ACTORS_TO_EXIST = (wishlists.read_wished, wishlists.read_wishlist, orders.read_user_orders)
"""Those that would only ask whether there is somebody who was authenticated."""


@of_one_user
def test_a_user_who_does_not_exist_has_nothing(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(NotFound, lambda: OF_ONE_USER[use_case](stage, stage.staff.actor, ABSENT))
    if use_case not in TAKING_ACTORS_TO_EXIST:
        refused(NotFound, lambda: OF_ONE_USER[use_case](stage, Actor(ABSENT), ABSENT))


@of_staff
def test_staffs_things_are_open_to_staff(stage: Stage, use_case: Callable[..., object]) -> None:
    OF_STAFF[use_case](stage, stage.staff.actor)


@of_staff
def test_staffs_things_are_open_to_the_operator(stage: Stage, use_case: Callable[..., object]) -> None:
    OF_STAFF[use_case](stage, OPERATOR)


@of_staff
def test_staffs_things_are_closed_to_others(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(Unauthenticated, lambda: OF_STAFF[use_case](stage, ANONYMOUS))
    refused(Forbidden, lambda: OF_STAFF[use_case](stage, stage.anna.actor))


@of_an_owner
@pytest.mark.parametrize("who", ["self", "staff", "operator"])
def test_a_thing_with_an_owner_exists_for_them_and_staff(
    stage: Stage, use_case: Callable[..., object], who: str
) -> None:
    actor = {"self": stage.anna.actor, "staff": stage.staff.actor, "operator": OPERATOR}[who]
    OF_AN_OWNER[use_case](stage, actor)


@of_an_owner
def test_a_thing_with_an_owner_does_not_exist_for_another_user(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(NotFound, lambda: OF_AN_OWNER[use_case](stage, stage.stranger.actor))
    OF_AN_OWNER[use_case](stage, stage.anna.actor)


@of_an_owner
def test_a_thing_with_an_owner_is_closed_to_anonymous_actors_whether_it_exists_or_not(
    stage: Stage, use_case: Callable[..., object]
) -> None:
    refused(Unauthenticated, lambda: OF_AN_OWNER[use_case](stage, ANONYMOUS))
    stage.wished, stage.ordered = WishlistUnitId(999), OrderId(999)
    refused(Unauthenticated, lambda: OF_AN_OWNER[use_case](stage, ANONYMOUS))


@of_an_owner
def test_a_thing_that_does_not_exist_is_not_found_by_anybody(stage: Stage, use_case: Callable[..., object]) -> None:
    stage.wished, stage.ordered = WishlistUnitId(999), OrderId(999)
    for actor in (stage.anna.actor, stage.stranger.actor, stage.staff.actor, OPERATOR):
        refused(NotFound, lambda actor=actor: OF_AN_OWNER[use_case](stage, actor))  # type: ignore[misc]


@of_anybody
def test_the_catalogue_is_open_to_anybody(stage: Stage, use_case: Callable[..., object]) -> None:
    for actor in (ANONYMOUS, stage.anna.actor, stage.stranger.actor, stage.staff.actor, OPERATOR):
        OF_ANYBODY[use_case](stage, actor)


@of_the_operator
def test_the_operators_things_are_the_operators_alone(stage: Stage, use_case: Callable[..., object]) -> None:
    for actor in (ANONYMOUS, stage.anna.actor, stage.staff.actor):
        refused(Forbidden, lambda actor=actor: OF_THE_OPERATOR[use_case](stage, actor))  # type: ignore[misc]
    OF_THE_OPERATOR[use_case](stage, OPERATOR)


@pytest.mark.parametrize("use_case", [*OF_ONE_USER, *OF_STAFF, *OF_AN_OWNER, *OF_THE_OPERATOR], ids=name_of)
def test_a_refusal_changes_nothing(stage: Stage, use_case: Callable[..., object]) -> None:
    def shop_state() -> object:
        goods = stage.goods
        return stage.scene.store.read(
            lambda tx: (
                tx.users.after(0, 1_000),
                tx.orders.after(0, 1_000),
                [tx.carts.of(user.id) for user in tx.users.after(0, 1_000)],
                [tx.wishlists.of(user.id) for user in tx.users.after(0, 1_000)],
                tx.products.after(0, 100),
                tx.units.of_products([goods.product_id]),
                [tx.promo_codes.by_code(code) for code in ("SALE", "NEW")],
            )
        )

    def call(actor: Actor) -> object:
        if use_case in OF_ONE_USER:
            return OF_ONE_USER[use_case](stage, actor, stage.anna.id)
        return (OF_STAFF | OF_AN_OWNER | OF_THE_OPERATOR)[use_case](stage, actor)

    before = shop_state()
    for actor in (ANONYMOUS, stage.stranger.actor):
        with pytest.raises((Unauthenticated, Forbidden, NotFound)):
            call(actor)
    assert shop_state() == before
