"""Write points, states, doubtful parts, decisions and changes as text, and compare formulas.

`gradkit.grading.points` rounds a task's total and the points of its checks, once, to hundredths, so
that the printed points add up to the task's score.

Formulas of findings are parsed and compared with each other. Their text consists of signed terms of
factors, ``+0.002 · (y−ŷ) · W2′[0]``. A formula for a new value instead of a step begins with ``= ``
and an entry. The parser accepts every text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.result import (
    FOR_INSTRUCTORS,
    LEFT_ALONE,
    Adjustment,
    CheckResult,
    Comment,
    Finding,
    Result,
    State,
    TaskResult,
)
from gradkit.records.submission import Place
from gradkit.text import clean_text, format_count, format_entries, format_text, where


def points(value: float) -> str:
    """Write points with at most two decimals: ``4``, ``4.5``, ``4.33``."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def signed(value: float) -> str:
    """Write points with a sign: ``+2``, ``−1.5``."""
    return f"{'−' if value < 0 else '+'}{points(abs(value))}"


def score_text(score: float | None, most: float | None) -> str:
    """Write a score and the largest score, ``15.5 / 20``; a dash if either is None."""
    return "–" if score is None or most is None else f"{points(score)} / {points(most)}"


def place_text(state: State, place: Place) -> str:
    """Write where to look for a check in a state: a line, or the function with wrong outputs.

    If outputs are wrong, the place is where the function begins, which is not the wrong line.
    """
    text = where(place)
    return format_text("the function at {place}", place=text) if state == "fail" else text


def comparable(
    pairs: Iterable[tuple[float | None, float | None]],
) -> tuple[list[float], float, str]:
    """Return scores that can be averaged, the largest possible score, and the unit.

    ``pairs`` are scores with their largest possible scores; pairs without a score are left out. The
    unit is ``points``, or ``percent`` if the largest scores differ; then the scores are
    percentages.
    """
    known = [(score, most) for score, most in pairs if score is not None and most is not None]
    largest = max((most for _, most in known), default=0.0)
    if all(most == largest for _, most in known):
        return [score for score, _ in known], largest, "points"
    return [100 * score / (most or 1) for score, most in known], 100.0, "percent"


def tenths(scores: Iterable[float], most: float) -> list[int]:
    """Count the scores in each tenth of ``most``, the largest score; it counts in the last tenth.

    Examples
    --------
    >>> tenths([0, 1.9, 2, 20], 20)
    [2, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    """
    found = [min(int(10 * score / (most or 1)), 9) for score in scores]
    return [found.count(n) for n in range(10)]


WITHDRAWN = "withdrawn"
"""State that is shown instead of `fail` if all findings behind a failure were withdrawn."""

SIGNS: Mapping[str, tuple[str, str]] = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "error": ("✗", "fail"),
    "timeout": ("✗", "fail"),
    "missing": ("–", "absent"),
    "blocked": ("–", "absent"),
    "inconclusive": ("?", "open"),
    "not-checked": ("?", "open"),
    WITHDRAWN: ("–", "absent"),
}
"""The sign of each state of a check, and the kind by which it is counted and coloured."""


def state_of(check: CheckResult) -> str:
    """Return the state of a check, or `WITHDRAWN`."""
    if check.state != "fail" or check.score != check.max_score:
        return check.state
    return WITHDRAWN if check.withdrawn else check.state


def same_reason_text(mistakes: str) -> str:
    """Write that a check fails because of mistakes that were found in another check."""
    return format_text("This check fails because of {told}.", told=mistakes)


def wrong_entries_text(finding: Finding) -> str:
    """Write which entries a finding makes wrong; for a remark to instructors only name the entries.

    Examples
    --------
    >>> wrong_entries_text(Finding("1", "update", "wrong-order", "", ("W1[0,0]", "b1[0]")))
    'W1[0,0], b1[0] are wrong'
    >>> wrong_entries_text(Finding("1", "forward", "wrong-order", "", ("X left alone",)))
    'X (changed in place) is wrong'
    """
    names = format_entries([_output_name(entry) for entry in finding.entries])
    if finding.mistake in FOR_INSTRUCTORS:
        return names
    count = len(finding.entries)
    return format_count("{names} is wrong", "{names} are wrong", count, names=names)


def _output_name(entry: str) -> str:
    """Return the name that a report prints for an entry of a check.

    The entry "X left alone" compares an input before and after the call: it is printed as
    "X (changed in place)". Every other entry is printed as it is.
    """
    name = entry.removesuffix(LEFT_ALONE)
    return entry if name == entry else format_text("{name} (changed in place)", name=name)


def cost_text(finding: Finding) -> str:
    """Write the deduction of a finding, with the part of each check if there are several.

    Examples
    --------
    >>> costs = {"update": 1.8, "gradient": 1.5}
    >>> cost_text(Finding("", "update", "", "", (), deduction=3.3, costs=costs))
    '−3.3, by check: update 1.8, gradient 1.5'
    """
    if not finding.deduction:
        return ""
    total = f"−{points(finding.deduction)}"
    if set(finding.costs) <= {finding.check}:
        return total
    parts = ", ".join(f"{name} {points(n)}" for name, n in finding.costs.items())
    return format_text("{total}, by check: {parts}", total=total, parts=parts)


GRADIENT_VERDICTS = {"pass": "agree", "fail": "disagree", "inconclusive": "inconclusive"}


def gradient_text(state: str, factor: str) -> str:
    """Write the verdict of finite differences on one entry of a gradient, with its factor if any.

    ``state`` is the entry's state. ``factor`` is the text of the claimed value divided by the
    estimate; it may be empty.
    """
    verdict = GRADIENT_VERDICTS.get(state, state)
    if not factor:
        return verdict
    return format_text("{verdict}: claimed = {factor} × estimate", verdict=verdict, factor=factor)


def adjustment_text(line: Adjustment) -> str:
    """Write the reason for an adjustment of the score, or the decision of a person about a score.

    A deduction that is a share of some points names the share.
    """
    word = line.decision
    if word is None:
        share, base = points(-100 * line.points / (line.max_score or 1)), points(line.max_score)
        part = (
            format_text(", {share} % of {base} points", share=share, base=base)
            if line.max_score
            else ""
        )
        kinds = {
            "comment": "Comment",
            "numerical": "Finite differences",
            "late": "Late",
            "bonus": "Bonus",
            "scale": "Scale",
        }
        return f"{kinds.get(line.kind, line.kind)}: {line.said}{part}"
    set_ = CheckResult("", "pass", line.score, line.max_score, "", decision=word)
    return f"{line.name or 'Total'}: {override_text(set_)}"


def comment_place(comment: Comment, tasks: Mapping[str, str]) -> str:
    """Write what a comment is about: a line, a task by its title, or the whole submission.

    ``tasks`` maps the ids of tasks to their titles.
    """
    if comment.place is not None:
        return clean_text(where(comment.place))
    return tasks.get(comment.task, comment.task) or "The whole submission"


def comment_text(comment: Comment, tasks: Mapping[str, str]) -> str:
    """Write a comment of a grader with its place, points and author, in one paragraph.

    Examples
    --------
    >>> said = Comment(1, 1, "", None, "", "", "Well done.", 1.0, "Ben", "2026-11-25T10:00:00")
    >>> comment_text(said, {})
    'The whole submission: Well done. (+1, Ben)'
    """
    given = [signed(comment.points)] if comment.points else []
    signature = ", ".join([*given, " ".join(comment.by.split())])
    place = comment_place(comment, tasks)
    return f"{place}: {' '.join(clean_text(comment.text).split())} ({signature})"


def given_for(result: Result, task: TaskResult) -> Adjustment | None:
    """Return the adjustment by a person who has set the points of a whole task, or None."""
    key = ("task", task.title)
    return next((each for each in result.adjustments if (each.kind, each.name) == key), None)


def task_worth(result: Result, task: TaskResult) -> str:
    """Write the score of a task: the sum of its checks, or the points that a person has set."""
    line = given_for(result, task)
    if line is None:
        return score_text(task.score, task.max_score)
    return format_text("{worth}, set by a person", worth=score_text(line.score, task.max_score))


def count_text(result: Result) -> str:
    """Write how many tasks count, if only the submitted tasks count: ``1 of 4 tasks graded``."""
    if result.required or result.refused or len(result.tasks) >= result.all_tasks:
        return ""
    return format_text(
        "{count} of {all} tasks graded", count=len(result.tasks), all=result.all_tasks
    )


STALE = "The findings have changed since this was decided."


def override_text(check: CheckResult) -> str:
    """Write the points that a person has set for a check, with name, date, comment and the mark.

    The text contains words of a person, and must be escaped like the text of a student.

    Returns
    -------
    str
        One line; empty if no person has set the points.

    Examples
    --------
    >>> from gradkit.records.result import Decision
    >>> word = Decision(2.5, "A. Miller", "2026-11-25T10:00:00+00:00", "unclear sheet", False)
    >>> override_text(CheckResult("update", "fail", 4.0, 5.0, "", decision=word))
    'Set to 4 of 5 by A. Miller on 2026-11-25: unclear sheet. The computed points are 2.5.'
    >>> override_text(CheckResult("update", "fail", 2.5, 5.0, "", decision=word))
    'Kept at 2.5 of 5 by A. Miller on 2026-11-25: unclear sheet.'
    """
    word = check.decision
    if word is None:
        return ""
    comment = " ".join(word.comment.split())
    why = f": {comment}" if comment else ""
    stop = "" if comment.endswith((".", "!", "?")) else "."
    by = " ".join(word.by.split())
    is_kept = word.marked is not None and points(word.marked) == points(check.score)
    given = format_text(
        "Kept at {score} of {max_score} by {by}"
        if is_kept
        else "Set to {score} of {max_score} by {by}",
        score=points(check.score),
        max_score=points(check.max_score),
        by=by,
    )
    day = word.made[:10]
    text = format_text("{given} on {made}{why}{stop}", given=given, made=day, why=why, stop=stop)
    if word.marked is not None and not is_kept:
        text += " " + format_text("The computed points are {marked}.", marked=points(word.marked))
    return f"{text} {STALE}" if word.stale else text


def doubtful(finding: Finding) -> tuple[str, str, str]:
    """Split a finding's line into the text before its doubtful part, the part, and the text after.

    The texts are cleaned. The part is empty if there is none; otherwise it has at least one
    character, unless the line ends there.

    Examples
    --------
    >>> doubtful(Finding("", "", "", "", (), source="y = a * b", columns=(4, 5)))
    ('y = ', 'a', ' * b')
    """
    source = finding.source.replace("\t", " ")
    start, end = finding.columns or (len(source),) * 2
    if finding.columns:
        end = max(end, start + 1)
    before, part, after = source[:start], source[start:end], source[end:]
    return clean_text(before), clean_text(part), clean_text(after)


def mending(finding: Finding) -> str:
    """Return the words before the code that corrects a finding.

    They are ``right:`` if the code replaces the line; otherwise they say after or before which line
    the code is added.
    """
    if finding.adds is None or finding.place is None:
        return "right:"
    near = {0: "add below:", -1: "add above:"}
    far = format_text("add below line {line}:", line=finding.adds)
    return near.get(finding.adds - finding.place.line, far)


def since(before: Result, after: Result) -> Iterator[str]:
    """Yield the changes between two results: points, states of checks, new and gone mistakes.

    Parameters
    ----------
    before, after : Result
        Results of the same submission.

    Examples
    --------
    >>> from pathlib import Path
    >>> from gradkit.batch import grade_files
    >>> paths = [Path("handed_in/chen.py"), Path("handed_in/bilal.py")]
    >>> chen, bilal = grade_files(paths, seed=1, no_reference=True).results
    >>> changes = list(since(chen, bilal))
    >>> changes[0], changes[-1]
    ('15.5 / 20 → 20 / 20', 'gone: swapped-index')
    """
    scores = [score_text(each.score, each.max_score) for each in (before, after)]
    if scores[0] != scores[1]:
        yield " → ".join(scores)
    former = {task.task: task for task in before.tasks}
    for task in after.tasks:
        if task.task in former:
            yield from _of_task(former[task.task], task)


def _of_task(before: TaskResult, after: TaskResult) -> Iterator[str]:
    """Yield the changes of one task: states of checks, and gone and new mistakes."""
    states = {check.check: check.state for check in before.checks}
    for check in after.checks:
        if (was := states.get(check.check, check.state)) != check.state:
            yield f"{check.check}: {was} → {check.state}"
    old, new = (
        dict.fromkeys(finding.mistake for finding in each.findings) for each in (before, after)
    )
    if gone := [code for code in old if code not in new]:
        yield format_text("gone: {codes}", codes=", ".join(gone))
    if come := [code for code in new if code not in old]:
        yield format_text("new: {codes}", codes=", ".join(come))


STILL = "not moved"

FORMULAS = 2
"""Largest number of entries of a finding whose formulas are shown; the rest are similar."""
_TERM = re.compile(r" (?=[+−])")


class MarkedFactor(Struct, frozen=True):
    """One symbol, or one number, of a product. ``differs``: the other formula lacks it."""

    text: str
    differs: bool = False


class MarkedTerm(Struct, frozen=True):
    """A product with its sign, ``+`` or ``−``; the sign of a formula's first value may be empty."""

    sign: str
    factors: tuple[MarkedFactor, ...]
    sign_differs: bool = False


class Formula(Struct, frozen=True):
    """The step of an entry or, with ``value``, its new value. Without terms it does not move."""

    terms: tuple[MarkedTerm, ...]
    value: bool = False


def read_formula(text: str) -> Formula:
    """Parse the text of a formula."""
    body = text.removeprefix("= ")
    if body == STILL:
        return Formula(())
    return Formula(tuple(map(_term, _TERM.split(body))), body != text)


def _term(text: str) -> MarkedTerm:
    sign = text[:1] if text[:1] in ("+", "−") else ""
    return MarkedTerm(sign, tuple(MarkedFactor(part) for part in text[len(sign) :].split(" · ")))


def beside(formula: Formula, other: Formula | None) -> Formula:
    """Return a formula in which the parts that ``other`` lacks are marked.

    If ``other`` is None or has no terms, nothing is marked, because all parts would be.
    """
    return held_against(formula, other) if other is not None and other.terms else formula


def held_against(formula: Formula, other: Formula) -> Formula:
    """Return a formula in which the parts that ``other`` lacks are marked.

    Each term is compared with the term of the other formula that shares most factors with it.
    """
    return replace(formula, terms=tuple(_marked(term, other.terms) for term in formula.terms))


def _marked(term: MarkedTerm, others: Iterable[MarkedTerm]) -> MarkedTerm:
    """Mark the factors and the sign that a term has and the most similar other term lacks.

    The result is a copy; ``others`` are the terms of the other formula.
    """
    # A start value, which has no sign, is only compared with another start value.
    alike = [other for other in others if bool(other.sign) == bool(term.sign)]
    nearest = max(alike, key=lambda other: _shared(term, other), default=MarkedTerm("", ()))
    left = Counter(factor.text for factor in nearest.factors)
    factors = []
    for factor in term.factors:
        factors.append(replace(factor, differs=not left[factor.text]))
        left[factor.text] -= bool(left[factor.text])
    return MarkedTerm(term.sign, tuple(factors), term.sign != nearest.sign)


def _shared(term: MarkedTerm, other: MarkedTerm) -> int:
    own, others = ({factor.text for factor in each.factors} for each in (term, other))
    return len(own & others)


def spelled(formula: Formula) -> str:
    """Return the text of a formula, with marked parts between ‹ and ›."""
    terms = (
        _wrapped(term.sign, term.sign_differs)
        + " · ".join(_wrapped(factor.text, factor.differs) for factor in term.factors)
        for term in formula.terms
    )
    return ("= " if formula.value else "") + (" ".join(terms) if formula.terms else STILL)


def _wrapped(text: str, differs: bool) -> str:
    return f"‹{text}›" if differs and text else text


def pieces(applied: str, right: str) -> Iterator[tuple[str, bool]]:
    """Yield the text of a formula in pieces, and for each whether the right formula lacks it.

    ``applied`` is the text of the student's formula, ``right`` that of the right one. A sign is in
    one piece with the first factor of its term.
    """
    marked = beside(read_formula(applied), read_formula(right) if right else None)
    for number, term in enumerate(marked.terms):
        yield " " if number else "", False
        for place, factor in enumerate(term.factors):
            yield " · " if place else "", False
            head = "" if place else term.sign
            yield head + factor.text, factor.differs or (not place and term.sign_differs)


def locate(result: Result) -> Result:
    """Return a result whose places in scripts have the user's path, and columns if known.

    Places in notebooks stay: no editor opens a cell by its number.
    """
    return replace(result, tasks=tuple(_locate_task(result, task) for task in result.tasks))


def _locate_task(result: Result, task: TaskResult) -> TaskResult:
    """Return a task whose places have the path that the user gave, and columns where known.

    ``result`` has the path of the submission. Places in notebooks are unchanged.
    """
    # The place of a check can be the place of a finding, and stays equal to it.
    columns: dict[Place, int] = {}
    for finding in task.findings:
        if finding.place is not None:
            column = (columns_of(task, finding) or (0, 0))[0] or _indent(task, finding.place)
            columns.setdefault(finding.place, column)

    def with_path(place: Place | None) -> Place | None:
        """Return a place in a script with path and column, and any other place unchanged."""
        if place is None or place.cell is not None or place.title:
            return place
        column = columns.get(place) or _indent(task, place)
        return replace(place, file=path_of(result, place), column=column)

    def locate_check(check: CheckResult) -> CheckResult:
        return replace(check, place=with_path(check.place))

    return replace(
        task,
        checks=tuple(map(locate_check, task.checks)),
        findings=tuple(replace(each, place=with_path(each.place)) for each in task.findings),
    )


def path_of(result: Result, place: Place) -> str:
    """Return the path by which a user finds the file of a place: in or at the submitted path."""
    whole, part = (clean_text(text).replace("\\", "/") for text in (result.path, place.file))
    whole = whole.removeprefix("./").rstrip("/")
    if whole in ("", "."):
        return part
    return whole if f"/{whole}".endswith(f"/{part}") else f"{whole}/{part}"


def columns_of(task: TaskResult, finding: Finding) -> tuple[int, int] | None:
    """Return the first and the last column of a finding's doubtful part, counted from 1.

    The task holds the finding, and its listings are excerpts of the student's code. None is
    returned for a finding without a place or a doubtful part, for one in a notebook, and if the
    line is in no listing.
    """
    place = finding.place
    _, part, _ = doubtful(finding)
    if place is None or place.cell is not None or not part:
        return None
    for line in _listed_lines(task, place):
        if line.strip() == finding.source:
            before = len(line) - len(line.lstrip()) + finding.columns[0]
            return before + 1, before + len(part)
    return None


def _indent(task: TaskResult, place: Place) -> int:
    """Return the column, counted from 1, of the first character of a line; 0 if not known."""
    lines = (line for line in _listed_lines(task, place) if line.strip())
    return next((len(line) - len(line.lstrip()) + 1 for line in lines), 0)


def _listed_lines(task: TaskResult, place: Place) -> Iterator[str]:
    """Yield the text of the line at a place, from each excerpt (listing) of a task that has it."""
    for listing in task.listings:
        lines: Sequence[str] = listing.source.split("\n")
        number = place.line - listing.first_line
        if (listing.file, listing.cell) == (place.file, place.cell) and 0 <= number < len(lines):
            yield lines[number]
