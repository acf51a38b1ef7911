"""How a class has changed between two runs, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from gradkit.language import say
from gradkit.records.reports import Difference, Stood
from gradkit.report.rounding import points
from gradkit.report.table import filled
from gradkit.report.words import word


def show_differences(changed: Sequence[Difference], console: Console) -> None:
    """Print a line for each student: scores, and what else has changed."""
    if not changed:
        console.print(Text(say("Nothing has changed between these two runs.")))
        return
    rows = (
        (each.name, score(each.before), score(each.after), "\n".join(_changes(each)))
        for each in changed
    )
    console.print(
        filled((say("student"), say("before"), say("after"), say("what else")), rows, right=(1, 2))
    )


def score(stood: Stood | None) -> str:
    """What counts, as ``15 / 20``; of what has no points, why."""
    if stood is None:
        return "–"
    if stood.mark.score is None or stood.mark.max_score is None:
        return word(stood.standing)
    return f"{points(stood.mark.score)} / {points(stood.mark.max_score)}"


def _attempt(stood: Stood) -> str:
    return say("{number} of {attempts}", number=stood.mark.number, attempts=stood.mark.attempts)


def _changes(each: Difference) -> Iterator[str]:
    before, after = each.before, each.after
    if before is None or after is None:
        yield say("new") if before is None else say("gone")
    elif (was := _attempt(before)) != (now := _attempt(after)):
        yield say("attempt {was} → {now}", was=was, now=now)
    yield from (say("no more {code}", code=code) for code in each.gone)
    yield from (say("now {code}", code=code) for code in each.come)
    old, new = (stood.words if stood else {} for stood in (before, after))
    for name in {**old, **new}:
        if name not in new:
            yield say("{name}: no points set any more", name=name)
        elif old.get(name) != new[name]:
            yield say("{name}: set to {new}", name=name, new=points(new[name]))
