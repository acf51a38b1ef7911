"""A result as a comment beside a grade: plain text, for platforms that show nothing else.

Nothing that a student wrote is mark-up in it; what a platform takes for mark-up is for whoever
writes its table to escape.
"""

from __future__ import annotations

from gradkit.records.reports import Changes
from gradkit.records.result import Result
from gradkit.report.document import document
from gradkit.report.plain_text import ENDLESS, check_text, fit, head_text, shorten, total
from gradkit.report.rounding import round_points

LIMIT = 50_000
"""Bytes; Moodle keeps more, and nobody reads more."""


def to_comment(result: Result, hints: int, changes: Changes | None = None) -> str:
    """The points of each check with what there is to say, and first what has changed.

    Parameters
    ----------
    result : Result
        As the student may see it.
    hints : int
    changes : Changes, optional
        What the student did not know.
    """
    tools = {"zip": zip, "round_points": round_points, "check_text": check_text, "total": total}
    tools |= {"shorten": shorten, "head_text": head_text, "endless": ENDLESS}

    def made(room: int) -> str:
        values = {"result": result, "hints": hints, "changes": changes, "room": room}
        return document("comment.txt", **values, **tools).removesuffix("\n")

    return fit(made, LIMIT)
