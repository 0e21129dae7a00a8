"""Which step of the migrations a database is at, and bringing it to the last one.

Alembic does the steps; it is imported only when one is due.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Text, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from sellout_adapters.sql.schema.columns import metadata
from sellout_adapters.sql.session.errors import CannotOpen
from sellout_core.errors import Unavailable

CURRENT: Final = "0007"
"""The last step, which `tables` describes."""

VERSIONS: Final = "sellout_version"
"""The table that holds the step: a name of our own, for a database that is shared."""

_VERSION: Final = select(column("version_num", Text)).select_from(table(VERSIONS))
_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"

# Alembic's environment is global to the process.
_alembic: Final = Lock()


def step_of(connection: Connection) -> str | None:
    """The step that a database is at; None: nobody ever took one."""
    if not inspect(connection).has_table(VERSIONS):
        return None
    return connection.scalars(_VERSION).first()


def knows(step: str) -> bool:
    """Whether a step is one of these migrations."""
    return (_MIGRATIONS / "versions" / f"step_{step}.py").is_file()


def tables_in(connection: Connection) -> set[str]:
    """Those of the store's tables that a database holds."""
    return set(inspect(connection).get_table_names()) & metadata.tables.keys()


def require_current(connection: Connection) -> None:
    """Lets through a database whose tables are as `tables` has them.

    Raises:
        Unavailable: they are at another step, or not there.
    """
    try:
        step = connection.scalars(_VERSION).first()
    except DBAPIError as error:
        raise Unavailable from error
    if step != CURRENT:
        raise Unavailable from CannotOpen(f"the schema is at step {step}, not {CURRENT}")


def upgrade(connection: Connection, adopted: str | None = None) -> Sequence[str]:
    """Takes the steps that are due and returns a line for each. What is already current is left as it is.

    Args:
        connection: In a transaction that is alone with the schema; whoever began it commits.
        adopted: The step at which a database without a version stands.
    """
    if step_of(connection) == CURRENT:
        return []
    from alembic import command  # noqa: PLC0415 - see above
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
