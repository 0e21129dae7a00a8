"""The rows about checkouts: compared with their statements run by the driver alone, and with one shared promo code."""

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from benchmarks import ceilings
from benchmarks.figures import Figure, Rounds, faster
from benchmarks.load import Request, Sample, fire
from benchmarks.people import HOT, Buyer, fill_carts
from benchmarks.recording import Statement, template
from benchmarks.servers import Server
from benchmarks.shops import Loaded
from sellout_core.values import MAX_CART, UserId

FEW: Final = 16
MANY: Final = 64

_A_SECOND: Final = 300
"""An estimate of the checkouts a second."""

_WARM_UP: Final = 2


def units_needed(seconds: float) -> int:
    """The maximum number of units that a buyer buys in a measurement."""
    return _each(seconds, FEW)


@attrs.frozen
class CheckoutBench:
    """Measures checkouts."""

    shop: Loaded
    server: Server
    rounds: Rounds

    def beside_the_driver(self, statements: int) -> Figure:
        """Checkouts over HTTP, compared with their statements run by as many threads of the driver."""
        what = f"checkouts of {FEW} buyers / their statements"
        buyers = self.shop.people.buyers[:FEW]
        recorded = self._recorded()
        measured, compared = self.rounds.compare(
            what, lambda: self.over_http(buyers, {}), lambda: self._by_driver(buyers, recorded)
        )
        return Figure(
            what=what,
            values=faster(measured, compared),
            target=0.50,
            statements=statements,
            shop=measured,
            compared=compared,
        )

    def with_a_hot_code(self) -> Figure:
        """Checkouts that share one promo code, compared with checkouts that have one each."""
        what = f"checkouts of {MANY} buyers, one promo code / {MANY}"
        buyers = self.shop.people.buyers
        own = {buyer.user_id: buyer.code for buyer in buyers}
        hot = dict.fromkeys(own, HOT)
        measured, compared = self.rounds.compare(
            what, lambda: self.over_http(buyers, hot), lambda: self.over_http(buyers, own)
        )
        return Figure(what=what, values=faster(measured, compared), target=0.70, shop=measured, compared=compared)

    def warm_up(self) -> None:
        """Runs a few checkouts."""
        self.over_http(self.shop.people.buyers, {}, _WARM_UP)

    def one(self) -> Request:
        """A request for a checkout. The cart is filled for it."""
        buyer = self.shop.people.buyers[0]
        fill_carts(self.shop.store, [buyer], 1)
        return buyer.checkout(buyer.unit_ids[0], secrets.token_hex(8))

    def over_http(self, buyers: Sequence[Buyer], codes: Mapping[UserId, str], each: int = 0) -> Sample:
        """Each buyer checks out `each` units one by one, or by default as many as a measurement needs."""
        units = each or _each(self.rounds.seconds, len(buyers))
        fill_carts(self.shop.store, buyers, units)
        lists = [
            [
                buyer.checkout(unit_id, secrets.token_hex(8), codes.get(buyer.user_id, ""))
                for unit_id in buyer.unit_ids[:units]
            ]
            for buyer in buyers
        ]
        return fire(self.server.port, lists, connections=len(buyers), once=True)

    def _by_driver(self, buyers: Sequence[Buyer], recorded: Sequence[Statement]) -> Sample:
        units = _each(self.rounds.seconds, len(buyers))
        fill_carts(self.shop.store, buyers, units)
        values = [
            [self._values(buyer, unit_id, secrets.token_hex(8)) for unit_id in buyer.unit_ids[:units]]
            for buyer in buyers
        ]
        return ceilings.checkouts(self.shop.url, recorded, values)

    def _recorded(self) -> Sequence[Statement]:
        """The statements of a checkout, as a template. The two recorded buyers' ids differ by another number than their
        orders' ids.
        """
        (first, one), (second, other) = map(
            self._recorded_once, (self.shop.people.buyers[0], self.shop.people.buyers[-1])
        )
        return template(one, other, {name: (first[name], second[name]) for name in first})

    def _recorded_once(self, buyer: Buyer) -> tuple[Mapping[str, Any], Sequence[Statement]]:
        key, unit_id = secrets.token_hex(8), buyer.unit_ids[0]
        fill_carts(self.shop.store, [buyer], 1)
        document, statements = self.shop.recorder.record_once(buyer.checkout(unit_id, key))
        return {**self._values(buyer, unit_id, key), "order": json.loads(document)["id"]}, statements

    @staticmethod
    def _values(buyer: Buyer, unit_id: int, key: str) -> dict[str, Any]:
        return {
            "session": buyer.session_id,
            "user": buyer.user_id,
            "address": buyer.address_id,
            "product": buyer.product_id,
            "unit": unit_id,
            "key": key,
        }


def _each(seconds: float, buyers: int) -> int:
    return max(_WARM_UP, min(MAX_CART, round(seconds * _A_SECOND / buyers)))
