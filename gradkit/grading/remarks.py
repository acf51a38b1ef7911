"""Remark on checks of functions whose gradients earned points that a person should look at."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Sequence

from gradkit.formatting import format_text
from gradkit.grading.functions import FunctionGrader
from gradkit.records.result import Finding, Verdict
from gradkit.records.task import FunctionCheck


def function_remarks(
    grader: FunctionGrader, verdicts: Sequence[Verdict], causes: Container[str] = ()
) -> Iterator[Finding]:
    """Yield a finding without a check for each remarkable verdict of a function task.

    Parameters
    ----------
    grader : FunctionGrader
        Has graded the task.
    verdicts : sequence of Verdict
        One for each check of the task, in order.
    causes : container of str
        Checks that become right by the mistakes found in other checks: their gradients are right
        for a right forward pass, too.
    """
    if not any(verdict.own_forward or verdict.numerical for verdict in verdicts):
        return
    # Late: most submissions need nothing of the catalogue.
    from gradkit.diagnosis.catalogue import NUMERICAL, OWN_FORWARD

    for check, verdict in zip(grader.task.checks, verdicts, strict=True):
        if verdict.own_forward and check.name not in causes:
            yield _remark(grader, check, OWN_FORWARD, verdict.own_forward)
        if verdict.numerical:
            yield _remark(grader, check, NUMERICAL, (*check.gradient,))


def _remark(
    grader: FunctionGrader, check: FunctionCheck, code: str, outputs: tuple[str, ...]
) -> Finding:
    """Return a remark on some outputs of a check, with the catalogue's texts."""
    from gradkit.diagnosis.catalogue import mistake  # late, as above

    texts, definition = mistake(code), grader.definition_of(check)
    function = {"function": f"`{definition.name}`"}
    text = "/".join((grader.task.id, check.name, code, *outputs))
    return Finding(
        id=hashlib.sha256(text.encode()).hexdigest()[:10],
        check="",
        mistake=code,
        title=texts.title,
        entries=outputs,
        place=definition.place(),
        sentence=format_text(texts.sentence, **function),
        hints=tuple(format_text(hint, **function) for hint in texts.hints),
        about=(check.name,),
    )
