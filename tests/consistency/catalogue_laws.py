"""The laws of the catalogue, the stock and the promo codes, which staff change."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.consistency.history import Edit, History
from tests.consistency.history import Final as End

_COUNTED: Final = 100
"""The most entries of a list of facets."""


def stock_ledgers_add_up(past: History, final: End) -> Iterator[str]:
    """The movements of a unit add up to its stock and its sold pieces, now and after each count, which makes the stock
    the counted number. An acknowledged entry of staff is one movement, a refused one is none.
    """
    deeds = {deed.mark: deed for deed in past.deeds if deed.kind in {"received", "counted"}}
    found: Counter[str] = Counter()
    for unit_id, goods in past.goods.items():
        ledger = final.ledger[unit_id]
        # The latest movement is the first one of the document.
        movements = ledger["movements"][::-1]
        total = 0
        for movement in movements:
            total += movement["change"]
            deed = deeds.get(movement["reason"])
            if deed is not None and deed.kind == "counted" and deed.acknowledged and deed.answer is not None:
                shown = json.loads(deed.answer.text)
                if not deed.body["counted"] == shown["stock"] == total - shown["sold"]:
                    yield f"{deed.mark}: {deed.body['counted']} counted, {total} in the ledger, answered {shown}"
        if goods.stock is not None and total != ledger["stock"] + ledger["sold"]:
            yield f"unit {unit_id}: {total} in the ledger, {ledger['stock']} left, {ledger['sold']} sold"
        for movement in movements:
            deed = deeds.get(movement["reason"])
            if deed is None:
                if movement["user_id"] is not None or movement["kind"] != "imported":
                    yield f"unit {unit_id}: without an entry of staff, {movement}"
                continue
            found[deed.mark] += 1
            change = deed.body.get("received", movement["change"])
            if (deed.object_id, deed.kind, deed.actor_id, change) != (
                unit_id,
                movement["kind"],
                movement["user_id"],
                movement["change"],
            ):
                yield f"unit {unit_id}: {deed.body} is recorded as {movement}"
    for mark, deed in deeds.items():
        if not deed.acknowledged <= found[mark] <= (deed.acknowledged or deed.possible):
            yield f"{mark}: acknowledged: {deed.acknowledged}, {found[mark]} movements"


def changes_are_audited_once(past: History, final: End) -> Iterator[str]:
    """An acknowledged change by staff has one entry in the audit, and no refused change has any. A change whose
    response was lost has one or none. Staff have no other entries.
    """
    edits: dict[tuple[Any, ...], list[Edit]] = defaultdict(list)
    for edit in past.edits:
        edits[edit.kind, edit.object_id, edit.actor_id, edit.field, edit.after].append(edit)
    names = Counter(deed.mark for deed in past.deeds if deed.kind in {"brand", "tag"})
    found: Counter[tuple[Any, ...]] = Counter()
    for entry in final.audit:
        if entry["user_id"] not in past.staff:
            continue
        # Lists of ids are no marks of changes.
        changes = {
            change["field"]: change["after"] for change in entry["changes"] if not isinstance(change["after"], list)
        }
        keys = [(entry["kind"], entry["object_id"], entry["user_id"], *change) for change in changes.items()]
        known = [key for key in keys if key in edits]
        found.update(known)
        is_new_name = entry["action"] == "create" and changes.get("name") in names | _first_names(past)
        if not known and not is_new_name:
            yield f"without a change, {entry}"
    for key, same in edits.items():
        sure, possible = sum(edit.acknowledged for edit in same), sum(edit.possible for edit in same)
        if not sure <= found[key] <= sure + possible:
            yield f"{key}: {sure} acknowledged, {found[key]} in the audit"
    added = Counter(
        change["after"]
        for entry in final.audit
        for change in entry["changes"]
        if entry["action"] == "create" and change["field"] == "name"
    )
    for deed in past.deeds:
        if deed.kind in {"brand", "tag"} and deed.acknowledged and not added[deed.mark]:
            yield f"{deed.mark}: acknowledged, and not in the audit"


def the_audit_gives_the_present(past: History, final: End) -> Iterator[str]:
    """Each entry begins with the value that the entry before it ended with, and the last one ended with the present
    value: no change is lost, and none has an entry that did not take place.
    """
    products = {product["id"]: product["rel_num"] for product in final.products}
    present: dict[tuple[str, str], tuple[Callable[[int], Any], dict[int, Any]]] = {
        ("product_unit", "price"): (
            lambda unit_id: past.goods[unit_id].prices[0][0],
            {unit_id: unit["final_price"] for unit_id, unit in final.units.items() if past.goods[unit_id].by_staff},
        ),
        ("product", "rel_num"): (lambda _: 0, products),
        ("promo_code", "active_until"): (
            lambda _: "2099-12-31",
            {code["id"]: code["active_until_date"] for code in final.promo_codes},
        ),
        ("delivery_tariff", "price"): (
            lambda tariff_id: past.tariffs[tariff_id].prices[0][0],
            {number: final.tariffs[tariff.kind]["price"] for number, tariff in past.tariffs.items()},
        ),
    }
    for (kind, field), (first, values) in present.items():
        for object_id, value in values.items():
            last = first(object_id)
            for entry in final.audit:
                for change in entry["changes"]:
                    if (entry["kind"], entry["object_id"], change["field"], entry["action"]) != (
                        kind,
                        object_id,
                        field,
                        "update",
                    ):
                        continue
                    if change["before"] != last:
                        yield f"{kind} {object_id}: {last}, and then {entry}"
                    last = change["after"]
            if last != value:
                yield f"{kind} {object_id}: {value}, and {last} in the audit"


def updates_are_not_lost(past: History, final: End) -> Iterator[str]:
    """Of two changes that are based on one version of an object, at most one is acknowledged. An acknowledged change
    replaced the value that its author had read.
    """
    based: Counter[tuple[str, int, str]] = Counter()
    replaced = {
        (entry["kind"], entry["object_id"], change["field"], change["after"]): change["before"]
        for entry in final.audit
        for change in entry["changes"]
        if not isinstance(change["after"], list)
    }
    for edit in past.edits:
        if not edit.acknowledged or not edit.based_on:
            continue
        based[edit.kind, edit.object_id, edit.based_on] += 1
        before = replaced.get((edit.kind, edit.object_id, edit.field, edit.after), edit.before)
        if before != edit.before:
            yield f"{edit} replaced {before}"
    for version, count in based.items():
        if count > 1:
            yield f"{version}: {count} changes"


def merged_rows_are_gone(past: History, final: End) -> Iterator[str]:
    """A merged row is in no table, in no product and in no list of facets. Products keep one brand and one tag each,
    and the facets count the listed products that have them.
    """
    by_staff = {unit_id for unit_id, goods in past.goods.items() if goods.by_staff}
    for noun in ("brand", "tag"):
        merged = {edit.object_id for edit in past.edits if edit.kind == noun and edit.acknowledged}
        rows = {row["id"] for row in final.references[noun]}
        if merged & rows:
            yield f"{noun} {sorted(merged & rows)}: merged, and in the table"
        counted: Counter[int] = Counter()
        for product in final.products:
            held = [row["id"] for row in product[f"{noun}s"]]
            if merged & set(held):
                yield f"product {product['id']} has the merged {noun} {held}"
            if len(held) != (product["id"] in by_staff):
                yield f"product {product['id']} has {noun} {held}"
            if product["available_flag"]:
                counted.update(held)
        shown = {facet["id"]: facet["count"] for facet in final.facets[f"{noun}s"]}
        if len(shown) < _COUNTED and shown != counted:
            yield f"{noun}: facets {shown} of {dict(counted)}"


def _first_names(past: History) -> Counter[str]:
    """The names of the catalogue file. A product may add one again that was merged."""
    return Counter(f"{noun} {number}" for noun in ("Brand", "Tag") for number in range(len(past.goods)))


CATALOGUE_LAWS: Final = (
    stock_ledgers_add_up,
    changes_are_audited_once,
    the_audit_gives_the_present,
    updates_are_not_lost,
    merged_rows_are_gone,
)
