"""Write code words, points and what a person decided on them as people read them."""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.language import phrase, say
from gradkit.records.result import Adjustment, CheckResult, Result
from gradkit.report.rounding import points

WORDS: Mapping[str, str] = {
    # States of a check, and the kinds that a class page counts them in.
    "pass": phrase("pass"),
    "fail": phrase("fail"),
    "error": phrase("error"),
    "timeout": phrase("timeout"),
    "missing": phrase("missing"),
    "blocked": phrase("blocked"),
    "inconclusive": phrase("inconclusive"),
    "not-checked": phrase("not-checked"),
    "absent": phrase("absent"),
    "follows": phrase("follows"),
    "withdrawn": phrase("withdrawn"),
    "open": phrase("open"),
    # What became of a submission.
    "graded": phrase("graded"),
    "refused": phrase("refused"),
    "failed": phrase("failed"),
    # What is said in place of a platform.
    "file names alone": phrase("file names alone"),
    # What scores are counted in.
    "points": phrase("points"),
    "percent": phrase("percent"),
}


FOLLOWS = "follows"
"""What is said in the place of `fail` where a check lost nothing: all follows from another."""

WITHDRAWN = "withdrawn"
"""The same where all that it failed for was withdrawn."""

SIGNS: Mapping[str, tuple[str, str]] = {
    "pass": ("✓", "pass"),
    "fail": ("✗", "fail"),
    "error": ("✗", "fail"),
    "timeout": ("✗", "fail"),
    "missing": ("–", "absent"),
    "blocked": ("–", "absent"),
    "inconclusive": ("?", "open"),
    "not-checked": ("?", "open"),
    FOLLOWS: ("↳", "absent"),
    WITHDRAWN: ("–", "absent"),
}
"""For each state of a check a sign, and the kind that it is counted and coloured with."""


def state_of(check: CheckResult) -> str:
    """Return the state of a check, `FOLLOWS` or `WITHDRAWN`."""
    if check.state != "fail" or check.score != check.max_score:
        return check.state
    return FOLLOWS if check.follows else WITHDRAWN if check.withdrawn else check.state


def word(code: str) -> str:
    """A code word in the reader's language; one that is not known as it is."""
    return say(WORDS[code]) if code in WORDS else code


def adjustment_text(line: Adjustment) -> str:
    """Write why there are points beside those of the tasks; see `override_text`."""
    word = line.decision
    if word is None:
        return {"late": say("Late"), "bonus": say("Bonus"), "scale": say("Scale")}.get(
            line.kind, line.kind
        ) + f": {line.said}"
    set_ = CheckResult("", "pass", line.score, line.max_score, "", decision=word)
    return f"{line.name or say('Total')}: {override_text(set_)}"


def count_text(result: Result) -> str:
    """Say of how many tasks it is, where those count that were handed in: ``1 of 4 tasks``."""
    if result.required or result.refused or len(result.tasks) >= result.all_tasks:
        return ""
    return say("{count} of {all} tasks", count=len(result.tasks), all=result.all_tasks)


STALE = phrase("Something else is found now than when this was decided.")


def override_text(check: CheckResult) -> str:
    """Write who gave how many points of how many, when and why, and what the mark alone is.

    Its words are a person's: whoever shows it escapes them as they would a student's.

    Returns
    -------
    str
        One line; empty where the points are those of the mark.

    Examples
    --------
    >>> from gradkit.records.result import Decision
    >>> word = Decision(2.5, "A. Miller", "2026-11-25T10:00:00+00:00", "unclear sheet", False)
    >>> override_text(CheckResult("update", "fail", 4.0, 5.0, "", decision=word))
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
