"""The connections to a PostgreSQL server: their parameters and their pool."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event

from sellout_adapters.sql.engines.database import Timeouts
from sellout_adapters.sql.engines.postgres.errors import raise_store_error

BEGIN: Final = "sellout_begin"


def connection_settings(url: URL, timeouts: Timeouts) -> dict[str, Any]:
    """The parameters of a connection, without those of the database's address."""
    options = {
        "lock_timeout": milliseconds(timeouts.lock),
        "statement_timeout": milliseconds(timeouts.statement),
        "idle_in_transaction_session_timeout": milliseconds(timeouts.statement),
        "timezone": "UTC",
    }
    given = url.query.get("options", "")
    return {
        "application_name": "sellout",
        "client_encoding": "utf8",
        "connect_timeout": str(max(2, round(timeouts.connect))),  # libpq takes whole seconds, two at least
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        "tcp_user_timeout": str(milliseconds(timeouts.statement)),
        **{name: value for name, value in url.query.items() if name != "options"},
        "options": " ".join([*(f"-c {name}={value}" for name, value in options.items()), str(given)]),
    }


def pooled_engine(url: URL, settings: Mapping[str, str], connections: int, timeouts: Timeouts) -> Engine:
    """An engine whose transactions begin with its execution option `BEGIN`."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg", query={}),
        connect_args=dict(settings),
        json_deserializer=msgspec.json.decode,
        isolation_level="AUTOCOMMIT",  # `_begin` begins the transactions
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=timeouts.lock,
        pool_reset_on_return=None,  # the code that begins a transaction ends it
        hide_parameters=True,  # a logged error must not show personal data
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", raise_store_error)
    return engine


def milliseconds(seconds: float) -> int:
    """At least one: 0 is no limit to PostgreSQL."""
    return max(1, round(seconds * 1000))


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN, "BEGIN"))
