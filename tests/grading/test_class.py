"""Each member of the sample class gets the states that the file's name speaks of."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from model_solutions import ROOT
from report.short import too_long
from told import checks, failed, states

from gradkit.grading.settings import GradingError
from gradkit.report.text import MANY, to_text
from gradkit.report.words import points
from gradkit.text import where

pytestmark = pytest.mark.sample(72)

FOLDER = ROOT / "tests" / "sample_class"
W1 = {f"W1[{i},{j}]" for i in (0, 1) for j in (0, 1)}
B1, W2, B2 = {"b1[0,0]", "b1[1,0]"}, {"W2[0,0]", "W2[1,0]"}, {"b2[0,0]"}

RIGHT = {
    "amara_all_right.ipynb": 80,
    "bilal_regression_right.py": 20,
}
UPDATES = {
    "chen_regression_swapped_index.py": ("regression-numpy", {"W1[0,1]", "W1[1,0]"}),
    "dalia_classification_updated_before_use.py": ("classification-numpy", W1 | B1),
    "emil_classification_wrong_derivative.py": ("classification-numpy", W1 | B1),
    "farah_regression_wrong_sign.py": ("regression-numpy", W1 | B1 | W2 | B2),
    "goran_regression_wrong_parameter.py": ("regression-numpy", {"b1[0,0]", "b2[0,0]"}),
    "oskar_regression_uneven_rates.py": ("regression-numpy", {"b1[1,0]", "W2[1,0]"}),
    "rosa_classification_almost.py": ("classification-numpy", W1 | B1 | B2),
}


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("name", RIGHT)
def test_right_members_earn_everything(grade, name: str) -> None:
    """Amara hands in four tasks, Bilal one."""
    if RIGHT[name] == 80:
        pytest.importorskip("torch")
    result = grade(FOLDER / name)
    assert (result.score, result.max_score) == (RIGHT[name], RIGHT[name])


@pytest.mark.parametrize("name", UPDATES)
def test_a_wrong_update_fails_in_its_own_entries(grade, name: str) -> None:
    """Whatever the seed; interface and forward are right."""
    task, entries = UPDATES[name]
    for seed in range(3):
        result = grade(FOLDER / name, seed=seed)
        found = checks(result, task)
        assert failed(found["update"]) == entries
        assert {n: c.state for n, c in found.items()} == {
            "interface": "pass",
            "forward": "pass",
            "update": "fail",
            "gradient": "fail",
            "trajectory": "fail",
        }
        # Without its scale an update tells the same; a wrong sign in all of it is no scale.
        assert failed(found["gradient"]) == entries


@pytest.mark.slow
def test_findings_are_the_same_beside_busy_processes(grade) -> None:
    """The line of this mistake is found by running changed texts, within a limit of time."""
    path = FOLDER / "farah_regression_wrong_sign.py"
    alone = grade(path, diagnose=True).tasks[0].findings
    spin = [sys.executable, "-c", "while True: pass"]
    with contextlib.ExitStack() as busy:
        for _ in range(4 * (os.cpu_count() or 1)):
            busy.callback(busy.enter_context(subprocess.Popen(spin)).kill)
        beside = grade(path, diagnose=True).tasks[0].findings
    assert [finding.place.line for finding in alone] == [19]
    assert beside == alone


def test_the_sheet_of_several_mistakes_fits_on_a_page(grade) -> None:
    """At most 80 lines for ten mistakes, each with its cost and its line; few are told in full."""
    pytest.importorskip("torch")
    path = FOLDER / "hana_several_mistakes.ipynb"
    result = grade(path, diagnose=True)
    text = to_text([result], 3)
    assert text.count("\n") <= 80
    flat = " ".join(text.split())
    found = [finding for task in result.tasks for finding in task.findings]
    assert len(found) > MANY
    for finding in found:
        assert finding.sentence in flat
        assert f"({finding.mistake}, −{points(finding.deduction)})" in flat
        # A long line of code is cut to the width of the sheet.
        assert " ".join(f"{where(finding.place)} {finding.source}".split())[:50] in flat
        assert finding.hints[2] in flat
    assert "6 of 9 entries" not in text
    assert text.count("This check fails because of") == 7
    assert "estimate" not in text
    (alone,) = grade(path, "regression-torch", diagnose=True).tasks[0].findings
    few = to_text([grade(path, "regression-torch", diagnose=True)], 3)
    assert "full report: --format html" in text
    assert "in full" not in few
    assert all(hint in " ".join(few.split()) for hint in alone.hints[1:3])
    assert all(hint not in to_text([result], 1) for hint in alone.hints[1:3])


OTHERS = ("noor_another_exercise.py", "lena_classification_hangs.py")
"""Files in which nothing can be found: one is refused, one takes all of its time."""


@pytest.mark.parametrize("name", sorted({p.name for p in FOLDER.glob("*_*.*")} - {*OTHERS}))
def test_no_finding_takes_more_than_twelve_lines(grade, name: str) -> None:
    """On a terminal, on a page and in a notebook, at every hint level."""
    if "torch" in name or name.endswith(".ipynb"):
        pytest.importorskip("torch")
    assert too_long(grade(FOLDER / name, diagnose=True)) == []


def test_hana_makes_several_mistakes(grade) -> None:
    """In each of four tasks, and none of them hides another."""
    pytest.importorskip("torch")
    result = grade(FOLDER / "hana_several_mistakes.ipynb")
    assert failed(checks(result, "regression-numpy")["update"]) == W1 | B1
    assert failed(checks(result, "classification-numpy")["update"]) == W1 | B1
    assert states(result, "classification-numpy")["forward"] == "fail"
    assert states(result, "regression-torch") == {
        "model": "pass",
        "forward": "pass",
        "gradient": "fail",
        "trajectory": "fail",
    }
    assert states(result, "classification-torch") == {
        "model": "pass",
        "forward": "fail",
        "gradient": "fail",
        "trajectory": "fail",
    }


def test_ivo_forgets_zero_grad(grade) -> None:
    """The gradient of the first step is right, and the trajectory is not."""
    pytest.importorskip("torch")
    found = checks(grade(FOLDER / "ivo_regression_torch_no_zero_grad.py"))
    right = ("model", "forward", "gradient")
    assert [found[check].state for check in right] == ["pass", "pass", "pass"]
    text = (
        "Your loss differs from the expected loss from epoch 3 on (initial parameters “published”, "
        "“other” and “random”)."
    )
    assert text in found["trajectory"].message


def test_jun_applies_the_sigmoid_twice(grade) -> None:
    """His outputs stay above a half."""
    pytest.importorskip("torch")
    found = checks(grade(FOLDER / "jun_classification_torch_double_sigmoid.py"))
    assert found["forward"].state == "fail"
    assert min(e.found for e in found["forward"].entries) >= 0.5


def test_kofis_update_crashes(grade) -> None:
    """The error is his line's, the rest is blocked."""
    found = checks(grade(FOLDER / "kofi_regression_crashes.py"))
    assert found["update"].state == "error"
    assert found["update"].message.startswith(
        "`update_parameters` stopped with IndexError: index 2 is out of bounds for axis 0 with size"
    )
    lines = (FOLDER / "kofi_regression_crashes.py").read_text().splitlines()
    assert "step(parameters" in lines[found["update"].place.line - 1]
    assert found["trajectory"].state == "blocked"


def test_lenas_update_hangs(grade, hurried: Path) -> None:
    """Interface and forward keep their points."""
    result = grade(FOLDER / "lena_classification_hangs.py", assignment=hurried)
    assert states(result) == {
        "interface": "pass",
        "forward": "pass",
        "update": "timeout",
        "gradient": "blocked",
        "trajectory": "blocked",
    }
    assert result.score == 6


def test_mina_has_not_started(grade) -> None:
    """Nothing is written, so nothing is wrong."""
    result = grade(FOLDER / "mina_regression_untouched.py")
    assert result.score == 0
    assert set(states(result).values()) == {"missing", "blocked"}


def test_noor_did_another_exercise(grade) -> None:
    """The refusal names the exercise, and what it asks for."""
    with pytest.raises(GradingError) as caught:
        grade(FOLDER / "noor_another_exercise.py")
    assert str(caught.value).startswith(
        "noor_another_exercise: This looks like another exercise. No function belongs to "
        "“Backpropagation by hand on a 2-2-1 net”; expected initialise_parameters(dim), "
    )


def test_pias_sigmoid_is_wrong(grade) -> None:
    """Forward fails; her update is judged at right inputs and passes, and so does training."""
    found = checks(grade(FOLDER / "pia_classification_wrong_sigmoid.py"))
    assert {name: check.state for name, check in found.items()} == {
        "interface": "pass",
        "forward": "fail",
        "update": "pass",
        "gradient": "pass",
        "trajectory": "pass",
    }
