"""From the evidence on a task to its marks: at once, or years later under another rubric."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

import gradkit
from gradkit.formatting import format_text
from gradkit.grading.mark import mark, score_by_numbers
from gradkit.grading.notices import notices_of_verdicts
from gradkit.grading.points import Scheme
from gradkit.judge import Case, judge
from gradkit.judge.case import expected_of
from gradkit.loading import is_installed
from gradkit.records.result import FAILED, Evidence, Inquiry, Result, TaskResult, Verdict
from gradkit.records.submission import Listing
from gradkit.records.task import Form, FunctionTask, Probes, Task
from gradkit.submission.definitions import holds
from gradkit.task.oracle import Oracle
from gradkit.task.probes import draw

FOLLOWING = ("y_hat", "A1")
"""Inputs that follow from the others, and to the last bit from whose forward pass it was."""


class StaleError(Exception):
    """Stored evidence does not tell what the submission's marks would be now."""


def questions_of(task: Task, probes: Probes) -> str:
    """Return a digest of what was asked of a submission: every input, and what it stood for."""
    asked = hashlib.sha256()
    for part in (task.framework.name, task.layers, task.loss, task.columns):
        asked.update(repr(part).encode() + b"\0")
    for batch in (*probes.forward, *probes.update):
        drawn = {name: each for name, each in batch.inputs.items() if name not in FOLLOWING}
        _hash(asked, (batch.name, batch.role), drawn)
    for run in probes.runs:
        _hash(asked, (run.name, run.epochs, run.rate), {**run.parameters, "X": run.X, "y": run.y})
    return asked.hexdigest()


def _hash(
    asked: hashlib._Hash, said: tuple[object, ...], arrays: Mapping[str, NDArray[Any]]
) -> None:
    asked.update(repr(said).encode())
    for name, values in sorted(arrays.items()):
        asked.update(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())


def basis_of(task: Task | FunctionTask, form: Form, digests: Mapping[str, str]) -> str:
    """Return a digest of all that verdicts depend on besides the answers and the tolerances.

    What checks are worth is no part of it.
    """
    # Late, for those who only want marks.
    import msgspec

    checks: Any = tuple(replace(check, points=0.0, tolerance=0.0) for check in task.checks)
    said = msgspec.msgpack.encode(
        [
            gradkit.__version__,
            form,
            digests.get("reference") or digests.get("examples"),
            replace(task, title="", checks=checks),
        ],
        enc_hook=lambda value: value.tolist(),
    )
    return hashlib.sha256(said).hexdigest()


def failures(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Return the checks that fail and the entries that do not pass in them, by name."""
    failed = [verdict for verdict in verdicts if verdict.state == "fail"]
    return tuple(
        f"{verdict.check} {name}".rstrip()
        for verdict in failed
        for name in (
            "",
            *(f"{e.parameter}{list(e.index)}" for e in verdict.entries if e.state != "pass"),
        )
    )


def judge_again(
    task: Task, oracle: Oracle, evidence: Evidence, known: Collection[Verdict] = ()
) -> tuple[Verdict, ...]:
    """Verdicts on stored answers, under the task as it is now.

    Parameters
    ----------
    task : Task
    oracle : Oracle
    evidence : Evidence
    known : collection of Verdict
        Those that are the same as on the day.

    Raises
    ------
    StaleError
        The task, or gradkit, now asks other questions than those that were answered; or what
        fails is more or less than what was inquired into; or the forward pass, which training
        runs are made with where it is right, is judged otherwise.
    """
    binding, observations = evidence.binding, evidence.observations
    if binding is None or observations is None:
        return unchecked(task, evidence)
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, evidence.seed, oracle.forward, takes_rate)
    if questions_of(task, probes) != evidence.questions:
        raise StaleError(f"{task.id} is asked other questions now than when it was graded")
    expected = expected_of(task, oracle, probes, observations.outcomes)
    # What was compared with the student's own forward pass was asked of its process.
    named = {verdict.check for verdict in known}
    asked = (v for v in evidence.verdicts if v.own_forward and v.check not in named)
    known = (*known, *asked)
    verdicts = judge(Case(task, binding, probes, observations, expected), known=known)
    if not task.framework.trains and _right(verdicts) != _right(evidence.verdicts):
        raise StaleError(
            f"{task.id}/forward is judged otherwise now, and whose forward pass the training runs "
            "are made with depends on it"
        )
    before, now = failures(evidence.verdicts), failures(verdicts)
    differs = [name for name in (*now, *before) if (name in now) != (name in before)]
    if now and differs:
        check = differs[0].split()[0]
        raise StaleError(f"{task.id}/{check} fails otherwise now, and only its code can tell why")
    return verdicts


def _right(verdicts: Iterable[Verdict]) -> bool:
    """Tell whether the forward pass was found right, so that training runs are made with it."""
    return all(each.state == "pass" for each in verdicts if each.check == "forward")


def tolerances_of(task: Task | FunctionTask) -> dict[str, float]:
    """Return what each check lets pass."""
    return {check.name: check.tolerance for check in task.checks}


ABSENT = "“{title}” was not handed in."


def unchecked(task: Task | FunctionTask, evidence: Evidence) -> tuple[Verdict, ...]:
    """Verdicts where nothing could be asked, and why."""
    if evidence.absent:
        said = format_text(ABSENT, title=task.title)
        return tuple(Verdict(check.name, "missing", said) for check in task.checks)
    return tuple(Verdict(check.name, "not-checked", evidence.unchecked) for check in task.checks)


def absent(
    task: Task | FunctionTask, seed: int, scheme: Scheme, *, form: Form, digests: Mapping[str, str]
) -> tuple[Evidence, TaskResult]:
    """Return evidence and marks of a task that counts and was not handed in."""
    basis = basis_of(task, form, digests)
    evidence = Evidence(task.id, seed, basis=basis, tolerances=tolerances_of(task), absent=True)
    return evidence, assess(task, evidence, unchecked(task, evidence), scheme)


def refused_result(
    of: Result, tasks: Iterable[Task | FunctionTask], told: str, scheme: Scheme
) -> Result:
    """Return a result in which nothing was judged, with all tasks that points can be given for.

    Parameters
    ----------
    of : Result
        Without marks.
    tasks : iterable of Task or FunctionTask
        All of the assignment's.
    told : str
        Why nothing could be graded.
    scheme : Scheme
    """
    every = [(task, Evidence(task.id, of.seed)) for task in tasks]
    marks = [assess(task, nothing, unchecked(task, nothing), scheme) for task, nothing in every]
    made = total(of, marks)
    return replace(made, refused=told, provisional=False, score_by_numbers=None)


def assess(
    task: Task | FunctionTask, evidence: Evidence, verdicts: Sequence[Verdict], scheme: Scheme
) -> TaskResult:
    """Return the marks of one section for one task."""
    verdicts = [_endless(each, evidence.listings) for each in verdicts]
    inquiry = _standing(evidence.inquiry, verdicts, scheme.dropped)
    marked = mark(task, verdicts, inquiry, scheme)
    noticed = notices_of_verdicts(verdicts, inquiry)
    return replace(
        marked,
        score_by_numbers=score_by_numbers(task, verdicts, scheme),
        notices=(*evidence.notices, *noticed),
        absent=evidence.absent,
        seed=evidence.seed,
        notes=(*marked.notes, *evidence.notes),
        listings=tuple(_pointed_to(evidence.listings, marked)),
    )


LOOP = re.compile(r"\s*while\b")


def _endless(verdict: Verdict, listings: Iterable[Listing]) -> Verdict:
    """Return what ran out of time with the line of its loop, if there is one that may not end."""
    at = verdict.place
    if verdict.state != "timeout" or at is None:
        return verdict
    for each in listings:
        loops = [n for n, line in enumerate(each.source.split("\n")) if LOOP.match(line)]
        if loops and (each.file, each.cell, each.first_line) == (at.file, at.cell, at.line):
            told = "It may never end: when does the condition of its `while` become false?"
            place = replace(at, line=at.line + (loops[0] if len(loops) == 1 else 0))
            return replace(verdict, message=f"{verdict.message} {told}", place=place)
    return verdict


def _pointed_to(listings: Iterable[Listing], marked: TaskResult) -> Iterator[Listing]:
    """Yield the code that something in the marks still points to."""
    found = [place for finding in marked.findings for place in (finding.place, *finding.places)]
    found += [check.place for check in marked.checks]
    places = [place for place in found if place is not None]
    yield from (each for each in listings if any(holds(each, place) for place in places))


def _standing(inquiry: Inquiry, verdicts: Sequence[Verdict], dropped: frozenset[str]) -> Inquiry:
    """Return the findings about checks that still fail, and the withdrawn ones of these."""
    failed = {verdict.check for verdict in verdicts if verdict.state in FAILED}
    failed.add("")  # remarks on the whole task stand
    return _about(failed, inquiry, dropped)


def _about(checks: Collection[str], inquiry: Inquiry, dropped: frozenset[str]) -> Inquiry:
    """Return the findings about some checks, and the checks that follow from these findings."""
    kept = tuple(finding for finding in inquiry.findings if finding.check in checks)
    if len(kept) == len(inquiry.findings):
        return inquiry
    left = {finding.mistake for finding in kept} | dropped
    causes = {check: codes for check, codes in inquiry.causes.items() if left.issuperset(codes)}
    return replace(inquiry, findings=kept, causes=causes)


def total(result: Result, tasks: Sequence[TaskResult]) -> Result:
    """Return the result with these tasks' marks in it, and their sums."""
    by_numbers = [task.score_by_numbers for task in tasks]
    known = [score for score in by_numbers if score is not None]
    return replace(
        result,
        tasks=tuple(tasks),
        provisional=any(task.provisional for task in tasks),
        score=sum(task.score for task in tasks),
        max_score=sum(task.max_score for task in tasks),
        score_by_numbers=sum(known) if len(known) == len(by_numbers) else None,
    )


def versions_of(modules: Iterable[str]) -> dict[str, str]:
    """Versions of gradkit, numpy and, as far as they are there, of modules."""
    versions = {"gradkit": gradkit.__version__, "numpy": np.__version__}
    for name in filter(is_installed, sorted({*modules})):
        # Late: half of the standard library's email package comes with it.
        from importlib.metadata import version

        versions[name] = version(name)
    return versions
