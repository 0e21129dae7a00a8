"""Commands for catalogue files: `import` and `export`."""

import sys
from collections.abc import Callable, Iterator
from typing import IO, Final

import click

from sellout_adapters.catalogue_file.codec import encode
from sellout_adapters.catalogue_file.importing import ImportReport, import_lines
from sellout_adapters.catalogue_file.kinds import HEAD, other_kind
from sellout_adapters.catalogue_file.lines import BadLine, GoodLine
from sellout_adapters.catalogue_file.skus import distinct_lines, readable_twice
from sellout_core.errors import Unavailable
from sellout_core.people.accounts import OPERATOR
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.exporting import export_products
from sellout_http.command.common import database_url_option, opened_shop, settings_of
from sellout_http.command.import_report import ChangePrinter
from sellout_http.command.terminal import Failure, Interrupted, Refusal, escaped, progress, reading, reason_of, writing

REPORTED_LINES: Final = 100
"""The maximum number of bad lines that an import describes. Further ones are only counted."""


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
