"""Products and product units, without a store."""

from datetime import UTC, date, datetime

import attrs
import pytest

from sellout_core.catalogue.products import (
    FEMALE,
    MALE,
    NO_SIZE,
    PENDING,
    NewProductUnit,
    Product,
    ProductUnit,
    Size,
    SizeGrid,
    not_for_sale,
)
from sellout_core.values import CurrencyId, DeliveryTypeId, Money, PlatformId, ProductId, ProductUnitId, SizeId

LISTED, UNLISTED = ProductId(1), ProductId(2)


def product(product_id: ProductId, *, available: bool) -> Product:
    return Product(
        id=product_id,
        sku=f"sku-{product_id}",
        name="Dunk",
        description="",
        bucket_link="",
        available=available,
        updated_at=datetime(2026, 3, 1, tzinfo=UTC),
        added_on=date(2026, 3, 1),
        fit=0,
        rel_num=0,
        gender_id=MALE,
        brand_ids=(),
        category_ids=(),
        tag_ids=(),
    )


PRODUCTS = {LISTED: product(LISTED, available=True), UNLISTED: product(UNLISTED, available=False)}


def new_unit(product_id: ProductId, *, available: bool = True, stock: int | None = None) -> NewProductUnit:
    return NewProductUnit(
        product_id=product_id,
        size_id=SizeId(5),
        price=Money(7),
        currency_id=CurrencyId(1),
        delivery_type_id=DeliveryTypeId(1),
        platform_id=PlatformId(1),
        available=available,
        stock=stock,
    )


def unit(unit_id: int, product_id: ProductId, *, available: bool = True, stock: int | None = None) -> ProductUnit:
    new = new_unit(product_id, available=available, stock=stock)
    return ProductUnit.of(ProductUnitId(unit_id), Size(SizeId(5), product_id, NO_SIZE), new)


def test_a_unit_with_an_id_keeps_everything_it_was_made_of() -> None:
    new, size = new_unit(LISTED, available=False, stock=3), Size(SizeId(5), LISTED, NO_SIZE)
    stored = ProductUnit.of(ProductUnitId(9), size, new)
    assert stored.id == 9
    assert stored.size is size
    assert all(getattr(stored, field.name) == getattr(new, field.name) for field in attrs.fields(NewProductUnit))


@pytest.mark.parametrize("stock", [None, 1, 1_000_000_000])
def test_an_available_unit_of_a_listed_product_is_for_sale(stock: int | None) -> None:
    assert not_for_sale([unit(1, LISTED, stock=stock)], PRODUCTS) == ()


@pytest.mark.parametrize(
    "stale",
    [
        unit(4, LISTED, available=False),
        unit(4, LISTED, available=False, stock=5),
        unit(4, LISTED, stock=0),
        unit(4, UNLISTED),
        unit(4, UNLISTED, available=False, stock=0),
    ],
    ids=["unavailable", "unavailable with stock", "sold out", "unlisted", "everything"],
)
def test_an_unavailable_sold_out_or_unlisted_unit_is_not_for_sale(stale: ProductUnit) -> None:
    assert not_for_sale([stale], PRODUCTS) == (4,)


def test_every_unit_that_is_not_for_sale_is_named_in_the_order_asked() -> None:
    units = [unit(9, UNLISTED), unit(1, LISTED), unit(3, LISTED, stock=0), unit(2, LISTED, available=False)]
    assert not_for_sale(units, PRODUCTS) == (9, 3, 2)


def test_no_size_is_six_zeroes() -> None:
    assert SizeGrid(international="0", us="0", uk="0", eu="0", it="0", ru="0") == NO_SIZE


def test_genders_and_the_first_status_have_the_documented_ids() -> None:
    assert (MALE, FEMALE, PENDING) == (1, 2, 1)


def test_values_are_frozen() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        PRODUCTS[LISTED].name = "Other"  # type: ignore[misc]
