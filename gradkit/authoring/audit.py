"""Try every mistake of the catalogue, alone, against an assignment, before students do.

No student's code and no worker is needed: what the mistake would give is computed by its
executable prediction, arrays of the same names and shapes as a worker observes, and looked at by
the same judge, at the same probes, as a submission's observations are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from gradkit.authoring.functions import SEED, audit_functions
from gradkit.diagnosis.mistakes.apply import truncated, with_slips
from gradkit.diagnosis.mistakes.cases import usual_cases
from gradkit.diagnosis.mistakes.catalogue import CODES
from gradkit.diagnosis.mistakes.forward import CHANGES as FORWARD
from gradkit.diagnosis.mistakes.forward import apply_forward, usual_forward_cases
from gradkit.diagnosis.mistakes.loop import outputs_of, train
from gradkit.diagnosis.mistakes.training import CHANGES as TRAINING
from gradkit.diagnosis.mistakes.training import GROUPS, loop_with, usual_training_cases
from gradkit.diagnosis.mistakes.wording import entries_text
from gradkit.diagnosis.rules.draw import from_columns
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.step import correct_rules
from gradkit.diagnosis.rules.symbols import PARAMETERS
from gradkit.diagnosis.rules.text import symbol_text
from gradkit.judge import Case, judge
from gradkit.judge.trajectory import trajectory
from gradkit.loading import is_installed
from gradkit.records.mistake import Audit, TaskAudit, Trial
from gradkit.records.observations import Binding, Bound, Convention, Failure, Observations, Outcome
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import Names, Slip, TrainingRun, UpdateInputs
from gradkit.records.submission import Place
from gradkit.records.task import Array, Assignment, Parameters, Probes, Run, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import (
    Derived,
    Expected,
    OracleError,
    expect,
    final,
    load_reference,
    train_by_example,
    verify,
)
from gradkit.task.probes import draw
from gradkit.task.shipped import find_reference

RATES = (False, True)
"""Whether an update is handed a learning rate."""

Step = Callable[[UpdateInputs], dict[str, Array]]
Outputs = dict[str, dict[str, Array]]
"""Arrays by the name of the batch or run, then by quantity."""


def usual_slips(task: Task) -> Iterator[tuple[Slip, bool]]:
    """Every form of every mistake that the task has room for, each alone.

    With each comes whether it takes a function that is handed a learning rate.
    """
    for code in CODES:
        if task.framework.trains:
            cases = usual_training_cases(code, task) if code in TRAINING else ()
            yield from ((slip, False) for slip in cases)
            continue
        for slip in usual_forward_cases(code, task) if code in FORWARD else ():
            # In one layer it may be harder to see than in all of them.
            yield from ((replace(slip, details=(each,)), False) for each in slip.details)
        without = usual_cases(code, task)
        yield from ((slip, False) for slip in without)
        yield from ((s, True) for s in usual_cases(code, task, rate=True) if s not in without)


def of_forward(slip: Slip) -> bool:
    """True where a mistake is one of a numpy forward pass."""
    return slip.code in FORWARD and not slip.entries


def predict(task: Task, slip: Slip | None, probes: Probes, *, own: bool = False) -> Outputs:
    """Compute what the correct code with one mistake in it gives.

    Parameters
    ----------
    task : Task
        Two layers.
    slip : Slip or None
        None for the correct code.
    probes : Probes
    own : bool
        Whether numpy runs are made with the wrong forward pass too. In grading they are
        not where the `forward` check has failed.

    Returns
    -------
    dict
        Values that diverge come out as inf or NaN, as they would be observed. Nothing
        for a run that cannot be made, as forward gives other sizes than update takes.

    Raises
    ------
    ValueError
        The task is none that the catalogue has predictions for.
    """
    with np.errstate(all="ignore"):
        if task.framework.trains:
            return _torch(task, slip, probes)
        return _numpy(task, slip, probes, own)


def _numpy(task: Task, slip: Slip | None, probes: Probes, own: bool) -> Outputs:
    made = [] if slip is None else [slip]
    forward, update = [s for s in made if of_forward(s)], [s for s in made if not of_forward(s)]
    step = _step(task, update)
    found: Outputs = {}
    for batch in probes.forward:
        parameters = {key: batch.inputs[key] for key in task.starts[0].parameters}
        y_hat, A1 = apply_forward(task, forward, batch.inputs["X"][:, :, 0], parameters)
        found[batch.name] = {"y_hat": y_hat[:, :, None], "A1": A1[:, :, None]}
    for batch in probes.update:
        found[batch.name] = step(from_columns(batch.inputs))
    alike: dict[tuple[int, int], list[Run]] = {}
    for run in probes.runs:
        alike.setdefault((run.epochs, len(run.X)), []).append(run)
    for runs in alike.values():
        found |= _train(task, forward if own else [], step, runs)
    return found


def _step(task: Task, slips: list[Slip]) -> Step:
    """The step with some mistakes in it; its rules are put together once."""
    rules = {rate: with_slips(task, correct_rules(task, rate=rate), slips) for rate in RATES}

    def step(inputs: UpdateInputs) -> dict[str, Array]:
        after = evaluate(task, rules[inputs.rate is not None], inputs)
        return truncated(task, slips, inputs, after)

    return step


def _train(task: Task, slips: list[Slip], step: Step, runs: list[Run]) -> Outputs:
    """Runs of as many steps, made together."""

    def forward(parameters: Parameters, X: Array) -> tuple[Array, Array]:
        y_hat, A1 = apply_forward(task, slips, X[:, :, 0], parameters)
        return y_hat[:, :, None], A1[:, :, None]

    first = runs[0]
    start = {key: value[None] for key, value in first.parameters.items()}
    y_hat, A1 = forward(start, first.X[:1, :, None].astype(float))
    if (y_hat.shape[1], A1.shape[1]) != (first.y.shape[1], task.layers[-2].units):
        return {run.name: {} for run in runs}
    y_hat, _, parameters = train_by_example(forward, lambda now: step(from_columns(now)), runs)
    return {
        run.name: {
            "y_hat": y_hat[:, place],
            **final({key: value[place] for key, value in parameters.items()}),
        }
        for place, run in enumerate(runs)
    }


# --- torch -------------------------------------------------------------------------------


def _torch(task: Task, slip: Slip | None, probes: Probes) -> Outputs:
    made = [slip] if slip is not None else []
    loop = loop_with(task, made)
    module = loop_with(task, [s for s in made if GROUPS.get(s.code) == "activation"])
    start = task.starts[0].parameters.items()
    shapes = [value.T.shape if key[0] == "W" else value.shape[:1] for key, value in start]
    found: Outputs = {"model": {str(n): np.array(shape) for n, shape in enumerate(shapes)}}
    for batch in probes.forward:
        # A module computes in single precision, and is given the allowance of it.
        y_hat = outputs_of(module, batch.inputs, batch.inputs["X"]).astype(np.float32)
        found[batch.name] = {"y_hat": y_hat}  # type: ignore[dict-item]
    for run in probes.runs:
        X, y = run.X.astype(float), run.y.astype(float)
        course = TrainingRun(X, y, task.rates.weight, run.parameters, np.zeros(run.epochs), {})
        epochs = list(train(loop, course, run.epochs + loop.rounds))
        losses = np.array([loss for loss, _ in epochs])
        found[run.name] = {"loss": losses, **final(epochs[-1][1] if epochs else run.parameters)}
    return found


NOWHERE = Place("the assignment", None, 1)
FIRST_STEP = "the first step from the first start"
FIRST_RUN = "the whole run from the first start"

MISFIT = Failure(0, "ValueError", "the sizes do not fit", None, "")

ALIKE = 1e-9
"""How closely, relative, the steps of one kind must share a factor to be at one rate."""


def audit_file(assignment: Path | None, reference: Path | None) -> Audit:
    """Audit an assignment file, or gradkit's own, with the model solutions that go with it."""
    return audit(read_assignment(assignment), find_reference(assignment, reference))


def audit(assignment: Assignment, reference: Path | None) -> Audit:
    """Try every mistake against every task; in function tasks, every change of the model solution.

    Parameters
    ----------
    assignment : Assignment
    reference : Path or None
        Folder of the model solutions, which are held against the assignment; None where
        there are none.

    Returns
    -------
    Audit
    """
    tasks = tuple(_audit_task(task, reference) for task in assignment.tasks)
    functions = tuple(audit_functions(task, reference) for task in assignment.functions)
    clean = all(
        not (task.refused or task.untried or task.solution)
        and all(trial.caught or trial.allowed for trial in task.trials)
        for task in tasks
    ) and not any(f.problems or f.untried or f.unseen or f.stale for f in functions)
    return Audit(assignment.title, tasks, clean, functions)


def _audit_task(task: Task, reference: Path | None) -> TaskAudit:
    oracle = Derived(task)
    # Who takes a rate is asked with two of them, at probes of its own.
    asked = {rate: _with_first_step(task, draw(task, SEED, oracle.forward, rate)) for rate in RATES}
    expected = {rate: expect(oracle, probes) for rate, probes in asked.items()}
    trials: list[Trial] = []
    blind: dict[str, list[Trial]] = {FIRST_STEP: [], FIRST_RUN: []}
    refused: tuple[str, ...] = ()
    untried = ""
    try:
        refused = _caught(_case(task, None, asked[False], expected[False]))
        slips = list(usual_slips(task))
    except NoDiagnosisError as error:
        # The catalogue predicts nothing for this net, and says why.
        untried, slips = f"{task.id}: {error}.", []
    for slip, rate in slips:
        case = _case(task, slip, asked[rate], expected[rate])
        trial = Trial(slip.code, _form(task, slip), _caught(case), _allowed(slip, case))
        trials.append(trial)
        if of_forward(slip):
            case = _case(task, slip, asked[rate], expected[rate], own=True)
        for name, unseen in blind.items():
            if trajectory(_only(name, case), {}).state == "pass":
                unseen.append(trial)
    verified, solution = _verify(task, reference, asked[False])
    return TaskAudit(
        task.id,
        task.title,
        tuple(trials),
        refused,
        {name: tuple(unseen) for name, unseen in blind.items()},
        untried,
        verified,
        solution,
    )


def _with_first_step(task: Task, probes: Probes) -> Probes:
    """Add a run of a single step, which no check looks at."""
    rows = slice(None) if task.framework.trains else slice(1)
    run = _first(probes)
    step = replace(run, name="first step", check="", X=run.X[rows], y=run.y[rows], epochs=1)
    return replace(probes, runs=(*probes.runs, step))


def _first(probes: Probes) -> Run:
    return next(run for run in probes.runs if run.check == "trajectory")


def _only(name: str, case: Case) -> Case:
    """The case as a grader with one start, or with one step, would see it."""
    runs = case.probes.runs
    run = _first(case.probes) if name == FIRST_RUN else replace(runs[-1], check="trajectory")
    return replace(case, probes=replace(case.probes, runs=(run,)))


def _case(
    task: Task, slip: Slip | None, probes: Probes, expected: Expected, *, own: bool = False
) -> Case:
    """The case of a submission that makes this mistake, and is in order otherwise."""
    start = {key: value[None] for key, value in task.starts[0].parameters.items()}
    outputs = {"initialise": start, **predict(task, slip, probes, own=own)}
    outcomes = {
        name: Outcome(name, arrays, failure=None if arrays else MISFIT)
        for name, arrays in outputs.items()
    }
    case = Case(task, _binding(task), probes, Observations(task.id, outcomes), expected)
    unseen = all(verdict.state == "pass" for verdict in judge(case, ("forward",)))
    if slip is not None and of_forward(slip) and unseen and not own:
        # Nobody has seen that the forward pass is wrong, so it is what runs are made with.
        return _case(task, slip, probes, expected, own=True)
    return case


def _caught(case: Case) -> tuple[str, ...]:
    return tuple(verdict.check for verdict in judge(case) if verdict.state != "pass")


def _allowed(slip: Slip, case: Case) -> bool:
    """True where it is gradient descent at another rate, and the assignment leaves that free."""
    if case.task.rates.policy != "free" or not case.probes.update or of_forward(slip):
        return False
    for batch in case.probes.update:
        found, right = case.observations.outcomes[batch.name].outputs, case.expected[batch.name]
        for kind in "Wb":
            keys = [key for key in right if key[0] == kind]
            taken, wanted = (_steps(batch.inputs, after, keys) for after in (found, right))
            factor = taken @ wanted / (wanted @ wanted)
            if (
                not factor > 0
                or np.abs(taken - factor * wanted).max() > ALIKE * np.abs(taken).max()
            ):
                return False
    return True


def _steps(before: Mapping[str, Array], after: Mapping[str, Array], keys: list[str]) -> Array:
    return np.concatenate([(after[key] - before[key]).ravel() for key in keys])


def _form(task: Task, slip: Slip) -> str:
    """Write where, and in which of its forms, a mistake was made: ``W2 (unit 1)``."""
    details = slip.details[0] if slip.details else ()
    facts = [_fact(name, value) for name, value in details if value != () and name not in CLEAR]
    told = f"({', '.join(facts)})" if facts else ""
    return " ".join(filter(None, (entries_text(slip.entries, task, Names()), told)))


CLEAR = ("when", "coefficient")
"""Details without which an instructor knows what is meant."""

SUMS = {"i": "the inputs", "j": "the hidden units", "k": "the outputs"}


def _fact(name: str, value: object) -> str:
    """A detail in an instructor's words: ``factors A1 · (1−A1)``, ``runs layers 1, 1, 2``."""
    if name == "order":
        return f"runs layers {', '.join(str(value))}"
    if name == "over":
        return f"over {SUMS[str(value)]}"
    if name in ("factors", "around", "inside", "outside"):
        words = value if isinstance(value, tuple) else (value,)
        return f"{name} {' · '.join(symbol_text(str(word)) for word in words)}"
    return f"{name} {_plain(value)}"


def _plain(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    if value[0] in PARAMETERS and len(value) > 1:
        name, row, column, *when = value
        return " ".join([f"{name}[{row},{column}]", *when])
    return " · ".join(map(str, value))


def _verify(task: Task, reference: Path | None, probes: Probes) -> tuple[bool, str]:
    """Tell whether a model solution could be run, and what is wrong with it."""
    if reference is None or not is_installed(*task.framework.modules):
        return False, ""
    try:
        verify(task, load_reference(task, reference, "correct"), probes)
    except OracleError as error:
        return True, str(error)
    return True, ""


def _binding(task: Task) -> Binding:
    keys = {key: key for key in task.starts[0].parameters}
    returns: Mapping[str, Mapping[str, tuple[int | str, ...]]] = {
        "forward": {"y_hat": (0,), "A1": (1,)},
        "model": {"y_hat": ()},
        "train": {"loss": ()},
    }
    bound = {
        role.name: Bound(
            role.name,
            role.name,
            NOWHERE,
            (),
            {},
            Convention(keys),
            returns.get(role.name, {}),
            NOWHERE,
        )
        for role in task.roles
    }
    return Binding(bound, ())
