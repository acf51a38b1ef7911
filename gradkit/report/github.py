"""Write the log of a GitHub Actions step: the mark sheet, then annotations of the student's lines.

GitHub cannot mark a line of a notebook, so the annotations of a notebook name the cell in their
title.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.result import OPEN, CheckResult, Result, TaskResult
from gradkit.records.submission import Place
from gradkit.report.data import RULE_LEVEL, TITLE_LEVEL, command, log_text
from gradkit.report.plain_text import ENDLESS, check_text, finding_text, refusal_text
from gradkit.report.text import to_text
from gradkit.report.words import columns_of, locate, override_text, path_of
from gradkit.text import clean_text, format_text, where


class Annotation(Struct, frozen=True):
    """A message about a place; without a ``file`` it is about the whole submission.

    ``kind`` is ``error``, ``warning`` or ``notice``. ``line`` is from 1, and 0 for a notebook.
    ``columns`` are the first and the last column, from 1. ``code`` is the code of the mistake if
    the hint level shows it, otherwise the name of the check. ``identity`` is the id of the finding.
    """

    kind: str
    title: str
    message: str
    code: str = ""
    file: str = ""
    line: int = 0
    columns: tuple[int, int] | None = None
    identity: str = ""


def annotations_of(result: Result, hints: int) -> Iterator[Annotation]:
    """Yield a GitHub annotation for each finding, each other failed check, and each decision.

    A decision is points that a person has set. Problems with code that is not valid Python come
    first. ``hints`` is the hint level: below `RULE_LEVEL`, a finding is placed at its check's
    place; below `TITLE_LEVEL`, its code is the check's name.
    """
    for problem in result.problems:
        if problem.broken:
            message = log_text(clean_text(problem.message))
            made = Annotation("error", "not valid Python", message, "syntax")
            yield _placed(result, made, problem.place)
    for task in result.tasks:
        for check in task.checks:
            if check.decision is not None:
                text = log_text(clean_text(override_text(check)))
                yield Annotation("notice", f"{task.task}: {check.check}", text, check.check)
            if check.state == "pass":
                continue
            findings = [each for each in task.findings if each.check == check.check]
            for finding in findings:
                shown = hints >= RULE_LEVEL and finding.place is not None
                text = finding_text(finding, hints, ENDLESS)
                made = _at(result, task, check, finding.place if shown else check.place, text)
                yield replace(
                    made,
                    columns=columns_of(task, finding) if shown else None,
                    code=finding.mistake if hints >= TITLE_LEVEL else check.check,
                    identity=finding.id,
                )
            if not findings:
                # The decision of a person has its own annotation, see above.
                text = check_text(task, replace(check, decision=None), hints, ENDLESS)
                yield _at(result, task, check, check.place, text)


def _at(
    result: Result, task: TaskResult, check: CheckResult, place: Place | None, text: str
) -> Annotation:
    """Make the annotation of a check at a place; without ``text``, its message is the state.

    Without a place, the annotation is about the whole submission.
    """
    kind = "warning" if check.state in (*OPEN, "blocked") else "error"
    title = f"{task.task}: {check.check}"
    return _placed(result, Annotation(kind, title, text or check.state, check.check), place)


def _placed(result: Result, made: Annotation, place: Place | None) -> Annotation:
    """Return the annotation ``made`` at a place; for a notebook, its title names the cell.

    Without a place, it is unchanged.
    """
    if place is None:
        return made
    if place.cell is None:
        return replace(made, file=path_of(result, place), line=place.line)
    at = where(place) if place.title else f"{place.file}, {where(place)}"
    title = f"{clean_text(at)}: {made.title}"
    return replace(made, file=path_of(result, place), title=title)


EACH_KIND = 10
"""Number of annotations of a kind that GitHub shows for a step; it silently drops the others."""


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """Write the mark sheets, and a workflow command for each annotation."""
    found = [each for result in results for each in annotations_of(result, hints)]
    return to_text([locate(result) for result in results], hints) + _lines(found)


def refusal(sentences: Sequence[str]) -> str:
    """Write an error for each submission that could not be graded."""
    return _lines([Annotation("error", "not graded", refusal_text(each)) for each in sentences])


def _lines(annotations: Sequence[Annotation]) -> str:
    return "".join(f"{_command(each)}\n" for each in _bounded(annotations))


def _command(each: Annotation) -> str:
    """Return the workflow command of an annotation."""
    columns = map(str, each.columns or ("", ""))
    place = {"file": each.file, "line": str(each.line or "")}
    place |= zip(("col", "endColumn"), columns, strict=True)
    return command(each.kind, each.message, {**place, "title": each.title})


def _bounded(annotations: Sequence[Annotation]) -> Iterator[Annotation]:
    """Yield as many annotations of each kind as GitHub shows, `EACH_KIND`.

    If a kind has more, its last annotation says how many are left out.
    """
    total = Counter(each.kind for each in annotations)
    seen: Counter[str] = Counter()
    for each in annotations:
        seen[each.kind] += 1
        if seen[each.kind] == EACH_KIND < total[each.kind]:
            more = format_text(
                "{left} more are in the log of this step: GitHub shows no more here.",
                left=total[each.kind] - EACH_KIND + 1,
            )
            yield Annotation(each.kind, "and more", more)
        elif seen[each.kind] <= EACH_KIND:
            yield each
