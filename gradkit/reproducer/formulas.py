"""What should come out, in plain numpy: the formula of a layer, differences of the loss.

The texts know nothing of how gradkit computes its own expected values.
"""

from __future__ import annotations

from collections.abc import Sequence

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
