"""Changes the core with mutmut and checks that the unit tests fail: `python -m tests.mutation [--share SHARE]`.

A mutant is the core with one change. By default a fifth of the mutants runs, which depends on the date, so five days
run all of them. The command fails below 95 % of mutants killed, and on a survivor that `survivors.toml` does not
explain. After a run of all mutants it also lists explanations that no survivor needs.
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import click

ROOT = Path(__file__).parents[2]
EXPLAINED = Path(__file__).with_name("survivors.toml")
LEAST = 95.0
NEEDED = ("src", "tests", "docs", "examples", "README.md", "SECURITY.md", "pyproject.toml")
DEAD = ("killed", "timeout", "segfault", "suspicious")
SHARES = {"1": "01", "2": "29", "3": "38", "4": "47", "5": "56", "all": "0123456789"}
"""The last digits of a share's mutants. mutmut numbers the mutants of each function from 1, so a fifth has a frequent
and a rare digit.
"""


@attrs.frozen
class Survivor:
    """A mutant that no test killed."""

    name: str
    function: str
    becomes: str

    def is_explained_by(self, entry: dict[str, str]) -> bool:
        """Whether an entry of `survivors.toml` explains it."""
        return entry["function"] == self.function and entry.get("becomes", self.becomes) == self.becomes


def mutmut(folder: Path, *arguments: str) -> str:
    """Runs mutmut in the copy of the project and returns its output.

    Raises:
        SystemExit: mutmut failed; its last output is printed.
    """
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode != 0:
        raise SystemExit(f"mutmut failed\n{done.stdout[-5000:]}{done.stderr[-5000:]}")
    return done.stdout


def survivors(folder: Path, names: list[str]) -> Iterator[Survivor]:
    """The mutants with these names, with their changed lines."""
    for name in names:
        changed = [line for line in mutmut(folder, "show", name).splitlines() if re.match(r"\+(?!\+\+ )", line)]
        yield Survivor(name, function_of(name), " ".join(line[1:].strip() for line in changed))


def function_of(name: str) -> str:
    """The changed function, named within the core. The function of `sellout_core.values.x_text__mutmut_4` is
    `values.text`, and of `sellout_core.people.accounts.xǁUserǁof__mutmut_5` it is `accounts.User.of`.
    """
    plain = re.sub(r"__mutmut_\d+$", "", name).removeprefix("sellout_core.")
    module, _, function = plain.rpartition(".")
    return f"{module}.{function.removeprefix('x_').removeprefix('xǁ').replace('ǁ', '.')}"


def outcomes(folder: Path) -> dict[str, str]:
    """The outcome of each mutant that ran, by its name."""
    lines = mutmut(folder, "results", "--all", "true").splitlines()
    found = dict(line.strip().split(": ", 1) for line in lines if "__mutmut_" in line)
    return {name: outcome for name, outcome in found.items() if outcome != "not checked"}


@click.command()
@click.option("--share", type=click.Choice(["today", *SHARES]), default="today", help="The mutants to run. [today]")
def main(share: str) -> None:
    """Run a share of the mutants, and list the survivors."""
    if share == "today":
        share = str(datetime.now(UTC).toordinal() % 5 + 1)
    click.echo(f"Share {share}: mutants with a number that ends in one of the digits {SHARES[share]}", err=True)
    with tempfile.TemporaryDirectory(prefix="sellout-mutation-") as made:
        folder = Path(made)
        for name in NEEDED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, folder / name)
        mutmut(folder, "run", f"*[{SHARES[share]}]")
        found = outcomes(folder)
        alive = list(survivors(folder, [name for name, outcome in found.items() if outcome not in DEAD]))
    sys.exit(report(found, alive, everything=share == "all"))


def report(found: dict[str, str], alive: list[Survivor], *, everything: bool) -> int:
    """Prints the result and returns the exit code."""
    entries: list[dict[str, Any]] = tomllib.loads(EXPLAINED.read_text())["survivor"]
    unexplained = [one for one in alive if not any(map(one.is_explained_by, entries))]
    needless = [entry for entry in entries if not any(one.is_explained_by(entry) for one in alive)]
    score = 100 * (1 - len(alive) / len(found)) if found else 0.0
    click.echo(f"{len(found)} mutants, {score:.1f} % killed: {json.dumps(Counter(found.values()))}")
    for one in unexplained:
        click.echo(f"not explained: {one.name}\n    {one.becomes}")
    for entry in needless if everything else ():
        click.echo(f"did not survive: {entry['function']} {entry.get('becomes', '')}")
    return 0 if found and score >= LEAST and not unexplained else 1


if __name__ == "__main__":
    main()
