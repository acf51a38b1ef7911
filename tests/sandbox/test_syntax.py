"""Syntax trees are walked in the order of `ast.walk`, and parsed once."""

import ast
from pathlib import Path

import pytest

from gradkit.runtime.syntax import copy_tree, parse, statements_in, walk, walk_statements

SOURCES = sorted((Path(__file__).parents[2] / "gradkit").rglob("*.py"))[::6]
LEAVES = (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
UNUSUAL = """
match x:
    case {"a": [1, *rest]} if (y := rest):
        import inner
    case _:
        pass
try:
    with a as b, c:
        async def f(*, k=lambda z: z): return 1; x = 2
except* ValueError as e:
    from . import g
else:
    x: int
finally:
    while x: break
    else: del x
"""


@pytest.mark.parametrize("source", [UNUSUAL, *(path.read_text("utf-8") for path in SOURCES)])
def test_walk_has_the_order_of_ast_walk(source):
    """The nodes are the same, without operators and contexts."""
    tree = ast.parse(source)
    known = [node for node in ast.walk(tree) if not isinstance(node, LEAVES)]
    assert list(walk(tree)) == known
    holders = (ast.mod, ast.stmt, ast.ExceptHandler, ast.match_case)
    assert list(walk_statements(tree)) == [node for node in known if isinstance(node, holders)]


def test_statements_directly_below_come_in_the_order_of_the_text():
    """All branches are included, but no deeper statements."""
    (loop,) = ast.parse("for i in x:\n    if i:\n        a\n    b\nelse:\n    c").body
    assert [node.lineno for node in statements_in(loop)] == [2, 4, 6]


def test_same_source_gives_the_same_tree():
    """Another source gives another tree."""
    assert parse("x = 1") is parse("x = 1")
    assert parse("x = 1") is not parse("x = 2")


def test_only_the_last_long_trees_are_cached():
    """All of them would need too much memory."""
    first, *others = ("x = 1\n" * (10_000 + number) for number in range(3))
    tree = parse(first)
    assert parse(first) is tree
    for source in others:
        parse(source)
    assert parse(first) is not tree


def test_invalid_source_raises_each_time():
    """The error is not cached."""
    for _ in range(2):
        with pytest.raises(SyntaxError):
            parse("x = = 1")


def test_attributes_added_by_other_tools_are_ignored():
    """IPython stores a parent even in the context object that all trees share."""
    tree = ast.parse("f(a)")
    context = tree.body[0].value.func.ctx
    context.parent = tree
    try:
        assert walk(context) == [context]
        copied = copy_tree(tree)
        assert ast.dump(copied, include_attributes=True) == ast.dump(tree, include_attributes=True)
        assert copied.body[0].value is not tree.body[0].value
    finally:
        del context.parent
