"""The shop's adapters, opened as the settings say."""

from sellout_adapters.extras import MissingExtra
from sellout_adapters.passwords import Argon2Passwords
from sellout_adapters.sql import SqlStore, Timeouts
from sellout_adapters.system import assemble
from sellout_core.ports.store import Store
from sellout_core.shop import Shop
from sellout_http.api.rate_limits import Counter
from sellout_http.settings.model import Settings, variable
from sellout_http.settings.signing_key import BadSettings


def open_store(settings: Settings, connections: int = 1, *, migrate: bool = False) -> SqlStore:
    """The store with that many connections.

    Raises:
        CannotOpen: the database cannot be used.
    """
    return SqlStore.open(
        settings.database_url, connections=connections, timeouts=timeouts_of(settings), migrate=migrate
    )


def timeouts_of(settings: Settings) -> Timeouts:
    """How long a database may take."""
    return Timeouts(lock=settings.lock_timeout, statement=settings.statement_timeout, connect=settings.connect_timeout)


def open_shop(settings: Settings, store: Store, key: str) -> Shop:
    """The shop over a store, its tokens signed with the key."""
    passwords = Argon2Passwords(settings.hash_time_cost, settings.hash_memory_kib, settings.hash_parallelism)
    return assemble(store, key, settings.policy, passwords=passwords)


def open_counter(settings: Settings) -> Counter | None:
    """What counts tries, if that is not the shop's store.

    Raises:
        BadSettings: Redis cannot be used.
    """
    if settings.redis_url is None:
        return None
    try:
        from sellout_adapters.redis_counter import RedisCounter  # noqa: PLC0415 - an extra
    except MissingExtra as error:
        raise BadSettings(f"{variable('redis_url')} cannot be used: {error}") from None
    try:
        return RedisCounter(settings.redis_url.get_secret_value(), settings.connect_timeout)
    except ValueError:
        raise BadSettings(f"{variable('redis_url')} must look like redis://host:6379/0") from None
