"""Every entry of a gradient: one central difference for each, and a ladder for the doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.error import (
    BALANCE,
    CLEAR,
    FURTHEST,
    MOVED,
    Asked,
    Claims,
    allowed,
    claim_error,
    first_step,
    shown,
)
from gradkit.gradcheck.evaluate import BudgetSpent, Lines
from gradkit.gradcheck.examine import AGREE, DISAGREE, HIGHEST, UNKNOWN, Case, examine
from gradkit.gradcheck.ladder import Ladder, differences
from gradkit.gradcheck.noise import EPS, LOST, SAME, Floats, Seen, largest_of, units_of
from gradkit.gradcheck.records import Direction, Entry, InputReport, Verdict
from gradkit.gradcheck.structure import Array

Rows = NDArray[np.intp]

KINK = 0.01
"""An entry is as small as to be asked with a slack of this part of itself."""

SLACK = 0.3
"""The truncation that a first step may have, in parts of `CLEAR`."""

ROOM = 3
"""A ladder knows a slope of a noisy f to so many times what a first step does: both sides count.
And a claim has to be off by so many times what is not known, since a table of six points tells
noise to no better."""

QUIET = 1e-6
"""A noise that looks smooth near by is below this part of what the parameters do to f; otherwise it
is f itself that swings. With a louder one that longer steps tell of, all is done again."""

WANTED = 8e-8
"""With a precise f a ladder goes on until an error of this part of the entry would show."""

VISIBLE = 1e-5
"""Where f is 0, steps are so long that it moves in float32 too."""

LEVEL = 0.01
"""Where f moves in steps, an entry that does nothing at all over this part of its scale has
the slope 0: a jump further away is no doubt of it."""

TENTH = 0.1
"""An entry is known to its own scale where an error of this part of it would show."""

THOROUGH, LADDERS = 3, 8
"""So many wrong entries, and the first of each array, are doubted in full; so many of an array get
a whole ladder. For others three steps will do: how f may deceive is known by then."""

SAMPLE = 32
"""So many entries of a large array are looked at first, drawn at random."""

ENOUGH = 16
"""After so many wrong entries of a large array nothing is gained by listing more."""

KNOWN = 0.01
"""A claim that is not finite is wrong where the slope is known to this part of itself; and of an
array some entry has to be, where f is precise."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Results of all entries, one array each, (entries,), written to while a check runs.

    ``resolution`` is absolute; ``left`` and ``right`` are NaN but where a ladder measured them;
    ``looked`` tells the entries that were reached or ought to have been.
    """

    estimate: Floats
    bound: Floats
    resolution: Floats
    verdict: NDArray[np.object_]
    reason: NDArray[np.object_]
    left: Floats
    right: Floats
    looked: NDArray[np.bool_]
    faint: NDArray[np.bool_]


def blank(entries: int) -> Columns:
    """Return columns of which nothing is known yet."""
    return Columns(
        estimate=np.full(entries, np.nan),
        bound=np.full(entries, np.inf),
        resolution=np.full(entries, np.inf),
        verdict=np.full(entries, UNKNOWN, dtype=object),
        reason=np.full(entries, "budget", dtype=object),
        left=np.full(entries, np.nan),
        right=np.full(entries, np.nan),
        looked=np.ones(entries, dtype=bool),
        faint=np.zeros(entries, dtype=bool),
    )


def records(
    columns: Columns, claims: Claims, shapes: Sequence[tuple[str, tuple[int, ...]]]
) -> tuple[Entry, ...]:
    """Return one record for each entry that was looked at, in the order of the leaves."""
    with np.errstate(all="ignore"):
        size = np.fmax(np.abs(claims.claimed), np.abs(columns.estimate))
        relative = np.where(size > 0, columns.resolution / size, np.inf)
    indices = [list(np.ndindex(shape)) for _, shape in shapes]
    return tuple(
        Entry(
            parameter=shapes[leaf][0],
            index=indices[leaf][place],
            claimed=float(claims.claimed[row]),
            estimate=float(columns.estimate[row]),
            bound=float(columns.bound[row]),
            resolution=float(relative[row]),
            verdict=columns.verdict[row],
            reason=columns.reason[row],
            slopes=(float(columns.left[row]), float(columns.right[row]))
            if columns.reason[row] == "kink"
            else None,
        )
        for row, (leaf, place) in enumerate(
            zip(claims.leaf.tolist(), claims.place.tolist(), strict=True)
        )
        if columns.looked[row]
    )


def overall(parts: Sequence[Entry | Direction | InputReport]) -> Verdict:
    """Return the verdict on all parts: the worst of them."""
    verdicts = {part.verdict for part in parts}
    if DISAGREE in verdicts:
        return DISAGREE
    return UNKNOWN if UNKNOWN in verdicts else AGREE


def lay_out(
    arrays: Sequence[Array], points: Sequence[Array], scales: Floats, eps: Sequence[float]
) -> Claims:
    """Lay the claimed gradient out flat, with what belongs to each entry."""
    sizes = [array.size for array in arrays]

    def flat(parts: Sequence[Array]) -> Floats:
        rows = [np.asarray(part, dtype=np.float64).reshape(-1) for part in parts]
        return np.concatenate([*rows, np.zeros(0)])

    units = [units_of(*parts) for parts in zip(arrays, points, scales.tolist(), strict=True)]
    unit, claimed = flat(units), flat(arrays)
    tops = [
        largest_of(array * unit) for array, unit in zip(map(np.float64, arrays), units, strict=True)
    ]
    return Claims(
        claimed=claimed,
        leaf=np.repeat(np.arange(len(sizes)), sizes),
        place=np.concatenate([*map(np.arange, sizes), np.arange(0)]),
        here=flat(points),
        scale=unit,
        largest=np.repeat(tops, sizes) / np.where(unit > 0, unit, 1.0),
        eps=np.repeat(np.array(eps, dtype=np.float64), sizes),
    )


class EntryCheck:
    """The check of all entries of one gradient, or of claims along several directions.

    Parameters
    ----------
    lines : Lines
    claims : Claims
    seen : Seen
    asked : Asked
    coarsest : float64 array, optional
        Resolutions with which directions may be accepted.
    """

    def __init__(
        self,
        lines: Lines,
        claims: Claims,
        seen: Seen,
        asked: Asked,
        coarsest: Floats | None = None,
    ) -> None:
        self.lines, self.claims, self.seen, self.asked = lines, claims, seen, asked
        self.coarsest = coarsest
        count = len(claims.claimed)
        self.columns = blank(count)
        self.precise = seen.noise <= LOST * EPS * max(abs(seen.base), seen.reach)
        self.slope = shown(claims.weight, claims.scale, seen.reach)
        steps = first_step(self.slope, claims.scale, seen.noise)
        if seen.base == 0:  # its rounding is not known
            steps = np.fmax(steps, VISIBLE * claims.scale)
        self.steps = np.fmax(steps, np.fmax(lines.smallest, 1e-300))
        self.limits, self.error, self.blur = np.zeros((3, count))
        self.bend = np.full(count, np.nan)
        self.tried = np.full((5, count), np.nan)
        self.wrong: Counter[int] = Counter()
        self.sampled: set[int] = set()
        self.heard = 0.0
        self.tolerance = asked.atol + asked.rtol * claims.weight

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
                self._look(rows, self.steps[rows], SLACK * CLEAR * self.slope[rows])
                if closely and not self._ladders(self._again(rows)):
                    louder = replace(self.seen, noise=2 * self.heard)
                    parts = (self.lines, self.claims, louder, self.asked, self.coarsest)
                    return EntryCheck(*parts).run(closely=closely)
        except BudgetSpent:
            self.columns.looked[:] = True
        if closely:
            self._hidden()
        return self.columns

    def _hidden(self) -> None:
        """Leave arrays open of which no entry was seen, though the claim is more than rounding."""
        claims, columns = self.claims, self.columns
        told = (claims.size > self.error) & columns.looked
        part = KNOWN if self.precise else 1.0
        unseen = columns.resolution - self.error > part * claims.size
        for leaf in np.unique(claims.leaf[told]):
            mine = told & (claims.leaf == leaf)
            if np.all(unseen[mine]):
                mine &= columns.verdict == AGREE
                columns.verdict[mine], columns.reason[mine] = UNKNOWN, "noise"

    def _chunks(self) -> Iterator[Rows]:
        """Yield the entries to look at: small arrays together, large ones in samples."""
        leaf = self.claims.leaf
        rng = np.random.default_rng([self.asked.seed, 1])
        arrays = np.split(np.arange(len(leaf)), np.flatnonzero(np.diff(leaf)) + 1)
        small = [rows for rows in arrays if len(rows) <= 2 * SAMPLE]
        if any(len(rows) for rows in small):
            yield np.concatenate(small)
        for rows in arrays:
            if len(rows) <= 2 * SAMPLE:
                continue
            number = int(leaf[rows[0]])
            self.sampled.add(number)
            drawn = rng.permutation(rows)
            for part in np.split(drawn, range(SAMPLE, len(drawn), 4 * SAMPLE)):
                if self.wrong[number] < ENOUGH:
                    yield np.sort(part)

    def _look(self, rows: Rows, steps: Floats, slack: Floats) -> NDArray[np.bool_]:
        """Try a step for some entries, and write down what it says of those that agree.

        A claim agrees within noise, truncation and its own rounding. Truncation is told by how far
        the slopes on both sides are apart: ``f‴h²/6`` is ``(f″h)² / 6f′`` of an exponential.
        """
        claims, seen, columns = self.claims, self.seen, self.columns
        claimed, scale = claims.claimed[rows], claims.scale[rows]
        above, below, ahead, behind = self.lines.pairs(rows, steps)
        self.tried[:, rows] = steps, above, below, ahead, behind
        with np.errstate(all="ignore"):
            pair = Ladder(seen.base, above, below, ahead, behind, seen.noise, seen.eps)
            left, right, central, noise = differences(pair)
            curve = np.fmax(np.abs(right - left) - 4 * noise, 0.0)
            bend = np.nan_to_num(np.sqrt(2 * curve / (ahead + behind)), posinf=0.0)
            self.bend[rows] = bend
            here = np.where(np.isfinite(claims.here), np.abs(claims.here), 0.0)
            others = float(np.nanmean(self.bend * here)) * len(here)
            blur = MOVED * seen.eps * bend * others
            error = claim_error(claims, rows, bend * others, seen) + self.tolerance[rows]
            noise = noise + blur
            limits = allowed(claims, seen, rows, blur + error)
            if self.coarsest is not None:
                limits = np.fmax(self.coarsest[rows], limits)
            limits = limits + 2 * self.tolerance[rows]
            self.error[rows], self.blur[rows], self.limits[rows] = error, blur, limits
            faint = np.fmax(self.slope[rows], 0.03 * claims.largest[rows])
            faint = np.fmax(faint, KINK * seen.reach / scale)
            bent = curve**2 / (6 * faint)
            smooth = bent <= np.fmax(noise, CLEAR * faint)
            gap = np.abs(central - claimed)
            known = 2 * (noise + bent + slack)
            good = (gap <= known / 2 + error) & smooth & (known <= limits)
            # Nothing moves at all; where f itself is 0 that may be underflow.
            none = (above == seen.base) & (below == seen.base) & (ahead + behind > 0)
            none &= claims.size[rows] <= (error if seen.base else 0.0)
            uneven = seen.noise > SAME * seen.fine
            good |= none & (steps >= scale * (LEVEL if uneven else 1))
        first = np.isnan(columns.estimate[rows])
        write = good | first
        columns.estimate[rows[write]] = central[write]
        columns.bound[rows[write]] = (noise + bent + gap)[write]
        columns.resolution[rows[write]] = (known + error)[write]
        columns.verdict[rows[good]] = AGREE
        columns.reason[rows[good]] = ""
        columns.reason[rows[first & ~good]] = "noise"
        return np.asarray(good)

    def _again(self, rows: Rows) -> Rows:
        """Ask about faint entries on their own scale; return the entries that want a ladder."""
        claims, seen, columns = self.claims, self.seen, self.columns
        agreed = columns.verdict[rows] == AGREE
        still = ~agreed & (columns.estimate[rows] == 0) & (claims.size[rows] <= self.error[rows])
        flat = rows[still]
        open_: Rows = rows[~agreed & ~still]
        if len(flat):
            far = claims.scale[flat] * (1.0 if seen.reach == 0 else HIGHEST)
            open_ = np.append(open_, flat[~self._look(flat, far, np.zeros(len(flat)))])
        coarse = agreed & (claims.size[rows] > 3 * self.error[rows]) & (self.coarsest is None)
        faint = rows[coarse & self._coarse(rows)]
        if len(faint):
            size, scale = claims.size[faint], claims.scale[faint]
            with np.errstate(all="ignore"):
                balance = BALANCE * np.cbrt(seen.noise / (size * scale))
                steps = scale * np.fmin(balance, FURTHEST)
            good = self._look(faint, np.fmax(steps, self.steps[faint]), KINK * size)
            columns.faint[faint[good & self._coarse(faint)]] = True
            self.steps[faint[~good]] = steps[~good]
            self.limits[faint[~good]] = TENTH * size[~good]
            open_ = np.append(open_, faint[~good])
        return open_

    def _coarse(self, rows: Rows) -> NDArray[np.bool_]:
        """Return whether an error of a tenth of an entry would not have shown."""
        known = self.columns.resolution[rows] - self.error[rows]
        return np.asarray(known > TENTH * self.claims.size[rows])

    def _ladders(self, rows: Rows) -> bool:
        """Examine entries one by one; return whether f is no noisier than it looked."""
        claims, seen, columns = self.claims, self.seen, self.columns
        for row in rows.tolist():
            leaf = int(claims.leaf[row])
            count = self.wrong[leaf]
            accepted = columns.verdict[row] == AGREE
            if count >= ENOUGH and leaf in self.sampled:
                columns.looked[row] = accepted
                continue
            if not np.isfinite(claims.here[row]):
                columns.reason[row] = "non-finite"
                continue
            claimed = float(claims.claimed[row])
            finite = bool(np.isfinite(claimed))
            case = Case(
                claimed=claimed if finite else float(columns.estimate[row]),
                step=float(self.steps[row]),
                scale=float(claims.scale[row]),
                error=float(self.error[row]) if finite else 0.0,
                allowed=float(self.limits[row]) * (1 if self.precise else ROOM),
                largest=float(claims.largest[row]),
                blur=float(self.blur[row]),
                own=abs(float(claims.here[row])) or np.inf,
                wanted=WANTED * abs(claimed) if self.precise else np.inf,
                room=2.0 if self.precise else ROOM,
                subgradient=self.asked.subgradient,
                short=count >= LADDERS,
            )
            thorough = count == 0 or self.wrong.total() < THOROUGH
            found = examine(self.lines, row, case, seen, self.tried[:, row], thorough)
            self.heard = found.noise
            if 3 * seen.noise < 2 * self.heard < QUIET * seen.reach:
                return False
            if accepted and found.verdict == UNKNOWN:
                columns.faint[row] = True
                continue
            reading, verdict = found.reading, found.verdict
            if not finite:
                known = verdict == AGREE or reading.bound <= KNOWN * abs(reading.estimate)
                verdict = DISAGREE if known else UNKNOWN
            left, right = reading.left.estimate, reading.right.estimate
            # Noise may hide a kink, and the slope is that of either side.
            bound = reading.bound if self.precise else np.fmax(reading.bound, abs(right - left))
            columns.estimate[row], columns.bound[row] = reading.estimate, bound
            columns.left[row], columns.right[row] = left, right
            columns.resolution[row] = found.resolution
            columns.verdict[row] = verdict
            columns.reason[row] = found.reason if verdict == UNKNOWN else ""
            self.wrong[leaf] += verdict == DISAGREE
        return True
