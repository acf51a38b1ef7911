"""Function tasks: what is right in any style, what is wrong and how it is told, what is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.result import CheckResult, Result
from gradkit.sandbox import Workshop
from gradkit.task.shipped import exercises, find_reference

pytestmark = [pytest.mark.sample(3), pytest.mark.usefixtures("warm")]

LAYERS = exercises()["layers"]
MODEL = Path(__file__).parents[2] / "reference" / "layers" / "layers.py"

Check = Callable[..., Result]


@pytest.fixture
def check(workshop: Workshop, tmp_path: Path) -> Check:
    """``check(text, model=True, seed=1, assignment=…)``: the result of a script of this text."""

    def grade(
        text: str,
        *,
        model: bool = True,
        seed: int = 1,
        assignment: Path | None = LAYERS,
        **named: str,
    ) -> Result:
        path = tmp_path / "hw.py"
        path.write_text(text, encoding="utf-8")
        settings = Settings(assignment=assignment, seed=seed, no_reference=not model)
        with Session(settings, workshop) as session:
            return session.check(path)

    return grade


def of(result: Result, task: str, name: str) -> CheckResult:
    """One check of a result."""
    found = next(each for each in result.tasks if each.task == task)
    return next(each for each in found.checks if each.check == name)


def changed(*pairs: tuple[str, str]) -> str:
    """The model solution with some of its text changed."""
    text = MODEL.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_the_model_solution_has_all_points(check: Check) -> None:
    """It is right by definition, and not provisional."""
    result = check(changed())
    assert (result.score, result.max_score, result.provisional) == (15, 15, False)


WRONG = {
    "divided": ((".T @ dout", ".T @ dout / len(x)"), "`dw` is 1/N of what it should be"),
    "doubled": (("T @ dout", "T @ (2 * dout)"), "`dw` is 2 times what it should be."),
    "sign": (("dout @ w.T)", "-dout @ w.T)"), "`dx` has the wrong sign."),
    "axis": (("sum(axis=0)", "sum(axis=1)"), "`db` has shape ("),
    "all": (("dout.sum(axis=0)", "dout.sum()"), "It is summed over all axes."),
    "kept": (("sum(axis=0)", "sum(axis=0, keepdims=True)"), "Its numbers are right."),
    "transposed": (
        ("dw = x.reshape(len(x), -1).T @ dout", "dw = dout.T @ x.reshape(len(x), -1)"),
        "Its transpose is right.",
    ),
    "mean": (("dout.sum(axis=0)", "dout.mean(axis=0)"), "`db` is 1/N of what it should be"),
    "zero": (("dout.sum(axis=0)", "0 * dout.sum(axis=0)"), "`db` is 0 throughout."),
    "missing": (("dout.sum(axis=0)", "None"), "`db` is not there: found None."),
    "noise": (("dout.sum(axis=0)", "dout.sum(axis=0) * np.arange(len(w.T))"), "`db` is not right."),
    "nan": (
        ("dout.sum(axis=0)", "dout.sum(axis=0) * np.nan"),
        "`db` has entries that are not a number",
    ),
    "changed": (("dw = x", "x *= 2; dw = 0.5 * x"), "`x` is changed in place; it is to be left"),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_wrong_output_is_told_and_the_others_keep_their_points(check: Check, what: str) -> None:
    """The sentence says which output, and how it differs."""
    pair, sentence = WRONG[what]
    found = of(check(changed(pair)), "affine", "backward")
    assert found.state == "fail"
    assert sentence in found.message
    assert 0 < found.score < found.max_score


def test_what_is_right_for_a_wrong_forward_pass_keeps_its_points(check: Check) -> None:
    """One mistake costs once."""
    text = changed(
        ("-1) @ w + b", "-1) @ w * 3 + b"),
        ("dout @ w.T", "3 * dout @ w.T"),
        (".T @ dout", ".T @ dout * 3"),
    )
    result = check(text)
    assert of(result, "affine", "forward").state == "fail"
    assert of(result, "affine", "backward").score == 6


CONSTANT = changed(
    (
        "return x.reshape(len(x), -1) @ w + b, (x, w)",
        "return np.zeros((len(x), w.shape[1])), (x, w)",
    ),
    ("dx = (dout @ w.T)", "dx = (0 * dout @ w.T)"),
    (".T @ dout\n", ".T @ dout * 0\n"),
    ("dout.sum(axis=0)", "0 * dout.sum(axis=0)"),
)


@pytest.mark.parametrize("model", [True, False])
def test_a_constant_with_a_zero_backward_earns_nothing(check: Check, model: bool) -> None:
    """It is right for itself alone."""
    result = check(CONSTANT, model=model)
    assert next(task for task in result.tasks if task.task == "affine").score == 0


def test_a_forward_pass_that_ignores_an_input_earns_no_credit_for_its_gradients(
    check: Check,
) -> None:
    """All but b: its gradients of x and w are right for it, and it is another function."""
    result = check(
        changed(("-1) @ w + b", "-1) @ w"), ("dout.sum(axis=0)", "0 * dout.sum(axis=0)"))
    )
    found = of(result, "affine", "backward")
    assert [entry.state for entry in found.entries] == ["pass", "pass", "fail"]


def test_without_the_model_gradients_are_held_to_the_own_forward_pass(check: Check) -> None:
    """So on a student's machine; what takes the model is not checked."""
    result = check(changed((".T @ dout", ".T @ dout / len(x)")), model=False)
    assert result.provisional
    assert of(result, "affine", "forward").state == "not-checked"
    assert "takes the model solution" in of(result, "affine", "forward").message
    found = of(result, "affine", "backward")
    assert (
        found.message == "`dw` differs from finite differences of the forward pass that is there."
    )
    assert found.score == 4


STUBS = {
    "pass": "pass",
    "raise": "raise NotImplementedError",
    "nothing": '"""Write this."""',
    "none": "Z = None\n    return Z, (1, 2)",
}


@pytest.mark.parametrize("body", STUBS)
def test_what_is_not_written_is_missing(check: Check, body: str) -> None:
    """A starter has no points, whatever it has in the place of code."""
    names = [
        "affine_forward(x, w, b)",
        "affine_backward(dout, cache)",
        "relu_forward(x)",
        "relu_backward(dout, cache)",
    ]
    result = check("\n".join(f"def {name}:\n    {STUBS[body]}\n" for name in names))
    assert result.score == 0
    assert {check.state for task in result.tasks for check in task.checks} <= {"missing", "blocked"}
    assert of(result, "affine", "forward").message == "`affine_forward` is still to be written."


def test_what_is_not_there_is_told_by_name(check: Check) -> None:
    """Nobody has to guess what to write."""
    text = changed().partition("def affine_backward")[0]
    found = of(check(text), "affine", "backward")
    assert (found.state, found.message) == ("missing", "`affine_backward` is not there yet.")


def test_what_needs_another_function_is_blocked(check: Check) -> None:
    """It is told why."""
    result = check(changed(("return x.reshape(len(x), -1) @ w + b, (x, w)", "return x @ y, 1")))
    assert of(result, "affine", "forward").state == "error"
    assert of(result, "affine", "forward").message == "NameError: name 'y' is not defined"
    found = of(result, "affine", "backward")
    assert (found.state, found.message) == (
        "blocked",
        "This needs something else first: NameError: name 'y' is not defined",
    )


def test_a_hang_is_stopped_and_costs_its_own_check(tmp_path: Path, workshop: Workshop) -> None:
    """The others are judged all the same."""
    (tmp_path / "model.py").write_text(SQUARES, encoding="utf-8")
    short = OWN.replace("[tasks.sizes]", "deadline = 3\n\n[tasks.sizes]")
    (tmp_path / "assignment.toml").write_text(short, encoding="utf-8")
    text = SQUARES.replace("    rows = 2", "    import time; time.sleep(100)\n    rows = 2")
    (tmp_path / "hw.py").write_text(text, encoding="utf-8")
    settings = Settings(assignment=tmp_path / "assignment.toml", reference=tmp_path, seed=1)
    with Session(settings, workshop) as session:
        result = session.check(tmp_path / "hw.py")
    assert of(result, "scaled", "forward").state == "pass"
    assert of(result, "scaled", "backward").state == "timeout"


ODD = {
    "list": ("dout.sum(axis=0)", "dout.sum(axis=0).tolist()", "pass"),
    "single": ("dout.sum(axis=0)", "dout.sum(axis=0).astype('f4')", "pass"),
    "matrix": ("dout.sum(axis=0)", "dout.sum(axis=0).view(type('A', (np.ndarray,), {}))", "pass"),
    "word": ("dout.sum(axis=0)", "'none'", "fail"),
    "complex": ("dout.sum(axis=0)", "dout.sum(axis=0) * 1j", "fail"),
    "large": ("dout.sum(axis=0)", "np.zeros(10**7)", "error"),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_values_are_read_or_told(check: Check, what: str) -> None:
    """Lists and subclasses are read; what is no array of numbers is told."""
    old, new, state = ODD[what]
    assert of(check(changed((old, new))), "affine", "backward").state == state


def test_a_cache_that_is_changed_in_place_is_seen_by_a_second_call(check: Check) -> None:
    """The inputs themselves stay as they are."""
    text = changed(("@ w + b, (x, w)", "@ w + b, (x + 0, w)"), ("dw = x", "x *= 2; dw = 0.5 * x"))
    found = of(check(text), "affine", "backward")
    assert "comes out otherwise when the same call is made again" in found.message


def test_two_files_of_one_task_count_once(check: Check, tmp_path: Path, workshop: Workshop) -> None:
    """The last by name, and the result says so."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text(changed(("dout.sum(axis=0)", "dout.sum(axis=1)")))
    (tmp_path / "class" / "b.py").write_text(changed())
    with Session(Settings(assignment=LAYERS, seed=1), workshop) as session:
        result = session.check(tmp_path / "class")
    assert result.score == 15
    assert "2 files have functions of this task (a.py, b.py); b.py counts." in result.tasks[0].notes


def test_the_exercise_is_recognised_without_an_option(check: Check) -> None:
    """By functions that no other exercise asks for."""
    result = check(changed(), assignment=None)
    assert [task.task for task in result.tasks] == ["affine", "relu"]


def test_another_signature_is_another_exercise(check: Check) -> None:
    """A function of that name which cannot be called so claims nothing."""
    with pytest.raises(GradingError, match="this looks like another exercise") as refused:
        check("def affine_forward(self):\n    return 1\n", assignment=None)
    assert str(refused.value).endswith(
        "Found `affine_forward`. Nearest is “An affine layer”, which has `affine_forward` too, and "
        "calls it otherwise."
    )


def test_the_reference_of_a_shipped_exercise_lies_in_its_own_folder() -> None:
    """Only the first one's lies at the top."""
    assert find_reference(LAYERS, None) == MODEL.parent
    assert find_reference(Path("elsewhere/assignment.toml"), None) is None


OWN = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"

[[tasks]]
id = "scaled"
title = "A mean of squares"
kind = "functions"
solution = "model.py"

[tasks.sizes]
N = [3, 4, 6]
D = [5, 7]

[tasks.inputs]
x = "normal(N, D)"
dout = "normal(D)"

[[tasks.checks]]
name = "forward"
points = 1
call = ["out = forward(x)", "out = forward(x, D)"]
compare = ["out"]
examples = [{ inputs = { x = [[1, 2], [3, 4]] }, values = { out = [5.0, 10.0] } }]

[[tasks.checks]]
name = "backward"
points = 3
call = ["dx, total = backward(x, dout)", "dx, total = backward(x, dout, dout)"]
compare = ["dx", "total"]
gradient = { of = "sum(out * dout)", dx = "x" }
conventions = [{ dx = "N", total = "N" }]
tolerance = 1e-4
"""
SQUARES = """
import numpy as np


def forward(x):
    return (x**2).mean(axis=0)


def backward(x, dout):
    rows = 2 * x * dout
    scaled = rows / len(x)
    return scaled, dout.sum() / len(x)
"""


@pytest.fixture
def own(check: Check, tmp_path: Path, workshop: Workshop) -> Check:
    """``own((old, new), …)``: the model solution of an exercise of one's own, edited."""
    (tmp_path / "model.py").write_text(SQUARES, encoding="utf-8")
    (tmp_path / "assignment.toml").write_text(OWN, encoding="utf-8")

    def grade(*pairs: tuple[str, str], model: bool = True) -> Result:
        text = SQUARES
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "hw.py").write_text(text, encoding="utf-8")
        settings = Settings(
            assignment=tmp_path / "assignment.toml", reference=tmp_path if model else None, seed=1
        )
        with Session(settings, workshop) as session:
            return session.check(tmp_path / "hw.py")

    return grade


def test_another_way_to_be_called_is_accepted(own: Check) -> None:
    """Where the assignment says so, as courses change what they hand over."""
    assert (
        own(("forward(x)", "forward(x, D)"), ("backward(x, dout)", "backward(x, a, dout)")).score
        == 4
    )
    assert of(own(("forward(x)", "forward(x, y, z)")), "scaled", "forward").state == "error"


def test_of_several_ways_to_be_called_the_one_that_passes_counts(own: Check) -> None:
    """An argument with a default says nothing of how a function is meant."""
    other = ("def forward(x):\n    return", "def forward(x, D=0):\n    return (D > 0) *")
    assert own(other).score == 4


def test_a_convention_is_followed_by_all_outputs_or_none(own: Check) -> None:
    """A division that is missing in one of them is a mistake in either year of the course."""
    assert own(("rows / len(x)", "rows"), ("sum() / len(x)", "sum()")).score == 4
    found = of(own(("rows / len(x)", "rows")), "scaled", "backward")
    assert (found.state, found.score) == ("fail", 1.5)
    assert "`dx` is N times what it should be" in found.message


def test_a_convention_holds_without_the_model_too(own: Check) -> None:
    """Differences are held to each of them."""
    found = of(own(("rows / len(x)", "rows"), model=False), "scaled", "backward")
    assert [entry.state for entry in found.entries] == ["pass", "not-checked"]


def test_a_tolerance_is_let_pass(own: Check) -> None:
    """And no more than that."""
    assert own(("return scaled", "return scaled * (1 + 5e-5)")).score == 4
    found = of(own(("return scaled", "return scaled * (1 + 5e-4)")), "scaled", "backward")
    assert found.message == "`dx` is not right."


def test_the_variable_that_differs_first_is_named(own: Check) -> None:
    """Of those that the model solution has too, in its order."""
    found = of(own(("2 * x * dout", "3 * x * dout")), "scaled", "backward")
    assert any(
        "`rows` in `backward` is the first that is different." in note for note in found.notes
    )
    found = of(own(("rows / len(x)", "rows / 7")), "scaled", "backward")
    assert any("`scaled` in `backward`" in note for note in found.notes)


def test_a_pass_that_ignores_an_input_is_another_function(own: Check) -> None:
    """Its gradients are right for it, and earn nothing."""
    text = [("(x**2).mean(axis=0)", "(x**0).mean(axis=0)"), ("2 * x * dout", "0 * x * dout")]
    assert of(own(*text), "scaled", "backward").score == 1.5


CALLING = (
    ("def backward(x, dout):\n    rows", "def backward(x, dout):\n    forward(x)\n    rows"),
    ("(x**2).mean(axis=0)", "(x**2).sum(axis=0) * 7"),
)


def test_what_calls_a_wrong_function_is_blocked_where_nothing_of_it_is_right(own: Check) -> None:
    """Whatever it does itself: it can only be judged when that is right."""
    spoilt = (
        *CALLING,
        ("return scaled, dout.sum()", "return scaled * np.nan, np.nan * dout.sum()"),
    )
    found = of(own(*spoilt), "scaled", "backward")
    assert (found.state, found.message) == (
        "blocked",
        "This needs something else first: `forward` is not right.",
    )
    assert of(own(*CALLING), "scaled", "backward").state == "pass"


def test_the_handouts_own_values_are_checked_without_the_model(own: Check) -> None:
    """They are all there is to go by, and the result stays provisional."""
    result = own(model=False)
    assert of(result, "scaled", "forward").state == "pass"
    assert result.provisional
    found = of(own(("(x**2)", "(x**3)"), model=False), "scaled", "forward")
    assert found.state == "fail"
    assert found.entries[0].probe == "the handout's example 1"


def test_a_gradient_beside_outputs_that_make_no_scalar(check: Check) -> None:
    """Nothing is made of a forward pass of another shape; the backward pass is judged as it is."""
    forward = ("@ w + b, (x, w)", "@ w[:, :2] + b[:2], (x, w)")
    result = check(changed(forward, ("dw = ", "dw = -")))
    assert of(result, "affine", "forward").state == "fail"
    found = of(result, "affine", "backward")
    assert (found.state, found.message) == ("fail", "`dw` has the wrong sign.")
    assert [entry.parameter for entry in found.entries if entry.state == "pass"] == ["dx", "db"]
    assert of(check(changed(forward)), "affine", "backward").state == "pass"


def test_what_is_only_imported_is_nobodys_work(check: Check) -> None:
    """Neither a forward pass nor an update of a module that is not there."""
    text = "from init_utils import sigmoid, forward_propagation, update_parameters\n"
    helper = "\ndef initialize_parameters(layers_dims):\n    return {}\n"
    with pytest.raises(GradingError, match="looks like another exercise"):
        check(text + helper, assignment=None)
