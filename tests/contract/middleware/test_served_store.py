"""A store that has the port's two methods alone is served, without the optional features."""

from collections.abc import Callable
from typing import TypeVar

import attrs
import pytest

from sellout_adapters import demo
from sellout_adapters.testing.scene import product_entry
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_http.runtime.served_store import ThreadedStore, served
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.shop import demo_shop, log_in, problem_of, serving_shop

T = TypeVar("T")


@attrs.frozen
class TwoMethods:
    """A store with the two methods of the port."""

    inner: Store

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.inner.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        return self.inner.write(work)


def test_a_store_with_two_methods_is_served(store: Store) -> None:
    """Its documents are not cached, because the version of the catalogue is unknown."""
    shop = attrs.evolve(demo_shop(store), store=TwoMethods(store))
    with serving_shop(shop) as here:
        headers = log_in(here.client, demo.STAFF)
        assert here.client.post("/order/checkout/1", headers=headers, json=CHECKOUT).status_code == 201
        for number in range(2):
            import_products(shop, OPERATOR, [product_entry("air_force_1", name=f"Name {number}")])
            assert here.client.get("/product/all/1").json()["items"][0]["name"] == f"Name {number}"
        assert here.client.get("/order/cart/1", headers=headers).json()["product_units"] == []
        assert len(here.client.get("/product", headers=headers).json()) > 50
        assert here.client.get("/readyz").status_code == 200


def test_calls_beyond_those_that_may_wait_are_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool of general threads has no place left, and health checks need none of its places."""
    shop = attrs.evolve(demo_shop(store), store=TwoMethods(store))
    monkeypatch.setattr("sellout_http.app.WAITING_CALLS", -1)
    with serving_shop(shop, threads=1) as here:
        problem_of(here.client.get("/product/all/1"), 503, "unavailable_now")
        assert here.client.get("/readyz").status_code == 200


def test_a_store_with_all_members_is_served_as_it_is(store: Store) -> None:
    assert served(store) is store
    assert isinstance(served(TwoMethods(store)), ThreadedStore)
