"""Stores that can be opened again keep the laws of durability, and a store that loses everything breaks them."""

import subprocess
import sys
from pathlib import Path

import pytest
from examples.snapshot_store import snapshot_store

from sellout_adapters.testing.contract import StoreContract
from sellout_adapters.testing.durability import DurabilityContract, Reopenable
from sellout_adapters.testing.harness import laws
from tests.contract.conftest import PERSISTENT
from tests.contract.support.command import environment

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
    """The laws, on the stores that are durable. The store in memory is not."""

    @pytest.fixture(params=[*PERSISTENT, "snapshot"])
    def reopenable(self, request: pytest.FixtureRequest, tmp_path: Path) -> Reopenable:
        """Opens one store in the test's folder."""
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


@pytest.mark.parametrize("name", sorted(name for name, _ in laws(StoreContract) if "generated" not in name))
def test_the_example_store_obeys_the_laws(name: str, tmp_path: Path) -> None:
    with snapshot_store(tmp_path / "shop.pickle") as store:
        dict(laws(StoreContract))[name](store)


def test_the_page_on_writing_a_store_holds_the_example_as_it_is() -> None:
    example = (ROOT / "examples" / "snapshot_store.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```\n" in (ROOT / "docs" / "write-a-store.md").read_text(encoding="utf-8")
