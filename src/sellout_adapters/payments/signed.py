"""Signed notices about payments: HMAC-SHA256 over the time and the body, and a JSON document.

The header `X-Payment-Timestamp` has the time in Unix seconds. `X-Payment-Signature` has the hexadecimal HMAC of that
time, a full stop and the body.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sellout_adapters.payments.documents import MAX_REFERENCE, object_of
from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.fulfilment.money import ProviderPayment
from sellout_core.fulfilment.refusals import BadNotice
from sellout_core.values import MAX_ID, MAX_TOTAL, Money, OrderId

__all__ = ["SIGNATURE", "TIMESTAMP", "TOLERANCE", "payment_of", "require_signed", "signed"]

TIMESTAMP: Final = "x-payment-timestamp"
SIGNATURE: Final = "x-payment-signature"

TOLERANCE: Final = 300
"""How far the time of a notice may be from the shop's, in seconds."""

_MAX_CURRENCY: Final = 150
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_AMOUNTS: Final = ("authorised", "captured", "released", "refunded")


def signed(key: str, now: datetime, content: bytes) -> dict[str, str]:
    """The headers of a body that is signed with a key at that time."""
    seconds = str(int(now.timestamp()))
    return {TIMESTAMP: seconds, SIGNATURE: _signature(key, seconds, content)}


def require_signed(keys: Sequence[str], headers: Mapping[str, Sequence[str]], content: bytes, now: datetime) -> None:
    """Checks that one of the keys has signed the body within the last 300 seconds, or the next.

    Raises:
        BadNotice: it has not.
    """
    [seconds, signature] = (_only(headers, name) for name in (TIMESTAMP, SIGNATURE))
    if _SECONDS.fullmatch(seconds) is None or abs(int(seconds) - now.timestamp()) > TOLERANCE:
        raise BadNotice
    # All keys are compared, so the time does not tell which one it is.
    matches = [hmac.compare_digest(_signature(key, seconds, content).encode(), signature.encode()) for key in keys]
    if not any(matches):
        raise BadNotice


def payment_of(content: bytes) -> ProviderPayment:
    """The payment that a document describes. Amounts and `closed` may be missing.

    Raises:
        InvalidFields: it is no such document. Names every member that is wrong.
        PaymentMismatch: its amounts contradict each other.
    """
    document = object_of(content)
    faults = list(_faults(document))
    if faults:
        raise InvalidFields(tuple(faults))
    return ProviderPayment(
        reference=document["reference"],
        order_id=OrderId(document["order_id"]),
        amount=Money(document["amount"]),
        currency=document["currency"],
        closed=document.get("closed", False),
        **{name: Money(document.get(name, 0)) for name in _AMOUNTS},
    )


def _faults(document: Mapping[str, Any]) -> Sequence[InvalidField]:
    rules = {
        "reference": _is_text(document.get("reference"), MAX_REFERENCE),
        "currency": _is_text(document.get("currency"), _MAX_CURRENCY),
        "order_id": _is_number(document.get("order_id"), 1, MAX_ID),
        "amount": _is_number(document.get("amount"), 1, MAX_TOTAL),
        "closed": isinstance(document.get("closed", False), bool),
        **{name: _is_number(document.get(name, 0), 0, MAX_TOTAL) for name in _AMOUNTS},
    }
    return [
        InvalidField(name, "is missing, of a wrong type or out of its limits", FieldCode.WRONG_TYPE)
        for name, is_right in rules.items()
        if not is_right
    ]


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _is_number(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _only(headers: Mapping[str, Sequence[str]], name: str) -> str:
    values = headers.get(name, ())
    if len(values) != 1:
        raise BadNotice
    return values[0]


def _signature(key: str, seconds: str, content: bytes) -> str:
    return hmac.new(key.encode(), seconds.encode() + b"." + content, hashlib.sha256).hexdigest()
