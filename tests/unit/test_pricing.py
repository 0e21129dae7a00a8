"""Prices: percentages, the absolute discount, rounding, and each line's share."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sellout_core.catalogue.products import NO_SIZE, ProductUnit, Size
from sellout_core.errors import MixedCurrencies, PriceChanged
from sellout_core.shopping.ordering import NewPromoCode, Quote, less_percentage, quote, spread
from sellout_core.values import (
    CurrencyId,
    DeliveryTypeId,
    Money,
    Percentage,
    PlatformId,
    ProductId,
    ProductUnitId,
    SizeId,
    UserId,
)

prices = st.lists(st.integers(0, 1_000_000_000), min_size=1, max_size=100)
few_prices = st.lists(st.integers(0, 300), min_size=1, max_size=9)
percentages = st.integers(0, 100).map(Percentage)
absolutes = st.integers(0, 1_000_000_000).map(Money)


def units_at(amounts: Sequence[int], currency: int = 1) -> list[ProductUnit]:
    size = Size(SizeId(1), ProductId(1), NO_SIZE)
    return [
        ProductUnit(
            id=ProductUnitId(number),
            product_id=size.product_id,
            size_id=size.id,
            size=size,
            price=Money(amount),
            currency_id=CurrencyId(currency),
            delivery_type_id=DeliveryTypeId(1),
            platform_id=PlatformId(1),
            available=True,
            stock=None,
        )
        for number, amount in enumerate(amounts, start=1)
    ]


def promo_code(percentage: int, absolute: int = 0) -> NewPromoCode:
    return NewPromoCode(
        code="SALE",
        owner_id=UserId(1),
        discount_percentage=Percentage(percentage),
        discount_absolute=Money(absolute),
        max_activation_count=10,
        active_until=date(2026, 12, 31),
    )


def half_up(amount: Fraction) -> int:
    return floor(amount + Fraction(1, 2))


def priced(amounts: Sequence[int], *discounts: int, absolute: int = 0) -> int:
    """The total, calculated in fractions as docs/http-contract.md#checkout-3 describes."""
    total = sum(amounts)
    for discount in discounts:
        total = half_up(total * (1 - Fraction(discount, 100)))
    return max(total - absolute, 0)


def amounts_of(quoted: Quote) -> list[int]:
    return [line.amount for line in quoted.lines]


def test_the_contracts_example() -> None:
    """7 and 100 less 15 % are 90.95, rounded 91 (docs/http-contract.md#checkout-3)."""
    quoted = quote(units_at([7, 100]), Percentage(0), promo_code(15))
    assert (quoted.subtotal, quoted.total, amounts_of(quoted)) == (107, 91, [5, 86])


def test_without_discounts_every_line_costs_its_price() -> None:
    quoted = quote(units_at([7, 0, 100]), Percentage(0))
    assert (quoted.subtotal, quoted.total, amounts_of(quoted)) == (107, 107, [7, 0, 100])


def test_a_line_says_which_unit_costs_what() -> None:
    first, second = quote(units_at([7, 100], currency=4), Percentage(50)).lines
    assert (first.unit_id, first.price, first.amount) == (1, 7, 3)
    assert (second.unit_id, second.price, second.amount) == (2, 100, 51)


@pytest.mark.parametrize(
    ("amounts", "personal", "percentage", "absolute", "total"),
    [
        ([1], 50, 0, 0, 1),
        ([1], 51, 0, 0, 0),
        ([3], 50, 0, 0, 2),
        ([5], 10, 0, 0, 5),
        ([5], 11, 0, 0, 4),
        ([1], 50, 50, 0, 1),
        ([101], 50, 50, 0, 26),
        ([100], 10, 10, 0, 81),
        ([100], 0, 10, 10, 80),
        ([100], 0, 0, 100, 0),
        ([100], 0, 0, 101, 0),
        ([100], 0, 0, 99, 1),
        ([100], 100, 0, 0, 0),
        ([100], 0, 100, 5, 0),
    ],
)
def test_each_percentage_rounds_half_up_and_the_absolute_discount_comes_last(
    amounts: list[int], personal: int, percentage: int, absolute: int, total: int
) -> None:
    assert quote(units_at(amounts), Percentage(personal), promo_code(percentage, absolute)).total == total


@given(prices, percentages, percentages, absolutes)
@example([7, 100], Percentage(0), Percentage(15), Money(0))
@example([1], Percentage(50), Percentage(50), Money(0))
def test_the_price_is_the_contracts(
    amounts: list[int], personal: Percentage, percentage: Percentage, absolute: Money
) -> None:
    quoted = quote(units_at(amounts), personal, promo_code(percentage, absolute))
    assert quoted.subtotal == sum(amounts)
    assert quoted.total == priced(amounts, personal, percentage, absolute=absolute)
    assert 0 <= quoted.total <= quoted.subtotal


@given(prices, percentages)
def test_the_price_without_a_promo_code_is_the_contracts(amounts: list[int], personal: Percentage) -> None:
    assert quote(units_at(amounts), personal).total == priced(amounts, personal)


@given(few_prices, percentages, percentages, st.integers(0, 500).map(Money))
def test_the_lines_add_up_and_none_costs_more_than_its_price(
    amounts: list[int], personal: Percentage, percentage: Percentage, absolute: Money
) -> None:
    quoted = quote(units_at(amounts), personal, promo_code(percentage, absolute))
    assert sum(amounts_of(quoted)) == quoted.total
    assert [line.price for line in quoted.lines] == amounts
    assert all(0 <= line.amount <= line.price for line in quoted.lines)


@given(few_prices, st.data())
def test_a_spread_is_within_a_unit_of_the_proportion(amounts: list[int], data: st.DataObject) -> None:
    whole = sum(amounts)
    total = data.draw(st.integers(0, whole))
    for share, price in zip(spread(total, amounts), amounts, strict=True):
        assert abs(share - Fraction(total * price, whole or 1)) < 1


def test_what_does_not_divide_goes_to_the_line_that_completes_it() -> None:
    assert spread(2, [1, 1, 1]) == [0, 1, 1]
    assert spread(1, [1, 1, 1]) == [0, 0, 1]


def test_nothing_spreads_over_lines_that_cost_nothing() -> None:
    assert spread(0, [0, 0]) == [0, 0]
    assert spread(0, []) == []


@given(st.integers(0, 10**12), percentages)
def test_a_percentage_rounds_half_up(amount: int, percentage: Percentage) -> None:
    assert less_percentage(amount, percentage) == half_up(amount * (1 - Fraction(percentage, 100)))


def test_an_order_is_priced_in_one_currency() -> None:
    with pytest.raises(MixedCurrencies):
        quote([*units_at([7], currency=1), *units_at([7], currency=2)], Percentage(0))


@pytest.mark.parametrize("ceiling", [None, 91, 92, 10_000])
def test_a_quote_up_to_the_ceiling_is_let_through(ceiling: Money | None) -> None:
    quote(units_at([91]), Percentage(0)).require_at_most(ceiling)


@pytest.mark.parametrize("ceiling", [0, 90])
def test_a_quote_above_the_ceiling_is_refused_with_the_right_total(ceiling: Money) -> None:
    with pytest.raises(PriceChanged) as refusal:
        quote(units_at([91]), Percentage(0)).require_at_most(ceiling)
    assert refusal.value.total == 91


def test_a_quote_for_nothing_is_within_a_ceiling_of_nothing() -> None:
    quote(units_at([91]), Percentage(100)).require_at_most(Money(0))
