"""Findings in the student's own words: names, formulas, an identity that can be disputed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from gradkit.binding.idioms import GlobalRead
from gradkit.diagnosis.catalogue import mistake, rank
from gradkit.diagnosis.mistakes.explain import Diagnosis
from gradkit.diagnosis.mistakes.parts import target_of
from gradkit.diagnosis.mistakes.wording import fill, joined, words
from gradkit.diagnosis.rules.text import format_entry, format_rule
from gradkit.formatting import format_text
from gradkit.judge.case import Examined
from gradkit.records.observations import Bound, Lost
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Entry as Target
from gradkit.records.rule import Explanation, Names, Rules, Slip, Trace
from gradkit.records.submission import Section
from gradkit.records.task import Task
from gradkit.submission.definitions import source_at


def failed(examined: Examined, check: str) -> bool:
    """Whether this check was judged and did not pass."""
    return any(v.check == check and v.state == "fail" for v in examined.verdicts)


def names_of(bound: Bound) -> Names:
    """The student's own words, for formulas."""
    own = bound.names
    return Names(
        target=own.get("y", "y"),
        output=own.get("y_hat", "ŷ"),
        hidden=own.get("A1", "A1"),
        input=own.get("X", "X"),
        rate=own.get("rate", "lr"),
        keys=bound.convention.keys,
        transposed=bound.convention.weights == "out_in",
    )


def finding_of(
    task: Task,
    bound: Bound,
    check: str,
    slip: Slip,
    explanation: Explanation,
    diagnosis: Diagnosis | None = None,
) -> Finding:
    """A finding about a whole function, or about the slip's entries as they were diagnosed."""
    names, outputs = names_of(bound), task.layers[-1].units
    labels: dict[Target, str] = {}
    if diagnosis is not None:
        labels = {e: format_entry(*e, names, outputs=outputs) for e in _concerned(slip)}

    def written(rules: Rules) -> dict[str, str]:
        return {
            label: format_rule(rules[entry], names, outputs=outputs)
            for entry, label in labels.items()
            if entry in rules
        }

    finding = Finding(
        id=identity(task, check, slip.code, tuple(labels.values())),
        check=check,
        mistake=slip.code,
        title="",
        entries=tuple(labels.values()),
        applies=written(diagnosis.applies if diagnosis else {}),
        should=written(diagnosis.should if diagnosis else {}),
        place=bound.place,
        alternatives=tuple(
            tuple(each.code for each in other) for other in explanation.alternatives
        ),
        others=others(explanation, slip.code),
    )
    functions = {bound.role: f"`{bound.function}`"}
    return told(finding, task, slip, names, functions)


def remark_on(task: Task, slip: Slip) -> Finding:
    """A finding about a whole submission: no function of it, no place."""
    finding = Finding(identity(task, "", slip.code, ()), "", slip.code, "", ())
    return told(finding, task, slip, Names())


def update_findings(
    task: Task, bound: Bound, diagnosis: Diagnosis
) -> Iterator[tuple[Slip, Finding]]:
    """The findings of an update, each with the slip that it tells of."""
    explanation = diagnosis.explanation
    for slip in explanation.slips:
        yield slip, finding_of(task, bound, "update", slip, explanation, diagnosis)
    if explanation.unexplained:
        rest = Slip(UNEXPLAINED, explanation.unexplained)
        yield rest, finding_of(task, bound, "update", rest, Explanation(), diagnosis)


def unnamed_findings(
    task: Task, bound: Bound, section: Section, instead: GlobalRead, diagnosis: Diagnosis
) -> Iterator[Finding]:
    """One finding for a diagnosis, which names the global that is read, and no mistake.

    A global keeps its value whatever is handed over: formulas seem to lack what it stands for.
    """
    explanation = diagnosis.explanation
    entries = [entry for slip in explanation.slips for entry in slip.entries]
    unexplained = tuple(dict.fromkeys([*entries, *explanation.unexplained]))
    left = replace(diagnosis, explanation=Explanation(unexplained=unexplained))
    source = source_at([*section.own, *section.shared], instead.place)
    for _, finding in update_findings(task, bound, left):
        yield replace(finding, sentence=instead.sentence, place=instead.place, source=source)


def _concerned(slip: Slip) -> tuple[Target, ...]:
    """The entries of a slip, and those that got what was meant for them."""
    targets = [target_of(d) for d in slip.details] if slip.code == "wrong-target" else []
    return tuple(dict.fromkeys([*slip.entries, *targets]))


def identity(task: Task, check: str, code: str, labels: tuple[str, ...]) -> str:
    """The same for the same mistake at the same place, whatever the run: a name to dispute."""
    joined = "/".join((task.id, check, code, *labels))
    return hashlib.sha256(joined.encode()).hexdigest()[:10]


# --- in words --------------------------------------------------------------------------------


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
        title=texts.title,
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
    lists = [tuple(sorted(codes, key=rank().__getitem__)) for codes in kept]
    return tuple(
        joined([format_text("“{title}”", title=mistake(each).title) for each in codes])
        for codes in dict.fromkeys(lists)
    )


def with_local_names(finding: Finding, names: Iterable[str], *, every: bool) -> Finding:
    """A finding of what stands still, with local ``names`` that were seen to move instead.

    With ``every``, that is all there is to say of where to look.
    """
    statements = ", ".join(f"`{name} = …`" for name in dict.fromkeys(names))
    if not statements:
        return finding
    told = format_text(
        "After {statements} a local name stands for the new value; the parameter itself stays as "
        "it was.",
        statements=statements,
    )
    where = told if every else f"{finding.hints[2]} {told}"
    return replace(finding, hints=(*finding.hints[:2], where, *finding.hints[3:]))


def why_untraced(trace: Trace) -> str:
    """Say what kept a function from being watched, as the end of a sentence.

    Empty where it was watched as a whole: then no line of it shows the mistake, as with one that
    consists in something missing.
    """
    if trace.lost is not None:
        return format_text(
            "the process that ran it, watched line by line, {happened}",
            happened=trace.lost.detail,
        )
    if trace.failure is not None:
        return format_text("watched line by line, it failed with {type}", type=trace.failure.type)
    if trace.cut:
        return "it does more than is watched of one call"
    if all(event.kind == "given" for event in trace.events):
        return "none of its lines was seen when it was run"
    return ""


def short_of(inquiry: Inquiry, losses: Sequence[Lost]) -> list[str]:
    """What is said where the code got lost while a mistake was looked for, or its line."""
    reasons = dict.fromkeys(finding.untraced for finding in inquiry.findings if finding.untraced)
    notes = [
        format_text(
            "The line of a mistake could not be determined, and its function is given instead: "
            "{reason}.",
            reason=reason,
        )
        for reason in reasons
    ]
    if losses and not reasons:
        notes.append(
            format_text(
                "While mistakes were looked for, the process that ran this code {happened}: one "
                "may have no name and no line for that.",
                happened=losses[-1].detail,
            )
        )
    return notes
