"""Search the text of some functions for the smallest change that makes wrong outputs right.

1. Record: run the functions at throwaway inputs, with every slot watched.
2. Change: try every change of every slot on what was recorded there. Only one that gives another
   value than all before it counts; one whose value the model solution has too comes first.
3. Run: the changed text from the start, at all inputs. It is a proposal where outputs that were
   wrong are right, and none that was right is wrong.
4. Of what remains wrong, the same again over the text that has the change.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.runtime.repair.bench import Bench, quiet
from gradkit.runtime.repair.candidates import Candidate, Candidates
from gradkit.runtime.repair.changed import kept
from gradkit.runtime.repair.pool import Question
from gradkit.runtime.repair.text import UnwrittenError, Written, replaced
from gradkit.runtime.repair.tree import LARGE

ROUNDS, INPUTS = 5, 2
"""Changes that are looked for one after the other, and inputs that each has to be right at."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the text of a cell, and its kind."""

    cell: str
    written: Written
    kind: str


class Search:
    """A search over one section's text.

    Parameters
    ----------
    namespace : dict
        The student's names; changed functions are put there, and taken out again.
    sources : mapping of str to str
        The text of cells.
    places : sequence of (cell, line)
        Where the functions begin that may be changed, the most doubtful first.
    question : Question
    seconds : float
        After which no more is tried.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        sources: Mapping[str, str],
        places: Sequence[tuple[str, int]],
        question: Question,
        seconds: float,
    ) -> None:
        self._namespace, self._sources, self._places = namespace, dict(sources), list(places)
        self._question = question
        self._end = time.process_time() + seconds
        self._wrong: frozenset[str] = frozenset()
        self._right: dict[int, frozenset[str]] = {}
        self._best: _Best | None = None

    def proposals(self) -> list[Proposal]:
        """Return the changes that make all right that can be made right, in their order."""
        found: list[Proposal] = []
        with quiet(), kept(self._namespace) as put:
            bench = Bench(self._namespace, put, self._question)
            while len(found) < ROUNDS:
                bench.take(self._sources, self._places)
                best = self._round(bench)
                if best is None:
                    break
                one = best.proposal
                found.append(one)
                self._sources[one.cell] = replaced(self._sources[one.cell], one.written)
                more = len(one.written.lines) - (one.written.last - one.written.first + 1)
                self._places = [
                    (cell, line + more if cell == one.cell and line > one.written.last else line)
                    for cell, line in self._places
                ]
                if not best.left:
                    break
        return found

    def _round(self, bench: Bench) -> _Best | None:
        """Return the best change of the text as it is now."""
        states = [bench.states(draw) for draw in bench.question.draws]
        if not bench.again and all(all(state.values()) for state in states):
            bench.again = True
            states = [bench.states(draw) for draw in bench.question.draws]
        names = dict.fromkeys(name for state in states for name in state)
        self._wrong = frozenset(n for n in names if not all(s.get(n, False) for s in states))
        if not self._wrong:
            return None
        # Where it is wrong; what is right elsewhere is looked at in the end.
        off = [n for n, s in enumerate(states) if any(not s.get(w, False) for w in self._wrong)]
        used = off[:INPUTS]
        self._right = {n: frozenset(k for k, ok in states[n].items() if ok) for n in used}
        self._best = None
        for least, group in Candidates(bench, used, self._end).groups():
            best = self._best
            if best is not None and (least > LARGE if best.left else best.cost <= least):
                break
            for candidate in group:
                if time.process_time() > self._end:
                    return self._best
                self._try(bench, candidate)
        return self._best

    def _try(self, bench: Bench, candidate: Candidate) -> None:
        """Run a change, unless a smaller one has made all right."""
        best = self._best
        if best is not None and not best.left and candidate.cost > best.cost:
            return
        fixed = self._fixes(bench, candidate)
        if not fixed:
            return
        left = len(self._wrong - fixed)
        if best is None or (left, candidate.cost, candidate.order) < best.rank:
            written = self._written(candidate)
            if written is not None:
                proposal = Proposal(candidate.target.cell, written, candidate.kind)
                self._best = _Best((left, candidate.cost, candidate.order), proposal)

    def _fixes(self, bench: Bench, candidate: Candidate) -> frozenset[str]:
        """Return the wrong outputs that a change makes right; none where it makes one wrong."""
        candidate.put()
        try:
            if not bench.load(candidate.target):
                return frozenset()
            fixed = self._wrong
            for number, before in self._right.items():
                states = bench.states(bench.question.draws[number])
                right = frozenset(name for name, ok in states.items() if ok)
                fixed &= right
                if not fixed or not before <= right:
                    return frozenset()
            return fixed
        finally:
            candidate.undo()
            bench.reload(candidate.target)

    def _written(self, candidate: Candidate) -> Written | None:
        """Write a change into the text; None where it cannot be."""
        candidate.put()
        try:
            wanted = ast.dump(candidate.target.tree)
        finally:
            candidate.undo()
        try:
            return candidate.write(self._sources[candidate.target.cell], wanted)
        except UnwrittenError:
            return None


@dataclass(frozen=True, slots=True)
class _Best:
    """The best change so far, by how many outputs it leaves wrong, its cost and its place."""

    rank: tuple[int, float, int]
    proposal: Proposal

    @property
    def left(self) -> int:
        return self.rank[0]

    @property
    def cost(self) -> float:
        return self.rank[1]
