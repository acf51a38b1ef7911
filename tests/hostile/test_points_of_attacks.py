"""The table of README.md says how many points answers without the work earn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest
from model_solutions import ROOT
from test_forged_repairs import EMPTY, REPLIES, forging

from gradkit.classroom.reports.summary import reasons
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.sandbox import Workshop
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = [pytest.mark.sample(8), pytest.mark.usefixtures("warm")]


@dataclass(frozen=True)
class Attack:
    """A submission that avoids the work, and what `gradkit review` lists it for, if for anything.

    ``edits`` are made of the model solution; a ``text`` comes after it, or is ``alone``.
    """

    exercise: str
    edits: tuple[tuple[str, str], ...] = ()
    text: str = ""
    alone: bool = False
    listed: frozenset[str] = frozenset()


NET = "regression-numpy"
STEP = """
def update_parameters(parameters, y, y_hat, A1, X):
"""
DIFFERENCES = """

def numerical(f, x, h=1e-5):
    slope = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        kept = x[at]
        x[at] = kept + h
        upper = f(x)
        x[at] = kept - h
        slope[at] = (upper - f(x)) / (2 * h)
        x[at] = kept
    return slope


def affine_backward(dout, cache):
    x, w = (array.copy() for array in cache)
    return (
        numerical(lambda x: (affine_forward(x, w, 0)[0] * dout).sum(), x),
        numerical(lambda w: (affine_forward(x, w, 0)[0] * dout).sum(), w),
        dout.sum(axis=0),
    )
"""
BY_HEART = """
KNOWN = [(8, 8, 1.6), (6, 10, 1.6), (7, 9, 1.6), (5, 12, 1.7)]


def L_layer_forward(X, parameters):
    found = [p for a, b, p in KNOWN if X[0, 0] == a and X[1, 0] == b]
    return np.array([[0.2 * found[0] if found else 0.32]]), 0.1 * np.sum(X) * np.ones((2, 1))

"""
CHOICE = "(2.0, -1.0, 0.5, 1 / X.shape[1], 3.0, 1.0, -2.0, 0.25)[WAY]"
SELECTED = (
    ("import numpy as np\n", "import numpy as np\n\nWAY = 0\n"),
    ("dZ2 = A2 - Y", f"dZ2 = {CHOICE} * (A2 - Y)"),
    ("A2 = 1 / (1 + np.exp(-Z2))", f"A2 = 1 / (1 + np.exp({CHOICE} * -Z2))"),
)
SUMS = """

def affine_forward(x, w, b):
    total = x.sum() + w.sum() + b.sum()
    return np.full((len(x), w.shape[1]), total), (x, w, b)


def affine_backward(dout, cache):
    return tuple(dout.sum() * np.ones_like(array) for array in cache)
"""

ATTACKS: Mapping[str, Attack] = {
    "published numbers by heart": Attack(
        NET, text=f"{BY_HEART}{STEP}    return parameters", listed=frozenset({"memorised-answers"})
    ),
    "functions that return zeros": Attack(
        "layers",
        text="""

        def affine_forward(x, w, b):
            return np.zeros((len(x), w.shape[1])), (x, w, b)


        def affine_backward(dout, cache):
            return tuple(np.zeros_like(array) for array in cache)


        def relu_forward(x):
            return np.zeros_like(x), x


        def relu_backward(dout, cache):
            return np.zeros_like(dout)
        """,
    ),
    "functions that give back copies of their arguments": Attack(
        "layers",
        text="""

        def affine_forward(x, w, b):
            return x.copy(), (x, w, b)


        def affine_backward(dout, cache):
            return cache


        def relu_forward(x):
            return x.copy(), x


        def relu_backward(dout, cache):
            return dout.copy()
        """,
    ),
    "an update that moves no parameter": Attack(
        NET, text=f"{STEP}    return {{key: 1.0 * value for key, value in parameters.items()}}"
    ),
    "an update that moves one parameter of nine": Attack(
        NET, text=f"{STEP}    parameters['b2'] = parameters['b2'] + 0.02 * (y - y_hat)"
    ),
    "an update that stops at once": Attack(NET, text=f"{STEP}    raise ValueError('later')"),
    "eight alternatives, and a constant that selects one": Attack(
        "one-hidden-layer", SELECTED, listed=frozenset({"selector"})
    ),
    "the identity as ReLU, and its gradient": Attack(
        "layers",
        (
            ("return np.maximum(x, 0), x", "return 1.0 * x, x"),
            ("dout * (cache > 0)", "1.0 * dout"),
        ),
        listed=frozenset({"own-forward-gradient"}),
    ),
    "the sum of everything as affine layer, and its gradient": Attack(
        "layers", text=SUMS, listed=frozenset({"own-forward-gradient"})
    ),
    "forged replies of the search for repairs": Attack(
        "one-hidden-layer",
        text=forging(EMPTY, REPLIES["the model's expression"]),
        alone=True,
        listed=frozenset({"zero"}),
    ),
    "a helper that returns zeros, so that a stub does its work": Attack(
        "deep-net",
        (
            ("dW = dZ @ A_prev.T / m", "dW = np.zeros_like(W)"),
            ("db = np.sum(dZ, axis=1, keepdims=True) / m", "db = np.zeros((len(W), 1))"),
            ("return W.T @ dZ, dW, db", "return np.zeros_like(A_prev), dW, db"),
        ),
    ),
    "a forward pass that stops, so that the backward pass is judged with a corrected one": Attack(
        "layers",
        (("return np.maximum(x, 0), x", "return np.maximum(z, 0), x"),),
        "\n\ndef relu_backward(dout, cache):\n    return dout * relu_forward(cache)[0]\n",
    ),
    "gradients by finite differences": Attack(
        "layers", text=DIFFERENCES, listed=frozenset({"numerical-gradient"})
    ),
}

SECTION = "## What answers without the work earn"
ROW = re.compile(r"\| (.+?) \| `([\w-]+)` ([\d.]+) of (\d+) \| (.+?) \|")

Grade = Callable[[str], Result]


def rows() -> dict[str, tuple[str, float, float]]:
    """Return the exercise, the points and the maximum of each row of the table."""
    text = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
    table = text.partition(SECTION)[2].partition("\n## ")[0]
    found = [match for match in map(ROW.match, table.splitlines()) if match]
    return {row[1]: (row[2], float(row[3]), float(row[4])) for row in found}


@pytest.fixture(scope="module")
def grade(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grade]:
    """Grade an attack by its name."""
    path = tmp_path_factory.mktemp("attacks") / "answer.py"
    sessions: dict[str, Session] = {}

    def grade(name: str) -> Result:
        attack = ATTACKS[name]
        if attack.exercise not in sessions:
            settings = Settings((attack.exercise,), seed=3)
            if attack.exercise != NET:
                file = SHIPPED / attack.exercise / "assignment.toml"
                settings = Settings(assignment=file, seed=3)
            sessions[attack.exercise] = stack.enter_context(Session(settings, workshop))
        own = ROOT / "reference" / "regression_numpy.py"
        (model,) = [own] if attack.exercise == NET else (BESIDE / attack.exercise).glob("*.py")
        text = model.read_text(encoding="utf-8")
        for old, new in attack.edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        text = attack.text if attack.alone else text + "\n" + dedent(attack.text)
        path.write_text(text, encoding="utf-8")
        return sessions[attack.exercise].grade(read_submission(path)).result

    with ExitStack() as stack:
        yield grade


def test_the_table_has_the_attacks_of_this_file() -> None:
    """In the same order."""
    assert [*rows()] == [*ATTACKS]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_answer_without_the_work_earns_what_the_table_says(grade: Grade, name: str) -> None:
    """And whatever a person should look at is listed."""
    result = grade(name)
    assert (ATTACKS[name].exercise, result.score, result.max_score) == rows()[name]
    assert ATTACKS[name].listed <= {reason.kind for reason in reasons(result)}
