"""Disguise a copy of code as a student might: other names, order, layout and comments."""

from __future__ import annotations

import ast
import random


class Renamed(ast.NodeTransformer):
    """Rename everything that the code defines, and remove documentation."""

    def __init__(self, own: set[str]) -> None:
        self._names = {name: f"other_{number}" for number, name in enumerate(sorted(own))}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Rename a variable."""
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Rename an argument."""
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Remove the documentation of a function."""
        self.generic_visit(node)
        if ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        return node


def disguised(text: str, seed: int = 1) -> str:
    """Return a copy with other names, other order of functions, other layout and comments."""
    tree = ast.parse(text)
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    tree = Renamed(own - {"self"}).visit(tree)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    others = [node for node in tree.body if node not in functions]
    random.Random(seed).shuffle(functions)  # noqa: S311 -- an order, no secret
    tree.body = [*others, *functions]
    lines = ast.unparse(tree).split("\n")
    return "\n".join(f"{line}  # line {number}" for number, line in enumerate(lines))
