"""Make notices and remarks: what an instructor should look at, and what costs no points.

A notice is never shown to students:

- ``own-forward-gradient``: a gradient earns points, and matches only the student's own wrong
  forward pass.
- ``selector``: the code contains several formulas, and a constant selects one of them.
- ``denied-access``: the code stopped because the sandbox denied a file or the network.

A remark is a finding without a check, with the texts of the catalogue.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gradkit.records.result import FAILED, Finding, Inquiry, Notice, Verdict
from gradkit.records.submission import Cell
from gradkit.records.task import FunctionCheck
from gradkit.text import format_text

if TYPE_CHECKING:
    from gradkit.grading.functions import FunctionGrader

DENIED = ("PermissionError", "[Errno 1]", "[Errno 13]")
"""Parts of Python's error message after a denial: the exception's type, or its error number."""


def notices_of_text(verdicts: Iterable[Verdict], cells: Sequence[Cell]) -> Iterator[Notice]:
    """Yield a notice for each line of a section where a constant selects one of several formulas.

    There are none if no check fails, because the selected formula is right then.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return
    # Imported here because right submissions do not need it.
    from gradkit.grading.selectors import written_choices

    for number, line in written_choices([cell.source for cell in cells]):
        yield Notice("selector", place=cells[number].place(line))


def notices_of_verdicts(verdicts: Iterable[Verdict], inquiry: Inquiry) -> Iterator[Notice]:
    """Yield the notices that the verdicts on a task lead to.

    Parameters
    ----------
    verdicts : iterable of Verdict
    inquiry : Inquiry
        The findings. A check that fails because of findings about another check gets no notice:
        its gradients are right once those are repaired.
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
    """Return a remark on some outputs of a check, with the texts of an entry of the catalogue."""
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
