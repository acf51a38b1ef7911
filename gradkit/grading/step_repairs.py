"""Tell a wrong rate, sign or name where it is set, whatever it goes through before it is used.

By the numbers it is told where a step is made. Where that line is hardly the wrong one, the few
changes are tried that may mend it further up: of a number that the text sets, of the differences
that errors are made of, of what the names are given that are used. A change mends a mistake if the
diagnosis of the changed text has it no more, and all others as they were.

What is wrong besides a product that stops has no numbers: that is mended first, by another product.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.inquiry.shared import shared_lines
from gradkit.diagnosis.mistakes.catalogue import mistake
from gradkit.diagnosis.repair import steps
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.tell import finding_of, marked
from gradkit.diagnosis.repair.text import Text
from gradkit.grading.net_repairs import FEW, OF_NAMES, RATES, is_much, with_changes
from gradkit.grading.repairs import HELD, WHOLE, Again, replaced
from gradkit.judge.case import Examined
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import finder

SIGN = "wrong-sign"
"""The mistake that is of a difference, wherever that is."""

TURNED = "weight-not-transposed"
"""The mistake that is of a product of the forward pass, in which none shows its line."""

HANDED = "wrong-layer-input"
"""The mistake that is of what lies in a row, if it is of several layers."""

LATE = "updated-before-use"
"""The mistake that is of the order of lines."""

ATTEMPTS = 12
"""Texts that are run at most for a mistake."""

NUMBER = re.compile(r"\d\.|\.\d|\de[-+\d]")
"""What a rate is written like."""

DOWN = re.compile(r"-=|\w - |[\])] ?-")
"""What a step is written like that goes down, as it should."""

Left = Callable[[Examined, int], Inquiry]
"""Finds the mistakes of the code that is loaded, given what it was examined to do at a seed."""


def with_lines(
    task: Task,
    examined: Examined,
    process: StudentProcess,
    inquiry: Inquiry,
    seed: int,
    again: Again,
    left: Left,
) -> Inquiry:
    """Return findings of a net with the lines that are wrong, and with changes that mend them.

    Parameters
    ----------
    task : Task
    examined : Examined
    process : StudentProcess
        The section's code.
    inquiry : Inquiry
        What was found of it by the numbers.
    seed : int
        Draws the inputs.
    again : callable
        See `gradkit.grading.repairs.Again`.
    left : callable
        See `Left`.
    """
    return _Search(task, process, seed, again, left, task.deadline).lines(examined, inquiry)


class _Search(Struct):
    """A search for the lines of one text after the other: the student's, and what is mended of it.

    What is left to be found once a mistake is mended is found more easily. ``seconds`` are what
    the code may still take.
    """

    task: Task
    process: StudentProcess
    seed: int
    again: Again
    left: Left
    seconds: float

    def lines(self, examined: Examined, inquiry: Inquiry) -> Inquiry:
        """Return what was found of the code that is loaded, with lines, and with changes."""
        for finding in inquiry.findings:
            for cell, proposal in islice(self._changes(finding, examined, inquiry), ATTEMPTS):
                text = replaced(cell.source, proposal)
                if text is None or self.seconds <= 0:
                    continue
                with self.process.with_texts({cell.id: text}):
                    left = self._mended(finding, examined, inquiry)
                    rest = self.lines(*left) if left else None
                if left and rest:
                    at = _at(finding, proposal, cell)
                    right = {each.check for each in left[0].verdicts if each.state == "pass"}
                    failed = {each.check for each in examined.verdicts if each.state == "fail"}
                    return _with(at, _as_before(rest, proposal, cell), right & failed, inquiry)
        search = partial(with_changes, self.task, examined, self.process, inquiry, self.seed)
        found = search(self.again, self._named)
        for each in examined.verdicts:
            own = [finding for finding in found.findings if finding.check == each.check]
            if each.state == "error" and each.place is not None and len(own) != 1:
                most = len(own) or FEW + 1
                return self._gone_on(each.check, each.place, most) or found
        return found

    def _gone_on(self, check: str, place: Place, most: int) -> Inquiry | None:
        """Return another product for one that stops, and what is wrong besides.

        That is the one that leaves least of this, rather what has names; all in all no more than
        ``most`` are told.
        """
        best: tuple[Cell, Proposal, Examined, Inquiry] | None = None
        for cell in self.process.section.own:
            here = (cell.file, cell.cell) == (place.file, place.cell)
            text = Text(cell.id, cell.source if here else "")
            line = place.line - cell.first_line + 1
            for each in (one for one in steps.products(text) if one.first <= line <= one.last):
                with self.process.with_texts({cell.id: replaced(cell.source, each) or ""}):
                    one, other = (self._runs(check, further) for further in (0, HELD))
                if one and other and _known(one[1]) == _known(other[1]):
                    fewer = best is None or _unclear(one[1]) < _unclear(best[-1])
                    best = (cell, each, *one) if fewer else best
        if best is None or not best[-1].findings:
            return None
        cell, change, examined, rest = best
        function = Text(cell.id, cell.source).function(change.line)
        parts = (self.task.id, check, function, (), change, cell, change.line, cell.source)
        with self.process.with_texts({cell.id: replaced(cell.source, change) or ""}):
            rest = self.lines(examined, rest)
        open_, count = _unclear(rest)
        if open_ or count >= most:
            return None
        return replace(rest, findings=(finding_of(*parts), *rest.findings))

    def _runs(self, check: str, further: int) -> tuple[Examined, Inquiry] | None:
        """Return what is found of the code that is loaded, if a check runs, and is looked at."""
        if self.seconds <= 0:
            return None
        examined = self.again(further)
        self.seconds -= self.process.spent
        (state,) = (each.state for each in examined.verdicts if each.check == check)
        inquiry = self.left(examined, further) if state in ("pass", "fail") else Inquiry()
        told = state == "pass" or any(each.check == check for each in inquiry.findings)
        return (examined, inquiry) if told else None

    def _mended(
        self, finding: Finding, before: Examined, inquiry: Inquiry
    ) -> tuple[Examined, Inquiry] | None:
        """Return what is left of some findings, if it is all but one, at fresh inputs too."""
        states = {each.check: each.state for each in before.verdicts}
        others = _known(inquiry) - {_key(finding)}
        wrong = {each for check, _, own in others if check == finding.check for each in own}
        # A mistake of a forward pass is about all that it gives.
        open_ = any(check == finding.check and not own for check, _, own in others)
        found = []
        for further in (0, HELD):
            examined = self.again(further)
            self.seconds -= self.process.spent
            checks = [each for each in examined.verdicts if each.check == finding.check]
            # To look for mistakes takes longer than to see that no fewer entries are wrong.
            amiss = sum(entry.state != "pass" for each in checks for entry in each.entries)
            # Of what stops now no entries are there.
            goes = all(each.state in ("pass", states[each.check]) for each in examined.verdicts)
            fewer = amiss <= len(wrong) or open_
            rest = self.left(examined, further) if goes and fewer else None
            if rest is None or _known(rest) != others:
                return None
            found.append((examined, rest))
        return found[0]

    def _named(self) -> Inquiry:
        """Return what is left of the code that is loaded, if all of that has names."""
        examined = self.again(0)
        inquiry = self.left(examined, 0)
        if any(each.mistake == UNEXPLAINED for each in inquiry.findings):
            return Inquiry()
        return self.lines(examined, inquiry)

    def _changes(
        self, finding: Finding, examined: Examined, inquiry: Inquiry
    ) -> Iterator[tuple[Cell, Proposal]]:
        """Yield the changes that may mend a mistake further up than it shows."""
        others = [each for each in inquiry.findings if each.check == finding.check]
        if is_much(others):
            return
        kinds = {*mistake(finding.mistake).kinds}
        bound = examined.case.binding.bound.get(finding.check)
        function = "" if bound is None else bound.function
        rates = dict.fromkeys((self.task.rates.weight, self.task.rates.bias))
        section = self.process.section
        # What stands above all parts of a file is shared by them.
        for cell in (*section.own, *section.shared):
            text = Text(cell.id, cell.source)
            proposals: Iterable[Proposal] = ()
            if finding.mistake in RATES:
                proposals = () if NUMBER.search(finding.source) else steps.rates(text, [*rates])
            elif finding.mistake == SIGN:
                proposals = steps.signs(text) if DOWN.search(finding.source) else ()
            elif finding.mistake == TURNED and len(others) > 1:
                proposals = (one for one in steps.products(text) if one.kind == steps.TRANSPOSED)
            elif finding.mistake == HANDED:
                proposals = steps.rows(text)
            elif finding.mistake == LATE and len(finding.places) == 1:
                own = {finding.places[0].line - cell.first_line + 1}
                proposals = (*steps.copies(text), *steps.moved_up(text, own))
            elif len(finding.places) > 1 and kinds & OF_NAMES:
                lines = self._lines_of(cell, finding, function)
                late = finding.mistake == LATE
                proposals = (
                    steps.moved_up(text, lines)
                    if late
                    else steps.names(text, lines, len(finding.places))
                )
            # A text may be nested more deeply than it can be written out again.
            with suppress(RecursionError):
                yield from ((cell, each) for each in proposals)

    def _lines_of(self, cell: Cell, finding: Finding, function: str) -> frozenset[int]:
        """Return the lines of a cell that give names to what a mistake shows in."""
        return frozenset(
            place.line - cell.first_line + 1
            for each in finding.places
            for place in shared_lines([cell], function, [each])
        )


Key = tuple[str, str, frozenset[str]]


def _key(finding: Finding) -> Key:
    """Return what makes a finding the same one in another text."""
    return finding.check, finding.mistake, frozenset(finding.entries)


def _known(inquiry: Inquiry) -> set[Key]:
    return {*map(_key, inquiry.findings)}


def _unclear(inquiry: Inquiry) -> tuple[bool, int]:
    """Return whether anything has no name, or only that of a part of a line, and how many do."""
    open_ = any(each.mistake in (UNEXPLAINED, WHOLE) for each in inquiry.findings)
    return open_, len(inquiry.findings)


def _with(mended: Finding, rest: Inquiry, right: Collection[str], inquiry: Inquiry) -> Inquiry:
    """Return findings of a text with one that was mended, in its place before other changes.

    Changes are told in the order in which they were made. What is ``right`` then follows from it.
    """
    number = [*map(_key, inquiry.findings)].index(_key(mended))
    changed = (n for n, each in enumerate(rest.findings[:number]) if each.diff)
    number = next(changed, number)
    follows = {
        check: tuple(dict.fromkeys((mended.mistake, *rest.follows.get(check, ()))))
        for check in {*inquiry.follows, *rest.follows, *right} - {mended.check}
    }
    findings = (*rest.findings[:number], mended, *rest.findings[number:])
    return replace(inquiry, findings=findings, follows=follows, doubtful=rest.doubtful)


def _as_before(inquiry: Inquiry, proposal: Proposal, cell: Cell) -> Inquiry:
    """Return findings of a text with the lines that they had before some were moved up."""
    find = finder([cell])
    count, moved = proposal.last - proposal.line + 1, proposal.line - proposal.first

    def before(line: int) -> int:
        if not (moved and proposal.first <= line <= proposal.last):
            return line
        return line + (moved if line < proposal.first + count else -count)

    lines = {
        find(cell.id, line): find(cell.id, before(line))
        for line in range(1, cell.source.count("\n") + 2)
    }

    def at(each: Finding) -> Finding:
        places = tuple(lines.get(place, place) for place in each.places)
        place = each.place and lines.get(each.place, each.place)
        return replace(each, place=place, places=places)

    return replace(inquiry, findings=tuple(map(at, inquiry.findings)))


def _at(finding: Finding, proposal: Proposal, cell: Cell) -> Finding:
    place = finder([cell])(cell.id, proposal.line)
    parts = marked(proposal, cell.source, cell, place.line)
    return replace(finding, place=place, places=(place,), untraced="", **parts)
