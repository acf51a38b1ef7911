"""The catalogue as values: complete, readable, and every prediction executable."""

import numpy as np
import pytest
from rules.nets import ALL, REGRESSION, RELU, SOFTMAX, TANH
from rules.rewrites import REWRITES, apply, rewrite_rules
from usual_cases import usual_cases, usual_forward_cases

from gradkit.diagnosis.catalogue import (
    catalogue,
    kinds,
    mistake,
    net_mistakes,
)
from gradkit.diagnosis.formulas.explain import diagnose
from gradkit.diagnosis.formulas.records import parse_parameter, target_of
from gradkit.diagnosis.mistakes.forward import CHANGES as FORWARD
from gradkit.diagnosis.mistakes.training import CHANGES as TRAINING
from gradkit.diagnosis.mistakes.training import usual_training_cases
from gradkit.diagnosis.rules.draw import FRESH, draw_update, with_rate
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.step import correct_rules, correct_step
from gradkit.records.rule import Slip

CODES = net_mistakes()
UPDATES = tuple(code for code in CODES if code in REWRITES)


def test_every_code_has_a_page_and_a_prediction():
    """Nothing is listed that cannot be run, nothing runs that is not listed."""
    assert set(CODES) == {*REWRITES, *FORWARD, *TRAINING}
    assert set(CODES) <= set(catalogue())


def test_the_kinds_of_a_page_are_kinds_of_changes():
    """A mistake of a numpy net has some, but where its line is sure, or no one change mends it."""
    of = {code: set(mistake(code).kinds) for code in CODES}
    assert set().union(*of.values()) <= set(kinds())
    assert {code for code, own in of.items() if own} <= {*REWRITES, *FORWARD}
    assert sum(map(bool, of.values())) > 30


OF_EQUAL_NUMBERS = {"wrong-loss": ["extra-output-derivative", "wrong-factor"]}
"""What numbers alone say of a mistake of which the steps on the way tell that it is one."""


@pytest.mark.sample(36)
@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
@pytest.mark.parametrize("code", UPDATES)
def test_a_mistake_alone_is_told_alone_in_any_exercise(code, task):
    """The prediction of each usual case, diagnosed, gives that code or an equal one back."""
    rate = code == "rate-ignored"
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    fit, fresh = (with_rate(fit, 1), with_rate(fresh, 2)) if rate else (fit, fresh)
    for slip in usual_cases(code, task, rate=rate):
        probes = [type_of(inputs, apply(task, [slip], inputs)) for inputs in (fit, fresh)]
        seen = [code] if code in ("copy-dropped", "input-mutated") else []
        rules = rewrite_rules(task, correct_rules(task, rate=rate), [slip])
        if code == "integer-truncation":
            rules = {entry: rule for entry, rule in rules.items() if entry not in slip.entries}
        found = diagnose(task, rules, *probes, seen=seen).explanation
        named = [[s.code for s in found.slips]]
        named += [[s.code for s in other] for other in found.alternatives]
        assert OF_EQUAL_NUMBERS.get(code, [code]) in named
        assert found.unexplained == ()
        if code in OF_EQUAL_NUMBERS:
            continue
        told = next(s for s in (*found.slips, *sum(found.alternatives, ())) if s.code == code)
        assert set(told.entries) == set(slip.entries)


def type_of(inputs, after):
    """Probes as a student's code would have left them."""
    from gradkit.records.rule import UpdateProbes

    return UpdateProbes(inputs, after)


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_the_correct_step_with_no_mistake_is_the_step(task):
    """`apply` without mistakes is gradient descent."""
    inputs = draw_update(task, 3, 20)
    for key, value in correct_step(task, inputs).items():
        np.testing.assert_allclose(apply(task, [], inputs)[key], value, rtol=1e-13, atol=1e-15)


def test_every_update_mistake_has_room_somewhere():
    """Between them the exercises leave no prediction untried."""
    for code in UPDATES:
        rate = code == "rate-ignored"
        assert any(usual_cases(code, task, rate=rate) for task in ALL), code
    for code in FORWARD:
        assert any(usual_forward_cases(code, task) for task in ALL), code
    for code in TRAINING:
        assert any(usual_training_cases(code, task) for task in ALL), code


def test_a_mistake_without_room_has_no_case():
    """A linear net has no activation derivative to forget."""
    assert usual_cases("missing-activation-derivative", REGRESSION) == ()
    assert usual_cases("rate-ignored", REGRESSION) == ()
    assert usual_forward_cases("weight-not-transposed", TANH) == ()
    assert usual_forward_cases("activation-twice", RELU) == ()
    assert usual_training_cases("double-sigmoid", REGRESSION) == ()


def test_details_of_a_wrong_form_are_refused():
    """The error says how a parameter's entry and a target are written."""
    with pytest.raises(TypeError, match=r"written \(name, row, column, when\), not 'W2'"):
        parse_parameter("W2")
    with pytest.raises(TypeError, match=r"target is written \(name, row, column\), not 3"):
        target_of((("target", 3),))


def test_a_sum_over_outputs_is_told_where_there_are_several():
    """The softmax exercise has sums over paths; a wrong one is recognised."""
    entries = tuple(("W2", (j, k)) for j in range(5) for k in range(3))
    slip = Slip("wrong-sum-axis", entries, ((("over", "k"),),) * len(entries))
    fit, fresh = draw_update(SOFTMAX, 1), draw_update(SOFTMAX, 2, FRESH)
    rules = rewrite_rules(SOFTMAX, correct_rules(SOFTMAX), [slip])
    probes = [type_of(inputs, evaluate(SOFTMAX, rules, inputs)) for inputs in (fit, fresh)]
    assert [s.code for s in diagnose(SOFTMAX, rules, *probes).explanation.slips] == [
        "wrong-sum-axis"
    ]
