"""The store in a SQL database: SQLAlchemy Core on a SQLite file or a PostgreSQL server."""

from sellout_adapters.extras import naming_extras

with naming_extras():
    from sellout_adapters.sql.engines.database import Timeouts
    from sellout_adapters.sql.session.errors import CannotOpen
    from sellout_adapters.sql.store import SqlStore

__all__ = ["CannotOpen", "SqlStore", "Timeouts"]
