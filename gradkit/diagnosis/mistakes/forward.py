"""Mistakes of a forward pass: what each does to its form, and which ones a form has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from gradkit.diagnosis.rules.forward import before_last, correct_form, recover_forward, run_stages
from gradkit.records.rule import Details, Explanation, ForwardForm, ForwardProbes, LayerForm, Slip
from gradkit.records.task import Array, Task
from gradkit.task.activations import ACTIVATIONS, is_curved, is_idempotent

Change = Callable[[ForwardForm, Mapping[str, object], Task], ForwardForm]


def explain_forward(task: Task, probes: ForwardProbes) -> Explanation:
    """The mistakes in a forward pass, proven by the form that gives its numbers.

    Returns
    -------
    Explanation
        Without slips where the pass is right; ``unknown`` where no known form fits.
    """
    sets = [slips_of_form(task, form) for form in recover_forward(task, probes)]
    unique = [slips for place, slips in enumerate(sets) if slips not in sets[:place]]
    if not unique:
        return Explanation(unknown=True)
    return Explanation(unique[0], tuple(unique[1:]))


def slips_of_form(task: Task, form: ForwardForm) -> tuple[Slip, ...]:
    """The mistakes that make this form of the task's."""
    found: dict[str, list[Details]] = {}

    def note(code: str, **facts: int | str) -> None:
        found.setdefault(code, []).append(tuple(facts.items()))

    right = correct_form(task)
    for number, layer in zip(form.order, form.layers, strict=True):
        own = right.layers[number - 1]
        if layer.activation != own.activation:
            if layer.activation == "linear":
                note("missing-activation", layer=number)
            else:
                note("wrong-activation", layer=number, activation=layer.activation)
        if layer.sign < 0:
            note("wrong-sigmoid-sign", layer=number)
        if layer.times > 1:
            note("activation-twice", layer=number)
        if layer.bias == 0:
            note("missing-bias", layer=number)
        if layer.bias < 0:
            note("subtracted-bias", layer=number)
        if not layer.transposed:
            note("weight-not-transposed", layer=number)
    last = len(form.order)
    if form.order != right.order:
        code = "layer-skipped" if len(form.order) < len(right.order) else "layer-repeated"
        note(code, order="".join(map(str, form.order)))
    if (form.output, form.hidden) == (before_last(last), f"a{last}"):
        note("swapped-returns")
    else:
        if form.output != f"a{last}":
            note("hidden-returned", stage=form.output)
        if form.hidden not in (None, before_last(last)):
            note("wrong-hidden-returned", stage=str(form.hidden))
    return tuple(
        Slip(code, (), tuple(found[code])) for code in sorted(found, key=ORDER.__getitem__)
    )


def form_with(task: Task, slips: Iterable[Slip]) -> ForwardForm:
    """The form that the task's becomes with these mistakes in it.

    Raises
    ------
    ValueError
        A slip's code is no mistake of a forward pass.
    """
    form = correct_form(task)
    for slip in sorted(slips, key=lambda slip: ORDER.get(slip.code, 0)):
        if slip.code not in CHANGES:
            known = ", ".join(CHANGES)
            raise ValueError(f"{slip.code!r} is no mistake of a forward pass; those are {known}.")
        for details in slip.details or ((),):
            form = CHANGES[slip.code](form, dict(details), task)
    return form


def apply_forward(
    task: Task, slips: Iterable[Slip], X: Array, before: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Run the forward pass that has these mistakes in it and no others.

    Parameters
    ----------
    X : (n, features)
    before : mapping of arrays (n, …)

    Returns
    -------
    The pair returned, as arrays of shape (n, units of that stage).
    """
    form = form_with(task, slips)
    stages = run_stages(form, X, before)
    return stages[form.output], stages[form.hidden or "x"]


def usual_forward_cases(code: str, task: Task) -> tuple[Slip, ...]:
    """The usual forms of one forward mistake in this task, each alone; empty without room."""
    last = len(task.layers)
    curved = [
        n for n, layer in enumerate(task.layers, 1) if is_curved(ACTIVATIONS[layer.activation])
    ]
    widths = [task.X.shape[1], *(layer.units for layer in task.layers)]
    square = [n for n in range(1, last + 1) if widths[n - 1] == widths[n] > 1]
    every = list(range(1, last + 1))
    layers: Mapping[str, list[int]] = {
        "missing-activation": curved,
        "wrong-sigmoid-sign": [n for n in curved if task.layers[n - 1].activation == "sigmoid"],
        "activation-twice": [
            n for n in curved if not is_idempotent(ACTIVATIONS[task.layers[n - 1].activation])
        ],
        "missing-bias": every,
        "subtracted-bias": every,
        "weight-not-transposed": square,
        "wrong-activation": every,
    }
    if code in layers:
        chosen = layers[code]
        if code == "wrong-activation":
            used = {layer.activation for layer in task.layers}
            others = ("tanh", "sigmoid") if "sigmoid" in used else ("sigmoid", "tanh")
            # A net may use both, and a layer's own activation is no mistake.
            wrong = {
                n: next(o for o in others if o != task.layers[n - 1].activation) for n in chosen
            }
            details: tuple[Details, ...] = tuple(
                (("layer", n), ("activation", wrong[n])) for n in chosen
            )
        else:
            details = tuple((("layer", n),) for n in chosen)
        return (Slip(code, (), details),) if details else ()
    if last != 2:
        return ()
    orders = {
        "layer-skipped": [(("order", "1"),), *([(("order", "2"),)] if 1 in square else [])],
        "layer-repeated": [(("order", "112"),)] if 1 in square else [],
    }
    if code in orders:
        return tuple(Slip(code, (), (order,)) for order in orders[code])
    plain: Mapping[str, Details] = {
        "swapped-returns": (),
        "hidden-returned": (("stage", "a1"),),
        "wrong-hidden-returned": (("stage", "x"),),
    }
    return (Slip(code, (), (plain[code],)),) if code in plain else ()


def _layer(change: Callable[[LayerForm, Mapping[str, object]], LayerForm]) -> Change:
    def changed(form: ForwardForm, facts: Mapping[str, object], task: Task) -> ForwardForm:
        layers = tuple(
            change(layer, facts) if number == facts["layer"] else layer
            for number, layer in zip(form.order, form.layers, strict=True)
        )
        return replace(form, layers=layers)

    return changed


def _reordered(form: ForwardForm, facts: Mapping[str, object], task: Task) -> ForwardForm:
    order = tuple(int(number) for number in str(facts["order"]))
    by_number = dict(zip(form.order, form.layers, strict=True))
    last = len(order)
    hidden = f"a{last - 1}" if last > 1 else "x"
    return ForwardForm(tuple(by_number[number] for number in order), order, f"a{last}", hidden)


CHANGES: Mapping[str, Change] = {
    "missing-activation": _layer(lambda layer, facts: replace(layer, activation="linear")),
    "wrong-activation": _layer(
        lambda layer, facts: replace(layer, activation=str(facts["activation"]))
    ),
    "wrong-sigmoid-sign": _layer(lambda layer, facts: replace(layer, sign=-1)),
    "activation-twice": _layer(lambda layer, facts: replace(layer, times=2)),
    "missing-bias": _layer(lambda layer, facts: replace(layer, bias=0)),
    "subtracted-bias": _layer(lambda layer, facts: replace(layer, bias=-1)),
    "weight-not-transposed": _layer(lambda layer, facts: replace(layer, transposed=False)),
    "layer-skipped": _reordered,
    "layer-repeated": _reordered,
    "hidden-returned": lambda form, facts, task: replace(form, output=str(facts["stage"])),
    "wrong-hidden-returned": lambda form, facts, task: replace(form, hidden=str(facts["stage"])),
    "swapped-returns": lambda form, facts, task: replace(
        form, output=form.hidden or "x", hidden=form.output
    ),
}
"""Every forward mistake, in the order in which they are composed."""

ORDER = {code: place for place, code in enumerate(CHANGES)}
