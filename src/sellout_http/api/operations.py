"""The API as data: for each method and path who may call it, what it takes and answers, and the handler that does it.

Routing, the checks before a handler and the OpenAPI document all come from these operations, so they cannot disagree.
"""

import enum
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

import attrs
import msgspec

from sellout_core import values
from sellout_core.accounts import Actor
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields, SellOutError
from sellout_core.ports.lists import Part
from sellout_core.use_cases.browsing import View
from sellout_core.values import UserId
from sellout_http.api.rate_limits import Rule
from sellout_http.schemas import samples

Method = Literal["GET", "POST", "PUT", "DELETE"]
D = TypeVar("D")
H = TypeVar("H", bound=Callable[..., Any])

_WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_ID_NAMES: Final = re.compile(r"\{(\w+)\}")


def whole_number_fault(sent: str, least: int, most: int) -> Fault | None:
    """A rule for a whole number in a query, from `least` to `most`, both included."""
    if _WHOLE_NUMBER.fullmatch(sent) is not None and least <= int(sent) <= most:
        return None
    code = FieldCode.OUT_OF_RANGE if _NUMBER.fullmatch(sent) else FieldCode.WRONG_TYPE
    return Fault(f"must be a whole number from {least} to {most}", code)


class Access(enum.Enum):
    """Who may call an operation (docs/http-contract.md#access)."""

    ANON = "Anon"
    USER = "User"
    ADMIN = "Admin"

    def require(self, actor: Actor, ids: Mapping[str, int]) -> None:
        """Lets through an actor who may call an operation on a path with those ids; the use case checks again.

        Raises:
            Unauthenticated, Forbidden: the actor may not.
        """
        if self is Access.ADMIN:
            actor.require_staff()
        elif self is Access.USER and "user_id" in ids:
            actor.require_user(UserId(ids["user_id"]))
        elif self is Access.USER:
            actor.require_known()


@attrs.frozen
class Parameter:
    """A query parameter or a header that an operation takes, never a required one; `schema` is JSON Schema."""

    location: Literal["query", "header"]
    name: str
    description: str
    schema: Mapping[str, Any]

    def number(self, sent: Sequence[str]) -> int | None:
        """The whole number that it has in a request, from its values there; None where it is left out.

        Raises:
            InvalidFields: it comes more than once, or is no whole number within the schema's limits.
        """
        if not sent:
            return None
        least, most = self.schema["minimum"], self.schema["maximum"]
        if len(sent) > 1:
            raise InvalidFields((InvalidField(self.name, "must not be repeated", FieldCode.REPEATED),))
        if (fault := whole_number_fault(sent[0], least, most)) is not None:
            raise InvalidFields((InvalidField(self.name, fault.reason, fault.code),))
        return int(sent[0])


LIMIT: Final = Parameter(
    "query",
    "limit",
    "At most how much of the list is answered; without it, all.",
    {"type": "integer", "minimum": 1, "maximum": values.MAX_LIST},
)
AFTER: Final = Parameter(
    "query",
    "after",
    "The id that the answer comes after.",
    {"type": "integer", "minimum": 0, "maximum": values.MAX_ID, "default": 0},
)
_NEXT: Final = {"Link": 'With `limit`: what comes after this (rel="next"), where there is more.'}


@attrs.frozen
class Listed(Generic[D]):
    """A list by id that may be too long to hold.

    `read` passes the views of a part of it to a sink, in batches, and gives the id after which there is more, or None;
    `document` makes one view's document.
    """

    read: Callable[[Callable[[Sequence[Any]], None], Part], int | None]
    document: Callable[[Any], D]


@attrs.frozen
class Reply(Generic[D]):
    """A document with a status or headers that are not the operation's usual ones. A `Raw` is the document encoded."""

    document: D | msgspec.Raw
    status: int
    headers: Mapping[str, str] = {}


@attrs.frozen(kw_only=True)
class Catalogue:
    """How an operation's document, which everybody may read, is kept and made somebody's own.

    `cards` gives the products of the cards in the document, in order. `wished` gives those products that the caller
    wishes for, from the `Call` and the path's ids; None: the document is the same for everybody. `view` gives what is
    noted of whoever looks, if anything is. `long` says of the URL's query whether finding the document may take long.
    """

    cards: Callable[[Any], tuple[int, ...]] = lambda _: ()
    wished: Callable[..., Collection[int]] | None = None
    view: Callable[..., View | None] = lambda *_, **__: None
    long: Callable[[bytes], bool] = lambda _: False


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path. `statuses` are those of success, the usual one first. A `short` one only reads, and
    little; one with a `catalogue` answers with a document that is kept; a `listed` one's handler returns a `Listed`.
    """

    method: Method
    path: str
    access: Access
    tag: str
    summary: str
    description: str
    statuses: tuple[int, ...]
    errors: tuple[type[SellOutError], ...]
    parameters: tuple[Parameter, ...]
    reply_headers: Mapping[str, str]
    hashes_passwords: bool
    short: bool
    catalogue: Catalogue | None
    listed: bool
    limits: tuple[Rule, ...]
    body: type[msgspec.Struct] | None
    answer: Any
    request_example: Any
    reply_example: Any
    handler: Callable[..., Any]

    @property
    def id_names(self) -> tuple[str, ...]:
        """The ids in the path, in order."""
        return tuple(_ID_NAMES.findall(self.path))

    def least_id(self, name: str) -> int:
        """The smallest value of an id in the path: 0 stands for an anonymous user where one may come."""
        return 0 if self.access is Access.ANON and name == "user_id" else 1


@attrs.define
class Group:
    """Operations that belong together, under one tag of the OpenAPI document."""

    tag: str
    description: str
    operations: list[Operation] = attrs.field(factory=list)

    def operation(
        self,
        method: Method,
        path: str,
        access: Access,
        *,
        statuses: tuple[int, ...] = (200,),
        errors: tuple[type[SellOutError], ...] = (),
        parameters: tuple[Parameter, ...] = (),
        reply_headers: Mapping[str, str] | None = None,
        hashes_passwords: bool = False,
        short: bool = False,
        catalogue: Catalogue | None = None,
        limits: tuple[Rule, ...] = (),
        request_example: Any = None,
        reply_example: Any = None,
    ) -> Callable[[H], H]:
        """Declares the function below it as the handler of an operation.

        A handler takes a `Call`, the path's ids under their names, and `body` where its annotation names a body's
        Struct; it returns a document, a `Reply` or a `Listed`. It runs after the access check; `hands` says where. Its
        docstring becomes the summary and the description; `errors` are those it adds to what its path, body
        and access level imply. Examples not given are the documented samples of the same method and path.

        Raises:
            TypeError: when the handler's parameters are not those its path implies.
        """

        def declare(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            answer = hints.pop("return")
            shape, [*parts] = get_origin(answer), get_args(answer)
            listed = shape is Listed
            body = hints.pop("body", None)
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")
            sample = samples.find(method, path)
            operation = Operation(
                method=method,
                path=path,
                access=access,
                tag=self.tag,
                summary=" ".join(summary.split()).rstrip("."),
                description=" ".join(description.split()),
                statuses=statuses,
                errors=(*errors, InvalidFields) if listed else errors,
                parameters=(*parameters, LIMIT, AFTER) if listed else parameters,
                reply_headers={**(reply_headers or {}), **(_NEXT if listed else {})},
                hashes_passwords=hashes_passwords,
                short=short,
                catalogue=catalogue,
                listed=listed,
                limits=limits,
                body=body,
                answer=tuple[parts[0], ...] if listed else parts[0] if shape is Reply else answer,  # type: ignore[valid-type]
                request_example=sample.get("request") if request_example is None else request_example,
                reply_example=sample.get("response") if reply_example is None else reply_example,
                handler=handler,
            )
            if tuple(hints)[1:] != operation.id_names:
                raise TypeError(f"{handler.__name__} does not take the ids of {path}")
            self.operations.append(operation)
            return handler

        return declare
