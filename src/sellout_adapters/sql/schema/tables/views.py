"""The table of the latest views of products, which SQLite fills by a trigger."""

from typing import Final

import sqlalchemy as sa

from sellout_adapters.sql.schema.columns import NEVER_REUSED, key, metadata
from sellout_adapters.sql.schema.types import Id
from sellout_core.values import COUNTED_VIEWS

# Without foreign keys: a view locks no product. Views of deleted products rank nothing.
product_views: Final = sa.Table(
    "product_views",
    metadata,
    key(),
    sa.Column("product_id", Id, nullable=False),
    **NEVER_REUSED,
)

# SQLite has no statement that writes two tables, and one writer at a time. PostgreSQL has such a statement
# (`repositories.catalogue.view_history`).
COUNT_VIEW: Final[sa.DDL] = sa.DDL(  # type: ignore[no-untyped-call]
    f"""
    CREATE TRIGGER count_view AFTER UPDATE OF last_viewed ON users
    WHEN json_array_length(NEW.last_viewed) > 0
        AND NEW.last_viewed ->> 0 NOT IN (SELECT value FROM json_each(OLD.last_viewed))
    BEGIN
        INSERT INTO product_views (product_id) VALUES (NEW.last_viewed ->> 0);
        DELETE FROM product_views WHERE id <= (SELECT max(id) FROM product_views) - {COUNTED_VIEWS};
    END
    """  # noqa: S608 - a number
)
sa.event.listen(metadata, "after_create", COUNT_VIEW.execute_if(dialect="sqlite"))
