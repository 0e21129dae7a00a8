"""temporary"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg


class Databases:
    def __init__(self, url: str) -> None:
        self.url = url
        self.c = psycopg.connect(url, autocommit=True)
        self.n = itertools.count()

    def create(self, template: str | None = None) -> str:
        name = f"t{os.getpid()}_{next(self.n)}"
        t = template.rpartition("/")[2] if template else "template0"
        self.c.execute(f"create database {name} template {t} strategy file_copy")
        return self.url.rpartition("/")[0] + "/" + name


@contextmanager
def databases() -> Iterator[Databases]:
    yield Databases("postgresql://postgres@127.0.0.1:54999/postgres")
