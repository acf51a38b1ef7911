"""Find which function plays which role, in which convention; or say what is missing.

Names and signatures are looked at first, then the worker is asked what the candidates
accept and give at known weights. No answer is known here.
"""

from __future__ import annotations

import ast
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.binding.conventions import find_returns, otherwise, stated, unknown, variants
from gradkit.binding.inspection import Function, Loop, Model, inspect, outline
from gradkit.binding.match import (
    Fit,
    called,
    draft,
    fit_function,
    misfit,
    names_all,
    not_found,
    own_keys,
)
from gradkit.binding.written_rates import find_written_rates
from gradkit.formatting import format_text
from gradkit.records.observations import (
    UNREADABLE,
    Before,
    Binding,
    Bound,
    Convention,
    Lost,
    Missing,
    Path,
)
from gradkit.records.submission import Place
from gradkit.records.task import Array, Batch, Role, Run, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.statements import is_called
from gradkit.runtime.syntax import assignments, base_name, last_name, names_in, parts_of, walk
from gradkit.sandbox.observe import (
    about_models,
    call_of,
    observe,
    observe_batch,
    of_training,
    shapes_of,
)
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.source import statements

ASKED = {"y_hat": (0,), "A1": (1,)}
"""The pair that a forward function is asked to return."""

LOOSE = (
    "Tensors that stand by themselves are not looked at: make each of them an `nn.Parameter` of "
    "the class, as `self.W1`, and what computes the output from them its `forward(self, X)`."
)
LOOP = "the training loop"
"""What a report calls a loop that has no name of its own."""


def bind(task: Task, sitting: StudentProcess) -> Binding:
    """Find and settle every role of a task in the section that a process runs."""
    return (_ModelAndTraining if task.framework.trains else _Functions)(task, sitting).bind()


class _Roles(ABC):
    """What is asked for by one task, and the process that runs the section."""

    def __init__(self, task: Task, process: StudentProcess) -> None:
        self.task, self.process = task, process
        self.functions = inspect(task, process)
        self.bound: dict[str, Bound] = {}

    def bind(self) -> Binding:
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
        """Find what plays a role by names and signatures."""

    def fit(self, role: Role, function: Function, *, spare: bool = False) -> Fit | None:
        """Assign the role's arguments by names, and where those do not say, as its own calls do."""
        fitting = fit_function(role, function, spare=spare)
        if fitting is None or fitting.known == len(fitting.parameters):
            return fitting
        return fit_function(role, function, spare=spare, handed=self._handed(function))

    def own_calls(self, function: Function) -> Iterator[dict[str, ast.expr]]:
        """Yield what the student's own calls of a function hand over, by parameter."""
        names = [each.name for each in function.parameters]
        for cell in self.process.section.own:
            for node in (part for each in statements(cell.source) for part in walk(each)):
                if isinstance(node, ast.Call) and last_name(node.func) == function.name:
                    given = dict(zip(names, node.args, strict=False))
                    yield given | {word.arg: word.value for word in node.keywords if word.arg}

    def _handed(self, function: Function) -> dict[str, str]:
        """Return the names of what the student's own calls hand over, ``y`` for ``y[0]``."""
        found: dict[str, str] = {}
        for given in self.own_calls(function):
            for parameter, value in given.items():
                name = base_name(value.func if isinstance(value, ast.Call) else value)
                if name is not None:
                    found.setdefault(parameter, name)
        return found


class _Functions(_Roles):
    """The functions of a numpy task."""

    def bind(self) -> Binding:
        found = super().bind()
        bound = self._settled()
        missing = [
            not_found(role, self.functions)
            for role in self.task.roles
            if role.name in self.bound and role.name not in bound
        ]
        return replace(found, bound=bound, missing=(*missing, *found.missing))

    def find(self, role: Role) -> Bound | Missing:
        chosen = self._choose(role)
        if isinstance(chosen, Missing):
            return chosen
        return draft(role.name, *chosen, self.task, ASKED if role.name == "forward" else {})

    def _choose(self, role: Role) -> tuple[Function, Fit] | Missing:
        """Choose the last function of a fitting name, or else one whose arguments are all known."""
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
        if not role.arguments:
            return Fit((), (), 0)
        if (
            role.name == "initialise"
            and function.standing != "guess"
            and len(function.required) != 1
        ):
            return _fit_sizes(function, 1 + len(self.task.layers))
        return self.fit(role, function)

    def _settled(self) -> dict[str, Bound]:
        """Find the conventions of all bound functions by calling them.

        An initialiser of another section is left out if nothing of this section works with its
        parameters, and something works with others: this section was written for its own.
        """
        bound, told = dict(self.bound), list[Convention]()
        if "initialise" in bound:
            bound["initialise"], told = self._initialise(bound["initialise"])
        roles, works = self._in(told or unknown(self.task))
        for instead in otherwise(told) if not works else ():
            # If all else is made for what lies otherwise, it is the start that is wrong.
            others, works = self._in(instead)
            if works == len(others) > 1:
                roles, start = others, bound["initialise"]
                bound["initialise"] = replace(start, convention=others["forward"].convention)
                break
        if told and not works and self._is_borrowed(bound["initialise"]):
            others, works = self._in(unknown(self.task))
            if works:
                del bound["initialise"]
                roles = others
        return {**bound, **roles}

    def _is_borrowed(self, bound: Bound) -> bool:
        """Tell whether a bound function is of another section."""
        return any(
            function.standing == "borrowed"
            and (function.name, function.place) == (bound.function, bound.place)
            for function in self.functions
        )

    def _in(self, conventions: list[Convention]) -> tuple[dict[str, Bound], int]:
        """Find out how the pass and the step are called, and count which of them then works."""
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
        """Call a function once; None where it is not written, or the process was lost."""
        reply = self.process.ask(Frame(kind, inputs, {"call": call_of(bound, self.task), "n": 1}))
        failure = None if isinstance(reply, Lost) else reply.data.get("failure")
        unwritten = failure is not None and failure["type"] == "NotImplementedError"
        return None if isinstance(reply, Lost) or unwritten else reply

    def _initialise(self, bound: Bound) -> tuple[Bound, list[Convention]]:
        """Call it once: the keys and shapes it gives are the student's convention."""
        sizes = np.array([self.task.X.shape[1], *(layer.units for layer in self.task.layers)])
        sized = [argument for argument in bound.arguments if argument.startswith("dim/")]
        if len(sized) not in (0, len(sizes)):
            return bound, []
        reply = self._ask("explore", bound, {"dim": sizes})
        if reply is None or "tree" not in reply.data:
            return bound, []
        told = stated(self.task, reply.data["tree"], reply.arrays)
        return (replace(bound, convention=told[0]) if told else bound), told

    def _forward(self, bound: Bound, conventions: list[Convention]) -> tuple[Bound, bool]:
        """Find the first convention in which it returns something of the output's size."""
        inputs = _known_values(self.task)
        asked = {key: inputs[key] for key in ("X", *self.task.starts[0].parameters)}
        offers = (one for one in variants(conventions) if one.scalars == "scalar")
        attempts = [replace(bound, convention=one) for one in offers if self._is_used(bound, one)]
        for attempt in attempts:
            reply = self._ask("explore", attempt, asked)
            if reply is None:
                break
            if "tree" in reply.data:
                sizes = self.task.layers[-1].units, inputs["A1"].size
                returns = find_returns(reply.data["tree"], reply.arrays, asked, *sizes)
                if returns:
                    return replace(attempt, returns=returns), True
        return attempts[0], False

    def _update(self, bound: Bound, conventions: list[Convention]) -> tuple[Bound, bool]:
        """Find the first convention in which parameters of the right shapes come back.

        A rate with a default need not be a number: where none does with one, it is left out.
        """
        inputs = {name: value[None] for name, value in _known_values(self.task).items()}
        offers = (one for one in variants(conventions) if self._is_used(bound, one))
        attempts = [replace(bound, convention=one) for one in offers]
        for attempt in attempts:
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
                return (without, True) if works else (attempts[0], False)
        return attempts[0], False

    def _is_used(self, bound: Bound, convention: Convention) -> bool:
        """Return whether the submission may hand over its inputs in this form.

        numpy broadcasts a pandas row where it refuses a column, so that code can run with a row and
        stop in the student's own loop. A row counts only where the submission uses one: where it
        hands over ``df.iloc[i]``, or the function converts its own argument from pandas.
        """
        if convention.inputs == "array":
            return True
        own = [part for cell in self.process.section.own for part in statements(cell.source)]
        parts = [part for each in own for part in walk(each)]
        name = bound.names.get("X", "X")
        read = (part for part in parts if isinstance(part, ast.Attribute))
        if any(base_name(part) == name and part.attr in ROW_ATTRIBUTES for part in read):
            return True
        handed = [name]
        for function in self.functions:
            if function.name == bound.function:
                handed += [ast.unparse(c[name]) for c in self.own_calls(function) if name in c]
        texts = [*handed]
        for part in parts:
            if isinstance(part, ast.Assign):
                texts += [ast.unparse(v) for target, v in assignments(part) if target in handed]
        return any(ROW.search(text) and not ARRAY.search(text) for text in texts)

    def _at_own_rates(self, bound: Bound, inputs: Mapping[str, Array]) -> Bound:
        """Leave out a rate without which the code moves weights and biases by the task's rates.

        Its default is one of the two then, and the other is the code's own: ``10 * lr``, or a
        number. Called without it, as the task has it, both are as the task asks, whatever else
        is wrong.
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
        """Tell a step in which a layer's weights and biases move by the task's two rates."""
        ratio = self.task.rates.weight / self.task.rates.bias
        names = tuple(self.task.starts[0].parameters)
        for weight, bias, value in zip(names[::2], names[1::2], LAYERS, strict=False):
            moved, by = after[weight] - inputs[weight], after[bias] - inputs[bias]
            right = inputs[value] * by.swapaxes(1, 2) * ratio
            if np.any(moved) and np.allclose(moved, right, 1e-6, 0):
                return True
        return False

    def _with_returned(self, bound: Bound) -> Bound:
        """Find where the new parameters are if they come back one by one.

        ``return W1, b1, W2, b2`` does not say which is which. As a step is short, each is the
        one of its shape that it is next to.
        """
        inputs = _known_values(self.task)
        reply = self._ask("explore", bound, inputs)
        keys = list(bound.convention.keys)
        items = reply.data.get("tree", {}).get("list", []) if reply is not None else []
        if reply is None or len(items) != len(keys):
            return bound
        # Late: it is the student's process that lays parameters out, and this asks how.
        from gradkit.runtime.call import parameters_for

        found = [reply.arrays.get(item.get("array", ""), np.empty(0)) for item in items]
        handed = parameters_for(call_of(bound, self.task), inputs).values()

        def gap(order: tuple[int, ...]) -> float:
            return sum(
                float(np.abs(found[p] - h).sum()) if found[p].shape == h.shape else np.inf
                for p, h in zip(order, handed, strict=True)
            )

        order = min(permutations(range(len(keys))), key=gap)
        if np.isinf(gap(order)):
            return bound
        return replace(bound, returns={key: (p,) for key, p in zip(keys, order, strict=True)})


def _fit_sizes(function: Function, count: int) -> Fit:
    """Layer sizes one by one, as many as there are with ``*dims``, or none at all."""
    names = function.required
    star = next((each.name for each in function.parameters if each.kind == "VAR_POSITIONAL"), None)
    if star is not None:
        names = (*names, *(f"{star}[{i}]" for i in range(count - len(names))))
    by_place = {"VAR_POSITIONAL", "POSITIONAL_ONLY"} & {each.kind for each in function.parameters}
    keywords = () if by_place else names
    return Fit(tuple(f"dim/{i}" for i in range(len(names))), names, 0, keywords)


def _without_rate(bound: Bound) -> Bound:
    """Return how a function is called without its rate, which has a default."""
    by_position = len(bound.arguments) - len(bound.keywords)
    at = bound.arguments.index("rate")
    return replace(
        bound,
        arguments=tuple(each for each in bound.arguments if each != "rate"),
        keywords=tuple(k for n, k in enumerate(bound.keywords, by_position) if n != at),
    )


LAYERS = ("X", "A1")
"""What the weights of the first layers are multiplied with; a third has values that nobody has."""

ROW_ATTRIBUTES = frozenset({"to_numpy", "values", "iloc", "loc", "to_list"})
"""Attributes that convert a pandas row, or take an entry of it."""

ROW = re.compile(r"\.i?loc\b|\brow\b")
ARRAY = re.compile(r"\.values\b|to_numpy|array\(|reshape|\.T\b")
"""What takes a row of a table, and what makes an array of it."""

FLAT = re.compile(r"\w\['\w+'\]|, -?\d+\]|squeeze|flatten|ravel|reshape\(-1\)|\(\[-?\d")
COLUMN = re.compile(r"\[\[|None\]|newaxis|reshape\(.*,|view\(.*,|unsqueeze|expand_dims|\d:\]|drop")
"""What says that targets have one axis, and what says that they have two."""

TRIED = (0.3, 0.7, 1.2, 1.5, 1.9)
"""Sizes of inputs on which a training loop is tried."""

ALIKE = 0.01
"""How much less is learnt from targets that lie as the predictions do, where these are they."""

NOTHING = np.empty(0)
"""What stands for an array that did not come back."""


def _known_values(task: Task) -> dict[str, Array]:
    """Return one call's inputs: all different, none of them zero, without a meaning."""
    known = shapes_of(task)
    shapes: dict[str, tuple[int, ...]] = {key: known[key] for key in task.starts[0].parameters}
    shapes |= {"X": (task.X.shape[1], 1), "A1": known["A1"]}
    shapes |= {"y": known["y_hat"], "y_hat": known["y_hat"]}
    generator = np.random.default_rng(0)
    values = {name: generator.uniform(0.1, 0.9, shape) for name, shape in shapes.items()}
    return {**values, "rate": np.array(0.02)}


class _ModelAndTraining(_Roles):
    """The module of a torch task and what trains it: a function, or the loop at top level."""

    def __init__(self, task: Task, process: StudentProcess) -> None:
        super().__init__(task, process)
        seen = outline(process.section, process.modules)
        self.models = [model for model in reversed(seen.models) if model.origin != "borrowed"]
        self.loop = next((loop for loop in reversed(seen.loops) if loop.origin == "own"), None)

    def find(self, role: Role) -> Bound | Missing:
        return self._model(role) if role.name == "model" else self._train(role)

    def _model(self, role: Role) -> Bound | Missing:
        """Bind the first candidate that gives a module with parameters."""
        # A function that makes a model is asked where there is no model itself.
        made = [model for model in self.models if model.kind == "factory" and not model.required]
        known: dict[str, Model] = {}
        for model in [m for m in self.models if m.kind != "factory"] + made:
            # Of several of one name the last counts, which comes first here.
            known.setdefault(model.name, model)
        if not known:
            missing = not_found(role, self.functions)
            loose = any("requires_grad" in cell.source for cell in self.process.section.own)
            return replace(missing, message=f"{missing.message} {LOOSE}") if loose else missing
        meant = [self.loop.needs.model] if self.loop and self.loop.needs.model in known else []
        named = [name for name in known if is_called(name, role.aliases)]
        order = list(dict.fromkeys([*meant, *named, *known]))
        reply = self.process.ask(Frame("model", {}, about_models(self.task, order)))
        chosen = order[0]
        if not isinstance(reply, Lost) and reply.data["name"] is not None:
            chosen = str(reply.data["name"])
        return self._unsigned(role, chosen, known[chosen].place, {"y_hat": ()})

    def _train(self, role: Role) -> Bound | Missing:
        named = called([f for f in self.functions if f.standing in ("own", "guess")], role.aliases)
        model = self.bound["model"].function if "model" in self.bound else ""
        for function in named:
            fitting = self.fit(role, function, spare=True)
            # `train = data.train` may be anything; a loop is one.
            if fitting is not None and not (function.standing == "guess" and self.loop):
                training = {"model": model, "target": "flat"}
                bound = draft(role.name, function, fitting, self.task, {"loss": ()}, training)
                return self._with_targets(bound, self._target(function, fitting))
        if self.loop is not None:
            return self._of_loop(role, self.loop, model)
        return misfit(role, named[0]) if named else not_found(role, self.functions)

    def _target(self, function: Function, fitting: Fit) -> str | None:
        """Return the name of the targets that the student's own call of a function hands over."""
        if "y" not in fitting.quantities:
            return None
        name = fitting.parameters[fitting.quantities.index("y")]
        given = [each[name] for each in self.own_calls(function) if name in each]
        return next((each.id for each in given if isinstance(each, ast.Name)), None)

    def _with_targets(self, bound: Bound, own: str | None) -> Bound:
        """Settle whether targets are a column, as the student's ``own`` are.

        Where those cannot be made, of a file that is not here, and the text does not say that they
        are flat, they are taken to lie as the predictions do. If these are the targets, nothing
        is to be learnt; compared each with each, there is.
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
            dimensions = 2 if column_moved < ALIKE * flat_moved else 1
        return column if dimensions == 2 else bound

    def _says_flat(self, own: str) -> bool:
        """Tell targets that the text takes from one column, and makes no column again."""
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
        """Return what the model makes of some inputs, a row for each; nothing where it cannot."""
        n = len(TRIED)
        start = {k: np.stack([v] * n) for k, v in self.task.starts[0].parameters.items()}
        X = self._tried_inputs()[:, :, None]
        batch = Batch("", "", "model", {**start, "X": X}, tuple(map(str, range(n))))
        outcome = observe_batch(self.process, self.task, self.bound["model"], batch)
        return outcome.outputs.get("y_hat", np.empty((0, 1, 1)))[:, :, 0]

    def _tried_inputs(self) -> Array:
        return np.outer(TRIED, np.arange(1.0, 1.0 + self.task.X.shape[1])) % 2.0

    def _moved(self, bound: Bound, y: Array) -> float:
        """Return how far one epoch with these targets moves parameters; inf where it cannot be."""
        start = self.task.starts[0].parameters
        X = self._tried_inputs()
        if len(y) != len(X):
            return math.inf
        rate = float(self.task.rates.weight)
        run = Run("", "", "", start, X, y, 1, rate)
        outcome = observe(self.process, of_training(self.task, bound, run))
        after = [outcome.outputs.get(f"final/{key}", NOTHING) for key in start]
        if any(a.shape != b.shape for a, b in zip(after, start.values(), strict=True)):
            return math.inf
        return max(float(np.abs(a - b).max()) for a, b in zip(after, start.values(), strict=True))

    def _of_loop(self, role: Role, loop: Loop, model: str) -> Bound | Missing:
        needs = loop.needs
        wanted = {"model": needs.model, "input": needs.X, "target": needs.y}
        unknown = [what for what, name in wanted.items() if name is None]
        if unknown:
            return Missing(
                role.name,
                format_text(
                    "gradkit cannot run the training loop: it does not find its {unknown}. Write "
                    "it as `{signature}`.",
                    unknown=" and ".join(unknown),
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
        bound = self._unsigned(role, LOOP, loop.place, {"loss": ()}, training)
        return self._with_targets(bound, needs.y)

    def _unsigned(
        self,
        role: Role,
        name: str,
        place: Place,
        returns: Mapping[str, Path],
        training: Mapping[str, Any] | None = None,
    ) -> Bound:
        """Bind what takes no arguments."""
        keys, training = own_keys(self.task), training or {}
        return Bound(role.name, name, place, (), {}, keys, returns, place, training=training)
