"""The catalogue: references, products, cards, sizes and units."""

from datetime import date

import attrs

from sellout_adapters.testing.laws.people.accounts import TEXTS
from sellout_adapters.testing.scene import Scene, product_entry, shoe_size, unit_entry
from sellout_core.catalogue.pages import CardPage
from sellout_core.catalogue.products import (
    NO_SIZE,
    NewProduct,
    NewProductUnit,
    NewSize,
    Product,
    ProductUnit,
    ReferenceNames,
)
from sellout_core.fulfilment.statuses import STATUSES
from sellout_core.ports.store import Store, Transaction
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist


class CatalogueLaws:
    """The catalogue: references, products, cards, sizes and units."""

    def test_a_new_store_has_the_initial_reference_rows(self, store: Store) -> None:
        references = store.read(lambda tx: tx.references.snapshot())
        assert {row.id: row.name for row in references.genders.values()} == {1: "M", 2: "F"}
        assert {row.id: row.name for row in references.statuses.values()} == STATUSES

    def test_reference_names_are_added_once_in_alphabetical_order(self, store: Store) -> None:
        names = ReferenceNames(
            brands=frozenset({"Puma", "Adidas", "Ёж"}),
            categories=frozenset({"Sport"}),
            tags=frozenset({"b", "B"}),
            genders=frozenset({"U", "M"}),
            platforms=frozenset({("Poizon", "/b"), ("Poizon", "/a")}),
            delivery_types=frozenset({"Самолёт"}),
            currencies=frozenset({"RUB", "CNY"}),
        )
        first = store.write(lambda tx: tx.references.ensure(names))
        again = store.write(lambda tx: tx.references.ensure(attrs.evolve(names, brands=frozenset({"Puma", "Zoo"}))))
        assert [row.name for _, row in sorted(first.brands.items())] == ["Adidas", "Puma", "Ёж"]
        assert [row.name for _, row in sorted(again.brands.items())] == ["Adidas", "Puma", "Ёж", "Zoo"]
        assert sorted(row.name for row in again.tags.values()) == ["B", "b"]
        assert [row.name for _, row in sorted(again.genders.items())] == ["M", "F", "U"]
        assert [row.site for _, row in sorted(again.platforms.items())] == ["/a", "/b"]
        assert all(row_id == row.id for row_id, row in again.currencies.items())
        assert dict(store.read(lambda tx: tx.references.snapshot()).brands) == dict(again.brands)

    def test_a_product_comes_back_as_stored(self, scene: Scene) -> None:
        for number, text in enumerate(TEXTS):
            entry = product_entry(
                f"{text}{number}",
                name=f"x{text}",
                description=text,
                bucket_link=text,
                brands=("Nike", "Adidas", f"x{text}"),
                tags=(),
                gender="U",
                fit=-1,
                rel_num=2**31 - 1,
                available_flag=False,
                add_date=date(1985, 4, 1),
            )
            product, units = scene.sell(entry)
            assert (product.name, product.description, product.bucket_link) == (entry.name, text, text)
            assert (product.fit, product.rel_num, product.available) == (-1, 2**31 - 1, False)
            assert (product.added_on, product.updated_at, units) == (entry.add_date, scene.clock.now, [])
            assert (list(product.brand_ids), len(product.brand_ids)) == (sorted(product.brand_ids), 3)
            assert (len(product.category_ids), product.tag_ids) == (1, ())
            found = scene.store.read(lambda tx, known=product: tx.products.get_many([known.id]))  # type: ignore[misc]
            assert found == {product.id: product}

    def test_products_and_their_links_are_rewritten(self, scene: Scene) -> None:
        before, _ = scene.sell(product_entry("one", brands=("a", "b"), tags=("x",)))
        after, _ = scene.sell(product_entry("one", brands=("b", "c"), tags=(), name="Another"))
        names = scene.store.read(lambda tx: tx.references.snapshot()).brands
        assert before.id == after.id
        assert ([names[brand_id].name for brand_id in after.brand_ids], after.tag_ids) == (["b", "c"], ())
        assert after.name == "Another"

    def test_ids_ascend_in_the_order_given(self, scene: Scene) -> None:
        """The ids of products, sizes and units. Each row has its own values."""
        model, _ = scene.sell(product_entry("model", unit_entry(1, shoe_size("41")), tags=("x", "y")))
        new = attrs.asdict(model, recurse=False, filter=lambda field, _: field.name != "id")

        def work(tx: Transaction) -> None:
            [unit] = tx.units.of_products([model.id])
            added = [NewProduct(**new | {"sku": f"p{n * 7 % 50}", "fit": n}) for n in range(50)]
            product_ids = tx.products.add_many(added)
            sizes = tx.sizes.add_many([NewSize(product_id, shoe_size("50")) for product_id in product_ids])
            sold = attrs.asdict(unit, recurse=False, filter=lambda field, _: field.name not in ("id", "size"))
            units = [
                NewProductUnit(
                    **sold | {"product_id": size.product_id, "size_id": size.id, "price": n, "stock": n or None}
                )
                for n, size in enumerate(sizes)
            ]
            unit_ids = tx.units.add_many(units)
            for given in (product_ids, [size.id for size in sizes], unit_ids):
                assert list(given) == sorted(set(given))
                assert len(given) == 50
            assert product_ids[0] > model.id
            assert unit_ids[0] > unit.id
            products = tx.products.get_many(product_ids)
            assert [products[i] for i in product_ids] == [
                Product(id=i, **attrs.asdict(product, recurse=False))
                for i, product in zip(product_ids, added, strict=True)
            ]
            stored = tx.units.get_many(unit_ids)
            assert [stored[i] for i in unit_ids] == [
                ProductUnit.of(i, size, unit) for i, size, unit in zip(unit_ids, sizes, units, strict=True)
            ]
            assert not any((tx.products.add_many([]), tx.units.add_many([]), tx.sizes.add_many([])))

        scene.store.write(work)

    def test_pages_contain_each_listed_product_once_by_id(self, scene: Scene) -> None:
        listed = [
            product.id
            for n in range(23)
            for product, _ in [scene.sell(product_entry(f"p{n}", available_flag=n % 4 != 3))]
            if product.available
        ]
        pages = [scene.store.read(lambda tx, o=offset: tx.cards.page(o, 5, None)) for offset in range(0, 30, 5)]  # type: ignore[misc]
        assert [card.product.id for page in pages for card in page.cards] == listed
        assert [(len(page.cards), page.total) for page in pages] == [(n, 18) for n in (5, 5, 5, 3, 0, 0)]
        assert scene.store.read(lambda tx: tx.cards.page(2**53 * 100, 101, None)) == CardPage([], 18)

    def test_a_card_shows_the_lowest_available_price_and_the_readers_wishlist(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(5, shoe_size("40"), availability=False),
            unit_entry(9, shoe_size("41")),
            unit_entry(8, shoe_size("42"), stock=1),
            unit_entry(1, shoe_size("43"), stock=0),
        )
        product, units = scene.sell(entry)
        bare, _ = scene.sell(product_entry("two"))
        (anna, her), boris = scene.actor("anna"), scene.user("boris")
        first, _ = add_to_wishlist(scene.shop, her, anna, product.id, None)
        second, _ = add_to_wishlist(scene.shop, her, anna, product.id, units[1].size.id)
        for reader, wished in ((anna, (first.id, second.id)), (boris, ()), (None, ())):
            cards = scene.store.read(lambda tx, r=reader: tx.cards.get_many([product.id, bare.id], r))  # type: ignore[misc]
            page = scene.store.read(lambda tx, r=reader: tx.cards.page(0, 5, r))  # type: ignore[misc]
            assert [(c.min_price, c.wishlist_unit_ids) for c in page.cards] == [(8, wished), (None, ())]
            assert cards == {card.product.id: card for card in page.cards}

    def test_units_come_back_as_stored_with_their_sizes(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(10**9, shoe_size("40 ½"), stock=10**9, delivery_type="Поезд"),
            unit_entry(0, currency="CNY", platform="Goat", site="", availability=False),
        )
        product, units = scene.sell(entry)
        references = scene.store.read(lambda tx: tx.references.snapshot())
        assert [(u.price, u.stock, u.available) for u in units] == [(10**9, 10**9, True), (0, None, False)]
        assert [u.size.grid for u in units] == [shoe_size("40 ½"), NO_SIZE]
        assert [u.size.id for u in units] == [u.size_id for u in units]
        assert [references.currencies[u.currency_id].name for u in units] == ["RUB", "CNY"]
        assert [references.platforms[u.platform_id].name for u in units] == ["Poizon", "Goat"]
        assert [references.delivery_types[u.delivery_type_id].name for u in units] == ["Поезд", "Самолёт"]
        assert {u.product_id for u in units} == {product.id}
        assert scene.store.read(lambda tx: tx.units.get_many([u.id for u in units])) == {u.id: u for u in units}

    def test_sizes_are_found_by_id_and_by_product(self, scene: Scene) -> None:
        one, _ = scene.sell(product_entry("one", unit_entry(1, shoe_size("41"))))
        two, _ = scene.sell(product_entry("two"))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([two.id, one.id]))
        assert [size.grid for size in sizes] == [shoe_size("41"), NO_SIZE, NO_SIZE]
        assert scene.store.read(lambda tx: tx.sizes.get_many([s.id for s in sizes])) == {s.id: s for s in sizes}
        more = scene.store.write(lambda tx: tx.sizes.add_many([NewSize(two.id, shoe_size("50"))]))
        assert [(size.product_id, size.grid) for size in more] == [(two.id, shoe_size("50"))]

    def test_the_cheapest_unit_is_available_and_in_the_size(self, scene: Scene) -> None:
        entry = product_entry(
            "one",
            unit_entry(50, shoe_size("41"), platform="A"),
            unit_entry(40, shoe_size("41"), platform="B"),
            unit_entry(40, shoe_size("41"), platform="C"),
            unit_entry(30, shoe_size("41"), platform="D", availability=False),
            unit_entry(60, shoe_size("42")),
            unit_entry(20, shoe_size("43"), stock=0),
        )
        product, units = scene.sell(entry)
        scene.sell(product_entry("two", unit_entry(1, shoe_size("41"))))
        sizes = scene.store.read(lambda tx: tx.sizes.of_products([product.id]))
        cheapest = scene.store.read(lambda tx: tx.units.cheapest([size.id for size in sizes]))
        by_number = {size.grid.eu: cheapest.get(size.id) for size in sizes}
        assert by_number == {"41": units[1], "42": units[4], "43": None, "0": units[1]}
