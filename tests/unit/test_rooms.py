"""The layout of `src`: small modules, small packages, and no circular imports."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"
LONGEST_MODULE = 300
LARGEST_ROOM = 9
RELEASED = "step_0001.py"
"""The released migration, which must not change."""

MODULES = sorted(path for path in SOURCES.rglob("*.py") if path.name != RELEASED)


def name_of(path: Path) -> str:
    """The dotted name of a module or a package."""
    parts = path.relative_to(SOURCES).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports_of(path: Path) -> Iterator[str]:
    """The modules of `src` that a module imports, also within functions and for types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in NAMES else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def imports() -> Iterator[tuple[str, str]]:
    """Each import of a module of `src` by another one."""
    for path in MODULES:
        importer = name_of(path)
        yield from ((importer, imported) for imported in imports_of(path) if imported in NAMES - {importer})


def between_rooms(importer: str, imported: str) -> tuple[str, str] | None:
    """The two packages or modules of one folder between which an import goes. None if it stays within one package."""
    ways = importer.split("."), imported.split(".")
    for depth, (one, other) in enumerate(zip(*ways, strict=False), start=1):
        if one != other:
            return ".".join(ways[0][:depth]), ".".join(ways[1][:depth])
    return None


def require_no_circle(edges: Mapping[str, set[str]]) -> None:
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        # Each member of a circle is imported by the next one.
        pytest.fail("; ".join(f"{importer} imports {imported}" for imported, importer in pairwise(error.args[1])))


def test_no_modules_import_each_other_in_a_circle() -> None:
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for importer, imported in imports():
        edges[importer].add(imported)
    assert len(edges) > 100
    require_no_circle(edges)


def test_no_rooms_import_each_other_in_a_circle() -> None:
    edges: defaultdict[str, set[str]] = defaultdict(set)
    for importer, imported in imports():
        if neighbours := between_rooms(importer, imported):
            edges[neighbours[0]].add(neighbours[1])
    require_no_circle(edges)


def test_a_circle_is_found_out() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"a imports b; b imports c; c imports a|b imports c|c imports a"):
        require_no_circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


def test_a_room_has_few_modules() -> None:
    rooms = Counter(path.parent for path in MODULES if path.name != "__init__.py" and path.parent.name != "versions")
    assert {str(room.relative_to(SOURCES)): count for room, count in rooms.items() if count > LARGEST_ROOM} == {}
