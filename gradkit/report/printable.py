"""A graded submission as one value that prints as text, and that notebooks show as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from gradkit.errors import GradkitError
from gradkit.records.result import OPEN, CheckResult, Result

Outcome = Literal["passed", "failed", "open", "refused"]


class Report(Struct, frozen=True):
    """The outcome of `gradkit.check` and `gradkit.explain`.

    ``str(report)`` is plain text, and notebooks show the report as HTML. ``title`` is the task's,
    and ``hints`` the level from 1 to 4. ``result`` is the record of the marks. It is None if
    nothing was marked; ``refusal`` then says why. ``notes`` are remarks on how the functions were
    called.
    """

    title: str
    hints: int
    result: Result | None = None
    refusal: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Return the points earned; 0 if nothing was marked."""
        return self.result.score if self.result else 0.0

    @property
    def max_score(self) -> float:
        """Return the largest number of points; 0 if nothing was marked."""
        return self.result.max_score if self.result else 0.0

    @property
    def checks(self) -> Mapping[str, CheckResult]:
        """Return the checks by name; with several tasks by ``task/check``."""
        tasks = self.result.tasks if self.result else ()
        return {
            check.check if len(tasks) == 1 else f"{task.task}/{check.check}": check
            for task in tasks
            for check in task.checks
        }

    @property
    def outcome(self) -> Outcome:
        """Return ``passed`` if all checks passed, and ``failed`` if one is wrong.

        It is ``open`` if no check is wrong, but some could not be judged here, for example because
        torch is not installed. It is ``refused`` if there was nothing to mark.
        """
        states = {check.state for check in self.checks.values()}
        if not states:
            return "refused"
        if states - {"pass", *OPEN}:
            return "failed"
        return "open" if states - {"pass"} else "passed"

    @property
    def passed(self) -> bool:
        """Return True if there are checks and all of them passed."""
        return self.outcome == "passed"

    def assert_passed(self, *checks: str) -> None:
        """Assert that checks passed, with the report as the text of the exception.

        Parameters
        ----------
        *checks : str
            Keys of ``checks``; all checks if none is given.

        Raises
        ------
        AssertionError
            One of the checks is wrong, or the submission could not be graded.
        ValueError
            There is no such check.
        GradkitError
            No check is wrong, but one could not be judged here. This is not the student's mistake.
        """
        __tracebackhide__ = True
        if self.result is None:
            raise AssertionError(str(self))
        known = self.checks
        if unknown := [name for name in checks if name not in known]:
            raise ValueError(f"{unknown[0]!r}: expected one of {', '.join(known)}.")
        states = {name: known[name].state for name in checks or known}
        if any(state not in ("pass", *OPEN) for state in states.values()):
            raise AssertionError(f"\n{self}")
        if not_judged := [name for name, state in states.items() if state in OPEN]:
            names = ", ".join(not_judged)
            raise GradkitError(
                f"Could not be judged, for a reason outside of the code: {names}.\n{self}"
            )

    def __repr__(self) -> str:
        """Return the report as plain text."""
        # Imported here, so that rich is loaded only when text is shown.
        from gradkit.report.text import to_text

        parts = [self.refusal] if self.result is None else [to_text([self.result], self.hints)]
        return "\n".join([*parts, *self.notes]).rstrip("\n")

    def _repr_html_(self) -> str:
        """Return the report as HTML, which notebooks show."""
        from gradkit.report.html.page import fragment

        return fragment(self.title, self.result, self.hints, self.refusal, self.notes)
