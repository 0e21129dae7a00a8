"""A part of a long list, and a whole long list as pieces of a JSON array
(docs/http-contract.md#lists).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from sellout_core.ports.lists import Part
from sellout_http.api.operations import LongList, Reply
from sellout_http.api.query_parameters import AFTER, LIMIT
from sellout_http.runtime.streaming import SendPiece

Query = Callable[[str], Sequence[str]]
"""Gives the values of a query parameter."""

_encode: Final = msgspec.json.Encoder().encode


def page(long_list: LongList[Any], query: Query, path: str) -> Reply[Any]:
    """The part of a list that a query asks for, with a link to the next one; `path` is the request's.

    Raises:
        InvalidFields: the query's limit or id is invalid.
    """
    part, found = _part(query), list[Any]()
    following = long_list.read(found.extend, part)
    link = f'<{path}?{LIMIT.name}={part.limit}&{AFTER.name}={following}>; rel="next"'
    return Reply(tuple(map(long_list.document, found)), 200, {} if following is None else {"link": link})


def send_all(long_list: LongList[Any], query: Query, send_piece: SendPiece) -> None:
    """Sends a list as pieces of a JSON array, without the closing bracket.

    Raises:
        InvalidFields: the id in the query is invalid.
    """
    before = b"["

    def send_batch(views: Sequence[Any]) -> None:
        nonlocal before
        send_piece(before + _encode(list(map(long_list.document, views)))[1:-1])
        before = b","

    long_list.read(send_batch, _part(query))


def _part(query: Query) -> Part:
    return Part(AFTER.number(query(AFTER.name)) or 0, LIMIT.number(query(LIMIT.name)))
