"""Print the commands that README.md gives to copy into a fresh clone, one a line.

``.ci/run`` runs them. Needs only Python.
"""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def commands(text: str) -> list[str]:
    """Return the commands of a document that set up an environment, each a block of one line."""
    return re.findall(r"^```\n(python3 -m venv .*)\n```$", text, re.MULTILINE)


def main() -> None:
    """Print the commands."""
    print("\n".join(commands(README.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
