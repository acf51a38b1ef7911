"""Cases of net tasks, as they were diagnosed when they were stored: codes and lines.

The texts are those that the tests of this folder grade. To compare a changed diagnosis with the
stored one::

    GRADKIT_SOAK=8 pytest -m slow tests/diagnosis/test_stored_cases.py

Each line of the file is a case as JSON: the ``test`` that it comes from, ``task``, ``seed``,
``text``, and what was ``found``, as check, code and lines. `tests/grading/test_rubric.py` holds
what a code costs.
"""

from __future__ import annotations

import json
import lzma
from dataclasses import dataclass
from pathlib import Path

from gradkit.diagnosis.catalogue import kinds
from gradkit.records.result import UNEXPLAINED, TaskResult

FILE = Path(__file__).with_name("stored_cases.jsonl.xz")

FACTOR = "the factor is told where it stands, and not where another could make up for it"
MENDED = "the line that is not there is told where it belongs"
TURNED = "a step that takes away is as it should be: the sign is told where the gradient has it"
EARLY = "the step that comes too early is told, and not the lines that it spoils"
KEPT = "biases that are kept at ten times the rate that is handed over move as the task asks"
HANDED = "a rate that has the task's value by default is not handed over, and not asked for"
ROUNDS = "the loop is told, whose change mends it, and not its function"
SHORT = "no one change lets this loop come to all entries, and the function is told"

MADE = "what is no parameter is told where it is made or handed over, and not its function"
HELPER = "a helper that takes the sigmoid of what it is handed is told where it does"
STOPS = "code that stops is reported as an exception at its line"
PROVED = "of two readings the one is told that a change has shown"

OTHER_LINES = {
    "if X[0, 0] > 1.5: raise ValueError": STOPS,
    "1 / (7 - n)": STOPS,
    "if epoch >= 0: optimizer.zero_grad()": PROVED,
    "SGD(model.first.parameters(), lr=lr)": MADE,
    "SGD(model.second.parameters(), lr=lr)": MADE,
    "self.b = {'out': nn.Linear(2, 1)}": MADE,
    "(parameters['W2'] + 0.001 * e * A1).astype('float32')": "the slope is wrong, W1's step is not",
    "0.001 / m": FACTOR,
    "dW2 = np.dot(A1, dZ2) / m": FACTOR,
    "classification … + 2 * 0.001 * dW2": FACTOR,
    "regression … dZ2 = (y - y_hat)\n    dW2 = (A1 * dZ2).T\n    parameters['W2'] = parameters['W2'] + 0.001 * dW2\n    parameters['b2'] = parameters['b2'] + 0.01 * dZ2 * np.ones((1, 1))\n$": FACTOR,
    "b1'] += 0.01 * d\n    parameters['b1'] += 0.01 * d": "of two equal steps the second is the odd one",
    "W1'][1:] += 0.001 * X[1:] @ back.T": "the slice is told, in the first line that has it",
    "h = W2 * (1 - A1)": "the first value without A1 is the one",
    "[w21 - 0.001 * g * v1 * x2, w22 - 0.001 * g * v2 * x1]": "of a statement the line that is wrong",
    "(1/m) * A1 * dZ2": FACTOR,
    "* A1 * (1 - A1)\n    dW1 = (dZ1).T @ X\n    parameters['W1'] = parameters['W1'] + -2 *": FACTOR,
    "(0.001 * 1.0 * parameters['W2'][0][0] * sigmoid(": "each line that lacks an error is told",
    "dW2[0, 0] += dW2[1, 0]; dW2[1, 0] = 0.0\n    parameters['W2'] = parameters['W2'] + 0.001": (
        "what was used too early is told where it is used"
    ),
    'lr=0.001):\n    dA2 = -2 * (y - y_hat)\n    dW2 = A1 * dA2\n    db2 = dA2\n    dA1 = parameters["W2"] * dA2\n    dW1 = np.dot(X, dA1.T)\n    db1 = dA1\n\n    parameters["W2"] = parameters["W2"] - 0.001 *': HANDED,
    "elif key == 'B1':": MENDED,
    "w = [parameters['W2'][0][0], parameters['W2'][1][0]]\n    parameters['W1'][0][0] += 0.01 * e": MENDED,
    "-= 0.001 * np.dot(X, dZ1.T) * 2 / m": (
        "a factor and a sign of two lines are told where one change mends both"
    ),
    "    delta1 = parameters['W2'] * delta2 * d_sigmoid(A1)": HELPER,
    "0.01 * error\n    hidden_error = error * parameters['W2'] * sigmoid_derivative(A1)\n": HELPER,
    "lr=0.001):\n    error = y - y_pred\n    for i in range(2):\n        params['W2'][i][0] += 0.001": HANDED,
    "[1][0]*X[1][0])\n  parameters['b1'][1][0] = parameters['b1'][1][0] + (0.01 * 2 * (y - y_hat)*parameters['W2'][1][0])\n  parameters['W2'][0][0] =": MENDED,
    "        if i == 1:\n            continue": MENDED,
    "        if l == 2:\n            break": MENDED,
    "for k in range(1):\n        G[k] = dW1[k]": MENDED,
    "- 0.001 * dW1\n$": MENDED,
    "dW1 = X @ dh.T\n    pass\n": MENDED,
    "for l in range(2, L + 1):": ROUNDS,
    "A = sigmoid(p[f'W{l}'].T @ A + p[f'b{l}'])\n        A_prev = A": (
        "of two statements in the wrong order the first is told, and not their function"
    ),
    "for i in range(1):\n        for j in range(2):\n            parameters['W1'][i][j] += 0.001 * e": SHORT,
    "grads[f'b{l}']\n        break": SHORT,
    "for l in (1,):": ROUNDS,
    "for l in (2,):": ROUNDS,
    "for l in (1, 1, 2):": ROUNDS,
    "\n    g = d\n": "the name that stands for a gradient without its input",
    "    dy = (y - y_hat) * 2\n": TURNED,
    "    d = 2 * (y - y_hat)\n    dh": TURNED,
    "old_W2 = W2\n": "the alias is told that was to be a copy, and not the lines that use it",
    "parameters['W2'] += 0.001 * err * A1\n    parameters['b2'] += 0.01 * err\n    param": EARLY,
    "step_w * A1\n": EARLY,
    "    parameters['b2'][0][0] += 10 * lr * error\n": KEPT,
    "0.001 * error * X @ (parameters['W2'] * slope).T\n": EARLY,
    "[j][0] += 0.001 * e * A1[j][0]\n        for": EARLY,
    "grads[key] = grads[key] * 0.001\n": MENDED,
    "parameters['W1'][1, 0] -= 0.001 * dW1[1, 0]\n": MENDED,
    "lr=lr / 2)\n    losses, total = [], 0.0\n    for epoch in range(epochs):\n        loss = nn.functional.binary_cross_entropy_with_logits(": "the layer has its line, and not its class, beside a mistake of the loop",
}
"""Reasons why the findings of some cases have other lines now, by a part of the case's text.

A part of the task's name may stand before … in the key, and $ stands for the end of the text.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """The diagnosis of a case: check, code and lines of each finding."""

    findings: tuple[tuple[str, str, tuple[int, ...]], ...]

    @property
    def named(self) -> set[tuple[str, str]]:
        """Return the findings with a mistake of the catalogue, as check and code."""
        return {(check, code) for check, code, _ in self.findings if code != UNEXPLAINED}


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored case, with the diagnosis of the time when it was stored."""

    test: str
    task: str
    seed: int
    text: str
    found: Found


def known_as(why: str) -> str:
    """Return the difference that is expected of a case with a known reason."""
    known = {
        KEPT: "lost wrong-learning-rate",
        PROVED: "lost unregistered-parameters",
        HANDED: "lost rate-ignored",
        STOPS: "new crash",
    }
    return known.get(why, "other lines")


def reason(case: Stored) -> str:
    """Return the reason why a case has other lines than when it was stored; "" if none is known."""
    return next((why for part, why in OTHER_LINES.items() if is_about(part, case)), "")


def is_about(part: str, case: Stored) -> bool:
    """Return whether a key of `OTHER_LINES` applies to a case."""
    task, _, text = part.rpartition(" … ")
    return task in case.task and text in f"{case.text}$"


def stored() -> list[Stored]:
    """Read all stored cases, in the order of tasks and tests."""
    rows = map(json.loads, lzma.decompress(FILE.read_bytes()).decode().splitlines())
    return [
        Stored(
            row["test"],
            row["task"],
            row["seed"],
            row["text"],
            Found(tuple((check, code, tuple(lines)) for check, code, lines in row["found"])),
        )
        for row in rows
    ]


def found_in(result: TaskResult) -> Found:
    """Return the diagnosis in a result, in the stored form."""
    findings = [
        (
            finding.check,
            finding.mistake,
            tuple(sorted({place.line for place in finding.places or (finding.place,) if place})),
        )
        for finding in result.findings
    ]
    return Found(tuple(sorted(findings)))


def _as_then(finding: tuple[str, str, tuple[int, ...]]) -> tuple[str, str, tuple[int, ...]]:
    """Replace the code of a repair, which was unknown when cases were stored, by `UNEXPLAINED`."""
    check, code, lines = finding
    return check, UNEXPLAINED if code in kinds() else code, lines


def _with_lines(found: Found) -> set[tuple[str, str, tuple[int, ...]]]:
    """Return the findings whose lines are compared: those with a mistake of the catalogue."""
    return {each for each in found.findings if each[1] != UNEXPLAINED}


def differs(then: Found, now: Found) -> str:
    """Return how the diagnosis of a case differs from the stored one; "" if it does not."""
    then, now = (Found(tuple(map(_as_then, each.findings))) for each in (then, now))
    if lost := then.named - now.named:
        return f"lost {', '.join(code for _, code in sorted(lost))}"
    if come := now.named - then.named:
        return f"new {', '.join(code for _, code in sorted(come))}"
    if _with_lines(then) != _with_lines(now):
        return "other lines"
    return ""
