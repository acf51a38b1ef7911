"""Read the functions and classes of a handout from its text, which is not run.

In: the text of a Python file. Out: a `Handout`, which has for each parameter what its description
and its use in the body say of it, and the text of the model solution.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.util import find_spec

from msgspec import Struct, field

from gradkit.lines import words_of


class ParameterUses(Struct, frozen=True):
    """What the uses of a parameter in a body say of it.

    ``axes`` are the names that the body gives to the axes, empty where it gives none:
    ``N, D = x.shape``. With ``is_index``, the parameter selects entries of an array, as labels do:
    ``scores[rows, y]``. With ``is_count``, it is the length of something: ``np.zeros(n)``.
    ``items`` is the number of values of a list that the body only reads one by one: 2 for
    ``np.zeros((dims[0], dims[1]))``. ``each`` are the names of the parts of its items:
    ``for x, y in batch``. With ``is_flag``, it is a condition: ``if training:``. ``arguments`` is
    the number of arguments with which the body calls it: 1 for ``f(x)``, and 0 without a call.
    """

    axes: tuple[str, ...] = ()
    is_index: bool = False
    is_count: bool = False
    items: int = 0
    each: tuple[str, ...] = ()
    is_flag: bool = False
    arguments: int = 0


class SharedKeys(Struct, frozen=True):
    """Two dicts that a body reads with the same keys, as ``params[k] -= grads["d" + k]``.

    ``owner`` is the dict whose keys a loop iterates over. The keys of the dict ``other`` are these
    keys with the texts ``before`` and ``after`` around them.
    """

    owner: str
    other: str
    before: str = ""
    after: str = ""


class HandoutParameter(Struct, frozen=True):
    """A parameter of a function.

    ``default`` is its text, empty without one, and ``about`` its description in the docstring.
    ``keys`` are the keys that the body needs of the parameter, if it ``is_dict``, and ``optional``
    are keys that have a default in the body. ``choices`` are the texts that the body compares the
    parameter with, and ``modes`` those that it compares entries with, each with its key. ``uses``
    is how the body uses the parameter.
    """

    name: str
    default: str = ""
    about: str = ""
    keys: tuple[str, ...] = ()
    is_dict: bool = False
    optional: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    modes: tuple[tuple[str, str], ...] = ()
    uses: ParameterUses = ParameterUses()


class HandoutFunction(Struct, frozen=True):
    """A function of a handout, or a method with the name of its class as ``owner``.

    ``about`` is the docstring, and ``descriptions`` its part on each name. ``returns`` are the
    names of the returned values, and ``keys`` all keys of dicts in the body. ``attributes`` are the
    attributes of ``self`` that a method assigns. ``reads`` are all names in the body. ``zipped``
    are names of arrays with rows that belong together: ``zip(features, targets)``. ``shared`` are
    pairs of dicts with the same keys.
    """

    name: str
    owner: str
    parameters: tuple[HandoutParameter, ...]
    about: str
    returns: tuple[str, ...]
    descriptions: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    zipped: tuple[tuple[str, ...], ...] = ()
    shared: tuple[SharedKeys, ...] = ()

    @property
    def is_random(self) -> bool:
        """Return whether the body draws random numbers."""
        return "random" in self.reads


class Handout(Struct, frozen=True):
    """The functions of a handout in order, and its classes: name, constructor and methods."""

    functions: tuple[HandoutFunction, ...]
    classes: Mapping[str, tuple[HandoutFunction, ...]]
    unwritten: tuple[str, ...] = ()


PUBLIC_SPECIAL = ("__init__", "__call__")
"""Special methods that students write. Other names with an underscore are for the class alone."""

LAYERS_OF_INPUTS = ("1", "2", "3")
"""Layers whose keys are tried if a body computes the key of a parameter: ``"W" + str(l)``."""

LAYERS_OF_OUTPUTS = ("0", *LAYERS_OF_INPUTS)
"""Layers whose keys are tried in returned dicts."""

_DESCRIBED = re.compile(
    r"^\s*(?:[-*]\s*)?`{0,2}(?P<names>[A-Za-z_]\w*(?:\s*,\s*[A-Za-z_]\w*)*)`{0,2}\s*"
    r"(?P<kind>\([^)]*\))?\s*(?::|--|-\s)(?P<text>.*)$"
)
"""A line that describes names: ``- w: Weights, of shape (D, M)`` or ``W -- of shape (n, m)``."""


def read_handout(text: str) -> Handout:
    """Read a handout from the text of a Python file.

    Functions without a body are listed in ``unwritten``: they raise NotImplementedError, or do
    nothing.
    """
    tree = ast.parse(text)
    functions, unwritten = [], []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if _is_unwritten(node):
                unwritten.append(node.name)
            else:
                functions.append(_function(node, "", ""))
    nodes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    classes = {name: tuple(_methods(node, nodes)) for name, node in nodes.items()}
    # The last definition of a name counts.
    last = {function.name: function for function in functions}
    return Handout(tuple(last.values()), classes, tuple(unwritten))


def solution_text(text: str, given: Mapping[str, str], left_out: Collection[str] = ()) -> str:
    """Return the text of a model solution that is taken from a handout.

    The text has the handout's functions and classes, and the imports and statements that they need.
    It leaves out what loads data or draws figures, functions and classes named in ``left_out``,
    imports of modules that are not there, and what cannot be defined without them. ``given`` maps
    the names of the handout's own modules to their texts: their definitions are copied, because a
    model solution must not import them.
    """
    tree = ast.parse(text)
    modules = [ast.parse(module) for module in given.values()]
    nodes = [node for part in (*modules, tree) for node in part.body if not _is_given(node, given)]
    every = _definable(nodes)
    bound = {name: node for node in every for name in _bound(node)}
    wanted: list[ast.stmt] = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in left_out
        if node in every
    ]
    kept = dict.fromkeys(wanted)
    while wanted:
        node = wanted.pop()
        used = [bound[name] for name in _global_names(node) if name in bound]
        new = [each for each in used if each not in kept]
        kept |= dict.fromkeys(new)
        wanted += new
    imports: list[str] = []
    parts: list[str] = []
    for source, part in zip((*given.values(), text), (*modules, tree), strict=True):
        lines = source.splitlines()
        for node in part.body:
            is_import = isinstance(node, ast.Import | ast.ImportFrom)
            if node in kept:
                first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
                block = "\n".join(lines[first - 1 : node.end_lineno])
                if is_import:
                    imports.append(f"{block}\n")
                else:
                    parts.append(f"\n\n{block}\n")
    # An import of one module may be needed by the text of another one.
    return "".join(dict.fromkeys([*imports, *parts])).lstrip("\n")


def _definable(nodes: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements that run without the modules that are not there.

    A class whose base is imported from such a module does not; a function that only calls
    something of it does, until it is called.
    """
    kept = [node for node in nodes if all(map(is_available, _imported(node)))]
    while True:
        bound = {name for node in kept for name in _bound(node)}
        lost = {name for node in nodes for name in _bound(node)} - bound
        fit = [node for node in kept if not _global_names(node, in_functions=False) & lost]
        if len(fit) == len(kept):
            return kept
        kept = fit


def _global_names(node: ast.stmt, *, in_functions: bool = True) -> set[str]:
    """Return the names that a statement reads from its module, by default also in functions."""
    waiting = [symtable.symtable(ast.unparse(node), "<handout>", "exec")]
    found: set[str] = set()
    while waiting:
        table = waiting.pop()
        inner = table.get_children()
        waiting += [each for each in inner if in_functions or each.get_type() != "function"]
        is_module = table.get_type() == "module"
        symbols = [symbol for symbol in table.get_symbols() if is_module or symbol.is_global()]
        found |= {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    return found


def _is_given(node: ast.stmt, given: Mapping[str, str]) -> bool:
    """Return whether a statement imports a module that the course hands out."""
    if isinstance(node, ast.ImportFrom) and node.level:
        return any(f".{name}".endswith(f".{node.module}") for name in given)
    if isinstance(node, ast.ImportFrom):
        return node.module in given
    return isinstance(node, ast.Import) and any(alias.name in given for alias in node.names)


def is_available(name: str) -> bool:
    """Return whether a package is installed; that of a relative import is not."""
    package = name.partition(".")[0]
    return bool(package) and find_spec(package) is not None


def _imported(node: ast.stmt) -> Iterator[str]:
    """Yield the modules that a statement imports; those of relative imports begin with a point."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield "." * node.level + (node.module or "")


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement defines, imports or assigns."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _methods(node: ast.ClassDef, nodes: Mapping[str, ast.ClassDef]) -> Iterator[HandoutFunction]:
    """Yield the constructor of a class and its written public methods."""
    about = ast.get_docstring(node) or ""
    methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
    if not any(method.name == "__init__" for method in methods):
        bases = [nodes[b.id] for b in node.bases if isinstance(b, ast.Name) and b.id in nodes]
        inherited = [f for base in bases for f in _methods(base, nodes) if f.name == "__init__"]
        yield from inherited[:1] or [HandoutFunction("__init__", node.name, (), about, ())]
    for method in methods:
        is_public = method.name in PUBLIC_SPECIAL or not method.name.startswith("_")
        if is_public and (method.name == "__init__" or not _is_unwritten(method)):
            others = methods if method.name == "__init__" else ()
            yield _function(method, node.name, about, others)


def _function(
    node: ast.FunctionDef, owner: str, about_class: str, others: Sequence[ast.FunctionDef] = ()
) -> HandoutFunction:
    """Read one function, or a method of the class ``owner``.

    ``others`` are the methods that may use a parameter of the constructor as an attribute.
    """
    about = "\n".join(filter(None, (ast.get_docstring(node), about_class)))
    descriptions = described(about)
    arguments = [*node.args.posonlyargs, *node.args.args]
    defaults = [""] * (len(arguments) - len(node.args.defaults))
    defaults += [ast.unparse(default) for default in node.args.defaults]
    is_static = any(_name(decorator) == "staticmethod" for decorator in node.decorator_list)
    pairs = list(zip(arguments, defaults, strict=True))[bool(owner) and not is_static :]
    parameters = tuple(
        HandoutParameter(
            argument.arg,
            default,
            descriptions.get(argument.arg, ""),
            tuple(dict.fromkeys(_keys(node, argument.arg))),
            _is_dict(node, argument.arg),
            tuple(dict.fromkeys(_optional_keys(node, argument.arg))),
            tuple(dict.fromkeys(_choices(node, argument.arg))),
            tuple(dict.fromkeys(_modes(node, argument.arg))),
            _uses([*others, node], argument.arg),
        )
        for argument, default in pairs
    )
    keys = tuple(dict.fromkeys(_keys(node, "")))
    attributes = tuple(dict.fromkeys(_attributes(node)))
    zipped = tuple(
        tuple(map(_name, part.args))
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and _name(part.func) == "zip"
    )
    return HandoutFunction(
        node.name,
        owner,
        parameters,
        about,
        _returned(node),
        descriptions,
        keys,
        attributes,
        frozenset(words_of(*node.body)),
        zipped,
        tuple(dict.fromkeys(_shared_keys(node))),
    )


def described(docstring: str) -> dict[str, str]:
    r"""Return the description of each name in a docstring; the first one counts.

    Examples
    --------
    >>> described("- w: Weights,\n  of shape (D, M)\n- b: Biases")
    {'w': 'Weights, of shape (D, M)', 'b': 'Biases'}
    """
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in docstring.splitlines():
        match = _DESCRIBED.match(line)
        if match:
            names = [name.strip() for name in match["names"].split(",")]
            names = [name for name in names if name not in found]
            parts = [part.strip() for part in (match["kind"] or "", match["text"])]
            found |= {name: [part for part in parts if part] for name in names}
        elif not line.strip():
            names = []
        else:
            for name in names:
                found[name].append(line.strip())
    return {name: " ".join(parts) for name, parts in found.items()}


def random_lines(text: str, function: HandoutFunction) -> list[str]:
    """Return the lines of a function that set a seed or scale random numbers.

    Students may choose other seeds and factors.
    """
    tree, lines = ast.parse(text), text.splitlines()
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == function.owner]
    bodies = [node for owner in classes for node in owner.body] or tree.body
    constructed = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == function.name]
    name = "__init__" if constructed else function.name
    bodies = [node for owner in constructed for node in owner.body] or bodies
    nodes = [n for n in bodies if isinstance(n, ast.FunctionDef) and n.name == name]
    parts = [part for node in nodes[-1:] for part in _own_nodes(node)]
    generators = {
        _name(target)
        for part in parts
        if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call)
        if _last_name(part.value.func) in ("default_rng", "RandomState")
        for target in part.targets
    }
    seeds = [
        part
        for part in parts
        if isinstance(part, ast.Call) and part.args
        if _last_name(part.func) in ("seed", "default_rng", "RandomState")
    ]
    random = {"random", *generators}
    scaled = [p for p in parts if isinstance(p, ast.BinOp) and words_of(p) & random]
    scales = [
        argument
        for part in parts
        if isinstance(part, ast.Call) and words_of(part.func) & random
        for argument in [*part.args, *(k.value for k in part.keywords if k.arg != "size")]
        if argument not in _length_arguments(part)
    ]
    factors = {name for part in (*scaled, *scales) for name in words_of(part)}
    assigned = [
        part
        for part in parts
        if isinstance(part, ast.Assign) and any(_name(n) in factors for n in part.targets)
        if not words_of(part) & {"random", "default_rng", "RandomState"}
    ]
    free: tuple[ast.expr | ast.stmt, ...] = (*seeds, *scaled, *scales, *assigned)
    return list(dict.fromkeys(lines[part.lineno - 1].strip() for part in free))


def _is_unwritten(node: ast.FunctionDef) -> bool:
    """Return whether a function only raises an error, returns a constant, or does nothing."""
    body = node.body[ast.get_docstring(node) is not None :]
    return all(
        isinstance(part, ast.Raise | ast.Pass)
        or (isinstance(part, ast.Expr | ast.Return) and isinstance(part.value, ast.Constant | None))
        or "NotImplementedError" in words_of(part)
        for part in body
    )


def _own_nodes(node: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function's body in order, without those of inner functions."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        part = waiting.pop(0)
        yield part
        if not isinstance(part, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            waiting = [*ast.iter_child_nodes(part), *waiting]


def _returned(node: ast.FunctionDef) -> tuple[str, ...]:
    """Return names for the values of a function's last ``return`` statement."""
    values = [part.value for part in _own_nodes(node) if isinstance(part, ast.Return)]
    if not values or values[-1] is None:
        return ()
    last = values[-1]
    parts: Sequence[ast.expr] = last.elts if isinstance(last, ast.Tuple) else [last]
    # Names in lines of a check begin with a letter.
    plain = [part.id.lstrip("_") if isinstance(part, ast.Name) else "" for part in parts]
    names: list[str] = []
    for number, plain_name in enumerate(plain, 1):
        name = plain_name or ("out" if len(plain) == 1 else f"out{number}")
        names.append(name if name not in names else f"{name}_{number}")
    return tuple(names)


def _keys(node: ast.FunctionDef, owner: str) -> Iterator[str]:
    """Yield the keys that a body needs of the dict ``owner``; all keys if it is empty.

    A key with a default, as in ``config.get("beta", 0.9)``, or one that the body adds, is not
    needed.
    """
    for part in _own_nodes(node):
        if isinstance(part, ast.Subscript) and (not owner or _name(part.value) == owner):
            if not owner or isinstance(part.ctx, ast.Load):
                yield from _texts(part.slice, LAYERS_OF_INPUTS if owner else LAYERS_OF_OUTPUTS)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            is_needed = part.func.attr == "get" and len(part.args) == 1
            if owner and is_needed and _name(part.func.value) == owner:
                yield from _texts(part.args[0], LAYERS_OF_INPUTS)
        elif isinstance(part, ast.Dict) and not owner:
            yield from (text for key in part.keys if key is not None for text in _texts(key))


def _optional_keys(node: ast.FunctionDef, owner: str) -> Iterator[str]:
    """Yield the keys of the dict ``owner`` that have a default, as ``config.get("beta", 0.9)``."""
    for part in _own_nodes(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            has_default = part.func.attr in ("get", "setdefault") and len(part.args) == 2
            if has_default and _name(part.func.value) == owner:
                yield from _texts(part.args[0], LAYERS_OF_INPUTS)


def _is_dict(node: ast.FunctionDef, name: str) -> bool:
    """Return whether a body uses a parameter as a dict with texts as keys."""
    lookups = (
        part.func.value
        for part in _own_nodes(node)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute)
        if part.func.attr in ("get", "setdefault", "items", "keys")
    )
    dicts = {each for pair in _shared_keys(node) for each in (pair.owner, pair.other)}
    return any(_keys(node, name)) or any(_name(owner) == name for owner in lookups) or name in dicts


def _shared_keys(node: ast.FunctionDef) -> Iterator[SharedKeys]:
    """Yield the dicts that a body reads with the keys of a dict that a loop iterates over.

    A loop over ``params`` itself counts if the body reads ``params[key]``.
    """
    scopes = [
        (part, loop)
        for part in ast.walk(node)
        for loop in ([part] if isinstance(part, ast.For) else getattr(part, "generators", []))
    ]
    for scope, loop in scopes:
        owner, key, is_method = _iterated_keys(loop)
        found = []
        for part in ast.walk(scope):
            name = _name(part.value) if isinstance(part, ast.Subscript) else ""
            around = _around(part.slice, key) if isinstance(part, ast.Subscript) else None
            if owner and key and name and around is not None:
                found.append(SharedKeys(owner, name, *around))
        if is_method or SharedKeys(owner, owner) in found:
            yield from found


def _iterated_keys(loop: ast.For | ast.comprehension) -> tuple[str, str, bool]:
    """Return the dict of a loop over keys, the key, and whether a method of dicts gives the keys.

    ``for k in params``, ``for k in sorted(params.keys())`` and ``for k, v in params.items()`` are
    such loops. The texts are empty for other loops.
    """
    iterated, target = loop.iter, loop.target
    if isinstance(iterated, ast.Call) and _name(iterated.func) in ("sorted", "list"):
        iterated = iterated.args[0] if iterated.args else iterated
    if not isinstance(iterated, ast.Call):
        return _name(iterated), _name(target), False
    method = ast.unparse(iterated.func).rpartition(".")
    if method[2] == "items" and isinstance(target, ast.Tuple):
        return method[0], _name(target.elts[0]), True
    return (method[0], _name(target), True) if method[2] == "keys" else ("", "", False)


def _around(index: ast.expr, key: str) -> tuple[str, str] | None:
    """Return the texts before and after the name ``key`` in an index, as in ``"d" + key``.

    None if the index is something else.
    """
    parts: Sequence[ast.expr] = [index]
    if isinstance(index, ast.BinOp) and isinstance(index.op, ast.Add):
        parts = [index.left, index.right]
    elif isinstance(index, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in index.values]
    places = [place for place, part in enumerate(parts) if _name(part) == key]
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    others = [text for place, text in enumerate(texts) if place not in places]
    if len(places) != 1 or not all(isinstance(text, str) for text in others):
        return None
    before, after = texts[: places[0]], texts[places[0] + 1 :]
    return "".join(map(str, before)), "".join(map(str, after))


SHAPED = frozenset(
    [
        "zeros",
        "ones",
        "empty",
        "full",
        "eye",
        "identity",
        "randn",
        "rand",
        "random",
        "normal",
        "uniform",
        "standard_normal",
        "random_sample",
        "range",
        "arange",
        "reshape",
    ]
)
"""Functions with arguments that are lengths."""


def _uses(nodes: Sequence[ast.FunctionDef], name: str) -> ParameterUses:
    """Return how some bodies use a parameter, or the attribute of ``self`` with its name."""
    parts = [part for node in nodes for part in ast.walk(node)]

    def is_used(node: ast.AST) -> bool:
        """Return whether a node is the parameter."""
        is_own = isinstance(node, ast.Attribute) and _name(node.value) == "self"
        return _name(node) == name or (is_own and getattr(node, "attr", "") == name)

    def is_inside(node: ast.AST) -> bool:
        """Return whether the parameter is used in a node, other than for its shape or length."""
        is_attribute = isinstance(node, ast.Attribute) and node.attr in ("shape", "size", "T")
        if is_attribute or isinstance(node, ast.Compare):
            return False
        is_length = isinstance(node, ast.Call) and _name(node.func) == "len"
        return is_used(node) or (not is_length and any(map(is_inside, ast.iter_child_nodes(node))))

    axes: dict[int, str] = {}
    count = 0
    for part in parts:
        if not (isinstance(part, ast.Assign) and len(part.targets) == 1):
            continue
        target, value = part.targets[0], part.value
        index = value.slice if isinstance(value, ast.Subscript) else None
        shape = value.value if isinstance(value, ast.Subscript) else value
        if not (isinstance(shape, ast.Attribute) and shape.attr == "shape"):
            continue
        if is_used(shape.value) and isinstance(target, ast.Tuple) and index is None:
            axes = {place: _name(item) for place, item in enumerate(target.elts)}
            count = len(target.elts)
        elif is_used(shape.value) and isinstance(index, ast.Constant):
            axes.setdefault(int(str(index.value)), _name(target))
    axes = {place: word for place, word in axes.items() if word != "_"}
    lengths = [
        argument
        for part in parts
        if isinstance(part, ast.Call) and _last_name(part.func) in SHAPED
        for argument in _length_arguments(part)
    ]
    whole = [part for part in parts if isinstance(part, ast.Subscript) and is_used(part.value)]
    items = [
        part.slice.value + 1
        for part in whole
        if isinstance(part.slice, ast.Constant) and isinstance(part.slice.value, int)
    ]
    unpacked = [
        part.target
        for part in parts
        if isinstance(part, ast.For | ast.comprehension) and is_used(part.iter)
    ]
    each = [tuple(map(_name, target.elts)) for target in unpacked if isinstance(target, ast.Tuple)]
    slices = [part.slice for part in parts if isinstance(part, ast.Subscript)]
    selected = [s for s in slices if not any(isinstance(each, ast.Slice) for each in ast.walk(s))]
    is_list = bool(items) and len(items) == len(whole)
    tests = [part.test for part in parts if isinstance(part, ast.If | ast.IfExp)]
    conditions = [
        test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else test
        for test in tests
    ]
    computed = [
        child
        for part in parts
        if isinstance(part, ast.BinOp | ast.Compare | ast.Subscript | ast.Attribute)
        for child in ast.iter_child_nodes(part)
    ]
    calls = [
        sum(not isinstance(argument, ast.Starred) for argument in part.args)
        for part in parts
        if isinstance(part, ast.Call) and is_used(part.func)
    ]
    return ParameterUses(
        tuple(axes.get(place, "") for place in range(max([count, *(n + 1 for n in axes)]))),
        any(is_inside(node) for node in selected),
        any(map(is_inside, lengths)) and not whole,
        max(items) if is_list else 0,
        each[0] if each else (),
        any(map(is_used, conditions)) and not any(map(is_used, computed)),
        max(calls, default=0),
    )


def _length_arguments(call: ast.Call) -> Iterator[ast.expr]:
    """Yield the arguments of a numpy call that say the shape of its result.

    The name of the called function is in `SHAPED`, for instance `zeros` or `reshape`.
    """
    name = _last_name(call.func)
    is_of_numpy = isinstance(call.func, ast.Attribute) and _name(call.func.value) == "np"
    if name in ("normal", "uniform"):
        yield from call.args[2:]
    elif name == "reshape" and is_of_numpy:
        yield from call.args[1:]
    elif name == "full":
        yield from call.args[:1]
    else:
        yield from call.args
    yield from (k.value for k in call.keywords if k.arg in ("size", "shape", "N", "M"))


def _last_name(node: ast.expr) -> str:
    """Return the last part of a dotted name: ``zeros`` for ``np.zeros``."""
    return node.attr if isinstance(node, ast.Attribute) else _name(node)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _texts(key: ast.expr, layers: Sequence[str] = LAYERS_OF_OUTPUTS) -> Iterator[str]:
    """Yield a constant key, or the keys of some layers for ``"W" + str(l)``."""
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        yield key.value
    elif isinstance(key, ast.BinOp | ast.JoinedStr):
        words = [part.value for part in ast.walk(key) if isinstance(part, ast.Constant)]
        first = next((word for word in words if isinstance(word, str)), "")
        yield from (first.replace("%d", "") + number for number in layers if first)


def _choices(node: ast.FunctionDef, name: str) -> Iterator[str]:
    """Yield the texts that a body compares a parameter with."""
    for part in _own_nodes(node):
        if isinstance(part, ast.Compare) and _name(part.left) == name:
            yield from _compared_texts(part)


def _compared_texts(comparison: ast.Compare) -> Iterator[str]:
    """Yield the constant texts that a comparison has to the right of its first operator."""
    for other in comparison.comparators:
        if isinstance(other, ast.Constant) and isinstance(other.value, str):
            yield other.value


def _modes(node: ast.FunctionDef, owner: str) -> Iterator[tuple[str, str]]:
    """Yield a pair of key and text for each text that a dict's entry is compared with.

    ``owner`` is the name of the dict: ``config["mode"] == "test"`` gives ("mode", "test"). The
    entry may have a name of its own, as after ``mode = config["mode"]``.
    """
    keys: dict[str, str] = {}
    for part in _own_nodes(node):
        if isinstance(part, ast.Assign) and len(part.targets) == 1:
            if key := _entry_key(part.value, owner):
                keys[_name(part.targets[0])] = key
        elif isinstance(part, ast.Compare):
            key = _entry_key(part.left, owner) or keys.get(_name(part.left), "")
            yield from ((key, text) for text in _compared_texts(part) if key)


def _entry_key(node: ast.expr, owner: str) -> str:
    """Return the constant key of an expression that reads an entry of the dict ``owner``.

    Empty if the expression is no such entry: ``owner["mode"]`` or ``owner.get("mode", ...)``.
    """
    key: ast.expr | None = None
    if isinstance(node, ast.Subscript) and _name(node.value) == owner:
        key = node.slice
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == f"{owner}.get" and node.args:
        key = node.args[0]
    return next(_texts(key, ()), "") if key is not None else ""


def _attributes(node: ast.FunctionDef) -> Iterator[str]:
    """Yield the attributes of ``self`` that a method assigns.

    For a dict the entries follow: ``params['W1']`` for ``self.params['W1'] = W`` and for
    ``self.params = {"W1": W}``.
    """
    for part in _own_nodes(node):
        if not isinstance(part, ast.Assign | ast.AugAssign | ast.AnnAssign):
            continue
        targets = part.targets if isinstance(part, ast.Assign) else [part.target]
        for target in targets:
            for item in target.elts if isinstance(target, ast.Tuple) else [target]:
                entry = item.value if isinstance(item, ast.Subscript) else item
                if not (isinstance(entry, ast.Attribute) and _name(entry.value) == "self"):
                    continue
                if isinstance(item, ast.Subscript):
                    keys = [*_texts(item.slice)]
                else:
                    yield entry.attr
                    keys = [*_display_keys(part.value)]
                yield from (f"{entry.attr}[{key!r}]" for key in keys)


def _display_keys(value: ast.expr | None) -> Iterator[str]:
    """Yield the constant keys of a dict display, or of a call ``dict(W=..., b=...)``."""
    if isinstance(value, ast.Dict):
        yield from (key for node in value.keys if node is not None for key in _texts(node, ()))
    elif isinstance(value, ast.Call) and _name(value.func) == "dict":
        yield from (keyword.arg for keyword in value.keywords if keyword.arg)
