"""The state machine's imports: prices and stocks change between what buyers do."""

import attrs

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_core.accounts import OPERATOR
from sellout_core.catalogue import ProductUnit
from sellout_core.use_cases.importing.changes import UNCHANGED
from sellout_core.use_cases.importing.writing import import_products
from sellout_core.values import Money

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, rule


class ImportRules(RuleBasedStateMachine):
    """What an import does to the model: `units` with their prices, `stock` left and pieces `sold`, by unit id."""

    scene: Scene

    def __init__(self) -> None:
        super().__init__()
        self.units: dict[int, ProductUnit] = {}
        self.stock: dict[int, int | None] = {}
        self.sold: dict[int, int] = {}

    @rule(data=st.data())
    def import_catalogue(self, data: st.DataObject) -> None:
        """A file says how many pieces were received; what was sold of them stays sold. Just counted, it says how many
        are left.
        """
        product_id = data.draw(st.sampled_from(sorted({unit.product_id for unit in self.units.values()})))
        counted = data.draw(st.booleans())
        entries = []
        for unit in [unit for unit in self.units.values() if unit.product_id == product_id]:
            price = Money(data.draw(st.integers(1, 120)))
            stock = data.draw(st.sampled_from([UNCHANGED, None, 0, 1, 2, 5]))
            sold = data.draw(st.integers(0, 3))
            entries.append(unit_entry(price, unit.size.grid, stock=stock, sold=sold))
            self.units[unit.id] = attrs.evolve(unit, price=price)
            if stock is None:
                self.stock[unit.id] = None
            elif isinstance(stock, int):
                received = stock + sold
                self.stock[unit.id] = stock if counted else max(0, received - self.sold[unit.id])
        [product] = self.scene.store.read(lambda tx: tx.products.get_many([product_id])).values()
        import_products(self.scene.shop, OPERATOR, [product_entry(product.sku, *entries)], counted=counted)
