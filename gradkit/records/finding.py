"""What the diagnosis says: one mistake, where it is, and the two rules it separates."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from gradkit.records.submission import Place

UNEXPLAINED = "unexplained"
"""The mistake of a finding that names none."""

FOR_INSTRUCTORS = frozenset({"memorised-answers", "numerical-gradient", "several-files"})
"""Findings that are for a person to judge, and never shown below the highest hint level."""


class Finding(Struct, frozen=True):
    """One mistake, entries that nothing in the catalogue explains, or a remark on a whole task.

    ``check`` is what it is charged to; a remark has none, and costs nothing.

    ``entries`` are written as the student indexes them, ``W1[0,1]``; ``applies`` and
    ``should`` map them to formulas in the student's own names. Both are verified on fresh
    inputs; an entry without a verified rule is in neither. ``place`` is the earliest
    statement whose value contains the mistake and ``source`` its text; ``places`` are all such
    statements where entries have their own. ``alternatives`` are other sets of
    mistakes that predict the same numbers; ``others`` are those of them that are worth a look in
    place of this one, by their titles. ``sentence`` says what the mistake is; ``hints``
    are those of levels 1 to 4. ``deduction`` is in points. ``untraced`` says why the lines could
    not be determined and ``place`` is the function's, if that is so. ``columns`` are where the
    doubtful part of ``source`` begins and ends; ``fix`` is what stands there once it is right, and
    ``diff`` that change of the text, after those of the findings before it, as a unified diff.
    """

    id: str
    check: str
    mistake: str
    title: str
    entries: tuple[str, ...]
    applies: Mapping[str, str] = field(default_factory=dict)
    should: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None
    source: str = ""
    places: tuple[Place, ...] = ()
    sentence: str = ""
    hints: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    others: tuple[str, ...] = ()
    deduction: float = 0.0
    untraced: str = ""
    columns: tuple[int, ...] = ()
    fix: str = ""
    diff: str = ""


class Inquiry(Struct, frozen=True):
    """All that the diagnosis of one task found.

    ``follows`` names, for each failed check that the findings account for completely, the
    mistakes it follows from. ``rounded`` are checks of which all that is not in a finding is
    right to single precision.
    """

    findings: tuple[Finding, ...] = ()
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rounded: tuple[str, ...] = ()


class NoDiagnosisError(Exception):
    """There is no diagnosis for such a task; the text says why, as a part of a sentence."""
