"""The page that explains the method shows a real report, and explains every column of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "gradients.md").read_text(encoding="utf-8")


REFERENCE = (DOCS / "reference" / "gradients.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("page", "number"), [(PAGE, 0), (REFERENCE, 0), (REFERENCE, 1)])
def test_the_report_on_the_page_is_what_its_code_prints(page: str, number: int) -> None:
    """Digits of rounding aside, which the machine decides."""
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    code, shown = examples[number]
    done = subprocess.run(
        [sys.executable, "-c", "import numpy as np\n" + code],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )

    def plain(text: str) -> list[str]:
        text = re.sub(r"-?\d\.\d+e-\d\d", "#", text)
        text = re.sub(r"\d+\.\d{7,}", lambda number: f"{float(number[0]):.6f}", text)
        text = re.sub(r"\(\d+ evaluations", "(# evaluations", text)
        return [" ".join(line.split()) for line in text.strip().splitlines()]

    def figures(lines: list[str]) -> list[str]:
        return [re.sub(r"\.0+\b", "", line) for line in lines]

    assert figures(plain(done.stdout)) == figures(plain(shown))


def test_every_number_of_the_report_is_explained() -> None:
    """Every column has a row in the table below it."""
    shown = PAGE.split("```text\n")[1].split("```")[0]
    table = PAGE.split("```text\n")[1].split("```")[1]
    columns = re.split(r"\s{2,}", shown.splitlines()[2])
    for column in columns[1:]:
        assert f"`{column}`" in table, column
    assert "evaluations`" in table
    assert "`noise of f`" in table
