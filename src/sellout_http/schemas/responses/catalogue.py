"""The documents of products, sizes, product units and wishlists."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct, field

from sellout_http.schemas.responses.common import Id, NamedReference, Time

Price = Annotated[int, Meta(description="The price of the unit today, in whole units of its `currency`.")]
CartOrOrderPrice = Annotated[
    int,
    Meta(description="The price in whole units of `currency`: in a cart today's price, in an order the agreed one."),
]


class Category(Struct, frozen=True, gc=False):
    """A category with its place in the tree."""

    id: Id
    name: Annotated[str, Meta(description="The name, for instance `Sneakers`.")]
    parent_id: Annotated[int | None, Meta(description="The id of the category above it; null: it is at the top.")]


class Platform(Struct, frozen=True, gc=False):
    """The marketplace that a product unit is bought from."""

    id: Id
    platform: Annotated[str, Meta(description="The marketplace's name.")]
    site: Annotated[str, Meta(description="The address of the marketplace, from the catalogue. May be empty.")]


class ProductBase(Struct, frozen=True, gc=False):
    """The members of a product in every shape."""

    id: Id
    name: Annotated[str, Meta(description="The product's name, without its brand.")]
    bucket_link: Annotated[
        str,
        Meta(description="The path or address of the product's pictures, from the catalogue. May be empty."),
    ]
    description: Annotated[str, Meta(description="A description of the product. May be empty.")]
    sku: Annotated[str, Meta(description="The stock keeping unit: the unique key of the product in the catalogue.")]
    available_flag: Annotated[
        bool, Meta(description="Whether the product is listed. Only staff can find a product that is not listed.")
    ]
    last_upd: Annotated[Time, Meta(description="When the product was last changed.")]
    add_date: Annotated[date, Meta(description="The day on which the product was added to the catalogue.")]
    fit: Annotated[
        int,
        Meta(
            description="A number for the fit of the product, from the catalogue (the demo has -1, 0 and 1). The shop"
            " does not interpret it."
        ),
    ]
    rel_num: Annotated[int, Meta(description="A number from the catalogue. The shop does not interpret it.")]


class ProductWithIds(ProductBase, frozen=True, gc=False):
    """A product with the ids of its gender, brands, categories and tags."""

    gender: Annotated[int, Meta(description="The id of the gender that the product is made for.")]
    brands: Annotated[tuple[int, ...], Meta(description="The ids of the brands.")]
    categories: Annotated[tuple[int, ...], Meta(description="The ids of the categories.")]
    tags: Annotated[tuple[int, ...], Meta(description="The ids of the tags.")]


class Product(ProductBase, frozen=True, gc=False):
    """A product with the ids and names of its gender, brands, categories and tags."""

    gender: Annotated[NamedReference, Meta(description="The gender that the product is made for.")]
    brands: Annotated[tuple[NamedReference, ...], Meta(description="The brands.")]
    categories: Annotated[tuple[NamedReference, ...], Meta(description="The categories.")]
    tags: Annotated[tuple[NamedReference, ...], Meta(description="The tags.")]


class ProductCard(Product, frozen=True, gc=False):
    """A product with its lowest price, and whether the caller has wished for it."""

    min_price: Annotated[
        int | None,
        Meta(
            description="The lowest price of the product's available units, in whole units of that unit's currency."
            " Null: no unit is available."
        ),
    ]
    in_wishlist: Annotated[
        bool, Meta(description="Whether the product is on the caller's wishlist. False without a token.")
    ]
    wishlist_unit_ids: Annotated[
        tuple[int, ...],
        Meta(
            description="The ids of the caller's wishlist cards that have the product, one for each size, for"
            " `/wishlist/delete/{wishlist_unit_id}`. Empty without a token."
        ),
    ] = ()
    slug: Annotated[
        str,
        Meta(description="The name of the product for addresses of pages: Latin letters, digits and hyphens."),
    ] = ""


class ProductPage(Struct, frozen=True):
    """A page of product cards."""

    number: Annotated[int, Meta(description="The number of the page, from 1.")] = field(name="page number")
    items: Annotated[tuple[ProductCard, ...], Meta(description="The cards. Empty after the last page.")]


class SizeBase(Struct, frozen=True, gc=False):
    """A size in six columns. `"0"` in all of them means "no size"."""

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
    """A product unit in a cart or an order. Its product has ids."""

    id: Id
    final_price: CartOrOrderPrice
    availability: Annotated[bool, Meta(description="Whether the unit can be bought.")]
    product: Annotated[ProductWithIds, Meta(description="The product.")]
    size: Annotated[Size, Meta(description="The size.")]
    currency: Annotated[NamedReference, Meta(description="The currency of `final_price`.")]
    delivery_type: Annotated[NamedReference, Meta(description="How the unit is delivered.")]
    platform: Annotated[Platform, Meta(description="The marketplace that the unit is bought from.")]


class ProductUnit(Struct, frozen=True, gc=False):
    """A product in a size, from a platform, at a price. Carts and orders contain product units."""

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
    size: Annotated[Size, Meta(description='The chosen size, or "no size".')]
    product_unit: Annotated[
        ProductUnit | None,
        Meta(
            description='The cheapest available unit of the product in that size, or in any size for "no size". Null:'
            " no unit is available."
        ),
    ]


FileAddress = Annotated[str, Meta(description="The address of a WebP file, or its path on this server.")]


class ProductImage(Struct, frozen=True, gc=False):
    """An image of a product, in three sizes. No size is larger than the uploaded picture."""

    id: Id
    width: Annotated[int, Meta(description="The width of `large`, in pixels.")]
    height: Annotated[int, Meta(description="The height of `large`, in pixels.")]
    small: Annotated[FileAddress, Meta(description="The image with at most 320 pixels on its longer side.")]
    medium: Annotated[FileAddress, Meta(description="The image with at most 800 pixels on its longer side.")]
    large: Annotated[FileAddress, Meta(description="The image with at most 1,600 pixels on its longer side.")]
