"""Tell a wrong rate, sign or name where it is set, whatever it goes through before it is used.

By the numbers it is told where a step is made. Where that line is hardly the wrong one, the few
changes are tried that may mend it further up: of a number that the text sets, of the differences
that errors are made of, of what the names are given that are used. A change mends a mistake if the
diagnosis of the changed text has it no more, and all others as they were.

If a line crashes, nothing is known by the numbers of what else is wrong. So that line is corrected
first, by another product or another spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import mistake
from gradkit.diagnosis.inquiry.shared import shared_lines
from gradkit.diagnosis.repair import steps
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.spelling import spelled
from gradkit.diagnosis.repair.tell import finding_of
from gradkit.diagnosis.repair.text import Text
from gradkit.grading.changed_text import WHOLE, replaced
from gradkit.grading.mended import OF_NAMES, Step, have_common_cause, of_check, with_steps
from gradkit.grading.net_repairs import FEW, RATES, propose_steps
from gradkit.grading.repairs import PROOF_OFFSET, Again
from gradkit.grading.selectors import is_selection
from gradkit.judge.comparison import Examined
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry, Verdict
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess

SIGN = "wrong-sign"
"""Code of a step with the wrong sign, which may be repaired in any line with a difference."""

TURNED = "weight-not-transposed"
"""Code of a transposed weight, which may be repaired in a matrix product of the forward pass."""

HANDED = "wrong-layer-input"
"""Code of a wrong layer's input, which may be repaired in a line that lists several layers."""

LATE = "updated-before-use"
"""Code of a parameter used after its update, which may be repaired by another order of lines."""

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
    """Return the findings on a net with the wrong lines, and with the changes that mend them.

    Parameters
    ----------
    task : Task
        A task of nets, as opposed to a task of functions.
    examined : Examined
        The verdicts on the section.
    process : StudentProcess
        Runs the section's code.
    inquiry : Inquiry
        The findings from the numbers alone.
    seed : int
        Draws the inputs.
    again : callable
        Examines the changed code; see `gradkit.grading.repairs.Again`.
    left : callable
        Finds the mistakes that are left after a change; see `Left`.
    """
    section = process.section
    texts = [cell.source for cell in (*section.own, *section.shared)]
    known = " ".join([*texts, *_names(examined)])
    search = _Search(task, process, seed, again, left, task.deadline, known)
    return search.lines(examined, inquiry)


class _Search(Struct):
    """A search for wrong lines in the student's text, and again in the text after each repair.

    After a repair, the other mistakes are found more easily. ``seconds`` is the time that the code
    may still take. ``known`` are the submitted text and the names found in it. ``again`` examines
    the code that is loaded, and ``left`` finds the mistakes that are left in it.
    """

    task: Task
    process: StudentProcess
    seed: int
    again: Again
    left: Left
    seconds: float
    known: str

    def lines(self, examined: Examined, inquiry: Inquiry) -> Inquiry:
        """Return the findings on the code that is loaded, with their lines and changes.

        ``examined`` are the verdicts on that code, ``inquiry`` the findings on it. First, changes
        are tried for each finding, at most `ATTEMPTS`. After the first that repairs one, the search
        goes on with the changed text. If none does, the whole text is searched. A crash that has
        not exactly one finding is corrected if possible.
        """
        for finding in inquiry.findings:
            for step in islice(self._changes(finding, examined, inquiry), ATTEMPTS):
                if self.seconds <= 0:
                    break
                with self.process.with_texts(step.texts):
                    left = self._check_change(finding, examined, inquiry)
                    rest = self.lines(*left) if left else None
                if left and rest:
                    return self._combine(inquiry, [step], [rest], examined, left[0])
        found = self._search_text(examined, inquiry)
        for each in examined.verdicts:
            own = of_check(each.check, found)
            if each.state == "error" and each.place is not None and len(own) != 1:
                most = len(own) or FEW + 1
                return self._correct_crash(each, each.place, examined, most) or found
        return found

    def _combine(
        self,
        inquiry: Inquiry,
        steps: Sequence[Step],
        found: Sequence[Inquiry],
        before: Examined,
        after: Examined,
    ) -> Inquiry:
        """Return the findings ``inquiry`` with the changes ``steps`` that repair them.

        ``found`` has the findings after each change; ``before`` and ``after`` are the verdicts
        before and after all of them.
        """
        right, was = (
            {each.check for each in one.verdicts if each.state == "pass"} for one in (after, before)
        )
        section = self.process.section
        return with_steps(inquiry, steps, found, right - was, (*section.own, *section.shared))

    def _search_text(self, examined: Examined, inquiry: Inquiry) -> Inquiry:
        """Return findings with the changes that a search of the whole text finds.

        ``examined`` are the verdicts and ``inquiry`` the findings before it. Unchanged if nothing
        is found or no time is left. If the last change leaves fewer findings, all of them named,
        the search goes on in the changed text.
        """
        if self.seconds <= 0:
            return inquiry
        steps = propose_steps(self.task, examined, self.process, inquiry, self.seed)
        found: list[Inquiry] = []
        for step in steps:
            with self.process.with_texts(step.texts):
                now = self.again(0)
                # Findings use the student's names: a repair must not bring in names of its own.
                named = all(name in self.known for name in _names(now))
                left = self.left(now, 0) if named else Inquiry()
                self.seconds -= self.process.spent
                last = step is steps[-1] and not _vagueness(left)[0]
                fewer = _identities(inquiry) - _identities(left) and left.findings
                found.append(self.lines(now, left) if last and fewer else left)
        return self._combine(inquiry, steps, found, examined, now) if steps else inquiry

    def _correct_crash(
        self, verdict: Verdict, place: Place, before: Examined, most: int
    ) -> Inquiry | None:
        """Return the findings with a change of the line that crashes, and with those left after it.

        The change is used after which the fewest findings are left; named mistakes count as fewer
        than unexplained ones. None if no change helps, or if an unexplained mistake is left.

        Parameters
        ----------
        verdict : Verdict
            The verdict on the check that crashes.
        place : Place
            The line that crashes.
        before : Examined
            The submitted code.
        most : int
            If at least this many findings are left, None is returned.
        """
        best: tuple[Step, Examined, Inquiry] | None = None
        for cell in self.process.section.own:
            line = cell.line_of(place)
            text = Text(cell.id, cell.source if line else "", stops=[line], said=verdict.message)
            proposals = (*steps.products(text), *spelled(text))
            at_line = (one for one in proposals if one.first <= line <= one.last)
            for each in islice(at_line, ATTEMPTS):
                step = self._step(cell, text, each, verdict.check)
                if step is not None:
                    with self.process.with_texts(step.texts):
                        one, other = (
                            self._examine(verdict.check, further) for further in (0, PROOF_OFFSET)
                        )
                    if one and other and _identities(one[1]) == _identities(other[1]):
                        fewer = best is None or _vagueness(one[1]) < _vagueness(best[-1])
                        best = (step, *one) if fewer else best
        if best is None or not best[-1].findings:
            return None
        step, examined, rest = best
        with self.process.with_texts(step.texts):
            rest = self.lines(examined, rest)
        open_, count = _vagueness(rest)
        if open_ or count >= most:
            return None
        # As all other mistakes are known, the crash costs only its price.
        step = replace(step, change=replace(step.change, basis="change"))
        return self._combine(Inquiry(), [step], [rest], before, examined)

    def _step(self, cell: Cell, text: Text, proposal: Proposal, check: str) -> Step | None:
        """Return a change of a cell as a step for ``check``; None if the change is refused.

        ``text`` is the parsed text of the cell. A change is refused if the result is not valid
        Python, or if it only selects among alternatives of the text.
        """
        after = replaced(cell.source, proposal)
        section = self.process.section
        others = (each.source for each in (*section.own, *section.shared) if each.id != cell.id)
        if after is None or is_selection(cell.source, after, others):
            return None
        function, line = text.function(proposal.line), proposal.line
        change = finding_of(self.task.id, check, function, (), proposal, cell, line, cell.source)
        return Step(change, proposal, cell.source, {cell.id: after})

    def _examine(self, check: str, further: int) -> tuple[Examined, Inquiry] | None:
        """Return the verdicts and the findings on the code that is loaded.

        None if no time is left, if ``check`` crashes, or if it fails without a finding about it.
        ``further`` is added to the seed, so that the inputs are new.
        """
        if self.seconds <= 0:
            return None
        examined = self.again(further)
        self.seconds -= self.process.spent
        (state,) = (each.state for each in examined.verdicts if each.check == check)
        inquiry = self.left(examined, further) if state in ("pass", "fail") else Inquiry()
        told = state == "pass" or any(each.check == check for each in inquiry.findings)
        return (examined, inquiry) if told else None

    def _check_change(
        self, finding: Finding, before: Examined, inquiry: Inquiry
    ) -> tuple[Examined, Inquiry] | None:
        """Return the verdicts and findings after a change, None if it does not repair ``finding``.

        The changed code is loaded; ``before`` and ``inquiry`` are the verdicts and findings without
        the change. The other named findings have to be left, and no new ones, for fresh inputs too.
        No check may get worse.
        """
        states = {each.check: each.state for each in before.verdicts}
        others = _identities(inquiry) - {_identity(finding)}
        wrong = {each for check, _, own in others if check == finding.check for each in own}
        # A mistake of a forward pass is about all that it gives.
        open_ = any(check == finding.check and not own for check, _, own in others)
        named = {each for each in others if each[1] != UNEXPLAINED}
        found = []
        for further in (0, PROOF_OFFSET):
            examined = self.again(further)
            self.seconds -= self.process.spent
            checks = [each for each in examined.verdicts if each.check == finding.check]
            # To look for mistakes takes longer than to see that no fewer entries are wrong.
            amiss = sum(entry.state != "pass" for each in checks for entry in each.entries)
            # Of what stops now no entries are there.
            goes = all(each.state in ("pass", states[each.check]) for each in examined.verdicts)
            fewer = amiss <= len(wrong) or open_
            rest = self.left(examined, further) if goes and fewer else None
            # What had no name may have been of the same mistake.
            if rest is None or not named <= _identities(rest) <= others:
                return None
            found.append((examined, rest))
        return found[0]

    def _changes(self, finding: Finding, examined: Examined, inquiry: Inquiry) -> Iterator[Step]:
        """Yield the changes that may repair a finding in another line than its own.

        ``examined`` are the verdicts and ``inquiry`` all findings on the present text. The mistake
        of the finding decides which changes are proposed. There are none if several findings have a
        common cause.
        """
        others = [each for each in inquiry.findings if each.check == finding.check]
        if have_common_cause(others):
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
                own = {cell.line_of(finding.places[0])}
                proposals = (*steps.copies(text), *steps.moved_up(text, own))
            elif len(finding.places) > 1 and kinds & OF_NAMES:
                lines = self._assigned_lines(cell, finding, function)
                late = finding.mistake == LATE
                proposals = (
                    steps.moved_up(text, lines)
                    if late
                    else steps.names(text, lines, len(finding.places))
                )
            # A text may be nested more deeply than it can be written out again.
            with suppress(RecursionError):
                made = (self._step(cell, text, each, finding.check) for each in proposals)
                yield from (each for each in made if each is not None)

    def _assigned_lines(self, cell: Cell, finding: Finding, function: str) -> frozenset[int]:
        """Return the lines of the assignments in a cell that a line of the finding depends on.

        The numbers count from the start of the cell. Each of the finding's lines counts alone;
        ``function`` is the student's function with these lines.
        """
        return frozenset(
            cell.line_of(place)
            for each in finding.places
            for place in shared_lines([cell], function, [each])
        )


def _names(examined: Examined) -> Iterator[str]:
    """Yield the names that findings about the examined code are written with."""
    for bound in examined.case.binding.bound.values():
        yield from (bound.function, *bound.keywords, *bound.names.values())
        yield from bound.convention.keys.values()


Key = tuple[str, str, frozenset[str]]


def _identity(finding: Finding) -> Key:
    """Return a key that a finding has in every version of the text: check, mistake and entries."""
    return finding.check, finding.mistake, frozenset(finding.entries)


def _identities(inquiry: Inquiry) -> set[Key]:
    return {*map(_identity, inquiry.findings)}


def _vagueness(inquiry: Inquiry) -> tuple[bool, int]:
    """Return whether anything has no name, or only that of a part of a line, and how many do."""
    open_ = any(each.mistake in (UNEXPLAINED, WHOLE) for each in inquiry.findings)
    return open_, len(inquiry.findings)
