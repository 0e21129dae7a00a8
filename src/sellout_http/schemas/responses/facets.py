"""The documents of a search's facets: which values the matching products have, and how many have each."""

from typing import Annotated

from msgspec import Meta, Struct

from sellout_http.schemas.responses.common import NamedReference

ProductCount = Annotated[int, Meta(description="How many matching products there are.")]


class NameFacet(NamedReference, frozen=True):
    """A gender, brand or category, and how many matching products have it."""

    count: ProductCount


class SizeFacet(Struct, frozen=True):
    """A size in one size grid, and how many matching products can be bought in it."""

    size: Annotated[str, Meta(description="The size as the parameter `size` takes it, for instance `EU:42`.")]
    count: ProductCount


class PriceFacet(Struct, frozen=True):
    """A price band, and how many matching products have their lowest price in it."""

    price_min: Annotated[int, Meta(description="The lowest price in the band, in whole currency units.")]
    price_max: Annotated[int, Meta(description="The highest price in the band, in whole currency units.")]
    count: ProductCount


class Facets(Struct, frozen=True):
    """How many products match a search, and which values they have; at most 100 of each kind."""

    count: ProductCount
    brands: Annotated[tuple[NameFacet, ...], Meta(description="The brands, the most frequent first.")]
    categories: Annotated[tuple[NameFacet, ...], Meta(description="The categories, the most frequent first.")]
    genders: Annotated[tuple[NameFacet, ...], Meta(description="The genders, the most frequent first.")]
    sizes: Annotated[tuple[SizeFacet, ...], Meta(description="The sizes of every size grid.")]
    prices: Annotated[tuple[PriceFacet, ...], Meta(description="The price bands, the lowest first.")]
