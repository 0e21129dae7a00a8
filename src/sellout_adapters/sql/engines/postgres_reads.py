"""Asynchronous connections to PostgreSQL, for batched reads."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import psycopg

from sellout_adapters.sql.session.compiled import Prepared, Row

READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@attrs.define(eq=False)
class PostgresConversation:
    """`gathering.Conversation` with a server."""

    _arguments: Mapping[str, Any] = attrs.field(repr=False)
    _connection: psycopg.AsyncConnection[Any]
    begun: bool = False
    _first: str | None = None

    def begin(self) -> None:
        """What begins it is sent with the first statement: one way there and back."""
        self._first = "COMMIT AND CHAIN" if self.begun else READING
        self.begun = True

    async def ask(self, ready: Prepared, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """One statement, which the server prepares once."""
        first, self._first = self._first, None
        sent = ready.sent(parameters)
        cursor = await (self._execute(ready, sent) if first is None else self._opening(first, ready, sent))
        return ready.rows(await cursor.fetchall())

    async def end(self) -> None:
        """One statement. See `PostgresDatabase.read` for why it commits."""
        if self.begun:
            await self._connection.execute("COMMIT")
            self.begun = False

    async def close(self) -> None:
        """Without a farewell where it broke."""
        await self._connection.close()

    async def _opening(self, first: str, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        try:
            return await self._pipelined(first, ready, sent)
        except psycopg.Error:
            if not self._connection.closed:
                raise
        self._connection = await psycopg.AsyncConnection.connect(**self._arguments)
        return await self._pipelined(READING, ready, sent)

    async def _pipelined(self, first: str, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        async with self._connection.pipeline():
            await self._connection.execute(first)
            return await self._execute(ready, sent)

    async def _execute(self, ready: Prepared, sent: Any) -> psycopg.AsyncCursor[Any]:
        return await self._connection.execute(ready.sql, sent, **{"prepare": True, **ready.options})
