"""The format ``html``: one submission as its page, several as a class with all their pages."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.records.result import Result
from gradkit.report.document import document
from gradkit.report.html.class_page import class_page, to_row
from gradkit.report.html.student_page import report, student_page
from gradkit.text import clean_text


def render(results: Sequence[Result], hints: int, *, many: bool = False) -> str:
    """A whole HTML document."""
    if len(results) == 1 and not many:
        return student_page(results[0], hints)
    names = [f"s{number}" for number in range(1, 1 + len(results))]
    rows = [to_row(r, hints, f"#{name}") for r, name in zip(results, names, strict=True)]
    reports = [report(r, hints, name) for r, name in zip(results, names, strict=True)]
    title = f"{len(results)} submission{'s' if len(results) != 1 else ''}"
    return class_page(rows, title, reports)


def refusal(sentences: Sequence[str]) -> str:
    """A page that says why nothing could be graded."""
    return document("refused.html", sentences=[clean_text(sentence) for sentence in sentences])


def fragment(
    title: str,
    result: Result | None,
    hints: int,
    refusal: str = "",
    notes: Sequence[str] = (),
    picture: str = "",
) -> str:
    """Write one check as a piece of HTML for a notebook's output.

    Parameters
    ----------
    title : str
        The task's.
    result : Result or None
    hints : int
        How much is shown, 1 to 4.
    refusal : str
        What is said where there is no result.
    notes : sequence of str
    picture : str
        HTML that is put in as it is, below the table.
    """
    values = {"title": title, "result": result, "hints": hints, "refusal": refusal}
    return document("fragment.html", notes=notes, picture=picture, **values)
