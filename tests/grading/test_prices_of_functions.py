"""In exercises of functions, too, each mistake costs its price in each check that fails for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.grading.points import round_half_up
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = pytest.mark.slow

SIGN = ("dZ2 = A2 - Y", "dZ2 = A2 + Y")
MEAN = ("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T")
STEP = 0.25


@pytest.mark.parametrize(
    ("exercise", "changes", "share", "failing"),
    [
        ("one-hidden-layer", [SIGN], 0.6, {"backward"}),
        ("one-hidden-layer", [MEAN], 0.3, {"backward"}),
        ("one-hidden-layer", [SIGN, MEAN], 0.9, {"backward"}),
        (
            "deep-net",
            [("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T")],
            0.3,
            {"linear-backward"},
        ),
        (
            # Neither of the two changes alone makes an output right.
            "softmax-loss",
            [
                ("dscores[np.arange(N), y] -= 1", "dscores[:, y] -= 1"),
                ("X.T @ dscores / N", "X.T @ dscores"),
            ],
            0.6,
            {"vectorized"},
        ),
        (
            # Two mistakes of one kind, of which no check runs both.
            "deep-net",
            [
                ("np.log(1 - AL)) / m", "np.log(1 - AL))"),
                ("keepdims=True) / m", "keepdims=True)"),
            ],
            0.3,
            {"cost", "linear-backward"},
        ),
    ],
)
def test_each_failed_check_loses_the_price_of_its_mistakes(
    exercise: str,
    changes: list[tuple[str, str]],
    share: float,
    failing: set[str],
    workshop: Workshop,
    tmp_path: Path,
) -> None:
    """Alone, beside another one, and in a helper, whose callers are judged with a right one."""
    (model,) = (BESIDE / exercise).glob("*.py")
    text = model.read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "answer.py").write_text(text, encoding="utf-8")
    settings = Settings(assignment=SHIPPED / exercise / "assignment.toml", seed=3)
    with Session(settings, workshop) as session:
        (task,) = session.grade(read_submission(tmp_path / "answer.py")).result.tasks
    assert {check.check for check in task.checks if check.state != "pass"} == failing
    exact = {c.check: c.max_score * (1 - share * (c.check in failing)) for c in task.checks}
    assert task.score == round_half_up(sum(exact.values()), STEP)
    assert all(abs(check.score - exact[check.check]) <= STEP for check in task.checks)
    assert sum(each.deduction for each in task.findings) == pytest.approx(
        task.max_score - task.score
    )
    assert not any(check.held for check in task.checks)


def test_a_gradient_is_charged_for_its_own_mistake(workshop: Workshop, tmp_path: Path) -> None:
    """The mistake in the forward pass that it is given costs only there."""
    (model,) = (BESIDE / "one-hidden-layer").glob("*.py")
    text = model.read_text("utf-8")
    changes = [MEAN, ('W2"] @ A1 + parameters["b2"]', 'W2"] @ A1 + parameters["b2"] + 1')]
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (tmp_path / "answer.py").write_text(text, encoding="utf-8")
    settings = Settings(assignment=SHIPPED / "one-hidden-layer" / "assignment.toml", seed=3)
    with Session(settings, workshop) as session:
        (task,) = session.grade(read_submission(tmp_path / "answer.py")).result.tasks
    lost = {c.check: (c.max_score - c.score) / c.max_score for c in task.checks}
    assert {name for name, share in lost.items() if share} == {"forward", "backward"}
    assert (lost["forward"], lost["backward"]) == pytest.approx((0.3, 0.3), abs=0.05)
    assert [[*finding.costs] for finding in task.findings] == [["forward"], ["backward"]]
