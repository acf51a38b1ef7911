"""A net task that is written out, in whatever convention, is what the task asks for."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from gradkit.records.submission import Bound, Convention, Path, Place
from gradkit.records.task import Layer, Task
from gradkit.task import network
from gradkit.task.assignment import read_assignment
from gradkit.task.draws import draws
from gradkit.task.written import Written, written

TASKS = {task.id: task for task in read_assignment().tasks}
REGRESSION, CLASSIFICATION = TASKS["regression-numpy"], TASKS["classification-numpy"]
KEYS = {"W1": "first", "b1": "b1", "W2": "W2", "b2": "c"}
HERE = Place("file.py", None, 1)
PAIR: dict[str, Path] = {"y_hat": (0,), "A1": (1, "kept")}


def bound(convention: Convention, returns: dict[str, Path] = PAIR) -> dict[str, Bound]:
    """Roles of this convention, which take some arguments by other names."""
    given = {
        "initialise": (("dim",), {}),
        "forward": (("X", "parameters"), returns),
        "update": (("parameters", "y", "y_hat", "A1", "X"), {}),
    }
    return {
        role: Bound(role, f"{role}_it", HERE, arguments, {}, convention, paths, HERE, keywords)
        for (role, (arguments, paths)), keywords in zip(
            given.items(), ((), ("parameters",), ("A", "x")), strict=True
        )
    }


def laid(convention: Convention, name: str, value: np.ndarray) -> np.ndarray:
    """A matrix, or a column, as the convention has it."""
    lies = convention.biases if name[0] == "b" else convention.vectors
    if name[0] == "W":
        return value.T if convention.weights == "out_in" else value
    return {"column": value, "row": value.T, "flat": value[:, 0]}[lies]


def usual(convention: Convention, name: str, value: np.ndarray) -> np.ndarray:
    """The matrix, or the column, that the convention has so."""
    return value[:, None] if value.ndim == 1 else laid(convention, name, value)


def is_right(task: Task, convention: Convention, made: Written) -> bool:
    """Whether all that it gives is what the task's own functions give."""
    functions = made.solution.task
    for draw in draws(functions, 1):
        given = {KEYS.get(key, key): name for name, key in KEYS.items()}
        values = draw.values["parameters"]
        parameters = {name: usual(convention, name, values[KEYS[name]])[None] for name in KEYS}
        assert given.keys() == values.keys()
        X = usual(convention, "X", draw.values["X"])[None]
        y = np.full((1, 1, 1), draw.values["y"])
        y_hat, A1 = network.forward(task.layers, parameters, X)
        slopes = network.gradient(task, parameters, X, y)
        rates = {name: task.rates.weight if name[0] == "W" else task.rates.bias for name in KEYS}
        right = {
            "interface": dict(task.starts[0].parameters),
            "forward": {"y_hat": y_hat[0], "A1": A1[0]},
            "update": {name: (-rates[name] * slopes[name])[0] for name in KEYS},
        }
        for check in functions.checks:
            found = made.solution.make(check, draw).values
            for expression, name in made.quantities[check.name].items():
                value = laid(convention, name, right[check.name][name])
                if found[expression].shape != value.shape or not np.allclose(
                    found[expression], value
                ):
                    return False
    return True


CONVENTIONS = [
    Convention(KEYS, weights, *lie, scalars)
    for weights in ("in_out", "out_in")
    for lie in (("column", "column"), ("row", "row"), ("flat", "flat"), ("row", "flat"))
    for scalars in ("scalar", "matrix")
]
NETS = {
    "linear": REGRESSION,
    "sigmoid": CLASSIFICATION,
    **{
        name: replace(REGRESSION, layers=(Layer(2, name), Layer(1, "linear")))
        for name in ("tanh", "relu", "leaky_relu", "softplus")
    },
    "squared sigmoid": replace(REGRESSION, layers=(Layer(2, "tanh"), Layer(1, "sigmoid"))),
}


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize("net", NETS)
def test_it_is_what_the_task_asks_for(net: str, convention: Convention) -> None:
    """By all roles; of another task it is not."""
    task = NETS[net]
    made = written(task, bound(convention))
    assert made is not None
    assert is_right(task, convention, made)
    rates = replace(task.rates, bias=0.02)
    assert not is_right(replace(task, rates=rates), convention, made)


@pytest.mark.parametrize("path", [{"y_hat": ()}, {"y_hat": ("out",), "A1": ("h",)}], ids=str)
def test_what_is_returned_has_its_place(path: dict[str, Path]) -> None:
    """Alone, or under a key."""
    made = written(REGRESSION, bound(CONVENTIONS[0], path))
    assert made is not None
    assert is_right(REGRESSION, CONVENTIONS[0], made)


OTHERS = {
    "three layers": (replace(REGRESSION, layers=(*REGRESSION.layers, Layer(1, "linear"))), {}),
    "two outputs": (replace(REGRESSION, layers=(Layer(2, "tanh"), Layer(2, "linear"))), {}),
    "softmax": (replace(REGRESSION, layers=(Layer(2, "softmax"), Layer(1, "linear"))), {}),
    "cross-entropy of another": (
        replace(CLASSIFICATION, layers=(Layer(2, "tanh"), Layer(1, "tanh"))),
        {},
    ),
    "any rate": (replace(REGRESSION, rates=replace(REGRESSION.rates, policy="free")), {}),
    "biases otherwise": (REGRESSION, {"biases": "row"}),
    "series": (REGRESSION, {"inputs": "series"}),
}


@pytest.mark.parametrize(("task", "other"), OTHERS.values(), ids=OTHERS)
def test_what_is_more_is_not_written(task: Task, other: dict[str, str]) -> None:
    """Nothing is said of it, then."""
    assert written(task, bound(replace(CONVENTIONS[0], **other))) is None


def test_a_rate_that_is_handed_over_is_more() -> None:
    """As is an update that is not there."""
    roles = bound(CONVENTIONS[0])
    update = replace(roles["update"], arguments=(*roles["update"].arguments, "rate"))
    assert written(REGRESSION, {**roles, "update": update}) is None
    assert written(REGRESSION, {"forward": roles["forward"]}) is None
