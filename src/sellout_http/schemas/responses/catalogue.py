"""The documents of products, their sizes, the units that can be bought, and wishlists."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, field

from sellout_http.schemas.responses.common import Id, NamedReference, Time

Price = Annotated[int, Meta(description="The price of the unit today, in whole units of its `currency`.")]
AgreedOrToday = Annotated[
    int,
    Meta(description="The price in whole units of `currency`: today's in a cart, the agreed one in an order."),
]


class Platform(Struct, frozen=True, gc=False):
    """The marketplace that a product unit is bought from."""

    id: Id
    platform: Annotated[str, Meta(description="The marketplace's name.")]
    site: Annotated[str, Meta(description="The marketplace's address, as the catalogue has it; may be empty.")]


class ProductBase(Struct, frozen=True, gc=False):
    """The members that every shape of a product begins with."""

    id: Id
    name: Annotated[str, Meta(description="The product's name, without its brand.")]
    bucket_link: Annotated[
        str,
        Meta(
            description="Where the product's pictures are: a path or an address, as the catalogue has it; may be empty."
        ),
    ]
    description: Annotated[str, Meta(description="Text about the product; may be empty.")]
    sku: Annotated[str, Meta(description="The stock keeping unit: the catalogue's own unique name of the product.")]
    available_flag: Annotated[
        bool, Meta(description="Whether the product is listed. Only staff and earlier buyers see one that is not.")
    ]
    last_upd: Annotated[Time, Meta(description="When the product was last changed.")]
    add_date: Annotated[date, Meta(description="The day on which the product was added to the catalogue.")]
    fit: Annotated[
        int,
        Meta(
            description="A number for how the product fits, as the catalogue has it (the demo uses -1, 0 and 1)."
            " The shop does not interpret it."
        ),
    ]
    rel_num: Annotated[
        int, Meta(description="A number of the catalogue's own for the product. The shop does not interpret it.")
    ]


class ProductWithIds(ProductBase, frozen=True, gc=False):
    """A product that has its gender, brands, categories and tags as ids."""

    gender: Annotated[int, Meta(description="The id of the gender that the product is made for.")]
    brands: Annotated[tuple[int, ...], Meta(description="The ids of the brands.")]
    categories: Annotated[tuple[int, ...], Meta(description="The ids of the categories.")]
    tags: Annotated[tuple[int, ...], Meta(description="The ids of the tags.")]


class Product(ProductBase, frozen=True, gc=False):
    """A product that has its gender, brands, categories and tags with their names."""

    gender: Annotated[NamedReference, Meta(description="The gender that the product is made for.")]
    brands: Annotated[tuple[NamedReference, ...], Meta(description="The brands.")]
    categories: Annotated[tuple[NamedReference, ...], Meta(description="The categories.")]
    tags: Annotated[tuple[NamedReference, ...], Meta(description="The tags.")]


class ProductCard(Product, frozen=True, gc=False):
    """A product as lists show it, with its lowest price."""

    min_price: Annotated[
        int | None,
        Meta(
            description="The lowest price of the product's available units, in whole units of that unit's currency;"
            " null if no unit is available."
        ),
    ]
    in_wishlist: Annotated[
        bool, Meta(description="Whether the product is in the reader's wishlist; false without a token.")
    ]


class ProductPage(Struct, frozen=True):
    """A page of product cards."""

    number: Annotated[int, Meta(description="The number of the page, from 1.")] = field(name="page number")
    items: Annotated[tuple[ProductCard, ...], Meta(description="The cards; empty past the last page.")]


class SizeBase(Struct, frozen=True, gc=False):
    """A size as six size grids write it; `"0"` in all of them means "no size"."""

    id: Id
    international: Annotated[str, Meta(description="The international size, for instance `M`.")] = field(name="INT")
    us: Annotated[str, Meta(description="The size in the USA.")] = field(name="US")
    uk: Annotated[str, Meta(description="The size in the United Kingdom.")] = field(name="UK")
    eu: Annotated[str, Meta(description="The size in Europe.")] = field(name="EU")
    it: Annotated[str, Meta(description="The size in Italy.")] = field(name="IT")
    ru: Annotated[str, Meta(description="The size in Russia.")] = field(name="RU")


class Size(SizeBase, frozen=True, gc=False):
    """A size with its product's id."""

    product: Annotated[int, Meta(description="The id of the product.")]


class SizeWithProduct(SizeBase, frozen=True, gc=False):
    """A size with its product."""

    product: Annotated[ProductWithIds, Meta(description="The product.")]


class ProductUnitWithIds(Struct, frozen=True, gc=False):
    """A product unit as carts and orders have it: the product has ids."""

    id: Id
    final_price: AgreedOrToday
    availability: Annotated[bool, Meta(description="Whether the unit can be bought.")]
    product: Annotated[ProductWithIds, Meta(description="The product.")]
    size: Annotated[Size, Meta(description="The size.")]
    currency: Annotated[NamedReference, Meta(description="The currency of `final_price`.")]
    delivery_type: Annotated[NamedReference, Meta(description="How the unit is delivered.")]
    platform: Annotated[Platform, Meta(description="The marketplace that the unit is bought from.")]


class ProductUnit(Struct, frozen=True, gc=False):
    """A product in a size, from a platform, at a price: what can be put into a cart."""

    id: Id
    final_price: Price
    availability: Annotated[bool, Meta(description="Whether the unit can be bought now.")]
    product: Annotated[Product, Meta(description="The product.")]
    size: Annotated[SizeWithProduct, Meta(description="The size.")]
    currency: Annotated[NamedReference, Meta(description="The currency of `final_price`.")]
    delivery_type: Annotated[NamedReference, Meta(description="How the unit is delivered.")]
    platform: Annotated[Platform, Meta(description="The marketplace that the unit is bought from.")]


class WishlistUnit(Struct, frozen=True, gc=False):
    """A card of a wishlist: a product in a chosen size."""

    id: Id
    product: Annotated[ProductCard, Meta(description="The product.")]
    size: Annotated[Size, Meta(description='The chosen size, or the product\'s "no size".')]
    product_unit: Annotated[
        ProductUnit | None,
        Meta(
            description='The cheapest available unit of the product in that size (in any size, for "no size"); null if'
            " there is none."
        ),
    ]
