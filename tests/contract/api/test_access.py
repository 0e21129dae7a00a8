"""Access rights over HTTP: each operation for each kind of caller, with every kind of bad token.

The cases are derived from the operation table, so they include new operations. The response to a caller without rights
is the same as for an object that does not exist, byte for byte, and changes nothing.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

import attrs
import httpx2
import jwt
import pytest

from sellout_adapters.testing.laws.fulfilment.fulfilment import WAYS
from sellout_adapters.testing.scene import checkout_request, product_entry
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.catalogue.references import NewReference, ReferenceKind
from sellout_core.events.subscriptions import MAX_SUBSCRIPTIONS
from sellout_core.fulfilment.progress import LineRequest
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, NewAddress, PasswordChange, Registration
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import NewPromoCode, PromoCode
from sellout_core.use_cases.catalogue.pictures import add_picture
from sellout_core.use_cases.catalogue.products import create_product
from sellout_core.use_cases.catalogue.references import add_reference
from sellout_core.use_cases.events.webhooks import NewWebhook, create_webhook, delete_webhook, read_webhooks
from sellout_core.use_cases.payments import start_payment
from sellout_core.use_cases.people import passwords, registration, sessions, users
from sellout_core.use_cases.people.identity import verify_email
from sellout_core.use_cases.shopping import carts, checkout, fulfilment, guest_carts, orders, wishlists
from sellout_core.use_cases.shopping.promo_codes import create_promo_code
from sellout_core.values import MAX_ID, OrderId, Percentage, ProductId, ProductUnitId, SizeId, SubscriptionId, UserId
from sellout_http.api.operations import TEXT_IDS, Access, Operation
from sellout_http.routes import OPERATIONS
from sellout_http.schemas.requests.fulfilment import (
    CancelOrderRequest,
    MoveOrderRequest,
    MoveOrdersRequest,
    PaymentRequest,
    RefundRequest,
    ReturnRequest,
)
from sellout_http.schemas.requests.identity import (
    BeginSecondFactorRequest,
    ChangeEmailRequest,
    ChangeSecondFactorRequest,
    ConfirmSecondFactorRequest,
    ForgotPasswordRequest,
    ResetPasswordRequest,
    VerifyEmailRequest,
)
from sellout_http.schemas.requests.people import (
    AddressRequest,
    ChangePasswordRequest,
    DeletionRequest,
    LogInRequest,
    ProfilePatch,
    RefreshRequest,
    RegisterRequest,
    UserPatch,
    VerifyRequest,
)
from sellout_http.schemas.requests.products import ImageOrder
from sellout_http.schemas.requests.references import NewRow, RowPatch
from sellout_http.schemas.requests.shopping import (
    CheckoutRequest,
    NewPromoCodeRequest,
    PromoCodeCheckRequest,
    PromoCodePatch,
)
from sellout_http.schemas.requests.webhooks import NewWebhookRequest, WebhookPatch, WebhookSecretRequest
from tests.contract.support.buyer import change_user, order_body
from tests.contract.support.mailed import MAILED, address_of, verifying_token
from tests.contract.support.requests import BODIES, content_of, headers_of, query_of, row_body, valid_body
from tests.contract.support.second_factors import CODES
from tests.contract.support.secrecy import GUEST, KEY
from tests.contract.support.shop import PASSWORDS, STAFF_ID, Served, everything_in, log_in

pytestmark = pytest.mark.http

ABSENT: Final = 987_654_321
NAMES: Final = itertools.count(1)
FOREIGN: Final = {"address_id", "wishlist_unit_id", "order_id", "session_id"}
"""Ids of objects that have an owner. The catalogue has none."""

Headers = list[tuple[str, str]]
each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda made: f"{made.method} {made.path}")


@attrs.frozen
class Customer:
    """The tokens of a user, and the ids of the user's objects."""

    headers: dict[str, str]
    refresh: str
    ids: Mapping[str, Any]
    shop: Shop
    password: str = "a password"

    @property
    def user_id(self) -> UserId:
        return UserId(self.ids["user_id"])

    @property
    def access(self) -> str:
        return self.headers["Authorization"].removeprefix("Bearer ")


def new_promo_code(shop: Shop, code: str) -> PromoCode:
    """Adds a promo code."""
    new = NewPromoCode(
        code=code,
        owner_id=UserId(STAFF_ID),
        discount_percentage=Percentage(1),
        max_activation_count=1,
        active_until=date(2099, 12, 31),
    )
    return create_promo_code(shop, OPERATOR, new).promo_code


def new_webhook(shop: Shop) -> SubscriptionId:
    """Adds a webhook, in place of the oldest one if the shop has many."""
    known = read_webhooks(shop, OPERATOR)
    if len(known) > MAX_SUBSCRIPTIONS // 2:
        delete_webhook(shop, OPERATOR, known[1].id, lambda _: True)
    return create_webhook(shop, OPERATOR, NewWebhook(url="https://crm.example/hook")).id


def customer(shop: Shop) -> Customer:
    """Registers a user with an address, an order of unit 2, unit 1 in the cart, and product 1 in the wishlist. Unit 1
    is in the guest's cart, too.
    """
    username = f"customer{next(NAMES)}"
    pair = registration.register(shop, Registration(username, "a password"))
    user_id = sessions.read_token(shop, pair.access, "access").user_id
    address = users.add_address(shop, OPERATOR, user_id, NewAddress("Проспект Мира 111", "308033"))
    verify_email(shop, verifying_token(shop, user_id, "a password"), "en")
    for unit_id in (1, 2):
        carts.add_to_cart(shop, OPERATOR, user_id, ProductUnitId(unit_id))
    placed = checkout.check_out(shop, OPERATOR, user_id, checkout_request(address.id, ProductUnitId(2)))
    wished, _ = wishlists.add_to_wishlist(shop, OPERATOR, user_id, ProductId(1), SizeId(1))
    guest_carts.add_to_guest_cart(shop, ANONYMOUS, GUEST, ProductUnitId(1))
    number = next(NAMES)
    rows = {
        f"{kind.noun}_id": add_reference(shop, OPERATOR, kind, NewReference(name=f"{kind.noun} {number}")).id
        for kind in ReferenceKind
    }
    spare = create_product(shop, OPERATOR, product_entry(f"spare {number}"))
    image, _ = add_picture(shop, OPERATOR, spare.product.id, StoredPicture(f"{number:048x}", 1, 1))
    other_session = sessions.log_in(shop, username, "a password")
    ids: dict[str, Any] = {
        **rows,
        "provider": "bank",
        "session_id": sessions.read_token(shop, other_session.access, "access").session_id,
        "spare_product_id": spare.product.id,
        "image_id": image.picture.id,
        "into_id": 1,
        "user_id": user_id,
        "address_id": address.id,
        "order_id": placed.order.id,
        "wishlist_unit_id": wished.id,
        "product_id": 1,
        "size_id": 2,
        "product_unit_id": 1,
        "num_page": 1,
        "promo_code_id": new_promo_code(shop, f"code{number}").id,
        "webhook_id": new_webhook(shop),
    }
    return Customer({"Authorization": f"Bearer {pair.access}"}, pair.refresh, ids, shop)


def body_of(operation: Operation, who: Customer) -> Any:
    """A valid body of an operation that refers to the user's objects."""
    shop, of_mail = who.shop, MAILED.get(operation.handler.__name__)
    token = of_mail(shop, who.user_id, who.password) if of_mail is not None else ""
    of_factor = CODES.get(operation.handler.__name__)
    code = of_factor(shop, who.user_id) if of_factor is not None else ""
    made: dict[type, Any] = {
        BeginSecondFactorRequest: {"password": who.password},
        ConfirmSecondFactorRequest: {"code": code},
        ChangeSecondFactorRequest: {"code": code, "password": who.password},
        ChangeEmailRequest: {"email": f"new{next(NAMES)}@shop.example", "password": who.password},
        VerifyEmailRequest: {"token": token},
        ForgotPasswordRequest: {"email": address_of(who.user_id)},
        ResetPasswordRequest: {"token": token, "new_password": who.password},
        RegisterRequest: {"username": f"newcomer{next(NAMES)}", "password": "a password"},
        LogInRequest: {"username": "noadmin", "password": PASSWORDS["noadmin"]},
        ChangePasswordRequest: {"old_password": "a password", "new_password": "a better password"},
        RefreshRequest: {"refresh": who.refresh},
        VerifyRequest: {"token": who.access},
        AddressRequest: {"address": "Невский 1", "post_index": "190000"},
        CheckoutRequest: order_body(1, address_id=who.ids["address_id"]),
        PromoCodeCheckRequest: {"promo_code": "SALE", "product_unit": [1]},
        NewPromoCodeRequest: {
            **BODIES["POST", "/promo"],
            "string_representation": f"code {next(NAMES)}",
        },
        ImageOrder: {"images": [who.ids["image_id"]]},
        DeletionRequest: {"password": "a password"},
        ProfilePatch: {"first_name": "New", "main_address_id": None},
        UserPatch: BODIES["PATCH", "/user/{user_id}"],
        PromoCodePatch: BODIES["PATCH", "/promo/{promo_code_id}"],
        NewWebhookRequest: BODIES["POST", "/webhook"],
        WebhookPatch: BODIES["PATCH", "/webhook/{webhook_id}"],
        WebhookSecretRequest: BODIES["POST", "/webhook/{webhook_id}/secret"],
        PaymentRequest: {"captured": 1},
        MoveOrderRequest: {"to": "confirmed"},
        MoveOrdersRequest: {"moves": [{"order": who.ids["order_id"], "to": "confirmed"}]},
        CancelOrderRequest: {"product_unit": [2]},
        ReturnRequest: {"product_unit": [2]},
        RefundRequest: {"to": "done"},
    }
    if operation.body is None:
        return None
    if issubclass(operation.body, NewRow | RowPatch):
        return row_body(ReferenceKind[operation.path.split("/")[1].upper()], f"row {next(NAMES)}")
    return made.get(operation.body) or valid_catalogue_body(operation)


def valid_catalogue_body(operation: Operation) -> Any:
    """A valid body of a change of the catalogue, with names that no other call has sent."""
    body = valid_body(operation) or {}
    fresh = {"sku": f"sku {next(NAMES)}", "platform": f"platform {next(NAMES)}"}
    return {**body, **{name: value for name, value in fresh.items() if name in body}}


def ids_of(operation: Operation, who: Customer) -> dict[str, Any]:
    """The ids of the user's objects in the operation's path."""
    ids = {name: who.ids[name] for name in operation.id_names}
    if operation.handler.__name__ == "delete_product" or "/images" in operation.path:
        ids["product_id"] = who.ids["spare_product_id"]
    if operation.path.startswith("/order/cart_add/"):
        ids["product_unit_id"] = 2  # Unit 1 is in the cart already.
    return ids


def make_ready(shop: Shop, operation: Operation, order_id: OrderId) -> None:
    """Pays and moves an order as far as an operation needs it."""
    name = operation.handler.__name__
    if name == "take_notice":
        start_payment(shop, OPERATOR, OrderId(1))
    if name not in {"move_order", "move_orders", "request_return", "move_refunds"}:
        return
    order = orders.read_order(shop, OPERATOR, order_id).order
    fulfilment.capture_payment(shop, OPERATOR, order_id, order.total)
    if name == "request_return":
        for request in WAYS:
            fulfilment.move_order(shop, OPERATOR, order_id, request)
    if name == "move_refunds":
        fulfilment.cancel_order(shop, OPERATOR, order_id, LineRequest())


def call(
    client: httpx2.Client, operation: Operation, ids: Mapping[str, Any], headers: Any = None, body: Any = None
) -> httpx2.Response:
    sent = dict(headers or {}).items() if headers is None or isinstance(headers, dict) else headers
    every = [*sent, *headers_of(operation).items()]
    path = operation.path.format(**ids) + query_of(operation)
    return client.request(operation.method, path, headers=every, **content_of(operation, body))


def visible_parts(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    """The parts of a response that must not differ: all but the date, the request id, and the server's handling of the
    connection.
    """
    headers = {
        name: value for name, value in response.headers.items() if name not in {"date", "connection", "x-request-id"}
    }
    return response.status_code, response.content, headers


@attrs.frozen
class World:
    """The served demo shop and its callers."""

    served: Served
    mine: Customer
    other: Customer
    staff: dict[str, str]
    demoted: Customer
    deactivated: Customer
    logged_out: Customer
    with_another_password: Customer

    @property
    def client(self) -> httpx2.Client:
        return self.served.client

    @property
    def shop(self) -> Shop:
        return self.served.shop


@pytest.fixture(scope="module")
def world(shared: Served) -> World:
    """Callers whose tokens are older than the change of their rights."""
    shop = shared.shop
    mine, other, demoted, deactivated, logged_out, with_another_password = (customer(shop) for _ in range(6))
    change_user(shop, demoted.user_id, is_staff=True, is_superuser=True)
    assert shared.client.get("/user", headers=demoted.headers).status_code == 200
    change_user(shop, demoted.user_id, is_staff=False)
    change_user(shop, deactivated.user_id, is_active=False)
    sessions.log_out(shop, sessions.read_token(shop, logged_out.access, "access"))
    change = PasswordChange("a password", "a better password")
    passwords.change_password(shop, OPERATOR, with_another_password.user_id, change)
    staff = log_in(shared.client, "artem")
    return World(shared, mine, other, staff, demoted, deactivated, logged_out, with_another_password)


@each_operation
def test_those_who_may_are_let_through(world: World, operation: Operation) -> None:
    """An operation succeeds for each kind of caller that its access allows. Staff may use objects of any user."""
    callers: dict[str, Callable[[Customer], dict[str, str] | None]] = {
        "staff": lambda _: world.staff,
        "self": lambda who: who.headers,
        "anonymous": lambda _: None,
    }
    allowed = {Access.ADMIN: ["staff"], Access.USER: ["staff", "self"], Access.ANON: list(callers)}
    for name in allowed[operation.access]:
        who = customer(world.shop)
        ids = ids_of(operation, who)
        make_ready(world.shop, operation, OrderId(who.ids["order_id"]))
        response = call(world.client, operation, ids, callers[name](who), body_of(operation, who))
        if name == "staff" and operation.path == "/user/logout":
            world.staff.update(log_in(world.client, "artem"))
        assert response.status_code == operation.statuses[0], (name, response.text)
        assert response.headers["content-type"] == "application/json"


@attrs.frozen
class Refusal:
    """A call that is refused with this status. With the ids in `absent`, which do not exist, it must get the same
    response.
    """

    caller: str
    headers: Any
    ids: Mapping[str, Any]
    status: int
    absent: Mapping[str, Any] | None = None
    good_body: bool = True


def absent_id(name: str) -> Any:
    """A well-formed id that does not exist."""
    return "f" * 16 if name in TEXT_IDS else ABSENT


def refusals(world: World, operation: Operation) -> Iterator[Refusal]:
    """All calls of an operation that are refused because of the caller's rights or the object's owner."""
    mine = ids_of(operation, world.mine)
    nowhere = {name: absent_id(name) for name in operation.id_names}
    for caller, who in (
        ("deactivated", world.deactivated),
        ("logged out", world.logged_out),
        ("issued before a password change", world.with_another_password),
    ):
        yield Refusal(caller, who.headers, ids_of(operation, who), 401, nowhere)
    if operation.access is not Access.ANON:
        yield Refusal("anonymous", None, mine, 401, nowhere)
        yield Refusal("anonymous with a bad body", None, mine, 401, nowhere, good_body=False)
    if operation.access is Access.ADMIN:
        for caller, who in (("a customer", world.mine), ("demoted staff", world.demoted)):
            yield Refusal(caller, who.headers, mine, 403, nowhere)
            yield Refusal(caller, who.headers, ids_of(operation, world.other), 403, nowhere)
    elif operation.access is Access.USER and "user_id" in operation.id_names:
        theirs = ids_of(operation, world.other)
        for caller, who in (("another user", world.mine), ("demoted staff", world.demoted)):
            for user_id in (world.other.user_id, STAFF_ID, world.deactivated.user_id):
                absent = {**theirs, "user_id": ABSENT}
                yield Refusal(caller, who.headers, {**theirs, "user_id": user_id}, 403, absent)
                yield Refusal(caller, who.headers, {**nowhere, "user_id": user_id}, 403, absent)
                yield Refusal(caller + " with a bad body", who.headers, theirs, 403, absent, good_body=False)
        yield Refusal("staff on an absent user", world.staff, {**mine, "user_id": ABSENT}, 404, nowhere)
        yield Refusal("staff on an absent user", world.staff, {**mine, "user_id": MAX_ID}, 404, nowhere)
    callers = {"staff": world.staff, **({} if operation.access is Access.ADMIN else {"self": world.mine.headers})}
    for name in operation.id_names:
        if name == "num_page" or (name == "user_id" and operation.access is not Access.ADMIN):
            continue
        for caller, headers in callers.items():
            absent = {**mine, name: absent_id(name)}
            yield Refusal(f"{caller} on an absent {name}", headers, absent, 404, {**mine, name: MAX_ID})
            if name in FOREIGN and (caller == "self" or "user_id" in operation.id_names):
                theirs = {**mine, name: world.other.ids[name]}
                yield Refusal(f"{caller} on another's {name}", headers, theirs, 404, absent)


@each_operation
def test_a_refusal_says_nothing_of_what_exists_and_changes_nothing(world: World, operation: Operation) -> None:
    """A refusal (401, 403 or 404, see docs/http-contract.md#access) is the same, byte for byte, whether or not the
    object exists.
    """
    before = everything_in(world.shop)
    cells = list(refusals(world, operation))
    assert cells
    for cell in cells:
        body = body_of(operation, world.mine) if cell.good_body else None if operation.body is None else {"x": 1}
        response = call(world.client, operation, cell.ids, cell.headers, body)
        assert response.status_code == cell.status, (cell.caller, cell.ids, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers.get("www-authenticate") == (
            None if cell.status != 401 else "Bearer" if cell.headers is None else 'Bearer error="invalid_token"'
        )
        if cell.absent is not None:
            assert visible_parts(response) == visible_parts(
                call(world.client, operation, cell.absent, cell.headers, body)
            ), cell.caller
    assert everything_in(world.shop) == before


def test_another_users_address_in_a_checkout_is_as_one_that_does_not_exist(world: World) -> None:
    """Both get the same 422, even if staff order for a user."""
    (operation,) = [made for made in OPERATIONS if made.body is CheckoutRequest]
    before = everything_in(world.shop)
    for headers in (world.mine.headers, world.staff):
        answers = [
            call(
                world.client,
                operation,
                ids_of(operation, world.mine),
                headers,
                {**body_of(operation, world.mine), "address_id": address_id},
            )
            for address_id in (ABSENT, world.other.ids["address_id"], 1)
        ]
        assert [answer.status_code for answer in answers] == [422, 422, 422]
        assert answers[0].json()["code"] == "unknown_address"
        assert len({answer.content for answer in answers}) == 1
    assert everything_in(world.shop) == before


def test_a_card_for_another_user_is_the_anonymous_card(world: World) -> None:
    """It is not noted as a view of that user. The card for an absent user is the same, even for staff."""
    anonymous = world.client.get("/product_unit/product_main/1/0")
    assert anonymous.json()["in_wishlist"] is False
    before = everything_in(world.shop)
    other, absent = (f"/product_unit/product_main/1/{user_id}" for user_id in (world.other.user_id, ABSENT))
    for headers, url in (
        (None, other),
        (None, absent),
        (world.mine.headers, other),
        (world.mine.headers, absent),
        (world.demoted.headers, other),
        (world.staff, absent),
    ):
        assert world.client.get(url, headers=headers).content == anonymous.content, (headers, url)
    assert everything_in(world.shop) == before
    assert world.client.get(other, headers=world.staff).json()["in_wishlist"] is True


def test_who_was_staff_keeps_what_is_their_own(world: World) -> None:
    """A former member of staff can still use the old token for their own objects."""
    assert world.client.get(f"/wishlist/{world.demoted.user_id}", headers=world.demoted.headers).status_code == 200
    (order,) = world.client.get("/order/user_orders", headers=world.demoted.headers).json()
    assert order["user"]["is_staff"] is False


def test_rights_given_and_taken_count_at_once(world: World) -> None:
    """A change of rights applies to the next request with the same token."""
    who = customer(world.shop)
    answers = []
    for changes in ({"is_staff": True}, {"is_staff": False}, {"is_active": False}, {"is_active": True}):
        change_user(world.shop, who.user_id, **changes)
        answers.append(world.client.get("/user", headers=who.headers).status_code)
    assert answers == [200, 403, 401, 403]


def forged(access: str, *, key: str | None = KEY, algorithm: str = "HS256", **changes: Any) -> str:
    """A token with changed claims. A claim whose value is `...` is left out."""
    claims = {**jwt.decode(access, KEY, algorithms=["HS256"], options={"verify_exp": False}), **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not ...}, key or "", algorithm)


def bad_tokens(world: World) -> dict[str, str]:
    """Tokens that the shop did not issue to the caller, or that are not valid any more, by what is wrong with them."""
    access, now = world.mine.access, world.shop.clock()
    header, payload, signature = access.split(".")
    hour, day = timedelta(hours=1), timedelta(days=1)
    without: dict[str, dict[str, Any]] = {name: {name: ...} for name in ("exp", "iat", "jti", "user_id", "token_type")}
    # The token of user 1, so that its `user_id` is wrong in form alone where a lenient parser reads 1.
    first = world.staff["Authorization"].removeprefix("Bearer ")
    user_ids: tuple[Any, ...] = ("1", True, 1.0, [1], {"id": 1}, None, 0, -1, 2**53, 2**70)
    return {
        "refresh as access": world.mine.refresh,
        "past the last year": forged(access, exp=2**40),
        "far past the last year": forged(access, exp=2**70),
        "before the first year": forged(access, iat=-(2**40)),
        "expired": forged(access, iat=int((now - 2 * day).timestamp()), exp=int((now - day).timestamp())),
        "expired this second": forged(access, exp=int(now.timestamp())),
        "issued in the future": forged(access, iat=int((now + hour).timestamp())),
        "not yet valid": forged(access, nbf=int((now + hour).timestamp())),
        "alg none": forged(access, key=None, algorithm="none"),
        "alg none with a signature": forged(access, key=None, algorithm="none") + signature,
        "HS512": forged(access, algorithm="HS512", key=KEY * 2),
        "HS512 with our key": forged(access, algorithm="HS512", key=KEY.ljust(64, "\0")),
        "HS384": forged(access, algorithm="HS384", key=KEY * 2),
        "wrong key": forged(access, key=KEY[::-1]),
        "swapped payload": ".".join((header, world.other.access.split(".")[1], signature)),
        "swapped signature": ".".join((header, payload, world.other.access.split(".")[2])),
        "cut signature": access[:-6],
        "no signature": f"{header}.{payload}.",
        "two parts": f"{header}.{payload}",
        "four parts": f"{access}.{signature}",
        "not a token": "x",
        "over-long": f"{access}.{'x' * 4096}",
        "of no type": forged(access, token_type="id"),
        "of a type in capitals": forged(access, token_type="ACCESS"),
        "another's session": forged(access, jti=_claim(world.other.access, "jti")),
        "another user": forged(access, user_id=world.other.user_id),
        "an absent user": forged(access, user_id=ABSENT),
        "no existing session": forged(access, jti="0" * 32),
        "jti of another form": forged(access, jti=_claim(access, "jti").upper() + "A"),
        "jti a number": forged(access, jti=7),
        "exp as text": forged(access, exp=str(_claim(access, "exp"))),
        "exp with a fraction": forged(access, exp=_claim(access, "exp") + 0.5),
        "iat as text": forged(access, iat=str(_claim(access, "iat"))),
        **{f"without {name}": forged(access, **changes) for name, changes in without.items()},
        **{f"user_id {user_id!r}": forged(first, user_id=user_id) for user_id in user_ids},
    }


def _claim(token: str, name: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})[name]


def bad_headers(world: World) -> dict[str, Headers]:
    """Authorization headers that are not a single bearer token, by what is wrong with them."""
    access = world.mine.access
    single = {
        "empty": "",
        "scheme alone": "Bearer",
        "token alone": access,
        "another scheme": f"Token {access}",
        "basic": "Basic bm9hZG1pbjpzZWxsb3V0LWRlbW8=",
        "no space": f"Bearer{access}",
        "tab": f"Bearer\t{access}",
        "two tokens": f"Bearer {access} {access}",
        "joined": f"Bearer {access}, Bearer {access}",
        "quoted": f'Bearer "{access}"',
        "scheme twice": f"Bearer Bearer {access}",
        "null": "Bearer null",
    }
    doubled = {
        "doubled": [("Authorization", f"Bearer {access}")] * 2,
        "doubled with staff's": [
            ("Authorization", f"Bearer {access}"),
            ("Authorization", world.staff["Authorization"]),
        ],
        "doubled with an empty one": [("Authorization", f"Bearer {access}"), ("authorization", "")],
    }
    return {**{name: [("Authorization", value)] for name, value in single.items()}, **doubled}


@each_operation
def test_a_bad_token_is_refused_everywhere(world: World, operation: Operation) -> None:
    """Each bad token gets a 401 with WWW-Authenticate, even where no token is needed. Nothing changes."""
    headers: dict[str, Headers] = {
        name: [("Authorization", f"Bearer {token}")] for name, token in bad_tokens(world).items()
    }
    before = everything_in(world.shop)
    ids, body = ids_of(operation, world.mine), body_of(operation, world.mine)
    answers = {
        name: call(world.client, operation, ids, sent, body) for name, sent in {**headers, **bad_headers(world)}.items()
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    (content,) = {answer.content for answer in answers.values()}
    assert b'"code":"unauthenticated"' in content
    assert {answer.headers["content-type"] for answer in answers.values()} == {"application/problem+json"}
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {'Bearer error="invalid_token"'}
    assert everything_in(world.shop) == before


def test_a_token_forged_with_nothing_changed_is_good(world: World) -> None:
    """This shows that the forged tokens above are refused because of the changed claims."""
    headers = {"Authorization": f"Bearer {forged(world.mine.access)}"}
    assert world.client.get(f"/wishlist/{world.mine.user_id}", headers=headers).status_code == 200


def test_the_schemes_name_is_written_in_any_case(world: World) -> None:
    """The scheme is case-insensitive (RFC 9110, section 11.1)."""
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{scheme} {world.mine.access}"}
        assert world.client.get("/order/user_orders", headers=headers).status_code == 200
