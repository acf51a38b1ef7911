"""Conventions that public notebooks have beside the asked one: taken, or refused in plain words."""

from __future__ import annotations

import textwrap

import pytest
from said import codes, states
from written import homework

pytestmark = pytest.mark.sample(6)

TASK = "regression-numpy"
BODY = """\
e = 2 * (y - y_hat)
P = {}
P['W1'] = parameters['W1'] + 0.001 * X @ (e * parameters['W2']).T
P['b1'] = parameters['b1'] + 0.01 * e * parameters['W2']
P['W2'] = parameters['W2'] + 0.001 * e * A1
P['b2'] = parameters['b2'] + 0.01 * e
"""
IN_PLACE = BODY.replace("P = {}", "P = parameters").replace(
    "P['W1'] =", "W2 = parameters['W2'].copy()\nP['W1'] ="
)


def update(head: str, body: str = BODY, end: str = "") -> str:
    """An update function of these parts."""
    return f"def update_parameters({head}):\n" + textwrap.indent(body + end, "    ")


ONE_BY_ONE = "return P['W1'], P['b1'], P['W2'], P['b2']"


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize(
    "source",
    [
        update("parameters, y, y_hat, A1, X", end=ONE_BY_ONE),
        update("parameters, y, y_hat, A1, X", end="return [P['W2'], P['W1'], P['b2'], P['b1']]"),
        update("*args", "parameters, y, y_hat, A1, X = args\n" + BODY, ONE_BY_ONE),
        update("parameters, *rest", "y, y_hat, A1, X = rest\n" + IN_PLACE),
        update("parameters, y, y_hat, A1, X, *rest, **more", IN_PLACE),
    ],
    ids=["one by one", "in another order", "stars", "stars after the first", "more stars"],
)
def test_other_conventions_are_taken(diagnosed, source: str) -> None:
    """The whole of it is right, and graded so; a sign that is wrong has its name there too."""
    assert set(states(diagnosed(homework(TASK, source), TASK)).values()) == {"pass"}
    wrong = source.replace("['W2'] + 0.001", "['W2'] - 0.001")
    assert codes(diagnosed(homework(TASK, wrong), TASK)) == {"wrong-sign"}


def test_a_copy_that_does_not_come_back_is_still_dropped(diagnosed) -> None:
    """The twin: three of four values are not the parameters."""
    source = update("parameters, y, y_hat, A1, X", end="return P['W1'], P['b1'], P['W2']")
    assert codes(diagnosed(homework(TASK, source), TASK)) <= {"copy-dropped", "nothing-updated"}


def test_methods_are_refused_with_what_to_do(diagnosed) -> None:
    """A class holds the function: the sentence names it."""
    text = homework(TASK, "class Net:\n" + textwrap.indent(update("self, p, y"), "    "))
    (message,) = {c.message for c in diagnosed(text, TASK).checks if c.check == "update"}
    assert message.endswith(
        "The methods of `Net` cannot be graded: a class needs a forward pass, an update, and "
        "parameters such as `self.W1`. Write the method as a function outside the class, without "
        "`self`."
    )


@pytest.mark.parametrize("check", ["update", "trajectory"])
def test_single_precision_on_the_way_is_said(diagnosed, check: str) -> None:
    """Where seven digits are right, and no more; a step that is wrong does not hear of it."""
    said = "The numbers are right to about seven digits only: `update_parameters` works in"
    rounded = "((0.001 * X @ (e * parameters['W2']).T).astype(np.float32))"
    rough = "0.01 * e * parameters['W2'] * (1 + 1e-6)"
    body = IN_PLACE.replace("0.001 * X @ (e * parameters['W2']).T", rounded)
    if check == "update":
        body = body.replace("0.01 * e * parameters['W2']", rough)
    for sign, heard in ("+", True), ("-", False):
        source = update("parameters, y, y_hat, A1, X", body.replace("['b2'] +", f"['b2'] {sign}"))
        result = diagnosed(homework(TASK, source), TASK)
        (found,) = [c for c in result.checks if c.check == check]
        assert found.state == "fail"
        assert (said in found.message) == heard
