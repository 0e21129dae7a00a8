"""Orders after a change of the catalogue. A SQL store shares the stored units of orders."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from sellout_adapters.sql import SqlStore
from sellout_adapters.sql.schema.tables.catalogue import agreed_products, agreed_units
from tests.contract.conftest import PERSISTENT
from tests.contract.support.buyer import Buyer, change_product, change_unit, newcomer, staff
from tests.contract.support.shop import Served, demo_shop, serving_shop


class Units(msgspec.Struct):
    """The units of an order in a response, as bytes."""

    id: int
    product_unit: msgspec.Raw
    product_units: msgspec.Raw = msgspec.Raw(b"")


def sent(buyer: Buyer, path: str, order_id: int) -> list[bytes]:
    response = buyer.request("GET", path)
    assert response.status_code == 200
    (order,) = [order for order in msgspec.json.decode(response.content, type=list[Units]) if order.id == order_id]
    return [bytes(raw) for raw in (order.product_unit, order.product_units) if bytes(raw)]


def test_an_orders_units_are_the_same_bytes_whatever_the_catalogue_becomes(served: Served) -> None:
    anna, boss = newcomer(served.client, "anna@mail.ru"), staff(served.client)
    anna.fill_cart(1, 2)
    placed = anna.order(1, 2)
    read = (
        (anna, f"/order/info/{placed['id']}"),
        (anna, "/order/user_orders/{me}"),
        (boss, "/order/orders"),
    )
    before = [sent(buyer, path, placed["id"]) for buyer, path in read]
    assert [msgspec.json.decode(raw) for raws in before for raw in raws] == [placed["product_unit"]] * 4
    for unit in placed["product_unit"]:
        change_unit(served.shop, unit["id"], price=unit["final_price"] + 1, available=False, delivery_type_id=2)
        change_product(
            served.shop, unit["product"]["id"], name="Renamed", description="", bucket_link="/x", brand_ids=()
        )
    assert [sent(buyer, path, placed["id"]) for buyer, path in read] == before


@pytest.mark.parametrize("kind", PERSISTENT)
def test_orders_of_one_unit_share_what_was_agreed(tmp_path: Path, kind: str) -> None:
    def stored(store: SqlStore) -> list[Any]:
        with store.engine.connect() as connection:
            return [
                connection.scalar(select(func.count()).select_from(table)) for table in (agreed_products, agreed_units)
            ]

    with PERSISTENT[kind](tmp_path) as store, serving_shop(demo_shop(store)) as served:
        before = stored(store)
        for name in ("anna", "boris", "clara"):
            buyer = newcomer(served.client, name)
            buyer.fill_cart(6)
            buyer.order(6)
        assert stored(store) == [rows + 1 for rows in before]
        change_unit(served.shop, 6, price=1)
        buyer.fill_cart(6)
        buyer.order(6)
        assert stored(store) == [before[0] + 1, before[1] + 2]
