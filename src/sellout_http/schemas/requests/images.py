"""The bodies of requests that change the images of a product."""

from typing import Annotated

from msgspec import Meta

from sellout_core.values import MAX_PICTURES
from sellout_http.schemas.requests.common import Body, Id


class ImageOrder(Body, frozen=True):
    """The order of a product's images."""

    images: Annotated[
        tuple[Id, ...],
        Meta(max_length=MAX_PICTURES, description="The id of each image of the product once, the first image first."),
    ]
