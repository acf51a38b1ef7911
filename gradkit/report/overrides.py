"""What is said of points that a person has set: one sentence, the same wherever they are shown."""

from __future__ import annotations

from gradkit.language import phrase, say
from gradkit.records.result import CheckResult
from gradkit.report.rounding import points

STALE = phrase("Something else is found now than when this was decided.")


def decided(check: CheckResult) -> str:
    """Who gave how many points of how many, when and why, and what the mark alone is.

    Its words are a person's: whoever shows it escapes them as they would a student's.

    Returns
    -------
    str
        One line; empty where the points are those of the mark.

    Examples
    --------
    >>> from gradkit.records.result import Decision
    >>> word = Decision(2.5, "A. Miller", "2026-11-25T10:00:00+00:00", "unclear sheet", False)
    >>> decided(CheckResult("update", "fail", 4.0, 5.0, "", decision=word))
    'Set to 4 of 5 by A. Miller on 2026-11-25: unclear sheet. The mark alone is 2.5.'
    """
    word = check.decision
    if word is None:
        return ""
    comment = " ".join(word.comment.split())
    why = f": {comment}" if comment else ""
    stop = "" if comment.endswith((".", "!", "?")) else "."
    by = " ".join(word.by.split())
    given = say(
        "Set to {score} of {max_score} by {by}",
        score=points(check.score),
        max_score=points(check.max_score),
        by=by,
    )
    said = say(
        "{given} on {made}{why}{stop} The mark alone is {marked}.",
        given=given,
        made=word.made[:10],
        why=why,
        stop=stop,
        marked=points(word.marked),
    )
    return f"{said} {say(STALE)}" if word.stale else said
