"""A worker pool of one that grades in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from classroom.classes import Silent

from gradkit.classroom.course.roster import enrolment_of
from gradkit.classroom.grade import Grading, Tally
from gradkit.classroom.store.results import Store
from gradkit.classroom.worker_pool import Grader, grader
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Order, Reply
from gradkit.submission.read import gather


class Here:
    """A worker pool that grades one order after another, in this process."""

    def __init__(self, able: Grader) -> None:
        self._able = able
        self._hand: deque[Order] = deque()

    def capacity(self, *, slow: bool) -> int:
        """See `WorkerPool`."""
        return 0 if self._hand else 1

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """See `WorkerPool`."""
        self._hand.extend(orders)

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """See `WorkerPool`."""
        if not self._hand:
            return []
        order = self._hand.popleft()
        return [(order, self._able.grade(order))]

    def close(self) -> None:
        """See `WorkerPool`."""


def grade_here(
    folder: Path,
    out: Path,
    settings: Settings,
    *,
    policy: str | None = None,
    new_version: bool = False,
) -> Tally:
    """Grade a folder of submissions into another folder."""
    with Store(out, write=True) as store, grader(settings) as able:
        grading = Grading(store, settings, Silent(), new_version=new_version)
        listed = enrolment_of(gather([folder]))
        return grading.run(listed, Here(able), grading.begin(listed, policy=policy))
