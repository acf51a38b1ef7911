"""The published notebook is the correct step plus named mistakes: the proof of the catalogue."""

import json
from pathlib import Path

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.rewrites import apply
from rules.traced import diagnosed
from usual_cases import usual_forward_cases

from gradkit.diagnosis.mistakes.forward import apply_forward
from gradkit.diagnosis.rules.draw import FRESH, draw_update
from gradkit.records.rule import Slip, UpdateInputs

PUBLISHED = json.loads((Path(__file__).parents[2] / "reference" / "published.json").read_text())
FIRST = [("W1", (i, j)) for i in (0, 1) for j in (0, 1)] + [("b1", (0, 0)), ("b1", (1, 0))]
SWAPPED = [("W1", (0, 1)), ("W1", (1, 0))]
SECOND_ROW = [("W1", (1, 0)), ("W1", (1, 1))]


def slip(code, entries, **facts):
    """One mistake with the same details at each entry."""
    return Slip(code, tuple(entries), (tuple(facts.items()),) * len(entries))


NUMPY = (
    slip("updated-before-use", FIRST),
    slip("swapped-index", SWAPPED),
    slip("uneven-learning-rate", SECOND_ROW, ratio=10.0),
)
SIGMOID = (*NUMPY, slip("wrong-activation-derivative", FIRST, factors=("hidden_complement",)))
MISTAKES = {"regression": (REGRESSION, NUMPY), "classification": (CLASSIFICATION, SIGMOID)}
FORWARD = {
    "regression": (),
    "classification": usual_forward_cases("wrong-sigmoid-sign", CLASSIFICATION),
}


def epochs(name):
    """Losses and final parameters of the published run, from named mistakes alone."""
    task, slips = MISTAKES[name]
    rows = np.array(PUBLISHED[name]["rows"], float)
    before = {
        "W1": np.full((1, 2, 2), 0.1),
        "b1": np.zeros((1, 2, 1)),
        "W2": np.full((1, 2, 1), 0.1),
        "b2": np.zeros((1, 1, 1)),
    }
    losses = []
    for _ in range(5):
        loss = []
        for row in rows:
            X, y = row[None, :2], row[None, 2:]
            y_hat, A1 = apply_forward(task, FORWARD[name], X, before)
            loss.append(
                (y - y_hat) ** 2
                if name == "regression"
                else -y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)
            )
            before = apply(task, slips, UpdateInputs(y, y_hat, A1, X, before))
        losses.append(np.mean(loss))
    return losses, before


@pytest.mark.parametrize("name", MISTAKES)
def test_the_correct_form_plus_named_mistakes_gives_the_published_figures(name):
    """Losses to rtol 1e-12, parameters to the 8 decimals printed."""
    losses, after = epochs(name)
    expected = PUBLISHED[f"{name}-numpy"]
    np.testing.assert_allclose(losses, expected["epoch_losses"], rtol=1e-12)
    for key, value in expected["final_parameters"].items():
        np.testing.assert_allclose(after[key][0], value, atol=5.1e-9, rtol=0)


@pytest.mark.parametrize("name", MISTAKES)
def test_without_any_one_of_them_it_does_not(name):
    """No mistake in the list is idle."""
    task, slips = MISTAKES[name]
    inputs = draw_update(task, 5, 20)
    whole = apply(task, slips, inputs)
    for left_out in slips:
        rest = apply(task, [s for s in slips if s is not left_out], inputs)
        assert any(not np.allclose(rest[key], whole[key], rtol=1e-9) for key in whole)


def published(scale, slope):
    """The notebook's update in our own words, entry by entry."""

    def update_parameters(p, y, y_hat, A1, X):
        e = scale * (y - y_hat)
        for j in (0, 1):
            p["W2"][j][0] += 0.001 * e * A1[j][0]
        p["b2"][0][0] += 0.01 * e
        for i, rate in ((0, 0.001), (1, 0.01)):
            back = e * p["W2"][i][0] * slope(A1[i][0])
            for j in (0, 1):
                p["W1"][i][j] += rate * back * X[j][0]
            p["b1"][i][0] += 0.01 * back

    return update_parameters


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("regression", published(2, lambda a: 1)),
        ("classification", published(1, lambda a: 1 - a)),
    ],
)
def test_the_published_update_is_told_exactly(name, function):
    """The same mistakes at the same entries come back out of its numbers."""
    task, slips = MISTAKES[name]
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    found = diagnosed(task, function, fit, fresh).explanation
    assert found.unexplained == ()
    assert found.alternatives == ()
    told = {s.code: set(zip(s.entries, s.details, strict=True)) for s in found.slips}
    assert told == {s.code: set(zip(s.entries, s.details, strict=True)) for s in slips}


def test_the_swapped_index_is_invisible_in_the_first_published_step():
    """From equal weights and equal inputs the exchange changes nothing: a blind spot."""
    before = {
        "W1": np.full((1, 2, 2), 0.1),
        "b1": np.zeros((1, 2, 1)),
        "W2": np.full((1, 2, 1), 0.1),
        "b2": np.zeros((1, 1, 1)),
    }
    X = np.array([[8.0, 8.0]])
    y_hat, A1 = apply_forward(REGRESSION, (), X, before)
    inputs = UpdateInputs(np.array([[4.0]]), y_hat, A1, X, before)
    swapped, right = apply(REGRESSION, [NUMPY[1]], inputs), apply(REGRESSION, [], inputs)
    assert all(np.array_equal(swapped[key], right[key]) for key in right)
