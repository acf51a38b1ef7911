"""Reproduce a finding by a Python script that does not need gradkit.

`show` looks up a finding in a result file, reads the student's code again, and writes a script
with this code and the input at which it failed. The script prints the student's number and, if
the hint level allows it, the expected number. Then the script is run, to check that it prints the
recorded number.
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
from gradkit.sandbox.process import UnfitError, check
from gradkit.text import clean_text

__all__ = ["ReproducerError", "Shown", "find", "findings_in", "findings_of", "run_again", "show"]


TOLERANCES = {"numpy": 1e-9, "torch": 1e-5}
"""Largest relative difference between the printed and the recorded number, by framework."""

TRACEBACK = 50_000
"""Largest number of bytes of a traceback that are shown."""


class Shown(Struct, frozen=True):
    """A script's text and output, and a sentence on whether it printed the recorded number."""

    text: str
    printed: str
    conclusion: str
    agrees: bool


def show(
    file: Path, finding: str, *, submission: str | None = None, assignment: Path | None = None
) -> Shown:
    """Write a script that reproduces a finding in a result file, and run it.

    Parameters
    ----------
    file : Path
        File that ``gradkit check --format json --out FILE`` has written.
    finding : str
        Id of the finding.
    submission : str or None
        Name of the submission, if the file has several results.
    assignment : Path or None
        Assignment file, by default gradkit's default assignment.

    Raises
    ------
    ReproducerError
        The file or the finding does not exist, or the submission is gone or has changed.
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
    """Write a script that reproduces a finding, and run it.

    Parameters
    ----------
    found : tuple
        The result, the task and the finding, as plain data.
    source : Submission
        The submission of the result, read again.
    where : str
        Origin of the result, for messages.
    assignment : Path or None
        Assignment file, by default gradkit's default assignment.
    reference : Path or None
        Folder of the model solutions, which may be needed to compute an input.

    Raises
    ------
    ReproducerError
        The assignment has changed, or the finding has no number to show.
    """
    result, recorded, finding = found
    settings = Settings((recorded["task"],), assignment=assignment, reference=reference)
    try:
        with Workshop() as workshop, Session(settings, workshop) as session:
            if session.assignment.digest != result["digests"]["assignment"]:
                raise ReproducerError(
                    f"{session.assignment.path} is not the assignment that {where} was made "
                    "with. Name the right one with --assignment."
                )
            nets = {task.id for task in session.tasks}
            kind = Script if recorded["task"] in nets else FunctionScript
            script = kind(result, recorded, finding, source, session)
            text = script.text()
            printed, failure = _run(workshop, text, script.task)
    except GradingError as error:
        raise ReproducerError(str(error)) from None
    if failure:
        return Shown(text, printed + failure, "The script does not finish.", agrees=False)
    return Shown(text, printed, *_compare(script, printed, TOLERANCES[script.task.framework.name]))


def _run(workshop: Workshop, text: str, task: Task | FunctionTask) -> tuple[str, str]:
    """Run a script in a sandboxed worker; return its output, and its traceback or an empty text.

    ``workshop`` provides the worker, ``text`` is the script, and ``task`` has the time limit and
    the modules that the script needs. If the worker was lost or cannot be used, the output is empty
    and the second text is the reason.
    """
    deadline = task.deadline
    try:
        with workshop.worker(deadline=deadline, modules=task.framework.modules) as worker:
            request = {"text": text}
            reply = worker.ask(Frame("script", {}, request), deadline)
            if reply.kind != "error":
                check("script", request, {}, reply)
            failure = reply.data.get("failure") or reply.data.get("text") or ""
            return worker.output, clean_text(str(failure), TRACEBACK)
    except (WorkerLost, WorkshopError, UnfitError) as error:
        return "", str(error)


def _compare(script: Script | FunctionScript, printed: str, tolerance: float) -> tuple[str, bool]:
    """Compare the recorded number of a finding with the number that its script printed.

    ``script`` has the recorded number, ``printed`` is the script's output, and ``tolerance`` the
    largest relative difference. Return a sentence for the user, and True if both numbers are equal.
    Without a recorded number, nothing is compared, and the second item is True.
    """
    if script.found is None:
        return "No number is recorded: the values are wrong or missing.", True
    value = _printed_number(printed, script.place)
    if value is not None and math.isclose(value, script.found, rel_tol=tolerance):
        return f"The recorded number, {script.found!r}, is reproduced.", True
    return f"The recorded number is {script.found!r}, but the script gives {value!r}.", False


def _printed_number(printed: str, place: int) -> float | None:
    """Return the number in the last line ``found …`` of the text that a script ``printed``.

    If the line has a list, the result is its item at ``place``. Return None if there is no such
    number: student code can print any text after ``found``.
    """
    lines = [line for line in printed.splitlines() if line.startswith("found ")]
    if not lines:
        return None
    text = lines[-1].removeprefix("found")
    try:
        values = json.loads(text.replace("nan", "NaN").replace("inf", "Infinity"))
        return float(values[place] if isinstance(values, list) else values)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
        return None
