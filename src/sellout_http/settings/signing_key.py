"""The key that signs tokens, in a file beside an SQLite database."""

import os
import secrets
import stat
from pathlib import Path
from typing import Final

MIN_KEY_BYTES: Final = 32


class BadSettings(Exception):
    """The settings are invalid. The message is one line that names the flag, the variable or the file."""


def key_beside(database: Path) -> str:
    """The key in `<file>.key` beside a database file. Creates it if it is missing. Processes that create it at the same
    time return the same key.

    Raises:
        BadSettings: the file cannot be created or read, other users may read it, or its key is too short.
    """
    path = database.with_name(database.name + ".key")
    try:
        if not path.exists():
            _make_key(path)
        return _read_key(path)
    except OSError as error:
        raise BadSettings(f"cannot use the key file {path}: {error.strerror}") from None


def _make_key(path: Path) -> None:
    """Writes the key under another name first, so that the key file is never incomplete."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(MIN_KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_key(path: Path) -> str:
    with path.open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise BadSettings(f"the key file {path} can be read by others: chmod 600 it, or remove it for a new key")
        content = file.read(4096).strip()
    try:
        key = content.decode()
    except UnicodeDecodeError:
        raise BadSettings(f"the key file {path} holds no key: remove it for a new one") from None
    if len(content) < MIN_KEY_BYTES:
        raise BadSettings(f"the key file {path} holds less than {MIN_KEY_BYTES} bytes: remove it for a new key")
    return key
