"""The audit in memory."""

from collections.abc import Sequence
from itertools import islice

import attrs

from sellout_adapters.memory.repositories.base import Repository
from sellout_core.audit import AuditEntry, AuditQuery, NewAuditEntry
from sellout_core.values import AuditEntryId


class Audit(Repository):
    """`ports.Audit`."""

    def add(self, entries: Sequence[NewAuditEntry]) -> None:
        """Stores new entries."""
        table = self._tables.audit
        for new in entries:
            entry_id = AuditEntryId(table.next_id())
            table.put(entry_id, AuditEntry(id=entry_id, **attrs.asdict(new, recurse=False)))

    def after(self, query: AuditQuery, entry_id: int, limit: int) -> Sequence[AuditEntry]:
        """The next matching entries by id."""
        entries = self._tables.audit.values()
        return list(islice((entry for entry in entries if entry.id > entry_id and query.matches(entry)), limit))
