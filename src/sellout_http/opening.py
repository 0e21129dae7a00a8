"""The shop's database, opened as the settings say."""

from sellout_adapters.sql import SqlStore, Timeouts
from sellout_http.settings import Settings


def open_store(settings: Settings, connections: int = 1, *, migrate: bool = False) -> SqlStore:
    """The store with that many connections.

    Raises:
        CannotOpen: the database cannot be used.
    """
    timeouts = Timeouts(
        lock=settings.lock_timeout, statement=settings.statement_timeout, connect=settings.connect_timeout
    )
    return SqlStore.open(settings.database_url, connections=connections, timeouts=timeouts, migrate=migrate)
