"""Uploads, lists, orders and deletes the pictures of products."""

from collections.abc import Callable, Sequence
from datetime import datetime

import attrs

from sellout_core.audit import audited
from sellout_core.catalogue.pictures import (
    NewPicture,
    Picture,
    PictureSize,
    StoredPicture,
    file_names,
    numbered,
)
from sellout_core.catalogue.products import Product
from sellout_core.errors import FieldCode, InvalidField, InvalidFields, LimitReached, NotFound, Stale
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.use_cases.catalogue.browsing import found_product
from sellout_core.use_cases.catalogue.products import locked_product
from sellout_core.values import MAX_PICTURES, PictureId, ProductId

__all__ = [
    "PictureView",
    "PictureViews",
    "add_picture",
    "delete_picture",
    "order_pictures",
    "read_pictures",
    "require_product",
    "store_picture",
]


@attrs.frozen
class PictureView:
    """A picture, with the address of each size."""

    picture: Picture
    small: str
    medium: str
    large: str


PictureViews = tuple[PictureView, ...]


def read_pictures(shop: ReadingShop, actor: Actor, product_id: ProductId) -> PictureViews:
    """The pictures of a product, in order. Any actor may read them.

    Raises:
        NotFound: there is no such product, or it is not listed and the actor is not staff.
    """

    def work(tx: Transaction) -> PictureViews:
        found_product(tx, actor, product_id)
        return _views(shop, tx.pictures.of_products([product_id]))

    return shop.store.read(work)


def require_product(shop: ReadingShop, actor: Actor, product_id: ProductId) -> None:
    """Checks that an actor may upload a picture of a product, before the picture is received. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
    """
    actor.require_staff()
    shop.store.read(lambda tx: found_product(tx, actor, product_id))


def store_picture(shop: Shop, actor: Actor, product_id: ProductId, content: bytes, media_type: str) -> StoredPicture:
    """Decodes a picture and stores its files, which no product shows until `add_picture`. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        UnsupportedPicture, PictureTooLarge, AnimatedPicture, PictureDamaged: see `ports.PictureRenderer`.
        LimitReached: the product has 20 other pictures. No file is stored.
        Unavailable: the storage failed.
    """
    actor.require_staff()
    rendered = shop.render_picture(content, media_type)
    stored = rendered.stored
    shop.store.read(lambda tx: _find(tx.pictures.of_products([product_id]), stored))
    names = file_names(stored.digest)
    shop.picture_storage.put({names[size]: rendered.files[size] for size in PictureSize})
    return stored


def add_picture(shop: Shop, actor: Actor, product_id: ProductId, stored: StoredPicture) -> tuple[PictureView, bool]:
    """Adds a stored picture as the last one of a product. Returns the picture, and whether the product did not have it.
    For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
        LimitReached: the product has 20 other pictures.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> tuple[PictureView, bool]:
        product = locked_product(tx, product_id)
        before = tx.pictures.of_products([product_id])
        if (known := _find(before, stored)) is not None:
            return _view(shop, known), False
        new = NewPicture(product_id=product_id, position=len(before) + 1, **attrs.asdict(stored))
        added = Picture(id=tx.pictures.add(new), **attrs.asdict(new))
        _save_product(shop, tx, actor, now, product, before, [*before, added])
        return _view(shop, added), True

    return shop.store.write(work)


def order_pictures(
    shop: Shop,
    actor: Actor,
    product_id: ProductId,
    picture_ids: Sequence[PictureId],
    is_current: Callable[[PictureViews], bool],
) -> PictureViews:
    """Puts the pictures of a product into another order. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product.
        Stale: the product has other pictures, or another order.
        InvalidFields: the ids are not those of all pictures of the product, each once.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> PictureViews:
        product = locked_product(tx, product_id)
        before = tx.pictures.of_products([product_id])
        if not is_current(_views(shop, before)):
            raise Stale
        by_id = {picture.id: picture for picture in before}
        if sorted(picture_ids) != sorted(by_id):
            reason = "must have the id of each image of the product once"
            raise InvalidFields((InvalidField("images", reason, FieldCode.NOT_ONE_OF),))
        after = numbered([by_id[picture_id] for picture_id in picture_ids])
        if after != tuple(before):
            tx.pictures.replace(product_id, after)
            _save_product(shop, tx, actor, now, product, before, after)
        return _views(shop, after)

    return shop.store.write(work)


def delete_picture(shop: Shop, actor: Actor, product_id: ProductId, picture_id: PictureId) -> PictureView:
    """Deletes a picture of a product and returns it. Its files stay: caches and orders may refer to them. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such product, or it has no such picture.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> PictureView:
        product = locked_product(tx, product_id)
        before = tx.pictures.of_products([product_id])
        deleted = next((picture for picture in before if picture.id == picture_id), None)
        if deleted is None:
            raise NotFound
        after = numbered([picture for picture in before if picture != deleted])
        tx.pictures.replace(product_id, after)
        _save_product(shop, tx, actor, now, product, before, after)
        return _view(shop, deleted)

    return shop.store.write(work)


@attrs.frozen
class _Shown:
    """What an audit entry has of a product with pictures."""

    pictures: tuple[PictureId, ...]
    bucket_link: str


def _save_product(
    shop: Shop,
    tx: Transaction,
    actor: Actor,
    now: datetime,
    product: Product,
    before: Sequence[Picture],
    after: Sequence[Picture],
) -> None:
    """Writes a product whose pictures have changed. `bucket_link` is the address of the first one, or empty without
    pictures.
    """
    link = _view(shop, after[0]).large if after else ""
    tx.products.save_many([attrs.evolve(product, bucket_link=link, updated_at=now)])
    was, becomes = (
        _Shown(tuple(picture.id for picture in pictures), shown)
        for pictures, shown in ((before, product.bucket_link), (after, link))
    )
    tx.audit.add([audited(actor, now, "product", product.id, before=was, after=becomes)])


def _find(pictures: Sequence[Picture], stored: StoredPicture) -> Picture | None:
    """The picture of a product with the same files.

    Raises:
        LimitReached: it has none, and cannot get another picture.
    """
    found = next((picture for picture in pictures if picture.digest == stored.digest), None)
    if found is None and len(pictures) >= MAX_PICTURES:
        raise LimitReached(MAX_PICTURES)
    return found


def _views(shop: ReadingShop, pictures: Sequence[Picture]) -> PictureViews:
    return tuple(_view(shop, picture) for picture in pictures)


def _view(shop: ReadingShop, picture: Picture) -> PictureView:
    names = file_names(picture.digest)
    return PictureView(picture, *(shop.picture_storage.address(names[size]) for size in PictureSize))
