"""Code that saves files while it is graded loses nothing."""

from __future__ import annotations

from pathlib import Path

from model_solutions import source


def test_saving_for_debugging_costs_nothing(grade, tmp_path: Path) -> None:
    """A right submission that saves its parameters in each step has full marks."""
    text = source("regression_numpy")
    line = "    d_output = -2"
    assert text.count(line) == 1
    saving = '    np.save("debug.npy", parameters["W1"])\n    open("log", "a").write("x")\n'
    path = tmp_path / "regression_numpy.py"
    path.write_text(text.replace(line, saving + line), encoding="utf-8")
    result = grade(path, seed=1)
    assert result.score == result.max_score
