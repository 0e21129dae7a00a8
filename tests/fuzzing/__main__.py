"""Runs schemathesis on the API's OpenAPI document: `python -m tests.fuzzing --examples 500 --seeds 1 2 3`.

All checks and the stateful phase run, with two logged-in users. The run fails if schemathesis finds an error, if the
server logs a 5xx, or if an operation never succeeded that needs no signature.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from sellout_http.routes import OPERATIONS
from tests.contract.support.command import running_server

HERE = Path(__file__).parent
SIGNED = {"POST /payment/notice/{provider}"}
"""The operations that need a signature, which no generated request has."""
RARE = 3
"""An operation with fewer successes is named: it may have none with another seed."""


def run(examples: int, seed: int) -> bool:
    """Fuzzes a new demo shop with this number of examples per operation. Whether no check failed."""
    with tempfile.TemporaryDirectory(prefix="sellout-fuzzing-") as folder:
        # Each request logs in, and a strong hash would take most of the time.
        cheap = {"SELLOUT_HASH_TIME_COST": "1", "SELLOUT_HASH_MEMORY_KIB": "8"}
        with running_server(Path(folder), "--demo", **cheap) as (server, _):
            url = f"http://127.0.0.1:{server.port}"
            command = [
                "-m",
                "schemathesis.cli",
                "--config-file",
                str(HERE / "schemathesis.toml"),
                "run",
                "--checks",
                "all",
            ]
            options = ["-n", str(examples), "--seed", str(seed), f"{url}/openapi.json"]
            paths = [str(HERE.parents[1]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, paths)),
                "SCHEMATHESIS_HOOKS": "tests.fuzzing.hooks",
                "FUZZED_URL": url,
            }
            # The folder is deleted with the files that schemathesis writes.
            done = subprocess.run(  # noqa: S603 - our own arguments
                [sys.executable, *command, *options], env=environment, check=False, cwd=folder
            )
            log = server.log()
    return done.returncode == 0 and complete(log)


def complete(log: str) -> bool:
    """Whether every operation succeeded at least once and none failed, by the server's log."""
    answers: Counter[tuple[str, int]] = Counter()
    for line in log.splitlines():
        entry = json.loads(line)
        if entry["event"] == "request":
            answers[f"{entry['method']} {entry['route']}", entry["status"] or 0] += 1
    succeeded = Counter[str]()
    for (name, status), number in answers.items():
        succeeded[name] += number * (200 <= status < 300)
    names = {f"{operation.method} {operation.path}" for operation in OPERATIONS} - SIGNED
    missed = {name for name in names if not succeeded[name]}
    rare = sorted(f"{succeeded[name]} of {name}" for name in names if 0 < succeeded[name] < RARE)
    failed = [entry for entry in answers if entry[1] >= 500]
    click.echo(f"{answers.total()} requests; fewest successes: {', '.join(rare) or 'none'}")
    click.echo(f"No success from {sorted(missed) or 'none'}; failures {failed or 'none'}")
    return not missed and not failed


def main() -> int:
    """Returns the exit code of the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--examples", type=int, default=500, help="for each operation and phase (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="a run each (default: 1 2 3)")
    arguments = parser.parse_args()
    clean = [run(arguments.examples, seed) for seed in arguments.seeds]
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
