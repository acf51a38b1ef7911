"""Write a net task as a function task, with a model solution in the student's convention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import indent
from types import ModuleType
from typing import Any

import numpy as np
from msgspec import Struct

from gradkit.lines import read_lines
from gradkit.records.submission import Bound, Convention, Path
from gradkit.records.task import Array, FunctionCheck, FunctionTask, Task
from gradkit.task.network import ACTIVATIONS, LOSSES
from gradkit.task.solution import Solution

LAYERS = """\
Z1 = {sums[0]}
A1 = {values[0]}
Z2 = {sums[1]}
y_hat = {values[1]}
"""
STEP = """\
dZ2 = {slope}
{whole}
dZ1 = {back}{hidden}
{W2} -= {weight} * ({outer[1]})
{b2} -= {bias} * {biases[1]}
{W1} -= {weight} * ({outer[0]})
{b1} -= {bias} * {biases[0]}
"""
SUMS = {
    ("in_out", "column"): "{W}.T @ {A} + {b}",
    ("out_in", "column"): "{W} @ {A} + {b}",
    ("in_out", "row"): "{A} @ {W} + {b}",
    ("out_in", "row"): "{A} @ {W}.T + {b}",
    ("in_out", "flat"): "{A} @ {W} + {b}",
    ("out_in", "flat"): "{W} @ {A} + {b}",
}
"""Source of the sum of a layer, by the layout of weights and the orientation of vectors."""

BACK = {
    ("in_out", "column"): ("X @ dZ1.T", "A1 * dZ2", "{W} * dZ2"),
    ("out_in", "column"): ("dZ1 @ X.T", "A1.T * dZ2", "{W}.T * dZ2"),
    ("in_out", "row"): ("X.T @ dZ1", "A1.T * dZ2", "{W}.T * dZ2"),
    ("out_in", "row"): ("dZ1.T @ X", "A1 * dZ2", "{W} * dZ2"),
    ("in_out", "flat"): ("np.outer(X, dZ1)", "np.outer(A1, dZ2)", "({W} * dZ2)[:, 0]"),
    ("out_in", "flat"): ("np.outer(dZ1, X)", "np.outer(dZ2, A1)", "(dZ2 * {W})[0]"),
}
"""Source of the weights' gradients of a net with one output, and of the backpropagated error."""

OF_BIASES = {
    ("column", "column"): "dZ{n}",
    ("row", "row"): "dZ{n}",
    ("flat", "flat"): "dZ{n}",
    ("row", "flat"): "np.sum(dZ{n}, axis=0)",
}
"""Source of the gradient of a bias, by the orientations of vectors and biases."""


class Written(Struct, frozen=True):
    """A written model solution, and the quantity of each compared expression, by check."""

    solution: Solution
    quantities: Mapping[str, Mapping[str, str]]


def written(task: Task, bound: Mapping[str, Bound], of: str = "update") -> Written | None:
    """Write a task as a function task with a model solution, in the student's convention.

    ``bound`` are the student's functions by role; the convention is that of the role ``of``. The
    function task calls these functions under their own names. The result is None if the texts of
    this module do not cover the task or the convention: another number of layers or outputs, rates
    that are passed, or biases with another orientation.
    """
    if not all(role in bound and _is_plain(bound[role]) for role in ("forward", "update")):
        return None
    convention = bound[of].convention
    if not _is_known(task, convention):
        return None
    names, keys = tuple(task.starts[0].parameters), bound["update"].convention.keys
    places = {name: f"parameters[{keys[name]!r}]" for name in names}
    lie = convention.weights, convention.vectors
    activations = [ACTIVATIONS[layer.activation] for layer in task.layers]
    layers = LAYERS.format(
        sums=[
            SUMS[lie].format(W=places[W], b=places[b], A=A)
            for W, b, A in zip(names[::2], names[1::2], ("X", "A1"), strict=True)
        ],
        values=[_put(a.numpy, "Z", f"Z{number}") for number, a in enumerate(activations, 1)],
    )
    slope, last = "-(y - y_hat)", _factor(activations[-1].numpy_slope, "y_hat")
    # The other form of the error is written too, without effect: a search for mistakes compares
    # the student's code with it.
    whole = f"dA2 = dZ2{last.replace('*', '/', 1)}"
    if LOSSES[task.loss].natural != task.layers[-1].activation:
        slope, whole = f"-2 * (y - y_hat){last}", "dA2 = y_hat - y"
    *outer, back = BACK[lie]
    bodies = {
        "forward": layers,
        "update": STEP.format(
            slope=slope,
            whole=whole,
            back=back.format(W=places[names[2]]),
            hidden=_factor(activations[0].numpy_slope, "A1"),
            outer=outer,
            biases=[OF_BIASES[convention.vectors, convention.biases].format(n=n) for n in (1, 2)],
            weight=task.rates.weight,
            bias=task.rates.bias,
            **places,
        ),
    }
    starts = {name: _laid(convention, name, task.starts[0].parameters[name]) for name in names}
    if "initialise" in bound and bound["initialise"].arguments == ("dim",):
        made = "".join(f"{places[name]} = {_start(starts[name])}\n" for name in names)
        bodies["initialise"] = f"parameters = {{}}\n{made}"
    source, checks, quantities = "import numpy as np\n", [], dict[str, Mapping[str, str]]()
    for role, body in bodies.items():
        own = bound[role]
        given = dict(own.returns) or {name: (keys[name],) for name in names}
        outputs = {path: places.get(name, name) for name, path in given.items()}
        returned = _nested(outputs) if own.returns else "parameters"
        words, meant = _words(own)
        source += f"\n\ndef {own.function}({', '.join(words)}):\n"
        source += indent(f"{meant}{body}return {returned}\n", "    ")
        # `of_` is added because the student's function may have the name of its role.
        call, less = f"of_{role} = {own.function}({_handed(own)})", dict[str, str]()
        if role == "update":
            # The change is compared, because it is much smaller than the parameter.
            less = {name: f" - {name}" for name in names}
            before = "".join(f"{name} = 1 * {place}\n" for name, place in places.items())
            call = f"{before}{layers}{call}"
        ways = [read_lines(call)]
        if role == "update" and not own.returns:
            # The function returns a new dict, or it changes the dict that it is given.
            ways = [read_lines(f"{call}\nafter = {each}") for each in ("of_update", "parameters")]
        base = ways[0].makes[-1]
        compared = {
            base + "".join(f"[{n!r}]" for n in path) + less.get(name, ""): name
            for name, path in given.items()
        }
        checks.append(
            FunctionCheck(
                CHECKS[role], 1.0, call=ways[0], others=tuple(ways[1:]), compare=tuple(compared)
            )
        )
        quantities[CHECKS[role]] = compared
    # Code that is right for labels between 0 and 1 need not be right for 0 and 1 themselves.
    labels = slope.startswith("-(")
    inputs: dict[str, Any] = {
        "dim": [task.X.shape[1], *(layer.units for layer in task.layers)],
        "X": _drawn("uniform(-2, 2", _laid(convention, "X", np.zeros((task.X.shape[1], 1)))),
        "y": "uniform(0, 1)" if labels else "uniform(-4, 4)",
        "parameters": {keys[name]: _drawn("uniform(-1, 1", starts[name]) for name in names},
    }
    functions = FunctionTask(
        id=task.id,
        title=task.title,
        checks=tuple(checks),
        sizes={},
        inputs=inputs,
        hard=({"y": 0.0}, {"y": 1.0}) if labels else (),
        given={},
        names={},
        calls=tuple(call for check in checks for call in check.call.calls),
        solution="<written>",
        deadline=task.deadline,
        imports=task.imports,
        path="",
    )
    module = ModuleType("gradkit_written")
    exec(compile(source, functions.solution, "exec"), vars(module))  # noqa: S102  (it is ours)
    return Written(Solution(functions, vars(module), source), quantities)


CHECKS = {"initialise": "interface", "forward": "forward", "update": "update"}
"""The check of each role."""


def _is_plain(bound: Bound) -> bool:
    """Return whether a function takes no learning rate and does not depend on other calls."""
    return not (bound.training or bound.before) and "rate" not in bound.arguments


def _is_known(task: Task, convention: Convention) -> bool:
    """Return whether the source texts of this module cover a task and a student's convention.

    They cover two layers with one output, exact learning rates, and parameters in plain arrays.
    """
    *_, output = task.layers
    return (
        (len(task.layers), output.units) == (2, 1)
        and all(ACTIVATIONS[layer.activation].numpy_slope for layer in task.layers)
        and LOSSES[task.loss].natural in ("", output.activation)
        and task.rates.policy == "exact"
        and (convention.vectors, convention.biases) in OF_BIASES
        and (convention.inputs, convention.arrays) == ("array", "ndarray")
    )


def _put(text: str, name: str, new: str) -> str:
    """Replace a name in a source text."""
    return re.sub(rf"\b{name}\b", new, text)


def _factor(slope: str, of: str) -> str:
    """Return the source of a multiplication by the slope of an activation; "" for a slope of 1.

    ``slope`` is the source of the slope for an output ``A``, and ``of`` the name that replaces
    ``A``.
    """
    return "" if slope == "1" else f" * ({_put(slope, 'A', of)})"


def _laid(convention: Convention, name: str, value: Array) -> Array:
    """Return a canonical array in the student's layout; ``name`` is its quantity, as W1 or X."""
    if name[0] == "W":
        return value.T if convention.weights == "out_in" else value
    lies = convention.biases if name[0] == "b" else convention.vectors
    return {"column": value, "row": value.T, "flat": value[:, 0]}[lies]


def _start(value: Array) -> str:
    """Return the source that makes an array of starting parameters with the given values."""
    if np.ptp(value):
        return f"np.array({value.tolist()})"
    number = value.flat[0]
    return f"np.full({value.shape}, {number})" if number else f"np.zeros({value.shape})"


def _drawn(how: str, like: Array) -> str:
    """Return the expression that draws an input: the beginning `how`, and the shape of `like`."""
    return f"{how}, {', '.join(map(str, like.shape))})"


def _words(bound: Bound) -> tuple[list[str], str]:
    """Return the names of a function's parameters, and the source of a line that renames them.

    The line assigns them to gradkit's own names; it is empty if no name differs.
    """
    by_position = len(bound.arguments) - len(bound.keywords)
    words = [*bound.arguments[:by_position], *bound.keywords]
    others = {kind: word for kind, word in zip(bound.arguments, words, strict=True) if kind != word}
    return words, f"{', '.join(others)} = {', '.join(others.values())}\n" if others else ""


def _handed(bound: Bound) -> str:
    """Return the source of the arguments of a call of the student's function: ``X, parameters``.

    ``bound`` is the function. A parameter that is passed by name gets its keyword. Scalars are
    passed in the student's form.
    """
    flat = bound.convention.vectors == "flat"
    values = {"y": "np.array([y])" if flat else "np.array([[y]])"}
    if bound.convention.scalars == "scalar":
        values = {"y": "y", "y_hat": "y_hat[0]" if flat else "y_hat[0, 0]"}
    words, _ = _words(bound)
    return ", ".join(
        f"{word}={values.get(kind, kind)}" if word in bound.keywords else values.get(kind, kind)
        for kind, word in zip(bound.arguments, words, strict=True)
    )


def _nested(outputs: Mapping[Path, str]) -> str:
    """Return the source of a nested tuple or dict that has each name at the end of its path.

    ``outputs`` has the name by its path. Positions of a tuple without a name become None.
    """
    if () in outputs:
        return outputs[()]
    heads: dict[int | str, dict[Path, str]] = {}
    for (first, *rest), name in outputs.items():
        heads.setdefault(first, {})[tuple(rest)] = name
    if places := [head for head in heads if isinstance(head, int)]:
        parts = [_nested(heads[n]) if n in heads else "None" for n in range(max(places) + 1)]
        return f"({', '.join(parts)},)"
    return "{" + ", ".join(f"{head!r}: {_nested(rest)}" for head, rest in heads.items()) + "}"
