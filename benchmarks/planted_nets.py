"""Right answers to tasks of nets by hand, for `planted`: shipped ones, and nets of ReLU."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
TESTS = (ROOT / "tests" / "diagnosis", ROOT / "tests" / "exercises")
if __name__ != "__main__":
    sys.path += map(str, TESTS)

from correct_styles import CLASSIFICATION, REGRESSION, STYLES, source_of  # noqa: E402
from written import homework  # noqa: E402

SHIPPED = (CLASSIFICATION, REGRESSION)
RELU = {f"relu-{units}": units for units in (8, 16, 32, 64)}
"""Exercises of one task, by their hidden units."""
NETS = (*SHIPPED, *RELU)

BY_HAND = ("entry by entry", "loops", "outer", "helper functions", "a new dict")
OF_ANY_SIZE = ("matmul", "loops", "outer", "helper functions")
"""Styles of updates, those of `correct_styles` that hold for nets of any size the second."""

OF_NETS: Mapping[str, str] = {
    # Of X and A1 exchanged, the slope is that of X.
    "arguments": "swapped-index wrong-index wrong-sign wrong-error wrong-layer-input "
    "wrong-derivative-argument wrong-learning-rate uneven-learning-rate",
    "augmented": "overwritten wrong-sign gradient-stored not-updated",
    "axis": "bias-sum-axis wrong-sum-axis",
    "call dropped": "missing-activation wrong-activation updated-before-use copy-dropped",
    "call swapped": "wrong-activation wrong-index swapped-index",
    # A slope of 0 everywhere leaves all below it as it was.
    "comparison": "missing-activation-derivative wrong-activation-derivative not-updated "
    "wrong-learning-rate uneven-learning-rate",
    # What is compared with -1 is always more: the slope is 1.
    "constant": "wrong-factor wrong-learning-rate uneven-learning-rate wrong-sign wrong-activation "
    "wrong-activation-derivative missing-activation-derivative layer-skipped",
    # A product of several is left out as one.
    "factor": "missing-error missing-weight missing-input missing-activation-derivative "
    "wrong-activation-derivative wrong-factor wrong-learning-rate uneven-learning-rate wrong-sign",
    "index": "wrong-index swapped-index wrong-target wrong-source-entry",
    "key": "wrong-weight wrong-source-entry wrong-target",
    # What is done in each round is done so many times.
    "loop": "layer-skipped not-updated nothing-updated wrong-factor uneven-learning-rate "
    "updated-before-use",
    "loop bound": "layer-skipped not-updated nothing-updated",
    # In the place of a product, all that it was made of is missing; y - y is no error at all.
    # What a slope is handed is its argument.
    "operand": "wrong-error missing-error wrong-weight missing-weight wrong-layer-input "
    "wrong-derivative-argument missing-input bias-times-input extra-factor "
    "missing-activation-derivative "
    "wrong-activation-derivative wrong-index wrong-factor wrong-learning-rate "
    "uneven-learning-rate layer-skipped hidden-returned wrong-hidden-returned swapped-returns "
    "extra-activation-derivative nothing-updated not-updated",
    # A term of 1 or 0 takes or gives as much as a factor does.
    "operator": "wrong-activation misplaced-parenthesis wrong-constant wrong-function wrong-factor "
    "wrong-learning-rate uneven-learning-rate",
    "order": "swapped-returns",
    # Without its brackets a slope may be 0.
    "parenthesis": "misplaced-parenthesis wrong-activation not-updated",
    "power": "wrong-activation-derivative squared-error",
    "sign": "wrong-sign subtracted-bias wrong-sigmoid-sign wrong-activation "
    "wrong-activation-derivative",
    "statement dropped": "not-updated nothing-updated layer-skipped hidden-returned "
    "wrong-hidden-returned",
    "statement moved": "updated-before-use overwritten",
    "statement twice": "wrong-factor layer-repeated",
    "term": "missing-bias missing-error wrong-error wrong-activation wrong-activation-derivative "
    "missing-activation-derivative overwritten not-updated nothing-updated "
    "layer-skipped",
    "transpose": "weight-not-transposed swapped-index wrong-index",
}
"""Mistakes of nets that are true of an operator of `planting`, by its word."""

FORWARD = """\
import numpy as np

def L_layer_forward(X, parameters):
    Z1 = np.dot(parameters['W1'].T, X) + parameters['b1']
    A1 = np.maximum(0, Z1)
    return np.dot(parameters['W2'].T, A1) + parameters['b2'], A1
"""

TASK = """
[[tasks]]
id = "{name}"
title = "A net of ReLU"
framework = "numpy"
words = ["relu"]
data = "data.csv"
features = ["x0", "x1", "x2"]
targets = ["y"]
layers = [{{ units = {units}, activation = "relu" }}, {{ units = 1, activation = "linear" }}]
loss = "squared_error"
rates = {{ weight = 0.001, bias = 0.01, policy = "exact" }}
epochs = 2
deadline = 60.0
roles = ["forward", "update"]
optional = []
checks = {{ forward = 5, update = 12, gradient = 1, trajectory = 2 }}

[tasks.starts.first]
"""


def texts_of(name: str) -> Mapping[str, str]:
    """Return the right answers to a task, by style."""
    if name in SHIPPED:
        model = ROOT / "reference" / f"{name.replace('-', '_')}.py"
        by_hand = {style: homework(name, source_of(style, name)) for style in BY_HAND}
        return {"model": model.read_text(encoding="utf-8"), **by_hand}
    found = {}
    for style in OF_ANY_SIZE:
        body = STYLES[style].replace("ERROR", "2 * (y - y_hat)")
        body = body.replace("SLOPEj", "(A1[j, 0] > 0)").replace("SLOPE", "(A1 > 0)")
        for index, units in (("i", 3), ("j", RELU[name])):
            body = body.replace(f"for {index} in range(2)", f"for {index} in range({units})")
        found[style] = FORWARD + body
    return found


def assignment_of(name: str, folder: Path) -> Path:
    """Write the assignment of a ReLU net with random data into a folder, and return its path.

    The roles are those of an assignment of the tests.
    """
    generator = np.random.default_rng(RELU[name])
    beside = ROOT / "tests" / "exercises" / "tanh_regression" / "assignment.toml"
    head = beside.read_text(encoding="utf-8").split("[[tasks]]")[0]
    rows = np.round(generator.uniform(-1, 1, (4, 4)), 2)
    lines = ["x0,x1,x2,y", *(",".join(map(str, row)) for row in rows)]
    (folder / "data.csv").write_text("\n".join(lines), encoding="utf-8")
    units = RELU[name]
    shapes = {"W1": (3, units), "b1": (units, 1), "W2": (units, 1), "b2": (1, 1)}
    starts = [
        f"{key} = {np.round(generator.normal(0, 0.4, shape), 2).tolist()}"
        for key, shape in shapes.items()
    ]
    path = folder / "assignment.toml"
    task = TASK.format(name=name, units=units)
    path.write_text(head + task + "\n".join(starts), encoding="utf-8")
    return path
