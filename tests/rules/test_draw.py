"""Probes for rules: independent, asymmetric, readable."""

import numpy as np
import pytest
from rules.nets import ALL, CLASSIFICATION, REGRESSION, RELU

from gradkit.diagnosis.rules.draw import ROWS, draw_forward, draw_update, with_rate
from gradkit.diagnosis.rules.program import flatten_inputs


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_no_factor_vanishes(task):
    """Nothing is 0 or 1 where a factor would be lost; only a relu is off now and then."""
    inputs = draw_update(task, 5, 200)
    for values in (inputs.y, inputs.y_hat, inputs.X, *inputs.before.values()):
        assert np.abs(values).min() > 0.01
    for values in (inputs.y_hat, inputs.A1, inputs.X):
        assert np.abs(1 - values).min() > 0.004
    assert np.abs(inputs.y - inputs.y_hat).min() > 0.004
    off = (inputs.A1 == 0).mean()
    assert (0.1 < off < 0.4) if task is RELU else off == 0


def test_a_seed_draws_the_same_again_and_another_does_not():
    """Draws are a function of task and seed."""
    first, again, other = (draw_update(CLASSIFICATION, seed) for seed in (4, 4, 5))
    assert np.array_equal(flatten_inputs(first), flatten_inputs(again))
    assert not np.array_equal(flatten_inputs(first), flatten_inputs(other))


def test_inputs_cannot_be_written_to():
    """What is handed over stays what it was."""
    with pytest.raises(ValueError, match="read-only"):
        draw_update(REGRESSION, 1).before["W1"][0] = 0.0


def test_each_call_has_a_rate_of_its_own():
    """Then the rate is told from a constant."""
    inputs = with_rate(draw_update(REGRESSION, 2), 2)
    assert len(inputs.rate) == ROWS
    assert len(set(inputs.rate)) > 10


def test_forward_probes_are_asymmetric():
    """No two hidden units are alike, and nothing saturates."""
    X, before = draw_forward(CLASSIFICATION, 1)
    z = np.einsum("nij,ni->nj", before["W1"], X) + before["b1"][:, :, 0]
    assert np.abs(z).max() < 6
    assert np.abs(z[:, 0] - z[:, 1]).max() > 0.5
