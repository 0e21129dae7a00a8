"""A budget of function calls of this project for a request: each call takes time of a worker."""

import asyncio
import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import sellout_http
from sellout_adapters import demo
from sellout_adapters.sql.session import tracing as statements
from sellout_http import tracing
from sellout_http.app import create_app
from sellout_http.runtime.asgi import Application
from tests.contract.conftest import sqlite_store
from tests.contract.support.requests import CHECKOUT
from tests.contract.support.shop import demo_shop
from tests.contract.support.slow import lifespan_of

SOURCES = Path(sellout_http.__file__).parents[1]
PACKAGES = ("sellout_core", "sellout_adapters", "sellout_http")
FOLDERS = tuple(str(SOURCES / package) for package in PACKAGES)
BUDGET = {"cart": 150, "checkout": 599, "cached page": 35}
HTTP_BUDGET = {"cart": 65, "checkout": 110, "cached page": 30}


@contextmanager
def counted(calls: Counter[str]) -> Iterator[None]:
    """Counts the calls in this thread, and in threads that start within the context."""

    def note(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(FOLDERS):
            calls[f"{Path(code.co_filename).relative_to(SOURCES).as_posix()}:{code.co_qualname}"] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


async def answer(app: Application, method: str, path: str, token: str = "", body: Any = None) -> Any:
    """Sends a request that must succeed and returns the response's document."""
    content, sent = json.dumps(body).encode(), list[Mapping[str, Any]]()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [*(headers if body else []), *([(b"authorization", f"Bearer {token}".encode())] if token else [])],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content if body else b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] < 300, sent
    return json.loads(sent[1]["body"])


def test_a_request_calls_few_functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `telemetry` is not installed."""
    for module in (tracing, statements):
        monkeypatch.setattr(module, "tracer", None)
    found = {name: Counter[str]() for name in BUDGET}

    async def scenario(app: Application) -> None:
        async with lifespan_of(app):
            person = {"username": demo.STAFF, "password": demo.PASSWORD}
            token = (await answer(app, "POST", "/user/login", body=person))["access"]
            for _ in range(2):
                # The first request fills the caches, so the second one is counted.
                for name, path, sent in (("cart", "/order/cart/1", token), ("cached page", "/product/all/1", "")):
                    found[name].clear()
                    with counted(found[name]):
                        await answer(app, "GET", path, sent)
            order = {**CHECKOUT, "product_unit": [1]}
            with counted(found["checkout"]):
                await answer(app, "POST", "/order/checkout/1", token, order)

    with sqlite_store(tmp_path) as store:
        asyncio.run(scenario(create_app(demo_shop(store))))
    counts = {name: calls.total() for name, calls in found.items()}
    assert {name: count for name, count in counts.items() if not 0 < count <= BUDGET[name]} == {}
    http = {
        name: sum(number for place, number in calls.items() if place.startswith("sellout_http/"))
        for name, calls in found.items()
    }
    assert {name: count for name, count in http.items() if not 0 < count <= HTTP_BUDGET[name]} == {}
