"""Whatever a function gives, the report says what it was, in a sentence with cell and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, failed, notebook

from gradkit.records.submission import Place

pytestmark = pytest.mark.sample(12)

INITIALISE = """
def initialise_parameters(dim):
    return {
        'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
        'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1)),
    }
"""
FORWARD = """
def L_layer_forward(X, parameters):
    A1 = parameters['W1'].T @ X + parameters['b1']
    A2 = parameters['W2'].T @ A1 + parameters['b2']
    return A2, A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = -2 * (y - y_hat)
    d1 = parameters['W2'] * d2
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * d2
    parameters['b2'] = parameters['b2'] - 0.01 * d2
    parameters['W1'] = parameters['W1'] - 0.001 * X @ d1.T
    parameters['b1'] = parameters['b1'] - 0.01 * d1
    return parameters
"""
SLY = """
class Sly(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __sub__(self, other): return np.zeros(self.shape)
    def __rsub__(self, other): return np.zeros(self.shape)
    def __abs__(self): return np.zeros(self.shape)
    def __le__(self, other): return True
"""
HELPERS = """
def total(A, W, b):
    return W.T @ A + c

def scaled(step):
    return step * rates['w']

rates = {'W': 0.001}
"""
F, U = "`L_layer_forward`", "`update_parameters`"
FORWARD_CELL, UPDATE_CELL, HELPER_CELL = 3, 4, 5


def submission(folder: Path, forward: str = FORWARD, update: str = UPDATE) -> Path:
    """A notebook whose cells 3 and 4 are forward and update, and 5 and 6 their helpers."""
    return notebook(
        folder, "# Regression", "import numpy as np", INITIALISE, forward, update, HELPERS, SLY
    )


def spoil(text: str, right: str, wrong: str) -> str:
    """Put one mistake in."""
    assert text.count(right) == 1
    return text.replace(right, wrong)


def test_without_a_fault_there_is_no_sentence(grade, tmp_path: Path) -> None:
    """The submission that the following ones spoil is right."""
    found = checks(grade(submission(tmp_path)))
    assert {check.message for check in found.values()} == {""}


FORWARDS: dict[str, tuple[str, str, str, int, set[str]]] = {
    "nan": (
        "return A2, A1",
        "return A2 * np.nan, A1",
        "`L_layer_forward` gives nan (not a number) in the output ŷ.",
        4,
        {"y_hat[0,0]"},
    ),
    "inf": (
        "return A2, A1",
        "return A2 * np.inf, A1",
        "`L_layer_forward` gives an infinite number in the output ŷ.",
        4,
        {"y_hat[0,0]"},
    ),
    "shape of the output": (
        "return A2, A1",
        "return np.ones((3, 3)), A1",
        "`L_layer_forward` gives the output ŷ in shape (3, 3), not (1, 1).",
        4,
        {"y_hat[0,0]"},
    ),
    "shape of the hidden layer": (
        "return A2, A1",
        "return A2, np.ones((2, 2))",
        "`L_layer_forward` gives the hidden layer A1 in shape (2, 2), not (2, 1).",
        4,
        {"A1[0,0]", "A1[1,0]"},
    ),
    "whole numbers": (
        "return A2, A1",
        "return A2.astype(int), A1",
        "`L_layer_forward` gives the output ŷ as whole numbers (int64), which cuts off the "
        "fraction; use float64. "
        "`L_layer_forward` gives wrong values in y_hat.",
        4,
        {"y_hat[0,0]"},
    ),
    "half precision": (
        "return A2, A1",
        "return A2.astype('float16'), A1",
        "`L_layer_forward` gives the output ŷ as float16, which keeps only three digits; use "
        "float64. `L_layer_forward` gives wrong values in y_hat.",
        4,
        {"y_hat[0,0]"},
    ),
    "text": (
        "return A2, A1",
        "return A2.astype(str), A1",
        f"{F} gives the output ŷ as an array of dtype <U32; real numbers are expected.",
        4,
        {"y_hat[0,0]"},
    ),
    "complex": (
        "return A2, A1",
        "return A2 + 0j, A1",
        "`L_layer_forward` gives the output ŷ as complex numbers; real ones are expected.",
        4,
        {"y_hat[0,0]"},
    ),
    "objects": (
        "return A2, A1",
        "return A2.astype(object), A1",
        "`L_layer_forward` gives the output ŷ as an array of dtype object; real numbers are "
        "expected.",
        4,
        {"y_hat[0,0]"},
    ),
    "changed input": (
        "    return A2",
        "    X *= 2\n    return A2",
        "`L_layer_forward` changes its input X, which must stay the same. Work on a copy.",
        5,
        {"X"},
    ),
    "changed parameter": (
        "    return A2",
        "    parameters['W2'] += 1\n    return A2",
        "`L_layer_forward` changes its input W2, which must stay the same. Work on a copy.",
        5,
        {"W2"},
    ),
    "nothing returned": (
        "    return A2, A1",
        "    print(A2)",
        f"{F} does not give the output ŷ and the hidden layer A1: nothing is returned.",
        4,
        {"y_hat[0,0]", "A1[0,0]", "A1[1,0]"},
    ),
    "None in place of the output": (
        "return A2, A1",
        "return None, A1",
        "`L_layer_forward` does not give the output ŷ: found None.",
        4,
        {"y_hat[0,0]"},
    ),
    "a string": (
        "return A2, A1",
        "return 'done'",
        "`L_layer_forward` gives the output ŷ and the hidden layer A1 as a value of type str; an "
        "array of numbers is expected.",
        4,
        {"y_hat[0,0]", "A1[0,0]", "A1[1,0]"},
    ),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_fault_in_forward_has_its_own_sentence(grade, tmp_path: Path, name: str) -> None:
    """What is off is said once, and the place is where the function returns."""
    right, wrong, said, line, entries = FORWARDS[name]
    found = checks(grade(submission(tmp_path, spoil(FORWARD, right, wrong))))
    assert found["forward"].state == "fail"
    assert found["forward"].message == said
    assert found["forward"].place == Place("homework.ipynb", FORWARD_CELL, line)
    assert failed(found["forward"]) == entries
    # The update is asked with the oracle's ŷ and A1, so it loses nothing.
    assert found["update"].state == "pass"


UPDATES: dict[str, tuple[str, str, str, set[str]]] = {
    "nan": (
        "    return",
        "    parameters['W1'][0, 1] = np.nan\n    return",
        "`update_parameters` gives nan (not a number) in W1.",
        {"W1[0,1]"},
    ),
    "inf": (
        "    return",
        "    parameters['b2'] = parameters['b2'] * np.inf\n    return",
        "`update_parameters` gives an infinite number in b2.",
        {"b2[0,0]"},
    ),
    "shape": (
        "0.01 * d1",
        "0.01 * d1.T",
        "`update_parameters` gives b1 in shape (2, 2), not (2, 1).",
        {"b1[0,0]", "b1[1,0]"},
    ),
    "turned": (
        "    return",
        "    parameters['W2'] = parameters['W2'].T\n    return",
        "`update_parameters` gives W2 in shape (1, 2), not (2, 1).",
        {"W2[0,0]", "W2[1,0]"},
    ),
    "complex": (
        "    return",
        "    parameters['W2'] = parameters['W2'] + 0j\n    return",
        "`update_parameters` gives W2 as complex numbers; real ones are expected.",
        {"W2[0,0]", "W2[1,0]"},
    ),
    "objects": (
        "    return",
        "    parameters['W2'] = parameters['W2'].astype(object)\n    return",
        "`update_parameters` gives W2 as an array of dtype object; real numbers are expected.",
        {"W2[0,0]", "W2[1,0]"},
    ),
    "text": (
        "    return",
        "    parameters['W2'] = 'done'\n    return",
        "`update_parameters` gives W2 as a value of type str; an array of numbers is expected.",
        {"W2[0,0]", "W2[1,0]"},
    ),
    "None": (
        "    return",
        "    parameters['W2'] = None\n    return",
        "`update_parameters` does not give W2: found None.",
        {"W2[0,0]", "W2[1,0]"},
    ),
    "lost key": (
        "    return",
        "    del parameters['b1']\n    return",
        "`update_parameters` does not give b1: found None.",
        {"b1[0,0]", "b1[1,0]"},
    ),
    "changed input": (
        "    return",
        "    X += 1\n    A1 *= 2\n    return",
        "`update_parameters` changes its input A1 and X, which must stay the same. Work on a copy.",
        {"A1", "X"},
    ),
}


@pytest.mark.parametrize("name", UPDATES)
def test_fault_in_update_has_its_own_sentence(grade, tmp_path: Path, name: str) -> None:
    """The entries that it spoils fail, and no others."""
    right, wrong, said, entries = UPDATES[name]
    text = spoil(UPDATE, right, wrong)
    found = checks(grade(submission(tmp_path, update=text)))["update"]
    assert (found.state, found.message) == ("fail", said)
    last = len(text.strip().splitlines())
    assert found.place == Place("homework.ipynb", UPDATE_CELL, last)
    assert failed(found) == entries


def test_whole_numbers_in_update(grade, tmp_path: Path) -> None:
    """Integer parameters cannot hold a step of a thousandth."""
    text = spoil(
        UPDATE, "    return", "    parameters['W2'] = parameters['W2'].astype(int)\n    return"
    )
    found = checks(grade(submission(tmp_path, update=text)))["update"]
    assert found.message.startswith(
        "`update_parameters` gives W2 as whole numbers (int64), which cuts off the fraction; use "
        "float64. 2 of 9 entries are wrong after one step of `update_parameters`: "
    )


def test_subclass_cannot_speak_for_itself(grade, tmp_path: Path) -> None:
    """Overloaded comparisons are never asked: wrong values fail, right ones pass with a note."""
    note = (
        "`L_layer_forward` gives the output ŷ and the hidden layer A1 as Sly, a subclass of "
        "ndarray; its plain values were compared."
    )
    for wrong, state in (
        ("return (A2 + 1).view(Sly), A1.view(Sly)", "fail"),
        ("return A2.view(Sly), A1.view(Sly)", "pass"),
    ):
        text = spoil(FORWARD, "return A2, A1", wrong)
        found = checks(grade(submission(tmp_path, text)))["forward"]
        assert found.state == state
        assert found.notes == (note,)
    assert found.message == ""


@pytest.mark.parametrize(
    ("right", "wrong", "said", "place"),
    [
        (
            "parameters['W1'].T @ X + parameters['b1']",
            "total(X, parameters['W1'], parameters['b1'])",
            "`L_layer_forward` stopped with NameError in `total`: name 'c' is not defined.",
            (HELPER_CELL, 2),
        ),
        (
            "parameters['W2'].T",
            "parameters['W3'].T",
            "`L_layer_forward` stopped with KeyError: 'W3'.",
            (FORWARD_CELL, 3),
        ),
        (
            "return A2, A1",
            "raise SystemExit('done')",
            "`L_layer_forward` stopped with SystemExit: done.",
            (FORWARD_CELL, 4),
        ),
        (
            "return A2, A1",
            "return 1 / 0",
            "`L_layer_forward` stopped with ZeroDivisionError: division by zero.",
            (FORWARD_CELL, 4),
        ),
    ],
)
def test_exception_in_forward_is_told_with_its_own_place(
    grade, tmp_path: Path, right: str, wrong: str, said: str, place: tuple[int, int]
) -> None:
    """The place is the innermost line of the student's own, in a helper too."""
    found = checks(grade(submission(tmp_path, spoil(FORWARD, right, wrong))))
    assert (found["forward"].state, found["forward"].message) == ("error", said)
    assert found["forward"].place == Place("homework.ipynb", *place)
    assert found["update"].state == "pass"
    assert found["trajectory"].state == "pass"


@pytest.mark.parametrize(
    ("right", "wrong", "said", "place"),
    [
        (
            "0.001 * A1 * d2",
            "scaled(A1 * d2)",
            "`update_parameters` stopped with KeyError in `scaled`: 'w'.",
            (HELPER_CELL, 5),
        ),
        (
            "    return",
            "    parameters['W1'][0][0] = X * 1.0\n    return",
            f"{U} stopped with ValueError: setting an array element with a sequence. An entry "
            "of an array can only hold a number, not a (1, 1) array. Get the number with [0, "
            "0] or .item().",
            (UPDATE_CELL, 8),
        ),
    ],
)
def test_exception_in_update_is_told_with_its_own_place(
    grade, tmp_path: Path, right: str, wrong: str, said: str, place: tuple[int, int]
) -> None:
    """Whatever needs the update is blocked by it; forward is not."""
    found = checks(grade(submission(tmp_path, update=spoil(UPDATE, right, wrong))))
    assert (found["update"].state, found["update"].message) == ("error", said)
    assert found["update"].place == Place("homework.ipynb", *place)
    assert found["forward"].state == "pass"
    for check in ("gradient", "trajectory"):
        assert found[check].state == "blocked"
        exception = said.partition("with ")[2].split()[0].rstrip(":")
        assert found[check].message == f"Not checked, because `update` stops with {exception}."


def test_exception_that_only_training_meets(grade, tmp_path: Path) -> None:
    """A run stops in forward because of what update left behind: the run is what is named."""
    text = spoil(UPDATE, "    return", "    parameters['W2'] = None\n    return")
    found = checks(grade(submission(tmp_path, update=text)))["trajectory"]
    assert (found.state, found.message) == (
        "error",
        "The training run stopped at example 1 with AttributeError in `L_layer_forward`: "
        "'NoneType' object has no attribute 'T'.",
    )
    assert found.place == Place("homework.ipynb", FORWARD_CELL, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORWARDS)
def test_diagnosis_bears_any_forward(grade, tmp_path: Path, name: str) -> None:
    """Asking why changes no verdict, and costs no report."""
    right, wrong, said, *_ = FORWARDS[name]
    path = submission(tmp_path, spoil(FORWARD, right, wrong))
    assert checks(grade(path, diagnose=True))["forward"].message == said


@pytest.mark.slow
@pytest.mark.parametrize("name", [*UPDATES, "whole"])
def test_diagnosis_bears_any_update(grade, tmp_path: Path, name: str) -> None:
    """Asking why changes no verdict, and costs no report."""
    whole = ("    return", "    parameters['W2'] = parameters['W2'].astype(int)\n    return")
    right, wrong = whole if name == "whole" else UPDATES[name][:2]
    path = submission(tmp_path, update=spoil(UPDATE, right, wrong))
    found = checks(grade(path, diagnose=True))["update"]
    assert found.state == "fail"
    assert found.message == checks(grade(path))["update"].message
