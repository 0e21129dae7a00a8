"""The documents of the HTTP API: the documented names and shapes, in the documented order.

A product stands in a document as a `ProductWithIds`, a `Product` (names) or a `ProductCard`; a size has its product as
an id or as a `ProductWithIds`. The documented samples decide which one stands where. No document has a password.

Lists have very many documents, so most are exempt from garbage collection (`gc=False`): no document refers to itself.
Class names and descriptions of members are part of the OpenAPI document and of the code that clients generate from it.
"""

from sellout_http.schemas.responses.catalogue import (
    Platform,
    Product,
    ProductCard,
    ProductPage,
    ProductUnit,
    ProductUnitWithIds,
    ProductWithIds,
    Size,
    SizeWithProduct,
    WishlistUnit,
)
from sellout_http.schemas.responses.common import EmptyDocument, NamedReference, TokenPair
from sellout_http.schemas.responses.facets import Facets, NameFacet, PriceFacet, SizeFacet
from sellout_http.schemas.responses.orders import (
    Cart,
    CheckedProductUnit,
    ListedOrder,
    Order,
    PromoCode,
    PromoCodeCheck,
)
from sellout_http.schemas.responses.people import Address, PromoCodeOwner, User, UserBase

__all__ = [
    "Address",
    "Cart",
    "CheckedProductUnit",
    "EmptyDocument",
    "Facets",
    "ListedOrder",
    "NameFacet",
    "NamedReference",
    "Order",
    "Platform",
    "PriceFacet",
    "Product",
    "ProductCard",
    "ProductPage",
    "ProductUnit",
    "ProductUnitWithIds",
    "ProductWithIds",
    "PromoCode",
    "PromoCodeCheck",
    "PromoCodeOwner",
    "Size",
    "SizeFacet",
    "SizeWithProduct",
    "TokenPair",
    "User",
    "UserBase",
    "WishlistUnit",
]
