"""Read a text for `planting`: where each node of it stands, and what each function knows."""

from __future__ import annotations

import ast

Edit = tuple[int, int, str]
"""Characters from one offset to another, and what is put there."""

SHAPED: dict[str, int] = {
    **dict.fromkeys(("zeros", "ones", "empty", "full", "eye", "zeros_like", "ones_like"), 0),
    **dict.fromkeys(("rand", "randn", "normal", "uniform", "standard_normal", "gauss"), 0),
    **dict.fromkeys(("squeeze", "expand_dims", "broadcast_to", "pad", "repeat", "tile"), 1),
    "reshape": 1,
}
"""Calls with a shape, and how many of their arguments come before it."""


class Source:
    """A text, its tree, and where each node of that stands."""

    def __init__(self, text: str) -> None:
        self.text, self.tree = text, ast.parse(text)
        self.rows = text.splitlines(keepends=True)
        self.starts = [0]
        for row in self.rows:
            self.starts.append(self.starts[-1] + len(row))
        self.parents = {
            child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)
        }
        imports = (n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom))
        self.modules = {(a.asname or a.name).split(".")[0] for n in imports for a in n.names}

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place that is given in bytes, as in syntax trees."""
        return self.starts[line - 1] + len(self.rows[line - 1].encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """From where to where a node stands, without parentheses around it."""
        start = self.offset(node.lineno, node.col_offset)
        return start, self.offset(node.end_lineno, node.end_col_offset)

    def of(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def extent(self, node: ast.AST) -> tuple[int, int]:
        """Return the start and end of an operand, including the parentheses around it."""
        start, end = self.span(node)
        low, high = self.span(self.parents[node])
        while True:
            before = self.text[low:start].rstrip()
            after = end + len(self.text[end:high]) - len(self.text[end:high].lstrip())
            if before.endswith("(") and after < high and self.text[after] == ")":
                start, end = low + len(before) - 1, after + 1
            else:
                return start, end

    def line(self, offset: int) -> int:
        """Return the line that contains an offset."""
        return self.text.count("\n", 0, offset) + 1

    def indent(self, node: ast.stmt) -> str:
        """Return the text before a statement on its line."""
        return self.text[self.starts[node.lineno - 1] : self.span(node)[0]]


def name_of(call: ast.Call) -> str:
    """Return the last name of a called function."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def names(node: ast.AST, context: type[ast.expr_context]) -> set[str]:
    """Return the names that a node reads or writes. Assigning to an element writes its owner."""
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, context):
            found.add(each.id)
        if isinstance(each, ast.Attribute | ast.Subscript) and isinstance(each.ctx, context):
            base: ast.expr = each
            while isinstance(base, ast.Attribute | ast.Subscript):
                if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
                    found.add(f"{base.value.id}.{base.attr}")
                base = base.value
            if isinstance(base, ast.Name) and base.id != "self":
                found.add(base.id)
        if isinstance(each, ast.AugAssign):
            found |= {n.id for n in ast.walk(each.target) if isinstance(n, ast.Name)} - {"self"}
            if isinstance(each.target, ast.Attribute):
                found |= {f"self.{each.target.attr}"}
    return found


def is_number(node: ast.AST) -> bool:
    """Tell a number that is written out."""
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def binds_loosely(node: ast.AST) -> bool:
    """Tell what needs parentheses before it can be an operand."""
    loose = ast.BinOp | ast.UnaryOp | ast.Compare | ast.BoolOp | ast.IfExp | ast.Lambda
    return isinstance(node, loose)


class Scope:
    """What one function knows: names with the lines that bind them first, attributes, keys."""

    def __init__(self, source: Source, node: ast.FunctionDef) -> None:
        self.source, self.node = source, node
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        self.bound = {a.arg: node.lineno for a in given if a.arg not in ("self", "cls")}
        # What only a comprehension knows is nothing to the rest of the function.
        within = {
            n for c in ast.walk(node) if isinstance(c, ast.comprehension) for n in ast.walk(c)
        }
        for each in ast.walk(node):
            stored = isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            if stored and each not in within:
                line = self.bound.get(each.id, each.lineno)
                self.bound[each.id] = min(line, each.lineno)
        holder = source.parents[node]
        self.attributes = sorted(
            {
                each.attr
                for each in ast.walk(holder if isinstance(holder, ast.ClassDef) else node)
                if isinstance(each, ast.Attribute)
                and isinstance(each.ctx, ast.Store)
                and self.is_self(each.value)
            }
        )
        self.keys: dict[str, list[str]] = {}
        for each in ast.walk(node):
            if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Constant):
                key = each.slice.value
                if isinstance(key, str):
                    keys = self.keys.setdefault(source.of(each.value), [])
                    keys += [] if key in keys else [key]
        self.only_shapes = self._only_shapes()
        self.counters = self._counters()

    @staticmethod
    def is_self(node: ast.AST) -> bool:
        """Tell what a method belongs to."""
        return isinstance(node, ast.Name) and node.id == "self"

    def _only_shapes(self) -> set[str]:
        """Return the names that are only read in arguments that give a shape, or in ranges."""
        shaped, other = set(), set()
        for node in ast.walk(self.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                within: ast.expr = node
                up = self.source.parents[node]
                kind = other
                while not isinstance(up, ast.stmt):
                    if isinstance(up, ast.Call) and within in up.args:
                        if up.args.index(within) >= self.before_shape(up):
                            kind = shaped
                        elif name_of(up) == "range":
                            kind = set()
                    within, up = up, self.source.parents[up]
                kind.add(node.id)
        return shaped - other

    def _counters(self) -> set[str]:
        """Return the names of loop variables, and of indices."""
        found = set()
        for node in ast.walk(self.node):
            if isinstance(node, ast.For):
                found |= {each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)}
            elif isinstance(node, ast.Subscript):
                key = node.slice
                listed = key.elts if isinstance(key, ast.Tuple) else [key]
                found |= {each.id for each in listed if isinstance(each, ast.Name)}
        return found

    def is_bound_before(self, statement: ast.stmt) -> bool:
        """Return whether all names that a statement assigns are bound on an earlier line.

        It is also True for statements other than assignments.
        """
        if not isinstance(statement, ast.Assign):
            return True
        names = {
            node.id
            for target in statement.targets
            for node in ast.walk(target)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        return all(self.bound[name] < statement.lineno for name in names)

    def before_shape(self, call: ast.Call) -> int:
        """How many arguments of a call come before a shape; all, where it has none."""
        before = SHAPED.get(name_of(call), len(call.args))
        # Of a method, the array itself is no argument.
        method = isinstance(call.func, ast.Attribute) and not self.is_module(call.func.value)
        return max(0, before - method) if name_of(call) in SHAPED else before

    def is_module(self, node: ast.AST) -> bool:
        """Tell a name that was imported, or what is reached from one."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.source.modules
