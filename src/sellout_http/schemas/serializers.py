"""Converts the core's views to the documents of the HTTP API, with one function for each document."""

from operator import attrgetter
from typing import Any, Final

from msgspec.structs import asdict

from sellout_core import views
from sellout_core.catalogue import products as catalogue
from sellout_core.catalogue.products import ProductView, UnitView
from sellout_core.catalogue.search import SizeValue
from sellout_core.people import accounts
from sellout_core.shopping.guest_carts import GuestCartView
from sellout_core.shopping.ordering import PromoCodeUse
from sellout_core.values import UserId
from sellout_http.schemas import responses

SIZE_COLUMNS: Final = {"INT": "international", "US": "us", "UK": "uk", "EU": "eu", "IT": "it", "RU": "ru"}
"""The core's names of the columns of a size, by the documented names."""

DOCUMENTED_COLUMNS: Final = {column: documented for documented, column in SIZE_COLUMNS.items()}
"""The documented names of the columns of a size, by the core's names."""

_EMPTY_USER: Final[dict[str, Any]] = {
    "last_login": None,
    "is_superuser": False,
    "username": "",
    "first_name": "",
    "last_name": "",
    "email": "",
    "is_staff": False,
    "is_active": False,
    "date_joined": None,
    "all_purchase_amount": 0,
    "personal_discount_percentage": 0,
    "referral_link": None,
    "preferred_size_grid": None,
    "gender": None,
    "ref_user": None,
    "groups": (),
    "user_permissions": (),
    "my_groups": (),
    "address": (),
    "last_viewed_products": (),
}
"""The empty value of each member of a user, except the id."""

ANONYMOUS_USER: Final = responses.User(**_EMPTY_USER, id=0)
"""The user of a guest's cart."""

_product_base: Final = attrgetter(
    *("id", "name", "bucket_link", "description", "sku", "available", "updated_at", "added_on", "fit", "rel_num")
)
"""The values of a `ProductBase`, in its order. `attrgetter` is fast, and lists have many products."""
_size_base: Final = attrgetter("id", *(f"grid.{column}" for column in SIZE_COLUMNS.values()))
"""The values of a `SizeBase`, in its order."""


def tokens(pair: accounts.TokenPair) -> responses.TokenPair:
    """A pair of tokens."""
    return responses.TokenPair(pair.refresh, pair.access)


def named(row: catalogue.Named) -> responses.NamedReference:
    """A row of a reference table."""
    return responses.NamedReference(row.id, row.name)


def platform(row: catalogue.Platform) -> responses.Platform:
    """A marketplace."""
    return responses.Platform(row.id, row.name, row.site)


def flat_product(row: catalogue.Product) -> responses.ProductWithIds:
    """A product with ids."""
    return responses.ProductWithIds(*(*_product_base(row), row.gender_id, row.brand_ids, row.category_ids, row.tag_ids))


def product(view: ProductView) -> responses.Product:
    """A product with names."""
    return responses.Product(*_product_base(view.product), *_product_names(view))


def product_card(view: views.CardView) -> responses.ProductCard:
    """A product card."""
    expanded = view.product
    of_reader = (view.min_price, view.in_wishlist, view.wishlist_unit_ids, view.slug)
    return responses.ProductCard(*(*_product_base(expanded.product), *_product_names(expanded), *of_reader))


def page(view: views.Page) -> responses.ProductPage:
    """A page of cards."""
    return responses.ProductPage(view.number, tuple(map(product_card, view.items)))


def facets(view: views.Facets) -> responses.Facets:
    """The facets of a search."""
    return responses.Facets(
        count=view.products,
        brands=tuple(map(_counted_name, view.brands)),
        categories=tuple(map(_counted_name, view.categories)),
        genders=tuple(map(_counted_name, view.genders)),
        sizes=tuple(responses.SizeFacet(size_parameter(counted.size), counted.count) for counted in view.sizes),
        prices=tuple(responses.PriceFacet(each.price_min, each.price_max, each.count) for each in view.bands),
        tags=tuple(map(_counted_name, view.tags)),
    )


def size(row: catalogue.Size) -> responses.Size:
    """A size with its product's id."""
    return responses.Size(*(*_size_base(row), row.product_id))


def flat_unit(view: UnitView) -> responses.ProductUnitWithIds:
    """A product unit in a cart or an order."""
    return responses.ProductUnitWithIds(
        id=view.id,
        final_price=view.price,
        availability=view.available,
        product=flat_product(view.product.product),
        size=size(view.size),
        currency=named(view.currency),
        delivery_type=named(view.delivery_type),
        platform=platform(view.platform),
    )


def unit(view: UnitView) -> responses.ProductUnit:
    """A product unit with names."""
    return responses.ProductUnit(
        id=view.id,
        final_price=view.price,
        availability=view.available,
        product=product(view.product),
        size=responses.SizeWithProduct(*(*_size_base(view.size), flat_product(view.product.product))),
        currency=named(view.currency),
        delivery_type=named(view.delivery_type),
        platform=platform(view.platform),
    )


def wishlist_unit(view: views.WishlistUnitView) -> responses.WishlistUnit:
    """A card of a wishlist."""
    cheapest = None if view.unit is None else unit(view.unit)
    return responses.WishlistUnit(view.id, product_card(view.card), size(view.size), cheapest)


def address(row: accounts.Address) -> responses.Address:
    """A delivery address."""
    return responses.Address(row.id, row.address, row.post_index)


def user(view: views.UserView) -> responses.User:
    """A user, for the user and for staff."""
    return responses.User(**asdict(_user_base(view)), last_viewed_products=tuple(map(flat_product, view.last_viewed)))


def promo_code(view: views.PromoCodeView) -> responses.PromoCode:
    """A promo code. The owner's values are empty if the reader may not see them."""
    code = view.promo_code
    return responses.PromoCode(
        id=code.id,
        string_representation=code.code,
        discount_percentage=code.discount_percentage,
        discount_absolute=code.discount_absolute,
        activation_count=code.activation_count,
        max_activation_count=code.max_activation_count,
        active_status=code.active,
        active_until_date=code.active_until,
        owner=_emptied_owner(view.owner_id) if view.owner is None else _owner(view.owner),
    )


def promo_code_use(use: PromoCodeUse) -> responses.PromoCodeUse:
    """An order that used a promo code."""
    return responses.PromoCodeUse(use.id, use.buyer_id, use.used_at)


def cart(view: views.CartView) -> responses.Cart:
    """A cart."""
    return _cart(view, user(view.user))


def guest_cart(view: GuestCartView) -> responses.Cart:
    """The cart of a guest."""
    return _cart(view, ANONYMOUS_USER)


def order(view: views.OrderView) -> responses.Order:
    """An order."""
    return responses.Order(
        id=view.order.id,
        total_amount=view.order.total,
        email=view.order.email,
        tel=view.order.telephone,
        name=view.order.first_name,
        surname=view.order.last_name,
        fact_of_payment=view.order.paid,
        user=user(view.user),
        address=address(view.order.address),
        promo_code=None if view.promo_code is None else promo_code(view.promo_code),
        status=named(view.status),
        product_unit=tuple(map(flat_unit, view.units)),
    )


def listed_order(view: views.OrderView) -> responses.ListedOrder:
    """An order in the list of all orders."""
    listed = order(view)
    return responses.ListedOrder(**asdict(listed), product_units=listed.product_unit)


def promo_check(view: views.QuoteView) -> responses.PromoCodeCheck:
    """The check of a promo code."""
    return responses.PromoCodeCheck(
        promo_code=view.promo_code.code,
        discount_percentage=view.promo_code.discount_percentage,
        discount_absolute=view.promo_code.discount_absolute,
        amount=view.full.total,
        saving=view.saving,
        total_amount=view.discounted.total,
        product_unit=tuple(
            responses.CheckedProductUnit(line.unit_id, line.price, line.amount) for line in view.discounted.lines
        ),
    )


def _cart(view: views.CartView | GuestCartView, owner: responses.User) -> responses.Cart:
    amounts = (None, None) if view.totals is None else (view.totals.subtotal, view.totals.total)
    return responses.Cart(view.id, owner, tuple(map(flat_unit, view.units)), *amounts)


def size_parameter(size: SizeValue) -> str:
    """A value of the query parameter `size`."""
    return f"{DOCUMENTED_COLUMNS[size.column]}:{size.value}"


def _counted_name(counted: views.CountedName) -> responses.NameFacet:
    return responses.NameFacet(counted.row.id, counted.row.name, counted.count)


def _product_names(view: ProductView) -> tuple[Any, ...]:
    """The values of a `Product` after those of `ProductBase`."""
    return (
        named(view.gender),
        tuple(map(named, view.brands)),
        tuple(map(named, view.categories)),
        tuple(map(named, view.tags)),
    )


def _user_base(view: views.UserView) -> responses.UserBase:
    row = view.user
    return responses.UserBase(
        id=row.id,
        last_login=row.last_login,
        is_superuser=row.is_superuser,
        username="" if row.deleted_at else row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        is_staff=row.is_staff,
        is_active=row.is_active,
        date_joined=None if row.deleted_at else row.joined_at,
        all_purchase_amount=row.purchased_total,
        personal_discount_percentage=row.personal_discount,
        referral_link=row.referral_link,
        preferred_size_grid=row.preferred_size_grid,
        gender=None if view.gender is None else named(view.gender),
        ref_user=row.referrer_id,
        groups=(),
        user_permissions=(),
        my_groups=(),
        address=tuple(map(address, row.addresses)),
    )


def _owner(view: views.UserView) -> responses.PromoCodeOwner:
    viewed = tuple(row.id for row in view.last_viewed)
    return responses.PromoCodeOwner(**asdict(_user_base(view)), last_viewed_products=viewed)


def _emptied_owner(owner_id: UserId) -> responses.PromoCodeOwner:
    return responses.PromoCodeOwner(**_EMPTY_USER, id=owner_id)
