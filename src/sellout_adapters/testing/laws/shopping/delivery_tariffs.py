"""Delivery tariffs, what they mean to a checkout, and planned parcels."""

from collections.abc import Mapping
from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.fulfilment.fulfilment import (
    WAYS,
    bought,
    cancel,
    move,
    pay,
)
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.laws.shopping.delivery import COURIER, POINT, RECIPIENT, currency_of, offer
from sellout_adapters.testing.scene import Scene, checkout_request
from sellout_core.audit import AuditQuery, FieldChange
from sellout_core.catalogue.references import ReferenceKind
from sellout_core.errors import IdempotencyKeyReused, InvalidFields, PriceChanged, Stale
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.shopping.delivery import DeliveryKind, DeliveryTariff
from sellout_core.use_cases.catalogue.references import merge_reference
from sellout_core.use_cases.delivery_tariffs import change_delivery_tariffs, read_delivery_tariffs
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.use_cases.shopping.tracking import read_tracking
from sellout_core.values import CurrencyId, Money


class DeliveryTariffLaws:
    """Delivery tariffs, what they mean to a checkout, and planned parcels."""

    def test_the_buyer_agrees_to_the_total_with_the_fee(self, scene: Scene) -> None:
        offer(scene)
        anna = scene.user("anna")
        unit = scene.unit("dunk", 700)
        scene.fill_cart(anna, unit)
        wanted = checkout_request(scene.address(anna), unit, delivery=POINT, ceiling=Money(999))
        with pytest.raises(PriceChanged) as refusal:
            check_out(scene.shop, Actor(anna), anna, wanted)
        assert refusal.value.total == 1000
        enough = attrs.evolve(wanted, ceiling=Money(1000))
        assert check_out(scene.shop, Actor(anna), anna, enough).order.total == 1000

    def test_a_delivery_that_is_not_offered_changes_nothing(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("dunk", 7, stock=1)
        scene.fill_cart(anna, unit)
        wanted = checkout_request(scene.address(anna), unit, delivery=COURIER)

        def refused() -> None:
            with pytest.raises(InvalidFields) as refusal:
                check_out(scene.shop, Actor(anna), anna, wanted)
            assert [field.name for field in refusal.value.fields] == ["delivery_kind"]
            assert scene.store.read(lambda tx: tx.orders.after(0, 9)) == []
            cart = scene.store.read(lambda tx: tx.carts.of(anna))
            assert cart is not None
            assert cart.unit_ids == (unit,)
            assert scene.store.read(lambda tx: tx.units.get_many([unit])[unit].stock) == 1

        refused()
        offer(scene, courier=None)
        refused()
        offer(scene, currency="USD")
        refused()
        offer(scene)
        assert check_out(scene.shop, Actor(anna), anna, wanted).order.delivery_fee == 500

    def test_a_retry_gets_the_first_answer_whatever_the_tariff_is_now(self, scene: Scene) -> None:
        anna, unit = scene.user("anna"), scene.unit("dunk", 7)
        offer(scene)
        scene.fill_cart(anna, unit)
        wanted = checkout_request(scene.address(anna), unit, delivery=POINT, recipient=RECIPIENT)

        def ask(checkout: Any) -> bytes:
            return check_out_once(
                scene.shop, Actor(anna), anna, checkout, "key", lambda view: str(view.order.total).encode()
            )

        assert ask(wanted) == b"307"
        offer(scene, point=None)
        assert ask(wanted) == b"307"
        others: tuple[dict[str, Any], ...] = (
            {"delivery": None},
            {"delivery": COURIER},
            {"recipient": None},
            {"recipient": attrs.evolve(RECIPIENT, comment="")},
        )
        for other in others:
            with pytest.raises(IdempotencyKeyReused):
                ask(attrs.evolve(wanted, **other))

    def test_parcels_are_planned_until_they_are_handed_over(self, scene: Scene) -> None:
        offer(scene)
        anna = scene.user("anna")
        kinds = ("Самолёт", "Поезд", "Самолёт")
        units = [scene.unit(f"shoe {number}", 5, delivery_type=kind) for number, kind in enumerate(kinds)]
        by_air, by_train = (units[0], units[2]), (units[1],)
        planned = {}
        for one_parcel in (False, True):
            scene.fill_cart(anna, *units)
            delivery = attrs.evolve(POINT, one_parcel=one_parcel)
            wanted = checkout_request(scene.address(anna), *units, delivery=delivery)
            order = check_out(scene.shop, Actor(anna), anna, wanted).order
            planned[one_parcel] = read_tracking(scene.shop, Actor(anna), order.id).planned
        assert planned == {False: (by_air, by_train), True: (tuple(units),)}
        # A new name or a merge of delivery types does not change what was agreed.
        types = scene.store.read(lambda tx: tx.references.snapshot()).delivery_types
        merge_reference(scene.shop, OPERATOR, ReferenceKind.DELIVERY_TYPE, *sorted(types))
        order = scene.store.read(lambda tx: tx.orders.after(0, 1))[0]
        assert read_tracking(scene.shop, Actor(anna), order.id).planned == (by_air, by_train)
        pay(scene, order)
        for request in WAYS[:5]:
            move(scene, order, request)
        cancel(scene, order, units[2])
        assert read_tracking(scene.shop, Actor(anna), order.id).planned == ((units[0],), by_train)
        move(scene, order, WAYS[5], units[0])
        assert read_tracking(scene.shop, Actor(anna), order.id).planned == (by_train,)

    def test_tariffs_are_set_replaced_and_withdrawn(self, scene: Scene) -> None:
        def tariffs() -> Mapping[DeliveryKind, DeliveryTariff]:
            return read_delivery_tariffs(scene.shop, OPERATOR).tariffs

        assert tariffs() == {}
        point = DeliveryTariff(price=Money(0), currency_id=currency_of(scene))
        courier = DeliveryTariff(price=Money(10**9), currency_id=currency_of(scene, "USD"))
        steps: tuple[dict[DeliveryKind, DeliveryTariff | None], ...] = (
            {DeliveryKind.PICK_UP_POINT: point},
            {DeliveryKind.COURIER: courier},
            {DeliveryKind.COURIER: point, DeliveryKind.PICK_UP_POINT: courier},
            {},
            {DeliveryKind.COURIER: None},
            {DeliveryKind.COURIER: None, DeliveryKind.PICK_UP_POINT: None},
        )
        known: dict[DeliveryKind, DeliveryTariff | None] = {}
        for step in steps:
            changed = change_delivery_tariffs(scene.shop, OPERATOR, step, lambda _: True)
            known |= step
            expected = {kind: tariff for kind, tariff in known.items() if tariff is not None}
            assert changed.tariffs == tariffs() == expected

    def test_a_change_of_tariffs_is_audited(self, scene: Scene) -> None:
        offer(scene, courier=None)
        offer(scene, courier=None)
        offer(scene, point=None, courier=None)
        query = AuditQuery(kind="delivery_tariff")
        entries = scene.store.read(lambda tx: tx.audit.after(query, 0, 9))
        currency = currency_of(scene)
        assert [(entry.action, entry.object_id, entry.changes) for entry in entries] == [
            ("create", 1, {"price": FieldChange(None, 251), "currency_id": FieldChange(None, currency)}),
            ("delete", 1, {"price": FieldChange(251, None), "currency_id": FieldChange(currency, None)}),
        ]

    def test_of_changes_of_one_version_one_succeeds(self, scene: Scene) -> None:
        offer(scene)
        known, currency = read_delivery_tariffs(scene.shop, OPERATOR), currency_of(scene)

        def run(number: int) -> Any:
            tariff = DeliveryTariff(price=Money(number), currency_id=currency)
            return change_delivery_tariffs(
                scene.shop, OPERATOR, {DeliveryKind.COURIER: tariff}, lambda now: now.tariffs == known.tariffs
            )

        results = racing(RACERS, run)
        assert sum(isinstance(result, Stale) for result in results) == RACERS - 1

    def test_a_currency_that_does_not_exist_is_refused(self, scene: Scene) -> None:
        tariff = DeliveryTariff(price=Money(5), currency_id=CurrencyId(99))
        with pytest.raises(InvalidFields) as refusal:
            change_delivery_tariffs(scene.shop, OPERATOR, dict.fromkeys(DeliveryKind, tariff), lambda _: True)
        assert [field.name for field in refusal.value.fields] == ["pick_up_point_currency", "courier_currency"]
        assert read_delivery_tariffs(scene.shop, OPERATOR).tariffs == {}

    def test_tariffs_follow_a_merge_of_currencies(self, scene: Scene) -> None:
        offer(scene, currency="roubles")
        into = currency_of(scene)
        merge_reference(scene.shop, OPERATOR, ReferenceKind.CURRENCY, currency_of(scene, "roubles"), into)
        view = read_delivery_tariffs(scene.shop, OPERATOR)
        assert {tariff.currency_id for tariff in view.tariffs.values()} == {into}
        assert bought(scene, delivery=COURIER).delivery_fee == 500
