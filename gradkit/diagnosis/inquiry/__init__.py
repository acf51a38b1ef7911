"""Ask again after a failure, to learn which rule the code applies.

The inputs are drawn independently of each other, so that every factor can be told from
every other; that the student's own forward pass may be wrong does not matter then.
"""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.binding.idioms import idioms_of
from gradkit.diagnosis.inquiry.follows import follows_own_forward, follows_what_is_left
from gradkit.diagnosis.inquiry.forward import forward_explanation, forward_findings
from gradkit.diagnosis.inquiry.integers import integers_inquiry
from gradkit.diagnosis.inquiry.suspicion import several, suspicions
from gradkit.diagnosis.inquiry.training import training_inquiry
from gradkit.diagnosis.inquiry.untraced import short_of
from gradkit.diagnosis.inquiry.update import update_inquiry
from gradkit.judge.case import Examined
from gradkit.records.result import Inquiry
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
    forward = forward_findings(task, examined, sitting, passed, seed)
    if passed is not None and (
        follows_own_forward(task, examined, sitting, passed.slips, seed)
        or follows_what_is_left(task, examined, sitting, seed)
    ):
        codes = tuple(finding.mistake for finding in forward.findings)
        return replace(forward, follows=dict.fromkeys(("update", "gradient", "trajectory"), codes))
    update = update_inquiry(task, examined, sitting, oracle, seed)
    integers = integers_inquiry(task, examined, sitting)
    return replace(
        update,
        findings=(*forward.findings, *update.findings, *integers),
        doubtful=forward.doubtful | update.doubtful,
    )
