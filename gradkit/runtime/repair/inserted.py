"""List the statements that may be missing in a function."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from gradkit.edits.costs import FILLS, PER_NODE, PUT_IN
from gradkit.edits.nodes import new, with_parts
from gradkit.runtime.repair.borrowed import borrowed_parts, entry_parts
from gradkit.runtime.repair.pool import KINDS, SHAPES, Pool
from gradkit.runtime.repair.scope import Scope
from gradkit.runtime.repair.slots import blocks_below
from gradkit.runtime.repair.statements import Rewritten
from gradkit.runtime.repair.tree import expression, size_of, statement_of
from gradkit.runtime.repair.values import OPERATIONS
from gradkit.runtime.syntax import every, names_in

UPDATES = (ast.Add, ast.Sub, ast.Mult, ast.Div)
"""The operations by which a missing statement may change a name."""

Scopes = Callable[[ast.stmt, bool], Sequence[Scope]]
Lacking = Callable[[Mapping[str, Any]], Iterator[tuple[str, str, set[int]]]]


def inserted(
    function: ast.AST,
    scopes: Scopes,
    pool: Pool,
    lacking: Lacking,
    entries: Collection[tuple[int, ...]],
) -> Iterator[tuple[Rewritten, list[ast.stmt], int]]:
    """Yield changes of a function that insert one statement.

    An item is the change, the list of statements (block) that it replaces, and a line: that of the
    statement after the inserted one, or one below the last. All places in all blocks of the
    function are tried. A statement that overwrites an assignment before it is yielded only if it
    gives a value to a name without one.

    Parameters
    ----------
    function : ast.AST
        The student's function.
    scopes : callable
        Returns the values of names before or after a statement, one `Scope` for each run; empty if
        the statement never ran.
    pool : Pool
        The model solution's values and expressions.
    lacking : callable
        Yields the missing entries of dicts: name, key, and numbers of right values.
    entries : collection of tuple of int
        The index of the wrong entry of each output that has only one.
    """
    whole = _Context(
        function,
        names_in(function, ast.Store),
        {part.arg for part in every(ast.arg, function)},
        tuple(f"{each}[" for each in names_in(function, ast.Store) | _written_arrays(function)),
        pool,
        lacking,
        entries,
    )
    seen = set()
    for parent, block in blocks_below(function):
        for at in range(len(block) + 1 if block else 0):
            last = at == len(block)
            statement = block[at - last]
            there = scopes(statement, last)
            if not there:
                continue
            empty = _empty_names(statement, there[0].values, whole, last=last)
            back = [*_restored_entries(block[:at])]
            given = set().union(*map(_arrays_with_assigned_entries, block[:at]))
            for each in _statements(whole, parent, block, at, there, empty, back):
                key = id(block), at, _dumped(each)
                fills = isinstance(each, ast.Return) or each in back
                fills |= bool(_targets(each) & {*empty})
                if key in seen or (_overwrites(each, block[:at]) and not fills):
                    continue
                seen.add(key)
                longer = [*block[:at], each, *block[at:]]
                again = bool(_arrays_with_assigned_entries(each) & given)
                kind = "wrong-expression" if again and not fills else "missing-statement"
                if isinstance(each, ast.Return):
                    kind = "missing-return"
                # Beside what gives the same a value it is nearest.
                beside = bool(_targets(each) & {t for s in block[:at][-1:] for t in _targets(s)})
                cost = PUT_IN - FILLS * fills + PER_NODE * (size_of(each) - beside)
                values = each, int(last)
                made = Rewritten(f"{kind}: put in", cost, longer, statement, values)
                yield made, block, statement.lineno + last


@dataclass(frozen=True, slots=True)
class _Context:
    """A function, and the names and values that an inserted statement may contain.

    ``made`` are the names that the function assigns, ``handed`` its parameters, and ``written`` the
    arrays that it writes to, each followed by a bracket. For the others see `inserted`.
    """

    function: ast.AST
    made: set[str]
    handed: set[str]
    written: tuple[str, ...]
    pool: Pool
    lacking: Lacking
    entries: Collection[tuple[int, ...]]


def _empty_names(
    statement: ast.stmt, held: Mapping[str, Any], whole: _Context, *, last: bool
) -> list[str]:
    """Return the names that a statement reads and that have no value yet: None, or arrays of zeros.

    ``held`` are the values by name, and ``whole`` describes the function: only names that it
    assigns count, and attributes that are None. Zeros do not count before a loop or ``if``. At the
    end of a block (``last``) only None counts, but for all names that the function assigns.
    """
    simple = not isinstance(statement, ast.For | ast.If | ast.While)
    read = whole.made if last else whole.made & names_in(statement)
    kept = {n for n in held if "." in n and held[n] is None}
    return [
        n
        for n in sorted(read & held.keys() | kept)
        if held[n] is None or (simple and last < _is_zero(held[n]))
    ]


def _statements(
    whole: _Context,
    parent: ast.AST,
    block: list[ast.stmt],
    at: int,
    there: Sequence[Scope],
    empty: list[str],
    back: list[ast.stmt],
) -> Iterator[ast.stmt]:
    """Yield the statements that may be missing at position ``at`` of a block, from all sources.

    ``whole`` describes the function. ``parent`` is the node with the block, and ``there`` has the
    values of names at the position, one scope for each run. ``empty`` are the names that lack a
    value, and ``back`` statements that restore changed entries.
    """
    function, made = whole.function, whole.made
    last = at == len(block)
    statement = block[at - last]
    fresh = whole.handed & names_in(statement) - set().union(*map(names_in, block[:at]))
    return itertools.chain(
        _statements_of_model(whole.pool, there, whole.lacking, made, whole.entries),
        _entry_assignments(whole.pool, there, made),
        _value_assignments(whole.pool, there, made, whole.written, empty),
        _entries_in_loop(parent, function) if at == 0 else (),
        _values_for_next_round(parent, made, there[0]) if last else (),
        _running_sums(parent, there[0]) if last else (),
        back,
        _first_entries(statement, made, there[0].values),
        _label_subtractions(statement, function, made),
        _missing_returns(function) if last and parent is function else (),
        _repeated_for_twin(block[at - 1], there[0]) if at else (),
        _descent_steps(whole.handed, made, there[0]) if last else (),
        _stored_values(made, there[0]) if last else (),
        _counter_updates(there[0]) if at == 0 and parent is function else (),
        # An argument that is transposed back later is to be transposed where it is read first.
        (statement_of(f"{name} = {name}.T") for name in there[0].arrays if name in fresh),
    )


def _statements_of_model(
    pool: Pool,
    scopes: Sequence[Scope],
    lacking: Lacking,
    made: set[str],
    entries: Collection[tuple[int, ...]],
) -> Iterator[ast.stmt]:
    """Yield the model solution's statements in the student's names, and missing entries of dicts.

    ``pool`` has the model's values and statements, and ``scopes`` the student's names in each run;
    ``lacking`` yields the missing entries, see `inserted`. ``made`` are the names that the function
    assigns. A statement is also yielded with each of these that it reads as target and, if it
    updates an array in place, for each single wrong entry, whose indices are ``entries``.
    """
    missing = list(lacking(scopes[0].values))
    roles = ("statement", "whole") if missing else ("statement",)
    for part, tree in borrowed_parts(pool.parts, pool.values, scopes, roles):
        if part.role == "statement":
            yield tree
            yield from _assigned_to_read_names(tree, made)
            yield from (
                _at_index(tree, each) for each in entries if isinstance(tree, ast.AugAssign)
            )
        else:
            same = {*part.numbers}
            # What is there already may be what it was before.
            named, held = isinstance(tree, ast.Name), scopes[0].values
            for d, k, n in missing:
                if (n & same or not n) and (k not in held[d] or (named and n)):
                    yield _assigned(f"{d}[{k!r}]", tree)


def _value_assignments(
    pool: Pool,
    scopes: Sequence[Scope],
    made: set[str],
    written: tuple[str, ...],
    empty: Sequence[str],
) -> Iterator[ast.stmt]:
    """Yield statements that give a name a value of the model solution: ``A = …`` or ``A += …``.

    ``pool`` has the model solution's values, and ``scopes`` the student's, one scope for each run.
    An assignment is yielded for the ``empty`` names, and for names that the new value is computed
    from. An update by ``+=``, ``-=``, ``*=`` or ``/=`` is yielded if the result is a value of the
    model solution; its target is a name in ``made``, the names that the function assigns, or an
    entry whose text begins with one of ``written``. Division by a size is tried too.
    """
    first = scopes[0]
    targets = {
        name: pool.found(first.values[name])
        for name in (*first.arrays, *first.numbers_that(count=False))
        if (name in made or name.startswith(written)) and not _is_zero(first.values[name])
    }
    for part, tree in borrowed_parts(pool.parts, pool.values, scopes):
        value = pool.values[part.numbers[0]]
        own = set() if isinstance(tree, ast.Name) else made & first.values.keys() & names_in(tree)
        for name in dict.fromkeys([*empty, *sorted(own)]) if part.role == "whole" else ():
            if name in own or np.shape(first.values[name]) in ((), value.shape):
                yield _assigned(name, tree)
        for name, before in targets.items():
            held = first.values[name]
            for kind in UPDATES if np.shape(held) == value.shape else ():
                found = pool.found(OPERATIONS[kind](held, value)) - before
                if any(number % KINDS < SHAPES for number in found):
                    yield _updated(name, kind, tree)
    for name, count in itertools.product(targets, first.numbers_that(count=True)):
        found = pool.found(first.values[name] / (first.values[count] or 1)) - targets[name]
        if any(number % KINDS < SHAPES for number in found):
            yield _updated(name, ast.Div, expression(count))


def _entries_in_loop(loop: ast.AST, function: ast.AST) -> Iterator[ast.stmt]:
    """Yield copies of assignments ``x = X[0]`` with a loop's counter as index: ``x = X[i]``.

    ``loop`` is the loop, and the assignments are those of ``function``. The target is a name that
    the loop reads and does not assign; nothing is yielded if ``loop`` is no ``for`` loop.
    """
    if not isinstance(loop, ast.For):
        return
    read = names_in(loop, ast.Load) - names_in(loop, ast.Store)
    for statement in every(ast.Assign, function):
        if isinstance(statement.value, ast.Subscript):
            for counter in names_in(loop.target) if _targets(statement) <= read else ():
                index = new(ast.Name, counter, ast.Load())
                yield with_parts(statement, value=with_parts(statement.value, slice=index))


def _values_for_next_round(
    loop: ast.AST, made: Collection[str], scope: Scope
) -> Iterator[ast.stmt]:
    """Yield assignments ``a = b`` for the end of a loop, as in ``h_prev = h``.

    The loop reads ``a`` and computes ``b``, and the two values in ``scope`` have equal type and
    shape. ``a`` has to be in ``made``, the names that the function assigns, and may not be assigned
    in the loop. If its value is a text, assignments of other texts are yielded too. Nothing is
    yielded if ``loop`` is no loop.
    """
    if not isinstance(loop, ast.For | ast.While):
        return
    held = scope.values
    own = names_in(loop, ast.Store)
    for name in sorted(names_in(loop, ast.Load) & {*made} - own):
        for other in sorted(own & held.keys()):
            after = held[other]
            before = held.get(name, after)
            if type(before) is type(after) and np.shape(before) == np.shape(after):
                yield _assigned(name, expression(other))
        begun = held.get(name)
        for word in scope.words if isinstance(begun, str) else ():
            if word != begun:
                yield _assigned(name, expression(repr(word)))


def _running_sums(loop: ast.AST, scope: Scope) -> Iterator[ast.stmt]:
    """Yield statements that add a value of each round of a loop to a name: ``total += a``.

    ``scope`` has the values of names. The name must have the value 0. Added are arrays that the
    loop assigns, and products of one with another array, if the shape fits. Nothing is yielded if
    ``loop`` is no ``for`` loop.
    """
    if not isinstance(loop, ast.For):
        return
    held = {name: scope.values[name] for name in (*scope.arrays, *scope.numbers)}
    stored = names_in(loop, ast.Store)
    own = [name for name in scope.arrays if name in stored]
    others = [name for name in scope.arrays if np.any(held[name])]
    for name in [n for n in held if not np.any(held[n])]:
        shape = np.shape(held[name])
        for one in own:
            if held[one].shape == shape or not shape:
                yield _updated(name, ast.Add, expression(one))
            for other in others:
                for a, b in ((one, other), (other, one)):
                    sizes = held[a].size, held[b].size
                    fits = sizes == shape if shape else other in own and 1 not in sizes
                    if fits and held[a].ndim == held[b].ndim:
                        text = f"np.outer({a}, {b})" if held[a].ndim == 1 else f"{a} @ {b}.T"
                        yield _updated(name, ast.Add, expression(text))


def _restored_entries(before: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements that restore an entry: `W[i] = old` after `old = W[i]; W[i] += eps`.

    ``before`` are the statements before the place of the new one.
    """
    changed = {target for one in before for target in _targets(one)}
    for one in before:
        held = _targets(one)
        if isinstance(one, ast.Assign) and _text(one.value) in changed - held:
            yield from (_assigned(_text(one.value), expression(name)) for name in held)


def _first_entries(
    statement: ast.stmt, made: Collection[str], held: Mapping[str, Any]
) -> Iterator[ast.stmt]:
    """Yield statements that set the first entries of an array of zeros: ``H[0] = h0``.

    The array is read by ``statement`` and is in ``made``, the names that the function assigns;
    ``h0`` is any other array of the right shape that is not zero. ``held`` are the values by name.
    """
    arrays = {name: value for name, value in held.items() if isinstance(value, np.ndarray)}
    for name in sorted(names_in(statement, ast.Load) & {*made} & arrays.keys()):
        shape = arrays[name].shape if _is_zero(arrays[name]) else ()
        for axis in range(len(shape)):
            index = ", ".join([":"] * axis + ["0"])
            for other, value in arrays.items():
                if value.shape == shape[:axis] + shape[axis + 1 :] and not _is_zero(value):
                    yield _assigned(f"{name}[{index}]", expression(other))


RESULTS = 4
"""Names that a function may give, those that are given a value last."""


def _missing_returns(function: ast.AST) -> Iterator[ast.stmt]:
    """Yield ``return`` statements for a function that returns no value, one name each.

    The names assigned last come first, and at most `RESULTS` statements are yielded; none if some
    ``return`` has a value.
    """
    if not any(part.value for part in every(ast.Return, function)):
        stored = [p for p in every(ast.Name, function) if isinstance(p.ctx, ast.Store)]
        names = dict.fromkeys(p.id for p in sorted(stored, key=lambda p: -p.lineno))
        for name in itertools.islice(names, RESULTS):
            yield new(ast.Return, new(ast.Name, name, ast.Load()))


def _repeated_for_twin(statement: ast.stmt, scope: Scope) -> Iterator[ast.stmt]:
    """Yield an assignment rewritten for another array whose name differs in one character.

    After ``dW = W1`` these are such as ``db = b1`` (``W`` and ``b``), and after ``A1 = f(Z1)`` such
    as ``A2 = f(Z2)``. ``scope`` has the arrays. Nothing is yielded for other statements.
    """
    arrays = {*scope.arrays} if isinstance(statement, ast.Assign | ast.AugAssign) else set()
    for own in sorted((_targets(statement) | names_in(statement)) & arrays):
        for other in (each for each in scope.arrays if len(each) == len(own)):
            apart = {(a, b) for a, b in zip(own, other, strict=True) if a != b}
            for a, b in apart if len(apart) == 1 else ():
                word = rf"\b(d|\w*_)?{a}(?=\d*\b|_)"
                if (a + b).isdigit():
                    word = rf"()(?<![\d.]){a}(?![\d.])"
                elif not (a + b).isalpha():
                    continue
                yield statement_of(re.sub(word, rf"\g<1>{b}", _text(statement)))


def _stored_values(made: Collection[str], scope: Scope) -> Iterator[ast.stmt]:
    """Yield statements such as ``self.v[key] = v``, which store an array in a dict of an object.

    There is one for each dict in an attribute, each name of a text, and each array in ``made``, the
    names that the function assigns. ``scope`` has the values of names.
    """
    rows = [name for name, value in scope.values.items() if isinstance(value, dict)]
    keys = [name for name, value in scope.values.items() if isinstance(value, str)]
    for row, key in itertools.product(rows, keys):
        if "." in row and key.isidentifier():
            for name in [each for each in scope.arrays if each in made]:
                yield statement_of(f"{row}[{key}] = {name}")


def _counter_updates(scope: Scope) -> Iterator[ast.stmt]:
    """Yield ``self.t += 1`` for each attribute in a scope that is the integer 0."""
    for name, value in scope.values.items():
        if "." in name and type(value) is int and value == 0:
            yield statement_of(f"{name} += 1")


def _descent_steps(handed: set[str], made: Collection[str], scope: Scope) -> Iterator[ast.stmt]:
    """Yield ``W -= rate * dW`` for each array parameter that the function does not assign.

    ``dW`` is each array of its shape that the function assigns, and ``rate`` each parameter that is
    a number and no count. ``handed`` are the function's parameters, ``made`` the names that it
    assigns, and ``scope`` has the values of both.
    """
    for name in [each for each in scope.arrays if each in handed - {*made}]:
        for slope in [each for each in scope.arrays if each in made]:
            if np.shape(scope.values[slope]) == np.shape(scope.values[name]):
                for rate in scope.numbers_that(count=False):
                    if rate in handed:
                        yield statement_of(f"{name} -= {rate} * {slope}")


def _label_subtractions(
    statement: ast.stmt, function: ast.AST, made: Collection[str]
) -> Iterator[ast.stmt]:
    """Yield statements that subtract 1 from an entry: ``dZ[np.arange(m), y] -= 1``.

    The index is one that ``function`` reads somewhere; the array is read by ``statement`` and is in
    ``made``, the names that the function assigns. The gradient of the cross entropy has such a
    step, at the right class.
    """
    read = names_in(statement, ast.Load) & {*made}
    for part in every(ast.Subscript, function) if read else ():
        if isinstance(part.ctx, ast.Load) and names_in(part.slice):
            alone = isinstance(part.slice, ast.Name)
            for name in sorted(read if alone else read & {ast.unparse(part.value)}):
                row = new(ast.Name, name, ast.Load())
                target = new(ast.Subscript, row, part.slice, ast.Store())
                yield new(ast.AugAssign, target, ast.Sub(), new(ast.Constant, 1))


def _is_zero(value: Any) -> bool:
    return isinstance(value, np.ndarray | float) and not np.any(value)


def _written_arrays(node: ast.AST) -> set[str]:
    """Return the names of the arrays and dicts whose entries are assigned below a node."""
    parts = (part for part in every(ast.Subscript, node) if isinstance(part.ctx, ast.Store))
    return {ast.unparse(part).partition("[")[0] for part in parts}


def _entry_assignments(pool: Pool, scopes: Sequence[Scope], made: set[str]) -> Iterator[ast.stmt]:
    """Yield assignments ``name[i, j] = …`` for loops that compute an array entry by entry.

    The value is the model solution's expression for the entry of the present round. The array is
    any of ``made``, the names that the function assigns, that has the shape of the model's array.
    ``pool`` has the model's values, and ``scopes`` the student's, one scope for each run.
    """
    first = scopes[0]
    for _, tree, shape, index in entry_parts(pool.parts, pool.values, scopes, ("whole",)):
        for name in first.arrays:
            if name in made and first.values[name].shape == shape:
                yield _assigned(f"{name}[{index}]", tree)


@cache
def _assigned(target: str, value: ast.expr) -> ast.stmt:
    return statement_of(f"{target} = {ast.unparse(value)}")


@cache
def _updated(target: str, kind: type[ast.operator], value: ast.expr) -> ast.stmt:
    stored = with_parts(expression(target), ctx=ast.Store())
    return new(ast.AugAssign, stored, kind(), value)  # type: ignore[no-any-return]


_dumped = lru_cache(maxsize=10_000)(ast.dump)
_text = lru_cache(maxsize=10_000)(ast.unparse)


def _at_index(statement: ast.AugAssign, index: Sequence[int]) -> ast.stmt:
    """Return ``A[i] += B[i]`` for the statement ``A += B`` and the index ``i``."""
    at = expression(", ".join(map(str, index)))
    target = new(ast.Subscript, with_parts(statement.target, ctx=ast.Load()), at, ast.Store())
    value = new(ast.Subscript, statement.value, at, ast.Load())
    return with_parts(statement, target=target, value=value)  # type: ignore[no-any-return]


def _targets(statement: ast.stmt) -> set[str]:
    """Return the texts of all targets that a statement assigns."""
    if isinstance(statement, ast.AugAssign):
        return {_text(statement.target)}
    return {_text(each) for each in getattr(statement, "targets", ())}


def _arrays_with_assigned_entries(statement: ast.stmt) -> set[str]:
    """Return the names of the arrays of which an assignment sets entries: ``A`` for ``A[i] = x``.

    Entries with a text key, as of a dict, do not count, nor do updates such as ``A[i] += x``.
    """
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {
        _text(each.value)
        for each in targets
        if isinstance(each, ast.Subscript) and not _has_words(each.slice)
    }


def _has_words(index: ast.expr) -> bool:
    return any(isinstance(part.value, str) for part in every(ast.Constant, index))


def _assigned_to_read_names(statement: Any, made: set[str]) -> Iterator[ast.stmt]:
    """Yield an assignment with another target: each name in ``made`` that its value reads.

    `x = f(a)` becomes `a = f(a)`. Nothing is yielded for other statements.
    """
    if isinstance(statement, ast.Assign):
        for part in ast.walk(statement.value):
            if isinstance(part, ast.Name) and part.id in made:
                yield with_parts(statement, targets=[new(ast.Name, part.id, ast.Store())])


def _overwrites(statement: ast.stmt, before: list[ast.stmt]) -> bool:
    """Return whether an assignment has a target that was assigned before, and does not read it.

    ``before`` are the earlier statements of the block; only plain assignments count.
    """
    if not isinstance(statement, ast.Assign):
        return False
    target = _text(statement.targets[0])
    given = [each.targets[0] for each in before if isinstance(each, ast.Assign)]
    return target in map(_text, given) and target not in _text(statement.value)
