"""The namespace of a section: which statements run and when, and the errors about names."""

from __future__ import annotations

import ast
import sys
import textwrap

import pytest

from gradkit.runtime.namespace import Namespace

RAN: list[str] = []
"""What student code in these tests notes by ``ran("…")``."""


@pytest.fixture(autouse=True)
def _nothing_ran():
    RAN.clear()


def section(*cells: str, shared=(), borrowed=(), modules=None, forbidden=()) -> Namespace:
    """Make a namespace whose own cells are ``hw.ipynb[1]`` and so on."""

    def numbered(sources, start):
        return [
            (f"hw.ipynb[{start + i}]", textwrap.dedent(source)) for i, source in enumerate(sources)
        ]

    names = Namespace(
        numbered(cells, 1), numbered(shared, 50), numbered(borrowed, 70), modules, forbidden
    )
    names["ran"] = RAN.append
    return names


def failing(names: Namespace, name: str) -> str:
    """Return the text of the NameError that looking up a name raises."""
    with pytest.raises(NameError) as caught:
        names[name]
    assert caught.value.name == name or caught.value.name
    return str(caught.value)


# --- what runs ---------------------------------------------------------------------------


def test_no_statement_runs_before_a_lookup():
    """Nothing runs until a name is asked for and then only what it needs."""
    names = section("ran('a'); a = 1", "b = (ran('b'), 2)[1]", "c = (ran('c'), b + 1)[1]")
    assert RAN == []
    assert names["c"] == 3
    assert RAN == ["c", "b"]


def test_statement_runs_only_once():
    """A statement runs once however often its names are wanted."""
    names = section("a, b = (ran('ab'), (1, 2))[1]", "c = a + b")
    assert (names["a"], names["c"], names["b"]) == (1, 3, 2)
    assert RAN == ["ab"]


def test_functions_may_be_called_above_their_definition():
    """Functions may be called above the cell that defines them."""
    names = section("x = f(2)", "def f(v):\n    return g(v) + 1", "def g(v):\n    return 10 * v")
    assert names["x"] == 21


def test_unneeded_imports_do_not_run():
    """Imports that no wanted name needs do not run."""
    names = section("import no_such_module, math\nfrom nowhere import thing", "x = math.pi")
    assert names["x"] == pytest.approx(3.14159, abs=1e-5)


def test_loops_calls_and_main_guards_do_not_run():
    """Loops calls and main guards do not run by themselves."""
    names = section(
        """
        def f():
            return 1
        f(); ran('call')
        for i in range(3):
            ran('loop')
        while True:
            ran('while')
        if __name__ == "__main__":
            ran('main')
        """
    )
    assert names["f"]() == 1
    assert RAN == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\nx += 2\nx = x * 10", 30),
        (
            "class Net:\n    kind = 32\n    def double(self):\n        self.kind = 64\n"
            "net = Net()\nnet.double()\nx = net.kind",
            64,
        ),
        ("x = {'lr': 1}\nx['lr'] = 2\nx['n'] = 3", {"lr": 2, "n": 3}),
        ("x = [1]\nx.append(2)\nx.extend([3])", [1, 2, 3]),
        ("class N(list): add_module = list.append\nx = N()\nx.add_module(4)", [4]),
        ("x = {}\nfor k, v in [('lr', 1), ('n', 2)]:\n    x[k] = float(v)", {"lr": 1.0, "n": 2.0}),
        ("x = [0, 0]\nfor i in range(2):\n    x[i] = i + 1", [1, 2]),
        (
            "import argparse\nparser = argparse.ArgumentParser()\n"
            "parser.add_argument('--lr', default=3)\nx = parser.parse_args([]).lr",
            3,
        ),
        # What else is called might train.
        ("x = {}\nf = ran\nfor i in range(2):\n    x[i] = f('loop')", {}),
        ("x = {}\nfor i in range(2):\n    x[i] = i\n    ran('loop')", {}),
        ("x, y = 1, 2\nx, y = y, x", 2),
        ("x: int = 4", 4),
        ("x: int\nx = 5", 5),
        ("(x := 6)", 6),
        ("if True:\n    x = 7\nelse:\n    x = 8", 7),
        ("x = 1\nif False:\n    x = 2", 1),
        ("try:\n    import no_such_thing as x\nexcept ImportError:\n    x = None", None),
        ("import io\nwith io.StringIO('text') as stream:\n    x = stream.read()", "text"),
        ("x = lambda v: v + 1\nx = x(1)", 2),
        ("x = y = 3", 3),
        ("*x, last = range(3)", [0, 1]),
        ("match 3:\n    case x:\n        pass", 3),
        ("class T: pass\nx = T()\nx.a = 4\nx = x.a", 4),
        ("def set_x():\n    global x\n    x = 9\nset_x()", 9),
        ("x = {}\ndef set_x(v):\n    x['lr'] = v\nset_x(2)", {"lr": 2}),
        ("x = []\ndef keep(v):\n    x.append(v)\nkeep(2)", [2]),
        (
            "class Rates:\n    def set(self, v):\n        self.v = v\n        return self\n"
            "rates = Rates()\nrates.set(1).set(2)\nx = rates.v",
            2,
        ),
        ("class Rates: pass\nsetattr(Rates, 'v', 3)\nx = Rates.v", 3),
        (
            "class Rule:\n    all = []\n    def __init_subclass__(cls):\n"
            "        Rule.all.append(cls.__name__)\nclass A(Rule): pass\nx = Rule.all",
            ["A"],
        ),
        # What loops might train, by a function's name as by a method's.
        ("x = []\ndef fit():\n    for i in range(2):\n        x.append(ran('fit'))\nfit()", []),
        (
            "class Net:\n    w = 0\n    def fit(self):\n        while self.w < 2:\n"
            "            self.w += 1\nnet = Net()\nnet.fit()\nx = net.w",
            0,
        ),
        ("x = [i * k for i in range(3)]\nk = 2", [0, 2, 4]),
        ("x = sorted({n for n in 'ba'})", ["a", "b"]),
        (
            "import xml.dom\nimport xml.sax\nx = (xml.dom.__name__, xml.sax.__name__)",
            ("xml.dom", "xml.sax"),
        ),
    ],
)
def test_lookup_includes_later_changes_of_a_value(source, expected):
    """Looking up a name also runs the statements that change its value."""
    assert section(source)["x"] == expected


def test_default_of_a_package_runs_for_all_its_names():
    """It does not run for names of other packages."""
    modules = {
        "maker": "kinds = ['single']\ndef set_default_dtype(kind):\n    kinds.append(kind)\n",
        "other": "kinds = ['none']\n",
    }
    own = "import maker\nfrom maker import kinds\nfrom other import kinds as rest\n"
    own += "maker.set_default_dtype('double')\n"
    names = Namespace([("cell", own)], modules=modules)
    assert names["kinds"] == ["single", "double"]
    assert names["rest"] == ["none"]


def test_new_binding_makes_earlier_ones_unneeded():
    """Earlier bindings of the name do not run."""
    names = section("x = (ran('first'), 1)[1]", "x = 2")
    assert names["x"] == 2
    assert RAN == []


def test_statement_sees_names_as_at_its_position():
    """Later bindings do not affect the statement."""
    names = section("lr = 0.1", "def rate():\n    return lr", "slow = (lr, rate())", "lr = 0.5")
    assert names["lr"] == 0.5
    assert names["slow"] == (0.1, 0.1)
    assert names["lr"] == 0.5
    assert names["rate"]() == 0.5


def test_a_chain_of_redefinitions_is_followed():
    """It starts at the last binding that does not use the old value."""
    names = section("X = [1]", "X = X + [2]", "Y = list(X)", "X = tuple(X)")
    assert names["X"] == (1, 2)
    assert names["Y"] == [1, 2]


def test_recursion_and_mutual_recursion_work():
    """Recursion and mutual recursion work."""
    names = section(
        "def even(n):\n    return n == 0 or odd(n - 1)",
        "def odd(n):\n    return n != 0 and even(n - 1)",
        "fact = lambda n: 1 if n < 2 else n * fact(n - 1)",
    )
    assert names["even"](10)
    assert names["fact"](5) == 120


def test_class_bodies_find_globals_directly():
    """Class bodies find globals directly."""
    names = section(
        "base = 3",
        "class Net:\n    size = base\n    sizes = [base for _ in range(2)]\n"
        "    def twice(self, n=base):\n        return n * factor",
        "factor = 2",
        "def make():\n    class Inner:\n        size = width\n    return Inner",
        "width = 7",
    )
    assert names["Net"].size == 3
    assert names["Net"].sizes == [3, 3]
    assert names["Net"]().twice() == 6
    assert names["make"]().size == 7


def test_globals_that_functions_assign_stay_assigned():
    """Globals that functions assign stay assigned."""
    names = section("count = 0", "def step():\n    global count\n    count += 1\n    return count")
    assert [names["step"](), names["step"](), names["count"]] == [1, 2, 2]


def test_builtins_are_cached_and_unknown_names_raise():
    """A builtin is searched once, and an unknown name raises NameError."""
    names = section("def f(v):\n    return len(v)", "def g():\n    return never_made")
    f = names["f"]
    assert f("abc") == 3
    assert dict.__contains__(names, "len")
    with pytest.raises(NameError, match=r"^name 'never_made' is not defined"):
        names["g"]()
    with pytest.raises(KeyError):
        names["never_made"]


def test_classes_that_look_up_their_module():
    """A dataclass with annotations as strings needs no module of its own."""
    names = section(
        "from __future__ import annotations\nfrom dataclasses import dataclass",
        "@dataclass\nclass Layer:\n    units: int\n    name: Text = default",
        "Text = str\ndefault = 'hidden'",
    )
    assert names["Layer"](2).name == "hidden"


def test_a_student_may_redefine_a_builtin():
    """A student may redefine a builtin."""
    assert section("def sum(v):\n    return 'mine'", "x = sum([1])")["x"] == "mine"


def test_future_annotations_apply_to_their_cells():
    """Annotations are texts, so their names need not exist."""
    names = section(
        "from __future__ import annotations\ndef f(a: NoSuchType) -> Other:\n    return a"
    )
    assert names["f"].__annotations__ == {"a": "NoSuchType", "return": "Other"}


# --- own, shared, borrowed ---------------------------------------------------------------


def test_own_then_shared_then_borrowed_statements_are_searched():
    """The first layer that binds a name gives its value."""
    names = section(
        "a = 'own'",
        shared=["a = 'shared'", "b = 'shared'"],
        borrowed=["a = 'other'", "b = 'other'", "c = 'other'"],
    )
    assert (names["a"], names["b"], names["c"]) == ("own", "shared", "other")


def test_forbidden_names_are_never_borrowed():
    """Names are compared without case and underscores."""
    names = section(
        "x = 1",
        borrowed=["def Update_Parameters(): pass", "def helper(): pass"],
        forbidden=["update_parameters"],
    )
    assert callable(names["helper"])
    with pytest.raises(KeyError):
        names["Update_Parameters"]


def test_own_statements_may_change_a_shared_value():
    """The change is seen."""
    names = section("cfg['lr'] = 2", shared=["cfg = {'lr': 1}"])
    assert names["cfg"] == {"lr": 2}


def test_shared_statement_sees_names_above_the_own_ones():
    """An own redefinition does not change what a statement above it has used."""
    names = section("X = df + [1]", "df = ['own']", shared=["df = ['shared']"])
    assert names["X"] == ["shared", 1]
    assert names["df"] == ["own"]


def test_star_imports_come_before_builtins():
    """Star imports come before builtins and after everything else."""
    names = section(
        "from math import *", "def sqrt(v):\n    return 'mine'", "x = (sqrt(4), pow(2, 3))"
    )
    assert names["x"] == ("mine", 8.0)


# --- failures ----------------------------------------------------------------------------


def test_failed_statement_affects_only_its_names():
    """The error says where the statement failed and why."""
    names = section("ok = 1", "\n\ndf = open('no/such/file.csv')\nlater = 2", "X = df.values")
    assert (names["ok"], names["later"]) == (1, 2)
    said = failing(names, "df")
    assert said.startswith(
        "`df` has no value: code cell 2, line 3 failed with FileNotFoundError: [Errno 2]"
    )
    assert failing(names, "X") == f"`X` has no value: code cell 3, line 1 needs `df`. {said}"


def test_failure_names_its_place():
    """The place is the innermost line of the section."""
    names = section("def f():\n    return 1 / 0", "x = f()")
    assert failing(names, "x") == (
        "`x` has no value: code cell 1, line 2 failed with ZeroDivisionError: division by zero"
    )


def test_function_that_needs_a_failed_name():
    """It raises at its own line."""
    names = section("import no_such_module as nm", "def f():\n    return nm.x")
    with pytest.raises(
        NameError, match=r"`nm` has no value: code cell 1, line 1 failed with ModuleNot"
    ):
        names["f"]()


def test_earlier_value_is_used_if_a_later_statement_fails():
    """Where a later statement fails the earlier value stays."""
    assert section("x = 1", "x = 1 / 0")["x"] == 1


def test_exits_and_odd_exceptions_are_failures():
    """Exits and odd exceptions are failures like others."""
    names = section(
        "x = exit()",
        "class Odd(BaseException):\n    def __str__(self):\n        raise ValueError",
        "def f():\n    raise Odd",
        "y = f()",
    )
    assert "failed with SystemExit" in failing(names, "x")
    assert "code cell 3, line 2 failed with Odd: (its text could not be read)" in failing(
        names, "y"
    )


def test_name_that_needs_itself_raises():
    """The error says so."""
    assert failing(section("x = x + 1"), "x").endswith(
        "code cell 1, line 1 needs `x`. `x` depends on itself at code cell 1, line 1"
    )
    assert "depends on itself" in failing(section("a = b", "b = a"), "a")


def test_name_bound_only_in_unrun_code():
    """A name made only in a loop or guard is not available."""
    names = section("\nfor i in range(3):\n    best = i", "if __name__ == '__main__':\n    top = 1")
    assert failing(names, "best") == (
        "`best` is only set in the loop at code cell 1, line 2, which is not run"
    )
    assert failing(names, "top") == (
        "`top` is only defined under `if __name__ == …` at code cell 2, line 2, which is not run"
    )


def test_invalid_cell_affects_only_its_names():
    """The error about a name in it names the cell."""
    names = section("def f(:\n    pass\ndef g():\n    return 1", "x = 1")
    assert names["x"] == 1
    assert failing(names, "g").startswith(
        "`g` is defined in code that is not valid Python (code cell 1, line 1: "
    )


def test_a_statement_that_does_not_compile():
    """Only its own names are missing."""
    names = section("x = 1\nreturn x\ny = [(yield)]\nz = 3")
    assert (names["x"], names["z"]) == (1, 3)
    assert "code cell 1, line 3 failed with SyntaxError" in failing(names, "y")


def test_a_star_import_that_failed():
    """The error about an unknown name mentions the failed import."""
    assert failing(section("from no_such_module import *", "x = Dense(2)"), "Dense") == (
        "`Dense` is not defined, and a star import failed: code cell 1, line 1 failed with "
        "ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_an_import_that_was_forgotten():
    """The error contains the missing import line."""
    names = section("def f(v):\n    return np.exp(v)", "W = np.zeros(2)")
    with pytest.raises(
        NameError, match=r"^`np` is not defined: write `import numpy as np` at the top$"
    ):
        names["f"](1)
    assert failing(names, "W") == (
        "`W` has no value: code cell 2, line 1 needs `np`. `np` is not defined: write "
        "`import numpy as np` at the top"
    )
    assert section("import numpy as np", "def f(v):\n    return np.exp(v)")["f"](0) == 1


def test_tracebacks_name_the_cell():
    """Tracebacks name the cell and its own line."""
    names = section("", "\n\ndef f(v):\n    return 1 / v\n")
    with pytest.raises(ZeroDivisionError) as caught:
        names["f"](0)
    last = caught.traceback[-1]
    assert (str(last.frame.code.raw.co_filename), last.lineno + 1) == ("hw.ipynb[2]", 4)


def test_places_of_pieces_and_scripts_count():
    """Places of pieces and scripts count from the files own start."""
    names = Namespace([("hw.py:10+3", "a = 1\nx = 1 / 0"), ("hw.ipynb[2]+4", "y = 1 / 0")])
    assert "hw.py:13 failed" in failing(names, "x")
    assert "code cell 2, line 4 failed" in failing(names, "y")


# --- modules -----------------------------------------------------------------------------

MODULES = {
    "helpers": "import no_such_module\ndef double(v):\n    return 2 * v + offset()\n"
    "def offset():\n    return BASE\nBASE = 1\nraise SystemExit",
    "pack": "",
    "pack.inner": "from . import other\nfrom .other import value\nresult = value + other.value",
    "pack.other": "value = 5",
    "broken": "bad = 1 / 0",
}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import helpers\nx = helpers.double(2)", 5),
        ("from helpers import double as d\nx = d(3)", 7),
        ("from helpers import *\nx = double(1)", 3),
        ("import helpers as h\nh.BASE = 10\nx = h.double(0)", 10),
        ("import pack.inner\nx = pack.inner.result", 10),
        ("import pack.inner as inner\nx = inner.result", 10),
        ("from pack import inner\nx = inner.result", 10),
        ("def f():\n    from helpers import offset\n    return offset()\nx = f()", 1),
    ],
)
def test_submitted_modules_can_be_imported(source, expected):
    """Their values are created on first use, like those of the section."""
    assert section(source, modules=MODULES)["x"] == expected
    assert "helpers" not in sys.modules


def test_a_missing_or_failing_name():
    """The error of the module's name is reported."""
    names = section("from helpers import nothing", "from broken import bad", modules=MODULES)
    assert "cannot import name 'nothing' from 'helpers'" in failing(names, "nothing")
    assert "broken.py:1 failed with ZeroDivisionError" in failing(names, "bad")


def test_an_unknown_attribute_of_a_module():
    """The error is that of any module."""
    names = section("import helpers", modules=MODULES)
    with pytest.raises(AttributeError, match=r"^module 'helpers' has no attribute 'nothing'$"):
        names["helpers"].nothing  # noqa: B018  (asking is the test)


def test_submitted_module_cannot_replace_a_loaded_one():
    """The import gives the loaded module."""
    names = section(
        "import textwrap\nx = textwrap.dedent(' a')", modules={"textwrap": "dedent = 1"}
    )
    assert names["x"] == "a"


# --- presets and loops -------------------------------------------------------------------


def test_preset_replaces_values_of_statements():
    """The original namespace is not changed."""
    names = section("n = 1", "m, n = 5, 6", "total = n + m")
    fork = names.fork({"n": 100})
    assert (fork["total"], fork["n"], fork["m"]) == (105, 100, 5)
    assert (names["total"], names["n"]) == (11, 6)


class Value:
    """A loss that counts how often `backward` is called on it."""

    def __init__(self, number, calls):
        self.number, self.calls = number, calls

    def item(self):
        """As a tensor's."""
        return self.number

    def backward(self):
        """As a tensor's."""
        self.calls.append(self.number)


class Model:
    """A model whose loss is the number of steps made so far."""

    def __init__(self):
        self.steps, self.calls = 0, []

    def __call__(self, x):
        """Predict."""
        return Value(self.steps + x, self.calls)

    def step(self):
        """Stand in for an optimiser's step."""
        self.steps += 1


def loop(head: str, body: str = "loss = model(X)\nloss.backward()\nopt.step()") -> str:
    """Return the source of a loop with this body."""
    return f"{head}\n{textwrap.indent(body, '    ')}"


SET_UP = [
    "model = None",
    "X = 0",
    "epochs = 3",
    "class Opt:\n    def __init__(self, m):\n        self.step = m.step",
    "opt = Opt(model)",
]


def run(*cells: str, rounds: int = 4, x=0, through=None, **presets):
    """Return the losses of the loop in the last cell, and the model that it trained."""
    model = Model()
    names = section(*SET_UP, *cells)
    losses = names.run_loop(
        f"hw.ipynb[{len(SET_UP) + len(cells)}]",
        1,
        {"model": model, "X": x, **presets},
        rounds,
        through,
    )
    return losses, model


@pytest.mark.parametrize(
    "head",
    [
        "for i in range(2):",
        "for i in range(epochs):",
        "for i in range(1, epochs + 1):",
        "for i in range(10, 0, -1):",
        "for i in tqdm(range(epochs), desc='training'):",
        "for i, _ in enumerate(range(2)):",
        "for i in trange(100):",
        "while True:",
        "for i in [1, 2, 3, 4, 5, 6, 7]:",
        "with torch_on():\n  for i in range(2):",
        "if True:\n  for i in range(epochs):",
    ],
)
def test_loop_makes_the_wanted_number_of_rounds(head):
    """Each kind of loop does."""
    fakes = """
    from contextlib import nullcontext as torch_on
    tqdm = lambda it, desc='': it
    trange = range
    """
    losses, model = run(fakes, loop(head))
    assert losses == [0, 1, 2, 3]
    assert model.calls == losses


def test_a_while_loop_counts():
    """It uses the preset number of epochs."""
    losses, _ = run(
        "k = 0",
        loop("while k < epochs:", "loss = model(X)\nloss.backward()\nopt.step()\nk += 1"),
        epochs=4,
    )
    assert losses == [0, 1, 2, 3]


def test_range_keeps_its_start_and_step():
    """The range keeps its start and step."""
    body = "seen.append(i)\nloss = model(X)\nloss.backward()\nopt.step()"
    seen: list[int] = []
    run(loop("for i in range(1, 20, 2):", body), seen=seen)
    assert seen == [1, 3, 5, 7]


def test_mini_batches_give_one_mean_per_round():
    """Mini batches give one mean per round."""
    losses, model = run(loop("for e in range(2):\n  for b in (0, 10):"), rounds=2)
    assert losses == [0.5, 2.5]
    assert len(model.calls) == 4


def test_loop_over_batches_is_repeated():
    """A loop over batches without epochs runs once for each round."""
    for head in (
        "for i, b in enumerate([1, 2]):",
        "for x, t in zip([1, 2], [3, 4]):",
        "for i in range(len('ab')):",
    ):
        losses, model = run(loop(head), rounds=3)
        assert losses == [0.5, 2.5, 4.5]
        assert model.steps == 6


def test_a_loop_may_stop_early():
    """The losses up to then are returned."""
    losses, _ = run(
        loop(
            "for i in range(9):",
            "loss = model(X)\nloss.backward()\nopt.step()\nif i == 1:\n    break",
        )
    )
    assert losses == [0, 1]


def test_the_loss_may_be_any_expression():
    """It may also be in a function."""
    assert run(
        loop(
            "for i in range(2):",
            "model(X).backward(retain_graph=True) if False else model(X).backward()\nopt.step()",
        )
    )[0] == [0, 1, 2, 3]
    step = "def one_step(m):\n    value = m(X)\n    value.backward()\n    opt.step()"
    losses, model = run(step, loop("for i in range(2):", "one_step(model)"), through="one_step")
    assert losses == [0, 1, 2, 3] == model.calls


def test_loop_sees_names_as_at_its_position():
    """Later bindings do not affect the loop."""
    body = "loss = model(X + shift)\nloss.backward()\nopt.step()"
    names = section(*SET_UP, "shift = 5", loop("for i in range(2):", body), "shift = 50")
    assert names.run_loop("hw.ipynb[7]", 1, {"model": Model(), "X": 0}, 2) == [5, 6]


def test_two_loops_of_one_section_run_independently():
    """Two loops of one section run apart from each other."""
    first = Model()
    names = section(*SET_UP, loop("for i in range(2):"), loop("for i in range(3):"))
    assert names.run_loop("hw.ipynb[6]", 1, {"model": first, "X": 0}, 2) == [0, 1]
    assert names.run_loop("hw.ipynb[7]", 1, {"model": Model(), "X": 7}, 3) == [7, 8, 9]
    assert first.steps == 2


def test_a_loop_under_the_main_guard():
    """A loop under the main guard has the guards own names."""
    guard = """\
    if __name__ == '__main__':
        shift = 3
        for i in range(2):
            loss = model(X + shift)
            loss.backward()
            opt.step()
    """
    names = section(*SET_UP, guard)
    assert names.run_loop("hw.ipynb[6]", 3, {"model": Model(), "X": 0}, 3) == [3, 4, 5]


def test_exception_in_the_loop_is_raised():
    """Its traceback has the line of the loop."""
    with pytest.raises(ZeroDivisionError) as caught:
        run(loop("for i in range(2):", "loss = model(X)\nloss.backward()\nopt.step()\n1 / 0"))
    assert caught.traceback[-1].lineno + 1 == 5


def test_no_loop_at_the_place():
    """LookupError is raised."""
    with pytest.raises(LookupError, match="there is no statement at code cell 1, line 9"):
        section("x = 1").run_loop("hw.ipynb[1]", 9, {}, 2)


def test_a_training_loop_inside_another_statement():
    """Looking up a name runs the statement without the loop."""
    block = """
    if True:
        size = 4
        for i in range(3):
            ran('train')
            loss.backward()
            opt.step()
    """
    assert section(block)["size"] == 4
    assert RAN == []


def test_constructor_parses_nothing(monkeypatch):
    """Own cells are parsed at the first lookup, and borrowed ones if they may bind the name."""
    parsed = []
    parse = ast.parse

    def noting(source, *arguments, **options):
        parsed.append(source)
        return parse(source, *arguments, **options)

    monkeypatch.setattr(ast, "parse", noting)
    own = [f"def first{i}(a):\n    return twice(a) + {i}\n" for i in range(40)]
    borrowed = [f"def {name}(a):\n    return a * 2\n" for name in ("twice", "other")]
    names = Namespace(
        [(f"c{i}", own[i]) for i in range(40)], (), [("b0", borrowed[0]), ("b1", borrowed[1])]
    )
    assert parsed == []
    made = names["first39"]
    assert sorted(parsed) == sorted(own)
    assert made(1) == 41
    assert sorted(parsed) == sorted([*own, *borrowed])
