"""Commands for catalogue files: `import` and `export`."""

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final

import attrs
import click

from sellout_adapters.catalogue_file.codec import encode
from sellout_adapters.catalogue_file.importing import ImportReport, import_lines
from sellout_adapters.catalogue_file.kinds import HEAD, other_kind
from sellout_adapters.catalogue_file.lines import BadLine, GoodLine
from sellout_adapters.catalogue_file.skus import distinct_lines, readable_twice
from sellout_core.catalogue.products import NO_SIZE, NewProduct, NewProductUnit, References, SizeGrid
from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.changes import ImportResult, ProductChange, UnitChange
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_http.command.common import database_url_option, opened_shop, settings_of
from sellout_http.command.terminal import Failure, Interrupted, Refusal, escaped, progress, reading, reason_of, writing
from sellout_http.schemas.serializers import DOCUMENTED_COLUMNS

REPORTED_LINES: Final = 100
"""The maximum number of bad lines that an import describes. Further ones are only counted."""
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


@click.command("import", short_help="Bring a catalogue file into the shop.")
@click.argument("file", metavar="FILE.jsonl")
@click.option("--counted", is_flag=True, help="Each stock was just counted: do not subtract what was sold before.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and write nothing.")
@database_url_option
def import_(file: str, counted: bool, dry_run: bool, database_url: str | None) -> None:
    """Bring a catalogue file (- is standard input) into the shop: JSON Lines, one product a line.

    Products are matched by sku. Pieces sold since the file was written stay sold. Bad lines are reported and skipped;
    the exit code is then 1. If two lines have the same sku, both are bad lines.
    """
    settings = settings_of({"database_url": database_url})
    report = ImportReport()

    def remember(current: ImportReport) -> None:
        nonlocal report
        report = current

    printer = ChangePrinter()
    finished = "nothing was written; read so far" if dry_run else "completed transactions stay in the shop"
    with reading(file) as stream, opened_shop(settings) as shop:
        try:
            with readable_twice(stream) as content:
                _require_json_lines(file, content)
                with progress(content) as advance:
                    import_lines(
                        shop,
                        _reporting(distinct_lines(content), advance),
                        remember,
                        printer.show if dry_run else printer.warn,
                        counted=counted,
                        dry_run=dry_run,
                    )
        except KeyboardInterrupt:
            raise Interrupted(f"stopped; {finished}: {_summary(report)}") from None
        except Unavailable:
            raise Refusal(f"the database cannot answer now; {finished}: {_summary(report)}") from None
        except BrokenPipeError:
            raise  # the reader of the command's output has ended
        except OSError as error:
            raise Refusal(f"cannot read {escaped(file)} to its end: {reason_of(error)}; {_summary(report)}") from None
    click.echo(("Nothing was written. An import would give: " if dry_run else "") + _summary(report))
    if report.bad:
        sys.exit(Refusal.exit_code)


@click.command(short_help="Write the catalogue to a file.")
@click.argument("file", required=False)
@database_url_option
def export(file: str | None, database_url: str | None) -> None:
    """Write every product as a catalogue file, to FILE or to standard output."""
    with opened_shop(settings_of({"database_url": database_url})) as shop, writing(file) as stream:

        def write(entry: ProductEntry) -> None:
            stream.write(encode(entry))

        export_products(shop, OPERATOR, write)


def _require_json_lines(file: str, content: IO[bytes]) -> None:
    """Checks the beginning of a file without changing its position.

    Raises:
        Failure: the file is of another kind.
    """
    start = content.tell()
    kind = other_kind(content.read(HEAD))
    content.seek(start)
    if kind is not None:
        raise Failure(
            f"{escaped(file)} looks like {kind}. An import takes JSON Lines in UTF-8: one product a line, each an"
            ' object such as {"sku": "af1", ...}. Nothing was imported'
        )


def _reporting(lines: Iterator[GoodLine | BadLine], advance: Callable[[int], None]) -> Iterator[GoodLine | BadLine]:
    """Passes the lines on, and prints the first `REPORTED_LINES` bad ones."""
    bad = 0
    for line in lines:
        if isinstance(line, BadLine):
            bad += 1
            if bad <= REPORTED_LINES:
                click.echo(f"line {line.number}: {line.reason}", err=True)
            elif bad == REPORTED_LINES + 1:
                click.echo("further bad lines are only counted", err=True)
        advance(line.length)
        yield line


def _summary(report: ImportReport) -> str:
    counts = report.counts
    return (
        f"{counts.created} created, {counts.updated} updated, {counts.unchanged} unchanged,"
        f" {report.bad} bad {'line' if report.bad == 1 else 'lines'}"
    )


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
