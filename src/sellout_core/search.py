"""Searching the catalogue: what one may ask for, which products match, in what order they come, and how they count.

The functions here are the definition. A store that searches by other means gives the same answers.
"""

import enum
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs

from sellout_core import values
from sellout_core.catalogue import Named, Product, ProductUnit, References, SizeGrid
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.values import BrandId, CategoryId, GenderId, Money, TagId, ruled

MAX_TEXT: Final = 200
MAX_WORDS: Final = 10
MAX_CHOICES: Final = 20
LONGEST_WORD: Final = 100
"""What is longer is cut, in products and in queries: no index takes words of any length."""

COLUMNS: Final = tuple(attrs.fields_dict(SizeGrid))
"""The six columns of a size."""

BANDS: Final = tuple(
    Money(start)
    for start in (0, *(step * 10**zeros for zeros in range(10) for step in (1, 2, 5)))
    if start <= values.MAX_PRICE
)
"""Where the bands of prices begin: at 0, 1, 2, 5, 10, 20, 50 and so on, up to the highest price there is."""

Id = TypeVar("Id", bound=int)
Choice = int | str
"""A row of a small table by its id, or by its name."""


def words(text: str) -> frozenset[str]:
    """The words of a text: runs of letters and digits, without accents and in one case for all scripts.

    Text is decomposed by compatibility and case-folded (the Unicode standard, section 3.13, D146): `①` is found as `1`.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in decomposed if not unicodedata.category(character).startswith("M"))
    spaced = "".join(character if character.isalnum() else " " for character in bare)
    return frozenset(word[:LONGEST_WORD] for word in spaced.split())


class Sort(enum.Enum):
    """The order in which products come; those that are equal in it come by id."""

    ID = "id"
    NEWEST = "newest"
    CHEAPEST = "cheapest"
    """By the lowest price of what is available; products without one come last."""
    DEAREST = "dearest"
    """By the same price, from the highest down; products without one come last."""
    RELEVANCE = "relevance"
    """Those first in which all of the text's words stand whole."""


@attrs.frozen(order=True)
class SizeValue:
    """What one column of a size, a field of `SizeGrid`, holds."""

    column: str
    value: str


def _text(text: str) -> Fault | None:
    if fault := values.text(MAX_TEXT)(text):
        return fault
    return Fault(f"must be at most {MAX_WORDS} words", FieldCode.TOO_MANY) if len(words(text)) > MAX_WORDS else None


def _some(rule: values.Rule) -> values.Rule:
    def rule_of_all(chosen: Collection[Any]) -> Fault | None:
        if len(chosen) > MAX_CHOICES:
            return Fault(f"must be at most {MAX_CHOICES} values", FieldCode.TOO_MANY)
        return next((fault for choice in chosen if (fault := rule(choice)) is not None), None)

    return rule_of_all


def _choice(choice: Choice) -> Fault | None:
    return None if isinstance(choice, int) else values.text(values.MAX_NAME, minimum=1)(choice)


def _size(size: SizeValue) -> Fault | None:
    if size.column not in COLUMNS:
        return Fault("must name one of the six columns of a size", FieldCode.NOT_ONE_OF)
    return values.text(values.MAX_NAME, minimum=1)(size.value)


_choices: Final = _some(_choice)
_price: Final = values.optional(values.price)


@attrs.frozen(kw_only=True)
class CatalogueQuery:
    """Which listed products a reader wants to see, and in what order.

    A product is among them if it satisfies every filter that is given: if each word of `text` is the beginning of a
    word in its name, its brands' names or its sku (a text without words is no filter); if it has one of the `brands`,
    of the `categories`, of the `tags` and of the `genders`, by id or by name under `values.fold`; if it has an
    available unit in one of the `sizes`; if the lowest price among its available units is from `price_min` to
    `price_max`, both included; and if it has an available unit or, with `available` False, none.

    Raises:
        InvalidFields: naming every field out of its limits.
    """

    text: str = ruled(_text, default="")
    brands: tuple[Choice, ...] = ruled(_choices, default=())
    categories: tuple[Choice, ...] = ruled(_choices, default=())
    tags: tuple[Choice, ...] = ruled(_choices, default=())
    genders: tuple[Choice, ...] = ruled(_choices, default=())
    sizes: tuple[SizeValue, ...] = ruled(_some(_size), default=())
    price_min: Money | None = ruled(_price, default=None)
    price_max: Money | None = ruled(_price, default=None)
    available: bool | None = None
    sort: Sort = Sort.ID

    def __attrs_post_init__(self) -> None:
        values.enforce(self)
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            reason = "must not be below the lowest price"
            raise InvalidFields((InvalidField("price_max", reason, FieldCode.OUT_OF_RANGE),))

    @property
    def priced(self) -> bool:
        """Whether only products with a price match."""
        return bool(self.available) or self.price_min is not None or self.price_max is not None


EVERYTHING: Final = CatalogueQuery()


@attrs.frozen(kw_only=True)
class Wanted:
    """A query whose names have become ids; None where anything will do."""

    words: frozenset[str]
    brand_ids: frozenset[BrandId] | None
    category_ids: frozenset[CategoryId] | None
    tag_ids: frozenset[TagId] | None
    gender_ids: frozenset[GenderId] | None
    sizes: frozenset[SizeValue] | None


def wanted(query: CatalogueQuery, references: References) -> Wanted:
    """The query as the small tables read it. What is not in them is left out."""
    return Wanted(
        words=words(query.text),
        brand_ids=_chosen(query.brands, references.brands),
        category_ids=_chosen(query.categories, references.categories),
        tag_ids=_chosen(query.tags, references.tags),
        gender_ids=_chosen(query.genders, references.genders),
        sizes=frozenset(query.sizes) if query.sizes else None,
    )


def _chosen(choices: Collection[Choice], rows: Mapping[Id, Named]) -> frozenset[Id] | None:
    if not choices:
        return None
    names = {values.fold(choice) for choice in choices if isinstance(choice, str)}
    return frozenset(row_id for row_id, row in rows.items() if row_id in choices or values.fold(row.name) in names)


def names_unknown(query: CatalogueQuery, references: References) -> bool:
    """Whether the query names a row that is not in the small tables, as far as they are known."""
    named: tuple[tuple[Collection[Choice], Mapping[Any, Named]], ...] = (
        (query.brands, references.brands),
        (query.categories, references.categories),
        (query.tags, references.tags),
        (query.genders, references.genders),
    )
    return any(
        not {values.fold(name) for name in names} <= {values.fold(row.name) for row in rows.values()}
        for choices, rows in named
        if (names := [choice for choice in choices if isinstance(choice, str)])
    )


@attrs.frozen
class Listing:
    """A product as a search sees it: its words, the sizes in which it can be had, and the lowest price."""

    product: Product
    words: frozenset[str]
    sizes: frozenset[SizeValue]
    min_price: Money | None


def product_words(name: str, brands: Iterable[str], sku: str) -> frozenset[str]:
    """The words under which a product is found."""
    return words(" ".join((name, *brands, sku)))


def size_values(grids: Iterable[SizeGrid]) -> frozenset[SizeValue]:
    """What the columns of some sizes hold."""
    return frozenset(SizeValue(column, getattr(grid, column)) for grid in grids for column in COLUMNS)


def listing(product: Product, units: Iterable[ProductUnit], references: References) -> Listing:
    """A product with its units as a search sees it."""
    available = [unit for unit in units if unit.available]
    return Listing(
        product,
        product_words(product.name, (references.brands[brand_id].name for brand_id in product.brand_ids), product.sku),
        size_values(unit.size.grid for unit in available),
        min((unit.price for unit in available), default=None),
    )


def matches(found: Listing, query: CatalogueQuery, filters: Wanted) -> bool:
    """Whether a product that is listed is among those that the query, whose names became `filters`, asks for."""
    product = found.product
    return (
        all(any(known.startswith(word) for known in found.words) for word in filters.words)
        and _meets(product.brand_ids, filters.brand_ids)
        and _meets(product.category_ids, filters.category_ids)
        and _meets(product.tag_ids, filters.tag_ids)
        and _meets((product.gender_id,), filters.gender_ids)
        and _meets(found.sizes, filters.sizes)
        and _price_matches(found.min_price, query)
    )


def _meets(held: Iterable[Any], wanted_ones: frozenset[Any] | None) -> bool:
    return wanted_ones is None or not wanted_ones.isdisjoint(held)


def _price_matches(price: Money | None, query: CatalogueQuery) -> bool:
    if price is None:
        return not query.priced
    if query.available is False:
        return False
    return (query.price_min is None or query.price_min <= price) and (
        query.price_max is None or price <= query.price_max
    )


def place(sort: Sort, filters: Wanted) -> Callable[[Listing], tuple[int, ...]]:
    """The key by which products that match are sorted."""

    def key(found: Listing) -> tuple[int, ...]:
        price, product_id = found.min_price, found.product.id
        match sort:
            case Sort.NEWEST:
                return (-found.product.added_on.toordinal(), product_id)
            case Sort.CHEAPEST:
                return (price is None, price or 0, product_id)
            case Sort.DEAREST:
                return (price is None, -(price or 0), product_id)
            case Sort.RELEVANCE:
                return (not filters.words <= found.words, product_id)
            case _:
                return (product_id,)

    return key


def band(price: Money) -> Money:
    """Where the band of prices begins that a price is in."""
    return max(start for start in BANDS if start <= price)


def band_end(start: Money) -> Money:
    """The highest price in the band that begins there."""
    return min((Money(after - 1) for after in BANDS if after > start), default=values.MAX_PRICE)


@attrs.frozen
class FacetCounts:
    """How many products match a query, and how many of them have what: each product counts once for a brand, category,
    gender, size's value or band of prices, by where that begins. What nothing has is left out.
    """

    products: int
    brands: Mapping[BrandId, int]
    categories: Mapping[CategoryId, int]
    genders: Mapping[GenderId, int]
    sizes: Mapping[SizeValue, int]
    bands: Mapping[Money, int]


def count_facets(found: Collection[Listing]) -> FacetCounts:
    """The counts of some products."""
    products = [each.product for each in found]
    return FacetCounts(
        len(products),
        Counter(brand_id for product in products for brand_id in product.brand_ids),
        Counter(category_id for product in products for category_id in product.category_ids),
        Counter(product.gender_id for product in products),
        Counter(size for each in found for size in each.sizes),
        Counter(band(each.min_price) for each in found if each.min_price is not None),
    )
