"""Hold a gradient to differences of the student's own forward pass, right or wrong as that is."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec.structs import replace

from gradkit.formatting import format_count, format_text
from gradkit.judge.outputs import Probe, judge_check, shape_said
from gradkit.lines import read_expression, value_of
from gradkit.records.result import Entry, Verdict
from gradkit.records.task import Draw, FunctionCheck
from gradkit.task.draws import drawn_again
from gradkit.task.functions import OF, scalar_of, steps_of

if TYPE_CHECKING:
    from gradkit.gradcheck.records import InputReport
    from gradkit.grading.functions import FunctionGrader


def held_to_own_forward(
    grader: FunctionGrader, check: FunctionCheck, verdict: Verdict, probes: Sequence[Probe]
) -> Verdict:
    """Compare gradients with finite differences of the student's own forward pass.

    Without a model solution these differences are the only expected values, and the verdict is
    theirs. With one they count only where the student's forward pass is wrong. A gradient that
    matches the wrong forward pass is then listed in ``own_forward``, and earns half of its points
    if an output of the forward pass is right at one of the judged inputs. Otherwise the forward
    pass may be any function that is easy to differentiate. The gradient then earns nothing, unless
    it is right after the change that the diagnosis finds in the forward pass. A forward pass that
    ignores an input earns nothing either.

    Parameters
    ----------
    grader : FunctionGrader
    check : FunctionCheck
        A check with gradients.
    verdict : Verdict
        The verdict by the model solution, or by the handout's examples without one.
    probes : sequence of Probe
        The inputs and outputs that the verdict is about.
    """
    own, model = _OwnForward(grader, check), grader.solution is not None
    wrong = any(step.name in grader.wrong for step in own.steps[:-1]) or any(
        e.state != "pass" for e in verdict.entries if e.parameter in own.made
    )
    if model and not wrong:
        return verdict
    try:
        told = own.told_of(verdict)
    except _StoppedError:
        return verdict
    entries = tuple(_settled(entry, told, model=model) for entry in verdict.entries)
    states = {entry.state for entry in entries}
    if entries == verdict.entries:
        return verdict
    if model:
        pairs = zip(entries, verdict.entries, strict=True)
        fits = tuple(new.parameter for new, old in pairs if new.state != old.state)
        verdict = replace(verdict, own_forward=fits)
        half = own.is_partly_right()
        verdict = note_own_forward(verdict, half=half)
        if not half:
            return verdict
    if "fail" in states or "missing" in states:
        # Without a model, what examples tell comes first, and then what differences do.
        right = {entry.parameter for entry in entries if entry.state == "pass"}
        right |= {e.parameter for e in verdict.entries if e.state == "not-checked"}
        judged = judge_check(check, probes, right)
        open_ = [o.message for n, o in told.items() if n in right and o.verdict == "disagree"]
        state = "fail" if judged.state == "pass" else judged.state
        told_so = " ".join(filter(None, [judged.message, *open_]))
        return replace(verdict, state=state, message=told_so, entries=entries)
    if "not-checked" in states:
        return replace(verdict, state="not-checked", entries=entries)
    return replace(verdict, state="pass", message="", entries=entries)


def note_own_forward(verdict: Verdict, *, half: bool) -> Verdict:
    """Add a note on what the gradients in ``own_forward`` earn."""
    names = ", ".join(f"`{name}`" for name in verdict.own_forward)
    count = len(verdict.own_forward)
    if half:
        note = format_count(
            "{names} is right only for your own forward pass, which is wrong: it earns half.",
            "{names} are right only for your own forward pass, which is wrong: they earn half.",
            count,
            names=names,
        )
    else:
        note = format_count(
            "{names} matches your own forward pass, which is wrong at every input: correct that "
            "first.",
            "{names} match your own forward pass, which is wrong at every input: correct that "
            "first.",
            count,
            names=names,
        )
    return replace(verdict, notes=(*verdict.notes, note))


class _OwnForward:
    """The student's own forward pass, as what the gradients of a check are held to.

    ``names`` are those in the scalar that is differentiated, and ``made`` those of them that the
    check itself makes. ``forward`` are the steps that lead to it, of all ``steps``.
    """

    def __init__(self, grader: FunctionGrader, check: FunctionCheck) -> None:
        task = self.task = grader.task
        self.grader, self.check = grader, check
        self.names = sorted(read_expression(check.of) - OF - {"np", *task.inputs, *task.sizes})
        self.made = {*self.names} & {*check.call.makes}
        self.steps = steps_of(task, check, self.names)
        self.forward = self.steps if self.made else self.steps[:-1]

    def is_partly_right(self) -> bool:
        """Return whether an output of the forward pass is right at one of the judged inputs."""
        for step in self.forward:
            outputs = {*step.compare} - {*step.gradient}
            if not outputs or not {*self.names} & {*step.call.makes}:
                continue
            for draw in self.grader.draws:
                entries = self.grader.with_changes(step, [draw]).entries
                if any(e.state == "pass" and e.parameter in outputs for e in entries):
                    return True
        return False

    def told_of(self, verdict: Verdict) -> dict[str, InputReport]:
        """Return what differences say of what is not right yet, by one convention.

        The first random probe is gone through entry by entry. What agrees there is held to the
        others along random directions, at a few evaluations each.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end.
        """
        check, grader = self.check, self.grader
        first, *others = (draw for draw in grader.draws if not draw.hard)
        right = {entry.parameter for entry in verdict.entries if entry.state == "pass"}
        open_ = [output for output in check.gradient if output not in right]
        told: dict[str, InputReport] = {}
        for convention in grader.conventions(check):
            here = self._at(first, convention, open_)
            for draw in others:
                agree = [output for output, one in here.items() if one.verdict == "agree"]
                there = self._at(draw, convention, agree, "directions")
                here |= {output: one for output, one in there.items() if one.verdict == "disagree"}
            if not told or all(one.verdict == "agree" for one in here.values()):
                told = here
        return told

    def _at(
        self,
        draw: Draw,
        convention: Mapping[str, str],
        outputs: Sequence[str],
        entries: Literal["auto", "directions"] = "auto",
    ) -> dict[str, InputReport]:
        """Return what differences of the student's own forward pass say of some gradients.

        A gradient that is 0 throughout where the model's is not says nothing for itself: the
        forward pass ignores that input. It is ``inconclusive``.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end, or its outputs make no scalar.
        """
        # Late: who is right never needs it.
        from gradkit.gradcheck import check_backward

        if not outputs:
            return {}
        check = self.check
        inputs = [*check.gradient.values()]

        def forward(*arrays: Any) -> float:
            values = _replaced(draw.values, dict(zip(inputs, arrays, strict=True)))
            return _scalar_of(check, {**values, **self._student(values)})

        found = self._run(self.steps, draw.values, [*check.gradient])
        if not self._depends(draw):
            raise _StoppedError
        # What is only true or false is held to differences as the numbers that it is compared as.
        gradients = {f"d{of}": found[output] + 0.0 for output, of in check.gradient.items()}
        starts = {of: np.array(value_of(of, {**draw.values}), dtype=float) for of in inputs}
        scale = {
            check.gradient[output]: float(value_of(convention.get(output, "1"), {**draw.sizes}))
            for output in outputs
        }
        report = check_backward(
            forward,
            lambda: gradients,
            starts,
            wrt=[*scale],
            scale=scale,
            seed=self.grader.seed,
            entries=entries,
        )
        told = dict(zip(outputs, report.inputs, strict=True))
        expected = self.grader.expected(check, draw)
        for output, one in told.items():
            ignored = expected is None or bool(np.any(expected.values[output]))
            if one.verdict == "agree" and ignored and not np.any(found[output]):
                told[output] = dataclasses.replace(one, verdict="inconclusive")
            elif one.verdict == "disagree":
                told[output] = dataclasses.replace(one, message=_said(output, one))
        return told

    def _run(
        self, steps: Sequence[FunctionCheck], values: Mapping[str, Any], reads: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what the student's functions give for some expressions."""
        made, outcome = self.grader.run(steps, values, reads)
        if outcome.failure is not None or outcome.lost is not None or made.missing:
            raise _StoppedError
        return made.values

    def _student(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._run(self.forward, values, self.names)

    def _depends(self, draw: Draw) -> bool:
        """Tell whether the student's forward pass depends on every input that the model's does.

        Each input in turn is replaced by another draw of it. A pass that ignores the labels, say,
        is another function, and no gradient of it is what was asked for.
        """
        solution, check = self.grader.solution, self.check
        if solution is None:
            return True
        other = drawn_again(self.task, draw, self.grader.seed)

        def model(values: Mapping[str, Any]) -> Mapping[str, Any]:
            return solution.read(self.forward, values, self.names)

        right, own = model(draw.values), self._student(draw.values)
        for name in self.task.inputs:
            values = {**draw.values, name: other.values[name]}
            now, before = ({**values, **made} for made in (model(values), right))
            if scalar_of(check, now) == scalar_of(check, before):
                continue
            now, before = ({**values, **made} for made in (self._student(values), own))
            if _scalar_of(check, now) == _scalar_of(check, before):
                return False
        return True


def _said(output: str, one: InputReport) -> str:
    """Say what is wrong with a gradient by differences."""
    if one.problem == "shape":
        return shape_said(output, one.found, one.shape)
    return format_text(
        "`{name}` differs from finite differences of the forward pass that is there.", name=output
    )


class _StoppedError(Exception):
    """The student's code did not come to its end, or gave what no scalar can be made of."""


def _scalar_of(check: FunctionCheck, names: Mapping[str, Any]) -> float:
    """Return the scalar that a check's gradients are of, from what the student's code gave.

    Raises
    ------
    _StoppedError
        Of a shape or a kind that the scalar cannot be worked out from.
    """
    try:
        # What is infinite or no number is the student's, and no matter for a warning of ours.
        with np.errstate(all="ignore"):
            return scalar_of(check, names)
    except (TypeError, ValueError):
        raise _StoppedError from None


def _settled(entry: Entry, told: Mapping[str, InputReport], *, model: bool) -> Entry:
    """Return an entry with what differences of the student's own forward pass say of it."""
    verdict = told[entry.parameter].verdict if entry.parameter in told else ""
    if verdict == "agree" and entry.state in ("fail", "not-checked"):
        return replace(entry, state="pass", found=None, expected=None)
    if verdict == "disagree" and not model:
        return replace(entry, state="fail")
    return entry


def _replaced(values: Mapping[str, Any], moved: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with some arrays in them replaced: ``x``, or ``parameters['W1']``."""
    names = copy.deepcopy(dict(values))
    for number, (expression, array) in enumerate(moved.items()):
        plain = not isinstance(value_of(expression, names), np.ndarray)
        names["_moved"] = float(array) if plain else array
        exec(compile(f"{expression} = _moved", f"<input {number}>", "exec"), names)  # noqa: S102
    return {name: names[name] for name in values}
