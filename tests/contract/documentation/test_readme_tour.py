"""The README's tour with curl, which a shell runs as it stands there against `sellout serve --demo`."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.support import curl
from tests.contract.support.command import environment, serving

README = Path(__file__).parents[3] / "README.md"
ADDRESS = "http://127.0.0.1:8000"
SEPARATOR = "\x1e"
"""What stands in a run's output after each block of commands."""

_CHARACTER = r'"(?:[^"\\]|\\.)*"|[^"\[\]{}]'
_LEFT_OUT = f"(?:{_CHARACTER})*?"
for _ in range(8):
    _LEFT_OUT = rf"(?:{_CHARACTER}|[\[{{]{_LEFT_OUT}[\]}}])*?"


def blocks(title: str) -> list[tuple[str, str]]:
    """The fenced blocks of a section in order: commands (`sh`) and what they show (`text`)."""
    section = README.read_text(encoding="utf-8").partition(f"## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(sh|text)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def require_shown(output: str, shown: str) -> None:
    """Lets through output that is what the README shows, where a line ends anywhere. `…` stands for any text of one
    JSON array, object or string: it leaves out members, but neither begins nor ends anything that is shown.
    """
    pattern = _LEFT_OUT.join(map(re.escape, shown.replace("\n", "").split("…")))
    assert re.fullmatch(pattern, output, re.DOTALL), f"the README shows\n{shown}\nand the shop answers\n{output}"


def run_tour(address: str, programs: Path) -> list[str]:
    """What each block of commands writes; `programs` holds the `curl` and the `python3` that it finds."""
    script = f"\nprintf '{SEPARATOR}'\n".join(text for language, text in blocks("A tour with curl") if language == "sh")
    assert script.count(ADDRESS) == 1
    done = subprocess.run(  # noqa: S603 - the README is ours
        ["/bin/sh", "-eu", "-c", script.replace(ADDRESS, address)],
        env=environment(PATH=str(programs), NO_PROXY="*", no_proxy="*", CURL_HOME=str(programs)),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split(SEPARATOR)


def shown_by_the_readme() -> list[str]:
    """What it shows for each block of commands: all that stands before the next."""
    shown: list[str] = []
    for language, text in blocks("A tour with curl"):
        if language == "sh":
            shown.append("")
        else:
            shown[-1] += text
    return shown


@pytest.fixture(params=["stand-in", "installed"])
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with Python as `python3`, and as `curl` the tests' stand-in, or the machine's own if there is one."""
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
    """Its search finds something; repeated, it shows the same answers and orders nothing again."""
    with serving(tmp_path, "--demo") as (server, announced):
        address = f"http://127.0.0.1:{server.port}"
        ((_, greeting),) = blocks("What you see")
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
