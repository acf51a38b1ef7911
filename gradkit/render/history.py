"""How a grade came about, for whoever has to answer for it, and as data.

No word in it is gradkit's alone: it is read by people who have never seen the command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from gradkit.records.account import Attempt, History, Mark, Step
from gradkit.records.classroom import Run, RunKind
from gradkit.render.allot import points
from gradkit.render.escape import OLD_COMMAND, log_text
from gradkit.render.table import filled
from gradkit.text import clean_text

SCHEMA = "gradkit/history/v1"

DID: Mapping[RunKind, str] = {
    "grade": "graded",
    "remark": "marked again",
    "override": "points set",
    "release": "given back",
    "purge": "somebody was removed",
}
"""What each kind of run does."""

SHORT = 12
"""Characters of a digest that tell it from others; the data have all of it."""


def to_text(history: History) -> str:
    """What counts, then every run in order, each line of what it found and changed."""
    lines = [f"{history.name}: {_mark(history.mark)}", ""]
    if history.steps:
        lines += ["How that came about, in order. Times are UTC.", ""]
    for step in history.steps:
        lines += [*_step(step), ""]
    return log_text("".join(f"{clean_text(line)}\n" for line in lines[:-1]))


def to_json(history: History) -> str:
    """All of it as data, in UTF-8: schema ``gradkit/history/v1``, the names of the records."""
    data = {"schema": SCHEMA, **asdict(history)}
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair, from a file's name, is in no encoding.
    text = re.sub("[\ud800-\udfff]", "\ufffd", text)
    return OLD_COMMAND.sub(r"#\\u0023", text) + "\n"


def show_runs(runs: Sequence[Run], console: Console) -> None:
    """Print the runs of a class with their numbers."""
    if not runs:
        console.print(Text("Nothing has been done yet."))
        return
    rows = ((str(run.id), DID[run.kind], _time(run.began), run.who, _why(run)) for run in runs)
    console.print(filled(("run", "what", "when (UTC)", "who", "why"), rows, right=(0,)))


def _why(run: Run) -> str:
    parts = [run.why, _rule(run.policy) if run.policy else "", _end(run.ended)]
    return " ".join(filter(None, parts))


def _end(ended: str | None) -> str:
    return "" if ended else "It did not come to its end."


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _mark(mark: Mark | None) -> str:
    """What counts, in words."""
    if mark is None:
        return "nothing counts"
    if mark.score is None or mark.max_score is None:
        said = "could not be graded"
    else:
        said = f"{points(mark.score)} of {points(mark.max_score)} points"
    return f"{said} (attempt {mark.number} of {mark.attempts})" if mark.attempts > 1 else said


def _step(step: Step) -> Iterator[str]:
    why = f": {' '.join(step.why.split())}" if step.why else ""
    yield f"Run {step.run}, {_time(step.began)}, {DID[step.kind]} by {step.who}{why}"
    told = [
        *(line for attempt in step.attempts for line in _attempt(attempt, step.kind)),
        *(f"Withdrawn from everybody: {code}." for code in step.drops),
        *([_rule(step.policy)] if step.policy else ()),
        *(_word(word.task, word.check, word.points) for word in step.words),
        *(f"Given back: {each.file}, SHA-256 {each.digest}." for each in step.releases),
        _end(step.ended),
    ]
    yield from (f"  {line}" for line in told if line)
    if step.before == step.after:
        yield f"  What counts is unchanged: {_mark(step.after)}."
    elif step.before is None:
        yield f"  What counts from then on: {_mark(step.after)}."
    else:
        yield f"  What counts: {_mark(step.before)} before, {_mark(step.after)} from then on."


def _rule(policy: str | None) -> str:
    """Which attempt counts, in words."""
    if policy and policy.startswith("before="):
        return f"From then on the last attempt before {policy.removeprefix('before=')} counts."
    return f"From then on the {policy} attempt counts."


def _word(task: str, check: str, given: float | None) -> str:
    if given is None:
        return f"The points set for {task}/{check} were taken back: the mark counts again."
    return f"{task}/{check} was set to {points(given)} points."


def _attempt(attempt: Attempt, kind: RunKind) -> Iterator[str]:
    """What a run found and what came of it."""
    late = ", late" if attempt.late else ""
    at = f", handed in {attempt.at}" if attempt.at else ""
    found = "The stored answers of" if kind == "remark" else "Found"
    same = "Found again, unchanged:" if attempt.unchanged else found
    yield f"{same} {attempt.original}{at}{late} (contents {_short(attempt.digest)})."
    if attempt.unchanged:
        return
    if attempt.standing != "graded":
        yield f"It was {attempt.standing}: {attempt.told}"
        return
    if kind == "grade":
        yield f"Read from {attempt.path}."
    digests = attempt.digests or {}
    reference = digests.get("reference")
    against = f" and model solutions {_short(reference)}" if reference else ", without solutions"
    yield (
        f"Held against the assignment {attempt.assignment} ({_short(digests['assignment'])})"
        f"{against}, deductions {attempt.preset}."
    )
    yield f"With {', '.join(f'{name} {v}' for name, v in (attempt.versions or {}).items())}."
    seeds = ", ".join(f"{task} {seed}" for task, seed in (attempt.seeds or {}).items())
    yield f"Inputs drawn from the seeds {seeds}."
    score = f"{points(attempt.score or 0.0)} of {points(attempt.max_score or 0.0)} points"
    yield f"By the mark alone: {score}{' (provisional)' if attempt.provisional else ''}."
    if attempt.found:
        yield f"Found: {', '.join(attempt.found)}."


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:SHORT]}…"
