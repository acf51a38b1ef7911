"""The worked example and the prices in ``docs/reference/grading.md`` are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mistakes.samples import folder as mistake_folder
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import mistake_codes, prices
from gradkit.grading.assess import assess
from gradkit.grading.points import named_price, price_of
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.task import PriceList
from gradkit.report.words import cost_text
from gradkit.sandbox import Workshop
from gradkit.submission.read import read

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference/grading.md").read_text("utf-8")
EXAMPLE = PAGE[PAGE.index("## Example") : PAGE.index("## Several mistakes")]
PRESETS: tuple[PriceList, ...] = ("default", "strict", "lenient")


def rows(text: str) -> dict[str, list[str]]:
    """Return the cells of the tables in a Markdown text, by the first cell without backticks."""
    cells = [
        [c.strip() for c in r.strip("|").split("|")] for r in re.findall(r"^\|.*\|$", text, re.M)
    ]
    return {first.strip("`"): rest for first, *rest in cells}


def test_the_table_has_the_prices_of_the_catalogue() -> None:
    """Each price under each preset, and each kind that the last column names."""
    table = rows(PAGE[PAGE.index("## Prices") : PAGE.index("## Example")])
    named = {name for name in prices() if name not in ("nothing", "precision")}
    assert named == {*table} - {"price", "---"}
    for name in named - {"share"}:
        shown = [float(cell.removesuffix(" %")) / 100 for cell in table[name][:3]]
        assert shown == pytest.approx([named_price(name, preset) for preset in PRESETS])
    for name in named:
        codes = [
            code for code in re.findall(r"`([\w-]+)`", table[name][3]) if code in mistake_codes()
        ]
        price = None if name == "share" else named_price(name, "default")
        assert all(price_of(code) == price for code in codes)
    precision = ", ".join(f"{named_price('precision', preset):.0%}" for preset in PRESETS)
    assert precision == "10%, 25%, 5%"
    assert re.search(r"costs 10 % \(25 % under\s+`strict`, 5 % under `lenient`\)", PAGE)


@pytest.mark.slow
def test_the_worked_example_is_what_is_graded(workshop: Workshop) -> None:
    """The points of each check, the sum in a line, and the other totals that the text names."""
    settings = Settings(("regression-numpy",), seed=3, no_reference=True)
    totals = {}
    with Session(settings, workshop) as session:
        task = next(each for each in session.assignment.tasks if each.id == "regression-numpy")
        for name in ("swapped-index", "wrong-factor", "wrong-sign"):
            (evidence,) = session.grade(read(mistake_folder() / f"{name}.py")).evidence
            totals[name] = assess(task, evidence, evidence.verdicts, session.scheme)
            if name == "swapped-index":
                scheme = replace(session.scheme, preset="numbers")
                by_numbers = assess(task, evidence, evidence.verdicts, scheme).score
    swapped, table = totals["swapped-index"], rows(EXAMPLE)
    for check in swapped.checks:
        worth, lost = table[check.check]
        assert float(worth) == check.max_score
        shown = float(lost.rpartition(" ")[2] or 0)
        assert shown == pytest.approx(check.max_score - check.score)
    assert f"swapped-index ({cost_text(swapped.findings[0])})" in EXAMPLE
    assert f"{swapped.score:g} of 20 points are left" in EXAMPLE
    assert f"leaves {totals['wrong-factor'].score:g}" in EXAMPLE
    assert f"rounded to {totals['wrong-sign'].score:g}." in EXAMPLE
    assert f"{by_numbers:g} of 20 points" in PAGE
