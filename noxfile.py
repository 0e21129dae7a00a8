"""Everything that must hold before a change lands: `nox` runs it, `nox -t deep` what takes longer, `nox -s NAME` one
part.

Each session installs the project as a wheel into an environment of its own, so what is tested is what is shipped.
"""

from pathlib import Path

import nox

nox.needs_version = ">=2026.4.10"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True

PYPROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, group: str) -> None:
    """Installs the project with its server, and one of pyproject's dependency groups."""
    session.install(".[server]", *nox.project.dependency_groups(PYPROJECT, group))


@nox.session
def lint(session: nox.Session) -> None:
    """Style and the mistakes that can be seen without running anything."""
    session.install(*nox.project.dependency_groups(PYPROJECT, "lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Types, strictly."""
    install(session, "types")
    session.run("mypy", "src", "tests", "benchmarks", "noxfile.py", "examples")
    # What a reader copies has to pass the checkers of other projects, too.
    folder = session.create_tmp()
    session.run("python", "-m", "tests.examples", folder)
    with session.chdir(folder):
        session.run("mypy", "--strict", ".")
        session.run("pyright")


@nox.session
def unit(session: nox.Session) -> None:
    """The core alone, and whether its tests run every branch of it; with arguments only the tests that they choose."""
    install(session, "test")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/unit", *session.posargs)
    if not session.posargs:
        session.run("coverage", "report")


@nox.session
def contract(session: nox.Session) -> None:
    """Every store, the HTTP API over every store, and the command."""
    install(session, "test")
    session.run("pytest", "-n", "auto", "tests/contract", *session.posargs)


def install_lowest(session: nox.Session) -> None:
    """Installs the project, tests and all, in the oldest versions that it allows itself."""
    session.install("uv")
    wanted = [".[server]", *nox.project.dependency_groups(PYPROJECT, "test")]
    session.run("uv", "pip", "install", "--resolution", "lowest-direct", *wanted, silent=True)


@nox.session
def lowest(session: nox.Session) -> None:
    """The oldest versions that the project allows itself, for users who have them: what touches each of them."""
    install_lowest(session)
    subjects = (
        "store/test_store",
        "databases/test_migrations",
        "api/test_conformance",
        "api/test_shopping",
        "api/test_tokens",
        "documentation/test_openapi",
        "middleware/test_rate_limits",
        "command/test_command",
    )
    files = [f"tests/contract/{subject}.py" for subject in subjects]
    session.run("pytest", "-q", "-n", "auto", "tests/unit", *files, *session.posargs)


@nox.session(default=False, tags=["deep"])
def lowest_whole(session: nox.Session) -> None:
    """Every test with the oldest versions."""
    install_lowest(session)
    session.run("pytest", "-q", "-n", "auto", "tests/unit", "tests/contract", *session.posargs)


@nox.session
def fuzzing(session: nox.Session) -> None:
    """Requests made up from the OpenAPI document; arguments after -- are tests.fuzzing's."""
    install(session, "fuzzing")
    session.run("python", "-m", "tests.fuzzing", *(session.posargs or ["--examples=10", "--seeds", "1"]))


@nox.session(default=False, tags=["deep"])
def clients(session: nox.Session) -> None:
    """Clients that three generators make from the OpenAPI document: their types, and a purchase with each."""
    install(session, "clients")
    session.run("python", "-m", "tests.clients")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation as HTML, with an API reference; a warning fails."""
    install(session, "docs")
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "docs", "docs/_build")


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


@nox.session
def consistency(session: nox.Session) -> None:
    """Shops that are killed under load; arguments after -- are the checker's, and only it is run then."""
    install(session, "test")
    if session.posargs:
        session.run("python", "-m", "tests.consistency", *session.posargs)
        return
    session.run("python", "-m", "tests.consistency", "--rounds=6", "--seconds=8")
    session.run("pytest", "tests/consistency")
