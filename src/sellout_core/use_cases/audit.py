"""Reads the audit."""

from collections.abc import Callable, Sequence
from functools import partial

from sellout_core.audit import AuditEntry, AuditQuery
from sellout_core.people.accounts import Actor
from sellout_core.ports.lists import WHOLE, Part, in_batches
from sellout_core.shop import ReadingShop

__all__ = ["read_audit"]


def read_audit(
    shop: ReadingShop, actor: Actor, query: AuditQuery, sink: Callable[[Sequence[AuditEntry]], None], part: Part = WHOLE
) -> int | None:
    """Passes the audit entries that match a query to `sink` in batches, by id. For staff.

    Returns:
        The last id of the part if more entries follow, otherwise None.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    actor.require_staff()
    return shop.store.read(lambda tx: in_batches(part, partial(tx.audit.after, query), sink))
