"""Find the mistakes behind failed checks by further calls of the student's code.

The inputs are drawn independently of each other, so that every factor can be told from every other,
even if the student's own forward pass is wrong.
"""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.binding.idioms import idioms_of
from gradkit.diagnosis.catalogue import (
    FORBIDDEN,
    MEMORISED,
    NONDETERMINISTIC,
    NUMERICAL,
    SEVERAL,
)
from gradkit.diagnosis.inquiry.findings import incomplete_notes, make_finding, make_remark
from gradkit.diagnosis.inquiry.follows import follows_own_forward, follows_stored_values
from gradkit.diagnosis.inquiry.forward import explain_failed_forward, forward_findings
from gradkit.diagnosis.inquiry.integers import inquire_integers
from gradkit.diagnosis.inquiry.training import inquire_training
from gradkit.diagnosis.inquiry.update import inquire_update
from gradkit.judge.comparison import Examined
from gradkit.judge.steps import forbidden, memorised, nondeterministic, numerical
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Slip
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.task.oracle import Oracle

__all__ = ["incomplete_notes", "inquire", "remark_on_several_files", "suspicions"]


def inquire(
    task: Task, examined: Examined, sitting: StudentProcess, oracle: Oracle, seed: int
) -> Inquiry:
    """Return the findings on a task whose checks did not all pass.

    Tasks in torch are searched by their training runs, tasks in numpy by their forward pass and
    update. If a numpy update is right for the student's wrong forward pass, only the forward pass
    has findings.

    Parameters
    ----------
    task : Task
    examined : Examined
        Observations and verdicts of the checks.
    sitting : StudentProcess
        A process that runs the same section.
    oracle : Oracle
        Replaces the student's forward pass in replayed training runs.
    seed : int
        Seed of the inputs.

    Returns
    -------
    Inquiry
        The most basic mistake first; empty if nothing was found.
    """
    if task.framework.trains:
        return inquire_training(task, examined, idioms_of(sitting.section, sitting.modules))
    forward_result = explain_failed_forward(task, examined, sitting, seed)
    forward = forward_findings(task, examined, sitting, forward_result)
    if forward_result is not None and (
        follows_own_forward(task, examined, sitting, forward_result.slips, seed)
        or follows_stored_values(task, examined, sitting, seed)
    ):
        ids = tuple(finding.id for finding in forward.findings)
        return replace(forward, causes=dict.fromkeys(("update", "gradient", "trajectory"), ids))
    update = inquire_update(task, examined, sitting, oracle, seed)
    integers = inquire_integers(task, examined, sitting)
    return replace(
        update,
        findings=(*forward.findings, *update.findings, *integers),
        doubtful={**forward.doubtful, **update.doubtful},
    )


CHECKS = {"forward": "forward", "model": "forward", "update": "update", "train": "trajectory"}


def suspicions(task: Task, examined: Examined, inquiry: Inquiry) -> tuple[Finding, ...]:
    """Return remarks on random, hard-coded, forbidden and numerically differentiated answers.

    ``examined`` has the observed calls of the student's functions, and ``inquiry`` the findings so
    far on ``task``. Random answers are not reported if a repair was found, and hard-coded ones not
    for a check whose formula was recovered or whose mistake was named. The remarks cost no points:
    they belong to no check.
    """
    bound = examined.case.binding.bound
    named = {finding.check for finding in inquiry.findings if _is_explained(finding)}
    found = [
        make_finding(task, bound[role], "", Slip(NONDETERMINISTIC), Explanation())
        # A repaired function gave right outputs at all inputs, so it is deterministic.
        for role in nondeterministic(examined.case)
        if not any(finding.diff for finding in inquiry.findings)
    ]
    found += [
        make_finding(task, bound[role], "", Slip(MEMORISED), Explanation())
        for role in memorised(examined.case)
        if CHECKS[role] not in named
    ]
    for role, failure in forbidden(examined.case).items():
        finding = make_finding(task, bound[role], "", Slip(FORBIDDEN), Explanation())
        found.append(replace(finding, place=failure.place or finding.place))
    if numerical(examined.case):
        finding = make_finding(task, bound["update"], "", Slip(NUMERICAL), Explanation())
        found.append(replace(finding, about=("update", "gradient")))
    return tuple(found)


def remark_on_several_files(task: Task) -> Finding:
    """Return the remark that several files contain the task and only one of them is graded."""
    return make_remark(task, Slip(SEVERAL))


def _is_explained(finding: Finding) -> bool:
    """Return whether a finding names a mistake, or has a formula that contains a letter."""
    rules = finding.applies.values()
    return finding.mistake != UNEXPLAINED or any(
        character.isalpha() for rule in rules for character in rule
    )
