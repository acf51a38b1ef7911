"""An exercise that is not shipped, written as docs/own-exercise.md says: a step of a GRU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from gradkit.authoring.audit import audit_file
from gradkit.authoring.new.write import write_new
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import TaskResult

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(12)]


@dataclass(frozen=True)
class Own:
    """An exercise: its assignment file, its model solution, another right answer, wrong ones.

    Each of ``wrong`` is a change of the model solution, the check that must fail, and outputs that
    must be named.
    """

    toml: str
    model: str
    other: str
    wrong: tuple[tuple[str, str, str, str], ...]


GRU = Own(
    toml="""\
schema = "gradkit/assignment/v1"
id = "gru"
title = "A step of a GRU"

[[tasks]]
id = "gru-step"
title = "A step of a GRU"
kind = "functions"
solution = "gru.py"
sizes = { N = [2, 3, 5], D = [4, 6], H = [7, 8], G = "3 * H" }
inputs.x = "normal(N, D)"
inputs.h = "normal(N, H)"
inputs.Wx = "normal(D, G)"
inputs.Wh = "normal(H, G)"
inputs.b = "normal(G)"
inputs.dnext = "normal(N, H)"

[[tasks.checks]]
name = "forward"
points = 4
call = "next_h, cache = gru_step_forward(x, h, Wx, Wh, b)"
compare = ["next_h"]
untouched = ["x", "h", "Wx", "Wh", "b"]

[[tasks.checks]]
name = "backward"
points = 8
call = "dx, dh, dWx, dWh, db = gru_step_backward(dnext, cache)"
compare = ["dx", "dh", "dWx", "dWh", "db"]
gradient = { of = "sum(next_h * dnext)", dx = "x", dh = "h", dWx = "Wx", dWh = "Wh", db = "b" }
untouched = ["x", "h", "Wx", "Wh", "dnext"]
""",
    model='''\
"""A step of a gated recurrent unit."""

import numpy as np


def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


def gru_step_forward(x, h, Wx, Wh, b):
    """Return the next hidden state, (N, H), and a cache.

    The columns of Wx, (D, 3H), Wh, (H, 3H), and b, (3H,), are those of the update gate, of the
    reset gate, and of the candidate.
    """
    n = h.shape[1]
    ax, ah = x @ Wx + b, h @ Wh[:, : 2 * n]
    z = sigmoid(ax[:, :n] + ah[:, :n])
    r = sigmoid(ax[:, n : 2 * n] + ah[:, n:])
    g = np.tanh(ax[:, 2 * n :] + (r * h) @ Wh[:, 2 * n :])
    return z * h + (1 - z) * g, (x, h, Wx, Wh, z, r, g)


def gru_step_backward(dnext, cache):
    """Return the gradients of x, h, Wx, Wh and b."""
    x, h, Wx, Wh, z, r, g = cache
    n = h.shape[1]
    dag = dnext * (1 - z) * (1 - g**2)
    drh = dag @ Wh[:, 2 * n :].T
    daz = dnext * (h - g) * z * (1 - z)
    dar = drh * h * r * (1 - r)
    gates = np.hstack([daz, dar])
    da = np.hstack([gates, dag])
    dWh = np.hstack([h.T @ gates, (r * h).T @ dag])
    dh = dnext * z + drh * r + gates @ Wh[:, : 2 * n].T
    return da @ Wx.T, dh, x.T @ da, dWh, da.sum(axis=0)
''',
    other="""\
import numpy as np

def gru_step_forward(x, h, Wx, Wh, b):
    H = h.shape[1]
    out = np.zeros(h.shape)
    caches = []
    for i in range(len(x)):
        gates = []
        for k in range(2):
            part = slice(k * H, (k + 1) * H)
            a = x[i] @ Wx[:, part] + h[i] @ Wh[:, part] + b[part]
            gates.append(0.5 * (1 + np.tanh(a / 2)))
        z, r = gates
        g = np.tanh(x[i] @ Wx[:, 2*H:] + (r * h[i]) @ Wh[:, 2*H:] + b[2*H:])
        out[i] = g + z * (h[i] - g)
        caches.append((z, r, g))
    return out, {'x': x, 'h': h, 'Wx': Wx, 'Wh': Wh, 'caches': caches}

def gru_step_backward(dnext, cache):
    x, h, Wx, Wh = (cache[k] for k in ('x', 'h', 'Wx', 'Wh'))
    H = h.shape[1]
    dx, dh = np.zeros_like(x), np.zeros_like(h)
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(3 * H)
    for i, (z, r, g) in enumerate(cache['caches']):
        d = dnext[i]
        dg = d * (1 - z) * (1 - g * g)
        dz = d * (h[i] - g) * z * (1 - z)
        back = Wh[:, 2*H:] @ dg
        dr = back * h[i] * r * (1 - r)
        a = np.concatenate([dz, dr, dg])
        dx[i] = Wx @ a
        dh[i] = d * z + back * r + Wh[:, :H] @ dz + Wh[:, H:2*H] @ dr
        dWx += np.outer(x[i], a)
        dWh[:, :2*H] += np.outer(h[i], a[:2*H])
        dWh[:, 2*H:] += np.outer(r * h[i], dg)
        db += a
    return dx, dh, dWx, dWh, db
""",
    wrong=(
        ("z * h + (1 - z) * g", "(1 - z) * h + z * g", "forward", "next_h"),
        (" * (1 - g**2)", "", "backward", "dx dh dWx dWh db"),
        ("da.sum(axis=0)", "da.sum()", "backward", "db"),
        ("drh * r +", "drh +", "backward", "dh"),
        ("h.T @ gates", "x.sum() * h.T @ gates", "backward", "dWh"),
        ("dnext * z +", "", "backward", "dh"),
        ("    return da @", "    dnext *= 2\n    return da @", "backward", "dnext left alone"),
    ),
)


EXERCISES = {"gru": GRU}
WRONG = [(name, *wrong) for name, own in EXERCISES.items() for wrong in own.wrong]


def marked(folder: Path, own: Own, answer: str, seeds: range = range(2)) -> list[TaskResult]:
    """The marks of an answer, in the folder of an exercise, with its model solution."""
    name = f"{own.toml.partition('solution = ')[2].split('.py')[0].strip(chr(34))}.py"
    (folder / "assignment.toml").write_text(own.toml, encoding="utf-8")
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / name).write_text(own.model, encoding="utf-8")
    (folder / name).write_text(answer, encoding="utf-8")
    results = []
    for seed in seeds:
        settings = Settings(
            assignment=folder / "assignment.toml", reference=folder / "reference", seed=seed
        )
        with Session(settings) as session:
            results += session.check(folder / name).tasks
    return results


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.parametrize("name", EXERCISES)
def test_forty_lines_are_enough(name: str, tmp_path: Path) -> None:
    """Of TOML; no change of the model solution slips through what they ask."""
    own = EXERCISES[name]
    assert len(own.toml.splitlines()) <= 40
    marked(tmp_path, own, own.model)
    found = audit_file(tmp_path / "assignment.toml", tmp_path / "reference")
    assert found.clean, found.tasks
    assert found.tasks[0].tried > 40


@pytest.mark.parametrize("name", EXERCISES)
def test_right_answers_have_full_marks(name: str, tmp_path: Path) -> None:
    """The model solution, and an answer with loops or other formulas and another cache."""
    own = EXERCISES[name]
    for answer in (own.model, own.other):
        for task in marked(tmp_path, own, answer, range(5)):
            assert [check.state for check in task.checks] == ["pass", "pass"], task.checks
            assert sum(check.score for check in task.checks) == 12


@pytest.mark.parametrize(("name", "right", "wrong", "check", "outputs"), WRONG)
def test_wrong_answers_fail_where_they_are_wrong(
    name: str, right: str, wrong: str, check: str, outputs: str, tmp_path: Path
) -> None:
    """The check of that pass fails and names each output; the forward pass has full marks else."""
    own = EXERCISES[name]
    assert own.model.count(right) == 1
    for task in marked(tmp_path, own, own.model.replace(right, wrong)):
        for found in task.checks:
            if found.check != check:
                assert check == "forward" or (found.state, found.score) == ("pass", found.max_score)
                continue
            assert found.state == "fail"
            assert found.score < found.max_score
            named = [entry.parameter for entry in found.entries if entry.state != "pass"]
            if outputs.endswith(" left alone"):
                assert named[-1] == outputs
            else:
                assert named == outputs.split()
            assert all(f"`{each.partition(' ')[0]}`" in found.message for each in named)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_starter_is_to_be_written(name: str, tmp_path: Path) -> None:
    """What `gradkit new` writes has no points, and says what is missing."""
    own = EXERCISES[name]
    marked(tmp_path, own, own.model, range(0))
    toml, reference = tmp_path / "assignment.toml", tmp_path / "reference"
    write_new(tmp_path / "hw", exercise=toml, reference=reference, install="gradkit")
    with Session(Settings(assignment=toml, reference=reference)) as session:
        (task,) = session.check(tmp_path / "hw").tasks
    assert [check.state for check in task.checks] == ["missing", "missing"]
    assert all("is not written yet" in check.message for check in task.checks)
