"""The command: `python -m tests.consistency`."""

import json
import secrets
import sys
from pathlib import Path

import attrs
import click

from tests.consistency.deployment import Broken
from tests.consistency.run import Outcome, Plan, run


@click.command()
@click.option("--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both", help="[both]")
@click.option("--rounds", default=8, type=click.IntRange(0, 10_000), help="The number of faults. [8]")
@click.option("--seconds", default=10.0, type=click.FloatRange(1, 86_400), help="The minimum duration. [10]")
@click.option("--buyers", default=54, type=click.IntRange(2, 1000), help="The number of simultaneous buyers. [54]")
@click.option("--staff", default=10, type=click.IntRange(0, 100), help="The number of simultaneous staff. [10]")
@click.option(
    "--servers",
    default=0,
    type=click.IntRange(0, 8),
    help="The number of servers on the database. [1 on SQLite, 2 on PostgreSQL]",
)
@click.option("--workers", default=1, type=click.IntRange(1, 8), help="Processes of each server. [1]")
@click.option("--seed", default=-1, type=int, help="The seed of buyers, goods and faults. [random]")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="The file for the history, as JSON. [a file in this folder, after a violation]",
)
def main(
    database: str,
    rounds: int,
    seconds: float,
    buyers: int,
    staff: int,
    servers: int,
    workers: int,
    seed: int,
    keep: Path | None,
) -> None:
    """Run shops under load, cause faults, and check the laws.

    The exit code is 1 if a law is violated. The first line of output is the seed. With the same seed and options, the
    buyers and staff choose the same requests, and the faults come in the same order.
    """
    seed = secrets.randbelow(1_000_000) if seed < 0 else seed
    outcomes = []
    for kind in ("sqlite", "postgresql") if database == "both" else (database,):
        click.echo(f"{kind}, seed {seed}")
        plan = Plan(
            database=kind,
            seed=seed,
            rounds=rounds,
            seconds=seconds,
            buyers=buyers,
            staff=staff,
            servers=servers or (1 if kind == "sqlite" else 2),
            workers=workers,
            reprices=max(1, int(seconds / 10)),
        )
        try:
            outcomes.append(run(plan))
        except Broken as broken:
            raise click.ClickException(str(broken)) from broken
        click.echo(json.dumps(outcomes[-1].figures(), indent=2))
        for violation in outcomes[-1].violations[:50]:
            click.echo(f"{violation.law}: {violation.what}", err=True)
    if keep is None and any(outcome.violations for outcome in outcomes):
        keep = Path(f"consistency-{seed}.json")
    if keep is not None:
        click.echo(f"The history is in {keep}.")
        keep.write_text(json.dumps([_plain(outcome) for outcome in outcomes], default=str))
    sys.exit(any(outcome.violations for outcome in outcomes))


def _plain(outcome: Outcome) -> object:
    final = attrs.asdict(outcome.final)
    for name in ("left", "sold"):
        final[name] = [[*key, value] for key, value in getattr(outcome.final, name).items()]
    return {"figures": outcome.figures(), "past": attrs.asdict(outcome.past), "final": final}


if __name__ == "__main__":
    main()
