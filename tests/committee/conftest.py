"""One small committee for all tests that only read it."""

from __future__ import annotations

import pytest
from committees import Made, make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two of three."""
    return make(tmp_path_factory.mktemp("committee"), 2, 3)
