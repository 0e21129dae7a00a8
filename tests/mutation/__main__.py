"""Changes the core in every way that mutmut knows, and sees that its tests notice: `python -m tests.mutation`.

Fails below 95 % and on a survivor that `survivors.toml` does not explain; what it explains and did not survive is told.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

ROOT = Path(__file__).parents[2]
EXPLAINED = Path(__file__).with_name("survivors.toml")
LEAST = 95.0
NEEDED = ("src", "tests", "docs", "examples", "README.md", "pyproject.toml")
DEAD = ("killed", "timeout", "segfault", "suspicious")


@attrs.frozen
class Survivor:
    """A mutant that no test noticed."""

    name: str
    function: str
    becomes: str

    def is_explained_by(self, entry: dict[str, str]) -> bool:
        """Whether an entry of the file is about it."""
        return entry["function"] == self.function and entry.get("becomes", self.becomes) == self.becomes


def mutmut(folder: Path, *arguments: str) -> str:
    """What mutmut prints, in the copy of the project."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    return done.stdout


def survivors(folder: Path, names: list[str]) -> Iterator[Survivor]:
    """The mutants of those names, with the line that each changed."""
    for name in names:
        changed = [line for line in mutmut(folder, "show", name).splitlines() if re.match(r"\+(?!\+\+ )", line)]
        yield Survivor(name, function_of(name), " ".join(line[1:].strip() for line in changed))


def function_of(name: str) -> str:
    """The function that a mutant is of, below the core: `sellout_core.values.x_text__mutmut_4` is of `values.text`
    and `sellout_core.accounts.xǁUserǁof__mutmut_5` of `accounts.User.of`.
    """
    plain = re.sub(r"__mutmut_\d+$", "", name).removeprefix("sellout_core.")
    module, _, function = plain.rpartition(".")
    return f"{module}.{function.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def outcomes(folder: Path) -> dict[str, str]:
    """What became of each mutant, by its name."""
    lines = mutmut(folder, "results", "--all", "true").splitlines()
    return dict(line.strip().split(": ", 1) for line in lines if "__mutmut_" in line)


def main() -> int:
    """The command's exit code."""
    with tempfile.TemporaryDirectory(prefix="sellout-mutation-") as made:
        folder = Path(made)
        for name in NEEDED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        command = [sys.executable, "-m", "mutmut", "run"]
        subprocess.run(command, cwd=folder, check=False)  # noqa: S603 - our own arguments
        found = outcomes(folder)
        alive = list(survivors(folder, [name for name, outcome in found.items() if outcome not in DEAD]))
    return report(found, alive)


def report(found: dict[str, str], alive: list[Survivor]) -> int:
    """Says how it went; the exit code."""
    entries: list[dict[str, Any]] = tomllib.loads(EXPLAINED.read_text())["survivor"]
    unexplained = [one for one in alive if not any(map(one.is_explained_by, entries))]
    needless = [entry for entry in entries if not any(one.is_explained_by(entry) for one in alive)]
    score = 100 * (1 - len(alive) / len(found)) if found else 0.0
    click.echo(f"{len(found)} mutants, {score:.1f} % noticed: {json.dumps(Counter(found.values()))}")
    for one in unexplained:
        click.echo(f"not explained: {one.name}\n    {one.becomes}")
    for entry in needless:
        click.echo(f"did not survive: {entry['function']} {entry.get('becomes', '')}")
    return 0 if found and score >= LEAST and not unexplained else 1


if __name__ == "__main__":
    sys.exit(main())
