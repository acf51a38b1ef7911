"""Diagnose function tasks: find the changes that make failed checks right, and hold them to it."""

from __future__ import annotations

import ast
import contextlib
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import kinds
from gradkit.diagnosis.repair.ask import (
    LEAST,
    Proposal,
    Searched,
    Wanted,
    line_before,
    patience,
    proposals,
    trimmed,
)
from gradkit.diagnosis.repair.solution import Inside
from gradkit.diagnosis.repair.spelling import spelled
from gradkit.diagnosis.repair.tell import finding_of
from gradkit.diagnosis.repair.text import Text, attributes_in
from gradkit.grading.changed_text import (
    STEP,
    WHOLE,
    Repair,
    function_at,
    merge_repairs,
    replaced,
    with_guards,
    without,
)
from gradkit.grading.functions import FunctionGrader
from gradkit.grading.guards import guarded, unguarded
from gradkit.grading.selectors import is_selection
from gradkit.judge.comparison import Examined
from gradkit.lines import arrays_in, unpacked_into
from gradkit.records.result import FAILED, Inquiry, Verdict
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Draw, FunctionCheck, Lines
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import definitions, definitions_changed
from gradkit.task.draws import RANDOM, draws
from gradkit.task.functions import steps_of
from gradkit.text import format_count

SEARCH_OFFSET, REPEAT_OFFSET, PROOF_OFFSET = 7919, 15485863, 104729
"""What is added to the seed to draw the inputs of a search, once more for each repeated search, and
to draw the inputs that prove a change. Code that knows one set of inputs does not know the others.
"""

SEARCHES = 5
"""Searches for a check, each at inputs of its own, of which all but one were in vain."""

AGAINST = 2
"""Changes of a check of which one may make up for the other."""

SPELLED, FOLLOWED = 40, 100
"""Most spelling changes tried for one exception of a check, and for all its exceptions together."""


Again = Callable[[int], Examined]
"""Examines the code that is loaded, given what is added to the seed."""

ANY = Wanted()


class Mended(Struct, frozen=True):
    """The changes that make failed checks right, with findings on them.

    ``texts`` are the changed texts by cell, and ``told`` the changes. ``verdicts`` are the
    verdicts, by check, that count instead of the grader's: see `_Repairs._with_right_inputs`.
    """

    inquiry: Inquiry = Inquiry()
    texts: Mapping[str, str] = {}
    told: Sequence[Repair] = ()
    verdicts: Mapping[str, Verdict] = {}


class _TimeLimits(Struct):
    """Limit the time of the diagnosis of one task, by the grader's own clocks.

    ``limit`` is the processor time that gradkit itself may take: the deadline of the student's
    code in that task. Many functions that call each other must not cost the grader more than the
    code itself may cost. ``searching`` are the seconds that search processes may still use, by
    the system's count: what such a process reports may be forged.
    """

    limit: float
    began: float
    searching: float
    is_over: bool = False

    def has_ended(self) -> bool:
        """Return whether the time is over, and note if it is."""
        self.is_over = self.is_over or time.process_time() - self.began > self.limit
        return self.is_over

    @contextlib.contextmanager
    def search(self, process: StudentProcess) -> Iterator[StudentProcess]:
        """Return a context manager that gives a search process, started from ``process``.

        On exit, its processor time is subtracted from ``searching``.
        """
        with process.for_search(self.searching) as made:
            try:
                yield made
            finally:
                self.searching -= made.spent


def mend_functions(
    grader: FunctionGrader,
    verdicts: Sequence[Verdict],
    wanted: Wanted = ANY,
    earlier: Sequence[Repair] = (),
) -> Mended:
    """Search for changes of the student's text that make failed checks right.

    The result is empty without a model solution or failed checks, or if the inputs are too large.
    The grader's ``is_cut_short`` is set if the time limit is reached. The search asks the student's
    process for changes, and judges each by the model solution's outputs.

    Parameters
    ----------
    grader : FunctionGrader
        Has graded the task.
    verdicts : sequence of Verdict
        One for each check of the task, in order.
    wanted : Wanted
        The kinds and places of changes to search for, and the budget.
    earlier : sequence of Repair
        Repairs that other tasks found in the same text. They are tried first.
    """
    if grader.solution is None or sum(map(_numbers, grader.draws)) > LARGEST:
        return Mended()
    asked = [
        check
        for check, verdict in zip(grader.task.checks, verdicts, strict=True)
        if verdict.state in FAILED
    ]
    if not asked:
        return Mended()
    inside = _inside(grader.solution)
    budget = wanted.budget
    limits = _TimeLimits(grader.task.deadline, time.process_time(), patience(budget))
    needs = _needs_guards(grader)
    repairs = _Repairs(grader, inside, wanted, budget, budget, limits, earlier, needs)
    mended = repairs.mended_text(asked)
    grader.is_cut_short = limits.is_over
    return mended


def _needs_guards(grader: FunctionGrader) -> bool:
    """Return whether an output that is right becomes wrong when the text has no guards.

    Guards are small constants such as ``1e-8``. They are needed where an input that never varies is
    divided by its standard deviation. ``grader`` has judged the text with them.
    """
    own = grader.process.section.own
    texts = {cell.id: unguarded(cell.source)[0] for cell in own}
    changed = [each for cell in own for each in definitions_changed(cell, texts[cell.id])]
    return bool(changed) and any(
        _spoils(
            grader.with_changes(check, grader.draws),
            grader.with_changes(check, grader.draws, changed=changed),
        )
        for check in grader.task.checks
    )


# Many submissions are held to the same model solution.
_inside = lru_cache(maxsize=16)(Inside)


def _numbers(draw: Draw) -> int:
    """Count the numbers of some inputs."""
    return sum(array.size for array in arrays_in(dict(draw.values)))


def _fits_own_forward(verdict: Verdict) -> bool:
    """Return whether each wrong output is the right gradient of a wrong forward pass.

    Then the mistake is in the forward pass, and no change of the backward pass is to be proposed.
    """
    wrong = {entry.parameter for entry in verdict.entries if entry.state != "pass"}
    return bool(wrong) and wrong <= {*verdict.own_forward}


def _is_unwritten(verdict: Verdict) -> bool:
    """Return whether a check has no text to repair: it is missing without any output.

    It is also true if the check is missing or blocked at a known place. It is false if only outputs
    are missing.
    """
    nothing = verdict.state == "missing" and not verdict.entries
    return nothing or (verdict.state in ("missing", "blocked") and verdict.place is not None)


LARGEST = 50_000
"""Numbers in all inputs of a task whose mistakes are looked for: what is recorded takes memory."""


class _Text(Struct, frozen=True):
    """The texts of cells by their ids, and the changes that were made to them, in order."""

    sources: Mapping[str, str] = {}
    made: Mapping[str, Sequence[Proposal]] = {}


class _Repairs(Struct):
    """The text of a section as far as it has been repaired, and the changes that were found.

    ``told`` are these changes. ``mended`` has, by check, the form (lines and convention) in which
    the check came right, and ``known`` the verdicts so far. ``left`` and ``spare`` are what is left
    of the search budget. With ``keeps_guards``, the guards of the text stay in it.
    """

    grader: FunctionGrader
    inside: Inside
    wanted: Wanted
    left: int
    spare: int
    limits: _TimeLimits
    earlier: Sequence[Repair] = ()
    keeps_guards: bool = False
    text: _Text = _Text()
    told: list[Repair] = field(default_factory=list)
    mended: dict[str, tuple[Lines, int]] = field(default_factory=dict)
    known: dict[tuple[Any, int], Verdict] = field(default_factory=dict)

    def mended_text(self, checks: Sequence[FunctionCheck]) -> Mended:
        """Return the changes found for ``checks``, with the findings on them.

        All checks are searched in order. If a change touches a function that another check was
        repaired in, the search is repeated with that other check first. Of the two results, the one
        that explains more is returned, then the one with fewer findings.
        """
        # A check that expects only zeros tests little but shapes, so it comes last.
        ordered = sorted(checks, key=self._expects_only_zeros)
        self._search_checks(ordered)
        first = self._make_result(ordered)
        again = next((each.check for each in self.told if self._is_in_other_repair(each)), None)
        again = again or next(self._checks_to_search_first(checks), None)
        if again is None:
            return self._prefer_mistake_in_helper(ordered, first)
        # A finding must show a line of the student's, not a line that a change for another check
        # has written. Two findings are wrong if one mistake is the reason for both.
        turned = replace(self, text=_Text(), told=[], mended={})
        later = turned._search_checks(sorted(ordered, key=lambda each: each.name != again))
        turned._assign_to_first_checks(ordered, later)
        second = turned._make_result(ordered)

        def order(found: tuple[Mended, int]) -> tuple[int, int, int]:
            mended, changes = found
            return -_count_explained(mended), len(mended.inquiry.findings), changes

        return min((first, len(self.told)), (second, len(turned.told)), key=order)[0]

    def _prefer_mistake_in_helper(self, checks: Sequence[FunctionCheck], first: Mended) -> Mended:
        """Return the result ``first``, or one with a mistake in a helper of a check that passes.

        A passing check that runs a function of the failing ``checks`` too, and does not pass with
        the changes of ``first``, is searched before them. The second result is returned if it has
        no more changes, explains no less, and explains this check too.
        """
        run = {each.name for check in checks for each in self.grader.definitions_of(check)}
        for check in self.grader.task.checks:
            passes = self.told and self._state(check) == "pass"
            if self.grader.is_judged_with_helpers(check):
                continue
            known = self.grader.definitions_of(check) if passes else []
            helped = run & {each.name for each in known}
            if not helped or self._judge(check).state == "pass":
                continue
            turned = replace(self, text=_Text(), told=[], mended={})
            later = turned._assign_to_first_checks(
                [*checks, check], turned._search_checks([check, *checks])
            )
            found = turned._make_result(checks)
            as_few = len(turned.told) <= len(self.told) and _count_explained(
                found
            ) >= _count_explained(first)
            if as_few and any(each is check for each in later):
                return found
        return first

    def _checks_to_search_first(self, checks: Sequence[FunctionCheck]) -> Iterator[str]:
        """Yield checks that change a function which an already repaired check also runs.

        Only ``checks`` count. The caller repeats the search with the first of them at the front. A
        check may be yielded several times, in the order of the repairs.
        """
        run = {
            check.name: {each.name for each in self.grader.definitions_of(check)}
            for check in checks
        }
        for number, told in enumerate(self.told):
            earlier = {each.check for each in self.told[:number]} - {told.check}
            if any(told.function in run[name] for name in earlier):
                yield told.check

    def _is_in_other_repair(self, told: Repair) -> bool:
        """Return whether ``told`` changes a line that a change for another check has written."""
        lines = told.source.split("\n")[told.proposal.first - 1 : told.proposal.last]
        return any(
            one.cell is told.cell and one.check != told.check and {*one.proposal.lines} & {*lines}
            for one in self.told
        )

    def _search_checks(self, checks: Sequence[FunctionCheck]) -> list[FunctionCheck]:
        """Search for changes, check by check; return the checks that pass without an own change.

        The changes are made and added to the attribute ``told``. Checks that fit only the student's
        own forward pass, and checks that need another check which is not right yet, are not
        searched.
        """
        held = self._draws(PROOF_OFFSET)
        later: list[FunctionCheck] = []
        for number, check in enumerate(checks):
            # A check that passes with the changes for earlier checks has no mistake of its own.
            if self.told and self._passes(check, held):
                later.append(check)
            elif not _fits_own_forward(
                self.grader.verdicts[check.name]
            ) and not self._needs_other_check(check, checks[:number], held):
                self.told += self._repairs_in_any_form(check, held)
        return later

    def _needs_other_check(
        self, check: FunctionCheck, before: Sequence[FunctionCheck], held: Sequence[Draw]
    ) -> bool:
        """Return whether a check can only be searched after another check that does not pass yet.

        This is asked only of a check that is blocked, or judged with right helpers, because a
        search does not replace wrong helpers; for any other check the result is False. The needed
        checks are the earlier steps of ``check``, and those of the checks ``before`` that judge a
        function which ``check`` runs. ``held`` are inputs not used in the search, at which the
        needed checks must pass too.
        """
        if self._state(check) != "blocked" and not self.grader.is_judged_with_helpers(check):
            return False
        run = {each.name for each in self.grader.definitions_of(check)}
        called = (e for e in before if run & {d.name for d in self.grader.definitions_of(e)[:1]})
        needed = (*steps_of(self.grader.task, check)[:-1], *called)
        return not all(self._passes(each, held) for each in needed)

    def _assign_to_first_checks(
        self, checks: Sequence[FunctionCheck], later: Sequence[FunctionCheck]
    ) -> list[FunctionCheck]:
        """Assign each change in ``self.told`` to the first of ``checks`` that it corrects.

        The changes are made again one by one, and all ``checks`` are judged after each. A change
        whose check is replaced also gets the outputs that it corrects. ``later`` are checks that
        pass without a change of their own. Return those of them that get no change here, and the
        checks whose changes all went to other checks.

        ``self.told`` is unchanged, and ``later`` is returned, if a check that would lose a change
        keeps another one or does not pass with all changes.
        """
        before: dict[str, Verdict] = {}
        whole, self.text, told = self.text, _Text(), []
        for each in (None, *self.told):
            if each is not None:
                text = replaced(each.source, each.proposal) or each.source
                self.text = _Text({**self.text.sources, each.cell.id: self._unguarded(text)[0]})
                told.append(each)
            for check in reversed(checks):
                with self.grader.meant(check, self._form(check)):
                    after = self._judge(check)
                if each is not None and (outputs := _corrected_outputs(before[check.name], after)):
                    told[-1] = replace(each, check=check.name, outputs=tuple(outputs))
                before[check.name] = after
        self.text = whole
        had, has = ({each.check for each in some} for some in (self.told, told))
        clear = [c for c in checks if c.name in had - has and before[c.name].state == "pass"]
        moved = [one.check for one, now in zip(self.told, told, strict=True) if one != now]
        if not {*moved} <= {check.name for check in clear}:
            return [*later]
        self.told = told
        return [check for check in (*later, *clear) if check.name not in has]

    def _make_result(self, checks: Sequence[FunctionCheck]) -> Mended:
        """Return the changes with a finding for each, new verdicts, and causes of ``checks``.

        Changes of the same line are merged. A finding whose change borrows from the model solution
        has the basis ``model``.
        """
        told, task = merge_repairs(self._trusted_repairs()), self.grader.task.id
        findings = tuple(
            replace(
                finding_of(
                    task, e.check, e.function, e.outputs, e.proposal, e.cell, e.line, e.source
                ),
                basis="model" if e.proposal.borrows else "change",
            )
            for e in told
        )
        verdicts = self._with_right_inputs(told)
        needed = {check.name: self._causes(check, told, verdicts) for check in checks}
        causes = {
            check: tuple(dict.fromkeys(findings[told.index(each)].id for each in some))
            for check, some in needed.items()
            if some
        }
        return Mended(Inquiry(findings, causes), self.text.sources, tuple(told), verdicts)

    def _with_right_inputs(self, told: Sequence[Repair]) -> dict[str, Verdict]:
        """Judge checks again, with the changes ``told`` in functions that other checks judge.

        So a backward pass that gets a wrong cache, or none, is judged by itself. A check counts if
        it passes with all changes; then a mistake of another function costs it nothing. A mistake
        that this check alone shows, such as a wrong cache of a right forward pass, is not
        corrected: it would cost nothing anywhere.

        Return the new verdicts that differ, by check. There are none if a change borrows from the
        model solution. The process is a new one, because no text of the solution may be where
        answers count.
        """
        if len(told) < len(merge_repairs(self.told)) or any(e.proposal.borrows for e in self.told):
            return {}
        found: dict[str, Verdict] = {}
        alone = replace(self, known={})
        for check in self.grader.task.checks:
            before = self.grader.verdicts[check.name]
            elsewhere = self.grader.judged_elsewhere(check)
            corrected = [
                each
                for each in self.told
                if each.function in elsewhere and each.check != check.name
            ]
            names = [each.function for each in corrected]
            if not names or not (before.state in FAILED or before.own_forward):
                continue
            if not alone.known:
                self.grader.process.renew(apart=True)
            own = [each for each in self.told if each not in corrected]
            with self.grader.meant(check, self._form(check)):
                passes = alone._judge(check, self._draws(PROOF_OFFSET)).state == "pass"
                after = alone._judge_without(check, own) if passes else before
            if after.state in ("pass", "fail") and _states(after) != _states(before):
                found[check.name] = _judged_again(before, after, names)
        return found

    def _trusted_repairs(self) -> list[Repair]:
        """Return the changes, without those that may only hide a mistake elsewhere.

        If one of the changes of a check is in a function that a failed check without changes runs,
        and there are at least `AGAINST`, all changes of that check are left out: a mistake of the
        failed check may be the reason for all of them.
        """
        of = Counter(each.check for each in self.told)
        if max(of.values(), default=0) < AGAINST:
            return self.told
        failed = (c for c in self.grader.task.checks if self._state(c) == "fail")
        open_ = [c for c in failed if c.name not in of and self._judge(c).state == "fail"]
        run = {each.name for check in open_ for each in self.grader.definitions_of(check)}
        doubtful = {each.check for each in self.told if each.function in run}
        return [e for e in self.told if of[e.check] < AGAINST or e.check not in doubtful]

    def _passes(self, check: FunctionCheck, held: Sequence[Draw]) -> bool:
        """Return whether a check passes with all changes so far, at judged inputs and at ``held``.

        ``held`` are inputs not used in the search. Each of the check's pairs of lines and
        convention is tried; the pair that passes is stored in ``mended``.
        """
        for form in self._forms(check):
            with self.grader.meant(check, form):
                if self._judge(check, held).state == "pass":
                    self.mended[check.name] = form
                    return True
        return False

    def _causes(
        self, check: FunctionCheck, told: Sequence[Repair], verdicts: Mapping[str, Verdict]
    ) -> Sequence[Repair]:
        """Return the changes that were found for other checks and that a check needs to pass.

        ``told`` are the changes to look at. The check has to pass with all changes. It needs a
        change if it does not pass with all others. Mistakes of other functions are no causes if
        ``verdicts`` has a verdict on the check without them.
        """
        run = {each.name for each in self.grader.definitions_of(check)}
        if check.name in verdicts:
            run -= self.grader.judged_elsewhere(check)
        if self.grader.has_blameless_helpers(check):
            run &= self.grader.own_names(check)
        inside = [each for each in told if each.function in run]
        others = [each for each in inside if each.check != check.name]
        with self.grader.meant(check, self._form(check)):
            if not others or self._judge(check).state != "pass":
                return ()
            if len(inside) > 1:
                needed = [each for each in others if self._needs(check, each)]
                # Either of two changes may be enough.
                others = needed if needed or len(others) < len(inside) else others
        return others

    def _needs(self, check: FunctionCheck, change: Repair) -> bool:
        """Return whether a check does not pass without a change and with all others."""
        # A merged change is found by the line that it begins with.
        key = change.check, change.function, change.line
        first = next(e for e in self.told if (e.check, e.function, e.line) == key)
        return self._judge_without(check, [first]).state != "pass"

    def _judge_without(self, check: FunctionCheck, changes: Sequence[Repair]) -> Verdict:
        """Return the verdict on a check with all changes but ``changes``.

        Changes of lines that ``changes`` wrote are left out too. The text is restored afterwards.
        """
        sources = {**self.text.sources}
        for cell in {each.cell.id: each.cell for each in changes}.values():
            made = self.text.made[cell.id]
            own = [each for each in self.told if each.cell.id == cell.id]
            for number in reversed(range(len(own))):
                if own[number] in changes:
                    made = without(made, number)
            sources[cell.id] = self._unguarded(cell.source)[0]
            for proposal in made:
                sources[cell.id] = replaced(sources[cell.id], proposal) or sources[cell.id]
        whole, self.text = self.text, _Text(sources)
        verdict = self._judge(check)
        self.text = whole
        return verdict

    def _expects_only_zeros(self, check: FunctionCheck) -> bool:
        """Return whether all expected outputs of a check are zero."""
        ((_, _, right),) = self.grader.asked(check, self.grader.draws[:1]).draws
        return not any(np.any(value) for value in right.values.values())

    def _repairs_in_any_form(self, check: FunctionCheck, held: Sequence[Draw]) -> list[Repair]:
        """Return the changes found for a check in the best of its forms, and make them.

        A form is one of the alternative lines of the check with one of its conventions. The best is
        one in which a single change that does not replace a whole line is enough. Otherwise forms
        in which the check passes come first, and then those with fewer changes. ``held`` are inputs
        not used in the search, at which the check must be right too.
        """
        before, best = self.text, None
        forms = self._forms(check)
        for number, form in enumerate(forms):
            share = self.left // (len(forms) - number)
            with self.grader.meant(check, form):
                found = self._repairs_in_form(check, held, share)
                whole = bool(found) and self._judge(check).state == "pass"
            # Of code that stops, whatever keeps it from that makes something right.
            enough = whole or (bool(found) and self._state(check) != "error")
            fewer = best is not None and whole and len(found) < len(best[1])
            if enough and (best is None or fewer or (whole and not best[0])):
                best = whole, found, self.text, form
            if whole and len(found) == 1 and found[0].proposal.kind != WHOLE:
                break
            self.text = before
        if best is None:
            return []
        _, found, self.text, self.mended[check.name] = best
        return found

    def _repairs_in_form(
        self, check: FunctionCheck, held: Sequence[Draw], share: int
    ) -> list[Repair]:
        """Return the changes found for a check in its present form, and make them.

        A form is a pair of lines and convention. ``share`` is the part of the search budget that
        may be used, and ``held`` are inputs not used in the search, at which the check must be
        right too. Changes that the check does not need are left out. The result is empty if one of
        them replaces a whole line and there are too many, since such changes can make anything
        right. If inserting fewer missing statements makes the check pass as well, these are
        returned instead of many changes.
        """
        if share <= LEAST or self.limits.has_ended():
            return []
        cells = {each.cell.id: each.cell for each in self.grader.definitions_of(check)}
        cells |= {cell.id: cell for cell in self.grader.process.section.own}
        sources = {name: self._unguarded(cell.source)[0] for name, cell in cells.items()}
        before = self.text = replace(self.text, sources={**sources, **self.text.sources})
        spent = self.left
        found = self._without_needless(
            check, held, before, [*self._search_check(check, held, share)]
        )
        share -= spent - self.left
        if any(each.proposal.kind == WHOLE for each in found) and self._are_too_many(
            check, held, found
        ):
            # With so many changes a line that is written anew makes anything right.
            self.text = before
            return []
        if len(found) < SEVERAL:
            return found
        if self.wanted.kinds or share <= LEAST:
            return found
        # One step that is missing may be what several lines were changed for.
        patched, self.text = self.text, before
        steps = replace(self, wanted=replace(self.wanted, kinds=frozenset({STEP})))
        fewer = [*steps._search_check(check, held, share)]
        share -= self.left - steps.left
        self.left, self.spare, self.text = steps.left, steps.spare, steps.text
        if fewer and self._judge(check, held).state != "pass" and share > LEAST:
            fewer += self._search_check(check, held, share)
        fewer = self._without_needless(check, held, before, fewer)
        if 0 < len(fewer) < len(found) and self._judge(check, held).state == "pass":
            return fewer
        self.text = patched
        return found

    def _are_too_many(
        self, check: FunctionCheck, held: Sequence[Draw], found: Sequence[Repair]
    ) -> bool:
        """Return whether the changes ``found`` for a check are more than can be believed.

        These are at least `SEVERAL`; for a check that crashes, changes of more than one line, or
        changes after which it does not pass, also at the inputs ``held``.
        """
        if self._state(check) != "error":
            return len(found) >= SEVERAL
        return len(merge_repairs(found)) > 1 or self._judge(check, held).state != "pass"

    def _without_needless(
        self, check: FunctionCheck, held: Sequence[Draw], before: _Text, found: list[Repair]
    ) -> list[Repair]:
        """Return the changes ``found`` without those that the check also passes without.

        Only the returned changes are made. ``before`` is the text before all of them, and ``held``
        are inputs not used in the search, at which the check must pass too. If it does not pass
        with all changes, none is left out.
        """
        number = 0
        while len(found) > 1 and self._judge(check, held).state == "pass":
            now = self.text
            kept = {cell: len(made) for cell, made in before.made.items()}
            changes = [p for cell in now.made for p in now.made[cell][kept.get(cell, 0) :]]
            if number == len(changes):
                break
            self.text, rest = before, without(changes, number)
            wrong = self._judge(check, held)
            fewer = [*self._confirm(check, held, rest, wrong)]
            if fewer and self._judge(check, held).state == "pass":
                found = fewer
            else:
                self.text = now
                number += 1
        return found

    def _state(self, check: FunctionCheck) -> str:
        return self.grader.verdicts[check.name].state

    def _forms(self, check: FunctionCheck) -> list[tuple[Lines, int]]:
        """Return the forms (lines, convention) of a check in which it may be judged.

        If a check was repaired that shows the student's convention, only the forms of that
        convention are returned, if there are any.
        """
        told = [each.name for each in self.grader.task.checks if each.conventions]
        ways = {way for name, (_, way) in self.mended.items() if name in told}
        forms = self.grader.forms(check)
        return [form for form in forms if form[1] in ways] or forms

    def _search_check(
        self, check: FunctionCheck, held: Sequence[Draw], budget: int
    ) -> Iterator[Repair]:
        """Yield the changes that correct one check, each made on top of those before it.

        ``budget`` is the part of the search budget that may be used, and ``held`` are inputs not
        used in the search. Repairs of other tasks are tried first, then changes of spelling after
        which the code no longer crashes, and then at most `SEARCHES` searches. The search stops
        when the check passes or the time is up. A function that is still a stub is only searched
        for spelling.
        """
        grader = self.grader
        to_write = _is_unwritten(grader.verdicts[check.name])
        if to_write and not self._spellings(check, grader.verdicts[check.name]):
            return
        # A check has time of its own, whatever was asked of the process before.
        grader.process.renew()
        names = {each.name for each in grader.definitions_of(check)}
        before = self._judge(check, held)
        for likely in (each.proposal for each in self.earlier if each.function in names):
            # One by one, so that only changes that this check needs are reported for it.
            if told := list(self._confirm(check, held, [likely], before)):
                yield from told
                before = self._judge(check, held)
                if before.state == "pass":
                    return
        # Code that raises may only be misspelled: that is tried first.
        freeing = self._find_crash_fixes(check, before, held)
        for way in freeing:
            if told := list(self._confirm(check, held, way, before, len(way))):
                yield from told
                before, freeing = self._judge(check, held), []
                break
        if before.state == "pass" or to_write:
            return
        refused: list[Proposal] = []
        for again in range(SEARCHES):
            if self.limits.has_ended() or self.limits.searching <= 0:
                return
            # What else is wrong is found where nothing stops.
            kept, first = self.text, freeing[0] if freeing and before.state == "error" else ()
            for likely in first:
                self._apply(likely)
            found, spent = self._search(check, refused, again, budget)
            self.left, budget, self.text = self.left - spent, budget - spent, kept
            told = list(self._confirm(check, held, [*first, *found], before, len(first)))
            # What was found leaves the others their time, and what else is wrong in this check.
            back = min(spent, self.spare) if told else 0
            self.left, self.spare, budget = self.left + back, self.spare - back, budget + back
            yield from told
            # At some inputs what is wrong is right by chance: there is nothing to look for. Of few
            # kinds a search is short, but not as short as that.
            nothing = not found and spent >= LEAST // (8 if self.wanted.kinds else 1)
            if nothing or budget < LEAST or len(told) >= self.wanted.most:
                return
            if told:
                before, refused, freeing = self._judge(check, held), [], []
                if before.state == "pass":
                    return
            else:
                # What is wrong after all is not asked for again.
                refused += found[:1]

    def _search(
        self, check: FunctionCheck, refused: Sequence[Proposal], again: int, budget: int
    ) -> tuple[list[Proposal], int]:
        """Search the text as it is now for changes that make a check pass.

        Parameters
        ----------
        check : FunctionCheck
        refused : sequence of Proposal
            Changes that are not to be proposed again.
        again : int
            How often the check was searched before; each search has other inputs.
        budget : int
            The part of the budget that the search may use.

        Returns
        -------
        proposals : list of Proposal
        spent : int
            The part of the budget that was used.
        """
        grader = self.grader
        known = grader.definitions_of(check)
        cells = {each.cell.id: each.cell for each in known}
        passes = partial(grader.passes, mended=self.mended)
        places = [
            (each.cell.id, self._current_line(each.cell, each.node.lineno), passes(each.name))
            for each in known
            if each.node is not None
        ]
        sources = {name: self.text.sources[name] for name in cells}
        doubtful = [
            (cell.id, line)
            for at in self.wanted.near
            for cell in cells.values()
            for line in self._lines_of(cell, at)
        ]
        drawn = self._draws(SEARCH_OFFSET + again * REPEAT_OFFSET)
        hard = self.wanted.hard or again > 0
        asked = grader.asked(check, [each for each in drawn if hard or not each.hard])
        text = Searched(sources, places, doubtful, self._changed_definitions())
        # A process of its own: what it is sent must be unknown where answers are judged.
        with self.limits.search(grader.process) as process:
            return proposals(process, asked, self.inside, text, self.wanted, refused, budget)

    def _spellings(self, check: FunctionCheck, stopped: Verdict) -> list[Proposal]:
        """Return corrections of spelling, such as of names, first those in the line that raised.

        They are for the whole section. ``check`` gives the expected names; ``stopped`` is the
        verdict with the line and the message of the exception, if any.
        """
        section = self.grader.process.section
        asked = {each.attr for each in attributes_in(ast.parse(check.call.text))}
        handed = self.grader.draws[0].values.values()
        asked |= {key for value in handed if isinstance(value, Mapping) for key in value}
        there = definitions(section.cells)
        compared = {re.split(r"\W", each)[0] for each in check.compare}
        unpacked = unpacked_into(check.call.text) if stopped.returns_none else ()
        targets = {name: name in compared for name in unpacked}
        texts = (
            Text(
                cell.id,
                self.text.sources[cell.id],
                stops=self._lines_of(cell, stopped.place),
                said=stopped.message,
                asked=asked,
                there=there,
                targets=targets,
            )
            for cell in section.own
        )
        return [one for text in texts for one in spelled(text)]

    def _find_crash_fixes(
        self, check: FunctionCheck, before: Verdict, held: Sequence[Draw]
    ) -> list[Sequence[Proposal]]:
        """Search for spelling changes after which a check runs to its end, without applying them.

        ``before`` is the verdict with the exception, and ``held`` are inputs not used in a search,
        at which the outputs are judged too. Each result is a sequence of changes to apply together.
        Results with the most right outputs come first; the list is empty if no change helps. If the
        code raises elsewhere after a change and no output is right yet, further changes are tried
        on top of it.
        """
        text, freeing = self.text, list[tuple[int, Sequence[Proposal]]]()
        seen: list[Mapping[str, str]] = [text.sources]
        lost, left = len(self.grader.process.losses), FOLLOWED
        judged = self.grader.verdicts[check.name]
        here = replace(before, place=before.place or judged.place, returns_none=judged.returns_none)
        ways: list[tuple[int, Sequence[Proposal], Verdict]] = [(0, (), here)]
        while ways and left > 0 and not any(right for right, _ in freeing):
            # Likelier and shorter sequences of changes come first.
            (rank, first, stopped), *ways = sorted(ways, key=itemgetter(0))
            for made in first:
                self._apply(made)
            start = self.text
            proposals = self._spellings(check, stopped)
            if not _lacks_outputs(stopped):
                # All outputs are there, so no statement that computes one is missing.
                proposals = [one for one in proposals if one.kind != STEP]
            for one in proposals[: min(SPELLED, left)]:
                if self._apply(one) is None or self.text.sources in seen:
                    self.text = start
                    continue
                seen.append(self.text.sources)
                after, left, self.text = self._judge(check, held), left - 1, start
                right = sum(entry.state == "pass" for entry in after.entries)
                if after.state != "error":
                    freeing.append((right, (*first, one)))
                moved = (after.place, after.message) != (stopped.place, stopped.message)
                if moved and not right and _lacks_outputs(judged):
                    rank += 1
                    ways.append((rank, (*first, one), after))
                if len(self.grader.process.losses) > lost:
                    left = 0  # Each wait for code that may never end takes long.
                    break
            self.text = text
        return [some for _, some in sorted(freeing, key=itemgetter(0), reverse=True)]

    def _lines_of(self, cell: Cell, place: Place | None) -> list[int]:
        """Return the line of a cell as it is now that a place is, if it is there."""
        line = cell.line_of(place)
        return [self._current_line(cell, line)] if line else []

    def _confirm(
        self,
        check: FunctionCheck,
        held: Sequence[Draw],
        found: Sequence[Proposal],
        before: Verdict,
        freeing: int = 1,
    ) -> Iterator[Repair]:
        """Make the changes in ``found`` one by one; yield those that correct judged outputs.

        ``held`` are fresh inputs at which outputs must be right too, and ``before`` is the verdict
        without the changes. The first ``freeing`` changes count together, as they only make a
        crashing check run to its end. The search ends at the first change that makes an output
        wrong, breaks another check, corrects nothing but booleans, or only corrects gradients that
        fit the student's own forward pass. Changes after the last that corrects an output are
        undone.
        """
        kept, steps = self.text, []
        for number, proposal in enumerate(found, 1):
            told = None if self.limits.has_ended() else self._apply(proposal)
            if told is None:
                break
            steps.append(told)
            if number < freeing:
                continue
            after = self._judge(check, held)
            outputs = _corrected_outputs(before, after)
            if outputs is None or (outputs and self._breaks_other_check(check)):
                break
            if outputs and self._are_booleans(check, outputs):
                break
            if outputs and self._fitted_before(check, outputs, [name for name, *_ in steps]):
                break
            if outputs:
                # What was right without what stopped the others owes it nothing.
                entries = self.grader.verdicts[check.name].entries
                stopped = before.state == "error"
                right = [e.parameter for e in entries if stopped and e.state == "pass"]
                outputs = [each for each in outputs if each not in right] or outputs
                for function, one, cell, line, source in steps:
                    yield Repair(check.name, function, tuple(outputs), one, cell, line, source)
                before, kept, steps = after, self.text, []
        self.text = kept

    def _are_booleans(self, check: FunctionCheck, outputs: Sequence[str]) -> bool:
        """Return whether ``outputs`` are only true or false.

        Then any of many changes makes them right.
        """
        expected = self.grader.expected(check, self.grader.draws[0])
        values = expected.values if expected is not None else {}
        return all(np.asarray(values.get(name, 0)).dtype.kind == "b" for name in outputs)

    def _fitted_before(
        self, check: FunctionCheck, outputs: Sequence[str], functions: Sequence[str]
    ) -> bool:
        """Return whether changes only touch gradients that fit the student's own forward pass.

        ``outputs`` are those that the changes correct, ``functions`` those that they change. The
        mistake is in the forward pass. A change of it that leaves such a gradient wrong may not be
        the right one, so the lines of the gradient are not called wrong for it.
        """
        gradient = self.grader.definition_of(check).name
        fitted = self.grader.verdicts[check.name].own_forward
        return {*outputs} <= {*fitted} and {*functions} == {gradient}

    def _breaks_other_check(self, check: FunctionCheck) -> bool:
        """Return whether the changes so far make right outputs of another check wrong.

        That is also so if the other check was repaired before and no longer passes. Outputs are
        compared with the model solution: an output that fits only a wrong forward pass may change.
        """
        grader = self.grader
        own = {each.name for each in grader.definitions_of(check)}
        for other in (each for each in grader.task.checks if each is not check):
            if not own & {each.name for each in grader.definitions_of(other)}:
                continue
            with grader.meant(other, self._form(other)):
                before = grader.with_changes(other, grader.draws)
                after = self._judge(other)
            spoilt = other.name in self.mended and after.state != "pass"
            if spoilt or _spoils(before, after):
                return True
        return False

    def _form(self, check: FunctionCheck) -> tuple[Lines, int]:
        """Return the form in which a check came to pass, or else the form in which it is judged."""
        return self.mended.get(check.name) or self.grader.forms(check)[0]

    def _apply(self, proposal: Proposal) -> tuple[str, Proposal, Cell, int, str] | None:
        """Make a change of the text, and return how to report it; None if the change is refused.

        A change is refused if it is of no known kind, not in a function, not valid Python, or if it
        only selects among alternatives of the text. The result is the name of the changed function,
        the change without the lines that stay, its cell, its line in the submitted text, and the
        text of the cell before it.
        """
        own = self.grader.process.section.own
        cell = next((each for each in own if each.id == proposal.cell), None)
        if cell is None or proposal.kind not in kinds():
            return None
        source, made = self.text.sources[cell.id], self.text.made.get(cell.id, ())
        text = replaced(source, proposal)
        line = line_before(made, proposal.line)
        function = function_at(cell, line)
        if text is None or function is None:
            return None
        others = (each for name, each in self.text.sources.items() if name != cell.id)
        if is_selection(source, text, others):
            return None
        proposal = trimmed(proposal, source)
        self.text = _Text(
            {**self.text.sources, cell.id: text},
            {**self.text.made, cell.id: (*made, proposal)},
        )
        _, guards = self._unguarded(cell.source)
        told = with_guards(proposal, source, guards)
        return function.name, told, cell, line, guarded(source, guards)

    def _unguarded(self, source: str) -> tuple[str, Mapping[str, str]]:
        """Call `unguarded` for the text of a cell, unless guards have to stay in the text.

        With ``keeps_guards``, the text is returned as it is, with no guards.
        """
        return (source, {}) if self.keeps_guards else unguarded(source)

    def _current_line(self, cell: Cell, line: int) -> int:
        """Return the number of a submitted line of a cell in the text with all changes."""
        made = self.text.made.get(cell.id, ())
        count = self.text.sources[cell.id].count("\n") + 1
        return next((n for n in range(1, count + 1) if line_before(made, n) == line), line)

    def _draws(self, further: int) -> list[Draw]:
        """Draw fresh inputs with the grader's seed plus ``further``, labelled with that number.

        The random ones are sorted from small to large inputs.
        """
        drawn = list(draws(self.grader.task, self.grader.seed + further, judged=False))
        # A search is quick where inputs are small.
        ordered = [*sorted(drawn[:RANDOM], key=_numbers), *drawn[RANDOM:]]
        return [replace(draw, label=f"{draw.label} {further}") for draw in ordered]

    def _judge(self, check: FunctionCheck, held: Sequence[Draw] = ()) -> Verdict:
        """Return the verdict on a check with all changes so far, at judged inputs and at ``held``.

        ``held`` are further inputs. Verdicts are cached, except for crashes: another run may not
        crash.
        """
        changed = self._changed_definitions()
        asked = check.name, self.grader.forms(check)[0], *changed
        if (asked, len(held)) not in self.known:
            draws = [*self.grader.draws, *held]
            verdict = self.grader.with_changes(check, draws, changed=changed)
            if verdict.state == "error":
                return verdict  # another time it may come to its end
            self.known[asked, len(held)] = verdict
            if verdict.state == "pass":
                self.known.setdefault((asked, 0), verdict)
        return self.known[asked, len(held)]

    def _changed_definitions(self) -> list[tuple[str, int, str]]:
        """Return cell, line and text of top-level definitions that differ from the submission."""
        return [
            definition
            for cell in self.grader.process.section.own
            for definition in definitions_changed(cell, self.text.sources.get(cell.id, cell.source))
        ]


def _count_explained(mended: Mended) -> int:
    """Count the checks that have findings or known causes."""
    found = mended.inquiry
    return len({*found.causes, *mended.verdicts, *(each.check for each in found.findings)})


def _states(verdict: Verdict) -> list[tuple[str, str]]:
    """Return the state of each output."""
    return [(entry.parameter, entry.state) for entry in verdict.entries]


def _judged_again(before: Verdict, after: Verdict, names: Sequence[str]) -> Verdict:
    """Return the verdict ``after``, with a note that mistakes in other functions are corrected.

    ``names`` are these functions. If the check still fails, the result has the place of ``before``.
    """
    note = format_count(
        "This check used your code with the mistake in `{names}` corrected.",
        "This check used your code with the mistakes in `{names}` corrected.",
        len(names),
        names="`, `".join(dict.fromkeys(names)),
    )
    place = before.place if after.state == "fail" else None
    return replace(after, place=place, notes=(note,))


SEVERAL = 3
"""Changes that a step is looked for instead of, and that are no longer believed where one of them
writes a line anew."""


def _lacks_outputs(verdict: Verdict) -> bool:
    """Return whether outputs cannot be compared: the state is not ``fail``, or one is missing."""
    return verdict.state != "fail" or any(each.state == "missing" for each in verdict.entries)


def _spoils(before: Verdict, after: Verdict) -> bool:
    """Return whether a change makes a right output of a check wrong, or the check crash.

    ``before`` and ``after`` are the verdicts without and with the change. False if no output was
    right before it.
    """
    right = any(entry.state == "pass" for entry in before.entries)
    return right and _corrected_outputs(before, after) is None


def _corrected_outputs(before: Verdict, after: Verdict) -> list[str] | None:
    """Return the outputs that fail in ``before`` and are right in ``after`` a change.

    None if the change made any output wrong, or if the check crashes after it. Inputs that are no
    longer changed in place count as corrected.
    """
    was = {entry.parameter for entry in before.entries if entry.state == "pass"}
    now = {entry.parameter: entry.state for entry in after.entries}
    if after.state == "error" or any(now.get(name, "pass") != "pass" for name in was):
        return None
    # An input that is changed in place has an entry only where it is.
    gone = [entry.parameter for entry in before.entries if entry.parameter not in now]
    return [name for name, state in now.items() if state == "pass" and name not in was] + gone
