"""A function whose decorator hides its parameters is called by position."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gradkit.records.result import Result

pytestmark = [pytest.mark.sample(3), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]
SOLUTION = (ROOT / "reference" / "regression_numpy.py").read_text("utf-8")
DECORATOR = """def count(function):
    return lambda *arguments: function(*arguments)


@count
"""


@pytest.mark.parametrize("name", re.findall(r"^def (\w+)", SOLUTION, re.MULTILINE))
def test_a_decorator_that_takes_positions_only_costs_nothing(
    grade: Callable[..., Result], tmp_path: Path, name: str
) -> None:
    """The parameters are read from the definition below the decorator."""
    text = SOLUTION.replace(f"def {name}(", f"{DECORATOR}def {name}(")
    assert text.count("@count") == 1
    path = tmp_path / "regression.py"
    path.write_text(text, encoding="utf-8")
    (task,) = (each for each in grade(path).tasks if each.task == "regression-numpy")
    assert (task.score, task.findings) == (task.max_score, ())
