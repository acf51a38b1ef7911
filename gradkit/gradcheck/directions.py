"""Check many parameters at once along random directions, and locate a single wrong entry.

The slope of f along a direction u is ``Σ g_j u_j``, so two evaluations test all entries of a claim.
A second direction has the weights of the first times a ramp with a different number for each entry:
if one entry is wrong, the ratio of the two errors shows which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from gradkit.gradcheck.constants import MAX_ITEMS, SAMPLE_SIZE, SMALL, SPREAD, TENTH
from gradkit.gradcheck.entries import (
    Columns,
    EntryCheck,
    entry_check,
    make_entries,
    one_by_one,
    record_fields,
)
from gradkit.gradcheck.error import Claims, Options, Rows, join_claims, select_claims
from gradkit.gradcheck.evaluate import Evaluator
from gradkit.gradcheck.noise import Array, Floats, Measurements, draw_signed, magnitude
from gradkit.gradcheck.patterns import (
    common_factor,
    direction_pattern,
    factor_pattern,
    find_patterns,
)
from gradkit.gradcheck.records import Direction, Entry


@dataclass(frozen=True, slots=True)
class DirectionResults:
    """The results along several directions, each a flat array over all entries.

    ``gaps`` are the errors of the claim along each, ``rough`` their uncertainties, and ``least``
    the smallest effect of an error that is as large as a parameter's largest entry.
    """

    moves: tuple[Floats, ...]
    claims: Claims
    columns: Columns
    least: Floats
    gaps: Floats
    rough: Floats


class Survey:
    """A check of a large gradient along directions.

    Parameters
    ----------
    evaluator : Evaluator
    parts : sequence of Claims
        The claims of each leaf.
    seen : Measurements
    asked : Options
    """

    def __init__(
        self, evaluator: Evaluator, parts: Sequence[Claims], seen: Measurements, asked: Options
    ) -> None:
        """Draw a first direction."""
        self.evaluator, self.parts, self.seen, self.asked = evaluator, parts, seen, asked
        self.leaves = evaluator.leaves
        self.found: list[Direction] = []
        self.entries: list[Entry] = []
        self.patterns: list[str] = []
        ends = np.cumsum([0, *(leaf.array.size for leaf in self.leaves)]).tolist()
        self.spans, self.size = [slice(*pair) for pair in pairwise(ends)], ends[-1]
        pairs = zip(parts, self.leaves, strict=True)
        self.claimed = [part.claimed.reshape(leaf.array.shape) for part, leaf in pairs]
        self.rng = np.random.default_rng([asked.seed, 2])
        self.sign = self.draw_direction()

    def draw_direction(self) -> Floats:
        """Draw a direction that moves every entry by about its own scale."""
        drawn = [draw_signed(self.rng, part.claimed.size) * part.scale for part in self.parts]
        return np.concatenate([np.zeros(0), *drawn])

    def split(self, flat: Floats) -> list[Array]:
        """Return a flat array over all entries as one array for each leaf."""
        pairs = zip(self.leaves, self.spans, strict=True)
        return [flat[at].reshape(leaf.array.shape) for leaf, at in pairs]

    def direction_and_twin(self, leaves: Sequence[int]) -> tuple[Floats, Floats]:
        """Return a direction in which some leaves have equal effects on f, and its ramped twin.

        Within a leaf, `levelled` limits the effect of the largest entries. The ramp runs over all
        entries that move.
        """
        move = np.zeros(self.size)
        norms = {leaf: self._move_leaf(leaf, move) for leaf in leaves}
        top = max(norms.values()) or 1.0
        for leaf, size in norms.items():
            move[self.spans[leaf]] *= top / max(size, top * SMALL)
        return move, self.ramped(move, np.flatnonzero(move))

    def _move_leaf(self, leaf: int, move: Floats) -> float:
        """Set the part of a leaf in a direction, and return its effect on f, by the claim."""
        part, at = self.parts[leaf], self.spans[leaf]
        effect = part.claimed * part.scale
        level = levelled(effect)
        move[at] = self.sign[at] * level
        effect *= level
        return float(np.linalg.norm(effect))

    def ramped(self, move: Floats, places: Rows) -> Floats:
        """Return a direction with the entries at ``places`` multiplied by a ramp, all others 0."""
        part = np.zeros(move.size)
        part[places] = ramp(len(places))
        part *= move
        return part

    def check_directions(self, *moves: Floats, closely: bool = False) -> DirectionResults:
        """Compare the claim with f along some directions, ``closely`` with a ladder of steps."""
        along = np.array([self._claim_along(move) for move in moves]).T
        claimed, spread, far, least, eps, room = along
        coarsest = SMALL * np.where(np.isfinite(least), least, self.seen.reach / far)
        zero, number = np.zeros(len(moves), dtype=np.intp), np.arange(len(moves))
        rest = (spread, eps, spread, coarsest, 0 * far, room)
        claims = Claims(claimed, zero, number, far, far, *rest)
        parts = [self.split(move) for move in moves]

        def pair(row: int, step: float) -> list[float]:
            values, strays = self.evaluator.along(parts[row], (step, -step), self.claimed)
            return [*(values + strays), step, step]

        check = EntryCheck(one_by_one(pair), claims, self.seen, self.asked)
        columns = check.run(closely=closely)
        gaps = claimed - columns.estimate
        rough = np.maximum(columns.bound - np.abs(gaps), 0.0)
        return DirectionResults(moves, claims, columns, least, gaps, rough)

    def _claim_along(self, move: Floats) -> Floats:
        """Return the claim along a direction, its spread, scale, least effect, rounding and room.

        The errors that ``atol`` allows single entries are independent, and add up like the parts of
        a norm.
        """
        rows = [(0.0, 0.0, 0.0, np.inf, 0.0, 0.0)]
        for part, at in zip(self.parts, self.spans, strict=True):
            mine = move[at]
            if not np.any(mine):
                continue
            product = part.claimed * mine
            slopes = float(np.sum(product)), float(np.linalg.norm(product))
            np.abs(mine, out=product)
            far = float(np.max(product / part.scale))
            eps = float(np.max(part.eps, where=product > 0, initial=0.0))
            room = float(np.linalg.norm(part.room * product)) if np.any(part.room) else 0.0
            product *= part.largest
            least = float(np.min(product, initial=np.inf, where=product > 0))
            rows.append((*slopes, far, least, eps, room))
        totals, spreads, lengths, errors, units, rooms = np.array(rows).T
        sums = (np.sum(totals), np.linalg.norm(spreads), 1 / np.max(lengths))
        return np.array([*sums, np.min(errors), np.max(units), np.linalg.norm(rooms)])

    def find_single_entry(self, looked: DirectionResults) -> bool:
        """Find the one wrong entry that explains the errors along a direction and its twin.

        Record it and return True if there is one.
        """
        move = looked.moves[0]
        first, second = looked.gaps.tolist()
        rough = SPREAD * float(np.max(looked.rough))
        if not (np.isfinite(first + second) and SPREAD * abs(first) > 20 * rough):
            return False
        places = _matching_places(np.flatnonzero(move), second / first, 2 * rough / abs(first))
        before = np.inf
        while MAX_ITEMS < len(places) < before:
            before = len(places)
            gap = float(self.check_directions(self.ramped(move, places)).gaps[0])
            places = _matching_places(places, gap / first, 2 * rough / abs(first))
        likely = sorted(places.tolist(), key=lambda one: abs(one - float(np.mean(places))))
        for place in likely[:MAX_ITEMS]:
            entry = self.check_entries(np.array([place]))[0][0]
            rest = abs(first - (entry.claimed - entry.estimate) * float(move[place]))
            if entry.verdict == "disagree" and rest <= 2 * rough + 1e-3 * abs(first):
                where = f"{entry.parameter or 'The gradient'}: the entry {list(entry.index)}"
                self.entries.append(entry)
                self.patterns.append(f"{where} explains the whole difference.")
                return True
        return False

    def run(self, leaves: Sequence[int] | None = None) -> None:
        """Check leaves together along directions, and one by one if they disagree with the claim.

        Without ``leaves``, all leaves that have entries are checked. The results are added to
        ``found``, ``entries`` and ``patterns``. If a claimed entry is not finite, only such entries
        are checked.
        """
        pairs = zip(self.parts, self.spans, strict=True)
        bad = np.concatenate(
            [np.flatnonzero(~np.isfinite(part.claimed)) + at.start for part, at in pairs]
        )
        if len(bad):  # along a direction it would spoil all others
            self.entries += self.check_entries(bad[: 2 * SAMPLE_SIZE])[0]
            return
        leaves = leaves or [leaf for leaf, at in enumerate(self.spans) if at.start < at.stop]
        name = self.leaves[leaves[0]].name if len(leaves) == 1 else "all parameters"
        tried: list[Direction] = []
        hidden = 1.0
        while hidden > SMALL and len(tried) < MAX_ITEMS:
            both, found, known = self.check_pair(leaves, name, len(tried))
            tried += found
            hidden *= miss_chance(both)
            if not known or found[0].verdict != "agree":
                break
        if not known and len(leaves) > 1:
            self.explain_wrong_leaves(leaves, tried, both)
            return
        self.found += tried
        if not known and "disagree" in {one.verdict for one in found}:
            self.describe(leaves[0], both)

    def explain_wrong_leaves(
        self, leaves: Sequence[int], tried: list[Direction], both: DirectionResults
    ) -> None:
        """Explain a disagreement of several leaves: find a common factor, or check each one alone.

        With a common factor, the directions ``tried`` and the factor are added to the result.
        Otherwise `run` adds what it finds for each leaf, until `MAX_ITEMS` leaves are wrong.
        The leaves after that get the verdict unknown.

        Parameters
        ----------
        leaves : sequence of int
            Numbers of the leaves that were checked together.
        tried : list of Direction
            The checked directions, the last one with the disagreement.
        both : DirectionResults
            The results along the last direction and its twin.
        """
        ratio = shared_factor(both)
        if ratio is not None and tried[-1].verdict == "disagree":
            self.found += tried
            self.patterns.append(factor_pattern(ratio))
            self.evaluator.note("the factor was found along directions, not entry by entry.")
            return
        for number, leaf in enumerate(leaves):
            wrong = {one.parameter for one in self.found if one.verdict == "disagree"}
            if len(wrong) >= MAX_ITEMS:
                rest = [self.leaves[leaf].name for leaf in leaves[number:]]
                self.found += [
                    Direction(name, 0, np.nan, np.nan, np.inf, np.inf, "inconclusive", "budget")
                    for name in rest
                ]
                self.evaluator.note(
                    f"{len(wrong)} of the first {number} parameters are wrong; the other "
                    f"{len(rest)} were not checked one by one."
                )
                return
            self.run([leaf])

    def check_pair(
        self, leaves: Sequence[int], name: str, number: int
    ) -> tuple[DirectionResults, list[Direction], bool]:
        """Check the claim along a new direction and its twin.

        Return the results, and whether they are explained: if the claim agrees, or one entry is
        wrong. An unexplained result is measured again with a ladder of steps first.
        """
        if number:
            self.sign = self.draw_direction()
        moves = self.direction_and_twin(leaves)
        for closely in (False, True):
            both = self.check_directions(*moves, closely=closely)
            found = self.make_directions(both, name, number)
            if all(one.verdict == "agree" for one in found):
                return both, found, True
            if not closely and self.find_single_entry(both):
                return both, [replace(one, verdict="disagree", reason="") for one in found], True
        return both, found, False

    def describe(self, number: int, both: DirectionResults) -> None:
        """Add to the result how leaf ``number`` is wrong: by a pattern, or by single wrong entries.

        Small leaves are checked entry by entry. In a large leaf without a pattern, one wrong entry
        is looked for. ``both`` are the results along a direction and its twin.
        """
        leaf, at = self.leaves[number], self.spans[number]
        if at.stop - at.start <= 2 * SAMPLE_SIZE:
            entries, claims, columns = self.check_entries(np.arange(at.start, at.stop))
            self.entries += entries
            self.patterns += find_patterns(replace(claims, leaf=0 * claims.leaf), columns, [leaf])
            return
        named = direction_pattern(self.claimed[number], both, [move[at] for move in both.moves])
        if named:
            self.patterns.append(f"{leaf.name or 'The gradient'}: {named}.")
        else:
            entry = self.bisect(both.moves[0], float(both.gaps[0]))
            self.entries += [entry] if entry.verdict == "disagree" else []

    def check_entries(self, rows: Rows) -> tuple[tuple[Entry, ...], Claims, Columns]:
        """Check some entries one by one; return their reports, claims and measurements."""
        claims = join_claims(
            [
                select_claims(part, rows[(rows >= at.start) & (rows < at.stop)] - at.start)
                for part, at in zip(self.parts, self.spans, strict=True)
            ]
        )
        columns = entry_check(self.evaluator, claims, self.seen, self.asked).run()
        return make_entries(columns, claims, self.leaves), claims, columns

    def bisect(self, move: Floats, gap: float) -> Entry:
        """Return the wrong entry, found by halving the set of entries again and again.

        ``gap`` is the error of the claim along the direction ``move``, in which the entry is
        searched. At each step, the half with the larger error is kept.
        """
        places = np.flatnonzero(move)
        while len(places) > 1:
            half, rest = np.array_split(places, 2)
            part = np.zeros(move.size)
            part[half] = move[half]
            error = float(self.check_directions(part).gaps[0])
            larger = abs(error) > abs(gap - error)
            places, gap = (half, error) if larger else (rest, gap - error)
        return self.check_entries(places)[0][0]

    def make_directions(
        self, looked: DirectionResults, name: str, before: int = 0
    ) -> list[Direction]:
        """Return a `Direction` for each result along a direction, numbered from ``before``."""
        least = np.where(np.isfinite(looked.least), looked.least, np.nan)
        rows = enumerate(record_fields(looked.columns, looked.claims, least))
        return [Direction(name, before + row, *numbers) for row, numbers in rows]


def shared_factor(looked: DirectionResults) -> float | None:
    """Return the factor by which the claim is off along a direction and its twin, or None.

    Two random directions have ratios that are equal to a millionth only for a common factor.
    """
    return common_factor(looked.claims.claimed, looked.columns.estimate, looked.rough, 1e-6)


def miss_chance(looked: DirectionResults) -> float:
    """Return the probability that a claim twice too large agrees along a direction and its twin.

    Its terms may cancel to less than rounding or noise: half of their root of squares, times a
    normal number.
    """
    weight = looked.claims.weight
    part = np.where(weight > 0, 2 * looked.columns.resolution / weight, 0.0)
    return min(float(np.max(part)), 1.0)


def levelled(effect: Floats) -> Floats:
    """Return a factor for each entry that limits its effect on f to `MAX_EFFECT` medians.

    It is 1 for all other entries.
    """
    size = magnitude(effect)
    moving = size[size > 0]
    if not len(moving):
        return np.ones(size.shape)
    limit = float(np.median(moving, overwrite_input=True)) / TENTH
    np.divide(limit, size, out=size)
    return np.asarray(np.fmin(size, 1.0, out=size))


def ramp(size: int) -> Floats:
    """Return numbers from 0.5 to 1.5, a different one for each entry."""
    return np.linspace(0.5, 1.5, size, endpoint=False)


def _matching_places(places: Rows, ratio: float, rough: float) -> Rows:
    """Return the places whose ramp may give the ratio of two errors.

    All if the ratio is not finite.
    """
    size = len(places)
    if not np.isfinite([ratio, rough]).all():
        return places
    middle, wide = (ratio - 0.5) * size, 2 * rough * size + 0.5
    low, high = int(np.floor(middle - wide + 0.5)), int(np.ceil(middle + wide + 0.5))
    return places[max(low, 0) : max(min(high, size), 0)].copy()
