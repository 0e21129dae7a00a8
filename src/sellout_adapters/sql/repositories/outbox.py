"""The outbox."""

from datetime import datetime
from typing import Final

import attrs
from sqlalchemy import bindparam, delete, exists, insert, select, update

from sellout_adapters.sql.schema.functions import CUSTOM_PLAN
from sellout_adapters.sql.schema.tables.identity import outbox
from sellout_adapters.sql.schema.types import UtcTime
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.mail import Mail, MailTemplate, NewMail
from sellout_core.people.identity import address_key
from sellout_core.values import MailId

_earlier = outbox.alias("earlier")
# A mail that another transaction takes at this moment is still in the table, so it holds back the later ones.
_DUE: Final = (
    select(outbox.c.id)
    .where(
        outbox.c.due_at <= bindparam("now", type_=UtcTime()),
        ~exists().where(_earlier.c.recipient_key == outbox.c.recipient_key, _earlier.c.id < outbox.c.id),
    )
    .order_by(outbox.c.due_at, outbox.c.id)
    .limit(1)
)
_ADD: Final = insert(outbox)
_TAKE: Final = (
    update(outbox)
    .where(outbox.c.id.in_(select(_DUE.with_for_update(skip_locked=True).cte("due"))))
    .values(due_at=bindparam("due_again", type_=UtcTime()), attempts=outbox.c.attempts + 1)
    .returning(outbox)
    .execution_options(**CUSTOM_PLAN)
)
_POSTPONE: Final = (
    update(outbox)
    .where(outbox.c.id == bindparam("mail_id"), outbox.c.attempts == bindparam("taken"))
    .values(due_at=bindparam("due_again", type_=UtcTime()))
)
_DELETE: Final = delete(outbox).where(outbox.c.id == bindparam("mail_id"))


@attrs.frozen
class SqlOutbox:
    """`ports.Outbox`."""

    _session: DatabaseSession

    def add(self, mail: NewMail) -> None:
        """One statement."""
        values = attrs.asdict(mail, recurse=False)
        more = {"recipient_key": address_key(mail.recipient), "attempts": 0, "due_at": mail.created_at}
        self._session.run(_ADD, values | more | {"parameters": dict(mail.parameters)})

    def has_due(self, now: datetime) -> bool:
        """One statement."""
        return self._session.row(_DUE, {"now": now}) is not None

    def take_due(self, now: datetime, due_again: datetime) -> Mail | None:
        """One statement, which skips mails that another transaction has locked."""
        for row in self._session.rows(_TAKE, {"now": now, "due_again": due_again}):
            return Mail(
                id=row.id,
                recipient=row.recipient,
                template=MailTemplate(row.template),
                language=row.language,
                user_id=row.user_id,
                parameters=row.parameters,
                created_at=row.created_at,
                attempts=row.attempts,
            )
        return None

    def postpone(self, mail: Mail, due_at: datetime) -> None:
        """One statement. Each taking counts an attempt, so the number tells whose mail it is."""
        self._session.run(_POSTPONE, {"mail_id": mail.id, "taken": mail.attempts, "due_again": due_at})

    def delete(self, mail_id: MailId) -> None:
        """One statement."""
        self._session.run(_DELETE, {"mail_id": mail_id})
