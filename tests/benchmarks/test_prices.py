"""Every kind of mistake costs its price, wherever it is made and whatever is wrong beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gradkit.diagnosis.catalogue import mistake_codes
from gradkit.records.result import UNEXPLAINED

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import prices  # noqa: E402

# Its modules have names that folders of tests have too.
sys.path.remove(str(ROOT / "benchmarks"))

PLANTS = {plant.name: plant for plant in prices.plants()}


@pytest.fixture(scope="module")
def bench() -> Iterator[prices.Bench]:
    """Return a bench whose sessions the plants share."""
    made = prices.Bench()
    with made.stack:
        yield made


def test_every_kind_is_planted() -> None:
    """A kind that is added needs a sample. What nothing explains is no kind of mistake."""
    planted = {name.partition(".")[0] for name in PLANTS}
    assert {*mistake_codes()} - planted == {UNEXPLAINED}


CASES = [
    (plant.name, place)
    for plant in PLANTS.values()
    for place in prices.PLACES
    if place != "beside" or prices.companion_of(plant) is not None
]


@pytest.mark.sample(200)
@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_kind_costs_its_price(bench: prices.Bench, name: str, place: str) -> None:
    """Each check that fails loses it."""
    if "torch" in PLANTS[name].answer:
        pytest.importorskip("torch")
    text = dict(prices.texts_of(PLANTS[name]))[place]
    assert not prices.deviation(bench, PLANTS[name], place, text, seed=0)
