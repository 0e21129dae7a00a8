"""The rows about a shop with many orders, compared with a shop with few: `benchmarks.bench --orders N`."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from typing import Final, cast

import attrs

from benchmarks import ceilings
from benchmarks.buying import FEW, CheckoutBench
from benchmarks.figures import Figure, Measure, Rounds, faster, tell
from benchmarks.load import Request, Sample, fire
from benchmarks.people import shop_over
from benchmarks.servers import Server
from benchmarks.shops import Loaded, settle
from sellout_adapters.sql.search import page_index
from sellout_adapters.sql.transaction import SqlTransaction
from sellout_adapters.testing.scene import checkout_request
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports import StoredResponse, Transaction
from sellout_core.shopping.ordering import NewOrder, Order
from sellout_core.use_cases.shopping.carts import add_to_cart
from sellout_core.use_cases.shopping.checkout import check_out

_BATCH: Final = 500
_ONE_BUYER: Final = 5000
"""The maximum number of orders of one buyer. The others are spread over all buyers."""

_PAGE: Final = 20
_CHANGES: Final = 6000
_CONNECTIONS: Final = 16
_RESPONSE: Final = StoredResponse("fingerprint", b'{"order": "as long as the response of a checkout"}' * 60)


def add_orders(shop: Loaded, orders: int) -> None:
    """Adds copies of one order, and expired responses under idempotency keys."""
    tell(f"{shop.place.kind}: adding {orders:,} orders")
    made, buyers = shop_over(shop.store), shop.people.buyers
    new = _as_new(_placed(shop))
    expired = made.clock() - 2 * made.policy.idempotency_key_lifetime
    for first in range(0, orders, _BATCH):

        def work(tx: Transaction, first: int = first) -> None:
            for number in range(first, min(first + _BATCH, orders)):
                buyer = buyers[0] if number < _ONE_BUYER else buyers[1 + number % (len(buyers) - 1)]
                tx.orders.add(attrs.evolve(new, buyer_id=buyer.user_id))
                at = expired + timedelta(microseconds=number)
                tx.idempotency.save(buyer.user_id, f"old {number}", _RESPONSE, at)

        made.store.write(work)
    settle(shop.url)


def rows(shop: Loaded, server: Server, few: Loaded, few_server: Server, rounds: Rounds) -> Sequence[Figure]:
    """The rows about a shop with many orders and a shop with few."""
    first, staff = shop.people.buyers[0], shop.people.staff.token
    own = f"/order/user_orders?limit={_PAGE}"
    every = f"/order/orders?limit={_PAGE}"
    last = max(1, len(shop.store.read(lambda tx: tx.orders.of_buyer_after(first.user_id, 0, _ONE_BUYER))))
    pairs = {
        "checkouts, many orders / few": (_checkouts(shop, server, rounds), _checkouts(few, few_server, rounds)),
        "a page of one's own orders, many / few": (
            _asks(server, Request(own, first.token), rounds),
            _asks(few_server, Request(own, few.people.buyers[0].token), rounds),
        ),
        "a page of all orders, a later one / the first": (
            _asks(server, Request(f"{every}&after={last}", staff), rounds),
            _asks(server, Request(every, staff), rounds),
        ),
    }
    ratios = [_ratio(what, rounds, many, one) for what, (many, one) in pairs.items()]
    return [
        *ratios,
        _beside_a_list(shop, server, rounds),
        _during_a_snapshot(shop, server, few, few_server, rounds),
        _start(shop, rounds),
    ]


def _placed(shop: Loaded) -> Order:
    buyer = shop.people.buyers[0]
    made, unit_id = shop_over(shop.store), buyer.unit_ids[0]
    add_to_cart(made, OPERATOR, buyer.user_id, unit_id)
    return check_out(made, OPERATOR, buyer.user_id, checkout_request(buyer.address_id, unit_id)).order


def _as_new(order: Order) -> NewOrder:
    return NewOrder(**{name: getattr(order, name) for name in attrs.fields_dict(NewOrder)})


def _ratio(what: str, rounds: Rounds, shop: Measure, compared: Measure) -> Figure:
    measured, others = rounds.compare(what, shop, compared)
    return Figure(what=what, values=faster(measured, others), target=0.8, shop=measured, compared=others)


def _asks(server: Server, request: Request, rounds: Rounds) -> Measure:
    return lambda: fire(server.port, [[request]] * _CONNECTIONS, connections=_CONNECTIONS, seconds=rounds.seconds)


def _checkouts(shop: Loaded, server: Server, rounds: Rounds) -> Measure:
    till = CheckoutBench(shop, server, rounds)
    return lambda: till.over_http(shop.people.buyers[:FEW], {})


def _beside_a_list(shop: Loaded, server: Server, rounds: Rounds) -> Figure:
    """The ratio of the slowest cards' latency while staff read the list of all orders to the latency otherwise."""
    what = "p99 of a card beside the list of all orders / alone"
    card = Request(f"/product_unit/product_main/{shop.people.product_ids[0]}/0")
    everything = Request("/order/orders", shop.people.staff.token)

    def beside() -> Sample:
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                server.download(everything)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            return _asks(server, card, rounds)()
        finally:
            over.set()
            reader.join()

    measured, alone = rounds.compare(what, beside, _asks(server, card, rounds))
    slower = [one.p99 / other.p99 for one, other in zip(measured, alone, strict=True)]
    return Figure(what=what, values=slower, target=3, at_most=True, shop=measured, compared=alone)


def _during_a_snapshot(shop: Loaded, server: Server, few: Loaded, few_server: Server, rounds: Rounds) -> Figure:
    """The ratio of carts during a long snapshot, such as that of a dump, after many changes of the catalogue."""
    what = f"carts during a snapshot, {_CHANGES:,} changes of the catalogue later / without"
    tell(what)
    with closing(ceilings.connect(shop.url)) as connection:
        connection.execute("BEGIN" if shop.place.kind == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM orders").fetchall()
        for _ in range(_CHANGES):
            shop.store.write(lambda tx: page_index.write_next_version(cast(SqlTransaction, tx).session))
        return _ratio(what, rounds, _carts(shop, server, rounds), _carts(few, few_server, rounds))


def _carts(shop: Loaded, server: Server, rounds: Rounds) -> Measure:
    lists = [[Request(f"/order/cart/{reader.user_id}", reader.token)] for reader in shop.people.readers]
    return lambda: fire(server.port, lists, connections=_CONNECTIONS, seconds=rounds.seconds)


def _start(shop: Loaded, rounds: Rounds) -> Figure:
    """The ratio of the time from a server's start to its first response."""
    values = []
    for _ in range(rounds.number):
        began = time.monotonic()
        with shop.server() as server:
            server.ask(Request(f"/product_unit/product_main/{shop.people.product_ids[0]}/0"))
            values.append(time.monotonic() - began)
    return Figure(what="start of a server to its first answer", values=values, target=1.5, at_most=True, unit="s")
