"""Make a result that has a value in every kind of field, with hostile text."""

from __future__ import annotations

from gradkit.records.result import CheckResult, Course, Entry, Result, TaskResult
from gradkit.records.submission import Listing, Place, Problem

HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil\x07link\x07 [bold]loud[/bold] [/] [link=x]y[/link] "
    "\u202egnol \x00\x08\r\n<script>alert(1)</script> \ud800"
)
"""A colour, a terminal link, rich's mark-up, a direction mark, control characters, a surrogate."""


def result(text: str = "plain", *, number: float = 0.5) -> Result:
    """Return a result with ``text`` in all fields that may contain a student's own words."""
    place = Place(text, 3, 7)
    entries = (
        Entry("W1", (0, 1), "fail", number, 0.123456789, "random 1"),
        Entry(text, (), "fail", 2.0, None, text),
        Entry("b1", (0, 0), "pass", 1.0, 1.0, ""),
        Entry("b2", (0, 0), "fail", None, 3.0, "random 2"),
    )
    courses = (Course(text, (1, 2), (2.0, number), (2.0, 0.987654321)),)
    checks = (
        CheckResult("interface", "pass", 1.0, 1.0, ""),
        CheckResult("forward", "error", 0.0, 5.0, text, (), place, (text,)),
        CheckResult("update", "fail", 1.75, 12.0, text, entries, place, ()),
        CheckResult("gradient", "not-checked", 0.0, 0.0, "No torch here."),
        CheckResult("trajectory", "inconclusive", 0.0, 2.0, "A corner.", courses=courses),
    )
    listing = Listing(text, 3, 5, f"def step():\n    pass\n    return {text!r}")
    task = TaskResult(
        "regression-numpy",
        "Regression in numpy",
        2.75,
        20.0,
        18.0,
        True,
        checks,
        (),
        (text,),
        listings=(listing,),
    )
    return Result(
        submission=text,
        assignment="backpropagation",
        form="correct",
        seed=7,
        oracle="derived",
        provisional=True,
        score=2.75,
        max_score=20.0,
        tasks=(task,),
        problems=(Problem(text, place),),
        versions={"gradkit": "0.1.0", "numpy": "2.0"},
        digests={"submission": "ab", "assignment": "cd"},
        tier=1,
        path=text,
    )
