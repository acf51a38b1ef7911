"""Which functions play which roles, and what they did. No opinion on any of it.

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
"""The way to a value inside something returned: ``(1, "A1")`` is ``returned[1]["A1"]``."""

Layout = Literal["in_out", "out_in"]
Orientation = Literal["column", "row", "flat"]


class Convention(Struct, frozen=True):
    """How the student lays out what gradkit holds in canonical form.

    ``keys`` are the student's parameter names, by ours. ``weights`` says whether a weight
    matrix is (in, out) or (out, in); ``vectors`` whether X and A1 are columns, rows or
    flat, and ``biases`` the same of b; ``scalars`` whether one number is a numpy scalar or
    a (1, 1) array; ``inputs`` whether X is an array or a pandas Series; ``arrays`` whether
    parameters, and what a forward pass makes of them, are arrays or of the type ``np.matrix``.
    """

    keys: Mapping[str, str]
    weights: Layout = "in_out"
    vectors: Orientation = "column"
    biases: Orientation = "column"
    scalars: Literal["scalar", "matrix"] = "scalar"
    inputs: Literal["array", "series"] = "array"
    arrays: Literal["ndarray", "matrix"] = "ndarray"


class Bound(Struct, frozen=True):
    """A role that has been found.

    ``arguments`` are the quantities to hand over, in the order of the student's
    parameters, and ``names`` the student's own words for them. ``keywords`` are the
    parameter names to pass the last of them by; those before go by position. ``returns`` leads to
    each quantity in what is returned; it is empty for what changes its argument.
    ``training`` says what is run where there is no function but a bare training loop.
    ``before`` is what each call is preceded by, as in a training loop: where it reads what
    another role leaves behind.
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
    """The role that is called first, with the same inputs, and the names that it leaves behind."""

    bound: Bound
    names: tuple[str, ...]


class Missing(Struct, frozen=True):
    """A role that nothing in the submission plays; ``message`` says what was found instead."""

    role: str
    message: str
    place: Place | None = None


class WrittenRate(Struct, frozen=True):
    """A number that stands in a submission's text as a learning rate, and its place."""

    value: float
    place: Place


class Binding(Struct, frozen=True):
    """The roles of one task, found and missing, and the learning rates that the text states."""

    bound: Mapping[str, Bound]
    missing: tuple[Missing, ...]
    rates: tuple[WrittenRate, ...] = ()


Loop = Literal["", "student", "gradkit", "replaced"]
FaultKind = Literal["missing", "shape", "dtype", "type", "subclass", "mutated"]

UNREADABLE = frozenset({"missing", "shape", "dtype", "type"})
"""Faults in whose place there is no number."""

RETURNED_NONE = "nothing is returned"
"""What a fault found where a function returned None, see `gradkit.runtime.messages.MESSAGES`."""

FORBIDDEN_IMPORT = "ForbiddenImportError"
"""The type of a failure over a package that the task does not allow."""

MISSING_IMPORT = ("MissingImportError", "ModuleNotFoundError", "ImportError")
"""The types of a failure over what is imported and not here: of a name of it, or of the import."""

SPARED = "spared/"
"""Begins the names of outcomes of what a function that stops does without what stops it."""

REPEATS = "repeats"
"""The outcome whose ``times`` tell how often an update calls one function, for like results."""

SIMILAR = "similar"
"""The array with the number of calls of one function, during some lines, for similar results."""


class Failure(Struct, frozen=True):
    """An exception that student code raised. ``call`` counts from 0 within the batch.

    ``before`` says that it was raised by what is called first, see `gradkit.records.observations`.
    """

    call: int
    type: str
    message: str
    place: Place | None
    function: str
    before: bool = False


class Fault(Struct, frozen=True):
    """A value that came back in a form that cannot be compared, or an input that was changed.

    ``missing``: there was none; ``shape``, ``dtype``, ``type``: ``found`` says which;
    ``subclass``: an ndarray subclass, read as a plain array; ``mutated``: an input that
    should have been left alone.
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
    """What one batch or run gave.

    ``outputs`` have a leading axis over the calls (or epochs) that were completed; rows
    named by a fault hold NaN. ``loop`` says whose training loop ran; with
    ``replaced`` it was gradkit's, and gradkit's forward pass too.
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
