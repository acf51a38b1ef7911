"""Probes for rules: independent, asymmetric, readable."""

import numpy as np
import pytest
from rules.nets import ALL, CLASSIFICATION, REGRESSION, RELU, SOFTMAX

from gradkit.diagnosis.rules import draw, draw_forward
from gradkit.diagnosis.rules.draw import ROWS, with_rate
from gradkit.diagnosis.rules.pool import flatten, variables
from gradkit.diagnosis.rules.recover import shape_of


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_each_scalar_input_is_varied_alone(task):
    """Rows 1 to V differ from row 0 in one input each, and each input is among them."""
    flat = flatten(draw(task, 3))
    width = flat.shape[1]
    moved = flat[1 : width + 1] != flat[0]
    assert np.array_equal(moved, np.eye(width, dtype=bool))
    assert len(variables(shape_of(task))) == width


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
def test_an_input_that_is_varied_moves_visibly_on_every_seed(task):
    """Seed 14 of classification once drew a value that the variation gave back."""
    for seed in range(300):
        flat = flatten(draw(task, seed))
        width = flat.shape[1]
        moved = np.abs(np.diagonal(flat[1 : width + 1]) - flat[0])
        assert moved.min() > 0.005, seed


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_no_factor_vanishes(task):
    """Nothing is 0 or 1 where a factor would be lost; only a relu is off now and then."""
    inputs = draw(task, 5, 200, vary=False)
    for values in (inputs.y, inputs.y_hat, inputs.X, *inputs.before.values()):
        assert np.abs(values).min() > 0.01
    for values in (inputs.y_hat, inputs.A1, inputs.X):
        assert np.abs(1 - values).min() > 0.004
    assert np.abs(inputs.y - inputs.y_hat).min() > 0.02
    off = (inputs.A1 == 0).mean()
    assert (0.1 < off < 0.4) if task is RELU else off == 0


def test_numbers_have_few_decimals():
    """Random rows are written with two decimals, so that they can be shown."""
    inputs = draw(REGRESSION, 1, vary=False)
    for values in (inputs.y, inputs.y_hat, inputs.A1, inputs.X, *inputs.before.values()):
        assert np.array_equal(values, np.round(values, 2))


def test_a_seed_draws_the_same_again_and_another_does_not():
    """Draws are a function of task and seed."""
    first, again, other = (draw(CLASSIFICATION, seed) for seed in (4, 4, 5))
    assert np.array_equal(flatten(first), flatten(again))
    assert not np.array_equal(flatten(first), flatten(other))


def test_inputs_cannot_be_written_to():
    """What is handed over stays what it was."""
    with pytest.raises(ValueError, match="read-only"):
        draw(REGRESSION, 1).before["W1"][0] = 0.0


def test_larger_nets_get_more_rows():
    """There are more calls than symbols."""
    assert len(draw(REGRESSION, 1, vary=False).y) == ROWS
    assert len(draw(SOFTMAX, 1, vary=False).y) > 2 * ROWS


def test_the_varied_calls_share_one_rate():
    """A rate per call would look like a dependency on everything."""
    inputs = with_rate(draw(REGRESSION, 2), 2)
    width = flatten(inputs).shape[1]
    assert len(set(inputs.rate[: width + 1])) == 1
    assert len(set(inputs.rate[width + 1 :])) > 10


def test_forward_probes_are_asymmetric():
    """No two hidden units are alike, and nothing saturates."""
    X, before = draw_forward(CLASSIFICATION, 1)
    z = np.einsum("nij,ni->nj", before["W1"], X) + before["b1"][:, :, 0]
    assert np.abs(z).max() < 6
    assert np.abs(z[:, 0] - z[:, 1]).max() > 0.5
