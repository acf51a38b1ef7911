"""Write the findings of a search for repairs with the lines and words of the submitted text.

Each repair changes the text that the repairs before it left, so its lines may be in no file of the
student. In nets, a search adds to mistakes that their numbers have proved. These mistakes keep the
texts that they had before the search.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from gradkit.grading.points import HIDDEN_CHANGES
from gradkit.records.result import Finding, Inquiry
from gradkit.records.submission import Cell, Place
from gradkit.submission.definitions import line_at

WHAT_AND_WHERE = 2
"""Number of hint levels that name a function and a kind of mistake, and quote no code."""


def as_submitted(inquiry: Inquiry, cells: Sequence[Cell]) -> Inquiry:
    """Return an inquiry whose findings quote the submitted lines at their places.

    ``cells`` have the submitted text. A finding loses its repair if the repair changes a line that
    differs from the submitted one, or if it writes or inserts a whole line: such a line may come
    from the model solution.
    """
    return replace(
        inquiry, findings=tuple(_without_hidden_repair(each, cells) for each in inquiry.findings)
    )


def _without_hidden_repair(finding: Finding, cells: Sequence[Cell]) -> Finding:
    """Return a finding that quotes the submitted line, without a repair that must not be shown."""
    quoted = _quoting(finding, cells)
    if quoted.source == finding.source and finding.mistake not in HIDDEN_CHANGES:
        return quoted
    return replace(quoted, fix="", adds=None, diff="")


def explained(proved: Inquiry, searched: Inquiry, cells: Sequence[Cell]) -> Inquiry:
    """Combine the findings of a search with the findings that it started from.

    Parameters
    ----------
    proved : Inquiry
        The inquiry before the search, from the numbers alone.
    searched : Inquiry
        The inquiry with the findings of the search.
    cells : sequence of Cell
        The submitted text, without any change.

    Returns
    -------
    Inquiry
        The findings of the search, each with the submitted line that it points to. A mistake that
        was proved keeps its own words and formulas. No finding has the text of a repair.
    """
    if searched == proved:
        return proved
    known = {_key(finding): finding for finding in proved.findings}
    findings = tuple(
        each if each in proved.findings else _quoting(_with_proved_texts(each, known), cells)
        for each in searched.findings
    )
    return replace(searched, findings=findings, proved=proved)


Key = tuple[str, str, tuple[str, ...]]
"""The check, the code and the entries of a finding."""


def _key(finding: Finding) -> Key:
    """Return the values by which a finding is the same before and after a search."""
    return finding.check, finding.mistake, finding.entries


def _with_proved_texts(finding: Finding, known: Mapping[Key, Finding]) -> Finding:
    """Return a finding of a search without texts that may come from a changed submission.

    ``known`` has the findings from before the search, by check, mistake and entries. If it has the
    same mistake, the result is that finding with the new lines. Otherwise the finding loses its
    repair, and the formulas and hints that no known finding has.
    """
    same = known.get(_key(finding))
    if same is not None:
        fields = ("place", "places", "source", "columns", "untraced")
        return replace(same, **{name: getattr(finding, name) for name in fields})
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
    """Return the ``formulas`` that a mapping in ``known`` has too, for the same entry."""
    return {
        entry: text
        for entry, text in formulas.items()
        if any(each.get(entry) == text for each in known)
    }


def _quoting(finding: Finding, cells: Sequence[Cell]) -> Finding:
    """Return a finding with the submitted line at its place, without places that ``cells`` lack.

    ``cells`` are the submitted cells. The underlined columns are kept only if the finding had the
    same line before.
    """
    places = tuple(place for place in finding.places if _is_there(place, cells))
    place = finding.place if finding.place and _is_there(finding.place, cells) else None
    source = "" if place is None else line_at(cells, place).strip()
    start, end = finding.columns or (0, 0)
    # Columns of another text would underline a random part of the line.
    has_columns = source == finding.source and 0 <= start <= end <= len(source)
    columns = finding.columns if has_columns else ()
    return replace(finding, place=place, places=places, source=source, columns=columns)


def _is_there(place: Place, cells: Sequence[Cell]) -> bool:
    """Return whether a place is a line of the submitted cells."""
    lines = ((cell.line_of(place), cell.source.count("\n") + 1) for cell in cells)
    return any(0 < line <= count for line, count in lines)
