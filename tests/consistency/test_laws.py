"""The laws without a shop: a consistent history, and each way to violate a law."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.consistency.catalogue_laws import CATALOGUE_LAWS
from tests.consistency.event_laws import EVENT_LAWS
from tests.consistency.history import Answer, Belief, Code, Failure, Final, Goods, History, Purchase, Unexpected
from tests.consistency.laws import LAWS, total_of, violations
from tests.consistency.order_laws import ORDER_LAWS

BUYER, OTHER, LIMITED, PLENTY = 2, 3, 1, 2
FOREVER = float("inf")


def order(number: int, mark: str, *units: tuple[int, int], total: int, activation: int = 0) -> dict[str, Any]:
    """The members of an order's document that the laws use."""
    code = {"string_representation": "SALE", "activation_count": activation, "owner": {}}
    return {
        "id": number,
        "total_amount": total,
        "email": "mail@mail.ru",
        "tel": "79990001122",
        "name": mark,
        "surname": "Buyer",
        "fact_of_payment": False,
        "user": {"id": BUYER, "all_purchase_amount": 0},
        "address": {"id": 7, "address": "street", "post_index": ""},
        "promo_code": code if activation else None,
        "status": {"id": 1, "name": "pending"},
        "product_unit": [{"id": unit_id, "final_price": price} for unit_id, price in units],
    }


def tracked(placed: dict[str, Any]) -> dict[str, Any]:
    """The tracking document of an order that has not moved."""
    prices = [unit["final_price"] for unit in placed["product_unit"]]
    shares = [
        price - (sum(prices) - placed["total_amount"] if not number else 0) for number, price in enumerate(prices)
    ]
    line = {"state": "placed", "parcel": None, "return_requested": False, "refund": None}
    return {
        "order_id": placed["id"],
        "status": placed["status"],
        "payment": {
            "state": "due",
            "amount_due": placed["total_amount"],
            "captured": 0,
            "refunded": 0,
            "delivery_fee": 0,
            "delivery_refund": None,
        },
        "recipient": None,
        "delivery": None,
        "product_unit": [
            {**line, "id": unit["id"], "amount": share}
            for unit, share in zip(placed["product_unit"], shares, strict=True)
        ],
        "parcels": [],
    }


def purchase(mark: str, placed: dict[str, Any], **other: Any) -> Purchase:
    """A purchase that was acknowledged with this order."""
    return Purchase(
        mark=mark,
        buyer_id=BUYER,
        key=f"key of {mark}",
        unit_ids=tuple(unit["id"] for unit in placed["product_unit"]),
        code="SALE" if placed["promo_code"] else None,
        ceiling=other.get("ceiling"),
        address_id=7,
        begun=10,
        ended=11,
        answers=[Answer(201, json.dumps(placed))],
    )


def story() -> tuple[History, Final]:
    """A consistent history: two orders, one with a promo code; one unit in the cart, and one of two pieces left."""
    first = order(1, "one", (LIMITED, 7), (PLENTY, 100), total=107)
    second = order(2, "two", (PLENTY, 101), total=85, activation=1)
    past = History(seed=1)
    past.goods = {
        LIMITED: Goods(("sku-0", "42"), 2, [(7, 0, FOREVER)]),
        PLENTY: Goods(("sku-1", "42"), None, [(100, 0, 10.5), (101, 10.4, FOREVER)]),
    }
    past.codes = {"SALE": Code(15, 1, 2)}
    past.purchases = [purchase("one", first), purchase("two", second, ceiling=85)]
    past.carts = {BUYER: Belief({LIMITED}), OTHER: Belief()}
    past.faults = [("server_killed", 20, 22)]
    past.failures = [Failure(503, "GET /", 21, 21.5, "1")]
    final = Final(
        orders=[first, second],
        orders_of={BUYER: [first, second], OTHER: []},
        carts={BUYER: [LIMITED], OTHER: []},
        left={("sku-0", "42"): (1, True), ("sku-1", "42"): (None, True)},
        sold={("sku-0", "42"): 1, ("sku-1", "42"): 2},
        replays={each.mark: each.answers[0] for each in past.purchases},
        probes={"SALE": 2},
        tracking={1: tracked(first), 2: tracked(second)},
        histories={1: [], 2: []},
        ledger={
            LIMITED: {
                "stock": 1,
                "sold": 1,
                "movements": [{"change": 2, "reason": "", "user_id": None, "kind": "imported"}],
            },
            PLENTY: {"stock": None, "sold": 2, "movements": []},
        },
        facets={"brands": [], "tags": []},
        references={"brand": [], "tag": []},
        is_whole=True,
    )
    return copy.deepcopy((past, final))


def used_up(past: History, final: Final) -> None:
    past.codes["SALE"] = Code(15, 1, 0)
    final.probes["SALE"] = None


def given_back_too_early(past: History, final: Final) -> None:
    past.purchases[0].ended = 9
    final.orders[0]["promo_code"] = {**final.orders[1]["promo_code"]}


def forget(final: Final) -> None:
    final.orders.pop()
    final.orders_of[BUYER].pop()


def twice(_: History, final: Final) -> None:
    again = {**final.orders[0], "id": 3}
    final.orders.append(again)
    final.tracking[3], final.histories[3] = tracked(again), []
    final.left["sku-0", "42"] = (0, False)


def sold_out(past: History, final: Final) -> None:
    past.goods[LIMITED].stock = 1
    final.left["sku-0", "42"] = (0, True)


def unknown(past: History, _: Final) -> None:
    past.purchases[0].key = None
    past.purchases[0].answers = []
    past.purchases[0].unknown = 1


MISTAKES: dict[str, tuple[str, Callable[[History, Final], Any]]] = {
    "a lost order": ("acknowledged_orders_are_there_unchanged", lambda _, final: forget(final)),
    "a changed order": (
        "acknowledged_orders_are_there_unchanged",
        lambda _, final: final.orders[0].update(address={"id": 7, "address": "elsewhere", "post_index": ""}),
    ),
    "a delivery without a request": (
        "deliveries_are_what_was_asked",
        lambda _, final: final.tracking[1].update(delivery={"kind": "courier"}),
    ),
    "another answer to the key": (
        "acknowledged_orders_are_there_unchanged",
        lambda _, final: final.replays.update(one=Answer(409, "not_in_cart")),
    ),
    "two orders": ("a_purchase_is_one_order", twice),
    "two answers": (
        "a_purchase_is_one_order",
        lambda past, _: past.purchases[0].answers.append(Answer(201, past.purchases[1].answers[0].text)),
    ),
    "a conflict instead of the answer": (
        "a_purchase_is_one_order",
        lambda past, _: past.purchases[0].answers.append(Answer(409, "not_in_cart")),
    ),
    "an order without a request": ("orders_are_what_was_asked", lambda past, _: past.purchases.pop()),
    "a refused order": (
        "orders_are_what_was_asked",
        lambda past, _: setattr(past.purchases[0], "answers", [Answer(409, "")]),
    ),
    "other lines": ("orders_are_what_was_asked", lambda past, _: setattr(past.purchases[0], "unit_ids", (PLENTY,))),
    "no lines": ("orders_are_what_was_asked", lambda _, final: final.orders[0].update(product_unit=[])),
    "another address": ("orders_are_what_was_asked", lambda past, _: setattr(past.purchases[0], "address_id", 8)),
    "an order in another's list": (
        "orders_are_what_was_asked",
        lambda _, final: final.orders_of[OTHER].append(final.orders[0]),
    ),
    "a total rounded down": ("totals_are_right", lambda _, final: final.orders[1].update(total_amount=84)),
    "more than agreed": ("totals_are_right", lambda past, _: setattr(past.purchases[1], "ceiling", 84)),
    "a price of before": ("prices_were_current", lambda past, _: setattr(past.purchases[0], "begun", 10.6)),
    "a price of later": ("prices_were_current", lambda past, _: setattr(past.purchases[1], "ended", 10.3)),
    "nothing taken": ("stock_adds_up", lambda _, final: final.left.update({("sku-0", "42"): (2, True)})),
    "too much taken": ("stock_adds_up", lambda _, final: final.left.update({("sku-0", "42"): (0, False)})),
    "a sale not counted": ("stock_adds_up", lambda _, final: final.sold.update({("sku-0", "42"): 0})),
    "sold out and available": (
        "stock_adds_up",
        sold_out,
    ),
    "an activation too many": ("promo_codes_are_counted", lambda _, final: final.probes.update(SALE=3)),
    "an activation lost": ("promo_codes_are_counted", lambda _, final: final.probes.update(SALE=1)),
    "an activation before its time": (
        "promo_codes_are_counted",
        lambda _, final: final.orders[1]["promo_code"].update(activation_count=2),
    ),
    "an activation that ignores a live order": ("promo_codes_are_counted", given_back_too_early),
    "an overrun": ("promo_codes_are_counted", used_up),
    "a full cart": ("carts_are_intact_or_ordered", lambda _, final: final.carts[BUYER].append(PLENTY)),
    "an empty cart": ("carts_are_intact_or_ordered", lambda _, final: final.carts[BUYER].clear()),
    "ordered and kept": ("carts_are_intact_or_ordered", unknown),
    "an insight": (
        "other_users_objects_are_refused",
        lambda past, _: past.unexpected.append(Unexpected("isolation", "an order of another")),
    ),
    "nonsense": ("answers_make_sense", lambda past, _: past.unexpected.append(Unexpected("answers", "418"))),
    "a 500 while something is broken": (
        "failures_have_a_cause",
        lambda past, _: past.failures.append(Failure(500, "GET /", 21, 21.5, None)),
    ),
    "a 503 at rest": (
        "failures_have_a_cause",
        lambda past, _: past.failures.append(Failure(503, "GET /", 12, 13, "1")),
    ),
    "a 503 without Retry-After": (
        "failures_have_a_cause",
        lambda past, _: past.failures.append(Failure(503, "GET /", 21, 21.5, None)),
    ),
}


def test_a_story_that_adds_up_breaks_no_law() -> None:
    assert violations(*story()) == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_breaks_its_law(mistake: str) -> None:
    law, make = MISTAKES[mistake]
    past, final = story()
    make(past, final)
    assert law in {violation.law for violation in violations(past, final)}


def test_every_law_can_be_broken() -> None:
    others = {law.__name__ for law in (*ORDER_LAWS, *CATALOGUE_LAWS, *EVENT_LAWS)}
    assert {law for law, _ in MISTAKES.values()} == {law.__name__ for law in LAWS} - others


def test_an_order_with_a_lost_response_may_exist_or_not() -> None:
    past, final = story()
    past.carts[BUYER] = Belief(set(), {LIMITED, PLENTY})
    unknown(past, final)
    final.carts[BUYER] = []
    assert violations(past, final) == []
    final.orders, final.orders_of[BUYER] = final.orders[1:], final.orders[1:]
    del final.tracking[1], final.histories[1]
    final.ledger[LIMITED].update(stock=2, sold=0)
    final.carts[BUYER] = [LIMITED, PLENTY]
    final.left["sku-0", "42"] = (2, True)
    final.sold.update({("sku-0", "42"): 0, ("sku-1", "42"): 1})
    assert violations(past, final) == []


@pytest.mark.parametrize(
    ("prices", "code", "total"),
    [
        ([7, 100], None, 107),
        ([107], Code(15, 0, 1), 91),
        ([1], Code(50, 0, 1), 1),
        ([3], Code(50, 0, 1), 2),
        ([10], Code(0, 11, 1), 0),
        ([50], Code(1, 0, 1), 50),
        ([100], Code(100, 5, 1), 0),
    ],
)
def test_totals_round_half_up_and_stop_at_nothing(prices: list[int], code: Code | None, total: int) -> None:
    assert total_of(prices, code) == total
