"""Send probes and the lines of checks to a student's bound functions, and record the outcomes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace
from numpy.typing import NDArray

from gradkit.records.submission import REPEATS, SIMILAR, Bound, Fault, Loop, Lost, Outcome, Path
from gradkit.records.task import Array, Batch, Made, Parameters, Run, Task
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import format_message, message, message_of
from gradkit.sandbox.process import Question, StudentProcess

Values = Mapping[str, NDArray[Any]]


class Computed(Struct, frozen=True):
    """An expression to compute in the grader.

    ``text`` uses the names ``value_0``, ``value_1``, … for the sub-expressions in ``leaves``, whose
    values come from the student's process.
    """

    text: str
    leaves: tuple[str, ...]


def with_leaves(reads: Sequence[str]) -> list[str]:
    """Return expressions, followed by the sub-expressions that the grader needs to compute them.

    No expression occurs twice in the list if none occurs twice in ``reads``.
    """
    computed_reads = (parts_of(expression) for expression in reads)
    leaves = [leaf for parts in computed_reads if parts is not None for leaf in parts.leaves]
    return [*reads, *(leaf for leaf in dict.fromkeys(leaves) if leaf not in reads)]


@lru_cache(maxsize=1000)
def parts_of(expression: str) -> Computed | None:
    """Split an expression that the grader can compute into its text and its sub-expressions.

    ``expression`` is one of a check, as ``np.sum(layer.dW)``. None is returned if the expression
    calls nothing or has a dict in it, or if only the student's process can compute it because it
    calls a student's function or unpacks a container.
    """
    tree = ast.parse(expression.strip(), mode="eval").body
    nodes = list(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    if not calls or any(isinstance(node, ast.Starred | ast.Dict) for node in nodes):
        return None
    if not all(_is_numpy_or_method(call.func) for call in calls):
        return None
    leaves = {id(node): ast.unparse(node) for node in _leaves(tree)}
    texts = tuple(dict.fromkeys(leaves.values()))
    names = {text: f"value_{number}" for number, text in enumerate(texts)}
    whole = _ReplaceByNames({key: names[text] for key, text in leaves.items()}).visit(tree)
    return Computed(ast.unparse(whole), texts)


def _is_numpy_or_method(function: ast.expr) -> bool:
    """Return whether a called function is one of numpy, as ``np.sum``, or a method of arrays.

    ``function`` is the part of a call before its arguments.
    """
    from gradkit.lines import ATTRIBUTES

    if not isinstance(function, ast.Attribute):
        return False
    return _is_attribute_of_np(function) or function.attr in ATTRIBUTES


def _is_attribute_of_np(node: ast.expr) -> bool:
    """Return whether a node is ``np`` or an attribute of it, as ``np.linalg.norm``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id == "np"


def _leaves(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the largest sub-expressions that only look up a value, except parts of ``np``.

    In ``np.sum(a.b * c[0])`` these are ``a.b`` and ``c[0]``.
    """
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and not _is_attribute_of_np(node.func):
            yield from _leaves(node.func.value)
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            yield from _leaves(argument)
    elif isinstance(node, ast.expr) and _is_lookup(node):
        yield node
    elif not (isinstance(node, ast.expr) and _is_attribute_of_np(node)):
        for child in ast.iter_child_nodes(node):
            yield from _leaves(child)


def _is_lookup(node: ast.expr) -> bool:
    """Return whether a node only looks up a value, as ``fresh.params['W1']``, without a call."""
    if any(isinstance(part, ast.Call) for part in ast.walk(node)):
        return False
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id != "np"


class _ReplaceByNames(ast.NodeTransformer):
    """Replaces some nodes of a tree by names; ``names`` has them by the nodes' ids."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        if id(node) in self._names:
            return ast.Name(self._names[id(node)], ast.Load())
        return self.generic_visit(node)


def computed(parts: Computed, values: Values) -> NDArray[Any]:
    """Compute an expression from the values of its sub-expressions, and return it as an array.

    ``values`` has the value of each of ``parts.leaves``.

    Raises
    ------
    Exception
        Any exception of numpy, because the student's arrays may not fit the expression.
    """
    from gradkit.lines import value_of

    names: dict[str, Any] = {"np": np}
    names |= {f"value_{n}": values[leaf].copy() for n, leaf in enumerate(parts.leaves)}
    with np.errstate(all="ignore"):
        return np.asarray(value_of(parts.text, names))


def shapes_of(task: Task) -> dict[str, tuple[int, ...]]:
    """Return the canonical shapes of a task's quantities: parameters, outputs, ``A1`` and loss."""
    start = task.starts[0].parameters
    last = f"W{len(task.layers)}"
    return {
        **{key: value.shape for key, value in start.items()},
        "y_hat": (task.layers[-1].units, 1),
        "A1": (start[last].shape[0], 1),
        "loss": (),
    }


def call_of(bound: Bound, task: Task) -> dict[str, Any]:
    """Return the JSON form of a bound function, which tells the student's process how to call it.

    It has the function's name, its arguments, and the student's keys and layouts, see
    `gradkit.runtime.call`.
    """
    convention = bound.convention
    shapes = shapes_of(task)
    wanted = bound.returns or convention.keys
    return {
        "function": bound.function,
        "arguments": list(bound.arguments),
        "by_name": list(bound.keywords),
        **asdict(convention),
        "columns": list(task.columns[: task.X.shape[1]]),
        "returns": {name: list(path) for name, path in bound.returns.items()},
        "shapes": {name: list(shapes[name]) for name in wanted},
        **({"before": call_of(bound.before.bound, task)} if bound.before else {}),
    }


def observe(process: StudentProcess, question: Question) -> Outcome:
    """Send one request to a student's process, and return its outcome."""
    reply = process.ask(question)
    return outcome_of(process, question.name, reply, question.loop)


def observe_all(process: StudentProcess, questions: Sequence[Question]) -> dict[str, Outcome]:
    """Send several requests to a student's process, and return their outcomes by name.

    A lost process gives an outcome too.
    """
    if any(question.loop == "student" for question in questions):
        # One by one, because each has all parameters of a net: all may not fit into a frame.
        return {question.name: observe(process, question) for question in questions}
    replies = zip(questions, process.ask_all(questions), strict=True)
    return {q.name: outcome_of(process, q.name, reply, q.loop) for q, reply in replies}


def observe_batch(process: StudentProcess, task: Task, bound: Bound, batch: Batch) -> Outcome:
    """Call the function of a role on each row of a batch, and return the outcome."""
    return observe(process, of_batch(task, bound, batch))


# --- requests ----------------------------------------------------------------------------


def of_batch(task: Task, bound: Bound, batch: Batch) -> Question:
    """Return a request to call the function of a role, or run a module, on each row of a batch.

    ``bound`` is the student's function or module.
    """
    data = {"call": call_of(bound, task), "n": len(batch.labels)}
    kind = "predict" if bound.role == "model" else "batch"
    return Question(kind, batch.inputs, data, batch.name)


def of_initialise(task: Task, bound: Bound) -> Question:
    """Return a request to call the student's initialiser once with the task's layer sizes."""
    sizes = np.array([task.X.shape[1], *(layer.units for layer in task.layers)])
    data = {"call": call_of(bound, task), "n": 1}
    return Question("batch", {"dim": sizes[None]}, data, "initialise")


def of_model(task: Task, model: Bound) -> Question:
    """Return a request for the shapes of a torch module's parameters.

    ``model`` is the student's module. The outcome has the shapes as arrays, named ``0``, ``1``, …
    in the order of registration.
    """
    return Question("model", {}, about_models(task, [model.function]), "model")


def about_models(task: Task, names: list[str]) -> dict[str, Any]:
    """Return the data of a request for the first torch module among some global names."""
    most = len(task.starts[0].parameters)
    return {"candidates": names, "inputs": task.X.shape[1], "most": most}


def of_repeats(task: Task, update: Bound, batch: Batch) -> Question:
    """Return a request to call an update once, and count almost equal results of its helpers.

    Many such results indicate finite differences. Fewer than half the number of parameters count as
    0. Only the first row of the batch is used.
    """
    sizes = [value.size for value in task.starts[0].parameters.values()]
    data = {"call": call_of(update, task), "least": sum(sizes) // 2 + 1}
    once = {key: value[0] for key, value in batch.inputs.items()}
    return Question("repeats", once, data, REPEATS)


def of_run(task: Task, forward: Bound, update: Bound, run: Run) -> Question:
    """Return a request for a training run by gradkit's loop with the student's two functions.

    ``forward`` and ``update`` are the functions, and ``run`` has the data, the first parameters and
    the number of epochs.
    """
    data = {
        "forward": call_of(forward, task),
        "update": call_of(update, task),
        "epochs": run.epochs,
    }
    columns = {**_run_arrays(run), "X": run.X[:, :, None], "y": run.y[:, :, None]}
    return Question("run", columns, data, run.name, "gradkit")


def of_followed(
    task: Task, update: Bound, run: Run, y_hat: NDArray[Any], A1: NDArray[Any]
) -> Question:
    """Return a request for a training run of the student's update alone.

    ``run`` has the data and the first parameters. ``y_hat`` and ``A1`` of shape (steps, size, 1)
    replace the outputs of the forward pass. The outcome has each parameter after each step.
    """
    data = {"call": call_of(update, task)}
    columns = {"X": run.X[:, :, None], "y": run.y[:, :, None], "y_hat": y_hat, "A1": A1}
    return Question("follow", {**_run_arrays(run), **columns}, data, run.name, "replaced")


def of_training(task: Task, train: Bound, run: Run) -> Question:
    """Return a request for a torch training run by the student's own loop."""
    data = {"call": call_of(train, task), "epochs": run.epochs, "training": dict(train.training)}
    return Question("train", _run_arrays(run), data, run.name, "student")


def _run_arrays(run: Run) -> dict[str, NDArray[Any]]:
    return {**run.parameters, "X": run.X, "y": run.y, "rate": np.array(run.rate or 0.0)}


# --- outcomes of several requests --------------------------------------------------------


def observe_returned(
    process: StudentProcess, task: Task, bound: Bound, inputs: Mapping[str, NDArray[Any]]
) -> Outcome:
    """Call a forward function on n inputs, and return its outputs in the sizes that it uses.

    ``bound`` is the student's function, which runs in ``process``, and ``inputs`` are arrays with n
    rows. The first call finds the size of each quantity that the function returns. The outputs have
    shape (n, size).
    """
    call = call_of(bound, task)
    once = {name: value[0] for name, value in inputs.items()}
    reply = process.ask(Frame("explore", once, {"call": call}))
    if isinstance(reply, Lost) or "tree" not in reply.data:
        return outcome_of(process, "returned", reply)
    sizes = {path: reply.arrays[array].size for path, array in arrays_of(reply.data["tree"])}
    lengths = {name: sizes.get(path) for name, path in bound.returns.items()}
    call["shapes"] = {name: [size, 1] for name, size in lengths.items() if size}
    call["returns"] = {name: call["returns"][name] for name in call["shapes"]}
    n = len(next(iter(inputs.values())))
    outcome = observe(process, Question("batch", inputs, {"call": call, "n": n}, "returned"))
    return replace(outcome, outputs={k: v[:, :, 0] for k, v in outcome.outputs.items()})


def arrays_of(tree: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield the path and the name of each array in a described structure.

    ``tree`` is as `gradkit.runtime.child` describes values, and ``path`` is put before each path.
    """
    if "array" in tree:
        yield path, tree["array"]
    for key, item in (*enumerate(tree.get("list", ())), *tree.get("dict", ())):
        yield from arrays_of(item, (*path, key))


def observe_run_with(
    process: StudentProcess,
    task: Task,
    update: Bound,
    run: Run,
    forward: Callable[[Parameters, Array], tuple[Array, Array]],
) -> Outcome:
    """Train with the student's update and the grader's forward pass, and return the outcome.

    Each step is one request: it sends the outputs of ``forward`` for the current parameters, and
    gets the new parameters. ``run`` has the data and the first parameters. The outcome has the
    outputs of all steps and the parameters at the end (``final/…``). A step without all parameters
    ends the run.
    """
    data = {"call": call_of(update, task), "n": 1}
    parameters: dict[str, NDArray[Any]] = {k: v[None] for k, v in run.parameters.items()}
    X, y = run.X[:, None, :, None], run.y[:, None, :, None]
    outputs = []
    outcome = Outcome(run.name, {})
    for index in range(run.epochs * len(X)):
        row = index % len(X)
        y_hat, A1 = forward(parameters, X[row])
        outputs.append(y_hat[0])
        inputs = {"X": X[row], "y": y[row], "y_hat": y_hat, "A1": A1, **parameters}
        inputs["rate"] = np.array([run.rate or 0.0])
        outcome = observe(process, Question("batch", inputs, data, run.name, "replaced"))
        after = {key: outcome.outputs.get(key) for key in parameters}
        parameters = {key: value for key, value in after.items() if value is not None}
        if len(parameters) < len(after):
            break
    final = {f"final/{key}": value[0] for key, value in parameters.items()}
    return replace(outcome, outputs={"y_hat": np.array(outputs), **final}, loop="replaced")


def outcome_of(process: StudentProcess, name: str, reply: Frame | Lost, loop: Loop = "") -> Outcome:
    """Return the outcome of a reply, or of a lost worker, as a record with a name.

    ``loop`` says whose training loop was run, if any. Faults and the failure are converted, with
    places in the student's file.
    """
    if isinstance(reply, Lost):
        return Outcome(name, {}, lost=reply, loop=loop)
    faults = tuple(
        Fault(int(call), str(quantity), kind, format_message(found))
        for call, quantity, kind, found in reply.data.get("faults", ())
    )
    failure = process.failure(reply.data.get("failure"))
    return Outcome(name, reply.arrays, faults, failure, None, loop)


REAL = "biuf"
"""numpy's kinds of real dtypes: boolean, signed, unsigned, floating."""

SEED = 0
"""Seed of all random generators before each step."""


class Step(Struct, frozen=True):
    """Lines to run, and values by name that replace the results of the lines."""

    text: str
    put: Mapping[str, Any]


def of_lines(
    functions: Mapping[str, str],
    inputs: Mapping[str, Any],
    steps: Sequence[Step],
    reads: Sequence[str],
    *,
    again: bool = False,
    least: int = 0,
    changed: Sequence[tuple[str, int, str]] = (),
    spared: str = "",
    stubs: Sequence[Sequence[Any]] = (),
) -> Frame:
    """Return a request to run the lines of a check; `made_of` reads the reply.

    Parameters
    ----------
    functions : mapping of str to str
        The student's name for each function in the lines.
    inputs : mapping
        Values of names before the first step.
    steps : sequence of Step
        Run in order.
    reads : sequence of str
        Expressions to evaluate afterwards.
    again : bool
        Whether the last step is run, and the expressions are evaluated, a second time.
    least : int
        Almost equal calls of one function in that second run are counted if there are at least this
        many; 0 counts none.
    changed : sequence of (cell id, line, text)
        Texts that replace the definitions at these lines.
    spared : str
        A function whose statements that raise are removed.
    stubs : sequence
        Functions that are replaced, see `gradkit.runtime.stubs`.
    """
    from gradkit.lines import packed

    tree, arrays = packed({"inputs": dict(inputs), "put": [dict(step.put) for step in steps]})
    trees = dict(tree["dict"])
    put = trees["put"]["list"]
    data = {
        "functions": dict(functions),
        "inputs": trees["inputs"],
        "steps": [[step.text, dict(tree["dict"])] for step, tree in zip(steps, put, strict=True)],
        "reads": with_leaves(reads),
        "again": again,
        "least": least,
        "seed": SEED,
        "changed": [list(change) for change in changed],
        "spared": spared,
        "stubs": [list(each) for each in stubs],
    }
    return Frame("lines", arrays, data)


def made_of(
    process: StudentProcess, reads: Sequence[str], reply: Frame | Lost
) -> tuple[Made, Outcome]:
    """Return the values of a check's expressions from the reply to `of_lines`, and the outcome.

    Parameters
    ----------
    process : StudentProcess
        Resolves places in the student's file.
    reads : sequence of str
        The expressions of the request.
    reply : Frame or Lost
        The reply.

    Returns
    -------
    tuple of (Made, Outcome)
        Values by expression, or why they are missing; the outcome of the request.
    """
    outcome = outcome_of(process, "lines", reply)
    if not isinstance(reply, Frame):
        return Made(), outcome
    values, second, missing = {}, {}, {}
    every = with_leaves(reads)
    for number, expression in enumerate(every):
        first, other = (reply.arrays.get(f"{part}{number}") for part in ("", "again/"))
        if first is not None and first.dtype.kind not in REAL:
            missing[expression] = format_message(message("dtype", dtype=str(first.dtype)))
        elif first is not None:
            values[expression] = first
        if other is not None and other.dtype.kind in REAL:
            second[expression] = other
    mutated = []
    for _, name, kind, found in reply.data["faults"]:
        if kind == "mutated":
            mutated.append(name)
        elif name.isdigit() and kind != "subclass":
            missing[every[int(name)]] = format_message(found)
    similar = int(reply.arrays[SIMILAR][0]) if SIMILAR in reply.arrays else 0
    return _with_computed_values(
        reads, Made(values, second, tuple(mutated), missing, similar)
    ), outcome


def _with_computed_values(reads: Sequence[str], made: Made) -> Made:
    """Compute here the values of a check's expressions that only compute with arrays.

    ``made`` are the values from the student's process, which are used for all other expressions.
    Only the expressions in ``reads`` are kept. An expression whose parts are missing, or that numpy
    cannot compute, is missing, with the reason.
    """
    values, second, missing = dict(made.values), dict(made.again), dict(made.missing)
    for expression in reads:
        parts = parts_of(expression)
        if parts is None:
            continue
        for results in (values, second, missing):
            results.pop(expression, None)
        missing_leaves = [leaf for leaf in parts.leaves if leaf not in values]
        if missing_leaves:
            reasons = [made.missing.get(name, "") for name in (expression, missing_leaves[0])]
            missing[expression] = reasons[0] or reasons[1]
            continue
        try:
            values[expression] = computed(parts, values)
            if any(leaf in second for leaf in parts.leaves):
                second[expression] = computed(parts, {**values, **second})
        except Exception as error:  # numpy raises various errors if the arrays do not fit
            kind, reason = type(error).__name__, message_of(error)
            missing[expression] = format_message(message("no-value", type=kind, reason=reason))
    return Made(
        {name: values[name] for name in reads if name in values},
        {name: second[name] for name in reads if name in second},
        made.changed,
        {name: missing[name] for name in reads if name in missing},
        made.similar_calls,
    )
