"""Remarks on answers: known by heart, changing, over forbidden packages, by differences."""

from __future__ import annotations

import numpy as np
import pytest
from cases import TASKS, Change, case, observed, with_outputs
from msgspec.structs import replace

from gradkit.judge import Case
from gradkit.judge.steps import (
    AGAIN,
    forbidden,
    memorised,
    nondeterministic,
    numerical,
    remarkable,
)
from gradkit.records.submission import FORBIDDEN_IMPORT, REPEATS, Failure, Fault, Lost, Outcome


def also(made: Case, *outcomes: Outcome) -> Case:
    """The same with more outcomes."""
    more = {outcome.name: outcome for outcome in outcomes}
    return observed(made, {**made.observations.outcomes, **more})


def again(made: Case, name: str, change: Change, rows: int | None = 2) -> Case:
    """A batch or run asked a second time, the first rows of it."""
    first = made.observations.outcomes[name]
    outputs = {key: value[:rows] for key, value in first.outputs.items()}
    return also(made, change(Outcome(name + AGAIN, outputs)))


# --- answers that change -----------------------------------------------------------------


def test_the_same_bits_are_the_same_answer() -> None:
    """As far as the second one goes; nan is nan."""
    made = case(changes={"update/random": with_outputs(W1=lambda v: v * np.nan)})
    assert nondeterministic(again(made, "update/random", lambda o: o)) == ()
    assert nondeterministic(again(case(), "forward/random", lambda o: o)) == ()
    assert nondeterministic(case()) == ()


@pytest.mark.parametrize(
    ("name", "quantity", "role"),
    [("update/random", "W2", "update"), ("forward/random", "y_hat", "forward")],
)
def test_another_bit_is_another_answer(name: str, quantity: str, role: str) -> None:
    """And so is a quantity that is not there."""
    other = with_outputs(**{quantity: lambda v: np.nextafter(v, 9)})
    assert nondeterministic(again(case(), name, other)) == (role,)
    gone = with_outputs(**{quantity: lambda v: None})
    assert nondeterministic(again(case(), name, gone)) == (role,)
    assert remarkable(again(case(), name, other))


def test_training_may_differ_in_rounding() -> None:
    """A run in torch adds up its rows in an order of its own."""
    for factor, found in ((1 + 1e-6, ()), (1 + 1e-4, ("train",))):
        change = with_outputs(loss=lambda v, f=factor: v * f)
        made = again(case("regression-torch"), "run/published", change, None)
        assert nondeterministic(made) == found
    empty = with_outputs(loss=lambda v: v * np.nan)
    made = case("regression-torch", changes={"run/published": empty})
    assert nondeterministic(again(made, "run/published", lambda o: o, None)) == ()
    for change in (with_outputs(loss=lambda v: v[:3]), with_outputs(loss=lambda v: None)):
        made = again(case("regression-torch"), "run/published", change, None)
        assert nondeterministic(made) == ("train",)


@pytest.mark.parametrize(
    "ended",
    [
        {"failure": Failure(0, "ValueError", "", None, "")},
        {"lost": Lost("timeout", "")},
        {"faults": (Fault(0, "W1", "type", ""),)},
    ],
)
def test_answers_that_did_not_come_are_not_compared(ended) -> None:
    """Neither the first nor the second time."""
    other = with_outputs(W2=lambda v: v + 1)
    made = again(case(), "update/random", lambda o: replace(other(o), **ended))
    assert nondeterministic(made) == ()
    made = case(changes={"update/random": lambda o: replace(o, **ended)})
    assert nondeterministic(again(made, "update/random", other)) == ()


# --- packages and differences ------------------------------------------------------------


def test_a_package_that_is_not_allowed_is_told_of_each_role() -> None:
    """With the first of its failures; other failures, and roles that are not there, are none."""
    first = Failure(0, FORBIDDEN_IMPORT, "first", None, "")
    names = ("initialise", "forward/published", "forward/random", "update/random")
    stop = {
        name: lambda o, n=name: replace(o, outputs={}, failure=replace(first, message=n))
        for name in names
    }
    found = forbidden(case(changes=stop))
    assert {role: failure.message for role, failure in found.items()} == {
        "initialise": "initialise",
        "forward": "forward/published",
        "update": "update/random",
    }
    other = {name: lambda o: replace(o, failure=replace(first, type="X")) for name in names}
    assert forbidden(case(changes=other)) == {}
    assert not remarkable(case(changes=other))
    assert remarkable(case(changes=stop))
    made = case(changes=stop)
    roles = {key: role for key, role in made.binding.bound.items() if key != "update"}
    assert "update" not in forbidden(replace(made, binding=replace(made.binding, bound=roles)))
    torch = case("regression-torch", changes={"model": stop["update/random"]})
    assert forbidden(torch).keys() == {"model"}


def test_as_many_calls_as_parameters_are_differences() -> None:
    """As the worker has counted them."""
    assert not numerical(case())
    for times in (0, 1):
        counted = Outcome(REPEATS, {"times": np.array([times])})
        made = also(case(), counted)
        assert numerical(made) is remarkable(made) is bool(times)
    assert not numerical(also(case(), replace(counted, lost=Lost("timeout", ""))))


# --- answers by heart --------------------------------------------------------------------


def test_published_outputs_whatever_goes_in_are_by_heart() -> None:
    """Bit for bit the same, and one of those published; others are only wrong."""
    made = case()
    published = made.expected["forward/published"]["y_hat"]

    def by_heart(value: float):
        return {"forward/random": with_outputs(y_hat=lambda v: np.full_like(v, value))}

    assert memorised(made) == ()
    for row in published[:2].ravel():
        assert memorised(case(changes=by_heart(row))) == ("forward",)
        assert memorised(case(changes=by_heart(row * (1 + 1e-7)))) == ("forward",)
        assert memorised(case(changes=by_heart(row * (1 + 1e-5)))) == ()
    noisy = with_outputs(
        y_hat=lambda v: published[0] * (1 + 1e-9 * np.arange(v.size)[:, None, None])
    )
    assert memorised(case(changes={"forward/random": noisy})) == ()
    fault = Fault(0, "y_hat", "type", "")
    same = by_heart(float(published[0, 0, 0]))["forward/random"]
    faulty = {"forward/random": lambda o: replace(same(o), faults=(fault,))}
    assert memorised(case(changes=faulty)) == ()
    row = float(published[0, 0, 0])
    for other in (np.full((23, 1, 1), row), np.full((24, 1, 1), row + 0j)):
        changed = with_outputs(y_hat=lambda v, other=other: other)
        assert memorised(case(changes={"forward/random": changed})) == ()
    gone = {"forward/random": with_outputs(y_hat=lambda v: None)}
    assert memorised(case(changes=gone)) == ()
    assert memorised(case(changes={"forward/random": None})) == ()


def _everywhere(value: np.ndarray, like: np.ndarray) -> np.ndarray:
    return np.broadcast_to(value, like.shape).copy()


@pytest.mark.parametrize("end", [False, True])
def test_published_parameters_whatever_the_old_ones_are_by_heart(end: bool) -> None:
    """Those of the start or of the end; all of them, and from other old ones each time."""
    made = case()
    run = next(run for run in made.probes.runs if run.name == "run/published")
    known = made.expected[run.name]
    ends = {k: known[f"final/{k}"] if end else v for k, v in run.parameters.items()}
    stays = {
        key: (lambda v, e=value: np.broadcast_to(e, v.shape).copy()) for key, value in ends.items()
    }
    update = {"update/random": with_outputs(**stays)}
    assert memorised(case(changes=update)) == ("update",)
    but_one = {key: how for key, how in stays.items() if key != "b2"}
    assert memorised(case(changes={"update/random": with_outputs(**but_one)})) == ()
    whole = {key: lambda v, h=how: h(v).round().astype(int) for key, how in stays.items()}
    assert memorised(case(changes={"update/random": with_outputs(**whole)})) == ()
    update = with_outputs(**stays)
    lost = {"update/random": lambda o: replace(update(o), lost=Lost("timeout", ""))}
    assert memorised(case(changes=lost)) == ()


def test_published_losses_from_every_start_are_by_heart() -> None:
    """Where others would be right; a net that is right has those of each run."""
    made = case("regression-torch")
    runs = [run.name for run in made.probes.runs if run.check == "trajectory"]
    right = made.expected[runs[0]]["loss"]
    same = {name: with_outputs(loss=lambda v: right[: len(v)]) for name in runs}
    assert memorised(made) == ()
    assert memorised(case("regression-torch", changes=same)) == ("train",)
    wrong = {name: with_outputs(loss=lambda v: right[: len(v)] + 1) for name in runs}
    assert memorised(case("regression-torch", changes=wrong)) == ()
    for change in (None, with_outputs(loss=lambda v: None), with_outputs(loss=lambda v: right + 1)):
        assert memorised(case("regression-torch", changes={**same, runs[1]: change})) == ()
    short = with_outputs(loss=lambda v: right[:5])
    assert memorised(case("regression-torch", changes={**same, runs[1]: short})) == ("train",)
    assert memorised(case("regression-torch", changes=dict.fromkeys(runs, short))) == ()
    # Where all starts are right to give the same, nothing can be told.
    alike = dict.fromkeys(runs, made.expected[runs[0]])
    flat = replace(case("regression-torch", changes=same), expected={**made.expected, **alike})
    assert memorised(flat) == ()
    task = replace(TASKS["regression-torch"], starts=TASKS["regression-torch"].starts[:1])
    assert memorised(case(task=task)) == ()
