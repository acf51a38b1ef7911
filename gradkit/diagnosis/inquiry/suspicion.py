"""Findings about a whole task that explain no failure: for whoever has to judge the student."""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.diagnosis.inquiry.findings import finding_of, remark_on
from gradkit.diagnosis.mistakes.catalogue import (
    FORBIDDEN,
    MEMORISED,
    NONDETERMINISTIC,
    NUMERICAL,
    SEVERAL,
)
from gradkit.judge.case import Examined
from gradkit.judge.memorised import forbidden, memorised, nondeterministic, numerical
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Explanation, Slip
from gradkit.records.task import Task

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
        for role in nondeterministic(examined.case)
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
        found.append(finding_of(task, bound["update"], "", Slip(NUMERICAL), Explanation()))
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
