"""Durable stores obey the laws of durability, and the laws find a store that loses data."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
from examples.snapshot_store import snapshot_store

from sellout_adapters.memory import MemoryStore
from sellout_adapters.memory.tables import Table, Tables
from sellout_adapters.testing.contract import StoreContract
from sellout_adapters.testing.durability import DurabilityContract, Reopenable
from sellout_adapters.testing.harness import laws
from sellout_core.errors import SellOutError
from tests.contract.conftest import PERSISTENT
from tests.contract.support.command import environment
from tests.examples import programs

ROOT = Path(__file__).parents[3]
BROKEN = """
from contextlib import contextmanager
import pytest
from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.durability import DurabilityContract

@contextmanager
def forgetful():
    yield MemoryStore()

class TestForgetful(DurabilityContract):
    @pytest.fixture
    def reopenable(self):
        return forgetful
"""


class TestDurability(DurabilityContract):
    """The laws of durability, on each durable store. The store in memory is not durable."""

    @pytest.fixture(params=[*PERSISTENT, "snapshot"])
    def reopenable(self, request: pytest.FixtureRequest, tmp_path: Path) -> Reopenable:
        """Opens the store of the test's folder."""
        if request.param == "snapshot":
            return lambda: snapshot_store(tmp_path / "shop.pickle")
        return lambda: PERSISTENT[request.param](tmp_path)


def test_a_store_that_loses_everything_fails_and_the_failure_shows_values(tmp_path: Path) -> None:
    (tmp_path / "test_forgetful.py").write_text(BROKEN)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_forgetful.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 failed" in ran.stdout, ran.stdout
    assert "assert [] == [(1, ())]" in ran.stdout, ran.stdout


@pytest.mark.parametrize(
    "table",
    [
        *("users", "credentials", "sessions", "products", "skus", "units", "units_of", "carts", "wishlist_units"),
        *("promo_codes", "promo_code_ids", "orders", "stored_responses", "counters", "brands", "statuses"),
    ],
)
def test_a_store_that_loses_one_table_is_found_out(table: str) -> None:
    states = [Tables()]

    @contextmanager
    def reopenable() -> Generator[MemoryStore]:
        yield MemoryStore(attrs.evolve(states[-1], **{table: Table()}), on_commit=states.append)

    with pytest.raises((AssertionError, LookupError, SellOutError)):
        DurabilityContract().test_a_reopened_store_has_all_committed_data(reopenable)


@pytest.mark.parametrize("name", sorted(name for name, _ in laws(StoreContract) if "generated" not in name))
def test_the_example_store_obeys_the_laws(name: str, tmp_path: Path) -> None:
    with snapshot_store(tmp_path / "shop.pickle") as store:
        dict(laws(StoreContract))[name](store)


def test_the_page_on_writing_a_store_holds_the_example_as_it_is() -> None:
    example = (ROOT / "examples" / "snapshot_store.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```\n" in (ROOT / "docs" / "write-a-store.md").read_text(encoding="utf-8")


def test_the_tests_on_that_page_pass(tmp_path: Path) -> None:
    store, tests = programs("docs/write-a-store.md")
    (tmp_path / "snapshot_store.py").write_text(store, encoding="utf-8")
    (tmp_path / "test_snapshots.py").write_text(tests, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "opened or stored", "test_snapshots.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert " passed" in ran.stdout
