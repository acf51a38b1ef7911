"""Many parameters at once: random directions, and bisection to the entry that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradkit.gradcheck.case import Case, Outcome
from gradkit.gradcheck.claims import NULL
from gradkit.gradcheck.escalate import escalate
from gradkit.gradcheck.evaluate import BudgetSpent, Evaluator
from gradkit.gradcheck.judge import AGREE, DISAGREE, claim_error
from gradkit.gradcheck.line import DirectionLine, EntryLine
from gradkit.gradcheck.noise import FLOAT64
from gradkit.gradcheck.preflight import Preflight, signs
from gradkit.gradcheck.records import Direction, Entry, Verdict
from gradkit.gradcheck.structure import Array
from gradkit.gradcheck.sweep import SLACK, TARGET

DIRECTIONS = 2
LEAST = 0.5
"""The smallest component of a direction: so much of the error of an entry is seen."""

SEEN = 1e-3
"""Errors of one entry are looked for down to this part of its parameter's largest."""


def length(gradient: Array, move: Array) -> float:
    """Return the root of the sum of squares of the entries' contributions, without overflow."""
    largest = float(np.max(np.abs(gradient), initial=0.0))
    if not largest > 0:
        return 0.0
    return float(np.linalg.norm(gradient / largest * move)) * largest


@dataclass(frozen=True, slots=True)
class Glance:
    """One central difference along a direction, held against the claim.

    ``room`` is how far the two may be apart, ``kinked`` whether the one-sided slopes differ.
    """

    claimed: float
    estimate: float
    room: float
    kinked: bool


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What the survey of one parameter found."""

    directions: tuple[Direction, ...]
    moves: tuple[Array, ...]
    entry: Entry | None
    alone: bool


class Survey:
    """Surveys the parameters of one problem, one after the other."""

    def __init__(
        self, evaluator: Evaluator, claimed: Sequence[Array], seen: Preflight, narrow: bool
    ) -> None:
        self.evaluator = evaluator
        self.claimed = claimed
        self.seen = seen
        self.narrow = narrow
        self.reach = seen.reach or abs(seen.base)

    def line(self, leaf: int, move: Array) -> DirectionLine:
        """Return the line along a direction through one parameter."""
        moves: list[Array | None] = [None] * len(self.claimed)
        moves[leaf] = move
        return DirectionLine(self.evaluator, moves, self.claimed)

    def glance(self, leaf: int, move: Array) -> Glance:
        """Hold the claim along a direction against one central difference.

        The step follows the same rule as that of a single entry, with the root of the sum
        of squares of the entries' contributions in place of the entry.
        """
        gradient, seen = self.claimed[leaf], self.seen
        claim = float(np.vdot(gradient, move))
        size = length(gradient, move)
        moving = int(np.count_nonzero(move)) or 1
        scale = float(seen.scales[leaf]) / np.sqrt(moving)
        with np.errstate(all="ignore"):
            relative = np.cbrt(seen.sigma / (size * scale))
            cap = scale * (min(relative, 0.05) if relative > 0 else 1e-5)
            wanted = TARGET * seen.sigma / size if size > 0 else cap
        line = self.line(leaf, move)
        step = max(min(wanted, cap), line.smallest, np.finfo(float).tiny)
        above, below, _, _ = line.pairs(np.array([step]))
        up, down = float(above[0]), float(below[0])
        noise = 1.5 * max(seen.sigma, FLOAT64 * max(abs(up), abs(down))) / step
        jump = abs(up + down - 2 * seen.base) / step
        estimate = (up - down) / (2 * step)
        return Glance(
            claimed=claim,
            estimate=estimate,
            room=noise + SLACK * size + self._error(gradient, move),
            kinked=not jump <= 4 * noise + 0.01 * size,
        )

    def _error(self, gradient: Array, move: Array) -> float:
        """Return the rounding that a correct claim may carry along a direction."""
        size = np.array([length(gradient, move)])
        largest = np.array([float(np.max(np.abs(gradient), initial=0.0))])
        return float(claim_error(size, largest, self.narrow)[0])

    def allowed(self, leaf: int, move: Array) -> float:
        """Return how coarse a direction may be: it has to show an error of one entry."""
        largest = float(np.max(np.abs(self.claimed[leaf]), initial=0.0))
        share = self.reach / float(self.seen.scales[leaf])
        if largest <= NULL * share:
            return (1e-3 if self.seen.noisy else 1e-6) * share
        limit = LEAST * SEEN * largest
        if self.seen.noisy:
            limit = max(limit, 0.04 * length(self.claimed[leaf], move))
        return limit

    def case(self, leaf: int, claim: float, hint: float, error: float, allowed: float) -> Case:
        """Put together a case for a full examination."""
        seen = self.seen
        return Case(
            base=seen.base,
            claimed=claim,
            hint=hint if np.isfinite(hint) else 0.0,
            largest=float(np.max(np.abs(self.claimed[leaf]), initial=0.0)),
            scale=float(seen.scales[leaf]),
            sigma=seen.sigma,
            error=error,
            allowed=allowed,
            wanted=allowed,
            reach=self.reach,
            amplitude=1e-8 * self.reach + min(1e-9 * abs(seen.base), 1e-4 * self.reach),
            rough=seen.rough,
            steady=seen.steady,
        )

    def examine(self, leaf: int, move: Array, first: Glance, short: bool = False) -> Outcome:
        """Examine a direction thoroughly."""
        error = self._error(self.claimed[leaf], move)
        case = self.case(leaf, first.claimed, first.estimate, error, self.allowed(leaf, move))
        return escalate(self.line(leaf, move), case, short)

    def survey(self, leaf: int, rng: np.random.Generator) -> Surveyed:
        """Check one parameter along random directions, and find a wrong entry if there is one.

        The components of a direction are of either sign and of uneven magnitude, because under
        ±1 half of all pairs of equal and opposite errors cancel.
        """
        target = self.evaluator.leaves[leaf]
        count = DIRECTIONS if target.array.size > 1 else 1
        moves = tuple(signs(target, rng) for _ in range(count))
        glances = [self.glance(leaf, move) for move in moves]
        found: list[Direction] = []
        doubtful: list[int] = []
        for number, (move, one) in enumerate(zip(moves, glances, strict=True)):
            gap = abs(one.estimate - one.claimed)
            good = gap <= one.room and not one.kinked and 2 * one.room <= self.allowed(leaf, move)
            if not good:
                doubtful.append(number)
            bound = one.room + gap
            found.append(self._record(leaf, number, one, bound, 2 * one.room, AGREE, ""))
        entry, alone = None, False
        accused = False
        for number in doubtful:
            move, one = moves[number], glances[number]
            gap = abs(one.estimate - one.claimed)
            if accused and gap > 3 * one.room and not one.kinked:
                found[number] = self._record(
                    leaf, number, one, one.room, 2 * one.room, DISAGREE, ""
                )
                continue
            outcome = self.examine(leaf, move, one, short=True)
            if outcome.verdict == DISAGREE and not accused:
                entry, alone = self.bisect(leaf, move, one, outcome)
                if entry is None:
                    outcome = self.examine(leaf, move, one)
                accused = outcome.verdict == DISAGREE
            elif outcome.verdict != AGREE:
                outcome = outcome if accused else self.examine(leaf, move, one)
            found[number] = self._record(
                leaf,
                number,
                Glance(one.claimed, outcome.estimate, one.room, one.kinked),
                outcome.bound,
                outcome.resolution,
                outcome.verdict,
                outcome.reason,
            )
        return Surveyed(tuple(found), moves, entry, alone)

    def _record(
        self,
        leaf: int,
        number: int,
        one: Glance,
        bound: float,
        resolution: float,
        verdict: str,
        reason: str,
    ) -> Direction:
        largest = float(np.max(np.abs(self.claimed[leaf]), initial=0.0))
        return Direction(
            parameter=self.evaluator.leaves[leaf].name,
            number=number,
            claimed=one.claimed,
            estimate=one.estimate,
            bound=bound,
            resolution=resolution / LEAST / largest if largest > 0 else np.inf,
            verdict=verdict,  # type: ignore[arg-type]
            reason=reason,  # type: ignore[arg-type]
        )

    def bisect(
        self, leaf: int, move: Array, one: Glance, outcome: Outcome
    ) -> tuple[Entry | None, bool]:
        """Halve the set of entries until one is left that is wrong by itself.

        The error along a direction is the sum of those along its two halves, so one half is
        measured and the other follows; the larger one is pursued.

        Returns
        -------
        entry : Entry or None
            None where the entry that was reached is not wrong by itself.
        alone : bool
            Whether it explains the whole difference along the direction.
        """
        target = self.evaluator.leaves[leaf]
        flat = move.reshape(-1)
        low, high = 0, flat.size
        whole = outcome.estimate - one.claimed
        rest = whole
        while high - low > 1:
            middle = (low + high) // 2
            half = np.zeros_like(flat)
            half[low:middle] = flat[low:middle]
            glance = self.glance(leaf, half.reshape(move.shape))
            error = glance.estimate - glance.claimed
            if abs(error) > abs(rest - error):
                high, rest = middle, error
            else:
                low, rest = middle, rest - error
        claim = float(self.claimed[leaf].reshape(-1)[low])
        largest = float(np.max(np.abs(self.claimed[leaf]), initial=0.0))
        error = float(claim_error(np.array([claim]), np.array([largest]), self.narrow)[0])
        hint = claim + rest / float(flat[low])
        case = self.case(leaf, claim, hint, error, LEAST * SEEN * largest)
        found = escalate(EntryLine(self.evaluator, leaf, low), case)
        if found.verdict != DISAGREE:
            return None, False
        size = max(abs(claim), abs(found.estimate))
        index = tuple(int(i) for i in np.unravel_index(low, target.array.shape))
        entry = Entry(
            parameter=target.name,
            index=index,
            claimed=claim,
            estimate=found.estimate,
            bound=found.bound,
            resolution=found.resolution / size if size > 0 else np.inf,
            verdict="disagree",
        )
        left = abs(whole - (found.estimate - claim) * float(flat[low]))
        return entry, left <= 2 * (outcome.bound + one.room) + 1e-3 * abs(whole)


def survey_all(
    evaluator: Evaluator,
    claimed: Sequence[Array],
    seen: Preflight,
    narrow: bool,
    rng: np.random.Generator,
) -> list[Surveyed]:
    """Survey every parameter that has entries, in order."""
    surveyor = Survey(evaluator, claimed, seen, narrow)
    found: list[Surveyed] = []
    for leaf, gradient in enumerate(claimed):
        if gradient.size == 0:
            continue
        try:
            found.append(surveyor.survey(leaf, rng))
        except BudgetSpent:
            name = evaluator.leaves[leaf].name
            verdict: Verdict = "inconclusive"
            lost = Direction(name, 0, np.nan, np.nan, np.inf, np.inf, verdict, "budget")
            found.append(Surveyed((lost,), (), None, False))
    return found
