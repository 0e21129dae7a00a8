"""Storages of pictures: the laws of the port on each of them, the files of a folder, and a bucket that fails."""

import os
import socket
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs
import obstore
import pytest

from sellout_adapters.pictures.folder import FolderPictures
from sellout_adapters.pictures.memory import MemoryPictures
from sellout_adapters.pictures.s3 import Bucket, S3Pictures
from sellout_core.catalogue.pictures import PictureSize, file_names
from sellout_core.errors import Unavailable
from tests.servers.ports import free_port
from tests.servers.s3 import BUCKET, REGION, S3Server, s3_server

DIGEST: Final = "ab" * 24
NAMES: Final = sorted(file_names(DIGEST).values())
FILES: Final = {name: name.encode() * 100 for name in NAMES}
BAD_NAMES: Final = ["", ".", "..", "../../etc/passwd", "/etc/passwd", f"../{NAMES[0]}", f"{NAMES[0]}/..", "x", "\0"]

DAY: Final = timedelta(days=1)

Storage = MemoryPictures | FolderPictures | S3Pictures


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    """A server with an empty bucket."""
    with s3_server() as started:
        yield started


@pytest.fixture
def bucket(server: S3Server) -> Iterator[Bucket]:
    """The empty bucket."""
    made = Bucket(
        name=BUCKET,
        endpoint=server.endpoint,
        region=REGION,
        key_id=server.key_id,
        secret=server.secret,
        connect_timeout=2,
        timeout=5,
    )
    yield made
    objects = S3Pictures(made, "")._store
    for batch in list(obstore.list(objects)):
        obstore.delete(objects, [found["path"] for found in batch])


def content_of(storage: Storage, name: str) -> bytes | None:
    """The content of a file. None: it does not exist."""
    if not isinstance(storage, S3Pictures):
        return storage.read(name)
    try:
        return bytes(obstore.get(storage._store, name).bytes())
    except FileNotFoundError:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture(params=["memory", "folder", "s3"])
def storage(request: pytest.FixtureRequest, folder: Path) -> Storage:
    if request.param == "s3":
        return S3Pictures(request.getfixturevalue("bucket"), "/pictures")
    return MemoryPictures() if request.param == "memory" else FolderPictures(folder, "/pictures")


@pytest.fixture
def in_folder(folder: Path) -> FolderPictures:
    return FolderPictures(folder, "https://pictures.example/shop")


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def names_before(storage: Storage, time: datetime) -> list[str]:
    return sorted(name for names in storage.stored_before(time) for name in names)


def test_a_file_is_stored_as_it_was_put(storage: Storage) -> None:
    assert content_of(storage, NAMES[0]) is None
    storage.put(FILES)
    storage.put(FILES)
    assert {name: content_of(storage, name) for name in NAMES} == FILES
    assert storage.address(NAMES[0]) == f"/pictures/{NAMES[0]}"


def test_files_are_listed_by_the_time_at_which_they_were_stored(storage: Storage) -> None:
    assert names_before(storage, datetime.now(UTC) + DAY) == []
    storage.put(FILES)
    assert names_before(storage, datetime.now(UTC) + DAY) == NAMES
    assert names_before(storage, datetime.now(UTC) - DAY) == []


def test_old_files_are_deleted(storage: Storage) -> None:
    """A file that does not exist is not counted."""
    storage.put(FILES)
    later = datetime.now(UTC) + DAY
    assert storage.delete([], later) == 0
    assert storage.delete([NAMES[0], NAMES[1], file_names("cd" * 24)[PictureSize.SMALL]], later) == 2
    assert [content_of(storage, name) for name in NAMES] == [None, None, FILES[NAMES[2]]]
    assert names_before(storage, later) == [NAMES[2]]


def test_a_file_that_was_stored_again_is_not_deleted(storage: Storage) -> None:
    storage.put(FILES)
    assert storage.delete(NAMES, datetime.now(UTC) - DAY) == 0
    assert {name: content_of(storage, name) for name in NAMES} == FILES


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_file_with_another_name_is_not_read(folder: Path, name: str) -> None:
    for storage in (MemoryPictures(), FolderPictures(folder, "/pictures")):
        storage.put(FILES)
        assert storage.read(name) is None


def test_only_the_owner_may_read_the_folder(folder: Path, in_folder: FolderPictures) -> None:
    before = os.umask(0)
    try:
        in_folder.put(FILES)
    finally:
        os.umask(before)
    assert sorted(path.name for path in files_below(folder)) == NAMES
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_an_address_begins_with_the_url(in_folder: FolderPictures) -> None:
    assert in_folder.address(NAMES[0]) == f"https://pictures.example/shop/{NAMES[0]}"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_file_with_another_name_is_not_written(folder: Path, in_folder: FolderPictures, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        in_folder.put({name: b"content"})
    assert not folder.exists()


def test_a_stored_file_is_newer_than_the_one_before(folder: Path, in_folder: FolderPictures) -> None:
    """So an upload begins a new grace period of its files."""
    in_folder.put(FILES)
    [path] = [path for path in files_below(folder) if path.name == NAMES[0]]
    os.utime(path, (1, 1))
    in_folder.put(FILES)
    assert path.stat().st_mtime > 1


def test_a_folder_that_cannot_be_written_is_unavailable_and_keeps_no_draft(
    folder: Path, in_folder: FolderPictures
) -> None:
    """The place of the second file is taken by a folder."""
    (folder / DIGEST[:2] / NAMES[1]).mkdir(parents=True)
    with pytest.raises(Unavailable):
        in_folder.put(FILES)
    assert [path.name for path in files_below(folder)] == [NAMES[0]]


def test_a_folder_that_is_no_folder_is_unavailable(folder: Path, in_folder: FolderPictures) -> None:
    folder.write_text("a file")
    with pytest.raises(Unavailable):
        in_folder.put(FILES)
    with pytest.raises(Unavailable):
        in_folder.read(NAMES[0])


def test_a_link_is_not_followed(folder: Path, in_folder: FolderPictures, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    in_folder.put(FILES)
    path = folder / DIGEST[:2] / NAMES[0]
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(Unavailable):
        in_folder.read(NAMES[0])


def test_drafts_of_a_crash_are_deleted_when_they_are_old(folder: Path, in_folder: FolderPictures) -> None:
    in_folder.put(FILES)
    old, new = (folder / DIGEST[:2] / f".{name}" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("draft")
    os.utime(old, (1, 1))
    assert names_before(in_folder, datetime.now(UTC) - DAY) == []
    assert not old.exists()
    assert new.exists()


def test_files_of_others_in_the_folder_stay(folder: Path, in_folder: FolderPictures) -> None:
    in_folder.put(FILES)
    notes = [folder / "notes.txt", folder / DIGEST[:2] / "notes.txt"]
    for path in notes:
        path.write_text("notes")
    assert names_before(in_folder, datetime.now(UTC) + DAY) == NAMES
    assert all(path.exists() for path in notes)


def test_a_bucket_gets_headers_for_its_readers(bucket: Bucket) -> None:
    storage = S3Pictures(bucket, "https://pictures.example")
    storage.put(FILES)
    found = obstore.get(storage._store, NAMES[0]).attributes
    assert found["Content-Type"] == "image/webp"
    assert found["Cache-Control"] == "public, max-age=31536000, immutable"
    assert storage.address(NAMES[0]) == f"https://pictures.example/{NAMES[0]}"


def test_other_objects_of_a_bucket_stay(bucket: Bucket) -> None:
    storage = S3Pictures(bucket, "/pictures")
    storage.put(FILES)
    obstore.put(storage._store, "notes.txt", b"notes")
    assert names_before(storage, datetime.now(UTC) + DAY) == NAMES


def failing_buckets(bucket: Bucket) -> Iterator[tuple[str, Bucket]]:
    yield "another secret", attrs.evolve(bucket, secret="wrong")
    yield "another key", attrs.evolve(bucket, key_id="AKIAWRONG")
    yield "no such bucket", attrs.evolve(bucket, name="absent")
    yield "no server", attrs.evolve(bucket, endpoint=f"http://127.0.0.1:{free_port()}")


def require_unavailable(bucket: Bucket) -> None:
    """Asserts that each request to a bucket fails as a store does."""
    storage = S3Pictures(bucket, "/pictures")
    calls: list[Any] = [
        lambda: storage.put(FILES),
        lambda: names_before(storage, datetime.now(UTC)),
        lambda: storage.delete(NAMES, datetime.now(UTC)),
    ]
    for call in calls:
        with pytest.raises(Unavailable) as refusal:
            call()
        assert bucket.secret not in str(refusal.value.__cause__)


def test_a_bucket_that_refuses_or_is_away_is_unavailable(bucket: Bucket) -> None:
    """A wrong secret makes a wrong signature."""
    for name, failing in failing_buckets(bucket):
        if name == "no such bucket":
            with pytest.raises(Unavailable):
                S3Pictures(failing, "/pictures").put(FILES)
            continue
        require_unavailable(failing)


def test_a_server_that_does_not_answer_is_unavailable(bucket: Bucket) -> None:
    """It accepts connections and sends nothing."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        require_unavailable(attrs.evolve(bucket, endpoint=endpoint, timeout=0.5, connect_timeout=0.5))


def test_the_secret_of_a_bucket_is_not_printed(bucket: Bucket) -> None:
    assert bucket.secret not in repr(bucket)
