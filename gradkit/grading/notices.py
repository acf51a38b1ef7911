"""Make the notices of a result: what an instructor should look at, and what costs no points.

- ``own-forward-gradient``: a gradient earns points, and matches only the student's own wrong
  forward pass.
- ``selector``: the code contains several formulas, and a constant selects one of them.
- ``denied-access``: the code stopped because the sandbox denied a file or the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gradkit.records.result import FAILED, Inquiry, Notice, Verdict
from gradkit.records.submission import Cell

DENIED = ("PermissionError", "[Errno 1]", "[Errno 13]")
"""Parts of Python's error message after a denial: the exception's type, or its error number."""


def notices_of_text(verdicts: Iterable[Verdict], cells: Sequence[Cell]) -> Iterator[Notice]:
    """Yield a notice for each line of a section where a constant selects one of several formulas.

    There are none if no check fails, because the selected formula is right then.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return
    # Imported here because right submissions do not need it.
    from gradkit.grading.selectors import written_choices

    for number, line in written_choices([cell.source for cell in cells]):
        yield Notice("selector", place=cells[number].place(line))


def notices_of_verdicts(verdicts: Iterable[Verdict], inquiry: Inquiry) -> Iterator[Notice]:
    """Yield the notices that the verdicts on a task lead to.

    Parameters
    ----------
    verdicts : iterable of Verdict
    inquiry : Inquiry
        The findings. A check that fails because of findings about another check gets no notice:
        its gradients are right once those are repaired.
    """
    for verdict in verdicts:
        if verdict.own_forward and not inquiry.causes.get(verdict.check):
            yield Notice("own-forward-gradient", verdict.check, verdict.place)
        if any(word in verdict.exception for word in DENIED):
            yield Notice("denied-access", verdict.check, verdict.place)
