"""Changes of the reference tables."""

from typing import Any

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, checkout_request, product_entry, unit_entry
from sellout_core import errors
from sellout_core.catalogue.products import References
from sellout_core.catalogue.references import Category, NewReference, Reference, ReferenceKind
from sellout_core.catalogue.search import CatalogueQuery
from sellout_core.people.accounts import OPERATOR
from sellout_core.shopping.ordering import Order
from sellout_core.use_cases.catalogue.browsing import read_facets, read_page
from sellout_core.use_cases.catalogue.references import (
    ReferenceChange,
    add_reference,
    change_reference,
    merge_reference,
    read_references,
)
from sellout_core.use_cases.shopping.checkout import check_out
from sellout_core.use_cases.shopping.orders import read_order
from sellout_core.values import CategoryId

every_kind = pytest.mark.parametrize("kind", tuple(ReferenceKind))


def change(scene: Scene, kind: ReferenceKind, row_id: int, **changes: Any) -> Reference:
    """Changes a row in any version of it."""
    return change_reference(scene.shop, OPERATOR, kind, row_id, ReferenceChange(**changes), lambda _: True)


def category(scene: Scene, name: str, parent_id: int | None = None) -> CategoryId:
    """Adds a category and returns its id."""
    new = NewReference(name=name, parent_id=None if parent_id is None else CategoryId(parent_id))
    return CategoryId(add_reference(scene.shop, OPERATOR, ReferenceKind.CATEGORY, new).id)


def skus(scene: Scene, **query: Any) -> list[str]:
    """The skus of the matching products."""
    return [card.product.product.sku for card in read_page(scene.shop, OPERATOR, 1, 20, CatalogueQuery(**query)).items]


def references(scene: Scene) -> References:
    """The reference tables."""
    return scene.store.read(lambda tx: tx.references.snapshot())


class ReferenceLaws:
    """Changes of the reference tables."""

    @every_kind
    def test_a_row_is_added_changed_and_read(self, scene: Scene, kind: ReferenceKind) -> None:
        before = read_references(scene.shop, OPERATOR, kind)
        added = add_reference(scene.shop, OPERATOR, kind, NewReference(name="Ёж ёж"))
        assert [*before, added] == list(read_references(scene.shop, OPERATOR, kind))
        renamed = change(scene, kind, added.id, name="Уж")
        assert (renamed.id, renamed.name) == (added.id, "Уж")
        assert [*before, renamed] == list(read_references(scene.shop, OPERATOR, kind))
        assert kind.rows(references(scene))[added.id] == renamed

    @every_kind
    def test_two_rows_never_have_one_name(self, scene: Scene, kind: ReferenceKind) -> None:
        added = racing(RACERS, lambda _: add_reference(scene.shop, OPERATOR, kind, NewReference(name="one")))
        assert sorted(type(each).__name__ for each in added if isinstance(each, errors.NameTaken)) == (
            ["NameTaken"] * (RACERS - 1)
        )
        other = add_reference(scene.shop, OPERATOR, kind, NewReference(name="other"))
        with pytest.raises(errors.NameTaken):
            change(scene, kind, other.id, name="one")

    @every_kind
    def test_an_id_is_never_used_again(self, scene: Scene, kind: ReferenceKind) -> None:
        first, last = (add_reference(scene.shop, OPERATOR, kind, NewReference(name=name)) for name in ("a", "b"))
        merge_reference(scene.shop, OPERATOR, kind, last.id, first.id)
        assert add_reference(scene.shop, OPERATOR, kind, NewReference(name="c")).id > last.id

    def test_one_of_concurrent_changes_of_a_version_succeeds(self, scene: Scene) -> None:
        brand = add_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, NewReference(name="nike"))

        def rename(number: int) -> Reference:
            new = ReferenceChange(name=f"Nike {number}")
            return change_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, brand.id, new, lambda row: row == brand)

        results = racing(RACERS, rename)
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1

    def test_a_renamed_brand_is_found_by_its_new_name(self, scene: Scene) -> None:
        product, [unit] = scene.sell(product_entry("one", unit_entry(5), brands=("Nikee",), name="Dunk"))
        anna = scene.user("anna")
        scene.fill_cart(anna, unit.id)
        order = check_out(scene.shop, OPERATOR, anna, checkout_request(scene.address(anna), unit.id)).order
        [brand_id] = product.brand_ids
        assert skus(scene, text="nikee") == ["one"]
        change(scene, ReferenceKind.BRAND, brand_id, name="Nike")
        assert (skus(scene, text="nikee"), skus(scene, brands=("Nikee",))) == ([], [])
        assert skus(scene, text="nike") == skus(scene, brands=("nike",)) == ["one"]
        agreed: Order = read_order(scene.shop, OPERATOR, order.id).order
        assert agreed == order
        assert agreed.lines[0].unit.product.brands[0].name == "Nikee"

    @every_kind
    def test_a_merged_row_is_replaced_everywhere(self, scene: Scene, kind: ReferenceKind) -> None:
        """Searches for the other row find the products of the merged one."""
        names: dict[str, Any] = {"brands": ("a",), "categories": ("a",), "tags": ("a",), "gender": "a"}
        unit_names: dict[str, Any] = {"platform": "a", "site": "", "delivery_type": "a", "currency": "a"}
        product, [unit] = scene.sell(product_entry("one", attrs.evolve(unit_entry(5), **unit_names), **names))
        both = {name: ("a", "b") if isinstance(value, tuple) else value for name, value in names.items()}
        scene.sell(product_entry("two", **both))
        rows = {row.name: row.id for row in kind.rows(references(scene)).values()}
        other = rows.get("b") or add_reference(scene.shop, OPERATOR, kind, NewReference(name="b")).id
        merge_reference(scene.shop, OPERATOR, kind, rows["a"], other)
        assert rows["a"] not in kind.rows(references(scene))
        product, [unit] = scene.sold(product.id)
        held = {
            ReferenceKind.BRAND: product.brand_ids,
            ReferenceKind.CATEGORY: product.category_ids,
            ReferenceKind.TAG: product.tag_ids,
            ReferenceKind.GENDER: (product.gender_id,),
            ReferenceKind.PLATFORM: (unit.platform_id,),
            ReferenceKind.DELIVERY_TYPE: (unit.delivery_type_id,),
            ReferenceKind.CURRENCY: (unit.currency_id,),
        }
        assert held[kind] == (other,)
        if kind.value in {"brands", "categories", "tags", "genders"}:
            assert skus(scene, **{kind.value: ("b",)}) == ["one", "two"]
            assert skus(scene, **{kind.value: ("a",)}) == []
        with pytest.raises(errors.NotFound):
            merge_reference(scene.shop, OPERATOR, kind, rows["a"], other)

    @every_kind
    def test_a_row_is_not_merged_into_itself_or_a_missing_row(self, scene: Scene, kind: ReferenceKind) -> None:
        row = add_reference(scene.shop, OPERATOR, kind, NewReference(name="one"))
        with pytest.raises(errors.InvalidFields):
            merge_reference(scene.shop, OPERATOR, kind, row.id, row.id)
        with pytest.raises(errors.NotFound):
            merge_reference(scene.shop, OPERATOR, kind, row.id, 10**6)

    def test_a_gender_that_users_may_give_is_not_merged(self, scene: Scene) -> None:
        with pytest.raises(errors.InvalidFields):
            merge_reference(scene.shop, OPERATOR, ReferenceKind.GENDER, 1, 2)
        other = add_reference(scene.shop, OPERATOR, ReferenceKind.GENDER, NewReference(name="male"))
        assert merge_reference(scene.shop, OPERATOR, ReferenceKind.GENDER, other.id, 1).name == "M"

    def test_an_import_concurrent_with_a_merge_refers_to_existing_rows(self, scene: Scene) -> None:
        target = add_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, NewReference(name="target"))
        names = [f"brand {number}" for number in range(4)]
        for name in names:
            scene.sell(product_entry(name, brands=(name,)))
        ids = {row.name: row.id for row in references(scene).brands.values()}

        def run(number: int) -> Any:
            name = names[number // 2]
            if number % 2:
                return merge_reference(scene.shop, OPERATOR, ReferenceKind.BRAND, ids[name], target.id)
            return scene.sell(product_entry(f"new {name}", brands=(name,)))

        assert not [result for result in racing(8, run) if isinstance(result, errors.SellOutError)]
        known = references(scene).brands
        products = scene.store.read(lambda tx: tx.products.after(0, 100))
        assert {brand_id for product in products for brand_id in product.brand_ids} <= known.keys()


class CategoryTreeLaws:
    """The tree of the categories."""

    def test_a_filter_by_a_category_matches_its_subcategories(self, scene: Scene) -> None:
        shoes = category(scene, "Shoes")
        sneakers = category(scene, "Sneakers", shoes)
        category(scene, "Running", sneakers)
        scene.sell(product_entry("one", unit_entry(1), categories=("Running",)))
        scene.sell(product_entry("two", unit_entry(1), categories=("Sneakers", "Running")))
        scene.sell(product_entry("three", unit_entry(1), categories=("Bags",)))
        assert skus(scene, categories=("shoes",)) == skus(scene, categories=(sneakers,)) == ["one", "two"]
        counts = {each.row.name: each.count for each in read_facets(scene.shop, OPERATOR).categories}
        assert counts == {"Shoes": 2, "Sneakers": 2, "Running": 2, "Bags": 1}

    def test_products_follow_a_category_that_moves(self, scene: Scene) -> None:
        shoes, clothes = category(scene, "Shoes"), category(scene, "Clothes")
        sneakers = category(scene, "Sneakers", shoes)
        category(scene, "Running", sneakers)
        scene.sell(product_entry("one", unit_entry(1), categories=("Running",)))
        change(scene, ReferenceKind.CATEGORY, sneakers, parent_id=clothes)
        assert (skus(scene, categories=("shoes",)), skus(scene, categories=("clothes",))) == ([], ["one"])
        change(scene, ReferenceKind.CATEGORY, sneakers, parent_id=None)
        assert (skus(scene, categories=("clothes",)), skus(scene, categories=("sneakers",))) == ([], ["one"])
        merge_reference(scene.shop, OPERATOR, ReferenceKind.CATEGORY, sneakers, clothes)
        assert skus(scene, categories=("clothes",)) == ["one"]
        rows = read_references(scene.shop, OPERATOR, ReferenceKind.CATEGORY)
        [running] = [row for row in rows if row.name == "Running"]
        assert running == Category(running.id, "Running", clothes)

    def test_a_category_is_never_below_itself_nor_on_a_fourth_level(self, scene: Scene) -> None:
        first = category(scene, "1")
        second = category(scene, "2", first)
        third = category(scene, "3", second)
        before = read_references(scene.shop, OPERATOR, ReferenceKind.CATEGORY)
        for row_id, parent_id in ((first, first), (first, second), (first, third), (second, 10**6)):
            with pytest.raises(errors.InvalidFields):
                change(scene, ReferenceKind.CATEGORY, row_id, parent_id=CategoryId(parent_id))
        with pytest.raises(errors.InvalidFields):
            category(scene, "4", third)
        top = category(scene, "0")
        with pytest.raises(errors.InvalidFields):
            change(scene, ReferenceKind.CATEGORY, first, parent_id=top)
        for into in (second, third):
            with pytest.raises(errors.InvalidFields):
                merge_reference(scene.shop, OPERATOR, ReferenceKind.CATEGORY, first, into)
        assert read_references(scene.shop, OPERATOR, ReferenceKind.CATEGORY)[:-1] == before

    def test_concurrent_moves_of_categories_make_no_circle(self, scene: Scene) -> None:
        one, two = category(scene, "1"), category(scene, "2")
        moves = [(one, two), (two, one)] * (RACERS // 2)
        results = racing(RACERS, lambda n: change(scene, ReferenceKind.CATEGORY, moves[n][0], parent_id=moves[n][1]))
        parents = references(scene).parents
        assert len(parents) == 1
        assert any(isinstance(result, errors.InvalidFields) for result in results)
