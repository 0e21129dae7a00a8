"""The rules of the state machine for orders after checkout: their moves, returns and expiry."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any, Final

from sellout_adapters.extras import naming_extras
from sellout_adapters.testing.scene import whole_list
from sellout_adapters.testing.state_machine.guest_rules import GuestRules
from sellout_adapters.testing.state_machine.model import MINUTE, Code, Person, encoded, refused
from sellout_adapters.testing.state_machine.orders import PlacedOrder, require_as_the_model, require_lawful
from sellout_core import errors
from sellout_core.fulfilment.lifecycle import (
    Effect,
    Guard,
    LineMove,
    LineState,
    PaymentState,
    RefundState,
    Role,
)
from sellout_core.fulfilment.money import CommandKind
from sellout_core.fulfilment.progress import LineRequest, MoveRequest
from sellout_core.fulfilment.refusals import MoveImpossible, ReturnWindowOver
from sellout_core.people.accounts import OPERATOR, Actor
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.idempotency import answer_once
from sellout_core.use_cases.payments import settle_next_payment
from sellout_core.use_cases.shopping import fulfilment
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.use_cases.shopping.orders import read_user_orders
from sellout_core.use_cases.shopping.tracking import read_history, read_tracking
from sellout_core.values import Money
from sellout_core.views import OrderView

with naming_extras():
    from hypothesis import strategies as st
    from hypothesis.stateful import invariant, precondition, rule

_STAFF: Final = frozenset({Role.STAFF})
_ONWARD: Final = (LineState.CONFIRMED, LineState.PURCHASED, LineState.ARRIVED, LineState.HANDED_OVER)


class OrderRules(GuestRules):
    """The rules for orders after checkout, and the part of the model that they change.

    Attributes:
        staff: A member of staff.
        codes: The promo codes by code, in lower case.
    """

    def __init__(self) -> None:
        super().__init__()
        self.staff = OPERATOR
        self.codes: dict[str, Code] = {}
        self.commands = 0

    @property
    def placed(self) -> list[PlacedOrder]:
        """All orders, by id."""
        orders = [placed for person in self.people.values() for placed in person.orders]
        return sorted(orders, key=lambda placed: placed.order.id)

    def fill_cart(self, person: Person) -> None:
        """Adds all units that are for sale to a cart."""
        for unit_id in filter(self.for_sale, self.units):
            add_to_cart(self.scene.shop, person.actor, person.user_id, self.units[unit_id].id)
        person.cart += [unit_id for unit_id in filter(self.for_sale, self.units) if unit_id not in person.cart]

    def note_order(self, person: Person, wanted: list[int], code: str) -> OrderView:
        """Reads the latest order of a person, applies it to the model, and returns it."""
        *_, found = whole_list(read_user_orders, self.scene.shop, person.actor, person.user_id)
        person.orders.append(PlacedOrder.of(found.order, code))
        for unit_id in wanted:
            person.cart.remove(unit_id)
            left = self.stock[unit_id]
            self.stock[unit_id] = None if left is None else left - 1
            self.sold[unit_id] += 1
        if code:
            self.codes[code.lower()].left -= 1
        order: OrderView = found
        return order

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        """Lines make the moves of the table, all that are named or none."""
        placed = data.draw(st.sampled_from(self.placed))
        able = [state for state in LineState if any(placed.move(unit_id, state, _STAFF) for unit_id in placed.states)]
        target, is_complete = data.draw(st.sampled_from(able * 4 + [*LineState])), data.draw(st.integers(0, 4)) > 0
        details: dict[str, Any] = {}
        if is_complete:
            details = {"reason": "why", "cost": Money(1), "carrier": "CDEK", "tracking_number": "1"}
        wanted = self.some_units(data, placed)
        moves, refusal = self.expected_moves(placed, wanted, target, _STAFF, is_complete=is_complete)
        request = MoveRequest(unit_ids=wanted, target=target, **details)
        if self.done(data, refusal, fulfilment.move_order, self.staff, placed, request):
            self.moved(placed, moves)

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def settle_and_move_on(self, data: st.DataObject) -> None:
        """Staff enter the payment and move the order as far as a state. Without this rule, few orders get far."""
        placed = data.draw(st.sampled_from(self.placed))
        last = data.draw(st.sampled_from([*_ONWARD, LineState.DELIVERED]))
        self.pay(placed)
        states = list(LineState)
        for target in states[1 : states.index(last) + 1]:
            moves, refusal = self.expected_moves(placed, None, target, _STAFF, is_complete=True)
            if refusal is None:
                request = MoveRequest(target=target, cost=Money(1), carrier="CDEK", tracking_number="1")
                fulfilment.move_order(self.scene.shop, self.staff, placed.order.id, request)
                self.moved(placed, moves)

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """Buyers cancel what is not confirmed, staff what is not handed over. Others cannot see the order."""
        placed = data.draw(st.sampled_from(self.placed))
        person = data.draw(st.sampled_from([None, *self.people.values()]))
        actor = self.staff if person is None else person.actor
        wanted, reason = self.some_units(data, placed), data.draw(st.sampled_from(["", "why"]))
        request = LineRequest(unit_ids=wanted, reason=reason)
        if person is not None and placed not in person.orders:
            refused(errors.NotFound, fulfilment.cancel_order, self.scene.shop, actor, placed.order.id, request)
            return
        roles = _STAFF if person is None else frozenset({Role.BUYER})
        meant = wanted or tuple(placed.live) or None
        moves, refusal = self.expected_moves(placed, meant, LineState.CANCELLED, roles, is_complete=bool(reason))
        if self.done(data, refusal, fulfilment.cancel_order, actor, placed, request):
            self.moved(placed, moves)

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def request_return(self, data: st.DataObject) -> None:
        """A buyer asks to return delivered units within the window. A second time changes nothing."""
        person = data.draw(st.sampled_from([person for person in self.people.values() if person.orders]))
        placed = data.draw(st.sampled_from(person.orders))
        wanted = self.some_units(data, placed)
        delivered = [unit_id for unit_id in wanted or placed.states if placed.states[unit_id] is LineState.DELIVERED]
        new = [unit_id for unit_id in delivered if unit_id not in placed.returns]
        refusal: type[errors.SellOutError] | None = None
        if not delivered or (wanted is not None and len(delivered) < len(wanted)):
            refusal = MoveImpossible
        elif any(self.scene.clock() > placed.moved_at[unit_id] + MINUTE for unit_id in new):
            refusal = ReturnWindowOver
        if self.done(data, refusal, fulfilment.request_return, person.actor, placed, LineRequest(unit_ids=wanted)):
            placed.returns.update(new)

    @rule(seconds=st.sampled_from([20, 61]))
    def wait(self, seconds: int) -> None:
        """Time passes: unpaid orders may expire, and returns may be too late."""
        self.scene.clock.advance(seconds=seconds)

    @rule()
    def expire(self) -> None:
        """Orders of which nothing was captured in time are cancelled, once."""
        by = self.scene.clock() - MINUTE
        late = [
            placed
            for placed in self.placed
            if placed.payment is PaymentState.DUE and placed.live and placed.order.placed_at <= by
        ]
        assert fulfilment.expire_unpaid_orders(self.scene.shop, OPERATOR) == len(late)
        assert fulfilment.expire_unpaid_orders(self.scene.shop, OPERATOR) == 0
        for placed in late:
            roles = frozenset({Role.SHOP})
            moves, _ = self.expected_moves(placed, None, LineState.CANCELLED, roles, is_complete=True)
            self.moved(placed, moves, by_shop=True)

    def pay(self, placed: PlacedOrder) -> None:
        """Staff enter what is due for an order."""
        if placed.due:
            fulfilment.capture_payment(self.scene.shop, self.staff, placed.order.id, Money(placed.due))
            placed.captured += placed.due
            placed.payment = PaymentState.CAPTURED

    def settle(self) -> list[CommandKind | None]:
        """Asks the provider until nothing is due, and returns what it was asked to do."""
        commands = []
        while (outcome := settle_next_payment(self.scene.shop, OPERATOR)) is not None:
            commands.append(outcome.command)
        return commands

    def done(
        self,
        data: st.DataObject,
        refusal: type[errors.SellOutError] | None,
        command: Callable[..., Any],
        actor: Actor,
        placed: PlacedOrder,
        *arguments: Any,
        **options: Any,
    ) -> bool:
        """Sends a command, and returns whether it was carried out. Under an idempotency key it is sent twice, which
        does what once does.
        """
        if refusal is not None:
            refused(refusal, partial(command, **options), self.scene.shop, actor, placed.order.id, *arguments)
            return False
        if actor.user_id is None or not data.draw(st.booleans()):
            command(self.scene.shop, actor, placed.order.id, *arguments, **options)
            return True
        self.commands += 1

        def work(tx: Any, _: Any) -> bytes:
            return encoded(command(self.scene.shop.inside(tx), actor, placed.order.id, *arguments, **options))

        key, fingerprint = f"command {self.commands}", repr((command.__name__, arguments, options))
        first = answer_once(self.scene.shop, actor.user_id, key, fingerprint, work)
        assert answer_once(self.scene.shop, actor.user_id, key, fingerprint, work) == first
        return True

    def some_units(self, data: st.DataObject, placed: PlacedOrder) -> Any:
        """Units of an order. None: all to which a request applies."""
        some = st.lists(st.sampled_from(sorted(placed.states)), min_size=1, unique=True).map(tuple)
        return data.draw(st.none() | some)

    def expected_moves(
        self,
        placed: PlacedOrder,
        wanted: Collection[int] | None,
        target: LineState,
        roles: frozenset[Role],
        *,
        is_complete: bool,
    ) -> tuple[dict[int, LineMove], type[errors.SellOutError] | None]:
        """The expected moves by unit, and the expected error. `is_complete` states whether the request has every member
        that a move may need.
        """
        among = placed.states if wanted is None else wanted
        moves = {unit_id: move for unit_id in among if (move := placed.move(unit_id, target, roles)) is not None}
        if not moves or (wanted is not None and len(moves) < len(wanted)):
            return {}, MoveImpossible
        guards = frozenset[Guard]().union(*(move.guards for move in moves.values()))
        lacking = not is_complete and guards & {Guard.COST, Guard.PARCEL, Guard.REASON}
        return moves, errors.InvalidFields if lacking else None

    def moved(self, placed: PlacedOrder, moves: dict[int, LineMove], *, by_shop: bool = False) -> None:
        """Applies moves to the model. Pieces come back, and with the last live line an activation of the promo code."""
        was_live = bool(placed.live)
        for unit_id, move in moves.items():
            placed.carry_out(unit_id, move, self.scene.clock())
            if Effect.RESTOCK in move.effects:
                self.sold[unit_id] -= 1
                left = self.stock[unit_id]
                if left is not None:
                    self.stock[unit_id] = left + 1
                if left == 0:
                    self.withdrawn.discard(unit_id)
        placed.close(next(iter(moves.values())), by_shop=by_shop)
        if was_live and not placed.live and placed.code:
            self.codes[placed.code].left += 1
        if placed.is_online:
            self.settle()
            placed.refunds = {unit_id: (amount, RefundState.DONE) for unit_id, (amount, _) in placed.refunds.items()}

    @invariant()
    def orders_obey_the_laws(self) -> None:
        """Every order is as the model says and obeys its laws. Buyers have paid what was captured, less the refunds
        that are done. The stock ledger adds up, and a promo code has an activation for each live order that used it.
        """
        self.scene.store.read(self.require_laws)
        for name, code in self.codes.items():
            live = sum(placed.code == name and bool(placed.live) for placed in self.placed)
            assert code.maximum - code.left == live <= code.maximum

    def require_laws(self, tx: Transaction) -> None:
        """Asserts the laws of orders, buyers and the stock. One transaction reads faster than many."""
        shop = self.scene.shop.within(tx)
        for placed in self.placed:
            found = read_tracking(shop, self.staff, placed.order.id)
            require_as_the_model(placed, found.fulfilment)
            require_lawful(
                placed.present, found.fulfilment, whole_list(read_history, shop, self.staff, placed.order.id)
            )
            assert found.status.id == placed.present.status_id
        paid = {person.user_id: sum(placed.paid for placed in person.orders) for person in self.people.values()}
        users = tx.users.get_many(list(paid))
        assert {user_id: user.purchased_total for user_id, user in users.items()} == paid
        sums = tx.stock.sums([unit.id for unit in self.units.values()])
        assert all(
            left is None or left + self.sold[unit_id] == sums.get(self.units[unit_id].id, 0)
            for unit_id, left in self.stock.items()
        )
