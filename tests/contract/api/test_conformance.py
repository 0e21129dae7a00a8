"""Every documented endpoint, on every store, returns the documented shape.

The samples are data. The tests compare keys, their order, JSON types and nesting at every depth.
"""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import attrs
import httpx2
import pytest

from tests.contract.support.documented import members
from tests.contract.support.shop import log_in

pytestmark = pytest.mark.http

SAMPLES: list[dict[str, Any]] = json.loads(
    resources.files("sellout_http.schemas").joinpath("documented.json").read_text(encoding="utf-8")
)
BY_ENDPOINT = {f"{sample['method']} {sample['path']}": sample for sample in SAMPLES}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@attrs.frozen
class Endpoint:
    """How to call a documented endpoint on the demo's data, and the expected status. `sample` is the endpoint whose
    sample has the same shape.
    """

    url: str
    user: str | None
    status: int = 200
    sample: str = ""
    before: tuple[tuple[str, str], ...] = ()


ADDED = {
    "min_price": ("wishlist_unit_ids", "slug"),
    "product_units": ("subtotal_amount", "total_amount"),
}
"""The members that the shop adds at the end of a documented object, by a member that only such an object has."""

WISHLIST = "GET wishlist/<user_id>"
ENDPOINTS = {
    "GET user": Endpoint("user", "artem"),
    "GET user/<user_id>": Endpoint("user/2", "artem"),
    "GET user_info/<user_id>": Endpoint("user_info/2", "noadmin", sample="GET user/<user_id>"),
    "POST user/register": Endpoint("user/register", None, 201),
    "POST user/login": Endpoint("user/login", None, before=(("POST", "user/register"),)),
    "GET user/last_seen/<user_id>": Endpoint("user/last_seen/1", "artem"),
    "GET product": Endpoint("product", "artem"),
    "GET product/<product_id>": Endpoint("product/1", "artem"),
    "GET product/all/<num_page>": Endpoint("product/all/1", "artem"),
    "GET product_unit/product/<product_id>": Endpoint("product_unit/product/1", None),
    "GET product_unit/product_main/<product_id>/<user_id>": Endpoint("product_unit/product_main/1/1", "artem"),
    WISHLIST: Endpoint("wishlist/1", "artem"),
    "POST wishlist/add/<user_id>/<product_id>/<size_id>": Endpoint("wishlist/add/1/1/1", "artem", 201, WISHLIST),
    "DELETE wishlist/delete/<wishlist_unit_id>": Endpoint("wishlist/delete/1", "artem", sample=WISHLIST),
    "POST wishlist/add_no_size/<user_id>/<product_id>": Endpoint("wishlist/add_no_size/2/2", "noadmin", 201, WISHLIST),
    "POST wishlist/change_size/<user_id>/<wishlist_unit_id>/<size_id>": Endpoint(
        "wishlist/change_size/1/1/1", "artem", sample=WISHLIST
    ),
    "GET order/cart/<user_id>": Endpoint("order/cart/1", "artem"),
    "POST order/cart_add/<user_id>/<product_unit_id>": Endpoint("order/cart_add/2/2", "noadmin", 201),
    "DELETE order/cart_delete/<user_id>/<product_unit_id>": Endpoint("order/cart_delete/1/2", "artem"),
    "POST order/checkout/<user_id>": Endpoint("order/checkout/1", "artem", 201),
    "GET order/orders": Endpoint("order/orders", "artem"),
    "GET order/user_orders/<user_id>": Endpoint("order/user_orders/2", "noadmin"),
    "GET order/info/<order_id>": Endpoint("order/info/1", "noadmin"),
}


def call(client: httpx2.Client, endpoint: str) -> httpx2.Response:
    """Calls an endpoint with the documented body as the endpoint's user."""
    known = ENDPOINTS[endpoint]
    for method, url in known.before:
        client.request(method, f"/{url}", json=BY_ENDPOINT[endpoint].get("request"))
    headers = {} if known.user is None else log_in(client, known.user)
    body = BY_ENDPOINT.get(endpoint, {}).get("request")
    return client.request(endpoint.split(maxsplit=1)[0], f"/{known.url}", json=body, headers=headers)


def added_to(sample: Mapping[str, Any]) -> Sequence[str]:
    """The members that the shop adds to a documented object."""
    if "total_amount" in sample:
        return ()
    return [name for member, names in ADDED.items() if member in sample for name in names]


def same_shape(sample: Any, answer: Any, where: str = "$") -> None:
    """Asserts that a document has the keys of the sample in their order, then those that the shop adds, the same JSON
    types and the same nesting.
    """
    if isinstance(sample, dict):
        assert isinstance(answer, dict), where
        documented = [key for key in sample if key != "password"]
        assert list(answer) == [*documented, *added_to(sample)], where
        for key in documented:
            same_shape(sample[key], answer[key], f"{where}.{key}")
    elif isinstance(sample, list):
        assert isinstance(answer, list), where
        if sample:
            assert answer, where
            for number, item in enumerate(answer):
                same_shape(sample[0], item, f"{where}[{number}]")
    else:
        assert type(answer) is type(sample), where
        for form in (TIME, DATE):
            if isinstance(sample, str) and form.fullmatch(sample):
                assert form.fullmatch(answer), where


def test_every_documented_endpoint_is_compared() -> None:
    """The contract describes 22 endpoints in detail. Its index lists one more."""
    assert set(ENDPOINTS) == {*BY_ENDPOINT, "GET user_info/<user_id>"}
    assert len(ENDPOINTS) == 23


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_answer_has_its_samples_shape(client: httpx2.Client, endpoint: str) -> None:
    """The response has the sample's keys in their order, JSON types and nesting at every depth, and no password."""
    known = ENDPOINTS[endpoint]
    response = call(client, endpoint)
    assert response.status_code == known.status, response.text
    answer = response.json()
    sample = BY_ENDPOINT[known.sample or endpoint]["response"]
    if known.sample == WISHLIST:
        (sample,) = sample
    if endpoint == "GET order/orders":
        (order,) = BY_ENDPOINT["GET order/user_orders/<user_id>"]["response"]
        assert [key for key in answer[0] if key in sample[0]] == list(sample[0])
        sample = [{**order, "product_units": sample[0]["product_units"]}]
    if endpoint == "GET product/all/<num_page>":
        # Every price of the sample is a number. The demo also has products without an available unit, whose price is
        # null.
        answer["items"] = [item for item in answer["items"] if item["min_price"] is not None]
    same_shape(sample, answer)
    assert "password" not in dict(members(answer))


def test_the_documented_checkout_costs_what_the_goods_cost(client: httpx2.Client) -> None:
    """The client's limit is 10000. The total is 107 less 15 %, which is 91. It is the sixth activation of SALE."""
    order = call(client, "POST order/checkout/<user_id>").json()
    assert (order["total_amount"], order["tel"]) == (91, "77777777777")
    assert (order["promo_code"]["activation_count"], order["promo_code"]["owner"]["username"]) == (6, "artem")
    assert [unit["final_price"] for unit in order["product_unit"]] == [7, 100]
    cart = client.get("/order/cart/1", headers=log_in(client, "artem")).json()
    assert (cart["product_units"], cart["subtotal_amount"], cart["total_amount"]) == ([], 0, 0)


def test_the_documented_values_are_the_demos(client: httpx2.Client) -> None:
    """Values that are the same in all samples are served as documented."""
    for endpoint in ("GET product/<product_id>", "GET product_unit/product_main/<product_id>/<user_id>"):
        answer, sample = call(client, endpoint).json(), BY_ENDPOINT[endpoint]["response"]
        assert {key: answer[key] for key in answer if key not in added_to(sample)} == sample
    ((wished,), (sample,)) = call(client, WISHLIST).json(), BY_ENDPOINT[WISHLIST]["response"]
    assert wished["size"] == sample["size"]
    ((order,), (sample,)) = (
        call(client, "GET order/info/<order_id>").json(),
        BY_ENDPOINT["GET order/info/<order_id>"]["response"],
    )
    for key in ("total_amount", "email", "tel", "name", "surname", "fact_of_payment", "promo_code", "status"):
        assert order[key] == sample[key]
