"""Many parameters at once: random directions, and the entry that is wrong located from two.

Along a direction u the slope of f is ``Σ g_j u_j``, so two evaluations hold every entry of a claim
against f. A second direction has the weights of the first times a ramp that is another number for
each entry: where one entry is wrong, the ratio of the two errors says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradkit.gradcheck.entries import Columns, EntryCheck, lay_out, records
from gradkit.gradcheck.error import Asked, Claims
from gradkit.gradcheck.evaluate import DirectionLines, EntryLines, Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE
from gradkit.gradcheck.noise import Floats, Seen, largest_of, units_of
from gradkit.gradcheck.patterns import direction_patterns, find_patterns
from gradkit.gradcheck.records import Direction, Entry
from gradkit.gradcheck.structure import Array, Parameters

LEAST = 0.25
"""The smallest component, in units of its entry: half of the ramp's lowest end."""

SEEN = 1e-3
"""Errors of one entry are looked for down to this part of its parameter's largest."""

LEVEL = 1e3
"""Leaves whose slopes are small are moved further, but no more than so many times."""

FEW = 64
"""A wrong parameter of a large problem is looked at entry by entry if it has no more."""

CANDIDATES = 3
"""So many candidates for a single wrong entry are tried one by one."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Directions that were looked at, each a flat array over all entries, with what was found."""

    moves: tuple[Floats, ...]
    claims: Claims
    columns: Columns

    @property
    def gaps(self) -> Floats:
        """The error of the claim along each direction."""
        return np.asarray(self.claims.claimed - self.columns.estimate)

    @property
    def rough(self) -> Floats:
        """What is not known of these errors."""
        return np.asarray(np.maximum(self.columns.bound - np.abs(self.gaps), 0.0))


class Survey:
    """The check of a large gradient along directions."""

    def __init__(
        self,
        evaluator: Evaluator,
        claimed: Sequence[Array],
        eps: Sequence[float],
        seen: Seen,
        rng: np.random.Generator,
        asked: Asked,
    ) -> None:
        self.evaluator, self.eps, self.seen, self.given = evaluator, eps, seen, claimed
        self.asked = asked
        self.found: list[Direction] = []
        self.entries: list[Entry] = []
        self.patterns: list[str] = []
        self.claimed = [np.where(np.isfinite(one), one, 0.0).astype(np.float64) for one in claimed]
        self.leaves = [leaf for leaf, one in enumerate(claimed) if one.size]
        self.ends = np.cumsum([0, *(one.size for one in claimed)])
        self.flat = np.concatenate([one.reshape(-1) for one in self.claimed])
        scales = seen.scales.tolist()
        points = [evaluator.origin(leaf) for leaf in range(len(claimed))]
        units = map(units_of, self.claimed, points, scales)
        self.units = np.concatenate([one.reshape(-1) for one in units])
        sign = rng.uniform(-1.0, 1.0, self.flat.size)
        self.sign = (sign + np.copysign(0.5, sign)) * self.units

    def span(self, leaf: int) -> slice:
        """Return where the entries of a leaf are."""
        return slice(int(self.ends[leaf]), int(self.ends[leaf + 1]))

    def move(self, leaves: Sequence[int]) -> Floats:
        """Return a direction through some leaves, in which each leaf does as much to f."""
        effects = {
            leaf: float(np.linalg.norm(self.flat[self.span(leaf)] * self.units[self.span(leaf)]))
            for leaf in leaves
        }
        top = max(effects.values()) or 1.0
        move = np.zeros(self.flat.size)
        for leaf, effect in effects.items():
            at = self.span(leaf)
            move[at] = self.sign[at] * (top / max(effect, top / LEVEL))
        return move

    def look(self, *moves: Floats, closely: bool = False) -> Looked:
        """Hold the claim along some directions against f: by a first step, or by a ladder too."""
        columns = np.array([self._row(move) for move in moves]).T
        claimed, spread, scale, asked, eps = columns
        claims = Claims(
            claimed=claimed,
            leaf=np.zeros(len(moves), dtype=np.intp),
            place=np.arange(len(moves)),
            here=scale,
            scale=scale,
            largest=spread,
            eps=eps,
            spread=spread,
        )
        lines = DirectionLines(self.evaluator, [self._split(m) for m in moves], self.claimed)
        check = EntryCheck(lines, claims, self.seen, self.asked, asked)
        return Looked(moves, claims, check.run(closely=closely))

    def _split(self, move: Floats) -> list[Array | None]:
        """Return a direction as one array for each leaf, None for those that stay."""
        parts = [move[self.span(leaf)].reshape(one.shape) for leaf, one in enumerate(self.claimed)]
        return [part if np.any(part) else None for part in parts]

    def _row(self, move: Floats) -> tuple[float, float, float, float, float]:
        """Return claim, its spread, scale, what is asked of the resolution, and the rounding."""
        product = self.flat * move
        asked, far, eps = np.inf, np.inf, 0.0
        for leaf in self.leaves:
            at = self.span(leaf)
            longest = largest_of(move[at])
            if longest > 0:
                far = min(far, float(self.seen.scales[leaf]) / longest)
                eps = max(eps, self.eps[leaf])
                asked = min(asked, self.least(leaf, move))
        asked = SEEN * asked if np.isfinite(asked) else 1e-3 * self.seen.reach / far
        return float(np.sum(product)), float(np.linalg.norm(product)), far, asked, eps

    def least(self, leaf: int, move: Floats) -> float:
        """Return what an error as large as the largest entry of a leaf does along a direction."""
        at = self.span(leaf)
        top = largest_of(self.flat[at] * self.units[at])
        lift = float(np.max(np.abs(move[at]) / self.units[at], initial=0.0))
        return LEAST / 2 * lift * top if top > 0 else np.inf

    def locate(self, looked: Looked) -> Entry | None:
        """Return the one entry that explains the errors along a direction and its ramped twin."""
        move = looked.moves[0]
        first, second = looked.gaps.tolist()[:2]
        rough = float(np.max(looked.rough))
        if not (np.isfinite(first + second) and abs(first) > 20 * rough):
            return None
        places = np.flatnonzero(move)
        places = _window(places, second / first, 2 * rough / abs(first))
        while len(places) > CANDIDATES:
            part = np.zeros(move.size)
            part[places] = move[places] * ramp(len(places))
            gap = float(self.look(part).gaps[0])
            found = _window(places, gap / first, 2 * rough / abs(first))
            if not len(found) < len(places):
                return None
            places = found
        middle = float(np.mean(places)) if len(places) else 0.0
        for place in sorted(places.tolist(), key=lambda one: abs(one - middle)):
            entry = self.alone(place)
            rest = abs(first - (entry.claimed - entry.estimate) * float(move[place]))
            if entry.verdict == DISAGREE and rest <= 4 * rough + 1e-3 * abs(first):
                return entry
        return None

    def run(self, parameters: Parameters) -> None:
        """Check every parameter along directions, and look closer where one is wrong."""
        broken = any(not np.all(np.isfinite(one)) for one in self.given)
        move = self.move(self.leaves)
        both = self.look(move, move * ramp(move.size))
        self.found = [self.record(both, self.leaves, row) for row in range(2)]
        if broken or any(one.verdict != AGREE for one in self.found):
            entry = None if broken else self.locate(both)
            if entry is not None:
                self.found = [replace(one, verdict=DISAGREE, reason="") for one in self.found]
                self.explain(entry)
                return
            self.found = []
            for leaf in self.leaves:
                self.run_leaf(parameters, leaf)

    def explain(self, entry: Entry) -> None:
        """Put the one entry that is wrong on record."""
        index, called = ", ".join(map(str, entry.index)), entry.parameter or "The gradient"
        self.entries.append(entry)
        self.patterns.append(f"{called}: the entry [{index}] explains the whole difference.")

    def run_leaf(self, parameters: Parameters, leaf: int) -> None:
        """Check one parameter along two directions; where it is wrong, say how or name an entry."""
        target, at, claimed = parameters.leaves[leaf], self.span(leaf), self.given[leaf]
        move = self.move([leaf])
        steep = np.zeros(move.size)
        steep[at] = move[at] * ramp(at.stop - at.start)
        both = self.look(move, steep, closely=True)
        mine = [self.record(both, [leaf], row) for row in range(min(2, claimed.size))]
        bad = np.flatnonzero(~np.isfinite(claimed.reshape(-1)))
        wrong = any(one.verdict == DISAGREE for one in mine)
        if len(bad) or (wrong and claimed.size <= FEW):
            claims = self.claims(leaf)
            if claimed.size > FEW:
                claims = only(claims, int(bad[0]))
            columns = self.check(claims)
            entries = records(columns, claims, self.evaluator.shapes)
            self.entries += entries
            if claimed.size <= FEW:
                claims = replace(claims, leaf=np.zeros(claimed.size, dtype=np.intp))
                self.patterns += find_patterns(claims, columns, [target])
            if len(bad) and any(entry.verdict == DISAGREE for entry in entries):
                mine = [replace(one, verdict=DISAGREE, reason="") for one in mine]
        elif wrong:
            moves = [one[at].reshape(claimed.shape) for one in both.moves]
            named = direction_patterns(target.name, self.claimed[leaf], both, moves)
            self.patterns += named
            entry = None if named else self.locate(both)
            if entry is not None:
                self.explain(entry)
            elif not named:
                entry = self.bisect(move, float(both.gaps[0]))
                self.entries += [entry] if entry is not None else []
        self.found += mine

    def claims(self, leaf: int) -> Claims:
        """Lay one leaf out, with its largest claim in the unit of each entry."""
        empty = [np.zeros(0)] * len(self.claimed)
        arrays = [*empty[:leaf], self.given[leaf], *empty[leaf + 1 :]]
        points = [*empty[:leaf], self.evaluator.origin(leaf), *empty[leaf + 1 :]]
        return lay_out(arrays, points, self.seen.scales, self.eps)

    def check(self, claims: Claims) -> Columns:
        """Check entries one by one."""
        lines = EntryLines(self.evaluator, claims.leaf, claims.place)
        return EntryCheck(lines, claims, self.seen, self.asked).run()

    def alone(self, place: int) -> Entry:
        """Check one entry by itself."""
        leaf = int(np.searchsorted(self.ends, place, side="right")) - 1
        claims = only(self.claims(leaf), place - int(self.ends[leaf]))
        return records(self.check(claims), claims, self.evaluator.shapes)[0]

    def bisect(self, move: Floats, gap: float) -> Entry | None:
        """Halve the set of entries, following the larger error, to one that is wrong by itself."""
        places = np.flatnonzero(move)
        while len(places) > 1:
            half = places[: len(places) // 2]
            part = np.zeros(move.size)
            part[half] = move[half]
            error = float(self.look(part).gaps[0])
            if abs(error) > abs(gap - error):
                places, gap = half, error
            else:
                places, gap = places[len(half) :], gap - error
        entry = self.alone(int(places[0]))
        return entry if entry.verdict == DISAGREE else None

    def record(self, looked: Looked, leaves: Sequence[int], row: int) -> Direction:
        """Put one direction on record."""
        columns = looked.columns
        move = looked.moves[row]
        least = min(self.least(leaf, move) for leaf in leaves)
        names = [self.evaluator.leaves[leaf].name for leaf in leaves]
        resolution = float(columns.resolution[row])
        return Direction(
            parameter=names[0] if len(names) == 1 else "all parameters",
            number=row,
            claimed=float(looked.claims.claimed[row]),
            estimate=float(columns.estimate[row]),
            bound=float(columns.bound[row]),
            resolution=resolution / least if np.isfinite(least) else np.inf,
            verdict=columns.verdict[row],
            reason=columns.reason[row],
        )


def only(claims: Claims, row: int) -> Claims:
    """Return one row of the claims."""
    at = slice(row, row + 1)
    return Claims(
        claimed=claims.claimed[at],
        leaf=claims.leaf[at],
        place=claims.place[at],
        here=claims.here[at],
        scale=claims.scale[at],
        largest=claims.largest[at],
        eps=claims.eps[at],
    )


def ramp(size: int) -> Floats:
    """Return numbers from a half to three halves, another one for each entry."""
    return np.asarray(0.5 + np.arange(size) / max(size, 1))


def _window(places: NDArray[np.intp], ratio: float, rough: float) -> NDArray[np.intp]:
    """Return the places whose ramp may have given the ratio of two errors."""
    size = len(places)
    middle, wide = (ratio - 0.5) * size, 2 * rough * size + 0.5
    low, high = int(np.floor(middle - wide + 0.5)), int(np.ceil(middle + wide + 0.5))
    return places[max(low, 0) : max(min(high, size), 0)]
