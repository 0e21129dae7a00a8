"""E-mail addresses of accounts, and single-use tokens."""

from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import Text, bindparam, delete, exists, insert, select

from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among
from sellout_adapters.sql.schema.inserts import delete_oldest, insert_or
from sellout_adapters.sql.schema.tables.identity import account_emails, single_use_tokens
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session.compiled import Row
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.errors import EmailTaken
from sellout_core.people.identity import AccountEmail, SingleUseToken, TokenPurpose, address_key
from sellout_core.values import UserId

_EMAIL: Final = select(*(account_emails.c[field.name] for field in attrs.fields(AccountEmail)))
_EMAIL_OF: Final = _EMAIL.where(among(account_emails.c.user_id, AMONG_IDS))
_EMAIL_BY_ADDRESS: Final = _EMAIL.where(account_emails.c.address_key == bindparam("key"))
_WRITTEN: Final = ("address", "address_key", "pending", "language")
_other = account_emails.alias("other")
_SAVE_EMAIL: Final = (
    (
        save := insert_or(account_emails).from_select(
            ["user_id", *_WRITTEN],
            select(
                bindparam("owner_id", type_=Id()),
                *(bindparam(name, type_=Text()) for name in _WRITTEN),
            ).where(
                ~exists().where(
                    _other.c.address_key == bindparam("taken_key", type_=Text()),
                    _other.c.user_id != bindparam("other_than", type_=Id()),
                )
            ),
        )
    )
    .on_conflict_do_update(
        index_elements=[account_emails.c.user_id],
        set_={name: save.excluded[name] for name in _WRITTEN},
    )
    .returning(account_emails.c.user_id)
)


@attrs.frozen
class SqlAccountEmails:
    """`ports.AccountEmails`."""

    _session: DatabaseSession

    def of(self, user_id: UserId) -> AccountEmail:
        """One statement."""
        rows = self._session.rows_among(_EMAIL_OF, [user_id], key="user_id")
        return next(map(_account_email, rows), AccountEmail(user_id))

    def by_address(self, address: str) -> AccountEmail | None:
        """One statement."""
        row = self._session.row(_EMAIL_BY_ADDRESS, {"key": address_key(address)})
        return None if row is None else _account_email(row)

    def save(self, email: AccountEmail) -> None:
        """One statement. If another user has the address, nothing is written."""
        key = None if email.address is None else address_key(email.address)
        values = {"address": email.address, "address_key": key, "pending": email.pending, "language": email.language}
        parameters = {"owner_id": email.user_id, "taken_key": key, "other_than": email.user_id}
        if self._session.row(_SAVE_EMAIL, values | parameters) is None:
            raise EmailTaken


def _account_email(row: Row) -> AccountEmail:
    return AccountEmail(row.user_id, row.address, row.pending, row.language)


_ADD_TOKEN: Final = insert(single_use_tokens)
_TOKENS: Final = select(single_use_tokens).where(among(single_use_tokens.c.fingerprint, AMONG_TEXTS))
_TAKE_TOKEN: Final = delete(single_use_tokens).where(single_use_tokens.c.fingerprint == bindparam("fingerprint"))
_DELETE_TOKENS: Final = delete(single_use_tokens).where(
    single_use_tokens.c.user_id == bindparam("user_id"), single_use_tokens.c.purpose == bindparam("purpose")
)
_DELETE_EXPIRED: Final = delete_oldest(single_use_tokens, single_use_tokens.c.expires_at)


@attrs.frozen
class SqlSingleUseTokens:
    """`ports.SingleUseTokens`."""

    _session: DatabaseSession

    def add(self, token: SingleUseToken) -> None:
        """One statement."""
        self._session.run(_ADD_TOKEN, attrs.asdict(token))

    def of(self, fingerprint: str) -> SingleUseToken | None:
        """One statement."""
        rows = self._session.rows_among(_TOKENS, [fingerprint], key="fingerprint")
        return next((SingleUseToken(*row) for row in rows), None)

    def take(self, fingerprint: str) -> bool:
        """One statement."""
        return self._session.run(_TAKE_TOKEN, {"fingerprint": fingerprint}) > 0

    def delete_of(self, user_id: UserId, purpose: TokenPurpose) -> None:
        """One statement."""
        self._session.run(_DELETE_TOKENS, {"user_id": user_id, "purpose": purpose})

    def delete_expired(self, expired_by: datetime, limit: int) -> int:
        """One statement."""
        return len(self._session.rows(_DELETE_EXPIRED, {"by": expired_by, "limit": limit}))
