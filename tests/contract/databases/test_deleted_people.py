"""After a user's deletion the whole database has none of the user's data: the bytes of an SQLite file with its
write-ahead log, and every row of every table on both databases.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import select

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.testing.credentials import code_at
from sellout_core.people.second_factors import SecondFactorCode
from sellout_core.values import UserId
from tests.contract.conftest import PERSISTENT
from tests.contract.support.buyer import Buyer, change_user, staff
from tests.contract.support.second_factors import turning_on
from tests.contract.support.secrecy import RECOVERY_CODE, SECOND_FACTOR_SECRET
from tests.contract.support.shop import Served, demo_shop, serving_shop

PASSWORD: Final = "a secret of Zinaida's"
NAME: Final = "zinaida.petrovna@example.org"
DATA: Final = {
    "first_name": "Зинаида",
    "last_name": "Гиппиусова",
    "tel": "+79261234567",
    "address": "Литейный проспект 24, квартира 41",
    "post_index": "191028",
    "recipient": "recipient.of.zinaida@example.org",
    "recipient_tel": "74957654321",
    "recipient_name": "Дмитрий",
    "recipient_surname": "Мережковскийсын",
    "other_name": "Фёклаособая",
    "other_surname": "Толстикова",
    "other_patronymic": "Африкановна",
    "other_tel": "+74951112233",
    "other_email": "thekla.of.zinaida@example.org",
    "comment": "звонить в домофон 41 дважды",
    "courier_address": "Саперный переулок 13",
    "courier_post_index": "191014",
    "pick_up_point": "ZINAIDAS-5",
    "device": "ZinaidasTelephone/7.1",
    "promo_code": "ZINAIDA10",
    "key": "the-key-of-zinaida",
    "link": "https://example.org/invited-by-zinaida",
    "secret": SECOND_FACTOR_SECRET,
    "recovery_code": SecondFactorCode(RECOVERY_CODE).fingerprint,
    "cancelled": "Zinaida: my son bought the same pair",
    "returned": "Zinaida: the left shoe of my son is torn",
    "tracking": "ZN-0099-4177",
    "several": "ZN-0099-4178",
}


@pytest.fixture(params=PERSISTENT)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """The demo shop in a database."""
    with PERSISTENT[request.param](tmp_path) as store, serving_shop(demo_shop(store)) as served:
        yield served


def ok(response: Any) -> Any:
    assert response.is_success, response.text
    return response.json()


def person(served: Served, name: str = NAME) -> Buyer:
    """Registers a user and gives every table something about the user."""
    client, agent = served.client, {"User-Agent": DATA["device"]}
    credentials = {"username": name, "password": PASSWORD}
    names = {"first_name": DATA["first_name"], "last_name": DATA["last_name"], "gender": "female"}
    ok(client.post("/user/register", json={**credentials, **names}, headers=agent))
    tokens = ok(client.post("/user/login", json=credentials, headers=agent))
    user_id = client.get("/user_info", headers={"Authorization": f"Bearer {tokens['access']}"}).json()["id"]
    me = Buyer(client, user_id, {"Authorization": f"Bearer {tokens['access']}"})
    address = {"address": DATA["address"], "post_index": DATA["post_index"]}
    address_id = ok(me.request("POST", "/user/address/{me}", json=address))["id"]
    profile = {"tel": DATA["tel"], "main_address_id": address_id}
    ok(me.request("PATCH", "/user_info", json=profile, headers={"If-Match": "*"}))
    change_user(served.shop, user_id, referral_link=DATA["link"])
    me.fill_cart(1, 2)
    checkout = {
        "product_unit": [1],
        "email": DATA["recipient"],
        "tel": DATA["recipient_tel"],
        "first_name": DATA["recipient_name"],
        "last_name": DATA["recipient_surname"],
        "address_id": address_id,
    }
    recipient = {
        "name": DATA["other_name"],
        "surname": DATA["other_surname"],
        "patronymic": DATA["other_patronymic"],
        "telephone": DATA["other_tel"],
        "email": DATA["other_email"],
        "comment": DATA["comment"],
    }
    courier = {"address": DATA["courier_address"], "post_index": DATA["courier_post_index"]}
    checkout |= {"recipient": recipient, "delivery": {"kind": "courier", "address": courier}}
    ok(me.request("POST", "/order/checkout/{me}", json=checkout, headers={"Idempotency-Key": DATA["key"]}))
    point = {"kind": "pick_up_point", "pick_up_point": DATA["pick_up_point"]}
    ok(me.request("POST", "/order/checkout/{me}", json={**checkout, "product_unit": [2], "delivery": point}))
    assert all(text in me.request("GET", "/user/export/{me}").text for text in (*recipient.values(), *courier.values()))
    ok(me.request("POST", "/wishlist/add_no_size/{me}/2"))
    ok(me.request("GET", "/product_unit/product_main/2/{me}"))
    turning_on(served.shop, UserId(user_id))
    return me


def credentials_of(served: Served, name: str) -> dict[str, str]:
    """The body of a log-in of a user with a second factor."""
    return {"username": name, "password": PASSWORD, "code": code_at(SECOND_FACTOR_SECRET, served.shop.clock())}


def fulfilled(served: Served, me: Buyer) -> int:
    """An order. The buyer cancels a unit and returns another one, with reasons. Staff hand over two parcels. Every
    request has an idempotency key. Returns the id.
    """
    me.fill_cart(2, 3, 5)
    cancelled, first, second = 2, 3, 5
    boss, number = staff(served.client), me.order(cancelled, first, second)["id"]

    def post(who: Buyer, path: str, **body: Any) -> Any:
        return ok(who.request("POST", path, json=body, headers={"Idempotency-Key": str(uuid4())}))

    left = post(me, f"/order/cancel/{number}", product_unit=[cancelled], reason=DATA["cancelled"])["payment"]
    post(boss, f"/order/payment/{number}", captured=left["amount_due"])
    for state in ("confirmed", "purchased", "in_transit_hub", "in_transit_moscow", "arrived"):
        post(boss, f"/order/move/{number}", to=state, **({"cost": 1} if state == "purchased" else {}))
    parcel = {"to": "handed_over", "carrier": "CDEK"}
    tracked = {"product_unit": [first], "tracking_number": DATA["tracking"]}
    post(boss, f"/order/move/{number}", **parcel, **tracked)
    several = {"order": number, "product_unit": [second], "tracking_number": DATA["several"]}
    [moved] = post(boss, "/order/moves", moves=[{**parcel, **several}])
    assert moved["problem"] is None
    post(boss, f"/order/move/{number}", to="delivered")
    post(me, f"/order/return/{number}", product_unit=[first], reason=DATA["returned"])
    post(boss, f"/order/move/{number}", to="returned", product_unit=[first])
    post(boss, f"/order/refund/{number}", to="done")
    return int(number)


def noted_by_staff(served: Served, me: Buyer) -> None:
    """Staff change the user, and make a promo code that another buyer uses."""
    boss = staff(served.client)
    renamed = {"first_name": DATA["first_name"] + "!", "personal_discount_percentage": 3}
    ok(boss.request("PATCH", f"/user/{me.user_id}", json=renamed, headers={"If-Match": "*"}))
    promo = {
        "string_representation": DATA["promo_code"],
        "owner_id": me.user_id,
        "max_activation_count": 9,
        "active_until_date": "2099-12-31",
        "discount_percentage": 10,
    }
    ok(boss.request("POST", "/promo", json=promo, headers={"Idempotency-Key": "the key of staff"}))
    boss.request("POST", "/order/cart_add/{me}/5")
    boss.order(boss.cart()[0], promo_code=DATA["promo_code"])
    session = next(one["id"] for one in boss.get(f"/user/sessions/{me.user_id}") if one["device"] == DATA["device"])
    ok(boss.request("DELETE", f"/user/sessions/{me.user_id}/{session}"))


def texts_of(value: Any) -> Iterator[str]:
    """All texts in a value of a row. A stored response is read as JSON."""
    if isinstance(value, bytes | memoryview):
        with_json = bytes(value)
        with suppress(zlib.error):
            with_json = zlib.decompress(with_json)
        yield json.dumps(json.loads(with_json), ensure_ascii=False)
    else:
        yield json.dumps(value, ensure_ascii=False, default=str)


def rows_of(served: Served) -> str:
    """Every row of every table as one text."""
    store: Any = served.shop.store
    lines: list[str] = []
    with store.engine.connect() as connection:
        connection.begin()
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.name != "terms"]
            for row in connection.execute(select(*columns)):
                lines.extend(f"{table.name} {text}" for value in row for text in texts_of(value))
        connection.rollback()
    return "\n".join(lines)


def found(text: str, me: Buyer) -> list[str]:
    """The user's data in a text."""
    secrets = {NAME, *DATA.values(), *(value.casefold() for value in DATA.values()), me.headers["Authorization"][20:60]}
    return [secret for secret in secrets if secret in text]


def test_no_row_has_anything_of_a_deleted_user(served: Served) -> None:
    me = person(served)
    number = fulfilled(served, me)
    before = rows_of(served)
    assert set(found(before, me)) >= {NAME, *(value for name, value in DATA.items() if name != "promo_code")}
    noted_by_staff(served, me)
    assert DATA["promo_code"] in rows_of(served)
    orders = [one for one in staff(served.client).get("/order/orders") if one["user"]["id"] == me.user_id]
    first, last, _ = orders
    # A stored response of staff about the order.
    payment, key = {"captured": last["total_amount"]}, {"Idempotency-Key": "the payment"}
    ok(staff(served.client).request("POST", f"/order/payment/{last['id']}", json=payment, headers=key))
    orders = [one for one in staff(served.client).get("/order/orders") if one["user"]["id"] == me.user_id]
    tracking = staff(served.client).get(f"/order/tracking/{number}")
    ok(staff(served.client).request("POST", f"/user/delete/{me.user_id}", json={"password": PASSWORD}))
    assert found(rows_of(served), me) == []
    boss = staff(served.client)
    for one in (first, last):
        delivered = boss.get(f"/order/tracking/{one['id']}")
        assert (delivered["recipient"], delivered["delivery"]) == (None, None)
        assert delivered["payment"]["delivery_fee"] > 0
    emptied = [one for one in boss.get("/order/orders") if one["user"]["id"] == me.user_id]
    for order, after in zip(orders, emptied, strict=True):
        for name in ("id", "total_amount", "product_unit", "product_units", "status", "fact_of_payment"):
            assert after[name] == order[name]
        assert [after[name] for name in ("email", "tel", "name", "surname")] == [""] * 4
        assert (after["address"]["address"], after["user"]["username"], after["user"]["date_joined"]) == ("", "", None)
        assert (after["user"]["id"], after["user"]["is_active"]) == (me.user_id, False)
    assert boss.get(f"/order/tracking/{number}") == {
        **tracking,
        "parcels": [{"number": number, "carrier": "CDEK", "tracking_number": "-"} for number in (1, 2)],
    }
    assert all(user["id"] != me.user_id for user in boss.get("/user"))


@pytest.mark.parametrize("others", [0, 30])
def test_the_file_has_no_byte_of_a_deleted_user(tmp_path: Path, others: int) -> None:
    """Nor has the write-ahead log after a checkpoint. Rows of other users share the pages."""
    path = tmp_path / "shop.db"
    store = SqlStore.open(f"sqlite:///{path}", migrate=True)
    with serving_shop(demo_shop(store)) as served:
        for number in range(others):
            person(served, f"other{number}")
        for number in range(others):
            client = served.client
            tokens = ok(client.post("/user/login", json=credentials_of(served, f"other{number}")))
            headers = {"Authorization": f"Bearer {tokens['access']}"}
            other = client.get("/user_info", headers=headers).json()["id"]
            if number % 2:
                ok(client.post(f"/user/delete/{other}", json={"password": PASSWORD}, headers=headers))
        me = person(served)
        fulfilled(served, me)
        noted_by_staff(served, me)
        tokens = ok(served.client.post("/user/login", json=credentials_of(served, NAME)))
        own = Buyer(served.client, me.user_id, {"Authorization": f"Bearer {tokens['access']}"})
        ok(own.request("POST", "/user/delete/{me}", json={"password": PASSWORD}))
        for user in staff(served.client).get("/user"):
            if user["username"].startswith("other"):
                body = {"password": PASSWORD}
                ok(staff(served.client).request("POST", f"/user/delete/{user['id']}", json=body))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in {NAME, *DATA.values()}:
        assert secret.encode() not in content, secret
        assert json.dumps(secret).strip('"').encode() not in content, secret
    store.close()
