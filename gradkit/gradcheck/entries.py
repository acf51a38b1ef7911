"""Check every entry of a gradient: a central difference for each, a ladder for doubtful ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.constants import (
    BALANCE,
    CLEAR,
    EPS,
    FEW,
    HUNDREDTH,
    MOVED,
    RATIO,
    SAMPLE_SIZE,
    SHORTEST,
    SMALL,
    SPREAD,
    TENTH,
)
from gradkit.gradcheck.error import (
    Claims,
    Options,
    Rows,
    allowed_resolution,
    balanced_step,
    claim_error,
    first_step,
    is_precise,
    visible_slope,
)
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.examine import examine
from gradkit.gradcheck.ladder import Ladder, differences
from gradkit.gradcheck.noise import Floats, Measurements, magnitude
from gradkit.gradcheck.records import WORST_FIRST, Direction, Entry, InputReport, Verdict
from gradkit.gradcheck.structure import Leaf

Pair = Callable[[int, float], Sequence[float]]
"""Takes a claim's row and a step; returns f above and below the point, and the actual distances."""

Pairs = Callable[[Rows, Floats], Floats]
"""The same for several rows and steps: takes both, and returns an array (rows, 4)."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The results of all entries, each array (entries,); a check fills the arrays.

    ``resolution`` is absolute; ``left`` and ``right`` are NaN except at a kink that a ladder has
    found. ``verdict`` and ``reason`` are texts. ``looked`` marks entries that were checked or
    should have been, ``faint`` those that are known only on the scale of larger entries.
    """

    estimate: Floats
    left: Floats
    right: Floats
    bound: Floats
    resolution: Floats
    verdict: NDArray[np.object_]
    reason: NDArray[np.object_]
    looked: NDArray[np.bool_]
    faint: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.estimate)


def blank_results(entries: int, reason: str = "budget") -> Columns:
    """Return the results of (entries,) entries about which nothing is known yet, for one reason."""
    estimate, left, right = np.full((3, entries), np.nan)
    bound, resolution = np.full((2, entries), np.inf)
    verdict, why = np.empty((2, entries), dtype=object)
    verdict[:], why[:] = "inconclusive", reason
    looked, faint = np.ones(entries, bool), np.zeros(entries, bool)
    return Columns(estimate, left, right, bound, resolution, verdict, why, looked, faint)


def make_entries(columns: Columns, claims: Claims, leaves: Sequence[Leaf]) -> tuple[Entry, ...]:
    """Return an `Entry` for each row that was checked, in the order of the leaves."""
    size = np.fmax(np.abs(claims.claimed), np.abs(columns.estimate))
    size[size == 0] = np.nan
    shapes = [leaf.array.shape for leaf in leaves]
    kink, number, place = columns.reason == "kink", claims.leaf.tolist(), claims.place.tolist()
    return tuple(
        Entry(
            leaves[number[row]].name,
            _index_of(place[row], shapes[number[row]]),
            *numbers,
            slopes=(float(columns.left[row]), float(columns.right[row])) if kink[row] else None,
        )
        for row, numbers in enumerate(record_fields(columns, claims, size))
        if columns.looked[row]
    )


def _index_of(place: int, shape: Sequence[int]) -> tuple[int, ...]:
    """Return the index of an entry from its place in C order."""
    index = []
    for size in reversed(shape):
        place, at = divmod(place, size)
        index.append(at)
    return tuple(reversed(index))


def record_fields(
    columns: Columns, claims: Claims, size: Floats
) -> Iterator[tuple[float, float, float, float, Verdict, str]]:
    """Yield the fields that `Entry` and `Direction` share, from claim to reason, for each row.

    The resolution is relative to ``size``, infinite where it is NaN.
    """
    relative = np.nan_to_num(columns.resolution / size, nan=np.inf, posinf=np.inf)
    numbers = np.array([claims.claimed, columns.estimate, columns.bound, relative]).tolist()
    yield from zip(*numbers, columns.verdict, columns.reason, strict=True)


def worst_verdict(parts: Sequence[Entry | Direction | InputReport]) -> Verdict:
    """Return the worst verdict of all parts; agree without parts."""
    return min((part.verdict for part in parts), key=WORST_FIRST.index, default="agree")


def entry_check(
    evaluator: Evaluator, claims: Claims, seen: Measurements, asked: Options
) -> EntryCheck:
    """Return a check of single entries, which evaluates f at each entry plus and minus a step."""

    def pairs(rows: Rows, steps: Floats) -> Floats:
        return evaluator.pairs(claims.leaf[rows], claims.place[rows], steps)

    return EntryCheck(pairs, claims, seen, asked)


def one_by_one(pair: Pair) -> Pairs:
    """Return a function that evaluates f for several rows and steps, one pair after another."""

    def pairs(rows: Rows, steps: Floats) -> Floats:
        found = map(pair, rows.tolist(), steps.tolist())
        return np.array([*found], dtype=np.float64).reshape(-1, 4)

    return pairs


def measure_curvature(pair: Ladder) -> tuple[Floats, Floats]:
    """Return the difference of left and right slopes beyond noise, and the root of f″."""
    left, right, _, noise = differences(pair)
    curve = np.fmax(np.abs(right - left) - 4 * noise, 0.0)
    bend = np.sqrt(2 * curve / (pair.ahead + pair.behind))
    return curve, np.asarray(np.nan_to_num(bend, posinf=0.0))


class EntryCheck:
    """A check of the entries of a gradient, or of claims along several directions.

    Parameters
    ----------
    pairs : callable
        Evaluates f, see `Pairs`.
    claims : Claims
    seen : Measurements
    asked : Options
    """

    def __init__(self, pairs: Pairs, claims: Claims, seen: Measurements, asked: Options) -> None:
        """Choose the first step of each claim, and start with blank results."""
        self.pairs, self.claims, self.seen, self.asked = pairs, claims, seen, asked
        count = len(claims.claimed)
        self.columns = blank_results(count)
        self.precise = is_precise(seen)
        self.slope = visible_slope(claims.weight, claims.scale, seen.reach)
        self.steps = first_step(self.slope, claims.scale, seen.noise, claims.coarsest)
        self.steps = np.fmax(self.steps, np.fmax(claims.smallest, SHORTEST))
        self.limits, self.error, self.blur = np.zeros((3, count))
        self.bend = np.full(count, np.nan)
        self.tried = np.full((5, count), np.nan)
        self.large = np.bincount(claims.leaf)[claims.leaf] > 2 * SAMPLE_SIZE
        self.wrong: Counter[int] = Counter()
        self.heard = 0.0
        self.tolerance = claims.room + asked.rtol * claims.weight

    def evaluate_pairs(self, rows: Rows, steps: Floats) -> Floats:
        """Return f above and below the point for several rows, and the actual distances."""
        return np.asarray(self.pairs(rows, steps)).T

    def run(self, *, closely: bool = True) -> Columns:
        """Compare every claim with finite differences, array by array, and return the results.

        If f proves noisier than measured, the check is repeated with twice the noise that was
        found. Entries that the budget does not reach keep their blank results.

        Parameters
        ----------
        closely : bool
            Whether doubtful claims get a ladder of steps.
        """
        self.columns.looked[:] = False
        try:
            for rows in self._chunks():
                self.columns.looked[rows] = True
                slack = np.fmax(BALANCE * CLEAR * self.slope[rows], self.claims.coarsest[rows] / 20)
                self._try_step(rows, self.steps[rows], slack)
                if closely and not self._run_ladders(self._retry_small(rows)):
                    louder = replace(self.seen, noise=2 * self.heard)
                    return EntryCheck(self.pairs, self.claims, louder, self.asked).run()
        except BudgetSpent:
            self.columns.looked[:] = True
        self._reopen_excused()
        if closely:
            self._reopen_below_kinks()
            self._reopen_hidden()
        return self.columns

    def _reopen_excused(self) -> None:
        """Make claims inconclusive whose error is accepted only because of f's curvature.

        A claim in a narrow dtype belongs to a rounded point, at which the slope may differ. If it
        is further off than rounding of its terms explains, it is neither confirmed nor, as at a
        minimum, refuted.
        """
        claims, columns, rows = self.claims, self.columns, np.arange(len(self.columns))
        gaps = np.abs(columns.estimate - claims.claimed)
        own = claim_error(claims, rows, 0 * gaps, self.seen) + self.tolerance
        least = np.fmax(own + columns.resolution - self.error, TENTH * claims.weight)
        alone = (columns.verdict == "agree") & (claims.eps > EPS) & (gaps > least)
        columns.verdict[alone], columns.reason[alone] = "inconclusive", "noise"

    def _reopen_below_kinks(self) -> None:
        """Make wrong entries inconclusive if a staircase or kink elsewhere may hide such errors.

        A kink that is found on one line may be closer to the point on another, where no step shows
        it. `SPREAD` accounts for the difference between lines.
        """
        columns, scale = self.columns, self.claims.scale
        gaps = np.abs(columns.estimate - self.claims.claimed)
        kinks = (0.0 if self.precise else SPREAD) * np.abs(columns.right - columns.left)
        hides = np.where(columns.reason == "staircase", gaps, kinks) * scale
        rows = (columns.verdict == "disagree") & (gaps * scale < np.fmax.reduce(hides, initial=0.0))
        columns.bound[rows], columns.resolution[rows] = (columns.bound + gaps)[rows], gaps[rows]
        columns.verdict[rows], columns.reason[rows] = "inconclusive", "noise"

    def _reopen_hidden(self) -> None:
        """Make arrays inconclusive if no entry was resolved, unless the claim is only rounding.

        This concerns arrays in which every entry agrees, but only within the noise.
        """
        claims, columns = self.claims, self.columns
        known = columns.resolution - self.error <= (TENTH if self.precise else 1) * claims.weight
        # The error of a correct claim, divided by more if other entries of the array are resolved.
        rounding = self.error / (FEW if np.any(known) else SPREAD)
        is_large = claims.weight > np.fmax(rounding, SMALL * CLEAR * self.seen.reach / claims.scale)
        is_large &= columns.looked & (columns.verdict == "agree")
        lost = is_large & (np.bincount(claims.leaf, known & is_large) == 0)[claims.leaf]
        columns.verdict[lost], columns.reason[lost] = "inconclusive", "noise"

    def _chunks(self) -> Iterator[Rows]:
        """Yield groups of rows to check: small arrays together, large ones in random samples.

        No more samples are drawn of an array in which `SAMPLE_SIZE // 2` entries are wrong.
        """
        if not np.all(self.large):
            yield np.flatnonzero(~self.large)
        if not np.any(self.large):
            return
        rng = np.random.default_rng([self.asked.seed, 1])
        for leaf in np.unique(self.claims.leaf[self.large]).tolist():
            drawn = rng.permutation(np.flatnonzero(self.claims.leaf == leaf))
            for part in np.split(drawn, range(SAMPLE_SIZE, len(drawn), 4 * SAMPLE_SIZE)):
                if self.wrong[leaf] < SAMPLE_SIZE // 2:
                    yield np.sort(part)

    def _try_step(self, rows: Rows, steps: Floats, slack: Floats) -> NDArray[np.bool_]:
        """Try a step for some rows, store the results of those that agree, and return which do.

        A claim agrees within noise, truncation and its own rounding. Truncation is estimated from
        the difference of the slopes on both sides: ``f‴h²/6`` is ``(f″h)² / 6f′`` for an
        exponential.
        """
        claims, seen, columns = self.claims, self.seen, self.columns
        scale, weight = claims.scale[rows], claims.weight[rows]
        above, below, ahead, behind = self.evaluate_pairs(rows, steps)
        self.tried[:, rows] = steps, above, below, ahead, behind
        pair = self._ladder(above, below, ahead, behind)
        _, _, central, noise = differences(pair)
        curve, self.bend[rows] = measure_curvature(pair)
        # The rounded point of a claim in a narrow dtype may be further away than the step. Along a
        # direction, the curvature is measured on the way to that point.
        off = MOVED * claims.eps[rows] * scale
        if np.any(narrow := (off > steps) & (claims.coarsest[rows] > 0)):
            own = claim_error(claims, rows, 0 * weight, seen)
            excused = claim_error(claims, rows, self._slope_change(rows), seen) - own
            narrow &= excused > TENTH * weight
            there = self._ladder(*self.evaluate_pairs(rows[narrow], off[narrow]))
            self.bend[rows[narrow]] = np.fmin(self.bend[rows[narrow]], measure_curvature(there)[1])
        moved = self._slope_change(rows)
        blur = MOVED * seen.eps * moved
        error = claim_error(claims, rows, moved, seen) + self.tolerance[rows]
        noise = noise + blur
        limits = allowed_resolution(claims, seen, rows, blur + error) + 2 * self.tolerance[rows]
        self.error[rows], self.blur[rows], self.limits[rows] = error, blur, limits
        faint = np.fmax(self.slope[rows], 0.03 * claims.largest[rows])
        faint = np.fmax(faint, HUNDREDTH * seen.reach / scale)
        bent = np.where(curve > 0, curve**2 / (6 * faint), 0.0)
        smooth = bent <= np.fmax(np.fmax(noise, CLEAR * faint), claims.coarsest[rows] / 4)
        gap = np.abs(central - claims.claimed[rows])
        known = 2 * (noise + bent + slack)
        good = (gap <= known / 2 + error) & smooth & (known <= limits)
        # f does not change at all; if f is 0, that may be underflow.
        none = (above == seen.base) & (below == seen.base) & (ahead + behind > 0)
        none &= weight <= (error if seen.base else 0.0)
        good |= none & (steps >= scale * (1 / RATIO if seen.reach else 1.0))
        first = np.isnan(columns.estimate[rows])
        write = good | first
        columns.estimate[rows[write]] = central[write]
        columns.bound[rows[write]] = (noise + bent + gap)[write]
        columns.resolution[rows[write]] = (known + error)[write]
        columns.verdict[rows[good]], columns.reason[rows[good]] = "agree", ""
        columns.reason[rows[first & ~good]] = "noise"
        return np.asarray(good)

    def _ladder(self, above: Floats, below: Floats, ahead: Floats, behind: Floats) -> Ladder:
        """Return a ladder with a single step for each of several lines."""
        seen = self.seen
        return Ladder(seen.base, above, below, ahead, behind, seen.noise, seen.eps)

    def _slope_change(self, rows: Rows) -> Floats:
        """Return how far slopes would change, by the curvature, if the point moved by its size."""
        bend, here = self.bend, magnitude(self.claims.here)
        return np.asarray(bend[rows] * float(np.nanmean(bend * here)) * len(bend))

    def _retry_small(self, rows: Rows) -> Rows:
        """Check small entries again on their own scale; return the rows that need a ladder.

        Entries that agree only because noise is larger than they are count as faint.
        """
        claims, seen, columns = self.claims, self.seen, self.columns
        agreed, size = columns.verdict[rows] == "agree", claims.weight[rows]
        still = ~agreed & (columns.estimate[rows] == 0) & (size <= self.error[rows])
        flat, open_ = rows[still], rows[~agreed & ~still]
        if len(flat):
            far = claims.scale[flat] * (1.0 if seen.reach == 0 else 1 / RATIO)
            open_ = np.append(open_, flat[~self._try_step(flat, far, np.zeros(len(flat)))])
        coarse = agreed & (size > 0) & (claims.coarsest[rows] == 0) & self._is_unresolved(rows)
        above = size > 3 * self.error[rows]
        # If f is precise, such entries are only rounding.
        columns.faint[rows[coarse & ~above]] = not self.precise
        faint = rows[coarse & above]
        if len(faint):
            size = claims.weight[faint]
            steps = balanced_step(size, claims.scale[faint], seen.noise)
            good = self._try_step(faint, np.fmax(steps, self.steps[faint]), HUNDREDTH * size)
            columns.faint[faint[good & self._is_unresolved(faint)]] = True
            self.steps[faint[~good]] = steps[~good]
            self.limits[faint[~good]] = TENTH * size[~good]
            open_ = np.append(open_, faint[~good])
        return np.asarray(open_)

    def _is_unresolved(self, rows: Rows) -> NDArray[np.bool_]:
        """Return whether an error of a tenth of an entry would not have been detected."""
        known = self.columns.resolution[rows] - self.error[rows]
        return np.asarray(known > TENTH * self.claims.weight[rows])

    def _run_ladders(self, rows: Rows) -> bool:
        """Examine rows one by one with ladders; return False if f turned out to be noisier.

        In a large array with `SAMPLE_SIZE // 2` wrong entries, further ones are not examined.
        """
        claims, columns = self.claims, self.columns
        for row in rows.tolist():
            leaf = int(claims.leaf[row])
            accepted = columns.verdict[row] == "agree"
            if self.wrong[leaf] >= SAMPLE_SIZE // 2 and self.large[row]:
                columns.looked[row] = accepted
                continue
            reading, known, verdict, reason, self.heard = examine(self, row)
            if 3 * self.seen.noise < 2 * self.heard < SMALL**2 * self.seen.reach:
                return False
            if accepted and verdict == "inconclusive":
                columns.faint[row] = True
                near = abs(claims.claimed[row] - reading.estimate) <= known
                if reading.kinked or not near or known >= columns.resolution[row]:
                    continue
                verdict, reason = "agree", ""
            known_well = reading.bound <= HUNDREDTH * abs(reading.estimate)
            if known_well and not np.isfinite(claims.claimed[row]):
                verdict, reason = "disagree", ""
            left, right = reading.left.estimate, reading.right.estimate
            # Noise may hide a kink, so the slope may be that of either side.
            bound = reading.bound if self.precise else np.fmax(reading.bound, abs(right - left))
            slopes = (left, right) if reading.kinked else (np.nan, np.nan)
            columns.estimate[row], columns.bound[row] = reading.estimate, bound
            columns.left[row], columns.right[row] = slopes
            columns.resolution[row], columns.looked[row] = known, True
            columns.verdict[row], columns.reason[row] = verdict, reason
            self.wrong[leaf] += verdict == "disagree"
        return True
