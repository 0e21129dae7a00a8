"""Long lists: a part as one document, and the whole list as chunks of a JSON array (docs/http-contract.md#lists)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

import attrs
import msgspec

from sellout_core.ports import lists
from sellout_core.ports.lists import Part
from sellout_http.api.operations import Reply
from sellout_http.api.queries.query_parameters import AFTER, LIMIT
from sellout_http.runtime.streaming import SendChunk
from sellout_http.schemas.responses.long_lists import LongDocument, LongList

Query = Mapping[str, Sequence[str]]
"""The values of each query parameter."""

_WINDOW: Final = (LIMIT.name, AFTER.name)
_encode: Final = msgspec.json.Encoder().encode


def read_part(long_list: LongList[Any], query: Query, path: str) -> Reply[Any]:
    """The part of a list that the query requests, with a link to the next part. `path` is the path of the request.

    Raises:
        InvalidFields: the query's limit or id is invalid.
    """
    part, found = _part(query), list[Any]()
    following = long_list.read(found.extend, part)
    others = [(name, value) for name in query if name not in _WINDOW for value in query[name]]
    sent = urlencode([*others, (LIMIT.name, part.limit), (AFTER.name, following)])
    link = f'<{path}?{sent}>; rel="next"'
    return Reply(tuple(map(long_list.document, found)), 200, {} if following is None else {"link": link})


def whole_if_short(long_list: LongList[Any], query: Query) -> Reply[Any] | None:
    """The whole list after the id in the query; None if it is longer than one batch.

    Raises:
        InvalidFields: the id in the query is invalid.
    """
    found = list[Any]()
    if long_list.read(found.extend, attrs.evolve(_part(query), limit=lists.BATCH)) is not None:
        return None
    return Reply(tuple(map(long_list.document, found)), 200)


def send_all(long_list: LongList[Any], query: Query, send_chunk: SendChunk) -> None:
    """Sends a list as chunks of a JSON array, without the closing bracket.

    Raises:
        InvalidFields: the id in the query is invalid.
    """
    _send(long_list, _part(query), b"[", send_chunk)


def send_document(document: LongDocument[Any], send_chunk: SendChunk) -> None:
    """Sends a long document as chunks, without the closing brackets."""
    head = _encode(document.head)[:-1] + b"," + _encode(document.member) + b":["
    _send(document.entries, lists.WHOLE, head, send_chunk)


def _send(long_list: LongList[Any], part: Part, before: bytes, send_chunk: SendChunk) -> None:
    def send_batch(views: Sequence[Any]) -> None:
        nonlocal before
        send_chunk(before + _encode(list(map(long_list.document, views)))[1:-1])
        before = b","

    long_list.read(send_batch, part)


def _part(query: Query) -> Part:
    return Part(AFTER.number(query.get(AFTER.name, ())) or 0, LIMIT.number(query.get(LIMIT.name, ())))
