"""What is right and what is not, per check and per entry. It does not say why."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from gradkit.records.submission import Place

State = Literal[
    "pass", "fail", "inconclusive", "error", "timeout", "blocked", "missing", "not-checked"
]


OPEN: tuple[State, ...] = ("inconclusive", "not-checked")
"""States that are neither right nor wrong: their points are left out."""


LEFT_ALONE = " left alone"
"""After an input, the parameter of an entry that it was not changed in place."""


class Entry(Struct, frozen=True):
    """One compared number (or the worst of several probes of it).

    ``parameter`` and ``index`` say which; ``probe`` which call or start it is taken from.
    ``found`` and ``expected`` are None where there is no number to show. ``label`` is how
    the student would write the entry; empty where that is ``parameter`` with its index.
    """

    parameter: str
    index: tuple[int, ...]
    state: State
    found: float | None
    expected: float | None
    probe: str = ""
    label: str = ""


class Course(Struct, frozen=True):
    """The loss of a training run from one start, epoch by epoch.

    ``epochs`` count from 1; long runs are thinned. ``found`` is empty where the run gave no
    losses that can be compared.
    """

    start: str
    epochs: tuple[int, ...]
    found: tuple[float, ...]
    expected: tuple[float, ...]


class Verdict(Struct, frozen=True):
    """The state of a check, its entries, and a sentence for the student.

    ``place`` is where to look. ``notes`` are remarks that change nothing. ``courses`` are the
    losses of training runs. ``still`` says that steps were asked for and none was made: nothing
    that is found out about them can lighten that.
    """

    check: str
    state: State
    message: str
    entries: tuple[Entry, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    courses: tuple[Course, ...] = ()
    still: bool = False
