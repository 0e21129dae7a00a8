"""Payments by a payment provider: the buyer starts one, and the provider sends notices."""

from typing import Any, Final

from sellout_core.errors import FieldCode, InvalidFields, NotFound, SellOutError
from sellout_core.fulfilment.refusals import BadNotice, NothingDue, PaymentMismatch, PaymentsDisabled
from sellout_core.use_cases import payments
from sellout_core.values import OrderId
from sellout_http.api.handler_context import ReadContext, WriteContext
from sellout_http.api.operations import Access, Group, Reply
from sellout_http.problems.details import Refused
from sellout_http.runtime.executor import Workload
from sellout_http.runtime.logging import log
from sellout_http.schemas import responses
from sellout_http.schemas.uploads import Upload

group = Group("Payments", "Payments by a payment provider.")

_HEADERS: Final = ("x-payment-timestamp", "x-payment-signature", "stripe-signature")
"""The headers in which providers sign."""


def _take(context: WriteContext, content: bytes, _: str, provider: str) -> None:
    headers = {name: context.header(name) for name in _HEADERS}
    try:
        payments.take_notice(context.shop, provider, headers, content)
    except (BadNotice, PaymentMismatch, InvalidFields, NotFound) as refusal:
        log.warning("payment notice refused", provider=provider, code=refusal.code)
        if isinstance(refusal, InvalidFields) and refusal.fields[0].code is FieldCode.MALFORMED:
            raise Refused("malformed_json", "The body is not JSON.") from None
        raise


def _require_provider(context: ReadContext, provider: str) -> None:
    if provider != context.shop.payment_provider.name:
        raise NotFound


def _no_media_type() -> Exception:
    return Refused("unsupported_media_type")


NOTICE: Final = Upload(
    media_types=("application/json", "application/json; charset=utf-8"),
    max_bytes=64 * 1024,
    check=_require_provider,
    store=_take,
    unsupported=_no_media_type,
)
_ERRORS: Final[tuple[type[SellOutError], ...]] = (BadNotice, InvalidFields, PaymentMismatch, PaymentsDisabled)


@group.write(
    "POST",
    "/order/pay/{order_id}",
    Access.USER,
    statuses=(201, 200),
    errors=(NothingDue, PaymentsDisabled),
    workload=Workload.PROVIDER,
    reply_example={"order_id": 1, "amount": 5, "currency": "RUB", "page": "https://bank.example/pay/1"},
)
def start_payment(context: WriteContext, order_id: OrderId) -> Reply[responses.StartedPayment]:
    """Start the payment of what is due for an order.

    The buyer pays on `page`, which is the provider's. A repetition returns the same page with 200, until the buyer has
    paid or refused.
    """
    started = payments.start_payment(context.shop, context.actor, order_id)
    paid = started.payment
    document = responses.StartedPayment(paid.order_id, paid.amount, paid.currency, paid.page)
    return Reply(document, 201 if started.is_new else 200)


@group.write(
    "POST",
    "/payment/notice/{provider}",
    Access.ANON,
    errors=_ERRORS,
    more_codes=("unsupported_media_type", "malformed_json"),
    workload=Workload.PROVIDER,
    upload=NOTICE,
    reply_example={"known": True},
)
def take_notice(context: WriteContext, provider: str, body: Any) -> responses.KnownNotice:  # noqa: ARG001 - `NOTICE` has applied it
    """Take a notice of the payment provider.

    The provider signs it. A notice that was taken before changes nothing.
    """
    return responses.KnownNotice(known=True)
