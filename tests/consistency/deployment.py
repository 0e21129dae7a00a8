"""A deployment of a shop: a database, `sellout serve` processes, and functions that kill them."""

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import attrs

from tests.contract.support.command import CODE, SOURCES, UNLIMITED, start_command
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer

ROOT: Final = Path(__file__).parents[2]
DEADLINE: Final = 60
_COMMAND_SECONDS: Final = 300
_NAMES: Final = 6


class Broken(Exception):
    """A process failed. The message has its name and its output."""


@attrs.define
class Deployment:
    """A shop in a folder. `code` is the Python program that runs the command. `postgres` is None for SQLite."""

    folder: Path
    postgres: PostgresServer | None = None
    servers: int = 1
    workers: int = 1
    code: str = CODE
    ports: list[int] = attrs.field(init=False)
    running: list[subprocess.Popen[bytes] | None] = attrs.field(init=False)
    starts: int = 0

    def __attrs_post_init__(self) -> None:
        self.ports = [free_port() for _ in range(self.servers)]
        self.running = [None] * self.servers

    def command(
        self, *arguments: str, stdin: str = "", code: str = CODE, variables: Mapping[str, str] | None = None
    ) -> str:
        """Runs `sellout` and returns its output. `code` is the Python program that runs it, and `variables` are further
        environment variables.

        Raises:
            Broken: the command fails.
        """
        ours = {**self._variables(), **(variables or {})}
        process = start_command(self.folder, *arguments, code=code, variables=ours)
        try:
            stdout, stderr = process.communicate(stdin.encode(), timeout=_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Broken(f"sellout {' '.join(arguments)} does not end") from None
        if process.returncode != 0:
            raise Broken(f"sellout {' '.join(arguments)}: {process.returncode} {stderr.decode()}")
        return stdout.decode()

    def start_servers(self) -> None:
        """Starts the servers that are not running."""
        for number, process in enumerate(self.running):
            if process is None:
                self.starts += 1
                log = (self.folder / f"server{number}-{self.starts}.log").open("wb")
                self.running[number] = start_command(
                    self.folder,
                    *("serve", "--port", str(self.ports[number]), "--workers", str(self.workers)),
                    code=self.code,
                    variables=self._variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                log.close()

    def ready(self) -> bool:
        """Whether all servers run and are ready.

        Raises:
            Broken: a server has exited.
        """
        for number, process in enumerate(self.running):
            if process is None or not _answers(self.ports[number]):
                if process is not None and process.poll() is not None:
                    raise Broken(f"a server ended by itself: {process.returncode}\n{self._last_words(number)}")
                return False
        return True

    def kill(self, number: int) -> None:
        """Sends SIGKILL to a server and its workers."""
        process = self.running[number]
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(DEADLINE)
            self.running[number] = None

    def terminate(self, number: int) -> None:
        """Sends SIGTERM to a server. `ended` tells when it has exited."""
        process = self.running[number]
        if process is not None:
            process.terminate()

    def ended(self, number: int) -> bool:
        """Whether a server has exited after `terminate`.

        Raises:
            Broken: its exit code is not 0.
        """
        process = self.running[number]
        if process is None:
            return True
        code = process.poll()
        if code is None:
            return False
        self.running[number] = None
        if code != 0:
            raise Broken(f"a server told to end exited with {code}\n{self._last_words(number)}")
        return True

    def close(self) -> None:
        """Kills all running servers."""
        for number in range(self.servers):
            self.kill(number)

    def left(self) -> dict[tuple[str, str], tuple[int | None, bool, int]]:
        """The stock, the availability and the number of sold pieces of each unit, by SKU and size."""
        products = map(json.loads, self.command("export").splitlines())
        return {
            (product["sku"], unit["size"]["EU"]): (unit["stock"], unit["availability"], unit["sold"])
            for product in products
            for unit in product["units"]
        }

    def _variables(self) -> dict[str, str]:
        ours = {
            "PYTHONPATH": os.pathsep.join([SOURCES, str(ROOT)]),
            "SELLOUT_MIN_PASSWORD_LENGTH": "6",
            "SELLOUT_DRAIN_DELAY": "0",
            "SELLOUT_WEBHOOKS_ALLOW_PRIVATE": "yes",
            "SELLOUT_WEBHOOK_TIMEOUT": "1",
            **UNLIMITED,
        }
        if self.postgres is not None:
            ours["SELLOUT_DATABASE_URL"] = self.postgres.url
            ours["SELLOUT_SECRET_KEY"] = "the key that all servers of this run share"
        return ours

    def _last_words(self, number: int) -> str:
        logs = sorted(self.folder.glob(f"server{number}-*.log"), key=lambda path: path.stat().st_mtime)
        return logs[-1].read_text()[-2000:] if logs else ""


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False


def catalogue(goods: Iterable[tuple[int, int | None, int, bool]]) -> str:
    """A catalogue file with one product of one size for each number, stock and price, and whether staff change it. The
    products that staff change have one brand and one tag.
    """
    lines = []
    for number, stock, price, by_staff in goods:
        size = dict.fromkeys(("INT", "US", "UK", "EU", "IT", "RU"), "42")
        unit = {
            "size": size,
            "final_price": price,
            "currency": "RUB",
            "delivery_type": "Самолёт",
            "platform": "Poizon",
            "site": "/poizon",
            "availability": True,
            "stock": stock,
        }
        names = {"brands": [f"Brand {number % _NAMES}"], "tags": [f"Tag {number % _NAMES}"]} if by_staff else {}
        product = {"sku": f"sku-{number}", "name": f"Shoe {number}", "gender": "M", "add_date": "2026-01-31", **names}
        lines.append(json.dumps({**product, "units": [unit]}))
    return "\n".join(lines) + "\n"
