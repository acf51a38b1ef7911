"""Modules that a handout imports: of its package, beside it, or missing."""

from pathlib import Path

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.write import write_draft

pytestmark = pytest.mark.usefixtures("warm")

LAYERS = '''
import numpy as np

from ..numeric import stable
from .missing import Base, shuffle


def softmax(x):
    """Return the softmax.

    - x: Scores <numpy.ndarray>, labels or not, of shape (N, C)
    """
    e = np.exp(stable(x))
    return e / e.sum(axis=1, keepdims=True)


def shuffled(x):
    """Return the shuffled rows.

    - x: Inputs, of shape (N, C)
    """
    return shuffle(x)


class Layer(Base):
    def forward(self, x):
        return 2 * x


class Scale:
    @staticmethod
    def double(x):
        return 2 * x
'''

NUMERIC = """
from functools import reduce

import numpy

from .tools import axis


def stable(x):
    return x - reduce(numpy.maximum, numpy.moveaxis(x, axis(), 0))[:, None]
"""


@pytest.fixture(scope="module")
def left_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of an assignment that is drafted from a module of a package, and its omissions."""
    folder = tmp_path_factory.mktemp("package")
    for name, text in {
        "course/nets/layers.py": LAYERS,
        "course/numeric.py": NUMERIC,
        "course/tools.py": "def axis():\n    return 1\n",
        "course/nets/tools.py": "def axis():\n    return 0\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    _, reasons = write_draft(folder / "hw", folder / "course" / "nets" / "layers.py")
    return folder / "hw", dict(reasons)


def test_relative_imports_are_found_in_the_package(left_out: tuple[Path, dict[str, str]]) -> None:
    """Their definitions are in the model solution, and the module of another folder is not."""
    folder, _ = left_out
    text = (folder / "reference" / "layers.py").read_text(encoding="utf-8")
    assert "def stable(x)" in text
    assert "return 1" in text
    assert "from .." not in text
    assert 'inputs.x = "normal(N, C)"' in (folder / "assignment.toml").read_text(encoding="utf-8")
    assert not [
        p for task in audit_file(folder / "assignment.toml", None).tasks for p in task.problems
    ]


def test_only_what_needs_a_missing_module_is_left_out(
    left_out: tuple[Path, dict[str, str]],
) -> None:
    """The reason names the module; a class that cannot be defined is not in the model solution."""
    folder, reasons = left_out
    assert reasons.keys() == {"shuffled", "Layer"}
    assert all("No module named 'missing'" in reason for reason in reasons.values())
    assert "class Layer" not in (folder / "reference" / "layers.py").read_text(encoding="utf-8")


def test_static_methods_have_no_object(left_out: tuple[Path, dict[str, str]]) -> None:
    """The first parameter of a static method is an input."""
    text = (left_out[0] / "assignment.toml").read_text(encoding="utf-8")
    assert "out = layer.double(x)" in text
