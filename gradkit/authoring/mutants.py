"""Make mutants of a model solution: change its code in one place, as a student's mistake would.

Mutants have a wrong sign; no factor, divisor or term; another axis; no ``keepdims`` or ``.T``; a
number that is off by one; a wrong comparison; a minimum for a maximum or a mean for a sum; ``=`` or
nothing for ``+=``; no call of a procedure; or another name whose array has the same shape.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradkit.lines import words_of
from gradkit.records.task import Mutant

Kinds = Mapping[str, Mapping[str, Collection[str]]]
"""By function and expression in it, other expressions whose values have the same shape."""

INVERSE_OPERATORS: Mapping[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}
"""Operators and the operators that replace them in mutants."""

EXCHANGED = {
    name: other
    for pair in (
        *(("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"), ("amax", "amin")),
        *(("sum", "mean"), ("fmax", "fmin"), ("std", "var"), ("any", "all")),
        *(("sigmoid", "tanh"), ("Sigmoid", "Tanh"), ("SGD", "Adam"), ("MSELoss", "L1Loss")),
        ("BCELoss", "BCEWithLogitsLoss"),
    )
    for name, other in (pair, pair[::-1])
}
"""Functions that students confuse, in both directions."""

LEFT_OUT = (
    *("exp", "log", "sqrt", "tanh", "abs", "square", "transpose", "copy", "clip"),
    *("maximum", "minimum", "where", "outer", "dot", "matmul"),
)
"""Functions that are left out such that one of their arguments remains."""

SHAPE_FUNCTIONS = ("len", "isinstance", "zeros_like", "ones_like", "empty_like", "full_like")
SHAPE_ATTRIBUTES = ("shape", "size", "ndim", "dtype")
"""Functions and attributes that give the same for any array of the same shape and type."""

OPTIONS = ("axis", "keepdims")
"""Keyword arguments that are left out."""

Put = Callable[[ast.AST], None]
"""A function that puts another node into a place of the tree."""


def mutants(
    text: str, words: Collection[str], kinds: Kinds, given: Collection[str] = ()
) -> Iterator[tuple[Mutant, ast.Module]]:
    """Yield each mutant with its syntax tree, which is only valid until the next mutant.

    Parameters
    ----------
    text : str
        Text of the model solution.
    words : collection of str
        Names in the lines of checks: only definitions that these reach are changed.
    kinds : mapping
        Expressions that can replace others, see `Kinds`.
    given : collection of str
        Texts of modules that students get: copies of their definitions are not changed.
    """
    tree, lines = ast.parse(text), text.splitlines()
    for function, node in _own(tree, words, given):
        similar = kinds.get(function, {})
        first = _first_additions(node)
        for part, put in list(_places(node)):
            for new in _replacements(part, similar):
                if part in first and isinstance(new, ast.Assign):
                    continue
                line = getattr(part, "lineno", node.lineno)
                if not hasattr(new, "lineno"):
                    ast.copy_location(new, part)
                put(ast.fix_missing_locations(new))
                change = f"{_unparse(part)} -> {_unparse(new)}"
                yield Mutant(line, lines[line - 1].strip(), change), tree
                put(part)


LOOKUPS = ("get", "setdefault", "pop", "getattr")
"""Functions whose last argument may be the default of an entry."""

UNDEFINED = "is_not_executed"
"""Name that no module defines, so that a part in which it is read raises."""


def raising(
    text: str, words: Collection[str], given: Collection[str] = ()
) -> Iterator[tuple[Mutant, ast.Module]]:
    """Yield a syntax tree for each part that mutants may change, in which the part raises.

    The part is executed if a run of the tree raises. The default of an entry, as in
    ``config.get("rate", 0.1)``, is left out, because it is computed even where it is not used. For
    the parameters see `mutants`; the tree is only valid until the next one. The change of a
    `Mutant` here begins as those of mutants of the part do: ``was -> ``.
    """
    tree, lines = ast.parse(text), text.splitlines()
    stop = ast.Name(UNDEFINED, ast.Load())
    for _, node in _own(tree, words, given):
        calls = [part for part in ast.walk(node) if isinstance(part, ast.Call)]
        defaults = [call.args[-1] for call in calls if _called(call) in LOOKUPS and call.args]
        unused = {part for default in defaults for part in ast.walk(default)}
        for part, put in list(_places(node)):
            if part in unused:
                continue
            is_read = isinstance(getattr(part, "ctx", ast.Load()), ast.Load)
            if isinstance(part, ast.stmt) or (isinstance(part, ast.expr) and is_read):
                new = ast.Raise(stop) if isinstance(part, ast.stmt) else stop
                put(ast.fix_missing_locations(ast.copy_location(new, part)))
                yield (
                    Mutant(part.lineno, lines[part.lineno - 1].strip(), f"{_unparse(part)} -> "),
                    tree,
                )
                put(part)


def _own(
    tree: ast.Module, words: Collection[str], given: Collection[str]
) -> Iterator[tuple[str, Statement]]:
    """Yield the definitions that ``words`` reach, without copies of those in ``given`` modules."""
    copies = {ast.dump(node) for module in given for node in ast.parse(module).body}
    for function, node in reached(tree, words):
        if ast.dump(node) not in copies:
            yield function, node


def _first_additions(root: ast.AST) -> set[ast.AST]:
    """Return the statements ``x += …`` that find ``x`` at 0, so that ``x = …`` is no mistake."""
    found: set[ast.AST] = set()
    for block in (
        body for node in ast.walk(root) if isinstance(body := getattr(node, "body", 0), list)
    ):
        for place, node in enumerate(block):
            if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
                name = ast.unparse(node.target)
                before = [s for s in block[:place] if name in words_of(s)]
                if before and _sets_to_zero(before[-1], name):
                    found.add(node)
    return found


def _sets_to_zero(node: ast.AST, name: str) -> bool:
    """Return True for an assignment of 0 or an array of zeros to one name."""
    return (
        isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == [name]
        and (ast.unparse(node.value) in ("0", "0.0") or _called(node.value) in ZEROS)
    )


ZEROS = ("zeros", "zeros_like")
"""Functions that return arrays of zeros."""

Statement = ast.FunctionDef | ast.Assign | ast.AnnAssign


def reached(tree: ast.Module, words: Collection[str]) -> list[tuple[str, Statement]]:
    """Return the functions, methods and constants that ``words`` use, directly or indirectly.

    ``words`` are the names to begin with. Each result has its dotted name and its statement. A
    special method such as ``__init__`` is used if its class is. Methods are found by name, in every
    class that is used.
    """
    parts: dict[str, tuple[str, Statement]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                for name in _names(inner):
                    parts[f"{node.name}.{name}"] = (node.name, inner)  # type: ignore[assignment]
        for name in _names(node):
            parts[name] = ("", node)  # type: ignore[assignment]
    bases = {n.name: words_of(*n.bases) for n in tree.body if isinstance(n, ast.ClassDef)}
    known = set(words)
    while True:
        found: list[tuple[str, Statement]] = []
        for name, (owner, node) in parts.items():
            last = name.rpartition(".")[2]
            is_used = last in known or (last.startswith("__") and owner in known)
            if is_used and (not owner or owner in known):
                found.append((name, node))
        read = words_of(*(node for _, node in found))
        more = read.union(*(bases[name] for name in known & bases.keys())) - known
        if not more:
            return found
        known |= more


def _names(node: ast.AST) -> list[str]:
    """Return the names that a statement of a module or class defines."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _places(root: ast.AST) -> Iterator[tuple[ast.AST, Put]]:
    """Yield each part of a node that may be changed, with the function that replaces it.

    Signatures, decorators, annotations, docstrings, ``raise`` and ``assert``, f-strings and calls
    that only print are left out. Parts of an expression that depends on a shape, or of a negative
    number, are not changed by themselves.
    """
    for name, value in ast.iter_fields(root):
        if name in ("args", "decorator_list", "returns", "annotation") and not isinstance(
            root, ast.Call
        ):
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(child, ast.AST) or isinstance(
                child, ast.Raise | ast.Assert | ast.JoinedStr | ast.expr_context | ast.operator
            ):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if _only_prints(child):
                continue
            if isinstance(value, list):
                yield child, partial(value.__setitem__, index)
            else:
                yield child, partial(setattr, root, name)
            if not (_depends_on_shape(child) or _is_negative(child)):
                yield from _places(child)


def _depends_on_shape(child: ast.AST) -> bool:
    """Return True if an expression depends on the shape and type of an array only."""
    return _called(child) in SHAPE_FUNCTIONS or (
        isinstance(child, ast.Attribute) and child.attr in SHAPE_ATTRIBUTES
    )


def _unparse(node: ast.AST) -> str:
    """Return a node as code; of a branch only the condition."""
    return ast.unparse(node.test if isinstance(node, ast.If | ast.IfExp) else node)


def _only_prints(node: ast.AST) -> bool:
    """Return True for a statement that only prints, perhaps under a condition."""
    if isinstance(node, ast.If):
        return all(map(_only_prints, [*node.body, *node.orelse]))
    return isinstance(node, ast.Expr) and _called(node.value) == "print"


def _is_negative(node: ast.AST) -> bool:
    """Return True for a negative number, which is changed as a whole."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def _called(node: ast.AST) -> str:
    """Return the last part of the name of the function that a call calls; empty for others."""
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _with(node: Any, **fields: Any) -> Any:
    """Return a copy of a node with new values of some fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


# --- replacements, by type of node -----------------------------------------------------------


def _replacements(node: ast.AST, kinds: Mapping[str, Collection[str]]) -> Iterator[ast.AST]:
    """Yield all nodes that may replace a node in mutants.

    ``kinds`` maps the text of an expression to the texts of expressions that may replace it.
    """
    make = _MAKERS.get(type(node))
    if make is not None:
        yield from make(node)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
        node.ctx, ast.Load
    ):
        for other in kinds.get(ast.unparse(node), ()):
            yield ast.parse(other, mode="eval").body


def _with_inverse_operator(node: ast.BinOp | ast.BoolOp | ast.AugAssign) -> Iterator[ast.AST]:
    """Yield a copy of an operation with the inverse operator, such as - for +, if there is one."""
    if type(node.op) in INVERSE_OPERATORS:
        yield _with(node, op=INVERSE_OPERATORS[type(node.op)]())


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    """Yield a binary operation with the inverse operator, and without one of its operands.

    The right operand alone is only yielded for a sum or product, and none for a matrix product. A
    division by 1 or -1 is the product, so it is no mutant of it.
    """
    is_one = ast.unparse(node.right) in ("1", "1.0", "-1", "-1.0")
    if not (is_one and isinstance(node.op, ast.Mult | ast.Div)):
        yield from _with_inverse_operator(node)
    if not isinstance(node.op, ast.MatMult):
        yield node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield node.right


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    """Yield the operand of a minus or ``not``; for a negative number also the number plus one."""
    if isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    if _is_negative(node) and isinstance(node.operand, ast.Constant):
        yield ast.Constant(1 - node.operand.value)  # type: ignore[operator]


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    """Yield the other Boolean, or the number plus and minus one; nothing for other constants."""
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    """Yield a comparison with each of its operators inverted."""
    for index, op in enumerate(node.ops):
        ops = [*node.ops[:index], INVERSE_OPERATORS[type(op)](), *node.ops[index + 1 :]]
        yield _with(node, ops=ops)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    """Yield the mutants of a call.

    An option in `OPTIONS` is left out, the function is exchanged for a similar one, the call is
    replaced by one of its arguments or its object, the branches of ``where`` are exchanged, or a
    range begins one later or ends one earlier.
    """
    name = _called(node)
    for keyword in node.keywords:
        if keyword.arg in OPTIONS:
            others = [other for other in node.keywords if other is not keyword]
            yield _with(node, keywords=others)
    if name in EXCHANGED:
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        yield _with(node, func=_with(node.func, **{field: EXCHANGED[name]}))
    if name in LEFT_OUT:
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func.value):
            yield node.func.value
        elif name not in ("outer", "dot", "matmul"):
            yield from (arg for arg in node.args if not isinstance(arg, ast.Constant))
    if name == "where" and len(node.args) == 3:
        yield _with(node, args=[node.args[0], node.args[2], node.args[1]])
    if name == "range" and len(node.args) == 1:
        one = ast.Constant(1)
        yield _with(node, args=[one, node.args[0]])
        yield _with(node, args=[ast.BinOp(node.args[0], ast.Sub(), one)])


def _is_numpy(node: ast.expr) -> bool:
    """Return True for the name of the module numpy."""
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def _attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    """Yield an array without its ``.T``."""
    if node.attr == "T":
        yield node.value


def _augmented_assignment(node: ast.AugAssign) -> Iterator[ast.AST]:
    """Yield nothing, ``=`` and the inverse operator for an assignment such as ``+=``."""
    yield ast.Pass()
    yield ast.Assign([node.target], node.value)
    yield from _with_inverse_operator(node)


def _assignment(node: ast.Assign) -> Iterator[ast.AST]:
    """Yield ``pass`` for an assignment to entries of an array or dict."""
    if all(isinstance(target, ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _statement(node: ast.Expr) -> Iterator[ast.AST]:
    """Yield ``pass`` for a call whose value is not used."""
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


def _branch(node: ast.If | ast.IfExp) -> Iterator[ast.AST]:
    """Yield a branch with the negated condition, unless `_replacements` changes the condition."""
    if not isinstance(node.test, ast.Compare | ast.UnaryOp | ast.BoolOp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


_MAKERS: Mapping[type, Callable[[Any], Iterator[ast.AST]]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BoolOp: _with_inverse_operator,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.AugAssign: _augmented_assignment,
    ast.Assign: _assignment,
    ast.Expr: _statement,
    ast.If: _branch,
    ast.IfExp: _branch,
}


# --- expressions whose values have the same shape ------------------------------------------------

CALLS = 40
"""Largest number of calls of a function that are recorded."""


@contextlib.contextmanager
def watching(path: Path) -> Iterator[dict[str, dict[str, list[str]]]]:
    """Return a context manager that records the functions of a file while they run.

    It yields a `Kinds` that is empty, and is filled when the block ends: for each function, the
    expressions of local variables that may replace each other. Local variables are compared as they
    are when a function returns, in its first `CALLS` calls. A profile function that was set before
    is removed.
    """
    calls: dict[str, list[dict[str, tuple[object, bytes]]]] = {}
    kinds: dict[str, dict[str, list[str]]] = {}

    def record(frame: Any, event: str, _: Any) -> None:
        """Record the local variables of a function of the file when it returns."""
        code = frame.f_code
        if event == "return" and code.co_filename == str(path.absolute()):
            recorded = calls.setdefault(getattr(code, "co_qualname", code.co_name), [])
            if len(recorded) < CALLS:
                recorded.append(dict(numeric_values(frame.f_locals)))

    sys.setprofile(record)
    try:
        yield kinds
    finally:
        sys.setprofile(None)
    kinds |= {name: dict(similar_expressions(recorded)) for name, recorded in calls.items()}


def numeric_values(names: Mapping[str, Any]) -> Iterator[tuple[str, tuple[object, bytes]]]:
    """Yield an expression for each array or number in ``names``, with its shape and its bytes.

    ``names`` are the local variables of a call. Elements of dicts and attributes of ``self`` have
    expressions such as ``cache['A1']``.
    """
    for name, value in names.items():
        parts: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            parts = {f"{name}[{key!r}]": item for key, item in value.items()}
        elif name == "self":
            parts = {f"{name}.{key}": item for key, item in vars(value).items()}
        for expression, part in parts.items():
            if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
                yield expression, (part.shape, part.tobytes())
            elif isinstance(part, int | float | np.number) and not isinstance(part, bool):
                yield expression, ("number", np.float64(part).tobytes())


def _owner(expression: str) -> str:
    """Return the dict or object to which an expression belongs, empty for a plain name."""
    return expression.partition("[")[0] if "[" in expression else expression.rpartition(".")[0]


def similar_expressions(
    calls: Sequence[Mapping[str, tuple[object, bytes]]],
) -> Iterator[tuple[str, list[str]]]:
    """Yield each expression with others of the same owner and shape, but of other values.

    ``calls`` has, for each call of a function, the shape and the bytes of each expression's value.
    The shapes are equal in all calls, the values differ in at least one. Only expressions that have
    a value in every call count. An owner is the dict or object of which an expression is an
    element.
    """
    always = [name for name in calls[0] if all(name in call for call in calls)]
    for name in always:
        others = [
            other
            for other in always
            if _owner(other) == _owner(name)
            and all(call[name][0] == call[other][0] for call in calls)
            and any(call[name][1] != call[other][1] for call in calls)
        ]
        if others:
            yield name, others
