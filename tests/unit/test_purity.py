"""The architecture, checked in the syntax trees: the core is pure, and packages depend on each other in one
direction.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sellout_adapters
import sellout_core
import sellout_http

IMPURE_MODULES = {
    *("time", "random", "secrets", "os", "io", "socket", "threading", "asyncio", "urllib", "logging"),
    *("subprocess", "multiprocessing", "concurrent", "http", "importlib", "pathlib", "sqlite3", "tempfile", "uuid"),
}
IMPURE_METHODS = {"now", "utcnow", "today"}
IMPURE_FUNCTIONS = {"open", "print", "input", "__import__", "exec", "eval"}
COMPOSITION_ROOT = {"__main__.py", "composition.py", "process.py"}
COMMANDS = "command"


def files_of(package: str) -> list[Path]:
    found = sys.modules[package].__file__
    assert found is not None
    return sorted(Path(found).parent.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the top-level package of each import. Relative imports are left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.lineno, node.module.partition(".")[0]


def impurities(source: str) -> list[str]:
    """The faults of a module of the core, one in a line."""
    tree = ast.parse(source)
    allowed = (sys.stdlib_module_names - IMPURE_MODULES) | {"attrs", "sellout_core"}
    faults = [f"{line}: imports {name}" for line, name in imported(tree) if name not in allowed]
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            faults.append(f"{node.lineno}: is asynchronous")
        elif isinstance(node, ast.comprehension) and node.is_async:
            faults.append(f"{node.target.lineno}: is asynchronous")
        elif isinstance(node, ast.Attribute) and node.attr in IMPURE_METHODS:
            faults.append(f"{node.lineno}: reads the clock with {node.attr}")
        elif isinstance(node, ast.Name) and node.id in IMPURE_FUNCTIONS:
            faults.append(f"{node.lineno}: names {node.id}")
    return faults


@pytest.mark.parametrize("path", files_of(sellout_core.__name__), ids=lambda path: path.stem)
def test_the_core_is_pure(path: Path) -> None:
    assert impurities(path.read_text(encoding="utf-8")) == []


def test_the_whole_core_is_looked_at() -> None:
    assert {"ordering.py", "store.py", "views.py", "sessions.py", "writing.py"} <= {
        path.name for path in files_of(sellout_core.__name__)
    }


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import time", "1: imports time"),
        ("import random as r", "1: imports random"),
        ("from secrets import token_hex", "1: imports secrets"),
        ("import os.path", "1: imports os"),
        ("from urllib.request import urlopen", "1: imports urllib"),
        ("import attrs, asyncio", "1: imports asyncio"),
        ("def f():\n    import logging", "2: imports logging"),
        ("import sqlalchemy", "1: imports sqlalchemy"),
        ("from litestar import get", "1: imports litestar"),
        ("import sellout_adapters.memory", "1: imports sellout_adapters"),
        ("from sellout_http import app", "1: imports sellout_http"),
        ("async def f(): ...", "1: is asynchronous"),
        ("async def f():\n    await g", "2: is asynchronous"),
        ("async def f():\n    async with g: ...", "2: is asynchronous"),
        ("async def f():\n    async for x in g: ...", "2: is asynchronous"),
        ("async def f():\n    return [x\n            async for x in g]", "3: is asynchronous"),
        ("from datetime import datetime\ndatetime.now()", "2: reads the clock with now"),
        ("import datetime as d\nd.datetime.utcnow()", "2: reads the clock with utcnow"),
        ("from datetime import date\ntoday = date.today", "2: reads the clock with today"),
        ("open('f')", "1: names open"),
        ("print()", "1: names print"),
        ("read = input", "1: names input"),
        ("__import__('os')", "1: names __import__"),
    ],
)
def test_an_impure_module_is_found_out(source: str, fault: str) -> None:
    assert fault in impurities(source)


def test_a_pure_module_is_let_through() -> None:
    source = (
        "import re\nimport attrs\nfrom datetime import date\nfrom sellout_core import values\nx: date = date(1, 1, 1)"
    )
    assert impurities(source) == []


def packages_imported_by(path: Path) -> set[str]:
    return {name for _, name in imported(ast.parse(path.read_text(encoding="utf-8")))}


@pytest.mark.parametrize("path", files_of(sellout_adapters.__name__), ids=lambda path: path.stem)
def test_adapters_know_nothing_of_http(path: Path) -> None:
    assert not packages_imported_by(path) & {"sellout_http", "litestar"}


@pytest.mark.parametrize("path", files_of(sellout_http.__name__), ids=lambda path: path.stem)
def test_http_knows_the_adapters_only_where_it_is_put_together(path: Path) -> None:
    assert "sellout_adapters" not in packages_imported_by(path) or {path.name, path.parent.name} & {
        *COMPOSITION_ROOT,
        COMMANDS,
    }
