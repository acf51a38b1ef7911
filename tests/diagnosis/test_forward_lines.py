"""Lines of mistakes in a forward pass, in the ways in which students lay one out."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.sample(12)

HEAD = """\
import numpy as np

def initialise_parameters(dim):
    return {'W1': np.full((2, 2), .1), 'b1': np.zeros((2, 1)),
            'W2': np.full((2, 1), .1), 'b2': np.zeros((1, 1))}

def sigmoid(Z):
    return 1 / (1 + np.exp(-Z))
"""

UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d = y_hat - y
    dh = parameters['W2'] * d * A1 * (1 - A1)
    parameters['W1'] = parameters['W1'] - 0.001 * X @ dh.T
    parameters['b1'] = parameters['b1'] - 0.01 * dh
    parameters['W2'] = parameters['W2'] - 0.001 * d * A1
    parameters['b2'] = parameters['b2'] - 0.01 * d
"""

SHARED_LAYER = """
def layer(A, W, b):
    Z = W.T @ A + b
    return Z

def L_layer_forward(X, p):
    {first}
    A2 = sigmoid(layer(A1, p['W2'], p['b2']))
    return A2, A1
"""

INLINE = """
def L_layer_forward(X, p):
    {z1}
    {a1}
    {z2}
    A2 = sigmoid(Z2)
    return A2, A1
"""
RIGHT = {
    "z1": "Z1 = p['W1'].T @ X + p['b1']",
    "a1": "A1 = sigmoid(Z1)",
    "z2": "Z2 = p['W2'].T @ A1 + p['b2']",
}

LOOP = """
def L_layer_forward(X, p):
    A = X
    for l in (1, 2):
        A_prev = A
        {body}
    return A, A_prev
"""

HERE = "  # here"


def inline(**changes: str) -> str:
    """The pass statement by statement, some of them changed."""
    return INLINE.format(**(RIGHT | changes))


def looped(*body: str) -> str:
    """The pass as a loop over the layers."""
    return LOOP.format(body="\n        ".join(body))


SIGMOID_TWICE = """
def L_layer_forward(X, p):
    A1 = sigmoid(sigmoid(p['W1'].T @ X + p['b1']))  # here
    return sigmoid(p['W2'].T @ A1 + p['b2']), A1
"""

ENTRIES = """
def L_layer_forward(X, p):
    W1, b1, W2, b2 = p['W1'], p['b1'], p['W2'], p['b2']
    h1 = sigmoid(W1[0][0] * X[0][0] + W1[1][0] * X[1][0] + b1[0][0])
    h2 = sigmoid(W1[0][1] * X[0][0] + W1[1][1] * X[1][0] + b1[1][0])
    A1 = np.array([[h1], [h2]])
    out = W2[0][0] * h1 + W2[1][0] * h2  # here
    return sigmoid(out), A1
"""

NESTED = """
def tanh(v):
    return np.tanh(v)

def dense(A, W, b):
    Z = W.T @ A + b
    A = tanh(Z)  # here
    return A

def L_layer_forward(X, p):
    A1 = dense(X, p['W1'], p['b1'])
    return sigmoid(p['W2'].T @ A1 + p['b2']), A1
"""

BY_NAME = """
def dense(A, W, b, act):
    Z = W.T @ A + b
    if act == 'relu':
        A = np.maximum(0, Z)
    else:
        A = sigmoid(Z)
    return A

def L_layer_forward(X, p):
    A1 = dense(X, p['W1'], p['b1'], 'sigmoid')
    return dense(A1, p['W2'], p['b2'], 'sigmoid'), A1
"""

KEEPING = """
def weigh(A, W, b):
    Z = W.T @ A  # here
    cache = (A, W, b)
    return Z, cache

def L_layer_forward(X, p):
    A, caches = X, []
    for l in (1, 2):
        A_prev = A
        Z, cache = weigh(A_prev, p[f'W{l}'], p[f'b{l}'])
        A = sigmoid(Z)
        caches.append(cache)
    return A, A_prev
"""

UNITS = """
def L_layer_forward(X, p):
    A1 = np.zeros((2, 1))
    for j in range(2):
        z = p['b1'][j, 0]
        for i in range(2):
            z += p['W1'][j, i] * X[i, 0]  # here
        A1[j, 0] = sigmoid(z)
    return sigmoid(p['W2'].T @ A1 + p['b2']), A1
"""

SUMS = """
def L_layer_forward(X, p):
    A1 = []
    for j in range(2):
        z = sum(p['W1'][i, j] * X[i, 0] for i in range(2))  # here
        A1.append([sigmoid(z)])
    return sigmoid(p['W2'].T @ np.array(A1) + p['b2']), np.array(A1)
"""

CASES = {
    "no bias": inline(z1="Z1 = p['W1'].T @ X  # here"),
    "no bias inside a call": inline(z1="", a1="A1 = sigmoid(p['W1'].T @ X)  # here"),
    "no bias in the last layer": inline(z2="Z2 = p['W2'].T @ A1  # here"),
    "no bias, entry by entry": ENTRIES,
    "bias taken away": inline(z1="Z1 = p['W1'].T @ X", a1="A1 = sigmoid(Z1 - p['b1'])  # here"),
    "bias taken away later": inline(
        z1="Z1 = p['W1'].T @ X", a1="Z1 = Z1 - p['b1']  # here\n    A1 = sigmoid(Z1)"
    ),
    "not transposed": inline(z1="Z1 = p['W1'] @ X + p['b1']  # here"),
    "not transposed, bias later": inline(
        z1="Z1 = p['W1'] @ X  # here", a1="Z1 += p['b1']\n    A1 = sigmoid(Z1)"
    ),
    "no activation": inline(z1="", a1="A1 = p['W1'].T @ X + p['b1']  # here"),
    "no activation, another name": inline(a1="A1 = Z1  # here"),
    "no activation, another key": inline(
        z1="c = {'Z1': p['W1'].T @ X + p['b1']}",
        a1="c['A1'] = c['Z1']  # here\n    A1 = c['A1']",
    ),
    "another activation": inline(a1="A1 = np.tanh(Z1)  # here"),
    "another activation's helper": "\ndef tanh(v):\n    return np.tanh(v)\n"
    + inline(a1="A1 = tanh(Z1)  # here"),
    "another activation in a layer's helper": NESTED,
    "another activation in a branch": BY_NAME.replace(
        "'b1'], 'sigmoid')", "'b1'], 'relu')  # here"
    ),
    "twice, by one helper": SIGMOID_TWICE,
    "sign turned for the helper": inline(a1="A1 = sigmoid(-Z1)  # here"),
    "sign not turned": inline(a1="A1 = 1 / (1 + np.exp(Z1))  # here"),
    "sign not turned, in steps": inline(
        a1="E = np.exp(Z1)  # here\n    A1 = 1 / (1 + E)",
    ),
    "a right helper for one bias too few": SHARED_LAYER.format(
        first="A1 = sigmoid(layer(X, p['W1'], 0))  # here"
    ),
    "a right helper without activation": SHARED_LAYER.format(
        first="A1 = layer(X, p['W1'], p['b1'])  # here"
    ),
    "a helper that is wrong": SHARED_LAYER.replace("@ A + b", "@ A  # here").format(
        first="A1 = sigmoid(layer(X, p['W1'], p['b1']))"
    ),
    "helpers that keep what they are handed": KEEPING,
    "a loop over units": UNITS,
    "a loop over units without biases": SUMS,
    "a loop without biases": looped("Z = p[f'W{l}'].T @ A_prev  # here", "A = sigmoid(Z)"),
    "a loop without activations": looped("A = p[f'W{l}'].T @ A_prev + p[f'b{l}']  # here"),
    "a loop of tanh": looped("Z = p[f'W{l}'].T @ A_prev + p[f'b{l}']", "A = np.tanh(Z)  # here"),
    "a loop with a branch": looped(
        "Z = p[f'W{l}'].T @ A_prev + p[f'b{l}']",
        "if l == 1:",
        "    A = Z  # here",
        "else:",
        "    A = sigmoid(Z)",
    ),
    "a layer once more": inline(
        a1="A1 = sigmoid(Z1)\n    A1 = sigmoid(p['W1'].T @ A1 + p['b1'])  # here"
    ),
    "a layer once more, by a helper": SHARED_LAYER.format(
        first="A1 = sigmoid(layer(X, p['W1'], p['b1']))\n"
        "    A1 = sigmoid(layer(A1, p['W1'], p['b1']))  # here"
    ),
    "the wrong name returned": inline().replace("A2, A1", "A2, Z1  # here"),
}


def lines_of(diagnosed, forward: str, head: str = HEAD) -> tuple[list[int], list[int], int]:
    """The lines of the one finding, the marked ones, and that of the pass's ``def``."""
    text = head + forward + UPDATE
    lines = text.split("\n")
    result = diagnosed(text.replace(HERE, ""), "classification-numpy")
    (finding,) = [each for each in result.findings if each.check == "forward"]
    assert finding.mistake != "unexplained"
    assert finding.source == lines[finding.places[0].line - 1].replace(HERE, "").strip()
    marked = [number for number, line in enumerate(lines, 1) if line.endswith(HERE)]
    (start,) = [n for n, line in enumerate(lines, 1) if line.startswith("def L_layer_forward")]
    return [place.line for place in finding.places], marked, start


@pytest.mark.sample(18)
@pytest.mark.parametrize("forward", CASES.values(), ids=CASES)
def test_the_statement_of_the_layer_at_fault(diagnosed, forward: str) -> None:
    """Not what comes after it, and not a helper that does right what it is asked to."""
    lines, marked, _ = lines_of(diagnosed, forward)
    assert lines == marked


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("np.exp(-Z)", "np.exp(Z)"), ("1 / (1 + np.exp(-Z))", "np.tanh(Z)")],
)
def test_the_helper_is_at_fault_for_both_layers(diagnosed, right: str, wrong: str) -> None:
    """Its name says what it should compute, and it computes another thing wherever it is called."""
    head = HEAD.replace(right, wrong).replace(f"{wrong}\n", f"{wrong}{HERE}\n")
    head = head if HERE in head else head.replace("(Z))\n", f"(Z)){HERE}\n")
    lines, marked, _ = lines_of(diagnosed, inline(), head)
    assert lines == marked
    assert len(lines) == 1


NOWHERE = {
    "a bias for the last layer alone": looped(
        "A = sigmoid(p[f'W{l}'].T @ A_prev + (l == 2) * p[f'b{l}'])"
    ),
}
ROUNDS = {
    f"over {row}": looped("A = sigmoid(p[f'W{l}'].T @ A_prev + p[f'b{l}'])").replace(
        "in (1, 2):", f"in {row}:  # here"
    )
    for row in ("(1,)", "(2,)", "(1, 1, 2)")
}
KEPT_TOO_LATE = looped("A = sigmoid(p[f'W{l}'].T @ A + p[f'b{l}'])  # here", "A_prev = A").replace(
    "        A_prev = A\n", "", 1
)


def test_the_change_that_mends_it_has_a_line(diagnosed) -> None:
    """No statement computes what it should not; but two of them stand in the wrong order."""
    lines, marked, _ = lines_of(diagnosed, KEPT_TOO_LATE)
    assert lines == marked


@pytest.mark.parametrize("forward", ROUNDS.values(), ids=ROUNDS)
def test_a_loop_that_has_rounds_too_few_or_too_many_is_told(diagnosed, forward: str) -> None:
    """No line that it runs is wrong."""
    lines, marked, _ = lines_of(diagnosed, forward)
    assert lines == marked


@pytest.mark.parametrize("forward", NOWHERE.values(), ids=NOWHERE)
def test_without_a_statement_the_function_is_told(diagnosed, forward: str) -> None:
    """A line that is right for one layer is not told for another, nor is one that runs too often."""
    lines, _, start = lines_of(diagnosed, forward)
    assert lines == [start]
