"""The small tables: read whole, kept by the store, added to by imports."""

from collections.abc import Collection
from typing import Any, Final

import attrs
from sqlalchemy import Text, bindparam, literal_column, select, union_all

from sellout_adapters.sql.schema import catalogue_tables
from sellout_adapters.sql.schema.inserts import insert_missing
from sellout_adapters.sql.session.session import Link
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

    def __init__(self, link: Link) -> None:
        self._link = link

    def snapshot(self) -> References:
        """The rows known already, unless something loaded refers to others."""
        link = self._link
        link.require_alive()
        if link.known is UNREAD or any(
            not ids <= getattr(link.known, field).keys() for field, ids in link.referred.items()
        ):
            return self.reload()
        return link.known

    def ensure(self, names: ReferenceNames) -> References:
        """The rows known already, unless some of the names are not among them."""
        link = self._link
        link.require_alive()
        if link.known is UNREAD:
            self.reload()
        missing = {
            field: new
            for field in attrs.fields_dict(ReferenceNames)
            if (new := self._missing(field, names)) is not None
        }
        for field, new in missing.items():
            link.run_many(_INSERTS[field], new)
        if missing:
            link.added_references = True
            return self.reload()
        return link.known

    def reload(self) -> References:
        """Reads the small tables anew."""
        found: dict[str, dict[Any, Any]] = {field: {} for field in _TABLES}
        for row in self._link.rows(_EVERYTHING):
            is_platform = row.field == "platforms"
            found[row.field][row.id] = Platform(row.id, row.name, row.site) if is_platform else Named(row.id, row.name)
        self._link.known = References(**found)
        return self._link.known

    def _missing(self, field: str, names: ReferenceNames) -> list[dict[str, str]] | None:
        wanted: Collection[Any] = getattr(names, field)
        rows = getattr(self._link.known, field).values()
        if field == "platforms":
            new = sorted(set(wanted) - {(row.name, row.site) for row in rows})
            return [{"name": name, "site": site} for name, site in new] or None
        return [{"name": name} for name in sorted(set(wanted) - {row.name for row in rows})] or None
