"""What runs without the extras, and the message that names the missing extra."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sellout_core
from sellout_adapters.extras import PACKAGES

ROOT = Path(__file__).parents[2]
SOURCES = str(Path(sellout_core.__file__).parents[1])
HIDE = """
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

class Hidden(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        ours = top.startswith(("sellout_", "__editable__", "_sysconfigdata"))
        if ours or top in SHOWN or top in sys.stdlib_module_names:
            return None
        raise ModuleNotFoundError(f"No module named {top!r}", name=top)

sys.path.insert(0, SOURCES)
for name in [name for name in sys.modules if name.partition(".")[0] not in sys.stdlib_module_names]:
    if not name.startswith("__"):
        del sys.modules[name]
sys.meta_path.insert(0, Hidden())
"""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def alone(code: str, *shown: str) -> subprocess.CompletedProcess[str]:
    """Runs code in a process that finds only the standard library, this project, attrs and the given packages."""
    prelude = f"SOURCES = {SOURCES!r}\nSHOWN = { ({'attr', 'attrs', *shown})!r}\n{HIDE}"
    return subprocess.run(  # noqa: S603 - code of this test
        [sys.executable, "-c", prelude + code], capture_output=True, text=True, check=False, timeout=300
    )


def test_the_core_the_memory_store_and_the_laws_run_with_attrs_alone() -> None:
    """The one law that needs a package says what to install."""
    ran = alone("""
import pkgutil, importlib, sellout_core
from sellout_adapters.extras import MissingExtra
from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.contract import StoreContract
from sellout_adapters.testing.harness import laws
for module in pkgutil.walk_packages(sellout_core.__path__, "sellout_core."):
    importlib.import_module(module.name)
held, missing = 0, []
for name, law in laws(StoreContract):
    try:
        law(MemoryStore())
        held += 1
    except MissingExtra as error:
        missing.append(f"{name}: {error}")
print(held, missing)
""")
    assert ran.stderr == ""
    held, _, missing = ran.stdout.strip().partition(" ")
    assert int(held) > 100
    assert missing == repr(["test_laws_on_generated_data: hypothesis is not installed: pip install 'sellout[testing]'"])


@pytest.mark.parametrize(
    ("code", "shown", "package", "extra"),
    [
        ("import sellout_adapters.sql", "", "SQLAlchemy", "sql"),
        ("import sellout_adapters.testing.state_machine.machine", "", "hypothesis", "testing"),
        ("import sellout_adapters.testing.search.generated", "", "hypothesis", "testing"),
        ("import sellout_adapters.passwords", "", "argon2-cffi", "standard"),
        ("import sellout_adapters.tokens", "", "PyJWT", "standard"),
        ("import sellout_adapters.one_time_codes", "", "pyotp", "standard"),
        ("import sellout_adapters.catalogue_file.codec", "", "msgspec", "standard"),
        ("import sellout_adapters.demo", "", "msgspec", "standard"),
        ("import sellout_adapters.redis_counter", "", "redis", "redis"),
        ("import sellout_adapters.payments.stripe", "", "stripe", "stripe"),
        (
            (
                "from sellout_adapters.system import assemble\n"
                "from sellout_adapters.memory import MemoryStore\n"
                "assemble(MemoryStore(), 'k' * 32)"
            ),
            "",
            "pyotp",
            "standard",
        ),
        (
            "from sellout_adapters.sql import SqlStore\nSqlStore.open('postgresql://user@host/shop')",
            "sqlalchemy alembic cachetools greenlet msgspec pyroaring typing_extensions mako markupsafe",
            "psycopg",
            "postgres",
        ),
    ],
)
def test_what_is_missing_names_its_extra(code: str, shown: str, package: str, extra: str) -> None:
    ran = alone(code, *shown.split())
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert re.search(rf": {package} is not installed: pip install 'sellout\[{extra}\]'\.?$", last), ran.stderr


def test_the_command_without_its_packages_says_what_to_install() -> None:
    ran = alone("from sellout_http.__main__ import main; main()")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "sellout: the command's packages are not installed: pip install 'sellout[server]'\n"
    assert PROJECT["scripts"] == {"sellout": "sellout_http.__main__:main"}


def test_a_module_that_does_not_exist_is_no_missing_extra() -> None:
    ran = alone(
        "from sellout_adapters.extras import naming_extras\nwith naming_extras():\n    import sellout_core.none"
    )
    assert ran.stderr.strip().splitlines()[-1] == "ModuleNotFoundError: No module named 'sellout_core.none'"


def test_every_package_that_is_named_is_brought_by_its_extra() -> None:
    extras = PROJECT["optional-dependencies"]
    names = {extra: {re.split(r"[\[<>=; ]", wanted)[0] for wanted in packages} for extra, packages in extras.items()}
    assert [name for name, extra in PACKAGES.values() if name not in names[extra]] == []
    assert PROJECT["dependencies"] == ["attrs>=25.3"]
