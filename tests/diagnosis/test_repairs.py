"""A mistake in a function has a finding with its line and the smallest repair."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from said import after_exceptions, same_code

from gradkit.diagnosis.catalogue import kinds
from gradkit.diagnosis.repair import ask
from gradkit.diagnosis.repair.ask import Proposal, SearchError
from gradkit.errors import STRICT
from gradkit.grading import repairs
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Finding, TaskResult
from gradkit.runtime.frames import Frame
from gradkit.runtime.repair.clock import RUN
from gradkit.sandbox import Workshop
from gradkit.sandbox.process import StudentProcess
from gradkit.task.shipped import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(360)

Found = Callable[..., tuple[TaskResult, ...]]


@pytest.fixture(scope="module")
def found(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """Return ``found(exercise, (was, now), …)``, which grades a changed model solution."""
    folder = tmp_path_factory.mktemp("changed")
    sessions: dict[str, Session] = {}

    def grade(exercise: str, *changes: tuple[str, str], text: str = "") -> tuple[TaskResult, ...]:
        if exercise not in sessions:
            file = SHIPPED / exercise / "assignment.toml"
            sessions[exercise] = Session(Settings(assignment=file, seed=3), workshop)
        text = text or solution(exercise)
        for was, now in changes:
            assert text.count(was) == 1, was
            text = text.replace(was, now)
        path = folder / "answer.py"
        path.write_text(text, encoding="utf-8")
        return sessions[exercise].grade(read_submission(path)).result.tasks

    yield grade
    for session in sessions.values():
        session.__exit__(None, None, None)


def solution(exercise: str) -> str:
    """Return the text of a model solution."""
    (path,) = (BESIDE / exercise).glob("*.py")
    return path.read_text(encoding="utf-8")


def by_hand(exercise: str, style: str) -> str:
    """Return the text of another right answer to an exercise."""
    path = Path(__file__).parents[1] / "gallery" / exercise / f"{style}.py"
    return path.read_text(encoding="utf-8")


def line_of(exercise: str, text: str) -> int:
    """Return the number of the line of the model solution that holds a text."""
    before, _, _ = solution(exercise).partition(text)
    return before.count("\n") + 1


def findings(tasks: tuple[TaskResult, ...]) -> list[Finding]:
    """Return all findings but those about lines that stop the code, which come first."""
    return [finding for task in tasks for finding in after_exceptions(task.findings)]


MISTAKES = [
    # The line as it was and as it is; the kind, the doubtful part, the line that is offered.
    (
        "one-hidden-layer",
        (
            "dW2 = dZ2 @ A1.T / m",
            'dW2 = parameters["W2"].copy()\n    dW2 += dZ2 @ A1.T / m',
        ),
        (
            "wrong-function",
            'parameters["W2"].copy()',
            "dW2 = np.zeros_like(parameters['W2'])",
        ),
    ),
    (
        "deep-net",
        ("caches[i - 1], activation)", "caches[-i], activation)"),
        (
            "wrong-element",
            "caches[-i]",
            "dA, dW, db = linear_activation_backward(dA, caches[i - 1], activation)",
        ),
    ),
    (
        "layers",
        ("return dx, dw, dout.sum(axis=0)", "return dx, dw, dout.sum(axis=1)"),
        ("wrong-axis", "1", "return dx, dw, dout.sum(axis=0)"),
    ),
    (
        "layers",
        ("return dout * (cache > 0)", "return dout * (cache < 0)"),
        ("wrong-comparison", "cache < 0", "return dout * (cache > 0)"),
    ),
    (
        "layers",
        ("dx = (dout @ w.T).reshape(x.shape)", "dx = (-dout @ w.T).reshape(x.shape)"),
        ("turned-sign", "-dout", "dx = (dout @ w.T).reshape(x.shape)"),
    ),
    (
        "layers",
        ("@ w + b, (x, w)", "@ w - b, (x, w)"),
        ("turned-sign", "x.reshape(len(x), -1) @ w - b", None),
    ),
    (
        "softmax-loss",
        ("data_loss = -np.mean(np.log(", "data_loss = -np.sum(np.log("),
        ("wrong-function", "np.sum(np.log(dscores[np.arange(N), y]))", None),
    ),
    (
        "softmax-loss",
        ("dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y] += 1"),
        ("turned-sign", "dscores[np.arange(N), y] += 1", "dscores[np.arange(N), y] -= 1"),
    ),
    (
        "softmax-loss",
        ("dscores[np.arange(N), y] -= 1", "dscores[:, y] -= 1"),
        (
            "wrong-element",
            "dscores[:, y]",
            "dscores[np.arange(len(y)), y] -= 1",
        ),
    ),
    (
        "softmax-loss",
        ("    loss /= len(X)", "    loss /= 1"),
        ("wrong-constant", "1", "loss /= X.shape[0]"),
    ),
    (
        "one-hidden-layer",
        ("dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T"),
        ("missing-factor", "dZ1 @ X.T", None),
    ),
    (
        "two-layer-net",
        ('"W1": X.T @ dhidden + 2 * reg * W1', '"W1": X.T @ dhidden + 1 * reg * W1'),
        ("wrong-constant", "1", '"W1": X.T @ dhidden + 2 * reg * W1,'),
    ),
    (
        "two-layer-net",
        ("dscores /= N", "dscores *= N"),
        ("wrong-operator", "dscores *= N", "dscores /= N"),
    ),
    (
        "softmax-loss",
        ("        loss -= np.log(probabilities[y[i]])\n", ""),
        ("missing-statement", "for j in range(W.shape[1]):", "loss -= np.log(probabilities[y[i]])"),
    ),
    (
        "softmax-loss",
        ("    loss /= len(X)", "        loss /= len(X)"),
        ("wrong-indentation", "loss /= len(X)", "loss /= len(X)"),
    ),
    (
        "layers",
        ("x, w = cache\n    dx", "w, x = cache\n    dx"),
        ("wrong-order", "w, x", "x, w = cache"),
    ),
    (
        "one-hidden-layer",
        ("np.tanh(Z1)", "Z1"),
        ("missing-function", "Z1", None),
    ),
    # At a rate of 1 the gradient alone would be right.
    (
        "epochs",
        ("theta -= lr * examples.T", "theta -= lr + examples.T"),
        (
            "wrong-operator",
            "lr + examples.T @ gradient_of_loss(examples @ theta, labels)",
            "theta -= lr * (examples.T @ gradient_of_loss(examples @ theta, labels))",
        ),
    ),
    # Only large scores show it: what came of them is no number, whatever it is made of.
    (
        "softmax-loss",
        ("powers = np.exp(scores - np.max(scores))", "powers = np.exp(scores)"),
        ("missing-shift", "scores", "powers = np.exp(scores - np.max(scores))"),
    ),
    # Where the scores themselves are asked for too, and exponentials are taken of them twice.
    (
        "two-layer-net",
        (
            "powers = np.exp(scores - np.max(scores, axis=1, keepdims=True))\n"
            "        probabilities = powers / np.sum(powers, axis=1, keepdims=True)\n",
            "total = np.sum(np.exp(scores), axis=1, keepdims=True)\n"
            "        probabilities = np.exp(scores) / total\n",
        ),
        (
            "missing-shift",
            "total = np.sum(np.exp(scores), axis=1, keepdims=True)",
            "scores = scores - np.max(scores, axis=1, keepdims=True)",
        ),
    ),
    # Not where it is used: there it is wrong already.
    (
        "batchnorm",
        ("dvar = np.sum(dx_hat * centred, axis=0)", "dvar = (dx_hat * centred)"),
        ("missing-function", "dx_hat * centred", None),
    ),
    # Another factor has the same value wherever it is wrong, but where there is no momentum.
    (
        "batchnorm",
        ("running_var + (1 - momentum) * var", "running_var + var"),
        (
            "missing-factor",
            "var",
            'bn_param["running_var"] = momentum * running_var + var * (1 - momentum)',
        ),
    ),
    # What is handed over is to be left as it is, whichever of its entries are changed.
    (
        "layers",
        ("return np.maximum(x, 0), x", "x[x < 0] = 0\n    return x, x"),
        ("changed-in-place", "x[x < 0] = 0", "x = x.copy()"),
    ),
]


@pytest.mark.parametrize(
    ("exercise", "change", "told"),
    MISTAKES,
    ids=[f"{exercise}-{told[0]}" for exercise, _, told in MISTAKES],
)
def test_a_mistake_is_located(
    found: Found, exercise: str, change: tuple[str, str], told: tuple[str, str, str | None]
) -> None:
    """A finding has the mistake's line, the doubtful part of it, its kind and the repair."""
    kind, doubtful, fix = told
    (one,) = findings(found(exercise, change))
    assert one.mistake == kind
    assert one.place is not None
    assert one.place.line == line_of(exercise, change[0])
    start, end = one.columns
    assert one.source[start:end] == doubtful
    if fix is not None:
        assert one.fix == fix
    assert one.sentence.count("`") == 2
    assert one.title == kinds()[kind].title


def test_no_repair_assigns_a_name_to_itself(found: Found) -> None:
    """Such a repair would give the right numbers, but nobody would write it."""
    rows = "rows = x.reshape(len(x), -1)\n    x = rows\n    return rows @ w + b, (x, w)"
    (one,) = findings(found("layers", ("return x.reshape(len(x), -1) @ w + b, (x, w)", rows)))
    assert (one.mistake, one.fix) == ("wrong-shape", "x = rows.reshape(x.shape)")


OF_THE_LAST = """\
    dA, grads[f"dW{L}"], grads[f"db{L}"] = linear_backward(AL - Y, caches[L])
    l = L - 1
    while l > 0:
        dA, dW, db = linear_activation_backward(dA, caches[l], "relu")
"""
OF_ALL = """\
    dA, act = (AL - Y) / (AL * (1 - AL)), "sigmoid"
    l = L
    while l > 0:
        dA, dW, db = linear_activation_backward(dA, caches[l], act)
"""

SLIPS: dict[str, list[tuple[str, ...]]] = {
    "batchnorm": [
        # The product of means.
        (
            "wrong-brackets",
            "np.mean(dout * x_hat, axis=0)",
            "np.mean(dout, axis=0) * np.mean(x_hat, axis=0)",
        ),
    ],
    "batchnorm/in_place": [
        # A number in the place of 1, an array in that of a number, a count in that of an array.
        ("missing-term", "(1 - m) * mean[0]", "1 * mean[0]"),
        ("wrong-name", "dx -= s1 / N", "dx -= s1 / dx"),
        # What is added to, of a value in another shape; what is nothing in one branch.
        ("missing-statement", '    bn_param["running_mean"] += (1 - m) * mean[0]\n', ""),
    ],
    "batchnorm/jacobian": [
        (
            "missing-statement",
            "out[i, j] = gamma[j] * (column[i] - mean) / (var + eps) ** 0.5 + beta[j]",
            "pass",
            "out[i, j] = gamma[j] * ((x[i, j] - mean) / np.sqrt(var + eps)) + beta[j]",
        ),
        ("wrong-function", "np.outer(hat, hat)", "np.multiply(hat, hat)"),
        # An array in the place of a number.
        ("wrong-name", "old[0] + (1 - momentum)", "old[0] + (1 - x)"),
        # Two factors at once, of which one is a size.
        (
            "missing-factor",
            "(1.0 / N) * g * v",
            "v",
            "dx = v ** (-1.0 / 2.0) * (N * dout - dbeta - xmu * v ** (-1.0) * np.sum(dout * xmu, axis=0)) * gamma / N",
        ),
    ],
    "batchnorm/step_by_step": [
        # A term in a product would make it right too, and is no smaller.
        (
            "missing-factor",
            "+ (1 - momentum) * mu",
            "+ mu",
            "running_mean = momentum * running_mean + mu * (1 - momentum)",
        ),
        # Neighbours in the middle of a long row.
        (
            "wrong-order",
            "ivar, sqrtvar, var, eps = cache\n    N, D = dout.shape",
            "sqrtvar, ivar, var, eps = cache\n    N, D = dout.shape",
        ),
        (
            "missing-term",
            "np.sqrt(var + eps) * dsqrtvar",
            "np.sqrt(eps) * dsqrtvar",
            "dvar = 0.5 * 1.0 / np.sqrt(eps + var) * dsqrtvar",
        ),
        (
            "missing-statement",
            "        out = gamma * xhat + beta\n",
            "",
            "out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta",
        ),
        # Two names in the place of each other.
        (
            "wrong-name",
            "running_var = momentum * running_var + (1 - momentum) * var",
            "running_var = momentum * var + (1 - momentum) * running_var",
        ),
        # What two changes, or one elsewhere, would do too.
        ("wrong-brackets", "sqrtvar = np.sqrt(var + eps)", "sqrtvar = np.sqrt(var) + eps"),
    ],
    "convolution/corners": [
        # What is divided, and should be multiplied by what has a name.
        (
            "wrong-expression",
            "+= mask * dout[i, c, h, v]",
            "+= dout[i, c, h, v] / a_slice.size",
            "dx[i, c, vert_start:vert_end, horiz_start:horiz_end] += dout[i, c, h, v] * mask",
        ),
        # A mean that is written out, for the largest.
        ("wrong-function", "= np.max(a_slice)", "= np.sum(a_slice) / (f_h * f_w)"),
    ],
    "convolution/einsum": [
        # An end of a slice.
        ("wrong-constant", "p : shape[2] - p", "p : shape[3] - p"),
        ("extra-term", "p : shape[2] - p,", "p : shape[2] - p + 1,"),
        (
            "wrong-element",
            "i * s : i * s + ph, j * s : j * s + pw] += s",
            "i : i + ph, j : j + pw] += s",
        ),
        (
            "wrong-element",
            "p : shape[2] - p, p : shape[3] - p",
            ": shape[2] - 2 * p, : shape[3] - 2 * p",
            "return dx[:, :, p:p + (shape[2] - 2 * p), p:p + (shape[3] - 2 * p)], dw, db",
        ),
    ],
    "convolution/im2col": [
        ("wrong-entry", 'cache["conv_param"]["pad"]', 'cache["conv_param"]["stride"]'),
        # A step that makes another value of one.
        (
            "missing-statement",
            "        dx = dx[:, :, p:-p, p:-p]",
            "        pass",
            "dx = dx[:, :, p:dx.shape[2] - p, p:dx.shape[3] - p]",
        ),
    ],
    "convolution/loops": [
        # A window that begins as the one along the other axis does.
        ("wrong-element", "hs:hs + HH, ws:ws + WW] * w[f])", "hs:hs + HH, hs:hs + WW] * w[f])"),
        # Sizes of another array, and the key of a dict in a dict.
        (
            "wrong-name",
            (
                "N, C, H, W = x.shape\n"
                "    F, _, HH, WW = w.shape\n"
                "    stride, pad = conv_param['stride'], conv_param['pad']\n"
                "    _, _"
            ),
            (
                "N, C, H, W = dout.shape\n"
                "    F, _, HH, WW = w.shape\n"
                "    stride, pad = conv_param['stride'], conv_param['pad']\n"
                "    _, _"
            ),
        ),
        # An end of a slice that is written to, and the order of one.
        (
            "wrong-name",
            "dx_pad[n, :, hs:hs + HH, ws:ws + WW] +=",
            "dx_pad[n, :, hs:hs + WW, ws:ws + WW] +=",
        ),
        (
            "wrong-element",
            "dx_pad[n, :, hs:hs + HH, ws:ws + WW] +=",
            "dx_pad[n, :, ws:ws + WW, hs:hs + HH] +=",
        ),
        # Where the first window is all padding, and has nearly everything that the model has.
        (
            "missing-factor",
            ("hs = i * stride\n                    ws = j * stride\n                    dw[f]"),
            "hs = i\n                    ws = j * stride\n                    dw[f]",
        ),
        # Both edges of a window, along all axes, and what is cut off at its begin.
        (
            "wrong-element",
            "window = x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw]",
            "window = x[n, c, i:i + ph, j:j + pw]",
        ),
        # What is not cut to its shape.
        (
            "wrong-expression",
            "dx = dx_pad[:, :, pad:pad + H, pad:pad + W]",
            "dx = dx_pad",
            "dx = dx_pad[:, :, pad:dx_pad.shape[2] - pad, pad:dx_pad.shape[3] - pad]",
        ),
        # A step along both axes, or along one; what another array beside it has.
        (
            "wrong-element",
            "x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw])",
            "x[n, c, i:i + ph, j:j + pw])",
            "x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw])",
        ),
        (
            "wrong-element",
            "np.max(\n                        x[n, c, i * stride:i * stride + ph",
            "np.max(\n                        x[n, c, i * ph:i * ph + ph",
            "x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw])",
        ),
        # An entry of a window for that of all, and all of it for one.
        ("wrong-element", "dx[n, c, i * stride + h, j * stride + w] =", "dx[n, c, h, w] ="),
        (
            "wrong-element",
            "dx[n, c, i * stride + h, j * stride + w] =",
            "dx[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw] =",
        ),
    ],
    "deep-net": [
        # What stands there twice: another name, a call.
        ("wrong-name", "dZ = dA * A * (1 - A)", "dZ = dA * Z * (1 - Z)"),
        ("extra-function", "dZ = dA * A * (1 - A)", "dZ = dA * np.exp(A) * (1 - np.exp(A))"),
    ],
    "deep-net/notebook": [
        (
            "wrong-option",
            "parameters['b' + str(L)], activation=\"sigmoid\")",
            "parameters['b' + str(L)], activation=\"relu\")",
        ),
        (
            "wrong-entry",
            '- learning_rate * grads["db" + str(l+1)]',
            '- learning_rate * grads["dW" + str(l+1)]',
        ),
        # A statement for one kind of parameters as there is for the other.
        (
            "missing-statement",
            '        parameters["W" + str(l+1)] = parameters["W" + str(l+1)] - learning_rate * grads["dW" + str(l+1)]\n',
            "",
        ),
        # A key that a loop's number ends, a statement that each round lacks, a key among options.
        ("wrong-name", '(grads["dA" + str(l + 2)], current', "(dAL, current"),
        ("missing-statement", "        current_cache = caches[l]\n", ""),
    ],
    "deep-net/own_layers": [
        # A number that lacks an array; a number that is held in one.
        ("missing-factor", 'value -= learning_rate * grads["d" + key]', "value -= learning_rate"),
        # The word of the next rounds.
        ("missing-statement", OF_THE_LAST, OF_ALL, "act = 'relu'"),
    ],
    "deep-net/tables": [
        # What a table of functions holds is called as what is defined is.
        ("wrong-name", "return s - np.square(s)", "return 1 - np.square(s)"),
        # What a word is chosen by, of which the last round tells most.
        (
            "missing-term",
            'act = "sigmoid" if l == L - 1 else',
            'act = "sigmoid" if l == L else',
            "act = 'sigmoid' if l + 1 == L else 'relu'",
        ),
    ],
    "epochs/einsum": [
        # Behind the loop it is right for one batch; what that check has put in is not to be moved.
        (
            "missing-statement",
            "        np.subtract(W2, lr * (A.T @ R), out=W2)\n",
            "",
            "W2 -= lr * (A.T @ R)",
        ),
        # A mask of another array, and with its edge.
        ("wrong-name", "dA[A == 0] = 0", "dA[dA < 0] = 0", "dA[A <= 0] = 0"),
    ],
    "epochs/loops": [
        # In the first round of the loop it is the same.
        ("wrong-brackets", "step[d, c] / (end - start)", "step[d, c] / end - start"),
        # A helper of the student's own, which the model solution does not have.
        ("missing-function", "p = softmax(X[n] @ theta)", "p = X[n] @ theta"),
    ],
    "epochs/one_hot": [
        # A loop in steps whose body counts in rounds; a sum of Python's own.
        ("wrong-bounds", "for i in range(m // batch):", "for i in range(0, m, batch):"),
        (
            "wrong-axis",
            "Z = Z / Z.sum(axis=1).reshape(-1, 1)",
            "Z = Z / sum(Z)",
            "Z = Z / np.sum(Z, axis=1, keepdims=True)",
        ),
        # The array that is handed over stays as it was.
        ("not-in-place", "theta -= lr * grad", "theta = theta - lr * grad"),
        # A step of what is handed over.
        ("missing-statement", "        theta -= lr * grad\n", ""),
        # What stops: a change that only runs makes nothing right.
        ("wrong-name", "X_b.T @ (Z - I)", "X.T @ (Z - I)"),
        ("wrong-function", "np.maximum(0, h1)", "np.max(0, h1)"),
        # Of a term that is missing, and a statement that would do, the term is less.
        ("missing-term", "X_b.T @ (Z - I)", "X_b.T @ Z"),
        ("wrong-element", "y_b = y[i * batch:(i + 1) * batch]", "y_b = y[:batch]"),
        # Of two that are as right the simpler one.
        ("extra-function", "X_b.T @ (Z - I)", "X_b.T @ np.abs(Z - I)"),
    ],
    "layers": [
        # What is positive for where it is.
        ("missing-slope", "return dout * (cache > 0)", "return dout * cache"),
        ("missing-slope", "return dout * (cache > 0)", "return dout * np.maximum(0, cache)"),
        (
            "extra-function",
            "return dout * (cache > 0)",
            "slope = np.where(cache > 0, cache, 0)\n    return dout * slope",
            "slope = cache > 0",
        ),
    ],
    "layers/bias_column": [
        # From the other end.
        ("wrong-element", "dX1[:, :-1]", "dX1[:, 1:]"),
    ],
    "layers/cs231n": [
        ("wrong-constant", "dx[x <= 0] = 0", "dx[x <= 0] = -1"),
    ],
    "layers/keyed": [
        ("wrong-order", '("x", "w", "b")', '("w", "x", "b")'),
    ],
    "layers/loops": [
        # Without the number it is right: to take it into `len` does nothing.
        ("extra-term", "for m in range(len(b)):\n", "for m in range(len(b) - 1):\n"),
    ],
    "linear-class/columns": [
        ("missing-statement", "        self.input = A\n", ""),
    ],
    "linear-class/in_place": [
        # What a function is handed and never reads is an option of what it calls.
        (
            "wrong-axis",
            "reduce(a, axis=axis, keepdims=keepdims)",
            "reduce(a, keepdims=keepdims)",
            "return np.logaddexp.reduce(a, keepdims=keepdims, axis=axis)",
        ),
    ],
    "linear-class/linear_divides": [
        (
            "wrong-name",
            "(2 * self.N * self.C)",
            "(2 * self.N * self.N)",
            "return sse / (2 * self.C * self.N)",
        ),
    ],
    "linear-class/ones": [
        ("wrong-transpose", "self.dLdW = dLdZ.T @ self.A", "self.dLdW = dLdZ @ self.A.T"),
    ],
    "logistic-regression": [
        # What is predicted, in the place of a probability.
        ("wrong-comparison", "dZ = A - Y", "dZ = (A > 0.5) - Y"),
        # Several things that are transposed.
        (
            "wrong-transpose",
            "Y * np.log(A) + (1 - Y) * np.log(1 - A)",
            "Y * np.log(A).T + (1 - Y) * np.log(1 - A).T",
        ),
    ],
    "logistic-regression/dots": [
        ("missing-statement", "        b -= learning_rate * db\n", ""),
        # A condition is no value, what the course hands out is there, and of conventions the nearest.
        ("wrong-constant", "> 0.5, 1, 0)", "> 0.5, 1, -1)"),
    ],
    "logistic-regression/loops": [
        # What the model solution has for all examples and entries at once.
        ("missing-factor", "dw[j, 0] += X[j, i] * (a - y)", "dw[j, 0] += X[j, i]"),
        (
            "wrong-entry",
            'grads = {"dw": dw, "db": db}\n    return grads, cost',
            "return dict(dW=dw, db=db), cost",
            "return dict(dw=dw, db=db), cost",
        ),
    ],
    "logistic-regression/per_example": [
        # A key that is given, and a value that was left for later.
        ("wrong-entry", '{"dw": dw, "db": db}', '{"dW": dw, "db": db}'),
        ("wrong-expression", '{"dw": dw, "db": db}', '{"dw": dw, "db": None}'),
        (
            "wrong-shape",
            "np.array([result])",
            "np.array(result)",
            "return np.array(result).reshape(1, -1)",
        ),
        ("wrong-shape", "np.array([result])", "result"),
        # Right by chance at many inputs.
        (
            "wrong-constant",
            "p = sigmoid(np.dot(w[:, 0], X[:, i]) + b)",
            "p = np.dot(w[:, 0], X[:, i]) + b",
            "if p > 0:",
        ),
    ],
    "one-hidden-layer/comprehension": [
        # What is small comes before another thing that is done with a value.
        ("wrong-entry", 'grads["dW1"] + np.dot(eh', 'grads["db1"] + np.dot(eh'),
        (
            "missing-factor",
            "{k: v / m for k, v in grads.items()}",
            "{k: v for k, v in grads.items()}",
        ),
    ],
    "one-hidden-layer/helpers": [
        # Keys that are made of that of a loop.
        ("missing-term", ' - learning_rate * grads["d" + key]', ""),
        # Two values of a dict, another word, a key that is put together.
        (
            "wrong-order",
            '"dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1',
            '"dW2": dW2, "db2": db1, "dW1": dW1, "db1": db2',
        ),
        # What a helper gives.
        (
            "missing-statement",
            'return np.einsum("ij,jk->ik", W, A) + b',
            'out = np.einsum("ij,jk->ik", W, A) + b',
            "return out",
        ),
    ],
    "one-hidden-layer/notebook": [
        # Where code stops every value may be wrong, and none makes most right.
        ("wrong-entry", 'db2 = grads["db2"]', 'db2 = grads["db1"]'),
        ("missing-function", "A2 = sigmoid(Z2)", "A2 = Z2"),
        # The other factor transposed, in a product of each kind.
        ("wrong-transpose", "np.dot(dZ1, X.T)", "np.dot(dZ1.T, X)"),
    ],
    "softmax-loss/course_style": [
        # What is most likely for what is right.
        ("wrong-entry", "correct = scores[y[i]]", "correct = np.max(scores)"),
    ],
    "softmax-loss/half_penalty": [
        # The 1 of the right class; a value that is kept for the backward pass.
        ("missing-statement", "probs[label] -= 1", "pass"),
    ],
    "softmax-loss/log_sum_exp": [
        # With it all is right; without the other term it is where scores are small.
        ("missing-term", "sum(np.exp(s - top) for s in f)", "sum(np.exp(s) for s in f)"),
        # An entry of a list, at what a loop counts.
        (
            "missing-term",
            "losses.append(logZ - f[yi])",
            "losses.append(logZ)",
            "logZ = top + np.log(sum((np.exp(s - top) for s in f))) - f[yi]",
        ),
    ],
    "two-layer-net/course_style": [
        # An entry of an attribute that is not there.
        (
            "missing-statement",
            "        self.params['W2'] = std * np.random.randn(hidden_size, output_size)\n",
            "",
        ),
        # Nothing but a shape.
        ("wrong-shape", "= np.zeros(hidden_size)", "= np.zeros((1, hidden_size))"),
    ],
    "two-layer-net/pieces": [
        ("wrong-brackets", "np.exp(scores - top).sum(", "np.exp(scores) - top.sum("),
        # What is drawn is held to no value.
        (
            "missing-factor",
            "np.random.normal(0, std, shape)",
            "np.random.randn(*shape)",
            "self.params = {name: np.random.randn(*shape) * std for name, shape in shapes.items()}",
        ),
        # Keys of one sort.
        (
            "wrong-bounds",
            'for name in ("W1", "W2"):\n            grads',
            "for name in self.params:\n            grads",
        ),
    ],
}
"""Changes of answers, by exercise and style; without a style an answer is the model solution.

Each is the kind of the repair, a piece of the answer, what stands in its place, and the line that is
offered if it is not the line of the answer.
"""


CASES = [
    pytest.param(answer, *slip[:3], *slip[3:] or ("",), id=f"{answer} {slip[2] or slip[0]}")
    for answer, slips in SLIPS.items()
    for slip in slips
]


@pytest.mark.parametrize(("answer", "kind", "was", "now", "fix"), CASES)
def test_a_slip_is_one_repair(
    found: Found, answer: str, kind: str, was: str, now: str, fix: str
) -> None:
    """The finding quotes the line with its repair, however many words of the line are wrong."""
    exercise, _, style = answer.partition("/")
    text = by_hand(exercise, style) if style else solution(exercise)
    (one,) = findings(found(exercise, (was, now), text=text))
    number = text[: text.index(was) + len(was) - len(was.lstrip())].count("\n")
    assert one.mistake == kind
    assert same_code(one.fix, fix or text.split("\n")[number].strip())
    assert one.place is not None
    assert one.place.line in (number, number + 1)
    assert one.diff.split("\n")[0] == "--- answer.py"
    assert one.fix in {row[1:].strip() for row in one.diff.split("\n") if row.startswith("+")}


def test_changes_that_compensate_for_a_helper_are_not_reported(found: Found) -> None:
    """The forward pass uses the helper too, and stays wrong after such changes."""
    was = "np.logaddexp.reduce(a, axis=axis, keepdims=keepdims)"
    now = "np.logaddexp.reduce(a, keepdims=keepdims) + 0 * axis"
    text = by_hand("linear-class", "in_place")
    assert findings(found("linear-class", (was, now), text=text)) == []


WINDOW = "i * batch:i * batch + batch"
SEVERAL = [
    # Of two statements with the same window each alone makes nothing right.
    (
        "epochs/one_hot",
        (
            "X_b = X[i * batch:(i + 1) * batch]\n        y_b = y[i * batch:(i + 1) * batch]",
            "X_b = X[i:i + batch]\n        y_b = y[i:i + batch]",
        ),
        ("wrong-element", f"X_b = X[{WINDOW}]\ny_b = y[{WINDOW}]"),
    ),
    # What each round begins with.
    (
        "epochs/loops",
        (
            "    for start in range(0, len(X), batch):\n"
            "        rows = range(start, min(start + batch, len(X)))\n"
            "        step1, step2 = np.zeros_like(W1), np.zeros_like(W2)\n",
            "    step1, step2 = np.zeros_like(W1), np.zeros_like(W2)\n"
            "    for start in range(0, len(X), batch):\n"
            "        rows = range(start, min(start + batch, len(X)))\n",
        ),
        (
            "wrong-indentation",
            "for start in range(0, len(X), batch):\n"
            "    step1, step2 = np.zeros_like(W1), np.zeros_like(W2)",
        ),
    ),
    # A branch of which there is another one.
    (
        "logistic-regression/loops",
        (
            "        if i % 100 == 0:\n            costs.append(cost)\n",
            "        costs.append(cost)\n",
        ),
        ("wrong-indentation", "if i % 100 == 0:\n    costs.append(cost)"),
    ),
]


@pytest.mark.parametrize(
    ("answer", "change", "told"), SEVERAL, ids=[each[2][0] for each in SEVERAL]
)
def test_a_mistake_of_several_lines_is_one_finding(
    found: Found, answer: str, change: tuple[str, str], told: tuple[str, str]
) -> None:
    """The repair has all of the lines."""
    exercise, _, style = answer.partition("/")
    (one,) = findings(found(exercise, change, text=by_hand(exercise, style)))
    assert (one.mistake, one.fix) == told


def test_one_missing_statement_repairs_several_values(found: Found) -> None:
    """Dividing each of the values by itself would be right too."""
    text = by_hand("two-layer-net", "course_style")
    (one,) = findings(found("two-layer-net", ("        dscores /= N\n", ""), text=text))
    assert (one.mistake, one.fix) == ("missing-statement", "dscores /= N")


def test_a_count_is_not_negated(found: Found) -> None:
    """Nor is it subtracted from another count, even where that gives the same number."""
    was = "grad = X_b.T @ (Z - I) / batch"
    text = by_hand("epochs", "one_hot").replace(was, f"n = X_b.shape[0]\n        {was[:-5]}n")
    (one,) = findings(found("epochs", ("theta -= lr * grad", "theta += lr * grad"), text=text))
    assert "shape" not in one.fix
    text = by_hand("deep-net", "notebook")
    start = text.index("def update_parameters")
    text = text[:start] + text[start:].replace("range(L)", "range(L - 1)")
    (one,) = findings(found("deep-net", text=text))
    assert one.fix == "for l in range(L):"


def test_several_arguments_of_a_call_are_repaired_together(found: Found) -> None:
    """The right arguments are the names that the loop updates, not the names of the start."""
    text = by_hand("logistic-regression", "dots")
    for was, now in (
        ("    w = copy.deepcopy(w)\n    b = copy.deepcopy(b)", "    u, c = copy.deepcopy((w, b))"),
        ("w -= learning_rate * dw", "u -= learning_rate * dw"),
        ("b -= learning_rate * db", "c = c - learning_rate * db"),
        ("dict(w=w, b=b)", "dict(w=u, b=c)"),
    ):
        text = text.replace(was, now)
    was, right = "propagate(w, b, X, Y)\n        dw", "propagate(u, c, X, Y)\n        dw"
    assert not findings(found("logistic-regression", (was, right), text=text))
    (one,) = findings(found("logistic-regression", text=text))
    assert (one.mistake, one.fix) == ("wrong-name", "grads, cost = propagate(u, c, X, Y)")


def test_arguments_are_repaired_with_entries_of_a_dict(found: Found) -> None:
    """All arguments have to change; one change alone makes no output right."""
    updates = (
        '        w = w - learning_rate * grads["dw"]\n        b = b - learning_rate * grads["db"]\n'
    )
    changes = (
        ("    grads = None\n", '    params = {"w": w, "b": b}\n'),
        (
            updates + "    params = dict(w=w, b=b)\n",
            "        for k in params:\n"
            '            params[k] = params[k] - learning_rate * grads["d" + k]\n',
        ),
    )
    text = by_hand("logistic-regression", "per_example")
    (one,) = findings(found("logistic-regression", *changes, text=text))
    assert one.mistake == "wrong-name"
    assert one.fix == "grads, J = propagate(params['w'], params['b'], X, Y)"


def test_a_sign_is_repaired_in_the_step_not_in_a_constant(found: Found) -> None:
    """A step in the wrong direction is the likelier mistake."""
    was, now = (
        "G1 = np.where(h1 > 0, 1, 0)",
        "G1 = np.zeros_like(h1)\n        G1[h1 > 0] = 1\n        G1 = G1",
    )
    text = by_hand("epochs", "one_hot").replace(was, now)
    (one,) = findings(found("epochs", ("W1 -= lr", "W1 += lr"), text=text))
    assert (one.mistake, one.fix) == ("turned-sign", "W1 -= lr * g1")


def test_a_row_of_counts_can_be_turned_into_a_column(found: Found) -> None:
    """Two tasks call this helper, which makes indices of two rows of whole numbers."""
    right, text = "j = j0.reshape(-1, 1) + j1.reshape(1, -1)", by_hand("convolution", "im2col")
    told = findings(found("convolution", (right, "j = j1.reshape(1, -1)"), text=text))
    assert {(each.mistake, each.fix) for each in told} == {
        ("missing-term", "j = j1.reshape(1, -1) + j0[:, None]")
    }


def test_the_first_of_two_changes_makes_most_values_right(found: Found) -> None:
    """Neither change makes an output right, and the first gives no value of the model solution."""
    was = "dx[place] += (x[place] == largest) * dout[:, :, i : i + 1, j : j + 1]"
    twice = (was, f"{was}\n            {was}")
    text = solution("convolution")
    start = text.index("def max_pool_backward_naive")
    bound = "range(dout.shape[2])"
    last = text[:start] + text[start:].replace(bound, bound.replace("2]", "2] - 1"), 1)
    told = findings(found("convolution", twice, text=last))
    assert {each.mistake for each in told} == {"extra-statement", "extra-term"}
    assert len({each.entries for each in told}) == 1


def test_an_index_is_repaired_though_it_is_right_in_the_first_round(found: Found) -> None:
    """In the first round many changes give 0; they differ only in later rounds."""
    was = "top, left = i * stride, j * stride"
    text = solution("convolution").replace(was, was.replace("i *", "i +"), 1)
    (one,) = findings(found("convolution", text=text))
    assert (one.mistake, one.fix) == ("wrong-operator", was)


def test_a_backward_pass_that_is_right_for_a_right_forward_pass_follows(found: Found) -> None:
    """It earns half of its points; a mistake of its own costs more."""
    wrong = ("var = x.var(axis=0)", "var = x.var(axis=0, ddof=1)")
    (task,) = found("batchnorm", wrong)
    checks = {check.check: check for check in task.checks}
    for name in ("backward", "backward-alt"):
        assert checks[name].state == "fail"
        assert checks[name].causes == ("wrong-constant",)
        assert checks[name].score == checks[name].max_score / 2
    assert checks["train"].score < checks["train"].max_score
    worse = ("dbeta = np.sum(dout, axis=0)", "dbeta = np.sum(dout, axis=1)")
    (task,) = found("batchnorm", wrong, worse)
    checks = {check.check: check for check in task.checks}
    assert checks["backward"].causes == ()
    assert checks["backward"].score < checks["backward"].max_score / 2
    assert checks["backward-alt"].causes == ("wrong-constant",)


@pytest.mark.slow
def test_a_second_mistake_of_a_check_has_its_own_budget(found: Found) -> None:
    """The search for the first mistake uses most of the budget of a check."""
    text = by_hand("batchnorm", "jacobian")
    changes = (
        ("old[0] + (1 - momentum)", "old[0] + (1 - np.exp(x) * x)"),
        ("(1 - momentum) * np.array(variances)", "(1 - momentum) + np.array(variances)"),
    )
    told = findings(found("batchnorm", *changes, text=text))
    assert {each.place.line for each in told if each.place} == {
        text[: text.index(was)].count("\n") + 1 for was, _ in changes
    }


def test_the_form_in_which_everything_gets_right_comes_first(found: Found) -> None:
    """In the flat form a change makes some values right; in the intended form two make all right."""
    text = (BESIDE / "linear-class" / "linear.py").read_text(encoding="utf-8")
    told = findings(
        found(
            "linear-class",
            ("self.dLdW = dLdZ.T @ self.A", "self.dLdW = -dLdZ.T @ self.A"),
            ("self.dLdb = dLdZ.sum(axis=0", "self.dLdb = dLdZ.sum(axis=1"),
            text=text,
        )
    )
    assert sorted(each.mistake for each in told) == ["turned-sign", "wrong-axis"]


def test_changes_of_one_line_are_one_finding(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """One change makes the shape right, the other the values; the finding shows one new line."""
    text, was = by_hand("linear-class", "flat_bias"), "flat.sum(axis=0) / len(rows)"
    wrong = (was, "flat.sum(axis=1) * len(rows)")
    (one,) = findings(found("linear-class", wrong, text=text))
    assert one.mistake == "wrong-expression"
    assert one.source == f"self.dLdb = {wrong[1]}"
    assert one.source[slice(*one.columns)] == one.source
    monkeypatch.setattr(repairs, "joined", list)
    assert len(findings(found("linear-class", wrong, text=text))) == 2


def test_a_wrong_shape_at_the_start_follows_from_the_gradient(found: Found) -> None:
    """The start is looked at once the gradient is right, and the gradient has the finding."""
    text = by_hand("linear-class", "flat_bias")
    told = findings(
        found(
            "linear-class",
            ("flat.T @ rows / len(rows)", "flat.T @ rows"),
            ("flat.sum(axis=0) / len(rows)", "flat / len(rows)"),
            text=text,
        )
    )
    assert told
    assert "start" not in {each.check for each in told}
    assert "wrong-name" not in {each.mistake for each in told}


def test_a_repair_earns_full_marks(found: Found) -> None:
    """With the repair in the text all points are earned; with another change they are not."""
    exercise, was, now = "one-hidden-layer", "dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T"
    (one,) = findings(found(exercise, (was, now)))
    offered = found(exercise, (was, one.fix))
    assert [task.score for task in offered] == [task.max_score for task in offered]
    (other,) = found(exercise, (was, "dW1 = dZ1 @ X.T / (m + 1)"))
    assert other.score < other.max_score


def test_a_fault_of_the_search_is_raised_in_tests(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In use the fault costs only the repairs."""
    answered = StudentProcess.ask

    def ask(process: StudentProcess, frame: Frame) -> object:
        if frame.kind != "repair":
            return answered(process, frame)
        return Frame("repaired", {}, {"references": [], "fault": "KeyError: 'slot'", "spent": 1})

    monkeypatch.setattr(StudentProcess, "ask", ask)
    wrong = ("return dx, dw, dout.sum(axis=0)", "return dx, dw, dout.sum(axis=1)")
    with pytest.raises(SearchError, match="KeyError: 'slot'"):
        found("layers", wrong)
    monkeypatch.delenv(STRICT)
    assert findings(found("layers", wrong)) == []


def test_a_search_disturbed_by_the_student_is_no_fault(found: Found) -> None:
    """The submission replaces functions of numpy that the search uses."""
    wrong = ("return dx, dw, dout.sum(axis=0)", "return dx, dw, dout.sum(axis=1)")
    text = solution("layers") + "\n\nnp.abs = np.isfinite = np.allclose = lambda *a, **k: True\n"
    assert findings(found("layers", wrong, text=text)) == []


def test_a_right_answer_has_no_finding(found: Found) -> None:
    """Neither has an answer that lacks a function."""
    assert findings(found("layers")) == []
    lacking = solution("layers").replace("def relu_backward", "def relu_backwards")
    assert findings(found("layers", text=lacking)) == []


def test_two_mistakes_are_two_findings(found: Found) -> None:
    """Each has its line and outputs; the second is searched in the text with the first repaired."""
    told = findings(
        found(
            "layers",
            ("dw = x.reshape(len(x), -1).T @ dout", "dw = -x.reshape(len(x), -1).T @ dout"),
            ("return dx, dw, dout.sum(axis=0)", "return dx, dw, dout.sum(axis=1)"),
        )
    )
    assert {(each.mistake, each.entries) for each in told} == {
        ("turned-sign", ("dw",)),
        ("wrong-axis", ("db",)),
    }


def test_two_mistakes_that_spoil_one_output_are_found(found: Found) -> None:
    """Only both repairs together make the cost right, and each has its line."""
    was = "return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m"
    now = "return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 + A2)) / m"
    size = "m = Y.shape[1]\n    return"
    told = findings(
        found("one-hidden-layer", (f"{size}{was[6:]}", f"m = Y.shape[0]\n    return{now[6:]}"))
    )
    line = line_of("one-hidden-layer", was)
    assert {each.place.line for each in told if each.place is not None} == {line - 1, line}
    assert len({each.entries for each in told}) == 1


def test_values_returned_in_another_order_are_found(found: Found) -> None:
    """No output is available then. A function that is not written yet has no finding."""
    text = solution("layers").replace("return dout * (cache > 0)", "raise NotImplementedError")
    assert findings(found("layers", text=text)) == []
    text = solution("two-layer-net")
    start, end = text.index("        return loss, {"), text.index("    def predict")
    row = text[start:end].strip().removeprefix("return loss, ")
    (one,) = findings(found("two-layer-net", (text[start:end].strip(), f"return {row}, loss")))
    assert one.mistake == "wrong-order"
    assert one.place is not None
    assert one.place.line == line_of("two-layer-net", "return loss, {")


def test_a_mistake_is_found_in_the_form_that_the_student_uses(found: Found) -> None:
    """A flat bias is one of the accepted forms; here it is not divided by the examples."""
    text = by_hand("linear-class", "flat_bias")
    was = "self.dLdb = flat.sum(axis=0) / len(rows)"
    assert findings(found("linear-class", text=text)) == []
    (one,) = findings(
        found("linear-class", text=text.replace(was, was.removesuffix(" / len(rows)")))
    )
    assert one.place is not None
    assert one.place.line == text[: text.index(was)].count("\n") + 1
    assert one.entries == ("layer.dLdb",)


HALF = (
    ("loss += reg * (", "loss += 0.5 * reg * ("),
    ("dhidden + 2 * reg", "dhidden + reg"),
    ("dscores + 2 * reg", "dscores + reg"),
)
"""The net of two layers with half of the penalty, which is right too."""


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('np.maximum(X @ W1 + self.params["b1"], 0)', 'X @ W1 + self.params["b1"]'),
        ("np.maximum(X @ W1 +", "np.maximum(X @ W1 -"),
        ("hidden @ W2 +", "hidden @ W2 -"),
        ("powers / np.sum(powers, axis=1, keepdims=True)", "powers / np.sum(powers)"),
    ],
)
def test_a_wrong_forward_pass_is_one_finding_in_either_convention(
    found: Found, half: bool, was: str, now: str
) -> None:
    """No output passes; how they change with the penalty shows which convention is used."""
    (task,) = found("two-layer-net", *(HALF if half else ()), (was, now))
    (one,) = [each for each in task.findings if each.check]
    assert one.place is not None
    # A ReLU can also be put where the value is used, which is the next line.
    assert one.place.line - line_of("two-layer-net", was) in (0, 1)
    lost = {check.check: check.max_score - check.score for check in task.checks}
    # A gradient that is right only for this forward pass loses points besides.
    assert one.deduction >= lost[one.check] > 0


@pytest.mark.parametrize("many", [False, True])
def test_a_convention_stays_open_where_no_output_shows_it(found: Found, many: bool) -> None:
    """The gradient is right with and without the division once the forward pass is right."""
    text = (BESIDE / "linear-class" / "loss.py").read_text(encoding="utf-8")
    backward = [("(self.softmax - self.Y) / len(self.Y)", "self.softmax - self.Y")]
    (one,) = findings(
        found(
            "linear-class",
            ("exps.sum(axis=1, keepdims=True)", "exps.sum()"),
            *(backward if many else []),
            text=text,
        )
    )
    assert (one.check, one.mistake) == ("forward", "wrong-axis")


def test_a_mistake_costs_the_same_whichever_check_finds_it(found: Found) -> None:
    """The line is reported for the scores; gradients of these wrong scores earn nothing."""
    text = solution("two-layer-net").replace(
        'np.maximum(X @ W1 + self.params["b1"], 0)', 'X @ W1 + self.params["b1"]'
    )
    labels = "np.argmax(np.maximum(X @ self.params['W1'] + self.params['b1'], 0) "
    labels += "@ self.params['W2'] + self.params['b2'], axis=1)"
    (task,) = found("two-layer-net", ("np.argmax(self.loss(X), axis=1)", labels), text=text)
    one, remark = task.findings
    assert (one.check, one.deduction) == ("scores", 3)
    assert (remark.check, remark.mistake) == ("", "own-forward-gradient")


SUMMED = """
    f = X @ W
    f = f - f.max(axis=1)[:, None]
    summed = np.log(np.exp(f).sum())
    loss = np.mean(summed - f[np.arange(len(y)), y]) + reg * np.sum(W**2)
    onehot = np.zeros(f.shape)
    onehot[np.arange(len(y)), y] = 1
    P = np.exp(f - summed.reshape(-1, 1))
    return loss, X.T @ (P - onehot) / len(X) + 2 * reg * W
"""


def test_a_change_that_is_not_needed_is_not_reported(found: Found) -> None:
    """The sum over all rows is repaired where it is made, and needs no change where it is used."""
    text = solution("softmax-loss").partition("def softmax_loss_vectorized")[0]
    text += f"def softmax_loss_vectorized(W, X, y, reg):{SUMMED}"
    (one,) = findings(found("softmax-loss", text=text))
    assert (one.mistake, one.fix) == ("wrong-axis", "summed = np.log(np.exp(f).sum(axis=1))")
    assert one.entries == ("loss", "dW")


def change(first: int, last: int, *lines: str, cell: str = "c") -> Proposal:
    """A change of whole lines."""
    return Proposal(cell, "wrong-name", first, last, lines, first, 0, last, 1)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "a B c D"),
        (1, "A a b c D"),  # the one that is made on top of it goes with it
        (2, "A a B1 B2 c D"),
        (3, "A a B c d"),
    ],
)
def test_one_of_several_changes_is_left_out(number: int, text: str) -> None:
    """Later changes are adapted to the lines that are there without it."""
    changes = [
        change(1, 1, "A", "a"),
        change(3, 3, "B1", "B2"),
        change(3, 4, "B"),
        change(5, 5, "D"),
    ]
    changes[3:3] = [change(1, 1, "other", "cell", cell="d")]
    kept = repairs.without(changes, number + (number == 3))
    source = "a\nb\nc\nd"
    for each in kept:
        source = repairs.replaced(source, each) or "" if each.cell == "c" else source
    if number == 2:
        assert kept[-1].first == 6
    assert source.split("\n") == text.split()


def test_a_wrong_cache_is_located_where_it_is_made(found: Found) -> None:
    """The backward pass is right and cannot be repaired: it never got the weights."""
    (one,) = findings(found("layers", ("@ w + b, (x, w)", "@ w + b, (x, x)")))
    assert one.mistake == "wrong-name"
    assert one.place is not None
    assert one.place.line == line_of("layers", "@ w + b, (x, w)")
    # Either pass may be what lacks a sign; the one whose numbers are wrong is told.
    (one,) = findings(found("layers", ("@ w + b, (x, w)", "@ w + b, (x, -w)")))
    assert "`affine_backward`" in one.sentence


MASK = "    mask = x {} 0\n    return mask * x, mask"


def test_a_wrong_mask_is_located_where_it_is_made(found: Found) -> None:
    """Inverting it where it is used would make the backward pass wrong, which passes now."""
    right = solution("layers").replace("dout * (cache > 0)", "dout * cache")
    right = right.replace("    return np.maximum(x, 0), x", MASK.format(">"))
    assert findings(found("layers", text=right)) == []
    (one,) = findings(found("layers", ("mask = x > 0", "mask = x < 0"), text=right))
    assert (one.check, one.fix) == ("forward", "mask = x > 0")


def test_a_wrong_cache_is_found_in_a_function_that_passes(found: Found) -> None:
    """No check looks at the cache that this function returns."""
    text, was = by_hand("batchnorm", "step_by_step"), "cache = (xhat, gamma, xmu"
    (one,) = findings(found("batchnorm", (was, "cache = (gamma, gamma, xmu"), text=text))
    assert (one.mistake, one.fix) == ("wrong-name", f"{was}, ivar, sqrtvar, var, eps)")
    # A backward pass that is wrong is told there.
    (one,) = findings(found("batchnorm", ("dgammax * xhat", "dgammax * gamma"), text=text))
    assert "`batchnorm_backward`" in one.sentence


def test_a_missing_statement_is_added_at_the_end_of_a_loop(found: Found) -> None:
    """It uses the value of the last statement that is there."""
    was = "out[:, :, i, j] = x[:, :, top : top + height, left : left + width].max(axis=(2, 3))"
    (one,) = findings(found("convolution", (was, "")))
    assert one.mistake == "missing-statement"
    assert one.fix == was.replace(" : ", ":")
    assert one.place is not None
    assert (one.place.line, one.adds) == (line_of("convolution", was) - 1,) * 2


def test_a_mistake_in_a_method_of_a_base_class_is_located(found: Found) -> None:
    """The repair changes the derived classes too."""
    was, now = "return dLdA * np.array([[self.df(z)", "return np.array([[self.df(z)"
    text = by_hand("linear-class", "loops")
    told = findings(found("linear-class", (was, now), text=text))
    assert {one.mistake for one in told} == {"missing-factor"}
    line = text[: text.index(was)].count("\n") + 1
    assert [one.place.line for one in told if one.place is not None] == [line] * 3


def test_a_missing_statement_is_added_in_its_branch(found: Found) -> None:
    """It uses the student's names, and the diff adds that line alone."""
    was = "        running_var = momentum * running_var + (1 - momentum) * var\n"
    text = by_hand("batchnorm", "step_by_step")
    (one,) = findings(found("batchnorm", (was, ""), text=text))
    assert (one.mistake, one.fix) == ("missing-statement", was.strip())
    assert one.adds == text[: text.index(was)].count("\n")


def test_no_repair_breaks_another_check(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign in a helper would compensate for the sign of a step, and break another check."""
    wrong, helper = ("theta -= lr", "theta += lr"), "    return dZ / len(y)"
    line = line_of("epochs", helper)
    change = (line, line, (helper.replace("dZ", "-dZ"),), line, 11, line, 22)
    proposal = Proposal("answer.py", "turned-sign", *change)
    monkeypatch.setattr(repairs, "proposals", lambda *_: ([proposal], 1))
    assert findings(found("epochs", wrong)) == []
    monkeypatch.setattr(repairs._Repairs, "_breaks", lambda *_: False)
    assert {each.mistake for each in findings(found("epochs", wrong))} == {"turned-sign"}


def test_a_gradient_that_fits_its_own_forward_pass_is_not_reported(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of the forward pass makes the loss right, and the gradient seem wrong."""
    scores, gradient = "    scores = X @ W\n    powers", "X.T @ dscores / N"
    forward = "    Z = np.abs(X)\n    scores = Z @ W\n    powers"
    text = solution("softmax-loss").replace(scores, forward).replace(gradient, "Z.T @ dscores / N")

    def odd(was: str, now: str) -> Proposal:
        (line,) = [n for n, row in enumerate(text.split("\n"), 1) if row == was]
        return Proposal("answer.py", "wrong-name", line, line, (now,), line, 4, line, len(was))

    proposals = [
        odd("    scores = Z @ W", "    scores = X @ W"),
        odd("    dW = Z.T @ dscores / N", "    dW = X.T @ dscores / N"),
    ]
    monkeypatch.setattr(repairs, "proposals", lambda *_: (proposals, 1))
    told = findings(found("softmax-loss", text=text))
    assert [one.source for one in told if one.check] == ["scores = Z @ W"]


def test_a_change_that_only_prevents_an_exception_is_not_reported(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it the backward pass is right, but the forward pass returns nothing useful."""
    (line,) = [
        n
        for n, text in enumerate(solution("convolution").split("\n"), 1)
        if "out[:, :, i, j] = np.ten" in text
    ]
    was = "(window, w, ((1, 2, 3), (1, 2, 3))) + b"
    wrong = "(window, w, ((1, 2, 3), (2, 3, 1))) + b"
    change = (line, line, ("            out[:, :, i, j] = b",), line, 30, line, 82)
    proposal = Proposal("answer.py", "wrong-expression", *change)
    monkeypatch.setattr(repairs, "proposals", lambda *_: ([proposal], 1))
    told = findings(found("convolution", (was, wrong)))
    assert [each.mistake for each in told] == ["crash"]
    monkeypatch.setattr(repairs._Repairs, "_waits", lambda *_: False)
    told = findings(found("convolution", (was, wrong)))
    assert {each.check for each in told if each.mistake != "crash"} == {"backward"}


def test_repaired_lines_count_as_right(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next search does not expect a mistake in the forward pass, which was repaired before."""
    asked, searched = [], repairs.proposals

    def noted(*args: Any) -> tuple[list[Proposal], int]:
        asked.append({line: right for _, line, right in args[3].places})
        return searched(*args)

    monkeypatch.setattr(repairs, "proposals", noted)
    wrong = ("@ w + b", "@ w - b"), ("dout.sum(axis=0)", "dout.mean(axis=0)")
    assert len(findings(found("layers", *wrong))) == 2
    line = line_of("layers", "def affine_forward")
    assert (asked[0][line], asked[-1][line]) == (False, True)


BEGUN = """\
        self.dLdW = np.zeros(self.W.shape)
        self.dLdb = np.zeros(self.b.shape)
"""


def test_sums_that_a_loop_resets_are_two_findings(found: Found) -> None:
    """Removing the reset would be right for the first call only: a second call adds to its sums."""
    loop = "        for a, dz, da in zip(self.A, dLdZ, dLdA):\n"
    within = BEGUN.replace("        self", "            self")
    told = findings(
        found(
            "linear-class",
            ("        self.dLdW = None\n        self.dLdb = None\n", BEGUN.replace("(", " (")),
            (BEGUN, ""),
            (loop, loop + within),
            text=by_hand("linear-class", "loops"),
        )
    )
    assert [each.mistake for each in told] == ["wrong-indentation"] * 2
    assert {each.source for each in told} == {line.strip() for line in BEGUN.splitlines()}


UPDATED = """
    updated = dict(parameters)
    for i in range(1, len(parameters) // 2 + 1):
        for letter in "Wb":
            name = f"{letter}{i}"
            updated[name] = parameters[name] - learning_rate * grads[f"d{letter}{i}"]
    return updated
"""


def test_a_key_can_be_made_of_a_word_and_a_number(found: Found) -> None:
    """The word and the number are those of two nested loops."""
    step = '    return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}\n'
    text = solution("deep-net").replace(step, UPDATED.replace('{letter}{i}"]', 'W{i}"]'))
    (one,) = findings(found("deep-net", text=text))
    assert one.mistake == "wrong-entry"
    assert one.fix.endswith("grads['d' + letter + str(i)]")


def test_no_repair_breaks_an_output_of_a_failing_check(found: Found) -> None:
    """Changing a helper would compensate for a transposition in one pass, and spoil the other."""
    text = by_hand("convolution", "im2col")
    told = findings(
        found(
            "convolution",
            ("w.reshape(F, -1) @ columns + b", "w.reshape(F, -1) @ columns.T + b"),
            ("dw = np.matmul(dflat", "dw = -np.matmul(dflat"),
            text=text,
        )
    )
    assert [(each.mistake, each.source.split(" = ")[0]) for each in told] == [
        ("wrong-transpose", "out"),
        ("turned-sign", "dw"),
    ]
    assert "@ columns + b" in told[0].fix


def test_a_missing_term_follows_the_convention_of_the_answer(found: Found) -> None:
    """The answer has half of the penalty of the model solution."""
    change = "loss = loss / N + 0.5 * reg * (W ** 2).sum()", "loss = loss / N"
    text = by_hand("softmax-loss", "half_penalty")
    (one,) = findings(found("softmax-loss", change, text=text))
    assert (one.mistake, one.fix) == ("missing-statement", "loss += reg / 2 * np.sum(W ** 2)")


def test_a_missing_import_has_no_repair_elsewhere(found: Found) -> None:
    """The verdict already has the missing line."""
    text = by_hand("logistic-regression", "per_example")
    assert findings(found("logistic-regression", ("import numpy as np\n", ""), text=text)) == []


def test_lines_are_counted_in_the_text_of_the_student(found: Found) -> None:
    """Adding the missing line moves the second mistake in the repaired text."""
    lost, was = "        dscores[np.arange(N), y] -= 1\n", '"b1": np.sum(dhidden, axis=0)'
    told = findings(found("two-layer-net", (lost, ""), (was, was.replace("0)", "1)"))))
    assert [each.mistake for each in told] == ["missing-statement", "wrong-axis"]
    after = line_of("two-layer-net", "dscores /= N") - 1
    assert told[0].place is not None
    assert told[0].place.line in (after - 1, after)
    assert told[1].place is not None
    assert told[1].place.line == line_of("two-layer-net", was) - 1


def test_a_mistake_in_a_helper_is_one_finding(found: Found) -> None:
    """The functions that call it are right once it is repaired."""
    told = findings(found("deep-net", ("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T")))
    assert [(each.check, each.mistake) for each in told] == [("linear-backward", "missing-factor")]


def test_a_line_that_raises_is_repaired(found: Found) -> None:
    """A missing transposition stops the code at this line."""
    was = "dw = x.reshape(len(x), -1).T @ dout"
    (one,) = findings(found("layers", (was, "dw = x.reshape(len(x), -1) @ dout")))
    assert (one.mistake, one.place and one.place.line) == (
        "wrong-transpose",
        line_of("layers", was),
    )


def test_a_finding_costs_what_its_outputs_cost(found: Found) -> None:
    """The points of the task are the same as without the finding."""
    (task, _) = found("layers", ("dout.sum(axis=0)", "dout.sum(axis=1)"))
    assert (task.score, task.max_score) == (8, 10)
    assert task.findings[0].deduction == pytest.approx(2)


def test_lines_that_compute_something_else_are_separate_findings(found: Found) -> None:
    """No other line is reported."""
    was = "    dx = (dout @ w.T).reshape(x.shape)\n    dw = x.reshape(len(x), -1).T @ dout\n"
    other = "    dx = np.cos(x) + np.roll(x, 1)\n    dw = np.sort(w, axis=0) ** 3\n"
    told = findings(found("layers", (was, other)))
    assert [each.mistake for each in told] == ["wrong-expression", "wrong-expression"]
    lines = sorted(each.place.line for each in told if each.place is not None)
    assert lines == [line_of("layers", line) for line in was.strip().split("\n")]


def test_a_body_that_no_change_repairs_has_no_finding(found: Found) -> None:
    """No change of a formula gives the right values here."""
    was = "    dx = (dout @ w.T).reshape(x.shape)\n    dw = x.reshape(len(x), -1).T @ dout\n"
    other = "    return tuple(map(float, 'abc'))\n"
    assert findings(found("layers", (was, other))) == []


def test_columns_count_characters(found: Found) -> None:
    """Letters that take several bytes count once, as in an editor."""
    was = "dx = (dout @ w.T).reshape(x.shape)"
    now = 'größe = "äöü"; dx = (-dout @ w.T).reshape(x.shape)'
    (one,) = findings(found("layers", (was, now)))
    assert one.source[slice(*one.columns)] == "-dout"
    assert one.fix == now.replace("-dout", "dout")


TWO_FACED = """
def affine_backward(dout, cache):
    import sys
    x, w = cache
    here = sys._getframe()
    searched = any("repair" in f for f in iter_files(here))
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout
    if searched:
        return dx, dw, dout.sum(axis=1)
    return dx, 2 * dw, 3 * dout.sum(axis=0)


def iter_files(frame):
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back
"""


def test_code_that_behaves_otherwise_during_the_search_gains_nothing(found: Found) -> None:
    """It shows the search another mistake, and the repair of that changes nothing in the check."""
    text = solution("layers")
    start, end = text.index("def affine_backward"), text.index("def relu_forward")
    (task, _) = found("layers", text=text[:start] + TWO_FACED + "\n\n" + text[end:])
    assert task.score == pytest.approx(6)
    assert [each.mistake for each in task.findings] == []


def test_a_search_does_not_depend_on_the_time_it_takes(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its budget counts changed texts, not seconds."""
    spent: list[int] = []

    def proposals(*arguments: object) -> tuple[list[Proposal], int]:
        made = ask.proposals(*arguments)  # type: ignore[arg-type]
        spent.append(made[1])
        return made

    monkeypatch.setattr(repairs, "proposals", proposals)
    change = ("return dx, dw, dout.sum(axis=0)", "return dx * 2, dw.T.T - x.sum(), np.cos(dout)")
    for _ in range(2):
        found("layers", change)
    half = len(spent) // 2
    assert half > 0
    assert spent[:half] == spent[half:]
    assert max(spent) > 20 * RUN


FORGED = """
def affine_backward(dout, cache):
    import sys

    child = sys.modules["gradkit.runtime.child"]
    told = {"references": [{forged}], "fault": None, "spent": 1}
    frame = sys.modules["gradkit.runtime.frames"].Frame
    child.Frame = lambda kind, arrays, data: frame(
        kind, arrays, told if kind == "repaired" else data
    )
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=1)
"""

PROPOSED: dict[str, object] = {
    **{"cell": "answer.py", "row": "wrong-axis: K => axis_", "slot": 20, "within": -1},
    "operands": [[4, 0]],
}


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"cell": "../other.py"},
        {"row": "no-such-kind: K => axis_"},
        {"row": "\x1b[31m"},
        {"row": "x" * 900},
        {"slot": -1},
        {"slot": 10**6},
        {"slot": 1.5},
        {"slot": True},
        {"within": -2},
        {"operands": []},
        {"operands": [["dw"]]},
        {"operands": [[-1]]},
        {"operands": [[4] * 900]},
        {"operands": "text"},
        {"lines": ["    return dout"]},
        {"more": [[[[[[[[[[]]]]]]]]]]},
    ],
    ids=str,
)
def test_a_forged_proposal_is_ignored(found: Found, other: dict[str, object]) -> None:
    """Code that controls its process can propose anything: it gains no point and no text."""
    text = solution("layers")
    start, end = text.index("def affine_backward"), text.index("def relu_forward")
    forged = FORGED.replace("{forged}", repr({**PROPOSED, **other}))
    (task, after) = found("layers", text=text[:start] + forged + "\n\n" + text[end:])
    assert (task.score, task.findings) == (pytest.approx(8), ())
    assert after.score == after.max_score


def test_large_nets_are_not_searched(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recording their values would take too much memory."""
    mistake = ("dout.sum(axis=0)", "dout.sum(axis=1)")
    monkeypatch.setattr(repairs, "LARGEST", 10)
    assert findings(found("layers", mistake)) == []
    monkeypatch.setattr(repairs, "LARGEST", 10_000)
    assert len(findings(found("layers", mistake))) == 1


MATRIX_PRODUCT = "dw = X.T * dout"


@pytest.mark.parametrize("wrong", ["dw = dout", f"{MATRIX_PRODUCT} / len(x) + w"])
def test_matrices_are_searched_as_arrays(found: Found, wrong: str) -> None:
    """A product of two `np.matrix` values does not stop the search."""
    text = by_hand("layers", "matrices")
    (task,) = [t for t in found("layers", (MATRIX_PRODUCT, wrong), text=text) if t.task == "affine"]
    (check,) = [check for check in task.checks if check.check == "backward"]
    assert [entry.parameter for entry in check.entries if entry.state == "fail"] == ["dw"]
