"""Access rights: every use case that takes an actor, for every kind of actor."""

import inspect
from collections.abc import Callable
from datetime import date
from types import ModuleType

import attrs
import pytest

from sellout_adapters.testing.bank import Bank
from sellout_adapters.testing.credentials import code_at
from sellout_adapters.testing.laws.fulfilment.fulfilment import CONFIRM, cancel, deliver, pay
from sellout_adapters.testing.mailbox import Mailbox
from sellout_adapters.testing.scene import PASSWORD, checkout_request, product_entry, shoe_size, unit_entry
from sellout_core.audit import AuditQuery
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.catalogue.references import NewReference, ReferenceKind
from sellout_core.catalogue.stock import StockChange
from sellout_core.errors import Forbidden, NotFound, SellOutError, Unauthenticated
from sellout_core.events.subscriptions import Lane
from sellout_core.fulfilment.lifecycle import RefundState
from sellout_core.fulfilment.progress import LineRequest
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, Actor, NewAddress, PasswordChange, Registration
from sellout_core.people.identity import EmailChange
from sellout_core.people.second_factors import SecondFactor, SecondFactorCode
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.delivery import DeliveryKind
from sellout_core.shopping.ordering import Checkout, NewPromoCode
from sellout_core.shopping.sales import SalesKey, SalesQuery
from sellout_core.use_cases import audit, backlog, delivery_tariffs, mail, payments, personal_export, upkeep
from sellout_core.use_cases.catalogue import browsing, finding, pictures, products, references, stock
from sellout_core.use_cases.catalogue.importing import exporting, writing
from sellout_core.use_cases.catalogue.importing.entries import ProductEdit, UnitEdit
from sellout_core.use_cases.events import dispatching, order_events, order_mail, services, webhooks
from sellout_core.use_cases.people import (
    identity,
    passwords,
    registration,
    second_factors,
    sessions,
    user_management,
    users,
)
from sellout_core.use_cases.people.account import deletion, profile
from sellout_core.use_cases.people.account import sessions as own_sessions
from sellout_core.use_cases.shopping import (
    carts,
    checkout,
    fulfilment,
    guest_carts,
    orders,
    promo_codes,
    sales,
    tracking,
    wishlists,
)
from sellout_core.values import (
    AddressId,
    Money,
    OrderId,
    Percentage,
    PictureId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    SessionId,
    SizeId,
    SubscriptionId,
    UserId,
    WishlistUnitId,
)
from tests.unit.shop_scene import PICTURE, Goods, Person, Scene, storage_of

ABSENT = UserId(999)
BRAND = ReferenceKind.BRAND
STORED = StoredPicture("0" * 48, 1, 1)
WEBHOOK = webhooks.NewWebhook(url="https://erp.example/hook")
SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@attrs.define
class Stage:
    """A shop in which every use case succeeds for Anna."""

    scene: Scene
    anna: Person
    stranger: Person
    staff: Person
    goods: Goods
    in_cart: ProductUnitId
    address: NewAddress
    wished: WishlistUnitId
    ordered: OrderId
    paid: OrderId
    refunded: OrderId
    delivered: OrderId
    unused: ProductId
    picture: PictureId
    webhook: SubscriptionId

    @property
    def shop(self) -> Shop:
        return self.scene.shop

    @property
    def paying(self) -> Shop:
        """The shop with a payment provider."""
        return attrs.evolve(self.scene.shop, payment_provider=Bank())

    def lose_things(self) -> None:
        """Makes the ids of things with an owner those of things that do not exist."""
        self.wished = WishlistUnitId(999)
        self.ordered = self.delivered = OrderId(999)


@pytest.fixture
def stage(scene: Scene) -> Stage:
    anna, stranger, staff = scene.person("anna"), scene.person("stranger"), scene.staff()
    goods = scene.goods("dunk", unit_entry(7), unit_entry(9, shoe_size("42")), unit_entry(5, shoe_size("43")))
    sold, in_cart = goods.unit_ids[:2]
    ordered, paid, refunded, delivered = (
        checkout.check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, sold)).order for _ in range(4)
    )
    pay(scene, paid)
    pay(scene, refunded)
    cancel(scene, refunded)
    deliver(scene, delivered)
    scene.fill_cart(anna.id, in_cart)
    scene.promo_code("SALE", anna.id)
    references.add_reference(scene.shop, OPERATOR, BRAND, NewReference(name="another brand"))
    wished, _ = wishlists.add_to_wishlist(scene.shop, anna.actor, anna.id, goods.product_id, None)
    shown, _ = pictures.add_picture(scene.shop, OPERATOR, goods.product_id, STORED)
    return Stage(
        scene,
        anna,
        stranger,
        staff,
        goods,
        in_cart,
        NewAddress("Проспект Мира 111", "308033"),
        wished.id,
        ordered.id,
        paid.id,
        refunded.id,
        delivered.id,
        scene.goods("unused").product_id,
        shown.picture.id,
        webhooks.create_webhook(scene.shop, OPERATOR, WEBHOOK).id,
    )


def size_id(stage: Stage, number: str) -> SizeId:
    return stage.goods.size_ids[shoe_size(number)]


def address_id(stage: Stage) -> AddressId:
    return stage.scene.user_now(stage.anna.id).addresses[0].id


def session_id(stage: Stage) -> SessionId:
    return stage.scene.store.read(lambda tx: tx.sessions.of(stage.anna.id))[0].id


def begin(stage: Stage) -> SecondFactorCode:
    """Gives Anna a secret to confirm. Returns a code of it."""
    stage.scene.store.write(lambda tx: tx.second_factors.save(SecondFactor(stage.anna.id, SECRET)))
    return SecondFactorCode(code_at(SECRET, stage.scene.clock.now))


def turn_on(stage: Stage) -> SecondFactorCode:
    """Gives Anna a second factor. Returns a recovery code."""
    code = SecondFactorCode("ABCDEF-GHIJKL-MNOPQR-STUVWX")

    def work(tx: Transaction) -> None:
        tx.second_factors.save(SecondFactor(stage.anna.id, SECRET, is_on=True))
        tx.second_factors.replace_recovery_codes(stage.anna.id, [code.fingerprint])

    stage.scene.store.write(work)
    return code


def reset(stage: Stage, actor: Actor) -> object:
    """Resets the second factor of Anna."""
    turn_on(stage)
    return second_factors.reset_second_factor(stage.shop, actor, stage.anna.id, "en")


def unsubscribe(stage: Stage, actor: Actor) -> None:
    """Ends the subscription of a service, which the operator has made."""
    if actor == OPERATOR:
        services.subscribe_service(stage.shop, OPERATOR, "shelf")
    services.unsubscribe_service(stage.shop, actor, "shelf")


def a_checkout(stage: Stage) -> Checkout:
    return checkout_request(address_id(stage), stage.in_cart)


OfOneUser = Callable[[Stage, Actor, UserId], object]
OfTheShop = Callable[[Stage, Actor], object]

OF_ONE_USER: dict[Callable[..., object], OfOneUser] = {
    passwords.change_password: lambda on, actor, user: passwords.change_password(
        on.shop, actor, user, PasswordChange(PASSWORD, "another password")
    ),
    identity.read_email: lambda on, actor, user: identity.read_email(on.shop, actor, user),
    identity.change_email: lambda on, actor, user: identity.change_email(
        on.shop, actor, user, EmailChange(email="anna@shop.example", password=PASSWORD), "en"
    ),
    second_factors.read_second_factor: lambda on, actor, user: second_factors.read_second_factor(on.shop, actor, user),
    second_factors.begin_second_factor: lambda on, actor, user: second_factors.begin_second_factor(
        on.shop, actor, user, PASSWORD
    ),
    second_factors.confirm_second_factor: lambda on, actor, user: second_factors.confirm_second_factor(
        on.shop, actor, user, begin(on), "en"
    ),
    second_factors.renew_recovery_codes: lambda on, actor, user: second_factors.renew_recovery_codes(
        on.shop, actor, user, PASSWORD, turn_on(on), "en"
    ),
    second_factors.turn_off_second_factor: lambda on, actor, user: second_factors.turn_off_second_factor(
        on.shop, actor, user, PASSWORD, turn_on(on), "en"
    ),
    deletion.delete_account: lambda on, actor, user: deletion.delete_account(on.shop, actor, user, PASSWORD),
    personal_export.read_export: lambda on, actor, user: personal_export.read_export(on.shop, actor, user),
    personal_export.read_exported_orders: lambda on, actor, user: personal_export.read_exported_orders(
        on.shop, actor, user, lambda _: None
    ),
    own_sessions.read_sessions: lambda on, actor, user: own_sessions.read_sessions(on.shop, actor, user),
    own_sessions.end_session: lambda on, actor, user: own_sessions.end_session(on.shop, actor, user, session_id(on)),
    own_sessions.end_sessions: lambda on, actor, user: own_sessions.end_sessions(on.shop, actor, user),
    users.read_profile: lambda on, actor, user: users.read_profile(on.shop, actor, user),
    users.read_last_viewed: lambda on, actor, user: users.read_last_viewed(on.shop, actor, user),
    users.read_addresses: lambda on, actor, user: users.read_addresses(on.shop, actor, user),
    users.add_address: lambda on, actor, user: users.add_address(on.shop, actor, user, on.address),
    users.edit_address: lambda on, actor, user: users.edit_address(on.shop, actor, user, address_id(on), on.address),
    users.delete_address: lambda on, actor, user: users.delete_address(on.shop, actor, user, address_id(on)),
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
    order_events.read_order_events: lambda on, actor, user: order_events.read_order_events(on.shop, actor, user),
    order_events.begin_following: lambda on, actor, user: order_events.begin_following(on.shop, actor, user),
    orders.read_user_orders: lambda on, actor, user: orders.read_user_orders(on.shop, actor, user, lambda _: None),
}

OF_THEMSELVES: dict[Callable[..., object], OfOneUser] = {
    profile.change_profile: lambda on, actor, user: profile.change_profile(
        on.shop, actor, user, profile.ProfileChange(first_name="New"), lambda _: True
    ),
    own_sessions.end_other_sessions: lambda on, actor, user: own_sessions.end_other_sessions(
        on.shop, actor, user, session_id(on)
    ),
}

OF_STAFF: dict[Callable[..., object], OfTheShop] = {
    products.create_product: lambda on, actor: products.create_product(on.shop, actor, product_entry("created")),
    products.change_product: lambda on, actor: products.change_product(
        on.shop, actor, on.goods.product_id, ProductEdit(name="changed"), lambda _: True
    ),
    products.delete_product: lambda on, actor: products.delete_product(on.shop, actor, on.unused, lambda _: True),
    products.read_unit: lambda on, actor: products.read_unit(on.shop, actor, on.in_cart),
    products.create_unit: lambda on, actor: products.create_unit(
        on.shop, actor, on.goods.product_id, unit_entry(5, shoe_size("50"))
    ),
    products.change_unit: lambda on, actor: products.change_unit(
        on.shop, actor, on.in_cart, UnitEdit(final_price=Money(8)), lambda _: True
    ),
    pictures.require_product: lambda on, actor: pictures.require_product(on.shop, actor, on.unused),
    pictures.store_picture: lambda on, actor: pictures.store_picture(on.shop, actor, on.unused, PICTURE, "image/png"),
    pictures.add_picture: lambda on, actor: pictures.add_picture(on.shop, actor, on.unused, STORED),
    pictures.order_pictures: lambda on, actor: pictures.order_pictures(
        on.shop, actor, on.goods.product_id, [on.picture], lambda _: True
    ),
    pictures.delete_picture: lambda on, actor: pictures.delete_picture(on.shop, actor, on.goods.product_id, on.picture),
    stock.read_stock: lambda on, actor: stock.read_stock(on.shop, actor, on.in_cart),
    stock.change_stock: lambda on, actor: stock.change_stock(on.shop, actor, on.in_cart, StockChange(counted=5)),
    audit.read_audit: lambda on, actor: audit.read_audit(on.shop, actor, AuditQuery(), lambda _: None),
    references.add_reference: lambda on, actor: references.add_reference(
        on.shop, actor, BRAND, NewReference(name="new")
    ),
    references.change_reference: lambda on, actor: references.change_reference(
        on.shop, actor, BRAND, 1, references.ReferenceChange(name="new"), lambda _: True
    ),
    references.merge_reference: lambda on, actor: references.merge_reference(on.shop, actor, BRAND, 2, 1),
    user_management.change_user: lambda on, actor: user_management.change_user(
        on.shop, actor, on.anna.id, user_management.UserChange(first_name="New"), lambda _: True
    ),
    users.read_users: lambda on, actor: users.read_users(on.shop, actor, lambda _: None),
    users.read_user: lambda on, actor: users.read_user(on.shop, actor, on.anna.id),
    browsing.read_products: lambda on, actor: browsing.read_products(on.shop, actor, lambda _: None),
    browsing.read_product: lambda on, actor: browsing.read_product(on.shop, actor, on.goods.product_id),
    writing.import_products: lambda on, actor: writing.import_products(on.shop, actor, [product_entry("new")]),
    exporting.export_products: lambda on, actor: exporting.export_products(on.shop, actor, lambda _: None),
    orders.read_orders: lambda on, actor: orders.read_orders(on.shop, actor, lambda _: None),
    sales.read_sales: lambda on, actor: sales.read_sales(
        on.shop,
        actor,
        SalesQuery(first_day=date(2026, 3, 1), end_day=date(2026, 3, 2), by=SalesKey.BRAND),
    ),
    fulfilment.move_order: lambda on, actor: fulfilment.move_order(on.shop, actor, on.paid, CONFIRM),
    fulfilment.move_orders: lambda on, actor: fulfilment.move_orders(on.shop, actor, {on.paid: CONFIRM}),
    fulfilment.capture_payment: lambda on, actor: fulfilment.capture_payment(on.shop, actor, on.ordered, Money(7)),
    fulfilment.move_refunds: lambda on, actor: fulfilment.move_refunds(
        on.shop, actor, on.refunded, LineRequest(), RefundState.DONE
    ),
    webhooks.read_webhooks: lambda on, actor: webhooks.read_webhooks(on.shop, actor),
    webhooks.read_webhook: lambda on, actor: webhooks.read_webhook(on.shop, actor, on.webhook),
    webhooks.read_deliveries: lambda on, actor: webhooks.read_deliveries(on.shop, actor, on.webhook, lambda _: None),
    webhooks.create_webhook: lambda on, actor: webhooks.create_webhook(on.shop, actor, WEBHOOK),
    webhooks.change_webhook: lambda on, actor: webhooks.change_webhook(
        on.shop, actor, on.webhook, webhooks.WebhookChange(active=False), lambda _: True
    ),
    webhooks.replace_secret: lambda on, actor: webhooks.replace_secret(
        on.shop, actor, on.webhook, webhooks.WebhookSecret()
    ),
    webhooks.delete_webhook: lambda on, actor: webhooks.delete_webhook(on.shop, actor, on.webhook, lambda _: True),
    webhooks.ping_webhook: lambda on, actor: webhooks.ping_webhook(on.shop, actor, on.webhook),
    dispatching.replay_deliveries: lambda on, actor: dispatching.replay_deliveries(on.shop, actor, on.webhook),
    delivery_tariffs.change_delivery_tariffs: lambda on, actor: delivery_tariffs.change_delivery_tariffs(
        on.shop, actor, {DeliveryKind.COURIER: None}, lambda _: True
    ),
    promo_codes.read_promo_codes: lambda on, actor: promo_codes.read_promo_codes(on.shop, actor, lambda _: None),
    promo_codes.read_promo_code: lambda on, actor: promo_codes.read_promo_code(on.shop, actor, PromoCodeId(1)),
    promo_codes.read_promo_code_uses: lambda on, actor: promo_codes.read_promo_code_uses(
        on.shop, actor, PromoCodeId(1), lambda _: None
    ),
    promo_codes.change_promo_code: lambda on, actor: promo_codes.change_promo_code(
        on.shop, actor, PromoCodeId(1), promo_codes.PromoCodeChange(active=False), lambda _: True
    ),
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

OF_SUPERUSERS: dict[Callable[..., object], OfTheShop] = {second_factors.reset_second_factor: reset}

OF_AN_OWNER: dict[Callable[..., object], OfTheShop] = {
    wishlists.delete_from_wishlist: lambda on, actor: wishlists.delete_from_wishlist(on.shop, actor, on.wished),
    orders.read_order: lambda on, actor: orders.read_order(on.shop, actor, on.ordered),
    tracking.read_tracking: lambda on, actor: tracking.read_tracking(on.shop, actor, on.ordered),
    tracking.read_history: lambda on, actor: tracking.read_history(on.shop, actor, on.ordered, lambda _: None),
    payments.start_payment: lambda on, actor: payments.start_payment(on.paying, actor, on.ordered),
    fulfilment.cancel_order: lambda on, actor: fulfilment.cancel_order(on.shop, actor, on.ordered, LineRequest()),
    fulfilment.request_return: lambda on, actor: fulfilment.request_return(on.shop, actor, on.delivered, LineRequest()),
}

OF_ANYBODY: dict[Callable[..., object], OfTheShop] = {
    references.read_references: lambda on, actor: references.read_references(on.shop, actor, BRAND),
    references.read_reference: lambda on, actor: references.read_reference(on.shop, actor, BRAND, 1),
    delivery_tariffs.read_delivery_tariffs: lambda on, actor: delivery_tariffs.read_delivery_tariffs(on.shop, actor),
    pictures.read_pictures: lambda on, actor: pictures.read_pictures(on.shop, actor, on.goods.product_id),
    browsing.read_page: lambda on, actor: browsing.read_page(on.shop, actor, 1),
    browsing.read_facets: lambda on, actor: browsing.read_facets(on.shop, actor),
    browsing.read_units: lambda on, actor: browsing.read_units(on.shop, actor, on.goods.product_id),
    finding.read_card_by_sku: lambda on, actor: finding.read_card_by_sku(on.shop, actor, "dunk"),
    finding.read_card_by_slug: lambda on, actor: finding.read_card_by_slug(on.shop, actor, "nike-the-dunk"),
    finding.read_related: lambda on, actor: finding.read_related(on.shop, actor, on.goods.product_id),
    finding.suggest: lambda on, actor: finding.suggest(on.shop, actor, "dunk"),
    finding.read_size_prices: lambda on, actor: finding.read_size_prices(on.shop, actor, on.goods.product_id),
    browsing.read_card: lambda on, actor: browsing.read_card(on.shop, actor, on.goods.product_id),
    guest_carts.add_to_guest_cart: lambda on, actor: guest_carts.add_to_guest_cart(on.shop, actor, None, on.in_cart),
    browsing.view_card: lambda on, actor: browsing.view_card(on.shop, actor, on.goods.product_id, on.anna.id),
}

OF_THE_OPERATOR: dict[Callable[..., object], OfTheShop] = {
    registration.create_admin: lambda on, actor: registration.create_admin(
        on.shop, actor, Registration("root", PASSWORD)
    ),
    passwords.set_password: lambda on, actor: passwords.set_password(on.shop, actor, "anna", "another password"),
    backlog.read_backlog: lambda on, actor: backlog.read_backlog(on.shop, actor),
    mail.send_next_mail: lambda on, actor: mail.send_next_mail(on.shop, actor, Mailbox()),
    payments.settle_next_payment: lambda on, actor: payments.settle_next_payment(on.shop, actor),
    fulfilment.expire_unpaid_orders: lambda on, actor: fulfilment.expire_unpaid_orders(on.shop, actor),
    upkeep.delete_unused_files: lambda on, actor: upkeep.delete_unused_files(on.shop, actor),
    dispatching.has_work: lambda on, actor: dispatching.has_work(on.shop, actor),
    dispatching.dispatch_events: lambda on, actor: dispatching.dispatch_events(on.shop, actor),
    dispatching.take_lane: lambda on, actor: dispatching.take_lane(on.shop, actor),
    dispatching.settle_lane: lambda on, actor: dispatching.settle_lane(
        on.shop, actor, Lane(webhooks.read_webhook(on.shop, OPERATOR, on.webhook), ()), {}
    ),
    dispatching.delete_delivered_events: lambda on, actor: dispatching.delete_delivered_events(on.shop, actor),
    order_events.read_followed: lambda on, actor: order_events.read_followed(on.shop, actor, {on.anna.id: 0}),
    services.subscribe_order_mail: lambda on, actor: services.subscribe_order_mail(on.shop, actor),
    order_mail.write_order_mails: lambda on, actor: order_mail.write_order_mails(on.shop, actor),
    services.subscribe_service: lambda on, actor: services.subscribe_service(on.shop, actor, "warehouse"),
    services.unsubscribe_service: unsubscribe,
    services.deliver_to_service: lambda on, actor: services.deliver_to_service(
        on.shop, actor, "warehouse", lambda _: None
    ),
    upkeep.delete_expired: lambda on, actor: upkeep.delete_expired(on.shop, actor),
}


def name_of(thing: object) -> str | None:
    return getattr(thing, "__name__", None)


of_one_user = pytest.mark.parametrize("use_case", OF_ONE_USER, ids=name_of)
of_themselves = pytest.mark.parametrize("use_case", OF_THEMSELVES, ids=name_of)
of_staff = pytest.mark.parametrize("use_case", OF_STAFF, ids=name_of)
of_superusers = pytest.mark.parametrize("use_case", OF_SUPERUSERS, ids=name_of)
of_an_owner = pytest.mark.parametrize("use_case", OF_AN_OWNER, ids=name_of)
of_anybody = pytest.mark.parametrize("use_case", OF_ANYBODY, ids=name_of)
of_the_operator = pytest.mark.parametrize("use_case", OF_THE_OPERATOR, ids=name_of)


def refused(kind: type[SellOutError], call: Callable[[], object]) -> None:
    """Asserts that the call raises exactly this error."""
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
        audit,
        products,
        references,
        stock,
        browsing,
        finding,
        pictures,
        carts,
        checkout,
        deletion,
        delivery_tariffs,
        dispatching,
        exporting,
        identity,
        mail,
        guest_carts,
        fulfilment,
        tracking,
        orders,
        order_events,
        order_mail,
        payments,
        own_sessions,
        personal_export,
        promo_codes,
        sales,
        passwords,
        profile,
        registration,
        second_factors,
        services,
        sessions,
        backlog,
        upkeep,
        user_management,
        users,
        webhooks,
        wishlists,
        writing,
    )
    tables = [*OF_ONE_USER, *OF_THEMSELVES, *OF_STAFF, *OF_SUPERUSERS, *OF_AN_OWNER, *OF_ANYBODY, *OF_THE_OPERATOR]
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


TAKING_ACTORS_TO_EXIST = (
    wishlists.read_wished,
    wishlists.read_wishlist,
    orders.read_user_orders,
    order_events.read_order_events,
    order_events.begin_following,
    personal_export.read_exported_orders,
)
"""Use cases that only check that the authenticated user exists."""


@of_one_user
def test_a_user_who_does_not_exist_has_nothing(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(NotFound, lambda: OF_ONE_USER[use_case](stage, stage.staff.actor, ABSENT))
    if use_case not in TAKING_ACTORS_TO_EXIST:
        refused(NotFound, lambda: OF_ONE_USER[use_case](stage, Actor(ABSENT), ABSENT))


@of_themselves
def test_a_users_own_account_is_open_to_themselves_alone(stage: Stage, use_case: Callable[..., object]) -> None:
    for user in (stage.anna.id, ABSENT):
        refused(Unauthenticated, lambda user=user: OF_THEMSELVES[use_case](stage, ANONYMOUS, user))  # type: ignore[misc]
        for actor in (stage.stranger.actor, stage.staff.actor, OPERATOR):
            refused(Forbidden, lambda user=user, actor=actor: OF_THEMSELVES[use_case](stage, actor, user))  # type: ignore[misc]
    refused(NotFound, lambda: OF_THEMSELVES[use_case](stage, Actor(ABSENT), ABSENT))
    OF_THEMSELVES[use_case](stage, stage.anna.actor, stage.anna.id)


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


@of_superusers
def test_superusers_things_are_open_to_superusers_and_the_operator(
    stage: Stage, use_case: Callable[..., object]
) -> None:
    OF_SUPERUSERS[use_case](stage, Actor(stage.staff.id, is_staff=True, is_superuser=True))
    OF_SUPERUSERS[use_case](stage, OPERATOR)


@of_superusers
def test_superusers_things_are_closed_to_others(stage: Stage, use_case: Callable[..., object]) -> None:
    refused(Unauthenticated, lambda: OF_SUPERUSERS[use_case](stage, ANONYMOUS))
    for actor in (stage.anna.actor, stage.stranger.actor, stage.staff.actor):
        refused(Forbidden, lambda actor=actor: OF_SUPERUSERS[use_case](stage, actor))  # type: ignore[misc]


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
    stage.lose_things()
    refused(Unauthenticated, lambda: OF_AN_OWNER[use_case](stage, ANONYMOUS))


@of_an_owner
def test_a_thing_that_does_not_exist_is_not_found_by_anybody(stage: Stage, use_case: Callable[..., object]) -> None:
    stage.lose_things()
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


@pytest.mark.parametrize(
    "use_case",
    [*OF_ONE_USER, *OF_THEMSELVES, *OF_STAFF, *OF_SUPERUSERS, *OF_AN_OWNER, *OF_THE_OPERATOR],
    ids=name_of,
)
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
                tx.pictures.of_products([goods.product_id, stage.unused]),
                storage_of(stage.scene).names(),
                [tx.promo_codes.by_code(code) for code in ("SALE", "NEW")],
                tx.subscriptions.all(),
                tx.events.after(0, 1_000),
            )
        )

    def call(actor: Actor) -> object:
        if use_case in OF_ONE_USER | OF_THEMSELVES:
            return (OF_ONE_USER | OF_THEMSELVES)[use_case](stage, actor, stage.anna.id)
        return (OF_STAFF | OF_SUPERUSERS | OF_AN_OWNER | OF_THE_OPERATOR)[use_case](stage, actor)

    before = shop_state()
    for actor in (ANONYMOUS, stage.stranger.actor):
        with pytest.raises((Unauthenticated, Forbidden, NotFound)):
            call(actor)
    assert shop_state() == before
