"""The documents of readers who look for a product: facets, suggestions, and the prices of its sizes."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.catalogue import Size
from sellout_http.schemas.responses.common import Id, NamedReference

ProductCount = Annotated[int, Meta(description="The number of matching products.")]


class NameFacet(NamedReference, frozen=True):
    """A gender, brand, category or tag, and the number of matching products with it."""

    count: ProductCount


class SizeFacet(Struct, frozen=True):
    """A size in one column, and the number of matching products that are available in it."""

    size: Annotated[str, Meta(description="The size as a value of the parameter `size`, for instance `EU:42`.")]
    count: ProductCount


class PriceFacet(Struct, frozen=True):
    """A price band, and the number of matching products with their lowest price in it."""

    price_min: Annotated[int, Meta(description="The lowest price in the band, in whole currency units.")]
    price_max: Annotated[int, Meta(description="The highest price in the band, in whole currency units.")]
    count: ProductCount


class Facets(Struct, frozen=True):
    """The number of products that match a search, and their values, at most 100 of each kind."""

    count: ProductCount
    brands: Annotated[tuple[NameFacet, ...], Meta(description="The brands, the most frequent first.")]
    categories: Annotated[tuple[NameFacet, ...], Meta(description="The categories, the most frequent first.")]
    genders: Annotated[tuple[NameFacet, ...], Meta(description="The genders, the most frequent first.")]
    sizes: Annotated[tuple[SizeFacet, ...], Meta(description="The sizes of all columns, one column after another.")]
    prices: Annotated[tuple[PriceFacet, ...], Meta(description="The price bands, the lowest first.")]
    tags: Annotated[tuple[NameFacet, ...], Meta(description="The tags, the most frequent first.")] = ()


class SizePrice(Struct, frozen=True, gc=False):
    """The lowest price of a product in a size."""

    size: Annotated[Size, Meta(description="The size.")]
    min_price: Annotated[
        int | None,
        Meta(
            description="The lowest price of the available units in the size, in whole units of that unit's currency."
            " Null: no unit is available."
        ),
    ]


class SuggestedProduct(Struct, frozen=True, gc=False):
    """A product that a reader may mean."""

    id: Id
    name: Annotated[str, Meta(description="The product's name, without its brand.")]
    slug: Annotated[str, Meta(description="The name of the product for addresses of pages.")]
    min_price: Annotated[
        int | None,
        Meta(
            description="The lowest price of the available units, in whole units of that unit's currency. Null: no unit"
            " is available."
        ),
    ]


class Suggestions(Struct, frozen=True):
    """What a reader may mean, at most 10 brands and 10 products."""

    brands: Annotated[tuple[NamedReference, ...], Meta(description="The brands, by name.")]
    products: Annotated[tuple[SuggestedProduct, ...], Meta(description="The products, by id.")]
