"""Hold what a check is judged by, a `Case`, and compare found with expected numbers.

A `Comparison` collects the wrong entries and the messages of one check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.records.result import Entry, State, Verdict
from gradkit.records.submission import (
    FORBIDDEN_IMPORT,
    MISSING_IMPORT,
    RETURNED_NONE,
    Binding,
    Bound,
    Failure,
    Fault,
    Observations,
    Outcome,
)
from gradkit.records.task import Array, Batch, Probes, Run, Task
from gradkit.task.oracle import Derived, Expected, Oracle, Rescaled, expect
from gradkit.text import DRAWN, format_entry, format_text, where

Earlier = Mapping[str, Verdict]
"""The verdicts of the checks before this one."""


class Case(Struct, frozen=True):
    """The data that one task is judged on: its probes, and expected and observed results."""

    task: Task
    binding: Binding
    probes: Probes
    observations: Observations
    expected: Expected


class Examined(Struct, frozen=True):
    """One section after judging: the case and its verdicts, and the tier that it ran at."""

    case: Case
    verdicts: tuple[Verdict, ...]
    tier: int


def answered(
    case: Case, check: str, role: str, calls: Sequence[Batch | Run], earlier: Earlier
) -> tuple[list[Outcome], Verdict | None]:
    """Return the outcomes of a check's calls, and a verdict if they cannot be compared, or None.

    ``role`` is the role that the check calls, ``calls`` are its batches and runs, and ``earlier``
    has the verdicts of the checks before it. Calls without an outcome are left out.
    """
    found = case.observations.outcomes
    outcomes = [found[call.name] for call in calls if call.name in found]
    stop = blocked_by_model(case, check, earlier) or unusable(case, check, role, outcomes)
    return outcomes, stop


def secret_among(runs: Sequence[Run]) -> frozenset[str]:
    """Return the names of the runs from random starts, which nobody can know beforehand.

    Only these earn points. If no run has a random start, all names are returned.
    """
    drawn = frozenset(run.name for run in runs if run.start == DRAWN)
    return drawn or frozenset(run.name for run in runs)


def least(case: Case, check: str) -> float:
    """Return the relative error that the assignment accepts in a check; 0 without such a check."""
    return next((each.tolerance for each in case.task.checks if each.name == check), 0.0)


def unusable(case: Case, check: str, role: str, outcomes: Sequence[Outcome]) -> Verdict | None:
    """Return the verdict of a check if there is nothing to compare, otherwise None.

    That is so if the function of ``role``, a name such as ``update``, is missing, if a call in
    ``outcomes`` raised, or if the process was lost in it. The first such outcome counts. A function
    that raises NotImplementedError counts as missing. ``case`` has the student's functions, and
    ``check`` is the name of the check for the verdict.
    """
    for missing in case.binding.missing:
        if missing.role == role:
            return Verdict(check, "missing", missing.message, place=missing.place)
    bound = case.binding.bound[role]
    for outcome in outcomes:
        if outcome.lost is not None:
            state: State = "timeout" if outcome.lost.kind == "timeout" else "error"
            text = format_text(
                "{function} {happened}.", function=subject(bound), happened=outcome.lost.detail
            )
            return Verdict(check, state, text, place=bound.place)
        if outcome.failure is not None:
            # In numpy gradkit's loop calls several functions, so the message names the example.
            several = check == "trajectory" and not case.task.framework.trains
            # The exception may come from the function that is called before this role.
            first = bound.before if outcome.failure.before else None
            verdict = _raised(check, first.bound if first else bound, outcome.failure, several)
            if verdict.state != "error":
                return verdict
            return replace(verdict, message=verdict.message + _other_shapes(case, bound))
    return None


def _other_shapes(case: Case, bound: Bound) -> str:
    """Return a sentence on why vectors have other shapes than in the assignment, or "".

    ``bound`` is the function that raised. The sentence is empty unless the shapes come from the
    student's initialiser.
    """
    start, convention = case.task.starts[0].parameters, bound.convention
    made, form = case.binding.bound.get("initialise"), FORMS.get(convention.vectors)
    if made is None or form is None or convention.biases != convention.vectors:
        return ""
    first = next(key for key in start if key[0] == "b")
    size = start[first].size
    return format_text(
        " It was called with X and the other vectors as {form}, because `{name}` ({place}) "
        "gives {first} the shape {shape}; the assignment uses columns, {first} of shape "
        "({size}, 1).",
        form=form,
        name=made.function,
        place=where(made.place),
        first=convention.keys[first],
        shape=f"({size},)" if convention.biases == "flat" else f"(1, {size})",
        size=size,
    )


FORMS = {"flat": "flat arrays", "row": "rows"}
"""Words for the vectors of a convention that does not use columns."""


def subject(bound: Bound) -> str:
    """Return the name of a bound function as the beginning of a sentence."""
    name = display_name(bound)
    return name[:1].upper() + name[1:]


def display_name(bound: Bound) -> str:
    """Return a bound function's name in backticks, or "the training loop" without them."""
    return bound.function if " " in bound.function else f"`{bound.function}`"


NO_FORWARD = 'missing the required "forward" function'
"""Part of torch's message if a module without ``forward`` is called."""


def _raised(check: str, bound: Bound, failure: Failure, several: bool) -> Verdict:
    """Return the verdict of a check on a function that raised.

    ``bound`` is the function, and ``failure`` its exception. With `several`, the message is about a
    training run and names the example.
    """
    name = bound.function
    if failure.type == "NotImplementedError" and NO_FORWARD in failure.message:
        text = format_text("`{name}` has no method `forward`.", name=name)
        return Verdict(check, "error", text, place=bound.place)
    if failure.type == "NotImplementedError":
        return Verdict(
            check,
            "missing",
            format_text("`{name}` is not written yet.", name=name),
            place=bound.place,
        )
    elsewhere = failure.function not in ("", "<module>", name)
    inside = format_text(" in `{function}`", function=failure.function) if elsewhere else ""
    what = {"type": failure.type, "inside": inside}
    text = format_text("{function} stopped with {type}{inside}", function=subject(bound), **what)
    if several:
        text = format_text(
            "The training run stopped at example {call} with {type}{inside}",
            call=failure.call + 1,
            **what,
        )
    text += f": {failure.message.rstrip('.')}" if failure.message else ""
    place = failure.place or bound.place
    message = f"{text}.{_advice(failure)}"
    return Verdict(check, "error", message, place=place, exception=sentence_of(failure))


def sentence_of(failure: Failure) -> str:
    """Return an exception as Python prints it; "" for an import that is refused or fails."""
    if failure.type in (FORBIDDEN_IMPORT, *MISSING_IMPORT):
        return ""
    return f"{failure.type}: {failure.message}" if failure.message else failure.type


def _advice(failure: Failure) -> str:
    """Return advice on an error whose own message does not say what to do; "" for others."""
    if "EOF when reading a line" in failure.message:
        return " `input()` cannot be answered here: write the value into the code."
    if "setting an array element" in failure.message:
        return (
            " An entry of an array can only hold a number, not a (1, 1) array. Get the number "
            "with [0, 0] or .item()."
        )
    if any(part in failure.message for part in ("0-dimensional", "only length-1 arrays")):
        return (
            " One number was expected here, but this is an array. If the array has one entry, "
            "use [0, 0] or .item(); if it has several, use numpy's functions, such as np.exp "
            "for math.exp."
        )
    return ""


STOPS: tuple[State, ...] = ("missing", "error", "timeout", "blocked")
"""States of a check after which checks that depend on it cannot run."""


BLOCKED = "Not checked, because `{by}` {reason}."

REASONS: Mapping[State, str] = {
    "missing": "is missing",
    "error": "stops with {exception}",
    "timeout": "does not end in time",
    "fail": "is not right",
}
"""Why a check blocks another one, by its state."""


def blocked(
    check: str, by: str, earlier: Earlier, states: Sequence[State] = STOPS
) -> Verdict | None:
    """Return the verdict of a check that cannot run because the check ``by`` did not pass.

    It is blocked if the state of ``by`` is one of ``states``; otherwise None is returned.
    ``earlier`` has the verdicts of the checks before. The message names the check that is the
    cause, also if ``by`` is blocked itself.
    """
    before = earlier.get(by)
    if before is None or before.state not in states:
        return None
    if before.state == "blocked":
        return Verdict(check, "blocked", before.message, place=before.place)
    exception = before.exception.partition(":")[0] or "an error"
    reason = format_text(REASONS[before.state], exception=exception)
    message = format_text(BLOCKED, by=by, reason=reason)
    return Verdict(check, "blocked", message, place=before.place)


def blocked_by_model(case: Case, check: str, earlier: Earlier) -> Verdict | None:
    """Return the verdict of a torch check that cannot run without the model, otherwise None.

    ``check`` is the name of the check, and ``earlier`` has the verdicts of the checks before, by
    name. If the model has wrong parameters but its forward pass ran, the check can run: the model
    may have all layers without having registered them all.
    """
    model = earlier.get("model")
    if model is not None and model.state == "fail":
        names = [batch.name for batch in case.probes.forward]
        found = [case.observations.outcomes[name] for name in names]
        if all(outcome.outputs and outcome.failure is None for outcome in found):
            return None
    return blocked(check, "model", earlier, (*STOPS, "fail"))


def expected_of(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome]
) -> dict[str, dict[str, Array]]:
    """Return the expected values of all probes, at the student's learning rates where allowed.

    Parameters
    ----------
    task : Task
        Its rates say whether other rates are allowed.
    oracle : Oracle
        The source of expected values.
    probes : Probes
        The inputs of all calls and runs.
    outcomes : mapping of str to Outcome
        Outcomes of the single calls or steps at least: they show the rates that the code uses.
    """
    expected = expect(oracle, probes)
    own = (_oracle_of_training if task.framework.trains else _oracle_of_update)(
        task, oracle, probes, outcomes, expected
    )
    if own is not None:
        with np.errstate(all="ignore"):  # with the student's own rates training may diverge
            expected |= {batch.name: own.update(batch.inputs) for batch in probes.update}
            expected |= {run.name: own.train(run) for run in probes.runs}
    return expected


def _oracle_of_update(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle | None:
    """Return the oracle at the student's own learning rates if the task accepts them, else None.

    An oracle computes expected values. ``probes`` are the inputs, and ``outcomes`` and ``expected``
    have the student's and the expected results by the name of the batch.

    The rates are accepted if the task leaves rates free. They are also accepted if the passed rate
    is that of the weights and the biases keep the task's ratio to it: ``lr`` for weights and ``10 *
    lr`` for biases are right if the task asks for 0.001 and 0.01. In this case all entries of the
    step have to be right.
    """
    (batch,) = probes.update
    outcome = outcomes.get(batch.name)
    if not came_back(outcome):
        return None
    if task.rates.policy == "free":
        return Rescaled(oracle, own_ratios(batch.inputs, outcome.outputs, expected[batch.name]))
    kept = Rescaled(oracle, {"b": task.rates.bias / task.rates.weight})
    right = "rate" in batch.inputs and all(
        (found := outcome.outputs.get(key)) is not None
        and found.shape == value.shape
        and np.allclose(found, value, 1e-9, 0)
        for key, value in kept.update(batch.inputs).items()
    )
    return kept if right else None


def _oracle_of_training(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle | None:
    """Return an oracle that trains at the learning rates of the student's first step, or None.

    An oracle computes expected values. It is None if the task fixes the rates, or the step does not
    show any. ``probes`` are the inputs, and ``outcomes`` and ``expected`` have the student's and
    the expected results by the name of the run. The result does not use a model solution, since its
    rates are fixed.
    """
    step = [run for run in probes.runs if run.check == "gradient" and run.epochs == 1][-1]
    outcome = outcomes.get(step.name)
    if task.rates.policy != "free" or not came_back(outcome):
        return None
    right = {key: expected[step.name][f"final/{key}"] for key in step.parameters}
    after = {key: outcome.outputs.get(f"final/{key}") for key in step.parameters}
    shaped = {k: v for k, v in after.items() if v is not None and v.shape == right[k].shape}
    ratios = own_ratios(step.parameters, shaped, right)
    weight, bias = (ratios.get(kind, 1.0) for kind in "Wb")
    rates = replace(task.rates, weight=task.rates.weight * weight, bias=task.rates.bias * bias)
    return Derived(replace(task, rates=rates)) if ratios else None


def came_back(outcome: Outcome | None) -> TypeGuard[Outcome]:
    """Return whether a call was made and returned."""
    return outcome is not None and outcome.failure is None and outcome.lost is None


def own_ratios(
    before: Mapping[str, Array], after: Mapping[str, NDArray[Any]], expected: Mapping[str, Array]
) -> dict[str, float]:
    """Return the ratio of the student's steps to the expected steps for ``W`` and for ``b``.

    ``before`` are the parameters before a step, ``after`` the student's and ``expected`` the right
    parameters after it. The ratio is the median over all entries. A kind is left out if no such
    parameter was returned, or if the median is not positive, because most entries stay or move in
    the wrong direction.
    """
    ratios = {}
    for kind in "Wb":
        keys = [key for key in expected if key[0] == kind and key in after]
        if not keys:
            continue
        steps = {k: expected[k] - before[k] for k in keys}
        moved = {k: tolerances.moved(after[k], before[k], steps[k]) for k in keys}
        wanted = np.concatenate([steps[k].ravel() for k in keys])
        taken = np.concatenate([(moved[k] * (after[k].real - before[k])).ravel() for k in keys])
        ratio = tolerances.median(taken[wanted != 0] / wanted[wanted != 0])
        if ratio > 0:
            ratios[kind] = float(ratio)
    return ratios


SENTENCES: Mapping[str, str] = {
    "missing": "{function} does not give {quantity}: {found}.",
    "shape": "{function} gives {quantity} in shape {found}.",
    "dtype": "{function} gives {quantity} as {found}; real numbers are expected.",
    "type": "{function} gives {quantity} as {found}; an array of numbers is expected.",
    "subclass": (
        "{function} gives {quantity} as {found}, a subclass of ndarray; its "
        "plain values were compared."
    ),
    "mutated": (
        "{function} changes its input {quantity}, which must stay the same. Work on a copy."
    ),
    "complex": "{function} gives {quantity} as complex numbers; real ones are expected.",
    "whole": (
        "{function} gives {quantity} as whole numbers ({found}), which cuts off "
        "the fraction; use float64."
    ),
    "coarse": "{function} gives {quantity} as {found}, which keeps only three digits; use float64.",
    "nan": "{function} gives nan (not a number) in {quantity}.",
    "inf": "{function} gives an infinite number in {quantity}.",
}

TOO_SMALL = (
    "{function} makes steps that are too small for the precision of its numbers; use float64."
)

VECTORS = ("y_hat", "A1")
"""Quantities whose entries are named by one index."""

WORDS: Mapping[str, str] = {
    "y_hat": "the output ŷ",
    "A1": "the hidden layer A1",
    "loss": "the loss",
}
"""Words for quantities that are no argument of the function, and so have no name there."""


class Comparison(Struct):
    """The entries and messages of one check while it is judged.

    ``givers`` name the source of a quantity if it is not the function ``bound``. ``idle`` is set
    if some number is right that would also be right without any step: it earns nothing.
    """

    bound: Bound
    givers: Mapping[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    idle: bool = False
    _reports: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    _remarks: list[str] = field(default_factory=list)
    _explained: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        """Return the number of distinct numbers that were compared."""
        return len({(entry.parameter, entry.index) for entry in self.entries if entry.index})

    def remark_on_precision(self) -> None:
        """Add, if any number failed, the remark that low precision explains the error.

        The remark becomes a sentence of the message. The caller has tested that low precision is
        the reason.
        """
        if any(entry.index and entry.state != "pass" for entry in self.entries):
            self.remark(
                format_text(
                    "The numbers are right to about seven digits only: {function} works in "
                    "float32 somewhere, or adds a small constant such as 1e-6. Use float64 "
                    "throughout.",
                    function=subject(self.bound),
                )
            )

    def remark(self, text: str) -> None:
        """Add a sentence to the message, unless the message has the sentence already."""
        if text not in self._remarks:
            self._remarks.append(text)

    def report(self, kind: str, quantity: str, found: str = "") -> None:
        """Add one of `SENTENCES` about a quantity to the message, with the student's own names.

        ``kind`` is the key of the sentence, and ``found`` describes the value that was found.
        """
        plain = quantity.removeprefix("final/")
        own = {} if plain in self.givers else {**self.bound.convention.keys, **self.bound.names}
        giver = self.givers.get(plain, subject(self.bound))
        names = self._reports.setdefault((kind, giver, found), [])
        name = own.get(plain, WORDS.get(plain, plain))
        if name not in names:
            names.append(name)
        self._explained.add(plain)

    def faults(self, faults: tuple[Fault, ...]) -> None:
        """Report values that could not be read. A changed input becomes a failed entry."""
        for fault in faults:
            self.report(fault.kind, fault.quantity, fault.found)
            if fault.kind == "mutated":
                self.entries.append(Entry(fault.quantity, (), "fail", None, None))

    def _sentences(self, *, notes: bool) -> list[str]:
        """Return the reported sentences about values.

        With ``notes``, only those that cost no points are returned: that the student's array is of
        a subclass of numpy's. Without it, all others.
        """
        return [
            format_text(SENTENCES[kind], function=giver, quantity=joined(names), found=found)
            for (kind, giver, found), names in self._reports.items()
            if (kind == "subclass") is notes
        ]

    def compare(
        self,
        quantity: str,
        found: NDArray[Any] | None,
        expected: Array,
        allowed: Array,
        labels: tuple[str, ...],
        *,
        still: Array | None = None,
    ) -> None:
        """Add one entry per index of ``quantity``, with the numbers of its first failing probe.

        An entry fails if it is wrong in any probe. All fail if ``found`` is None, has another
        shape, or is complex.

        Right entries are left out in which ``still`` is right too: code that does nothing must not
        earn points.

        Parameters
        ----------
        quantity : str
            The canonical name, such as W1, or ``final/W1``.
        found, expected : array, (n, …)
            The student's and the right numbers.
        allowed : array
            Largest accepted error of each number.
        labels : tuple of str
            Names of the n probes.
        still : array, (n, …), optional
            The numbers if the code did nothing.
        """
        shape = expected.shape[1:]
        kind = ""
        idle: NDArray[np.bool_] = np.zeros(shape, np.bool_)
        off: NDArray[np.bool_] = np.ones(shape, np.bool_)
        first: NDArray[np.intp] = np.zeros(shape, np.intp)
        if found is not None and found.shape != expected.shape:
            found = None
        if found is not None:
            close = tolerances.near(found, expected, allowed)
            if found.dtype.kind == "c":
                close[...] = False
            kind = "" if close.all() else _odd_numbers(found, expected)
            if kind:
                self.report(kind, quantity, str(found.dtype) if kind in ("whole", "coarse") else "")
            off, first = np.asarray(~close.all(axis=0)), (~close).argmax(axis=0)
            if still is not None:
                at_rest = tolerances.near(still, expected, allowed).all(axis=0)
                idle = np.asarray(~off & at_rest)
                self.idle |= bool(idle.any())
        for index in np.ndindex(shape):
            if idle[index]:
                continue
            at = (first[index], *index)
            self.entries.append(
                Entry(
                    quantity.removeprefix("final/"),
                    index,
                    "fail" if off[index] else "pass",
                    None if found is None or kind == "complex" else float(found[at]),
                    float(expected[at]),
                    labels[first[index]],
                    label_of(self.bound, quantity, index, shape),
                )
            )

    def verdict(self, check: str, summary: str, **fields: str) -> Verdict:
        """Return the verdict on ``check``: it fails if an entry failed, otherwise it passes.

        It also fails if there are no entries because every compared number would be right without
        any step (``idle``). The message has the sentences that were reported. Failed entries that
        no sentence explains are listed in ``summary``, a template with ``fields`` and the fields
        ``function``, ``entries``, ``count``, ``size`` and ``are`` (is or are).
        """
        merged = merge(self.entries)
        failed = [each for each in merged if each.state == "fail"]
        notes = (*self._sentences(notes=True), *self.notes)
        if not merged and self.idle:
            text = format_text(TOO_SMALL, function=subject(self.bound))
            return Verdict(check, "fail", text, (), self.bound.place, notes)
        if not failed:
            return Verdict(check, "pass", "", tuple(merged), None, notes)
        sentences = self._sentences(notes=False)
        rest = [entry for entry in failed if not self._is_explained(entry)]
        place = self.bound.return_place if sentences else self.bound.place
        sentences += self._remarks
        if rest:
            known = {"function": subject(self.bound), "entries": list_entries(rest)}
            numbers = {
                "count": len(rest),
                "size": self.size,
                "are": "is" if len(rest) == 1 else "are",
            }
            sentences.append(format_text(summary, **{**known, **numbers, **fields}))
        message = " ".join(sentences)
        none = any(found == RETURNED_NONE for _, _, found in self._reports)
        return Verdict(check, "fail", message, tuple(merged), place, notes, returns_none=none)

    def _is_explained(self, entry: Entry) -> bool:
        """Return whether a sentence says why an entry has no finite number."""
        if entry.parameter not in self._explained:
            return False
        return entry.found is None or not np.isfinite(entry.found)


def _odd_numbers(found: NDArray[Any], expected: Array) -> str:
    """Return the key of `SENTENCES` that says what is wrong with the type of the numbers, or "".

    ``found`` are the student's numbers, and ``expected`` the right ones. Checked are complex and
    whole numbers, nan, infinity, and less than single precision. Whole numbers count only if no
    error is above 1.
    """
    if found.dtype.kind == "c":
        return "complex"
    if found.dtype.kind in "iub":
        # A cut-off fraction is at most 1. Larger errors have another cause.
        return "whole" if np.all(np.abs(found - expected) <= 1) else ""
    if np.isnan(found).any():
        return "nan"
    if np.isinf(found).any():
        return "inf"
    return "coarse" if found.dtype.itemsize < 4 else ""


def joined(names: list[str]) -> str:
    """Join names with commas and a final "and", e.g. ``W1, b1 and W2``."""
    if len(names) == 1:
        return names[0]
    return format_text("{these} and {that}", these=", ".join(names[:-1]), that=names[-1])


def label_of(bound: Bound, quantity: str, index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Return the name of an entry in the student's own layout, e.g. ``b1[0]``.

    ``quantity`` is the canonical name, ``index`` the canonical index, and ``shape`` the canonical
    shape of the array. The result is empty for a quantity that has no name in the student's code.
    """
    plain = quantity.removeprefix("final/")
    if plain in VECTORS:
        return plain if shape == (1, 1) else f"{plain}[{index[0]}]"
    if plain not in bound.convention.keys:
        return ""
    return entry_label(
        plain,
        index,
        keys=bound.convention.keys,
        transposed=bound.convention.weights == "out_in",
        outputs=shape[plain[0] == "W"],
    )


def merge(entries: list[Entry]) -> list[Entry]:
    """Return one entry for each parameter and index: the first of those with the worst state.

    ``entries`` may have the same parameter and index several times, from different probes. The
    order of states is `SEVERITIES`: a failed entry is worse than an inconclusive one.
    """
    merged: dict[tuple[str, tuple[int, ...]], Entry] = {}
    for entry in entries:
        known = merged.setdefault((entry.parameter, entry.index), entry)
        if SEVERITIES.index(entry.state) > SEVERITIES.index(known.state):
            merged[entry.parameter, entry.index] = entry
    return list(merged.values())


SEVERITIES: tuple[State, ...] = ("pass", "inconclusive", "fail")
"""The states of a compared entry, the worst last."""


def list_entries(entries: list[Entry]) -> str:
    """Return the labels of up to eight entries, e.g. ``W1[0,1], b2``; then ``and 3 more``."""
    names = [format_entry(entry.label, entry.parameter, entry.index) for entry in entries]
    return ", ".join(names[:8]) + (
        format_text(" and {count} more", count=len(names) - 8) if len(names) > 8 else ""
    )


def entry_label(
    parameter: str,
    index: tuple[int | str, ...],
    *,
    keys: Mapping[str, str],
    transposed: bool = False,
    outputs: int = 1,
) -> str:
    """Return the label of an entry, e.g. ``W1[0,1]``, ``b1[1]``, ``W2[0]``, ``b2``.

    Parameters
    ----------
    parameter : str
        The canonical name.
    index : tuple of int or str
        The canonical index; a letter stands for an axis that is summed over.
    keys : mapping of str to str
        The student's names by the canonical names.
    transposed : bool
        Whether the student stores weights as (out, in), so that indices are reversed.
    outputs : int
        With one output, the axis of W2 and b2 that has length 1 is left out.
    """
    key = keys.get(parameter, parameter)
    single = outputs == 1 and parameter.endswith("2")
    if parameter[0] == "b":
        return key if single else f"{key}[{index[0]}]"
    if single:
        return f"{key}[{index[0]}]"
    return f"{key}[{','.join(map(str, index[::-1] if transposed else index))}]"
