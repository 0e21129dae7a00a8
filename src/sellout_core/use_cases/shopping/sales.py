"""Reports sales."""

from collections.abc import Mapping, Sequence
from typing import Any

from sellout_core.errors import LimitReached
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.shopping.sales import (
    MAX_ROWS,
    SalesFigures,
    SalesGroup,
    SalesKey,
    SalesQuery,
    SalesReport,
    SalesRow,
)

__all__ = ["read_sales"]


def read_sales(shop: ReadingShop, actor: Actor, query: SalesQuery) -> SalesReport:
    """A report of all orders that were placed in a range of days of the shop's time zone. For staff.

    A piece of a product with several brands counts once for each of them. Brands and platforms are those that the
    products and units have now, so a merge or a new name holds for older orders too.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        LimitReached: the report would have more than 10,000 rows.
    """
    actor.require_staff()
    zone = shop.policy.time_zone
    bounds = query.bounds(zone)

    def work(tx: Transaction) -> SalesReport:
        sums = tx.sales.between(query.by, bounds, MAX_ROWS + 1)
        if len(sums.groups) > MAX_ROWS:
            raise LimitReached(MAX_ROWS)
        totals = sorted(sums.totals, key=lambda figures: figures.currency)
        return SalesReport(query, zone, totals, _rows(tx, query, sorted(sums.groups, key=_place)))

    return shop.store.read(work)


def _place(group: SalesGroup) -> tuple[int, str]:
    """The place of a group among others: by key, those without a brand first."""
    return -1 if group.key is None else group.key, group.figures.currency


def _rows(tx: Transaction, query: SalesQuery, groups: Sequence[SalesGroup]) -> Sequence[SalesRow]:
    if query.by is SalesKey.DAY:
        days = query.days
        return [SalesRow(group.figures, day=days[group.key or 0]) for group in groups]
    described = _described(tx, query.by, groups)
    return [_row(group.figures, described.get(group.key)) for group in groups]


def _described(tx: Transaction, by: SalesKey, groups: Sequence[SalesGroup]) -> Mapping[Any, Any]:
    """The brands, products or platforms of the groups by id."""
    if by is SalesKey.PRODUCT:
        return tx.products.get_many([group.key for group in groups])  # type: ignore[misc]
    references = tx.references.snapshot()
    return references.brands if by is SalesKey.BRAND else references.platforms


def _row(figures: SalesFigures, described: Any) -> SalesRow:
    """The row of a brand, a product or a platform. None: of products without a brand."""
    if described is None:
        return SalesRow(figures)
    sku, site = getattr(described, "sku", None), getattr(described, "site", None)
    return SalesRow(figures, row_id=described.id, name=described.name, sku=sku, site=site)
