"""What readers of the catalogue find: cards with the reader's own wishlist, and products by their slugs."""

from collections.abc import Sequence
from contextlib import suppress

import attrs

from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, product_entry, unit_entry
from sellout_core.catalogue.products import Card
from sellout_core.catalogue.search import CatalogueQuery
from sellout_core.catalogue.suggestions import typed_words
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.shopping.wishlists import add_to_wishlist
from sellout_core.values import Money, ProductId, UserId


class FindingLaws:
    """Cards are those for the reader, and a slug stands for one product."""

    def test_a_found_card_knows_the_readers_wishlist(self, scene: Scene) -> None:
        (anna, her), (product, _) = scene.actor("anna"), scene.sell(product_entry("1", unit_entry(3)))
        unit, _ = add_to_wishlist(scene.shop, her, anna, product.id, None)
        for reader, wished in ((anna, (unit.id,)), (None, ())):
            found = scene.store.read(lambda tx, r=reader: tx.cards.search(CatalogueQuery(text="the"), 0, 9, r))  # type: ignore[misc]
            assert (found.cards, found.total) == ([Card(product, Money(3), wished, "nike-the-1")], 1)

    def test_suggestions_are_the_first_matches(self, scene: Scene) -> None:
        """Also if more products match than are suggested, or none does."""
        for number in range(7):
            name = "Air Élan" if number % 2 else "Dunk"
            scene.sell(product_entry(f"p{number}", unit_entry(5), name=name, available_flag=number != 3))
        expected = {
            "air": "15",
            "air el": "15",
            "ai el": "",
            "dunk nik": "0246",
            "p": "012456",
            "p6": "6",
            "zzz": "",
            "dunk zzz": "",
        }
        for text, numbers in expected.items():
            typed = typed_words(text)
            assert typed is not None
            for limit in (1, 2, 10):
                found = scene.store.read(lambda tx, t=typed, n=limit: tx.cards.suggest(t, n))  # type: ignore[misc]
                assert "".join(card.product.sku[1] for card in found) == numbers[:limit]

    def test_related_products_share_a_brand_and_a_category(self, scene: Scene) -> None:
        """Also one of several. Neither the product itself nor a hidden one is related, whatever was viewed."""
        of_nike = {
            "dunk": (("Nike", "Off-White"), ("Shoes", "Sport")),
            "one": (("Nike",), ("Sport",)),
            "two": (("Off-White", "Puma", "Nike"), ("Shoes", "Sport", "New")),
            "brand": (("Nike",), ("New",)),
            "category": (("Puma",), ("Shoes", "Sport")),
            "nothing": ((), ()),
            "hidden": (("Nike",), ("Shoes",)),
            "three": (("Nike",), ("Shoes",)),
        }
        ids = {
            sku: scene.sell(product_entry(sku, brands=b, categories=c, available_flag=sku != "hidden"))[0].id
            for sku, (b, c) in of_nike.items()
        }
        _view(scene, "anna", *ids.values())
        assert _related(scene, ids["dunk"]) == ["three", "two", "one"]
        assert _related(scene, ids["dunk"], 2) == ["three", "two"]
        assert _related(scene, ids["hidden"]) == ["three", "two", "dunk"]
        assert _related(scene, ids["nothing"]) == []
        dunk = scene.store.read(lambda tx: tx.products.get_many([ids["dunk"]]))[ids["dunk"]]
        cards = scene.store.read(lambda tx: tx.cards.related(dunk, 9))
        found = scene.store.read(lambda tx: tx.cards.get_many(list(ids.values()), None))
        assert list(cards) == [found[card.product.id] for card in cards]

    def test_the_most_viewed_related_products_come_first(self, scene: Scene) -> None:
        """A view counts if it is of none of the last products of its user, also if it is one of several of a batch."""
        a, b, c, d, e = (scene.sell(product_entry(sku))[0].id for sku in "abcde")
        assert _related(scene, a) == ["e", "d", "c", "b"]
        _view(scene, "anna", b, c, b, b, c, b)
        assert _related(scene, a) == ["c", "b", "e", "d"]
        _view(scene, "boris", b)
        _view(scene, "boris", b, a)
        assert _related(scene, a) == ["b", "c", "e", "d"]
        for name in ("clara", "dora", "emil"):
            _view(scene, name, d)
        assert _related(scene, a) == ["d", "b", "c", "e"]
        _view(scene, "clara", ProductId(10**15), *(ProductId(10**9 + n) for n in range(6)), d, e)
        assert _related(scene, c) == ["d", "b", "e", "a"]

    def test_a_skipped_or_withdrawn_view_does_not_count(self, scene: Scene) -> None:
        a, b, c = (scene.sell(product_entry(sku))[0].id for sku in "abc")

        scene.store.write(lambda tx: tx.view_history.note([(UserId(10**15), b)]))
        anna = scene.user("anna")

        def withdraw(tx: Transaction) -> None:
            tx.view_history.note([(anna, b)])
            raise LookupError

        with suppress(LookupError):
            scene.store.write(withdraw)
        assert _related(scene, a) == ["c", "b"]
        scene.change_user(anna, first_name="Anna")
        assert _related(scene, c) == ["b", "a"]
        scene.store.write(lambda tx: tx.view_history.note([(anna, a)]))
        scene.change_user(anna, first_name="Anya")
        scene.store.write(lambda tx: tx.view_history.note([(anna, b), (anna, b)]))
        assert _related(scene, c) == ["b", "a"]

    def test_views_of_many_at_once_are_all_counted(self, scene: Scene) -> None:
        """Users view the same products in different orders."""
        ids = [scene.sell(product_entry(sku))[0].id for sku in "abc"]
        racing(RACERS, lambda n: _view(scene, f"user{n}", *(ids[1:] if n % 2 else reversed(ids[1:]))))
        _view(scene, "anna", ids[1])
        assert _related(scene, ids[0]) == ["b", "c"]
        _view(scene, "boris", ids[2])
        _view(scene, "clara", ids[2])
        assert _related(scene, ids[0]) == ["c", "b"]

    def test_products_of_one_transaction_share_no_slug(self, scene: Scene) -> None:
        """Of those that want one, the lowest id has it. Old slugs still stand for their products."""
        names = ["Dunk", "dunk", "Air", "Dünk"]
        ids = [scene.sell(product_entry(f"p{number}", name=f"Old {number}"))[0].id for number in range(4)]
        shuffled = [ids[3], ids[1], ids[2], ids[0]]

        def rename(tx: Transaction) -> None:
            found = tx.products.get_many(ids)
            renamed = {product_id: names[number] for number, product_id in enumerate(ids)}
            tx.products.save_many([attrs.evolve(found[each], name=renamed[each]) for each in shuffled])

        scene.store.write(rename)
        expected = ["nike-dunk", f"nike-dunk--{ids[1]}", "nike-air", f"nike-dunk--{ids[3]}"]
        assert _slugs(scene, ids) == expected
        for number, product_id in enumerate(ids):
            for slug in (expected[number], f"nike-old-{number}"):
                assert _owner(scene, slug) == product_id
        assert _owner(scene, "nike") is None

    def test_an_old_slug_is_given_back_to_its_product_alone(self, scene: Scene) -> None:
        first, second = (scene.sell(product_entry(sku, name=sku))[0].id for sku in ("a", "b"))
        for name in ("c", "b", "a"):
            scene.sell(product_entry("a", name=name))
        assert _slugs(scene, [first, second]) == ["nike-a", "nike-b"]
        assert [_owner(scene, slug) for slug in ("nike-c", f"nike-b--{first}")] == [first, first]

    def test_a_change_of_anything_else_leaves_the_slug(self, scene: Scene) -> None:
        for sku in ("a", "b"):
            scene.sell(product_entry(sku, name="Dunk"))
        [a, b] = scene.store.read(lambda tx: [product.id for product in tx.products.after(0, 9)])
        before = _slugs(scene, [a, b])
        scene.sell(product_entry("a", name="Air"))
        scene.sell(product_entry("b", unit_entry(5), name="Dunk", description="new"))
        assert _slugs(scene, [a, b]) == ["nike-air", before[1]]

    def test_a_deleted_product_leaves_its_slugs(self, scene: Scene) -> None:
        for name in ("Dunk", "Air"):
            product, _ = scene.sell(product_entry("a", name=name))
        scene.store.write(lambda tx: (tx.products.by_sku(["a"]), tx.products.delete(product.id)))
        assert [_owner(scene, slug) for slug in ("nike-dunk", "nike-air")] == [None, None]
        other, _ = scene.sell(product_entry("b", name="Dunk"))
        assert _slugs(scene, [other.id]) == ["nike-dunk"]

    def test_concurrent_products_share_no_slug(self, scene: Scene) -> None:
        racing(RACERS, lambda n: scene.sell(product_entry(f"p{n}", name="Dunk")))
        ids = scene.store.read(lambda tx: [product.id for product in tx.products.after(0, 99)])
        slugs = _slugs(scene, ids)
        assert len(set(slugs)) == len(ids) == RACERS
        assert "nike-dunk" in slugs
        assert set(slugs) <= {"nike-dunk", *(f"nike-dunk--{product_id}" for product_id in ids)}


def _owner(scene: Scene, slug: str) -> ProductId | None:
    return scene.store.read(lambda tx: tx.slugs.find(slug))


def _slugs(scene: Scene, ids: Sequence[ProductId]) -> list[str]:
    """The present slugs of products."""
    cards = scene.store.read(lambda tx: tx.cards.get_many(ids, None))
    return [cards[product_id].slug for product_id in ids]


def _view(scene: Scene, username: str, *product_ids: ProductId) -> None:
    """Lets a user view products, one after the other, in one call. Registers the user if necessary."""
    known = scene.store.read(lambda tx: tx.credentials.by_username(username))
    user_id = scene.user(username) if known is None else known.user_id
    assert not scene.store.write(lambda tx: tx.view_history.note([(user_id, each) for each in product_ids]))


def _related(scene: Scene, product_id: ProductId, limit: int = 9) -> list[str]:
    """The skus of the related products."""
    product = scene.store.read(lambda tx: tx.products.get_many([product_id]))[product_id]
    return [card.product.sku for card in scene.store.read(lambda tx: tx.cards.related(product, limit))]
