"""How an order reaches its recipient: the recipient, the place, and what the delivery costs."""

import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs

from sellout_core import values
from sellout_core.errors import Fault, FieldCode, InvalidField, InvalidFields
from sellout_core.people.accounts import NewAddress
from sellout_core.values import CurrencyId, Money, ruled

__all__ = [
    "FEE_STEP",
    "MAX_COMMENT",
    "MAX_PICK_UP_POINT",
    "PICK_UP_POINT",
    "Delivery",
    "DeliveryKind",
    "DeliveryTariff",
    "DeliveryTariffs",
    "Recipient",
    "delivery_fee",
    "require_one_line",
]

MAX_COMMENT: Final = 500
MAX_PICK_UP_POINT: Final = 50
FEE_STEP: Final = 50
"""A delivery fee is a multiple of this amount, in whole currency units."""

PICK_UP_POINT: Final = rf"^[0-9A-Za-z][0-9A-Za-z._-]{{0,{MAX_PICK_UP_POINT - 1}}}$"
"""The pattern of the codes of pick-up points."""

_PICK_UP_POINT: Final = re.compile(PICK_UP_POINT.strip("^$"))


class DeliveryKind(enum.Enum):
    """How the delivery service hands an order to its recipient."""

    PICK_UP_POINT = "pick_up_point"
    COURIER = "courier"


def _perhaps_email(value: str) -> Fault | None:
    return values.email(value) if value else None


def _perhaps_pick_up_point(value: str) -> Fault | None:
    well_formed = not value or _PICK_UP_POINT.fullmatch(value)
    return None if well_formed else Fault("must be the code of a pick-up point", FieldCode.MALFORMED)


@attrs.frozen(kw_only=True)
class Recipient:
    """The person to whom the delivery service hands an order, who may be another one than the buyer.

    Attributes:
        name: The first name, up to 150 characters.
        surname: The last name, up to 150 characters.
        patronymic: The patronymic, up to 150 characters. May be empty.
        telephone: The telephone number, up to 15 digits with an optional `+` before them.
        email: The e-mail address. May be empty.
        comment: A comment for the delivery service, up to 500 characters. May be empty.

    Raises:
        InvalidFields: names every field that breaks a rule. No text has control characters.
    """

    name: str = ruled(values.one_line(values.MAX_NAME, minimum=1))
    surname: str = ruled(values.one_line(values.MAX_NAME, minimum=1))
    patronymic: str = ruled(values.one_line(values.MAX_NAME), default="")
    telephone: str = ruled(values.telephone)
    email: str = ruled(_perhaps_email, default="")
    comment: str = ruled(values.one_line(MAX_COMMENT), default="")

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)


@attrs.frozen(kw_only=True)
class Delivery:
    """Where the delivery service hands an order over.

    Attributes:
        kind: The kind of the delivery.
        pick_up_point: The code of a pick-up point: 1 to 50 ASCII letters, digits, dots, hyphens and underscores,
            beginning with a letter or a digit. Empty for a courier.
        address: The address to which a courier goes. None for a pick-up point.
        one_parcel: Whether all units travel as one parcel.

    Raises:
        InvalidFields: the place does not belong to the kind, or the code is malformed.
    """

    kind: DeliveryKind
    pick_up_point: str = ruled(_perhaps_pick_up_point, default="")
    address: NewAddress | None = None
    one_parcel: bool = False

    def __attrs_post_init__(self) -> None:
        """Checks the place."""
        values.enforce(self)
        needed = "pick_up_point" if self.kind is DeliveryKind.PICK_UP_POINT else "address"
        given = {"pick_up_point": self.pick_up_point != "", "address": self.address is not None}
        faults = [
            InvalidField(name, "is needed for this kind of delivery", FieldCode.REQUIRED)
            if name == needed
            else InvalidField(name, "does not belong to this kind of delivery", FieldCode.NOT_ONE_OF)
            for name, is_given in given.items()
            if is_given != (name == needed)
        ]
        if faults:
            raise InvalidFields(tuple(faults))


def require_one_line(delivery: Delivery | None) -> None:
    """Checks that the address of a new delivery fits a label: it has no control characters. Deliveries that an older
    version has stored may have them.

    Raises:
        InvalidFields: names the address, the post index, or both.
    """
    if delivery is None or delivery.address is None:
        return
    found = {
        "delivery_address": values.one_line(values.MAX_ADDRESS)(delivery.address.address),
        "delivery_post_index": values.one_line(values.MAX_POST_INDEX)(delivery.address.post_index),
    }
    faults = tuple(InvalidField(name, fault.reason, fault.code) for name, fault in found.items() if fault is not None)
    if faults:
        raise InvalidFields(faults)


@attrs.frozen(kw_only=True)
class DeliveryTariff:
    """What the carrier takes for the delivery of one order.

    Attributes:
        price: The carrier's price, from 0 to 10^9 whole currency units.
        currency_id: The currency.

    Raises:
        InvalidFields: a value is outside its limits.
    """

    price: Money = ruled(values.price)
    currency_id: CurrencyId = ruled(values.identifier)

    def __attrs_post_init__(self) -> None:
        """Checks the limits."""
        values.enforce(self)

    @property
    def fee(self) -> Money:
        """What the buyer pays: the carrier's price, rounded up to a multiple of 50."""
        return Money(-(-self.price // FEE_STEP) * FEE_STEP)


DeliveryTariffs = Mapping[DeliveryKind, DeliveryTariff]
"""The tariffs of the kinds of delivery that the shop offers."""


def delivery_fee(delivery: Delivery, tariffs: DeliveryTariffs, currency_id: CurrencyId) -> Money:
    """The fee of a delivery. No discount reduces it (docs/http-contract.md#delivery).

    Args:
        delivery: The delivery.
        tariffs: The tariffs now.
        currency_id: The currency of the order.

    Raises:
        InvalidFields: the shop does not offer this kind of delivery in that currency.
    """
    tariff = tariffs.get(delivery.kind)
    if tariff is None or tariff.currency_id != currency_id:
        reason = "is not offered for these units"
        raise InvalidFields((InvalidField("delivery_kind", reason, FieldCode.NOT_ONE_OF),))
    return tariff.fee
