"""The checks of a change: `nox` runs the short ones, `nox -t deep` the long ones, `nox -s NAME` one part.

Each session installs the project as a wheel, so the tests test what is shipped. Parts with the same packages share a
session, and with it an environment.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2026.4.10"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str) -> None:
    """Installs the project with its server, and some of pyproject's dependency groups."""
    session.install(".[server]", *nox.project.dependency_groups(PYPROJECT, *groups))


@nox.session
def checks(session: nox.Session) -> None:
    """Style, strict types, and the documentation as HTML; a warning fails."""
    install(session, "lint", "types", "docs")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "src", "tests", "benchmarks", "noxfile.py", "examples", "docs")
    # What a reader copies has to pass the checkers of other projects, too: beside the wheel, without our settings.
    folder = session.create_tmp()
    session.run("python", "-m", "tests.examples", folder)
    with session.chdir(folder):
        session.run("mypy", "--config-file=", "--strict", ".")
        session.run("pyright")
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "docs", "docs/_build")


@nox.session
def tests(session: nox.Session) -> None:
    """The short form of every test, and whether the unit tests run every branch of the core."""
    install(session, "fuzzing")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/unit")
    session.run("coverage", "report")
    session.run("pytest", "-n", "auto", "tests/contract")
    session.run("python", "-m", "tests.fuzzing", "--examples=10", "--seeds", "1")
    session.run("python", "-m", "tests.consistency", "--rounds=2", "--seconds=4")


@nox.session(default=False, tags=["deep"])
def deep(session: nox.Session) -> None:
    """The long form of every test: all stores, all kill points, more seeds, and planted bugs."""
    install(session, "fuzzing")
    session.run("pytest", "-q", "-n", "auto", "tests/contract", "--deep")
    session.run("python", "-m", "tests.fuzzing", "--examples=40", "--seeds", "1", "2")
    session.run("python", "-m", "tests.consistency", "--rounds=6", "--seconds=8")
    session.run("pytest", "-q", "tests/consistency")


@nox.session(default=False)
def unit(session: nox.Session) -> None:
    """The unit tests; arguments after -- are pytest's."""
    install(session, "test")
    session.run("pytest", "-q", "tests/unit", *session.posargs)


@nox.session(default=False)
def contract(session: nox.Session) -> None:
    """The contract tests: every store, HTTP over every store, and the command; arguments after -- are pytest's."""
    install(session, "test")
    session.run("pytest", "-n", "auto", "tests/contract", *session.posargs)


@nox.session(default=False)
def fuzzing(session: nox.Session) -> None:
    """Requests generated from the OpenAPI document; arguments after -- are those of tests.fuzzing."""
    install(session, "fuzzing")
    session.run("python", "-m", "tests.fuzzing", *session.posargs)


@nox.session(default=False)
def consistency(session: nox.Session) -> None:
    """Shops that are killed under load; arguments after -- are those of tests.consistency."""
    install(session, "test")
    session.run("python", "-m", "tests.consistency", *session.posargs)


@nox.session(default=False, tags=["deep"])
def lowest(session: nox.Session) -> None:
    """The tests of what a dependency can break, with the oldest allowed versions."""
    session.install("uv")
    wanted = [".[server]", *nox.project.dependency_groups(PYPROJECT, "test")]
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", *wanted, silent=True)
    parts = (
        "store/test_store",
        "databases/test_migrations",
        "api/test_conformance",
        "api/test_shopping",
        "api/test_tokens",
        "documentation/test_openapi",
        "middleware/test_rate_limits",
        "command/test_command",
    )
    files = [f"tests/contract/{part}.py" for part in parts]
    session.run("pytest", "-q", "-n", "auto", "tests/unit", *files, *session.posargs)


@nox.session(default=False, tags=["deep"])
def clients(session: nox.Session) -> None:
    """Clients that three generators make from the OpenAPI document: their types, and a purchase with each."""
    install(session, "clients")
    session.run("python", "-m", "tests.clients")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """How fast the shop is beside what the machine can do; arguments after -- are benchmarks.bench's."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.bench", *session.posargs)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Whether the core's tests notice any change of it."""
    install(session, "mutation")
    session.run("python", "-m", "tests.mutation")


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of what is installed with the project. Needs the internet."""
    session.install(".[server,postgres,redis]")
    installed = session.run("python", "-m", "pip", "freeze", "--exclude", "sellout", silent=True)
    wanted = Path(session.create_tmp()) / "installed.txt"
    wanted.write_text(str(installed))
    session.install(*nox.project.dependency_groups(PYPROJECT, "audit"))
    session.run("pip-audit", "--strict", "--disable-pip", "--no-deps", "--requirement", str(wanted))
