"""A function is judged with right helpers in place of the student's wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gradkit.grading import session as sessions
from gradkit.grading import stubs
from gradkit.grading.functions import FunctionGrader
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult, Inquiry, TaskResult
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(9)]

Edits = Sequence[tuple[str, str]]
Grade = Callable[..., Any]

STEP = 0.25


@pytest.fixture(scope="module")
def grade(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    """``grade(exercise, edits, model=True)``: the model solution of an exercise, edited.

    Of ``every`` task of it, or of the first one.
    """
    known: dict[tuple[str, bool], Session] = {}
    path = tmp_path_factory.mktemp("helpers") / "answer.py"

    def grade(exercise: str, edits: Edits, *, model: bool = True, every: bool = False):
        if (exercise, model) not in known:
            file = SHIPPED / exercise / "assignment.toml"
            settings = Settings(assignment=file, seed=3, no_reference=not model)
            known[exercise, model] = stack.enter_context(Session(settings, workshop))
        path.write_text(with_edits(solution(exercise), edits), encoding="utf-8")
        tasks = known[exercise, model].grade(read_submission(path)).result.tasks
        return tasks if every else tasks[0]

    with ExitStack() as stack:
        yield grade


def solution(exercise: str) -> str:
    """Return the text of a model solution."""
    (path,) = (BESIDE / exercise).glob("*.py")
    return path.read_text(encoding="utf-8")


def with_edits(text: str, edits: Edits) -> str:
    """Return a text with pieces of it changed; each is there."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return text


def of(task: TaskResult, name: str) -> CheckResult:
    """Return a check by its name."""
    return next(check for check in task.checks if check.check == name)


def lost(task: TaskResult) -> dict[str, float]:
    """Return the points that each check has lost, to the rounding."""
    points = {check.check: check.max_score - check.score for check in task.checks}
    return {name: value for name, value in points.items() if value > 0}


# --- callers that are right --------------------------------------------------------------

OWN_CACHES = [
    ("return W @ A + b, (A, W)", "return W @ A + b, {'b': b, 'W': W, 'A': A}"),
    ("A_prev, W = cache", "A_prev, W = cache['A'], cache['W']"),
    ("return A, (linear_cache, Z)", "return A, [Z, linear_cache]"),
    ("linear_cache, Z = cache", "Z, linear_cache = cache"),
]
"""Caches in another form than the model solution's."""

MEAN = ("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T")
OTHER_NAMES = ("def linear_backward(dZ, cache):", "def linear_backward(d, cache):\n    dZ = d")
BY_NAME = (
    "return linear_backward(dZ, linear_cache)",
    "return linear_backward(cache=linear_cache, d=dZ)",
)

CALLERS = ["relu-backward", "sigmoid-backward", "model-backward"]

RIGHT: dict[str, tuple[str, Edits, str, float, str, list[str]]] = {
    "a backward pass": ("deep-net", [MEAN], "linear-backward", 0.3, "linear_backward", CALLERS),
    "other caches": (
        *("deep-net", [*OWN_CACHES, MEAN], "linear-backward", 0.3, "linear_backward"),
        CALLERS,
    ),
    "other names of arguments": (
        *("deep-net", [OTHER_NAMES, BY_NAME, MEAN], "linear-backward", 0.3, "linear_backward"),
        CALLERS,
    ),
    "a forward pass with a cache": (
        *("deep-net", [("return W @ A + b,", "return W @ A,")]),
        *("linear-forward", 0.3, "linear_forward"),
        ["activation-forward", "model-forward", *CALLERS],
    ),
    "a helper that is not written": (
        *("logistic-regression", [("return 1 / (1 + np.exp(-z))", "raise NotImplementedError")]),
        *("sigmoid", 1.0, "sigmoid", ["propagate", "optimize", "predict"]),
    ),
    "a helper that crashes": (
        *("logistic-regression", [("1 / (1 + np.exp(-z))", "1 / (1 + np.exp(-y))")]),
        *("sigmoid", 0.5, "sigmoid", ["propagate", "optimize", "predict"]),
    ),
    "a helper in a loop": (
        *("logistic-regression", [("X @ dZ.T / m", "X @ dZ.T")]),
        *("propagate", 0.3, "propagate", ["optimize"]),
    ),
}
"""An exercise, edits, the check of the wrong helper, its price, its name, and its callers."""


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_caller_keeps_its_points(grade: Grade, case: str) -> None:
    """The helper loses the price of its mistake, once; a note says what was done."""
    exercise, edits, helper, price, name, callers = RIGHT[case]
    task = grade(exercise, edits)
    assert {check.check for check in task.checks if check.state != "pass"} == {helper}
    assert lost(task) == {helper: pytest.approx(price * of(task, helper).max_score, abs=STEP)}
    noted = [check.check for check in task.checks if check.notes]
    assert noted == callers
    for caller in callers:
        assert of(task, caller).notes == (
            f"This check used a correct `{name}`, because your `{name}` is wrong.",
        )


def test_several_helpers_are_named(grade: Grade) -> None:
    """In one sentence."""
    edits = [("return 1 / (1 + np.exp(-z))", "return 1 / (2 + np.exp(-z))")]
    edits += [
        ("X @ dZ.T / m", "X @ dZ.T"),
        ("X + b)\n    cost", "X + b)\n    sigmoid(b)\n    cost"),
    ]
    deep = grade("deep-net", [MEAN, ("return W @ A + b,", "return W @ A,")])
    assert of(deep, "relu-backward").notes == (
        "This check used correct functions `linear_forward`, `linear_backward`, because your "
        "functions are wrong.",
    )


# --- callers that are wrong, too ---------------------------------------------------------

SLOPE = ("dZ = dA * A * (1 - A)", "dZ = dA * A")
UPWARDS = ("w = w - learning_rate", "w = w + learning_rate")


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize(
    ("exercise", "edits", "prices"),
    [
        ("deep-net", [MEAN, SLOPE], {"linear-backward": 0.3, "sigmoid-backward": 0.3}),
        (
            "logistic-regression",
            [("X @ dZ.T / m", "X @ dZ.T"), UPWARDS],
            {"propagate": 0.3, "optimize": 0.6},
        ),
        # The caller alone is wrong: its helpers are the student's own.
        ("deep-net", [SLOPE], {"sigmoid-backward": 0.3}),
    ],
)
def test_a_wrong_caller_loses_the_price_of_its_own_mistake(
    grade: Grade, exercise: str, edits: Edits, prices: dict[str, float]
) -> None:
    """And the helper that of its own; nothing is charged twice."""
    task = grade(exercise, edits)
    worth = {check.check: check.max_score for check in task.checks}
    expected = {
        name: pytest.approx(price * worth[name], abs=STEP) for name, price in prices.items()
    }
    assert lost(task) == expected
    assert len(task.findings) == len(prices)


def test_a_caller_that_stops_keeps_what_is_right_without_that_line(grade: Grade) -> None:
    """The helper is right in that run, too."""
    crash = ("costs.append(cost)", "costs.append(cost[0])")
    task = grade("logistic-regression", [("X @ dZ.T / m", "X @ dZ.T"), crash])
    found = of(task, "optimize")
    assert found.state == "error"
    right = [entry.parameter for entry in found.entries if entry.state == "pass"]
    assert {"params['w']", "last['dw']"} <= {*right}


@pytest.mark.parametrize(
    ("call", "lost_of_two"),
    [
        ("linear_backward(dZ)", 1.0),
        ("linear_backward(dZ, linear_cache, dZ=dZ)", 1.0),
        # No single change lets the code run.
        ("linear_backward(dZ, linear_cache, 1)", 2.0),
        ("linear_backward(dZ, memory=linear_cache)", 2.0),
    ],
)
def test_a_call_that_fits_no_helper_is_the_mistake_of_the_caller(
    grade: Grade, call: str, lost_of_two: float
) -> None:
    """The check fails, whatever the helper computes, and the helper costs nothing in it."""
    task = grade("deep-net", [MEAN, ("linear_backward(dZ, linear_cache)", call)])
    assert lost(task) == {
        "linear-backward": pytest.approx(0.3 * of(task, "linear-backward").max_score, abs=STEP),
        "relu-backward": lost_of_two,
        "sigmoid-backward": lost_of_two,
    }
    assert of(task, "relu-backward").state == "error"
    (helper,) = [each for each in task.findings if each.check == "linear-backward"]
    assert list(helper.costs) == ["linear-backward"]


# --- right inputs from a corrected function ----------------------------------------------

POOL_CRASH = (
    "rows = 1 + (x.shape[2] - height) // stride",
    "rows = 1 + (x.shape[2] - height) / stride",
)
CONV_CRASH = ("((1, 2, 3), (1, 2, 3))) + b", "((1, 2, 3), (1, 2, 3))) + bias")
CODE = '    cache\n    """\n    stride, pad = conv_param'
DOUBLED = (CODE, CODE.replace("    stride", "    x = 2 * x\n    stride"))
CACHED = ("return W @ A + b, (A, W)", "A = A + 1\n    return W @ A + b, (A, W)")
BIAS = ("db = dout.sum(axis=(0, 2, 3))", "db = -dout.sum(axis=(0, 2, 3))")
CORRECTED = "This check used your code with the mistake in `{name}` corrected."
GIVEN = "This check used correct outputs instead of the outputs of your `{name}`."

MADE_RIGHT: dict[str, tuple[str, Edits, dict[str, float], str, str]] = {
    "a forward pass that stops": (
        *("convolution", [POOL_CRASH], {"max-pooling/forward": 0.5}),
        *("max-pooling/backward", GIVEN.format(name="max_pool_forward_naive")),
    ),
    "an unknown name in a forward pass": (
        *("convolution", [CONV_CRASH], {"convolution/forward": 0.5}),
        *("convolution/backward", GIVEN.format(name="conv_forward_naive")),
    ),
    "a wrong cache": (
        *("convolution", [DOUBLED], {"convolution/forward": 0.3}),
        *("convolution/backward", CORRECTED.format(name="conv_forward_naive")),
    ),
    "a wrong cache of a helper": (
        *("deep-net", [CACHED], {"deep-net/linear-forward": 0.3}),
        *("deep-net/linear-backward", CORRECTED.format(name="linear_forward")),
    ),
    "and a mistake of its own": (
        *("convolution", [DOUBLED, BIAS]),
        {"convolution/forward": 0.3, "convolution/backward": 0.6},
        *("convolution/backward", CORRECTED.format(name="conv_forward_naive")),
    ),
    "and a mistake of its own after a crash": (
        *("convolution", [CONV_CRASH, BIAS]),
        {"convolution/forward": 0.5, "convolution/backward": 0.6},
        *("convolution/backward", CORRECTED.format(name="conv_forward_naive")),
    ),
}
"""An exercise, edits, the price that checks lose, a check with right inputs, and its note."""


@pytest.mark.parametrize("case", MADE_RIGHT)
def test_a_function_is_judged_with_the_mistakes_of_others_corrected(
    grade: Grade, case: str
) -> None:
    """It gets right inputs and a right cache, and loses the price of its own mistakes only."""
    exercise, edits, prices, name, note = MADE_RIGHT[case]
    tasks = grade(exercise, edits, every=True)
    checks = {f"{task.task}/{check.check}": check for task in tasks for check in task.checks}
    failing = {name for name, check in checks.items() if check.state != "pass"}
    assert failing == prices.keys()
    for each, check in checks.items():
        lost_points = prices.get(each, 0) * check.max_score
        assert check.max_score - check.score == pytest.approx(lost_points, abs=STEP)
    assert checks[name].notes == (note,)


def test_the_answers_of_a_new_process_count(grade: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search tries changes with text of the model solution in the process before."""
    renewed: list[bool] = []
    renew = StudentProcess.renew

    def spied(process: StudentProcess, *, apart: bool = False) -> None:
        renewed.append(apart)
        renew(process, apart=apart)

    monkeypatch.setattr(StudentProcess, "renew", spied)
    assert of(grade("deep-net", [CACHED]), "linear-backward").state == "pass"
    assert renewed[-1]


def test_a_change_of_the_model_solution_corrects_nothing(grade: Grade) -> None:
    """Its text must not be in the process whose answers count; the marks are held instead."""
    task = grade("one-hidden-layer", [("A1 = np.tanh(", "A1 = np.sin(")])
    assert {each.basis for each in task.findings} == {"model"}
    assert of(task, "backward").state == "fail"
    assert of(task, "backward").held


# --- where it cannot be done -------------------------------------------------------------

NEEDS = "Not completed: `{name}` is wrong. Correct `{name}` first."
CANNOT = NEEDS + " gradkit cannot replace `{name}` by a correct function: {why}."

START = "    linear_cache, Z = cache\n"
OFTEN = (
    START,
    START + "    for _ in range(99):\n        linear_backward(Z, linear_cache)\n",
)
ROWS = (
    "    return linear_backward(dZ, linear_cache)\n",
    "    A, W = linear_cache\n"
    "    parts = [linear_backward(dZ[:, [i]], (A[:, [i]], W)) for i in range(A.shape[1])]\n"
    "    dA, dW, db = zip(*parts)\n"
    "    return np.hstack(dA), np.mean(dW, axis=0), np.mean(db, axis=0)\n",
)
MUCH = (
    "    return linear_backward(dZ",
    "    linear_backward(np.zeros((3000, 3000)), 0)\n    return linear_backward(dZ",
)
ENDING = (START, START + "    import os\n    os._exit(0)\n")
SIGN = ("db = np.sum(dZ", "db = -np.sum(dZ")


@pytest.fixture
def _without_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a known change of the text, stubs alone decide."""
    monkeypatch.setattr(sessions, "_diagnose_functions", lambda _, given, __: (Inquiry(), given))


BLOCKED: dict[str, tuple[Edits, str, str, str]] = {
    "too many calls": ([MEAN, OFTEN], "relu-backward", "linear_backward", stubs.TOO_OFTEN),
    "row by row": ([SIGN, ROWS], "relu-backward", "linear_backward", stubs.TOO_OFTEN),
    "a large array": ([MEAN, MUCH], "relu-backward", "linear_backward", stubs.OTHER_ARGUMENTS),
    "an end": ([MEAN, ENDING], "relu-backward", "linear_backward", stubs.STOPPED),
}


@pytest.mark.usefixtures("_without_diagnosis")
@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("case", BLOCKED)
def test_a_caller_is_blocked_where_no_stub_can_answer(grade: Grade, case: str) -> None:
    """The message names the helper and the reason."""
    edits, check, name, why = BLOCKED[case]
    found = of(grade("deep-net", edits), check)
    assert (found.state, found.message) == ("blocked", CANNOT.format(name=name, why=why))
    assert not any("This check used" in note for note in found.notes)


def test_without_the_model_solution_a_caller_is_blocked(grade: Grade) -> None:
    """Recorded examples have right outputs for their own inputs only."""
    found = of(grade("deep-net", [MEAN], model=False), "relu-backward")
    why = stubs.NO_SOLUTION
    assert (found.state, found.message) == (
        "blocked",
        CANNOT.format(name="linear_backward", why=why),
    )


# --- an exercise of one's own ------------------------------------------------------------

EXERCISE = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"

[[tasks]]
id = "own"
title = "A helper and its caller"
kind = "functions"
solution = "model.py"
sizes = { N = [3, 4, 6], D = [5, 7] }
inputs = { x = "normal(N, D)", d = "normal(N, D)" }

[[tasks.checks]]
name = "helper"
points = 4
call = "out, cache = helper(x)"
compare = ["out"]

[[tasks.checks]]
name = "caller"
points = 4
call = "total, dx = caller(x, d)"
compare = ["total", "dx"]
"""

MODEL = """
import numpy as np


def helper(x):
    return x**2, x


def caller(x, d):
    out, cache = helper(x)
    return np.sum(out * d), 2 * cache * d
"""

NOISE = ("return x**2, x", "return x**2 + np.random.rand(), x")
IN_PLACE = ("return x**2, x", "x *= 1\n    x[0, 0] += 0.5\n    return x**2, x")
RAISING = ("return x**2, x", "assert x[0, 0] != 0.25\n    return x**2, x")
CUBE = ("return x**2, x", "return x**3, x")
SPOILT = ("return x**2, x", "return x**3, 3 * x")
MANY = ("return x**2, x", "return [x**2, x]")
ZEROS = ("helper(x)", "helper(x * 0 + 0.25)")
CLASS = (
    "def helper(x):\n    return x**2, x",
    "class helper:\n    def __new__(cls, x):\n        return x**2, x",
)
GUARDED = ("def helper(x):", "def helper(x, *rest):")
UNCALLED = ("out, cache = helper(x)", "out, cache = x**2, x")
OBJECT = ("return x**2, x", "return x**2 if x.any() else None, x")


@pytest.fixture
def own(workshop: Workshop, tmp_path: Path) -> Callable[..., TaskResult]:
    """``own(model, student, task)``: edits of the model solution, and of that of the student."""

    def grade(model: Edits, student: Edits, task: str = EXERCISE) -> TaskResult:
        (tmp_path / "assignment.toml").write_text(task, encoding="utf-8")
        (tmp_path / "model.py").write_text(with_edits(MODEL, model), encoding="utf-8")
        (tmp_path / "hw.py").write_text(with_edits(MODEL, student), encoding="utf-8")
        settings = Settings(assignment=tmp_path / "assignment.toml", reference=tmp_path, seed=1)
        with Session(settings, workshop) as session:
            (found,) = session.grade(read_submission(tmp_path / "hw.py")).result.tasks
        return found

    return grade


CONVENTIONS = EXERCISE.replace(
    'compare = ["out"]', 'compare = ["out"]\nconventions = [{ out = "N" }]'
)
FREE = EXERCISE.replace('compare = ["out"]', 'compare = ["out.shape"]')
NOT_ALONE = EXERCISE.replace("out, cache = helper(x)", "out = helper(x)[0]")
SHORT = ("return x**2, x", "return x[:1] ** 2, x")

CASES: dict[str, tuple[Edits, Edits, str, str]] = {
    "a wrong cache": ([], [SPOILT], EXERCISE, stubs.OWN_PART),
    "random numbers": ([NOISE], [CUBE], EXERCISE, stubs.NO_RESULT),
    "a change in place": ([IN_PLACE], [CUBE], EXERCISE, stubs.NO_RESULT),
    "a model that raises": ([RAISING], [CUBE, ZEROS], EXERCISE, stubs.NO_RESULT),
    "a class": ([CLASS], [CUBE], EXERCISE, stubs.NO_FUNCTION),
    "any arguments": ([GUARDED], [CUBE], EXERCISE, stubs.NO_FUNCTION),
    "another line": ([], [CUBE], NOT_ALONE, stubs.NO_FUNCTION),
    "no call by the model": ([UNCALLED], [CUBE], EXERCISE, stubs.NOT_CALLED),
    "a convention": ([], [CUBE], CONVENTIONS, stubs.OTHER_CONVENTION),
    "nothing that is compared": ([], [SHORT], FREE, stubs.NOT_COMPARED),
}


@pytest.mark.usefixtures("_without_diagnosis")
@pytest.mark.parametrize("case", CASES)
def test_a_helper_that_cannot_be_replaced_blocks_its_caller(
    own: Callable[..., TaskResult], case: str
) -> None:
    """The reason is told; the caller is not blamed."""
    model, student, task, why = CASES[case]
    found = of(own(model, student, task), "caller")
    assert (found.state, found.message) == ("blocked", CANNOT.format(name="helper", why=why))


def test_the_helper_of_this_exercise_can_be_replaced(own: Callable[..., TaskResult]) -> None:
    """So each case above is about its own reason."""
    assert lost(own([], [CUBE])).keys() == {"helper"}
    assert own([], []).score == 8


@pytest.mark.usefixtures("_without_diagnosis")
def test_a_caller_that_fits_the_wrong_helper_alone_is_blocked(
    own: Callable[..., TaskResult],
) -> None:
    """It is not blamed for what it does with a wrong result."""
    halved = [("return x**2, x", "return 2 * x**2, x"), ("np.sum(out * d)", "np.sum(out * d) / 2")]
    task = EXERCISE.replace('["out"]', '["out", "cache"]')
    found = of(own([], [*halved, ("2 * cache * d", "2 * cache")], task), "caller")
    why = stubs.MORE_WRONG
    assert (found.state, found.message) == ("blocked", CANNOT.format(name="helper", why=why))


@pytest.mark.usefixtures("_without_diagnosis")
def test_without_time_a_caller_is_blocked(
    own: Callable[..., TaskResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes with stubs of a task share its deadline."""
    monkeypatch.setattr(FunctionGrader, "stub_seconds", lambda _: 0.0)
    found = of(own([], [CUBE]), "caller")
    assert found.message == CANNOT.format(name="helper", why=stubs.NO_TIME)
