"""Recipients, deliveries, their tariffs and fees, and the plan of parcels."""

from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_adapters.testing.laws.fulfilment.fulfilment import WAYS, cancel, move, pay, stored, units_of
from sellout_adapters.testing.laws.shopping.delivery import COURIER, POINT, RECIPIENT, currency_of, delivered_to, offer
from sellout_core.errors import FieldCode, InvalidFields, Stale
from sellout_core.fulfilment.parcels import planned_parcels
from sellout_core.people.accounts import OPERATOR, NewAddress
from sellout_core.shopping.delivery import Delivery, DeliveryKind, DeliveryTariff, Recipient, delivery_fee
from sellout_core.shopping.ordering import Checkout
from sellout_core.use_cases.delivery_tariffs import change_delivery_tariffs, read_delivery_tariffs
from sellout_core.values import AddressId, CurrencyId, Money, ProductUnitId
from tests.unit.shop_scene import Scene

ADDRESS = NewAddress("Проспект Мира 111", "")
RUB, USD = CurrencyId(1), CurrencyId(2)


def faults_of(call: Any) -> list[tuple[str, FieldCode]]:
    with pytest.raises(InvalidFields) as refusal:
        call()
    return [(field.name, field.code) for field in refusal.value.fields]


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("name", "", FieldCode.TOO_SHORT),
        ("name", " ", FieldCode.BLANK),
        ("name", "x" * 151, FieldCode.TOO_LONG),
        ("surname", "", FieldCode.TOO_SHORT),
        ("surname", "a\tb", FieldCode.CHARACTER_NOT_ALLOWED),
        ("patronymic", "x" * 151, FieldCode.TOO_LONG),
        ("patronymic", "a\x85", FieldCode.CHARACTER_NOT_ALLOWED),
        ("telephone", "", FieldCode.NOT_A_TELEPHONE_NUMBER),
        ("telephone", "8 (916)", FieldCode.NOT_A_TELEPHONE_NUMBER),
        ("email", "mail@mail.ru\r\nBcc: x@mail.ru", FieldCode.NOT_AN_EMAIL),
        ("email", "a" * 320, FieldCode.NOT_AN_EMAIL),
        ("comment", "x" * 501, FieldCode.TOO_LONG),
        ("comment", "x\ny", FieldCode.CHARACTER_NOT_ALLOWED),
        ("comment", "\u2028", FieldCode.CHARACTER_NOT_ALLOWED),
        ("comment", "\0", FieldCode.CHARACTER_NOT_ALLOWED),
        ("comment", "\ud800", FieldCode.CHARACTER_NOT_ALLOWED),
    ],
)
def test_a_recipient_has_limits(member: str, value: str, code: FieldCode) -> None:
    assert faults_of(lambda: attrs.evolve(RECIPIENT, **{member: value})) == [(member, code)]


def test_a_recipient_may_be_anybody_with_a_telephone() -> None:
    least = Recipient(name="\N{ZERO WIDTH NON-JOINER}x", surname="👩‍👟", telephone="0")
    assert (least.patronymic, least.email, least.comment) == ("", "", "")
    assert len(attrs.evolve(least, comment="x" * 500, name="x" * 150).comment) == 500


@pytest.mark.parametrize("code", ["MSK5", "0", "a.b-c_d", "x" * 50, "550e8400-e29b-41d4-a716-446655440000"])
def test_a_pick_up_point_has_a_code(code: str) -> None:
    assert Delivery(kind=DeliveryKind.PICK_UP_POINT, pick_up_point=code).pick_up_point == code


@pytest.mark.parametrize("code", [" ", "-5", "MSK 5", "MSK5\n", "x" * 51, "\N{CYRILLIC SMALL LETTER A}", "../5"])
def test_a_malformed_code_is_refused(code: str) -> None:
    expected = [("pick_up_point", FieldCode.MALFORMED)]
    assert faults_of(lambda: Delivery(kind=DeliveryKind.PICK_UP_POINT, pick_up_point=code)) == expected


@pytest.mark.parametrize(
    ("kind", "members", "faults"),
    [
        ("pick_up_point", {}, [("pick_up_point", FieldCode.REQUIRED)]),
        ("courier", {}, [("address", FieldCode.REQUIRED)]),
        ("pick_up_point", {"pick_up_point": "5", "address": ADDRESS}, [("address", FieldCode.NOT_ONE_OF)]),
        ("courier", {"pick_up_point": "5", "address": ADDRESS}, [("pick_up_point", FieldCode.NOT_ONE_OF)]),
        (
            "courier",
            {"pick_up_point": "5"},
            [("pick_up_point", FieldCode.NOT_ONE_OF), ("address", FieldCode.REQUIRED)],
        ),
    ],
)
def test_a_place_belongs_to_its_kind(kind: str, members: dict[str, Any], faults: list[Any]) -> None:
    assert faults_of(lambda: Delivery(kind=DeliveryKind(kind), **members)) == faults


@pytest.mark.parametrize(
    ("price", "fee"), [(0, 0), (1, 50), (49, 50), (50, 50), (51, 100), (290, 300), (10**9 - 1, 10**9), (10**9, 10**9)]
)
def test_a_fee_is_the_price_rounded_up_to_the_next_50(price: int, fee: int) -> None:
    assert DeliveryTariff(price=Money(price), currency_id=RUB).fee == fee


@given(st.integers(0, 10**9))
def test_a_fee_covers_the_price_by_less_than_50(price: int) -> None:
    fee = DeliveryTariff(price=Money(price), currency_id=RUB).fee
    assert fee % 50 == 0
    assert 0 <= fee - price < 50


@pytest.mark.parametrize(
    ("price", "currency_id", "name"), [(-1, 1, "price"), (10**9 + 1, 1, "price"), (5, 0, "currency_id")]
)
def test_a_tariff_has_limits(price: int, currency_id: int, name: str) -> None:
    faults = faults_of(lambda: DeliveryTariff(price=Money(price), currency_id=CurrencyId(currency_id)))
    assert faults == [(name, FieldCode.OUT_OF_RANGE)]


def test_a_fee_is_that_of_the_kind_in_the_currency_of_the_order() -> None:
    tariffs = {
        DeliveryKind.PICK_UP_POINT: DeliveryTariff(price=Money(5), currency_id=RUB),
        DeliveryKind.COURIER: DeliveryTariff(price=Money(99), currency_id=USD),
    }
    assert delivery_fee(POINT, tariffs, RUB) == 50
    assert delivery_fee(COURIER, tariffs, USD) == 100
    for delivery, currency_id, offered in ((POINT, USD, tariffs), (COURIER, RUB, tariffs), (POINT, RUB, {})):
        faults = faults_of(lambda d=delivery, c=currency_id, o=offered: delivery_fee(d, o, c))
        assert faults == [("delivery_kind", FieldCode.NOT_ONE_OF)]


@pytest.mark.parametrize("control", ["\n", "\r", "\t", "\x85", "\u2028", "\x1b"])
def test_a_courier_goes_to_an_address_of_one_line(control: str) -> None:
    """An order that an older version has stored keeps its address."""
    plain = Checkout((ProductUnitId(1),), "mail@mail.ru", "7", "A", "", AddressId(1))
    for address, names in (
        (NewAddress(f"Street{control}1", ""), ["delivery_address"]),
        (NewAddress("Street 1", f"30{control}8"), ["delivery_post_index"]),
        (NewAddress(f"Street{control}1", control), ["delivery_address", "delivery_post_index"]),
    ):
        stored = attrs.evolve(COURIER, address=address)
        faults = faults_of(lambda delivery=stored: attrs.evolve(plain, delivery=delivery))
        assert faults == [(name, FieldCode.CHARACTER_NOT_ALLOWED) for name in names]


def test_a_fingerprint_without_a_delivery_is_that_of_older_versions() -> None:
    """A retry of a checkout that an older version answered is the same checkout."""
    plain = Checkout((ProductUnitId(1),), "mail@mail.ru", "7", "A", "", AddressId(1))
    assert plain.fingerprint == "86d5df8e20260778101746f2ca5cf1759525f8ffaa19724c4579d843b5486a1b"
    others = [
        attrs.evolve(plain, **other)
        for other in (
            {"recipient": RECIPIENT},
            {"recipient": attrs.evolve(RECIPIENT, email="")},
            {"delivery": POINT},
            {"delivery": attrs.evolve(POINT, one_parcel=True)},
            {"delivery": COURIER},
            {"delivery": COURIER, "recipient": RECIPIENT},
        )
    ]
    assert len({each.fingerprint for each in (plain, *others)}) == 1 + len(others)


def test_a_stale_change_of_tariffs_changes_nothing(scene: Scene) -> None:
    offer(scene)
    before = read_delivery_tariffs(scene.shop, OPERATOR)
    with pytest.raises(Stale):
        change_delivery_tariffs(scene.shop, OPERATOR, {DeliveryKind.COURIER: None}, lambda _: False)
    bad = DeliveryTariff(price=Money(1), currency_id=CurrencyId(99))
    change = {DeliveryKind.PICK_UP_POINT: None, DeliveryKind.COURIER: bad}
    assert faults_of(lambda: change_delivery_tariffs(scene.shop, OPERATOR, change, lambda _: True)) == [
        ("courier_currency", FieldCode.NOT_ONE_OF)
    ]
    assert read_delivery_tariffs(scene.shop, OPERATOR) == before
    assert before.currencies[currency_of(scene)].name == "RUB"


def test_orders_keep_their_fee(scene: Scene) -> None:
    order = delivered_to(scene)
    offer(scene, 9999)
    assert scene.store.read(lambda tx: tx.orders.get(order.id)) == order
    assert (order.delivery_fee, order.total) == (300, 1300)


def test_units_that_are_gone_or_handed_over_are_in_no_planned_parcel(scene: Scene) -> None:
    order = delivered_to(scene)
    one, two = units_of(order)
    assert planned_parcels(order, stored(scene, order.id)) == ((one, two),)
    found = cancel(scene, order, one)
    assert planned_parcels(order, found) == ((two,),)
    pay(scene, attrs.evolve(order, total=Money(600)))
    for request in WAYS[:6]:
        found = move(scene, order, request)
    assert planned_parcels(order, found) == ()
