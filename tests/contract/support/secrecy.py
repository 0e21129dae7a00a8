"""What must not be read where it does not belong: every line logged, every answer of the tests is looked through."""

import io
import re
from typing import Any

import httpx2

from sellout_adapters import demo
from sellout_http.runtime import logging

KEY = "the secret key of tests over HTTP, long enough"
_PASSWORDS = (demo.PASSWORD, "a password", "a better password", "long enough", "пароль", "another password")
_HASHES = re.compile(r"\$argon2|\b[0-9a-f]{64}\b")
_PEOPLE = ("@", "7777777777", "79990001122", "Проспект", "Невский", "Имя", "Фамилия")
_TOKENS = re.compile(r"eyJ[\w-]{8}|[Bb]earer")


def found_in_log(text: str) -> list[str]:
    """What stands in a log that people's own: passwords, hashes, keys, tokens, names, addresses of any kind."""
    words = [word for word in (*_PASSWORDS, *_PEOPLE, KEY) if word in text]
    return [*words, *_HASHES.findall(text), *_TOKENS.findall(text)]


def require_discreet(response: httpx2.Response) -> None:
    """Asserts that an answer holds no password, hash or key; names and addresses it may hold."""
    if not response.headers.get("content-type", "").startswith("application/"):
        return
    text = response.read().decode() + str(response.headers)
    if response.request.url.path != "/openapi.json":
        assert not [word for word in (*_PASSWORDS, KEY) if word in text]
        assert not _HASHES.search(text)


class Recorder(io.BytesIO):
    """Where the applications of this process log to."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.found: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, line: Any) -> int:
        text = bytes(line).decode()
        self.lines += text.count("\n")
        self.found += [f"{word!r} in {text}" for word in found_in_log(text)]
        return len(line)

    def heard(self, text: str) -> None:
        """Another process's log."""
        self.write(text.encode())


RECORDER = Recorder()
STREAM = io.TextIOWrapper(RECORDER)  # kept, since it closes what it wraps when it goes
REQUEST_LOG = logging.configure("json", STREAM)
