"""Results that wait for each other, to be stored in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.classroom.file.store import Store
from gradkit.records.classroom import Filed, Listed


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

    def add(self, filed: Sequence[Filed], listed: Sequence[Listed]) -> None:
        """Have results wait, and whose they are."""
        self._filed += filed
        self._listed += listed

    def flush(self, run: int) -> list[tuple[Listed, str]]:
        """Store what waits. Nothing does afterwards.

        Returns
        -------
        list of tuple
            What is no row of a table, and why: all others are stored without it.

        Raises
        ------
        StoreError
            The file cannot be written.
        """
        filed, self._filed = self._filed, []
        listed, self._listed = self._listed, []
        try:
            self._write(run, filed, listed)
        except (TypeError, ValueError):
            return self._one_by_one(run, filed, listed)
        return []

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
