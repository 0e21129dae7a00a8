"""The rules of the state machine for checkouts, with promo codes and deliveries, and for the delivery tariffs."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.laws.shopping.delivery import COURIER, POINT, RECIPIENT
from sellout_adapters.testing.scene import checkout_request
from sellout_adapters.testing.state_machine.model import CODES, Person, encoded, half_up, refused
from sellout_adapters.testing.state_machine.payment_rules import PaymentRules
from sellout_core import errors
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.shopping.delivery import Delivery, DeliveryKind, DeliveryTariff
from sellout_core.use_cases.delivery_tariffs import change_delivery_tariffs, read_delivery_tariffs
from sellout_core.use_cases.shopping.checkout import check_out, check_out_once
from sellout_core.use_cases.shopping.promo_codes import check_promo_code
from sellout_core.values import Money

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import invariant, precondition, rule


class CheckoutRules(PaymentRules):
    """The rules for checkouts and delivery tariffs, and the part of the model that they change.

    Attributes:
        tariffs: The carrier's price of each kind of delivery that the shop offers.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tariffs: dict[DeliveryKind, int] = {}

    @rule(kind=st.sampled_from(DeliveryKind), price=st.none() | st.integers(0, 120), is_current=st.booleans())
    def change_tariff(self, kind: DeliveryKind, price: int | None, *, is_current: bool) -> None:
        """Staff change the tariff of a kind, or end it. Orders keep their fee."""
        currency_id = next(iter(self.units.values())).currency_id
        tariff = None if price is None else DeliveryTariff(price=Money(price), currency_id=currency_id)
        change = {kind: tariff}
        refused(errors.Unauthenticated, change_delivery_tariffs, self.scene.shop, ANONYMOUS, change, lambda _: True)
        arguments = self.scene.shop, self.staff, change, lambda _: is_current
        if not is_current:
            refused(errors.Stale, change_delivery_tariffs, *arguments)
            return
        change_delivery_tariffs(*arguments)
        self.tariffs = {known: other for known, other in self.tariffs.items() if known is not kind}
        if price is not None:
            self.tariffs[kind] = price

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def check_promo_code(self, data: st.DataObject) -> None:
        """A check predicts the checkout, and counts no activation."""
        person, wanted, code = self.person(data), self.wanted(data), data.draw(st.sampled_from(CODES))
        refusal, total = self.expected(person, wanted, code, None)
        arguments = (self.scene.shop, person.actor, person.user_id, code, tuple(wanted))
        if refusal is not None:
            refused(refusal, check_promo_code, *arguments)
            return
        view = check_promo_code(*arguments)
        assert (view.discounted.total, view.full.total) == (total, sum(self.units[i].price for i in wanted))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def check_out(self, data: st.DataObject) -> None:
        """Checkout creates the requested order at the right price, or fails and changes nothing."""
        person = self.person(data)
        mostly_in_cart = person.cart if data.draw(st.integers(0, 3)) else []
        wanted = self.wanted(data, mostly_in_cart)
        code = data.draw(st.sampled_from(["", "", "", *CODES]))
        ceiling = data.draw(st.sampled_from([None, None]) | st.integers(0, 250))
        delivery = data.draw(st.sampled_from([None, POINT, COURIER]))
        recipient = data.draw(st.sampled_from([None, RECIPIENT]))
        ask = checkout_request(
            person.address_id, *wanted, promo_code=code, ceiling=ceiling, delivery=delivery, recipient=recipient
        )
        refusal, total = self.expected(person, wanted, code, ceiling, delivery)
        key = data.draw(st.sampled_from([None, "first", "second"]))
        arguments = (self.scene.shop, person.actor, person.user_id, ask)
        if key is not None and key in person.answers:
            first_ask, answer = person.answers[key]
            if first_ask != ask:
                refused(errors.IdempotencyKeyReused, check_out_once, *arguments, key, encoded)
            else:
                assert check_out_once(*arguments, key, encoded) == answer
            return
        if refusal is not None:
            refused(refusal, check_out, *arguments)
            return
        if key is None:
            check_out(*arguments)
        else:
            person.answers[key] = (ask, check_out_once(*arguments, key, encoded))
        # The order is read now, because later changes of the catalogue must not affect it.
        placed = self.note_order(person, wanted, code)
        assert (placed.order.total, [unit.id for unit in placed.units]) == (total, wanted)
        assert (placed.order.delivery, placed.order.recipient) == (delivery, recipient)
        assert placed.order.delivery_fee == self.fee_of(delivery)
        products = self.scene.store.read(
            lambda tx: tx.products.get_many({unit.product.product.id for unit in placed.units})
        )
        for unit in placed.units:
            assert (unit.price, unit.product.product) == (self.units[unit.id].price, products[unit.product.product.id])

    def person(self, data: st.DataObject) -> Person:
        """One of the users."""
        return self.people[data.draw(st.sampled_from(sorted(self.people)))]

    def wanted(self, data: st.DataObject, among: Sequence[int] | None = None) -> list[Any]:
        """Ids of one to three units, in any order."""
        one = st.sampled_from(among or sorted(self.units))
        return data.draw(st.lists(one, min_size=1, max_size=3, unique=True))

    def expected(
        self, person: Person, wanted: list[int], code: str, ceiling: int | None, delivery: Delivery | None = None
    ) -> tuple[type[errors.SellOutError] | None, int]:
        """The expected error of a checkout, or None, and its total."""
        if any(unit_id not in person.cart for unit_id in wanted):
            return errors.NotInCart, 0
        if not all(map(self.for_sale, wanted)):
            return errors.UnitsUnavailable, 0
        total = sum(int(self.units[unit_id].price) for unit_id in wanted)
        if code:
            known = self.codes.get(code.lower())
            if known is None:
                return errors.PromoCodeUnknown, 0
            if known.expired or known.left == 0:
                return errors.PromoCodeExpired if known.expired else errors.PromoCodeUsedUp, 0
            total = max(0, half_up(Fraction(total * (100 - known.percentage), 100)) - known.absolute)
        fee = self.fee_of(delivery)
        if fee is None:
            return errors.InvalidFields, 0
        total += fee
        return (errors.PriceChanged if ceiling is not None and total > ceiling else None), total

    def fee_of(self, delivery: Delivery | None) -> int | None:
        """The fee of a delivery: the carrier's price, up to the next multiple of 50. None: it is not offered."""
        if delivery is None:
            return 0
        price = self.tariffs.get(delivery.kind)
        return None if price is None else ceil(Fraction(price, 50)) * 50

    @invariant()
    def the_tariffs_are_those_of_the_model(self) -> None:
        """Anybody may read them."""
        shown = read_delivery_tariffs(self.scene.shop, ANONYMOUS).tariffs
        assert {kind: tariff.price for kind, tariff in shown.items()} == self.tariffs
