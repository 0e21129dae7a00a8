"""Places an order through the client that openapi-python-client generates as `sellout_client`."""

import sys
from http import HTTPStatus
from typing import assert_never

from sellout_client import AuthenticatedClient, Client
from sellout_client.api.orders import add_to_cart, check_out
from sellout_client.api.own_account import show_own_profile
from sellout_client.api.products import show_page
from sellout_client.api.users import log_in
from sellout_client.models import (
    BadCredentialsProblem,
    CheckoutRequest,
    LogInRequest,
    Order,
    ProductPage,
    ProductSort,
    ProductUnit,
    Profile,
    TokenPair,
)


def buy(user_id: int, client: AuthenticatedClient, body: CheckoutRequest) -> Order | str:  # noqa: PLR0911 - the cases
    """Returns the order, or the reason for a refusal. mypy refuses the function if a case is missing."""
    answer = check_out.sync(user_id, client=client, body=body, idempotency_key="python")
    if answer is None:
        return "a status that is not in the document"
    if isinstance(answer, Order):
        return answer
    match answer.code:
        case "not_in_cart":
            return f"not in the cart: {answer.not_in_cart}"
        case "unavailable":
            return f"unavailable: {answer.unavailable}"
        case "price_changed":
            return f"costs {answer.total_amount}"
        case "invalid_fields":
            return "; ".join(field.code for field in answer.fields)
        case "promo_code_unknown" | "promo_code_inactive" | "promo_code_expired" | "promo_code_used_up":
            return "the promo code cannot be used"
        case "unknown_address" | "mixed_currencies" | "idempotency_key_reused" | "second_factor_missing":
            return answer.detail
        case "unauthenticated" | "forbidden" | "not_found":
            return "log in again"
        case "too_many_requests" | "unavailable_now" | "request_timeout":
            return "try again later"
        case "malformed_json" | "body_too_large" | "query_too_long" | "unsupported_media_type":
            return "an error of this program"
        case unforeseen:
            assert_never(unforeseen)


def main(url: str) -> None:
    """Logs in, searches and places an order."""
    anonymous = Client(base_url=url)
    everything = show_page.sync(1, client=anonymous)
    assert isinstance(everything, ProductPage)
    assert len(everything.items) > 1
    refused = log_in.sync(client=anonymous, body=LogInRequest(username="noadmin", password="wrong"))
    assert isinstance(refused, BadCredentialsProblem)
    assert refused.code == "bad_credentials"
    tokens = log_in.sync(client=anonymous, body=LogInRequest(username="noadmin", password="sellout-demo"))
    assert isinstance(tokens, TokenPair)
    client = AuthenticatedClient(base_url=url, token=tokens.access)

    me = show_own_profile.sync(client=client)
    assert isinstance(me, Profile)
    page = show_page.sync(1, client=client, q="air", brand=["Nike"], sort=ProductSort.DEAREST)
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
        promo_code="NONE",
    )
    assert buy(me.id, client, order) == "the promo code cannot be used"
    order.promo_code = "SALE"
    order.total_amount = 1
    assert buy(me.id, client, order) == "costs 85"
    order.total_amount = 85
    placed = buy(me.id, client, order)
    assert isinstance(placed, Order)
    assert placed.total_amount == 85
    assert buy(me.id, client, order) == placed
    print(f"order {placed.id} for {placed.total_amount}")


if __name__ == "__main__":
    main(sys.argv[1])
