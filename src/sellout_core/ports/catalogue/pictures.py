"""Ports of pictures: the rows of a store, the files, and the decoding of uploads."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sellout_core.catalogue.pictures import NewPicture, Picture, RenderedPicture
from sellout_core.values import PictureId, ProductId

__all__ = ["PictureRenderer", "PictureStorage", "Pictures"]


class Pictures(Protocol):
    """Pictures of products. Their files are in a `PictureStorage`."""

    def of_products(self, product_ids: Collection[ProductId]) -> Sequence[Picture]:
        """All pictures of those products, by product and position."""

    def add(self, new: NewPicture) -> PictureId:
        """Stores a new picture of a product obtained from `Products.by_sku`. The product has no picture with its
        position or its digest.
        """

    def replace(self, product_id: ProductId, pictures: Sequence[Picture]) -> None:
        """Replaces all pictures of a product obtained from `Products.by_sku` by some of them, with new positions."""

    def used(self, digests: Collection[str]) -> Collection[str]:
        """Those of the digests that a picture of any product has."""


class PictureStorage(Protocol):
    """The files of pictures. Each name contains a hash of the content, so no file changes its content."""

    def put(self, files: Mapping[str, bytes]) -> None:
        """Stores files by name, durably. A file that exists counts as stored at this time.

        Raises:
            Unavailable: the storage failed. Some of the files may be stored.
        """

    def address(self, name: str) -> str:
        """The public address of a file, or its path on the shop's server."""

    def stored_before(self, time: datetime) -> Iterator[Sequence[str]]:
        """The names of all files that were stored before a time, in batches.

        Raises:
            Unavailable: the storage failed.
        """

    def delete(self, names: Sequence[str], stored_before: datetime) -> int:
        """Deletes files, except those that were stored again since. Returns their number.

        Raises:
            Unavailable: the storage failed. Some of the files may be deleted.
        """


class PictureRenderer(Protocol):
    """Decodes an uploaded picture and makes the files of its sizes."""

    def __call__(self, content: bytes, media_type: str) -> RenderedPicture:
        """The sizes of a picture, upright and without metadata. Equal files have equal sizes.

        Args:
            content: The uploaded file.
            media_type: Its stated type: `image/jpeg`, `image/png` or `image/webp`.

        Raises:
            UnsupportedPicture: the file has another type.
            PictureTooLarge: it has over 40 million pixels, or a side over 16,384. Checked before decoding.
            AnimatedPicture: it has more than one frame.
            PictureDamaged: it is not exactly one complete picture.
            Unavailable: this shop takes no pictures.
        """
