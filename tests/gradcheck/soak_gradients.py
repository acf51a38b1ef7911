"""Soaks on fresh random nets: no false alarm, no miss, honest bounds, few evaluations.

Every run draws a new seed, which the assertion messages print; ``GRADKIT_SEED`` repeats one.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
import random_nets
from large_net import large_net

from gradkit.gradcheck import check_gradient
from gradkit.gradcheck.records import Report

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("GRADKIT_SEED", "0")) or int(np.random.SeedSequence().entropy % 10**9)
PRECISE = tuple(f for f in random_nets.FAMILIES if f not in ("float32", "noise"))
ROUGH = ("float32", "noise")


@dataclass
class Tally:
    """What a soak saw."""

    verdicts: Counter = field(default_factory=Counter)
    entries: int = 0
    uncovered: int = 0
    beyond: list[str] = field(default_factory=list)
    unreasoned: list[str] = field(default_factory=list)

    def add(self, kind: str, where: str, report: Report, truth: random_nets.Params) -> None:
        """Count a report, and hold its bounds against the truth."""
        self.verdicts[kind, report.verdict] += 1
        for entry in report.entries:
            right = float(truth[entry.parameter][entry.index])
            if np.isfinite(entry.bound):
                self.entries += 1
                error = abs(entry.estimate - right)
                self.uncovered += error > entry.bound + 1e-15 * abs(right)
            size = max(abs(entry.claimed), abs(entry.estimate))
            if entry.verdict == "agree":
                if abs(entry.claimed - right) > 2 * entry.resolution * size:
                    self.beyond.append(f"{where}: {entry}")
            elif entry.verdict == "inconclusive" and not entry.reason:
                self.unreasoned.append(f"{where}: {entry}")

    def share(self, kind: str, verdict: str) -> float:
        """Return the share of a verdict among the reports of one kind."""
        total = sum(count for (k, _), count in self.verdicts.items() if k == kind)
        return self.verdicts[kind, verdict] / max(total, 1)


def nets(family: str, count: int):
    """Draw nets of a family, each with a name that repeats it."""
    number = random_nets.FAMILIES.index(family)
    for k in range(count):
        rng = np.random.default_rng([SEED, k, number])
        net = random_nets.random_net(rng, family)
        yield f"GRADKIT_SEED={SEED} [{k}, {number}] {net.label}", net, rng


def check(net: random_nets.Net, claim: random_nets.Params) -> Report:
    """Check a claim with floating-point warnings of the net's own arithmetic silenced."""
    with np.errstate(all="ignore"):
        return check_gradient(net, net.params, claim)


@pytest.fixture(scope="module")
def tally() -> Tally:
    """Check 1,080 correct gradients, and the wrong ones of a sixth of these nets."""
    seen = Tally()
    for family in random_nets.FAMILIES:
        for k, (where, net, rng) in enumerate(nets(family, 120)):
            with np.errstate(all="ignore"):
                good = net.gradient(net.params)
                truth = net.gradient(net.params, np.longdouble)
            report = check(net, good)
            kind = "rough" if family in ROUGH else "precise"
            seen.add(f"{kind} correct", where, report, truth)
            if report.verdict == "disagree":
                seen.beyond.append(f"false alarm: {where}\n{report}")
            if k >= 20:
                continue
            with np.errstate(all="ignore"):
                wrong = list(random_nets.structural(net, rng))
            for label, claim in wrong:
                if random_nets.matters(truth, claim, 1e-2):
                    report = check(net, claim)
                    seen.add(f"{kind} structural", f"{where} {label}", report, truth)
                    if report.verdict == "agree":
                        seen.beyond.append(f"missed {label}: {where}\n{report}")
        if family in PRECISE:
            _single(family, seen)
    return seen


def _single(family: str, seen: Tally) -> None:
    """Plant errors in single entries of precise nets."""
    for where, net, rng in nets(family, 50):
        with np.errstate(all="ignore"):
            truth = net.gradient(net.params, np.longdouble)
            planted = [(size, random_nets.single(net, rng, size)) for size in (1e-3, 1e-5, 1e-7)]
        for size, made in planted:
            if made is None:
                continue
            report = check(net, made[1])
            seen.add(f"single {size:g}", f"{where} {made[0]}", report, truth)
            if report.verdict == "agree" and size > 1e-6:
                seen.beyond.append(f"missed {made[0]}: {where}\n{report}")


def test_no_correct_gradient_is_called_wrong_and_no_structural_error_right(tally: Tally) -> None:
    """Not on one of a thousand nets; nor does an accepted error exceed twice the resolution."""
    assert not tally.beyond, "\n\n".join(tally.beyond[:5])
    correct = tally.verdicts["precise correct", "agree"] + tally.verdicts["rough correct", "agree"]
    assert correct > 800, f"GRADKIT_SEED={SEED}: {tally.verdicts}"


def test_single_entries_off_by_a_ten_millionth_are_seen(tally: Tally) -> None:
    """At most one in a hundred is not."""
    assert tally.share("single 1e-07", "agree") <= 0.01, f"GRADKIT_SEED={SEED}: {tally.verdicts}"


def test_few_checks_are_inconclusive_and_each_says_why(tally: Tally) -> None:
    """One in forty with a precise forward, a third with float32 or noise."""
    precise = sum(
        count
        for (kind, verdict), count in tally.verdicts.items()
        if verdict == "inconclusive" and not kind.startswith("rough")
    )
    total = sum(n for (kind, _), n in tally.verdicts.items() if not kind.startswith("rough"))
    assert precise <= 0.025 * total, f"GRADKIT_SEED={SEED}: {tally.verdicts}"
    assert tally.share("precise correct", "inconclusive") <= 0.025, f"GRADKIT_SEED={SEED}"
    assert tally.share("rough correct", "inconclusive") <= 0.35, f"GRADKIT_SEED={SEED}"
    assert not tally.unreasoned, tally.unreasoned[:5]


def test_bounds_cover_the_error(tally: Tally) -> None:
    """On at least 99.8 % of entries."""
    assert tally.entries > 100_000
    assert tally.uncovered <= 0.002 * tally.entries, (
        f"GRADKIT_SEED={SEED}: {tally.uncovered} of {tally.entries}"
    )


def test_well_behaved_gradients_cost_three_and_a_half_evaluations_each() -> None:
    """Over plain nets, the preflight included."""
    calls = entries = 0
    for _, net, _ in nets("plain", 60):
        if net.activation in random_nets.SMOOTH and net.loss in ("mse", "bce", "softmax"):
            report = check(net, net.gradient(net.params))
            calls += report.evaluations
            entries += len(report.entries)
    assert calls <= 3.5 * entries, f"GRADKIT_SEED={SEED}: {calls} for {entries}"


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_all_parameters_of_a_large_net_are_checked_by_directions(activation: str) -> None:
    """784-128-10 in 24 evaluations; a wrong entry is named in 150."""
    for k in range(3):
        f, gradient, params = large_net((784, 128, 10), activation, [SEED, k])
        good = gradient(params)
        where = f"GRADKIT_SEED={SEED} {activation} {k}"
        report = check_gradient(f, params, good, seed=k)
        assert report.verdict == "agree", f"{where}\n{report}"
        assert report.evaluations <= 24, where
        rng = np.random.default_rng([SEED, k, 1])
        for name, right in good.items():
            wrong = right.copy()
            place = int(rng.integers(right.size))
            wrong.flat[place] += 1e-3 * np.abs(right).max() * rng.choice([-1, 1])
            report = check_gradient(f, params, good | {name: wrong}, seed=k)
            index = tuple(int(i) for i in np.unravel_index(place, right.shape))
            named = {e.index for e in report.entries if e.verdict == "disagree"}
            assert (report.verdict, named) == ("disagree", {index}), f"{where} {name}\n{report}"
            assert report.evaluations <= 150, f"{where} {name}"
            for claim in (-right, right / 32, np.zeros_like(right)):
                report = check_gradient(f, params, good | {name: claim}, seed=k)
                assert report.verdict == "disagree", f"{where} {name}\n{report}"
        report = check_gradient(f, params, gradient(params, drop=True), seed=k)
        assert report.verdict == "disagree", where
