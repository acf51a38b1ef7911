"""List the changes of rows of values and of arguments, which no pattern can write.

Each has a function that makes the change, and one that finds the operands with which it gives a
certain expression.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gradkit.edits.nodes import called_name, is_path, is_same, new, numbered, replaced, with_parts
from gradkit.edits.operands import Numbers, RefusedError, Vocabulary, pack, unpack


@dataclass(frozen=True, slots=True)
class Rearranged:
    """A change of a row of values or arguments, for mistakes of one of some ``kinds``.

    ``make`` returns the changed node; ``operands`` yields those with which it is to be tried where
    a certain node is wanted.
    """

    kinds: frozenset[str]
    make: Callable[[Any, Sequence[Numbers], Vocabulary], ast.expr]
    operands: Callable[[Any, Any, Vocabulary], Iterator[Sequence[Numbers]]]


def _field_of_values(node: Any) -> tuple[str, list[Any]]:
    """Return the values of a tuple, list, dict or call, and the field that has them."""
    fields = {ast.Tuple: "elts", ast.List: "elts", ast.Dict: "values", ast.Call: "args"}
    name = fields.get(type(node))
    if name is None:
        raise RefusedError("the expression is no row of values and no call")
    return name, getattr(node, name)


def _read_place(operands: Sequence[Numbers], number: int, most: int) -> int:
    """Return an operand that is one whole number, at least 0 and less than ``most``."""
    numbers = operands[number] if number < len(operands) else ()
    if len(numbers) != 1 or not 0 <= numbers[0] < most:
        raise RefusedError("a place in a row is not there")
    return numbers[0]


def _exchange_values(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Exchange two values of a row."""
    name, row = _field_of_values(node)
    one, other = (_read_place(operands, number, len(row)) for number in range(2))
    made = [*row]
    made[one], made[other] = made[other], made[one]
    return with_parts(node, **{name: made})  # type: ignore[no-any-return]


def _find_exchanged_values(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_exchange_values` makes a certain expression."""
    row = _pair_values(node, made)
    apart = [n for n, (one, other) in enumerate(row) if not is_same(one, other)]
    if len(apart) == 2:
        yield [(apart[0],), (apart[1],)]


def _pair_values(node: Any, made: Any) -> list[tuple[Any, Any]]:
    """Return the values of two tuples, lists, dicts or calls in pairs; none if lengths differ."""
    rows = ast.Tuple | ast.List | ast.Dict | ast.Call
    if type(node) is not type(made) or not isinstance(node, rows):
        return []
    (_, one), (_, other) = _field_of_values(node), _field_of_values(made)
    return [*zip(one, other, strict=True)] if len(one) == len(other) else []


def _leave_value_out(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Leave one value of a tuple or list out."""
    if not isinstance(node, ast.Tuple | ast.List) or len(node.elts) < 2:
        raise RefusedError("the row has no value too many")
    place = _read_place(operands, 0, len(node.elts))
    return with_parts(node, elts=[*node.elts[:place], *node.elts[place + 1 :]])  # type: ignore[no-any-return]


def _find_values_left_out(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_leave_value_out` may make a certain expression."""
    if isinstance(node, ast.Tuple | ast.List) and type(made) is type(node):
        yield from ([(n,)] for n in range(len(node.elts)))


def _add_value(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Put a key or a number before or after the values of a tuple or list."""
    if not isinstance(node, ast.Tuple | ast.List) or len(operands) != 2:
        raise RefusedError("the expression is no row of values")
    value = unpack(operands[1], known)
    plain = value.operand if isinstance(value, ast.UnaryOp) else value
    if not isinstance(plain, ast.Constant):
        raise RefusedError("only a key or a number is put into a row")
    last = _read_place(operands, 0, 2)
    return with_parts(node, elts=[*node.elts, value] if last else [value, *node.elts])  # type: ignore[no-any-return]


def _find_added_values(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_add_value` may make a certain expression."""
    if isinstance(node, ast.Tuple | ast.List) and type(made) is type(node) and made.elts:
        for last, value in enumerate((made.elts[0], made.elts[-1])):
            if (own := pack(value, known)) is not None:
                yield [(last,), own]


def _leave_option_out(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Leave one keyword argument of a call out."""
    if not isinstance(node, ast.Call):
        raise RefusedError("the expression is no call")
    place = _read_place(operands, 0, len(node.keywords))
    return with_parts(node, keywords=[*node.keywords[:place], *node.keywords[place + 1 :]])  # type: ignore[no-any-return]


def _find_options_left_out(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_leave_option_out` may make a certain call."""
    if isinstance(node, ast.Call) and isinstance(made, ast.Call):
        yield from ([(n,)] for n in range(len(node.keywords)))


def _set_option(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Set a keyword argument of a call to a name, or to True or False."""
    if not isinstance(node, ast.Call) or len(operands) != 2:
        raise RefusedError("the expression is no call")
    word = known.words[_read_place(operands, 0, len(known.words))]
    if not word.isidentifier():
        raise RefusedError("an option is no identifier")
    flag = operands[1] if operands[1] in ((0,), (1,)) else None
    value = new(ast.Constant, flag == (1,)) if flag else unpack(operands[1], known)
    if not (flag or is_path(value)):
        raise RefusedError("an option is given no name")
    others = [each for each in node.keywords if each.arg != word]
    return with_parts(node, keywords=[*others, new(ast.keyword, word, value)])  # type: ignore[no-any-return]


def _find_set_options(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_set_option` makes a certain call."""
    if isinstance(node, ast.Call) and isinstance(made, ast.Call) and made.keywords:
        last = made.keywords[-1]
        place = known.place_of_word(last.arg or "")
        flag = isinstance(last.value, ast.Constant) and isinstance(last.value.value, bool)
        value = (int(last.value.value),) if flag else pack(last.value, known)  # type: ignore[attr-defined]
        if place is not None and value is not None:
            yield [(place,), value]


def _rename_key_of_dict(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Rename one key of ``dict(…)``."""
    if called_name(node) != "dict":
        raise RefusedError("the expression makes no dict")
    place = _read_place(operands, 0, len(node.keywords))
    word = known.words[_read_place(operands, 1, len(known.words))]
    if not word.isidentifier():
        raise RefusedError("an option is no identifier")
    row = [with_parts(e, arg=word) if n == place else e for n, e in enumerate(node.keywords)]
    return with_parts(node, keywords=row)  # type: ignore[no-any-return]


def _find_renamed_keys(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_rename_key_of_dict` may make a certain call."""
    if isinstance(node, ast.Call) and isinstance(made, ast.Call):
        for number, (one, other) in enumerate(zip(node.keywords, made.keywords, strict=False)):
            place = known.place_of_word(other.arg or "")
            if one.arg != other.arg and place is not None:
                yield [(number,), (place,)]


def _pass_other_names(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Pass other names to a call; an empty operand leaves the argument as it is."""
    if not isinstance(node, ast.Call) or len(operands) != len(node.args):
        raise RefusedError("the call has other arguments")
    names = [unpack(each, known) if each else None for each in operands]
    if any(name is not None and not is_path(name) for name in names):
        raise RefusedError("an argument is no name")
    args = [one if name is None else name for one, name in zip(node.args, names, strict=True)]
    return with_parts(node, args=args)  # type: ignore[no-any-return]


def _find_passed_names(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_pass_other_names` makes a certain call."""
    rows = _pair_values(node, made) if isinstance(node, ast.Call) else []
    packed = [() if is_same(one, other) else pack(other, known) for one, other in rows]
    if rows and None not in packed:
        yield packed  # type: ignore[misc]


def _exchange_names(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Exchange two names wherever they stand in an expression."""
    names = [unpack(each, known) for each in operands]
    if len(names) != 2 or not all(map(is_path, names)):
        raise RefusedError("what is exchanged are no names")
    one, other = names
    instead = {id(part): other for part in numbered(node) if is_same(part, one)}
    instead |= {id(part): one for part in numbered(node) if is_same(part, other)}
    return replaced(node, instead)  # type: ignore[no-any-return]


def _find_exchanged_names(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_exchange_names` makes a certain expression."""
    paths = {ast.unparse(part): part for part in numbered(node) if is_path(part)}
    for one, other in itertools.islice(itertools.combinations(paths.values(), 2), 60):
        pair = pack(one, known), pack(other, known)
        if None not in pair and is_same(_exchange_names(node, pair, known), made):  # type: ignore[arg-type]
            yield pair  # type: ignore[misc]


def _transpose_nothing(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Leave out every ``.T`` of an expression that has several."""
    attributes = (part for part in numbered(node) if isinstance(part, ast.Attribute))
    values: dict[int, ast.AST] = {id(part): part.value for part in attributes if part.attr == "T"}
    if len(values) < 2 or operands:
        raise RefusedError("the expression does not have several transposes")
    return replaced(node, values)  # type: ignore[no-any-return]


def _find_no_operands(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the only operands of a change that needs none."""
    yield ()


def _loop_over_keys(node: Any, operands: Sequence[Numbers], known: Vocabulary) -> ast.expr:
    """Replace the name of a dict that a loop goes over by a tuple of some of its keys."""
    if not (is_path(node) and operands):
        raise RefusedError("the expression names no dict")
    words = [known.words[_read_place(operands, n, len(known.words))] for n in range(len(operands))]
    return new(ast.Tuple, [new(ast.Constant, word) for word in words], ast.Load())  # type: ignore[no-any-return]


def _find_keys_of_loop(node: Any, made: Any, known: Vocabulary) -> Iterator[Sequence[Numbers]]:
    """Yield the operands with which `_loop_over_keys` makes a certain tuple."""
    values = [getattr(e, "value", None) for e in getattr(made, "elts", ())]
    places = [known.place_of_word(e) if isinstance(e, str) else None for e in values]
    if is_path(node) and places and None not in places:
        yield [(place,) for place in places]  # type: ignore[misc]


REARRANGED: Mapping[str, Rearranged] = {
    "two values exchanged": Rearranged(
        frozenset({"wrong-order"}), _exchange_values, _find_exchanged_values
    ),
    "a value less": Rearranged(
        frozenset({"wrong-bounds"}), _leave_value_out, _find_values_left_out
    ),
    "a value more": Rearranged(frozenset({"wrong-bounds"}), _add_value, _find_added_values),
    "keys": Rearranged(frozenset({"wrong-bounds"}), _loop_over_keys, _find_keys_of_loop),
    "an option less": Rearranged(
        frozenset({"wrong-option", "wrong-axis", "wrong-shape"}),
        _leave_option_out,
        _find_options_left_out,
    ),
    "an option": Rearranged(
        frozenset({"wrong-option", "wrong-axis", "wrong-shape"}), _set_option, _find_set_options
    ),
    "a key of dict": Rearranged(
        frozenset({"wrong-entry"}), _rename_key_of_dict, _find_renamed_keys
    ),
    "other arguments": Rearranged(frozenset({"wrong-name"}), _pass_other_names, _find_passed_names),
    "nothing transposed": Rearranged(
        frozenset({"wrong-transpose"}), _transpose_nothing, _find_no_operands
    ),
    "two names exchanged": Rearranged(
        frozenset({"wrong-name"}), _exchange_names, _find_exchanged_names
    ),
}
"""Changes of rows by name. A reference calls each ``KIND: NAME``."""
