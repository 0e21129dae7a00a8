"""Moves a guest's cart into the cart of the user who logs in or registers."""

from datetime import datetime

from sellout_core.ports.store import Transaction
from sellout_core.shopping.guest_carts import fingerprint_of, guest_token, units_to_merge
from sellout_core.values import UserId

__all__ = ["merge_guest_cart"]


def merge_guest_cart(tx: Transaction, user_id: UserId, token: str | None, now: datetime) -> None:
    """Moves the units of a guest's cart into a user's cart and deletes the guest's cart. So a second call with the
    token moves nothing (docs/http-contract.md#guest-cart-merge).

    Args:
        tx: The transaction, which has locked or added the user.
        user_id: The user, who has a cart.
        token: The token of the guest's cart. Without a token, or with a token that is malformed, unknown or expired,
            nothing moves.
        now: The current time.
    """
    if token is None or guest_token(token) is not None:
        return
    guests = tx.guest_carts.take(fingerprint_of(token))
    if guests is None or guests.expires_at <= now:
        return
    cart = tx.carts.of(user_id)
    assert cart is not None  # noqa: S101 - for the type alone
    found = tx.units.get_many(guests.unit_ids)
    units = [unit_id for unit_id in guests.unit_ids if unit_id in found]
    tx.carts.add_many(cart, units_to_merge(units, cart.unit_ids))
