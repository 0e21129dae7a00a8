"""How staff change promo codes and users over HTTP: versions, rights, repeated requests, searches and sessions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2
import pytest

from sellout_adapters import demo
from tests.contract.support.buyer import Buyer, change_user, newcomer, noadmin, staff
from tests.contract.support.shop import CUSTOMER_ID, PASSWORDS, STAFF_ID, Served, log_in, problem_of

pytestmark = pytest.mark.http

SALE: Final = "/promo/1"
NEW: Final = {
    "string_representation": "Лето",
    "owner_id": CUSTOMER_ID,
    "max_activation_count": 1,
    "active_until_date": "2099-12-31",
    "discount_absolute": 5,
}


def patch(who: Buyer, path: str, tag: str | None, **members: Any) -> httpx2.Response:
    """Changes a document."""
    return who.request("PATCH", path, json=members, headers={} if tag is None else {"If-Match": tag})


def tag_of(who: Buyer, path: str) -> str:
    """The ETag of a document."""
    tag: str = who.request("GET", path).headers["etag"]
    return tag


CHANGES: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    SALE: ({"active_status": False}, {"max_activation_count": 7}),
    f"/user/{CUSTOMER_ID}": ({"personal_discount_percentage": 5}, {"first_name": "New"}),
}
"""Two changes for each document."""
each_document = pytest.mark.parametrize("path", CHANGES)


@each_document
def test_a_change_names_the_version_that_it_is_based_on(client: httpx2.Client, path: str) -> None:
    boss, (first, second) = staff(client), CHANGES[path]
    before, tag = boss.get(path), tag_of(boss, path)
    problem_of(patch(boss, path, None, **first), 428, "precondition_required")
    problem_of(patch(boss, path, '"other"', **first), 412, "precondition_failed")
    assert boss.get(path) == before
    changed = patch(boss, path, tag, **first)
    assert changed.status_code == 200
    assert changed.json() == boss.get(path) == {**before, **first}
    assert changed.headers["etag"] == tag_of(boss, path) != tag
    problem_of(patch(boss, path, tag, **second), 412, "precondition_failed")
    assert patch(boss, path, f"W/{changed.headers['etag']}", **second).json() == {**before, **first, **second}
    assert patch(boss, path, "*").json() == {**before, **first, **second}


@each_document
def test_of_two_staff_who_race_one_is_refused(client: httpx2.Client, path: str) -> None:
    boss = staff(client)
    tag = tag_of(boss, path)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda members: patch(boss, path, tag, **members), CHANGES[path]))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_what_a_change_cannot_set_makes_no_form_stale(client: httpx2.Client) -> None:
    """A view, a log-in and an activation change the documents, and not their versions."""
    boss, buyer = staff(client), noadmin(client)
    paths = (f"/user/{CUSTOMER_ID}", SALE)
    before = [(tag_of(boss, path), boss.get(path)) for path in paths]
    client.get(f"/product_unit/product_main/5/{CUSTOMER_ID}", headers=buyer.headers)
    buyer.order(*buyer.cart(), promo_code="sale")
    log_in(client, demo.CUSTOMER)
    after = [(tag_of(boss, path), boss.get(path)) for path in paths]
    assert [tag for tag, _ in before] == [tag for tag, _ in after]
    assert all(document != other for (_, document), (_, other) in zip(before, after, strict=True))


def test_a_user_has_one_version_in_every_document(client: httpx2.Client) -> None:
    boss, buyer = staff(client), noadmin(client)
    assert tag_of(boss, f"/user/{CUSTOMER_ID}") == tag_of(buyer, f"/user_info/{CUSTOMER_ID}")


def test_a_new_promo_code_is_used_stopped_and_shown_with_its_uses(client: httpx2.Client) -> None:
    boss, buyer = staff(client), newcomer(client, "newcomer")
    added = boss.request("POST", "/promo", json=NEW)
    assert added.status_code == 201
    path = added.headers["location"]
    document = boss.get(path)
    assert added.json() == document
    assert document["owner"]["username"] == demo.CUSTOMER
    assert {name: document[name] for name in NEW if name != "owner_id"} == {
        name: value for name, value in NEW.items() if name != "owner_id"
    }
    assert (document["discount_percentage"], document["activation_count"], document["active_status"]) == (0, 0, True)
    assert boss.get("/promo")[-1] == document
    buyer.fill_cart(1, 2)
    order = buyer.order(1, promo_code="лето")
    [use] = boss.get(f"{path}/orders")
    assert (use["order_id"], use["user_id"]) == (order["id"], buyer.user_id)
    problem_of(patch(boss, path, "*", max_activation_count=0), 422, "invalid_fields")
    assert patch(boss, path, added.headers["etag"], max_activation_count=9, active_status=False).status_code == 200
    problem_of(buyer.check_out(2, promo_code="ЛЕТО"), 422, "promo_code_inactive")
    assert boss.get(f"/order/info/{order['id']}")[0]["promo_code"]["max_activation_count"] == 1


def test_a_promo_code_of_the_same_name_is_a_409(client: httpx2.Client) -> None:
    problem_of(
        staff(client).request("POST", "/promo", json={**NEW, "string_representation": "sale"}), 409, "promo_code_taken"
    )


def test_a_promo_code_is_created_once_under_a_key(client: httpx2.Client) -> None:
    boss, key = staff(client), {"Idempotency-Key": "one"}
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: boss.request("POST", "/promo", json=NEW, headers=key), range(2)))
    answers.append(boss.request("POST", "/promo", json=NEW, headers=key))
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({(answer.content, answer.headers["etag"], answer.headers["location"]) for answer in answers}) == 1
    assert len(boss.get("/promo")) == 2
    other = boss.request("POST", "/promo", json={**NEW, "max_activation_count": 2}, headers=key)
    problem_of(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("members", "pointers"),
    [
        ({"discount_absolute": 0}, ["#/discount_percentage"]),
        ({"max_activation_count": 0}, ["#/max_activation_count"]),
        ({"owner_id": 10**6}, ["#/owner_id"]),
        ({"active_until_date": "2000-01-01"}, ["#/active_until_date"]),
        ({"active_until_date": "0999-01-01"}, ["#/active_until_date"]),
    ],
)
def test_a_promo_code_that_no_order_can_use_is_refused(
    client: httpx2.Client, members: dict[str, Any], pointers: list[str]
) -> None:
    document = problem_of(staff(client).request("POST", "/promo", json={**NEW, **members}), 422, "invalid_fields")
    assert [field["pointer"] for field in document["fields"]] == pointers


def test_a_maximum_below_the_activations_is_refused(client: httpx2.Client) -> None:
    document = problem_of(patch(staff(client), SALE, "*", max_activation_count=4), 422, "invalid_fields")
    assert [field["pointer"] for field in document["fields"]] == ["#/max_activation_count"]


def colleague(served: Served) -> Buyer:
    """A member of staff who is not a superuser."""
    other = newcomer(served.client, "colleague")
    change_user(served.shop, other.user_id, is_staff=True)
    return other


def test_staff_do_not_make_staff(served: Served) -> None:
    other, customer = colleague(served), f"/user/{CUSTOMER_ID}"
    refused: list[tuple[str, dict[str, Any]]] = [
        (customer, {"is_staff": True}),
        (customer, {"is_staff": True, "is_superuser": True}),
        (f"/user/{STAFF_ID}", {"first_name": "x"}),
        (f"/user/{STAFF_ID}", {"is_active": False}),
        (f"/user/{other.user_id}", {"is_superuser": True}),
        (f"/user/{other.user_id}", {"personal_discount_percentage": 100}),
    ]
    for path, members in refused:
        problem_of(patch(other, path, "*", **members), 403, "forbidden")
        problem_of(patch(other, path, '"stale"', **members), 403, "forbidden")
    assert patch(other, customer, "*", is_staff=False, personal_discount_percentage=9).status_code == 200


def test_superusers_make_and_unmake_staff_at_once(served: Served) -> None:
    boss, other = staff(served.client), newcomer(served.client, "other")
    path = f"/user/{other.user_id}"
    assert other.request("GET", "/user").status_code == 403
    assert patch(boss, path, "*", is_staff=True).json()["is_staff"] is True
    assert other.request("GET", "/user").status_code == 200
    assert patch(boss, path, "*", is_superuser=True).json()["is_superuser"] is True
    problem_of(patch(boss, path, "*", is_staff=False), 422, "invalid_fields")
    assert patch(boss, path, "*", is_staff=False, is_superuser=False).status_code == 200
    assert other.request("GET", "/user").status_code == 403
    for own in ({"is_active": False}, {"is_superuser": False}, {"personal_discount_percentage": 1}):
        problem_of(patch(boss, f"/user/{STAFF_ID}", "*", **own), 403, "forbidden")


def test_a_superuser_demoted_meanwhile_cannot_demote_the_last_one(served: Served) -> None:
    """Both are authenticated before either change."""
    boss, other = staff(served.client), newcomer(served.client, "other")
    change_user(served.shop, other.user_id, is_staff=True, is_superuser=True)
    ids = {boss.user_id: boss, other.user_id: other}

    def demote(user_id: int) -> int:
        [actor] = (buyer for own, buyer in ids.items() if own != user_id)
        return patch(actor, f"/user/{user_id}", "*", is_staff=False, is_superuser=False).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(demote, ids))
    assert statuses[0] == 200
    assert statuses[1] in (403, 409)
    left = served.shop.store.read(lambda tx: [user for user in tx.users.after(0, 9) if user.acts_as_superuser])
    assert len(left) == 1


def test_a_deactivated_user_is_out_at_once(client: httpx2.Client) -> None:
    boss, buyer = staff(client), noadmin(client)
    assert patch(boss, f"/user/{CUSTOMER_ID}", "*", is_active=False).json()["is_active"] is False
    problem_of(buyer.request("GET", "/user_info"), 401, "unauthenticated")
    credentials = {"username": demo.CUSTOMER, "password": PASSWORDS[demo.CUSTOMER]}
    problem_of(client.post("/user/login", json=credentials), 401, "bad_credentials")
    assert patch(boss, f"/user/{CUSTOMER_ID}", "*", is_active=True).status_code == 200
    problem_of(buyer.request("GET", "/user_info"), 401, "unauthenticated")
    noadmin(client).get("/user_info")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=NOADM", [2]),
        ("q=arten%40mail", [1]),
        ("q=admin+no", [2]),
        ("q=zzz", []),
        ("q=n&limit=1", [2]),
        ("q=n&after=2", []),
        ("q=%25", []),
    ],
)
def test_users_are_searched(client: httpx2.Client, query: str, found: list[int]) -> None:
    assert [user["id"] for user in staff(client).get(f"/user?{query}")] == found


@pytest.mark.parametrize("query", ["q=", "q=+", "q=a&q=b", "q=" + "x" * 151, "q=%00", "q=a&Q=b"])
def test_a_bad_search_for_users_is_a_422(client: httpx2.Client, query: str) -> None:
    document = problem_of(staff(client).request("GET", f"/user?{query}"), 422, "invalid_fields")
    assert {field["parameter"].lower() for field in document["fields"]} == {"q"}


def test_a_part_of_a_search_names_the_next_one(client: httpx2.Client) -> None:
    boss = staff(client)
    for number in range(3):
        newcomer(client, f"anna{number}")
    first = boss.request("GET", "/user?q=anna&limit=2")
    assert [user["username"] for user in first.json()] == ["anna0", "anna1"]
    following = boss.request("GET", first.links["next"]["url"])
    assert [user["username"] for user in following.json()] == ["anna2"]
    assert "next" not in following.links


@pytest.mark.parametrize("who", [staff, noadmin])
def test_sessions_are_listed_and_ended(client: httpx2.Client, who: Callable[[httpx2.Client], Buyer]) -> None:
    """By staff, and by the user."""
    path = f"/user/sessions/{CUSTOMER_ID}"
    buyer, caller = noadmin(client), who(client)
    sessions = caller.get(path)
    assert [session["expires_at"] for session in sessions] == sorted(
        (session["expires_at"] for session in sessions), reverse=True
    )
    assert len(sessions) == (1 if caller.user_id == STAFF_ID else 2)
    ended = caller.request("DELETE", path)
    assert (ended.status_code, ended.json()) == (200, {})
    problem_of(buyer.request("GET", "/user_info"), 401, "unauthenticated")
    boss = staff(client)
    assert boss.get(path) == []
    entries = boss.get("/audit?kind=user")
    assert [(entry["action"], entry["user_id"]) for entry in entries] == (
        [("end_sessions", STAFF_ID)] if caller.user_id == STAFF_ID else []
    )


@pytest.mark.parametrize("name", ["from", "to"])
def test_a_bad_time_in_a_query_is_a_422(shared: Served, name: str) -> None:
    """Years that no time in UTC has, other forms of ISO 8601, and text."""
    staff = log_in(shared.client, demo.STAFF)
    for value in (
        *("9999-12-31T23:59:59-14:00", "1000-01-01T00:00:00%2B14:00", "0999-12-31", "10000-01-01", "0000-01-01"),
        *("20260131", "2026-W05", "2026-W05-1", "2026-02-30", "2026-01-31T12:00:00", "2026-01-31T12:00Z", "now", ""),
        *("2026-01-31T12:00:00 02:00", "2026-01-31T25:00:00Z", "2026-01-31%00", "-1", "%D9%A2026-01-31"),
    ):
        response = shared.client.get(f"/audit?{name}={value}", headers=staff)
        [field] = problem_of(response, 422, "invalid_fields")["fields"]
        assert (field["parameter"], field["code"]) == (name, "malformed"), value
    for value in ("2026-01-31", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5%2B03:00"):
        assert shared.client.get(f"/audit?{name}={value}", headers=staff).status_code == 200
