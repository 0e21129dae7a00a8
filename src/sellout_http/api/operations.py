"""The table of operations: for each method and path the access level, the parameters, the documents and the handler.

Routing, the checks before a handler and the OpenAPI document are derived from this table, so they cannot disagree.
"""

import enum
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
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

from sellout_core.errors import IdempotencyKeyReused, InvalidFields, SellOutError, Stale
from sellout_core.people.accounts import Actor
from sellout_core.ports.store import Transaction
from sellout_core.shopping.wishlist import WishedProducts
from sellout_core.use_cases.catalogue.browsing import ViewEvent
from sellout_core.values import ProductId, UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.media_types import JSON
from sellout_http.api.queries.query_parameters import AFTER, CART_TOKEN, IDEMPOTENCY_KEY, IF_MATCH, LIMIT, Parameter
from sellout_http.api.rate_limits import RateLimitRule
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import samples
from sellout_http.schemas.json_body import USUAL, BodyLimits
from sellout_http.schemas.responses.long_lists import LongDocument, LongList
from sellout_http.schemas.uploads import Upload

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
D = TypeVar("D")
H = TypeVar("H", bound=Callable[..., Any])
ReadHandler = TypeVar("ReadHandler", bound=Callable[Concatenate[ReadContext, ...], Any])
WriteHandler = TypeVar("WriteHandler", bound=Callable[Concatenate[WriteContext, ...], Any])
_ID_NAMES: Final = re.compile(r"\{(\w+)\}")
TEXT_IDS: Final = {"session_id": r"^[0-9a-f]{16}$", "provider": r"^[a-z]{1,20}$"}
"""The ids in paths that are texts: their patterns by name."""


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


_TAG: Final = {"ETag": "The version of the document, for `If-Match`."}
_NEXT: Final = {"Link": 'With `limit`: the next part of the list (rel="next"), if there is one.'}


@attrs.frozen
class Reply(Generic[D]):
    """A document with its own status and headers. A `Raw` is an encoded document, of another media type if the headers
    have one.
    """

    document: D | msgspec.Raw
    status: int
    headers: Mapping[str, str] = {}


@attrs.frozen(kw_only=True)
class Catalogue:
    """How the document of an operation is cached. It is the same for every anonymous caller.

    Attributes:
        cards: Returns the product ids of the cards in the document, in order.
        wished: Returns the products on the caller's wishlist, from the context and the path's ids. None: the document
            has no `in_wishlist`.
        view: Returns the view to record for the caller, or None. Takes the same arguments.
        workload: Returns the workload of reading the document, from the query string: `DOCUMENT_READ`, `LONG_READ` or
            `SEARCH`.
    """

    cards: Callable[[Any], tuple[ProductId, ...]] = lambda _: ()
    wished: Callable[Concatenate[ReadContext, ...], WishedProducts] | None = None
    view: Callable[Concatenate[ReadContext, ...], ViewEvent | None] = lambda *_, **__: None
    workload: Callable[[bytes], Workload] = lambda _: Workload.DOCUMENT_READ


class Options(TypedDict, total=False):
    """The optional properties of an operation.

    Attributes:
        aliases: More paths of the operation, in Litestar's syntax, with the same ids.
        statuses: The statuses of success, the usual one first. Default: (200,).
        errors: The core's errors, except those that follow from the path, the body and the access level.
        parameters: The query parameters and headers.
        media_types: The media types of the document, of which the client chooses one. Default: JSON.
        reply_headers: The operation's own response headers: their descriptions by name.
        workload: The kind of work. Default: `LONG_READ` for a `LongList` or a `LongDocument`, `SHORT_READ` for other
            GET operations, `WRITE` for other methods.
        catalogue: How the document is cached. Default: it is not.
        limits: The rate limits.
        tagged: Returns the part of the document that the `ETag` depends on: all values that a change can set. Default:
            the response has no `ETag`.
        body_limits: The limits of the body. Default: 64 KiB and 1,000 values.
        body_parts: Structs that the handler reads from parts of the body, for the OpenAPI document.
        more_codes: Codes of additional problems that are no errors of the core.
        repeatable: Whether the operation takes an idempotency key. Default: no.
        upload: The file that is the body. Default: the body is JSON, or there is none.
        about: Returns another user whose data the response has, from the ids and the body. Default: there is none.
        request_example: An example of the body. Default: the documented sample of the same method and path.
        reply_example: An example of the document. Default: the same.
    """

    aliases: tuple[str, ...]
    statuses: tuple[int, ...]
    errors: tuple[type[SellOutError], ...]
    parameters: tuple[Parameter, ...]
    media_types: tuple[str, ...]
    reply_headers: Mapping[str, str]
    workload: Workload
    catalogue: Catalogue
    limits: tuple[RateLimitRule, ...]
    tagged: Callable[[Any], Any]
    body_limits: BodyLimits
    body_parts: tuple[type[msgspec.Struct], ...]
    more_codes: tuple[str, ...]
    repeatable: bool
    upload: Upload
    about: Callable[[Transaction, Mapping[str, Any]], UserId | None]
    request_example: Any
    reply_example: Any


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path.

    `Options` describes the optional attributes. The others come from the handler's signature and docstring: `is_list`
    is true if the handler returns a `LongList`, `is_long` if it returns a `LongDocument`, and `document` is the type of
    the document.
    """

    method: Method
    path: str
    access: Access
    tag: str
    summary: str
    description: str
    is_list: bool
    is_long: bool
    body: type[msgspec.Struct] | None
    document: Any
    handler: Callable[..., Any]
    workload: Workload
    aliases: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    errors: tuple[type[SellOutError], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    media_types: tuple[str, ...] = (JSON,)
    reply_headers: Mapping[str, str] = {}
    catalogue: Catalogue | None = None
    limits: tuple[RateLimitRule, ...] = ()
    tagged: Callable[[Any], Any] | None = None
    body_limits: BodyLimits = USUAL
    body_parts: tuple[type[msgspec.Struct], ...] = ()
    more_codes: tuple[str, ...] = ()
    repeatable: bool = False
    upload: Upload | None = None
    about: Callable[[Transaction, Mapping[str, Any]], UserId | None] | None = None
    request_example: Any = None
    reply_example: Any = None
    least_ids: Mapping[str, int] = attrs.field(init=False)
    """The smallest value of each number in the path. 0 is an anonymous user, where the access allows one."""
    text_ids: Sequence[str] = attrs.field(init=False)

    @text_ids.default
    def _find_text_ids(self) -> Sequence[str]:
        return [name for name in self.id_names if name in TEXT_IDS]

    @least_ids.default
    def _find_least_ids(self) -> Mapping[str, int]:
        anonymous = "user_id" if self.access is Access.ANON else None
        return {name: 0 if name == anonymous else 1 for name in self.id_names if name not in TEXT_IDS}

    @property
    def is_public(self) -> bool:
        """Whether every anonymous caller gets the same response."""
        return self.method == "GET" and self.access is Access.ANON and CART_TOKEN not in self.parameters

    @property
    def is_revalidated(self) -> bool:
        """Whether a client may ask if its document is current: every caller gets the same, and it has an `ETag`."""
        return self.catalogue is not None or (self.is_public and self.tagged is not None)

    @property
    def id_names(self) -> tuple[str, ...]:
        """The ids in the path, in order."""
        return tuple(_ID_NAMES.findall(self.path))


@attrs.define
class Group:
    """Operations under one tag of the OpenAPI document. `read` and `write` are decorators that declare a handler.

    A handler takes a `ReadContext` or a `WriteContext`, the path's ids by name, and optionally `body`, annotated with
    the Struct of the body or with what `Upload.store` returns. It returns a document, a `Reply` or a `LongList`. It
    runs after the access check. Its docstring is the summary and the description.
    """

    tag: str
    description: str
    operations: list[Operation] = attrs.field(factory=list)

    def read(self, path: str, access: Access, **options: Unpack[Options]) -> Callable[[ReadHandler], ReadHandler]:
        """Declares a GET operation. Its shop is for reading: mypy rejects a handler that calls a use case that writes.

        Raises:
            TypeError: the handler does not take the path's ids.
        """
        return self._declare("GET", path, access, {"workload": Workload.SHORT_READ, **options})

    def write(
        self, method: Literal["POST", "PUT", "PATCH", "DELETE"], path: str, access: Access, **options: Unpack[Options]
    ) -> Callable[[WriteHandler], WriteHandler]:
        """Declares an operation that may write.

        Raises:
            TypeError: the handler does not take the path's ids.
        """
        return self._declare(method, path, access, {"workload": Workload.WRITE, **options})

    def _declare(self, method: Method, path: str, access: Access, options: Options) -> Callable[[H], H]:
        def declare(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            returned = hints.pop("return")
            shape, [*parts] = get_origin(returned), get_args(returned)
            body = hints.pop("body", None)
            if "upload" in options:
                body = None
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
            if is_long := shape is LongDocument:
                described["workload"] = Workload.LONG_READ
            if options.get("repeatable"):
                described["errors"] = (*options.get("errors", ()), IdempotencyKeyReused)
                described["parameters"] = (*options.get("parameters", ()), IDEMPOTENCY_KEY)
            if IF_MATCH in described.get("parameters", ()):
                described["errors"] = (*described.get("errors", ()), Stale)
            if "tagged" in options:
                described["reply_headers"] = {**_TAG, **options.get("reply_headers", {})}
            operation = Operation(
                method=method,
                path=path,
                access=access,
                tag=self.tag,
                summary=" ".join(summary.split()).rstrip("."),
                description=" ".join(description.split()),
                is_list=is_list,
                is_long=is_long,
                body=body,
                document=tuple[parts[0], ...] if is_list else parts[0] if shape is Reply or is_long else returned,  # type: ignore[valid-type]
                handler=handler,
                **described,
            )
            if tuple(hints)[1:] != operation.id_names:
                raise TypeError(f"{handler.__name__} does not take the ids of {path}")
            self.operations.append(operation)
            return handler

        return declare
