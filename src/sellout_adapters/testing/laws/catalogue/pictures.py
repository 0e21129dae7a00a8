"""Laws of the pictures of products."""

import attrs

from sellout_adapters.testing.harness import pytest
from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_adapters.testing.scene import Scene, product_entry
from sellout_core import errors
from sellout_core.audit import AuditQuery
from sellout_core.catalogue.pictures import Picture, StoredPicture, numbered
from sellout_core.catalogue.products import Product
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Transaction
from sellout_core.use_cases.catalogue import pictures, products
from sellout_core.use_cases.catalogue.importing.writing import import_products
from sellout_core.values import MAX_PICTURES, PictureId, ProductId


def stored(number: int) -> StoredPicture:
    """A picture whose files are stored."""
    return StoredPicture(f"{number:048x}", 1600, number)


def add(scene: Scene, product_id: ProductId, number: int) -> PictureId:
    """Adds a picture to a product."""
    return pictures.add_picture(scene.shop, OPERATOR, product_id, stored(number))[0].picture.id


def pictures_of(scene: Scene, *product_ids: ProductId) -> list[Picture]:
    """The stored pictures of products."""
    return list(scene.store.read(lambda tx: tx.pictures.of_products(product_ids)))


def product_now(scene: Scene, product_id: ProductId) -> Product:
    """The stored product."""
    return scene.store.read(lambda tx: tx.products.get_many([product_id])[product_id])


class PictureLaws:
    """Pictures, their order, and the link of their product."""

    def test_pictures_are_read_by_product_and_position(self, scene: Scene) -> None:
        one, two = (scene.sell(product_entry(sku))[0].id for sku in ("one", "two"))
        second, first, third = add(scene, two, 1), add(scene, one, 1), add(scene, two, 2)
        assert pictures_of(scene) == []
        assert pictures_of(scene, ProductId(999)) == []
        assert [picture.id for picture in pictures_of(scene, two, one)] == [first, second, third]
        assert pictures_of(scene, two)[1] == Picture(
            id=third, product_id=two, position=2, digest=stored(2).digest, width=1600, height=2
        )

    def test_pictures_are_replaced_with_new_positions_and_their_ids_are_not_used_again(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one"))[0].id
        ids = [add(scene, product_id, number) for number in (1, 2, 3)]

        def work(tx: Transaction) -> list[Picture]:
            products.locked_product(tx, product_id)
            first, second, third = tx.pictures.of_products([product_id])
            tx.pictures.replace(product_id, numbered([second, first]))
            tx.pictures.replace(product_id, numbered([first, second]))
            tx.pictures.replace(product_id, numbered([second, first]))
            assert third.id == ids[2]
            return list(tx.pictures.of_products([product_id]))

        after = scene.store.write(work)
        assert [(picture.id, picture.position) for picture in after] == [(ids[1], 1), (ids[0], 2)]
        assert pictures_of(scene, product_id) == after
        assert add(scene, product_id, 4) > ids[2]

    def test_the_link_of_a_product_is_the_address_of_its_first_picture(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one", bucket_link="/imported"))[0].id
        first = add(scene, product_id, 1)
        shown = product_now(scene, product_id).bucket_link
        assert stored(1).digest in shown
        second = add(scene, product_id, 2)
        assert product_now(scene, product_id).bucket_link == shown
        pictures.order_pictures(scene.shop, OPERATOR, product_id, [second, first], lambda _: True)
        assert stored(2).digest in product_now(scene, product_id).bucket_link
        pictures.delete_picture(scene.shop, OPERATOR, product_id, second)
        assert product_now(scene, product_id).bucket_link == shown
        pictures.delete_picture(scene.shop, OPERATOR, product_id, first)
        assert product_now(scene, product_id).bucket_link == ""

    def test_an_import_does_not_change_the_link_of_a_product_with_pictures(self, scene: Scene) -> None:
        entries = [product_entry(sku, bucket_link="/imported") for sku in ("one", "two")]
        one, two = (scene.sell(entry)[0].id for entry in entries)
        add(scene, one, 1)
        shown = product_now(scene, one)
        again = [attrs.evolve(entry, bucket_link="/again") for entry in entries]
        counts = import_products(scene.shop, OPERATOR, again).counts
        assert (counts.updated, counts.unchanged) == (1, 1)
        assert product_now(scene, one) == shown
        assert product_now(scene, two).bucket_link == "/again"

    def test_concurrent_uploads_do_not_exceed_the_maximum(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one"))[0].id
        for number in range(1, MAX_PICTURES - 1):
            add(scene, product_id, number)
        results = racing(RACERS, lambda n: add(scene, product_id, 100 + n))
        refused = [result for result in results if isinstance(result, errors.SellOutError)]
        assert list(map(type, refused)) == [errors.LimitReached] * (RACERS - 2)
        assert [picture.position for picture in pictures_of(scene, product_id)] == list(range(1, MAX_PICTURES + 1))

    def test_concurrent_uploads_of_one_picture_add_it_once(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one"))[0].id
        results = racing(RACERS, lambda _: pictures.add_picture(scene.shop, OPERATOR, product_id, stored(1)))
        assert sorted(is_new for _, is_new in results) == [False] * (RACERS - 1) + [True]
        assert len(pictures_of(scene, product_id)) == 1

    def test_two_orders_that_are_based_on_one_version_do_not_both_succeed(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one"))[0].id
        ids = [add(scene, product_id, number) for number in (1, 2)]
        seen = pictures.read_pictures(scene.shop, OPERATOR, product_id)
        results = racing(
            RACERS,
            lambda _: pictures.order_pictures(scene.shop, OPERATOR, product_id, ids[::-1], lambda now: now == seen),
        )
        assert sum(isinstance(result, errors.Stale) for result in results) == RACERS - 1

    def test_a_picture_is_deleted_with_its_product(self, scene: Scene) -> None:
        one, two = (scene.sell(product_entry(sku))[0].id for sku in ("one", "two"))
        for product_id in (one, two):
            add(scene, product_id, 1)
        products.delete_product(scene.shop, OPERATOR, one, lambda _: True)
        assert [picture.product_id for picture in pictures_of(scene, one, two)] == [two]
        with pytest.raises(errors.NotFound):
            add(scene, one, 2)

    def test_digests_that_pictures_have_are_used(self, scene: Scene) -> None:
        one, two = (scene.sell(product_entry(sku))[0].id for sku in ("one", "two"))
        picture_id = add(scene, one, 1)
        add(scene, one, 2)
        add(scene, two, 1)
        digests = [stored(number).digest for number in (1, 2, 3)]

        def used(*wanted: str) -> set[str]:
            return set(scene.store.read(lambda tx: tx.pictures.used(wanted)))

        assert used() == set()
        assert used(*digests) == set(digests[:2])
        assert used(digests[2]) == set()
        pictures.delete_picture(scene.shop, OPERATOR, one, picture_id)
        assert used(digests[0]) == {digests[0]}
        products.delete_product(scene.shop, OPERATOR, two, lambda _: True)
        assert used(*digests) == {digests[1]}

    def test_each_change_has_an_audit_entry(self, scene: Scene) -> None:
        product_id = scene.sell(product_entry("one", bucket_link="/imported"))[0].id
        first, second = add(scene, product_id, 1), add(scene, product_id, 2)
        pictures.order_pictures(scene.shop, OPERATOR, product_id, [second, first], lambda _: True)
        pictures.order_pictures(scene.shop, OPERATOR, product_id, [second, first], lambda _: True)
        pictures.delete_picture(scene.shop, OPERATOR, product_id, second)
        query = AuditQuery(kind="product", object_id=product_id)
        entries = scene.store.read(lambda tx: tx.audit.after(query, 0, 9))
        changes = [entry.changes["pictures"] for entry in entries]
        assert [(change.before, change.after) for change in changes] == [
            ((), (first,)),
            ((first,), (first, second)),
            ((first, second), (second, first)),
            ((second, first), (first,)),
        ]
        assert entries[0].changes["bucket_link"].before == "/imported"
        assert "bucket_link" not in entries[1].changes
        assert {entry.action for entry in entries} == {"update"}
