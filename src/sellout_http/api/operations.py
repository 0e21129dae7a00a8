"""The API as data: for each method and path who may call it, what it takes and answers, and the handler that does it.

Routing, the checks before a handler and the OpenAPI document all come from these operations, so they cannot disagree.
"""

import enum
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import (
    Any,
    Concatenate,
    Final,
    Generic,
    Literal,
    TypedDict,
    TypeVar,
    Unpack,
    get_args,
    get_origin,
    get_type_hints,
)

import attrs
import msgspec

from sellout_core.accounts import Actor
from sellout_core.errors import InvalidFields, SellOutError
from sellout_core.ports.lists import Part
from sellout_core.use_cases.browsing import View
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.query_parameters import AFTER, LIMIT, Parameter
from sellout_http.api.rate_limits import Rule
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import samples

Method = Literal["GET", "POST", "PUT", "DELETE"]
D = TypeVar("D")
H = TypeVar("H", bound=Callable[..., Any])
ReadHandler = TypeVar("ReadHandler", bound=Callable[Concatenate[ReadContext, ...], Any])
WriteHandler = TypeVar("WriteHandler", bound=Callable[Concatenate[WriteContext, ...], Any])

_ID_NAMES: Final = re.compile(r"\{(\w+)\}")


class Access(enum.Enum):
    """Who may call an operation (docs/http-contract.md#access)."""

    ANON = "Anon"
    USER = "User"
    ADMIN = "Admin"

    def require(self, actor: Actor, ids: Mapping[str, int]) -> None:
        """Checks that an actor may call an operation on a path with those ids; the use case checks again.

        Raises:
            Unauthenticated, Forbidden: the actor may not.
        """
        if self is Access.ADMIN:
            actor.require_staff()
        elif self is Access.USER and "user_id" in ids:
            actor.require_user(UserId(ids["user_id"]))
        elif self is Access.USER:
            actor.require_known()


_NEXT: Final = {"Link": 'With `limit`: what comes after this (rel="next"), where there is more.'}


@attrs.frozen
class LongList(Generic[D]):
    """A list by id that may be too long for memory.

    Attributes:
        read: Passes the views of a part of the list to a sink, in batches, and returns the id after which there is
            more, or None.
        document: Makes the document of one view.
    """

    read: Callable[[Callable[[Sequence[Any]], None], Part], int | None]
    document: Callable[[Any], D]


@attrs.frozen
class Reply(Generic[D]):
    """A document with a status or headers of its own. A `Raw` is an encoded document."""

    document: D | msgspec.Raw
    status: int
    headers: Mapping[str, str] = {}


@attrs.frozen(kw_only=True)
class Catalogue:
    """How an operation's document, which is the same for every anonymous caller, is cached and made personal.

    Attributes:
        cards: Gives the product of each card in the document, in order.
        wished: Gives the products on the caller's wishlist, from the context and the path's ids. None: the document is
            the same for every caller.
        view: Gives the product view to record for the caller, from the same, or None.
        is_search: Whether the query, as it is in the URL, makes finding the document a search.
    """

    cards: Callable[[Any], tuple[int, ...]] = lambda _: ()
    wished: Callable[Concatenate[ReadContext, ...], Collection[int]] | None = None
    view: Callable[Concatenate[ReadContext, ...], View | None] = lambda *_, **__: None
    is_search: Callable[[bytes], bool] = lambda _: False


class Options(TypedDict, total=False):
    """What may be declared about an operation besides method, path and access.

    Attributes:
        aliases: Further paths of the operation, in Litestar's syntax, with the same ids.
        statuses: The statuses of success, the usual one first; (200,) by default.
        errors: The core's errors that the operation adds to those its path, body and access level imply.
        parameters: Its query parameters and headers.
        reply_headers: What its response's own headers mean, by their names.
        workload: What kind of work it is: by default `LONG_READ` for a `LongList`, `SHORT_READ` for other GET
            operations and `WRITE` for other methods.
        catalogue: How its document is cached.
        limits: The rate limits for its callers.
        request_example: An example of its body; by default the documented sample of the same method and path.
        reply_example: An example of its document; the same default.
    """

    aliases: tuple[str, ...]
    statuses: tuple[int, ...]
    errors: tuple[type[SellOutError], ...]
    parameters: tuple[Parameter, ...]
    reply_headers: Mapping[str, str]
    workload: Workload
    catalogue: Catalogue
    limits: tuple[Rule, ...]
    request_example: Any
    reply_example: Any


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path. Its other attributes are those of `Options`, and what its handler's signature and
    docstring say. `is_list` says that the handler returns a `LongList`.
    """

    method: Method
    path: str
    access: Access
    tag: str
    summary: str
    description: str
    is_list: bool
    body: type[msgspec.Struct] | None
    answer: Any
    handler: Callable[..., Any]
    workload: Workload
    aliases: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    errors: tuple[type[SellOutError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    reply_headers: Mapping[str, str] = {}
    catalogue: Catalogue | None = None
    limits: tuple[Rule, ...] = ()
    request_example: Any = None
    reply_example: Any = None
    least_ids: Mapping[str, int] = attrs.field(init=False)
    """The smallest value of each id in the path, in order. A `user_id` of 0 is an anonymous user, where the access
    level allows one.
    """

    @least_ids.default
    def _find_least_ids(self) -> Mapping[str, int]:
        anonymous = "user_id" if self.access is Access.ANON else None
        return {name: 0 if name == anonymous else 1 for name in _ID_NAMES.findall(self.path)}

    @property
    def id_names(self) -> tuple[str, ...]:
        """The ids in the path, in order."""
        return tuple(self.least_ids)


@attrs.define
class Group:
    """Operations under one tag of the OpenAPI document. `read` and `write` declare the function below them as the
    handler of an operation.

    A handler takes a `ReadContext` or a `WriteContext`, the path's ids under their names, and `body` where its
    annotation names a body's Struct. It returns a document, a `Reply` or a `LongList`. It runs after the access check.
    Its docstring becomes the summary and the description.
    """

    tag: str
    description: str
    operations: list[Operation] = attrs.field(factory=list)

    def read(self, path: str, access: Access, **options: Unpack[Options]) -> Callable[[ReadHandler], ReadHandler]:
        """Declares a GET operation. Its shop has no use cases that write: mypy refuses a handler that calls one.

        Raises:
            TypeError: the handler does not take the path's ids.
        """
        return self._declare("GET", path, access, {"workload": Workload.SHORT_READ, **options})

    def write(
        self, method: Literal["POST", "PUT", "DELETE"], path: str, access: Access, **options: Unpack[Options]
    ) -> Callable[[WriteHandler], WriteHandler]:
        """Declares an operation that may write.

        Raises:
            TypeError: the handler does not take the path's ids.
        """
        return self._declare(method, path, access, {"workload": Workload.WRITE, **options})

    def _declare(self, method: Method, path: str, access: Access, options: Options) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            answer = hints.pop("return")
            shape, [*parts] = get_origin(answer), get_args(answer)
            body = hints.pop("body", None)
            summary, _, description = inspect.cleandoc(handler.__doc__ or "").partition("\n\n")
            sample = samples.find(method, path)
            described: dict[str, Any] = {
                "request_example": sample.get("request"),
                "reply_example": sample.get("response"),
                **options,
            }
            if is_list := shape is LongList:
                described["errors"] = (*options.get("errors", ()), InvalidFields)
                described["parameters"] = (*options.get("parameters", ()), LIMIT, AFTER)
                described["reply_headers"] = _NEXT
                described["workload"] = Workload.LONG_READ
            operation = Operation(
                method=method,
                path=path,
                access=access,
                tag=self.tag,
                summary=" ".join(summary.split()).rstrip("."),
                description=" ".join(description.split()),
                is_list=is_list,
                body=body,
                answer=tuple[parts[0], ...] if is_list else parts[0] if shape is Reply else answer,  # type: ignore[valid-type]
                handler=handler,
                **described,
            )
            if tuple(hints)[1:] != operation.id_names:
                raise TypeError(f"{handler.__name__} does not take the ids of {path}")
            self.operations.append(operation)
            return handler

        return declare
