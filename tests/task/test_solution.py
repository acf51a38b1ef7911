"""Both oracles give the same answers, and a model solution that does not is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_solutions import REFERENCE, source
from msgspec.structs import replace

from gradkit.lines import read_lines
from gradkit.records.task import FunctionTask, Made, Task
from gradkit.task.assignment import exercises, find_reference, read_assignment
from gradkit.task.draws import draws
from gradkit.task.oracle import Derived, OracleError, TorchReference, expect, load_reference, verify
from gradkit.task.probes import draw
from gradkit.task.solution import ImpureError, Solution, load_solution

TASKS = {task.id: task for task in read_assignment().tasks}
KEYS = ("W1", "b1", "W2", "b2")


def available(task: Task) -> Task:
    """The task, or a skip where its framework is not installed."""
    if task.framework.trains:
        pytest.importorskip("torch")
    return task


@pytest.mark.sample(9)
@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
@pytest.mark.parametrize("takes_rate", [False, True])
def test_reference_and_derivation_agree(task: Task, takes_rate: bool) -> None:
    """On every quantity of many seeds, to 1e-9 of the largest value."""
    oracle = load_reference(available(task), REFERENCE, "correct")
    assert not isinstance(oracle, Derived)
    for seed in range(3 if task.framework.trains else 40):
        probes = draw(task, seed, oracle.forward, takes_rate)
        verify(task, oracle, probes)
        assert expect(oracle, probes).keys() == {
            call.name for call in (*probes.forward, *probes.update, *probes.runs)
        }


def spoilt(folder: Path, name: str, right: str, wrong: str) -> Path:
    """A folder with one model solution that has one mistake."""
    text = source(name)
    assert text.count(right) == 1
    (folder / f"{name}.py").write_text(text.replace(right, wrong))
    return folder


@pytest.mark.parametrize(
    ("name", "right", "wrong", "said"),
    [
        ("regression_numpy", "dW1 = X @ d_hidden.T", "dW1 = d_hidden @ X.T", "W1 of update/random"),
        ("classification_numpy", "dW2 = A1 *", "dW2 = 1.001 * A1 *", "W2 of update/random"),
        (
            "classification_numpy",
            "(1 + np.exp(-Z))",
            "(1 + np.exp(Z))",
            "y_hat of forward/published",
        ),
        ("regression_torch", "losses.append(loss.item())", "losses.append(0.0)", "loss of step 1"),
        ("regression_torch", "optimizer.zero_grad()", "pass", "final/W1 of step 2/published"),
        (
            "classification_torch",
            "torch.sigmoid(self.output(A1))",
            "self.output(A1) * 0 + 0.5",
            "y_hat of forward/published",
        ),
    ],
)
def test_spoilt_model_solution_is_refused(
    tmp_path: Path, name: str, right: str, wrong: str, said: str
) -> None:
    """One mistake anywhere, and nobody is graded against it."""
    task = available(TASKS[name.replace("_", "-")])
    oracle = load_reference(task, spoilt(tmp_path, name, right, wrong), "correct")
    with pytest.raises(OracleError) as caught:
        verify(task, oracle, draw(task, 0, Derived(task).forward, takes_rate=False))
    text = str(caught.value)
    assert text.startswith(
        f"{task.id}: the model solution and the assignment file disagree on {said}"
    )
    assert re.search(r" by \d[\d.e+-]*\. Correct one of them before grading\.$", text)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "return A, A_prev",
            "return A.sum(), A_prev",
            "regression-numpy: the model solution gives y_hat of forward/published in shape "
            "(4,); the assignment file asks for (4, 1, 1).",
        ),
        (
            "return A, A_prev",
            "raise KeyError('W3')",
            "regression-numpy: the model solution stopped with KeyError: 'W3'. Correct it "
            "before grading.",
        ),
    ],
)
def test_model_solution_that_cannot_answer_is_refused(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    """It raises, or gives another shape."""
    task = TASKS["regression-numpy"]
    oracle = load_reference(task, spoilt(tmp_path, "regression_numpy", right, wrong), "correct")
    with pytest.raises(OracleError) as caught:
        verify(task, oracle, draw(task, 0, Derived(task).forward, takes_rate=False))
    assert str(caught.value) == said


def test_reference_that_gives_nan_is_refused(tmp_path: Path) -> None:
    """A gap that is nan is no small gap."""
    folder = spoilt(tmp_path, "regression_numpy", "W.T @ A_prev + b", "W.T @ A_prev + b * np.nan")
    oracle = load_reference(TASKS["regression-numpy"], folder, "correct")
    task = TASKS["regression-numpy"]
    with pytest.raises(OracleError, match="disagree on y_hat of forward/published by nan"):
        verify(task, oracle, draw(task, 0, Derived(task).forward, takes_rate=False))


def test_missing_model_solution_says_where_it_was_looked_for(tmp_path: Path) -> None:
    """And which option names the folder."""
    with pytest.raises(OracleError) as caught:
        load_reference(TASKS["regression-numpy"], tmp_path, "correct")
    assert str(caught.value) == (
        f"{tmp_path / 'regression_numpy.py'}: not found. Name the folder of the model solutions "
        "with --reference."
    )
    with pytest.raises(OracleError, match=r"regression_numpy_published\.py: not found"):
        load_reference(TASKS["regression-numpy"], tmp_path, "published")


def test_model_solution_that_does_not_load(tmp_path: Path) -> None:
    """Its own error is told."""
    (tmp_path / "regression_numpy.py").write_text("import nothing_of_this_name")
    with pytest.raises(OracleError) as caught:
        load_reference(TASKS["regression-numpy"], tmp_path, "correct")
    assert str(caught.value) == (
        f"{tmp_path / 'regression_numpy.py'}: the model solution cannot be loaded: "
        "ModuleNotFoundError: No module named 'nothing_of_this_name'"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("L_layer_forward = 3\n", "has no `L_layer_forward`; add it."),
        ("def L_layer_forward(X, p): pass\n", "has no `update_parameters`; add it."),
        ("raise SystemExit('bye')\n", "cannot be loaded: SystemExit: bye"),
        (
            "def f(:\n",
            "cannot be loaded: SyntaxError: invalid syntax (regression_numpy.py, line 1)",
        ),
    ],
)
def test_model_solution_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    """A file without the functions, one that leaves, one that does not parse: all are refused."""
    path = tmp_path / "regression_numpy.py"
    path.write_text(text)
    with pytest.raises(OracleError) as caught:
        load_reference(TASKS["regression-numpy"], tmp_path, "correct")
    assert str(caught.value) == f"{path}: the model solution {said}"


def test_torch_is_graded_against_the_correct_form_in_either(tmp_path: Path) -> None:
    """Its loops were right as published."""
    task = available(TASKS["regression-torch"])
    oracle = load_reference(task, REFERENCE, "published")
    assert isinstance(oracle, TorchReference)
    assert Path(oracle.module.__file__) == REFERENCE / "regression_torch.py"


def test_published_form_is_another_rule() -> None:
    """At random probes its update differs from the correct one in the entries that are wrong."""
    task = TASKS["regression-numpy"]
    published = load_reference(task, REFERENCE, "published")
    probes = draw(task, 1, Derived(task).forward, takes_rate=False)
    right, wrong = (expect(o, probes)["update/random"] for o in (Derived(task), published))
    differs = {key: ~np.isclose(right[key], wrong[key], rtol=1e-9).all(axis=0) for key in KEYS}
    assert differs["W1"].all()
    assert differs["b1"].all()
    assert not differs["W2"].any()
    assert not differs["b2"].any()


# --- model solutions of function tasks ---------------------------------------------------


def function_solution(folder: Path, text: str) -> tuple[FunctionTask, Solution]:
    """The first task of the layers, with this text as its model solution."""
    task = read_assignment(exercises()["layers"]).functions[0]
    (folder / task.solution).write_text(text, encoding="utf-8")
    return task, load_solution(task, folder)


def test_a_model_solution_of_functions_answers() -> None:
    """What is compared, the same when asked twice, and what is put right before a later check."""
    task = read_assignment(exercises()["layers"]).functions[0]
    reference = find_reference(exercises()["layers"], None)
    assert reference is not None
    solution = load_solution(task, reference)
    forward, backward = task.checks
    for probe in draws(task, 3):
        made = solution.make(forward, probe)
        x, w, b = (probe.values[name] for name in "xwb")
        assert np.allclose(made.values["out"], x.reshape(len(x), -1) @ w + b)
        assert np.array_equal(made.values["out"], made.again["out"])
        assert made.changed == ()
        right = solution.make(backward, probe, {forward.name: made})
        assert right.values.keys() == {"dx", "dw", "db"}


def test_what_is_right_is_put_in_the_place_of_what_is_compared(tmp_path: Path) -> None:
    """A wrong output costs once, while a cache stays as it is."""
    text = "def affine_forward(x, w, b):\n    return 0 * x[0], x\n"
    text += "def affine_backward(dout, cache):\n    return cache, cache, cache\n"
    task, solution = function_solution(tmp_path, text)
    forward, backward = task.checks
    backward = replace(
        backward, call=read_lines("dx = out; dw = cache; db = affine_backward(b, b)[0]")
    )
    task = replace(task, checks=(forward, backward))
    solution = replace(solution, task=task)
    probe = next(iter(draws(task, 0)))
    right = Made({"out": np.array([7.0])})
    made = solution.make(backward, probe, {forward.name: right})
    assert made.values["dx"].tolist() == [7.0]
    assert np.array_equal(made.values["dw"], probe.values["x"])
    assert not solution.make(backward, probe).values["dx"].any()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "raise KeyError('W3')",
            "affine/forward: the model solution stopped with KeyError: 'W3'. Its inputs: "
            "x (3, 2, 4), w (8, 7), b (7,). Correct the model solution, or the inputs in the "
            "assignment file.",
        ),
        (
            "return 1",
            "affine/forward: the model solution stopped with ReturnedError: `affine_forward` "
            "returns 1 number; it has to return 2 values, for `out`, `cache`. Its inputs: "
            "x (3, 2, 4), w (8, 7), b (7,). Correct the model solution, or the inputs in the "
            "assignment file.",
        ),
        (
            "return 'a', None",
            "affine: the model solution gives no numbers for out, but <U1. Compare arrays or "
            "numbers.",
        ),
        (
            "return None, None",
            "affine: the model solution gives no numbers for out, but object. Compare arrays or "
            "numbers.",
        ),
    ],
)
def test_a_model_solution_of_functions_that_cannot_answer(
    tmp_path: Path, body: str, told: str
) -> None:
    """It raises, or gives no numbers."""
    text = f"def affine_forward(x, w, b):\n    {body}\ndef affine_backward(dout, cache): pass\n"
    task, solution = function_solution(tmp_path, text)
    with pytest.raises(OracleError) as caught:
        solution.make(task.checks[0], next(iter(draws(task, 0))))
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def affine_forward(x, w, b): pass\n", "has no `affine_backward`; add it."),
        ("affine_forward = 3\n", "has no `affine_forward`; add it."),
        (
            "import nothing_here",
            "cannot be loaded: ModuleNotFoundError: No module named 'nothing_h",
        ),
        ("exit()", "cannot be loaded: SystemExit: "),
    ],
)
def test_a_model_solution_of_functions_that_is_none(tmp_path: Path, text: str, told: str) -> None:
    """A file without the functions, or that cannot be loaded."""
    with pytest.raises(OracleError) as caught:
        function_solution(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'layers.py'}: the model solution {told}")


def test_a_model_solution_of_functions_that_is_not_there(tmp_path: Path) -> None:
    """Where it was looked for, and which option names the folder."""
    task = read_assignment(exercises()["layers"]).functions[0]
    with pytest.raises(OracleError) as caught:
        load_solution(task, tmp_path)
    assert str(caught.value) == (
        f"{tmp_path / 'layers.py'}: not found. Name the folder of the model solutions with "
        "--reference."
    )


# --- single functions --------------------------------------------------------------------

PURE = """
import numpy as np


def plain(x, rate=0.5, *, word="a"):
    return x * rate


def changing(x):
    x += 1
    return x


def random(x):
    return x + np.random.rand()


def raising(x):
    return x[99]


def more(*x):
    return x


class Layer:
    pass


total = np.sum
"""


@pytest.fixture
def functions() -> Solution:
    """Return a solution with functions of several kinds."""
    names: dict[str, Any] = {}
    exec(PURE, names)
    (task,) = (each for each in read_assignment(exercises()["softmax-loss"]).functions)
    return Solution(task, names)


def test_parameters_and_defaults(functions: Solution) -> None:
    """There are none of a class, of a function with any arguments, or of numpy's."""
    assert functions.parameters_of("plain") == ("x", "rate", "word")
    assert functions.defaults_of("plain") == {"rate": 0.5, "word": "a"}
    for name in ("more", "Layer", "total", "missing"):
        assert functions.parameters_of(name) == ()


def test_a_single_function_returns_a_result(functions: Solution) -> None:
    """For arguments by their names."""
    assert functions.result_of("plain", {"x": np.ones(2), "rate": 3.0}).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("changing", "changing changes an argument"),
        ("random", "random draws random numbers"),
        ("raising", "raising stopped with IndexError"),
    ],
)
def test_a_function_that_does_more_has_no_result(functions: Solution, name: str, text: str) -> None:
    """Student code cannot be answered by it."""
    with pytest.raises(ImpureError) as caught:
        functions.result_of(name, {"x": np.ones(2)})
    assert str(caught.value) == text
