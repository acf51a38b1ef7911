"""A mistake in a function is told by the smallest change that makes it right, and its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from said import after_exceptions

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
from gradkit.task.assignment import BESIDE, SHIPPED

pytestmark = pytest.mark.sample(360)

Found = Callable[..., tuple[TaskResult, ...]]


@pytest.fixture(scope="module")
def found(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """``found(exercise, (was, is), …)``: what a changed model solution comes to."""
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
    """The text of an exercise's model solution."""
    (path,) = (BESIDE / exercise).glob("*.py")
    return path.read_text(encoding="utf-8")


def by_hand(exercise: str, style: str) -> str:
    """The text of another right answer to an exercise."""
    path = Path(__file__).parents[1] / "gallery" / exercise / f"{style}.py"
    return path.read_text(encoding="utf-8")


def line_of(exercise: str, text: str) -> int:
    """The line of the model solution that holds a text."""
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
def test_a_mistake_is_told_where_it_is(
    found: Found, exercise: str, change: tuple[str, str], told: tuple[str, str, str | None]
) -> None:
    """Its line, the doubtful part of that, its kind, and the change."""
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


def test_a_name_is_not_given_its_own_value(found: Found) -> None:
    """That would do, and is nothing to write."""
    rows = "rows = x.reshape(len(x), -1)\n    x = rows\n    return rows @ w + b, (x, w)"
    (one,) = findings(found("layers", ("return x.reshape(len(x), -1) @ w + b, (x, w)", rows)))
    assert (one.mistake, one.fix) == ("wrong-shape", "x = rows.reshape(x.shape)")


OF_BACKWARD = """\
N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    stride, pad = conv_param['stride'], conv_param['pad']
    _, _"""

BY_HAND = [
    # What the model solution has for all examples and entries at once.
    (
        "logistic-regression/loops",
        ("dw[j, 0] += X[j, i] * (a - y)", "dw[j, 0] += X[j, i]"),
        ("missing-factor", "dw[j, 0] += X[j, i] * (a - y)"),
    ),
    (
        "batchnorm/jacobian",
        ("out[i, j] = gamma[j] * (column[i] - mean) / (var + eps) ** 0.5 + beta[j]", "pass"),
        (
            "missing-statement",
            "out[i, j] = gamma[j] * ((x[i, j] - mean) / np.sqrt(var + eps)) + beta[j]",
        ),
    ),
    # Keys that are made of that of a loop.
    (
        "one-hidden-layer/helpers",
        (' - learning_rate * grads["d" + key]', ""),
        ("missing-term", "parameters[key] = parameters[key] - learning_rate * grads['d' + key]"),
    ),
    # In the first round of the loop it is the same.
    (
        "epochs/loops",
        ("step[d, c] / (end - start)", "step[d, c] / end - start"),
        ("wrong-brackets", "theta[d, c] -= lr * step[d, c] / (end - start)"),
    ),
    # A window that begins as the one along the other axis does.
    (
        "convolution/loops",
        ("hs:hs + HH, ws:ws + WW] * w[f])", "hs:hs + HH, hs:hs + WW] * w[f])"),
        (
            "wrong-element",
            "out[n, f, i, j] = np.sum(x_pad[n, :, hs:hs + HH, ws:ws + WW] * w[f]) + b[f]",
        ),
    ),
    # A loop in steps whose body counts in rounds; a sum of Python's own.
    (
        "epochs/one_hot",
        ("for i in range(m // batch):", "for i in range(0, m, batch):"),
        ("wrong-bounds", "for i in range(m // batch):"),
    ),
    (
        "epochs/one_hot",
        ("Z = Z / Z.sum(axis=1).reshape(-1, 1)", "Z = Z / sum(Z)"),
        ("wrong-axis", "Z = Z / np.sum(Z, axis=1, keepdims=True)"),
    ),
    # What is divided, and should be multiplied by what has a name.
    (
        "convolution/corners",
        ("+= mask * dout[i, c, h, v]", "+= dout[i, c, h, v] / a_slice.size"),
        (
            "wrong-expression",
            "dx[i, c, vert_start:vert_end, horiz_start:horiz_end] += dout[i, c, h, v] * mask",
        ),
    ),
    # Two values of a dict, another word, a key that is put together.
    (
        "one-hidden-layer/helpers",
        (
            '"dW2": dW2, "db2": db2, "dW1": dW1, "db1": db1',
            '"dW2": dW2, "db2": db1, "dW1": dW1, "db1": db2',
        ),
        ("wrong-order", "return {'dW2': dW2, 'db2': db2, 'dW1': dW1, 'db1': db1}"),
    ),
    (
        "deep-net/notebook",
        (
            "parameters['b' + str(L)], activation=\"sigmoid\")",
            "parameters['b' + str(L)], activation=\"relu\")",
        ),
        (
            "wrong-option",
            "AL, cache = linear_activation_forward(A, parameters['W' + str(L)], "
            "parameters['b' + str(L)], activation='sigmoid')",
        ),
    ),
    (
        "deep-net/notebook",
        ('- learning_rate * grads["db" + str(l+1)]', '- learning_rate * grads["dW" + str(l+1)]'),
        (
            "wrong-entry",
            "parameters['b' + str(l+1)] = parameters['b' + str(l+1)] - "
            "learning_rate * grads['db' + str(l+1)]",
        ),
    ),
    # The array that is handed over stays as it was.
    (
        "epochs/one_hot",
        ("theta -= lr * grad", "theta = theta - lr * grad"),
        ("not-in-place", "theta -= lr * grad"),
    ),
    # Sizes of another array, and the key of a dict in a dict.
    (
        "convolution/loops",
        (OF_BACKWARD, OF_BACKWARD.replace("x.shape", "dout.shape", 1)),
        ("wrong-name", "N, C, H, W = x.shape"),
    ),
    (
        "convolution/im2col",
        ('cache["conv_param"]["pad"]', 'cache["conv_param"]["stride"]'),
        (
            "wrong-entry",
            "w, columns, p = cache['w'], cache['columns'], cache['conv_param']['pad']",
        ),
    ),
    # A helper of the student's own, which the model solution does not have.
    (
        "epochs/loops",
        ("p = softmax(X[n] @ theta)", "p = X[n] @ theta"),
        ("missing-function", "p = softmax(X[n] @ theta)"),
    ),
    # Behind the loop it is right for one batch; what that check has put in is not to be moved.
    (
        "epochs/einsum",
        ("        np.subtract(W2, lr * (A.T @ R), out=W2)\n", ""),
        ("missing-statement", "W2 -= lr * (A.T @ R)"),
    ),
    # With it all is right; without the other term it is where scores are small.
    (
        "softmax-loss/log_sum_exp",
        ("sum(np.exp(s - top) for s in f)", "sum(np.exp(s) for s in f)"),
        ("missing-term", "logZ = top + np.log(sum(np.exp(s - top) for s in f))"),
    ),
    # A statement for one kind of parameters as there is for the other.
    (
        "deep-net/notebook",
        (
            '        parameters["W" + str(l+1)] = parameters["W" + str(l+1)] - learning_rate * '
            'grads["dW" + str(l+1)]\n',
            "",
        ),
        (
            "missing-statement",
            "parameters['W' + str(l + 1)] = parameters['W' + str(l + 1)] - learning_rate * "
            "grads['dW' + str(l + 1)]",
        ),
    ),
    # A step of what is handed over.
    (
        "epochs/one_hot",
        ("        theta -= lr * grad\n", ""),
        ("missing-statement", "theta -= lr * grad"),
    ),
    # A key that is given, and a value that was left for later.
    (
        "logistic-regression/per_example",
        ('{"dw": dw, "db": db}', '{"dW": dw, "db": db}'),
        ("wrong-entry", "return {'dw': dw, 'db': db}, J"),
    ),
    (
        "logistic-regression/per_example",
        ('{"dw": dw, "db": db}', '{"dw": dw, "db": None}'),
        ("wrong-expression", "return {'dw': dw, 'db': db}, J"),
    ),
    # An entry of a list, at what a loop counts.
    (
        "softmax-loss/log_sum_exp",
        ("losses.append(logZ - f[yi])", "losses.append(logZ)"),
        ("missing-term", "logZ = top + np.log(sum((np.exp(s - top) for s in f))) - f[yi]"),
    ),
    # A term in a product would make it right too, and is no smaller.
    (
        "batchnorm/step_by_step",
        ("+ (1 - momentum) * mu", "+ mu"),
        ("missing-factor", "running_mean = momentum * running_mean + mu * (1 - momentum)"),
    ),
    (
        "batchnorm/jacobian",
        ("np.outer(hat, hat)", "np.multiply(hat, hat)"),
        ("wrong-function", "J = (np.eye(n) - 1 / n - np.outer(hat, hat) / n) / std"),
    ),
    (
        "two-layer-net/pieces",
        ("np.exp(scores - top).sum(", "np.exp(scores) - top.sum("),
        (
            "wrong-brackets",
            "log_probs = scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))",
        ),
    ),
    # An array in the place of a number.
    (
        "batchnorm/jacobian",
        ("old[0] + (1 - momentum)", "old[0] + (1 - x)"),
        (
            "wrong-name",
            "bn_param['running_mean'] = momentum * old[0] + (1 - momentum) * np.array(means)",
        ),
    ),
    # A number that lacks an array; a number that is held in one.
    (
        "deep-net/own_layers",
        ('value -= learning_rate * grads["d" + key]', "value -= learning_rate"),
        ("missing-factor", "value -= learning_rate * grads['d' + key]"),
    ),
    (
        "logistic-regression/dots",
        ("        b -= learning_rate * db\n", ""),
        ("missing-statement", "b -= learning_rate * db"),
    ),
    # An entry of an attribute that is not there.
    (
        "two-layer-net/course_style",
        ("        self.params['W2'] = std * np.random.randn(hidden_size, output_size)\n", ""),
        (
            "missing-statement",
            "self.params['W2'] = std * np.random.randn(hidden_size, output_size)",
        ),
    ),
    # Neighbours in the middle of a long row.
    (
        "batchnorm/step_by_step",
        (
            "ivar, sqrtvar, var, eps = cache\n    N, D = dout.shape",
            "sqrtvar, ivar, var, eps = cache\n    N, D = dout.shape",
        ),
        ("wrong-order", "xhat, gamma, xmu, ivar, sqrtvar, var, eps = cache"),
    ),
    # A number in the place of 1, an array in that of a number, a count in that of an array.
    (
        "batchnorm/in_place",
        ("(1 - m) * mean[0]", "1 * mean[0]"),
        ("missing-term", "bn_param['running_mean'] += (1 - m) * mean[0]"),
    ),
    (
        "batchnorm/step_by_step",
        ("np.sqrt(var + eps) * dsqrtvar", "np.sqrt(eps) * dsqrtvar"),
        ("missing-term", "dvar = 0.5 * 1.0 / np.sqrt(eps + var) * dsqrtvar"),
    ),
    (
        "batchnorm/in_place",
        ("dx -= s1 / N", "dx -= s1 / dx"),
        ("wrong-name", "dx -= s1 / N"),
    ),
    # What is added to, of a value in another shape; what is nothing in one branch.
    (
        "batchnorm/in_place",
        ('    bn_param["running_mean"] += (1 - m) * mean[0]\n', ""),
        ("missing-statement", "bn_param['running_mean'] += (1 - m) * mean[0]"),
    ),
    (
        "batchnorm/step_by_step",
        ("        out = gamma * xhat + beta\n", ""),
        (
            "missing-statement",
            "out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta",
        ),
    ),
    # Without the number it is right: to take it into `len` does nothing.
    (
        "layers/loops",
        ("for m in range(len(b)):\n", "for m in range(len(b) - 1):\n"),
        ("extra-term", "for m in range(len(b)):"),
    ),
    (
        "layers/cs231n",
        ("dx[x <= 0] = 0", "dx[x <= 0] = -1"),
        ("wrong-constant", "dx[x <= 0] = 0"),
    ),
    # Two factors at once, of which one is a size.
    (
        "batchnorm/jacobian",
        ("(1.0 / N) * g * v", "v"),
        (
            "missing-factor",
            "dx = v ** (-1.0 / 2.0) * (N * dout - dbeta - xmu * v ** (-1.0) * "
            "np.sum(dout * xmu, axis=0)) * gamma / N",
        ),
    ),
    # An end of a slice.
    (
        "convolution/einsum",
        ("p : shape[2] - p", "p : shape[3] - p"),
        ("wrong-element", "return dx[:, :, p : shape[2] - p, p : shape[3] - p], dw, db"),
    ),
    (
        "convolution/einsum",
        ("p : shape[2] - p,", "p : shape[2] - p + 1,"),
        ("extra-term", "return dx[:, :, p : shape[2] - p, p : shape[3] - p], dw, db"),
    ),
    # An end of a slice that is written to, and the order of one.
    (
        "convolution/loops",
        ("dx_pad[n, :, hs:hs + HH, ws:ws + WW] +=", "dx_pad[n, :, hs:hs + WW, ws:ws + WW] +="),
        ("wrong-name", "dx_pad[n, :, hs:hs + HH, ws:ws + WW] += w[f] * dout[n, f, i, j]"),
    ),
    (
        "convolution/loops",
        ("dx_pad[n, :, hs:hs + HH, ws:ws + WW] +=", "dx_pad[n, :, ws:ws + WW, hs:hs + HH] +="),
        ("wrong-element", "dx_pad[n, :, hs:hs + HH, ws:ws + WW] += w[f] * dout[n, f, i, j]"),
    ),
    # Where the first window is all padding, and has nearly everything that the model has.
    (
        "convolution/loops",
        (
            "hs = i * stride\n                    ws = j * stride\n                    dw[f]",
            "hs = i\n                    ws = j * stride\n                    dw[f]",
        ),
        ("missing-factor", "hs = i * stride"),
    ),
    # A step that makes another value of one.
    (
        "convolution/im2col",
        ("        dx = dx[:, :, p:-p, p:-p]", "        pass"),
        ("missing-statement", "dx = dx[:, :, p:dx.shape[2] - p, p:dx.shape[3] - p]"),
    ),
    # Both edges of a window, along all axes, and what is cut off at its begin.
    (
        "convolution/loops",
        (
            "window = x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw]",
            "window = x[n, c, i:i + ph, j:j + pw]",
        ),
        (
            "wrong-element",
            "window = x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw]",
        ),
    ),
    (
        "convolution/einsum",
        ("i * s : i * s + ph, j * s : j * s + pw] += s", "i : i + ph, j : j + pw] += s"),
        (
            "wrong-element",
            "dx[:, :, i * s:i * s + ph, j * s:j * s + pw] += spread[:, :, i, j]",
        ),
    ),
    (
        "convolution/einsum",
        ("p : shape[2] - p, p : shape[3] - p", ": shape[2] - 2 * p, : shape[3] - 2 * p"),
        (
            "wrong-element",
            "return dx[:, :, p:p + (shape[2] - 2 * p), p:p + (shape[3] - 2 * p)], dw, db",
        ),
    ),
    # What is not cut to its shape.
    (
        "convolution/loops",
        ("dx = dx_pad[:, :, pad:pad + H, pad:pad + W]", "dx = dx_pad"),
        (
            "wrong-expression",
            "dx = dx_pad[:, :, pad:dx_pad.shape[2] - pad, pad:dx_pad.shape[3] - pad]",
        ),
    ),
    # What stops: a change that only runs makes nothing right.
    (
        "epochs/one_hot",
        ("X_b.T @ (Z - I)", "X.T @ (Z - I)"),
        ("wrong-name", "grad = X_b.T @ (Z - I) / batch"),
    ),
    (
        "epochs/one_hot",
        ("np.maximum(0, h1)", "np.max(0, h1)"),
        ("wrong-function", "Z1 = np.maximum(0, h1)"),
    ),
    # Of a term that is missing, and a statement that would do, the term is less.
    (
        "epochs/one_hot",
        ("X_b.T @ (Z - I)", "X_b.T @ Z"),
        ("missing-term", "grad = X_b.T @ (Z - I) / batch"),
    ),
    # A key that a loop's number ends, a statement that each round lacks, a key among options.
    (
        "deep-net/notebook",
        ('(grads["dA" + str(l + 2)], current', "(dAL, current"),
        (
            "wrong-name",
            "dA_prev_temp, dW_temp, db_temp = linear_activation_backward("
            "grads['dA' + str(l + 2)], current_cache, 'relu')",
        ),
    ),
    (
        "deep-net/notebook",
        ("        current_cache = caches[l]\n", ""),
        ("missing-statement", "current_cache = caches[l]"),
    ),
    (
        "logistic-regression/loops",
        ('grads = {"dw": dw, "db": db}\n    return grads, cost', "return dict(dW=dw, db=db), cost"),
        ("wrong-entry", "return dict(dw=dw, db=db), cost"),
    ),
    # Where code stops every value may be wrong, and none makes most right.
    (
        "one-hidden-layer/notebook",
        ('db2 = grads["db2"]', 'db2 = grads["db1"]'),
        ("wrong-entry", "db2 = grads['db2']"),
    ),
    # A mask of another array, and with its edge.
    (
        "epochs/einsum",
        ("dA[A == 0] = 0", "dA[dA < 0] = 0"),
        ("wrong-name", "dA[A <= 0] = 0"),
    ),
    # A condition is no value, what the course hands out is there, and of conventions the nearest.
    (
        "logistic-regression/dots",
        ("> 0.5, 1, 0)", "> 0.5, 1, -1)"),
        ("wrong-constant", "return np.where(forward(w, b, X) > 0.5, 1, 0)"),
    ),
    (
        "one-hidden-layer/notebook",
        ("A2 = sigmoid(Z2)", "A2 = Z2"),
        ("missing-function", "A2 = sigmoid(Z2)"),
    ),
    (
        "linear-class/linear_divides",
        ("(2 * self.N * self.C)", "(2 * self.N * self.N)"),
        ("wrong-name", "return sse / (2 * self.C * self.N)"),
    ),
    # What is small comes before another thing that is done with a value.
    (
        "one-hidden-layer/comprehension",
        ('grads["dW1"] + np.dot(eh', 'grads["db1"] + np.dot(eh'),
        ("wrong-entry", "grads['dW1'] = grads['dW1'] + np.dot(eh, X[:, i:i + 1].T)"),
    ),
    # Two names in the place of each other.
    (
        "batchnorm/step_by_step",
        (
            "running_var = momentum * running_var + (1 - momentum) * var",
            "running_var = momentum * var + (1 - momentum) * running_var",
        ),
        ("wrong-name", "running_var = momentum * running_var + (1 - momentum) * var"),
    ),
    # What two changes, or one elsewhere, would do too.
    (
        "batchnorm/step_by_step",
        ("sqrtvar = np.sqrt(var + eps)", "sqrtvar = np.sqrt(var) + eps"),
        ("wrong-brackets", "sqrtvar = np.sqrt(var + eps)"),
    ),
    # What a function is handed and never reads is an option of what it calls.
    (
        "linear-class/in_place",
        ("reduce(a, axis=axis, keepdims=keepdims)", "reduce(a, keepdims=keepdims)"),
        ("wrong-axis", "return np.logaddexp.reduce(a, keepdims=keepdims, axis=axis)"),
    ),
    # What a table of functions holds is called as what is defined is.
    (
        "deep-net/tables",
        ("return s - np.square(s)", "return 1 - np.square(s)"),
        ("wrong-name", "return s - np.square(s)"),
    ),
    (
        "one-hidden-layer/comprehension",
        ("{k: v / m for k, v in grads.items()}", "{k: v for k, v in grads.items()}"),
        ("missing-factor", "return {k: v / m for k, v in grads.items()}"),
    ),
    (
        "layers/keyed",
        ('("x", "w", "b")', '("w", "x", "b")'),
        ("wrong-order", "return tuple(grads[k] for k in ('x', 'w', 'b'))"),
    ),
]


def test_a_condition_is_not_mended(found: Found) -> None:
    """Many changes make a draw as large as a check wants it: none of them is the mistake."""
    was, now = "np.random.normal(0, std, shape)", "np.random.randn(*shape)"
    text = by_hand("two-layer-net", "pieces")
    (task,) = found("two-layer-net", (was, now), text=text)
    assert [each.check for each in task.checks if each.state == "fail"] == ["initialize"]
    assert findings((task,)) == []


def test_two_changes_that_make_up_for_a_helper_are_not_told(found: Found) -> None:
    """The forward pass runs it too, and is still wrong then, for no reason that is known."""
    was = "np.logaddexp.reduce(a, axis=axis, keepdims=keepdims)"
    now = "np.logaddexp.reduce(a, keepdims=keepdims) + 0 * axis"
    text = by_hand("linear-class", "in_place")
    assert findings(found("linear-class", (was, now), text=text)) == []


@pytest.mark.parametrize(("answer", "change", "told"), BY_HAND, ids=[each[0] for each in BY_HAND])
def test_a_mistake_is_told_in_other_styles(
    found: Found, answer: str, change: tuple[str, str], told: tuple[str, str]
) -> None:
    """Where the model solution has nothing like the line."""
    exercise, _, style = answer.partition("/")
    text = by_hand(exercise, style)
    (one,) = findings(found(exercise, change, text=text))
    assert (one.mistake, one.fix.replace('"', "'")) == told
    assert one.place is not None
    line = text[: text.index(change[0])].count("\n") + 1
    assert one.place.line in (line - 1, line)
    assert one.diff.split("\n")[0] == "--- answer.py"
    assert one.fix in {row[1:].strip() for row in one.diff.split("\n") if row.startswith("+")}


STEPS = "i * stride:i * stride + ph, j * stride:j * stride + pw"
WITHOUT_STEP = "x[n, c, i:i + ph, j:j + pw])"

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

OF_ONE_SLIP = [
    # What stands there twice: another name, a call.
    (
        "deep-net",
        ("dZ = dA * A * (1 - A)", "dZ = dA * Z * (1 - Z)"),
        ("wrong-name", "dZ = dA * A * (1 - A)"),
    ),
    (
        "deep-net",
        ("dZ = dA * A * (1 - A)", "dZ = dA * np.exp(A) * (1 - np.exp(A))"),
        ("extra-function", "dZ = dA * A * (1 - A)"),
    ),
    # The other factor transposed, in a product of each kind.
    (
        "one-hidden-layer/notebook",
        ("np.dot(dZ1, X.T)", "np.dot(dZ1.T, X)"),
        ("wrong-transpose", "dW1 = (1 / m) * np.dot(dZ1, X.T)"),
    ),
    (
        "linear-class/ones",
        ("self.dLdW = dLdZ.T @ self.A", "self.dLdW = dLdZ @ self.A.T"),
        ("wrong-transpose", "self.dLdW = dLdZ.T @ self.A"),
    ),
    # From the other end.
    (
        "layers/bias_column",
        ("dX1[:, :-1]", "dX1[:, 1:]"),
        ("wrong-element", "dx = dX1[:, :-1].reshape(xshape)"),
    ),
    # What is predicted, in the place of a probability.
    (
        "logistic-regression",
        ("dZ = A - Y", "dZ = (A > 0.5) - Y"),
        ("wrong-comparison", "dZ = A - Y"),
    ),
    # A mean that is written out, for the largest.
    (
        "convolution/corners",
        ("= np.max(a_slice)", "= np.sum(a_slice) / (f_h * f_w)"),
        ("wrong-function", "A[i, c, h, v] = np.max(a_slice)"),
    ),
    # The 1 of the right class; a value that is kept for the backward pass.
    ("softmax-loss/half_penalty", ("probs[label] -= 1", "pass"), ("missing-statement", None)),
    ("linear-class/columns", ("        self.input = A\n", ""), ("missing-statement", None)),
    # What a helper gives.
    (
        "one-hidden-layer/helpers",
        ('return np.einsum("ij,jk->ik", W, A) + b', 'out = np.einsum("ij,jk->ik", W, A) + b'),
        ("missing-return", "return out"),
    ),
    # Nothing but a shape.
    (
        "two-layer-net/course_style",
        ("= np.zeros(hidden_size)", "= np.zeros((1, hidden_size))"),
        ("wrong-shape", "self.params['b1'] = np.zeros(hidden_size)"),
    ),
    (
        "logistic-regression/per_example",
        ("np.array([result])", "np.array(result)"),
        ("wrong-shape", "return np.array(result).reshape(1, -1)"),
    ),
    (
        "logistic-regression/per_example",
        ("np.array([result])", "result"),
        ("wrong-shape", "return np.array([result])"),
    ),
    # What a word is chosen by, of which the last round tells most.
    (
        "deep-net/tables",
        ('act = "sigmoid" if l == L - 1 else', 'act = "sigmoid" if l == L else'),
        ("missing-term", "act = 'sigmoid' if l + 1 == L else 'relu'"),
    ),
    # A step along both axes, or along one; what another array beside it has.
    (
        "convolution/loops",
        ("x[n, c, i * stride:i * stride + ph, j * stride:j * stride + pw])", WITHOUT_STEP),
        ("wrong-element", f"x[n, c, {STEPS}])"),
    ),
    (
        "convolution/loops",
        (
            "np.max(\n                        x[n, c, i * stride:i * stride + ph",
            "np.max(\n                        x[n, c, i * ph:i * ph + ph",
        ),
        ("wrong-element", f"x[n, c, {STEPS}])"),
    ),
    (
        "epochs/one_hot",
        ("y_b = y[i * batch:(i + 1) * batch]", "y_b = y[:batch]"),
        ("wrong-element", "y_b = y[i * batch:(i + 1) * batch]"),
    ),
    # An entry of a window for that of all, and all of it for one.
    (
        "convolution/loops",
        ("dx[n, c, i * stride + h, j * stride + w] =", "dx[n, c, h, w] ="),
        ("wrong-element", "dx[n, c, i * stride + h, j * stride + w] = dout[n, c, i, j]"),
    ),
    (
        "convolution/loops",
        ("dx[n, c, i * stride + h, j * stride + w] =", f"dx[n, c, {STEPS}] ="),
        ("wrong-element", "dx[n, c, i * stride + h, j * stride + w] = dout[n, c, i, j]"),
    ),
    # Of two that are as right the simpler one.
    (
        "epochs/one_hot",
        ("X_b.T @ (Z - I)", "X_b.T @ np.abs(Z - I)"),
        ("extra-function", "grad = X_b.T @ (Z - I) / batch"),
    ),
    # Several things that are transposed.
    (
        "logistic-regression",
        ("Y * np.log(A) + (1 - Y) * np.log(1 - A)", "Y * np.log(A).T + (1 - Y) * np.log(1 - A).T"),
        ("wrong-transpose", "cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m"),
    ),
    # What is positive for where it is.
    (
        "layers",
        ("return dout * (cache > 0)", "return dout * cache"),
        ("missing-slope", "return dout * (cache > 0)"),
    ),
    (
        "layers",
        ("return dout * (cache > 0)", "return dout * np.maximum(0, cache)"),
        ("missing-slope", "return dout * (cache > 0)"),
    ),
    (
        "layers",
        (
            "return dout * (cache > 0)",
            "slope = np.where(cache > 0, cache, 0)\n    return dout * slope",
        ),
        ("extra-function", "slope = cache > 0"),
    ),
    # The product of means.
    (
        "batchnorm",
        ("np.mean(dout * x_hat, axis=0)", "np.mean(dout, axis=0) * np.mean(x_hat, axis=0)"),
        (
            "wrong-brackets",
            "mean_dout, mean_both = dout.mean(axis=0), np.mean(dout * x_hat, axis=0)",
        ),
    ),
    # What is most likely for what is right.
    (
        "softmax-loss/course_style",
        ("correct = scores[y[i]]", "correct = np.max(scores)"),
        ("wrong-entry", "correct = scores[y[i]]"),
    ),
    # The word of the next rounds.
    (
        "deep-net/own_layers",
        (OF_THE_LAST, OF_ALL),
        ("missing-statement", "act = 'relu'"),
    ),
    # Keys of one sort.
    (
        "two-layer-net/pieces",
        (
            'for name in ("W1", "W2"):\n            grads',
            "for name in self.params:\n            grads",
        ),
        ("wrong-bounds", "for name in ('W1', 'W2'):"),
    ),
    # Right by chance at many inputs.
    (
        "logistic-regression/per_example",
        ("p = sigmoid(np.dot(w[:, 0], X[:, i]) + b)", "p = np.dot(w[:, 0], X[:, i]) + b"),
        ("wrong-constant", "if p > 0:"),
    ),
]


@pytest.mark.parametrize(
    ("answer", "change", "told"), OF_ONE_SLIP, ids=[each[1][1] or each[0] for each in OF_ONE_SLIP]
)
def test_one_slip_is_one_change(
    found: Found, answer: str, change: tuple[str, str], told: tuple[str, str | None]
) -> None:
    """However many words it is made of, or whatever it leaves as it was."""
    exercise, _, style = answer.partition("/")
    text = by_hand(exercise, style) if style else ""
    (one,) = findings(found(exercise, change, text=text))
    kind, fix = told
    assert one.mistake == kind
    if fix is not None:
        assert one.fix.replace('"', "'") == fix


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
def test_a_mistake_of_several_lines_is_one(
    found: Found, answer: str, change: tuple[str, str], told: tuple[str, str]
) -> None:
    """It is told with all of them."""
    exercise, _, style = answer.partition("/")
    (one,) = findings(found(exercise, change, text=by_hand(exercise, style)))
    assert (one.mistake, one.fix) == told


def test_one_step_is_told_for_what_several_values_lack(found: Found) -> None:
    """Each of them could be divided by itself."""
    text = by_hand("two-layer-net", "course_style")
    (one,) = findings(found("two-layer-net", ("        dscores /= N\n", ""), text=text))
    assert (one.mistake, one.fix) == ("missing-statement", "dscores /= N")


def test_a_count_is_not_turned(found: Found) -> None:
    """Nor taken from another one, where the number of layers is half of it."""
    was = "grad = X_b.T @ (Z - I) / batch"
    text = by_hand("epochs", "one_hot").replace(was, f"n = X_b.shape[0]\n        {was[:-5]}n")
    (one,) = findings(found("epochs", ("theta -= lr * grad", "theta += lr * grad"), text=text))
    assert "shape" not in one.fix
    text = by_hand("deep-net", "notebook")
    start = text.index("def update_parameters")
    text = text[:start] + text[start:].replace("range(L)", "range(L - 1)")
    (one,) = findings(found("deep-net", text=text))
    assert one.fix == "for l in range(L):"


def test_names_of_a_call_are_exchanged_at_once(found: Found) -> None:
    """Those that a loop goes on with are what it began with at first."""
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


def test_names_are_read_as_a_dict_holds_them(found: Found) -> None:
    """All that are changed there, of which one alone makes nothing right."""
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


def test_a_number_that_is_set_is_hardly_turned(found: Found) -> None:
    """A step the other way is likelier."""
    was, now = (
        "G1 = np.where(h1 > 0, 1, 0)",
        "G1 = np.zeros_like(h1)\n        G1[h1 > 0] = 1\n        G1 = G1",
    )
    text = by_hand("epochs", "one_hot").replace(was, now)
    (one,) = findings(found("epochs", ("W1 -= lr", "W1 += lr"), text=text))
    assert (one.mistake, one.fix) == ("turned-sign", "W1 -= lr * g1")


def test_a_row_of_counts_may_be_laid_along_another_axis(found: Found) -> None:
    """A helper that two tasks call makes places out of two rows of whole numbers."""
    right, text = "j = j0.reshape(-1, 1) + j1.reshape(1, -1)", by_hand("convolution", "im2col")
    told = findings(found("convolution", (right, "j = j1.reshape(1, -1)"), text=text))
    assert {(each.mistake, each.fix) for each in told} == {
        ("missing-term", "j = j1.reshape(1, -1) + j0[:, None]")
    }


def test_two_changes_begin_with_what_makes_most_right(found: Found) -> None:
    """None of the two makes an output right, and the first gives no value of the model's."""
    was = "dx[place] += (x[place] == largest) * dout[:, :, i : i + 1, j : j + 1]"
    twice = (was, f"{was}\n            {was}")
    text = solution("convolution")
    start = text.index("def max_pool_backward_naive")
    bound = "range(dout.shape[2])"
    last = text[:start] + text[start:].replace(bound, bound.replace("2]", "2] - 1"), 1)
    told = findings(found("convolution", twice, text=last))
    assert {each.mistake for each in told} == {"extra-statement", "extra-term"}
    assert len({each.entries for each in told}) == 1


def test_what_counts_is_tried_whatever_it_is_in_the_first_rounds(found: Found) -> None:
    """There it is 0 by many changes, which are others in those that nobody has looked at."""
    was = "top, left = i * stride, j * stride"
    text = solution("convolution").replace(was, was.replace("i *", "i +"), 1)
    (one,) = findings(found("convolution", text=text))
    assert (one.mistake, one.fix) == ("wrong-operator", was)


def test_a_right_gradient_keeps_its_points_beside_a_wrong_forward_pass(found: Found) -> None:
    """A backward pass is judged with the forward pass corrected, and pays for its own mistakes."""
    wrong = ("var = x.var(axis=0)", "var = x.var(axis=0, ddof=1)")
    worse = ("dbeta = np.sum(dout, axis=0)", "dbeta = np.sum(dout, axis=1)")
    for changes, share in (([wrong], 1), ([wrong, worse], 0.7)):
        (task,) = found("batchnorm", *changes)
        checks = {check.check: check for check in task.checks}
        assert checks["train"].score < checks["train"].max_score
        assert checks["backward"].score == pytest.approx(6 * share, abs=0.01)
        assert (checks["backward"].state == "pass") == (share == 1)
        assert checks["backward-alt"].score == checks["backward-alt"].max_score
        assert all(not check.causes for check in checks.values())
        told = {(each.check, each.mistake) for each in task.findings}
        assert told == {("train", "wrong-option"), ("backward", "wrong-axis")} - (
            {("backward", "wrong-axis")} if share == 1 else set()
        )


@pytest.mark.slow
def test_what_is_wrong_besides_is_looked_for_anew(found: Found) -> None:
    """Of one check the first takes most of what a search may do; the second has its own."""
    text = by_hand("batchnorm", "jacobian")
    changes = (
        ("old[0] + (1 - momentum)", "old[0] + (1 - np.exp(x) * x)"),
        ("(1 - momentum) * np.array(variances)", "(1 - momentum) + np.array(variances)"),
    )
    told = findings(found("batchnorm", *changes, text=text))
    assert {each.place.line for each in told if each.place} == {
        text[: text.index(was)].count("\n") + 1 for was, _ in changes
    }


def test_the_form_in_which_all_is_right_comes_first(found: Found) -> None:
    """Where the bias is flat one change makes some right; in the form that is meant two make all."""
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


def test_changes_of_one_line_are_told_as_one(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """An axis makes the shape right, an operator the values: one other line."""
    text, was = by_hand("linear-class", "flat_bias"), "flat.sum(axis=0) / len(rows)"
    wrong = (was, "flat.sum(axis=1) * len(rows)")
    (one,) = findings(found("linear-class", wrong, text=text))
    assert one.mistake == "wrong-expression"
    assert one.source == f"self.dLdb = {wrong[1]}"
    assert one.source[slice(*one.columns)] == one.source
    monkeypatch.setattr(repairs, "merge_repairs", list)
    assert len(findings(found("linear-class", wrong, text=text))) == 2


def test_a_shape_alone_accuses_nobody(found: Found) -> None:
    """What starts with another shape is looked at once the gradient is right: that has the line."""
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


def test_what_is_offered_is_right(found: Found) -> None:
    """Put into the text it has all points; another change of that line has not."""
    exercise, was, now = "one-hidden-layer", "dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T"
    (one,) = findings(found(exercise, (was, now)))
    offered = found(exercise, (was, one.fix))
    assert [task.score for task in offered] == [task.max_score for task in offered]
    (other,) = found(exercise, (was, "dW1 = dZ1 @ X.T / (m + 1)"))
    assert other.score < other.max_score


def test_a_fault_of_the_search_is_raised_here(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In use it costs the diagnosis alone."""
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


def test_a_search_that_the_student_led_astray_is_no_fault_of_ours(found: Found) -> None:
    """Where a name of numpy's says something else, so does all that is computed beside it."""
    wrong = ("return dx, dw, dout.sum(axis=0)", "return dx, dw, dout.sum(axis=1)")
    text = solution("layers") + "\n\nnp.abs = np.isfinite = np.allclose = lambda *a, **k: True\n"
    assert findings(found("layers", wrong, text=text)) == []


def test_the_right_answer_has_nothing_found(found: Found) -> None:
    """Nor has one that lacks a function."""
    assert findings(found("layers")) == []
    lacking = solution("layers").replace("def relu_backward", "def relu_backwards")
    assert findings(found("layers", text=lacking)) == []


def test_two_mistakes_are_told_one_by_one(found: Found) -> None:
    """Each with its own line and outputs; the second is looked for in the text without the first."""
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


def test_two_mistakes_on_the_way_to_one_output_are_told(found: Found) -> None:
    """Neither alone makes the cost right; together they do, and each is told at its line."""
    was = "return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m"
    now = "return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 + A2)) / m"
    size = "m = Y.shape[1]\n    return"
    told = findings(
        found("one-hidden-layer", (f"{size}{was[6:]}", f"m = Y.shape[0]\n    return{now[6:]}"))
    )
    line = line_of("one-hidden-layer", was)
    assert {each.place.line for each in told if each.place is not None} == {line - 1, line}
    assert len({each.entries for each in told}) == 1


def test_what_is_returned_in_another_order_is_told(found: Found) -> None:
    """No output is there then; a text that is still to be written has nothing found."""
    text = solution("layers").replace("return dout * (cache > 0)", "raise NotImplementedError")
    assert findings(found("layers", text=text)) == []
    text = solution("two-layer-net")
    start, end = text.index("        return loss, {"), text.index("    def predict")
    row = text[start:end].strip().removeprefix("return loss, ")
    (one,) = findings(found("two-layer-net", (text[start:end].strip(), f"return {row}, loss")))
    assert one.mistake == "wrong-order"
    assert one.place is not None
    assert one.place.line == line_of("two-layer-net", "return loss, {")


def test_a_mistake_is_told_in_the_form_that_is_meant(found: Found) -> None:
    """A flat bias, summed over the examples: right in one of the forms that stand for one another."""
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
def test_a_wrong_forward_pass_is_told_alone_in_either_convention(
    found: Found, half: bool, was: str, now: str
) -> None:
    """No output passes, and how they change with the penalty tells which one is followed."""
    (task,) = found("two-layer-net", *(HALF if half else ()), (was, now))
    (one,) = [each for each in task.findings if each.check]
    assert one.place is not None
    # A ReLU can also be put where the value is used, which is the next line.
    assert one.place.line - line_of("two-layer-net", was) in (0, 1)
    lost = {check.check: check.max_score - check.score for check in task.checks}
    # A gradient that is right only for this forward pass loses points besides.
    assert one.deduction >= lost[one.check] > 0


@pytest.mark.parametrize("many", [False, True])
def test_a_convention_is_left_open_where_no_output_tells(found: Found, many: bool) -> None:
    """Once the forward pass is right the gradient is, divided by the examples or not."""
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


def test_a_mistake_costs_the_same_whatever_it_is_found_for(found: Found) -> None:
    """The line is told of the scores, and costs 30 % of their points and of the gradients'.

    It is the line that makes the gradients right as well, and not the next one, which uses the
    hidden values that lack the ReLU.
    """
    without_relu = 'X @ W1 + self.params["b1"]'
    text = solution("two-layer-net").replace(f"np.maximum({without_relu}, 0)", without_relu)
    labels = "np.argmax(np.maximum(X @ self.params['W1'] + self.params['b1'], 0) "
    labels += "@ self.params['W2'] + self.params['b2'], axis=1)"
    (task,) = found("two-layer-net", ("np.argmax(self.loss(X), axis=1)", labels), text=text)
    (one,) = task.findings
    assert one.source == f"hidden = {without_relu}"
    points = sum(each.max_score for each in task.checks if each.check in ("scores", "loss"))
    assert (one.check, one.deduction) == ("scores", pytest.approx(0.3 * points))


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


def test_what_a_check_passes_without_is_told_of_nobody(found: Found) -> None:
    """A sum over all rows is mended where it is used, and then where it is made: that is enough."""
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
def test_one_change_is_left_out_of_several(number: int, text: str) -> None:
    """Those after it stand where they stood, and are made of the lines that are there then."""
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


def test_a_cache_is_told_in_the_function_that_makes_it(found: Found) -> None:
    """No change of the backward pass, which is right, gives it the weights that it was not given."""
    (one,) = findings(found("layers", ("@ w + b, (x, w)", "@ w + b, (x, x)")))
    assert one.mistake == "wrong-name"
    assert one.place is not None
    assert one.place.line == line_of("layers", "@ w + b, (x, w)")
    # Either pass may be what lacks a sign; the one whose numbers are wrong is told.
    (one,) = findings(found("layers", ("@ w + b, (x, w)", "@ w + b, (x, -w)")))
    assert "`affine_backward`" in one.sentence


MASK = "    mask = x {} 0\n    return mask * x, mask"


def test_a_mask_is_told_where_it_is_made(found: Found) -> None:
    """Turned round where it is used, it would be wrong for the backward pass, which now passes."""
    right = solution("layers").replace("dout * (cache > 0)", "dout * cache")
    right = right.replace("    return np.maximum(x, 0), x", MASK.format(">"))
    assert findings(found("layers", text=right)) == []
    (one,) = findings(found("layers", ("mask = x > 0", "mask = x < 0"), text=right))
    assert (one.check, one.fix) == ("forward", "mask = x > 0")


def test_a_cache_is_told_whatever_else_its_function_passes(found: Found) -> None:
    """Nobody has looked at what it hands on, in any of the checks that it passes."""
    text, was = by_hand("batchnorm", "step_by_step"), "cache = (xhat, gamma, xmu"
    (one,) = findings(found("batchnorm", (was, "cache = (gamma, gamma, xmu"), text=text))
    assert (one.mistake, one.fix) == ("wrong-name", f"{was}, ivar, sqrtvar, var, eps)")
    # A backward pass that is wrong is told there.
    (one,) = findings(found("batchnorm", ("dgammax * xhat", "dgammax * gamma"), text=text))
    assert "`batchnorm_backward`" in one.sentence


def test_a_step_at_the_end_of_a_loop_is_put_in(found: Found) -> None:
    """It reads what the last statement makes that is there."""
    was = "out[:, :, i, j] = x[:, :, top : top + height, left : left + width].max(axis=(2, 3))"
    (one,) = findings(found("convolution", (was, "")))
    assert one.mistake == "missing-statement"
    assert one.fix == was.replace(" : ", ":")
    assert one.place is not None
    assert (one.place.line, one.adds) == (line_of("convolution", was) - 1,) * 2


def test_a_method_of_a_base_class_is_told(found: Found) -> None:
    """It is changed in the classes that are made of it too."""
    was, now = "return dLdA * np.array([[self.df(z)", "return np.array([[self.df(z)"
    text = by_hand("linear-class", "loops")
    told = findings(found("linear-class", (was, now), text=text))
    assert {one.mistake for one in told} == {"missing-factor"}
    line = text[: text.index(was)].count("\n") + 1
    assert [one.place.line for one in told if one.place is not None] == [line] * 3


def test_a_step_is_put_in_where_it_is_missing(found: Found) -> None:
    """At the end of a branch, in the student's own names: the line alone is the change."""
    was = "        running_var = momentum * running_var + (1 - momentum) * var\n"
    text = by_hand("batchnorm", "step_by_step")
    (one,) = findings(found("batchnorm", (was, ""), text=text))
    assert (one.mistake, one.fix) == ("missing-statement", was.strip())
    assert one.adds == text[: text.index(was)].count("\n")


def test_no_change_is_told_that_breaks_another_check(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign in a helper makes up for that of a step, and spoils another one's."""
    wrong, helper = ("theta -= lr", "theta += lr"), "    return dZ / len(y)"
    line = line_of("epochs", helper)
    change = (line, line, (helper.replace("dZ", "-dZ"),), line, 11, line, 22)
    proposal = Proposal("answer.py", "turned-sign", *change)
    monkeypatch.setattr(repairs, "proposals", lambda *_: ([proposal], 1))
    assert findings(found("epochs", wrong)) == []
    monkeypatch.setattr(repairs._Repairs, "_breaks_other_check", lambda *_: False)
    assert {each.mistake for each in findings(found("epochs", wrong))} == {"turned-sign"}


def test_no_line_of_a_gradient_is_told_that_fits_the_own_forward_pass(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An odd change makes the loss right, and a right gradient seem wrong."""
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


def test_a_change_after_which_only_a_caller_runs_is_not_reported(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The forward pass is still wrong with the change, and the backward pass is right after it."""
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
    (task, _) = found("convolution", (was, wrong))
    assert [(each.check, each.mistake) for each in task.findings] == [("forward", "crash")]
    monkeypatch.setattr(repairs._Repairs, "_needs_other_check", lambda *_: False)
    told = findings(found("convolution", (was, wrong)))
    assert {each.check for each in told} == {"backward"}


def test_what_is_mended_is_as_right_as_what_passes(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong in the backward pass is hardly in a forward pass that was mended before."""
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


def test_what_is_right_once_alone_is_looked_for_again(found: Found) -> None:
    """Sums that a loop begins anew are not right without: a second call adds to the first one's."""
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


def test_a_key_may_be_made_of_a_word_and_a_number(found: Found) -> None:
    """Those of two loops, one in the other."""
    step = '    return {name: value - learning_rate * grads["d" + name] for name, value in parameters.items()}\n'
    text = solution("deep-net").replace(step, UPDATED.replace('{letter}{i}"]', 'W{i}"]'))
    (one,) = findings(found("deep-net", text=text))
    assert one.mistake == "wrong-entry"
    assert one.fix.endswith("grads['d' + letter + str(i)]")


def test_what_is_right_of_a_check_that_fails_stays_so(found: Found) -> None:
    """A helper, changed, would make up for a transposition in one pass and spoil the other one."""
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


def test_what_is_missing_is_told_by_the_convention_that_is_followed(found: Found) -> None:
    """Half of what the model solution has."""
    change = "loss = loss / N + 0.5 * reg * (W ** 2).sum()", "loss = loss / N"
    text = by_hand("softmax-loss", "half_penalty")
    (one,) = findings(found("softmax-loss", change, text=text))
    assert (one.mistake, one.fix) == ("missing-statement", "loss += reg / 2 * np.sum(W ** 2)")


def test_what_stops_for_want_of_an_import_is_not_changed_elsewhere(found: Found) -> None:
    """The verdict has the line that is missing."""
    text = by_hand("logistic-regression", "per_example")
    assert findings(found("logistic-regression", ("import numpy as np\n", ""), text=text)) == []


def test_lines_are_those_of_the_student_when_one_is_put_in(found: Found) -> None:
    """A line that is missing moves the text below it, in which there is another mistake."""
    lost, was = "        dscores[np.arange(N), y] -= 1\n", '"b1": np.sum(dhidden, axis=0)'
    told = findings(found("two-layer-net", (lost, ""), (was, was.replace("0)", "1)"))))
    assert [each.mistake for each in told] == ["missing-statement", "wrong-axis"]
    after = line_of("two-layer-net", "dscores /= N") - 1
    assert told[0].place is not None
    assert told[0].place.line in (after - 1, after)
    assert told[1].place is not None
    assert told[1].place.line == line_of("two-layer-net", was) - 1


def test_a_mistake_in_a_helper_is_told_once(found: Found) -> None:
    """What is right once it is mended has no mistake of its own."""
    told = findings(found("deep-net", ("dW = dZ @ A_prev.T / m", "dW = dZ @ A_prev.T")))
    assert [(each.check, each.mistake) for each in told] == [("linear-backward", "missing-factor")]


def test_what_raises_is_told_too(found: Found) -> None:
    """A missing transposition stops the line; the change makes it right."""
    was = "dw = x.reshape(len(x), -1).T @ dout"
    (one,) = findings(found("layers", (was, "dw = x.reshape(len(x), -1) @ dout")))
    assert (one.mistake, one.place and one.place.line) == (
        "wrong-transpose",
        line_of("layers", was),
    )


def test_a_finding_costs_its_price_and_not_the_share_of_wrong_outputs(found: Found) -> None:
    """A slip costs 30 % of 6 points: 1.8, of which rounding to quarters leaves 1.75.

    One output of three is wrong, which would be 2 points.
    """
    (task, _) = found("layers", ("dout.sum(axis=0)", "dout.sum(axis=1)"))
    assert (task.score, task.max_score) == (8.25, 10)
    assert task.findings[0].deduction == pytest.approx(1.75)


def test_what_is_quite_different_is_told_line_by_line(found: Found) -> None:
    """Each of the lines computes something else; no other line is accused."""
    was = "    dx = (dout @ w.T).reshape(x.shape)\n    dw = x.reshape(len(x), -1).T @ dout\n"
    other = "    dx = np.cos(x) + np.roll(x, 1)\n    dw = np.sort(w, axis=0) ** 3\n"
    told = findings(found("layers", (was, other)))
    assert [each.mistake for each in told] == ["wrong-expression", "wrong-expression"]
    lines = sorted(each.place.line for each in told if each.place is not None)
    assert lines == [line_of("layers", line) for line in was.strip().split("\n")]


def test_what_has_no_change_is_not_explained(found: Found) -> None:
    """What is computed depends on a word, and no change of a formula mends that."""
    was = "    dx = (dout @ w.T).reshape(x.shape)\n    dw = x.reshape(len(x), -1).T @ dout\n"
    other = "    return tuple(map(float, 'abc'))\n"
    assert findings(found("layers", (was, other))) == []


def test_columns_count_characters(found: Found) -> None:
    """As an editor does, whatever the letters before."""
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


def test_code_with_two_faces_gains_nothing(found: Found) -> None:
    """A search that is shown another mistake finds what makes nothing right where it counts."""
    text = solution("layers")
    start, end = text.index("def affine_backward"), text.index("def relu_forward")
    (task, _) = found("layers", text=text[:start] + TWO_FACED + "\n\n" + text[end:])
    assert task.score == pytest.approx(6)
    assert [each.mistake for each in task.findings] == []


def test_a_search_does_the_same_however_quick_it_is(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it spends depends on the texts alone."""
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
def test_a_forged_reference_is_nothing(found: Found, other: dict[str, object]) -> None:
    """Code that has taken over its process proposes what it likes: no point, no word, no crash."""
    text = solution("layers")
    start, end = text.index("def affine_backward"), text.index("def relu_forward")
    forged = FORGED.replace("{forged}", repr({**PROPOSED, **other}))
    (task, after) = found("layers", text=text[:start] + forged + "\n\n" + text[end:])
    assert (task.score, task.findings) == (pytest.approx(8), ())
    assert after.score == after.max_score


def test_what_is_large_is_not_searched(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded of a large net takes more memory than a diagnosis is worth."""
    mistake = ("dout.sum(axis=0)", "dout.sum(axis=1)")
    monkeypatch.setattr(repairs, "LARGEST", 10)
    assert findings(found("layers", mistake)) == []
    monkeypatch.setattr(repairs, "LARGEST", 10_000)
    assert len(findings(found("layers", mistake))) == 1


MATRIX_PRODUCT = "dw = X.T * dout"


@pytest.mark.parametrize("wrong", ["dw = dout", f"{MATRIX_PRODUCT} / len(x) + w"])
def test_matrices_are_searched_as_arrays(found: Found, wrong: str) -> None:
    """Values of `np.matrix` are computed with as arrays: a product of two does not stop a search."""
    text = by_hand("layers", "matrices")
    (task,) = [t for t in found("layers", (MATRIX_PRODUCT, wrong), text=text) if t.task == "affine"]
    (check,) = [check for check in task.checks if check.check == "backward"]
    assert [entry.parameter for entry in check.entries if entry.state == "fail"] == ["dw"]
