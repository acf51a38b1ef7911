"""Find the function that plays each role, and its convention, or report the role as missing.

Names and signatures are compared first. Then the worker calls the candidates with known values,
and what they accept and return decides. Nothing here knows the right results.
"""

from __future__ import annotations

import ast
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.binding.inspection import Function, Loop, Model, inspect, outline
from gradkit.binding.match import (
    Fit,
    all_conventions,
    called,
    conventions_of_start,
    draft,
    find_returns,
    find_written_rates,
    fit_function,
    misfit,
    names_all,
    not_found,
    own_keys,
    transposed_conventions,
    variants,
)
from gradkit.records.submission import (
    UNREADABLE,
    Before,
    Binding,
    Bound,
    Convention,
    Lost,
    Missing,
    Path,
    Place,
)
from gradkit.records.task import Array, Batch, Role, Run, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.syntax import (
    assignments,
    base_name,
    is_called,
    last_name,
    names_in,
    parts_of,
)
from gradkit.sandbox.observe import (
    about_models,
    call_of,
    observe,
    observe_batch,
    of_training,
    shapes_of,
)
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.source import nodes_in, statements
from gradkit.text import format_text

ASKED = {"y_hat": (0,), "A1": (1,)}
"""Paths to the pair of values that the task asks a forward function to return."""

LOOSE_TENSORS = (
    "Tensors outside a module are not checked. Make each of them an `nn.Parameter` of a class, "
    "such as `self.W1`, and compute the output from them in its `forward(self, X)`."
)
"""Advice for a torch submission whose parameters belong to no module."""

LOOP = "the training loop"
"""Name of a top-level training loop in reports."""


def bind(task: Task, sitting: StudentProcess) -> Binding:
    """Find the function and the convention of every role of a task in a section.

    Parameters
    ----------
    task : Task
        The task whose roles are searched for.
    sitting : StudentProcess
        The process that runs the section.
    """
    return (_ModelAndTraining if task.framework.trains else _Functions)(task, sitting).bind()


class _Roles(ABC):
    """The search for all roles of one task in the section that a process runs."""

    def __init__(self, task: Task, process: StudentProcess) -> None:
        self.task, self.process = task, process
        self.functions = inspect(task, process)
        self.bound: dict[str, Bound] = {}

    @cached_property
    def own_nodes(self) -> list[ast.AST]:
        """All nodes of the section's own cells, apart from operators and contexts."""
        return [node for cell in self.process.section.own for node in nodes_in(cell.source)]

    def bind(self) -> Binding:
        """Find every role of the task, and the learning rates that the text states.

        Roles without a function are listed in ``missing``.
        """
        missing = []
        for role in self.task.roles:
            found = self.find(role)
            if isinstance(found, Missing):
                missing.append(found)
            else:
                self.bound[role.name] = found
        rates = find_written_rates(self.task, self.process.section)
        return Binding(self.bound, tuple(missing), rates)

    @abstractmethod
    def find(self, role: Role) -> Bound | Missing:
        """Find the function or model that plays a role."""

    def fit(self, role: Role, function: Function, *, spare: bool = False) -> Fit | None:
        """Assign the role's arguments to a function's parameters; None if they do not fit.

        The names of the parameters decide. If some of them are unknown, the names that the
        student's own calls pass to the function decide too. `spare` is as in `fit_function`.
        """
        fitting = fit_function(role, function, spare=spare)
        if fitting is None or fitting.known == len(fitting.parameters):
            return fitting
        return fit_function(role, function, spare=spare, handed=self._passed_names(function))

    def own_calls(self, function: Function) -> Iterator[dict[str, ast.expr]]:
        """Yield the arguments of each call of a function in the student's code, by parameter.

        Calls are found by the name alone.
        """
        names = [each.name for each in function.parameters]
        for node in self.own_nodes:
            if isinstance(node, ast.Call) and last_name(node.func) == function.name:
                given = dict(zip(names, node.args, strict=False))
                yield given | {word.arg: word.value for word in node.keywords if word.arg}

    def _passed_names(self, function: Function) -> dict[str, str]:
        """Return the name that the student's calls pass for each parameter: ``y`` for ``y[0]``."""
        found: dict[str, str] = {}
        for given in self.own_calls(function):
            for parameter, value in given.items():
                name = base_name(value.func if isinstance(value, ast.Call) else value)
                if name is not None:
                    found.setdefault(parameter, name)
        return found


class _Functions(_Roles):
    """The search for the functions of a numpy task."""

    @cached_property
    def known_values(self) -> dict[str, Array]:
        """Inputs of one call: random numbers, all different and none of them zero."""
        return _known_values(self.task)

    def bind(self) -> Binding:
        """Find every role by name, then find the conventions by calling the functions."""
        found = super().bind()
        bound = self._settle_conventions()
        missing = [
            not_found(role, self.functions)
            for role in self.task.roles
            if role.name in self.bound and role.name not in bound
        ]
        return replace(found, bound=bound, missing=(*missing, *found.missing))

    def find(self, role: Role) -> Bound | Missing:
        """Find the function that plays a role, by names and signatures."""
        chosen = self._choose(role)
        if isinstance(chosen, Missing):
            return chosen
        return draft(role.name, *chosen, self.task, ASKED if role.name == "forward" else {})

    def _choose(self, role: Role) -> tuple[Function, Fit] | Missing:
        """Choose the function that plays a role, with the assignment of its arguments.

        That is the last function of a fitting name or, without one, the last whose parameters all
        have known names. If a function has a fitting name, but none of these takes the arguments, a
        report on the last of them is returned.
        """
        standings = {"own", "guess", "borrowed"} if role.shared else {"own", "guess"}
        own = [function for function in self.functions if function.standing in standings]
        named = called(own, role.aliases)
        for function in named:
            fitting = self._fit(role, function)
            if fitting is not None:
                return function, fitting
        if named:
            return misfit(role, named[0])
        taken = {alias for other in self.task.roles for alias in other.aliases}
        for function in reversed(own):
            fitting = None if function.standing == "guess" else self._fit(role, function)
            if fitting is not None and names_all(fitting) and not is_called(function.name, taken):
                return function, fitting
        return not_found(role, self.functions)

    def _fit(self, role: Role, function: Function) -> Fit | None:
        """Assign a role's arguments to a function's parameters; None if they do not fit.

        An initialiser that takes layer sizes in place of the arguments gets these.
        """
        if not role.arguments:
            return Fit((), (), 0)
        if (
            role.name == "initialise"
            and function.standing != "guess"
            and len(function.required) != 1
        ):
            return _fit_sizes(function, 1 + len(self.task.layers))
        return self.fit(role, function)

    def _settle_conventions(self) -> dict[str, Bound]:
        """Find the conventions of all bound functions, and return the functions by role.

        A `Convention` says how the student's code stores the parameters and arrays: dict keys,
        orientation of weights and biases, array or matrix. The functions are called to find it. An
        initialiser of another section is dropped if no function of this section works with its
        parameters but some function works with a different convention.
        """
        bound, stated = dict(self.bound), list[Convention]()
        if "initialise" in bound:
            bound["initialise"], stated = self._initialise(bound["initialise"])
        roles, works = self._try_conventions(stated or all_conventions(self.task))
        for alternative in transposed_conventions(stated) if not works else ():
            # If all other functions work with a transposed start, the initialiser is wrong.
            others, works = self._try_conventions(alternative)
            if works == len(others) > 1:
                roles, start = others, bound["initialise"]
                bound["initialise"] = replace(start, convention=others["forward"].convention)
                break
        if stated and not works and self._is_borrowed(bound["initialise"]):
            others, works = self._try_conventions(all_conventions(self.task))
            if works:
                del bound["initialise"]
                roles = others
        return {**bound, **roles}

    def _is_borrowed(self, bound: Bound) -> bool:
        """Return whether a bound function belongs to another section."""
        return any(
            function.standing == "borrowed"
            and (function.name, function.place) == (bound.function, bound.place)
            for function in self.functions
        )

    def _try_conventions(self, conventions: list[Convention]) -> tuple[dict[str, Bound], int]:
        """Find the convention in which ``forward`` and ``update`` work.

        ``conventions`` are tried in order.

        Returns
        -------
        bound : dict
            Both functions with their conventions, by role.
        works : int
            How many of them work in one of the conventions.
        """
        bound = {name: each for name, each in self.bound.items() if name in ("forward", "update")}
        works = 0
        if "forward" in bound:
            bound["forward"], settled = self._forward(bound["forward"], conventions)
            if settled:
                settled_on = bound["forward"].convention
                conventions, works = [settled_on], 1
                if settled_on.arrays == "matrix":
                    conventions.append(replace(settled_on, arrays="ndarray"))
        if "forward" in bound and "update" in bound:
            names = {"first": bound["forward"].function, "then": bound["update"].function}
            reply = self.process.ask(Frame("left", {}, names))
            if not isinstance(reply, Lost) and reply.data["names"]:
                before = Before(bound["forward"], tuple(reply.data["names"]))
                bound["update"] = replace(bound["update"], before=before)
        if "update" in bound:
            bound["update"], settled = self._update(bound["update"], conventions)
            works += settled
        return bound, works

    def _ask(self, kind: str, bound: Bound, inputs: Mapping[str, NDArray[Any]]) -> Frame | None:
        """Call a function once with canonical inputs, and return the worker's reply.

        ``kind`` is that of the request: ``explore`` or ``batch``. None is returned if the function
        is not written (NotImplementedError), or if the process was lost.
        """
        reply = self.process.ask(Frame(kind, inputs, {"call": call_of(bound, self.task), "n": 1}))
        failure = None if isinstance(reply, Lost) else reply.data.get("failure")
        unwritten = failure is not None and failure["type"] == "NotImplementedError"
        return None if isinstance(reply, Lost) or unwritten else reply

    def _initialise(self, bound: Bound) -> tuple[Bound, list[Convention]]:
        """Call the initialiser once, and read the convention from the keys and shapes returned.

        ``bound`` is the initialiser. Returned are the function with its convention, and all
        conventions that agree with its result; none if the call fails, or if its result is not the
        task's parameters.
        """
        sizes = np.array([self.task.X.shape[1], *(layer.units for layer in self.task.layers)])
        sized = [argument for argument in bound.arguments if argument.startswith("dim/")]
        if len(sized) not in (0, len(sizes)):
            return bound, []
        reply = self._ask("explore", bound, {"dim": sizes})
        if reply is None or "tree" not in reply.data:
            return bound, []
        stated = conventions_of_start(self.task, reply.data["tree"], reply.arrays)
        return (replace(bound, convention=stated[0]) if stated else bound), stated

    def _forward(self, bound: Bound, conventions: list[Convention]) -> tuple[Bound, bool]:
        """Find the first convention in which ``forward`` returns an array of the output's size.

        ``bound`` is the function, and ``conventions`` are the layouts of arrays to try. Returned is
        the function with its convention, and whether there is such a convention; without one, the
        function gets the first of the ``conventions``.
        """
        inputs, first = self.known_values, None
        asked = {key: inputs[key] for key in ("X", *self.task.starts[0].parameters)}
        offers = (one for one in variants(conventions) if one.scalars == "scalar")
        for attempt in self._attempts(bound, offers):
            first = first or attempt
            reply = self._ask("explore", attempt, asked)
            if reply is None:
                break
            if "tree" in reply.data:
                sizes = self.task.layers[-1].units, inputs["A1"].size
                returns = find_returns(reply.data["tree"], reply.arrays, asked, *sizes)
                if returns:
                    return replace(attempt, returns=returns), True
        return first or bound, False

    def _update(self, bound: Bound, conventions: list[Convention]) -> tuple[Bound, bool]:
        """Find the first convention in which ``update`` returns parameters of the right shapes.

        ``bound`` is the function, and ``conventions`` are the layouts of arrays to try. If none
        fits, they are tried again without a rate, where the rate has a default, since this need not
        be a number. Returned is the function with its convention, and whether such a convention was
        found; without one, the function gets the first of the ``conventions``.
        """
        inputs, first = {name: value[None] for name, value in self.known_values.items()}, None
        for attempt in self._attempts(bound, variants(conventions)):
            first = first or attempt
            reply = self._ask("batch", attempt, inputs)
            if reply is None:
                break
            bad = any(kind in UNREADABLE for _, _, kind, _ in reply.data["faults"])
            if reply.data["failure"] is None and not bad:
                found = {key: reply.arrays.get(key, np.empty(0)) for key in attempt.convention.keys}
                still = all(np.array_equal(value, inputs[key]) for key, value in found.items())
                settled = self._with_returned(attempt) if still else attempt
                return self._at_own_rates(settled, inputs), True
        else:
            if "rate" in bound.arguments:
                without, works = self._update(_without_rate(bound), conventions)
                return (without, True) if works else (first or bound, False)
        return first or bound, False

    def _attempts(self, bound: Bound, conventions: Iterable[Convention]) -> Iterator[Bound]:
        """Yield a function with each convention that the submission may use, one by one.

        Most functions work with the first, so nothing is found out about the others before.
        """
        return (replace(bound, convention=one) for one in conventions if self._is_used(bound, one))

    def _is_used(self, bound: Bound, convention: Convention) -> bool:
        """Return whether the submission may pass inputs in the form of a convention.

        ``bound`` is the function that gets the inputs, and ``convention.inputs`` says whether X is
        passed as an array or as a pandas row. An array always counts. A pandas row counts only if
        the submission uses one: it passes ``df.iloc[i]``, or the function converts its own argument
        from pandas. numpy broadcasts a pandas row where it refuses a column, so code can run with a
        row here, and still fail in the student's own loop.
        """
        if convention.inputs == "array":
            return True
        name = bound.names.get("X", "X")
        read = (part for part in self.own_nodes if isinstance(part, ast.Attribute))
        if any(base_name(part) == name and part.attr in ROW_ATTRIBUTES for part in read):
            return True
        handed = [name]
        for function in self.functions:
            if function.name == bound.function:
                handed += [ast.unparse(c[name]) for c in self.own_calls(function) if name in c]
        texts = [*handed]
        for part in self.own_nodes:
            if isinstance(part, ast.Assign):
                texts += [ast.unparse(v) for target, v in assignments(part) if target in handed]
        return any(ROW.search(text) and not ARRAY.search(text) for text in texts)

    def _at_own_rates(self, bound: Bound, inputs: Mapping[str, Array]) -> Bound:
        """Return the update without its rate if the code uses both of the task's rates by itself.

        Some code takes one rate, with a default, and computes the other: ``10 * lr``, or a number.
        If it is called with the default, as in the task, weights and biases move by the task's two
        rates; with another rate they would not. ``inputs`` are those of one call, with a leading
        axis of size 1. In all other cases ``bound`` is returned unchanged.
        """
        rates, keys = self.task.rates, bound.convention.keys
        if "rate" not in bound.arguments or rates.weight == rates.bias:
            return bound

        def after(call: Bound, rate: float) -> dict[str, Array]:
            reply = self._ask("batch", call, {**inputs, "rate": np.array([rate])})
            return {k: NOTHING if reply is None else reply.arrays.get(k, NOTHING) for k in keys}

        without = _without_rate(bound)
        own = after(without, 0.0)
        shaped = all(own[k].shape == inputs[k].shape for k in keys)
        if not shaped or not self._keeps_rates(own, inputs):
            return bound
        handed = [after(bound, rate) for rate in (rates.weight, rates.bias)]
        same = any(all(np.array_equal(own[k], each[k]) for k in keys) for each in handed)
        return without if same else bound

    def _keeps_rates(self, after: Mapping[str, Array], inputs: Mapping[str, Array]) -> bool:
        """Return whether the weights and biases of some layer moved by the task's two rates.

        ``after`` are the parameters after an update, and ``inputs`` those of the call, with a
        leading axis of size 1.
        """
        ratio = self.task.rates.weight / self.task.rates.bias
        names = tuple(self.task.starts[0].parameters)
        for weight, bias, value in zip(names[::2], names[1::2], LAYER_INPUTS, strict=False):
            moved, bias_moved = after[weight] - inputs[weight], after[bias] - inputs[bias]
            expected = inputs[value] * bias_moved.swapaxes(1, 2) * ratio
            if np.any(moved) and np.allclose(moved, expected, 1e-6, 0):
                return True
        return False

    def _with_returned(self, bound: Bound) -> Bound:
        """Return the update with the position of each parameter in the tuple that it returns.

        ``return W1, b1, W2, b2`` does not name its values. As a step is short, the order is chosen
        in which all values together are closest to the parameters. The function is returned
        unchanged if the call fails, if there is not one value for each parameter, or if no order
        fits the shapes.
        """
        inputs = self.known_values
        reply = self._ask("explore", bound, inputs)
        keys = list(bound.convention.keys)
        items = reply.data.get("tree", {}).get("list", []) if reply is not None else []
        if reply is None or len(items) != len(keys):
            return bound
        # Imported here because otherwise only the student's process needs this module.
        from gradkit.runtime.call import parameters_for

        found = [reply.arrays.get(item.get("array", ""), np.empty(0)) for item in items]
        handed = parameters_for(call_of(bound, self.task), inputs).values()

        def gap(order: tuple[int, ...]) -> float:
            """Return the distance between the found values and the parameters in an order."""
            return sum(
                float(np.abs(found[p] - h).sum()) if found[p].shape == h.shape else np.inf
                for p, h in zip(order, handed, strict=True)
            )

        order = min(permutations(range(len(keys))), key=gap)
        if np.isinf(gap(order)):
            return bound
        return replace(bound, returns={key: (p,) for key, p in zip(keys, order, strict=True)})


def _fit_sizes(function: Function, count: int) -> Fit:
    """Assign layer sizes to an initialiser's parameters: one size each, all of them to ``*dims``.

    `count` is the number of sizes: of the inputs and of each layer. The returned assignment is
    empty for a function without parameters.
    """
    names = function.required
    star = next((each.name for each in function.parameters if each.kind == "VAR_POSITIONAL"), None)
    if star is not None:
        names = (*names, *(f"{star}[{i}]" for i in range(count - len(names))))
    by_place = {"VAR_POSITIONAL", "POSITIONAL_ONLY"} & {each.kind for each in function.parameters}
    keywords = () if by_place else names
    return Fit(tuple(f"dim/{i}" for i in range(len(names))), names, 0, keywords)


def _without_rate(bound: Bound) -> Bound:
    """Remove the rate, which has a default, from the arguments of a bound function."""
    by_position = len(bound.arguments) - len(bound.keywords)
    at = bound.arguments.index("rate")
    return replace(
        bound,
        arguments=tuple(each for each in bound.arguments if each != "rate"),
        keywords=tuple(k for n, k in enumerate(bound.keywords, by_position) if n != at),
    )


LAYER_INPUTS = ("X", "A1")
"""Inputs of the first two layers. The input of a third layer is not known here."""

ROW_ATTRIBUTES = frozenset({"to_numpy", "values", "iloc", "loc", "to_list"})
"""Attributes that convert a pandas row, or take an entry of it."""

ROW = re.compile(r"\.i?loc\b|\brow\b")
"""Code that takes a row of a table."""

ARRAY = re.compile(r"\.values\b|to_numpy|array\(|reshape|\.T\b")
"""Code that converts a row of a table into an array."""

FLAT = re.compile(r"\w\['\w+'\]|, -?\d+\]|squeeze|flatten|ravel|reshape\(-1\)|\(\[-?\d")
"""Code that makes targets of one axis."""

COLUMN = re.compile(r"\[\[|None\]|newaxis|reshape\(.*,|view\(.*,|unsqueeze|expand_dims|\d:\]|drop")
"""Code that makes targets of two axes."""

PROBE_INPUTS = (0.3, 0.7, 1.2, 1.5, 1.9)
"""Sizes of the inputs that a training loop is called with."""

MAX_MOVEMENT_RATIO = 0.01
"""Largest ratio of two movements of the parameters that tells targets as a column from flat ones.

See `_ModelAndTraining._with_targets`.
"""

NOTHING = np.empty(0)
"""Placeholder for an array that was not returned."""


def _known_values(task: Task) -> dict[str, Array]:
    """Return inputs of one call of an update: random numbers, all different and none of them zero.

    The keys are the parameters of the task's net, ``X``, ``y``, ``y_hat``, ``A1`` and ``rate``.
    """
    known = shapes_of(task)
    shapes: dict[str, tuple[int, ...]] = {key: known[key] for key in task.starts[0].parameters}
    shapes |= {"X": (task.X.shape[1], 1), "A1": known["A1"]}
    shapes |= {"y": known["y_hat"], "y_hat": known["y_hat"]}
    generator = np.random.default_rng(0)
    values = {name: generator.uniform(0.1, 0.9, shape) for name, shape in shapes.items()}
    return {**values, "rate": np.array(0.02)}


class _ModelAndTraining(_Roles):
    """The search for the module of a torch task, and for its training function or loop."""

    def __init__(self, task: Task, process: StudentProcess) -> None:
        """Find the functions, models and training loops of the section."""
        super().__init__(task, process)
        seen = outline(process.section, process.modules)
        self.models = [model for model in reversed(seen.models) if model.origin != "borrowed"]
        self.loop = next((loop for loop in reversed(seen.loops) if loop.origin == "own"), None)

    def find(self, role: Role) -> Bound | Missing:
        """Find the model, or the function or loop that trains it."""
        return self._model(role) if role.name == "model" else self._train(role)

    def _model(self, role: Role) -> Bound | Missing:
        """Bind the first of the student's models that can be built, or report that there is none.

        ``role`` is the role of the model. The model of the training loop is tried first, then names
        that the role accepts, then all others. Functions that make a model are tried only for names
        without another model. If none can be built, the first one tried is bound, and a later check
        reports it.
        """
        # A function that makes a model is called only where no class or value is a model.
        made = [model for model in self.models if model.kind == "factory" and not model.required]
        known: dict[str, Model] = {}
        for model in [m for m in self.models if m.kind != "factory"] + made:
            # The last definition of a name counts. `self.models` is reversed, so it comes first.
            known.setdefault(model.name, model)
        if not known:
            missing = not_found(role, self.functions)
            loose = any("requires_grad" in cell.source for cell in self.process.section.own)
            return (
                replace(missing, message=f"{missing.message} {LOOSE_TENSORS}") if loose else missing
            )
        candidates = [self.loop.needs.model] if self.loop and self.loop.needs.model in known else []
        named = [name for name in known if is_called(name, role.aliases)]
        order = list(dict.fromkeys([*candidates, *named, *known]))
        reply = self.process.ask(Frame("model", {}, about_models(self.task, order)))
        chosen = order[0]
        if not isinstance(reply, Lost) and reply.data["name"] is not None:
            chosen = str(reply.data["name"])
        return self._bind_without_arguments(role, chosen, known[chosen].place, {"y_hat": ()})

    def _train(self, role: Role) -> Bound | Missing:
        """Bind the training function or, without one, the top-level training loop.

        ``role`` is the role of the training. If there is neither, a report of this is returned.
        """
        named = called([f for f in self.functions if f.standing in ("own", "guess")], role.aliases)
        model = self.bound["model"].function if "model" in self.bound else ""
        for function in named:
            fitting = self.fit(role, function, spare=True)
            # `train = data.train` need not be a function, so a loop of the section goes first.
            if fitting is not None and not (function.standing == "guess" and self.loop):
                training = {"model": model, "target": "flat"}
                bound = draft(role.name, function, fitting, self.task, {"loss": ()}, training)
                return self._with_targets(bound, self._target(function, fitting))
        if self.loop is not None:
            return self._bind_loop(role, self.loop, model)
        return misfit(role, named[0]) if named else not_found(role, self.functions)

    def _target(self, function: Function, fitting: Fit) -> str | None:
        """Return the name that the student's own call of a function passes for its targets.

        None if no call passes a name.
        """
        if "y" not in fitting.quantities:
            return None
        name = fitting.parameters[fitting.quantities.index("y")]
        given = [each[name] for each in self.own_calls(function) if name in each]
        return next((each.id for each in given if isinstance(each, ast.Name)), None)

    def _with_targets(self, bound: Bound, own: str | None) -> Bound:
        """Bind the training with targets as a column if the student's own targets are a column.

        `own` is the name of the student's targets, or None if it is unknown. They may be impossible
        to compute here, because they come from a file that was not submitted. Then, unless the text
        says that they are flat, both forms are tried with the model's own predictions as targets.
        In the right form the loss is zero and the parameters do not move. In the wrong form
        numpy-style broadcasting compares every prediction with every target, and they do.
        """
        if own is None:
            return bound
        reply = self.process.ask(Frame("target", {}, {"name": own}))
        if isinstance(reply, Lost):
            return bound
        column = replace(bound, training={**bound.training, "target": "column"})
        dimensions = reply.data["dimensions"]
        if dimensions == 0 and "model" in self.bound and not self._says_flat(own):
            y = self._predictions()
            flat_moved, column_moved = (self._moved(each, y) for each in (bound, column))
            self.process.renew()
            dimensions = 2 if column_moved < MAX_MOVEMENT_RATIO * flat_moved else 1
        return column if dimensions == 2 else bound

    def _says_flat(self, own: str) -> bool:
        """Return whether the text makes flat targets and does not turn them into a column.

        All assignments are read that the targets named `own` are computed from.
        """
        made: dict[str, list[ast.expr]] = {}
        for cell in (*self.process.section.shared, *self.process.section.own):
            parts = [part for each in statements(cell.source) for part in parts_of(each)]
            for name, value in (pair for part in parts for pair in assignments(part)):
                made.setdefault(name, []).append(value)
        text, names, waiting = "", {own}, [own]
        while waiting:
            for value in made.get(waiting.pop(), ()):
                text += f"{ast.unparse(value)}\n"
                waiting += sorted(names_in(value) - names)
                names |= names_in(value)
        return bool(FLAT.search(text)) and not COLUMN.search(text)

    def _predictions(self) -> Array:
        """Return the model's predictions for the probe inputs, one row each; empty if it fails."""
        n = len(PROBE_INPUTS)
        start = {k: np.stack([v] * n) for k, v in self.task.starts[0].parameters.items()}
        X = self._probe_inputs()[:, :, None]
        batch = Batch("", "", "model", {**start, "X": X}, tuple(map(str, range(n))))
        outcome = observe_batch(self.process, self.task, self.bound["model"], batch)
        return outcome.outputs.get("y_hat", np.empty((0, 1, 1)))[:, :, 0]

    def _probe_inputs(self) -> Array:
        """Return the inputs, one row each, that the training is tried with."""
        return np.outer(PROBE_INPUTS, np.arange(1.0, 1.0 + self.task.X.shape[1])) % 2.0

    def _moved(self, bound: Bound, y: Array) -> float:
        """Return the largest movement of a parameter in one epoch; inf if the training fails.

        ``bound`` is the training, and `y` are the targets.
        """
        start = self.task.starts[0].parameters
        X = self._probe_inputs()
        if len(y) != len(X):
            return math.inf
        rate = float(self.task.rates.weight)
        run = Run("", "", "", start, X, y, 1, rate)
        outcome = observe(self.process, of_training(self.task, bound, run))
        after = [outcome.outputs.get(f"final/{key}", NOTHING) for key in start]
        if any(a.shape != b.shape for a, b in zip(after, start.values(), strict=True)):
            return math.inf
        return max(float(np.abs(a - b).max()) for a, b in zip(after, start.values(), strict=True))

    def _bind_loop(self, role: Role, loop: Loop, model: str) -> Bound | Missing:
        """Bind a top-level training loop, or report the data that gradkit does not find in it.

        ``role`` is the role of the training, and ``model`` the name of the graded model. If it is
        empty, the loop's own model is graded.
        """
        needs = loop.needs
        wanted = {"model": needs.model, "input": needs.X, "target": needs.y}
        missing_data = [what for what, name in wanted.items() if name is None]
        if missing_data:
            return Missing(
                role.name,
                format_text(
                    "gradkit cannot run the training loop: it cannot find its {unknown}. Write "
                    "it as `{signature}`.",
                    unknown=" and ".join(missing_data),
                    signature=role.signature,
                ),
                loop.place,
            )
        names = {"model": needs.model, "X": needs.X, "y": needs.y, "epochs": needs.epochs or ""}
        training = {
            "model": model or needs.model,
            "cell": loop.cell,
            "line": loop.line,
            "through": needs.through or "",
            "names": names,
            "target": "flat",
        }
        bound = self._bind_without_arguments(role, LOOP, loop.place, {"loss": ()}, training)
        return self._with_targets(bound, needs.y)

    def _bind_without_arguments(
        self,
        role: Role,
        name: str,
        place: Place,
        returns: Mapping[str, Path],
        training: Mapping[str, Any] | None = None,
    ) -> Bound:
        """Bind a model or a loop, which take no arguments.

        ``name`` and ``place`` are those of the student's definition, ``returns`` has the path of
        each quantity in its result, and ``training`` the facts about a loop, see `Bound`.
        """
        keys, training = own_keys(self.task), training or {}
        return Bound(role.name, name, place, (), {}, keys, returns, place, training=training)
