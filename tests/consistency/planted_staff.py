"""Bugs of orders after checkout, of the stock and of the catalogue, planted into a server."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from sellout_adapters.sql.repositories.audit import SqlAudit
from sellout_adapters.sql.repositories.catalogue.references import SqlReferenceTables
from sellout_adapters.sql.repositories.shopping.fulfilment import SqlFulfilments, SqlOrderHistory
from sellout_core.audit import NewAuditEntry
from sellout_core.catalogue.products import ProductUnit
from sellout_core.catalogue.stock import restocked
from sellout_core.fulfilment import lifecycle, moves, payments
from sellout_core.fulfilment.lifecycle import Event, LineState, PaymentState, RefundMove, RefundState, Role
from sellout_core.fulfilment.progress import Fulfilment, FulfilmentChange, Mover, NewHistoryEntry
from sellout_core.people.accounts import User
from sellout_core.ports.store import Transaction
from sellout_core.shopping import ordering
from sellout_core.use_cases.catalogue import stock
from sellout_core.use_cases.shopping import checkout, fulfilment
from sellout_core.values import Money, ProductUnitId
from sellout_http.api import preconditions

Shares = Iterable[tuple[ProductUnitId | None, Money]]
"""Units with their shares of the total of an order. Without a unit it is the delivery fee."""


def planted(owner: Any, name: str, value: Any) -> None:
    """Replaces a part of the shop. If the shop no longer had the name, nothing would be planted."""
    assert hasattr(owner, name)
    setattr(owner, name, value)


def double_refund() -> None:
    """A refund that is done can be done again, and is paid back again."""
    known, again = lifecycle.refund_move, RefundMove(RefundState.DONE, RefundState.DONE, frozenset({Role.STAFF}))

    def move(source: RefundState, target: RefundState, role: Role) -> RefundMove | None:
        return again if (source, target) == (again.source, again.target) else known(source, target, role)

    planted(payments, "refund_move", move)


def piece_returned_twice() -> None:
    """A cancellation gives two pieces back to the stock."""

    def restocked_twice(unit: ProductUnit) -> ProductUnit:
        once = restocked(unit)
        return once if once.stock is None else attrs.evolve(once, stock=once.stock + 1)

    planted(fulfilment, "restocked", restocked_twice)


def capture_after_cancel() -> None:
    """What cancelled lines cost can still be captured."""

    def due(self: Fulfilment) -> Money:
        is_open = self.payment in {PaymentState.DUE, PaymentState.CAPTURED}
        return Money(max(0, sum(line.amount for line in self.lines) - self.captured) if is_open else 0)

    planted(Fulfilment, "due", property(due))


def share_lost_to_rounding() -> None:
    """Each line gets its share of the total, rounded down."""

    def spread(total: int, prices: Sequence[int]) -> list[int]:
        return [total * price // (sum(prices) or 1) for price in prices]

    planted(ordering, "spread", spread)


def refund_above_line() -> None:
    """The refund of a line is all that was captured and not refunded."""
    refunds_due = payments.with_refunds_due

    def refund_all(change: FulfilmentChange, shares: Shares, mover: Mover) -> FulfilmentChange:
        everything = [(unit_id, change.after.captured) for unit_id, _ in shares]
        gone = tuple(line for line in change.after.lines if not line.is_live)
        made = refunds_due(attrs.evolve(change, after=attrs.evolve(change.after, lines=gone)), everything, mover)
        return attrs.evolve(made, after=attrs.evolve(made.after, lines=change.after.lines))

    planted(moves, "with_refunds_due", refund_all)


def fee_refunded_twice() -> None:
    """The delivery fee comes back by itself, and once more with the last cancelled unit."""
    refunds_due = payments.with_refunds_due

    def refund_fee_again(change: FulfilmentChange, shares: Shares, mover: Mover) -> FulfilmentChange:
        made = refunds_due(change, shares, mover)
        of_delivery, *rest = made.after.refunds[::-1] or (None,)
        if of_delivery is None or of_delivery.unit_id is not None or of_delivery in change.after.refunds or not rest:
            return made
        again = attrs.evolve(rest[0], amount=Money(rest[0].amount + of_delivery.amount))
        return attrs.evolve(made, after=attrs.evolve(made.after, refunds=(*rest[:0:-1], again, of_delivery)))

    planted(moves, "with_refunds_due", refund_fee_again)


def fee_never_charged() -> None:
    """Deliveries are free."""
    planted(checkout, "delivery_fee", lambda *_: Money(0))


def activation_given_back_twice() -> None:
    """Two activations of a promo code come back with the last line."""
    write = fulfilment.write_change

    def write_twice(tx: Transaction, change: FulfilmentChange, buyer: User | None, now: datetime) -> FulfilmentChange:
        released = change.released_promo_code_id
        code = None if released is None else tx.promo_codes.get(released)
        if code is not None and not code.activation_count:
            # All activations have come back too early.
            change = attrs.evolve(change, before=attrs.evolve(change.before, promo_code_id=None))
        written = write(tx, change, buyer, now)
        if code is not None and code.activation_count > 1:
            tx.promo_codes.save(attrs.evolve(code, activation_count=code.activation_count - 2))
        return written

    planted(fulfilment, "write_change", write_twice)


def activation_kept() -> None:
    """The activation of a promo code does not come back."""
    planted(FulfilmentChange, "released_promo_code_id", property(lambda _: None))


def unrecorded_move() -> None:
    """A cancellation is acknowledged, and not recorded in the history."""
    add = SqlOrderHistory.add

    def add_but_cancellations(self: SqlOrderHistory, entries: Sequence[NewHistoryEntry]) -> None:
        add(self, [each for each in entries if each.event is not Event.LINE_MOVED or each.target != "cancelled"])

    planted(SqlOrderHistory, "add", add_but_cancellations)


def lost_move() -> None:
    """A move is acknowledged and recorded in the history, and the state of the line is not stored."""
    save = SqlFulfilments.save

    def save_payment(self: SqlFulfilments, before: Fulfilment, after: Fulfilment) -> None:
        # Expired orders would be found unpaid for ever.
        lines = (
            new if new.state is LineState.CANCELLED else old for old, new in zip(before.lines, after.lines, strict=True)
        )
        save(self, before, attrs.evolve(after, lines=tuple(lines)))

    planted(SqlFulfilments, "save", save_payment)


def count_ignores_sold() -> None:
    """The ledger makes up for a count as if no piece was sold."""

    def difference(tx: Transaction, before: ProductUnit, after: ProductUnit) -> int:
        return (after.stock or 0) - tx.stock.sums([before.id]).get(before.id, 0)

    planted(stock, "_difference", difference)


def lost_update() -> None:
    """`If-Match` is ignored."""
    planted(preconditions, "matches_etag", lambda *_: True)


def merge_leaves_references() -> None:
    """A merge is audited and acknowledged, and products keep the merged row."""
    planted(SqlReferenceTables, "merge", lambda *_: None)


def unaudited_change() -> None:
    """Changes of units have no audit entries."""
    add = SqlAudit.add

    def add_but_units(self: SqlAudit, entries: Sequence[NewAuditEntry]) -> None:
        add(self, [entry for entry in entries if entry.kind != "product_unit"])

    planted(SqlAudit, "add", add_but_units)


def unpaid_orders_stay() -> None:
    """Unpaid orders do not expire."""
    planted(fulfilment, "expire_unpaid_orders", lambda *_: 0)


def refund_not_subtracted() -> None:
    """A refund that is done is not taken off what the buyer has paid."""
    write = fulfilment.write_change

    def write_captures(
        tx: Transaction, change: FulfilmentChange, buyer: User | None, now: datetime
    ) -> FulfilmentChange:
        return write(tx, attrs.evolve(change, paid=max(0, change.paid)), buyer, now)

    planted(fulfilment, "write_change", write_captures)


STAFF_BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug
    for bug in (
        double_refund,
        piece_returned_twice,
        capture_after_cancel,
        share_lost_to_rounding,
        refund_above_line,
        fee_refunded_twice,
        fee_never_charged,
        activation_given_back_twice,
        activation_kept,
        unrecorded_move,
        lost_move,
        count_ignores_sold,
        lost_update,
        merge_leaves_references,
        unaudited_change,
        unpaid_orders_stay,
        refund_not_subtracted,
    )
}
