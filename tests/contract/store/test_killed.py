"""A checkout whose process is killed at any statement, then sent again, is one order on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import PERSISTENT
from tests.contract.support.checkout_scene import CheckoutScene, checkout_scene
from tests.contract.support.killed import killed_work

CHECK_OUT = """
from sellout_adapters.sql import SqlStore
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.shopping.checkout import check_out_once

def prepare(url, *ids):
    buyer, address, *units = map(int, ids)
    shop = Scene(SqlStore.open(url)).shop
    ask = checkout_request(address, *units, promo_code="SALE")
    return lambda: check_out_once(shop, OPERATOR, buyer, ask, "a key", lambda view: b"%d" % view.order.id)
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.deep)])
def buying(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CheckoutScene]:
    """A buyer before a checkout, on each database."""
    with PERSISTENT[request.param](tmp_path) as store:
        yield checkout_scene(store)


def test_a_checkout_that_is_killed_before_any_statement_and_sent_again_is_one_order(buying: CheckoutScene) -> None:
    """Before the commit nothing has changed. After it the order is complete."""
    before = buying.rows()
    committed = None
    url = buying.store.engine.url.render_as_string(hide_password=False)
    ids = map(str, (buying.buyer, buying.ask.address_id, *buying.units))
    with killed_work(CHECK_OUT, url, *ids) as killed_before:
        for number in range(1, 100):
            if not killed_before(number):
                break
            if buying.orders():
                committed = committed or number
                buying.require_one_order()
            else:
                assert committed is None
                assert buying.rows() == before
    assert committed is not None
    assert committed > 11
    buying.require_one_order()
    assert buying.check_out() == b"%d" % buying.orders()[0].id
    buying.require_one_order()
