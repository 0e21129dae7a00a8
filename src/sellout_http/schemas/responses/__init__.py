"""The documents of the HTTP API: the documented names and shapes, in the documented order.

A product in a document is a `ProductWithIds`, a `Product` (with names) or a `ProductCard`. The product of a size is an
id or a `ProductWithIds`. The documented samples determine the shape at each place. No document has a password.

Lists have many documents, so most are exempt from garbage collection (`gc=False`): no document refers to itself. Class
names, docstrings and descriptions are part of the OpenAPI document and of the code that clients generate from it.
"""

from sellout_http.schemas.responses.audit import AuditChange, AuditEntry
from sellout_http.schemas.responses.catalogue import (
    Category,
    Platform,
    Product,
    ProductCard,
    ProductImage,
    ProductPage,
    ProductUnit,
    ProductUnitWithIds,
    ProductWithIds,
    Size,
    SizeWithProduct,
    WishlistUnit,
)
from sellout_http.schemas.responses.common import EmptyDocument, NamedReference, TokenPair
from sellout_http.schemas.responses.facets import (
    Facets,
    NameFacet,
    PriceFacet,
    SizeFacet,
    SizePrice,
    SuggestedProduct,
    Suggestions,
)
from sellout_http.schemas.responses.own_account import Export, ExportedOrder, HeldData, Profile, UserEmail
from sellout_http.schemas.responses.people import Address, PromoCodeOwner, Session, User, UserBase
from sellout_http.schemas.responses.shopping.fulfilment import (
    MovedOrder,
    OrderHistoryEntry,
    OrderParcel,
    OrderPayment,
    OrderTracking,
    TrackedUnit,
    UnitRefund,
)
from sellout_http.schemas.responses.shopping.orders import (
    Cart,
    CheckedProductUnit,
    ListedOrder,
    Order,
    PromoCode,
    PromoCodeCheck,
    PromoCodeUse,
)
from sellout_http.schemas.responses.shopping.sales import SalesReport, SalesRow, SalesTotal
from sellout_http.schemas.responses.stock import BatchReply, BatchResult, StockMovement, UnitStock

__all__ = [
    "Address",
    "AuditChange",
    "AuditEntry",
    "BatchReply",
    "BatchResult",
    "Cart",
    "Category",
    "CheckedProductUnit",
    "EmptyDocument",
    "Export",
    "ExportedOrder",
    "Facets",
    "HeldData",
    "ListedOrder",
    "MovedOrder",
    "NameFacet",
    "NamedReference",
    "Order",
    "OrderHistoryEntry",
    "OrderParcel",
    "OrderPayment",
    "OrderTracking",
    "Platform",
    "PriceFacet",
    "Product",
    "ProductCard",
    "ProductImage",
    "ProductPage",
    "ProductUnit",
    "ProductUnitWithIds",
    "ProductWithIds",
    "Profile",
    "PromoCode",
    "PromoCodeCheck",
    "PromoCodeOwner",
    "PromoCodeUse",
    "SalesReport",
    "SalesRow",
    "SalesTotal",
    "Session",
    "Size",
    "SizeFacet",
    "SizePrice",
    "SizeWithProduct",
    "StockMovement",
    "SuggestedProduct",
    "Suggestions",
    "TokenPair",
    "TrackedUnit",
    "UnitRefund",
    "UnitStock",
    "User",
    "UserBase",
    "UserEmail",
    "WishlistUnit",
]
