"""Parse and run the lines of a check, which use a small part of Python's grammar.

    out, cache = affine_forward(x, w, b)
    layer = Linear(D, M)
    layer.W = w
    y = layer(x)
    grads = backward(parameters, cache, X, Y)

A line is an assignment or a call. It consists of names, calls with keywords, constants, tuples,
lists and dicts, attributes, subscripts, unpacking, and arithmetic on these. Other code is refused:
loops, conditions, definitions, names that begin with an underscore, and attributes that begin with
two. Only names in
`gradkit.lines` are allowed of numpy, of attributes of arrays and of built-in functions, so
that an assignment file cannot write a file or load a library. The same lines are run with the
student's functions in the student's process, and with those of the model solution.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradkit.records.task import Call, FunctionCheck, Lines

NUMPY = frozenset(
    """
    abs absolute add all allclose amax amin any append arange arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh argmax argmin argpartition argsort argwhere around array array_equal asarray
    atleast_1d atleast_2d atleast_3d average bincount bool_ broadcast_to cbrt ceil clip column_stack
    concatenate copy cos cosh count_nonzero cov cross cumprod cumsum deg2rad diag diagonal diff
    divide dot dstack e einsum empty empty_like equal exp exp2 expand_dims expm1 eye fabs flip
    fliplr flipud float32 float64 floor floor_divide fmax fmin full full_like greater greater_equal
    heaviside histogram hstack hypot identity inf inner int32 int64 interp isclose isfinite isin
    isinf isnan kron less less_equal linalg.cholesky linalg.det linalg.eigh linalg.eigvalsh
    linalg.inv linalg.lstsq linalg.norm linalg.pinv linalg.qr linalg.solve linalg.svd linspace log
    log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor logspace matmul max
    maximum mean median meshgrid min minimum mod moveaxis multiply nan nan_to_num nanmax nanmean
    nanmin nanstd nansum nanvar ndim negative newaxis nonzero not_equal ones ones_like outer pad
    partition percentile pi positive power prod ptp quantile rad2deg random.choice random.normal
    random.permutation random.rand random.randint random.randn random.random random.seed
    random.uniform ravel reciprocal remainder repeat reshape resize rint roll rollaxis rot90 round
    searchsorted shape sign sin sinc sinh size sort split sqrt square squeeze stack std subtract sum
    swapaxes take take_along_axis tan tanh tensordot tile trace transpose tri tril triu true_divide
    trunc unique var vdot vstack where zeros zeros_like
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Functions and constants of numpy that only compute, by the name after ``np.``."""

ATTRIBUTES = frozenset(
    """
    accumulate add all any append argmax argmin argpartition argsort astype at base byteswap
    capitalize casefold center choose clear clip compress conj conjugate copy count cumprod
    cumsum data decode denominator device diagonal difference discard dot dtype encode endswith
    extend fields fill find flags flat flatten fromkeys get hex identity imag index indices
    insert intersection is_integer isalpha isdigit isdisjoint issubset issuperset item items
    itemsize join keys kind ljust lower lstrip max mean min mT name names nbytes ndim nonzero
    numerator obj outer partition pop popitem prod ptp put ravel real reduce reduceat release
    remove repeat replace reshape resize reverse rfind rindex rjust round rsplit rstrip
    searchsorted setdefault shape signature size sort split splitlines squeeze start startswith
    std step stop strides strip sum swapaxes swapcase T take title tobytes tolist trace
    transpose type union update upper values var zfill
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Attributes of arrays, numbers, texts and containers that can neither write nor load."""

BUILTINS = frozenset(
    """
    abs all any bool complex dict divmod enumerate float int len list max min pow range reversed
    round set slice sorted str sum tuple zip
    """.split()  # noqa: SIM905  (two hundred quoted words are hard to read)
)
"""Built-in functions that only compute. No student is asked to write one of these names."""

_VALUE_TYPES = (
    *(np.ndarray, np.float64, np.int64, np.bool_, np.complex128, np.str_, np.void, np.dtype),
    *(np.ufunc, np.flatiter, memoryview, object, type, FunctionType, BuiltinFunctionType),
    *(MethodType, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set),
    *(frozenset, range, slice),
)
"""Types whose attributes `attributes_of_values` lists."""


@lru_cache(maxsize=1)
def attributes_of_values() -> frozenset[str]:
    """Return the names of all attributes of built-in values and of numpy's values.

    Any other attribute can only belong to an object of the exercise, as ``layer.W``.
    """
    return frozenset(name for kind in _VALUE_TYPES for name in dir(kind))


Arrays = Mapping[str, NDArray[Any]]


class LinesError(ValueError):
    """A text is not a valid line of a check: what was found, and what is allowed.

    ``key`` is the key of the text in the assignment file, if the caller does not know it.
    """

    def __init__(self, found: str, expected: str, key: str = "") -> None:
        super().__init__(f"{found}; expected {expected}")
        self.found, self.expected, self.key = found, expected, key


_ALLOWED_NODES = (
    *(ast.Name, ast.Call, ast.keyword, ast.Constant, ast.Tuple, ast.List, ast.Dict),
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.BinOp, ast.UnaryOp),
    *(ast.operator, ast.unaryop, ast.expr_context),
)
"""Types of nodes that an expression may have."""

_ALLOWED_IN_WORDS = "names, calls, constants, displays, attributes, subscripts and arithmetic"

LONGEST = 200
"""Largest number of characters of a text that a message quotes."""


def _parse(text: str, mode: str) -> Any:
    """Parse a text as Python code.

    ``mode`` is ``eval`` for an expression or ``exec`` for statements.

    Raises
    ------
    LinesError
        The text is not valid Python.
    """
    try:
        tree = ast.parse(text.strip(), mode=mode)
        # Some errors are only found here, such as two stars or a repeated keyword.
        compile(text.strip(), "<check>", mode, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error) or "it is nested too deeply"
        raise LinesError(
            f"{_short(text)} is not valid Python: {reason}", _ALLOWED_IN_WORDS
        ) from None
    return tree


def _short(text: str) -> str:
    """Quote a text, cut after `LONGEST` characters."""
    text = text.strip()
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _refuse_outside_grammar(text: str, node: ast.AST) -> None:
    """Raise LinesError if an expression of a text is not in the grammar of lines.

    ``node`` is the syntax tree of ``text``, which the message quotes. Names that begin with an
    underscore, attributes that begin with two, other names of numpy than the listed ones, and
    attributes of Python's own values are refused too.
    """
    for part in ast.walk(node):
        if not isinstance(part, _ALLOWED_NODES):
            found = type(part).__name__
            raise LinesError(f"{_short(text)} has a {found}", _ALLOWED_IN_WORDS)
        names = [getattr(part, kind, None) or "" for kind in ("id", "attr", "arg")]
        # Classes of some courses keep their arrays in attributes such as `_gradient`.
        own = isinstance(part, ast.Attribute) and not part.attr.startswith("__")
        for name in names:
            if name.startswith("_") and not own:
                raise LinesError(f"{_short(text)} names {name!r}", "names that begin with a letter")
    _refuse_unlisted(text, node)


def _refuse_unlisted(text: str, node: ast.AST) -> None:
    """Refuse an expression that uses a name of numpy or an attribute of values that is not listed.

    Raises
    ------
    LinesError
        The text says which name was found, and which names are allowed.
    """
    parents = {id(child): part for part in ast.walk(node) for child in ast.iter_child_nodes(part)}
    of_numpy: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id == "np":
            of_numpy |= _numpy_chain(text, part, parents)
    for part in ast.walk(node):
        if not isinstance(part, ast.Attribute) or id(part) in of_numpy:
            continue
        if part.attr in attributes_of_values() - ATTRIBUTES:
            allowed = ", ".join(sorted(ATTRIBUTES))
            raise LinesError(
                f"{_short(text)} uses the attribute {part.attr!r}",
                f"attributes of the course's objects, or of values: {allowed}",
            )


def _numpy_chain(text: str, name: ast.Name, parents: Mapping[int, ast.AST]) -> set[int]:
    """Return the ids of the attribute nodes of an allowed ``np.sum`` or ``np.linalg.norm``.

    ``name`` is the node ``np`` in ``text``, and ``parents`` maps the id of each node to the node
    above it.

    Raises
    ------
    LinesError
        The function of numpy is not allowed, or ``np`` is used without one.
    """
    nodes: list[ast.Attribute] = []
    node: ast.AST = name
    while len(nodes) < 2 and isinstance(node := parents.get(id(node), name), ast.Attribute):
        nodes.append(node)
        if ".".join(part.attr for part in nodes) in NUMPY:
            return {id(part) for part in nodes}
    if not nodes:
        raise LinesError(f"{_short(text)} uses np by itself", "one of its functions, as np.sum")
    found = ".".join(["np", *(part.attr for part in nodes)])
    allowed = ", ".join(sorted(NUMPY))
    raise LinesError(f"{_short(text)} uses {found}", f"np. and one of: {allowed}")


def _refuse_builtin(text: str, call: ast.Call) -> None:
    """Raise LinesError if a line calls a built-in function that is not listed, as ``open``."""
    if not isinstance(call.func, ast.Name):
        return
    name = call.func.id
    if name in vars(builtins) and name not in BUILTINS:
        allowed = ", ".join(sorted(BUILTINS))
        raise LinesError(
            f"{_short(text)} calls Python's own {name}",
            f"functions of the exercise, or built-in functions that compute: {allowed}",
        )


def read_expression(text: str) -> frozenset[str]:
    """Check that a text is an expression of the grammar, and return the names in it.

    Raises
    ------
    LinesError
        The text is not such an expression.
    """
    tree = _parse(text, "eval")
    _refuse_outside_grammar(text, tree.body)
    return frozenset(part.id for part in ast.walk(tree) if isinstance(part, ast.Name))


def words_in(check: FunctionCheck) -> set[str]:
    """Return all names and attributes in the lines and expressions of a check."""
    return words_of(*map(ast.parse, (check.call.text, *check.compare, check.of)))


def words_of(*nodes: ast.AST) -> set[str]:
    """Return all names and attributes in some nodes of code."""
    parts = [part for node in nodes for part in ast.walk(node)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}


def attributes_of(text: str, owners: Mapping[str, str]) -> frozenset[str]:
    """Return the attributes that lines use of objects whose class is known, as ``Linear.W``.

    ``owners`` maps names of objects to names of their classes. Methods are not included.
    """
    tree = _parse(text, "exec")
    methods = {id(part.func) for part in ast.walk(tree) if isinstance(part, ast.Call)}
    return frozenset(
        f"{owner}.{part.attr}"
        for part in ast.walk(tree)
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name)
        if id(part) not in methods and (owner := owners.get(part.value.id))
    )


def attributes_renamed(text: str, owners: Mapping[str, str]) -> frozenset[str]:
    """Return the attributes that lines set from other attributes of the same object.

    ``owners`` maps names of objects to names of their classes. In ``layer.dLdW = layer.dW.T`` the
    result is ``Linear.dLdW``: the class itself need not have it. Attributes of any object of the
    same class count as such.
    """
    renamed: set[str] = set()
    for node in _parse(text, "exec").body:
        if isinstance(node, ast.Assign):
            made = {each for t in node.targets for each in attributes_of(ast.unparse(t), owners)}
            read = attributes_of(ast.unparse(node.value), owners)
            classes = {name.partition(".")[0] for name in read}
            renamed |= {n for n in made - read if n.partition(".")[0] in classes}
    return frozenset(renamed)


def read_lines(text: str, owners: MutableMapping[str, str] | None = None) -> Lines:
    """Parse the lines of a check.

    Parameters
    ----------
    text : str
        Lines, or statements separated by semicolons.
    owners : dict of str to str, optional
        Class of each object that earlier lines have made, by name. Objects of these lines are
        added.

    Returns
    -------
    Lines
        Names that the lines read, assign and change, and their calls.

    Raises
    ------
    LinesError
        A line is not in the grammar.

    Examples
    --------
    >>> lines = read_lines("layer = Linear(D, M); out = layer.forward(x)")
    >>> lines.makes, [call.function for call in lines.calls]
    (('layer', 'out'), ['Linear', 'Linear.forward'])

    A call of an object is a call of its method ``__call__``:

    >>> [call.function for call in read_lines("layer = Linear(D, M); out = layer(x)").calls]
    ['Linear', 'Linear.__call__']
    """
    owners = {} if owners is None else owners
    reads: set[str] = set()
    made: list[str] = []
    changes: set[str] = set()
    calls: list[Call] = []
    for node in _parse(text, "exec").body:
        line = ast.get_source_segment(text.strip(), node) or text
        targets: list[ast.expr] = []
        value: ast.expr
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            value = node.value
        else:
            found = type(node).__name__
            raise LinesError(f"{_short(line)} has a {found}", "a line that assigns, or calls")
        assigned = [pair for target in targets for pair in _targets(line, target)]
        for expression in (*targets, value):
            _refuse_outside_grammar(line, expression)
        called = [part for part in ast.walk(value) if isinstance(part, ast.Call)]
        functions = [part.func for part in called if not _is_object(_called(part)[1], owners)]
        reads |= _loaded(value, functions) - {*made}
        for part in called:
            _refuse_builtin(line, part)
            owner, name = _called(part)
            if not owner and _is_object(name, owners):
                owner, name = name, "__call__"
            # A method may change its object; a function of numpy changes nothing that is called np.
            changes |= {owner} - {"", "np"}
            # A method is recorded with the class of its object, if that is known.
            name = f"{owners[owner]}.{name}" if owners.get(owner) else name if not owner else ""
            if name and name not in BUILTINS:
                keywords = tuple(keyword.arg for keyword in part.keywords if keyword.arg)
                calls.append(Call(name, len(part.args), keywords))
        for target in targets:
            reads |= _loaded(target) - {*made}
        for name, whole in assigned:
            if whole:
                owners[name] = name if name == _called(value)[1] else ""
            if not whole:
                changes.add(name)
            elif name not in made:
                made.append(name)
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            owner, name = _called(value)
            owners[targets[0].id] = "" if owner else name or _owner_of_operands(value, owners)
    return Lines(
        text.strip(), tuple(sorted(reads)), tuple(made), tuple(sorted(changes)), tuple(calls)
    )


def _called(value: ast.expr) -> tuple[str, str]:
    """Return the object and the method's name of a method call, or an empty text and the function.

    Both texts are empty for other expressions.
    """
    function = value.func if isinstance(value, ast.Call) else None
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id, function.attr
    return "", function.id if isinstance(function, ast.Name) else ""


def _is_object(name: str, owners: Mapping[str, str]) -> bool:
    """Return whether lines have made the object ``name``, whose class ``owners`` may have.

    A value with the name of the function that returns it is none: in ``loss = loss(x, y)``, a later
    line may call the function again.
    """
    return owners.get(name, name) != name


def _owner_of_operands(value: ast.expr, owners: Mapping[str, str]) -> str:
    """Return the class of the first object in arithmetic on objects, or an empty text.

    ``owners`` maps names of objects to names of their classes. The result of ``a * b + 1`` is taken
    for an object of the class of ``a``.
    """
    if isinstance(value, ast.UnaryOp):
        return _owner_of_operands(value.operand, owners)
    if isinstance(value, ast.BinOp):
        sides = (value.left, value.right)
        return next(filter(None, (_owner_of_operands(side, owners) for side in sides)), "")
    return owners.get(value.id, "") if isinstance(value, ast.Name) else ""


def _loaded(node: ast.expr, but: Collection[ast.expr] = ()) -> set[str]:
    """Return the names that an expression reads, except at the nodes ``but``.

    The target of an assignment reads names too, as ``x`` and ``i`` in ``x[i] = 1``.
    """
    return {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part not in but
    }


def _targets(line: str, target: ast.expr) -> Iterator[tuple[str, bool]]:
    """Yield the names that a target assigns; True for a whole name, False for a part of its value.

    Raises
    ------
    LinesError
        The target is not a name or a part of one, or is a part of numpy.
    """
    if any(isinstance(part, ast.Name) and part.id == "np" for part in _bases(target)):
        raise LinesError(f"{_short(line)} assigns to np", "another name before =")
    if isinstance(target, ast.Name):
        yield target.id, True
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _targets(line, part)
    elif isinstance(target, ast.Starred):
        yield from _targets(line, target.value)
    elif isinstance(target, ast.Attribute | ast.Subscript):
        *_, base = _bases(target)
        if not isinstance(base, ast.Name):
            raise LinesError(
                f"{_short(line)} assigns to {_short(ast.unparse(target))}",
                "a name before =, or an attribute or entry of one",
            )
        yield base.id, False


def _bases(target: ast.expr) -> Iterator[ast.expr]:
    """Yield a target and the expressions that it is a part of: for ``x.y[0]`` ``x.y`` and ``x``."""
    yield target
    while isinstance(target, ast.Attribute | ast.Subscript):
        target = target.value
        yield target


# --- run -------------------------------------------------------------------------------


class ReturnedError(TypeError):
    """A function returned something that a line cannot unpack into its targets."""


class _Statement(NamedTuple):
    """A compiled line. If it unpacks what a call returns, ``assign`` does that in a second step.

    ``assign`` stores the parts of the value of the name `_VALUE` in ``targets``.
    """

    code: CodeType
    assign: CodeType | None = None
    function: str = ""
    targets: tuple[str, ...] = ()


_VALUE = "_returned"
"""Name of the value that is unpacked. Lines cannot use it, as it begins with an underscore."""


def run(text: str, names: dict[str, Any]) -> None:
    """Execute lines in the namespace ``names``, which gets the names that they assign.

    Raises
    ------
    ReturnedError
        A line has several targets, and the function returned None or another number of values.
    """
    for each in _compile_statements(text):
        if each.assign is None:
            exec(each.code, names)  # noqa: S102  (checked against the grammar)
            continue
        value = eval(each.code, names)  # noqa: S307
        _refuse_other_count(value, each)
        names[_VALUE] = value
        try:
            exec(each.assign, names)  # noqa: S102
        finally:
            del names[_VALUE]


def _refuse_other_count(value: Any, line: _Statement) -> None:
    """Raise ReturnedError if a returned value is not the tuple or list that a line unpacks.

    Other objects are unpacked by Python, except None, numbers and arrays. An array is accepted if
    it has one row for each target.
    """
    count = len(line.targets)
    found = "1 array" if isinstance(value, np.ndarray) else ""
    if value is None:
        found = "None"
    elif isinstance(value, int | float | complex | np.generic):
        found = "1 number"
    elif type(value) in (tuple, list) and len(value) != count:
        found = "1 value" if len(value) == 1 else f"{len(value)} values"
    # An array with a row for each target is unpacked as a tuple is.
    if not found or (isinstance(value, np.ndarray) and value.shape[:1] == (count,)):
        return
    wanted = f"{count} values, for {', '.join(f'`{each}`' for each in line.targets)}"
    raise ReturnedError(f"`{line.function}` returns {found}; it has to return {wanted}")


@lru_cache(maxsize=1000)
def _compile_statements(text: str) -> tuple[_Statement, ...]:
    """Compile lines, one statement after the other."""
    return tuple(map(_compile_statement, ast.parse(text).body))


def _compile_statement(node: ast.stmt) -> _Statement:
    """Compile a line, in two steps if it unpacks what a call of a named function returns."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        (target, *others), function = node.targets, "".join(filter(None, _called(node.value)[1:]))
        parts = target.elts if isinstance(target, ast.Tuple) else []
        if function and parts and not others and not any(isinstance(p, ast.Starred) for p in parts):
            value = ast.Expression(node.value)
            name = ast.copy_location(ast.Name(_VALUE, ast.Load()), node.value)
            assign = ast.Module([ast.copy_location(ast.Assign([target], name), node)], [])
            return _Statement(
                compile(value, "<check>", "eval", dont_inherit=True),
                compile(assign, "<check>", "exec", dont_inherit=True),
                function,
                tuple(map(ast.unparse, parts)),
            )
    module = ast.Module([node], [])
    return _Statement(compile(module, "<check>", "exec", dont_inherit=True))


def unpacked_into(text: str) -> tuple[str, ...]:
    """Return the targets of the last line that unpacks what a function returns; none if none does.

    Examples
    --------
    >>> unpacked_into("net = Net(D); loss, grads = net.loss(X, y)")
    ('loss', 'grads')
    """
    unpacking = [each for each in _compile_statements(text) if each.assign is not None]
    return unpacking[-1].targets if unpacking else ()


def value_of(expression: str, names: dict[str, Any]) -> Any:
    """Return the value of an expression in a namespace."""
    return eval(_compile(expression.strip()), names)  # noqa: S307


@lru_cache(maxsize=1000)
def _compile(expression: str) -> CodeType:
    """Compile an expression."""
    return compile(expression, "<check>", "eval", dont_inherit=True)


# --- inputs, for sending to another process ------------------------------------------------


def packed(values: Mapping[str, Any]) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Split nested inputs into a tree for JSON, and the arrays and floats in it by number.

    ``values`` are inputs by name: dicts, lists, tuples, arrays and plain values. The tree has a
    number in the place of each array and float.
    """
    arrays: dict[str, NDArray[Any]] = {}

    def tree(value: Any) -> Any:
        """Return the JSON tree of a value; arrays and floats are replaced by their numbers."""
        if isinstance(value, Mapping):
            return {"dict": [[key, tree(item)] for key, item in value.items()]}
        if isinstance(value, list | tuple):
            return {type(value).__name__: [tree(item) for item in value]}
        if isinstance(value, np.ndarray | float):
            name = str(len(arrays))
            arrays[name] = np.asarray(value)
            return {"array" if isinstance(value, np.ndarray) else "float": name}
        return {"plain": value}

    return tree(dict(values)), arrays


def unpacked(tree: Mapping[str, Any], arrays: Arrays) -> Any:
    """Join a tree and its arrays into nested inputs, with new copies of the arrays."""
    ((kind, value),) = tree.items()
    return _BUILDERS[kind](value, arrays)


_BUILDERS: Mapping[str, Callable[[Any, Arrays], Any]] = {
    "dict": lambda items, arrays: {key: unpacked(item, arrays) for key, item in items},
    "list": lambda items, arrays: [unpacked(item, arrays) for item in items],
    "tuple": lambda items, arrays: tuple(unpacked(item, arrays) for item in items),
    "array": lambda name, arrays: arrays[name].copy(),
    "float": lambda name, arrays: float(arrays[name]),
    "plain": lambda value, arrays: value,
}


def arrays_in(value: Any) -> list[NDArray[Any]]:
    """List the arrays in nested dicts, lists and tuples, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    parts: Sequence[Any] = ()
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list | tuple):
        parts = value
    return [array for part in parts for array in arrays_in(part)]


CONTAINERS = (dict, list, tuple, deque, OrderedDict, defaultdict)
"""Types of containers that `with_new_containers` copies."""


def with_new_containers(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return a namespace with copies of the containers in its values, and with all other objects.

    A backward pass may remove values from its cache, as by ``cache.pop()``: with a copy, a second
    call gets the full cache. Arrays in it are not copied, so that a change of an array in place is
    still visible in the second call. Only objects of the exact types in `CONTAINERS` are copied.
    Names that begin with ``__`` are left out.
    """
    known: dict[int, Any] = {}

    def copied(value: Any) -> Any:
        """Return a copy of a container with copied containers in it; other values unchanged."""
        if type(value) not in CONTAINERS:
            return value
        if id(value) not in known:
            if isinstance(value, tuple):
                return tuple(map(copied, value))
            # Stored before it is filled, since a container may contain itself.
            known[id(value)] = other = copy.copy(value)
            keys = list(value) if isinstance(value, dict) else range(len(value))
            for key in keys:
                other[key] = copied(value[key])
        return known[id(value)]

    return {name: copied(value) for name, value in names.items() if not name.startswith("__")}


def snapshot(value: Any) -> list[bytes]:
    """Return the bytes of all arrays in a value, for a later comparison."""
    return [array.tobytes() for array in arrays_in(value)]
