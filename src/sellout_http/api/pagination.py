"""A page of a long list, and all of a long list as pieces of a JSON array."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from sellout_core.ports.lists import Part
from sellout_http.api.operations import AFTER, LIMIT, Listed, Reply
from sellout_http.runtime.streaming import Give

Query = Callable[[str], Sequence[str]]
"""Gives the values of a query parameter."""

_encode: Final = msgspec.json.Encoder().encode


def page(listed: Listed[Any], query: Query, path: str) -> Reply[Any]:
    """The part of a list that a query asks for, with a link to the next one; `path` is the request's.

    Raises:
        InvalidFields: the query's limit or id is none.
    """
    part, found = _part(query), list[Any]()
    following = listed.read(found.extend, part)
    link = f'<{path}?{LIMIT.name}={part.limit}&{AFTER.name}={following}>; rel="next"'
    return Reply(tuple(map(listed.document, found)), 200, {} if following is None else {"link": link})


def give_all(listed: Listed[Any], query: Query, give: Give) -> None:
    """Gives a list away as pieces of a JSON array, all but the bracket at its end.

    Raises:
        InvalidFields: the id in the query is none.
    """
    before = b"["

    def give_batch(views: Sequence[Any]) -> None:
        nonlocal before
        give(before + _encode(list(map(listed.document, views)))[1:-1])
        before = b","

    listed.read(give_batch, _part(query))


def _part(query: Query) -> Part:
    return Part(AFTER.number(query(AFTER.name)) or 0, LIMIT.number(query(LIMIT.name)))
