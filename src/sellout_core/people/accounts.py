"""Users with their addresses, view history and sessions, and the rights of actors."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Final, Literal, Self

import attrs

from sellout_core import errors, values
from sellout_core.catalogue.products import FEMALE, MALE
from sellout_core.people.refusals import SecondFactorMissing
from sellout_core.values import AddressId, GenderId, Money, Percentage, ProductId, SessionId, UserId, ruled

GENDERS: Final = {"male": MALE, "female": FEMALE}


@attrs.frozen
class Actor:
    """The caller of a use case. Staff without an id is the operator: a command or a script on the shop's machine. A
    superuser is staff, too. A user with `lacks_second_factor` has no rights of staff until they have a second factor.
    """

    user_id: UserId | None = None
    is_staff: bool = False
    is_superuser: bool = False
    lacks_second_factor: bool = False

    def require_user(self, user_id: UserId) -> None:
        """Checks that the actor is that user or staff.

        Raises:
            Unauthenticated: the actor is anonymous.
            Forbidden: the actor is another user. The user with that id may not exist.
        """
        if not self.is_staff and self.user_id != user_id:
            raise self._refusal

    def require_self(self, user_id: UserId) -> None:
        """Checks that the actor is that user. Staff may not act for them.

        Raises:
            Unauthenticated: the actor is anonymous.
            Forbidden: the actor is another user, or the operator.
        """
        self.require_known()
        if self.user_id != user_id:
            raise errors.Forbidden

    def require_staff(self) -> None:
        """Checks that the actor is staff.

        Raises:
            Unauthenticated: the actor is anonymous.
            Forbidden: the actor is a user who is not staff.
        """
        if not self.is_staff:
            raise self._refusal

    def require_operator(self) -> None:
        """Checks that the actor is the operator. Raises `Forbidden` if it is not."""
        if self != OPERATOR:
            raise errors.Forbidden

    def require_superuser(self) -> None:
        """Lets through superusers.

        Raises:
            Unauthenticated: for an anonymous actor.
            Forbidden: for a user who is not a superuser.
        """
        self.require_staff()
        if not self.is_superuser:
            raise errors.Forbidden

    def require_known(self) -> None:
        """Checks that the actor is not anonymous.

        Raises:
            Unauthenticated: the actor is anonymous.
        """
        if self == ANONYMOUS:
            raise errors.Unauthenticated

    def may_see(self, user_id: UserId) -> bool:
        """Whether the actor may see that user's data."""
        return self.is_staff or self.user_id == user_id

    @property
    def _refusal(self) -> errors.Unauthenticated | errors.Forbidden:
        if self.user_id is None:
            return errors.Unauthenticated()
        return SecondFactorMissing() if self.lacks_second_factor else errors.Forbidden()


ANONYMOUS: Final = Actor()
OPERATOR: Final = Actor(is_staff=True, is_superuser=True)


@attrs.frozen
class NewAddress:
    """A delivery address without an id.

    Raises:
        InvalidFields: the address is empty or over 500 characters, or the post index is over 20 characters.
    """

    address: str = ruled(values.text(values.MAX_ADDRESS, minimum=1))
    post_index: str = ruled(values.text(values.MAX_POST_INDEX))

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class Address:
    """A delivery address in a user's address book, or the copy of it in an order."""

    id: AddressId
    address: str
    post_index: str


def _gender(value: str) -> errors.Fault | None:
    return None if value in GENDERS else errors.Fault("must be male or female", errors.FieldCode.NOT_ONE_OF)


@attrs.frozen
class Registration:
    """The data for registering a user. The shop's policy has more rules for the password.

    Raises:
        InvalidFields: names every field out of its limits.
    """

    username: str = ruled(values.text(values.MAX_USERNAME, minimum=1))
    password: str = ruled(values.password, repr=False)
    first_name: str = ruled(values.text(values.MAX_NAME), default="")
    last_name: str = ruled(values.text(values.MAX_NAME), default="")
    gender: Literal["male", "female"] | None = ruled(values.optional(_gender), default=None)
    email: str = ruled(lambda value: values.email(value) if value else None, default="")

    def __attrs_post_init__(self) -> None:
        values.enforce(self)

    def new_user(self, joined_at: datetime, *, is_admin: bool = False) -> "NewUser":
        """The user to store. A username that is an e-mail address is also `email` (docs/http-contract.md#register)."""
        own_email = self.username if values.email(self.username) is None else ""
        return NewUser(
            username=self.username,
            first_name=self.first_name,
            last_name=self.last_name,
            email=self.email or own_email,
            gender_id=None if self.gender is None else GENDERS[self.gender],
            is_staff=is_admin,
            is_superuser=is_admin,
            joined_at=joined_at,
        )


@attrs.frozen(kw_only=True)
class NewUser:
    """A user without an id. The hash of the password is not part of it (see `ports.Users`)."""

    username: str
    first_name: str
    last_name: str
    email: str
    gender_id: GenderId | None = None
    is_staff: bool = False
    is_superuser: bool = False
    is_active: bool = True
    joined_at: datetime
    last_login: datetime | None = None
    purchased_total: Money = Money(0)
    personal_discount: Percentage = Percentage(0)
    referral_link: str | None = None
    preferred_size_grid: str | None = None
    referrer_id: UserId | None = None
    last_viewed: tuple[ProductId, ...] = ()
    telephone: str = ""
    main_address_id: AddressId | None = None
    deleted_at: datetime | None = None


@attrs.frozen(kw_only=True)
class User(NewUser):
    """A user, with the address book in order of entry. `last_viewed` has the latest product first."""

    id: UserId
    addresses: tuple[Address, ...] = ()

    @property
    def has_rights(self) -> bool:
        """Whether the user is staff or a superuser, whether active or not."""
        return self.is_staff or self.is_superuser

    @property
    def acts_as_superuser(self) -> bool:
        """Whether the user is an active superuser."""
        return self.is_active and self.is_staff and self.is_superuser

    @classmethod
    def of(cls, user_id: UserId, new: NewUser) -> Self:
        """A user with an id and the values of `new`."""
        return cls(id=user_id, **attrs.asdict(new, recurse=False))

    def having_viewed(self, product_id: ProductId) -> Self:
        """The user after viewing a product. It becomes the first of at most seven distinct last viewed products."""
        others = tuple(viewed for viewed in self.last_viewed if viewed != product_id)
        return attrs.evolve(self, last_viewed=(product_id, *others)[: values.LAST_VIEWED])

    def address(self, address_id: AddressId) -> Address | None:
        """The address with that id. None: it is not in the address book."""
        return next((address for address in self.addresses if address.id == address_id), None)


@attrs.frozen
class PasswordChange:
    """A change of a password. The shop's policy has more rules for the new one.

    Raises:
        InvalidFields: the new password is out of its limits.
    """

    old_password: str = attrs.field(repr=False)
    new_password: str = ruled(values.password, repr=False)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class Credentials:
    """The data for checking a log-in."""

    user_id: UserId
    password_hash: str = attrs.field(repr=False)
    is_active: bool


TokenType = Literal["access", "refresh"]


@attrs.frozen
class Claims:
    """The claims of a token (docs/http-contract.md#tokens).

    `jti` is 32 hexadecimal digits. The first 16 are the id of the session, so the documented claims suffice to revoke
    it.
    """

    token_type: TokenType
    issued_at: datetime
    expires_at: datetime
    jti: str
    user_id: UserId

    @property
    def session_id(self) -> SessionId:
        """The id of the token's session."""
        return SessionId(self.jti[:16])

    @property
    def fingerprint(self) -> str:
        """A hash that identifies a refresh token. The token cannot be computed from it."""
        return hashlib.sha256(self.jti.encode()).hexdigest()


@attrs.frozen
class Session:
    """A log-in with all of its tokens. Revoking a session deletes it.

    Attributes:
        last_used_at: The time of the log-in or of the last refresh. None: both were before this time was stored.
        device: The name that the client gave itself then. Empty: it gave none.
        network: The network of the client then. Empty: it is unknown.
    """

    id: SessionId
    user_id: UserId
    refresh_fingerprint: str = attrs.field(repr=False)
    expires_at: datetime
    last_used_at: datetime | None = None
    device: str = ""
    network: str = ""


@attrs.frozen
class TokenPair:
    """The tokens that registering, logging in and refreshing return."""

    refresh: str = attrs.field(repr=False)
    access: str = attrs.field(repr=False)


def viewed_ids(users: Sequence[User]) -> set[ProductId]:
    """The ids of the last viewed products of all the users."""
    return set().union(*map(attrgetter("last_viewed"), users))
