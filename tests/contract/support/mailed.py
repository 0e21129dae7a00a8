"""Tokens that the shop sends by mail."""

from collections.abc import Callable, Mapping
from typing import Final
from weakref import WeakKeyDictionary

import httpx2

from sellout_adapters.testing.mailbox import deliver
from sellout_core.people.accounts import OPERATOR
from sellout_core.people.identity import EmailChange, ForgottenPassword
from sellout_core.shop import Shop
from sellout_core.use_cases.people.identity import change_email, request_password_reset, verify_email
from sellout_core.values import UserId

SHOPS: Final[WeakKeyDictionary[httpx2.Client, Shop]] = WeakKeyDictionary()
"""The shop that each client of a test talks to."""


def address_of(user_id: UserId) -> str:
    """The address that a user gets here."""
    return f"user{user_id}@shop.example"


def verifying_token(shop: Shop, user_id: UserId, password: str) -> str:
    """A token that verifies the address of a user."""
    change_email(shop, OPERATOR, user_id, EmailChange(email=address_of(user_id), password=password), "en")
    return deliver(shop)[-1].parameters["token"]


def resetting_token(shop: Shop, user_id: UserId, password: str) -> str:
    """A token that sets a new password. The address of the user is verified first, if it is not."""
    if shop.store.read(lambda tx: tx.emails.of(user_id)).address is None:
        verify_email(shop, verifying_token(shop, user_id, password), "en")
    request_password_reset(shop, ForgottenPassword(address_of(user_id)), "en")
    return deliver(shop)[-1].parameters["token"]


MAILED: Final[Mapping[str, Callable[[Shop, UserId, str], str]]] = {
    "verify_email": verifying_token,
    "reset_password": resetting_token,
}
"""Makes the token of a body, by the operation."""
