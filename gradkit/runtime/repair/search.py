"""Search the text of some functions for the smallest change that makes wrong outputs right.

1. Record: run the functions at throwaway inputs, with every slot watched.
2. Change: try every change of every slot on what was recorded there. Only one that gives another
   value than all before it counts; one whose value the model solution has too comes first.
3. Run: the changed text from the start, at all inputs. It is a proposal where outputs that were
   wrong are right, and none that was right is wrong.
4. Of what remains wrong, the same again over the text that has the change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradkit.edits.costs import LARGE, MORE, MOST, PAIR, PER_NODE, SIGNED
from gradkit.edits.operands import RefusedError, Vocabulary
from gradkit.edits.text import Reference, Slots, apply
from gradkit.edits.write import Written, replaced
from gradkit.runtime.repair.bench import Bench, Placed, quiet
from gradkit.runtime.repair.candidates import Candidate, Candidates
from gradkit.runtime.repair.changed import kept
from gradkit.runtime.repair.clock import Budget, alarmed
from gradkit.runtime.repair.places import Places
from gradkit.runtime.repair.pool import Question

INPUTS, STEPS = 2, 8
"""Inputs that each change has to be right at, and changes that another one is looked for after,
where none alone makes anything right."""


GAIN = 0.02
"""The share of an output that a change must make right to be the first of two changes."""

WHOLE, STEP = "wrong-expression", "missing-statement"
"""Kinds of changes: one that two others may be instead, and one that may be instead of several."""

MUCH, KEPT_BACK = 3, 24
"""Changes that another one is looked for in the place of, and the part of the time for that."""

NOTHING = -1
"""Stands for the number of wrong outputs after a change that makes no output right."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the text of a cell: its reference, and the changed lines."""

    reference: Reference
    written: Written

    @property
    def cell(self) -> str:
        """Return the cell that is changed."""
        return self.reference.cell

    @property
    def kind(self) -> str:
        """Return the kind of mistake that the change mends."""
        return self.reference.kind


@dataclass(frozen=True, slots=True)
class Text:
    """Sources of cells by id, places of functions that may be changed, and doubtful lines."""

    sources: Mapping[str, str]
    places: Sequence[Placed]
    near: Collection[tuple[str, int]]

    def after(self, one: Proposal) -> Text:
        """Return the text after the change ``one``, with new line numbers of all places."""
        more = len(one.written.lines) - (one.written.last - one.written.first + 1)

        def now(cell: str, line: int) -> int:
            return line + more * (cell == one.cell and line > one.written.last)

        return Text(
            {**self.sources, one.cell: replaced(self.sources[one.cell], one.written)},
            [(cell, now(cell, line), right) for cell, line, right in self.places],
            [(cell, now(cell, line)) for cell, line in self.near],
        )


@dataclass(slots=True)
class Search:
    """A search over one section's text for changes that make wrong outputs right.

    Parameters
    ----------
    namespace : dict
        The student's names. Changed functions are put there, and the former ones restored.
    text : Text
        The text to change.
    only : bool
        Change no other lines than the doubtful ones, ``text.near``.
    kinds : collection of str
        Kinds of changes to try; all if empty.
    most : int
        The largest number of changes in a row. If it is 1, the change must make all outputs right.
    question : Question
        The lines to run, and the right outputs.
    refused : set of Reference
        Changes not to propose again.
    known : Vocabulary
        The words and numbers that operands of references may contain.
    budget : Budget
        The work that the search may do.
    """

    namespace: dict[str, Any]
    text: Text
    only: bool
    kinds: Collection[str]
    most: int
    question: Question
    refused: Collection[Reference]
    known: Vocabulary
    budget: Budget
    _slots: dict[int, Slots] = field(default_factory=dict)
    _wrong: frozenset[str] = frozenset()
    _right: dict[int, frozenset[str]] = field(default_factory=dict)
    _used: int = 0
    _all: frozenset[str] = frozenset()
    _least: dict[int, float] = field(default_factory=dict)
    _best: BestChange | None = None
    _steps: list[Candidate] = field(default_factory=list)

    def proposals(self) -> list[Proposal]:
        """Return the changes that correct as many outputs as possible, in the order to apply.

        Each one is the best change of the text after those before it, until all outputs are right,
        or there are ``most`` changes. If there are three or more, one inserted statement is
        preferred to them, if one makes all outputs right. The list is empty if nothing was found;
        all changes are undone at the end.
        """
        found: list[Proposal] = []
        first, kept_back = self.text, self.budget.left // KEPT_BACK
        self.budget.spend(kept_back)
        with quiet(), alarmed(), kept(self.namespace) as put:
            bench = Bench(self.namespace, put, self.question, self.budget)
            # What was not wanted may have been right but once.
            bench.again, bench.vocabulary = bool(self.refused), self.known
            while len(found) < self.most:
                best = self._search_once(bench)
                if best is None:
                    break
                found += best.proposals
                if not best.left:
                    break
                for each in best.proposals:
                    self.text = self.text.after(each)
            self.budget.spend(-kept_back)
            if len(found) >= MUCH:
                # What is made of one value may be all right by one step more.
                self.text, self.most, self.kinds = first, 1, (STEP,)
                one = self._search_once(bench)
                found = [*one.proposals] if one is not None else found
            bench.remove_watcher()
        return found

    def _search_once(self, bench: Bench, *, deep: bool = True) -> BestChange | None:
        """Return the best change of the present text, or None; with ``deep``, also the best pair.

        ``bench`` runs the check's lines. The outputs are computed first; the result is None if all
        are right, or if the code only lacks a standard import. Groups of candidates are tried until
        the next group must cost more than the best change. Without ``deep``, large changes are not
        tried.
        """
        bench.load_text(self.text.sources, self.text.places)
        states = bench.measured(bench.question.draws)
        if not bench.again and all(_right_ones(state) == state.keys() for state in states):
            bench.again = True
            states = bench.measured(bench.question.draws)
        # Where it is wrong; of what makes that right, the other inputs are looked at too.
        amiss = [n for n, state in enumerate(states) if _right_ones(state) != state.keys()]
        used = amiss[:INPUTS]
        # What only runs at last leaves inputs alone, which is nothing that it makes right.
        stops = not any(any(states[n].values()) for n in used)
        self._wrong = frozenset(
            name
            for number in used
            for name, share in states[number].items()
            if share < 1 and not (stops and name.endswith("!"))
        )
        if not used or bench.waits:
            return None
        # What is wrong is quickly seen at the smallest inputs.
        smallest = min(amiss, key=lambda n: bench.question.draws[n].pool.size)
        order = [*dict.fromkeys([smallest, *used, *range(len(states))])]
        self._right = {n: _right_ones(states[n]) for n in order}
        self._least = {n: sum(states[n].values()) for n in (smallest, used[0])}
        self._used, self._all = len({smallest, *used}), frozenset(states[0])
        self._best = None
        self._steps = []
        further = [number for number in range(len(states)) if number not in used]
        places = Places(bench, used, further, self._wrong)
        near = self.text.near if deep else ()
        # Of code that stops all that may be missing is looked at, before it is told in part.
        enough = MOST if stops else MORE
        candidates = Candidates(bench, places, near, self.only, self.kinds)
        for least, group in candidates.groups():
            best: BestChange | None = self._best
            if best is not None and best.left and least > SIGNED:
                # Where a small change makes some right, a larger one may make all right.
                self._try_all(bench, candidates.around(best.rank[1][1]))
                if self._best is not None and self._best.candidate is not None:
                    # What several values lack, what they are made of may lack.
                    self._try_all(bench, candidates.elsewhere(self._best.candidate))
                best = self._best
            if best is not None and (least >= enough if best.left else best.cost <= least):
                break
            if least == PAIR and best is not None and best.proposals[0].kind != WHOLE:
                break  # What is only missing something is one mistake.
            if self.budget.is_over() or (least > LARGE and not deep):
                break
            if least == PAIR and self.most > 1 and (two := self._search_pair(bench)) is not None:
                return two
            self._try_all(bench, group)
            if (best := self._best) is not None and not best.left:
                candidates.most = best.cost + PER_NODE
        return self._best

    def _search_pair(self, bench: Bench) -> BestChange | None:
        """Return two changes that together make outputs right, or None if no pair does.

        ``bench`` runs the check's lines. The best single change is returned if it is better than
        the pair. The first of the two, alone, gives a value of the model solution or makes more
        entries right; the second one is searched in the text with the first. Afterwards the text is
        as before.
        """
        before, alone = (self.text, self._wrong, self._right, self._used, self._least), self._best
        amiss = sum(len(self._all) - len(right) for right in self._right.values())
        # Those that make most right, then small ones of the very value, in the order of runs.
        gained = sorted(self._steps, key=lambda one: (-round(one.gain, 2), one.cost))[: STEPS // 2]
        nearer = sorted(self._steps, key=lambda one: (round(one.cost, 1), -one.step, one.order))
        for candidate in [*(one for one in gained if one.gain > GAIN), *nearer][:STEPS]:
            reference = None if self.budget.is_over() else self._find_reference(candidate)
            first = None if reference is None else self._proposal(reference, before[0])
            if first is None:
                continue
            self.text = before[0].after(first)
            # Each takes at most half of what is left: the next one may be the right one.
            kept_back = self.budget.left // 2
            self.budget.spend(kept_back)
            best = self._search_once(bench, deep=False)
            self.budget.spend(-kept_back)
            self.text, self._wrong, self._right, self._used, self._least = before
            if best is not None and best.left < amiss:
                left, (cost, order, exact) = best.rank
                rank = left, (cost + candidate.cost, order, exact)
                both = BestChange(rank, (first, *best.proposals))
                return both if alone is None else min(both, alone, key=lambda each: each.rank)
        bench.load_text(self.text.sources, self.text.places)
        self._best = alone
        return None

    def _try_all(self, bench: Bench, group: Iterable[Candidate]) -> None:
        """Run the candidates of a group, the cheapest first, until the budget is used up."""
        for candidate in sorted(group, key=lambda one: one.cost):
            if not self.budget.is_over():
                self._try(bench, candidate)

    def _try(self, bench: Bench, candidate: Candidate) -> None:
        """Run a candidate, a change at its place, and store it as the best one if it is better.

        ``bench`` runs the check's lines. A change that makes no output right may be stored as the
        first one of a pair. Candidates that cost more than a complete repair, and refused changes,
        are skipped. The row (rule) that makes a change is only looked up for good ones, because
        this costs more than a run.
        """
        best = self._best
        if best is not None and not best.left and candidate.rank > best.rank[1]:
            return
        left = self._count_wrong_outputs(bench, candidate)
        if left is None or (left and self.most == 1):
            return
        if left == NOTHING:
            self._steps += [candidate] if candidate.step or candidate.gain > GAIN else []
            return
        if best is None or (left, candidate.rank) < best.rank:
            reference = self._find_reference(candidate)
            if reference is None or reference in self.refused:
                return
            proposal = self._proposal(reference, self.text)
            if proposal is not None:
                self._best = BestChange((left, candidate.rank), (proposal,), candidate)

    def _count_wrong_outputs(self, bench: Bench, candidate: Candidate) -> int | None:
        """Return the number of wrong outputs after a change, over all inputs that are tried.

        ``bench`` runs the check's lines, and ``candidate`` is the change at its place. The result
        is None if the change makes a right output wrong, cannot be defined, or is no gain at all,
        and `NOTHING` if it makes no output right but is a step towards it. How many more entries
        are right is stored in ``candidate.gain``.
        """
        with bench.changed(candidate.target, candidate.put, candidate.undo, candidate.slot) as made:
            if not made:
                return None
            fixed, left = self._wrong, 0
            for number, (at, before) in enumerate(self._right.items()):
                states = bench.output_shares(bench.question.draws[at], candidate.target)
                right = _right_ones(states)
                if at in self._least:
                    candidate.gain = sum(states.values()) - self._least[at]
                if number < self._used:
                    fixed &= right
                if not before <= right or not (fixed or candidate.step or candidate.gain > GAIN):
                    return None
                if not fixed:
                    break  # What it is worth as a step the smallest inputs tell as well.
                left += len(states) - len(right)
            return left if fixed else NOTHING

    def _find_reference(self, candidate: Candidate) -> Reference | None:
        """Return the reference for a candidate's change; None if no row of the table makes it.

        A row is a rule that changes an expression. The reference names the row, the changed node
        and the operands by number, so that the grader can make the same change in its own copy of
        the text.
        """
        cell, tree = candidate.target.cell, candidate.target.tree
        # Candidates outlive the texts that are tried in between, each of which has its own tree.
        if id(tree) not in self._slots:
            self._slots[id(tree)] = Slots(tree, self.known)
        change = candidate.change
        reference = self._slots[id(tree)].reference
        return reference(cell, change.name, change.at, change.values, change.within)

    def _proposal(self, reference: Reference, text: Text) -> Proposal | None:
        """Return the proposal that applies a reference to a text, with the changed lines.

        The result is None if the reference is refused, or the change cannot be written. ``text``
        itself is not changed.
        """
        cell = reference.cell
        lines = {line for name, line, _ in text.places if name == cell}
        try:
            edit = apply(text.sources[cell], reference, self.known, lines)
        except RefusedError:
            return None
        return Proposal(reference, edit.written)


def _right_ones(state: Mapping[str, float]) -> frozenset[str]:
    return frozenset(name for name, share in state.items() if share == 1)


@dataclass(frozen=True, slots=True)
class BestChange:
    """The best change so far, by how many outputs it leaves wrong, and `Candidate.rank`."""

    rank: tuple[int, tuple[float, int, float]]
    proposals: tuple[Proposal, ...]
    candidate: Candidate | None = None

    @property
    def left(self) -> int:
        """Return the number of outputs that are left wrong."""
        return self.rank[0]

    @property
    def cost(self) -> float:
        """Return the cost of the change."""
        return self.rank[1][0]
