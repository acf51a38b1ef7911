"""Say what repairs explain in the words and lines of the submitted text.

A repair is found in the text with the repairs before it, so its lines may be in no file. The
search for repairs of nets adds to mistakes that were proved by their numbers: those keep their
words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from gradkit.grading.points import HIDDEN_CHANGES
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell, Place
from gradkit.submission.definitions import line_at

WHAT_AND_WHERE = 2
"""Hint levels that name a function and a kind of mistake, without quoting any code."""


def as_submitted(inquiry: Inquiry, cells: Sequence[Cell]) -> Inquiry:
    """Return findings that quote the submitted text, each with a repair of just that line.

    A line that is written anew, or put in, is the model solution's: its text is not shown.
    """
    return replace(inquiry, findings=tuple(_repaired(each, cells) for each in inquiry.findings))


def _repaired(finding: Finding, cells: Sequence[Cell]) -> Finding:
    quoted = _quoting(finding, cells)
    if quoted.source == finding.source and finding.mistake not in HIDDEN_CHANGES:
        return quoted
    return replace(quoted, fix="", adds=None, diff="")


def explained(proved: Inquiry, told: Inquiry, cells: Sequence[Cell]) -> Inquiry:
    """Combine the findings of a search with the inquiry that it started from.

    Parameters
    ----------
    proved : Inquiry
        The inquiry before the search, from the numbers alone.
    told : Inquiry
        The inquiry with the findings of the search.
    cells : sequence of Cell
        The submitted text, without any change.

    Returns
    -------
    Inquiry
        The findings of the search, each with the submitted line that it points to. A mistake that
        was proved keeps its own words and formulas. No finding has the text of a repair.
    """
    if told == proved:
        return proved
    known = {_key(finding): finding for finding in proved.findings}
    findings = tuple(
        each if each in proved.findings else _quoting(_in_known_words(each, known), cells)
        for each in told.findings
    )
    return replace(told, findings=findings, proved=proved)


Key = tuple[str, str, tuple[str, ...]]


def _key(finding: Finding) -> Key:
    return finding.check, finding.mistake, finding.entries


def _in_known_words(finding: Finding, known: Mapping[Key, Finding]) -> Finding:
    """Return a finding without texts that may come from a changed submission."""
    same = known.get(_key(finding))
    if same is not None:
        parts = ("place", "places", "source", "columns", "untraced")
        return replace(same, **{part: getattr(finding, part) for part in parts})
    proved = known.values()
    hints = finding.hints
    return replace(
        finding,
        applies=_known_formulas(finding.applies, [each.applies for each in proved]),
        should=_known_formulas(finding.should, [each.should for each in proved]),
        hints=hints if hints in [each.hints for each in proved] else hints[:WHAT_AND_WHERE],
        untraced="",
        fix="",
        adds=None,
        diff="",
    )


def _known_formulas(
    formulas: Mapping[str, str], known: Collection[Mapping[str, str]]
) -> dict[str, str]:
    """Return the formulas that were proved for the same entry of the submitted text."""
    return {
        entry: text
        for entry, text in formulas.items()
        if any(each.get(entry) == text for each in known)
    }


def _quoting(finding: Finding, cells: Sequence[Cell]) -> Finding:
    """Return a finding that quotes the submitted line at its place, or no line."""
    places = tuple(place for place in finding.places if _is_there(place, cells))
    place = finding.place if finding.place and _is_there(finding.place, cells) else None
    source = "" if place is None else line_at(cells, place).strip()
    start, end = finding.columns or (0, 0)
    # Columns of another text would mark a part of the line at random.
    fits = source == finding.source and 0 <= start <= end <= len(source)
    columns = finding.columns if fits else ()
    return replace(finding, place=place, places=places, source=source, columns=columns)


def _is_there(place: Place, cells: Sequence[Cell]) -> bool:
    lines = ((cell.line_of(place), cell.source.count("\n") + 1) for cell in cells)
    return any(0 < line <= count for line, count in lines)
