"""A storage of pictures in a folder, which the shop serves."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from sellout_core.catalogue.pictures import digest_in
from sellout_core.errors import Unavailable

_DIGITS: Final = 2
"""The number of a digest's first digits after which the folder of its files is named."""

_DRAFT: Final = "."
"""The first character of the names of files that are not complete, or are about to be deleted."""


class FolderPictures:
    """`ports.PictureStorage` in a folder. Any number of threads and processes may use it.

    Folders have the mode 0700 and files 0600, regardless of the umask. A file is complete when it has its name.

    Args:
        folder: The folder. It is created with the first file.
        url: The public address of the folder, or its path on the shop's server, without a slash at the end.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url

    def put(self, files: Mapping[str, bytes]) -> None:
        """Stores files by name, durably. An existing file is replaced by an equal one, which is newer.

        Raises:
            Unavailable: the folder cannot be written.
        """
        try:
            for name, content in files.items():
                self._write(self._path(name), content)
        except OSError as error:
            raise Unavailable from error

    def address(self, name: str) -> str:
        """The address of a file."""
        return f"{self._url}/{name}"

    def stored_before(self, time: datetime) -> Iterator[Sequence[str]]:
        """The names of all files that were stored before a time. Deletes drafts of that age, which a crash has left.

        Raises:
            Unavailable: the folder cannot be read.
        """
        try:
            for folder in sorted(self._folder.glob("?" * _DIGITS)):
                old = [path for path in folder.iterdir() if _is_older(path, time)]
                for draft in old:
                    if draft.name.startswith(_DRAFT):
                        draft.unlink(missing_ok=True)
                yield [path.name for path in old if digest_in(path.name) is not None]
        except OSError as error:
            raise Unavailable from error

    def delete(self, names: Sequence[str], stored_before: datetime) -> int:
        """Deletes files, except those that were stored again since. Returns their number.

        Raises:
            Unavailable: the folder cannot be written.
        """
        try:
            return sum(self._delete(self._path(name), stored_before) for name in names)
        except OSError as error:
            raise Unavailable from error

    def read(self, name: str) -> bytes | None:
        """The content of a file. None: there is no such file, or no picture has a file with such a name.

        Raises:
            Unavailable: the folder cannot be read.
        """
        if digest_in(name) is None:
            return None
        try:
            # The shop makes no links.
            with os.fdopen(os.open(self._path(name), os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Unavailable from error

    def _path(self, name: str) -> Path:
        """The path of a file.

        Raises:
            ValueError: no picture has a file with such a name.
        """
        digest = digest_in(name)
        if digest is None:
            raise ValueError("not the name of a picture's file")
        return self._folder / digest[:_DIGITS] / name

    @staticmethod
    def _delete(path: Path, stored_before: datetime) -> bool:
        """Deletes an old file. Its name is taken from it first, so that nothing can replace it between the check and
        the deletion.
        """
        taken = _draft_beside(path)
        try:
            path.rename(taken)
        except FileNotFoundError:
            return False
        if _is_older(taken, stored_before):
            taken.unlink()
            return True
        taken.rename(path)
        return False

    def _write(self, path: Path, content: bytes) -> None:
        for folder in (self._folder, path.parent):
            self._make(folder)
        draft = _draft_beside(path)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        _sync(path.parent)

    @staticmethod
    def _make(folder: Path) -> None:
        with suppress(FileExistsError):
            folder.mkdir(0o700)
            _sync(folder.parent)


def _draft_beside(path: Path) -> Path:
    """An unused name in the folder of a file."""
    return path.with_name(_DRAFT + secrets.token_hex(8))


def _is_older(path: Path, time: datetime) -> bool:
    """Whether a file was stored before a time. False: it does not exist."""
    try:
        return path.stat(follow_symlinks=False).st_mtime < time.timestamp()
    except FileNotFoundError:
        return False


def _sync(folder: Path) -> None:
    """Makes the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
