"""What an assignment asks for: tasks of nets and of functions, their checks, and the questions put.

Values, read from a file. Parameters have one canonical form throughout gradkit: ``W1`` has shape
(in, out), ``b1`` has shape (out, 1), a layer computes ``activation(W.T @ A + b)`` on columns.
Students may use any layout; the worker translates at its edge. Probes are inputs alone, no answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

from gradkit.records.mistake import Preset

Positive = Annotated[float, Meta(gt=0, le=1e12)]
Count = Annotated[int, Meta(ge=1)]


class Check(Struct, frozen=True):
    """One line of the mark sheet: what is looked at and what it is worth.

    ``tolerance`` is a relative error that is let pass, beyond what arithmetic asks for.
    """

    name: str
    points: float
    tolerance: float = 0.0


class Imports(Struct, frozen=True):
    """Which packages a task's code may use, by the names that ``import`` takes, without dots.

    ``allowed`` are all there are, beside the task's own framework; empty means any. What is
    ``forbidden`` is so wherever it comes from.
    """

    allowed: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


Values = Mapping[str, Any]
"""Inputs by name: arrays, numbers, words, or dicts, lists and tuples of these."""


class Call(Struct, frozen=True):
    """A call in the lines of a check: ``affine_forward``, or ``Linear.forward`` of a class."""

    function: str
    positional: int
    keywords: tuple[str, ...] = ()


class Lines(Struct, frozen=True):
    """Lines of a check as they were read.

    ``reads`` are names that the lines take from elsewhere, ``makes`` those that they assign,
    ``changes`` those of objects whose attributes they set or whose methods they call. ``calls`` are
    the functions and methods that they call, in order.
    """

    text: str
    reads: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()


class FunctionCheck(Check, frozen=True):
    """A check of a function task.

    ``call`` are its lines; ``others`` are lines that stand for them where the student's functions
    are made to be called so. ``compare`` are expressions over the names of the lines, whose values
    are held to the model solution's. ``gradient`` says of which input an output is the gradient,
    and ``of`` what scalar is differentiated, written in outputs and inputs. ``untouched`` are
    inputs that must be left alone. Each of ``conventions`` says by output how many times the model
    solution's is right as well, or by input what the model is given in its place, as courses
    differ in what they divide by: all outputs follow one.
    """

    call: Lines = Lines("")
    compare: tuple[str, ...] = ()
    gradient: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    untouched: tuple[str, ...] = ()
    others: tuple[Lines, ...] = ()
    conventions: tuple[Mapping[str, str], ...] = ()


class Equivalent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of the model solution that is no mistake, and why.

    ``line`` is the text of the line, ``change`` is ``was -> is``; empty, it is any in that line.
    """

    line: str
    change: str = ""
    why: Annotated[str, Meta(min_length=1)]


class Framework(Struct, frozen=True, kw_only=True):
    """What students write in, and what they write themselves.

    ``forward`` is the role that gives outputs, ``step`` the one that changes parameters. Where the
    student's text ``trains``, that is a whole run over all rows; else gradkit's own loop asks for
    one step after the other. ``modules`` have to be installed beside numpy. ``published``: its
    tasks have a form that was published, and is another than the correct one.
    """

    name: str
    title: str
    forward: str
    step: str
    trains: bool
    published: bool
    modules: tuple[str, ...] = ()


NUMPY = Framework(
    name="numpy", title="NumPy", forward="forward", step="update", trains=False, published=True
)
TORCH = Framework(
    name="torch",
    title="PyTorch",
    forward="model",
    step="train",
    trains=True,
    published=False,
    modules=("torch",),
)
FRAMEWORKS = {each.name: each for each in (NUMPY, TORCH)}


class FunctionTask(Struct, frozen=True):
    """Functions, a model solution, and lines that call them.

    ``sizes`` are choices for each size, or an expression of other sizes; ``inputs`` are
    expressions, or tables of them, see `gradkit.task.draws`; each of ``hard`` replaces some of
    either. ``given`` are the sources of modules that the course hands out. ``names`` are further
    names of functions, by the name in the lines. ``calls`` are all that the checks call, and
    ``attributes`` those of objects that they read or set, as ``Linear.W``. ``shared`` are functions
    that others than this exercise have too: they claim nothing.
    ``solution`` is the file of the model solution in the reference folder, ``equivalent`` what may
    be changed in it without being a mistake. ``path`` is the assignment file.
    """

    id: str
    title: str
    checks: tuple[FunctionCheck, ...]
    sizes: Mapping[str, tuple[int, ...] | str]
    inputs: Values
    hard: tuple[Values, ...]
    given: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    calls: tuple[Call, ...]
    solution: str
    deadline: float
    imports: Imports
    path: str
    attributes: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    framework: Framework = NUMPY
    equivalent: tuple[Equivalent, ...] = ()


class Draw(Struct, frozen=True):
    """Inputs of one probe. ``label`` names it for the reader; ``hard`` is set in a hard one."""

    label: str
    sizes: Mapping[str, int]
    values: Values
    hard: bool = False


class Made(Struct, frozen=True):
    """What the lines of a check gave: values by expression.

    ``again`` are those of the last lines run a second time, ``changed`` the inputs that they
    changed in place. ``missing`` says, by expression, what was found where there is no array.
    ``similar_calls`` counts the calls of one function, during the second run of the last lines,
    whose results hardly differ.
    """

    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    again: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    similar_calls: int = 0


class Example(Struct, frozen=True, eq=False):
    """Recorded outputs of the model solution at one probe, for use without the model solution.

    ``made`` maps the name of each check to one result for each convention of the check; the first
    one is the convention of the model solution itself. ``differentiated`` maps the name of each
    check with gradients to the inputs on which the differentiated scalar depends.
    """

    draw: Draw
    made: Mapping[str, tuple[Made, ...]]
    differentiated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


Array = NDArray[np.float64]
Parameters = Mapping[str, Array]
Form = Literal["correct", "published"]
RatePolicy = Literal["exact", "free"]
Visibility = Literal["hidden", "after_due_date", "after_published", "visible"]


QUANTITIES = {
    "dimensions": "dim",
    "parameters": "parameters",
    "target": "y",
    "output": "y_hat",
    "hidden": "A1",
    "input": "X",
    "rate": "rate",
    "model": "model",
    "epochs": "epochs",
}
"""The quantity that an argument of each kind is handed: a dict of parameters, a list of sizes."""


class Argument(Struct, frozen=True, forbid_unknown_fields=True):
    """One argument of a role, with every name it is accepted under; ``kind`` is of `QUANTITIES`."""

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    required: bool = True


class Role(Struct, frozen=True):
    """A function or class that a submission is asked for.

    ``shared`` roles mean the same in every task of a file, so that one definition
    may serve several sections.
    """

    name: str
    aliases: tuple[str, ...]
    signature: str
    returns: str
    arguments: tuple[Argument, ...]
    required: bool = True
    shared: bool = False


class Layer(Struct, frozen=True, forbid_unknown_fields=True):
    """A dense layer: its number of units and the name of its activation."""

    units: Count
    activation: str


class Rates(Struct, frozen=True, forbid_unknown_fields=True):
    """Learning rates. ``policy`` is ``exact``, or ``free``: any one rate per kind."""

    weight: Positive
    bias: Positive
    policy: RatePolicy = "exact"


class Start(Struct, frozen=True):
    """Named initial parameters of a training run, in canonical form."""

    name: str
    parameters: Parameters


class Task(Struct, frozen=True):
    """One exercise in one framework.

    ``X`` has shape (examples, features), ``y`` (examples, outputs). ``layers`` leaves the
    input out: its width is ``X.shape[1]``. ``words`` are what a heading or a file name
    says when it means this task (besides the framework). ``deadline`` is in seconds of
    wall time for everything the student's code does for this task. ``files`` are the names of
    those that speak for it, where there are several. ``equivalent`` is what may be changed in the
    model solution without being a mistake.
    """

    id: str
    title: str
    framework: Framework
    words: tuple[str, ...]
    columns: tuple[str, ...]
    X: Array
    y: Array
    layers: tuple[Layer, ...]
    loss: str
    rates: Rates
    epochs: int
    starts: tuple[Start, ...]
    roles: tuple[Role, ...]
    checks: tuple[Check, ...]
    deadline: float
    files: tuple[str, ...] = ()
    imports: Imports = Imports()
    equivalent: tuple[Equivalent, ...] = ()

    @property
    def solution(self) -> str:
        """The file of the model solution in the reference folder."""
        return f"{self.id.replace('-', '_')}.py"


class Assignment(Struct, frozen=True):
    """A set of tasks as read from one file: nets, and functions.

    ``step`` is what a total is rounded to. ``preset`` says which of the catalogue's
    deductions count, and ``deductions`` are the file's own, shares by mistake, which go
    before those. ``visibility`` says, by check, when students may see what it found; a check
    that is not in it is visible. ``gradkit`` is the version that it is to be graded with,
    empty where that is left open. ``required`` are the ids of the tasks that count, handed in or
    not; empty where those count that were handed in.
    """

    id: str
    title: str
    tasks: tuple[Task, ...]
    step: float
    hints: int
    path: str
    digest: str
    preset: Preset = "default"
    deductions: Mapping[str, float] = field(default_factory=dict)
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    gradkit: str = ""
    functions: tuple[FunctionTask, ...] = ()
    required: tuple[str, ...] = ()


class Batch(Struct, frozen=True):
    """Independent calls of one role.

    ``inputs`` maps quantities to arrays with a leading axis of ``len(labels)`` calls;
    ``labels`` name the calls for the reader ("random 3", "row 1").
    """

    name: str
    check: str
    role: str
    inputs: Mapping[str, NDArray[Any]]
    labels: tuple[str, ...]


class Run(Struct, frozen=True):
    """A training run from a named start.

    In numpy, forward and update in turn over the rows of ``X`` (examples, features) and
    ``y`` (examples, outputs); in torch, one call of train on all rows. ``rate`` is handed
    over; None where the update takes none and has the task's rates of its own.
    """

    name: str
    check: str
    start: str
    parameters: Parameters
    X: NDArray[Any]
    y: NDArray[Any]
    epochs: int
    rate: float | None


class Probes(Struct, frozen=True):
    """Every call that one task makes of one submission."""

    forward: tuple[Batch, ...]
    update: tuple[Batch, ...]
    runs: tuple[Run, ...]
