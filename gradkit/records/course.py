"""Records of a course: senders of submissions, its roster, its policy, and returned marks."""

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
    "plain": "files without a platform",
}


class Sender(Struct, frozen=True):
    """The student who sent a submission, as the platform identifies the student.

    ``ids`` are identifiers by kind (``canvas``, ``sis``, ``login``, ``email``, ``moodle``,
    ``github``). ``original`` is the name in the download, and ``file`` the student's own name of
    the file if that name contains it. ``late`` is the platform's mark of lateness, which is only
    shown. ``at`` is the time of submission as the platform wrote it. ``members`` are the
    identifiers of all members of a group, if the platform names them.
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
    """A line of a roster. ``ids`` are as in `Sender`; ``names`` are all spellings of the name.

    ``at`` is the time of submission in Moodle's worksheet, and ``submitted`` that in a column of
    another table, empty if there is none.
    """

    name: str
    names: tuple[str, ...]
    ids: Mapping[str, str]
    group: str = ""
    at: str = ""
    submitted: str = ""


class Course(Struct, frozen=True):
    """The students of a course, the file of the roster, and whether students submit in groups."""

    roster: str = ""
    groups: bool = False
    students: tuple[Student, ...] = ()


NO_COURSE = Course()


class Match(Struct, frozen=True):
    """The assignment of submissions, given by their numbers, to the students of a roster.

    ``owners`` has the students of each submission. ``absent`` are students without a submission,
    ``strangers`` submissions of no student in the roster, and ``open`` submissions that may belong
    to several students, with these students.
    """

    owners: tuple[tuple[Student, ...], ...] = ()
    absent: tuple[Student, ...] = ()
    strangers: tuple[int, ...] = ()
    open: tuple[tuple[int, tuple[Student, ...]], ...] = ()


class Preview(Struct, frozen=True):
    """The facts about a class before any code is run. Submissions are given by their names.

    ``sources`` counts the submissions by platform. ``duplicates`` are groups with the same
    contents under different names, ``several`` students with more than one attempt. ``refused`` and
    ``other`` (submissions without any name of a role) come with a message. ``unmatched`` and
    ``open`` are submissions for which the roster has no student or several, and ``absent`` are
    students without a submission. A part of each ``broken`` submission is not valid Python.
    ``tasks`` are the tasks that count even if nothing was submitted. ``provisional``: there are no
    model solutions. ``strangers`` are names in the policy that belong to no student of the class.
    ``untimed`` are platforms without the time of at least one submission, and ``left_out`` counts
    the files of Canvas' Test Student.
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
    untimed: tuple[Source, ...] = ()
    left_out: int = 0


class Mark(Struct, frozen=True):
    """The mark of one student for a platform. ``ids`` are as in `Sender`.

    ``score`` is None if there is no score; ``feedback`` is plain text.
    """

    student: str
    ids: Mapping[str, str]
    score: float | None
    max_score: float
    feedback: str = ""


class FilledTable(Struct, frozen=True):
    """A platform's table with the marks in it.

    ``filled`` are the students whose marks it has, and ``rows`` their rows as written. ``left`` are
    students without a row of their own, each with the reason. ``notes`` are remarks to read before
    the table is uploaded.
    """

    data: bytes
    filled: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    rows: tuple[bytes, ...] = ()


Percent = Annotated[float, Meta(ge=0, le=100)]
Days = Annotated[int, Meta(ge=0)]


class Late(Struct, frozen=True, forbid_unknown_fields=True):
    """The deduction for late submissions: ``per_day`` percent for each day begun, at most ``most``.

    ``of`` says whether the percentage is taken of the largest points or of the reached points. The
    first ``grace_minutes`` are free, and after ``days`` days the submission gets no points.
    """

    per_day: Percent
    of: Literal["maximum", "score"] = "maximum"
    grace_minutes: Annotated[float, Meta(ge=0)] = 0.0
    most: Percent = 100.0
    days: Annotated[int, Meta(ge=1)] | None = None


class Bonus(Struct, frozen=True, forbid_unknown_fields=True):
    """Points beside those of the checks; ``why`` is shown to the student."""

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
    """The adjustments between the sum of the tasks and the score, as ``policy.toml`` defines them.

    ``due`` is the deadline, ``extensions`` are other deadlines by student. ``days_late`` are days
    that a person has entered because the platform does not give the time. Without ``scale`` scores
    are not scaled. Students are given by name or identifier.
    """

    due: datetime | None = None
    late: Late | None = None
    extensions: Mapping[str, datetime] = field(default_factory=dict)
    days_late: Mapping[str, Days] = field(default_factory=dict)
    bonus: Mapping[str, Bonus] = field(default_factory=dict)
    scale: Scale | None = None
    tasks: TaskRules = TaskRules()
