"""Honest code loses nothing, whatever is drawn: accepted conventions, and the sample class.

``GRADKIT_SEED`` starts elsewhere; ``GRADKIT_SOAK=40`` takes forty times as many seeds, 200.
Model solutions have such a test in `test_model_solutions`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from accepted.conventions import ACCEPTED, Accepted, write
from model_solutions import ROOT
from told import full, not_passed

SEED = int(os.environ.get("GRADKIT_SEED", "7000"))
SIZE = int(os.environ.get("GRADKIT_SOAK", "1"))
CLASS = ROOT / "tests" / "sample_class"
MARKS = json.loads((Path(__file__).parent / "sample_class_marks.json").read_text("utf-8"))
"""Points of each member, check by check, before training runs were drawn."""


@pytest.mark.slow
@pytest.mark.parametrize("entry", ACCEPTED, ids=lambda entry: entry.id)
def test_an_accepted_convention_earns_everything(grade, tmp_path: Path, entry: Accepted) -> None:
    """Its training runs too; a fifth of the seeds for each, and another than its neighbour's."""
    if entry.task.endswith("torch"):
        pytest.importorskip("torch")
    path = write(entry.source, tmp_path)
    first = ACCEPTED.index(entry) % 5
    for seed in range(SEED + first, SEED + 5 * SIZE, 5):
        result = grade(path, entry.task, seed=seed)
        assert full(result), (f"GRADKIT_SEED={seed}", not_passed(result))


@pytest.mark.slow
@pytest.mark.parametrize("name", MARKS)
def test_a_member_of_the_class_keeps_its_marks(grade, name: str) -> None:
    """Right or wrong, under the diagnosis."""
    pytest.importorskip("torch")
    for seed in range(SEED, SEED + 5 * SIZE):
        result = grade(CLASS / name, seed=seed, diagnose=True)
        found = {
            task.task: {check.check: round(check.score, 4) for check in task.checks}
            for task in result.tasks
        }
        assert found == MARKS[name], f"GRADKIT_SEED={seed}"


def test_the_class_has_its_marks(grade) -> None:
    """On one seed, those whose numpy tasks are quick to grade."""
    for name in ("bilal_regression_right.py", "chen_regression_swapped_index.py"):
        found = {
            task.task: {check.check: round(check.score, 4) for check in task.checks}
            for task in grade(CLASS / name, seed=SEED, diagnose=True).tasks
        }
        assert found == MARKS[name]
