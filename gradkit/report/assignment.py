"""Write what an assignment asks for, and what an audit of it found, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gradkit.records.mistake import Audit, TaskAudit, Trial
from gradkit.records.task import Assignment, Task


def outline(assignment: Assignment) -> str:
    """Tasks with their roles, checks and points."""
    return f"{assignment.title} ({assignment.id})\n\n" + "\n".join(map(_outlined, assignment.tasks))


def _outlined(task: Task) -> str:
    sizes = "-".join(str(n) for n in (task.X.shape[1], *(layer.units for layer in task.layers)))
    activations = ", ".join(layer.activation for layer in task.layers)
    rates = task.rates
    lines = [
        f"{task.id}: {task.title}",
        f"  net     {sizes} ({activations}), loss {task.loss}, {task.epochs} epochs",
        f"  rates   weights {rates.weight:g}, biases {rates.bias:g} ({rates.policy})",
    ]
    for number, role in enumerate(task.roles):
        optional = "" if role.required else " (optional)"
        lines.append(
            f"  {'roles' if not number else '':<8}{role.name:<12}{role.signature}{optional}"
        )
    for number, check in enumerate(task.checks):
        lines.append(f"  {'checks' if not number else '':<8}{check.name:<12}{check.points:g}")
    total = sum(check.points for check in task.checks)
    return "\n".join([*lines, f"  {'':<8}{'points':<12}{total:g}", ""])


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
