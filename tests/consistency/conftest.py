"""The marks of the consistency checker's own tests."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Registers the mark."""
    config.addinivalue_line("markers", "known_law: an earlier planted bug shows that its law can be violated")
