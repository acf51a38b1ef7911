"""What is left of an error that has no sign to blame: one half of it, its square, or nothing."""

import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import diagnosed

from gradkit.diagnosis.rules.draw import FRESH, draw_update

LEFT = {
    "wrong-error": lambda y, y_hat: y_hat,
    "wrong-error of the target": lambda y, y_hat: y,
    "wrong-error of one term": lambda y, y_hat: y * (1 - y_hat),
    "squared-error": lambda y, y_hat: (y - y_hat) ** 2,
    "missing-error": lambda y, y_hat: 1.0 + 0 * y,
}


def told(task, error, first=1.0):
    """The codes named where each parameter moves with ``error``, in layer 1 times ``first``."""
    two = 2 if task is REGRESSION else 1

    def step(p, y, y_hat, A1, X):
        d = two * error(y, y_hat)
        back = first * p["W2"] * d * (A1 * (1 - A1) if task is CLASSIFICATION else 1)
        p["W2"] = p["W2"] + 0.001 * d * A1
        p["b2"] = p["b2"] + 0.01 * d
        p["W1"] = p["W1"] + 0.001 * X @ back.T
        p["b1"] = p["b1"] + 0.01 * back

    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    found = diagnosed(task, step, fit, fresh).explanation
    assert found.unexplained == ()
    return [slip.code for slip in found.slips]


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", LEFT)
def test_either_sign_is_one_mistake(task, name, sign):
    """In `W -= rate * d` as in `W += rate * d`, what stands in d's place is all that is wrong."""
    code = name.partition(" ")[0]
    assert told(task, lambda y, y_hat: sign * LEFT[name](y, y_hat)) == [code]


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
def test_a_whole_error_has_a_sign(task):
    """The twin: the difference itself the other way round is uphill."""
    assert told(task, lambda y, y_hat: y_hat - y) == ["wrong-sign"]


def test_a_factor_is_seen_beside_it():
    """Only the sign is forgiven: a step three times as long is that."""
    codes = told(CLASSIFICATION, lambda y, y_hat: -3 * y_hat)
    assert codes[0] == "wrong-error"
    assert len(codes) == 2
    assert "wrong-sign" not in codes
