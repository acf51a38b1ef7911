"""Put a finding into words: title, sentence and hints, with the student's own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from gradkit.diagnosis.mistakes.catalogue import RANK, mistake
from gradkit.diagnosis.mistakes.wording import fill, joined, words
from gradkit.language import say
from gradkit.records.result import Finding
from gradkit.records.rule import Explanation, Names, Slip
from gradkit.records.task import Task


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


def others(explanation: Explanation, code: str) -> tuple[str, ...]:
    """What could stand in the place of one mistake that is told, by its titles.

    What an alternative has in common with the mistakes told is not repeated. One that needs two
    mistakes more than it saves, or another one and more, is not worth a look.
    """
    told = {slip.code for slip in explanation.slips}
    sets = [{slip.code for slip in other} for other in explanation.alternatives]
    instead = [
        codes - told
        for codes in sets
        if code not in codes and codes - told and len(codes - told) < len(told - codes) + 2
    ]
    kept = [codes for codes in instead if not any(other < codes for other in instead)]
    lists = [tuple(sorted(codes, key=RANK.__getitem__)) for codes in kept]
    return tuple(
        joined([say("“{title}”", title=say(mistake(each).title)) for each in codes])
        for codes in dict.fromkeys(lists)
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
