"""What mistakes cost, in points: the figures of the catalogue, of a preset, and one's own."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from mistakes.samples import folder as mistake_folder
from msgspec.structs import replace

from gradkit.cli import main
from gradkit.diagnosis.catalogue import net_mistakes
from gradkit.grading.assess import assess, judge_again
from gradkit.grading.mark import NO_STEP, deduction
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult
from gradkit.sandbox import Workshop
from gradkit.submission.read import read
from gradkit.task.assignment import DEFAULT
from gradkit.task.oracle import Derived

pytestmark = [pytest.mark.sample(120), pytest.mark.usefixtures("warm")]

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = mistake_folder()
PRESETS = ("default", "strict", "lenient")

Marks = Callable[[Path], dict[str, TaskResult]]

ALONE: dict[str, tuple[float, float, float]] = {
    # Points out of 20 under default, strict and lenient; rounded to a quarter, half up.
    # Of these, `update` has 6 in regression and 5 in classification, `gradient` 5 and `trajectory`
    # 4; in torch these two have 5 and 7. A mistake costs its share of each check that fails because
    # of it, or the share of the wrong entries there, if that is less. A run that diverges keeps its
    # task below half.
    #
    # Order: 15 %, 50 %, noted.
    "updated-before-use": (17.75, 12.5, 20),
    # Index and derivative: 30 %, 50 %, 20 %; two wrong entries of nine cost no more than 22 %.
    "swapped-index": (16.25, 15.5, 17),
    "wrong-index": (17.5, 16.75, 18),
    "bias-sum-axis": (16.5, 15.75, 17.25),
    "wrong-sum-axis": (15.5, 13, 17),
    "missing-activation-derivative": (15.75, 13, 17.25),
    "wrong-activation-derivative": (15.75, 13, 17.25),
    "extra-activation-derivative": (15.75, 13, 17.25),
    "wrong-derivative-argument": (15.75, 13, 17.25),
    "missing-output-derivative": (15.75, 13, 17.25),
    "extra-output-derivative": (15.75, 13, 17.25),
    "misplaced-parenthesis": (15.75, 13.5, 17.25),
    "missing-input": (15.5, 13, 17),
    "wrong-layer-input": (16.5, 15.75, 17.25),
    "bias-times-input": (16.25, 15.5, 17),
    "missing-weight": (15.5, 12.5, 17),
    "wrong-weight": (15.5, 12.5, 17),
    "extra-factor": (16.25, 15.5, 17),
    # Sign, and a wrong error: 25 %, 50 %, 15 %.
    "wrong-sign": (9.75, 9.75, 9.75),
    "wrong-error": (9.75, 9.75, 9.75),
    "squared-error": (9.75, 9.75, 9.75),
    # Nets that never learn, however long they train: 50 %, all, 30 %.
    "missing-error": (12.5, 8.75, 15.5),
    "gradient-stored": (9.75, 5, 9.75),
    # Rate, factor, wrong source, overwritten and the like: 10 %, 25 %, 5 %.
    "wrong-learning-rate": (19, 17.5, 19.5),
    "uneven-learning-rate": (18.5, 16.5, 19.25),
    "rate-ignored": (19, 17.5, 19.5),
    "wrong-factor": (18.5, 16.25, 19.25),
    "wrong-factor.mean": (18.5, 16.5, 19.25),
    "wrong-source-entry": (18.5, 17.75, 19.25),
    "wrong-source-entry.same-bias": (18.5, 18, 19.25),
    "overwritten": (18.5, 16.5, 19.25),
    "wrong-target": (18.5, 16.5, 19.25),
    "input-mutated": (18.5, 16.75, 19.25),
    "integer-truncation": (18.5, 16.25, 19.25),
    # Not updated: the share of the parameters.
    "not-updated": (16.75, 16.75, 16.75),
    # A step that is not made earns nothing.
    "nothing-updated": (6, 6, 6),
    "copy-dropped": (5, 5, 5),
    "missing-step": (8, 8, 8),
    "gradients-cleared": (8, 8, 8),
    "graph-detached.no-grad": (8, 8, 8),
    # A form of `forward`, which has 4 or 5 points: 50 %, all, 30 %.
    "layer-skipped": (18, 16, 18.75),
    "layer-repeated": (18, 16, 18.75),
    "subtracted-bias": (18, 16, 18.75),
    "weight-not-transposed": (18, 16, 18.75),
    "missing-bias": (18, 16, 18.75),
    "missing-activation.numpy": (17.5, 15, 18.5),
    "activation-twice": (17.5, 15, 18.5),
    "wrong-activation": (17.5, 15, 18.5),
    "wrong-sigmoid-sign": (17.5, 15, 18.5),
    "missing-activation": (12, 4, 15.25),
    "double-sigmoid": (12, 4, 15.25),
    # What is returned: 25 %, 50 %, 10 %.
    "hidden-returned": (19, 18.75, 19.5),
    "wrong-hidden-returned": (19, 18, 19.5),
    "swapped-returns": (19, 18, 19.5),
    # Training, of `trajectory` and `gradient`. Another thing learnt: 50 %, all, 30 %.
    "broadcast-target": (14, 9.75, 16.5),
    "wrong-loss": (14, 8, 16.5),
    "logits-loss": (14, 8, 16.5),
    "graph-detached": (14, 9.75, 16.5),
    # The loop: 30 %, 50 %, 20 %.
    "missing-zero-grad": (18, 16.5, 18.5),
    # Figures: 10 %, 25 %, 5 %. The record of the loss: 25 %, 50 %, 10 %.
    "wrong-learning-rate.torch": (19.25, 18.25, 19.75),
    "wrong-reduction": (18.75, 17, 19.5),
    "wrong-optimizer": (18.75, 17, 19.5),
    "momentum": (19.25, 18.25, 19.75),
    "mini-batch": (18.75, 17, 19.5),
    "wrong-rounds": (18.75, 17, 19.5),
    "loss-after-step": (18.25, 16.5, 19.25),
    "recorded-loss": (18.25, 16.5, 19.25),
    "unregistered-parameters": (12, 7.75, 15.25),
}

NO_STEPS = {
    "nothing-updated",
    "copy-dropped",
    "missing-step",
    "gradients-cleared",
    "graph-detached.no-grad",
}

FIGURES: dict[tuple[float, float, float], str] = {
    (0.15, 0.50, 0.0): "updated-before-use",
    (0.30, 0.50, 0.20): """
        missing-output-derivative extra-output-derivative missing-weight wrong-weight
        missing-activation-derivative wrong-activation-derivative extra-activation-derivative
        wrong-derivative-argument misplaced-parenthesis missing-input wrong-layer-input
        bias-times-input extra-factor swapped-index wrong-index bias-sum-axis wrong-sum-axis
        gradients-cleared missing-zero-grad""",
    (0.25, 0.50, 0.15): "wrong-sign wrong-error squared-error",
    (0.10, 0.25, 0.05): """
        wrong-learning-rate uneven-learning-rate rate-ignored wrong-factor wrong-source-entry
        overwritten wrong-target input-mutated integer-truncation
        wrong-reduction mini-batch momentum wrong-optimizer wrong-rounds""",
    (0.50, 1.0, 0.30): """
        layer-skipped layer-repeated missing-activation wrong-activation wrong-sigmoid-sign
        activation-twice double-sigmoid missing-bias subtracted-bias weight-not-transposed
        wrong-loss logits-loss broadcast-target unregistered-parameters graph-detached
        missing-error gradient-stored""",
    (0.25, 0.50, 0.10): """
        hidden-returned wrong-hidden-returned swapped-returns loss-after-step recorded-loss""",
    (2 / 9, 2 / 9, 2 / 9): "not-updated nothing-updated copy-dropped missing-step unexplained",
}

SETS: dict[str, tuple[list[str], set[str], tuple[float, float, float]]] = {
    # Changes of the right update below, the mistakes found, points of 20. The sum of the
    # deductions, unless the share of right entries is more.
    "as published": (
        [
            "W1[0,1] += RATE * e * W2[1,0] * X[0,0] -> W1[0,1] += RATE * e * W2[0,0] * X[1,0]",
            "W1[1,0] += RATE * e * W2[0,0] * X[1,0] -> W1[1,0] += 0.02 * e * W2[1,0] * X[0,0]",
            "W1[1,1] += RATE * e * W2[1,0] * X[1,0] -> W1[1,1] += 0.02 * e * W2[1,0] * X[1,0]",
            "W2 = p['W2'].copy() -> W2 = p['W2']",
        ],
        {"updated-before-use", "swapped-index", "uneven-learning-rate"},
        # 15 + 30 + 10 = 55 % of 12; 125 % is more than the six wrong entries of nine; 25 %.
        (11.75, 8.75, 16.25),
    ),
    "wrong sign at a wrong rate": (
        ["RATE * e -> -0.02 * e"],
        {"wrong-sign", "wrong-learning-rate"},
        # The run diverges, so the task stays below half of its points.
        (9.75, 8.75, 9.75),
    ),
    "order and source": (
        ["W2 = p['W2'].copy() -> W2 = p['W2']", "p['b2'][0,0] += -> p['b2'][0,0] = W2[1,0] +"],
        {"updated-before-use", "wrong-source-entry"},
        (16.25, 8.75, 19.25),
    ),
    "a bias left alone, and an index": (
        [
            "p['b1'][1,0] += 0.02 * e * W2[1,0] -> pass",
            "p['W2'][0,0] += -> p['W2'][0,0] = W2[1,0] +",
        ],
        {"not-updated", "wrong-source-entry"},
        # A ninth and 10 %; a ninth and 25 %, of which two wrong entries cost no more than 2/9.
        (16.75, 16.0, 17.5),
    ),
}

RIGHT = """\
# task: regression-numpy
import numpy as np


def initialise_parameters(dim):
    parameters = {}
    for l in range(1, len(dim)):
        parameters[f"W{l}"] = np.full((dim[l - 1], dim[l]), 0.1)
        parameters[f"b{l}"] = np.zeros((dim[l], 1))
    return parameters


def linear_forward(A_prev, W, b):
    return W.T @ A_prev + b


def L_layer_forward(X, p):
    A1 = linear_forward(X, p["W1"], p["b1"])
    return linear_forward(A1, p["W2"], p["b2"]), A1


def update_parameters(p, y, y_hat, A1, X):
    e = y - y_hat
    W1 = p['W1']
    W2 = p['W2'].copy()
    p['W2'][0,0] += RATE * e * A1[0,0]
    p['W2'][1,0] += RATE * e * A1[1,0]
    p['b2'][0,0] += 0.02 * e
    W1[0,0] += RATE * e * W2[0,0] * X[0,0]
    W1[0,1] += RATE * e * W2[1,0] * X[0,0]
    p['b1'][0,0] += 0.02 * e * W2[0,0]
    W1[1,0] += RATE * e * W2[0,0] * X[1,0]
    W1[1,1] += RATE * e * W2[1,0] * X[1,0]
    p['b1'][1,0] += 0.02 * e * W2[1,0]
"""


def written(folder: Path, changes: list[str]) -> Path:
    """The right submission with some pieces of its text changed, ``old -> new``."""
    text = RIGHT
    for change in changes:
        old, new = change.split(" -> ")
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "regression.py"
    path.write_text(text.replace("RATE", "0.002"), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def marks(workshop: Workshop) -> Iterator[Marks]:
    """``marks(path)`` grades the task that the first line names once, and marks it thrice."""
    settings = Settings(seed=3, no_reference=True)
    with Session(settings, workshop) as session:

        def grade(path: Path) -> dict[str, TaskResult]:
            name = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# task: ")
            if "torch" in name:
                pytest.importorskip("torch")
            session.settings = replace(settings, tasks=(name,))
            (evidence,) = session.grade(read(path)).evidence
            (task,) = (each for each in session.assignment.tasks if each.id == name)
            verdicts = judge_again(task, Derived(task), evidence)
            schemes = {preset: replace(session.scheme, preset=preset) for preset in PRESETS}
            return {p: assess(task, evidence, verdicts, schemes[p]) for p in PRESETS}

        yield grade


def scores(marked: dict[str, TaskResult]) -> tuple[float, ...]:
    """The task's points under each preset."""
    return tuple(marked[preset].score for preset in PRESETS)


def test_every_mistake_has_its_figures() -> None:
    """The table of the design for `update`, and the catalogue's own figures for the rest."""
    codes = [code for row in FIGURES.values() for code in row.split()]
    assert sorted(codes) == sorted([*net_mistakes(), "unexplained"])
    for figures, row in FIGURES.items():
        for code in row.split():
            found = tuple(deduction(code, 2, 9, preset) for preset in PRESETS)  # type: ignore[arg-type]
            assert found == figures, code


def test_ones_own_figure_goes_before_the_preset() -> None:
    """And concerns the mistake it names alone."""
    own = {"wrong-sign": 0.4, "not-updated": 0.0}
    assert [deduction("wrong-sign", 9, 9, preset, own) for preset in PRESETS] == [0.4] * 3  # type: ignore[arg-type]
    assert deduction("not-updated", 2, 9, "default", own) == 0.0
    assert deduction("swapped-index", 2, 9, "default", own) == 0.3


def test_every_submission_with_a_mistake_has_a_row() -> None:
    """A mistake that is added is priced."""
    assert {path.stem for path in MISTAKES.glob("*.py")} == set(ALONE)


@pytest.mark.sample(36)
@pytest.mark.parametrize("name", sorted(ALONE))
def test_one_mistake_alone(name: str, marks: Marks) -> None:
    """Points under the three presets, all of them lost by the checks that fail."""
    marked = marks(MISTAKES / f"{name}.py")
    assert scores(marked) == ALONE[name]
    losing = [c for c in marked["default"].checks if c.score < c.max_score]
    assert {check.state for check in losing} == {"fail"}
    if name in NO_STEPS:
        # The others say why.
        assert all(NO_STEP in check.notes for check in losing if check.follows)
        return
    for result in marked.values():
        lost = sum(check.max_score - check.score for check in result.checks)
        if result.findings:
            assert sum(finding.deduction for finding in result.findings) == pytest.approx(lost)


@pytest.mark.parametrize("name", SETS)
def test_common_sets(name: str, tmp_path: Path, marks: Marks) -> None:
    """Deductions of several mistakes in one function add up, down to the share of right entries."""
    changes, codes, points = SETS[name]
    marked = marks(written(tmp_path, changes))
    assert {finding.mistake for finding in marked["default"].findings} == codes
    assert scores(marked) == points


def test_nothing_is_deducted_from_what_is_right(tmp_path: Path, marks: Marks) -> None:
    """The twin of all of the above."""
    assert scores(marks(written(tmp_path, []))) == (20, 20, 20)


def test_perfect_gradients_at_one_wrong_rate_lose_a_tenth_of_update_once(
    tmp_path: Path, marks: Marks
) -> None:
    """Each of three checks loses the same share: the factor 2 is a part of the number."""
    result = marks(written(tmp_path, ["0.02 * e -> 0.002 * e"]))["default"]
    told = {check.check: (check.state, check.score, check.follows) for check in result.checks}
    assert told["update"] == ("fail", 5.5, ())
    assert told["gradient"] == ("fail", 4.5, ("wrong-learning-rate",))
    assert told["trajectory"] == ("fail", 3.5, ("wrong-learning-rate",))
    assert [(f.mistake, f.deduction) for f in result.findings] == [("wrong-learning-rate", 1.5)]


def test_a_right_update_behind_a_wrong_forward_is_charged_to_forward(
    tmp_path: Path, marks: Marks
) -> None:
    """It is run behind gradkit's own forward pass, and loses nothing."""
    changes = ['return linear_forward(A1, p["W2"], p["b2"]), A1 -> return A1, A1']
    result = marks(written(tmp_path, changes))["default"]
    lost = {check.check for check in result.checks if check.score < check.max_score}
    assert lost == {"forward"}


def own_assignment(folder: Path, marking: str) -> Path:
    """Write the own assignment with something added below ``[marking]``."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, folder)
    text = DEFAULT.read_text(encoding="utf-8")
    head, rest = text.split("[roles.initialise]", 1)
    lines = [line for line in head.splitlines() if not line.startswith("preset")]
    path = folder / "assignment.toml"
    body = "\n".join([*lines, textwrap.dedent(marking), "[roles.initialise]"])
    path.write_text(body + rest, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("marking", "options", "score"),
    [
        ("", [], "16.25 / 20"),
        ("", ["--preset", "strict"], "15.5 / 20"),
        ("", ["--preset", "numbers"], "13.5 / 20"),
        ('preset = "numbers"', [], "13.5 / 20"),
        ("[marking.deductions]\nswapped-index = 0", ["--preset", "numbers"], "13.5 / 20"),
        ('preset = "strict"', [], "15.5 / 20"),
        ('preset = "strict"', ["--preset", "lenient"], "17 / 20"),
        ("[marking.deductions]\nswapped-index = 0.125", [], "18.25 / 20"),
        ("[marking.deductions]\nswapped-index = 0", ["--preset", "strict"], "20 / 20"),
        ("[marking.deductions]\nwrong-sign = 1", [], "16.25 / 20"),
    ],
)
def test_the_command_marks_as_the_assignment_and_the_option_say(
    marking: str, options: list[str], score: str, tmp_path: Path
) -> None:
    """The option goes before the assignment's preset, its own figures before both."""
    assignment = own_assignment(tmp_path, marking)
    path = str(MISTAKES / "swapped-index.py")
    arguments = ["check", path, "--assignment", str(assignment), "--seed", "3", *options]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1, result.output
    assert f"swapped-index  {score} " in result.output
