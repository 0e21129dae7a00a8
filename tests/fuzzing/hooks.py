"""How schemathesis logs in, and what it cannot know: tokens that live, and whose password it may change.

Every request is sent with a new session, of the demo's customer and its staff in turn, so that no log-out or password
change keeps the next one from getting anywhere.
"""

import itertools
import json
import os
import urllib.request
from typing import Any

import jwt
import schemathesis

from sellout_adapters import demo

USERS = itertools.cycle([demo.CUSTOMER, demo.STAFF])
NAMES = itertools.count()
ONE_OF_ITS_OWN = "a password of its own"
EVERY_OTHER = itertools.cycle([True, False])
CUSTOMER_ID, UNIT_ID, ADDRESS_ID = 2, 1, 2


def ask(path: str, body: dict[str, str]) -> dict[str, str]:
    """What the server answers to a request that must succeed."""
    url = os.environ["FUZZED_URL"] + path
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - our own server
        answer: dict[str, str] = json.loads(response.read())
    return answer


def log_in(username: str) -> dict[str, str]:
    """A pair of tokens of one of the demo's users."""
    return ask("/user/login", {"username": username, "password": demo.PASSWORD})


@schemathesis.auth(refresh_interval=None)
class Session:
    """A session for each request."""

    def get(self, case: Any, context: Any) -> str:  # noqa: ARG002 - schemathesis's
        """Its access token."""
        return log_in(next(USERS))["access"]

    def set(self, case: Any, data: str, context: Any) -> None:  # noqa: ARG002 - schemathesis's
        """Puts it where it belongs."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ARG001 - schemathesis's
    """Puts in what only a running shop can give, where the request is meant to be good."""
    if not isinstance(case.body, dict) or case.meta is None or case.meta.generation.mode.name != "POSITIVE":
        return
    match case.operation.label:
        case "POST /user/token/refresh":
            case.body = {"refresh": log_in(demo.CUSTOMER)["refresh"]}
        case "POST /user/token/verify":
            case.body = {"token": log_in(demo.CUSTOMER)["access"]}
        case "POST /user/change_password/{user_id}" if "Authorization" in case.headers:
            # The demo's own passwords stay as they are.
            own = {"username": f"fuzzed {next(NAMES)}", "password": ONE_OF_ITS_OWN}
            access = ask("/user/register", own)["access"]
            case.headers["Authorization"] = f"Bearer {access}"
            case.path_parameters["user_id"] = jwt.decode(access, options={"verify_signature": False})["user_id"]
            case.body["old_password"] = ONE_OF_ITS_OWN
        case "POST /order/checkout/{user_id}" if "Authorization" in case.headers and next(EVERY_OTHER):
            # Only what is in a cart can be ordered, and what was ordered is not any more.
            bearer = {"Authorization": f"Bearer {log_in(demo.CUSTOMER)['access']}"}
            path = f"{os.environ['FUZZED_URL']}/order/cart_add/{CUSTOMER_ID}/{UNIT_ID}"
            urllib.request.urlopen(urllib.request.Request(path, method="POST", headers=bearer), timeout=30).close()  # noqa: S310
            case.headers.update(bearer)
            case.path_parameters["user_id"] = CUSTOMER_ID
            case.body |= {"product_unit": [UNIT_ID], "address_id": ADDRESS_ID, "promo_code": None, "total_amount": None}
