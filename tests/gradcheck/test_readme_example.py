"""The example of the page on gradients is real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "gradients.md"


def test_the_gradient_check_in_the_readme_prints_what_it_shows() -> None:
    """Digits of rounding aside, which the machine's linear algebra decides."""
    section = PAGE.read_text(encoding="utf-8")
    code, shown = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", section, re.DOTALL
    ).groups()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
    )

    def plain(text: str) -> list[str]:
        text = re.sub(r"\d\.\de-\d\d", "#", text)
        text = re.sub(r"\d\.\d{7,}", lambda number: f"{float(number[0]):.7f}", text)
        return [
            " ".join(re.sub(r"\(\d+ evaluations", "(# evaluations", line).split())
            for line in text.strip().splitlines()
        ]

    assert plain(done.stdout) == plain(shown)
    assert "claimed = 3 × estimate" in shown
