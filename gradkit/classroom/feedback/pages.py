"""Make the pages of a class: the instructor's page, and a page for each student.

A page that a student is given lists the changes since the student's previous page. If nothing has
changed, it equals the previous page byte for byte: it again lists the changes between the previous
page and the page before that.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.classroom.feedback.address import file_name
from gradkit.classroom.policy import NO_POLICY
from gradkit.classroom.reports.summary import everybody
from gradkit.classroom.store.counted import (
    Counting,
    counted,
    decided,
    is_open,
)
from gradkit.classroom.store.database import StoreError, last
from gradkit.classroom.store.prices import Price, prices
from gradkit.classroom.store.results import Store, digest_of, unpack
from gradkit.classroom.worker_pool import map_chunks
from gradkit.diagnosis.catalogue import mistake
from gradkit.grading.points import WITHDRAWN
from gradkit.records.classroom import Change, CountingAttempt, Kept, Override, Release, Row
from gradkit.records.course import Policy
from gradkit.records.reports import Changes, Moved, PointsGiven
from gradkit.records.result import CheckResult, Comment, Finding, Result, TaskResult
from gradkit.report.data import EXPECTED_LEVEL, TITLE_LEVEL, apply_visibility, visible
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import student_page
from gradkit.report.plain_text import to_comment
from gradkit.text import format_text, name_key
from gradkit.writing import make_folder_inside, write_whole

CHUNK = 20
"""Results that are sent to a process at a time."""

ALONE = 30
"""Largest number of pages written by this process: starting others would take longer."""


def write_pages(
    store: Store, folder: Path, hints: int, workers: int, rows: Sequence[Row] = ()
) -> None:
    """Write ``index.html`` for the instructor, and ``students/NAME.html`` for each student.

    Parameters
    ----------
    store : Store
    folder : Path
        Folder of the pages; it is made if it does not exist. Existing pages are replaced
        atomically.
    hints : int
        Hint level of the students' pages.
    workers : int
        Processes that share the work.
    rows : sequence of Row
        Rows of the class, by default those of `everybody`.

    Raises
    ------
    StoreError
        A page cannot be written.
    """
    students, past, rows = folder / "students", Past(store), rows or everybody(store)
    stands = [stand for row in rows if (stand := past.stand(row.name)) is not None]
    write = partial(_write, students=students, hints=hints)
    alone = len(stands) <= ALONE
    try:
        make_folder_inside(folder.parent, students)
        links = dict(map_chunks(write, stands, size=CHUNK, workers=1 if alone else workers))
        linked = [replace(row, link=links.get(row.name, "")) for row in rows]
        linked.sort(key=lambda row: name_key(row.name))
        page = class_page(linked, folder.resolve().parent.name)
        write_whole(folder / "index.html", page.encode())
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written ({error.strerror}). The results "
            "themselves are saved."
        ) from None


def _write(stand: Stand, students: Path, hints: int) -> tuple[str, str]:
    """Write a student's page, and return the student's name and the link to the page.

    ``students`` is the folder of the pages.
    """
    name = stand.kept.name
    page = student_page(explained(seen(stand), stand, hints), hints)
    write_whole(students / file_name(name), page.encode())
    return name, f"{students.name}/{file_name(name)}"


class Stand(Struct, frozen=True):
    """A student's counting attempt at some time, with its result, the overrides and the policy.

    ``packed`` is the result, ``number`` the attempt's number, ``words`` are the overrides, and
    ``comments`` those of graders. ``withdrawn`` maps the codes of withdrawn findings to the
    instructor's reasons, and ``prices`` those of findings that the instructor has priced to prices.
    """

    kept: Kept
    packed: bytes
    number: int
    words: tuple[Override, ...]
    policy: Policy = NO_POLICY
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    comments: tuple[Comment, ...] = ()
    prices: Mapping[str, Price] = field(default_factory=dict)


class Former(Struct, frozen=True):
    """An earlier stand at the time ``since``, with the reasons for later changes.

    ``taken_back`` are the overrides removed since then: task, check and reason.
    """

    since: str
    stand: Stand
    reasons: tuple[str, ...] = ()
    taken_back: tuple[tuple[str, str, str], ...] = ()


def whole(stand: Stand) -> Result:
    """Return the full result that counts, with overrides and policy."""
    facts = (stand.words, stand.policy, stand.comments)
    return counted(unpack(stand.packed, Result), stand.kept, *facts)


def seen(stand: Stand) -> Result:
    """Return the result as the student may see it; whether an override is stale is hidden."""
    return apply_visibility(_hide_stale(whole(stand)))


def explained(result: Result, stand: Stand, hints: int) -> Result:
    """Add notes about withdrawn and priced findings to a result's checks, once per task.

    The notes have the instructor's reasons. A finding is named only from the hint level
    `TITLE_LEVEL` on.
    """
    tasks = (_with_notes(task, stand, hints) for task in result.tasks)
    return replace(result, tasks=tuple(tasks))


def _with_notes(task: TaskResult, stand: Stand, hints: int) -> TaskResult:
    """Return a task whose checks have notes about its withdrawn and priced findings.

    A finding is withdrawn if the instructor decided that it counts for nobody, and priced if the
    instructor set which share of a check's points it costs. ``stand`` has these decisions with
    their reasons, by the code of the mistake. A mistake is noted only at the first check that it
    concerns; a check whose points a person has set gets no note about prices. Below the level
    `TITLE_LEVEL` of ``hints`` (1 to 4), the notes do not name the mistake.
    """
    checks, mentioned = list[CheckResult](), set[str]()
    for check in task.checks:
        withdrawn = [code for code in check.withdrawn if code not in mentioned]
        notes = [note for note in check.notes if withdrawn or note != WITHDRAWN]
        for code in withdrawn:
            if hints >= TITLE_LEVEL:
                notes.append(format_text("Withdrawn: {title}.", title=mistake(code).title))
            notes += _reason(stand.withdrawn.get(code, ""))
        # The price has no effect where a person has set the points of the check.
        charged = () if check.decision else task.findings
        priced = {each.mistake for each in charged if check.check in each.costs} & {*stand.prices}
        for price in (stand.prices[code] for code in sorted(priced - mentioned)):
            title = f"“{mistake(price.code).title}”" if hints >= TITLE_LEVEL else "A mistake here"
            notes.append(
                format_text(
                    "{title} costs {percent:g} % of a check's points in this class.",
                    title=title,
                    percent=round(100 * price.share, 2),
                )
            )
            notes += _reason(price.comment)
        mentioned.update(withdrawn, priced)
        checks.append(replace(check, notes=tuple(dict.fromkeys(notes))))
    return replace(task, checks=tuple(checks))


def _reason(text: str) -> list[str]:
    """Return the note with an instructor's reason, or no note without a reason."""
    return [format_text("Reason: {reason}", reason=text)] if text else []


def _hide_stale(result: Result) -> Result:
    """Return a copy of a result in which no override is marked as stale."""
    hide = partial(decided, stale=False)
    tasks = (replace(task, checks=tuple(map(hide, task.checks))) for task in result.tasks)
    return replace(result, tasks=tuple(tasks), adjustments=tuple(map(hide, result.adjustments)))


def changes(former: Former, stand: Stand, hints: int) -> Changes | None:
    """List the changes of a student's result as far as the student may see them.

    Parameters
    ----------
    former : Former
        The result that the student's last page showed.
    stand : Stand
        The result now.
    hints : int
        Hint level of the page.

    Returns
    -------
    Changes or None
        None if nothing has changed that the student may see.
    """
    old, new = seen(former.stand), seen(stand)
    name = stand.kept.name
    old_max, new_max = (0.0 if is_open(result) else result.max_score for result in (old, new))
    score = Change(name, old.score, old_max, new.score, new_max)
    numbers = (former.stand.number, stand.number)
    withdrawn = {
        (task.task, code) for task in new.tasks for check in task.checks for code in check.withdrawn
    }
    gone: dict[bool, list[Moved]] = {True: [], False: []}
    for key, moved in _missing_findings(new, old, hints):
        gone[key in withdrawn].append(moved)
    found = Changes(
        former.since,
        score,
        tuple(_changed_scores(old, new)),
        tuple(gone[False]),
        tuple(moved for _, moved in _missing_findings(old, new, hints)),
        tuple(_changed_overrides(old, new, former.taken_back)),
        numbers if former.stand.kept.digest != stand.kept.digest else None,
        former.reasons,
        tuple(gone[True]),
        len(_revisions(new) - _revisions(old)),
    )
    is_same_score = (score.old, score.old_max) == (score.new, score.new_max)
    no_changes = Changes(former.since, score, reasons=former.reasons)
    return None if is_same_score and found == no_changes else found


def _revisions(result: Result) -> set[int]:
    """Return the revisions of the comments on a result."""
    return {comment.revision for comment in result.comments}


def _by_check(result: Result) -> dict[tuple[str, str], tuple[TaskResult, CheckResult]]:
    """Map the ids of task and check to their results."""
    return {
        (task.task, check.check): (task, check) for task in result.tasks for check in task.checks
    }


def _changed_scores(old: Result, new: Result) -> Iterator[Change]:
    """Yield the checks whose score or largest score differs between two results."""
    before, after = _by_check(old), _by_check(new)
    for key in dict.fromkeys([*before, *after]):
        task, _ = after.get(key) or before[key]
        old_score, new_score = _score_of(before.get(key)), _score_of(after.get(key))
        if old_score != new_score:
            yield Change(f"{task.title}: {key[1]}", *old_score, *new_score)


def _score_of(found: tuple[TaskResult, CheckResult] | None) -> tuple[float, float]:
    """Return a check's score and largest score; zeros if the check does not exist."""
    return (0.0, 0.0) if found is None else (found[1].score, found[1].max_score)


def _missing_findings(
    base: Result, other: Result, hints: int
) -> Iterator[tuple[tuple[str, str], Moved]]:
    """Yield the visible findings of ``other`` that ``base`` lacks, with task and code.

    Below the hint level `TITLE_LEVEL`, a finding has its first hint as text and no entries.
    """
    known = {_key(task, finding) for task, finding in _findings(base, hints)}
    for task, finding in _findings(other, hints):
        if _key(task, finding) not in known:
            is_named = hints >= TITLE_LEVEL
            text = finding.title if is_named else next(iter(finding.hints), "")
            moved = Moved(task.title, finding.check, text, finding.entries if is_named else ())
            yield (task.task, finding.mistake), moved


def _findings(result: Result, hints: int) -> Iterator[tuple[TaskResult, Finding]]:
    """Yield the findings of a result that are visible at a hint level, with their tasks."""
    return ((task, finding) for task in result.tasks for finding in visible(task, hints))


def _key(task: TaskResult, finding: Finding) -> tuple[str, ...]:
    """Return a key that is equal for the same finding in two results."""
    return (task.task, finding.check, finding.mistake, *sorted(finding.entries))


def _changed_overrides(
    old: Result, new: Result, taken_back: Iterable[tuple[str, str, str]]
) -> Iterator[PointsGiven]:
    """Yield the points that an instructor has set or taken back between two results.

    Points that were taken back are None. ``taken_back`` are triples of task, check and reason. The
    reason is left out if the check is not visible to students.
    """
    before, after = _by_check(old), _by_check(new)
    reasons: Mapping[tuple[str, str], str] = {(task, check): why for task, check, why in taken_back}
    for key in dict.fromkeys([*before, *after]):
        task, check = after.get(key) or before[key]
        old_decision = before[key][1].decision if key in before else None
        decision = check.decision if key in after else None
        if decision is not None and (old_decision is None or old_decision.made != decision.made):
            yield PointsGiven(task.title, check.check, check.score, decision.comment)
        elif old_decision is not None and decision is None:
            is_hidden = new.visibility.get(key[1], "visible") != "visible"
            reason = "" if is_hidden else reasons.get(key, "")
            yield PointsGiven(task.title, check.check, None, reason)
    known = {line.decision.made for line in old.adjustments if line.decision is not None}
    for line in new.adjustments:
        if line.decision is not None and line.decision.made not in known:
            yield PointsGiven(line.name or "Total", "", line.score, line.decision.comment)


PAGE = ".html"
"""End of the names of pages, which tells them from tables among the files given to students."""


GROUP = "Submitted by a group"
"""Heading of a page of several students, so that the page does not name them to each other."""


class Draft(Struct, frozen=True):
    """The data of a student's page.

    ``heading`` is shown in place of the name. ``digest`` is that of the student's previous page,
    empty if there is none. ``former`` is the stand at the previous page, and ``before`` the stand
    at the page before that.
    """

    name: str
    heading: str
    stand: Stand
    digest: str = ""
    former: Former | None = None
    before: Former | None = None


class Page(Struct, frozen=True):
    """A student's page in compressed form, with its score and a comment in plain text.

    ``new`` says that the student has not been given this page. ``score`` is None if nothing could
    be graded.
    """

    name: str
    packed: bytes
    digest: str
    new: bool
    score: float | None
    max_score: float
    comment: str


class Past:
    """Looks up the stands of students at the end of any run of a class."""

    def __init__(self, store: Store) -> None:
        """Load the data of a class from which pages and their changes are made."""
        self._store = store
        self._began = {run.id: run.began for run in store.runs()}
        self._counting_at = cache(partial(Counting, store))
        self._remarks = [run for run in store.runs() if run.kind == "remark" and run.why]
        self._withdrawn, self._prices = store.withdrawn(), prices(store)
        self._taken_back = store.rows(
            'SELECT name, task, "check", run, why FROM overrides JOIN runs ON runs.id = run '
            "WHERE points IS NULL ORDER BY run"
        )

    def stand(self, name: str, upto: int | None = None) -> Stand | None:
        """Return a student's counting attempt, with its result, after the run with the id ``upto``.

        ``name`` is the student. By default, it is that after the last run. None without a result.
        """
        counting = self._counting_at(last(upto))
        attempt = counting.attempts.get(name)
        if attempt is None or not (packed := self._store.result(attempt.kept.id)):
            return None
        words, comments = counting.words.get(name, ()), counting.comments.get(name, ())
        facts = (words, counting.policy, self._withdrawn, comments, self._prices)
        return Stand(attempt.kept, packed, attempt.number, *facts)

    def former(self, name: str, run: int, upto: int | None) -> Former | None:
        """Return a student's counting attempt after a run, and the reasons for changes since.

        ``name`` is the student and ``run`` the id of the run. The reasons are those of remarks
        until the run ``upto`` that changed what this student may see, and those for overrides that
        were taken back. None if the student had no result after ``run``.
        """
        stand = self.stand(name, run)
        if stand is None:
            return None
        between = range(run + 1, last(upto) + 1)
        reasons = [
            remark.why
            for remark in self._remarks
            if remark.id in between and self._is_changed_by(name, remark.id)
        ]
        taken = [
            (row["task"], row["check"], row["why"])
            for row in self._taken_back
            if row["name"] == name and row["run"] in between
        ]
        return Former(self._began[run], stand, tuple(dict.fromkeys(reasons)), tuple(taken))

    def _is_changed_by(self, name: str, run: int) -> bool:
        """Return True if a run changed points or findings that the student may see.

        The reason of a run may be private, as "Farah was in hospital": only students whose own
        result that run changed may read it, whatever else changes on their pages later.
        """
        old, new = self.stand(name, run - 1), self.stand(name, run)
        if old is None or new is None:
            return old is not new
        return changes(Former("", old), new, EXPECTED_LEVEL) is not None


def drafts(
    store: Store, attempts: Sequence[CountingAttempt], releases: Mapping[str, Sequence[Release]]
) -> list[Draft]:
    """Collect the data of the pages of all students who have a counting result.

    A student without a submission whose overrides were all taken back is left out. ``releases``
    maps each student to the files that the student was given before.
    """
    past = Past(store)
    # A group's members have the same file, so that their page must not name one of them.
    count = Counter(map(_submission_key, attempts))
    found = []
    for attempt in attempts:
        name = attempt.kept.name
        stand = past.stand(name)
        is_taken_back = attempt.kept.standing == "absent" and stand and is_open(whole(stand))
        if stand is not None and not is_taken_back:
            heading = GROUP if count[_submission_key(attempt)] > 1 else name
            pages = _pages(releases.get(name, ()))
            digest = pages[-1].digest if pages else ""
            former = past.former(name, pages[-1].run, None) if pages else None
            before = past.former(name, pages[-2].run, pages[-1].run) if pages[1:] else None
            found.append(Draft(name, heading, stand, digest, former, before))
    return found


def _submission_key(attempt: CountingAttempt) -> tuple[str, ...]:
    """Return a key that is the same for all members of a group, and for no other student."""
    sender = attempt.kept.sender
    return attempt.kept.digest, sender.source, sender.original, sender.student


def _pages(releases: Sequence[Release]) -> list[Release]:
    """Select pages from the files given to a student; leave out repetitions of the same page."""
    pages = [release for release in releases if release.file.endswith(PAGE)]
    return pages[:1] + [new for old, new in pairwise(pages) if old.digest != new.digest]


def made(found: Sequence[Draft], hints: int, workers: int, *, comments: bool) -> Iterator[Page]:
    """Make the pages of the drafts ``found``, in the same order.

    Parameters
    ----------
    found : sequence of Draft
        The data of the pages.
    hints : int
        Hint level of the pages.
    workers : int
        Processes that share the work.
    comments : bool
        Whether to make comments in plain text too.
    """
    make = partial(_page, hints=hints, comments=comments)
    alone = len(found) <= ALONE
    yield from map_chunks(make, found, size=CHUNK, workers=1 if alone else workers)


def _page(draft: Draft, hints: int, *, comments: bool) -> Page:
    """Make a student's page, the same as the previous page if nothing has changed since.

    ``draft`` has the data of the page and of the previous one, and ``hints`` is the hint level, 1
    to 4. A changed page lists the changes since the previous one. With ``comments``, the result
    also has a comment in plain text.
    """
    result = explained(seen(draft.stand), draft.stand, hints)
    result = replace(result, submission=draft.heading)
    listed = None if draft.before is None else changes(draft.before, draft.stand, hints)
    content = _render(result, hints, listed)
    if draft.former is not None and digest_of(content) != draft.digest:
        listed = changes(draft.former, draft.stand, hints)
        content = _render(result, hints, listed)
    digest = digest_of(content)
    return Page(
        draft.name,
        zlib.compress(content),
        digest,
        digest != draft.digest,
        None if is_open(result) else result.score,
        result.max_score,
        to_comment(result, hints, listed) if comments else "",
    )


def _render(result: Result, hints: int, listed: Changes | None) -> bytes:
    """Return the bytes of a student's page with the changes listed on it."""
    return student_page(result, hints, listed).encode("utf-8", "replace")
