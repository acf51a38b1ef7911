"""Student code that asks stubs for right answers earns nothing that is not its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from gradkit.grading import stubs
from gradkit.grading.repairs import _Repairs
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import CheckResult, TaskResult
from gradkit.runtime.frames import TO_WORKER, Frame, encode
from gradkit.sandbox import Workshop
from gradkit.sandbox.worker import Worker
from gradkit.task.assignment import BESIDE, SHIPPED
from gradkit.task.solution import Solution

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(9)]

Grade = Callable[..., TaskResult]

WRONG = ("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T * m")
"""A helper that is wrong on purpose."""

START = "    linear_cache, Z = cache\n"
"""Where the attacks begin, in a function that calls the helper."""


@pytest.fixture(scope="module")
def grade(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    """Grade the model solution of an exercise with some text replaced."""
    opened: dict[str, Session] = {}
    path = tmp_path_factory.mktemp("oracle") / "answer.py"
    with ExitStack() as stack:

        def grade(*edits: tuple[str, str], exercise: str = "deep-net") -> TaskResult:
            if exercise not in opened:
                settings = Settings(assignment=SHIPPED / exercise / "assignment.toml", seed=3)
                opened[exercise] = stack.enter_context(Session(settings, workshop))
            text = next((BESIDE / exercise).glob("*.py")).read_text(encoding="utf-8")
            for old, new in edits:
                assert old in text, old
                text = text.replace(old, new)
            path.write_text(text, encoding="utf-8")
            (task,) = opened[exercise].grade(read_submission(path)).result.tasks
            return task

        yield grade


@pytest.fixture
def only_stubs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judge no check again with the correction of a helper, so that only stubs replace helpers."""
    monkeypatch.setattr(_Repairs, "_with_right_inputs", lambda *_: {})


def of(task: TaskResult, name: str) -> CheckResult:
    """Return a check by its name."""
    return next(check for check in task.checks if check.check == name)


def attack(code: str) -> tuple[str, str]:
    """Return an edit that runs code before the caller calls the helper."""
    lines = "".join(f"    {line}\n" for line in code.strip().split("\n"))
    return START, START + lines


# --- answers for other checks ------------------------------------------------------------

KEEPING = attack(
    """
import builtins, os
right = linear_backward(dA, linear_cache)
builtins.kept = np.kept = right
for folder in (".", "..", "/tmp", "/var/tmp", os.path.dirname(np.__file__)):
    try:
        np.save(os.path.join(folder, "kept_by_a_stub.npy"), right[1])
    except OSError:
        pass
print("kept", right)
"""
)

TAKING = (
    "    A_prev, W = cache\n",
    """    A_prev, W = cache
    import builtins, os
    kept = getattr(builtins, "kept", None) or getattr(np, "kept", None)
    for folder in (".", "..", "/tmp", "/var/tmp", os.path.dirname(np.__file__)):
        path = os.path.join(folder, "kept_by_a_stub.npy")
        if os.path.exists(path):
            kept = np.load(path), np.load(path), np.load(path)
    if kept is not None:
        raise SystemError("kept")
""",
)


def test_no_answer_reaches_another_process(grade: Grade) -> None:
    """It is kept in memory, in files and in the output; nobody finds it in another check."""
    for _ in range(2):
        task = grade(WRONG, KEEPING, TAKING)
        assert of(task, "linear-backward").state == "fail"
        assert of(task, "linear-backward").score <= 0.7 * 4


def test_the_helper_is_judged_without_stubs(grade: Grade) -> None:
    """It asks for itself, by its own name, and gets no answer in its own check."""
    asking = (
        "    m = A_prev.shape[1]\n",
        """    m = A_prev.shape[1]
    try:
        from gradkit.runtime.frames import Frame
        from gradkit.runtime.serve import ask_grader
        call = {"function": "linear_backward", "positional": [], "keywords": []}
        return ask_grader(Frame("stub-call", {}, call))
    except ImportError:
        pass
""",
    )
    task = grade(WRONG, asking)
    found = of(task, "linear-backward")
    assert found.state in ("fail", "error")
    assert found.score < found.max_score


FORWARD = (
    "    Z, linear_cache = linear_forward(A_prev, W, b)\n",
    "    Z, linear_cache = linear_forward(A_prev, W, b)\n    linear_backward(Z, linear_cache)\n",
)


@pytest.mark.usefixtures("only_stubs")
def test_only_helpers_of_the_model_solution_answer(grade: Grade) -> None:
    """A function that the model solution does not call in a check is no stub there."""
    task = grade(WRONG, FORWARD, ("np.maximum(Z, 0) if", "np.maximum(-Z, 0) if"))
    found = of(task, "activation-forward")
    assert (found.state, "This check used" in str(found.notes)) == ("fail", False)
    twin = (
        "softmax_loss_vectorized(W, X, y, reg):\n",
        "softmax_loss_vectorized(W, X, y, reg):\n    return softmax_loss_naive(W, X, y, reg)\n",
    )
    naive = ("loss -=", "loss +=")
    text = next((BESIDE / "softmax-loss").glob("*.py")).read_text(encoding="utf-8")
    assert naive[0] in text
    task = grade(twin, naive, exercise="softmax-loss")
    vectorized = of(task, "vectorized")
    assert vectorized.state != "pass"
    assert not any("This check used" in note for check in task.checks for note in check.notes)


# --- work that stubs do ------------------------------------------------------------------

ZEROS = [
    ("    return W @ A + b, (A, W)", "    return np.zeros((len(W), A.shape[1])), (A, W)"),
    ("    return W.T @ dZ, dW, db", "    return W.T @ dZ * 0, dW * 0, db * 0"),
]


def test_trivial_helpers_earn_nothing_themselves(grade: Grade) -> None:
    """Callers that are right keep their points, and no more."""
    task = grade(*ZEROS)
    full = {check.check: check.max_score for check in task.checks}
    for check in task.checks:
        if check.check in ("linear-forward", "linear-backward"):
            assert check.score <= 0.7 * check.max_score
        else:
            assert check.score == full[check.check]
    assert task.findings or all(check.held for check in task.checks if check.state == "fail")


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "return linear_backward(dA, cache[0])",
        "return dA, dA, dA",
        "dX, dW, db = linear_backward(dA, cache[0])\n    return -dX, -dW, -db",
    ],
)
def test_a_trivial_caller_earns_nothing_by_a_stub(grade: Grade, body: str) -> None:
    """What the helper does is not what the caller is asked for."""
    caller = (START, f"    {body}\n{START}")
    with_stub, alone = grade(WRONG, caller), grade(caller)
    for name in ("relu-backward", "sigmoid-backward"):
        assert of(with_stub, name).state != "pass"
        assert of(with_stub, name).score <= of(alone, name).score


# --- calls that do not fit ---------------------------------------------------------------

ASK = """
from gradkit.runtime import serve
from gradkit.runtime.frames import Frame
def ask(positional, arrays={}, function="linear_backward", keywords=()):
    call = {"function": function, "positional": positional, "keywords": [*keywords]}
    return serve.ask_grader(Frame("stub-call", arrays, call))
"""

UNFIT = {
    "a huge array": 'ask([{"array": "a"}, {"plain": None}], {"a": np.zeros((1400, 1400))})',
    "many dimensions": 'ask([{"array": "a"}, {"plain": None}], {"a": np.zeros((1,) * 8)})',
    "an empty array": 'ask([{"array": "a"}, {"plain": None}], {"a": np.zeros((0, 2**40))})',
    "objects": "linear_backward(np.array([None, ask], object), linear_cache)",
    "a function": "linear_backward(lambda: 0, linear_cache)",
    "an object": "linear_backward(type('A', (np.ndarray,), {})((2, 2)), linear_cache)",
    "deep nesting": """
deep = []
for _ in range(10**5):
    deep = [deep]
linear_backward(deep, linear_cache)
""",
    "a container in itself": """
deep = []
deep.append(deep)
linear_backward(deep, linear_cache)
""",
    "a cache of another maker": """
other = linear_activation_forward(linear_cache[0], linear_cache[1], 0 * Z[:, :1], "relu")[1]
linear_backward(dA, other)
""",
    "complex numbers": "linear_backward(dA * 1j, linear_cache)",
    "no arguments": "linear_backward()",
    "unknown keywords": "linear_backward(dA, linear_cache, W=1)",
    "a refusal that is hidden": """
try:
    linear_backward(dA[:1], linear_cache)
except BaseException:
    pass
""",
}
"""Code that asks for what the model solution would not be called with."""


@pytest.fixture
def model_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Mapping[str, Any]]]:
    """Record the calls of the model solution that student code has asked for."""
    calls: list[tuple[str, Mapping[str, Any]]] = []
    result_of = Solution.result_of

    def noted(self: Solution, function: str, arguments: Mapping[str, Any]) -> Any:
        calls.append((function, arguments))
        return result_of(self, function, arguments)

    monkeypatch.setattr(Solution, "result_of", noted)
    return calls


HELPERS = {
    *("linear_forward", "linear_backward"),
    *("linear_activation_forward", "linear_activation_backward"),
}
"""Functions that a stub may have in some check of the exercise."""


def are_plain(value: Any) -> bool:
    """Return whether a value is an array of real numbers or a plain value."""
    if isinstance(value, tuple | list):
        return all(map(are_plain, value))
    if type(value) is np.ndarray:
        return value.dtype.kind in "biuf" and value.size < 100
    return value is None or isinstance(value, int | float | str | np.generic)


@pytest.mark.usefixtures("only_stubs")
@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("case", UNFIT)
def test_calls_of_another_form_are_refused(
    grade: Grade, model_calls: list[tuple[str, Mapping[str, Any]]], case: str
) -> None:
    """The check does not pass; the model solution gets nothing but arrays of known shapes."""
    task = grade(WRONG, attack(ASK + UNFIT[case]))
    found = of(task, "relu-backward")
    assert found.state in ("blocked", "error", "fail")
    assert not any("This check used" in note for note in found.notes)
    assert {name for name, _ in model_calls} <= HELPERS
    assert all(are_plain(value) for _, given in model_calls for value in given.values())
    # Other checks are judged as ever.
    assert of(task, "linear-forward").state == of(task, "cost").state == "pass"


FORGED = {
    "another function": 'ask([], function="L_model_backward")',
    "a name that is none": 'ask([], function="__import__")',
    "no function": 'serve.ask_grader(Frame("stub-call", {}, {}))',
    "an unknown part": 'ask([{"pickle": "cos"}])',
    "two forms": 'ask([{"plain": 1, "other": "x"}])',
    "no array": 'ask([{"array": "missing"}])',
    "a reply of another kind": 'serve.ask_grader(Frame("outcome", {}, {}))',
    "calls after the reply": """
import threading, time
def late():
    while True:
        try:
            ask([{"plain": 1}, {"plain": 1}])
        except Exception:
            time.sleep(0.01)
threading.Thread(target=late, daemon=True).start()
""",
    "bytes without a form": """
import os
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b"GKF1" + b"\\xff" * 40)
    except OSError:
        pass
""",
    "half a frame": """
import os
for descriptor in range(3, 256):
    try:
        os.write(descriptor, b"GKF1\\x10\\x00\\x00\\x00" + b"\\x00" * 8 + b"{")
    except OSError:
        pass
""",
}
"""Code that sends what is no call of a stub of this check."""


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("case", FORGED)
def test_forged_calls_end_the_process(grade: Grade, case: str) -> None:
    """No check passes by them, and grading goes on."""
    task = grade(WRONG, attack(ASK + FORGED[case]))
    found = of(task, "relu-backward")
    assert found.state in ("blocked", "error", "fail", "timeout")
    assert not any("This check used" in note for note in found.notes)
    assert of(task, "linear-forward").state == of(task, "cost").state == "pass"


@pytest.mark.usefixtures("only_stubs")
@pytest.mark.slow
def test_calls_have_a_limit(grade: Grade, model_calls: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Also of a caller that hides the refusals."""
    often = """
for _ in range(5000):
    try:
        linear_backward(dA, linear_cache)
    except Exception:
        pass
"""
    task = grade(WRONG, attack(often))
    found = of(task, "relu-backward")
    assert (found.state, stubs.TOO_OFTEN in found.message) == ("blocked", True)
    checks = 3
    assert len(model_calls) < checks * 2 * 200


# --- what a process can find -------------------------------------------------------------

LOOKING = attack(
    """
import gc, sys
word = "".join(["Those of W and b are ", "divided"])
frame = sys._getframe()
seen = []
while frame is not None:
    seen.append(dict(frame.f_locals))
    frame = frame.f_back
stub = linear_backward
cells = [cell.cell_contents for cell in stub.__closure__ or ()]
for held in [*gc.get_objects(), *seen, *map(vars, [c for c in cells if hasattr(c, "__dict__")])]:
    row = held.values() if type(held) is dict else held if type(held) in (list, tuple) else ()
    if any(type(part) is str and word in part and part != word for part in [*row]):
        raise SystemError("the model solution is here")
"""
)


def test_nothing_of_the_solution_is_in_the_process(
    grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its memory nor in the answers that it gets."""
    sent: list[Frame] = []
    ask = Worker.ask

    def noted(
        self: Worker, frame: Frame, seconds: float, answer: Any = None, **limits: Any
    ) -> Frame:
        def answered(call: Frame) -> Frame:
            sent.append(answer(call))
            return sent[-1]

        return ask(self, frame, seconds, None if answer is None else answered, **limits)

    monkeypatch.setattr(Worker, "ask", noted)
    # Its own text has none of the solution's texts, either.
    docs = (
        "    Those of W and b are divided by the number of examples, that of A_prev is not.\n",
        "",
    )
    task = grade(WRONG, docs, LOOKING)
    assert not [c.message for c in task.checks if "the model solution is here" in c.message]
    assert of(task, "relu-backward").state == "pass"
    answers = [frame for frame in sent if frame.kind == "stub-answer"]
    assert answers
    for frame in answers:
        assert frame.data.keys() == {"parts"}
        assert all(array.dtype.kind == "f" for array in frame.arrays.values())
        assert b"def " not in encode(frame, TO_WORKER)


def test_a_stub_that_student_code_replaces_is_its_own_function(grade: Grade) -> None:
    """The helper is wrong then, and the check is not judged with a right one."""
    replacing = attack("globals()['linear_backward'] = lambda d, c: (d, d, d)")
    found = of(grade(WRONG, replacing), "relu-backward")
    assert found.state != "pass"


def test_threads_may_call_a_helper(grade: Grade) -> None:
    """They ask one after the other, and the check passes."""
    threads = (
        "    return linear_backward(dZ, linear_cache)\n",
        """    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: linear_backward(dZ, linear_cache), range(2))
    return first
""",
    )
    task = grade(WRONG, threads)
    assert of(task, "relu-backward").state == "pass"
    assert of(task, "model-backward").state == "pass"
