"""What a student handed in, as source text that nobody has run.

A `Submission` is flat: cells in the order of the files. Which cells belong to which
task is decided later, against the assignment, and gives `Section` records.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Place(Struct, frozen=True, omit_defaults=True):
    """A line of the student's own file. ``cell`` counts code cells from 1.

    ``title`` is what a cell is called where its number alone does not say which it is: in a
    running notebook, and where a submission has several files. ``column`` counts from 1; it is 0
    except in reports that show it.
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
        """Return where a line of the source stands in the student's own file."""
        return Place(self.file, self.cell, self.first_line + line - 1, self.title)

    def line_of(self, place: Place | None) -> int:
        """Return the line of the source that a place is, from 1; 0 for one that is elsewhere."""
        if place is None or (place.file, place.cell) != (self.file, self.cell):
            return 0
        return place.line - self.first_line + 1


class Listing(Struct, frozen=True):
    """Lines of the student's own file, whole, from ``first_line`` on."""

    file: str
    cell: int | None
    first_line: int
    source: str


class Problem(Struct, frozen=True):
    """Something in the files that could not be used, said so that the student can mend it.

    ``passing``: only this machine could not read it, now. ``broken``: it is no Python.
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
    """The bytes of one submission, read under limits and not yet parsed: it can be sent on.

    ``digest`` is the SHA-256 (hex) of a file that was named itself; otherwise that of the
    code files with their paths, so that a folder and its archive have the same.
    """

    name: str
    path: str
    files: tuple[File, ...]
    problems: tuple[Problem, ...]
    digest: str


class Submission(Struct, frozen=True):
    """Everything that was read from one path.

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
    """The cells that speak for one task.

    ``tasks`` are the ids that headings and file names leave possible: one when they
    decide, several when only behaviour can tell. ``own`` are the section's cells; names
    they lack are looked up in ``shared``, cells that stand outside every task's section.
    ``borrowed`` are cells of other sections: only helpers and shared roles may come from
    there, never a role of this task.
    """

    tasks: tuple[str, ...]
    own: tuple[Cell, ...]
    shared: tuple[Cell, ...] = ()
    borrowed: tuple[Cell, ...] = ()
    title: str = ""

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All of them: what the section says itself comes last, and goes before the rest."""
        return (*self.borrowed, *self.shared, *self.own)


class Claim(Struct, frozen=True):
    """The one section that speaks for a task.

    ``note`` says in a sentence what counts, and why, where other files play the same roles.
    ``differs``: what was passed over is other code than what counts.
    """

    section: Section
    note: str = ""
    differs: bool = False
