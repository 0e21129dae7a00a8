"""Migrations: the schema version of a database, and upgrades by Alembic, which is imported only if needed."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Text, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import CannotOpen
from sellout_core.errors import Unavailable

CURRENT: Final = "0025"
"""The latest version, which `schema` describes."""

VERSIONS: Final = "sellout_version"
"""The table that contains the version. Its name is unique to this program: the database may be shared."""

_VERSION: Final = select(column("version_num", Text)).select_from(table(VERSIONS))
_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"

# Alembic's environment is global to the process.
_alembic: Final = Lock()


def step_of(connection: Connection) -> str | None:
    """The version of a database. None: it has no version."""
    if not inspect(connection).has_table(VERSIONS):
        return None
    return connection.scalars(_VERSION).first()


def knows(step: str) -> bool:
    """Whether this program knows a version."""
    return (_MIGRATIONS / "versions" / f"step_{step}.py").is_file()


def tables_in(connection: Connection) -> set[str]:
    """The names of the store's tables that exist in a database."""
    return set(inspect(connection).get_table_names()) & metadata.tables.keys()


def require_current(connection: Connection) -> None:
    """Checks that a database has the current schema.

    Raises:
        Unavailable: it is at another step, or has no tables.
    """
    try:
        step = connection.scalars(_VERSION).first()
    except DBAPIError as error:
        raise Unavailable from error
    if step != CURRENT:
        raise Unavailable from CannotOpen(f"the schema is at step {step}, not {CURRENT}")


def upgrade(connection: Connection, adopted: str | None = None) -> Sequence[str]:
    """Runs the missing migrations and returns a line for each.

    Args:
        connection: In a transaction that excludes other migrations. The caller commits it.
        adopted: The version of a database that has tables but no version table.
    """
    if step_of(connection) == CURRENT:
        return []
    from alembic import command  # noqa: PLC0415 - see the module
    from alembic.config import Config  # noqa: PLC0415

    done: list[str] = []

    def note(*, step: Any, **_: Any) -> None:
        if step.is_upgrade:
            done.append(f"{step.up_revision_id} {step.up_revision.doc}")

    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with _alembic:
        config.attributes["connection"] = connection
        if adopted is not None and step_of(connection) is None:
            command.stamp(config, adopted)
        config.attributes["on_step"] = note
        command.upgrade(config, CURRENT)
    return done
