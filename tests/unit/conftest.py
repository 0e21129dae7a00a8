"""The fixtures of unit tests: a shop in memory, and Hypothesis without a deadline, because a machine may be slow."""

import pytest
from hypothesis import settings

from tests.unit.shop_scene import Scene

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def scene() -> Scene:
    return Scene()
