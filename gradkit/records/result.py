"""Records of verdicts, of findings that explain failed checks, and of marks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.submission import Binding, Listing, Observations, Place, Problem
from gradkit.records.task import Form, Preset, Visibility

State = Literal[
    "pass", "fail", "inconclusive", "error", "timeout", "blocked", "missing", "not-checked"
]


OPEN: tuple[State, ...] = ("inconclusive", "not-checked")
"""States that are neither right nor wrong: their points are left out."""


FAILED: tuple[State, ...] = ("fail", "error", "blocked", "missing")
"""States whose cause the diagnosis searches for, and that findings are about."""

LEFT_ALONE = " left alone"
"""Suffix of an input's name in the entry that says whether the input was changed in place."""


class Entry(Struct, frozen=True):
    """One compared number (or the worst of several probes of it).

    ``parameter`` and ``index`` identify the number, and ``probe`` the call or the start it is
    taken from. ``found`` and ``expected`` are None if there is no number to show. ``label`` is the
    entry as the student would write it; empty if that is ``parameter`` with its index.

    In a gradient check ``found`` is the gradient that the student's step claims and ``expected``
    the estimate by finite differences, with an absolute error of at most ``bound``. ``factor`` is
    the ratio of claim and estimate if it is a simple number: ``1/2`` if the claim is half the
    estimate.

    ``hard_cases`` counts the hard cases in which an output of a function is wrong, if it is right
    for all random inputs. It is 0 otherwise.
    """

    parameter: str
    index: tuple[int, ...]
    state: State
    found: float | None
    expected: float | None
    probe: str = ""
    label: str = ""
    bound: float | None = None
    factor: str = ""
    hard_cases: int = 0


class Course(Struct, frozen=True):
    """The loss of a training run from one start, epoch by epoch.

    ``epochs`` count from 1; of a long run some epochs are left out. ``found`` is empty if the run
    gave no losses that can be compared.
    """

    start: str
    epochs: tuple[int, ...]
    found: tuple[float, ...]
    expected: tuple[float, ...]


class Verdict(Struct, frozen=True):
    """The state of a check, its entries, and a sentence for the student.

    ``place`` is the place to look at. ``notes`` are remarks that cost no points. ``courses`` are
    the losses of training runs. ``still``: no parameter moved although steps were expected, so a
    finding cannot reduce the deduction. ``rounded``: the failed numbers are right to about seven
    digits. ``own_forward`` names the gradients that match only the student's own wrong forward
    pass: their passing entries earn half of their points. ``numerical``: the check's code computes
    its gradients by finite differences. ``diverges``: a training run ends with a higher loss than
    it began with, or with NaN. ``exception`` is Python's own message if the code raised, such as
    ``NameError: name 'W3' is not defined``. ``returns_none``: a function returned None instead of
    values, or a number of values that the task cannot unpack.
    """

    check: str
    state: State
    message: str
    entries: tuple[Entry, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    courses: tuple[Course, ...] = ()
    still: bool = False
    rounded: bool = False
    own_forward: tuple[str, ...] = ()
    numerical: bool = False
    diverges: bool = False
    exception: str = ""
    returns_none: bool = False


class HelperReplacement(Struct, frozen=True):
    """An attempt to judge a check with right helpers in place of wrong ones.

    ``verdict`` is None if that did not work. ``helpers`` are the functions that cannot be the
    reason if the check fails: those that were replaced, and those that were never called.
    ``refused`` are those that could not be replaced, each with the reason. ``caches`` are helpers
    that were called for a cache of the student's own, which may be wrong.
    """

    verdict: Verdict | None = None
    helpers: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}
    caches: frozenset[str] = frozenset()


UNEXPLAINED = "unexplained"
"""The code of a finding without a known mistake."""

NUMERICAL_GRADIENT = "numerical-gradient"
"""The code of the remark on gradients by finite differences."""

FOR_INSTRUCTORS = frozenset(
    {"memorised-answers", NUMERICAL_GRADIENT, "own-forward-gradient", "several-files"}
)
"""Codes of findings that a person has to judge. Only the highest hint level shows them."""


NoticeKind = Literal["own-forward-gradient", "selector", "denied-access"]


class Notice(Struct, frozen=True):
    """Something that the instructor should look at. It costs nothing, and students never see it.

    ``check`` is the check that it is about, empty for the whole task. ``place`` is where to look.
    """

    kind: NoticeKind
    check: str = ""
    place: Place | None = None


Basis = Literal["numbers", "change", "model", "repair"]


class Finding(Struct, frozen=True):
    """One mistake, entries that no mistake of the catalogue explains, or a remark on a task.

    ``check`` is the check that the finding is about. A remark has none, and costs nothing;
    ``about`` names the checks that a remark is about, if it is not about the whole task.

    ``entries`` are written as the student indexes them, ``W1[0,1]``. ``applies`` maps them to the
    formula that the code computes and ``should`` to the right formula, in the student's own names.
    Both are verified on fresh inputs; an entry without a verified rule is in neither. ``sentence``
    says what the mistake is; ``hints`` are those of levels 1 to 4. ``alternatives`` are other sets
    of mistakes that predict the same numbers, and ``others`` the titles of those that the student
    should consider too. ``deduction`` is in points, and ``costs`` divides it among the checks that
    fail because of the mistake.

    ``place`` is the earliest statement whose value contains the mistake and ``source`` its text.
    ``places`` are all such statements if entries have different ones. If the lines could not be
    determined, ``untraced`` says why, and ``place`` is that of the function. ``columns`` are the
    beginning and the end of the doubtful part of ``source``. ``fix`` is the right code in its
    place or, if ``adds`` is not None, code to be inserted below line ``adds``. ``diff`` is that
    change as a unified diff, applied after the changes of earlier findings.

    ``basis`` says what the finding rests on. ``numbers``: the mistake reproduces the student's
    numbers, or Python names it. ``change``: a change of the student's text makes outputs right.
    ``model``: so does a change that takes a part of the model solution. ``repair``: a change lets
    code run that stops; it costs nothing, because the crash has a price.
    """

    id: str
    check: str
    mistake: str
    title: str
    entries: tuple[str, ...]
    applies: Mapping[str, str] = field(default_factory=dict)
    should: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None
    source: str = ""
    places: tuple[Place, ...] = ()
    sentence: str = ""
    hints: tuple[str, ...] = ()
    alternatives: tuple[tuple[str, ...], ...] = ()
    others: tuple[str, ...] = ()
    deduction: float = 0.0
    costs: Mapping[str, float] = field(default_factory=dict)
    untraced: str = ""
    columns: tuple[int, ...] = ()
    fix: str = ""
    adds: int | None = None
    diff: str = ""
    about: tuple[str, ...] = ()
    basis: Basis = "numbers"


class Inquiry(Struct, frozen=True):
    """The results of the diagnosis of one task.

    ``causes`` are, for each failed check that the findings explain completely, the ids of the
    findings about other checks that cause the failure, too. ``rounded`` are checks whose wrong
    numbers are right to single precision, except those in a finding. ``doubtful`` maps ids of
    findings whose lines are uncertain to more likely places, as far as these are known.

    ``proved`` is the inquiry before a search for repairs, from the numbers alone. It is None if no
    search added anything.
    """

    findings: tuple[Finding, ...] = ()
    causes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, name="follows")
    rounded: tuple[str, ...] = ()
    doubtful: Mapping[str, tuple[Place, ...]] = {}
    proved: Inquiry | None = None


class NoDiagnosisError(Exception):
    """There is no diagnosis for a task of this kind; the text, a part of a sentence, says why."""


OracleKind = Literal["reference", "derived"]


class Decision(Struct, frozen=True):
    """Points that a person has set for a check, which override the computed points.

    ``marked`` are the computed points, None if there are none. ``stale``: the findings have
    changed since the decision. ``made`` is UTC, ISO 8601.
    """

    marked: float | None
    by: str
    made: str
    comment: str
    stale: bool


CENT = 100
"""Number of steps in one point: points are rounded to two decimals."""


class CheckResult(Struct, frozen=True):
    """A verdict with its points, which add up to the task's score.

    ``causes`` names the mistakes of other checks that make this check fail too. Each of them costs
    this check the same share of its points as it costs the other check. If there is a
    ``decision``, a person has set the score. ``withdrawn`` are the codes of findings of this check
    that were withdrawn and cost nothing any more. ``held`` are the codes of findings that the mark
    rests on and that a person has to accept: until then the mark is provisional.
    """

    check: str
    state: State
    score: float
    max_score: float
    message: str
    entries: tuple[Entry, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    causes: tuple[str, ...] = field(default=(), name="follows")
    courses: tuple[Course, ...] = ()
    decision: Decision | None = None
    withdrawn: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class TaskResult(Struct, frozen=True):
    """The checks of one task.

    ``checkable`` is the part of ``max_score`` that could be judged. ``seed`` is the seed of its
    probes, which differs from that of the result if probes were drawn again. ``listings`` are the
    functions with findings. An ``absent`` task was not submitted. ``notices`` are for the
    instructor, and so is ``printed``, the beginning of what the code printed.
    ``score_by_numbers`` is the score under the preset ``numbers``; it is None in results that an
    older gradkit has stored.
    """

    task: str
    title: str
    score: float
    max_score: float
    checkable: float
    provisional: bool
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int = 0
    listings: tuple[Listing, ...] = ()
    absent: bool = False
    score_by_numbers: float | None = None
    notices: tuple[Notice, ...] = ()
    printed: str = ""


AdjustmentKind = Literal["task", "total", "comment", "numerical", "late", "bonus", "scale"]


class Adjustment(Struct, frozen=True):
    """Points that are added between the sum of the tasks and the score, with the reason.

    For the kinds ``task`` and ``total``, a person has set the task or the total to ``score`` of
    ``max_score`` points, with a ``decision``. For the other kinds ``said`` is the reason. For
    ``late``, the deduction is a percentage of ``max_score``. ``name`` is the task's title.
    ``numerical`` removes the points of gradients by finite differences, if the policy forbids them.
    ``comment`` adds the points of a grader's comment, whose text is ``said``.
    """

    kind: AdjustmentKind
    points: float
    said: str = ""
    name: str = ""
    score: float = 0.0
    max_score: float = 0.0
    decision: Decision | None = None


class Comment(Struct, frozen=True):
    """A comment of a grader on a submission, on one of its tasks, or on a line of a file.

    ``id`` stays the same when the comment is edited; ``revision`` increases with each edit.
    ``task`` is the id of a task, empty for the whole submission. ``place`` is the line, if the
    comment is about one, and ``source`` the text of this line. ``digest`` is that of the attempt.
    ``points`` are added to the score. ``made`` is UTC, ISO 8601.
    """

    id: int
    revision: int
    task: str
    place: Place | None
    source: str
    digest: str
    text: str
    points: float | None
    by: str
    made: str


class Result(Struct, frozen=True):
    """One submission's marks, with what is needed to repeat them.

    ``path`` is the path of the submission as it was given. ``visibility`` is that of the
    assignment: by check, when students may see its findings. ``required`` are the ids of the tasks
    that count even if they were not submitted. If it is empty, the submitted tasks count, of
    ``all_tasks``. The score is the sum of the tasks and of the ``adjustments``. If nothing could be
    graded, ``refused`` says why. ``score_by_numbers`` is the sum of the tasks under the
    preset ``numbers``, without adjustments and whatever points a person has set. It is None in
    results that an older gradkit has stored. In a class, ``comments`` are those of graders.
    """

    submission: str
    assignment: str
    form: Form
    seed: int
    oracle: OracleKind
    provisional: bool
    score: float
    max_score: float
    tasks: tuple[TaskResult, ...]
    problems: tuple[Problem, ...]
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    tier: int
    path: str = ""
    preset: Preset = "default"
    visibility: Mapping[str, Visibility] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    all_tasks: int = 0
    adjustments: tuple[Adjustment, ...] = ()
    refused: str = ""
    score_by_numbers: float | None = None
    comments: tuple[Comment, ...] = ()


class Evidence(Struct, frozen=True):
    """The observations of one section's code in one task, with verdicts and diagnosis.

    ``seed`` draws the same probes again, and ``questions`` is a digest of them: if it differs, the
    observations belong to other probes. ``verdicts`` are those that the inquiry was about,
    ``tolerances`` the accepted error of each check, and ``basis`` is a digest of all else that the
    verdicts depend on. If the task could not be checked at all, ``unchecked`` says why, and there
    are no observations. If it is ``absent``, it was not submitted. ``notes`` are remarks on the
    grading, ``listings`` the code that findings and checks point to. ``notices`` are
    those about the text alone. ``printed`` is the beginning of what the code printed.
    """

    task: str
    seed: int
    questions: str = ""
    binding: Binding | None = None
    observations: Observations | None = None
    inquiry: Inquiry = Inquiry()
    verdicts: tuple[Verdict, ...] = ()
    basis: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    unchecked: str = ""
    notes: tuple[str, ...] = ()
    tier: int = 0
    listings: tuple[Listing, ...] = ()
    absent: bool = False
    notices: tuple[Notice, ...] = ()
    printed: str = ""


class Graded(Struct, frozen=True):
    """A result with the evidence that it was computed from."""

    result: Result
    evidence: tuple[Evidence, ...]


class Batch(Struct, frozen=True):
    """Results of several submissions, and messages on those that could not be graded.

    ``keyed`` says whether they were graded against model solutions. ``hints`` is the level
    that the assignment shows to students, ``own_hints`` the level for the person who grades.
    """

    results: tuple[Result, ...]
    refused: tuple[str, ...] = ()
    keyed: bool = False
    hints: int = 4
    own_hints: int = 4
