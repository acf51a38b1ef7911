"""Probes are asymmetric, short, away from kinks, the same for the same seed, and read-only."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.records.task import Batch, Layer, Probes, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.network import kink_distance
from gradkit.task.oracle import Derived
from gradkit.task.probes import CLEARANCE, RANDOM, RATES, TWICE, draw, whole

TASKS = {task.id: task for task in read_assignment().tasks}
KEYS = ("W1", "b1", "W2", "b2")


def drawn(task: Task, seed: int = 0, takes_rate: bool = False) -> Probes:
    """Probes with the derived oracle's forward."""
    return draw(task, seed, Derived(task).forward, takes_rate)


def batches(probes: Probes) -> dict[str, Batch]:
    """All batches by name."""
    return {batch.name: batch for batch in (*probes.forward, *probes.update)}


def numbers(probes: Probes) -> list[np.ndarray]:
    """All arrays that are drawn."""
    return [value for batch in batches(probes).values() for value in batch.inputs.values()]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_same_seed_same_probes(task: Task) -> None:
    """To the last bit; another seed or another task draws others."""
    one, again, other = drawn(task, 5), drawn(task, 5), drawn(task, 6)
    assert all(np.array_equal(a, b) for a, b in zip(numbers(one), numbers(again), strict=True))
    W1, W1_other = (batches(p)["forward/random"].inputs["W1"] for p in (one, other))
    assert not np.isclose(W1, W1_other).all(axis=(1, 2)).any()
    renamed = drawn(replace(task, id="another"), 5)
    assert not np.array_equal(W1, batches(renamed)["forward/random"].inputs["W1"])


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_random_probes_are_asymmetric_and_short(task: Task) -> None:
    """In a batch every pair of entries differs somewhere, and all have two decimals."""
    for seed in range(20):
        for name, batch in batches(drawn(task, seed)).items():
            if name.endswith("published"):
                continue
            flat = np.concatenate(
                [batch.inputs[key].reshape(RANDOM, -1) for key in (*KEYS, "X")], axis=1
            )
            small = np.abs(flat) < 0.1
            # In one probe each entry of the parameters is small; the inputs never are.
            once = name == "update/random"
            assert small.sum(axis=0).tolist() == [int(once)] * 9 + [0, 0]
            assert np.array_equal(flat[~small], np.round(flat[~small], 2))
            assert np.array_equal(flat, np.round(flat, 5))
            for i in range(flat.shape[1]):
                for j in range(i):
                    assert (np.abs(flat[:, i] - flat[:, j]) > 0.05).any()


def test_exchanging_hidden_units_changes_a_random_probe_and_no_published_one() -> None:
    """What makes random probes necessary: at the published start the units are equal."""
    for task in (TASKS["regression-numpy"], TASKS["classification-numpy"]):
        forwards = {batch.name: batch.inputs for batch in drawn(task).forward}
        for name, equal in (("forward/published", True), ("forward/random", False)):
            W1, W2 = forwards[name]["W1"], forwards[name]["W2"]
            assert np.array_equal(W1, W1[:, :, ::-1]) is equal
            assert np.array_equal(W2, W2[:, ::-1]) is equal


def test_update_is_given_what_the_oracles_forward_gives() -> None:
    """ŷ and A1 are consistent with the parameters of the same probe."""
    for task in (TASKS["regression-numpy"], TASKS["classification-numpy"]):
        inputs = drawn(task).update[0].inputs
        y_hat, A1 = Derived(task).forward({key: inputs[key] for key in KEYS}, inputs["X"])
        assert np.array_equal(inputs["y_hat"], y_hat)
        assert np.array_equal(inputs["A1"], A1)


def test_targets_suit_the_loss() -> None:
    """Classes are 0 and 1, and both occur; one-hot rows for several classes."""
    y = drawn(TASKS["classification-numpy"]).update[0].inputs["y"]
    assert set(y.ravel()) == {0.0, 1.0}
    task = replace(
        TASKS["regression-numpy"],
        loss="cross_entropy",
        layers=(Layer(2, "tanh"), Layer(3, "softmax")),
        y=np.eye(3),
        X=np.ones((3, 2)),
        starts=(
            replace(
                TASKS["regression-numpy"].starts[0],
                parameters={
                    "W1": np.ones((2, 2)),
                    "b1": np.ones((2, 1)),
                    "W2": np.ones((2, 3)),
                    "b2": np.ones((3, 1)),
                },
            ),
        ),
    )
    y = drawn(task).update[0].inputs["y"]
    assert y.shape == (RANDOM, 3, 1)
    assert np.array_equal(y.sum(axis=1), np.ones((RANDOM, 1)))


def test_a_function_that_takes_a_rate_is_handed_two() -> None:
    """Both rates occur in the update batch, and the runs hand over the weights' rate."""
    task = TASKS["regression-numpy"]
    probes = drawn(task, takes_rate=True)
    assert set(probes.update[0].inputs["rate"]) == set(RATES)
    assert {run.rate for run in probes.runs} == {0.001}
    plain = drawn(task)
    assert "rate" not in plain.update[0].inputs
    assert {run.rate for run in plain.runs} == {None}


def test_probes_keep_clear_of_kinks() -> None:
    """In front of a relu every sum is at least the clearance away from zero."""
    task = replace(TASKS["regression-numpy"], layers=(Layer(2, "relu"), Layer(1, "linear")))
    for seed in range(30):
        for batch in (drawn(task, seed).forward[1], drawn(task, seed).update[0]):
            inputs = {key: batch.inputs[key] for key in KEYS}
            assert kink_distance(task.layers, inputs, batch.inputs["X"]).min() >= CLEARANCE
    # Without the redrawing some of them would be nearer.
    plain = [drawn(TASKS["regression-numpy"], seed).forward[1].inputs for seed in range(30)]
    nearest = [
        kink_distance(task.layers, {key: inputs[key] for key in KEYS}, inputs["X"]).min()
        for inputs in plain
    ]
    assert min(nearest) < CLEARANCE


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_arrays_are_read_only(task: Task) -> None:
    """Nobody along the line can change a question."""
    for value in numbers(drawn(task, takes_rate=True)):
        with pytest.raises(ValueError, match="read-only"):
            value[...] = 0


def test_torch_tasks_are_asked_for_one_and_two_steps_from_every_start() -> None:
    """The gradient check compares the first with the second step; updates are not asked."""
    probes = drawn(TASKS["regression-torch"])
    assert probes.update == ()
    assert [(run.name, run.check, run.epochs) for run in probes.runs] == [
        ("step 1/published", "gradient", 1),
        ("step 2/published", "gradient", 2),
        ("step 1/other", "gradient", 1),
        ("step 2/other", "gradient", 2),
        ("step 1/drawn", "gradient", 1),
        ("step 2/drawn", "gradient", 2),
        ("run/published", "trajectory", 20),
        ("run/other", "trajectory", 20),
        ("run/drawn", "trajectory", 20),
        (TWICE, "", 3),
    ]
    assert {batch.role for batch in probes.forward} == {"model"}


def test_whole_numbers_come_as_integers() -> None:
    """As a data frame would hand them over; with one fraction among them they do not."""
    assert whole(np.array([[8.0, 7.0]])).dtype == np.int64
    assert whole(np.array([[8.0, 7.5]])).dtype == np.float64
    assert drawn(TASKS["regression-numpy"]).forward[0].inputs["X"].dtype == np.int64
