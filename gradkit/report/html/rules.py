"""The two rules of each entry of a finding, typeset, with what differs marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradkit.records.finding import Finding
from gradkit.report.data import EXPECTED_LEVEL, RULE_LEVEL
from gradkit.report.formula import Formula, held_against, read
from gradkit.report.html.mathml import typeset
from gradkit.text import clean_text


@dataclass(frozen=True, slots=True)
class Rule:
    """How one entry moves, as MathML; with ``value``, what it becomes.

    ``applied`` is empty where it does not move, ``right`` where it is not shown.
    """

    entry: str
    value: bool
    applied: str
    right: str


def rules(finding: Finding, hints: int) -> Iterator[Rule]:
    """The rules that the level shows.

    What differs in the code's own rule is marked a level before the right rule is shown,
    as it is in the text.
    """
    for entry, text in finding.applies.items() if hints >= RULE_LEVEL else ():
        applied = _read(text)
        right = _read(finding.should[entry]) if entry in finding.should else None
        yield Rule(
            clean_text(entry),
            applied.value,
            _typeset(applied, right),
            _typeset(right, applied) if right is not None and hints >= EXPECTED_LEVEL else "",
        )


def _read(text: str) -> Formula:
    return read(clean_text(text))


def _typeset(formula: Formula, other: Formula | None) -> str:
    if not formula.terms:
        return ""
    # Beside an entry that stands still, all differs, and marks would say nothing.
    marked = held_against(formula, other) if other is not None and other.terms else formula
    return typeset(marked)
