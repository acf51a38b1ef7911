"""Results that wait for each other, to be stored in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gradkit.classroom.store.database import HeldError
from gradkit.classroom.store.results import Store
from gradkit.records.classroom import Filed, Listed

PATIENCE = 600.0
"""Seconds that results wait for another program to let go of the class file."""


class Backlog:
    """What is not yet in a class file.

    Parameters
    ----------
    store : Store
        Open for writing.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._filed: list[Filed] = []
        self._listed: list[Listed] = []
        self._held_since: float | None = None

    def __bool__(self) -> bool:
        """True where anything waits."""
        return bool(self._filed or self._listed)

    def add(self, filed: Sequence[Filed], listed: Sequence[Listed]) -> None:
        """Have results wait, and whose they are."""
        self._filed += filed
        self._listed += listed

    def flush(self, run: int) -> list[tuple[Listed, str]]:
        """Store what waits; where another program holds the file it waits on, to be tried again.

        Returns
        -------
        list of tuple
            What is no row of a table, and why: all others are stored without it.

        Raises
        ------
        StoreError
            The file cannot be written, or has been held for longer than `PATIENCE`.
        """
        filed, listed, left = self._filed, self._listed, []
        try:
            self._write(run, filed, listed)
        except (TypeError, ValueError):
            left = self._one_by_one(run, filed, listed)
        except HeldError:
            self._held_since = self._held_since or time.monotonic()
            if time.monotonic() - self._held_since > PATIENCE:
                raise
            return []
        self._filed, self._listed, self._held_since = [], [], None
        return left

    def _one_by_one(
        self, run: int, filed: Sequence[Filed], listed: Sequence[Listed]
    ) -> list[tuple[Listed, str]]:
        left = []
        for one in listed:
            own = [each for each in filed if (each.name, each.digest) == (one.name, one.digest)]
            try:
                self._write(run, own, [one])
            except (TypeError, ValueError) as error:
                left.append((one, f"the result could not be stored ({error})"))
        return left

    def _write(self, run: int, filed: Sequence[Filed], listed: Sequence[Listed]) -> None:
        if filed or listed:
            with self._store.writing():
                self._store.add(run, filed)
                self._store.add_listed(run, listed)
