"""Function tasks: what is right in any style, what is wrong and how it is told, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.result import CheckResult, Result
from gradkit.report.github import annotations_of
from gradkit.sandbox import Workshop
from gradkit.task.assignment import exercises, find_reference, read_assignment
from gradkit.task.examples import pack_examples
from gradkit.task.solution import load_solution
from gradkit.task.tables import EXAMPLES

pytestmark = [pytest.mark.sample(48), pytest.mark.usefixtures("warm")]

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
    "divided": ((".T @ dout", ".T @ dout / len(x)"), "`dw` is 1/N of the expected value"),
    "doubled": (
        ("T @ dout", "T @ (2 * dout)"),
        "`dw` is 2 times the expected value in every entry.",
    ),
    "sign": (("dout @ w.T)", "-dout @ w.T)"), "`dx` has the wrong sign."),
    "axis": (("sum(axis=0)", "sum(axis=1)"), "`db` has shape ("),
    "all": (("dout.sum(axis=0)", "dout.sum()"), "is summed over all axes."),
    "kept": (
        ("sum(axis=0)", "sum(axis=0, keepdims=True)"),
        "The numbers are right; only the shape is wrong.",
    ),
    "transposed": (
        ("dw = x.reshape(len(x), -1).T @ dout", "dw = dout.T @ x.reshape(len(x), -1)"),
        "is the transpose of the expected array.",
    ),
    "mean": (("dout.sum(axis=0)", "dout.mean(axis=0)"), "`db` is 1/N of the expected value"),
    "zero": (("dout.sum(axis=0)", "0 * dout.sum(axis=0)"), "`db` is 0 in every entry."),
    "missing": (("dout.sum(axis=0)", "None"), "`db` is missing: found None."),
    "pair": (("dout.sum(axis=0)", "(dout.sum(axis=0), dout[0])"), "return only this value."),
    "noise": (("dout.sum(axis=0)", "dout.sum(axis=0) * np.arange(len(w.T))"), "`db` is not right."),
    "nan": (
        ("dout.sum(axis=0)", "dout.sum(axis=0) * np.nan"),
        "`db` has entries that are not a number",
    ),
    "changed": (("dw = x", "x *= 2; dw = 0.5 * x"), "`x` is changed in place, but must stay"),
}


@pytest.mark.parametrize("what", WRONG)
def test_one_wrong_output_is_told_and_the_others_keep_their_points(check: Check, what: str) -> None:
    """The sentence says which output, and how it differs."""
    pair, sentence = WRONG[what]
    found = of(check(changed(pair)), "affine", "backward")
    assert found.state == "fail"
    assert sentence in found.message
    assert 0 < found.score < found.max_score


def test_a_dict_with_another_key_is_told_with_the_keys_that_it_has(check: Check) -> None:
    """As in ``{"dw": …}``, where ``dW`` is asked."""
    folder = Path(__file__).parents[1] / "exercises" / "three_forms"
    text = (folder / "reference" / "three_forms.py").read_text(encoding="utf-8")
    assert '"dW": dW' in text
    result = check(
        text.replace('"dW": dW', '"dw": dW'), assignment=folder / "assignment.toml", model=False
    )
    found = of(result, "regression", "propagate")
    assert "`grads['dW']` is missing: found the keys 'dw', 'db'." in found.message


def test_gradients_that_match_only_a_forward_pass_wrong_at_each_input_earn_nothing(
    check: Check,
) -> None:
    """The gradient of the bias is right, whatever the weights are multiplied by."""
    text = changed(
        ("-1) @ w + b", "-1) @ w * 3 + b"),
        ("dout @ w.T", "3 * dout @ w.T"),
        (".T @ dout", ".T @ dout * 3"),
    )
    result = check(text)
    assert of(result, "affine", "forward").state == "fail"
    assert of(result, "affine", "backward").score == 2


COMPUTES_NOTHING = {
    "an argument": "return x, x",
    "a copy": "out = x.copy()\n    return out, (x, None)",
    "an array of it": "return np.array(x), {'x': x}",
}


@pytest.mark.parametrize("what", COMPUTES_NOTHING)
def test_a_function_that_computes_nothing_earns_nothing(check: Check, what: str) -> None:
    """It lacks one call, which is all of its work."""
    result = check(changed(("return np.maximum(x, 0), x", COMPUTES_NOTHING[what])))
    found = of(result, "relu", "forward")
    assert (found.state, found.score, found.held) == ("missing", 0, ())
    assert found.message == "`relu_forward` computes nothing: the function has no operation."


@pytest.mark.parametrize("now", ["np.maximum(x, 0)\n    return x, x", "return np.maximum(x, x), x"])
def test_a_function_that_computes_something_has_a_slip(check: Check, now: str) -> None:
    """The twin: it gives back what it is given, too, and tried."""
    found = of(check(changed(("return np.maximum(x, 0), x", now))), "relu", "forward")
    assert (found.state, found.score) == ("fail", 1.5)


def test_a_right_function_that_computes_nothing_is_right(check: Check) -> None:
    """A cache is made by a helper that only hands it on."""
    text = changed(("return np.maximum(x, 0), x", "return same(np.maximum(x, 0)), same(x)"))
    assert check(text + "\n\ndef same(x):\n    return x\n").score == 15


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
def test_a_constant_with_a_zero_backward_earns_no_credit_for_itself(
    check: Check, model: bool
) -> None:
    """It is right for itself alone. With a model solution, three zeros too much have a price."""
    result = check(CONSTANT, model=model)
    assert of(result, "affine", "forward").score == 0
    backward = of(result, "affine", "backward")
    most = (1 - 3 * 0.2) * backward.max_score + 0.125 if model else 0
    assert backward.score <= most


def test_a_forward_pass_that_ignores_an_input_earns_no_credit_for_its_gradients(
    check: Check,
) -> None:
    """All but b: its gradients of x and w are right for it, and it is another function."""
    result = check(
        changed(("-1) @ w + b", "-1) @ w"), ("dout.sum(axis=0)", "0 * dout.sum(axis=0)"))
    )
    found = of(result, "affine", "backward")
    assert [entry.state for entry in found.entries] == ["pass", "pass", "fail"]


def test_without_expected_outputs_gradients_are_held_to_the_own_forward_pass(
    check: Check, tmp_path: Path
) -> None:
    """So with an exercise of one's own that has no examples: other outputs are not checked."""
    copy = tmp_path / "assignment.toml"
    copy.write_bytes(LAYERS.read_bytes())
    result = check(changed((".T @ dout", ".T @ dout / len(x)")), model=False, assignment=copy)
    assert result.provisional
    assert of(result, "affine", "forward").state == "not-checked"
    assert "needs the model solution" in of(result, "affine", "forward").message
    found = of(result, "affine", "backward")
    assert found.message == (
        "`dw` does not match finite differences of your forward pass. `dw` is 1/N of the expected "
        "value in every entry (N = 5): there is one division by N too many."
    )
    assert found.score == 4
    (wrong,) = [entry for entry in found.entries if entry.state == "fail"]
    assert wrong.label.startswith("dw[")
    assert (wrong.found, wrong.probe) == (pytest.approx((wrong.expected or 0) / 5), "random 1")


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
    assert of(result, "affine", "forward").message == "`affine_forward` is not written yet."


def test_what_is_not_there_is_told_by_name(check: Check) -> None:
    """Nobody has to guess what to write."""
    text = changed().partition("def affine_backward")[0]
    found = of(check(text), "affine", "backward")
    assert (found.state, found.message) == ("missing", "`affine_backward` is not defined yet.")


def test_what_is_no_python_is_told_with_its_line(check: Check) -> None:
    """It is there, and costs itself alone."""
    result = check(
        changed(("def affine_backward(dout, cache):", "def affine_backward(dout, cache)"))
    )
    found = of(result, "affine", "backward")
    assert found.state == "missing"
    assert found.place is not None
    line = found.place.line
    assert found.message.startswith("`affine_backward` cannot be used: the code at ")
    assert found.message.endswith(f":{line} is not valid Python. Fix this line.")
    assert of(result, "affine", "forward").state == "pass"


def test_a_task_whose_only_function_is_no_python_was_handed_in(check: Check) -> None:
    """It is not another exercise, nor missing without a reason; what is not there at all is."""
    text = changed(("def relu_forward(x):", "def relu_forward(x)")).partition("def relu_back")[0]
    result = check(text)
    found = of(result, "relu", "forward")
    assert (found.state, found.score) == ("missing", 0.0)
    assert found.message.startswith("`relu_forward` cannot be used: the code at hw.py:")
    (told, *_) = annotations_of(result, 4)
    assert (told.kind, told.title, told.code) == ("error", "not valid Python", "syntax")
    line = text[: text.index("def relu_forward")].count("\n") + 1
    assert told.file.endswith("hw.py")
    assert told.line == line
    assert told.message.startswith(f"hw.py:{line} is not valid Python: expected ':'.")
    without = check(text.partition("def relu_forward")[0])
    assert [task.task for task in without.tasks] == ["affine"]
    assert [each for each in annotations_of(without, 4) if each.code == "syntax"] == []


def test_a_class_that_is_no_python_says_which_exercise_it_is(check: Check) -> None:
    """By its name; its methods cannot be read."""
    result = check(
        "class MSELoss:\n    def forward(self, A, Y):\n        print 1\n", assignment=None
    )
    found = of(result, "mse-class", "forward")
    assert found.message.startswith("`MSELoss` cannot be used: the code at hw.py:3 is not valid")


UNDEFINED = ("return x.reshape(len(x), -1) @ w + b, (x, w)", "return x @ y, 1")
GIVEN = "This check used correct outputs instead of the outputs of your `{name}`."


@pytest.mark.parametrize("model", [True, False])
def test_a_backward_pass_gets_a_right_cache_if_the_forward_pass_stops(
    check: Check, model: bool
) -> None:
    """With model solutions and without them: the recorded examples have caches, too."""
    result = check(changed(UNDEFINED), model=model, assignment=exercises()["layers"])
    assert of(result, "affine", "forward").state == "error"
    found = of(result, "affine", "backward")
    assert (found.state, found.notes) == ("pass", (GIVEN.format(name="affine_forward"),))
    assert found.score == found.max_score


def test_a_right_cache_hides_no_mistake_of_the_backward_pass(check: Check) -> None:
    """A backward pass that is wrong with the right cache, too, is blocked as before."""
    wrong = ("dout.sum(axis=0)", "dout.mean(axis=0)")
    result = check(changed(UNDEFINED, wrong), model=False, assignment=exercises()["layers"])
    assert of(result, "affine", "backward").state == "blocked"


def test_a_backward_pass_that_reads_another_cache_is_blocked(check: Check) -> None:
    """The right cache has the form of the model solution. The message says why."""
    own = ("    x, w = cache", "    x, w = cache['x'], cache['w']")
    result = check(changed(UNDEFINED, own), model=False, assignment=exercises()["layers"])
    assert of(result, "affine", "forward").state == "error"
    assert of(result, "affine", "forward").message == "NameError: name 'y' is not defined"
    found = of(result, "affine", "backward")
    assert (found.state, found.message) == (
        "blocked",
        "Not completed: the check `forward` stops with NameError: name 'y' is not defined",
    )


def test_a_forgotten_cache_costs_the_forward_pass_alone(check: Check) -> None:
    """An output of two rows can be unpacked, and only the backward pass stops then."""
    text = (MODEL.parents[1] / "convolution" / "layers.py").read_text(encoding="utf-8")
    line = text[text.index("    return out") :].split("\n")[0]
    forgot = text.replace(line, "    return out", 1)
    result = check(forgot, model=False, assignment=exercises()["convolution"])
    found = [of(result, "convolution", name) for name in ("forward", "backward")]
    assert [each.state for each in found] == ["error", "pass"]
    assert found[1].notes == (GIVEN.format(name="conv_forward_naive"),)


OUTPUT = "    return x.reshape(len(x), -1) @ w + b, (x, w)"

FAILURES = {
    "one value for two": ("    return x.reshape(len(x), -1) @ w + b + 0 * w[0, 0]", "def affine_f"),
    "nothing returned": ("    out = x.reshape(len(x), -1) @ w + b", "def affine_f"),
    "a name of its own": ("    return x @ wieghts, (x, w)", "    return x @ wieghts"),
    "a wrong number": ("    return x.reshape(len(x), -1) @ w - b, (x, w)", "def affine_f"),
    "another type": ("    return 'x', (x, w)", "def affine_f"),
}
"""Last lines of a forward pass, and how the line begins that is to be looked at."""


@pytest.mark.parametrize("what", FAILURES)
def test_each_check_that_fails_has_a_place_without_the_model(check: Check, what: str) -> None:
    """At least the line of its function."""
    last, begins = FAILURES[what]
    text = changed((OUTPUT, last))
    result = check(text, model=False, seed=2)
    (line,) = [n for n, row in enumerate(text.split("\n"), 1) if row.startswith(begins)]
    failed = [each for task in result.tasks for each in task.checks if each.state != "pass"]
    assert "forward" in {each.check for each in failed}
    assert all(each.place is not None for each in failed)
    place = of(result, "affine", "forward").place
    assert place is not None
    assert place.line == line


def test_what_waits_for_another_function_has_no_mistake_before_that_is_right(check: Check) -> None:
    """The exception comes first, and all findings are about the function that stops."""
    loop = "out = None\n    for i in range(0, len(x)):\n        out[i] = x[i] @ w @ b @ w"
    text = changed(
        ("return x.reshape(len(x), -1) @ w + b, (x, w)", f"{loop}\n    return out, [w, x]"),
        ("    x, w = cache", "    w, x = cache"),
    )
    result = check(text)
    assert [of(result, "affine", each).state for each in ("forward", "backward")] == [
        *("error", "blocked")
    ]
    findings = result.tasks[0].findings
    assert findings[0].mistake == "crash"
    assert {finding.check for finding in findings} == {"forward"}


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
    assert "is different when the same call is made again" in found.message


def test_two_files_of_one_task_count_once(check: Check, tmp_path: Path, workshop: Workshop) -> None:
    """The last by name, and the result says so."""
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.py").write_text(changed(("dout.sum(axis=0)", "dout.sum(axis=1)")))
    (tmp_path / "class" / "b.py").write_text(changed())
    with Session(Settings(assignment=LAYERS, seed=1), workshop) as session:
        result = session.check(tmp_path / "class")
    assert result.score == 15
    note = "2 files have functions of this task (a.py, b.py); b.py is graded."
    assert note in result.tasks[0].notes


def test_the_exercise_is_recognised_without_an_option(check: Check) -> None:
    """By functions that no other exercise asks for."""
    result = check(changed(), assignment=None)
    assert [task.task for task in result.tasks] == ["affine", "relu"]


def test_another_signature_is_another_exercise(check: Check) -> None:
    """A function of that name which cannot be called so claims nothing."""
    with pytest.raises(GradingError, match="This looks like another exercise") as refused:
        check("def affine_forward(self):\n    return 1\n", assignment=None)
    assert str(refused.value).endswith(
        "Found `affine_forward`. The most similar exercise is “An affine layer”, which has "
        "`affine_forward` too. But this exercise needs more functions, or other arguments."
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


CALLER = """def backward(x, dout):
    first = step(x, dout)
    dx = first[0]
    total = first[1]
    size = x.sum()
    return dx, total, size
"""
HELPED = (
    ("def backward(x, dout):", "def step(x, dout):"),
    ("return scaled, dout.sum() / len(x)", "return scaled, dout.sum() / len(x)\n\n\n" + CALLER),
)
"""The exercise of `HELPER`: a function that hands on what another one gives."""

HELPER = (
    OWN[: OWN.index("[[tasks.checks]]")]
    + """
[[tasks.checks]]
name = "step"
points = 1
call = "dx, total = step(x, dout)"
compare = ["dx", "total"]

[[tasks.checks]]
name = "backward"
points = 3
call = "dx, total, size = backward(x, dout)"
compare = ["dx", "total", "size"]
untouched = ["dout"]
"""
)


def recorded(folder: Path) -> None:
    """Record examples of the model solution in the folder of the assignment file."""
    tasks = read_assignment(folder / "assignment.toml").functions
    content = pack_examples(load_solution(task, folder) for task in tasks)
    (folder / EXAMPLES).write_bytes(content)


@pytest.fixture
def own(check: Check, tmp_path: Path, workshop: Workshop) -> Check:
    """``own((old, new), …)``: the model solution of an exercise of one's own, edited."""

    def grade(
        *pairs: tuple[str, str],
        model: bool = True,
        examples: bool = False,
        task: str = OWN,
        path: Path = tmp_path / "hw.py",
        right: Sequence[tuple[str, str]] = HELPED,
    ) -> Result:
        right = () if task == OWN else right
        (tmp_path / "model.py").write_text(with_edits(SQUARES, right), encoding="utf-8")
        # What is right counts here, and not what a mistake costs.
        text = task.replace("[[tasks]]", '[marking]\npreset = "numbers"\n\n[[tasks]]', 1)
        (tmp_path / "assignment.toml").write_text(text, encoding="utf-8")
        if examples:
            recorded(tmp_path)
        (tmp_path / "hw.py").write_text(with_edits(SQUARES, pairs), encoding="utf-8")
        settings = Settings(
            assignment=tmp_path / "assignment.toml", reference=tmp_path if model else None, seed=1
        )
        with Session(settings, workshop) as session:
            return session.check(path)

    return grade


def with_edits(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a text with pieces of it replaced; each is there."""
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_another_way_to_be_called_is_accepted(own: Check) -> None:
    """Where the assignment says so, as courses change what they hand over."""
    assert (
        own(("forward(x)", "forward(x, D)"), ("backward(x, dout)", "backward(x, a, dout)")).score
        == 4
    )
    found = of(own(("forward(x)", "forward(x, y, z)")), "scaled", "forward")
    assert (found.state, found.message) == (
        "missing",
        "`forward(x, y, z)` cannot be called as in `out = forward(x)`.",
    )


def test_of_several_ways_to_be_called_the_one_that_passes_counts(own: Check) -> None:
    """An argument with a default says nothing of how a function is meant."""
    other = ("def forward(x):\n    return", "def forward(x, D=0):\n    return (D > 0) *")
    assert own(other).score == 4


def test_a_convention_is_followed_by_all_outputs_or_none(own: Check) -> None:
    """A division that is missing in one of them is a mistake in either year of the course."""
    assert own(("rows / len(x)", "rows"), ("sum() / len(x)", "sum()")).score == 4
    found = of(own(("rows / len(x)", "rows")), "scaled", "backward")
    assert (found.state, found.score) == ("fail", 1.5)
    assert "`dx` is N times the expected value" in found.message


CUBES = (
    ("(x**2)", "(x**3)"),
    ("2 * x * dout", "3 * x**2 * dout"),
    ("dout.sum() / len(x)", "dout.max()"),
)
"""Another forward pass, and what its gradient is; the total is wrong."""


def test_a_gradient_of_a_wrong_forward_pass_may_follow_either_convention(own: Check) -> None:
    """No output is right by any; a note names the gradient that matches the student's own pass."""
    for pairs in (CUBES, (*CUBES, ("rows / len(x)", "rows"))):
        found = of(own(*pairs), "scaled", "backward")
        assert [entry.state for entry in found.entries] == ["fail", "fail"]
        assert is_right_for_own_forward(found)
    found = of(own(*CUBES, ("rows / len(x)", "rows / 3")), "scaled", "backward")
    assert [entry.state for entry in found.entries] == ["fail", "fail"]
    assert not is_right_for_own_forward(found)


def is_right_for_own_forward(check: CheckResult) -> bool:
    """Tell whether a note says that a gradient matches the student's own forward pass."""
    said = ("only for your own forward pass", "only this wrong pass")
    return any(text in note for note in check.notes for text in said)


def test_a_convention_that_a_later_check_tells_is_that_of_all(check: Check) -> None:
    """What is wrong before is held to it as well."""
    text = """
import numpy as np


class MSELoss:
    def forward(self, A, Y):
        self.A, self.Y = A, Y
        return -np.mean((A - Y) ** 2) / 2

    def backward(self):
        return (self.A - self.Y) / self.A.size
"""
    result = check(text, assignment=exercises()["linear-class"])
    assert of(result, "mse-class", "forward").message == "`L` has the wrong sign."
    assert of(result, "mse-class", "backward").state == "pass"


def test_a_convention_holds_without_the_model_too(own: Check) -> None:
    """Differences are held to each of them."""
    found = of(own(("rows / len(x)", "rows"), model=False), "scaled", "backward")
    assert [entry.state for entry in found.entries] == ["pass", "not-checked"]


def test_a_tolerance_is_let_pass(own: Check) -> None:
    """And no more than that."""
    assert own(("return scaled", "return scaled * (1 + 5e-5)")).score == 4
    found = of(own(("return scaled", "return scaled * (1 + 5e-4)")), "scaled", "backward")
    assert found.message == "`dx` is not right. 13 of its 42 entries are wrong."


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
        "Not completed: `forward` is wrong. Correct `forward` first. gradkit cannot replace "
        "`forward` by a correct function: the model solution does not call it here.",
    )
    assert of(own(*CALLING), "scaled", "backward").state == "pass"


TRIPLE = (("(x**2)", "(3 * x**2)"), ("2 * x * dout", "6 * x * dout"))


@pytest.mark.slow
@pytest.mark.parametrize("model", [True, False])
def test_what_is_right_for_the_own_forward_pass_is_so_at_all_sizes(own: Check, model: bool) -> None:
    """A size that is written out is right at one probe of three."""
    found = of(own(*TRIPLE, model=model), "scaled", "backward")
    assert is_right_for_own_forward(found) == model
    assert found.entries[0].state == ("fail" if model else "pass")
    for size in (3, 4, 6):
        text = (*TRIPLE, ("rows / len(x)", f"rows / {size}"))
        found = of(own(*text, model=model), "scaled", "backward")
        assert (found.state, found.entries[0].state) == ("fail", "fail")
        assert not is_right_for_own_forward(found)


def test_what_is_true_or_false_is_held_to_the_own_forward_pass(own: Check) -> None:
    """As the numbers that it is compared as: it does not end all grading."""
    found = of(own(*TRIPLE, ("rows / len(x)", "rows > 0")), "scaled", "backward")
    assert (found.state, found.entries[0].state) == ("fail", "fail")


SPOILT = ("rows / len(x)", "rows / 7")


@pytest.mark.parametrize(
    ("wrong", "state", "outputs"),
    [
        # The helper alone.
        ([SPOILT], "pass", set()),
        # The caller spoils another output.
        ([SPOILT, ("size = x.sum()", "size = -x.sum()")], "fail", {"size"}),
        # The helper is right.
        ([("dx = first[0]", "dx = -first[0]")], "fail", {"dx"}),
        # An input is changed in place, by the caller alone.
        ([SPOILT, ("size = x", "dout *= 2; size = x")], "fail", {"dout left alone"}),
        # The caller spoils all that the helper does not.
        (
            [SPOILT, ("size = x.sum()", "size = -x.sum()"), ("= first[1]", "= 0")],
            "fail",
            {"total", "size"},
        ),
    ],
)
def test_a_caller_of_a_wrong_helper_fails_for_its_own_mistakes_alone(
    own: Check, wrong: list[tuple[str, str]], state: str, outputs: set[str]
) -> None:
    """It is judged with a right helper; outputs that are right keep their points."""
    result = own(*HELPED, *wrong, task=HELPER)
    found = of(result, "scaled", "backward")
    assert found.state == state
    assert {entry.parameter for entry in found.entries if entry.state != "pass"} == outputs
    assert found.score == pytest.approx(3 * (1 - len(outputs) / len(found.entries)))
    assert (of(result, "scaled", "step").state == "fail") == (SPOILT in wrong)


def test_what_a_caller_uses_inside_is_right_too(own: Check) -> None:
    """A helper's result that the caller does not return."""
    used = (*HELPED, ("total = first[1]\n    size = x.sum()", "total = 1\n    size = first[1]"))
    task = HELPER.replace('["dx", "total", "size"]', '["dx", "size"]')
    spoilt = ("dout.sum() / len(x)", "dout.sum() / 7")
    found = of(own(*used, spoilt, task=task, right=used), "scaled", "backward")
    assert (found.state, [e.state for e in found.entries]) == ("pass", ["pass", "pass"])
    own_mistake = ("dx = first[0]", "dx = -first[0]")
    found = of(own(*used, own_mistake, task=task, right=used), "scaled", "backward")
    assert (found.state, [e.state for e in found.entries]) == ("fail", ["fail", "pass"])


def test_outputs_are_held_to_examples_without_the_model(own: Check) -> None:
    """All checks have marks, and the result stays provisional."""
    result = own(model=False, examples=True)
    assert [check.state for task in result.tasks for check in task.checks] == ["pass", "pass"]
    assert (result.score, result.max_score, result.provisional) == (4, 4, True)
    found = of(own(("(x**2)", "(x**3)"), model=False, examples=True), "scaled", "forward")
    assert found.state == "fail"
    assert found.entries[0].probe == "random 1"


def test_examples_follow_a_convention(own: Check) -> None:
    """Outputs of another convention pass, and outputs of two conventions do not."""
    other = [("rows / len(x)", "rows"), ("dout.sum() / len(x)", "dout.sum()")]
    assert own(*other, model=False, examples=True).score == 4
    found = of(own(other[0], model=False, examples=True), "scaled", "backward")
    assert sorted(entry.state for entry in found.entries) == ["fail", "pass"]


def test_examples_of_a_wrong_forward_pass_that_ignores_an_input(own: Check) -> None:
    """Its gradients match it, and earn nothing, as with the model solution."""
    text = [("(x**2).mean(axis=0)", "(x**0).mean(axis=0)"), ("2 * x * dout", "0 * x * dout")]
    verdicts = [of(own(*text, **kinds), "scaled", "backward") for kinds in MODEL_AND_EXAMPLES]
    assert [verdict.score for verdict in verdicts] == [1.5, 1.5]
    assert not any("matches your own" in note for verdict in verdicts for note in verdict.notes)


MODEL_AND_EXAMPLES = ({}, {"model": False, "examples": True})


def test_examples_of_another_version_are_refused(own: Check, tmp_path: Path) -> None:
    """They may be wrong for the lines of now."""
    own(model=False, examples=True)
    changed_task = OWN.replace("normal(N, D)", "2 * normal(N, D)")
    with pytest.raises(GradingError) as caught:
        own(model=False, task=changed_task, right=[])
    assert str(caught.value) == (
        f"{tmp_path / EXAMPLES}: the examples of scaled belong to another version of the "
        "assignment file. Delete the file, or write the students' files again with `gradkit new` "
        "or `gradkit export`."
    )


LOSS = """
schema = "gradkit/assignment/v1"
id = "loss"
title = "A loss and its gradient in one call"

[[tasks]]
id = "loss"
title = "Half the squares"
kind = "functions"
solution = "model.py"
sizes = { N = [3, 4, 6], D = [5, 7] }
inputs = { x = "normal(N, D)" }

[[tasks.checks]]
name = "loss"
points = 2
call = "value, dx = loss(x)"
compare = ["value", "dx"]
gradient = { of = "value", dx = "x" }
"""
HALF = "import numpy as np\n\n\ndef loss(x):\n    return np.sum(x**2) / 2, x\n"


@pytest.mark.parametrize(
    ("text", "states", "said"),
    [
        (HALF, ["pass", "pass"], ""),
        (HALF.replace(" / 2, x", ", x"), ["fail", "pass"], "`value` is 2 times"),
        # No output of the wrong loss is right, so its gradient earns nothing.
        (HALF.replace(" / 2, x", ", 2 * x"), ["fail", "fail"], "`value` is 2 times"),
        (HALF.replace("2, x", "2, -x"), ["pass", "fail"], "`dx` has the wrong sign"),
    ],
)
def test_examples_of_a_loss_beside_its_gradient(
    workshop: Workshop, tmp_path: Path, text: str, states: list[str], said: str
) -> None:
    """Outputs are held to the examples, and a gradient also to the loss that is there."""
    (tmp_path / "assignment.toml").write_text(LOSS, encoding="utf-8")
    (tmp_path / "model.py").write_text(HALF, encoding="utf-8")
    recorded(tmp_path)
    (tmp_path / "hw.py").write_text(text, encoding="utf-8")
    settings = Settings(assignment=tmp_path / "assignment.toml", no_reference=True, seed=1)
    with Session(settings, workshop) as session:
        found = of(session.check(tmp_path / "hw.py"), "loss", "loss")
    assert [entry.state for entry in found.entries] == states
    assert found.message.startswith(said)
    assert bool(found.message) == bool(said)


STOPS = ("dx = (dout @ w.T)", "dx = (dout @ w)")


@pytest.mark.parametrize(
    ("changes", "right", "score"),
    [
        ([STOPS], ["dw", "db"], 3),
        ([STOPS, ("sum(axis=0)", "sum(axis=1)")], ["dw"], 1.25),
        # All that follows needs the line, but one change mends it.
        ([("dw = x", "x = x @ dout; dw = x")], [], 3),
    ],
)
def test_code_that_stops_costs_the_price_of_a_stop(
    check: Check, changes: list[tuple[str, str]], right: list[str], score: float
) -> None:
    """A note names what is right without the line that stops, and the exception is reported."""
    result = check(changed(*changes))
    found = of(result, "affine", "backward")
    assert (found.state, found.score) == ("error", score)
    assert [entry.parameter for entry in found.entries if entry.state == "pass"] == right
    names = ", ".join(f"`{name}`" for name in right)
    assert (
        f"Without the code that stops, these outputs are right: {names}." in found.notes
    ) == bool(right)
    told = next(task.findings for task in result.tasks if task.task == "affine")
    assert not right or told[0].mistake == "crash"


def test_a_gradient_beside_outputs_that_make_no_scalar(check: Check) -> None:
    """Nothing is made of a forward pass of another shape; the backward pass is judged as it is."""
    forward = ("@ w + b, (x, w)", "@ w[:, :2] + b[:2], (x, w)")
    result = check(changed(forward, ("dw = ", "dw = -")))
    assert of(result, "affine", "forward").state == "fail"
    found = of(result, "affine", "backward")
    assert (found.state, found.message) == ("fail", "`dw` has the wrong sign.")
    assert [entry.parameter for entry in found.entries if entry.state == "pass"] == ["dx", "db"]
    assert of(check(changed(forward)), "affine", "backward").state == "pass"


IMPORTING = """
from course.nn.activation import Square
import numpy as np

"""


def test_a_module_that_is_not_handed_in_blocks_what_needs_it(own: Check) -> None:
    """It says nothing of the formula, and is told by the module's name; nothing else waits."""
    result = own(("\nimport numpy as np\n", IMPORTING), ("(x**2)", "Square(x)"))
    found = of(result, "scaled", "forward")
    assert (found.state, found.score) == ("blocked", 0)
    assert "No module named 'course.nn.activation'. Submit that file too." in found.message
    # Another formula there would do, and is not what is missing.
    assert [task.findings for task in result.tasks] == [()]
    assert of(result, "scaled", "backward").state == "pass"
    inside = ("    return (x**2)", "    from .activation import Square\n    return Square(x)")
    found = of(own(inside), "scaled", "forward")
    assert (found.state, "No module named 'activation'" in found.message) == ("blocked", True)
    # An own mistake is none of a module's.
    found = of(own(("(x**2)", "Square(x)")), "scaled", "forward")
    assert (found.state, found.message) == ("error", "NameError: name 'Square' is not defined")


def test_a_name_that_a_module_lacks_blocks_what_needs_it(own: Check, tmp_path: Path) -> None:
    """Another file of that name may be meant, such as the student's own beside the course's."""
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "activation.py").write_text("def square(x):\n    return x * x\n", "utf-8")
    text = SQUARES.replace("\nimport numpy as np\n", IMPORTING).replace("(x**2)", "Square(x)")
    (tmp_path / "all" / "hw.py").write_text(text, "utf-8")
    found = of(own(path=tmp_path / "all"), "scaled", "forward")
    assert found.state == "blocked"
    told = "ImportError: cannot import name 'Square' from 'activation'. Submit that file too."
    assert found.message.endswith(told)


def test_a_module_is_found_outside_of_its_package(own: Check, tmp_path: Path) -> None:
    """Whoever hands in two files of a package leaves its folders behind."""
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "activation.py").write_text("def Square(x):\n    return x * x\n", "utf-8")
    text = SQUARES.replace("\nimport numpy as np\n", IMPORTING).replace("(x**2)", "Square(x)")
    (tmp_path / "all" / "hw.py").write_text(text, "utf-8")
    assert own(path=tmp_path / "all").score == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x.itemset(0, 1.0)", "numpy 2 has no `itemset`; `a[place] = value` does the same."),
        ("x.ptp()", "numpy 2 has no method `ptp`; `np.ptp(a)` does the same."),
        ("float(x[0, :1])", "Older versions of numpy allowed that; `a.item()` gives the number."),
        (
            "range(len(x) / 2)",
            "In Python 3, `/` always gives a float; use `//` for a whole number.",
        ),
        ("int('no')", "invalid literal for int() with base 10: 'no'"),
    ],
)
def test_what_was_right_in_its_time_is_told_as_such(own: Check, line: str, said: str) -> None:
    """An error of the versions that are here, and what takes its place."""
    found = of(own(("    return (x**2)", f"    {line}\n    return (x**2)")), "scaled", "forward")
    if line.startswith("float") and found.state == "pass":
        pytest.skip("this numpy lets it pass")
    assert found.state == "error"
    assert found.message.endswith(said)


def test_a_function_may_be_looked_up_by_its_name(own: Check) -> None:
    """``eval`` finds what has not been made yet, and nothing that is not there."""
    square = ("def forward(x)", "def square(x):\n    return x**2\n\n\ndef forward(x)")
    assert own(square, ("(x**2)", "eval('square')(x)")).score == 4
    assert own(square, ("(x**2)", "eval('square(x)')")).score == 4
    found = of(own(("(x**2)", "eval('square')(x)")), "scaled", "forward")
    assert found.message == "NameError: name 'square' is not defined"


def test_what_is_only_imported_is_nobodys_work(check: Check) -> None:
    """Neither a forward pass nor an update of a module that is not there."""
    text = "from init_utils import sigmoid, forward_propagation, update_parameters\n"
    helper = "\ndef initialize_parameters(layers_dims):\n    return {}\n"
    with pytest.raises(GradingError, match="looks like another exercise"):
        check(text + helper, assignment=None)


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize("loss", ["np.inf", "1j"])
def test_what_is_no_number_follows_no_convention(check: Check, loss: str) -> None:
    """How much a loss changes with what a convention is about has no number either."""
    text = f"def softmax_loss_naive(W, X, y, reg):\n    return np.array({loss}), 1 / (0 * W)\n"
    result = check(f"import numpy as np\n\n\n{text}", assignment=exercises()["softmax-loss"])
    assert result.tasks[0].checks[0].state == "fail"
