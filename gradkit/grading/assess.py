"""Compute the marks of a task from its evidence: at once, or later under changed deductions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

import gradkit
from gradkit.grading.points import Scheme, mark, score_by_numbers, with_current_codes
from gradkit.judge import Case, judge
from gradkit.judge.comparison import expected_of
from gradkit.loading import is_installed
from gradkit.records.result import (
    FAILED,
    Evidence,
    Finding,
    Inquiry,
    Notice,
    Result,
    TaskResult,
    Verdict,
)
from gradkit.records.submission import Cell, Listing
from gradkit.records.task import Form, FunctionCheck, FunctionTask, Probes, Task
from gradkit.submission.definitions import holds
from gradkit.task.oracle import Oracle
from gradkit.task.probes import draw
from gradkit.text import format_text

if TYPE_CHECKING:
    from gradkit.grading.functions import FunctionGrader


DENIED = ("PermissionError", "[Errno 1]", "[Errno 13]")
"""Parts of Python's error message after a denial: the exception's type, or its error number."""


def notices_of_text(verdicts: Iterable[Verdict], cells: Sequence[Cell]) -> Iterator[Notice]:
    """Yield a notice for each line of a section where a constant selects one of several formulas.

    ``cells`` are the section's. There are no notices if no check fails, because the selected
    formula is right then.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return
    # Imported here because right submissions do not need it.
    from gradkit.grading.selectors import written_choices

    for number, line in written_choices([cell.source for cell in cells]):
        yield Notice("selector", place=cells[number].place(line))


def notices_of_verdicts(verdicts: Iterable[Verdict], inquiry: Inquiry) -> Iterator[Notice]:
    """Yield notices on gradients of a wrong forward pass, and on operations that were denied.

    Their codes are ``own-forward-gradient`` and ``denied-access``.

    Parameters
    ----------
    verdicts : iterable of Verdict
        The verdicts on the checks of a task. The first notice is for each with gradients that match
        only the student's own wrong forward pass, the second for each with an exception such as
        PermissionError.
    inquiry : Inquiry
        The findings. A check that fails because of findings about another check gets no
        ``own-forward-gradient``: its gradients are right once those mistakes are repaired.
    """
    for verdict in verdicts:
        if verdict.own_forward and not inquiry.causes.get(verdict.check):
            yield Notice("own-forward-gradient", verdict.check, verdict.place)
        if any(word in verdict.exception for word in DENIED):
            yield Notice("denied-access", verdict.check, verdict.place)


def function_remarks(
    grader: FunctionGrader, verdicts: Sequence[Verdict], caused: Container[str] = ()
) -> Iterator[Finding]:
    """Yield remarks on the gradients of a function task that an instructor should look at.

    These are gradients that match only the student's own wrong forward pass, and gradients that
    the code computes by finite differences.

    Parameters
    ----------
    grader : FunctionGrader
        Has graded the task.
    verdicts : sequence of Verdict
        One for each check of the task, in order.
    caused : container of str
        The checks that fail only because of mistakes in other checks. They get no remark on the
        forward pass: their gradients are right as soon as those mistakes are repaired.
    """
    if not any(verdict.own_forward or verdict.numerical for verdict in verdicts):
        return
    # Imported here because most submissions do not need the catalogue.
    from gradkit.diagnosis.catalogue import NUMERICAL, OWN_FORWARD

    for check, verdict in zip(grader.task.checks, verdicts, strict=True):
        if verdict.own_forward and check.name not in caused:
            yield _remark(grader, check, OWN_FORWARD, verdict.own_forward)
        if verdict.numerical:
            yield _remark(grader, check, NUMERICAL, (*check.gradient,))


def _remark(
    grader: FunctionGrader, check: FunctionCheck, code: str, outputs: tuple[str, ...]
) -> Finding:
    """Return a remark about the ``outputs`` of a check, with the catalogue's texts for ``code``.

    Its place is the function that the check calls last.
    """
    from gradkit.diagnosis.catalogue import mistake  # late, as above

    texts, definition = mistake(code), grader.definition_of(check)
    fields = {"function": f"`{definition.name}`"}
    identity = "/".join((grader.task.id, check.name, code, *outputs))
    return Finding(
        id=hashlib.sha256(identity.encode()).hexdigest()[:10],
        check="",
        mistake=code,
        title=texts.title,
        entries=outputs,
        place=definition.place(),
        sentence=format_text(texts.sentence, **fields),
        hints=tuple(format_text(hint, **fields) for hint in texts.hints),
        about=(check.name,),
    )


COMPUTED_INPUTS = ("y_hat", "A1")
"""Inputs that the oracle's forward pass computes from the others. Their last bits depend on it."""


class StaleError(Exception):
    """Stored evidence is not enough to compute the marks that the submission would get now."""


def digest_questions(task: Task, probes: Probes) -> str:
    """Return a digest of the inputs that a submission is called with, as hexadecimal text.

    It covers the net of ``task``, and the random inputs and training runs in ``probes``. Inputs
    that gradkit computes from the random ones are left out.
    """
    digest = hashlib.sha256()
    for part in (task.framework.name, task.layers, task.loss, task.columns):
        digest.update(repr(part).encode() + b"\0")
    for batch in (*probes.forward, *probes.update):
        drawn = {
            name: values for name, values in batch.inputs.items() if name not in COMPUTED_INPUTS
        }
        _add_to_digest(digest, (batch.name, batch.role), drawn)
    for run in probes.runs:
        arrays = {**run.parameters, "X": run.X, "y": run.y}
        _add_to_digest(digest, (run.name, run.epochs, run.rate), arrays)
    return digest.hexdigest()


def _add_to_digest(
    digest: hashlib._Hash, label: tuple[object, ...], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Add a label and arrays by name, with their types and shapes, to ``digest``."""
    digest.update(repr(label).encode())
    for name, values in sorted(arrays.items()):
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())


def digest_basis(task: Task | FunctionTask, form: Form, digests: Mapping[str, str]) -> str:
    """Return a digest of all that verdicts depend on, except the outcomes and the tolerances.

    It covers gradkit's version, the form of the exercise, the model solution or the examples (by
    ``digests``, see `gradkit.grading.settings.digests_of`), and the task without its title and
    without the points of its checks.
    """
    # Imported here because it is not needed to compute marks again.
    import msgspec

    checks: Any = tuple(replace(check, points=0.0, tolerance=0.0) for check in task.checks)
    content = msgspec.msgpack.encode(
        [
            gradkit.__version__,
            form,
            digests.get("reference") or digests.get("examples"),
            replace(task, title="", checks=checks),
        ],
        enc_hook=lambda value: value.tolist(),
    )
    return hashlib.sha256(content).hexdigest()


def _failures(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    """Return the names of the checks in the state ``fail``, and of their entries that do not pass.

    An entry is named with its check: ``update``, ``update W1[0, 1]``.
    """
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
    """Return the verdicts on stored outcomes by the task as it is now.

    Parameters
    ----------
    task : Task
        The task with its present tolerances and checks.
    oracle : Oracle
        Computes the expected values.
    evidence : Evidence
        The stored outcomes and findings of a submission.
    known : collection of Verdict
        Stored verdicts that are still valid. Their checks are not judged again, and neither are
        checks whose gradients were compared with the student's own forward pass.

    Raises
    ------
    StaleError
        The task or gradkit has changed so that

        - the probes are others than those that the submission was graded with,
        - more or fewer entries fail than when the diagnosis searched for mistakes, or
        - the verdict on the forward pass changes. Training runs use the student's forward pass if
          it is right, and gradkit's otherwise, so other runs would be needed.
    """
    binding, observations = evidence.binding, evidence.observations
    if binding is None or observations is None:
        return verdicts_without_run(task, evidence)
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, evidence.seed, oracle.forward, takes_rate)
    if digest_questions(task, probes) != evidence.questions:
        raise StaleError(f"the random inputs of {task.id} have changed since it was graded")
    expected = expected_of(task, oracle, probes, observations.outcomes)
    # A comparison with the student's own forward pass cannot be repeated without its process.
    known_checks = {verdict.check for verdict in known}
    compared = (v for v in evidence.verdicts if v.own_forward and v.check not in known_checks)
    known = (*known, *compared)
    verdicts = judge(Case(task, binding, probes, observations, expected), known=known)
    if not task.framework.trains and _is_forward_right(verdicts) != _is_forward_right(
        evidence.verdicts
    ):
        raise StaleError(
            f"the verdict on {task.id}/forward has changed, so its training runs have to be "
            "repeated with another forward pass"
        )
    before, now = _failures(evidence.verdicts), _failures(verdicts)
    changed = [name for name in (*now, *before) if (name in now) != (name in before)]
    if now and changed:
        check = changed[0].split()[0]
        raise StaleError(
            f"other entries of {task.id}/{check} fail now, and their mistakes can only be found by "
            "running the code"
        )
    return verdicts


def _is_forward_right(verdicts: Iterable[Verdict]) -> bool:
    """Return whether the forward pass is right, so that training runs use it."""
    return all(verdict.state == "pass" for verdict in verdicts if verdict.check == "forward")


def tolerances_of(task: Task | FunctionTask) -> dict[str, float]:
    """Return the relative error that each check accepts, by the check's name."""
    return {check.name: check.tolerance for check in task.checks}


ABSENT = "“{title}” was not submitted."
"""Message of every check of a task that was not submitted."""


def verdicts_without_run(task: Task | FunctionTask, evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdicts on a task of which no code was run: missing, or not checked."""
    if evidence.absent:
        message = format_text(ABSENT, title=task.title)
        return tuple(Verdict(check.name, "missing", message) for check in task.checks)
    return tuple(Verdict(check.name, "not-checked", evidence.unchecked) for check in task.checks)


def mark_absent(
    task: Task | FunctionTask, seed: int, scheme: Scheme, *, form: Form, digests: Mapping[str, str]
) -> tuple[Evidence, TaskResult]:
    """Return the evidence and the marks of a required task that was not submitted.

    ``seed``, ``form`` and ``digests`` are stored as those of the submission's other tasks.
    """
    basis = digest_basis(task, form, digests)
    evidence = Evidence(task.id, seed, basis=basis, tolerances=tolerances_of(task), absent=True)
    return evidence, assess(task, evidence, verdicts_without_run(task, evidence), scheme)


def refused_result(
    result: Result, tasks: Iterable[Task | FunctionTask], reason: str, scheme: Scheme
) -> Result:
    """Return the result of a refused submission: its tasks are in it, and none is checked.

    Parameters
    ----------
    result : Result
        The result without marks.
    tasks : iterable of Task or FunctionTask
        The tasks that an instructor may give points for.
    reason : str
        A sentence that says why nothing could be graded.
    scheme : Scheme
    """
    marks = []
    for task in tasks:
        empty = Evidence(task.id, result.seed)
        marks.append(assess(task, empty, verdicts_without_run(task, empty), scheme))
    filled = with_totals(result, marks)
    return replace(filled, refused=reason, provisional=False, score_by_numbers=None)


def assess(
    task: Task | FunctionTask, evidence: Evidence, verdicts: Sequence[Verdict], scheme: Scheme
) -> TaskResult:
    """Compute the marks of one task from its verdicts and the findings in its evidence.

    ``verdicts`` has one for each check, in order. Findings about checks that do not fail are left
    out, and listings without a reported place. Notices, notes and printed output of the evidence
    are added.
    """
    verdicts = [_with_endless_loop(verdict, evidence.listings) for verdict in verdicts]
    inquiry = _about_failed(with_current_codes(evidence.inquiry), verdicts, scheme.dropped)
    marked = mark(task, verdicts, inquiry, scheme)
    return replace(
        marked,
        score_by_numbers=score_by_numbers(task, verdicts, scheme),
        notices=(*evidence.notices, *notices_of_verdicts(verdicts, inquiry)),
        printed=evidence.printed,
        absent=evidence.absent,
        seed=evidence.seed,
        notes=(*marked.notes, *evidence.notes),
        listings=tuple(_needed_listings(evidence.listings, marked)),
    )


WHILE = re.compile(r"\s*while\b")
"""The beginning of a line with a ``while`` loop."""


def _with_endless_loop(verdict: Verdict, listings: Iterable[Listing]) -> Verdict:
    """Return ``verdict``; a timeout in a function with a ``while`` loop gets a hint at the loop.

    ``listings`` are texts of functions; the verdict's place tells which of them it is. If the
    function has only one such loop, the verdict points to the loop's line. All other verdicts are
    returned unchanged.
    """
    place = verdict.place
    if verdict.state != "timeout" or place is None:
        return verdict
    for listing in listings:
        loops = [n for n, line in enumerate(listing.source.split("\n")) if WHILE.match(line)]
        start = (listing.file, listing.cell, listing.first_line)
        if loops and start == (place.file, place.cell, place.line):
            hint = "Perhaps its `while` loop never ends: when does the condition become false?"
            place = replace(place, line=place.line + (loops[0] if len(loops) == 1 else 0))
            return replace(verdict, message=f"{verdict.message} {hint}", place=place)
    return verdict


def _needed_listings(listings: Iterable[Listing], marked: TaskResult) -> Iterator[Listing]:
    """Yield those of the ``listings`` that contain the place of a finding or check in ``marked``.

    A listing is the text of a student's function, ``marked`` the result of its task.
    """
    found = [place for finding in marked.findings for place in (finding.place, *finding.places)]
    found += [check.place for check in marked.checks]
    places = [place for place in found if place is not None]
    for listing in listings:
        if any(holds(listing, place) for place in places):
            yield listing


def _about_failed(
    inquiry: Inquiry, verdicts: Sequence[Verdict], dropped: frozenset[str]
) -> Inquiry:
    """Return an inquiry without the findings about checks that do not fail.

    ``verdicts`` has one for each check. ``dropped`` are the codes of mistakes that the instructor
    withdrew. A check that fails because of mistakes in other checks is listed so only while each of
    these mistakes is still found or was withdrawn.
    """
    failed = {verdict.check for verdict in verdicts if verdict.state in FAILED}
    failed.add("")  # remarks, which are about no check
    kept = tuple(finding for finding in inquiry.findings if finding.check in failed)
    if len(kept) == len(inquiry.findings):
        return inquiry
    left = {each.id for each in inquiry.findings if each in kept or each.mistake in dropped}
    causes = {check: ids for check, ids in inquiry.causes.items() if left.issuperset(ids)}
    return replace(inquiry, findings=kept, causes=causes)


def with_totals(result: Result, tasks: Sequence[TaskResult]) -> Result:
    """Return the result with the marks of its tasks, and with the sums of their points.

    ``score_by_numbers`` is None if that of a task is unknown.
    """
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
    """Return the versions of gradkit, numpy, and those of the given modules that are installed."""
    versions = {"gradkit": gradkit.__version__, "numpy": np.__version__}
    for name in filter(is_installed, sorted({*modules})):
        # Imported here because it loads half of the standard library's email package.
        from importlib.metadata import version

        versions[name] = version(name)
    return versions
