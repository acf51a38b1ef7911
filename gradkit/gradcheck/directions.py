"""Many parameters at once: random directions, and the entry that is wrong located from two.

Along a direction u the slope of f is ``Σ g_j u_j``, so two evaluations hold every entry of a claim
against f. A second direction has the weights of the first times a ramp that is another number for
each entry: where one entry is wrong, the ratio of the two errors says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gradkit.gradcheck.entries import Columns, EntryCheck, entry_check, found, records
from gradkit.gradcheck.error import Asked, Claims, Rows, take
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.examine import AGREE, DISAGREE, ROOM
from gradkit.gradcheck.noise import Array, Floats, Seen, signs
from gradkit.gradcheck.patterns import direction_pattern, find_patterns
from gradkit.gradcheck.records import Direction, Entry

SEEN = 1e-3
"""Errors of one entry are looked for down to this part of its parameter's largest."""

LEVEL = 1e3
"""Leaves whose slopes are small are moved further, but no more than so many times."""

FEW = 64
"""A wrong parameter of a large problem is looked at entry by entry if it has no more."""

CANDIDATES = 3
"""So many candidates for a single wrong entry are tried one by one, the likeliest first."""


HIDDEN = 1e-3
"""Directions are added until a claim that is twice too large agrees along all by such a chance."""

MOST = 12
"""But no more than so many, twins counted: two directions do where little is hidden."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Directions that were looked at, each a flat array over all entries, with what was found.

    ``gaps`` are the errors of the claim along each, ``rough`` is what is not known of them, and
    ``least`` what the smallest error does that is as large as the largest entry of a parameter.
    """

    moves: tuple[Floats, ...]
    claims: Claims
    columns: Columns
    least: Floats
    gaps: Floats
    rough: Floats


class Survey:
    """The check of a large gradient along directions.

    Parameters
    ----------
    evaluator : Evaluator
    claims : Claims
        All entries.
    seen : Seen
    asked : Asked
    """

    def __init__(self, evaluator: Evaluator, claims: Claims, seen: Seen, asked: Asked) -> None:
        self.evaluator, self.claims, self.seen, self.asked = evaluator, claims, seen, asked
        self.leaves = evaluator.leaves
        self.found: list[Direction] = []
        self.entries: list[Entry] = []
        self.patterns: list[str] = []
        ends = np.cumsum([0, *(leaf.array.size for leaf in self.leaves)]).tolist()
        self.spans = [slice(*pair) for pair in pairwise(ends)]
        self.claimed = self.split(claims.claimed)
        self.rng = np.random.default_rng([asked.seed, 2])
        self.sign = self.draw()

    def draw(self) -> Floats:
        """Draw a direction that moves every entry by about its own scale."""
        return signs(self.rng, self.claims.claimed.size) * self.claims.scale

    def split(self, flat: Floats) -> list[Array]:
        """Return numbers for all entries as one array for each leaf."""
        pairs = zip(self.leaves, self.spans, strict=True)
        return [flat[at].reshape(leaf.array.shape) for leaf, at in pairs]

    def move(self, leaves: Sequence[int]) -> tuple[Floats, Floats]:
        """Return a direction in which each of some leaves does as much to f, and its ramped twin.

        The ramp is along all entries that move.
        """
        effect = self.claims.claimed * self.claims.scale
        effects = {leaf: float(np.linalg.norm(effect[self.spans[leaf]])) for leaf in leaves}
        top = max(effects.values()) or 1.0
        move = np.zeros(effect.size)
        for leaf, size in effects.items():
            at = self.spans[leaf]
            move[at] = self.sign[at] * (top / max(size, top / LEVEL))
        return move, self.ramped(move, np.flatnonzero(move))

    def ramped(self, move: Floats, places: Rows) -> Floats:
        """Return some entries of a direction times a ramp, and nothing of the others."""
        part = np.zeros(move.size)
        part[places] = move[places] * ramp(len(places))
        return part

    def look(self, *moves: Floats, closely: bool = False) -> Looked:
        """Hold the claim along some directions against f: by a first step, or by a ladder too."""
        claimed, spread, far, least, eps = np.array([self._row(move) for move in moves]).T
        coarsest = SEEN * np.where(np.isfinite(least), least, self.seen.reach / far)
        zero, number = np.zeros(len(moves), dtype=np.intp), np.arange(len(moves))
        # Errors of single entries are independent, and add up like the parts of a norm.
        room = np.array([np.linalg.norm(self.claims.room * move) for move in moves])
        rest = (spread, eps, spread, coarsest, 0 * far, room)
        claims = Claims(claimed, zero, number, far, far, *rest)
        parts = [self.split(move) for move in moves]

        def pair(row: int, step: float) -> list[float]:
            values, strays = self.evaluator.along(parts[row], (step, -step), self.claimed)
            return [*(values + strays), step, step]

        columns = EntryCheck(pair, claims, self.seen, self.asked).run(closely=closely)
        gaps = claimed - columns.estimate
        rough = np.maximum(columns.bound - np.abs(gaps), 0.0)
        return Looked(moves, claims, columns, least, gaps, rough)

    def _row(self, move: Floats) -> tuple[float, float, float, float, float]:
        """Return claim, its spread, scale, what the least error does, and the rounding."""
        product, size = self.claims.claimed * move, np.abs(move)
        error = size * self.claims.largest
        return (
            float(np.sum(product)),
            float(np.linalg.norm(product)),
            1 / float(np.max(size / self.claims.scale)),
            float(np.min(error, initial=np.inf, where=error > 0)),
            float(np.max(self.claims.eps, where=size > 0, initial=0.0)),
        )

    def explain(self, looked: Looked) -> bool:
        """Put on record the one entry that explains the errors along a direction and its twin.

        Return whether there is one.
        """
        move = looked.moves[0]
        first, second = looked.gaps.tolist()
        rough = ROOM * float(np.max(looked.rough))
        if not (np.isfinite(first + second) and ROOM * abs(first) > 20 * rough):
            return False
        places = _window(np.flatnonzero(move), second / first, 2 * rough / abs(first))
        before = np.inf
        while CANDIDATES < len(places) < before:
            before = len(places)
            gap = float(self.look(self.ramped(move, places)).gaps[0])
            places = _window(places, gap / first, 2 * rough / abs(first))
        likely = sorted(places.tolist(), key=lambda one: abs(one - float(np.mean(places))))
        for place in likely[:CANDIDATES]:
            entry = self.check(slice(place, place + 1))[0][0]
            rest = abs(first - (entry.claimed - entry.estimate) * float(move[place]))
            if entry.verdict == DISAGREE and rest <= 2 * rough + 1e-3 * abs(first):
                where = f"{entry.parameter or 'The gradient'}: the entry {list(entry.index)}"
                self.entries.append(entry)
                self.patterns.append(f"{where} explains the whole difference.")
                return True
        return False

    def run(self, leaves: Sequence[int] | None = None) -> None:
        """Check parameters together along directions, and one by one where something is wrong."""
        bad = np.flatnonzero(~np.isfinite(self.claims.claimed))
        if len(bad):  # along a direction it would spoil all others
            self.entries += self.check(bad[:FEW])[0]
            return
        leaves = leaves or [leaf for leaf, at in enumerate(self.spans) if at.start < at.stop]
        name = self.leaves[leaves[0]].name if len(leaves) == 1 else "all parameters"
        tried: list[Direction] = []
        hidden = 1.0
        while hidden > HIDDEN and len(tried) < MOST:
            both, found, known = self.hold(leaves, name, len(tried))
            tried += found
            hidden *= chance(both)
            if not known or found[0].verdict != AGREE:
                break
        if not known and len(leaves) > 1:
            for leaf in leaves:
                self.run([leaf])
            return
        self.found += tried
        if not known and DISAGREE in {one.verdict for one in found}:
            self.describe(leaves[0], both)

    def hold(
        self, leaves: Sequence[int], name: str, number: int
    ) -> tuple[Looked, list[Direction], bool]:
        """Hold the claim against f along a new direction and its twin; return whether all is known.

        It is if the claim agrees, or one entry explains why it does not.
        """
        if number:
            self.sign = self.draw()
        moves = self.move(leaves)
        for closely in (False, True):
            both = self.look(*moves, closely=closely)
            found = self.record(both, name, number)
            if all(one.verdict == AGREE for one in found):
                return both, found, True
            if not closely and self.explain(both):
                return both, [replace(one, verdict=DISAGREE, reason="") for one in found], True
        return both, found, False

    def describe(self, number: int, both: Looked) -> None:
        """Say how a parameter is wrong, or name an entry."""
        leaf, at = self.leaves[number], self.spans[number]
        if at.stop - at.start <= FEW:
            entries, claims, columns = self.check(at)
            self.entries += entries
            self.patterns += find_patterns(replace(claims, leaf=0 * claims.leaf), columns, [leaf])
            return
        named = direction_pattern(self.claimed[number], both, [move[at] for move in both.moves])
        if named:
            self.patterns.append(f"{leaf.name or 'The gradient'}: {named}.")
        else:
            entry = self.bisect(both.moves[0], float(both.gaps[0]))
            self.entries += [entry] if entry.verdict == DISAGREE else []

    def check(self, rows: Rows | slice) -> tuple[tuple[Entry, ...], Claims, Columns]:
        """Check some entries one by one."""
        claims = take(self.claims, rows)
        columns = entry_check(self.evaluator, claims, self.seen, self.asked).run()
        return records(columns, claims, self.leaves), claims, columns

    def bisect(self, move: Floats, gap: float) -> Entry:
        """Halve the set of entries, following the larger error, to one by itself."""
        places = np.flatnonzero(move)
        while len(places) > 1:
            half, rest = np.array_split(places, 2)
            part = np.zeros(move.size)
            part[half] = move[half]
            error = float(self.look(part).gaps[0])
            larger = abs(error) > abs(gap - error)
            places, gap = (half, error) if larger else (rest, gap - error)
        return self.check(places)[0][0]

    def record(self, looked: Looked, name: str, before: int = 0) -> list[Direction]:
        """Put directions through one leaf, or all, on record, counted from those before."""
        least = np.where(np.isfinite(looked.least), looked.least, np.nan)
        rows = enumerate(found(looked.columns, looked.claims, least))
        return [Direction(name, before + row, *numbers) for row, numbers in rows]


def chance(looked: Looked) -> float:
    """Return how likely a claim twice too large is to agree along a direction and its twin.

    Its terms may cancel to what rounding or noise hides: half of their root of squares, times a
    normal number.
    """
    weight = looked.claims.weight
    part = np.where(weight > 0, 2 * looked.columns.resolution / weight, 0.0)
    return min(float(np.max(part)), 1.0)


def ramp(size: int) -> Floats:
    """Return numbers from a half to three halves, another one for each entry."""
    return np.asarray(0.5 + np.arange(size) / max(size, 1))


def _window(places: Rows, ratio: float, rough: float) -> Rows:
    """Return the places whose ramp may have given the ratio of two errors; of none, all."""
    size = len(places)
    if not np.isfinite([ratio, rough]).all():
        return places
    middle, wide = (ratio - 0.5) * size, 2 * rough * size + 0.5
    low, high = int(np.floor(middle - wide + 0.5)), int(np.ceil(middle + wide + 0.5))
    return places[max(low, 0) : max(min(high, size), 0)]
