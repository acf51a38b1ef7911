"""The text of a cell, and changes of it where they stand."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.torch_names import group_of
from gradkit.runtime.syntax import called_method, calls_method, every, last_name, readable, walk


class Spot(Struct, frozen=True):
    """A place in a text, for a change of it: lines from 1, columns in characters from 0."""

    first: int
    start: int
    last: int
    end: int


Located = ast.expr | ast.stmt | ast.keyword

FORWARD = ("forward", "__call__")


class Made(Struct, frozen=True):
    """The names of models, wherever they are made, and of losses, each with its class."""

    models: tuple[str, ...] = ()
    losses: Mapping[str, str] = {}


def made_in(sources: Iterable[str]) -> Made:
    """Return the names of models and losses that some texts assign.

    A model is a call of a class of the texts or of ``Sequential``, a loss one of a class ``…Loss``.
    """
    trees = [*map(readable, sources)]
    classes = {node.name for tree in trees for node in every(ast.ClassDef, tree)} | {"Sequential"}
    made = {
        ast.unparse(node.targets[0]): last_name(node.value.func)
        for tree in trees
        for node in every(ast.Assign, tree)
        if isinstance(node.value, ast.Call)
    }
    losses = {name: of for name, of in made.items() if of.endswith("Loss")}
    return Made(tuple(name for name, of in made.items() if of in classes), losses)


NOTHING = Made()


class Text:
    """One cell: its lines, its tree, and the calls and functions in it.

    ``computing`` are the functions with which a model computes: its forward pass, and other methods
    of the class that train nothing. ``made`` are names of models and losses, also from other texts;
    ``stops`` the lines that raise, ``said`` Python's message, ``asked`` the methods and attributes
    that the check uses, and ``there`` other names that exist. ``targets`` are the names that a line
    of the check unpacks into, if it raises because of their number: for each, whether the check
    compares it.
    """

    def __init__(
        self,
        cell: str,
        source: str,
        made: Made = NOTHING,
        *,
        stops: Collection[int] = (),
        said: str = "",
        asked: Collection[str] = FORWARD[:1],
        there: Collection[str] = (),
        targets: Mapping[str, bool] = MappingProxyType({}),
    ) -> None:
        """Parse ``source``, and find the functions with which a model computes.

        ``cell`` is the id of the cell. The other arguments are those of the class.
        """
        self.cell, self.source, self.made = cell, source, made
        self.stops, self.said, self.asked, self.there = stops, said, asked, there
        self.targets = targets
        self.lines = source.split("\n")
        self.tree = readable(source)
        self.calls = every(ast.Call, self.tree)
        self.functions = every(ast.FunctionDef, self.tree)
        self.computing = [node for node in self.functions if node.name in FORWARD]
        for model in every(ast.ClassDef, self.tree):
            if any(f in model.body for f in self.computing):
                own = [each for each in self.functions if each in model.body]
                trained = [each for each in own if calls_method(each, "backward")]
                self.computing += [f for f in own if f not in trained and f.name != "__init__"]

    def spot(self, node: Located, until: Located | None = None) -> Spot:
        """Return the position of a node, or from its start to the end of node ``until``."""
        end = until or node
        last = end.end_lineno or end.lineno
        return Spot(
            node.lineno,
            self._column(node.lineno, node.col_offset),
            last,
            self._column(last, end.end_col_offset or 0),
        )

    def function(self, line: int) -> str:
        """Return the name of the innermost function or class around a line, else ``train``."""
        inside = [
            node
            for node in walk(self.tree)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and node.lineno <= line <= (node.end_lineno or 0)
        ]
        return max(inside, key=lambda node: node.lineno).name if inside else "train"

    def computes(self, line: int) -> bool:
        """Return whether a line is in a function with which a model computes."""
        return any(each.lineno <= line <= (each.end_lineno or 0) for each in self.computing)

    def parameters(self, node: ast.AST) -> list[str]:
        """Return the parameters of the outermost function around a node, if there is one."""
        for function in self.functions:
            if any(one is node for one in walk(function)):
                return [each.arg for each in function.args.args]
        return []

    def _column(self, line: int, offset: int) -> int:
        return len(self.lines[line - 1].encode()[:offset].decode(errors="replace"))

    def put(self, kind: str, at: Spot, text: str, doubtful: Spot | None = None) -> Proposal:
        """Return the change that replaces the span ``at`` of the source by ``text``.

        ``kind`` is the change's kind in the catalogue. The doubtful part is ``doubtful``, by
        default the whole span.
        """
        before, after = self.lines[at.first - 1][: at.start], self.lines[at.last - 1][at.end :]
        lines = f"{before}{text}{after}".split("\n")
        return self.moved(kind, at.first, at.last, lines, doubtful or at)

    def renamed(self, kind: str, node: ast.expr, name: str) -> Proposal:
        """Return the change of ``kind`` that renames the last name of an expression."""
        at = self.spot(node)
        return self.put(kind, Spot(at.last, at.end - len(last_name(node)), at.last, at.end), name)

    def put_each(
        self, kind: str, parts: Iterable[tuple[ast.expr, str]], doubtful: Spot | None = None
    ) -> Proposal:
        """Return the change that replaces several expressions, each on one line, at once.

        ``parts`` has each expression with its new text, and ``kind`` is the change's kind in the
        catalogue. The doubtful part is ``doubtful``, by default the first expression.
        """
        spots = sorted(
            ((self.spot(node), text) for node, text in parts),
            key=lambda each: (each[0].first, each[0].start),
        )
        lines = [*self.lines]
        for at, text in reversed(spots):
            line = lines[at.first - 1]
            lines[at.first - 1] = f"{line[: at.start]}{text}{line[at.end :]}"
        (begin, _), (end, _) = spots[0], spots[-1]
        inside = lines[begin.first - 1 : end.last]
        return self.moved(kind, begin.first, end.last, inside, doubtful or begin)

    def own(self, node: ast.expr | ast.stmt, less: int = 0) -> list[str]:
        """Return the lines of a node, each with up to ``less`` columns of its indent removed."""
        lines = self.lines[node.lineno - 1 : node.end_lineno]
        return [line[min(less, _indent(line)) :] for line in lines]

    def beside(
        self, kind: str, node: ast.expr | ast.stmt, line: str, *, before: bool = False
    ) -> Proposal:
        """Return the change that inserts a line after or before a statement, equally indented.

        ``kind`` is the change's kind in the catalogue, ``node`` the statement, and ``line`` the new
        text.
        """
        at, own = self.spot(node), self.own(node)
        line = own[0][: _indent(own[0])] + line
        lines = [line, *own] if before else [*own, line]
        return self.moved(kind, at.first, at.last, lines, at)

    def moved(self, kind: str, first: int, last: int, lines: list[str], at: Spot) -> Proposal:
        """Return the change that puts ``lines`` in place of lines ``first`` to ``last``.

        ``kind`` is the change's kind in the catalogue, and ``at`` the doubtful part.
        """
        ends = at.first, at.start, at.last, at.end
        return Proposal(self.cell, kind, first, last, tuple(lines), *ends)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def attributes_in(node: ast.AST) -> list[ast.Attribute]:
    """Return the attributes that are read or assigned in a part of a text."""
    return every(ast.Attribute, node)


def is_stored(node: ast.Name) -> bool:
    """Return whether a name is assigned at this node."""
    return isinstance(node.ctx, ast.Store)


def exchanged(nodes: Sequence[ast.expr]) -> list[tuple[ast.expr, str]]:
    """Return two parts of a text, each with the text of the other."""
    return [(own, ast.unparse(other)) for own, other in zip(nodes, reversed(nodes), strict=True)]


def called_on(text: Text, *methods: str) -> list[str]:
    """Return the names and attributes on which one of ``methods`` is called, without duplicates."""
    functions = [call.func for call in text.calls if called_method(call) in methods]
    values = [each.value for each in functions if isinstance(each, ast.Attribute)]
    named = [ast.unparse(each) for each in values if isinstance(each, ast.Name | ast.Attribute)]
    return list(dict.fromkeys(named))


def front_of(function: ast.expr) -> str:
    """Return the text before a function's last name: ``torch.`` for ``torch.log``."""
    return ast.unparse(function).removesuffix(last_name(function))


def other_names(
    text: Text, kind: str, groups: tuple[Mapping[str, str], ...], wanted: Collection[str]
) -> Iterator[Proposal]:
    """Propose each of the ``wanted`` names in place of other names of the same group.

    ``groups`` are the tables of names to look in, see `group_of`; ``kind`` is the changes' kind in
    the catalogue.
    """
    for node in walk(text.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            own = last_name(node)
            group = group_of(own, groups)
            instead = [group[each] for each in wanted if group.get(each, own) != own]
            yield from (text.renamed(kind, node, name) for name in instead)


def is_number(node: ast.expr) -> bool:
    """Return whether an expression is a constant, with or without a sign."""
    value = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(value, ast.Constant)
