"""Rules, run."""

import numpy as np
import pytest
from rules.nets import REGRESSION

from gradkit.diagnosis.rules.draw import draw_update
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.records.rule import Factor, Rule, Term

W2 = [Factor("W2", (j, 0), "before") for j in (0, 1)]
LATE = [Factor("W2", (j, 0), "after") for j in (0, 1)]


def test_a_rule_that_uses_a_new_value_waits_for_it():
    """Order of the rules does not matter, only what they need."""
    rules = {
        ("W2", (1, 0)): Rule("W2", (1, 0), W2[1], (Term(2.0, (LATE[0],)),)),
        ("W2", (0, 0)): Rule("W2", (0, 0), W2[0], (Term(0.5, (Factor("error", (0,)),)),)),
    }
    inputs = draw_update(REGRESSION, 1, 5)
    after = evaluate(REGRESSION, rules, inputs)["W2"][:, :, 0]
    first = inputs.before["W2"][:, 0, 0] + 0.5 * (inputs.y - inputs.y_hat)[:, 0]
    np.testing.assert_allclose(after[:, 0], first)
    np.testing.assert_allclose(after[:, 1], inputs.before["W2"][:, 1, 0] + 2 * first)


def test_entries_without_a_rule_are_given_or_nan():
    """Nothing is made up."""
    inputs = draw_update(REGRESSION, 1, 5)
    assert np.isnan(evaluate(REGRESSION, {}, inputs)["b1"]).all()
    given = {key: value + 1 for key, value in inputs.before.items()}
    assert np.array_equal(evaluate(REGRESSION, {}, inputs, given)["b1"], given["b1"])


def test_a_sum_runs_over_its_letter():
    """Letters in an index mean a sum over the whole term."""
    term = Term(3.0, (Factor("W2", ("j", 0), "before"), Factor("hidden", ("j",))))
    rules = {("b2", (0, 0)): Rule("b2", (0, 0), None, (term,))}
    inputs = draw_update(REGRESSION, 1, 5)
    after = evaluate(REGRESSION, rules, inputs)["b2"][:, 0, 0]
    np.testing.assert_allclose(after, 3 * (inputs.before["W2"][:, :, 0] * inputs.A1).sum(axis=1))


def test_rules_in_a_circle_are_refused():
    """The message names the entries."""
    rules = {
        ("W2", (j, 0)): Rule("W2", (j, 0), W2[j], (Term(1.0, (LATE[1 - j],)),)) for j in (0, 1)
    }
    with pytest.raises(ValueError, match=r"W2\[0,0\], W2\[1,0\] each need the new value"):
        evaluate(REGRESSION, rules, draw_update(REGRESSION, 1, 5))
