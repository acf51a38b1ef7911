"""Recorded examples and model solutions pass the same checks, and fail the same checks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest
from shipped import FUNCTION_EXERCISES

from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, exercises

HERE = Path(__file__).parent

SEED = 1

Grade = Callable[..., Result]


@pytest.fixture(scope="module")
def grade(workshop: Workshop) -> Iterator[Grade]:
    """``grade(name, path, model=True)``: the result of an answer to a shipped exercise."""
    with ExitStack() as stack:
        sessions: dict[tuple[str, bool], Session] = {}

        def result(name: str, path: Path, *, model: bool) -> Result:
            if (name, model) not in sessions:
                settings = Settings(assignment=exercises()[name], no_reference=not model)
                sessions[name, model] = stack.enter_context(Session(settings, workshop))
            return sessions[name, model].grade(read_submission(path), SEED).result

        yield result


RIGHT = [
    (name, path)
    for name in FUNCTION_EXERCISES
    for path in (BESIDE / name, *sorted((HERE / name).glob("*.py")))
]


@pytest.mark.sample(9)
@pytest.mark.parametrize(("name", "path"), RIGHT, ids=lambda value: getattr(value, "stem", value))
def test_a_right_answer_has_full_marks_without_the_model_solution(
    grade: Grade, name: str, path: Path
) -> None:
    """In any style. The marks are provisional."""
    result = grade(name, path, model=False)
    told = [check.message for task in result.tasks for check in task.checks]
    assert told == [""] * len(told)
    assert (result.score, result.provisional) == (result.max_score, True)


NET, LOOPS = HERE / "two-layer-net" / "course_style.py", HERE / "convolution" / "loops.py"

DSCORES, DH = "        dscores /= N\n", "        dh[h <= 0] = 0\n"
WINDOW = "x_pad[n, :, hs:hs + HH, ws:ws + WW]"
GRADIENTS = "`grads['b2']` is N times the expected value in every entry (N = 9)"

MISTAKES: Mapping[str, tuple[str, Path, Mapping[str, str], set[str], str]] = {
    "no division by N": ("two-layer-net", NET, {DSCORES: ""}, {"loss"}, GRADIENTS),
    "no mask of ReLU": ("two-layer-net", NET, {DH: ""}, {"loss"}, "`grads['W1']` is not right."),
    "half of the penalty": (
        "two-layer-net",
        NET,
        {"+ 2 * reg * W2": "+ reg * W2"},
        {"loss"},
        "`grads['W2']` is not right.",
    ),
    "one number for b2": (
        "two-layer-net",
        NET,
        {"dscores.sum(axis=0)": "dscores.sum()"},
        {"loss"},
        "is summed over all axes.",
    ),
    "the wrong axis for b1": (
        "two-layer-net",
        NET,
        {"dh.sum(axis=0)": "dh.sum(axis=1)"},
        {"loss"},
        "Its entries add up to the expected total: the sum is over the wrong axis.",
    ),
    "softmax without a shift": (
        "two-layer-net",
        NET,
        {"        scores -= scores.max(axis=1)[:, np.newaxis]\n": ""},
        {"loss"},
        "`loss` is not a number (nan).",
    ),
    "an unknown name": (
        "two-layer-net",
        NET,
        {"dh = dscores.dot": "dh = dscore.dot"},
        {"loss"},
        "name 'dscore' is not defined",
    ),
    "no return": ("two-layer-net", NET, {"return loss, grads": "pass"}, {"loss"}, "returns None"),
    "no self": (
        "two-layer-net",
        NET,
        {"np.dot(X, W1)": "np.dot(X, self.W1)"},
        {"scores", "loss"},
        "no attribute 'W1'",
    ),
    "weights of 0": (
        "two-layer-net",
        NET,
        {"std * np.random.randn(input_size, hidden_size)": "np.zeros((input_size, hidden_size))"},
        {"initialize"},
        "`np.greater(fresh.params['W1'].std(), std / 3)` is false; it should be true.",
    ),
    "the least likely label": (
        "two-layer-net",
        NET,
        {"np.argmax(h.dot(": "np.argmin(h.dot("},
        {"predict"},
        "`labels` is not right.",
    ),
    "the padding kept in dx": (
        "convolution",
        LOOPS,
        {"dx = dx_pad[:, :, pad:pad + H, pad:pad + W]": "dx = dx_pad"},
        {"backward"},
        "`dx` has shape",
    ),
    "no bias": ("convolution", LOOPS, {" * w[f]) + b[f]": " * w[f])"}, {"forward"}, "`out` is not"),
    "= for +=": (
        "convolution",
        LOOPS,
        {f"dx_pad{WINDOW.removeprefix('x_pad')} += w": f"dx_pad{WINDOW[5:]} = w"},
        {"backward"},
        "`dx` is not right.",
    ),
    "a size that is no whole number": (
        "convolution",
        LOOPS,
        {"H_out = int(1 + (H + 2 * pad - HH) / stride)": "H_out = 1 + (H + 2 * pad - HH) / stride"},
        {"forward"},
        "cannot be interpreted as an integer",
    ),
    "the whole window": (
        "convolution",
        LOOPS,
        {
            "dx[n, c, i * stride + h, j * stride + w] = ": (
                "dx[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw] = "
            )
        },
        {"max-pooling backward"},
        "`dx` is not right.",
    ),
    "another order of the cache": (
        "convolution",
        LOOPS,
        {"    x, w, b, conv_param = cache": "    w, x, b, conv_param = cache"},
        {"backward"},
        "Error",
    ),
}
"""Mistakes as students make them, by name.

Each has the exercise, a right answer, edits of it, the checks that fail, and a part of the message.
"""


def edited(path: Path, edits: Mapping[str, str], folder: Path) -> Path:
    """Write an answer with pieces of its text replaced."""
    text = path.read_text(encoding="utf-8")
    for old, new in edits.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / path.name).write_text(text, encoding="utf-8")
    return folder / path.name


def failed(result: Result, states: Collection[str] = ()) -> set[str]:
    """Return the checks that do not pass, or those in the states.

    The task is named if it is not the exercise's first.
    """
    first = result.tasks[0].task
    return {
        check.check if task.task == first else f"{task.task} {check.check}"
        for task in result.tasks
        for check in task.checks
        if (check.state in states if states else check.state != "pass")
    }


@pytest.mark.sample(9)
@pytest.mark.parametrize("label", MISTAKES)
def test_a_mistake_fails_the_same_checks_without_the_model_solution(
    grade: Grade, tmp_path: Path, label: str
) -> None:
    """And no others; the message says what is wrong."""
    name, right, edits, checks, said = MISTAKES[label]
    path = edited(right, edits, tmp_path)
    assert failed(grade(name, path, model=True)) == checks
    result = grade(name, path, model=False)
    assert failed(result) == checks
    assert said in "\n".join(check.message for task in result.tasks for check in task.checks)


def known_mistakes(name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the mistakes that the tests of an exercise have as edits of its model solution."""
    wrong = import_module(f"wrong_{name.replace('-', '_')}").WRONG
    if isinstance(wrong, dict):
        yield from ((label, edits) for label, (edits, *_) in wrong.items())
    else:
        yield from ((case.name, dict(case.edits)) for case in wrong)


MANY = [
    (name, label, edits) for name in FUNCTION_EXERCISES for label, edits in known_mistakes(name)
]


@pytest.mark.slow
@pytest.mark.sample(12)
@pytest.mark.parametrize(("name", "label", "edits"), MANY, ids=[f"{n} {x}" for n, x, _ in MANY])
def test_every_known_mistake_fails_the_same_checks(
    grade: Grade, tmp_path: Path, name: str, label: str, edits: Mapping[str, str]
) -> None:
    """At the inputs of one seed, and at the recorded inputs.

    Only with a model solution is a caller judged with right helpers; else it is blocked.
    """
    for path in (BESIDE / name).glob("*.py"):
        text = path.read_text(encoding="utf-8")
        for old, new in edits.items():
            text = text.replace(old, new)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    by_model, recorded = (grade(name, tmp_path, model=model) for model in (True, False))
    blocked = failed(recorded, {"blocked"})
    assert failed(by_model) | blocked == failed(recorded) != blocked
