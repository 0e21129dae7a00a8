"""The documents of the HTTP API: the documented names and shapes, in the documented order.

A product stands in a document as a `FlatProduct` (ids), a `Product` (names) or a `ProductCard`; a size holds its
product as an id or flat. Which one stands where is the documented samples' choice. A password is part of none.

What stands in lists, many times over, is no matter of garbage collection: no document refers to itself.
"""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct, field

Time = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 in UTC with `Z`; microseconds only when they are not zero."""


class Nothing(Struct, frozen=True):
    """There is nothing to say but that it is done."""


class Tokens(Struct, frozen=True):
    """An access token for the `Authorization` header, and the refresh token to exchange for the next pair."""

    refresh: str
    access: str


class Named(Struct, frozen=True, gc=False):
    """A gender, brand, category, tag, currency, delivery type or status."""

    id: int
    name: str


class Platform(Struct, frozen=True, gc=False):
    """A marketplace a product unit comes from."""

    id: int
    platform: str
    site: str


class ProductBase(Struct, frozen=True, gc=False):
    """What every shape of a product begins with."""

    id: int
    name: str
    bucket_link: str
    description: str
    sku: str
    available_flag: bool
    last_upd: Time
    add_date: date
    fit: int
    rel_num: int


class FlatProduct(ProductBase, frozen=True, gc=False):
    """A product with the ids of its gender, brands, categories and tags."""

    gender: int
    brands: tuple[int, ...]
    categories: tuple[int, ...]
    tags: tuple[int, ...]


class Product(ProductBase, frozen=True, gc=False):
    """A product with the names of its gender, brands, categories and tags."""

    gender: Named
    brands: tuple[Named, ...]
    categories: tuple[Named, ...]
    tags: tuple[Named, ...]


class ProductCard(Product, frozen=True, gc=False):
    """A product with its lowest price, null when nothing of it is available, and whether the reader wishes for it."""

    min_price: int | None
    in_wishlist: bool


class Page(Struct, frozen=True):
    """A page of product cards."""

    number: int = field(name="page number")
    items: tuple[ProductCard, ...]


class CountedName(Named, frozen=True):
    """A gender, brand or category, and how many products have it."""

    count: int


class CountedSize(Struct, frozen=True):
    """A column of a size with what stands there, and how many products can be had in it."""

    size: str
    count: int


class CountedPrices(Struct, frozen=True):
    """A band of prices, both ends included, and how many products have their lowest price there."""

    price_min: int
    price_max: int
    count: int


class Facets(Struct, frozen=True):
    """How many products match a search, and what they have."""

    count: int
    brands: tuple[CountedName, ...]
    categories: tuple[CountedName, ...]
    genders: tuple[CountedName, ...]
    sizes: tuple[CountedSize, ...]
    prices: tuple[CountedPrices, ...]


class SizeBase(Struct, frozen=True, gc=False):
    """A size as six grids write it; `"0"` in all of them is "no size"."""

    id: int
    international: str = field(name="INT")
    us: str = field(name="US")
    uk: str = field(name="UK")
    eu: str = field(name="EU")
    it: str = field(name="IT")
    ru: str = field(name="RU")


class Size(SizeBase, frozen=True, gc=False):
    """A size with its product's id."""

    product: int


class SizeOfProduct(SizeBase, frozen=True, gc=False):
    """A size with its product."""

    product: FlatProduct


class FlatUnit(Struct, frozen=True, gc=False):
    """A product unit as carts and orders hold it."""

    id: int
    final_price: int
    availability: bool
    product: FlatProduct
    size: Size
    currency: Named
    delivery_type: Named
    platform: Platform


class Unit(Struct, frozen=True, gc=False):
    """A product unit with its product's names."""

    id: int
    final_price: int
    availability: bool
    product: Product
    size: SizeOfProduct
    currency: Named
    delivery_type: Named
    platform: Platform


class WishlistUnit(Struct, frozen=True, gc=False):
    """A wishlist's card: the product, the chosen size, and the cheapest available unit in it, if there is one."""

    id: int
    product: ProductCard
    size: Size
    product_unit: Unit | None


class Address(Struct, frozen=True, gc=False):
    """A delivery address."""

    id: int
    address: str
    post_index: str


class UserBase(Struct, frozen=True, gc=False):
    """What a user's document begins with."""

    id: int
    last_login: Time | None
    is_superuser: bool
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    date_joined: Time | None
    all_purchase_amount: int
    personal_discount_percentage: int
    referral_link: str | None
    preferred_size_grid: str | None
    gender: Named | None
    ref_user: int | None
    groups: tuple[int, ...]
    user_permissions: tuple[int, ...]
    my_groups: tuple[int, ...]
    address: tuple[Address, ...]


class User(UserBase, frozen=True, gc=False):
    """A user with the products they viewed last, latest first."""

    last_viewed_products: tuple[FlatProduct, ...]


class PromoCodeOwner(UserBase, frozen=True, gc=False):
    """A promo code's owner; for anybody but them and staff all values but the id are empty."""

    last_viewed_products: tuple[int, ...]


class PromoCode(Struct, frozen=True):
    """A promo code; in an order, as it was when the order was placed."""

    id: int
    string_representation: str
    discount_percentage: int
    discount_absolute: int
    activation_count: int
    max_activation_count: int
    active_status: bool
    active_until_date: date
    owner: PromoCodeOwner


class Cart(Struct, frozen=True):
    """A cart at today's prices."""

    id: int
    user: User
    product_units: tuple[FlatUnit, ...]


class Order(Struct, frozen=True):
    """An order as it was agreed."""

    id: int
    total_amount: int
    email: str
    tel: str
    name: str
    surname: str
    fact_of_payment: bool
    user: User
    address: Address
    promo_code: PromoCode | None
    status: Named
    product_unit: tuple[FlatUnit, ...]


class ListedOrder(Order, frozen=True):
    """An order in the list of all orders, where its units stand under a second name too."""

    product_units: tuple[FlatUnit, ...]


class CheckedUnit(Struct, frozen=True):
    """A product unit's price, and its share of the total with the promo code."""

    id: int
    final_price: int
    amount: int


class PromoCheck(Struct, frozen=True):
    """What a promo code would save: `amount` is to pay without it, `total_amount` with it."""

    promo_code: str
    discount_percentage: int
    discount_absolute: int
    amount: int
    saving: int
    total_amount: int
    product_unit: tuple[CheckedUnit, ...]
