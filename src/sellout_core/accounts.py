"""Who people are: users, their addresses, what they viewed last, their sessions, and what an actor may do."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, Self

import attrs

from sellout_core import values
from sellout_core.catalogue import FEMALE, MALE
from sellout_core.errors import Fault, FieldCode, Forbidden, Unauthenticated
from sellout_core.values import AddressId, GenderId, Money, Percentage, ProductId, SessionId, UserId, ruled

GENDERS: Final = {"male": MALE, "female": FEMALE}


@attrs.frozen
class Actor:
    """The caller of a use case. Staff without an id is the operator at the machine itself (an import, a script)."""

    user_id: UserId | None = None
    is_staff: bool = False

    def require_user(self, user_id: UserId) -> None:
        """Lets through that user, and staff.

        Raises:
            Unauthenticated: for an anonymous actor.
            Forbidden: for anybody else, whether the user exists or not.
        """
        if self.is_staff or self.user_id == user_id:
            return
        raise Unauthenticated if self.user_id is None else Forbidden

    def require_staff(self) -> None:
        """Lets through staff.

        Raises:
            Unauthenticated: for an anonymous actor.
            Forbidden: for a user who is not staff.
        """
        if not self.is_staff:
            raise Unauthenticated if self.user_id is None else Forbidden

    def require_known(self) -> None:
        """Lets through anybody but an anonymous actor.

        Raises:
            Unauthenticated: for an anonymous actor.
        """
        if self == ANONYMOUS:
            raise Unauthenticated

    def may_see(self, user_id: UserId) -> bool:
        """Whether things of that user's exist for this actor."""
        return self.is_staff or self.user_id == user_id


ANONYMOUS: Final = Actor()
OPERATOR: Final = Actor(is_staff=True)


@attrs.frozen
class NewAddress:
    """A delivery address as a client sends it.

    Raises:
        InvalidFields: over 500 characters, an empty address, or a post index over 20 characters.
    """

    address: str = ruled(values.text(values.MAX_ADDRESS, minimum=1))
    post_index: str = ruled(values.text(values.MAX_POST_INDEX))

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class Address:
    """A delivery address in a user's address book, or as an order keeps it."""

    id: AddressId
    address: str
    post_index: str


def _gender(value: str) -> Fault | None:
    return None if value in GENDERS else Fault("must be male or female", FieldCode.NOT_ONE_OF)


@attrs.frozen
class Registration:
    """What a client sends to become a user. The rule for the password depends on the shop's policy.

    Raises:
        InvalidFields: naming every field out of its limits.
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
        """The user this becomes. A username that is an e-mail address becomes `email` too
        (docs/http-contract.md#register).
        """
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
    """A user before they have an id. Their password's hash is never part of the value (see `ports.Users`)."""

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


@attrs.frozen(kw_only=True)
class User(NewUser):
    """A user of the shop, with their address book in order of entry and the last products they viewed, latest first."""

    id: UserId
    addresses: tuple[Address, ...] = ()

    @classmethod
    def of(cls, user_id: UserId, new: NewUser) -> Self:
        """The user that `new` becomes once they have an id."""
        return cls(id=user_id, **attrs.asdict(new, recurse=False))

    def having_viewed(self, product_id: ProductId) -> Self:
        """This user after looking at a product: it comes first, without repeats, and seven are kept."""
        others = tuple(viewed for viewed in self.last_viewed if viewed != product_id)
        return attrs.evolve(self, last_viewed=(product_id, *others)[: values.LAST_VIEWED])

    def address(self, address_id: AddressId) -> Address | None:
        """The address of that id, if it is in this user's address book."""
        return next((address for address in self.addresses if address.id == address_id), None)


@attrs.frozen
class PasswordChange:
    """A new password, and the one it takes the place of; the new one's own rule depends on the shop's policy.

    Raises:
        InvalidFields: the new password is out of its limits.
    """

    old_password: str = attrs.field(repr=False)
    new_password: str = ruled(values.password, repr=False)

    def __attrs_post_init__(self) -> None:
        values.enforce(self)


@attrs.frozen
class Credentials:
    """What a log-in is checked against."""

    user_id: UserId
    password_hash: str = attrs.field(repr=False)
    is_active: bool


TokenType = Literal["access", "refresh"]


@attrs.frozen
class Claims:
    """What a token says (docs/http-contract.md#tokens).

    `jti` is 32 hexadecimal digits. The first 16 name the session, so the documented claims suffice to revoke it.
    """

    token_type: TokenType
    issued_at: datetime
    expires_at: datetime
    jti: str
    user_id: UserId

    @property
    def session_id(self) -> SessionId:
        """The session this token belongs to."""
        return SessionId(self.jti[:16])

    @property
    def fingerprint(self) -> str:
        """The fingerprint of a refresh token: it recognises the token and cannot replace it."""
        return hashlib.sha256(self.jti.encode()).hexdigest()


@attrs.frozen
class Session:
    """A log-in that lives: the family of tokens descended from it. Revoking it is deleting it."""

    id: SessionId
    user_id: UserId
    refresh_fingerprint: str = attrs.field(repr=False)
    expires_at: datetime


@attrs.frozen
class TokenPair:
    """What a client gets when it registers, logs in or refreshes."""

    refresh: str = attrs.field(repr=False)
    access: str = attrs.field(repr=False)


def viewed_ids(users: Sequence[User]) -> set[ProductId]:
    """The products that any of the users viewed last."""
    return {product_id for user in users for product_id in user.last_viewed}
