"""The vocabulary of the gradient check: frozen records without methods that compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from gradkit.gradcheck.text import describe, describe_backward, frame

if TYPE_CHECKING:
    import pandas

Verdict = Literal["disagree", "inconclusive", "agree"]
WORST_FIRST: tuple[Verdict, ...] = get_args(Verdict)
Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of one parameter.

    Attributes
    ----------
    parameter : str
        Name of the parameter; the empty string where f takes a single array.
    index : tuple of int
        Position within it, in C order.
    claimed, estimate : float
        The gradient under test, and the finite-difference estimate.
    bound : float
        Absolute bound on the error of ``estimate``. Infinite where there is no estimate.
    resolution : float
        The smallest relative error of ``claimed`` that would have been seen, relative to
        the larger of ``|claimed|`` and ``|estimate|``. Infinite where both are zero.
    verdict : {"agree", "disagree", "inconclusive"}
    reason : str
        Why the verdict is inconclusive (``docs/gradients.md`` has them all); otherwise empty.
    slopes : (float, float) or None
        The slopes to the left and to the right, where a kink was found.
    """

    parameter: str
    index: Index
    claimed: float
    estimate: float
    bound: float
    resolution: float
    verdict: Verdict
    reason: str = ""
    slopes: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Direction:
    """One random direction through one parameter, standing for all of its entries.

    ``claimed`` and ``estimate`` are directional derivatives. ``resolution`` is the smallest
    error of one single entry that would have been seen, relative to the largest claimed
    entry of the parameter; where the entries have units of their own, to what it would be in the
    unit of that entry.
    """

    parameter: str
    number: int
    claimed: float
    estimate: float
    bound: float
    resolution: float
    verdict: Verdict
    reason: str = ""


class ThreeVerdicts:
    """What cannot be taken for true or false."""

    __slots__ = ()
    verdict: Verdict

    def __bool__(self) -> bool:
        """Refuse to be a truth value: there are three verdicts.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"a {type(self).__name__} has three verdicts and no truth value: this one is "
            f"{self.verdict!r}. Compare its .verdict, or use gradkit.assert_gradient or "
            f"gradkit.assert_backward."
        )


@dataclass(frozen=True, slots=True)
class Report(ThreeVerdicts):
    """What `check_gradient` found.

    Attributes
    ----------
    verdict : {"agree", "disagree", "inconclusive"}
        ``disagree`` when any entry or direction does; otherwise ``inconclusive`` when any is.
    entries : tuple of Entry
        Every entry that was looked at by itself, in the order of the parameters. For
        large problems these are only the ones that a bisection named.
    directions : tuple of Direction
        For large problems, the directions that stand for all entries.
    patterns : tuple of str
        Sentences that name a plain pattern in the differences.
    notes : tuple of str
        What else the reader ought to know about f, for example that it changes its argument.
    evaluations : int
        Number of calls of f.
    noise : float
        Size of the roughness of f, in the units of f.
    """

    verdict: Verdict
    entries: tuple[Entry, ...]
    directions: tuple[Direction, ...]
    patterns: tuple[str, ...]
    notes: tuple[str, ...]
    evaluations: int
    noise: float

    def __str__(self) -> str:
        """Return the table of the worst entries with a sentence."""
        return describe(self)

    def to_frame(self) -> pandas.DataFrame:
        """Return the entries as a pandas table with one row per entry."""
        return frame(self)


@dataclass(frozen=True, slots=True)
class InputReport:
    """What `check_backward` found for one input.

    Attributes
    ----------
    name : str
    verdict : {"agree", "disagree", "inconclusive"}
    problem : {"", "shape", "missing"}
        What kept its numbers from being compared at all.
    message : str
        A sentence.
    shape, found : tuple of int
        The shape of the input, and that of its gradient (None where there is none).
    """

    name: str
    verdict: Verdict
    problem: Literal["", "shape", "missing"]
    message: str
    shape: Index
    found: Index | None


@dataclass(frozen=True, slots=True)
class BackwardReport(ThreeVerdicts):
    """What `check_backward` found.

    Attributes
    ----------
    verdict : {"agree", "disagree", "inconclusive"}
        The worst of the inputs.
    inputs : tuple of InputReport
        One for each input that was asked for, in order.
    report : Report or None
        The gradients whose shape is right against finite differences.
    notes : tuple of str
        As in `Report`; they also say what is changed in place.
    """

    verdict: Verdict
    inputs: tuple[InputReport, ...]
    report: Report | None
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Return a sentence for each input, and the table of the worst entries."""
        return describe_backward(self)


@dataclass(frozen=True, slots=True)
class Differences:
    """Finite-difference estimates of a gradient, with what they are worth.

    Each attribute is an array, or a sequence or dict of arrays, of the structure and shapes
    of the parameters. Where several outputs were differentiated at once, every array has
    the outputs' axes at its end.

    Attributes
    ----------
    estimate, bound : float64
        The derivative, and an absolute bound on its error (infinite where unknown).
    resolution : float64
        ``bound`` relative to ``|estimate|``; infinite where the estimate is zero.
    status : str
        ``ok``, or the reason why the estimate cannot be relied on.
    left, right : float64
        One-sided slopes. They differ at a kink.
    evaluations : int
        Number of calls of f.
    """

    estimate: Any
    bound: Any
    resolution: Any
    status: Any
    left: Any
    right: Any
    evaluations: int
