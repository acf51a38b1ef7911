"""The least that isolated grading can cost: a fork for each submission that makes the same calls.

A process that has numpy forks; the child makes a submission's functions from its text and calls
them as often as gradkit does, and ends. Nothing is sent, compared, judged or kept from anything.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess

PROGRAM = """
import json, os, sys
import numpy as np

asked = json.load(sys.stdin)
drawn = np.random.default_rng(1)
shapes = {"W1": (2, 2), "b1": (2, 1), "W2": (2, 1), "b2": (1, 1)}
start = {name: drawn.uniform(-1, 1, shape) for name, shape in shapes.items()}
X = np.array([[8.0], [6.0]])
for text in asked["texts"]:
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    names = {"__name__": "submission"}
    exec(compile(text, "submission", "exec"), names)
    for _ in range(asked["calls"]["initialise"]):
        names["initialise_parameters"]([2, 2, 1])
    for _ in range(asked["calls"]["forward"]):
        y_hat, A1 = names["L_layer_forward"](X, {k: v.copy() for k, v in start.items()})
    for _ in range(asked["calls"]["update"]):
        parameters = {k: v.copy() for k, v in start.items()}
        names["update_parameters"](parameters, 4.0, y_hat.item(), A1, X)
    os._exit(0)
"""


def calls_of(text: str) -> dict[str, int]:
    """Count how often gradkit calls each function of a right submission of regression in numpy."""
    counted: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, _watched(counted), Workshop() as workshop:
        path = Path(folder) / "submission.py"
        path.write_text(text, encoding="utf-8")
        with Session(Settings(tasks=("regression-numpy",)), workshop) as session:
            session.check(path)
    return dict(counted)


@contextmanager
def _watched(counted: Counter[str]) -> Iterator[None]:
    """Count the calls that all requests in the block ask for, by role, in ``counted``."""
    ask_before = StudentProcess.ask

    def ask(process: StudentProcess, request: Frame) -> Any:
        data = request.data
        for role in ("call", "forward", "update"):
            if role in data:
                steps = data["epochs"] * len(request.arrays["X"]) if "epochs" in data else 1
                counted[_role_of(data[role])] += data.get("n", steps)
        return ask_before(process, request)

    StudentProcess.ask = ask  # type: ignore[method-assign]
    try:
        yield
    finally:
        StudentProcess.ask = ask_before  # type: ignore[method-assign]


def _role_of(call: Mapping[str, Any]) -> str:
    names = {"initialise_parameters": "initialise", "L_layer_forward": "forward"}
    return names.get(call["function"], "update")


def run(texts: Sequence[str], calls: Mapping[str, int]) -> None:
    """Fork once for each text."""
    asked = json.dumps({"texts": list(texts), "calls": dict(calls)})
    subprocess.run([sys.executable, "-c", PROGRAM], input=asked, text=True, check=True)
