"""Choose the changes that are worth a run, by their values on recorded names."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile
from operator import itemgetter
from typing import Any

import numpy as np

from gradkit.edits.costs import (
    CLEARED,
    INNER,
    LARGE,
    LARGER,
    MORE,
    MOST,
    PAIR,
    PER_NODE,
    PUT_IN,
    SIGNED,
)
from gradkit.edits.nodes import called_name
from gradkit.edits.rows import ADDITIONS, EXCHANGES
from gradkit.runtime.repair.bench import KEY, Bench, Target
from gradkit.runtime.repair.borrowed import borrowed_parts, entry_parts
from gradkit.runtime.repair.by_rows import (
    Change,
    borrowed_changes,
    changes_of,
    same_change,
    sized_changes,
)
from gradkit.runtime.repair.inserted import inserted
from gradkit.runtime.repair.places import ONLY, ROUNDS, UNKNOWN, UNLIKELY, Place, Places, rank
from gradkit.runtime.repair.pool import (
    EXACT,
    KINDS,
    NEARLY,
    Array,
    Part,
    is_count,
    is_whole,
    share_right,
    signature,
    wrong_at,
)
from gradkit.runtime.repair.scope import Scope
from gradkit.runtime.repair.slots import Slot, blocks_below
from gradkit.runtime.repair.spots import Spot, below
from gradkit.runtime.repair.statements import Block, Rewritten, changed_blocks
from gradkit.runtime.repair.tree import size_of


@dataclass(slots=True)
class Candidate:
    """A change at its place in the tree, with functions to make and undo it.

    ``step`` says how near its value is to a value of the model solution that no name has yet, see
    `known`. ``order`` is the place of the slot in the order of running, and ``touches`` says which
    outputs depend on it, as `ONLY`. ``soon`` marks changes of slots whose value may be wrong or is
    no number. ``slot`` is the slot that it changes, and ``gain`` how much larger the sum of the
    right shares of all outputs is with it.
    """

    change: Change | Rewritten
    cost: float
    order: int
    target: Target
    put: Callable[[], None]
    undo: Callable[[], None]
    step: int = 0
    touches: int = UNKNOWN
    soon: bool = False
    slot: Slot | None = None
    gain: float = 0.0

    @property
    def kind(self) -> str:
        """Return the kind of mistake that the change mends."""
        return self.change.kind

    @property
    def may_be(self) -> bool:
        """Return whether wrong outputs depend on the slot, or may depend on a doubtful slot."""
        return self.touches == ONLY or (self.touches in (UNKNOWN, ROUNDS) and self.soon)

    @property
    def rank(self) -> tuple[float, int, float]:
        """The cost, but for little; of equal ones what is run first is what is wrong first."""
        return round(self.cost, 2), self.order, self.cost


OF_SHAPE = (
    *("wrong-shape", "wrong-axis", "wrong-transpose", "wrong-element", "extra-function"),
    *("wrong-name", "wrong-order", "wrong-option"),
)
"""Kinds of changes that can change a shape and no number."""

ADDED = ("missing-statement", "wrong-expression")
"""Kinds of changes that put a statement in."""

BORROWED = ("missing-factor", "missing-term", "wrong-function", "wrong-expression")
"""Kinds of changes that put in what the model solution has."""

PLACED = 40
"""The cost of listing the statements that may be put in at one place, in values."""


class Candidates:
    """The changes of a bench's text, in the order in which they are worth a run.

    Parameters
    ----------
    bench : Bench
        No more changes are made when its budget is used up.
    places : Places
        The expressions that may be changed.
    near : collection of (cell, line)
        Lines to search first.
    only : bool
        Search no other lines.
    kinds : collection of str
        Kinds of changes to try; all if empty.

    Changes that cost more than ``most`` are left out: a cheaper one makes all outputs right.
    """

    def __init__(
        self,
        bench: Bench,
        places: Places,
        near: Collection[tuple[str, int]],
        only: bool,
        kinds: Collection[str],
    ) -> None:
        """Store what to search, and the names of the functions that the lines in ``near`` call.

        For the parameters see `Candidates`. If no kinds are given and all wrong outputs only have a
        wrong shape, the search is restricted to `OF_SHAPE`, the kinds of changes that can change a
        shape.
        """
        self._bench, self._places, self._near, self._kinds = bench, places, near, kinds
        self._only = only
        told = [slot.node for t in bench.targets for slot in t.slots if self._is_at(t, slot)]
        self._helpers = {called_name(part) for node in told for part in ast.walk(node)}
        self._draw = places.draws[0]
        if not kinds and self._has_only_wrong_shapes():
            self._kinds = OF_SHAPE
        self._others: list[Candidate] = []
        self._slots: list[Place] = []
        self._put_in: list[Candidate] = []
        self._added: set[str] = set()
        self._kept_back = 0
        self.most = MOST

    @cached_property
    def _pairs(self) -> list[tuple[Any, Array]]:
        """Pair the found value of each output with its right value; empty if the lines raise."""
        found = self._bench.outputs(self._draw, np.array).values()
        return [*zip(found, self._draw.expected, strict=False)]

    def groups(self) -> Iterator[tuple[float, Iterable[Candidate]]]:
        """Yield groups of changes to try, most promising first.

        An item is a lower bound of the cost of its changes, and the changes. Changes of the lines
        to search first (``near``) come first, then those of all other lines, then changes that take
        an expression from the model solution, and last the changes that were stored to be tried
        later. Groups are computed when they are asked for, and end when the budget is used up.
        """
        # Of few changes it costs more to ask where they may be of use.
        asked = not self._kinds
        self._slots = self._places.ordered(self._is_near, touched=asked)
        if self._slots:
            yield from self._own_groups(self._slots, whole=False)
        others = self._places.ordered(self._is_far, touched=asked)
        self._slots = sorted([*self._slots, *others], key=rank)
        yield from self._own_groups(others, whole=True)
        yield from self._groups_that_borrow(self._slots)

    def _is_far(self, target: Target, slot: Slot) -> bool:
        """Return whether a slot is searched later."""
        return not (self._only or self._is_near(target, slot))

    def _is_near(self, target: Target, slot: Slot) -> bool:
        """Return whether a slot is in a doubtful line, or in a function that is called there."""
        return target.function.name in self._helpers or self._is_at(target, slot)

    def _is_at(self, target: Target, slot: Slot) -> bool:
        # Of a line in a loop its header is looked at too.
        lines = range(slot.statement.lineno, (slot.statement.end_lineno or 0) + 1)
        return any(cell == target.cell and line in lines for cell, line in self._near)

    def _own_groups(
        self, ordered: Sequence[Place], *, whole: bool
    ) -> Iterator[tuple[float, Iterable[Candidate]]]:
        """Yield groups of changes of some slots that take no expression from the model solution.

        A slot is an expression that a statement computes; ``ordered`` are the slots, in the order
        in which they are tried. Slots of functions whose own check fails come before those of
        functions whose check passes. As an exception, slots with a wrong shape or a doubtful value
        also get expressions of the model solution. With ``whole``, inserted statements follow, at
        all places. An item is a lower bound of the cost, and a group.
        """
        likely = [place for place in ordered if place.touches < ROUNDS]
        first = min((place.order for place in likely if place.doubtful), default=None)
        # What is wrong first may be all that is. What little can be added to is done quickly, and
        # what is found there ends the search.
        likely.sort(
            key=lambda one: (one.touches, one.order != first, size_of(one.slot.node)),
        )
        for right, more in ((False, 0.0), (True, CLEARED)):
            # What gives what is right takes no more than half of the time that is left.
            self._kept_back = self._bench.budget.left // 2 if right else 0
            places = [place for place in ordered if place.target.right is right]
            if not places and not whole:
                continue
            for least, group in self._plain_groups(places, right=right):
                yield least + more, group
            for place in self._in_time(place for place in likely if place.target.right is right):
                yield (
                    LARGER + more,
                    self._candidates_of_slot(place, self._large(place), nearer=True),
                )
            if right:
                continue
            amiss = [
                place
                for place in (likely if any(map(self._is_wanted, BORROWED)) else [])
                if (place.doubtful and not (whole or self._kinds)) or self._is_misshapen(place)
            ]
            for place in self._in_time(amiss):
                yield (
                    LARGER,
                    self._candidates_of_slot(place, self._borrowed_changes(place), only=True),
                )
            yield LARGER, self._affordable(self._taken(lambda one: one.touches == ONLY), 8)
            if whole and any(map(self._is_wanted, ADDED)):
                # What fills a name is no larger than what is changed where nothing is wrong.
                yield LARGE, self._filling()
        self._kept_back = 0
        yield LARGER, self._affordable(self._taken(lambda one: one.may_be))

    def _has_only_wrong_shapes(self) -> bool:
        """Return whether outputs are wrong, and all of them are right when they are reshaped."""
        wrong = [pair for pair in self._pairs if np.shape(pair[0]) != pair[1].shape]
        return bool(wrong) and all(
            np.size(found) == right.size and share_right(np.reshape(found, right.shape), right) == 1
            for found, right in self._pairs
        )

    def _is_misshapen(self, place: Place) -> bool:
        """Return whether an expression that a statement computes is an output of the wrong shape.

        ``place`` is the expression with its recorded values. It has to be equal to such an output,
        and the check of its function has to fail.
        """
        value = place.before[0] if place.before and not place.target.right else None
        return isinstance(value, np.ndarray) and any(
            np.shape(found) != right.shape and np.array_equal(value, found)
            for found, right in self._pairs
        )

    def _affordable(self, ones: Iterable[Candidate], share: int = 4) -> list[Candidate]:
        """Return the changes of lowest rank that can run in 1/``share`` of the remaining budget.

        All other changes of ``ones`` are stored in ``_others``, to be tried at the end.
        """
        small = sorted(ones, key=lambda one: one.rank)
        room = self._bench.budget.left // (share * self._bench.price)
        self._others += small[room:]
        return small[:room]

    def _filling(self) -> Iterator[Candidate]:
        """Make all insertions, store them, and yield those that cost less than `PUT_IN`."""
        self._put_in = [*self._inserted(self._slots)]
        yield from (one for one in self._put_in if one.cost < PUT_IN)

    def _groups_that_borrow(
        self, ordered: Sequence[Place]
    ) -> Iterator[tuple[float, Iterable[Candidate]]]:
        """Yield groups of changes with parts of the model solution, then changes stored for later.

        A slot is an expression that a statement computes; ``ordered`` are the slots, in the order
        in which they are tried. First come inserted statements, then for each slot changes that are
        also multiplied or divided by a size, and expressions of the model solution. The group with
        the cost `PAIR` is empty: it marks where a search for two changes begins. An item is a lower
        bound of the cost, and a group.
        """
        likely = [place for place in ordered if place.touches < ROUNDS]
        yield MORE, self._affordable(one for one in self._put_in if one.cost >= PUT_IN)
        for place in self._in_time(likely) if any(map(self._is_wanted, BORROWED)) else ():
            only = place.touches != ONLY and not self._only
            yield MORE, self._scaled(place)
            yield MORE, self._candidates_of_slot(place, self._borrowed_changes(place), only=only)
        # What two changes take is left for them.
        yield MORE, self._affordable(self._taken(lambda one: one.touches == ONLY))
        yield MORE, self._affordable(self._taken(lambda one: one.may_be and one.cost < LARGE))
        yield PAIR, []
        for place in self._in_time(place for place in ordered if place.touches >= ROUNDS):
            if place.touches == UNLIKELY:
                yield (
                    MOST,
                    self._candidates_of_slot(place, [*self._small_changes(place), *place.larger]),
                )
            yield (
                MOST,
                self._candidates_of_slot(
                    place, [*self._large(place), *self._borrowed_changes(place)]
                ),
            )
        yield MOST, self._taken(lambda one: one.touches == UNKNOWN)
        yield MOST, self._taken(lambda _: True)

    def _plain_groups(
        self, places: Sequence[Place], *, right: bool
    ) -> Iterator[tuple[float, list[Candidate]]]:
        """Yield groups of small changes, then of larger ones that add nothing to an expression.

        ``places`` are the expressions to change, and changes of their statements are among them.
        ``right`` says whether they are in functions whose own check passes. Changes in these
        functions that `_candidates_of_slot` has stored for later are yielded too if wrong outputs
        may depend on them. An item is a lower bound of the cost, and a group.
        """
        statements: set[int] = set()
        larger: list[Candidate] = []
        for place in self._in_time(places):
            hits = (
                self._candidates_of_slot(place, self._small_changes(place))
                if place.touches < UNLIKELY
                else []
            )
            if id(place.slot.statement) not in statements:
                statements.add(id(place.slot.statement))
                for one in self._candidates_of_statement(place):
                    (hits if one.cost <= SIGNED else larger).append(one)
            # What is as small as anything may be needs no other to be compared with, unless few
            # are.
            yield 0.0 if self._kinds else SIGNED, hits
        # A statement has no value to be held to: what is small comes first where it is likely.
        yield (
            SIGNED,
            self._taken(lambda one: one.target.right is right and one.soon and one.touches == ONLY),
        )
        yield LARGER, larger
        small = self._taken(lambda one: one.target.right is right and one.may_be)
        for place in self._in_time(places):
            yield LARGER, self._candidates_of_slot(place, place.larger)
        # What is small comes next, wherever it is not known that it cannot be; that a value is the
        # model solution's says more for a change than that it is smaller.
        yield LARGE, small

    def _in_time(self, places: Iterable[Place]) -> Iterator[Place]:
        budget = self._bench.budget
        return takewhile(lambda _: budget.left > self._kept_back and not budget.is_over(), places)

    def around(self, order: int) -> list[Candidate]:
        """Return the larger changes of one expression in a statement, lowest ranks first.

        ``order`` is the number of the expression in the order of running. Only as many changes as
        half of the budget can run are returned; the rest is kept for the end. They are removed from
        the stored changes of the expression, so that they are not tried again.
        """
        hits: list[Candidate] = []
        for place in [place for place in self._slots if place.order == order]:
            hits += self._candidates_of_slot(place, [*place.larger, *self._large(place)])
            hits += self._scaled(place)
            place.larger, place.spots = [], []
        return self._affordable([*hits, *self._taken(lambda one: one.order == order)], 2)

    def elsewhere(self, one: Candidate) -> list[Candidate]:
        """Return candidates that make the same addition as ``one`` at other places of the function.

        If ``one`` adds a factor, these add the same factor to other expressions that a statement
        computes. The result is empty if ``one`` adds nothing that other expressions can get, or if
        the same addition was handled before.
        """
        change = one.change
        if not isinstance(change, Change) or change.kind not in ADDED_TO:
            return []
        if not isinstance(change.node, ast.BinOp) or (text := ast.dump(change.node)) in self._added:
            return []
        self._added.add(text)
        others = self._places.ordered(
            lambda target, slot: target is one.target and slot is not one.slot, touched=False
        )
        hits: list[Candidate] = []
        made: list[Change] = []
        for place in (place for place in self._in_time(others) if not place.plain):
            whole = below(
                place.slot.node, place.slot.put, place.scopes[0], place.values[0], whole=True
            )
            spot = next(whole)
            more = [*same_change(change, spot)]
            made += more
            hits += self._candidates_of_slot(place, [(each, spot) for each in more])
        return [*hits, *self._taken(lambda each: any(each.change is one for one in made))]

    def _taken(self, wanted: Callable[[Candidate], bool]) -> list[Candidate]:
        """Remove the postponed changes that ``wanted`` accepts, and return them."""
        taken = [one for one in self._others if wanted(one)]
        self._others = [one for one in self._others if not wanted(one)]
        return taken

    def _candidates_of_statement(self, place: Place) -> Iterator[Candidate]:
        """Yield changes of a whole statement: left out, moved, rewritten, or with another target.

        ``place`` is an expression that the statement computes. If a change brings the array that
        the statement writes to nearer to a value of the model solution, the candidate is marked as
        a ``step``: a second change may complete it.
        """
        statement, target = place.slot.statement, place.target
        counts = place.scopes[0].counts
        for parent, block in blocks_below(target.function):
            if any(one is statement for one in block):
                at = next(n for n, one in enumerate(block) if one is statement)
                held = place.values[0].names
                before = self._places.near_of_entries(place, statement)
                for each in changed_blocks(block, at, parent, target.function, counts, held):
                    if self._is_wanted(each.kind):
                        changed = _changed_statement(block, at, each.block)
                        near = changed and self._places.near_of_entries(place, changed)
                        one = _in_block(each, block, place.order, target)
                        one.step = near if near and near > before else 0
                        yield one

    def _is_wanted(self, kind: str) -> bool:
        return not self._kinds or kind in self._kinds

    def _small_changes(self, place: Place) -> Iterator[tuple[Change, Spot]]:
        """Yield the small changes of an expression that a statement computes.

        ``place`` is the expression with its recorded values. An item is a change and the part of
        the expression that it changes. The larger changes are stored in ``place.larger``. The
        parts, and the values that the expression and the names have before any change, are stored
        in ``place`` too.
        """
        whole = not place.slot.asked
        slot, values = place.slot, place.values
        if isinstance(slot.statement, ast.Pass):
            return
        scope = place.scopes[0]
        # What a statement that gives something asks is where it puts that; what a loop goes over
        # are mostly indices.
        index = not (whole or hasattr(slot.statement, "test"))
        spots = below(
            slot.node, slot.put, scope, values[0], whole=whole, counts=not whole, index=index
        )
        place.spots = [*spots]
        if place.before and not place.acts:
            here, there = place.before[: len(values)], place.before[len(values) :]
            place.seen[signature(here)] = {signature(there)}
        held = [scope.values for scope in place.scopes]
        place.held = {
            signature([each[name] for each in held])
            for name in held[0]
            if all(name in each for each in held)
        }
        for spot in place.spots:
            for change in changes_of(spot, EXCHANGES, self._kinds):
                if change.cost <= SIGNED:
                    yield change, spot
                else:
                    place.larger.append((change, spot))

    def _large(self, place: Place) -> Iterator[tuple[Change, Spot]]:
        """Yield the changes that add something to an expression that a statement computes.

        ``place`` is the expression. An item is a change and the part of the expression that it
        changes.
        """
        for spot in place.spots:
            for change in changes_of(spot, ADDITIONS, self._kinds):
                yield change, spot

    def _candidates_of_slot(
        self,
        place: Place,
        changes: Iterable[tuple[Change, Spot]],
        *,
        only: bool = False,
        nearer: bool = False,
    ) -> list[Candidate]:
        """Return the changes of an expression that are worth a run now; store the others for later.

        ``place`` is an expression that a statement computes, with its recorded values, and
        ``changes`` are pairs of a change and the part that it changes. Returned are changes that
        give a value of the model solution, and cheap changes of expressions whose value is no
        number. With ``only``, the others are dropped and not stored. Of changes with equal values
        the cheapest is taken. With ``nearer``, the value must be nearer to the model solution's
        than the present value. Changes that nearly give a value of the model solution are
        multiplied or divided by sizes, and stored in ``place.scaled``.
        """
        more = CLEARED * place.target.right
        priced = [
            (more + _replacement_cost(change, spot.node), change, spot) for change, spot in changes
        ]
        hits: list[Candidate] = []
        own = [ast.unparse(each) for each in getattr(place.slot.statement, "targets", ())]
        for cost, change, spot in sorted(priced, key=itemgetter(0)):
            if cost > self.most or self._bench.budget.is_over():
                break
            # What gives a name its own value does nothing.
            if spot.node is place.slot.node and own == [getattr(change.node, "id", "")]:
                continue
            after = None if change.is_hidden else self._places.after(place, change, spot)
            if after is None and not change.is_hidden:
                continue
            near = 0 if after is None else self._places.near(place, change, spot, after)
            if nearer and near <= place.near < EXACT:
                near = 0
            if near and _is_alias(place, spot):
                # What only gives a value another name is where something is missing.
                cost -= 2 * PER_NODE  # noqa: PLW2901
            one = Candidate(
                change,
                cost,
                place.order,
                place.target,
                partial(spot.put, change.node),
                partial(spot.put, spot.node),
                near if place.doubtful and signature(after) not in place.held else 0,
                place.touches,
                place.doubtful or place.plain or self._places.stops,
                place.slot,
            )
            # What is no number, or whole ones, is the model solution's by chance, as what is drawn.
            plain = place.plain or place.drawn or (after is not None and is_whole(after[0]))
            counts = after is not None and is_count(after[0])
            chosen = after is not None and isinstance(after[0], str)
            most = LARGE if (counts and not place.plain) or chosen or place.drawn else SIGNED
            small = after is not None and cost - more <= most and plain
            if near or small or (change.is_hidden and change.cost < LARGER):
                hits.append(one)
            elif not only:
                self._others.append(one)
            if near == NEARLY and change.kind in OF_THE_WHOLE and change.cost < MORE:
                place.scaled += [(each, spot) for each in sized_changes(change, spot)]
        return hits

    def _scaled(self, place: Place) -> list[Candidate]:
        """Return the stored changes of an expression that are right but for a size, as candidates.

        Each is multiplied or divided by a size. ``place`` is the expression.
        """
        changes, place.scaled = place.scaled, []
        return self._candidates_of_slot(place, changes, only=True, nearer=True)

    def _borrowed_changes(self, place: Place) -> Iterator[tuple[Change, Spot]]:
        """Yield changes of an expression that put in an expression of the model solution.

        ``place`` is the student's expression. An item is a change and the part that it changes. The
        model's expressions are written in the student's names; those in a comprehension have their
        values in its first round.
        """
        pool, outer = self._draw.pool, place.values[0].names
        parts: dict[int, list[tuple[Part, Any]]] = {}
        for spot in place.spots:
            key = id(spot.names)
            if key not in parts:
                scopes = place.scopes if spot.names is outer else [spot.scope]
                parts[key] = list(borrowed_parts(pool.parts, pool.values, scopes))
                for part, tree, _, _ in entry_parts(pool.parts, pool.values, scopes):
                    # What has a name of its own there may be a factor here.
                    roles = {part.role, "factor" if part.role == "whole" else part.role}
                    parts[key] += [(replace(part, role=role), tree) for role in sorted(roles)]
            for change in borrowed_changes(spot, parts[key]):
                if self._is_wanted(change.kind):
                    yield change, spot

    def _inserted(self, places: Sequence[Place]) -> Iterator[Candidate]:
        """Yield candidates that insert one statement into a function, see `inserted`.

        ``places`` are expressions with their recorded names: these give the values before and after
        the statement that contains an expression. It ends when the budget is used up.
        """
        known = {id(each.slot.statement): each for each in reversed(places)}

        def scopes(statement: ast.stmt, after: bool) -> Sequence[Scope]:
            """Return the names and values before a statement, or ``after`` it, for each run.

            The list is empty if the statement never ran, or if the budget is used up.
            """
            place = known.get(id(statement))
            self._bench.budget.spend(PLACED)
            if place is None or self._bench.budget.is_over():
                return []
            return self._places.scopes_after(place) if after else place.scopes

        entries = {where for pair in self._pairs if (where := wrong_at(*pair)) is not None}
        for target in self._bench.targets:
            for change, block, line in inserted(
                target.function, scopes, self._draw.pool, self._missing_entries, entries
            ):
                if self._is_wanted(change.kind):
                    yield _in_block(change, block, -line, target)

    def _missing_entries(self, held: Mapping[str, Any]) -> Iterator[tuple[str, str, set[int]]]:
        """Yield the entries that dicts of the student lack although the check reads these keys.

        ``held`` are the student's values by name. An item is the dict's name, the key, and the
        numbers of the model solution's values that are right there. The numbers are empty if the
        check reads only something that is computed from the entry. An entry with a wrong value is
        yielded too.
        """
        pool, right = self._draw.pool, self._draw.expected
        for read, value in zip(self._bench.question.reads, right, strict=True):
            found = pool.found(value) if read.endswith("]") else set()
            numbers = {n // KINDS for n in found if n % KINDS == 0}
            for key in re.findall(KEY, read):
                for name, row in held.items():
                    if isinstance(row, dict) and not pool.found(row.get(key)) & found:
                        yield name, key, numbers


ADDED_TO = ("missing-factor", "missing-term")
OF_THE_WHOLE = ("missing-factor", "missing-term", "missing-slope")


def _is_alias(place: Place, spot: Spot) -> bool:
    """Return whether a statement only gives a value another name: ``a = b``.

    ``place`` is the value of the statement, and ``spot`` the part of it that a change replaces.
    """
    alone = isinstance(spot.node, ast.Name) and spot.node is place.slot.node
    return alone and isinstance(place.slot.statement, ast.Assign)


def _replacement_cost(change: Change, node: ast.expr) -> float:
    """Return the cost of replacing ``node`` by the node of a change.

    The difference in the number of nodes is added to the change's own cost. Among equal costs the
    innermost node is the cheapest, and a removal is cheaper than an addition. If a sign, factor,
    term, slope or function is added, the outermost node is the cheapest: ``f(a + b)`` where the sum
    gets its name comes before ``f(c)`` where that name is used.
    """
    size, after = size_of(node), size_of(change.node)
    signed = isinstance(change.node, ast.UnaryOp) and change.node.operand is node
    whole = signed or change.kind in (*OF_THE_WHOLE, "missing-function")
    inner = -size if whole else size - 2 * max(0, size - after)
    return change.cost + PER_NODE * abs(after - size) + INNER * inner


def _changed_statement(block: Block, at: int, after: Block) -> ast.stmt | None:
    """Return the statement with index ``at`` of a changed block; None if others differ too.

    ``block`` are the statements before the change, and ``after`` those after it.
    """
    same = len(block) == len(after)
    pairs = enumerate(zip(block, after, strict=True)) if same else ()
    return after[at] if same and all(a is b or n == at for n, (a, b) in pairs) else None


def _in_block(change: Rewritten, block: list[ast.stmt], order: int, target: Target) -> Candidate:
    """Return the candidate that replaces the statements of a block by those of a change, in place.

    ``block`` is a list of statements, and ``target`` the function that has it. ``order`` sorts
    candidates of equal cost. A change of a function whose own check passes costs more.
    """
    kept = [*block]
    return Candidate(
        change,
        change.cost + PER_NODE + CLEARED * target.right,
        order,
        target,
        partial(block.__setitem__, slice(None), change.block),
        partial(block.__setitem__, slice(None), kept),
    )
