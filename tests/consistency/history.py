"""The record of a run: prices and stock, requests and responses, and the final state of the shop."""

from collections import Counter
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
    delivery: dict[str, Any] | None = None
    recipient: dict[str, Any] | None = None
    begun: float
    ended: float = float("inf")
    answers: list[Answer] = attrs.field(factory=list)
    unknown: int = 0

    @property
    def acknowledged(self) -> Sequence[str]:
        """The orders in the responses."""
        return [answer.text for answer in self.answers if answer.status == 201]


@attrs.define(kw_only=True)
class Deed:
    """A command about an order, the stock of a unit or a new row: a POST that takes an idempotency key.

    Attributes:
        kind: What the command does, as the last part of its path.
        mark: A text that the shop stores with the change, and that no other command has.
        actor_id: The user who sent it.
        object_id: The order or the unit. 0: there is none yet.
        path: The path.
        body: The body.
        key: The idempotency key. None: it is sent once without one.
        lost: Whether an attempt had no response below 500. The shop may have carried it out.
        answer: The response. None: there was none.
        moved: Whether the order was moved, for one of several orders of one request.
    """

    kind: str
    mark: str
    actor_id: int
    object_id: int
    path: str
    body: dict[str, Any]
    key: str | None
    begun: float = 0
    ended: float = float("inf")
    lost: bool = False
    answer: Answer | None = None
    moved: bool | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the shop said that it has carried out the command."""
        if self.moved is not None:
            return self.moved
        return self.answer is not None and self.answer.status < 300

    @property
    def possible(self) -> bool:
        """Whether the shop may have carried out the command without saying so."""
        return not self.acknowledged and (self.lost or self.answer is None)


@attrs.define(kw_only=True)
class Edit:
    """A change of an object of the catalogue by staff, or a merge, which both have an audit entry.

    Attributes:
        kind: The kind of the object in the audit.
        object_id: Its id.
        actor_id: The user who sent the change.
        based_on: The `ETag` that the change is based on. Empty: it is a merge.
        field: A field that the change sets to a value that no other change of the object sets.
        before: The value of the field in the document that the change is based on.
        after: The value that the change sets.
        lost: Whether an attempt had no response below 500. The shop may have carried it out.
        status: The status of the response. None: there was none.
    """

    kind: str
    object_id: int
    actor_id: int
    based_on: str
    field: str
    before: Any
    after: Any
    lost: bool = True
    status: int | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether the shop said that it has made the change."""
        return self.status == 200

    @property
    def possible(self) -> bool:
        """Whether the shop may have made the change without saying so."""
        return not self.acknowledged and self.lost


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


class Priced:
    """Something with a price. A price is valid from the first to the second time, and each change takes some time."""

    prices: list[tuple[int, float, float]]

    def during(self, begun: float, ended: float) -> set[int]:
        """The prices that may have been valid in this time."""
        return {price for price, since, until in self.prices if since <= ended and until >= begun}

    def offer(self, price: int, since: float) -> None:
        """Adds a price that may be valid from now on."""
        self.prices.append((price, since, float("inf")))

    def withdraw(self, price: int) -> None:
        """Removes a price that was never valid."""
        self.prices = [each for each in self.prices if each[0] != price]

    def end(self, price: int, until: float) -> None:
        """Notes that another price has replaced this one."""
        self.prices = [(each, since, until if each == price else end) for each, since, end in self.prices]


@attrs.define
class Goods(Priced):
    """A product unit on sale. `stock` is the number of all pieces ever received, but for those that staff enter.

    Staff change the products, the prices and the stock of some goods, and imports those of the others.
    """

    name: tuple[str, str]
    stock: int | None
    prices: list[tuple[int, float, float]]
    by_staff: bool = False


@attrs.define
class Tariff(Priced):
    """The carrier's price of a kind of delivery, which staff change."""

    kind: str
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


@attrs.frozen
class Arrival:
    """A request to a receiver of webhooks.

    Attributes:
        receiver: The name of the receiver.
        body: The event.
        is_signed: Whether its signature is right.
        accepted: Whether the receiver accepted it.
    """

    receiver: str
    body: dict[str, Any]
    is_signed: bool
    accepted: bool


@attrs.define
class History:
    """The requests, responses and faults of a run.

    `placed` has the ids of the acknowledged orders. `tariffs` are the delivery tariffs by their ids in the audit.
    `expiries` has the time of each round of `sellout work`, and the lifetime of unpaid orders in it. `staff` are the
    ids of the staff who work during the run.
    """

    seed: int
    goods: dict[int, Goods] = attrs.field(factory=dict)
    codes: dict[str, Code] = attrs.field(factory=dict)
    tariffs: dict[int, Tariff] = attrs.field(factory=dict)
    purchases: list[Purchase] = attrs.field(factory=list)
    carts: dict[int, Belief] = attrs.field(factory=dict)
    placed: list[int] = attrs.field(factory=list)
    deeds: list[Deed] = attrs.field(factory=list)
    edits: list[Edit] = attrs.field(factory=list)
    expiries: list[tuple[float, int]] = attrs.field(factory=list)
    staff: set[int] = attrs.field(factory=set)
    failures: list[Failure] = attrs.field(factory=list)
    unexpected: list[Unexpected] = attrs.field(factory=list)
    faults: list[tuple[str, float, float]] = attrs.field(factory=list)
    requests: int = 0
    broken: int = 0
    numbers: int = 0

    def number(self) -> int:
        """A number that no other call returns."""
        self.numbers += 1
        return self.numbers

    def counts(self) -> dict[str, int]:
        """How many commands and changes there were of each kind, carried out and in all."""
        done: Counter[str] = Counter()
        for deed in self.deeds:
            if deed.kind != "moves" or deed.object_id:
                name = f"{deed.kind} to {deed.body['to']}" if "to" in deed.body else deed.kind
                done[f"{name}: carried out"] += deed.acknowledged
                done[f"{name}: sent"] += 1
        for edit in self.edits:
            name = f"{'change of' if edit.based_on else 'merge of'} {edit.kind}"
            done[f"{name}: carried out"] += edit.acknowledged
            done[f"{name}: sent"] += 1
        return dict(sorted(done.items()))

    def in_fault(self, begun: float, ended: float) -> bool:
        """Whether a fault was present in this time."""
        return any(begun <= end + GRACE and begin <= ended for _, begin, end in self.faults)


@attrs.define
class Final:
    """The state of the shop after the last crash. `sold` is the number of sold pieces that the shop has counted.
    `probes` is, for each promo code, the activation count of one further order, or None if the code was used up.

    `tracking` and `histories` are by order, `ledger` (the stock and its movements) and `units` by product unit,
    `references` by the noun of the table, and `repeats` are the responses to acknowledged commands that were sent once
    more, by their marks. `is_whole` states whether the whole state could be read.

    `arrivals` are the requests to the receivers of webhooks until all events had arrived, and `later_arrivals` the
    number of those after that. None: the run has no receivers.
    """

    orders: list[dict[str, Any]] = attrs.field(factory=list)
    orders_of: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    carts: dict[int, list[int]] = attrs.field(factory=dict)
    left: dict[tuple[str, str], tuple[int | None, bool]] = attrs.field(factory=dict)
    sold: dict[tuple[str, str], int] = attrs.field(factory=dict)
    replays: dict[str, Answer] = attrs.field(factory=dict)
    probes: dict[str, int | None] = attrs.field(factory=dict)
    tracking: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    histories: dict[int, list[dict[str, Any]]] = attrs.field(factory=dict)
    ledger: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    audit: list[dict[str, Any]] = attrs.field(factory=list)
    products: list[dict[str, Any]] = attrs.field(factory=list)
    units: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    promo_codes: list[dict[str, Any]] = attrs.field(factory=list)
    references: dict[str, list[dict[str, Any]]] = attrs.field(factory=dict)
    facets: dict[str, list[dict[str, Any]]] = attrs.field(factory=dict)
    tariffs: dict[str, Any] = attrs.field(factory=dict)
    repeats: dict[str, Answer] = attrs.field(factory=dict)
    arrivals: list[Arrival] | None = None
    later_arrivals: int = 0
    is_whole: bool = False

    def sold_and_left(self, units: dict[tuple[str, str], tuple[int | None, bool, int]]) -> None:
        """Sets the stock, the availability and the number of sold pieces of each unit."""
        self.left = {name: (left, available) for name, (left, available, _) in units.items()}
        self.sold = {name: sold for name, (_, _, sold) in units.items()}
