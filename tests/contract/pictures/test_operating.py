"""Operating a shop with pictures: settings, `sellout tidy`, and a bucket behind the HTTP API."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import httpx2
import obstore
import pytest

from sellout_adapters import demo
from sellout_adapters.pictures.folder import FolderPictures
from sellout_adapters.pictures.s3 import Bucket, S3Pictures
from sellout_adapters.sql import SqlStore
from sellout_core.catalogue.pictures import file_names
from sellout_core.people.accounts import OPERATOR
from sellout_core.ports.store import Store
from sellout_core.use_cases.catalogue.pictures import add_picture, store_picture
from sellout_core.values import ProductId
from tests.contract.support.command import Run, assert_fails, running_server
from tests.contract.support.pictures import PICTURE, plain
from tests.contract.support.shop import demo_shop, everything_in, log_in, problem_of, serving_shop
from tests.servers.ports import free_port
from tests.servers.s3 import BUCKET, REGION, S3Server, s3_server

IMAGES = "/product/1/images"


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A server with an empty bucket."""
    with s3_server() as started:
        yield started


def variables_of(server: S3Server) -> dict[str, str]:
    """The settings of a shop that stores pictures there."""
    return {
        "SELLOUT_S3_BUCKET": BUCKET,
        "SELLOUT_S3_ENDPOINT": server.endpoint,
        "SELLOUT_S3_REGION": REGION,
        "SELLOUT_S3_ACCESS_KEY_ID": server.key_id,
        "SELLOUT_S3_SECRET_ACCESS_KEY": server.secret,
        "SELLOUT_PICTURES_URL": "https://pictures.example/shop",
    }


def bucket_of(server: S3Server) -> Bucket:
    return Bucket(
        name=BUCKET,
        endpoint=server.endpoint,
        region=REGION,
        key_id=server.key_id,
        secret=server.secret,
        connect_timeout=2,
        timeout=5,
    )


def test_a_served_shop_stores_its_images_in_a_bucket(server: S3Server, tmp_path: Path) -> None:
    """`tidy` deletes the files of a deleted image after a day."""
    with running_server(tmp_path, "--demo", **variables_of(server)) as (process, _):
        with httpx2.Client(base_url=f"http://127.0.0.1:{process.port}", timeout=60) as client:
            body = {"username": demo.STAFF, "password": demo.PASSWORD}
            staff = {"Authorization": f"Bearer {client.post('/user/login', json=body).json()['access']}"}
            headers = {**staff, "Content-Type": "image/png"}
            response = client.post(IMAGES, content=PICTURE, headers=headers)
            assert response.status_code == 201, response.text
            image = response.json()
            assert image["large"].startswith("https://pictures.example/shop/")
            assert client.get("/product/1", headers=staff).json()["bucket_link"] == image["large"]
            name = image["large"].rpartition("/")[2]
            assert client.get(f"/pictures/{name}").status_code == 404
        log = process.log()
    assert server.secret not in log
    objects = S3Pictures(bucket_of(server), "")._store
    assert bytes(obstore.get(objects, name).bytes())[8:12] == b"WEBP"


def test_a_bucket_that_is_away_is_a_503_and_changes_nothing(server: S3Server, store: Store, logged: list[Any]) -> None:
    away = attrs.evolve(bucket_of(server), endpoint=f"http://127.0.0.1:{free_port()}")
    shop = attrs.evolve(demo_shop(store), picture_storage=S3Pictures(away, "https://pictures.example"))
    with serving_shop(shop) as served:
        headers = {**log_in(served.client, demo.STAFF), "Content-Type": "image/png"}
        before = everything_in(shop)
        response = served.client.post(IMAGES, content=PICTURE, headers=headers)
        problem_of(response, 503, "unavailable_now")
        assert response.headers["retry-after"] == "1"
        assert everything_in(shop) == before
        assert served.client.get(IMAGES).json() == []
    assert [event["event"] for event in logged] == ["unavailable"]


def test_files_of_images_that_no_product_has_are_deleted_on_request(invoke: Run, tmp_path: Path) -> None:
    """Those of a product stay, and so do new ones."""
    storage = FolderPictures(tmp_path / "sellout-pictures", "/pictures")
    store = SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}")
    shop = attrs.evolve(demo_shop(store), picture_storage=storage)
    shown = store_picture(shop, OPERATOR, ProductId(1), plain("red"), "image/png")
    add_picture(shop, OPERATOR, ProductId(1), shown)
    gone = store_picture(shop, OPERATOR, ProductId(1), plain("green"), "image/png")
    for path in (tmp_path / "sellout-pictures").rglob("*.webp"):
        os.utime(path, (1, 1))
    new = store_picture(shop, OPERATOR, ProductId(1), plain("blue"), "image/png")
    store.close()
    assert invoke("tidy").stdout.endswith("Deleted 3 unused files of images.\n")
    for picture, left in ((shown, True), (gone, False), (new, True)):
        found = {storage.read(name) is not None for name in file_names(picture.digest).values()}
        assert found == {left}
    assert invoke("tidy").stdout.endswith("Deleted 0 unused files of images.\n")


def test_a_storage_of_images_that_fails_is_named(invoke: Run, tmp_path: Path) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    variables = {
        "SELLOUT_S3_BUCKET": "pictures",
        "SELLOUT_S3_ENDPOINT": f"http://127.0.0.1:{free_port()}",
        "SELLOUT_S3_ACCESS_KEY_ID": "id",
        "SELLOUT_S3_SECRET_ACCESS_KEY": "secret of a bucket",
        "SELLOUT_PICTURES_URL": "https://pictures.example",
    }
    done = invoke("tidy", **variables)
    assert done.returncode == 1
    assert done.stderr.startswith("sellout: the storage of images cannot be used now")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"SELLOUT_S3_BUCKET": "b"}, "SELLOUT_S3_ACCESS_KEY_ID and SELLOUT_S3_SECRET_ACCESS_KEY must be set"),
        (
            {"SELLOUT_S3_BUCKET": "b", "SELLOUT_S3_ACCESS_KEY_ID": "i", "SELLOUT_S3_SECRET_ACCESS_KEY": "s"},
            "SELLOUT_PICTURES_URL must be",
        ),
        ({"SELLOUT_S3_BUCKET": ""}, "SELLOUT_S3_BUCKET must be 1 to 255"),
        ({"SELLOUT_S3_ENDPOINT": "s3.example"}, "SELLOUT_S3_ENDPOINT must look like"),
        ({"SELLOUT_S3_SECRET_ACCESS_KEY": ""}, "SELLOUT_S3_SECRET_ACCESS_KEY must not be empty"),
        ({"SELLOUT_S3_TIMEOUT": "0"}, "SELLOUT_S3_TIMEOUT must be"),
        ({"SELLOUT_PICTURES_FOLDER": ""}, "SELLOUT_PICTURES_FOLDER must not be empty"),
        ({"SELLOUT_PICTURES_URL": "pictures"}, "SELLOUT_PICTURES_URL must look like"),
        ({"SELLOUT_PICTURES_URL": "/pictures/"}, "SELLOUT_PICTURES_URL must look like"),
    ],
)
def test_a_wrong_setting_of_images_is_named(invoke: Run, tmp_path: Path, variables: dict[str, str], named: str) -> None:
    SqlStore.open(f"sqlite:///{tmp_path / 'sellout.db'}").close()
    assert_fails(invoke("tidy", **variables), named)
