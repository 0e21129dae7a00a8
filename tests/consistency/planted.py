"""Bugs of real shops, planted into a server, to test that the laws find them."""

import time
from collections.abc import Callable, Collection, Mapping
from threading import Timer, local
from typing import Any, Final

import attrs

from sellout_adapters.sql.repositories.catalogue.units import SqlUnits
from sellout_adapters.sql.repositories.idempotency import SqlIdempotencyStore
from sellout_adapters.sql.repositories.shopping.orders import SqlCarts, SqlOrders, SqlPromoCodes
from sellout_core.catalogue.products import ProductUnit
from sellout_core.people.accounts import Actor
from sellout_core.shopping import ordering
from sellout_core.shopping.ordering import NewOrder, Order, PromoCode
from sellout_core.use_cases.catalogue.importing import writing
from sellout_core.use_cases.shopping import checkout
from sellout_core.values import Money, ProductUnitId
from sellout_http.command import main as sellout
from tests.consistency.impatient import shorten
from tests.consistency.planted_events import EVENT_BUGS
from tests.consistency.planted_staff import STAFF_BUGS, planted

_LATER: Final = 0.2
_BETWEEN: Final = 0.05


class _Foreseen(Exception):
    """Carries the result of a transaction and rolls it back."""


def ignored_key() -> None:
    """The idempotency key is ignored."""
    planted(SqlIdempotencyStore, "find", lambda *_: None)
    planted(SqlIdempotencyStore, "save", lambda *_: None)


def missing_decrement() -> None:
    """A sale does not change the stock."""
    planted(SqlUnits, "take", lambda _, units: {unit.id: unit for unit in units})


def off_by_one_limit() -> None:
    """A used up promo code can still be redeemed."""
    by_code, activate = SqlPromoCodes.by_code, SqlPromoCodes.activate
    found = local()

    def remember(self: SqlPromoCodes, code: str) -> PromoCode | None:
        promo_code = found.promo_code = by_code(self, code)
        return promo_code and attrs.evolve(promo_code, max_activation_count=10**9)

    def activate_anyway(self: SqlPromoCodes, promo_code: PromoCode) -> PromoCode | None:
        # The database refuses an activation above the maximum.
        last: PromoCode = found.promo_code
        return activate(self, promo_code) or last

    planted(SqlPromoCodes, "by_code", remember)
    planted(SqlPromoCodes, "activate", activate_anyway)


def counted_twice() -> None:
    """An order counts two activations."""
    activate = SqlPromoCodes.activate

    def activate_twice(self: SqlPromoCodes, promo_code: PromoCode) -> PromoCode | None:
        return activate(self, promo_code) and activate(self, promo_code)

    planted(SqlPromoCodes, "activate", activate_twice)


def split_transaction() -> None:
    """One transaction empties the cart, and a second one adds the order."""
    remove = SqlCarts.remove
    removed = local()

    def apart(check_out: Callable[..., Any]) -> Callable[..., Any]:
        def check_out_apart(shop: Any, actor: Any, buyer_id: Any, checkout: Any, *rest: Any) -> Any:
            removed.units = shop.store.write(lambda tx: remove(tx.carts, buyer_id, checkout.unit_ids))
            time.sleep(_BETWEEN)
            try:
                return check_out(shop, actor, buyer_id, checkout, *rest)
            except Exception:
                shop.store.write(lambda tx: [tx.carts.add(buyer_id, unit_id) for unit_id in removed.units])
                raise
            finally:
                del removed.units

        return check_out_apart

    def remove_or_not(self: SqlCarts, user_id: Any, unit_ids: Any) -> Any:
        return getattr(removed, "units", None) or remove(self, user_id, unit_ids)

    planted(checkout, "check_out", apart(checkout.check_out))
    planted(checkout, "check_out_once", apart(checkout.check_out_once))
    planted(SqlCarts, "remove", remove_or_not)


def acknowledged_before_commit() -> None:
    """The response to a checkout is sent before its transaction is committed."""

    class Late:
        def __init__(self, store: Any) -> None:
            self._store = store

        def write(self, work: Callable[[Any], Any]) -> Any:
            def foresee(tx: Any) -> None:
                raise _Foreseen(work(tx))

            try:
                self._store.write(foresee)
            except _Foreseen as foreseen:
                Timer(_LATER, self._store.write, [work]).start()
                return foreseen.args[0]

    def early(check_out: Callable[..., Any]) -> Callable[..., Any]:
        return lambda shop, *arguments: check_out(attrs.evolve(shop, store=Late(shop.store)), *arguments)

    planted(checkout, "check_out", early(checkout.check_out))
    planted(checkout, "check_out_once", early(checkout.check_out_once))


def read_then_write() -> None:
    """The stock is read in one transaction, and the decremented value is written in another."""
    seen = local()

    def early(check_out: Callable[..., Any]) -> Callable[..., Any]:
        def check_out_later(shop: Any, actor: Any, buyer_id: Any, checkout: Any, *rest: Any) -> Any:
            seen.units = shop.store.read(lambda tx: tx.units.get_many(checkout.unit_ids))
            time.sleep(_BETWEEN)
            return check_out(shop, actor, buyer_id, checkout, *rest)

        return check_out_later

    def take(self: SqlUnits, units: Collection[ProductUnit]) -> Mapping[ProductUnitId, ProductUnit]:
        before = [seen.units[unit.id] for unit in units if seen.units[unit.id].stock is not None]
        left = [attrs.evolve(unit, stock=max(0, unit.stock - 1), available=unit.stock > 1) for unit in before]
        self.save_many(left)
        return {unit.id: unit for unit in units}

    planted(checkout, "check_out", early(checkout.check_out))
    planted(checkout, "check_out_once", early(checkout.check_out_once))
    planted(SqlUnits, "take", take)


def lost_cart_clear() -> None:
    """Ordered units stay in the cart."""

    def keep(self: SqlCarts, user_id: Any, unit_ids: Any) -> Any:
        cart = self.of(user_id)
        return set(unit_ids) & set(cart.unit_ids) if cart else set()

    planted(SqlCarts, "remove", keep)


def wrong_rounding() -> None:
    """A percentage is rounded down."""
    planted(ordering, "less_percentage", lambda amount, percentage: amount * (100 - percentage) // 100)


def missing_ownership_check() -> None:
    """Each logged-in user may read and change other users' objects."""
    planted(Actor, "require_user", lambda *_: None)


def stale_price() -> None:
    """The first price of a unit is cached forever."""
    get_many, take = SqlUnits.get_many, SqlUnits.take
    believed: dict[ProductUnitId, Money] = {}

    def get_stale(self: SqlUnits, unit_ids: Collection[ProductUnitId]) -> Any:
        units = get_many(self, unit_ids)
        return {id_: attrs.evolve(unit, price=believed.setdefault(id_, unit.price)) for id_, unit in units.items()}

    def take_at_any_price(self: SqlUnits, units: Collection[ProductUnit]) -> Any:
        taken = take(self, list(get_many(self, [unit.id for unit in units]).values()))
        return {id_: attrs.evolve(unit, price=believed.get(id_, unit.price)) for id_, unit in taken.items()}

    planted(SqlUnits, "get_many", get_stale)
    planted(SqlUnits, "take", take_at_any_price)


def lost_line() -> None:
    """The last line of an order with several lines is not stored."""
    add = SqlOrders.add

    def add_but_one(self: SqlOrders, order: NewOrder) -> Order:
        short = order.lines[:-1] if len(order.lines) > 1 else order.lines
        return attrs.evolve(add(self, attrs.evolve(order, lines=short)), lines=order.lines)

    planted(SqlOrders, "add", add_but_one)


def resurrecting_import() -> None:
    """An import writes the stock of its file and ignores later sales."""
    planted(writing, "stock_after", lambda stock, *_, **__: (stock, None))


BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug
    for bug in (
        ignored_key,
        missing_decrement,
        off_by_one_limit,
        counted_twice,
        split_transaction,
        acknowledged_before_commit,
        read_then_write,
        lost_cart_clear,
        wrong_rounding,
        missing_ownership_check,
        stale_price,
        lost_line,
        resurrecting_import,
    )
} | {**STAFF_BUGS, **EVENT_BUGS}


def main(bug: str) -> None:
    """Plants a bug and runs the command `sellout`, with short delays of webhooks."""
    shorten()
    BUGS[bug]()
    sellout()
