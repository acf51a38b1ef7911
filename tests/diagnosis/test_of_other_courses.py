"""What students get wrong in exercises of other courses, told in their own names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from said import after_exceptions, same_code

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.grading import repairs
from gradkit.grading.session import Session, read_submission
from gradkit.grading.settings import Settings
from gradkit.records.result import Finding
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(36)

TASKS = """\
schema = "gradkit/assignment/v1"
id = "other"
title = "Folds, a penalty, a slope of a table, rounds, and what is between"

[[tasks]]
id = "folds"
title = "Folds"
kind = "functions"
solution = "other.py"
sizes = { n = [11, 13], k = [3, 4] }
inputs = { rest = 1 }
[[tasks.checks]]
name = "sizes"
points = 1
call = "s = sizes(n, k)"
compare = ["s"]
[[tasks.checks]]
name = "ends"
points = 1
call = "e = ends(n, k)"
compare = ["e"]

[[tasks]]
id = "penalty"
title = "A penalty"
kind = "functions"
solution = "other.py"
sizes = { N = [2, 3], D = [4, 5] }
inputs = { W1 = "normal(N, D)", W2 = "normal(D, 6)", W3 = "normal(6, 7)", rate = "uniform(0.1, 1)" }
checks = [{ name = "penalty", points = 1, call = "p = penalty(W1, W2, W3, rate)", compare = ["p"] }]

[[tasks]]
id = "table"
title = "The logarithm of a softmax"
kind = "functions"
solution = "other.py"
sizes = { N = [2, 3], D = [4, 5] }
inputs = { x = "normal(N, D)", g = "normal(N, D)" }
[[tasks.checks]]
name = "out"
points = 1
call = "table = Table(); y = table.forward(x)"
compare = ["y"]
[[tasks.checks]]
name = "slope"
points = 1
call = "dx = table.backward(g)"
compare = ["dx"]

[[tasks]]
id = "rounds"
title = "A mean of rounds"
kind = "functions"
solution = "other.py"
sizes = { N = [6, 7], D = [3, 4] }
inputs = { x = "normal(N, D)", y = "integers(D, N)" }
checks = [{ name = "rounds", points = 1, call = "m = rounds(x, y)", compare = ["m"] }]

[[tasks]]
id = "step"
title = "A step of Adam"
kind = "functions"
solution = "other.py"
sizes = { D = [3, 4], E = [5, 6] }
[tasks.inputs]
p = { x1 = "normal(D)", z1 = "normal(E)", x2 = "normal(E)", z2 = "normal(D)" }
g = { x1 = "normal(D)", z1 = "normal(E)", x2 = "normal(E)", z2 = "normal(D)" }
v = { x1 = "normal(D)", z1 = "normal(E)", x2 = "normal(E)", z2 = "normal(D)" }
s = { x1 = "positive(D)", z1 = "positive(E)", x2 = "positive(E)", z2 = "positive(D)" }
a = "uniform(0.7, 0.9)"
b = "uniform(0.91, 0.99)"
eps = "uniform(0.01, 0.1)"
t = 3
[[tasks.checks]]
name = "step"
points = 1
call = "q, v1, s1 = step(p, g, v, s, a, b, eps, t)"
compare = ["q['x1']", "q['z1']", "q['x2']", "q['z2']", "v1['x1']", "s1['x1']", "v1['z2']", "s1['z2']"]

[[tasks]]
id = "attention"
title = "The gradient of a softmax that is multiplied"
kind = "functions"
solution = "other.py"
sizes = { L = [3, 4], E = [5, 6], S = [7, 8], N = [2, 3] }
inputs = { Q = "normal(N, L, E)", K = "normal(N, S, E)", V = "normal(N, S, 9)", d = "normal(N, L, 9)" }
[[tasks.checks]]
name = "attention"
points = 1
call = "dQ, dK, dV = attention(Q, K, V, d)"
compare = ["dQ", "dK", "dV"]

[[tasks]]
id = "slopes"
title = "Differences"
kind = "functions"
solution = "other.py"
sizes = { D = [3, 4] }
inputs = { x = "normal(D)", h = "uniform(0.1, 0.3)" }
checks = [{ name = "slopes", points = 1, call = "d = slopes(x, h)", compare = ["d"] }]

[[tasks]]
id = "between"
title = "Zeros between"
kind = "functions"
solution = "other.py"
sizes = { N = [3, 4], k = [2, 5] }
inputs = { x = "normal(N)" }
checks = [{ name = "between", points = 1, call = "z = between(x, k)", compare = ["z"] }]

[[tasks]]
id = "inertia"
title = "Steps that go on"
kind = "functions"
solution = "other.py"
inputs = { p = { x = "normal(2, 3)", z = "normal(3)" }, g = { x = "normal(2, 3)", z = "normal(3)" }, h = { x = "normal(2, 3)", z = "normal(3)" }, a = "uniform(0.5, 0.8)" }
[[tasks.checks]]
name = "inertia"
points = 1
call = '''
mover = Inertia(a)
mover.step(p, g)
mover.step(p, h)
'''
compare = ["p['x']", "p['z']"]

[[tasks]]
id = "clipped"
title = "Gradients that are clipped"
kind = "functions"
solution = "other.py"
sizes = { D = [3, 4], E = [5, 6] }
inputs.g = { a = "normal(D)", b = "normal(E)", c = "normal(D, E)" }
inputs.top = "uniform(0.3, 0.6)"
[[tasks.checks]]
name = "clipped"
points = 1
call = "h = clipped(g, top)"
compare = ["h['a']", "h['b']", "h['c']"]
untouched = ["g"]

[[tasks]]
id = "gates"
title = "Gates"
kind = "functions"
solution = "other.py"
sizes = { N = [2, 3], D = [4, 5], E = [6, 7] }
inputs = { x = "normal(N, D)", U = "normal(D, E)", V = "normal(D, E)", W = "normal(D, E)" }
[[tasks.checks]]
name = "gates"
points = 1
call = "c, kept = gates(x, U, V, W)"
compare = ["c"]
[[tasks.checks]]
name = "back"
points = 1
call = "dx = back(kept)"
compare = ["dx"]

[[tasks]]
id = "past"
title = "Sums of what is past"
kind = "functions"
solution = "other.py"
sizes = { N = [4, 5], D = [6, 7] }
inputs = { x = "normal(N, D)", base = "uniform(2, 3)" }
[[tasks.checks]]
name = "weigh"
points = 1
call = "w = weigh(x)"
compare = ["w"]
[[tasks.checks]]
name = "past"
points = 1
call = "p = past(x)"
compare = ["p"]
[[tasks.checks]]
name = "angles"
points = 1
call = "a = angles(x, base)"
compare = ["a"]

[[tasks]]
id = "largest"
title = "The largest of two"
kind = "functions"
solution = "other.py"
sizes = { N = [2, 3], H = [4, 5], C = [6, 7] }
inputs = { x = "normal(N, H, C)" }
checks = [{ name = "largest", points = 1, call = "l = largest(x)", compare = ["l"] }]

[[tasks]]
id = "moved"
title = "A step with momentum"
kind = "functions"
solution = "other.py"
sizes = { D = [3, 4] }
inputs.w = "normal(D)"
inputs.g = "normal(D)"
inputs.config = { rate = "uniform(0.1, 0.5)", v = "normal(D)" }
[[tasks.checks]]
name = "moved"
points = 1
call = "n, c = moved(w, g, config)"
compare = ["n", "c['v']"]

[[tasks]]
id = "scaled"
title = "Rows of one size"
kind = "functions"
solution = "other.py"
sizes = { N = [3, 4], D = [5, 6] }
inputs = { x = "normal(N, D)", g = "normal(D)" }
checks = [{ name = "scaled", points = 1, call = "r = scaled(x, g)", compare = ["r"] }]

[[tasks]]
id = "windows"
title = "Sums of windows"
kind = "functions"
solution = "other.py"
sizes = { N = [6, 7], k = [2, 3] }
inputs.x = "normal(N)"
checks = [{ name = "windows", points = 1, call = "s = windows(x, k)", compare = ["s"] }]
"""

MODEL = """\
import numpy as np


def sizes(n, k):
    return np.array([n // k + (i < n % k) for i in range(k)])


def ends(n, k):
    return np.cumsum(sizes(n, k))


def penalty(W1, W2, W3, rate):
    return rate * sum(np.sum(np.square(W)) for W in (W1, W2, W3))


class Table:
    def forward(self, x):
        self.out = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        return self.out

    def backward(self, g):
        return g - np.exp(self.out) * g.sum(axis=1, keepdims=True)


def rounds(x, y):
    total = np.stack([x[y == j].sum(axis=0) for j in range(x.shape[1])])
    total[0] -= x.sum(axis=0)
    return total / len(x) + np.arange(x.shape[1])


def step(p, g, v, s, a, b, eps, t):
    v = {k: a * v[k] + (1 - a) * g[k] for k in v}
    s = {k: b * s[k] + (1 - b) * g[k] ** 2 for k in s}
    new = {}
    for k, value in p.items():
        mean, size = v[k] / (1 - a**t), s[k] / (1 - b**t)
        new[k] = value - 0.1 * mean / (np.sqrt(size) + eps)
    return new, v, s


def softmax(z):
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention(Q, K, V, d):
    A = softmax(np.einsum("nle,nse->nls", Q, K) / np.sqrt(Q.shape[-1]))
    dA = np.einsum("nld,nsd->nls", d, V)
    dZ = A * (dA - (dA * A).sum(axis=-1, keepdims=True)) / np.sqrt(Q.shape[-1])
    dV = np.einsum("nls,nld->nsd", A, d)
    return np.einsum("nls,nse->nle", dZ, K), np.einsum("nls,nle->nse", dZ, Q), dV


def total(x):
    return np.sum(np.sin(x) * np.arange(1, len(x) + 1)) + x[0] * x[-1]


def slopes(x, h):
    steps = h * np.eye(len(x))
    return np.array([(total(x + s) - total(x - s)) / (2 * h) for s in steps])


def between(x, k):
    z = np.zeros((1, (x.shape[0] - 1) * k + 1))
    z[0, ::k] = x
    return z[0]


class Inertia:
    def __init__(self, a):
        self.a, self.v = a, {}

    def step(self, p, g):
        for k in p:
            self.v[k] = self.a * self.v.get(k, 0) + g[k]
            p[k] = p[k] - 0.1 * self.v[k]


def clipped(g, top):
    return {key: np.clip(value, -top, top) for key, value in g.items()}


def gates(x, U, V, W):
    shares = (1 + np.tanh(x @ np.stack([U / 2, V, W / 2]))) / 2
    a, b, c = shares[0], 2 * shares[1] - 1, shares[2]
    return a * b + c, (a, b, c, U, V, W)


def back(kept):
    a, b, c, U, V, W = kept
    return np.concatenate([a, b, c], axis=1) @ np.concatenate([U, V, W], axis=1).T


def weigh(x):
    powers = np.exp(x @ x.T)
    return powers / powers.sum(axis=1, keepdims=True)


def past(x):
    powers = np.tril(np.exp(x @ x.T))
    return powers @ x / powers.sum(axis=1, keepdims=True)


def angles(x, base):
    return np.sin(np.arange(len(x))[:, None] / base ** (np.arange(x.shape[1]) / x.shape[1]))


def largest(x):
    return np.maximum(x[:, 1:], x[:, :-1])


def moved(w, g, config):
    step = 0.9 * config["v"] - config["rate"] * g
    return w + step, {**config, "v": step}


def scaled(x, g):
    return g * (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def windows(x, k):
    return np.array([x[n : n + k].sum() for n in range(len(x) - k + 1)])
"""

STUDENT = """\
import numpy as np


def sizes(n, k):
    made = np.full(k, n // k)
    made[:n % k] += 1
    return made


def ends(n, k):
    found = []
    so_far = 0
    for one in sizes(n, k):
        so_far += one
        found.append(so_far)
    return np.array(found)


def penalty(W1, W2, W3, rate):
    return (np.sum(np.square(W1)) + np.sum(np.square(W2)) + np.sum(np.square(W3))) * rate


class Table:
    def forward(self, x):
        e = np.exp(x)
        self.p = e / e.sum(axis=1, keepdims=True)
        return np.log(self.p)

    def backward(self, g):
        share = self.p
        whole = np.sum(g, axis=1, keepdims=True)
        return g - share * whole


def rounds(x, y):
    m = np.zeros((x.shape[1], x.shape[1]))
    times = np.zeros(x.shape[1])
    for i in range(len(x)):
        label = y[i]
        times[label] += 1
        m[label] += x[i]
        m[0] -= x[i]
    m /= len(x)
    m += np.arange(x.shape[1])
    return m


def step(p, g, v, s, a, b, eps, t):
    mean = {}
    size = {}
    for l in range(1, len(p) // 2 + 1):
        v["x" + str(l)] = a * v["x" + str(l)] + (1 - a) * g["x" + str(l)]
        v["z" + str(l)] = a * v["z" + str(l)] + (1 - a) * g["z" + str(l)]
        mean["x" + str(l)] = v["x" + str(l)] / (1 - np.power(a, t))
        mean["z" + str(l)] = v["z" + str(l)] / (1 - np.power(a, t))
        s["x" + str(l)] = b * s["x" + str(l)] + (1 - b) * np.power(g["x" + str(l)], 2)
        s["z" + str(l)] = b * s["z" + str(l)] + (1 - b) * np.power(g["z" + str(l)], 2)
        size["x" + str(l)] = s["x" + str(l)] / (1 - np.power(b, t))
        size["z" + str(l)] = s["z" + str(l)] / (1 - np.power(b, t))
        p["x" + str(l)] -= 0.1 * mean["x" + str(l)] / (np.sqrt(size["x" + str(l)]) + eps)
        p["z" + str(l)] -= 0.1 * mean["z" + str(l)] / (np.sqrt(size["z" + str(l)]) + eps)
    return p, v, s


def attention(Q, K, V, d):
    scores = Q @ np.swapaxes(K, -1, -2)
    e = np.exp(scores / np.sqrt(Q.shape[-1]))
    share = e / np.sum(e, axis=-1, keepdims=True)
    d_share = d @ np.swapaxes(V, -1, -2)
    inner = np.sum(d_share * share, axis=-1, keepdims=True)
    d_scaled = share * (d_share - inner)
    d_scores = d_scaled / np.sqrt(Q.shape[-1])
    d_Q = d_scores @ K
    d_K = np.swapaxes(d_scores, -1, -2) @ Q
    d_V = np.swapaxes(share, -1, -2) @ d
    return d_Q, d_K, d_V


def total(x):
    return np.sum(np.sin(x) * np.arange(1, len(x) + 1)) + x[0] * x[-1]


def slopes(x, h):
    d = np.zeros(len(x))
    for i in range(len(x)):
        old = x[i]
        x[i] += h
        up = total(x)
        x[i] = old - h
        down = total(x)
        x[i] = old
        d[i] = (up - down) / (2 * h)
    return d


def between(x, k):
    size = (x.shape[0] - 1) * k + 1
    z = np.zeros(size)
    for i in range(len(x)):
        z[i * k] = x[i]
    return z


class Mover:
    def __init__(self):
        self.count = 0

    def step(self, p, g):
        for name in g:
            self.move(name, p, g[name])

    def kept(self, store, name, like):
        if name not in store:
            store[name] = np.zeros_like(like)
        return store[name]


class Inertia(Mover):
    def __init__(self, a):
        super().__init__()
        self.a = a
        self.velocity = {}

    def step(self, p, g):
        self.count += 1
        super().step(p, g)

    def move(self, name, p, slope):
        v = self.a * self.kept(self.velocity, name, slope) + slope
        self.velocity[name] = v
        p[name] -= 0.1 * v


def clipped(g, top):
    g = {key: value.copy() for key, value in g.items()}
    for key in ("a", "b", "c"):
        np.clip(g[key], -top, top, out=g[key])
    return g


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def gates(x, U, V, W):
    take = sigmoid(x @ U)
    new = np.tanh(x @ V)
    give = sigmoid(x @ W)
    mixed = take * new + give
    return mixed, (take, new, give, U, V, W)


def back(kept):
    take, new, give, U, V, W = kept
    return np.dot(take, U.T) + np.dot(new, V.T) + np.dot(give, W.T)


def weigh(x, mask=None):
    scores = np.dot(x, x.T)
    if mask is not None:
        scores = scores + (1 - mask) * -1e9
    e = np.exp(scores)
    return e / np.sum(e, axis=1, keepdims=True)


def past(x):
    mask = np.tril(np.ones((x.shape[0], x.shape[0])))
    return np.dot(weigh(x, mask), x)


def angles(x, base):
    N, D = x.shape
    a = np.zeros((N, D))
    for n in range(N):
        for d in range(D):
            a[n, d] = np.sin(n / base ** (d / D))
    return a


def largest(x):
    N, H, C = x.shape
    out = np.zeros((N, H - 1, C))
    for n in range(N):
        for h in range(H - 1):
            for c in range(C):
                pair = x[n, h:h + 2, c]
                out[n, h, c] = np.max(pair)
    return out


def moved(w, g, config):
    v = 0.9 * config["v"] - config["rate"] * g
    w = w + v
    config["v"] = v
    return w, config


def scaled(x, g):
    x = x.T
    mean = np.mean(x, axis=0)
    size = np.std(x, axis=0)
    rows = (x - mean) / size
    rows = rows.T
    return g * rows


def pieces(x, k):
    for i in range(len(x) - k + 1):
        yield i, x[i:i + k]


def windows(x, k):
    s = np.zeros(len(x) - k + 1)
    for i, piece in pieces(x, k):
        s[i] = np.sum(piece)
    return s
"""

Told = Callable[..., list[Finding]]


@pytest.fixture(scope="module")
def told(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """``told(was, now)``: what is told of a changed right answer."""
    folder = tmp_path_factory.mktemp("other")
    assignment, model, path = (folder / name for name in ("assignment.toml", "other.py", "hw.py"))
    assignment.write_text(TASKS, "utf-8")
    model.write_text(MODEL, "utf-8")
    session = Session(Settings(assignment=assignment, reference=folder, seed=3), workshop)

    def grade(*texts: str) -> list[Finding]:
        text = STUDENT
        for was, now in zip(texts[::2], texts[1::2], strict=True):
            assert text.count(was) == 1
            text = text.replace(was, now)
        path.write_text(text, "utf-8")
        tasks = session.grade(read_submission(path)).result.tasks
        return [one for task in tasks for one in task.findings]

    return grade


def test_a_right_answer_has_nothing_told(told: Told) -> None:
    """In another style than the model solution."""
    assert told() == []


SLIPS: list[tuple[str, ...]] = [
    # What a comprehension counts with is no name that has to be there.
    ("    made[:n % k] += 1\n", "", "made = np.array([n // k + (i < n % k) for i in range(k)])"),
    # What is written for two names is missing for a third.
    (" + np.sum(np.square(W3))", ""),
    ("np.sum(np.square(W2))", "np.square(np.sum(W2))"),
    # Two lines that are one in the model solution, of which a part has a name.
    ("return g - share * whole", "return g * (1 - share)"),
    ("    m /= len(x)\n", "", "m /= x.shape[0]"),
    ("m[label] += x[i]", "m += x[i]"),
    ("x[i] += h", "x += h"),
    ("        x[i] = old\n", ""),
    # A size within a call.
    ("(x.shape[0] - 1) * k + 1", "x.shape[0] * k", "z = np.zeros((x.shape[0] - 1) * k + 1)"),
    # A method that an inherited one calls.
    ("p[name] -= 0.1 * v", "p[name] -= 0.2 * v"),
    # What an object keeps from step to step, which is 0 in the first one.
    ("        self.velocity[name] = v\n", ""),
    ("p[name] -= 0.1 * v", "p[name] -= 0.1 * slope"),
    # A dict of arrays that are changed in place, a row that a loop goes over, what is not kept.
    ("    g = {key: value.copy() for key, value in g.items()}\n", ""),
    ('("a", "b", "c")', '("a", "b")'),
    ("top, out=g[key])", "top)", "g[key] = np.clip(g[key], -top, top)"),
    # What has the model solution's value is right where what comes next has not.
    ("mixed = take * new", "mixed = new", "mixed = new * take + give"),
    # A term like the others, with two other names.
    (" + np.dot(give, W.T)", ""),
    ("weigh(x, mask)", "weigh(x)"),
    ("base ** (d / D)", "base ** d / D"),
    ("h:h + 2, c]", "h:h + 2]"),
    # An entry that is there, as it was before.
    ('    config["v"] = v\n', ""),
    # What a generator gives.
    ("yield i, x[i:i + k]", "yield i, x[:k]"),
    # What is turned back at the end.
    ("    x = x.T\n", ""),
]
"""A piece of the answer, what stands in its place, and the line that is offered if it is another one."""


@pytest.mark.parametrize("slip", SLIPS, ids=[slip[0] for slip in SLIPS])
def test_a_slip_is_told_with_its_repair(told: Told, slip: tuple[str, ...]) -> None:
    """The line is the answer's own, or the one that the model solution has."""
    was, now, *fix = slip
    (one,) = after_exceptions(told(was, now))
    start = STUDENT.index(was) + len(was) - len(was.lstrip())
    (line,) = fix or [STUDENT[:start].rpartition("\n")[2] + STUDENT[start:].partition("\n")[0]]
    assert same_code(one.fix, line.strip())


def test_a_function_of_numpy_may_stand_for_one_of_their_own(told: Told) -> None:
    """It is another function, not another expression."""
    (one,) = told("np.tanh(x @ V)", "sigmoid(x @ V)")
    assert (one.mistake, one.fix) == ("wrong-function", "new = np.tanh(x @ V)")


def test_what_a_wrong_helper_spoils_is_not_searched(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What would mend its caller is no mistake of that."""
    searched = []

    def nothing(*asked: Any) -> tuple[list[Proposal], int]:
        searched.append(asked[1].check.name)
        return [], 0

    monkeypatch.setattr(repairs, "proposals", nothing)
    assert [one.mistake for one in told("made[:n % k] += 1", "made[:n % k] += 2")] == []
    assert {*searched} == {"sizes"}


def test_each_first_one_of_two_changes_has_its_turn(told: Told) -> None:
    """None takes all the time that is left, and what is larger leaves them some."""
    first = ("mean['x' + str(l)] = v['x' + str(l)] / (1 - ", "np.power(a, t))", "a)")
    second = ("(np.sqrt(size['x' + str(l)]) + eps)", "np.sqrt(size['x' + str(l)] + eps)")
    was, now = (f"{first[0]}{end}".replace("'", '"') for end in first[1:])
    found = told(was, now, *(each.replace("'", '"') for each in second))
    lines = {one.fix.replace('"', "'") for one in found}
    step = f"p['x' + str(l)] -= 0.1 * mean['x' + str(l)] / {second[0]}"
    assert lines == {f"{first[0]}a ** t)", step}
    inner = "inner = np.sum(d_share * share, axis=-1, keepdims=True)"
    order = "return d_Q, d_K, d_V"
    found = told(inner, inner.replace(" * share", ""), order, "return d_K, d_Q, d_V")
    assert {one.fix.replace("(d_Q, d_K, d_V)", "d_Q, d_K, d_V") for one in found} == {inner, order}
