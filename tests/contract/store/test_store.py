"""Every store obeys the laws of the ports and behaves like a model of the shop."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sellout_adapters.sql.search.postgres import PostgresSearch
from sellout_adapters.sql.search.sqlite import SqliteSearch
from sellout_adapters.testing.catalogue_version import CatalogueVersionContract
from sellout_adapters.testing.contract import StoreContract
from sellout_adapters.testing.search import generated
from sellout_adapters.testing.state_machine.machine import StoreMaker, shop_machine


class TestStore(StoreContract, CatalogueVersionContract):
    """The laws of the ports, on every store."""


def test_a_model_predicts_the_shop(make_store: StoreMaker, deep: bool) -> None:
    """After any sequence of operations, the store and the model agree."""
    run_state_machine_as_test(
        shop_machine(make_store),
        settings=settings(
            max_examples=100 if deep else 15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


@pytest.mark.parametrize("few", [1_000, 1])
def test_a_search_finds_what_the_definition_says(
    make_store: StoreMaker, few: int, monkeypatch: pytest.MonkeyPatch, deep: bool
) -> None:
    """The result is the same for each way in which a database can run the search."""
    for search in (PostgresSearch, SqliteSearch):
        monkeypatch.setattr(search, "few", few)
    generated.search_law(make_store, examples=100 if deep else 15)
