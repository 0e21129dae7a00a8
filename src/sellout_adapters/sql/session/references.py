"""The small tables. They are read whole, the store caches them, and imports add to them."""

from collections.abc import Collection
from typing import Any, Final

import attrs
from sqlalchemy import Text, bindparam, literal_column, select, union_all

from sellout_adapters.sql.schema import catalogue_tables
from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue import Named, Platform, ReferenceNames, References

_TABLES: Final = {
    "brands": catalogue_tables.brands,
    "categories": catalogue_tables.categories,
    "tags": catalogue_tables.tags,
    "genders": catalogue_tables.genders,
    "platforms": catalogue_tables.platforms,
    "delivery_types": catalogue_tables.delivery_types,
    "currencies": catalogue_tables.currencies,
    "statuses": catalogue_tables.statuses,
}

_EVERYTHING: Final = union_all(
    *(
        select(
            literal_column(f"'{field}'", Text).label("field"),
            table.c.id,
            table.c.name,
            (table.c.site if "site" in table.c else literal_column("''", Text)).label("site"),
        )
        for field, table in _TABLES.items()
    )
).order_by("field", "id")

_INSERTS: Final = {
    field: insert_missing(table).values(
        {column.name: bindparam(column.name) for column in table.c if column.name != "id"}
    )
    for field, table in _TABLES.items()
}

UNREAD: Final = References({}, {}, {}, {}, {}, {}, {}, {})


class SqlReferenceTables:
    """`ports.ReferenceTables`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def snapshot(self) -> References:
        """The cached rows, or fresh ones if a loaded row refers to one that is not cached."""
        session = self._session
        session.require_alive()
        if session.references is UNREAD or any(
            not ids <= getattr(session.references, field).keys() for field, ids in session.referenced_ids.items()
        ):
            return self.reload()
        return session.references

    def ensure(self, names: ReferenceNames) -> References:
        """The cached rows, after adding the names that are missing."""
        session = self._session
        session.require_alive()
        if session.references is UNREAD:
            self.reload()
        missing = {
            field: new
            for field in attrs.fields_dict(ReferenceNames)
            if (new := self._missing(field, names)) is not None
        }
        for field, new in missing.items():
            session.run_many(_INSERTS[field], new)
        if missing:
            session.added_references = True
            return self.reload()
        return session.references

    def reload(self) -> References:
        """Reads the small tables, by one statement."""
        found: dict[str, dict[Any, Any]] = {field: {} for field in _TABLES}
        for row in self._session.rows(_EVERYTHING):
            is_platform = row.field == "platforms"
            found[row.field][row.id] = Platform(row.id, row.name, row.site) if is_platform else Named(row.id, row.name)
        self._session.references = References(**found)
        return self._session.references

    def _missing(self, field: str, names: ReferenceNames) -> list[dict[str, str]] | None:
        wanted: Collection[Any] = getattr(names, field)
        rows = getattr(self._session.references, field).values()
        if field == "platforms":
            new = sorted(set(wanted) - {(row.name, row.site) for row in rows})
            return [{"name": name, "site": site} for name, site in new] or None
        return [{"name": name} for name in sorted(set(wanted) - {row.name for row in rows})] or None
