"""Records of a student's submission: its source text, and what running it showed.

A `Submission` is flat: cells in the order of the files. A later stage divides the cells among the
tasks of the assignment, into `Section` records. A `Binding` has the functions that were found for
the roles of a task, and `Observations` have what these functions returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field

if TYPE_CHECKING:
    # The command line reads these records, and starts the workshop before it loads numpy.
    from numpy.typing import NDArray


class Place(Struct, frozen=True, omit_defaults=True):
    """A line of the student's own file. ``cell`` counts code cells from 1.

    ``title`` is the name of a cell if its number is not enough: in a running notebook, and if a
    submission has several files. ``column`` counts from 1; it is 0 except in reports that show it.
    """

    file: str
    cell: int | None
    line: int
    title: str = ""
    column: int = 0


class Cell(Struct, frozen=True):
    """A piece of source: a notebook's code cell, or a whole ``.py`` file (``cell`` is None).

    ``source`` keeps the line count of the original, with magics and shell lines blanked,
    so that line ``n`` of ``source`` is line ``first_line + n - 1`` of what the user sees.
    ``headings`` is the path of headings above the cell, outermost first. ``id`` is unique
    in the submission and serves as the file name when the cell is compiled.

    Three fields describe the text in the student's file, for changes that are written as diffs:
    ``newline`` ends its lines. ``has_last_newline`` is false if the file, or the notebook's cell,
    ends with this cell and without a newline. ``is_whole`` is true if ``source`` is the whole text
    of the file or of the notebook's cell, with no line changed or blanked when it was read.
    """

    id: str
    file: str
    cell: int | None
    source: str
    headings: tuple[str, ...] = ()
    first_line: int = 1
    title: str = ""
    newline: str = "\n"
    has_last_newline: bool = True
    is_whole: bool = False

    def place(self, line: int) -> Place:
        """Return the place, in the student's own file, of a line of the source."""
        return Place(self.file, self.cell, self.first_line + line - 1, self.title)

    def line_of(self, place: Place | None) -> int:
        """Return the line of the source at a place, from 1; 0 if the place is not in this cell."""
        if place is None or (place.file, place.cell) != (self.file, self.cell):
            return 0
        return place.line - self.first_line + 1


class Listing(Struct, frozen=True):
    """Unchanged lines of the student's own file, from ``first_line`` on."""

    file: str
    cell: int | None
    first_line: int
    source: str


class Problem(Struct, frozen=True):
    """A part of the files that could not be used, with a message that helps to repair it.

    ``passing``: this machine could not read it now, but may be able to later. ``broken``: it is
    not valid Python.
    """

    message: str
    place: Place | None = None
    passing: bool = False
    broken: bool = False


class File(Struct, frozen=True):
    """A code file: its path inside the submission, with slashes, and its contents."""

    name: str
    data: bytes


class RawSubmission(Struct, frozen=True):
    """The bytes of one submission, read within limits of size and not parsed.

    ``digest`` is the SHA-256 (hex) of a single file that was given. For a folder or an archive it
    is that of the code files with their paths, so that a folder and its archive have the same.
    """

    name: str
    path: str
    files: tuple[File, ...]
    problems: tuple[Problem, ...]
    digest: str


class Submission(Struct, frozen=True):
    """The parsed cells of one path.

    ``digest`` is the SHA-256 of the contents (hex). ``modules`` are the sources of plain
    Python files that other files may import, by module name.
    """

    name: str
    path: str
    digest: str
    cells: tuple[Cell, ...]
    modules: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


class Section(Struct, frozen=True):
    """The cells that are graded for one task.

    ``tasks`` are the ids that headings and file names leave possible: one id if they decide,
    several if only running the code can decide. ``own`` are the section's cells. Names that they
    do not define are looked up in ``shared``, cells outside the sections of all tasks.
    ``borrowed`` are cells of other sections: only helpers and shared roles may come from them,
    never a role of this task.
    """

    tasks: tuple[str, ...]
    own: tuple[Cell, ...]
    shared: tuple[Cell, ...] = ()
    borrowed: tuple[Cell, ...] = ()
    title: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Return all cells; the section's own come last, since the last definition counts."""
        return (*self.borrowed, *self.shared, *self.own)


class Claim(Struct, frozen=True):
    """The one section that is graded for a task.

    ``note`` is a sentence on which file counts, and why, if other files play the same roles.
    ``differs``: the code of those other files is different.
    """

    section: Section
    note: str = ""
    differs: bool = False


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
