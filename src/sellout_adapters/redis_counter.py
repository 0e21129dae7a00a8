"""Rate limit counters in Redis, which save a write to the database for each attempt."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sellout_adapters.extras import naming_extras
from sellout_core.errors import Unavailable
from sellout_core.ports.store import Count, Store

with naming_extras():
    from redis import Redis
    from redis.exceptions import RedisError

_PREFIX: Final = "sellout:"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
# Each runs alone in Redis, by Redis's own clock.
_ADD: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  local time = redis.call('TIME')
  local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
  redis.call('HSET', KEYS[1], 'ends', string.format('%d', ends))
  redis.call('PEXPIREAT', KEYS[1], string.format('%d', ends))
end
return {redis.call('HINCRBY', KEYS[1], 'number', 1), redis.call('HGET', KEYS[1], 'ends')}
"""
_TAKE_BACK: Final = """
if redis.call('HGET', KEYS[1], 'ends') == ARGV[1] then redis.call('HINCRBY', KEYS[1], 'number', -1) end
"""


class RedisCounter:
    """`ports.Counters`; each call is one script. Any number of threads may use it.

    Attributes:
        waits: For a server somewhere else.
    """

    waits: Final = True

    def __init__(self, url: str, timeout: float) -> None:
        """Takes the URL of a Redis server, and how many seconds it may take to answer.

        Raises:
            ValueError: the URL is none.
        """
        client = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=True)
        self._add: Any = client.register_script(_ADD)
        self._take_back: Any = client.register_script(_TAKE_BACK)

    def add(self, key: str, window: timedelta, store: Store | None = None) -> Count:  # noqa: ARG002 - of other counters
        """Counts one more under a key and returns the count after it.

        Raises:
            Unavailable: Redis does not answer.
        """
        number, ends = self._asked(self._add, key, window // _MILLISECOND)
        return Count(int(number), _EPOCH + int(ends) * _MILLISECOND)

    def take_back(self, key: str, count: Count, store: Store | None = None) -> None:  # noqa: ARG002 - of other counters
        """Counts one less, unless that count is over.

        Raises:
            Unavailable: Redis does not answer.
        """
        self._asked(self._take_back, key, (count.ends_at - _EPOCH) // _MILLISECOND)

    @staticmethod
    def _asked(script: Any, key: str, argument: int) -> Any:
        try:
            return script(keys=[_PREFIX + key], args=[argument])
        except RedisError as error:
            raise Unavailable from error
