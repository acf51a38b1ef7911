"""Which rule an update applies to each entry, and what follows from that."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from msgspec.structs import replace

from gradkit.binding.idioms import find_global_read
from gradkit.diagnosis.attribute import STANDSTILL, attribute
from gradkit.diagnosis.attribute.case import same
from gradkit.diagnosis.catalogue import mistake
from gradkit.diagnosis.inquiry.findings import (
    failed,
    unnamed_findings,
    update_findings,
    why_untraced,
    with_local_names,
)
from gradkit.diagnosis.inquiry.judged import follow, step_of, update_holds
from gradkit.diagnosis.inquiry.shared import shared_lines
from gradkit.diagnosis.inquiry.steps import (
    SAME,
    asked_of,
    drawn_fresh,
    observe_program,
    observed_steps,
    rated,
)
from gradkit.diagnosis.mistakes.explain import Diagnosis, diagnose, diagnose_rounded
from gradkit.diagnosis.mistakes.rewrite import SQUARED
from gradkit.diagnosis.rules.draw import draw_update, from_columns, to_columns, vary_call
from gradkit.diagnosis.rules.evaluate import DOUBLE
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_step as right_step
from gradkit.diagnosis.trace import observe_trace
from gradkit.judge.case import Examined
from gradkit.records.observations import Bound, Outcome
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
from gradkit.records.submission import Cell, Place
from gradkit.records.task import Task
from gradkit.runtime.syntax import every
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import definitions, line_at
from gradkit.submission.source import statements
from gradkit.task.oracle import Oracle

GUESSED = ("within", "function")
"""Evidence of a line that another may be right instead of."""

LEFT = ("unused", "function")
"""Evidence of what does not move that nothing was seen to be done with."""

MADE = ("value", "within", "applied")
"""Evidence of a line that makes a wrong value, of what may be wrong itself."""

LOOP = re.compile(r"\s*for ")
"""What a line begins with that only names what is there."""

GRADIENT = re.compile(r"\s*(d[A-Z_\d]|delta|grad)")
"""A line that gives a name as gradients have it."""

COPY, ENTRY, SIGN = "missing-copy", "wrong-element", "turned-sign"
"""Kinds of changes that are as likely before the lines in which their mistake shows: two anywhere,
and one in what these are made of."""


def update_inquiry(
    task: Task, examined: Examined, sitting: StudentProcess, oracle: Oracle, seed: int
) -> Inquiry:
    """The mistakes of an update that did not pass, and the checks that fail because of them."""
    if not failed(examined, "update"):
        return Inquiry()
    bound = examined.case.binding.bound["update"]
    diagnosis, drawn = _diagnose(task, examined, sitting, seed)
    if not update_holds(task, examined, diagnosis.applies, diagnosis.precision):
        unexplained = Explanation(unexplained=tuple(_wrong(examined)))
        diagnosis = replace(diagnosis, applies={}, should={}, explanation=unexplained)
    role = next(role for role in task.roles if role.name == "update")
    instead = find_global_read(sitting.section, bound, role)
    if instead is not None:
        return Inquiry(tuple(unnamed_findings(task, bound, sitting.section, instead, diagnosis)))
    inputs = _around(task, examined, drawn)
    trace = observe_trace(sitting, task, bound, to_columns(inputs))
    sitting.renew()
    diagnosis = _with_dropped_copy(task, trace, inputs, diagnosis)
    diagnosis = _with_squared_loss(task, trace, inputs, diagnosis)
    placed = tuple(_placed(task, bound, diagnosis, sitting, trace, inputs))
    consequences = _consequences(task, examined, oracle, diagnosis)
    return Inquiry(
        tuple(finding for finding, _ in placed),
        consequences,
        ("update",) if _is_rounded(examined, diagnosis) else (),
        {finding.id: likelier for finding, likelier in placed if likelier is not None},
    )


def _around(task: Task, examined: Examined, drawn: UpdateProbes) -> UpdateInputs:
    """The call with the most wrong entries, and others near it: they go the same way.

    Classes stay what they are.
    """
    right = right_step(task, drawn.inputs)
    off = [
        ~np.isclose(drawn.after[key][:, *index], right[key][:, *index], SAME, 0.0)
        for key, index in _wrong(examined)
    ]
    row = int(np.argmax(np.sum(off, axis=0)))
    return from_columns(vary_call(to_columns(drawn.inputs), row))


def _is_rounded(examined: Examined, diagnosis: Diagnosis) -> bool:
    """Whether some entries that failed are right to single precision."""
    explanation = diagnosis.explanation
    told = {entry for slip in explanation.slips for entry in slip.entries}
    left = {*_wrong(examined)} - told - {*explanation.unexplained}
    return diagnosis.precision is not DOUBLE and bool(left)


def _wrong(examined: Examined) -> list[Target]:
    """The entries that the check found elsewhere than they should be."""
    verdict = next(verdict for verdict in examined.verdicts if verdict.check == "update")
    return [
        (entry.parameter, (entry.index[0], entry.index[1]))
        for entry in verdict.entries
        if entry.state == "fail" and len(entry.index) == 2
    ]


def _diagnose(
    task: Task, examined: Examined, sitting: StudentProcess, seed: int
) -> tuple[Diagnosis, UpdateProbes]:
    """What is wrong with the update, and the calls that it was learned from."""
    wrong = _wrong(examined)
    bound = examined.case.binding.bound["update"]
    seen = _seen(examined.case.observations.outcomes.values())
    best = Diagnosis({}, {}, Explanation(unexplained=tuple(wrong)))
    inputs = rated(bound, draw_update(task, seed), seed)
    program, by_class = observe_program(asked_of(sitting, task, bound), task, inputs)
    # What the numbers of that call have left behind goes with its names.
    sitting.renew()
    inputs = replace(inputs, y=np.round(inputs.y)) if by_class else inputs
    observed = observed_steps(task, bound, sitting, drawn_fresh(task, bound, seed), inputs)
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


def _seen(outcomes: Iterable[Outcome]) -> frozenset[str]:
    faults = {fault.kind for outcome in outcomes for fault in outcome.faults}
    return frozenset({"input-mutated"} if "mutated" in faults else ())


def _with_dropped_copy(
    task: Task, trace: Trace, inputs: UpdateInputs, diagnosis: Diagnosis
) -> Diagnosis:
    """Where nothing moves, and a copy of the parameters was seen to be changed, that is why."""
    slips = diagnosis.explanation.slips
    if [slip.code for slip in slips] != ["nothing-updated"]:
        return diagnosis
    lines = attribute(task, trace, inputs, diagnosis, slips[0])
    if all(line.evidence != "copy" for line in lines):
        return diagnosis
    return replace(diagnosis, explanation=Explanation((replace(slips[0], code="copy-dropped"),)))


def _with_squared_loss(
    task: Task, trace: Trace, inputs: UpdateInputs, diagnosis: Diagnosis
) -> Diagnosis:
    """Where the last slope is left in, and 2 (o − t) was seen, it is that of the squared error."""
    slips = diagnosis.explanation.slips
    changes = {(slip.code, slip.entries, details) for slip in slips for details in slip.details}
    entries = slips[0].entries if slips else ()
    alike = {
        ("extra-output-derivative", entries, ()),
        ("wrong-factor", entries, (("ratio", 2.0),)),
    }
    if task.loss != "binary_cross_entropy" or changes != alike:
        return diagnosis
    error = 2 * (inputs.y_hat - inputs.y).ravel()
    seen = [event.values.ravel() for event in trace.events]
    if not any(each.shape == error.shape and same(abs(each), abs(error)) for each in seen):
        return diagnosis
    slip = Slip("wrong-loss", entries, (SQUARED,) * len(entries))
    return replace(diagnosis, explanation=Explanation((slip,)))


def _placed(
    task: Task,
    bound: Bound,
    diagnosis: Diagnosis,
    sitting: StudentProcess,
    trace: Trace,
    inputs: UpdateInputs,
) -> Iterator[tuple[Finding, tuple[Place, ...] | None]]:
    """Each finding with the lines that it stands on, and likelier ones; None where it is sure."""
    told_of = [*update_findings(task, bound, diagnosis)]
    alone = len(told_of) == 1
    for slip, finding in told_of:
        watched = trace.events and diagnosis.should
        lines = attribute(task, trace, inputs, diagnosis, slip) if watched else ()
        cells = [*sitting.section.own, *sitting.section.shared]
        if slip.code in STANDSTILL and all(line.evidence in LEFT for line in lines):
            lines = _left_open(cells, bound, lines)
        places = tuple(dict.fromkeys(line.spot.place for line in lines)) or (bound.place,)
        fallen = diagnosis.should and all(line.evidence == "function" for line in lines)
        line = line_at(cells, places[0])
        indent = len(line) - len(line.lstrip())
        columns = tuple(column - indent for column in lines[0].spot.columns) if lines else ()
        local = [line.name for line in lines if line.evidence == "local"]
        told = with_local_names(finding, local, every=len(local) == len(lines))
        untraced = why_untraced(trace) if fallen else ""
        told = replace(
            told,
            place=places[0],
            places=places,
            source=line.strip(),
            columns=columns,
            untraced=untraced,
        )
        # What a loop goes over was made before it.
        shown = all(_is_shown(each, lines, trace) for each in lines) and not LOOP.match(line)
        kinds, evidence = mistake(slip.code).kinds, {line.evidence for line in lines}
        before = alone and len(places) > 1 and evidence <= {*MADE}
        is_applied = SIGN in kinds and "applied" in evidence
        # One line alone may be as it should be, if it takes away.
        before |= is_applied and alone and _goes_down(line)
        # So may be what is only taken off there.
        anywhere = (before and COPY in kinds) or (ENTRY in kinds and "applied" in evidence)
        likelier = shared_lines(cells, bound.function, places) if before and not anywhere else ()
        if is_applied and not _goes_down(line):
            # What is called a gradient is hardly turned to be added.
            likelier = tuple(e for e in likelier if not GRADIENT.match(line_at(cells, e)))
        doubtful = likelier or anywhere or not shown
        yield told, likelier if doubtful and not untraced else None


def _left_open(
    cells: Sequence[Cell], bound: Bound, lines: tuple[Attribution, ...]
) -> tuple[Attribution, ...]:
    """Return the only ``pass`` of a function in the place of the lines of what does not move."""
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


def _goes_down(line: str) -> bool:
    """Tell a line that takes away, as a step does: if its sign is wrong, that comes from before."""
    parts = (part for each in statements(line) for part in (each, getattr(each, "value", None)))
    return any(isinstance(getattr(part, "op", None), ast.Sub) for part in parts)


def _is_shown(line: Attribution, lines: Sequence[Attribution], trace: Trace) -> bool:
    """Tell a line that is known to be wrong; one that steps all parameters is right for others."""
    if line.evidence == "unused":
        # Of several that are missing no one change makes all right.
        return len(lines) > 1
    if line.evidence != "applied":
        return line.evidence not in GUESSED
    stepped = {
        event.parameter
        for event in trace.events
        if event.parameter and event.kind != "given" and event.place == line.spot.place
    }
    return len(stepped) < 2


def _consequences(
    task: Task, examined: Examined, oracle: Oracle, diagnosis: Diagnosis
) -> dict[str, tuple[str, ...]]:
    """Checks that are wrong only because the update is, in the way that was found."""
    explanation = diagnosis.explanation
    codes = tuple(slip.code for slip in explanation.slips)
    if not codes or explanation.unexplained:
        return {}
    outcomes = examined.case.observations.outcomes
    runs = [run for run in examined.case.probes.runs if run.name in outcomes]
    student_step = step_of(task, diagnosis.applies, explanation.slips)
    outputs = [outcomes[run.name].outputs for run in runs]
    replayed = (
        bool(runs)
        and student_step is not None
        and follow(runs, outputs, student_step, oracle.forward)
    )
    return {"gradient": codes, **({"trajectory": codes} if replayed else {})}
