"""Write the script of a finding about a net: the student's code, the input, the output.

The script calls the student's function once, with the student's own argument order and layouts. It
prints lines ``found …`` and ``expected …`` with a number or a list of numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.diagnosis.inquiry.findings import names_of
from gradkit.diagnosis.rules.text import format_entry
from gradkit.grading.session import Session, binding_of
from gradkit.loading import is_installed
from gradkit.records.submission import Binding, Bound, Submission
from gradkit.records.task import Batch, Run, Task
from gradkit.reproducer.recorded import Data, ReproducerError
from gradkit.runtime.call import arguments_for, parameters_for
from gradkit.runtime.training import BEGIN, LOSS, lifted, recording
from gradkit.sandbox.observe import call_of
from gradkit.submission.excerpt import Excerpt, Piece, reads
from gradkit.task.network import ACTIVATIONS, LOSSES
from gradkit.task.oracle import Derived, mean_scale, rate_of
from gradkit.task.probes import draw
from gradkit.templates import fill

Inputs = Mapping[str, NDArray[Any]]
Index = tuple[int, ...]
Entry = tuple[str, Index]


def text_of(template: str, **values: object) -> str:
    """Fill a template of this package."""
    return fill("gradkit.reproducer", f"{template}.jinja", **values).rstrip("\n")


def formulas(task: Task) -> dict[str, object]:
    """Return the activations and the loss of a task as Python source, for templates."""
    layers = [ACTIVATIONS[layer.activation].numpy for layer in task.layers]
    return {"layers": layers, "loss": LOSSES[task.loss].numpy, "scale": 1, "quantity": ""}


def expected(
    task: Task, quantity: str = "", entry: Entry | None = None, epochs: int = 0, **more: object
) -> str:
    """Write the part of a script that computes and prints the expected numbers.

    Parameters
    ----------
    task : Task
    quantity : str
        Quantity of the forward pass: the output, or the input of the last layer.
    entry : tuple, optional
        Parameter and index of an entry to print after a step of gradient descent.
    epochs : int
        Epochs of full-batch gradient descent, after which the entry, or else all losses, are
        printed.
    **more
        Learning ``rate``, ``scale`` of the loss in training, and ``inputs`` that the script does
        not define yet.
    """
    parameter, index = entry or ("", ())
    values = {"quantity": quantity, "epochs": epochs, "parameter": parameter, "index": index}
    return text_of("expected", **{**formulas(task), **values, "inputs": {}, **more})


def _call(task: Task, bound: Bound, inputs: Inputs, **shown: str) -> str:
    """Return code that calls a student's function and prints a number.

    ``bound`` is the function for a role of ``task``, and ``inputs`` are the arguments by quantity.
    ``shown`` names the number: a ``value`` of what the function returns, or an ``entry`` of the
    parameter ``key`` after the call.
    """
    before = leaves = ""
    if bound.before is not None:
        before = _call_expression(task, bound.before.bound, inputs)
        leaves = ", ".join(bound.before.names)
    handed = source(parameters_for(call_of(bound, task), inputs))
    returned = _call_expression(task, bound, inputs)
    values = {"handed": handed, "returned": returned, "value": "", **shown}
    return text_of("function", before=before, leaves=leaves, **values)


def _call_expression(task: Task, bound: Bound, inputs: Inputs) -> str:
    """Return the call of a student's function as Python, with the dict ``handed`` of parameters.

    ``inputs`` are the arguments by quantity. The other arguments are the values that a worker
    passes when it grades.
    """
    values = zip(bound.arguments, arguments_for(call_of(bound, task), inputs, None), strict=True)
    texts = ["handed" if kind == "parameters" else source(value) for kind, value in values]
    return f"{bound.function}({_arguments(bound, texts)})"


def _arguments(bound: Bound, values: Sequence[str]) -> str:
    """Join values as arguments of a call.

    The last values get the names of the function's keyword parameters, if it has any.
    """
    first = len(values) - len(bound.keywords)
    named = (f"{n}={value}" for n, value in zip(bound.keywords, values[first:], strict=True))
    return ", ".join([*values[:first], *named])


def _in_layout(bound: Bound, parameter: str, index: Index) -> tuple[str, str]:
    """Translate an entry's parameter and index into the student's key and subscript.

    ``bound`` is the student's function with its convention: the keys of its dict of parameters, the
    order of the axes of weights, and the shape of biases.
    """
    convention = bound.convention
    key = convention.keys[parameter]
    if parameter[0] == "W":
        return key, _subscript(index[::-1] if convention.weights == "out_in" else index)
    by_layout = {"column": index, "row": index[::-1], "flat": index[:1]}
    return key, _subscript(by_layout[convention.biases])


def _trained(entry: Entry) -> str:
    """Return the subscripts of an entry in the list of a trained module's parameters.

    A weight of torch has the layout (out, in), and a bias has one axis.
    """
    name, index = entry
    place = 2 * (int(name[1:]) - 1) + (name[0] == "b")
    torch_index = index[::-1] if name[0] == "W" else index[:1]
    return f"[{place}][{_subscript(torch_index)}]"


def _subscript(index: Index) -> str:
    """Return an index as the text of a subscript."""
    return ", ".join(map(str, index))


EXPECTED_LEVEL = 4
"""Hint level from which expected numbers are shown."""

EPOCHS = 3
"""Smallest number of epochs of a training run in a script."""

ROLES: Mapping[str, Mapping[str, str]] = {
    "numpy": {"forward": "forward", "update": "update"},
    "torch": {"forward": "model", "trajectory": "train"},
}
"""Role whose function a script calls, by framework and check of the finding."""


Parts = tuple[str, Sequence[Piece], str, str]
"""The parts of a script: description, student's code, call, and computation of expected numbers."""


class Script:
    """The script of a finding about a net.

    Parameters
    ----------
    result, recorded, finding : mapping
        The result, its task and its finding, as the result file has them.
    submission : Submission
    session : Session
        Session that finds the student's functions.

    Raises
    ------
    ReproducerError
        The finding has no number to show, or torch is missing.

    Attributes
    ----------
    task : Task
    found : float or None
        The recorded number; None if the values have a wrong shape.
    place : int
        Index of the number in the list that the script prints.
    """

    def __init__(
        self, result: Data, recorded: Data, finding: Data, submission: Submission, session: Session
    ) -> None:
        """Find the student's function and the recorded entry of a finding of a net task.

        ``result``, ``recorded`` and ``finding`` are the result, its task and the finding, as plain
        data. ``submission`` has the student's code, and ``session`` the assignment.

        Raises
        ------
        ReproducerError
            torch is needed but not installed, there are no scripts for the finding's check, or no
            failed entry has a number.
        """
        self._finding, self._seed = finding, int(recorded["seed"])
        self._level, self._name = int(result["hints"]), submission.name
        if recorded["task"].endswith("torch") and not is_installed("torch"):
            raise ReproducerError("torch is not installed here: pip install 'gradkit[torch]'.")
        found = binding_of(session, submission, recorded["task"])
        self.task, section, binding, forbidden = found
        self._excerpt = Excerpt(section, submission.modules, forbidden)
        self._bound = _bound(binding, self.task, finding)
        (check,) = [c for c in recorded["checks"] if c["check"] == finding["check"]]
        self._entry = _entry(check, finding, self._bound, self.task)
        self.found: float | None = self._entry["found"]
        prints_list = finding["check"] == "forward" or self._entry["parameter"] == "loss"
        self.place = int(self._entry["index"][0]) if prints_list else 0
        takes_rate = any("rate" in bound.arguments for bound in binding.bound.values())
        self._probes = draw(self.task, self._seed, Derived(self.task).forward, takes_rate)

    def text(self) -> str:
        """Return the text of the script.

        It has the student's code that the finding needs, a call of it and, from the hint level
        `EXPECTED_LEVEL` on, the computation of the expected number.
        """
        torch = self.task.framework.trains
        parts_of = {
            ("forward", False): self._forward_parts,
            ("forward", True): self._model_parts,
            ("update", False): self._update_parts,
            ("trajectory", True): self._training_parts,
        }
        what, code, call, computation = parts_of[self._finding["check"], torch]()
        imports = ["import numpy as np", "import torch"]
        imports = imports if torch else imports[:1]
        if self._bound.convention.inputs == "series":
            imports.append("import pandas as pd")
        text = text_of(
            "script",
            **{"finding": self._finding, "name": self._name, "title": self.task.title},
            **{"what": what, "imports": imports, "call": call},
            code=written(code, imports),
            expected=computation if self._level >= EXPECTED_LEVEL else "",
        )
        return f"{text}\n"

    def _at(self) -> str:
        """Describe the input of the finding."""
        return f"at the input “{self._entry['probe']}” of seed {self._seed}"

    def _update_parts(self) -> Parts:
        """Return the parts of a script that makes one step of the student's update, see `Parts`."""
        key, index = self._entry["parameter"], tuple(self._entry["index"])
        inputs = self._inputs(self._probes.update)
        own, place = _in_layout(self._bound, key, index)
        # A student's array of a single number can have any shape.
        entry = ".item()" if inputs[key].size == 1 else f"[{place}]"
        first = (self._bound.before.bound,) if self._bound.before is not None else ()
        rate = self._rate(key, index, inputs)
        return (
            f"one step of `{self._bound.function}` {self._at()}",
            self._excerpt.pieces([bound.function for bound in (self._bound, *first)]),
            _call(self.task, self._bound, inputs, key=repr(own), entry=entry),
            expected(self.task, entry=(key, index), rate=rate, inputs=inputs),
        )

    def _rate(self, key: str, index: tuple[int, ...], inputs: Mapping[str, Any]) -> float:
        """Return the learning rate with which the script computes the expected number of an update.

        It is the task's rate, or the rate that the function gets. If the task accepts other rates,
        it is the rate by which the recorded expected number was computed. ``key`` and ``index`` are
        the parameter and the entry that is shown, and ``inputs`` are those of the call by name.
        """
        stacked = {name: np.asarray(value)[None] for name, value in inputs.items()}
        rate = float(rate_of(self.task, key, stacked)[0])
        if self.task.rates.policy == "exact" or self._entry.get("expected") is None:
            return rate
        step = float(Derived(self.task).update(stacked)[key][0][index] - inputs[key][index])
        return rate * float(self._entry["expected"] - inputs[key][index]) / step

    def _forward_parts(self) -> Parts:
        """Return the parts of a script that calls the student's numpy forward pass, see `Parts`."""
        quantity = self._entry["parameter"]
        inputs = self._inputs(self._probes.forward)
        value = "returned" + "".join(f"[{step!r}]" for step in self._bound.returns[quantity])
        return (
            f"one call of `{self._bound.function}` {self._at()}",
            self._excerpt.pieces([self._bound.function]),
            _call(self.task, self._bound, inputs, value=value),
            expected(self.task, quantity, inputs=inputs),
        )

    def _model_parts(self) -> Parts:
        """Return the parts of a script that calls the student's module, see `Parts`."""
        name, inputs = self._bound.function, self._inputs(self._probes.forward)
        return (
            f"one example through `{name}` {self._at()}",
            self._excerpt.pieces([name]),
            text_of("module", inputs=inputs, model=name, training=None),
            expected(self.task, self._entry["parameter"]),
        )

    def _training_parts(self) -> Parts:
        """Return the parts of a script that trains the student's module, see `Parts`.

        For a wrong loss, it trains for enough epochs to print that loss, and prints all losses.
        """
        run, bound = self._run(), self._bound
        title, index = self._entry["parameter"], tuple(self._entry["index"])
        entry = None if title == "loss" else (title, index)
        epochs = run.epochs if entry else min(run.epochs, max(EPOCHS, index[0] + 1))
        before: list[str] = []
        called = loop = ""
        if "cell" in bound.training:
            code, before, loop = self._loop(epochs)
        else:
            code = self._excerpt.pieces([bound.training["model"], bound.function])
            # Other arguments have the name of their kind in the script.
            numbers = {"epochs": str(epochs), "rate": repr(run.rate)}
            arguments = _arguments(bound, [numbers.get(kind, kind) for kind in bound.arguments])
            called = f"{bound.function}({arguments})"
        call = text_of(
            "module",
            inputs={**run.parameters, "X": run.X, "y": run.y},
            **{"model": bound.training["model"], "training": bound.training, "epochs": epochs},
            **{"called": called, "before": before, "loop": loop},
            trained=_trained(entry) if entry else "",
        )
        rate, scale = self.task.rates.weight, mean_scale(self.task)
        computation = expected(self.task, "", entry, epochs, rate=rate, scale=scale)
        what = f"{bound.function} over {epochs} epochs from the start “{run.start}”"
        return what, code, call, computation

    def _loop(self, epochs: int) -> tuple[list[Piece], list[str], str]:
        """Return the code for a training loop at top level: definitions, statements, the loop.

        The loop stops after ``epochs`` rounds. It calls ``next_round`` in each round, and passes
        every loss to ``noted``.
        """
        training = self._bound.training
        statement = self._excerpt.statement(training["cell"], training["line"])
        through = training["through"] or None
        presets = {name for name in training["names"].values() if name}
        needed = self._excerpt.pieces(reads(statement.node), presets, statement)
        model = self._excerpt.pieces([training["model"]])
        code = [*model, *(piece for piece in needed if piece.definition and piece not in model)]
        code = [_recording(p) if getattr(p.node, "name", None) == through else p for p in code]
        before = [p.text for p in needed if not p.definition and p not in model]
        helpers = Piece(text_of("noting", epochs=epochs) + "\n", statement.node, definition=True)
        return [*code, helpers], before, _unparse(lifted(statement.node, epochs, through))

    def _run(self) -> Run:
        """Return the training run of the finding's initial weights."""
        start = self._entry["probe"]
        runs = [run for run in self._probes.runs if run.check == "trajectory"]
        return next(run for run in runs if run.start == start)

    def _inputs(self, batches: Sequence[Batch]) -> dict[str, Any]:
        """Return the inputs, by name, of the call in which the finding's number was recorded.

        ``batches`` have the calls of the check; the result record names the call by its label.

        Raises
        ------
        ReproducerError
            No batch has this call.
        """
        for batch in batches:
            if self._entry["probe"] in batch.labels:
                place = batch.labels.index(self._entry["probe"])
                return {name: value[place] for name, value in batch.inputs.items()}
        raise ReproducerError(
            f"The probe {self._entry['probe']!r} does not exist for seed {self._seed}: another "
            "version of gradkit made the result."
        )


def written(code: Sequence[Piece], imports: Sequence[str]) -> str:
    """Join pieces of code with the blank lines that they would have in a file.

    Pieces that repeat one of the ``imports`` are left out.
    """
    pieces = [piece for piece in code if piece.text not in imports]
    text = ""
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        wide = any(isinstance(p.node, DEFINED) for p in (piece, following) if p is not None)
        text += piece.text + ("\n\n\n" if wide else "\n")
    return text.rstrip("\n")


def source(value: Any) -> str:
    """Return a Python expression for a value, in which ``np`` and ``pd`` may be used.

    The type of a number in an array is not kept (``float32`` becomes ``float64``), and NaN and
    infinity are written as ``nan`` and ``inf``.
    """
    if isinstance(value, np.ndarray):
        empty = "" if value.size else f".reshape({value.shape!r})"
        kind = "matrix" if isinstance(value, np.matrix) else "array"
        return f"np.{kind}({value.tolist()!r}){empty}"
    if type(value).__module__.partition(".")[0] == "pandas":
        return f"pd.Series({value.tolist()!r}, index={[*value.index]!r})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {source(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        row = "".join(f"{source(item)}, " for item in value)
        return f"[{row}]" if isinstance(value, list) else f"({row})"
    return repr(value)


DEFINED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _bound(binding: Binding, task: Task, finding: Data) -> Bound:
    """Return the student's function that the finding is about.

    ``binding`` has the functions recognised in the submission, by their role in ``task``.
    ``finding`` is plain data.

    Raises
    ------
    ReproducerError
        There are no scripts for the finding's check.
    """
    roles = ROLES[task.framework.name]
    role = roles.get(finding["check"], "")
    if role not in binding.bound:
        raise ReproducerError(
            f"{finding['id']}: in {task.framework.name} there are scripts for findings about "
            f"{' and '.join(roles)}, and this one is about {finding['check']}."
        )
    return binding.bound[role]


def _entry(check: Data, finding: Data, bound: Bound, task: Task) -> Data:
    """Return the failed entry to show: one that the finding names, with a number if possible.

    ``check`` and ``finding`` are plain data of a result for ``task``. ``bound`` is the student's
    function, with the names by which the finding names entries.

    Raises
    ------
    ReproducerError
        No failed entry of the finding has a number.
    """
    names, outputs = names_of(bound), task.layers[-1].units

    def is_named(entry: Data) -> bool:
        label = format_entry(entry["parameter"], tuple(entry["index"]), names, outputs=outputs)
        return not finding["entries"] or label in finding["entries"]

    indexed = [e for e in check["entries"] if e["state"] == "fail" and e["index"]]
    failed = indexed if finding["check"] != "update" else [e for e in indexed if is_named(e)]
    failed.sort(key=lambda e: (e["found"] is None, e["parameter"] != "loss"))
    if not failed or (failed[0]["found"] is None and finding["check"] != "forward"):
        raise ReproducerError(
            f"{finding['id']}: there is no number to show. {check['message']}".rstrip()
        )
    return dict(failed[0])


def _recording(piece: Piece) -> Piece:
    """Return a function that makes a step of a loop, changed so that it records its losses."""
    return Piece(_unparse(recording(piece.node)), piece.node, definition=True)


def _unparse(module: ast.Module) -> str:
    """Return a changed loop as text, with readable names for the functions that it calls."""
    text = ast.unparse(module)
    return text.replace(BEGIN, "next_round").replace(LOSS, "noted")
