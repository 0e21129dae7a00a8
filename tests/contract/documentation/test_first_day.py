"""The example that fills an empty shop over HTTP runs against a served shop with the default rate limits."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import httpx2
import pytest

from examples import first_day
from sellout_http.settings.model import DEFAULT_LIMITS, variable_name
from tests.contract.support.command import Run, environment, running_server

PASSWORD: Final = "a password of the boss"
LIMITS: Final = {variable_name(name): str(limit) for name, limit in DEFAULT_LIMITS.items()}


def test_the_first_day_of_a_shop_ends_with_the_right_figures(
    sellout: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong figure ends the script with its name, and so does a shop that is not empty."""
    assert sellout("create-admin", "--username", "boss", SELLOUT_ADMIN_PASSWORD=PASSWORD).returncode == 0
    with running_server(tmp_path, **LIMITS, SELLOUT_CLIENT_SHARE="25") as (server, _):
        url = f"http://127.0.0.1:{server.port}"
        day = first_day.main(url, "boss", PASSWORD)
        assert capsys.readouterr().out == "200 products and 5 orders: every figure is right.\n"
        with httpx2.Client(base_url=url, timeout=60) as day.boss.http:
            day.boss.post(f"/stock/{day.units[7].id}", {"received": 1}, 201)
            with pytest.raises(SystemExit) as wrong:
                first_day.check(day)
            assert wrong.value.code == f"stock of unit {day.units[7].id}: 6, expected 5"
        again = run_script(url, "boss", SELLOUT_ADMIN_PASSWORD=PASSWORD)
        assert (again.returncode, again.stdout) == (1, "")
        assert again.stderr == "products of an empty shop: 200, expected 0\n"
        assert server.stop() == (0, "")


def run_script(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the example as a program."""
    return subprocess.run(  # noqa: S603 - our own example
        [sys.executable, first_day.__file__, *arguments],
        env=environment(**variables, NO_PROXY="*"),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_a_wrong_call_explains_the_script_and_an_unreachable_shop_is_one_line() -> None:
    for arguments, variables in (((), {"SELLOUT_ADMIN_PASSWORD": PASSWORD}), (("http://127.0.0.1:1", "boss"), {})):
        done = run_script(*arguments, **variables)
        assert (done.returncode, done.stderr) == (1, f"{first_day.__doc__}\n")
    done = run_script("http://127.0.0.1:1", "boss", SELLOUT_ADMIN_PASSWORD=PASSWORD)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("http://127.0.0.1:1 cannot be reached: ")
    assert done.stderr.count("\n") == 1


@contextmanager
def answering(statuses: Sequence[int]) -> Iterator[tuple[str, list[str]]]:
    """A server with these answers, one after the other. Yields its URL and the idempotency keys of the requests."""
    left, keys = iter(statuses), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            keys.append(self.headers["Idempotency-Key"])
            self.send_response(next(left))
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", keys
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("statuses", "requests"), [([201], 1), ([429, 503, 201], 3), ([429] * 9, 1 + first_day.ATTEMPTS), ([409, 201], 1)]
)
def test_a_request_is_repeated_under_one_key_while_the_shop_asks_to_wait(statuses: list[int], requests: int) -> None:
    with answering(statuses) as (url, keys), httpx2.Client(base_url=url, timeout=60) as client:
        user = first_day.User(client, 1, {})
        if statuses[requests - 1] == 201:
            assert user.post("/brand", {"name": "Nike"}, 201) == {}
        else:
            with pytest.raises(SystemExit, match=rf"POST /brand: the status is {statuses[requests - 1]}, expected 201"):
                user.post("/brand", {"name": "Nike"}, 201)
        assert len(keys) == requests
        assert len(set(keys)) == 1
