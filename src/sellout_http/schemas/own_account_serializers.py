"""Converts the core's views to the documents of one's own account."""

from msgspec.structs import asdict

from sellout_core.people.accounts import Session
from sellout_core.people.identity import AccountEmail
from sellout_core.use_cases.personal_export import Export, ExportedOrder
from sellout_core.values import SessionId
from sellout_core.views import PromoCodeView, UserView
from sellout_http.schemas import fulfilment_serializers, responses, serializers, staff_serializers


def profile(view: UserView) -> responses.Profile:
    """The profile of the caller."""
    return responses.Profile(
        **asdict(serializers.user(view)),
        tel=view.user.telephone or None,
        main_address_id=view.user.main_address_id,
    )


def user_email(email: AccountEmail) -> responses.UserEmail:
    """The addresses of a user."""
    return responses.UserEmail(email.address, email.pending, email.language)


def session(row: Session, current: SessionId | None) -> responses.Session:
    """A session of a user. `current` is the caller's own session."""
    return responses.Session(
        id=row.id,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        device=row.device,
        network=row.network,
        current=row.id == current,
    )


def held_data(export: Export, current: SessionId | None) -> responses.HeldData:
    """What the shop holds about a user, apart from the orders."""
    codes = (PromoCodeView(code, code.owner_id, export.user) for code in export.promo_codes)
    return responses.HeldData(
        user=profile(export.user),
        sessions=tuple(session(row, current) for row in export.sessions),
        emails=user_email(export.email),
        second_factor_enabled=export.has_second_factor,
        cart=tuple(map(serializers.flat_unit, export.cart.units)),
        wishlist=tuple(map(serializers.wishlist_unit, export.wishlist)),
        promo_codes=tuple(map(serializers.promo_code, codes)),
        changes_by_staff=tuple(map(staff_serializers.audit_entry, export.audit)),
    )


def exported_order(exported: ExportedOrder) -> responses.ExportedOrder:
    """An order of a user in the export."""
    return responses.ExportedOrder(
        **asdict(serializers.order(exported.view)),
        tracking=fulfilment_serializers.shown_tracking(exported.tracking),
        history=tuple(map(fulfilment_serializers.history_entry, exported.history)),
    )
