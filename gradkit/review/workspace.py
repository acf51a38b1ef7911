"""Open the class that is reviewed, and keep what is slow to read or compute."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import monotonic, sleep

from msgspec import Struct

from gradkit.classroom.reports.stored import identity, read_many, read_stored
from gradkit.classroom.reports.summary import Memo, everybody
from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.database import BusyError
from gradkit.classroom.store.results import Store
from gradkit.errors import GradkitError
from gradkit.records.classroom import Kept, Row
from gradkit.records.submission import Cell
from gradkit.review.similarity import Similar, handed_out, similar_submissions
from gradkit.text import name_key

PATIENCE = 5.0
"""Seconds for which a form waits while another process writes into the class."""

PAUSE = 0.1
"""Seconds between two tries to write."""

MAX_SUBMISSIONS = 4096
"""Submissions whose code is kept in memory."""


class _Known(Struct, frozen=True):
    """The class at the time of a stamp: rows, counting attempts, and all attempts by student."""

    stamp: tuple[object, ...]
    rows: list[Row]
    counting: Counting
    attempts: dict[str, list[Kept]]


class Workspace:
    """The class that is reviewed.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    """

    def __init__(self, folder: Path) -> None:
        """Store the folder of the class; its file is opened later, by `reading` and `writing`."""
        self.folder = folder
        self._memo: Memo = {}
        self._known: _Known | None = None
        # Pages are made in several threads, but only one may write or fill the memo at a time.
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._code: dict[tuple[str, str], tuple[Cell, ...]] = {}
        self._similar: tuple[tuple[object, object], Similar] | None = None
        self._comparing = threading.Lock()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Store]:
        """Open the class file for reading."""
        with Store(self.folder, write=False) as store:
            yield store

    @contextlib.contextmanager
    def writing(self) -> Iterator[Store]:
        """Open the class file for writing, and wait a moment if another process writes.

        Raises
        ------
        BusyError
            The other process still writes after `PATIENCE` seconds.
        """
        with self._writing:
            store = self._wait_for_store()
            with store:
                yield store

    def _wait_for_store(self) -> Store:
        """Open the class file for writing as soon as no other process writes.

        BusyError is raised after `PATIENCE` seconds.
        """
        latest = monotonic() + PATIENCE
        while True:
            try:
                return Store(self.folder, write=True, make=False)
            except BusyError:
                if monotonic() > latest:
                    raise
            sleep(PAUSE)

    @contextlib.contextmanager
    def marking(self) -> Iterator[Path]:
        """Let a function of gradkit that opens the class file by itself write into the class."""
        with self._writing:
            yield self.folder

    def rows(self, store: Store) -> Sequence[Row]:
        """Return a row for each student by name; compute only what has changed."""
        return self._update(store).rows

    def counting(self, store: Store) -> Counting:
        """Return the counting attempts; compute them only after a change of the class."""
        return self._update(store).counting.at(store)

    def attempts(self, store: Store, name: str) -> Sequence[Kept]:
        """Return all attempts of a student, in the order in which they were found."""
        return self._update(store).attempts.get(name, ())

    def _update(self, store: Store) -> _Known:
        """Return rows, counting attempts and all attempts of the class as it is now.

        They are computed anew only if ``store``, the open class file, has changed since the last
        call.
        """
        with self._reading:
            stamp = _stamp(store)
            if self._known is None or stamp != self._known.stamp:
                counting, attempts = Counting(store), dict[str, list[Kept]]()
                for kept in store.newest():
                    if kept.digest:
                        attempts.setdefault(kept.name, []).append(kept)
                rows = everybody(store, self._memo, counting)
                rows.sort(key=lambda row: name_key(row.name))
                self._known = _Known(stamp, rows, counting, attempts)
            return self._known

    def similar(self, store: Store) -> Similar:
        """Return the pairs of students with similar code, from all counting attempts.

        ``store`` is the open class file. The code is compared, which may take seconds, only if it
        has changed since the last call.
        """
        counting = self._counting_attempts(store)
        with self._comparing:
            self.read_all(counting)
            # Files that could not be read may be back.
            code = [(kept, *self.code(kept)) for kept in counting]
            state = (_identities(counting), [problem for _, _, problem in code])
            if self._similar is None or self._similar[0] != state:
                self._similar = (state, similar_submissions(code, handed_out(store)))
            return self._similar[1]

    def start_comparing(self) -> threading.Thread:
        """Compare the code of the class in a new thread, which is returned.

        Pages can list similar code when the thread has ended. Errors that the class cannot be read
        are ignored.
        """

        def compare() -> None:
            # A class that cannot be read is reported by the first page.
            with contextlib.suppress(GradkitError), self.reading() as store:
                self.similar(store)

        thread = threading.Thread(target=compare, daemon=True)
        thread.start()
        return thread

    def known_similar(self, store: Store) -> Similar:
        """Return the result of `similar` if these attempts were compared before, or no pairs."""
        known = self._similar
        if known is None or known[0][0] != _identities(self._counting_attempts(store)):
            return Similar()
        return known[1]

    def _counting_attempts(self, store: Store) -> list[Kept]:
        """List the counting attempt of each student."""
        return [attempt.kept for attempt in self.counting(store).attempts.values()]

    def code(self, kept: Kept) -> tuple[tuple[Cell, ...], str]:
        """Return the cells of a submission, and an empty text.

        If its files cannot be read, or nothing was submitted, no cells and a sentence with the
        reason are returned. Cells are cached.
        """
        cells = self._code.get(identity(kept))
        if cells is None:
            if not kept.digest:
                return (), "Nothing was submitted."
            try:
                cells = read_stored(kept, self.folder).cells
            except GradkitError as error:
                # Not kept, since the files may be back later.
                return (), str(error)
            self._keep({identity(kept): cells})
        return cells, ""

    def read_all(self, submissions: Iterable[Kept]) -> None:
        """Read the code of many submissions at once, which is faster than one after another."""
        missing = [kept for kept in submissions if kept.digest and identity(kept) not in self._code]
        if missing:
            self._keep({identity(one): one.cells for one in read_many(missing, self.folder)})

    def _keep(self, new: Mapping[tuple[str, str], tuple[Cell, ...]]) -> None:
        """Keep the code of submissions in memory."""
        if len(self._code) + len(new) > MAX_SUBMISSIONS:
            self._code.clear()
        self._code.update(new)


def _identities(submissions: Iterable[Kept]) -> list[tuple[str, str, str]]:
    """Return values that change when other submissions are compared."""
    return [(kept.name, kept.digest, kept.sender.original) for kept in submissions]


def _stamp(store: Store) -> tuple[object, ...]:
    """Return numbers from the class file; at least one changes with each change of the class."""
    (row,) = store.rows(
        "SELECT (SELECT max(id) FROM runs), (SELECT count(*) FROM runs WHERE ended IS NOT NULL), "
        "(SELECT max(id) FROM results), (SELECT max(id) FROM listed), "
        "(SELECT count(*) FROM submissions)"
    )
    return tuple(row)
