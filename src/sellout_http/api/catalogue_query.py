"""The query parameters of a catalogue search, and the core's query that they mean."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from sellout_core import search, values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.search import CatalogueQuery, Choice, SizeValue, Sort
from sellout_core.values import Money
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.query_parameters import Parameter, whole_number_fault
from sellout_http.problems.details import PARAMETER_NAMES
from sellout_http.schemas.serializers import GRIDS

_PRICE: Final = {"type": "integer", "minimum": 0, "maximum": values.MAX_PRICE}
_SORTS: Final = {
    "id": Sort.ID,
    "-add_date": Sort.NEWEST,
    "price": Sort.CHEAPEST,
    "-price": Sort.DEAREST,
    "relevance": Sort.RELEVANCE,
}


def _repeated(name: str, of: str) -> Parameter:
    schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": values.MAX_NAME},
        "maxItems": search.MAX_CHOICES,
    }
    return Parameter("query", name, f"Only products of {of}, by id or name. Repeated: of any of them.", schema)


PARAMETERS: Final = (
    Parameter(
        "query",
        "q",
        f"Words, at most {search.MAX_WORDS}. Each is the beginning of a word in a product's name, brands or sku; case"
        " and accents do not matter.",
        {"type": "string", "maxLength": search.MAX_TEXT},
    ),
    _repeated("brand", "this brand"),
    _repeated("category", "this category"),
    _repeated("tag", "this tag"),
    _repeated("gender", "this gender"),
    Parameter(
        "query",
        "size",
        "Only products that can be had in this size: one of its columns, INT, US, UK, EU, IT or RU, a colon and what"
        " stands there. Repeated: in any of them.",
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^(INT|US|UK|EU|IT|RU):.+$", "maxLength": values.MAX_NAME},
            "maxItems": search.MAX_CHOICES,
            "examples": [["EU:42", "US:9"]],
        },
    ),
    Parameter("query", "price_min", "Only products whose `min_price` is this or more.", _PRICE),
    Parameter("query", "price_max", "Only products whose `min_price` is this or less.", _PRICE),
    Parameter(
        "query",
        "available",
        "Only products of which something can be had now (`true`), or nothing (`false`).",
        {"type": "boolean"},
    ),
    Parameter(
        "query",
        "sort",
        "The order: by id, the newest first, the cheapest first, the dearest first, or those first in which all words"
        " of `q` stand whole. Products that are equal in it come by id, those without a price last.",
        {
            "title": "ProductSort",
            "description": "An order of products.",
            "type": "string",
            "enum": list(_SORTS),
            # Generators name constants by this; of `-price` they would make `VALUE_3`.
            "x-enum-varnames": [sort.name for sort in _SORTS.values()],
            "default": "id",
        },
    ),
)

_LONGEST_ID: Final = len(str(values.MAX_ID))
_PLAIN: Final = re.compile(rb"(page_size=[0-9]*)?")


class _Wrong(Exception):
    """A value breaks its parameter's rule."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def read_query(context: ReadContext) -> CatalogueQuery:
    """The query that a request's parameters mean. It ignores other parameters.

    Raises:
        InvalidFields: naming every parameter that is wrong.
    """
    members: dict[str, Any] = {}
    faults: list[InvalidField] = []
    for field, read in _READERS.items():
        try:
            if sent := context.query(PARAMETER_NAMES[field]):
                members[field] = read(sent)
        except _Wrong as wrong:
            faults.append(InvalidField(field, wrong.fault.reason, wrong.fault.code))
    try:
        query = CatalogueQuery(**members)
    except InvalidFields as refused:
        raise InvalidFields((*faults, *refused.fields)) from None
    if faults:
        raise InvalidFields(tuple(faults))
    return query


def query_of_links(context: ReadContext, *others: Parameter) -> str:
    """The query of a link to another page of the same search, with those other parameters; empty if there is none."""
    names = [parameter.name for parameter in (*others, *PARAMETERS)]
    sent = [(name, value) for name in names for value in context.query(name)]
    return f"?{urlencode(sent)}" if sent else ""


def is_search(query_string: bytes) -> bool:
    """Whether a query may ask for more than a plain page. A search takes longer."""
    return _PLAIN.fullmatch(query_string) is None


def _choice(sent: str) -> Choice:
    if not (sent.isascii() and sent.isdigit()):
        return sent
    # No row has an id of more digits; 0 is none either.
    return int(sent) if len(sent) <= _LONGEST_ID else 0


def _size(sent: str) -> SizeValue:
    grid, colon, value = sent.partition(":")
    if not colon or grid.upper() not in GRIDS:
        reason = "must be INT, US, UK, EU, IT or RU, a colon and a size, such as EU:42"
        raise _Wrong(Fault(reason, FieldCode.MALFORMED))
    return SizeValue(GRIDS[grid.upper()], value)


def _price(sent: str) -> Money:
    if (fault := whole_number_fault(sent, 0, values.MAX_PRICE)) is not None:
        raise _Wrong(fault)
    return Money(int(sent))


def _one_of(words: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(sent: str) -> Any:
        if sent not in words:
            raise _Wrong(Fault("must be one of " + ", ".join(words), FieldCode.NOT_ONE_OF))
        return words[sent]

    return read


def _all(read: Callable[[str], Any]) -> Callable[[Sequence[str]], Any]:
    return lambda sent: tuple(map(read, sent))


def _one(read: Callable[[str], Any]) -> Callable[[Sequence[str]], Any]:
    def read_one(sent: Sequence[str]) -> Any:
        if len(sent) > 1:
            raise _Wrong(Fault("must not be repeated", FieldCode.REPEATED))
        return read(sent[0])

    return read_one


_READERS: Final[Mapping[str, Callable[[Sequence[str]], Any]]] = {
    "text": _one(str),
    "brands": _all(_choice),
    "categories": _all(_choice),
    "tags": _all(_choice),
    "genders": _all(_choice),
    "sizes": _all(_size),
    "price_min": _one(_price),
    "price_max": _one(_price),
    "available": _one(_one_of({"true": True, "false": False})),
    "sort": _one(_one_of(_SORTS)),
}
"""By the core's field."""
