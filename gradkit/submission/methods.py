"""Find a net that is written as a class, and write functions that call its methods.

In a task of functions, some students write a class whose attributes are the parameters:

    class Net:
        def __init__(self): …               self.W1, self.b1, …, or a dict of them
        def forward(self, X): …
        def backward(self, y): …            the gradients, or the whole step
        def update(self, lr): …             the step, if it is not in `backward`

A generated function for each role makes the object, sets its parameters and calls its methods. So
the class is called, judged and diagnosed as functions are. A generated function has the place of
the method that it calls, because a report shows places of the student's own text only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.submission import Cell, Section
from gradkit.records.task import Role, Task
from gradkit.runtime.syntax import plain, return_lines, walk
from gradkit.submission.source import statements

STEPS = frozenset({"step", "optimize", "gradientdescent", "applygradients"})
"""Names of a method that changes the parameters, besides the names of the role ``update``."""

GRADIENTS = frozenset(
    {
        "backward",
        "backprop",
        "backpropagate",
        "backpropagation",
        "backwardpropagation",
        "backwardpass",
        "backwardprop",
        "computegradients",
    }
)
"""Names of a method that computes gradients, and may change the parameters too."""

FIRST_WEIGHT = "w1"
"""Name of an attribute, or of a key, in every class that is taken for a net."""

RATES = frozenset({"lr", "learningrate", "rate", "alpha", "eta", "stepsize"})
"""Names of a constructor's argument that is a learning rate."""

COUNTS = frozenset({"seed", "epochs", "nepochs", "randomstate", "iterations"})
"""Names of a constructor's argument that is a number, but no layer size."""

SIZES = frozenset({"dim", "dims", "layers", "sizes", "layerdims", "layersizes", "layersdims"})
"""Names of a constructor's argument that has the sizes of all layers."""

GENERATED = "gradkit generated"
"""First words of the ids of generated cells."""


class NetClass(Struct, frozen=True):
    """A class with a forward pass, and with one or two methods that make a step.

    ``steps`` are these methods in the order in which they are called.
    """

    node: ast.ClassDef
    forward: ast.FunctionDef
    steps: tuple[ast.FunctionDef, ...]

    @property
    def constructor(self) -> ast.FunctionDef | None:
        """Return the method ``__init__``, or None."""
        return _methods(self.node).get("init")


def net_class(node: ast.AST, roles: Mapping[str, str]) -> NetClass | None:
    """Return a class as a net, or None if it lacks a forward pass, a step or the first weight.

    The steps are the last method that computes gradients and the last one that updates the
    parameters, without a step that the other step calls. One of the two is enough.

    Parameters
    ----------
    node : AST
        A statement; None is returned if it is no class.
    roles : mapping of str to str
        The role of each accepted name of a function, without case and underscores.
    """
    if not isinstance(node, ast.ClassDef):
        return None
    methods = _methods(node)
    forward = next((part for name, part in methods.items() if roles.get(name) == "forward"), None)
    steps = [p for name, p in methods.items() if roles.get(name) == "update" or name in STEPS]
    gradients = [part for name, part in methods.items() if name in GRADIENTS]
    if forward is None or not (steps or gradients) or not _has_first_weight(node):
        return None
    chosen = [*gradients[-1:], *steps[-1:]]
    called = {name for part in chosen for name in _own_calls(part)}
    return NetClass(node, forward, tuple(part for part in chosen if part.name not in called))


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    """Return the methods of a class by name, without case and underscores.

    Methods without parameters or with decorators are left out.
    """
    return {
        plain(part.name): part
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.args.args and not part.decorator_list
    }


def _own_calls(method: ast.FunctionDef) -> Iterator[str]:
    """Yield the names of the methods of the same object that a method calls."""
    itself = method.args.args[0].arg
    for part in walk(method):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            owner = part.func.value
            if isinstance(owner, ast.Name) and owner.id == itself:
                yield part.func.attr


def _has_first_weight(node: ast.ClassDef) -> bool:
    """Return whether a class uses an attribute or a key named `FIRST_WEIGHT`, in any case."""
    return any(
        (isinstance(part, ast.Attribute) and part.attr.lower() == FIRST_WEIGHT)
        or (isinstance(part, ast.Constant) and str(part.value).lower() == FIRST_WEIGHT)
        for part in walk(node)
    )


def with_functions_of_class(section: Section, task: Task) -> Section:
    """Return a section with functions that call the methods of a net, if it is written as a class.

    The section is returned unchanged if one of its functions plays the role of the forward pass or
    of the update, if it has no such class, or if the task is for torch. The functions are in
    ``generated``. The last such class counts.
    """
    if task.framework.trains:
        return section
    names = {plain(alias): role.name for role in task.roles for alias in role.aliases}
    defined, found = set[str](), None
    for cell in section.own:
        for node in statements(cell.source):
            if isinstance(node, ast.FunctionDef):
                defined.add(node.name)
            net = net_class(node, names)
            found = (cell, net) if net is not None else found
    played = {names.get(plain(name)) for name in defined}
    if found is None or played & {"forward", "update"}:
        return section
    cell, net = found
    generated = tuple(_generated(cell, net, task))
    return replace(section, generated=generated)


OBJECT = """\
def gradkit_new():
    return {name}({arguments})
def gradkit_parameters(net):
    for value in net.__dict__.values():
        if isinstance(value, dict) and any(str(key).lower() == "w1" for key in value):
            return value
    return net.__dict__
def gradkit_set(net, parameters):
    held = gradkit_parameters(net)
    for key, value in parameters.items():
        held[key] = value
    return net
def gradkit_part(gradients, name, number):
    return gradients[name] if isinstance(gradients, dict) else gradients[number]
"""
"""Make an object, find the dict of its parameters, which may be its own, and set them."""

START = (
    "held = gradkit_parameters(gradkit_new())",
    "return {key: held[key] for key in held if key[:1] in 'wWbB' and key[1:].isdigit()}",
)

FORWARD = (
    "global self",
    "self = gradkit_set(gradkit_new(), parameters)",
    "return self.{name}({given})",
)
"""The update reads ``self``, so gradkit calls the forward pass before each update."""

UPDATE = (
    "gradkit_set(self, parameters)",
    "{calls}",
    "held = gradkit_parameters(self)",
    "return {{key: held[key] for key in parameters}}",
)


def _generated(cell: Cell, net: NetClass, task: Task) -> Iterator[Cell]:
    """Yield a cell for each generated function, at the place of the method that it calls.

    The functions let a net that is written as a class be graded like functions. ``cell`` contains
    the class ``net``. The cells are helpers for the object, the initialisation (if there is a
    constructor), the forward pass and the update of ``task``.
    """
    roles = {role.name: role for role in task.roles}
    sizes = [task.X.shape[1], *(layer.units for layer in task.layers)]
    arguments = ", ".join(_constructor_arguments(net.constructor, sizes, task.rates.weight))
    made = OBJECT.format(name=net.node.name, arguments=arguments)
    yield _cell(cell, "object", net.node.lineno, made)
    if net.constructor is not None:
        aliases = roles["initialise"].aliases
        name = next((alias for alias in aliases if plain(alias) == "init"), aliases[0])
        yield _function(cell, net.constructor, f"{name}()", START)
    given = _arguments_of(net.forward, roles["forward"])
    body = [line.format(name=net.forward.name, given=_passed(given)) for line in FORWARD]
    signature = _signature(net.forward.name, roles["forward"], given, {})
    yield _function(cell, net.forward, signature, body)
    calls, given, defaults = [], dict[str, str](), dict[str, ast.expr | None]()
    for number, method in enumerate(net.steps):
        own = _arguments_of(method, roles["update"], takes_gradients=number > 0)
        calls.append(f"gradkit_gradients = self.{method.name}({_passed(own)})")
        given |= own
        defaults |= _parameters_of(method)
    signature = _signature(net.steps[-1].name, roles["update"], given, defaults)
    body = [line.format(calls="; ".join(calls)) for line in UPDATE]
    yield _function(cell, net.steps[0], signature, body)


def _cell(cell: Cell, name: str, line: int, source: str) -> Cell:
    """Return a generated cell whose first line has the place of a line of the student's cell.

    ``cell`` and ``line`` give that place, ``name`` is a part of the new cell's id, and ``source``
    its text.
    """
    return Cell(
        f"{GENERATED} {name}: {cell.id}",
        cell.file,
        cell.cell,
        source,
        cell.headings,
        cell.first_line + line - 1,
        cell.title,
    )


def _function(cell: Cell, method: ast.FunctionDef, signature: str, lines: Sequence[str]) -> Cell:
    """Return a generated cell with one function, which calls a method of the student's class.

    ``cell`` contains the method, ``signature`` is the source of the function's head, and ``lines``
    are its body. The last line, with the ``return``, has the place of the method's last ``return``.
    """
    last = max(return_lines(method), default=method.end_lineno or method.lineno)
    blank = max(0, last - method.lineno - len(lines))
    text = "\n    ".join(lines)
    source = f"def {signature}:" + "\n" * (1 + blank) + f"    {text}\n"
    return _cell(cell, method.name, method.lineno, source)


def _parameters_of(method: ast.FunctionDef) -> dict[str, ast.expr | None]:
    """Return the parameters of a method after ``self``, with their defaults, or None."""
    names = [each.arg for each in (*method.args.posonlyargs, *method.args.args)]
    defaults = [None] * (len(names) - len(method.args.defaults)) + list(method.args.defaults)
    named = zip((each.arg for each in method.args.kwonlyargs), method.args.kw_defaults, strict=True)
    return {**dict(zip(names[1:], defaults[1:], strict=True)), **dict(named)}


def _constructor_arguments(
    constructor: ast.FunctionDef | None, sizes: Sequence[int], rate: object
) -> Iterator[str]:
    """Yield ``name=value`` for the parameters of a constructor that are passed.

    ``sizes`` are those of all layers, the input first. A parameter named in `SIZES` gets the list
    of them. A learning rate gets ``rate``, and a parameter named in `COUNTS` gets 0, but only if
    they have no default. Every other parameter without a default, or with an integer as default,
    gets the next size, or 1 if none is left.
    """
    left = iter(sizes)
    for name, default in _parameters_of(constructor).items() if constructor is not None else ():
        word = plain(name)
        if word in SIZES:
            yield f"{name}={list(sizes)}"
        elif word in RATES or word in COUNTS:
            if default is None:
                yield f"{name}={rate if word in RATES else 0}"
        elif default is None or (isinstance(default, ast.Constant) and type(default.value) is int):
            yield f"{name}={next(left, 1)}"


def _arguments_of(
    method: ast.FunctionDef, role: Role, *, takes_gradients: bool = False
) -> dict[str, str]:
    """Return the value that a generated function passes for each parameter of a method, as source.

    ``role`` is the role of the generated function, forward pass or update. A parameter with a known
    name gets that argument of the role. Others without a default get the arguments of the role that
    are left, in order, or ``None``; others with a default are not passed. With ``takes_gradients``
    the others get the values that the method before it has returned.
    """
    parameters = _parameters_of(method)
    known = {
        plain(name): argument.name
        for argument in role.arguments
        for name in (argument.name, *argument.aliases)
    }
    found = {name: known[plain(name)] for name in parameters if plain(name) in known}
    unknown = [name for name in parameters if name not in found and parameters[name] is None]
    taken = {*found.values(), "parameters", "lr"}
    left = iter([argument.name for argument in role.arguments if argument.name not in taken])
    for number, name in enumerate(unknown):
        if not takes_gradients:
            found[name] = next(left, "None")
        elif len(unknown) == 1:
            found[name] = "gradkit_gradients"
        else:
            found[name] = f"gradkit_part(gradkit_gradients, {name!r}, {number})"
    return found


def _passed(given: Mapping[str, str]) -> str:
    """Return arguments as they are passed by name."""
    return ", ".join(f"{name}={value}" for name, value in given.items())


def _signature(
    name: str, role: Role, given: Mapping[str, str], defaults: Mapping[str, ast.expr | None]
) -> str:
    """Return the signature of a generated function: the role's required arguments, and a rate.

    ``name`` is that of the function, ``given`` has the expression for each parameter of the
    methods, and ``defaults`` their defaults. The signature has the rate, with the method's own
    default, only if a method takes it.
    """
    names = [argument.name for argument in role.arguments if argument.required]
    for parameter, value in given.items():
        if value == "lr":
            default = defaults.get(parameter)
            names.append("lr" if default is None else f"lr={ast.unparse(default)}")
    return f"{name}({', '.join(dict.fromkeys(names))})"
