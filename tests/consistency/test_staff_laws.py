"""The laws of staff's changes without a shop: a consistent history, and each way to violate a law."""

import copy
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.consistency.catalogue_laws import CATALOGUE_LAWS
from tests.consistency.history import Answer, Code, Deed, Edit, Final, Goods, History, Purchase, Tariff
from tests.consistency.laws import violations
from tests.consistency.order_laws import ORDER_LAWS

BUYER, STAFF, UNIT, ORDER = 2, 9, 1, 1
FOREVER = float("inf")
DELIVERY = {"kind": "pick_up_point", "pick_up_point": "MSK-5"}
RECIPIENT = {"name": "one", "surname": "of anna", "telephone": "79990001133"}


def entry(number: int, event: str, source: str | None, target: str, **other: Any) -> dict[str, Any]:
    """An entry of the history of the order."""
    plain = {"id": number, "user_id": STAFF, "product_unit": None, "amount": None, "note": ""}
    return {**plain, "event": event, "source": source, "target": target, **other}


def deed(kind: str, mark: str, object_id: int, **body: Any) -> Deed:
    """An acknowledged command of staff."""
    return Deed(
        kind=kind,
        mark=mark,
        actor_id=STAFF,
        object_id=object_id,
        path=f"/{kind}",
        body=body,
        key=f"key of {mark}",
        answer=Answer(200, mark),
    )


def edit(kind: str, object_id: int, field: str, before: Any, after: Any, based_on: str) -> Edit:
    """An acknowledged change by staff."""
    return Edit(
        kind=kind,
        object_id=object_id,
        actor_id=STAFF,
        based_on=based_on,
        field=field,
        before=before,
        after=after,
        lost=False,
        status=200,
    )


def audited(number: int, change: Edit) -> dict[str, Any]:
    """The audit entry of a change."""
    return {
        "id": number,
        "user_id": STAFF,
        "action": "update" if change.based_on else "merge",
        "kind": change.kind,
        "object_id": change.object_id,
        "changes": [{"field": change.field, "before": change.before, "after": change.after}],
    }


def story() -> tuple[History, Final]:
    """A consistent history: an order of two units with a promo code and a delivery, paid, of which one unit was handed
    over and the other one was cancelled and refunded; and a unit that staff have received, counted and given two
    prices.
    """
    units = [{"id": 1, "final_price": 10}, {"id": 2, "final_price": 6}]
    order = {
        "id": ORDER,
        "total_amount": 58,
        "email": "",
        "tel": "",
        "name": "one",
        "surname": "",
        "fact_of_payment": True,
        "user": {"id": BUYER, "all_purchase_amount": 55},
        "address": {"id": 7},
        "promo_code": {"string_representation": "HALF", "activation_count": 1, "owner": {}},
        "status": {"id": 8, "name": "handed_over"},
        "product_unit": units,
    }
    line = {"parcel": None, "return_requested": False, "refund": None}
    tracking = {
        "order_id": ORDER,
        "status": order["status"],
        "payment": {
            "state": "captured",
            "amount_due": 0,
            "captured": 58,
            "refunded": 3,
            "delivery_fee": 50,
            "delivery_refund": None,
        },
        "recipient": {**RECIPIENT, "comment": ""},
        "delivery": {**DELIVERY, "address": None, "one_parcel": False},
        "product_unit": [
            {**line, "id": 1, "amount": 5, "state": "handed_over", "parcel": 1},
            {**line, "id": 2, "amount": 3, "state": "cancelled", "refund": {"amount": 3, "state": "done"}},
        ],
        "parcels": [{"number": 1, "carrier": "Carrier", "tracking_number": "sent"}],
    }
    states = ["placed", "confirmed", "purchased", "in_transit_hub", "in_transit_moscow", "arrived", "handed_over"]
    steps = list(pairwise(states))
    history = [entry(1, "payment_moved", "due", "captured", amount=58)]
    history += [
        entry(number, "line_moved", *step, product_unit=1, note=f"step {number}")
        for number, step in enumerate(steps, start=2)
    ]
    history[-1]["note"] = "Carrier sent"
    history += [
        entry(20, "line_moved", "placed", "cancelled", product_unit=2, note="not to be had"),
        entry(21, "refund_moved", None, "due", product_unit=2, amount=3),
        entry(22, "refund_moved", "due", "done", product_unit=2, amount=3, note="paid back"),
    ]
    past = History(seed=1, staff={STAFF}, expiries=[(20, 1)])
    past.goods = {
        1: Goods(("sku-0", "42"), 4, [(10, 0, FOREVER)], by_staff=True),
        2: Goods(("sku-1", "42"), None, [(6, 0, FOREVER)]),
    }
    past.codes = {"HALF": Code(50, 0, 2)}
    past.tariffs = {1: Tariff("pick_up_point", [(33, 0, 20), (51, 19, FOREVER)])}
    past.purchases = [
        Purchase(
            mark="one",
            buyer_id=BUYER,
            key="key of one",
            unit_ids=(1, 2),
            code="HALF",
            ceiling=None,
            address_id=7,
            delivery=DELIVERY,
            recipient=RECIPIENT,
            begun=10,
            ended=11,
            answers=[Answer(201, json.dumps(order))],
        )
    ]
    past.deeds = [
        deed("payment", "payment", ORDER, captured=58),
        *(deed("move", f"step {number}", ORDER, to=step[1]) for number, step in enumerate(steps[:-1], start=2)),
        deed("moves", "sent", ORDER, to="handed_over", product_unit=[1]),
        deed("cancel", "not to be had", ORDER, product_unit=[2]),
        deed("refund", "paid back", ORDER, to="done", product_unit=[2]),
        deed("received", "a delivery", UNIT, received=3),
        deed("counted", "a count", UNIT, counted=5),
        deed("brand", "New", 0, name="New"),
    ]
    past.edits = [
        edit("product_unit", UNIT, "price", 10, 11, "first"),
        edit("product_unit", UNIT, "price", 11, 12, "second"),
        edit("product", 1, "rel_num", 0, 5, "first"),
        edit("promo_code", 1, "active_until", "2099-12-31", "2999-12-31", "first"),
        edit("delivery_tariff", 1, "price", 33, 51, "first"),
        edit("brand", 3, "into_id", None, 4, ""),
    ]
    past.deeds[-2].answer = Answer(201, json.dumps({"stock": 5, "sold": 1}))
    added = {"id": 1, "user_id": STAFF, "action": "create", "kind": "brand", "object_id": 4}
    movement = {"user_id": STAFF, "reason": ""}
    final = Final(
        orders=[order],
        orders_of={BUYER: [order]},
        left={("sku-0", "42"): (5, True), ("sku-1", "42"): (None, True)},
        sold={("sku-0", "42"): 1, ("sku-1", "42"): 0},
        replays={"one": Answer(201, json.dumps(order))},
        probes={"HALF": 2},
        tracking={ORDER: tracking},
        histories={ORDER: history},
        ledger={
            1: {
                "stock": 5,
                "sold": 1,
                "movements": [
                    {**movement, "kind": "counted", "change": -1, "reason": "a count"},
                    {**movement, "kind": "received", "change": 3, "reason": "a delivery"},
                    {**movement, "kind": "imported", "change": 4, "user_id": None},
                ],
            },
            2: {"stock": None, "sold": 0, "movements": []},
        },
        audit=[
            {**added, "changes": [{"field": "name", "before": None, "after": "New"}]},
            *(audited(number, each) for number, each in enumerate(past.edits, start=2)),
        ],
        products=[
            {"id": 1, "rel_num": 5, "available_flag": True, "brands": [{"id": 4}], "tags": [{"id": 6}]},
            {"id": 2, "rel_num": 0, "available_flag": True, "brands": [], "tags": []},
        ],
        tariffs={"pick_up_point": {"price": 51}},
        units={1: {"final_price": 12}, 2: {"final_price": 6}},
        promo_codes=[
            {"id": 1, "string_representation": "HALF", "activation_count": 1, "active_until_date": "2999-12-31"}
        ],
        references={"brand": [{"id": 4}], "tag": [{"id": 6}]},
        facets={"brands": [{"id": 4, "count": 1}], "tags": [{"id": 6, "count": 1}]},
        repeats={"a delivery": Answer(200, "a delivery")},
        is_whole=True,
    )
    return copy.deepcopy((past, final))


def unit(final: Final, number: int) -> dict[str, Any]:
    """A line of the order, from 0."""
    line: dict[str, Any] = final.tracking[ORDER]["product_unit"][number]
    return line


def refuse(past: History, mark: str) -> None:
    for each in past.deeds:
        if each.mark == mark:
            each.answer = Answer(409, "")


def forget(past: History, mark: str) -> None:
    past.deeds = [each for each in past.deeds if each.mark != mark]


def unpaid(past: History, final: Final) -> None:
    final.tracking[ORDER]["payment"]["state"] = "due"
    past.expiries = [(20, 1)]


MISTAKES: dict[str, tuple[str, Callable[[History, Final], Any]]] = {
    "a lost share": ("shares_add_up", lambda _, final: unit(final, 0).update(amount=4)),
    "a share above the price": (
        "shares_add_up",
        lambda _, final: final.orders[0]["product_unit"][0].update(final_price=4),
    ),
    "a fee that is not in the total": (
        "shares_add_up",
        lambda _, final: final.tracking[ORDER]["payment"].update(delivery_fee=100),
    ),
    "a fee of a later tariff": (
        "deliveries_are_what_was_asked",
        lambda _, final: final.tracking[ORDER]["payment"].update(delivery_fee=100),
    ),
    "a fee without a delivery": (
        "deliveries_are_what_was_asked",
        lambda past, _: setattr(past.purchases[0], "delivery", None),
    ),
    "another pick-up point": (
        "deliveries_are_what_was_asked",
        lambda _, final: final.tracking[ORDER]["delivery"].update(pick_up_point="MSK-6"),
    ),
    "a lost recipient": (
        "deliveries_are_what_was_asked",
        lambda _, final: final.tracking[ORDER].update(recipient=None),
    ),
    "a lost tariff": (
        "the_audit_gives_the_present",
        lambda _, final: final.tariffs["pick_up_point"].update(price=33),
    ),
    "a refund of a delivery that took place": (
        "payments_cover_what_is_left",
        lambda _, final: final.tracking[ORDER]["payment"].update(delivery_refund={"amount": 50, "state": "due"}),
    ),
    "too much refunded": (
        "payments_cover_what_is_left",
        lambda _, final: final.tracking[ORDER]["payment"].update(refunded=9),
    ),
    "too much captured": (
        "payments_cover_what_is_left",
        lambda _, final: final.tracking[ORDER]["payment"].update(captured=9),
    ),
    "a refund above its line": (
        "payments_cover_what_is_left",
        lambda _, final: unit(final, 1).update(refund={"amount": 4, "state": "done"}),
    ),
    "a refund of a live line": (
        "payments_cover_what_is_left",
        lambda _, final: unit(final, 0).update(refund={"amount": 3, "state": "done"}),
    ),
    "confirmed and not paid": (
        "payments_cover_what_is_left",
        lambda _, final: final.tracking[ORDER]["payment"].update(captured=7, amount_due=1),
    ),
    "another amount due": (
        "payments_cover_what_is_left",
        lambda _, final: final.tracking[ORDER]["payment"].update(amount_due=1),
    ),
    "refunded twice": (
        "buyers_paid_what_was_captured",
        lambda _, final: final.orders[0]["user"].update(all_purchase_amount=2),
    ),
    "a state without a move": ("histories_give_the_present", lambda _, final: unit(final, 0).update(state="delivered")),
    "a refund without a move": (
        "histories_give_the_present",
        lambda _, final: unit(final, 1)["refund"].update(state="sent"),
    ),
    "another parcel": (
        "histories_give_the_present",
        lambda _, final: final.tracking[ORDER]["parcels"][0].update(tracking_number="another"),
    ),
    "a gap": ("histories_give_the_present", lambda _, final: final.histories[ORDER].pop(3)),
    "a move that is in no table": (
        "histories_give_the_present",
        lambda _, final: final.histories[ORDER].append(
            entry(30, "line_moved", "handed_over", "placed", product_unit=1)
        ),
    ),
    "another status": ("histories_give_the_present", lambda _, final: final.orders[0].update(status={"id": 7})),
    "an acknowledged move that is lost": (
        "commands_are_recorded_once",
        lambda _, final: final.histories[ORDER].pop(2),
    ),
    "an acknowledged payment that is lost": (
        "commands_are_recorded_once",
        lambda _, final: final.histories[ORDER].pop(0),
    ),
    "a move twice": (
        "commands_are_recorded_once",
        lambda _, final: final.histories[ORDER].append(final.histories[ORDER][2]),
    ),
    "a refused move": ("commands_are_recorded_once", lambda past, _: refuse(past, "not to be had")),
    "a refused payment": ("commands_are_recorded_once", lambda past, _: refuse(past, "payment")),
    "a move without a command": ("commands_are_recorded_once", lambda past, _: forget(past, "step 4")),
    "a move by another": (
        "commands_are_recorded_once",
        lambda _, final: final.histories[ORDER][2].update(user_id=BUYER),
    ),
    "a half of a move": (
        "commands_are_recorded_once",
        lambda past, _: past.deeds[-5].body.update(product_unit=[1, 2]),
    ),
    "another response to a repeated command": (
        "repeated_commands_change_nothing",
        lambda _, final: final.repeats.update({"a delivery": Answer(409, "")}),
    ),
    "an unpaid order": ("unpaid_orders_expire", unpaid),
    "sold pieces that are not counted": (
        "stock_ledgers_add_up",
        lambda _, final: final.ledger[1]["movements"][0].update(change=-2),
    ),
    "a count with another number": (
        "stock_ledgers_add_up",
        lambda past, _: setattr(past.deeds[-2], "answer", Answer(201, '{"stock": 4, "sold": 1}')),
    ),
    "a delivery twice": (
        "stock_ledgers_add_up",
        lambda _, final: final.ledger[1]["movements"].append(final.ledger[1]["movements"][1]),
    ),
    "another delivery": ("stock_ledgers_add_up", lambda past, _: past.deeds[-3].body.update(received=4)),
    "a delivery that is lost": ("stock_ledgers_add_up", lambda _, final: final.ledger[1]["movements"].pop(1)),
    "a refused delivery": ("stock_ledgers_add_up", lambda past, _: refuse(past, "a delivery")),
    "pieces without an entry of staff": ("stock_ledgers_add_up", lambda past, _: forget(past, "a count")),
    "a change that is not audited": ("changes_are_audited_once", lambda _, final: final.audit.pop(3)),
    "a row that is not audited": ("changes_are_audited_once", lambda _, final: final.audit.pop(0)),
    "an entry of a refused change": ("changes_are_audited_once", lambda past, _: setattr(past.edits[2], "status", 412)),
    "an entry without a change": ("changes_are_audited_once", lambda past, _: past.edits.pop()),
    "a change audited twice": ("changes_are_audited_once", lambda _, final: final.audit.append(final.audit[3])),
    "an entry of an absent change": (
        "the_audit_gives_the_present",
        lambda _, final: final.units[1].update(final_price=11),
    ),
    "entries that do not meet": (
        "the_audit_gives_the_present",
        lambda _, final: final.audit[2]["changes"][0].update(before=10),
    ),
    "two changes of one version": ("updates_are_not_lost", lambda past, _: setattr(past.edits[1], "based_on", "first")),
    "a change of an unread value": ("updates_are_not_lost", lambda past, _: setattr(past.edits[1], "before", 10)),
    "a merged row in the table": ("merged_rows_are_gone", lambda _, final: final.references["brand"].append({"id": 3})),
    "a merged row in a product": (
        "merged_rows_are_gone",
        lambda _, final: final.products[0].update(brands=[{"id": 3}]),
    ),
    "a reference lost in a merge": ("merged_rows_are_gone", lambda _, final: final.products[0].update(tags=[])),
    "a merged row in the facets": (
        "merged_rows_are_gone",
        lambda _, final: final.facets["brands"].append({"id": 3, "count": 1}),
    ),
    "an activation not given back": (
        "promo_codes_are_counted",
        lambda _, final: final.promo_codes[0].update(activation_count=2),
    ),
    "an activation given back twice": (
        "promo_codes_are_counted",
        lambda _, final: final.promo_codes[0].update(activation_count=0),
    ),
    "a piece given back twice": ("stock_adds_up", lambda _, final: final.sold.update({("sku-0", "42"): 0})),
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
    assert {law for law, _ in MISTAKES.values()} >= {law.__name__ for law in (*ORDER_LAWS, *CATALOGUE_LAWS)}


@pytest.mark.parametrize("mark", ["payment", "not to be had", "paid back", "a delivery", "step 3"])
def test_a_command_with_a_lost_response_may_be_carried_out(mark: str) -> None:
    past, final = story()
    final.repeats.clear()
    for each in past.deeds:
        if each.mark == mark:
            each.answer, each.lost = None, True
    assert violations(past, final) == []


def test_a_change_with_a_lost_response_may_be_made_or_not() -> None:
    past, final = story()
    past.edits[1].status, past.edits[1].lost = 412, True
    assert violations(past, final) == []
    del final.audit[2]
    final.units[1]["final_price"] = 11
    assert violations(past, final) == []


def test_a_second_request_to_return_a_unit_is_not_recorded() -> None:
    past, final = story()
    past.deeds += [deed("return", "first", ORDER, product_unit=[1]), deed("return", "second", ORDER, product_unit=[1])]
    final.histories[ORDER] += [
        entry(40, "line_moved", "handed_over", "delivered", product_unit=1, note="there"),
        entry(41, "return_requested", "delivered", "delivered", product_unit=1, note="first"),
    ]
    past.deeds.append(deed("move", "there", ORDER, to="delivered"))
    unit(final, 0).update(state="delivered", return_requested=True)
    status = {"id": 9, "name": "delivered"}
    final.tracking[ORDER]["status"] = status
    final.orders[0]["status"] = status
    assert violations(past, final) == []


def cancelled(past: History, final: Final) -> None:
    """Cancels the other unit too. The fee comes back with it, and is paid back."""
    payment = final.tracking[ORDER]["payment"]
    past.deeds = [each for each in past.deeds if each.kind not in {"move", "moves"}]
    past.deeds += [
        deed("cancel", "not to be had either", ORDER, product_unit=[1]),
        deed("refund", "all paid back", ORDER, to="done", product_unit=[1], delivery=True),
    ]
    kept = [each for each in final.histories[ORDER] if each["id"] == 1 or each["id"] >= 20]
    final.histories[ORDER] = [
        *kept,
        entry(40, "line_moved", "placed", "cancelled", product_unit=1, note="not to be had either"),
        entry(41, "refund_moved", None, "due", product_unit=1, amount=5),
        entry(42, "refund_moved", None, "due", amount=50),
        entry(43, "refund_moved", "due", "done", product_unit=1, amount=5, note="all paid back"),
        entry(44, "refund_moved", "due", "done", amount=50, note="all paid back"),
    ]
    payment.update(refunded=58, delivery_refund={"amount": 50, "state": "done"})
    unit(final, 0).update(state="cancelled", parcel=None, refund={"amount": 5, "state": "done"})
    final.tracking[ORDER].update(status={"id": 10, "name": "cancelled"}, parcels=[])
    final.orders[0].update(status={"id": 10, "name": "cancelled"})
    final.orders[0]["user"]["all_purchase_amount"] = 0
    final.sold["sku-0", "42"] = 0
    final.ledger[1]["sold"] = 0
    final.left["sku-0", "42"] = (6, True)
    final.ledger[1]["stock"] = 6
    final.probes["HALF"] = 1
    final.promo_codes[0]["activation_count"] = 0


def test_the_fee_comes_back_when_all_units_are_cancelled() -> None:
    past, final = story()
    cancelled(past, final)
    assert violations(past, final) == []


@pytest.mark.parametrize(
    ("law", "change"),
    [
        (
            "payments_cover_what_is_left",
            lambda payment, _: payment.update(refunded=8, delivery_refund=None),
        ),
        (
            "payments_cover_what_is_left",
            lambda payment, _: payment.update(refunded=108, delivery_refund={"amount": 100, "state": "done"}),
        ),
        (
            "histories_give_the_present",
            lambda _, history: history.append(entry(45, "refund_moved", None, "due", amount=50)),
        ),
        (
            "commands_are_recorded_once",
            lambda _, history: history.append(entry(45, "refund_moved", "due", "done", note="all paid back")),
        ),
        ("commands_are_recorded_once", lambda _, history: history.pop()),
        ("buyers_paid_what_was_captured", lambda payment, _: payment["delivery_refund"].update(state="sent")),
    ],
    ids=["kept", "refunded in one sum", "due again", "done twice", "not recorded", "not done"],
)
def test_a_fee_that_comes_back_otherwise_violates_a_law(law: str, change: Callable[[Any, Any], Any]) -> None:
    past, final = story()
    cancelled(past, final)
    change(final.tracking[ORDER]["payment"], final.histories[ORDER])
    assert law in {violation.law for violation in violations(past, final)}
