"""Put a finding into words: title, sentence and hints, with the student's own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gradkit.language import say
from gradkit.records.finding import Finding
from gradkit.records.rule import Names, Slip
from gradkit.records.task import Task
from gradkit.truth.mistakes.catalogue import mistake
from gradkit.truth.mistakes.wording import fill, words


def told(
    finding: Finding,
    task: Task,
    slip: Slip,
    names: Names,
    functions: Mapping[str, str] | None = None,
) -> Finding:
    """The finding with the catalogue's texts about it.

    Parameters
    ----------
    finding : Finding
    task : Task
    slip : Slip
        What was found. Entries that nothing explains make one of code ``unexplained``.
    names : Names
        The student's names.
    functions : mapping, optional
        The student's function for each role.

    Returns
    -------
    Finding
        All four hints are filled in; which are shown is up to whoever renders them.
    """
    texts = mistake(slip.code)
    found = words(task, slip, names, functions)
    return replace(
        finding,
        title=say(texts.title),
        sentence=fill(texts.sentence, found),
        hints=tuple(fill(hint, found) for hint in texts.hints),
    )


def with_local_names(finding: Finding, names: Iterable[str], *, every: bool) -> Finding:
    """A finding of what stands still, with local ``names`` that were seen to move instead.

    With ``every``, that is all there is to say of where to look.
    """
    statements = ", ".join(f"`{name} = …`" for name in dict.fromkeys(names))
    if not statements:
        return finding
    told = say(
        "After {statements} a local name stands for the new value; the parameter itself stays as "
        "it was.",
        statements=statements,
    )
    where = told if every else f"{finding.hints[2]} {told}"
    return replace(finding, hints=(*finding.hints[:2], where, *finding.hints[3:]))
