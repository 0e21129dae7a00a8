"""A race that is lost within a transaction, on a store with weaker isolation than ours. What the checkout read may have
changed before it writes. Then the checkout must change nothing.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar, cast

import attrs
import pytest

from sellout_adapters.memory import MemoryStore, MemoryTransaction
from sellout_adapters.memory.repositories.catalogue import Units
from sellout_adapters.memory.repositories.shopping.orders import PromoCodes
from sellout_core.catalogue.products import ProductUnit
from sellout_core.errors import PromoCodeUsedUp, UnitsUnavailable
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.shopping.ordering import Checkout, PromoCode
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.values import ProductUnitId
from tests.unit.shop_scene import Person, Scene

T = TypeVar("T")


class OvertakenUnits(Units):
    """A concurrent buyer takes the last piece of the first unit."""

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        super().take([max(units, key=lambda unit: unit.id)])
        return super().take(units)


class OvertakenPromoCodes(PromoCodes):
    """A concurrent checkout activates the promo code first."""

    def activate(self, promo_code: PromoCode) -> PromoCode | None:
        super().activate(promo_code)
        return super().activate(promo_code)


@attrs.frozen
class OvertakenStore:
    """A store in which a concurrent writer commits between a writer's reads and writes."""

    store: MemoryStore

    def read(self, work: Callable[[Transaction], T]) -> T:
        return self.store.read(work)

    def write(self, work: Callable[[Transaction], T]) -> T:
        def overtaken(tx: Transaction) -> T:
            assert isinstance(tx, MemoryTransaction)
            tx.units = OvertakenUnits(tx.units._live)
            tx.promo_codes = OvertakenPromoCodes(tx.promo_codes._live)
            return work(tx)

        return self.store.write(overtaken)


@pytest.fixture
def anna(scene: Scene) -> Person:
    return scene.person("anna")


def overtaken(scene: Scene) -> Scene:
    assert isinstance(scene.store, MemoryStore)
    scene.shop = attrs.evolve(scene.shop, store=cast(Any, OvertakenStore)(scene.store))
    return scene


def plainly(shop: Shop, buyer: Person, asked: Checkout) -> object:
    return check_out(shop, buyer.actor, buyer.id, asked)


def once(shop: Shop, buyer: Person, asked: Checkout) -> object:
    return check_out_once(shop, buyer.actor, buyer.id, asked, "key", lambda _: b"")


@pytest.mark.parametrize("order", [plainly, once], ids=["plainly", "once"])
def test_a_unit_whose_last_piece_went_meanwhile_is_named_and_nothing_happens(
    scene: Scene, anna: Person, order: Callable[[Shop, Person, Checkout], object]
) -> None:
    plenty, last = scene.unit("dunk", 7, stock=5), scene.unit("air", 100, stock=1)
    scene.promo_code("SALE", anna.id)
    asked = scene.ready(anna, last, plenty, promo_code="SALE")
    shop = overtaken(scene).shop
    with pytest.raises(UnitsUnavailable) as refusal:
        order(shop, anna, asked)
    assert refusal.value.unit_ids == (last,)
    assert scene.in_cart(anna.id) == (last, plenty)
    assert (scene.unit_now(plenty).stock, scene.unit_now(last).stock) == (5, 1)
    assert scene.promo_now("SALE").activation_count == 0
    assert scene.store.read(lambda tx: tx.orders.after(0, 1_000)) == []


def test_a_promo_code_whose_last_activation_went_meanwhile_is_used_up_and_nothing_happens(
    scene: Scene, anna: Person
) -> None:
    scene.promo_code("SALE", anna.id, max_activation_count=1)
    unit_id = scene.unit("dunk", 7, stock=5)
    asked = scene.ready(anna, unit_id, promo_code="SALE")
    with pytest.raises(PromoCodeUsedUp):
        check_out(overtaken(scene).shop, anna.actor, anna.id, asked)
    assert scene.in_cart(anna.id) == (unit_id,)
    assert scene.unit_now(unit_id).stock == 5
    assert scene.promo_now("SALE").activation_count == 0
    assert scene.store.read(lambda tx: tx.orders.after(0, 1_000)) == []


def test_what_is_left_after_a_rival_is_sold(scene: Scene, anna: Person) -> None:
    scene.promo_code("SALE", anna.id, max_activation_count=2)
    unit_id = scene.unit("dunk", 100, stock=2)
    view = check_out(overtaken(scene).shop, anna.actor, anna.id, scene.ready(anna, unit_id, promo_code="SALE"))
    assert view.order.total == 85
    assert view.order.promo_code is not None
    assert view.order.promo_code.activation_count == 2
    assert scene.unit_now(unit_id).stock == 0
