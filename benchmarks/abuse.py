"""How long a buyer waits while the shop is attacked.

    python -m benchmarks.abuse [--database sqlite|postgresql|both] [--products N] [--seconds S] [--attack NAME ...]
        [--addresses N]

Fills a new SQLite file and a private PostgreSQL as `benchmarks.bench` does. Starts `sellout serve` with its default
limits anew for each row. A buyer logs in once and then repeats three steps: read a card, fill the cart, check out. The
buyer's waits are measured alone, during the control, and during each attack. The control is the same number of
connections, which read a cached page. The attackers are another process. Their address is 127.0.1.1; `--addresses` adds
more. NO in a row means that the shop missed a target.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from typing import Any, Final

import attrs
import click

from benchmarks.attacks import ATTACKS, CONTROL, Attack, Target, furnish_target
from benchmarks.figures import markdown, tell
from benchmarks.servers import Server, shop_server
from benchmarks.shops import KINDS, Place, loaded, place
from benchmarks.visitors import TIMEOUT, Visit, Waits, buy, log_in, until_answered
from sellout_http.settings.model import DEFAULT_LIMITS, variable_name

LONGER: Final = 2
"""The largest allowed ratio of a buyer's p99 during an attack to the p99 without it."""

MEMORY: Final = 400
"""The largest allowed memory of a worker, in MiB."""

RECOVERY: Final = 5
"""The seconds after an attack within which the shop must have recovered."""

_LONGEST_RECOVERY: Final = 60
_STOP_SECONDS: Final = 5
_LIMITS: Final[dict[str, Any]] = {variable_name(name): str(limit) for name, limit in DEFAULT_LIMITS.items()}
_COLUMNS: Final = (
    "attack",
    "connections",
    "alone: checkout p50 ms",
    "p99 ms",
    "control: checkout p50 ms",
    "p99 ms",
    "attack: checkout p50 ms",
    "p99 ms",
    "at most",
    "5xx",
    "refused",
    "peak MiB",
    "over after s",
    "holds",
)


@attrs.frozen
class Outcome:
    """The waits of a visitor during an attack, the worker's peak memory in MiB, and the seconds of the recovery."""

    waits: Waits
    peak_mib: float
    recovery: float


@attrs.frozen
class Bench:
    """Measures visitors of one shop.

    Attributes:
        target: The shop.
        seconds: The duration of each measurement.
        addresses: The number of the attackers' IP addresses.
    """

    target: Target
    seconds: float
    addresses: int
    _numbers: Iterator[int] = attrs.field(factory=count, init=False)
    _log_ins: Iterator[int] = attrs.field(factory=count, init=False)

    def row(self, attack: Attack, alone: Outcome, control: Outcome) -> Sequence[str]:
        """Measures an attack and returns its row."""
        found = self.outcome(attack, log_ins=attack.log_ins)
        most = LONGER * (alone if attack.beside == "alone" else control).waits.p99
        waits = found.waits
        holds = (
            waits.p99 <= most and not waits.failures and found.peak_mib < MEMORY and found.recovery < RECOVERY
        ) and not (attack.log_ins and waits.refusals)
        kinds = ", ".join(sorted(set(waits.failures)))
        return (
            attack.name,
            str(attack.connections),
            *_figures(alone),
            *_figures(control),
            *_figures(found),
            f"{most:.1f}",
            f"{len(waits.failures)} of {len(waits.milliseconds)}" + (f" ({kinds})" if kinds else ""),
            str(len(waits.refusals)),
            f"{found.peak_mib:.0f}",
            f"{found.recovery:.1f}",
            "yes" if holds else "NO",
        )

    def outcome(self, attack: Attack | None, *, log_ins: bool = False) -> Outcome:
        """Measures the waits of a visitor during an attack, or without one."""
        shop = self.target.shop
        buyers = shop.people.buyers[:-1]
        number = next(self._numbers)
        # A different buyer each time, because log-ins of one account are limited.
        visit = log_in(buyers, self._log_ins) if log_ins else buy(buyers[number % len(buyers)], number)
        with shop_server(shop.place.folder, shop.url, logging=False, **_LIMITS) as server:
            until_answered(server, TIMEOUT)
            _visited(visit, server, min(2.0, self.seconds))  # warm-up
            server.forget_peak()
            with self._attacking(server, attack):
                waits = _visited(visit, server, self.seconds)
            return Outcome(waits, server.peak_mib(), until_answered(server, _LONGEST_RECOVERY))

    @contextmanager
    def _attacking(self, server: Server, attack: Attack | None) -> Iterator[None]:
        if attack is None:
            yield
            return
        plan = {
            "port": server.port,
            "behaviour": attack.behaviour,
            "connections": attack.connections,
            "addresses": self.addresses,
            "requests": [request.decode("latin-1") for request in attack.requests(self.target)],
        }
        attacker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.attacker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert attacker.stdin is not None
        assert attacker.stdout is not None
        with attacker:
            try:
                attacker.stdin.write(json.dumps(plan).encode())
                attacker.stdin.close()
                assert attacker.stdout.readline(), "the attacker failed"
                yield
                assert attacker.poll() is None, "the attacker ended before its time"
            finally:
                attacker.kill()
                attacker.wait(_STOP_SECONDS)


@click.command()
@click.option("--database", default="both", type=click.Choice([*KINDS, "both"]), help="The shop's database. [both]")
@click.option("--products", default=1000, type=click.IntRange(1000, 2_000_000), help="The number of products. [1000]")
@click.option("--seconds", default=40.0, type=click.FloatRange(1, 3600), help="The duration of each measurement. [40]")
@click.option(
    "--attack",
    "names",
    multiple=True,
    type=click.Choice([each.name for each in ATTACKS]),
    help="Not all.",
)
@click.option("--addresses", default=1, type=click.IntRange(1, 1000), help="IP addresses of the attackers. [1]")
def main(database: str, products: int, seconds: float, names: Sequence[str], addresses: int) -> None:
    """Run attacks, and print how long a buyer waits."""
    attacks = [attack for attack in ATTACKS if not names or attack.name in names]
    for kind in KINDS if database == "both" else (database,):
        with place(kind) as where:
            version, rows = measure(where, products, attacks, lambda target: Bench(target, seconds, addresses))
        click.echo(f"\n{version}, {products:,} products, {seconds:g} s each, {addresses} addresses\n")
        click.echo(markdown([_COLUMNS, *rows]))


def measure(
    where: Place, products: int, attacks: Sequence[Attack], bench_of: Callable[[Target], Bench]
) -> tuple[str, Sequence[Sequence[str]]]:
    """The version of the database, and a row for each attack. The rows without an attack and with the control are
    measured once for each number of connections.
    """
    with loaded(where, products, 1) as shop:
        bench = bench_of(furnish_target(shop))

        @cache
        def compared(connections: int, *, log_ins: bool) -> Outcome:
            control = Attack("control", connections, CONTROL) if connections else None
            return bench.outcome(control, log_ins=log_ins)

        rows = []
        for attack in attacks:
            alone = compared(0, log_ins=attack.log_ins)
            # A reader for each socket would itself be an attack.
            control = compared(min(attack.connections, 100), log_ins=attack.log_ins)
            rows.append(bench.row(attack, alone, control))
            tell(f"{where.kind}: " + " | ".join(rows[-1]))
        return shop.version(), rows


def _visited(visit: Visit, server: Server, seconds: float) -> Waits:
    waits = Waits()
    visit(server, waits, time.monotonic() + seconds)
    return waits


def _figures(outcome: Outcome) -> tuple[str, str]:
    return f"{outcome.waits.p50:.1f}", f"{outcome.waits.p99:.1f}"


if __name__ == "__main__":
    main()
