"""Records of a student's submission as source text that has not been run.

A `Submission` is flat: cells in the order of the files. A later stage divides the cells among the
tasks of the assignment, into `Section` records.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


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
    never a role of this task. ``generated`` are functions that call the methods of a class, see
    `gradkit.submission.methods`: they are run with the section's own cells, and are no text of the
    student.
    """

    tasks: tuple[str, ...]
    own: tuple[Cell, ...]
    shared: tuple[Cell, ...] = ()
    borrowed: tuple[Cell, ...] = ()
    title: str = ""
    generated: tuple[Cell, ...] = ()

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
