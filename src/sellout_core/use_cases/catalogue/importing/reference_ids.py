"""Converts names in entries to ids of rows in the reference tables."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

import attrs

from sellout_core.audit import NewAuditEntry, audited
from sellout_core.catalogue.products import NewProduct, NewProductUnit, ReferenceNames, References
from sellout_core.catalogue.references import Reference, ReferenceKind
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.values import (
    UNCHANGED,
    BrandId,
    CategoryId,
    CurrencyId,
    DeliveryTypeId,
    GenderId,
    PlatformId,
    ProductId,
    SizeId,
    TagId,
)

__all__ = ["ReferenceIds", "ensured", "names_of"]


@attrs.frozen
class ReferenceIds:
    """The ids of rows in the reference tables, by name."""

    brands: Mapping[str, BrandId]
    categories: Mapping[str, CategoryId]
    tags: Mapping[str, TagId]
    genders: Mapping[str, GenderId]
    platforms: Mapping[tuple[str, str], PlatformId]
    delivery_types: Mapping[str, DeliveryTypeId]
    currencies: Mapping[str, CurrencyId]

    @classmethod
    def of(cls, references: References) -> Self:
        """The ids of all rows."""
        return cls(
            {row.name: brand_id for brand_id, row in references.brands.items()},
            {row.name: category_id for category_id, row in references.categories.items()},
            {row.name: tag_id for tag_id, row in references.tags.items()},
            {row.name: gender_id for gender_id, row in references.genders.items()},
            {(row.name, row.site): platform_id for platform_id, row in references.platforms.items()},
            {row.name: delivery_type_id for delivery_type_id, row in references.delivery_types.items()},
            {row.name: currency_id for currency_id, row in references.currencies.items()},
        )

    def product(self, entry: ProductEntry, updated_at: datetime) -> NewProduct:
        """The product of an entry."""
        return NewProduct(
            sku=entry.sku,
            name=entry.name,
            description=entry.description,
            bucket_link=entry.bucket_link,
            available=entry.available_flag,
            updated_at=updated_at,
            added_on=entry.add_date,
            fit=entry.fit,
            rel_num=entry.rel_num,
            gender_id=self.genders[entry.gender],
            brand_ids=tuple(sorted(self.brands[name] for name in entry.brands)),
            category_ids=tuple(sorted(self.categories[name] for name in entry.categories)),
            tag_ids=tuple(sorted(self.tags[name] for name in entry.tags)),
        )

    def unit(self, entry: UnitEntry, product_id: ProductId, size_id: SizeId) -> NewProductUnit:
        """The unit of an entry. It is unavailable if no piece is left."""
        return NewProductUnit(
            product_id=product_id,
            size_id=size_id,
            price=entry.final_price,
            currency_id=self.currencies[entry.currency],
            delivery_type_id=self.delivery_types[entry.delivery_type],
            platform_id=self.platforms[entry.platform, entry.site],
            available=entry.availability and entry.stock != 0,
            stock=None if entry.stock is UNCHANGED else entry.stock,
            sold=entry.sold,
        )


def ensured(tx: Transaction, names: ReferenceNames, now: datetime, actor: Actor) -> References:
    """Adds the missing names to the reference tables, with an audit entry for each, and returns all rows."""
    entries: list[NewAuditEntry] = []

    def audit(kind: ReferenceKind, row: Reference) -> None:
        entries.append(audited(actor, now, kind.noun, row.id, after=row))

    references = tx.references.ensure(names, audit)
    tx.audit.add(entries)
    return references


def names_of(entries: Sequence[ProductEntry], units: Sequence[UnitEntry] = ()) -> ReferenceNames:
    """The names in entries of products, and in additional entries of units."""
    units = [*units, *(unit for entry in entries for unit in entry.units or ())]
    return ReferenceNames(
        brands=frozenset(name for entry in entries for name in entry.brands),
        categories=frozenset(name for entry in entries for name in entry.categories),
        tags=frozenset(name for entry in entries for name in entry.tags),
        genders=frozenset(entry.gender for entry in entries),
        platforms=frozenset((unit.platform, unit.site) for unit in units),
        delivery_types=frozenset(unit.delivery_type for unit in units),
        currencies=frozenset(unit.currency for unit in units),
    )
