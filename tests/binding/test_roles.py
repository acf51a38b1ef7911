"""Roles are settled by asking: what functions take and give at known weights."""

from __future__ import annotations

import textwrap

import pytest
from binding.inspected import HereProcess

from gradkit.binding import bind
from gradkit.records.submission import Binding, Bound, Cell, Lost, Section
from gradkit.task.assignment import read_assignment

TASKS = {task.id: task for task in read_assignment().tasks}

INIT = """
    def init_params(dims):
        return {"W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
                "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1))}
"""
FORWARD = """
    def forward(X, parameters):
        A1 = parameters["W1"].T @ X + parameters["b1"]
        return parameters["W2"].T @ A1 + parameters["b2"], A1
"""
UPDATE = """
    def update(parameters, y, y_hat, A1, X):
        parameters["b2"] -= 0.01 * 2 * (y_hat - y)
"""


def bound(*texts: str, task: str = "regression-numpy") -> Binding:
    """What plays the roles of a task in a section of these cells."""
    sources = ["import numpy as np", *map(textwrap.dedent, texts)]
    cells = [Cell(f"{n}.py", "hw.py", None, text) for n, text in enumerate(sources)]
    section = Section((task,), tuple(cells))
    return bind(TASKS[task], HereProcess(section))


def bound_until(kind: str, *texts: str, task: str) -> Binding:
    """The same by a process that is lost over one kind of question, and is whole again."""
    sources = ["import numpy as np", *map(textwrap.dedent, texts)]
    cells = [Cell(f"{n}.py", "hw.py", None, text) for n, text in enumerate(sources)]

    class Fragile(HereProcess):
        def ask(self, request):
            return Lost("crash", "") if request.kind == kind else super().ask(request)

    return bind(TASKS[task], Fragile(Section((task,), tuple(cells))))


def layout(role: Bound) -> tuple[str, str, str]:
    """How it takes weights, vectors and biases."""
    convention = role.convention
    return convention.weights, convention.vectors, convention.biases


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("p['W1'].T @ X + p['b1']", "p['W2'].T @ A + p['b2']", ("in_out", "column", "column")),
        ("p['W1'] @ X + p['b1']", "p['W2'] @ A + p['b2']", ("out_in", "column", "column")),
        ("X @ p['W1'] + p['b1']", "A @ p['W2'] + p['b2']", ("in_out", "row", "row")),
        ("p['w1'].T @ X + p['B1']", "p['w2'].T @ A + p['B2']", ("in_out", "column", "column")),
    ],
)
def test_the_first_convention_that_gives_an_output_is_the_students(first, last, expected) -> None:
    """Of forward, where initialise says nothing; update is tried in that one alone."""
    text = f"def forward(X, p):\n    A = {first}\n    return {last}, A"
    found = bound(text, UPDATE.replace('"b2"', '"B2"' if "B2" in last else '"b2"')).bound
    assert layout(found["forward"]) == layout(found["update"]) == expected
    assert found["forward"].returns == {"y_hat": (0,), "A1": (1,)}
    assert found["update"].returns == {}
    assert found["update"].convention.keys == found["forward"].convention.keys


def test_initialise_states_the_convention() -> None:
    """For all roles; where it gives no parameters, or takes too many sizes, it states none."""
    rows = INIT.replace("np.zeros((2, 1))", "np.zeros((1, 2))")
    found = bound(rows).bound["initialise"]
    assert layout(found) == ("in_out", "row", "row")
    assert layout(bound(INIT).bound["initialise"]) == ("in_out", "column", "column")
    assert layout(bound(rows.replace("(dims)", "(a, b, c)")).bound["initialise"])[2] == "row"
    assert layout(bound(rows.replace("(dims)", "(a, b)")).bound["initialise"])[2] == "column"
    assert layout(bound(rows.replace("return", "return 3,")).bound["initialise"])[2] == "column"
    flat = FORWARD.replace("parameters[", "dict(p)[").replace("parameters", "p")
    assert layout(bound(rows, flat).bound["forward"])[2] == "row"


def test_sizes_come_as_one_list_or_one_by_one() -> None:
    """By name where they have names that can be used."""
    for takes, arguments, keywords in (
        ("dims", ("dim",), ("dims",)),
        ("n_x, n_h, n_y", ("dim/0", "dim/1", "dim/2"), ("n_x", "n_h", "n_y")),
        ("n_x, n_h, n_y, /", ("dim/0", "dim/1", "dim/2"), ()),
        ("n_x, /, n_h, n_y", ("dim/0", "dim/1", "dim/2"), ()),
        ("", (), ()),
    ):
        found = bound(INIT.replace("(dims)", f"({takes})")).bound["initialise"]
        assert (found.arguments, found.keywords) == (arguments, keywords)


@pytest.mark.parametrize(
    ("order", "returns"),
    [
        ("W1, b1, W2, b2", {"W1": (0,), "b1": (1,), "W2": (2,), "b2": (3,)}),
        ("b2, W2, b1, W1", {"b2": (0,), "W2": (1,), "b1": (2,), "W1": (3,)}),
        ("W1, b1, W2", {}),
        ("W1, b1, W2, None", {}),
    ],
)
def test_parameters_that_come_back_one_by_one_are_told_by_their_values(order, returns) -> None:
    """Each is the one of its shape that it is next to, whatever the order."""
    update = f"""
        def update(parameters, y, y_hat, A1, X):
            W1, b1, W2, b2 = (parameters[k] + 1e-4 for k in ("W1", "b1", "W2", "b2"))
            return {order}
    """
    assert bound(FORWARD, update).bound["update"].returns == returns


@pytest.mark.parametrize(
    "forward",
    [
        "A = p['W1'] @ X + p['b1']\n    return p['W2'] @ A + p['b2'], A",
        "A = X @ p['W1'] + p['b1']\n    return A @ p['W2'] + p['b2'], A",
    ],
)
def test_they_are_told_in_the_students_own_layout(forward: str) -> None:
    """That of weights, and that of biases."""
    update = """
        def update(parameters, y, y_hat, A1, X):
            return [parameters[k] + 1e-4 for k in ("b1", "W2", "W1", "b2")]
    """
    found = bound(f"def forward(X, p):\n    {forward}", update).bound["update"].returns
    assert found == {"W1": (2,), "b1": (0,), "W2": (1,), "b2": (3,)}


def test_parameters_that_are_changed_are_not_looked_for_elsewhere() -> None:
    """What an update returns besides says nothing."""
    update = UPDATE + "        return [parameters[k] for k in ('W1', 'b1', 'W2', 'b2')]\n"
    assert bound(FORWARD, update).bound["update"].returns == {}


def test_what_is_not_written_is_not_settled() -> None:
    """The first convention stands, and the next role tries them all."""
    unwritten = "def forward(X, parameters):\n    raise NotImplementedError"
    rows = UPDATE.replace("(y_hat - y)", "(y_hat - y) + 0 * parameters['b1'] @ A1.T")
    found = bound(unwritten, rows).bound
    assert layout(found["forward"]) == ("in_out", "column", "column")
    assert found["forward"].returns == {"y_hat": (0,), "A1": (1,)}
    broken = "def forward(X, parameters):\n    return parameters['v']"
    assert layout(bound(broken).bound["forward"]) == ("in_out", "column", "column")


def test_an_update_that_no_convention_suits_has_the_first() -> None:
    """It raises in all of them, or is not written."""
    for body in ("raise ValueError", "raise NotImplementedError", "return parameters['v']"):
        text = f"def update(parameters, y, y_hat, A1, X):\n    {body}"
        found = bound(text).bound["update"]
        assert layout(found) == ("in_out", "column", "column")
        assert found.returns == {}


def test_the_last_function_of_a_fitting_name_plays_a_role() -> None:
    """One that fits goes before a later one that does not; without a name all arguments count."""
    other = "def L_layer_forward(one):\n    return one"
    assert bound(FORWARD, other).bound["forward"].function == "forward"
    assert bound(other, FORWARD).bound["forward"].function == "forward"
    again = FORWARD.replace("def forward", "def L_layer_forward")
    assert bound(FORWARD, again).bound["forward"].function == "L_layer_forward"
    (missing,) = [each for each in bound(other).missing if each.role == "forward"]
    assert "found `L_layer_forward(one)`" in missing.message
    unnamed = FORWARD.replace("def forward", "def run_net")
    assert bound(unnamed).bound["forward"].function == "run_net"
    assert "forward" not in bound(unnamed.replace("(X,", "(one,")).bound
    # A name of another role's is none to be guessed at.
    assert "forward" not in bound(FORWARD.replace("def forward", "def update")).bound


def test_an_update_that_reads_what_forward_leaves_behind_is_called_after_it() -> None:
    """The names are told; of an update that reads nothing there are none."""
    left = FORWARD.replace("A1 = ", "global A1\n        A1 = ")
    reads = "def update(parameters, y, y_hat, X):\n    parameters['b2'] -= 0.01 * A1[0, 0]"
    takes = "def update(parameters, y, y_hat, A1, X):\n    parameters['b2'] -= 0.01 * A1[0, 0]"
    assert bound(left, takes).bound["update"].before is None
    hidden = reads.replace("y_hat, X", "y_hat, hidden, X")
    found = bound(left, hidden).bound["update"].before
    assert found is not None
    assert (found.bound.role, found.names) == ("forward", ("A1",))


@pytest.mark.parametrize(
    ("kind", "kept"),
    [("explore", "forward"), ("batch", "update"), ("left", "update"), ("functions", "update")],
)
def test_a_process_that_is_lost_leaves_what_names_say(kind: str, kept: str) -> None:
    """It will be lost again where that is told."""
    rows = FORWARD.replace('["W1"].T @ X', '["W1"] @ X').replace('["W2"].T @ A1', '["W2"] @ A1')
    found = bound_until(kind, INIT, rows, UPDATE, task="regression-numpy")
    required = {role.name for role in TASKS["regression-numpy"].roles if role.required}
    assert required <= found.bound.keys()
    assert found.bound[kept].convention.weights == "in_out"
    assert found.bound["update"].before is None
    if kind == "functions":
        assert found.bound["update"].place.line == 2


# --- torch -------------------------------------------------------------------------------

NET = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(2, 2), nn.Linear(2, 1)
        def forward(self, X):
            return self.two(self.one(X))
"""
DATA = """
    X, y = torch.zeros(4, 2), torch.zeros(4)
    net = Net()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    EPOCHS = 5
"""
LOOP = """
    epoch = 0
    while epoch < EPOCHS:
        loss = ((net(X).squeeze() - y) ** 2).mean()
        optimiser.zero_grad(); loss.backward(); optimiser.step()
        epoch += 1
"""
TRAIN = """
    def train(model, X, y, epochs, lr=0.1):
        return []
"""


def test_a_loop_at_top_level_trains_what_it_names() -> None:
    """With the number of rounds, where that has a name; a target of two dimensions is a column."""
    pytest.importorskip("torch")
    found = bound(NET, DATA, LOOP, task="regression-torch").bound["train"]
    assert found.function == "the training loop"
    training = dict(found.training)
    assert training.pop("names") == {"model": "net", "X": "X", "y": "y", "epochs": "EPOCHS"}
    assert training == {
        "model": "net",
        "cell": "3.py",
        "line": 3,
        "through": "",
        "target": "flat",
    }
    column = bound(NET, DATA.replace("zeros(4)", "zeros(4, 1)"), LOOP, task="regression-torch")
    assert column.bound["train"].training["target"] == "column"
    unnamed = bound(NET, DATA, LOOP.replace("EPOCHS", "5"), task="regression-torch")
    assert unnamed.bound["train"].training["names"]["epochs"] == ""


def test_a_step_in_a_function_is_told() -> None:
    """The loop is run with the function that makes it."""
    pytest.importorskip("torch")
    step = """
        def step(inputs, targets):
            loss = ((net(inputs).squeeze() - targets) ** 2).mean()
            optimiser.zero_grad(); loss.backward(); optimiser.step()
        for epoch in range(EPOCHS):
            step(X, y)
    """
    found = bound(NET, DATA, step, task="regression-torch").bound["train"]
    assert found.training["through"] == "step"
    assert found.training["names"] == {"model": "net", "X": "X", "y": "y", "epochs": "EPOCHS"}


def test_a_loop_that_lacks_something_is_missing_by_name() -> None:
    """Each that is not found is told."""
    pytest.importorskip("torch")
    loop = LOOP.replace("(net(X).squeeze() - y)", "net(X)")
    (missing,) = bound(NET, DATA, loop, task="regression-torch").missing
    assert missing.role == "train"
    assert missing.message.startswith(
        "gradkit cannot run the training loop: it cannot find its target. Write it as `train("
    )
    assert missing.place is not None


def test_a_function_goes_before_a_loop() -> None:
    """One that fits; one that does not is told where there is no loop."""
    pytest.importorskip("torch")
    found = bound(NET, DATA, LOOP, TRAIN, task="regression-torch").bound["train"]
    assert (found.function, found.returns) == ("train", {"loss": ()})
    assert found.training == {"model": "net", "target": "flat"}
    assert found.arguments == ("model", "X", "y", "epochs", "rate")
    unfit = TRAIN.replace("model, X, y, epochs, lr=0.1", "one")
    looped = bound(NET, DATA, LOOP, unfit, task="regression-torch").bound["train"]
    assert looped.function == "the training loop"
    (missing,) = bound(NET, DATA, unfit, task="regression-torch").missing
    assert "found `train(one)`" in missing.message
    (missing,) = bound(NET, DATA, task="regression-torch").missing
    assert missing.message.startswith("`train(")


def test_a_lost_process_leaves_the_model_that_words_say_and_a_flat_target() -> None:
    """Whatever it would have told of them."""
    pytest.importorskip("torch")
    data = DATA.replace("zeros(4)", "zeros(4, 1)")
    found = bound_until("target", NET, data, LOOP, task="regression-torch")
    assert found.bound["train"].training["target"] == "flat"
    found = bound_until("model", NET, data, LOOP, task="regression-torch")
    assert found.bound["model"].function == "net"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "net"),
        ("other = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))", "net"),
        ("Model = Net", "net"),
    ],
)
def test_the_model_that_is_trained_is_the_model(text: str, name: str) -> None:
    """Whatever else could be one, and whatever it is called."""
    pytest.importorskip("torch")
    found = bound(NET, DATA, text, LOOP, task="regression-torch").bound["model"]
    assert (found.function, found.returns) == (name, {"y_hat": ()})


def test_without_a_loop_the_name_counts_and_then_the_last() -> None:
    """A function that makes a model is asked where there is nothing else, if it needs nothing."""
    pytest.importorskip("torch")
    last = "other = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))"
    make = "def make():\n    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))"
    head = "import torch\nfrom torch import nn"

    def model(*texts: str) -> str:
        found = bound(*texts, task="regression-torch").bound
        return found["model"].function if "model" in found else ""

    assert model(NET.replace("Net", "Two"), last) == "other"
    assert model(NET, last) == "Net"
    assert model(head, make) == "make"
    assert model(head, make.replace("()", "(n)", 1)) == ""
    assert model(head, last, make) == "other"
    # One that has no parameters gives way to one that has.
    assert model(NET, "empty = nn.Sequential()") == "Net"
