"""Odd but right submissions earn full marks; what is refused is refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from told import checks, full, not_passed, script, states

pytestmark = pytest.mark.sample(108)

INITIALISE = """
def initialise_parameters(dim):
    return {
        'W1': np.full((2, 2), 0.1), 'b1': np.zeros((2, 1)),
        'W2': np.full((2, 1), 0.1), 'b2': np.zeros((1, 1)),
    }
"""
FORWARD = """
def L_layer_forward(X, parameters):
    A1 = parameters['W1'].T @ X + parameters['b1']
    A2 = parameters['W2'].T @ A1 + parameters['b2']
    return A2, A1
"""
UPDATE = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = -2 * (y - y_hat)
    d1 = parameters['W2'] * d2
    parameters['W2'] = parameters['W2'] - 0.001 * A1 * d2
    parameters['b2'] = parameters['b2'] - 0.01 * d2
    parameters['W1'] = parameters['W1'] - 0.001 * X @ d1.T
    parameters['b1'] = parameters['b1'] - 0.01 * d1
    return parameters
"""
SIGNATURE = "def update_parameters(parameters, y, y_hat, A1, X):"
TIMED = """
import functools
def timed(f):
    @functools.wraps(f)
    def inner(*args, **kwargs):
        return f(*args, **kwargs)
    return inner
@timed
"""
RECURSIVE = """
def go(l, A, parameters):
    return A if l > 2 else go(l + 1, parameters[f'W{l}'].T @ A + parameters[f'b{l}'], parameters)

def L_layer_forward(X, parameters):
    return go(1, X, parameters), parameters['W1'].T @ X + parameters['b1']
"""
WITH_LAMBDA = """
hidden = lambda X, p: p['W1'].T @ X + p['b1']
L_layer_forward = lambda X, p: (p['W2'].T @ hidden(X, p) + p['b2'], hidden(X, p))
"""
LAST = "return A2, A1"
AGAIN = "L_layer_forward(X, parameters)"
STATE = ("    d2 =", "    global step\n    step += 1\n    d2 =")


def changed(text: str, old: str, new: str) -> str:
    """One replacement that must take place."""
    assert old in text
    return text.replace(old, new)


RIGHT: dict[str, tuple[str, str, str]] = {
    "decorated": (INITIALISE, FORWARD, TIMED + UPDATE.lstrip()),
    "keyword-only rate": (
        INITIALISE,
        FORWARD,
        changed(UPDATE, "A1, X)", "A1, X, *, lr=0.001)"),
    ),
    "positional-only": (INITIALISE, FORWARD, changed(UPDATE, "A1, X)", "A1, X, /)")),
    "a default that is no argument": (
        INITIALISE,
        FORWARD,
        changed(UPDATE, "A1, X)", "A1, X, verbose=False)"),
    ),
    "parameters and loss": (
        INITIALISE,
        FORWARD,
        changed(UPDATE, "return parameters", "return parameters, float((y - y_hat) ** 2)"),
    ),
    "gradients returned": (
        INITIALISE,
        FORWARD,
        changed(UPDATE, "return parameters", "return {'dW1': X @ d1.T, 'db1': d1}"),
    ),
    "dict of outputs": (
        INITIALISE,
        changed(FORWARD, LAST, "return {'y_hat': A2, 'A1': A1}"),
        UPDATE,
    ),
    "list of outputs": (INITIALISE, changed(FORWARD, LAST, "return [A2, A1]"), UPDATE),
    "lists of numbers": (
        INITIALISE,
        changed(FORWARD, LAST, "return A2.tolist(), A1.tolist()"),
        UPDATE,
    ),
    "a Python number": (INITIALISE, changed(FORWARD, LAST, "return float(A2[0, 0]), A1"), UPDATE),
    "matrices": (INITIALISE, changed(FORWARD, LAST, "return np.matrix(A2), np.matrix(A1)"), UPDATE),
    "single precision": (
        INITIALISE,
        changed(FORWARD, LAST, "return A2.astype('float32'), A1.astype('float32')"),
        UPDATE,
    ),
    "hidden layer kept in a global": (
        INITIALISE,
        changed(
            changed(FORWARD, "    A1 =", "    global A1\n    A1 ="),
            LAST,
            "return A2",
        ),
        UPDATE,
    ),
    "loud": (
        INITIALISE,
        changed(FORWARD, "    return", "    for i in range(500): print('x' * 200)\n    return"),
        UPDATE,
    ),
    "recursive": (INITIALISE, RECURSIVE, UPDATE),
    "lambdas": (INITIALISE, WITH_LAMBDA, UPDATE),
    "sizes one by one": (changed(INITIALISE, "(dim)", "(n_x, n_h, n_y)"), FORWARD, UPDATE),
    "no sizes": (changed(INITIALISE, "(dim)", "()"), FORWARD, UPDATE),
    "state in a global": (INITIALISE, FORWARD, "step = 0" + changed(UPDATE, *STATE)),
    "forward again inside": (
        INITIALISE,
        FORWARD,
        changed(
            UPDATE, "    d2 =", "    y_hat = L_layer_forward(X, parameters)[0][0, 0]\n    d2 ="
        ),
    ),
    "needs ŷ as an array": (INITIALISE, FORWARD, changed(UPDATE, "y_hat)\n", "y_hat[0][0])\n")),
    "needs ŷ as a number": (INITIALISE, FORWARD, changed(UPDATE, "y_hat)\n", "y_hat.item())\n")),
    "defined twice": (INITIALISE, FORWARD, f"{SIGNATURE}\n    return 1 / 0\n{UPDATE}"),
    "under another name first": (
        INITIALISE,
        FORWARD,
        changed(UPDATE, "def update_parameters", "def my_step") + "update_parameters = my_step\n",
    ),
    "numpy set to raise": ("np.seterr(all='raise')\n" + INITIALISE, FORWARD, UPDATE),
    "numpy deleted": (INITIALISE, FORWARD, UPDATE + "del np\n"),
    "tabs": (INITIALISE, FORWARD, UPDATE.replace("    ", "\t")),
    "Greek names": (INITIALISE, FORWARD, UPDATE.replace("d2", "δ")),
    "carriage returns": (INITIALISE, FORWARD.replace("\n", "\r\n"), UPDATE.replace("\n", "\r\n")),
    "a main part that fails": (
        INITIALISE,
        FORWARD,
        UPDATE + "if __name__ == '__main__':\n    print(nothing)\n",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_odd_but_right(grade, tmp_path: Path, name: str) -> None:
    """Full marks."""
    path = script(tmp_path, "import numpy as np\n" + "".join(RIGHT[name]))
    result = grade(path, "regression-numpy")
    assert full(result), not_passed(result)


@pytest.mark.parametrize("name", RIGHT)
def test_odd_and_wrong(grade, tmp_path: Path, name: str) -> None:
    """No oddity hides a wrong bias rate: all that fails is b1."""
    initialise, forward, update = RIGHT[name]
    text = changed(update, "0.01 * d1", "0.02 * d1")
    path = script(tmp_path, "import numpy as np\n" + initialise + forward + text)
    found = checks(grade(path, "regression-numpy"))
    assert found["forward"].state == "pass"
    assert {e.parameter for e in found["update"].entries if e.state == "fail"} == {"b1"}


@pytest.mark.parametrize(
    ("initialise", "forward", "update", "check", "state", "said"),
    [
        (
            INITIALISE,
            "def L_layer_forward(X, parameters):\n    return L_layer_forward(X, parameters)\n",
            UPDATE,
            "forward",
            "error",
            "`L_layer_forward` stopped with RecursionError: maximum recursion depth exceeded",
        ),
        (
            INITIALISE,
            changed(FORWARD, "    return", "    input('go on?')\n    return"),
            UPDATE,
            "forward",
            "error",
            "`L_layer_forward` stopped with EOFError: EOF when reading a line.",
        ),
        (
            INITIALISE,
            changed(FORWARD, LAST, "return A2 + 1e-6 * np.random.randn(), A1"),
            UPDATE,
            "forward",
            "fail",
            "`L_layer_forward` gives wrong values in y_hat.",
        ),
        (
            "np.abs = np.isfinite = np.allclose = lambda *a, **k: True\n" + INITIALISE,
            changed(FORWARD, LAST, "return A2 * 3, A1"),
            UPDATE,
            "forward",
            "fail",
            "`L_layer_forward` gives wrong values in y_hat.",
        ),
        (
            changed(INITIALISE, "np.full((2, 2), 0.1)", "np.random.randn(2, 2)"),
            FORWARD,
            UPDATE,
            "interface",
            "fail",
            "`initialise_parameters` gives wrong initial values in W1[0,0], W1[0,1], "
            "W1[1,0], W1[1,1].",
        ),
        (
            INITIALISE,
            FORWARD,
            UPDATE + "\ndef update_parameters(p):\n    return p\n",
            "update",
            "missing",
            "`update_parameters` does not take the arguments that it is called with: found "
            "`update_parameters(p)` (regression.py:23), "
            "required `update_parameters(parameters, y, y_hat, A1, X)`.",
        ),
        (
            INITIALISE,
            FORWARD,
            changed(UPDATE, "(parameters, y, y_hat, A1, X)", "(parameters, y)"),
            "update",
            "missing",
            "`update_parameters` does not take the arguments that it is called with: found "
            "`update_parameters(parameters, y)` (regression.py:14), "
            "required `update_parameters(parameters, y, y_hat, A1, X)`.",
        ),
    ],
)
def test_what_is_wrong_has_its_sentence(
    grade, tmp_path: Path, initialise, forward, update, check, state, said
) -> None:
    """And its state."""
    path = script(tmp_path, "import numpy as np\n" + initialise + forward + update)
    found = checks(grade(path, "regression-numpy"))[check]
    assert found.state == state
    assert found.message.startswith(said)


# --- torch -------------------------------------------------------------------------------

IMPORTS = """
import torch
from torch import nn
X = torch.tensor([[8, 8], [6, 10], [7, 9], [5, 12]], dtype=torch.float32)
y = torch.tensor([4, 6, 5, 7], dtype=torch.float32)
"""
MODEL = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.stack = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))

    def forward(self, x):
        return self.stack(x)
"""
OUTPUT_FIRST = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.output = nn.Linear(2, 1)
        self.hidden = nn.Linear(2, 2)

    def forward(self, x):
        return self.output(self.hidden(x))
"""
TRAIN = """
def train(model, X, y, epochs, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    losses = []
    for epoch in range(epochs):
        loss = nn.functional.mse_loss(model(X).squeeze(), y)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
"""
BY_HAND = """
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters(): p -= lr * p.grad
    return losses
"""
RIGHT_IN_TORCH = {
    "tensors as losses": MODEL + changed(TRAIN, "loss.item()", "loss"),
    "losses in a dict": MODEL + changed(TRAIN, "return losses", "return {'loss': losses}"),
    "losses beside the model": MODEL + changed(TRAIN, "return losses", "return model, losses"),
    "reordered": MODEL + changed(TRAIN, "(model, X, y, epochs, lr)", "(X, y, model, lr, epochs)"),
    "defaults": MODEL + changed(TRAIN, "epochs, lr)", "epochs=20, lr=0.001)"),
    "double precision": MODEL + "model = Model().double()\n" + TRAIN,
    "steps by hand": MODEL + TRAIN[: TRAIN.index("        optimizer.zero")] + BY_HAND.lstrip("\n"),
    "output layer registered first": OUTPUT_FIRST + TRAIN,
    "one row at a time": changed(MODEL, "self.stack(x)", "self.stack(x.reshape(1, 2))")
    + changed(TRAIN, "model(X).squeeze()", "torch.stack([model(r)[0, 0] for r in X])"),
}


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(9)
@pytest.mark.parametrize("name", RIGHT_IN_TORCH)
def test_odd_but_right_in_torch(grade, tmp_path: Path, name: str) -> None:
    """Full marks, and none for a loss that is summed instead."""
    pytest.importorskip("torch")
    text = IMPORTS + RIGHT_IN_TORCH[name]
    result = grade(script(tmp_path, text, "regression_torch.py"), "regression-torch")
    assert full(result), not_passed(result)
    wrong = changed(text, "mse_loss(", "l1_loss(")
    found = states(grade(script(tmp_path, wrong, "regression_torch.py"), "regression-torch"))
    assert (found["forward"], found["gradient"]) == ("pass", "fail")


@pytest.mark.parametrize(
    ("text", "check", "state", "said"),
    [
        (
            changed(MODEL, "nn.Linear(2, 2), ", "nn.Linear(2, 2), nn.Linear(2, 2), ") + TRAIN,
            "model",
            "fail",
            "`Model` holds parameters of shapes (2, 2), (2,), (2, 2), (2,), (1, 2), (1,); expected "
            "(2, 2), (2,), (1, 2), (1,).",
        ),
        (
            changed(MODEL, "        super().__init__()\n", "") + TRAIN,
            "model",
            "error",
            "`Model` stopped with AttributeError in `__init__`: cannot assign module before",
        ),
        (
            changed(MODEL, "return self.stack(x)", "return self.stack(x), x") + TRAIN,
            "forward",
            "fail",
            "`Model` gives the output ŷ as a value of type tuple; an array of numbers is expected.",
        ),
        (
            MODEL + changed(TRAIN, "    return losses\n", ""),
            "trajectory",
            "fail",
            "`train` does not give the loss: nothing is returned. Return a list with one loss for "
            "each epoch.",
        ),
        (
            MODEL + changed(TRAIN, "    return losses\n", "    return losses[1:]\n"),
            "trajectory",
            "fail",
            "`train` gives 19 losses for 20 epochs; expected one loss for each epoch.",
        ),
        (
            MODEL + changed(TRAIN, "(model, X, y, epochs, lr)", "(model, X, y)"),
            "trajectory",
            "missing",
            "`train` does not take the arguments that it is called with: found "
            "`train(model, X, y)` (regression_torch.py:15), "
            "required `train(model, X, y, epochs, lr)`.",
        ),
    ],
)
def test_what_is_wrong_in_torch_has_its_sentence(
    grade, tmp_path: Path, text: str, check: str, state: str, said: str
) -> None:
    """And its state."""
    pytest.importorskip("torch")
    path = script(tmp_path, IMPORTS + text, "regression_torch.py")
    found = checks(grade(path, "regression-torch"))[check]
    assert found.state == state
    assert found.message.startswith(said)


def test_parameters_that_come_in_no_dict(grade, tmp_path: Path) -> None:
    """What came instead is said."""
    text = "import numpy as np\n\ndef initialise_parameters(dim):\n    return (np.zeros((2, 2)),)\n"
    found = checks(grade(script(tmp_path, text), "regression-numpy"))
    said = "does not give W1, b1, W2 and b2: found a value of type tuple."
    assert said in found["interface"].message


@pytest.mark.parametrize(("zeros", "noted"), [("np.array([[0], [0]])", True), ("0.0 * b", False)])
def test_a_start_of_whole_numbers_is_noted(grade, tmp_path: Path, zeros: str, noted: bool) -> None:
    """It is no mistake where steps make new arrays, and costs nothing."""
    initialise = INITIALISE.replace("np.zeros((2, 1))", zeros.replace("b", "np.ones((2, 1))"))
    text = "import numpy as np\n" + initialise + FORWARD + UPDATE
    result = grade(script(tmp_path, text), "regression-numpy")
    assert full(result), not_passed(result)
    notes = checks(result)["interface"].notes
    assert any("gives b1 as whole numbers" in note for note in notes) == noted


def test_a_changed_argument_is_told_as_what_it_is(grade, tmp_path: Path) -> None:
    """The line below needs the new value, so the finding accuses no line of using the old one."""
    text = changed(UPDATE, "    d1 =", "    A1 *= d2\n    d1 =")
    text = changed(text, "0.001 * A1 * d2", "0.001 * A1")
    path = script(tmp_path, "import numpy as np\n" + INITIALISE + FORWARD + text)
    found = [f for t in grade(path, diagnose=True).tasks for f in t.findings]
    said = {each.mistake: each.sentence for each in found}
    assert "get the new value" in said["input-mutated"]
    assert "as if it were the old one" not in said["input-mutated"]
    alone = script(tmp_path, "import numpy as np\n" + INITIALISE + FORWARD + UPDATE, "right.py")
    assert full(grade(alone, diagnose=True))
