"""The port of the audit."""

from collections.abc import Sequence
from typing import Protocol

from sellout_core.audit import AuditEntry, AuditQuery, NewAuditEntry

__all__ = ["Audit"]


class Audit(Protocol):
    """Audit entries. They do not change."""

    def add(self, entries: Sequence[NewAuditEntry]) -> None:
        """Stores new entries. Their ids ascend in the order given."""

    def after(self, query: AuditQuery, entry_id: int, limit: int) -> Sequence[AuditEntry]:
        """The first `limit` entries that match the query with ids above `entry_id`, by id."""
