"""The Python programs in the documentation.

`python -m tests.examples FOLDER` writes them and those of `examples/` to a folder, for type checkers.
"""

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

_PROGRAM: Final = re.compile(r'^```python\n((?:"""|from |import ).*?)^```$', re.MULTILINE | re.DOTALL)


def programs(page: str) -> list[str]:
    """The Python programs of a page. A code block that begins with neither a docstring nor an import is a fragment, no
    program.
    """
    return _PROGRAM.findall((ROOT / page).read_text(encoding="utf-8"))


def pages() -> list[str]:
    """The pages that contain programs."""
    every = [str(path.relative_to(ROOT)) for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])]
    return [page for page in every if programs(page)]


def files() -> Iterator[tuple[str, str]]:
    """The file name and the text of each program."""
    for page in pages():
        for number, program in enumerate(programs(page), start=1):
            yield f"{Path(page).stem.replace('-', '_')}_{number}.py", program


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in files():
        (folder / name).write_text(program, encoding="utf-8")
    for example in ROOT.glob("examples/*.py"):
        shutil.copy(example, folder)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
