"""Reads and changes reference tables."""

from collections.abc import Callable, Sequence

import attrs

from sellout_core.audit import FieldChange, audited
from sellout_core.catalogue.products import Platform, References
from sellout_core.catalogue.references import (
    BUILT_IN_GENDERS,
    Category,
    NewReference,
    Reference,
    ReferenceKind,
    require_tree,
    with_descendants,
)
from sellout_core.errors import FieldCode, InvalidField, InvalidFields, NameTaken, NotFound, Stale
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shop import ReadingShop, Shop
from sellout_core.values import UNCHANGED, CategoryId, GenderId, Unchanged, changed, set_fields

__all__ = [
    "ReferenceChange",
    "add_reference",
    "change_reference",
    "merge_reference",
    "read_reference",
    "read_references",
]


@attrs.frozen(kw_only=True)
class ReferenceChange:
    """A change of a row of a reference table. Only platforms have a site, and only categories a parent.

    Raises:
        InvalidFields: as for `NewReference`.
    """

    name: str | Unchanged = UNCHANGED
    site: str | Unchanged = UNCHANGED
    parent_id: CategoryId | Unchanged | None = UNCHANGED

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        NewReference(**{"name": "-", **set_fields(self)})


def read_references(shop: ReadingShop, actor: Actor, kind: ReferenceKind) -> Sequence[Reference]:  # noqa: ARG001 - any actor may
    """The rows of a reference table, by id. Any actor may read them."""
    return shop.store.read(
        lambda tx: tuple(row for _, row in sorted(kind.rows(tx.references.for_update(kind)).items()))
    )


def read_reference(shop: ReadingShop, actor: Actor, kind: ReferenceKind, row_id: int) -> Reference:  # noqa: ARG001 - any actor may
    """A row of a reference table. Any actor may read it.

    Raises:
        NotFound: there is no such row.
    """
    return shop.store.read(lambda tx: _found(kind, tx.references.for_update(kind), row_id))


def add_reference(shop: Shop, actor: Actor, kind: ReferenceKind, new: NewReference) -> Reference:
    """Adds a row to a reference table. For staff.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        InvalidFields: the category's parent does not exist, or is too deep in the tree.
        NameTaken: another row has that name.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> Reference:
        references = tx.references.for_update(kind)
        require_tree(references, None, new.parent_id)
        _require_free(kind, references, new.row(kind, 0))
        added = tx.references.add(kind, new)
        tx.audit.add([audited(actor, now, kind.noun, added.id, after=added)])
        return added

    return shop.store.write(work)


def change_reference(
    shop: Shop,
    actor: Actor,
    kind: ReferenceKind,
    row_id: int,
    change: ReferenceChange,
    is_current: Callable[[Reference], bool],
) -> Reference:
    """Changes a row of a reference table. For staff. Products, searches and facets show the change at once. Orders keep
    their copies.

    Args:
        shop: The shop.
        actor: The actor.
        kind: The table.
        row_id: The row.
        change: The change.
        is_current: Returns whether the row has the version that the change is based on.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: there is no such row.
        Stale: the row has another version.
        InvalidFields: a value is outside its limits, or the categories would not be a tree of three levels.
        NameTaken: another row has that name.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> Reference:
        references = tx.references.for_update(kind)
        before = _found(kind, references, row_id)
        if not is_current(before):
            raise Stale
        after = changed(NewReference.of(before), change).row(kind, row_id)
        if after != before:
            if isinstance(after, Category):
                require_tree(references, CategoryId(row_id), after.parent_id)
            _require_free(kind, references, after)
            tx.references.save(kind, after)
            tx.audit.add([audited(actor, now, kind.noun, row_id, before=before, after=after)])
        return after

    return shop.store.write(work)


def merge_reference(shop: Shop, actor: Actor, kind: ReferenceKind, row_id: int, into_id: int) -> Reference:
    """Merges a row of a reference table into another one, and returns that one. For staff. All references to the first
    row become references to the other one. Orders keep their copies.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound: one of the rows does not exist.
        InvalidFields: both are the same row, the first is a gender that users may give, or the categories would not be
            a tree of three levels.
    """
    actor.require_staff()
    now = shop.clock()

    def work(tx: Transaction) -> Reference:
        references = tx.references.for_update(kind)
        before, into = _found(kind, references, row_id), _found(kind, references, into_id)
        _require_mergeable(kind, references, row_id, into_id)
        tx.references.merge(kind, row_id, into_id)
        merged = audited(actor, now, kind.noun, row_id, before=before, action="merge")
        tx.audit.add([attrs.evolve(merged, changes={**merged.changes, "into_id": FieldChange(None, into_id)})])
        return into

    return shop.store.write(work)


def _found(kind: ReferenceKind, references: References, row_id: int) -> Reference:
    row = kind.rows(references).get(row_id)
    if row is None:
        raise NotFound
    return row


def _require_free(kind: ReferenceKind, references: References, row: Reference) -> None:
    if any(_key(other) == _key(row) and other.id != row.id for other in kind.rows(references).values()):
        raise NameTaken


def _key(row: Reference) -> tuple[str, str]:
    return row.name, row.site if isinstance(row, Platform) else ""


def _require_mergeable(kind: ReferenceKind, references: References, row_id: int, into_id: int) -> None:
    if row_id == into_id:
        raise _invalid_merge("must be another row")
    if kind is ReferenceKind.GENDER and GenderId(row_id) in BUILT_IN_GENDERS:
        raise _invalid_merge("must not replace a gender that users may give")
    if kind is ReferenceKind.CATEGORY:
        below = with_descendants(CategoryId(row_id), references)
        if into_id in below:
            raise _invalid_merge("must not be below the category")
        for child, parent_id in references.parents.items():
            if parent_id == row_id:
                require_tree(references, child, CategoryId(into_id))


def _invalid_merge(reason: str) -> InvalidFields:
    return InvalidFields((InvalidField("into_id", reason, FieldCode.NOT_ONE_OF),))
