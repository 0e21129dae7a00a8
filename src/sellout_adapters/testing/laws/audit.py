"""Laws of the audit."""

from datetime import timedelta

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry, whole_list
from sellout_core import errors
from sellout_core.audit import AuditQuery, FieldChange, NewAuditEntry
from sellout_core.catalogue.references import NewReference, ReferenceKind
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.use_cases.audit import read_audit
from sellout_core.use_cases.catalogue.products import create_product, create_unit
from sellout_core.use_cases.catalogue.references import (
    ReferenceChange,
    add_reference,
    change_reference,
    merge_reference,
)
from sellout_core.values import AuditEntryId, UserId


class AuditLaws:
    """The audit."""

    def test_changes_are_audited_with_both_values(self, scene: Scene) -> None:
        _, staff = scene.actor("staff", is_staff=True)
        kind = ReferenceKind.PLATFORM
        added = add_reference(scene.shop, staff, kind, NewReference(name="Poizon", site="/a"))
        first = scene.clock.now
        scene.clock.advance(hours=1)
        changed = ReferenceChange(site="/b")
        change_reference(scene.shop, staff, kind, added.id, changed, lambda _: True)
        change_reference(scene.shop, staff, kind, added.id, changed, lambda _: True)
        other = add_reference(scene.shop, OPERATOR, kind, NewReference(name="Other"))
        merge_reference(scene.shop, staff, kind, other.id, added.id)
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="platform"))
        assert [(entry.action, entry.object_id, entry.actor_id) for entry in entries] == [
            ("create", added.id, staff.user_id),
            ("update", added.id, staff.user_id),
            ("create", other.id, None),
            ("merge", other.id, staff.user_id),
        ]
        assert entries[0].changes == {"name": FieldChange(None, "Poizon"), "site": FieldChange(None, "/a")}
        assert entries[1].changes == {"site": FieldChange("/a", "/b")}
        assert entries[3].changes["into_id"] == FieldChange(None, added.id)
        assert (entries[0].at, entries[1].at) == (first, first + timedelta(hours=1))

    def test_names_that_products_and_units_add_are_audited(self, scene: Scene) -> None:
        """Each name once, by the actor who used it first."""
        _, staff = scene.actor("staff", is_staff=True)
        entry = product_entry("new", brands=("Zoo", "Ant"), categories=("Deep",), tags=(), gender="X")
        created = create_product(scene.shop, staff, entry)
        create_product(scene.shop, OPERATOR, attrs.evolve(entry, sku="other"))
        unit = unit_entry(7, platform="Shop", site="/s", delivery_type="Cart", currency="CNY")
        create_unit(scene.shop, staff, created.product.id, unit)
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery())
        found = [
            (each.kind, each.changes["name"].after, each.actor_id, each.action)
            for each in entries
            if each.kind not in ("product", "product_unit")
        ]
        assert sorted(found) == [
            ("brand", "Ant", staff.user_id, "create"),
            ("brand", "Zoo", staff.user_id, "create"),
            ("category", "Deep", staff.user_id, "create"),
            ("currency", "CNY", staff.user_id, "create"),
            ("delivery_type", "Cart", staff.user_id, "create"),
            ("gender", "X", staff.user_id, "create"),
            ("platform", "Shop", staff.user_id, "create"),
        ]
        rows = {row.id: row.name for row in scene.store.read(lambda tx: tx.references.snapshot()).brands.values()}
        assert {each.object_id: each.changes["name"].after for each in entries if each.kind == "brand"} == rows

    def test_a_name_that_several_add_at_once_is_audited_once(self, scene: Scene) -> None:
        racing(
            RACERS,
            lambda n: create_product(scene.shop, OPERATOR, product_entry(f"p{n}", brands=("New",), categories=())),
        )
        entries = whole_list(read_audit, scene.shop, OPERATOR, AuditQuery(kind="brand"))
        assert [each.changes["name"].after for each in entries] == ["New"]

    def test_a_refused_change_is_not_audited(self, scene: Scene) -> None:
        brand = add_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, NewReference(name="one"))
        with pytest.raises(errors.Stale):
            change_reference(
                scene.shop, OPERATOR, ReferenceKind.BRAND, brand.id, ReferenceChange(name="two"), lambda _: False
            )
        assert [entry.action for entry in whole_list(read_audit, scene.shop, OPERATOR, AuditQuery())] == ["create"]

    def test_entries_are_found_by_every_member_of_a_query(self, store: Store, scene: Scene) -> None:
        anna, boris = scene.user("anna"), scene.user("boris")
        now = scene.clock.now
        values: list[tuple[UserId | None, str, int, int]] = [
            (anna, "brand", 1, 0),
            (boris, "brand", 2, 1),
            (None, "tag", 1, 2),
            (anna, "tag", 2**53 - 1, 3),
        ]
        given = [
            NewAuditEntry(
                at=now + timedelta(seconds=seconds),
                actor_id=actor_id,
                action="update",
                kind=kind,
                object_id=object_id,
                changes={"a": FieldChange(None, True), "b": FieldChange((1, 2), "ё")},
            )
            for actor_id, kind, object_id, seconds in values
        ]
        store.write(lambda tx: tx.audit.add(given))
        stored = store.read(lambda tx: tx.audit.after(AuditQuery(), 0, 10))
        assert [attrs.asdict(entry, recurse=False) for entry in stored] == [
            {**attrs.asdict(new, recurse=False), "id": entry.id} for new, entry in zip(given, stored, strict=True)
        ]
        for query, found in (
            (AuditQuery(kind="brand"), [0, 1]),
            (AuditQuery(object_id=1), [0, 2]),
            (AuditQuery(actor_id=anna), [0, 3]),
            (AuditQuery(since=given[1].at, until=given[3].at), [1, 2]),
            (AuditQuery(kind="tag", object_id=1, since=now), [2]),
            (AuditQuery(kind="tags"), []),
        ):
            assert store.read(lambda tx, query=query: tx.audit.after(query, 0, 10)) == [stored[n] for n in found]  # type: ignore[misc]
        assert store.read(lambda tx: tx.audit.after(AuditQuery(), stored[0].id, 2)) == stored[1:3]
        assert store.read(lambda tx: tx.audit.after(AuditQuery(), AuditEntryId(2**70), 2)) == []
