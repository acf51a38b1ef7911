"""A section's names, models and training loops, from its text; its functions, as they are."""

from __future__ import annotations

import re
import textwrap

import pytest
from binding.inspected import inspected

from gradkit.binding.inspection import outline
from gradkit.records.submission import Cell, Section
from gradkit.text import where

IMPORTS = (
    "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
    "from torch.utils.data import DataLoader, TensorDataset\nfrom tqdm import tqdm\n"
)
NET = "class Net(nn.Module):\n    def __init__(self, hidden=2):\n        super().__init__()\n"


def cells(*sources: str, start: int = 1) -> tuple[Cell, ...]:
    """Cells of one notebook."""
    return tuple(
        Cell(f"hw.ipynb[{start + i}]", "hw.ipynb", start + i, textwrap.dedent(source))
        for i, source in enumerate(sources)
    )


def functions(*sources: str, wanted: str = "none") -> dict:
    """The functions of a section, by name."""
    return {f.name: f for f in inspected(Section(("t",), cells(*sources)), wanted)}


def needs(*sources: str):
    """What the only training loop of a section needs."""
    (loop,) = outline(Section(("t",), cells(IMPORTS, NET, *sources))).loops
    return loop.needs


def test_parameters_and_signature():
    """Kinds and defaults of all parameters are told, and written as the student has them."""
    f = functions("def f(a, /, b, c=1, *, d, e='x', **rest):\n    return a")["f"]
    assert [(p.name, p.kind, p.required) for p in f.parameters] == [
        ("a", "POSITIONAL_ONLY", True),
        ("b", "POSITIONAL_OR_KEYWORD", True),
        ("c", "POSITIONAL_OR_KEYWORD", False),
        ("d", "KEYWORD_ONLY", True),
        ("e", "KEYWORD_ONLY", False),
        ("rest", "VAR_KEYWORD", True),
    ]
    assert (f.required, f.optional) == (("a", "b"), ("c",))
    assert f.signature == "f(a, /, b, c=1, *, d, e='x', **rest)"
    assert functions("def g(*, k): pass\ndef h(*args): pass\ndef i(a, /): pass").keys() == set(
        "ghi"
    )
    assert functions("def i(a, /): pass")["i"].signature == "i(a, /)"


def test_a_signature_is_cut():
    """Nobody reads parameters by the thousand; each alias would hold them all again."""
    source = f"def f({', '.join(f'p{n}' for n in range(5000))}): pass\ng = f"
    found = functions(source, wanted="g")
    assert len(found["f"].parameters) == 100
    assert found["g"].signature.startswith("g(p0, p1, ")
    assert found["g"].signature.endswith("…)")
    assert len(found["g"].signature) < 310


def test_names_in_compound_statements():
    """However the statements stand in one another, their names are bound."""
    source = """
    if (a := 1):
        b = 1
    elif (c := 2):
        with open("x") as d:
            import e.f
    else:
        try:
            def g(): inner = 1
        except ValueError:
            h = 1
        match a:
            case [i, *j] if (k := 1):
                l = 1
            case {"x": 1, **m}:
                pass
    """
    found = outline(Section(("t",), cells(source))).names
    assert "".join(sorted(found)) == "abcdeghijklm"


def test_places_of_functions_and_returns():
    """Places are those the student sees; the returns of inner functions do not count."""
    source = """
    def decorated(function): return function

    @decorated
    def f(x):
        def inner():
            return 0
        if x:
            return 1
        return inner()

    def g(x):
        x += 1
    """
    found = functions("x = 1", source)
    assert where(found["f"].place) == "code cell 2, line 5"
    assert where(found["f"].return_place) == "code cell 2, line 10"
    assert where(found["g"].return_place) == "code cell 2, line 13"


def test_functions_in_blocks_and_by_other_names():
    """Definitions in if, try and with count, as do lambdas and aliases; loops do not."""
    found = functions(
        "if True:\n    def a(x): return x",
        "try:\n    import nothing\nexcept ImportError:\n    def b(x): return x",
        "c = lambda z, n=2: z",
        "d = a",
        "for i in range(2):\n    def e(x): return x",
        wanted="d",
    )
    assert {name: f.signature for name, f in found.items()} == {
        "a": "a(x)",
        "b": "b(x)",
        "c": "c(z, n=2)",
        "d": "d(x)",
    }
    assert where(found["d"].place) == "code cell 1, line 2"


def test_every_top_level_binding_is_listed():
    """Imports, classes, functions and values."""
    source = "import numpy as np\nclass A: pass\ndef f(): pass\nx, y = 1, 2\nz = lambda: 0"
    section = Section(("t",), cells(source))
    assert outline(section).names.keys() == {"A", "f", "np", "x", "y", "z"}
    assert [(f.name, f.place.line) for f in inspected(section, "none")] == [("f", 3), ("z", 5)]


def test_own_functions_come_last():
    """What counts more comes later: borrowed, then shared, then own."""
    section = Section(
        ("t",),
        cells("def f(own): pass"),
        cells("def f(shared): pass\ndef g(shared): pass", start=50),
        cells("def f(other): pass\ndef g(other): pass\ndef h(other): pass", start=70),
    )
    found = inspected(section, "g")
    assert [(f.name, f.standing, f.required) for f in found] == [
        ("g", "elsewhere", ("other",)),
        ("h", "borrowed", ("other",)),
        ("g", "own", ("shared",)),
        ("f", "own", ("own",)),
    ]


def test_unparsable_cells_are_passed_over():
    """A broken cell costs its own definitions only."""
    assert functions("def f(:\n    pass", "def g(): pass").keys() == {"g"}


def test_functions_imported_from_a_file_beside():
    """An imported function is where its file has it, under the name it is imported as."""
    section = Section(
        ("t",),
        (
            Cell("main.py", "main.py", None, "from helpers import step as update_parameters"),
            Cell("helpers.py", "helpers.py", None, "\ndef step(p, y): return p"),
        ),
    )
    found = {f.name: f for f in inspected(section, modules={"helpers": section.own[1].source})}
    assert found["update_parameters"].signature == "update_parameters(p, y)"
    assert where(found["update_parameters"].place) == "helpers.py:2"
    alone = Section(("t",), section.own[:1])
    assert inspected(alone) == ()
    (guess,) = inspected(alone, "updateparameters")
    assert (guess.standing, guess.signature) == ("guess", "update_parameters(…)")
    written = inspected(alone, modules={"helpers": "def step(q): return q"})
    assert [(f.signature, where(f.place)) for f in written] == [
        ("update_parameters(q)", "helpers.py:1")
    ]


def test_models_are_classes_and_values():
    """Torch modules by class and by value, derived classes among them; others are no models."""
    section = Section(
        ("t",),
        cells(
            IMPORTS,
            "class A(nn.Module):\n    def __init__(self, width, depth=2): pass",
            "class B(A): pass\nclass Data(torch.utils.data.Dataset): pass\nclass Plain: pass",
            "net = nn.Sequential(nn.Linear(2, 2)).to('cpu')",
            "mine = B()\nalso = mine",
            "other = Plain()",
        ),
    )
    found = [(m.name, m.kind, m.required) for m in outline(section).models]
    assert found == [
        ("A", "class", ()),
        ("B", "class", ()),
        ("net", "value", ()),
        ("mine", "value", ()),
        ("also", "value", ()),
    ]


@pytest.mark.parametrize(
    ("factory", "required"),
    [
        ("def make(): return nn.Sequential(nn.Linear(2, 2)).to('cpu')", ()),
        ("def make(units, act=None):\n    net = nn.Sequential()\n    return net", ("units",)),
        ("def make():\n    return A()", ()),
        ("def make():\n    a: A = A()\n    a.eval()\n    return a", ()),
        ("def make():\n    class B(nn.Module): pass\n    return B()", ()),
        ("def inner(): return A()\ndef make():\n    return inner()", ()),
        ("make = lambda: nn.Sequential(nn.Linear(2, 2))", ()),
    ],
)
def test_functions_that_make_a_model(factory, required):
    """They are models to be called, and what they make is a value."""
    sources = (IMPORTS, "class A(nn.Module): pass", factory, "net = make(2).double()")
    models = outline(Section(("t",), cells(*sources))).models
    found = [(m.name, m.kind, m.required) for m in models if m.name in ("make", "net")]
    assert found == [("make", "factory", required), ("net", "value", ())]


@pytest.mark.parametrize(
    "other",
    [
        "def make(): return nn.Linear",
        "def make():\n    net = nn.Sequential()\n    return net.parameters",
        "def make(net): return net",
        "def make():\n    def inner(): return A()\n    return 1",
        "def make(): return A",
        "def make(): return A()(1).mean",
        "make = lambda: 3",
    ],
)
def test_functions_that_make_no_model(other):
    """Whatever else they do with one."""
    models = outline(Section(("t",), cells(IMPORTS, "class A(nn.Module): pass", other))).models
    assert [m.name for m in models] == ["A"]


# --- training loops ----------------------------------------------------------------------

SET_UP = """
net = Net()
criterion = nn.MSELoss()
optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimiser, 1)
X = torch.zeros(4, 2)
y = torch.zeros(4)
epochs = 20
"""
STEP = "optimiser.zero_grad()\nloss.backward()\noptimiser.step()"


def loop(body: str, head: str = "for epoch in range(epochs):") -> str:
    """A loop with an ordinary end."""
    return head + "\n" + textwrap.indent(f"{body}\n{STEP}", "    ")


@pytest.mark.parametrize(
    "body",
    [
        "loss = criterion(net(X).squeeze(), y)",
        "net.train()\npred = net(X)\npred = pred.squeeze()\nloss = criterion(pred, y)",
        "loss = F.mse_loss(net.forward(X), y.unsqueeze(1))",
        "out = net(X.float())\nloss = ((out.squeeze() - y) ** 2).mean()",
        "out = net(X)\nerror = y - out[:, 0]\nloss = torch.mean(error ** 2)",
        "a, b = X, y\nloss = criterion(net(a), b)",
        "a = X.clone()\nb = torch.reshape(y, (-1, 1))\nloss = criterion(net(a), b)",
        "loss = criterion(y, net(X).squeeze())",
        "loss = criterion(input=net(X), target=y)",
        "y_pred = net(X)\nbase = criterion(y_pred, y)\nloss = base / 4\nprint(loss.item())",
        "scheduler.step()\nloss = criterion(net(X), y)",
        "loss = 0\nfor i in range(len(X)):\n    loss += criterion(net(X[i]), y[i])",
        "loss = -(y * torch.log(net(X)) + (1 - y) * torch.log(1 - net(X))).mean()",
        "outs: torch.Tensor = net(X)\nloss = criterion(outs, y)",
        "loss = criterion((outs := net(X)), y)",
        "loss = sum([criterion(net(a), b) for a, b in zip(X, y)])",
        "a = X\nb = a\nc = b\nd = c\nloss = criterion(net(d), y)",
        "idx = torch.randperm(4)\nxb, yb = X[idx], y[idx]\nloss = criterion(net(xb), yb)",
        "[xb, yb] = [X, y]\nloss = criterion(net(xb), yb)",
        "def closer(a, b): return a - b\nloss = closer(net(X), y).mean()",
        "loss = criterion(net(x=X), y)",
        "loss = criterion(net(net.embed), y)\nloss = criterion(net(X), y)",
        "loss = criterion(net(X), y)\nepochs += loss.item()",
        "loss = criterion(net(X), y)\nprint(other(X), other.step(2))",
        "n = 0\nbase = criterion(net(X), y)\nn += 1\nloss = base / n",
        "for i in range(epochs):\n    loss = criterion(i * net(X), y)",
        "a = torch.tensor(list(map(float, X)))\nloss = criterion(net(a), y)",
        "torch.autograd.backward(criterion(net(X), y))",
        "loss = criterion(net(X), y)\nloss.backward(torch.tensor(1.0))",
        "pred = factor * net(X)\nloss = criterion(pred, y)",
        "pred = factor * net(X)\nlater = shift + pred\nloss = criterion(later, y)",
        "pred = net(X)\nfor i in range(2):\n    pred = factor * pred\nloss = criterion(pred, y)",
        "criterion(net(X), y).backward()",
    ],
)
def test_ingredients_of_a_full_batch_loop(body):
    """Model, X, y and epochs are found however the loss is written."""
    found = needs(SET_UP, loop(body))
    assert (found.model, found.X, found.y) == ("net", "X", "y")
    assert found.epochs == "epochs"


@pytest.mark.parametrize(
    ("head", "epochs"),
    [
        ("for i in range(100):", None),
        ("for i in range(1, epochs + 1):", "epochs"),
        ("for i in tqdm(range(epochs)):", "epochs"),
        ("for i, _ in enumerate(tqdm(range(30))):", None),
        ("while i < epochs:", "epochs"),
        ("for i in range(settings['n']):", "settings"),
        ("for i in range(count * epochs):", None),
        ("while True:", None),
        ("while not done(epochs):", None),
        ("for i in range(first, epochs):", "epochs"),
    ],
)
def test_the_number_of_rounds(head, epochs):
    """Its name, where it has one."""
    assert needs(SET_UP, loop("loss = criterion(net(X), y)", head)).epochs == epochs


@pytest.mark.parametrize(
    ("data", "inner"),
    [
        (
            "dataset = TensorDataset(X, y)\nloader = DataLoader(dataset, batch_size=2)",
            "for xb, yb in loader:",
        ),
        (
            "loader = DataLoader(TensorDataset(X, y), batch_size=2)",
            "for i, (xb, yb) in enumerate(loader):",
        ),
        ("loader = DataLoader(dataset=TensorDataset(X, y))", "for xb, yb in tqdm(loader):"),
        ("loader = list(zip(X, y))", "for xb, yb in loader:"),
        ("", "for xb, yb in zip(X, y):"),
        ("", "for i, (xb, yb) in enumerate(zip(X, y)):"),
        ("", "for i, xb in enumerate(X):\n    yb = y[i]"),
        ("", "for i in torch.arange(4):\n    xb, yb = X[i], y[i]"),
        ("pairs = TensorDataset(X, y)", "for xb, yb in pairs:"),
        ("", "for xb, yb in load(X, y):"),
        ("", "for pair in zip(X, y):\n    xb, yb = pair"),
        ("", "for i, pair in enumerate(zip(X, y)):\n    xb, yb = pair"),
        (
            "loader = torch.utils.data.DataLoader(TensorDataset(X, y))",
            "for xb, yb in loader:",
        ),
        ("", "for xb, yb, others in zip(X, y):"),
        ("", "for i in range(0, 4, 2):\n    xb, yb = X[i:i + 2], y[i:i + 2]"),
        ("", "for i in range(4):\n    xb = X[i].unsqueeze(0)\n    yb = y[i]"),
        ("loader = DataLoader(TensorDataset(X, y))", "for batch in loader:\n    xb, yb = batch"),
    ],
)
def test_ingredients_of_mini_batch_loops(data, inner):
    """What a loader or a slice hands out is followed back to the data it was made from."""
    body = textwrap.indent(f"loss = criterion(net(xb), yb)\n{STEP}", "        ")
    text = f"for e in range(5):\n{textwrap.indent(inner, '    ')}\n{body}"
    found = needs(SET_UP, data, text)
    assert (found.model, found.X, found.y, found.epochs) == ("net", "X", "y", None)


def test_a_number_that_is_counted_for_steps_is_no_data():
    """Nor is one that a function gives."""
    count = "n = 0\ndef rounds(): return 3"
    body = "base = criterion(net(X), y)\nn += 1\nloss = base / n"
    found = needs(SET_UP, count, loop(body, "for i in range(rounds()):"))
    assert (found.X, found.y, found.epochs) == ("X", "y", None)


@pytest.mark.parametrize(
    ("imports", "base", "is_one"),
    [
        ("import torch", "torch.nn.Module", True),
        ("import torch.nn as layers", "layers.Module", True),
        ("from torch.nn import Module", "Module", True),
        ("from torch.nn import Module as Base", "Base", True),
        ("import other as np", "np.Module", False),
        ("from other import Module", "Module", False),
    ],
)
def test_a_model_is_one_of_torchs(imports, base, is_one):
    """By whatever name the student has that."""
    models = outline(Section(("t",), cells(imports, f"class A({base}): pass"))).models
    assert [model.name for model in models] == ["A"] * is_one


def test_a_loop_that_leaves_the_step_to_a_function():
    """The function is read, and its parameters get the caller's names."""
    step = """
    def one_step(m, inputs, targets, opt):
        opt.zero_grad()
        value = criterion(m(inputs), targets)
        value.backward()
        opt.step()
        return value
    """
    found = needs(
        SET_UP, step, "for i in range(3):\n    l = one_step(net, X, targets=y, opt=optimiser)"
    )
    assert (found.through, found.model, found.X, found.y) == ("one_step", "net", "X", "y")


@pytest.mark.parametrize(
    ("takes", "call"),
    [
        # Parameters may have the names of other data, and others of their own.
        ("m, y, t", "step(net, X, y)"),
        ("m, X, y", "step(net, X, y)"),
        ("m, a, /, b, opt=None", "step(net, X, b=y)"),
        ("m, a, b", "step(net, X, *rest, b=y)"),
        ("m, a, b", "step(net, X[0], y[0])"),
        ("a, b", "step(X, y)"),
        ("", "step()"),
    ],
)
def test_a_step_is_read_with_what_it_is_given(takes, call):
    """What it is not given it reads from outside."""
    names = re.findall(r"\w+", takes.partition(", opt")[0]) or ["net", "X", "y"]
    model, a, b = names if len(names) == 3 else ("net", *names)
    body = f"value = criterion({model}({a}), {b})\nvalue.backward()\noptimiser.step()"
    step = f"def step({takes}):\n" + textwrap.indent(body, "    ")
    found = needs(SET_UP, step, f"for i in range(3):\n    {call}")
    assert (found.through, found.model, found.X, found.y) == ("step", "net", "X", "y")


def test_what_a_step_is_not_given_and_has_of_its_own_is_open():
    """A default is no data that can be put in."""
    body = "value = criterion(m(a), b)\nvalue.backward()\noptimiser.step()"
    step = "def step(m, a, b=None):\n" + textwrap.indent(body, "    ")
    found = needs(SET_UP, step, "for i in range(3):\n    step(net, X)")
    assert (found.model, found.X, found.y) == ("net", "X", None)


@pytest.mark.parametrize(
    ("data", "body", "found"),
    [
        ("", "loss = criterion(net(torch.tensor([[1.0]])), y)", ("net", None, "y")),
        ("", "loss = net(X).mean()", ("net", "X", None)),
        ("", "for a, b in load(X): loss = criterion(net(a), b)", ("net", "X", None)),
        ("", "xb, yb = [*pair]\nloss = criterion(net(xb), y)", ("net", "pair", "y")),
        # Names of a loop that are made from one another.
        ("", "a = b\nb = a\nloss = criterion(net(a), y)", ("net", None, "y")),
        (
            "",
            "for a in b:\n    for b in a:\n        loss = criterion(net(a), b)",
            ("net", None, None),
        ),
        ("", "loss = criterion(3, y)", ("net", None, "y")),
    ],
)
def test_what_cannot_be_told_is_open(data, body, found):
    """Or is what it is made from, where nobody can look into it."""
    told = needs(SET_UP, data, loop(body))
    assert (told.model, told.X, told.y) == found


def test_a_model_of_which_nothing_is_known_is_one_that_is_called_and_trained():
    """By `train` or `zero_grad`; the optimiser has that too, and is not called."""
    text = SET_UP.replace("Net()", "load()").replace(
        "torch.optim.SGD(net.parameters(), lr=0.01)", "o()"
    )
    for line, model in (("net.train()", "net"), ("net.zero_grad()", "net"), ("net.eval()", None)):
        assert needs(text, loop(f"{line}\nloss = criterion(net(X), y)")).model == model
    open_ = needs(text, loop("other.train()\nloss = criterion(net(X), y)"))
    assert (open_.model, open_.X) == (None, None)
    made = SET_UP.replace("Net()", "load()")
    assert needs(made, loop("scheduler.step()\nloss = criterion(net(X), y)")).model == "net"
    named = SET_UP.replace("Net()", "load()").replace("parameters", "named_parameters")
    assert needs(named, loop("loss = criterion(net(X), y)")).model == "net"


def test_loops_of_other_sections_are_not_this_ones():
    """Those of the cells above are shared; a cell may hold the word and not train."""
    made = loop("loss = criterion(net(X), y)")
    text = cells(IMPORTS + NET + SET_UP, made)
    borrowed = Section(("t",), cells("x = 1", start=9), (), text)
    assert outline(borrowed).loops == []
    shared = Section(("t",), cells("x = 1", start=9), text)
    assert [loop.origin for loop in outline(shared).loops] == ["shared"]
    assert [loop.origin for loop in outline(Section(("t",), text)).loops] == ["own"]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("from nets import Net", ["Net"]),
        ("from nets import Net as Mine", ["Mine"]),
        ("from nets import *", ["Net", "other"]),
        ("from nets import nothing", []),
        ("from elsewhere import Net", []),
        ("import nets", []),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_models_of_a_file_beside(line, names, beside):
    """By the names that they are imported as; of files among the cells, and of modules."""
    source = "from torch import nn\nclass Net(nn.Module): pass\nother = Net()"
    main, file = Cell("a.py", "a.py", None, line), Cell("nets.py", "nets.py", None, source)
    own = (main, file) if beside else (main,)
    models = outline(Section(("t",), own), None if beside else {"nets": source}).models
    at_main = models[: len(models) - 2 * beside]
    assert [model.name for model in at_main] == names
    assert {model.place.file for model in at_main} <= {"nets.py"}


def test_a_file_that_imports_from_itself():
    """Python lets it, and so do we."""
    source = "from torch import nn\nfrom own import Net\nclass Net(nn.Module): pass"
    models = outline(Section(("t",), (Cell("own.py", "own.py", None, source),))).models
    assert [model.name for model in models] == ["Net", "Net"]


def test_the_model_of_two_is_the_one_the_loop_calls():
    """With two models of one section, each loop has its own."""
    second = SET_UP.replace("net", "net2").replace("optimiser", "opt2")
    text = loop("loss = criterion(net2(X), y)").replace("optimiser", "opt2")
    section = Section(
        ("t",), cells(IMPORTS, NET, SET_UP, loop("loss = criterion(net(X), y)"), second, text)
    )
    found = outline(section).loops
    assert [loop.needs.model for loop in found] == ["net", "net2"]
    assert [where(loop.place) for loop in found] == ["code cell 4, line 1", "code cell 6, line 1"]


def test_a_model_of_unknown_making_is_known_by_its_optimiser():
    """A model from a function or a file counts by the parameters it gave to the optimiser."""
    text = SET_UP.replace("net = Net()", "net = make_it()")
    assert needs(text, loop("loss = criterion(net(X), y)")).model == "net"


def test_loops_inside_other_statements():
    """Guards and blocks are looked into; the statement and the loop's own place are told."""
    guard = "if __name__ == '__main__':\n    pass\n" + textwrap.indent(
        loop("loss = criterion(net(X), y)"), "    "
    )
    block = "with torch.enable_grad():\n" + textwrap.indent(
        loop("loss = criterion(net(X), y)"), "    "
    )
    found = outline(Section(("t",), cells(IMPORTS + NET + SET_UP, guard, block))).loops
    assert [(loop.cell, loop.line, loop.place.line) for loop in found] == [
        ("hw.ipynb[2]", 3, 3),
        ("hw.ipynb[3]", 1, 2),
    ]


def test_loops_without_training_are_none():
    """A loop over numpy steps, a definition that trains and an evaluation are not listed."""
    section = Section(
        ("t",),
        cells(
            "for i in range(5):\n    update(parameters)",
            "def train(m):\n    for i in range(5):\n        l.backward()\n        o.step()",
            "for b in loader:\n    print(net(b))",
        ),
    )
    assert outline(section).loops == []
