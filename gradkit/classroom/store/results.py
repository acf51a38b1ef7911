"""Store runs, submissions, results and feedback in a class file, which only grows.

A result is never changed: a newer result of the same submission replaces it. So a class can be
marked again, and every score can be explained.
"""

from __future__ import annotations

import getpass
import hashlib
import hmac
import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec.structs import asdict

import gradkit
from gradkit.classroom.store.database import RESCUE, Database, StoreError, last
from gradkit.grading.assess import versions_of
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Filed, Kept, Listed, Release, Run, RunKind
from gradkit.records.course import Course, Policy, Sender, Student
from gradkit.records.result import Result
from gradkit.records.submission import RawSubmission
from gradkit.records.task import Assignment
from gradkit.text import storable

T = TypeVar("T")

AWAITED, NAMED, COURSE = "awaited", "named", "course"
"""Keys of facts about the file: the students whom the last run was to grade, the tasks that an
instructor chose for students, and the roster's path."""

LEVEL = 1
"""Level of compression: higher levels hardly shrink arrays of floats."""


def pack(record: object) -> bytes:
    """Encode a record into compressed bytes."""
    return zlib.compress(_ENCODER.encode(record), LEVEL)


def unpack(data: bytes, kind: type[T]) -> T:
    """Decode a record of a type from the bytes that `pack` returned.

    Raises
    ------
    StoreError
        The bytes are not a packed record of this type.
    """
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=kind, dec_hook=_decode_array)
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise StoreError(
            f"The class file is damaged: it has a record ({name}) that cannot be read ({error}). "
            f"{RESCUE}"
        ) from None


def _encode_array(value: object) -> Any:
    """Encode an array or scalar of numpy as values that msgpack knows."""
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return {"dtype": array.dtype.str, "shape": value.shape, "data": array.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a record holds a {type(value).__name__}, which cannot be packed")


def _decode_array(kind: type, value: Any) -> Any:
    """Decode an array; it is read-only, as in all records."""
    return np.frombuffer(value["data"], np.dtype(value["dtype"])).reshape(value["shape"])


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_encode_array)


class Store(Database):
    """The stored runs, submissions and results of a class. The arguments are those of `Database`.

    Each method that stores something uses one transaction.
    """

    def begin(
        self,
        kind: RunKind,
        settings: Settings | None = None,
        modules: Collection[str] = (),
        why: str = "",
        *,
        who: str = "",
        policy: str | None = None,
        rules: Policy | None = None,
    ) -> int:
        """Store the beginning of a run, and return its number.

        Parameters
        ----------
        kind : str
        settings : Settings, optional
            Settings of grading or marking, if the run does either.
        modules : collection of str
            Additional modules whose versions are stored.
        why : str
            Reason for the run.
        who : str
            Account that started the run, by default that of this process.
        policy : str, optional
            Rule for the attempt that counts from now on.
        rules : Policy, optional
            Policy of the course from now on.
        """
        facts = asdict(settings) if settings else {}
        if rules is not None:
            facts["rules"] = msgspec.to_builtins(rules, builtin_types=(Path,))
        with self.writing():
            return self.insert(
                "runs",
                kind=kind,
                began=now(),
                who=who or account(),
                why=why,
                settings=json.dumps(facts, default=_absolute),
                versions=json.dumps(versions_of(modules)),
                policy=policy,
            )

    def end(self, run: int) -> None:
        """Store the time at which a run ended."""
        with self.writing():
            self._base.execute("UPDATE runs SET ended = ? WHERE id = ?", (now(), run))

    def add(self, run: int, filed: Sequence[Filed]) -> None:
        """Store results with their evidence, all or none of them.

        Raises
        ------
        StoreError
            The file cannot be written, see `writing`.
        """
        with self.writing():
            for result in filed:
                submission = self._submission_id(run, result)
                row = {"submission": submission, "run": run, "packed": result.evidence}
                evidence = self.insert("evidence", **row) if result.evidence else None
                self._insert(run, submission, evidence, result)

    def amend(self, run: int, filed: Mapping[int, Filed]) -> None:
        """Store new results that were made from the evidence of older ones.

        ``filed`` has each new result by the id of the older one.
        """
        with self.writing():
            for older, result in filed.items():
                submission, evidence = self._base.execute(
                    "SELECT submission, evidence FROM results WHERE id = ?", (older,)
                ).fetchone()
                self._insert(run, submission, evidence, result)

    def _submission_id(self, run: int, filed: Filed) -> int:
        """Return the row id of a student's submission; insert a row for a new digest."""
        row = self._base.execute(
            "INSERT INTO submissions (name, path, digest, run) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET run = submissions.run RETURNING id",
            (filed.name, filed.path, filed.digest, run),
        ).fetchone()
        return int(row[0])

    def _insert(self, run: int, submission: int, evidence: int | None, filed: Filed) -> None:
        """Insert the row of a result.

        ``submission`` and ``evidence`` are the ids of their rows; ``evidence`` is None if none is
        stored.
        """
        same = ("key", "standing", "told", "score", "max_score", "provisional", "seconds")
        self.insert(
            "results",
            **{"submission": submission, "run": run, "evidence": evidence},
            **{name: getattr(filed, name) for name in same},
            **{"made": now(), "packed": filed.result},
        )

    def add_listed(self, run: int, found: Sequence[Listed]) -> None:
        """Store the submissions that a run has found; each must have a stored result."""
        with self.writing():
            self._base.executemany(
                "INSERT INTO listed (run, submission, place, stamp, sender) VALUES (?, "
                "(SELECT id FROM submissions WHERE name = ? AND digest = ?), ?, ?, ?)",
                [
                    (run, line.name, line.digest, line.place, line.stamp, as_json(line.sender))
                    for line in found
                ],
            )

    def enrol(self, run: int, course: Course) -> None:
        """Store a course's roster if it has changed, and the roster's path."""
        with self.writing():
            if course.roster or course.groups:
                self.note(COURSE, json.dumps([course.roster, course.groups]))
            if course.students == tuple(self.enrolled().values()):
                return
            for student in course.students:
                self.insert("students", run=run, name=student.name, packed=as_json(student))

    def course(self) -> Course:
        """Return the course with the students of the newest roster."""
        roster, groups = json.loads(self.meta(COURSE) or '["", false]')
        return Course(roster, groups, tuple(self.enrolled().values()))

    def await_(self, run: int, names: Iterable[str]) -> None:
        """Store the names of the students whose submissions a run is about to grade."""
        self.note(AWAITED, json.dumps([run, sorted(set(names))]))

    def awaited(self) -> list[str]:
        """List the students whose submissions the last run of grading has not handled yet."""
        run, names = json.loads(self.meta(AWAITED) or "[0, []]")
        done = self.rows(
            "SELECT name FROM listed JOIN submissions ON submissions.id = submission "
            "WHERE listed.run >= ?",
            (run,),
        )
        return [name for name in names if name not in {row["name"] for row in done}]

    def named(self, tasks: Mapping[str, Sequence[str]] | None = None) -> dict[str, tuple[str, ...]]:
        """Return the ids of the tasks that an instructor chose, by student.

        If ``tasks`` is given, it is stored as the new choice first.
        """
        if tasks is not None:
            self.note(NAMED, json.dumps(tasks))
        return {name: tuple(ids) for name, ids in json.loads(self.meta(NAMED) or "{}").items()}

    def forget(self, name: str) -> None:
        """Remove a student's name from the facts that are stored about the whole file."""
        run, names = json.loads(self.meta(AWAITED) or "[0, []]")
        self.await_(run, (other for other in names if other != name))
        self.named({other: tasks for other, tasks in self.named().items() if other != name})

    def enrolled(self) -> dict[str, Student]:
        """Return the students of the newest roster by name; empty if there is no roster."""
        rows = self.rows(
            "SELECT name, packed FROM students WHERE run = (SELECT max(run) FROM students) "
            "ORDER BY id"
        )
        return {row["name"]: msgspec.json.decode(row["packed"], type=Student) for row in rows}

    def drop(self, run: int, codes: Sequence[str]) -> None:
        """Withdraw findings with these codes from all results, now and in later runs."""
        with self.writing():
            self._base.executemany(
                "INSERT OR IGNORE INTO drops VALUES (?, ?)", [(code, run) for code in codes]
            )

    def keep(self, codes: Sequence[str]) -> None:
        """Let findings with these codes count again; earlier runs' settings still list them."""
        with self.writing():
            self._base.executemany("DELETE FROM drops WHERE code = ?", [(code,) for code in codes])

    def dropped(self) -> tuple[str, ...]:
        """Return the codes of withdrawn findings."""
        return tuple(self.withdrawn())

    def withdrawn(self) -> dict[str, str]:
        """Return the reasons for withdrawing findings, by the findings' codes."""
        rows = self.rows("SELECT code, why FROM drops JOIN runs ON runs.id = run ORDER BY code")
        return {row["code"]: row["why"] for row in rows}

    def newest(self, upto: int | None = None) -> list[Kept]:
        """Return the newest result of each submission, by name and in the order first found.

        Results of submissions that no run has listed are left out.

        Parameters
        ----------
        upto : int, optional
            Run after whose end the class is looked at, by default the last.
        """
        names = {row["id"]: row["name"] for row in self.rows("SELECT id, name FROM submissions")}
        senders = cache(partial(msgspec.json.decode, type=Sender))
        found: dict[int, dict[str, Any]] = {}
        previous: dict[tuple[str, str], int] = {}
        since: dict[tuple[int, str], int] = {}
        first_with_stamp: dict[tuple[int, str, str], int] = {}
        for run, submission, place, stamp, packed in self.rows(
            "SELECT run, submission, place, stamp, sender FROM listed WHERE run <= ? ORDER BY id",
            (last(upto),),
        ):
            sender, name = senders(packed), names[submission]
            key = (submission, sender.original)
            # The submission is not new if the last run found it under the same name, or an
            # earlier run found it with the same time.
            if previous.get((name, sender.original)) != submission:
                previous[name, sender.original], since[key] = submission, run
            first = first_with_stamp.setdefault((*key, stamp), run) if stamp else run
            facts = {"seen": run, "place": place, "stamp": stamp, "sender": sender}
            found[submission] = {**facts, "given": min(since[key], first)}
        rows = self.rows(
            "SELECT results.id, evidence.run AS taken, results.submission, name, "
            "path, digest, key, standing, told, score, max_score, provisional FROM results "
            "JOIN submissions ON submissions.id = results.submission "
            "LEFT JOIN evidence ON evidence.id = results.evidence WHERE results.id IN "
            "(SELECT max(id) FROM results WHERE run <= ? GROUP BY submission) "
            "ORDER BY name, results.submission",
            (last(upto),),
        )
        return [
            Kept(**{**row, "provisional": bool(row["provisional"]), **found[row["submission"]]})
            for row in rows
            if row["submission"] in found
        ]

    def result(self, id_: int) -> bytes:
        """Return a packed result by its id; empty bytes if it does not exist."""
        return self._packed("SELECT packed FROM results WHERE id = ?", id_) or b""

    def last_graded(self) -> bytes | None:
        """Return the packed result of the submission graded last; None if nothing is graded."""
        query = "SELECT packed FROM results WHERE standing = 'graded' ORDER BY id DESC LIMIT 1"
        return self._packed(query)

    def evidence(self, id_: int) -> bytes | None:
        """Return the packed evidence that a result was made from; None if there is none.

        ``id_`` is the id of the result.
        """
        query = (
            "SELECT evidence.packed FROM results JOIN evidence ON evidence.id = results.evidence"
        )
        return self._packed(f"{query} WHERE results.id = ?", id_)

    def _packed(self, query: str, *values: object) -> bytes | None:
        """Return the column ``packed`` of a query's first row, None without rows."""
        return next((bytes(row["packed"]) for row in self.rows(query, values)), None)

    def runs(self) -> list[Run]:
        """Return all runs, the oldest first."""
        rows = self.rows("SELECT * FROM runs ORDER BY id")
        facts = ("settings", "versions")
        return [Run(**{**row, **{fact: json.loads(row[fact]) for fact in facts}}) for row in rows]

    def last_marked(self) -> Run | None:
        """Return the last run that graded or re-marked the class, None if there is none."""
        return next((r for r in reversed(self.runs()) if r.kind in ("grade", "remark")), None)


def settings_of(store: Store) -> Settings:
    """Return the settings of the last run that graded or re-marked a class.

    Raises
    ------
    StoreError
        Nothing has been graded in this class.
    """
    run = store.last_marked()
    if run is None:
        raise StoreError(f"{store.path}: nothing has been graded there yet.")
    return settings_in(run)


def settings_in(run: Run) -> Settings:
    """Return the settings of a run that graded or re-marked a class."""
    return msgspec.convert(run.settings, Settings, dec_hook=lambda kind, value: kind(value))


def filed_of(submission: Kept | RawSubmission, key: str, marks: Result, **more: Any) -> Filed:
    """Return a graded result ready to be stored.

    ``submission`` is the graded submission, or the older result to be replaced; ``key`` is the
    digest of all that the result depends on, and ``marks`` the result. ``more`` are further fields
    of `Filed`.
    """
    parts = ("score", "max_score", "provisional")
    scores = {name: getattr(marks, name) for name in parts}
    return Filed(
        submission.name, submission.path, submission.digest, key, "graded", **scores, **more
    )


def now() -> str:
    """Return the present time in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _absolute(path: Path) -> str:
    """Return an absolute path, which does not depend on the working directory."""
    return str(path.resolve())


def as_json(record: Sender | Student) -> str:
    """Encode a record as the text of a column."""
    return msgspec.json.encode(record).decode()


def sender_of(row: sqlite3.Row) -> Sender:
    """Decode the column ``sender`` of a row."""
    return msgspec.json.decode(row["sender"], type=Sender)


def account() -> str:
    """Return the name of the account that this process runs under, or ``unknown``."""
    try:
        return storable(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "unknown"


def release(store: Store, run: int, pages: Iterable[tuple[str, str, bytes]]) -> None:
    """Store the files that a run gives to students: triples of student, file name and content."""
    with store.writing():
        for name, file, content in pages:
            packed = zlib.compress(content)
            store.insert("released", run=run, name=name, file=file, content=packed)


def releases(store: Store, name: str | None = None) -> list[Release]:
    """List the files that a student (by default all students) was given, the oldest first."""
    rows = store.rows(
        "SELECT id, run, name, file, content FROM released WHERE name = coalesce(?, name) "
        "ORDER BY id",
        (name,),
    )
    return [
        Release(row["id"], row["run"], row["name"], row["file"], digest_of(_content(row)))
        for row in rows
    ]


def given(store: Store) -> dict[str, list[Release]]:
    """Map each student to the files that the student was given, the oldest first."""
    found: dict[str, list[Release]] = {}
    for file in releases(store):
        found.setdefault(file.name, []).append(file)
    return found


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest of a file's content, as in `Release`."""
    return hashlib.sha256(content).hexdigest()


def content(store: Store, id_: int) -> bytes:
    """Return the content of a file that was given to a student, by its id."""
    (row,) = store.rows("SELECT content FROM released WHERE id = ?", (id_,))
    return _content(row)


def _content(row: sqlite3.Row) -> bytes:
    """Decompress the column ``content`` of a row."""
    return zlib.decompress(row["content"])


def key_base(settings: Settings, digests: Mapping[str, str], version: str | None = None) -> str:
    """Return a digest of everything that all results of a run depend on, except submissions.

    ``version`` is the gradkit version that runs or ran the code, by default this one.
    """
    facts = {
        key: value
        for key, value in asdict(settings).items()
        # The contents of the assignment's files are in the digests, so their paths do not
        # matter. Decisions about findings are the same for all results, and a required tier says
        # something about the machine only.
        if key not in ("assignment", "reference", "dropped", "accepted", "prices", "require_tier")
    }
    return key_of(
        json.dumps([facts, dict(digests), version or gradkit.__version__], sort_keys=True)
    )


def key_of(*parts: str) -> str:
    """Return a digest of some texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def drawn(secret: str, text: str) -> bytes:
    """Return the HMAC-SHA-256 of a text, which cannot be computed without the secret."""
    data = text.encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), data, hashlib.sha256).digest()


def seed_of(secret: str, assignment: Assignment, name: str, digest: str) -> int:
    """Return the seed of an attempt's random inputs: another for each attempt, but reproducible.

    It is 48 bits of HMAC-SHA-256, so that it cannot be predicted without the class file's secret.
    It depends on the student's name and the digest of the contents, so that neither a restart nor
    the order of grading changes the inputs.
    """
    text = json.dumps([assignment.id, name, digest])
    return int.from_bytes(drawn(secret, text)[:6], "big")
