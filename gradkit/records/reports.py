"""Records of the history of grades in a class, and of the feedback to its students."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from gradkit.records.classroom import Change, Release, RunKind, Standing


class Attempt(Struct, frozen=True):
    """A submission of a student as a run found it, and its result in that run.

    ``at`` is the platform's time, ``stamp`` the time of the file. If the submission was
    ``unchanged``, it was not graded again, and the other fields are empty. ``seeds`` are the seeds
    of the inputs by task, ``found`` the mistakes by task and check.
    """

    original: str
    path: str
    source: str
    at: str
    late: bool
    stamp: str
    digest: str
    unchanged: bool
    standing: Standing | None = None
    told: str = ""
    score: float | None = None
    max_score: float | None = None
    provisional: bool = False
    assignment: str = ""
    preset: str = ""
    versions: Mapping[str, str] | None = None
    digests: Mapping[str, str] | None = None
    seeds: Mapping[str, int] | None = None
    found: tuple[str, ...] = ()


class PointsSet(Struct, frozen=True):
    """Points that were set for a check; None if an earlier override was withdrawn."""

    task: str
    check: str
    points: float | None


class CommentWritten(Struct, frozen=True):
    """A comment that a run wrote; the text is empty if the run removed the comment.

    ``task`` is empty for the whole submission. ``file``, ``cell`` and ``line`` are those of the
    line that the comment is about, if it is about one.
    """

    id: int
    task: str
    file: str
    cell: int | None
    line: int | None
    text: str
    points: float | None


class Mark(Struct, frozen=True):
    """The counting score of a student, from the ``number``-th of ``attempts``, with overrides."""

    score: float | None
    max_score: float | None
    number: int
    attempts: int


class Step(Struct, frozen=True):
    """The effect of one run on a student's grade.

    ``policy`` is the rule for which attempt counts, if the run set one. ``drops`` are the findings
    that the run withdrew for all students, ``keeps`` the findings that it restored. ``prices`` are
    findings that were priced for all students, each with its share of a check's points; a run that
    graded the student has those of the student's findings. ``unprices`` are findings whose price
    the run withdrew. ``before`` and ``after`` are the counting marks, None if none counted.
    ``rules``: the course's policy changed.
    ``reviewed`` is True if the run marked the student as reviewed, False if it took that back.
    """

    run: int
    kind: RunKind
    began: str
    ended: str | None
    who: str
    why: str
    versions: Mapping[str, str]
    attempts: tuple[Attempt, ...]
    words: tuple[PointsSet, ...]
    releases: tuple[Release, ...]
    drops: tuple[str, ...]
    keeps: tuple[str, ...]
    policy: str | None
    before: Mark | None
    after: Mark | None
    rules: bool = False
    comments: tuple[CommentWritten, ...] = ()
    reviewed: bool | None = None
    prices: tuple[tuple[str, float], ...] = ()
    unprices: tuple[str, ...] = ()


class History(Struct, frozen=True):
    """The history of a student's grade, run by run."""

    name: str
    mark: Mark | None
    steps: tuple[Step, ...]


class Stood(Struct, frozen=True):
    """The counting result of a student at the end of a run.

    ``found`` are mistakes by task and check, ``words`` the points that a person has set.
    """

    standing: Standing
    mark: Mark
    found: tuple[str, ...]
    words: Mapping[str, float]


class Difference(Struct, frozen=True):
    """The results of a student at the end of two runs; None if no result counted.

    ``gone`` and ``come`` are mistakes that were found only before, or only after.
    """

    name: str
    before: Stood | None
    after: Stood | None
    gone: tuple[str, ...]
    come: tuple[str, ...]


class Moved(Struct, frozen=True):
    """A finding that is new, or that is gone.

    ``said`` is the text that the hint level shows: the finding's title, or the place to look at.
    """

    task: str
    check: str
    said: str
    entries: tuple[str, ...]


class PointsGiven(PointsSet, frozen=True):
    """Points that a person has set for a check since; None if the override was withdrawn."""

    comment: str


class Changes(Struct, frozen=True):
    """The changes of a student's page since it was last returned to the student.

    ``since`` is that time, UTC, ISO 8601. ``score`` is the total; ``checks`` are the checks whose
    points have changed, where a new check had 0 of 0 before. ``attempts`` are the numbers of the
    attempts that counted then and now, if they differ. ``reasons`` are the reasons given for
    marking the class again. ``withdrawn`` are findings that are gone because they were withdrawn.
    ``comments`` counts the comments that are new or have changed.
    """

    since: str
    score: Change
    checks: tuple[Change, ...] = ()
    gone: tuple[Moved, ...] = ()
    come: tuple[Moved, ...] = ()
    words: tuple[PointsGiven, ...] = ()
    attempts: tuple[int, int] | None = None
    reasons: tuple[str, ...] = ()
    withdrawn: tuple[Moved, ...] = ()
    comments: int = 0


class Left(Struct, frozen=True):
    """A student who does not get some feedback, which feedback, and why."""

    student: str
    what: str
    why: str


class Given(Struct, frozen=True):
    """The feedback that `gradkit feedback` has written.

    ``pages`` counts the pages, and ``new`` the pages that their student has not had before.
    ``filled`` counts the rows of a platform's table. ``written`` are the paths. ``absent`` are
    students of the roster without a submission, ``notes`` are remarks to read before uploading.
    """

    pages: int
    new: int
    filled: int
    written: tuple[str, ...]
    left: tuple[Left, ...]
    absent: tuple[str, ...]
    notes: tuple[str, ...]
