"""Where the model solutions are, and their text."""

from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "reference"


@cache
def source(name: str) -> str:
    """Read the text of ``reference/<name>.py``."""
    return (REFERENCE / f"{name}.py").read_text(encoding="utf-8")
