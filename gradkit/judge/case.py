"""Define the case that a check is judged on, and the verdicts on code that gave no result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.records.observations import (
    FORBIDDEN_IMPORT,
    MISSING_IMPORT,
    Binding,
    Bound,
    Failure,
    Observations,
    Outcome,
)
from gradkit.records.result import State, Verdict
from gradkit.records.task import Array, Batch, Probes, Run, Task
from gradkit.task.oracle import Derived, Expected, Oracle, Rescaled, expect
from gradkit.text import DRAWN, format_text, where

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
    """Return the outcomes of a check's calls, and a verdict if they cannot be compared."""
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
    """Return the verdict if there is nothing to compare, otherwise None.

    That is so if the function is missing, if it raised, or if the process was lost.
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
    """Return a sentence on why vectors have other shapes than in the assignment, or ""."""
    start, convention = case.task.starts[0].parameters, bound.convention
    made, form = case.binding.bound.get("initialise"), FORMS.get(convention.vectors)
    if made is None or form is None or convention.biases != convention.vectors:
        return ""
    first = next(key for key in start if key[0] == "b")
    size = start[first].size
    return format_text(
        " It was handed X and the other vectors as {form}, because `{name}` ({place}) gives "
        "{first} the shape {shape}; the assignment's are columns, {first} of shape ({size}, 1).",
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
    """Return the verdict on a function that raised.

    With `several`, the message is about a training run and names the example.
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
            " An entry of an array can only hold a number, not a (1, 1) array: take the "
            "number out first, with [0, 0] or .item()."
        )
    if any(part in failure.message for part in ("0-dimensional", "only length-1 arrays")):
        return (
            " One number was expected here, and an array was given. Of an array with one entry "
            "take the number out first, with [0, 0] or .item(); for one with several use numpy's "
            "functions, such as np.exp for math.exp."
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

    Its message names the check that is the cause, also if ``by`` is blocked itself.
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

    If the model has wrong parameters but its forward pass ran, the check can run: the model may
    have all layers without having registered them all.
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
    oracle : Oracle
    probes : Probes
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
    """Return the oracle at the student's own rates if the task accepts them, otherwise None.

    They are accepted if the task leaves rates free. They are also accepted if the passed rate is
    that of the weights and the biases keep the task's ratio to it: ``lr`` for weights and
    ``10 * lr`` for biases are right if the task asks for 0.001 and 0.01. In this case all entries
    of the step have to be right.
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
    """Return gradient descent at the rates that the first training step shows.

    None if the task fixes the rates, or the step does not show any. The result does not use a
    model solution, since its rates are fixed.
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

    It is the median over all entries. A kind is left out if no such parameter was returned, or if
    the median is not positive, because most entries stay or move in the wrong direction.
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
