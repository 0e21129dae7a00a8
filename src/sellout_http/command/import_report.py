"""Prints the changes of an import or a dry run."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs
import click

from sellout_core.catalogue.products import NO_SIZE, NewProduct, NewProductUnit, References, SizeGrid
from sellout_core.use_cases.catalogue.importing.changes import ImportResult, ProductChange, UnitChange
from sellout_http.schemas.serializers import DOCUMENTED_COLUMNS

SHOWN_PRODUCTS: Final = 1000
"""The maximum number of products that a dry run describes. Further ones are only counted."""
SHOWN_UNITS: Final = 50
"""The maximum number of units that are described of one product. Further ones are only counted."""
SHOWN_WARNINGS: Final = 100
"""The maximum number of warnings that an import prints."""
_LONGEST_VALUE: Final = 60
# The members of a catalogue file by the fields of a product.
_MEMBERS: Final = {"available": "available_flag", "added_on": "add_date", "gender_id": "gender"} | {
    "brand_ids": "brands",
    "category_ids": "categories",
    "tag_ids": "tags",
}


class ChangePrinter:
    """Prints the result of each batch: `show` prints a block for each product, `warn` prints warnings alone."""

    def __init__(self) -> None:
        self._products = 0
        self._warnings = 0

    def show(self, result: ImportResult) -> None:
        """Prints the changes of a dry run to standard output."""
        for change in result.changes:
            self._products += 1
            if self._products <= SHOWN_PRODUCTS:
                for line in _block(change, result.references):
                    click.echo(line)
            elif self._products == SHOWN_PRODUCTS + 1:
                click.echo("further products are only counted")

    def warn(self, result: ImportResult) -> None:
        """Prints a line to standard error for each stock that differs from the file's, or that has become unlimited."""
        for change in result.changes:
            for unit in change.units:
                warning = _warning(unit)
                if warning is None:
                    continue
                self._warnings += 1
                if self._warnings <= SHOWN_WARNINGS:
                    where = f"{_printable(change.after.sku)}, {_place(unit, result.references)}"
                    click.echo(f"{where}: {warning}", err=True)
                elif self._warnings == SHOWN_WARNINGS + 1:
                    click.echo("further warnings are not shown", err=True)


def _block(change: ProductChange, references: References) -> Iterator[str]:
    created = change.before is None
    yield f"{_printable(change.after.sku)}: {'created' if created else 'updated'}"
    if change.before is not None:
        yield from _members(change.before, change.after, references)
    for unit in change.units[:SHOWN_UNITS]:
        yield f"  {_place(unit, references)}: {'; '.join(_unit(unit, references))}"
    if len(change.units) > SHOWN_UNITS:
        yield f"  and {len(change.units) - SHOWN_UNITS} more units"


def _members(before: NewProduct, after: NewProduct, references: References) -> Iterator[str]:
    for name in attrs.fields_dict(NewProduct):
        if name != "updated_at" and getattr(before, name) != getattr(after, name):
            old, new = (_described(name, getattr(product, name), references) for product in (before, after))
            yield f"  {_MEMBERS.get(name, name)}: {old} -> {new}"


def _described(name: str, value: Any, references: References) -> str:
    rows: Mapping[str, Mapping[Any, Any]] = {
        "gender_id": references.genders,
        "brand_ids": references.brands,
        "category_ids": references.categories,
        "tag_ids": references.tags,
    }
    if name == "gender_id":
        value = rows[name][value].name
    elif name in rows:
        value = ", ".join(sorted(rows[name][row_id].name for row_id in value))
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return _printable(text if len(text) <= _LONGEST_VALUE else f'{text[:_LONGEST_VALUE]}..."')


def _unit(change: UnitChange, references: References) -> Iterator[str]:
    before, after = change.before, change.after
    if before is None:
        sold_out = "" if after.available else ", unavailable"
        yield f"added, price {_price(after, references)}, stock {_stock(after)}{sold_out}"
        return
    if change.withdrawn:
        yield "withdrawn"
    elif after.available and not before.available:
        yield "available again"
    if (before.price, before.currency_id) != (after.price, after.currency_id):
        yield f"price {_price(before, references)} -> {_price(after, references)}"
    if before.stock != after.stock:
        yield f"stock {_stock(before)} -> {_stock(after)}"
    if (warning := _warning(change)) is not None:
        yield warning


def _warning(change: UnitChange) -> str | None:
    if change.out_of_range is not None:
        sold = change.before.sold if change.before is not None else 0
        return f"the file leaves {change.out_of_range} after {sold} sold; the stock is {_stock(change.after)}"
    if change.before is not None and change.before.stock is not None and change.after.stock is None:
        return f"was limited to {change.before.stock}, is bought to order from now on"
    return None


def _place(change: UnitChange, references: References) -> str:
    platform = references.platforms[change.after.platform_id]
    delivery = references.delivery_types[change.after.delivery_type_id].name
    return _printable(f"{_size(change.size)}, {platform.name}, {delivery}")


def _size(grid: SizeGrid) -> str:
    if grid == NO_SIZE:
        return "no size"
    values = {documented: getattr(grid, column) for column, documented in DOCUMENTED_COLUMNS.items()}
    return " ".join(f"{column} {value}" for column, value in values.items() if value != "0")


def _price(unit: NewProductUnit, references: References) -> str:
    return _printable(f"{unit.price} {references.currencies[unit.currency_id].name}")


def _stock(unit: NewProductUnit) -> str:
    return "to order" if unit.stock is None else str(unit.stock)


def _printable(text: str) -> str:
    """The text with `?` in place of characters that are not printable, such as a terminal's control codes."""
    return "".join(character if character.isprintable() else "?" for character in text)
