"""An activation is one entry: right and wrong answers to an exercise with it are graded as any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.task.network import ACTIVATIONS, Activation

pytestmark = [pytest.mark.sample(24), pytest.mark.usefixtures("warm")]

TANH = Path(__file__).parent / "tanh_regression"

ENTRIES = {
    "elu": Activation(
        value=lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        slope=lambda a: np.where(a > 0, 1, a + 1),
        low=-1,
        numpy="np.where(Z > 0, Z, np.exp(Z) - 1)",
        torch="torch.nn.functional.elu",
        written="1 or 1+{A}",
    ),
    "swish": Activation(
        value=lambda z: z / (1 + np.exp(-z)),
        pull_back=lambda z, a, slope: slope * (a + (1 - a) / (1 + np.exp(-z))),
        steepest=1.1,
        numpy="Z / (1 + np.exp(-Z))",
    ),
}
"""What somebody adds. Of swish the slope does not follow from its value."""


@dataclass(frozen=True)
class Written:
    """How a student writes an activation of Z, its slope by A1, and the one taken at A1."""

    value: str
    slope: str
    at_value: str = ""


IN_NUMPY = {
    "softplus": Written("np.log1p(np.exp({}))", "(1 - np.exp(-A1))", "(1 / (1 + np.exp(-A1)))"),
    "leaky_relu": Written("leaky({})", "np.where(A1 > 0, 1, 0.01)"),
    "elu": Written("elu({})", "np.where(A1 > 0, 1, A1 + 1)", "np.where(A1 > 0, 1, np.exp(A1))"),
}
HELPERS = """

def leaky(Z):
    return np.where(Z > 0, Z, 0.01 * Z)


def elu(Z):
    return np.where(Z > 0, Z, np.exp(np.minimum(Z, 0)) - 1)


def swish(Z):
    return Z / (1 + np.exp(-Z))


def L_layer_forward"""

Grade = Callable[[str, str, str], TaskResult]


def exercise(folder: Path, activation: str) -> Path:
    """The tanh exercise with another activation."""
    for path in TANH.glob("*.*"):
        text = path.read_text(encoding="utf-8")
        (folder / path.name).write_text(text.replace('"tanh"', f'"{activation}"'), encoding="utf-8")
    return folder / "assignment.toml"


@pytest.fixture
def grade(
    workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Grade:
    """``grade(activation, framework, text)``, where each activation is in the table."""
    for name, entry in ENTRIES.items():
        monkeypatch.setitem(ACTIVATIONS, name, entry)

    def check(activation: str, framework: str, text: str) -> TaskResult:
        settings = Settings(assignment=exercise(tmp_path, activation), seed=1)
        path = tmp_path / f"regression_{framework}.py"
        path.write_text(text, encoding="utf-8")
        with Session(settings, workshop) as session:
            if framework == "torch":
                pytest.importorskip("torch")
            (task,) = session.check(path).tasks
        return task

    return check


def in_numpy(activation: str, **changes: str) -> str:
    """The solution with this activation, or with other pieces of it, as written."""
    own = IN_NUMPY.get(activation, Written("swish({})", "1"))
    written = replace(own, **changes)
    text = (TANH / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
    summed = 'parameters["W1"].T @ X + parameters["b1"]'
    for old, new in (
        (f"np.tanh({summed})", written.value.format(summed)),
        (" * (1 - A1**2)", f" * {written.slope}" if written.slope else ""),
        ("\n\ndef L_layer_forward", HELPERS),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("activation", IN_NUMPY)
def test_a_right_answer_earns_full_marks(grade: Grade, activation: str) -> None:
    """Without a finding or a note."""
    task = grade(activation, "numpy", in_numpy(activation))
    assert {c.check: c.state for c in task.checks if c.state != "pass"} == {}
    assert (task.score, task.max_score, task.findings) == (20, 20, ())


WRONG = [
    ("missing-activation-derivative", {"slope": ""}),
    ("wrong-activation-derivative", {"slope": "A1 * (1 - A1)"}),
    ("missing-activation", {"value": "({})"}),
    ("wrong-activation", {"value": "np.tanh({})"}),
]


@pytest.mark.parametrize(("code", "changes"), WRONG, ids=[code for code, _ in WRONG])
@pytest.mark.parametrize("activation", IN_NUMPY)
def test_a_mistake_in_it_is_named(grade: Grade, activation: str, code: str, changes) -> None:
    """That one and no other, it costs something, and it is placed."""
    task = grade(activation, "numpy", in_numpy(activation, **changes))
    assert [finding.mistake for finding in task.findings] == [code], task.notes
    assert task.findings[0].place is not None
    assert task.score < task.max_score


@pytest.mark.parametrize("activation", [name for name, w in IN_NUMPY.items() if w.at_value])
def test_a_slope_that_is_taken_at_the_value_is_named(grade: Grade, activation: str) -> None:
    """Where it is another one there."""
    text = in_numpy(activation, slope=IN_NUMPY[activation].at_value)
    task = grade(activation, "numpy", text)
    assert [finding.mistake for finding in task.findings] == ["wrong-derivative-argument"]


def test_without_a_slope_by_its_value_there_are_marks_and_a_sentence(grade: Grade) -> None:
    """Its update cannot be written with what it is handed here; what there is is judged."""
    task = grade("swish", "numpy", in_numpy("swish"))
    states = {check.check: check.state for check in task.checks}
    assert (states["forward"], states["update"]) == ("pass", "fail")
    assert (
        "Mistakes were not searched for: the derivative of swish cannot be computed from the "
        in (task.notes[0])
    )


TORCH = {name: f"torch.nn.functional.{name}" for name in IN_NUMPY}
IN_TORCH = {
    "missing-activation": {"{act}(self.hidden(X))": "self.hidden(X)"},
    "wrong-activation": {"{act}(": "torch.tanh("},
    "missing-zero-grad": {"        optimizer.zero_grad()\n": ""},
}


def in_torch(activation: str, changes: dict[str, str]) -> str:
    """The torch solution with this activation, and pieces of it changed."""
    text = (TANH / "reference" / "regression_torch.py").read_text(encoding="utf-8")
    text = text.replace("torch.tanh", TORCH[activation])
    for old, new in changes.items():
        piece = old.format(act=TORCH[activation])
        assert piece in text
        text = text.replace(piece, new)
    return text


@pytest.mark.parametrize("activation", IN_NUMPY)
def test_torch_has_it_too(grade: Grade, activation: str) -> None:
    """Full marks for the right net, and each mistake by its name."""
    task = grade(activation, "torch", in_torch(activation, {}))
    assert (task.score, task.max_score, task.findings) == (20, 20, ())
    for code, changes in IN_TORCH.items():
        task = grade(activation, "torch", in_torch(activation, changes))
        assert [finding.mistake for finding in task.findings] == [code]
