"""The view history: the products that users viewed last."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, Update, bindparam, literal_column, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, among, begins_with, put_first
from sellout_adapters.sql.schema.inserts import given_rows
from sellout_adapters.sql.schema.shop_tables import users
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.values import LAST_VIEWED, ProductId, UserId


def _note_view(user_id: ColumnElement[Any], product_id: ColumnElement[Any]) -> Update:
    return (
        update(users)
        .where(users.c.id == user_id, ~begins_with(users.c.last_viewed, product_id))
        .values(last_viewed=put_first(users.c.last_viewed, product_id, literal_column(str(LAST_VIEWED - 1))))
    )


_NOTE_VIEW: Final = _note_view(bindparam("user_id", type_=Id()), bindparam("product_id", type_=Id()))
_viewed: Final = given_rows({"user_id": Id(), "product_id": Id()})
_NOTE_VIEWS: Final = _note_view(_viewed.c.user_id, _viewed.c.product_id)
_FREE: Final = select(users.c.id).where(among(users.c.id, AMONG_IDS)).order_by(users.c.id)
_LOCK_FREE: Final = _FREE.with_for_update(key_share=True, skip_locked=True)


class SqlViewHistory:
    """`ports.Views`: a column of the users."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def note(self, views: Iterable[tuple[UserId, ProductId]]) -> None:
        """A statement for each view; where parameters take arrays, one for every user's first view, one for their
        second, and so on. If the product is the first already, nothing is written.
        """
        if not self._session.engine.takes_arrays:
            for user_id, product_id in views:
                self._session.run(_NOTE_VIEW, {"user_id": user_id, "product_id": product_id})
            return
        of_user: defaultdict[UserId, list[ProductId]] = defaultdict(list)
        for user_id, product_id in views:
            of_user[user_id].append(product_id)
        for number in range(max(map(len, of_user.values()), default=0)):
            noted = {user_id: viewed[number] for user_id, viewed in of_user.items() if number < len(viewed)}
            self._session.run(_NOTE_VIEWS, {"user_id": list(noted), "product_id": list(noted.values())})

    def free(self, user_ids: Collection[UserId]) -> Collection[UserId]:
        """One statement, which skips locked rows."""
        statement = _LOCK_FREE if self._session.locking else _FREE
        return {row.id for row in self._session.rows_among(statement, user_ids)}
