"""Fill the student's names and values into the catalogue's sentences and hints."""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.diagnosis.formulas.records import parse_factors, parse_parameter, target_of
from gradkit.diagnosis.rules.symbols import PARAMETERS, W1, W2, shape_of
from gradkit.diagnosis.rules.text import format_entry, format_factor
from gradkit.records.rule import Entry, Names, Slip
from gradkit.records.task import Task
from gradkit.task.network import ACTIVATIONS
from gradkit.text import MAX_ENTRIES, format_count, format_entries, format_text

AXES = {"i": "the inputs", "j": "the hidden units", "k": "the outputs"}
SCALES = {"sum": "the sum", "half": "half the mean"}
RECORDS = {
    "loss": "the loss",
    "sum": "the sum of all losses so far",
    "average": "the mean of all losses so far",
    "root": "the square root of the loss",
}
LOSSES = {
    "squared_error": "the squared error",
    "absolute_error": "the absolute error",
    "smooth_absolute_error": "the smooth absolute error",
    "binary_cross_entropy": "binary cross-entropy",
    "binary_cross_entropy_of_ones": "binary cross-entropy without its second term, −(1−y)·log(1−ŷ)",
    "binary_cross_entropy_of_zeros": "binary cross-entropy without its first term, −y·log(ŷ)",
    "cross_entropy": "cross-entropy",
}


def fill(template: str, words: Mapping[str, str]) -> str:
    """Fill in the placeholders of a sentence or hint.

    Raises
    ------
    KeyError
        There is no word for a placeholder.
    """
    return format_text(template, **words)


def placeholder_words(
    task: Task,
    slip: Slip,
    names: Names | None = None,
    functions: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return a word for every placeholder in the catalogue's texts, by the placeholder's name.

    Placeholders that the mistake has nothing for get a general word, such as ``another function``.

    Parameters
    ----------
    task : Task
    slip : Slip
    names : Names, optional
        The student's names; the notebook's by default.
    functions : mapping, optional
        The student's function for the role in which the mistake is made.
    """
    names = names or Names()
    facts = dict(slip.details[0]) if slip.details else {}
    outputs = task.layers[-1].units
    functions = functions or {}
    layers = [str(dict(details)["layer"]) for details in slip.details if "layer" in dict(details)]
    layer = int(layers[0]) if layers else 1
    hidden = task.layers[0].activation
    found = {
        "entries": format_entry_list(slip.entries, task, names) or "The parameters",
        W2: names.keys.get(W2, W2),
        "A1": names.hidden,
        "X": names.input,
        "y": names.target,
        "y_hat": names.output,
        "rate": names.rate,
        "forward": functions.get("forward", "the forward pass"),
        "update": functions.get("update", "the update"),
        "function": next(iter(functions.values()), "The function"),
        "ratio": _format_ratios(slip),
        "rates": _format_rates(task),
        "layers": _format_layers(list(dict.fromkeys(layers))),
        "order": join_words(list(str(facts.get("order", ""))), once=False),
        "stage": _format_stage(str(facts.get("stage", ""))),
        "activation": _format_activation(task.layers[layer - 1].activation),
        "activation_used": str(facts.get("activation", "another function")),
        "hidden_activation": hidden,
        "slope": format_text(ACTIVATIONS[hidden].written, A=names.hidden),
        "loss": LOSSES[task.loss],
        "loss_used": LOSSES.get(str(facts.get("loss")), "another loss"),
        "scale_used": _format_reduction(facts),
        "recorded_used": _format_recorded(facts),
        "training": "; the training itself is right" if "training" in facts else "",
        "signed": "the loss that you step on" if "signed" in facts else "the step",
        "of_loss": ", that of the loss and not of minus the loss" if "signed" in facts else "",
        "rounds_used": "fewer" if facts.get("rounds") == -1 else "more",
        "optimizer_used": str(facts.get("optimizer", "another optimiser")),
        "rows": _rows(facts.get("rows")),
        "axis": AXES.get(str(facts.get("over")), "all entries"),
        "source": _format_sources(slip, names, outputs),
        "target": "another entry",
        "used": "another quantity",
    }
    found["first"] = found["entries"]
    several = len(_entry_texts(slip.entries, task, names)) != 1
    found |= _verbs(2 if several else 1)
    if not slip.entries:
        return found
    entry = slip.entries[0]
    found["first"] = format_entry(*entry, names, outputs=outputs)
    found["used"] = _format_wrong_factor(slip.code, facts, entry, names, outputs)
    if slip.code == "wrong-target":
        targets = [target_of(details) for details in slip.details]
        found["target"] = join_words([format_entry(*t, names, outputs=outputs) for t in targets])
    return found


def _verbs(count: int) -> dict[str, str]:
    """Return the text of each placeholder for a verb, such as ``is_``, by its name.

    The verbs are singular if ``count`` is 1, else plural.
    """
    return {
        "is_": format_count("is", "are", count),
        "moves": format_count("moves", "move", count),
        "changes": format_count("changes", "change", count),
        "does_not": format_count("does not", "do not", count),
    }


def format_entry_list(entries: tuple[Entry, ...], task: Task, names: Names) -> str:
    """Format entries as a list, e.g. ``W1[0,1], W1[1,0] and b1``.

    A parameter with all its entries is written by its name. Of a long list, only the first entries
    are written, and the others are counted.
    """
    texts = _entry_texts(entries, task, names)
    return join_words(texts) if len(texts) <= MAX_ENTRIES + 1 else format_entries(texts)


def _entry_texts(entries: tuple[Entry, ...], task: Task, names: Names) -> list[str]:
    """Return the text of each entry, or one name for a parameter if all its entries are there.

    ``task`` gives the shapes of the parameters, and ``names`` the student's names of them. A
    parameter with a single entry is written as an entry. Equal texts occur once.
    """
    outputs, every = task.layers[-1].units, shape_of(task).entries
    parts: list[str] = []
    for parameter in PARAMETERS:
        own = [entry for entry in entries if entry[0] == parameter]
        if 1 < len(own) == sum(entry[0] == parameter for entry in every):
            parts.append(names.keys.get(parameter, parameter))
        else:
            parts += [format_entry(*entry, names, outputs=outputs) for entry in own]
    return list(dict.fromkeys(parts))


def _format_ratios(slip: Slip) -> str:
    """Format the ratios in a mistake's details as a list; ``another number of`` without ratios."""
    ratios = [dict(details).get("ratio") for details in slip.details]
    known = [f"{ratio:.6g}" for ratio in ratios if isinstance(ratio, int | float)]
    return join_words(known) or "another number of"


def _format_reduction(facts: Mapping[str, object]) -> str:
    """Format the reduction of the loss that the student used, e.g. ``2 times the mean``.

    ``facts`` are the mistake's details by name.
    """
    if isinstance(factor := facts.get("factor"), float):
        return format_text("{factor} times the mean", factor=f"{factor:.6g}")
    return SCALES.get(str(facts.get("scale")), "another number")


def _format_recorded(facts: Mapping[str, object]) -> str:
    """Format the quantity that was recorded instead of the loss, e.g. ``4 times the loss``.

    ``facts`` has the quantity's ``form`` and the ``ratio``. Without a known form, the text says
    that the quantity is unknown.
    """
    form, ratio = str(facts.get("form")), facts.get("ratio")
    if form not in RECORDS:
        return "something else than its loss, or nothing"
    number = f"{ratio:.6g}" if isinstance(ratio, float) else "1"
    what = RECORDS[form]
    return what if number == "1" else format_text("{ratio} times {what}", ratio=number, what=what)


def _format_rates(task: Task) -> str:
    """Format the task's learning rates, e.g. ``a rate of 0.1``; both rates if they differ."""
    weight, bias = f"{task.rates.weight:g}", f"{task.rates.bias:g}"
    if weight == bias:
        return format_text("a rate of {weight}", weight=weight)
    return format_text(
        "a rate of {weight} for weights and of {bias} for biases", weight=weight, bias=bias
    )


def _format_layers(numbers: list[str]) -> str:
    """Format layer numbers, e.g. ``layer 2`` or ``layers 1 and 2``."""
    if len(numbers) > 1:
        return format_text("layers {layers}", layers=join_words(numbers))
    return format_text("layer {layer}", layer=(numbers or ["1"])[0])


def _rows(value: object) -> str:
    """Format a number of rows, e.g. ``1 row``."""
    return format_count("1 row", "{count} rows", value) if isinstance(value, int) else "some rows"


def _format_stage(name: str) -> str:
    """Format a stage of a forward pass: ``a1`` as ``the output of layer 1``.

    ``z1`` becomes ``the weighted sum of layer 1``, and any other name ``the input of the net``.
    """
    kinds = {
        "a": "the output of layer {layer}",
        "z": "the weighted sum of layer {layer}",
    }
    return format_text(kinds.get(name[:1], "the input of the net"), layer=name[1:])


def _format_activation(name: str) -> str:
    """Format an applied activation, e.g. ``sigmoid(z)``."""
    return "the weighted sum itself" if name == "linear" else f"{name}(z)"


def _format_sources(slip: Slip, names: Names, outputs: int) -> str:
    """Format the values that a mistake's wrong entries start from, e.g. ``W1[0,1]``.

    The update should start from the entry's own old value; the details of ``slip`` say from which
    it starts. ``names`` are the student's names of the arrays, and ``outputs`` is the number of
    outputs of the net: the index of an only one is left out. ``another value`` if no detail names
    one.
    """
    details = [dict(each).get("source") for each in slip.details]
    factors = [parse_parameter(each) for each in details if isinstance(each, tuple)]
    return (
        join_words([format_factor(f, names, outputs=outputs) for f in factors]) or "another value"
    )


def join_words(parts: list[str], *, once: bool = True) -> str:
    """Join words as ``a``, ``a and b`` or ``a, b and c``.

    If ``once``, repeated words are dropped.
    """
    parts = list(dict.fromkeys(parts)) if once else parts
    if len(parts) < 2:
        return "".join(parts)
    return format_text("{these} and {that}", these=", ".join(parts[:-1]), that=parts[-1])


def _format_wrong_factor(
    code: str, facts: Mapping[str, object], entry: Entry, names: Names, outputs: int
) -> str:
    """Return the text of the wrong factor in the student's code, e.g. ``a1[0]``.

    This fills the placeholder ``{used}`` for the mistake ``code`` at ``entry``. The factor stands
    in place of the right factor, or is one factor too many. ``facts`` are the mistake's details by
    name. If they do not name the factor, it is the derivative ``y_hat · (1−y_hat)`` for mistakes
    with the output's derivative, and the target ``y`` for all others. ``outputs`` is the number of
    outputs of the net: the index of an only one is left out.
    """
    unit = entry[1][1] if entry[0] == W1 else entry[1][0]
    if isinstance(facts.get("weight"), tuple):
        return format_factor(parse_parameter(facts["weight"]), names, outputs=outputs)  # type: ignore[arg-type]
    if code == "wrong-derivative-argument":
        of = facts.get("of")
        return {"activation": names.hidden, "output": names.output}.get(str(of), names.input)
    if code == "wrong-layer-input" and facts.get("of") == "output":
        (factor,) = parse_factors("output", (facts["index"],))  # type: ignore[arg-type]
        return format_factor(factor, names, outputs=outputs)
    if code == "wrong-layer-input":
        stem = names.hidden if entry[0] == W1 else names.input
        return f"{stem}[{facts['index']}]"
    if "factors" not in facts:
        return (
            f"{names.output} · (1−{names.output})"
            if code.endswith("output-derivative")
            else names.target
        )
    place = facts.get("index")
    first = str(facts["factors"][0])  # type: ignore[index]
    index = place if isinstance(place, tuple) else (unit if place is None else place,)
    index = (0,) if first.startswith(("output", "target", "error")) else index
    when = str(facts.get("when", ""))
    factors = parse_factors(facts["factors"], index, when)  # type: ignore[arg-type]
    return " · ".join(format_factor(factor, names, outputs=outputs) for factor in factors)
