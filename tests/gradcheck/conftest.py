"""For tests of single decisions, which a check makes with numpy's warnings off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture
def quietly() -> Iterator[None]:
    """Numbers off their domain are no matter, as in a check."""
    with np.errstate(all="ignore"):
        yield
