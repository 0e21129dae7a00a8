"""A Hypothesis state machine that compares a store with a small model of a shop."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import date
from pathlib import Path

import attrs

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.laws.shopping.delivery import POINT
from sellout_adapters.testing.scene import (
    PASSWORD,
    Scene,
    checkout_request,
    product_entry,
    shoe_size,
    unit_entry,
    whole_list,
)
from sellout_adapters.testing.state_machine.checkout_rules import CheckoutRules
from sellout_core import errors
from sellout_core.catalogue.products import NO_SIZE, Size
from sellout_core.people.accounts import Registration
from sellout_core.ports.store import Store
from sellout_core.shopping.delivery import DeliveryKind
from sellout_core.use_cases.people import registration, sessions
from sellout_core.use_cases.shopping.carts import add_to_cart, read_cart, remove_from_cart
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_user_orders
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist, change_size, delete_from_wishlist, read_wishlist

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import initialize, invariant, precondition, rule
from sellout_adapters.testing.state_machine.model import (
    POLICY,
    USERNAMES,
    Code,
    Person,
    refused,
)

__all__ = ["ShopMachine", "StoreMaker", "shop_machine"]

StoreMaker = Callable[[Path], AbstractContextManager[Store]]
"""Creates an empty store in an empty folder."""


class ShopMachine(CheckoutRules):
    """One run: a shop with a few products in an empty store, and its model."""

    make_store: StoreMaker

    def __init__(self) -> None:
        super().__init__()
        self.cleanup = ExitStack()
        folder = Path(self.cleanup.enter_context(tempfile.TemporaryDirectory()))
        self.scene = Scene(self.cleanup.enter_context(type(self).make_store(folder)), POLICY)
        self.scene.shop = self.shop = attrs.evolve(self.scene.shop, payment_provider=self.bank)
        self.sizes: list[Size] = []

    def teardown(self) -> None:
        """Closes the store."""
        self.cleanup.close()

    @initialize()
    def open_shop(self) -> None:
        """Two products in three sizes, units with and without a stock, and three promo codes of another user."""
        for entry in (
            product_entry("one", unit_entry(7, shoe_size("41")), unit_entry(101, shoe_size("42"), stock=2)),
            product_entry("two", unit_entry(33, shoe_size("41"), stock=1), unit_entry(50, shoe_size("40"), stock=0)),
        ):
            product, units = self.scene.sell(entry)
            self.units |= {unit.id: unit for unit in units}
            self.sizes += self.scene.store.read(lambda tx, found=product: tx.sizes.of_products([found.id]))  # type: ignore[misc]
        self.stock = {unit.id: unit.stock for unit in self.units.values()}
        self.sold = dict.fromkeys(self.units, 0)
        owner = self.scene.user("owner")
        _, self.staff = self.scene.actor("staff", is_staff=True)
        self.scene.promo_code("SALE", owner, 15, max_activation_count=2)
        self.scene.promo_code("FLAT", owner, 3, discount_absolute=60, max_activation_count=1)
        self.scene.promo_code("OLD", owner, 50, active_until=date(2026, 2, 28))
        self.codes = {"sale": Code(15, 0, 2, False), "flat": Code(3, 60, 1, False), "old": Code(50, 0, 10, True)}
        # A buyer with a full cart. Without one, few runs place an order.
        self.register(USERNAMES[0])
        person = self.people[USERNAMES[0]]
        self.fill_cart(person)
        self.change_tariff(DeliveryKind.PICK_UP_POINT, 60, is_current=True)
        # Without an order, few runs move one.
        first = [unit.id for unit in self.units.values() if unit.id in person.cart[:2]]
        ask = checkout_request(person.address_id, *first, promo_code="SALE", delivery=POINT)
        check_out(self.shop, person.actor, person.user_id, ask)
        self.note_order(person, [*first], "SALE")
        self.fill_cart(person)

    @rule(name=st.sampled_from(USERNAMES))
    def register(self, name: str) -> None:
        """Usernames are unique and case-insensitive."""
        key = name.lower()
        if key in self.people:
            refused(errors.UsernameTaken, registration.register, self.shop, Registration(name, PASSWORD))
            sessions.log_in(self.shop, name, PASSWORD)
            return
        pair = registration.register(self.shop, Registration(name, PASSWORD))
        user_id = sessions.read_token(self.shop, pair.access, "access").user_id
        self.people[key] = Person(user_id, self.scene.address(user_id))

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def add_to_wishlist(self, data: st.DataObject) -> None:
        """A wishlist has a product in a size once. Without a size it has the product's "no size"."""
        person, size = self.person(data), data.draw(st.sampled_from(self.sizes))
        asked = None if size.grid == NO_SIZE else size.id
        if size.product_id in self.unlisted:
            arguments = (self.shop, person.actor, person.user_id, size.product_id, asked)
            refused(errors.NotFound, add_to_wishlist, *arguments)
            return
        view, created = add_to_wishlist(self.shop, person.actor, person.user_id, size.product_id, asked)
        assert created == (size.id not in [held for _, held in person.wishlist])
        if created:
            person.wishlist.append((view.id, size.id))
        assert (view.id, view.size.id) in person.wishlist

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def change_size(self, data: st.DataObject) -> None:
        """A wishlist unit gets another size of its product, unless another unit has that size."""
        person, size = self.person(data), data.draw(st.sampled_from(self.sizes))
        if not person.wishlist:
            return
        place = data.draw(st.integers(0, len(person.wishlist) - 1))
        unit_id, size_id = person.wishlist[place]
        now = next(known for known in self.sizes if known.id == size_id)
        arguments = (self.shop, person.actor, person.user_id, unit_id, size.id)
        if size.product_id != now.product_id:
            refused(errors.SizeOfAnotherProduct, change_size, *arguments)
        elif size.id != size_id and size.id in [held for _, held in person.wishlist]:
            refused(errors.AlreadyInWishlist, change_size, *arguments)
        else:
            assert change_size(*arguments).size == size
            person.wishlist[place] = (unit_id, size.id)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def delete_from_wishlist(self, data: st.DataObject) -> None:
        """Only the owner can delete a unit, and only once."""
        person, other = self.person(data), self.person(data)
        if not person.wishlist:
            return
        unit_id, size_id = data.draw(st.sampled_from(person.wishlist))
        if other is not person:
            refused(errors.NotFound, delete_from_wishlist, self.shop, other.actor, unit_id)
            return
        assert delete_from_wishlist(self.shop, person.actor, unit_id).size.id == size_id
        person.wishlist.remove((unit_id, size_id))
        refused(errors.NotFound, delete_from_wishlist, self.shop, person.actor, unit_id)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def add_to_cart(self, data: st.DataObject) -> None:
        """An available unit is added once, an unavailable one never."""
        person, unit_id = self.person(data), data.draw(st.sampled_from(sorted(self.units)))
        arguments = (self.shop, person.actor, person.user_id, self.units[unit_id].id)
        if not self.for_sale(unit_id):
            is_listed = self.units[unit_id].product_id not in self.unlisted
            refused(errors.UnitsUnavailable if is_listed else errors.NotFound, add_to_cart, *arguments)
            return
        _, created = add_to_cart(*arguments)
        assert created == (unit_id not in person.cart)
        if created:
            person.cart.append(unit_id)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def remove_from_cart(self, data: st.DataObject) -> None:
        """A unit of the cart is removed once."""
        person, unit_id = self.person(data), data.draw(st.sampled_from(sorted(self.units)))
        arguments = (self.shop, person.actor, person.user_id, self.units[unit_id].id)
        if unit_id not in person.cart:
            refused(errors.NotFound, remove_from_cart, *arguments)
            return
        assert remove_from_cart(*arguments).id == unit_id
        person.cart.remove(unit_id)

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        """Wishlists, carts, orders, stock and activations."""
        for person in self.people.values():
            wishlist = read_wishlist(self.shop, person.actor, person.user_id)
            assert [(card.id, card.size.id) for card in wishlist] == person.wishlist
            for card in wishlist:
                assert (card.unit and card.unit.id) == self.cheapest(card.size)
            assert [view.id for view in read_cart(self.shop, person.actor, person.user_id).units] == person.cart
            orders = whole_list(read_user_orders, self.shop, person.actor, person.user_id)
            assert [view.order for view in orders] == [placed.present for placed in person.orders]
        found = self.scene.store.read(lambda tx: tx.units.get_many([unit.id for unit in self.units.values()]))
        assert {unit.id: unit.stock for unit in found.values()} == self.stock
        assert {unit.id: unit.sold for unit in found.values()} == self.sold
        assert all(unit.available == self.available(unit.id) for unit in found.values())
        for name, code in self.codes.items():
            stored = self.scene.store.read(lambda tx, wanted=name: tx.promo_codes.by_code(wanted))  # type: ignore[misc]
            assert stored.max_activation_count - stored.activation_count == code.left

    def cheapest(self, size: Size) -> int | None:
        """The expected unit of a wishlist card."""
        candidates = [
            (unit.price, unit.id)
            for unit in self.units.values()
            if self.available(unit.id)
            and unit.product_id == size.product_id
            and (size.grid == NO_SIZE or unit.size == size)
        ]
        return min(candidates)[1] if candidates else None


def shop_machine(make_store: StoreMaker) -> type[ShopMachine]:
    """The state machine over one kind of store; run it with `hypothesis.stateful.run_state_machine_as_test`."""
    return type("Machine", (ShopMachine,), {"make_store": staticmethod(make_store)})
