"""The bodies of requests that change products, their images, product units and stock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated

import attrs
import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import asdict

from sellout_core import values
from sellout_core.catalogue import stock
from sellout_core.catalogue.products import SizeGrid
from sellout_core.errors import InvalidFields
from sellout_core.use_cases.catalogue.importing import entries
from sellout_core.use_cases.catalogue.importing.entries import ProductEdit, ProductEntry, UnitEdit, UnitEntry
from sellout_core.values import ProductId
from sellout_http.schemas.requests.common import Body, Id, ReferenceName, Site, set_members

Names = Annotated[tuple[ReferenceName, ...], Meta(max_length=entries.MAX_REFERENCES)]
Sku = Annotated[
    str,
    Meta(min_length=1, max_length=values.MAX_SKU, description="The stock keeping unit. It must be unique."),
]
Name = Annotated[
    str, Meta(min_length=1, max_length=entries.MAX_PRODUCT_NAME, description="The product's name, without its brand.")
]
Description = Annotated[str, Meta(max_length=entries.MAX_DESCRIPTION, description="A description of the product.")]
Link = Annotated[str, Meta(max_length=values.MAX_LINK, description="The path or address of the product's pictures.")]
Brands = Annotated[Names, Meta(description="The names of the brands. New names are added.")]
Categories = Annotated[Names, Meta(description="The names of the categories. New names are added.")]
Tags = Annotated[Names, Meta(description="The names of the tags. New names are added.")]
Gender = Annotated[
    ReferenceName, Meta(description="The gender that the product is made for: `M`, `F` or another name.")
]
Number = Annotated[int, Meta(ge=-entries.MAX_NUMBER, le=entries.MAX_NUMBER)]
Fit = Annotated[Number, Meta(description="A number for the fit of the product. The shop does not interpret it.")]
RelNum = Annotated[Number, Meta(description="A number of the catalogue. The shop does not interpret it.")]
Available = Annotated[bool, Meta(description="Whether the product is listed.")]
AddDate = Annotated[date, Meta(description="The day on which the product was added to the catalogue.")]
Price = Annotated[int, Meta(ge=0, le=values.MAX_PRICE, description="The price, in whole units of `currency`.")]
Currency = Annotated[ReferenceName, Meta(description="The name of the currency. A new name is added.")]
DeliveryType = Annotated[ReferenceName, Meta(description="The name of the delivery type. A new name is added.")]
PlatformName = Annotated[ReferenceName, Meta(description="The name of the platform. A new name is added.")]
Availability = Annotated[bool, Meta(description="Whether buyers can order the unit.")]
SizeText = Annotated[str, Meta(min_length=1, max_length=entries.MAX_SIZE_TEXT)]


@contextmanager
def pointers() -> Iterator[None]:
    """Converts faults of the core's fields to faults of the body's members. Some fields have the same name as a query
    parameter.
    """
    try:
        yield
    except InvalidFields as error:
        raise InvalidFields(tuple(attrs.evolve(fault, name=f"#/{fault.name}") for fault in error.fields)) from None


class NewProduct(Body, frozen=True):
    """A new product. Its members are those of a line of a catalogue file, without units."""

    sku: Sku
    name: Name
    gender: Gender
    add_date: AddDate
    description: Description = ""
    bucket_link: Link = ""
    brands: Brands = ()
    categories: Categories = ()
    tags: Tags = ()
    fit: Fit = 0
    rel_num: RelNum = 0
    available_flag: Available = True

    def entry(self) -> ProductEntry:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        with pointers():
            return ProductEntry(**asdict(self), units=None)


class ProductPatch(Body, frozen=True):
    """A merge patch (RFC 7396) of a product."""

    name: Name | UnsetType = UNSET
    gender: Gender | UnsetType = UNSET
    add_date: AddDate | UnsetType = UNSET
    description: Description | UnsetType = UNSET
    bucket_link: Link | UnsetType = UNSET
    brands: Brands | UnsetType = UNSET
    categories: Categories | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    fit: Fit | UnsetType = UNSET
    rel_num: RelNum | UnsetType = UNSET
    available_flag: Available | UnsetType = UNSET

    def edit(self) -> ProductEdit:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        with pointers():
            return ProductEdit(**set_members(self))


class NewSize(Body, frozen=True):
    """A size in six columns. `"0"` in all of them means "no size"."""

    international: Annotated[SizeText, Meta(description="The international size, for instance `M`.")] = msgspec.field(
        name="INT"
    )
    us: Annotated[SizeText, Meta(description="The size in the USA.")] = msgspec.field(name="US")
    uk: Annotated[SizeText, Meta(description="The size in the United Kingdom.")] = msgspec.field(name="UK")
    eu: Annotated[SizeText, Meta(description="The size in Europe.")] = msgspec.field(name="EU")
    it: Annotated[SizeText, Meta(description="The size in Italy.")] = msgspec.field(name="IT")
    ru: Annotated[SizeText, Meta(description="The size in Russia.")] = msgspec.field(name="RU")

    def grid(self) -> SizeGrid:
        """Converts the body to the core's value."""
        return SizeGrid(**asdict(self))


UnitSize = Annotated[NewSize, Meta(description="The size. It is added to the product if the product does not have it.")]


class NewProductUnit(Body, frozen=True):
    """A new product unit. Its members are those of a unit in a catalogue file."""

    product: Annotated[Id, Meta(description="The id of the product.")]
    size: UnitSize
    final_price: Price
    currency: Currency
    delivery_type: DeliveryType
    platform: PlatformName
    site: Site = ""
    availability: Availability = True
    stock: Annotated[
        Annotated[int, Meta(ge=0, le=values.MAX_STOCK)] | None,
        Meta(description="The number of pieces. Null: bought to order."),
    ] = None

    def entry(self) -> UnitEntry:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        members = asdict(self)
        del members["product"]
        with pointers():
            return UnitEntry(**{**members, "size": self.size.grid()})

    def product_id(self) -> ProductId:
        """The id of the product."""
        return ProductId(self.product)


class ProductUnitPatch(Body, frozen=True):
    """A merge patch (RFC 7396) of a product unit. `size` is replaced as a whole."""

    size: UnitSize | UnsetType = UNSET
    final_price: Price | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    delivery_type: DeliveryType | UnsetType = UNSET
    platform: PlatformName | UnsetType = UNSET
    site: Site | UnsetType = UNSET
    availability: Availability | UnsetType = UNSET

    def edit(self) -> UnitEdit:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: a member breaks a rule of the core.
        """
        members = set_members(self)
        if isinstance(self.size, NewSize):
            members["size"] = self.size.grid()
        with pointers():
            return UnitEdit(**members)


class StockRequest(Body, frozen=True):
    """The number of pieces that arrived, or of pieces that were counted on the shelf. Exactly one must be given."""

    received: Annotated[
        Annotated[int, Meta(ge=1, le=values.MAX_STOCK)] | None, Meta(description="The number of pieces that arrived.")
    ] = None
    counted: Annotated[
        Annotated[int, Meta(ge=0, le=values.MAX_STOCK)] | None,
        Meta(description="The number of pieces on the shelf."),
    ] = None
    reason: Annotated[str, Meta(max_length=stock.MAX_REASON, description="The reason. May be empty.")] = ""

    def change(self) -> stock.StockChange:
        """Converts the body to the core's value.

        Raises:
            InvalidFields: not exactly one number is given.
        """
        return stock.StockChange(**asdict(self))


class ImageOrder(Body, frozen=True):
    """The order of a product's images."""

    images: Annotated[
        tuple[Id, ...],
        Meta(
            max_length=values.MAX_PICTURES,
            description="The id of each image of the product once, the first image first.",
        ),
    ]
