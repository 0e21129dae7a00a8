"""Refused new promo codes: no order could use them, or they would change no price."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Policy
from sellout_core.shopping.ordering import NewPromoCode
from sellout_core.use_cases.shopping.promo_codes import create_promo_code
from tests.unit.shop_scene import Scene

TODAY = date(2026, 3, 31)
GOOD: dict[str, Any] = {"discount_percentage": 10, "max_activation_count": 1, "active_until": TODAY}
PAST = InvalidField("active_until", "must not be in the past: it is 2026-03-31 in UTC", FieldCode.OUT_OF_RANGE)
NO_DISCOUNT = InvalidField("discount", "must be above 0, as a percentage or as an amount", FieldCode.OUT_OF_RANGE)
NEVER = InvalidField("max_activation_count", "must be at least 1", FieldCode.OUT_OF_RANGE)


def create(scene: Scene, **terms: Any) -> None:
    scene.clock.now = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    owner_id = scene.person("owner").id
    create_promo_code(scene.shop, OPERATOR, NewPromoCode(code="NEW", owner_id=owner_id, **{**GOOD, **terms}))


def stored(scene: Scene) -> bool:
    return scene.store.read(lambda tx: tx.promo_codes.by_code("NEW")) is not None


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"discount_percentage": 0, "discount_absolute": 1},
        {"discount_absolute": 1},
        {"active_until": TODAY + timedelta(days=1)},
    ],
)
def test_a_promo_code_may_end_today_and_have_either_discount(scene: Scene, terms: dict[str, Any]) -> None:
    create(scene, **terms)
    assert stored(scene)


@pytest.mark.parametrize(
    ("terms", "faults"),
    [
        ({"active_until": TODAY - timedelta(days=1)}, [PAST]),
        ({"discount_percentage": 0}, [NO_DISCOUNT]),
        ({"max_activation_count": 0}, [NEVER]),
        (
            {"discount_percentage": 0, "max_activation_count": 0, "active_until": date(2000, 1, 1)},
            [NO_DISCOUNT, NEVER, PAST],
        ),
    ],
)
def test_a_promo_code_without_a_use_is_refused_and_every_reason_named(
    scene: Scene, terms: dict[str, Any], faults: list[InvalidField]
) -> None:
    with pytest.raises(InvalidFields) as caught:
        create(scene, **terms)
    assert caught.value.fields == tuple(faults)
    assert not stored(scene)


def test_the_day_is_that_of_the_shops_time_zone() -> None:
    east = Scene(Policy(time_zone=timezone(timedelta(hours=3))))
    with pytest.raises(InvalidFields) as caught:
        create(east)
    assert caught.value.fields == (
        InvalidField("active_until", "must not be in the past: it is 2026-04-01 in UTC+03:00", FieldCode.OUT_OF_RANGE),
    )
    west = Scene(Policy(time_zone=timezone(-timedelta(hours=23))))
    create(west, active_until=TODAY - timedelta(days=1))
    assert stored(west)
