"""Buys something through the client that openapi-python-client generates as `sellout_client`."""

import sys
from http import HTTPStatus

from sellout_client import AuthenticatedClient, Client
from sellout_client.api.orders import add_to_cart, check_out
from sellout_client.api.products import show_page
from sellout_client.api.users import log_in, show_own_profile
from sellout_client.models import (
    BadCredentialsProblem,
    CheckoutRequest,
    LogInRequest,
    Order,
    PriceChangedProblem,
    ProductPage,
    ProductUnit,
    TokenPair,
    User,
)

url = sys.argv[1]
anonymous = Client(base_url=url)
refused = log_in.sync(client=anonymous, body=LogInRequest(username="noadmin", password="wrong"))
assert isinstance(refused, BadCredentialsProblem)
assert refused.code == "bad_credentials"
tokens = log_in.sync(client=anonymous, body=LogInRequest(username="noadmin", password="sellout-demo"))
assert isinstance(tokens, TokenPair)
client = AuthenticatedClient(base_url=url, token=tokens.access)

me = show_own_profile.sync(client=client)
assert isinstance(me, User)
page = show_page.sync(1, client=client, q="air", brand=["Nike"])
assert isinstance(page, ProductPage)
assert page.items[0].name == "Air Force 1"

added = add_to_cart.sync_detailed(me.id, 2, client=client)
assert added.status_code == HTTPStatus.CREATED
assert isinstance(added.parsed, ProductUnit)
order = CheckoutRequest(
    product_unit=[2],
    email="mail@mail.ru",
    tel=79990001122,
    first_name="Anna",
    last_name="K.",
    address_id=me.address[0].id,
    promo_code="SALE",
    total_amount=1,
)
dearer = check_out.sync(me.id, client=client, body=order, idempotency_key="python")
assert isinstance(dearer, PriceChangedProblem)
order.total_amount = dearer.total_amount
placed = check_out.sync(me.id, client=client, body=order, idempotency_key="python")
assert isinstance(placed, Order)
print(f"order {placed.id} for {placed.total_amount}")
