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

from gradkit.gradcheck.entries import (
    Columns,
    EntryCheck,
    EntryLines,
    Rows,
    grains,
    lay_out,
    records,
)
from gradkit.gradcheck.error import Asked, Claims
from gradkit.gradcheck.evaluate import DirectionLine, Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, Line
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


class DirectionLines:
    """One line for each direction."""

    def __init__(self, lines: Sequence[DirectionLine]) -> None:
        self.lines = lines

    def pairs(self, rows: Rows, steps: Floats) -> tuple[Floats, ...]:
        """Evaluate both sides along the given directions."""
        parts = [self.lines[row].pairs(steps[k : k + 1]) for k, row in enumerate(rows.tolist())]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def line(self, row: int) -> Line:
        """Return the line along one direction."""
        return self.lines[row]


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
        self.asked, self.rng = asked, rng
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
        lines = [DirectionLine(self.evaluator, self._split(m), self.claimed) for m in moves]
        grain = np.array([line.smallest for line in lines])
        check = EntryCheck(DirectionLines(lines), claims, self.seen, grain, self.asked, asked)
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
        places = _window(places, second / first, rough / abs(first))
        while len(places) > CANDIDATES:
            part = np.zeros(move.size)
            part[places] = move[places] * ramp(len(places))
            gap = float(self.look(part).gaps[0])
            found = _window(places, gap / first, 2 * rough / abs(first))
            if not len(found) < len(places):
                return None
            places = found
        for place in places.tolist():
            entry = self.alone(place)
            rest = abs(first - (entry.claimed - entry.estimate) * float(move[place]))
            if entry.verdict == DISAGREE and rest <= 4 * rough + 1e-3 * abs(first):
                return entry
        return None

    def alone(self, place: int) -> Entry:
        """Check one entry by itself."""
        leaf = int(np.searchsorted(self.ends, place, side="right")) - 1
        at = self.span(leaf)
        claims = self._claims(leaf)
        here = place - at.start
        one = replace(
            claims,
            **{
                name: getattr(claims, name)[here : here + 1]
                for name in ("claimed", "leaf", "place", "here", "scale", "largest", "eps")
            },
        )
        columns = self._entries(one).run()
        return records(columns, one, self.evaluator.shapes)[0]

    def _claims(self, leaf: int) -> Claims:
        """Lay one leaf out, with its largest claim in the unit of each entry."""
        empty = [np.zeros(0)] * len(self.claimed)
        arrays = [*empty[:leaf], self.given[leaf], *empty[leaf + 1 :]]
        points = [*empty[:leaf], self.evaluator.origin(leaf), *empty[leaf + 1 :]]
        return lay_out(arrays, points, self.seen.scales, self.eps)

    def _entries(self, claims: Claims) -> EntryCheck:
        lines = EntryLines(self.evaluator, claims)
        return EntryCheck(lines, claims, self.seen, grains(claims, self.evaluator), self.asked)

    def each(self, leaf: int) -> tuple[Claims, Columns]:
        """Check every entry of one leaf."""
        claims = self._claims(leaf)
        return claims, self._entries(claims).run()

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

    def record(self, looked: Looked, leaves: Sequence[int], number: int, row: int) -> Direction:
        """Put one direction on record."""
        columns = looked.columns
        move = looked.moves[row]
        least = min(self.least(leaf, move) for leaf in leaves)
        names = [self.evaluator.leaves[leaf].name for leaf in leaves]
        resolution = float(columns.resolution[row])
        return Direction(
            parameter=names[0] if len(names) == 1 else "all parameters",
            number=number,
            claimed=float(looked.claims.claimed[row]),
            estimate=float(columns.estimate[row]),
            bound=float(columns.bound[row]),
            resolution=resolution / least if np.isfinite(least) else np.inf,
            verdict=columns.verdict[row],
            reason=columns.reason[row],
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


def by_directions(
    evaluator: Evaluator,
    parameters: Parameters,
    claimed: Sequence[Array],
    eps: Sequence[float],
    seen: Seen,
    rng: np.random.Generator,
    asked: Asked,
) -> tuple[tuple[Direction, ...], tuple[Entry, ...], tuple[str, ...]]:
    """Check every parameter along directions, and look closer where one is wrong.

    Returns
    -------
    directions, entries, patterns
    """
    survey = Survey(evaluator, claimed, eps, seen, rng, asked)
    leaves = survey.leaves
    broken = [leaf for leaf in leaves if not np.all(np.isfinite(claimed[leaf]))]
    move = survey.move(leaves)
    both = survey.look(move, move * ramp(move.size))
    directions = tuple(survey.record(both, leaves, row, row) for row in range(2))
    if all(one.verdict == AGREE for one in directions) and not broken:
        return directions, (), ()
    entry = None if broken else survey.locate(both)
    if entry is not None:
        index = ", ".join(map(str, entry.index))
        wrong = tuple(replace(one, verdict=DISAGREE, reason="") for one in directions)
        pattern = f"{entry.parameter or 'The gradient'}: the entry [{index}] explains the whole"
        return wrong, (entry,), (f"{pattern} difference.",)
    found: list[Direction] = []
    entries: list[Entry] = []
    patterns: list[str] = []
    for leaf in leaves:
        _leaf(survey, parameters, leaf, found, entries, patterns)
    return tuple(found), tuple(entries), tuple(patterns)


def _leaf(
    survey: Survey,
    parameters: Parameters,
    leaf: int,
    found: list[Direction],
    entries: list[Entry],
    patterns: list[str],
) -> None:
    """Check one parameter along two directions; where it is wrong, say how or name an entry."""
    target, at = parameters.leaves[leaf], survey.span(leaf)
    move = survey.move([leaf])
    steep = np.zeros(move.size)
    steep[at] = move[at] * ramp(at.stop - at.start)
    both = survey.look(move, steep, closely=True)
    rows = [0] if target.array.size == 1 else [0, 1]
    mine = [survey.record(both, [leaf], row, row) for row in rows]
    finite = bool(np.all(np.isfinite(survey.given[leaf])))
    wrong = any(one.verdict == DISAGREE for one in mine) or not finite
    if wrong and target.array.size <= FEW:
        claims, columns = survey.each(leaf)
        entries += records(columns, claims, survey.evaluator.shapes)
        one = replace(claims, leaf=np.zeros(target.array.size, dtype=np.intp))
        patterns += find_patterns(one, columns, [target])
    elif wrong and not finite:
        bad = int(np.flatnonzero(~np.isfinite(survey.given[leaf].reshape(-1)))[0])
        entries.append(survey.alone(at.start + bad))
    elif wrong:
        shape = target.array.shape
        named = direction_patterns(
            target.name, survey.claimed[leaf], both, [m[at].reshape(shape) for m in both.moves]
        )
        entry = None if named else survey.locate(both)
        if entry is not None:
            index = ", ".join(map(str, entry.index))
            called = target.name or "The gradient"
            named = (f"{called}: the entry [{index}] explains the whole difference.",)
        if not named:
            entry = survey.bisect(move, float(both.gaps[0]))
        patterns += named
        entries += [entry] if entry is not None else []
    if not finite and any(e.verdict == DISAGREE and e.parameter == target.name for e in entries):
        mine = [replace(one, verdict=DISAGREE, reason="") for one in mine]
    found += mine
