"""A durable store in one file: the memory store, and a snapshot of it on the disk before each commit.

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
    """The shop in a file, empty if there is no file. Unpickling runs code: open no file of an unknown author."""
    tables = pickle.loads(path.read_bytes()) if path.exists() else None
    yield MemoryStore(tables, on_commit=partial(_save, path))


def _save(path: Path, tables: Tables) -> None:
    """Replaces the file at once, so that a crash leaves the old snapshot or the new one."""
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
