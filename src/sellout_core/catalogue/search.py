"""Searches of the catalogue: queries, matching, order and counts.

These functions define searches. Each store must return the same results.
"""

import enum
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, TypeVar

import attrs

from sellout_core import values
from sellout_core.catalogue.products import Named, Product, ProductUnit, References, SizeGrid
from sellout_core.catalogue.references import with_ancestors
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.values import BrandId, CategoryId, GenderId, Money, TagId, ruled

MAX_TEXT: Final = 200
MAX_WORDS: Final = 10
MAX_CHOICES: Final = 20
LONGEST_WORD: Final = 100
"""Longer words are cut, in products and in queries, because an index limits their length."""

COLUMNS: Final = tuple(attrs.fields_dict(SizeGrid))
"""The six columns of a size."""

BANDS: Final = tuple(
    Money(start)
    for start in (0, *(step * 10**zeros for zeros in range(10) for step in (1, 2, 5)))
    if start <= values.MAX_PRICE
)
"""The lower bounds of the price bands: 0, 1, 2, 5, 10, 20, 50 and so on."""

Id = TypeVar("Id", bound=int)
Choice = int | str
"""A row of a reference table, given by id or name."""


def words(text: str) -> frozenset[str]:
    """The distinct words of a text (`ordered_words`)."""
    return frozenset(ordered_words(text))


def ordered_words(text: str) -> list[str]:
    """The words of a text: runs of letters and digits, without accents and in one case for all scripts.

    Text is decomposed by compatibility and case-folded (the Unicode standard, section 3.13, D146): `①` is found as `1`.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = (each for each in decomposed if not unicodedata.category(each).startswith("M"))
    spaced = "".join(each if each.isalnum() else " " for each in bare)
    return [word[:LONGEST_WORD] for word in spaced.split()]


class Sort(enum.Enum):
    """The order of products. Equal products are sorted by id."""

    ID = "id"
    NEWEST = "newest"
    CHEAPEST = "cheapest"
    """By the lowest price of available units, ascending. Products without one come last."""
    DEAREST = "dearest"
    """By the same price, descending. Products without one come last."""
    RELEVANCE = "relevance"
    """Products first that have all words of the text as whole words."""


@attrs.frozen(order=True)
class SizeValue:
    """The value of one column of a size. `column` is a field of `SizeGrid`."""

    column: str
    value: str


def _text(text: str) -> Fault | None:
    if fault := values.text(MAX_TEXT)(text):
        return fault
    return Fault(f"must be at most {MAX_WORDS} words", FieldCode.TOO_MANY) if len(words(text)) > MAX_WORDS else None


def _choice(choice: Choice) -> Fault | None:
    return None if isinstance(choice, int) else values.text(values.MAX_NAME, minimum=1)(choice)


def _size(size: SizeValue) -> Fault | None:
    if size.column not in COLUMNS:
        return Fault("must name one of the six columns of a size", FieldCode.NOT_ONE_OF)
    return values.text(values.MAX_NAME, minimum=1)(size.value)


_choices: Final = values.each(_choice, MAX_CHOICES, distinct=False)
_price: Final = values.optional(values.price)


@attrs.frozen(kw_only=True)
class CatalogueQuery:
    """A query for listed products, and their order. A product matches if it satisfies every given filter.

    * `text`: each word begins a word of its name, its brands or its sku. A text without words is no filter.
    * `brands`, `categories`, `tags`, `genders`: it has one of each, given by id or by name under `values.fold`.
      Products of a category's subcategories have the category.
    * `sizes`: it has an available unit in one of them.
    * `price_min`, `price_max`: the lowest price of its available units is in this range, both ends included.
    * `available`: it has an available unit (True), or none (False).

    Raises:
        InvalidFields: names every field out of its limits.
    """

    text: str = ruled(_text, default="")
    brands: tuple[Choice, ...] = ruled(_choices, default=())
    categories: tuple[Choice, ...] = ruled(_choices, default=())
    tags: tuple[Choice, ...] = ruled(_choices, default=())
    genders: tuple[Choice, ...] = ruled(_choices, default=())
    sizes: tuple[SizeValue, ...] = ruled(values.each(_size, MAX_CHOICES, distinct=False), default=())
    price_min: Money | None = ruled(_price, default=None)
    price_max: Money | None = ruled(_price, default=None)
    available: bool | None = None
    sort: Sort = Sort.ID

    def __attrs_post_init__(self) -> None:
        values.enforce(self)
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise InvalidFields(
                (InvalidField("price_max", "must not be below the lowest price", FieldCode.OUT_OF_RANGE),)
            )

    @property
    def priced(self) -> bool:
        """Whether only products with a price match."""
        return bool(self.available) or self.price_min is not None or self.price_max is not None


EVERYTHING: Final = CatalogueQuery()


@attrs.frozen(kw_only=True)
class Wanted:
    """A query with ids instead of names. None: there is no such filter."""

    words: frozenset[str]
    brand_ids: frozenset[BrandId] | None
    category_ids: frozenset[CategoryId] | None
    tag_ids: frozenset[TagId] | None
    gender_ids: frozenset[GenderId] | None
    sizes: frozenset[SizeValue] | None


def wanted(query: CatalogueQuery, references: References) -> Wanted:
    """Converts the names of a query to ids. Omits unknown ids and names."""
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
    """Whether the query has a name that is not in the references."""
    fields = ("brands", "categories", "tags", "genders")
    named = [(getattr(query, field), getattr(references, field)) for field in fields]
    return any(
        not {values.fold(name) for name in names} <= {values.fold(row.name) for row in rows.values()}
        for choices, rows in named
        if (names := [choice for choice in choices if isinstance(choice, str)])
    )


@attrs.frozen
class Listing:
    """The data of a product for searches. Its categories include their ancestors. Its sizes are the available ones."""

    product: Product
    words: frozenset[str]
    category_ids: Collection[CategoryId]
    sizes: frozenset[SizeValue]
    min_price: Money | None


def product_words(name: str, brands: Iterable[str], sku: str) -> frozenset[str]:
    """The words of a product for searches."""
    return words(" ".join((name, *brands, sku)))


def size_values(grids: Iterable[SizeGrid]) -> frozenset[SizeValue]:
    """The values of all columns of some sizes."""
    return frozenset(SizeValue(column, getattr(grid, column)) for grid in grids for column in COLUMNS)


def listing(product: Product, units: Iterable[ProductUnit], references: References) -> Listing:
    """The listing of a product with its units."""
    available = [unit for unit in units if unit.available]
    return Listing(
        product,
        product_words(product.name, (references.brands[brand_id].name for brand_id in product.brand_ids), product.sku),
        with_ancestors(product.category_ids, references.parents),
        size_values(unit.size.grid for unit in available),
        min((unit.price for unit in available), default=None),
    )


def matches(found: Listing, query: CatalogueQuery, filters: Wanted) -> bool:
    """Whether a listed product matches a query. `filters` is the result of `wanted` for the query."""
    product = found.product
    return (
        all(any(known.startswith(word) for known in found.words) for word in filters.words)
        and _meets(product.brand_ids, filters.brand_ids)
        and _meets(found.category_ids, filters.category_ids)
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


def sort_key(sort: Sort, filters: Wanted) -> Callable[[Listing], tuple[int, ...]]:
    """A function that returns the sort key of a matching product."""

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
    """The lower bound of the band of a price."""
    return max(start for start in BANDS if start <= price)


def band_end(start: Money) -> Money:
    """The highest price of the band with that lower bound."""
    return min((Money(after - 1) for after in BANDS if after > start), default=values.MAX_PRICE)


@attrs.frozen
class FacetCounts:
    """The numbers of products that match a query: of all, and of those with each brand, category, gender, size value,
    price band (by its lower bound) and tag. Each product counts once. Values without a product are omitted.
    """

    products: int
    brands: Mapping[BrandId, int]
    categories: Mapping[CategoryId, int]
    genders: Mapping[GenderId, int]
    sizes: Mapping[SizeValue, int]
    bands: Mapping[Money, int]
    tags: Mapping[TagId, int]


def count_facets(found: Collection[Listing]) -> FacetCounts:
    """The counts of some products."""
    return FacetCounts(
        len(found),
        Counter(brand_id for each in found for brand_id in each.product.brand_ids),
        Counter(category_id for each in found for category_id in each.category_ids),
        Counter(each.product.gender_id for each in found),
        Counter(size for each in found for size in each.sizes),
        Counter(band(each.min_price) for each in found if each.min_price is not None),
        Counter(tag_id for each in found for tag_id in each.product.tag_ids),
    )
