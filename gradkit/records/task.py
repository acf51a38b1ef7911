"""Records of an assignment: tasks of nets and of functions, their checks, probes and mistakes.

They are read from a file. Parameters have one canonical form throughout gradkit: ``W1`` has shape
(in, out), ``b1`` has shape (out, 1), a layer computes ``activation(W.T @ A + b)`` on columns.
Students may use any layout; the worker converts arguments and results. Probes contain inputs only,
no right results.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct, field
from numpy.typing import NDArray

About = Literal["forward", "update", "model", "train", "function"]
PriceList = Literal["default", "strict", "lenient"]
Preset = Literal["default", "strict", "lenient", "numbers"]

PRICE_LISTS: Mapping[Preset, PriceList | None] = {
    "default": "default",
    "strict": "strict",
    "lenient": "lenient",
    "numbers": None,
}
"""For each preset the prices of the catalogue that it takes. None means that findings cost nothing:
each check earns the share of its outputs that are right.
"""

NUMBERS: Preset = "numbers"
"""The preset whose total is stored beside that of every result."""


class Mistake(Struct, frozen=True):
    """One entry of the catalogue: a kind of mistake with its texts and its price.

    ``topic`` is the file of the catalogue that holds the entry. ``sentence`` and ``hints`` (from
    level 1 on) have fields such as ``{entries}`` for the student's own names. ``about`` are the
    roles that the mistake can be made in. A piece of code contains at most one mistake of a
    ``group``; mistakes of different groups combine. ``deduction`` is the price by preset: the share
    of its points that each failed check loses. It is empty if the price depends on what the check
    shows. ``wrong`` and ``right`` are an example, and ``page`` is the Markdown page that shows it.
    ``kinds`` are the kinds of changes that may repair a mistake of a numpy net. ``aliases`` are
    former codes of the entry.
    """

    code: str
    topic: str
    title: str
    sentence: str
    hints: tuple[str, ...]
    about: tuple[About, ...]
    group: str
    deduction: Mapping[Preset, float]
    wrong: str
    right: str
    page: str
    kinds: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class Mutant(Struct, frozen=True):
    """One change of a model solution: the line, its text, and ``was -> is``."""

    line: int
    source: str
    change: str


class TaskAudit(Struct, frozen=True):
    """The audit of one task: changes of its model solution, and whether a check detects them.

    ``problems`` are differences between assignment and model solution, a sentence each. ``tried``
    is the number of tried changes of the model solution, and ``unseen`` are the changes that no
    check detects. ``equivalent`` counts the changes that the assignment declares to be no mistake,
    and ``stale`` are such declarations that are wrong. ``untried`` says why no changes were tried.
    With ``has_headings``, the file has a heading ``[[tasks.equivalent]]`` for each declaration.
    """

    task: str
    title: str
    solution: str
    problems: tuple[str, ...] = ()
    tried: int = 0
    unseen: tuple[Mutant, ...] = ()
    equivalent: int = 0
    stale: tuple[str, ...] = ()
    untried: str = ""
    has_headings: bool = False


class Audit(Struct, frozen=True):
    """The audits of all tasks of an assignment; ``clean`` if there are no problems."""

    assignment: str
    tasks: tuple[TaskAudit, ...]
    clean: bool


Positive = Annotated[float, Meta(gt=0, le=1e12)]
Count = Annotated[int, Meta(ge=1)]


class Check(Struct, frozen=True):
    """One line of the mark sheet: the name of a check and its points.

    ``tolerance`` is a relative error that is accepted, beyond the error by rounding.
    """

    name: str
    points: float
    tolerance: float = 0.0


class Imports(Struct, frozen=True):
    """The packages that a task's code may use, by their names in ``import``, without dots.

    ``allowed`` are the only packages allowed, beside the task's own framework; empty means all.
    ``forbidden`` packages must not be imported by any code of the submission.
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

    ``reads`` are names that the lines use and earlier lines or inputs define, ``makes`` names that
    they assign, ``changes`` names of objects whose attributes they set or whose methods they call.
    ``calls`` are the functions and methods that they call, in order. ``attributes`` are those that
    a class must have for these lines and for the outputs of their check, as ``Linear.W``.
    """

    text: str
    reads: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    attributes: tuple[str, ...] = ()


class FunctionCheck(Check, frozen=True):
    """A check of a function task.

    ``call`` are its lines; ``others`` are alternative lines, for functions that have to be called
    in another way. ``compare`` are expressions over the names of the lines, whose values are
    compared with those of the model solution. ``gradient`` maps an output to the input that it is
    the gradient by, and ``of`` is the scalar that is differentiated, an expression of outputs and
    inputs. ``untouched`` are inputs that must not be changed. ``conventions`` are other conventions
    that are accepted, for example because courses divide a loss by different numbers: each maps
    outputs to a factor of the model solution's output, or inputs to another input of the model
    solution. All outputs have to follow one convention.
    """

    call: Lines = Lines("")
    compare: tuple[str, ...] = ()
    gradient: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    untouched: tuple[str, ...] = ()
    others: tuple[Lines, ...] = ()
    conventions: tuple[Mapping[str, str], ...] = ()


class Equivalent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change of the model solution that is not a mistake, and the reason.

    ``line`` is the text of the line, ``change`` is ``was -> is``; empty, it means any change.
    """

    line: str
    change: str = ""
    why: Annotated[str, Meta(min_length=1)]


class Framework(Struct, frozen=True, kw_only=True):
    """A framework, and the parts of a task that students write in it.

    ``forward`` is the role that returns outputs, ``step`` the role that changes parameters. If
    ``trains`` is true, the student's code does a whole training run over all rows; otherwise
    gradkit's own loop calls single steps. ``modules`` have to be installed beside numpy.
    ``published``: its tasks have a published form that differs from the correct form.
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
    """A task of functions: checks with lines that call them, their inputs, and a model solution.

    ``sizes`` are choices for each size, or an expression of other sizes; ``inputs`` are
    expressions, or tables of them, see `gradkit.task.draws`; each of ``hard`` replaces some sizes
    or inputs. ``given`` are the sources of modules that the course gives to students. ``names`` are
    other accepted names of functions, by the name in the lines. ``calls`` are all calls of the
    checks. ``shared`` are functions that other tasks have too, so that they do not identify this
    one.
    ``solution`` is the file of the model solution in the reference folder, ``equivalent`` are
    changes of it that are not mistakes. ``path`` is the assignment file.
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
    shared: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    framework: Framework = NUMPY
    equivalent: tuple[Equivalent, ...] = ()


class Draw(Struct, frozen=True):
    """The inputs of one probe. ``label`` names it in reports; ``hard`` is true for a hard case."""

    label: str
    sizes: Mapping[str, int]
    values: Values
    hard: bool = False


class Made(Struct, frozen=True):
    """The outputs of a check's lines: values by expression.

    ``again`` are the values after the last lines were run a second time, ``changed`` the inputs
    that they changed in place. ``missing`` says, by expression, what was found instead of an
    array. ``similar_calls`` counts the calls of one function, during the second run of the last
    lines, whose results hardly differ.
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
    check with gradients to the inputs on which the differentiated scalar depends. ``handed_on``
    maps the name of a check to the values that it reads and that earlier lines make, such as
    caches.
    """

    draw: Draw
    made: Mapping[str, tuple[Made, ...]]
    differentiated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handed_on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


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
"""The quantity that is passed for an argument of each kind."""


class Argument(Struct, frozen=True, forbid_unknown_fields=True):
    """One argument of a role, with all accepted names. ``kind`` is a key of `QUANTITIES`."""

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    required: bool = True


class Role(Struct, frozen=True):
    """A function or class that a submission has to define.

    A ``shared`` role is the same in all tasks, so that several sections may use one definition.
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
    """Learning rates. With ``policy`` ``free``, any rate of weights and any of biases is right."""

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
    input out: its width is ``X.shape[1]``. ``words`` are words by which a heading or a file name
    refers to this task (besides the framework). ``deadline`` is the wall time in seconds for
    all calls of the student's code in this task. ``files`` are the names of the files that the
    task asks for; they take precedence if there are several. ``equivalent`` are changes of the
    model solution that are not mistakes.
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
        """Return the name of the model solution's file in the reference folder."""
        return f"{self.id.replace('-', '_')}.py"


class Assignment(Struct, frozen=True):
    """The tasks of one assignment file: nets, and functions.

    Totals are rounded to multiples of ``step``. ``preset`` names the catalogue's deductions to
    use, and ``deductions`` are the file's own, shares by mistake, which override them.
    ``visibility`` says, by check, when students may see its findings; a check that is not in it is
    visible. ``gradkit`` is the version to grade with, empty for any version. ``required`` are the
    ids of the tasks that count even if they were not submitted; if it is empty, the submitted
    tasks count.
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

    In numpy, forward and update are called in turn for the rows of ``X`` (examples, features) and
    ``y`` (examples, outputs); in torch, train is called once with all rows. ``rate`` is the rate
    that is passed; None if the update takes none and uses the task's rates.
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
    """All calls and training runs that one task makes with one submission."""

    forward: tuple[Batch, ...]
    update: tuple[Batch, ...]
    runs: tuple[Run, ...]
