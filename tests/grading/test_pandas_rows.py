"""Inputs are handed over as a pandas row only where the submission uses one."""

from __future__ import annotations

from pathlib import Path

import pytest
from grading.test_stopped import RIGHT

pytest.importorskip("pandas")

TWO_COLUMNS = RIGHT.replace("0.001 * X @ hidden.T", "0.001 * np.dot(X, hidden)")
"""numpy refuses this product of two columns; with a pandas row in place of X it gives numbers."""

LOOP = """
import pandas as pd
df = pd.DataFrame([[8, 8, 4], [6, 10, 6]], columns=["cgpa", "resume", "lpa"])
parameters = initialise_parameters([2, 2, 1])
for i in range(2):
    X = {row}
    y_hat, A1 = L_layer_forward(X, parameters)
    update_parameters(parameters, df.iloc[i, -1], y_hat[0][0], A1, X)
"""


def update_message(grade, tmp_path: Path, text: str) -> str:
    """Return the message of the check of the update."""
    path = tmp_path / "regression_numpy.py"
    path.write_text(text, encoding="utf-8")
    (task,) = grade(path).tasks
    return next(check.message for check in task.checks if check.check == "update")


@pytest.mark.parametrize(
    "loop", ["", LOOP.format(row="df[['cgpa', 'resume']].values[i].reshape(2, 1)")]
)
def test_a_product_that_numpy_refuses_is_a_crash(grade, tmp_path: Path, loop: str) -> None:
    """The student's own loop hands over columns, or there is none and the assignment's does."""
    message = update_message(grade, tmp_path, TWO_COLUMNS + loop)
    assert message.startswith("`update_parameters` stopped with ValueError: shapes (2,1) and (2,1)")


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "row", ["df.iloc[i, :2]", "df.loc[i, ['cgpa', 'resume']]", "df[['cgpa', 'resume']].iloc[i]"]
)
def test_a_row_is_handed_over_where_the_loop_does(grade, tmp_path: Path, row: str) -> None:
    """The code runs as in the student's loop, and its numbers are judged."""
    message = update_message(grade, tmp_path, TWO_COLUMNS + LOOP.format(row=row))
    assert "stopped" not in message
    assert "entries are wrong" in message


def test_a_function_that_converts_a_row_gets_one(grade, tmp_path: Path) -> None:
    """Without a loop, the functions themselves show what they take."""
    text = RIGHT.replace(
        "parameters):\n    A1", "parameters):\n    X = X.to_numpy()[:, None]\n    A1"
    )
    text = text.replace("    error = -2", "    X = X.to_numpy()[:, None]\n    error = -2")
    assert update_message(grade, tmp_path, text) == ""
