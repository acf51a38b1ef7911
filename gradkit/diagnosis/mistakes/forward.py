"""Mistakes of a forward pass: recognise them in a form, and apply them to a form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec.structs import replace

from gradkit.diagnosis.catalogue import require_one_of
from gradkit.diagnosis.rules.forward import (
    LAYER_MISTAKES,
    before_last,
    correct_form,
    mistakes_in,
    recover_forward,
    run_stages,
)
from gradkit.records.rule import Details, Explanation, ForwardForm, ForwardProbes, Slip
from gradkit.records.task import Array, Task

Facts = Mapping[str, object]
Change = Callable[[ForwardForm, Facts, Task], ForwardForm]


def explain_forward(task: Task, probes: ForwardProbes) -> Explanation:
    """Return the mistakes in a forward pass, proven by a form that gives its numbers.

    A form says how each layer is computed, see `ForwardForm`; the right one is that of ``task``.
    ``probes`` are inputs and observed outputs of the student's forward pass.

    Returns
    -------
    Explanation
        Without slips if the pass is right; ``unknown`` if no known form fits. Other mistakes that
        give the same numbers are its alternatives.
    """
    sets = [slips_of_form(task, form) for form in recover_forward(task, probes)]
    unique = [slips for place, slips in enumerate(sets) if slips not in sets[:place]]
    if not unique:
        return Explanation(unknown=True)
    return Explanation(unique[0], tuple(unique[1:]))


def slips_of_form(task: Task, form: ForwardForm) -> tuple[Slip, ...]:
    """Return the mistakes that turn the right forward pass into the student's.

    ``form`` says how the student's layers are computed, see `ForwardForm`, and ``task`` how the
    right ones are. There is one mistake for each code, with the details of all its places, in the
    order `ORDER`. The result is empty if the two agree.
    """
    found: dict[str, list[Details]] = {}
    for code, details in mistakes_in(form, tuple(layer.activation for layer in task.layers)):
        found.setdefault(code, []).append(details)
    return tuple(
        Slip(code, (), tuple(found[code])) for code in sorted(found, key=ORDER.__getitem__)
    )


def form_with(task: Task, slips: Iterable[Slip]) -> ForwardForm:
    """Return the form of a forward pass that has exactly the mistakes ``slips``.

    It starts from the right form, that of ``task``. The mistakes change it in the order `ORDER`,
    once for each of their details.

    Raises
    ------
    ValueError
        A slip's code is no mistake of a forward pass.
    """
    form = correct_form(task)
    for slip in sorted(slips, key=lambda slip: ORDER.get(slip.code, 0)):
        require_one_of(CHANGES, slip.code, "a forward pass")
        for details in slip.details or ((),):
            form = CHANGES[slip.code](form, dict(details), task)
    return form


def apply_forward(
    task: Task, slips: Iterable[Slip], X: Array, before: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Compute what the task's forward pass returns if it has exactly these mistakes.

    Parameters
    ----------
    task : Task
    slips : iterable of Slip
        The mistakes. Without any, the forward pass is the task's own.
    X : array (n, features)
        One row of inputs for each of the n calls.
    before : mapping of str to array (n, …)
        The parameters by name, a set for each call.

    Returns
    -------
    tuple of array
        The stage that is returned as the prediction, then the stage that is returned as the hidden
        layer (``X`` if the net has none). Each has the shape (n, units of that stage).

    Raises
    ------
    ValueError
        A slip's code is no mistake of a forward pass.
    """
    form = form_with(task, slips)
    stages = run_stages(form, X, before)
    return stages[form.output], stages[form.hidden or "x"]


def _change_layer(
    part: str, value: object, form: ForwardForm, facts: Facts, task: Task
) -> ForwardForm:
    """Return the form of a forward pass with a field of one layer changed.

    ``part`` is the name of the field and ``facts["layer"]`` the number of the layer. ``facts`` are
    the details of a mistake by name. The new value is ``facts[part]``, or ``value`` if the facts do
    not have it. A layer that runs twice is changed in both places. ``task`` is not used.
    """
    layers = tuple(
        replace(layer, **{part: facts.get(part, value)}) if number == facts["layer"] else layer
        for number, layer in zip(form.order, form.layers, strict=True)
    )
    return replace(form, layers=layers)


def _reorder_layers(form: ForwardForm, facts: Facts, task: Task) -> ForwardForm:
    """Return the form with its layers in the order ``facts["order"]``, such as ``"112"``.

    ``facts`` are the details of a mistake by name. The last layer is returned as the prediction,
    and the layer before as the hidden layer.
    """
    order = tuple(int(number) for number in str(facts["order"]))
    by_number = dict(zip(form.order, form.layers, strict=True))
    layers, last = tuple(by_number[number] for number in order), len(order)
    return ForwardForm(layers, order, f"a{last}", before_last(last))


CHANGES: Mapping[str, Change] = {
    **{code: partial(_change_layer, *made) for code, made in LAYER_MISTAKES.items()},
    "layer-skipped": _reorder_layers,
    "layer-repeated": _reorder_layers,
    "hidden-returned": lambda form, facts, task: replace(form, output=str(facts["stage"])),
    "wrong-hidden-returned": lambda form, facts, task: replace(form, hidden=str(facts["stage"])),
    "swapped-returns": lambda form, facts, task: replace(
        form, output=form.hidden or "x", hidden=form.output
    ),
}
"""Every forward mistake, in the order in which they are composed."""

ORDER = {code: place for place, code in enumerate(CHANGES)}
