"""The Python programs that the docs show.

`python -m tests.examples FOLDER` writes them there, with those of `examples/`, for type checkers.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final[Mapping[str, str]] = {"embedding": "docs/embedding.md", "write_a_store": "docs/write-a-store.md"}
"""By the stem of the files that their programs are written to."""

_PROGRAM: Final = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def programs(page: str) -> list[str]:
    """The Python programs of a page."""
    return _PROGRAM.findall((ROOT / page).read_text(encoding="utf-8"))


def files() -> Iterator[tuple[str, str]]:
    """The name and the content of each program's file."""
    for stem, page in PAGES.items():
        for number, program in enumerate(programs(page), start=1):
            yield f"{stem}_{number}.py", program


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in files():
        (folder / name).write_text(program, encoding="utf-8")
    for example in ROOT.glob("examples/*.py"):
        shutil.copy(example, folder)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}', encoding="utf-8")
