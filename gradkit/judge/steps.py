"""Judge the checks `interface`, `model`, `forward`, `update` and `trajectory`.

Outputs that do not depend on the inputs, because the student stored them, are found here too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeGuard

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.judge import tolerances
from gradkit.judge.comparison import (
    Case,
    Comparison,
    Earlier,
    answered,
    blocked,
    came_back,
    joined,
    least,
    merge,
    secret_among,
    subject,
    unusable,
)
from gradkit.records.result import Course, Entry, State, Verdict
from gradkit.records.submission import FORBIDDEN_IMPORT, REPEATS, SPARED, Failure, Outcome
from gradkit.records.task import Array, Batch, Parameters, Role, Run, Task
from gradkit.task import network
from gradkit.task.oracle import Derived, course_of, final, mean_scale
from gradkit.task.probes import TWICE
from gradkit.text import DRAWN, format_count, format_text


def forward(case: Case, earlier: Earlier) -> Verdict:
    """Compare output and hidden layer for random inputs and for the published start and data.

    ``case`` has the task with the expected and the student's results, and ``earlier`` the verdicts
    of the checks before this one.
    """
    role = case.task.framework.forward
    outcomes, stop = answered(case, "forward", role, case.probes.forward, earlier)
    if stop is not None:
        return stop
    bound = case.binding.bound[role]
    comparison = Comparison(bound)
    for batch, outcome in zip(case.probes.forward, outcomes, strict=True):
        comparison.faults(outcome.faults)
        units = network.rounding_units(case.task.layers, batch.inputs, batch.inputs["X"])
        for (quantity, expected), lost in zip(
            case.expected[batch.name].items(), units, strict=True
        ):
            if quantity in bound.returns:
                found = outcome.outputs.get(quantity)
                eps = tolerances.epsilon(found)
                allowed = tolerances.value_tolerance(lost, eps, least(case, "forward"))
                comparison.compare(quantity, found, expected, allowed, batch.labels)
    return comparison.verdict("forward", "{function} gives wrong values in {entries}.")


def update(case: Case, earlier: Earlier) -> Verdict:
    """Compare the parameters after one step, entry by entry.

    ``case`` has the task with the expected and the student's results, and ``earlier`` the verdicts
    of the checks before this one. If the step crashes, the entries that are right without the
    crashing line are added. ``still`` in the verdict says that no parameter moved.
    """
    outcomes, stop = answered(case, "update", "update", case.probes.update, earlier)
    first = case.binding.bound["update"].before if "update" in case.binding.bound else None
    if stop is not None:
        block = blocked("update", "forward", earlier) if first is not None else None
        return block or _credit_rest(case, stop)
    bound = case.binding.bound["update"]
    comparison = Comparison(bound)
    if first is not None and "forward" in earlier and earlier["forward"].state != "pass":
        comparison.remark(
            format_text(
                "`{update}` reads {names}, which `{forward}` stores. A mistake in `{forward}` "
                "also affects this check, so look at `{forward}` first.",
                update=bound.function,
                forward=first.bound.function,
                names=joined([f"`{name}`" for name in first.names]),
            )
        )
    still = _compare(case, comparison, outcomes)
    verdict = comparison.verdict(
        "update",
        "{count} of {size} entries {are} wrong after one step of `{function}`: {entries}.",
        function=bound.function,
    )
    return replace(verdict, still=still)


PARTLY_RIGHT = (
    "Without the line that crashes, {count} of {size} entries is right after one step.",
    "Without the line that crashes, {count} of {size} entries are right after one step.",
)


def _credit_rest(case: Case, stop: Verdict) -> Verdict:
    """Return the verdict ``stop`` on a crash, with entries that are right without that line.

    These are the right entries if the crashing line is left out. The verdict is unchanged if no
    entry is right, or if the step does not change any parameter.
    """
    known = case.observations.outcomes
    outcomes = [known.get(SPARED + batch.name) for batch in case.probes.update]
    made = [each for each in outcomes if came_back(each)]
    if stop.state != "error" or len(made) < len(outcomes):
        return stop
    comparison = Comparison(case.binding.bound["update"])
    still = _compare(case, comparison, made)
    entries = tuple(merge(comparison.entries))
    right = sum(entry.state == "pass" for entry in entries)
    if still or not right:
        return stop
    note = format_count(*PARTLY_RIGHT, right, size=len(entries))
    return replace(stop, entries=entries, notes=(*stop.notes, note))


def _compare(case: Case, comparison: Comparison, outcomes: Sequence[Outcome]) -> bool:
    """Compare the parameters after one step, and add their entries to ``comparison``.

    ``outcomes`` are those of the batches of updates, in the order of the case's probes. Return
    whether no parameter moved in any of them.
    """
    still = True
    for batch, outcome in zip(case.probes.update, outcomes, strict=True):
        comparison.faults(outcome.faults)
        expected = case.expected[batch.name]
        starts = {key: batch.inputs[key] for key in expected}
        changes = {key: value - starts[key] for key, value in expected.items()}
        still = still and tolerances.stays(outcome.outputs, starts, changes)
        eps = {key: tolerances.epsilon(outcome.outputs.get(key)) for key in expected}
        units: Mapping[str, Array | float] = dict.fromkeys(expected, 0.0)
        if tolerances.SINGLE in eps.values():
            units = units_lost(case.task, batch, expected)
        for key, value in expected.items():
            allowed = tolerances.change_tolerance(
                changes[key], starts[key], eps[key], least(case, "update"), units[key]
            )
            found = outcome.outputs.get(key)
            comparison.compare(key, found, value, allowed, batch.labels, still=starts[key])
        if all(
            key in outcome.outputs and tolerances.nearly(outcome.outputs[key], value, changes[key])
            for key, value in expected.items()
        ):
            comparison.remark_on_precision()
    return still


def units_lost(task: Task, batch: Batch, expected: Mapping[str, Array]) -> dict[str, Array]:
    """Return how many rounding units each change may lose in single precision, by parameter.

    ``expected`` are the right parameters after the steps of a batch. The units are those of the
    gradient times the learning rate. The rate is the ratio of the lengths of the expected change
    and the gradient.
    """
    points = {key: batch.inputs[key] for key in expected}
    X, y = (batch.inputs[name].astype(np.float64) for name in ("X", "y"))
    slopes = network.gradient(task, points, X, y)
    units = network.gradient_units(task, points, X, y)
    return {
        key: value * _lengths(expected[key] - points[key]) / (_lengths(slopes[key]) + TINY)
        for key, value in units.items()
    }


def _lengths(values: Array) -> Array:
    """Return the sum of the absolute values of each probe's entries; probes are the first axis."""
    lengths: Array = np.abs(values).sum(axis=tuple(range(1, values.ndim)), keepdims=True)
    return lengths


TINY = 1e-300
"""Number that is added to a divisor which may be zero."""


# --- presence of functions and models ----------------------------------------------------


WHOLE_NUMBERS = (
    "{function} gives {quantity} as whole numbers. Then an update in place, such as `-=`, fails or "
    "loses the digits after the decimal point. Write 0.0 instead of 0. The other checks use "
    "float64."
)


def interface(case: Case, earlier: Earlier) -> Verdict:
    """Check that each required function is found and written, and the result of initialise.

    ``case`` has the task and the student's functions; initialise has to return the start of the
    task. ``earlier``, the verdicts of the checks before this one, is not used.
    """
    found = [(role.name, _presence(case, role)) for role in case.task.roles if role.required]
    entries = tuple(Entry(name, (), verdict.state, None, None) for name, verdict in found)
    notes = tuple(note for _, verdict in found for note in verdict.notes)
    wrong = [verdict for _, verdict in found if verdict.state != "pass"]
    states = {verdict.state for verdict in wrong}
    state: State = "pass" if not wrong else states.pop() if len(states) == 1 else "fail"
    place = next((verdict.place for verdict in wrong if verdict.place), None)
    message = " ".join(dict.fromkeys(verdict.message for verdict in wrong))
    return Verdict("interface", state, message, entries, place, notes)


def _presence(case: Case, role: Role) -> Verdict:
    """Return a verdict on whether the function of a role is there and written.

    If it is missing or raises NotImplementedError, the verdict says so. Only for ``initialise`` the
    returned parameters are compared as well; other results belong to later checks.
    """
    outcomes = case.observations.outcomes.items()
    own = [outcome for name, outcome in outcomes if name.partition("/")[0] == role.name]
    nothing = unusable(case, "interface", role.name, own)
    if nothing is not None and (nothing.state == "missing" or role.name == "initialise"):
        return nothing
    if not own or role.name != "initialise":
        return Verdict("interface", "pass", "")
    (outcome,) = own
    bound = case.binding.bound["initialise"]
    comparison = Comparison(bound)
    comparison.faults(outcome.faults)
    for key, value in case.task.starts[0].parameters.items():
        comparison.compare(key, outcome.outputs.get(key), value[None], np.array(1e-6), ("",))
    keys = bound.convention.keys
    whole = [keys.get(k, k) for k, v in outcome.outputs.items() if v.dtype.kind in "iub"]
    if whole:
        note = format_text(WHOLE_NUMBERS, function=subject(bound), quantity=joined(whole))
        comparison.notes.append(note)
    return comparison.verdict("interface", "{function} gives wrong initial values in {entries}.")


def model(case: Case, earlier: Earlier) -> Verdict:
    """Check that the torch module exists and has the parameters of the assigned layers.

    ``case`` has the task and what is known of the module; ``earlier``, the verdicts of the checks
    before, is not used. Shapes may be in any order, and in the layout of torch or of ``X @ W + b``.
    Further parameters fail.
    """
    outcome = case.observations.outcomes.get("model")
    nothing = unusable(case, "model", "model", [outcome] if outcome else [])
    if nothing is not None or outcome is None:
        return nothing or Verdict("model", "not-checked", "The model was not checked.")
    bound = case.binding.bound["model"]
    start = case.task.starts[0].parameters
    found = [tuple(map(int, outcome.outputs[key])) for key in sorted(outcome.outputs, key=int)]
    layouts = list(_layouts(start))
    wanted = next((each for each in layouts if sorted(each) == sorted(found)), layouts[0])
    comparison = Comparison(bound)
    further = list(found)
    for key, shape in zip(start, wanted, strict=True):
        # A module may register its layers in any order.
        state: State = "pass" if shape in further else "fail"
        if state == "pass":
            further.remove(shape)
        comparison.entries.append(Entry(key, (), state, None, None))
    if further:
        comparison.entries.append(Entry("further parameters", (), "fail", None, None))
    return comparison.verdict(
        "model",
        "{function} holds parameters of shapes {found}; expected {wanted}.",
        found=_shapes(found),
        wanted=_shapes(wanted),
    )


def _layouts(start: Parameters) -> Iterator[list[tuple[int, ...]]]:
    """Yield the accepted shapes of all parameters: of torch's layers, then of ``X @ W + b``.

    ``start`` has the canonical parameters, whose order the shapes have.
    """
    for weight, bias in (("out_in", "flat"), ("in_out", "flat"), ("in_out", "row")):
        yield [
            (value.T.shape if weight == "out_in" else value.shape)
            if key[0] == "W"
            else (value.T.shape if bias == "row" else value.shape[:1])
            for key, value in start.items()
        ]


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    """Join shapes with commas, for a message; ``none`` without shapes."""
    return ", ".join(map(str, shapes)) or "none"


ONE_SIZE = (
    "gradkit also trained on every row twice, in another order. The losses should stay the same, "
    "but changed. Does your code contain the number of rows, or of steps, as a constant?"
)
OWN_ROWS = (
    "{function} always trains on the assignment's data. Train on the arguments X and y instead."
)
WRONG_FROM = "Your loss differs from the expected loss {starts}."
LOOPS: Mapping[str, str] = {
    "gradkit": "This check ran gradkit's training loop, not your loop.",
    "replaced": "Your forward pass is wrong. So this check used a correct forward pass and "
    "gradkit's loop.",
    "student": "This check ran your own training loop.",
}

OF_CHANGE = 5e-5
"""Accepted error of a torch run, relative to the whole change, since torch orders sums itself."""

MAX_SHOWN_EPOCHS = 100
"""Largest number of epochs kept for the plot of a run; of a longer run, evenly spread epochs."""


def trajectory(case: Case, earlier: Earlier) -> Verdict:
    """Judge the losses of all epochs and the final parameters of each training run.

    They are compared with the expected ones. The check is blocked if ``earlier``, the verdicts on
    the checks before, has an update that could not be run. Remarks are added on low precision, on
    the task's own rows in place of the given ones, and on loops. The verdict has the losses to
    plot, and says whether the run diverges, and whether only rounding is wrong.
    """
    framework = case.task.framework
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    outcomes, nothing = answered(case, "trajectory", framework.step, runs, earlier)
    stop = blocked("trajectory", "update", earlier) or nothing
    if stop is not None:
        return stop
    forward = case.binding.bound.get("forward")
    givers = {} if framework.trains else {"loss": "The training run"}
    if forward is not None:
        givers |= dict.fromkeys(("y_hat", "A1"), f"`{forward.function}`")
    comparison = Comparison(case.binding.bound[framework.step], givers)
    lenience = least(case, "trajectory")
    of_change = OF_CHANGE if framework.trains else 0.0
    secret = secret_among(runs)
    courses: list[Course] = []
    wrong_from: dict[str, list[str]] = {}
    still = True
    nearly = set[str]()
    for run, outcome in zip(runs, outcomes, strict=True):
        comparison.faults(outcome.faults)
        units = [tolerances.epsilon(value) for value in outcome.outputs.values()]
        eps = tolerances.SINGLE if framework.trains else max(units, default=tolerances.DOUBLE)
        earns, expected, starts = run.name in secret, case.expected[run.name], final(run.parameters)
        allowed = partial(tolerances.course_tolerance, eps=eps, least=lenience, of_change=of_change)
        courses.append(_losses(comparison, case.task, run, outcome, expected, allowed, earns))
        if first := _first_wrong_loss(case.task, run, outcome, expected, allowed):
            kind = "random" if run.start == DRAWN else run.start
            wrong_from.setdefault(first, []).append(f"“{kind}”")
        for name, start in starts.items():
            end, found = expected[name], outcome.outputs.get(name)
            comparison.compare(
                name,
                None if found is None else found[None],
                end[None],
                tolerances.final_tolerance(end, start, eps, lenience, of_change),
                (run.start,),
                still=(start if earns else end)[None],
            )
        if framework.trains and _is_of_own_rows(comparison, case.task, run, outcome):
            comparison.remark(format_text(OWN_ROWS, function=subject(comparison.bound)))
        # Low precision may show only after many steps. A wrong step is reported by `update`.
        stepped = "update" in earlier and earlier["update"].state == "pass"
        if stepped and _is_nearly(comparison, case.task, run, outcome, expected):
            comparison.remark_on_precision()
            nearly.add(run.start)
        if outcome.loop and LOOPS[outcome.loop] not in comparison.notes:
            comparison.notes.append(LOOPS[outcome.loop])
        changes = {name: expected[name] - start for name, start in starts.items()}
        still = still and (not earns or tolerances.stays(outcome.outputs, starts, changes))
    if wrong_from:
        parts = [
            format_text(
                "from {first} on (initial parameters {starts})", starts=joined(kinds), first=first
            )
            for first, kinds in wrong_from.items()
        ]
        comparison.remark(format_text(WRONG_FROM, starts="; ".join(parts)))
    verdict = comparison.verdict(
        "trajectory", "{count} of {size} values (losses and final parameters) {are} wrong."
    )
    notes = verdict.notes
    if verdict.state == "pass" and not _is_right_on_repeated_rows(case):
        notes = (*notes, ONE_SIZE)
    rounded = {entry.probe for entry in comparison.entries if entry.state != "pass"} <= nearly
    failed = verdict.state == "fail"
    fields = {"notes": notes, "courses": tuple(courses), "still": still}
    # Known starts are the same for everyone and on every seed, so equal mistakes cost equal points.
    diverges = failed and any(
        _diverges(case.task, run, outcome)
        for run, outcome in zip(runs, outcomes, strict=True)
        if run.start != DRAWN
    )
    return replace(verdict, **fields, rounded=rounded and failed, diverges=diverges)


def _diverges(task: Task, run: Run, outcome: Outcome) -> bool:
    """Return whether a run ends with a higher loss than it began with, or with no number.

    Both the losses of the run and those that are computed here from its parameters have to rise.
    A recorded loss alone may be another number, such as a sum over all epochs. And a wrong forward
    pass or a wrong loss function may fall where the task's loss rises.
    """
    ends = {key: outcome.outputs.get(f"final/{key}") for key in run.parameters}
    arrays = {k: v for k, v in ends.items() if v is not None and v.dtype.kind in "fiu"}
    if any(arrays.get(key, np.empty(0)).shape != old.shape for key, old in run.parameters.items()):
        return False
    rises = _rises(np.array([_loss_at(task, run, at) for at in (run.parameters, arrays)]))
    course = course_of(task, run, outcome.outputs)
    if len(course) == 0 or len(course) % run.epochs:
        return rises
    return rises and _rises(_by_epoch(course, run))


def _rises(losses: Array) -> bool:
    """Return whether the last loss exceeds the first by more than rounding, or is not finite."""
    if not np.isfinite(losses[-1]):
        return True
    room = tolerances.course_tolerance(losses[[0, -1]], tolerances.SINGLE)
    return bool(losses[-1] > losses[0] + room.max())


def _is_of_own_rows(comparison: Comparison, task: Task, run: Run, outcome: Outcome) -> bool:
    """Return whether losses that are wrong for a run's rows are right for the task's own rows.

    ``comparison`` has the entries of the run, and ``outcome`` the student's results. The result is
    False if nothing is wrong in ``comparison``, or if the run has the task's own rows.
    """
    found, own = outcome.outputs.get("loss"), replace(run, X=task.X, y=task.y)
    wrong = any(entry.state != "pass" for entry in comparison.entries)
    if not wrong or found is None or np.array_equal(run.X, task.X):
        return False
    right = Derived(task).train(own)["loss"]
    allowed = tolerances.course_tolerance(right, tolerances.SINGLE, of_change=OF_CHANGE)
    return found.shape == right.shape and bool(tolerances.near(found, right, allowed).all())


def _is_right_on_repeated_rows(case: Case) -> bool:
    """Return whether the training run on rows that all occur twice has the expected losses.

    Without such a run the result is True. If the losses have another shape, or the expected losses
    are all equal, the result is whether the run ended without an error.
    """
    outcome, expected = case.observations.outcomes.get(TWICE), case.expected.get(TWICE)
    if outcome is None or expected is None:
        return True
    found, right = outcome.outputs.get("loss"), expected["loss"]
    if found is None or found.shape != right.shape or not np.ptp(right):
        return outcome.failure is None
    # The tolerance is wide because this is only a remark; one step more or less still exceeds it.
    return bool(np.abs(found - right).max() <= 0.1 * np.ptp(right) + 1e-4 * np.abs(right).max())


def _is_nearly(
    comparison: Comparison, task: Task, run: Run, outcome: Outcome, expected: Mapping[str, Array]
) -> bool:
    """Return whether single precision explains all errors of a training run that failed.

    ``comparison`` has the entries of the run, ``outcome`` the student's results, and ``expected``
    the right results. The result is False if nothing of the run is wrong.
    """
    if all(entry.state == "pass" for entry in comparison.entries if entry.probe == run.start):
        return False
    starts = final(run.parameters)
    moved = np.concatenate([(expected[name] - start).ravel() for name, start in starts.items()])
    pairs = [(outcome.outputs.get(name), expected[name], moved) for name in starts]
    course = course_of(task, run, expected)
    pairs.append((course_of(task, run, outcome.outputs), course, course))
    return all(found is not None and tolerances.nearly(found, *rest) for found, *rest in pairs)


def _first_wrong_loss(
    task: Task,
    run: Run,
    outcome: Outcome,
    expected: Mapping[str, Array],
    allowed: Callable[[Array], Array],
) -> str:
    """Return the text of the first step with a wrong loss, such as ``epoch 3``.

    The text names the example too if the run takes a step for each example. It is empty if all
    losses are right or their number is wrong. ``expected`` has the right results of the run, and
    ``allowed`` returns the tolerances of losses.
    """
    course, taken = (course_of(task, run, values) for values in (expected, outcome.outputs))
    if len(taken) != len(course):
        return ""
    wrong = np.flatnonzero(~tolerances.near(taken, course, allowed(course)))
    if not len(wrong):
        return ""
    epoch, example = (int(part) + 1 for part in divmod(wrong[0], len(course) // run.epochs))
    if "loss" in expected:
        return format_text("epoch {epoch}", epoch=epoch)
    return format_text("epoch {epoch}, example {example}", epoch=epoch, example=example)


def _losses(
    comparison: Comparison,
    task: Task,
    run: Run,
    outcome: Outcome,
    expected: Mapping[str, Array],
    allowed: Callable[[Array], Array],
    earns: bool,
) -> Course:
    """Add the entries of a run's losses to ``comparison``, and return the losses to be plotted.

    ``expected`` has the right results of the run, ``allowed`` returns the tolerances of losses, and
    ``earns`` says whether right entries earn points. An epoch after the first wrong loss does not
    count as right. If the number of losses is wrong, that is reported, and they are not compared.
    """
    course, taken = (course_of(task, run, values) for values in (expected, outcome.outputs))
    epochs = _by_epoch(course, run)
    found, tolerance = None, allowed(epochs)
    if len(taken) == len(course):
        found = _by_epoch(taken, run)
        # After the first wrong loss, a later loss is right only by chance.
        off_course = ~tolerances.near(found, epochs, tolerance)
        tolerance = np.where(np.logical_or.accumulate(off_course), -1.0, tolerance)
    elif "loss" in outcome.outputs:
        comparison.remark(
            format_text(
                "{function} gives {count} losses for {epochs} epochs; expected one loss for each "
                "epoch.",
                function=subject(comparison.bound),
                count=len(taken),
                epochs=run.epochs,
            )
        )
    elif "loss" in expected:
        comparison.remark("Return a list with one loss for each epoch.")
    comparison.compare(
        "loss",
        None if found is None else found[None],
        epochs[None],
        tolerance,
        (run.start,),
        still=(np.full_like(epochs, _loss_at(task, run, run.parameters)) if earns else epochs)[
            None
        ],
    )
    ends = np.linspace(0, run.epochs - 1, min(run.epochs, MAX_SHOWN_EPOCHS))
    kept = np.array(sorted({round(epoch) for epoch in ends.tolist()}))
    return Course(
        run.start,
        tuple((kept + 1).tolist()),
        () if found is None else tuple(found[kept].tolist()),
        tuple(epochs[kept].tolist()),
    )


def _loss_at(task: Task, run: Run, parameters: Mapping[str, Array]) -> float:
    """Return the mean loss over the rows of a run at some parameters."""
    X, y = run.X[:, :, None].astype(float), run.y[:, :, None].astype(float)
    point = {key: np.repeat(value[None], len(X), 0) for key, value in parameters.items()}
    scale = mean_scale(task) if task.framework.trains else 1.0
    with np.errstate(all="ignore"):
        return float(network.loss(task, point, X, y).mean() * scale)


def _by_epoch(course: Array, run: Run) -> Array:
    """Return the mean loss of each epoch from the losses of all steps of a run."""
    means: Array = course.reshape(run.epochs, -1).mean(axis=1)
    return means


AGAIN = " again"
"""Suffix of the name of a batch or run that was run a second time."""

PUBLISHED_TOLERANCE = 1e-6
"""Largest relative error of a copy of a published number, which is printed with few digits."""

SUM_ORDER_TOLERANCE = 1e-5
"""Largest change of a training result by another order of sums, relative to the largest number."""

Answers = Mapping[str, NDArray[np.generic]]
"""The outputs of one batch or run, by quantity."""


def nondeterministic(case: Case) -> tuple[str, ...]:
    """Return the roles whose functions gave different numbers for the same inputs in two calls.

    ``case`` has the results of both calls. Results of training may differ by rounding, since rows
    may be summed in another order.
    """
    outcomes = case.observations.outcomes
    found = []
    for name, role in _roles(case).items():
        first, second = outcomes.get(name), outcomes.get(name + AGAIN)
        if not (_is_complete(first) and _is_complete(second)):
            continue
        trains = role == "train"
        rows = None if trains else len(next(iter(second.outputs.values()), ()))
        if not _same(first.outputs, second.outputs, rows, SUM_ORDER_TOLERANCE if trains else 0.0):
            found.append(role)
    return tuple(dict.fromkeys(found))


def forbidden(case: Case) -> dict[str, Failure]:
    """Return the failures by the import of a package that the task does not allow, by role.

    Only roles that the student has defined are listed, each with its first such failure.
    """
    outcomes = case.observations.outcomes
    found: dict[str, Failure] = {}
    for name, role in {**_roles(case), "initialise": "initialise", "model": "model"}.items():
        outcome = outcomes.get(name)
        failure = outcome.failure if outcome is not None else None
        if failure is not None and failure.type == FORBIDDEN_IMPORT and role in case.binding.bound:
            found.setdefault(role, failure)
    return found


def _roles(case: Case) -> dict[str, str]:
    """Return the role that each batch or run calls, by the name of the batch or run."""
    roles = {batch.name: batch.role for batch in (*case.probes.forward, *case.probes.update)}
    return roles | {run.name: "train" for run in case.probes.runs}


def numerical(case: Case) -> bool:
    """Return whether the update computes its gradient numerically.

    It then calls one function about as often as there are parameters, or more often.
    """
    outcome = case.observations.outcomes.get(REPEATS)
    return _is_complete(outcome) and bool(outcome.outputs["times"][0])


def remarkable(case: Case) -> bool:
    """Return whether code that passes all checks still needs a remark by the diagnosis."""
    return bool(nondeterministic(case) or forbidden(case) or numerical(case))


def memorised(case: Case) -> tuple[str, ...]:
    """Return the roles whose functions give published results, whatever their inputs are.

    ``case`` has the student's results. Each forward pass and update is called with random inputs,
    for which all results should differ. A training is compared between runs.
    """
    published, drawn = case.probes.forward
    candidates = [(drawn, {"y_hat": case.expected[published.name]["y_hat"]})]
    candidates += [(batch, _published_ends(case)) for batch in case.probes.update]
    roles = [batch.role for batch, known in candidates if _is_hard_coded(case, batch, known)]
    return (*roles, *(["train"] if _is_training_hard_coded(case) else []))


def _is_hard_coded(case: Case, batch: Batch, known: Mapping[str, Array]) -> bool:
    """Return whether a role returns published values in each call of a batch, whatever the inputs.

    ``known`` has for each quantity its published values, one in each row. All calls have to return
    the same row.
    """
    outcome, expected = case.observations.outcomes.get(batch.name), case.expected[batch.name]
    return _is_complete(outcome) and all(
        key in outcome.outputs and _ignores(outcome.outputs[key], expected[key], published)
        for key, published in known.items()
    )


def _published_ends(case: Case) -> dict[str, Array]:
    """Return the parameters at the published start and at the end of its run, stacked."""
    run = next(run for run in case.probes.runs if run.check == "trajectory")
    ends = case.expected[run.name]
    return {key: np.stack([value, ends[f"final/{key}"]]) for key, value in run.parameters.items()}


def _is_training_hard_coded(case: Case) -> bool:
    """Return whether all runs, with other starts and data too, give the published losses."""
    runs = [run for run in case.probes.runs if run.check == "trajectory"]
    outcomes = [case.observations.outcomes.get(run.name) for run in runs]
    losses = [each.outputs["loss"] for each in outcomes if each and "loss" in each.outputs]
    if len(losses) < len(runs):
        return False
    first, *others = losses
    right, *rest = (case.expected[run.name]["loss"] for run in runs)
    apart = all(not _near(loss[:3], right[:3]) for loss in rest)
    alike = all(np.array_equal(each, first[: len(each)]) for each in others)
    return apart and alike and _near(first, right)


def _ignores(found: NDArray[np.generic], expected: Array, published: Array) -> bool:
    """Return whether all results are the same published result although all should differ.

    ``found`` and ``expected`` have one row for each call, and ``published`` one for each known
    result.
    """
    if found.shape != expected.shape or found.dtype.kind != "f":
        return False
    same = all(np.array_equal(row, found[0]) for row in found)
    differ = len(np.unique(expected.reshape(len(expected), -1), axis=0)) == len(expected)
    return same and differ and any(_near(found[0].astype(float), row) for row in published)


def _near(found: NDArray[np.generic], expected: Array) -> bool:
    """Return whether two arrays agree up to the digits with which numbers are usually printed."""
    return found.shape == expected.shape and bool(
        np.allclose(found.astype(float), expected, rtol=PUBLISHED_TOLERANCE, atol=0)
    )


def _is_complete(outcome: Outcome | None) -> TypeGuard[Outcome]:
    """Return whether a call returned, and all of its values could be read."""
    return came_back(outcome) and not outcome.faults


def _same(first: Answers, second: Answers, rows: int | None, part: float) -> bool:
    """Return whether two sets of results agree, within an error of ``part`` of the largest number.

    ``first`` and ``second`` have arrays by quantity. Of the first set, only the first `rows` rows
    are compared; None for all.
    """

    def near(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
        allowed = part * float(np.abs(other[np.isfinite(other)]).max(initial=0.0))
        return one.shape == other.shape and np.allclose(one, other, 0.0, allowed, equal_nan=True)

    return first.keys() == second.keys() and all(
        near(first[key][:rows], value) for key, value in second.items()
    )
