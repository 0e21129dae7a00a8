"""The page index: which listed products a page holds, found at any depth in logarithmic time.

`listed_counts` is a tree of counts: the row (level, node) holds the number of listed products whose ids are `node` in
binary with `level` more bits behind. One row tells in which half of a node a product is, so a product is found in as
many rows as its id has bits. The smallest nodes are those of level 6. They span 64 ids, and their products are counted.

Ids of each length have a tree of their own, whose root is node 1; those of up to six bits are node 0 of level 6. So no
tree grows when ids do, and no row is unused.
"""

from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import Insert

from sellout_adapters.sql.schema.catalogue_tables import LEAF, TOP, catalogue, listed_counts, products
from sellout_adapters.sql.schema.functions import AMONG_IDS, among
from sellout_adapters.sql.schema.inserts import insert_or
from sellout_adapters.sql.session.session import DatabaseSession

SHALLOW: Final = 2**LEAF
"""Below this offset counting products is faster than the tree."""

_number = BigInteger()
_NEXT_VERSION: Final = update(catalogue).values(version=catalogue.c.version + 1)


def _listed(level: Any, node: Any) -> ColumnElement[int]:
    """The number of listed products of a node."""
    found = select(listed_counts.c.listed).where(listed_counts.c.level == level, listed_counts.c.node == node)
    return func.coalesce(found.scalar_subquery(), 0)


def _fixed(value: int) -> ColumnElement[int]:
    return cast(literal_column(str(value)), _number)


def _roots() -> CTE:
    """The roots up to that of the tree with the first product after `offset` others. `skip` is how many products of the
    tree, or of later ones, come before it.
    """
    first = select(
        _fixed(LEAF).label("level"),
        _fixed(0).label("node"),
        bindparam("offset", type_=_number).label("skip"),
        _listed(LEAF, 0).label("listed"),
    ).cte("root", recursive=True)
    # From ids of at most six bits to those of seven, and on to one bit more each time.
    level = first.c.level + first.c.node
    return first.union_all(
        select(level, 1, first.c.skip - first.c.listed, _listed(level, 1)).where(
            first.c.skip >= first.c.listed, first.c.level < TOP
        )
    )


def _descent() -> CTE:
    """The nodes from that root down to the level-6 node with the product. `skip` is how many of the node's products
    come before it, `lower` how many products the node's lower half has.
    """
    root = _roots()
    node = (
        select(root.c.level, root.c.node, root.c.skip, _listed(root.c.level - 1, root.c.node * 2).label("lower"))
        .where(root.c.skip < root.c.listed)
        .cte("descent", recursive=True)
    )
    passed = node.c.skip >= node.c.lower
    half = node.c.node * 2 + case((passed, 1), else_=0)
    return node.union_all(
        select(
            node.c.level - 1,
            half,
            node.c.skip - case((passed, node.c.lower), else_=0),
            _listed(node.c.level - 2, half * 2),
        ).where(node.c.level > LEAF)
    )


_product = products.alias("listed")
_IN_ORDER: Final = select(_product.c.id).where(_product.c.available).order_by(_product.c.id).limit(bindparam("limit"))


def _deep() -> Select[Any]:
    leaf = _descent()
    found = leaf.c.level == LEAF
    first = select(leaf.c.node * 2**LEAF).where(found).scalar_subquery()
    skip = select(leaf.c.skip).where(found).scalar_subquery()
    return _IN_ORDER.where(_product.c.id >= first).offset(func.coalesce(skip, 0))


SHALLOW_PAGE: Final = _IN_ORDER.offset(bindparam("offset"))
"""The ids of `limit` listed products after the first `offset`, which is below `SHALLOW`."""

DEEP_PAGE: Final = _deep()
"""The same for any offset."""


def _recount() -> Insert:
    """Counts the leaves of some products anew, and adds the difference to every node above them."""
    lowest = select(literal_column(str(LEAF), Integer).label("level")).cte("levels", recursive=True)
    levels = lowest.union_all(select(lowest.c.level + 1).where(lowest.c.level < TOP))
    leaf = select((products.c.id // 2**LEAF).label("leaf")).where(among(products.c.id, AMONG_IDS)).distinct().subquery()
    there = select(func.count()).where(
        _product.c.available, _product.c.id >= leaf.c.leaf * 2**LEAF, _product.c.id < (leaf.c.leaf + 1) * 2**LEAF
    )
    moved = select(leaf.c.leaf, (there.scalar_subquery() - _listed(LEAF, leaf.c.leaf)).label("more")).cte("moved")
    node = moved.c.leaf.bitwise_rshift(levels.c.level - literal_column(str(LEAF), Integer))
    changed = (
        select(levels.c.level, node.label("node"), func.sum(moved.c.more).label("more"))
        .join_from(moved, levels, or_(levels.c.level == LEAF, node > 0))
        .group_by(levels.c.level, node)
        .having(func.sum(moved.c.more) != 0)
        .subquery()
    )
    # The whole count, not the difference: also a row that conflicts, and is not inserted, must satisfy the checks.
    fresh = select(changed.c.level, changed.c.node, _listed(changed.c.level, changed.c.node) + changed.c.more)
    added = insert_or(listed_counts).from_select(["level", "node", "listed"], fresh.where(true()))
    return added.on_conflict_do_update(
        index_elements=[listed_counts.c.level, listed_counts.c.node], set_={"listed": added.excluded.listed}
    )


_RECOUNT: Final = _recount()


def count_changed_products(session: DatabaseSession) -> None:
    """Writes the catalogue's next version, and the counts of the products that were written.

    A transaction does this last: everyone who changes the catalogue writes the row of the version, so it should be
    locked only briefly. The holder of that lock counts alone, and reads the counts of those before it.
    """
    session.run(_NEXT_VERSION, {})
    if session.uncounted_products:
        one_of_each_leaf = {product_id // 2**LEAF: product_id for product_id in session.uncounted_products}
        session.run(_RECOUNT, {"among": list(one_of_each_leaf.values())})
        session.uncounted_products.clear()
