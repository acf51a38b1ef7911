"""Find the mistakes of an update, their lines, and the checks that fail because of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.binding.idioms import find_global_read
from gradkit.diagnosis.catalogue import mistake
from gradkit.diagnosis.formulas.case import is_equal
from gradkit.diagnosis.formulas.explain import diagnose, diagnose_rounded
from gradkit.diagnosis.formulas.lines import NO_CHANGE, attribute
from gradkit.diagnosis.formulas.records import Diagnosis
from gradkit.diagnosis.inquiry.findings import (
    explain_local_names,
    failed,
    global_read_findings,
    update_findings,
    why_untraced,
)
from gradkit.diagnosis.inquiry.judged import explains_update, replays, student_step
from gradkit.diagnosis.inquiry.shared import shared_lines
from gradkit.diagnosis.inquiry.steps import (
    SAME,
    add_rate,
    draw_verification,
    observe_program,
    observe_steps,
    symbolic_call,
)
from gradkit.diagnosis.rules.draw import draw_update, from_columns, to_columns, vary_call
from gradkit.diagnosis.rules.evaluate import DOUBLE
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_step as right_step
from gradkit.diagnosis.trace import observe_trace
from gradkit.diagnosis.update_text import UpdateText, update_text
from gradkit.judge.comparison import Examined
from gradkit.records.result import Finding, Inquiry
from gradkit.records.rule import (
    Attribution,
    Explanation,
    Slip,
    Spot,
    Trace,
    UpdateInputs,
    UpdateProbes,
)
from gradkit.records.rule import Entry as Target
from gradkit.records.submission import Bound, Cell, Outcome, Place
from gradkit.records.task import Array, Task
from gradkit.runtime.syntax import every
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import definitions, line_at
from gradkit.submission.source import statements
from gradkit.task.oracle import Oracle

UNCERTAIN = ("within", "function")
"""Evidence that leaves other lines possible."""

NO_USE = ("unused", "function")
"""Evidence for an unchanged parameter if no use of its new value was observed."""

WRONG_VALUE = ("value", "within", "applied")
"""Evidence of a line that computes a wrong value, perhaps from wrong operands."""

LOOP_HEAD = re.compile(r"\s*for ")
"""Pattern of the head of a loop, which only gives names to existing values."""

GRADIENT_NAME = re.compile(r"\s*(d[A-Z_\d]|delta|grad)")
"""Pattern of a line that assigns a name usual for gradients."""

COPY, ENTRY, SIGN = "missing-copy", "wrong-element", "turned-sign"
"""Kinds of changes that may be needed before the lines where a mistake shows: two anywhere,
the last in a line that these depend on."""


def inquire_update(
    task: Task, examined: Examined, sitting: StudentProcess, oracle: Oracle, seed: int
) -> Inquiry:
    """Return the findings on a failed update, and the other checks that fail because of them.

    ``examined`` has the verdicts of the checks of ``task``, and ``sitting`` runs the student's
    code. ``oracle`` replaces the forward pass in replayed training runs, and ``seed`` draws the
    inputs. Empty if the update did not fail. If the diagnosis does not give the judged numbers, its
    entries become unexplained. If a global variable is read by mistake, that is the only finding.
    """
    if not failed(examined, "update"):
        return Inquiry()
    bound = examined.case.binding.bound["update"]
    diagnosis, drawn = _diagnose(task, examined, sitting, seed)
    if not explains_update(task, examined, diagnosis.applies, diagnosis.precision):
        unexplained = Explanation(unexplained=tuple(_failed_entries(examined)))
        diagnosis = replace(diagnosis, applies={}, should={}, explanation=unexplained)
    role = next(role for role in task.roles if role.name == "update")
    instead = find_global_read(sitting.section, bound, role)
    if instead is not None:
        return Inquiry(
            tuple(global_read_findings(task, bound, sitting.section, instead, diagnosis))
        )
    inputs = _vary_worst_call(task, examined, drawn)
    trace = observe_trace(sitting, task, bound, to_columns(inputs))
    sitting.renew()
    text = update_text([*sitting.section.own, *sitting.section.shared], bound)
    diagnosis = _recognise_dropped_copy(text, diagnosis)
    diagnosis = _recognise_squared_loss(task, trace, inputs, diagnosis)
    placed = tuple(_locate_findings(task, bound, diagnosis, sitting, trace, inputs, text))
    findings = tuple(finding for finding, _ in placed)
    return Inquiry(
        findings,
        _causes(task, examined, oracle, diagnosis, findings),
        ("update",) if _is_right_in_single(examined, diagnosis) else (),
        {finding.id: likelier for finding, likelier in placed if likelier is not None},
    )


def _vary_worst_call(task: Task, examined: Examined, drawn: UpdateProbes) -> UpdateInputs:
    """Return the call of ``drawn`` with the most wrong entries, and scaled copies of it, as inputs.

    ``drawn`` has random calls of the student's update for ``task``. Only the entries that failed
    the check in ``examined`` are counted.
    """
    right = right_step(task, drawn.inputs)
    wrong_calls = [
        ~np.isclose(drawn.after[key][:, *index], right[key][:, *index], SAME, 0.0)
        for key, index in _failed_entries(examined)
    ]
    row = int(np.argmax(np.sum(wrong_calls, axis=0)))
    return from_columns(vary_call(to_columns(drawn.inputs), row))


def _is_right_in_single(examined: Examined, diagnosis: Diagnosis) -> bool:
    """Return whether some failed entries are right to single precision, by a diagnosis in it.

    These are the failed entries that the diagnosis does not mention. False for a diagnosis in
    double precision.
    """
    explanation = diagnosis.explanation
    explained = {entry for slip in explanation.slips for entry in slip.entries}
    left = {*_failed_entries(examined)} - explained - {*explanation.unexplained}
    return diagnosis.precision is not DOUBLE and bool(left)


def _failed_entries(examined: Examined) -> list[Target]:
    """Return the entries with two indices that failed the check of the update in ``examined``.

    An entry is a parameter and its index, such as ``("W1", (0, 2))``.
    """
    verdict = next(verdict for verdict in examined.verdicts if verdict.check == "update")
    return [
        (entry.parameter, (entry.index[0], entry.index[1]))
        for entry in verdict.entries
        if entry.state == "fail" and len(entry.index) == 2
    ]


def _diagnose(
    task: Task, examined: Examined, sitting: StudentProcess, seed: int
) -> tuple[Diagnosis, UpdateProbes]:
    """Return the diagnosis of an update, and the random calls on which it is based.

    ``examined`` has the verdicts of the checks of ``task``; ``sitting`` makes the calls, which
    ``seed`` draws. The diagnosis in single precision is returned if it explains more entries. If
    the calls fail, all failed entries are unexplained.
    """
    wrong = _failed_entries(examined)
    bound = examined.case.binding.bound["update"]
    seen = _observed_faults(examined.case.observations.outcomes.values())
    best = Diagnosis({}, {}, Explanation(unexplained=tuple(wrong)))
    inputs = add_rate(bound, draw_update(task, seed), seed)
    program, by_class = observe_program(symbolic_call(sitting, task, bound), task, inputs)
    # Symbolic numbers may be left in globals, so a new process makes the numeric calls.
    sitting.renew()
    inputs = replace(inputs, y=np.round(inputs.y)) if by_class else inputs
    observed = observe_steps(task, bound, sitting, draw_verification(task, bound, seed), inputs)
    if observed is None:
        return best, UpdateProbes(inputs, inputs.before)
    fresh, fit = observed
    rules = recover(task, program, fresh)
    best = diagnose(task, rules, fit, fresh, entries=wrong, seen=seen)
    if best.explanation.unexplained and program is not None:
        left = best.explanation.unexplained
        rounded = diagnose_rounded(task, program, fit, fresh, left, seen=seen)
        if rounded is not None and len(rounded.explanation.unexplained) < len(left):
            return rounded, fit
    return best, fit


def _observed_faults(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """Return the codes of mistakes that the process reported, such as a changed input."""
    faults = {fault.kind for outcome in outcomes for fault in outcome.faults}
    return frozenset({"input-mutated"} if "mutated" in faults else ())


def _recognise_dropped_copy(text: UpdateText | None, diagnosis: Diagnosis) -> Diagnosis:
    """Return the diagnosis with the code ``copy-dropped`` in place of ``nothing-updated``.

    The update then changes only a copy of the parameters, which is lost: a line of ``text`` copies
    them. Without such a line, and for other mistakes, the diagnosis is unchanged.
    """
    slips = diagnosis.explanation.slips
    if [slip.code for slip in slips] != ["nothing-updated"]:
        return diagnosis
    if text is None or text.find_copying_line() is None:
        return diagnosis
    return replace(diagnosis, explanation=Explanation((replace(slips[0], code="copy-dropped"),)))


def _recognise_squared_loss(
    task: Task, trace: Trace, inputs: UpdateInputs, diagnosis: Diagnosis
) -> Diagnosis:
    """Return the diagnosis with ``wrong-loss`` in place of two mistakes that it explains.

    These are, for a cross-entropy loss, an additional output derivative and a factor of 2 in the
    same entries: the squared error gives both. ``trace`` has the operations of a call at
    ``inputs``; it must contain 2 (ŷ − y), up to its sign. Otherwise the diagnosis is unchanged.
    """
    slips = diagnosis.explanation.slips
    entries = slips[0].entries if slips else ()
    parts = {(each.code, each.details) for made in diagnosis.changes.values() for each in made}
    squared = {("extra-output-derivative", ()), ("wrong-factor", (("ratio", 2.0),))}
    everywhere = all(slip.entries == entries for slip in slips)
    if task.loss != "binary_cross_entropy" or parts != squared or not everywhere:
        return diagnosis
    errors, steps = 2 * (inputs.y_hat - inputs.y).T, trace.steps
    if steps is None or not all(_contains(steps.values, error) for error in errors):
        return diagnosis
    used = ("loss", "squared_error")
    slip = Slip("wrong-loss", entries, ((used,),) * len(entries))
    changes = {
        entry: tuple(replace(change, code=slip.code) for change in made)
        for entry, made in diagnosis.changes.items()
    }
    return replace(diagnosis, explanation=Explanation((slip,)), changes=changes)


def _contains(values: Array, column: Array) -> bool:
    """Return whether some operation gives a column of values, up to its sign."""
    return any(is_equal(abs(each), abs(column)) for each in values)


def _locate_findings(
    task: Task,
    bound: Bound,
    diagnosis: Diagnosis,
    sitting: StudentProcess,
    trace: Trace,
    inputs: UpdateInputs,
    text: UpdateText | None,
) -> Iterator[tuple[Finding, tuple[Place, ...] | None]]:
    """Yield each finding with its lines filled in, and the lines that are likelier to be wrong.

    ``bound`` is the student's update for ``task``, ``sitting`` has its section, and ``diagnosis``
    the mistakes. ``trace`` is that of a call at ``inputs``; ``text`` is None if the update's
    definition was not found. The likelier lines are None if the finding's own lines are certain,
    and may be empty if they are not. Without a line, the finding names the function, with the
    reason in ``untraced``.
    """
    told_of = [*update_findings(task, bound, diagnosis)]
    alone = len(told_of) == 1
    for slip, finding in told_of:
        watched = trace.steps is not None and diagnosis.should
        lines = attribute(task, trace, inputs, diagnosis, slip, text) if watched else ()
        cells = [*sitting.section.own, *sitting.section.shared]
        if slip.code in NO_CHANGE and all(line.evidence in NO_USE for line in lines):
            lines = _use_pass_statement(cells, bound, lines)
        places = tuple(dict.fromkeys(line.spot.place for line in lines)) or (bound.place,)
        fallen = diagnosis.should and all(line.evidence == "function" for line in lines)
        line = line_at(cells, places[0])
        indent = len(line) - len(line.lstrip())
        columns = tuple(column - indent for column in lines[0].spot.columns) if lines else ()
        local = [line.name for line in lines if line.evidence == "local"]
        located = explain_local_names(finding, local, every=len(local) == len(lines))
        untraced = why_untraced(trace) if fallen else ""
        located = replace(
            located,
            place=places[0],
            places=places,
            source=line.strip(),
            columns=columns,
            untraced=untraced,
        )
        # The values that a loop goes over were made in an earlier line.
        shown = all(_is_certain(each, lines, trace) for each in lines) and not LOOP_HEAD.match(line)
        kinds, evidence = mistake(slip.code).kinds, {line.evidence for line in lines}
        before = alone and len(places) > 1 and evidence <= {*WRONG_VALUE}
        is_applied = SIGN in kinds and "applied" in evidence
        # A line that subtracts may be right, and its gradient's sign wrong.
        before |= is_applied and alone and _subtracts(line)
        # The same holds for an element that is only read there.
        anywhere = (before and COPY in kinds) or (ENTRY in kinds and "applied" in evidence)
        likelier = shared_lines(cells, bound.function, places) if before and not anywhere else ()
        if is_applied and not _subtracts(line):
            # A name for gradients is unlikely to hold a negative gradient.
            likelier = tuple(e for e in likelier if not GRADIENT_NAME.match(line_at(cells, e)))
        doubtful = likelier or anywhere or not shown
        yield located, likelier if doubtful and not untraced else None


def _use_pass_statement(
    cells: Sequence[Cell], bound: Bound, lines: tuple[Attribution, ...]
) -> tuple[Attribution, ...]:
    """Return one line for all entries at the only ``pass`` of a function, or ``lines`` unchanged.

    ``cells`` are the submitted text, ``bound`` is the function, and ``lines`` are the lines of a
    finding so far. They are unchanged if the function has no ``pass`` or several, or if there are
    no lines.
    """
    made = definitions(cells).get(bound.function)
    if made is None or made.node is None or not lines:
        return lines
    passes = every(ast.Pass, made.node)
    if len(passes) != 1:
        return lines
    at = passes[0].lineno, passes[0].col_offset
    spot = Spot(made.cell.place(at[0]), (at[1], at[1] + len("pass")))
    entries = tuple(entry for line in lines for entry in line.entries)
    return (replace(lines[0], entries=entries, spot=spot, evidence="unused"),)


def _subtracts(line: str) -> bool:
    """Return whether a line subtracts, as an update step does."""
    parts = (part for each in statements(line) for part in (each, getattr(each, "value", None)))
    return any(isinstance(getattr(part, "op", None), ast.Sub) for part in parts)


def _is_certain(line: Attribution, lines: Sequence[Attribution], trace: Trace) -> bool:
    """Return whether ``line``, one of the ``lines`` of a finding, is certainly wrong.

    A line is uncertain if it applies changes to several parameters (by the ``trace`` of a call), if
    its evidence is in `UNCERTAIN`, or if it is the only line with an unused value.
    """
    if line.evidence == "unused":
        # No single change corrects several missing updates.
        return len(lines) > 1
    if line.evidence != "applied":
        return line.evidence not in UNCERTAIN
    steps = trace.steps
    stepped = {
        parameter
        for (parameter, _), root in (steps.after.items() if steps else ())
        if steps and any(spot.place == line.spot.place for spot in steps.spots[root])
    }
    return len(stepped) < 2


def _causes(
    task: Task,
    examined: Examined,
    oracle: Oracle,
    diagnosis: Diagnosis,
    findings: Sequence[Finding],
) -> dict[str, tuple[str, ...]]:
    """Return, for each other check that fails because of the update, the ids of the findings.

    ``diagnosis`` has the mistakes of the update, and ``findings`` one finding for each, in the same
    order. ``examined`` has the verdicts and training runs of ``task``; ``oracle`` computes the
    forward pass of the runs. Empty if the diagnosis does not explain all wrong entries.

    `gradient` fails because of mistakes in entries that do not pass there (or of all mistakes).
    `trajectory` fails because of all mistakes if the training runs are reproduced with them; it is
    missing otherwise.
    """
    explanation = diagnosis.explanation
    if not explanation.slips or explanation.unexplained:
        return {}
    outcomes = examined.case.observations.outcomes
    runs = [run for run in examined.case.probes.runs if run.name in outcomes]
    step = student_step(task, diagnosis)
    outputs = [outcomes[run.name].outputs for run in runs]
    replayed = bool(runs) and step is not None and replays(runs, outputs, step, oracle.forward)
    ids = tuple(finding.id for finding in findings)
    right = {
        (entry.parameter, entry.index)
        for verdict in examined.verdicts
        for entry in verdict.entries
        if verdict.check == "gradient" and entry.state == "pass"
    }
    # A wrong rate that stands in the text leaves the gradient of its entries right.
    pairs = zip(explanation.slips, ids, strict=True)
    of_gradient = tuple(each for slip, each in pairs if right.isdisjoint(slip.entries))
    return {"gradient": of_gradient or ids, **({"trajectory": ids} if replayed else {})}
