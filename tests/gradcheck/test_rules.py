"""Each rule of the checker is held by a problem that is judged otherwise without it.

A row is a rule, how it is left out, a problem, and the verdict with the rule and without it.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import random_nets

from gradkit.gradcheck import (
    check_gradient,
    directions,
    entries,
    error,
    examine,
    ladder,
    noise,
)

pytestmark = pytest.mark.usefixtures("quietly")

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 5))
W = RNG.normal(size=5)


def quiet(x):
    """A smooth function of five numbers."""
    return float(np.sum(np.sin(A @ x) ** 2))


RIGHT = 2 * A.T @ (np.sin(A @ W) * np.cos(A @ W))
OFF = RIGHT * np.array([1, 1, 1.001, 1, 1])


def hash_noise(x):
    """A smooth function with white noise on top."""
    return quiet(x) + 1e-9 * (zlib.crc32(x.tobytes()) / 2**32 - 0.5)


def wave(x):
    """A smooth function with a regular noise, which looks smooth on short steps."""
    return quiet(x) + 1e-10 * np.sin(1e9 * x.sum())


def slow_wave(x):
    """The same with a noise that is smooth at the length of the table too."""
    return quiet(x) + 1e-10 * np.sin(1e6 * x.sum())


def naive(z):
    """A loss that loses the precision of 1 - a: a staircase."""

    def f(t):
        a = 1 / (1 + np.exp(-(np.array([z, -1.0, 2.0]) + t)))
        return float(-np.sum(np.log(1 - a)))

    return f, np.array(0.0), float(np.sum(1 / (1 + np.exp(-np.array([z, -1.0, 2.0])))))


def hidden_stair(x):
    """One term whose slope is nowhere but in jumps far away."""
    a = 1 / (1 + np.exp(-np.array([34.2 + 0.01 * x[0], 15 + x[1]])))
    return float(-np.sum(np.log(1 - a)) + 0.5 * x[0])


def two_lines(x):
    """One line meets the stairs of a term, and the other one does not."""
    a = 1 / (1 + np.exp(-(32 + x[0] + 0.01 * x[1])))
    return float(-np.log(1 - a) + 0.5 * x[1])


UNITS = np.array([1e-8, 1.0, 1e8])
MINIMUM = np.linalg.lstsq(A[:, :3], W, rcond=None)[0]


def squares(p):
    """Least squares that do not fit."""
    return float(np.sum((A[:, :3] @ p - W) ** 2)) + 1e6


def off_by_one_percent(seed, number, name, index, biases=0.0):
    """A random net, without biases or with them, and its gradient with one entry 1 % too large."""
    net = random_nets.random_net(np.random.default_rng([seed, number, 0]), "plain")
    net.params |= {key: biases * value for key, value in net.params.items() if key[0] == "b"}
    claim = net.gradient(net.params)
    claim[name][index] *= 1.01
    return net, net.params, claim


def rough_at_a_bend():
    """A noisy net whose long steps bend alike: what they tell is refuted by shorter ones."""
    rng = np.random.default_rng([90210, 528, 2])
    net = random_nets.random_net(rng, "noise")
    net.params |= {key: 0 * value for key, value in net.params.items() if key.startswith("b")}
    return net, net.params, net.gradient(net.params)


def narrow_net(seed, number):
    """Draw a float32 net without biases, of data and parameters that float32 holds."""
    rng = np.random.default_rng([seed, number, 1])
    net = random_nets.random_net(rng, "float32")
    net.params |= {key: 0 * value for key, value in net.params.items() if key.startswith("b")}
    net.X, net.y = (array.astype(np.float32).astype(float) for array in (net.X, net.y))
    net.params = {k: v.astype(np.float32).astype(float) for k, v in net.params.items()}
    return net, rng


def without_a_derivative():
    """A gradient in which units that noise hides lack a factor."""
    net, rng = narrow_net(31415, 735)
    return net, net.params, dict(random_nets.structural(net, rng))["no derivative in layer 2"]


def between_kinks(number, factor=1):
    """A right gradient of a net with kinks nearer than noise lets a step be; or a wrong one."""
    net, _ = narrow_net(103, number)
    right = net.gradient(net.params)
    return net, net.params, {**right, "b3": factor * right["b3"]}


Rule = tuple[str, Any, str, Any, Callable[..., Any], Any, Any, str, str]
RULES: list[Rule] = [
    (
        "what noise hides of each it may not hide of all together",
        directions.Survey,
        "check_directions",
        lambda *moves, **options: SimpleNamespace(columns=SimpleNamespace(verdict=["agree"])),
        *without_a_derivative(),
        "inconclusive",
        "agree",
    ),
    (
        "an f that swings more than noise does has to jump before a claim is heard",
        examine,
        "_jumps",
        lambda at, slope, gap, far: True,
        *off_by_one_percent(708334, 249, "b2", (1, 0)),
        "disagree",
        "inconclusive",
    ),
    (
        "noise is measured",
        noise,
        "table_noise",
        lambda values, terms: 0.0,
        hash_noise,
        W,
        RIGHT,
        "agree",
        "inconclusive",
    ),
    (
        "a claim is given its rounding",
        entries,
        "claim_error",
        lambda *a: 0 * error.claim_error(*a),
        quiet,
        W,
        RIGHT.astype(np.float32),
        "agree",
        "disagree",
    ),
    (
        "f bends at a minimum",
        noise,
        "measure_reach",
        lambda evaluator, seen, line: seen,
        squares,
        MINIMUM,
        2 * A[:, :3].T @ (A[:, :3] @ MINIMUM - W),
        "agree",
        "inconclusive",
    ),
    (
        "small entries are asked on their own scale",
        entries,
        "TENTH",
        np.inf,
        lambda p: float(np.sum(np.sin(UNITS * (p - 1) + 0.3))),
        np.ones(3),
        UNITS * np.cos(0.3) * np.array([-1, 1, 1]),
        "disagree",
        "agree",
    ),
    (
        "both sides of a first step are compared",
        entries,
        "HUNDREDTH",
        np.inf,
        abs,
        0.0,
        0.0,
        "inconclusive",
        "agree",
    ),
    (
        "longer steps tell of noise",
        examine,
        "_agrees_further",
        lambda at, reading: (False, 0.0),
        *naive(25.0),
        "inconclusive",
        "disagree",
    ),
    (
        "the last stair is met by one step",
        examine,
        "_jumps",
        lambda at, slope, gap, far: False,
        *naive(36.0),
        "inconclusive",
        "disagree",
    ),
    (
        "all is done again with that noise",
        entries,
        "SMALL",
        0.0,
        slow_wave,
        W,
        RIGHT,
        "agree",
        "inconclusive",
    ),
    (
        "noise is measured again along the line",
        examine,
        "_measure_noise_nearby",
        lambda at, reading: 0.0,
        wave,
        W,
        OFF,
        "disagree",
        "inconclusive",
    ),
    (
        "a forward that loses precision hides terms",
        examine,
        "SMALL",
        0.0,
        hidden_stair,
        np.array([0.3, 0.2]),
        np.array([0.51, 1 / (1 + np.exp(-15.2))]),
        "inconclusive",
        "disagree",
    ),
    (
        "these are small beside f",
        examine,
        "SMALL",
        0.02,
        *off_by_one_percent(77881, 797, "W3", (1, 1), biases=1.0),
        "disagree",
        "inconclusive",
    ),
    (
        "what stairs hide on one line they may hide on another",
        entries.EntryCheck,
        "_reopen_below_kinks",
        lambda check: None,
        two_lines,
        np.array([0.3, 0.2]),
        np.array([1.0, 0.51]),
        "inconclusive",
        "disagree",
    ),
    (
        "what kinks hide on one line they may hide on another",
        entries.EntryCheck,
        "_reopen_below_kinks",
        lambda check: None,
        *between_kinks(30),
        "inconclusive",
        "disagree",
    ),
    (
        "but not what does more to f than they do",
        entries,
        "SPREAD",
        1e9,
        *between_kinks(30, factor=-1),
        "disagree",
        "inconclusive",
    ),
    (
        "an array of which nothing shows is left open",
        entries.EntryCheck,
        "_reopen_hidden",
        lambda check: None,
        lambda p: float(1e4 + np.sin(p["a"]) + 1e-15 * p["b"]),
        {"a": 0.5, "b": 1.0},
        {"a": np.cos(0.5), "b": 1e-10},
        "inconclusive",
        "agree",
    ),
    (
        "a slope that noise hides over the parameter itself is not read beyond it",
        entries,
        "examine",
        lambda at, row: at.claims.here.fill(0) or examine.examine(at, row),
        lambda p: float(1e16 * p[0] + np.sin(1e8 * p[1])),
        np.array([1.0, 7e-9]),
        np.array([1e16, 1e8 * np.cos(0.7)]),
        "inconclusive",
        "disagree",
    ),
    (
        "rounding on the way to a claim may be blown up",
        error,
        "MARGIN",
        0.0,
        lambda p: 0.0 * p.sum(),
        np.array([-4.8, 4.8]),
        np.array([0.0, -1.1e-13]),
        "agree",
        "disagree",
    ),
    (
        "shorter steps are heard, as where f bends",
        examine,
        "_agrees_nearby",
        lambda at, reading: False,
        *rough_at_a_bend(),
        "inconclusive",
        "disagree",
    ),
    (
        "short steps are heard where f moves in steps",
        examine,
        "_agrees_nearby",
        lambda at, reading: False,
        lambda p: float(np.round(p, 3).sum()),
        np.array([5.3, -7.1]),
        np.zeros(2),
        "inconclusive",
        "disagree",
    ),
]


@pytest.mark.parametrize(
    ("module", "name", "other", "f", "point", "claim", "with_it", "without"),
    [row[1:] for row in RULES],
    ids=[row[0] for row in RULES],
)
def test_each_rule_is_needed(
    module, name: str, other, f, point, claim, with_it: str, without: str, monkeypatch
) -> None:
    """The verdict with it, and the other one without."""
    with np.errstate(all="ignore"):
        assert check_gradient(f, point, claim).verdict == with_it
        monkeypatch.setattr(module, name, other)
        assert check_gradient(f, point, claim).verdict == without


def test_a_table_of_six_points_tells_noise_to_a_factor_of_three(monkeypatch) -> None:
    """Right slopes of noisy lines are known by that much less; without it some stay open."""

    def line(p):
        return float(p) + 1.5e-3 * (zlib.crc32(np.float64(p).tobytes()) / 2**31 - 1)

    def verdicts() -> set[str]:
        return {check_gradient(line, 1 + k / 50, 1.0).verdict for k in range(30)}

    assert verdicts() == {"agree"}
    monkeypatch.setattr(examine, "SPREAD", 1.0)
    assert verdicts() == {"agree", "inconclusive"}


def test_units_of_entries_are_needed_for_directions(monkeypatch) -> None:
    """An array with units from 1e-8 to 1e8."""
    units = 10.0 ** np.arange(-8, 9, 2)
    x = np.random.default_rng(0).uniform(0.5, 2, 9)

    def f(v):
        return float(np.sum(np.sin(v / units)))

    right = np.cos(x) / units
    wrong = right * np.where(units == 1e4, -1, 1)
    assert check_gradient(f, x * units, right, entries="directions").verdict == "agree"
    assert check_gradient(f, x * units, wrong, entries="directions").verdict == "disagree"
    monkeypatch.setattr(error, "entry_scales", lambda g, p, s: np.full(np.shape(p), s))
    assert check_gradient(f, x * units, wrong, entries="directions").verdict == "agree"


def readings(kind: str) -> list[tuple[ladder.Reading, float]]:
    """Read ladders of a noisy f beside a kink or a pole, each with the slope that is right."""
    rng = np.random.default_rng(0)
    steps, rough, found = 4.0 ** np.arange(-12.0, 1.0), 1e-9, []
    for _ in range(200):
        near, phase = 10.0 ** rng.uniform(-6, 0), rng.uniform(0, 7)
        pole = 1e-6 * near

        def values(t, near=near, phase=phase, pole=pole):
            noise = rough / 3 * rng.normal(size=len(t))
            if kind == "kink":
                return np.abs(t + near) + 0.3 * np.sin(t + phase) + noise
            return (t + pole) * np.log(np.abs(t + pole)) + noise

        base = float(values(np.zeros(1))[0])
        one = ladder.Ladder(base, values(steps), values(-steps), steps, steps, rough)
        slope = 1 + (0.3 * np.cos(phase) if kind == "kink" else np.log(pole))
        found.append((ladder.read_slope(one), float(slope)))
    return found


def test_truncation_is_a_series_of_the_changes_seen(monkeypatch) -> None:
    """Over steps that pass a pole, changes do not shrink; half of one is no bound."""

    def missed() -> float:
        return float(np.mean([abs(r.estimate - s) > r.bound for r, s in readings("pole")]))

    assert missed() <= 0.03
    monkeypatch.setattr(ladder, "bound_truncation", lambda change, noise: change / ladder.GROWS)
    assert missed() > 0.5


def test_no_slope_is_nearer_than_shorter_steps_were_seen_to_change(monkeypatch) -> None:
    """Beside a kink; without that rule a step beyond it is believed."""

    def lost() -> float:
        off = [abs(r.estimate - s) > r.bound or r.bound > 0.1 for r, s in readings("kink")]
        return float(np.mean(off))

    assert lost() <= 0.02
    free = SimpleNamespace(**vars(np))
    free.maximum = SimpleNamespace(accumulate=lambda seen: 0 * seen)
    monkeypatch.setattr(ladder, "np", free)
    assert lost() > 0.1
