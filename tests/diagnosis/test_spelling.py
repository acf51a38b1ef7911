"""Misspelt code is reported at its line: as the exception that it raises, or with a repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from correct_styles import source_of
from written import homework

from gradkit.diagnosis.repair.spelling import SPELLINGS, spelled
from gradkit.diagnosis.repair.text import Text
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.task.assignment import SHIPPED

pytestmark = pytest.mark.sample(48)

TORCH = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(2, 2)
        self.l2 = nn.Linear(2, 1)

    def forward(self, x):
        x = self.l1(x)
        return self.l2(x)


def train(model, X, y, epochs=10):
    opt = torch.optim.SGD(model.parameters(), lr=0.001)
    loss_fn = nn.MSELoss()
    losses = []
    for _ in range(epochs):
        opt.zero_grad()
        loss = loss_fn(model(X).squeeze(1), y)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses
"""

FORWARD = """\
    def forward(self, x):
        x = self.l1(x)
        return self.l2(x)
"""

Case = tuple[str, str, str, str, str]
"""What is changed, to what; the check and the kind that is told, and what is to stand there."""

OF_TORCH: dict[str, Case] = {
    "a constructor": (
        *("def __init__(self)", "def _init_(self)"),
        *("model", "wrong-name", "def __init__(self):"),
    ),
    "a method": (
        *("def forward(self, x)", "def foward(self, x)"),
        *("forward", "wrong-name", "def forward(self, x):"),
    ),
    "no self": (
        *("def forward(self, x)", "def forward(x)"),
        *("forward", "missing-parameter", "def forward(self, x):"),
    ),
    "no self in a constructor": (
        *("def __init__(self):", "def __init__():"),
        *("model", "missing-parameter", "def __init__(self):"),
    ),
    "a layer without self": (
        *("x = self.l1(x)", "x = l1(x)"),
        *("forward", "wrong-name", "x = self.l1(x)"),
    ),
    "a layer that is lost": (
        *("self.l1 = nn.Linear(2, 2)", "l1 = nn.Linear(2, 2)"),
        *("model", "wrong-name", "self.l1 = nn.Linear(2, 2)"),
    ),
    "an input with self": (
        *("return self.l2(x)", "return self.l2(self.x)"),
        *("forward", "wrong-name", "return self.l2(x)"),
    ),
    "another layer's name": (
        *("self.l2(x)", "self.L2(x)"),
        *("forward", "wrong-name", "return self.l2(x)"),
    ),
    "a name of torch's": (
        *("nn.Linear(2, 2)", "nn.linear(2, 2)"),
        *("model", "wrong-name", "self.l1 = nn.Linear(2, 2)"),
    ),
    "an optimiser's name": (
        *("opt.step()", "optimizer.step()"),
        *("trajectory", "wrong-name", "opt.step()"),
    ),
    "square brackets": (
        *("x = self.l1(x)", "x = self.l1[x]"),
        *("forward", "wrong-form", "x = self.l1(x)"),
    ),
    "a comma": (
        *("self.l1 = nn.Linear(2, 2)", "self.l1 = nn.Linear(2, 2),"),
        *("model", "wrong-form", "self.l1 = nn.Linear(2, 2)"),
    ),
    "a dictionary": (
        *("losses = []", "losses = {}"),
        *("trajectory", "wrong-form", "losses = []"),
    ),
    "a number of rounds": (
        *("in range(epochs)", "in epochs"),
        *("trajectory", "wrong-form", "for _ in range(epochs):"),
    ),
    "a loss that is not made": (
        *("loss_fn(model(X).squeeze(1), y)", "nn.MSELoss(model(X).squeeze(1), y)"),
        *("trajectory", "wrong-form", "loss = nn.MSELoss()(model(X).squeeze(1), y)"),
    ),
    "a class for a model": (
        *("loss_fn(model(X)", "loss_fn(Net(X)"),
        *("trajectory", "wrong-form", "loss = loss_fn(model(X).squeeze(1), y)"),
    ),
    "a result that is lost": (
        *("x = self.l1(x)", "self.l1(x)"),
        *("forward", "not-kept", "x = self.l1(x)"),
    ),
    "nothing returned": (
        *("return self.l2(x)", "x = self.l2(x)"),
        *("forward", "missing-return", "return x"),
    ),
    "a method in another": (
        *(FORWARD, "".join(f"    {line}\n" for line in FORWARD.splitlines())),
        *("forward", "wrong-indentation", FORWARD.replace("\n    ", "\n").strip()),
    ),
    "a method for its result": (
        *("x = self.l1(x)", "x = self.l1.forward"),
        *("forward", "not-called", "x = self.l1.forward(x)"),
    ),
}


CRASH_ALONE = {
    "a layer without self",
    "an input with self",
    "another layer's name",
    "a name of torch's",
    "an optimiser's name",
    "a module that is left out",
    "a name of numpy's",
    "what is only changed after",
    "a method's name",
    "an attribute that is lost",
    "a key",
}
"""Cases where only the exception is reported, because its message names the reason."""

CRASH_AND_REPAIR = {
    "sizes for a shape",
    "a method that is not called",
    "a method for its result",
    "no self in a constructor",
    "square brackets",
    "a dictionary",
    "a number of rounds",
    "a loss that is not made",
    "a class for a model",
    "an attribute that is called",
    "an option",
    "an attribute in round brackets",
    "an argument",
}
"""Cases where a repair follows the exception."""


def reported_kinds(name: str, kind: str) -> list[str]:
    """Return the kinds that are reported for a case, in order."""
    if name in CRASH_ALONE:
        return ["crash"]
    if name in CRASH_AND_REPAIR:
        return ["crash", kind]
    return [kind]


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("name", [name for name in OF_TORCH if name != "no self"])
def test_misspelt_models_are_reported(diagnosed, name: str) -> None:
    """A repair has the changed line."""
    pytest.importorskip("torch")
    was, now, check, kind, fix = OF_TORCH[name]
    assert TORCH.count(was) == 1
    found = diagnosed(TORCH.replace(was, now), "regression-torch").findings
    assert [each.mistake for each in found] == reported_kinds(name, kind)
    repairs = [(each.check, each.fix) for each in found if each.mistake != "crash"]
    assert repairs == [(check, fix)] * len(repairs)


def test_a_repaired_crash_in_the_training_costs_its_price_in_both_checks(diagnosed) -> None:
    """The line stops the gradient and the trajectory; the repair is found for the trajectory."""
    pytest.importorskip("torch")
    graded = diagnosed(TORCH.replace("losses = []", "losses = {}"), "regression-torch")
    scores = {each.check: each.score / each.max_score for each in graded.checks}
    assert scores == {"model": 1, "forward": 1, "gradient": 0.5, "trajectory": 0.5}


def test_a_forward_without_self_is_one_mistake(diagnosed) -> None:
    """It stops the model's own check and, in another line, the student's own training."""
    pytest.importorskip("torch")
    was, now, check, kind, fix = OF_TORCH["no self"]
    graded = diagnosed(TORCH.replace(was, now), "regression-torch")
    assert [(each.check, each.mistake, each.fix) for each in graded.findings] == [
        ("forward", "crash", ""),
        (check, kind, fix),
    ]
    scores = {each.check: each.score / each.max_score for each in graded.checks}
    assert scores == {"model": 1, "forward": 0.5, "gradient": 0.5, "trajectory": 0.5}


TWO_OF_TORCH = {
    ("no self in a constructor", "a name of torch's"): {
        ("crash", ""),
        ("missing-parameter", "def __init__(self):"),
        ("wrong-name", "self.l1 = nn.Linear(2, 2)"),
    },
    ("a method", "an input with self"): {
        ("wrong-name", "def forward(self, x):"),
        ("wrong-name", "return self.l2(x)"),
    },
    ("a comma", "an optimiser's name"): {
        ("wrong-form", "self.l1 = nn.Linear(2, 2)"),
        ("wrong-name", "opt.step()"),
    },
}
"""The kinds and texts that are reported of two mistakes."""


@pytest.mark.parametrize("names", TWO_OF_TORCH, ids=" and ".join)
def test_two_misspelt_lines_of_a_model_are_reported(diagnosed, names: tuple[str, str]) -> None:
    """Each with its kind and the text of its repair."""
    pytest.importorskip("torch")
    text = TORCH
    for name in names:
        was, now, *_ = OF_TORCH[name]
        assert text.count(was) == 1
        text = text.replace(was, now)
    found = diagnosed(text, "regression-torch").findings
    assert {(each.mistake, each.fix) for each in found} == TWO_OF_TORCH[names]


def test_a_module_without_a_forward_is_told_as_that(diagnosed) -> None:
    """It is written; nobody finds it under another name."""
    pytest.importorskip("torch")
    text = TORCH.replace("def forward(self, x)", "def apply_to(self, x)")
    told = {c.check: (c.state, c.message) for c in diagnosed(text, "regression-torch").checks}
    assert told["forward"] == ("error", "`Net` has no method `forward`.")


def test_what_only_runs_is_no_reason_to_leave_a_line_out(diagnosed) -> None:
    """Nobody knows then what the line was to be."""
    pytest.importorskip("torch")
    text = TORCH.replace("x = self.l1(x)", "print(self.l1)\n        x = self.l1(x, 3)")
    result: TaskResult = diagnosed(text, "regression-torch")
    assert not [each for each in result.findings if each.mistake == "extra-statement"]


def test_what_is_wrong_besides_is_told_of_a_model(diagnosed) -> None:
    """Once it runs. The line that stops two checks is one mistake."""
    pytest.importorskip("torch")
    text = TORCH.replace("def forward(self, x)", "def forward(x)").replace("lr=0.001", "lr=0.01")
    found = [each.mistake for each in diagnosed(text, "regression-torch").findings]
    assert found == ["crash", "missing-parameter", "wrong-learning-rate"]


OF_FUNCTIONS: dict[str, tuple[str, *tuple[str, ...]]] = {
    "a name": (
        *("deep-net/notebook", "cache = (A, W, b)", "cache = (a, W, b)"),
        *("linear-forward", "wrong-name", "cache = (A, W, b)"),
    ),
    "a module that is left out": (
        *("softmax-loss/half_penalty", "loss = -np.log(picked)", "loss = -log(picked)"),
        *("vectorized", "wrong-name", "loss = -np.log(picked).sum() / N"),
    ),
    "a name of numpy's": (
        *("batchnorm/step_by_step", "dgamma = np.sum(xhat", "dgamma = np.sums(xhat"),
        *("backward-alt", "wrong-name", "dgamma = np.sum(xhat * dout, axis=0)"),
    ),
    "a name with no value": (
        *("batchnorm/step_by_step", "dgamma = np.sum(xhat", "np.sum(xhat"),
        *("backward-alt", "not-kept", "dgamma = np.sum(xhat * dout, axis=0)"),
    ),
    "what is only changed after": (
        *("one-hidden-layer/helpers", "delta = out.copy()", "out.copy()"),
        *("backward", "not-kept", "delta = out.copy()"),
    ),
    "a method that is not called": (
        *("one-hidden-layer/helpers", "delta = out.copy()", "delta = out.copy"),
        *("backward", "not-called", "delta = out.copy()"),
    ),
    "printed": (
        *("deep-net/tables", "return -np.mean(logs)", "print(-np.mean(logs))"),
        *("cost", "missing-return", "return -np.mean(logs)"),
    ),
    "a tuple that nobody gets": (
        *("batchnorm/jacobian", "return out, None", "out, None"),
        *("test", "missing-return", "return (out, None)"),
    ),
    "sizes for a shape": (
        *("epochs/one_hot", "I = np.zeros((bs, k))", "I = np.zeros(bs, k)"),
        *("nn-gradient", "wrong-form", "I = np.zeros((bs, k))"),
    ),
    "an attribute that is called": (
        *("linear-class/columns", "return columns.T", "return columns.T()"),
        *("forward", "wrong-form", "return columns.T"),
    ),
    "an option": (
        *("one-hidden-layer/notebook", "dZ1, axis=1", "dZ1, axes=1"),
        *("backward", "wrong-name", "db1 = (1 / m) * np.sum(dZ1, axis=1, keepdims=True)"),
    ),
    "an attribute in round brackets": (
        *("deep-net/tables", "m = dZ.shape[-1]", "m = dZ.shape(-1)"),
        *("linear-backward", "wrong-form", "m = dZ.shape[-1]"),
    ),
    "a method's name": (
        "linear-class/loops",
        "def df(self, z):\n        return self.f(z)",
        "def dff(self, z):\n        return self.f(z)",
        *("backward", "wrong-name", "def df(self, z):"),
    ),
    "an attribute that is lost": (
        *("layers/loops", "self.weights = weights", "weights = weights"),
        *("backward", "wrong-name", "self.weights = weights"),
    ),
    "a constructor's name": (
        *("two-layer-net/pieces", "def __init__(self, input", "def init(self, input"),
        *("initialize", "wrong-name"),
        "def __init__(self, input_size, hidden_size, output_size, std=1e-4):",
    ),
    "a key": (
        "convolution/corners",
        "pad = conv_param['pad']\n\n    # dimensions",
        "pad = conv_param['padd']\n\n    # dimensions",
        *("forward", "wrong-entry", "pad = conv_param['pad']"),
    ),
    "an argument": (
        "two-layer-net/pieces",
        *('affine(X, self.params["W1"], self.params["b1"])', 'affine(X, self.params["W1"])'),
        "scores",
        *("missing-argument", "self.z1 = affine(X, self.params['W1'], self.params['b1'])"),
    ),
    "no self": (
        *("linear-class/in_place", "def backward(self, dLdA):\n        grad", ""),
        *("backward", "missing-parameter", "def backward(self, dLdA):"),
    ),
}

TWICE: dict[str, tuple[tuple[str, str, str], ...]] = {
    "names": (
        ('    W2 = parameters["W2"]\n    A1', '    W2 = parameter["W2"]\n    A1', "wrong-name"),
        ("np.dot(W2.T", "np.dott(W2.T", "wrong-name"),
        ("dZ1, axis=1", "dZ1, axes=1", "wrong-name"),
    ),
    "on one line": (
        ("    A1 = cache", "    A1 = cach", "wrong-name"),
        ("np.dot(W2.T, dZ2)", "np.dott(W_2.T, dZ2)", "wrong-expression"),
    ),
}

Graded = Callable[..., list[tuple[str, str, str]]]


@pytest.fixture(scope="module")
def graded(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    """``graded(answer, was, now, ...)``: the check, the kind and the fix of all that is found."""
    path = tmp_path_factory.mktemp("spelt") / "answer.py"
    sessions: dict[str, Session] = {}

    def grade(answer: str, *changes: str) -> list[tuple[str, str, str]]:
        exercise, _, _ = answer.partition("/")
        if exercise not in sessions:
            file = SHIPPED / exercise / "assignment.toml"
            sessions[exercise] = Session(Settings(assignment=file, seed=3), workshop)
        text = (Path(__file__).parents[1] / "gallery" / f"{answer}.py").read_text(encoding="utf-8")
        for was, now in zip(changes[::2], changes[1::2], strict=True):
            assert text.count(was) == 1
            text = text.replace(was, now or was.replace("self, ", ""))
        path.write_text(text, encoding="utf-8")
        tasks = sessions[exercise].grade(read_submission(path)).result.tasks
        return [(each.check, each.mistake, each.fix) for t in tasks for each in t.findings]

    yield grade
    for session in sessions.values():
        session.__exit__(None, None, None)


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_misspelt_functions_are_reported(graded: Graded, name: str) -> None:
    """A repair has the changed line."""
    answer, was, now, check, kind, fix = OF_FUNCTIONS[name]
    texts = {kind: fix, "crash": ""}
    assert graded(answer, was, now) == [
        (check, each, texts[each]) for each in reported_kinds(name, kind)
    ]


@pytest.mark.parametrize("changes", TWICE.values(), ids=TWICE)
def test_what_stops_again_is_told_as_well(graded: Graded, changes) -> None:
    """One after the other, as Python would say it."""
    texts = [text for was, now, _ in changes for text in (was, now)]
    found = graded("one-hidden-layer/notebook", *texts)
    assert [kind for _, kind, _ in found] == [kind for *_, kind in changes]


def test_an_undefined_name_that_is_used_twice_is_one_mistake(graded: Graded) -> None:
    """It is changed everywhere in its function."""
    first, second = "np.dot(dZ2, A1.T)", "np.dot(W2.T, dZ2)"
    changes = [text for was in (first, second) for text in (was, was.replace("dZ2", "error"))]
    [(check, kind, fix)] = graded("one-hidden-layer/notebook", *changes)
    assert (check, kind) == ("backward", "wrong-name")
    assert first in fix
    assert second in fix


@pytest.mark.slow
def test_what_is_wrong_besides_is_told_of_functions(graded: Graded) -> None:
    """What stops is mended first."""
    was = "    delta = out.copy()\n    delta -= Y"
    found = graded("one-hidden-layer/helpers", was, "    delta = out.copy\n    delta += Y")
    assert {kind for _, kind, _ in found} == {"crash", "not-called", "turned-sign"}


@pytest.mark.slow
@pytest.mark.rotate(4)
def test_what_stops_is_not_written_anew_in_part(diagnosed) -> None:
    """Arguments are missing: the exception is reported, and no change that gives some number."""
    right = homework("regression-numpy", source_of("loops", "regression-numpy"))
    was = "linear_forward(A_prev, parameters['W' + str(l)], parameters['b' + str(l)])"
    assert right.count(was) == 1
    text = right.replace(was, "linear_forward(A_prev)")
    result: TaskResult = diagnosed(text, "regression-numpy")
    assert [each.state for each in result.checks][:2] == ["pass", "error"]
    assert [finding.mistake for finding in result.findings] == ["crash"]


IN_TURN = (
    """\
    A = X
    for l in range(1, len(parameters) // 2 + 1):
        A_prev = A
        A = linear_forward(A_prev, parameters['W' + str(l)], parameters['b' + str(l)])
""",
    """\
    A_prev = linear_forward(X, parameters['W1'], parameters['b1'])
    A = linear_forward(A_prev, parameters['W2'], parameters['b2'])
""",
)

ALONE = {
    "calls itself": (
        *("regression-numpy", "np.dot(W.T, A) + b", "linear_forward(A, W.T, b)"),
        ["crash", "wrong-expression"],
    ),
    "takes one number": (
        *("classification-numpy", "np.exp(-Z)", "math.exp(-Z)"),
        ["crash", "wrong-function"],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ALONE.values(), ids=ALONE)
def test_what_stops_is_quoted_with_its_exception(diagnosed, case) -> None:
    """A repair of the line follows where one change makes all numbers right."""
    task, was, now, kinds = case
    right = homework(task, source_of("loops", task)).replace(*IN_TURN)
    assert right.count(was) == 1
    found = diagnosed(f"import math\n{right.replace(was, now)}", task).findings
    assert [(each.check, each.mistake) for each in found] == [("forward", kind) for kind in kinds]
    assert all(now in each.source for each in found)


ENDLESS = """\
def count(n):
    i = 0
    while i < m:
        i =+ 1
    total =- 1
    return total
"""


@pytest.mark.parametrize(("was", "meant"), [("lenn", "len"), ("squared", "square")])
def test_a_function_is_meant_by_a_name_like_its_own(was: str, meant: str) -> None:
    """One of Python's, or of the text's; no value is called."""
    text = f"def square(x):\n    return x * x\n\n\ndef f(v, w):\n    return {was}(v)\n"
    found = spelled(Text("cell", text, stops=[6]))
    called = [line.strip() for one in found if one.kind == "wrong-name" for line in one.lines]
    assert called == [f"return {meant}(v)"]


def test_what_may_never_end_is_left_as_it_is() -> None:
    """All else is changed."""
    found = spelled(Text("cell", ENDLESS, stops=[3]))
    assert {one.line for one in found} == {5}


def test_what_is_nested_too_deeply_is_left_as_it_is() -> None:
    """It cannot be written out again."""
    deep = "-" * 600 + "1"
    text = Text("cell", f"def f(x):\n    y = g({deep})\n    return y\n", stops=[2])
    assert isinstance(spelled(text), list)


def test_a_method_is_renamed_as_a_word() -> None:
    """Its name stands in ``def`` too."""
    text = "class Net:\n    def de(self, x):\n        return x\n"
    (one,) = [each for each in spelled(Text("cell", text, asked=["dee"])) if each.line == 2]
    assert one.lines == ("    def dee(self, x):",)


@pytest.mark.parametrize("answer", ["layers/loops", "linear-class/columns", "deep-net/notebook"])
def test_right_answers_are_spelt_right(answer: str) -> None:
    """There is hardly anything that could be meant otherwise."""
    text = (Path(__file__).parents[1] / "gallery" / f"{answer}.py").read_text(encoding="utf-8")
    found = [*spelled(Text("cell", text))]
    assert {one.kind for one in found} <= {"not-kept", "missing-return"}
    assert len(found) < 12
    assert {name for _, name in SPELLINGS.values()} >= {one.kind for one in found}
