"""Write findings with the student's names and formulas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from gradkit.binding.idioms import GlobalRead
from gradkit.diagnosis.catalogue import mistake, rank
from gradkit.diagnosis.formulas.records import Diagnosis, target_of
from gradkit.diagnosis.mistakes.wording import fill, join_words, placeholder_words
from gradkit.diagnosis.rules.text import format_entry, format_rule
from gradkit.judge.comparison import Examined
from gradkit.records.result import UNEXPLAINED, Finding, Inquiry
from gradkit.records.rule import Entry as Target
from gradkit.records.rule import Explanation, Names, Rules, Slip, Trace
from gradkit.records.submission import Bound, Lost, Section
from gradkit.records.task import Task
from gradkit.submission.definitions import source_at
from gradkit.text import format_text


def failed(examined: Examined, check: str) -> bool:
    """Return whether this check was judged and did not pass."""
    return any(v.check == check and v.state == "fail" for v in examined.verdicts)


def names_of(bound: Bound) -> Names:
    """Return the names for formulas: the student's, with defaults such as ``y`` and ``lr``.

    ``bound`` is the student's function with the names of its arguments. The result also has the
    keys of a dict of parameters, and whether weights are transposed.
    """
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


def make_finding(
    task: Task,
    bound: Bound,
    check: str,
    slip: Slip,
    explanation: Explanation,
    diagnosis: Diagnosis | None = None,
) -> Finding:
    """Return the finding about one mistake in a student's function, with all texts filled in.

    ``bound`` is the function, whose place the finding gets, and ``check`` the id of the failed
    check of ``task``. ``slip`` is the mistake; ``explanation`` has all mistakes found together, and
    other sets of mistakes that would also fit, which the finding lists. With a ``diagnosis``, the
    finding lists the mistake's entries and their formulas, as they are and as they should be;
    otherwise it is about the whole function.
    """
    names, outputs = names_of(bound), task.layers[-1].units
    labels: dict[Target, str] = {}
    if diagnosis is not None:
        labels = {e: format_entry(*e, names, outputs=outputs) for e in _concerned_entries(slip)}

    def written(rules: Rules) -> dict[str, str]:
        """Format the rules of the finding's entries, by label."""
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
        others=alternative_titles(explanation, slip.code),
    )
    functions = {bound.role: f"`{bound.function}`"}
    return fill_texts(finding, task, slip, names, functions)


def make_remark(task: Task, slip: Slip) -> Finding:
    """Return a finding about a whole submission, without a function and a place."""
    finding = Finding(identity(task, "", slip.code, ()), "", slip.code, "", ())
    return fill_texts(finding, task, slip, Names())


def update_findings(
    task: Task, bound: Bound, diagnosis: Diagnosis
) -> Iterator[tuple[Slip, Finding]]:
    """Yield the mistakes of an update's diagnosis, each with its finding.

    ``bound`` is the student's update for ``task``. The entries of the ``diagnosis`` without an
    explanation are one mistake of code ``unexplained``, which comes last.
    """
    explanation = diagnosis.explanation
    for slip in explanation.slips:
        yield slip, make_finding(task, bound, "update", slip, explanation, diagnosis)
    if explanation.unexplained:
        rest = Slip(UNEXPLAINED, explanation.unexplained)
        yield rest, make_finding(task, bound, "update", rest, Explanation(), diagnosis)


def global_read_findings(
    task: Task, bound: Bound, section: Section, instead: GlobalRead, diagnosis: Diagnosis
) -> Iterator[Finding]:
    """Yield the finding about a global variable that an update reads by mistake.

    ``bound`` is the student's update for ``task``, ``section`` has its text, and ``instead`` the
    place and the sentence of the finding. Its entries are all of the ``diagnosis``, whose own
    mistakes are dropped: a global keeps its value at all inputs, so formulas seem to lack the
    quantity that it replaces. Nothing is yielded if the diagnosis has no entries.
    """
    explanation = diagnosis.explanation
    entries = [entry for slip in explanation.slips for entry in slip.entries]
    unexplained = tuple(dict.fromkeys([*entries, *explanation.unexplained]))
    left = replace(diagnosis, explanation=Explanation(unexplained=unexplained))
    source = source_at([*section.own, *section.shared], instead.place)
    for _, finding in update_findings(task, bound, left):
        yield replace(finding, sentence=instead.sentence, place=instead.place, source=source)


def _concerned_entries(slip: Slip) -> tuple[Target, ...]:
    """Return the entries of a mistake, and those that misdirected changes were written to."""
    targets = [target_of(d) for d in slip.details] if slip.code == "wrong-target" else []
    return tuple(dict.fromkeys([*slip.entries, *targets]))


def identity(task: Task, check: str, code: str, labels: tuple[str, ...]) -> str:
    """Return an id that is equal for the same mistake at the same place in every run."""
    joined = "/".join((task.id, check, code, *labels))
    return hashlib.sha256(joined.encode()).hexdigest()[:10]


# --- texts -----------------------------------------------------------------------------------


def fill_texts(
    finding: Finding,
    task: Task,
    slip: Slip,
    names: Names,
    functions: Mapping[str, str] | None = None,
) -> Finding:
    """Return the finding with the catalogue's title, sentence and hints.

    Parameters
    ----------
    finding : Finding
    task : Task
    slip : Slip
        The mistake; of code ``unexplained`` if there is no explanation.
    names : Names
        The student's names.
    functions : mapping, optional
        The student's function for each role.

    Returns
    -------
    Finding
        All four hints are filled in; the report chooses which are shown.
    """
    texts = mistake(slip.code)
    found = placeholder_words(task, slip, names, functions)
    return replace(
        finding,
        title=texts.title,
        sentence=fill(texts.sentence, found),
        hints=tuple(fill(hint, found) for hint in texts.hints),
    )


def alternative_titles(explanation: Explanation, code: str) -> tuple[str, ...]:
    """Return a text for each alternative explanation that does not need the mistake ``code``.

    An explanation is a set of mistakes. A text joins the titles of those mistakes of the
    alternative that ``explanation`` itself does not have. An alternative is left out if it needs at
    least two mistakes more than it replaces, or contains another alternative.
    """
    explained = {slip.code for slip in explanation.slips}
    sets = [{slip.code for slip in other} for other in explanation.alternatives]
    other_codes = [
        codes - explained
        for codes in sets
        if code not in codes
        and codes - explained
        and len(codes - explained) < len(explained - codes) + 2
    ]
    kept = [codes for codes in other_codes if not any(other < codes for other in other_codes)]
    lists = [tuple(sorted(codes, key=rank().__getitem__)) for codes in kept]
    return tuple(
        join_words([format_text("“{title}”", title=mistake(each).title) for each in codes])
        for codes in dict.fromkeys(lists)
    )


def explain_local_names(finding: Finding, names: Iterable[str], *, every: bool) -> Finding:
    """Return a finding with a third hint on local ``names`` that hold a parameter's new value.

    If ``every`` (all lines of the finding assign such names), the new sentence replaces the third
    hint, otherwise it is added to it. Without names, the finding is unchanged.
    """
    statements = ", ".join(f"`{name} = …`" for name in dict.fromkeys(names))
    if not statements:
        return finding
    sentence = format_text(
        "After {statements}, only a local variable has the new value; the parameter itself keeps "
        "its old value.",
        statements=statements,
    )
    where = sentence if every else f"{finding.hints[2]} {sentence}"
    return replace(finding, hints=(*finding.hints[:2], where, *finding.hints[3:]))


def why_untraced(trace: Trace) -> str:
    """Return the reason why a function could not be traced, as the end of a sentence.

    Its process was lost, it raised an exception, or none of its lines were recorded. "" if its
    lines were recorded: then no line that ran shows the mistake.
    """
    if trace.lost is not None:
        return format_text(
            "the process that ran the function line by line {happened}",
            happened=trace.lost.detail,
        )
    if trace.failure is not None:
        return format_text(
            "the function raised {type} while gradkit ran each line alone", type=trace.failure.type
        )
    if trace.steps is None or not any(trace.steps.spots):
        return "gradkit could not trace any line of the function"
    return ""


def incomplete_notes(inquiry: Inquiry, losses: Sequence[Lost]) -> list[str]:
    """Return notes to the student on an incomplete search for mistakes or lines.

    There is one for each reason why a finding of the ``inquiry`` has no line. If there is none, but
    the search lost processes (``losses``), there is one note about the last of them. Otherwise the
    list is empty.
    """
    reasons = dict.fromkeys(finding.untraced for finding in inquiry.findings if finding.untraced)
    notes = [
        format_text(
            "For one of the mistakes, only the function is shown and not the line: {reason}.",
            reason=reason,
        )
        for reason in reasons
    ]
    if losses and not reasons:
        notes.append(
            format_text(
                "During the search for mistakes, the process that ran this code {happened}. So a "
                "mistake may have no name and no line.",
                happened=losses[-1].detail,
            )
        )
    return notes
