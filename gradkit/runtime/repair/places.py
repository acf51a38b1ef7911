"""Evaluate changes of slots on the names that were recorded there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from operator import methodcaller
from typing import Any, TypeVar

import numpy as np

from gradkit.edits.costs import LARGER, SIGNED
from gradkit.edits.nodes import called_name
from gradkit.runtime.repair.bench import Bench, Target
from gradkit.runtime.repair.by_rows import Change
from gradkit.runtime.repair.clock import LateError, limit
from gradkit.runtime.repair.indices import slices_of
from gradkit.runtime.repair.pool import EXACT, NEARLY, Part, is_whole, known, signature
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.slots import KEPT, LATER, NUMERIC, Slot, copied
from gradkit.runtime.repair.spots import Spot
from gradkit.runtime.repair.tree import binary, expression, negative
from gradkit.runtime.repair.values import Names, Values
from gradkit.runtime.syntax import every, unread_parameters

T = TypeVar("T")

COUNTS = (int, str, range, slice, tuple, np.bool_, np.integer)
"""Types of values that say little about later rounds of a loop: a counter begins with 0."""

ONLY, UNKNOWN, ROUNDS, UNLIKELY = 0, 1, 2, 3
"""The outputs that depend on a slot: wrong ones only; unknown; right ones too, maybe by other
rounds of a loop; right ones, or no wrong one."""


DRAWS = ("rand", "randn", "random", "standard_normal", "normal", "uniform", "permutation")
"""Functions that draw numbers."""

EVALUATED = 0.2
"""Seconds after which a value is given up."""

LARGEST = 200_000
"""Bytes of a value that is worth a run."""

FURTHER = sum(time < LATER for time in KEPT)
"""The place among the runs of a slot of the one that is recorded besides."""

GROWN, SMALLEST = 8, 64
"""How many times as large a change may make a count, if it comes to more than that: it may be the
size of arrays, and an operation on large ones cannot be given up.
"""


@dataclass(slots=True)
class Place:
    """A slot (an expression that a statement computes), and the local names before its runs.

    ``order`` is its place in the order of running. ``runs`` are the local names, a list of runs for
    each set of inputs. ``values`` evaluate expressions in all runs at the first inputs, ``others``
    in the first and last run at the other inputs. ``scopes`` are the values that can be named, run
    by run. ``before`` has the slot's own values, None if it raises; ``seen`` the values of earlier
    changes; ``held`` the values of names. ``near`` says how near ``before`` is to a value of the
    model solution, see `known`. A slot is ``doubtful`` if the model solution never has its value,
    and ``drawn`` if it is random. ``touches`` says which outputs depend on it, as `ONLY`.
    ``telling`` is the run with the most numbers that are not whole.
    """

    target: Target
    slot: Slot
    order: int
    runs: list[list[dict[str, Any]]]
    values: list[Values]
    others: list[Values]
    before: list[Any] | None
    scopes: list[Scope]
    spots: list[Spot] = field(default_factory=list)
    larger: list[tuple[Change, Spot]] = field(default_factory=list)
    scaled: list[tuple[Change, Spot]] = field(default_factory=list)
    seen: dict[Any, set[Any] | Callable[[], Any]] = field(default_factory=dict)
    held: set[Any] = field(default_factory=set)
    near: int = 0
    doubtful: bool = False
    touches: int = UNKNOWN
    telling: int = 0
    drawn: bool = False

    @property
    def acts(self) -> bool:
        """Return whether the slot is a call that changes something, which must run only once."""
        return isinstance(self.slot.statement, ast.Expr)

    @property
    def plain(self) -> bool:
        """Return whether the value is no number, so that it is not compared with the model's."""
        return self.before is not None and not _is_number(self.before[0])


class Places:
    """The slots that run when the check's lines run, see `Slot`.

    Parameters
    ----------
    bench : Bench
        Runs the check's lines.
    used : sequence of int
        The numbers of the inputs at which outputs are wrong.
    further : sequence of int
        Numbers of other inputs, which distinguish changes that give equal values at the first ones.
    wrong : frozenset of str
        The expressions of the wrong outputs.
    """

    def __init__(
        self, bench: Bench, used: Sequence[int], further: Sequence[int], wrong: frozenset[str]
    ) -> None:
        """Run the check's lines at all inputs, and record the local names before each slot.

        A slot is an expression that a statement computes. For the parameters see `Places`. The
        present outputs, and the factors that would make an output right, are stored too.
        """
        self._bench, self._wrong = bench, wrong
        self._allowed: dict[Any, bool] = {}
        # Those that the record is of, whatever is taken to the bench in between.
        self._slots = {
            id(slot): (target, slot) for target in bench.targets for slot in target.slots
        }
        self.draws = [bench.question.draws[number] for number in used]
        self._pools = [draw.pool for draw in self.draws]
        told = [*self.draws, *(bench.question.draws[number] for number in further)]
        self._record = [bench.recorded(draw) for draw in told]
        self._outputs = bench.outputs(self.draws[0])
        expected = zip(bench.question.reads, self.draws[0].expected, strict=True)
        self._shapes = {name: value.shape for name, value in expected}
        # What is no number stays so, whatever it is made of.
        self._lost = any("nan" in repr(each) for each in self._outputs.values())
        self._ratios = [*bench.ratios(self.draws), *_constants_of(self._pools[0].parts)]

    @property
    def stops(self) -> bool:
        """Return whether the code raises, so that every recorded value may be right."""
        return not self._outputs

    def ordered(
        self, wanted: Callable[[Target, Slot], bool], *, touched: bool = True
    ) -> list[Place]:
        """Return the slots that were run and that ``wanted`` accepts, the most doubtful ones first.

        A slot is an expression that a statement computes. It is stored in each how near its value
        is to the model solution's. With ``touched``, runs with another value find the outputs that
        depend on the slot; slots that right outputs depend on then come last.
        """
        places = list(self._places(wanted))
        for place in places:
            if place.before is not None and not place.plain:
                values = [place.before[0], *place.before[len(place.values) :]]
                place.near = self._known(values)
                fractions = [_fractions(each) for each in place.before[: len(place.values)]]
                place.telling = fractions.index(max(fractions))
            place.drawn = any(called_name(each) in DRAWS for each in ast.walk(place.slot.node))
            place.doubtful = place.near < EXACT and not place.plain
            place.touches = self._affected_outputs(place) if touched else UNKNOWN
        return sorted(places, key=rank)

    def _affected_outputs(self, place: Place) -> int:
        """Return which outputs change if an expression's value changes, as one of four levels.

        ``place`` is an expression that a statement computes. Its value is changed a little, and the
        lines are run again. `UNLIKELY`: right outputs change, or no output does. `ROUNDS`: right
        and wrong outputs change, and the expression is computed several times. `ONLY`: only wrong
        outputs change, and other outputs are right. `UNKNOWN`: all outputs are wrong, the lines
        raise, or the value is random, in a condition, or no number.
        """
        slot, node = place.slot, place.slot.node
        value = place.before[0] if place.before else None
        if place.acts or place.drawn or slot.asked or isinstance(value, bool):
            return UNKNOWN
        if isinstance(value, int):
            others = [binary(node, ast.Add, expression("1"))]
        elif isinstance(value, np.ndarray | float):
            scaled = binary(node, ast.Mult, expression("1.01"))
            # Only the sign or the order of a value may count, as of a mask or of ``np.argmax``.
            others = [binary(scaled, ast.Add, expression("0.0137")), negative(node)]
        else:
            return UNKNOWN
        changed: set[str] = set()
        for other in others:
            after = self._outputs_with(place, other)
            if not after:
                return UNKNOWN
            changed = {name for name, value in self._outputs.items() if after[name] != value}
            if changed:
                break
        if changed - self._wrong or not (changed or self._lost):
            # One round of a loop may make what is right, and the next one what is wrong.
            rounds = len(place.values) > 1 and changed & self._wrong
            return ROUNDS if rounds else UNLIKELY
        if isinstance(value, int) and all(self._is_out_of_shape(name, after) for name in changed):
            return UNLIKELY
        # Where all is wrong, that what is wrong depends on it tells nothing.
        return ONLY if changed and self._wrong < set(self._outputs) else UNKNOWN

    def _outputs_with(self, place: Place, node: ast.expr) -> dict[str, Any]:
        """Run the check's lines with ``node`` in place of another expression; return the outputs.

        ``place`` is the expression that is replaced. The keys are the expressions of the outputs.
        The dict is empty if the lines raise, or the function cannot be defined.
        """
        slot = place.slot
        put, undo = partial(slot.put, node), partial(slot.put, slot.node)
        with self._bench.changed(place.target, put, undo, slot) as made:
            return self._bench.outputs(self.draws[0]) if made else {}

    def _is_out_of_shape(self, name: str, after: Mapping[str, Any]) -> bool:
        """Return whether a change makes the right shape of an output wrong.

        ``name`` is the expression of the output, and ``after`` has the keys of all outputs after
        the change, see `signature`.
        """
        before, now = (_shape_of(outputs[name]) for outputs in (self._outputs, after))
        return bool(before == self._shapes[name] != now)

    def _places(self, wanted: Callable[[Target, Slot], bool]) -> Iterator[Place]:
        """Yield the slots that ``wanted`` accepts and that were run at all failing inputs.

        A slot is an expression that a statement computes. They are yielded in the order of running,
        each with its names and values in each run.
        """
        for order, identity in enumerate(self._record[0]):
            target, slot = self._slots[identity]
            if not wanted(target, slot):
                continue
            runs = [each.get(identity, []) for each in self._record]
            if not all(runs[: len(self.draws)]):
                continue
            # Only where values are the same a later one is asked for.
            runs[0] = [each for place, each in enumerate(runs[0]) if place != FURTHER]
            values, others = self._values(runs, kept=not isinstance(slot.statement, ast.Expr))
            before = self._evaluate_all([*values, *others], methodcaller("first", slot.node))
            scopes = self._scopes(target, runs[0])
            yield Place(target, slot, order, runs, values, others, before, scopes)

    def _values(
        self, runs: list[list[dict[str, Any]]], *, kept: bool
    ) -> tuple[list[Values], list[Values]]:
        """Return evaluators of expressions, for all runs at the first inputs and some at others.

        ``runs`` are the local names run by run, for each set of inputs. Of the other inputs the
        first and the last run are used: in the first run much is 0. With ``kept``, the values of
        unchanged parts are cached; otherwise the names are copied.
        """
        space, few = self._bench.namespace, len(self.draws)
        others = [*(each[0] for each in runs[1:few]), *(e[-1] for e in runs[1:few] if len(e) > 1)]
        local = [*runs[0], *others, *(each[-1] for each in runs[few:] if each)]
        own = local if kept else map(copied, local)
        made = [Values(Names(space, names), kept=kept) for names in own]
        return made[: len(runs[0])], made[len(runs[0]) :]

    def after(self, place: Place, change: Change, spot: Spot) -> list[Any] | None:
        """Return the values of a changed expression, one for each run; None to drop the change.

        ``place`` is an expression that a statement computes, ``spot`` the part of it that
        ``change`` replaces. The runs are those at the first inputs. The result is None if the
        change raises, makes a count much larger or a loop empty, or gives the same values as an
        earlier change at all inputs. The values are noted in ``place.seen``. The tree is unchanged
        afterwards.
        """
        values, slot = place.values, place.slot
        if isinstance(spot.value, int):
            count = self._evaluate_all(
                values[:1], lambda each: each.again(change.node, frozenset())
            )
            large = max(SMALLEST, GROWN * abs(spot.value))
            if count and isinstance(count[0], int) and abs(count[0]) > large:
                return None
            if count and spot.indexes and isinstance(count[0], float):
                return None
        if place.acts:
            values, _ = self._values(place.runs, kept=False)
        spot.put(change.node)
        after = self._evaluate_all(values, lambda each: each.again(slot.node, spot.above))
        if after is None and place.before is None:
            # Where it stops, later rounds are of what the first one gave.
            after = self._evaluate_all(values[:1], lambda each: each.again(slot.node, spot.above))
        spot.put(spot.node)
        if after is None or all(isinstance(each, range) and not each for each in after):
            return None  # a loop that never runs is none
        made = signature([after, *(dict(v.names) for v in values)] if place.acts else after)
        most = SIGNED if isinstance(after[0], bool | np.bool_) else LARGER
        counts = isinstance(after[0], COUNTS) and change.cost <= most
        if change.kind == "wrong-comparison" or change.always or counts:
            # What is true or false, or counts something, in these runs says little of others.
            return after
        if made in place.seen:
            # What is the same here may be another one at other inputs.
            there = signature(self.elsewhere(place, change, spot))
            same = place.seen[made]
            if callable(same):
                same = place.seen[made] = {signature(same())}
            if there in same:
                return None
            same.add(there)
        else:
            place.seen[made] = lambda: self.elsewhere(place, change, spot)
        return after

    def elsewhere(
        self, place: Place, change: Change, spot: Spot, most: int | None = None
    ) -> list[Any]:
        """Return the values of a changed expression, one for each run at the other inputs.

        ``place`` is an expression that a statement computes, ``spot`` the part of it that the
        change replaces, and ``most`` the largest number of runs; None for all. A value is None if
        the change raises. The tree is unchanged afterwards.
        """
        spot.put(change.node)
        node, others = place.slot.node, place.others[:most]
        rows = [
            self._evaluate_all([one], lambda each: each.again(node, spot.above)) for one in others
        ]
        spot.put(spot.node)
        return [row and row[0] for row in rows]

    def near(self, place: Place, change: Change, spot: Spot, values: Sequence[Any]) -> int:
        """Return how near the values of a changed expression are to the model solution's.

        The result is that of `known`: 0, `NEARLY` or `EXACT`. ``place`` is an expression that a
        statement computes, and ``spot`` the part of it that ``change`` replaces. ``values`` are
        those at the first inputs, run by run; the values at the other inputs have to be as near. If
        all numbers are only entries of the model's values, they must be so in the run
        ``place.telling`` too.
        """
        pool, (value, *_) = self._pools[0], values
        near = known([pool], [value])
        if near == NEARLY and place.telling and not known([pool], [values[place.telling]]):
            return 0
        others = self.elsewhere(place, change, spot, len(self._pools) - 1) if near else []
        return near and self._known([value, *others])

    def near_of_entries(self, place: Place, statement: ast.stmt) -> int:
        """Return how near an array is to the model solution's after entries of it have been set.

        ``statement`` sets the entries. ``place`` is an expression that its statement computes;
        ``statement`` is that statement, or a change of it, and is run on copies of the recorded
        names. The result is as for `known`: 0, `NEARLY` or `EXACT`. It is 0 if the statement sets
        no entries of a named array, raises, or leaves whole numbers only.
        """
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        name = getattr(getattr(targets[0], "value", None), "id", "")
        if not isinstance(targets[0], ast.Subscript) or not name:
            return 0
        code = compile(ast.Module([statement], []), "<statement>", "exec", dont_inherit=True)

        def made(local: dict[str, Any]) -> Any:
            names = Names(self._bench.namespace, {**local, **copied({name: local[name]})})
            exec(code, names)  # noqa: S102
            return names[name]

        values = self._evaluate_all([runs[0] for runs in place.runs[: len(self.draws)]], made)
        return 0 if values is None or is_whole(values[0]) else self._known(values)

    def _evaluate_all(self, values: Sequence[T], made: Callable[[T], Any]) -> list[Any] | None:
        """Call ``made`` with each item of ``values``, and return the results in a list.

        The result is None if a call raises, takes longer than `EVALUATED` seconds, or gives an
        array that is too large; no exception is passed on. The cost is taken from the budget.
        """
        self._bench.budget.spend(len(values))
        found = []
        try:
            with limit(EVALUATED):
                for each in values:
                    found.append(made(each))
                    if (size := getattr(found[-1], "nbytes", 0)) > LARGEST:
                        self._bench.budget.spend(size // LARGEST)
                        return None
        except (Exception, LateError):  # whatever changed text raises: it is no value
            return None
        return found

    def _known(self, values: Sequence[Any]) -> int:
        """Return how near values are to one of the model solution's at the inputs that fail."""
        return known(self._pools, values[: len(self._pools)])

    def _scopes(self, target: Target, runs: Sequence[Mapping[str, Any]]) -> list[Scope]:
        """Return the values that can be named in a function, one scope for each of its ``runs``.

        A run is given by its local names.
        """
        library = next((name for name in ("np", "math") if self._has(name)), "np")
        bench = self._bench
        helpers = [name for name in bench.helpers if name != target.function.name]
        told = library, self._ratios, helpers, bench.words, bench.keys, bench.lacking
        idle = unread_parameters(target.function)
        known = Scope(*told, slices_of(target.function), idle, bench.vocabulary, self._allowed)
        return [scope_of(each, _counters(target.function), known) for each in runs]

    def scopes_after(self, place: Place) -> list[Scope]:
        """Return the values that can be named after a statement, one scope for each run.

        ``place`` is an expression that the statement computes. The statement is run on copies of
        the names. The list is empty if it raises or takes too long.
        """
        names = [Names(self._bench.namespace, copied(local)) for local in place.runs[0]]
        module = ast.Module([place.slot.statement], [])
        try:
            with limit(EVALUATED):
                code = compile(module, "<statement>", "exec", dont_inherit=True)
                for each in names:
                    exec(code, each)  # noqa: S102
        except (Exception, LateError):  # what it does is for the function to see to
            return []
        return self._scopes(place.target, names)

    def _has(self, name: str) -> bool:
        """Return whether the student's namespace has a name, and its value can be computed."""
        try:
            self._bench.namespace[name]
        except (KeyError, NameError):
            return False
        return True


def rank(place: Place) -> tuple[bool, int, bool, bool]:
    """Return the sort key of a slot, by which the most doubtful slots come first."""
    return place.target.right, place.touches, not place.doubtful, not place.plain


@lru_cache(maxsize=100)
def _counters(function: ast.AST) -> list[str]:
    """Return the names that the loops of a function assign, such as counters."""
    return [name.id for loop in every(ast.For, function) for name in every(ast.Name, loop.target)]


def _constants_of(parts: Sequence[Part]) -> list[float]:
    """Return the sorted floats that occur in the model solution's expressions."""
    found = {node.value for part in parts for node in every(ast.Constant, ast.parse(part.text))}
    return sorted(each for each in found if isinstance(each, float))


def _fractions(value: Any) -> int:
    """Return how many entries of an array of floats are not whole; 0 for other values."""
    counts = isinstance(value, np.ndarray) and value.dtype.kind == "f"
    return int(np.count_nonzero(np.mod(value, 1))) if counts else 0


def _shape_of(made: Any) -> Any:
    """Return the shape in the `signature` of an array; None for other signatures."""
    return made[0] if isinstance(made, tuple) and made else None


def _is_number(value: Any) -> bool:
    """Return whether a value is a number, an array of numbers, or a tuple with one of these.

    Booleans, complex numbers, and arrays of them do not count.
    """
    if isinstance(value, tuple):
        return any(map(_is_number, value))
    kind = value.dtype.kind if isinstance(value, np.ndarray | np.number) else "f"
    return isinstance(value, NUMERIC) and not isinstance(value, bool) and kind in "iuf"
