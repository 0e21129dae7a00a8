"""Secrets and personal data. The log of all tests and every response to a test are searched for them."""

import io
import re
from typing import Any

import httpx2

from sellout_adapters import demo
from sellout_http.runtime import logging

KEY = "the secret key of tests over HTTP, long enough"
GUEST = "0123456789abcdef" * 2
"""The token of the cart of a guest."""
SECOND_FACTOR_SECRET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
RECOVERY_CODE = "ABCDEF-GHIJKL-MNOPQR-STUVWX"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The secret of a webhook."""
_PASSWORDS = (demo.PASSWORD, "a password", "a better password", "long enough", "пароль", "another password")
_HASHES = re.compile(r"\$argon2|\b[0-9a-f]{64}\b")
_SECRETS = re.compile(r"\b[A-Z2-7]{32}\b")
"""Secrets of second factors. One response has them: that to the beginning of one."""
_RECOVERY_CODES = re.compile(r"\b[A-Za-z2-7]{6}(?:-[A-Za-z2-7]{6}){3}\b")
"""Recovery codes. Two responses have them."""
_WEBHOOK_SECRETS = re.compile(r"whsec_[\w+/]{9}")
"""Secrets of webhooks. Two responses have them."""
_SHOWING = {
    "/webhook": _WEBHOOK_SECRETS,
    "/webhook/1/secret": _WEBHOOK_SECRETS,
    "/user/second_factor/": _SECRETS,
    "/user/second_factor/confirm/": _RECOVERY_CODES,
    "/user/second_factor/recovery_codes/": _RECOVERY_CODES,
}
"""What the response to a POST may have, by the path without its id."""
_PEOPLE = ("@", "7777777777", "79990001122", "Проспект", "Невский", "Имя", "Фамилия", "Отчество", "домофон", "MSK-5")
_TOKENS = re.compile(r"eyJ[\w-]{8}|[Bb]earer")


def found_in_log(text: str) -> list[str]:
    """The secrets and personal data in a log: passwords, hashes, keys, tokens, names, and addresses of any kind."""
    words = [word for word in (*_PASSWORDS, *_PEOPLE, KEY, GUEST) if word in text]
    patterns = (_HASHES, _TOKENS, _SECRETS, _RECOVERY_CODES, _WEBHOOK_SECRETS)
    return [*words, *(found for pattern in patterns for found in pattern.findall(text))]


def require_no_secrets(response: httpx2.Response) -> None:
    """Asserts that a response holds no password, hash or key, and no secret or recovery code that it may not show. It
    may hold names and addresses.
    """
    if not response.headers.get("content-type", "").startswith("application/"):
        return
    text = response.read().decode() + str(response.headers)
    if response.request.url.path != "/openapi.json":
        assert not [word for word in (*_PASSWORDS, KEY, GUEST) if word in text]
        assert not _HASHES.search(text)
        path = re.sub("[0-9]+$", "", re.sub("/webhook/[0-9]+/", "/webhook/1/", response.request.url.path))
        shown = _SHOWING.get(path) if response.request.method == "POST" else None
        hidden = [each for each in (_SECRETS, _RECOVERY_CODES, _WEBHOOK_SECRETS) if each is not shown]
        assert not [pattern for pattern in hidden if pattern.search(text)]


class LogRecorder(io.BytesIO):
    """The log stream of all applications in this process. It searches each line and drops it."""

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

    def search(self, text: str) -> None:
        """Searches the log of another process."""
        self.write(text.encode())


RECORDER = LogRecorder()
STREAM = io.TextIOWrapper(RECORDER)  # kept in a variable: a text stream closes its buffer when it is deleted
REQUEST_LOG = logging.configure("json", STREAM)
