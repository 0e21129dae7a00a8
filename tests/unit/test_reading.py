"""Reading use cases do not write, so they wait for no writer. An error of the store is raised to the caller."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import attrs
import pytest

from sellout_adapters.testing.scene import PASSWORD, unit_entry
from sellout_core.errors import Unavailable
from sellout_core.people.accounts import ANONYMOUS, OPERATOR, Registration
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.catalogue.browsing import read_page, read_product, read_products, read_units, view_card
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_core.use_cases.people.registration import register
from sellout_core.use_cases.people.sessions import authenticate, log_in, read_token, verify
from sellout_core.use_cases.people.users import read_addresses, read_last_viewed, read_profile, read_user, read_users
from sellout_core.use_cases.shopping.carts import add_to_cart, read_cart
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order, read_orders, read_user_orders
from sellout_core.use_cases.shopping.promo_codes import check_promo_code
from sellout_core.use_cases.shopping.wishlists import read_wishlist
from sellout_core.values import ProductId, UserId
from tests.unit.shop_scene import Scene

T = TypeVar("T")


@attrs.frozen
class ReadOnlyStore:
    """A store whose writes fail."""

    store: Store

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:  # noqa: ARG002 - the signature of the port
        raise Unavailable


def test_whatever_only_reads_works_on_a_store_that_cannot_be_written_to(scene: Scene) -> None:
    anna, sold, kept = scene.person("anna"), scene.unit("dunk", 7), scene.unit("air", 100)
    order = check_out(scene.shop, anna.actor, anna.id, scene.ready(anna, sold)).order
    scene.fill_cart(anna.id, kept)
    scene.promo_code("SALE", anna.id)
    pair = log_in(scene.shop, "anna", PASSWORD)
    claims = read_token(scene.shop, pair.access, "access")
    shop, product_id = attrs.evolve(scene.shop, store=cast(Any, ReadOnlyStore)(scene.store)), ProductId(1)
    for read in (
        lambda: read_users(shop, OPERATOR, lambda _: None),
        lambda: read_user(shop, OPERATOR, anna.id),
        lambda: read_profile(shop, anna.actor, anna.id),
        lambda: read_last_viewed(shop, anna.actor, anna.id),
        lambda: read_addresses(shop, anna.actor, anna.id),
        lambda: read_page(shop, ANONYMOUS, 1),
        lambda: read_products(shop, OPERATOR, lambda _: None),
        lambda: read_product(shop, OPERATOR, product_id),
        lambda: read_units(shop, ANONYMOUS, product_id),
        lambda: view_card(shop, ANONYMOUS, product_id, anna.id),
        lambda: view_card(shop, anna.actor, product_id, None),
        lambda: read_wishlist(shop, anna.actor, anna.id),
        lambda: read_cart(shop, anna.actor, anna.id),
        lambda: check_promo_code(shop, anna.actor, anna.id, "SALE", [kept]),
        lambda: read_orders(shop, OPERATOR, lambda _: None),
        lambda: read_user_orders(shop, anna.actor, anna.id, lambda _: None),
        lambda: read_order(shop, anna.actor, order.id),
        lambda: export_products(shop, OPERATOR, lambda _: None),
        lambda: authenticate(shop, claims),
        lambda: verify(shop, pair.access),
        lambda: verify(shop, pair.refresh),
    ):
        read()


def test_an_unreachable_store_is_unavailable_to_writers(scene: Scene) -> None:
    anna, unit_id = scene.person("anna"), scene.unit("dunk", 7)
    shop = attrs.evolve(scene.shop, store=cast(Any, ReadOnlyStore)(scene.store))
    for write in (
        lambda: register(shop, Registration("boris", PASSWORD)),
        lambda: log_in(shop, "anna", PASSWORD),
        lambda: add_to_cart(shop, anna.actor, anna.id, unit_id),
        lambda: view_card(shop, anna.actor, ProductId(1), anna.id),
    ):
        with pytest.raises(Unavailable):
            write()
    assert scene.user_now(UserId(1)).last_viewed == ()


def test_use_cases_within_a_transaction_read_one_state(scene: Scene) -> None:
    """Neither of them sees a later commit."""
    anna, goods = scene.person(), scene.goods("one", unit_entry(10))

    def work(tx: Transaction) -> list[int]:
        shop = scene.shop.within(tx)
        assert (shop.tokens, shop.clock, shop.policy) == (scene.shop.tokens, scene.shop.clock, scene.shop.policy)
        seen = [len(read_cart(shop, anna.actor, anna.id).units)]
        add_to_cart(scene.shop, anna.actor, anna.id, goods.unit_id)
        return [*seen, len(read_cart(shop, anna.actor, anna.id).units)]

    assert scene.shop.store.read(work) == [0, 0]
    assert scene.in_cart(anna.id) == goods.unit_ids
