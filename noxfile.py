"""The checks of a change. `nox` runs the short ones, `nox -t deep` the long ones, and `nox -s NAME` one session.

Each session installs the project as a wheel, so the shipped files are tested. Checks that need the same packages are in
one session, because each session has its own environment.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2026.4.10"
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = True

PYPROJECT = nox.project.load_toml("pyproject.toml")
PARALLEL = ("-n", "auto", "--dist", "worksteal")
"""A test on each processor. Some modules take minutes, so idle workers take tests from busy ones."""


def install(session: nox.Session, *groups: str) -> None:
    """Installs the project with its server extra and with dependency groups of pyproject.toml."""
    session.install(".[server]", *nox.project.dependency_groups(PYPROJECT, *groups))


@nox.session
def checks(session: nox.Session) -> None:
    """Style, strict types, and the documentation as HTML. A warning fails."""
    install(session, "lint", "types", "docs")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy", "src", "tests", "benchmarks", "noxfile.py", "examples", "docs")
    # Readers copy these programs, so they must pass type checkers with the wheel alone and without our settings.
    folder = session.create_tmp()
    session.run("python", "-m", "tests.examples", folder)
    with session.chdir(folder):
        session.run("mypy", "--config-file=", "--strict", ".")
        session.run("pyright")
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "docs", "docs/_build")


@nox.session
def tests(session: nox.Session) -> None:
    """The short form of every test, and the branch coverage of the core by its unit tests."""
    install(session, "fuzzing")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", *PARALLEL, "tests/unit")
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")
    session.run("pytest", "-q", *PARALLEL, "tests/contract")


@nox.session(default=False, tags=["deep"])
def deep(session: nox.Session) -> None:
    """What the short form leaves out: all stores, all points of interruption, generated requests, killed servers, and
    planted bugs.
    """
    install(session, "fuzzing")
    session.run("pytest", "-q", *PARALLEL, "tests/contract", "--deep")
    session.run("python", "-m", "tests.fuzzing", "--examples=20", "--seeds", "1")
    session.run("python", "-m", "tests.consistency", "--rounds=4", "--seconds=6")
    session.run("pytest", "-q", *PARALLEL, "tests/consistency", "-m", "not known_law")


@nox.session(default=False)
def unit(session: nox.Session) -> None:
    """The unit tests. Arguments after -- go to pytest."""
    install(session, "test")
    session.run("pytest", "-q", "tests/unit", *session.posargs)


@nox.session(default=False)
def contract(session: nox.Session) -> None:
    """The contract tests: every store, HTTP on every store, and the command. Arguments after -- go to pytest."""
    install(session, "test")
    session.run("pytest", *PARALLEL, "tests/contract", *session.posargs)


@nox.session(default=False)
def fuzzing(session: nox.Session) -> None:
    """Requests generated from the OpenAPI document. Arguments after -- go to tests.fuzzing."""
    install(session, "fuzzing")
    session.run("python", "-m", "tests.fuzzing", *session.posargs)


@nox.session(default=False)
def consistency(session: nox.Session) -> None:
    """Shops whose processes are killed while buyers shop and staff work. Arguments after -- go to tests.consistency."""
    install(session, "test")
    session.run("python", "-m", "tests.consistency", *session.posargs)


@nox.session(default=False, tags=["deep"], venv_backend="uv")
def lowest(session: nox.Session) -> None:
    """The tests that an older dependency could break, with the oldest allowed versions."""
    wanted = [".[server]", *nox.project.dependency_groups(PYPROJECT, "test")]
    session.install("--resolution", "lowest-direct", *wanted)
    parts = (
        "store/test_idempotency",
        "sql/test_statement_budget",
        "databases/test_migrations",
        "api/test_conformance",
        "api/test_shopping",
        "api/test_tokens",
        "documentation/test_openapi",
        "middleware/test_rate_limits",
        "command/test_command",
    )
    files = [f"tests/contract/{part}.py" for part in parts]
    session.run("pytest", "-q", *PARALLEL, "tests/unit", *files, *session.posargs)


@nox.session(default=False, tags=["deep"])
def clients(session: nox.Session) -> None:
    """Clients that three generators make from the OpenAPI document: their types, and an order with each."""
    install(session, "clients")
    session.run("python", "-m", "tests.clients")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """How fast the shop is, compared with what the machine can do. Arguments after -- go to benchmarks.bench."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.bench", *session.posargs)


@nox.session(default=False)
def abuse(session: nox.Session) -> None:
    """How long a buyer waits while the shop is attacked. Arguments after -- go to benchmarks.abuse."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.abuse", *session.posargs)


@nox.session(default=False)
def mutation(session: nox.Session) -> None:
    """Changes of the core that its unit tests must notice, a fifth of them each day. Arguments go to tests.mutation."""
    install(session, "mutation")
    session.run("python", "-m", "tests.mutation", *session.posargs)


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Known vulnerabilities of the packages that the project installs. Needs the internet."""
    session.install(".[server,postgres,redis]", "pip")
    installed = session.run("python", "-m", "pip", "freeze", "--exclude", "sellout", silent=True)
    wanted = Path(session.create_tmp()) / "installed.txt"
    wanted.write_text(str(installed))
    session.install(*nox.project.dependency_groups(PYPROJECT, "audit"))
    session.run("pip-audit", "--strict", "--disable-pip", "--no-deps", "--requirement", str(wanted))
