"""Fixtures for tests of single decisions of a gradient check."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture
def quietly() -> Iterator[None]:
    """Turn numpy's warnings off during the test, as in a check."""
    with np.errstate(all="ignore"):
        yield
