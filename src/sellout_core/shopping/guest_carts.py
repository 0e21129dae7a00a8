"""Carts of guests: buyers who are not logged in and hold a token (docs/http-contract.md#guest-cart)."""

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, Self

import attrs

from sellout_core.catalogue.products import UnitView
from sellout_core.errors import Fault, FieldCode, LimitReached
from sellout_core.shopping.totals import CartTotals
from sellout_core.values import MAX_CART, CartId, ProductUnitId

__all__ = ["TOKEN_PATTERN", "GuestCart", "GuestCartView", "fingerprint_of", "guest_token", "units_to_merge"]

TOKEN_PATTERN: Final = "[0-9a-f]{32}"  # noqa: S105 - a pattern
"""The form of the token of a guest's cart."""

_TOKEN: Final = re.compile(TOKEN_PATTERN)


@attrs.frozen
class GuestCart:
    """The cart of a guest: a set of at most 100 product units in order of entry. A unit may have been deleted since."""

    id: CartId
    fingerprint: str = attrs.field(repr=False)
    unit_ids: tuple[ProductUnitId, ...]
    expires_at: datetime

    def holding(self, unit_id: ProductUnitId, expires_at: datetime) -> Self:
        """The cart with a unit and a new end of its lifetime. The same cart if it holds the unit already.

        Raises:
            LimitReached: the cart is full.
        """
        if unit_id in self.unit_ids:
            return self
        if len(self.unit_ids) >= MAX_CART:
            raise LimitReached(MAX_CART)
        return attrs.evolve(self, unit_ids=(*self.unit_ids, unit_id), expires_at=expires_at)

    def without(self, unit_id: ProductUnitId, expires_at: datetime) -> Self:
        """The cart without a unit and with a new end of its lifetime."""
        left = tuple(held for held in self.unit_ids if held != unit_id)
        return attrs.evolve(self, unit_ids=left, expires_at=expires_at)


@attrs.frozen
class GuestCartView:
    """The cart of a guest with today's prices, including units that have become unavailable."""

    id: CartId
    units: tuple[UnitView, ...]
    totals: CartTotals | None
    """The price of the units that can be bought now. None: they have prices in several currencies."""


def guest_token(value: str) -> Fault | None:
    """A rule for tokens of guests' carts: 32 hexadecimal digits in lower case."""
    reason = "must be the 32 hexadecimal digits that the shop returned"
    return None if _TOKEN.fullmatch(value) else Fault(reason, FieldCode.MALFORMED)


def fingerprint_of(token: str) -> str:
    """A hash that identifies a token. The token cannot be computed from it."""
    return hashlib.sha256(token.encode()).hexdigest()


def units_to_merge(guest_units: Sequence[ProductUnitId], held: Collection[ProductUnitId]) -> Sequence[ProductUnitId]:
    """The units that move from a guest's cart to a cart that holds at most 100 units: those that it does not hold, in
    order of entry. If not all of them fit, the newest.
    """
    missing = [unit_id for unit_id in guest_units if unit_id not in held]
    return missing[max(0, len(missing) + len(held) - MAX_CART) :]
