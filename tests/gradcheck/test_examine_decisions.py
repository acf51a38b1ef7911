"""What a single claim is held against, with lines of f that are written down."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from deciding import AGREE, DISAGREE, UNKNOWN, near

from gradkit.gradcheck.entries import EntryCheck, one_by_one
from gradkit.gradcheck.error import Claims, Options
from gradkit.gradcheck.examine import (
    Examination,
    _agrees_further,
    _agrees_nearby,
    _jumps,
    _measure_noise_nearby,
    examine,
)
from gradkit.gradcheck.ladder import Reading, Side
from gradkit.gradcheck.noise import EPS, SHORTEST, Measurements, table_noise

pytestmark = pytest.mark.usefixtures("quietly")

SEEN = Measurements(1.0, 1e-8, 1e-8, EPS, True, False, np.ones(1), 2.0)
SIDE = Side(1.0, 0.1, 0.05, 0.05, 1, 2)
READING = Reading(1.0, 0.1, 0.1, False, SIDE, SIDE, SIDE, SIDE)
FIRST = [1e-3, 4e-3, 16e-3]


class Line:
    """A claim about an f of one parameter, by what it adds, and the steps that were asked."""

    def __init__(self, f, claimed: float, seen: Measurements = SEEN, **parts) -> None:
        self.f, self.base, self.steps = f, seen.base, []
        row = np.array([claimed])
        scale, largest = parts.pop("scale", 1.0), parts.pop("largest", 0.0)
        smallest, start = parts.pop("smallest", 0.0), parts.pop("start", 1e-3)
        zero, none = np.zeros(1, dtype=np.intp), 0 * row
        numbers = (none, none + scale, none + largest, none + EPS)
        claims = Claims(row, zero, zero, *numbers, np.abs(row), none, none + smallest, none)
        self.check = EntryCheck(one_by_one(self.pair), claims, seen, Options())
        self.check.steps[:] = start
        self.check.limits[:] = parts.pop("allowed", 0.5)
        self.at = Examination(self.check, 0)
        for name, number in parts.items():
            setattr(self.at, name, number)

    def pair(self, row: int, step: float):
        """Return f above and below."""
        self.steps.append(step)
        return self.base + self.f(step), self.base + self.f(-step), step, step


# How a ladder grows.


def climbed(f, claimed: float, seen: Measurements = SEEN, **parts) -> list[float]:
    """Return the steps of a ladder."""
    line = Line(f, claimed, seen, **parts)
    line.at.climb()
    assert sorted(line.steps) == line.at.rows[0].tolist()
    return line.steps


def straight(t: float) -> float:
    """Return a slope of one."""
    return t


def test_a_ladder_of_three_steps_confirms_a_claim() -> None:
    """No further step is needed."""
    assert climbed(straight, 1.0) == FIRST


def test_a_ladder_that_refutes_a_claim_has_five_steps() -> None:
    """If longer ones tell more, up to a quarter of the scale."""
    assert climbed(straight, 2.0) == [*FIRST, 64e-3]
    assert climbed(straight, 2.0, scale=1.02) == [*FIRST, 64e-3]
    assert climbed(straight, 2.0, scale=1.03) == [*FIRST, 64e-3, 256e-3]
    assert climbed(straight, 2.0, scale=100.0) == [*FIRST, 64e-3, 256e-3]
    far = climbed(straight, 2.0, scale=8.0, start=9.0)
    assert near(far[:3], [2, 0.5, 0.125])


def test_a_ladder_goes_down_where_shorter_steps_tell_more() -> None:
    """As before a kink, or where f is not known."""

    def kink(t: float) -> float:
        return t if t < 0.3e-4 else 0.3e-4

    quiet = replace(SEEN, noise=1e-15, fine=1e-15)
    steps = climbed(kink, 1.0, quiet)
    assert steps[:3] == FIRST
    assert near(steps[3:], [64e-3, 0.25e-3, 0.0625e-3, 0.015625e-3, 0.00390625e-3])
    bent = climbed(lambda t: np.exp(1000 * t) - 1, 1000.0, scale=64.0)
    assert (max(bent), near(min(bent), 0.015625e-3)) == (256e-3, True)
    assert len(climbed(lambda t: np.nan, 1.0)) == 26
    assert near(min(climbed(lambda t: np.nan, 1.0, smallest=1e-5)), 1e-3 / 64)
    assert len(climbed(lambda t: np.nan if t < 0 else t, 1.0)) == 26


def test_what_was_tried_before_is_in_the_ladder() -> None:
    """If it is finite."""
    line = Line(straight, 1.0)
    assert line.at.rows.shape == (5, 0)
    line.check.tried[:, 0] = [1e-3, 1.001, 0.999, 1e-3, 1e-3]
    at = Examination(line.check, 0)
    assert at.rows[:, 0].tolist() == [1e-3, 1.001, 0.999, 1e-3, 1e-3]
    at.climb()
    assert line.steps == FIRST[1:]
    line.check.tried[1, 0] = np.nan
    assert Examination(line.check, 0).rows.shape == (5, 0)


def test_the_shortest_and_the_longest_step_are_taken() -> None:
    """And none that is near to another."""
    line = Line(straight, 1.0, smallest=1e-3)
    assert line.at.smallest == 1e-3
    assert Line(straight, 1.0).at.smallest == SHORTEST
    assert not line.at.add_steps(0.9e-3, 1.1)
    assert line.at.add_steps(1e-3, 1.0)
    assert not line.at.add_steps(1.05e-3, 0.95)
    assert line.at.add_steps(1.2e-3)


# What is doubted.


def test_what_a_lossy_f_may_hide() -> None:
    """What moves it by a thousandth of itself, on a line that shows nothing of the noise."""
    lossy = replace(SEEN, lossy=True)

    def open_(claimed: float, seen: Measurements = lossy, **parts) -> bool:
        line = Line(straight, claimed, seen, **parts)
        reading, known, verdict, reason, noise = examine(line.check, 0)
        assert (verdict, reason) in ((UNKNOWN, "staircase"), (DISAGREE, ""))
        gap = abs(claimed - 1)
        if verdict == UNKNOWN:
            assert near([known, noise], [gap, 0])
            assert reading.bound > gap
        return verdict == UNKNOWN

    assert not open_(1.0009, SEEN)
    for side in (1, -1):
        assert open_(1 + side * 0.98e-3)
        assert not open_(1 + side * 1.02e-3)
        assert open_(1 + side * 1.96e-3, scale=0.5)
        assert not open_(1 + side * 0.51e-3, scale=2.0)
        assert open_(1 + side * 1.96e-3, replace(lossy, base=-2.0))
        assert not open_(1 + side * 2.04e-3, replace(lossy, base=-2.0))


def test_the_noise_that_a_line_shows_is_listened_to() -> None:
    """Nearer than its best step by a sixteenth, and it counts if it is louder."""
    line = Line(straight, 2.0)
    reading, _, verdict, _, _ = examine(line.check, 0)
    assert verdict == DISAGREE
    at = Line(straight, 2.0).at
    assert near(reading.bound, at.climb().bound)
    step = at.rows[0, reading.central.step] / 16
    assert near(line.steps[4:7], np.array([1, 3, 4]) * step)

    loud = Line(lambda t: t + 1e-3 * (t == -3 * step), 2.0)
    read_again, *_ = examine(loud.check, 0)
    assert read_again.bound > 10 * reading.bound
    lossy = replace(SEEN, lossy=True)
    for bump, verdict in ((0.05e-8, UNKNOWN), (1e-8, DISAGREE)):
        bumped = Line(lambda t, bump=bump: t + bump * (t == 3 * step), 1.0009, lossy)
        assert examine(bumped.check, 0)[2] == verdict


def test_how_noise_is_heard() -> None:
    """What a cubic does not follow at seven points; the steps are no shorter than can be."""

    def heard(f, **parts) -> float:
        line = Line(f, 1.0, **parts)
        line.at.add_steps(*FIRST)
        found = _measure_noise_nearby(line.at, READING)
        assert near(line.steps[3:], np.array([1, 3, 4]) * max(4e-3 / 16, parts.get("smallest", 0)))
        return found

    assert heard(lambda t: t - 1e6 * t**3) < 1e-12
    places = [-1e-3, -0.75e-3, -0.25e-3, 0, 0.25e-3, 0.75e-3, 1e-3]
    values = 1e-4 * np.array([3, -1, 2, 0, 1, -2, 1])
    noise = table_noise(1 + values, 4, [-4, -3, -1, 0, 1, 3, 4])
    assert near(heard(lambda t: dict(zip(places, values, strict=True)).get(t, t)), noise)
    assert heard(straight, smallest=5e-4) < 1e-12
    assert heard(lambda t: np.nan) == 0


def test_short_steps_that_keep_to_a_claim() -> None:
    """Where f does not tell near points apart; else they are not asked."""

    def kept(fine: float, f, scale: float = 1.0) -> bool:
        line = Line(f, 2.0, replace(SEEN, fine=fine), scale=scale)
        found = _agrees_nearby(line.at, READING)
        steps = scale * 1e-7 * 4.0 ** np.arange(-2, 2)
        assert near(line.steps, steps if line.steps else [])
        assert bool(line.steps) is (9 * fine < 1e-8)
        return found

    def stairs(scale: float):
        return lambda t: 2 * t if abs(t) < 5e-7 * scale else t

    assert kept(1e-15, stairs(1))
    assert kept(1e-15, stairs(8), 8.0)
    assert not kept(1e-15, straight)
    assert not kept(1.2e-9, stairs(1))
    assert not kept(1.1e-9, straight)
    one = Line(stairs(1), 2.0, replace(SEEN, fine=1e-15), smallest=3e-7)
    assert not _agrees_nearby(one.at, READING)
    two = Line(stairs(1), 2.0, replace(SEEN, fine=1e-15), smallest=0.9e-7)
    assert _agrees_nearby(two.at, READING)
    # Longer steps of the ladder do not count.
    line = Line(stairs(1), 2.0, replace(SEEN, fine=1e-15))
    line.at.add_steps(*FIRST)
    assert _agrees_nearby(line.at, READING)


@pytest.mark.parametrize("step", [1e-3, 4e-3, 16e-3])
def test_a_shorter_step_that_keeps_to_a_claim(step: float) -> None:
    """By more than noise, and a third of what the estimate is off; longer ones do not count."""

    def kept(part: float, claimed: float = 2.0, noise: float = 1e-8) -> bool:
        there = 1 + part * (claimed - 1)
        line = Line(lambda t: t * (there if abs(t) == step else 1), claimed)
        line.at.noise = noise
        line.at.add_steps(*FIRST, 64e-3)
        best = replace(SIDE, step=2)
        return _agrees_nearby(line.at, replace(READING, best=best))

    inside = step < 16e-3
    for claimed in (2.0, 0.0):
        assert kept(0.34, claimed) is inside
        assert not kept(0.32, claimed)
        assert not kept(-0.5, claimed)
        assert kept(0.5, claimed, 0.49 * step) is inside
        assert not kept(0.5, claimed, 0.51 * step)


# Further off.

LOW = [0.5e-3, 2e-3, 8e-3]


def further(apart: dict[float, float], jump=lambda step: 0.0, gap: float = 1.0, **parts):
    """Hold a claim of 1 + gap against slopes so many gaps from it on some steps, 1 on others."""

    def f(t: float) -> float:
        step, gone = abs(t), apart.get(abs(t), 1.0)
        slope = 1 + gap - gap * gone + np.sign(t) * jump(step) / 2
        return t * slope

    line = Line(f, 1 + gap, **parts)
    line.at.add_steps(*parts.get("first", LOW))
    found = _agrees_further(line.at, READING)
    return found, line.steps[3:]


def test_slopes_that_tend_to_a_claim_as_noise_over_step() -> None:
    """Over three steps in a row: by 2, 0.45 and a tenth of the gap."""
    quarter, half, tenth = 0.0625, 0.25, 1.0
    wide = {"seen": replace(SEEN, reach=1e6)}
    (kept, noise), asked = further({quarter: 1.9, half: 0.44, tenth: 0.09}, **wide)
    assert (kept, near(noise, 1.9 / 16)) == (True, True)
    assert asked == [1.0, 0.0625, 0.25]
    (kept, noise), _ = further({quarter: 1.9, half: 0.44, tenth: 0.09}, gap=3.0, **wide)
    assert (kept, near(noise, 5.7 / 16)) == (True, True)
    (kept, noise), _ = further({quarter: 1.1, half: 0.44, tenth: 0.09}, **wide)
    assert (kept, near(noise, 0.11)) == (True, True)
    (kept, noise), _ = further({quarter: -1.9, half: -0.44, tenth: -0.09}, **wide)
    assert (kept, near(noise, 1.9 / 16)) == (True, True)
    for off in ({quarter: 2.1, half: 0.44, tenth: 0.11}, {half: 0.46, tenth: 0.11}):
        assert further({quarter: 1.9, **off}, **wide)[0] == (False, 0)
    assert further({quarter: 1.9, half: 0.44, tenth: 0.55}, **wide)[0][0] is False
    # The longest step that was used is none of the three.
    assert further({half: 0.44, tenth: 0.09}, first=FIRST, **wide)[0][1] == 0


def test_an_f_that_swings_so_much_has_to_jump() -> None:
    """Noise is a millionth of what parameters do to f, if there are no jumps on the way."""

    def kept(f, reach: float) -> tuple[bool, float]:
        line = Line(f, 2.0, replace(SEEN, reach=reach))
        line.at.add_steps(1e-5, 4e-5, 1.6e-4)
        return _agrees_further(line.at, READING)

    def wave(t: float) -> float:
        return 2 * t - 1e-3 * np.sin(1e3 * t)

    _, noise = kept(wave, 1e6)
    assert 0.3e-3 < noise < 1e-3
    assert kept(wave, 1.01e6 * noise) == (True, noise)
    assert kept(wave, 0.8e6 * noise) == (False, 0)
    stairs, noise = kept(lambda t: t + 1e-3 * np.round(1e3 * t), 1.0)
    assert (stairs, 0.3e-3 < noise < 1e-3) == (True, True)


def test_how_far_slopes_are_probed() -> None:
    """Every sixteenth of the scale beyond four of the longest step; around those half way."""
    assert further({})[1] == [1.0, 0.0625]
    assert further({}, scale=8.0)[1] == [8.0, 0.5]
    assert further({0.0625: 0.6})[1] == [1.0, 0.0625]
    assert further({0.0625: 0.4})[1] == [1.0, 0.0625, 0.015625, 0.25]
    assert further({}, first=FIRST)[1][:1] == [1.0]


def test_behind_a_kink_two_sides_do_not_agree() -> None:
    """By as much on any step; a bend grows; where one side is not known the other counts."""
    tending = {0.0625: 1.9, 0.25: 0.44, 1.0: 0.09}
    assert further(tending, lambda step: 0.9)[0][0]
    assert not further(tending, lambda step: 1.1 if step > 0.05 else 0)[0][0]
    assert not further(tending, lambda step: -1.1 if step > 0.05 else 0)[0][0]
    assert further(tending, lambda step: 1.1 if 0.2 < step < 0.3 else 0)[0] == (True, 0)
    lower = {1 / 256: 1.9, 1 / 64: 0.44, 1 / 16: 0.09, 1 / 8: 0.2}
    first = [1e-5, 4e-5, 1.6e-4]
    assert further(lower, lambda step: 300 * step, first=first)[0][0]
    assert further(lower, lambda step: 300 * step**0.55, first=first)[0][0]
    assert not further(lower, lambda step: 300 * step**0.45, first=first)[0][0]
    one = Line(lambda t: np.nan if t < 0 else t * (2 - tending.get(t, 1.0)), 2.0)
    one.at.add_steps(*LOW)
    assert _agrees_further(one.at, READING)[0]
    other = Line(lambda t: np.nan if t > 0 else t * (2 - tending.get(-t, 1.0)), 2.0)
    other.at.add_steps(*LOW)
    assert _agrees_further(other.at, READING)[0]


def test_one_jump_on_the_way_to_a_step_that_keeps_to_the_claim() -> None:
    """One of the steps that do is enough."""

    def kept(f, claimed: float = 2.0) -> bool:
        line = Line(f, claimed)
        line.at.add_steps(*LOW)
        found, noise = _agrees_further(line.at, READING)
        assert noise == 0
        return found

    assert kept(lambda t: t + 1.0 * (t > 0.5) - 1.0 * (t < -0.5))
    assert not kept(straight)
    # A bend that passes the claim.
    assert not kept(lambda t: t + t**3)


def departs(f, far: float = 1.0, gap: float = 1.0, slope: float = 1.0) -> bool:
    """Return whether f jumps off a straight line."""
    return bool(_jumps(Line(f, 2.0).at, slope, gap, far))


@pytest.mark.parametrize("side", [1, -1])
def test_a_jump_is_half_of_the_gap_and_a_tenth_of_the_way(side: int) -> None:
    """On either side."""

    def jump(size: float, bend: float = 0.0, at: float = 0.3):
        return lambda t: t + (side * size * (side * t > at) + bend * t * abs(t))

    assert departs(jump(0.51))
    assert not departs(jump(0.49))
    assert departs(jump(-0.51))
    assert departs(jump(1.02), 2.0)
    assert not departs(jump(0.98), 2.0)
    assert departs(jump(1.53), 1.0, 3.0)
    assert not departs(jump(1.47), 1.0, 3.0)
    assert departs(jump(0.51, at=0.9))
    # What is left of all that was gone.
    assert departs(jump(1.2, 8.8, 0.7))
    assert not departs(jump(0.9, 9.1, 0.7))
    assert not departs(jump(0.9, 9.1, 0.7), slope=1.0, gap=0.5)


def test_what_keeps_a_claim_from_a_verdict() -> None:
    """The account of one that is decided says so, too."""
    right = Line(straight, 1.0)
    reading, known, verdict, reason, noise = examine(right.check, 0)
    assert (verdict, reason, noise) == (AGREE, "", 0)
    assert near(known, 2 * reading.bound)
    for gap, said in ((2.4e-6, AGREE), (2.6e-6, UNKNOWN), (7.4e-6, UNKNOWN), (7.6e-6, DISAGREE)):
        line = Line(straight, 1 + gap, scale=0.08)
        found = examine(line.check, 0)
        assert found[2:4] == (said, "noise" if said == UNKNOWN else "")
