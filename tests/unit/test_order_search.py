"""The search for orders in memory obeys its laws."""

import pytest

from sellout_adapters.memory import MemoryStore
from sellout_adapters.testing.laws.shopping.order_search import OrderSearchLaws
from sellout_adapters.testing.scene import Scene


@pytest.fixture
def scene() -> Scene:
    return Scene(MemoryStore())


class TestOrderSearch(OrderSearchLaws):
    """The laws in memory."""
