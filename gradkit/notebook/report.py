"""Show the result of a check in a notebook, as HTML or as text."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from gradkit.records.result import Result


class Report(Struct, frozen=True):
    """The outcome of `gradkit.check`.

    ``result`` is None where nothing was marked; ``refusal`` then says why. ``notes`` say how
    it was checked, where that matters.
    """

    title: str
    hints: int
    result: Result | None = None
    refusal: str = ""
    notes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """Points earned; 0 where nothing was marked."""
        return self.result.score if self.result else 0.0

    @property
    def max_score(self) -> float:
        """Points of the task; 0 where nothing was marked."""
        return self.result.max_score if self.result else 0.0

    @property
    def passed(self) -> bool:
        """True where every check passed."""
        checks = [c for t in self.result.tasks for c in t.checks] if self.result else []
        return bool(checks) and all(check.state == "pass" for check in checks)

    def __repr__(self) -> str:
        """Plain text: the mark sheet."""
        # Late: rich is loaded where text is shown, and nowhere else.
        from gradkit.report.text import to_text

        told = [self.refusal] if self.result is None else [to_text([self.result], self.hints)]
        return "\n".join([*told, *self.notes]).rstrip("\n")

    def _repr_html_(self) -> str:
        from gradkit.report.html.page import fragment

        return fragment(self.title, self.result, self.hints, self.refusal, self.notes)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        """Both forms, for the notebook to choose from."""
        wanted = {"text/plain": self.__repr__, "text/html": self._repr_html_}
        return {
            kind: make()
            for kind, make in wanted.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }
