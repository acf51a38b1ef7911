"""What a verdict is taken from, and the verdict where there is nothing to take it from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.formatting import format_text
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
from gradkit.text import DRAWN, where

Earlier = Mapping[str, Verdict]
"""The verdicts of the checks before this one."""


class Case(Struct, frozen=True):
    """Everything that one task's verdicts are taken from."""

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
    """Return the outcomes of a check's calls, and the verdict where they cannot be compared."""
    found = case.observations.outcomes
    outcomes = [found[call.name] for call in calls if call.name in found]
    stop = blocked_by_model(case, check, earlier) or unusable(case, check, role, outcomes)
    return outcomes, stop


def secret_among(runs: Sequence[Run]) -> frozenset[str]:
    """Return the names of the runs that nobody can know beforehand: they alone earn anything.

    All of them, where somebody wants to see what known runs tell by themselves.
    """
    drawn = frozenset(run.name for run in runs if run.start == DRAWN)
    return drawn or frozenset(run.name for run in runs)


def least(case: Case, check: str) -> float:
    """Return the relative error that the assignment lets pass in a check, whatever arithmetic asks.

    A check that the task does not have, which others may look at, has none of its own.
    """
    return next((each.tolerance for each in case.task.checks if each.name == check), 0.0)


def unusable(case: Case, check: str, role: str, outcomes: Sequence[Outcome]) -> Verdict | None:
    """Return the verdict where there is nothing to compare: missing, raised, or never came back."""
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
            # In numpy several functions take part in a run, and gradkit's loop calls them.
            several = check == "trajectory" and not case.task.framework.trains
            # What is called before a role may raise in its place.
            first = bound.before if outcome.failure.before else None
            verdict = _raised(check, first.bound if first else bound, outcome.failure, several)
            if verdict.state != "error":
                return verdict
            return replace(verdict, message=verdict.message + _other_shapes(case, bound))
    return None


def _other_shapes(case: Case, bound: Bound) -> str:
    """Say why arrays are handed over in other shapes than the assignment's, where they are."""
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
"""What vectors are that are no columns."""


def subject(bound: Bound) -> str:
    """Return what a sentence begins with."""
    name = called(bound)
    return name[:1].upper() + name[1:]


def called(bound: Bound) -> str:
    """Return a function's name, or words for what has none."""
    return bound.function if " " in bound.function else f"`{bound.function}`"


NO_FORWARD = 'missing the required "forward" function'
"""What torch says of a module that is called and has none."""


def _raised(check: str, bound: Bound, failure: Failure, several: bool) -> Verdict:
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
    told = f"{text}.{_advice(failure)}"
    return Verdict(check, "error", told, place=place, exception=sentence_of(failure))


def sentence_of(failure: Failure) -> str:
    """Return an exception as Python writes it; nothing for an import that is refused or fails."""
    if failure.type in (FORBIDDEN_IMPORT, *MISSING_IMPORT):
        return ""
    return f"{failure.type}: {failure.message}" if failure.message else failure.type


def _advice(failure: Failure) -> str:
    """Return what to do about the errors whose own words do not say it."""
    if "EOF when reading a line" in failure.message:
        return " Nobody is there to answer `input()`: write the value into the code."
    if "setting an array element" in failure.message:
        return (
            " One entry of an array holds one number, and a (1, 1) array is not one: take "
            "the number out first, with [0, 0] or .item()."
        )
    if any(part in failure.message for part in ("0-dimensional", "only length-1 arrays")):
        return (
            " One number was expected here, and an array was given. Of an array with one entry "
            "take the number out first, with [0, 0] or .item(); for one with several use numpy's "
            "functions, such as np.exp for math.exp."
        )
    return ""


STOPS: tuple[State, ...] = ("missing", "error", "timeout", "blocked")
"""States after which there is nothing for a later check to look at."""


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
    """Return the verdict of a torch check for want of a model.

    A module whose parameters could be set is judged further: it may hold all layers and not have
    registered them all.
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
    """Return all expected values for these probes.

    Parameters
    ----------
    task : Task
    oracle : Oracle
    probes : Probes
    outcomes : mapping of str to Outcome
        Those of the single calls, or steps, at least: they show at which rates the code steps.
    """
    expected = expect(oracle, probes)
    own = (_training if task.framework.trains else _by_example)(
        task, oracle, probes, outcomes, expected
    )
    if own is not None:
        with np.errstate(all="ignore"):  # at rates of the student's own steps lead anywhere
            expected |= {batch.name: own.update(batch.inputs) for batch in probes.update}
            expected |= {run.name: own.train(run) for run in probes.runs}
    return expected


def _by_example(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle | None:
    """Return the oracle at rates of the student's own, as far as the task leaves them free.

    Where the rate that is handed over is the weights', biases may keep theirs to it: ``lr`` for
    weights and ``10 * lr`` for biases is right where the task asks for 0.001 and 0.01. It counts
    only if all of the code is right in this way.
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


def _training(
    task: Task, oracle: Oracle, probes: Probes, outcomes: Mapping[str, Outcome], expected: Expected
) -> Oracle | None:
    """Return the task's own gradient descent at the rates that the first step of train shows.

    A model solution has rates of its own, and cannot be asked for others.
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
    """Tell whether a call was made, and gave something back."""
    return outcome is not None and outcome.failure is None and outcome.lost is None


def own_ratios(
    before: Mapping[str, Array], after: Mapping[str, NDArray[Any]], expected: Mapping[str, Array]
) -> dict[str, float]:
    """Return how many times the student's steps are as long as expected, by kind.

    Kinds are ``W`` and ``b``; one of which nothing came back, or that moves uphill, or most of
    which stays where it was, is left out.
    """
    ratios = {}
    for kind in "Wb":
        keys = [key for key in expected if key[0] == kind and key in after]
        if not keys:
            continue
        steps = {k: expected[k] - before[k] for k in keys}
        told = {k: tolerances.moved(after[k], before[k], steps[k]) for k in keys}
        wanted = np.concatenate([steps[k].ravel() for k in keys])
        taken = np.concatenate([(told[k] * (after[k].real - before[k])).ravel() for k in keys])
        ratio = tolerances.median(taken[wanted != 0] / wanted[wanted != 0])
        if ratio > 0:
            ratios[kind] = float(ratio)
    return ratios
