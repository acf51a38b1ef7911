"""The forms of a forward pass."""

import numpy as np
import pytest
from rules.nets import ALL, CLASSIFICATION, REGRESSION

from gradkit.diagnosis.rules.draw import draw_forward
from gradkit.diagnosis.rules.forward import correct_form, recover_forward, run_stages
from gradkit.records.rule import ForwardProbes
from gradkit.records.task import Layer
from gradkit.task import network


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_the_right_form_is_the_generic_net(task):
    """Its stages are what the oracle's forward pass gives."""
    X, before = draw_forward(task, 3)
    y_hat, hidden = network.forward(task.layers, before, X[:, :, None])
    stages = run_stages(correct_form(task), X, before)
    np.testing.assert_allclose(stages["a2"], y_hat[:, :, 0], rtol=1e-13)
    np.testing.assert_allclose(stages["a1"], hidden[:, :, 0], rtol=1e-13)
    probes = ForwardProbes(X, before, y_hat[:, :, 0], hidden[:, :, 0])
    assert recover_forward(task, probes)[0] == correct_form(task)


def test_a_form_that_is_a_little_off_is_none():
    """One part in ten million is another function."""
    X, before = draw_forward(REGRESSION, 3)
    stages = run_stages(correct_form(REGRESSION), X, before)
    probes = ForwardProbes(X, before, stages["a2"] * (1 + 1e-7), stages["a1"])
    assert recover_forward(REGRESSION, probes) == ()


def test_noise_has_no_form():
    """Nothing is read into numbers that no known form gives."""
    X, before = draw_forward(CLASSIFICATION, 3)
    random = np.random.default_rng(1)
    probes = ForwardProbes(X, before, random.random((12, 1)), random.random((12, 2)))
    assert recover_forward(CLASSIFICATION, probes) == ()


def test_other_depths_have_no_form():
    """Forms are known for two layers."""
    from msgspec.structs import replace

    deep = replace(REGRESSION, layers=(*REGRESSION.layers, Layer(1, "linear")))
    X, before = draw_forward(REGRESSION, 3)
    assert recover_forward(deep, ForwardProbes(X, before, X)) == ()
