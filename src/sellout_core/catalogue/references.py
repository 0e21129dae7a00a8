"""The reference tables that staff may change, and the tree of categories."""

import enum
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from sellout_core import values
from sellout_core.catalogue.products import FEMALE, MALE, Named, Platform, References
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.values import CategoryId, ruled

__all__ = [
    "BUILT_IN_GENDERS",
    "MAX_LEVELS",
    "Category",
    "NewReference",
    "Reference",
    "ReferenceKind",
    "require_tree",
    "with_ancestors",
    "with_descendants",
]

MAX_LEVELS: Final = 3
"""The maximum number of levels of the tree of categories."""

BUILT_IN_GENDERS: Final = frozenset({MALE, FEMALE})
"""The genders that users may give. They cannot be merged into others."""


@attrs.frozen
class Category(Named):
    """A category in the tree. `parent_id` None: it is at the top."""

    parent_id: CategoryId | None


Reference = Named | Platform
"""A row of a reference table. A `Category` is a `Named`."""


class ReferenceKind(enum.Enum):
    """A reference table that staff may change. The value is the field of `References` that has its rows."""

    BRAND = "brands"
    CATEGORY = "categories"
    TAG = "tags"
    GENDER = "genders"
    PLATFORM = "platforms"
    DELIVERY_TYPE = "delivery_types"
    CURRENCY = "currencies"

    @property
    def noun(self) -> str:
        """The singular name of a row, such as `brand`."""
        return self.name.lower()

    def rows(self, references: References) -> Mapping[int, Reference]:
        """The rows of the table, by id."""
        if self is ReferenceKind.CATEGORY:
            parents = references.parents
            return {
                row_id: Category(row_id, row.name, parents.get(row_id)) for row_id, row in references.categories.items()
            }
        found: Mapping[int, Reference] = getattr(references, self.value)
        return found


@attrs.frozen(kw_only=True)
class NewReference:
    """A row of a reference table without an id. Only platforms have a site, and only categories a parent.

    Raises:
        InvalidFields: the name is blank or over 150 characters, the site is over 2,000 characters, or the id is out of
            range.
    """

    name: str = ruled(values.text(values.MAX_REFERENCE_NAME, minimum=1))
    site: str = ruled(values.text(values.MAX_LINK), default="")
    parent_id: CategoryId | None = ruled(values.optional(values.identifier), default=None)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    @classmethod
    def of(cls, row: Reference) -> "NewReference":
        """The row without its id."""
        fields = attrs.asdict(row)
        del fields["id"]
        return cls(**fields)

    def row(self, kind: ReferenceKind, row_id: int) -> Reference:
        """The row with an id."""
        if kind is ReferenceKind.PLATFORM:
            return Platform(row_id, self.name, self.site)
        if kind is ReferenceKind.CATEGORY:
            return Category(row_id, self.name, self.parent_id)
        return Named(row_id, self.name)


def with_ancestors(category_ids: Iterable[CategoryId], parents: Mapping[CategoryId, CategoryId]) -> set[CategoryId]:
    """The ids of categories and of all their ancestors."""
    found = set[CategoryId]()
    for category_id in category_ids:
        found.update(_path_to_top(category_id, parents))
    return found


def with_descendants(category_id: CategoryId, references: References) -> set[CategoryId]:
    """The ids of a category and of all its descendants."""
    return {below for below in references.categories if category_id in _path_to_top(below, references.parents)}


def require_tree(references: References, category_id: CategoryId | None, parent_id: CategoryId | None) -> None:
    """Checks that the categories stay a tree of at most three levels if a category gets a parent.

    Args:
        references: The reference tables.
        category_id: The category. None: a new one.
        parent_id: The new parent. None: the category moves to the top.

    Raises:
        InvalidFields: the parent does not exist, is the category or one of its descendants, or is too deep.
    """
    if parent_id is None:
        return
    if parent_id not in references.categories:
        raise _invalid_parent("must be the id of a category", FieldCode.NOT_ONE_OF)
    path = _path_to_top(parent_id, references.parents)
    # A new category is not in the tree. No category has the id 0.
    category_id = category_id or CategoryId(0)
    if category_id in path:
        raise _invalid_parent("must not be the category itself or one below it", FieldCode.NOT_ONE_OF)
    paths = (_path_to_top(below, references.parents) for below in references.categories)
    depth = max((other.index(category_id) for other in paths if category_id in other), default=0)
    if len(path) + 1 + depth > MAX_LEVELS:
        raise _invalid_parent(f"must leave at most {MAX_LEVELS} levels of categories", FieldCode.OUT_OF_RANGE)


def _path_to_top(category_id: CategoryId, parents: Mapping[CategoryId, CategoryId]) -> list[CategoryId]:
    """The ids of a category and its ancestors, from the category to the top."""
    path = [category_id]
    while (parent_id := parents.get(category_id)) is not None:
        path.append(parent_id)
        category_id = parent_id
    return path


def _invalid_parent(reason: str, code: FieldCode) -> InvalidFields:
    return InvalidFields((InvalidField("parent_id", reason, code),))
