"""Propose inputs for the parameters of a function, by its docstring, by names and by its body.

In: a parameter, and what is known from the functions before. Out: expressions of an assignment
file, as ``normal(N, D)``, the most likely one first; `gradkit.drafting.search` runs the function to
find out which one fits. A length of which nothing is known is ``?``: it gets a size of its own.
Unknown lengths of a dict's entries that are equal have the same number: ``?1``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from gradkit.drafting.handout import HandoutParameter

Shape = tuple[str, ...]
"""The length of each axis: the name of a size, a number, or an expression of these."""


class Guess(Struct, frozen=True):
    """A proposed input: ``value`` is an expression, or a table of them; ``why`` is the reason.

    With ``link`` nothing is drawn: it is the name of a value that an earlier function returns, or
    of a function of numpy.
    """

    value: Any
    why: str
    link: str = ""


class Known(Struct):
    """What is known from the functions before, by the names of arrays and of dicts.

    ``arrays`` and ``tables`` have shapes, and ``inputs`` the expressions of inputs. ``functions``
    are the names of all functions and classes of the handout.
    """

    arrays: dict[str, Shape] = field(default_factory=dict)
    tables: dict[str, dict[str, Shape]] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()

    def shape_of(self, name: str) -> Shape | None:
        """Return the shape of an array or of an entry of a dict with this name."""
        entries = (table[name] for table in self.tables.values() if name in table)
        shape = self.arrays.get(name) or next(entries, None)
        return None if shape is None else tuple(re.sub(r"\?\d+", "?", axis) for axis in shape)


INITIALISERS = {r"w\w*_init\w*": "np.random.randn", r"b\w*_init\w*": "np.zeros"}
"""Functions that are passed to a constructor, by the names of parameters."""

ELEMENTWISE = ("np.tanh", "np.sin", "np.arctan", "np.cos")
"""Functions that are passed where a body calls a parameter with one argument."""

SCALAR_FUNCTIONS = re.compile(r"f\d?|fu?nc?\w*|objective\w*|loss\w*|cost\w*|J")
"""Names of parameters that are functions with a number as result."""

ROUNDS = re.compile(r"(n_?|num_?|max_?)?(epochs?|iter\w*|steps)")
"""Names of the number of rounds of a function that repeats something."""

CLASSES = ("num_classes", "n_classes", "C", "K")
"""Names of the number of classes."""

AXES = ("N", "D", "M", "K", "P", "Q", "R", "S", "U", "V")
"""Sizes of arrays whose shape is not documented."""

LABELS = "label_count"
"""Size that is the number of classes of labels, before it is known which size that is."""

FOUND = "found by running the model solution"
"""Reason for an input of which only the model solution says something."""

WINDOWS = re.compile(r"HH|WW|f|k|kernel_size|pool_\w+|n_[HW]\w*|[HW](_\w+)?")
"""Names of sizes of windows and of images."""

LENGTHS = (
    (re.compile(rf"{LABELS}(_\d+)?"), tuple(range(41, 60))),
    (re.compile(r"N|m|\w*(examples|records|samples|batch\w*)"), tuple(range(11, 40))),
    (re.compile(r"HH|WW|f|k|kernel_size|pool_\w+|T|T_x"), (2, 3, 4)),
    (re.compile(r"n_[HW]\w*|[HW](_\w+)?"), (6, 7, 8, 9, 10)),
    (re.compile(r".*"), (4, 5, 3, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15)),
)
"""Lengths of sizes by name: examples are more than features, and windows smaller than images."""

NUMBERS: Mapping[str, Any] = {
    **dict.fromkeys(("stride", "pad"), 1),
    "t": 2,
    **dict.fromkeys(("f", "pool_height", "pool_width", "kernel_size"), 2),
    "mode": "'train'",
    "seed": 0,
}
"""Usual values of parameters and of keys of dicts."""

RATES = re.compile(
    r"(learning_)?rate|lr|step_size|reg\w*|alpha|lam\w*|eta|mu|momentum|decay\w*|p|keep_prob|drop\w*|std|"
    r"beta[12]|eps\w*|theta|scale|margin"
)
"""Names of numbers between 0 and 1."""

BIASES = re.compile(r"d?b\w?\d?|bias\w*|gamma|beta|mean|var\w*|running_\w+")
"""Names of arrays that often have a single axis, or an axis of length 1."""

COUNTS = re.compile(r"n_\w+|num_\w+|\w+_(size|dim|features?|channels?)|\w*dims?|classes|hidden")
"""Names of whole numbers that are sizes."""

LISTS = re.compile(r"layers?_?dims?|layer_sizes|hidden_dims|dims|sizes")
"""Names of lists of sizes."""

TARGETS = re.compile(r"[yYtT]|[yY]_true|labels?|targets?")
"""Names of the values that a network should return."""

TYPES = frozenset(
    ["float", "int", "bool", "str", "list", "dict", "tuple", "array", "scalar", "ndarray"]
)
"""Words in parentheses that say a type, not a shape."""

_GROUP = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_MATRIX = re.compile(r"\b([A-Za-z]\w*) (?:x|by|×) ([A-Za-z]\w*) (?:matrix|array)")
_SHAPE_WORD = re.compile(r"(shape|size|dimensions?|array|of|:)[\s:=]*$", re.IGNORECASE)
_BELOW = re.compile(r"<\s*=?\s*([A-Za-z_]\w*)\b(?![\w.]*>)")
_LABEL = re.compile(r"\blabels?\b|\bindex|\bindices\b|\bclass(es)?\b|integer", re.IGNORECASE)
_ONE_HOT = re.compile(r"one[- ]?hot", re.IGNORECASE)
_SIGN = re.compile(r"\+1 (or|and) -1|-1 (or|and) \+?1")
_PROBABLE = re.compile(r"probabilit|sigmoid output|softmax output", re.IGNORECASE)
_SCALAR = re.compile(r"scalar|hyper-?parameter|\bfloat\b|\bnumber between\b", re.IGNORECASE)
_POSITIVE = re.compile(r"variance|positive|square", re.IGNORECASE)


def shape_in(about: str) -> Shape | None:
    """Return the shape that a description names, or None.

    Examples
    --------
    >>> shape_in("Weights, of shape (D, M)")
    ('D', 'M')
    >>> shape_in("bias vector, numpy array of shape (size of the current layer, 1)")
    ('size_current_layer', '1')
    """
    for match in _GROUP.finditer(about):
        parts = [part.strip() for part in re.split(r",|\s+x\s+|×", match[1])]
        has_word = bool(_SHAPE_WORD.search(about[: match.start()]))
        # A single word in parentheses may be anything: "step size (learning rate)".
        is_single = len(parts) == 1 and not (has_word and parts[0].isidentifier())
        if is_single or {part.lower() for part in parts} & TYPES:
            continue
        axes = [axis(part) for part in parts if part and "..." not in part]
        if axes and all(axes):
            return tuple(axes)
    matrix = _MATRIX.search(about)
    return (matrix[1], matrix[2]) if matrix else None


def axis(text: str) -> str:
    """Return the length of an axis as an expression; empty if the text is none.

    A phrase becomes a name: "number of examples" is ``number_examples``, "4H" is ``4 * H``.
    """
    text = re.sub(r"^(\d+)([A-Za-z_]\w*)$", r"\1 * \2", text.strip(" `"))
    if re.fullmatch(r"[\w\s*+/-]+", text) and re.search(r"[*+/-]|^\w+$", text):
        try:
            tree = ast.parse(text, mode="eval").body
        except SyntaxError:
            return ""
        allowed = (ast.BinOp, ast.Name, ast.Constant, ast.operator, ast.expr_context)
        is_simple = all(isinstance(part, allowed) for part in ast.walk(tree))
        return ast.unparse(tree) if is_simple else ""
    words = [word for word in text.split() if word.lower() not in ("of", "the", "our", "for")]
    is_phrase = 1 < len(words) <= 4 and all(word.isidentifier() for word in words)
    return "_".join(word.lower() for word in words) if is_phrase else ""


def names_in(value: Any) -> list[str]:
    """Return the names of sizes in an input, in order."""
    if isinstance(value, Mapping):
        return [name for item in value.values() for name in names_in(item)]
    if isinstance(value, list):
        return [name for item in value for name in names_in(item)]
    if not isinstance(value, str) or value.startswith("'"):
        return []
    calls = set(re.findall(r"(\w+)\(", value))
    names = re.findall(r"[A-Za-z_]\w*", value.removesuffix(".T"))
    return [name for name in names if name not in calls]


def guesses(
    parameter: HandoutParameter, known: Known, descriptions: Mapping[str, str] = {}
) -> list[Guess]:
    """Return proposals for a parameter, the most likely one first; empty to leave it out.

    ``descriptions`` are those of the docstring by name, among them those of the keys of dicts.
    """
    name, about, default = parameter.name, parameter.about, parameter.default
    for pattern, function in INITIALISERS.items():
        if re.fullmatch(pattern, name):
            return [Guess(None, "", function)]
    if parameter.uses.arguments and not default:
        return [Guess(None, "", function) for function in _functions(parameter)]
    if parameter.is_dict:
        table = _table(parameter, known, descriptions)
        needed = {key: value for key, value in table.items() if key in parameter.keys}
        why = "keys of the model solution"
        has_less = needed != table and bool(parameter.keys or parameter.optional)
        return [Guess(table, why), *([Guess(needed, why)] if has_less else [])]
    if isinstance(known.inputs.get(name), Mapping):
        return [Guess(known.inputs[name], "as passed to an earlier function")]
    if parameter.choices:
        chosen = (choice for choice in parameter.choices if repr(choice) == default)
        first = next(chosen, parameter.choices[0])
        return [Guess(repr(repr(first))[1:-1], f"one of {', '.join(parameter.choices)}")]
    if parameter.uses.is_flag and not default:
        return [Guess(True, "a condition, by its use")]
    shape = shape_in(about)
    text = " ".join((about, *descriptions.values()))
    found = [*_documented(about, shape, text)] if shape else []
    if parameter.uses.each and not found:
        parts = [_first(HandoutParameter(part or "part"), known) for part in parameter.uses.each]
        return [Guess([parts, parts], "two items, by the loop of the model solution")]
    if default and not found:
        return _from_default(name, default)
    if name in known.tables and not found:
        entries = {key: array(shape) for key, shape in known.tables[name].items()}
        found.append(Guess(entries, "as returned by an earlier function"))
    if name in known.inputs and about and not shape:
        found.append(Guess(known.inputs[name], "as passed to an earlier function"))
    found += _by_name(parameter, known)
    if "cache" not in name and not shape:
        found += _anything(parameter)
    different: dict[str, Guess] = {}
    for guess in found:
        different.setdefault(repr(guess.value), guess)
    return list(different.values())


def _functions(parameter: HandoutParameter) -> Sequence[str]:
    """Return functions of numpy for a parameter that the body calls, the most likely one first."""
    if parameter.uses.arguments == 1:
        is_scalar = SCALAR_FUNCTIONS.fullmatch(parameter.name)
        number, array = ("np.linalg.norm", "np.sum"), ELEMENTWISE
        return (*number, *array[:1]) if is_scalar else (*array[:1], *number)
    return ("np.hypot", "np.dot") if parameter.uses.arguments == 2 else ()


def array(shape: Shape, draw: str = "normal") -> str:
    """Return the expression that draws an array of a shape."""
    return f"{draw}({', '.join(shape)})"


def _documented(about: str, shape: Shape, text: str) -> Iterator[Guess]:
    """Yield inputs of a documented shape; ``text`` is all that is documented of the function."""
    why = "documented"
    below = _BELOW.findall(about)[-1:]
    classes = below or [name for name in CLASSES if re.search(rf"\b{name}\b", text)]
    if _SIGN.search(about):
        yield Guess(f"2 * {array(shape, 'binary')} - 1", why)
    elif _ONE_HOT.search(about) and len(shape) == 2:
        yield Guess(f"onehot({shape[1]}, {shape[0]})", why)
        yield Guess(f"onehot({shape[0]}, {shape[1]}).T", why)
    elif _LABEL.search(about) and len(shape) == 1:
        yield from (Guess(f"integers({count}, {shape[0]})", why) for count in [*classes, "3"])
    elif (_LABEL.search(about) and shape[0] == "1" and not _PROBABLE.search(about)) or re.search(
        r"\bboolean", about, re.IGNORECASE
    ):
        yield Guess(array(shape, "binary"), why)
    elif _PROBABLE.search(about):
        yield Guess(f"uniform(0.1, 0.9, {', '.join(shape)})", why)
    elif _POSITIVE.search(about):
        yield Guess(array(shape, "positive"), why)
    if _LABEL.search(about) and len(shape) > 1:
        yield from (Guess(f"integers({count}, {', '.join(shape)})", why) for count in below)
    yield Guess(array(shape), why)
    if _LABEL.search(about) and len(shape) > 1:
        yield Guess(f"integers(3, {', '.join(shape)})", why)


def _from_default(name: str, default: str) -> list[Guess]:
    """Return inputs for a parameter with a default: a number is drawn, others are left out."""
    if default.isdigit() and re.fullmatch(r"(mini_?)?batch(_?size)?", name):
        return [Guess(2, "fewer than the examples")]
    if re.fullmatch(r"0?\.\d+|\d+\.\d*", default) and float(default) not in (0.9, 0.99, 0.999):
        return [Guess("uniform(0.1, 0.9)", f"the default is {default}")]
    if default == "None" and name in ("y", "Y", "labels"):
        return [Guess("integers(3, N)", "labels"), Guess("integers(C, N)", "labels")]
    return []


def _by_name(parameter: HandoutParameter, known: Known) -> Iterator[Guess]:
    """Yield inputs that the name of a parameter suggests."""
    name, about = parameter.name, parameter.about
    if name in NUMBERS or ROUNDS.fullmatch(name):
        yield Guess(NUMBERS.get(name, 3), "a usual value")
    elif (RATES.fullmatch(name) or _is_number(about)) and not shape_in(about):
        yield Guess("uniform(0.1, 0.9)", "a number, by its name")
    elif LISTS.fullmatch(name):
        yield Guess(["?"] * (parameter.uses.items or 4), "a list of sizes, by its name")
    elif (
        COUNTS.fullmatch(name)
        or re.match(r"(the )?(size|number|dimension) of", about)
        or (parameter.uses.is_count and not shape_in(about))
    ):
        yield Guess(name, "a size, by its name")
    elif (shape := known.shape_of(name)) or (shape := _shape_of_gradient(name, known)):
        yield Guess(array(shape), "the shape of an earlier value")


def _is_number(about: str) -> bool:
    """Return whether a description says that a parameter is a number, and no array."""
    return bool(_SCALAR.search(about)) and "array" not in about


def _shape_of_gradient(name: str, known: Known) -> Shape | None:
    """Return the shape of the array that a gradient belongs to by its name: ``dout`` to ``out``."""
    return known.shape_of(name[1:].lstrip("_")) if name.startswith("d") and len(name) > 1 else None


def _table(
    parameter: HandoutParameter, known: Known, descriptions: Mapping[str, str]
) -> dict[str, Any]:
    """Return a dict's entries: the best guess for each key."""
    wanted = dict.fromkeys([*parameter.keys, *parameter.optional])
    passed = known.inputs.get(parameter.name)
    if isinstance(passed, Mapping) and wanted and wanted.keys() <= passed.keys():
        return dict(passed)
    tables = [shapes for name, shapes in known.tables.items() if shapes]
    shapes = known.tables.get(parameter.name) or (tables[-1] if tables and not wanted else {})
    earlier = {key: array(shape) for key, shape in shapes.items()}
    if earlier and wanted.keys() <= earlier.keys():
        return earlier
    if not wanted and parameter.is_dict:
        return {"W": "normal(?, ?)", "b": "normal(?)"}
    found = {
        key: guesses(HandoutParameter(key, about=descriptions.get(key, "")), known)
        for key in _existing(wanted, known, descriptions)
    }
    return {key: each[0].value for key, each in found.items() if each}


def _existing(keys: Iterable[str], known: Known, descriptions: Mapping[str, str]) -> Iterator[str]:
    """Yield the keys of a dict that exist: of computed keys, as W1 to W3, those of known layers."""

    def is_known(key: str) -> bool:
        is_described = shape_in(descriptions.get(key, "")) is not None
        return is_described or bool(known.shape_of(key) or _shape_of_gradient(key, known))

    series = {key[:-1] for key in keys if key[-1].isdigit() and is_known(key)}
    yield from (key for key in keys if key[:-1] not in series or is_known(key))


def _anything(parameter: HandoutParameter) -> Iterator[Guess]:
    """Yield arrays and numbers of common shapes, for a parameter of which nothing is known."""
    axes, name = parameter.uses.axes, parameter.name
    known = tuple(axis or "?" for axis in axes)
    square: Shape = (*known, "?", "?")[:2] if len(known) < 2 else known
    flat, column, row = square[:1], (*square[:1], "1"), ("1", "?")
    shapes: Sequence[Shape] = [square, flat, column, row]
    if BIASES.fullmatch(name):
        shapes = [flat, column, row, square]
    if len(known) > 1:
        shapes = [square]
    if _ONE_HOT.search(parameter.about):
        yield Guess("onehot(?, ?)", "one-hot, by its description")
    if parameter.uses.is_index and re.search(r"\b(index|coordinate) ", parameter.about):
        yield Guess(1, "an index, by its description")
    if parameter.uses.is_index:
        yield from (Guess(f"integers({LABELS}, {', '.join(s)})", FOUND) for s in (flat, row))
    yield from (Guess(array(shape), FOUND) for shape in shapes)
    if TARGETS.fullmatch(name) and not parameter.uses.is_index:
        yield Guess(f"integers({LABELS}, ?)", FOUND)
    if parameter.uses.items > 1:
        yield Guess(["?"] * parameter.uses.items, "a list of sizes, by its use")
    if len(known) < 2:
        yield Guess("uniform(0.1, 0.9)", FOUND)
        yield Guess(name, FOUND)


def _first(parameter: HandoutParameter, known: Known) -> Any:
    """Return the most likely input for a parameter."""
    return guesses(parameter, known)[0].value
