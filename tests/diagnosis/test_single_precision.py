"""Updates in float32: right ones have no mistake, wrong ones have theirs, and nothing else."""

from __future__ import annotations

import pytest
from said import codes, finding, open_
from written import homework

pytestmark = pytest.mark.sample(6)

UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    {first}
    e = {error}
    d = e * parameters['W2']{derivative}
    parameters['W1'] += 0.001 * {outer}
    parameters['b1'] += 0.01 * d
    parameters['W2'] += 0.001 * e * A1
    parameters['b2'] += 0.01 * e
"""
REGRESSION, CLASSIFICATION = "regression-numpy", "classification-numpy"
STEP = 0.25
"""What points are rounded to."""

ROUNDED = "X, A1 = X.astype(np.float32), A1.astype(np.float32)"
OWN = {"first": ROUNDED, "derivative": "", "outer": "X @ d.T"}
SLOPE = " * A1 * (1 - A1)"


def update(**parts: str) -> str:
    """The update with these parts, in float32 and right where nothing else is said."""
    return UPDATE.format(**{**OWN, **parts})


RIGHT = {
    "inputs": (REGRESSION, update(error="2 * (y - y_hat)")),
    "error": (REGRESSION, update(first="pass", error="2 * np.float32(y - y_hat)")),
    "classification": (CLASSIFICATION, update(error="y - y_hat", derivative=SLOPE)),
    "a small constant": (
        CLASSIFICATION,
        update(
            first="eps = 1e-8",
            error="(y / (y_hat + eps) - (1 - y) / (1 - y_hat + eps)) * y_hat * (1 - y_hat)",
            derivative=SLOPE,
        ),
    ),
}
STORED = """
def update_parameters(parameters, y, y_hat, A1, X):
    e = y - y_hat
    parameters['W2'] = (parameters['W2'] + 0.001 * e * A1).astype('float32')
    parameters['b2'] = np.float32(parameters['b2'] + 0.01 * e)
    d = e * parameters['W2'] * (1 - A1)
    parameters['W1'] = (parameters['W1'] + 0.001 * X @ d.T).astype('float32')
    parameters['b1'] = np.float32(parameters['b1'] + 0.01 * d)
"""
WRONG = {
    "swapped": (
        REGRESSION,
        update(error="2 * (y - y_hat)", outer="d @ X.T"),
        {"swapped-index"},
    ),
    "no factor": (REGRESSION, update(error="np.float32(y - y_hat)"), {"wrong-factor"}),
    "no derivative": (
        CLASSIFICATION,
        update(error="np.float32(y) - np.float32(y_hat)"),
        {"missing-activation-derivative"},
    ),
    "slope of the output": (
        CLASSIFICATION,
        update(error="(y - y_hat) * y_hat * (1 - y_hat)", derivative=SLOPE),
        {"extra-output-derivative"},
    ),
    "twice the step": (
        REGRESSION,
        update(error="2 * (y - y_hat)", outer="X @ d.T * 2"),
        {"wrong-factor"},
    ),
    "stored": (CLASSIFICATION, STORED, {"wrong-activation-derivative", "updated-before-use"}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_to_seven_digits_has_no_finding(diagnosed, name: str) -> None:
    """The check fails and says why: nothing of it is unexplained."""
    task, source = RIGHT[name]
    result = diagnosed(homework(task, source), task)
    assert codes(result) == set()
    (check,) = [c for c in result.checks if c.check == "update"]
    if check.state == "fail":
        assert "are right to about seven digits only" in check.message
        # Once, and no more than another wrong figure.
        assert check.score == pytest.approx(0.9 * check.max_score, abs=STEP)
        (note,) = [note for note in check.notes if "seven digits" in note]
        assert f"costs {check.max_score - check.score:g} points" in note


@pytest.mark.sample(9)
@pytest.mark.parametrize("name", WRONG)
def test_mistakes_are_named_in_float32(diagnosed, name: str) -> None:
    """The twin: what is wrong beside it has its name, on every seed."""
    task, source, mistakes = WRONG[name]
    for seed in range(3):
        result = diagnosed(homework(task, source), task, seed)
        assert codes(result) == mistakes


def test_the_line_is_found_in_float32(diagnosed) -> None:
    """Values of the trace are rounded too."""
    task, source, _ = WRONG["no derivative"]
    found = finding(diagnosed(homework(task, source), task), "missing-activation-derivative")
    assert found.source == "d = e * parameters['W2']"


def test_right_code_earns_more_than_wrong_code(diagnosed) -> None:
    """In the same precision."""
    scores = [
        diagnosed(homework(task, source), task).score
        for task, source, *_ in (RIGHT["inputs"], WRONG["swapped"])
    ]
    assert scores[0] > scores[1]


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize("size", ["1e-4", "3e-5"])
def test_what_rounding_does_not_explain_stays_unexplained(diagnosed, size: str) -> None:
    """A decay of that size is more than float32 loses."""
    first = f"{ROUNDED}; parameters['W1'] *= 1 - {size}"
    source = update(first=first, error="2 * (y - y_hat)")
    result = diagnosed(homework(REGRESSION, source), REGRESSION)
    assert codes(result) == {finding.mistake for finding in open_(result)} != set()
