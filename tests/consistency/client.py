"""A user of the shop over HTTP who records each request and its response: what buyers and staff have in common."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import httpx2
import jwt

from tests.consistency.history import Answer, Deed, Failure, History, Unexpected

PASSWORD: Final = "a password"
_PAUSE: Final = 0.1
_TIMEOUT: Final = 30


class RunEnded(Exception):
    """The run has ended before the response came."""


class UnexpectedResponse(Exception):
    """An unexpected response, which is recorded."""


class Client:
    """A logged-in user who sends one request at a time.

    Attributes:
        lost: Whether the last request of `ask` had an attempt without a response below 500, which the server may have
            carried out.
    """

    def __init__(self, name: str, past: History, client: httpx2.AsyncClient, until: Callable[[], float]) -> None:
        self.name = name
        self.user_id = 0
        self.past = past
        self.lost = False
        self._random = random.Random(f"{past.seed} {name}")  # noqa: S311 - a seeded choice is what is wanted
        self._client = client
        self._until = until
        self._tokens: dict[str, str] = {}
        self._in_flight = False

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        once: bool = False,
        anon: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response | None:
        """Sends a request until it has a response below 500. With `once`, it is sent once, and the result is None
        without such a response.

        Raises:
            RunEnded: the run is over.
        """
        lost = False
        while True:
            sent = dict(headers or {})
            if not anon and self._tokens:
                sent["Authorization"] = f"Bearer {self._tokens['access']}"
            if key is not None:
                sent["Idempotency-Key"] = key
            begun = time.monotonic()
            self.past.requests += 1
            try:
                answer = await self._client.request(method, path, json=body, headers=sent, timeout=_TIMEOUT)
            except httpx2.TransportError as error:
                self.past.broken += 1
                lost |= not isinstance(error, httpx2.ConnectError)
                self._in_flight |= not isinstance(error, httpx2.ConnectError)
                answer = None
            ended = time.monotonic()
            if answer is not None and answer.status_code >= 500:
                what = f"{method} {path}: {answer.text[:200]}"
                retry_after = answer.headers.get("retry-after")
                self.past.failures.append(Failure(answer.status_code, what, begun, ended, retry_after))
                lost = True
                answer = None
            if answer is not None and answer.status_code == 401 and not anon and self._tokens:
                await self.log_in()
                continue
            self.lost = lost
            if answer is not None or once:
                return answer
            if time.monotonic() > self._until():
                raise RunEnded
            await asyncio.sleep(_PAUSE)

    async def must(self, method: str, path: str, body: Any = None, *, allowed: Sequence[int] = (200,)) -> Any:
        """Returns the document of a response with an allowed status.

        Raises:
            UnexpectedResponse: the response has another status.
        """
        answer = await self.ask(method, path, body)
        assert answer is not None
        return self.allowed(answer, allowed, f"{method} {path} {body}").json()

    def allowed(self, answer: httpx2.Response, statuses: Sequence[int], what: str) -> httpx2.Response:
        """The response, if it has one of these statuses.

        Raises:
            UnexpectedResponse: it has another one, which is recorded.
        """
        if answer.status_code not in statuses:
            self.note("answers", f"{self.name}: {what}: {answer.status_code} {answer.text[:300]}")
            raise UnexpectedResponse
        return answer

    def note(self, law: str, what: str) -> None:
        """Records a violation."""
        self.past.unexpected.append(Unexpected(law, what))

    async def register(self) -> None:
        """Registers, or logs in if the user exists already."""
        body = {"username": self.name, "password": PASSWORD, "first_name": self.name}
        answer = await self.ask("POST", "/user/register", body, anon=True)
        assert answer is not None
        if answer.status_code == 201:
            self._tokens = answer.json()
        else:
            await self.log_in()
        self.user_id = jwt.decode(self._tokens["access"], options={"verify_signature": False})["user_id"]

    async def log_in(self, cart_token: str | None = None) -> None:
        """Logs in and stores the tokens. The units of the guest's cart with that token join the cart."""
        body = {"username": self.name, "password": PASSWORD}
        headers = {} if cart_token is None else {"X-Cart-Token": cart_token}
        answer = await self.ask("POST", "/user/login", body, anon=True, headers=headers)
        assert answer is not None
        if answer.status_code == 200:
            self._tokens = answer.json()
        else:
            self.note("answers", f"{self.name} cannot log in: {answer.status_code} {answer.text[:300]}")
            raise RunEnded

    async def command(self, deed: Deed, *, allowed: Sequence[int] = (200, 409)) -> Any:
        """Sends a command, records it and its response, and returns the document of the response. None: the command was
        refused, or its response was lost.

        Raises:
            RunEnded: the run is over. The command may have been carried out.
            UnexpectedResponse: the response has another status.
        """
        self.past.deeds.append(deed)
        deed.begun = time.monotonic()
        deed.lost = True
        answer = await self.ask("POST", deed.path, deed.body, key=deed.key, once=deed.key is None)
        deed.ended = time.monotonic()
        deed.lost = self.lost
        if answer is None:
            return None
        deed.answer = Answer(answer.status_code, answer.text)
        self.allowed(answer, allowed, f"{deed.path} {deed.body}")
        return answer.json() if answer.status_code < 300 else None

    async def again(self, deed: Deed) -> Answer:
        """Sends an acknowledged command once more. Its key returns the first response."""
        answer = await self.ask("POST", deed.path, deed.body, key=deed.key)
        assert answer is not None
        return Answer(answer.status_code, answer.text)
