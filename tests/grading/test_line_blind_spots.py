"""What the published inputs cannot see fails where gradkit looks besides."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import source
from told import checks, failed, script

pytestmark = pytest.mark.sample(9)

SWAPPED = {
    "regression": ("dW1 = X @ d_hidden.T", "dW1 = d_hidden @ X.T"),
    "classification": ("dW1 = X @ dZ1.T", "dW1 = dZ1 @ X.T"),
}
EXCHANGED = [
    ("regression", 'parameters["W2"] * d_output', 'parameters["W2"][::-1] * d_output'),
    ("regression", "dW2 = A1 *", "dW2 = A1[::-1] *"),
    ("regression", "db1 = d_hidden", "db1 = d_hidden[::-1]"),
    ("classification", 'parameters["W2"] * dZ2', 'parameters["W2"][::-1] * dZ2'),
    ("classification", "dW2 = A1 *", "dW2 = A1[::-1] *"),
    ("classification", "db1 = dZ1", "db1 = dZ1[::-1]"),
]


def spoilt(folder: Path, problem: str, right: str, wrong: str) -> Path:
    """The model solution with one mistake."""
    text = source(f"{problem}_numpy")
    assert text.count(right) == 1
    return script(folder, text.replace(right, wrong), f"{problem}_numpy.py")


@pytest.mark.slow
@pytest.mark.parametrize("problem", SWAPPED)
def test_swapped_index_passes_the_published_first_step_and_fails_at_random_probes(
    grade, tmp_path: Path, problem: str
) -> None:
    """The loss is still right at the row after the first step, and wrong later."""
    path = spoilt(tmp_path, problem, *SWAPPED[problem])
    for seed in range(5):
        found = checks(grade(path, seed=seed))
        assert failed(found["update"]) == {"W1[0,1]", "W1[1,0]"}
        # Parameters after the first step show in the loss of the second example: both are right.
        for example in (1, 2):
            at = f"from epoch 1, example {example} on."
            text = f"From the published start, your loss differs from the expected loss {at}"
            assert text not in found["trajectory"].message


@pytest.mark.parametrize(("problem", "right", "wrong"), EXCHANGED)
def test_exchanged_units_pass_the_whole_published_run_and_fail_from_an_asymmetric_start(
    grade, tmp_path: Path, problem: str, right: str, wrong: str
) -> None:
    """Every loss and parameter from the published start passes; from the other ones they fail."""
    found = checks(grade(spoilt(tmp_path, problem, right, wrong)))["trajectory"]
    assert found.state == "fail"
    assert len(found.entries) == 5 + 9
    assert {e.probe for e in found.entries if e.state == "fail"} <= {"asymmetric", "drawn"}
    published = next(course for course in found.courses if course.start == "published")
    assert published.found == pytest.approx(published.expected, rel=1e-9)
    assert "From the published start" not in found.message
    text = "From the asymmetric start, your loss differs from the expected loss from epoch 1"
    assert text in found.message
