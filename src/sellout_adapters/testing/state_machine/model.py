"""The state of the model of a shop."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from math import floor
from typing import Any, Final

import attrs

from sellout_adapters.testing.state_machine.orders import PlacedOrder
from sellout_core import errors
from sellout_core.people.accounts import Actor
from sellout_core.shop import Policy
from sellout_core.values import AddressId, SizeId, UserId, WishlistUnitId

USERNAMES = ["anna", "ANNA", "Борис", "борис", "c@mail.ru"]
CODES = ["SALE", "sale", "FLAT", "OLD", "none such"]

MINUTE: Final = timedelta(minutes=1)
POLICY: Final = Policy(unpaid_order_lifetime=MINUTE, return_window=MINUTE)
"""The policy of the shop. A rule of the machine ends these lifetimes, and no others."""


@attrs.define
class Person:
    """The model of a user."""

    user_id: UserId
    address_id: AddressId
    wishlist: list[tuple[WishlistUnitId, SizeId]] = attrs.Factory(list)
    cart: list[int] = attrs.Factory(list)
    orders: list[PlacedOrder] = attrs.Factory(list)
    answers: dict[str, tuple[Any, bytes]] = attrs.Factory(dict)

    @property
    def actor(self) -> Actor:
        """The user's actor."""
        return Actor(self.user_id)


@attrs.define
class Code:
    """The model of a promo code."""

    percentage: int
    absolute: int
    left: int
    expired: bool
    maximum: int = attrs.field(default=attrs.Factory(lambda self: self.left, takes_self=True), init=False)


def half_up(amount: Fraction) -> int:
    """Rounds to the nearest integer, halves up."""
    return floor(amount + Fraction(1, 2))


def refused(refusal: type[errors.SellOutError], call: Callable[..., Any], *arguments: Any) -> None:
    """Asserts that a call raises exactly this error."""
    try:
        call(*arguments)
    except errors.SellOutError as error:
        assert type(error) is refusal, error
    else:
        raise AssertionError(f"not refused with {refusal.__name__}")


def encoded(view: Any) -> bytes:
    """An encoded response."""
    return repr(view).encode()
