"""Update functions as students write them, with any set of mistakes, in four styles.

The text is put together from strings, without the catalogue's rewrites: what gradkit says
about it is therefore a test. Layouts: ``scalar`` and ``vectorised`` store W as (in, out),
``out_in`` as (out, in), ``row`` works on row vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from gradkit.records.rule import UpdateInputs, UpdateProbes
from gradkit.records.task import Task

STYLES = ("scalar", "vectorised", "out_in", "row")

# At most one mistake of each group can be made in one function.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "error": (
        "wrong-error",
        "squared-error",
        "missing-error",
        "missing-output-derivative",
        "extra-output-derivative",
    ),
    "derivative": (
        "missing-activation-derivative",
        "wrong-activation-derivative",
        "wrong-derivative-argument",
        "extra-activation-derivative",
        "misplaced-parenthesis",
    ),
    "weight": ("missing-weight", "wrong-weight", "updated-before-use"),
    "input": ("wrong-layer-input", "missing-input"),
    "index": ("swapped-index", "wrong-index"),
    "sum": ("bias-sum-axis", "bias-times-input"),
    "extra": ("extra-factor",),
    "sign": ("wrong-sign",),
    "factor": ("wrong-factor",),
    "rate": ("wrong-learning-rate",),
    "uneven": ("uneven-learning-rate",),
    "source": ("wrong-source-entry", "overwritten"),
    "moves": ("wrong-target", "not-updated", "nothing-updated", "copy-dropped"),
}
CODES = tuple(code for group in GROUPS.values() for code in group)

# Pairs of which one leaves no trace of the other, or which no single text contains.
APART = {
    frozenset(pair)
    for pair in (
        ("wrong-weight", "swapped-index"),
        ("wrong-weight", "wrong-index"),
        ("misplaced-parenthesis", "missing-input"),
        ("misplaced-parenthesis", "wrong-layer-input"),
        ("missing-input", "swapped-index"),
        ("missing-input", "wrong-index"),
        ("wrong-layer-input", "swapped-index"),
        ("wrong-layer-input", "wrong-index"),
        ("misplaced-parenthesis", "wrong-weight"),
        ("overwritten", "wrong-target"),
        ("overwritten", "missing-error"),  # b2 becomes a constant, which is no slip
        ("not-updated", "wrong-source-entry"),
        # What is left of the error has no sign that could be wrong.
        ("wrong-error", "wrong-sign"),
        ("squared-error", "wrong-sign"),
        ("missing-error", "wrong-sign"),
    )
}
OF_LAYER_1 = {
    *GROUPS["derivative"],
    *GROUPS["weight"],
    *GROUPS["input"],
    *GROUPS["index"],
    *GROUPS["sum"],
    "uneven-learning-rate",
}


def possible(codes: frozenset[str], task: Task) -> bool:
    """Return whether a function of a task can have exactly these mistakes."""
    if any(len(codes.intersection(group)) > 1 for group in GROUPS.values()):
        return False
    if codes & {"nothing-updated", "copy-dropped"} and len(codes) > 1:
        return False
    if "not-updated" in codes and codes & OF_LAYER_1:
        return False
    if any(frozenset(pair) in APART for pair in combinations(codes, 2)):
        return False
    linear = task.layers[0].activation == "linear"
    nonlinear = {*GROUPS["derivative"]} - {"extra-activation-derivative"}
    if codes & (nonlinear if linear else {"extra-activation-derivative"}):
        return False
    if linear and codes >= {"missing-weight", "bias-sum-axis"}:
        return False
    return not (task.layers[-1].activation == "linear" and "missing-output-derivative" in codes)


def sets_of(size: int, task: Task) -> list[frozenset[str]]:
    """Return all sets of ``size`` mistakes that can occur together."""
    return [s for c in combinations(CODES, size) if possible(s := frozenset(c), task)]


def _error(codes: frozenset[str]) -> str:
    if "wrong-error" in codes:
        return "y"
    if "squared-error" in codes:
        return "(y - y_hat) ** 2"
    if "missing-error" in codes:
        return "1.0"
    if "missing-output-derivative" in codes:
        return "(y - y_hat) / (y_hat * (1 - y_hat))"
    if "extra-output-derivative" in codes:
        return "(y - y_hat) * y_hat * (1 - y_hat)"
    return "(y - y_hat)"


def _rates(codes: frozenset[str], task: Task) -> tuple[str, str]:
    bias = task.rates.weight if "wrong-learning-rate" in codes else task.rates.bias
    two = (task.loss == "squared_error") != ("wrong-factor" in codes)
    sign = "-" if "wrong-sign" in codes else ""
    return tuple(f"{sign}{'2 * ' if two else ''}{rate}" for rate in (task.rates.weight, bias))


def write(codes: frozenset[str], task: Task, style: str) -> str:
    """Return the source of ``update_parameters`` with some mistakes, in a style."""
    head = "def update_parameters(parameters, y, y_hat, A1, X):\n"
    if "copy-dropped" in codes:
        head += "    parameters = {k: v.copy() for k, v in parameters.items()}\n"
    if "nothing-updated" in codes:
        return head + "    return None\n"
    writer = _scalar if style == "scalar" else _vectorised
    return head + "".join(f"    {line}\n" for line in writer(codes, task, style))


# --- entry by entry ------------------------------------------------------------------------


def _derivative(codes: frozenset[str], task: Task, A: str, rest: str) -> str:
    """`` * act'`` and, behind it, ``rest`` (the input), which a parenthesis may swallow."""
    if task.layers[0].activation == "linear":
        return (f" * {A} * (1 - {A})" if "extra-activation-derivative" in codes else "") + rest
    if "missing-activation-derivative" in codes:
        return rest
    if "wrong-activation-derivative" in codes:
        return f" * (1 - {A})" + rest
    if "wrong-derivative-argument" in codes:
        return f" * sigmoid({A}) * (1 - sigmoid({A}))" + rest
    if "misplaced-parenthesis" in codes:
        return f" * {A} * (1 - {A}{rest})"
    return f" * {A} * (1 - {A})" + rest


def _scalar(codes: frozenset[str], task: Task, style: str) -> list[str]:
    features, hidden = task.X.shape[1], task.layers[0].units
    weight, bias = _rates(codes, task)
    error = _error(codes)

    def put(name: str, place: str, change: str, source: str = "") -> str:
        target = f"parameters['{name}']{place}"
        if "overwritten" in codes:
            return f"{target} = +({change})"
        return f"{target} = {source or target} + ({change})"

    first, second = [], []
    for i in range(features):
        for j in range(hidden):
            a, b = (j, i) if "swapped-index" in codes else (i, j)
            a = 0 if "wrong-index" in codes and i == 1 else a
            used = (
                f"parameters['W1'][{i}][{j}]"
                if "wrong-weight" in codes
                else f"parameters['W2'][{b}][0]"
            )
            used = "1" if "missing-weight" in codes else used
            given = f" * A1[{a}][0]" if "wrong-layer-input" in codes else f" * X[{a}][0]"
            given = "" if "missing-input" in codes else given
            rate = f"10 * {weight}" if "uneven-learning-rate" in codes and i == 1 else weight
            rest = _derivative(codes, task, f"A1[{b}][0]", given)
            first.append(put("W1", f"[{i}][{j}]", f"{rate} * {error} * {used}{rest}"))
    for j in range(hidden):
        used = "1" if "missing-weight" in codes else f"parameters['W2'][{j}][0]"
        plain = codes - {"misplaced-parenthesis"}
        change = f"{used}{_derivative(plain, task, f'A1[{j}][0]', '')}"
        if "bias-sum-axis" in codes:
            parts = [
                ("1" if "missing-weight" in codes else f"parameters['W2'][{n}][0]")
                + _derivative(plain, task, f"A1[{n}][0]", "")
                for n in range(hidden)
            ]
            change = f"({' + '.join(parts)})"
        if "bias-times-input" in codes:
            change += f" * X[{j}][0]"
        source = "parameters['b1'][1][0]" if "wrong-source-entry" in codes and j == 0 else ""
        first.append(put("b1", f"[{j}][0]", f"{bias} * {error} * {change}", source))
    for j in range(hidden):
        change = f"{weight} * {error} * A1[{j}][0]"
        change += f" * parameters['W2'][{j}][0]" if "extra-factor" in codes else ""
        place = 0 if "wrong-target" in codes and j == 1 else j
        second.append(put("W2", f"[{place}][0]", change))
    second.append(put("b2", "[0][0]", f"{bias} * {error}"))
    if "not-updated" in codes:
        first = []
    return second + first if "updated-before-use" in codes else first + second


# --- in vectors ----------------------------------------------------------------------------


def _vectorised(codes: frozenset[str], task: Task, style: str) -> list[str]:
    weight, bias = _rates(codes, task)
    column = {"vectorised": "{}", "out_in": "({}).T", "row": "({}).T"}[style]
    # Column or row vectors: a weight vector like A1, and the outer product of X and dZ1.
    W2 = "parameters['W2']" if style == "vectorised" else "parameters['W2'].T"
    outer = {"vectorised": "{} @ ({}).T", "out_in": "{1} @ ({0}).T", "row": "({}).T @ ({})"}[style]
    swap = {"vectorised": "{1} @ ({0}).T", "out_in": "{} @ ({}).T", "row": "({1}).T @ {0}"}[style]
    at = "[:, 1]" if style == "out_in" else "[1]"

    def put(name: str, change: str) -> list[str]:
        if "overwritten" in codes:
            return [f"parameters['{name}'] =+ {change}"]
        return [f"parameters['{name}'] = parameters['{name}'] + {change}"]

    used = "np.ones_like(A1)" if "missing-weight" in codes else W2
    plain = codes - {"misplaced-parenthesis"}
    given = "A1" if "wrong-layer-input" in codes else "X"
    given = "np.ones_like(X)" if "missing-input" in codes else given
    back = f"dZ2 * {used}{_derivative(plain, task, 'A1', '')}"
    first = [f"dZ1 = {back}"]
    if "wrong-index" in codes:
        first.append("X = X.copy(); " + ("X[0, 1] = X[0, 0]" if style == "row" else "X[1] = X[0]"))
    dW1 = (swap if "swapped-index" in codes else outer).format(given, "dZ1")
    if "misplaced-parenthesis" in codes:
        unit = "A1.T" if style == "vectorised" else "A1"
        X = "X.T" if style != "vectorised" else "X"
        wide, tall = f"(dZ2 * {W2})", "A1"
        if style == "vectorised":
            dW1 = f"{wide}.T * {unit} * (1 - {unit} * {X})"
        elif style == "out_in":
            dW1 = f"{wide} * {tall} * (1 - {tall} * {X})"
        else:
            dW1 = f"{wide} * {unit} * (1 - {unit} * {X})"
        dW1 = f"({dW1})" + (".T" if "swapped-index" in codes else "")
    if "wrong-weight" in codes:
        natural = f"dZ2 * np.ones_like(A1){_derivative(plain, task, 'A1', '')}"
        dW1 = outer.format(given, f"({natural})") + " * parameters['W1']"
    first.append(f"dW1 = {dW1}")
    if "uneven-learning-rate" in codes:
        first.append(f"dW1{at} = 10 * dW1{at}")
    first += put("W1", f"{weight} * dW1")
    db1 = "np.sum(dZ1)" if "bias-sum-axis" in codes else "dZ1"
    if codes >= {"bias-sum-axis", "overwritten"}:
        # Without the old value's shape one number would be left, of which nothing can be asked.
        db1 += " * np.ones_like(dZ1)"
    db1 += " * X" if "bias-times-input" in codes else ""
    first += put("b1", f"{bias} * {db1}")
    if "wrong-source-entry" in codes:
        b = ("[0, 0]", "[0, 1]") if style == "row" else ("[0, 0]", "[1, 0]")
        first.insert(0, "old = parameters['b1'].copy()")
        first.append(f"parameters['b1']{b[0]} += old{b[1]} - old{b[0]}")
    extra = f" * {W2}" if "extra-factor" in codes else ""
    second = [f"dW2 = {column.format('A1 * dZ2' + extra)}"]
    if "wrong-target" in codes:
        both = ("dW2[0, 0]", "dW2[0, 1]") if style == "out_in" else ("dW2[0, 0]", "dW2[1, 0]")
        second.append(f"{both[0]} += {both[1]}; {both[1]} = 0.0")
    second += put("W2", f"{weight} * dW2") + put("b2", f"{bias} * dZ2 * np.ones((1, 1))")
    if "not-updated" in codes:
        first = []
    lines = [f"dZ2 = {_error(codes)}"]
    return lines + (second + first if "updated-before-use" in codes else first + second)


# --- running -------------------------------------------------------------------------------


def compiled(source: str) -> Callable[..., Any]:
    """Return the function that a source defines."""
    names: dict[str, Any] = {"np": np, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    exec(source, names)
    return names["update_parameters"]


def run(
    function: Callable[..., Any], inputs: UpdateInputs, style: str = "vectorised"
) -> UpdateProbes:
    """Call a function with every probe, in its own layout."""
    after = {key: np.empty_like(value) for key, value in inputs.before.items()}
    turned = {"scalar": "", "vectorised": "", "out_in": "W", "row": "b"}[style]
    single = inputs.y.shape[1] == 1
    for row in range(len(inputs.y)):
        parameters = {
            key: np.array(value[row].T if key[0] == turned else value[row])
            for key, value in inputs.before.items()
        }
        vectors = [np.array(values[row][:, None]) for values in (inputs.A1, inputs.X)]
        outputs: list[Any] = [inputs.y[row], inputs.y_hat[row]]
        outputs = [v[0] if single else np.array(v[:, None]) for v in outputs]
        if style == "row":
            vectors = [vector.T.copy() for vector in vectors]
        arguments = [parameters, *outputs, *vectors]
        if inputs.rate is not None:
            arguments.append(inputs.rate[row])
        returned = function(*arguments)
        result = returned if isinstance(returned, dict) else parameters
        for key, values in after.items():
            values[row] = np.transpose(result[key]) if key[0] == turned else result[key]
    return UpdateProbes(inputs, after)
