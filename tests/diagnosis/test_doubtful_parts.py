"""The part of a line of an update that is doubtful: the operation whose value is wrong."""

from __future__ import annotations

import pytest
from written import homework

from gradkit.report.words import doubtful

TASK = "regression-numpy"

BODY = """
def update_parameters(parameters, y, y_hat, A1, X):
    é, d = 0, {error}
    W2 = parameters['W2'].copy()
    parameters['W2'] = parameters['W2'] + 0.001 * d * {hidden}
    parameters['b2'] = parameters['b2'] + 0.01 * d
    parameters['W1'] = parameters['W1'] + 0.001 * ({first})
    parameters['b1'] = parameters['b1'] + {rate} * (d * W2)
"""
RIGHT = {"error": "2 * (y - y_hat)", "hidden": "A1", "first": "X @ (d * W2).T", "rate": "0.01"}


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("slot", "text", "part"),
    [
        ("error", "2 * (y - y_hat) ** 2", "(y - y_hat) ** 2"),
        ("error", "(y - y_hat)", "y - y_hat"),
        ("error", "np.clip(2 * (y - y_hat), -1, 1)", "np.clip(2 * (y - y_hat), -1, 1)"),
        ("hidden", "A1 * W2", "0.001 * d * A1 * W2"),
        ("first", "X @ (d * W2 * A1).T", "d * W2 * A1"),
        ("first", "(d * W2) @ X.T", "(d * W2) @ X.T"),
        ("rate", "0.1", "0.1 * (d * W2)"),
        ("rate", "(\n        1 / 10)", ""),
        # A number that the task gives is told where it stands.
        ("rate", "(\n        0.1)", "0.1"),
    ],
)
def test_the_operation_that_goes_wrong(diagnosed, slot: str, text: str, part: str) -> None:
    """In characters, whatever stands before it; of a piece over several lines no part is told."""
    update = BODY.format(**RIGHT | {slot: text})
    result = diagnosed(homework(TASK, update), TASK)
    (finding,) = result.findings
    before, doubted, after = doubtful(finding)
    assert doubted == part
    assert before + doubted + after == finding.source


def test_a_right_update_has_none(diagnosed) -> None:
    """The same text without a mistake."""
    assert diagnosed(homework(TASK, BODY.format(**RIGHT)), TASK).findings == ()
