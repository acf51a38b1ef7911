"""Find the changes that mend what no mistake of a net explains, or tells no line of for sure.

See `gradkit.grading.repairs`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.binding.idioms import find_global_read
from gradkit.diagnosis.mistakes.catalogue import mistake
from gradkit.diagnosis.repair.ask import Wanted
from gradkit.diagnosis.repair.kinds import kinds
from gradkit.grading.functions import FunctionGrader
from gradkit.grading.repairs import HELD, STEP, WHOLE, Again, Mended, mend_functions
from gradkit.judge.case import Examined
from gradkit.records.observations import Bound, Outcome
from gradkit.records.result import FAILED, UNEXPLAINED, Finding, Inquiry, Verdict
from gradkit.records.task import Batch, FunctionCheck, Lines, Task
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.task.written import CHECKS, written

BUDGET, STOPPED, NAMED, NEARBY = 20_000, 40_000, 30_000, 8_000
"""What the searches for one task may do, where code stops, where all mistakes have names, and where
likely lines are known: see `gradkit.runtime.repair.clock.Budget`."""

FEW = 2
"""Mistakes of a check whose lines are looked for by the changes that mend them."""

MUCH, MANY, MOST = 3, 4, 5
"""Mistakes about one entry on one line, different ones on one line, and those about one entry, in
whose place one change is looked for."""

RATES = frozenset({"wrong-learning-rate", "uneven-learning-rate"})
"""Mistakes that are of a number, wherever that is."""

OF_NAMES = frozenset({"wrong-name", "wrong-entry", "wrong-index"})
"""Kinds of changes by which what a name is given, or stands for, may be another's."""

STILL = "not-updated"
"""The mistake that leaves entries as they were."""

SAID = ("missing", "dtype", "type")
"""Faults of what comes back that the verdict says in words: nothing more is to be found."""


def with_changes(
    task: Task,
    examined: Examined,
    process: StudentProcess,
    inquiry: Inquiry,
    seed: int,
    again: Again,
    left: Callable[[], Inquiry],
) -> Inquiry:
    """Return findings with changes of the text for what is unexplained, or where a line is a guess.

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
    left : callable
        Returns what is left to be told of the code that is loaded, if all of that has names.
    """
    bound = examined.case.binding.bound
    judged = {verdict.check: verdict for verdict in examined.verdicts}
    lacking = {
        check: bound[role]
        for role, check in CHECKS.items()
        if role in bound and check in judged and _lacks(judged[check], inquiry)
    }
    of = "forward" if "forward" in judged and judged["forward"].state == "pass" else "update"
    model = written(task, bound, of) if lacking else None
    if model is None or any(_is_otherwise(task, each, process) for each in lacking.values()):
        return inquiry
    process.renew()
    lacking = {
        check: role
        for check, role in lacking.items()
        if check in model.quantities and _is_again(task, role, examined, process)
    }
    if not lacking:
        return inquiry
    grader = FunctionGrader(model.solution.task, process, model.solution, seed)
    right = {name for name, verdict in judged.items() if verdict.state == "pass"}
    known = {
        check.name: Verdict(check.name, "pass", "")
        for check in grader.task.checks
        if check.name in right and not check.others
    }
    asked = [
        verdict
        if verdict.check in lacking
        and _is_as(verdict, judged[verdict.check], model.quantities[verdict.check])
        else replace(verdict, state="pass")
        for verdict in grader.grade(known)
    ]
    checks = [replace(each, call=_way(grader, each), others=()) for each in grader.task.checks]
    grader.task = replace(grader.task, checks=tuple(checks))
    grader.solution = replace(model.solution, task=grader.task)
    near = tuple(each.place for each in inquiry.findings if each.place and each.check in lacking)
    stops = [judged[check] for check in lacking if judged[check].state == "error"]
    near += tuple(each.place for each in stops if each.place)
    likely = [*inquiry.doubtful.values()]
    likelier = tuple(place for places in likely for place in places) if all(likely) else ()
    failed = [verdict.check for verdict in asked if verdict.state in FAILED]
    named = [mistake(each.mistake).kinds for check in failed for each in _of(check, inquiry)]
    wanted = Wanted(STOPPED if stops else BUDGET, near)
    found = [_of(check, inquiry) for check in failed]
    if all(named) and all(found) and not any(map(is_much, found)):
        among = frozenset(kind for each in named for kind in each)
        among |= OF_NAMES if any(map(_are_alike, found)) else frozenset()
        wanted = Wanted(NAMED, near, kinds=among, most=len(named))
        if likelier:
            wanted = Wanted(NEARBY, likelier, only=True, kinds=among, most=len(named))
    mended = mend_functions(grader, asked, wanted)
    if len(mended.told) > 1 and any(each.proposal.kind == WHOLE for each in mended.told):
        # Without lines that are written anew, or put in, as much may be right.
        plain = replace(wanted, kinds=(wanted.kinds or frozenset(kinds())) - {WHOLE, STEP})
        mended = max(mend_functions(grader, asked, plain), mended, key=_made_right)
    before = inquiry
    for check, role in lacking.items():
        told = model.quantities.get(check, {})
        own = [
            replace(each, entries=tuple(told[name] for name in each.entries))
            for each in mended.inquiry.findings
            if each.check == check
        ]
        entries = grader.verdicts[check].entries
        # What stopped has none: nothing of it is there.
        judged_wrong = {told[each.parameter] for each in entries if each.state != "pass"}
        wrong = judged_wrong if entries else {*told.values()}
        whole = wrong == {name for each in own for name in each.entries}
        # Of what has no entries of its own, a part that is right says nothing.
        if own and (whole or check == "update"):
            inquiry = _told(own, role, inquiry, whole=whole)
    if inquiry != before and any(each.mistake == UNEXPLAINED for each in inquiry.findings):
        inquiry = _with_rest(inquiry, process, mended.texts, left)
    clear = {*inquiry.follows, *(each.check for each in inquiry.findings)}
    later = [c for c, verdict in judged.items() if verdict.state == "fail" and c not in clear]
    if inquiry == before or not later:
        return inquiry
    # What is right once the text is made right follows from what is told of it.
    with process.with_texts(mended.texts):
        mends = {verdict.check for verdict in again(HELD).verdicts if verdict.state == "pass"}
    codes = tuple(dict.fromkeys(each.mistake for each in inquiry.findings if each.check in mends))
    follows = {check: codes for check in later if check in mends}
    return replace(inquiry, follows={**inquiry.follows, **follows})


def _made_right(mended: Mended) -> int:
    """Count the outputs that changes make right."""
    return len({(each.check, output) for each in mended.told for output in each.outputs})


def _with_rest(
    inquiry: Inquiry,
    process: StudentProcess,
    texts: Mapping[str, str],
    left: Callable[[], Inquiry],
) -> Inquiry:
    """Return findings with what has a name in the place of what has none, once some are mended.

    Two mistakes of which one has no name give numbers that nothing explains; without that one
    they are those of the other.
    """
    own = {cell.id: cell.source for cell in process.section.own}
    if any(own[name].count("\n") != text.count("\n") for name, text in texts.items()):
        # Its lines are not those of the student's text.
        return inquiry
    with process.with_texts(texts):
        rest = left()
    open_ = [each for each in inquiry.findings if each.mistake == UNEXPLAINED]
    entries = {(each.check, entry) for each in open_ for entry in each.entries}
    here = [each for each in rest.findings if entries & {(each.check, e) for e in each.entries}]
    names = Counter((each.check, entry) for each in here for entry in each.entries)
    # Two names for an entry that had none are a guess.
    if not entries or any(names[entry] != 1 for entry in entries):
        return inquiry
    kept = [each for each in inquiry.findings if each not in open_]
    told = {(each.check, each.mistake) for each in kept}
    more = [each for each in here if (each.check, each.mistake) not in told]
    return replace(inquiry, findings=(*kept, *more))


def _way(grader: FunctionGrader, check: FunctionCheck) -> Lines:
    """Return the lines by which a function gives its result; where it stops its text says."""
    if grader.verdicts[check.name].state != "error":
        return grader.forms(check)[0][0]
    nodes = [each.node for each in grader.definitions_of(check)[:1] if each.node is not None]
    parts = (part for node in nodes for part in ast.walk(node))
    returns = any(isinstance(part, ast.Return) and part.value for part in parts)
    return check.call if returns or not check.others else check.others[-1]


def _lacks(verdict: Verdict, inquiry: Inquiry) -> bool:
    """Tell a check that failed for what has no name, or no line that is known for sure.

    To look for the lines of other mistakes takes longer than all else that is done for a hand-in.
    """
    own = _of(verdict.check, inquiry)
    if verdict.state not in ("fail", "error") or (verdict.check in inquiry.follows and not own):
        return False
    if any(each.mistake == UNEXPLAINED for each in own) or not own:
        return True
    if is_much(own) or _are_alike(own):
        return True
    guessed = (mistake(each.mistake).kinds for each in own if each.id in inquiry.doubtful)
    return len(own) <= FEW and any(guessed)


def _of(check: str, inquiry: Inquiry) -> list[Finding]:
    return [each for each in inquiry.findings if each.check == check]


def is_much(findings: Sequence[Finding]) -> bool:
    """Tell so many mistakes that one change is the likelier reason."""
    on_one = Counter((entry, each.place) for each in findings for entry in each.entries)
    kinds = Counter(place for _, place in {(each.mistake, each.place) for each in findings})
    of_one = Counter(entry for each in findings for entry in each.entries)
    counts = (on_one, MUCH), (kinds, MANY), (of_one, MOST)
    # What leaves some entries of an array as they were may write to its others instead.
    left, written = ({*_arrays(findings, still=still)} for still in (True, False))
    many = any(max(times.values(), default=0) >= most for times, most in counts)
    return many or bool(left & written)


def _are_alike(findings: Sequence[Finding]) -> bool:
    """Tell mistakes of which some are about the same entries: one name for another may be both."""
    return len({each.entries for each in findings}) < len(findings)


def _arrays(findings: Sequence[Finding], *, still: bool) -> Iterator[str]:
    """Yield the arrays of which entries stay as they were, or those of other mistakes."""
    for finding in findings:
        if (finding.mistake == STILL) is still:
            yield from (entry.partition("[")[0] for entry in finding.entries)


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
    if not whole:
        # A line that is written anew may be made for what is wrong elsewhere.
        changes = [each for each in changes if each.mistake != WHOLE]
    if not changes:
        return inquiry
    # What has a change already is told.
    own = [each for each in _of(changes[0].check, inquiry) if not each.fix]
    if whole and len(changes) == 1:
        (one,) = changes
        alike = [each for each in own if _arrays_of(each) <= _names_of(one, role)]
        alike = [each for each in alike if each.mistake != UNEXPLAINED]
        if one.mistake in OF_NAMES and len(alike) > 1 and _are_alike(alike):
            return _instead([one], alike, role, inquiry)
    open_ = next((each for each in own if each.mistake == UNEXPLAINED), None)
    doubtful = any(each.id in inquiry.doubtful for each in own)
    if own and open_ is None and not doubtful and not is_much(own):
        # All has names, and lines that are known for sure.
        return inquiry
    # Names that leave something open are not the reason, if one change mends all.
    partly = open_ is not None and len(changes) == 1
    sure = all(each.mistake != WHOLE for each in changes) or (len(changes) == 1 and is_much(own))
    if whole and sure and len(changes) < len(own) and (partly or is_much(own)):
        return _instead(changes, own, role, inquiry)
    if is_much(own) and not whole:
        return inquiry
    named = [each for each in own if each.mistake != UNEXPLAINED]
    found = {each.id: _mending(each, changes, role, inquiry, whole=whole) for each in named}
    findings = [
        each if each.fix or (change := found.get(each.id)) is None else _at(each, change)
        for each in inquiry.findings
    ]
    used = {change.id for change in found.values() if change is not None}
    left = [each for each in changes if each.id not in used]
    if not left or (named and open_ is None):
        return replace(inquiry, findings=tuple(findings))
    entries = () if open_ is None else open_.entries
    made = []
    for change in left:
        names = _names_of(change, role)
        mine = tuple(each for each in entries if each.partition("[")[0] in names)
        if mine or not entries:
            at = _at(change, change)
            made.append(replace(at, entries=mine, **_formulas([open_] if open_ else [], mine)))
    told = {entry for each in made for entry in each.entries}
    unexplained = tuple(entry for entry in entries if entry not in told)
    if open_ is None:
        findings = [*made, *findings]
    else:
        place = findings.index(open_)
        still = [replace(open_, entries=unexplained)] if unexplained else []
        findings[place : place + 1] = [*made, *still]
    return replace(inquiry, findings=tuple(findings))


def _mending(
    finding: Finding, changes: Sequence[Finding], role: Bound, inquiry: Inquiry, *, whole: bool
) -> Finding | None:
    """Return the change that mends a mistake that was told by the numbers; None for none.

    It is the only one there is, or the one at a line of the mistake's that makes all its entries
    right; at any line where the mistake's is a guess, and no other is about some of its entries.
    One that writes a line anew may be any, if it is no kind of the mistake's.
    """
    asked = _arrays_of(finding)
    sets = {each.entries for each in _of(finding.check, inquiry)}
    told = [entry for each in sets for entry in each]
    alone = finding.id in inquiry.doubtful and all(told.count(e) == 1 for e in finding.entries)
    here = [
        each
        for each in changes
        if (alone or each.place in finding.places) and asked <= _names_of(each, role)
    ]
    if whole and len(changes) == 1:
        here = [*changes]
    unsure = {WHOLE} - {*mistake(finding.mistake).kinds}
    return here[0] if len(here) == 1 and here[0].mistake not in unsure else None


def _arrays_of(finding: Finding) -> set[str]:
    return {entry.partition("[")[0] for entry in finding.entries}


def _names_of(change: Finding, role: Bound) -> set[str]:
    """Return the arrays that a change makes right, as the student's entries have them."""
    return {role.convention.keys.get(name, name) for name in change.entries}


def _instead(
    changes: Sequence[Finding], own: Sequence[Finding], role: Bound, inquiry: Inquiry
) -> Inquiry:
    """Return findings with changes in the place of all that is told of their check."""
    left = [*dict.fromkeys(entry for each in own for entry in each.entries)]
    told = []
    for number, one in enumerate(changes, 1):
        names = _names_of(one, role)
        mine = [e for e in left if number == len(changes) or e.partition("[")[0] in names]
        left = [entry for entry in left if entry not in mine]
        told.append(replace(_at(one, one), entries=(*mine,), **_formulas(own, mine)))
    place = inquiry.findings.index(own[0])
    findings = [each for each in inquiry.findings if each not in own]
    findings[place:place] = told
    codes = tuple(dict.fromkeys(each.mistake for each in told))
    follows = {
        check: codes if {*of} & {each.mistake for each in own} else of
        for check, of in inquiry.follows.items()
    }
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
