"""What an assignment asks for, as text."""

from __future__ import annotations

from gradkit.records.task import Assignment, Task


def outline(assignment: Assignment) -> str:
    """Tasks with their roles, checks and points."""
    return f"{assignment.title} ({assignment.id})\n\n" + "\n".join(map(_task, assignment.tasks))


def _task(task: Task) -> str:
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
