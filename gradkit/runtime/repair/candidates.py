"""The changes that are worth a run, by what they give on what was recorded."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradkit.runtime.repair.bench import Bench, Target
from gradkit.runtime.repair.borrowed import borrowed_changes, borrowed_parts, entry_parts
from gradkit.runtime.repair.clock import Clock, LateError, limit
from gradkit.runtime.repair.expressions import LARGE_ONES, SMALL, Spot, changes_of
from gradkit.runtime.repair.inserted import inserted
from gradkit.runtime.repair.pool import EXACT, KINDS, Part, is_whole, known, signature
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.slots import NUMERIC, Slot, blocks_below, copied
from gradkit.runtime.repair.statements import Rewritten, changed_blocks
from gradkit.runtime.repair.text import Written, write_block, write_expression
from gradkit.runtime.repair.tree import (
    LARGE,
    LARGER,
    SIGNED,
    Change,
    binary,
    expression,
    is_numpy,
    size_of,
)
from gradkit.runtime.repair.values import Names, Values

ONLY, UNKNOWN, UNLIKELY = 0, 1, 2
"""What depends on a slot: wrong outputs only, nobody knows, right ones or none that is wrong."""


@dataclass(slots=True)
class Candidate:
    """A change in its place: how to make it, how to undo it, how to write it.

    ``step`` says how near its value is to one of the model solution's that the student had not
    yet, as `known` does.
    """

    kind: str
    cost: float
    order: int
    target: Target
    put: Callable[[], None]
    undo: Callable[[], None]
    write: Callable[[str, str], Written]
    step: int = 0
    touches: int = UNKNOWN
    soon: bool = False

    @property
    def rank(self) -> tuple[float, int, float]:
        """The cost, but for little; of equal ones what is run first is what is wrong first."""
        return round(self.cost, 2), self.order, self.cost


MORE, PAIR, MOST = 2.15, 2.2, 100.0
"""Costs from which changes borrow, from which two are made at once, and more than any is."""

CLEARED = 0.8
"""What a change costs besides in a function that gives what is right.

It has hardly the mistake if a change of another one, which is not borrowed, makes all right.
"""

LARGEST = 1_000_000
"""Bytes of a value that is worth a run."""

PER_NODE, INNER = 0.01, 0.0005
"""What each node more or less costs, and each node of what is changed."""


@dataclass(slots=True)
class _Place:
    """A slot that was run: its local names, run by run, at each of the inputs.

    ``values`` are for all runs at the first inputs, ``others`` for the first run at others.
    ``before`` is what the slot gives, None where it raises; ``seen`` is what it gave so far, and
    ``held`` what names hold. ``near`` is how near that is to the model solution's, see `known`; it
    is ``doubtful`` where the model solution never has its value.
    """

    target: Target
    slot: Slot
    order: int
    runs: list[list[dict[str, Any]]]
    values: list[Values]
    others: list[Values]
    before: list[Any] | None
    scopes: list[Scope]
    spots: list[_Placed] = field(default_factory=list)
    larger: list[tuple[Change, _Placed]] = field(default_factory=list)
    seen: dict[Any, set[Any] | Callable[[], Any]] = field(default_factory=dict)
    held: set[Any] = field(default_factory=set)
    near: int = 0
    doubtful: bool = False
    touches: int = UNKNOWN

    @property
    def acts(self) -> bool:
        """Tell what is called for what it does to something, which is to be done but once."""
        return isinstance(self.slot.statement, ast.Expr)

    @property
    def plain(self) -> bool:
        """Tell what has no value to be held to, and few changes, as it is no number."""
        return self.before is not None and not _is_number(self.before[0])


class Candidates:
    """The changes of the text that lies on a bench.

    Parameters
    ----------
    bench : Bench
    used : sequence of int
        The inputs, by number, at which something is wrong.
    last : int
        Another one, at which values tell changes apart that are the same elsewhere.
    wrong : frozenset of str
        The outputs that are.
    clock : Clock
        Says when no more changes are made.
    """

    def __init__(
        self, bench: Bench, used: Sequence[int], last: int, wrong: frozenset[str], clock: Clock
    ) -> None:
        self._bench, self._wrong, self._clock = bench, wrong, clock
        self._draws = [bench.question.draws[number] for number in used]
        self._pools = [draw.pool for draw in self._draws]
        told = self._draws if last in used else [*self._draws, bench.question.draws[last]]
        self._record = [bench.recorded(draw) for draw in told]
        self._outputs = bench.outputs(self._draws[0])
        # What is no number stays so, whatever it is made of.
        self._lost = any("nan" in repr(each) for each in self._outputs.values())
        self._ratios = [*bench.ratios(self._draws), *_constants_of(self._pools[0].parts)]
        self._others: list[Candidate] = []
        self._slots: list[_Place] = []

    def groups(self) -> Iterator[tuple[float, list[Candidate]]]:
        """Yield the least cost and the changes of groups, the most promising first.

        Small changes come before larger ones. Of these the slots whose value the model solution
        never has are the most doubtful: what came before the first is as it should be.
        """
        ordered = self._slots = self._ordered()
        likely = [place for place in ordered if place.touches < UNLIKELY]
        for right, more in ((False, 0.0), (True, CLEARED)):
            places = [place for place in ordered if place.target.right is right]
            for least, group in self._plain_ones(places):
                yield least + more, group
            for place in [place for place in likely if place.target.right is right]:
                if self._clock.is_over():
                    return
                large = self._of_place(place, self._large(place), nearer=True)
                yield LARGER + more, sorted(large, key=_by_cost)
            yield LARGER + more, self._taken(lambda one: one.touches == ONLY)
        yield MORE, sorted(self._inserted(ordered), key=_by_cost)
        for place in likely:
            if self._clock.is_over():
                return
            only = place.touches != ONLY
            borrowed = self._of_place(place, self._borrowed(place), only=only)
            yield MORE, sorted(borrowed, key=_by_cost)
        yield MORE, self._taken(lambda one: one.touches == ONLY)
        yield (
            MORE,
            self._taken(lambda one: one.soon and one.touches == UNKNOWN and one.cost < LARGE),
        )
        yield PAIR, []
        for place in ordered:
            if place.touches == UNLIKELY and not self._clock.is_over():
                rest = [*self._large(place), *self._borrowed(place)]
                yield MOST, sorted(self._of_place(place, rest), key=_by_cost)
        yield MOST, sorted(self._others, key=lambda each: (each.touches, each.cost))

    def _plain_ones(self, places: Sequence[_Place]) -> Iterator[tuple[float, list[Candidate]]]:
        """Yield the groups of small changes, and of larger ones that put nothing in."""
        statements: set[int] = set()
        larger: list[Candidate] = []
        for place in places:
            if self._clock.is_over():
                return
            hits = self._of_place(place, self._small(place))
            if id(place.slot.statement) not in statements:
                statements.add(id(place.slot.statement))
                for one in self._of_statement(place):
                    (hits if one.cost <= SIGNED else larger).append(one)
            # What is as small as anything may be needs no other to be compared with.
            yield SIGNED, sorted(hits, key=_by_cost)
        yield SIGNED, self._taken(lambda one: one.touches == ONLY)
        # What is small is the likeliest, wherever it is not known that it cannot be.
        yield SIGNED, self._taken(lambda one: one.touches == UNKNOWN and one.soon)
        yield LARGER, sorted(larger, key=_by_cost)
        for place in places:
            if self._clock.is_over():
                return
            yield LARGER, sorted(self._of_place(place, place.larger), key=_by_cost)

    def around(self, order: int) -> list[Candidate]:
        """Return the larger changes of a slot, which are not tried again later."""
        hits: list[Candidate] = []
        for place in [place for place in self._slots if place.order == order]:
            hits += self._of_place(place, [*place.larger, *self._large(place)])
            place.larger, place.spots = [], []
        return sorted([*hits, *self._taken(lambda one: one.order == order)], key=_by_cost)

    def _taken(self, wanted: Callable[[Candidate], bool]) -> list[Candidate]:
        """Return some of the changes that were kept for the end so far."""
        taken = [one for one in self._others if wanted(one)]
        self._others = [one for one in self._others if not wanted(one)]
        return sorted(taken, key=_by_cost)

    def _ordered(self) -> list[_Place]:
        """Return the slots that were run, the doubtful ones first."""
        doubtful: list[_Place] = []
        plain: list[_Place] = []
        late: list[_Place] = []
        for place in self._places():
            if place.plain:
                plain.append(place)
                continue
            if place.before is not None:
                values = [place.before[0], *place.before[len(place.values) :]]
                place.near = self._known(values)
            place.doubtful = place.near < EXACT
            (doubtful if place.doubtful else late).append(place)
        ordered = [*doubtful, *plain, *late]
        for place in ordered:
            place.touches = self._touched(place)
        return sorted(ordered, key=lambda place: (place.target.right, place.touches))

    def _touched(self, place: _Place) -> int:
        """Tell what another value of a slot changes.

        Where it changes what is right, that will hardly stay so; where it changes nothing that is
        wrong, that is not made of it.
        """
        slot, draw = place.slot, self._draws[0]
        value = place.before[0] if place.before else None
        if place.acts or not isinstance(value, np.ndarray | float) or slot.asked:
            return UNKNOWN
        node = slot.node
        slot.put(binary(binary(node, ast.Mult, expression("1.01")), ast.Add, expression("0.0137")))
        try:
            made = self._bench.load(place.target)
            after = self._bench.outputs(draw) if made else {}
        finally:
            slot.put(node)
            self._bench.reload(place.target)
        if not after:
            return UNKNOWN
        changed = {name for name, value in self._outputs.items() if after[name] != value}
        if changed - self._wrong or not (changed or self._lost):
            return UNLIKELY
        # Where all is wrong, that what is wrong depends on it tells nothing.
        return ONLY if changed and self._wrong < set(self._outputs) else UNKNOWN

    def _places(self) -> Iterator[_Place]:
        """Yield the slots that were run, in their order."""
        slots = {id(slot): (t, slot) for t in self._bench.targets for slot in t.slots}
        for order, identity in enumerate(self._record[0].names):
            runs = [each.names.get(identity, []) for each in self._record]
            if not all(runs[: len(self._draws)]):
                continue
            target, slot = slots[identity]
            values, others = self._values(runs, kept=not isinstance(slot.statement, ast.Expr))
            before = _tried([*values, *others], _value_of(slot))
            scopes = self._scopes(target, runs[0])
            yield _Place(target, slot, order, runs, values, others, before, scopes)

    def _values(
        self, runs: list[list[dict[str, Any]]], *, kept: bool
    ) -> tuple[list[Values], list[Values]]:
        """Return what makes values for all runs at the first inputs, and the first at others."""
        space = self._bench.namespace
        local = [*runs[0], *(each[0] for each in runs[1:] if each)]
        made = [
            Values(Names(space, names if kept else copied(names)), kept=kept) for names in local
        ]
        return made[: len(runs[0])], made[len(runs[0]) :]

    def _of_statement(self, place: _Place) -> Iterator[Candidate]:
        """Yield changes of a statement, and of where it stands."""
        statement, target = place.slot.statement, place.target
        for parent, block in blocks_below(target.function):
            if any(one is statement for one in block):
                at = next(n for n, one in enumerate(block) if one is statement)
                for each in changed_blocks(block, at, parent, target.function):
                    yield _in_block(each, block, place.order, target)

    def _small(self, place: _Place) -> Iterator[tuple[Change, _Placed]]:
        """Yield the small changes of a slot, and keep the others."""
        whole = not place.slot.asked
        slot, values = place.slot, place.values
        if isinstance(slot.statement, ast.Pass):
            return
        place.spots = [*_below(slot.node, slot.put, place.scopes[0], values[0], whole=whole)]
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
            for change in changes_of(spot.spot, SMALL):
                if change.cost <= SIGNED:
                    yield change, spot
                else:
                    place.larger.append((change, spot))

    def _large(self, place: _Place) -> Iterator[tuple[Change, _Placed]]:
        for spot in place.spots:
            yield from ((change, spot) for change in changes_of(spot.spot, LARGE_ONES))

    def _of_place(
        self,
        place: _Place,
        changes: Iterable[tuple[Change, _Placed]],
        *,
        only: bool = False,
        nearer: bool = False,
    ) -> list[Candidate]:
        """Return the changes of a slot that give a value of the model solution's, each value once.

        Those that give other values are kept for the end, unless it is ``only`` these that count;
        so are values that are as near to the model's as the one before, where ``nearer`` ones are
        looked for.
        """
        more = _more(place.target)
        priced = [(more + _cost(change, spot.spot.node), change, spot) for change, spot in changes]
        hits: list[Candidate] = []
        for cost, change, spot in sorted(priced, key=lambda each: each[0]):
            if self._clock.is_over():
                break
            after = None if change.hidden else self._after(place, change, spot)
            if after is None and not change.hidden:
                continue
            near = 0 if after is None else self._near(place, change, spot, after[0])
            if nearer and near <= place.near < EXACT:
                near = 0
            alias = isinstance(spot.spot.node, ast.Name) and spot.spot.node is place.slot.node
            if alias and isinstance(place.slot.statement, ast.Assign) and near:
                # What only gives a value another name is where something is missing.
                cost -= PER_NODE  # noqa: PLW2901
            one = Candidate(
                change.kind,
                cost,
                place.order,
                place.target,
                _putting(spot.put, change.node),
                _putting(spot.put, spot.spot.node),
                _writing(spot.spot.node, change.node),
                near if place.doubtful and signature(after) not in place.held else 0,
                place.touches,
                place.doubtful or place.plain,
            )
            # What is no number, or whole ones, is the model solution's by chance.
            plain = place.plain or (after is not None and is_whole(after[0]))
            counts = after is not None and isinstance(after[0], int | np.integer)
            most = LARGE if counts and not place.plain else SIGNED
            small = after is not None and cost - more <= most and plain
            if near or small:
                hits.append(one)
            elif not only:
                self._others.append(one)
        return hits

    def _after(self, place: _Place, change: Change, spot: _Placed) -> list[Any] | None:
        """Return what a slot gives with a change; None where it raises or gave that before."""
        values, slot = place.values, place.slot
        if place.acts:
            values, _ = self._values(place.runs, kept=False)
        spot.put(change.node)
        after = _tried(values, lambda each: each.again(slot.node, spot.above))
        spot.put(spot.spot.node)
        if after is None or any(getattr(each, "nbytes", 0) > LARGEST for each in after):
            return None
        made = signature([after, *(dict(v.names) for v in values)] if place.acts else after)
        most = SIGNED if isinstance(after[0], bool | np.bool_) else LARGER
        counts = isinstance(after[0], int | np.bool_ | np.integer) and change.cost <= most
        if change.kind == "wrong-comparison" or counts:
            # What is true or false, or counts something, in these runs says little of others.
            return after
        if made in place.seen:
            # What is the same here may be another one at other inputs.
            there = signature(self._elsewhere(place, change, spot))
            same = place.seen[made]
            if callable(same):
                same = place.seen[made] = {signature(same())}
            if there in same:
                return None
            same.add(there)
        else:
            place.seen[made] = lambda: self._elsewhere(place, change, spot)
        return after

    def _elsewhere(self, place: _Place, change: Change, spot: _Placed) -> list[Any] | None:
        """Return what a slot gives with a change at the other inputs."""
        spot.put(change.node)
        others = _tried(place.others, lambda each: each.again(place.slot.node, spot.above))
        spot.put(spot.spot.node)
        return others

    def _near(self, place: _Place, change: Change, spot: _Placed, value: Any) -> int:
        """Tell how near the value of a change is to one of the model solution's. See `known`."""
        if not known(self._pools[:1], [value]):
            return 0
        others = self._elsewhere(place, change, spot)
        return 0 if others is None else self._known([value, *others])

    def _known(self, values: Sequence[Any]) -> int:
        """Tell how near values are to one of the model solution's where something is wrong."""
        return known(self._pools, values[: len(self._pools)])

    def _scopes(self, target: Target, runs: Sequence[Mapping[str, Any]]) -> list[Scope]:
        """Return what can be named in a function, run by run."""
        counters = [
            part.id
            for loop in ast.walk(target.function)
            if isinstance(loop, ast.For)
            for part in ast.walk(loop.target)
            if isinstance(part, ast.Name)
        ]
        library = "np" if self._has("np") or not self._has("math") else "math"
        return [scope_of(local, counters, library, self._ratios) for local in runs]

    def _borrowed(self, place: _Place) -> Iterator[tuple[Change, _Placed]]:
        """Yield what the model solution has, for each spot; in a comprehension names are others."""
        pool, outer = self._pools[0], place.values[0].names
        parts: dict[int, list[tuple[Part, Any]]] = {}
        for spot in place.spots:
            key = id(spot.names)
            if key not in parts:
                scopes = place.scopes if spot.names is outer else [spot.spot.scope]
                parts[key] = list(borrowed_parts(pool.parts, pool.values, scopes))
                for part, tree, _, _ in entry_parts(pool.parts, pool.values, scopes):
                    # What has a name of its own there may be a factor here.
                    roles = {part.role, "factor" if part.role == "whole" else part.role}
                    parts[key] += [(replace(part, role=role), tree) for role in sorted(roles)]
            for change in borrowed_changes(spot.spot, parts[key]):
                yield change, spot

    def _has(self, name: str) -> bool:
        """Tell whether the student's text has a name."""
        try:
            self._bench.namespace[name]
        except (KeyError, NameError):
            return False
        return True

    def _inserted(self, places: Sequence[_Place]) -> Iterator[Candidate]:
        """Yield the text with a statement more. See `inserted`."""
        scopes = {id(each.slot.statement): each.scopes for each in reversed(places)}
        for target in self._bench.targets:
            for change, block, at in inserted(
                target.function, scopes, self._pools[0], self._lacking
            ):
                yield _in_block(change, block, -at, target)

    def _lacking(self, held: Mapping[str, Any]) -> Iterator[tuple[str, str, set[int]]]:
        """Yield the dicts among names that have not a key that is asked for.

        Besides, the numbers of the model's values that are right there; none where only something
        that is made of it is asked for.
        """
        pool, right = self._pools[0], self._draws[0].expected
        for read, value in zip(self._bench.question.reads, right, strict=True):
            found = pool.found(value) if read.endswith("]") else set()
            numbers = {n // KINDS for n in found if n % KINDS == 0}
            for key in re.findall(r"\[['\"](\w+)['\"]\]", read):
                for name, row in held.items():
                    if isinstance(row, dict) and key not in row:
                        yield name, key, numbers


def _constants_of(parts: Sequence[Part]) -> list[float]:
    """Return the constants of the model solution that are not whole."""
    nodes = (node for part in parts for node in ast.walk(ast.parse(part.text)))
    found = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return sorted(each for each in found if isinstance(each, float))


def _value_of(slot: Slot) -> Callable[[Values], Any]:
    return lambda values: values.first(slot.node)


def _tried(values: list[Values], made: Callable[[Values], Any]) -> list[Any] | None:
    """Return what is made of each; None where that raises."""
    try:
        with limit(EVALUATED):
            return [made(each) for each in values]
    except (Exception, LateError):  # whatever changed text raises: it is no value
        return None


def _is_number(value: Any) -> bool:
    """Tell numbers, and rows of them, from what is only true or false, and from everything else."""
    if isinstance(value, tuple):
        return any(map(_is_number, value))
    kind = value.dtype.kind if isinstance(value, np.ndarray | np.number) else "f"
    return isinstance(value, NUMERIC) and not isinstance(value, bool) and kind in "iuf"


OF_THE_WHOLE = ("missing-factor", "missing-term", "missing-slope")


def _cost(change: Change, node: ast.expr) -> float:
    """Return what a change costs: more, the more it adds or takes away.

    Of equal ones the innermost is the smallest; a factor or a term is missing of the whole.
    """
    size, after = size_of(node), size_of(change.node)
    inner = -INNER * size if change.kind in OF_THE_WHOLE else INNER * size
    return change.cost + PER_NODE * abs(after - size) + inner


def _more(target: Target) -> float:
    return CLEARED if target.right else 0.0


def _by_cost(candidate: Candidate) -> float:
    return candidate.cost


EVALUATED = 0.2
"""Seconds after which a value is given up."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A spot, how to put another expression there, the nodes above, and the names there are."""

    spot: Spot
    put: Callable[[ast.expr], None]
    above: frozenset[ast.AST]
    names: Names


def _below(
    node: ast.expr,
    put: Callable[[ast.expr], None],
    scope: Scope,
    values: Values,
    above: frozenset[ast.AST] = frozenset(),
    *,
    whole: bool,
    of: str = "",
) -> Iterator[_Placed]:
    """Yield an expression and all below it that may be changed."""
    value = None
    with contextlib.suppress(Exception):  # a part that cannot be had alone has no value
        value = values.again(node, frozenset())
    yield _Placed(Spot(node, value, scope, whole, of), put, above, values.names)
    above |= {node}
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        first = node.generators[0]
        inner = _into(first, "iter", None)
        yield from _below(first.iter, inner, scope, values, above, whole=True)
        values = Values(_first_round(node, values.names), kept=False)
        scope = scope_of(values.names)
        for each in ("elt", "key", "value"):
            if hasattr(node, each):
                inner = _into(node, each, None)
                yield from _below(getattr(node, each), inner, scope, values, above, whole=True)
        return
    for name, part in ast.iter_fields(node):
        for index, child in enumerate(part if isinstance(part, list) else [part]):
            inside = _into(node, name, index if isinstance(part, list) else None)
            option = child.arg or "" if isinstance(child, ast.keyword) else ""
            if isinstance(child, ast.FormattedValue):
                inside, child = _into(child, "value", None), child.value  # noqa: PLW2901
            elif isinstance(node, ast.JoinedStr):
                continue
            elif isinstance(child, ast.keyword):
                inside, child = _into(child, "value", None), child.value  # noqa: PLW2901
            elif name == "func":
                if not isinstance(child, ast.Attribute) or is_numpy(child.value):
                    continue
                # The method is that of the value below it.
                above |= {child}
                inside, child = _into(child, "value", None), child.value  # noqa: PLW2901
            if not isinstance(child, ast.expr) or isinstance(child, ast.Slice | ast.Lambda):
                continue
            factor = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
            alone = factor or isinstance(node, ast.UnaryOp | ast.Subscript | ast.Attribute)
            yield from _below(child, inside, scope, values, above, whole=not alone, of=option)


def _first_round(node: Any, names: Names) -> Names:
    """Return the names in the first round of a comprehension."""
    inner = Names(names.namespace, names)
    with contextlib.suppress(Exception):  # an empty one has no first round
        for generator in node.generators:
            first = ast.For(generator.target, generator.iter, [ast.Break()], [])
            module = ast.fix_missing_locations(ast.Module([first], []))
            exec(compile(module, "<first>", "exec"), inner)  # noqa: S102
    return inner


def _into(parent: ast.AST, name: str, index: int | None) -> Callable[[ast.expr], None]:
    if index is None:
        return lambda node: setattr(parent, name, node)
    return lambda node: getattr(parent, name).__setitem__(index, node)


def _putting(put: Callable[[ast.expr], None], node: ast.expr) -> Callable[[], None]:
    return lambda: put(node)


def _writing(old: ast.expr, new: ast.expr) -> Callable[[str, str], Written]:
    return lambda source, wanted: write_expression(source, old, new, wanted)


def _in_block(change: Rewritten, block: list[ast.stmt], order: int, target: Target) -> Candidate:
    """Return the change of a block as one in its place."""
    kept, made, told = [*block], change.block, change.told
    return Candidate(
        change.kind,
        change.cost + PER_NODE + _more(target),
        order,
        target,
        lambda: block.__setitem__(slice(None), made),
        lambda: block.__setitem__(slice(None), kept),
        lambda source, wanted: write_block(source, kept, made, told, wanted),
    )
