"""Imports the lines of a catalogue file in batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import attrs

from sellout_adapters.extras import naming_extras
from sellout_core.people.accounts import OPERATOR
from sellout_core.shop import Shop
from sellout_core.use_cases.catalogue.importing.changes import ImportCounts, ImportResult
from sellout_core.use_cases.catalogue.importing.entries import ProductEntry
from sellout_core.use_cases.catalogue.importing.writing import import_products

with naming_extras():
    pass
from sellout_adapters.catalogue_file.lines import MAX_LINE, BadLine, GoodLine

BATCH_ENTRIES: Final = 200
BATCH_BYTES: Final = 8 * MAX_LINE


@attrs.frozen
class ImportReport:
    """What an import has done so far: products by what became of them, and the number of bad lines."""

    counts: ImportCounts = ImportCounts()
    bad: int = 0


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
