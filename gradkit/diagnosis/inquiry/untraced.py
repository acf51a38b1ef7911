"""What a diagnosis was short of: a trace that shows no line, a process that was lost over it."""

from __future__ import annotations

from collections.abc import Sequence

from gradkit.language import say
from gradkit.records.observations import Lost
from gradkit.records.result import Inquiry
from gradkit.records.rule import Trace


def why_untraced(trace: Trace) -> str:
    """Say what kept a function from being watched, as the end of a sentence.

    Empty where it was watched as a whole: then no line of it shows the mistake, as with one that
    consists in something missing.
    """
    if trace.lost is not None:
        return say(
            "the process that ran it, watched line by line, {happened}",
            happened=trace.lost.detail,
        )
    if trace.failure is not None:
        return say("watched line by line, it failed with {type}", type=trace.failure.type)
    if trace.cut:
        return say("it does more than is watched of one call")
    if all(event.kind == "given" for event in trace.events):
        return say("none of its lines was seen when it was run")
    return ""


def short_of(inquiry: Inquiry, losses: Sequence[Lost]) -> list[str]:
    """What is said where the code got lost while a mistake was looked for, or its line."""
    reasons = dict.fromkeys(finding.untraced for finding in inquiry.findings if finding.untraced)
    notes = [
        say(
            "The line of a mistake could not be determined, and its function is given instead: "
            "{reason}.",
            reason=reason,
        )
        for reason in reasons
    ]
    if losses and not reasons:
        notes.append(
            say(
                "While mistakes were looked for, the process that ran this code {happened}: one "
                "may have no name and no line for that.",
                happened=losses[-1].detail,
            )
        )
    return notes
