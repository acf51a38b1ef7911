"""The student's function called once, in the student's own convention, as text.

Every text ends by printing a line ``found …`` or ``expected …``: a number, or a list of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from gradkit.records.observations import Bound
from gradkit.records.task import Task
from gradkit.task.activations import ACTIVATIONS, LOSSES
from gradkit.templates import fill

Inputs = Mapping[str, NDArray[Any]]
Index = tuple[int, ...]
Entry = tuple[str, Index]

HANDED: Mapping[str, str] = {"column": "{}", "row": "{}.T", "flat": "{}[:, 0]"}
"""A column in the student's orientation."""


def text_of(template: str, **values: object) -> str:
    """Fill a template of this package."""
    return fill("gradkit.reproducer", f"{template}.jinja", **values).rstrip("\n")


def formulas(task: Task) -> dict[str, object]:
    """Give a template the layers and the loss of a task as sources."""
    layers = [ACTIVATIONS[layer.activation].numpy for layer in task.layers]
    return {"layers": layers, "loss": LOSSES[task.loss].numpy, "scale": 1, "quantity": ""}


def expected(
    task: Task, quantity: str = "", entry: Entry | None = None, epochs: int = 0, **more: object
) -> str:
    """Write what should come out.

    Parameters
    ----------
    task : Task
    quantity : str
        What a forward pass gives: the output, or the input of the last layer.
    entry : tuple, optional
        Parameter and index of one entry, after a step of gradient descent.
    epochs : int
        With them it is full-batch gradient descent: the entry afterwards, or all losses.
    **more
        ``rate`` of the steps, and the ``scale`` of the loss in training.
    """
    parameter, index = entry or ("", ())
    values = {"quantity": quantity, "epochs": epochs, "parameter": parameter, "index": index}
    return text_of("expected", **{**formulas(task), **values, **more})


def update_call(task: Task, bound: Bound, inputs: Inputs, parameter: str, index: Index) -> str:
    """One call of an update, and the entry of a parameter that it leaves."""
    key, place = _in_layout(bound, parameter, index)
    # What holds one number may hold it in any shape.
    entry = ".item()" if inputs[parameter].size == 1 else f"[{place}]"
    call = _call(task, bound)
    return text_of("function", inputs=inputs, value="", key=repr(key), entry=entry, **call)


def forward_call(task: Task, bound: Bound, inputs: Inputs, quantity: str) -> str:
    """One call of a forward pass, and one of the values that it returns."""
    value = "returned" + "".join(f"[{step!r}]" for step in bound.returns[quantity])
    return text_of("function", inputs=inputs, value=value, **_call(task, bound))


def model_call(inputs: Inputs, model: str) -> str:
    """One example through a torch module with given parameters."""
    keys = [key for key in inputs if key[0] in "Wb"]
    return text_of("module", inputs=inputs, keys=keys, model=model, training=None)


def training_call(
    bound: Bound,
    inputs: Inputs,
    epochs: int,
    rate: float | None,
    entry: Entry | None,
    before: Sequence[str] = (),
    loop: str = "",
) -> str:
    """A training run by the student's function: its losses, or one parameter afterwards.

    ``loop`` is the student's in place of a function: one that stands at top level, which calls
    ``next_round`` at each round and hands every loss to ``noted``; ``before`` are the statements
    above it that it needs.
    """
    own = {"model": "model", "X": "X", "y": "y", "epochs": str(epochs), "rate": repr(rate)}
    handed = "" if loop else _named(bound, [own[kind] for kind in bound.arguments])
    return text_of(
        "module",
        inputs=inputs,
        keys=[key for key in inputs if key[0] in "Wb"],
        model=bound.training["model"],
        training=bound.training,
        epochs=epochs,
        called=f"{bound.function}({handed})",
        before=before,
        loop=loop,
        trained=_trained(entry) if entry else "",
    )


def _call(task: Task, bound: Bound) -> dict[str, str]:
    before = leaves = ""
    if bound.before is not None:
        before, leaves = _called(task, bound.before.bound), ", ".join(bound.before.names)
    handed, returned = _parameters(bound), _called(task, bound)
    return {"handed": handed, "returned": returned, "before": before, "leaves": leaves}


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
        return key, _comma(index[::-1] if convention.weights == "out_in" else index)
    turned = {"column": index, "row": index[::-1], "flat": index[:1]}
    return key, _comma(turned[convention.biases])


def _trained(entry: Entry) -> str:
    """One entry of a trained module: the layer's weight is (out, in), its bias flat."""
    name, index = entry
    place = 2 * (int(name[1:]) - 1) + (name[0] == "b")
    turned = index[::-1] if name[0] == "W" else index[:1]
    return f"[{place}][{_comma(turned)}]"


def _comma(index: Index) -> str:
    return ", ".join(map(str, index))
