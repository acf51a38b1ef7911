"""A course: who hands in by which platform, who is in it, what its policy is, what goes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Source = Literal["canvas", "moodle", "gradescope", "github", "plain"]

PLATFORMS: Mapping[Source, str] = {
    "canvas": "Canvas",
    "moodle": "Moodle",
    "gradescope": "Gradescope",
    "github": "GitHub Classroom",
    "plain": "file names alone",
}


class Sender(Struct, frozen=True):
    """Whose submission it is, and how the platform it comes from knows that.

    ``ids`` are its identifiers by kind (``canvas``, ``sis``, ``login``, ``email``, ``moodle``,
    ``github``), ``original`` is the name in the download, ``file`` what the student called the
    file where that name says so, and ``late`` what the platform says: never more than a column.
    ``at`` is when it was handed in, as the platform wrote it. ``members`` are the identifiers
    of everyone who handed it in together, where the platform names them.
    """

    student: str
    source: Source
    ids: Mapping[str, str]
    late: bool
    original: str
    file: str = ""
    at: str = ""
    members: tuple[Mapping[str, str], ...] = ()


class Student(Struct, frozen=True):
    """A line of a roster. ``ids`` are as in `Sender`; ``names`` all ways the name is written.

    ``at`` is when the student handed in, where a platform's table says so.
    """

    name: str
    names: tuple[str, ...]
    ids: Mapping[str, str]
    group: str = ""
    at: str = ""


class Course(Struct, frozen=True):
    """Who is in a course: the roster, where it was read from, and whether groups hand in."""

    roster: str = ""
    groups: bool = False
    students: tuple[Student, ...] = ()


NO_COURSE = Course()


class Match(Struct, frozen=True):
    """A roster beside the submissions, which are told by their numbers.

    ``owners`` has for each submission the students whose it is, ``absent`` who has none,
    ``strangers`` the submissions that are nobody's, ``open`` those that could be several
    students', with these.
    """

    owners: tuple[tuple[Student, ...], ...] = ()
    absent: tuple[Student, ...] = ()
    strangers: tuple[int, ...] = ()
    open: tuple[tuple[int, tuple[Student, ...]], ...] = ()


class Preview(Struct, frozen=True):
    """What can be said of a class before anything is run. All are names of submissions.

    ``sources`` counts the submissions by platform. ``duplicates`` are groups with the same
    bytes under different names, ``several`` those with more than one attempt, ``refused`` and
    ``other`` (nothing in them has the name of a role) come with the sentence. ``unmatched``
    and ``open`` are submissions that the roster does not tell a student for, ``absent`` are
    students without one. Of ``broken`` ones a part is not valid Python. ``tasks`` are those that
    count, handed in or not; ``provisional``: there are no model solutions. ``strangers`` says who
    in the policy is nobody of the class.
    """

    total: int
    sources: Mapping[Source, int]
    late: tuple[str, ...]
    several: tuple[tuple[str, int], ...]
    duplicates: tuple[tuple[str, ...], ...]
    empty: tuple[str, ...]
    refused: tuple[tuple[str, str], ...]
    other: tuple[tuple[str, str], ...]
    unmatched: tuple[str, ...] = ()
    open: tuple[tuple[str, tuple[str, ...]], ...] = ()
    absent: tuple[str, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    tasks: tuple[str, ...] = ()
    provisional: bool = False
    strangers: tuple[str, ...] = ()


class Mark(Struct, frozen=True):
    """What goes back to a platform for one student. ``ids`` are as in `Sender`.

    ``score`` is None where there is none to tell; ``feedback`` is plain text.
    """

    student: str
    ids: Mapping[str, str]
    score: float | None
    max_score: float
    feedback: str = ""


class FilledTable(Struct, frozen=True):
    """A platform's table with the marks in it.

    ``filled`` are the students whose marks it has, ``rows`` theirs as they are written, ``left``
    those who have no row of their own, each with the reason; ``notes`` say what else has to be
    known before it is uploaded.
    """

    data: bytes
    filled: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    rows: tuple[bytes, ...] = ()


Percent = Annotated[float, Meta(ge=0, le=100)]
Days = Annotated[int, Meta(ge=0)]


class Late(Struct, frozen=True, forbid_unknown_fields=True):
    """What lateness costs: ``per_day`` percent for each day that has begun, ``most`` in all.

    ``of`` says of what: of the largest points, or of those that were reached. ``grace_minutes``
    do not count, and after so many ``days`` nothing is given any more.
    """

    per_day: Percent
    of: Literal["maximum", "score"] = "maximum"
    grace_minutes: Annotated[float, Meta(ge=0)] = 0.0
    most: Percent = 100.0
    days: Annotated[int, Meta(ge=1)] | None = None


class Bonus(Struct, frozen=True, forbid_unknown_fields=True):
    """Points beside those of the checks; ``why`` is told."""

    points: Annotated[float, Meta(ge=0, le=10_000)]
    why: Annotated[str, Meta(min_length=1)]


class Scale(Struct, frozen=True, forbid_unknown_fields=True):
    """The largest score that the platform has."""

    to: Annotated[float, Meta(gt=0, le=10_000)]


class TaskRules(Struct, frozen=True, forbid_unknown_fields=True):
    """Rules for all tasks of a class.

    Gradients by finite differences are ``remarked``, for a person to judge, or ``forbidden``: then
    they earn no points.
    """

    numerical: Literal["remarked", "forbidden"] = "remarked"


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """The lines between the sum of the tasks and the score, as ``policy.toml`` defines them.

    ``due`` is when work had to be handed in, ``extensions`` for whom it is another time.
    ``days_late`` are days that a person has found out, where the platform does not tell the time.
    Without ``scale`` scores are left as they are. Students are told by name or identifier.
    """

    due: datetime | None = None
    late: Late | None = None
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    days_late: Mapping[str, Days] = field(default_factory=dict)
    bonus: Mapping[str, Bonus] = field(default_factory=dict)
    scale: Scale | None = None
    tasks: TaskRules = TaskRules()
