"""The rate policy `free`: any one rate for all weights, any one for all biases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mistakes.samples import folder as mistake_folder

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.sandbox import Workshop
from gradkit.task.assignment import DEFAULT

pytestmark = [pytest.mark.sample(9), pytest.mark.usefixtures("warm")]

MISTAKES = mistake_folder()


def graded(folder: Path, name: str, policy: str, task: str = "regression-numpy") -> dict[str, str]:
    """States by check of one of the wrong submissions, under a rate policy."""
    for source in DEFAULT.parent.glob("*.csv"):
        shutil.copy(source, folder)
    assignment = folder / "assignment.toml"
    text = DEFAULT.read_text(encoding="utf-8")
    assignment.write_text(text.replace('policy = "exact"', f'policy = "{policy}"'), "utf-8")
    settings = Settings(tasks=(task,), assignment=assignment, seed=1, no_reference=True)
    with Workshop() as workshop, Session(settings, workshop) as session:
        (result,) = session.check(MISTAKES / f"{name}.py").tasks
    return {check.check: check.state for check in result.checks}


def test_a_run_at_ones_own_rates_is_held_against_one_at_the_same(tmp_path: Path) -> None:
    """One rate that is not the assignment's is right throughout, the whole run included."""
    assert set(graded(tmp_path, "wrong-learning-rate", "free").values()) == {"pass"}


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("wrong-learning-rate", "exact"),
        ("uneven-learning-rate", "free"),
        ("wrong-sign", "free"),
        ("updated-before-use", "free"),
    ],
)
def test_what_is_no_one_rate_goes_off_course(tmp_path: Path, name: str, policy: str) -> None:
    """The twins: without the policy, with two rates of a kind, uphill, or another step."""
    states = graded(tmp_path, name, policy)
    assert (states["update"], states["trajectory"]) == ("fail", "fail")


def test_a_torch_run_too(tmp_path: Path) -> None:
    """Its rate is read off its first step, its course is that of the same descent."""
    pytest.importorskip("torch")
    states = graded(tmp_path, "wrong-learning-rate.torch", "free", "classification-torch")
    assert set(states.values()) == {"pass"}


@pytest.mark.parametrize(
    ("name", "task", "policy"),
    [
        ("wrong-learning-rate.torch", "classification-torch", "exact"),
        ("missing-zero-grad", "regression-torch", "free"),
        ("momentum", "regression-torch", "free"),
    ],
)
def test_what_is_no_one_rate_in_torch(tmp_path: Path, name: str, task: str, policy: str) -> None:
    """The twins: gradients that add up, and an optimiser that remembers."""
    pytest.importorskip("torch")
    assert graded(tmp_path, name, policy, task)["trajectory"] == "fail"
