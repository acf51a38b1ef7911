"""How a class has changed between two runs, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from gradkit.records.account import Difference, Stood
from gradkit.render.allot import points
from gradkit.render.table import filled


def show_differences(changed: Sequence[Difference], console: Console) -> None:
    """Print a line for each student: scores, and what else has changed."""
    if not changed:
        console.print(Text("Nothing has changed between these two runs."))
        return
    rows = (
        (each.name, score(each.before), score(each.after), "\n".join(_changes(each)))
        for each in changed
    )
    console.print(filled(("student", "before", "after", "what else"), rows, right=(1, 2)))


def score(stood: Stood | None) -> str:
    """What counts, as ``15 / 20``; of what has no points, why."""
    if stood is None:
        return "–"
    if stood.mark.score is None or stood.mark.max_score is None:
        return stood.standing
    return f"{points(stood.mark.score)} / {points(stood.mark.max_score)}"


def _attempt(stood: Stood) -> str:
    return f"{stood.mark.number} of {stood.mark.attempts}"


def _changes(each: Difference) -> Iterator[str]:
    before, after = each.before, each.after
    if before is None or after is None:
        yield "new" if before is None else "gone"
    elif (was := _attempt(before)) != (now := _attempt(after)):
        yield f"attempt {was} → {now}"
    yield from (f"no more {code}" for code in each.gone)
    yield from (f"now {code}" for code in each.come)
    old, new = (stood.words if stood else {} for stood in (before, after))
    for name in {**old, **new}:
        if name not in new:
            yield f"{name}: no points set any more"
        elif old.get(name) != new[name]:
            yield f"{name}: set to {points(new[name])}"
