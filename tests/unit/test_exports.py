"""Modules that import many more names than they define have an `__all__`, for code completion."""

import ast
from pathlib import Path

import pytest

import sellout_core

MODULES = sorted(Path(sellout_core.__path__[0]).rglob("*.py"))
FEW_IMPORTS = 12
"""A module with fewer imported names needs no `__all__`."""


def defined(tree: ast.Module) -> set[str]:
    """The public names that a module defines, without type variables."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign) and "TypeVar(" not in ast.unparse(node.value):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_that_imports_much_lists_its_own_names(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = sum(len(node.names) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    own = defined(tree)
    listed = next(
        (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and "__all__" in ast.unparse(node.targets[0])
        ),
        None,
    )
    if path.name == "__init__.py":
        return
    if imported >= max(FEW_IMPORTS, 1.5 * len(own)):
        assert listed is not None
    assert listed is None or set(listed) == own
