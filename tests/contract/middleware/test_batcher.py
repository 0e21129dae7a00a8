"""The batcher runs each item once, in order, and returns each result to its caller."""

import asyncio
from collections.abc import Sequence

import pytest

from sellout_http.runtime import batcher
from sellout_http.runtime.batcher import Batcher


class Numbers:
    """A batcher of numbers. It records each batch, leaves out numbers above 99, and fails if one is negative."""

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
    async def run(numbers: Numbers) -> None:
        first = asyncio.ensure_future(numbers.batcher.submit(1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, *(numbers.batcher.submit(number) for number in (2, 3, 4)))
        await numbers.batcher.submit(5)

    numbers = Numbers()
    asyncio.run(run(numbers))
    assert numbers.done == [[1], [2, 3, 4], [5]]


def test_no_more_are_done_together_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "MAX_BATCH", 2)

    async def run(numbers: Numbers) -> None:
        await asyncio.gather(*(numbers.batcher.submit(number) for number in range(5)))

    numbers = Numbers()
    asyncio.run(run(numbers))
    assert numbers.done == [[0, 1], [2, 3], [4]]


def test_a_failed_batch_fails_its_callers_and_not_the_next_batch() -> None:
    async def run(numbers: Numbers) -> list[object]:
        told = await asyncio.gather(*(numbers.batcher.submit(number) for number in (1, -1)), return_exceptions=True)
        await numbers.batcher.submit(2)
        return list(told)

    numbers = Numbers()
    assert [type(error) for error in asyncio.run(run(numbers))] == [ValueError] * 2
    assert numbers.done == [[2]]


def test_an_item_that_is_left_out_is_reported() -> None:
    async def run(numbers: Numbers) -> list[bool]:
        return list(await asyncio.gather(*(numbers.batcher.submit(number) for number in (1, 100, 2))))

    assert asyncio.run(run(Numbers())) == [True, False, True]


def test_an_item_with_a_cancelled_caller_still_runs() -> None:
    async def run(numbers: Numbers) -> None:
        gone = asyncio.ensure_future(numbers.batcher.submit(1))
        await asyncio.sleep(0)
        gone.cancel()
        await numbers.batcher.submit(2)

    numbers = Numbers()
    asyncio.run(run(numbers))
    assert numbers.done == [[1, 2]]
