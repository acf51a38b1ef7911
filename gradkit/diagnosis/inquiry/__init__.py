"""Ask again after a failure, to learn which rule the code applies.

The inputs are drawn independently of each other, so that every factor can be told from
every other; that the student's own forward pass may be wrong does not matter then.
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
from gradkit.diagnosis.inquiry.findings import finding_of, remark_on, short_of
from gradkit.diagnosis.inquiry.follows import follows_own_forward, follows_what_is_left
from gradkit.diagnosis.inquiry.forward import forward_explanation, forward_findings
from gradkit.diagnosis.inquiry.integers import integers_inquiry
from gradkit.diagnosis.inquiry.training import training_inquiry
from gradkit.diagnosis.inquiry.update import update_inquiry
from gradkit.judge.case import Examined
from gradkit.judge.memorised import forbidden, memorised, nondeterministic, numerical
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Slip
from gradkit.records.task import Task
from gradkit.sandbox.process import StudentProcess
from gradkit.task.oracle import Oracle

__all__ = ["inquire", "several", "short_of", "suspicions"]


def inquire(
    task: Task, examined: Examined, sitting: StudentProcess, oracle: Oracle, seed: int
) -> Inquiry:
    """The findings on a task whose checks did not all pass.

    Parameters
    ----------
    task : Task
    examined : Examined
        What the checks saw.
    sitting : StudentProcess
        The same section's code.
    oracle : Oracle
        Stands in for the student's forward pass where runs are replayed.
    seed : int
        Draws the inputs.

    Returns
    -------
    Inquiry
        The most basic mistake first; empty where nothing more can be asked.
    """
    if task.framework.trains:
        return training_inquiry(task, examined, idioms_of(sitting.section, sitting.modules))
    passed = forward_explanation(task, examined, sitting, seed)
    forward = forward_findings(task, examined, sitting, passed)
    if passed is not None and (
        follows_own_forward(task, examined, sitting, passed.slips, seed)
        or follows_what_is_left(task, examined, sitting, seed)
    ):
        ids = tuple(finding.id for finding in forward.findings)
        return replace(forward, causes=dict.fromkeys(("update", "gradient", "trajectory"), ids))
    update = update_inquiry(task, examined, sitting, oracle, seed)
    integers = integers_inquiry(task, examined, sitting)
    return replace(
        update,
        findings=(*forward.findings, *update.findings, *integers),
        doubtful={**forward.doubtful, **update.doubtful},
    )


CHECKS = {"forward": "forward", "model": "forward", "update": "update", "train": "trajectory"}


def suspicions(task: Task, examined: Examined, inquiry: Inquiry) -> tuple[Finding, ...]:
    """What is remarkable about the answers, beside what explains them.

    Answers by heart are never said of a function whose rule was recovered or whose mistake
    was named.
    """
    bound = examined.case.binding.bound
    named = {finding.check for finding in inquiry.findings if _is_explained(finding)}
    found = [
        finding_of(task, bound[role], "", Slip(NONDETERMINISTIC), Explanation())
        # What a change makes right at whatever inputs is the same each time.
        for role in nondeterministic(examined.case)
        if not any(finding.diff for finding in inquiry.findings)
    ]
    found += [
        finding_of(task, bound[role], "", Slip(MEMORISED), Explanation())
        for role in memorised(examined.case)
        if CHECKS[role] not in named
    ]
    for role, failure in forbidden(examined.case).items():
        finding = finding_of(task, bound[role], "", Slip(FORBIDDEN), Explanation())
        found.append(replace(finding, place=failure.place or finding.place))
    if numerical(examined.case):
        finding = finding_of(task, bound["update"], "", Slip(NUMERICAL), Explanation())
        found.append(replace(finding, about=("update", "gradient")))
    return tuple(found)


def several(task: Task) -> Finding:
    """That several files play the same roles, of which one counts."""
    return remark_on(task, Slip(SEVERAL))


def _is_explained(finding: Finding) -> bool:
    """Whether it has a name, or a rule in which anything that goes in has a part."""
    rules = finding.applies.values()
    return finding.mistake != UNEXPLAINED or any(
        character.isalpha() for rule in rules for character in rule
    )
