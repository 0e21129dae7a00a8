"""The record of a run: prices and stock, requests and responses, and the final state of the shop."""

from collections.abc import Sequence
from typing import Any

import attrs

GRACE = 1.5
"""The seconds after a fault in which it may still have effects: earlier requests get late responses."""


@attrs.frozen
class Answer:
    """A response below 500."""

    status: int
    text: str


@attrs.define(kw_only=True)
class Purchase:
    """A checkout, with all responses to it. `mark` is the first name in the order, so each order can be matched with
    its purchase.
    """

    mark: str
    buyer_id: int
    key: str | None
    unit_ids: tuple[int, ...]
    code: str | None
    ceiling: int | None
    address_id: int
    begun: float
    ended: float = float("inf")
    answers: list[Answer] = attrs.field(factory=list)
    unknown: int = 0

    @property
    def acknowledged(self) -> Sequence[str]:
        """The orders in the responses."""
        return [answer.text for answer in self.answers if answer.status == 201]


@attrs.define
class Belief:
    """The units that a buyer knows to be in the cart, and units that may be in it.

    `belated` are units of a request whose connection broke. The server may still execute that request after later ones
    of the buyer, because it has no key.
    """

    certain: set[int] = attrs.field(factory=set)
    uncertain: set[int] = attrs.field(factory=set)
    belated: set[int] = attrs.field(factory=set)

    def allows(self, there: set[int]) -> bool:
        """Whether the cart may hold exactly these units."""
        return self.certain - self.belated <= there <= self.certain | self.uncertain | self.belated


@attrs.define
class Goods:
    """A product unit on sale. `stock` is the number of all pieces ever received. A price is valid from the first to the
    second time, and each change takes some time.
    """

    name: tuple[str, str]
    stock: int | None
    prices: list[tuple[int, float, float]]


@attrs.frozen
class Code:
    """The terms of a promo code."""

    percent: int
    absolute: int
    maximum: int


@attrs.frozen
class Failure:
    """A response of 500 or above to a request that took from `begun` to `ended`."""

    status: int
    what: str
    begun: float
    ended: float
    retry_after: str | None


@attrs.frozen
class Unexpected:
    """An unexpected response."""

    law: str
    what: str


@attrs.define
class History:
    """The requests, responses and faults of a run."""

    seed: int
    goods: dict[int, Goods] = attrs.field(factory=dict)
    codes: dict[str, Code] = attrs.field(factory=dict)
    purchases: list[Purchase] = attrs.field(factory=list)
    carts: dict[int, Belief] = attrs.field(factory=dict)
    failures: list[Failure] = attrs.field(factory=list)
    unexpected: list[Unexpected] = attrs.field(factory=list)
    faults: list[tuple[str, float, float]] = attrs.field(factory=list)
    requests: int = 0
    broken: int = 0

    def in_fault(self, begun: float, ended: float) -> bool:
        """Whether a fault was present in this time."""
        return any(begun <= end + GRACE and begin <= ended for _, begin, end in self.faults)


@attrs.define
class Final:
    """The state of the shop after the last crash. `sold` is the number of sold pieces that the shop has counted.
    `probes` is, for each promo code, the activation count of one further order, or None if the code was used up.
    """

    orders: list[dict[str, Any]] = attrs.field(factory=list)
    orders_of: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    carts: dict[int, list[int]] = attrs.field(factory=dict)
    left: dict[tuple[str, str], tuple[int | None, bool]] = attrs.field(factory=dict)
    sold: dict[tuple[str, str], int] = attrs.field(factory=dict)
    replays: dict[str, Answer] = attrs.field(factory=dict)
    probes: dict[str, int | None] = attrs.field(factory=dict)
