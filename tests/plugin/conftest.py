"""pytest run on its own plugin, in folders without any test file."""

from pathlib import Path

# Loaded ahead, since pytester takes out again what a run inside this process has imported.
import hypothesis  # noqa: F401
import pytest

import gradkit.diagnosis.inquiry
import gradkit.pytest_plugin.items  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
CHEN = ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py"


@pytest.fixture
def swapped(pytester: pytest.Pytester) -> Path:
    """A submission with one mistake, in the folder that pytest is started in."""
    path = pytester.path / "chen.py"
    path.write_bytes(CHEN.read_bytes())
    return path


@pytest.fixture
def right(pytester: pytest.Pytester) -> Path:
    """A submission without any."""
    path = pytester.path / "right.py"
    path.write_bytes((ROOT / "reference" / "regression_numpy.py").read_bytes())
    return path
