"""Mistakes in training runs: executed predictions against runs in torch and in numpy."""

from itertools import combinations

import numpy as np
import pytest
from msgspec.structs import replace
from rules.nets import REGRESSION, SHIPPED, SOFTMAX, TANH

from gradkit.diagnosis.mistakes.loop import correct_loop, train
from gradkit.diagnosis.mistakes.trained import explain_training
from gradkit.diagnosis.mistakes.training import CHANGES, GROUPS, loop_with, usual_training_cases
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import Slip, TrainingRun
from gradkit.records.task import TORCH, Rates, Run
from gradkit.task.network import parameter_shapes
from gradkit.task.oracle import Derived

TASKS = (SHIPPED["regression-torch"], SHIPPED["classification-torch"])
STANDING = {"missing-step", "gradients-cleared", "graph-detached", "unregistered-parameters"}
MISTAKES_WITHOUT_TWIN = {
    **dict.fromkeys(STANDING, STANDING),
    "wrong-reduction": {"wrong-learning-rate"},
    "double-sigmoid": {"logits-loss"},
    "logits-loss": {"double-sigmoid"},
}
"""Codes whose runs are the same by nature, told apart by other observations."""


def starts(task, count=2):
    """Starting parameters that no symmetry hides anything from."""
    generator = np.random.default_rng(3)
    shapes = parameter_shapes(task.X.shape[1], task.layers)
    return [
        {key: np.round(generator.uniform(-0.5, 0.5, shape), 3) for key, shape in shapes.items()}
        for _ in range(count)
    ]


def empty_run(task, start, epochs):
    """A run that has yet to be made."""
    X, y = task.X.astype(float), task.y.astype(float)
    return TrainingRun(X, y, task.rates.weight, start, np.zeros(epochs), {})


def single(values):
    """What is left in float32."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(float)


def observed(task, slips, epochs=12):
    """Runs with these mistakes as torch would have left them: in float32."""
    loop = loop_with(task, slips)
    runs = []
    for start in starts(task):
        empty = empty_run(task, start, epochs)
        with np.errstate(all="ignore"):
            history = list(train(loop, empty, epochs + loop.rounds))
        losses = np.array([loss for loss, _ in history])
        after = {}
        if np.isfinite(losses).all():
            made = [start, *(parameters for _, parameters in history)]
            after = {
                n: {k: single(v) for k, v in made[n + loop.rounds].items()} for n in (1, epochs)
            }
        runs.append(replace(empty, losses=single(losses), after=after))
    return runs


def told(task, runs, **options):
    """The sets of codes named."""
    found = explain_training(task, runs, **options)
    sets = [found.slips, *found.alternatives]
    return [frozenset(s.code for s in slips) for slips in sets], found.unknown


@pytest.mark.parametrize("task", [*TASKS, TANH, SOFTMAX], ids=lambda task: task.id)
def test_the_correct_loop_is_the_derived_oracle(task):
    """Losses and parameters agree with gradient descent by the generic net."""
    task = replace(task, framework=TORCH, rates=Rates(0.003, 0.003))
    start = starts(task)[0]
    run = Run("r", "trajectory", "s", start, task.X, task.y, 8, task.rates.weight)
    expected = Derived(task).train(run)
    empty = empty_run(task, start, 8)
    history = list(train(correct_loop(task), empty))
    np.testing.assert_allclose([loss for loss, _ in history], expected["loss"], rtol=1e-12)
    for key, value in history[-1][1].items():
        np.testing.assert_allclose(value, expected[f"final/{key}"], rtol=1e-10)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_correct_run_has_no_finding(task):
    """In float32, and over the task's own number of epochs."""
    assert told(task, observed(task, (), task.epochs)) == ([frozenset()], False)


@pytest.mark.sample(18)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
@pytest.mark.parametrize("code", CHANGES)
def test_each_mistake_alone_is_told(task, code):
    """Alone, or with those whose runs are the same by nature."""
    for slip in usual_training_cases(code, task):
        sets, unknown = told(task, observed(task, (slip,), task.epochs))
        assert not unknown
        assert frozenset({code}) in sets
        twins = MISTAKES_WITHOUT_TWIN.get(code, set())
        assert set(sets) <= {frozenset({c}) for c in {code, *twins}}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_pairs_are_told(task):
    """Of pairs that can occur together a fifth is run: each is told, or a smaller set is."""
    cases = [
        (c, usual_training_cases(c, task)[:1]) for c in CHANGES if usual_training_cases(c, task)
    ]
    pairs = [
        pair
        for pair in combinations(cases, 2)
        if GROUPS.get(pair[0][0], pair[0][0]) != GROUPS.get(pair[1][0], pair[1][0])
    ][::5]
    for (first, one), (second, two) in pairs:
        runs = observed(task, (*one, *two))
        if not all(np.isfinite(run.losses).all() for run in runs):
            continue
        sets, unknown = told(task, runs)
        assert not unknown, (first, second)
        assert frozenset({first, second}) in sets or any(len(s) == 1 for s in sets), (first, second)


def test_any_rate_is_read_off_the_first_step():
    """A learning rate is not guessed from a list."""
    slip = Slip("wrong-learning-rate", (), ((("ratio", 3.7),),))
    found = explain_training(TASKS[0], observed(TASKS[0], (slip,)))
    assert dict(found.slips[0].details[0])["ratio"] == pytest.approx(3.7)


def test_other_observations_rule_codes_out():
    """A module whose own forward pass is right has no activation too many."""
    runs = observed(TASKS[1], usual_training_cases("logits-loss", TASKS[1]))
    assert told(TASKS[1], runs, barred=("double-sigmoid",))[0] == [frozenset({"logits-loss"})]


def test_noise_is_unknown():
    """Losses that wander are explained by nothing."""
    runs = observed(TASKS[0], ())
    random = np.random.default_rng(0)
    noisy = [
        TrainingRun(r.X, r.y, r.rate, r.start, r.losses * random.uniform(0.9, 1.1, 12), {})
        for r in runs
    ]
    assert told(TASKS[0], noisy) == ([frozenset()], True)


def test_one_start_is_refused():
    """From one start some mistakes look alike."""
    with pytest.raises(NoDiagnosisError, match="needs at least two starts, and there is 1"):
        explain_training(TASKS[0], observed(TASKS[0], ())[:1])


def test_a_forward_mistake_of_numpy_is_no_training_mistake():
    """The text says which codes there are."""
    with pytest.raises(ValueError, match="'overwritten' is not a mistake of a training run"):
        loop_with(REGRESSION, [Slip("overwritten")])


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_torch_itself_runs_as_predicted(task):
    """Each optimiser, momentum, accumulation and reduction against torch, in float64."""
    torch = pytest.importorskip("torch")
    losses = {"squared_error": torch.nn.MSELoss, "binary_cross_entropy": torch.nn.BCELoss}
    X, y = (torch.tensor(np.array(v), dtype=torch.float64) for v in (task.X, task.y[:, 0]))
    start = starts(task)[0]
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
        "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
        "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
        "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.01),
    }
    squash = [torch.nn.Sigmoid()] if task.layers[0].activation == "sigmoid" else []
    for name, make in makers.items():
        stack = [torch.nn.Linear(2, 2), *squash, torch.nn.Linear(2, 1), *squash]
        model = torch.nn.Sequential(*stack).double()
        with torch.no_grad():
            for slot, value in zip(model.parameters(), start.values(), strict=True):
                slot.copy_(torch.tensor(value.T.reshape(slot.shape)))
        optimizer, history = make(model.parameters()), []
        for _ in range(6):
            loss = losses[task.loss](reduction="sum")(model(X).squeeze(), y)
            history.append(loss.item())
            loss.backward()  # gradients are gathered on purpose
            optimizer.step()
        run = replace(empty_run(task, start, 6), rate=0.01)
        loop = loop_with(
            task,
            [
                Slip("missing-zero-grad"),
                Slip("wrong-reduction", (), ((("scale", "sum"),),)),
                Slip("wrong-optimizer", (), ((("optimizer", name),),)),
            ],
        )
        np.testing.assert_allclose([loss for loss, _ in train(loop, run)], history, rtol=1e-9)
