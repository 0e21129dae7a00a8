"""The query parameters of a catalogue search, and their conversion to the core's query."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from sellout_core import values
from sellout_core.catalogue import search
from sellout_core.catalogue.search import CatalogueQuery, Choice, SizeValue, Sort
from sellout_core.errors import Fault, FieldCode
from sellout_http.api.handler_context import ReadContext
from sellout_http.api.queries.query_parameters import Parameter
from sellout_http.api.queries.query_readers import InvalidValue, Reader, every, one, one_of, read_members, whole_number
from sellout_http.runtime.executor import Workload
from sellout_http.schemas.serializers import SIZE_COLUMNS

_PRICE: Final = {"type": "integer", "minimum": 0, "maximum": values.MAX_PRICE}
_SORTS: Final = {
    "id": Sort.ID,
    "-add_date": Sort.NEWEST,
    "price": Sort.CHEAPEST,
    "-price": Sort.DEAREST,
    "relevance": Sort.RELEVANCE,
}


def _repeated(name: str, value: str) -> Parameter:
    schema = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": values.MAX_NAME},
        "maxItems": search.MAX_CHOICES,
    }
    description = f"{value}, given by id or name. May be repeated: a product matches with any of the values."
    return Parameter("query", name, description, schema)


Q: Final = Parameter(
    "query",
    "q",
    f"At most {search.MAX_WORDS} words. Each must begin a word of the product's name, brands or sku. Case and"
    " accents do not matter.",
    {"type": "string", "maxLength": search.MAX_TEXT},
)

PARAMETERS: Final = (
    Q,
    _repeated("brand", "A brand of the product"),
    _repeated("category", "A category of the product"),
    _repeated("tag", "A tag of the product"),
    _repeated("gender", "The gender that the product is made for"),
    Parameter(
        "query",
        "size",
        "A size in which a unit is available: a column (INT, US, UK, EU, IT or RU), a colon and its value. May be"
        " repeated: a product matches with any of the values.",
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^(INT|US|UK|EU|IT|RU):.+$", "maxLength": values.MAX_NAME},
            "maxItems": search.MAX_CHOICES,
            "examples": [["EU:42", "US:9"]],
        },
    ),
    Parameter("query", "price_min", "The lowest `min_price`.", _PRICE),
    Parameter("query", "price_max", "The highest `min_price`.", _PRICE),
    Parameter(
        "query",
        "available",
        "`true`: only products with an available unit. `false`: only products without one.",
        {"type": "boolean"},
    ),
    Parameter(
        "query",
        "sort",
        "The order: by id (`id`), the newest first (`-add_date`), the lowest price first (`price`), the highest price"
        " first (`-price`), or products first that match all words of `q` as whole words (`relevance`). Equal products"
        " are sorted by id. Products without a price come last in an order by price.",
        {
            "title": "ProductSort",
            "description": "An order of products.",
            "type": "string",
            "enum": list(_SORTS),
            # Code generators take the names of constants from this. From `-price` they would make `VALUE_3`.
            "x-enum-varnames": [sort.name for sort in _SORTS.values()],
            "default": "id",
        },
    ),
)

_LONGEST_ID: Final = len(str(values.MAX_ID))
_PLAIN: Final = re.compile(rb"(?:page_size=([0-9]{0,4}))?")
_SHORT_PAGE: Final = 50
"""The largest page that the event loop reads, in products."""


def read_query(context: ReadContext) -> CatalogueQuery:
    """Converts the parameters of a request to a query. It ignores other parameters.

    Raises:
        InvalidFields: names every invalid parameter.
    """
    return read_members(context.query, _READERS, CatalogueQuery)


def link_query(context: ReadContext, *others: Parameter) -> str:
    """The query string of a link to another page of the same search, including other parameters. Empty: the request has
    no parameters.
    """
    names = [parameter.name for parameter in (*others, *PARAMETERS)]
    sent = [(name, value) for name in names for value in context.query.get(name, ())]
    return f"?{urlencode(sent)}" if sent else ""


def workload(query_string: bytes) -> Workload:
    """The workload of reading a page. Searches take longest, and a page of many products would block other reads."""
    plain = _PLAIN.fullmatch(query_string)
    if plain is None:
        return Workload.SEARCH
    return Workload.LONG_READ if int(plain[1] or 0) > _SHORT_PAGE else Workload.DOCUMENT_READ


def _choice(sent: str) -> Choice:
    if not (sent.isascii() and sent.isdigit()):
        return sent
    # No row has an id with more digits, or the id 0.
    return int(sent) if len(sent) <= _LONGEST_ID else 0


def _size(sent: str) -> SizeValue:
    column, colon, value = sent.partition(":")
    if not colon or column.upper() not in SIZE_COLUMNS:
        reason = "must be INT, US, UK, EU, IT or RU, a colon and a size, such as EU:42"
        raise InvalidValue(Fault(reason, FieldCode.MALFORMED))
    return SizeValue(SIZE_COLUMNS[column.upper()], value)


_READERS: Final[Mapping[str, Reader]] = {
    "text": one(str),
    "brands": every(_choice),
    "categories": every(_choice),
    "tags": every(_choice),
    "genders": every(_choice),
    "sizes": every(_size),
    "price_min": one(whole_number(0, values.MAX_PRICE)),
    "price_max": one(whole_number(0, values.MAX_PRICE)),
    "available": one(one_of({"true": True, "false": False})),
    "sort": one(one_of(_SORTS)),
}
"""The converter of each parameter, by the field of `CatalogueQuery`."""
