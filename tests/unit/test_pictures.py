"""Pictures of products: their files, their order, their limits, and the link of their product."""

import io

import pytest
from PIL import Image

from sellout_adapters.system import assemble
from sellout_adapters.testing.scene import KEY
from sellout_core import errors, picture_errors
from sellout_core.catalogue.pictures import (
    PictureSize,
    RenderedPicture,
    StoredPicture,
    digest_in,
    file_names,
)
from sellout_core.people.accounts import ANONYMOUS, OPERATOR
from sellout_core.use_cases.catalogue import pictures, products
from sellout_core.use_cases.catalogue.importing.entries import ProductEdit
from sellout_core.use_cases.catalogue.pictures import PictureView
from sellout_core.use_cases.upkeep import delete_unused_files
from sellout_core.values import MAX_PICTURES, PictureId, ProductId
from tests.unit.shop_scene import PICTURE, Scene, storage_of

ABSENT = ProductId(999)


def stored(number: int) -> StoredPicture:
    return StoredPicture(f"{number:048x}", 4, 3)


def add(scene: Scene, product_id: ProductId, number: int) -> PictureView:
    view, is_new = pictures.add_picture(scene.shop, OPERATOR, product_id, stored(number))
    assert is_new
    return view


@pytest.fixture
def product_id(scene: Scene) -> ProductId:
    return scene.goods("dunk", bucket_link="/imported").product_id


def shown(scene: Scene, product_id: ProductId) -> list[PictureId]:
    return [view.picture.id for view in pictures.read_pictures(scene.shop, ANONYMOUS, product_id)]


def link_of(scene: Scene, product_id: ProductId) -> str:
    return scene.store.read(lambda tx: tx.products.get_many([product_id])[product_id].bucket_link)


def test_the_digest_of_a_picture_depends_on_each_file_and_on_nothing_else() -> None:
    files = {PictureSize.SMALL: b"a", PictureSize.MEDIUM: b"bc", PictureSize.LARGE: b"d"}
    reordered = dict(reversed(files.items()))
    digest = RenderedPicture(files, 4, 3).stored
    assert RenderedPicture(reordered, 4, 3).stored == digest == StoredPicture(digest.digest, 4, 3)
    others = [{**files, size: b"other"} for size in PictureSize]
    moved = {**files, PictureSize.SMALL: b"ab", PictureSize.MEDIUM: b"c"}
    digests = {RenderedPicture(each, 4, 3).stored.digest for each in (files, moved, *others)}
    assert len(digests) == 5
    assert {len(each) for each in digests} == {48}


def test_a_file_name_has_the_digest_and_the_size() -> None:
    digest = stored(10).digest
    names = file_names(digest)
    assert names == {
        PictureSize.SMALL: f"{digest}-small.webp",
        PictureSize.MEDIUM: f"{digest}-medium.webp",
        PictureSize.LARGE: f"{digest}-large.webp",
    }
    assert {digest_in(name) for name in names.values()} == {digest}
    good = names[PictureSize.SMALL]
    for bad in (
        *("", ".", "..", "/", "../" + good, "/" + good, good + "/", good + "\n", " " + good, good.upper(), good[1:]),
        *(good.replace("small", "huge"), good.replace("webp", "png"), good.replace(".", "-"), "0" + good, good + "\0"),
        *(f"{'g' * 48}-small.webp", f"{chr(0x661) * 48}-small.webp"),
    ):
        assert digest_in(bad) is None, bad


def test_an_upload_stores_three_files_that_no_product_shows_yet(scene: Scene, product_id: ProductId) -> None:
    found = pictures.store_picture(scene.shop, OPERATOR, product_id, PICTURE, "image/png")
    assert (found.width, found.height) == (1, 1)
    assert storage_of(scene).names() == sorted(file_names(found.digest).values())
    assert shown(scene, product_id) == []
    view, is_new = pictures.add_picture(scene.shop, OPERATOR, product_id, found)
    assert is_new
    addresses = {view.small: "small", view.medium: "medium", view.large: "large"}
    assert {address.removeprefix(f"/pictures/{found.digest}-") for address in addresses} == {
        f"{size}.webp" for size in addresses.values()
    }
    assert pictures.read_pictures(scene.shop, ANONYMOUS, product_id) == (view,)


def test_a_picture_that_the_product_has_is_returned(scene: Scene, product_id: ProductId) -> None:
    """Also if the product is full. The product does not change."""
    views = [add(scene, product_id, number) for number in range(MAX_PICTURES)]
    before = scene.store.read(lambda tx: tx.products.get_many([product_id]))
    scene.clock.advance(hours=1)
    assert pictures.add_picture(scene.shop, OPERATOR, product_id, stored(7)) == (views[7], False)
    assert scene.store.read(lambda tx: tx.products.get_many([product_id])) == before
    found = pictures.store_picture(scene.shop, OPERATOR, scene.goods("empty").product_id, PICTURE, "image/png")
    pictures.delete_picture(scene.shop, OPERATOR, product_id, views[0].picture.id)
    pictures.add_picture(scene.shop, OPERATOR, product_id, found)
    assert pictures.store_picture(scene.shop, OPERATOR, product_id, PICTURE, "image/png") == found


def test_a_product_has_20_pictures_at_most(scene: Scene, product_id: ProductId) -> None:
    """The file of a 21st picture is not stored."""
    for number in range(MAX_PICTURES):
        add(scene, product_id, number)
    before = shown(scene, product_id)
    assert len(before) == 20
    with pytest.raises(errors.LimitReached) as early:
        pictures.store_picture(scene.shop, OPERATOR, product_id, PICTURE, "image/png")
    assert early.value.maximum == 20
    assert storage_of(scene).names() == []
    with pytest.raises(errors.LimitReached):
        pictures.add_picture(scene.shop, OPERATOR, product_id, stored(99))
    assert shown(scene, product_id) == before


def test_a_bad_file_is_refused_and_stores_nothing(scene: Scene, product_id: ProductId) -> None:
    for content, media_type, refusal in (
        (PICTURE, "image/jpeg", picture_errors.UnsupportedPicture),
        (PICTURE, "image/gif", picture_errors.UnsupportedPicture),
        (PICTURE[:-1], "image/png", picture_errors.PictureDamaged),
    ):
        with pytest.raises(refusal):
            pictures.store_picture(scene.shop, OPERATOR, product_id, content, media_type)
    assert storage_of(scene).names() == []


@pytest.mark.parametrize("order", [[], [0], [0, 0], [0, 1, 1], [0, 1, 2]], ids=str)
def test_an_order_has_each_picture_once(scene: Scene, product_id: ProductId, order: list[int]) -> None:
    ids = [add(scene, product_id, number).picture.id for number in (1, 2)]
    wanted = [*ids, PictureId(999)]
    with pytest.raises(errors.InvalidFields) as refusal:
        pictures.order_pictures(scene.shop, OPERATOR, product_id, [wanted[n] for n in order], lambda _: True)
    assert [field.name for field in refusal.value.fields] == ["images"]
    assert shown(scene, product_id) == ids


def test_an_order_is_based_on_the_current_one(scene: Scene, product_id: ProductId) -> None:
    views = tuple(add(scene, product_id, number) for number in (1, 2))
    ids = [view.picture.id for view in views]
    after = pictures.order_pictures(scene.shop, OPERATOR, product_id, ids[::-1], lambda now: now == views)
    assert [view.picture.id for view in after] == shown(scene, product_id) == ids[::-1]
    with pytest.raises(errors.Stale):
        pictures.order_pictures(scene.shop, OPERATOR, product_id, ids, lambda now: now == views)


def test_the_same_order_changes_nothing(scene: Scene, product_id: ProductId) -> None:
    picture = add(scene, product_id, 1).picture
    before = scene.store.read(lambda tx: tx.products.get_many([product_id]))
    scene.clock.advance(hours=1)
    pictures.order_pictures(scene.shop, OPERATOR, product_id, [picture.id], lambda _: True)
    assert scene.store.read(lambda tx: tx.products.get_many([product_id])) == before


def test_the_others_move_up_after_a_deletion(scene: Scene, product_id: ProductId) -> None:
    views = [add(scene, product_id, number) for number in (1, 2, 3)]
    assert pictures.delete_picture(scene.shop, OPERATOR, product_id, views[0].picture.id) == views[0]
    left = scene.store.read(lambda tx: tx.pictures.of_products([product_id]))
    assert [(picture.id, picture.position) for picture in left] == [(views[1].picture.id, 1), (views[2].picture.id, 2)]
    assert link_of(scene, product_id) == views[1].large
    assert add(scene, product_id, 4).picture.position == 3


def test_a_picture_of_another_product_is_not_found(scene: Scene, product_id: ProductId) -> None:
    other = add(scene, scene.goods("other").product_id, 1).picture.id
    for wanted in (other, PictureId(999)):
        with pytest.raises(errors.NotFound):
            pictures.delete_picture(scene.shop, OPERATOR, product_id, wanted)


def test_a_product_that_does_not_exist_has_no_pictures(scene: Scene) -> None:
    for call in (
        lambda: pictures.read_pictures(scene.shop, OPERATOR, ABSENT),
        lambda: pictures.require_product(scene.shop, OPERATOR, ABSENT),
        lambda: pictures.add_picture(scene.shop, OPERATOR, ABSENT, stored(1)),
        lambda: pictures.order_pictures(scene.shop, OPERATOR, ABSENT, [], lambda _: True),
        lambda: pictures.delete_picture(scene.shop, OPERATOR, ABSENT, PictureId(1)),
    ):
        with pytest.raises(errors.NotFound):
            call()


def test_pictures_of_a_hidden_product_are_for_staff(scene: Scene) -> None:
    hidden = scene.goods("hidden", available_flag=False).product_id
    add(scene, hidden, 1)
    with pytest.raises(errors.NotFound):
        pictures.read_pictures(scene.shop, ANONYMOUS, hidden)
    assert len(pictures.read_pictures(scene.shop, scene.staff().actor, hidden)) == 1


def test_a_change_of_a_product_keeps_the_link_of_its_pictures(scene: Scene, product_id: ProductId) -> None:
    """Without pictures it sets the link."""
    view = add(scene, product_id, 1)
    edit = ProductEdit(bucket_link="/changed")

    def change() -> str:
        return products.change_product(scene.shop, OPERATOR, product_id, edit, lambda _: True).product.bucket_link

    assert change() == view.large
    pictures.delete_picture(scene.shop, OPERATOR, product_id, view.picture.id)
    assert link_of(scene, product_id) == ""
    assert change() == "/changed"


def test_a_shop_takes_no_pictures_unless_it_has_a_storage_and_a_renderer(scene: Scene) -> None:
    shop = assemble(scene.store, KEY)
    with pytest.raises(errors.Unavailable):
        shop.render_picture(PICTURE, "image/png")
    with pytest.raises(errors.Unavailable):
        shop.picture_storage.put({})
    assert shop.picture_storage.address("name") == "name"
    assert list(shop.picture_storage.stored_before(shop.clock())) == []
    assert shop.picture_storage.delete(["name"], shop.clock()) == 0


def test_files_that_no_product_has_are_deleted_after_a_day(scene: Scene, product_id: ProductId) -> None:
    """A file that another product has, too, stays."""
    other = scene.goods("other").product_id
    colored = [stored_files(scene, product_id, color) for color in ("red", "green", "blue")]
    shared, own, unused = (storage_names(each) for each in colored)
    views = [pictures.add_picture(scene.shop, OPERATOR, product_id, each)[0] for each in colored[:2]]
    pictures.add_picture(scene.shop, OPERATOR, other, colored[0])
    scene.clock.advance(hours=24)
    assert delete_unused_files(scene.shop, OPERATOR) == 0
    scene.clock.advance(seconds=1)
    assert delete_unused_files(scene.shop, OPERATOR) == len(unused)
    assert storage_of(scene).names() == sorted([*shared, *own])
    for view in views:
        pictures.delete_picture(scene.shop, OPERATOR, product_id, view.picture.id)
    assert delete_unused_files(scene.shop, OPERATOR) == len(own)
    assert storage_of(scene).names() == shared
    assert delete_unused_files(scene.shop, OPERATOR) == 0


def test_an_upload_begins_a_new_day_of_its_files(scene: Scene, product_id: ProductId) -> None:
    found = stored_files(scene, product_id, "red")
    scene.clock.advance(hours=25)
    assert stored_files(scene, product_id, "red") == found
    assert delete_unused_files(scene.shop, OPERATOR) == 0
    scene.clock.advance(hours=25)
    assert delete_unused_files(scene.shop, OPERATOR) == 3


def test_other_files_of_the_storage_stay(scene: Scene) -> None:
    storage_of(scene).put({"notes.txt": b"notes"})
    scene.clock.advance(hours=25)
    assert delete_unused_files(scene.shop, OPERATOR) == 0
    assert storage_of(scene).names() == ["notes.txt"]


def stored_files(scene: Scene, product_id: ProductId, color: str) -> StoredPicture:
    """Uploads a picture of one colour without adding it to the product."""
    file = io.BytesIO()
    Image.new("RGB", (3, 3), color).save(file, "PNG")
    return pictures.store_picture(scene.shop, OPERATOR, product_id, file.getvalue(), "image/png")


def storage_names(found: StoredPicture) -> list[str]:
    """The sorted names of the files of a picture."""
    return sorted(file_names(found.digest).values())
