"""Small things that are done together: each is done once, in order, and whoever waits learns how it went."""

import asyncio
from collections.abc import Sequence

import pytest

from sellout_http.runtime import batcher
from sellout_http.runtime.batcher import Batcher


class Doing:
    """Does numbers: notes them, batch by batch, leaves what is above 99, and fails at those below 0."""

    def __init__(self) -> None:
        self.done: list[list[int]] = []
        self.batcher = Batcher(self._do)

    async def _do(self, numbers: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        if min(numbers) < 0:
            raise ValueError
        left = [number for number in numbers if number > 99]
        self.done.append([number for number in numbers if number not in left])
        return left


def test_what_comes_while_others_are_done_is_done_together() -> None:
    async def run(doing: Doing) -> None:
        first = asyncio.ensure_future(doing.batcher.submit(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, *(doing.batcher.submit(number) for number in (2, 3, 4)))
        await doing.batcher.submit(5)

    doing = Doing()
    asyncio.run(run(doing))
    assert doing.done == [[1], [2, 3, 4], [5]]


def test_no_more_are_done_together_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "MAX_BATCH", 2)

    async def run(doing: Doing) -> None:
        await asyncio.gather(*(doing.batcher.submit(number) for number in range(5)))

    doing = Doing()
    asyncio.run(run(doing))
    assert doing.done == [[0, 1], [2, 3], [4]]


def test_whoever_was_to_be_done_with_a_failure_is_told_and_the_next_are_not() -> None:
    async def run(doing: Doing) -> list[object]:
        told = await asyncio.gather(*(doing.batcher.submit(number) for number in (1, -1)), return_exceptions=True)
        await doing.batcher.submit(2)
        return list(told)

    doing = Doing()
    assert [type(error) for error in asyncio.run(run(doing))] == [ValueError] * 2
    assert doing.done == [[2]]


def test_whoever_had_to_be_left_learns_of_it() -> None:
    async def run(doing: Doing) -> list[bool]:
        return list(await asyncio.gather(*(doing.batcher.submit(number) for number in (1, 100, 2))))

    assert asyncio.run(run(Doing())) == [True, False, True]


def test_what_nobody_waits_for_any_more_is_done_all_the_same() -> None:
    async def run(doing: Doing) -> None:
        gone = asyncio.ensure_future(doing.batcher.submit(1))
        await asyncio.sleep(0)
        gone.cancel()
        await doing.batcher.submit(2)

    doing = Doing()
    asyncio.run(run(doing))
    assert doing.done == [[1, 2]]
