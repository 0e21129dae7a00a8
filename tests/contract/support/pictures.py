"""Pictures for tests, and the storage of the shops in this process."""

import io
from typing import Any, Final

from PIL import Image


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plain(color: str = "red", size: tuple[int, int] = (30, 20), kind: str = "PNG", **options: Any) -> bytes:
    """A picture of one colour as a file."""
    return encoded(Image.new("RGB", size, color), kind, **options)


PICTURE: Final = plain()
