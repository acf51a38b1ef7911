"""Write how a grade came about, for whoever has to answer for it, and as data.

No word in it is gradkit's alone: it is read by people who have never seen the command.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from gradkit.language import phrase, say
from gradkit.records.classroom import Run, RunKind
from gradkit.records.reports import Attempt, History, Mark, Step
from gradkit.report.escape import OLD_COMMAND, log_text
from gradkit.report.rounding import points
from gradkit.report.table import Table, show_table
from gradkit.report.words import word
from gradkit.text import clean_text

SCHEMA = "gradkit/history/v1"

DID: Mapping[RunKind, str] = {
    "grade": phrase("graded"),
    "remark": phrase("marked again"),
    "override": phrase("points set"),
    "release": phrase("given back"),
    "purge": phrase("somebody was removed"),
}
"""What each kind of run does."""

SHORT = 12
"""Characters of a digest that tell it from others; the data have all of it."""


def to_text(history: History) -> str:
    """Write what counts, then every run in order, each line of what it found and changed."""
    lines = [f"{history.name}: {_mark(history.mark)}", ""]
    if history.steps:
        lines += [say("How that came about, in order. Times are UTC."), ""]
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
        console.print(Text(say("Nothing has been done yet.")))
        return
    rows = [(run.id, say(DID[run.kind]), _time(run.began), run.who, _why(run)) for run in runs]
    heads = (say("run"), say("what"), say("when (UTC)"), say("who"), say("why"))
    show_table(Table(heads, rows, right=(0,)), console)


def _why(run: Run) -> str:
    parts = [run.why, _rule(run.policy) if run.policy else "", _end(run.ended)]
    return " ".join(filter(None, parts))


def _end(ended: str | None) -> str:
    return "" if ended else say("It did not come to its end.")


def _time(stamp: str) -> str:
    return stamp[:16].replace("T", " ")


def _mark(mark: Mark | None) -> str:
    """Write what counts in words."""
    if mark is None:
        return say("nothing counts")
    if mark.score is None or mark.max_score is None:
        said = say("could not be graded")
    else:
        said = say(
            "{score} of {max_score} points",
            score=points(mark.score),
            max_score=points(mark.max_score),
        )
    return (
        say(
            "{said} (attempt {number} of {attempts})",
            said=said,
            number=mark.number,
            attempts=mark.attempts,
        )
        if mark.attempts > 1
        else said
    )


def _step(step: Step) -> Iterator[str]:
    why = f": {' '.join(step.why.split())}" if step.why else ""
    yield say(
        "Run {run}, {time}, {what} by {who}{why}",
        run=step.run,
        time=_time(step.began),
        what=say(DID[step.kind]),
        who=step.who,
        why=why,
    )
    told = [
        *(line for attempt in step.attempts for line in _attempt(attempt, step.kind)),
        *(say("Withdrawn from everybody: {code}.", code=code) for code in step.drops),
        *(say("No longer withdrawn: {code}.", code=code) for code in step.keeps),
        *([_rule(step.policy)] if step.policy else ()),
        *(_word(word.task, word.check, word.points) for word in step.words),
        *(
            say("Given back: {file}, SHA-256 {digest}.", file=each.file, digest=each.digest)
            for each in step.releases
        ),
        _end(step.ended),
    ]
    yield from (f"  {line}" for line in told if line)
    if step.before == step.after:
        yield say("  What counts is unchanged: {mark}.", mark=_mark(step.after))
    elif step.before is None:
        yield say("  What counts from then on: {mark}.", mark=_mark(step.after))
    else:
        yield say(
            "  What counts: {before} before, {after} from then on.",
            before=_mark(step.before),
            after=_mark(step.after),
        )


def _rule(policy: str | None) -> str:
    """Write in words which attempt counts."""
    if policy and policy.startswith("before="):
        return say(
            "From then on the last attempt before {policy} counts.",
            policy=policy.removeprefix("before="),
        )
    return say("From then on the {policy} attempt counts.", policy=policy)


def _word(task: str, check: str, given: float | None) -> str:
    if given is None:
        return say(
            "The points set for {task}/{check} were taken back: the mark counts again.",
            task=task,
            check=check,
        )
    return say(
        "{task}/{check} was set to {given} points.", task=task, check=check, given=points(given)
    )


def _attempt(attempt: Attempt, kind: RunKind) -> Iterator[str]:
    """Write what a run found and what came of it."""
    late = say(", late") if attempt.late else ""
    at = say(", handed in {at}", at=attempt.at) if attempt.at else ""
    found = say("The stored answers of") if kind == "remark" else say("Found")
    same = say("Found again, unchanged:") if attempt.unchanged else found
    yield say(
        "{same} {original}{at}{late} (contents {digest}).",
        same=same,
        original=attempt.original,
        at=at,
        late=late,
        digest=_short(attempt.digest),
    )
    if attempt.unchanged:
        return
    if attempt.standing != "graded":
        yield say(
            "It was {standing}: {told}", standing=word(attempt.standing or ""), told=attempt.told
        )
        return
    if kind == "grade":
        yield say("Read from {path}.", path=attempt.path)
    digests = attempt.digests or {}
    reference = digests.get("reference")
    against = (
        say(" and model solutions {reference}", reference=_short(reference))
        if reference
        else say(", without solutions")
    )
    yield (
        say(
            "Held against the assignment {assignment} ({digest}){against}, deductions {preset}.",
            assignment=attempt.assignment,
            digest=_short(digests["assignment"]),
            against=against,
            preset=attempt.preset,
        )
    )
    yield say(
        "With {versions}.",
        versions=", ".join((f"{name} {v}" for name, v in (attempt.versions or {}).items())),
    )
    seeds = ", ".join(f"{task} {seed}" for task, seed in (attempt.seeds or {}).items())
    yield say("Inputs drawn from the seeds {seeds}.", seeds=seeds)
    score = say(
        "{score} of {max_score} points",
        score=points(attempt.score or 0.0),
        max_score=points(attempt.max_score or 0.0),
    )
    yield say(
        "By the mark alone: {score}{provisional}.",
        score=score,
        provisional=say(" (provisional)") if attempt.provisional else "",
    )
    if attempt.found:
        yield say("Found: {found}.", found=", ".join(attempt.found))


def _short(digest: str) -> str:
    return f"SHA-256 {digest[:SHORT]}…"
