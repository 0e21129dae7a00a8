"""Laws of rate limit counters."""

from datetime import UTC, datetime, timedelta

from sellout_adapters.testing.laws.races import RACERS, racing
from sellout_core.ports.store import Count, Store, Transaction

NOW = datetime(2024, 5, 6, 7, 8, 9, 123456, UTC)
MINUTE = timedelta(minutes=1)


class CounterLaws:
    """Each count is exact."""

    def test_an_ended_count_begins_again_at_one(self, store: Store) -> None:
        def add(key: str, seconds: float) -> tuple[int, float]:
            count = store.write(lambda tx: tx.counters.add(key, NOW + timedelta(seconds=seconds), MINUTE))
            return count.number, (count.ends_at - NOW).total_seconds()

        assert [add("a", 0), add("a", 30.5), add("b", 31), add("a", 59.999999)] == [(1, 60), (2, 60), (1, 91), (3, 60)]
        assert [add("a", 60), add("a", 61)] == [(1, 120), (2, 120)]

    def test_clocks_that_differ_slightly_share_a_count(self, store: Store) -> None:
        """If the clock was set back further, the count begins again."""

        def add(seconds: float) -> tuple[int, float]:
            count = store.write(lambda tx: tx.counters.add("a", NOW + timedelta(seconds=seconds), MINUTE))
            return count.number, (count.ends_at - NOW).total_seconds()

        assert [add(100), add(99.999), add(41), add(159.9)] == [(1, 160), (2, 160), (3, 160), (4, 160)]
        assert [add(39), add(38)] == [(1, 99), (2, 99)]

    def test_an_attempt_is_taken_back_until_its_window_ends(self, store: Store) -> None:
        first = store.write(lambda tx: tx.counters.add("a", NOW, MINUTE))
        store.write(lambda tx: tx.counters.add("a", NOW, MINUTE))
        store.write(lambda tx: tx.counters.take_back("a", first))
        assert store.write(lambda tx: tx.counters.add("a", NOW, MINUTE)).number == 2
        later = store.write(lambda tx: tx.counters.add("a", NOW + MINUTE, MINUTE))
        store.write(lambda tx: tx.counters.take_back("a", first))
        store.write(lambda tx: tx.counters.take_back("never counted", first))
        assert store.write(lambda tx: tx.counters.add("a", NOW + MINUTE, MINUTE)) == Count(2, later.ends_at)

    def test_ended_counts_are_deleted(self, store: Store) -> None:
        def work(tx: Transaction) -> list[int]:
            for number, key in enumerate("abc"):
                tx.counters.add(key, NOW + timedelta(seconds=number), timedelta(seconds=1))
            assert [tx.counters.delete_ended(NOW + timedelta(seconds=2), 1) for _ in range(3)] == [1, 1, 0]
            return [tx.counters.add(key, NOW + timedelta(seconds=2), timedelta(seconds=1)).number for key in "abc"]

        assert store.write(work) == [1, 1, 2]

    def test_concurrent_attempts_get_different_numbers(self, store: Store) -> None:
        def add(_: int) -> int:
            return [store.write(lambda tx: tx.counters.add("a", NOW, MINUTE)).number for _ in range(4)][-1]

        assert max(racing(RACERS, add)) == 4 * RACERS
        assert store.write(lambda tx: tx.counters.add("a", NOW, MINUTE)).number == 4 * RACERS + 1
