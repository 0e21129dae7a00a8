"""One's own account: the profile, the export and the deletion."""

from functools import partial
from typing import Final

from sellout_core.errors import LastSuperuser, UnknownAddress, WrongPassword
from sellout_core.use_cases.people import users
from sellout_core.use_cases.people.account import deletion, profile
from sellout_core.use_cases.personal_export import read_export, read_exported_orders
from sellout_core.values import UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.api.preconditions import settable_by, unless_changed
from sellout_http.api.queries.query_parameters import IF_MATCH
from sellout_http.api.rate_limits import PASSWORD_CHANGES
from sellout_http.routes.shopping.fulfilment import ENTRY_EXAMPLE, SHOWN_EXAMPLE
from sellout_http.runtime.executor import Workload
from sellout_http.schemas import own_account_serializers, responses, samples
from sellout_http.schemas.requests.people import DeletionRequest, ProfilePatch
from sellout_http.schemas.responses.long_lists import LongDocument, LongList

group = Group("Own account", "The caller's own account.")
_settable: Final = settable_by(ProfilePatch)
_PROFILE: Final = {**samples.answer("GET", "/user/{user_id}"), "tel": "+79990001122", "main_address_id": None}

_EXPORT: Final = {
    "user": _PROFILE,
    "sessions": [],
    "emails": {"address": None, "pending": None, "language": "en"},
    "second_factor_enabled": False,
    "cart": [],
    "wishlist": [],
    "promo_codes": [],
    "changes_by_staff": [],
    "orders": [
        {
            **order,
            "tracking": {**SHOWN_EXAMPLE, "order_id": order["id"]},
            "history": [ENTRY_EXAMPLE],
        }
        for order in samples.answer("GET", "/order/user_orders/{user_id}")
    ],
}


@group.read("/user_info", Access.USER, tagged=_settable, reply_example=_PROFILE)
def show_own_profile(context: ReadContext) -> responses.Profile:
    """The caller's own profile."""
    return own_account_serializers.profile(users.read_profile(context.shop, context.actor, context.user_id))


@group.write(
    "PATCH",
    "/user_info",
    Access.USER,
    errors=(UnknownAddress,),
    parameters=(IF_MATCH,),
    tagged=_settable,
    request_example={"tel": "+79990001122"},
    reply_example=_PROFILE,
)
def change_own_profile(context: WriteContext, body: ProfilePatch) -> responses.Profile:
    """Change the caller's own profile.

    The ETag is that of GET /user_info.
    """
    is_current = unless_changed(context, own_account_serializers.profile, _settable)
    changed = profile.change_profile(context.shop, context.actor, context.user_id, body.change(), is_current)
    return own_account_serializers.profile(changed)


@group.read("/user/export/{user_id}", Access.USER, reply_example=_EXPORT)
def export_account(context: ReadContext, user_id: UserId) -> LongDocument[responses.Export]:
    """Everything that the shop holds about a user, as one document.

    The document is streamed.
    """
    shop, actor = context.shop, context.actor
    current = None if context.claims is None else context.claims.session_id
    held = own_account_serializers.held_data(read_export(shop, actor, user_id), current)
    own = LongList(partial(read_exported_orders, shop, actor, user_id), own_account_serializers.exported_order)
    return LongDocument(held, "orders", own)


@group.write(
    "POST",
    "/user/delete/{user_id}",
    Access.USER,
    errors=(WrongPassword, LastSuperuser),
    workload=Workload.HASH,
    limits=(PASSWORD_CHANGES,),
    request_example={"password": "the password"},
    reply_example={},
)
def delete_account(context: WriteContext, user_id: UserId, body: DeletionRequest) -> responses.EmptyDocument:
    """Delete an account with all personal data.

    Orders keep their amounts and lines. The username is free afterwards. This cannot be undone.
    """
    deletion.delete_account(context.shop, context.actor, user_id, body.password)
    return responses.EmptyDocument()
