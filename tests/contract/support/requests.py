"""A valid request for every operation. On the demo shop each succeeds, so a test can make one part of it invalid."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx2

from sellout_adapters import demo
from sellout_adapters.payments.signed import signed
from sellout_adapters.testing.bank import Bank
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.values import UserId
from sellout_http.api.operations import Operation
from sellout_http.api.queries.query_parameters import CART_TOKEN, IF_MATCH
from sellout_http.routes import OPERATIONS
from tests.contract.support.buyer import ADDRESS, order_body
from tests.contract.support.mailed import MAILED, SHOPS
from tests.contract.support.pictures import PICTURE
from tests.contract.support.second_factors import CODES
from tests.contract.support.secrecy import GUEST
from tests.contract.support.shop import CUSTOMER_ID, SESSION_ID

CHECKOUT: Final = order_body(1, 2, address_id=1, promo_code=demo.PROMO_CODE, total_amount=10000)
RECIPIENT: Final = {
    "name": "Имя",
    "surname": "Фамилия",
    "telephone": "79990001122",
    "patronymic": "Отчество",
    "email": "mail@mail.ru",
    "comment": "домофон 24",
}
DELIVERY: Final = {"kind": "pick_up_point", "pick_up_point": "MSK-5", "address": None, "one_parcel": True}
COURIER: Final = {"kind": "courier", "address": ADDRESS}


def row_body(kind: ReferenceKind, name: str) -> dict[str, Any]:
    """A row of a reference table, or a change of one."""
    if kind is ReferenceKind.PLATFORM:
        return {"platform": name, "site": "/new"}
    return {"name": name} | ({"parent_id": None} if kind is ReferenceKind.CATEGORY else {})


PRODUCT: Final = {
    "sku": "new",
    "name": "New",
    "gender": "M",
    "add_date": "2026-01-31",
    "description": "New",
    "bucket_link": "/new",
    "brands": ["Nike"],
    "categories": ["Sport"],
    "tags": [],
    "fit": 0,
    "rel_num": 0,
    "available_flag": True,
}
UNIT: Final = {
    "product": 1,
    "size": dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "99"),
    "final_price": 5,
    "currency": "RUB",
    "delivery_type": "Самолёт",
    "platform": "Poizon",
    "site": "/new",
    "availability": True,
    "stock": 5,
}
UNUSED_PRODUCT: Final = 66
"""A product of the demo to which nothing refers."""

NEW_ROWS: Final = {
    "brand": 7,
    "category": 12,
    "tag": 10,
    "gender": 4,
    "platform": 5,
    "delivery_type": 6,
    "currency": 2,
}
"""The id that the demo's next row of each reference table gets. That row is then merged into the first one."""

MOVE: Final[dict[str, Any]] = {
    "to": "confirmed",
    "product_unit": [1],
    "reason": "New",
    "cost": 5,
    "carrier": "CDEK",
    "tracking_number": "1234",
}
NOTICE: Final = json.dumps(
    {"reference": "order-1-1-start-107", "order_id": 1, "amount": 107, "currency": "RUB"}
).encode()
"""A notice about the payment of the demo's order, which the buyer has not made yet."""

TARIFFS: Final = {"pick_up_point": {"price": 300, "currency": 1}, "courier": {"price": 500, "currency": 1}}
TO_THE_BUYER: Final = ("in_transit_hub", "in_transit_moscow", "arrived", "handed_over", "delivered")
"""The states between a purchase and a return."""

BODIES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    **{("POST", f"/{kind.noun}"): row_body(kind, "New") for kind in ReferenceKind},
    **{("PATCH", f"/{kind.noun}/{{{kind.noun}_id}}"): row_body(kind, "Renamed") for kind in ReferenceKind},
    ("POST", "/product"): PRODUCT,
    ("PATCH", "/product/{product_id}"): {name: value for name, value in PRODUCT.items() if name != "sku"},
    ("POST", "/product_unit"): UNIT,
    ("PATCH", "/product_unit/{product_unit_id}"): {
        name: value for name, value in {**UNIT, "delivery_type": "Курьер"}.items() if name not in {"product", "stock"}
    },
    ("POST", "/stock/{product_unit_id}"): {"received": None, "counted": 3, "reason": "New"},
    ("POST", "/product/batch"): {
        "changes": [{"kind": "change_stock", "id": 3, "if_match": None, "body": {"counted": 3}}],
        "atomic": True,
    },
    ("PUT", "/product/{product_id}/images"): {"images": [1]},
    ("PATCH", "/user/{user_id}"): {
        "first_name": "Артём",
        "last_name": "Ш",
        "is_active": True,
        "is_staff": True,
        "is_superuser": True,
        "personal_discount_percentage": 0,
        "preferred_size_grid": "EU",
    },
    ("POST", "/user/delete/{user_id}"): {"password": demo.PASSWORD},
    ("PATCH", "/user_info"): {
        "first_name": "Артём",
        "last_name": "Ш",
        "gender": "male",
        "tel": "+79990001122",
        "preferred_size_grid": "EU",
        "main_address_id": 1,
    },
    ("POST", "/user/register"): {
        "username": "some_user",
        "password": "long enough",
        "first_name": "Some",
        "last_name": "Body",
        "gender": "female",
    },
    ("POST", "/user/login"): {"username": demo.STAFF, "password": demo.PASSWORD, "code": "123456"},
    ("POST", "/user/change_password/{user_id}"): {"old_password": demo.PASSWORD, "new_password": "a better password"},
    ("POST", "/user/token/refresh"): {"refresh": "a token, see `valid_body_with_token`"},
    ("POST", "/user/token/verify"): {"token": "a token, see `valid_body_with_token`"},
    ("POST", "/user/email/{user_id}"): {"email": "staff@shop.example", "password": demo.PASSWORD},
    ("POST", "/user/email/verify"): {"token": "a token, see `valid_body_with_token`"},
    ("POST", "/user/password/forgot"): {"email": "staff@shop.example"},
    ("POST", "/user/password/reset"): {
        "token": "a token, see `valid_body_with_token`",
        "new_password": demo.PASSWORD,
    },
    ("POST", "/user/second_factor/{user_id}"): {"password": demo.PASSWORD},
    ("POST", "/user/second_factor/confirm/{user_id}"): {"code": "123456"},
    ("POST", "/user/second_factor/recovery_codes/{user_id}"): {"code": "123456", "password": demo.PASSWORD},
    ("POST", "/user/second_factor/off/{user_id}"): {"code": "123456", "password": demo.PASSWORD},
    ("POST", "/user/address/{user_id}"): ADDRESS,
    ("PUT", "/user/address/{user_id}/{address_id}"): ADDRESS,
    ("POST", "/promo"): {
        "string_representation": "NEW",
        "owner_id": 1,
        "max_activation_count": 10,
        "active_until_date": "2099-12-31",
        "discount_percentage": 15,
        "discount_absolute": 5,
        "active_status": True,
    },
    ("PATCH", "/promo/{promo_code_id}"): {
        "discount_percentage": 20,
        "discount_absolute": 0,
        "max_activation_count": 20,
        "active_status": True,
        "active_until_date": "2099-12-30",
    },
    ("POST", "/promo/check/{user_id}"): {"promo_code": demo.PROMO_CODE, "product_unit": [1, 2]},
    ("POST", "/promo/check_guest"): {"promo_code": demo.PROMO_CODE, "product_unit": [1, 2]},
    ("POST", "/order/checkout/{user_id}"): {**CHECKOUT, "recipient": RECIPIENT, "delivery": DELIVERY},
    ("POST", "/order/payment/{order_id}"): {"captured": 107},
    ("POST", "/order/move/{order_id}"): MOVE,
    ("POST", "/order/moves"): {"moves": [{**MOVE, "order": 1, "to": "purchased"}]},
    ("POST", "/order/return/{order_id}"): {"product_unit": [1], "reason": "New"},
    ("POST", "/order/cancel/{order_id}"): {"product_unit": [2], "reason": "New"},
    ("POST", "/order/refund/{order_id}"): {
        "to": "sent",
        "product_unit": [2],
        "delivery": False,
        "reason": "New",
    },
    ("PATCH", "/delivery_tariffs"): TARIFFS,
    ("POST", "/webhook"): {
        "url": "https://erp.example/hook",
        "events": ["order.placed"],
        "secret": "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    },
    ("PATCH", "/webhook/{webhook_id}"): {
        "url": "https://crm.example/hook",
        "events": ["order.placed", "user.registered"],
        "active": False,
    },
    ("POST", "/webhook/{webhook_id}/secret"): {"secret": "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"},
}
OPERATION_NAMES: Final = {operation.handler.__name__: operation for operation in OPERATIONS}
WITH_BODY: Final = {name: operation for name, operation in OPERATION_NAMES.items() if operation.body is not None}

# `_FIRST` need the demo's initial cart and wishlist. Deletions remove what other requests need. `_LAST` end sessions.
_LAST: Final = ("end_other_sessions", "delete_account", "change_password")
_FIRST: Final = ("check_promo_code", "check_out", "change_size", "end_session")
IN_SUCCEEDING_ORDER: Final = sorted(
    OPERATIONS,
    key=lambda one: (
        _LAST.index(one.handler.__name__) + 1 if one.handler.__name__ in _LAST else 0,
        one.method == "DELETE" and one.handler.__name__ not in _FIRST,
        one.handler.__name__ not in _FIRST,
        OPERATIONS.index(one),
    ),
)
"""Every operation, in an order in which the valid requests of all succeed."""


def valid_body(operation: Operation) -> dict[str, Any] | None:
    """A valid body of an operation, or None if it takes none."""
    return None if operation.body is None else dict(BODIES[operation.method, operation.path])


def valid_body_with_token(operation: Operation, client: httpx2.Client) -> dict[str, Any] | None:
    """A valid body, with a token of an open session if the operation takes one. Delivers the unit to return, and gives
    the customer the second factor to change.
    """
    body = valid_body(operation)
    if operation.handler.__name__ in CODES:
        code = CODES[operation.handler.__name__](SHOPS[client], UserId(CUSTOMER_ID))
        return None if body is None else {**body, "code": code}
    if operation.handler.__name__ in MAILED and body is not None:
        return {**body, "token": MAILED[operation.handler.__name__](SHOPS[client], UserId(1), demo.PASSWORD)}
    if operation.handler.__name__ == "request_return":
        tokens = client.post("/user/login", json=BODIES["POST", "/user/login"]).json()
        for state in TO_THE_BUYER:
            headers = {"Authorization": f"Bearer {tokens['access']}"}
            moved = client.post("/order/move/1", json={**MOVE, "to": state}, headers=headers)
            assert moved.status_code == 200, moved.text
    for member, token in {"refresh": "refresh", "token": "access"}.items():
        if body is not None and member in body:
            pair = client.post("/user/login", json=BODIES["POST", "/user/login"]).json()
            body[member] = pair[token]
    return body


def content_of(operation: Operation, body: Any) -> dict[str, Any]:
    """The content of a request, as an option of the client: a picture, or a body as JSON, or nothing."""
    if operation.upload is not None:
        return {"content": NOTICE if operation.path.startswith("/payment") else PICTURE}
    return {} if body is None else {"json": body}


def headers_of(operation: Operation) -> dict[str, str]:
    """The headers that an operation requires."""
    required = {IF_MATCH.name: "*", CART_TOKEN.name: GUEST}
    headers = {
        header.name: required[header.name]
        for header in operation.parameters
        if header.name in required and header.required
    }
    if operation.path.startswith("/payment"):
        return {"Content-Type": "application/json", **signed(Bank().key, datetime.now(UTC), NOTICE)}
    return headers if operation.upload is None else {"Content-Type": "image/png", **headers}


QUERIES: Final[Mapping[str, str]] = {
    "report_sales": "?from=2026-01-01&to=2026-02-01&by=day",
    "show_card_by_sku": "?sku=air_force_1",
    "show_card_by_slug": "?slug=nike-air-force-1",
}


def query_of(operation: Operation) -> str:
    """The query that an operation requires, with its question mark."""
    return QUERIES.get(operation.handler.__name__, "")


def path_of(operation: Operation, **ids: Any) -> str:
    """The path of an operation. Each id is 1, a row of the demo's staff, unless `ids` says otherwise; a row to merge is
    the one that the POST before has added, a product to delete is one to which nothing refers, and a user to delete, or
    with a second factor, is the demo's customer.
    """
    if operation.handler.__name__ == "delete_product":
        ids = {"product_id": UNUSED_PRODUCT, **ids}
    if operation.handler.__name__ == "delete_account" or "/second_factor/" in operation.path:
        ids = {"user_id": CUSTOMER_ID, **ids}
    if "/merge/" in operation.path:
        noun = operation.path.split("/")[1]
        ids = {f"{noun}_id": NEW_ROWS[noun], **ids}
    ids = {"session_id": SESSION_ID, "provider": Bank().name, **ids}
    return re.sub(r"\{(\w+)\}", lambda name: str(ids.get(name[1], 1)), operation.path) + query_of(operation)
