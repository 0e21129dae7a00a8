"""Preconditions: a change states the version of the document that it is based on (RFC 9110, section 13.1.1)."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from sellout_http.api.handler_context import WriteContext
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.problems.details import Refused
from sellout_http.runtime.etags import etag_of, matches_etag

V = TypeVar("V")


def whole(document: Any) -> Any:
    """The whole document, for an entity tag that covers all of it."""
    return document


def settable_by(patch: type[msgspec.Struct]) -> Callable[[Any], Any]:
    """The members of a document that a merge patch can set, for an entity tag that covers those alone: whatever else
    changes, a form of a client stays current.
    """
    names = patch.__struct_fields__
    return lambda document: [getattr(document, name) for name in names]


def entity_tag(document: Any, covered: Callable[[Any], Any] = whole) -> str:
    """The strong entity tag of a document.

    Args:
        document: The document, or its JSON as a `Raw`.
        covered: Returns the part of the document that the tag depends on: all values that a change can set.
    """
    return etag_of(msgspec.json.encode(covered(document)))


def unless_changed(
    context: WriteContext, document_of: Callable[[V], Any], covered: Callable[[Any], Any] = whole
) -> Callable[[V], bool]:
    """A function that returns whether an object has a version that the `If-Match` header names.

    Args:
        context: The request.
        document_of: Returns the document of an object.
        covered: As for `entity_tag`.

    Raises:
        Refused: the request has no `If-Match`.
    """
    return matching(context.header(IF_MATCH.name.lower()), document_of, covered)


def matching(
    sent: Sequence[str], document_of: Callable[[V], Any], covered: Callable[[Any], Any] = whole
) -> Callable[[V], bool]:
    """As `unless_changed`, for entity tags that were sent in another place.

    Raises:
        Refused: no tag was sent.
    """
    # A proxy that compresses a response marks its tag as weak. The tag still identifies the version.
    if not sent:
        raise Refused("precondition_required")
    return lambda view: matches_etag(entity_tag(document_of(view), covered), sent)
