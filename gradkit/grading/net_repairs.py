"""Find the changes that mend what no mistake of a net explains, or tells no line of for sure.

See `gradkit.grading.repairs`.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.binding.idioms import find_global_read
from gradkit.diagnosis.catalogue import kinds, mistake
from gradkit.diagnosis.repair.ask import Wanted
from gradkit.grading.changed_text import STEP, WHOLE, replaced
from gradkit.grading.functions import FunctionGrader
from gradkit.grading.mended import OF_NAMES, Step, have_common_cause, of_check, share_entries
from gradkit.grading.repairs import Mended, mend_functions
from gradkit.judge.comparison import Examined
from gradkit.records.result import FAILED, UNEXPLAINED, Inquiry, Verdict
from gradkit.records.submission import Bound, Outcome
from gradkit.records.task import Batch, FunctionCheck, Lines, Task
from gradkit.sandbox.observe import observe_batch
from gradkit.sandbox.process import StudentProcess
from gradkit.task.written import CHECKS, Written, written

BUDGET, STOPPED, NAMED, NEARBY = 20_000, 40_000, 34_000, 8_000
"""What the searches for one task may do, where code stops, where all mistakes have names, and where
likely lines are known: see `gradkit.runtime.repair.clock.Budget`."""

FEW = 2
"""Mistakes of a check whose lines are looked for by the changes that mend them."""

RATES = frozenset({"wrong-learning-rate", "uneven-learning-rate"})
"""Mistakes that are of a number, wherever that is."""

SAID = ("dtype", "type")
"""Faults of what comes back that the verdict says in words: nothing more is to be found."""


def propose_steps(
    task: Task, examined: Examined, process: StudentProcess, inquiry: Inquiry, seed: int
) -> list[Step]:
    """Return changes that make outputs right for which no mistake, or no certain line, was found.

    The changes are in the order in which they have to be made. There are none if all failed checks
    are explained, if a function reads a global variable, or if it gives other results in a new
    process.

    Parameters
    ----------
    task : Task
    examined : Examined
    process : StudentProcess
        Runs the section's code. It is renewed.
    inquiry : Inquiry
        The findings from the numbers alone.
    seed : int
        Draws the inputs.
    """
    bound = examined.case.binding.bound
    judged = {verdict.check: verdict for verdict in examined.verdicts}
    lacking = {
        check: bound[role]
        for role, check in CHECKS.items()
        if role in bound and check in judged and _lacks_explanation(judged[check], inquiry)
    }
    of = "forward" if "forward" in judged and judged["forward"].state == "pass" else "update"
    model = written(task, bound, of) if lacking else None
    if model is None or any(_reads_global(task, each, process) for each in lacking.values()):
        return []
    process.renew()
    lacking = {
        check: role
        for check, role in lacking.items()
        if check in model.quantities and _is_repeatable(task, role, examined, process)
    }
    if not lacking:
        return []
    grader, asked = _graded(model, process, seed, judged, lacking)
    # Labels of 0 and 1 say less than numbers between them do.
    wanted = replace(
        _wanted_changes(asked, [judged[check] for check in lacking], inquiry), hard=False
    )
    mended = mend_functions(grader, asked, wanted)
    if len(mended.told) > 1 and any(each.proposal.kind == WHOLE for each in mended.told):
        # Without lines that are written anew, or put in, as much may be right.
        plain = replace(wanted, kinds=(wanted.kinds or frozenset(kinds())) - {WHOLE, STEP})
        mended = max(mend_functions(grader, asked, plain), mended, key=_made_right)
    steps, texts = list[Step](), dict[str, str]()
    for change, told in zip(mended.inquiry.findings, mended.told, strict=True):
        source = texts.get(told.cell.id, told.cell.source)
        texts = {**texts, told.cell.id: replaced(source, told.proposal) or source}
        keys = lacking[told.check].convention.keys
        names = (model.quantities[told.check][name] for name in told.outputs)
        arrays = frozenset(keys.get(name, name) for name in names)
        steps.append(Step(change, told.proposal, source, texts, arrays))
    return steps


def _graded(
    model: Written,
    process: StudentProcess,
    seed: int,
    judged: Mapping[str, Verdict],
    lacking: Collection[str],
) -> tuple[FunctionGrader, list[Verdict]]:
    """Grade the functions of a net as a task of functions; return the grader and the verdicts.

    Parameters
    ----------
    model : Written
        That task of functions, with its model solution.
    process : StudentProcess
        Runs the section's code.
    seed : int
        Draws the inputs.
    judged : mapping of str to Verdict
        The verdicts on the net, by check.
    lacking : collection of str
        The failed checks without an explanation. All others get the verdict ``pass``, and so does a
        check that fails in another manner than it did in the net.
    """
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
        and _agrees(verdict, judged[verdict.check], model.quantities[verdict.check])
        else replace(verdict, state="pass")
        for verdict in grader.grade(known)
    ]
    grader.settle_lines(
        {each.name: _lines_with_result(grader, each) for each in grader.task.checks}
    )
    return grader, asked


def _wanted_changes(
    asked: Sequence[Verdict], judged: Sequence[Verdict], inquiry: Inquiry
) -> Wanted:
    """Return the changes to search for, depending on the findings about the failed checks.

    ``asked`` are the verdicts on the functions, ``judged`` those on the net, and ``inquiry`` has
    the findings. If all are named mistakes without a common cause, only changes of their kinds are
    searched for, at most one for each; and only near the doubtful lines if every doubtful finding
    has some. Otherwise all kinds are searched for. The budget depends on the case.
    """
    checks = {each.check for each in judged}
    near = tuple(each.place for each in inquiry.findings if each.place and each.check in checks)
    stops = [each for each in judged if each.state == "error"]
    near += tuple(each.place for each in stops if each.place)
    likely = [*inquiry.doubtful.values()]
    likelier = tuple(place for places in likely for place in places) if all(likely) else ()
    found = [of_check(each.check, inquiry) for each in asked if each.state in FAILED]
    named = [mistake(each.mistake).kinds for own in found for each in own]
    if not (all(named) and all(found)) or any(map(have_common_cause, found)):
        return Wanted(STOPPED if stops else BUDGET, near)
    among = frozenset(kind for each in named for kind in each)
    among |= OF_NAMES if any(map(share_entries, found)) else frozenset()
    if likelier:
        return Wanted(NEARBY, likelier, only=True, kinds=among, most=len(named))
    return Wanted(NAMED, near, kinds=among, most=len(named))


def _made_right(mended: Mended) -> int:
    """Count the outputs that changes make right."""
    return len({(each.check, output) for each in mended.told for output in each.outputs})


def _lines_with_result(grader: FunctionGrader, check: FunctionCheck) -> Lines:
    """Return those alternative lines of a check that use the function's return value as it is.

    They are the lines that ``grader`` judged the check by. If the check did not run, the function's
    text decides: without a ``return`` with a value, they are the last of the check's alternatives,
    which reads no return value.
    """
    if grader.verdicts[check.name].state not in ("error", "missing"):
        return grader.forms(check)[0][0]
    nodes = [each.node for each in grader.definitions_of(check)[:1] if each.node is not None]
    parts = (part for node in nodes for part in ast.walk(node))
    returns = any(isinstance(part, ast.Return) and part.value for part in parts)
    return check.call if returns or not check.others else check.others[-1]


def _lacks_explanation(verdict: Verdict, inquiry: Inquiry) -> bool:
    """Return whether a check failed without a finding that is certain about mistake and line.

    Mistakes in other checks are an explanation. More than `FEW` findings with a doubtful line count
    as one too, because the search for other lines would take longer than all the rest.
    """
    own = of_check(verdict.check, inquiry)
    if verdict.state not in ("fail", "error") or (verdict.check in inquiry.causes and not own):
        return False
    if any(each.mistake == UNEXPLAINED for each in own) or not own:
        return True
    if have_common_cause(own) or share_entries(own):
        return True
    guessed = (mistake(each.mistake).kinds for each in own if each.id in inquiry.doubtful)
    return len(own) <= FEW and any(guessed)


def _reads_global(task: Task, bound: Bound, process: StudentProcess) -> bool:
    """Return whether a bound function reads a global in place of an argument.

    Another finding reports that.
    """
    role = next(each for each in task.roles if each.name == bound.role)
    return find_global_read(process.section, bound, role) is not None


def _is_repeatable(task: Task, role: Bound, examined: Examined, process: StudentProcess) -> bool:
    """Return whether a bound function gives the judged results again in a new process.

    ``role`` is the function, ``examined`` has its outcomes, and ``process`` is started anew. False
    if the verdict reports a fault of the results, such as a wrong shape. Code that gives other
    results when it is loaded again may do so to gain points.
    """
    outcomes, probes = examined.case.observations.outcomes, examined.case.probes
    batches = [each for each in (*probes.forward, *probes.update) if each.role == role.role]
    return not any(
        _has_reported_fault(batch, outcomes[batch.name])
        or not _are_equal(observe_batch(process, task, role, batch), outcomes[batch.name])
        for batch in batches
    )


def _has_reported_fault(batch: Batch, outcome: Outcome) -> bool:
    """Return whether outputs are wrong for a reason that the verdict reports, such as a shape.

    ``batch`` has the inputs of the calls, ``outcome`` the outputs. Integer outputs for float inputs
    are such a reason too.
    """
    whole = any(value.dtype.kind in "iu" for value in outcome.outputs.values())
    return (whole and batch.inputs["X"].dtype.kind == "f") or any(
        fault.kind in SAID for fault in outcome.faults
    )


def _are_equal(one: Outcome, other: Outcome) -> bool:
    """Return whether two outcomes have the same outputs with equal numbers; nan equals nan."""
    return one.outputs.keys() == other.outputs.keys() and all(
        np.array_equal(value, other.outputs[name], equal_nan=True)
        for name, value in one.outputs.items()
    )


def _agrees(verdict: Verdict, judged: Verdict, names: Mapping[str, str]) -> bool:
    """Return whether ``verdict`` has the same wrong parameters as ``judged``.

    ``names`` has the parameter of each output in ``verdict``. Parameters that only one of the two
    verdicts has do not count. Also True if nothing is wrong in ``verdict``, or if the two have no
    parameter in common.
    """
    wrong = {each.parameter for each in judged.entries if each.state != "pass"}
    known = {each.parameter for each in judged.entries} & {*names.values()}
    here = {names[each.parameter] for each in verdict.entries if each.state != "pass"}
    return not here or not known or here & known == wrong & known
