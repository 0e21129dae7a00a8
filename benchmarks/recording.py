"""Records the statements of a request, which can then be run without the shop."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

import attrs
import click
from sqlalchemy import Connection, event

from benchmarks.load import Request
from sellout_adapters.sql import SqlStore
from sellout_core.shop import Shop
from sellout_http.app import create_app
from sellout_http.runtime.served_store import ThreadedStore

# The savepoints belong to group commit, not to the request.
_SAVEPOINTS: Final = ("SAVEPOINT", "RELEASE")
ADDS_ORDER: Final = "INSERT INTO orders "

Filler = Callable[[Mapping[str, Any]], Any]
"""Returns a parameter for the values of a request."""


@attrs.frozen
class Statement:
    """A statement with its parameters. `slots` maps the parameters that differ between requests to functions of the
    request's values.
    """

    sql: str
    parameters: Any = None
    slots: Mapping[Any, Filler] = attrs.field(factory=dict)

    def filled(self, values: Mapping[str, Any]) -> Any:
        """The parameters with the slots filled by these values."""
        if not self.slots:
            return self.parameters
        filled = self.parameters.copy()
        for place, filler in self.slots.items():
            filled[place] = filler(values)
        return filled


class Recorder:
    """A shop in this process without a document cache. The events of its store are recorded.

    Args:
        store: The store.
        shop: The shop over it.
    """

    def __init__(self, store: SqlStore, shop: Shop) -> None:
        # Reads on the event loop would bypass the events of SQLAlchemy.
        self._app = create_app(attrs.evolve(shop, store=ThreadedStore(store)), cache_mib=0)
        self._heard: list[Statement] = []
        event.listen(store.engine, "begin", self._begun)
        event.listen(store.engine, "before_cursor_execute", self._asked)
        for ended in ("commit", "rollback"):
            event.listen(store.engine, ended, self._ending(ended.upper()))

    def record(self, request: Request) -> tuple[bytes, Sequence[Statement]]:
        """The response and the statements of a request. It is sent twice, because the first one also reads what the
        process caches.
        """
        asyncio.run(self._answer(request))
        return self.record_once(request)

    def record_once(self, request: Request) -> tuple[bytes, Sequence[Statement]]:
        """The response and the statements of a request that can only be sent once."""
        self._heard.clear()
        document = asyncio.run(self._answer(request))
        return document, [said for said in self._heard if not said.sql.startswith(_SAVEPOINTS)]

    async def _answer(self, request: Request) -> bytes:
        path, _, query = request.path.partition("?")
        content = b"" if request.body is None else json.dumps(request.body).encode()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers().items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        if sent[0]["status"] >= 300:
            raise click.ClickException(f"{request.method} {request.path}: {sent[0]['status']} {body[:500]!r}")
        return body

    def _begun(self, connection: Connection) -> None:
        # On PostgreSQL, the statement that begins the transaction has an event of its own.
        if connection.dialect.name == "sqlite":
            self._heard.append(Statement(connection.get_execution_options().get("sellout_begin", "BEGIN")))

    def _asked(
        self, _connection: Connection, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        sets = parameters if many else [parameters]
        self._heard += [Statement(sql, each.copy() if isinstance(each, dict | list) else each) for each in sets]

    def _ending(self, word: str) -> Callable[[Connection], None]:
        return lambda _: self._heard.append(Statement(word))


def template(
    first: Sequence[Statement], second: Sequence[Statement], values: Mapping[str, tuple[Any, Any]]
) -> Sequence[Statement]:
    """A template of the statements of two requests that differ in these values alone, given for both. Other
    differences, such as times, stay as in the first request.

    Raises:
        ValueError: the requests have different statements.
    """
    if [statement.sql for statement in first] != [statement.sql for statement in second]:
        raise ValueError("the requests took different statements")
    return [_with_slots(one, other, values) for one, other in zip(first, second, strict=True)]


def _with_slots(one: Statement, other: Statement, values: Mapping[str, tuple[Any, Any]]) -> Statement:
    parameters = list(one.parameters) if isinstance(one.parameters, tuple) else one.parameters
    places = parameters.keys() if isinstance(parameters, dict) else range(len(parameters or ()))
    pairs = {place: (parameters[place], other.parameters[place]) for place in places}
    slots = {place: _filler(*pair, values) for place, pair in pairs.items() if pair[0] != pair[1]}
    return Statement(one.sql, parameters, slots)


def _filler(one: Any, other: Any, values: Mapping[str, tuple[Any, Any]]) -> Filler:
    """The function of a parameter that is one of the values, or a list of them, which may be encoded as JSON. Otherwise
    the first request's parameter.
    """
    for name, pair in values.items():
        if pair == (one, other):
            return itemgetter(name)
    if isinstance(one, list):
        parts = [_filler(*pair, values) for pair in zip(one, other, strict=True)]
        return lambda given: [part(given) for part in parts]
    if isinstance(one, str) and one.startswith("["):
        whole = _filler(json.loads(one), json.loads(other), values)
        return lambda given: json.dumps(whole(given))
    return lambda _: one
