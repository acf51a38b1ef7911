"""Every entry of a gradient: one central difference for each, and a ladder for the doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.error import (
    CLEAR,
    MOVED,
    STRAY,
    Asked,
    Claims,
    Rows,
    allowed,
    balanced_step,
    claim_error,
    first_step,
    is_precise,
    shown,
)
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, HIGHEST, QUIET, ROOM, UNKNOWN, examine
from gradkit.gradcheck.ladder import Ladder, differences
from gradkit.gradcheck.noise import EPS, SHORTEST, Floats, Seen, magnitude
from gradkit.gradcheck.records import WORST_FIRST, Direction, Entry, InputReport, Verdict
from gradkit.gradcheck.structure import Leaf

Pair = Callable[[int, float], Sequence[float]]

KINK = 0.01
"""An entry is as small as to be asked with a slack of this part of itself."""

SLACK = 0.3
"""The truncation that a first step may have, in parts of `CLEAR`; along a direction a twentieth of
the coarsest resolution, since noise is told to a factor of three."""

TENTH = 0.1
"""An entry is known to its own scale where an error of this part of it would show."""

EXCUSED = 0.1
"""A narrow claim that is off by more than this part of what is added up is excused by bends alone:
rounding of its terms makes less, by `error.HALF`."""

SAMPLE = 32
"""So many entries of an array of more than twice as many are looked at first, drawn at random."""

ENOUGH = 16
"""After so many wrong entries of a large array nothing is gained by listing more."""

NOTHING = 1e-11
"""A slope that does no more than this part of what parameters do to f is zero where bends hide it,
as those of a minimum that was found to some digits."""

KNOWN = 0.01
"""A claim that is not finite is wrong where the slope is known to this part of itself."""


Columns: TypeAlias = np.recarray[Any, Any]
NAMES = ["estimate", "left", "right", "bound", "resolution", "verdict", "reason", "looked", "faint"]
RESULT = np.dtype([*zip(NAMES, ["f8", "f8", "f8", "f8", "f8", "O", "O", "?", "?"], strict=True)])


def blank(entries: int, reason: str = "budget") -> Columns:
    """Return results of all entries, (entries,), of which nothing is known yet, for one reason.

    They are written to while a check runs. ``resolution`` is absolute; ``left`` and ``right`` are
    NaN but at a kink that a ladder has seen; ``looked`` tells the entries that were reached or
    ought to have been, ``faint`` those that are known on the scale of others alone.
    """
    row = (np.nan, np.nan, np.nan, np.inf, np.inf, UNKNOWN, reason, True, False)
    return np.array([row] * entries, RESULT).view(np.recarray)


def records(columns: Columns, claims: Claims, leaves: Sequence[Leaf]) -> tuple[Entry, ...]:
    """Return one record for each entry that was looked at, in the order of the leaves."""
    size = np.fmax(np.abs(claims.claimed), np.abs(columns.estimate))
    size[size == 0] = np.nan
    indices = [list(np.ndindex(leaf.array.shape)) for leaf in leaves]
    kink = columns.reason == "kink"
    return tuple(
        Entry(
            leaves[claims.leaf[row]].name,
            indices[claims.leaf[row]][claims.place[row]],
            *numbers,
            slopes=(float(columns.left[row]), float(columns.right[row])) if kink[row] else None,
        )
        for row, numbers in enumerate(found(columns, claims, size))
        if columns.looked[row]
    )


def found(
    columns: Columns, claims: Claims, size: Floats
) -> Iterator[tuple[float, float, float, float, Verdict, str]]:
    """Yield what every record has, the resolution in parts of a size: infinite without one."""
    relative = np.nan_to_num(columns.resolution / size, nan=np.inf, posinf=np.inf)
    numbers = np.array([claims.claimed, columns.estimate, columns.bound, relative]).tolist()
    yield from zip(*numbers, columns.verdict, columns.reason, strict=True)


def overall(parts: Sequence[Entry | Direction | InputReport]) -> Verdict:
    """Return the verdict on all parts: the worst of them."""
    return min((part.verdict for part in parts), key=WORST_FIRST.index, default=AGREE)


def entry_check(evaluator: Evaluator, claims: Claims, seen: Seen, asked: Asked) -> EntryCheck:
    """Return the check of single entries."""
    leaf, place = claims.leaf.tolist(), claims.place.tolist()
    return EntryCheck(lambda k, h: evaluator.pair(leaf[k], place[k], h), claims, seen, asked)


def bends(pair: Ladder) -> tuple[Floats, Floats]:
    """Return how far slopes on both sides are apart beyond noise, and the root of f″ by that."""
    left, right, _, noise = differences(pair)
    curve = np.fmax(np.abs(right - left) - 4 * noise, 0.0)
    bend = np.sqrt(2 * curve / (pair.ahead + pair.behind))
    return curve, np.asarray(np.nan_to_num(bend, posinf=0.0))


class EntryCheck:
    """The check of all entries of one gradient, or of claims along several directions.

    Parameters
    ----------
    pair : callable
        Of a claim's row and a step: f above and below the point, and the distances really moved.
    claims : Claims
    seen : Seen
    asked : Asked
    """

    def __init__(self, pair: Pair, claims: Claims, seen: Seen, asked: Asked) -> None:
        self.pair, self.claims, self.seen, self.asked = pair, claims, seen, asked
        count = len(claims.claimed)
        self.columns = blank(count)
        self.precise = is_precise(seen)
        self.slope = shown(claims.weight, claims.scale, seen.reach)
        self.steps = first_step(self.slope, claims.scale, seen.noise, claims.coarsest)
        self.steps = np.fmax(self.steps, np.fmax(claims.smallest, SHORTEST))
        self.limits, self.error, self.blur = np.zeros((3, count))
        self.bend = np.full(count, np.nan)
        self.tried = np.full((5, count), np.nan)
        self.large = np.bincount(claims.leaf)[claims.leaf] > 2 * SAMPLE
        self.wrong: Counter[int] = Counter()
        self.heard = 0.0
        self.tolerance = claims.room + asked.rtol * claims.weight

    def pairs(self, rows: Rows, steps: Floats) -> Floats:
        """Return f above and below the point on some lines, and the distances really moved."""
        found = map(self.pair, rows.tolist(), steps.tolist())
        return np.array([*found], dtype=np.float64).reshape(-1, 4).T

    def run(self, *, closely: bool = True) -> Columns:
        """Hold every claim against finite differences, array by array.

        Parameters
        ----------
        closely : bool
            Whether doubtful ones get a ladder.
        """
        self.columns.looked[:] = False
        try:
            for rows in self._chunks():
                self.columns.looked[rows] = True
                slack = np.fmax(SLACK * CLEAR * self.slope[rows], self.claims.coarsest[rows] / 20)
                self._look(rows, self.steps[rows], slack)
                if closely and not self._ladders(self._again(rows)):
                    louder = replace(self.seen, noise=2 * self.heard)
                    return EntryCheck(self.pair, self.claims, louder, self.asked).run()
        except BudgetSpent:
            self.columns.looked[:] = True
        self._excused()
        if closely:
            self._behind_others()
            self._hidden()
        return self.columns

    def _excused(self) -> None:
        """Leave narrow claims open that are excused by bends alone, as no rounding is known to do.

        The bends are those of all entries moved together. Nor is such a claim wrong, as at a
        minimum.
        """
        claims, columns, rows = self.claims, self.columns, np.arange(len(self.columns))
        gaps = np.abs(columns.estimate - claims.claimed)
        own = claim_error(claims, rows, 0 * gaps, self.seen) + self.tolerance
        least = np.fmax(own + columns.resolution - self.error, EXCUSED * claims.weight)
        alone = (columns.verdict == AGREE) & (claims.eps > EPS) & (gaps > least)
        columns.verdict[alone], columns.reason[alone] = UNKNOWN, "noise"

    def _behind_others(self) -> None:
        """Leave open what does less to f than stairs or kinks were seen to hide on other lines.

        A kink that is seen is as near as noise lets a step be. On another line it may be nearer,
        and every step that tells anything beyond it. Not all lines pass it alike: thrice will do.
        """
        columns, scale = self.columns, self.claims.scale
        gaps = np.abs(columns.estimate - self.claims.claimed)
        kinks = (0.0 if self.precise else ROOM) * np.abs(columns.right - columns.left)
        hides = np.where(columns.reason == "staircase", gaps, kinks) * scale
        rows = (columns.verdict == DISAGREE) & (gaps * scale < np.fmax.reduce(hides, initial=0.0))
        columns.bound[rows], columns.resolution[rows] = (columns.bound + gaps)[rows], gaps[rows]
        columns.verdict[rows], columns.reason[rows] = UNKNOWN, "noise"

    def _hidden(self) -> None:
        """Leave arrays open of which no entry was seen, though the claim is more than rounding."""
        claims, columns = self.claims, self.columns
        known = columns.resolution - self.error <= (TENTH if self.precise else 1) * claims.weight
        # A part of what a correct claim may be off by: a small one where other entries are seen.
        rounding = self.error / (STRAY if np.any(known) else ROOM)
        told = claims.weight > np.fmax(rounding, NOTHING * self.seen.reach / claims.scale)
        told &= columns.looked & (columns.verdict == AGREE)
        lost = told & (np.bincount(claims.leaf, known & told) == 0)[claims.leaf]
        columns.verdict[lost], columns.reason[lost] = UNKNOWN, "noise"

    def _chunks(self) -> Iterator[Rows]:
        """Yield the entries to look at: small arrays together, large ones in samples."""
        rng = np.random.default_rng([self.asked.seed, 1])
        if not np.all(self.large):
            yield np.flatnonzero(~self.large)
        for leaf in np.unique(self.claims.leaf[self.large]).tolist():
            drawn = rng.permutation(np.flatnonzero(self.claims.leaf == leaf))
            for part in np.split(drawn, range(SAMPLE, len(drawn), 4 * SAMPLE)):
                if self.wrong[leaf] < ENOUGH:
                    yield np.sort(part)

    def _look(self, rows: Rows, steps: Floats, slack: Floats) -> NDArray[np.bool_]:
        """Try a step for some entries, and write down what it says of those that agree.

        A claim agrees within noise, truncation and its own rounding. Truncation is told by how far
        the slopes on both sides are apart: ``f‴h²/6`` is ``(f″h)² / 6f′`` of an exponential.
        """
        claims, seen, columns = self.claims, self.seen, self.columns
        scale, weight = claims.scale[rows], claims.weight[rows]
        above, below, ahead, behind = self.pairs(rows, steps)
        self.tried[:, rows] = steps, above, below, ahead, behind
        pair = self._ladder(above, below, ahead, behind)
        _, _, central, noise = differences(pair)
        curve, self.bend[rows] = bends(pair)
        # A narrow claim may belong to a point that is further off than the step: along a direction
        # f bends no more than is seen on the way there.
        off = MOVED * claims.eps[rows] * scale
        if np.any(narrow := (off > steps) & (claims.coarsest[rows] > 0)):
            own = claim_error(claims, rows, 0 * weight, seen)
            excused = claim_error(claims, rows, self._moved(rows), seen) - own
            narrow &= excused > TENTH * weight
            there = self._ladder(*self.pairs(rows[narrow], off[narrow]))
            self.bend[rows[narrow]] = np.fmin(self.bend[rows[narrow]], bends(there)[1])
        moved = self._moved(rows)
        blur = MOVED * seen.eps * moved
        error = claim_error(claims, rows, moved, seen) + self.tolerance[rows]
        noise = noise + blur
        limits = allowed(claims, seen, rows, blur + error) + 2 * self.tolerance[rows]
        self.error[rows], self.blur[rows], self.limits[rows] = error, blur, limits
        faint = np.fmax(self.slope[rows], 0.03 * claims.largest[rows])
        faint = np.fmax(faint, KINK * seen.reach / scale)
        bent = np.where(curve > 0, curve**2 / (6 * faint), 0.0)
        smooth = bent <= np.fmax(np.fmax(noise, CLEAR * faint), claims.coarsest[rows] / 4)
        gap = np.abs(central - claims.claimed[rows])
        known = 2 * (noise + bent + slack)
        good = (gap <= known / 2 + error) & smooth & (known <= limits)
        # Nothing moves at all; where f itself is 0 that may be underflow.
        none = (above == seen.base) & (below == seen.base) & (ahead + behind > 0)
        none &= weight <= (error if seen.base else 0.0)
        good |= none & (steps >= scale * (HIGHEST if seen.reach else 1.0))
        first = np.isnan(columns.estimate[rows])
        write = good | first
        columns.estimate[rows[write]] = central[write]
        columns.bound[rows[write]] = (noise + bent + gap)[write]
        columns.resolution[rows[write]] = (known + error)[write]
        columns.verdict[rows[good]], columns.reason[rows[good]] = AGREE, ""
        columns.reason[rows[first & ~good]] = "noise"
        return np.asarray(good)

    def _ladder(self, above: Floats, below: Floats, ahead: Floats, behind: Floats) -> Ladder:
        """Return single steps, of one line each."""
        seen = self.seen
        return Ladder(seen.base, above, below, ahead, behind, seen.noise, seen.eps)

    def _moved(self, rows: Rows) -> Floats:
        """Return how far slopes would be off if the point were by all of itself, from the bends."""
        bend, here = self.bend, magnitude(self.claims.here)
        return np.asarray(bend[rows] * float(np.nanmean(bend * here)) * len(bend))

    def _again(self, rows: Rows) -> Rows:
        """Ask about faint entries on their own scale; return the entries that want a ladder."""
        claims, seen, columns = self.claims, self.seen, self.columns
        agreed, size = columns.verdict[rows] == AGREE, claims.weight[rows]
        still = ~agreed & (columns.estimate[rows] == 0) & (size <= self.error[rows])
        flat, open_ = rows[still], rows[~agreed & ~still]
        if len(flat):
            far = claims.scale[flat] * (1.0 if seen.reach == 0 else HIGHEST)
            open_ = np.append(open_, flat[~self._look(flat, far, np.zeros(len(flat)))])
        coarse = agreed & (size > 0) & (claims.coarsest[rows] == 0) & self._coarse(rows)
        above = size > 3 * self.error[rows]
        # Of a precise f they are rounding.
        columns.faint[rows[coarse & ~above]] = not self.precise
        faint = rows[coarse & above]
        if len(faint):
            size = claims.weight[faint]
            steps = balanced_step(size, claims.scale[faint], seen.noise)
            good = self._look(faint, np.fmax(steps, self.steps[faint]), KINK * size)
            columns.faint[faint[good & self._coarse(faint)]] = True
            self.steps[faint[~good]] = steps[~good]
            self.limits[faint[~good]] = TENTH * size[~good]
            open_ = np.append(open_, faint[~good])
        return np.asarray(open_)

    def _coarse(self, rows: Rows) -> NDArray[np.bool_]:
        """Return whether an error of a tenth of an entry would not have shown."""
        known = self.columns.resolution[rows] - self.error[rows]
        return np.asarray(known > TENTH * self.claims.weight[rows])

    def _ladders(self, rows: Rows) -> bool:
        """Examine entries one by one; return whether f is no noisier than it looked."""
        claims, columns = self.claims, self.columns
        for row in rows.tolist():
            leaf = int(claims.leaf[row])
            accepted = columns.verdict[row] == AGREE
            if self.wrong[leaf] >= ENOUGH and self.large[row]:
                columns.looked[row] = accepted
                continue
            reading, known, verdict, reason, self.heard = examine(self, row)
            if 3 * self.seen.noise < 2 * self.heard < QUIET * self.seen.reach:
                return False
            if accepted and verdict == UNKNOWN:
                columns.faint[row] = True
                near = abs(claims.claimed[row] - reading.estimate) <= known
                if reading.kinked or not near or known >= columns.resolution[row]:
                    continue
                verdict, reason = AGREE, ""
            if np.isnan(0 * claims.claimed[row]) and reading.bound <= KNOWN * abs(reading.estimate):
                verdict, reason = DISAGREE, ""
            left, right = reading.left.estimate, reading.right.estimate
            # Noise may hide a kink, and the slope is that of either side.
            bound = reading.bound if self.precise else np.fmax(reading.bound, abs(right - left))
            slopes = (left, right) if reading.kinked else (np.nan, np.nan)
            told = (reading.estimate, *slopes, bound, known, verdict, reason)
            columns[row] = (*told, True, columns.faint[row])
            self.wrong[leaf] += verdict == DISAGREE
        return True
