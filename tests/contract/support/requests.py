"""A request for every operation of the API that the demo shop answers with success, to spoil in one place at a time."""

import re
from collections.abc import Mapping
from typing import Any, Final

import httpx2

from sellout_adapters import demo
from sellout_http.api.operations import Operation
from sellout_http.routes import OPERATIONS

ADDRESS: Final = {"address": "Проспект Мира 1", "post_index": "308000"}
CHECKOUT: Final = {
    "product_unit": [1, 2],
    "email": "mail@mail.ru",
    "tel": 77777777777,
    "first_name": "Имя",
    "last_name": "Фамилия",
    "address_id": 1,
    "promo_code": demo.PROMO_CODE,
    "total_amount": 10000,
}
BODIES: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/user/register"): {
        "username": "somebody",
        "password": "long enough",
        "first_name": "Some",
        "last_name": "Body",
        "gender": "female",
    },
    ("POST", "/user/login"): {"username": demo.STAFF, "password": demo.PASSWORD},
    ("POST", "/user/change_password/{user_id}"): {"old_password": demo.PASSWORD, "new_password": "a better password"},
    ("POST", "/user/token/refresh"): {"refresh": "a token, see `live_body`"},
    ("POST", "/user/token/verify"): {"token": "a token, see `live_body`"},
    ("POST", "/user/address/{user_id}"): ADDRESS,
    ("PUT", "/user/address/{user_id}/{address_id}"): ADDRESS,
    ("POST", "/promo/check/{user_id}"): {"promo_code": demo.PROMO_CODE, "product_unit": [1, 2]},
    ("POST", "/order/checkout/{user_id}"): CHECKOUT,
}
OPERATION_NAMES: Final = {operation.handler.__name__: operation for operation in OPERATIONS}
WITH_BODY: Final = {name: operation for name, operation in OPERATION_NAMES.items() if operation.body is not None}

# These want the demo's cart and wishlist as they are in the beginning, deletions take away what others need, and a new
# password shuts the old one out.
_LAST: Final = "change_password"
_FIRST: Final = ("check_promo_code", "check_out", "change_size")
IN_WORKING_ORDER: Final = sorted(
    OPERATIONS,
    key=lambda one: (
        one.handler.__name__ == _LAST,
        one.method == "DELETE",
        one.handler.__name__ not in _FIRST,
        OPERATIONS.index(one),
    ),
)
"""Every operation, so that their good requests, sent in this order, all succeed."""


def body_of(operation: Operation) -> dict[str, Any] | None:
    """A good body for an operation, or None where it takes none."""
    return None if operation.body is None else dict(BODIES[operation.method, operation.path])


def live_body(operation: Operation, client: httpx2.Client) -> dict[str, Any] | None:
    """The same with a token of a session that lives where the operation takes one."""
    body = body_of(operation)
    tokens = {"refresh": "refresh", "token": "access"}.items()
    for member, token in tokens:
        if body is not None and member in body:
            pair = client.post("/user/login", json=BODIES["POST", "/user/login"]).json()
            body[member] = pair[token]
    return body


def path_of(operation: Operation, **ids: Any) -> str:
    """An operation's path with 1 for every id, which stands for something of the demo's staff, or with other ids."""
    return re.sub(r"\{(\w+)\}", lambda name: str(ids.get(name[1], 1)), operation.path)
