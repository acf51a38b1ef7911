"""`gradkit new --from`: a first assignment file from a handout with model solutions."""

import json
import tomllib
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gradkit.cli import main
from gradkit.drafting.guess import Known, axis, guesses, shape_in
from gradkit.drafting.handout import HandoutParameter, described, read_handout, solution_text
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings

pytestmark = pytest.mark.usefixtures("warm")

LAYERS = '''"""Layers."""

import os

import numpy as np
from helpers import squash


def scale_forward(x, gamma, beta):
    """Scale and shift each column. More text.

    - x: Inputs, of shape (N, D)
    - gamma, beta: Of shape (D,)
    """
    out = gamma * x + beta
    cache = (x, gamma)
    return out, cache


def scale_backward(dout, cache):
    """Return the gradients."""
    x, gamma = cache
    return dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)


def propagate(parameters, X, Y):
    """Run the net.

    parameters -- dictionary with
        W -- weights of shape (1, n)
        b -- bias of shape (1, 1)
    X -- data of shape (n, m)
    Y -- true "label" vector of shape (1, m)
    """
    m = X.shape[1]
    A = squash(parameters["W"] @ X + parameters["b"])
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    grads = {"dW": (A - Y) @ X.T / m, "db": np.sum(A - Y, axis=1, keepdims=True) / m}
    return cost, grads


class Linear:
    def __init__(self, in_features, out_features):
        self.W = np.zeros((in_features, out_features))
        self.b = np.zeros((1, out_features))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, delta):
        self.dW = self.x.T @ delta
        self.db = delta.sum(axis=0, keepdims=True)
        return delta @ self.W.T


def initialise(n_x, n_h):
    """Draw weights."""
    return {"W1": np.random.randn(n_h, n_x)}


def load_data(path):
    return np.loadtxt(path)


def not_written(x):
    """Do it."""
    raise NotImplementedError


def broken(x):
    return x.reshape(-1) + missing_name


assert not os.path.exists("handout-ran-here") or True
open("written-by-the-handout", "w").close()
'''

HELPERS = "import numpy as np\n\n\ndef squash(z):\n    return 1 / (1 + np.exp(-z))\n"


def gradkit(*arguments: object, cwd: Path) -> Result:
    """Run the command in this process, as from a folder."""
    with chdir(cwd):
        return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a handout, and the assignment ``hw`` that is drafted from it."""
    folder = tmp_path_factory.mktemp("drafted")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    (folder / "helpers.py").write_text(HELPERS, encoding="utf-8")
    done = gradkit("new", "hw", "--from", "layers.py", cwd=folder)
    assert done.exit_code == 0, done.output
    assert "Read the comments in assignment.toml" in done.stderr
    assert "load_data is left out: it seems to train, load" in done.stderr
    return folder


@pytest.fixture(scope="module")
def tasks(drafted: Path) -> dict[str, Any]:
    """The tasks of the drafted assignment file by id."""
    file = tomllib.loads((drafted / "hw" / "assignment.toml").read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}


def checks(task: Any) -> dict[str, Any]:
    """Return the checks of a task by name."""
    return {check["name"]: check for check in task["checks"]}


def test_the_handout_is_run_in_the_sandbox_alone(drafted: Path) -> None:
    """A statement of the handout that writes a file has written none."""
    assert not list(drafted.rglob("written-by-the-handout"))


def test_the_model_solution_has_full_marks(drafted: Path) -> None:
    """It passes the drafted assignment at once."""
    settings = Settings(assignment=drafted / "hw" / "assignment.toml", seed=3)
    with Session(settings) as session:
        result = session.check(drafted / "hw" / "reference")
    assert result.score == result.max_score > 0
    assert {check.state for task in result.tasks for check in task.checks} == {"pass"}


def test_a_wrong_answer_loses_marks(drafted: Path, tmp_path: Path) -> None:
    """A gradient without its sum fails."""
    text = LAYERS.replace("dout.sum(axis=0)\n", "dout.mean(axis=0)\n")
    assert text != LAYERS
    (tmp_path / "layers.py").write_text(text, encoding="utf-8")
    (tmp_path / "helpers.py").write_text(HELPERS, encoding="utf-8")
    settings = Settings(assignment=drafted / "hw" / "assignment.toml", seed=3)
    with Session(settings) as session:
        result = session.check(tmp_path)
    states = {check.check: check.state for task in result.tasks for check in task.checks}
    assert states["scale-backward"] == "fail"
    assert states["scale-forward"] == "pass"


def test_documented_shapes_become_inputs(tasks: dict[str, Any]) -> None:
    """The shapes of docstrings are inputs; the shape of ``dout`` is that of ``out``."""
    inputs = tasks["scale"]["inputs"]
    assert inputs == {
        "x": "normal(N, D)",
        "gamma": "normal(D)",
        "beta": "normal(D)",
        "dout": "normal(N, D)",
    }
    assert all(len(lengths) == 2 for lengths in tasks["scale"]["sizes"].values())
    assert tasks["scale"]["title"] == "Scale and shift each column"


def test_a_cache_links_two_functions(tasks: dict[str, Any]) -> None:
    """Both functions are checks of a task, and the cache is not compared."""
    found = checks(tasks["scale"])
    assert found["scale-forward"]["call"] == "out, cache = scale_forward(x, gamma, beta)"
    assert found["scale-forward"]["compare"] == ["out"]
    assert found["scale-backward"]["call"].endswith("= scale_backward(dout, cache)")


def test_gradients_are_confirmed(tasks: dict[str, Any]) -> None:
    """A gradient of a dict belongs to the cost, whose mean it is."""
    gradient = checks(tasks["propagate"])["propagate"]["gradient"]
    assert gradient == {
        "of": "cost",
        "grads['dW']": "parameters['W']",
        "grads['db']": "parameters['b']",
    }
    assert tasks["propagate"]["inputs"]["Y"] == "binary(1, m)"


def test_methods_of_a_class_are_checks(tasks: dict[str, Any]) -> None:
    """Attributes that the constructor sets are inputs, and gradients are compared."""
    found = checks(tasks["linear"])
    assert "layer.W = W" in found["forward"]["call"]
    backward = found["backward"]
    assert {"layer.dW", "layer.db"} < {*backward["compare"]}
    assert backward["gradient"]["layer.dW"] == "W"


def test_random_numbers_are_not_compared(tasks: dict[str, Any]) -> None:
    """Of initial weights only the shapes are compared."""
    check = checks(tasks["initialise"])["initialise"]
    assert all(each.startswith("0 * ") for each in check["compare"])


def test_functions_that_are_left_out_are_named_with_a_reason(drafted: Path) -> None:
    """The reason is in a comment."""
    text = (drafted / "hw" / "assignment.toml").read_text(encoding="utf-8")
    assert "# guess: not_written is left out: it is not written in the handout" in text
    assert "# guess: load_data is left out: it seems to train, load" in text
    assert "# guess: broken is left out: broken(x) with x = normal(N, D) stops with NameErr" in text


def test_guesses_are_marked(drafted: Path) -> None:
    """Points, titles and undocumented inputs are guesses; documented inputs are none."""
    lines = (drafted / "hw" / "assignment.toml").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith(("points = ", "title = ", "dout = ")):
            assert "# guess" in line
        if line.startswith("gamma = "):
            assert "# guess" not in line


def test_a_notebook_is_a_handout_too(tmp_path: Path) -> None:
    """Its model solution has the definitions, and no cell that draws."""
    sources = ["import numpy as np\nimport matplotlib.pyplot as plt", "def double(x):\n"]
    sources[1] += '    """x: array of shape (N, D)"""\n    return 2 * x\n'
    sources.append("plt.plot(double(np.ones((2, 2))))")
    cells = [
        {"cell_type": "code", "source": s, "metadata": {}, "outputs": [], "execution_count": None}
        for s in sources
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "hw.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = gradkit("new", "out", "--from", "hw.ipynb", cwd=tmp_path)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "reference" / "hw.py").read_text(encoding="utf-8")
    assert "def double" in text
    assert "plt" not in text
    file = (tmp_path / "out" / "assignment.toml").read_text(encoding="utf-8")
    assert 'x = "normal(N, D)"\n' in file


def test_a_handout_without_solutions_is_refused(tmp_path: Path) -> None:
    """The message has the reason, and what to give."""
    path = tmp_path / "stub.py"
    path.write_text("def f(x):\n    raise NotImplementedError\n", encoding="utf-8")
    done = gradkit("new", "out", "--from", "stub.py", cwd=tmp_path)
    assert done.exit_code == 2
    assert "no function runs (f: it is not written in the handout)" in done.stderr
    assert "Give a file with model solutions" in done.stderr
    assert not (tmp_path / "out").exists()
    path.write_text("def f(x:\n", encoding="utf-8")
    done = gradkit("new", "out", "--from", "stub.py", cwd=tmp_path)
    assert done.exit_code == 2
    assert "no function runs (stub.py:1 is not valid Python" in done.stderr


def test_no_other_option_fits_a_handout(tmp_path: Path) -> None:
    """--from alone decides what is written."""
    (tmp_path / "h.py").write_text("def f(x):\n    return x\n", encoding="utf-8")
    done = gradkit("new", "out", "--from", "h.py", "--instructor", cwd=tmp_path)
    assert done.exit_code == 2
    assert "--from cannot be combined with --instructor." in done.stderr


@pytest.mark.parametrize(
    ("about", "shape"),
    [
        ("Weights, of shape (D, M)", ("D", "M")),
        ("(np.array): (batch size, in feature)", ("batch_size", "in_feature")),
        ("bias, numpy array of shape (size of the current layer, 1)", ("size_current_layer", "1")),
        ("of shape (D, 4H)", ("D", "4 * H")),
        ("of shape (n_a, n_a + n_x)", ("n_a", "n_a + n_x")),
        ("(N, d_1, ..., d_k)", ("N", "d_1", "d_k")),
        ("labels, of shape (N,)", ("N",)),
        ("(float) regularization strength", None),
        ("true vector (for example: 0 if non-cat, 1 if cat)", None),
        ("the learning rate", None),
    ],
)
def test_shapes_are_read_from_descriptions(about: str, shape: tuple[str, ...] | None) -> None:
    """Each description has the shape, or none."""
    assert shape_in(about) == shape


def test_an_axis_that_is_no_expression_has_no_name() -> None:
    """A sentence in parentheses is no shape."""
    assert axis("for example: 1") == ""
    assert axis("a +") == ""


def test_descriptions_go_on_over_lines() -> None:
    """The first description of a name counts."""
    text = "- w: Weights,\n  of shape (D, M)\n\n- x, y: Data\n- w: Again"
    assert described(text) == {"w": "Weights, of shape (D, M)", "x": "Data", "y": "Data"}


def test_labels_are_whole_numbers_below_the_classes() -> None:
    """The number of classes is in the description."""
    about = "Vector of labels, of shape (N,) where y[i] is in the range 0 <= y[i] < C"
    assert guesses(HandoutParameter("y", about=about), Known())[0].value == "integers(C, N)"


def test_methods_and_keys_are_read_from_the_text() -> None:
    """A key with a default is not needed."""
    text = (
        "def f(x, config):\n    a = config['lr']\n    b = config.get('beta', 1)\n"
        "    return {'y': a * x, 'z': b}\n"
    )
    (function,) = read_handout(text).functions
    assert function.parameters[1].keys == ("lr",)
    assert function.parameters[1].is_dict
    assert function.keys == ("lr", "y", "z")


def test_a_model_solution_has_the_definitions_of_given_modules() -> None:
    """It does not import them, because it is loaded without them."""
    text = solution_text(
        "from helpers import *\n\ndef f(x):\n    return squash(x)\n", {"helpers": HELPERS}
    )
    assert "from helpers" not in text
    assert text.index("import numpy as np") < text.index("def squash") < text.index("def f")


UPDATES = '''import numpy as np


def momentum(w, dw, config=None):
    """Return the next weights and config."""
    config = config or {}
    config.setdefault("rate", 0.01)
    v = config.get("velocity", np.zeros_like(w))
    v = 0.9 * v - config["rate"] * dw
    return w + v, {**config, "velocity": v}


def initialise(n_x, n_h):
    """Return weights and biases."""
    np.random.seed(1)
    W = 0.01 * np.random.randn(n_h, n_x)
    return W, np.zeros(n_h)


def epoch(x, batch=100):
    """Return the sum of each batch.

    - x: of shape (N,)
    """
    return [x[start : start + batch].sum() for start in range(0, len(x), batch)][0]


def many(a, b, c, d, e, f, g, h):
    """Return something that needs eight inputs."""
    return a.T @ b.T @ c.nothing + d + e + f + g + h


class Nothing:
    """A class whose constructor sets nothing that a course documents."""

    def __init__(self):
        self._seen = np.zeros(3)

    def forward(self, x):
        return 2 * x
'''


def test_defaults_random_lines_and_batches_are_drafted(tmp_path: Path) -> None:
    """Optional keys are drawn, defaults are a hard case, and free numbers are no mistakes."""
    (tmp_path / "updates.py").write_text(UPDATES, encoding="utf-8")
    done = gradkit("new", "hw", "--from", "updates.py", cwd=tmp_path)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "hw" / "assignment.toml").read_text(encoding="utf-8")
    found = {task["id"]: task for task in tomllib.loads(text)["tasks"]}
    assert set(found["momentum"]["inputs"]["config"]) == {"rate", "velocity"}
    assert found["momentum"]["hard"] == [{"config": {}}]
    assert [entry["line"] for entry in found["initialise"]["equivalent"]] == [
        "np.random.seed(1)",
        "W = 0.01 * np.random.randn(n_h, n_x)",
    ]
    assert found["epoch"]["inputs"]["batch"] == 2
    assert "many is left out" in text
    assert set(found["nothing"]["inputs"]) == {"x"}


CALLED = '''
import numpy as np


class Affine:
    """A layer that is called."""

    def __init__(self, n_in, n_out):
        self.W = np.zeros((n_in, n_out))

    def __call__(self, x):
        """Return the product."""
        return x @ self.W

    def __repr__(self):
        return "Affine"
'''


def test_objects_are_called_with_parentheses(tmp_path: Path) -> None:
    """The check of ``__call__`` calls the object; other special methods have no check."""
    (tmp_path / "called.py").write_text(CALLED, encoding="utf-8")
    done = gradkit("new", "hw", "--from", "called.py", cwd=tmp_path)
    assert done.exit_code == 0, done.output
    file = tomllib.loads((tmp_path / "hw" / "assignment.toml").read_text(encoding="utf-8"))
    (task,) = file["tasks"]
    assert list(checks(task)) == ["constructor", "call"]
    assert checks(task)["call"]["call"].endswith("\nout = layer(x)\n")


PRIVATE = '''
import numpy as np


class Loss:
    """A loss that keeps its numbers in attributes."""

    def __init__(self):
        self._gradient = None
        self._shift = np.zeros(1)

    def forward(self, x):
        """Return the sum of logarithms.

        - x: Numbers, of shape (N, D), all positive
        """
        self._x = x
        return np.sum(np.log(x + 1e-7)) + self._shift

    def backward(self):
        """Store the gradient."""
        self._gradient = 1 / self._x
'''


def test_attributes_with_an_underscore_are_compared(tmp_path: Path) -> None:
    """A gradient that leaves out a small constant is compared, but is no exact gradient."""
    (tmp_path / "loss.py").write_text(PRIVATE, encoding="utf-8")
    done = gradkit("new", "hw", "--from", "loss.py", cwd=tmp_path)
    assert done.exit_code == 0, done.output
    path = tmp_path / "hw" / "assignment.toml"
    (task,) = tomllib.loads(path.read_text(encoding="utf-8"))["tasks"]
    assert "layer._shift = shift" in checks(task)["forward"]["call"]
    backward = checks(task)["backward"]
    assert backward["compare"] == ["layer._gradient"]
    assert "gradient" not in backward
    done = gradkit("audit", "--assignment", path, cwd=tmp_path)
    assert "does not agree" not in done.output
