"""A durable store: the store in memory writes a snapshot of itself to a file before each commit.

It suits a small shop with one process: a commit writes the whole shop.
"""
# ruff: noqa: INP001, S301 - an example beside the package; the file is the shop's own

import os
import pickle
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sellout_adapters.memory import MemoryStore
from sellout_adapters.memory.tables import Tables
from sellout_core.errors import Unavailable


@contextmanager
def snapshot_store(path: Path) -> Generator[MemoryStore]:
    """Opens the shop in a file. Without a file it is empty. Unpickling runs code, so open only files that you trust."""
    tables = pickle.loads(path.read_bytes()) if path.exists() else None
    yield MemoryStore(tables, on_commit=partial(_save, path))


def _save(path: Path, tables: Tables) -> None:
    """Replaces the file atomically: a crash leaves the old snapshot or the new one."""
    draft = path.with_suffix(".draft")
    try:
        with draft.open("wb") as file:
            pickle.dump(tables, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable("The snapshot cannot be written.") from error
