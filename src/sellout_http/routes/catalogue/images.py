"""The images of products."""

from typing import Final

from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.errors import InvalidFields, LimitReached
from sellout_core.picture_errors import AnimatedPicture, PictureDamaged, PictureTooLarge, UnsupportedPicture
from sellout_core.use_cases.catalogue import pictures
from sellout_core.use_cases.catalogue.pictures import PictureView
from sellout_core.values import PictureId, ProductId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Catalogue, Group, Reply
from sellout_http.api.preconditions import unless_changed, whole
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses
from sellout_http.schemas.requests.products import ImageOrder
from sellout_http.schemas.uploads import Upload

group = Group("Images", "The images of products. Every caller may read them, and staff change them.")

MAX_BYTES: Final = 10 * 1024 * 1024
_NAME: Final = "/pictures/3f2a0b5c7d9e1f2a4b6c8d0e2f4a6b8c0d2e4f6a8b0c2d4e"
_EXAMPLE: Final = {
    "id": 1,
    "width": 1600,
    "height": 1200,
    "small": f"{_NAME}-small.webp",
    "medium": f"{_NAME}-medium.webp",
    "large": f"{_NAME}-large.webp",
}

Images = tuple[responses.ProductImage, ...]


def _require_product(context: ReadContext, product_id: ProductId) -> None:
    pictures.require_product(context.shop, context.actor, product_id)


def _store(context: WriteContext, content: bytes, media_type: str, product_id: ProductId) -> StoredPicture:
    return pictures.store_picture(context.shop, context.actor, product_id, content, media_type)


UPLOAD: Final = Upload(
    media_types=("image/jpeg", "image/png", "image/webp"), max_bytes=MAX_BYTES, check=_require_product, store=_store
)


@group.read(
    "/product/{product_id}/images",
    Access.ANON,
    catalogue=Catalogue(),
    tagged=whole,
    reply_example=[_EXAMPLE],
)
def list_images(context: ReadContext, product_id: ProductId) -> Images:
    """The images of a product, in order.

    `bucket_link` of the product is the address of the first one.
    """
    return _images(pictures.read_pictures(context.shop, context.actor, product_id))


@group.write(
    "POST",
    "/product/{product_id}/images",
    Access.ADMIN,
    statuses=(201, 200),
    errors=(UnsupportedPicture, PictureDamaged, PictureTooLarge, AnimatedPicture, LimitReached),
    repeatable=True,
    upload=UPLOAD,
    reply_example=_EXAMPLE,
)
def add_image(context: WriteContext, product_id: ProductId, body: StoredPicture) -> Reply[responses.ProductImage]:
    """Upload an image, the last one of a product.

    The body is a JPEG, PNG or WebP file of at most 10 MiB, 40 megapixels, and 16,384 pixels on a side. Metadata is
    removed. An image that the product has already is returned with status 200.
    """
    view, is_new = pictures.add_picture(context.shop, context.actor, product_id, body)
    return Reply(_image(view), 201 if is_new else 200)


@group.write(
    "PUT",
    "/product/{product_id}/images",
    Access.ADMIN,
    errors=(InvalidFields,),
    parameters=(IF_MATCH,),
    tagged=whole,
    request_example={"images": [1]},
    reply_example=[_EXAMPLE],
)
def order_images(context: WriteContext, product_id: ProductId, body: ImageOrder) -> Images:
    """Put the images of a product into another order."""
    is_current = unless_changed(context, _images)
    picture_ids = tuple(map(PictureId, body.images))
    return _images(pictures.order_pictures(context.shop, context.actor, product_id, picture_ids, is_current))


@group.write("DELETE", "/product/{product_id}/images/{image_id}", Access.ADMIN, reply_example=_EXAMPLE)
def delete_image(context: WriteContext, product_id: ProductId, image_id: PictureId) -> responses.ProductImage:
    """Delete an image of a product, and return it."""
    return _image(pictures.delete_picture(context.shop, context.actor, product_id, image_id))


def _images(views: tuple[PictureView, ...]) -> Images:
    return tuple(map(_image, views))


def _image(view: PictureView) -> responses.ProductImage:
    picture = view.picture
    return responses.ProductImage(picture.id, picture.width, picture.height, view.small, view.medium, view.large)
