"""The lines of a check: what they are made of, what is refused, and how they run."""

from __future__ import annotations

import builtins
from collections import defaultdict, deque
from functools import reduce
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradkit.lines import (
    ATTRIBUTES,
    BUILTINS,
    NUMPY,
    LinesError,
    packed,
    read_expression,
    read_lines,
    run,
    unpacked,
    with_new_containers,
    words_in,
)
from gradkit.records.task import Call, FunctionCheck


def test_what_lines_read_make_and_call() -> None:
    """Names of functions are no names that are read; methods are told by the class."""
    lines = read_lines("layer = Linear(D, M)\nlayer.W = w\nout, (a, *b) = layer.forward(x, n=k)")
    assert lines.makes == ("layer", "out", "a", "b")
    assert set(lines.reads) == {"D", "M", "w", "x", "k"}
    assert set(lines.changes) == {"layer"}
    assert lines.calls == (Call("Linear", 2), Call("Linear.forward", 1, ("n",)))


def test_functions_of_numpy_change_nothing_that_lines_read() -> None:
    """A check that calls `np.sum` needs no earlier check that calls a function of numpy."""
    assert read_lines("a = np.sum(x); np.random.seed(1); b.sort()").changes == ("b",)


def test_functions_of_python_are_not_asked_of_students() -> None:
    """Only functions of the exercise are looked for in a submission."""
    lines = read_lines("first, second = zip(*pairs); number = len(f(first))")
    assert lines.calls == (Call("f", 1),)


def test_a_call_of_an_object_is_a_call_of_its_method() -> None:
    """The object is read, also from earlier lines; of an unknown class nothing is looked for."""
    owners: dict[str, str] = {}
    read_lines("layer = Linear(D); scale, shift = parts(D)", owners)
    lines = read_lines("out = layer(x, n=k); y = scale(out)", owners)
    assert lines.calls == (Call("Linear.__call__", 1, ("n",)),)
    assert set(lines.reads) == {"layer", "x", "k", "scale"}
    assert set(lines.changes) == {"layer", "scale"}


@pytest.mark.parametrize("line", ["loss = loss(x)", "loss, slope = loss(x)"])
def test_a_value_with_the_name_of_its_function_is_no_object(line: str) -> None:
    """Another check may call the function again."""
    owners: dict[str, str] = {}
    read_lines(line, owners)
    again = read_lines("loss_2 = loss(z)", owners)
    assert (again.calls, again.reads) == ((Call("loss", 1),), ("z",))


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("grads['dW'][i] = f(x)", {"grads", "i", "x"}),
        ("layer.W[k] = w", {"layer", "k", "w"}),
        ("a = b = f(a)", {"a"}),
        ("f({'W': w}, [x, 1], (y,), *z, **k)", {"w", "x", "y", "z", "k"}),
        ("y = f(x)[0, 1:n] @ -w.T", {"x", "n", "w"}),
        ("x = f(1); y = g(x)", set()),
    ],
)
def test_what_is_read(text: str, reads: set[str]) -> None:
    """In targets as in values, but for what lines above have made."""
    assert set(read_lines(text).reads) == reads


def test_objects_of_lines_above() -> None:
    """Which class they are of is known in the next check."""
    owners: dict[str, str] = {}
    read_lines("layer = Linear(D)", owners)
    assert read_lines("out = layer.forward(x)", owners).calls == (Call("Linear.forward", 1),)


def test_attributes_may_begin_with_one_underscore() -> None:
    """Classes of some courses keep their arrays in them; values of Python have no such ones."""
    assert read_lines("layer._gradient = f(layer._W)").reads == ("layer",)
    with pytest.raises(LinesError) as caught:
        read_lines("out = f(x.__array__)")
    assert "names '__array__'; expected names that begin with a letter" in str(caught.value)


WORDS = "; expected names, calls, constants, displays, attributes, subscripts and arithmetic"
LINE = "; expected a line that assigns, or calls"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x =", f"'x =' is not valid Python: invalid syntax{WORDS}"),
        ("x = *y", f"'x = *y' is not valid Python: can't use starred expression here{WORDS}"),
        ("f(a=1, a=2)", f"'f(a=1, a=2)' is not valid Python: keyword argument repeated: a{WORDS}"),
        (
            "f(\0)",
            f"'f(\\x00)' is not valid Python: source code string cannot contain null bytes{WORDS}",
        ),
        ("y = f(x) if x else 0", f"'y = f(x) if x else 0' has a IfExp{WORDS}"),
        ("y = [f(i) for i in x]", f"'y = [f(i) for i in x]' has a ListComp{WORDS}"),
        ("y = f(lambda: 1)", f"'y = f(lambda: 1)' has a Lambda{WORDS}"),
        ("y = f(z := 1)", f"'y = f(z := 1)' has a NamedExpr{WORDS}"),
        ("y = f(x) > 0", f"'y = f(x) > 0' has a Compare{WORDS}"),
        ("f(f'{x}')", f"\"f(f'{{x}}')\" has a JoinedStr{WORDS}"),
        ("y = 1\nimport os", f"'import os' has a Import{LINE}"),
        ("y += f(x)", f"'y += f(x)' has a AugAssign{LINE}"),
        ("def f(): pass", f"'def f(): pass' has a FunctionDef{LINE}"),
        ("del x", f"'del x' has a Delete{LINE}"),
        ("x", f"'x' has a Expr{LINE}"),
        ("y: int = f(x)", f"'y: int = f(x)' has a AnnAssign{LINE}"),
        *(
            (text, f"{text!r} names {name!r}; expected names that begin with a letter")
            for text, name in (
                ("y = x.__class__", "__class__"),
                ("y = __import__('os')", "__import__"),
                ("_y = f(x)", "_y"),
                ("y = f(x).__cache", "__cache"),
                ("f(_x=1)", "_x"),
                ("x.__dict__['y'] = f(1)", "__dict__"),
            )
        ),
        *(
            (text, f"{text!r} assigns to {to!r}; expected a name before =, or an attribute or")
            for text, to in (("f(x).y = 1", "f(x).y"), ("'a'.b = f(x)", "'a'.b"))
        ),
    ],
)
def test_what_is_no_line(text: str, told: str) -> None:
    """Refused with what was found, and what may stand there."""
    with pytest.raises(LinesError) as caught:
        read_lines(text)
    assert str(caught.value).startswith(told)


def test_what_is_no_expression() -> None:
    """The same grammar."""
    for text, told in (
        ("x = 1", f"'x = 1' is not valid Python: invalid syntax{WORDS}"),
        ("", f"'' is not valid Python: invalid syntax{WORDS}"),
        ("x and y", f"'x and y' has a BoolOp{WORDS}"),
        ("x.__init__", "'x.__init__' names '__init__'; expected names that begin with a letter"),
    ):
        with pytest.raises(LinesError) as caught:
            read_expression(text)
        assert str(caught.value) == told
    assert read_expression("sum(out * dout) + np.mean(W['a'])") == {
        *("sum", "out", "dout", "np", "W"),
    }


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("zeros(2).tofile('PATH', 'TEXT')", "uses the attribute 'tofile'"),
        ("x.dump('PATH')", "uses the attribute 'dump'"),
        ("x.ctypes.data_as(x)", "uses the attribute 'ctypes'"),
        ("x.view('O')", "uses the attribute 'view'"),
        ("'{0.real}'.format(x)", "uses the attribute 'format'"),
        ("x.dtype.type.mro()", "uses the attribute 'mro'"),
        ("np.ctypeslib.ctypes.CDLL(None).system('true')", "uses np.ctypeslib.ctypes"),
        ("np.save('PATH', x)", "uses np.save"),
        ("np.load('PATH')", "uses np.load"),
        ("np.lib.npyio.DataSource('PATH')", "uses np.lib.npyio"),
        ("np.testing.measure('1')", "uses np.testing.measure"),
        ("np.linalg.linalg.sys.exit()", "uses np.linalg.linalg"),
        ("np.fromfile('PATH')", "uses np.fromfile"),
        ("{'a': np.linalg}['a'].norm(x)", "uses np.linalg;"),
    ],
)
def test_a_name_that_is_not_listed(text: str, found: str) -> None:
    """Lines and expressions refuse it, and list what they allow."""
    for read, line in ((read_expression, text), (read_lines, f"y = {text}")):
        with pytest.raises(LinesError) as caught:
            read(line)
        assert str(caught.value).startswith(f"{line!r} {found}")
        assert ", mean, " in str(caught.value)


@pytest.mark.parametrize("text", ["[np][0].save('PATH', x)", "f(np)", "np[0]", "f(np, np.e)"])
def test_numpy_by_itself(text: str) -> None:
    """Whoever has the module has all of it."""
    with pytest.raises(LinesError) as caught:
        read_expression(text)
    told = f"{text!r} uses np by itself; expected one of its functions, as np.sum"
    assert str(caught.value) == told


@pytest.mark.parametrize("name", ["open", "eval", "exec", "compile", "getattr", "vars", "input"])
def test_a_built_in_function_that_is_not_listed(name: str) -> None:
    """It is no function of an exercise, and could write a file."""
    with pytest.raises(LinesError) as caught:
        read_lines(f"y = f({name}('x'))")
    assert str(caught.value).startswith(
        f"\"y = f({name}('x'))\" calls Python's own {name}; expected functions of the exercise, or "
        "built-in functions that compute: abs, all, any, "
    )


@pytest.mark.parametrize(
    "text", ["np.abs = f(x)", "np = f(x)", "a, np.e = f(x)", "np.pi[0] = f(x)"]
)
def test_numpy_is_not_assigned_to(text: str) -> None:
    """The lines run in the process that grades, too."""
    with pytest.raises(LinesError) as caught:
        read_lines(text)
    assert str(caught.value) == f"{text!r} assigns to np; expected another name before ="


def test_names_that_are_listed() -> None:
    """Functions of numpy, methods of arrays, and whatever an object of the course has."""
    read_expression("np.linalg.norm(W.T @ x.std(axis=0).astype(np.float64)) + np.pi")
    read_expression("np.add.reduce(x).sum()")
    read_lines("layer.update(x); layer.weights.value = float(len(x)); y = layer.forward(x)")


def test_every_listed_name_is_there() -> None:
    """Each name of the list is a function or constant of numpy that is no module."""
    for name in NUMPY:
        value = reduce(getattr, name.split("."), np)
        assert not isinstance(value, ModuleType), name
    assert {name for name in BUILTINS if not hasattr(builtins, name)} == set()
    dangerous = {"ctypes", "dump", "dumps", "format", "format_map", "mro", "setfield", "tofile"}
    assert not ATTRIBUTES & {*dangerous, "view", "newbyteorder", "getfield", "setflags"}


def test_what_is_long_is_shortened() -> None:
    """And what is nested too deeply is no line either."""
    for text in ("f(" * 5000 + ")" * 5000, "-" * 100_000 + "1", "x" + ".y" * 100_000):
        with pytest.raises(LinesError) as caught:
            read_lines(text)
        assert len(str(caught.value)) < 500


TOKENS = st.sampled_from(
    [
        *("x", "y", "f", "np", "_a", "__class__", "'a'", "1", "2.5", "None", "True"),
        *("(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "*", "**", "@", "+", "-", "/", "~"),
        *(" ", "\n", ";", "\n    ", "if ", "for ", " in ", "lambda ", ":=", "await ", "yield "),
        *("f'{", "}'", "\\", "#", "\0", "é", "\ud800", " if ", " else ", "import ", "del ", "not "),
    ]
)
TEXTS = st.one_of(st.lists(TOKENS, max_size=25).map("".join), st.text(max_size=30))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
def test_whatever_is_read(text: str) -> None:
    """Is a line or is refused; and no line has a name that begins with an underscore."""
    for read in (read_lines, read_expression):
        try:
            read(text)
        except LinesError:
            continue
        assert [name for name in names_of(text) if name.startswith("_")] == []


def names_of(text: str) -> set[str]:
    """All names and attributes in a text."""
    import ast

    parts = list(ast.walk(ast.parse(text.strip())))
    return {getattr(part, kind, "") or "" for part in parts for kind in ("id", "attr", "arg")}


def test_words_of_a_check() -> None:
    """Names and attributes in its lines and expressions."""
    check = FunctionCheck(
        "a", 1.0, call=read_lines("y = layer.forward(x)"), compare=("layer.dW",), of="sum(y)"
    )
    assert words_in(check) == {"y", "layer", "forward", "x", "dW", "sum"}


def test_inputs_come_as_they_are() -> None:
    """Dicts, lists, tuples, numbers and words, with fresh arrays every time."""
    x = np.arange(3.0)
    tree, arrays = packed({"p": {"W": x, "n": [1, (2.5, "relu", None)]}})
    first, second = unpacked(tree, arrays), unpacked(tree, arrays)
    assert first["p"]["n"] == [1, (2.5, "relu", None)]
    assert np.array_equal(first["p"]["W"], x)
    first["p"]["W"][0] = 9
    assert second["p"]["W"][0] == x[0] == 0


def test_lines_run() -> None:
    """Over names that are there; what is made is added."""
    names: dict[str, object] = {"f": lambda x, n=1: (x + n, [x]), "x": 2}
    run("y, cache = f(x, n=3)\ncache[0] = y", names)
    assert names["cache"] == [5]


def test_containers_are_new_and_arrays_are_not() -> None:
    """What is taken out of a cache is in the copy; what is changed in an array is too."""
    array = np.ones(2)
    steps = deque([("relu", array)])
    cache = {"x": array, "steps": steps, "sizes": [1, 2], "table": defaultdict(list, a=[array])}
    cache["itself"] = cache
    copies = with_new_containers({"cache": cache, "array": array, "__builtins__": {}})
    steps.pop()
    del cache["x"]
    cache["sizes"].clear()
    array *= 2
    assert list(copies) == ["cache", "array"]
    copied = copies["cache"]
    assert copied["itself"] is copied
    assert copied["x"] is copied["steps"][0][1] is copied["table"]["a"][0] is array
    assert copied["sizes"] == [1, 2]
