"""The API as data: for each method and path who may call it, what it takes and answers, and the handler that does it.

Routing, the checks before a handler and the OpenAPI document all come from these operations, so they cannot disagree.
"""

import enum
import inspect
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

import attrs
import msgspec

from sellout_core.accounts import Actor
from sellout_core.errors import SellOutError
from sellout_core.values import UserId
from sellout_http import samples
from sellout_http.limits import Rule

Method = Literal["GET", "POST", "PUT", "DELETE"]
D = TypeVar("D")
H = TypeVar("H", bound=Callable[..., Any])

_ID_NAMES: Final = re.compile(r"\{(\w+)\}")


class Access(enum.Enum):
    """Who may call an operation (contract, Access)."""

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
    wishes for, from the `Call` and the path's ids; None: the document is the same for everybody. `noting` are the ids
    in the path which make it write something down, unless they are 0. `long` says of the URL's query whether finding
    the document may take long.
    """

    cards: Callable[[Any], tuple[int, ...]] = lambda _: ()
    wished: Callable[..., Collection[int]] | None = None
    noting: tuple[str, ...] = ()
    long: Callable[[bytes], bool] = lambda _: False


@attrs.frozen(kw_only=True)
class Operation:
    """One method on one path. `statuses` are those of success, the usual one first. A `short` one only reads, and
    little; one with a `catalogue` answers with a document that is kept.
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
        Struct; it returns a document or a `Reply`. It runs in a thread, after the access check. Its docstring becomes
        the summary and the description; `errors` are those it adds to what its path, body and access level imply.
        Examples not given are the documented samples of the same method and path.

        Raises:
            TypeError: when the handler's parameters are not those its path implies.
        """

        def declare(handler: H) -> H:
            hints = get_type_hints(handler, include_extras=True)
            answer = hints.pop("return")
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
                errors=errors,
                parameters=parameters,
                reply_headers=reply_headers or {},
                hashes_passwords=hashes_passwords,
                short=short,
                catalogue=catalogue,
                limits=limits,
                body=body,
                answer=get_args(answer)[0] if get_origin(answer) is Reply else answer,
                request_example=sample.get("request") if request_example is None else request_example,
                reply_example=sample.get("response") if reply_example is None else reply_example,
                handler=handler,
            )
            if tuple(hints)[1:] != operation.id_names:
                raise TypeError(f"{handler.__name__} does not take the ids of {path}")
            self.operations.append(operation)
            return handler

        return declare
