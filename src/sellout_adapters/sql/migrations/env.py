"""How Alembic runs the steps: on a connection that `schema.upgrade` gives it, in the transaction that is open there.

CONTRIBUTING.md says how to write the next one.
"""

from alembic import context

from sellout_adapters.sql.engines import migration
from sellout_adapters.sql.schema.columns import metadata

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=metadata,
    version_table=migration.VERSIONS,
    transactional_ddl=True,  # SQLite's too, where the driver leaves transactions to us
    on_version_apply=attributes.get("on_step"),
)
context.run_migrations()
