"""The bodies of requests for the rows of the reference tables."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import attrs
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from sellout_core.catalogue.references import NewReference
from sellout_core.errors import InvalidFields
from sellout_core.use_cases.catalogue.references import ReferenceChange
from sellout_http.schemas.requests.common import Body, Id, ReferenceName, Site, set_members

R = TypeVar("R")
ParentId = Annotated[Id | None, Meta(description="The id of the category above it; null: it is at the top.")]


class NewRow(Body, frozen=True):
    """The body of a new row of a reference table."""

    def reference(self) -> NewReference:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        return _row_fields(NewReference, asdict(self))


class NewNamed(NewRow, frozen=True):
    """A new brand, tag, gender, delivery type or currency."""

    name: ReferenceName


class NewCategory(NewRow, frozen=True):
    """A new category."""

    name: ReferenceName
    parent_id: ParentId = None


class NewPlatform(NewRow, frozen=True):
    """A new platform."""

    platform: ReferenceName
    site: Site = ""


class RowPatch(Body, frozen=True):
    """A merge patch (RFC 7396) of a row of a reference table."""

    def change(self) -> ReferenceChange:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        return _row_fields(ReferenceChange, set_members(self))


class NamedPatch(RowPatch, frozen=True):
    """A merge patch of a brand, tag, gender, delivery type or currency."""

    name: ReferenceName | UnsetType = UNSET


class CategoryPatch(RowPatch, frozen=True):
    """A merge patch of a category."""

    name: ReferenceName | UnsetType = UNSET
    parent_id: ParentId | UnsetType = UNSET


class PlatformPatch(RowPatch, frozen=True):
    """A merge patch of a platform."""

    platform: ReferenceName | UnsetType = UNSET
    site: Site | UnsetType = UNSET


def _row_fields(kind: Callable[..., R], members: dict[str, Any]) -> R:
    """A new row or a change from members. The documented name of a platform's member `name` is `platform`."""
    if "platform" not in members:
        return kind(**members)
    name = members.pop("platform")
    try:
        return kind(name=name, **members)
    except InvalidFields as error:
        renamed = (attrs.evolve(fault, name="#/platform") if fault.name == "name" else fault for fault in error.fields)
        raise InvalidFields(tuple(renamed)) from None
