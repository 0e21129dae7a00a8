"""What a cart costs before and after the personal discount."""

from collections.abc import Sequence

import attrs

from sellout_core.catalogue.products import Products, ProductUnit, not_for_sale
from sellout_core.shopping.ordering import less_percentage
from sellout_core.values import Money, Percentage

__all__ = ["CartTotals", "cart_totals"]


@attrs.frozen
class CartTotals:
    """The sum of the prices of units, and that sum less a personal discount, as `quote` computes them."""

    subtotal: Money
    total: Money


def cart_totals(units: Sequence[ProductUnit], products: Products, personal_discount: Percentage) -> CartTotals | None:
    """The totals of those of the units that can be bought now. None: they have prices in several currencies."""
    unavailable = not_for_sale(units, products)
    subtotal, currencies = 0, set()
    # Carts are read often. A `quote` also divides its total among the units.
    for unit in units:
        if unit.id not in unavailable:
            subtotal += unit.price
            currencies.add(unit.currency_id)
    if len(currencies) > 1:
        return None
    return CartTotals(Money(subtotal), Money(less_percentage(subtotal, personal_discount)))
