"""What a run knows: what was sold at which price, what the buyers did and were told, and what was there in the end."""

from collections.abc import Sequence
from typing import Any

import attrs

GRACE = 1.5
"""Seconds after a fault within which it still shows: requests that began before are answered late."""


@attrs.frozen
class Answer:
    """A definite answer."""

    status: int
    text: str


@attrs.define(kw_only=True)
class Purchase:
    """A checkout that a buyer wanted, sent as often as it took. `mark` stands in the order as the buyer's first name:
    an order tells which purchase it comes from.
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
        """The orders that it was answered with."""
        return [answer.text for answer in self.answers if answer.status == 201]


@attrs.define
class Belief:
    """What a buyer knows to be in their cart, and what may be there or not.

    `belated` are units that a request was about whose connection broke: it may be carried out yet, even after what the
    buyer asked next, for it has no key that would tell a server to leave it alone.
    """

    certain: set[int] = attrs.field(factory=set)
    uncertain: set[int] = attrs.field(factory=set)
    belated: set[int] = attrs.field(factory=set)

    def allows(self, there: set[int]) -> bool:
        """Whether a cart that holds those units is as believed."""
        return self.certain - self.belated <= there <= self.certain | self.uncertain | self.belated


@attrs.define
class Goods:
    """A product unit on sale. `stock` is the number of pieces ever received. A price holds from the first time until
    the second, give or take what it took to change it.
    """

    name: tuple[str, str]
    stock: int | None
    prices: list[tuple[int, float, float]]


@attrs.frozen
class Code:
    """A promo code's terms."""

    percent: int
    absolute: int
    maximum: int


@attrs.frozen
class Failure:
    """An answer of the 500s, to a request that took from `begun` to `ended`."""

    status: int
    what: str
    begun: float
    ended: float
    retry_after: str | None


@attrs.frozen
class Unexpected:
    """What a buyer was answered that they should not have been."""

    law: str
    what: str


@attrs.define
class History:
    """Everything that happened."""

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
        """Whether something was being broken in that time."""
        return any(begun <= end + GRACE and begin <= ended for _, begin, end in self.faults)


@attrs.define
class Final:
    """What is there after the last crash. `sold` is the number of pieces that the shop counted as sold. `probes` are
    the activations that one more order with each promo code showed; None: it was refused as used up.
    """

    orders: list[dict[str, Any]] = attrs.field(factory=list)
    orders_of: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    carts: dict[int, list[int]] = attrs.field(factory=dict)
    left: dict[tuple[str, str], tuple[int | None, bool]] = attrs.field(factory=dict)
    sold: dict[tuple[str, str], int] = attrs.field(factory=dict)
    replays: dict[str, Answer] = attrs.field(factory=dict)
    probes: dict[str, int | None] = attrs.field(factory=dict)
