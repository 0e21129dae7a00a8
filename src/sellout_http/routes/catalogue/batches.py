"""Batches of changes of products, product units and stock by staff.

Each change calls the use case of the single operation, so it has the same rights, rules and records.
"""

from functools import partial
from typing import Any, Final, TypeVar

import attrs
import msgspec

from sellout_core.errors import (
    Conflict,
    FieldCode,
    Invalid,
    InvalidField,
    InvalidFields,
    LimitReached,
    NotFound,
    SkuTaken,
    Stale,
    Unavailable,
    UnitExists,
)
from sellout_core.use_cases.catalogue import products, stock
from sellout_core.values import ProductId, ProductUnitId
from sellout_http.api.handler_context import WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.api.preconditions import entity_tag, matching
from sellout_http.api.queries.query_parameters import IDEMPOTENCY_KEY
from sellout_http.problems.details import Problem, Refused, RefusedChange, problem, problem_of
from sellout_http.routes.once import Once
from sellout_http.schemas import responses, serializers
from sellout_http.schemas.json_body import BodyLimits, read_part
from sellout_http.schemas.requests.batch import BatchChange, BatchRequest, ChangeKind
from sellout_http.schemas.requests.common import Body
from sellout_http.schemas.requests.products import (
    NewProduct,
    NewProductUnit,
    ProductPatch,
    ProductUnitPatch,
    StockRequest,
)

group = Group("Batches", "Many changes of products, product units and stock at once.")

B = TypeVar("B", bound=Body)
LIMITS: Final = BodyLimits(size=2 * 2**20, values=60_000, parts="changes")
"""1,000 changes of 2 KiB and 60 values. The largest single change has more, so a batch of such ones has fewer."""

_TAG: Final = '"dd7e3c63ef8d53ff1ff8f1aa2e2a0c5b"'
_REQUEST: Final = {
    "atomic": False,
    "changes": [
        {"kind": "change_unit", "id": 1, "if_match": _TAG, "body": {"final_price": 120}},
        {"kind": "change_stock", "id": 1, "body": {"received": 5, "reason": "A delivery."}},
    ],
}
_REPLY: Final = {
    "results": [
        {"status": 200, "id": 1, "etag": _TAG, "problem": None},
        {"status": 201, "id": 1, "etag": None, "problem": None},
    ]
}


@group.write(
    "POST",
    "/product/batch",
    Access.ADMIN,
    errors=(NotFound, SkuTaken, UnitExists, LimitReached, Stale, InvalidFields),
    parameters=(IDEMPOTENCY_KEY,),
    body_limits=LIMITS,
    body_parts=(BatchChange,),
    more_codes=("precondition_required", "idempotency_key_reused"),
    request_example=_REQUEST,
    reply_example=_REPLY,
)
def change_batch(context: WriteContext, body: BatchRequest) -> Reply[responses.BatchReply]:
    """Carry out up to 1,000 changes of products, product units and stock.

    Each change has the rights, the rules and the records of the single operation. With `atomic`, the first change that
    is refused refuses the batch: the response is the problem of that change, with its place in `change`. Otherwise each
    change has its own result, and a refused one leaves the others as they are.
    """
    key = context.idempotency_key
    if key is None:
        return Reply(_together(context, body) if body.atomic else _each(context, body, None), 200)
    once = Once.of(context, key, "/product/batch", body)
    if body.atomic:
        within = once.answer("", lambda inside: _all(inside, body))
        return Reply(msgspec.Raw(within), 200)
    # The key is taken for this body first. Each change then has a key of its own, so a retry goes on after the last one
    # that was carried out.
    once.answer("", lambda _: None)
    return Reply(_each(context, body, once), 200)


def _together(context: WriteContext, body: BatchRequest) -> responses.BatchReply:
    return context.shop.store.write(lambda tx: _all(attrs.evolve(context, shop=context.shop.inside(tx)), body))


def _all(inside: WriteContext, body: BatchRequest) -> responses.BatchReply:
    return responses.BatchReply(tuple(_carried_out(inside, *numbered) for numbered in enumerate(body.changes)))


def _each(context: WriteContext, body: BatchRequest, once: Once | None) -> responses.BatchReply:
    """Each change in a transaction of its own, so other writers take their turns between two changes."""
    results = []
    for number, change in enumerate(body.changes):
        try:
            if once is None:
                results.append(_carried_out(context, number, change))
            else:
                done = once.answer(str(number), partial(_carried_out, number=number, sent=change))
                results.append(msgspec.json.decode(done, type=responses.BatchResult))
        except RefusedChange as refused:
            results.append(_refused(refused.document))
        except Unavailable as error:
            results.append(_refused(problem_of(error)))
    return responses.BatchReply(tuple(results))


def _refused(document: Problem) -> responses.BatchResult:
    return responses.BatchResult(document.status, None, None, document)


def _carried_out(context: WriteContext, number: int, sent: dict[str, Any]) -> responses.BatchResult:
    """The result of a change.

    Raises:
        RefusedChange: the change is refused.
    """
    try:
        return _result(context, number, sent)
    except (Conflict, Invalid, NotFound) as error:
        raise RefusedChange(_placed(problem_of(error), number)) from None
    except Refused as refused:
        raise RefusedChange(_placed(problem(refused.code, refused.detail), number)) from None


def _placed(document: Problem, number: int) -> Problem:
    """The problem of a change, with places in the body of the batch."""
    placed = msgspec.structs.replace(document, change=number)
    if placed.fields is msgspec.UNSET:
        return placed
    begin = f"#/changes/{number}"
    fields = tuple(
        field
        if field.pointer is msgspec.UNSET or field.pointer.startswith(begin)
        else msgspec.structs.replace(field, pointer=f"{begin}/body{field.pointer[1:]}")
        for field in placed.fields
    )
    return msgspec.structs.replace(placed, fields=fields)


def _result(context: WriteContext, number: int, sent: dict[str, Any]) -> responses.BatchResult:
    place = ("changes", number)
    change = read_part(BatchChange, sent, place)

    def body(kind: type[B]) -> B:
        return read_part(kind, change.body, (*place, "body"))

    shop, actor = context.shop, context.actor
    match change.kind:
        case ChangeKind.CREATE_PRODUCT:
            created = products.create_product(shop, actor, body(NewProduct).entry())
            return _done(201, created.product.id, serializers.product(created))
        case ChangeKind.CREATE_UNIT:
            unit = body(NewProductUnit)
            added = products.create_unit(shop, actor, unit.product_id(), unit.entry())
            return _done(201, added.id, serializers.unit(added))
        case ChangeKind.CHANGE_PRODUCT:
            patch = body(ProductPatch).edit()
            current = matching(_tags(change), serializers.product)
            product = products.change_product(shop, actor, ProductId(_id(change, number)), patch, current)
            return _done(200, product.product.id, serializers.product(product))
        case ChangeKind.CHANGE_UNIT:
            edit = body(ProductUnitPatch).edit()
            is_current = matching(_tags(change), serializers.unit)
            changed = products.change_unit(shop, actor, ProductUnitId(_id(change, number)), edit, is_current)
            return _done(200, changed.id, serializers.unit(changed))
        case ChangeKind.CHANGE_STOCK:
            pieces = body(StockRequest).change()
            counted = stock.change_stock(shop, actor, ProductUnitId(_id(change, number)), pieces)
            return responses.BatchResult(201, counted.unit.id, None, None)


def _done(status: int, object_id: int, document: Any) -> responses.BatchResult:
    return responses.BatchResult(status, object_id, entity_tag(document), None)


def _tags(change: BatchChange) -> tuple[str, ...]:
    return () if change.if_match is None else (change.if_match,)


def _id(change: BatchChange, number: int) -> int:
    if change.id is None:
        raise InvalidFields((InvalidField(f"#/changes/{number}/id", "is missing", FieldCode.REQUIRED),))
    return change.id
