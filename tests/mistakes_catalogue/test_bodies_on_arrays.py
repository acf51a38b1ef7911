"""Update functions with several mistakes at once, as students write them."""

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import diagnosed

from gradkit.diagnosis.rules.draw import FRESH, draw_update, with_rate


def told(task, function, rate=False, **options):
    """Entries by code, written short, and what is unexplained."""
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    fit, fresh = (with_rate(fit, 1), with_rate(fresh, 2)) if rate else (fit, fresh)
    found = diagnosed(task, function, fit, fresh, **options).explanation
    short = {s.code: " ".join(f"{k}{i}{j}" for k, (i, j) in s.entries) for s in found.slips}
    return short, found.unexplained


def bias_from_weight(p, y, y_hat, A1, X):
    """One rate for all, b2 from W2, layer 2 first, W1 filled by rows."""
    step = 0.001 * 2 * (y - y_hat)
    p["W2"][0][0] = p["W2"][0][0] + step * A1[0][0]
    p["W2"][1][0] = p["W2"][1][0] + step * A1[1][0]
    p["b2"][0][0] = p["W2"][1][0] + step
    p["W1"][0][0] = p["W1"][0][0] + step * p["W2"][0][0] * X[0][0]
    p["W1"][0][1] = p["W1"][0][1] + step * p["W2"][0][0] * X[1][0]
    p["b1"][0][0] = p["b1"][0][0] + step * p["W2"][0][0]
    p["W1"][1][0] = p["W1"][1][0] + step * p["W2"][1][0] * X[0][0]
    p["W1"][1][1] = p["W1"][1][1] + step * p["W2"][1][0] * X[1][0]
    p["b1"][1][0] = p["b1"][1][0] + step * p["W2"][1][0]


def test_the_wrong_parameter_on_the_right_hand_side():
    """The most copied body of all."""
    assert told(REGRESSION, bias_from_weight) == (
        {
            "wrong-source-entry": "b200",
            "swapped-index": "W101 W110",
            "updated-before-use": "W100 W101 W110 W111 b100 b110",
            "wrong-learning-rate": "b100 b110 b200",
        },
        (),
    )


def wrong_targets(p, y, y_hat, A1, X):
    """Left-hand sides not adapted after copying."""
    e = 0.001 * (y - y_hat)
    p["W2"][0][0] = p["W2"][0][0] + e * A1[0][0]
    p["W2"][0][0] = p["W2"][0][0] + e * A1[1][0]
    p["b1"][0][0] = p["b1"][1][0] + e
    slope = A1 * (1 - A1)
    for j in (0, 1):
        for i in (0, 1):
            p["W1"][i][j] += e * p["W2"][j][0] * slope[j][0] * X[i][0]
        p["b1"][j][0] += 10 * e * p["W2"][j][0] * slope[j][0]


def test_steps_written_elsewhere():
    """Both statements that went astray are told with the entry they should have reached."""
    short, unexplained = told(CLASSIFICATION, wrong_targets)
    assert unexplained == ()
    assert short["wrong-target"] == "W210 b200"
    assert short["wrong-source-entry"] == "b100"
    assert set(short) == {
        "wrong-target",
        "wrong-source-entry",
        "updated-before-use",
        "uneven-learning-rate",
    }


def twice_assigned(p, y, y_hat, A1, X):
    """W1[1,0] gets W1[0,1]'s value and step; b1 continues from there."""
    e = 0.002 * (y - y_hat)
    p["W1"][0][0] += e * p["W2"][0][0] * X[0][0]
    p["W1"][1][0] = p["W1"][0][1] + e * p["W2"][1][0] * X[0][0]
    p["W1"][1][0] = p["W1"][1][0] + e * p["W2"][0][0] * X[1][0]
    p["W1"][1][1] += e * p["W2"][1][0] * X[1][0]
    p["b1"][0][0] += 10 * e * p["W2"][0][0]
    p["b1"][1][0] = p["W1"][1][0] + 10 * e * p["W2"][1][0]
    p["W2"] += e * A1
    p["b2"] += 10 * e


def test_an_entry_that_is_assigned_twice():
    """Source and target slips of one line, and one that follows from it."""
    short, unexplained = told(REGRESSION, twice_assigned)
    assert unexplained == ()
    assert short == {"wrong-source-entry": "W110 b110", "wrong-target": "W101"}


def precedence(p, y, y_hat, A1, X):
    """Differences without parentheses."""
    p["W2"] = p["W2"] + 0.001 * y - y_hat * A1
    p["b2"] = p["b2"] + 0.01 * (y - y_hat)
    back = 0.001 * (y - y_hat) * p["W2"]
    p["W1"] = p["W1"] + (back * A1 * (1 - A1) * X.T[0]).T
    p["b1"] = p["b1"] + 10 * back * A1 * (1 - A1)


def test_a_difference_without_parentheses():
    """The difference y − ŷ·A1 is two terms, and told as one parenthesis."""
    short, _ = told(CLASSIFICATION, precedence)
    assert short["misplaced-parenthesis"] == "W200 W210"
    assert "updated-before-use" in short


def integer_gradient(p, y, y_hat, A1, X):
    """A gradient collected in an array of integers."""
    d = -2 * (y - y_hat)
    dW1 = np.zeros((2, 2), dtype=int)
    for i in (0, 1):
        for j in (0, 1):
            dW1[i][j] = (d * p["W2"][j][0] * X[i][0]).item()
    p["W1"] = p["W1"] - 0.001 * dW1
    p["b1"] = p["b1"] - 0.01 * d * p["W2"]
    p["W2"] = p["W2"] - 0.001 * d * A1
    p["b2"] = p["b2"] - 0.01 * d


def test_integers_cut_fractions_off():
    """No formula can express it, so it is run and compared."""
    assert told(REGRESSION, integer_gradient) == ({"integer-truncation": "W100 W101 W110 W111"}, ())


def mutated(p, y, y_hat, A1, X):
    """The hidden layer multiplied in place and used afterwards."""
    slope = A1
    slope *= 1 - A1
    e = y - y_hat
    back = p["W2"] * e * slope
    p["W2"] = p["W2"] + 0.001 * e * A1
    p["b2"] = p["b2"] + 0.01 * e
    p["W1"] = p["W1"] + 0.001 * X @ back.T
    p["b1"] = p["b1"] + 0.01 * back


def test_a_changed_argument_is_told_where_it_was_seen():
    """The factor too many is the trace of the mutation."""
    short, _ = told(CLASSIFICATION, mutated, seen=("input-mutated",))
    assert short == {"input-mutated": "W200 W210"}
    short, _ = told(CLASSIFICATION, mutated)
    assert set(short) == {"extra-activation-derivative"}


def test_a_change_that_leaves_no_trace_in_the_step_is_told_without_entries():
    """The caller's array has changed all the same."""

    def late(p, y, y_hat, A1, X):
        d = 2 * (y - y_hat)
        p["W1"] = p["W1"] + 0.001 * X @ (p["W2"] * d).T
        p["b1"] = p["b1"] + 0.01 * p["W2"] * d
        p["W2"] = p["W2"] + 0.001 * A1 * d
        p["b2"] = p["b2"] + 0.01 * d
        X *= 0

    assert told(REGRESSION, late, seen=("input-mutated",)) == ({"input-mutated": ""}, ())


def test_a_copy_that_is_dropped_is_told_where_it_was_seen():
    """Numbers alone leave it open."""

    def dropped(p, y, y_hat, A1, X):
        p = {key: value.copy() for key, value in p.items()}
        p["b2"] += 0.01 * (y - y_hat)

    assert set(told(REGRESSION, dropped)[0]) == {"nothing-updated"}
    assert set(told(REGRESSION, dropped, seen=("copy-dropped",))[0]) == {"copy-dropped"}


def ignoring(p, y, y_hat, A1, X, lr):
    """A rate argument that only layer 2 uses."""
    d = 2 * (y - y_hat)
    old = p["W2"].copy()
    p["W2"] = p["W2"] + lr * d * A1
    p["b2"] = p["b2"] + lr * d
    p["W1"] = p["W1"] + 0.001 * d * X @ old.T
    p["b1"] = p["b1"] + 0.01 * d * old


def test_a_rate_that_is_used_in_one_layer_only():
    """The other layer's entries ignore it."""
    short, unexplained = told(REGRESSION, ignoring, rate=True)
    assert short == {"rate-ignored": "W100 W101 W110 W111 b100 b110"}
    assert unexplained == ()


def range_too_short(p, y, y_hat, A1, X):
    """A loop over layers that leaves layer 1 out, and mean instead of sum."""
    delta, given = np.atleast_2d(y - y_hat), {2: A1, 1: X}
    for layer in range(2, 1, -1):
        p[f"W{layer}"] += 0.001 * given[layer] @ delta.T / 2
        p[f"b{layer}"] += 0.01 * np.mean(delta)


def test_a_layer_that_is_never_updated():
    """Layer 1 stands still; the weights of layer 2 move half as far."""
    short, unexplained = told(CLASSIFICATION, range_too_short)
    assert unexplained == ()
    assert short["not-updated"] == "W100 W101 W110 W111 b100 b110"
    assert short["wrong-factor"] == "W200 W210"


def mixed_units(p, y, y_hat, A1, X):
    """One factor of the derivative belongs to the other unit; b1 goes on from b1."""
    e = y - y_hat
    back = e * p["W2"] * A1 * (1 - A1)
    p["W1"] = p["W1"] + 0.001 * X @ back.T
    p["b1"][0] = p["b1"][0] + 0.01 * back[0]
    p["b1"][1] = p["b1"][0] + 0.01 * e * p["W2"][1] * A1[1] * (1 - A1[0])
    p["W2"] = p["W2"] + 0.001 * e * A1
    p["b2"] = p["b2"] + 0.01 * e


def test_one_factor_of_another_unit():
    """The rest of the product is right, and the copied source is told too."""
    short, unexplained = told(CLASSIFICATION, mixed_units)
    assert unexplained == ()
    assert short == {"wrong-source-entry": "b110", "wrong-index": "b110"}


def means(p, y, y_hat, A1, X):
    """Means in place of sums, one rate for all, layer 2 first."""
    d = y - y_hat
    p["W2"] = p["W2"] + 0.001 * A1 * d
    p["b2"] = p["b2"] + 0.001 * d
    back = p["W2"] * d * A1 * (1 - A1)
    p["W1"] = p["W1"] + 0.001 * X @ back.T / 2
    p["b1"] = p["b1"] + 0.001 * np.mean(back)


def test_a_factor_behind_a_rate():
    """The ½ of the mean is seen on its own in W1, and behind the rate in b1."""
    short, unexplained = told(CLASSIFICATION, means)
    assert unexplained == ()
    assert short == {
        "bias-sum-axis": "b100 b110",
        "updated-before-use": "W100 W101 W110 W111 b100 b110",
        "wrong-factor": "W100 W101 W110 W111 b100 b110",
        "wrong-learning-rate": "b100 b110 b200",
    }


def exchanged_everywhere(p, y, y_hat, A1, X):
    """Rows for columns in W1, and b1 upside down."""
    d = 2 * (y - y_hat)
    p["W1"] = p["W1"] + 0.001 * d * p["W2"] @ X.T
    p["b1"] = p["b1"] + 0.01 * d * p["W2"][::-1]
    p["W2"] = p["W2"] + 0.001 * d * A1
    p["b2"] = p["b2"] + 0.01 * d


def test_exchanged_units_are_swapped_indices_too():
    """One mistake, whether input and unit or two units have changed places."""
    assert told(REGRESSION, exchanged_everywhere) == ({"swapped-index": "W101 W110 b100 b110"}, ())


@pytest.mark.parametrize("seed", range(5))
def test_other_probes_give_the_same_diagnosis(seed):
    """The answer is a property of the code, not of the draw."""
    fit, fresh = draw_update(REGRESSION, seed), draw_update(REGRESSION, seed + 50, FRESH)
    found = diagnosed(REGRESSION, bias_from_weight, fit, fresh)
    assert [s.code for s in found.explanation.slips] == [
        "wrong-source-entry",
        "swapped-index",
        "updated-before-use",
        "wrong-learning-rate",
    ]


@pytest.mark.parametrize(
    ("sign", "factor", "codes"),
    [
        (-1, 1, {"squared-error"}),
        (1, 2, {"squared-error"}),
        (-1, 2, {"squared-error"}),
    ],
)
def test_the_loss_as_it_is_in_place_of_its_slope(sign, factor, codes):
    """A square has no sign that could be wrong, and no 2 that could be missing."""

    def step(p, y, y_hat, A1, X):
        loss = factor * (y - y_hat) ** 2
        back = p["W2"] * loss
        p["W2"] = p["W2"] + sign * 0.001 * loss * A1
        p["b2"] = p["b2"] + sign * 0.01 * loss
        p["W1"] = p["W1"] + sign * 0.001 * X @ back.T
        p["b1"] = p["b1"] + sign * 0.01 * back

    short, _ = told(REGRESSION, step)
    assert set(short) == codes


def test_a_square_that_is_no_loss():
    """Three times as long is a factor, with the loss or without."""

    def step(p, y, y_hat, A1, X):
        d = 3 * (y - y_hat) ** 2
        back = p["W2"] * d
        p["W2"] = p["W2"] - 0.001 * d * A1
        p["b2"] = p["b2"] - 0.01 * d
        p["W1"] = p["W1"] - 0.001 * X @ back.T
        p["b1"] = p["b1"] - 0.01 * back

    short, _ = told(REGRESSION, step)
    assert len(short) > 1
    assert "squared-error" in short


def test_one_factor_of_the_other_unit_is_no_exchange():
    """The weights are each unit's own, so neither moves by the step of the other."""

    def step(p, y, y_hat, A1, X):
        e = y - y_hat
        slope = (A1 * (1 - A1))[::-1]
        back = e * p["W2"] * slope
        p["W2"] = p["W2"] + 0.001 * e * A1
        p["b2"] = p["b2"] + 0.01 * e
        p["W1"] = p["W1"] + 0.001 * X @ back.T
        p["b1"] = p["b1"] + 0.01 * back

    short, _ = told(CLASSIFICATION, step)
    assert short == {"wrong-index": "W100 W101 W110 W111 b100 b110"}
