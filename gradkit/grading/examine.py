"""Examine one section for one task: bind, draw, observe, judge; then diagnose what failed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.binding import bind
from gradkit.errors import contain
from gradkit.formatting import format_text
from gradkit.judge import Case, judge
from gradkit.judge.case import Examined, expected_of
from gradkit.judge.memorised import AGAIN, remarkable
from gradkit.records.observations import SPARED, Binding, Observations, Outcome
from gradkit.records.result import Inquiry, NoDiagnosisError
from gradkit.records.task import Array, Batch, Probes, Run, Task
from gradkit.sandbox import WorkshopError, observe
from gradkit.sandbox.process import OverdueError, Question, StudentProcess
from gradkit.task.oracle import Oracle, OracleError, final
from gradkit.task.probes import draw

ROUNDED = 1e-12
"""Outputs that differ by no more than this part are one output, rounded in two ways."""

REPEATED = 2
"""Calls of a batch that are made a second time."""


def examine(task: Task, process: StudentProcess, oracle: Oracle, seed: int) -> Examined:
    """Put every probe of the task to the section and judge what comes back.

    Parameters
    ----------
    task : Task
    process : StudentProcess
        Its code, in a worker.
    oracle : Oracle
        Where expected values come from.
    seed : int
        Draws the probes.
    """
    binding = bind(task, process)
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, seed, oracle.forward, takes_rate)
    outcomes = _ask(task, binding, probes, process)
    outcomes.update(observe.observe_all(process, _spared(task, binding, probes, outcomes)))
    observations = Observations(task.id, outcomes)
    expected = expected_of(task, oracle, probes, outcomes)
    case = Case(task, binding, probes, observations, expected)
    # In numpy the forward pass is judged first: whose of the two is run depends on it.
    known = judge(case, ("forward",)) if not task.framework.trains else ()
    right = all(verdict.state == "pass" for verdict in known)
    runs = _runs(case, own_forward=right)
    if runs is None:
        outcomes.update(_train_with(case, oracle, process))
    outcomes.update(observe.observe_all(process, [*(runs or ()), *_again(case)]))
    if task.framework.trains and task.rates.policy == "free":
        # Only now have its steps been seen, and with them its rates.
        case = replace(case, expected=expected_of(task, oracle, probes, outcomes))
    verdicts = judge(case, known=known)
    failed = {verdict.check for verdict in verdicts if verdict.state == "fail"}
    if {"forward", "gradient"} <= failed:
        # Late: who has a right forward pass never needs it.
        from gradkit.grading.own_gradient import with_own_forward

        verdicts = with_own_forward(case, verdicts, process)
    return Examined(case, verdicts, process.tier)


def _ask(
    task: Task, binding: Binding, probes: Probes, process: StudentProcess
) -> dict[str, Outcome]:
    """Everything but the training runs."""
    bound = binding.bound
    questions = []
    if "initialise" in bound:
        questions.append(observe.of_initialise(task, bound["initialise"]))
    if "model" in bound:
        questions.append(observe.of_model(task, bound["model"]))
    questions += [
        observe.of_batch(task, bound[batch.role], batch)
        for batch in (*probes.forward, *probes.update)
        if batch.role in bound
    ]
    return observe.observe_all(process, questions)


def _spared(
    task: Task, binding: Binding, probes: Probes, outcomes: Mapping[str, Outcome]
) -> list[Question]:
    """Ask an update that stops what it does without the statements that stop it."""
    asked = [batch for batch in probes.update if batch.name in outcomes]
    stopped = [outcomes[batch.name].failure for batch in asked]
    if not any(each is not None and not each.before for each in stopped):
        return []
    update = binding.bound["update"]
    questions = [observe.of_batch(task, update, batch) for batch in asked]
    return [
        Question("batch", q.arrays, {**q.data, "spared": update.function}, SPARED + q.name, q.loop)
        for q in questions
    ]


def _again(case: Case) -> list[Question]:
    """Return a few of the questions once more, in the same process, for what may be remarkable."""
    task, bound, probes = case.task, case.binding.bound, case.probes
    again = [
        observe.of_batch(task, bound[batch.role], _few(batch))
        for batch in (*probes.forward[-1:], *probes.update)
        if batch.role in bound
    ]
    if "train" in bound and "model" in bound:
        first = replace(probes.runs[0], name=probes.runs[0].name + AGAIN)
        again.append(observe.of_training(task, bound["train"], first))
    if "update" in bound:
        again.append(observe.of_repeats(task, bound["update"], probes.update[-1]))
    return again


def _few(batch: Batch) -> Batch:
    inputs = {name: value[:REPEATED] for name, value in batch.inputs.items()}
    return replace(batch, name=batch.name + AGAIN, inputs=inputs, labels=batch.labels[:REPEATED])


def _runs(case: Case, *, own_forward: bool) -> list[Question] | None:
    """The training runs; None if the oracle's forward pass must stand in for the student's."""
    bound, task, runs = case.binding.bound, case.task, case.probes.runs
    if task.framework.trains:
        ready = "train" in bound and "model" in bound
        return [observe.of_training(task, bound["train"], run) for run in runs if ready]
    if "update" not in bound:
        return []
    if own_forward and "forward" in bound and "A1" in bound["forward"].returns:
        return [observe.of_run(task, bound["forward"], bound["update"], run) for run in runs]
    return None


def _train_with(case: Case, oracle: Oracle, process: StudentProcess) -> dict[str, Outcome]:
    """Return the training runs with the oracle's forward pass, where the student's is no use.

    Asking step by step takes its time. All steps are asked for at once first, with the outputs
    of a right run, which are the outputs of this run too if its updates are right.
    """
    task, update, runs = case.task, case.binding.bound["update"], case.probes.runs
    courses = [case.expected[run.name] for run in runs]
    guesses = observe.observe_all(
        process,
        [
            observe.of_followed(task, update, run, course["y_hat"], course["A1"])
            for run, course in zip(runs, courses, strict=True)
        ],
    )
    # Parameters that run away are the student's, and no news for a terminal.
    with np.errstate(all="ignore"):
        return {
            run.name: _as_guessed(run, guesses[run.name], course, oracle)
            or observe.observe_run_with(process, task, update, run, oracle.forward)
            for run, course in zip(runs, courses, strict=True)
        }


def _as_guessed(
    run: Run, guess: Outcome, course: Mapping[str, Array], oracle: Oracle
) -> Outcome | None:
    """Return the run, if its own parameters give the outputs that were handed in; else None."""
    if guess.lost is not None:
        return replace(guess, outputs={})
    after = {key: guess.outputs[key] for key in run.parameters if key in guess.outputs}
    if guess.failure is not None or guess.faults or len(after) < len(run.parameters):
        return None
    before = {
        key: np.concatenate([run.parameters[key][None], value[:-1]]) for key, value in after.items()
    }
    X = np.resize(run.X[:, :, None].astype(float), (len(course["y_hat"]), run.X.shape[1], 1))
    with np.errstate(all="ignore"):
        y_hat, A1 = oracle.forward(before, X)
        same = all(
            np.allclose(own, given, rtol=ROUNDED, atol=0.0)
            for own, given in ((y_hat, course["y_hat"]), (A1, course["A1"]))
        )
    if not same:
        return None
    ends = final({key: value[-1] for key, value in after.items()})
    return replace(guess, outputs={"y_hat": y_hat, **ends})


# --- why ---------------------------------------------------------------------------------

FORESEEN = (OverdueError, OracleError, WorkshopError, MemoryError)
"""What ends a whole submission, and is said where it is known whose."""


def diagnose(
    task: Task,
    process: StudentProcess,
    examined: Examined,
    oracle: Oracle,
    seed: int,
    *,
    asked: bool = True,
) -> tuple[Inquiry, list[str]]:
    """Find the mistakes behind what failed, and say in notes what of it could not be done.

    It only ever lightens marks and explains them: its own fault must not cost the report.
    Where failures are not ``asked`` about, only what is remarkable by itself is found. What a
    search for repairs adds is kept apart from what was proved before it: see `Inquiry.proved`.
    """
    failed = any(verdict.state in ("fail", "error") for verdict in examined.verdicts)
    asked = asked and failed
    if not asked and not remarkable(examined.case):
        return Inquiry(), []
    # Late: rules and mistakes take time to load, and who passes needs none.
    from gradkit.diagnosis.inquiry import inquire, short_of, suspicions

    inquiry, notes = Inquiry(), list[str]()
    try:
        if asked:
            for late in (False, True):
                process.renew(apart=late)
                before = len(process.losses)
                inquiry = inquire(task, examined, process, oracle, seed)
                losses = process.losses[before:]
                # A busy machine may be to blame: whoever it costs a name gets another chance.
                if all(lost.kind != "timeout" for lost in losses):
                    break
            notes = short_of(inquiry, losses)

            def again(further: int) -> Examined:
                return examine(task, process, oracle, seed + further)

            if "train" in examined.case.binding.bound:
                from gradkit.grading.training_repairs import with_lines

                found = with_lines(task, examined, process, inquiry, again)
                # The grader writes these changes, so their text is no secret. But the code that
                # is run can see which change it has, and choose its answers by that.
                inquiry = inquiry if found == inquiry else replace(found, proved=inquiry)
        remarks = suspicions(task, examined, inquiry)
        if asked and not losses and not task.framework.trains:
            from gradkit.grading import step_repairs
            from gradkit.grading.explained import explained

            def left(examined: Examined, further: int) -> Inquiry:
                right = all(verdict.state == "pass" for verdict in examined.verdicts)
                return (
                    Inquiry() if right else inquire(task, examined, process, oracle, seed + further)
                )

            found = step_repairs.with_lines(task, examined, process, inquiry, seed, again, left)
            cells = (*process.section.own, *process.section.shared)
            inquiry = explained(inquiry, found, cells)
            if "update" in examined.case.binding.bound:
                from gradkit.diagnosis.lost_steps import with_lines_of_text

                function = examined.case.binding.bound["update"].function
                inquiry = with_lines_of_text(inquiry, cells, function)
        return replace(inquiry, findings=(*inquiry.findings, *remarks)), notes
    except NoDiagnosisError as error:
        return Inquiry(), [
            format_text("No diagnosis: {why}. Points are for right entries.", why=str(error))
        ]
    except FORESEEN:
        raise
    except Exception as error:
        kind = contain(error, f"in the diagnosis of {task.id} in {process.section.title!r}")
        return Inquiry(), [
            format_text(
                "gradkit failed to diagnose this ({kind}): tell your "
                "instructor. Points are for right entries.",
                kind=kind,
            )
        ]
