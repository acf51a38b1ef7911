"""Changes of a text that builds and trains a torch model, each with the mistakes it may mend.

They are proposals: nobody has looked yet whether one makes anything right. Where it is not the
change of one mistake alone, as a statement at another place, it is tried for each.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from gradkit.diagnosis.repair import loops, losses, models, optimizers
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.spelling import SPELLINGS, others
from gradkit.diagnosis.repair.text import Spot, Text
from gradkit.records.task import Task
from gradkit.runtime.syntax import every, names_in, walk

Changes = Callable[[Text, Task], Iterator[Proposal]]


def changes(task: Task, text: Text) -> Iterator[Proposal]:
    """Yield all proposals for the text of a cell, in the order of `KINDS`: likely ones first.

    In a ``while`` loop, an assignment to a variable of the condition may only change in its amount
    (kind ``count``), so that the loop ends.
    """
    counters = set().union(*(names_in(loop.test) for loop in every(ast.While, text.tree)))
    counting = {n.lineno for n in walk(text.tree) if isinstance(n, ast.stmt) and _sets(n, counters)}
    for kind, (make, _, _) in KINDS.items():
        yield from (one for one in make(text, task) if kind == "count" or one.line not in counting)


def _sets(node: ast.stmt, names: set[str]) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(each, ast.Name) and each.id in names for each in targets)


CUTS = ("cut", "with", "dropped")
"""The kinds of changes after which a forward pass gives the same, and has a graph."""

CERTAIN = ("loss", "optimizer")
"""The kinds of changes of what is wrong in any company: another of these than the task's."""

SIZES = "sizes"
"""In the place of a mistake: the model has parameters of other shapes."""

OF_LOOPS = ("wrong-rounds", "missing-activation")
"""Mistakes of what is done in each round, be it of a training or of a forward pass."""

FROZEN = ("missing-step", "graph-detached", "unregistered-parameters")
"""Mistakes that leave every parameter where it was."""

SPELT: Mapping[str, tuple[str, ...]] = {
    "misspelt": (*FROZEN, SIZES),
    "key": (),
    "unfilled": (SIZES,),
    "unhanded": (SIZES,),
    "form": (*FROZEN, SIZES),
    "nested": (),
    "uncalled": (*FROZEN, "missing-zero-grad", "recorded-loss", SIZES),
    "unkept": ("missing-activation", "wrong-activation"),
    "unsaid": (*FROZEN, SIZES),
}
"""The kinds of changes of how a text is written, and the mistakes that each may mend."""


def _spelled(kind: str) -> Changes:
    make, _ = SPELLINGS[kind]
    return lambda text, task: make(text)


KINDS: Mapping[str, tuple[Changes, str, tuple[str, ...]]] = {
    **{kind: (_spelled(kind), SPELLINGS[kind][1], mends) for kind, mends in SPELT.items()},
    "handed": (loops.handed_parameters, "wrong-name", ()),
    "optimizer": (optimizers.other_optimizers, "wrong-optimizer", ("wrong-optimizer",)),
    "given": (
        optimizers.given_parameters,
        "unregistered-parameters",
        ("unregistered-parameters", "graph-detached"),
    ),
    optimizers.IN_PLACE: (optimizers.steps_in_place, "missing-step", ("missing-step",)),
    "loss": (
        losses.other_losses,
        "wrong-function",
        ("wrong-loss", "logits-loss", "double-sigmoid"),
    ),
    "activation": (models.other_activations, "wrong-function", ("wrong-activation",)),
    "layer": (models.fewer_layers, "extra-function", ("wrong-activation", SIZES)),
    "swapped": (losses.swapped_arguments, "wrong-order", (SIZES,)),
    "option": (
        optimizers.fewer_options,
        "wrong-option",
        (
            *("momentum", "wrong-reduction", "wrong-optimizer", "mini-batch", "recorded-loss"),
            *("wrong-sign", SIZES),
        ),
    ),
    "rate": (optimizers.other_rates, "wrong-constant", ("wrong-learning-rate", "rate-ignored")),
    "batch": (loops.whole_batches, "mini-batch", ("mini-batch",)),
    "each round": (loops.kept_in_each_round, "wrong-indentation", ("recorded-loss",)),
    loops.INDENTED: (
        loops.other_indents,
        "wrong-indentation",
        ("missing-step", "missing-zero-grad", "recorded-loss", "mini-batch", *OF_LOOPS),
    ),
    "missing": (loops.missing_calls, "missing-statement", ("missing-zero-grad", "missing-step")),
    "left out": (loops.missing_statements, "missing-statement", (*FROZEN, SIZES)),
    "added": (optimizers.steps_from_values, "not-added", ("recorded-loss",)),
    "shape": (models.other_shapes, "wrong-shape", ("broadcast-target",)),
    "sum": (losses.other_sums, "wrong-function", ("wrong-reduction", "recorded-loss")),
    "sign": (losses.other_signs, "turned-sign", ("wrong-sign",)),
    "brackets": (
        losses.other_brackets,
        "wrong-brackets",
        ("wrong-activation", "wrong-loss", "wrong-reduction"),
    ),
    "branch": (losses.single_branches, "wrong-expression", ("wrong-learning-rate",)),
    "term": (models.added_terms, "missing-term", ()),
    "recorded": (
        losses.recorded_losses,
        "wrong-expression",
        ("recorded-loss", "loss-after-step", "wrong-reduction"),
    ),
    "registered": (
        models.registered_parameters,
        "unregistered-parameters",
        ("unregistered-parameters", SIZES),
    ),
    "dropped": (
        loops.dropped_statements,
        "extra-statement",
        ("wrong-learning-rate", "graph-detached"),
    ),
    "call": (
        losses.fewer_calls,
        "extra-function",
        ("double-sigmoid", "wrong-activation", "graph-detached", "recorded-loss"),
    ),
    "with": (loops.without_with, "extra-statement", ("graph-detached",)),
    "operand": (
        losses.single_operands,
        "wrong-expression",
        (
            "wrong-reduction",
            "recorded-loss",
            "wrong-sign",
            "wrong-rounds",
            "wrong-learning-rate",
            "wrong-factor",
        ),
    ),
    "formula": (losses.other_formulas, "wrong-expression", ("wrong-loss",)),
    "moved": (
        loops.moved_calls,
        "wrong-statement-order",
        ("gradients-cleared", "missing-zero-grad", "missing-step", "loss-after-step"),
    ),
    "other": (lambda text, _: others(text), "wrong-name", ()),
    "entry": (loops.returned_values, "wrong-element", ()),
    "kept": (optimizers.kept_results, "not-in-place", ("missing-step",)),
    "count": (loops.other_counts, "wrong-constant", ("wrong-rounds",)),
    "size": (models.other_sizes, "wrong-constant", (SIZES,)),
}
"""The kinds of changes, likely ones first: what is told where the numbers have no name, a kind of
`kinds` or the one mistake that is mended so, and the mistakes that it may mend."""

MENDS = {kind: codes for kind, (_, _, codes) in KINDS.items()} | {
    "wrapped": ("missing-activation",),
    "each": ("unregistered-parameters",),
    "multiplied": ("wrong-learning-rate", "rate-ignored"),
    "cut": ("graph-detached",),
}
NAMES = {kind: name for kind, (_, name, _) in KINDS.items()} | {
    "wrapped": "missing-function",
    "multiplied": "missing-factor",
    "each": "wrong-bounds",
    "cut": "graph-detached",
}

OWN = (*SPELLINGS, "left out", "given")
"""The kinds of changes that are told by themselves, whatever has the same numbers."""

STANDS: Mapping[str, Callable[[Text], Iterator[Spot]]] = {
    "mini-batch": loops.loops_over_batches,
    "wrong-rounds": loops.loops_over_epochs,
    "wrong-learning-rate": loops.rates_handed_over,
}
"""By mistake the places that it can be in. They are used where no change of the text mends it."""
