"""Read functions from their text: parameters, returns, and what stands behind a value."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from gradkit.runtime.syntax import statements_in

_DEFAULT = 40
"""Characters of a default value that a signature shows."""

_LONGEST = 300
"""Characters of a signature."""

AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function. ``default`` is its source text, or None.

    ``kind`` is one of ``positional-only``, ``any``, ``keyword-only``, ``*``, ``**``.
    """

    name: str
    kind: str
    default: str | None = None


def parameters_of(arguments: ast.arguments) -> Iterator[Parameter]:
    """Yield the parameters in the order of the signature."""
    by_position = [*arguments.posonlyargs, *arguments.args]
    without = len(by_position) - len(arguments.defaults)
    for i, argument in enumerate(by_position):
        kind = "positional-only" if i < len(arguments.posonlyargs) else "any"
        default = arguments.defaults[i - without] if i >= without else None
        yield Parameter(argument.arg, kind, text_of(default))
    if arguments.vararg is not None:
        yield Parameter(arguments.vararg.arg, "*")
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield Parameter(argument.arg, "keyword-only", text_of(keyword_default))
    if arguments.kwarg is not None:
        yield Parameter(arguments.kwarg.arg, "**")


def positional(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Return the parameters that can be handed over by position, without ``*args``."""
    return [p for p in parameters if p.kind in ("positional-only", "any")]


def text_of(default: ast.expr | None) -> str | None:
    """Return the text of a default value, cut where it is long."""
    if default is None:
        return None
    try:
        text = ast.unparse(default)
    except (RecursionError, ValueError):
        return "…"
    return text if len(text) <= _DEFAULT else text[: _DEFAULT - 1] + "…"


def signature_of(parameters: Sequence[Parameter]) -> str:
    """Write parameters as they stand between the brackets, as far as anybody reads them."""
    shown = []
    for i, parameter in enumerate(parameters):
        stars = parameter.kind if parameter.kind in ("*", "**") else ""
        before = parameters[i - 1].kind if i else ""
        if parameter.kind == "keyword-only" and before not in ("*", "keyword-only"):
            shown.append("*")
        if before == "positional-only" and parameter.kind != "positional-only":
            shown.append("/")
        default = "" if parameter.default is None else f"={parameter.default}"
        shown.append(f"{stars}{parameter.name}{default}")
    if parameters and parameters[-1].kind == "positional-only":
        shown.append("/")
    text = ", ".join(shown)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def first_line(node: ast.stmt) -> int:
    """Return the first line of a statement, decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def return_lines(node: AnyFunction) -> Iterator[int]:
    """Yield the lines of ``return`` statements, those of inner functions left out."""
    return (part.lineno for part in own_statements(node) if isinstance(part, ast.Return))


def own_statements(node: AnyFunction) -> Iterator[ast.stmt]:
    """Yield the statements of a function in no order, the bodies of inner ones left out."""
    waiting: list[ast.AST] = list(node.body) if not isinstance(node, ast.Lambda) else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.stmt):
            yield part
        if not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting += statements_in(part)


# --- functions that are values -----------------------------------------------------------

STEPS = 40
"""Expressions that are looked at to find a function behind a name."""


@dataclass(slots=True)
class Names:
    """Names and their meanings, those of a factory within those around it."""

    outer: Names | None = None
    known: dict[str, Thing] = field(default_factory=dict)

    def find(self, name: str) -> Thing | None:
        """Return the meaning of a name, or None where nothing is known of it."""
        found = self.known.get(name)
        return found if found or self.outer is None else self.outer.find(name)

    def put(self, name: str, node: ast.AST | None, cell: str) -> None:
        """Take note of a definition or a value; None is what comes from elsewhere."""
        self.known[name] = Thing(node, cell, self)


@dataclass(frozen=True, slots=True)
class Thing:
    """A piece of text, and the names that it sees: those in it, if it is a module.

    ``function`` is the one behind it, where that is known already.
    """

    node: ast.AST | None
    cell: str
    names: Names
    function: Shown | None = None

    def at(self, node: ast.AST) -> Thing:
        """Another piece of text that sees the same names."""
        return Thing(node, self.cell, self.names)


@dataclass(frozen=True, slots=True)
class Shown:
    """The function behind a value: its text, the cell of that, the parameters still open.

    It is not ``sure`` where it was handed to something unknown, which may give anything back.
    """

    node: AnyFunction
    cell: str
    parameters: tuple[Parameter, ...]
    names: Names
    sure: bool = True


def shown(value: ast.expr, cell: str, names: Names) -> Shown | None:
    """Return the function that a value is, where the text shows one.

    That is a lambda or a function's name, what a function of the submission returns, a method
    (without ``self``), an object with ``__call__``, or what ``partial`` leaves of one of these.
    """
    return _Search().function(Thing(value, cell, names))


def assignments(node: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Each name that an assignment binds to a value of its own, with the value."""
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    for target in targets if value is not None else []:
        if isinstance(target, ast.Name) and value is not None:
            yield target.id, value
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for element, part in zip(target.elts, value.elts, strict=False):
                if isinstance(element, ast.Name):
                    yield element.id, part


def may_be_one(value: ast.expr, names: Names) -> bool:
    """True of an attribute that may be a function, of which the text shows nothing.

    What belongs to a library or to a class of the submission is seen to be none.
    """
    root = value
    while isinstance(root, ast.Attribute | ast.Call | ast.Subscript):
        root = root.func if isinstance(root, ast.Call) else root.value
    thing = names.find(root.id) if isinstance(root, ast.Name) else None
    own = thing is not None and thing.node is not None and _Search().class_of(thing) is None
    return isinstance(value, ast.Attribute) and own


class _Search:
    """Follows a value to the function behind it, for a limited number of steps."""

    def __init__(self) -> None:
        self._left = STEPS

    def function(self, thing: Thing) -> Shown | None:
        self._left -= 1
        node = thing.node
        if self._left < 0:
            return None
        if thing.function is not None:
            return thing.function
        if isinstance(node, AnyFunction):
            return Shown(node, thing.cell, tuple(parameters_of(node.args)), thing.names)
        if isinstance(node, ast.Name):
            found = thing.names.find(node.id)
            return self.function(found) if found is not None else None
        if isinstance(node, ast.Attribute):
            return self._attribute(thing, node)
        return self._called(thing, node) if isinstance(node, ast.Call) else None

    def class_of(self, thing: Thing) -> tuple[Thing, bool] | None:
        """Return the class that an expression names or is an object of; True if an object."""
        self._left -= 1
        node = thing.node
        if self._left < 0:
            return None
        if isinstance(node, ast.ClassDef):
            return thing, False
        if isinstance(node, ast.Name):
            found = thing.names.find(node.id)
            return self.class_of(found) if found is not None else None
        made = self.class_of(thing.at(node.func)) if isinstance(node, ast.Call) else None
        return (made[0], True) if made is not None and not made[1] else None

    def _attribute(self, thing: Thing, node: ast.Attribute) -> Shown | None:
        module = thing.names.find(node.value.id) if isinstance(node.value, ast.Name) else None
        if module is not None and isinstance(module.node, ast.Module):
            found = module.names.find(node.attr)
            return self.function(found) if found is not None else None
        owner = self.class_of(thing.at(node.value))
        return self._method(*owner, node.attr) if owner is not None else None

    def _method(self, owner: Thing, is_object: bool, name: str) -> Shown | None:
        self._left -= 1
        assert isinstance(owner.node, ast.ClassDef)  # noqa: S101  (`class_of` gives no other)
        for node in reversed(owner.node.body):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                kinds = {part.id for part in node.decorator_list if isinstance(part, ast.Name)}
                found = self.function(owner.at(node))
                if found is None or "property" in kinds:
                    return None
                bound = "classmethod" in kinds or (is_object and "staticmethod" not in kinds)
                return replace(found, parameters=found.parameters[1:]) if bound else found
        for base in owner.node.bases if self._left > 0 else ():
            parent = self.class_of(owner.at(base))
            inherited = self._method(parent[0], is_object, name) if parent is not None else None
            if inherited is not None:
                return inherited
        return None

    def _called(self, thing: Thing, call: ast.Call) -> Shown | None:
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = call.func.id if isinstance(call.func, ast.Name) else name
        if name == "partial" and call.args:
            inner = self.function(thing.at(call.args[0]))
            return _rest(inner, call) if inner is not None else None
        made = self.class_of(thing)
        if made is not None:
            return self._method(*made, "__call__")
        factory = self.function(thing.at(call.func))
        if factory is None:
            wrapped = self._wrapped(thing, call)
            return replace(wrapped, sure=False) if wrapped is not None else None
        for value in _returned(factory, call, thing):
            found = self.function(value)
            if found is not None:
                # `inner(*args, **kwargs)` takes what the function that it wraps does.
                says = any(p.kind not in ("*", "**") for p in found.parameters)
                return found if says else self._wrapped(thing, call) or found
        return None

    def _wrapped(self, thing: Thing, call: ast.Call) -> Shown | None:
        """Return the one function among the arguments, as in ``njit(step)``."""
        found = [self.function(thing.at(argument)) for argument in call.args]
        functions = [function for function in found if function is not None]
        return functions[0] if len(functions) == 1 == len(found) else None


def _returned(factory: Shown, call: ast.Call, caller: Thing) -> Iterator[Thing]:
    """Yield what a function returns, with its own names and what it is called with."""
    inside = Names(factory.names)
    parameters = [p.name for p in positional(factory.parameters)]
    for parameter in factory.parameters:
        inside.put(parameter.name, None, factory.cell)
    handed = dict(zip(parameters, call.args, strict=False))
    handed |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    for name, value in handed.items():
        inside.known[name] = caller.at(value)
    if isinstance(factory.node, ast.Lambda):
        yield Thing(factory.node.body, factory.cell, inside)
        return
    returned = []
    for node in sorted(own_statements(factory.node), key=lambda part: part.lineno):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            inside.put(node.name, node, factory.cell)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    inside.put(target.id, node.value, factory.cell)
        elif isinstance(node, ast.Return) and node.value is not None:
            returned.append(Thing(node.value, factory.cell, inside))
    yield from returned


def _rest(function: Shown, call: ast.Call) -> Shown | None:
    """Return what ``partial`` leaves of a function: what is given by name can still be given so."""
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return None
    given = {str(keyword.arg): text_of(keyword.value) for keyword in call.keywords}
    filled = len(call.args) - 1
    left: list[Parameter] = []
    by_name = False
    for parameter in function.parameters:
        positional = parameter.kind in ("positional-only", "any")
        if positional and filled:
            filled -= 1
            continue
        by_name = by_name or (positional and parameter.name in given)
        if parameter.kind == "*" and by_name:
            continue
        kind = "keyword-only" if by_name and positional else parameter.kind
        default = given.get(parameter.name, parameter.default)
        left.append(replace(parameter, kind=kind, default=default))
    return replace(function, parameters=tuple(left))
