"""Records of the functions that play the roles of a task, and of their results, without judgement.

Quantities have one name everywhere: ``X``, ``y``, ``y_hat``, ``A1``, ``rate``, ``dim``, and
the parameters ``W1``, ``b1``, ``W2``, ``b2``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from numpy.typing import NDArray

from gradkit.records.submission import Place

Path = tuple[int | str, ...]
"""Path to a value inside a returned object: ``(1, "A1")`` is ``returned[1]["A1"]``."""

Layout = Literal["in_out", "out_in"]
Orientation = Literal["column", "row", "flat"]


class Convention(Struct, frozen=True):
    """The names and array layouts that a student uses.

    ``keys`` are the student's parameter names, by gradkit's names. ``weights`` says whether a
    weight matrix is (in, out) or (out, in), ``vectors`` whether X and A1 are columns, rows or
    flat, and ``biases`` the same for b. ``scalars`` says whether a single number is a numpy scalar
    or a (1, 1) array, ``inputs`` whether X is an array or a pandas Series, and ``arrays`` whether
    parameters, and the results of a forward pass, are arrays or of the type ``np.matrix``.
    """

    keys: Mapping[str, str]
    weights: Layout = "in_out"
    vectors: Orientation = "column"
    biases: Orientation = "column"
    scalars: Literal["scalar", "matrix"] = "scalar"
    inputs: Literal["array", "series"] = "array"
    arrays: Literal["ndarray", "matrix"] = "ndarray"


class Bound(Struct, frozen=True):
    """A function that was found for a role, and the way to call it.

    ``arguments`` are the quantities to pass, in the order of the student's parameters, and
    ``names`` the student's own names for them. ``keywords`` are the parameter names for the last
    of them, which are passed by name; those before go by position. ``returns`` has the path to
    each quantity in the returned value; it is empty if the function changes its argument.
    ``training`` describes the model and the loop of a torch task. ``before`` is the role that is
    called before each call, if the function reads globals that it sets.
    """

    role: str
    function: str
    place: Place
    arguments: tuple[str, ...]
    names: Mapping[str, str]
    convention: Convention
    returns: Mapping[str, Path]
    return_place: Place
    keywords: tuple[str, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    before: Before | None = None


class Before(Struct, frozen=True):
    """A role that is called first, with the same inputs, and the globals that it sets."""

    bound: Bound
    names: tuple[str, ...]


class Missing(Struct, frozen=True):
    """A role without a function in the submission; ``message`` says what was found instead."""

    role: str
    message: str
    place: Place | None = None


class WrittenRate(Struct, frozen=True):
    """A number that a submission's text uses as a learning rate, and its place."""

    value: float
    place: Place


class Binding(Struct, frozen=True):
    """The found and the missing roles of one task, and the learning rates in the text."""

    bound: Mapping[str, Bound]
    missing: tuple[Missing, ...]
    rates: tuple[WrittenRate, ...] = ()


Loop = Literal["", "student", "gradkit", "replaced"]
FaultKind = Literal["missing", "shape", "dtype", "type", "subclass", "mutated"]

UNREADABLE = frozenset({"missing", "shape", "dtype", "type"})
"""Kinds of faults for which there is no number to compare."""

RETURNED_NONE = "nothing is returned"
"""The ``found`` of a fault if a function returned None, see `gradkit.runtime.messages.MESSAGES`."""

FORBIDDEN_IMPORT = "ForbiddenImportError"
"""The type of a failure by the import of a package that the task does not allow."""

MISSING_IMPORT = ("MissingImportError", "ModuleNotFoundError", "ImportError")
"""The types of a failure by the import of a module, or of a name from it, that does not exist."""

SPARED = "spared/"
"""Prefix of the names of outcomes of a crashing function that is run without the crashing line."""

REPEATS = "repeats"
"""The outcome whose ``times`` count the calls of one function, by an update, with like results."""

SIMILAR = "similar"
"""The array with the number of calls of one function, by some lines, with similar results."""


class Failure(Struct, frozen=True):
    """An exception that student code raised. ``call`` counts from 0 within the batch.

    ``before`` says that it was raised by the role that is called first, see `Before`.
    """

    call: int
    type: str
    message: str
    place: Place | None
    function: str
    before: bool = False


class Fault(Struct, frozen=True):
    """A returned value that cannot be compared, or an input that was changed.

    The kinds are ``missing`` (no value), ``shape``, ``dtype`` and ``type`` (``found`` says which
    was found), ``subclass`` (an ndarray subclass, read as a plain array) and ``mutated`` (an input
    that must not be changed).
    """

    call: int
    quantity: str
    kind: FaultKind
    found: str


class Lost(Struct, frozen=True):
    """A process that ended before it answered."""

    kind: Literal["timeout", "crash", "exit", "protocol", "memory"]
    detail: str


class Outcome(Struct, frozen=True):
    """The outputs of one batch or run, or its failure.

    ``outputs`` have a leading axis over the completed calls (or epochs); rows named by a fault
    hold NaN. ``loop`` says whether the student's or gradkit's training loop ran; with
    ``replaced``, gradkit's loop ran with gradkit's forward pass.
    """

    name: str
    outputs: Mapping[str, NDArray[Any]]
    faults: tuple[Fault, ...] = ()
    failure: Failure | None = None
    lost: Lost | None = None
    loop: Loop = ""


class Observations(Struct, frozen=True):
    """The outcomes of one task by the name of the batch or run."""

    task: str
    outcomes: Mapping[str, Outcome]
