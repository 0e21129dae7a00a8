"""Figures: their measurement in rounds, and their table."""

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Final

import attrs
import click

from benchmarks.load import Sample

Measure = Callable[[], Sample]

_COLUMNS: Final = (
    "what",
    "a second",
    "p50 ms",
    "p99 ms",
    "statements",
    "compared with: a second",
    "p50 ms",
    "driver alone",
    "figure",
    "lowest to highest",
    "target",
    "reached",
)


@attrs.frozen(kw_only=True)
class Figure:
    """One row: the measurements, the baseline, and the value of each round.

    Attributes:
        what: The name of the row.
        values: The value of each round, a ratio unless `unit` says otherwise.
        target: The value that the median must reach, if any.
        at_most: Whether the target is a maximum.
        statements: The number of statements of one request.
        driver: How often in a second the driver alone runs the statements of the response, without a cache.
        shop: The measurements of the shop, by round.
        compared: The measurements of the baseline, by round.
    """

    what: str
    values: Sequence[float]
    target: float | None
    at_most: bool = False
    unit: str = ""
    statements: int | None = None
    driver: float | None = None
    shop: Sequence[Sample] = ()
    compared: Sequence[Sample] = ()

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median is as good as the target, or None without a target."""
        if self.target is None:
            return None
        return self.median <= self.target if self.at_most else self.median >= self.target

    def cells(self) -> Sequence[str]:
        """The cells of the row."""
        sign = "≤" if self.at_most else "≥"
        spread = f"{self._shown(min(self.values))} to {self._shown(max(self.values))}" if len(self.values) > 1 else ""
        return (
            self.what,
            _median(self.shop, "per_second"),
            _median(self.shop, "p50"),
            _median(self.shop, "p99"),
            "" if self.statements is None else str(self.statements),
            _median(self.compared, "per_second"),
            _median(self.compared, "p50"),
            "" if self.driver is None else f"{self.driver:,.0f}",
            f"{self._shown(self.median)}{self.unit and ' '}{self.unit}",
            spread,
            "" if self.target is None else f"{sign} {self.target:g}{self.unit and ' '}{self.unit}",
            {True: "yes", False: "NO", None: ""}[self.reached],
        )

    def _shown(self, value: float) -> str:
        return f"{value:.1f}" if self.unit else f"{value:.2f}"


@attrs.frozen
class Rounds:
    """The number of rounds, and the duration of a measurement."""

    number: int
    seconds: float

    def compare(self, what: str, shop: Measure, compared: Measure) -> tuple[Sequence[Sample], Sequence[Sample]]:
        """Alternates measurements of two things, so a slow phase of the machine affects both."""
        pairs = []
        for number in range(self.number):
            pairs.append((shop(), compared()))
            one, other = (f"{each.per_second:,.0f}/s" for each in pairs[-1])
            tell(f"{what}, round {number + 1} of {self.number}: {one}, compared with {other}")
        return [one for one, _ in pairs], [other for _, other in pairs]


def faster(shop: Sequence[Sample], compared: Sequence[Sample]) -> Sequence[float]:
    """The ratio of the throughput, by round."""
    return [one.per_second / other.per_second for one, other in zip(shop, compared, strict=True)]


def longer(shop: Sequence[Sample], compared: Sequence[Sample]) -> Sequence[float]:
    """The ratio of the median latency, by round."""
    return [one.p50 / other.p50 for one, other in zip(shop, compared, strict=True)]


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    return markdown([_COLUMNS, *(figure.cells() for figure in figures)])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table. The first row is its head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(_padded(row, widths)) for row in rows]
    lines.insert(
        1, " | ".join("-" * width if not index else "-" * (width - 1) + ":" for index, width in enumerate(widths))
    )
    return "\n".join(f"| {line} |" for line in lines)


def tell(what: str) -> None:
    """Prints the progress to stderr."""
    click.echo(what, file=sys.stderr)


def _padded(row: Sequence[str], widths: Sequence[int]) -> Sequence[str]:
    first, *others = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]


def _median(samples: Sequence[Sample], field: str) -> str:
    if not samples:
        return ""
    value = statistics.median(getattr(sample, field) for sample in samples)
    if math.isnan(value):
        return ""
    return f"{value:,.0f}" if field == "per_second" else f"{value:.2f}"
