"""Asynchronous connections to PostgreSQL, for read batching."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs
import psycopg

from sellout_adapters.sql.session.compiled import CompiledStatement, Row

READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@attrs.define(eq=False)
class PostgresReadConnection:
    """`ReadConnection` to a server."""

    _arguments: Mapping[str, Any] = attrs.field(repr=False)
    _connection: psycopg.AsyncConnection[Any]
    begun: bool = False
    _begin: str | None = None

    def begin(self) -> None:
        """The BEGIN is sent with the first statement, in one round trip."""
        self._begin = "COMMIT AND CHAIN" if self.begun else READING
        self.begun = True

    async def execute(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """As `ReadConnection.execute`. The server prepares each statement once."""
        begin, self._begin = self._begin, None
        sent = statement.driver_parameters(parameters)
        cursor = await (self._execute(statement, sent) if begin is None else self._opening(begin, statement, sent))
        return statement.rows(await cursor.fetchall())

    async def end(self) -> None:
        """Commits, for the reason in `PostgresDatabase.read`."""
        if self.begun:
            await self._connection.execute("COMMIT")
            self.begun = False

    async def close(self) -> None:
        """Also closes a connection that broke."""
        await self._connection.close()

    async def _opening(self, begin: str, statement: CompiledStatement, sent: Any) -> psycopg.AsyncCursor[Any]:
        try:
            return await self._pipelined(begin, statement, sent)
        except psycopg.Error:
            if not self._connection.closed:
                raise
        self._connection = await psycopg.AsyncConnection.connect(**self._arguments)
        return await self._pipelined(READING, statement, sent)

    async def _pipelined(self, begin: str, statement: CompiledStatement, sent: Any) -> psycopg.AsyncCursor[Any]:
        async with self._connection.pipeline():
            await self._connection.execute(begin)
            return await self._execute(statement, sent)

    async def _execute(self, statement: CompiledStatement, sent: Any) -> psycopg.AsyncCursor[Any]:
        return await self._connection.execute(statement.sql, sent, **{"prepare": True, **statement.driver_options})
