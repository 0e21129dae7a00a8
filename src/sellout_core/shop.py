"""The shop: the first argument of every use case. It has the ports and the policy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NoReturn, Protocol, TypeVar

import attrs

from sellout_core.errors import Unavailable
from sellout_core.ports.catalogue.pictures import PictureRenderer, PictureStorage
from sellout_core.ports.payments import NoPaymentProvider, PaymentProvider
from sellout_core.ports.store import Reader, Store, Transaction
from sellout_core.ports.system import OneTimeCodes, Passwords, Randomness, Tokens
from sellout_core.values import Clock, Rule

__all__ = ["Policy", "ReadingShop", "Shop", "inside"]

T = TypeVar("T")


@attrs.frozen
class Policy:
    """The policy of a shop.

    Attributes:
        min_password_length: The minimum length of new passwords, in characters of Unicode's composed form.
        refuse_common_passwords: Whether common passwords are refused.
        access_lifetime: The lifetime of access tokens.
        refresh_lifetime: The lifetime of refresh tokens.
        time_zone: The last day of a promo code ends at midnight in this time zone.
        idempotency_key_lifetime: How long a response is stored under an idempotency key.
        sends_mail: Whether something sends the mails of the outbox.
        guest_cart_lifetime: How long a guest's cart exists after its last change.
        unpaid_order_lifetime: How long an order may stay unpaid. None: for ever.
        return_window: How long after its delivery a buyer may ask to return a unit.
        unused_file_lifetime: How long a file of a picture is stored to which no product refers. An upload is much
            shorter.
        staff_need_second_factor: Whether staff have their rights only with a second factor.
        event_retention: How long events are kept after they were delivered.
        private_webhooks: Whether events may be sent to private networks, and without TLS. For development.
    """

    min_password_length: int = 8
    refuse_common_passwords: bool = True
    access_lifetime: timedelta = timedelta(days=1)
    refresh_lifetime: timedelta = timedelta(days=7)
    time_zone: tzinfo = UTC
    idempotency_key_lifetime: timedelta = timedelta(hours=24)
    sends_mail: bool = True
    guest_cart_lifetime: timedelta = timedelta(days=30)
    unpaid_order_lifetime: timedelta | None = None
    return_window: timedelta = timedelta(days=7)
    unused_file_lifetime: timedelta = timedelta(hours=24)
    staff_need_second_factor: bool = False
    event_retention: timedelta = timedelta(days=7)
    private_webhooks: bool = False


class ReadingShop(Protocol):
    """The first argument of every use case that only reads. Every `Shop` is one."""

    @property
    def store(self) -> Reader:
        """The store to read from."""

    @property
    def tokens(self) -> Tokens:
        """The port of tokens."""

    @property
    def picture_storage(self) -> PictureStorage:
        """The files of pictures."""

    @property
    def payment_provider(self) -> PaymentProvider:
        """The payment provider."""

    @property
    def clock(self) -> Clock:
        """Returns the current time in UTC."""

    @property
    def policy(self) -> Policy:
        """The policy of the shop."""


def _any_username(_: str) -> None:
    """Allows every username within the limits of `Registration`."""


class _NoPictures:
    """The storage of a shop that takes no pictures."""

    def put(self, files: Mapping[str, bytes]) -> NoReturn:  # noqa: ARG002 - the port's
        raise Unavailable("This shop takes no pictures.")

    def address(self, name: str) -> str:
        return name

    def stored_before(self, time: datetime) -> Iterator[Sequence[str]]:  # noqa: ARG002 - the port's
        return iter(())

    def delete(self, names: Sequence[str], stored_before: datetime) -> int:  # noqa: ARG002 - the port's
        return 0


def _refuse_picture(content: bytes, media_type: str) -> NoReturn:  # noqa: ARG001 - the port's
    """The renderer of a shop that takes no pictures."""
    raise Unavailable("This shop takes no pictures.")


@attrs.frozen
class Shop:
    """The first argument of every use case that writes.

    `username_rule` is the rule for new usernames, beyond the limits of `Registration`. By default a shop takes no
    pictures, and its staff enter payments.
    """

    store: Store
    passwords: Passwords
    tokens: Tokens
    one_time_codes: OneTimeCodes
    clock: Clock
    random_id: Randomness
    policy: Policy = Policy()
    username_rule: Rule = _any_username
    picture_storage: PictureStorage = _NoPictures()
    render_picture: PictureRenderer = _refuse_picture
    payment_provider: PaymentProvider = NoPaymentProvider()

    def within(self, transaction: Transaction) -> ReadingShop:
        """The shop inside a running transaction. All use cases that read from it see the same state of the store."""
        return self.over(_OneTransaction(transaction))

    def inside(self, transaction: Transaction) -> "Shop":
        """As `within`, for use cases that write. They write in that transaction and do not commit it."""
        return attrs.evolve(self, store=_OneTransaction(transaction))

    def over(self, store: Reader) -> ReadingShop:
        """The shop with another reader of its store."""
        return _ShopOver(store, self.tokens, self.picture_storage, self.payment_provider, self.clock, self.policy)


@attrs.frozen
class _OneTransaction:
    """Runs work inside a running transaction."""

    _transaction: Transaction

    def read(self, work: Callable[[Transaction], T]) -> T:
        return work(self._transaction)

    write = read


@attrs.frozen
class _ShopOver:
    store: Reader
    tokens: Tokens
    picture_storage: PictureStorage
    payment_provider: PaymentProvider
    clock: Clock
    policy: Policy


def inside(shop: ReadingShop, transaction: Transaction) -> ReadingShop:
    """A shop inside a running transaction, as `Shop.within`, for use cases that only read."""
    within = _OneTransaction(transaction)
    return _ShopOver(within, shop.tokens, shop.picture_storage, shop.payment_provider, shop.clock, shop.policy)
