"""Reads the reference tables, whose rows the store caches."""

from typing import Any, Final

from sqlalchemy import BigInteger, Text, cast, literal_column, null, select, union_all

from sellout_adapters.sql.schema.tables import catalogue as catalogue_tables
from sellout_adapters.sql.schema.tables.catalogue import catalogue, category_parents
from sellout_adapters.sql.session.product_cache import CachedReferences
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import Named, Platform, References

TABLES: Final = {
    "brands": catalogue_tables.brands,
    "categories": catalogue_tables.categories,
    "tags": catalogue_tables.tags,
    "genders": catalogue_tables.genders,
    "platforms": catalogue_tables.platforms,
    "delivery_types": catalogue_tables.delivery_types,
    "currencies": catalogue_tables.currencies,
    "statuses": catalogue_tables.statuses,
}
"""By the field of `References`."""

_NO_TEXT: Final = literal_column("''", Text)
_VERSION: Final = "version"
_EVERYTHING: Final = union_all(
    *(
        select(
            literal_column(f"'{field}'", Text).label("field"),
            table.c.id,
            table.c.name,
            (table.c.site if "site" in table.c else _NO_TEXT).label("site"),
            cast(null(), BigInteger).label("parent_id"),
        )
        for field, table in TABLES.items()
    ),
    select(
        literal_column("'parents'", Text),
        category_parents.c.category_id,
        _NO_TEXT,
        _NO_TEXT,
        category_parents.c.parent_id,
    ),
    select(
        literal_column(f"'{_VERSION}'", Text),
        catalogue.c.references_version,
        _NO_TEXT,
        _NO_TEXT,
        cast(null(), BigInteger),
    ),
).order_by("field", "id")


def snapshot(session: DatabaseSession) -> References:
    """The cached rows. They are reloaded if they are of an older version, or if a loaded row refers to a row that is
    not cached.
    """
    session.require_alive()
    cached = session.references
    if not cached.rows.statuses:  # every shop has one
        return reload(session)
    for field, ids in session.referenced_ids.items():
        if not ids <= getattr(cached.rows, field).keys():
            return reload(session)
    return cached.rows


def reload(session: DatabaseSession) -> References:
    """Reads all reference tables by one statement."""
    found: dict[str, dict[Any, Any]] = {field: {} for field in (*TABLES, "parents")}
    version = 0
    for row in session.rows(_EVERYTHING):
        if row.field == _VERSION:
            version = row.id
        elif row.field == "parents":
            found["parents"][row.id] = row.parent_id
        elif row.field == "platforms":
            found["platforms"][row.id] = Platform(row.id, row.name, row.site)
        else:
            found[row.field][row.id] = Named(row.id, row.name)
    session.references = CachedReferences(version, References(**found))
    return session.references.rows
