"""The tables of moves: each move of them does its effects alone, and all others change nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellout_core.catalogue.products import PENDING
from sellout_core.errors import FieldCode, InvalidFields
from sellout_core.fulfilment import lifecycle
from sellout_core.fulfilment.lifecycle import (
    DEAD,
    LINE_MOVES,
    PAYMENT_MOVES,
    REFUND_MOVES,
    Effect,
    Event,
    Guard,
    LineMove,
    LineState,
    PaymentState,
    RefundState,
    Role,
)
from sellout_core.fulfilment.money import OnlinePayment, ProviderPayment, Refund
from sellout_core.fulfilment.moves import moved, possible_moves, return_requested
from sellout_core.fulfilment.payments import captured, refunds_moved
from sellout_core.fulfilment.progress import (
    Fulfilment,
    FulfilmentChange,
    LineProgress,
    LineRequest,
    Mover,
    MoveRequest,
)
from sellout_core.fulfilment.refusals import AboveAmountDue, MoveImpossible, ReturnWindowOver
from sellout_core.fulfilment.reports import next_command, reported
from sellout_core.fulfilment.statuses import STATUSES, status_of
from sellout_core.values import Money, OrderId, ProductUnitId, PromoCodeId, UserId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
UNIT, OTHER = ProductUnitId(1), ProductUnitId(2)
BUYER = Mover(UserId(1), frozenset({Role.BUYER}), LATER)
STAFF = Mover(UserId(2), frozenset({Role.STAFF}), LATER)
SHOP = Mover(None, frozenset({Role.SHOP}), LATER)
PROVIDER = Mover(None, frozenset({Role.PROVIDER}), LATER)
MOVERS = {Role.BUYER: BUYER, Role.STAFF: STAFF, Role.SHOP: SHOP, Role.PROVIDER: PROVIDER}
FULL = {"cost": Money(5), "carrier": "CDEK", "tracking_number": "1234", "reason": "sold elsewhere"}
"""All members that a move may need."""


def line(state: LineState, unit_id: ProductUnitId = UNIT, amount: int = 700, **other: object) -> LineProgress:
    return attrs.evolve(LineProgress(unit_id=unit_id, amount=Money(amount), state=state, moved_at=NOW), **other)  # type: ignore[arg-type]


def order(*lines: LineProgress, **other: object) -> Fulfilment:
    """A paid order with a promo code, without a delivery fee. `other` overrides the defaults."""
    paid = Fulfilment(
        order_id=OrderId(1),
        buyer_id=UserId(1),
        placed_at=NOW,
        promo_code_id=PromoCodeId(1),
        lines=lines,
        payment=PaymentState.CAPTURED,
        captured=Money(sum(one.amount for one in lines)),
    )
    return attrs.evolve(paid, **other)  # type: ignore[arg-type]


def unpaid(*lines: LineProgress, **other: object) -> Fulfilment:
    return order(*lines, payment=PaymentState.DUE, captured=Money(0), **other)


def owed_by_the_states(found: Fulfilment) -> int:
    """What the live lines cost, with the delivery fee while a line is live and if one was returned."""
    states = {one.state for one in found.lines}
    kept = found.delivery_fee if states - {LineState.CANCELLED} else 0
    return sum(one.amount for one in found.lines if one.state not in DEAD) + kept


def to(target: LineState, *unit_ids: ProductUnitId, **other: object) -> MoveRequest:
    return MoveRequest(target=target, unit_ids=unit_ids or None, **{**FULL, **other})  # type: ignore[arg-type]


@pytest.mark.parametrize("role", Role, ids=lambda role: role.value)
@pytest.mark.parametrize("target", LineState, ids=lambda state: state.value)
@pytest.mark.parametrize("source", LineState, ids=lambda state: state.value)
def test_a_line_makes_the_moves_of_the_table_and_no_others(source: LineState, target: LineState, role: Role) -> None:
    before = order(line(source, return_requested=True), line(LineState.DELIVERED, OTHER, 300))
    moves = [move for move in LINE_MOVES if (move.source, move.target) == (source, target) and role in move.roles]
    if not moves:
        with pytest.raises(MoveImpossible) as refusal:
            moved(before, to(target, UNIT), MOVERS[role])
        assert target.value not in refusal.value.possible[UNIT]
        return
    [move] = moves
    change = moved(before, to(target, UNIT), MOVERS[role])
    [one, two] = change.after.lines
    assert (one.state, one.moved_at, two) == (target, LATER, before.lines[1])
    assert change.restocked == ((UNIT,) if Effect.RESTOCK in move.effects else ())
    refunds = (Refund(UNIT, Money(700), RefundState.DUE),) if Effect.REFUND in move.effects else ()
    assert change.after.refunds == refunds
    assert change.paid == 0
    assert (one.cost, one.parcel_number) == (
        5 if Guard.COST in move.guards else None,
        1 if Guard.PARCEL in move.guards else None,
    )
    assert change.entries[0].source == source.value
    assert (change.entries[0].target, change.entries[0].event) == (target.value, Event.LINE_MOVED)
    assert {entry.actor_id for entry in change.entries} == {MOVERS[role].actor_id}
    assert change.after.captured - change.after.refunded == change.after.owed


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("move", LINE_MOVES, ids=lambda move: f"{move.source.value}-{move.target.value}")
def test_the_fee_comes_back_when_the_last_line_is_cancelled_and_not_otherwise(move: LineMove, *, alone: bool) -> None:
    lines = [line(move.source, return_requested=True), *([] if alone else [line(LineState.ARRIVED, OTHER, 300)])]
    total = 700 + 50 + (0 if alone else 300)
    before = order(*lines, delivery_fee=Money(50), captured=Money(total))
    assert (before.owed, before.due, before.settled) == (total, 0, True)
    change = moved(before, to(move.target, UNIT), MOVERS[min(move.roles, key=lambda role: role is not Role.STAFF)])
    comes_back = alone and move.target is LineState.CANCELLED
    fee = Refund(None, Money(50), RefundState.DUE)
    assert change.after.refund_of(None) == (fee if comes_back else None)
    assert change.after.refunds == (
        *((Refund(UNIT, Money(700), RefundState.DUE),) if Effect.REFUND in move.effects else ()),
        *((fee,) if comes_back else ()),
    )
    assert change.after.captured - change.after.refunded == change.after.owed == owed_by_the_states(change.after)
    told = [(entry.unit_id, entry.source, entry.target, entry.amount) for entry in change.entries]
    assert ((None, None, "due", 50) in told) == comes_back


def test_the_fee_is_due_with_the_first_line() -> None:
    before = unpaid(line(LineState.PLACED, amount=0), delivery_fee=Money(50))
    assert before.due == 50
    with pytest.raises(MoveImpossible):
        moved(before, to(LineState.CONFIRMED), STAFF)
    with pytest.raises(AboveAmountDue, match="due, 50"):
        captured(before, Money(51), STAFF)
    paid = captured(before, Money(50), STAFF).after
    assert paid.settled
    assert moved(paid, to(LineState.CONFIRMED), STAFF).after.payment is PaymentState.CAPTURED
    assert moved(before, to(LineState.CANCELLED), BUYER).after.payment is PaymentState.VOIDED


def test_the_refund_of_the_fee_is_moved_alone_or_with_those_of_units() -> None:
    fee, own = Refund(None, Money(50), RefundState.DUE), Refund(UNIT, Money(700), RefundState.DUE)
    before = order(
        line(LineState.CANCELLED), line(LineState.CANCELLED, OTHER, 0), delivery_fee=Money(50), refunds=(own, fee)
    )

    def states(request: LineRequest, *, of_delivery: bool) -> list[str]:
        change = refunds_moved(before, request, RefundState.DONE, STAFF, of_delivery=of_delivery)
        assert -change.paid == sum(each.amount for each in change.after.refunds if each.state is RefundState.DONE)
        return [each.state.value for each in change.after.refunds]

    assert states(LineRequest(), of_delivery=False) == ["done", "done"]
    assert states(LineRequest(), of_delivery=True) == ["due", "done"]
    assert states(LineRequest(unit_ids=(UNIT,)), of_delivery=True) == ["done", "done"]
    assert states(LineRequest(unit_ids=(UNIT,)), of_delivery=False) == ["done", "due"]
    with pytest.raises(MoveImpossible) as refusal:
        refunds_moved(before, LineRequest(unit_ids=(UNIT, OTHER)), RefundState.DONE, STAFF, of_delivery=True)
    assert refusal.value.possible == {UNIT: ("sent", "done"), OTHER: (), None: ("sent", "done")}
    without = attrs.evolve(before, refunds=(own,))
    for request in (LineRequest(), LineRequest(unit_ids=(UNIT,))):
        with pytest.raises(MoveImpossible):
            refunds_moved(without, request, RefundState.DONE, STAFF, of_delivery=True)
    with pytest.raises(MoveImpossible, match=r"Possible moves: delivery: none\."):
        refunds_moved(without, LineRequest(), RefundState.DONE, STAFF, of_delivery=True)


def test_the_tables_name_each_move_once_and_leave_no_dead_line() -> None:
    for table in (LINE_MOVES, PAYMENT_MOVES, REFUND_MOVES):
        pairs = [(move.source, move.target) for move in table]
        assert len(set(pairs)) == len(pairs)
    assert {move.source for move in LINE_MOVES} == set(LineState) - DEAD
    assert {move.target for move in LINE_MOVES} == set(LineState) - {LineState.PLACED}
    assert {move.target for move in PAYMENT_MOVES} == set(PaymentState) - {PaymentState.DUE}
    assert set(lifecycle.__all__) >= {"LINE_MOVES", "PAYMENT_MOVES", "REFUND_MOVES"}


@pytest.mark.parametrize(
    ("target", "members"),
    [
        (LineState.PURCHASED, ["cost"]),
        (LineState.HANDED_OVER, ["carrier", "tracking_number"]),
        (LineState.CANCELLED, ["reason"]),
    ],
)
def test_a_move_says_which_members_it_needs(target: LineState, members: list[str]) -> None:
    [source] = {move.source for move in LINE_MOVES if move.target is target and move.guards} & {
        LineState.CONFIRMED,
        LineState.ARRIVED,
    } - ({LineState.ARRIVED} if target is LineState.CANCELLED else set())
    blank = dict.fromkeys(("reason", "carrier", "tracking_number"), " ")
    for lacking in ({"cost": None, **dict.fromkeys(blank, "")}, {"cost": None, **blank}):
        with pytest.raises(InvalidFields) as refusal:
            moved(order(line(source)), to(target, **lacking), STAFF)
        assert [(field.name, field.code) for field in refusal.value.fields] == [
            (name, FieldCode.REQUIRED) for name in members
        ]


def test_a_free_unit_may_have_cost_nothing() -> None:
    assert (
        moved(order(line(LineState.CONFIRMED)), to(LineState.PURCHASED, cost=Money(0)), STAFF).after.lines[0].cost == 0
    )


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"unit_ids": ()}, "unit_ids"),
        ({"unit_ids": (UNIT, UNIT)}, "unit_ids"),
        ({"unit_ids": tuple(range(1, 102))}, "unit_ids"),
        ({"unit_ids": (0,)}, "unit_ids"),
        ({"cost": -1}, "cost"),
        ({"cost": 10**9 + 1}, "cost"),
        ({"reason": "r" * 501}, "reason"),
        ({"carrier": "c" * 101}, "carrier"),
        ({"tracking_number": "1" * 10_000}, "tracking_number"),
        ({"tracking_number": "12\r\n34"}, "tracking_number"),
        ({"carrier": "\x1b[1m"}, "carrier"),
        ({"reason": "\0"}, "reason"),
    ],
)
def test_a_request_has_limits(members: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidFields) as refusal:
        MoveRequest(target=LineState.CONFIRMED, **members)  # type: ignore[arg-type]
    assert [field.name for field in refusal.value.fields] == [name]


def test_units_of_another_order_are_refused() -> None:
    before = order(line(LineState.DELIVERED))
    calls: list[Callable[[], object]] = [
        lambda: moved(before, to(LineState.RETURNED, UNIT, OTHER), STAFF),
        lambda: refunds_moved(before, LineRequest(unit_ids=(OTHER,)), RefundState.DONE, STAFF),
        lambda: return_requested(before, LineRequest(unit_ids=(OTHER,)), timedelta(days=7), BUYER),
    ]
    for call in calls:
        with pytest.raises(InvalidFields) as refusal:
            call()
        assert [(field.name, field.code) for field in refusal.value.fields] == [("unit_ids", FieldCode.NOT_ONE_OF)]


def test_without_units_all_that_can_move_do() -> None:
    before = order(line(LineState.CONFIRMED), line(LineState.PLACED, OTHER, 300))
    assert [one.state for one in moved(before, to(LineState.PURCHASED), STAFF).after.lines] == [
        LineState.PURCHASED,
        LineState.PLACED,
    ]
    with pytest.raises(MoveImpossible) as refusal:
        moved(before, to(LineState.PURCHASED, UNIT, OTHER), STAFF)
    assert refusal.value.possible == {UNIT: ("purchased", "cancelled"), OTHER: ("confirmed", "cancelled")}
    with pytest.raises(MoveImpossible) as refusal:
        moved(before, to(LineState.DELIVERED), STAFF)
    assert str(refusal.value) == (
        "The move is impossible. Possible moves: unit 1: purchased, cancelled; unit 2: confirmed, cancelled."
    )
    with pytest.raises(MoveImpossible, match=r"unit 1: none"):
        moved(order(line(LineState.CANCELLED)), to(LineState.DELIVERED), STAFF)


def test_lines_are_confirmed_when_the_payment_is_settled() -> None:
    lines = line(LineState.PLACED), line(LineState.PLACED, OTHER, 300)
    for paid in (0, 1, 999):
        state = PaymentState.CAPTURED if paid else PaymentState.DUE
        before = order(*lines, payment=state, captured=Money(paid))
        assert possible_moves(before, before.lines[0], STAFF.roles) == ("cancelled",)
        assert (before.due, before.settled, before.status_id) == (1000 - paid, False, PENDING)
        with pytest.raises(MoveImpossible):
            moved(before, to(LineState.CONFIRMED), STAFF)
    assert moved(order(*lines), to(LineState.CONFIRMED), STAFF).after.payment is PaymentState.CAPTURED
    # After the cancellation the rest is paid.
    before = moved(order(*lines, captured=Money(700)), to(LineState.CANCELLED, OTHER), BUYER).after
    assert (before.refunds, before.settled) == ((), True)
    assert moved(before, to(LineState.CONFIRMED), STAFF).after.lines[0].state is LineState.CONFIRMED


def test_what_is_free_is_waived() -> None:
    before = unpaid(line(LineState.PLACED, amount=0))
    assert (before.settled, before.status_id) == (False, PENDING)
    change = moved(before, to(LineState.CONFIRMED), STAFF)
    assert (change.after.payment, change.after.settled) == (PaymentState.WAIVED, True)
    assert [(entry.event, entry.target) for entry in change.entries] == [
        (Event.LINE_MOVED, "confirmed"),
        (Event.PAYMENT_MOVED, "waived"),
    ]
    gone = moved(change.after, to(LineState.CANCELLED), STAFF).after
    assert (gone.payment, gone.refunds) == (PaymentState.WAIVED, ())


@pytest.mark.parametrize(("mover", "state"), [(BUYER, PaymentState.VOIDED), (SHOP, PaymentState.EXPIRED)])
def test_the_payment_ends_with_the_last_line(mover: Mover, state: PaymentState) -> None:
    before = unpaid(line(LineState.PLACED), line(LineState.PLACED, OTHER, 300))
    part = moved(before, to(LineState.CANCELLED, UNIT), mover)
    assert (part.after.payment, part.after.due, part.released_promo_code_id) == (PaymentState.DUE, 300, None)
    whole = moved(part.after, to(LineState.CANCELLED), mover)
    assert (whole.after.payment, whole.after.due, whole.released_promo_code_id) == (state, 0, 1)
    with pytest.raises(AboveAmountDue):
        captured(whole.after, Money(1), STAFF)


def test_a_payment_is_captured_in_parts_up_to_the_amount_due() -> None:
    before = unpaid(line(LineState.PLACED))
    with pytest.raises(AboveAmountDue, match="due, 700"):
        captured(before, Money(701), STAFF)
    part = captured(before, Money(300), STAFF)
    assert (part.after.payment, part.after.due, part.after.settled, part.paid) == (
        PaymentState.CAPTURED,
        400,
        False,
        300,
    )
    with pytest.raises(AboveAmountDue):
        captured(part.after, Money(401), STAFF)
    whole = captured(part.after, Money(400), STAFF)
    assert (whole.after.captured, whole.after.settled) == (700, True)
    assert [(entry.source, entry.target, entry.amount) for entry in (*part.entries, *whole.entries)] == [
        ("due", "captured", 300),
        ("captured", "captured", 400),
    ]


@pytest.mark.parametrize("target", RefundState, ids=lambda state: state.value)
@pytest.mark.parametrize("source", RefundState, ids=lambda state: state.value)
def test_a_refund_makes_the_moves_of_the_table_and_no_others(source: RefundState, target: RefundState) -> None:
    refund = Refund(UNIT, Money(700), source)
    before = order(line(LineState.CANCELLED), line(LineState.PLACED, OTHER, 300), refunds=(refund,))
    allowed = {move.target.value for move in REFUND_MOVES if move.source is source and Role.STAFF in move.roles}
    for request in (LineRequest(unit_ids=(UNIT,), reason="bank"), LineRequest(reason="bank")):
        if target.value in allowed:
            change = refunds_moved(before, request, target, STAFF)
            assert change.after == attrs.evolve(before, refunds=(attrs.evolve(refund, state=target),))
            assert change.paid == (-700 if target is RefundState.DONE else 0)
            [entry] = change.entries
            assert (entry.source, entry.target, entry.amount, entry.note) == (source.value, target.value, 700, "bank")
        else:
            with pytest.raises(MoveImpossible) as refusal:
                refunds_moved(before, request, target, STAFF)
            assert set(refusal.value.possible[UNIT]) == allowed
    with pytest.raises(MoveImpossible) as refusal:
        refunds_moved(before, LineRequest(unit_ids=(OTHER,)), RefundState.DONE, STAFF)
    assert refusal.value.possible == {OTHER: ()}


def test_a_delivered_line_is_returned_after_the_buyer_asked_in_time() -> None:
    week = timedelta(days=7)
    before = order(line(LineState.DELIVERED), line(LineState.HANDED_OVER, OTHER, 300))
    with pytest.raises(MoveImpossible):
        moved(before, to(LineState.RETURNED, UNIT), STAFF)
    change = return_requested(before, LineRequest(reason="too small"), week, BUYER)
    assert [one.return_requested for one in change.after.lines] == [True, False]
    assert [(entry.event, entry.unit_id, entry.note) for entry in change.entries] == [
        (Event.RETURN_REQUESTED, UNIT, "too small")
    ]
    again = return_requested(change.after, LineRequest(unit_ids=(UNIT,)), timedelta(0), BUYER)
    assert (again.after, again.entries) == (change.after, ())
    assert moved(change.after, to(LineState.RETURNED, UNIT), STAFF).after.lines[0].state is LineState.RETURNED
    for late, refused in ((0, False), (1, True)):
        mover = attrs.evolve(BUYER, at=NOW + week + timedelta(microseconds=late))
        if refused:
            with pytest.raises(ReturnWindowOver):
                return_requested(before, LineRequest(), week, mover)
        else:
            assert return_requested(before, LineRequest(), week, mover).entries
    for units in ((UNIT, OTHER), (OTHER,)):
        with pytest.raises(MoveImpossible):
            return_requested(before, LineRequest(unit_ids=units), week, BUYER)
    with pytest.raises(MoveImpossible):
        return_requested(order(line(LineState.PLACED)), LineRequest(), week, BUYER)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ("placed", "placed"),
        ("placed confirmed", "placed"),
        ("cancelled confirmed", "confirmed"),
        ("purchased arrived", "partly_arrived"),
        ("placed delivered", "partly_handed_over"),
        ("arrived handed_over", "partly_handed_over"),
        ("arrived arrived", "arrived"),
        ("handed_over delivered", "handed_over"),
        ("delivered returned", "delivered"),
        ("cancelled cancelled", "cancelled"),
        ("cancelled returned", "returned"),
    ],
)
def test_the_status_of_an_order_is_a_function_of_its_lines(states: str, status: str) -> None:
    lines = [LineState(state) for state in states.split()]
    assert STATUSES[status_of(lines, covered=True)] == status
    assert STATUSES[status_of(lines, covered=False)] == (status if set(lines) <= DEAD else "pending")


def test_there_is_a_status_for_each_state() -> None:
    assert STATUSES[PENDING] == "pending"
    assert list(STATUSES) == list(range(1, len(STATUSES) + 1))
    assert set(STATUSES.values()) == {
        "pending",
        "partly_arrived",
        "partly_handed_over",
        *(state.value for state in LineState),
    }


Command = tuple[str, object, tuple[ProductUnitId, ...]]
COMMANDS = st.one_of(
    st.tuples(st.just("move"), st.sampled_from(LineState), st.sampled_from([(), (UNIT,), (OTHER,)])),
    st.tuples(st.just("cancel"), st.sampled_from(list(Role)), st.sampled_from([(), (UNIT,), (OTHER,)])),
    st.tuples(st.just("pay"), st.integers(1, 1050), st.just(())),
    st.tuples(st.just("bank"), st.sampled_from(["hold", "take", "obey", "end"]), st.just(())),
    st.tuples(st.just("refund fee"), st.sampled_from(RefundState), st.sampled_from([(), (UNIT,)])),
    st.tuples(st.just("refund"), st.sampled_from(RefundState), st.sampled_from([(), (UNIT,), (OTHER,)])),
    st.tuples(st.just("ask"), st.integers(0, 10), st.sampled_from([(), (UNIT,), (OTHER,)])),
)


def run(before: Fulfilment, what: str, value: object, unit_ids: tuple[ProductUnitId, ...]) -> FulfilmentChange:  # noqa: PLR0911 - one for each command
    lines = LineRequest(unit_ids=unit_ids or None)
    match what, value:
        case "move", LineState() as state:
            return moved(before, to(state, *unit_ids), STAFF)
        case "cancel", Role() as role:
            return moved(before, to(LineState.CANCELLED, *unit_ids), MOVERS[role])
        case "pay", int() as amount:
            return captured(before, Money(amount), STAFF)
        case "refund", RefundState() as state:
            return refunds_moved(before, lines, state, STAFF)
        case "refund fee", RefundState() as state:
            return refunds_moved(before, lines, state, STAFF, of_delivery=True)
        case "bank", str() as deed:
            return reported(before, before.online[0], banked(before, deed), PROVIDER)
        case _, int() as days:
            return return_requested(before, lines, timedelta(days=days), BUYER)
    raise AssertionError(what)


def banked(before: Fulfilment, deed: str) -> ProviderPayment:
    """What the provider of the first payment says after it has held, taken everything, obeyed the shop, or ended."""
    known = before.online[0]
    command = next_command(before, known)
    totals = {name: getattr(known, name) for name in ("authorised", "captured", "released", "refunded")}
    if deed in {"hold", "take"} and known.is_pending:
        totals["authorised"] = known.amount
    if deed == "take":
        totals["captured"] += attrs.evolve(known, authorised=totals["authorised"]).held
    if deed == "obey" and command is not None:
        totals[{"capture": "captured", "release": "released", "refund": "refunded"}[command.kind.value]] += (
            command.amount
        )
    return ProviderPayment(
        reference=known.reference,
        order_id=known.order_id,
        amount=known.amount,
        currency=known.currency,
        closed=deed == "end" or (deed == "obey" and command is not None and known.is_pending),
        **totals,
    )


@given(st.lists(COMMANDS, max_size=40), st.sampled_from([0, 50]), st.booleans())
def test_whatever_happens_money_and_history_agree(
    commands: list[tuple[str, object, tuple[ProductUnitId, ...]]], fee: int, in_parts: bool
) -> None:
    payment = OnlinePayment(
        order_id=OrderId(1),
        number=1,
        amount=Money(1000 + fee),
        currency="RUB",
        provider="bank",
        reference="1",
        page="",
        in_parts=in_parts,
    )
    lines = line(LineState.PLACED), line(LineState.PLACED, OTHER, 300)
    found = attrs.evolve(unpaid(*lines), delivery_fee=Money(fee), online=(payment,))
    refunds = dict[ProductUnitId | None, str]()
    states, paid, restocked = {one.unit_id: one.state.value for one in found.lines}, 0, list[ProductUnitId]()
    released = 0
    for what, value, unit_ids in commands:
        try:
            change = run(found, what, value, unit_ids)
        except (MoveImpossible, AboveAmountDue, ReturnWindowOver):
            continue
        for entry in change.entries:
            if entry.event is Event.LINE_MOVED and entry.unit_id is not None:
                assert states[entry.unit_id] == entry.source
                states[entry.unit_id] = entry.target
            if entry.event is Event.REFUND_MOVED:
                assert refunds.get(entry.unit_id) == entry.source
                refunds[entry.unit_id] = entry.target
        found, paid = change.after, paid + change.paid
        restocked += change.restocked
        released += change.released_promo_code_id is not None
        assert 0 <= found.refunded <= found.captured <= 1000 + fee
        shares = {None: fee, UNIT: 700, OTHER: 300}
        assert len({refund.unit_id for refund in found.refunds}) == len(found.refunds)
        for refund in found.refunds:
            assert 0 < refund.amount <= shares[refund.unit_id]
        assert found.owed == owed_by_the_states(found)
        assert found.captured - found.refunded <= found.owed
        assert (found.refund_of(None) is None) or {one.state for one in found.lines} == {LineState.CANCELLED}
        if not found.owed:
            assert found.captured == found.refunded
        if found.settled:
            assert found.captured - found.refunded == found.owed
        assert len(set(restocked)) == len(restocked)
        assert released == (not found.live)
        done = sum(refund.amount for refund in found.refunds if refund.state is RefundState.DONE)
        assert paid == found.captured - done
        [payment] = found.online
        assert payment.refunded <= payment.captured <= payment.authorised <= 1000 + fee
        own = sum(refund.amount for refund in found.refunds if refund.payment_number == 1)
        assert own <= payment.credited <= payment.captured
    # Once the provider has done what it was asked to do, nothing is held that no line needs.
    while next_command(found, found.online[0]) is not None:
        change = reported(found, found.online[0], banked(found, "obey"), PROVIDER)
        assert change.after != found
        found = change.after
        refunds |= {entry.unit_id: entry.target for entry in change.entries if entry.event is Event.REFUND_MOVED}
    assert found.online[0].held <= max(0, found.uncaptured) or not in_parts
    assert states == {one.unit_id: one.state.value for one in found.lines}
    assert refunds == {refund.unit_id: refund.state.value for refund in found.refunds}


def test_the_possible_moves_are_those_of_all_roles() -> None:
    before = order(line(LineState.PLACED))
    assert possible_moves(before, before.lines[0], {Role.BUYER, Role.STAFF}) == ("confirmed", "cancelled")
    assert possible_moves(before, before.lines[0], {Role.BUYER}) == ("cancelled",)
    assert possible_moves(before, before.lines[0], {Role.SHOP}) == ("cancelled",)
    assert possible_moves(before, before.lines[0], ()) == ()
