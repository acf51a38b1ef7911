"""Which task a submission is: headings, file names, behaviour; what is said where none tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from model_solutions import source
from told import checks, full, not_passed, notebook, script, states

from gradkit.grading.recognise import another_exercise
from gradkit.grading.settings import BreakdownError, GradingError
from gradkit.records.submission import Cell, Place, Problem, Submission
from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(12)


@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_forward_decides_where_no_name_does(grade, tmp_path: Path, problem: str) -> None:
    """`homework.py` says nothing; its forward pass at known weights does."""
    path = script(tmp_path, _bare(problem), "homework.py")
    result = grade(path)
    assert [task.task for task in result.tasks] == [f"{problem}-numpy"]
    assert full(result), not_passed(result)


def _bare(problem: str) -> str:
    """A model solution without the words that would give it away."""
    text = source(f"{problem}_numpy")
    return text[text.index("import numpy") :].split("if __name__")[0]


def test_behaviour_that_tells_nothing_is_asked_about(grade, tmp_path: Path) -> None:
    """The sentence names the option and the tasks; with the option it is graded."""
    text = _bare("regression").replace("return A, A_prev", "raise NotImplementedError")
    path = script(tmp_path, text, "homework.py")
    with pytest.raises(GradingError) as caught:
        grade(path)
    assert str(caught.value) == (
        "homework: cannot tell which task this is: regression-numpy, classification-numpy are "
        "possible. Name the file after the task, such as regression_numpy.py, or name the task "
        "with --task."
    )
    assert states(grade(path, "regression-numpy"))["forward"] == "missing"


LATER = "\n\ndef later():\n    raise NotImplementedError\n"
OF_NO_USE = ("W.T @ A_prev", "A_prev.T @ W")


@pytest.mark.parametrize(
    ("problem", "title"),
    [
        ("regression", ""),
        ("classification", ""),
        ("regression", "# Regression, 2nd try\n"),
        ("classification", '"""My classification."""\n'),
    ],
)
def test_a_forward_pass_of_no_use_is_known_by_its_words(
    grade, tmp_path: Path, problem: str, title: str
) -> None:
    """Once all is written, whether any has an activation; before, what a file begins with."""
    text = _bare(problem).replace(*OF_NO_USE)
    assert OF_NO_USE[1] in text
    if title:
        text = (
            text.replace("sigmoid", "squash") + "\n\ndef later():\n    raise NotImplementedError\n"
        )
    result = grade(script(tmp_path, title + text, "homework.py"))
    assert [task.task for task in result.tasks] == [f"{problem}-numpy"]
    assert states(result)["forward"] == "fail"


def test_a_left_out_activation_makes_no_other_task(grade, tmp_path: Path) -> None:
    """What is computed is the other task's; what is said, and what is written, is not."""
    text = _bare("classification").replace("sigmoid(W.T @ A_prev + b)", "W.T @ A_prev + b")
    result = grade(script(tmp_path, f"# My classification\n{text}", "homework.py"))
    assert [task.task for task in result.tasks] == ["classification-numpy"]
    result = grade(script(tmp_path, text, "homework.py"))
    assert [task.task for task in result.tasks] == ["regression-numpy"]


def test_a_loss_and_an_activation_that_are_both_there_tell_the_task(grade, tmp_path: Path) -> None:
    """A model that leaves its activation out computes what another one does."""
    text = source("classification_torch")
    text = text[text.index("import torch") :].split("if __name__")[0]
    line = next(each for each in text.split("\n") if "sigmoid(" in each and "return" in each)
    less = line.replace("torch.sigmoid(", "(")
    assert less != line
    result = grade(script(tmp_path, text.replace(line, less), "homework.py"))
    assert [task.task for task in result.tasks] == ["classification-torch"]


BOTH = """
import torch
from torch import nn

def activate(z):
    return torch.sigmoid(z)

def bce(p, y):
    return nn.functional.binary_cross_entropy(p, y)

print(bce(activate(torch.zeros(1)), torch.ones(1)))
"""


def test_what_several_parts_share_tells_the_task_of_none(grade, tmp_path: Path) -> None:
    """A part whose own loss is written out is not another's for the helpers above it."""
    regression, classification = (
        text[text.index("import torch") :].split("if __name__")[0]
        for text in (source("regression_torch"), source("classification_torch"))
    )
    regression = regression.replace("    criterion = nn.MSELoss()\n", "").replace(
        "criterion(model(X).reshape(y.shape), y)", "((model(X).reshape(y.shape) - y) ** 2).mean()"
    )
    assert "criterion" not in regression
    classification = classification.replace("torch.sigmoid", "activate")
    classification = classification.replace("nn.BCELoss()", "bce")
    result = grade(notebook(tmp_path, BOTH, regression, classification))
    assert [task.task for task in result.tasks] == ["regression-torch", "classification-torch"]
    assert full(result), not_passed(result)


FORWARDS = {
    "the bias before the weights": ("regression", "W.T @ A_prev + b", "W.T @ (A_prev + b)"),
    "another activation": ("classification", "sigmoid(W.T @ A_prev + b)", "W.T @ A_prev + b + 0.1"),
}


@pytest.mark.parametrize("case", FORWARDS)
def test_words_decide_where_a_wrong_forward_is_nearer_to_another(
    grade, tmp_path: Path, case: str
) -> None:
    """No sigmoid anywhere, or one somewhere; and the report says that it was told so."""
    problem, right, wrong = FORWARDS[case]
    text = _bare(problem)
    assert right in text
    result = grade(script(tmp_path, text.replace(right, wrong), "homework.py"))
    (task,) = result.tasks
    assert task.task == f"{problem}-numpy"
    assert task.notes[0].startswith("No heading and no file name says which task this is.")
    named = grade(script(tmp_path, text.replace(right, wrong), "homework.py"), task.task)
    assert named.tasks[0].notes == task.notes[1:]


@pytest.mark.parametrize(
    ("added", "task"),
    [
        ("mse = None", "classification-numpy"),
        ("mse = None\ny = [4, 6, 5, 7]", "regression-numpy"),
    ],
)
def test_bounds_of_what_comes_out_decide_before_a_loss_and_targets_before_both(
    grade, tmp_path: Path, added: str, task: str
) -> None:
    """A forward pass with a mistake, and a sigmoid at its end: the loss may be wrong too."""
    text = _bare("classification").replace("(W.T @ A_prev + b)", "(W.T @ A_prev - b)")
    assert "A_prev - b" in text
    result = grade(script(tmp_path, f"{added}\n{text}", "homework.py"))
    assert [each.task for each in result.tasks] == [task]


def test_targets_decide_where_a_forward_pass_is_exactly_another_s(grade, tmp_path: Path) -> None:
    """Who leaves out every sigmoid is told so, and not that it is a good regression."""
    text = _bare("classification").replace("sigmoid(W.T @ A_prev + b)", "W.T @ A_prev + b")
    assert "return W.T @ A_prev + b" in text
    for added, task in (("", "regression"), ("y = [1, 1, 0, 0]", "classification")):
        result = grade(script(tmp_path, f"{text}\n{added}\n", "homework.py"))
        assert [each.task for each in result.tasks] == [f"{task}-numpy"]


def test_targets_above_several_parts_may_be_of_any(grade, tmp_path: Path) -> None:
    """What a forward pass is exactly is left at that."""
    parts = "y = [4, 6, 5, 7]", "import numpy as np", _bare("regression"), _bare("classification")
    result = grade(notebook(tmp_path, *parts))
    assert [task.task for task in result.tasks] == ["regression-numpy", "classification-numpy"]
    assert full(result), not_passed(result)


def test_a_loss_that_is_named_decides_where_nothing_can_be_run(grade, tmp_path: Path) -> None:
    """A forward pass that gives nothing, in a file that speaks of cross-entropy."""
    text = _bare("classification").replace("return A, A_prev", "return None")
    assert "return None" in text
    result = grade(script(tmp_path, f"bce = None\n{text}", "homework.py"))
    assert [task.task for task in result.tasks] == ["classification-numpy"]


def test_code_that_cannot_be_read_is_told_first(grade, tmp_path: Path) -> None:
    """A missing bracket makes no other exercise of a submission."""
    path = script(tmp_path, "y = (1\n", "homework.py")
    with pytest.raises(GradingError) as caught:
        grade(path)
    said = str(caught.value)
    assert said.startswith("homework.py:")
    assert " is not valid Python: '(' was never closed.\n  y = (1\n      ^\nNothing in " in said
    assert ". homework: No function that could be read belongs to “Backpropagation" in said
    assert "another exercise" not in said


def test_a_function_that_is_not_python_costs_its_own_points(grade, tmp_path: Path) -> None:
    """The others are judged, and it is told as what it is: not as missing."""
    text = _bare("regression")
    head = text[text.index("def update_parameters") :].split(":", 1)[0]
    path = script(tmp_path, text.replace(f"{head}:", head), "regression_numpy.py")
    (task,) = grade(path).tasks
    states = {check.check: check.state for check in task.checks}
    assert (states["forward"], states["update"]) == ("pass", "missing")
    said = next(check.message for check in task.checks if check.check == "update")
    assert "cannot be used: the code at regression_numpy.py:" in said
    assert "is not valid Python. Fix this line." in said
    assert "is missing" not in said
    # Another task's function of the name is no other thing to do.
    script(tmp_path, _bare("classification"), "classification_numpy.py")
    both = {each.task: each for each in grade(tmp_path).tasks}
    assert set(both) == {"regression-numpy", "classification-numpy"}
    assert said in [check.message for check in both["regression-numpy"].checks]


def test_a_pass_and_an_update_that_are_not_python_were_handed_in(grade, tmp_path: Path) -> None:
    """Typographic signs in both, as copied from a text: it is no other exercise for that."""
    text = (
        _bare("regression").replace("A_prev = A", "A_prev = “A”").replace("y - y_hat", "y – y_hat")
    )
    assert text.count("“") == text.count("–") == 1
    (task,) = grade(script(tmp_path, text, "homework.py")).tasks
    found = {check.check: check for check in task.checks}
    assert task.task == "regression-numpy"
    assert 0 < found["interface"].score < found["interface"].max_score
    for name in ("forward", "update"):
        assert found[name].message.endswith("is not valid Python. Fix this line.")
        assert f"homework.py:{found[name].place.line} is not" in found[name].message


METHODS = """class Net:
    def L_layer_forward(self, X):
        return X

    def update_parameters(self, y):
        pass
"""
GLOBALS = "def forward(X):\n    return X, X\n\ndef update(y):\n    pass\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            METHODS,
            "hw: the class `Net` is not graded as a net, although `Net.L_layer_forward`, "
            "`Net.update_parameters` exist. A net needs a forward pass, an update, and parameters "
            "such as `self.W1`. Or write each method as a function outside the class and without "
            "`self`.",
        ),
        (
            GLOBALS,
            "hw: `forward`, `update` do not take the expected arguments. Write "
            "`L_layer_forward(X, parameters)`, `update_parameters(parameters, y, y_hat, A1, X)`.",
        ),
        (
            "def initialise_parameters(dim):\n    return {}\n\n\n"
            "def linear_forward(A_prev, W, b):\n    return A_prev\n",
            "hw: only `initialise_parameters`, `linear_forward` of this exercise was found. "
            "Write `L_layer_forward(X, parameters)`, `update_parameters(parameters, y, y_hat, A1, "
            "X)` too, or name the task with --task.",
        ),
        ("def forward(X):\n    return X\n", "hw: This looks like another exercise. "),
        (
            "",
            "hw: no code was found. The file is empty, or has only comments and text. Save",
        ),
        (
            "# mine\n'a text'\n",
            "hw: no code was found. The file is empty, or has only comments and text.",
        ),
    ],
)
def test_what_is_nearly_it_is_told_so(grade, tmp_path: Path, text: str, said: str) -> None:
    """Without a task being named; one name alone is another exercise's too."""
    with pytest.raises(GradingError) as caught:
        grade(script(tmp_path, text, "hw.py"))
    assert str(caught.value).startswith(said)


def test_of_a_task_that_is_named_all_functions_are_listed(grade, tmp_path: Path) -> None:
    """A net by hand, where one in torch is asked for."""
    text = _bare("classification") + "\nclass Model:\n    pass\n"
    made = grade(script(tmp_path, text, "homework.py"), "classification-torch")
    said = made.tasks[0].checks[0].message
    assert "`class Model(nn.Module)` is missing. Found `" in said
    assert "update_parameters(" in said


def test_tensors_that_stand_by_themselves_are_told_to_be_parameters(grade, tmp_path: Path) -> None:
    """A net in torch is there, and no module."""
    text = "import torch\nW1 = torch.zeros(2, 2, requires_grad=True)\ndef model(X): return X @ W1\n"
    made = grade(script(tmp_path, text, "homework.py"), "regression-torch")
    said = made.tasks[0].checks[0].message
    assert said.startswith("`class Model(nn.Module)` is missing. Found `model(X)`. Tensors ")
    assert "Make each of them an `nn.Parameter` of a class" in said


def test_what_was_read_otherwise_is_told_before_the_question(grade, tmp_path: Path) -> None:
    """What could not be used may be why no task was recognised."""
    text = _bare("regression").replace("return A, A_prev", "raise NotImplementedError")
    path = script(tmp_path, "# -*- coding: utf-7 -*-\n" + text, "homework.py")
    with pytest.raises(GradingError) as caught:
        grade(path)
    assert str(caught.value).startswith("homework.py names the encoding utf-7, which is not read.")
    assert " homework: cannot tell which task this is: " in str(caught.value)


def test_a_refusal_tells_of_code_before_files() -> None:
    """Of many problems three are told, and first those of code that was to be read."""
    aside = [Problem(f"{n} was left aside.", Place(f"{n}.doc", None, 1)) for n in range(5)]
    broken = Problem("hw.py:3 is broken.", Place("hw.py", None, 3))
    cell = Cell("hw.py", "hw.py", None, "")
    submission = Submission("hw", "hw", "", (cell,), {}, (*aside, Problem("No."), broken))
    said = another_exercise(submission, read_assignment(None))
    assert said.startswith("hw.py:3 is broken. 0 was left aside. 1 was left aside. hw: No function")


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            RecursionError,
            GradingError,
            "homework: its code is nested too deeply to be read. Split its longest expressions "
            "and blocks, and submit it again.",
        ),
        (
            MemoryError,
            BreakdownError,
            "homework: this machine ran out of memory while it graded the submission.",
        ),
    ],
)
@pytest.mark.parametrize("place", ["grading.recognise.divide", "grading.examine.bind"])
def test_text_that_cannot_be_followed_is_told(
    grade, tmp_path: Path, monkeypatch, place: str, error: type, kind: type, told: str
) -> None:
    """Wherever reading it ends so, there is a sentence and no traceback."""

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"gradkit.{place}", fails)
    text = _bare("regression") + f"\ndeep = {'-' * 150}1\n"
    with pytest.raises(GradingError) as caught:
        grade(script(tmp_path, text, "homework.py"))
    assert (type(caught.value), str(caught.value)) == (kind, told)


@pytest.mark.parametrize("place", ["grading.recognise.divide", "grading.examine.bind"])
def test_a_recursion_that_is_not_the_text_s_is_a_fault(
    grade, tmp_path: Path, monkeypatch, place: str
) -> None:
    """Who hands in plain code is not told that it is nested too deeply."""

    def endless(*given: object) -> None:
        endless(*given)

    monkeypatch.setattr(f"gradkit.{place}", endless)
    with pytest.raises(RecursionError):
        grade(script(tmp_path, _bare("regression"), "homework.py"))


def test_the_last_of_two_tries_in_one_notebook_counts(grade, tmp_path: Path) -> None:
    """A definition replaces those above it, as it does for the student."""
    good = _bare("regression")
    bad = good.replace("dW1 = X @ d_hidden.T", "dW1 = d_hidden @ X.T")
    for first, last, state in ((bad, good, "pass"), (good, bad, "fail")):
        path = notebook(tmp_path, "# Regression", first, "# Regression, again", last)
        assert states(grade(path))["update"] == state


def test_nothing_of_the_exercise(grade, tmp_path: Path) -> None:
    """A file of something else altogether."""
    path = script(tmp_path, "def sort(values):\n    return sorted(values)\n", "homework.py")
    with pytest.raises(GradingError) as caught:
        grade(path)
    assert str(caught.value).startswith(
        "homework: This looks like another exercise. No function belongs to"
    )


def test_nothing_of_the_exercise_in_a_file_of_its_name(grade, tmp_path: Path) -> None:
    """Whoever names the task is not told that it is another one."""
    path = script(tmp_path, "def sort(values):\n    return sorted(values)\n", "regression_numpy.py")
    with pytest.raises(GradingError) as caught:
        grade(path)
    assert str(caught.value).startswith("regression_numpy: No function belongs to “")


def test_a_file_whose_name_says_another_task_than_its_forward_pass(grade, tmp_path: Path) -> None:
    """A note tells it where no target, loss or activation in the code says which task is meant."""
    path = script(tmp_path, _bare("regression"), "my_classification_try.py")
    (task,) = grade(path).tasks
    told = (
        "The forward pass is exactly the forward pass of “Regression in numpy”. If you mean this "
        "task, add --task."
    )
    assert (task.task, told in task.notes) == ("classification-numpy", True)
    assert not grade(path, "classification-numpy").tasks[0].notes
    own = script(
        tmp_path, _bare("regression").replace("A, A_prev\n", "2 * A, A_prev\n"), "my_mse_try.py"
    )
    (task,) = grade(own).tasks
    assert [c.state for c in task.checks if c.check == "forward"] == ["fail"]
    assert not task.notes


def test_nothing_at_all_for_the_task_that_is_asked_for(grade, tmp_path: Path) -> None:
    """It is graded as missing, not refused: the instructor asked for it."""
    path = script(tmp_path, "def sort(values):\n    return sorted(values)\n", "homework.py")
    found = states(grade(path, "classification-numpy"))
    assert set(found.values()) <= {"missing", "blocked"}


def test_a_task_that_is_asked_for_counts_more_than_a_files_name(grade, tmp_path: Path) -> None:
    """The file is called after its loss; a file beside it that fits the task is taken first."""
    path = script(tmp_path, _bare("classification"), "mse_loss.py")
    result = grade(path, "classification-numpy")
    assert full(result), not_passed(result)
    wrong = _bare("classification").replace("-(y - y_hat)", "(y - y_hat)")
    assert wrong != _bare("classification")
    script(tmp_path, wrong, "classification.py")
    result = grade(tmp_path, "classification-numpy")
    assert states(result)["update"] == "fail"
    told = "classification.py is graded, because the other file is named after another task."
    assert any(told in note for note in result.tasks[0].notes)


METHOD = """
class Net:
    def backward(self{arguments}):
        d = 2 * (y_hat - y)
        return {{"W2": d * A1, "b2": d, "W1": X @ (p["W2"] * d).T, "b1": p["W2"] * d}}

def update_parameters(parameters, y, y_hat, A1, X):
    {before}
    steps = Net().backward({handed})
    for key in steps:
        parameters[key] -= (0.001 if key[0] == "W" else 0.01) * steps[key]
"""


@pytest.mark.parametrize(
    ("arguments", "before", "handed"),
    [
        (", p, y, y_hat, A1, X", "", "parameters, y, y_hat, A1, X"),
        ("", "global p\n    p = parameters\n    globals().update(locals())", ""),
    ],
)
@pytest.mark.parametrize("beside", ["", "import torch\n"])
def test_a_method_called_backward_is_no_torch(
    grade, tmp_path: Path, arguments: str, before: str, handed: str, beside: str
) -> None:
    """Also where the submission has torch for its other half."""
    head, _, _ = _bare("regression").partition("def update_parameters")
    own = METHOD.format(arguments=arguments, before=before, handed=handed)
    result = grade(script(tmp_path, beside + head + own, "homework.py"), "regression-numpy")
    assert full(result), not_passed(result)


def test_a_function_that_only_the_other_part_has_is_named(grade, tmp_path: Path) -> None:
    """It may not be taken from there; where it stands is said."""
    head, forward, update = _bare("regression").partition("def L_layer_forward")
    other = _bare("classification").partition("def L_layer_forward")
    rest = "def update_parameters" + other[2].partition("def update_parameters")[2]
    path = notebook(
        tmp_path, "# Regression", head + forward + update, "# Classification", other[0] + rest
    )
    message = checks(grade(path), "classification-numpy")["forward"].message
    assert "`L_layer_forward(X, parameters)` is missing." in message
    assert "is in the part of another task" in message
