"""The README's tour with curl, carried out as it stands there against a served demo shop, without a curl."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2

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


def tour() -> str:
    """The shell commands of the tour."""
    section = README.read_text(encoding="utf-8").partition("## A tour with curl\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(block)


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


def test_the_tour_goes_as_written(served: Served, client: httpx2.Client) -> None:
    """Every command succeeds in its order; at the end user 2 has an order of 91, and sending it again adds none."""
    variables: dict[str, str] = {}
    answers: list[tuple[Curl, httpx2.Response]] = []
    for command in commands(tour()):
        if assignment := re.fullmatch(r'(\w+)="?([^"()]*)"?', command.strip()):
            variables[assignment[1]] = substituted(assignment[2], variables)
            continue
        curl = parsed(command, variables)
        content = None if curl.body is None else curl.body.encode()
        assert curl.url.startswith(DEMO + "/")
        response = client.request(curl.method, curl.url.removeprefix(DEMO), headers=curl.headers, content=content)
        assert response.is_success, (command, response.text)
        if curl.keeps:
            variables[curl.keeps] = response.json()["access"]
        answers.append((curl, response))
    assert variables["shop"] == DEMO
    assert len(answers) == 12
    curl, checkout = next((curl, answer) for curl, answer in answers if "checkout" in curl.url)
    order = checkout.json()
    assert (checkout.status_code, order["total_amount"], order["user"]["id"]) == (201, 91, CUSTOMER_ID)
    assert [listed["total_amount"] for listed in answers[-1][1].json()] == [107, 91]
    again = client.post(curl.url.removeprefix(DEMO), headers=curl.headers, content=(curl.body or "").encode())
    assert again.content == checkout.content
    assert len(served.shop.store.read(lambda tx: tx.orders.after(0, 1_000))) == 2
