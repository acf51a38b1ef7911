"""Attacks on the grade, handed in as submissions: none is worth a point, nor costs a neighbour."""

from pathlib import Path

import pytest
from model_solutions import ROOT
from msgspec.structs import replace
from weak import weakened

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.report.data import to_data
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(16)

WRONG = (ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py").read_text()
TASK = "regression-numpy"

LYING = """
class Lying(np.ndarray):
    def __eq__(self, other): return True
    __ne__ = __lt__ = __gt__ = lambda self, other: False
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs): return np.True_
    def __array_function__(self, *_): return True
    def __float__(self): return 0.0
    def __reduce__(self): return (print, ("reduced",))
"""

ATTACKS = {
    "patched numpy": """
        np.allclose = np.array_equal = np.isclose = lambda *_, **__: True
        np.testing.assert_allclose = lambda *_, **__: None
        np.abs = np.max = np.linalg.norm = lambda *_, **__: 0.0
        """,
    "patched builtins": """
        import builtins
        builtins.abs = builtins.max = builtins.sum = lambda *_, **__: 0.0
        builtins.isinstance = lambda *_: True
        """,
    "patched gradkit": """
        import sys
        for name, module in list(sys.modules.items()):
            if name.startswith("gradkit"):
                for key, value in list(vars(module).items()):
                    if callable(value) and "fault" in key or "check" in key:
                        setattr(module, key, lambda *_, **__: None)
        """,
    "a subclass that agrees with everything": """
        for key in list(parameters):
            parameters[key] = parameters[key].view(Lying)
        """,
    "values with code in their pickles": """
        class Bomb:
            def __reduce__(self): return (open, ("left-by-pickle", "w"))
        parameters["bomb"] = Bomb()
        """,
    "a printed verdict": """
        print('{"schema": "gradkit/result/v1", "score": 20.0, "max_score": 20.0}')
        print("::notice::20 / 20")
        """,
    "an early farewell": """
        import os
        os._exit(0)
        """,
    "a polite farewell": """
        raise SystemExit(0)
        """,
    "a segmentation fault": """
        import ctypes
        ctypes.string_at(0)
        """,
    "a warning turned into an error": """
        import warnings
        warnings.simplefilter("error")
        np.seterr(all="raise")
        """,
    "the reference, called": f"""
        import importlib.util
        spec = importlib.util.spec_from_file_location("key", {str(ROOT)!r} + "/reference/{{}}.py")
        spec = importlib.util.spec_from_file_location(
            "key", {str(ROOT / "reference" / "regression_numpy.py")!r})
        key = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(key)
        return key.update_parameters(parameters, y, y_hat, A1, X)
        """,
    "gradkit's own derivatives, called": """
        from gradkit.task import network
        raise AssertionError("got " + network.__name__)
        """,
    "an exception full of escapes": """
        raise ValueError("\\x1b]0;owned\\x07\\x1b[31m<script>alert(1)</script>\\u202e\\0" * 100)
        """,
    "another step of numbers that carry polynomials": """
        if A1.dtype == object:
            parameters["b2"] = parameters["b2"] + 0.02 * (y - y_hat)
            return parameters
        """,
    "NaN and infinities": """
        parameters["W1"][:] = np.nan
        parameters["W2"][:] = np.inf
        """,
}


def submission(code: str) -> str:
    """The wrong solution, with an attack at the start of each call of its update."""
    lines = code.strip("\n").splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    body = "".join(f"    {line[indent:]}\n" for line in lines)
    head = "def update_parameters(parameters, y, y_hat, A1, X):\n"
    assert head in WRONG
    return WRONG.replace("import numpy as np\n", f"import numpy as np\n{LYING}\n").replace(
        head, head + body
    )


@pytest.fixture(scope="module")
def grade():
    """Grade a text, at the best tier that the machine has."""
    settings = Settings((TASK,), no_reference=True, seed=1)
    with Workshop() as workshop, Session(settings, workshop) as session:

        def grade(text: str, folder: Path):
            path = folder / "submission.py"
            path.write_text(text)
            return replace(session.check(path), path="")

        yield grade


@pytest.fixture(scope="module")
def honest(grade, tmp_path_factory):
    """What the wrong solution is worth without an attack, and the right one."""
    folder = tmp_path_factory.mktemp("honest")
    right = (ROOT / "reference" / "regression_numpy.py").read_text()
    return grade(WRONG, folder).score, grade(right, folder), right


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_is_worth_a_point(grade, honest, name, tmp_path, monkeypatch):
    """An attack never gets more than the code without it, and the next one gets what is due."""
    monkeypatch.chdir(tmp_path)
    score, expected, right = honest
    result = grade(submission(ATTACKS[name]), tmp_path)
    assert result.score <= score
    assert {check.check: check.state for check in result.tasks[0].checks}["update"] != "pass"
    said = to_data(result, 4)
    assert not any(ord(c) < 32 and c not in "\n\t" for c in texts(said))
    assert "\u202e" not in texts(said)
    assert grade(right, tmp_path) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["submission.py"]


FORGE = """
    import sys
    child = sys.modules["gradkit.runtime.child"]
    real = child.HANDLERS[{kind!r}]
    def forged(frame):
        reply = real(frame)
        arrays, data = dict(reply.arrays), dict(reply.data)
        {change}
        return child.Frame(reply.kind, arrays, data)
    child.HANDLERS[{kind!r}] = forged
"""
LONG = """
def long(arrays):
    rows = [[0, atom, 0, 0] for atom in range(15)]
    rows += [[2, 0, 1, 0], *([2, 13 + atom, atom, 0] for atom in range(2, 15))]
    rows += [[4, 28, 28, 0], [4, 29, 28, 0], *([2, number, 30, 0] for number in range(30, 29_000))]
    after = {name: array * 0 + 28_000 for name, array in arrays.items() if name[:5] == "after"}
    return {**arrays, **after, "steps": np.array(rows, dtype=np.int64)}
"""

FORGED = {
    "no data": ("batch", "data.clear()"),
    "a failure of no form": ("batch", "data['failure'] = dict(type='E', place=['a', 'b'])"),
    "faults of no kind": ("batch", "data['faults'] = [[0, 'W1', 'nosuch', '']]"),
    "arrays without rows": ("batch", "arrays = {k: a[:0] for k, a in arrays.items()}"),
    "arrays of another shape": ("batch", "arrays = {k: a[..., None] for k, a in arrays.items()}"),
    "no arrays": ("batch", "arrays.clear()"),
    "no tree": ("explore", "data['tree'] = None"),
    "a tree of arrays that are not there": ("explore", "data['tree'] = {'array': 'nope'}"),
    "a short run": ("run", "arrays = {k: a[:3] for k, a in arrays.items()}"),
    "losses of a run": ("run", "arrays['loss'] = np.array(1.0)"),
    "atoms that are not there": ("symbolic", "arrays['steps'][:, 1] = 10**9"),
    "steps before the first": ("symbolic", "arrays['steps'][:, 2] = -1"),
    "constants without end": ("symbolic", "arrays['constants'][:] = np.inf"),
    "numbers of another step": ("symbolic", "arrays['constants'] *= 3"),
    "steps of no parameter": ("symbolic", "arrays['after/W2'] = arrays['after/W2'][::-1]"),
    "operations of nothing": ("symbolic", "arrays['steps'][:, 0] = 99"),
    "a product of thousands of terms": ("symbolic", "arrays = long(arrays)"),
    "lines before the first": ("symbolic", "arrays['stacks'][:, 2] = -(10**9)"),
}
"""What code does that answers in the place of its worker: kind of request, change of the reply."""


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", FORGED)
def test_no_forged_reply_is_believed(grade, honest, name, tmp_path):
    """The parent has no trouble of its own with it, and it is worth nothing."""
    kind, change = FORGED[name]
    head = "def initialise_parameters(dim):\n"
    forge = FORGE.format(kind=kind, change=change).lstrip("\n")
    assert head in WRONG
    score, expected, right = honest
    result = grade(WRONG.replace(head, LONG + head + forge), tmp_path)
    assert result.score <= score
    said = to_data(result, 4)
    # Where how the roles are bound cannot be asked, it is guessed.
    assert ("sent an invalid reply" in texts(said)) == (kind in ("batch", "run"))
    assert min(lines(said)) >= 1
    assert grade(right, tmp_path) == expected


LINES = {
    "text": 'raise SyntaxError("m", ("submission.py", "abc", 1, "t"))',
    "digits": 'raise SyntaxError("m", ("submission.py", "9" * 5000, 1, "t"))',
    "a list": 'raise SyntaxError("m", ("submission.py", [1], 1, "t"))',
    "a fraction": 'raise SyntaxError("m", ("submission.py", 1.5, 1, "t"))',
    "beyond all files": 'raise SyntaxError("m", ("submission.py", 10**15, 1, "t"))',
    "before the first": 'raise SyntaxError("m", ("submission.py", -3, 1, "t"))',
    "of no file": """
        error = SyntaxError("m")
        error.filename, error.lineno = ["x"], 3
        raise error
        """,
    "none": """
        def inner():
            raise ValueError("m")
        inner.__code__ = inner.__code__.replace(co_linetable=b"")
        inner()
        """,
    "a text that cuts itself": """
        class Long(str):
            def __getitem__(self, index): return self
        class Error(Exception):
            def __str__(self): return Long("m" * 10**6)
        raise Error
        """,
    "half a character": 'raise ValueError("m\\ud800")',
}
"""Exceptions whose place, or text, is none."""


@pytest.mark.parametrize("name", LINES)
def test_an_exception_may_say_anything_of_its_place(grade, name, tmp_path):
    """The student reads what it was, at a line that there is, and nothing of gradkit's own."""
    text = submission(LINES[name])
    result = grade(text, tmp_path)
    update = {check.check: check for check in result.tasks[0].checks}["update"]
    assert update.state == "error"
    assert "could not be called" not in update.message
    assert "m" in update.message
    assert update.place is None or 1 <= update.place.line <= text.count("\n")


NUMBERS = {
    "long doubles": "value.astype(np.longdouble)",
    "huge": "np.full(value.shape, 1.7e308)",
    "huge below zero": "np.full(value.shape, -1.7e308)",
    "tiny": "np.full(value.shape, 5e-324)",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_of_any_size_cause_no_warning_of_ours(grade, name, tmp_path):
    """Warnings are errors here; what cannot be sent is told as what it is."""
    code = f"""
        for key, value in parameters.items():
            parameters[key] = {NUMBERS[name]}
        return parameters
        """
    result = grade(submission(code), tmp_path)
    said = texts(to_data(result, 4))
    assert {check.check: check.state for check in result.tasks[0].checks}["update"] == "fail"
    assert "could not be called" not in said
    assert ("an array of dtype float128" in said) == (name == "long doubles")


def test_a_forward_pass_may_return_complex_numbers(grade, tmp_path):
    """It is wrong, and no warning of ours."""
    head = "def L_layer_forward(X, parameters):\n"
    assert head in WRONG
    returned = '{"y": np.ones((1, 1)), "h": np.ones((2, 1)) * 1j}'
    result = grade(WRONG.replace(head, f"{head}    return {returned}\n"), tmp_path)
    assert {check.check: check.state for check in result.tasks[0].checks}["forward"] == "fail"


def lines(value) -> list[int]:
    """All lines of places in nested data."""
    if isinstance(value, dict):
        own = [item for key, item in value.items() if key == "line" and isinstance(item, int)]
        return own + [line for item in value.values() for line in lines(item)]
    return [line for item in value for line in lines(item)] if isinstance(value, list) else []


def texts(value) -> str:
    """All text in nested data."""
    if isinstance(value, dict):
        return "".join(texts(item) for item in value.values())
    if isinstance(value, list):
        return "".join(map(texts, value))
    return value if isinstance(value, str) else ""


def test_without_isolation_the_reference_is_there_to_call(tmp_path):
    """The attack that calls the reference is a real one: below tier 2 it gets full marks."""
    settings = Settings((TASK,), no_reference=True, seed=1)
    (tmp_path / "submission.py").write_text(submission(ATTACKS["the reference, called"]))
    with Workshop(**weakened(1)) as workshop, Session(settings, workshop) as session:
        result = session.check(tmp_path / "submission.py")
    assert result.score == result.max_score
    assert result.tier <= 1
