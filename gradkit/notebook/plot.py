"""The losses of training runs, beside the expected ones, as a picture inside HTML."""

from __future__ import annotations

import base64
import importlib.util
import io
from collections.abc import Sequence
from html import escape

from gradkit.notebook.report import Course

WITHOUT = "The training runs are drawn where matplotlib is installed; here it is not."


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
        return "", WITHOUT
    # Late, and without pyplot: the student's own figures and settings stay as they are.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.6 * len(courses), 2.6), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    for place, course in enumerate(courses, 1):
        axes = figure.add_subplot(1, len(courses), place)
        steps = range(1, len(course.expected) + 1)
        # Told apart by form as well as by colour.
        axes.plot(steps, course.expected, "-", color="#0072b2", linewidth=3, label="expected")
        taken = course.found[: len(course.expected)]
        axes.plot(steps[: len(taken)], taken, "o--", color="#d55e00", markersize=3, label="yours")
        axes.set_title(f"from the {course.start} start", fontsize=9)
        axes.set_xlabel("step", fontsize=8)
        axes.set_ylabel("loss", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.legend(fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    data = base64.b64encode(buffer.getvalue()).decode()
    words = escape(" ".join(map(describe, courses)), quote=True)
    style = "max-width:100%;background:#fff;border:1px solid #888;border-radius:4px"
    return f'<img src="data:image/png;base64,{data}" alt="{words}" style="{style}">', ""


def describe(course: Course) -> str:
    """The picture of one run in words."""
    head = f"Loss from the {course.start} start over {len(course.expected)} steps:"
    right = f"expected from {course.expected[0]:.6g} to {course.expected[-1]:.6g},"
    if not course.found:
        return f"{head} {right} yours is missing."
    return f"{head} {right} yours from {course.found[0]:.6g} to {course.found[-1]:.6g}."
