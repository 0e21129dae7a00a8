"""Mistakes that shops make, each planted into a real server, so that it can be seen whether the laws notice."""

import time
from collections.abc import Callable, Collection, Mapping
from threading import Timer, local
from typing import Any, Final

import attrs

from sellout_adapters.sql.repositories.accounts import SqlAnswers
from sellout_adapters.sql.repositories.orders import SqlCarts, SqlOrders, SqlPromoCodes
from sellout_adapters.sql.repositories.units import SqlUnits
from sellout_core import ordering
from sellout_core.accounts import Actor
from sellout_core.catalogue import ProductUnit
from sellout_core.ordering import NewOrder, Order, PromoCode
from sellout_core.use_cases import checkout
from sellout_core.use_cases.importing import writing
from sellout_core.values import Money, ProductUnitId, PromoCodeId
from sellout_http.command import main as sellout

_LATER: Final = 0.2
_BETWEEN: Final = 0.05


class _Foreseen(Exception):
    """What a transaction would return, which takes it back."""


def ignored_key() -> None:
    """The idempotency key is accepted and not looked at."""
    _replace(SqlAnswers, "find", lambda *_: None)
    _replace(SqlAnswers, "keep", lambda *_: None)


def missing_decrement() -> None:
    """A sale leaves the stock as it is."""
    _replace(SqlUnits, "take", lambda _, units: {unit.id: unit for unit in units})


def off_by_one_limit() -> None:
    """A promo code that is used up can still be used."""
    by_code, activate = SqlPromoCodes.by_code, SqlPromoCodes.activate
    found = local()

    def remember(self: SqlPromoCodes, code: str) -> PromoCode | None:
        promo_code = found.promo_code = by_code(self, code)
        return promo_code and attrs.evolve(promo_code, max_activation_count=10**9)

    def activate_anyway(self: SqlPromoCodes, promo_code_id: PromoCodeId) -> PromoCode | None:
        # The database would refuse one activation too many.
        last: PromoCode = found.promo_code
        return activate(self, promo_code_id) or last

    _replace(SqlPromoCodes, "by_code", remember)
    _replace(SqlPromoCodes, "activate", activate_anyway)


def counted_twice() -> None:
    """An order uses up two activations."""
    activate = SqlPromoCodes.activate

    def activate_twice(self: SqlPromoCodes, promo_code_id: PromoCodeId) -> PromoCode | None:
        return activate(self, promo_code_id) and activate(self, promo_code_id)

    _replace(SqlPromoCodes, "activate", activate_twice)


def split_transaction() -> None:
    """The cart is emptied first and the order written then, in two transactions."""
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

    _replace(checkout, "check_out", apart(checkout.check_out))
    _replace(checkout, "check_out_once", apart(checkout.check_out_once))
    _replace(SqlCarts, "remove", remove_or_not)


def acknowledged_before_commit() -> None:
    """A checkout is answered as it is going to be, and written a moment later."""

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

    _replace(checkout, "check_out", early(checkout.check_out))
    _replace(checkout, "check_out_once", early(checkout.check_out_once))


def read_then_write() -> None:
    """The stock is read in one transaction, and what was read, less one, is written in another."""
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

    _replace(checkout, "check_out", early(checkout.check_out))
    _replace(checkout, "check_out_once", early(checkout.check_out_once))
    _replace(SqlUnits, "take", take)


def lost_cart_clear() -> None:
    """What was ordered stays in the cart."""

    def keep(self: SqlCarts, user_id: Any, unit_ids: Any) -> Any:
        cart = self.of(user_id)
        return set(unit_ids) & set(cart.unit_ids) if cart else set()

    _replace(SqlCarts, "remove", keep)


def wrong_rounding() -> None:
    """A percentage rounds down."""
    _replace(ordering, "less_percentage", lambda amount, percentage: amount * (100 - percentage) // 100)


def missing_ownership_check() -> None:
    """Whoever is logged in may do anything to anybody's things."""
    _replace(Actor, "require_user", lambda *_: None)


def stale_price() -> None:
    """A price is read once and believed from then on."""
    get_many, take = SqlUnits.get_many, SqlUnits.take
    believed: dict[ProductUnitId, Money] = {}

    def get_stale(self: SqlUnits, unit_ids: Collection[ProductUnitId]) -> Any:
        units = get_many(self, unit_ids)
        return {id_: attrs.evolve(unit, price=believed.setdefault(id_, unit.price)) for id_, unit in units.items()}

    def take_at_any_price(self: SqlUnits, units: Collection[ProductUnit]) -> Any:
        taken = take(self, list(get_many(self, [unit.id for unit in units]).values()))
        return {id_: attrs.evolve(unit, price=believed.get(id_, unit.price)) for id_, unit in taken.items()}

    _replace(SqlUnits, "get_many", get_stale)
    _replace(SqlUnits, "take", take_at_any_price)


def lost_line() -> None:
    """Of an order with several lines the last is not written."""
    add = SqlOrders.add

    def add_but_one(self: SqlOrders, order: NewOrder) -> Order:
        short = order.lines[:-1] if len(order.lines) > 1 else order.lines
        return attrs.evolve(add(self, attrs.evolve(order, lines=short)), lines=order.lines)

    _replace(SqlOrders, "add", add_but_one)


def resurrecting_import() -> None:
    """An import writes the stock of its file, whatever was sold since."""
    _replace(writing, "stock_after", lambda stock, *_, **__: (stock, None))


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
}


def main(bug: str) -> None:
    """The command `sellout` with a bug in it."""
    BUGS[bug]()
    sellout()


def _replace(owner: Any, name: str, value: Any) -> None:
    # A name that the shop no longer has would plant nothing.
    assert hasattr(owner, name)
    setattr(owner, name, value)
