"""A shell runs the README's tour with curl against `sellout serve --demo`, word for word."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.support import curl
from tests.contract.support.command import environment, running_server

README = Path(__file__).parents[3] / "README.md"
ADDRESS = "http://127.0.0.1:8000"
SEPARATOR = "\x1e"
"""Separates the output of the blocks of commands."""

_CHARACTER = r'"(?:[^"\\]|\\.)*"|[^"\[\]{}]'
_LEFT_OUT = f"(?:{_CHARACTER})*?"
for _ in range(8):
    _LEFT_OUT = rf"(?:{_CHARACTER}|[\[{{]{_LEFT_OUT}[\]}}])*?"


def blocks(title: str) -> list[tuple[str, str]]:
    """The fenced blocks of a section in order: commands (`sh`) and their output (`text`)."""
    section = README.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(sh|text)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def require_shown(output: str, shown: str) -> None:
    """Asserts that the output is what the README shows, where lines may be broken anywhere. `…` stands for any text
    within one JSON array, object or string. It omits members, but not the beginning or the end of a shown value.
    """
    pattern = _LEFT_OUT.join(map(re.escape, shown.replace("\n", "").split("…")))
    assert re.fullmatch(pattern, output, re.DOTALL), f"the README shows\n{shown}\nand the shop answers\n{output}"


def run_tour(address: str, programs: Path) -> list[str]:
    """Runs all commands of the tour and returns the output of each block. `programs` is the folder of `curl` and
    `python3`.
    """
    script = f"\nprintf '{SEPARATOR}'\n".join(text for language, text in blocks("A tour with curl") if language == "sh")
    assert script.count(ADDRESS) == 1
    done = subprocess.run(  # noqa: S603 - our own README
        ["/bin/sh", "-eu", "-c", script.replace(ADDRESS, address)],
        env=environment(PATH=str(programs), NO_PROXY="*", no_proxy="*", CURL_HOME=str(programs)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(SEPARATOR)


def shown_by_the_readme() -> list[str]:
    """The output that the README shows for each block of commands."""
    shown: list[str] = []
    for language, text in blocks("A tour with curl"):
        if language == "sh":
            shown.append("")
        else:
            shown[-1] += text
    return shown


@pytest.fixture(params=["stand-in", "installed"])
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with Python as `python3`, and the tests' stand-in or the machine's curl, if installed, as `curl`."""
    commands = {"python3": [sys.executable], "curl": [sys.executable, curl.__file__]}
    if request.param == "installed" and (installed := shutil.which("curl")):
        commands["curl"] = [installed]
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, command in commands.items():
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def test_the_tour_shows_what_comes_back_and_can_be_repeated(tmp_path: Path, programs: Path) -> None:
    """The tour's search finds something. A repeated tour shows the same responses and places no second order."""
    with running_server(tmp_path, "--demo") as (server, announced):
        address = f"http://127.0.0.1:{server.port}"
        ((_, greeting),) = blocks("The running shop")
        for output, expected in zip(announced.splitlines(), greeting.splitlines(), strict=True):
            require_shown(output.replace(address, ADDRESS), expected)
        shown = shown_by_the_readme()
        for _ in range(2):
            for output, expected in zip(run_tour(address, programs), shown, strict=True):
                require_shown(output, expected)
        assert server.stop() == (0, "")


def test_an_answer_that_the_readme_does_not_show_is_found_out() -> None:
    require_shown('{"a":1,"b":{"c":[2]}}', '{"a":1,\n…}\n')
    require_shown('{"a":"some text","b":[{"c":2},{"c":"]"}]}', '{"a":"…","b":[{"c":2},…]}')
    for answer, shown in [
        ('{"a":1,"b":2}', '{"a":2,…}'),
        ('{"a":1,"b":2}', '{"a":1}'),
        ('[{"a":1,"b":2},{"a":3},{"a":4}]', '[{"a":1,…},{"a":4}]'),
        ('{"a":{"b":1},"c":2}', '{"a":{…,"c":2}'),
    ]:
        with pytest.raises(AssertionError, match="the README shows"):
            require_shown(answer, shown)
