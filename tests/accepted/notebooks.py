"""Notebooks with broken cells, loops, plots and two tasks beside the solution."""

from __future__ import annotations

import ast

from accepted.entry import PROBLEMS, Accepted, Blocks, spoil, spoil_blocks
from accepted.numpy_texts import numpy_text
from accepted.torch_texts import BARE, DATA, LOOP_PRINTED, LOOP_RECORDED, STACKED, fill

OTHER = {"regression": "classification", "classification": "regression"}
TITLES = {"regression": "# Regression problem", "classification": "# Classification Problem"}
ROWS = {
    "regression": "[[8, 8, 4], [6, 10, 6], [7, 9, 5], [5, 12, 7]]",
    "classification": "[[8, 8, 1], [7, 9, 1], [6, 10, 0], [5, 5, 0]]",
}
LOSSES = {
    "regression": "(y - y_hat) ** 2",
    "classification": "-y * np.log(y_hat) - (1 - y) * np.log(1 - y_hat)",
}
LOOP = """
parameters = initialise_parameters([2, 2, 1])
for i in range({epochs}):
    loss = []
    for row in data:
        X = row[:2].reshape(2, 1)
        y = row[2]
        y_hat, A1 = L_layer_forward(X, parameters)
        y_hat = y_hat[0][0]
        loss.append({loss})
        update_parameters(parameters, y, y_hat, A1, X)
    print("Epoch", i + 1, "loss", np.array(loss).mean())
parameters
"""


def code(*texts: str) -> Blocks:
    """Return code cells with some texts."""
    return tuple(("code", text.strip("\n")) for text in texts)


def heading(text: str) -> Blocks:
    """Return one cell of Markdown."""
    return (("markdown", text),)


def pieces(problem: str, **options: object) -> dict[str, str]:
    """Cut a numpy solution into its functions, by name."""
    text = numpy_text(problem, **options)
    return {
        node.name: ast.get_source_segment(text, node)
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }


def loop(problem: str, epochs: int = 5) -> str:
    """Return the notebook's training loop at top level."""
    return LOOP.format(epochs=epochs, loss=LOSSES[problem])


def data(problem: str) -> str:
    """Return code that makes an array of the problem's rows."""
    return f"data = np.array({ROWS[problem]})"


def plain(problem: str, *, before: Blocks = (), after: Blocks = ()) -> Blocks:
    """Return a section of one cell per function, with cells before and after them."""
    functions = code(*pieces(problem).values())
    top = heading(TITLES[problem] + "\n\nby hand, with numpy")
    return top + code("import numpy as np") + before + functions + after


HELPERS = {
    "regression": """
def send_back(parameters, d2, A1):
    return parameters['W2'] * d2

def error_at_output(y, y_hat):
    return -2 * (y - y_hat)
""",
    "classification": """
def send_back(parameters, d2, A1):
    return parameters['W2'] * d2 * slope(A1)

def slope(A):
    return A * (1 - A)

def error_at_output(y, y_hat):
    return y_hat - y
""",
}
UPDATE_BY_HELPERS = """
def update_parameters(parameters, y, y_hat, A1, X):
    d2 = error_at_output(y, y_hat)
    d1 = send_back(parameters, d2, A1)
    move(parameters, 'W2', 0.001 * A1 * d2)
    move(parameters, 'b2', 0.01 * d2)
    move(parameters, 'W1', 0.001 * X @ d1.T)
    move(parameters, 'b1', 0.01 * d1)
"""
MOVE = """
def move(parameters, name, step):
    parameters[name] = parameters[name] - step
"""
UPDATE_BY_GLOBALS = {
    "regression": ("d2 = -2 * (y - y_hat)", "d1 = parameters['W2'] * d2"),
    "classification": ("d2 = -(y - y_hat)", "d1 = parameters['W2'] * d2 * A1 * (1 - A1)"),
}


def by_helpers(problem: str) -> Blocks:
    """The update leans on helpers of other cells, one of them further down."""
    parts = pieces(problem)
    del parts["update_parameters"]
    return (
        heading(TITLES[problem])
        + code("import numpy as np", *parts.values(), HELPERS[problem])
        + code(UPDATE_BY_HELPERS, MOVE, data(problem), loop(problem))
    )


def by_globals(problem: str) -> Blocks:
    """The rates are top-level constants of another cell."""
    parts = pieces(problem)
    d2, d1 = UPDATE_BY_GLOBALS[problem]
    parts["update_parameters"] = (
        "def update_parameters(parameters, y, y_hat, A1, X):\n"
        f"    {d2}\n    {d1}\n"
        "    dW1 = np.dot(X, d1.T)\n"
        "    parameters['W1'] -= rates['W'] * dW1\n"
        "    parameters['b1'] -= rates['b'] * d1\n"
        "    parameters['W2'] -= rates['W'] * A1 * d2\n"
        "    parameters['b2'] -= rates['b'] * d2\n"
    )
    constants = "epochs = 5\nrates = {'W': 0.001, 'b': 10 * 0.001}"
    return heading(TITLES[problem]) + code("import numpy as np", constants, *parts.values())


def printing(problem: str) -> Blocks:
    """Forward prints what it does."""
    parts = pieces(problem)
    shown = "        print('A' + str(l - 1) + ':', A_prev)\n        print('--' * 20)\n"
    right = "        A_prev = A\n"
    parts["L_layer_forward"] = spoil(parts["L_layer_forward"], right, right + shown)
    return heading(TITLES[problem]) + code("import numpy as np", *parts.values())


SETTINGS: dict[str, tuple[str, ...]] = {
    "missing-package": (
        "import numpy as np\nimport tensorflow_of_old as tf\nfrom tensorflow_of_old import keras",
    ),
    "missing-package-first": ("import tensorflow_of_old as tf\nimport numpy as np",),
    "missing-file": (
        "import pandas as pd\ndf = pd.read_csv('placement.csv')\ndf.head()",
        "X_all = df[['cgpa', 'resume_score']].values",
    ),
    "stray-indent": ("rows = 4\n  columns = 3",),
    "syntax-error": ("def unfinished(x:\n    return",),
    "magics": (
        "%matplotlib inline\n!pip install -q numpy\nimport numpy as np",
        "%%time\nnp.ones(3)",
        "?np.dot",
    ),
    "plots": ("import matplotlib.pyplot as plt\nlosses = [3, 2, 1]\nplt.plot(losses)\nplt.show()",),
    "long-loop": ("import time\nfor i in range(60):\n    time.sleep(0.1)",),
}


def with_torch(problem: str, model: str, training: str) -> Blocks:
    """The torch half of a whole notebook."""
    texts = DATA[problem], fill(problem, model), fill(problem, training)
    return heading("## PyTorch implementation") + code(*texts)


def whole() -> Blocks:
    """Both problems, each in numpy and in torch, the same names defined twice."""
    blocks: Blocks = heading("Everything in one notebook.") + code(
        "import numpy as np\nimport pandas as pd"
    )
    for problem in PROBLEMS:
        blocks += heading(TITLES[problem]) + code(data(problem))
        blocks += heading("## Numpy implementation")
        blocks += code(*pieces(problem).values(), loop(problem))
        if problem == "regression":
            blocks += with_torch(problem, STACKED + "\nmodel = MyNN()\n", LOOP_PRINTED)
        else:
            blocks += with_torch(problem, BARE, LOOP_RECORDED)
    return blocks


def shared(first: bool) -> Blocks:
    """Helpers that both problems use, above both or inside the first one's section."""
    initialise = pieces("regression")["initialise_parameters"]
    helpers = code(initialise, "def total(A, W, b):\n    return np.dot(W.T, A) + b", MOVE)
    blocks: Blocks = code("import numpy as np") + (() if first else helpers)
    for problem in PROBLEMS:
        parts = pieces(problem)
        del parts["initialise_parameters"], parts["update_parameters"]
        parts["linear_forward"] = parts["linear_forward"].replace(
            "np.dot(W.T, A_prev) + b", "total(A_prev, W, b)"
        )
        update = UPDATE_BY_HELPERS.replace("0.001 * X @ d1.T", "0.001 * np.outer(X, d1)")
        blocks += heading(TITLES[problem])
        blocks += helpers if first and problem == "regression" else ()
        blocks += code(*parts.values(), HELPERS[problem], update, data(problem), loop(problem))
    return blocks


def find(blocks: Blocks, problem: str | None, text: str) -> int:
    """Number of the one cell with ``text``, under the problem's title where both have it."""
    at = 0
    if problem and ("markdown", TITLES[problem]) in blocks:
        at = blocks.index(("markdown", TITLES[problem]))
    return next(n for n, (_, cell) in enumerate(blocks) if n >= at and text in cell)


def entry(
    name: str, problem: str, blocks: Blocks, right: str, wrong: str, **facts: object
) -> Accepted:
    """A notebook for one task, its twin wrong in the cell that holds ``right``."""
    number = find(blocks, problem, right)
    known = {"task": f"{problem}-numpy", "fails": "update"} | facts
    twin = spoil_blocks(blocks, number, right, wrong)
    return Accepted(name=f"notebook-{name}", source=blocks, twin=twin, **known)


STEP = ("parameters['W1'] -= ", "parameters['W1'] += ")
MOVED = ("'W1', 0.001", "'W1', -0.001")


def notebook_entries() -> list[Accepted]:
    """All notebooks, for both problems."""
    entries = []
    for problem in PROBLEMS:
        entries += [
            entry(name, problem, plain(problem, before=code(*cells)), *STEP)
            for name, cells in SETTINGS.items()
        ]
        called = plain(problem, before=code(data(problem), loop(problem)))
        long = plain(problem, after=code(data(problem), loop(problem, epochs=100_000)))
        headless = tuple(block for block in plain(problem) if block[0] == "code")
        entries += [
            entry("called-above-its-definition", problem, called, *STEP),
            entry("long-training", problem, long, *STEP),
            entry("without-headings", problem, headless, *STEP),
            entry("prints-in-forward", problem, printing(problem), *STEP),
            entry("helpers-in-other-cells", problem, by_helpers(problem), *MOVED),
            entry("rates-in-another-cell", problem, by_globals(problem), *STEP),
            entry("helpers-shared", problem, shared(first=False), *MOVED),
            entry("helpers-in-the-first-section", problem, shared(first=True), *MOVED),
            entry("both-problems-both-frameworks", problem, whole(), *STEP),
        ]
    entries += [
        entry(
            "both-problems-both-frameworks",
            "regression",
            whole(),
            "optim.zero_grad()",
            "pass",
            task="regression-torch",
            fails="trajectory",
        ),
        entry(
            "both-problems-both-frameworks",
            "classification",
            whole(),
            "optimizer.zero_grad()",
            "pass",
            task="classification-torch",
            fails="trajectory",
        ),
    ]
    return entries
