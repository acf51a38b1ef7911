"""Parameters that a function calls: functions of numpy are passed for them."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gradkit.drafting.write import write_draft
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings

pytestmark = pytest.mark.usefixtures("warm")

OPTIMISERS = '''import numpy as np


def descend(loss, slope, start, pace, n_iter):
    w, values = start, [loss(start)]
    for round in range(1, n_iter + 1):
        w = w - pace(round) * slope(w)
        values.append(loss(w))
    return w, values


def integrate(field, y, h):
    """Take a step of the midpoint rule for y' = field(t, y) from t = 0."""
    return y + h * field(h / 2, y + h / 2 * field(0.0, y))


def join(merge, a, b, c):
    return merge(a, b, c)


class Layer:
    def __init__(self, n_in, n_out, activation):
        self.W = np.random.randn(n_in, n_out)
        self.activation = activation

    def forward(self, x):
        return self.activation(x @ self.W)
'''

Draft = tuple[dict[str, Any], Path, dict[str, str]]


@pytest.fixture(scope="module")
def optimisers(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    """The tasks of the draft of `OPTIMISERS` by id, its assignment file, and what is left out."""
    folder = tmp_path_factory.mktemp("optimisers")
    (folder / "handout.py").write_text(OPTIMISERS, encoding="utf-8")
    _, left_out = write_draft(folder / "hw", folder / "handout.py")
    path = folder / "hw" / "assignment.toml"
    file = tomllib.loads(path.read_text(encoding="utf-8"))
    return {task["id"]: task for task in file["tasks"]}, path, dict(left_out)


def test_functions_of_numpy_are_passed(optimisers: Draft) -> None:
    """Functions of the same kind differ, so that exchanged ones show."""
    calls = {task: found["checks"][0]["call"] for task, found in optimisers[0].items()}
    assert calls["descend"].endswith(
        " = descend(np.linalg.norm, np.tanh, start, np.sin, n_iter)",
    )
    assert optimisers[0]["descend"]["inputs"]["n_iter"] == 3
    assert calls["integrate"] == "out = integrate(np.hypot, y, h)"
    assert calls["layer"] == "layer = Layer(n_in, n_out, np.tanh)"


def test_no_function_is_known_for_three_arguments(optimisers: Draft) -> None:
    """The reason names the parameter."""
    assert optimisers[2] == {"join": "no input is known for merge"}


@pytest.mark.parametrize(
    ("right", "wrong", "failing"),
    [
        ("pace(round) * slope(w)", "slope(round) * pace(w)", {"descend"}),
        ("pace(round)", "pace(1)", {"descend"}),
        ("values.append(loss(w))", "values.append(loss(start))", {"descend"}),
        ("field(h / 2, y", "field(0.0, y", {"integrate"}),
        ("self.activation(x @ self.W)", "np.maximum(0, x @ self.W)", {"forward"}),
    ],
)
def test_a_wrong_use_of_a_function_fails(
    optimisers: Draft, tmp_path: Path, right: str, wrong: str, failing: set[str]
) -> None:
    """The model solution passes, and a wrong answer does not."""
    for text, expected in ((OPTIMISERS, set()), (OPTIMISERS.replace(right, wrong), failing)):
        (tmp_path / "handout.py").write_text(text, encoding="utf-8")
        with Session(Settings(assignment=optimisers[1], seed=3)) as session:
            result = session.check(tmp_path)
        states = {c.check: c.state for task in result.tasks for c in task.checks}
        assert {name for name, state in states.items() if state == "fail"} == expected
