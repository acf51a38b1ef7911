"""Runs, submissions, their results and what was given back, in a class file: only ever added to.

A result is never changed: a newer one of the same submission takes its place. So a class
can be marked again, and it can always be told how a score came about.
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
"""Facts about the file: whose submissions a run was to grade, what some were said to be, and where
the roster is."""

LEVEL = 1
"""Of compression: arrays of floats gain little from more."""


def pack(record: object) -> bytes:
    """The bytes of a record."""
    return zlib.compress(_ENCODER.encode(record), LEVEL)


def unpack(data: bytes, kind: type[T]) -> T:
    """The record of that kind.

    Raises
    ------
    StoreError
        The bytes are not what `pack` gives of such a record.
    """
    try:
        return msgspec.msgpack.decode(zlib.decompress(data), type=kind, dec_hook=_array)
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise StoreError(
            f"The class file is damaged: what it has as a {name} is none ({error}). {RESCUE}"
        ) from None


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value)
        return {"dtype": array.dtype.str, "shape": value.shape, "data": array.tobytes()}
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a record holds a {type(value).__name__}, which cannot be packed")


def _array(kind: type, value: Any) -> Any:
    """An array, read-only as in all records."""
    return np.frombuffer(value["data"], np.dtype(value["dtype"])).reshape(value["shape"])


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)


class Store(Database):
    """See `Database`. What is added together is stored together."""

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
        """Note that a run begins, and give its number.

        Parameters
        ----------
        kind : str
        settings : Settings, optional
            What is graded or marked against, where something is.
        modules : collection of str
            Whose versions are noted too.
        why : str
        who : str
            By default the account that this runs under.
        policy : str, optional
            Which attempt counts from now on.
        rules : Policy, optional
            What holds beside the checks from now on.
        """
        said = asdict(settings) if settings else {}
        if rules is not None:
            said["rules"] = msgspec.to_builtins(rules, builtin_types=(Path,))
        with self.writing():
            return self.insert(
                "runs",
                kind=kind,
                began=now(),
                who=who or _user(),
                why=why,
                settings=json.dumps(said, default=_absolute),
                versions=json.dumps(versions_of(modules)),
                policy=policy,
            )

    def end(self, run: int) -> None:
        """Note that a run has come to its end."""
        with self.writing():
            self._base.execute("UPDATE runs SET ended = ? WHERE id = ?", (now(), run))

    def add(self, run: int, filed: Sequence[Filed]) -> None:
        """Store results, all or none of them.

        Raises
        ------
        StoreError
            See `writing`.
        """
        with self.writing():
            for one in filed:
                submission = self._submission(run, one)
                row = {"submission": submission, "run": run, "packed": one.evidence}
                evidence = self.insert("evidence", **row) if one.evidence else None
                self._insert(run, submission, evidence, one)

    def amend(self, run: int, filed: Mapping[int, Filed]) -> None:
        """Store new results made from the evidence of older ones, by the older one's id."""
        with self.writing():
            for older, one in filed.items():
                submission, evidence = self._base.execute(
                    "SELECT submission, evidence FROM results WHERE id = ?", (older,)
                ).fetchone()
                self._insert(run, submission, evidence, one)

    def _submission(self, run: int, one: Filed) -> int:
        row = self._base.execute(
            "INSERT INTO submissions (name, path, digest, run) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET run = submissions.run RETURNING id",
            (one.name, one.path, one.digest, run),
        ).fetchone()
        return int(row[0])

    def _insert(self, run: int, submission: int, evidence: int | None, one: Filed) -> None:
        same = ("key", "standing", "told", "score", "max_score", "provisional", "seconds")
        self.insert(
            "results",
            **{"submission": submission, "run": run, "evidence": evidence},
            **{name: getattr(one, name) for name in same},
            **{"made": now(), "packed": one.result},
        )

    def add_listed(self, run: int, found: Sequence[Listed]) -> None:
        """Note whose submissions a run has found. Their results are stored, now or before."""
        with self.writing():
            self._base.executemany(
                "INSERT INTO listed (run, submission, place, stamp, sender) VALUES (?, "
                "(SELECT id FROM submissions WHERE name = ? AND digest = ?), ?, ?, ?)",
                [
                    (run, one.name, one.digest, one.place, one.stamp, as_json(one.sender))
                    for one in found
                ],
            )

    def enrol(self, run: int, course: Course) -> None:
        """Note a roster and where it is; a later roster takes the place of an earlier one."""
        with self.writing():
            if course.roster or course.groups:
                self.note(COURSE, json.dumps([course.roster, course.groups]))
            if course.students == tuple(self.enrolled().values()):
                return
            for each in course.students:
                self.insert("students", run=run, name=each.name, packed=as_json(each))

    def course(self) -> Course:
        """Return what is known of the course: of the newest roster, what was read from it."""
        roster, groups = json.loads(self.meta(COURSE) or '["", false]')
        return Course(roster, groups, tuple(self.enrolled().values()))

    def await_(self, run: int, names: Iterable[str]) -> None:
        """Note who has handed in something that a run is about to grade."""
        self.note(AWAITED, json.dumps([run, sorted(set(names))]))

    def awaited(self) -> list[str]:
        """List who had handed in something that the last run did not come to."""
        run, names = json.loads(self.meta(AWAITED) or "[0, []]")
        done = self.rows(
            "SELECT name FROM listed JOIN submissions ON submissions.id = submission "
            "WHERE listed.run >= ?",
            (run,),
        )
        return [name for name in names if name not in {row["name"] for row in done}]

    def named(self, tasks: Mapping[str, Sequence[str]] | None = None) -> dict[str, tuple[str, ...]]:
        """Return the tasks that a person has said students' submissions are; note others first."""
        if tasks is not None:
            self.note(NAMED, json.dumps(tasks))
        return {name: tuple(ids) for name, ids in json.loads(self.meta(NAMED) or "{}").items()}

    def forget(self, name: str) -> None:
        """Take a student out of the facts about the file."""
        run, names = json.loads(self.meta(AWAITED) or "[0, []]")
        self.await_(run, (each for each in names if each != name))
        self.named({who: tasks for who, tasks in self.named().items() if who != name})

    def enrolled(self) -> dict[str, Student]:
        """Return the students of the newest roster, by name; none where there was no roster."""
        rows = self.rows(
            "SELECT name, packed FROM students WHERE run = (SELECT max(run) FROM students) "
            "ORDER BY id"
        )
        return {row["name"]: msgspec.json.decode(row["packed"], type=Student) for row in rows}

    def drop(self, run: int, codes: Sequence[str]) -> None:
        """Withdraw findings of these codes from everyone, now and in later runs."""
        with self.writing():
            self._base.executemany(
                "INSERT OR IGNORE INTO drops VALUES (?, ?)", [(code, run) for code in codes]
            )

    def keep(self, codes: Sequence[str]) -> None:
        """Let findings of these codes count again; the runs' settings tell that they did not."""
        with self.writing():
            self._base.executemany("DELETE FROM drops WHERE code = ?", [(code,) for code in codes])

    def dropped(self) -> tuple[str, ...]:
        """Codes of findings that have been withdrawn."""
        return tuple(self.withdrawn())

    def withdrawn(self) -> dict[str, str]:
        """Return codes of findings that have been withdrawn, and the reason given for each."""
        rows = self.rows("SELECT code, why FROM drops JOIN runs ON runs.id = run ORDER BY code")
        return {row["code"]: row["why"] for row in rows}

    def newest(self, upto: int | None = None) -> list[Kept]:
        """The newest result of each submission, by name and in the order they were first seen.

        Parameters
        ----------
        upto : int, optional
            The last run that counts, by default all do: so the class stood at its end.
        """
        names = {row["id"]: row["name"] for row in self.rows("SELECT id, name FROM submissions")}
        senders = cache(partial(msgspec.json.decode, type=Sender))
        found: dict[int, dict[str, Any]] = {}
        before: dict[tuple[str, str], int] = {}
        begun: dict[tuple[int, str], int] = {}
        alike: dict[tuple[int, str, str], int] = {}
        for run, submission, place, stamp, packed in self.rows(
            "SELECT run, submission, place, stamp, sender FROM listed WHERE run <= ? ORDER BY id",
            (last(upto),),
        ):
            sender, name = senders(packed), names[submission]
            key = (submission, sender.original)
            # Found where the same was found last, or of the same time, it was not given anew.
            if before.get((name, sender.original)) != submission:
                before[name, sender.original], begun[key] = submission, run
            first = alike.setdefault((*key, stamp), run) if stamp else run
            facts = {"seen": run, "place": place, "stamp": stamp, "sender": sender}
            found[submission] = {**facts, "given": min(begun[key], first)}
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
        """The packed result."""
        return self._packed("SELECT packed FROM results WHERE id = ?", id_) or b""

    def last_graded(self) -> bytes | None:
        """The packed result that was stored last; None where nothing has been graded."""
        query = "SELECT packed FROM results WHERE standing = 'graded' ORDER BY id DESC LIMIT 1"
        return self._packed(query)

    def evidence(self, id_: int) -> bytes | None:
        """The packed evidence that a result was made from; None where there is none."""
        query = (
            "SELECT evidence.packed FROM results JOIN evidence ON evidence.id = results.evidence"
        )
        return self._packed(f"{query} WHERE results.id = ?", id_)

    def _packed(self, query: str, *values: object) -> bytes | None:
        return next((bytes(row["packed"]) for row in self.rows(query, values)), None)

    def runs(self) -> list[Run]:
        """All runs, the oldest first."""
        rows = self.rows("SELECT * FROM runs ORDER BY id")
        facts = ("settings", "versions")
        return [Run(**{**row, **{fact: json.loads(row[fact]) for fact in facts}}) for row in rows]

    def last_marked(self) -> Run | None:
        """Return the last run that graded the class, or marked it again."""
        return next((r for r in reversed(self.runs()) if r.kind in ("grade", "remark")), None)


def settings_of(store: Store) -> Settings:
    """The settings of the newest run of a class.

    Raises
    ------
    StoreError
        Nothing has been graded there.
    """
    run = store.last_marked()
    if run is None:
        raise StoreError(f"{store.path}: nothing has been graded there yet.")
    return settings_in(run)


def settings_in(run: Run) -> Settings:
    """Return the settings of a run that graded a class, or marked it again."""
    return msgspec.convert(run.settings, Settings, dec_hook=lambda kind, value: kind(value))


def filed_of(one: Kept | RawSubmission, key: str, marks: Result, **more: Any) -> Filed:
    """A result as it is about to be stored, of a submission or in an older one's place."""
    parts = ("score", "max_score", "provisional")
    told = {name: getattr(marks, name) for name in parts}
    return Filed(one.name, one.path, one.digest, key, "graded", **told, **more)


def now() -> str:
    """The time, UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _absolute(path: Path) -> str:
    """A path that means the same wherever the next command is started."""
    return str(path.resolve())


def as_json(record: Sender | Student) -> str:
    """Write a record as a row has it; see `sender_of`."""
    return msgspec.json.encode(record).decode()


def sender_of(row: sqlite3.Row) -> Sender:
    """Decode the sender in a row."""
    return msgspec.json.decode(row["sender"], type=Sender)


def _user() -> str:
    try:
        return storable(getpass.getuser())
    except (OSError, KeyError, ImportError):
        return "unknown"


def release(store: Store, run: int, pages: Iterable[tuple[str, str, bytes]]) -> None:
    """Note what a run gives back: students, names of files, contents."""
    with store.writing():
        for name, file, content in pages:
            packed = zlib.compress(content)
            store.insert("released", run=run, name=name, file=file, content=packed)


def releases(store: Store, name: str | None = None) -> list[Release]:
    """All that a student was given back, or that everybody was, the oldest first."""
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
    """Map each student to all that was given back, the oldest first."""
    found: dict[str, list[Release]] = {}
    for each in releases(store):
        found.setdefault(each.name, []).append(each)
    return found


def digest_of(content: bytes) -> str:
    """SHA-256, as in `Release`."""
    return hashlib.sha256(content).hexdigest()


def content(store: Store, id_: int) -> bytes:
    """The bytes of a file that was given back."""
    (row,) = store.rows("SELECT content FROM released WHERE id = ?", (id_,))
    return _content(row)


def _content(row: sqlite3.Row) -> bytes:
    return zlib.decompress(row["content"])


def key_base(settings: Settings, digests: Mapping[str, str], version: str | None = None) -> str:
    """A digest of what all results of a run depend on, besides the submissions.

    ``version`` is the gradkit that runs or ran their code, by default this one.
    """
    said = {
        key: value
        for key, value in asdict(settings).items()
        # Where the files lie does not matter, what is in them does; and what was withdrawn
        # is withdrawn from everyone alike. A tier is a promise about the machine.
        if key not in ("assignment", "reference", "dropped", "require_tier")
    }
    return key_of(json.dumps([said, dict(digests), version or gradkit.__version__], sort_keys=True))


def key_of(*parts: str) -> str:
    """A digest of some texts."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def drawn(secret: str, text: str) -> bytes:
    """Draw bytes that only who has the secret can tell from the text: HMAC-SHA-256."""
    said = text.encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), said, hashlib.sha256).digest()


def seed_of(secret: str, assignment: Assignment, name: str, digest: str) -> int:
    """The seed of one attempt's probes: fresh for each, and the same whenever it is graded.

    48 bits of HMAC-SHA-256, so that nobody without the class file's secret can tell them
    beforehand. An attempt is told by the digest of its contents: neither a restart nor the
    order in which a class is graded changes what is asked.
    """
    text = json.dumps([assignment.id, name, digest])
    return int.from_bytes(drawn(secret, text)[:6], "big")
