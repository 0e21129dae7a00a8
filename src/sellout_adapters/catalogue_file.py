"""Catalogue files: JSON Lines in UTF-8, one product a line, as `importing.ProductEntry` describes it.

Here is what a line looks like, how lines are read with bounded memory and written, and how a file full of them goes
into a shop, batch by batch.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Final, Protocol

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.accounts import OPERATOR
from sellout_core.catalogue import SizeGrid
from sellout_core.errors import InvalidFields
from sellout_core.shop import Shop
from sellout_core.use_cases.changes import UNCHANGED, ImportCounts, ImportResult, Unchanged
from sellout_core.use_cases.importing import ProductEntry, UnitEntry, import_products
from sellout_core.values import Money

with naming_extras():
    import msgspec

MAX_LINE: Final = 2**20
"""The longest line that is read, in bytes, its end not counted."""

BATCH_ENTRIES: Final = 200
BATCH_BYTES: Final = 8 * MAX_LINE

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_SKIPPED_AT_ONCE: Final = 2**16
_LONGEST_REASON: Final = 500


class ByteStream(Protocol):
    """What lines are read from: a file opened in binary mode, standard input's buffer."""

    def readline(self, size: int, /) -> bytes:
        """The next line with its end, or its first `size` bytes; empty at the end of the stream."""


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


_decoder = msgspec.json.Decoder(_Product)
_encoder = msgspec.json.Encoder()


@attrs.frozen
class GoodLine:
    """A line that holds a product. `number` counts from 1, `length` is in bytes, the line's end included."""

    number: int
    length: int
    entry: ProductEntry


@attrs.frozen
class BadLine:
    """A line that does not, and why, in words fit for a terminal. `number` and `length` as in `GoodLine`."""

    number: int
    length: int
    reason: str


@attrs.frozen
class ImportReport:
    """What an import has done so far: products by what became of them, and the number of bad lines."""

    counts: ImportCounts = ImportCounts()
    bad: int = 0


def read_lines(stream: ByteStream) -> Iterator[GoodLine | BadLine]:
    """The lines of a catalogue file, in order. Blank lines and a byte order mark at the start are passed over; a line
    of over 1 MiB is skipped without being loaded.
    """
    number = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        length = len(raw)
        line = raw.removeprefix(_BYTE_ORDER_MARK) if number == 1 else raw
        ended = line.endswith(b"\n")
        if len(line.removesuffix(b"\n")) > MAX_LINE:
            length += 0 if ended else _skip_line(stream)
            yield BadLine(number, length, "the line is longer than 1 MiB")
        elif line.strip():
            try:
                yield GoodLine(number, length, decode(line))
            except ValueError as error:
                cut_off = not ended and not _is_json(line)
                yield BadLine(number, length, "the file ends in the middle of this line" if cut_off else str(error))


def decode(line: bytes) -> ProductEntry:
    """The product that a line holds.

    Raises:
        ValueError: it holds none; the message says why, in one line of printable text.
    """
    try:
        return _entry(_decoder.decode(line))
    except InvalidFields as error:
        reason = _words(error)
    except UnicodeDecodeError:
        reason = "not valid UTF-8"
    except msgspec.ValidationError as error:
        reason = str(error).replace("`", "").replace("$.", "").replace(" - at ", ", at ")
    except msgspec.DecodeError as error:
        reason = "a string holds a lone surrogate" if _is_json(line) else f"not JSON: {error}"
    raise ValueError(_printable(reason))


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


def import_lines(
    shop: Shop,
    lines: Iterable[GoodLine | BadLine],
    on_batch: Callable[[ImportReport], None] = lambda _: None,
    on_result: Callable[[ImportResult], None] = lambda _: None,
    *,
    counted: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Imports the good lines, in transactions of at most 200 products.

    Args:
        shop: the shop.
        lines: lines in which no sku stands twice, as `catalogue_skus.distinct_lines` gives them.
        on_batch: is called with what has been done so far, after each transaction and at the end.
        on_result: is called with the changes of each transaction, before `on_batch`.
        counted: as for `import_products`.
        dry_run: as for `import_products`.

    Raises:
        InvalidFields: a sku stands twice in one transaction.
        Unavailable: the database is unreachable. Everything reported to `on_batch` stays.
    """
    report = ImportReport()
    for entries, bad in _batches(lines):
        counts = ImportCounts()
        if entries:
            result = import_products(shop, OPERATOR, entries, counted=counted, dry_run=dry_run)
            counts = result.counts
            on_result(result)
        report = ImportReport(report.counts + counts, report.bad + bad)
        on_batch(report)
    return report


def _batches(lines: Iterable[GoodLine | BadLine]) -> Iterator[tuple[Sequence[ProductEntry], int]]:
    """Entries to import together, and how many bad lines lay between."""
    batch: list[ProductEntry] = []
    size = bad = 0
    for line in lines:
        if isinstance(line, BadLine):
            bad += 1
            continue
        if batch and (len(batch) == BATCH_ENTRIES or size + line.length > BATCH_BYTES):
            yield batch, bad
            batch, size, bad = [], 0, 0
        batch.append(line.entry)
        size += line.length
    if batch or bad:
        yield batch, bad


def _skip_line(stream: ByteStream) -> int:
    """Reads on behind the end of a line and returns how many bytes that took."""
    skipped = 0
    while part := stream.readline(_SKIPPED_AT_ONCE):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _is_json(line: bytes) -> bool:
    """Whether a line is JSON to the letter, whatever it says; lone surrogates, which msgspec refuses, are."""
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
    """The text without what a terminal would act on, cut to a readable length."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return shown if len(shown) <= _LONGEST_REASON else shown[:_LONGEST_REASON] + "..."
