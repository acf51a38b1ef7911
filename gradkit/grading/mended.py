"""Tell what changes mend of the findings of a net: what is gone after each, and what is left.

A mistake that is gone once a change is made is told at its line; what had no name is told as the
change; and what is left once all are made has names more often than what there was before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import mistake
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading.changed_text import WHOLE
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.submission import Cell, Place

FINDINGS_OF_ENTRY_ON_LINE, MISTAKES_ON_LINE, FINDINGS_OF_ENTRY = 3, 4, 5
"""Numbers of findings about one entry on one line, of different mistakes on one line, and of
findings about one entry: from these numbers on, one change is likelier, see `have_common_cause`."""

OF_NAMES = frozenset({"wrong-name", "wrong-entry", "wrong-index"})
"""Kinds of changes by which what a name is given, or stands for, may be another's."""

STILL = "not-updated"
"""The mistake that leaves entries as they were."""


class Step(Struct, frozen=True):
    """A change of a cell's text, as a finding, with the text of cells, by id, before and after it.

    ``arrays`` are the student's names of the arrays that are right after the change. It is empty
    for a change that is tried for one mistake.
    """

    change: Finding
    proposal: Proposal
    before: str
    texts: Mapping[str, str]
    arrays: frozenset[str] = frozenset()


def of_check(check: str, inquiry: Inquiry) -> list[Finding]:
    """Return those findings of an inquiry that belong to a check."""
    return [each for each in inquiry.findings if each.check == check]


def have_common_cause(findings: Sequence[Finding]) -> bool:
    """Return whether one change of the text explains findings better than separate mistakes.

    It does if many findings are about one entry or one line, see `FINDINGS_OF_ENTRY_ON_LINE`. It
    also does if one finding says that entries of an array are not updated, and another finding is
    about the same array: the code may write to the wrong entries.
    """
    on_one = Counter((entry, each.place) for each in findings for entry in each.entries)
    kinds = Counter(place for _, place in {(each.mistake, each.place) for each in findings})
    of_one = Counter(entry for each in findings for entry in each.entries)
    counts = (
        (on_one, FINDINGS_OF_ENTRY_ON_LINE),
        (kinds, MISTAKES_ON_LINE),
        (of_one, FINDINGS_OF_ENTRY),
    )
    # A statement that leaves entries of an array unchanged may write to other entries instead.
    left, written = ({*_arrays_of(findings, still=still)} for still in (True, False))
    many = any(max(times.values(), default=0) >= most for times, most in counts)
    return many or bool(left & written)


def share_entries(findings: Sequence[Finding]) -> bool:
    """Return whether two findings are about exactly the same entries.

    One wrong name may then be the reason for both.
    """
    return len({each.entries for each in findings}) < len(findings)


def _arrays_of(findings: Sequence[Finding], *, still: bool) -> Iterator[str]:
    """Yield the array of each entry of some findings, such as ``dW1`` for ``dW1[0, 2]``.

    If ``still``, these are the findings with the mistake `STILL`, else all others. Arrays repeat.
    """
    for finding in findings:
        if (finding.mistake == STILL) is still:
            yield from map(_array_of, finding.entries)


def _array_of(entry: str) -> str:
    return entry.partition("[")[0]


def with_steps(
    inquiry: Inquiry,
    steps: Sequence[Step],
    found: Sequence[Inquiry],
    right: Collection[str],
    cells: Sequence[Cell],
) -> Inquiry:
    """Return findings with the changes that repair them, and the mistakes left after these.

    A finding that is gone after a change gets the line of the change, or is replaced by it. If no
    finding is left about the check of a change, the change counts only if the check then passes. If
    findings are left, a change that makes whole ``arrays`` right counts only in the update, and
    only if it corrects single mistakes.

    Parameters
    ----------
    inquiry : Inquiry
        The findings before all changes.
    steps : sequence of Step
        The changes, each made to the text that the changes before it left.
    found : sequence of Inquiry
        The findings after each change.
    right : collection of str
        Checks that pass after all changes, and failed before.
    cells : sequence of Cell
        The submitted cells.
    """
    known = {_name(each): each for each in reversed(inquiry.findings)}
    rest = _with_original_lines(found[-1], steps, cells)
    told: list[Finding] = []
    mended: dict[tuple[str, str], set[str]] = {}
    for step, before, after in zip(steps, [inquiry, *found], found, strict=False):
        still, check = {*map(_name, after.findings)}, step.change.check
        own = of_check(check, inquiry)
        part = check != "update" or step.change.mistake == WHOLE or have_common_cause(own)
        left = of_check(check, rest)
        if (part and step.arrays) if left else check not in right:
            # What makes a part of it right may be made for what is wrong elsewhere, unless it was
            # tried for one mistake; what leaves nothing to find has to be right.
            continue
        gone = [known.get(_name(f), f) for f in before.findings if _name(f) not in still]
        gone = [each for each in gone if each.mistake != UNEXPLAINED]
        rests = [each for each in gone if _name(each) not in known and _is_leftover(each, told)]
        if rests and gone == rests:
            continue
        gone = [each for each in gone if each not in rests]
        rough = _repaired_part(known.get((check, UNEXPLAINED)), step, after)
        if gone or rough is not None or not own:
            alone = len(steps) == 1 and not (left and step.arrays)
            # What is gone with the mistake that a change was tried for is part of that.
            unnamed = rough if step.arrays else None
            told += _findings_of_change(step.change, gone, unnamed, before, alone=alone)
            for each in [*gone, *([rough] if rough is not None else [])]:
                mended.setdefault(_name(each), set()).update(each.entries)
    return _merged(inquiry, rest, told, mended, {step.change.check for step in steps}, right)


def _merged(
    inquiry: Inquiry,
    rest: Inquiry,
    told: Sequence[Finding],
    mended: Mapping[tuple[str, str], Collection[str]],
    changed: Collection[str],
    right: Collection[str],
) -> Inquiry:
    """Return an inquiry in which findings on changes replace those that the changes repair.

    It is unchanged without findings on changes. Checks without a finding get all named mistakes as
    causes.

    Parameters
    ----------
    inquiry : Inquiry
        The findings before all changes.
    rest : Inquiry
        The findings after all changes, at lines of the submitted text.
    told : sequence of Finding
        The findings on changes.
    mended : mapping of (str, str) to collection of str
        The repaired entries by check and mistake.
    changed : collection of str
        The checks that changes were made for.
    right : collection of str
        Checks that pass after all changes, and failed before.
    """
    if not told:
        return inquiry
    known = {_name(each): each for each in reversed(inquiry.findings)}
    further = {(*_name(each), each.entries): each for each in rest.findings}
    parts: list[tuple[bool, list[Finding]]] = []
    for each in inquiry.findings:
        gone_from = mended.get(_name(each))
        if each.mistake == UNEXPLAINED:
            entries = tuple(e for e in each.entries if e not in (gone_from or ()))
            some = [replace(each, entries=entries)] if entries or gone_from is None else []
            some = _explained_later(each.check, entries, rest, known) or some
        else:
            some = [further.get((*_name(each), each.entries), each)] if gone_from is None else []
        parts.append((gone_from is not None or any(e.diff for e in some), some))
    first = next((n for n, (changed, _) in enumerate(parts) if changed), len(parts))
    others = [some for _, some in parts]
    found_first = {each.check for each in inquiry.findings}
    more = [each for each in rest.findings if each.check in {*changed} - found_first]
    findings = tuple(chain(*others[:first], told, *others[first:], more))
    # Later checks get a right forward pass: its mistakes are causes only if they are all there is.
    later = [each for each in findings if each.check != "forward"] or findings
    ids = tuple(each.id for each in later if each.mistake != UNEXPLAINED)
    checks = {*inquiry.causes, *rest.causes, *right} - {each.check for each in findings}
    causes = {check: _causes_of(check, ids, inquiry) for check in sorted(checks)}
    return replace(inquiry, findings=findings, causes=causes, doubtful=rest.doubtful)


def _causes_of(check: str, ids: Sequence[str], before: Inquiry) -> tuple[str, ...]:
    """Return the ids that make a check fail, without those known before to be no cause of it."""
    others = {each.id for each in before.findings} - {*before.causes.get(check, ids)}
    return tuple(each for each in ids if each not in others) or tuple(ids)


def _name(finding: Finding) -> tuple[str, str]:
    return finding.check, finding.mistake


def _is_leftover(finding: Finding, told: Sequence[Finding]) -> bool:
    """Return whether a finding is the rest of a mistake that an earlier change repaired in part.

    A rate that is wrong in two lines is one mistake. Once the first line is right, the other one
    has a name of its own: it is uneven. ``told`` are the findings on earlier changes; one of them
    has to have all entries of the finding.
    """
    return bool(finding.entries) and any(
        each.check == finding.check and {*finding.entries} <= {*each.entries} for each in told
    )


def _repaired_part(rough: Finding | None, step: Step, after: Inquiry) -> Finding | None:
    """Return the unexplained finding ``rough`` with only the entries that a change makes right.

    These are entries of the arrays of ``step``. If it or the finding has none, the whole finding is
    returned if the findings ``after`` the change do not have it. None if nothing is repaired.
    """
    if rough is None or not (rough.entries and step.arrays):
        return rough if rough and _name(rough) not in map(_name, after.findings) else None
    entries = tuple(e for e in rough.entries if _array_of(e) in step.arrays)
    return replace(rough, entries=entries) if entries else None


def _findings_of_change(
    change: Finding, gone: Sequence[Finding], rough: Finding | None, before: Inquiry, *, alone: bool
) -> list[Finding]:
    """Return the findings to report for a change: the mistakes that it removes, or the change.

    ``change`` is the finding of the change, ``gone`` are the findings that it removes, and
    ``before`` are all findings before it. The change itself is reported for the entries of
    ``rough``, an unexplained finding that it repairs, and in place of ``gone`` if it removes so
    many that it is the likelier explanation. Otherwise a removed mistake gets the line of the
    change if `_is_at_change` allows it; ``alone`` says that no other change was made.
    """
    about = [*gone, *([rough] if rough is not None else [])]
    partly = rough is not None and change.mistake != WHOLE
    other = change.mistake in OF_NAMES and len(gone) > 1 and share_entries(gone)
    if gone and (partly or other or have_common_cause(about)):
        return [_with_entries(change, about, about)]
    made = [
        _moved_to_change(f, change) if _is_at_change(f, change, before, alone=alone) else f
        for f in gone
    ]
    return (
        made
        if gone and rough is None
        else [*made, _with_entries(change, about[len(gone) :], about)]
    )


def _with_entries(change: Finding, whole: Sequence[Finding], about: Sequence[Finding]) -> Finding:
    """Return the finding ``change`` with all entries of the findings ``whole``.

    The formulas of these entries, the student's and the right ones, come from the findings
    ``about``. Of several formulas for an entry, the last is used. The finding has only the change's
    own place.
    """
    entries = tuple(dict.fromkeys(entry for each in whole for entry in each.entries))
    applies = {entry: text for each in about for entry, text in each.applies.items()}
    should = {entry: text for each in about for entry, text in each.should.items()}
    found = {"applies": applies, "should": should}
    formulas = {word: {e: texts[e] for e in entries if e in texts} for word, texts in found.items()}
    return replace(_moved_to_change(change, change), entries=entries, **formulas)


def _is_at_change(finding: Finding, change: Finding, before: Inquiry, *, alone: bool) -> bool:
    """Return whether a finding may be shown at the line of the change that repairs its mistake.

    ``change`` is the finding of the change, ``before`` are the findings before it. The change is on
    one of the finding's own lines; or these lines are a guess and no other finding is about its
    entries; or the change is the only one (``alone``). The change has to repair all entries of the
    finding. A change that rewrites a whole line is accepted only if it is of the mistake's kind.
    """
    unsure = {WHOLE} - {*mistake(finding.mistake).kinds}
    told = [entry for each in of_check(finding.check, before) for entry in each.entries]
    guess = finding.id in before.doubtful and all(told.count(e) == 1 for e in finding.entries)
    own = change.place in finding.places or guess or alone
    whole = any((_name(e), e.entries) == (_name(finding), finding.entries) for e in before.findings)
    return own and whole and change.mistake not in unsure


def _moved_to_change(finding: Finding, change: Finding) -> Finding:
    """Return a finding with the place, source, fix and diff of the change that repairs it."""
    assert change.place is not None  # noqa: S101  (a change has one)
    parts = ("place", "source", "columns", "fix", "adds", "diff")
    told = {name: getattr(change, name) for name in parts}
    return replace(finding, places=(change.place,), untraced="", **told)


def _explained_later(
    check: str,
    entries: Sequence[str],
    rest: Inquiry,
    known: Mapping[tuple[str, str], Finding],
) -> list[Finding]:
    """Return the findings after all changes on ``entries`` that were unexplained before.

    ``rest`` are all findings after the changes, and ``known`` the findings before them, by check
    and mistake. The result is empty if some of these entries are still unexplained, or have two
    findings.
    """
    fresh = [
        e for e in of_check(check, rest) if _name(e) not in known and {*e.entries} & {*entries}
    ]
    names = Counter(entry for each in fresh for entry in each.entries)
    guess = any(each.mistake == UNEXPLAINED for each in rest.findings)
    return [] if guess or any(names[entry] != 1 for entry in entries) else fresh


def _with_original_lines(inquiry: Inquiry, steps: Sequence[Step], cells: Sequence[Cell]) -> Inquiry:
    """Return the findings after some changes, at the places that their lines had before.

    ``steps`` are the changes in the order in which they were made, ``cells`` the submitted cells.
    """
    lines = dict[Place | None, Place]()
    for cell in cells:
        text = steps[-1].texts.get(cell.id, cell.source)
        for line in range(1, text.count("\n") + 2):
            was = line
            for step in reversed(steps):
                was = _original_line(step, was) if step.proposal.cell == cell.id else was
            lines[cell.place(line)] = cell.place(was)
    findings = tuple(
        replace(
            each,
            place=lines.get(each.place, each.place),
            places=tuple(lines.get(place, place) for place in each.places),
        )
        for each in inquiry.findings
    )
    return replace(inquiry, findings=findings)


def _original_line(step: Step, line: int) -> int:
    """Return the number that ``line`` of the changed text had before the change ``step``.

    A line that the change wrote has the number of an equal old line, else of the old line at the
    same position in the change.
    """
    made = step.proposal
    old, at = step.before.split("\n")[made.first - 1 : made.last], line - made.first
    if not 0 <= at < len(made.lines):
        return line - (len(made.lines) - len(old) if at >= 0 else 0)
    text = made.lines[at]
    return made.first + (old.index(text) if text in old else max(0, min(at, len(old) - 1)))
