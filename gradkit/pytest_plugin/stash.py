"""Keys of the values that the plugin stores in pytest's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gradkit.pytest_plugin.items import Grading

SEED = pytest.StashKey[int]()
"""Seed of the random inputs."""

GRADING: pytest.StashKey[Grading] = pytest.StashKey()
"""Grading session of this process, once it is open."""
