"""Show the result of a check in a notebook, as HTML or as text."""

from __future__ import annotations

import base64
import importlib.util
import io
from collections.abc import Collection, Sequence
from html import escape

from msgspec import Struct
from msgspec.structs import replace

from gradkit.language import phrase, say
from gradkit.records.result import Course, Result
from gradkit.report.data import EXPECTED_LEVEL
from gradkit.text import label_said

WITHOUT = phrase("The training runs are drawn where matplotlib is installed; here it is not.")


def courses_of(result: Result, hints: int) -> list[Course]:
    """The losses of each training run; the expected ones where the hint level shows them."""
    courses = [course for task in result.tasks for check in task.checks for course in check.courses]
    if hints >= EXPECTED_LEVEL:
        return courses
    return [replace(course, expected=()) for course in courses if course.found]


def plot(courses: Sequence[Course]) -> tuple[str, str]:
    """A picture with its description, or a note that there is none.

    Parameters
    ----------
    courses : sequence of Course

    Returns
    -------
    picture : str
        An ``img`` element that holds the picture, with its description in words.
    note : str
        Why there is none.
    """
    if importlib.util.find_spec("matplotlib") is None:
        return "", say(WITHOUT)
    # Late, and without pyplot: the student's own figures and settings stay as they are.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(3.6 * len(courses), 2.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for place, course in enumerate(courses, 1):
        axes = figure.add_subplot(1, len(courses), place)
        # Told apart by form as well as by colour.
        for losses, form, colour, width, label in (
            (course.expected, "-", "#0072b2", 3.0, say("expected")),
            (course.found, "o--", "#d55e00", 1.5, say("yours")),
        ):
            if losses:
                drawn = axes.plot(course.epochs, losses, form, color=colour, label=label)
                drawn[0].set(linewidth=width, markersize=3)
        axes.set_title(say("from the {start} start", start=label_said(course.start)), fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xlabel(say("epoch"), fontsize=8)
        axes.set_ylabel(say("loss"), fontsize=8)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    data = base64.b64encode(buffer.getvalue()).decode()
    words = escape(" ".join(map(describe, courses)), quote=True)
    style = (
        "display:block;margin-top:8px;max-width:100%;background:#fff;"
        "border:1px solid #888;border-radius:4px"
    )
    return f'<img src="data:image/png;base64,{data}" alt="{words}" style="{style}">', ""


def describe(course: Course) -> str:
    """The picture of one run in words."""
    said = [
        say(
            "{whose} from {first} to {last}",
            whose=whose,
            first=f"{losses[0]:.6g}",
            last=f"{losses[-1]:.6g}",
        )
        for whose, losses in ((say("expected"), course.expected), (say("yours"), course.found))
        if losses
    ]
    told = ", ".join(said if course.found else [*said, say("yours is missing")])
    return say(
        "Loss from the {start} start over {epochs} epochs: {told}.",
        start=label_said(course.start),
        epochs=course.epochs[-1],
        told=told,
    )


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

        courses = [] if self.result is None else courses_of(self.result, self.hints)
        picture, told = plot(courses) if courses else ("", "")
        notes = (*self.notes, told) if told else self.notes
        return fragment(self.title, self.result, self.hints, self.refusal, notes, picture)

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
