"""Inputs of functions without documented shapes, found by running a model solution."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.drafting.write import write_draft
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings

pytestmark = pytest.mark.usefixtures("warm")

LOW_RANK = '''"""Softmax regression with weights of low rank, without any documented shape."""

import unittest

import numpy as np
import no_such_package
from no_such_package import draw


def initialise(D, r, K, seed=0):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(D, r)) / np.sqrt(D)
    return {"A": A, "B": np.zeros((r, K))}


def forward(X, A, B):
    return X @ A @ B


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(logits, y):
    p = softmax(logits)
    return -np.mean(np.log(p[np.arange(len(y)), y]))


def grads(X, y, A, B):
    p = softmax(forward(X, A, B))
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    return {"A": X.T @ p @ B.T, "B": (X @ A).T @ p}


def update(params, grads, lr):
    return {k: params[k] - lr * grads[k] for k in params}


def needs_a_file(name):
    return open(name).read()


def draws(x):
    return draw(x)


class Checks(unittest.TestCase):
    def test_shape(self):
        assert rows.shape


rows = np.loadtxt("rows.csv")
'''

NETS = '''import numpy as np


def cost_and_gradient(params, dims, X, Y):
    """Return the cost of a net without biases, and the gradient of all parameters as a vector.

    X -- N x Din matrix of inputs
    Y -- N x Dout matrix of targets
    """
    Din, H, Dout = dims[0], dims[1], dims[2]
    W1 = np.reshape(params[: Din * H], (Din, H))
    W2 = np.reshape(params[Din * H : Din * H + H * Dout], (H, Dout))
    hidden = np.tanh(X @ W1)
    error = hidden @ W2 - Y
    dW1 = X.T @ (error @ W2.T * (1 - hidden**2))
    return 0.5 * np.sum(error**2), np.concatenate([dW1.ravel(), (hidden.T @ error).ravel()])


def scores(x, w):
    """Return a score of each row.

    x -- inputs of shape (N, D)
    w -- weights of shape (M,)
    """
    return x @ w


class Net:
    def __init__(self, sizes):
        self.weights = [np.random.randn(m, n) for n, m in zip(sizes[:-1], sizes[1:])]

    def step(self, batch, eta):
        for x, y in batch:
            values = [x]
            for w in self.weights:
                values.append(w @ values[-1])
            error, gradients = values[-1] - y, []
            for w, value in zip(self.weights[::-1], values[-2::-1]):
                gradients.insert(0, error @ value.T)
                error = w.T @ error
            self.weights = [w - eta * g for w, g in zip(self.weights, gradients)]


class Online:
    def __init__(self, n_inputs, n_outputs):
        self.W = np.zeros((n_inputs, n_outputs))

    def train(self, features, targets):
        for x, t in zip(features, targets):
            self.W += np.outer(x, t - x @ self.W)


class SoftmaxLoss:
    def forward(self, A, Y):
        self.Y = Y
        self.p = np.exp(A) / np.exp(A).sum(axis=1, keepdims=True)
        return -np.sum(Y * np.log(self.p)) / len(A)

    def backward(self):
        return self.p - self.Y


class Dropout:
    def forward(self, x):
        self.mask = np.random.rand(*x.shape) < 0.5
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
'''


def drafted(folder: Path, text: str) -> tuple[Path, dict[str, str]]:
    """Write a handout and the draft of its assignment; return that file and what is left out."""
    (folder / "handout.py").write_text(text, encoding="utf-8")
    _, left_out = write_draft(folder / "hw", folder / "handout.py")
    return folder / "hw" / "assignment.toml", dict(left_out)


Draft = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def low_rank(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """The draft of `LOW_RANK`."""
    return drafted(tmp_path_factory.mktemp("low-rank"), LOW_RANK)


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """The draft of `NETS`."""
    return drafted(tmp_path_factory.mktemp("nets"), NETS)


def tasks(draft: Draft) -> dict[str, Any]:
    """Return the tasks of a draft by id."""
    file = tomllib.loads(draft[0].read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}


def checks(task: Any) -> dict[str, Any]:
    """Return the checks of a task by name."""
    return {check["name"]: check for check in task["checks"]}


@pytest.mark.parametrize("name", ["low_rank", "nets"])
def test_the_model_solution_has_full_marks(name: str, request: pytest.FixtureRequest) -> None:
    """The draft can be used at once."""
    path, _ = request.getfixturevalue(name)
    with Session(Settings(assignment=path, seed=3)) as session:
        result = session.check(path.parent / "reference")
    assert result.score == result.max_score > 0
    assert {check.state for task in result.tasks for check in task.checks} == {"pass"}


def test_each_length_is_a_size_of_its_own(low_rank: Draft) -> None:
    """Only lengths that matrix products and indices need are equal."""
    task = tasks(low_rank)["forward"]
    inputs = task["inputs"]
    rows, inner = inputs["X"].removeprefix("normal(").removesuffix(")").split(", ")
    rank, classes = inputs["B"].removeprefix("normal(").removesuffix(")").split(", ")
    assert inputs["A"] == f"normal({inner}, {rank})"
    assert inputs["y"] == f"integers({classes}, {rows})"
    assert len({rows, inner, rank, classes}) == 4
    assert all(len(lengths) == 2 for lengths in task["sizes"].values())
    lengths = [length for choices in task["sizes"].values() for length in choices]
    assert len(set(lengths)) == len(lengths)


def test_functions_that_call_each_other_are_one_task(low_rank: Draft) -> None:
    """``grads`` calls ``softmax`` and ``forward``."""
    found = checks(tasks(low_rank)["forward"])
    assert list(found) == ["forward", "softmax", "cross-entropy", "grads", "update"]


def test_a_loss_takes_the_output_of_an_earlier_function(low_rank: Draft) -> None:
    """Only then it depends on the parameters of the gradients."""
    found = checks(tasks(low_rank)["forward"])
    output = found["forward"]["call"].partition(" = ")[0]
    assert f"cross_entropy({output}, y)" in found["cross-entropy"]["call"]
    gradient = found["grads"]["gradient"]
    assert gradient.pop("of") == found["cross-entropy"]["compare"][0]
    assert {key[-5:]: name for key, name in gradient.items()} == {"['A']": "A", "['B']": "B"}


def test_no_gradient_is_drafted_if_it_is_wrong(tmp_path: Path) -> None:
    """A wrong sign in the model solution is no gradient."""
    text = LOW_RANK.replace("(X @ A).T @ p", "-(X @ A).T @ p").replace(
        "X.T @ p @", "-2.5 * X.T @ p @"
    )
    found = checks(tasks(drafted(tmp_path, text))["forward"])
    assert "gradient" not in found["grads"]


def test_a_constant_in_a_logarithm_is_an_error(tmp_path: Path) -> None:
    """The audit would say that the gradient differs from finite differences."""
    text = LOW_RANK.replace("np.log(p[", "np.log(1e-5 + p[")
    found = checks(tasks(drafted(tmp_path, text))["forward"])
    assert "gradient" not in found["grads"]


def test_an_input_does_not_hide_a_function(low_rank: Draft) -> None:
    """``grads`` is an argument of ``update``, and a function."""
    task = tasks(low_rank)["forward"]
    assert "grads" not in task["inputs"]
    call = checks(task)["update"]["call"]
    (other,) = [name for name in task["inputs"] if name.startswith("grads_")]
    assert call.endswith(f"= update(params, {other}, lr)")
    assert set(task["inputs"][other]) == {"A", "B"}


def test_arguments_that_are_lengths_are_sizes(low_rank: Draft) -> None:
    """They are in the shape of an array."""
    task = tasks(low_rank)["initialise"]
    assert set(task["sizes"]) == {"D", "r", "K"}
    assert task["inputs"] == {}


def test_the_audit_finds_almost_nothing(low_rank: Draft) -> None:
    """Random numbers may be scaled otherwise, and large logits show whether a softmax is stable."""
    assert "logits" in tasks(low_rank)["forward"]["hard"][0]
    found = audit_file(low_rank[0], None)
    assert not any(task.problems or task.stale for task in found.tasks)
    changes = [mutant.change for task in found.tasks for mutant in task.unseen]
    assert all("max" in change for change in changes)


def test_the_model_solution_can_be_loaded(low_rank: Draft) -> None:
    """It has no imports that fail, no tests, and no data that only these need."""
    text = (low_rank[0].parent / "reference" / "handout.py").read_text(encoding="utf-8")
    assert "no_such_package" not in text
    assert "TestCase" not in text
    assert "loadtxt" not in text
    assert "def draws" in text


def test_reasons_name_the_inputs(low_rank: Draft) -> None:
    """A reader sees what was tried."""
    _, left_out = low_rank
    assert set(left_out) == {"needs_a_file", "draws", "Checks"}
    assert left_out["needs_a_file"].startswith("needs_a_file(name) with name = ")
    assert " stops with " in left_out["needs_a_file"]
    assert "draws(x) with x = normal(N, D) stops with MissingImportError" in left_out["draws"]
    assert left_out["Checks"].startswith("it seems to train")


def test_a_vector_of_all_parameters_is_long_enough(nets: Draft) -> None:
    """Its length is the sum of its parts, and the list of sizes has three items."""
    task = tasks(nets)["cost-and-gradient"]
    first, hidden, last = task["inputs"]["dims"]
    (vector,) = [size for size in task["sizes"].values() if isinstance(size, str)]
    assert vector == f"{first} * {hidden} + {hidden} * {last}"
    assert task["inputs"]["X"] == f"normal(N, {first})"
    check = checks(task)["cost-and-gradient"]
    assert list(check["gradient"].values()) == [check["compare"][0], "params"]


def test_sizes_that_must_be_equal_are_marked(nets: Draft) -> None:
    """The model solution stops if D and M differ."""
    assert tasks(nets)["scores"]["sizes"]["M"] == "D"
    line = 'sizes.M = "D" # guess: the model solution stops with other lengths'
    assert line in nets[0].read_text(encoding="utf-8")


def test_lists_of_arrays_are_set_and_compared(nets: Draft) -> None:
    """The weights of a net are a list, and a batch is a list of pairs."""
    task = tasks(nets)["net"]
    first, hidden, _, last = task["inputs"]["sizes"]
    assert task["inputs"]["weights0"] == f"normal({hidden}, {first})"
    (x, y), other = task["inputs"]["batch"]
    assert [x, y] == other
    assert x.startswith(f"normal({first}, ")
    assert y.startswith(f"normal({last}, ")
    found = checks(task)
    weights = [f"layer.weights[{number}]" for number in range(3)]
    assert found["constructor"]["compare"] == [f"0 * {each}" for each in weights]
    assert "layer.weights[1] = weights1" in found["step"]["call"]
    assert found["step"]["compare"] == weights


def test_zipped_arrays_have_as_many_rows(nets: Draft) -> None:
    """``zip`` would hide that one of them has fewer."""
    task = tasks(nets)["online"]
    features, targets = (task["inputs"][name] for name in ("features", "targets"))
    assert features.partition(",")[0] == targets.partition(",")[0]
    assert checks(task)["train"]["compare"] == ["layer.W"]


def test_one_hot_targets_confirm_a_gradient(nets: Draft) -> None:
    """The gradient of a softmax is only simple if the targets of a row add up to 1."""
    task = tasks(nets)["softmaxloss"]
    assert task["inputs"]["Y"].startswith("onehot(")
    assert checks(task)["backward"]["gradient"]["of"].startswith("out * ")


def test_what_depends_on_random_numbers_is_not_compared(nets: Draft) -> None:
    """Students draw other masks."""
    found = checks(tasks(nets)["dropout"])
    assert all(each.startswith("0 * ") for each in found["forward"]["compare"])
    assert all(each.startswith("0 * ") for each in found["backward"]["compare"])
    assert "gradient" not in found["backward"]
