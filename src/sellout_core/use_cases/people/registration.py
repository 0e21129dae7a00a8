"""Registration of users and creation of administrators (docs/http-contract.md#users)."""

from sellout_core.errors import InvalidField, InvalidFields
from sellout_core.events.making import of_registration
from sellout_core.people.accounts import Actor, Registration, TokenPair, User
from sellout_core.people.session_origins import UNKNOWN_ORIGIN, SessionOrigin
from sellout_core.ports.store import Transaction
from sellout_core.shop import Shop
from sellout_core.use_cases.people.cart_merging import merge_guest_cart
from sellout_core.use_cases.people.passwords import require_password
from sellout_core.use_cases.people.sessions import start_session

__all__ = ["create_admin", "register"]


def register(
    shop: Shop,
    registration: Registration,
    guest_token: str | None = None,
    origin: SessionOrigin = UNKNOWN_ORIGIN,
) -> TokenPair:
    """Creates a user with a cart and an empty wishlist, and starts a session. The units of the guest's cart with that
    token move into the cart, as by `merge_guest_cart`.

    Raises:
        InvalidFields: the shop does not allow the username or the password.
        UsernameTaken: the username is taken.
    """
    password_hash = _hash_if_allowed(shop, registration)
    now = shop.clock()

    def work(tx: Transaction) -> TokenPair:
        user = tx.users.add(registration.new_user(now), password_hash)
        tx.carts.create(user.id)
        tx.events.add([of_registration(user.id, now)])
        merge_guest_cart(tx, user.id, guest_token, now)
        return start_session(shop, tx, user.id, now, origin)

    return shop.store.write(work)


def create_admin(shop: Shop, actor: Actor, registration: Registration) -> User:
    """Creates a user who is staff and superuser. For the operator.

    Raises:
        Forbidden: the actor is not the operator.
        InvalidFields, UsernameTaken: as `register`.
    """
    actor.require_operator()
    password_hash = _hash_if_allowed(shop, registration)
    now = shop.clock()

    def work(tx: Transaction) -> User:
        user = tx.users.add(registration.new_user(now, is_admin=True), password_hash)
        tx.carts.create(user.id)
        tx.events.add([of_registration(user.id, now)])
        return user

    return shop.store.write(work)


def _hash_if_allowed(shop: Shop, registration: Registration) -> str:
    if fault := shop.username_rule(registration.username):
        raise InvalidFields((InvalidField("username", fault.reason, fault.code),))
    require_password(shop, registration.password)
    return shop.passwords.hash(registration.password)
