"""The hooks of schemathesis: log-ins, valid tokens, and passwords that may be changed.

Each request has a new session, of the demo's customer and staff in turn. So a log-out or a changed password does not
affect later requests.
"""

import itertools
import os
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies as st

from sellout_adapters import demo
from sellout_adapters.testing.credentials import code_at
from tests.contract.support.pictures import plain
from tests.fuzzing.preparations import FEW, FUZZED_PASSWORD, ask, bearer, log_in, new_name, prepare, someone

USERS = itertools.cycle([demo.CUSTOMER, demo.STAFF])
MAILED = Counter[str]()
EVERY_OTHER = itertools.cycle([True, False])
CUSTOMER_ID, UNIT_ID, ADDRESS_ID = 2, 1, 2
GUESTS_UNITS = (3, 33, 93, 183, 198)
OF_GUESTS = {"GET /order/guest_cart", "DELETE /order/guest_cart_delete/{product_unit_id}", "POST /promo/check_guest"}
"""The operations that need the token of a guest's cart."""

for kind in ("JPEG", "PNG", "WEBP"):
    files = [plain(color, kind=kind) for color in ("red", "green", "blue")]
    # A damaged picture is refused, which no schema states.
    schemathesis.openapi.media_type(f"image/{kind.lower()}", st.sampled_from([*files, files[0][:-1]]))


def new_guest() -> tuple[str, int]:
    """The token of a new guest's cart, and the unit in it. Changes by staff may have hidden or deleted some units."""
    for unit_id in GUESTS_UNITS:
        url = f"{os.environ['FUZZED_URL']}/order/guest_cart_add/{unit_id}"
        with suppress(urllib.error.HTTPError):
            response = urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=30)  # noqa: S310 - our own server
            response.close()
            return response.headers["X-Cart-Token"], unit_id
    return "0" * 32, GUESTS_UNITS[0]


def become_someone(case: Any) -> None:
    """Makes a request one of a new user."""
    access, user_id = someone()
    case.headers["Authorization"] = f"Bearer {access}"
    case.path_parameters["user_id"] = user_id


def beginning(user_id: int, headers: Mapping[str, str]) -> str:
    """Begins the second factor of a new user. Returns a code that confirms it."""
    token = {"Authorization": headers["Authorization"]}
    secret = ask(f"/user/second_factor/{user_id}", {"password": FUZZED_PASSWORD}, token)["secret"]
    return code_at(secret, datetime.now(UTC))


def someone_with_second_factor() -> tuple[str, int, str]:
    """Registers a user with a second factor. Returns the access token, the id and a recovery code."""
    access, user_id = someone()
    token = {"Authorization": f"Bearer {access}"}
    confirmed: Any = ask(f"/user/second_factor/confirm/{user_id}", {"code": beginning(user_id, token)}, token)
    return access, user_id, confirmed["recovery_codes"][0]


def change_second_factor(case: Any) -> None:
    """Makes a request that changes a second factor one of a new user, or one of staff about a new user."""
    if "Authorization" not in case.headers:
        return
    match case.operation.label:
        case "DELETE /user/second_factor/{user_id}":
            case.path_parameters["user_id"] = someone_with_second_factor()[1]
        case "POST /user/second_factor/{user_id}":
            become_someone(case)
            case.body = {"password": FUZZED_PASSWORD}
        case "POST /user/second_factor/confirm/{user_id}":
            become_someone(case)
            case.body = {"code": beginning(case.path_parameters["user_id"], case.headers)}
        case "POST /user/second_factor/recovery_codes/{user_id}" | "POST /user/second_factor/off/{user_id}":
            access, case.path_parameters["user_id"], code = someone_with_second_factor()
            case.headers["Authorization"] = f"Bearer {access}"
            case.body = {"code": code, "password": FUZZED_PASSWORD}


def become_guest(case: Any) -> None:
    """Makes a request one of a new guest."""
    case.headers["X-Cart-Token"], unit_id = new_guest()
    if "product_unit_id" in case.path_parameters:
        case.path_parameters["product_unit_id"] = unit_id
    if isinstance(case.body, dict):
        case.body["product_unit"] = [unit_id]


def verifying_token(address: str) -> str:
    """The token that verifies an address of a new user."""
    access, user_id = someone()
    ask(
        f"/user/email/{user_id}", {"email": address, "password": FUZZED_PASSWORD}, {"Authorization": f"Bearer {access}"}
    )
    return mailed_token("verify_email", address)


def mailed_token(template: str, address: str) -> str:
    """The token of a mail, when the server has written it to its folder of mail, which is in the current folder."""
    for _ in range(600):
        for file in Path("sellout-mail").glob(f"*-{template}.eml"):
            message = message_from_bytes(file.read_bytes(), policy=default)
            body = message.get_body(("plain",))
            if message["To"] == address and body is not None:
                link: str = body.get_content()
                return link.partition("#token=")[2][:32]
        threading.Event().wait(0.1)
    raise AssertionError(f"no mail to {address}")


@schemathesis.auth(refresh_interval=None)
class Session:
    """Authorizes each request with a new session."""

    def get(self, case: Any, context: Any) -> str:  # noqa: ARG002 - schemathesis's
        """The access token of a new session."""
        return log_in(next(USERS))["access"]

    def set(self, case: Any, data: str, context: Any) -> None:  # noqa: ARG002 - schemathesis's
        """Adds the access token to the request."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - schemathesis's
    """Replaces the values of a valid request that only a running shop can supply."""
    if case.meta is None or case.meta.generation.mode.name != "POSITIVE":
        return
    if case.operation.label in OF_GUESTS:
        become_guest(case)
    change_second_factor(case)
    prepare(case)
    if not isinstance(case.body, dict):
        return
    match case.operation.label:
        case "POST /user/token/refresh":
            case.body = {"refresh": log_in(demo.CUSTOMER)["refresh"]}
        case "POST /user/token/verify":
            case.body = {"token": log_in(demo.CUSTOMER)["access"]}
        case "POST /user/change_password/{user_id}" if "Authorization" in case.headers:
            # The passwords of the demo's users must not change.
            become_someone(case)
            case.body["old_password"] = FUZZED_PASSWORD
        case "POST /user/delete/{user_id}" if "Authorization" in case.headers:
            # The demo's users must not be deleted.
            become_someone(case)
            case.body["password"] = FUZZED_PASSWORD
        case "POST /user/email/{user_id}" if "Authorization" in case.headers:
            become_someone(case)
            case.body = {"email": f"{new_name()}@shop.example", "password": FUZZED_PASSWORD}
        case "POST /user/email/verify" if MAILED["verify"] < FEW:
            MAILED["verify"] += 1
            case.body["token"] = verifying_token(f"{new_name()}@shop.example")
        case "POST /user/password/reset" if MAILED["reset"] < FEW:
            MAILED["reset"] += 1
            address = f"{new_name()}@shop.example"
            ask("/user/email/verify", {"token": verifying_token(address)})
            ask("/user/password/forgot", {"email": address})
            case.body |= {"token": mailed_token("reset_password", address), "new_password": FUZZED_PASSWORD}
        case "POST /stock/{product_unit_id}":
            # Exactly one number is sent, and pieces that arrive need a unit whose pieces are counted.
            case.body = {"counted": case.body.get("counted") or 5}
        case "POST /order/checkout/{user_id}" if "Authorization" in case.headers and next(EVERY_OTHER):
            # Only units in the cart can be ordered, and an order removes them from the cart.
            customer = bearer(log_in(demo.CUSTOMER)["access"])
            # A change by staff may have hidden the unit. Then the order is refused.
            with suppress(urllib.error.HTTPError):
                ask(f"/order/cart_add/{CUSTOMER_ID}/{UNIT_ID}", None, customer)
            case.headers.update(customer)
            case.path_parameters["user_id"] = CUSTOMER_ID
            case.body |= {"product_unit": [UNIT_ID], "address_id": ADDRESS_ID, "promo_code": None, "total_amount": None}
