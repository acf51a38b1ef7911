"""Make each mistake of a numpy net alone, in its usual forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rules.rewrites import SQUARED

from gradkit.diagnosis.formulas.compare import MIRRORED
from gradkit.diagnosis.formulas.records import WHOLE
from gradkit.diagnosis.rules.symbols import B1, B2, PARAMETERS, W1, W2, shape_of
from gradkit.records.rule import Details, Entry, Slip
from gradkit.records.task import Task
from gradkit.task.network import ACTIVATIONS, is_curved, is_idempotent, is_piecewise_linear

Chosen = Callable[[Entry], Details | None]


def usual_cases(code: str, task: Task, *, rate: bool = False) -> tuple[Slip, ...]:
    """Return the usual forms of one mistake in a task, each alone.

    Parameters
    ----------
    code : str
    task : Task
    rate : bool
        For a function that takes a learning rate.

    Returns
    -------
    tuple of Slip
        Empty where the task has no room for it (a missing derivative in a linear net).
    """
    if code == "rate-ignored" and not rate:
        return ()
    return tuple(
        slip
        for choose in (CASES[code](task) if code in CASES else ())
        if (slip := _where(code, task, choose)).entries
    )


def _where(code: str, task: Task, choose: Chosen) -> Slip:
    found = [(e, d) for e in shape_of(task).entries if (d := choose(e)) is not None]
    return Slip(code, tuple(e for e, _ in found), tuple(d for _, d in found))


def _at(details: Details = (), *parameters: str) -> Chosen:
    where = parameters or PARAMETERS
    return lambda entry: details if entry[0] in where else None


def _if(fits: Callable[[str, int, int], bool], details: Callable[[int, int], Details]) -> Chosen:
    """Choose details that depend on an entry's index, for the entries that fit."""
    return lambda entry: details(*entry[1]) if fits(entry[0], *entry[1]) else None


def _ratio(value: float, *parameters: str) -> Chosen:
    return _at((("ratio", value),), *parameters)


FIRST = (W1, B1)


def _swapped(task: Task) -> tuple[Chosen, ...]:
    inputs, units = task.X.shape[1], task.layers[0].units
    return (
        _if(lambda p, i, j: p == W1 and i != j and i < units and j < inputs, lambda i, j: ()),
        _if(lambda p, i, j: p == W2 and i < 2, lambda i, j: (("unit", 1 - i),)),
    )


def _wrong_index(task: Task) -> tuple[Chosen, ...]:
    units: Details = (("weight", 0),)
    units = units if task.layers[0].activation == "linear" else (("unit", 0), *units)
    return (
        _if(lambda p, i, j: p == W1 and i == 1, lambda i, j: (("input", 0),)),
        _if(lambda p, i, j: (j if p == W1 else i) == 1 and p in FIRST, lambda i, j: units),
    )


def _rates(task: Task) -> tuple[Chosen, ...]:
    ratio = task.rates.weight / task.rates.bias
    return _ratio(ratio if ratio != 1 else 0.1, B1, B2), _ratio(10.0)


def _uneven(task: Task) -> tuple[Chosen, ...]:
    ratio = task.rates.bias / task.rates.weight
    details: Details = (("ratio", ratio if ratio != 1 else 10.0),)
    return (_if(lambda p, i, j: p == W1 and i == 1, lambda i, j: details),)


def _sources(task: Task) -> tuple[Chosen, ...]:
    last = task.layers[0].units - 1
    return (
        _if(lambda *e: e == (B2, 0, 0), lambda i, j: (("source", (W2, last, 0, "after")),)),
        _if(lambda *e: e == (B1, 0, 0), lambda i, j: (("source", (B1, 1, 0, "before")),)),
    )


SIGMOID = ("hidden", "hidden_complement")


def _curved(task: Task) -> bool:
    return is_curved(ACTIVATIONS[task.layers[0].activation])


def _own_factors(task: Task) -> tuple[str, ...]:
    own = ACTIVATIONS[task.layers[0].activation].factors
    return ("hidden_derivative",) if own is None else own


def _nonlinear(*choices: Chosen) -> Callable[[Task], tuple[Chosen, ...]]:
    return lambda task: choices if _curved(task) else ()


def _factors(*names: str) -> Details:
    return (("factors", names),)


def _wrong_derivatives(task: Task) -> tuple[Chosen, ...]:
    """Return wrong derivatives: parts of the right one, the sigmoid's, or a part of that."""
    if not _curved(task):
        return ()
    own = _own_factors(task)
    pieces = ["hidden_complement"] if "hidden_complement" in own else []
    pieces += ["hidden"] if "hidden" in own or not pieces else []
    wrong = [_factors(piece) for piece in pieces]
    wrong += [_factors(*SIGMOID)] if own != SIGMOID else []
    return tuple(_at(d, *FIRST) for d in wrong)


def _extra_derivatives(task: Task) -> tuple[Chosen, ...]:
    """Return superfluous derivatives: the sigmoid's for a linear layer, otherwise its own again."""
    own = _own_factors(task) if _curved(task) else SIGMOID
    # Zero and one are their own squares.
    return () if own == ("hidden_step",) else (_at(_factors(*own), *FIRST),)


def _elsewhere(task: Task) -> tuple[Chosen, ...]:
    # A slope that is the same along a piece is the same at A as at Z.
    if not _curved(task) or is_piecewise_linear(ACTIVATIONS[task.layers[0].activation]):
        return ()
    return _at((("of", "activation"),), *FIRST), _at((("of", "output"),), *FIRST)


def _mutated(task: Task) -> tuple[Chosen, ...]:
    factors = ("factors", ("hidden_complement",))
    multiplied = _if(lambda p, i, j: p == W2, lambda i, j: (factors, ("index", i)))
    return (multiplied,) if _curved(task) else ()


def _other_input(task: Task) -> tuple[Chosen, ...]:
    inputs, units = task.X.shape[1], task.layers[0].units
    return (
        _if(lambda p, i, j: p == W1 and i < units, lambda i, j: (("index", i),)),
        _if(lambda p, i, j: p == W2 and i < inputs, lambda i, j: (("index", i),)),
        _at((("index", 0), ("of", "output")), W2),
    )


def _bias_input(task: Task) -> tuple[Chosen, ...]:
    factors, inputs = ("factors", ("input",)), task.X.shape[1]
    return (
        _if(lambda p, i, j: p == B1 and i < inputs, lambda i, j: (factors, ("index", i))),
        _at((("factors", ("hidden",)), ("index", 0)), B2),
    )


def _parentheses(task: Task) -> tuple[Chosen, ...]:
    around_error: Details = (
        ("around", "error"),
        ("inside", ("hidden",)),
        ("outside", ()),
        ("coefficient", "first"),
    )
    around_derivative: Details = (
        ("around", "hidden_complement"),
        ("inside", ("input",)),
        ("outside", ()),
        ("coefficient", "both"),
    )
    turned: Details = (
        ("around", "hidden_complement"),
        ("inside", ()),
        ("outside", ("error", W2, "hidden")),
        ("coefficient", "turned"),
    )
    sigmoid = task.layers[0].activation == "sigmoid"
    single = task.layers[-1].units == 1
    return (
        *((_at(around_derivative, W1), _at(turned, *FIRST)) if sigmoid else ()),
        *((_at(around_error, W2),) if single else ()),
    )


def _truncations(task: Task) -> tuple[Chosen, ...]:
    # Gradients below 1, as cross-entropy's, would all be cut to 0: that is not updating.
    large = task.loss == "squared_error"
    return (
        _at((("of", "value"),)),
        *((_at((("of", "gradient"),), W1),) if large else ()),
    )


def _other_weight(task: Task) -> tuple[Chosen, ...]:
    own = _if(lambda p, i, j: p == W1, lambda i, j: (("weight", (W1, i, j, "before")),))
    return (own,) if task.layers[-1].units == 1 else ()


def _extra_weight(task: Task) -> tuple[Chosen, ...]:
    factors = ("factors", (W2,))
    return (
        _if(lambda p, i, j: p == W2, lambda i, j: (factors, ("index", (i, j)), ("when", "before"))),
    )


CASES: Mapping[str, Callable[[Task], tuple[Chosen, ...]]] = {
    "wrong-error": lambda task: (_at(_factors("target")),),
    "squared-error": lambda task: (_at(), _at(WHOLE)) if task.loss == "squared_error" else (_at(),),
    "missing-error": lambda task: (_at(),),
    "missing-output-derivative": lambda task: (
        (_at(),) if task.layers[-1].activation in ("sigmoid", "softmax") else ()
    ),
    "missing-activation-derivative": _nonlinear(_at((), *FIRST)),
    "wrong-activation-derivative": _wrong_derivatives,
    "wrong-derivative-argument": _elsewhere,
    "wrong-layer-input": _other_input,
    "missing-input": lambda task: (_at((), W1), _at((), W2)),
    "wrong-weight": _other_weight,
    "missing-weight": lambda task: (_at((), *FIRST),),
    "swapped-index": _swapped,
    "wrong-index": _wrong_index,
    "bias-sum-axis": lambda task: (_at((("over", "j"),), B1),),
    "wrong-sum-axis": lambda task: (_at((("over", "i"),), W1),),
    "extra-output-derivative": lambda task: (_at(),),
    "wrong-loss": lambda task: (_at(SQUARED),) if task.loss == "binary_cross_entropy" else (),
    "extra-activation-derivative": _extra_derivatives,
    "bias-times-input": _bias_input,
    "extra-factor": _extra_weight,
    "input-mutated": _mutated,
    "updated-before-use": lambda task: (_at((), *FIRST),),
    "rate-ignored": lambda task: (_at(),),
    "wrong-sign": lambda task: (_at(), _at((), *FIRST)),
    "wrong-factor": lambda task: (_ratio(0.5 if task.loss == "squared_error" else 2.0),),
    "wrong-learning-rate": _rates,
    "uneven-learning-rate": _uneven,
    "misplaced-parenthesis": _parentheses,
    "wrong-source-entry": _sources,
    "gradient-stored": lambda task: (_at(), _at((MIRRORED,), B2)),
    "overwritten": lambda task: (_at((), B2), _at()),
    "wrong-target": lambda task: (
        _if(lambda *e: e == (W2, 1, 0), lambda i, j: (("target", (W2, 0, 0)),)),
    ),
    "not-updated": lambda task: (_at((), *FIRST),),
    "nothing-updated": lambda task: (_at(),),
    "copy-dropped": lambda task: (_at(),),
    "integer-truncation": _truncations,
}


def usual_forward_cases(code: str, task: Task) -> tuple[Slip, ...]:
    """Return the usual forms of one forward mistake in a task, each alone; empty without room."""
    last = len(task.layers)
    own = {n: layer.activation for n, layer in enumerate(task.layers, 1)}
    curved = [n for n, name in own.items() if is_curved(ACTIVATIONS[name])]
    widths = [task.X.shape[1], *(layer.units for layer in task.layers)]
    square = [n for n in own if widths[n - 1] == widths[n] > 1]
    layers: Mapping[str, list[int]] = {
        "missing-activation": curved,
        "wrong-sigmoid-sign": [n for n in curved if own[n] == "sigmoid"],
        "activation-twice": [n for n in curved if not is_idempotent(ACTIVATIONS[own[n]])],
        "missing-bias": [*own],
        "subtracted-bias": [*own],
        "weight-not-transposed": square,
    }
    if code == "wrong-activation":
        others = ("tanh", "sigmoid") if "sigmoid" in own.values() else ("sigmoid", "tanh")
        # A net may use both, and a layer's own activation is no mistake.
        wrong = {n: next(each for each in others if each != name) for n, name in own.items()}
        return (Slip(code, (), tuple((("layer", n), ("activation", w)) for n, w in wrong.items())),)
    if code in layers:
        details = tuple((("layer", n),) for n in layers[code])
        return (Slip(code, (), details),) if details else ()
    plain: Mapping[str, list[Details]] = {
        "layer-skipped": [(("order", "1"),), *([(("order", "2"),)] if 1 in square else [])],
        "layer-repeated": [(("order", "112"),)] if 1 in square else [],
        "swapped-returns": [()],
        "hidden-returned": [(("stage", "a1"),)],
        "wrong-hidden-returned": [(("stage", "x"),)],
    }
    return tuple(Slip(code, (), (each,)) for each in plain.get(code, []) if last == 2)
