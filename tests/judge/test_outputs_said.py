"""What is said of an output's numbers holds in every probe, or is not said."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.judge.outputs import Probe, judge_check
from gradkit.records.task import Draw, FunctionCheck, Made

CHECK = FunctionCheck("cost", 1.0, compare=("cost",))


def said(found: list[object], expected: list[object], hard: int = 0) -> str:
    """The message on these values, the last of which are of hard probes."""
    probes = []
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        draw = Draw(f"probe {number}", {"m": number + 2}, {}, number >= len(found) - hard)
        made, model = Made({"cost": np.array(one)}), Made({"cost": np.array(other)})
        probes.append(Probe(draw, model, made))
    return judge_check(CHECK, probes).message


@pytest.mark.parametrize(
    ("found", "expected", "sentence"),
    [
        # Every number is a multiple of every other.
        ([2.0, 3.0], [1.0, 2.0], "`cost` is not right."),
        ([2.0, 4.0], [1.0, 2.0], "`cost` is 2 times the expected value."),
        (
            [[1.0, 2.0], [6.0, 3.0]],
            [[2.0, 4.0], [2.0, 1.0]],
            "`cost` is wrong by the same factor in every entry",
        ),
        (
            [2.0, 6.0],
            [1.0, 2.0],
            "`cost` is m times the expected value (m = 2): a division by m is missing.",
        ),
    ],
)
def test_a_factor_of_one_number_is_said_where_it_is_the_same(found, expected, sentence) -> None:
    """Or follows a size."""
    assert sentence in said(found, expected)


def test_what_is_wrong_in_hard_probes_only_is_said_of_these() -> None:
    """What holds of the others, which are right, explains nothing: they are 1 times it."""
    assert said([1.0, 2.0, 5.0], [1.0, 2.0, 3.0], hard=1) == (
        "`cost` is not right. This happens only with probe 2."
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("found", "expected", "sentence"),
    [
        ([NAN, NAN], [1.0, 2.0], "`cost` is not a number (nan)."),
        (
            [1.0, NAN],
            [1.0, 2.0],
            "`cost` is not a number (nan). This happens only with probe 1.",
        ),
        (
            [3.0, NAN],
            [1.0, 2.0],
            "`cost` is not right. `cost` is not a number (nan). This happens with probe 1.",
        ),
        (
            [[1.0, 2.0], [NAN, 2.0]],
            [[1.0, 2.0], [1.0, 2.0]],
            "`cost` has entries that are not a number (nan). This happens only with probe 1.",
        ),
    ],
)
def test_what_is_no_number_is_said_with_its_probe(found, expected, sentence) -> None:
    """A number has no entries, and what else is wrong is wrong elsewhere."""
    assert said(found, expected, hard=1) == sentence


def test_what_is_wrong_in_examples_alone_is_so_at_no_certain_one() -> None:
    """Without a model solution there is nothing else to go by."""
    assert said([3.0, 5.0], [1.0, 2.0], hard=2) == "`cost` is not right."


def test_a_model_that_gives_no_number_is_told_with_its_probe() -> None:
    """Whoever set that input has to know which."""
    assert said([1.0, 2.0], [1.0, float("inf")], hard=1) == (
        "`cost` cannot be judged with probe 1: the model solution gives no finite number there."
    )


@pytest.mark.parametrize(
    ("largest", "off", "state"), [(400.0, 1e-13, "pass"), (1.0, 1e-13, "fail")]
)
def test_what_cancels_is_held_to_the_rounding_of_the_inputs(
    largest: float, off: float, state: str
) -> None:
    """Of large numbers less than nothing is left, and of small ones nothing."""
    draw = Draw("hard", {}, {"x": np.array([largest, -1.0]), "n": np.array(3), "s": [np.zeros(0)]})
    probe = Probe(draw, Made({"cost": np.array(5e-17)}), Made({"cost": np.array(off)}))
    assert judge_check(CHECK, [probe]).state == state
