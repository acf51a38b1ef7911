"""A mistake whose line is not known: the reader is told so, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from mistakes.samples import folder as mistake_folder
from msgspec.structs import replace

from gradkit.classroom.reports.summary import reasons
from gradkit.classroom.worker_pool import _timed_out
from gradkit.diagnosis.inquiry import incomplete_notes, inquire
from gradkit.diagnosis.inquiry.findings import why_untraced
from gradkit.records.classroom import Reason
from gradkit.records.result import Inquiry
from gradkit.records.rule import Trace
from gradkit.records.submission import Failure, Lost, Place
from gradkit.report.text import to_text

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

MISTAKES = mistake_folder()
TOLD = "For one of the mistakes, only the function is shown and not the line: "

WATCHED = """\
    import os
    update_parameters.calls = getattr(update_parameters, "calls", 0) + 1
    if update_parameters.calls > 20 and parameters["W1"].dtype == object:
        """
"""The start of an update that sees symbolic numbers after many calls with plain ones."""

SPOILED = {
    "leave": (
        WATCHED + "os._exit(3)\n",
        "the process that ran the function line by line ended itself with os._exit(3) or a similar "
        "call.",
    ),
    "raise": (
        WATCHED + "raise KeyError(1)\n",
        "the function raised KeyError while gradkit ran each line alone.",
    ),
    "hang": (WATCHED + "while True: pass\n", "the process that ran the function line by line was "),
}


def spoiled(code: str, path: Path) -> Path:
    """A mistake's submission in which the update begins with this code."""
    lines = (MISTAKES / "swapped-index.py").read_text().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(UPDATE))
    path.write_text("".join([*lines[: at + 1], code, *lines[at + 1 :]]))
    return path


UPDATE = "def update_parameters"


@pytest.mark.sample(12)
@pytest.mark.parametrize("kind", SPOILED)
def test_a_lost_trace_is_told(grade, hurried, kind, tmp_path):
    """In the result and its text, and in the review; where the mistake is found all the same."""
    code, reason = SPOILED[kind]
    path = spoiled(code, tmp_path / "hw.py")
    # It has all of the task's time, for which nobody has to wait ten seconds.
    own = {"assignment": hurried} if kind == "hang" else {}
    result = grade(path, "regression-numpy", diagnose=True, **own)
    (task,) = result.tasks
    first = next(
        n for n, line in enumerate(path.read_text().splitlines(), 1) if line.startswith(UPDATE)
    )
    findings = [finding for finding in task.findings if finding.untraced]
    assert findings
    assert {finding.place for finding in findings} == {Place("hw.py", None, first)}
    (note,) = [note for note in task.notes if note.startswith(TOLD)]
    assert reason in note
    assert "only the function is shown" in " ".join(to_text([result], 4).split())
    check = f"{task.task}/{findings[0].check}"
    assert Reason("untraced", f"line of the mistake in {check} unknown") in list(reasons(result))
    # It is graded once more when nothing else is, in case it was the machine's fault.
    assert _timed_out(result)


@pytest.mark.parametrize("name", ["swapped-index", "missing-bias", "not-updated"])
def test_nothing_is_told_where_lines_are_known(grade, name):
    """The same mistakes as they are."""
    result = grade(MISTAKES / f"{name}.py", diagnose=True)
    (task,) = result.tasks
    assert task.findings
    assert not any(finding.untraced for finding in task.findings)
    assert not any("could not" in note for note in task.notes)
    assert not _timed_out(result)


def test_a_loss_on_the_way_is_told():
    """Where no finding is known to lack its line for that."""
    lost = Lost("timeout", "was stopped, because it took longer than 2 s")
    assert incomplete_notes(Inquiry(), [lost]) == [
        "During the search for mistakes, the process that ran this code was stopped, because it "
        "took longer than 2 s. So a mistake may have no name and no line."
    ]
    assert incomplete_notes(Inquiry(), []) == []


def test_every_reason_has_its_words():
    """Also those that are hard to come by."""
    whole = Trace(Place("a.py", None, 1), {})
    assert why_untraced(whole) == "gradkit could not trace any line of the function"
    failed = replace(whole, failure=Failure(0, "KeyError", "", None, "f"))
    assert why_untraced(failed) == "the function raised KeyError while gradkit ran each line alone"


@pytest.mark.parametrize("times", [1, 2])
def test_who_was_late_once_is_asked_again(grade, monkeypatch, times):
    """What a busy machine has cost is made up for; what the code costs is told."""
    sound = grade(MISTAKES / "swapped-index.py", diagnose=True).tasks[0]
    asked = []

    def late(task, examined, sitting, *rest):
        asked.append(sitting)
        if len(asked) <= times:
            sitting.losses.append(Lost("timeout", "was stopped, because it took too long"))
            return Inquiry()
        return inquire(task, examined, sitting, *rest)

    monkeypatch.setattr("gradkit.diagnosis.inquiry.inquire", late)
    (task,) = grade(MISTAKES / "swapped-index.py", diagnose=True).tasks
    assert len(asked) == 2
    if times == 1:
        assert (task.findings, task.score, task.notes) == (sound.findings, sound.score, sound.notes)
    else:
        assert not task.findings
        assert task.notes[0].startswith("During the search for mistakes, the process that ran this")
