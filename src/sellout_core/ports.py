"""What the core needs from outside, as Protocols, each with its law in the docstring.

Reading is set-shaped: one call is one statement, whatever the number of rows, and asking for ids that do not exist
leaves them out of the answer. Writing settles races by itself: a method that can lose a race says so in its answer.
Any method of a store may raise `errors.Unavailable`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import attrs

from sellout_core.accounts import (
    Actor,
    Address,
    Claims,
    Credentials,
    NewAddress,
    NewUser,
    Session,
    User,
)
from sellout_core.catalogue import (
    Card,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ReferenceNames,
    References,
    Size,
)
from sellout_core.ordering import Cart, NewOrder, NewPromoCode, Order, PromoCode
from sellout_core.search import CatalogueQuery, FacetCounts
from sellout_core.values import (
    AddressId,
    OrderId,
    ProductId,
    ProductUnitId,
    PromoCodeId,
    SessionId,
    SizeId,
    UserId,
    WishlistUnitId,
)
from sellout_core.wishlist import Wishlist, WishlistUnit

T = TypeVar("T")


class Users(Protocol):
    """Users."""

    def add(self, user: NewUser, password_hash: str) -> User:
        """Stores a new user. Usernames are unique under `values.fold`.

        Raises:
            UsernameTaken: somebody has that username, also when they got it at the same moment.
        """

    def get_many(self, user_ids: Collection[UserId]) -> Mapping[UserId, User]:
        """The users of those ids, address books included."""

    def after(self, user_id: int, limit: int) -> Sequence[User]:
        """The first `limit` users with ids above `user_id`, by id."""

    def for_update(self, user_id: UserId) -> User | None:
        """The user, whom no other transaction changes, nor anything of theirs, before this one ends."""

    def save(self, user: User) -> None:
        """Writes a user obtained from `for_update`; the address book is not written.

        Raises:
            UsernameTaken: the username was changed to somebody else's.
        """


class Views(Protocol):
    """What users looked at, which stands in `User.last_viewed`."""

    def note(self, views: Iterable[tuple[UserId, ProductId]]) -> None:
        """Makes each user one who `User.having_viewed` the product, in the order given. Of transactions that note at
        once none is lost; for a user who does not exist nothing is noted. Several users are to be `free` first, so
        that no two transactions wait for each other.
        """

    def free(self, user_ids: Collection[UserId]) -> Collection[UserId]:
        """Those of the users whom no other transaction holds, held by this one from now on; waits for nobody."""


class CredentialsOfUsers(Protocol):
    """What users log in with. `Users.add` stores the first."""

    def by_username(self, username: str) -> Credentials | None:
        """The credentials of the user of that name; the case of its letters does not matter."""

    def of(self, user_id: UserId) -> Credentials | None:
        """The user's credentials."""

    def save(self, user_id: UserId, password_hash: str) -> None:
        """Writes another hash for a user obtained from `Users.for_update`."""


class Addresses(Protocol):
    """Users' address books."""

    def add(self, user_id: UserId, address: NewAddress) -> Address:
        """Appends an address to a user's address book."""

    def save(self, address: Address) -> None:
        """Writes an existing address."""

    def delete(self, address_id: AddressId) -> None:
        """Deletes an address; orders keep the copy they were made with."""


class Sessions(Protocol):
    """Sessions that live. A revoked one is gone."""

    def add(self, session: Session) -> None:
        """Stores a new session."""

    def actor(self, session_id: SessionId, user_id: UserId) -> Actor | None:
        """Who acts in that session with today's rights; None unless it is that user's and the user is active."""

    def for_update(self, session_id: SessionId) -> Session | None:
        """The session, which no other transaction changes before this one ends."""

    def save(self, session: Session) -> None:
        """Writes an existing session."""

    def delete(self, session_id: SessionId) -> None:
        """Revokes a session, if it is there."""

    def delete_of(self, user_id: UserId, expired_by: datetime | None = None) -> None:
        """Revokes all of the user's sessions, or those that expired by a time."""


class ReferenceTables(Protocol):
    """The small tables. A new store holds the genders `M` (1) and `F` (2) and the order status `pending` (1)."""

    def snapshot(self) -> References:
        """The small tables, at least every row that anything loaded in this transaction refers to."""

    def ensure(self, names: ReferenceNames) -> References:
        """The small tables after adding the names that were not there; new ids go up in alphabetical order."""


class Products(Protocol):
    """Products as they are stored."""

    def get_many(self, product_ids: Collection[ProductId]) -> Mapping[ProductId, Product]:
        """The products of those ids."""

    def after(self, product_id: int, limit: int) -> Sequence[Product]:
        """The first `limit` products with ids above `product_id`, by id, listed or not."""

    def by_sku(self, skus: Collection[str]) -> Mapping[str, Product]:
        """The products with those skus. What `Store.write` reads of them here, nobody else changes before it ends."""

    def add_many(self, products: Sequence[NewProduct]) -> Sequence[ProductId]:
        """Stores new products; the ids, going up, in the order given. No sku may exist."""

    def save_many(self, products: Sequence[Product]) -> None:
        """Writes existing products."""


class Cards(Protocol):
    """Products as readers see them in lists. `wishlist_of` is whose wishlist decides `in_wishlist`; None: nobody's."""

    def get_many(self, product_ids: Collection[ProductId], wishlist_of: UserId | None) -> Mapping[ProductId, Card]:
        """The cards of those products, listed or not."""

    def page(self, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Up to `limit` cards of listed products, by id, after leaving out the first `offset`."""

    def search(self, query: CatalogueQuery, offset: int, limit: int, wishlist_of: UserId | None) -> Sequence[Card]:
        """Up to `limit` cards of listed products that match the query (`search.matches`), in its order
        (`search.place`), after leaving out the first `offset`. A name that the store does not know yet may take another
        statement.
        """

    def facets(self, query: CatalogueQuery) -> FacetCounts:
        """The counts (`search.count_facets`) of all listed products that match; statements as for `search`."""


class Sizes(Protocol):
    """Sizes of products."""

    def get_many(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, Size]:
        """The sizes of those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Size]:
        """Every size of those products, by id."""

    def add_many(self, sizes: Sequence[NewSize]) -> Sequence[Size]:
        """Stores new sizes, in the order given. A product never has two sizes of one grid."""


class Units(Protocol):
    """Product units."""

    def get_many(self, unit_ids: Collection[ProductUnitId]) -> Mapping[ProductUnitId, ProductUnit]:
        """The units of those ids."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[ProductUnit]:
        """Every unit of those products, by id. What `Store.write` reads of them here, nobody else changes or sells
        before it ends.
        """

    def cheapest(self, size_ids: Collection[SizeId]) -> Mapping[SizeId, ProductUnit]:
        """For each size its product's cheapest available unit in that size, the lowest id among equals; in any size,
        for a "no size". Sizes without such a unit are left out.
        """

    def add_many(self, units: Sequence[NewProductUnit]) -> Sequence[ProductUnitId]:
        """Stores new units; the ids, going up, in the order given."""

    def save_many(self, units: Sequence[ProductUnit]) -> None:
        """Writes existing units."""

    def take(self, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        """Takes one piece of each unit, in ascending order of id, and returns those it got, as they are after it.
        Limited stock goes down by one and never below zero; what reaches zero becomes unavailable. `sold` goes up by
        one in the same step, for units bought to order too. An unavailable unit is not got. If a unit's price is no
        longer what this transaction read, its work is run again.
        """


class Carts(Protocol):
    """Carts, one a user."""

    def create(self, user_id: UserId) -> None:
        """Stores an empty cart for a new user."""

    def of(self, user_id: UserId) -> Cart | None:
        """The user's cart."""

    def add(self, user_id: UserId, unit_id: ProductUnitId) -> bool:
        """Puts a unit into the user's cart; False if it was there."""

    def remove(self, user_id: UserId, unit_ids: Collection[ProductUnitId]) -> Collection[ProductUnitId]:
        """Takes units out of the user's cart and returns the ids of those that were there: of transactions racing for
        one unit, one gets it.
        """


class Wishlists(Protocol):
    """Wishlists, one a user."""

    def of(self, user_id: UserId) -> Wishlist:
        """The user's wishlist; an empty one for a user without any."""

    def unit(self, wishlist_unit_id: WishlistUnitId) -> WishlistUnit | None:
        """One wishlist unit, whoever's it is."""

    def add(self, user_id: UserId, size: Size) -> WishlistUnit:
        """Appends a size, which the wishlist of a user obtained from `Users.for_update` does not hold."""

    def save(self, unit: WishlistUnit) -> None:
        """Writes an existing unit's size, which no other unit of its wishlist is in."""

    def delete(self, wishlist_unit_id: WishlistUnitId) -> None:
        """Deletes a wishlist unit."""

    def products_of(self, user_id: UserId) -> Collection[ProductId]:
        """The products that the user's wishlist holds, each once."""


class PromoCodes(Protocol):
    """Promo codes."""

    def add(self, promo_code: NewPromoCode) -> PromoCode:
        """Stores a new promo code. Codes are unique under `values.fold`.

        Raises:
            PromoCodeTaken: there is one of that name.
        """

    def by_code(self, code: str) -> PromoCode | None:
        """The promo code of that name; the case of its letters does not matter."""

    def activate(self, promo_code_id: PromoCodeId) -> PromoCode | None:
        """Counts one activation and returns the promo code after it; None, counting nothing, if that would pass the
        maximum.
        """


class Orders(Protocol):
    """Orders, which are written once. The units of their lines are read back as they were stored, whatever happens to
    the catalogue. Equal units and equal products are stored once, for all orders.
    """

    def add(self, order: NewOrder) -> Order:
        """Stores a new order with its lines."""

    def get(self, order_id: OrderId) -> Order | None:
        """One order, whoever's it is."""

    def of(self, user_id: UserId) -> Sequence[Order]:
        """The orders of one buyer, by id."""

    def after(self, order_id: int, limit: int) -> Sequence[Order]:
        """The first `limit` orders with ids above `order_id`, by id."""


@attrs.frozen
class KeptAnswer:
    """The answer a buyer's idempotency key stands for, and the fingerprint of the request that got it."""

    fingerprint: str
    answer: bytes


class Answers(Protocol):
    """First answers, kept under idempotency keys, each the key's owner's alone."""

    def find(self, user_id: UserId, key: str, kept_after: datetime) -> KeptAnswer | None:
        """The answer kept under the user's key after that time."""

    def keep(self, user_id: UserId, key: str, kept: KeptAnswer, now: datetime) -> None:
        """Keeps an answer for a user obtained from `Users.for_update`, in place of an older one under that key."""

    def delete_older(self, user_id: UserId, kept_after: datetime) -> None:
        """Drops the user's answers kept at that time or before."""


@attrs.frozen
class Count:
    """How often something happened since the count began, and when the next one begins."""

    number: int
    ends_at: datetime


class Counters(Protocol):
    """Counts of what happens too often, each for a while."""

    def add(self, key: str, now: datetime, window: timedelta) -> Count:
        """Counts one more under a key and returns the count after it. The first one begins a count that ends `window`
        later; one that ends more than two windows from now is no count of this time. Of transactions that add at once
        each gets a number of its own.
        """

    def take_back(self, key: str, count: Count) -> None:
        """Counts one less, unless that count is over."""

    def delete_ended(self, now: datetime) -> None:
        """Drops the counts that ended by `now`."""


class Transaction(Protocol):
    """Everything a use case may touch, as one state of the store that nobody else changes meanwhile."""

    @property
    def users(self) -> Users: ...
    @property
    def views(self) -> Views: ...
    @property
    def credentials(self) -> CredentialsOfUsers: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def references(self) -> ReferenceTables: ...
    @property
    def products(self) -> Products: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def sizes(self) -> Sizes: ...
    @property
    def units(self) -> Units: ...
    @property
    def carts(self) -> Carts: ...
    @property
    def wishlists(self) -> Wishlists: ...
    @property
    def promo_codes(self) -> PromoCodes: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def answers(self) -> Answers: ...
    @property
    def counters(self) -> Counters: ...


class Store(Protocol):
    """Runs work inside transactions. A transaction is dead once its work has ended.

    The version of the catalogue changes with every commit after which products or product units may look different to
    those who only look at them.
    """

    @property
    def reads_never_wait(self) -> bool:
        """Whether a short `read` waits for nobody: no writer, no other process, no network."""

    def catalogue_version(self) -> int:
        """The version of the catalogue now."""

    def recent_catalogue_version(self) -> int | None:
        """A version that the catalogue had within the last second, none of this store's own commits being later. None:
        it is not known without asking. Waits for nobody.
        """

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs work that only reads, once, on one consistent state of everything committed. `for_update` reads there
        as it does in `write`, and holds up nobody.
        """

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs work and commits what it wrote when it returns: durably, all of it, seen by every later transaction.
        Any exception from the work rolls everything back and passes through. Work that loses to another transaction
        may be run again from the start, so it does nothing but use its transaction.
        """


class Passwords(Protocol):
    """Password hashing."""

    def hash(self, password: str) -> str:
        """A salted hash of the password."""

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the hash's. Takes as long for None, which no password matches, as for any hash."""

    def is_current(self, password_hash: str) -> bool:
        """Whether `hash` would make such a hash today."""

    def is_common(self, password: str) -> bool:
        """Whether so many people use the password that it is among the first to be guessed."""


class Tokens(Protocol):
    """Signed tokens (contract, Tokens)."""

    def sign(self, claims: Claims) -> str:
        """The claims as a token; times keep whole seconds."""

    def read(self, token: str) -> Claims:
        """The claims of a token that this port signed.

        Raises:
            Unauthenticated: it is malformed, expired, or signed otherwise.
        """


class Randomness(Protocol):
    """Unpredictable ids."""

    def __call__(self) -> str:
        """16 hexadecimal digits nobody can guess."""
