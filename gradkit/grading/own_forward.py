"""Hold a gradient to differences of the student's own forward pass, right or wrong as that is."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.judge.outputs import (
    MIN_PROBES,
    Probe,
    Sized,
    describe_difference,
    finite_number,
    judge_check,
    output_entry,
    shape_sentence,
)
from gradkit.lines import value_of
from gradkit.records.result import Entry, Verdict
from gradkit.records.task import Draw, FunctionCheck
from gradkit.task.draws import drawn_again
from gradkit.task.functions import forward_steps, scalar_names, scalar_of, steps_of
from gradkit.text import format_count, format_text

if TYPE_CHECKING:
    from gradkit.gradcheck.records import BackwardReport, InputReport
    from gradkit.grading.functions import FunctionGrader


def held_to_own_forward(
    grader: FunctionGrader, check: FunctionCheck, verdict: Verdict, probes: Sequence[Probe]
) -> Verdict:
    """Return a verdict after gradients are compared with the student's own forward pass.

    They are compared with finite differences. Expected outputs come from a model solution or from
    recorded examples. Without them the differences alone decide. With them the differences count
    only where the student's forward pass is wrong. A gradient that matches the wrong forward pass
    is then listed in ``own_forward``, and earns half of its points if an output of the forward pass
    is right at one of the judged inputs. Otherwise the forward pass may be any function that is
    easy to differentiate. The gradient then earns nothing, unless it is right after the change that
    the diagnosis finds in the forward pass. A forward pass that ignores an input earns nothing
    either.

    All gradients of a check have to be of one forward pass. If one is right for the task's forward
    pass and not for the student's, another that matches only the student's does so by chance.

    If the forward pass is wrong only in hard cases, a gradient that is wrong only there has passed:
    the forward pass alone loses points.

    Parameters
    ----------
    grader : FunctionGrader
    check : FunctionCheck
        A check with gradients.
    verdict : Verdict
        The verdict by the expected outputs.
    probes : sequence of Probe
        The inputs and outputs that the verdict is about.
    """
    own, model = _OwnForward(grader, check), grader.has_expected
    wrong = any(step.name in grader.wrong for step in own.steps[:-1]) or any(
        e.state != "pass" for e in verdict.entries if e.parameter in own.made
    )
    if model and not wrong:
        return verdict
    try:
        told = own.compare_gradients(verdict)
    except _StoppedError:
        return verdict
    entries = tuple(_settled(entry, told, model=model) for entry in verdict.entries)
    states = {entry.state for entry in entries}
    if entries == verdict.entries:
        return verdict
    if model:
        # A gradient that is wrong only in hard cases is right for the task's forward pass too.
        pairs = zip(entries, verdict.entries, strict=True)
        changed = [old for new, old in pairs if new.state != old.state]
        fits = tuple(old.parameter for old in changed if not old.hard_cases)
        if fits and own.is_contradicted_by(verdict):
            return verdict
        half = own.is_partly_right()
        if fits:
            verdict = note_own_forward(replace(verdict, own_forward=fits), half=half)
        if not half:
            return verdict
    if "fail" in states or "missing" in states:
        # Without a model, what examples tell comes first, and then what differences do.
        right = {entry.parameter for entry in entries if entry.state == "pass"}
        right |= {e.parameter for e in verdict.entries if e.state == "not-checked"}
        judged = judge_check(check, probes, right)
        open_ = [
            _message(name, one)
            for name, one in told.items()
            if name in right and one.verdict == "disagree"
        ]
        state = "fail" if judged.state == "pass" else judged.state
        told_so = " ".join(filter(None, [judged.message, *open_]))
        return replace(verdict, state=state, message=told_so, entries=entries)
    if "not-checked" in states:
        return replace(verdict, state="not-checked", entries=entries)
    return replace(verdict, state="pass", message="", entries=entries)


def note_own_forward(verdict: Verdict, *, half: bool) -> Verdict:
    """Add to a verdict a note on the points for gradients that match only a wrong forward pass.

    They are those in its ``own_forward``. ``half`` says that they earn half of their points;
    otherwise they earn none.
    """
    names = ", ".join(f"`{name}`" for name in verdict.own_forward)
    count = len(verdict.own_forward)
    if half:
        note = format_count(
            "{names} is right only for your own forward pass, which is wrong. So it earns half of "
            "its points.",
            "{names} are right only for your own forward pass, which is wrong. So they earn half "
            "of their points.",
            count,
            names=names,
        )
    else:
        note = format_count(
            "Your forward pass is wrong at every input, and {names} matches only this wrong pass. "
            "Correct the forward pass first.",
            "Your forward pass is wrong at every input, and {names} match only this wrong pass. "
            "Correct the forward pass first.",
            count,
            names=names,
        )
    return replace(verdict, notes=(*verdict.notes, note))


class _OwnForward:
    """The student's own forward pass, with which the gradients of a check are compared.

    ``names`` are the names in the scalar that is differentiated, and ``made`` those of them that
    the check itself computes. ``steps`` are the checks whose lines are run for it, the check itself
    last, and ``forward`` are the checks of the forward pass.
    """

    def __init__(self, grader: FunctionGrader, check: FunctionCheck) -> None:
        """Store the grader and the check, and find the forward pass among the check's steps."""
        task = self.task = grader.task
        self.grader, self.check = grader, check
        self.names = scalar_names(task, check)
        self.made = {*self.names} & {*check.call.makes}
        self.steps = steps_of(task, check, self.names)
        self.forward = forward_steps(task, check)

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

    def is_contradicted_by(self, verdict: Verdict) -> bool:
        """Return whether a gradient that passes does not match the student's forward pass.

        ``verdict`` is that on the gradients. One that passes in it must disagree with finite
        differences at the first random input in every convention.
        """
        right = {entry.parameter for entry in verdict.entries if entry.state == "pass"}
        outputs = [output for output in self.check.gradient if output in right]
        first = next(draw for draw in self.grader.draws if not draw.hard)
        compared = (
            self._at(first, convention, outputs, "directions")
            for convention in self.grader.conventions(self.check)
        )
        return all(
            any(one.verdict == "disagree" for one in outputs.values()) for outputs in compared
        )

    def compare_gradients(self, verdict: Verdict) -> dict[str, _Compared]:
        """Compare gradients that do not pass in ``verdict`` with finite differences.

        The first random probe is compared entry by entry. A gradient that agrees there is compared
        along random directions at the other probes, which takes few evaluations. A gradient that
        disagrees is compared entry by entry at one more probe, to tell a factor of N from a number.
        All gradients follow one convention: one by which all agree, or the first. Return the
        comparisons by output.

        Raises
        ------
        _StoppedError
            The student's code stopped.
        """
        check, grader = self.check, self.grader
        first, *others = (draw for draw in grader.draws if not draw.hard)
        right = {entry.parameter for entry in verdict.entries if entry.state == "pass"}
        open_ = [output for output in check.gradient if output not in right]
        told: dict[str, _Compared] = {}
        for convention in grader.conventions(check):
            here = self._at(first, convention, open_)
            for draw in others:
                agree = [output for output, one in here.items() if one.verdict == "agree"]
                there = self._at(draw, convention, agree, "directions")
                here |= {output: one for output, one in there.items() if one.verdict == "disagree"}
            wrong = [output for output, one in here.items() if one.arrays]
            there = self._at(others[0], convention, wrong)
            pairs = {name: (*here[name].arrays, *there[name].arrays) for name in wrong}
            here |= {name: replace(here[name], arrays=pairs[name]) for name in wrong}
            if not told or all(one.verdict == "agree" for one in here.values()):
                told = here
        return told

    def _at(
        self,
        draw: Draw,
        convention: Mapping[str, str],
        outputs: Sequence[str],
        entries: Literal["auto", "directions"] = "auto",
    ) -> dict[str, _Compared]:
        """Compare gradients at one probe with differences of the student's own forward pass.

        ``draw`` has the inputs, ``outputs`` are the gradients to compare, and ``convention`` has
        the factor of an output by its name, such as ``N``. ``entries`` is that of
        `gradkit.gradcheck.check_backward`. A gradient that is 0 in every entry is ``inconclusive``
        if the gradient of the model is not: the forward pass ignores that input.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end, or its outputs make no scalar.
        """
        # Late: a submission that is right does not need it.
        from gradkit.gradcheck import check_backward

        if not outputs:
            return {}
        check = self.check
        inputs = [*check.gradient.values()]

        def forward(*arrays: Any) -> float:
            values = replace_inputs(draw.values, dict(zip(inputs, arrays, strict=True)))
            return _scalar_of(check, {**values, **self._student(values)})

        found = self._run(self.steps, draw.values, [*check.gradient])
        if not self._depends(draw):
            raise _StoppedError
        # Booleans are compared as the numbers 0 and 1.
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
        expected = self.grader.expected(check, draw)
        told: dict[str, _Compared] = {}
        for output, one in zip(outputs, report.inputs, strict=True):
            ignored = expected is None or bool(np.any(expected.values[output]))
            if one.verdict == "agree" and ignored and not np.any(found[output]):
                told[output] = _Compared("inconclusive")
            elif one.problem == "shape":
                told[output] = _Compared("disagree", shape_sentence(output, one.found, one.shape))
            elif one.verdict == "disagree":
                told[output] = _compared(report, one, draw)
            else:
                told[output] = _Compared(one.verdict)
        return told

    def _run(
        self, steps: Sequence[FunctionCheck], values: Mapping[str, Any], reads: Sequence[str]
    ) -> Mapping[str, Any]:
        """Run the lines of some checks; return the student's values of the expressions ``reads``.

        ``values`` are the inputs by name. Raises _StoppedError: the code stopped, or a value is
        missing.
        """
        made, outcome = self.grader.run(steps, values, reads)
        if outcome.failure is not None or outcome.lost is not None or made.missing:
            raise _StoppedError
        return made.values

    def _student(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._run(self.forward, values, self.names)

    def _depends(self, draw: Draw) -> bool:
        """Return whether the student's forward pass depends on all inputs that it should.

        ``draw`` has all inputs. Each input that should matter is replaced in turn by other draws of
        it, because one draw may repeat the input, as with few labels. A forward pass that ignores
        the labels, for example, is another function than the exercise asks for, and so are its
        gradients.
        """
        names = self.grader.differentiated(self.check, draw)
        if not names:
            return True
        before = _scalar_of(self.check, {**draw.values, **self._student(draw.values)})

        def changes(name: str, number: int) -> bool:
            other = drawn_again(self.task, draw, self.grader.seed + number)
            values = {**draw.values, name: other.values[name]}
            return _scalar_of(self.check, {**values, **self._student(values)}) != before

        return all(any(changes(name, number) for number in range(REDRAWS)) for name in names)


REDRAWS = 3
"""Other draws of an input after which the outputs have to change."""


class _Compared(Struct, frozen=True):
    """A gradient compared with finite differences.

    ``message`` says what is wrong if the numbers could not be compared. If they disagree,
    ``arrays`` are the claimed and the estimated gradient at one or two probes, ``place`` is the
    worst entry with its ``claimed`` and ``estimate``, and ``probe`` is the first of the probes.
    """

    verdict: str
    message: str = ""
    arrays: tuple[Sized, ...] = ()
    place: tuple[int, ...] = ()
    claimed: float = 0.0
    estimate: float = 0.0
    probe: str = ""


DIFFERENCES = 1e-4
"""Error of finite differences, relative to the largest entry, up to which a relation is named."""


def _compared(report: BackwardReport, one: InputReport, draw: Draw) -> _Compared:
    """Return the comparison of a gradient that disagrees, with the entries that were estimated.

    ``one`` is the part of ``report`` about the input, and ``draw`` has the inputs. If an array is
    wrong throughout, only a sample of its entries is estimated. The sample is then compared as a
    vector.
    """
    entries = report.report.entries if report.report is not None else ()
    of_input = [entry for entry in entries if entry.parameter == one.name]
    if not of_input:
        return _Compared("disagree")
    claimed, estimate = (
        np.array([getattr(entry, kind) for entry in of_input]) for kind in ("claimed", "estimate")
    )
    worst = of_input[int(np.argmax(np.abs(claimed - estimate)))]
    if claimed.size == int(np.prod(one.shape)):
        claimed, estimate = claimed.reshape(one.shape), estimate.reshape(one.shape)
    sized = (draw.sizes, claimed, estimate)
    place, numbers = worst.index, (worst.claimed, worst.estimate)
    return _Compared("disagree", "", (sized,), place, *numbers, draw.label)


def _message(output: str, one: _Compared) -> str:
    """Return the sentence that the gradient ``output`` does not match finite differences.

    If it disagrees at `MIN_PROBES` probes or more, a relation is added, such as a factor. If the
    comparison ``one`` has a ``message`` of its own, that is returned instead.
    """
    if one.message:
        return one.message
    told = format_text(
        "`{name}` does not match finite differences of your forward pass.", name=output
    )
    enough = len(one.arrays) >= MIN_PROBES
    relation = describe_difference(output, one.arrays, DIFFERENCES) if enough else ""
    return f"{told} {relation}" if relation else told


class _StoppedError(Exception):
    """The student's code stopped, or returned values from which no scalar can be computed."""


def _scalar_of(check: FunctionCheck, names: Mapping[str, Any]) -> float:
    """Return the scalar whose gradients a check asks for, from values of the student's code.

    ``names`` has the values of expressions, by expression.

    Raises
    ------
    _StoppedError
        The scalar cannot be computed from values of this shape or kind.
    """
    try:
        # What is infinite or no number is the student's, and no matter for a warning of ours.
        with np.errstate(all="ignore"):
            return scalar_of(check, names)
    except (TypeError, ValueError):
        raise _StoppedError from None


def _settled(entry: Entry, told: Mapping[str, _Compared], *, model: bool) -> Entry:
    """Return an entry with the result of the comparison with the student's own forward pass.

    ``told`` has that result by output. A failed or unchecked entry passes if its gradient agrees.
    If it disagrees, the entry fails, but only if there are no expected values (``model`` is false).
    All other entries are returned unchanged.
    """
    one = told.get(entry.parameter)
    if one is None:
        return entry
    if one.verdict == "agree" and entry.state in ("fail", "not-checked"):
        return replace(entry, state="pass", found=None, expected=None, hard_cases=0)
    if one.verdict != "disagree" or model:
        return entry
    if not one.arrays:
        return replace(entry, state="fail")
    worst = finite_number(one.claimed), finite_number(one.estimate)
    return output_entry(entry.parameter, "fail", one.probe, one.place, *worst)


def replace_inputs(values: Mapping[str, Any], moved: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of inputs with some arrays in them replaced.

    ``values`` are the inputs by name; ``moved`` has the new arrays by expression: ``x``, or
    ``parameters['W1']``. A number that is no array is replaced by a float.
    """
    names = copy.deepcopy(dict(values))
    for number, (expression, array) in enumerate(moved.items()):
        plain = not isinstance(value_of(expression, names), np.ndarray)
        names["_moved"] = float(array) if plain else array
        exec(compile(f"{expression} = _moved", f"<input {number}>", "exec"), names)  # noqa: S102
    return {name: names[name] for name in values}
