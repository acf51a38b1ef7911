"""Each update mistake alone, as it is usually made: for audits, tests and searches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gradkit.diagnosis.mistakes.rewrite import MIRRORED, WHOLE
from gradkit.diagnosis.rules.symbols import B1, B2, PARAMETERS, W1, W2, shape_of
from gradkit.records.rule import Details, Entry, Slip
from gradkit.records.task import Task
from gradkit.task.activations import ACTIVATIONS, is_curved, is_piecewise_linear

Chosen = Callable[[Entry], Details | None]


def usual_cases(code: str, task: Task, *, rate: bool = False) -> tuple[Slip, ...]:
    """The usual forms of one mistake in this task, each alone.

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


def _ratio(value: float, *parameters: str) -> Chosen:
    return _at((("ratio", value),), *parameters)


FIRST = (W1, B1)


def _swapped(task: Task) -> tuple[Chosen, ...]:
    sizes = task.X.shape[1], task.layers[0].units

    def off_diagonal(entry: Entry) -> Details | None:
        i, j = entry[1]
        fits = entry[0] == W1 and i != j and i < sizes[1] and j < sizes[0]
        return () if fits else None

    def exchanged_units(entry: Entry) -> Details | None:
        return (("unit", 1 - entry[1][0]),) if entry[0] == W2 and entry[1][0] < 2 else None

    return off_diagonal, exchanged_units


def _wrong_index(task: Task) -> tuple[Chosen, ...]:
    def first_input(entry: Entry) -> Details | None:
        return (("input", 0),) if entry[0] == W1 and entry[1][0] == 1 else None

    def first_unit(entry: Entry) -> Details | None:
        unit = entry[1][1] if entry[0] == W1 else entry[1][0]
        details: Details = (("weight", 0),)
        if task.layers[0].activation != "linear":
            details = (("unit", 0), ("weight", 0))
        return details if entry[0] in FIRST and unit == 1 else None

    return first_input, first_unit


def _rates(task: Task) -> tuple[Chosen, ...]:
    ratio = task.rates.weight / task.rates.bias
    return _ratio(ratio if ratio != 1 else 0.1, B1, B2), _ratio(10.0)


def _uneven(task: Task) -> tuple[Chosen, ...]:
    ratio = task.rates.bias / task.rates.weight
    details: Details = (("ratio", ratio if ratio != 1 else 10.0),)
    return (lambda entry: details if entry[0] == W1 and entry[1][0] == 1 else None,)


def _sources(task: Task) -> tuple[Chosen, ...]:
    last = task.layers[0].units - 1

    def of_weight(entry: Entry) -> Details | None:
        return (("source", (W2, last, 0, "after")),) if entry == (B2, (0, 0)) else None

    def of_bias(entry: Entry) -> Details | None:
        return (("source", (B1, 1, 0, "before")),) if entry == (B1, (0, 0)) else None

    return of_weight, of_bias


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
    """A piece of the right one; or the sigmoid's, or a piece of that."""
    if not _curved(task):
        return ()
    own = _own_factors(task)
    pieces = ["hidden_complement"] if "hidden_complement" in own else []
    pieces += ["hidden"] if "hidden" in own or not pieces else []
    wrong = [_factors(piece) for piece in pieces]
    wrong += [_factors(*SIGMOID)] if own != SIGMOID else []
    return tuple(_at(d, *FIRST) for d in wrong)


def _extra_derivatives(task: Task) -> tuple[Chosen, ...]:
    """A linear layer gets the sigmoid's, any other its own once more."""
    own = _own_factors(task) if _curved(task) else SIGMOID
    # Zero and one are their own squares.
    return () if own == ("hidden_step",) else (_at(_factors(*own), *FIRST),)


def _elsewhere(task: Task) -> tuple[Chosen, ...]:
    # A slope that is the same along a piece is the same at A as at Z.
    if not _curved(task) or is_piecewise_linear(ACTIVATIONS[task.layers[0].activation]):
        return ()
    return _at((("of", "activation"),), *FIRST), _at((("of", "output"),), *FIRST)


def _mutated(task: Task) -> tuple[Chosen, ...]:
    def multiplied(entry: Entry) -> Details | None:
        details: Details = (("factors", ("hidden_complement",)), ("index", entry[1][0]))
        return details if entry[0] == W2 else None

    return (multiplied,) if _curved(task) else ()


def _output_derivative(task: Task) -> tuple[Chosen, ...]:
    return (_at(),) if task.layers[-1].activation in ("sigmoid", "softmax") else ()


def _other_input(task: Task) -> tuple[Chosen, ...]:
    def hidden_for_input(entry: Entry) -> Details | None:
        i = entry[1][0]
        fits = entry[0] == W1 and i < task.layers[0].units
        return (("index", i),) if fits else None

    def input_for_hidden(entry: Entry) -> Details | None:
        j = entry[1][0]
        return (("index", j),) if entry[0] == W2 and j < task.X.shape[1] else None

    def output_for_hidden(entry: Entry) -> Details | None:
        return (("index", 0), ("of", "output")) if entry[0] == W2 else None

    return hidden_for_input, input_for_hidden, output_for_hidden


def _bias_input(task: Task) -> tuple[Chosen, ...]:
    def with_input(entry: Entry) -> Details | None:
        details: Details = (("factors", ("input",)), ("index", entry[1][0]))
        return details if entry[0] == B1 and entry[1][0] < task.X.shape[1] else None

    def with_unit(entry: Entry) -> Details | None:
        return (("factors", ("hidden",)), ("index", 0)) if entry[0] == B2 else None

    return with_input, with_unit


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


def _targets(task: Task) -> tuple[Chosen, ...]:
    details: Details = (("target", (W2, 0, 0)),)
    return (lambda entry: details if entry == (W2, (1, 0)) else None,)


def _truncations(task: Task) -> tuple[Chosen, ...]:
    # Gradients below 1, as cross-entropy's, would all be cut to 0: that is not updating.
    large = task.loss == "squared_error"
    return (
        _at((("of", "value"),)),
        *((_at((("of", "gradient"),), W1),) if large else ()),
    )


def _other_weight(task: Task) -> tuple[Chosen, ...]:
    def own_weight(entry: Entry) -> Details | None:
        if entry[0] != W1 or task.layers[-1].units != 1:
            return None
        return (("weight", (W1, *entry[1], "before")),)

    return (own_weight,)


def _extra_weight(entry: Entry) -> Details | None:
    if entry[0] != W2:
        return None
    return (("factors", (W2,)), ("index", entry[1]), ("when", "before"))


CASES: Mapping[str, Callable[[Task], tuple[Chosen, ...]]] = {
    "wrong-error": lambda task: (_at(_factors("target")),),
    "squared-error": lambda task: (_at(), _at(WHOLE)) if task.loss == "squared_error" else (_at(),),
    "missing-error": lambda task: (_at(),),
    "missing-output-derivative": _output_derivative,
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
    "extra-activation-derivative": _extra_derivatives,
    "bias-times-input": _bias_input,
    "extra-factor": lambda task: (_extra_weight,),
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
    "wrong-target": _targets,
    "not-updated": lambda task: (_at((), *FIRST),),
    "nothing-updated": lambda task: (_at(),),
    "copy-dropped": lambda task: (_at(),),
    "integer-truncation": _truncations,
}
