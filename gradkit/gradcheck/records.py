"""Records of the gradient check, and their text and table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from gradkit.gradcheck.constants import MAX_ITEMS, SLIGHT

if TYPE_CHECKING:
    import pandas

Verdict = Literal["disagree", "inconclusive", "agree"]
WORST_FIRST: tuple[Verdict, ...] = get_args(Verdict)
Index = tuple[int, ...]


class Sized:
    """How far a claimed slope is from its estimate."""

    __slots__ = ()
    claimed: float
    estimate: float
    bound: float

    @property
    def error(self) -> float:
        """The absolute error of the claim, by the estimate."""
        return abs(self.claimed - self.estimate)

    @property
    def relative_error(self) -> float:
        """The error relative to the larger of claim and estimate, 0 if both are zero."""
        size = max(abs(self.claimed), abs(self.estimate))
        return self.error / size if size > 0 else 0.0

    @property
    def error_in_bounds(self) -> float:
        """The error as a multiple of the bound, which is how far the estimate may be off."""
        return self.error / self.bound if self.bound > 0 else math.inf


@dataclass(frozen=True, slots=True)
class Entry(Sized):
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
class Direction(Sized):
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
    """Base class of reports, which have three verdicts and therefore no truth value."""

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

    @property
    def resolutions(self) -> dict[str, float]:
        """The coarsest resolution of the entries of each parameter, or of its directions."""
        parts: Sequence[Entry | Direction] = self.directions or self.entries
        names = dict.fromkeys(part.parameter for part in parts)
        return {
            name: max(part.resolution for part in parts if part.parameter == name) for name in names
        }

    @property
    def tolerance(self) -> dict[str, float]:
        """The ``rtol`` or ``atol`` with which slightly wrong entries agree; empty otherwise.

        A relative error below `SLIGHT` is usual for a gradient by an iterative solver, and so is an
        absolute one below that part of the largest slope. Nothing is proposed along directions.
        """
        wrong = [one for one in self.entries if one.verdict == "disagree"]
        if not wrong or self.directions:
            return {}
        relative, absolute = (
            max(one.relative_error for one in wrong),
            max(one.error for one in wrong),
        )
        if relative <= SLIGHT:
            return {"rtol": float(f"{2 * relative:.0e}")}
        largest = max(abs(one.estimate) for one in self.entries)
        return {"atol": float(f"{2 * absolute:.0e}")} if absolute <= SLIGHT * largest else {}

    def to_frame(self) -> pandas.DataFrame:
        """Return a pandas table: a row for each entry and direction, columns as in `Entry`."""
        import pandas as pd

        columns = "parameter index claimed estimate bound resolution verdict reason left right"

        parts: list[Entry | Direction] = [*self.entries, *self.directions]
        rows = []
        for part in parts:
            row = asdict(part)
            row["left"], row["right"] = row.pop("slopes", None) or (math.nan, math.nan)
            rows.append({"index": f"direction {row.pop('number', '')}", **row})
        return pd.DataFrame(rows, columns=columns.split())


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
        """Return a sentence for each input, the wrong ones first, and a table of entries."""
        worst_first = sorted(self.inputs, key=lambda one: WORST_FIRST.index(one.verdict))
        lines = [one.message[0].upper() + one.message[1:] for one in worst_first]
        if self.report is not None:
            lines += describe(replace(self.report, notes=())).splitlines()[1:]
        return "\n".join([*lines, *(f"Note: {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True)
class Differences:
    """Finite-difference estimates of a gradient, with error bounds.

    Each attribute is an array, or a sequence or dict of arrays, of the structure and shapes of the
    parameters. Where several outputs were differentiated at once, every array has the outputs' axes
    at its end.

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


# --- a report as text for people, and as a table for pandas ------------------------------


WHY = {
    "kink": "f has a kink there: any slope between the two one-sided ones is right",
    "noise": "the noise of f, at least its rounding, is larger than the difference",
    "curvature": "f bends within every step that rises above its noise",
    "staircase": "short and long steps give different slopes, as if f were constant on steps",
    "non-finite": "f is not finite around the point, or the slope is not",
    "not deterministic": "f gives different values for the same argument",
    "budget": "the limit on evaluations or seconds was reached",
    "no step": "the parameter is too close to zero for a shorter step in float64",
    "argument": "f does not change with its argument",
}


def format_place(part: Entry | Direction) -> str:
    """Return the name of an entry, such as ``W[0, 1]``, or of a direction."""
    if not hasattr(part, "index"):
        return f"{part.parameter} along direction {part.number}"
    index = ", ".join(map(str, part.index))
    return f"{part.parameter}[{index}]" if index else part.parameter or "(value)"


def _badness(part: Entry | Direction) -> tuple[int, float]:
    """Return the sort key: disagreements first, the largest first; then inconclusive ones."""
    rank = WORST_FIRST.index(part.verdict)
    relative = part.relative_error
    return rank, -float(f"{relative:.3g}") if math.isfinite(relative) else -math.inf


def describe(report: Report) -> str:
    """Return a sentence, the patterns, the worst entries as a table, and the notes.

    At most `MAX_ITEMS` entries are in the table.
    """
    parts: list[Entry | Direction] = [*report.entries, *report.directions]
    lines = [_verdict_sentence(report), *report.patterns, *_error_sentences(report)]
    shown = sorted(parts, key=_badness)[:MAX_ITEMS]
    lines += ["", *_table(shown)] if shown else []
    if len(parts) > len(shown):
        lines.append(f"… and {len(parts) - len(shown)} more, none of them worse.")
    reasons = {part.reason for part in parts if part.reason}
    lines += [f"{reason}: {WHY[reason]}." for reason in WHY if reason in reasons]
    for entry in report.entries:
        if entry.slopes is not None and entry in shown:
            left, right = entry.slopes
            lines.append(
                f"{format_place(entry)}: slope {left:.6g} to the left, {right:.6g} to the right."
            )
    lines += [f"Note: {note}" for note in report.notes]
    return "\n".join(lines)


def _verdict_sentence(report: Report) -> str:
    """Return the verdict as a sentence."""
    parts: Sequence[Entry | Direction] = report.directions or report.entries
    one, many = ("direction", "directions") if report.directions else ("entry", "entries")
    off = sum(part.verdict == report.verdict for part in parts)
    rest = (
        "; the entries below are wrong, and others may be wrong too." if report.directions else "."
    )
    verdict, count, end = {
        "agree": ("agrees with finite differences", f"{off}", f"; {_sensitivity(parts)}"),
        "inconclusive": ("could not be checked", f"{off} of {len(parts)}", "."),
        "disagree": ("disagrees with finite differences", f"{off} of {len(parts)}", rest),
    }[report.verdict]
    return (
        f"The gradient {verdict} in {count} {one if len(parts) == 1 else many} "
        f"({report.evaluations} evaluations, noise of f {report.noise:.1e}){end}"
    )


def _error_sentences(report: Report) -> list[str]:
    """Return a sentence on how slightly the gradient is wrong, with a tolerance that accepts it.

    The list is empty unless all wrong entries are only slightly wrong.
    """
    return [
        f"The difference is small: an error of at most "
        f"{max(one.error for one in report.entries if one.verdict == 'disagree'):.1e}. If the "
        f"gradient is approximate, as by an iterative solver, pass {name}={size:.0e}."
        for name, size in report.tolerance.items()
    ]


def _sensitivity(parts: Sequence[Entry | Direction]) -> str:
    """Return how large an error would have been detected, in nonzero slopes and next to zero."""
    clear, zero = [], []
    for part in parts:
        size = max(abs(part.claimed), abs(part.estimate))
        if part.claimed and part.resolution < 1:
            clear.append(part.resolution)
        else:
            zero.append(part.resolution * size if part.resolution < math.inf else 2 * part.bound)
    parts_of_sentence = []
    if clear:
        parts_of_sentence.append(
            f"an error of {max(clear):.1e} of the largest entry would have been found"
            if any(isinstance(part, Direction) for part in parts)
            else f"a relative error of {max(clear):.1e} would have been found"
        )
    if zero:
        parts_of_sentence.append(
            f"where it is close to zero, a slope of {max(zero):.1e} would have been found"
        )
    return (
        "; ".join(parts_of_sentence) + "." if parts_of_sentence else "there was nothing to look at."
    )


def _table(parts: list[Entry | Direction]) -> list[str]:
    """Return the lines of a table of entries, with aligned columns and a header."""
    rows = [("entry", "claimed", "estimate", "± bound", "resolution", "verdict")]
    for part in parts:
        verdict = f"{part.verdict}: {part.reason}" if part.reason else part.verdict
        slopes = (f"{part.claimed:.10g}", f"{part.estimate:.10g}")
        rows.append(
            (format_place(part), *slopes, f"{part.bound:.1e}", f"{part.resolution:.1e}", verdict)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
