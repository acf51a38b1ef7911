"""From the evidence on a task to its marks: at once, or years later under another rubric."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

import gradkit
from gradkit.mark import mark
from gradkit.records.evidence import Evidence
from gradkit.records.finding import Inquiry
from gradkit.records.mistake import Preset
from gradkit.records.result import Result, TaskResult
from gradkit.records.task import Assignment, Task
from gradkit.records.verdict import Verdict
from gradkit.truth.judge import Case, judge
from gradkit.truth.oracle import Oracle, expect
from gradkit.truth.probes import draw


@dataclass(frozen=True, slots=True)
class Scheme:
    """How verdicts become points: see `gradkit.mark.mark`.

    ``derived`` says that expected values are no model solution's. Findings whose code is in
    ``dropped`` have been withdrawn: they are not shown and cost nothing.
    """

    step: float
    preset: Preset
    deductions: Mapping[str, float] = field(default_factory=dict)
    derived: bool = False
    dropped: frozenset[str] = frozenset()


def scheme_of(
    assignment: Assignment, preset: Preset | None, *, derived: bool, dropped: Collection[str] = ()
) -> Scheme:
    """The scheme of an assignment; a ``preset`` that was asked for goes before its own."""
    return Scheme(
        assignment.step,
        preset or assignment.preset,
        assignment.deductions,
        derived,
        frozenset(dropped),
    )


def questions_of(task: Task) -> str:
    """A digest of all that the questions put to a submission depend on, besides the seed."""
    asked = hashlib.sha256()
    for part in (task.framework, task.layers, task.loss, task.epochs, task.columns):
        asked.update(repr(part).encode() + b"\0")
    starts = [value for start in task.starts for _, value in sorted(start.parameters.items())]
    for values in (task.X, task.y, *starts):
        asked.update(repr(values.shape).encode() + np.ascontiguousarray(values).tobytes())
    return asked.hexdigest()


def case_of(task: Task, oracle: Oracle, evidence: Evidence) -> Case | None:
    """The case as it was when the evidence was taken; None where there is none."""
    binding, observations = evidence.binding, evidence.observations
    if binding is None or observations is None:
        return None
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, evidence.seed, oracle.forward, takes_rate)
    return Case(task, binding, probes, observations, expect(oracle, probes))


def judge_again(task: Task, oracle: Oracle, evidence: Evidence) -> tuple[Verdict, ...]:
    """Verdicts on stored answers: those of the day, if task and gradkit are still the same."""
    case = case_of(task, oracle, evidence)
    if case is None:
        return tuple(
            Verdict(check.name, "not-checked", evidence.unchecked) for check in task.checks
        )
    return judge(case)


def assess(
    task: Task, evidence: Evidence, verdicts: Sequence[Verdict], scheme: Scheme
) -> TaskResult:
    """The marks of one section for one task."""
    marked = mark(
        task,
        verdicts,
        _standing(evidence.inquiry, verdicts, scheme.dropped),
        step=scheme.step,
        derived=scheme.derived,
        preset=scheme.preset,
        deductions=scheme.deductions,
        dropped=scheme.dropped,
    )
    return replace(marked, seed=evidence.seed, notes=(*marked.notes, *evidence.notes))


def _standing(inquiry: Inquiry, verdicts: Sequence[Verdict], dropped: frozenset[str]) -> Inquiry:
    """The findings about checks that still fail; what was withdrawn stays, to be left out."""
    failed = {verdict.check for verdict in verdicts if verdict.state == "fail"}
    if not inquiry.findings or failed.issuperset(f.check for f in inquiry.findings):
        return inquiry
    kept = tuple(finding for finding in inquiry.findings if finding.check in failed)
    left = {finding.mistake for finding in kept} | dropped
    follows = {check: codes for check, codes in inquiry.follows.items() if left.issuperset(codes)}
    return Inquiry(kept, follows)


def best(results: Sequence[TaskResult], sections: Sequence[str]) -> TaskResult:
    """Of several sections that speak for a task, the one with the best marks counts."""
    result = max(results, key=lambda each: each.score)
    if len(results) > 1:
        titles = ", ".join(sections)
        note = f"Found in {len(results)} places ({titles}); the best of them counts."
        result = replace(result, notes=(*result.notes, note))
    return result


def total(result: Result, tasks: Sequence[TaskResult]) -> Result:
    """The result with these tasks' marks in it, and their sums."""
    return replace(
        result,
        tasks=tuple(tasks),
        provisional=any(task.provisional for task in tasks),
        score=sum(task.score for task in tasks),
        max_score=sum(task.max_score for task in tasks),
    )


def versions_of(frameworks: Iterable[str]) -> dict[str, str]:
    """Versions of gradkit, numpy and, where it was asked and is there, torch."""
    versions = {"gradkit": gradkit.__version__, "numpy": np.__version__}
    if "torch" in frameworks and importlib.util.find_spec("torch") is not None:
        # Late: half of the standard library's email package comes with it.
        from importlib.metadata import version

        versions["torch"] = version("torch")
    return versions
