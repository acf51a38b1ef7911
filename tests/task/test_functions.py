"""A function task is read as it says, or refused with file, key, found and expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.records.task import Call, Equivalent, FunctionTask
from gradkit.task.assignment import AssignmentError, read_assignment
from gradkit.task.functions import functions_of, steps_of

TEXT = """
schema = "gradkit/assignment/v1"
id = "own"
title = "Own"

[[tasks]]
id = "own"
title = "Own"
kind = "functions"
solution = "own.py"
sizes = { N = [2, 3], D = 4, E = "N * D" }
inputs.x = "normal(N, D)"
inputs.p = { W = "normal(D, E)", b = ["zeros(E)", 0.5] }
hard = [{ x = "1000 * normal(N, D)" }, { N = 1 }]
given = { helpers = "helpers.py", other = "" }
names = { forward = ["fwd"] }
equivalent = [{ line = " a = 1 ", change = "1 -> 2", why = "it is not used" }]

[[tasks.checks]]
name = "forward"
points = 1
call = "out, cache = forward(x, p)"
compare = ["out"]

[[tasks.checks]]
name = "backward"
points = 2
call = "dx, grads = backward(out, cache)"
compare = ["dx", "grads['dW']"]
gradient = { of = "sum(out * out)", dx = "x", "grads['dW']" = "p['W']" }
untouched = ["x"]
"""


def read(folder: Path, old: str = "", new: str = "") -> FunctionTask:
    """The task, with one piece of its text changed."""
    assert old in TEXT
    path = folder / "own.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    (folder / "helpers.py").write_text("one = 1\n", encoding="utf-8")
    (folder / "latin.py").write_bytes(b"# \xe9\n")
    (task,) = read_assignment(path).functions
    return task


def test_it_is_read(tmp_path: Path) -> None:
    """Sizes, inputs, given modules, names, and checks with their lines."""
    task = read(tmp_path)
    assert dict(task.sizes) == {"N": (2, 3), "D": (4,), "E": "N * D"}
    assert dict(task.given) == {"helpers": "one = 1\n", "other": ""}
    assert dict(task.names) == {"forward": ("fwd",)}
    assert task.calls == (Call("forward", 2), Call("backward", 2))
    assert functions_of(task.calls) == ("forward", "backward")
    assert task.equivalent == (Equivalent(line=" a = 1 ", change="1 -> 2", why="it is not used"),)
    forward, backward = task.checks
    assert (backward.of, dict(backward.gradient)) == (
        "sum(out * out)",
        {"dx": "x", "grads['dW']": "p['W']"},
    )
    assert steps_of(task, backward) == [forward, backward]
    assert steps_of(task, forward) == [forward]


CALL = 'call = "out, cache = forward(x, p)"'
WHOLE = "whole numbers from 1, or an expression of other sizes"
NAME = "expected a valid Python name without another meaning"
MADE = "expected names, calls, constants, displays, attributes, subscripts and arithmetic"
KNOWN = (
    "N, D, E, binary, distinct, integers, judged, mask, normal, onehot, ones, positive, "
    "probabilities, uniform, zeros"
)
THERE = "expected a name that exists at this point: D, E, N, np, "

WRONG = [
    # Names.
    ("{ N = [2", '{ "N-1" = 3, N = [2', f"sizes: found 'N-1'; {NAME}"),
    ("{ N = [2", "{ _N = 3, N = [2", f"sizes: found '_N'; {NAME}"),
    ("{ N = [2", "{ normal = 3, N = [2", f"sizes: found 'normal'; {NAME}"),
    ("inputs.x", "inputs.lambda = 1\ninputs.x", f"inputs: found 'lambda'; {NAME}"),
    ("inputs.x", "inputs.N = 1\ninputs.x", f"inputs: found 'N'; {NAME}"),
    ("inputs.x", "inputs.np = 1\ninputs.x", f"inputs: found 'np'; {NAME}"),
    # Sizes.
    ("[2, 3]", "[]", f"sizes.N: found []; expected {WHOLE}"),
    ("[2, 3]", "[2, 0]", f"sizes.N: found [2, 0]; expected {WHOLE}"),
    ("[2, 3]", "true", f"sizes.N: found True; expected {WHOLE}"),
    ("[2, 3]", "2.5", f"sizes.N: found 2.5; expected {WHOLE}"),
    (
        "N * D",
        "N * M",
        "sizes.E: found 'N * M'; expected sizes that are given as numbers: N, D, E",
    ),
    (
        "N * D",
        "2 * E",
        "sizes.E: found '2 * E'; expected sizes that are given as numbers: N, D, E",
    ),
    ("N * D", "N *", f"sizes.E: found 'N *' is not valid Python: invalid syntax; {MADE}"),
    ("N * D", "0 * N", "sizes.E: found '0 * N', which is 0 with N = "),
    ("N * D", "D / 3", "sizes.E: found 'D / 3', which is 1.3333333333333333 with N = "),
    ("N * D", "'a'", "sizes.E: found \"'a'\", which is 'a' with N = "),
    (
        "N * D",
        "N / 0",
        "sizes.E: found 'N / 0', which stops with ZeroDivisionError: division by zero; expected an "
        "expression that can be computed",
    ),
    (
        "{ N = [2",
        "{ hard = [{ N = 1 }], N = [2",
        "sizes.hard: found a key of the table sizes; expected `hard` of the task, above the "
        "heading [tasks.sizes]",
    ),
    # Inputs.
    (
        "inputs.x",
        "inputs.equivalent = [{ line = 'a' }]\ninputs.x",
        "inputs.equivalent: found a key of the table inputs; expected `equivalent` of the task, "
        "above the heading [tasks.inputs]",
    ),
    (
        "normal(N, D)",
        "normal(N, M)",
        f"inputs.x: found 'normal(N, M)' names 'M'; expected one of {KNOWN}",
    ),
    (
        "normal(D, E)",
        "np.zeros(D)",
        f"inputs.p: found 'np.zeros(D)' names 'np'; expected one of {KNOWN}",
    ),
    (
        "0.5]",
        "2020-01-01]",
        "inputs.p: found datetime.date(2020, 1, 1); expected an expression, a number, or a table",
    ),
    (
        "normal(N, D)",
        "normal(N",
        "inputs.x: found 'normal(N' is not valid Python: '(' was never closed",
    ),
    (
        "normal(N, D)",
        "[N for N in D]",
        "found '[N for N in D]' has a ListComp; expected names, calls",
    ),
    ("normal(N, D)", "N.__class__", "found 'N.__class__' names '__class__'; expected names that"),
    (
        "normal(N, D)",
        "normal('a')",
        "inputs.x: found \"normal('a')\", which stops with TypeError: ",
    ),
    (
        "normal(D, E)",
        "normal(N, D) @ normal(N, D)",
        "inputs.p.W: found 'normal(N, D) @ normal(N, D)', which stops with ValueError: ",
    ),
    (
        "zeros(E)",
        "zeros(E)[99]",
        "inputs.p.b[0]: found 'zeros(E)[99]', which stops with IndexError: ",
    ),
    (
        "normal(N, D)",
        "normal",
        "inputs.x: found 'normal', which is a function; expected an array of real numbers",
    ),
    ("normal(N, D)", "1j * ones(N)", "found '1j * ones(N)', which is a ndarray; expected an array"),
    # Hard.
    (
        "{ N = 1 }",
        "{ N = 0 }",
        "hard[1].N: found 0; expected a size: a whole number from 1",
    ),
    ("{ N = 1 }", "{ N = true }", "hard[1].N: found True; expected a size: a whole number from 1"),
    ("{ N = 1 }", "{ M = 1 }", "hard[1].M: found 'M'; expected one of N, D, E, x, p"),
    ("1000 * normal(N, D)", "big(N)", "hard[0].x: found 'big(N)' names 'big'; expected one of N"),
    (
        "1000 * normal(N, D)",
        "ones(N) / 'a'",
        "hard[0].x: found \"ones(N) / 'a'\", which stops with ",
    ),
    # Given.
    (
        '"helpers.py"',
        '"nowhere.py"',
        "given.helpers: found nowhere.py (No such file or directory); expected a Python file",
    ),
    (
        '"helpers.py"',
        '"latin.py"',
        "given.helpers: found latin.py (it is not text in UTF-8); expected a Python file",
    ),
    (
        "{ helpers",
        '{ "a b" = "", helpers',
        "given: found 'a b'; expected a module's name, as it is imported",
    ),
    # Functions.
    (
        "{ forward = [",
        "{ foward = [",
        "names: found 'foward'; expected a function of the checks: backward, forward",
    ),
    (
        "names = {",
        'shared = ["f"]\nnames = {',
        "shared: found 'f'; expected a function of the checks: backward, forward",
    ),
    # Equivalent.
    (
        'why = "it is not used"',
        'why = ""',
        "equivalent[0].why: found ''; expected `str` of length >= 1",
    ),
    (', why = "it is not used"', "", "equivalent[0]: object missing required key `why`"),
    # Checks.
    (
        'name = "backward"',
        'name = "forward"',
        "checks[1].name: found 'forward'; expected a name that no other check has",
    ),
    ("points = 2", "points = -1", "checks[1].points: found -1; expected points: a number from 0"),
    ('["out"]', "[]", "checks[0].compare: expected `array` of length >= 1"),
    ("forward(x, p)", "forward(x, q)", f"checks[0].call: found 'q'; {THERE}p, x"),
    (
        "forward(x, p)",
        "forward(x, cache)",
        f"checks[0].call: found 'cache'; {THERE}p, x",
    ),
    (
        CALL,
        'call = "layer = forward(x); for i in x: pass"',
        "checks[0].call: found 'layer = forward(x); for i in x: pass' is not valid Python: "
        "invalid syntax",
    ),
    (
        CALL,
        "call = '''\nlayer = forward(x)\nfor i in x:\n    pass\n'''",
        "checks[0].call: found 'for i in x:\\n    pass' has a For; expected a line that",
    ),
    (CALL, 'call = "x"', "checks[0].call: found 'x' has a Expr; expected a line that assigns"),
    (
        '["dx",',
        '["dz",',
        "checks[1].compare: found 'dz'; expected a name that exists at this point: D, E, N, cache",
    ),
    (
        '["dx",',
        '["dx if x",',
        "checks[1].compare: found 'dx if x' is not valid Python: expected 'else'",
    ),
    ('untouched = ["x"]', 'untouched = ["y"]', "checks[1].untouched: found 'y'; expected an input"),
    (
        'of = "sum(out * out)", dx = "x", "grads[\'dW\']" = "p[\'W\']"',
        'dx = "x"',
        "checks[1].gradient: found {'dx': 'x'}; expected of, and an input for each output: { of =",
    ),
    (
        ', dx = "x", "grads[\'dW\']" = "p[\'W\']"',
        "",
        "checks[1].gradient: found {'of': 'sum(out * out)'}; expected of, and an input for each",
    ),
    (
        "sum(out * out)",
        "sum(out * dout)",
        "checks[1].gradient.of: found 'dout'; expected a name that exists at this point: D, E, N",
    ),
    (
        "sum(out * out)",
        "lambda: out",
        "checks[1].gradient.of: found 'lambda: out' has a Lambda; expected names, calls, const",
    ),
    (
        'dx = "x"',
        'dy = "x"',
        "checks[1].gradient: found 'dy'; expected one of compare: dx, grads['dW']",
    ),
    (
        'dx = "x"',
        'dx = "z"',
        "checks[1].gradient.dx: found 'z'; expected an input, or an entry of one: x, p",
    ),
    ('dx = "x"', 'dx = "2 * x"', "gradient.dx: found '2 * x'; expected an input, or an entry of"),
    ('dx = "x"', 'dx = "N"', "gradient.dx: found 'N'; expected an input, or an entry of one"),
    (
        'dx = "x"',
        'dx = "np"',
        "checks[1].gradient.dx: found 'np' uses np by itself; expected one of its functions",
    ),
    ('dx = "x"', 'dx = "3"', "checks[1].gradient.dx: found '3'; expected an input, or an entry of"),
    # What courses differ in, and what they print.
    (
        'call = "out, cache = forward(x, p)"',
        'call = ["out, cache = forward(x, p)", "out = forward(x)"]',
        "checks[0].call: found 'out = forward(x)'; expected lines that make the same names: out",
    ),
    (
        'compare = ["out"]',
        'compare = ["out"]\nconventions = [{ z = "2" }]',
        "checks[0].conventions: found 'z'; expected one of compare, or an input: out, x, p",
    ),
    (
        'compare = ["out"]',
        'compare = ["out"]\nconventions = [{ out = "x" }]',
        "checks[0].conventions.out: found 'x'; expected a name that exists at this point: D, E, N",
    ),
    (
        'compare = ["out"]',
        'compare = ["out"]\ntolerance = 1',
        "checks[0].tolerance: found 1; expected a relative error: a number from 0 to 0.1",
    ),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG)
def test_what_cannot_be_asked(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Refused with the key, what was found and what was expected."""
    with pytest.raises(AssignmentError) as caught:
        read(tmp_path, old, new)
    text = str(caught.value)
    assert text.startswith(f"{tmp_path / 'own.toml'}: tasks[0].")
    assert told in text, text


def test_a_task_without_a_call(tmp_path: Path) -> None:
    """Nobody could write anything for it."""
    path = tmp_path / "own.toml"
    text = TEXT[: TEXT.index("given =")] + (
        'checks = [{ name = "a", points = 1, call = "y = x + 1", compare = ["y"] }]\n'
    )
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        read_assignment(path)
    assert str(caught.value) == (
        f"{path}: tasks[0].checks: found lines that call nothing; expected a call of a function "
        "of the task"
    )
