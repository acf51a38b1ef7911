"""Exercises that are an assignment file and model solutions alone work as gradkit's own do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

import gradkit
from gradkit.authoring.audit import audit_file
from gradkit.cli import main
from gradkit.diagnosis.catalogue import kinds
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import load_reference

pytestmark = [pytest.mark.sample(90), pytest.mark.usefixtures("warm")]

HERE = Path(__file__).parent
SOLUTIONS = {
    path.stem: path
    for framework in ("numpy", "torch")
    for path in sorted(HERE.glob(f"*/reference/*_{framework}.py"))
}
NUMPY = tuple(name for name in SOLUTIONS if name.endswith("numpy"))
TORCH = tuple(name for name in SOLUTIONS if name.endswith("torch"))
EXERCISES = ("tanh_regression", "softmax_classifier")

Twin = tuple[str, dict[str, str]]
"""What has to be named, and the pieces of the model solution that are made wrong."""

SWAPPED = """dW1 = X @ dZ1.T
    for i, j in ((0, 1), (1, 0)):
        dW1[i, j] = X[j, 0] * dZ1[i, 0]
"""
STEP = '    parameters["W2"] -= WEIGHT_RATE * dW2\n'

IN_NUMPY: dict[str, dict[str, str]] = {
    "swapped-index": {"dW1 = X @ dZ1.T\n": SWAPPED},
    "wrong-sign": {"-= WEIGHT_RATE * dW1": "+= WEIGHT_RATE * dW1"},
    "missing-activation-derivative": {" * (1 - A1**2)": ""},
    "wrong-activation-derivative": {"(1 - A1**2)": "A1 * (1 - A1)"},
    "wrong-derivative-argument": {"(1 - A1**2)": "(1 - np.tanh(A1) ** 2)"},
    "wrong-learning-rate": {"BIAS_RATE * dZ": "WEIGHT_RATE * dZ"},
    "uneven-learning-rate": {'["b1"] -= BIAS_RATE': '["b1"] -= WEIGHT_RATE'},
    "not-updated": {'    parameters["b1"] -= BIAS_RATE * dZ1\n': ""},
    "updated-before-use": {STEP: "", "    dZ1 = ": STEP + "    dZ1 = "},
    "wrong-error": {"(y - y_hat)": "y"},
    "missing-activation": {"np.tanh(": "("},
    "missing-bias": {' + parameters["b1"]': ""},
}
IN_TORCH: dict[str, dict[str, str]] = {
    "missing-zero-grad": {"        optimizer.zero_grad()\n": ""},
    "missing-step": {"        optimizer.step()\n": ""},
    "wrong-learning-rate": {"lr=lr": "lr=0.01"},
    "momentum": {"lr=lr": "lr=lr, momentum=0.9"},
    "wrong-optimizer": {"optim.SGD": "optim.Adam"},
    "missing-activation": {"torch.tanh(self.hidden(X))": "self.hidden(X)"},
    "wrong-activation": {"torch.tanh(": "torch.relu("},
}
WRITTEN_OUT = "-(y * torch.log(model(X))).sum(dim=1).mean()"
OF_ONE: dict[str, dict[str, dict[str, str]]] = {
    "regression_numpy": {"wrong-factor": {"-2 *": "-1 *"}},
    "classification_numpy": {
        "extra-output-derivative": {"-(y - y_hat)": "-(y - y_hat) * y_hat * (1 - y_hat)"},
        "missing-weight": {'(parameters["W2"] @ dZ2)': "dZ2.sum()"},
    },
    "regression_torch": {
        "wrong-reduction": {"nn.MSELoss()": 'nn.MSELoss(reduction="sum")'},
        "wrong-loss": {"nn.MSELoss()": "nn.L1Loss()"},
        "broadcast-target": {
            ".reshape(y.shape)": "",
            "def train(": 'warnings.simplefilter("ignore")\n\n\ndef train(',
            "import torch\n": "import warnings\n\nimport torch\n",
        },
    },
    "classification_torch": {
        "wrong-reduction": {".sum(dim=1).mean()": ".sum()"},
        "wrong-loss": {WRITTEN_OUT: "nn.MSELoss()(model(X), y)"},
        "logits-loss": {WRITTEN_OUT: "nn.CrossEntropyLoss()(model(X), y)"},
    },
}
OUTSIDE: dict[str, dict[str, dict[str, str]]] = {
    "regression_numpy": {
        "powers": {"dW1 = X @ dZ1.T": "dW1 = X @ np.cos(dZ1.T) * X[0] ** 2"},
    },
    "classification_numpy": {
        "one-class": {"-(y - y_hat)": "-(y - y_hat) * y"},
        "sums": {
            '(parameters["W2"] @ dZ2)': '(parameters["W2"].sum(axis=1, keepdims=True) * dZ2.sum())'
        },
        "reshaped": {'(parameters["W2"] @ dZ2)': '(parameters["W2"].reshape(3, 5).T @ dZ2)'},
    },
    "classification_torch": {"classes-as-rows": {"dim=1)\n\n": "dim=0)\n\n"}},
}
"""What no mistake of the catalogue gives, alone or with another."""

CASES = [
    (name, code, changes)
    for name in SOLUTIONS
    for code, changes in [
        *(IN_NUMPY if name in NUMPY else IN_TORCH).items(),
        *OF_ONE[name].items(),
    ]
]
BEYOND = [(name, label, c) for name, all_ in OUTSIDE.items() for label, c in all_.items()]


def said(value: object) -> str:
    """A word of a test's name; changes of text have none."""
    return value if isinstance(value, str) else ""


def exercise(name: str) -> Path:
    """The folder that a solution belongs to."""
    return SOLUTIONS[name].parent.parent


def twin(folder: Path, name: str, changes: dict[str, str]) -> Path:
    """The model solution with pieces of its text made wrong."""
    text = SOLUTIONS[name].read_text(encoding="utf-8")
    for right, wrong in changes.items():
        assert right in text, right
        text = text.replace(right, wrong)
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def grade(
    workshop: Workshop,
) -> Iterator[Callable[..., TaskResult]]:
    """``grade(name, path, seed, reference=False)``: the only task of the only section."""
    with ExitStack() as stack:
        sessions: dict[tuple[Path, bool], Session] = {}

        def check(name: str, path: Path, seed: int, *, reference: bool = False) -> TaskResult:
            if name in TORCH:
                pytest.importorskip("torch")
            key = exercise(name), reference
            if key not in sessions:
                folder = key[0] / "reference" if reference else None
                settings = Settings(
                    assignment=key[0] / "assignment.toml",
                    reference=folder,
                    no_reference=not reference,
                )
                sessions[key] = stack.enter_context(Session(settings, workshop))
            session = sessions[key]
            session.settings = replace(session.settings, seed=seed)
            (task,) = session.check(path).tasks
            assert task.task == name.replace("_", "-")
            return task

        yield check


@pytest.mark.sample(9)
@pytest.mark.parametrize("reference", [True, False], ids=["reference", "derived"])
@pytest.mark.parametrize("name", SOLUTIONS)
def test_model_solutions_earn_full_marks(grade, name: str, reference: bool) -> None:
    """On several seeds, against themselves and against the assignment file, without a finding."""
    for seed in range(3):
        task = grade(name, SOLUTIONS[name], seed, reference=reference)
        assert {c.check: c.state for c in task.checks if c.state != "pass"} == {}, seed
        assert (task.score, task.max_score, task.findings) == (20, 20, ())


@pytest.mark.sample(54)
@pytest.mark.parametrize(("name", "code", "changes"), CASES, ids=said)
def test_a_mistake_is_named(grade, tmp_path: Path, name: str, code: str, changes) -> None:
    """That one and no other, and it costs something."""
    task = grade(name, twin(tmp_path, name, changes), 1)
    assert [finding.mistake for finding in task.findings] == [code]
    assert task.score < task.max_score


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize(("name", "label", "changes"), BEYOND, ids=said)
def test_what_is_outside_the_catalogue_is_unexplained(
    grade, tmp_path: Path, name: str, label: str, changes
) -> None:
    """Nobody is accused of what the numbers do not show."""
    task = grade(name, twin(tmp_path, name, changes), 1)
    codes = {finding.mistake for finding in task.findings}
    assert codes <= {"unexplained", *kinds()}, label
    assert task.findings
    assert task.score < task.max_score


def test_losses_that_are_no_numbers_accuse_nobody(grade, tmp_path: Path) -> None:
    """Logarithms of negative outputs: the missing softmax is named, and nothing about batches."""
    name = "classification_torch"
    output = "self.output(torch.tanh(self.hidden(X)))"
    without = {f"torch.softmax({output}, dim=1)": output}
    task = grade(name, twin(tmp_path, name, without), 1)
    assert [finding.mistake for finding in task.findings] == ["missing-activation"]
    both = {**without, "        optimizer.zero_grad()\n": ""}
    task = grade(name, twin(tmp_path, name, both), 1)
    assert [finding.mistake for finding in task.findings] == [
        "missing-activation",
        "missing-zero-grad",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("folder", EXERCISES)
def test_no_mistake_slips_through(folder: str) -> None:
    """`gradkit audit` is content, and has looked at the model solutions."""
    pytest.importorskip("torch")
    found = audit_file(HERE / folder / "assignment.toml", HERE / folder / "reference")
    assert found.clean, found.tasks
    assert min(task.tried for task in found.tasks) >= 20


@pytest.mark.parametrize("name", NUMPY)
def test_gradients_and_runs_of_plain_functions(name: str) -> None:
    """`assert_gradient` and `assert_trajectory` hold the solution, and its twin does not pass."""
    file = exercise(name) / "assignment.toml"
    assignment = read_assignment(file)
    task = assignment.tasks[0]
    module = load_reference(task, SOLUTIONS[name].parent, "correct").module  # type: ignore[attr-defined]
    X, y = task.X[0][:, None], task.y[0][:, None]
    start = dict(task.starts[1].parameters)

    def loss(p):
        y_hat = module.L_layer_forward(X, p)[0]
        return float(((y - y_hat) ** 2).sum() if y.size == 1 else -(y * np.log(y_hat)).sum())

    def gradient(p):
        after = {key: value.copy() for key, value in p.items()}
        y_hat, A1 = module.L_layer_forward(X, after)
        module.update_parameters(after, y, y_hat, A1, X)
        rates = {"W": task.rates.weight, "b": task.rates.bias}
        return {key: (p[key] - after[key]) / rates[key[0]] for key in p}

    gradkit.assert_gradient(loss, start, gradient)
    with pytest.raises(AssertionError, match="disagrees with finite differences"):
        gradkit.assert_gradient(loss, start, lambda p: {**gradient(p), "b1": 0 * p["b1"]})

    def wrong(parameters, y, y_hat, A1, X):
        module.update_parameters(parameters, y, y_hat, A1, X)
        parameters["b1"] += 0.01

    gradkit.assert_trajectory(
        module.L_layer_forward, module.update_parameters, task.id, assignment=file
    )
    with pytest.raises(AssertionError, match="epoch 1"):
        gradkit.assert_trajectory(module.L_layer_forward, wrong, task.id, assignment=file)


@pytest.mark.parametrize("folder", EXERCISES)
def test_the_command_line_takes_them(folder: str) -> None:
    """Check with the solutions, in the words of the walk-through."""
    pytest.importorskip("torch")
    base = HERE / folder
    done = CliRunner().invoke(
        main,
        [
            *("check", str(base / "reference"), "--assignment", str(base / "assignment.toml")),
            *("--reference", str(base / "reference"), "--format", "json"),
        ],
    )
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert (result["score"], result["oracle"], result["provisional"]) == (40, "reference", False)
