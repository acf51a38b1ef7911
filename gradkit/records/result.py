"""What is right and what is not, what mistakes account for it, and the marks that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.mistake import Preset
from gradkit.records.observations import Binding, Observations
from gradkit.records.submission import Listing, Place, Problem
from gradkit.records.task import Form, Visibility

State = Literal[
    "pass", "fail", "inconclusive", "error", "timeout", "blocked", "missing", "not-checked"
]


OPEN: tuple[State, ...] = ("inconclusive", "not-checked")
"""States that are neither right nor wrong: their points are left out."""


FAILED: tuple[State, ...] = ("fail", "error", "blocked", "missing")
"""States whose reasons are looked for, and that findings are about."""

LEFT_ALONE = " left alone"
"""After an input, the parameter of an entry that it was not changed in place."""


class Entry(Struct, frozen=True):
    """One compared number (or the worst of several probes of it).

    ``parameter`` and ``index`` say which; ``probe`` which call or start it is taken from.
    ``found`` and ``expected`` are None where there is no number to show. ``label`` is how
    the student would write the entry; empty where that is ``parameter`` with its index.

    In a gradient check ``found`` is the gradient that the student's step claims and ``expected``
    the estimate by finite differences, with an absolute error of at most ``bound``. ``factor``
    says how the claim differs where that is plain: ``1/2`` where the claim is half the estimate.

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
    that is found out about them can lighten that. ``rounded``: what failed is right to about
    seven digits. ``own_forward`` names the gradients that match only the student's own wrong
    forward pass: entries of these that pass earn half of their points. ``numerical``: the check's
    code was seen to compute its gradients by finite differences. ``diverges``: a training run ends
    with a higher loss than it began with, or with one that is no number. ``exception`` is Python's
    own sentence where the code stopped, ``NameError: name 'W3' is not defined``; ``returns_none``:
    a function returned None where values are asked for.
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


UNEXPLAINED = "unexplained"
"""The mistake of a finding that names none."""

NUMERICAL_GRADIENT = "numerical-gradient"
"""The code of the remark on gradients by finite differences."""

FOR_INSTRUCTORS = frozenset(
    {"memorised-answers", NUMERICAL_GRADIENT, "own-forward-gradient", "several-files"}
)
"""Findings that are for a person to judge, and never shown below the highest hint level."""


NoticeKind = Literal["own-forward-gradient", "selector", "denied-access"]


class Notice(Struct, frozen=True):
    """Something that the instructor should look at. It costs nothing, and students never see it.

    ``check`` is the check that it is about, empty for the whole task. ``place`` is where to look.
    """

    kind: NoticeKind
    check: str = ""
    place: Place | None = None


class Finding(Struct, frozen=True):
    """One mistake, entries that nothing in the catalogue explains, or a remark on a whole task.

    ``check`` is the check that it is about; a remark has none, and costs nothing. ``about`` names
    the checks that a remark is about, where it is not about the whole task.

    ``entries`` are written as the student indexes them, ``W1[0,1]``; ``applies`` and
    ``should`` map them to formulas in the student's own names. Both are verified on fresh
    inputs; an entry without a verified rule is in neither. ``place`` is the earliest
    statement whose value contains the mistake and ``source`` its text; ``places`` are all such
    statements where entries have their own. ``alternatives`` are other sets of
    mistakes that predict the same numbers; ``others`` are those of them that are worth a look in
    place of this one, by their titles. ``sentence`` says what the mistake is; ``hints``
    are those of levels 1 to 4. ``deduction`` is in points, and ``costs`` divides it among the
    checks that fail because of the mistake. ``untraced`` says why the lines could
    not be determined and ``place`` is the function's, if that is so. ``columns`` are where the
    doubtful part of ``source`` begins and ends; ``fix`` is what stands there once it is right, or
    what is to be put in below line ``adds`` if that is not None, and ``diff`` that
    change of the text, after those of the findings before it, as a unified diff.
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


class Inquiry(Struct, frozen=True):
    """All that the diagnosis of one task found.

    ``follows`` names, for each failed check that the findings account for completely, the
    mistakes of other checks that it fails because of. ``rounded`` are checks of which all that is
    not in a finding is right to single precision. ``doubtful`` are the ids of findings whose lines
    are a guess, each with those that are likelier, as far as these are known.

    ``proved`` is the inquiry before a search for repairs was made. It alone decides the points,
    because the search runs where student code runs, and student code can forge its result. It is
    None where no search added anything.
    """

    findings: tuple[Finding, ...] = ()
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rounded: tuple[str, ...] = ()
    doubtful: Mapping[str, tuple[Place, ...]] = {}
    proved: Inquiry | None = None


class NoDiagnosisError(Exception):
    """There is no diagnosis for such a task; the text says why, as a part of a sentence."""


OracleKind = Literal["reference", "derived"]


class Decision(Struct, frozen=True):
    """A person's word on a check's points, which counts in the place of the mark.

    ``marked`` is what the mark would be, None where nothing could be marked. ``stale``: something
    else is found now than what was looked at. ``made`` is UTC, ISO 8601.
    """

    marked: float | None
    by: str
    made: str
    comment: str
    stale: bool


CENT = 100
"""Parts of a point that are told apart: two decimals, as everywhere."""


class CheckResult(Struct, frozen=True):
    """A verdict with its points, which add up to the task's score.

    ``follows`` names the mistakes, found in another check, for which this check fails too. Each of
    them costs this check the same share of its points as it costs the other check.
    Where there is a ``decision``, the score is a person's. ``withdrawn`` are the codes of findings
    that it failed for, and that count no more.
    """

    check: str
    state: State
    score: float
    max_score: float
    message: str
    entries: tuple[Entry, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    courses: tuple[Course, ...] = ()
    decision: Decision | None = None
    withdrawn: tuple[str, ...] = ()


class TaskResult(Struct, frozen=True):
    """One task's checks.

    ``checkable`` is the part of ``max_score`` that could be judged. ``seed`` draws the
    probes that it was judged at; it is not the result's where those were drawn again.
    ``listings`` hold the functions in which something was found. What is ``absent`` was not
    handed in. ``notices`` are for the instructor. ``score_by_numbers`` is the score under the
    preset ``numbers``; it is None in results that an older gradkit has stored.
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


AdjustmentKind = Literal["task", "total", "numerical", "late", "bonus", "scale"]


class Adjustment(Struct, frozen=True):
    """Points between the sum of the tasks and the score, and why: a line of its own.

    A ``task`` or the ``total`` was set by a person, whose ``decision`` it is, to ``score`` of
    ``max_score`` points. Of all others ``said`` is the reason, and of lateness ``max_score`` what a
    part is lost of. ``name`` is the task's title. ``numerical`` takes back the points of gradients
    by finite differences, where the policy forbids these.
    """

    kind: AdjustmentKind
    points: float
    said: str = ""
    name: str = ""
    score: float = 0.0
    max_score: float = 0.0
    decision: Decision | None = None


class Result(Struct, frozen=True):
    """One submission's marks, with what is needed to repeat them.

    ``path`` is where the submission was read from, as it was given. ``visibility`` is the
    assignment's: by check, when students may see what it found. ``required`` are the tasks that
    count, whether or not they were handed in, by id; where there are none, those that were handed
    in, of ``all_tasks``. The score is the sum of the tasks and of the ``adjustments``. Where
    nothing could be graded, ``refused`` says why, and nothing was judged. ``score_by_numbers`` is
    the sum of the tasks under the preset ``numbers``, without adjustments and whatever points a
    person has set; it is None in results that an older gradkit has stored.
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


class Evidence(Struct, frozen=True):
    """What one section's code answered to the questions of one task, and what it was found to do.

    ``seed`` draws the same questions again, and ``questions`` is a digest of them: where it
    comes out otherwise, these answers are to something else. ``verdicts`` are those that the
    inquiry was about, ``tolerances`` what each check let pass, and ``basis`` is a digest of
    all that they depend on besides. Where the task could not be put at all, ``unchecked``
    says why and there are no answers; where it is ``absent``, it was not handed in. ``notes`` are
    remarks on the grading, ``listings`` the code that findings and checks point to. ``notices`` are
    those about the text alone.
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


class Graded(Struct, frozen=True):
    """A result with all that it was made from."""

    result: Result
    evidence: tuple[Evidence, ...]


class Batch(Struct, frozen=True):
    """Results of several submissions, and why each of the others could not be graded.

    ``keyed`` tells whether they were graded against model solutions. ``hints`` is the level
    that the assignment shows to students, ``own_hints`` that for whoever has graded them.
    """

    results: tuple[Result, ...]
    refused: tuple[str, ...] = ()
    keyed: bool = False
    hints: int = 4
    own_hints: int = 4
