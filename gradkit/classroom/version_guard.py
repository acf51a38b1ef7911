"""The gradkit and the exercise of a class: one and the same, unless somebody decides."""

from __future__ import annotations

import gradkit
from gradkit.classroom.store.pack import unpack
from gradkit.classroom.store.results import Store
from gradkit.grading.settings import GradingError
from gradkit.records.classroom import Run
from gradkit.records.result import Result
from gradkit.records.task import Assignment, Form


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
    former = _last_run(store)
    before = former.versions["gradkit"] if former else here
    if before != here:
        raise GradingError(
            f"{store.path} was graded with gradkit {before}, and this is {here}: marks could "
            f"differ. {_advice(before)}"
        )


def refuse_other_exercise(store: Store, assignment: Assignment, form: Form) -> None:
    """Refuse to mark a class by another exercise than its own: an option is easily forgotten.

    A file that has changed under the same id is the same exercise.

    Raises
    ------
    GradingError
        The newest result is of another assignment, or of another form.
    """
    packed = store.last_graded()
    if packed is None:
        return
    former = unpack(packed, Result)
    if former.assignment != assignment.id:
        last = _last_run(store)
        file = last.settings["assignment"] if last else None
        place, advice = f" ({file})", "Give its file with --assignment"
        if file is None:
            place, advice = ", gradkit's own", "Leave out --assignment"
        raise GradingError(
            f"{store.path} was graded by the assignment {former.assignment!r}{place}, and this is "
            f"{assignment.id!r} ({assignment.path}). {advice}, or choose another folder with --out."
        )
    if former.form != form:
        raise GradingError(
            f"{store.path} was graded by --form {former.form}, and this is --form {form}. "
            f"Give --form {former.form}, or choose another folder with --out."
        )


def _last_run(store: Store) -> Run | None:
    runs = [run for run in store.runs() if run.kind in ("grade", "remark")]
    return runs[-1] if runs else None


def _advice(version: str) -> str:
    return (
        f"Install gradkit {version}, or open a new run under this one with --new-version; "
        "`gradkit diff` then lists what has changed."
    )
