"""The changes that are worth a run, by what they give on what was recorded."""

from __future__ import annotations

import ast
import contextlib
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradkit.runtime.repair.bench import Bench, Target
from gradkit.runtime.repair.borrowed import borrowed_changes, borrowed_parts
from gradkit.runtime.repair.expressions import Spot, changes_of
from gradkit.runtime.repair.pool import known
from gradkit.runtime.repair.scope import Scope, scope_of
from gradkit.runtime.repair.slots import NUMERIC, Slot, blocks_of, copied
from gradkit.runtime.repair.statements import Rewritten, changed_blocks
from gradkit.runtime.repair.text import Written, write_block, write_expression
from gradkit.runtime.repair.tree import (
    LARGE,
    LARGER,
    SIGNED,
    SIMPLE,
    Change,
    is_numpy,
    size_of,
)


@dataclass(slots=True)
class Candidate:
    """A change in its place: how to make it, how to undo it, how to write it."""

    kind: str
    cost: float
    order: int
    target: Target
    put: Callable[[], None]
    undo: Callable[[], None]
    write: Callable[[str, str], Written]


MORE, LARGEST = 1.7, 100.0
"""The least that borrowed changes cost, and more than any costs."""

PER_NODE, INNER = 0.01, 0.0005
"""What each node more or less costs, and each node of what is changed."""


class Candidates:
    """The changes of the text that lies on a bench.

    Parameters
    ----------
    bench : Bench
    used : sequence of int
        The inputs, by number, at which something is wrong.
    end : float
        The processor time from which no more changes are made.
    """

    def __init__(self, bench: Bench, used: Sequence[int], end: float) -> None:
        self._bench, self._end = bench, end
        self._draws = [bench.question.draws[number] for number in used]
        self._record = [bench.recorded(draw) for draw in self._draws]
        self._others: list[Candidate] = []

    def groups(self) -> Iterator[tuple[float, list[Candidate]]]:
        """Yield the least cost and the changes of groups, the most promising first.

        The first slot whose value the model solution never has is the most doubtful one: what came
        before it is as it should be.
        """
        larger: list[Candidate] = []
        statements: set[int] = set()
        ordered = list(self._ordered())
        runs = list(self._record[0].names)
        for target, slot, names in ordered:
            if time.process_time() > self._end:
                return
            order = runs.index(id(slot))
            hits = self._of_slot(target, slot, names, order)
            if id(slot.statement) not in statements:
                statements.add(id(slot.statement))
                for one in self._of_statement(target, slot.statement, order):
                    (hits if one.cost <= SIMPLE else larger).append(one)
            # What is as small as anything may be needs no other to be compared with.
            yield SIGNED, sorted(hits, key=_by_cost)
        yield LARGER, sorted(larger, key=_by_cost)
        yield LARGE, list(self._of_entries())
        for target, slot, names in ordered:
            if time.process_time() > self._end:
                return
            order = runs.index(id(slot))
            borrowed = self._of_slot(target, slot, names, order, borrow=True)
            yield MORE, sorted(borrowed, key=_by_cost)
        yield LARGEST, sorted(self._others, key=_by_cost)

    def _ordered(self) -> Iterator[tuple[Target, Slot, list[list[dict[str, Any]]]]]:
        """Yield the slots that were run, the doubtful ones first, each with its local names."""
        pools = [draw.pool for draw in self._draws]
        places = {id(slot): (t, slot) for t in self._bench.targets for slot in t.slots}
        plain, late = [], []
        for identity in self._record[0].names:
            runs = [each.names.get(identity) for each in self._record]
            if not all(runs):
                continue
            target, slot = places[identity]
            names = [each or [] for each in runs]
            values = self._values(slot, [_Names(self._bench.namespace, each[0]) for each in names])
            if values is not None and not _is_number(values[0]):
                plain.append((target, slot, names))
            elif values is not None and known(pools, values, range(len(values)), exact=True):
                late.append((target, slot, names))
            else:
                yield target, slot, names
        yield from plain
        yield from late

    def _of_statement(self, target: Target, statement: ast.stmt, order: int) -> Iterator[Candidate]:
        """Yield changes of a statement, and of where it stands."""
        for parent, block in _blocks(target.function):
            if any(one is statement for one in block):
                place = next(n for n, one in enumerate(block) if one is statement)
                for each in changed_blocks(block, place, parent):
                    yield _in_block(each, block, order, target)

    def _of_slot(
        self,
        target: Target,
        slot: Slot,
        names: list[list[dict[str, Any]]],
        order: int,
        *,
        borrow: bool = False,
    ) -> list[Candidate]:
        """Return the changes of a slot that give a value of the model solution's, each value once.

        Those that give other values are kept for the end. To ``borrow`` is to take what the model
        solution has.
        """
        hits: list[Candidate] = []
        pools = [draw.pool for draw in self._draws]
        locals_ = [local for runs in names for local in runs]
        places = [_Names(self._bench.namespace, local) for local in locals_]
        firsts = [0]
        for runs in names[:-1]:
            firsts.append(firsts[-1] + len(runs))
        before = self._values(slot, places)
        # What is no number has no value to be held to, and few changes.
        plain = before is not None and not _is_number(before[0])
        acts = isinstance(slot.statement, ast.Expr)
        seen = {_signature(before)} if not acts else set()
        scope = self._scope(target, names[0][0])
        spots = list(_below(slot.node, slot.put, scope, places[0], whole=not slot.asked))
        if borrow:
            changes = list(self._borrowed(spots, names[0], places[0]))
        else:
            changes = [(change, spot) for spot in spots for change in changes_of(spot.spot)]
        priced = [(_cost(change, spot.spot.node), change, spot) for change, spot in changes]
        for cost, change, spot in sorted(priced, key=lambda each: each[0]):
            if time.process_time() > self._end:
                break
            spot.put(change.node)
            if acts:
                # It is called for what it does to something, which is to be done but once.
                places = [_Names(self._bench.namespace, copied(each)) for each in locals_]
            after = None if change.hidden else self._values(slot, places)
            spot.put(spot.spot.node)
            if not change.hidden:
                signature = _signature([after, *map(dict, places)] if acts else after)
                if after is None or signature in seen:
                    continue
                seen.add(signature)
            one = Candidate(
                change.kind,
                cost,
                order,
                target,
                _putting(spot.put, change.node),
                _putting(spot.put, spot.spot.node),
                _writing(spot.spot.node, change.node),
            )
            hit = after is not None and (plain or known(pools, after, firsts))
            if hit:
                hits.append(one)
            elif not borrow:
                self._others.append(one)
        return hits

    def _scope(self, target: Target, local: Mapping[str, Any]) -> Scope:
        """Return what can be named in a function, with these local names."""
        counters = [
            part.id
            for loop in ast.walk(target.function)
            if isinstance(loop, ast.For)
            for part in ast.walk(loop.target)
            if isinstance(part, ast.Name)
        ]
        library = "np" if self._has("np") or not self._has("math") else "math"
        return scope_of(local, counters, library)

    def _borrowed(
        self, spots: Iterable[_Placed], runs: Sequence[Mapping[str, Any]], outer: _Names
    ) -> Iterator[tuple[Change, _Placed]]:
        """Yield what the model solution has, for each spot; in a comprehension names are others."""
        pool = self._draws[0].pool
        parts: dict[int, list[tuple[str, Any]]] = {}
        for spot in spots:
            key = id(spot.names)
            if key not in parts:
                seen = runs if spot.names is outer else [spot.names]
                parts[key] = list(borrowed_parts(pool.parts, pool.values, seen))
            for change in borrowed_changes(spot.spot, parts[key]):
                yield change, spot

    def _has(self, name: str) -> bool:
        """Tell whether the student's text has a name."""
        try:
            self._bench.namespace[name]
        except (KeyError, NameError):
            return False
        return True

    def _values(self, slot: Slot, places: Sequence[dict[str, Any]]) -> list[Any] | None:
        """Return what a slot gives with the names that were recorded; None where it raises."""
        try:
            code = compile(ast.Expression(slot.node), "<slot>", "eval")
            return [eval(code, names) for names in places]  # noqa: S307  (what a worker is for)
        except Exception:  # whatever the changed text raises: it is no value
            return None

    def _of_entries(self) -> Iterator[Candidate]:
        """Yield the text with a statement more, that the model solution has."""
        pool = self._draws[0].pool
        for target in self._bench.targets:
            first = {id(slot.statement): slot for slot in reversed(target.slots)}
            for _, block in _blocks(target.function):
                for place, statement in enumerate(block):
                    slot = first.get(id(statement))
                    runs = self._record[0].names.get(id(slot)) if slot is not None else None
                    if not runs:
                        continue
                    lacking = list(self._lacking(runs[0]))
                    for role, part in borrowed_parts(pool.parts, pool.values, runs):
                        new = [part] if role == "statement" else []
                        if role == "whole":
                            new = [_entry(name, key, part) for name, key in lacking]
                        for at, each in ((p, n) for p in (place, place + 1) for n in new):
                            made = [*block[:at], each, *block[at:]]
                            one = Rewritten("missing-statement", LARGE, made, statement)
                            yield _in_block(one, block, -at, target)

    def _lacking(self, local: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """Yield the dicts among local names that have not yet all keys that are asked for."""
        asked = re.findall(r"\[['\"](\w+)['\"]\]", " ".join(self._bench.question.reads))
        for name, value in local.items():
            if isinstance(value, dict):
                yield from ((name, key) for key in asked if key not in value)


def _is_number(value: Any) -> bool:
    """Tell numbers from what is only true or false, and from everything else."""
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


def _by_cost(candidate: Candidate) -> float:
    return candidate.cost


class _Names(dict[str, Any]):
    """Local names over the student's global ones."""

    def __init__(self, namespace: Mapping[str, Any], local: Mapping[str, Any]) -> None:
        super().__init__(local)
        self["__builtins__"] = namespace.get("__builtins__", __builtins__)
        self.namespace = namespace

    def __missing__(self, name: str) -> Any:
        return self.namespace[name]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A spot, how to put another expression there, and the names that there are."""

    spot: Spot
    put: Callable[[ast.expr], None]
    names: _Names


def _below(
    node: ast.expr,
    put: Callable[[ast.expr], None],
    scope: Scope,
    names: _Names,
    *,
    whole: bool,
    of: str = "",
) -> Iterator[_Placed]:
    """Yield an expression and all below it that may be changed."""
    value = None
    with contextlib.suppress(Exception):  # a part that cannot be had alone has no value
        value = eval(compile(ast.Expression(node), "<part>", "eval"), names)  # noqa: S307
    yield _Placed(Spot(node, value, scope, whole, of), put, names)
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        names = _first_round(node, names)
        scope = scope_of(names)
        for each in ("elt", "key", "value"):
            if hasattr(node, each):
                inner = _into(node, each, None)
                yield from _below(getattr(node, each), inner, scope, names, whole=True)
        return
    for name, part in ast.iter_fields(node):
        for index, child in enumerate(part if isinstance(part, list) else [part]):
            inside = _into(node, name, index if isinstance(part, list) else None)
            option = child.arg or "" if isinstance(child, ast.keyword) else ""
            if isinstance(child, ast.keyword):
                inside, child = _into(child, "value", None), child.value  # noqa: PLW2901
            elif name == "func":
                if not isinstance(child, ast.Attribute) or is_numpy(child.value):
                    continue
                inside, child = _into(child, "value", None), child.value  # noqa: PLW2901
            if not isinstance(child, ast.expr) or isinstance(child, ast.Slice | ast.Lambda):
                continue
            factor = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
            alone = factor or isinstance(node, ast.UnaryOp | ast.Subscript | ast.Attribute)
            yield from _below(child, inside, scope, names, whole=not alone, of=option)


def _first_round(node: Any, names: _Names) -> _Names:
    """Return the names in the first round of a comprehension."""
    inner = _Names(names.namespace, names)
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
        change.cost,
        order,
        target,
        lambda: block.__setitem__(slice(None), made),
        lambda: block.__setitem__(slice(None), kept),
        lambda source, wanted: write_block(source, kept, made, told, wanted),
    )


def _entry(name: str, key: str, value: ast.expr) -> ast.stmt:
    """Write the statement that puts a value into a dict."""
    (statement,) = ast.parse(f"{name}[{key!r}] = {ast.unparse(value)}").body
    return statement


def _blocks(node: ast.AST) -> Iterator[tuple[ast.AST, list[ast.stmt]]]:
    for block in blocks_of(node):
        yield node, block
        for statement in block:
            yield from _blocks(statement)


def _signature(value: Any) -> Any:
    """Return what tells a value from others."""
    if isinstance(value, np.ndarray | np.number):
        # Thousands of values are kept so: of their bytes a hash.
        return value.shape, value.dtype.kind, hash(value.tobytes())
    if isinstance(value, list | tuple):
        return tuple(map(_signature, value))
    if isinstance(value, dict):
        return tuple((str(key), _signature(each)) for key, each in value.items())
    return repr(value)[:200] if isinstance(value, PLAIN) else id(value)


PLAIN = (int, float, str, bool, range, slice, type(None))
