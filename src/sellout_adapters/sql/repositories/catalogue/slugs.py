"""The slugs of products."""

from collections.abc import Sequence
from typing import Any, Final

import attrs
from sqlalchemy import bindparam, select, update

from sellout_adapters.sql.schema.functions import AMONG_IDS, AMONG_TEXTS, among
from sellout_adapters.sql.schema.tables.slugs import slugs
from sellout_adapters.sql.session import references
from sellout_adapters.sql.session.session import DatabaseSession
from sellout_core.catalogue.products import NewProduct
from sellout_core.catalogue.slugs import keeps_slug, own_slug, slug_of
from sellout_core.values import ProductId

_FIND: Final = select(slugs.c.product_id).where(slugs.c.slug == bindparam("slug"))
_PRESENT: Final = select(slugs.c.product_id, slugs.c.slug).where(
    among(slugs.c.product_id, AMONG_IDS), slugs.c.is_present
)
_OWNERS: Final = select(slugs.c.slug, slugs.c.product_id).where(among(slugs.c.slug, AMONG_TEXTS))
_AGE: Final = update(slugs).where(among(slugs.c.product_id, AMONG_IDS), slugs.c.is_present).values(is_present=False)
_CHOOSE: Final = update(slugs).where(among(slugs.c.slug, AMONG_TEXTS)).values(is_present=True)


@attrs.frozen
class SqlSlugs:
    """`ports.Slugs`."""

    _session: DatabaseSession

    def find(self, slug: str) -> ProductId | None:
        """One statement."""
        row = self._session.row(_FIND, {"slug": slug})
        return None if row is None else row.product_id


def write_slugs(session: DatabaseSession, saved: Sequence[tuple[ProductId, NewProduct]], *, new: bool) -> None:
    """Gives each product the slug of its name and brands, unless it has that slug. `new`: the products have none.

    Runs one statement to read the present slugs, and three to five if one changes. Of concurrent transactions that
    write the same slug, the later one waits for the earlier one. Slugs are written in alphabetical order, so that two
    transactions do not deadlock.
    """
    for _, product in saved:
        session.note_references("brands", product.brand_ids)
    brands = references.snapshot(session).brands
    wanted = {
        product_id: slug_of(product.name, (brands[brand_id].name for brand_id in product.brand_ids))
        for product_id, product in saved
    }
    rows = () if new else session.rows_among(_PRESENT, list(wanted), key="product_id")
    present = {row.product_id: row.slug for row in rows}
    changed = [
        (slug, product_id)
        for product_id, slug in wanted.items()
        if not keeps_slug(present.get(product_id), slug, product_id)
    ]
    if not changed:
        return
    _add_missing(session, changed)
    found = session.rows_among(_OWNERS, {slug for slug, _ in changed}, key="slug")
    owners = {row.slug: row.product_id for row in found}
    taken = [(slug, product_id) for slug, product_id in changed if owners[slug] != product_id]
    own = [(own_slug(slug, product_id), product_id) for slug, product_id in taken]
    _add_missing(session, own)
    if old := [product_id for _, product_id in changed if product_id in present]:
        session.run(_AGE, {"among": old})
    session.run(_CHOOSE, {"among": [slug for slug, _ in (*own, *(set(changed) - set(taken)))]})


def _add_missing(session: DatabaseSession, rows: Sequence[tuple[str, ProductId]]) -> None:
    ordered = sorted(rows)
    columns: dict[str, Sequence[Any]] = {
        "slug": [slug for slug, _ in ordered],
        "product_id": [product_id for _, product_id in ordered],
        "is_present": [False] * len(ordered),
    }
    session.add(slugs, columns, missing=True)
