"""What is kept of a graded submission, so that it can be judged and marked again without it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradkit.records.binding import Binding
from gradkit.records.finding import Inquiry
from gradkit.records.observations import Observations
from gradkit.records.result import Result
from gradkit.records.submission import Listing
from gradkit.records.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one section's code answered to the questions of one task, and what it was found to do.

    ``seed`` draws the same questions again, and ``questions`` is a digest of them: where it
    comes out otherwise, these answers are to something else. ``verdicts`` are those that the
    inquiry was about, ``tolerances`` what each check let pass, and ``basis`` is a digest of
    all that they depend on besides. Where the task could not be put at all, ``unchecked``
    says why and there are no answers. ``section`` is what the section is called; ``notes``
    are remarks on the grading, ``listings`` the code that findings and checks point to.
    """

    task: str
    section: str
    seed: int
    questions: str = ""
    binding: Binding | None = None
    observations: Observations | None = None
    inquiry: Inquiry = Inquiry()  # noqa: RUF009  (frozen, and empty)
    verdicts: tuple[Verdict, ...] = ()
    basis: str = ""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    unchecked: str = ""
    notes: tuple[str, ...] = ()
    tier: int = 0
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True)
class Graded:
    """A result with all that it was made from."""

    result: Result
    evidence: tuple[Evidence, ...]
