"""A process that hangs, leaves or crashes costs the running check, and never the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, notebook, states

from gradkit.records.submission import Place

pytestmark = pytest.mark.sample(24)

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
    return parameters['W2'].T @ A1 + parameters['b2'], A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = -2 * (y - y_hat)
    d1 = parameters['W2'] * d2
    parameters['W2'] -= 0.001 * A1 * d2
    parameters['b2'] -= 0.01 * d2
    parameters['W1'] -= 0.001 * X @ d1.T
    parameters['b1'] -= 0.01 * d1
"""
HANG = "    while True: pass\n"
SLEEP = "    import time; time.sleep(1000)\n"
LEAVE = "    import os; os._exit(0)\n"
CRASH = "    import ctypes; ctypes.string_at(0)\n"
LOUD = "    while True: print('x' * 1000)\n"


STOPPED = "was stopped, because 4 calls took longer than 0.5 s in total."
ENDLESS = " Perhaps its `while` loop never ends: when does the condition become false?"


def broken(text: str, how: str) -> str:
    """A function that ends this way in its first line."""
    head, _, rest = text.strip().partition("\n")
    return f"{head}\n{how}{rest}"


def submission(folder: Path, *cells: str) -> Path:
    """A notebook whose numpy section holds these cells, from cell 2 on."""
    return notebook(folder, "# Regression", "import numpy as np", *cells)


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(12)
@pytest.mark.parametrize(
    ("how", "state", "said"),
    [
        (HANG, "timeout", f"{STOPPED}{ENDLESS}"),
        (LOUD, "timeout", f"{STOPPED}{ENDLESS}"),
        (SLEEP, "timeout", STOPPED),
        (LEAVE, "error", "ended itself with os._exit(0) or a similar call."),
        (
            CRASH,
            "error",
            "was ended by SIGSEGV, because it used invalid memory or recursed too deeply.",
        ),
    ],
    ids=["hang", "loud", "sleep", "leave", "crash"],
)
def test_a_forward_that_never_returns_costs_forward_alone(
    grade, tmp_path: Path, hurried: Path, how: str, state: str, said: str
) -> None:
    """Start, update and training are checked in new processes, with the oracle's forward."""
    path = submission(tmp_path, INITIALISE, broken(FORWARD, how), UPDATE)
    found = checks(grade(path, "regression-numpy", assignment=hurried))
    assert found["forward"].state == state
    assert found["forward"].message == f"`L_layer_forward` {said}"
    # The line of a loop that may never end; else where the function begins.
    line = 2 if said.endswith(ENDLESS) else 1
    assert found["forward"].place == Place("homework.ipynb", 3, line)
    others = {name: check.state for name, check in found.items() if name != "forward"}
    assert set(others.values()) == {"pass"}, others


@pytest.mark.parametrize("how", [LEAVE, CRASH, SLEEP], ids=["leave", "crash", "sleep"])
def test_an_update_that_never_returns_leaves_forward_its_points(
    grade, tmp_path: Path, hurried: Path, how: str
) -> None:
    """What needs the update is blocked by it."""
    path = submission(tmp_path, INITIALISE, FORWARD, broken(UPDATE, how))
    result = grade(path, "regression-numpy", assignment=hurried)
    assert states(result) == {
        "interface": "pass",
        "forward": "pass",
        "update": "timeout" if how == SLEEP else "error",
        "gradient": "blocked",
        "trajectory": "blocked",
    }
    assert result.score == 5


def test_an_initialise_that_never_returns(grade, tmp_path: Path, hurried: Path) -> None:
    """The shapes it would have told are found out otherwise."""
    path = submission(tmp_path, broken(INITIALISE, LEAVE), FORWARD, UPDATE)
    found = states(grade(path, "regression-numpy", assignment=hurried))
    assert found.pop("interface") == "error"
    assert set(found.values()) == {"pass"}


def test_a_cell_that_leaves_costs_what_it_defines(grade, tmp_path: Path, hurried: Path) -> None:
    """A constant whose making kills the process is fatal only to those who need it."""
    update = UPDATE.replace("0.001", "rate")
    path = submission(
        tmp_path, INITIALISE, FORWARD, update, "import os\nrate = os._exit(3) or 0.001"
    )
    found = states(grade(path, "regression-numpy", assignment=hurried))
    assert (found["interface"], found["forward"], found["update"]) == ("pass", "pass", "error")


def test_the_next_submission_is_none_the_worse(grade, tmp_path: Path, hurried: Path) -> None:
    """After a crash the same session grades on."""
    for how, expected in ((CRASH, "error"), ("", "pass"), (LEAVE, "error"), ("", "pass")):
        text = broken(FORWARD, how) if how else FORWARD
        path = submission(tmp_path, INITIALISE, text, UPDATE)
        assert states(grade(path, "regression-numpy", assignment=hurried))["forward"] == expected


@pytest.mark.slow
def test_a_training_loop_in_torch_that_never_ends(grade, tmp_path: Path, hurried: Path) -> None:
    """Model and forward keep their points."""
    pytest.importorskip("torch")
    text = hurried.read_text().replace("deadline = 30.0", "deadline = 4.0")
    hurried.write_text(text)
    path = notebook(
        tmp_path,
        "# Regression with torch",
        "import time\nimport torch\nfrom torch import nn",
        "Model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))",
        "def train(model, X, y, epochs, lr):\n    while True: time.sleep(1)",
    )
    result = grade(path, "regression-torch", assignment=hurried)
    assert states(result) == {
        "model": "pass",
        "forward": "pass",
        "gradient": "timeout",
        "trajectory": "timeout",
    }
    assert result.score == 8
