"""Extract a function of a section, with all statements it depends on, as runnable text."""

from __future__ import annotations

import ast
import symtable
import textwrap
from collections.abc import Collection, Iterator, Mapping

from msgspec import Struct

from gradkit.records.submission import Cell, Section
from gradkit.runtime.messages import format_message
from gradkit.runtime.syntax import Plan, Statement, copy_tree, first_line, place_of, readable
from gradkit.runtime.training import runnable

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class Piece(Struct, frozen=True):
    """A statement as the student wrote it. ``definition`` is true of definitions and imports."""

    text: str
    node: ast.stmt
    definition: bool


class Excerpt:
    """Finds the statements that names of a section depend on.

    Nothing is run. Names are resolved as in the worker.

    Parameters
    ----------
    section : Section
        The part of a submission to read.
    modules : mapping of str to str
        Sources that the section may import. Imports from them are replaced by the source.
    forbidden : collection of str
        Names that must not come from other sections.
    """

    def __init__(
        self, section: Section, modules: Mapping[str, str], forbidden: Collection[str]
    ) -> None:
        """Plan the order in which the worker runs the section's statements."""
        parts = ((*section.own, *section.generated), section.shared, section.borrowed)
        self._plan = Plan([[(c.id, c.source) for c in part] for part in parts], forbidden)
        self._sources = {cell.id: cell.source for part in parts for cell in part}
        self._modules = modules

    def statement(self, cell: str, line: int) -> Statement:
        """Return the top-level statement that begins at a line of a cell, which is given by its id.

        Raises
        ------
        LookupError
            No statement begins at that line.
        """
        found = self._plan.at(cell, line)
        if found is None:
            raise LookupError(f"no statement begins at {format_message(place_of(cell, line))}")
        return found

    def pieces(
        self, names: Collection[str], given: Collection[str] = (), at: Statement | None = None
    ) -> list[Piece]:
        """Return the statements that define some names, and all they depend on, in running order.

        Parameters
        ----------
        names : collection of str
            Global names of the section.
        given : collection of str
            Names that are already defined.
        at : Statement, optional
            Use the definitions that hold at this statement, instead of the last ones.
        """
        found: dict[Statement, None] = dict.fromkeys(self._plan.stars())
        waiting = [(name, at) for name in names]
        while waiting:
            name, where = waiting.pop()
            made = None if name in given else self._plan.resolve(name, where)
            if made is None or made in found:
                continue
            found[made] = None
            # A function looks names up when it is called, so their last definitions count.
            inner = None if isinstance(made.node, DEFINITIONS) else made
            waiting += [(read, inner) for read in reads(made.node)]
        ordered = sorted(found, key=lambda made: (-made.layer, made.position))
        return [piece for made in ordered for piece in self._written(made)]

    def _written(self, made: Statement) -> Iterator[Piece]:
        """Yield the source of the statement ``made`` as one piece.

        For an import from the student's own files, the imported definitions are yielded instead.
        """
        node = made.node
        module = str(node.module) if isinstance(node, ast.ImportFrom) else ""
        if isinstance(node, ast.ImportFrom) and not node.level and module in self._modules:
            yield from self._inlined(node, module)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield Piece(ast.unparse(node), node, definition=True)
        else:
            text = source_of(node, self._sources[made.cell])
            yield Piece(text, node, definition=isinstance(node, DEFINITIONS))

    def _inlined(self, node: ast.ImportFrom, module: str) -> Iterator[Piece]:
        """Yield the statements of the module that an import needs, in place of the import.

        These define the imported names; for ``import *`` it is the whole module. ``module`` is its
        name. A name that is imported ``as`` another is assigned to it.
        """
        name, source = f"{module}.py", self._modules[module]
        other = Excerpt(Section((), (Cell(name, name, None, source),)), self._modules, ())
        if node.names[0].name == "*":
            yield Piece(source, node, definition=True)
            return
        yield from other.pieces([alias.name for alias in node.names])
        for alias in node.names:
            if alias.asname not in (None, alias.name):
                yield Piece(f"{alias.asname} = {alias.name}", node, definition=True)


def source_of(node: ast.stmt, source: str) -> str:
    """Return the text of a statement without its indent, and without training loops inside it.

    ``source`` is the text of the cell that contains the statement.
    """
    if (shorter := runnable(node)) is not node:
        return ast.unparse(shorter)
    lines = source.split("\n")[first_line(node) - 1 : node.end_lineno]
    text = textwrap.dedent("\n".join(lines))
    # Two statements may share a line.
    return text if len(readable(text).body) == 1 else ast.unparse(node)


def reads(node: ast.stmt) -> set[str]:
    """Return the global names that a statement reads, also inside its functions."""
    found: set[str] = set()
    text = ast.unparse(_Generators().visit(copy_tree(node)))
    tables = [symtable.symtable(text, "<statement>", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        outside = table.get_type() == "module"
        found |= {
            symbol.get_name()
            for symbol in table.get_symbols()
            if (symbol.is_referenced() and (outside or symbol.is_global()))
            or symbol.is_declared_global()
        }
    for part in ast.walk(node) if not isinstance(node, DEFINITIONS) else ():
        # For the symbol table `x += 1` is only a binding.
        if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name):
            found.add(part.target.id)
    return found


class _Generators(ast.NodeTransformer):
    """Turns comprehensions into generators, the only ones with own names since Python 3.12."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Replace a list, set or dict comprehension by a generator expression."""
        self.generic_visit(node)
        if isinstance(node, ast.ListComp | ast.SetComp):
            return ast.GeneratorExp(node.elt, node.generators)
        if isinstance(node, ast.DictComp):
            return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)
        return node
