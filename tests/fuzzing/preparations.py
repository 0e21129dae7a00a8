"""Prepares the fuzzed shop for requests that need a state which generated requests seldom leave: an order that can be
moved, rows that can be merged, an image, a promo code. Each has objects of its own, which no generated request knows.
"""

import itertools
import json
import os
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import jwt

from sellout_adapters import demo
from sellout_core.catalogue.references import ReferenceKind
from tests.contract.support.buyer import ADDRESS
from tests.contract.support.pictures import PICTURE
from tests.contract.support.requests import BODIES, CHECKOUT, MOVE, PRODUCT, TO_THE_BUYER, UNIT, row_body

FUZZED_PASSWORD: Final = "a password of its own"
FEW: Final = 3
"""How many requests of an operation are prepared."""

_KINDS: Final = {kind.noun: kind for kind in ReferenceKind}
_NUMBERS: Final = itertools.count()
_PREPARED: Final = Counter[str]()


def new_name() -> str:
    """A name that occurs once."""
    return f"fuzzed-{next(_NUMBERS)}"


def ask(path: str, body: Mapping[str, Any] | bytes | None, headers: Mapping[str, str] | None = None) -> Any:
    """Sends a POST that must succeed, and returns the response's document. A body of bytes is a picture."""
    url = os.environ["FUZZED_URL"] + path
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "image/png" if isinstance(body, bytes) else "application/json", **(headers or {})}
    request = urllib.request.Request(url, content, sent, method="POST")  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own server
        return json.loads(response.read())


def log_in(username: str) -> dict[str, str]:
    """Logs in a user of the demo and returns the pair of tokens."""
    tokens: dict[str, str] = ask("/user/login", {"username": username, "password": demo.PASSWORD})
    return tokens


def bearer(access: str) -> dict[str, str]:
    """The header of an access token."""
    return {"Authorization": f"Bearer {access}"}


def as_staff(path: str, body: Mapping[str, Any] | bytes) -> Any:
    """Sends a POST as the demo's staff."""
    return ask(path, body, bearer(log_in(demo.STAFF)["access"]))


def someone() -> tuple[str, int]:
    """Registers a user. Returns the access token and the id."""
    access = ask("/user/register", {"username": new_name(), "password": FUZZED_PASSWORD})["access"]
    return access, jwt.decode(access, options={"verify_signature": False})["user_id"]


def new_product() -> int:
    """The id of a new product."""
    return int(as_staff("/product", {**PRODUCT, "sku": new_name(), "available_flag": True})["id"])


def new_unit() -> int:
    """The id of a unit of a new product, bought to order."""
    return int(as_staff("/product_unit", {**UNIT, "product": new_product(), "stock": None})["id"])


def new_row(noun: str) -> int:
    """The id of a new row of a reference table."""
    return int(as_staff(f"/{noun}", row_body(_KINDS[noun], new_name()))["id"])


def new_promo_code() -> str:
    """A new promo code."""
    code = new_name()
    as_staff("/promo", {**BODIES["POST", "/promo"], "string_representation": code})
    return code


def new_webhook() -> int:
    """The id of a new webhook."""
    return int(as_staff("/webhook", BODIES["POST", "/webhook"])["id"])


def buyer_with_unit() -> tuple[str, int, int]:
    """A new user with a unit in the cart: the access token, the user and the unit."""
    (access, user_id), unit_id = someone(), new_unit()
    ask(f"/order/cart_add/{user_id}/{unit_id}", None, bearer(access))
    return access, user_id, unit_id


def wished_product() -> tuple[str, int, int, int, int]:
    """A new user with a product without a size in the wishlist: the access token, the user, the product, the card, and
    a size of the product.
    """
    (access, user_id), product_id = someone(), new_product()
    size_id = as_staff("/product_unit", {**UNIT, "product": product_id, "stock": None})["size"]["id"]
    card_id = ask(f"/wishlist/add_no_size/{user_id}/{product_id}", None, bearer(access))["id"]
    return access, user_id, product_id, card_id, size_id


def new_order() -> tuple[int, int]:
    """A new order of one unit, and its total."""
    access, user_id, unit_id = buyer_with_unit()
    address_id = ask(f"/user/address/{user_id}", ADDRESS, bearer(access))["id"]
    wanted = {**CHECKOUT, "product_unit": [unit_id], "address_id": address_id, "promo_code": None, "total_amount": None}
    order = ask(f"/order/checkout/{user_id}", wanted, bearer(access))
    return order["id"], order["total_amount"]


def cancelled_order() -> int:
    """A new order that was paid and then cancelled."""
    order_id, total = new_order()
    as_staff(f"/order/payment/{order_id}", {"captured": total})
    as_staff(f"/order/cancel/{order_id}", {})
    return order_id


def delivered_order() -> int:
    """A new order that was paid and delivered."""
    order_id, total = new_order()
    as_staff(f"/order/payment/{order_id}", {"captured": total})
    for state in ("confirmed", "purchased", *TO_THE_BUYER):
        as_staff(f"/order/move/{order_id}", {**MOVE, "product_unit": None, "to": state})
    return order_id


_ORDERS: Final[dict[str, tuple[Callable[[], int], Mapping[str, Any]]]] = {
    "payment": (lambda: new_order()[0], {"captured": 1}),
    "move": (lambda: new_order()[0], {"to": "cancelled"}),
    "cancel": (lambda: new_order()[0], {}),
    "refund": (cancelled_order, {"to": "done"}),
    "return": (delivered_order, {}),
}
"""For each operation on an order, what makes one that it succeeds on, and the body."""


def prepare(case: Any) -> None:
    """Gives the first valid requests of an operation objects of their own, in a state in which it succeeds."""
    label = case.operation.label
    is_allowed = "Authorization" in case.headers or label == "POST /promo/check_guest"
    if _PREPARED[label] == FEW or not is_allowed:
        return
    # A change by staff may be in the way, such as a reference row that was renamed.
    with suppress(urllib.error.HTTPError):
        if any(prepared(case, label) for prepared in (_user_prepared, _webhook_prepared, _prepared)):
            _PREPARED[label] += 1


def _user_prepared(case: Any, label: str) -> bool:
    """Prepares a request of a new user. False: its operation needs none."""
    match label.split("/"):
        case ["PATCH ", "user_info"]:
            access, _ = someone()
            case.headers["If-Match"], case.body = "*", {"first_name": new_name()}
        case ["POST ", "wishlist", "add" | "change_size", *_] | ["DELETE ", "wishlist", "delete", _]:
            access, user_id, product_id, card_id, size_id = wished_product()
            ids = {"user_id": user_id, "product_id": product_id, "wishlist_unit_id": card_id, "size_id": size_id}
            case.path_parameters |= {name: ids[name] for name in case.path_parameters}
        case ["POST ", "promo", "check", _]:
            access, case.path_parameters["user_id"], unit_id = buyer_with_unit()
            case.body = {"promo_code": new_promo_code(), "product_unit": [unit_id]}
        case _:
            return False
    case.headers.update(bearer(access))
    return True


def _webhook_prepared(case: Any, label: str) -> bool:
    """Prepares a request about a webhook. False: it is about something else."""
    if "/webhook" not in label:
        return False
    case.headers.update(bearer(log_in(demo.STAFF)["access"]))
    case.headers.pop("Idempotency-Key", None)
    if label == "POST /webhook":
        case.body = dict(BODIES["POST", "/webhook"])
    if "{webhook_id}" in label:
        case.path_parameters["webhook_id"] = new_webhook()
    if label.startswith(("PATCH", "DELETE")):
        case.headers["If-Match"] = "*"
    if label.startswith("PATCH"):
        case.body = {"active": False}
    return True


def _prepared(case: Any, label: str) -> bool:
    """Prepares a request. False: its operation needs none."""
    parts = label.split("/")
    match parts:
        case ["POST ", "order", what, "{order_id}"] if what in _ORDERS:
            make, body = _ORDERS[what]
            case.path_parameters["order_id"], case.body = make(), dict(body)
        case ["POST ", "order", "pay", _]:
            case.path_parameters["order_id"] = new_order()[0]
        case ["POST ", noun, _, "merge", _]:
            case.path_parameters |= {f"{noun}_id": new_row(noun), "into_id": new_row(noun)}
        case ["PATCH ", noun, _] if noun in _KINDS:
            case.path_parameters[f"{noun}_id"], case.headers["If-Match"] = new_row(noun), "*"
            case.body = row_body(_KINDS[noun], new_name())
        case ["PATCH ", "delivery_tariffs"]:
            tariff = {"price": 1, "currency": new_row("currency")}
            case.headers["If-Match"], case.body = "*", {"courier": tariff}
        case ["PUT " | "DELETE ", "product", "{product_id}", "images", *_]:
            product_id = new_product()
            image_id = as_staff(f"/product/{product_id}/images", PICTURE)["id"]
            case.path_parameters |= {"product_id": product_id} | ({"image_id": image_id} if len(parts) == 5 else {})
            if len(parts) == 4:
                case.headers["If-Match"], case.body = "*", {"images": [image_id]}
        case ["POST ", "promo"]:
            case.body = {**BODIES["POST", "/promo"], "string_representation": new_name()}
        case ["POST ", "promo", "check_guest"]:
            case.body["promo_code"] = new_promo_code()
            return True
        case _:
            return False
    case.headers.update(bearer(log_in(demo.STAFF)["access"]))
    case.headers.pop("Idempotency-Key", None)
    return True
