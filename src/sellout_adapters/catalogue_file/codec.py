"""The format of a catalogue file: one product a line, as JSON."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Final

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.catalogue.products import SizeGrid
from sellout_core.errors import InvalidFields
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry, UnitEntry
from sellout_core.values import UNCHANGED, Money, Unchanged

with naming_extras():
    import msgspec


_LONGEST_REASON: Final = 500
_LONGEST_SKU: Final = 100


class _Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    international: str = msgspec.field(name="INT")
    us: str = msgspec.field(name="US")
    uk: str = msgspec.field(name="UK")
    eu: str = msgspec.field(name="EU")
    it: str = msgspec.field(name="IT")
    ru: str = msgspec.field(name="RU")


class _Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    size: _Size
    final_price: int
    currency: str
    delivery_type: str
    platform: str
    site: str = ""
    availability: bool = True
    stock: int | msgspec.UnsetType | None = msgspec.UNSET
    sold: int = 0


class _Product(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    sku: str
    name: str
    description: str = ""
    bucket_link: str = ""
    brands: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    gender: str
    fit: int = 0
    rel_num: int = 0
    available_flag: bool = True
    add_date: date
    units: tuple[_Unit, ...] | msgspec.UnsetType = msgspec.UNSET


class _Sku(msgspec.Struct, frozen=True):
    sku: str


_decoder = msgspec.json.Decoder(_Product)
_sku_decoder = msgspec.json.Decoder(_Sku)
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> ProductEntry:
    """The product that a line holds.

    Raises:
        ValueError: it holds none; the message says why, in one line of printable text.
    """
    try:
        return _entry(_decoder.decode(line))
    except InvalidFields as error:
        reason = _words(error)
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("$.", "").replace(" - at ", ", at ")
        reason = reason.replace("Invalid RFC3339 encoded date", "Expected a date that exists, as YYYY-MM-DD")
    except (UnicodeDecodeError, msgspec.DecodeError) as error:  # Versions of msgspec differ in which one they raise.
        reason = _syntax_error(line, error)
    sku = sku_of(line)
    raise ValueError(_printable(reason if sku is None else f'sku "{sku[:_LONGEST_SKU]}": {reason}'))


def _syntax_error(line: bytes, error: Exception) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "not valid UTF-8"
    return "a string holds a lone surrogate" if is_json(line) else f"not JSON: {error}"


def sku_of(line: bytes) -> str | None:
    """The sku that a line names, whatever else it holds; None: it names none."""
    try:
        return _sku_decoder.decode(line).sku
    except (msgspec.DecodeError, ValueError, RecursionError):  # ValueError: not UTF-8
        return None


def encode(entry: ProductEntry) -> bytes:
    """A product as a line: compact, UTF-8 unescaped, every member in a fixed order, `units` left out if None."""
    record = _Product(
        sku=entry.sku,
        name=entry.name,
        description=entry.description,
        bucket_link=entry.bucket_link,
        brands=entry.brands,
        categories=entry.categories,
        tags=entry.tags,
        gender=entry.gender,
        fit=entry.fit,
        rel_num=entry.rel_num,
        available_flag=entry.available_flag,
        add_date=entry.add_date,
        units=msgspec.UNSET if entry.units is None else tuple(_unit(unit) for unit in entry.units),
    )
    return _encoder.encode(record) + b"\n"


def is_json(line: bytes) -> bool:
    """Whether a line is well-formed JSON, also with lone surrogates, which msgspec refuses."""
    try:
        json.loads(line.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _entry(record: _Product) -> ProductEntry:
    units = None if isinstance(record.units, msgspec.UnsetType) else _unit_entries(record.units)
    return ProductEntry(
        sku=record.sku,
        name=record.name,
        description=record.description,
        bucket_link=record.bucket_link,
        brands=record.brands,
        categories=record.categories,
        tags=record.tags,
        gender=record.gender,
        fit=record.fit,
        rel_num=record.rel_num,
        available_flag=record.available_flag,
        add_date=record.add_date,
        units=units,
    )


def _unit_entries(records: Sequence[_Unit]) -> tuple[UnitEntry, ...]:
    entries = []
    for index, record in enumerate(records):
        try:
            entries.append(_unit_entry(record))
        except InvalidFields as error:
            named = [attrs.evolve(field, name=f"units[{index}].{field.name}") for field in error.fields]
            raise InvalidFields(tuple(named)) from None
    return tuple(entries)


def _unit_entry(record: _Unit) -> UnitEntry:
    size = record.size
    return UnitEntry(
        size=SizeGrid(size.international, size.us, size.uk, size.eu, size.it, size.ru),
        final_price=Money(record.final_price),
        currency=record.currency,
        delivery_type=record.delivery_type,
        platform=record.platform,
        site=record.site,
        availability=record.availability,
        stock=UNCHANGED if isinstance(record.stock, msgspec.UnsetType) else record.stock,
        sold=record.sold,
    )


def _unit(entry: UnitEntry) -> _Unit:
    size = entry.size
    return _Unit(
        _Size(size.international, size.us, size.uk, size.eu, size.it, size.ru),
        entry.final_price,
        entry.currency,
        entry.delivery_type,
        entry.platform,
        entry.site,
        entry.availability,
        msgspec.UNSET if isinstance(entry.stock, Unchanged) else entry.stock,
        entry.sold,
    )


def _words(error: InvalidFields) -> str:
    return "; ".join(f"{field.name} {field.reason}" for field in error.fields)


def _printable(text: str) -> str:
    """The text without control characters, cut to a readable length."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _LONGEST_REASON else shown[:_LONGEST_REASON] + "..."
