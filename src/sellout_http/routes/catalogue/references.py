"""The reference tables: brands, categories, tags, genders, platforms, delivery types and currencies."""

from collections.abc import Callable
from typing import Any, Final

from sellout_core.catalogue.references import ReferenceKind
from sellout_core.errors import InvalidFields, NameTaken
from sellout_core.use_cases.catalogue import references
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Catalogue, Group, Reply
from sellout_http.api.preconditions import unless_changed, whole
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.schemas import responses, staff_serializers
from sellout_http.schemas.requests.references import (
    CategoryPatch,
    NamedPatch,
    NewCategory,
    NewNamed,
    NewPlatform,
    NewRow,
    PlatformPatch,
    RowPatch,
)

group = Group(
    "References",
    "The reference tables that products and product units refer to. Every caller may read them, and staff change them.",
)

_NAMED: Final = (responses.NamedReference, NewNamed, NamedPatch, {"name": "Nike"})
_SHAPES: Final[dict[ReferenceKind, tuple[Any, Any, Any, dict[str, Any]]]] = {
    ReferenceKind.CATEGORY: (
        responses.Category,
        NewCategory,
        CategoryPatch,
        {"name": "Sneakers", "parent_id": None},
    ),
    ReferenceKind.PLATFORM: (
        responses.Platform,
        NewPlatform,
        PlatformPatch,
        {"platform": "Poizon", "site": "https://poizon.example"},
    ),
}
"""The types of the document, of the body of a new row and of the body of a change, and an example."""


def _declare(kind: ReferenceKind) -> None:
    """Declares the operations of one table. They differ in their paths and in the types of their documents."""
    noun, row_id = kind.noun, f"{kind.noun}_id"
    words = noun.replace("_", " ")
    document, new, patch, example = _SHAPES.get(kind, _NAMED)
    document_example = {"id": 1, **example}

    def show_all(context: ReadContext) -> Any:
        rows = references.read_references(context.shop, context.actor, kind)
        return tuple(map(staff_serializers.reference, rows))

    def show(context: ReadContext, **ids: int) -> Any:
        return staff_serializers.reference(references.read_reference(context.shop, context.actor, kind, ids[row_id]))

    def add(context: WriteContext, body: NewRow) -> Any:
        added = references.add_reference(context.shop, context.actor, kind, body.reference())
        return Reply(staff_serializers.reference(added), 201, {"location": f"{context.prefix}/{noun}/{added.id}"})

    def change(context: WriteContext, body: RowPatch, **ids: int) -> Any:
        is_current = unless_changed(context, staff_serializers.reference)
        changed = body.change()
        return staff_serializers.reference(
            references.change_reference(context.shop, context.actor, kind, ids[row_id], changed, is_current)
        )

    def merge(context: WriteContext, **ids: int) -> Any:
        merged = references.merge_reference(context.shop, context.actor, kind, ids[row_id], ids["into_id"])
        return staff_serializers.reference(merged)

    path = f"/{noun}/{{{row_id}}}"
    many = {"brand": "brands", "category": "categories", "currency": "currencies"}.get(noun, f"{words}s")
    in_tree = " A filter by a category also matches its subcategories." if kind is ReferenceKind.CATEGORY else ""
    _describe(show_all, f"list_{kind.value}", f"All {many}, by id.{in_tree}", (), answer=tuple[document, ...])  # type: ignore[valid-type]
    _describe(show, f"show_{noun}", f"One {words}.", (row_id,), answer=document)
    _describe(add, f"add_{noun}", f"Add a {words}.", (), answer=Reply[document], body=new)  # type: ignore[valid-type]
    _describe(
        change,
        f"change_{noun}",
        f"Change a {words}.\n\nOrders keep their copies.",
        (row_id,),
        answer=document,
        body=patch,
    )
    _describe(
        merge,
        f"merge_{noun}",
        f"Merge a {words} into another one, and return that one.\n\n"
        "All references to the first become references to the other. Orders keep their copies.",
        (row_id, "into_id"),
        answer=document,
    )
    group.read(f"/{noun}", Access.ANON, catalogue=Catalogue(), reply_example=[document_example])(show_all)
    group.read(path, Access.ANON, tagged=whole, reply_example=document_example)(show)
    group.write(
        "POST",
        f"/{noun}",
        Access.ADMIN,
        statuses=(201,),
        errors=(NameTaken,),
        repeatable=True,
        tagged=whole,
        reply_headers={"Location": f"The path of the {words}."},
        request_example=example,
        reply_example=document_example,
    )(add)
    group.write(
        "PATCH",
        path,
        Access.ADMIN,
        errors=(NameTaken,),
        parameters=(IF_MATCH,),
        tagged=whole,
        request_example=example,
        reply_example=document_example,
    )(change)
    group.write(
        "POST",
        f"{path}/merge/{{into_id}}",
        Access.ADMIN,
        errors=(InvalidFields,),
        tagged=whole,
        reply_example=document_example,
    )(merge)


def _describe(
    handler: Callable[..., Any], name: str, text: str, ids: tuple[str, ...], *, answer: Any, body: Any = None
) -> None:
    """Sets the name, the docstring and the signature of a handler, which determine its operation."""
    context = ReadContext if name.startswith(("list_", "show_")) else WriteContext
    handler.__name__ = name
    handler.__doc__ = text
    hints = {"context": context, **dict.fromkeys(ids, int), "return": answer}
    handler.__annotations__ = hints if body is None else {**hints, "body": body}


for _kind in ReferenceKind:
    _declare(_kind)
