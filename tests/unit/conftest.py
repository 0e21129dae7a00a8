"""What every unit test shares: a fresh shop, and Hypothesis without a deadline, since a slow machine is no failure."""

import pytest
from hypothesis import settings

from tests.unit.shop_scene import Scene

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")


@pytest.fixture
def scene() -> Scene:
    return Scene()
