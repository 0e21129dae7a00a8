"""Runs a request once for each idempotency key."""

from collections.abc import Callable

from sellout_core import values
from sellout_core.errors import IdempotencyKeyReused, InvalidField, InvalidFields
from sellout_core.people.accounts import User
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.users import locked_user
from sellout_core.use_cases.upkeep import EXPIRED_PER_WRITE
from sellout_core.values import UserId

__all__ = ["answer_once"]


def answer_once(
    shop: Shop,
    user_id: UserId,
    key: str,
    fingerprint: str,
    work: Callable[[Transaction, User], bytes],
    about: Callable[[Transaction], UserId | None] | None = None,
) -> bytes:
    """Runs work once for each idempotency key of a user (docs/http-contract.md#idempotency). For 24 hours each retry
    returns the first response. An error is not stored.

    Args:
        shop: The shop.
        user_id: The owner of the key. The transaction locks this user.
        key: The idempotency key: 1 to 255 printable ASCII characters.
        fingerprint: A hash that is equal for equal requests only.
        work: Returns the response. It runs in the transaction.
        about: Returns another user whose data the response has, before the work runs. The response is deleted with that
            user. None: there is none.

    Raises:
        InvalidFields: the key is malformed.
        NotFound: there is no such user.
        IdempotencyKeyReused: the key was used for another request.
    """
    if fault := values.idempotency_key(key):
        raise InvalidFields((InvalidField("idempotency_key", fault.reason, fault.code),))
    now = shop.clock()
    stored_by = now - shop.policy.idempotency_key_lifetime

    def run(tx: Transaction) -> bytes:
        user = locked_user(tx, user_id)
        stored = tx.idempotency.find(user_id, key, stored_by)
        if stored is None:
            # Before the work locks rows that other transactions wait for.
            tx.idempotency.delete_expired(stored_by, EXPIRED_PER_WRITE)
            about_id = None if about is None else about(tx)
            stored = StoredResponse(fingerprint, work(tx, user), about_id)
            tx.idempotency.save(user_id, key, stored, now)
        if stored.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        return stored.response

    return shop.store.write(run)
