"""Change the text of a model solution one place at a time, as a mistake would.

A sign is turned, a factor, a divisor or a term is left out, an axis is another, ``keepdims`` or
``.T`` is lost, a number is one off, a comparison is turned, a maximum is a minimum and a sum a
mean, ``+=`` is ``=`` or left out, as is a call for what it does, and a name is taken for another
that holds an array of the same shape.
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
from gradkit.records.mistake import Mutant

Kinds = Mapping[str, Mapping[str, Collection[str]]]
"""By function, and by each expression in it, others that hold arrays of the same shape."""

TURNED: Mapping[type, type] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In},
}

EXCHANGED = {
    one: other
    for pair in (
        *(("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"), ("amax", "amin")),
        *(("sum", "mean"), ("fmax", "fmin"), ("std", "var"), ("any", "all")),
        *(("sigmoid", "tanh"), ("Sigmoid", "Tanh"), ("SGD", "Adam"), ("MSELoss", "L1Loss")),
        ("BCELoss", "BCEWithLogitsLoss"),
    )
    for one, other in (pair, pair[::-1])
}
"""Functions that are taken for each other."""

LEFT_OUT = (
    *("exp", "log", "sqrt", "tanh", "abs", "square", "transpose", "copy", "clip"),
    *("maximum", "minimum", "where", "outer", "dot", "matmul"),
)
"""Functions of which an argument remains where they are left out."""

NOT_TAKEN = ("len", "isinstance", "zeros_like", "ones_like", "empty_like", "full_like")
ASKED = ("shape", "size", "ndim", "dtype")
"""What is asked of an array that another of the same shape answers as well."""

OPTIONS = ("axis", "keepdims")

Put = Callable[[ast.AST], None]


def mutants(text: str, words: Collection[str], kinds: Kinds) -> Iterator[tuple[Mutant, ast.Module]]:
    """Yield each change with the whole tree that has it, which is changed back afterwards.

    Parameters
    ----------
    text : str
        The model solution.
    words : collection of str
        Names that the lines of checks use: only what is reached from them is changed.
    kinds : mapping
        See `Kinds`.
    """
    tree, lines = ast.parse(text), text.splitlines()
    for function, node in reached(tree, words):
        known = kinds.get(function, {})
        for part, put in list(_places(node)):
            for new in _changes(part, known):
                line = getattr(part, "lineno", node.lineno)
                if not hasattr(new, "lineno"):
                    ast.copy_location(new, part)
                put(ast.fix_missing_locations(new))
                change = f"{_said(part)} -> {_said(new)}"
                yield Mutant(line, lines[line - 1].strip(), change), tree
                put(part)


Statement = ast.FunctionDef | ast.Assign | ast.AnnAssign


def reached(tree: ast.Module, words: Collection[str]) -> list[tuple[str, Statement]]:
    """List the functions, methods and constants that these words lead to, by their dotted names."""
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
            asked = last in known or (last.startswith("__") and owner in known)
            if asked and (not owner or owner in known):
                found.append((name, node))
        read = words_of(*(node for _, node in found))
        more = read.union(*(bases[name] for name in known & bases.keys())) - known
        if not more:
            return found
        known |= more


def _names(node: ast.AST) -> list[str]:
    """Return the names that a statement at top level or of a class makes."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _places(root: ast.AST) -> Iterator[tuple[ast.AST, Put]]:
    """Yield each part below a node that computes something, and how to put another in its place."""
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
            if not (_only_asked(child) or _is_negative(child)):
                yield from _places(child)


def _only_asked(child: ast.AST) -> bool:
    """Tell where an array is only asked for its shape, as any other of that shape could be."""
    return _called(child) in NOT_TAKEN or (isinstance(child, ast.Attribute) and child.attr in ASKED)


def _said(node: ast.AST) -> str:
    """Write a part as code, of a branch its condition alone."""
    return ast.unparse(node.test if isinstance(node, ast.If | ast.IfExp) else node)


def _only_prints(node: ast.AST) -> bool:
    """Tell what does nothing but print, under a condition or not."""
    if isinstance(node, ast.If):
        return all(map(_only_prints, [*node.body, *node.orelse]))
    return isinstance(node, ast.Expr) and _called(node.value) == "print"


def _is_negative(node: ast.AST) -> bool:
    """Tell a negative number, which is one thing."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def _called(node: ast.AST) -> str:
    """Return the last name of what a call calls, empty for anything else."""
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _with(node: Any, **fields: Any) -> Any:
    """Return a copy of a node with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


# --- what may be changed, by what stands there -----------------------------------------------


def _changes(node: ast.AST, kinds: Mapping[str, Collection[str]]) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a part."""
    make = _MAKERS.get(type(node))
    if make is not None:
        yield from make(node)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
        node.ctx, ast.Load
    ):
        for other in kinds.get(ast.unparse(node), ()):
            yield ast.parse(other, mode="eval").body


def _turned(node: ast.BinOp | ast.BoolOp | ast.AugAssign) -> Iterator[ast.AST]:
    """Yield the same with the contrary operation, where there is one."""
    if type(node.op) in TURNED:
        yield _with(node, op=TURNED[type(node.op)]())


def _binary(node: ast.BinOp) -> Iterator[ast.AST]:
    yield from _turned(node)
    if not isinstance(node.op, ast.MatMult):
        yield node.left
    if isinstance(node.op, ast.Add | ast.Mult):
        yield node.right


def _unary(node: ast.UnaryOp) -> Iterator[ast.AST]:
    if isinstance(node.op, ast.USub | ast.Not):
        yield node.operand
    if _is_negative(node) and isinstance(node.operand, ast.Constant):
        yield ast.Constant(1 - node.operand.value)  # type: ignore[operator]


def _constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def _compare(node: ast.Compare) -> Iterator[ast.AST]:
    for index, op in enumerate(node.ops):
        ops = [*node.ops[:index], TURNED[type(op)](), *node.ops[index + 1 :]]
        yield _with(node, ops=ops)


def _call(node: ast.Call) -> Iterator[ast.AST]:
    name = _called(node)
    for keyword in node.keywords:
        if keyword.arg in OPTIONS:
            yield _with(node, keywords=[each for each in node.keywords if each is not keyword])
    if name in EXCHANGED:
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        yield _with(node, func=_with(node.func, **{field: EXCHANGED[name]}))
    if name in LEFT_OUT:
        if isinstance(node.func, ast.Attribute) and not _is_numpy(node.func.value):
            yield node.func.value
        elif name not in ("outer", "dot", "matmul"):
            yield from (each for each in node.args if not isinstance(each, ast.Constant))
    if name == "where" and len(node.args) == 3:
        yield _with(node, args=[node.args[0], node.args[2], node.args[1]])
    if name == "range" and len(node.args) == 1:
        one = ast.Constant(1)
        yield _with(node, args=[one, node.args[0]])
        yield _with(node, args=[ast.BinOp(node.args[0], ast.Sub(), one)])


def _is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def _attribute(node: ast.Attribute) -> Iterator[ast.AST]:
    if node.attr == "T":
        yield node.value


def _added(node: ast.AugAssign) -> Iterator[ast.AST]:
    yield ast.Pass()
    yield ast.Assign([node.target], node.value)
    yield from _turned(node)


def _assigned(node: ast.Assign) -> Iterator[ast.AST]:
    if all(isinstance(target, ast.Subscript) for target in node.targets):
        yield ast.Pass()


def _done(node: ast.Expr) -> Iterator[ast.AST]:
    if isinstance(node.value, ast.Call):
        yield ast.Pass()


def _branch(node: ast.If | ast.IfExp) -> Iterator[ast.AST]:
    if not isinstance(node.test, ast.Compare | ast.UnaryOp | ast.BoolOp):
        yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))


_MAKERS: Mapping[type, Callable[[Any], Iterator[ast.AST]]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BoolOp: _turned,
    ast.Call: _call,
    ast.Attribute: _attribute,
    ast.AugAssign: _added,
    ast.Assign: _assigned,
    ast.Expr: _done,
    ast.If: _branch,
    ast.IfExp: _branch,
}


# --- what in a function is of the same kind -----------------------------------------------------

CALLS = 40
"""Calls of a function that are looked at."""


@contextlib.contextmanager
def watching(path: Path) -> Iterator[dict[str, dict[str, list[str]]]]:
    """Give what is of the same kind in the functions of a file that run meanwhile: see `Kinds`.

    That is what they hold when they return.
    """
    calls: dict[str, list[dict[str, tuple[object, bytes]]]] = {}
    kinds: dict[str, dict[str, list[str]]] = {}

    def look(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        if event == "return" and code.co_filename == str(path.absolute()):
            held = calls.setdefault(getattr(code, "co_qualname", code.co_name), [])
            if len(held) < CALLS:
                held.append(dict(_held(frame.f_locals)))

    sys.setprofile(look)
    try:
        yield kinds
    finally:
        sys.setprofile(None)
    kinds |= {name: dict(_alike(held)) for name, held in calls.items()}


def _held(names: Mapping[str, Any]) -> Iterator[tuple[str, tuple[object, bytes]]]:
    """Yield arrays and numbers among names, in dicts, and in the object of a method."""
    for name, value in names.items():
        parts: dict[str, Any] = {name: value}
        if isinstance(value, dict):
            parts = {f"{name}[{key!r}]": each for key, each in value.items()}
        elif name == "self":
            parts = {f"{name}.{key}": each for key, each in vars(value).items()}
        for expression, part in parts.items():
            if isinstance(part, np.ndarray) and part.dtype.kind in "biuf":
                yield expression, (part.shape, part.tobytes())
            elif isinstance(part, int | float | np.number) and not isinstance(part, bool):
                yield expression, ("number", np.float64(part).tobytes())


def _of_what(expression: str) -> str:
    """Return the dict or object of which an expression is an entry or attribute, if it is one."""
    return expression.partition("[")[0] if "[" in expression else expression.rpartition(".")[0]


def _alike(calls: Sequence[Mapping[str, tuple[object, bytes]]]) -> Iterator[tuple[str, list[str]]]:
    always = [name for name in calls[0] if all(name in call for call in calls)]
    for name in always:
        others = [
            other
            for other in always
            if _of_what(other) == _of_what(name)
            and all(call[name][0] == call[other][0] for call in calls)
            and any(call[name][1] != call[other][1] for call in calls)
        ]
        if others:
            yield name, others
