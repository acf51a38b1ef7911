"""What the plugin keeps with pytest's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gradkit.pytest_plugin.items import Grading

SEED = pytest.StashKey[int]()
GRADING: pytest.StashKey[Grading] = pytest.StashKey()
