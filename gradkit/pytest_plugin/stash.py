"""Keys of what a run of pytest keeps, shared by the plugin and its grading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gradkit.pytest_plugin.grading import Grading

SEED = pytest.StashKey[int]()
GRADING: pytest.StashKey[Grading] = pytest.StashKey()
