"""Pages of a class: one of all, one for each student, and what is new in it when it is given back.

The students' pages may be handed on; the class page is the instructor's. A page that is given back
says what is new since the page before it. Where nothing is, it is that page again, byte for byte:
made once more against what it was made against then.
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
from gradkit.classroom.reports.summary import everybody
from gradkit.classroom.store.counted import (
    NO_POLICY,
    Counting,
    counted,
    decided,
    is_open,
)
from gradkit.classroom.store.database import StoreError, last
from gradkit.classroom.store.results import Store, digest_of, unpack
from gradkit.classroom.worker_pool import map_chunks
from gradkit.diagnosis.catalogue import mistake
from gradkit.formatting import format_text
from gradkit.grading.mark import WITHDRAWN
from gradkit.records.classroom import Change, CountingAttempt, Kept, Override, Release, Row
from gradkit.records.course import Policy
from gradkit.records.reports import Changes, Moved, PointsGiven
from gradkit.records.result import CheckResult, Finding, Result, TaskResult
from gradkit.report.data import EXPECTED_LEVEL, TITLE_LEVEL, apply_visibility, visible
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import student_page
from gradkit.report.plain_text import to_comment
from gradkit.writing import make_folder_inside, write_whole

CHUNK = 20
"""Results that go to a process at a time."""

ALONE = 30
"""Pages that are written by this process: others would take longer to start."""


def write_pages(
    store: Store, folder: Path, hints: int, workers: int, rows: Sequence[Row] = ()
) -> None:
    """Write ``index.html`` and ``students/NAME.html``.

    Parameters
    ----------
    store : Store
    folder : Path
        Made if there is none; pages of the same names are replaced, each at once.
    hints : int
        The level of the students' pages.
    workers : int
        Processes that share the work.
    rows : sequence of Row
        See `everybody`, by default what it gives.

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
        linked.sort(key=lambda row: row.name)
        page = class_page(linked, folder.resolve().parent.name)
        write_whole(folder / "index.html", page.encode())
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written ({error.strerror}). What is graded "
            "is stored all the same."
        ) from None


def _write(stand: Stand, students: Path, hints: int) -> tuple[str, str]:
    """Write a student's page, and return name and link."""
    name = stand.kept.name
    page = student_page(explained(seen(stand), stand.withdrawn, hints), hints)
    write_whole(students / file_name(name), page.encode())
    return name, f"{students.name}/{file_name(name)}"


class Stand(Struct, frozen=True):
    """How a student's submission stands, or stood: the attempt that counts, and what was said.

    ``withdrawn`` has for each code that counts no more the reason given, if there is one.
    """

    kept: Kept
    packed: bytes
    number: int
    words: tuple[Override, ...]
    policy: Policy = NO_POLICY
    withdrawn: Mapping[str, str] = field(default_factory=dict)


class Former(Struct, frozen=True):
    """How it stood at ``since``, and the reasons that were given for what was done after that.

    ``taken_back`` has by task and check why a person's points were taken back.
    """

    since: str
    stand: Stand
    reasons: tuple[str, ...] = ()
    taken_back: tuple[tuple[str, str, str], ...] = ()


def whole(stand: Stand) -> Result:
    """Return what counts."""
    return counted(unpack(stand.packed, Result), stand.kept, stand.words, stand.policy)


def seen(stand: Stand) -> Result:
    """Return what the student may see of a result; that a word is stale is for others to know."""
    return apply_visibility(_settled(whole(stand)))


def explained(result: Result, withdrawn: Mapping[str, str], hints: int) -> Result:
    """Return a result in which each task says once what was withdrawn of each check, and why."""

    def told(task: TaskResult) -> Iterator[CheckResult]:
        said: set[str] = set()
        for check in task.checks:
            new = [code for code in check.withdrawn if code not in said]
            said.update(new)
            notes = [note for note in check.notes if new or note != WITHDRAWN]
            for code in new:
                if hints >= TITLE_LEVEL:
                    notes.append(format_text("Withdrawn: {title}.", title=mistake(code).title))
                if withdrawn.get(code):
                    notes.append(format_text("The reason given: {reason}", reason=withdrawn[code]))
            yield replace(check, notes=tuple(dict.fromkeys(notes)))

    tasks = (replace(each, checks=tuple(told(each))) for each in result.tasks)
    return replace(result, tasks=tuple(tasks))


def _settled(result: Result) -> Result:
    """Return a result in which nothing that a person has set is stale."""
    settle = partial(decided, stale=False)
    tasks = (replace(each, checks=tuple(map(settle, each.checks))) for each in result.tasks)
    return replace(result, tasks=tuple(tasks), adjustments=tuple(map(settle, result.adjustments)))


def changes(former: Former, stand: Stand, hints: int) -> Changes | None:
    """Compare two results of a student as the student may see them.

    Parameters
    ----------
    former : Former
    stand : Stand
    hints : int
        The level of the page.

    Returns
    -------
    Changes or None
        None where nothing has changed that the student may see.
    """
    old, new = seen(former.stand), seen(stand)
    name = stand.kept.name
    most, now = (0.0 if is_open(each) else each.max_score for each in (old, new))
    score = Change(name, old.score, most, new.score, now)
    numbers = (former.stand.number, stand.number)
    out = {(task.task, code) for task in new.tasks for c in task.checks for code in c.withdrawn}
    gone: dict[bool, list[Moved]] = {True: [], False: []}
    for key, moved in _moved(new, old, hints):
        gone[key in out].append(moved)
    found = Changes(
        former.since,
        score,
        tuple(_checks(old, new)),
        tuple(gone[False]),
        tuple(moved for _, moved in _moved(old, new, hints)),
        tuple(_words(old, new, former.taken_back)),
        numbers if former.stand.kept.digest != stand.kept.digest else None,
        former.reasons,
        tuple(gone[True]),
    )
    still = (score.old, score.old_max) == (score.new, score.new_max)
    nothing = Changes(former.since, score, reasons=former.reasons)
    return None if still and found == nothing else found


def _by_check(result: Result) -> dict[tuple[str, str], tuple[TaskResult, CheckResult]]:
    return {
        (task.task, check.check): (task, check) for task in result.tasks for check in task.checks
    }


def _checks(old: Result, new: Result) -> Iterator[Change]:
    before, after = _by_check(old), _by_check(new)
    for key in dict.fromkeys([*before, *after]):
        task, _ = after.get(key) or before[key]
        was, now = _worth(before.get(key)), _worth(after.get(key))
        if was != now:
            yield Change(f"{task.title}: {key[1]}", *was, *now)


def _worth(found: tuple[TaskResult, CheckResult] | None) -> tuple[float, float]:
    return (0.0, 0.0) if found is None else (found[1].score, found[1].max_score)


def _moved(there: Result, missing: Result, hints: int) -> Iterator[tuple[tuple[str, str], Moved]]:
    """Findings of ``missing`` that are not in the other, with their tasks and codes."""
    known = {_key(task, finding) for task, finding in _findings(there, hints)}
    for task, finding in _findings(missing, hints):
        if _key(task, finding) not in known:
            named = hints >= TITLE_LEVEL
            said = finding.title if named else next(iter(finding.hints), "")
            told = Moved(task.title, finding.check, said, finding.entries if named else ())
            yield (task.task, finding.mistake), told


def _findings(result: Result, hints: int) -> Iterator[tuple[TaskResult, Finding]]:
    return ((task, finding) for task in result.tasks for finding in visible(task, hints))


def _key(task: TaskResult, finding: Finding) -> tuple[str, ...]:
    return (task.task, finding.check, finding.mistake, *sorted(finding.entries))


def _words(
    old: Result, new: Result, taken_back: Iterable[tuple[str, str, str]]
) -> Iterator[PointsGiven]:
    """A check that is not shown keeps its reasons too."""
    before, after = _by_check(old), _by_check(new)
    why: Mapping[tuple[str, str], str] = {(task, check): said for task, check, said in taken_back}
    for key in dict.fromkeys([*before, *after]):
        task, check = after.get(key) or before[key]
        was = before[key][1].decision if key in before else None
        now = check.decision if key in after else None
        if now is not None and (was is None or was.made != now.made):
            yield PointsGiven(task.title, check.check, check.score, now.comment)
        elif was is not None and now is None:
            unseen = new.visibility.get(key[1], "visible") != "visible"
            yield PointsGiven(task.title, check.check, None, "" if unseen else why.get(key, ""))
    made = {line.decision.made for line in old.adjustments if line.decision is not None}
    for line in new.adjustments:
        if line.decision is not None and line.decision.made not in made:
            yield PointsGiven(line.name or "Total", "", line.score, line.decision.comment)


PAGE = ".html"
"""How the names of pages end, among all that students are given."""


GROUP = "Handed in by a group"
"""In the place of a name where several have one page: none of them is named to the others."""


class Draft(Struct, frozen=True):
    """A page to be made.

    ``heading`` says whose it is. ``digest`` is that of the page that the
    student was given last, and empty where there is none; ``former`` how things stood then, and
    ``before`` how they stood when the page before that one was given.
    """

    name: str
    heading: str
    stand: Stand
    digest: str = ""
    former: Former | None = None
    before: Former | None = None


class Page(Struct, frozen=True):
    """A page, compressed. ``new``: the student has not been given it. ``comment`` is plain text.

    There is no score where nothing could be graded.
    """

    name: str
    packed: bytes
    digest: str
    new: bool
    score: float | None
    max_score: float
    comment: str


class Past:
    """How a class stood at the end of any run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._began = {run.id: run.began for run in store.runs()}
        self._at = cache(partial(Counting, store))
        self._remarks = [run for run in store.runs() if run.kind == "remark" and run.why]
        self._withdrawn = store.withdrawn()
        self._taken_back = store.rows(
            'SELECT name, task, "check", run, why FROM overrides JOIN runs ON runs.id = run '
            "WHERE points IS NULL ORDER BY run"
        )

    def stand(self, name: str, upto: int | None = None) -> Stand | None:
        """Return how a student stood; None where nothing had been graded that counts."""
        at = self._at(last(upto))
        one = at.attempts.get(name)
        if one is None or not (packed := self._store.result(one.kept.id)):
            return None
        words = at.words.get(name, ())
        return Stand(one.kept, packed, one.number, words, at.policy, self._withdrawn)

    def former(self, name: str, run: int, upto: int | None) -> Former | None:
        """Return a student's result at a run, and the reasons for its changes until ``upto``."""
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
        """Return whether a run changed points or findings that the student may see.

        The reason of a run may be private, as "Farah was in hospital": only students whose own
        result that run changed may read it, whatever else changes on their pages later.
        """
        old, new = self.stand(name, run - 1), self.stand(name, run)
        if old is None or new is None:
            return old is not new
        return changes(Former("", old), new, EXPECTED_LEVEL) is not None


def drafts(
    store: Store, found: Sequence[CountingAttempt], told: Mapping[str, Sequence[Release]]
) -> list[Draft]:
    """Pages for those who have a result that counts; ``told`` is what each was given before."""
    past = Past(store)
    # One file has several students where a group handed it in.
    count = Counter(map(_handed_in, found))
    made = []
    for one in found:
        name = one.kept.name
        stand = past.stand(name)
        taken_back = one.kept.standing == "absent" and stand and is_open(whole(stand))
        if stand is not None and not taken_back:
            heading = GROUP if count[_handed_in(one)] > 1 else name
            pages = _pages(told.get(name, ()))
            digest = pages[-1].digest if pages else ""
            former = past.former(name, pages[-1].run, None) if pages else None
            before = past.former(name, pages[-2].run, pages[-1].run) if pages[1:] else None
            made.append(Draft(name, heading, stand, digest, former, before))
    return made


def _handed_in(one: CountingAttempt) -> tuple[str, ...]:
    """Return a key that is the same for all of a group, and for nobody else."""
    sender = one.kept.sender
    return one.kept.digest, sender.source, sender.original, sender.student


def _pages(told: Sequence[Release]) -> list[Release]:
    """The pages among what a student was given, each once where it was given several times."""
    pages = [each for each in told if each.file.endswith(PAGE)]
    return pages[:1] + [new for old, new in pairwise(pages) if old.digest != new.digest]


def made(found: Sequence[Draft], hints: int, workers: int, *, comments: bool) -> Iterator[Page]:
    """The pages, in the same order.

    Parameters
    ----------
    found : sequence of Draft
    hints : int
        The level of the pages.
    workers : int
        Processes that share the work.
    comments : bool
        Whether each is wanted as plain text too.
    """
    make = partial(_page, hints=hints, comments=comments)
    alone = len(found) <= ALONE
    yield from map_chunks(make, found, size=CHUNK, workers=1 if alone else workers)


def _page(draft: Draft, hints: int, *, comments: bool) -> Page:
    result = explained(seen(draft.stand), draft.stand.withdrawn, hints)
    result = replace(result, submission=draft.heading)
    told = None if draft.before is None else changes(draft.before, draft.stand, hints)
    content = _written(result, hints, told)
    if draft.former is not None and digest_of(content) != draft.digest:
        told = changes(draft.former, draft.stand, hints)
        content = _written(result, hints, told)
    digest = digest_of(content)
    return Page(
        draft.name,
        zlib.compress(content),
        digest,
        digest != draft.digest,
        None if is_open(result) else result.score,
        result.max_score,
        to_comment(result, hints, told) if comments else "",
    )


def _written(result: Result, hints: int, told: Changes | None) -> bytes:
    return student_page(result, hints, told).encode("utf-8", "replace")
