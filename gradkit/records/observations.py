"""What the student's code did: arrays, exceptions, printed text. No opinion on any of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from numpy.typing import NDArray

from gradkit.records.submission import Place

Loop = Literal["", "student", "gradkit", "replaced"]
FaultKind = Literal["missing", "shape", "dtype", "type", "subclass", "mutated"]


FORBIDDEN_IMPORT = "ForbiddenImportError"
"""The type of a failure over a package that the task does not allow."""

MISSING_IMPORT = ("MissingImportError", "ModuleNotFoundError", "ImportError")
"""The types of a failure over what is imported and not here: of a name of it, or of the import."""

SPARED = "spared/"
"""Begins the names of outcomes of what a function that stops does without what stops it."""

REPEATS = "repeats"
"""The outcome whose ``times`` tell how often an update calls one function, for like results."""


class Failure(Struct, frozen=True):
    """An exception that student code raised. ``call`` counts from 0 within the batch.

    ``before`` says that it was raised by what is called first, see `gradkit.records.binding`.
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
    printed: str = ""
    loop: Loop = ""
    seconds: float = 0.0


class Observations(Struct, frozen=True):
    """The outcomes of one task by the name of the batch or run."""

    task: str
    outcomes: Mapping[str, Outcome]
