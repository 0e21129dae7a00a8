"""The guest of the state machine, whose cart log-ins take over."""

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.scene import PASSWORD
from sellout_adapters.testing.state_machine.import_rules import ImportRules
from sellout_adapters.testing.state_machine.model import Person, refused
from sellout_core import errors
from sellout_core.people.accounts import ANONYMOUS
from sellout_core.use_cases.people.sessions import log_in
from sellout_core.use_cases.shopping.guest_carts import add_to_guest_cart, read_guest_cart, remove_from_guest_cart

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import invariant, precondition, rule


class GuestRules(ImportRules):
    """The rules for one guest at a time, and the part of the model that they change.

    Attributes:
        people: The users by username, in lower case.
        guest_cart: The ids of the units in the guest's cart.
        guest_token: The token of the guest's cart. None: there is no such cart.
        merged_token: The token of the last cart that was merged, or None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Person] = {}
        self.guest_cart: list[int] = []
        self.guest_token: str | None = None
        self.merged_token: str | None = None

    @rule(data=st.data())
    def add_as_guest(self, data: st.DataObject) -> None:
        """The rules are those of a user's cart. The first unit makes the cart."""
        unit_id = data.draw(st.sampled_from(sorted(self.units)))
        arguments = (self.scene.shop, ANONYMOUS, self.guest_token, self.units[unit_id].id)
        if not self.for_sale(unit_id):
            is_listed = self.units[unit_id].product_id not in self.unlisted
            refused(errors.UnitsUnavailable if is_listed else errors.NotFound, add_to_guest_cart, *arguments)
            return
        added = add_to_guest_cart(*arguments)
        assert added.is_new == (unit_id not in self.guest_cart)
        assert (added.token is None) == (self.guest_token is not None)
        self.guest_token = self.guest_token or added.token
        if added.is_new:
            self.guest_cart.append(unit_id)

    @precondition(lambda self: self.guest_token)
    @rule(data=st.data())
    def remove_as_guest(self, data: st.DataObject) -> None:
        """A unit of the cart is removed once."""
        unit_id = data.draw(st.sampled_from(sorted(self.units)))
        arguments = (self.scene.shop, self.guest_token, self.units[unit_id].id)
        if unit_id not in self.guest_cart:
            refused(errors.NotFound, remove_from_guest_cart, *arguments)
            return
        assert remove_from_guest_cart(self.scene.shop, self.guest_token or "", self.units[unit_id].id).id == unit_id
        self.guest_cart.remove(unit_id)

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def log_in_as_guest(self, data: st.DataObject) -> None:
        """The units join the user's cart once. A token that was merged before changes nothing."""
        name = data.draw(st.sampled_from(sorted(self.people)))
        log_in(self.scene.shop, name, PASSWORD, self.merged_token)
        log_in(self.scene.shop, name, PASSWORD, self.guest_token)
        cart = self.people[name].cart
        cart += [unit_id for unit_id in self.guest_cart if unit_id not in cart]
        self.merged_token = self.guest_token or self.merged_token
        self.guest_cart, self.guest_token = [], None

    @invariant()
    def the_guest_has_what_the_model_says(self) -> None:
        """The guest's cart, and no cart under a token that was merged."""
        if self.guest_token is not None:
            view = read_guest_cart(self.scene.shop, self.guest_token)
            assert [unit.id for unit in view.units] == self.guest_cart
        if self.merged_token is not None:
            refused(errors.GuestCartUnknown, read_guest_cart, self.scene.shop, self.merged_token)
