"""Address books."""

from typing import Final

from sellout_core.errors import LimitReached
from sellout_core.use_cases.people import users
from sellout_core.values import AddressId, UserId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group
from sellout_http.schemas import responses, samples, serializers
from sellout_http.schemas.requests.people import AddressRequest

group = Group("Addresses", "The delivery addresses of users.")
_ADDRESS: Final = samples.answer("POST", "/order/checkout/{user_id}")["address"]
_NEW_ADDRESS: Final = {name: value for name, value in _ADDRESS.items() if name != "id"}


@group.read("/user/address/{user_id}", Access.USER, reply_example=[_ADDRESS])
def list_addresses(context: ReadContext, user_id: UserId) -> tuple[responses.Address, ...]:
    """A user's addresses, in order of entry."""
    return tuple(map(serializers.address, users.read_addresses(context.shop, context.actor, user_id)))


@group.write(
    "POST",
    "/user/address/{user_id}",
    Access.USER,
    statuses=(201,),
    errors=(LimitReached,),
    request_example=_NEW_ADDRESS,
    reply_example=_ADDRESS,
)
def add_address(context: WriteContext, user_id: UserId, body: AddressRequest) -> responses.Address:
    """Add an address."""
    return serializers.address(users.add_address(context.shop, context.actor, user_id, body.new_address()))


@group.write(
    "PUT",
    "/user/address/{user_id}/{address_id}",
    Access.USER,
    request_example=_NEW_ADDRESS,
    reply_example=_ADDRESS,
)
def edit_address(
    context: WriteContext, user_id: UserId, address_id: AddressId, body: AddressRequest
) -> responses.Address:
    """Replace an address.

    Orders keep the address they were placed with.
    """
    return serializers.address(users.edit_address(context.shop, context.actor, user_id, address_id, body.new_address()))


@group.write("DELETE", "/user/address/{user_id}/{address_id}", Access.USER, reply_example=_ADDRESS)
def delete_address(context: WriteContext, user_id: UserId, address_id: AddressId) -> responses.Address:
    """Delete an address and return it.

    Orders keep the address they were placed with.
    """
    return serializers.address(users.delete_address(context.shop, context.actor, user_id, address_id))
