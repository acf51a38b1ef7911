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
from gradkit.diagnosis.catalogue import mistake_codes
from gradkit.grading.assess import assess, judge_again
from gradkit.grading.points import NO_STEP, price_of, round_half_up
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

PRICES: dict[str, tuple[float, float, float]] = {
    # Shares of the points of each failed check, under default, strict and lenient.
    "order": (0.15, 0.5, 0),
    "slip": (0.3, 0.5, 0.2),
    "constant": (0.2, 0.4, 0.1),
    "sign": (0.6, 0.8, 0.4),
    "standstill": (1, 1, 1),
    # Two of the nine parameters.
    "share": (2 / 9, 2 / 9, 2 / 9),
}

DIVERGING = {"wrong-sign", "wrong-error", "squared-error", "gradient-stored"}
"""Samples with a loss that rises: the trajectory earns nothing, and the task less than half."""

ALONE: dict[tuple[str, str], str] = {
    ("order", "update gradient trajectory"): """
        updated-before-use
    """,
    ("slip", "forward"): """
        activation-twice hidden-returned layer-repeated layer-skipped
        missing-activation.numpy missing-bias swapped-returns weight-not-transposed
        wrong-activation wrong-hidden-returned
    """,
    ("slip", "forward gradient trajectory"): """
        double-sigmoid missing-activation
    """,
    ("slip", "gradient trajectory"): """
        broadcast-target graph-detached logits-loss wrong-loss
    """,
    ("slip", "model gradient trajectory"): """
        unregistered-parameters
    """,
    ("slip", "trajectory"): """
        loss-after-step missing-zero-grad recorded-loss
    """,
    ("slip", "update gradient trajectory"): """
        bias-sum-axis bias-times-input extra-activation-derivative extra-factor
        extra-output-derivative gradient-stored input-mutated integer-truncation
        misplaced-parenthesis missing-activation-derivative missing-error missing-input
        missing-output-derivative missing-weight overwritten swapped-index
        wrong-activation-derivative wrong-derivative-argument wrong-index
        wrong-layer-input wrong-source-entry wrong-source-entry.same-bias wrong-sum-axis
        wrong-target wrong-weight
    """,
    ("constant", "gradient trajectory"): """
        mini-batch wrong-optimizer wrong-reduction wrong-rounds
    """,
    ("constant", "trajectory"): """
        momentum wrong-learning-rate.torch
    """,
    ("constant", "update gradient trajectory"): """
        uneven-learning-rate wrong-factor.mean wrong-factor
    """,
    ("constant", "update trajectory"): """
        rate-ignored wrong-learning-rate
    """,
    ("sign", "forward"): """
        subtracted-bias wrong-sigmoid-sign
    """,
    ("sign", "update gradient trajectory"): """
        squared-error wrong-error wrong-sign
    """,
    ("standstill", "gradient trajectory"): """
        gradients-cleared graph-detached.no-grad missing-step
    """,
    ("standstill", "update gradient trajectory"): """
        copy-dropped nothing-updated
    """,
    ("share", "update gradient trajectory"): """
        not-updated
    """,
}
"""Samples of one mistake each, by the price of its kind and the checks that fail because of it."""

NO_STEPS = {
    "nothing-updated",
    "copy-dropped",
    "missing-step",
    "gradients-cleared",
    "graph-detached.no-grad",
}

KINDS: dict[str, str] = {
    "order": "updated-before-use",
    "sign": "wrong-sign wrong-error squared-error subtracted-bias wrong-sigmoid-sign turned-sign",
    "constant": """
        wrong-learning-rate uneven-learning-rate rate-ignored wrong-factor wrong-constant
        wrong-reduction mini-batch momentum wrong-optimizer wrong-rounds""",
    "standstill": "nothing-updated copy-dropped missing-step gradients-cleared",
    "stop": "crash missing-return wrong-return missing-parameter",
    "share": "not-updated unexplained",
}
"""Kinds of mistakes that are no slips, by their price."""

SETS: dict[str, tuple[list[str], set[str], tuple[float, float, float]]] = {
    # Changes of the right update below, the mistakes found, points of 20: prices add up.
    "as published": (
        [
            "W1[0,1] += RATE * e * W2[1,0] * X[0,0] -> W1[0,1] += RATE * e * W2[0,0] * X[1,0]",
            "W1[1,0] += RATE * e * W2[0,0] * X[1,0] -> W1[1,0] += 0.02 * e * W2[1,0] * X[0,0]",
            "W1[1,1] += RATE * e * W2[1,0] * X[1,0] -> W1[1,1] += 0.02 * e * W2[1,0] * X[1,0]",
            "W2 = p['W2'].copy() -> W2 = p['W2']",
        ],
        {"updated-before-use", "swapped-index", "uneven-learning-rate"},
        # 15 + 30 + 20 = 65 % of 15 points; 50 + 50 + 40 %, so all; 0 + 20 + 10 %.
        (10.25, 5, 15.5),
    ),
    "wrong sign at a wrong rate": (
        ["RATE * e -> -0.02 * e"],
        {"wrong-sign", "wrong-learning-rate"},
        # 60 + 20 % of update and gradient, and the run diverges; all; 50 %, but less than half.
        (7.25, 5, 9.75),
    ),
    "order and source": (
        ["W2 = p['W2'].copy() -> W2 = p['W2']", "p['b2'][0,0] += -> p['b2'][0,0] = W2[1,0] +"],
        {"updated-before-use", "wrong-source-entry"},
        # 15 + 30 %; 50 + 50 %; 0 + 20 %.
        (13.25, 5, 17),
    ),
    "a bias left alone, and an index": (
        [
            "p['b1'][1,0] += 0.02 * e * W2[1,0] -> pass",
            "p['W2'][0,0] += -> p['W2'][0,0] = W2[1,0] +",
        ],
        {"not-updated", "wrong-source-entry"},
        # A ninth and 30 %; a ninth and 50 %; a ninth and 20 %.
        (13.75, 10.75, 15.25),
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


def test_every_kind_has_its_price() -> None:
    """A kind that is not listed is a slip; a share depends on what a check shows."""
    prices = {**PRICES, "stop": (0.5, 0.75, 0.3), "share": (None, None, None)}
    of = {code: price for price, row in KINDS.items() for code in row.split()}
    assert {*of} <= {*mistake_codes()}
    for code in mistake_codes():
        found = tuple(price_of(code, preset) for preset in PRESETS)  # type: ignore[arg-type]
        assert found == prices[of.get(code, "slip")], code


def test_ones_own_price_goes_before_the_preset() -> None:
    """And concerns the mistake it names alone."""
    own = {"wrong-sign": 0.35, "not-updated": 0.0}
    assert [price_of("wrong-sign", preset, own) for preset in PRESETS] == [0.35] * 3  # type: ignore[arg-type]
    assert price_of("not-updated", "default", own) == 0.0
    assert price_of("swapped-index", "default", own) == 0.3


SAMPLES = {name: key for key, row in ALONE.items() for name in row.split()}


def test_every_submission_with_a_mistake_has_a_row() -> None:
    """A mistake that is added is priced."""
    assert {path.stem for path in MISTAKES.glob("*.py")} == {*SAMPLES}


@pytest.mark.sample(36)
@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_one_mistake_alone(name: str, marks: Marks) -> None:
    """Each check that fails because of it loses its price, under each preset."""
    marked = marks(MISTAKES / f"{name}.py")
    price, failing = SAMPLES[name]
    for preset, share in zip(PRESETS, PRICES[price], strict=True):
        result = marked[preset]
        checks = {check.check: check for check in result.checks}
        assert {c.check for c in result.checks if c.state != "pass"} == {*failing.split()}
        exact = {c: checks[c].max_score * (1 - share * (c in failing.split())) for c in checks}
        if name in DIVERGING:
            exact["trajectory"] = 0
        score = round_half_up(sum(exact.values()), 0.25)
        assert result.score == (min(score, 9.75) if name in DIVERGING else score)
        lost = sum(check.max_score - check.score for check in result.checks)
        assert sum(finding.deduction for finding in result.findings) == pytest.approx(lost)
        if name not in DIVERGING:
            assert all(abs(checks[c].score - exact[c]) <= 0.25 for c in checks)
        assert not any(check.held for check in result.checks)
    if name in NO_STEPS:
        # The others say why.
        assert all(NO_STEP in c.notes for c in marked["default"].checks if c.causes)


@pytest.mark.parametrize("name", SETS)
def test_common_sets(name: str, tmp_path: Path, marks: Marks) -> None:
    """Deductions of several mistakes in one function add up, at most to all points."""
    changes, codes, points = SETS[name]
    marked = marks(written(tmp_path, changes))
    assert {finding.mistake for finding in marked["default"].findings} == codes
    assert scores(marked) == points


def test_nothing_is_deducted_from_what_is_right(tmp_path: Path, marks: Marks) -> None:
    """The twin of all of the above."""
    assert scores(marks(written(tmp_path, []))) == (20, 20, 20)


def test_perfect_gradients_at_one_wrong_rate_lose_a_fifth_of_each_check(
    tmp_path: Path, marks: Marks
) -> None:
    """Each of three checks loses the same share: the factor 2 is a part of the number."""
    result = marks(written(tmp_path, ["0.02 * e -> 0.002 * e"]))["default"]
    told = {check.check: (check.state, check.score, check.causes) for check in result.checks}
    assert told["update"] == ("fail", 4.8, ())
    assert told["gradient"] == ("fail", 4, ("wrong-learning-rate",))
    assert told["trajectory"] == ("fail", 3.2, ("wrong-learning-rate",))
    assert [(f.mistake, f.deduction) for f in result.findings] == [("wrong-learning-rate", 3)]


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
        ("", [], "15.5 / 20"),
        ("", ["--preset", "strict"], "12.5 / 20"),
        ("", ["--preset", "numbers"], "14.75 / 20"),
        ('preset = "numbers"', [], "14.75 / 20"),
        ("[marking.deductions]\nswapped-index = 0", ["--preset", "numbers"], "14.75 / 20"),
        ('preset = "strict"', [], "12.5 / 20"),
        ('preset = "strict"', ["--preset", "lenient"], "17 / 20"),
        ("[marking.deductions]\nswapped-index = 0.125", [], "18.25 / 20"),
        ("[marking.deductions]\nswapped-index = 0", ["--preset", "strict"], "20 / 20"),
        ("[marking.deductions]\nwrong-sign = 1", [], "15.5 / 20"),
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
