"""Right code earns full marks and no remark, however it is written."""

from __future__ import annotations

import pytest
from correct_styles import CLASSIFICATION, DIFFERENCES, REGRESSION, STYLES, source_of
from said import codes, states
from soak import SIZE
from written import homework

pytestmark = pytest.mark.sample(12)

TASKS = (REGRESSION, CLASSIFICATION)
QUICK = 1
SOAK = 20 * SIZE


def assert_right(diagnosed, style: str, task: str, seeds: range) -> None:
    """Full marks without findings on every seed, but for a remark on one style."""
    text = homework(task, source_of(style, task))
    remarks = {"numerical-gradient"} if style == DIFFERENCES else set()
    for seed in seeds:
        result = diagnosed(text, task, seed)
        found = {finding.mistake for finding in result.findings}
        assert (result.score, found) == (20.0, remarks), (style, seed, states(result))


def test_styles_are_many() -> None:
    """At least twenty, and each a text of its own in either task."""
    texts = {source_of(style, task) for style in STYLES for task in TASKS}
    assert len(STYLES) >= 20
    assert len(texts) == 2 * len(STYLES)


@pytest.mark.sample(6)
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("style", STYLES)
def test_right_code_has_no_findings(diagnosed, style: str, task: str) -> None:
    """On one seed; the soak takes two hundred."""
    assert_right(diagnosed, style, task, range(QUICK))


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("style", STYLES)
def test_right_code_passes_on_many_seeds(spotted, style: str, task: str) -> None:
    """No seed draws a probe on which right code looks wrong: nothing is left to diagnose."""
    assert spotted(homework(task, source_of(style, task)), task, range(SOAK)) == []


def test_wrong_code_is_spotted_on_every_seed(spotted) -> None:
    """The twin."""
    text = homework(CLASSIFICATION, source_of("loops", CLASSIFICATION).replace("0.001", "0.003"))
    assert spotted(text, CLASSIFICATION, range(QUICK + 2)) == [0, 1, 2]


@pytest.mark.parametrize("style", ["loops", "einsum", "a lambda", "a decorator", "a class"])
def test_one_wrong_rate_is_found_in_any_style(diagnosed, style: str) -> None:
    """The twin: the same text with one rate changed is called that and nothing else."""
    right = source_of(style, CLASSIFICATION)
    wrong = right.replace("0.001", "0.003")
    assert wrong != right
    result = diagnosed(homework(CLASSIFICATION, wrong), CLASSIFICATION)
    assert codes(result) == {"wrong-learning-rate"}


AUTOGRAD = """
import torch

def update_parameters(parameters, y, y_hat, A1, X):
    t = {k: torch.tensor(v, requires_grad=True) for k, v in parameters.items()}
    hidden = t['W1'].T @ torch.tensor(X) + t['b1']
    loss = (float(y) - (t['W2'].T @ hidden + t['b2'])) ** 2
    loss.sum().backward()
    for k in parameters:
        parameters[k] -= (0.001 if k[0] == 'W' else 0.01) * t[k].grad.numpy()
"""


def test_autograd_in_a_numpy_task_is_accused_of_nothing(diagnosed) -> None:
    """Whether torch may be imported there or not: no mistake is named."""
    pytest.importorskip("torch")
    result = diagnosed(homework(REGRESSION, AUTOGRAD), REGRESSION)
    assert codes(result) == set()
