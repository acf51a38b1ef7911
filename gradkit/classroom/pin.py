"""The version of gradkit that a class is graded with: one and the same, unless somebody decides."""

from __future__ import annotations

import gradkit
from gradkit.classroom.file.store import Store
from gradkit.grounds import GradingError
from gradkit.records.task import Assignment


def refuse_other_version(store: Store, assignment: Assignment) -> None:
    """Refuse to go on with another gradkit than the class, or its assignment, is graded with.

    Raises
    ------
    GradingError
        The assignment pins another version, or earlier runs were made with one.
    """
    here = gradkit.__version__
    pinned = assignment.gradkit
    if pinned and pinned != here:
        raise GradingError(
            f"{assignment.path} is to be graded with gradkit {pinned}, and this is {here}: marks "
            f"could differ. {_advice(pinned)}"
        )
    former = [run for run in store.runs() if run.kind in ("grade", "remark")]
    before = former[-1].versions["gradkit"] if former else here
    if before != here:
        raise GradingError(
            f"{store.path} was graded with gradkit {before}, and this is {here}: marks could "
            f"differ. {_advice(before)}"
        )


def _advice(version: str) -> str:
    return (
        f"Install that one (pip install gradkit=={version}), or open a new run under this one "
        "with --new-version; `gradkit diff` then lists what has changed."
    )
