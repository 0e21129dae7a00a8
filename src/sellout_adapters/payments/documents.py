"""Checks of what payment providers send: JSON documents, and the addresses of pages."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sellout_core.errors import FieldCode, InvalidField, InvalidFields
from sellout_core.ports.payments import PaymentPage, ProviderFailed

__all__ = ["MAX_REFERENCE", "object_of", "page_of"]

MAX_REFERENCE: Final = 255
_MAX_PAGE: Final = 2000


def object_of(content: bytes) -> Mapping[str, Any]:
    """The JSON object of a body.

    Raises:
        InvalidFields: it is not JSON, or no object.
    """
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidFields((InvalidField("#", "is not JSON", FieldCode.MALFORMED),)) from None
    if not isinstance(document, dict):
        raise InvalidFields((InvalidField("#", "must be a JSON object", FieldCode.WRONG_TYPE),))
    return document


def page_of(reference: object, address: object) -> PaymentPage:
    """The page of a payment that a provider has started.

    Raises:
        ProviderFailed: one of them is no text, too long or not printable, or the address does not begin with https://.
    """
    page = PaymentPage(_text(reference, MAX_REFERENCE), _text(address, _MAX_PAGE))
    if not page.address.startswith("https://"):
        raise ProviderFailed("the address of the page does not begin with https://")
    return page


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise ProviderFailed("the answer is not the start of a payment")
    return value
