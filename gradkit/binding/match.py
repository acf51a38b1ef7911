"""Match functions with roles and parameters with arguments by name, or report what is missing.

Nothing is called. A name matches an alias exactly or, if no name does, without case and
underscores: ``Al`` matches the alias ``Al`` rather than ``AL``. The name of a parameter may also be
a misspelling of an alias, if nothing else matches. The student's conventions, such as the layout of
weights, and the learning rates that are written as numbers are found in the same way.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.binding.inspection import Function
from gradkit.records.submission import (
    Bound,
    Cell,
    Convention,
    Layout,
    Missing,
    Orientation,
    Path,
    Section,
    WrittenRate,
)
from gradkit.records.task import QUANTITIES, Argument, Role, Task
from gradkit.runtime.syntax import is_called, plain, walk
from gradkit.sandbox.observe import arrays_of
from gradkit.submission.names import is_misspelling
from gradkit.submission.source import nodes_in
from gradkit.text import format_text, where


class Fit(Struct, frozen=True):
    """The assignment of a role's arguments to a function's parameters.

    ``quantities`` are the values to pass, and ``parameters`` the student's names for them, in the
    same order. ``known`` counts the parameters that were recognised by name. ``keywords`` are the
    last of the parameters, which are passed by name; those before go by position.
    """

    quantities: tuple[str, ...]
    parameters: tuple[str, ...]
    known: int
    keywords: tuple[str, ...] = ()


def called(functions: Sequence[Function], aliases: Iterable[str]) -> list[Function]:
    """Return the functions with a role's name: the last first, guesses after all others."""
    named = [function for function in reversed(functions) if is_called(function.name, aliases)]
    return sorted(named, key=lambda function: function.standing == "guess")


def fit_function(
    role: Role, function: Function, *, spare: bool = False, handed: Mapping[str, str] | None = None
) -> Fit | None:
    """Assign a role's arguments to a function's parameters, by position or by name.

    ``*args`` takes the arguments that no parameter before it takes, in the order of the role's own
    signature; ``**kwargs`` takes them under the role's own names. Arguments are passed by name
    where possible, unless ``*args`` takes some of them.

    Parameters
    ----------
    role : Role
        The role, with the accepted names of its arguments.
    function : Function
        The student's function.
    spare : bool
        Also use keyword-only parameters with a default, even if the call works without them.
    handed : mapping of str to str, optional
        The names that the student's own call passes, by parameter.

    Returns
    -------
    Fit or None
        None if the numbers of arguments and parameters do not agree.
    """
    named = [p for p in function.parameters if p.kind == "KEYWORD_ONLY"]
    needed = tuple(p.name for p in named if p.required)
    free = tuple(p.name for p in named if not p.required)
    required = (*function.required, *needed)
    counts = {p.name for p in function.parameters if p.counts}
    found = None if spare else fit(role, required, function.optional, counts, handed)
    found = found or fit(role, required, (*function.optional, *free), counts, handed)
    by_name = {p.name for p in function.parameters if p.kind != "POSITIONAL_ONLY"}
    kinds = {parameter.kind for parameter in function.parameters}
    wanted = [argument.name for argument in role.arguments if argument.required]
    if found is None and "VAR_POSITIONAL" in kinds:
        taken = len(function.required)
        found = fit(role, (*function.required, *wanted[taken:], *needed), ())
        by_name = {p.name for p in named}
    if found is None and "VAR_KEYWORD" in kinds:
        rest = wanted[len(required) :]
        found = fit(role, (*required, *rest), function.optional)
        by_name |= {*rest}
    if found is None:
        return None
    order = sorted(range(len(found.parameters)), key=lambda i: found.parameters[i] in by_name)
    parameters = tuple(found.parameters[i] for i in order)
    return replace(
        found,
        quantities=tuple(found.quantities[i] for i in order),
        parameters=parameters,
        keywords=tuple(name for name in parameters if name in by_name),
    )


def names_all(fitting: Fit) -> bool:
    """Return whether all parameters, two or more, were recognised by name."""
    return fitting.known == len(fitting.parameters) > 1


def fit(
    role: Role,
    required: Sequence[str],
    optional: Sequence[str],
    counts: Collection[str] = (),
    handed: Mapping[str, str] | None = None,
) -> Fit | None:
    """Assign a role's arguments to the names of a function's parameters.

    Known names are assigned first, then the names that the student's own call passes. Arguments
    that are left go to the other parameters without a default, in the order of the role's own
    signature, because a student who renames arguments keeps their order. A parameter with a
    default and an unknown name is not assigned, except that a whole number may be the epochs. A
    rate with a default is not assigned if there is a second rate for biases.

    Parameters
    ----------
    role : Role
        The role, with the accepted names of its arguments.
    required, optional : sequence of str
        The function's parameters without and with a default, in order.
    counts : collection of str
        The parameters whose default is a whole number.
    handed : mapping of str to str, optional
        The names that the student's own call passes, by parameter.

    Returns
    -------
    Fit or None
        None if the numbers of arguments and parameters do not agree.
    """
    assigned: dict[str, Argument] = {}
    _assign(assigned, role, {name: name for name in (*required, *optional)})
    for parameter in _one_of_two_rates(role, optional, assigned):
        del assigned[parameter]
    known = len(assigned)
    called = handed or {}
    _assign(assigned, role, {name: called[name] for name in required if name in called})
    waiting = [a for a in role.arguments if a not in assigned.values()]
    waiting.sort(key=lambda argument: not argument.required)
    for parameter in required:
        if parameter not in assigned:
            if not waiting:
                return None
            assigned[parameter] = waiting.pop(0)
    for parameter in optional:
        epochs = next((argument for argument in waiting if argument.kind == "epochs"), None)
        if epochs is not None and parameter in counts and parameter not in assigned:
            assigned[parameter] = epochs
            waiting.remove(epochs)
    if any(argument.required for argument in waiting):
        return None
    order = [parameter for parameter in (*required, *optional) if parameter in assigned]
    return Fit(tuple(QUANTITIES[assigned[p].kind] for p in order), tuple(order), known)


def _assign(assigned: dict[str, Argument], role: Role, words: Mapping[str, str]) -> None:
    """Add to ``assigned`` an argument of the role for each parameter whose word is its name.

    ``assigned`` has the argument of each parameter, and ``words`` the word to compare: the
    parameter's name, or the name that a call passes for it. Arguments and parameters that are
    assigned already stay. Exact matches are assigned first, then matches without case, then
    misspellings.
    """
    for matches in (str.__eq__, _is_same, _is_misspelt):
        for parameter, word in words.items():
            for argument in role.arguments:
                taken = argument in assigned.values() or parameter in assigned
                names = (argument.name, *argument.aliases)
                if not taken and any(matches(word, name) for name in names):
                    assigned[parameter] = argument


def _is_same(word: str, name: str) -> bool:
    """Compare two names without case and underscores."""
    return plain(word) == plain(name)


def _is_misspelt(word: str, name: str) -> bool:
    """Return whether a word is a misspelling of a name, without case and underscores."""
    return is_misspelling(plain(word), plain(name))


def _one_of_two_rates(
    role: Role, optional: Sequence[str], assigned: Mapping[str, Argument]
) -> list[str]:
    """Return the parameters assigned to a rate if there is another rate for biases, else nothing.

    ``role`` has the accepted names of a rate. ``optional`` are the parameters with a default, and
    ``assigned`` has the argument of each assigned parameter. One rate cannot be passed to
    ``lr=0.001, lr_bias=0.01``, so both keep their defaults.
    """
    rates = [name for name in optional if name in assigned and assigned[name].kind == "rate"]
    words = {
        word
        for argument in role.arguments
        if argument.kind == "rate"
        for name in (argument.name, *argument.aliases)
        for word in _words(name)
    }
    free_names = (set(_words(name)) for name in optional if name not in assigned)
    return rates if any(name & words and name - words <= KINDS for name in free_names) else []


def _words(name: str) -> list[str]:
    """Split a name into lower-case words: ``lr_bias`` and ``lrBias`` into ``lr`` and ``bias``."""
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


KINDS = frozenset({"b", "bias", "biases", "w", "weight", "weights"})
"""Words in the name of a rate for biases or weights only."""

# --- bindings and what is missing --------------------------------------------------------


def draft(
    role: str,
    function: Function,
    fitting: Fit,
    task: Task,
    returns: Mapping[str, Path],
    training: Mapping[str, Any] | None = None,
) -> Bound:
    """Return the function as bound to a role, in gradkit's own convention.

    ``role`` is the name of the role, and ``function`` the student's function. ``fitting`` has the
    assignment of arguments to its parameters, ``returns`` the path of each quantity in the result,
    and ``training`` the facts about a torch training, see `Bound`. The convention is that of
    ``task``; the student's own is found later.
    """
    return Bound(
        role=role,
        function=function.name,
        place=function.place,
        arguments=fitting.quantities,
        names=dict(zip(fitting.quantities, fitting.parameters, strict=True)),
        convention=own_keys(task),
        returns=returns,
        return_place=function.return_place,
        keywords=fitting.keywords,
        training=training or {},
    )


def own_keys(task: Task) -> Convention:
    """Return the canonical convention: gradkit's own names for the parameters, and its layout."""
    return Convention({key: key for key in task.starts[0].parameters})


MAX_LISTED = 8
"""Largest number of functions or classes that a message lists."""


def misfit(role: Role, function: Function) -> Missing:
    """Return the report that the function named like a role takes other arguments."""
    return Missing(
        role.name,
        format_text(
            "`{name}` does not take the arguments that it is called with: found "
            "`{signature}` ({place}), required `{required}`.",
            name=function.name,
            signature=function.signature,
            place=where(function.place),
            required=role.signature,
        ),
        function.place,
    )


NO_PYTHON = "`{signature}` cannot be used: the code at {place} is not valid Python. Fix this line."


def not_found(role: Role, functions: Sequence[Function]) -> Missing:
    """Return the report that no function has a role's name; it lists the functions that were found.

    The message also lists classes with a fitting method, and definitions with the role's name that
    are not run or belong to another task's part of the submission. If the definition is not valid
    Python, the message says only this.
    """
    classes = _classes_with_method(role, functions)
    guarded, elsewhere, broken = (
        [f.place for f in functions if f.standing == standing and is_called(f.name, role.aliases)]
        for standing in ("guarded", "elsewhere", "broken")
    )
    if broken:
        place = broken[-1]
        message = format_text(NO_PYTHON, signature=role.signature, place=where(place))
        return Missing(role.name, message, place)
    # Functions that gradkit adds for the methods of a class are not the student's.
    own = [f for f in functions if f.standing == "own" and not f.name.startswith("gradkit_")]
    names = list(dict.fromkeys(f"`{f.signature}`" for f in own))
    listed = ", ".join(names[:MAX_LISTED]) + (
        format_text(" and {count} more", count=len(names) - MAX_LISTED)
        if len(names) > MAX_LISTED
        else ""
    )
    sentences = [format_text("`{signature}` is missing.", signature=role.signature)]
    if listed:
        sentences.append(format_text("Found {listed}.", listed=listed))
    elif not functions:
        sentences.append("Found no function at all.")
    if classes:
        named = " or ".join(f"`{name}`" for name in dict.fromkeys(classes[:MAX_LISTED]))
        sentences.append(
            format_text(
                "The methods of {classes} cannot be graded: a class needs a forward pass, an "
                "update, and parameters such as `self.W1`. Write the method as a function outside "
                "the class, without `self`.",
                classes=named,
            )
        )
    if guarded:
        sentences.append(
            format_text(
                "The function at {place} is inside `if __name__ == …`, which is not run. Move the "
                "function out of this block.",
                place=where(guarded[-1]),
            )
        )
    if elsewhere:
        sentences.append(
            format_text(
                "The function at {place} is in the part of another task. Each task is graded from "
                "its own part, so define the function here too.",
                place=where(elsewhere[-1]),
            )
        )
    return Missing(role.name, " ".join(sentences))


def _classes_with_method(role: Role, functions: Sequence[Function]) -> list[str]:
    """Return the classes with a method of the role's name, or one that names all its arguments."""
    return [
        method.owner
        for method in functions
        if method.standing == "method"
        and (
            is_called(method.name, role.aliases)
            or (role.arguments and (fitting := fit_function(role, method)) and names_all(fitting))
        )
    ]


STYLES = (("W", "b"), ("w", "b"), ("W", "B"), ("w", "B"))
"""Spellings of the first letters of weight and bias keys."""

LAYOUTS: tuple[tuple[Layout, Orientation, Orientation], ...] = (
    ("in_out", "column", "column"),
    ("out_in", "column", "column"),
    ("in_out", "row", "row"),
    ("in_out", "row", "flat"),
    ("in_out", "flat", "flat"),
    ("out_in", "row", "row"),
    ("out_in", "flat", "flat"),
)
"""Layouts of weights, vectors and biases that can be combined: that of ``W.T @ A + b`` first."""


TRANSPOSED: Mapping[Layout, Layout] = {"in_out": "out_in", "out_in": "in_out"}
"""The layout of transposed weights, by the layout of the weights."""


def all_conventions(task: Task) -> list[Convention]:
    """Return all conventions, for a submission whose initialiser does not show its own."""
    keys = task.starts[0].parameters
    return [
        Convention(
            {key: (style[0] if key[0] == "W" else style[1]) + key[1:] for key in keys},
            weights,
            vectors,
            biases,
        )
        for style, (weights, vectors, biases) in product(STYLES, LAYOUTS)
    ]


def conventions_of_start(task: Task, tree: Any, leaves: Leaves) -> list[Convention]:
    """Return the conventions that agree with the parameters an initialiser returned.

    ``tree`` is the description of the returned value, and ``leaves`` are the arrays that it names.
    All weights have one layout, as a square matrix alone would fit both. The list is empty if the
    returned values are not the task's parameters.
    """
    entries = {
        plain(key): (key, item) for key, item in tree.get("dict", ()) if isinstance(key, str)
    }
    start = task.starts[0].parameters
    if not all(plain(key) in entries and "array" in entries[plain(key)][1] for key in start):
        return []
    keys = {key: entries[plain(key)][0] for key in start}
    shapes = {key: leaves[entries[plain(key)][1]["array"]].shape for key in start}
    layout = _weight_layout(task, shapes)
    if layout is None:
        return []
    biases = _bias_orientation(task, shapes)
    # Vectors most often have the orientation of the biases, so it is tried first.
    vectors: list[Orientation] = sorted(("row", "flat", "column"), key=lambda each: each != biases)
    found = [Convention(keys, layout, each, biases) for each in vectors]
    if all("matrix" in entries[plain(key)][1] for key in start):
        # The code may rely on ``*`` as the matrix product. An np.matrix is never flat.
        matrices = [replace(one, arrays="matrix") for one in found if one.vectors != "flat"]
        return [*matrices, *found]
    return found


def transposed_conventions(stated: Sequence[Convention]) -> Iterator[list[Convention]]:
    """Yield lists of conventions to try if the student's initialiser may be wrong.

    `stated` are the conventions that agree with the parameters that it returned. The first list has
    these with transposed weights. The second has the first of them with other orientations of the
    biases. Nothing is yielded if `stated` is empty.
    """
    if not stated:
        return
    yield [replace(each, weights=TRANSPOSED[each.weights]) for each in stated]
    first = stated[0]
    yield [
        replace(first, vectors=vectors, biases=biases)
        for weights, vectors, biases in LAYOUTS
        if weights == first.weights and biases != first.biases
    ]


def _weight_layout(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    """Return the layout that all weight matrices have; None if there is no such layout.

    ``shapes`` are those of the student's parameters, by canonical name.
    """
    start = {key: value.shape for key, value in task.starts[0].parameters.items() if key[0] == "W"}
    if all(shapes[key] == shape for key, shape in start.items()):
        return "in_out"
    return "out_in" if all(shapes[key] == shape[::-1] for key, shape in start.items()) else None


def _bias_orientation(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Orientation:
    """Return the orientation of the widest bias: the bias of one unit is (1, 1) as row and column.

    ``shapes`` are those of the student's parameters, by canonical name. A bias of one unit counts
    as a column.
    """
    start = task.starts[0].parameters
    widest = max((key for key in start if key[0] == "b"), key=lambda key: start[key].size)
    size = start[widest].size
    orientations: dict[tuple[int, ...], Orientation] = {(1, size): "row", (size,): "flat"}
    return orientations.get(shapes[widest], "column") if size > 1 else "column"


OFFERS: tuple[tuple[Literal["scalar", "matrix"], Literal["array", "series"]], ...] = (
    ("scalar", "array"),
    ("matrix", "array"),
    ("scalar", "series"),
)
"""Forms in which y and y_hat, and X, are passed. The first that works is the student's form."""


def variants(conventions: list[Convention]) -> Iterator[Convention]:
    """Yield all conventions with the first form of `OFFERS`, then all with the next form."""
    for (scalars, inputs), convention in product(OFFERS, conventions):
        yield replace(convention, scalars=scalars, inputs=inputs)


# --- what a forward function returns -----------------------------------------------------

HIDDEN_KEYS = ("a1", "h1", "hidden", "h", "o1", "aprev", "out1")
"""Keys of the hidden layer in a returned dict, as `plain` spells them."""

OUTPUT_KEYS = ("a2", "al", "yhat", "ypred", "output", "out", "a3")
"""Keys of the network's output in a returned dict, as `plain` spells them."""

Leaves = Mapping[str, NDArray[Any]]
"""The arrays of a returned value, by the names that its description gives them."""


def find_returns(
    tree: Any, leaves: Leaves, inputs: Leaves, outputs: int, hidden: int
) -> dict[str, Path]:
    """Find the paths to ``y_hat`` and, if it is returned, ``A1`` in the result of ``forward``.

    Parameters
    ----------
    tree : JSON
        The structure of the returned value, as the worker describes it.
    leaves : mapping of arrays
        The arrays that the description names.
    inputs : mapping of arrays
        The arguments of the call.
    outputs, hidden : int
        Sizes of the last and the hidden layer.

    Returns
    -------
    dict
        Empty if no array has the size of the output. A pair of arrays is always read as
        (output, input of the last layer), because the task asks for this pair.
    """
    arrays = list(arrays_of(tree))
    sized = {path: leaves[name].size for path, name in arrays}
    if "array" in tree:
        return {"y_hat": ()} if sized[()] == outputs else {}
    items = tree.get("list")
    if items is not None and len(items) == 2 and all("array" in item for item in items):
        return {"y_hat": (0,), "A1": (1,)} if outputs in sized.values() else {}
    results = [path for path, _ in arrays if sized[path] == outputs]
    leads = items is not None and (0,) in results
    output = (0,) if leads else _named(results, OUTPUT_KEYS) or (results[-1] if results else None)
    if output is None:
        return {}
    found: dict[str, Path] = {"y_hat": output}
    own = {value.tobytes() for value in inputs.values() if value.dtype == np.float64}
    middle = [
        path
        for path, name in arrays
        if sized[path] == hidden
        and path != output
        and leaves[name].real.astype(np.float64).tobytes() not in own
    ]
    if middle:
        # A tuple that begins with the output runs backwards through the layers.
        flat = leads and items is not None and all("array" in item for item in items)
        found["A1"] = _named(middle, HIDDEN_KEYS) or middle[0 if flat else -1]
    return found


def _named(paths: list[Path], keys: tuple[str, ...]) -> Path | None:
    """Return the first path whose last key is the first of `keys` that occurs; None if none does.

    Keys are compared without case and underscores.
    """
    named = {plain(p[-1]): p for p in reversed(paths) if p and isinstance(p[-1], str)}
    return next((named[key] for key in keys if key in named), None)


WORDS = frozenset({"lr", "rate", "rates", "alpha", "eta"})
"""Words that make a name the name of a rate, beside the names that the task accepts."""

Found = Iterator[tuple[ast.expr, float]]
"""Expressions with their values."""


def find_written_rates(task: Task, section: Section) -> tuple[WrittenRate, ...]:
    """Return the positive numbers that a section uses as learning rates, each value once.

    Parameters
    ----------
    task : Task
        Its roles list the accepted names of a rate.
    section : Section
        Its own cells are read first, then the cells that it shares with other sections.
    """
    names = {
        name
        for role in task.roles
        for argument in role.arguments
        if argument.kind == "rate"
        for name in (argument.name, *argument.aliases)
    }
    rates: dict[float, WrittenRate] = {}
    for cell in (*section.own, *section.shared):
        for node, value in _numbers(cell, names):
            rates.setdefault(value, WrittenRate(value, cell.place(node.lineno)))
    return tuple(rates.values())


def _numbers(cell: Cell, names: Iterable[str]) -> Found:
    """Yield the expressions of a cell that are learning rates, with their values.

    `names` are the names that the task accepts for a rate.
    """
    nodes = nodes_in(cell.source)
    products = (node for node in nodes if isinstance(node, ast.BinOp))
    factors = [each for node in products for each in _factors(node)]
    known = {*names, *(each.id for each in factors if isinstance(each, ast.Name))}
    candidates = [
        *factors,
        *(
            value
            for node in nodes
            if isinstance(node, BINDING)
            for name, value in _bindings(node)
            if _is_rate(name, known)
        ),
        *(
            value
            for node in nodes
            if isinstance(node, ast.Call)
            for value in _beside_parameters(node)
        ),
    ]
    for each in candidates:
        value = _constant(each)
        if value is not None and 0 < value < float("inf"):
            yield each, value


def _is_rate(name: str, known: set[str]) -> bool:
    """Return whether a name is known as a rate, or contains one of the `WORDS`."""
    return name in known or not WORDS.isdisjoint(name.lower().split("_"))


def _factors(node: ast.BinOp) -> tuple[ast.expr, ...]:
    """Return both factors of a product, and an empty tuple for any other operation."""
    return (node.left, node.right) if isinstance(node.op, ast.Mult) else ()


BINDING = (ast.Assign, ast.AnnAssign, ast.Call, ast.Dict, ast.arguments)
"""The nodes that bind names to expressions."""


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield names with the expressions that a node binds to them.

    These are assignments, keyword arguments, dicts with text keys, and defaults of parameters.
    """
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _pairs(node.target, node.value)
    elif isinstance(node, ast.Call):
        yield from ((word.arg, word.value) for word in node.keywords if word.arg)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.arguments):
        plain = [*node.posonlyargs, *node.args]
        pairs = zip(reversed(plain), reversed(node.defaults), strict=False)
        yield from ((argument.arg, value) for argument, value in pairs)
        for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if default is not None:
                yield argument.arg, default


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names in an assignment's target with their values: both of ``lr, n = 0.01, 5``.

    A value is the node of its expression. Nothing is yielded for a tuple without visible values.
    """
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Attribute):
        yield target.attr, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for name, part in zip(target.elts, value.elts, strict=False):
            yield from _pairs(name, part)


def _beside_parameters(node: ast.Call) -> Iterator[ast.expr]:
    """Yield the later positional arguments of a call whose first argument is parameters."""
    if len(node.args) > 1:
        words = (getattr(part, "attr", getattr(part, "id", "")) for part in walk(node.args[0]))
        if any("param" in word for word in words):
            yield from node.args[1:]


def _constant(node: ast.expr) -> float | None:
    """Return the value of a literal, a quotient or a power of two literals; otherwise None.

    A product of literals is not a rate: in ``2 * 0.01`` the 2 is the derivative of a square.
    """
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return None
        try:
            return float(node.value)
        except OverflowError:
            return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _constant(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow):
        left, right = _constant(node.left), _constant(node.right)
        if left is None or right is None:
            return None
        try:
            value = left / right if isinstance(node.op, ast.Div) else left**right
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, float) else None
    return None
