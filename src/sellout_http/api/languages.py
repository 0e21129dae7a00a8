"""The language of a request."""

import re
from collections.abc import Sequence
from typing import Any, Final, get_args

from sellout_core.mail import Language
from sellout_http.api.handler_context import HandlerContext
from sellout_http.api.queries.query_parameters import Parameter

ACCEPT_LANGUAGE: Final = Parameter(
    "header",
    "Accept-Language",
    "The language of the mail: `ru` or `en`. Default: `en`.",
    {"type": "string", "examples": ["ru, en;q=0.5"]},
)
_RANGE: Final = re.compile(r"\s*([a-z]{1,8})(?:-[a-z0-9-]*)?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?", re.IGNORECASE)
_DEFAULT: Final[Language] = "en"
_MAX_RANGES: Final = 20


def language_of(context: HandlerContext[Any]) -> Language:
    """The language that a request prefers."""
    return preferred_language(context.header("accept-language"))


def preferred_language(sent: Sequence[str]) -> Language:
    """The language that the values of `Accept-Language` prefer (RFC 9110, section 12.5.4). Malformed ranges and other
    languages are ignored.
    """
    found, best = _DEFAULT, 0.0
    for each in ",".join(sent).split(",")[:_MAX_RANGES]:
        match = _RANGE.fullmatch(each)
        if match is None:
            continue
        weight = float(match[2] or 1)
        for language in get_args(Language):
            if match[1].lower() == language and weight > best:
                found, best = language, weight
    return found
