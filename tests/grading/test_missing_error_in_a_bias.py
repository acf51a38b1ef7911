"""An error that is missing in a bias is quoted where the bias changes, not where W2 is copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import REFERENCE
from told import script

HEAD, _, _ = (
    (REFERENCE / "regression_numpy.py").read_text("utf-8").partition("def update_parameters")
)

UPDATE = """\
def update_parameters(parameters, y, y_hat, A1, X):
    {copy}
    error = -2 * (y - y_hat)
    parameters["W2"] -= 0.001 * error * A1
    parameters["b2"] -= 0.01 * error
    parameters["W1"] -= 0.001 * np.dot(X, ({delta}).T)
    {bias}
"""
COPY = 'old_W2 = parameters["W2"].copy()'


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("copy", "delta", "bias", "line"),
    [
        (COPY, "error * old_W2", 'parameters["b1"] -= 0.01 * -2 * old_W2', "bias"),
        (COPY, "error * old_W2", 'parameters["b1"][0][0] -= 0.01 * -2 * old_W2[0][0]', "bias"),
        # Where the name itself should hold the error, its own line is wrong.
        ('d1 = -2 * parameters["W2"]', "d1", 'parameters["b1"] -= 0.01 * d1', "copy"),
    ],
)
def test_the_line_is_the_one_that_leaves_the_error_out(
    grade, tmp_path: Path, copy: str, delta: str, bias: str, line: str
) -> None:
    """A copy that right steps use as well is right."""
    path = script(tmp_path, HEAD + UPDATE.format(copy=copy, delta=delta, bias=bias))
    result = grade(path, "regression-numpy", seed=1, diagnose=True)
    findings = [each for each in result.tasks[0].findings if each.mistake == "missing-error"]
    assert [each.source for each in findings] == [bias if line == "bias" else copy]
