"""Pictures of products, in an order, and the names of their files."""

import enum
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from sellout_core.values import PictureId, ProductId

__all__ = [
    "NewPicture",
    "Picture",
    "PictureSize",
    "RenderedPicture",
    "StoredPicture",
    "digest_in",
    "file_names",
    "numbered",
]

_DIGEST_BYTES: Final = 24


class PictureSize(enum.Enum):
    """A size of a picture. The value is the maximum length of the longer side, in pixels. No size is larger than the
    uploaded picture.
    """

    SMALL = 320
    MEDIUM = 800
    LARGE = 1600


@attrs.frozen
class StoredPicture:
    """A picture whose files are stored.

    Attributes:
        digest: A hash of the files, which their names contain.
        width: The width of the large size, in pixels.
        height: The height of the large size, in pixels.
    """

    digest: str
    width: int
    height: int


@attrs.frozen
class RenderedPicture:
    """A picture as WebP files without metadata, one for each size. `width` and `height` are those of the large size, in
    pixels.
    """

    files: Mapping[PictureSize, bytes]
    width: int
    height: int

    @property
    def stored(self) -> StoredPicture:
        """The picture with a hash instead of its files. Equal files have equal hashes."""
        hashed = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for size in PictureSize:
            # The hash of each file has a fixed length, so other files of the same concatenation have another digest.
            hashed.update(hashlib.blake2b(self.files[size]).digest())
        return StoredPicture(hashed.hexdigest(), self.width, self.height)


@attrs.frozen(kw_only=True)
class NewPicture:
    """A picture of a product, without an id. The first one has the position 1."""

    product_id: ProductId
    position: int
    digest: str
    width: int
    height: int


@attrs.frozen(kw_only=True)
class Picture(NewPicture):
    """A picture of a product. A product has no two pictures with the same digest."""

    id: PictureId


def numbered(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """The pictures of a product with the positions of this order."""
    return tuple(attrs.evolve(picture, position=position) for position, picture in enumerate(pictures, 1))


def file_names(digest: str) -> Mapping[PictureSize, str]:
    """The names of a picture's files."""
    return {size: f"{digest}-{size.name.lower()}.webp" for size in PictureSize}


_FILE_NAME: Final = re.compile(
    rf"([0-9a-f]{{{2 * _DIGEST_BYTES}}})-(?:{'|'.join(size.name.lower() for size in PictureSize)})\.webp"
)


def digest_in(file_name: str) -> str | None:
    """The digest in the name of a picture's file. None: no picture has a file with such a name."""
    match = _FILE_NAME.fullmatch(file_name)
    return None if match is None else match[1]
