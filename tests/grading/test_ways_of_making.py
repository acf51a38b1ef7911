"""Functions and models that come to their names in other ways than by `def` and `class`."""

from __future__ import annotations

from pathlib import Path

import pytest
from accepted.numpy_texts import numpy_text
from model_solutions import source
from told import full, not_passed, script, states

pytestmark = pytest.mark.sample(18)

KEYWORDS = {"(parameters, y,": "(parameters, *, y,"}
POSITIONS = {"(parameters, y, y_hat,": "(parameters, /, y, *, y_hat,"}
TABLE = {  # of which the text does not show what is in it
    "def update_parameters(": "def step(",
    "import numpy": "STEPS = {}\nimport numpy",
}


def changed(text: str, changes: dict[str, str], end: str = "") -> str:
    """The text with each of some passages replaced, and more at its end."""
    for right, other in changes.items():
        assert text.count(right) == 1
        text = text.replace(right, other)
    return text + end


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        (KEYWORDS, ""),
        (POSITIONS, ""),
        (TABLE, "STEPS[0] = step\nupdate_parameters = STEPS[0].__call__\n"),
    ],
)
def test_an_update_function_of_any_making(grade, tmp_path: Path, changes, end) -> None:
    """It is called as it can be; a wrong step in it is a wrong step."""
    text = changed(numpy_text("regression"), changes, end)
    result = grade(script(tmp_path, text))
    assert full(result), not_passed(result)
    wrong = grade(script(tmp_path, changed(text, {"['W1'] -=": "['W1'] +="})))
    assert states(wrong)["update"] == "fail"


@pytest.mark.parametrize(
    "value",
    [
        "3",
        "np.ones(2) @ np.ones(2)",
        "initialise_parameters([2, 2, 1])",
        "dict(a=1)",
        "np.dot(1, 2)",
    ],
)
def test_a_value_of_the_name_is_no_function(grade, tmp_path: Path, value: str) -> None:
    """What is bound to the role's name must be able to be one."""
    text = changed(
        numpy_text("regression"), {"def update_parameters(parameters, y,": "def other(y,"}
    )
    result = grade(script(tmp_path, text + f"update_parameters = {value}\n"))
    message = next(m for _, check, _, m in not_passed(result) if check == "update")
    assert message.startswith("`update_parameters(parameters, y, y_hat, A1, X)` is missing. Found ")


def test_what_cannot_be_called_is_none(grade, tmp_path: Path) -> None:
    """An attribute of the role's name may turn out to be no function."""
    text = changed(
        numpy_text("regression"), {"def update_parameters(parameters, y,": "def other(y,"}
    )
    end = "table = {}\nheld = table.get\nupdate_parameters = table.keys().mapping\n"
    result = grade(script(tmp_path, text + end))
    message = next(m for _, check, _, m in not_passed(result) if check == "update")
    assert message.startswith("`update_parameters(parameters, y, y_hat, A1, X)` is missing. Found ")
    assert "`other(y, y_hat, A1, X)`" in message


TORCH = """
import torch
from torch import nn

{model}

def train(model, X, y, *, epochs=20, lr=0.001, verbose=False):
    opt = torch.optim.SGD(model.parameters(), lr=lr)
    history = []
    for _ in range(epochs):
        opt.zero_grad()
        loss = nn.functional.mse_loss(model(X).ravel(), y.ravel())
        loss.backward()
        opt.step()
        history.append(loss.item())
    return history
"""
SEQUENTIAL = "model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))"


def test_a_model_that_only_a_function_makes(grade, tmp_path: Path) -> None:
    """It is called where there is no model; what it returns must be one of the right shape."""
    pytest.importorskip("torch")
    factory = f"def make_model(hidden=2):\n    {SEQUENTIAL}\n    return model"
    text = TORCH.format(model=factory) + "\nprint(train(make_model(), X, y, epochs=20))\n"
    result = grade(script(tmp_path, text, "regression_torch.py"))
    assert full(result), not_passed(result)
    wrong = changed(text, {"nn.Linear(2, 2), nn": "nn.Linear(2, 2), nn.Tanh(), nn"})
    result = grade(script(tmp_path, wrong, "regression_torch.py"))
    assert states(result)["forward"] == "fail"
    needy = changed(text, {"hidden=2": "hidden"})
    assert states(grade(script(tmp_path, needy, "regression_torch.py")))["model"] == "missing"


PARTS = """
import torch
from torch import nn
X, y = torch.ones(4, 2), torch.ones(4)
net = nn.Sequential()
net.add_module("hidden", nn.Linear(2, 2))
net.add_module("output", nn.Linear(2, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.001)
for epoch in range(20):
    opt.zero_grad()
    loss = nn.functional.mse_loss(net(X).squeeze(), y)
    loss.backward()
    opt.step()
"""


def test_a_model_that_is_put_together_part_by_part(grade, tmp_path: Path) -> None:
    """Each `add_module` counts, so that one that is too many does too."""
    pytest.importorskip("torch")
    result = grade(script(tmp_path, PARTS, "regression_torch.py"))
    assert full(result), not_passed(result)
    wrong = changed(
        PARTS, {'net.add_module("o': 'net.add_module("a", nn.Tanh())\nnet.add_module("o'}
    )
    result = grade(script(tmp_path, wrong, "regression_torch.py"))
    assert states(result)["forward"] == "fail"


def test_training_by_keywords_only(grade, tmp_path: Path) -> None:
    """Epochs and rate go by name where they can only go so; a loop that is wrong stays wrong."""
    pytest.importorskip("torch")
    text = TORCH.format(model=SEQUENTIAL)
    result = grade(script(tmp_path, text, "regression_torch.py"))
    assert full(result), not_passed(result)
    wrong = changed(text, {"opt.zero_grad()": "pass"})
    result = grade(script(tmp_path, wrong, "regression_torch.py"))
    assert states(result)["trajectory"] == "fail"


COMPILED = {
    "the module": {"    criterion = nn": "    model = torch.compile(model)\n    criterion = nn"},
    "the class's own": {"    criterion = nn": "    model.compile()\n    criterion = nn"},
    "its forward pass": {"    def forward(": "    @torch.compile\n    def forward("},
    "with options": {"    def forward(": "    @torch.compile(dynamic=True)\n    def forward("},
}


@pytest.mark.parametrize("changes", COMPILED.values(), ids=COMPILED)
def test_what_is_compiled_is_as_right_as_what_is_not(grade, tmp_path: Path, changes) -> None:
    """No compiler may write into the sandbox: its errors would be told as the student's."""
    pytest.importorskip("torch")
    text = changed(source("regression_torch"), changes)
    result = grade(script(tmp_path, text, "regression_torch.py"), "regression-torch")
    assert full(result), not_passed(result)
    wrong = text.replace("        optimizer.zero_grad()\n", "")
    spoilt = grade(script(tmp_path, wrong, "regression_torch.py"), "regression-torch")
    assert states(spoilt)["trajectory"] == "fail"


START = "def initialise_parameters(dim):\n"


@pytest.mark.parametrize(
    "head",
    [
        "def initialise_parameters(*dim):\n",
        "def initialise_parameters(n_x, n_h, n_y):\n    dim = (n_x, n_h, n_y)\n",
        "def initialise_parameters(dim=(2, 2, 1), scale=0.1):\n",
        "def initialise_parameters():\n    dim = [2, 2, 1]\n",
    ],
)
def test_a_start_takes_its_sizes_in_any_way(grade, tmp_path: Path, head: str) -> None:
    """In a list, one by one, or none at all; what it lacks is told, and not a fault of gradkit."""
    text = changed(source("regression_numpy"), {START: head})
    result = grade(script(tmp_path, text), "regression-numpy")
    assert full(result), not_passed(result)
    end = "\n\nfilled = initialise_parameters\ninitialise_parameters = lambda *sizes: {}\n"
    path = script(tmp_path, text + end)
    (task,) = grade(path, "regression-numpy", diagnose=True).tasks
    assert {each.check: each.state for each in task.checks}["interface"] == "fail"
    assert not task.notes


OWN_ORDER = """
def update_parameters(eingabe, verdeckt, vorhersage, ziel, gewichte):
    d = 2 * (vorhersage - ziel)
    dh = d * gewichte["W2"]
    gewichte["W2"] = gewichte["W2"] - 0.001 * d * verdeckt
    gewichte["b2"] = gewichte["b2"] - 0.01 * d
    gewichte["W1"] = gewichte["W1"] - 0.001 * eingabe @ dh.T
    gewichte["b1"] = gewichte["b1"] - 0.01 * dh


parameters = initialise_parameters([2, 2, 1])
for x, y in (([8, 8], 4), ([6, 10], 6)):
    X = np.array(x).reshape(2, 1)
    y_hat, A1 = L_layer_forward(X, parameters)
    update_parameters(X, A1, y_hat[0][0], ziel=y, gewichte=parameters)
"""


def test_an_update_in_an_order_of_its_own_is_called_as_its_own_loop_calls_it(
    grade, tmp_path: Path
) -> None:
    """Where the names of its parameters say nothing."""
    text = source("regression_numpy").partition("def update_parameters")[0] + OWN_ORDER
    result = grade(script(tmp_path, text), "regression-numpy")
    assert full(result), not_passed(result)
