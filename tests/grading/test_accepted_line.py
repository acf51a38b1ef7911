"""Every accepted convention earns full marks, and its twin fails where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from accepted.conventions import ACCEPTED, Accepted, write
from msgspec.structs import replace
from soak import SIZE
from told import full, not_passed, notebook, states

from gradkit.binding import bind
from gradkit.judge import Case, judge
from gradkit.records.submission import Observations
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.divide import divide
from gradkit.submission.read import read
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import Derived, expect
from gradkit.task.probes import draw

pytestmark = pytest.mark.sample(96)

TASKS = {task.id: task for task in read_assignment().tasks}
NUMPY = [entry for entry in ACCEPTED if entry.task.endswith("numpy")]
QUICK_TORCH = {
    "regression-torch/notebook-both-problems-both-frameworks",
    "classification-torch/notebook-both-problems-both-frameworks",
}


def _is_quick(number: int, entry: Accepted) -> bool:
    """Of the table's neighbours, which differ least, one of three; notebooks one of two."""
    if entry.id in QUICK_TORCH:
        return True
    of = 2 if entry.name.startswith("notebook") else 3
    return number % of == 0 and (entry.task.endswith("numpy") or number % 4 == 0)


QUICK = [entry for number, entry in enumerate(ACCEPTED) if _is_quick(number, entry)]
REST = [entry for entry in ACCEPTED if entry not in QUICK]


def check_both(grade, folder: Path, entry: Accepted, seed: int) -> None:
    """The submission passes everything, the twin everything but what it is wrong in."""
    if entry.task.endswith("torch"):
        pytest.importorskip("torch")
    result = grade(write(entry.source, folder, "right"), entry.task, seed=seed)
    assert full(result), not_passed(result)
    wrong = grade(write(entry.twin, folder, "wrong"), entry.task, seed=seed)
    assert states(wrong)[entry.fails] == "fail"
    assert wrong.score < wrong.max_score
    before = {"forward": (), "update": ("forward",), "trajectory": ("model", "forward", "gradient")}
    assert all(states(wrong)[check] == "pass" for check in before.get(entry.fails, ()))


@pytest.mark.sample(36)
@pytest.mark.parametrize("entry", QUICK, ids=lambda entry: entry.id)
def test_convention_is_accepted_and_its_twin_is_not(grade, tmp_path: Path, entry) -> None:
    """On one seed."""
    check_both(grade, tmp_path, entry, seed=11)


@pytest.mark.slow
@pytest.mark.parametrize("entry", REST, ids=lambda entry: entry.id)
def test_further_convention_is_accepted_and_its_twin_is_not(grade, tmp_path: Path, entry) -> None:
    """On one seed."""
    check_both(grade, tmp_path, entry, seed=11)


@pytest.mark.slow
@pytest.mark.parametrize("entry", NUMPY, ids=lambda entry: entry.id)
def test_convention_is_accepted_on_many_seeds(workshop, tmp_path: Path, entry: Accepted) -> None:
    """Bound once, then asked for forward and update at the probes of many seeds.

    Binding and training runs use no seed, so they are not repeated.
    """
    task = replace(
        TASKS[entry.task],
        checks=tuple(c for c in TASKS[entry.task].checks if c.name in ("forward", "update")),
    )
    oracle = Derived(task)
    for kind in ("source", "twin"):
        submission = read(write(getattr(entry, kind), tmp_path, kind))
        (section,) = [s for s in divide(submission, tuple(TASKS.values())) if task.id in s.tasks]
        roles = (role for other in TASKS.values() for role in other.roles if not role.shared)
        forbidden = frozenset(alias for role in roles for alias in role.aliases)
        with StudentProcess(
            workshop, section, submission.modules, forbidden, 600.0, seed=0
        ) as sitting:
            binding = bind(task, sitting)
            rate = any("rate" in bound.arguments for bound in binding.bound.values())
            for seed in range(20 * SIZE):
                probes = draw(task, 2000 + seed, oracle.forward, rate)
                outcomes = {
                    batch.name: observe_batch(sitting, task, binding.bound[batch.role], batch)
                    for batch in (*probes.forward, *probes.update)
                }
                expected = expect(oracle, replace(probes, runs=()))
                case = Case(task, binding, probes, Observations(task.id, outcomes), expected)
                found = {verdict.check: verdict.state for verdict in judge(case)}
                if kind == "source":
                    assert set(found.values()) == {"pass"}, (seed, found)
                elif entry.fails in found:
                    assert found[entry.fails] == "fail", (seed, found)


def test_names_of_conventions_are_unique() -> None:
    """A convention is found by its id."""
    assert len({entry.id for entry in ACCEPTED}) == len(ACCEPTED)


FORWARD = """
def initialise_parameters(dim):
    return {
        'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
        'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1)),
    }

def L_layer_forward(X, parameters):
    A1 = act(parameters['W1'].T @ X + parameters['b1'])
    return act(parameters['W2'].T @ A1 + parameters['b2']), A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = {d2}
    d1 = parameters['W2'] * d2{slope}
    parameters['W2'] -= 0.001 * A1 * d2
    parameters['b2'] -= 0.01 * d2
    parameters['W1'] -= 0.001 * X @ d1.T
    parameters['b1'] -= 0.01 * d1
"""
REGRESSION = (
    "# Regression with numpy",
    "import numpy as np\ndef act(z): return z",
    FORWARD,
    UPDATE.format(d2="-2 * (y - y_hat)", slope=""),
)
CLASSIFICATION = (
    "# Classification with numpy",
    "def act(z): return 1 / (1 + np.exp(-z))",
    FORWARD,
    UPDATE.format(d2="y_hat - y", slope=" * A1 * (1 - A1)"),
)


@pytest.mark.parametrize("cells", [REGRESSION + CLASSIFICATION, CLASSIFICATION + REGRESSION])
def test_sections_do_not_see_each_others_functions(grade, tmp_path: Path, cells) -> None:
    """`act` means another thing in each half; whichever comes last, both are right."""
    cells = ("import numpy as np", *cells)
    result = grade(notebook(tmp_path, *cells))
    assert full(result), not_passed(result)
    assert result.max_score == 40


def test_a_role_that_one_section_lacks_is_not_taken_from_the_other(grade, tmp_path: Path) -> None:
    """Without an update of its own, classification has none: regression's does not step in."""
    result = grade(notebook(tmp_path, *REGRESSION, *CLASSIFICATION[:-1]))
    assert set(states(result, "regression-numpy").values()) == {"pass"}
    found = states(result, "classification-numpy")
    assert found == {
        "interface": "missing",
        "forward": "pass",
        "update": "missing",
        "gradient": "blocked",
        "trajectory": "blocked",
    }
    message = next(m for task, check, _, m in not_passed(result) if check == "update")
    assert message.startswith("`update_parameters(parameters, y, y_hat, A1, X)` is missing. Found ")
    assert "`L_layer_forward(X, parameters)`" in message


def test_a_helper_that_both_use_may_stand_in_one(grade, tmp_path: Path) -> None:
    """Only roles stay at home: classification borrows regression's initialise."""
    own = FORWARD[FORWARD.index("def L_layer_forward") :]
    cells = (*REGRESSION, CLASSIFICATION[0], CLASSIFICATION[1], own, CLASSIFICATION[3])
    result = grade(notebook(tmp_path, *cells))
    assert full(result), not_passed(result)
