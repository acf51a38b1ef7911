"""An audit for whoever wrote the assignment: what slips through first, then the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradkit.records.audit import Audit, TaskAudit, Trial

WIDTH = 100


def to_text(audit: Audit) -> str:
    """Per task: what slips through, which checks catch the others, and the blind spots."""
    lines = [audit.assignment]
    for task in audit.tasks:
        lines += ["", f"{task.title} ({task.task})", *(f"  {line}" for line in _task(task))]
    ending = (
        "Nothing slips through."
        if audit.clean
        else "Something is to be mended before students see this: see the lines marked !."
    )
    return "\n".join([*lines, "", ending, ""])


def _task(task: TaskAudit) -> Iterator[str]:
    yield _solution(task)
    if task.untried:
        yield f"! The mistakes were not tried. {task.untried}"
        return
    if task.refused:
        yield f"! The correct behaviour itself does not pass {', '.join(task.refused)}."
    slipped = [trial for trial in task.trials if not trial.caught and not trial.allowed]
    allowed = [trial for trial in task.trials if not trial.caught and trial.allowed]
    kinds = len({trial.code for trial in task.trials})
    yield f"{kinds} mistakes were tried alone, in {len(task.trials)} forms."
    for trial in slipped:
        yield f"! slips through: {_named(trial)}"
    for trial in allowed:
        yield f"  no mistake here, as the rate is free: {_named(trial)}"
    for checks in sorted({trial.caught for trial in task.trials if trial.caught}):
        caught = [_named(trial) for trial in task.trials if trial.caught == checks]
        yield f"Caught by {', '.join(checks)}:"
        yield from (f"  {name}" for name in caught)
    for where, unseen in task.blind.items():
        if unseen:
            yield f"For information: {where}, alone, would let through"
            yield from _filled(unseen)


def _solution(task: TaskAudit) -> str:
    if task.solution:
        return f"! {task.solution}"
    if task.verified:
        return "The model solution agrees with the assignment."
    return "No model solution was looked at."


def _named(trial: Trial) -> str:
    return f"{trial.code}  {trial.form}".rstrip()


def _filled(trials: Iterable[Trial]) -> Iterator[str]:
    """The trials as running text, none of them broken in two."""
    line = ""
    for trial in trials:
        name = f"{trial.code} {trial.form}".rstrip()
        if line and len(line) + len(name) > WIDTH - 6:
            yield f"  {line};"
            line = ""
        line += f"; {name}" if line else name
    yield f"  {line}"
