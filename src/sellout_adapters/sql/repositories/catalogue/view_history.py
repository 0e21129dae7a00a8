"""The view history: the last products that users viewed, and the latest views that rank products."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any, Final

import attrs
from sqlalchemy import ColumnElement, Update, bindparam, delete, func, insert, literal_column, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, among, begins_with, lists, put_first
from sellout_adapters.sql.schema.inserts import given_rows
from sellout_adapters.sql.schema.tables.shop import users
from sellout_adapters.sql.schema.tables.views import product_views
from sellout_adapters.sql.schema.types import Id
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.values import COUNTED_VIEWS, LAST_VIEWED, ProductId, UserId


def _note_view(user_id: ColumnElement[Any], product_id: ColumnElement[Any]) -> Update:
    return (
        update(users)
        .where(users.c.id == user_id, ~begins_with(users.c.last_viewed, product_id))
        .values(last_viewed=put_first(users.c.last_viewed, product_id, literal_column(str(LAST_VIEWED - 1))))
    )


_NOTE_VIEW: Final = _note_view(bindparam("user_id", type_=Id()), bindparam("product_id", type_=Id()))
_viewed: Final = given_rows({"user_id": Id(), "product_id": Id()})
# Both see the lists from before the statement.
_COUNTED: Final = insert(product_views).from_select(
    ["product_id"],
    select(_viewed.c.product_id)
    .join_from(_viewed, users, users.c.id == _viewed.c.user_id)
    .where(~lists(users.c.last_viewed, _viewed.c.product_id)),
)
_DELETED: Final = 1_000
"""The maximum number of old views that a statement deletes. A batch has fewer new ones."""
_old: Final = (
    select(product_views.c.id)
    .where(product_views.c.id <= select(func.max(product_views.c.id)).scalar_subquery() - COUNTED_VIEWS)
    .order_by(product_views.c.id)
    .limit(literal_column(str(_DELETED)))
    .with_for_update(skip_locked=True)
)
_TRIMMED: Final = delete(product_views).where(product_views.c.id.in_(_old))
_NOTE_VIEWS: Final = _note_view(_viewed.c.user_id, _viewed.c.product_id).add_cte(
    _COUNTED.cte("counted"), _TRIMMED.cte("trimmed")
)
_FREE: Final = select(users.c.id).where(among(users.c.id, AMONG_IDS), users.c.deleted_at.is_(None)).order_by(users.c.id)
_LOCK_FREE: Final = _FREE.with_for_update(key_share=True, skip_locked=True)


@attrs.frozen
class SqlViewHistory:
    """`ports.ViewHistory`: a column of the table of users, and a row for each of the latest counted views. On SQLite a
    trigger adds the rows (`schema.tables.views`).
    """

    _session: DatabaseSession

    def note(self, views: Collection[tuple[UserId, ProductId]]) -> Collection[UserId]:
        """Locks the users, then runs one statement for each view. With array parameters, one statement writes the first
        view of all users, the next one the second, and so on. A view of the latest product writes nothing.
        """
        session = self._session
        user_ids = {user_id for user_id, _ in views}
        found = {row.id for row in session.rows_among(_LOCK_FREE if session.locking else _FREE, user_ids)}
        of_user: defaultdict[UserId, list[ProductId]] = defaultdict(list)
        for user_id, product_id in views:
            if user_id in found:
                of_user[user_id].append(product_id)
        if not session.engine.takes_arrays:
            for user_id, viewed in of_user.items():
                for product_id in viewed:
                    session.run(_NOTE_VIEW, {"user_id": user_id, "product_id": product_id})
            return user_ids - found
        for number in range(max(map(len, of_user.values()), default=0)):
            noted = {user_id: viewed[number] for user_id, viewed in of_user.items() if number < len(viewed)}
            session.run(_NOTE_VIEWS, {"user_id": list(noted), "product_id": list(noted.values())})
        return user_ids - found
