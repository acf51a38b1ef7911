"""Find changes that make right what no mistake of a net explains: see `gradkit.grading.repairs`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.binding.idioms import find_global_read
from gradkit.grading.functions import FunctionGrader
from gradkit.grading.repairs import HELD, WHOLE, mend_functions
from gradkit.judge.case import Examined
from gradkit.records.observations import Bound, Outcome
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry, Verdict
from gradkit.records.task import Batch, Task
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.task.written import CHECKS, written

BUDGET = 20_000
"""What the searches for one task may do, see `gradkit.runtime.repair.clock.Budget`."""

MUCH = 3
"""Mistakes about one entry, on one line, in whose place one change is looked for."""

SAID = ("missing", "dtype", "type")
"""Faults of what comes back that the verdict says in words: nothing more is to be found."""


Again = Callable[[int], Sequence[Verdict]]
"""Examines the code that is loaded, given what is added to the seed."""


def with_changes(
    task: Task,
    examined: Examined,
    process: StudentProcess,
    inquiry: Inquiry,
    seed: int,
    again: Again,
) -> Inquiry:
    """Return findings with changes of the text in the place of what is unexplained, or has no line.

    Parameters
    ----------
    task : Task
    examined : Examined
    process : StudentProcess
        The section's code.
    inquiry : Inquiry
        What was found by the numbers.
    seed : int
        Draws the inputs.
    again : callable
        See `Again`.
    """
    bound = examined.case.binding.bound
    judged = {verdict.check: verdict for verdict in examined.verdicts}
    lacking = {
        check: bound[role]
        for role, check in CHECKS.items()
        if role in bound and check in judged and _lacks(bound[role], judged[check], inquiry)
    }
    of = "forward" if "forward" in judged and judged["forward"].state == "pass" else "update"
    model = written(task, bound, of) if lacking else None
    if model is None or any(_is_otherwise(task, each, process) for each in lacking.values()):
        return inquiry
    process.renew()
    lacking = {
        check: role for check, role in lacking.items() if _is_again(task, role, examined, process)
    }
    if not lacking:
        return inquiry
    grader = FunctionGrader(model.solution.task, process, model.solution, seed)
    asked = [
        verdict
        if verdict.check in lacking
        and _is_as(verdict, judged[verdict.check], model.quantities[verdict.check])
        else replace(verdict, state="pass")
        for verdict in grader.grade()
    ]
    # How an update gives its result is known by now.
    checks = [
        replace(each, call=grader.forms(each)[0][0], others=()) for each in grader.task.checks
    ]
    grader.task = replace(grader.task, checks=tuple(checks))
    grader.solution = replace(model.solution, task=grader.task)
    mended = mend_functions(grader, asked, BUDGET)
    before = inquiry
    for check, role in lacking.items():
        told = model.quantities.get(check, {})
        own = [
            replace(each, entries=tuple(told[name] for name in each.entries))
            for each in mended.inquiry.findings
            if each.check == check
        ]
        wrong = {
            told[each.parameter] for each in grader.verdicts[check].entries if each.state != "pass"
        }
        whole = wrong == {name for each in own for name in each.entries}
        # Of what has no entries of its own, a part that is right says nothing.
        if own and (whole or check == "update"):
            inquiry = _told(own, role, inquiry, whole=whole)
    known = {*inquiry.follows, *(each.check for each in inquiry.findings)}
    later = [c for c, verdict in judged.items() if verdict.state == "fail" and c not in known]
    if inquiry == before or not later:
        return inquiry
    # What is right once the text is made right follows from what is told of it.
    with process.with_texts(mended.texts):
        right = {verdict.check for verdict in again(HELD) if verdict.state == "pass"}
    codes = tuple(dict.fromkeys(each.mistake for each in inquiry.findings if each.check in right))
    follows = {check: codes for check in later if check in right}
    return replace(inquiry, follows={**inquiry.follows, **follows})


def _lacks(role: Bound, verdict: Verdict, inquiry: Inquiry) -> bool:
    """Tell a check that failed of which something is not explained, or has no line."""
    own = _of(verdict.check, inquiry)
    open_ = any(_is_open(each, role) for each in own) or _is_much(own)
    return verdict.state == "fail" and (open_ or not (own or verdict.check in inquiry.follows))


def _of(check: str, inquiry: Inquiry) -> list[Finding]:
    return [each for each in inquiry.findings if each.check == check]


def _is_much(findings: Sequence[Finding]) -> bool:
    """Tell so many mistakes about one entry on a line that one change is the likelier reason."""
    times = Counter((entry, each.place) for each in findings for entry in each.entries)
    return max(times.values(), default=0) >= MUCH


def _is_open(finding: Finding, role: Bound) -> bool:
    """Tell what is not explained, or which entries have no line but the head of their function.

    To look for the lines of other mistakes takes longer than all else that is done for a hand-in.
    """
    at_head = finding.place == role.place and not finding.untraced
    return finding.mistake == UNEXPLAINED or (bool(finding.entries) and at_head)


def _is_otherwise(task: Task, bound: Bound, process: StudentProcess) -> bool:
    """Tell a function that reads a global in the place of what it is handed: that is said."""
    role = next(each for each in task.roles if each.name == bound.role)
    return find_global_read(process.section, bound, role) is not None


def _is_again(task: Task, role: Bound, examined: Examined, process: StudentProcess) -> bool:
    """Tell that a role gives what it gave where it was judged, and that nothing is said of it.

    Whoever gives something else when the code is loaded anew may do so to gain by it.
    """
    outcomes, probes = examined.case.observations.outcomes, examined.case.probes
    batches = [each for each in (*probes.forward, *probes.update) if each.role == role.role]
    return not any(
        _is_said(batch, outcomes[batch.name])
        or not _are_equal(observe_batch(process, task, role, batch), outcomes[batch.name])
        for batch in batches
    )


def _is_said(batch: Batch, outcome: Outcome) -> bool:
    """Tell outputs of which the verdict says why they are wrong."""
    whole = any(value.dtype.kind in "iu" for value in outcome.outputs.values())
    return (whole and batch.inputs["X"].dtype.kind == "f") or any(
        fault.kind in SAID for fault in outcome.faults
    )


def _are_equal(one: Outcome, other: Outcome) -> bool:
    return one.outputs.keys() == other.outputs.keys() and all(
        np.array_equal(value, other.outputs[name], equal_nan=True)
        for name, value in one.outputs.items()
    )


def _is_as(verdict: Verdict, judged: Verdict, names: Mapping[str, str]) -> bool:
    """Tell that what is wrong here was wrong where it was judged, and nothing else was."""
    wrong = {each.parameter for each in judged.entries if each.state != "pass"}
    known = {each.parameter for each in judged.entries} & {*names.values()}
    here = {names[each.parameter] for each in verdict.entries if each.state != "pass"}
    return not here or not known or here & known == wrong & known


def _told(changes: Sequence[Finding], role: Bound, inquiry: Inquiry, *, whole: bool) -> Inquiry:
    """Return findings with some changes of one check, whose entries are quantities.

    ``whole``: they make all of it right.
    What they cost, and what follows from them, stays: it is what was not explained.
    """
    check, findings = changes[0].check, [*inquiry.findings]
    own = _of(check, inquiry)
    if _is_much(own):
        return _instead(changes, own, inquiry) if whole and len(changes) == 1 else inquiry
    if any(_is_open(each, role) and each.mistake != UNEXPLAINED for each in own):
        # What it is was told by the numbers; the one change that mends it says where, unless it
        # writes a line anew, which may be any.
        one = changes[0] if whole and len(changes) == 1 and changes[0].mistake != WHOLE else None
        placed = [_at(each, one) if one and _is_open(each, role) else each for each in own]
        by_id = {each.id: each for each in placed}
        return replace(inquiry, findings=tuple(by_id.get(each.id, each) for each in findings))
    open_ = next((each for each in own if each.mistake == UNEXPLAINED), None)
    entries = () if open_ is None else open_.entries
    made = []
    for change in changes:
        names = {role.convention.keys.get(name, name) for name in change.entries}
        mine = tuple(each for each in entries if each.partition("[")[0] in names)
        if mine or not entries:
            at = _at(change, change)
            made.append(replace(at, entries=mine, **_formulas([open_] if open_ else [], mine)))
    told = {entry for each in made for entry in each.entries}
    rest = tuple(entry for entry in entries if entry not in told)
    if open_ is None:
        findings = [*made, *findings]
    else:
        place = findings.index(open_)
        findings[place : place + 1] = [*made, *([replace(open_, entries=rest)] if rest else [])]
    return replace(inquiry, findings=tuple(findings))


def _instead(changes: Sequence[Finding], own: Sequence[Finding], inquiry: Inquiry) -> Inquiry:
    """Return findings with one change in the place of all that is told of its check."""
    entries = tuple(dict.fromkeys(entry for each in own for entry in each.entries))
    (one,) = changes
    change = replace(_at(one, one), entries=entries, **_formulas(own, entries))
    place = inquiry.findings.index(own[0])
    findings = [each for each in inquiry.findings if each.check != one.check]
    follows = {
        check: (one.mistake,) if {*codes} & {each.mistake for each in own} else codes
        for check, codes in inquiry.follows.items()
    }
    findings.insert(place, change)
    return replace(inquiry, findings=tuple(findings), follows=follows)


def _formulas(findings: Sequence[Finding], entries: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return what was verified of some entries."""
    applies = {entry: text for each in findings for entry, text in each.applies.items()}
    should = {entry: text for each in findings for entry, text in each.should.items()}
    found = {"applies": applies, "should": should}
    return {word: {e: texts[e] for e in entries if e in texts} for word, texts in found.items()}


def _at(finding: Finding, change: Finding) -> Finding:
    """Return a finding at the line of the change that mends it."""
    assert change.place is not None  # noqa: S101  (a change has one)
    parts = ("place", "source", "columns", "fix", "adds", "diff")
    told = {name: getattr(change, name) for name in parts}
    return replace(finding, places=(change.place,), untraced="", **told)
