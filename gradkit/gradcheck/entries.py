"""Every entry of a gradient: one central difference for each, and a ladder for the doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.error import (
    BALANCE,
    BLOWN_UP,
    CLEAR,
    FURTHEST,
    GRAIN,
    MOVED,
    Asked,
    Claims,
    allowed,
    claim_error,
    first_step,
    shown,
)
from gradkit.gradcheck.evaluate import BudgetSpent, EntryLine, Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, HIGHEST, QUIET, UNKNOWN, Case, Line, examine
from gradkit.gradcheck.noise import EPS, LOST, SAME, TINY, Floats, Seen, units_of
from gradkit.gradcheck.records import Direction, Entry, Verdict
from gradkit.gradcheck.structure import Array

Rows = NDArray[np.intp]

KINK = 0.01
"""Where the two sides of a first step differ by this part of the slope, a ladder looks."""

SLACK = 0.3
"""The truncation that a first step may have, in parts of `CLEAR`."""

ROOM = 3
"""A ladder knows a slope of a noisy f to so many times what a first step does: both sides count."""

WANTED = 8e-8
"""With a precise f a ladder goes on until an error of this part of the entry would show."""

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
"""A claim that is not finite is wrong where the slope is known to this part of itself."""


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
    rows = zip(
        claims.leaf.tolist(),
        claims.place.tolist(),
        claims.claimed.tolist(),
        columns.estimate.tolist(),
        columns.bound.tolist(),
        relative.tolist(),
        columns.verdict.tolist(),
        columns.reason.tolist(),
        columns.left.tolist(),
        columns.right.tolist(),
        columns.looked.tolist(),
        strict=True,
    )
    indices = [list(np.ndindex(shape)) for _, shape in shapes]
    return tuple(
        Entry(
            shapes[leaf][0],
            indices[leaf][place],
            claim,
            estimate,
            bound,
            resolution,
            verdict,
            reason,
            (left, right) if reason == "kink" else None,
        )
        for (
            leaf,
            place,
            claim,
            estimate,
            bound,
            resolution,
            verdict,
            reason,
            left,
            right,
            looked,
        ) in rows
        if looked
    )


def overall(parts: Sequence[Entry | Direction]) -> Verdict:
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
        return np.concatenate(rows or [np.zeros(0)])

    claimed = flat(arrays)
    finite = np.where(np.isfinite(claimed), np.abs(claimed), 0.0)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    units = [
        units_of(array, point, scale)
        for array, point, scale in zip(arrays, points, scales.tolist(), strict=True)
    ]
    unit = flat(units)
    tops = [
        float(np.max(finite[a:b] * unit[a:b], initial=0.0)) for a, b in pairwise(starts.tolist())
    ]
    places = [np.arange(size) for size in sizes]
    return Claims(
        claimed=claimed,
        leaf=np.repeat(np.arange(len(sizes)), sizes),
        place=np.concatenate(places or [np.arange(0)]),
        here=flat(points),
        scale=unit,
        largest=np.repeat(np.array(tops), sizes) / np.where(unit > 0, unit, 1.0),
        eps=np.repeat(np.array(eps, dtype=np.float64), sizes),
    )


class Lines(Protocol):
    """Lines through the point, one for each row of the claims."""

    def pairs(self, rows: Rows, steps: Floats) -> tuple[Floats, ...]:
        """Return f above and below the point, and the distances moved, for some rows."""
        ...

    def line(self, row: int) -> Line:
        """Return one of them."""
        ...


class EntryLines:
    """One line for each entry."""

    def __init__(self, evaluator: Evaluator, claims: Claims) -> None:
        self.evaluator = evaluator
        self.claims = claims

    def pairs(self, rows: Rows, steps: Floats) -> tuple[Floats, ...]:
        """Evaluate both sides of the given entries; see `Evaluator.pairs`."""
        leaf, place = self.claims.leaf[rows], self.claims.place[rows]
        ends = [0, *(np.flatnonzero(np.diff(leaf)) + 1).tolist(), len(rows)]
        parts = [
            self.evaluator.pairs(int(leaf[low]), place[low:high], steps[low:high])
            for low, high in pairwise(ends)
            if high > low
        ]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def line(self, row: int) -> Line:
        """Return the line of one entry."""
        return EntryLine(self.evaluator, int(self.claims.leaf[row]), int(self.claims.place[row]))


class _Louder(Exception):  # noqa: N818 - it is a signal, not a fault
    """Longer steps have told that f is noisier than it looked."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen


class EntryCheck:
    """The check of all entries of one gradient."""

    def __init__(
        self,
        lines: Lines,
        claims: Claims,
        seen: Seen,
        grain: Floats,
        asked: Asked | None = None,
        wanted: Floats | None = None,
        restarts: int = 2,
    ) -> None:
        self.lines = lines
        self.grain = grain
        self.asked = asked or Asked()
        self.wanted = wanted
        self.restarts = restarts
        self.claims = claims
        self.seen = seen
        self.columns = blank(len(claims.claimed))
        self.limits = np.zeros(len(claims.claimed))
        self.slope = shown(claims.weight, claims.scale, seen.reach)
        steps = first_step(self.slope, claims.scale, seen.noise)
        with np.errstate(all="ignore"):
            self.steps = np.fmax(np.where(steps > 0, steps, grain), np.fmax(grain, 1e-300))
        self.bend = np.zeros(len(claims.claimed))
        self.met = np.zeros(len(claims.claimed), dtype=bool)
        self.error = np.zeros(len(claims.claimed))
        self.blur = np.zeros(len(claims.claimed))
        self.moved = np.zeros(len(claims.claimed))
        self.tried = np.full((5, len(claims.claimed)), np.nan)
        self.wrong: dict[int, int] = {}
        self.sampled: dict[int, bool] = {}
        self.tolerance = self.asked.atol + self.asked.rtol * claims.weight
        self.rng = np.random.default_rng([self.asked.seed, 1])

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
                self._first(rows)
                if not closely:
                    continue
                doubtful = self._second(rows)
                self._ladders(doubtful)
        except BudgetSpent:
            self.columns.looked[:] = True
        except _Louder as heard:
            return EntryCheck(
                self.lines,
                self.claims,
                heard.seen,
                self.grain,
                self.asked,
                self.wanted,
                self.restarts - 1,
            ).run(closely=closely)
        return self.columns

    def _chunks(self) -> Iterator[Rows]:
        """Yield the entries to look at: small arrays together, large ones in samples."""
        leaf = self.claims.leaf
        ends = np.flatnonzero(np.diff(leaf)) + 1
        small: list[Rows] = []
        large: list[Rows] = []
        for rows in np.split(np.arange(len(leaf)), ends):
            (large if len(rows) > 2 * SAMPLE else small).append(rows)
        if any(len(rows) for rows in small):
            yield np.concatenate(small)
        for rows in large:
            self.sampled[int(leaf[rows[0]])] = True
            drawn = self.rng.permutation(rows)
            at, width = 0, SAMPLE
            while at < len(drawn):
                if self.wrong.get(int(leaf[rows[0]]), 0) >= ENOUGH:
                    break
                yield np.sort(drawn[at : at + width])
                at, width = at + width, 4 * SAMPLE

    def _first(self, rows: Rows) -> None:
        """Hold each claim against one central difference."""
        self._note(rows, self.steps[rows], SLACK * CLEAR * self.slope[rows])

    def _note(self, rows: Rows, steps: Floats, slack: Floats) -> NDArray[np.bool_]:
        """Try a step for some entries, and write down what it says of those that agree.

        A claim agrees within noise, its own rounding, and a slack for truncation, where the slopes
        on both sides are alike.
        """
        claims, seen, columns = self.claims, self.seen, self.columns
        with np.errstate(all="ignore"):
            above, below, ahead, behind = self.lines.pairs(rows, steps)
            self.tried[:, rows] = steps, above, below, ahead, behind
            span = ahead + behind
            right, left = (above - seen.base) / ahead, (seen.base - below) / behind
            central = (right * behind + left * ahead) / span
            rough = np.fmax(seen.noise, seen.eps * np.fmax(np.abs(above), np.abs(below)))
            rough = np.fmax(rough, TINY)
            noise = 2 * rough / span
            jump = np.abs(right - left)
            bend = np.sqrt(np.fmax(2 * (jump - 4 * noise) / span, 0.0))
            fresh = rows[~self.met[rows]]
            self.bend[rows] = np.nan_to_num(bend, posinf=0.0)
            self.met[fresh] = True
            met = self.met
            others = float(np.sum((self.bend * np.abs(np.nan_to_num(claims.here)))[met]))
            others *= len(met) / max(int(np.count_nonzero(met)), 1)
            error = claim_error(
                claims.weight[rows],
                claims.largest[rows],
                claims.scale[rows],
                claims.eps[rows],
                self.bend[rows],
                others,
                max(seen.fine, BLOWN_UP * min(seen.reach, abs(seen.base))),
            )
            error = error + self.tolerance[rows]
            self.error[rows] = error
            self.blur[rows] = MOVED * seen.eps * self.bend[rows] * others
            noise = noise + self.blur[rows]
            limits = allowed(claims, seen, rows, self.blur[rows] + error)
            self.limits[rows] = (
                limits if self.wanted is None else np.fmax(self.wanted[rows], limits)
            )
            self.limits[rows] += 2 * self.tolerance[rows]
            gap = np.abs(central - claims.claimed[rows])
            room = noise + error + slack
            resolution = 2 * (noise + slack) + error
            faint = np.fmax(self.slope[rows], 0.03 * claims.largest[rows])
            faint = np.fmax(faint, KINK * seen.reach / claims.scale[rows])
            kinked = ~(jump <= 4 * noise + KINK * faint)
            near = (gap <= room) & ~kinked & np.isfinite(gap)
            good = near & (resolution <= self.limits[rows])
            none = claims.size[rows] <= (error if seen.base else 0.0)  # 0 may be an underflow
            flat = (above == seen.base) & (below == seen.base) & none
            even = seen.noise > SAME * seen.fine
            good |= flat & (steps >= claims.scale[rows] * (LEVEL if even else 1)) & (span > 0)
            moved = np.fmax(np.abs(above - seen.base), np.abs(below - seen.base)) / steps
        self.moved[rows] = np.nan_to_num(moved, posinf=0.0)
        first = np.isnan(columns.estimate[rows])
        write = good | first
        columns.estimate[rows[write]] = central[write]
        columns.bound[rows[write]] = (noise + gap)[write]
        columns.resolution[rows[write]] = resolution[write]
        columns.verdict[rows[good]] = AGREE
        columns.reason[rows[good]] = ""
        columns.reason[rows[first & ~good]] = "noise"
        return np.asarray(good)

    def _second(self, rows: Rows) -> Rows:
        """Ask about faint entries on their own scale; return the entries that want a ladder."""
        claims, seen, columns = self.claims, self.seen, self.columns
        size = claims.size[rows]
        agreed = columns.verdict[rows] == AGREE
        doubtful = [rows[~agreed]]
        still = (columns.estimate[rows] == 0) & (size <= self.error[rows])
        flat = rows[still & (~agreed | (seen.reach == 0))]
        if len(flat):
            far = claims.scale[flat] * (1.0 if seen.reach == 0 else HIGHEST)
            good = self._note(flat, far, np.zeros(len(flat)))
            columns.verdict[flat[~good]] = UNKNOWN
            if seen.reach == 0:
                self.limits[flat] = 1e-6 * self.moved[flat]
            doubtful = [np.setdiff1d(rows[~agreed], flat), flat[~good]]
        coarse = agreed & (size > 3 * self.error[rows]) & (self.wanted is None)
        coarse &= columns.resolution[rows] - self.error[rows] > TENTH * size
        faint = rows[coarse]
        if len(faint):
            size = claims.size[faint]
            with np.errstate(all="ignore"):
                balance = np.cbrt(seen.noise / (size * claims.scale[faint]))
                steps = claims.scale[faint] * np.fmin(BALANCE * balance, FURTHEST)
            good = self._note(faint, np.fmax(steps, self.steps[faint]), KINK * size)
            still = columns.resolution[faint] - self.error[faint] > TENTH * size
            columns.faint[faint[good & still]] = True
            contrary = faint[~good]
            self.steps[contrary] = steps[~good]
            self.limits[contrary] = TENTH * size[~good]
            doubtful.append(faint[~good])
        return np.concatenate(doubtful)

    def _ladders(self, rows: Rows) -> None:
        """Examine entries one by one."""
        claims, seen, columns = self.claims, self.seen, self.columns
        precise = seen.noise <= LOST * EPS * max(abs(seen.base), seen.reach)
        for row in rows.tolist():
            leaf = int(claims.leaf[row])
            count = self.wrong.get(leaf, 0)
            if count >= ENOUGH and self.sampled.get(leaf):
                columns.looked[row] = columns.verdict[row] == AGREE
                continue
            doubt = count == 0 or sum(self.wrong.values()) < THOROUGH
            accepted = columns.verdict[row] == AGREE
            if not np.isfinite(claims.here[row]):
                columns.reason[row] = "non-finite"
                continue
            claimed = float(claims.claimed[row])
            guess = float(columns.estimate[row])
            case = Case(
                claimed=claimed if np.isfinite(claimed) else guess,
                step=float(self.steps[row]),
                scale=float(claims.scale[row]),
                error=float(self.error[row]) if np.isfinite(claimed) else 0.0,
                allowed=float(self.limits[row]) * (1 if precise else ROOM),
                largest=float(claims.largest[row]),
                blur=float(self.blur[row]),
                own=abs(float(claims.here[row])) or np.inf,
                wanted=WANTED * abs(claimed) if precise else np.inf,
                subgradient=self.asked.subgradient,
            )
            found = examine(
                self.lines.line(row),
                case,
                seen,
                thorough=doubt,
                short=count >= LADDERS,
                tried=self.tried[:, row : row + 1],
            )
            if self.restarts and 3 * seen.noise < 2 * found.noise < QUIET * seen.reach:
                raise _Louder(replace(seen, noise=2 * found.noise))
            if accepted and found.verdict == UNKNOWN:
                columns.faint[row] = True
                continue
            columns.estimate[row] = found.estimate
            columns.bound[row] = found.bound
            columns.resolution[row] = found.resolution
            columns.verdict[row] = found.verdict
            columns.reason[row] = found.reason
            columns.left[row], columns.right[row] = found.slopes
            known = found.verdict == AGREE or found.bound <= KNOWN * abs(found.estimate)
            if not np.isfinite(claimed) and known:
                columns.verdict[row], columns.reason[row] = DISAGREE, ""
            if columns.verdict[row] == DISAGREE:
                self.wrong[leaf] = count + 1


def grains(claims: Claims, evaluator: Evaluator) -> Floats:
    """Return the shortest step of each entry that is known well enough."""
    eps = np.array([float(np.finfo(leaf.array.dtype).eps) for leaf in evaluator.leaves] or [EPS])
    here = np.abs(np.nan_to_num(claims.here))
    return np.asarray(GRAIN * eps[claims.leaf] * here) if len(claims.leaf) else np.zeros(0)
