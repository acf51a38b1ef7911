"""Dispute a finding: see it happen in a script of one's own, without gradkit.

`show` looks a finding up in a result file, reads the student's code again from where it
was, and writes a script with that code, the input at which it failed, and the number that
comes out. Where expected numbers may be shown, the script computes the right one too, from
differences of the loss. Then the script is run, to see that the recorded number comes out.
"""

import json
import math
from pathlib import Path

from msgspec import Struct

from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.submission import Submission
from gradkit.records.task import FunctionTask, Task
from gradkit.reproducer.functions import FunctionScript
from gradkit.reproducer.recorded import (
    Data,
    ReproducerError,
    find,
    findings_in,
    findings_of,
    read_again,
)
from gradkit.reproducer.script import Script
from gradkit.runtime.frames import Frame
from gradkit.sandbox import WorkerLost, Workshop, WorkshopError
from gradkit.sandbox.replies import UnfitError, check
from gradkit.text import clean_text

__all__ = ["ReproducerError", "Shown", "find", "findings_in", "findings_of", "run_again", "show"]


TOLERANCES = {"numpy": 1e-9, "torch": 1e-5}
"""How closely, relative, a number must come out again."""

TRACEBACK = 50_000
"""Bytes of a traceback that are shown."""


class Shown(Struct, frozen=True):
    """A script, what it printed, and whether the recorded number was among that."""

    text: str
    printed: str
    conclusion: str
    agrees: bool


def show(
    file: Path, finding: str, *, submission: str | None = None, assignment: Path | None = None
) -> Shown:
    """Write a finding as a script and run it.

    Parameters
    ----------
    file : Path
        What ``gradkit check --format json --out FILE`` wrote.
    finding : str
        The finding's id.
    submission : str or None
        Which of several results in the file is meant.
    assignment : Path or None
        The assignment file, where it is not gradkit's own.

    Raises
    ------
    ReproducerError
        The file, the finding, or the submission as it was, is not to be had.
    """
    found = find(findings_of(file), str(file), finding, submission)
    return run_again(found, read_again(found[0], file), str(file), assignment)


def run_again(
    found: tuple[Data, Data, Data],
    source: Submission,
    where: str,
    assignment: Path | None,
    reference: Path | None = None,
) -> Shown:
    """Write a finding as a script and run it.

    Parameters
    ----------
    found : tuple
        The result, the task and the finding, as plain data.
    source : Submission
        What the result is of, read again.
    where : str
        Where the result is from, for the message.
    assignment : Path or None
        The assignment file, where it is not gradkit's own.
    reference : Path or None
        The folder of its model solutions, where an input is made with them.

    Raises
    ------
    ReproducerError
        The assignment is another one, or the finding has nothing to show.
    """
    result, recorded, told = found
    settings = Settings((recorded["task"],), assignment=assignment, reference=reference)
    try:
        with Workshop() as workshop, Session(settings, workshop) as session:
            if session.assignment.digest != result["digests"]["assignment"]:
                raise ReproducerError(
                    f"{session.assignment.path} is not the assignment that {where} was made with. "
                    "Name that one with --assignment."
                )
            nets = {task.id for task in session.tasks}
            kind = Script if recorded["task"] in nets else FunctionScript
            script = kind(result, recorded, told, source, session)
            text = script.text()
            printed, failure = _run(workshop, text, script.task)
    except GradingError as error:
        raise ReproducerError(str(error)) from None
    if failure:
        return Shown(text, printed + failure, "The script does not come to its end.", agrees=False)
    return Shown(text, printed, *_compare(script, printed, TOLERANCES[script.task.framework.name]))


def _run(workshop: Workshop, text: str, task: Task | FunctionTask) -> tuple[str, str]:
    """Run the script in a worker: what it prints, and how it failed."""
    deadline = task.deadline
    try:
        with workshop.worker(deadline=deadline, modules=task.framework.modules) as worker:
            asked = {"text": text}
            reply = worker.ask(Frame("script", {}, asked), deadline)
            if reply.kind != "error":
                check("script", asked, {}, reply)
            failure = reply.data.get("failure") or reply.data.get("text") or ""
            return worker.output, clean_text(str(failure), TRACEBACK)
    except (WorkerLost, WorkshopError, UnfitError) as error:
        return "", str(error)


def _compare(script: Script | FunctionScript, printed: str, tolerance: float) -> tuple[str, bool]:
    """Compare the recorded number with the printed one."""
    if script.found is None:
        return "No number is recorded: other values come than should, or none.", True
    value = _printed_number(printed, script.place)
    if value is not None and math.isclose(value, script.found, rel_tol=tolerance):
        return f"The recorded number, {script.found!r}, comes out again.", True
    return f"The recorded number is {script.found!r}, and {value!r} comes out.", False


def _printed_number(printed: str, place: int) -> float | None:
    """Return the number in the last line ``found …``, or that at a place of a list there.

    None if there is no such number: the student's code may print any text behind ``found``.
    """
    lines = [line for line in printed.splitlines() if line.startswith("found ")]
    if not lines:
        return None
    said = lines[-1].removeprefix("found")
    try:
        values = json.loads(said.replace("nan", "NaN").replace("inf", "Infinity"))
        return float(values[place] if isinstance(values, list) else values)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None
