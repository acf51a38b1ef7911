"""The log of a GitHub Actions step: the mark sheet, then annotations at the student's own lines.

A notebook has no lines that GitHub could mark, so its annotations name the cell in their title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gradkit.language import say
from gradkit.records.result import Result
from gradkit.report.annotations import Annotation, annotations_of
from gradkit.report.escape import command
from gradkit.report.plain_text import refusal_text
from gradkit.report.text import to_text

EACH_KIND = 10
"""Annotations of a kind that GitHub shows of a step; it drops the others without a word."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """The sheet, and a workflow command for each annotation."""
    found = [each for result in results for each in annotations_of(result, hints)]
    return to_text(results, hints) + _lines(found)


def refusal(sentences: Sequence[str]) -> str:
    """An error for each submission that could not be graded."""
    return _lines(
        [Annotation("error", say("not graded"), refusal_text(each)) for each in sentences]
    )


def _lines(annotations: Sequence[Annotation]) -> str:
    return "".join(f"{_command(each)}\n" for each in _bounded(annotations))


def _command(each: Annotation) -> str:
    columns = map(str, each.columns or ("", ""))
    place = {"file": each.file, "line": str(each.line or "")}
    place |= zip(("col", "endColumn"), columns, strict=True)
    return command(each.kind, each.message, {**place, "title": each.title})


def _bounded(annotations: Sequence[Annotation]) -> Iterator[Annotation]:
    """Give as many of each kind as are shown; the last of them counts the rest."""
    total = Counter(each.kind for each in annotations)
    seen: Counter[str] = Counter()
    for each in annotations:
        seen[each.kind] += 1
        if seen[each.kind] == EACH_KIND < total[each.kind]:
            more = say(
                "{left} more are in the log of this step: GitHub shows no more here.",
                left=total[each.kind] - EACH_KIND + 1,
            )
            yield Annotation(each.kind, say("and more"), more)
        elif seen[each.kind] <= EACH_KIND:
            yield each
