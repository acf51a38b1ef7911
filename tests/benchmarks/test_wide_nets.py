"""Wide nets of ReLU, of which many units are off: what is said of them is true, and short."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradkit.grading import explained

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

from planted import Answer, Bench, texts, with_repairs  # noqa: E402

# Its modules have names that folders of tests have too.
sys.path.remove(str(ROOT / "benchmarks"))

Case = tuple[str, str, str, str, str]
"""A style, what is changed in it, the mistake, and what stands in its fix."""

CASES: dict[str, Case] = {
    # What should not move at all does not say by how much it is wrong.
    "a slope that is 1 throughout": (
        *("matmul", "(A1 > 0)", "(A1 >= 0)"),
        *("missing-activation-derivative", "(A1 > 0)"),
    ),
    # A change that writes to what is handed over gives the right numbers, too.
    "a term of the forward pass": (
        *("outer", "np.dot(parameters['W2'].T, A1) + parameters['b2']", "parameters['b2']"),
        *("missing-term", "return parameters['b2'] + parameters['W2'].T @ A1, A1"),
    ),
    # By the numbers these are two mistakes about W2, and five about W1.
    "arguments in another order": (
        *(
            "helper functions",
            "= gradients(parameters, y, y_hat, A1",
            "= gradients(parameters, y, A1, y_hat",
        ),
        *("wrong-order", "gradients(parameters, y, y_hat, A1, X)"),
    ),
    "a step that is not added": (
        *("helper functions", "value - rate", "-rate"),
        *("not-added", "parameters[key] += step("),
    ),
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """Open sessions for exercises, in which findings have the text of their repairs."""
    made = Bench()
    with made.stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(explained, "explained", with_repairs)
        yield made


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.sample(12)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_one_change_is_one_mistake(bench: Bench, case: Case) -> None:
    """Where it stands, with the change that mends it."""
    style, was, now, mistake, fix = case
    answer = Answer("relu-8", style, "homework.py")
    right = texts(answer)["homework.py"]
    assert right.count(was) == 1
    tasks, _ = bench.grade(answer, {answer.file: right.replace(was, now)}, 9009)
    assert tasks is not None
    (finding,) = (each for task in tasks for each in task.findings)
    assert finding.mistake == mistake
    assert fix in finding.fix
