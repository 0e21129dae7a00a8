"""Batches of changes of the catalogue over HTTP: all or none, or each with its own result."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2
import pytest

from sellout_adapters import demo
from tests.contract.support.buyer import Buyer, noadmin, staff
from tests.contract.support.requests import PRODUCT, UNIT
from tests.contract.support.shop import Served, log_in, problem_of

PATH: Final = "/product/batch"
Change = dict[str, Any]


def product(sku: str, **members: Any) -> Change:
    """A change that creates a product."""
    return {"kind": "create_product", "body": {**PRODUCT, "sku": sku, **members}}


def tag_of(who: Buyer, path: str) -> str:
    """The ETag of a document."""
    tag: str = who.request("GET", path).headers["etag"]
    return tag


def send(who: Buyer, *changes: Change, atomic: bool, key: str | None = None) -> httpx2.Response:
    """Sends a batch."""
    headers = {"Content-Type": "application/json"} | ({} if key is None else {"Idempotency-Key": key})
    # `json` escapes lone surrogates, which the client cannot encode.
    content = json.dumps({"atomic": atomic, "changes": list(changes)})
    return who.request("POST", PATH, content=content, headers=headers)


def every_kind(boss: Buyer) -> list[Change]:
    """A change of each kind."""
    return [
        product("batch", brands=["Only in a batch"]),
        {
            "kind": "change_product",
            "id": 2,
            "if_match": tag_of(boss, "/product/2"),
            "body": {"name": "Renamed in a batch"},
        },
        {"kind": "create_unit", "body": UNIT},
        {
            "kind": "change_unit",
            "id": 1,
            "if_match": tag_of(boss, "/product_unit/1"),
            "body": {"final_price": 8},
        },
        {"kind": "change_stock", "id": 2, "body": {"counted": 7, "reason": "A count."}},
    ]


@pytest.mark.http
@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("key", [None, "a key"])
def test_each_kind_of_change_does_what_its_operation_does(client: httpx2.Client, atomic: bool, key: str | None) -> None:
    """The documents, the tags, the stock and the audit are those of the single operations."""
    boss = staff(client)
    response = send(boss, *every_kind(boss), atomic=atomic, key=key)
    assert response.status_code == 200, response.text
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 200, 201, 200, 201]
    assert [result["problem"] for result in results] == [None] * 5
    paths = [f"/product/{results[0]['id']}", "/product/2", f"/product_unit/{results[2]['id']}", "/product_unit/1"]
    assert [result["etag"] for result in results] == [*(tag_of(boss, path) for path in paths), None]
    assert boss.get(paths[0])["sku"] == "batch"
    assert boss.get(paths[1])["name"] == "Renamed in a batch"
    assert boss.get(paths[2])["size"]["EU"] == "99"
    assert boss.get(paths[3])["final_price"] == 8
    assert boss.get("/stock/2")["stock"] == 7
    entries = [(entry["kind"], entry["action"], entry["user_id"]) for entry in boss.get("/audit")]
    for entry in (("product", "create"), ("product", "update"), ("product_unit", "create"), ("product_unit", "update")):
        assert (*entry, boss.user_id) in entries
    assert ("brand", "create", boss.user_id) in entries
    page = client.get("/product/facets?brand=Only+in+a+batch").json()
    assert page["count"] == 1


REFUSED: Final[list[tuple[Change, int, str, list[str]]]] = [
    (product("taken"), 409, "sku_taken", []),
    (product(""), 422, "invalid_fields", ["body/sku"]),
    (product("x", gender=None, more=1), 422, "invalid_fields", ["body/gender", "body/more"]),
    ({"kind": "change_product", "id": 3, "body": {"name": "x"}}, 428, "precondition_required", []),
    ({"kind": "change_product", "id": 3, "if_match": '"other"', "body": {}}, 412, "precondition_failed", []),
    ({"kind": "change_product", "id": 99_999, "if_match": "*", "body": {}}, 404, "not_found", []),
    ({"kind": "change_product", "if_match": "*", "body": {}}, 422, "invalid_fields", ["id"]),
    ({"kind": "change_unit", "id": 1, "body": {}}, 428, "precondition_required", []),
    ({"kind": "change_stock", "id": 99_999, "body": {"counted": 1}}, 404, "not_found", []),
    ({"kind": "change_stock", "id": 2, "body": {}}, 422, "invalid_fields", ["body/received"]),
    ({"kind": "create_unit", "body": {**UNIT, "product": 99_999}}, 404, "not_found", []),
    ({"kind": "delete", "body": {}}, 422, "invalid_fields", ["kind"]),
    ({"body": {}, "more": 1}, 422, "invalid_fields", ["kind", "more"]),
    ({"kind": "create_product"}, 422, "invalid_fields", ["body"]),
    (product("a\0b", more="\ud800"), 422, "invalid_fields", ["body/sku", "body/more"]),
    (product("x", **{"\0": 1}), 422, "invalid_fields", ["body/%00"]),
    ({"kind": "change_product", "id": 3, "if_match": "\0", "body": {}}, 422, "invalid_fields", ["if_match"]),
    ({"kind": "\udfff", "body": {"\ud800": ["\0"]}}, 422, "invalid_fields", ["kind", "body/%3F", "body/%3F/0"]),
]


def pointers_of(problem: Any) -> set[str]:
    """The places of the faults of a problem."""
    return {field["pointer"] for field in problem.get("fields", ())}


@pytest.mark.http
@pytest.mark.parametrize(("change", "status", "code", "places"), REFUSED)
def test_a_refused_change_has_its_own_problem_and_the_others_stay(
    client: httpx2.Client, change: Change, status: int, code: str, places: list[str]
) -> None:
    boss = staff(client)
    response = send(boss, product("taken"), change, product("after"), atomic=False)
    assert response.status_code == 200
    first, refused, last = response.json()["results"]
    assert (first["status"], last["status"]) == (201, 201)
    assert (refused["status"], refused["id"], refused["etag"]) == (status, None, None)
    problem = refused["problem"]
    assert (problem["status"], problem["code"], problem["change"]) == (status, code, 1)
    assert pointers_of(problem) == {f"#/changes/1/{place}" for place in places}
    assert boss.get(f"/product/{last['id']}")["sku"] == "after"


@pytest.mark.http
@pytest.mark.parametrize(("change", "status", "code", "places"), REFUSED)
def test_a_refused_change_refuses_an_atomic_batch(
    client: httpx2.Client, change: Change, status: int, code: str, places: list[str]
) -> None:
    """Nothing is changed, also not what the refused change itself has written by then."""
    boss = staff(client)
    before = boss.get("/product"), boss.get("/audit"), boss.get("/brand")
    for key in (None, "a key"):
        new = [product("taken", brands=["New"]), change, product("after")]
        problem = problem_of(send(boss, *new, atomic=True, key=key), status, code)
        assert problem["change"] == 1
        assert pointers_of(problem) == {f"#/changes/1/{place}" for place in places}
        assert (boss.get("/product"), boss.get("/audit"), boss.get("/brand")) == before


@pytest.mark.http
def test_a_change_sees_those_before_it(client: httpx2.Client) -> None:
    """The second change of a unit needs the tag that the first one gave it."""
    boss = staff(client)
    tag = tag_of(boss, "/product_unit/1")
    changes = [{"kind": "change_unit", "id": 1, "if_match": tag, "body": {"final_price": price}} for price in (8, 9)]
    statuses = [result["status"] for result in send(boss, *changes, atomic=False).json()["results"]]
    assert statuses == [200, 412]


@pytest.mark.http
@pytest.mark.parametrize("atomic", [True, False])
def test_a_retry_under_a_key_changes_nothing(client: httpx2.Client, atomic: bool) -> None:
    boss = staff(client)
    changes = [product("one"), {"kind": "change_stock", "id": 2, "body": {"counted": 5}}]
    stock = boss.get("/stock/2")["movements"]
    first = send(boss, *changes, atomic=atomic, key="a key")
    again = send(boss, *changes, atomic=atomic, key="a key")
    assert again.content == first.content
    assert len(boss.get("/stock/2")["movements"]) == len(stock) + 1
    problem_of(send(boss, changes[0], atomic=atomic, key="a key"), 422, "idempotency_key_reused")
    problem_of(send(boss, *changes, atomic=not atomic, key="a key"), 422, "idempotency_key_reused")


@pytest.mark.http
def test_a_retry_goes_on_with_what_was_refused(client: httpx2.Client) -> None:
    """A change that was refused is tried again. Those that were carried out are not."""
    boss = staff(client)
    changes = [product("one"), {"kind": "create_unit", "body": {**UNIT, "product": 67 + 1}}, product("two")]
    first = send(boss, *changes, atomic=False, key="a key").json()["results"]
    assert [result["status"] for result in first][::2] == [201, 201]
    again = send(boss, *changes, atomic=False, key="a key").json()["results"]
    assert [again[0], again[2]] == [first[0], first[2]]


@pytest.mark.parametrize("version", ["any", "the same"])
def test_atomic_batches_of_the_same_products_in_opposite_order(client: httpx2.Client, version: str) -> None:
    """Sent at once, none is a 5xx. With `*` both succeed, and with the tags of one version one of them."""
    boss, ids = staff(client), range(1, 9)
    tags = {each: "*" if version == "any" else tag_of(boss, f"/product/{each}") for each in ids}

    def rename(name: str, order: Sequence[int]) -> httpx2.Response:
        changes = [
            {"kind": "change_product", "id": each, "if_match": tags[each], "body": {"name": name}} for each in order
        ]
        return send(boss, *changes, atomic=True)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(rename, ("forwards", "backwards"), (ids, ids[::-1])))
    assert sorted(answer.status_code for answer in answers) == ([200, 200] if version == "any" else [200, 412])
    names = {boss.get(f"/product/{each}")["name"] for each in ids}
    assert len(names) == 1
    assert names <= {"forwards", "backwards"}


@pytest.mark.http
@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_has_1_to_1000_changes(served: Served, atomic: bool) -> None:
    boss = staff(served.client)
    before = boss.get("/product"), boss.get("/stock/2")
    one = {"kind": "change_stock", "id": 2, "body": {"received": 1}}
    for number, code in ((0, "too_few"), (1001, "too_many")):
        [field] = problem_of(send(boss, *[one] * number, atomic=atomic), 422, "invalid_fields")["fields"]
        assert (field["pointer"], field["code"]) == ("#/changes", code)
    assert (boss.get("/product"), boss.get("/stock/2")) == before
    response = send(boss, *[product(f"p{number}") for number in range(1000)], atomic=atomic)
    assert {result["status"] for result in response.json()["results"]} == {201}
    assert len(boss.get("/product")) == len(before[0]) + 1000


@pytest.mark.http
def test_a_batch_has_limits_of_its_own(shared: Served) -> None:
    """2 MiB and 60,000 values, with and without Content-Length; other bodies keep theirs."""
    headers = {**log_in(shared.client, demo.STAFF), "Content-Type": "application/json"}

    def post(content: bytes, path: str = PATH) -> httpx2.Response:
        return shared.client.post(path, content=content, headers=headers)

    start = b'{"more": "'
    just = start + b"x" * (2 * 2**20 - len(start) - 2) + b'"}'
    problem_of(post(just), 422, "invalid_fields")
    problem_of(post(just + b" "), 413, "body_too_large")
    problem_of(post(just[: 2**17] + b'"}', "/product"), 413, "body_too_large")
    many = json.dumps({"more": [0] * 59_998}).encode()
    problem_of(post(many), 422, "invalid_fields")
    more = problem_of(post(json.dumps({"more": [0] * 59_999}).encode()), 400, "malformed_json")
    assert more["detail"] == "The body holds more than 60000 values."


@pytest.mark.http
def test_a_batch_is_for_staff(served: Served) -> None:
    for atomic in (True, False):
        problem_of(send(noadmin(served.client), product("x"), atomic=atomic), 403, "forbidden")
    problem_of(served.client.post(PATH, json={"atomic": True, "changes": [product("x")]}), 401, "unauthenticated")
