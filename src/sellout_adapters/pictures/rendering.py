"""Decodes uploaded pictures with Pillow, and encodes their sizes as WebP."""

import io
import re
import warnings
from contextlib import suppress
from typing import Final

from sellout_adapters.extras import naming_extras
from sellout_core.catalogue.pictures import PictureSize, RenderedPicture
from sellout_core.errors import SellOutError
from sellout_core.picture_errors import AnimatedPicture, PictureDamaged, PictureTooLarge, UnsupportedPicture

with naming_extras():
    from PIL import Image, ImageCms, ImageOps

__all__ = ["MAX_PIXELS", "MAX_SIDE", "render_picture"]

MAX_PIXELS: Final = 40_000_000
MAX_SIDE: Final = 16_384
_QUALITY: Final = 82

_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
"""Pillow's name of each type."""

_HEADS: Final = {
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "WEBP": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_JPEG_END: Final = b"\xff\xd9"
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_SRGB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def render_picture(content: bytes, media_type: str) -> RenderedPicture:
    """`ports.PictureRenderer`. Colours are converted to sRGB, because the files have no colour profile."""
    kind = _FORMATS.get(media_type)
    if kind is None or not _HEADS[kind].match(content):
        raise UnsupportedPicture
    try:
        return _rendered(content, kind)
    except SellOutError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureTooLarge from error
    except Exception as error:
        # For damaged files Pillow raises errors of many types, also those of a mistake in Python.
        raise PictureDamaged from error


def _rendered(content: bytes, kind: str) -> RenderedPicture:
    with _opened(content, kind) as picture:
        if max(picture.size) > MAX_SIDE or picture.width * picture.height > MAX_PIXELS:
            raise PictureTooLarge
        # Phones store a second picture for other screens in an MPO file, a kind of JPEG.
        if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
            raise AnimatedPicture
        if not _is_whole(content, kind):
            raise PictureDamaged
        # Compares the checksum of each chunk of a PNG file. After that, the file has to be opened again.
        picture.verify()
    with _opened(content, kind) as picture:
        large = _large(picture)
    files = {PictureSize.LARGE: _encoded(large)}
    smaller = large.copy()
    for size in (PictureSize.MEDIUM, PictureSize.SMALL):
        smaller.thumbnail((size.value, size.value), Image.Resampling.LANCZOS)
        files[size] = _encoded(smaller)
    return RenderedPicture(files, *large.size)


def _opened(content: bytes, kind: str) -> Image.Image:
    """A picture whose header was read."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(content), formats=[kind])


def _is_whole(content: bytes, kind: str) -> bool:
    """Whether the file ends where its picture ends. A longer one may be a file of another type as well."""
    if kind == "JPEG":
        return content.endswith(_JPEG_END)
    if kind == "PNG":
        return content.endswith(_PNG_END)
    return len(content) == 8 + int.from_bytes(content[4:8], "little")


def _large(picture: Image.Image) -> Image.Image:
    """The large size of a picture: upright, and in sRGB."""
    profile = picture.info.get("icc_profile")
    if picture.format not in {"JPEG", "MPO"}:
        # A palette and 16 bits cannot be interpolated. A JPEG is decoded in a smaller size at once.
        picture = _in_eight_bits(picture)
    picture.thumbnail((PictureSize.LARGE.value,) * 2, Image.Resampling.LANCZOS)
    upright = ImageOps.exif_transpose(picture)
    if profile:
        # A wrong profile is ignored, as browsers do.
        with suppress(ImageCms.PyCMSError, OSError):
            mode = "RGBA" if upright.mode == "RGBA" else "RGB"
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            upright = ImageCms.profileToProfile(upright, source, _SRGB, outputMode=mode) or upright
    return upright if upright.mode in {"RGB", "RGBA"} else upright.convert("RGB")


def _in_eight_bits(picture: Image.Image) -> Image.Image:
    """The picture in red, green, blue and, if it is transparent, alpha."""
    exif = picture.getexif()
    if picture.mode.startswith("I"):
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    converted = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    converted.info["exif"] = exif.tobytes()
    return converted


def _encoded(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY, method=4, exif=b"", xmp=b"", icc_profile=b"")
    return file.getvalue()
