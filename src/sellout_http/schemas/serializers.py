"""Making the documents of the HTTP API from the core's views, one function for each document."""

from typing import Any, Final

from msgspec.structs import asdict

from sellout_core import accounts, catalogue, views
from sellout_core.catalogue import ProductView, UnitView
from sellout_core.search import SizeValue
from sellout_core.values import UserId
from sellout_http.schemas.responses import (
    Address,
    Cart,
    CheckedProductUnit,
    Facets,
    ListedOrder,
    NamedReference,
    NameFacet,
    Order,
    Platform,
    PriceFacet,
    Product,
    ProductCard,
    ProductPage,
    ProductUnit,
    ProductUnitWithIds,
    ProductWithIds,
    PromoCode,
    PromoCodeCheck,
    PromoCodeOwner,
    Size,
    SizeFacet,
    SizeWithProduct,
    TokenPair,
    User,
    UserBase,
    WishlistUnit,
)

GRIDS: Final = {"INT": "international", "US": "us", "UK": "uk", "EU": "eu", "IT": "it", "RU": "ru"}
"""The columns of a size as documents name them, and as the core does."""
_GRID_NAMES: Final = {column: grid for grid, column in GRIDS.items()}


def tokens(pair: accounts.TokenPair) -> TokenPair:
    """A pair of tokens."""
    return TokenPair(pair.refresh, pair.access)


def named(row: catalogue.Named) -> NamedReference:
    """A row of a small table."""
    return NamedReference(row.id, row.name)


def platform(row: catalogue.Platform) -> Platform:
    """A marketplace."""
    return Platform(row.id, row.name, row.site)


def flat_product(row: catalogue.Product) -> ProductWithIds:
    """A product with ids."""
    return ProductWithIds(*(*_product_base(row), row.gender_id, row.brand_ids, row.category_ids, row.tag_ids))


def product(view: ProductView) -> Product:
    """A product with names."""
    return Product(*_product_base(view.product), *_product_names(view))


def product_card(view: views.CardView) -> ProductCard:
    """A product as lists show it."""
    shown = view.product
    return ProductCard(*(*_product_base(shown.product), *_product_names(shown), view.min_price, view.in_wishlist))


def page(view: views.Page) -> ProductPage:
    """A page of cards."""
    return ProductPage(view.number, tuple(map(product_card, view.items)))


def facets(view: views.Facets) -> Facets:
    """What the products have that match a search."""
    return Facets(
        count=view.products,
        brands=tuple(map(_counted_name, view.brands)),
        categories=tuple(map(_counted_name, view.categories)),
        genders=tuple(map(_counted_name, view.genders)),
        sizes=tuple(SizeFacet(size_parameter(counted.size), counted.count) for counted in view.sizes),
        prices=tuple(PriceFacet(each.price_min, each.price_max, each.count) for each in view.bands),
    )


def size(row: catalogue.Size) -> Size:
    """A size with its product's id."""
    return Size(*(*_size_base(row), row.product_id))


def flat_unit(view: UnitView) -> ProductUnitWithIds:
    """A product unit as carts and orders hold it."""
    return ProductUnitWithIds(
        id=view.id,
        final_price=view.price,
        availability=view.available,
        product=flat_product(view.product.product),
        size=size(view.size),
        currency=named(view.currency),
        delivery_type=named(view.delivery_type),
        platform=platform(view.platform),
    )


def unit(view: UnitView) -> ProductUnit:
    """A product unit with names."""
    return ProductUnit(
        id=view.id,
        final_price=view.price,
        availability=view.available,
        product=product(view.product),
        size=SizeWithProduct(*(*_size_base(view.size), flat_product(view.product.product))),
        currency=named(view.currency),
        delivery_type=named(view.delivery_type),
        platform=platform(view.platform),
    )


def wishlist_unit(view: views.WishlistUnitView) -> WishlistUnit:
    """A wishlist's card."""
    cheapest = None if view.unit is None else unit(view.unit)
    return WishlistUnit(view.id, product_card(view.card), size(view.size), cheapest)


def address(row: accounts.Address) -> Address:
    """A delivery address."""
    return Address(row.id, row.address, row.post_index)


def user(view: views.UserView) -> User:
    """A user as they and staff see them."""
    return User(**asdict(_user_base(view)), last_viewed_products=tuple(map(flat_product, view.last_viewed)))


def promo_code(view: views.PromoCodeView) -> PromoCode:
    """A promo code as its reader may see it."""
    code = view.promo_code
    return PromoCode(
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


def cart(view: views.CartView) -> Cart:
    """A cart."""
    return Cart(view.id, user(view.user), tuple(map(flat_unit, view.units)))


def order(view: views.OrderView) -> Order:
    """An order."""
    return Order(
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


def listed_order(view: views.OrderView) -> ListedOrder:
    """An order in the list of all."""
    listed = order(view)
    return ListedOrder(**asdict(listed), product_units=listed.product_unit)


def promo_check(view: views.QuoteView) -> PromoCodeCheck:
    """What a promo code would save."""
    return PromoCodeCheck(
        promo_code=view.promo_code.code,
        discount_percentage=view.promo_code.discount_percentage,
        discount_absolute=view.promo_code.discount_absolute,
        amount=view.full.total,
        saving=view.saving,
        total_amount=view.discounted.total,
        product_unit=tuple(CheckedProductUnit(line.unit_id, line.price, line.amount) for line in view.discounted.lines),
    )


def size_parameter(size: SizeValue) -> str:
    """A size's value as the parameter has it."""
    return f"{_GRID_NAMES[size.column]}:{size.value}"


def _product_base(row: catalogue.Product) -> tuple[Any, ...]:
    """The values of a `ProductBase`, in its order: a list of products is made of many."""
    return (
        row.id,
        row.name,
        row.bucket_link,
        row.description,
        row.sku,
        row.available,
        row.updated_at,
        row.added_on,
        row.fit,
        row.rel_num,
    )


def _counted_name(counted: views.CountedName) -> NameFacet:
    return NameFacet(counted.row.id, counted.row.name, counted.count)


def _product_names(view: ProductView) -> tuple[Any, ...]:
    """The values that a `Product` has beside them."""
    return (
        named(view.gender),
        tuple(map(named, view.brands)),
        tuple(map(named, view.categories)),
        tuple(map(named, view.tags)),
    )


def _size_base(row: catalogue.Size) -> tuple[Any, ...]:
    """The values of a `SizeBase`, in its order."""
    grid = row.grid
    return (row.id, grid.international, grid.us, grid.uk, grid.eu, grid.it, grid.ru)


def _user_base(view: views.UserView) -> UserBase:
    row = view.user
    return UserBase(
        id=row.id,
        last_login=row.last_login,
        is_superuser=row.is_superuser,
        username=row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        email=row.email,
        is_staff=row.is_staff,
        is_active=row.is_active,
        date_joined=row.joined_at,
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


def _owner(view: views.UserView) -> PromoCodeOwner:
    viewed = tuple(row.id for row in view.last_viewed)
    return PromoCodeOwner(**asdict(_user_base(view)), last_viewed_products=viewed)


def _emptied_owner(owner_id: UserId) -> PromoCodeOwner:
    return PromoCodeOwner(
        id=owner_id,
        last_login=None,
        is_superuser=False,
        username="",
        first_name="",
        last_name="",
        email="",
        is_staff=False,
        is_active=False,
        date_joined=None,
        all_purchase_amount=0,
        personal_discount_percentage=0,
        referral_link=None,
        preferred_size_grid=None,
        gender=None,
        ref_user=None,
        groups=(),
        user_permissions=(),
        my_groups=(),
        address=(),
        last_viewed_products=(),
    )
