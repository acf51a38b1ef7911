"""The student's function called once, in the student's own convention, as text.

Every text ends by printing a line ``found …``: a number, or a list of them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from gradkit.records.binding import Bound
from gradkit.records.task import Task
from gradkit.task.activations import ACTIVATIONS, LOSSES

Entry = tuple[str, tuple[int, ...]]

SLOPE = """\
def slope(p, key, index):
    sides = []
    for side in (+1e-5, -1e-5):
        moved = {name: value.copy() for name, value in p.items()}
        moved[key][index] += side
        sides.append(loss(moved))
    return (sides[0] - sides[1]) / 2e-5
"""
"""Central differences, for a function ``loss`` of a dict of parameters."""


def forward_formula(task: Task) -> str:
    """Source of ``forward(p, X)``: output and input of the last layer, for columns."""
    lines = ["def forward(p, X):", "    A = X"]
    for number, layer in enumerate(task.layers, 1):
        lines += [
            *(["    hidden = A"] if number == len(task.layers) else []),
            f'    Z = p["W{number}"].T @ A + p["b{number}"]',
            f"    A = {ACTIVATIONS[layer.activation].numpy}",
        ]
    return "\n".join([*lines, "    return A, hidden", ""])


def loss_formula(task: Task, scale: float = 1.0) -> str:
    """Source of ``loss(p)``: the mean over the columns of X and y, times a scale."""
    factor = "" if scale == 1 else f" * {scale!r}"
    return (
        "def loss(p):\n"
        "    A, hidden = forward(p, X)\n"
        f"    return np.mean({LOSSES[task.loss].numpy}){factor}\n"
    )


def expected_step(task: Task, parameter: str, index: Sequence[int], rate: float) -> str:
    """One entry after a step of gradient descent."""
    return _blocks(
        forward_formula(task),
        loss_formula(task),
        SLOPE,
        PARAMETERS + 'X, y = given["X"], given["y"]\n'
        f"step = {rate!r} * slope(p, {parameter!r}, {tuple(index)!r})\n"
        f'print("expected", float(p[{parameter!r}][{comma(index)}] - step))',
    )


def expected_value(task: Task, quantity: str) -> str:
    """The output, or the input of the last layer, of one forward pass."""
    name = "A" if quantity == "y_hat" else "hidden"
    return _blocks(
        forward_formula(task),
        f'A, hidden = forward(given, given["X"])\nprint("expected", {name}.ravel().tolist())',
    )


def expected_training(
    task: Task, epochs: int, rate: float, scale: float, entry: Entry | None
) -> str:
    """Full-batch gradient descent: its losses, or one parameter afterwards."""
    told = f"float(p[{entry[0]!r}][{comma(entry[1])}])" if entry else "losses"
    return _blocks(
        forward_formula(task),
        loss_formula(task, scale),
        SLOPE,
        PARAMETERS
        + f"""\
X, y = given["X"].T, given["y"].T
losses = []
for epoch in range({epochs}):
    losses.append(float(loss(p)))
    slopes = {{key: np.zeros(value.shape) for key, value in p.items()}}
    for key, value in p.items():
        for index in np.ndindex(value.shape):
            slopes[key][index] = slope(p, key, index)
    p = {{key: value - {rate!r} * slopes[key] for key, value in p.items()}}
print("expected", {told})""",
    )


PARAMETERS = 'p = {key: given[key] for key in given if key[0] in "Wb"}\n'


def comma(index: Sequence[int]) -> str:
    """``0, 1``."""
    return ", ".join(map(str, index))


def _blocks(*parts: str) -> str:
    return "\n\n".join(parts)


Inputs = Mapping[str, NDArray[Any]]
Index = tuple[int, ...]

HANDED: Mapping[str, str] = {"column": "{}", "row": "{}.T", "flat": "{}[:, 0]"}
"""A column in the student's orientation."""

NEW_PARAMETERS = """\
options = returned if isinstance(returned, (tuple, list)) else [returned]
dicts = [each for each in options if isinstance(each, dict) and set(handed) <= set(each)]
after = dicts[0] if dicts else handed
"""

SERIES = """\
options = returned if isinstance(returned, tuple) else (returned,)
series = next(each for each in options if hasattr(each, "__len__") and len(each))
print("found   ", [float(value) for value in series])"""

ROUNDS = """\
losses = [sum(each) / len(each) for each in rounds if each]
print("found   ", losses)"""

NOTING = """\
class Enough(BaseException):
    pass


rounds = []


def next_round():
    if len(rounds) == {epochs}:
        raise Enough
    rounds.append([])


def noted(loss):
    if not rounds:
        rounds.append([])
    rounds[-1].append(float(loss))
    return loss
"""
"""What a loop at top level needs for its rounds to be counted and its losses to be kept."""


def given(inputs: Inputs) -> str:
    """The input as a dict of arrays that can be read and changed."""
    lines = [f"    {name!r}: np.array({value.tolist()!r})," for name, value in inputs.items()]
    return "\n".join(["given = {", *lines, "}", ""])


def update_call(task: Task, bound: Bound, inputs: Inputs, parameter: str, index: Index) -> str:
    """One call of an update, and the entry of a parameter that it leaves."""
    key, place = _in_layout(bound, parameter, index)
    # What holds one number may hold it in any shape.
    entry = ".item()" if inputs[parameter].size == 1 else f"[{place}]"
    found = f'print("found   ", float(np.asarray(after[{key!r}]){entry}))'
    return f"{given(inputs)}\n{_call(task, bound)}{NEW_PARAMETERS}{found}"


def forward_call(task: Task, bound: Bound, inputs: Inputs, quantity: str) -> str:
    """One call of a forward pass, and one of the values that it returns."""
    value = "returned" + "".join(f"[{step!r}]" for step in bound.returns[quantity])
    found = f'print("found   ", np.asarray({value}, dtype=float).ravel().tolist())'
    return f"{given(inputs)}\n{_call(task, bound)}{found}"


def model_call(inputs: Inputs, model: str) -> str:
    """One example through a torch module with given parameters."""
    return (
        f"{given(inputs)}\n{_filled(model, inputs)}\n"
        'returned = model(torch.tensor(given["X"].T, dtype=torch.float32))\n'
        'print("found   ", returned.detach().numpy().ravel().tolist())'
    )


def training_call(
    bound: Bound, inputs: Inputs, epochs: int, rate: float | None, entry: Entry | None
) -> str:
    """A training run by the student's function: its losses, or one parameter afterwards."""
    own = {"model": "model", "X": "X", "y": "y", "epochs": str(epochs), "rate": repr(rate)}
    handed = _named(bound, [own[kind] for kind in bound.arguments])
    return (
        f"{given(inputs)}\n{_filled(bound.training['model'], inputs)}{_tensors(bound)}\n"
        f"returned = {bound.function}({handed})\n"
        f"{_trained(entry) if entry else SERIES}"
    )


def loop_call(
    bound: Bound, inputs: Inputs, before: Sequence[str], loop: str, epochs: int, entry: Entry | None
) -> str:
    """A training run by a loop that stands at top level.

    ``loop`` is the student's, which calls ``next_round`` at each round and hands every
    loss to ``noted``; ``before`` are the statements above it that it needs.
    """
    names: Mapping[str, str] = bound.training["names"]
    own = {"model": "model", "X": "X", "y": "y", "epochs": str(epochs)}
    preset = [f"{names[what]} = {own[what]}\n" for what in own if names.get(what, what) != what]
    return (
        f"{given(inputs)}\n{_filled(bound.training['model'], inputs)}{_tensors(bound)}"
        f"{''.join(line for line in preset if not line.startswith(' '))}\n"
        + "".join(f"{text}\n" for text in before)
        + f"\n# The loop, for {epochs} rounds, with its losses noted.\ntry:\n"
        + textwrap.indent(loop, "    ")
        + "\nexcept Enough:\n    pass\n"
        + (_trained(entry) if entry else ROUNDS)
    )


def _call(task: Task, bound: Bound) -> str:
    first = ""
    if bound.before is not None:
        leaves = ", ".join(bound.before.names)
        first = f"{_called(task, bound.before.bound)}  # leaves behind: {leaves}\n"
    return f"handed = {_parameters(bound)}\n{first}returned = {_called(task, bound)}\n"


def _called(task: Task, bound: Bound) -> str:
    values = [_argument(task, bound, kind) for kind in bound.arguments]
    return f"{bound.function}({_named(bound, values)})"


def _named(bound: Bound, values: Sequence[str]) -> str:
    """The values as arguments, by the student's own names where they are called so."""
    first = len(values) - len(bound.keywords)
    named = (f"{n}={value}" for n, value in zip(bound.keywords, values[first:], strict=True))
    return ", ".join([*values[:first], *named])


def _parameters(bound: Bound) -> str:
    """The dict of parameters in the student's keys and layout, fresh."""
    convention = bound.convention
    items = []
    for name, key in convention.keys.items():
        value = f'given["{name}"]'
        if name[0] == "W":
            value = f"{value}.T" if convention.weights == "out_in" else value
        else:
            value = HANDED[convention.biases].format(value)
        items.append(f"{key!r}: {value}.copy()")
    return "{" + ", ".join(items) + "}"


def _argument(task: Task, bound: Bound, kind: str) -> str:
    if kind == "parameters":
        return "handed"
    value = f'given["{kind}"]'
    if kind == "rate":
        return f"float({value})"
    if kind in ("y", "y_hat") and task.layers[-1].units == 1:
        return f"{value}[0, 0]" if bound.convention.scalars == "scalar" else f"{value}.copy()"
    if kind == "X" and bound.convention.inputs == "series":
        columns = list(task.columns[: task.X.shape[1]])
        return f"pd.Series({value}[:, 0], index={columns!r})"
    return HANDED[bound.convention.vectors].format(value) + ".copy()"


def _in_layout(bound: Bound, parameter: str, index: Index) -> tuple[str, str]:
    """A canonical entry as the student's key and index."""
    convention = bound.convention
    key = convention.keys[parameter]
    if parameter[0] == "W":
        return key, comma(index[::-1] if convention.weights == "out_in" else index)
    turned = {"column": index, "row": index[::-1], "flat": index[:1]}
    return key, comma(turned[convention.biases])


def _filled(model: str, inputs: Inputs) -> str:
    """A fresh model from the student's class or value, with the given parameters."""
    keys = [key for key in inputs if key[0] in "Wb"]
    return f"""\
made = {model}
model = made() if isinstance(made, type) else copy.deepcopy(made)
with torch.no_grad():
    for slot, key in zip(model.parameters(), {keys!r}):
        value = given[key]
        slot.copy_(torch.tensor(value.T if key[0] == "W" else value[:, 0]))
"""


def _tensors(bound: Bound) -> str:
    flat = "[:, 0]" if bound.training["target"] == "flat" else ""
    return (
        'X = torch.tensor(given["X"], dtype=torch.float32)\n'
        f'y = torch.tensor(given["y"], dtype=torch.float32){flat}\n'
    )


def _trained(entry: Entry) -> str:
    """One entry of a trained module: the layer's weight is (out, in), its bias flat."""
    name, index = entry
    place = 2 * (int(name[1:]) - 1) + (name[0] == "b")
    turned = index[::-1] if name[0] == "W" else index[:1]
    return (
        "trained = list(model.parameters())\n"
        f'print("found   ", float(trained[{place}][{comma(turned)}]))'
    )
