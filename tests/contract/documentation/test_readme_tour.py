"""The README's tour with curl, carried out as it stands there against a served demo shop, without a curl."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2
import pytest

from tests.contract.support.shop import CUSTOMER_ID, Served

README = Path(__file__).parents[3] / "README.md"
DEMO = "http://127.0.0.1:8000"


@attrs.frozen
class Curl:
    """What one curl command asks for, and the name its answer's access token is kept under, if it is."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | None
    keeps: str | None


def blocks() -> list[tuple[str, str]]:
    """The fenced blocks of the tour in order: commands (`sh`) and answers (`text`)."""
    section = README.read_text(encoding="utf-8").partition("## A tour with curl\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(sh|text)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def require_shown(answer: str, shown: str) -> None:
    """Lets through an answer that is what the README shows, where `…` stands for any text and a line ends anywhere."""
    pattern = ".*?".join(map(re.escape, shown.replace("\n", "").split("…")))
    assert re.fullmatch(pattern, answer, re.DOTALL), f"the README shows\n{shown}\nand the shop answers\n{answer}"


def commands(script: str) -> Iterator[str]:
    """The commands of a shell script, one by one, over as many lines as each takes."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        command = "\n".join(lines).replace("\\\n", " ")
        try:
            words = shlex.split(command, comments=True)
        except ValueError:
            continue  # A quotation goes on in the next line.
        if not line.endswith("\\"):
            lines = []
            if words:
                yield command


def parsed(command: str, variables: dict[str, str]) -> Curl:
    """A command that is nothing but a curl, perhaps with its answer's access token put into a variable."""
    assigned = re.fullmatch(r"(\w+)=\$\((.*) \| python3 -c '[^']*\[\"access\"\]\)'\)", command, re.DOTALL)
    keeps, plain = (assigned[1], assigned[2]) if assigned else (None, command)
    program, silent, *words = shlex.split(plain, comments=True)
    assert (program, silent) == ("curl", "-s")
    given: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "url": []}
    while words:
        word = words.pop(0)
        given[word if word.startswith("-") else "url"].append(words.pop(0) if word.startswith("-") else word)
    (url,) = given["url"]
    headers = [substituted(header, variables).split(": ", 1) for header in given["-H"]]
    method = given["-X"][0] if given["-X"] else "POST" if given["-d"] else "GET"
    return Curl(method, substituted(url, variables), dict(headers), given["-d"][0] if given["-d"] else None, keeps)


def substituted(text: str, variables: dict[str, str]) -> str:
    """Text with the shell's variables in it."""
    return re.sub(r"\$(\w+)", lambda name: variables[name[1]], text)


def test_the_tour_shows_what_comes_back_and_can_be_repeated(served: Served, client: httpx2.Client) -> None:
    """Its search finds something; repeated, it shows the same answers and orders nothing again."""
    for _ in range(2):
        variables: dict[str, str] = {}
        answers: list[str] = []
        for language, block in blocks():
            if language == "text":
                require_shown(answers.pop(0), block)
                continue
            assert answers == []
            for command in commands(block):
                if assignment := re.fullmatch(r'(\w+)="?([^"()]*)"?', command.strip()):
                    variables[assignment[1]] = substituted(assignment[2], variables)
                    continue
                curl = parsed(command, variables)
                content = None if curl.body is None else curl.body.encode()
                assert curl.url.startswith(DEMO + "/")
                response = client.request(
                    curl.method, curl.url.removeprefix(DEMO), headers=curl.headers, content=content
                )
                if curl.keeps:
                    variables[curl.keeps] = response.json()["access"]
                else:
                    answers.append(response.text)
        assert answers == []
        assert variables["shop"] == DEMO
    orders = served.shop.store.read(lambda tx: tx.orders.after(0, 1_000))
    assert [(order.buyer_id, order.total) for order in orders] == [(CUSTOMER_ID, 107), (CUSTOMER_ID, 91)]


def test_an_answer_that_the_readme_does_not_show_is_found_out() -> None:
    require_shown('{"a":1,"b":2}', '{"a":1,\n…}\n')
    with pytest.raises(AssertionError, match="the README shows"):
        require_shown('{"a":1,"b":2}', '{"a":2,…}\n')
