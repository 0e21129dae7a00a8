"""The page index: finds the products of a page in logarithmic time, at any offset.

`listed_counts` is a tree of counts. The row (level, node) has the number of listed products whose ids without their
last `level` bits are `node`. One row tells in which half of a node a product is. So a product is found by as many rows
as its id has bits. The lowest level is 6: its nodes span 64 ids, and their products are counted one by one.

The ids of each length in bits have a tree of their own, with node 1 as its root. Ids of up to six bits are in node 0 of
level 6. So no tree grows with new ids, and no row is unused.
"""

import json
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert

from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.schema.tables.catalogue import (
    LEAF,
    TOP,
    catalogue,
    catalogue_changes,
    listed_counts,
    products,
)
from sellout_adapters.sql.session.product_cache import VERSIONS
from sellout_adapters.sql.session.session import DatabaseSession

SHALLOW: Final = 2**LEAF
"""Below this offset counting products is faster than the tree."""

_number = sa.BigInteger()
_CATALOGUE: Final = sa.select(catalogue.c.id)
_NEXT_REFERENCES_VERSION: Final = sa.update(catalogue).values(references_version=catalogue.c.references_version + 1)
_VERSION, _REFERENCES_VERSION = (sa.select(column).scalar_subquery() for column in VERSIONS.selected_columns)
_NEXT_VERSION: Final = (
    sa.insert(catalogue_changes)
    .values(version=_VERSION + 1, product_ids=sa.bindparam("product_ids"))
    .returning(catalogue_changes.c.version, _REFERENCES_VERSION.label("references_version"))
)
_DELETE_OLD_CHANGES: Final = sa.delete(catalogue_changes).where(catalogue_changes.c.version <= sa.bindparam("before"))

KEPT_CHANGES: Final = 65_536
"""The minimum number of versions whose changes are stored."""

_DELETED_AT_ONCE: Final = 64


def _listed_count(level: Any, node: Any) -> sa.ColumnElement[int]:
    """The number of listed products of a node."""
    found = sa.select(listed_counts.c.listed).where(listed_counts.c.level == level, listed_counts.c.node == node)
    return sa.func.coalesce(found.scalar_subquery(), 0)


def _fixed(value: int) -> sa.ColumnElement[int]:
    return sa.cast(sa.literal_column(str(value)), _number)


def _roots() -> sa.CTE:
    """The roots of the trees, up to the tree of the product at `offset`. `skip` is the number of products before that
    product, except those of earlier trees.
    """
    first = sa.select(
        _fixed(LEAF).label("level"),
        _fixed(0).label("node"),
        sa.bindparam("offset", type_=_number).label("skip"),
        _listed_count(LEAF, 0).label("listed"),
    ).cte("root", recursive=True)
    # The first tree has ids of up to six bits, the next one ids of seven bits, and so on.
    level = first.c.level + first.c.node
    return first.union_all(
        sa.select(level, 1, first.c.skip - first.c.listed, _listed_count(level, 1)).where(
            first.c.skip >= first.c.listed, first.c.level < TOP
        )
    )


def _descent() -> sa.CTE:
    """The nodes from that root down to the level 6 node of the product. `skip` is the number of products of the node
    before that product, `lower` the number of products in the lower half of the node.
    """
    root = _roots()
    node = (
        sa.select(
            root.c.level, root.c.node, root.c.skip, _listed_count(root.c.level - 1, root.c.node * 2).label("lower")
        )
        .where(root.c.skip < root.c.listed)
        .cte("descent", recursive=True)
    )
    passed = node.c.skip >= node.c.lower
    half = node.c.node * 2 + sa.case((passed, 1), else_=0)
    return node.union_all(
        sa.select(
            node.c.level - 1,
            half,
            node.c.skip - sa.case((passed, node.c.lower), else_=0),
            _listed_count(node.c.level - 2, half * 2),
        ).where(node.c.level > LEAF)
    )


_product = products.alias("listed")
_IN_ORDER: Final = (
    sa.select(_product.c.id).where(_product.c.available).order_by(_product.c.id).limit(sa.bindparam("limit"))
)


def _deep() -> sa.Select[Any]:
    leaf = _descent()
    found = leaf.c.level == LEAF
    first = sa.select(leaf.c.node * 2**LEAF).where(found).scalar_subquery()
    skip = sa.select(leaf.c.skip).where(found).scalar_subquery()
    return _IN_ORDER.where(_product.c.id >= first).offset(sa.func.coalesce(skip, 0))


SHALLOW_PAGE: Final = _IN_ORDER.offset(sa.bindparam("offset"))
"""The ids of `limit` listed products after the first `offset`, which is below `SHALLOW`."""

DEEP_PAGE: Final = _deep()
"""The same for any offset."""


LISTED: Final = (
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(listed_counts.c.listed), 0), _number))
    # The roots of the trees. Both columns, so that the primary key finds them.
    .where(
        listed_counts.c.level.in_([sa.literal_column(str(level), _number) for level in range(LEAF, TOP + 1)]),
        listed_counts.c.node == sa.literal_column("1", _number),
    )
    .scalar_subquery()
    + _listed_count(LEAF, 0)
)
"""The number of listed products."""


def _recount() -> Insert:
    """Counts the products of the leaves of some products again, and adds the differences to all nodes above."""
    lowest = sa.select(sa.literal_column(str(LEAF), sa.Integer).label("level")).cte("levels", recursive=True)
    levels = lowest.union_all(sa.select(lowest.c.level + 1).where(lowest.c.level < TOP))
    leaf = (
        sa.select((products.c.id // 2**LEAF).label("leaf")).where(among(products.c.id, AMONG_IDS)).distinct().subquery()
    )
    there = sa.select(sa.func.count()).where(
        _product.c.available, _product.c.id >= leaf.c.leaf * 2**LEAF, _product.c.id < (leaf.c.leaf + 1) * 2**LEAF
    )
    moved = sa.select(leaf.c.leaf, (there.scalar_subquery() - _listed_count(LEAF, leaf.c.leaf)).label("more")).cte(
        "moved"
    )
    node = moved.c.leaf.bitwise_rshift(levels.c.level - sa.literal_column(str(LEAF), sa.Integer))
    changed = (
        sa.select(levels.c.level, node.label("node"), sa.func.sum(moved.c.more).label("more"))
        .join_from(moved, levels, sa.or_(levels.c.level == LEAF, node > 0))
        .group_by(levels.c.level, node)
        .having(sa.func.sum(moved.c.more) != 0)
        .subquery()
    )
    # The new count, not the difference: a row must satisfy the CHECK constraints even if it is updated, not inserted.
    fresh = sa.select(changed.c.level, changed.c.node, _listed_count(changed.c.level, changed.c.node) + changed.c.more)
    added = insert_or(listed_counts).from_select(["level", "node", "listed"], fresh.where(sa.true()))
    return added.on_conflict_do_update(
        index_elements=[listed_counts.c.level, listed_counts.c.node], set_={"listed": added.excluded.listed}
    )


_RECOUNT: Final = _recount()


def write_next_version(session: DatabaseSession) -> None:
    """Writes the next version of the catalogue, the ids of the changed products, and the counts of the page index.

    A transaction does this last, because all transactions that change the catalogue lock the same row. While it has
    this lock, it counts alone, and it sees the version and the counts of earlier transactions. Few transactions write
    the row: during a long snapshot PostgreSQL keeps all versions of it, and every read would pass them.
    """
    if session.references_changed:
        session.run(_NEXT_REFERENCES_VERSION, {})
    else:
        session.lock(_CATALOGUE, {})
    [row] = session.rows(_NEXT_VERSION, {"product_ids": json.dumps(sorted(session.changed_products))})
    session.note_references_version(row.references_version)
    session.changed_products.clear()
    if row.version % _DELETED_AT_ONCE == 0:
        session.run(_DELETE_OLD_CHANGES, {"before": row.version - KEPT_CHANGES})
    if session.uncounted_products:
        one_of_each_leaf = {product_id // 2**LEAF: product_id for product_id in session.uncounted_products}
        session.run(_RECOUNT, {"among": list(one_of_each_leaf.values())})
        session.uncounted_products.clear()
