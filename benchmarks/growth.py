"""What judging a function task takes as nets grow: processor time and peak memory, right and wrong.

    python benchmarks/growth.py [--nets 2-2-1 10-32-10 64-64-10 784-128-10]

Each case is a process of its own, so that peaks are its own. ``right`` is the model solution;
``wrong`` has one gradient that is N times too large; ``forward`` has a wrong forward pass, whose
backward is right for it, which is what takes finite differences. CPU seconds and memory count the
grader's and the student's process together. Last comes a 3x3 convolution on 16x16x3 images.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

NET = """
import numpy as np


def loss_and_gradients(parameters, X, y):
    n = len(X)
    A = np.maximum(X @ parameters["W1"] + parameters["b1"], 0)
    S = A @ parameters["W2"] + parameters["b2"]
    S = S - S.max(axis=1, keepdims=True)
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    loss = -np.log(P[np.arange(n), y]).mean()
    D = P.copy()
    D[np.arange(n), y] -= 1
    D /= n
    H = (D @ parameters["W2"].T) * (A > 0)
    gradients = {"W1": X.T @ H, "b1": H.sum(axis=0), "W2": A.T @ D, "b2": D.sum(axis=0)}
    return loss, gradients
"""

NET_TASK = """
schema = "gradkit/assignment/v1"
id = "growth"
title = "A net"

[[tasks]]
id = "net"
title = "A net of {sizes}"
kind = "functions"
solution = "model.py"

[tasks.sizes]
N = 32
D = {d}
H = {h}
C = {c}

[tasks.inputs]
X = "normal(N, D)"
y = "integers(C, N)"

[tasks.inputs.parameters]
W1 = "0.1 * normal(D, H)"
b1 = "0.1 * normal(H)"
W2 = "0.1 * normal(H, C)"
b2 = "0.1 * normal(C)"

[[tasks.checks]]
name = "loss"
points = 10
call = "loss, gradients = loss_and_gradients(parameters, X, y)"
compare = ["loss", "gradients['W1']", "gradients['b1']", "gradients['W2']", "gradients['b2']"]

[tasks.checks.gradient]
of = "loss"
"gradients['W1']" = "parameters['W1']"
"gradients['b1']" = "parameters['b1']"
"gradients['W2']" = "parameters['W2']"
"gradients['b2']" = "parameters['b2']"
"""

CONVOLUTION = """
import numpy as np


def conv_forward(x, w, b):
    n, c, h, v = x.shape
    f = len(w)
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    out = np.zeros((n, f, h, v))
    for i in range(h):
        for j in range(v):
            out[:, :, i, j] = np.tensordot(p[:, :, i:i + 3, j:j + 3], w, ((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w)


def conv_backward(dout, cache):
    x, w = cache
    n, c, h, v = x.shape
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dp, dw = np.zeros_like(p), np.zeros_like(w)
    for i in range(h):
        for j in range(v):
            dp[:, :, i:i + 3, j:j + 3] += np.tensordot(dout[:, :, i, j], w, (1, 0))
            dw += np.tensordot(dout[:, :, i, j], p[:, :, i:i + 3, j:j + 3], (0, 0))
    return dp[:, :, 1:-1, 1:-1], dw, dout.sum(axis=(0, 2, 3))
"""

CONVOLUTION_TASK = """
schema = "gradkit/assignment/v1"
id = "growth"
title = "A convolution"

[[tasks]]
id = "convolution"
title = "A 3x3 convolution on 16x16x3"
kind = "functions"
solution = "model.py"

[tasks.sizes]
N = 4
F = 8

[tasks.inputs]
x = "normal(N, 3, 16, 16)"
w = "normal(F, 3, 3, 3)"
b = "normal(F)"
dout = "normal(N, F, 16, 16)"

[[tasks.checks]]
name = "forward"
points = 4
call = "out, cache = conv_forward(x, w, b)"
compare = ["out"]

[[tasks.checks]]
name = "backward"
points = 6
call = "dx, dw, db = conv_backward(dout, cache)"
compare = ["dx", "dw", "db"]
gradient = { of = "sum(out * dout)", dx = "x", dw = "w", db = "b" }
"""

EDITS = {
    "net": {
        "right": [],
        "wrong": [('"b2": D.sum(axis=0)', '"b2": n * D.sum(axis=0)')],
        "forward": [("    loss = -np", "    loss = -2 * np"), ("    D /= n", "    D *= 2 / n")],
    },
    "convolution": {
        "right": [],
        "wrong": [("dout.sum(axis=(0, 2, 3))", "4 * dout.sum(axis=(0, 2, 3))")],
        "forward": [
            ("return out, (x, w)", "return 2 * out, (x, w)"),
            ("    x, w = cache", "    x, w = cache\n    dout = 2 * dout"),
        ],
    },
}
NETS = ["2-2-1", "10-32-10", "64-64-10", "784-128-10"]


def case(task: str, model: str, edits: list[list[str]]) -> dict[str, float]:
    """Grade one submission in this process; return its score, CPU seconds and megabytes.

    ``edits`` are pairs of old and new text, by which the submission differs from the model
    solution.
    """
    from gradkit.grading.session import Session
    from gradkit.grading.settings import Settings

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "assignment.toml").write_text(task, encoding="utf-8")
        (folder / "model.py").write_text(model, encoding="utf-8")
        text = model
        for old, new in edits:
            assert old in text, old
            text = text.replace(old, new)
        (folder / "hw.py").write_text(text, encoding="utf-8")
        settings = Settings(assignment=folder / "assignment.toml", reference=folder, seed=1)
        with Session(settings) as session:
            result = session.check(folder / "hw.py")
    own, others = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "score": result.score,
        "seconds": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "megabytes": (own.ru_maxrss + others.ru_maxrss) / 1024,
    }


def measured(task: str, model: str, edits: list[tuple[str, str]]) -> dict[str, float]:
    """Run `case` in a new process, and return its values."""
    said = json.dumps([task, model, edits])
    command = [sys.executable, "-P", __file__, "--case"]
    done = subprocess.run(command, input=said, text=True, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a table of score, CPU and memory of submissions, by the size of the task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", nargs="*", default=NETS)
    parser.add_argument("--case", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(case(*json.loads(sys.stdin.read()))))
        return
    cases = []
    for net in asked.nets:
        d, h, c = map(int, net.split("-"))
        parameters = d * h + h + h * c + c
        task = NET_TASK.format(sizes=net, d=d, h=h, c=max(c, 2))
        cases.append((net, parameters, "net", task, NET))
    cases.append(("conv 3x3", 8 * 27 + 8, "convolution", CONVOLUTION_TASK, CONVOLUTION))
    print(f"{'':12}{'parameters':>12}{'':>10}{'score':>7}{'CPU s':>8}{'MB':>7}")
    for name, parameters, kind, task, model in cases:
        for what, edits in EDITS[kind].items():
            found = measured(task, model, edits)
            print(
                f"{name:12}{parameters:12,}{what:>10}{found['score']:7.2f}"
                f"{found['seconds']:8.2f}{found['megabytes']:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
