"""The imports of the state machine. They change all members of products."""

from datetime import date
from typing import Any

import attrs

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_core.catalogue.products import ProductUnit
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import UNCHANGED, Money

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule


_SOME_NAMES = st.lists(st.sampled_from(["Nike", "Ёжик", "Other"]), max_size=2, unique=True).map(tuple)


@st.composite
def _members(draw: st.DrawFn) -> dict[str, Any]:
    """The members of a product except its units."""
    return {
        "name": draw(st.sampled_from(["The product", "Renamed", "Кеды"])),
        "description": draw(st.sampled_from(["", "Rewritten"])),
        "bucket_link": draw(st.sampled_from(["/buck", "/moved"])),
        "brands": draw(_SOME_NAMES),
        "categories": draw(_SOME_NAMES),
        "tags": draw(_SOME_NAMES),
        "gender": draw(st.sampled_from(["M", "F", "U"])),
        "fit": draw(st.integers(0, 1)),
        "rel_num": draw(st.integers(0, 1)),
        "add_date": draw(st.sampled_from([date(2026, 1, 31), date(2020, 2, 29)])),
        "available_flag": draw(st.sampled_from([True, True, True, False])),
    }


class ImportRules(RuleBasedStateMachine):
    """The rules for imports, and the part of the model that they change.

    Attributes:
        units: The units by id, with their prices.
        stock: The pieces left by unit id.
        sold: The pieces sold by unit id.
        withdrawn: The ids of withdrawn units.
        unlisted: The ids of products that are not listed.
    """

    scene: Scene

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[int, ProductUnit] = {}
        self.stock: dict[int, int | None] = {}
        self.sold: dict[int, int] = {}
        self.withdrawn: set[int] = set()
        self.unlisted: set[int] = set()

    def available(self, unit_id: int) -> bool:
        """Whether the unit is available, regardless of its product."""
        return unit_id not in self.withdrawn and self.stock[unit_id] != 0

    def for_sale(self, unit_id: int) -> bool:
        """Whether buyers can order the unit."""
        return self.available(unit_id) and self.units[unit_id].product_id not in self.unlisted

    @rule(data=st.data())
    def import_catalogue(self, data: st.DataObject) -> None:
        """A file states the received pieces, and sold pieces stay sold. With `counted` it states the pieces left."""
        product_id = data.draw(st.sampled_from(sorted({unit.product_id for unit in self.units.values()})))
        counted = data.draw(st.booleans())
        entries = []
        for unit in [unit for unit in self.units.values() if unit.product_id == product_id]:
            offered = data.draw(st.sampled_from(["yes", "yes", "yes", "no", "left out"]))
            (self.withdrawn.discard if offered == "yes" else self.withdrawn.add)(unit.id)
            if offered == "left out":
                continue
            price = Money(data.draw(st.integers(1, 120)))
            stock = data.draw(st.sampled_from([UNCHANGED, None, 0, 1, 2, 5]))
            sold = data.draw(st.integers(0, 3))
            entries.append(unit_entry(price, unit.size.grid, availability=offered == "yes", stock=stock, sold=sold))
            self.units[unit.id] = attrs.evolve(unit, price=price)
            if stock is None:
                self.stock[unit.id] = None
            elif isinstance(stock, int):
                received = stock + sold
                self.stock[unit.id] = stock if counted else max(0, received - self.sold[unit.id])
        [product] = self.scene.store.read(lambda tx: tx.products.get_many([product_id])).values()
        members = data.draw(_members())
        (self.unlisted.discard if members["available_flag"] else self.unlisted.add)(product_id)
        self.scene.clock.advance(seconds=1)
        entry = product_entry(product.sku, *entries, **members)
        import_products(self.scene.shop, OPERATOR, [entry], counted=counted)
