"""What the shop holds about a user, to export and to delete it."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Text, and_, bindparam, cast, delete, literal, null, or_, select, update

from sellout_adapters.sql.schema.functions import AMONG_TEXTS, among, without_values
from sellout_adapters.sql.schema.tables.fulfilment import order_history, parcels
from sellout_adapters.sql.schema.tables.identity import account_emails, outbox, single_use_tokens
from sellout_adapters.sql.schema.tables.shop import (
    addresses,
    audit,
    idempotency_keys,
    orders,
    promo_codes,
    wishlist_units,
)
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.people.identity import address_key
from sellout_core.shopping.ordering import PromoCode
from sellout_core.values import UserId, fold

_USER: Final[ColumnElement[Any]] = bindparam("user_id")
_OWN_CODES: Final = select(promo_codes.c.id).where(promo_codes.c.owner_id == _USER)
_OWN_ORDERS: Final = select(orders.c.id).where(orders.c.buyer_id == _USER)


def _code(name: str, promo_code_id: ColumnElement[Any]) -> ColumnElement[str]:
    return bindparam(name, type_=Text()) + literal("-", Text()) + cast(promo_code_id, Text())


_PROMO_CODES: Final = (
    select(*(promo_codes.c[name] for name in attrs.fields_dict(PromoCode)))
    .where(promo_codes.c.owner_id == _USER)
    .order_by(promo_codes.c.id)
)
_DELETE_ADDRESSES: Final = delete(addresses).where(addresses.c.user_id == _USER)
_DELETE_WISHLIST: Final = delete(wishlist_units).where(wishlist_units.c.user_id == _USER)
_DELETE_RESPONSES: Final = delete(idempotency_keys).where(
    or_(idempotency_keys.c.user_id == _USER, idempotency_keys.c.about_id == _USER)
)
_DELETE_EMAILS: Final = delete(account_emails).where(account_emails.c.user_id == _USER)
_DELETE_TOKENS: Final = delete(single_use_tokens).where(single_use_tokens.c.user_id == _USER)
_DELETE_MAILS: Final = (
    delete(outbox)
    .where(or_(outbox.c.user_id == _USER, among(outbox.c.recipient_key, AMONG_TEXTS)))
    .returning(outbox.c.id)
)
_EMPTY_ORDERS: Final = (
    update(orders)
    .where(orders.c.buyer_id == _USER)
    .values(
        dict.fromkeys(("email", "telephone", "first_name", "last_name", "address", "post_index"), "")
        | dict.fromkeys(("recipient", "delivery"), null())
    )
)
_EMPTY_NOTES: Final = update(order_history).where(order_history.c.order_id.in_(_OWN_ORDERS)).values(note="")
_EMPTY_PARCELS: Final = update(parcels).where(parcels.c.order_id.in_(_OWN_ORDERS)).values(tracking_number="-")
_STOP_PROMO_CODES: Final = (
    update(promo_codes)
    .where(promo_codes.c.owner_id == _USER)
    .values(code=_code("text", promo_codes.c.id), code_key=_code("key", promo_codes.c.id), active=False)
)
_RENAME_IN_ORDERS: Final = (
    update(orders)
    .where(orders.c.promo_code_id.in_(_OWN_CODES))
    .values(promo_code=_code("text", orders.c.promo_code_id))
)
_EMPTY_AUDIT: Final = (
    update(audit)
    .where(
        or_(
            and_(audit.c.kind == "user", audit.c.object_id == _USER),
            and_(audit.c.kind == "promo_code", audit.c.object_id.in_(_OWN_CODES)),
        )
    )
    .values(changes=without_values(audit.c.changes))
)


@attrs.frozen
class SqlPersonalData:
    """`ports.PersonalData`. Every method is one statement."""

    _session: DatabaseSession

    def promo_codes_of(self, user_id: UserId) -> Sequence[PromoCode]:
        """By the index of owners."""
        return [PromoCode(**row._asdict()) for row in self._session.rows(_PROMO_CODES, {"user_id": user_id})]

    def delete_addresses(self, user_id: UserId) -> None:
        """No foreign key refers to the rows."""
        self._session.run(_DELETE_ADDRESSES, {"user_id": user_id})

    def delete_wishlist(self, user_id: UserId) -> None:
        """No foreign key refers to the rows."""
        self._session.run(_DELETE_WISHLIST, {"user_id": user_id})

    def delete_responses(self, user_id: UserId) -> None:
        """By the primary key and the index of `about_id`."""
        self._session.run(_DELETE_RESPONSES, {"user_id": user_id})

    def delete_emails(self, user_id: UserId) -> None:
        """By the primary key."""
        self._session.run(_DELETE_EMAILS, {"user_id": user_id})

    def delete_tokens(self, user_id: UserId) -> None:
        """By the index of users."""
        self._session.run(_DELETE_TOKENS, {"user_id": user_id})

    def delete_mails(self, user_id: UserId, addresses: Collection[str]) -> None:
        """By the indexes of users and of recipients."""
        self._session.rows_among(_DELETE_MAILS, list(map(address_key, addresses)), {"user_id": user_id})

    def empty_orders(self, user_id: UserId) -> None:
        """By the index of buyers."""
        self._session.run(_EMPTY_ORDERS, {"user_id": user_id})

    def empty_notes(self, user_id: UserId) -> None:
        """By the indexes of buyers and of histories."""
        self._session.run(_EMPTY_NOTES, {"user_id": user_id})

    def empty_parcels(self, user_id: UserId) -> None:
        """By the index of buyers and the primary key."""
        self._session.run(_EMPTY_PARCELS, {"user_id": user_id})

    def stop_promo_codes(self, user_id: UserId, code: str) -> None:
        """By the index of owners."""
        self._session.run(_STOP_PROMO_CODES, {"user_id": user_id, "text": code, "key": fold(code)})

    def rename_promo_codes_in_orders(self, user_id: UserId, code: str) -> None:
        """By the index of promo codes in orders."""
        self._session.run(_RENAME_IN_ORDERS, {"user_id": user_id, "text": code})

    def empty_audit(self, user_id: UserId) -> None:
        """By the index of objects."""
        self._session.run(_EMPTY_AUDIT, {"user_id": user_id})
