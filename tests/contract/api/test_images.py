"""The images of products over HTTP: uploads, refusals that leave nothing behind, the order, and the files."""

import itertools
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import httpx2
import pytest

from sellout_adapters import demo
from sellout_adapters.pictures.folder import FolderPictures
from sellout_core.catalogue.pictures import StoredPicture
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.use_cases.catalogue.pictures import add_picture
from sellout_core.values import ProductId
from tests.contract.pictures.test_rendering import FRAMES, chunk, png_of
from tests.contract.support.pictures import PICTURE, encoded, plain
from tests.contract.support.shop import Served, demo_shop, everything_in, log_in, problem_of, serving_shop

pytestmark = pytest.mark.http

IMAGES: Final = "/product/1/images"
MAX_BYTES: Final = 10 * 1024 * 1024
COLORS: Final = itertools.count(1)


@attrs.frozen
class Staff:
    """A client of staff, and the folder with the files of pictures."""

    served: Served
    headers: dict[str, str]
    folder: Path

    @property
    def client(self) -> httpx2.Client:
        return self.served.client

    def upload(self, content: Any = PICTURE, media_type: str = "image/png", **headers: str) -> httpx2.Response:
        """Uploads an image of product 1."""
        sent = {**self.headers, "Content-Type": media_type, **headers}
        return self.client.post(IMAGES, content=content, headers=sent)

    def new(self) -> dict[str, Any]:
        """Uploads an image of its own colour."""
        # Colours that differ little are equal in a rendered picture.
        response = self.upload(plain(f"#{next(COLORS) * 0x3D0F35 & 0xFFFFFF:06x}"))
        assert response.status_code == 201, response.text
        document: dict[str, Any] = response.json()
        return document

    def link(self) -> str:
        """The `bucket_link` of product 1."""
        link: str = self.client.get("/product/1", headers=self.headers).json()["bucket_link"]
        return link

    def everything(self) -> Any:
        """The content of the shop and the names of all files."""
        return everything_in(self.served.shop), sorted(path.name for path in self.folder.rglob("*.*"))


@pytest.fixture
def staff(store: Store, tmp_path: Path) -> Iterator[Staff]:
    """Serves the demo with a folder of pictures."""
    storage = FolderPictures(tmp_path / "pictures", "/pictures")
    shop = attrs.evolve(demo_shop(store), picture_storage=storage)
    with serving_shop(shop, read_picture=storage.read) as served:
        yield Staff(served, log_in(served.client, demo.STAFF), tmp_path / "pictures")


def chunked(content: bytes) -> Iterator[bytes]:
    """The content in parts, so that the request states no length."""
    yield content


BAD: Final[list[tuple[str, Any, str, int, str]]] = [
    ("bomb", png_of(50_000, 50_000), "image/png", 422, "picture_too_large"),
    ("1 by 100,000", png_of(1, 100_000), "image/png", 422, "picture_too_large"),
    ("truncated", PICTURE[:-20], "image/png", 422, "picture_damaged"),
    ("truncated jpeg", plain(kind="JPEG")[:-20], "image/jpeg", 422, "picture_damaged"),
    ("polyglot", plain(kind="JPEG") + b"PK\x05\x06" + bytes(18), "image/jpeg", 422, "picture_damaged"),
    ("polyglot of html", PICTURE + b"<script>alert(1)</script>", "image/png", 422, "picture_damaged"),
    ("polyglot of gif", b"GIF89a" + PICTURE, "image/png", 415, "unsupported_picture"),
    ("animated png", encoded(FRAMES[0], save_all=True, append_images=FRAMES[1:]), "image/png", 422, "animated_picture"),
    (
        "animated webp",
        encoded(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
        "image/webp",
        422,
        "animated_picture",
    ),
    ("gif", plain(kind="GIF"), "image/gif", 415, "unsupported_picture"),
    ("gif as png", plain(kind="GIF"), "image/png", 415, "unsupported_picture"),
    ("svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415, "unsupported_picture"),
    ("svg as webp", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/webp", 415, "unsupported_picture"),
    ("tiff", plain(kind="TIFF"), "image/tiff", 415, "unsupported_picture"),
    ("tiff as jpeg", plain(kind="TIFF"), "image/jpeg", 415, "unsupported_picture"),
    ("png as jpeg", PICTURE, "image/jpeg", 415, "unsupported_picture"),
    ("png as json", PICTURE, "application/json", 415, "unsupported_picture"),
    ("png as bytes", PICTURE, "application/octet-stream", 415, "unsupported_picture"),
    ("png with a parameter", PICTURE, "image/png; charset=utf-8", 415, "unsupported_picture"),
    ("png of no type", PICTURE, "", 415, "unsupported_picture"),
    ("nothing", b"", "image/png", 415, "unsupported_picture"),
    ("json", b"{}", "application/json", 415, "unsupported_picture"),
    ("one byte too many", b"\x89PNG\r\n\x1a\n" + bytes(MAX_BYTES - 7), "image/png", 413, "body_too_large"),
    ("one chunk too many", lambda: chunked(b"\x89PNG" + bytes(MAX_BYTES)), "image/png", 413, "body_too_large"),
]


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"), [pytest.param(*case[1:], id=case[0]) for case in BAD]
)
def test_a_bad_image_is_refused_and_leaves_nothing_behind(
    staff: Staff, content: Any, media_type: str, status: int, code: str
) -> None:
    staff.new()
    before = staff.everything()
    problem_of(staff.upload(content() if callable(content) else content, media_type), status, code)
    assert staff.everything() == before


def test_a_coded_image_is_refused(staff: Staff) -> None:
    problem_of(staff.upload(**{"Content-Encoding": "gzip"}), 415, "unsupported_picture")
    assert staff.upload(**{"Content-Encoding": "identity"}).status_code == 201


def test_an_image_of_10_mib_is_taken(staff: Staff) -> None:
    """A PNG may have chunks that its readers do not know."""
    head, rest = PICTURE[:33], PICTURE[33:]
    content = head + chunk(b"prVt", bytes(MAX_BYTES - len(PICTURE) - 12)) + rest
    assert len(content) == MAX_BYTES
    assert staff.upload(content).status_code == 201


def test_other_bodies_have_their_limit_still(staff: Staff) -> None:
    body = b'{"images": [' + b" " * 65_536 + b"]}"
    headers = {**staff.headers, "If-Match": "*", "Content-Type": "application/json"}
    problem_of(staff.client.put(IMAGES, content=body, headers=headers), 413, "body_too_large")


def test_a_21st_image_is_refused_and_leaves_nothing_behind(staff: Staff) -> None:
    for number in range(20):
        add_picture(staff.served.shop, OPERATOR, ProductId(1), StoredPicture(f"{number:048x}", 1, 1))
    before = staff.everything()
    assert problem_of(staff.upload(), 409, "limit_reached")["maximum"] == 20
    assert staff.everything() == before
    assert len(staff.client.get(IMAGES).json()) == 20


def test_the_checks_have_an_order(staff: Staff) -> None:
    """Rights, existence, size, then decoding."""
    large, bad, absent = bytes(MAX_BYTES + 1), b"no picture", "/product/987654321/images"
    customer = log_in(staff.client, demo.CUSTOMER)
    type_ = {"Content-Type": "image/png"}
    for headers, path, content, status, code in (
        ({}, absent, large, 401, "unauthenticated"),
        (customer, absent, large, 403, "forbidden"),
        (staff.headers, absent, large, 404, "not_found"),
        (staff.headers, IMAGES, large, 413, "body_too_large"),
        (staff.headers, IMAGES, bad, 415, "unsupported_picture"),
    ):
        problem_of(staff.client.post(path, content=content, headers={**headers, **type_}), status, code)


def test_an_image_is_shown_with_its_three_files(staff: Staff) -> None:
    for color, kind in (("blue", "JPEG"), ("green", "PNG"), ("red", "WEBP")):
        response = staff.upload(plain(color, (1000, 400), kind=kind), f"image/{kind.lower()}")
        assert response.status_code == 201
        image = response.json()
        assert (image["width"], image["height"]) == (1000, 400)
        for size in ("small", "medium", "large"):
            got = staff.client.get(image[size])
            assert got.status_code == 200
            assert got.headers["content-type"] == "image/webp"
            assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert got.headers["x-content-type-options"] == "nosniff"
            assert got.content[8:12] == b"WEBP"
            again = staff.client.get(image[size], headers={"If-None-Match": got.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["cache-control"] == got.headers["cache-control"]
            assert staff.client.head(image[size]).headers["content-length"] == str(len(got.content))


def test_a_repeated_upload_is_the_same_image(staff: Staff) -> None:
    first = staff.upload()
    files = staff.everything()[1]
    again = staff.upload()
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.content == again.content
    assert staff.everything()[1] == files


def test_an_upload_under_one_key_is_carried_out_once(staff: Staff) -> None:
    key = {"Idempotency-Key": "key"}
    first, again = staff.upload(**key), staff.upload(**key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    problem_of(staff.upload(plain("green"), **key), 422, "idempotency_key_reused")
    assert len(staff.client.get(IMAGES).json()) == 1


def test_an_order_is_a_change(staff: Staff) -> None:
    images = [staff.new() for _ in range(3)]
    ids = [image["id"] for image in images]
    seen = staff.client.get(IMAGES, headers=staff.headers)
    assert seen.json() == images
    assert seen.headers["etag"] == staff.client.get(IMAGES).headers["etag"]

    def order(wanted: list[int], **headers: str) -> httpx2.Response:
        return staff.client.put(IMAGES, json={"images": wanted}, headers={**staff.headers, **headers})

    problem_of(order(ids[::-1]), 428, "precondition_required")
    (field,) = problem_of(order(ids[1:], **{"If-Match": "*"}), 422, "invalid_fields")["fields"]
    assert field["pointer"] == "#/images"
    changed = order(ids[::-1], **{"If-Match": seen.headers["etag"]})
    assert changed.json() == images[::-1]
    assert changed.headers["etag"] == staff.client.get(IMAGES).headers["etag"]
    problem_of(order(ids, **{"If-Match": seen.headers["etag"]}), 412, "precondition_failed")
    assert staff.client.get(IMAGES).json() == images[::-1]
    assert staff.link() == images[2]["large"]


def test_the_link_is_that_of_the_first_image(staff: Staff) -> None:
    """Cached documents of the catalogue show each change at once."""
    cards = "/product/all/1"

    def listed() -> str:
        return str(staff.client.get(cards).json()["items"][0]["bucket_link"])

    before = listed()
    first, second = staff.new(), staff.new()
    assert before != listed() == first["large"] == staff.link()
    deleted = staff.client.delete(f"{IMAGES}/{first['id']}", headers=staff.headers)
    assert deleted.json() == first
    assert listed() == second["large"] == staff.link()
    assert staff.client.get(IMAGES).json() == [second]
    problem_of(staff.client.delete(f"{IMAGES}/{first['id']}", headers=staff.headers), 404, "not_found")
    # Caches and orders may refer to the files of a deleted image.
    assert staff.client.get(first["large"]).status_code == 200


def test_the_list_is_cached_until_the_images_change(staff: Staff) -> None:
    empty = staff.client.get(IMAGES)
    assert empty.json() == []
    tag = {"If-None-Match": empty.headers["etag"]}
    assert staff.client.get(IMAGES, headers=tag).status_code == 304
    staff.new()
    assert staff.client.get(IMAGES, headers=tag).status_code == 200
    assert staff.client.get("/product/987654321/images").status_code == 404


def test_images_of_a_hidden_product_are_for_staff(staff: Staff) -> None:
    staff.new()
    hide = {**staff.headers, "If-Match": "*"}
    assert staff.client.patch("/product/1", json={"available_flag": False}, headers=hide).status_code == 200
    problem_of(staff.client.get(IMAGES), 404, "not_found")
    seen = staff.client.get(IMAGES, headers=staff.headers)
    assert (len(seen.json()), seen.status_code) == (1, 200)
    assert seen.headers["etag"]


@pytest.mark.parametrize(
    "name",
    [
        *("x", "%2e%2e", "..%2f..%2fsecret", "%2e%2e%2fsecret", "..%5csecret", "%00", "secret", "a%2fb", "%ff"),
        *(f"{'0' * 48}-small.webp", f"{'0' * 48}-huge.webp", f"{'0' * 47}-small.webp", f"{'0' * 48}-small.webp%00"),
    ],
)
def test_no_other_file_is_sent(staff: Staff, name: str) -> None:
    """The parent folder has a file `secret`."""
    staff.new()
    (staff.folder.parent / "secret").write_text("secret")
    response = staff.client.get(f"/pictures/{name}")
    assert "secret" not in response.text.replace("/problems", "")
    assert response.status_code == 404
    assert response.headers["cache-control"] == "no-store"


def test_a_storage_that_fails_is_a_503_and_changes_nothing(staff: Staff, logged: list[Any]) -> None:
    staff.folder.write_text("a file in the place of the folder")
    before = everything_in(staff.served.shop)
    response = staff.upload()
    problem_of(response, 503, "unavailable_now")
    assert response.headers["retry-after"] == "1"
    assert everything_in(staff.served.shop) == before
    assert staff.client.get(IMAGES).json() == []
    assert [event["event"] for event in logged] == ["unavailable"]


def test_a_shop_without_a_folder_sends_no_files(served: Served) -> None:
    problem_of(served.client.get(f"/pictures/{'0' * 48}-small.webp"), 404, "not_found")


def test_uploads_over_their_places_are_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sellout_http.app.WAITING_UPLOADS", -1)
    with serving_shop(demo_shop(store)) as served:
        upload = Staff(served, log_in(served.client, demo.STAFF), tmp_path)
        before = upload.everything()
        problem_of(upload.upload(), 503, "unavailable_now")
        assert upload.everything() == before


def test_a_jpeg_whose_header_promises_too_much_is_not_decoded(staff: Staff) -> None:
    content = plain(kind="JPEG")
    at = content.index(b"\xff\xc0") + 5
    bomb = content[:at] + struct.pack(">HH", 65_500, 65_500) + content[at + 4 :]
    problem_of(staff.upload(bomb, "image/jpeg"), 422, "picture_too_large")
