"""List the changes of rows of values and of arguments, which no pattern can write.

Each has a function that makes the change of a node from some values, and says of what sort these
are. `gradkit.runtime.repair.choices` lists the values that a search tries.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.edits.costs import LARGER, SCALED, SIMPLE
from gradkit.edits.nodes import called_name, is_path, is_same, new, numbered, replaced, with_parts
from gradkit.edits.operands import Numbers, RefusedError, Vocabulary, pack, unpack

PLACE, WORD, NODE, OPTION, ARGUMENT = "place", "word", "node", "option", "argument"
"""Sorts of values: a place in a row, a text, an expression, what an option is set to (True, False
or an expression), and an argument of a call (an expression, or None where it stays as it is)."""


@dataclass(frozen=True, slots=True)
class Rearranged:
    """A change of a row of values or arguments, for mistakes of one of some ``kinds``.

    ``sorts`` are the sorts of the values, such as `PLACE`; the last is also that of all further
    values. ``make`` gets the node and the values, and returns the changed node.
    """

    kinds: frozenset[str]
    sorts: tuple[str, ...]
    make: Callable[[Any, Sequence[Any]], ast.expr]
    cost: float = SIMPLE


def rearranged(name: str, node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Return a node after the change that `REARRANGED` lists under ``name``.

    The operands are decoded to the values of the change, such as two places or a name; ``known``
    are the words and numbers that they may contain. Raises RefusedError: the number of operands or
    an operand is wrong, or the node is not of the type that the change needs.
    """
    each = REARRANGED[name]
    sorts = each.sorts
    if len(operands) > len(sorts) > 0 and sorts[-1] in (WORD, ARGUMENT):
        sorts = (*sorts, *sorts[-1:] * (len(operands) - len(sorts)))
    if len(operands) != len(sorts):
        raise RefusedError("a row has another number of operands")
    values = [_read_value(*pair, known) for pair in zip(sorts, operands, strict=True)]
    return each.make(node, values)


def _read_value(sort: str, numbers: Numbers, known: Vocabulary) -> Any:
    """Decode one operand to the value of a change, by the sort of the value.

    ``known`` are the words and numbers that operands may contain.

    ``PLACE``: a number from 0. ``WORD``: the word of the vocabulary with that number. ``OPTION``: a
    bool, or an expression. ``ARGUMENT``: an expression, or None for no numbers. Otherwise an
    expression. Raises RefusedError: the numbers have no such meaning.
    """
    if sort in (PLACE, WORD):
        if len(numbers) != 1 or numbers[0] < 0:
            raise RefusedError("a place in a row is not there")
        return numbers[0] if sort == PLACE else _at(known.words, numbers[0])
    if sort == OPTION and numbers in ((0,), (1,)):
        return numbers == (1,)
    return None if sort == ARGUMENT and not numbers else unpack(numbers, known)


def write_values(values: Sequence[Any], known: Vocabulary) -> tuple[Numbers, ...] | None:
    """Encode the values of a change as operands; None if a value cannot be encoded.

    A text is encoded as its place in the vocabulary ``known``, an int or bool as itself, None as an
    empty operand, and everything else as an expression.
    """
    found: list[Numbers | None] = []
    for value in values:
        if isinstance(value, str):
            place = known.place_of_word(value)
            found.append(None if place is None else (place,))
        elif isinstance(value, int):
            found.append((int(value),))
        else:
            found.append(() if value is None else pack(value, known))
    return None if None in found else tuple(found)  # type: ignore[arg-type]


def _at(row: Sequence[Any], place: int) -> Any:
    """Return the value at a place of a sequence, counted from 0.

    Raises
    ------
    RefusedError
        The sequence is too short.
    """
    if place >= len(row):
        raise RefusedError("a place in a row is not there")
    return row[place]


def _exchange_values(node: Any, places: Sequence[int]) -> ast.expr:
    """Return a copy of a tuple, list, dict or call with two values exchanged.

    ``places`` are the numbers of the two values: elements, values of a dict (the keys stay), or
    positional arguments. Raises RefusedError: the expression is of another type, or has no such
    value.
    """
    fields = {ast.Tuple: "elts", ast.List: "elts", ast.Dict: "values", ast.Call: "args"}
    name = fields.get(type(node))
    if name is None:
        raise RefusedError("the expression is no row of values and no call")
    made = [*getattr(node, name)]
    one, other = places
    first, second = _at(made, one), _at(made, other)
    made[one], made[other] = second, first
    return with_parts(node, **{name: made})  # type: ignore[no-any-return]


def _remove_value(node: Any, places: Sequence[int]) -> ast.expr:
    """Return a copy of a tuple or list without the value number ``places[0]``.

    Raises
    ------
    RefusedError
        The expression is no tuple or list, or has no such value or no other.
    """
    if not isinstance(node, ast.Tuple | ast.List) or len(node.elts) < 2:
        raise RefusedError("the row has no value too many")
    left = _at(node.elts, places[0])
    return with_parts(node, elts=[each for each in node.elts if each is not left])  # type: ignore[no-any-return]


def _add_value(node: Any, values: Sequence[Any]) -> ast.expr:
    """Return a copy of a tuple or list with a constant added at one end.

    ``values`` are whether it is added as the last element, and the tree of the constant, which may
    have a sign: `(2, 3)` becomes `(2, 3, 1)`. Raises RefusedError: the node is no tuple or list, or
    the value no constant.
    """
    last, value = values
    if not isinstance(node, ast.Tuple | ast.List):
        raise RefusedError("the expression is no row of values")
    plain = value.operand if isinstance(value, ast.UnaryOp) else value
    if not isinstance(plain, ast.Constant):
        raise RefusedError("only a key or a number is put into a row")
    return with_parts(node, elts=[*node.elts, value] if last else [value, *node.elts])  # type: ignore[no-any-return]


def _remove_keyword_argument(node: Any, places: Sequence[int]) -> ast.expr:
    """Return a copy of a call without the keyword argument number ``places[0]``.

    Raises
    ------
    RefusedError
        The expression is no call, or has no keyword argument of that number.
    """
    if not isinstance(node, ast.Call):
        raise RefusedError("the expression is no call")
    left = _at(node.keywords, places[0])
    return with_parts(node, keywords=[each for each in node.keywords if each is not left])  # type: ignore[no-any-return]


def _set_option(node: Any, values: Sequence[Any]) -> ast.expr:
    """Return a copy of a call with a keyword argument set, or added: `f(x)` becomes `f(x, axis=n)`.

    ``values`` are the keyword and its value: True, False, or a name, attribute or entry. The
    argument stands last, also if it replaces one. Raises RefusedError: the node is no call, or the
    keyword or value is of another type.
    """
    word, value = values
    if not isinstance(node, ast.Call):
        raise RefusedError("the expression is no call")
    if not word.isidentifier():
        raise RefusedError("an option is no identifier")
    flag = isinstance(value, bool)
    if not (flag or is_path(value)):
        raise RefusedError("an option is given no name")
    others = [each for each in node.keywords if each.arg != word]
    made = new(ast.keyword, word, new(ast.Constant, value) if flag else value)
    return with_parts(node, keywords=[*others, made])  # type: ignore[no-any-return]


def _rename_keyword_of_dict(node: Any, values: Sequence[Any]) -> ast.expr:
    """Rename one keyword of a call of ``dict``: `dict(w=w)` becomes `dict(W=w)`.

    ``values`` are the number of the keyword argument and the new keyword. Raises RefusedError: the
    node is no call of ``dict``, has no such argument, or the word is no identifier.
    """
    place, word = values
    if called_name(node) != "dict":
        raise RefusedError("the expression makes no dict")
    if not word.isidentifier():
        raise RefusedError("an option is no identifier")
    own = _at(node.keywords, place)
    row = [with_parts(each, arg=word) if each is own else each for each in node.keywords]
    return with_parts(node, keywords=row)  # type: ignore[no-any-return]


def _pass_other_names(node: Any, names: Sequence[Any]) -> ast.expr:
    """Return a copy of a call with some positional arguments replaced by names or entries.

    ``names`` has an expression for each positional argument, or None for one that stays. Raises
    RefusedError: the node is no call, it has another number of arguments, or a name is not a name,
    entry, attribute or length.
    """
    if not isinstance(node, ast.Call) or len(names) != len(node.args):
        raise RefusedError("the call has other arguments")
    if any(name is not None and not is_path(name) for name in names):
        raise RefusedError("an argument is no name")
    args = [one if name is None else name for one, name in zip(node.args, names, strict=True)]
    return with_parts(node, args=args)  # type: ignore[no-any-return]


def _exchange_names(node: Any, names: Sequence[Any]) -> ast.expr:
    """Exchange two names, entries or attributes everywhere in an expression.

    `a * (a - b)` becomes `b * (b - a)`. Raises RefusedError: one of the two is another expression.
    """
    if not all(map(is_path, names)):
        raise RefusedError("what is exchanged are no names")
    one, other = names
    instead = {id(part): other for part in numbered(node) if is_same(part, one)}
    instead |= {id(part): one for part in numbered(node) if is_same(part, other)}
    return replaced(node, instead)  # type: ignore[no-any-return]


def _read_from_dict(node: Any, values: Sequence[Any]) -> ast.expr:
    """Read several names of an expression from a dict: `f(w, b)` becomes `f(p["w"], p["b"])`.

    ``values`` are the expression of the dict and the names. Raises RefusedError: fewer than two
    uses of these names are in the expression, or the dict is not given by a name, entry or
    attribute.
    """
    held, *words = values
    parts = (part for part in numbered(node) if isinstance(part, ast.Name) and part.id in words)
    instead: dict[int, ast.AST] = {
        id(part): new(ast.Subscript, held, new(ast.Constant, part.id), ast.Load()) for part in parts
    }
    if not is_path(held) or len(instead) < 2:
        raise RefusedError("the expression does not have several names of a dict")
    return replaced(node, instead)  # type: ignore[no-any-return]


def _remove_transposes(node: Any, _: Sequence[Any]) -> ast.expr:
    """Remove every ``.T`` from an expression: `a.T @ b.T` becomes `a @ b`.

    The values of the change are ignored. Raises RefusedError: the expression has fewer than two.
    """
    attributes = (part for part in numbered(node) if isinstance(part, ast.Attribute))
    values: dict[int, ast.AST] = {id(part): part.value for part in attributes if part.attr == "T"}
    if len(values) < 2:
        raise RefusedError("the expression does not have several transposes")
    return replaced(node, values)  # type: ignore[no-any-return]


def _loop_over_keys(node: Any, words: Sequence[str]) -> ast.expr:
    """Replace the name of a dict that a loop goes over by a tuple of some of its keys, ``words``.

    Raises RefusedError: the node is no name, entry or attribute.
    """
    if not is_path(node):
        raise RefusedError("the expression names no dict")
    return new(ast.Tuple, [new(ast.Constant, word) for word in words], ast.Load())  # type: ignore[no-any-return]


OF_OPTIONS = frozenset({"wrong-option", "wrong-axis", "wrong-shape"})

REARRANGED: Mapping[str, Rearranged] = {
    "two values exchanged": Rearranged(
        frozenset({"wrong-order"}), (PLACE, PLACE), _exchange_values
    ),
    "a value less": Rearranged(frozenset({"wrong-bounds"}), (PLACE,), _remove_value),
    "a value more": Rearranged(frozenset({"wrong-bounds"}), (PLACE, NODE), _add_value),
    "keys": Rearranged(frozenset({"wrong-bounds"}), (WORD,), _loop_over_keys),
    "an option less": Rearranged(frozenset({"wrong-option"}), (PLACE,), _remove_keyword_argument),
    "an option": Rearranged(OF_OPTIONS, (WORD, OPTION), _set_option),
    "a key of dict": Rearranged(frozenset({"wrong-entry"}), (PLACE, WORD), _rename_keyword_of_dict),
    "other arguments": Rearranged(
        frozenset({"wrong-name"}), (ARGUMENT,), _pass_other_names, LARGER
    ),
    "nothing transposed": Rearranged(
        frozenset({"wrong-transpose"}), (), _remove_transposes, SCALED
    ),
    "two names exchanged": Rearranged(
        frozenset({"wrong-name"}), (NODE, NODE), _exchange_names, LARGER
    ),
    "names of a dict": Rearranged(frozenset({"wrong-name"}), (NODE, WORD), _read_from_dict, LARGER),
}
"""Changes of rows by name. A reference calls each ``KIND: NAME``."""
