"""Lines of what never moves: where a change lets a loop go on, or the function's own."""

from __future__ import annotations

import pytest
from written import homework

pytestmark = pytest.mark.sample(9)

TASK = "regression-numpy"
HERE = "  # here"

BODY = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y_hat - y)
    dW2 = d * A1
    dh = parameters['W2'] * d
    dW1 = X @ dh.T
    {w1}
    parameters['b1'] = parameters['b1'] - 0.01 * dh
    parameters['W2'] = parameters['W2'] - 0.001 * dW2
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""

LAYERS = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = 2 * (y_hat - y)
    dh = parameters['W2'] * d
    grads = {'W2': d * A1, 'b2': d, 'W1': X @ dh.T, 'b1': dh}
    for l in (2, 1):
        parameters[f'W{l}'] = parameters[f'W{l}'] - 0.001 * grads[f'W{l}']
        parameters[f'b{l}'] -= 0.01 * grads[f'b{l}']
    return parameters
"""


def body(*w1: str) -> str:
    """An update whose first layer's weights are written so."""
    return BODY.format(w1="\n    ".join(w1))


STEP = "        parameters['W1'][i, j] -= 0.001 * dW1[i, j]"
NOTHING = "        pass  # here\n"
LOOPS = {
    "rows": body(
        "for i in range(1):  # here",
        "    parameters['W1'][i] = parameters['W1'][i] - 0.001 * dW1[i]",
    ),
    "rows of two": body("for i in range(1):  # here", "    for j in range(2):", STEP),
    "columns of two": body("for i in range(2):", "    for j in range(1):  # here", STEP),
    "by another name": body(
        "W1 = parameters['W1']", "for i in range(1):  # here", "    W1[i] -= 0.001 * dW1[i]"
    ),
    "a return in the loop": LAYERS.replace(
        "    return parameters", "        return parameters  # here"
    ),
}

NOWHERE = {
    "one entry is left out": body(
        "parameters['W1'][0] -= 0.001 * dW1[0]", "parameters['W1'][1, 0] -= 0.001 * dW1[1, 0]"
    ).replace("0.01 * d\n", "0.01 * d  # here\n"),
    "a round is left out on a condition": body(
        "for i in range(2):",
        "    if i == 1:  # here",
        "        continue",
        "    for j in range(2):",
        STEP,
    ),
    "the gradient was filled by the short loop": body(
        "G = np.zeros((2, 2))",
        "for k in range(1):  # here",
        "    G[k] = dW1[k]",
        "for i in range(2):",
        "    for j in range(2):",
        STEP.replace("dW1", "G"),
    ),
    "biases are forgotten in a loop over layers": LAYERS.replace(
        "        parameters[f'b{l}'] -= 0.01 * grads[f'b{l}']\n", ""
    ),
    "a layer is left out": LAYERS.replace("for l in (2, 1):", "for l in (2,):  # here"),
    "a loop is left in its first round": LAYERS.replace(
        "    return parameters", "        break\n    return parameters"
    ),
    "a loop is left on a condition": LAYERS.replace(
        "    return parameters",
        "        if l == 2:  # here\n            break\n    return parameters",
    ),
}


def lines_of(diagnosed, update: str) -> tuple[list[int], list[int], int, str]:
    """The lines of what is not updated, the marked ones, that of the ``def``, the third hint."""
    text = homework(TASK, update)
    result = diagnosed(text.replace(HERE, ""), TASK)
    (finding,) = result.findings
    assert finding.mistake == "not-updated"
    lines = text.split("\n")
    marked = [number for number, line in enumerate(lines, 1) if line.endswith(HERE)]
    (start,) = [n for n, line in enumerate(lines, 1) if line.startswith("def update_parameters")]
    return [place.line for place in finding.places], marked, start, finding.hints[2]


@pytest.mark.parametrize("update", LOOPS.values(), ids=LOOPS)
def test_the_loop_that_ends_too_early(diagnosed, update: str) -> None:
    """Not the gradient, of which another entry makes use and with which nothing is wrong."""
    lines, marked, _, _ = lines_of(diagnosed, update)
    assert lines == marked


@pytest.mark.parametrize("update", NOWHERE.values(), ids=NOWHERE)
def test_what_no_loop_is_seen_to_leave_out(diagnosed, update: str) -> None:
    """The twin: then it is that of a change that mends it, or the function's own."""
    lines, marked, start, _ = lines_of(diagnosed, update)
    assert lines == (marked or [start])


def test_a_loop_that_does_nothing_yet_is_told_there(diagnosed) -> None:
    """Where ``pass`` stands, not where what it does not use was made."""
    update = LAYERS.replace(
        LAYERS[LAYERS.index("        param") : LAYERS.index("    return")], NOTHING
    )
    text = homework(TASK, update)
    (finding,) = diagnosed(text.replace(HERE, ""), TASK).findings
    assert (finding.mistake, finding.source, finding.columns) == ("nothing-updated", "pass", (0, 4))
    assert HERE in text.split("\n")[finding.place.line - 1]


def test_a_local_name_that_was_bound_anew_is_named(diagnosed) -> None:
    """That no statement changes the parameter would not be what the student sees."""
    update = body("W1 = parameters['W1']", "W1 = W1 - 0.001 * dW1  # here")
    lines, marked, _, hint = lines_of(diagnosed, update)
    assert lines == marked
    assert hint == (
        "After `W1 = …`, only a local variable has the new value; the parameter itself keeps its old "
        "value."
    )


def test_a_gradient_that_nothing_uses_is_no_local_name(diagnosed) -> None:
    """The twin: nothing is said of names where a step is missing."""
    *_, hint = lines_of(diagnosed, body("pass"))
    assert hint == (
        "`update_parameters` never changes W1: no statement assigns a new value, or the step is zero."
    )
