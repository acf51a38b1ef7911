"""Decide about one finding of one submission: withdraw it, price it, or accept its held marks.

Such a decision sets the points of the checks that the finding affects: each is an override, with
the decisions from which its points follow. So the decisions about several findings add up, and a
decision can be taken back. Points that a person has set directly stay: a decision about a finding
has no effect on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from gradkit.classroom.store.counted import (
    OverrideError,
    OverrideTarget,
    overrides,
    revision_of,
    targets_of,
)
from gradkit.classroom.store.prices import NO_DEDUCTIONS
from gradkit.classroom.store.results import Store, unpack
from gradkit.classroom.store.reviews import ConflictError
from gradkit.records.classroom import FindingDecision, Kept, Override
from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.records.task import NUMBERS


class DecidableFinding(Struct, frozen=True):
    """A finding of a submission, and what a person has decided about it there.

    ``affected`` are the checks whose points a decision sets, and ``direct`` those whose points a
    person has set directly. ``held`` are checks whose marks are held for the finding. ``decision``
    is the present decision by the person ``by`` for the reason ``comment``, None without one.
    ``revision`` is to be sent back with a decision.
    """

    task: str
    check: str
    finding: Finding
    affected: tuple[str, ...]
    direct: tuple[str, ...]
    held: tuple[str, ...]
    decision: FindingDecision | None
    by: str
    comment: str
    revision: str


Words = Mapping[tuple[str, str], Override]
"""The overrides of a student by task and check."""


def decidable_findings(
    store: Store, kept: Kept, words: Iterable[Override]
) -> dict[tuple[str, str], DecidableFinding]:
    """Return the findings of a submission that cost points, by task and id.

    Findings that a person has withdrawn there are included. Remarks on a task are not.

    Parameters
    ----------
    store : Store
    kept : Kept
        The submission.
    words : iterable of Override
        The overrides of the student.
    """
    packed = store.result(kept.id)
    if not packed:
        return {}
    result, by_check = unpack(packed, Result), {(word.task, word.check): word for word in words}
    targets = targets_of(result, kept)
    return {
        (task.task, finding.id): _decidable(store, kept, task, finding, by_check, targets)
        for task in result.tasks
        for finding in task.findings
        if finding.check
    }


def _decidable(
    store: Store,
    kept: Kept,
    task: TaskResult,
    finding: Finding,
    words: Words,
    targets: Mapping[str, OverrideTarget],
) -> DecidableFinding:
    """Return a finding of a submission with the decision of a person about it, if there is one.

    ``kept`` is the submission's stored result and ``task`` the task with the finding. ``words`` are
    the student's overrides by task and check. ``targets`` are the items of the result whose points
    can be set, by name (``task/check``). An override for other findings than the present ones is
    stale and counts as points that a person has set directly.
    """
    affected, direct, held, revisions = [], [], [], []
    decision, by, comment = None, "", ""
    for check in _affected_checks(task, finding):
        target, word = targets[f"{task.task}/{check.check}"], words.get((task.task, check.check))
        revisions.append(revision_of(store, kept.name, target))
        if word is not None and not (word.findings and word.basis == target.basis):
            direct.append(check.check)
            continue
        affected.append(check.check)
        own = {each.finding: each for each in word.findings} if word else {}
        if finding.mistake in check.held and finding.id not in own:
            held.append(check.check)
        if word is not None and finding.id in own:
            decision, by, comment = own[finding.id], word.by, word.comment
    names = (tuple(affected), tuple(direct), tuple(held))
    revision = " ".join(revisions)
    return DecidableFinding(
        *(task.task, finding.check, finding), *names, decision, by, comment, revision
    )


def _affected_checks(task: TaskResult, finding: Finding) -> Iterator[CheckResult]:
    """Yield the checks that a finding costs points, or whose marks wait for a decision about it."""
    costs = finding.costs or {finding.check: 0.0}
    for check in task.checks:
        if check.max_score and (check.check in costs or finding.mistake in check.held):
            yield check


def decide_finding(
    store: Store,
    kept: Kept,
    task: str,
    finding: str,
    decision: FindingDecision | None,
    *,
    comment: str,
    by: str = "",
    seen: str,
) -> None:
    """Store a decision about one finding of a student's counting submission.

    Parameters
    ----------
    store : Store
        Open for writing.
    kept : Kept
        The submission.
    task, finding : str
        Ids of the task and of the finding.
    decision : FindingDecision, optional
        None takes the present decision back.
    comment : str
        Reason, shown to the student.
    by : str
        Person who decides, by default the account of this process.
    seen : str
        The `DecidableFinding.revision` that the person has seen.

    Raises
    ------
    OverrideError
        There is no such finding, the decision changes nothing or is not possible, or the reason
        is empty. Nothing was changed.
    ConflictError
        Points of a check that the finding affects have changed since ``seen``.
    """
    with store.writing():
        own = overrides(store).get(kept.name, ())
        found = decidable_findings(store, kept, own).get((task, finding))
        if found is None:
            raise OverrideError("This submission does not have this finding any more.")
        result = unpack(store.result(kept.id), Result)
        words = {(word.task, word.check): word for word in own}
        if found.revision != seen:
            raise ConflictError(_describe_conflict(found, words))
        _refuse(found, decision, result, comment)
        (marked,) = (each for each in result.tasks if each.task == task)
        run = store.begin("override", why=comment.strip(), who=by)
        targets = targets_of(result, kept)
        for name in found.held if decision and decision.action == "accepted" else found.affected:
            word = words.get((task, name))
            former = word.findings if word else ()
            new = [each for each in former if each.finding != finding]
            new += [decision] if decision else []
            if tuple(new) == former:
                continue
            points = _points(marked, name, new) if new else None
            target = targets[f"{task}/{name}"]
            place = {"name": kept.name, "task": task, "check": name}
            id_ = store.insert("overrides", run=run, **place, points=points, basis=target.basis)
            for each in new:
                fields = {"finding": each.finding, "code": each.code, "action": each.action}
                store.insert("finding_decisions", override=id_, **fields, share=each.share)
        store.end(run)


def _refuse(
    found: DecidableFinding, decision: FindingDecision | None, result: Result, comment: str
) -> None:
    """Raise OverrideError for a decision without a reason, out of range, or without an effect.

    ``found`` is the finding with the present decision, and ``result`` the result that has it.
    ``decision`` is the new one, None if the present decision is to be taken back; ``comment`` is
    the reason.
    """
    code = found.finding.mistake
    if not comment.strip():
        raise OverrideError("The reason is missing. The student can read it.")
    if decision is None:
        if found.decision is None:
            raise OverrideError(f"Nothing is decided about {code} here.")
        return
    if not found.affected:
        raise OverrideError(
            f"A person has set the points of {', '.join(found.direct)}. Change these points, or "
            f"take them back, and then decide about {code}."
        )
    if decision.action == "accepted" and not found.held:
        raise OverrideError(f"No marks are held for {code} here.")
    if decision.action == "priced":
        if result.preset == NUMBERS:
            raise OverrideError(NO_DEDUCTIONS)
        if not 0 <= decision.share <= 1:
            raise OverrideError(
                f"The price of {code} is {100 * decision.share:g} %; expected 0 to 100 %."
            )


def _points(task: TaskResult, name: str, decisions: Iterable[FindingDecision]) -> float:
    """Return the points of the check ``name`` that follow from decisions about its findings.

    Raises
    ------
    OverrideError
        The findings cost more points than the check has.
    """
    (check,) = (each for each in task.checks if each.check == name)
    by_id = {decision.finding: decision for decision in decisions}
    points = check.score
    # Two findings of the same mistake can have one id. A decision is then about both.
    for finding in task.findings:
        decision, cost = by_id.get(finding.id), finding.costs.get(name, 0.0)
        if decision and decision.action == "withdrawn":
            points += cost
        elif decision and decision.action == "priced":
            points += cost - decision.share * check.max_score
    points = round(points, 2)
    if points < 0:
        raise OverrideError(
            f"{name} would get {points:g} points: its other findings cost the rest. Set a lower "
            "price, or set the points of the check."
        )
    return min(points, check.max_score)


def _describe_conflict(found: DecidableFinding, words: Words) -> str:
    """Describe who has set points of a check that a finding affects."""
    own = (words.get((found.task, name)) for name in (*found.affected, *found.direct))
    set_by = [f"{word.by} has set {word.points:g} for {word.check}" for word in own if word]
    now = f": {'; '.join(set_by)}" if set_by else ". Now no points are set by a person"
    return f"Points that {found.finding.mistake} affects have changed meanwhile{now}."
