"""One's own account over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import httpx2
import pytest

from sellout_core.ports.store import Transaction
from sellout_core.shopping.ordering import NewOrder
from sellout_core.values import UserId
from tests.contract.support.buyer import Buyer, newcomer, noadmin, staff
from tests.contract.support.shop import CUSTOMER_ID, Served, problem_of

pytestmark = pytest.mark.http


def tag_of(who: Buyer, path: str = "/user_info") -> str:
    """The ETag of a document."""
    tag: str = who.request("GET", path).headers["etag"]
    return tag


def patch(who: Buyer, tag: str | None, **members: Any) -> httpx2.Response:
    """Changes the own profile."""
    return who.request("PATCH", "/user_info", json=members, headers={} if tag is None else {"If-Match": tag})


def test_a_profile_is_changed_in_the_version_that_the_caller_knows(client: httpx2.Client) -> None:
    anna = newcomer(client, "newcomer")
    before, tag = anna.get("/user_info"), tag_of(anna)
    address = anna.add_address()
    assert (before["tel"], before["main_address_id"], before["gender"]) == (None, None, None)
    assert tag_of(anna) == tag
    members = {
        "first_name": "Анна",
        "tel": "+79990001122",
        "main_address_id": address,
        "preferred_size_grid": "EU",
    }
    problem_of(patch(anna, None, **members), 428, "precondition_required")
    changed = patch(anna, tag, gender="female", **members)
    assert changed.status_code == 200
    assert changed.json() == anna.get("/user_info")
    assert changed.json() == {**changed.json(), **members, "gender": {"id": 2, "name": "F"}}
    assert changed.headers["etag"] == tag_of(anna) != tag
    problem_of(patch(anna, tag, first_name="New"), 412, "precondition_failed")
    cleared = dict.fromkeys(("gender", "tel", "preferred_size_grid", "main_address_id"))
    assert patch(anna, f"W/{changed.headers['etag']}", **cleared).json() == {**changed.json(), **cleared}


def test_a_bad_patch_changes_nothing(client: httpx2.Client) -> None:
    """A member that cannot be null, the version of another document, and the address of another user."""
    anna, other = newcomer(client, "newcomer"), noadmin(client)
    foreign = other.add_address()
    before, tag = anna.get("/user_info"), tag_of(anna)
    for member in ("first_name", "last_name"):
        document = problem_of(patch(anna, tag, **{member: None, "tel": "1"}), 422, "invalid_fields")
        assert [field["pointer"] for field in document["fields"]] == [f"#/{member}"]
    for stale in (tag_of(other), tag_of(anna, f"/user_info/{anna.user_id}"), '"other"'):
        problem_of(patch(anna, stale, first_name="New"), 412, "precondition_failed")
    for unknown in (foreign, 2**53 - 1):
        problem_of(patch(anna, tag, first_name="New", main_address_id=unknown), 422, "unknown_address")
    assert (anna.get("/user_info"), tag_of(anna)) == (before, tag)


def test_of_two_changes_of_a_profile_at_once_one_is_refused(client: httpx2.Client) -> None:
    anna = noadmin(client)
    tag = tag_of(anna)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: patch(anna, tag, first_name=name), ("One", "Two")))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_staff_find_and_see_what_a_user_changed(client: httpx2.Client) -> None:
    anna, boss = noadmin(client), staff(client)
    patch(anna, "*", first_name="Новое", tel="+79990001122")
    [found] = boss.get("/user?q=7999000")
    assert (found["id"], found["first_name"]) == (CUSTOMER_ID, "Новое")
    assert boss.get("/audit?kind=user") == []


def test_sessions_show_their_device_and_network(client: httpx2.Client) -> None:
    anna, agent = newcomer(client, "newcomer"), {"User-Agent": "Mozilla/5.0 (X11) " + "x" * 300}
    credentials = {"username": "newcomer", "password": "secret"}
    pair = client.post("/user/login", json=credentials, headers=agent).json()
    listed = anna.get("/user/sessions/{me}")
    assert [session["current"] for session in listed] == [False, True]
    assert listed[0]["device"] == ("Mozilla/5.0 (X11) " + "x" * 182)
    assert {session["network"] for session in listed} <= {"127.0.0.0/24", ""}
    client.post("/user/token/refresh", json={"refresh": pair["refresh"]}, headers={"User-Agent": "curl"})
    [other] = [session for session in anna.get("/user/sessions/{me}") if not session["current"]]
    assert (other["id"], other["device"]) == (listed[0]["id"], "curl")
    assert other["last_used_at"] > listed[0]["last_used_at"]


def test_one_session_and_all_others_are_ended(client: httpx2.Client) -> None:
    first, second, third = noadmin(client), noadmin(client), noadmin(client)
    [own] = [one["id"] for one in first.get("/user/sessions/{me}") if one["current"]]
    path = f"/user/sessions/{{me}}/{own}"
    ended = second.request("DELETE", path)
    assert (ended.status_code, ended.json()) == (200, {})
    problem_of(first.request("GET", "/user_info"), 401, "unauthenticated")
    problem_of(second.request("DELETE", path), 404, "not_found")
    left = second.request("POST", "/user/logout_others")
    assert (left.status_code, left.json()) == (200, {})
    problem_of(third.request("GET", "/user_info"), 401, "unauthenticated")
    assert [one["current"] for one in second.get("/user/sessions/{me}")] == [True]


def test_another_users_session_is_not_found_and_its_id_opens_nothing(client: httpx2.Client) -> None:
    anna, other = newcomer(client, "newcomer"), noadmin(client)
    [session] = other.get("/user/sessions/{me}")
    problem_of(anna.request("DELETE", f"/user/sessions/{{me}}/{session['id']}"), 404, "not_found")
    problem_of(anna.request("DELETE", f"/user/sessions/{CUSTOMER_ID}/{session['id']}"), 403, "forbidden")
    for token in (session["id"], session["id"] * 2):
        answer = client.get("/user_info", headers={"Authorization": f"Bearer {token}"})
        problem_of(answer, 401, "unauthenticated")
        problem_of(client.post("/user/token/refresh", json={"refresh": token}), 401, "unauthenticated")
    assert other.get("/user/sessions/{me}") == [session]


@pytest.mark.parametrize("more", [0, 99, 250])
def test_the_export_is_one_document(served: Served, more: int) -> None:
    """Also with more orders than one batch of a list has."""
    anna = noadmin(served.client)
    anna.order(anna.cart()[0])
    [first, *_] = served.shop.store.read(lambda tx: tx.orders.of_buyer_after(UserId(CUSTOMER_ID), 0, 9))
    copy = NewOrder(**{name: getattr(first, name) for name in attrs.fields_dict(NewOrder)})

    def add(tx: Transaction) -> None:
        for _ in range(more):
            tx.orders.add(copy)

    served.shop.store.write(add)
    exported = anna.get("/user/export/{me}")
    assert list(exported) == [
        *("user", "sessions", "emails", "second_factor_enabled", "cart", "wishlist", "promo_codes", "changes_by_staff"),
        "orders",
    ]
    assert exported["user"] == anna.get("/user_info")
    assert exported["sessions"] == anna.get("/user/sessions/{me}")
    assert exported["cart"] == anna.get("/order/cart/{me}")["product_units"]
    assert exported["wishlist"] == anna.get("/wishlist/{me}")
    orders = exported["orders"]
    became = [(order.pop("tracking"), order.pop("history")) for order in orders]
    assert orders == anna.get("/order/user_orders")
    assert len(orders) == more + 2
    for order, (tracking, history) in list(zip(orders, became, strict=True))[::50]:
        assert tracking == anna.get(f"/order/tracking/{order['id']}")
        assert history == anna.get(f"/order/history/{order['id']}")
    boss = staff(served.client)
    assert [len(boss.get("/user/export/{me}")[name]) for name in ("promo_codes", "changes_by_staff")] == [1, 0]
    problem_of(boss.request("GET", "/user/export/987654"), 404, "not_found")
    problem_of(anna.request("GET", "/user/export/{me}?limit=1"), 422, "invalid_fields")


def test_the_export_has_what_became_of_an_order_as_the_buyer_sees_it(client: httpx2.Client) -> None:
    """Also if staff export: neither the cost of a unit nor which staff moved the order is data of the buyer."""
    anna, boss = noadmin(client), staff(client)
    order = anna.order(anna.cart()[0])
    path = f"/order/move/{order['id']}"
    payment = {"captured": order["total_amount"]}
    assert boss.request("POST", f"/order/payment/{order['id']}", json=payment).status_code == 200
    parcel = {"carrier": "CDEK", "tracking_number": "1234567890"}
    moves: list[dict[str, Any]] = [{"to": "confirmed"}, {"to": "purchased", "cost": 3}]
    moves += [{"to": state} for state in ("in_transit_hub", "in_transit_moscow", "arrived")]
    for move in [*moves, {"to": "handed_over", **parcel}, {"to": "delivered"}]:
        assert boss.request("POST", path, json=move).status_code == 200
    back = {"reason": "too small"}
    assert anna.request("POST", f"/order/return/{order['id']}", json=back).status_code == 200
    assert boss.request("POST", path, json={"to": "returned"}).status_code == 200
    exported = anna.get("/user/export/{me}")["orders"][-1]
    assert exported["tracking"] == anna.get(f"/order/tracking/{order['id']}")
    assert exported["history"] == anna.get(f"/order/history/{order['id']}")
    assert exported["tracking"]["parcels"] == [{"number": 1, **parcel}]
    assert exported["tracking"]["payment"]["refunded"] == order["total_amount"]
    assert [unit["state"] for unit in exported["tracking"]["product_unit"]] == ["returned"]
    assert {entry["user_id"] for entry in exported["history"]} == {None, anna.user_id}
    assert "too small" in {entry["note"] for entry in exported["history"]}
    assert boss.get(f"/user/export/{anna.user_id}")["orders"][-1] == exported


def test_a_deletion_needs_the_password_and_another_superuser(client: httpx2.Client) -> None:
    anna, boss = newcomer(client, "newcomer"), staff(client)
    before = anna.get("/user_info")
    problem_of(anna.request("POST", "/user/delete/{me}", json={"password": "guess"}), 422, "wrong_password")
    problem_of(boss.request("POST", "/user/delete/{me}", json={"password": "sellout-demo"}), 409, "last_superuser")
    assert anna.get("/user_info") == before
    deleted = anna.request("POST", "/user/delete/{me}", json={"password": "secret"})
    assert (deleted.status_code, deleted.json()) == (200, {})
    problem_of(anna.request("GET", "/user_info"), 401, "unauthenticated")
    credentials = {"username": "newcomer", "password": "secret"}
    problem_of(client.post("/user/login", json=credentials), 401, "bad_credentials")
    assert newcomer(client, "newcomer").user_id > anna.user_id
