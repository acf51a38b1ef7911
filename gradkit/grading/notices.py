"""Notice what an instructor should look at although it costs nothing and is no finding.

- A gradient earns points, and matches only the student's own wrong forward pass.
- The code writes out several formulas, of which a constant takes one.
- The code was denied a file or the network, and stopped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gradkit.records.result import FAILED, Inquiry, Notice, Verdict
from gradkit.records.submission import Cell

DENIED = ("PermissionError", "[Errno 1]", "[Errno 13]")
"""Python's words where the sandbox has denied something: the type, or the number in a sentence."""


def notices_of_text(verdicts: Iterable[Verdict], cells: Sequence[Cell]) -> Iterator[Notice]:
    """Yield where the text of a section takes one of several formulas by a constant.

    Of a section in which all is right the choice is right too.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return
    # Late: who is right never needs it.
    from gradkit.grading.selectors import written_choices

    for number, line in written_choices([cell.source for cell in cells]):
        yield Notice("selector", place=cells[number].place(line))


def notices_of_verdicts(verdicts: Iterable[Verdict], inquiry: Inquiry) -> Iterator[Notice]:
    """Yield what the verdicts on a task say beside their states.

    Parameters
    ----------
    verdicts : iterable of Verdict
    inquiry : Inquiry
        What is charged. Of a check that follows from its findings the gradients are right for a
        right forward pass too.
    """
    for verdict in verdicts:
        if verdict.own_forward and not inquiry.follows.get(verdict.check):
            yield Notice("own-forward-gradient", verdict.check, verdict.place)
        if any(word in verdict.exception for word in DENIED):
            yield Notice("denied-access", verdict.check, verdict.place)
