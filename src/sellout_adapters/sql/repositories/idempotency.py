"""Stored responses by idempotency key."""

from datetime import datetime
from typing import Final
from zlib import compress, decompress

import attrs
from sqlalchemy import bindparam, select

from sellout_adapters.sql.schema.inserts import delete_oldest, insert_or
from sellout_adapters.sql.schema.tables.shop import idempotency_keys
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.ports.shopping.orders import StoredResponse
from sellout_core.values import UserId

_FIND_RESPONSE: Final = select(
    idempotency_keys.c.fingerprint,
    idempotency_keys.c.response,
    idempotency_keys.c.compressed,
    idempotency_keys.c.about_id,
).where(
    idempotency_keys.c.user_id == bindparam("user_id"),
    idempotency_keys.c.idempotency_key == bindparam("key"),
    idempotency_keys.c.stored_at > bindparam("stored_after"),
)
_SAVE_RESPONSE: Final = (save := insert_or(idempotency_keys)).on_conflict_do_update(
    index_elements=[idempotency_keys.c.user_id, idempotency_keys.c.idempotency_key],
    set_={name: save.excluded[name] for name in ("fingerprint", "response", "compressed", "stored_at", "about_id")},
)
_DELETE_RESPONSES: Final = delete_oldest(idempotency_keys, idempotency_keys.c.stored_at)
_FASTEST: Final = 1


@attrs.frozen
class SqlIdempotencyStore:
    """`ports.IdempotencyStore`."""

    _session: DatabaseSession

    def find(self, user_id: UserId, key: str, stored_after: datetime) -> StoredResponse | None:
        """One statement."""
        row = self._session.row(_FIND_RESPONSE, {"user_id": user_id, "key": key, "stored_after": stored_after})
        if row is None:
            return None
        response = decompress(row.response) if row.compressed else row.response
        return StoredResponse(row.fingerprint, response, row.about_id)

    def save(self, user_id: UserId, key: str, stored: StoredResponse, now: datetime) -> None:
        """One statement."""
        self._session.run(
            _SAVE_RESPONSE,
            {
                "user_id": user_id,
                "idempotency_key": key,
                "fingerprint": stored.fingerprint,
                "response": compress(stored.response, _FASTEST),
                "compressed": True,
                "stored_at": now,
                "about_id": stored.about_id,
            },
        )

    def delete_expired(self, stored_by: datetime, limit: int) -> int:
        """One statement."""
        return len(self._session.rows(_DELETE_RESPONSES, {"by": stored_by, "limit": limit}))
