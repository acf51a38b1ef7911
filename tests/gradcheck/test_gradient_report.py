"""A report as text, as a table, and not as a truth value; and the examples in the docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import gradkit.gradcheck
from gradkit.gradcheck import check_gradient

W = np.array([1.0, 2.0, 3.0])


def cube(x):
    """The sum of cubes."""
    return float(np.sum(x**3))


def named(p):
    """The same of a parameter with a name."""
    return cube(p["w"])


def test_a_report_is_no_truth_value() -> None:
    """Three verdicts do not fit into two."""
    report = check_gradient(cube, W, 3 * W**2)
    with pytest.raises(TypeError, match=r"no truth value: this one is 'agree'. Compare its"):
        bool(report)


def test_the_text_of_a_right_gradient() -> None:
    """A sentence with the evaluations and the coarsest resolution, and a table."""
    text = str(check_gradient(cube, W, 3 * W**2))
    assert text.startswith("The gradient agrees with finite differences in 3 entries (")
    assert "would have been found" in text


def test_the_text_of_a_wrong_gradient() -> None:
    """The worst entry comes first."""
    report = check_gradient(named, {"w": W}, {"w": np.array([3.0, 12.5, 27.0])})
    lines = str(report).splitlines()
    assert lines[0].startswith("The gradient disagrees with finite differences in 1 of 3 entries")
    assert lines[2].split()[:3] == ["entry", "claimed", "estimate"]
    assert lines[3].split()[:3] == ["w[1]", "12.5", "12"]
    assert lines[3].endswith("disagree")


def test_only_the_worst_entries_are_shown() -> None:
    """The others are counted."""
    report = check_gradient(cube, np.ones(20), np.full(20, 3.0))
    assert "… and 12 more, none of them worse." in str(report)


def test_reasons_and_directions_are_explained() -> None:
    """Each reason once, and what stands for all entries by name."""
    text = str(check_gradient(lambda x: float(np.abs(x).sum()), np.zeros(3), np.zeros(3)))
    assert text.count("kink: f has a kink there") == 1
    assert "[0]: slope -1 to the left, 1 to the right." in text
    report = check_gradient(named, {"w": W}, {"w": 3 * W**2}, entries="directions")
    assert "w along direction 0" in str(report)
    report = check_gradient(named, {"w": W}, {"w": W}, entries="directions")
    assert "directions" in str(report).splitlines()[0]
    assert str(check_gradient(lambda x: x, 1.0, 2.0)).count("(value)") == 1


def test_the_table() -> None:
    """One row for each entry; the slopes of a kink have columns of their own."""
    table = check_gradient(lambda x: float(np.abs(x).sum()), np.array([0.0, 1.0]), W[:2]).to_frame()
    assert table["verdict"].tolist() == ["inconclusive", "disagree"]
    assert table["index"].tolist() == [(0,), (1,)]
    assert table["left"][0] == pytest.approx(-1)
    assert np.isnan(table["right"][1])


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(gradkit.gradcheck.__path__)])
def test_examples_in_docstrings_run(name: str) -> None:
    """As they stand."""
    module = importlib.import_module(f"gradkit.gradcheck.{name}")
    assert doctest.testmod(module, verbose=False).failed == 0


def test_importing_costs_numpy_alone() -> None:
    """Torch, pandas and scipy are loaded where they are needed, not before."""
    code = (
        "import sys, gradkit.gradcheck; "
        "print(sorted({'torch', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"


def test_the_worst_row_is_the_one_that_is_off_by_the_largest_part() -> None:
    """Of the larger of claim and estimate: a claim of nothing is off by all."""
    x = np.array([1.0, 1.0])
    said = str(check_gradient(lambda p: float(np.sum(p)), x, np.array([1.5, 0.0])))
    assert said.index("[1]") < said.index("[0]")
