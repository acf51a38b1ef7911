"""Run and judge one section for a net task, and diagnose the failed checks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.binding import bind
from gradkit.errors import contain
from gradkit.judge import Case, judge
from gradkit.judge.comparison import Examined, expected_of
from gradkit.judge.steps import AGAIN, remarkable
from gradkit.records.result import Inquiry, NoDiagnosisError
from gradkit.records.submission import SPARED, Binding, Lost, Observations, Outcome
from gradkit.records.task import Array, Batch, Probes, Run, Task
from gradkit.sandbox import WorkshopError, observe
from gradkit.sandbox.process import OverdueError, Question, StudentProcess
from gradkit.task.oracle import Oracle, OracleError, final
from gradkit.task.probes import draw
from gradkit.text import format_text

ROUNDED = 1e-12
"""Largest relative difference of outputs that differ only by rounding."""

REPEATED = 2
"""Number of calls of a batch that are made a second time."""


def examine(task: Task, process: StudentProcess, oracle: Oracle, seed: int) -> Examined:
    """Call the functions of a section with all probes of the task, and judge the outcomes.

    Training runs in numpy use the student's forward pass if it is right, else the oracle's. If the
    forward pass and the gradient fail, the gradient is also compared with the own forward pass.

    Parameters
    ----------
    task : Task
    process : StudentProcess
        Runs the code of the section.
    oracle : Oracle
        Computes the expected values.
    seed : int
        Draws the probes.
    """
    binding = bind(task, process)
    takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
    probes = draw(task, seed, oracle.forward, takes_rate)
    outcomes = _observe_calls(task, binding, probes, process)
    questions = _without_crashing_lines(task, binding, probes, outcomes)
    outcomes.update(observe.observe_all(process, questions))
    observations = Observations(task.id, outcomes)
    expected = expected_of(task, oracle, probes, outcomes)
    case = Case(task, binding, probes, observations, expected)
    # In numpy, training runs use the student's forward pass only if it is right.
    known = judge(case, ("forward",)) if not task.framework.trains else ()
    is_right = all(verdict.state == "pass" for verdict in known)
    runs = _training_runs(case, own_forward=is_right)
    if runs is None:
        outcomes.update(_train_with_oracle(case, oracle, process))
    outcomes.update(observe.observe_all(process, [*(runs or ()), *_repeated_calls(case)]))
    if task.framework.trains and task.rates.policy == "free":
        # The learning rates are only known from the observed steps.
        case = replace(case, expected=expected_of(task, oracle, probes, outcomes))
    verdicts = judge(case, known=known)
    failed = {verdict.check for verdict in verdicts if verdict.state == "fail"}
    if {"forward", "gradient"} <= failed:
        # Imported here because it is not needed if the forward pass is right.
        from gradkit.grading.own_gradient import with_own_forward

        verdicts = with_own_forward(case, verdicts, process)
    return Examined(case, verdicts, process.tier)


def _observe_calls(
    task: Task, binding: Binding, probes: Probes, process: StudentProcess
) -> dict[str, Outcome]:
    """Call every function with all probes except training runs, in the student's process.

    Return the outcomes by the name of the probes. The role ``initialise`` and the building of a
    model have one outcome each. Functions that the student has not defined are left out.
    """
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


def _without_crashing_lines(
    task: Task, binding: Binding, probes: Probes, outcomes: Mapping[str, Outcome]
) -> list[Question]:
    """Return requests to call a crashing update again without the statements that crash.

    ``outcomes`` has the results of all calls by the name of their batch. The list is empty if the
    update does not crash.
    """
    batches = [batch for batch in probes.update if batch.name in outcomes]
    failures = [outcomes[batch.name].failure for batch in batches]
    if not any(failure is not None and not failure.before for failure in failures):
        return []
    update = binding.bound["update"]
    questions = [observe.of_batch(task, update, batch) for batch in batches]
    return [
        Question("batch", q.arrays, {**q.data, "spared": update.function}, SPARED + q.name, q.loop)
        for q in questions
    ]


def _repeated_calls(case: Case) -> list[Question]:
    """Return requests to repeat some calls of each function in the same process.

    ``case`` has the task, the probes and the first outcomes of one section. The answers show
    results that differ from call to call, and gradients by finite differences: see
    `gradkit.judge.steps`.
    """
    task, bound, probes = case.task, case.binding.bound, case.probes
    again = [
        observe.of_batch(task, bound[batch.role], _first_calls(batch))
        for batch in (*probes.forward[-1:], *probes.update)
        if batch.role in bound
    ]
    if "train" in bound and "model" in bound:
        first = replace(probes.runs[0], name=probes.runs[0].name + AGAIN)
        again.append(observe.of_training(task, bound["train"], first))
    if "update" in bound:
        again.append(observe.of_repeats(task, bound["update"], probes.update[-1]))
    return again


def _first_calls(batch: Batch) -> Batch:
    """Return a batch of the first `REPEATED` calls of a batch, with `AGAIN` added to its name."""
    inputs = {name: value[:REPEATED] for name, value in batch.inputs.items()}
    return replace(batch, name=batch.name + AGAIN, inputs=inputs, labels=batch.labels[:REPEATED])


def _training_runs(case: Case, *, own_forward: bool) -> list[Question] | None:
    """Return requests for the training runs of a section.

    ``case`` has the section's functions and the task. ``own_forward`` says that the student's
    forward pass is right and may be used, which matters for a task in numpy only. Return None if
    the runs need gradkit's forward pass in place of it, and an empty list if the student has not
    defined the functions for a run.
    """
    bound, task, runs = case.binding.bound, case.task, case.probes.runs
    if task.framework.trains:
        is_ready = "train" in bound and "model" in bound
        return [observe.of_training(task, bound["train"], run) for run in runs if is_ready]
    if "update" not in bound:
        return []
    if own_forward and "forward" in bound and "A1" in bound["forward"].returns:
        return [observe.of_run(task, bound["forward"], bound["update"], run) for run in runs]
    return None


def _train_with_oracle(case: Case, oracle: Oracle, process: StudentProcess) -> dict[str, Outcome]:
    """Run the training with the student's update and the oracle's forward pass.

    ``process`` runs the update; return the outcome of each training run of ``case`` by its name.
    One request for each step takes long. So all steps are first requested at once, with the outputs
    that a right update leads to. If the update is right, these are the outputs of its own run, too.
    Only otherwise, the run is repeated step by step.
    """
    task, update, runs = case.task, case.binding.bound["update"], case.probes.runs
    expected_runs = [case.expected[run.name] for run in runs]
    at_once = observe.observe_all(
        process,
        [
            observe.of_followed(task, update, run, expected["y_hat"], expected["A1"])
            for run, expected in zip(runs, expected_runs, strict=True)
        ],
    )
    # Parameters of a wrong update may overflow, and numpy's warnings would not help anybody.
    with np.errstate(all="ignore"):
        return {
            run.name: _confirmed_run(run, at_once[run.name], expected, oracle)
            or observe.observe_run_with(process, task, update, run, oracle.forward)
            for run, expected in zip(runs, expected_runs, strict=True)
        }


def _confirmed_run(
    run: Run, outcome: Outcome, expected: Mapping[str, Array], oracle: Oracle
) -> Outcome | None:
    """Return the outcome of a run whose steps were requested at once, or None if it does not count.

    ``expected`` has the outputs ``y_hat`` and ``A1`` that each step was called with. The outcome
    counts if the oracle's forward pass gives these outputs for the parameters of the outcome: then
    it equals the run step by step. If the process was lost, the outcome is returned without
    outputs.
    """
    if outcome.lost is not None:
        return replace(outcome, outputs={})
    after = {key: outcome.outputs[key] for key in run.parameters if key in outcome.outputs}
    if outcome.failure is not None or outcome.faults or len(after) < len(run.parameters):
        return None
    before = {
        key: np.concatenate([run.parameters[key][None], value[:-1]]) for key, value in after.items()
    }
    X = np.resize(run.X[:, :, None].astype(float), (len(expected["y_hat"]), run.X.shape[1], 1))
    with np.errstate(all="ignore"):
        y_hat, A1 = oracle.forward(before, X)
        is_same = all(
            np.allclose(own, given, rtol=ROUNDED, atol=0.0)
            for own, given in ((y_hat, expected["y_hat"]), (A1, expected["A1"]))
        )
    if not is_same:
        return None
    ends = final({key: value[-1] for key, value in after.items()})
    return replace(outcome, outputs={"y_hat": y_hat, **ends})


# --- diagnosis ---------------------------------------------------------------------------

FORESEEN = (OverdueError, OracleError, WorkshopError, MemoryError)
"""Exceptions that end a whole submission. The caller knows whether it is the student's fault."""


def diagnose(
    task: Task,
    process: StudentProcess,
    examined: Examined,
    oracle: Oracle,
    seed: int,
    *,
    explain: bool = True,
) -> tuple[Inquiry, list[str]]:
    """Find the mistakes behind the failed checks of a net.

    An error of gradkit in the diagnosis becomes a note. It does not cost the report, because the
    diagnosis can only reduce deductions and explain them.

    Parameters
    ----------
    task : Task
    process : StudentProcess
        Runs the section's code.
    examined : Examined
        The verdicts on the section.
    oracle : Oracle
    seed : int
        Draws fresh inputs.
    explain : bool
        Whether failed checks are explained. Otherwise only remarks are made.

    Returns
    -------
    inquiry : Inquiry
        The findings. If a search for repairs added some, `Inquiry.proved` has those before it.
    notes : list of str
        Sentences on parts of the diagnosis that were not possible.
    """
    explain = explain and any(verdict.state in ("fail", "error") for verdict in examined.verdicts)
    if not explain and not remarkable(examined.case):
        return Inquiry(), []
    try:
        with process.counting_cpu_time():
            return _diagnose(task, process, examined, oracle, seed, explain=explain)
    except NoDiagnosisError as error:
        return Inquiry(), [
            format_text(
                "Mistakes were not searched for: {why}. You get points for right entries.",
                why=str(error),
            )
        ]
    except FORESEEN:
        raise
    except Exception as error:
        kind = contain(error, f"in the diagnosis of {task.id} in {process.section.title!r}")
        return Inquiry(), [
            format_text(
                "gradkit failed to diagnose this ({kind}): tell your "
                "instructor. You get points for right entries.",
                kind=kind,
            )
        ]


def _diagnose(
    task: Task,
    process: StudentProcess,
    examined: Examined,
    oracle: Oracle,
    seed: int,
    *,
    explain: bool,
) -> tuple[Inquiry, list[str]]:
    """Do the work of `diagnose`, which explains arguments and result; let all errors through."""
    # Imported here because it takes time to load, and right submissions do not need it.
    from gradkit.diagnosis.inquiry import incomplete_notes, suspicions

    inquiry, notes, losses = Inquiry(), list[str](), list[Lost]()
    if explain:
        inquiry, losses = _inquire_patiently(task, process, examined, oracle, seed)
        notes = incomplete_notes(inquiry, losses)
        if "train" in examined.case.binding.bound:
            inquiry = _with_training_repairs(task, process, examined, inquiry, oracle, seed)
    remarks = suspicions(task, examined, inquiry)
    if explain and not losses and not task.framework.trains:
        inquiry = _with_step_repairs(task, process, examined, inquiry, oracle, seed)
    return replace(inquiry, findings=(*inquiry.findings, *remarks)), notes


def _inquire_patiently(
    task: Task, process: StudentProcess, examined: Examined, oracle: Oracle, seed: int
) -> tuple[Inquiry, list[Lost]]:
    """Find mistakes by the numbers of failed checks, in a new process.

    ``seed`` draws further inputs. If the process times out, try once more, because other programs
    may have slowed it down.

    Returns
    -------
    inquiry : Inquiry
        The findings.
    losses : list of Lost
        How processes were lost in the last try.
    """
    from gradkit.diagnosis.inquiry import inquire

    for is_second_try in (False, True):
        process.renew(apart=is_second_try)
        count = len(process.losses)
        inquiry = inquire(task, examined, process, oracle, seed)
        losses = process.losses[count:]
        if all(lost.kind != "timeout" for lost in losses):
            break
    return inquiry, losses


def _with_training_repairs(
    task: Task,
    process: StudentProcess,
    examined: Examined,
    inquiry: Inquiry,
    oracle: Oracle,
    seed: int,
) -> Inquiry:
    """Return the inquiry with the lines that a search for repairs of a torch training loop found.

    ``examined`` has the verdicts, and ``process`` runs the code, which is examined again with
    ``seed`` and offsets of it. If the search found any lines, the field ``proved`` is the given
    inquiry.
    """
    from gradkit.grading.training_repairs import with_lines

    def again(offset: int) -> Examined:
        """Examine the code in the process with another seed."""
        return examine(task, process, oracle, seed + offset)

    found = with_lines(task, examined, process, inquiry, again)
    # The grader writes these changes, so their texts may be shown. But the code that runs can see
    # the change that was made, and choose its results by it.
    return inquiry if found == inquiry else replace(found, proved=inquiry)


def _with_step_repairs(
    task: Task,
    process: StudentProcess,
    examined: Examined,
    inquiry: Inquiry,
    oracle: Oracle,
    seed: int,
) -> Inquiry:
    """Return the inquiry with the lines that a search for repairs of a numpy net found.

    ``examined`` has the verdicts, and ``process`` runs the code, which is examined again with
    ``seed`` and offsets of it. Parameters whose new value is not stored, and sums over the wrong
    axis, get the lines that the text of the update shows.
    """
    from gradkit.diagnosis.inquiry import inquire
    from gradkit.diagnosis.lost_steps import with_lines_of_text
    from gradkit.grading import step_repairs
    from gradkit.grading.explained import explained

    def again(offset: int) -> Examined:
        """Examine the code in the process with another seed."""
        return examine(task, process, oracle, seed + offset)

    def left(examined: Examined, offset: int) -> Inquiry:
        """Return the findings on the code after a repair; ``offset`` is added to the seed."""
        is_right = all(verdict.state == "pass" for verdict in examined.verdicts)
        if is_right:
            return Inquiry()
        return inquire(task, examined, process, oracle, seed + offset)

    found = step_repairs.with_lines(task, examined, process, inquiry, seed, again, left)
    cells = (*process.section.own, *process.section.shared)
    inquiry = explained(inquiry, found, cells)
    update = examined.case.binding.bound.get("update")
    return with_lines_of_text(inquiry, cells, update.function) if update else inquiry
