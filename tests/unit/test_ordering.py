"""Promo codes and requested checkouts, without a store."""

from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from sellout_core.errors import (
    FieldCode,
    InvalidField,
    InvalidFields,
    PromoCodeExpired,
    PromoCodeInactive,
    PromoCodeUsedUp,
    SellOutError,
)
from sellout_core.shopping.ordering import Checkout, NewPromoCode, PromoCode
from sellout_core.values import AddressId, Percentage, ProductUnitId, PromoCodeId, UserId

LAST_DAY = date(2026, 3, 31)


def promo_code(percentage: int = 0, **changes: Any) -> PromoCode:
    new = NewPromoCode(
        code="SALE",
        owner_id=UserId(1),
        discount_percentage=Percentage(percentage),
        max_activation_count=10,
        active_until=LAST_DAY,
    )
    return PromoCode.of(PromoCodeId(1), attrs.evolve(new, **changes))


@pytest.mark.parametrize("today", [LAST_DAY - timedelta(days=1), LAST_DAY, date(2000, 1, 1)])
def test_a_promo_code_is_good_through_its_last_day(today: date) -> None:
    promo_code(activation_count=9).require_redeemable(today)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"active": False}, PromoCodeInactive),
        ({"active_until": LAST_DAY - timedelta(days=1)}, PromoCodeExpired),
        ({"activation_count": 10}, PromoCodeUsedUp),
        ({"max_activation_count": 0}, PromoCodeUsedUp),
        ({"active": False, "active_until": date(2025, 1, 1), "activation_count": 10}, PromoCodeInactive),
        ({"active_until": date(2025, 1, 1), "activation_count": 10}, PromoCodeExpired),
    ],
)
def test_a_promo_code_that_cannot_be_redeemed_says_why(changes: dict[str, Any], refusal: type[SellOutError]) -> None:
    with pytest.raises(refusal):
        promo_code(**changes).require_redeemable(LAST_DAY)


def test_an_activation_counts_once_and_changes_nothing_else() -> None:
    before = promo_code(15, activation_count=5)
    assert before.activated() == attrs.evolve(before, activation_count=6)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"code": ""}, "code"),
        ({"code": " "}, "code"),
        ({"code": "x" * 65}, "code"),
        ({"discount_percentage": 101}, "discount_percentage"),
        ({"discount_percentage": -1}, "discount_percentage"),
        ({"discount_absolute": -1}, "discount_absolute"),
        ({"max_activation_count": -1}, "max_activation_count"),
        ({"activation_count": -1}, "activation_count"),
        ({"active_until": date(999, 1, 1)}, "active_until"),
    ],
)
def test_a_promo_code_out_of_its_limits_names_the_field(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        promo_code(**changes)
    assert [field.name for field in refusal.value.fields] == [name]


def test_a_promo_code_takes_nothing_off_and_was_never_used_unless_it_says_so() -> None:
    new = NewPromoCode(code="X", owner_id=UserId(1), max_activation_count=0, active_until=date(1000, 1, 1))
    assert (new.discount_percentage, new.discount_absolute, new.activation_count, new.active) == (0, 0, 0, True)


def checkout(**changes: Any) -> Checkout:
    fields = {
        "unit_ids": (ProductUnitId(1), ProductUnitId(2)),
        "email": "mail@mail.ru",
        "telephone": "+77777777777",
        "first_name": "Имя",
        "last_name": "",
        "address_id": AddressId(1),
    }
    return Checkout(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"unit_ids": ()}, ["unit_ids"]),
        ({"unit_ids": (1, 1)}, ["unit_ids"]),
        ({"unit_ids": (0,)}, ["unit_ids"]),
        ({"unit_ids": (2**53,)}, ["unit_ids"]),
        ({"unit_ids": tuple(range(1, 102))}, ["unit_ids"]),
        ({"email": "mail"}, ["email"]),
        ({"telephone": "call me"}, ["telephone"]),
        ({"first_name": ""}, ["first_name"]),
        ({"first_name": "x" * 151, "last_name": "x" * 151}, ["first_name", "last_name"]),
        ({"address_id": 0}, ["address_id"]),
        ({"promo_code": "x" * 65}, ["promo_code"]),
        ({"ceiling": -1}, ["ceiling"]),
        ({"ceiling": 10**15 + 1}, ["ceiling"]),
        (
            {"unit_ids": (), "email": "", "telephone": "", "address_id": -1},
            ["unit_ids", "email", "telephone", "address_id"],
        ),
    ],
)
def test_a_checkout_out_of_its_limits_names_the_fields(changes: dict[str, Any], names: list[str]) -> None:
    with pytest.raises(InvalidFields) as refusal:
        checkout(**changes)
    assert [field.name for field in refusal.value.fields] == names


def test_a_checkout_of_nothing_says_so() -> None:
    with pytest.raises(InvalidFields) as refusal:
        checkout(unit_ids=())
    assert refusal.value.fields == (InvalidField("unit_ids", "must not be empty", FieldCode.TOO_FEW),)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_ids": tuple(range(1, 101))},
        {"ceiling": 0},
        {"ceiling": 10**15},
        {"promo_code": "x" * 64},
        {"first_name": "x"},
    ],
)
def test_a_checkout_at_its_limits_is_let_through(changes: dict[str, Any]) -> None:
    asked = checkout(**changes)
    assert {name: getattr(asked, name) for name in changes} == changes


def test_without_a_promo_code_or_ceiling_a_checkout_has_none() -> None:
    assert (checkout().promo_code, checkout().ceiling) == ("", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"unit_ids": (2, 1)},
        {"unit_ids": (12,)},
        {"email": "other@mail.ru"},
        {"telephone": "77777777777"},
        {"first_name": "Имя "},
        {"last_name": "Имя"},
        {"address_id": 2},
        {"promo_code": "SALE"},
        {"ceiling": 0},
    ],
)
def test_a_fingerprint_is_a_requests_own(changes: dict[str, Any]) -> None:
    assert checkout().fingerprint == checkout().fingerprint
    assert checkout(**changes).fingerprint != checkout().fingerprint


def test_a_promo_code_is_never_activated_more_often_than_its_maximum() -> None:
    with pytest.raises(InvalidFields) as caught:
        NewPromoCode(
            code="SALE",
            owner_id=UserId(1),
            activation_count=11,
            max_activation_count=10,
            active_until=date(2026, 12, 31),
        )
    reason = "must not be above the maximum"
    assert caught.value.fields == (InvalidField("activation_count", reason, FieldCode.OUT_OF_RANGE),)
