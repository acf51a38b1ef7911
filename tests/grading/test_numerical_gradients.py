"""Finite differences in place of a backward pass: they are remarked on, and honest code is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradkit.classroom.policy import adjusted
from gradkit.classroom.reports.summary import reasons
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Kept
from gradkit.records.course import Policy, Sender, TaskRules
from gradkit.records.result import Result
from gradkit.report.data import visible
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, exercises

pytestmark = [pytest.mark.sample(24), pytest.mark.usefixtures("warm")]

REMARK = "numerical-gradient"

Grade = Callable[..., Result]


@pytest.fixture
def grade(workshop: Workshop, tmp_path: Path) -> Grade:
    """``grade(exercise, name, text, model=True)``: the result with one file replaced."""

    def check(exercise: str, name: str, text: str, *, model: bool = True) -> Result:
        for path in (BESIDE / exercise).glob("*.py"):
            (tmp_path / path.name).write_text(path.read_text("utf-8"), "utf-8")
        (tmp_path / name).write_text(text, "utf-8")
        settings = Settings(assignment=exercises()[exercise], seed=1, no_reference=not model)
        with Session(settings, workshop) as session:
            return session.check(tmp_path)

    return check


def remarked(result: Result) -> set[str]:
    """Return the checks whose gradients are remarked on as finite differences."""
    return {
        f"{task.task}/{check}"
        for task in result.tasks
        for finding in task.findings
        if finding.mistake == REMARK
        for check in finding.about
    }


CENTRAL = """


def numerical(f, x, h=1e-5):
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        kept = x[at]
        x[at] = kept + h
        upper = f(x)
        x[at] = kept - h
        slope[at] = (upper - f(x)) / (2 * h)
        x[at] = kept
    return slope
"""
FORWARD = """


def numerical(f, x, h=1e-7):
    base, slope = f(x), np.zeros_like(x)
    for at in np.ndindex(x.shape):
        moved = x.copy()
        moved[at] += h
        slope[at] = (f(moved) - base) / h
    return slope
"""
COMPLEX = """


def numerical(f, x):
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[at] += 1e-20j
        slope[at] = f(moved).imag / 1e-20
    return slope
"""

RELU = """

def relu_backward(dout, cache):
    return numerical(lambda x: (relu_forward(x)[0] * dout).sum(), cache.copy())
"""
AFFINE = """

def affine_backward(dout, cache):
    x, w = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = numerical(lambda w: (affine_forward(x, w, 0)[0] * dout).sum(), w.copy())
    return dx, dw, dout.sum(axis=0)
"""
BATCHNORM = """

def batchnorm_backward_alt(dout, cache):
    x_hat, gamma, std = cache
    x = x_hat * std

    def scalar(x):
        return np.sum(dout * batchnorm_forward(x, gamma, 0, {"mode": "train"})[0])

    return numerical(scalar, x), np.sum(dout * x_hat, axis=0), dout.sum(axis=0)
"""
SOFTMAX = """

model = softmax_loss_vectorized


def softmax_loss_vectorized(W, X, y, reg):
    return model(W, X, y, reg)[0], numerical(lambda W: model(W, X, y, reg)[0], W.copy())
"""
POOLING = """

def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    return numerical(lambda x: np.sum(max_pool_forward_naive(x, pool_param)[0] * dout), x.copy())
"""

WAYS: dict[str, tuple[str, str, str, set[str]]] = {
    "relu, central": ("layers", "layers.py", CENTRAL + RELU, {"relu/backward"}),
    "relu, forward": ("layers", "layers.py", FORWARD + RELU, {"relu/backward"}),
    "affine, one of three": ("layers", "layers.py", CENTRAL + AFFINE, {"affine/backward"}),
    "affine, complex": ("layers", "layers.py", COMPLEX + AFFINE, {"affine/backward"}),
    "batchnorm": ("batchnorm", "layers.py", CENTRAL + BATCHNORM, {"batchnorm/backward-alt"}),
    "softmax": ("softmax-loss", "softmax.py", CENTRAL + SOFTMAX, {"softmax-loss/vectorized"}),
    "max pooling": ("convolution", "layers.py", CENTRAL + POOLING, {"max-pooling/backward"}),
}


LOST = {
    "relu, central": 3,
    "relu, forward": 3,
    "affine, one of three": 6,
    "affine, complex": 6,
    "batchnorm": 3,
    "softmax": 3,
    "max pooling": 4,
}
"""The points that the gradients lose where a policy forbids differences; a loss keeps its own."""

KEPT = Kept(
    *("ann", "", "d", "k", "graded", "", 1.0, 1.0),  # type: ignore[arg-type]
    sender=Sender("ann", "plain", {}, False, "ann"),
    stamp="",
    **dict.fromkeys(("id", "taken", "submission", "seen", "place", "given"), 1),  # type: ignore[arg-type]
)
"""A submission in a class."""


@pytest.mark.parametrize("way", WAYS)
def test_finite_differences_are_remarked_on(grade: Grade, way: str) -> None:
    """They are right, keep their points, and are listed for the instructor alone."""
    exercise, name, text, checks = WAYS[way]
    result = grade(exercise, name, (BESIDE / exercise / name).read_text("utf-8") + text)
    assert result.score == result.max_score
    assert remarked(result) == checks
    assert REMARK in {reason.kind for reason in reasons(result)}
    assert all(f.mistake != REMARK for task in result.tasks for f in visible(task, 3))
    forbidden = adjusted(result, Policy(tasks=TaskRules("forbidden")), KEPT, None)
    assert forbidden.score == result.max_score - LOST[way]


def test_they_are_remarked_on_behind_a_forward_pass_that_stops(grade: Grade) -> None:
    """The backward pass only runs once the mistake in the forward pass is corrected."""
    text = (BESIDE / "layers" / "layers.py").read_text("utf-8") + CENTRAL + RELU
    old = "return np.maximum(x, 0), x"
    assert old in text
    result = grade("layers", "layers.py", text.replace(old, "return np.maximum(z, 0), x"))
    states = {f"{t.task}/{c.check}": c.state for t in result.tasks for c in t.checks}
    assert (states["relu/forward"], states["relu/backward"]) == ("error", "pass")
    assert remarked(result) == {"relu/backward"}
    forbidden = adjusted(result, Policy(tasks=TaskRules("forbidden")), KEPT, None)
    assert forbidden.score == result.score - 3


def test_they_are_remarked_on_without_a_model_solution_too(grade: Grade) -> None:
    """The calls are seen, whatever is expected of their results."""
    text = (BESIDE / "layers" / "layers.py").read_text("utf-8") + CENTRAL + RELU
    assert remarked(grade("layers", "layers.py", text, model=False)) == {"relu/backward"}


HONEST = {
    "a helper for each entry": """

def slope(value):
    return 1.0 if value > 0 else 0.0

def relu_backward(dout, cache):
    return dout * np.array([[slope(value) for value in row] for row in cache])
""",
    "a helper for each row": """

def of_row(x, w):
    return x.reshape(-1) @ w

def affine_forward(x, w, b):
    return np.array([of_row(row, w) + b for row in x]), (x, w)
""",
    "an outer product for each row": """

def outer(a, b):
    return np.outer(a, b)

def affine_backward(dout, cache):
    x, w = cache
    dw = sum(outer(row, slope) for row, slope in zip(x.reshape(len(x), -1), dout))
    return (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)
""",
    "a loop of single entries": """

def entry(x, dout, i, j):
    return float(sum(x[n, i] * dout[n, j] for n in range(len(x))))

def affine_backward(dout, cache):
    x, w = cache
    flat = x.reshape(len(x), -1)
    dw = np.array([[entry(flat, dout, i, j) for j in range(w.shape[1])] for i in range(len(w))])
    return (dout @ w.T).reshape(x.shape), dw, dout.sum(axis=0)
""",
    "the forward pass once more": """

def relu_backward(dout, cache):
    return dout * (relu_forward(cache)[0] > 0)
""",
}


@pytest.mark.parametrize("way", HONEST)
def test_helpers_are_no_finite_differences(grade: Grade, way: str) -> None:
    """They are called as often, and give results that differ, or one of two."""
    text = (BESIDE / "layers" / "layers.py").read_text("utf-8") + HONEST[way]
    result = grade("layers", "layers.py", text)
    assert result.score == result.max_score
    assert remarked(result) == set()


def test_switching_the_profiler_off_is_remarked_on(grade: Grade) -> None:
    """No honest backward pass does that."""
    text = (BESIDE / "layers" / "layers.py").read_text("utf-8") + CENTRAL + RELU
    text = text.replace(
        "    return numerical", "    import sys\n    sys.setprofile(None)\n    return numerical"
    )
    assert remarked(grade("layers", "layers.py", text)) == {"relu/backward"}
