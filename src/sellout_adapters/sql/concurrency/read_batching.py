"""Reads of many requests, gathered: on an event loop, without a thread, and each statement asked once for all of them.

Work that reads is synchronous. Here it runs in a greenlet, which stops where it asks the database and goes on once it
has been answered. Whatever arrives while the connection is busy waits and then begins together, in one transaction:
one snapshot for all. Once every piece of work has asked, those that ask the same statement with `among` are asked as
one, for the values of all of them, and each is given its own rows. So sixteen carts take as many round trips as one.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from time import monotonic
from typing import Any, Final, Protocol, TypeVar

import attrs
from sqlalchemy import Executable

from sellout_adapters.sql.concurrency.greenlet_task import LONGEST_TURN, Work, ask
from sellout_adapters.sql.session.compiled import Damaged, Prepared, Row
from sellout_adapters.sql.session.errors import unavailable
from sellout_adapters.sql.session.product_cache import Keeper
from sellout_adapters.sql.session.session import Link
from sellout_core.catalogue import References
from sellout_core.errors import Unavailable

T = TypeVar("T")

MOST: Final = 64
"""How many pieces of work share a transaction at most."""

QUEUE: Final = 1024
"""How many wait for one at most."""

PATIENCE: Final = 0.02
"""About how many seconds a transaction may take until those who wait are read for over another connection."""

_NOT_AT_ANY: Final = -inf
"""Since when a task that serves has been at a transaction if it only connects, or ends one."""


class Conversation(Protocol):
    """An asynchronous connection of a database, in no transaction or in one that reads."""

    def begin(self) -> None:
        """Begins a transaction that only reads, on one snapshot: that of the first statement, with which this is sent.
        One that it is in ends.
        """

    async def ask(self, ready: Prepared, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of a statement.

        Raises:
            Exception: anything, of which whoever waits is told that it is `Unavailable`. A connection that broke before
                a transaction's first answer is replaced.
        """

    async def end(self) -> None:
        """Ends the transaction without a trace, if it is in one."""

    async def close(self) -> None:
        """Closes the connection."""


@attrs.frozen(eq=False)
class _Asked:
    """A statement that somebody waits for. `key` names the column that is among the values; None: there are none."""

    statement: Executable
    parameters: Mapping[str, Any]
    values: Collection[Any] = ()
    key: str | None = None

    @property
    def kind(self) -> Any:
        """Equal for those that can be asked as one."""
        if self.key is None:
            return self if self.parameters else self.statement
        return self.statement, tuple(self.parameters.items())

    def own(self, rows: "_Rows") -> Sequence[Row]:
        """Those of the rows that were asked for, as the statement orders them."""
        return rows.all if self.key is None else rows.of(self.values)


class _Rows:
    """The rows of a statement that some ask together."""

    def __init__(self, rows: Sequence[Row], key: str | None) -> None:
        self.all = rows
        self._places: defaultdict[Any, list[int]] = defaultdict(list)
        if key is not None:
            for place, row in enumerate(rows):
                self._places[getattr(row, key)].append(place)

    def of(self, values: Collection[Any]) -> Sequence[Row]:
        """Those whose key is one of the values."""
        places = sorted(place for value in set(values) for place in self._places.get(value, ()))
        return [self.all[place] for place in places]


class GatheredLink(Link):
    """A reader's link, whose statements are asked for it, while its work waits in a greenlet."""

    def __init__(self, known: References, dialect: str, keeper: Keeper) -> None:
        super().__init__(None, known, dialect=dialect, keeper=keeper)

    def _among(
        self, statement: Executable, values: Collection[Any], parameters: Mapping[str, Any], key: str
    ) -> Sequence[Row]:
        return self._stop(_Asked(statement, parameters, values, key))

    def _ask(
        self,
        statement: Executable,
        parameters: Mapping[str, Any],
        *,
        for_one: bool = False,  # noqa: ARG002 - never here
    ) -> tuple[Sequence[Row], int]:
        return self._stop(_Asked(statement, parameters)), 0

    def _stop(self, asked: _Asked) -> Sequence[Row]:
        self.require_alive()
        self.statements += 1
        try:
            rows: Sequence[Row] = ask(asked)
        except Exception as failure:
            self._failure = failure
            raise
        return rows


class Gathering:
    """The reads of one event loop.

    Args:
        connect: Opens a connection.
        prepare: Makes a statement ready, with parameters of those names.
        seconds: How long a transaction may take.
        connections: How many transactions read at once at most.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Conversation]],
        prepare: Callable[[Executable, tuple[str, ...]], Prepared],
        seconds: float,
        connections: int = 2,
    ) -> None:
        self._seconds = seconds
        self._connect = connect
        self._prepare = prepare
        self._connections = connections
        self._waiting: deque[Work] = deque()
        self._serving: dict[asyncio.Task[None], float] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._idle: list[Conversation] = []

    link = GatheredLink

    async def read(self, work: Callable[[], T]) -> T:
        """What the work returns, which may run more than once, links of `GatheredLink` being all that it touches.

        Raises:
            Unavailable: the database is away.
        """
        if len(self._waiting) >= QUEUE:
            raise Unavailable
        waiting = Work(work)
        self._waiting.append(waiting)
        if not self._serving:
            self._serve_too()
        elif self._looking is None:
            self._look_later()
        result: T = await waiting.outcome
        return result

    async def close(self) -> None:
        """Closes the connections, once what is being read has been."""
        while self._serving:
            await asyncio.gather(*self._serving, return_exceptions=True)
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        while self._idle:
            await self._idle.pop().close()

    def _serve_too(self) -> None:
        self._serving[asyncio.get_running_loop().create_task(self._serve())] = _NOT_AT_ANY

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(PATIENCE, self._look)

    def _look(self) -> None:
        """Has another connection serve if none is free soon, and looks again, as long as somebody waits."""
        self._looking = None
        if self._waiting:
            if len(self._serving) < self._connections and not self._soon_free():
                self._serve_too()
            self._look_later()

    def _soon_free(self, but: asyncio.Task[None] | None = None) -> bool:
        """Whether one, but for the given, began a transaction a short while ago. Whoever waits is left to it: the more
        it finds, the less each of them costs.
        """
        late = monotonic() - PATIENCE
        return any(since > late for task, since in self._serving.items() if task is not but)

    async def _serve(self) -> None:
        """Reads for those who wait, until nobody does or another will. One transaction ends when the next begins, if
        that is at once.
        """
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - for the type alone: this is one
        conversation: Conversation | None = None
        try:
            while conversation is not None or (self._waiting and not self._soon_free(but=me)):
                works: Sequence[Work] = ()
                try:
                    async with asyncio.timeout(self._seconds):
                        if conversation is None:
                            self._serving[me] = _NOT_AT_ANY
                            conversation = self._idle.pop() if self._idle else await self._connect()
                        works = self._take(me)
                        conversation = await self._together(works, conversation)
                except Exception as error:  # noqa: BLE001 - told to everybody whose work it was
                    if conversation is None:
                        if len(self._serving) > 1:
                            return
                        works = self._take(me)
                    conversation = None
                    for work in works:
                        work.fail(error if isinstance(error, Unavailable) else unavailable(error))
        finally:
            # At once, not a turn later: whoever comes next is to be served by another.
            del self._serving[me]

    def _take(self, me: asyncio.Task[None]) -> Sequence[Work]:
        """Those whose turn it is; nobody, if another will take them."""
        number = 0 if self._soon_free(but=me) else min(MOST, len(self._waiting))
        self._serving[me] = monotonic() if number else _NOT_AT_ANY
        return [work for work in (self._waiting.popleft() for _ in range(number)) if not work.outcome.done()]

    async def _together(self, works: Sequence[Work], conversation: Conversation) -> Conversation | None:
        """Reads for them, and gives the conversation that is to go on; without anybody who asks, it ends."""
        try:
            await _each(works, Work.go_on)
            asking = [work for work in works if work.asked is not None]
            if not asking:
                await conversation.end()
                self._idle.append(conversation)
                return None
            conversation.begin()
            while asking:
                await self._answer(conversation, asking)
                asking = [work for work in asking if work.asked is not None]
        except BaseException:
            with suppress(Exception):
                await conversation.close()
            raise
        return conversation

    async def _answer(self, conversation: Conversation, asking: Sequence[Work]) -> None:
        """Asks what they ask, the like of it once, and lets them go on."""
        alike: dict[Any, list[tuple[Work, _Asked]]] = {}
        for work in asking:
            alike.setdefault(work.asked.kind, []).append((work, work.asked))
        for those in alike.values():
            first = those[0][1]
            parameters = dict(first.parameters)
            if first.key is not None:
                parameters["among"] = list({value: None for _, asked in those for value in asked.values})
            ready = self._prepare(first.statement, tuple(parameters))
            try:
                rows = _Rows(await conversation.ask(ready, parameters), first.key)
            except Damaged as error:
                for work, _ in those:
                    work.fail(unavailable(error))
            else:
                await _each([work for work, _ in those], partial(_told, rows=rows))


def _told(work: Work, rows: _Rows) -> None:
    asked: _Asked = work.asked
    work.go_on(asked.own(rows))


async def _each(works: Sequence[Work], step: Callable[[Work], None]) -> None:
    """Takes a step with each; others have the event loop in between, if that takes long."""
    pause = monotonic() + LONGEST_TURN
    for work in works:
        step(work)
        if monotonic() > pause:
            await asyncio.sleep(0)
            pause = monotonic() + LONGEST_TURN
