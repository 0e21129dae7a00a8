"""How buyers follow the events of their own orders."""

from collections.abc import Mapping, Sequence
from typing import Final

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.events.event import Event
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop
from sellout_core.use_cases.people.users import require_existing_user
from sellout_core.values import UserId

__all__ = ["begin_following", "read_followed", "read_order_events"]

_EVENTS: Final = 100
"""The maximum number of events of `read_order_events`."""

_FOLLOWED: Final = 500
"""The maximum number of events of `read_followed`."""


def read_order_events(shop: ReadingShop, actor: Actor, user_id: UserId, last: int | None = None) -> Sequence[Event]:
    """The first 100 kept events of a user's orders after the last one that the user knows, by id. None: from the first
    one on.

    Raises:
        Unauthenticated, Forbidden: the actor is neither that user nor staff.
        NotFound: there is no such user.
        InvalidFields: `last` is the id of no kept event of the user's orders.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> Sequence[Event]:
        require_existing_user(tx, actor, user_id)
        _require_own(tx, user_id, last)
        return tx.events.of_buyers({user_id: last or 0}, _EVENTS)

    return shop.store.read(work)


def begin_following(shop: ReadingShop, actor: Actor, user_id: UserId, last: int | None = None) -> int:
    """The id after which `read_followed` begins for a user: the last one that the user knows. None: the latest event of
    the user's orders.

    Raises:
        Unauthenticated, Forbidden, NotFound, InvalidFields: as `read_order_events`.
    """
    actor.require_user(user_id)

    def work(tx: Transaction) -> int:
        require_existing_user(tx, actor, user_id)
        _require_own(tx, user_id, last)
        return tx.events.last_of(user_id) if last is None else last

    return shop.store.read(work)


def read_followed(shop: ReadingShop, actor: Actor, after: Mapping[UserId, int]) -> Sequence[Event]:
    """The first 500 events of the orders of several users, by id, each with an id above the user's number. For the
    operator.

    Raises:
        Forbidden: the actor is not the operator.
    """
    actor.require_operator()
    return shop.store.read(lambda tx: tx.events.of_buyers(after, _FOLLOWED))


def _require_own(tx: Transaction, user_id: UserId, last: int | None) -> None:
    """Checks that an event is one of the user's orders. Any other number could leave out events unnoticed."""
    if last is not None:
        found = tx.events.of_buyers({user_id: last - 1}, 1)
        if [event.id for event in found] != [last]:
            reason = "must be the id of an event of one's own orders that the shop still keeps"
            raise InvalidFields((InvalidField("last_event_id", reason, FieldCode.NOT_ONE_OF),))
