"""The examples of the page on other graders, and the submissions that they are tried on."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "other-graders.md").read_text(encoding="utf-8")

RIGHT = (
    (ROOT / "reference" / "regression_numpy.py")
    .read_text(encoding="utf-8")
    .partition("if __name__")[0]
)
WRONG = (ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py").read_text(
    encoding="utf-8"
)
"""A right submission, and one that swaps two indices in `update_parameters`."""


def example(title: str, language: str) -> str:
    """Return the block of a language below a heading of the page."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 1, (title, language)
    return str(blocks[0])
