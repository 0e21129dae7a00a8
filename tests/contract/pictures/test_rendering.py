"""Decoding of uploaded pictures: the sizes, the removal of metadata, and files that are refused."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Final

import pytest
from PIL import Image, ImageCms

from sellout_adapters.pictures.rendering import render_picture
from sellout_core.catalogue.pictures import PictureSize, RenderedPicture
from sellout_core.picture_errors import AnimatedPicture, PictureDamaged, PictureTooLarge, UnsupportedPicture
from tests.contract.support.pictures import encoded, plain

TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
SECRET: Final = "Secret Camera"
ORIENTATION, MAKER = 0x112, 0x10F
FRAMES: Final = [Image.new("RGB", (20, 20), color) for color in ("red", "blue", "green")]

each_type = pytest.mark.parametrize("kind", TYPES)


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG file whose header states this size."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def webp_of(width: int, height: int) -> bytes:
    """A WebP file whose header states this size of the canvas."""
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    parts = b"WEBP" + b"VP8X" + struct.pack("<I", 10) + bytes(4) + sides + plain(kind="WEBP", lossless=True)[12:]
    return b"RIFF" + struct.pack("<I", len(parts)) + parts


def opened(rendered: RenderedPicture, size: PictureSize = PictureSize.LARGE) -> Image.Image:
    """A size of a picture, decoded."""
    picture = Image.open(io.BytesIO(rendered.files[size]))
    picture.load()
    assert picture.format == "WEBP"
    return picture


def near(color: object, wanted: tuple[int, ...]) -> bool:
    """Whether a colour is almost another one."""
    assert isinstance(color, tuple)
    return len(color) == len(wanted) and all(abs(one - other) <= 6 for one, other in zip(color, wanted, strict=True))


@each_type
def test_a_picture_has_three_sizes_in_its_proportions(kind: str) -> None:
    rendered = render_picture(plain(size=(3200, 2000), kind=kind), TYPES[kind])
    assert {size: opened(rendered, size).size for size in PictureSize} == {
        PictureSize.LARGE: (1600, 1000),
        PictureSize.MEDIUM: (800, 500),
        PictureSize.SMALL: (320, 200),
    }
    assert (rendered.width, rendered.height) == (1600, 1000)
    assert near(opened(rendered).getpixel((5, 5)), (254, 0, 0))


@each_type
def test_a_small_picture_is_not_enlarged(kind: str) -> None:
    rendered = render_picture(plain(size=(500, 1), kind=kind), TYPES[kind])
    assert [opened(rendered, size).size for size in PictureSize] == [(320, 1), (500, 1), (500, 1)]


@each_type
def test_metadata_is_removed_and_its_orientation_applied(kind: str) -> None:
    """Orientation 6: the first row of the file is the right side of the picture."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, SECRET
    lying = Image.new("RGB", (60, 40), "blue")
    lying.paste((255, 0, 0), (0, 0, 60, 20))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(lying, kind, exif=exif, icc_profile=profile, quality=95)
    assert SECRET.encode() in content
    rendered = render_picture(content, TYPES[kind])
    upright = opened(rendered)
    assert upright.size == (rendered.width, rendered.height) == (40, 60)
    assert near(upright.getpixel((35, 30)), (254, 0, 0))
    assert near(upright.getpixel((5, 30)), (0, 0, 254))
    for size in PictureSize:
        assert not set(opened(rendered, size).info) & {"exif", "icc_profile", "xmp", "comment"}
        assert not any(word in rendered.files[size] for word in (SECRET.encode(), b"EXIF", b"ICCP", b"XMP "))


def test_equal_files_have_equal_sizes_whatever_their_metadata() -> None:
    exif = Image.Exif()
    exif[MAKER] = SECRET
    one, two = (render_picture(content, "image/png") for content in (plain(), plain(exif=exif)))
    assert one == two
    assert one.stored == two.stored


def test_colours_are_converted_to_srgb() -> None:
    """In the profile, red and blue are exchanged. A wrong profile is ignored."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"?", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"?", b"bXYZ", 1)
    for profile, wanted in ((srgb, (254, 0, 0)), (exchanged, (0, 0, 254)), (b"no profile", (254, 0, 0))):
        rendered = render_picture(plain("red", icc_profile=profile), "image/png")
        assert near(opened(rendered).getpixel((5, 5)), wanted)


@pytest.mark.parametrize(
    ("picture", "wanted"),
    [
        (Image.new("1", (9, 9), 1), (255, 255, 255)),
        (Image.new("L", (9, 9), 100), (100, 100, 100)),
        (Image.new("I;16", (9, 9), 25_600), (100, 100, 100)),
        (Image.new("P", (9, 9)), (0, 0, 0)),
        (Image.new("LA", (9, 9), (100, 50)), (100, 100, 100, 50)),
        (Image.new("RGBA", (9, 9), (10, 20, 30, 40)), (10, 20, 30, 40)),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_every_kind_of_png_is_read(picture: Image.Image, wanted: tuple[int, ...]) -> None:
    pixel = opened(render_picture(encoded(picture), "image/png")).getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert near(pixel[3:], wanted[3:])
    assert near(pixel[:3], wanted[:3]) or len(wanted) == 4


def test_a_jpeg_of_four_colours_and_one_of_grey_are_read() -> None:
    for mode, color in (("CMYK", (0, 255, 255, 0)), ("L", 76)):
        content = encoded(Image.new(mode, (40, 40), color), "JPEG", quality=95)
        assert opened(render_picture(content, "image/jpeg")).mode == "RGB"


def test_the_first_picture_of_a_phone_is_taken() -> None:
    content = encoded(FRAMES[0], "MPO", save_all=True, append_images=FRAMES[1:])
    assert near(opened(render_picture(content, "image/jpeg")).getpixel((5, 5)), (254, 0, 0))


@each_type
def test_a_truncated_picture_is_damaged(kind: str) -> None:
    noise = Image.effect_noise((90, 60), 90).convert("RGB")
    content = encoded(noise, kind)
    for length in (13, 40, len(content) // 3, len(content) // 2, len(content) - 9, len(content) - 1):
        with pytest.raises(PictureDamaged):
            render_picture(content[:length], TYPES[kind])


@each_type
def test_a_picture_with_other_data_after_it_is_damaged(kind: str) -> None:
    for tail in (b"\0", b"<script>alert(1)</script>", b"PK\x05\x06" + bytes(18), b"%PDF-1.7"):
        with pytest.raises(PictureDamaged):
            render_picture(plain(kind=kind) + tail, TYPES[kind])


@each_type
def test_nothing_of_a_polyglot_is_left_in_the_files(kind: str) -> None:
    """A tail that ends as a picture does is not found, and a comment is part of the picture."""
    script = b"<script>alert(1)</script>"
    ends = {"JPEG": b"\xff\xd9", "PNG": b"\0\0\0\0IEND\xaeB`\x82", "WEBP": b""}
    content = plain(kind=kind) + script + ends[kind]
    if kind == "WEBP":
        content = content[:4] + struct.pack("<I", len(content) - 8) + content[8:]
    try:
        files = render_picture(content, TYPES[kind]).files
    except PictureDamaged:
        return
    assert not any(script in file for file in files.values())


def test_a_damaged_chunk_of_a_png_is_found() -> None:
    """By its checksum, also where the decoder would read on."""
    content = bytearray(plain())
    at = content.index(b"IDAT") + 4
    for offset in range(at, at + 12):
        damaged = bytes([*content[:offset], content[offset] ^ 0xFF, *content[offset + 1 :]])
        with pytest.raises(PictureDamaged):
            render_picture(damaged, "image/png")


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (png_of(1, 100_000), "image/png"),
        (png_of(100_000, 1), "image/png"),
        (png_of(16_385, 1), "image/png"),
        (png_of(6_325, 6_325), "image/png"),
        (png_of(10_000, 10_000), "image/png"),
        (png_of(50_000, 50_000), "image/png"),
        (png_of(2**31 - 1, 2**31 - 1), "image/png"),
        (webp_of(16_383, 16_383), "image/webp"),
        (webp_of(2**24, 2**24), "image/webp"),
        (plain(size=(6_400, 6_260), kind="WEBP", lossless=True, quality=0, method=0), "image/webp"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_too_many_pixels_are_refused_by_the_header(content: bytes, media_type: str) -> None:
    """These files have a few bytes of pixels, or none."""
    with pytest.raises(PictureTooLarge):
        render_picture(content, media_type)


def test_a_jpeg_with_too_many_pixels_is_refused_by_its_header() -> None:
    content = plain(kind="JPEG")
    at = content.index(b"\xff\xc0") + 5
    with pytest.raises(PictureTooLarge):
        render_picture(content[:at] + struct.pack(">HH", 65_500, 65_500) + content[at + 4 :], "image/jpeg")


def test_as_many_pixels_as_allowed_are_decoded() -> None:
    for width, height in ((16_384, 2), (2, 16_384), (8_000, 5_000)):
        rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)))
        rendered = render_picture(png_of(width, height, rows), "image/png")
        assert max(rendered.width, rendered.height) == 1600


@pytest.mark.parametrize("make", [lambda kind: encoded(FRAMES[0], kind, save_all=True, append_images=FRAMES[1:])])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused(make: Callable[[str], bytes], kind: str) -> None:
    with pytest.raises(AnimatedPicture):
        render_picture(make(kind), TYPES[kind])


@each_type
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"RIFF\x24\x00\x00\x00WAVEfmt ",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<?xml version='1.0'?><svg/>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        plain(kind="GIF"),
        plain(kind="TIFF"),
        plain(kind="BMP"),
        plain(kind="ICO"),
        b"GIF89a" + plain(),
    ],
    ids=lambda content: repr(content[:9]),
)
def test_a_file_of_another_type_is_not_supported(kind: str, content: bytes) -> None:
    with pytest.raises(UnsupportedPicture):
        render_picture(content, TYPES[kind])


@each_type
def test_the_stated_type_is_that_of_the_file(kind: str) -> None:
    content = plain(kind=kind)
    for media_type in {*TYPES.values(), "image/gif", "image/svg+xml", "image/*", ""} - {TYPES[kind]}:
        with pytest.raises(UnsupportedPicture):
            render_picture(content, media_type)
